/* SPDX-License-Identifier: Apache-2.0 */
/* pidfd_open and what works on its descriptors. They hold their process's entry, so a number that
 * was given to somebody else never reaches them. */
#include "pidfd.h"

#include <errno.h>

#include "events.h"
#include "kill.h"
#include "libos/syscalls.h"
#include "table.h"

struct pidfd {
    struct node node;
    struct process *process;
};

static unsigned pidfd_poll(struct file *f)
{
    const struct pidfd *p = (const struct pidfd *)(const void *)f->node;
    return p->process->state >= PROCESS_ZOMBIE ? FS_POLLIN : 0;
}

static void pidfd_destroy(struct node *n)
{
    process_unref(((struct pidfd *)(void *)n)->process);
    rt_free(n);
}

static const struct file_ops pidfd_ops = {.poll = pidfd_poll};
static const struct node_ops pidfd_node_ops = {.destroy = pidfd_destroy, .file_ops = &pidfd_ops};

int pidfd_process(int fd, struct process **ret, bool *ret_no_wait)
{
    struct file *f = fd_get(fd);
    if (f == NULL || f->ops != &pidfd_ops) {
        return -EBADF;
    }
    *ret = ((struct pidfd *)(void *)f->node)->process;
    *ret_no_wait = (f->flags & O_NONBLOCK) != 0;
    return 0;
}

int64_t pidfd_new(struct process *p, uint32_t flags)
{
    struct pidfd *n = (struct pidfd *)rt_alloc(sizeof *n);
    struct file *f;
    if (n == NULL) {
        return -ENOMEM;
    }
    n->node.ops = &pidfd_node_ops;
    n->process = process_ref(p);
    int err = os_anon_file(&n->node, "anon_inode:[pidfd]", flags & O_NONBLOCK, &f);
    return err != 0 ? err : os_install(f, true);
}

int64_t sys_pidfd_open(int pid, uint32_t flags)
{
    if ((flags & ~(uint32_t)O_NONBLOCK) != 0 || pid <= 0) {
        return -EINVAL;
    }
    struct process *p = process_by_pid(pid);
    if (p == NULL) {
        return os_thread_by_tid(pid) != NULL ? -EINVAL : -ESRCH;
    }
    return pidfd_new(p, flags);
}

/* A directory /proc/PID is as good as a pidfd here. NULL: it is none, or its process is gone. */
static struct process *process_of_directory(int fd)
{
    struct file *f = fd_get(fd);
    const int pid = f != NULL && (f->flags & O_PATH) == 0 ? fs_process_of_directory(f) : 0;
    return pid != 0 ? process_by_pid(pid) : NULL;
}

int64_t sys_pidfd_send_signal(int fd, int sig, app_ptr from, uint32_t flags)
{
    struct process *p;
    bool no_wait;
    struct signal_info info;
    if (flags != 0) {
        return -EINVAL;
    }
    int err = pidfd_process(fd, &p, &no_wait);
    if (err == -EBADF && (p = process_of_directory(fd)) != NULL) {
        err = 0;
    }
    if (err != 0) {
        return err;
    }
    err = kill_info(sig, from, &info);
    if (err == 0 && from.addr != 0 && info.signo != sig) {
        err = -EINVAL;
    }
    if (err == 0 && from.addr != 0 && !kill_may_claim(p->pid, &info)) {
        err = -EPERM;
    }
    if (err == 0 && p->state == PROCESS_GONE) {
        err = -ESRCH;
    }
    if (err == 0 && sig != 0) {
        process_signal(p, &info);
    }
    return err;
}

int64_t sys_pidfd_getfd(int pidfd, int fd, uint32_t flags)
{
    struct process *p;
    bool no_wait;
    if (flags != 0) {
        return -EINVAL;
    }
    int err = pidfd_process(pidfd, &p, &no_wait);
    if (err != 0) {
        return err;
    }
    if (p->state >= PROCESS_ZOMBIE) {
        return -ESRCH;
    }
    struct file *f = fd_table_get(p->fs.fds, fd);
    return f == NULL ? -EBADF : fd_install(f, 0, true);
}
