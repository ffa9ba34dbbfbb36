/* SPDX-License-Identifier: Apache-2.0 */
/* See call_client.h. */
#include "proc/call_client.h"

#include <errno.h>

#include "proc/call_hints.h"
#include "proc/call_text.h"
#include "signals/signals.h"

/* Each brings at least one range that was missing: real calls need three. */
#define ROUNDS_MAX 64u

int call_client_new(const struct session *take_session, struct call_client **ret)
{
    struct call_client *c = (struct call_client *)rt_alloc(sizeof *c);
    if (c == NULL) {
        return -ENOMEM;
    }
    c->session = *take_session;
    *ret = c;
    return 0;
}

void call_client_free(struct call_client *c)
{
    if (c == NULL) {
        return;
    }
    session_end(&c->session);
    session_close(&c->session);
    call_ranges_free(&c->out);
    call_ranges_free(&c->in);
    call_ranges_free(&c->op_out);
    call_ranges_free(&c->op_in);
    rt_free(c->message.data);
    rt_free(c);
}

/* ---- one round ------------------------------------------------------------------------------- */

/* Sends the head with what is in *out; the answer comes into c->answer and *in. */
static int round_trip(struct call_client *c, struct call_head *head, const struct call_ranges *out,
                      struct call_ranges *in, bool may_cancel)
{
    const struct os_thread *t = os_self();
    head->sequence = ++c->sequence;
    head->pid = t->process->pid;
    head->tid = t->tid;
    head->blocked = t->blocked;
    head->own_pending = t->pending;
    head->pending = t->process->pending;
    c->pending_told = head->own_pending | head->pending;
    size_t size = call_encoded_size(out);
    int err = call_buffer_room(&c->message, size);
    if (err != 0) {
        return err;
    }
    call_encode(head, out, c->message.data);
    c->message.size = size;
    err = call_exchange(c, may_cancel);
    if (err == -EPIPE) { /* the first process has ended, and so do all others */
        rt_exit(EXIT_SIGNAL, OS_SIGKILL);
    }
    if (err != 0) {
        return err;
    }
    if (call_decode(BYTES(c->message.data, c->message.size), &c->answer) != 0 ||
        c->answer.head.sequence != head->sequence) {
        rt_fatal("the owner of this process tree answered with what is no answer");
    }
    call_ranges_clear(in);
    call_catch_up(c->answer.head.notices);
    return call_ranges_take(in, &c->answer);
}

/* Brings what the owner misses. */
static int bring(struct call_client *c)
{
    int err = 0;
    for (uint32_t i = 0; i < c->in.count && err == 0; i++) {
        const struct call_range *r = &c->in.list[i];
        if (r->kind == RANGE_NEED) {
            err = call_attach(&c->out, r->addr, r->size);
        } else if (r->kind == RANGE_NEED_TEXT) {
            err = call_attach_text(&c->out, r->addr);
        }
    }
    return err;
}

/* What the call wrote, and what it raised. */
static int64_t take_result(struct call_client *c)
{
    const struct call_head *head = &c->answer.head;
    int64_t result = head->result;
    for (uint32_t i = 0; i < c->in.count; i++) {
        const struct call_range *r = &c->in.list[i];
        const uint8_t *bytes = c->in.data + c->in.places[i];
        if (r->kind == RANGE_DATA && call_put(r->addr, bytes, r->size) != 0) {
            result = -EFAULT;
        } else if (r->kind == RANGE_TEXT) {
            call_take_text(r->addr, BYTES(bytes, r->size));
        }
    }
    if (head->signals != 0) {
        os_lock();
        for (uint64_t left = head->signals; left != 0; left &= left - 1) {
            os_raise(__builtin_ctzll(left) + 1);
        }
        os_unlock();
    }
    if (result == -ERESTARTSYS) { /* whatever became of the signal: it is decided on the way back */
        __atomic_store_n(&os_self()->attention, 1, __ATOMIC_RELAXED);
    }
    return result;
}

/* One part of a call, in as many rounds as its memory needs. */
static int64_t one_part(struct call_client *c, struct call_request *r,
                        const uint64_t args[CALL_ARGS])
{
    call_ranges_clear(&c->out);
    int err = call_hints(r, args);
    for (unsigned round = 0; err == 0 && round < ROUNDS_MAX; round++) {
        struct call_head head = {.kind = CALL_SYSCALL, .number = (uint32_t)r->number};
        memcpy(head.args, r->args, sizeof head.args);
        err = round_trip(c, &head, &c->out, &c->in, true);
        if (err == 0 && c->answer.head.kind == CALL_RESULT) {
            return take_result(c);
        }
        if (err == 0 && c->answer.head.kind != CALL_NEED) {
            rt_fatal("the owner of this process tree answered with what is no result");
        }
        err = err != 0 ? err : bring(c);
    }
    return err != 0 ? err : -EFAULT;
}

/* ---- calls ----------------------------------------------------------------------------------- */

#define MSG_PEEK_WAITALL 0x102u
#define MSG_WAITALL_     0x100u

/* Does the call go on behind a part that was done in full? A read only where it cannot block. */
static bool goes_on(const struct call_client *c, const struct call_request *r)
{
    if (!r->more) {
        return false;
    }
    return r->writes || (c->answer.head.flags & CALL_GO_ON) != 0 ||
           (r->number == 45 && (r->args[3] & MSG_PEEK_WAITALL) == MSG_WAITALL_);
}

static int64_t in_parts(struct call_client *c, uint64_t number, const uint64_t args[CALL_ARGS])
{
    struct call_request r = {.out = &c->out, .number = number};
    for (;;) {
        int64_t n = one_part(c, &r, args);
        if (n < 0) {
            return r.done > 0 ? (int64_t)r.done : n;
        }
        if (!goes_on(c, &r) || (uint64_t)n != r.part) {
            return (int64_t)r.done + n;
        }
        r.done += r.part;
    }
}

/* Masks are the caller's own business: they are swapped here, for as long as the call lasts, and
 * the owner sees none. *args is changed. */
static int own_masks(uint64_t number, uint64_t args[CALL_ARGS])
{
    enum { PSELECT6 = 270, PPOLL = 271, EPOLL_PWAIT = 281 };
    uint64_t set[2] = {0, 0}; /* address and size */
    int err = 0;
    if (number == PSELECT6 && args[5] != 0) {
        err = copy_from_app(set, app_at(args[5]), sizeof set);
        args[5] = 0;
    } else if (number == PPOLL) {
        set[0] = args[3];
        set[1] = args[4];
        args[3] = 0;
    } else if (number == EPOLL_PWAIT) {
        set[0] = args[4];
        set[1] = args[5];
        args[4] = 0;
    }
    if (err == 0 && set[0] != 0) {
        os_lock();
        err = os_temporary_sigmask(app_at(set[0]), set[1]);
        os_unlock();
    }
    return err;
}

/* The owner knows no deadline of an earlier call. The other calls with a time that go on leave the
 * rest of it in the caller's memory. */
static void note_deadline(struct os_thread *t, uint64_t number, const uint64_t args[CALL_ARGS])
{
    enum { POLL = 7 };
    if (number == POLL) {
        const int32_t ms = (int32_t)(uint32_t)args[2];
        t->restart.deadline =
            ms < 0 ? UINT64_MAX : rt_clock_ns(1) + (uint64_t)ms * UINT64_C(1000000);
    }
}

int64_t call_remote(struct os_thread *t, uint64_t number, const uint64_t args[CALL_ARGS])
{
    uint64_t own[CALL_ARGS];
    memcpy(own, args, sizeof own);
    note_deadline(t, number, args);
    int err = own_masks(number, own);
    return err != 0 ? err : in_parts(t->client, number, own);
}

int64_t remote_call(uint64_t number, const uint64_t args[CALL_ARGS])
{
    os_unlock();
    int64_t result = call_remote(os_self(), number, args);
    os_lock();
    return result;
}

/* ---- operations ------------------------------------------------------------------------------ */

static int64_t request(struct call_client *c, enum remote_op op, struct bytes in, void *ret,
                       size_t size, size_t *ret_size)
{
    struct call_head head = {.kind = CALL_OP, .number = (uint32_t)op, .args = {size}};
    const struct call_head call = c->answer.head; /* of the call that needs it, if one does */
    call_ranges_clear(&c->op_out);
    int err = call_ranges_add(&c->op_out, RANGE_DATA, 0, in.data, in.size);
    err = err != 0 ? err : round_trip(c, &head, &c->op_out, &c->op_in, false);
    if (err != 0) {
        return err;
    }
    const struct call_head answer = c->answer.head;
    c->answer.head = call;
    const struct bytes out = call_ranges_find(&c->op_in, RANGE_DATA, 0);
    if (answer.kind != CALL_RESULT || out.size > size) {
        rt_fatal("the owner of this process tree answered with what is no result");
    }
    if (out.size > 0) {
        memcpy(ret, out.data, out.size);
    }
    *ret_size = out.size;
    return answer.result;
}

int64_t remote_request(enum remote_op op, struct bytes in, void *ret, size_t size, size_t *ret_size)
{
    os_unlock();
    int64_t result = request(os_self()->client, op, in, ret, size, ret_size);
    os_lock();
    return result;
}
