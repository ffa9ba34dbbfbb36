/* SPDX-License-Identifier: Apache-2.0 */
/* Remote calls' two ends of a session: who waits for what.
 *
 * A member's thread that waits for an answer is asleep as in os_block(): a signal for it wakes it,
 * and it sends a cancel. The owner's thread that sleeps for a call in os_block() wakes when that
 * comes; its call ends with -ERESTARTSYS, and what becomes of that is decided at the member, which
 * knows handlers and masks. A cancel that comes late names a call that is over, and is dropped.
 *
 * The adversary: the host delays records and wakes threads as it likes. */
#include <errno.h>

#include "fs/vfs.h"
#include "proc/call_client.h"
#include "proc/call_server.h"
#include "time/timers.h"

/* ---- the member's end ------------------------------------------------------------------------ */

static int send_cancel(struct call_client *c)
{
    const struct call_head head = {.kind = CALL_CANCEL, .sequence = c->sequence};
    return call_send(&c->session, BYTES_OF(head));
}

/* A signalfd that the call looks at, or waits for, is the owner's to serve; what there is to read
 * is known here. Blocked signals wake who polls, as in the first process. */
static int tell_pending(struct call_client *c)
{
    const struct os_thread *t = os_self();
    const struct call_head head = {.kind = CALL_PENDING,
                                   .sequence = c->sequence,
                                   .own_pending = t->pending,
                                   .pending = t->process->pending};
    c->pending_told = head.own_pending | head.pending;
    return call_send(&c->session, BYTES_OF(head));
}

static bool pending_is_news(const struct call_client *c)
{
    const struct os_thread *t = os_self();
    return ((t->pending | t->process->pending) & ~c->pending_told) != 0;
}

static void sleep_for_answer(struct call_client *c)
{
    struct os_thread *t = os_self();
    const uint64_t bit = UINT64_C(1) << t->number % 64;
    uint64_t now = rt_clock_ns(1), wake_at = timer_deadline();
    t->waiting = true;
    fs_poll_queue.waiting[t->number / 64] |= bit;
    os_unlock();
    if (wake_at > now) {
        ignore_result(session_wait(&c->session, wake_at == UINT64_MAX ? wake_at : wake_at - now),
                      "why it returned is the host's word");
    }
    os_lock();
    t->waiting = false;
    fs_poll_queue.waiting[t->number / 64] &= ~bit;
    t->waited_ns += rt_clock_ns(1) - now;
    t->sleeps++;
    timer_check();
}

int call_exchange(struct call_client *c, bool may_cancel)
{
    int err = call_send(&c->session, BYTES(c->message.data, c->message.size));
    while (err == 0 && !session_ready(&c->session)) {
        os_lock();
        bool cancel = may_cancel && os_interrupted(os_self());
        const bool news = may_cancel && !cancel && pending_is_news(c);
        if (!cancel && !news) {
            sleep_for_answer(c);
        }
        os_unlock();
        if (cancel) {
            may_cancel = false;
            err = send_cancel(c);
        } else if (news) {
            err = tell_pending(c);
        }
    }
    return err != 0 ? err : call_receive(&c->session, &c->message);
}

static struct wait_queue caught_up; /* who waits for signals that come before an answer */

void call_notice_taken(void)
{
    __atomic_fetch_add(&os.process->notices, 1, __ATOMIC_RELEASE);
    os_wake_all(&caught_up);
}

void call_catch_up(uint64_t notices)
{
    struct os_thread *t = os_self();
    const uint64_t bit = UINT64_C(1) << t->number % 64;
    if (__atomic_load_n(&os.process->notices, __ATOMIC_ACQUIRE) >= notices) {
        return;
    }
    os_lock();
    while (os.process->notices < notices) {
        caught_up.waiting[t->number / 64] |= bit;
        t->waiting = true;
        os_unlock();
        ignore_result(rt_wait(UINT64_MAX), "the count tells");
        os_lock();
        t->waiting = false;
        caught_up.waiting[t->number / 64] &= ~bit;
    }
    os_unlock();
}

/* ---- the owner's end ------------------------------------------------------------------------- */

bool call_server_interrupted(struct call_server *s)
{
    struct call_message m;
    while (!s->cancelled && session_ready(&s->session)) {
        if (call_receive(&s->session, &s->message) != 0 ||
            call_decode(BYTES(s->message.data, s->message.size), &m) != 0 ||
            (m.head.kind != CALL_CANCEL && m.head.kind != CALL_PENDING)) {
            s->cancelled = s->gone = true; /* the session has ended, or is to be */
            break;
        }
        if (m.head.sequence != s->head.sequence) {
            continue;
        }
        s->cancelled = m.head.kind == CALL_CANCEL;
        if (!s->cancelled) {
            s->head.own_pending = m.head.own_pending;
            s->head.pending = m.head.pending;
            os_wake_all(&fs_poll_queue); /* the one that sleeps for this call looks again */
        }
    }
    return s->cancelled;
}

void call_server_wait(struct call_server *s, uint64_t timeout_ns)
{
    ignore_result(session_wait(&s->session, timeout_ns), "why it returned is the host's word");
}

static int serve_next(struct call_server *s)
{
    int err = call_receive(&s->session, &s->message);
    if (err == 0) {
        err = call_serve(s, BYTES(s->message.data, s->message.size));
    }
    if (err == 0 && s->gone) {
        err = -EPIPE;
    }
    if (err == 0 && s->answer.size > 0) {
        err = call_send(&s->session, BYTES(s->answer.data, s->answer.size));
    }
    return err;
}

void call_server_run(struct call_server *s)
{
    while (serve_next(s) == 0) {
    }
    os_lock();
    node_unref(s->thread.away.node);
    if (s->ended != NULL) {
        s->ended(s);
    }
    os_unlock();
    session_close(&s->session);
    call_memory_free(&s->memory);
    rt_free(s->message.data);
    rt_free(s->answer.data);
    rt_set_self_data(NULL);
    rt_free(s);
    rt_thread_exit();
}

int call_server_start(struct process *p, int tid, const struct session *take_session,
                      void (*ended)(struct call_server *s), void *context)
{
    struct session session = *take_session;
    struct call_server *s = (struct call_server *)rt_alloc(sizeof *s);
    int err = s == NULL ? -ENOMEM : 0;
    if (err == 0) {
        s->session = session;
        s->ended = ended;
        s->context = context;
        s->process = s->thread.process = p;
        s->thread.server = s;
        s->thread.tid = tid;
        s->thread.blocked = UINT64_MAX; /* nobody's signals are for this one */
        s->thread.born_ns = rt_clock_ns(1);
        err = rt_thread_start(&s->thread, 0);
    }
    if (err != 0) {
        session_close(&session);
        rt_free(s);
    }
    return err;
}
