/* SPDX-License-Identifier: Apache-2.0 */
/* signalfd: blocked signals are read instead of delivered. Each reader sees those of the process
 * and its own.
 *
 * The adversary: the workload chooses the set; signals come from itself alone. */
#include <errno.h>

#include "events.h"
#include "libos/syscalls.h"
#include "proc/call_server.h"
#include "signals/signals.h"

#define UNREADABLE (SIGNAL_BIT(OS_SIGKILL) | SIGNAL_BIT(OS_SIGSTOP))

struct signalfd {
    struct node node;
    uint64_t set;
};

/* linux/signalfd.h */
struct signal_record {
    uint32_t signo;
    int32_t error, code;
    uint32_t pid, uid;
    int32_t fd;
    uint32_t tid, band, overrun, trapno;
    int32_t status, value;
    uint64_t pointer, utime, stime, addr;
    uint8_t pad[48];
};
_Static_assert(sizeof(struct signal_record) == 128, "struct signalfd_siginfo");

static struct signalfd *of(struct file *f)
{
    return (struct signalfd *)(void *)f->node;
}

static struct signal_record record_of(const struct signal_info *i)
{
    struct signal_record r = {.signo = (uint32_t)i->signo, .error = i->error, .code = i->code};
    if (i->code == SI_TIMER_) {
        r.tid = (uint32_t)i->pid;
        r.overrun = i->uid;
    } else {
        r.pid = (uint32_t)i->pid;
        r.uid = i->uid;
    }
    if (i->signo == OS_SIGCHLD && i->code > 0) {
        r.status = (int32_t)(uint32_t)i->value;
        r.utime = (uint64_t)i->user_ticks;
        r.stime = (uint64_t)i->system_ticks;
    }
    if (i->code == SI_TIMER_ || i->code == SI_QUEUE_) {
        r.value = (int32_t)(uint32_t)i->value;
        r.pointer = i->value;
    }
    return r;
}

/* A signal of the set that waits for the caller: 1, or 0; errors are call_server_take_signal()'s.
 */
static int take(struct os_thread *t, uint64_t set, uint64_t *taken, struct signal_info *ret)
{
    return t->server != NULL          ? call_server_take_signal(t->server, set, taken, ret)
           : signal_take(t, set, ret) ? 1
                                      : 0;
}

static int64_t signalfd_read(struct file *f, struct iter *to, uint64_t *pos)
{
    struct os_thread *t = os_self();
    struct signal_info info;
    uint64_t taken = 0;
    int64_t done = 0;
    (void)pos;
    if (to->left < sizeof(struct signal_record)) {
        return -EINVAL;
    }
    while (to->left >= sizeof(struct signal_record)) {
        int found = take(t, of(f)->set, &taken, &info);
        if (found < 0) {
            return found == -ERESTARTSYS && done > 0 ? done : found;
        }
        if (found == 0) {
            int err = done > 0                       ? 1
                      : (f->flags & O_NONBLOCK) != 0 ? -EAGAIN
                                                     : os_block(&fs_poll_queue, UINT64_MAX);
            if (err != 0) {
                return done > 0 ? done : err;
            }
            continue;
        }
        struct signal_record r = record_of(&info);
        int err = iter_put(to, &r, sizeof r);
        if (err != 0) { /* as on Linux, the signal is gone */
            return done > 0 ? done : err;
        }
        done += (int64_t)sizeof r;
    }
    return done;
}

static unsigned signalfd_poll(struct file *f)
{
    const struct os_thread *t = os_self();
    const uint64_t pending =
        t->server != NULL ? call_server_pending(t->server) : t->pending | t->process->pending;
    return (pending & of(f)->set) != 0 ? FS_POLLIN : 0u;
}

static void signalfd_destroy(struct node *n)
{
    rt_free(n);
}

static const struct file_ops signalfd_ops = {.read = signalfd_read, .poll = signalfd_poll};
static const struct node_ops signalfd_node_ops = {.destroy = signalfd_destroy,
                                                  .file_ops = &signalfd_ops};

int64_t sys_signalfd4(int fd, app_ptr set, uint64_t size, int flags)
{
    struct file *f;
    uint64_t mask;
    if ((flags & ~(O_CLOEXEC | O_NONBLOCK)) != 0 || size != sizeof mask) {
        return -EINVAL;
    }
    if (copy_from_app(&mask, set, sizeof mask) != 0) {
        return -EFAULT;
    }
    mask &= ~UNREADABLE;
    if (fd != -1) {
        f = fd_get(fd);
        if (f == NULL || f->ops != &signalfd_ops) {
            return f == NULL ? -EBADF : -EINVAL;
        }
        of(f)->set = mask;
        fs_poll_changed(&fs_poll_queue);
        return fd;
    }
    struct signalfd *s = (struct signalfd *)rt_alloc(sizeof *s);
    if (s == NULL) {
        return -ENOMEM;
    }
    s->node.ops = &signalfd_node_ops;
    s->set = mask;
    int err = os_anon_file(&s->node, "anon_inode:[signalfd]", (uint32_t)flags & O_NONBLOCK, &f);
    return err != 0 ? err : os_install(f, (flags & O_CLOEXEC) != 0);
}

int64_t sys_signalfd(int fd, app_ptr set, uint64_t size)
{
    return sys_signalfd4(fd, set, size, 0);
}
