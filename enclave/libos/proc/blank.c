/* SPDX-License-Identifier: Apache-2.0 */
/* See blank.h. The first thread of a member is nobody's: it hears what the owner says and tells it
 * what became of the process. The process's own first thread begins with what the owner decided: it
 * takes the image or the plan from the stream, and goes on as the process. */
#include "proc/blank.h"

#include <errno.h>

#include "exec/exec.h"
#include "fs/fs.h"
#include "mm/mm.h"
#include "proc/call_client.h"
#include "proc/child.h"
#include "proc/handshake.h"
#include "proc/image.h"
#include "proc/look.h"
#include "proc/notice.h"
#include "proc/session.h"
#include "proc/table.h"
#include "proc/usage.h"
#include "proc/shares.h"
#include "signals/signals.h"
#include "stop.h"
#include "threads/robust.h"
#include "threads/threads.h"

static struct {
    uint8_t secret[32];
    struct session control;
    struct os_thread listener; /* what os_self() is on the first thread */
    struct notice_begin begin; /* of the process */
    bool busy;                 /* there is a process, or its rest */
    bool born;                 /* the owner knows that it runs */
    bool over;                 /* its last thread has said so: */
    int64_t failed;            /* it did not come to be, or */
    int status;                /* so it ended */
    struct process_usage used;
} self;

bool blank_is_one(void)
{
    return rt_yard_there() && rt_yard_self() != YARD_OWNER;
}

/* The owner is gone, or the host says so: then there is nothing to go on for. */
static void without_owner(void) __attribute__((noreturn));
static void without_owner(void)
{
    rt_exit(EXIT_SIGNAL, OS_SIGKILL);
}

static void tell(const struct notice *n, size_t size)
{
    if (session_send(&self.control, BYTES(n, size), BYTES(NULL, 0)) != 0) {
        without_owner();
    }
}

void blank_say(struct bytes head, struct bytes body)
{
    if (session_send(&self.control, head, body) != 0) {
        without_owner();
    }
}

static void tell_value(enum notice_kind kind, int64_t value)
{
    const struct notice n = {.kind = kind, .u.value = value};
    tell(&n, NOTICE_SIZE(value));
}

/* ---- the process's first thread -------------------------------------------------------------- */

int blank_thread_begins(struct os_thread *t, unsigned box, uint64_t generation)
{
    struct session s = {.peer = 0};
    uint8_t key[32];
    const unsigned mailbox = YARD_BOX_CALLS + box;
    if (box >= THREADS_MAX) {
        return -EINVAL;
    }
    session_key(self.secret, generation, mailbox, key);
    int r = session_open(&s, rt_yard_self(), mailbox, YARD_UP, YARD_OWNER, key);
    secure_zero(key, sizeof key);
    return r == 0 ? call_client_new(&s, &t->client) : r;
}

static int receive(void *where, void *ret, size_t size, size_t *ret_size)
{
    return session_receive((struct session *)where, ret, size, ret_size);
}

static int take_image(struct session *stream, struct rt_frame *frame)
{
    const struct image_source from = {receive, stream};
    return image_receive(&from, frame);
}

#define PLAN_MAX (EXEC_TEXT_MAX + (UINT64_C(1) << 20))

/* First its size, then as many records as it takes. */
static int receive_plan(struct session *stream, uint8_t **ret_data, size_t *ret_size)
{
    uint64_t size = 0;
    size_t n = 0, done = 0;
    int r = session_receive(stream, &size, sizeof size, &n);
    uint8_t *data =
        r == 0 && n == sizeof size && size <= PLAN_MAX ? (uint8_t *)rt_alloc(size + 1) : NULL;
    if (data == NULL) {
        return r != 0 ? r : -ENOMEM;
    }
    while (r == 0 && done < size) {
        r = session_receive(stream, data + done, size - done, &n);
        done += r == 0 ? n : 0;
    }
    *ret_data = data;
    *ret_size = size;
    return r;
}

static int take_plan(struct session *stream, struct rt_frame *frame)
{
    struct exec_plan plan = {.name = ""};
    uint8_t *data = NULL;
    size_t size = 0;
    os_unlock();
    int r = receive_plan(stream, &data, &size);
    os_lock();
    r = r == 0 ? exec_unpack(BYTES(data, size), &plan) : r;
    if (data != NULL) {
        secure_zero(data, size);
        rt_free(data);
    }
    r = r == 0 ? exec_open(&plan) : r;
    if (r != 0) {
        exec_plan_free(&plan);
        return r;
    }
    exec_replace_image(&plan, frame);
    return 0;
}

static int become(struct os_thread *t, struct rt_frame *frame)
{
    const struct notice_begin *b = &self.begin;
    struct session stream = {.peer = 0};
    int r =
        session_open(&stream, rt_yard_self(), YARD_BOX_STREAM, YARD_UP, b->sender, b->stream_key);
    r = r == 0 ? blank_thread_begins(t, b->box, b->generation) : r;
    if (r == 0) {
        t->frame = frame;
        t->blocked = b->blocked;
        memcpy(t->comm, b->comm, sizeof t->comm);
        r = b->how == BEGIN_IMAGE ? take_image(&stream, frame) : take_plan(&stream, frame);
    }
    if (r == 0 && b->tid.set_tid != 0) {
        const uint32_t tid = (uint32_t)t->tid;
        ignore_result(copy_to_app(app_at(b->tid.set_tid), &tid, sizeof tid), "as on Linux");
    }
    if (r == 0 && b->how == BEGIN_IMAGE) {
        t->clear_child_tid = b->tid.clear_tid;
        if (b->tid.set_tls) {
            rt_set_fsbase(b->tid.tls);
        }
    }
    if (r != 0) {
        session_end(&stream); /* who sends may wait for room */
    }
    /* The process may be over before its parent has seen that all was taken, and the enclave be the
     * next process's. */
    session_drain(&stream);
    session_close(&stream);
    return r;
}

static void leave(struct os_thread *t) __attribute__((noreturn));

static void first_thread(struct os_thread *t, struct rt_frame *frame)
{
    os_lock();
    t->number = rt_thread_number(rt_self());
    const int r = become(t, frame);
    if (r != 0) {
        self.failed = r;
        leave(t);
    }
    frame->flags = RT_FRAME_FULL;
    self.born = true;
    tell_value(NOTICE_BORN, 0);
    os_unlock();
}

/* ---- its other threads ----------------------------------------------------------------------- */

static void other_thread(struct os_thread *t, struct rt_frame *frame)
{
    os_lock();
    t->number = rt_thread_number(rt_self());
    if (blank_thread_begins(t, t->served.box, t->served.generation) != 0) {
        rt_fatal(
            "a thread of a process cannot reach the owner of its tree: the host refused memory");
    }
    t->frame = frame;
    *frame = t->start;
    const bool due = __atomic_load_n(&t->attention, __ATOMIC_RELAXED) != 0;
    os_unlock();
    if (due) {
        signal_return_to_workload(t, SIGNAL_NO_CALL);
    }
}

int blank_new_thread(struct os_thread *t)
{
    struct child_thread c;
    int r = child_thread(&c);
    if (r == 0) {
        t->tid = c.tid;
        t->served.box = c.box;
        t->served.generation = c.generation;
        t->service = other_thread;
    }
    return r;
}

/* ---- the end of a process -------------------------------------------------------------------- */

/* The calling thread is the process's last. Who listens waits for the lock, and then it is gone. */
static void leave(struct os_thread *t)
{
    robust_release(t); /* while somebody listens who gives pages back and hears of theirs */
    self.used = usage_now();
    self.over = true;
    rt_wake(self.listener.number);
    threads_leave(t);
}

void blank_process_ends(int status)
{
    struct os_thread *t = os_self();
    self.status = status;
    if (threads_end_others(false) != 0) {
        threads_boundary(t); /* another thread ends this one */
    }
    leave(t);
}

/* The listener's part: nobody else is left. */
static void wipe(void)
{
    struct process *p = os.process;
    const struct signal_box box = signal_box_of_process(p);
    exec_reset();
    os.process = self.listener.process = NULL;
    signal_forget(&box, UINT64_MAX);
    fs_context_done(&p->fs);
    secure_zero(p, sizeof *p);
    rt_free(p);
    secure_zero(&self.begin, sizeof self.begin);
    os.cpu_gone_ns = os.sleeps_gone = 0;
    self.busy = self.born = self.over = false;
}

static void tell_the_end(void)
{
    const struct notice n = {.kind = NOTICE_ENDED, .u.end = {self.status, self.used}};
    const bool born = self.born;
    const int64_t failed = self.failed;
    share_process_ends();
    if (born) { /* nobody has to wait for the wiping */
        tell(&n, NOTICE_SIZE(end));
    }
    wipe();
    if (!born) {
        tell_value(NOTICE_BORN, failed);
    }
    tell_value(NOTICE_READY, 0);
}

/* ---- what the owner says --------------------------------------------------------------------- */

static int start_process(const struct notice_begin *b)
{
    struct process *p;
    int r = process_start_member(b->pid, &p);
    if (r != 0) {
        return r;
    }
    p->fs.fds = fd_table_new(); /* stays empty: descriptors are the owner's */
    if (p->fs.fds == NULL) {
        return -ENOMEM;
    }
    p->ppid = b->ppid;
    p->pgid = b->pgid;
    p->sid = b->sid;
    p->exit_signal = b->exit_signal;
    p->group_count = b->group_count;
    memcpy(p->groups, b->groups, sizeof p->groups);
    memcpy(p->limits, b->limits, sizeof p->limits);
    memcpy(p->comm, b->comm, sizeof p->comm);
    for (unsigned i = 0; i < SIGNALS; i++) {
        p->actions[i].handler = (b->ignored >> i & 1) != 0 ? OS_SIG_IGN : OS_SIG_DFL;
    }
    os.process = self.listener.process = p;
    os.next_tid = b->pid;
    struct os_thread *t = os_thread_new();
    if (t == NULL) {
        return -ENOMEM;
    }
    t->tid = b->pid;
    t->service = first_thread;
    return rt_thread_start(t, 0);
}

static void begins(const struct notice_begin *b)
{
    if (self.busy || (b->how != BEGIN_IMAGE && b->how != BEGIN_PLAN) || b->sender >= YARD_SLOTS ||
        b->group_count < 0 || b->group_count > (int)GROUPS_MAX) {
        rt_fatal("the owner of this process tree says what none says");
    }
    self.begin = *b;
    self.busy = true;
    self.failed = 0;
    self.used = (struct process_usage){.cpu_ns = 0};
    const int r = start_process(b);
    if (r != 0) {
        rt_fatal("a process cannot begin in its enclave (%d): the host refused memory or a thread",
                 -r);
    }
}

static void heard(const struct notice *n, size_t size)
{
    if (n->kind == NOTICE_BEGIN && size == NOTICE_SIZE(begin)) {
        begins(&n->u.begin);
    } else if (n->kind == NOTICE_SIGNAL && size == NOTICE_SIZE(signal) && n->u.signal.signo >= 1 &&
               n->u.signal.signo <= (int)SIGNALS) {
        if (self.busy && !self.over) {
            process_signal_arrived(&n->u.signal);
        }
    } else if (n->kind == NOTICE_PARENT && size == NOTICE_SIZE(value)) {
        if (self.busy) {
            __atomic_store_n(&os.process->ppid, (int)n->u.value, __ATOMIC_RELAXED);
        }
    } else if (n->kind == NOTICE_RECALL && size == NOTICE_SIZE(share)) {
        if (self.busy && !self.over) {
            share_recalled(n->u.share.id, n->u.share.value);
        }
    } else if (n->kind == NOTICE_LOOK && size == NOTICE_SIZE(look)) {
        look_answer(&n->u.look, self.busy && self.born && !self.over);
    } else {
        rt_fatal("the owner of this process tree says what none says (%u)", n->kind);
    }
}

static void be_verified(void)
{
    struct handshake h;
    struct handshake_message message, answer;
    uint8_t key[32];
    const unsigned slot = rt_yard_self();
    handshake_introduce(&h, &message);
    if (session_plain_send(slot, YARD_BOX_STREAM, YARD_UP, YARD_OWNER, BYTES_OF(message)) != 0) {
        without_owner();
    }
    int r =
        session_plain_receive(slot, YARD_BOX_STREAM, YARD_DOWN, YARD_OWNER, &answer, sizeof answer);
    if (r == -EPIPE) {
        without_owner();
    }
    const char *wrong =
        r == 0 ? handshake_finish(&h, &answer, self.secret) : "its answer has a wrong size";
    if (wrong != NULL) {
        rt_fatal("who claims to be the owner of this process tree is not: %s", wrong);
    }
    session_key(self.secret, 0, YARD_BOX_CONTROL, key);
    if (session_open(&self.control, slot, YARD_BOX_CONTROL, YARD_UP, YARD_OWNER, key) != 0) {
        rt_fatal("no memory to talk to the owner of this process tree: the host refused it");
    }
    secure_zero(key, sizeof key);
}

void blank_run(void)
{
    static struct notice n;
    size_t size;
    os.threads = NULL; /* the door's, of a first process that this enclave does not have */
    os.thread_count = 0;
    os.process = NULL;
    self.listener.number = rt_thread_number(rt_self());
    self.listener.blocked = UINT64_MAX;
    rt_set_self_data(&self.listener);
    os_unlock();
    be_verified();
    tell_value(NOTICE_READY, 0);
    for (;;) {
        os_lock();
        if (self.over) {
            tell_the_end();
        }
        const uint64_t timeout = self.busy ? share_give_back() : UINT64_MAX;
        os_unlock();
        ignore_result(session_wait(&self.control, timeout), "what is there tells");
        if (!session_ready(&self.control)) {
            continue;
        }
        if (session_receive(&self.control, &n, sizeof n, &size) != 0) {
            without_owner();
        }
        os_lock();
        heard(&n, size);
        os_unlock();
        secure_zero(&n, sizeof n);
    }
}
