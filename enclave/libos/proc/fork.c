/* SPDX-License-Identifier: Apache-2.0 */
/* See fork.h.
 *
 * The adversary: the host brings enclaves or does not; then calls fail with EAGAIN. What flows to
 * another enclave goes over a session with one that the owner has verified. */
#include "proc/fork.h"

#include <errno.h>

#include "fs/fs.h"
#include "mm/mm.h"
#include "proc/child.h"
#include "proc/image.h"
#include "proc/session.h"
#include "proc/table.h"
#include "signals/signals.h"
#include "threads/threads.h"

/* linux/sched.h */
#define CLONE_VM             UINT64_C(0x00000100)
#define CLONE_FILES          UINT64_C(0x00000400)
#define CLONE_PIDFD          UINT64_C(0x00001000)
#define CLONE_VFORK          UINT64_C(0x00004000)
#define CLONE_PARENT         UINT64_C(0x00008000)
#define CLONE_SETTLS         UINT64_C(0x00080000)
#define CLONE_PARENT_SETTID  UINT64_C(0x00100000)
#define CLONE_CHILD_CLEARTID UINT64_C(0x00200000)
#define CLONE_CHILD_SETTID   UINT64_C(0x01000000)
#define CLONE_IO             UINT64_C(0x80000000)
#define CLONE_KNOWN                                                                                \
    (CLONE_VM | CLONE_FILES | CLONE_VFORK | CLONE_PARENT | CLONE_SETTLS | CLONE_PARENT_SETTID |    \
     CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID | CLONE_IO | CLONE_PIDFD)

/* What the parent of a vfork has when its child is done. */
struct vfork_context {
    struct vfork_context *outer; /* not NULL: the parent is such a child itself */
    struct process *parent, *child;
    int pid; /* the child's, which may be gone already */
    struct rt_frame frame;
    uint64_t fsbase, blocked, alt_stack, alt_stack_size, clear_child_tid, robust_list;
    uint32_t alt_stack_flags;
};

static unsigned share_of(uint64_t flags)
{
    return ((flags & CLONE_FILES) != 0 ? PROCESS_SHARE_FILES : 0) |
           ((flags & CLONE_PARENT) != 0 ? PROCESS_SIBLING : 0);
}

static void store_pid(uint64_t at, int pid)
{
    const uint32_t tid = (uint32_t)pid;
    ignore_result(copy_to_app(app_at(at), &tid, sizeof tid),
                  "as on Linux, the child is there already");
}

/* ---- fork ------------------------------------------------------------------------------------ */

static int send_part(void *where, struct bytes head, struct bytes body)
{
    return session_send((struct session *)where, head, body);
}

/* Nobody changes the memory, and what of it processes share is counted for the child as it is now. */
static int send_still(const struct image_sink *sink, const struct rt_frame *frame, int pid)
{
    mm_freeze();
    int r = child_shares(pid);
    r = r == 0 ? image_send(sink, frame) : r;
    mm_thaw();
    return r;
}

static int send_image(const struct fork_request *q, const struct child_stream *stream, int pid)
{
    struct session s = {.peer = 0};
    const struct image_sink sink = {send_part, &s};
    struct rt_frame frame = *os_self()->frame;
    int r = child_stream_open(&s, stream);
    if (r != 0) {
        return r;
    }
    frame.rax = 0;
    frame.rsp = q->stack != 0 ? q->stack : frame.rsp;
    r = threads_hold_others();
    if (r == 0) {
        r = send_still(&sink, &frame, pid);
        threads_release_others();
    }
    session_end(&s);
    session_close(&s);
    return r;
}

static int64_t fork_image(const struct fork_request *q)
{
    const struct child_order order = {
        .share = share_of(q->flags),
        .exit_signal = q->exit_signal,
        .pidfd = (q->flags & CLONE_PIDFD) != 0,
        .blocked = os_self()->blocked,
        .tid = {.set_tid = (q->flags & CLONE_CHILD_SETTID) != 0 ? q->child_tid : 0,
                .clear_tid = (q->flags & CLONE_CHILD_CLEARTID) != 0 ? q->child_tid : 0,
                .tls = q->tls,
                .set_tls = (q->flags & CLONE_SETTLS) != 0}};
    struct child_stream stream;
    int pid = 0, pidfd = -1;
    int r = child_start(&order, &pid, &pidfd, &stream);
    if (r != 0) {
        return r;
    }
    const int sent = send_image(q, &stream, pid);
    secure_zero(&stream, sizeof stream);
    r = child_born(pid);
    if (sent == -ERESTARTSYS || r != 0) {
        return sent == -ERESTARTSYS ? sent : r == -EPIPE ? -EAGAIN : r;
    }
    if ((q->flags & CLONE_PARENT_SETTID) != 0) {
        store_pid(q->parent_tid, pid);
    }
    if (pidfd >= 0) {
        store_pid(q->pidfd, pidfd);
    }
    return pid;
}

/* ---- vfork ----------------------------------------------------------------------------------- */

static int64_t vfork_here(const struct fork_request *q)
{
    struct os_thread *t = os_self();
    struct vfork_context *c = (struct vfork_context *)rt_alloc(sizeof *c);
    struct process *child;
    if (c == NULL) {
        return -ENOMEM;
    }
    const struct child_order order = {.share = share_of(q->flags),
                                      .exit_signal = q->exit_signal,
                                      .pidfd = (q->flags & CLONE_PIDFD) != 0};
    int pidfd = -1;
    int r = child_vfork(&order, &pidfd, &child);
    if (r != 0) {
        rt_free(c);
        return r;
    }
    *c = (struct vfork_context){.outer = t->vfork,
                                .parent = t->process,
                                .child = child,
                                .pid = child->pid,
                                .frame = *t->frame,
                                .fsbase = rt_get_fsbase(),
                                .blocked = t->blocked,
                                .alt_stack = t->alt_stack,
                                .alt_stack_size = t->alt_stack_size,
                                .alt_stack_flags = t->alt_stack_flags,
                                .clear_child_tid = t->clear_child_tid,
                                .robust_list = t->robust_list};
    t->vfork = c;
    t->process = child;
    t->clear_child_tid = t->robust_list = 0;
    if (q->stack != 0) {
        t->frame->rsp = q->stack;
    }
    if ((q->flags & CLONE_SETTLS) != 0) {
        rt_set_fsbase(q->tls);
    }
    if ((q->flags & CLONE_PARENT_SETTID) != 0) {
        store_pid(q->parent_tid, child->pid);
    }
    if ((q->flags & CLONE_CHILD_SETTID) != 0) {
        store_pid(q->child_tid, child->pid);
    }
    if (pidfd >= 0) {
        store_pid(q->pidfd, pidfd);
    }
    return 0;
}

/* The parent goes on: the child's number is what its call returns. */
static int64_t back_to_parent(void)
{
    struct os_thread *t = os_self();
    struct vfork_context *c = t->vfork;
    const int pid = c->pid;
    *t->frame = c->frame;
    t->frame->rax = (uint64_t)c->pid;
    t->frame->flags |= RT_FRAME_FULL;
    t->process = c->parent;
    t->blocked = c->blocked;
    t->alt_stack = c->alt_stack;
    t->alt_stack_size = c->alt_stack_size;
    t->alt_stack_flags = c->alt_stack_flags;
    t->clear_child_tid = c->clear_child_tid;
    t->robust_list = c->robust_list;
    rt_set_fsbase(c->fsbase);
    t->vfork = c->outer;
    child_vfork_left(c->child);
    rt_free(c);
    __atomic_store_n(&t->attention, 1, __ATOMIC_RELAXED); /* its signals waited meanwhile */
    return pid;
}

int64_t fork_child_ends(int status)
{
    struct process *child = os_self()->vfork->child;
    child_vfork_ends(child, status);
    return back_to_parent();
}

void fork_child_is_killed(int signo)
{
    ignore_result((int)fork_child_ends(STATUS_SIGNALED(signo)), "it stands in the registers");
}

int64_t fork_child_execs(struct exec_plan *plan)
{
    struct os_thread *t = os_self();
    struct child_stream stream;
    uint8_t *data = NULL;
    size_t size = 0;
    int r = exec_pack(plan, &data, &size);
    r = r == 0 ? child_vfork_execs(t->vfork->child, plan, BYTES(data, size), t->blocked, &stream)
               : r;
    exec_plan_free(plan);
    if (r == 0) {
        ignore_result(child_send_plan(&stream, BYTES(data, size)),
                      "a child that has ended meanwhile is its parent's to find");
        secure_zero(&stream, sizeof stream);
    }
    if (data != NULL) {
        secure_zero(data, size);
        rt_free(data);
    }
    return r == 0 ? back_to_parent() : r;
}

/* ---- the calls ------------------------------------------------------------------------------- */

int64_t fork_process(const struct fork_request *q)
{
    const uint64_t both = q->flags & (CLONE_VM | CLONE_VFORK);
    if ((q->flags & CLONE_PIDFD) != 0 && (q->flags & CLONE_PARENT_SETTID) != 0 &&
        q->pidfd == q->parent_tid) {
        return -EINVAL;
    }
    if ((q->flags & ~CLONE_KNOWN) != 0 || both == CLONE_VM) {
        return -ENOSYS;
    }
    if (q->exit_signal < 0 || q->exit_signal > (int)SIGNALS) {
        return -EINVAL;
    }
    if (!child_possible()) {
        return -ENOSYS;
    }
    return both == (CLONE_VM | CLONE_VFORK) ? vfork_here(q) : fork_image(q);
}

int64_t sys_fork(void)
{
    const struct fork_request q = {.exit_signal = OS_SIGCHLD};
    return fork_process(&q);
}

int64_t sys_vfork(void)
{
    const struct fork_request q = {.flags = CLONE_VM | CLONE_VFORK, .exit_signal = OS_SIGCHLD};
    return fork_process(&q);
}
