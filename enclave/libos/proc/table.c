/* SPDX-License-Identifier: Apache-2.0 */
/* The table of processes: making, finding and ending them; what the end of one means for the
 * others. A list is enough for PROCESSES_MAX of them. */
#include "fs/pty.h"
#include "table.h"

#include <errno.h>

#include "fs/vfs.h"
#include "ipc/sem.h"
#include "signals/signals.h"
#include "usage.h"

#define RESERVED_PIDS 300 /* numbers start again behind these, as on Linux */

#define CLD_EXITED    1
#define CLD_KILLED    2
#define CLD_STOPPED   5
#define CLD_CONTINUED 6

#define SA_NOCLDSTOP_ 1u
#define SA_NOCLDWAIT_ 2u

#define SI_KERNEL   0x80
#define CLOCK_TICKS 100u

const struct member_operations *member_operations;
static struct process *first, *last;
static unsigned count;

/* ---- finding
 * ----------------------------------------------------------------------------------- */

struct process *process_first(void)
{
    return first;
}

unsigned process_count(void)
{
    return count;
}

struct process *process_by_pid(int pid)
{
    struct process *p = first;
    while (p != NULL && p->pid != pid) {
        p = p->next;
    }
    return p;
}

bool process_group_exists(int pgid, int *ret_sid)
{
    for (const struct process *p = first; p != NULL; p = p->next) {
        if (p->pgid == pgid) {
            *ret_sid = p->sid;
            return true;
        }
    }
    return false;
}

static bool id_in_use(int id)
{
    for (const struct process *p = first; p != NULL; p = p->next) {
        if (p->pid == id || p->pgid == id || p->sid == id) {
            return true;
        }
    }
    return os_thread_by_tid(id) != NULL;
}

int process_new_id(void)
{
    int id;
    do { /* fewer processes and threads than numbers: it ends */
        id = os.next_tid;
        os.next_tid = id + 1 < PID_MAX ? id + 1 : RESERVED_PIDS;
    } while (id_in_use(id));
    return id;
}

/* ---- beginning
 * --------------------------------------------------------------------------------- */

static void link_last(struct process *p)
{
    p->refs++;
    if (last == NULL) {
        first = p;
    } else {
        last->next = p;
    }
    last = p;
    count++;
}

static void unlink_process(struct process *p)
{
    struct process **at = &first, *before = NULL;
    while (*at != p) {
        before = *at;
        at = &before->next;
    }
    *at = p->next;
    last = last == p ? before : last;
    count--;
    p->next = NULL;
    p->state = PROCESS_GONE;
    process_unref(p);
}

struct process *process_ref(struct process *p)
{
    p->refs++;
    return p;
}

void process_unref(struct process *p)
{
    if (p != NULL && --p->refs == 0) {
        rt_free(p->command_line);
        rt_free(p);
    }
}

int process_start_member(int pid, struct process **ret)
{
    struct process *p = (struct process *)rt_alloc(sizeof *p);
    if (p == NULL) {
        return -ENOMEM;
    }
    p->refs = 1;
    p->pid = p->pgid = p->sid = pid;
    p->fs.umask = 022;
    p->exit_signal = OS_SIGCHLD;
    p->start_ns = rt_clock_ns(1);
    os_limits_start(p);
    *ret = p;
    return 0;
}

int process_start_first(struct process **ret)
{
    struct process *p;
    int err = process_start_member(FIRST_PID, &p);
    if (err != 0) {
        return err;
    }
    p->fs.fds = fd_table_new();
    if (p->fs.fds == NULL) {
        rt_free(p);
        return -ENOMEM;
    }
    link_last(p);
    *ret = p;
    return 0;
}

int process_new(struct process *maker, unsigned share, int exit_signal, struct process **ret)
{
    if (count >= PROCESSES_MAX) {
        return -EAGAIN;
    }
    struct process *p = (struct process *)rt_alloc(sizeof *p);
    if (p == NULL) {
        return -ENOMEM;
    }
    int err = fs_context_copy(&maker->fs, (share & PROCESS_SHARE_FILES) != 0, &p->fs);
    if (err != 0) {
        rt_free(p);
        return err;
    }
    bool sibling = (share & PROCESS_SIBLING) != 0 && maker->parent != NULL;
    p->parent = sibling ? maker->parent : maker;
    p->ppid = p->parent->pid;
    p->pid = process_new_id();
    p->pgid = maker->pgid;
    p->sid = maker->sid;
    memcpy(p->limits, maker->limits, sizeof p->limits);
    memcpy(p->groups, maker->groups, sizeof p->groups);
    p->group_count = maker->group_count;
    p->nice = maker->nice;
    p->io_priority = maker->io_priority;
    p->persona = maker->persona;
    memcpy(p->comm, maker->comm, sizeof p->comm);
    memcpy(p->actions, maker->actions, sizeof p->actions);
    p->start_ns = rt_clock_ns(1);
    p->exit_signal = sibling ? maker->exit_signal : exit_signal;
    p->command_line = (char *)rt_alloc(maker->command_line_size + 1);
    if (p->command_line != NULL && maker->command_line != NULL) {
        memcpy(p->command_line, maker->command_line, maker->command_line_size);
        p->command_line_size = maker->command_line_size;
    }
    link_last(p);
    *ret = p;
    return 0;
}

void process_cancel(struct process *p)
{
    process_unref(STEAL(&p->vforked_by));
    sem_process_ends(p);
    fs_context_done(&p->fs);
    unlink_process(p);
}

#define COMMAND_LINE_MAX 4096u

void process_set_command_line(struct process *p, struct bytes command_line)
{
    size_t size = command_line.size < COMMAND_LINE_MAX ? command_line.size : COMMAND_LINE_MAX;
    rt_free(p->command_line);
    p->command_line = (char *)rt_alloc(size + 1);
    p->command_line_size = p->command_line != NULL ? size : 0;
    if (p->command_line != NULL) {
        memcpy(p->command_line, command_line.data, size);
    }
}

int process_exec(struct process *p, const char *comm, struct file *program,
                 struct bytes command_line)
{
    size_t size = command_line.size < COMMAND_LINE_MAX ? command_line.size : COMMAND_LINE_MAX;
    char *copy = (char *)rt_alloc(size + 1);
    if (copy == NULL || fs_context_exec(&p->fs, program) != 0) {
        rt_free(copy);
        return -ENOMEM;
    }
    memcpy(copy, command_line.data, size);
    rt_free(p->command_line);
    p->command_line = copy;
    p->command_line_size = size;
    size_t n = strlen(comm);
    memset(p->comm, 0, sizeof p->comm);
    memcpy(p->comm, comm, n < COMM_SIZE - 1 ? n : COMM_SIZE - 1);
    for (size_t i = 0; i < SIGNALS; i++) {
        bool ignored = p->actions[i].handler == OS_SIG_IGN;
        p->actions[i] = (struct signal_action){.handler = ignored ? OS_SIG_IGN : OS_SIG_DFL};
    }
    p->replaced = true;
    p->exit_signal = OS_SIGCHLD;
    return 0;
}

/* ---- what parents are told
 * ----------------------------------------------------------------------------- */

static int64_t ticks_of(uint64_t ns)
{
    return (int64_t)(ns / (1000000000u / CLOCK_TICKS));
}

static bool parent_ignores(const struct process *parent)
{
    const struct signal_action *a = &parent->actions[OS_SIGCHLD - 1];
    return a->handler == OS_SIG_IGN || (a->flags & SA_NOCLDWAIT_) != 0;
}

/* A zombie's parent learns of it. False: it never wanted to, and the zombie may go.
 * Source: kernel/signal.c, do_notify_parent(). */
static bool tell_parent(const struct process *p)
{
    struct process *parent = p->parent;
    bool wants = p->exit_signal != OS_SIGCHLD || !parent_ignores(parent);
    bool deaf =
        p->exit_signal == OS_SIGCHLD && parent->actions[OS_SIGCHLD - 1].handler == OS_SIG_IGN;
    bool killed = (p->status & 0x7f) != 0;
    if (p->exit_signal != 0 && !deaf) {
        struct signal_info info = {
            .signo = p->exit_signal,
            .code = killed ? CLD_KILLED : CLD_EXITED,
            .pid = p->pid,
            .uid = os.manifest->uid,
            .value = (uint64_t)(killed ? p->status & 0x7f : p->status >> 8 & 0xff),
            .user_ticks = ticks_of(p->used.cpu_ns)};
        process_signal(parent, &info);
    }
    os_wake_all(&parent->child_changed);
    return wants;
}

static void tell_parent_of_stop(const struct process *p, int code, int signo)
{
    struct process *parent = p->parent;
    if (parent == NULL) {
        return;
    }
    const struct signal_action *a = &parent->actions[OS_SIGCHLD - 1];
    if (a->handler != OS_SIG_IGN && (a->flags & SA_NOCLDSTOP_) == 0) {
        struct signal_info info = {.signo = OS_SIGCHLD,
                                   .code = code,
                                   .pid = p->pid,
                                   .uid = os.manifest->uid,
                                   .value = (uint64_t)signo};
        process_signal(parent, &info);
    }
    os_wake_all(&parent->child_changed);
}

/* ---- ending
 * ------------------------------------------------------------------------------------ */

/* A group none of whose processes has a parent in another group of its session: nobody would
 * continue those that are stopped. without: somebody who is on the way out. */
static bool is_orphaned(int pgid, const struct process *without)
{
    for (const struct process *p = first; p != NULL; p = p->next) {
        if (p->pgid == pgid && p != without && p->state != PROCESS_ZOMBIE && p->parent != NULL &&
            p->parent->pgid != pgid && p->parent->sid == p->sid) {
            return false;
        }
    }
    return true;
}

bool process_group_is_orphaned(int pgid)
{
    return is_orphaned(pgid, NULL);
}

static void end_orphaned_stop(int pgid)
{
    bool stopped = false;
    for (const struct process *p = first; p != NULL; p = p->next) {
        stopped = stopped || (p->pgid == pgid && p->state == PROCESS_STOPPED);
    }
    if (!stopped) {
        return;
    }
    const struct signal_info hangup = {.signo = OS_SIGHUP, .code = SI_KERNEL};
    const struct signal_info go_on = {.signo = OS_SIGCONT, .code = SI_KERNEL};
    for (struct process *p = first; p != NULL; p = p->next) {
        if (p->pgid == pgid) {
            process_signal(p, &hangup);
            process_signal(p, &go_on);
        }
    }
}

static struct process *heir_of(const struct process *p)
{
    struct process *q = p->parent;
    while (q != NULL && q != first && !(q->subreaper && q->state != PROCESS_ZOMBIE)) {
        q = q->parent;
    }
    return q != NULL ? q : first;
}

static void give_children_away(struct process *p)
{
    struct process *heir = heir_of(p), *next;
    for (struct process *c = first; c != NULL; c = next) {
        next = c->next;
        if (c->parent != p) {
            continue;
        }
        bool other_group = c->pgid != p->pgid && c->sid == p->sid && !is_orphaned(c->pgid, NULL);
        c->parent = heir;
        __atomic_store_n(&c->ppid, heir->pid, __ATOMIC_RELAXED);
        c->exit_signal = OS_SIGCHLD;
        if (c->member != NULL && c->state != PROCESS_ZOMBIE) {
            member_operations->parent_changed(c);
        }
        if (c->death_signal != 0 && c->state != PROCESS_ZOMBIE) {
            const struct signal_info info = {
                .signo = c->death_signal, .pid = p->pid, .uid = os.manifest->uid};
            process_signal(c, &info);
        }
        if (c->state == PROCESS_ZOMBIE) {
            if (!tell_parent(c)) {
                process_reap(c);
            }
        } else if (other_group && is_orphaned(c->pgid, NULL)) {
            end_orphaned_stop(c->pgid);
        }
    }
}

void process_end(struct process *p, int status, const struct process_usage *used)
{
    REQUIRE(p != first && p->state < PROCESS_ZOMBIE);
    bool was_orphaned = is_orphaned(p->pgid, NULL);
    process_unref(STEAL(&p->vforked_by));
    fs_context_done(&p->fs);
    sem_process_ends(p);
    p->state = PROCESS_ZOMBIE;
    p->status = status;
    const struct signal_box waiting = signal_box_of_process(p);
    signal_forget(&waiting, UINT64_MAX);
    if (used != NULL) {
        p->used = *used;
    }
    give_children_away(p);
    if (p->pid == p->sid) {
        pty_leave_session(p->sid);
    }
    if (!was_orphaned && is_orphaned(p->pgid, p)) {
        end_orphaned_stop(p->pgid);
    }
    fs_poll_changed(&p->state_changed); /* also who polls a pidfd */
    if (!tell_parent(p)) {
        process_reap(p);
    }
}

void process_reap(struct process *p)
{
    struct process *parent = p->parent;
    usage_add(&parent->children, &p->used);
    usage_add(&parent->children, &p->children);
    unlink_process(p);
}

/* ---- signals
 * ----------------------------------------------------------------------------------- */

bool process_is_alone(const struct process *p)
{
    for (const struct process *q = first; q != NULL; q = q->next) {
        if (q != p && q->state != PROCESS_ZOMBIE) {
            return false;
        }
    }
    return p == first; /* a member, which has no table, never is */
}

void process_stopped(struct process *p, int signo)
{
    if (p->state != PROCESS_RUNNING) {
        return;
    }
    p->state = PROCESS_STOPPED;
    p->stop_signal = signo;
    p->stop_untold = true;
    p->continue_untold = false;
    tell_parent_of_stop(p, CLD_STOPPED, signo);
}

void process_continued(struct process *p)
{
    if (p->state != PROCESS_STOPPED) {
        return;
    }
    p->state = PROCESS_RUNNING;
    p->stop_untold = false;
    p->continue_untold = true;
    os_wake_all(&p->state_changed);
    tell_parent_of_stop(p, CLD_CONTINUED, OS_SIGCONT);
}

void process_signal(struct process *p, const struct signal_info *info)
{
    if (p->state >= PROCESS_ZOMBIE) {
        return;
    }
    if (p->member == NULL) {
        signal_to_process(p, info);
        return;
    }
    if (info->signo == OS_SIGKILL) {
        member_operations->kill(p);
        return;
    }
    if (info->signo == OS_SIGCONT) {
        p->continues++;
        process_continued(p);
    }
    member_operations->signal(p, info);
}

int process_signal_all(int pid, const struct signal_info *info)
{
    struct process *self = os_current();
    int pgid = pid == 0 ? self->pgid : -pid;
    bool found = false, to_self = false;
    for (struct process *p = first; p != NULL; p = p->next) {
        bool meant = pid > 0     ? p->pid == pid
                     : pid == -1 ? p != first && p != self
                                 : p->pgid == pgid;
        found = found || meant;
        if (meant && p == self) {
            to_self = true; /* last: it may end */
        } else if (meant && info->signo != 0) {
            process_signal(p, info);
        }
    }
    if (to_self && info->signo != 0) {
        process_signal(self, info);
    }
    return found ? 0 : -ESRCH;
}
