/* SPDX-License-Identifier: Apache-2.0 */
/* See member.h. */
#include "proc/member.h"

#include <errno.h>

#include "threads/futex.h"
#include "proc/call_server.h"
#include "proc/handshake.h"
#include "proc/look.h"
#include "proc/table.h"
#include "exec/program.h"
#include "proc/shares.h"
#include "signals/signals.h"

#define POOL_SIZE  2u /* blanks that are ready, or on their way */
#define PAGE_BYTES 4096u
#define RETRY_NS   UINT64_C(1000000)   /* while something of ours could not be sent */
/* Who is killed and shares memory has so long to end by itself, and then so long to give back pages. */
#define ENDING_NS UINT64_C(1000000000)
#define DYING_NS  UINT64_C(200000000)

enum member_state {
    MEMBER_NONE,     /* the slot is free */
    MEMBER_STARTING, /* the host was asked for it */
    MEMBER_BLANK,    /* verified, and waits */
    MEMBER_TAKEN,    /* by a caller of member_take() */
    MEMBER_BUSY,     /* has a process */
    MEMBER_GONE,     /* its process has ended with the enclave, and its servers are ending */
};

struct queued_notice {
    struct queued_notice *next;
    size_t size;
    struct notice notice;
};

/* A thread that serves a member's calls. */
struct served {
    struct served *next; /* of the same member */
    int tid;
    struct member_served shown;
    struct member *m;
    unsigned box;
};

struct member {
    enum member_state state;
    unsigned slot;
    uint8_t secret[32];
    uint64_t generation;
    struct session control;
    struct process *process;
    struct queued_notice *queue;
    unsigned servers;                 /* threads that serve its calls: */
    struct served *served;            /* these */
    uint64_t boxes[THREADS_MAX / 64]; /* mailboxes of calls that they have */
    bool waited_for;           /* its starter is in member_born(): nothing of it may go away */
    bool committed;            /* its process is one even if it does not come to be there */
    bool reported;             /* its starter knows what came of it */
    bool answered;             /* said how it came to be: */
    int64_t born;              /* so */
    uint64_t dying_until;      /* not 0: it was killed, and ends then, or before */
    bool ended;                /* its process is over: */
    int status;                /* so */
    struct process_usage used; /* and used that */
};

static struct {
    struct member *all[YARD_SLOTS];
    struct os_thread thread; /* what os_self() is on the thread that attends to them */
    bool started;
    bool refused;              /* the host brought no process when it was last asked */
    struct wait_queue changed; /* who waits for a blank, or for a birth */
} yard;

bool member_possible(void)
{
    /* A worker's host must not learn from its processes what it does with its task. Behind the shim
     * door the program's pages are part of every enclave's image, in place and changed: none is
     * blank. */
    return rt_yard_there() && rt_yard_self() == YARD_OWNER && !os.manifest->stdin_task &&
           program_stubs() == 0;
}

static void look(void)
{
    if (yard.thread.number != THREAD_NOT_YET) {
        rt_wake(yard.thread.number);
    }
}

/* ---- what is said to members ----------------------------------------------------------------- */

/* The lock must not wait for a member, so what finds no room waits in a queue. */
static void flush(struct member *m)
{
    while (m->queue != NULL && m->control.open && session_has_room(&m->control)) {
        struct queued_notice *q = m->queue;
        ignore_result(session_send(&m->control, BYTES(&q->notice, q->size), BYTES(NULL, 0)),
                      "a member that is gone is found to be");
        m->queue = q->next;
        secure_zero(q, sizeof *q);
        rt_free(q);
    }
}

static int say(struct member *m, const struct notice *n, size_t size)
{
    struct queued_notice **end = &m->queue;
    struct queued_notice *q = (struct queued_notice *)rt_alloc(sizeof *q);
    if (q == NULL) {
        return -ENOMEM;
    }
    memcpy(&q->notice, n, size);
    q->size = size;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = q;
    flush(m);
    if (m->queue != NULL) {
        look();
    }
    return 0;
}

static void member_signal(struct process *p, const struct signal_info *info)
{
    const struct notice n = {.kind = NOTICE_SIGNAL, .u.signal = *info};
    if (p->member == NULL) {
        return;
    }
    /* An answer without the lock may count one that is on its way: its caller waits for it. */
    __atomic_fetch_add(&p->notices, 1, __ATOMIC_RELEASE);
    if (say(p->member, &n, NOTICE_SIZE(signal)) != 0) {
        rt_process_kill(p->member->slot); /* a signal that is lost would be worse */
    }
}

static void kill_now(struct member *m)
{
    m->ended = true;
    m->status = STATUS_SIGNALED(OS_SIGKILL);
    rt_process_kill(m->slot);
}

/* What it wrote to shared memory is others' to see, and locks that it holds there are to be marked:
 * so it ends as for any other signal. The host, and threads that nothing stops, may not make others
 * wait for that. */
static void member_kill(struct process *p)
{
    struct member *m = p->member;
    const struct signal_info info = {.signo = OS_SIGKILL};
    if (m == NULL || m->ended || m->dying_until != 0) {
        return;
    }
    if (!shares_any(p)) {
        kill_now(m);
        return;
    }
    m->dying_until = rt_clock_ns(1) + ENDING_NS + DYING_NS;
    member_signal(p, &info);
    look();
}

bool member_is_dying(const struct process *p)
{
    const struct member *m = p->member;
    return m != NULL && m->dying_until != 0 && rt_clock_ns(1) + DYING_NS >= m->dying_until;
}

/* True: it is not over yet. */
static bool dies(struct member *m)
{
    if (m->dying_until == 0 || m->ended) {
        return false;
    }
    if (!member_is_dying(m->process) ||
        (rt_clock_ns(1) < m->dying_until && shares_recall_from(m->process))) {
        return true;
    }
    kill_now(m);
    return false;
}

static void member_parent_changed(struct process *p)
{
    const struct notice n = {.kind = NOTICE_PARENT, .u.value = p->ppid};
    if (p->member != NULL) {
        ignore_result(say(p->member, &n, NOTICE_SIZE(value)), "getppid then tells the one before");
    }
}

int member_recall(struct process *p, uint64_t id, uint64_t index)
{
    const struct notice n = {.kind = NOTICE_RECALL, .u.share = {id, index}};
    return p->member == NULL ? 0 : say(p->member, &n, NOTICE_SIZE(share));
}

int member_look(const struct process *p, const struct notice *n)
{
    return say(p->member, n, NOTICE_SIZE(look));
}

size_t member_tids(const struct process *p, int *ret_tids, size_t max)
{
    size_t n = 0;
    for (const struct served *s = p->member->served; s != NULL && n < max; s = s->next) {
        ret_tids[n++] = s->tid;
    }
    return n;
}

static const struct member_operations operations = {member_signal, member_kill,
                                                    member_parent_changed};

/* ---- their ends ------------------------------------------------------------------------------ */

static void drop_queue(struct member *m)
{
    while (m->queue != NULL) {
        struct queued_notice *q = m->queue;
        m->queue = q->next;
        rt_free(q);
    }
}

/* Its enclave is gone, or is to be. */
static void forget(struct member *m)
{
    rt_process_over(m->slot);
    yard.all[m->slot] = NULL;
    session_close(&m->control);
    drop_queue(m);
    secure_zero(m, sizeof *m);
    rt_free(m);
}

/* When nobody serves its calls any more, its process is over; not before: a call that is under way
 * looks at its descriptors. */
static void finish(struct member *m)
{
    struct process *p = m->process;
    if (!m->ended || m->servers > 0 || m->waited_for) {
        return;
    }
    if (p != NULL) {
        shares_end(p);
        m->process = NULL;
        p->member = NULL;
        look_changed();
        if (m->born == 0 || m->committed || !m->reported) {
            process_end(p, m->status, m->used.peak_kib != 0 ? &m->used : NULL);
        }
        process_unref(p);
    }
    if (m->state == MEMBER_GONE) {
        forget(m);
    }
    os_wake_all(&yard.changed);
}

/* It was the child of a vfork just then, or that one's. */
static void end_vforked(const struct served *served, struct process *p)
{
    while (p != NULL && p != served->shown.process && p->state < PROCESS_ZOMBIE) {
        struct process *maker = p->vforked_by;
        REQUIRE(maker != NULL);
        process_end(p, STATUS_SIGNALED(OS_SIGKILL), NULL); /* its maker is not over: it stays */
        p = maker;
    }
}

static void server_ended(struct call_server *s)
{
    struct served *served = (struct served *)s->context;
    struct member *m = served->m;
    end_vforked(served, s->thread.process);
    m->boxes[served->box / 64] &= ~(UINT64_C(1) << served->box % 64);
    m->servers--;
    struct served **p = &m->served;
    while (*p != served) {
        p = &(*p)->next;
    }
    *p = served->next;
    process_unref(served->shown.process);
    rt_free(served);
    finish(m);
    look();
}

static void gone(struct member *m)
{
    if (m->state == MEMBER_GONE) {
        return;
    }
    const bool busy = m->state == MEMBER_BUSY;
    if (!m->answered) {
        m->answered = true;
        m->born = -EPIPE;
    }
    if (busy) {
        if (!m->ended) {
            m->ended = true;
            m->status = STATUS_SIGNALED(OS_SIGKILL);
        }
        m->state = MEMBER_GONE;
        finish(m);
    } else if (m->state == MEMBER_TAKEN) {
        m->state = MEMBER_GONE; /* who took it finds out */
    } else {
        forget(m);
    }
    os_wake_all(&yard.changed);
}

/* ---- what members say ------------------------------------------------------------------------ */

static void becomes_blank(struct member *m)
{
    m->state = MEMBER_BLANK;
    os_wake_all(&yard.changed);
}

/* Of memory that it shares. False: it is about something else. */
static bool heard_of_share(struct member *m, const struct notice *n, size_t size)
{
    const size_t head = NOTICE_SIZE(share);
    const bool page = n->kind == NOTICE_PAGE && size == head + PAGE_BYTES;
    if (!page && ((n->kind != NOTICE_DROP && n->kind != NOTICE_WAKE) || size != head)) {
        return false;
    }
    if (m->process == NULL) {
        return true; /* it did not come to be */
    }
    if (page) {
        shares_returned(m->process, n->u.share.id, n->u.share.value, (const uint8_t *)n + head);
    } else if (n->kind == NOTICE_DROP) {
        shares_dropped(m->process, n->u.share.id, n->u.share.value);
    } else {
        struct node *node = shares_node(m->process, n->u.share.id);
        if (node != NULL) {
            futex_wake_shared(node, n->u.share.value);
        }
    }
    return true;
}

static void heard(struct member *m, const struct notice *n, size_t size)
{
    const size_t look = NOTICE_SIZE(look);
    if (n->kind == NOTICE_SEEN && size >= look && size <= look + PAGE_BYTES) {
        look_answered(&n->u.look, BYTES((const uint8_t *)n + look, size - look));
        return;
    }
    if (heard_of_share(m, n, size)) {
        return;
    }
    if (n->kind == NOTICE_READY && m->process == NULL && size == NOTICE_SIZE(value)) {
        becomes_blank(m);
    } else if (n->kind == NOTICE_BORN && m->state == MEMBER_BUSY && !m->answered &&
               size == NOTICE_SIZE(value)) {
        m->answered = true;
        m->born = n->u.value;
        if (m->born != 0) {
            m->ended = true;
            m->status = STATUS_SIGNALED(OS_SIGKILL);
            finish(m);
        }
        os_wake_all(&yard.changed);
    } else if (n->kind == NOTICE_ENDED && m->state == MEMBER_BUSY && size == NOTICE_SIZE(end)) {
        m->ended = true;
        m->status = m->dying_until != 0 ? STATUS_SIGNALED(OS_SIGKILL) : n->u.end.status;
        m->used = n->u.end.used;
        finish(m);
    } else {
        rt_fatal("a member of this process tree says what none says (%u)", n->kind);
    }
}

/* True: there may be more. */
static bool listen(struct member *m)
{
    static union {
        struct notice n;
        uint8_t bytes[sizeof(struct notice) + PAGE_BYTES];
    } message;
    size_t size = 0;
    if (!session_ready(&m->control)) {
        return false;
    }
    if (m->process != NULL && m->ended && !session_peer_gone(m->slot)) {
        return false; /* it is over here first; then it may be blank again */
    }
    const int r = session_receive(&m->control, &message, sizeof message, &size);
    if (r == -ENOMEM) {
        kill_now(m); /* what it said cannot be heard: it may not wait for an answer for ever */
        return false;
    }
    if (r != 0) {
        gone(m);
        return false;
    }
    heard(m, &message.n, size);
    return yard.all[m->slot] == m;
}

/* Not with the lock held: the cryptography takes its time. Only the attending thread knows m yet.
 */
static const char *verify(struct member *m)
{
    struct handshake_message blank, answer;
    uint8_t key[32];
    int r = session_plain_receive(m->slot, YARD_BOX_STREAM, YARD_UP, m->slot, &blank, sizeof blank);
    if (r != 0) {
        return r == -EPIPE ? NULL : "its first message has a wrong size";
    }
    const char *wrong = handshake_answer(&blank, &answer, m->secret);
    if (wrong != NULL) {
        return wrong;
    }
    session_key(m->secret, 0, YARD_BOX_CONTROL, key);
    r = session_open(&m->control, m->slot, YARD_BOX_CONTROL, YARD_DOWN, m->slot, key);
    secure_zero(key, sizeof key);
    if (r != 0) {
        return "there is no memory to talk to it";
    }
    ignore_result(
        session_plain_send(m->slot, YARD_BOX_STREAM, YARD_DOWN, m->slot, BYTES_OF(answer)),
        "a process that is gone is found to be");
    return NULL;
}

static void attend(struct member *m)
{
    if (!m->control.open) {
        if (session_plain_ready(m->slot, YARD_BOX_STREAM, YARD_UP)) {
            os_unlock();
            const char *wrong = verify(m);
            if (wrong != NULL) {
                rt_fatal("a process that the host started for this tree is not of it: %s", wrong);
            }
            os_lock();
        }
        if (session_peer_gone(m->slot)) {
            gone(m);
        }
        return;
    }
    flush(m);
    while (listen(m)) {
    }
}

/* ---- the thread that attends ----------------------------------------------------------------- */

static unsigned spare(void)
{
    unsigned n = 0;
    for (unsigned i = 1; i < YARD_SLOTS; i++) {
        const struct member *m = yard.all[i];
        n += m != NULL && (m->state == MEMBER_STARTING || m->state == MEMBER_BLANK);
    }
    return n;
}

static void fill_pool(void)
{
    while (spare() < POOL_SIZE && !yard.refused) {
        struct member *m = (struct member *)rt_alloc(sizeof *m);
        int slot = -ENOMEM;
        if (m != NULL) {
            os_unlock();
            slot = rt_process_start();
            os_lock();
        }
        if (slot < 0 || yard.all[slot] != NULL) {
            REQUIRE(slot < 0 || m != NULL);
            rt_free(m);
            yard.refused = true;
            os_wake_all(&yard.changed); /* who waits for a blank hears of it */
            break;
        }
        m->slot = (unsigned)slot;
        m->state = MEMBER_STARTING;
        yard.all[slot] = m;
    }
}

static void announce(bool wait)
{
    for (unsigned i = 1; i < YARD_SLOTS; i++) {
        const struct member *m = yard.all[i];
        if (m != NULL) {
            const bool open = m->control.open;
            session_plain_announce(i, open ? YARD_BOX_CONTROL : YARD_BOX_STREAM, YARD_UP, wait);
        }
    }
}

static bool something_came(void)
{
    for (unsigned i = 1; i < YARD_SLOTS; i++) {
        const struct member *m = yard.all[i];
        const bool over =
            m != NULL && (m->state == MEMBER_GONE || (m->process != NULL && m->ended));
        if (m != NULL && !over &&
            (m->control.open
                 ? session_ready(&m->control)
                 : session_plain_ready(i, YARD_BOX_STREAM, YARD_UP) || session_peer_gone(i))) {
            return true;
        }
    }
    return false;
}

static bool something_waits(void)
{
    bool any = false;
    for (unsigned i = 1; i < YARD_SLOTS; i++) {
        struct member *m = yard.all[i];
        any = m != NULL && (dies(m) || m->queue != NULL) ? true : any;
    }
    return any;
}

static void attend_to_all(struct os_thread *t, struct rt_frame *frame) __attribute__((noreturn));
static void attend_to_all(struct os_thread *t, struct rt_frame *frame)
{
    (void)t, (void)frame;
    os_lock();
    for (;;) {
        for (unsigned i = 1; i < YARD_SLOTS; i++) {
            if (yard.all[i] != NULL) {
                attend(yard.all[i]);
            }
        }
        fill_pool();
        announce(true);
        const bool again = something_came();
        const uint64_t timeout = something_waits() ? RETRY_NS : UINT64_MAX;
        os_unlock();
        if (!again) {
            ignore_result(rt_wait(timeout), "what is there tells, not why it returned");
        }
        os_lock();
        announce(false);
    }
}

static int start(void)
{
    if (yard.started) {
        return 0;
    }
    yard.thread = (struct os_thread){.process = os.process,
                                     .number = THREAD_NOT_YET,
                                     .blocked = UINT64_MAX,
                                     .service = attend_to_all};
    member_operations = &operations;
    int r = rt_thread_start(&yard.thread, 0);
    yard.started = r == 0;
    return r;
}

/* ---- for those who start processes ----------------------------------------------------------- */

static struct member *first_blank(void)
{
    for (unsigned i = 1; i < YARD_SLOTS; i++) {
        if (yard.all[i] != NULL && yard.all[i]->state == MEMBER_BLANK) {
            return yard.all[i];
        }
    }
    return NULL;
}

int member_take(struct member **ret)
{
    int r = member_possible() ? start() : -ENOSYS;
    struct member *m = NULL;
    if (yard.refused) {
        yard.refused = false;
        look(); /* who attends asks the host once more */
    }
    while (r == 0 && (m = first_blank()) == NULL) {
        if (yard.refused && spare() == 0) {
            return -EAGAIN;
        }
        r = os_block(&yard.changed, UINT64_MAX);
    }
    if (r == 0) {
        m->state = MEMBER_TAKEN;
        *ret = m;
        look(); /* the pool wants another */
    }
    return r;
}

void member_give_back(struct member *m)
{
    if (m->state == MEMBER_GONE) {
        forget(m);
    } else {
        becomes_blank(m);
    }
}

static int free_box(const struct member *m)
{
    for (unsigned i = 0; i < THREADS_MAX; i++) {
        if ((m->boxes[i / 64] >> i % 64 & 1) == 0) {
            return (int)i;
        }
    }
    return -EAGAIN;
}

/* Serves the calls of another thread of a member; box and generation are for that thread's end. */
static int serve_thread(struct member *m, int tid, unsigned *ret_box, uint64_t *ret_generation)
{
    struct session s = {.peer = 0};
    uint8_t key[32];
    int box = free_box(m);
    struct served *served = (struct served *)rt_alloc(sizeof *served);
    if (box < 0 || served == NULL) {
        rt_free(served);
        return box < 0 ? box : -ENOMEM;
    }
    const unsigned mailbox = YARD_BOX_CALLS + (unsigned)box;
    *served = (struct served){
        NULL, tid, {m->slot, process_ref(m->process)}, m, (unsigned)box};
    session_reset(m->slot, mailbox);
    session_key(m->secret, ++m->generation, mailbox, key);
    int r = session_open(&s, m->slot, mailbox, YARD_DOWN, m->slot, key);
    secure_zero(key, sizeof key);
    r = r == 0 ? call_server_start(m->process, tid, &s, server_ended, served) : r;
    if (r != 0) {
        process_unref(served->shown.process);
        rt_free(served);
        return r;
    }
    m->boxes[box / 64] |= UINT64_C(1) << (unsigned)box % 64;
    m->servers++;
    served->next = m->served;
    m->served = served;
    *ret_box = (unsigned)box;
    *ret_generation = m->generation;
    return 0;
}

static void describe(const struct process *p, struct notice_begin *b)
{
    b->pid = p->pid;
    b->ppid = p->ppid;
    b->pgid = p->pgid;
    b->sid = p->sid;
    b->exit_signal = p->exit_signal;
    b->group_count = p->group_count;
    memcpy(b->groups, p->groups, sizeof b->groups);
    memcpy(b->limits, p->limits, sizeof b->limits);
    memcpy(b->comm, p->comm, sizeof b->comm);
    for (unsigned i = 0; i < SIGNALS; i++) {
        b->ignored |= p->actions[i].handler == OS_SIG_IGN ? SIGNAL_BIT(i + 1) : 0;
    }
}

int member_begin(struct member *m, struct process *p, const struct member_order *order,
                 struct member_stream *ret)
{
    struct notice n = {.kind = NOTICE_BEGIN,
                       .u.begin = {.how = order->how,
                                   .sender = order->sender,
                                   .blocked = order->blocked,
                                   .tid = order->tid}};
    struct notice_begin *b = &n.u.begin;
    if (m->state == MEMBER_GONE) {
        member_give_back(m);
        return -EAGAIN;
    }
    REQUIRE(m->state == MEMBER_TAKEN && m->process == NULL && m->servers == 0);
    m->process = process_ref(p);
    p->notices = 0;
    m->answered = m->ended = false;
    m->dying_until = 0;
    m->committed = order->committed;
    m->reported = false;
    m->used = (struct process_usage){.cpu_ns = 0};
    session_reset(m->slot, YARD_BOX_STREAM);
    int r = serve_thread(m, p->pid, &b->box, &b->generation);
    if (r == 0) {
        describe(p, b);
        rt_random(b->stream_key, sizeof b->stream_key);
        ret->slot = m->slot;
        memcpy(ret->key, b->stream_key, sizeof ret->key);
        m->state = MEMBER_BUSY;
        p->member = m;
        r = say(m, &n, NOTICE_SIZE(begin));
        REQUIRE(r == 0); /* its server is there: there was memory a moment ago */
        secure_zero(&n, sizeof n);
        return 0;
    }
    m->process = NULL;
    process_unref(p);
    member_give_back(m);
    return r;
}

/* As os_block(), but nothing ends it early. */
static void sleep_on(struct wait_queue *q)
{
    const unsigned number = rt_thread_number(rt_self());
    q->waiting[number / 64] |= UINT64_C(1) << number % 64;
    os_unlock();
    ignore_result(rt_wait(UINT64_MAX), "what is there tells");
    os_lock();
    q->waiting[number / 64] &= ~(UINT64_C(1) << number % 64);
}

int member_born(struct process *p)
{
    struct member *m = p->member;
    if (m == NULL) { /* a process that was never born is cancelled by its starter, in time */
        return p->state >= PROCESS_ZOMBIE ? 0 : -EPIPE;
    }
    m->waited_for = true;
    while (!m->answered) {
        sleep_on(&yard.changed);
    }
    m->waited_for = false;
    m->reported = true;
    const int r = (int)m->born;
    finish(m);
    return r;
}

const struct member_served *member_of_server(const struct call_server *s)
{
    return &((const struct served *)s->context)->shown;
}

int member_serves_thread(struct call_server *s, int tid, uint32_t *ret_box,
                         uint64_t *ret_generation)
{
    const struct served *served = (const struct served *)s->context;
    return served->m->ended ? -EAGAIN : serve_thread(served->m, tid, ret_box, ret_generation);
}
