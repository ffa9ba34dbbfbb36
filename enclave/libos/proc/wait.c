/* SPDX-License-Identifier: Apache-2.0 */
/* wait4 and waitid: what became of children. Served where the table is. A call first looks for
 * somebody who has something to tell, then writes what the caller asked for, and only then takes it
 * as told: a caller whose memory cannot be written loses nothing, and may ask again. */
#include <errno.h>

#include "pidfd.h"
#include "signals/signals.h"
#include "table.h"
#include "usage.h"

/* linux/wait.h */
#define WNOHANG_     0x00000001u
#define WUNTRACED_   0x00000002u /* also WSTOPPED */
#define WEXITED_     0x00000004u
#define WCONTINUED_  0x00000008u
#define WNOWAIT_     0x01000000u
#define WNOTHREAD_   0x20000000u
#define WALL_        0x40000000u
#define WCLONE_      0x80000000u
#define WAIT4_KNOWN  (WNOHANG_ | WUNTRACED_ | WCONTINUED_ | WNOTHREAD_ | WALL_ | WCLONE_)
#define WAITID_KNOWN (WAIT4_KNOWN | WEXITED_ | WNOWAIT_)
enum id_type { P_ALL_, P_PID_, P_PGID_, P_PIDFD_ };

#define STATUS_CONTINUED 0xffff

struct wait_for {
    enum id_type type;
    int id;
    uint32_t options;
    bool no_wait; /* a pidfd's O_NONBLOCK: EAGAIN */
};

static bool is_meant(const struct process *child, const struct wait_for *w)
{
    bool clone = child->exit_signal != OS_SIGCHLD;
    if ((w->options & WALL_) == 0 && clone != ((w->options & WCLONE_) != 0)) {
        return false;
    }
    switch (w->type) {
    case P_PID_:
    case P_PIDFD_:
        return child->pid == w->id;
    case P_PGID_:
        return child->pgid == w->id;
    case P_ALL_:
    default:
        return true;
    }
}

/* What the child has to tell: a status as of wait4. False: nothing. */
static bool has_news(const struct process *child, uint32_t options, int *ret_status)
{
    if (child->state == PROCESS_ZOMBIE && (options & WEXITED_) != 0) {
        *ret_status = child->status;
        return true;
    }
    if (child->state == PROCESS_STOPPED && child->stop_untold && (options & WUNTRACED_) != 0) {
        *ret_status = child->stop_signal << 8 | 0x7f;
        return true;
    }
    if (child->state == PROCESS_RUNNING && child->continue_untold && (options & WCONTINUED_) != 0) {
        *ret_status = STATUS_CONTINUED;
        return true;
    }
    return false;
}

/* Waits for news. 0 with *ret NULL: there are none, and WNOHANG. -ECHILD, -EAGAIN, -ERESTARTSYS. */
static int find(const struct wait_for *w, struct process **ret, int *ret_status)
{
    struct process *self = os_current();
    int err = 0;
    for (;;) {
        bool any = false;
        for (struct process *c = process_first(); c != NULL; c = c->next) {
            if (c->parent != self || !is_meant(c, w)) {
                continue;
            }
            any = true;
            if (has_news(c, w->options, ret_status)) {
                *ret = c;
                return 0;
            }
        }
        if (!any) {
            return -ECHILD;
        }
        if ((w->options & WNOHANG_) != 0) {
            *ret = NULL;
            return 0;
        }
        if (err != 0) {
            return err;
        }
        /* A child's end sends a signal, too: what became of the child comes first. */
        err = w->no_wait ? -EAGAIN : os_block(&self->child_changed, UINT64_MAX);
    }
}

static void take_as_told(struct process *child, uint32_t options)
{
    if ((options & WNOWAIT_) != 0) {
        return;
    }
    switch (child->state) {
    case PROCESS_ZOMBIE:
        process_reap(child);
        break;
    case PROCESS_STOPPED:
        child->stop_untold = false;
        break;
    case PROCESS_RUNNING:
        child->continue_untold = false;
        break;
    case PROCESS_GONE:
        break;
    }
}

/* Its own, with its children's. */
static int usage_to_app(app_ptr at, const struct process *child)
{
    struct process_usage u = child->used;
    usage_add(&u, &child->children);
    return at.addr == 0 ? 0 : usage_put(at, &u);
}

int64_t sys_wait4(int pid, app_ptr status, uint32_t options, app_ptr usage)
{
    if ((options & ~WAIT4_KNOWN) != 0) {
        return -EINVAL;
    }
    if (pid == INT32_MIN) {
        return -ESRCH;
    }
    struct wait_for w = {.type = P_ALL_, .options = options | WEXITED_};
    if (pid > 0) {
        w.type = P_PID_;
        w.id = pid;
    } else if (pid != -1) {
        w.type = P_PGID_;
        w.id = pid == 0 ? os_current()->pgid : -pid;
    }
    struct process *child;
    int32_t told;
    int err = find(&w, &child, &told);
    if (err != 0 || child == NULL) {
        return err;
    }
    if ((status.addr != 0 && copy_to_app(status, &told, sizeof told) != 0) ||
        usage_to_app(usage, child) != 0) {
        return -EFAULT;
    }
    pid = child->pid;
    take_as_told(child, w.options);
    return pid;
}

static int who_of(int which, int id, uint32_t options, struct wait_for *ret)
{
    *ret = (struct wait_for){.type = P_ALL_, .id = id, .options = options};
    switch (which) {
    case P_ALL_:
        return 0;
    case P_PID_:
        ret->type = P_PID_;
        return id <= 0 ? -EINVAL : 0;
    case P_PGID_:
        ret->type = P_PGID_;
        ret->id = id == 0 ? os_current()->pgid : id;
        return id < 0 ? -EINVAL : 0;
    case P_PIDFD_: {
        struct process *p;
        ret->type = P_PIDFD_;
        int err = id < 0 ? -EINVAL : pidfd_process(id, &p, &ret->no_wait);
        ret->id = err == 0 ? p->pid : 0;
        /* A number that is somebody else's by now is nobody's child. */
        return err != 0 ? err : p->state == PROCESS_GONE ? -ECHILD : 0;
    }
    default:
        return -EINVAL;
    }
}

/* The fields that Linux writes, and only these. */
static int info_to_app(app_ptr at, int pid, int status)
{
    enum { CLD_EXITED = 1, CLD_KILLED = 2, CLD_STOPPED = 5, CLD_CONTINUED = 6 };
    int32_t code = 0, value = 0;
    if (pid != 0 && status == STATUS_CONTINUED) {
        code = CLD_CONTINUED;
        value = OS_SIGCONT;
    } else if (pid != 0 && (status & 0xff) == 0x7f) {
        code = CLD_STOPPED;
        value = status >> 8;
    } else if (pid != 0) {
        bool killed = (status & 0x7f) != 0;
        code = killed ? CLD_KILLED : CLD_EXITED;
        value = killed ? status & 0x7f : status >> 8 & 0xff;
    }
    const int32_t head[3] = {pid != 0 ? OS_SIGCHLD : 0, 0, code};
    const int32_t child[3] = {pid, pid != 0 ? (int32_t)os.manifest->uid : 0, value};
    int err = copy_to_app(at, head, sizeof head);
    return err != 0
               ? err
               : copy_to_app(app_add(at, offsetof(struct signal_siginfo, u)), child, sizeof child);
}

int64_t sys_waitid(int which, int id, app_ptr info, uint32_t options, app_ptr usage)
{
    struct wait_for w;
    if ((options & ~WAITID_KNOWN) != 0 || (options & (WEXITED_ | WUNTRACED_ | WCONTINUED_)) == 0) {
        return -EINVAL;
    }
    struct process *child;
    int status = 0;
    int err = who_of(which, id, options, &w);
    if (err == 0) {
        err = find(&w, &child, &status);
    }
    if (err != 0) {
        return err;
    }
    if (info.addr != 0 && info_to_app(info, child != NULL ? child->pid : 0, status) != 0) {
        return -EFAULT;
    }
    if (child != NULL) {
        if (usage_to_app(usage, child) != 0) {
            return -EFAULT;
        }
        take_as_told(child, options);
    }
    return 0;
}
