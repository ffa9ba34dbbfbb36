/* SPDX-License-Identifier: Apache-2.0 */
/* See child.h: the owner's half, which serves members too, and the member's. */
#include "proc/child.h"

#include <errno.h>

#include "fs/vfs.h"
#include "proc/blank.h"
#include "proc/call_client.h"
#include "proc/call_server.h"
#include "proc/member.h"
#include "proc/pidfd.h"
#include "proc/table.h"
#include "proc/shares.h"
#include "signals/signals.h"

bool child_possible(void)
{
    return os_is_member() || member_possible();
}

/* ---- at the owner ---------------------------------------------------------------------------- */

static int begin(struct member *m, struct process *p, const struct member_order *order,
                 struct child_stream *ret)
{
    struct member_stream stream;
    int r = member_begin(m, p, order, &stream);
    if (r == 0) {
        ret->slot = stream.slot;
        ret->reserved = 0;
        memcpy(ret->key, stream.key, sizeof ret->key);
        secure_zero(&stream, sizeof stream);
    }
    return r;
}

/* A new process of the caller's, and its descriptor if that is wanted: -1 otherwise. */
static int new_for(const struct child_order *o, struct process **ret, int *ret_pidfd)
{
    struct process *p;
    *ret_pidfd = -1;
    int r = process_new(os_current(), o->share, o->exit_signal, &p);
    if (r == 0 && o->pidfd != 0) {
        r = (int)pidfd_new(p, 0);
        if (r < 0) {
            process_cancel(p);
            return r;
        }
        *ret_pidfd = r;
        r = 0;
    }
    *ret = p;
    return r;
}

static int start_for(unsigned sender, const struct child_order *o, int *ret_pid, int *ret_pidfd,
                     struct child_stream *ret)
{
    const struct member_order order = {
        .how = BEGIN_IMAGE, .sender = sender, .blocked = o->blocked, .tid = o->tid};
    struct member *m;
    struct process *p;
    int r = member_take(&m);
    if (r != 0) {
        return r;
    }
    r = new_for(o, &p, ret_pidfd);
    if (r != 0) {
        member_give_back(m);
        return r;
    }
    *ret_pid = p->pid;
    r = begin(m, p, &order, ret);
    if (r != 0) {
        if (*ret_pidfd >= 0) {
            ignore_result(fd_close(*ret_pidfd), "it was opened a moment ago");
        }
        process_cancel(p);
    }
    return r;
}

static int born(int pid)
{
    struct process *p = process_by_pid(pid);
    if (p == NULL) { /* it has run and ended, and its parent does not want to know */
        return 0;
    }
    process_ref(p);
    int r = member_born(p);
    if (r != 0 && p->state < PROCESS_ZOMBIE) {
        process_cancel(p);
    }
    process_unref(p);
    return r;
}

static int command_line_of(const struct exec_plan *plan, struct bytes *ret)
{
    *ret = BYTES(plan->argv.data, plan->argv.size);
    return 0;
}

static const char *last_part(const char *path)
{
    const char *last = path;
    for (const char *c = path; *c != '\0'; c++) {
        last = *c == '/' ? c + 1 : last;
    }
    return last;
}

/* What execve does to descriptors and the table, wherever the program then runs. */
static int exec_table(struct process *p, const struct exec_plan *plan)
{
    struct bytes command_line;
    struct file *program = plan->source.file, *own = NULL;
    int r = command_line_of(plan, &command_line);
    if (program == NULL && fs_open_path(plan->path, true, &own) == 0) {
        program = own;
    }
    r = r == 0 ? process_exec(p, last_part(plan->name), program, command_line) : r;
    if (own != NULL) {
        file_unref(own);
    }
    return r;
}

/* The same of a vfork: it runs where its maker does. */
static int new_here(const struct child_order *o, struct process **ret, int *ret_pidfd)
{
    int r = new_for(o, ret, ret_pidfd);
    if (r == 0) {
        (*ret)->vforked_by = process_ref(os_current());
    }
    return r;
}

static int execs_for(unsigned sender, struct process *p, const struct exec_plan *plan,
                     uint64_t blocked, struct child_stream *ret)
{
    const struct member_order order = {
        .how = BEGIN_PLAN, .sender = sender, .blocked = blocked, .committed = true};
    struct member *m;
    int r = member_take(&m);
    if (r != 0) {
        return r;
    }
    r = exec_table(p, plan);
    if (r != 0) {
        member_give_back(m);
        return r;
    }
    r = begin(m, p, &order, ret);
    if (r == 0) {
        process_unref(STEAL(&p->vforked_by));
    }
    return r;
}

/* ---- what members ask ------------------------------------------------------------------------ */

struct started {
    int32_t pid, pidfd;
    struct child_stream stream;
};

struct vforked {
    int32_t pid, pidfd;
};

int64_t remote_serve_fork(struct call_server *s, struct bytes in, struct writer *out)
{
    struct child_order order;
    struct started started = {.pid = 0};
    if (in.size != sizeof order) {
        return -EINVAL;
    }
    memcpy(&order, in.data, sizeof order);
    int r =
        start_for(member_of_server(s)->slot, &order, &started.pid, &started.pidfd, &started.stream);
    if (r == 0) {
        writer_put(out, BYTES_OF(started));
        secure_zero(&started, sizeof started);
    }
    return r;
}

int64_t remote_serve_born(struct call_server *s, struct bytes in, struct writer *out)
{
    int32_t pid;
    (void)s, (void)out;
    if (in.size != sizeof pid) {
        return -EINVAL;
    }
    memcpy(&pid, in.data, sizeof pid);
    const struct process *p = process_by_pid(pid);
    return p != NULL && p->parent != os_current() ? -ESRCH : born(pid);
}

/* From here on the thread calls in the child's name. */
int64_t remote_serve_vfork(struct call_server *s, struct bytes in, struct writer *out)
{
    struct child_order order;
    struct vforked v;
    struct process *child;
    if (in.size != sizeof order) {
        return -EINVAL;
    }
    memcpy(&order, in.data, sizeof order);
    int r = new_here(&order, &child, &v.pidfd);
    if (r == 0) {
        v.pid = child->pid;
        s->thread.process = child;
        writer_put(out, BYTES_OF(v));
    }
    return r;
}

static struct process *vfork_child_of(struct call_server *s)
{
    struct process *child = s->thread.process;
    return child != member_of_server(s)->process ? child : NULL;
}

/* The thread calls in its maker's name again. */
static void vfork_over(struct call_server *s, struct process *maker)
{
    s->thread.process = maker;
    process_unref(maker);
}

int64_t remote_serve_vfork_ends(struct call_server *s, struct bytes in, struct writer *out)
{
    struct process *child = vfork_child_of(s);
    int32_t status;
    (void)out;
    if (in.size != sizeof status || child == NULL) {
        return -EINVAL;
    }
    memcpy(&status, in.data, sizeof status);
    struct process *maker = process_ref(child->vforked_by);
    process_end(child, status, NULL);
    vfork_over(s, maker);
    return 0;
}

/* What of its signals the child takes along, ahead of its plan. The owner knows the actions of its
 * own process alone. */
struct taken_along {
    uint64_t blocked, ignored;
};

static void take_ignored(struct process *child, uint64_t ignored)
{
    for (unsigned i = 0; i < SIGNALS; i++) {
        child->actions[i] =
            (struct signal_action){.handler = (ignored >> i & 1) != 0 ? OS_SIG_IGN : OS_SIG_DFL};
    }
}

int64_t remote_serve_vfork_execs(struct call_server *s, struct bytes in, struct writer *out)
{
    struct process *child = vfork_child_of(s);
    struct exec_plan plan = {.name = ""};
    struct child_stream stream;
    struct taken_along along;
    if (in.size < sizeof along || child == NULL) {
        return -EINVAL;
    }
    memcpy(&along, in.data, sizeof along);
    struct process *maker = process_ref(child->vforked_by);
    int r = exec_unpack(BYTES(in.data + sizeof along, in.size - sizeof along), &plan);
    if (r == 0) {
        take_ignored(child, along.ignored);
        r = execs_for(member_of_server(s)->slot, child, &plan, along.blocked, &stream);
    }
    exec_plan_free(&plan);
    if (r != 0) {
        process_unref(maker);
        return r;
    }
    vfork_over(s, maker);
    writer_put(out, BYTES_OF(stream));
    secure_zero(&stream, sizeof stream);
    return 0;
}

int64_t remote_serve_thread(struct call_server *s, struct bytes in, struct writer *out)
{
    struct child_thread t = {.tid = process_new_id()};
    (void)in;
    int r = member_serves_thread(s, t.tid, &t.box, &t.generation);
    if (r == 0) {
        writer_put(out, BYTES_OF(t));
    }
    return r;
}

/* ---- for both -------------------------------------------------------------------------------- */

static int ask(enum remote_op op, struct bytes in, void *ret, size_t size)
{
    size_t n = 0;
    int64_t r = remote_request(op, in, ret, size, &n);
    return r < 0 ? (int)r : n != size ? -EINVAL : 0;
}

int child_start(const struct child_order *order, int *ret_pid, int *ret_pidfd,
                struct child_stream *ret)
{
    struct started started;
    if (!os_is_member()) {
        return start_for(YARD_OWNER, order, ret_pid, ret_pidfd, ret);
    }
    int r = ask(REMOTE_fork, BYTES(order, sizeof *order), &started, sizeof started);
    if (r == 0) {
        *ret_pid = started.pid;
        *ret_pidfd = started.pidfd;
        *ret = started.stream;
        secure_zero(&started, sizeof started);
    }
    return r;
}

int child_shares(int pid)
{
    if (os_is_member()) {
        return share_client_fork(pid);
    }
    struct process *child = process_by_pid(pid);
    return child != NULL && child->member != NULL ? shares_fork(child) : 0; /* NULL: it was killed */
}

int child_born(int pid)
{
    return os_is_member() ? ask(REMOTE_born, BYTES_OF(pid), NULL, 0) : born(pid);
}

int child_thread(struct child_thread *ret)
{
    return ask(REMOTE_thread, BYTES(NULL, 0), ret, sizeof *ret);
}

/* A member keeps of its child what its calls look at here. */
static int keep_child(int pid, struct process **ret)
{
    const struct process *parent = os_current();
    struct process *child;
    int r = process_start_member(pid, &child);
    if (r == 0) {
        child->refs = 1;
        child->ppid = parent->pid;
        child->pgid = parent->pgid;
        child->sid = parent->sid;
        child->group_count = parent->group_count;
        memcpy(child->groups, parent->groups, sizeof child->groups);
        memcpy(child->limits, parent->limits, sizeof child->limits);
        memcpy(child->comm, parent->comm, sizeof child->comm);
        memcpy(child->actions, parent->actions, sizeof child->actions);
        *ret = child;
    }
    return r;
}

int child_vfork(const struct child_order *order, int *ret_pidfd, struct process **ret)
{
    struct vforked v;
    if (!os_is_member()) {
        return new_here(order, ret, ret_pidfd);
    }
    int r = ask(REMOTE_vfork, BYTES(order, sizeof *order), &v, sizeof v);
    if (r != 0) {
        return r;
    }
    *ret_pidfd = v.pidfd;
    r = keep_child(v.pid, ret);
    if (r != 0) {
        const int32_t status = STATUS_SIGNALED(OS_SIGKILL);
        ignore_result(ask(REMOTE_vfork_ends, BYTES_OF(status), NULL, 0),
                      "it is about to fail anyway");
    }
    return r;
}

void child_vfork_left(struct process *child)
{
    if (os_is_member()) {
        const struct signal_box box = signal_box_of_process(child);
        signal_forget(&box, UINT64_MAX);
        process_unref(child);
    }
}

void child_vfork_ends(struct process *child, int status)
{
    const int32_t s = status;
    if (os_is_member()) {
        ignore_result(ask(REMOTE_vfork_ends, BYTES_OF(s), NULL, 0),
                      "without its owner nothing goes on");
    } else {
        process_end(child, status, NULL);
    }
}

int child_vfork_execs(struct process *child, const struct exec_plan *plan, struct bytes packed,
                      uint64_t blocked, struct child_stream *ret)
{
    if (!os_is_member()) {
        return execs_for(YARD_OWNER, child, plan, blocked, ret);
    }
    struct taken_along along = {.blocked = blocked};
    const size_t size = packed.size + sizeof along;
    uint8_t *in = (uint8_t *)rt_alloc(size);
    if (in == NULL) {
        return -ENOMEM;
    }
    for (unsigned i = 0; i < SIGNALS; i++) {
        along.ignored |= child->actions[i].handler == OS_SIG_IGN ? SIGNAL_BIT(i + 1) : 0;
    }
    memcpy(in, &along, sizeof along);
    memcpy(in + sizeof along, packed.data, packed.size);
    int r =
        size > CALL_DATA_MAX ? -E2BIG : ask(REMOTE_vfork_execs, BYTES(in, size), ret, sizeof *ret);
    secure_zero(in, size);
    rt_free(in);
    return r;
}

int child_stream_open(struct session *ret, const struct child_stream *stream)
{
    return session_open(ret, stream->slot, YARD_BOX_STREAM, YARD_DOWN, stream->slot, stream->key);
}

int child_send_plan(const struct child_stream *stream, struct bytes plan)
{
    struct session s = {.peer = 0};
    const uint64_t size = plan.size;
    int r = child_stream_open(&s, stream);
    if (r != 0) {
        return r;
    }
    os_unlock();
    r = session_send(&s, BYTES_OF(size), BYTES(NULL, 0));
    while (r == 0 && plan.size > 0) {
        size_t n = plan.size < SESSION_RECORD_MAX ? plan.size : SESSION_RECORD_MAX;
        r = session_send(&s, BYTES(NULL, 0), BYTES(plan.data, n));
        plan = BYTES(plan.data + n, plan.size - n);
    }
    session_end(&s);
    os_lock();
    session_close(&s);
    return r;
}
