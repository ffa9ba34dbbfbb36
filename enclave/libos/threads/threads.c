/* SPDX-License-Identifier: Apache-2.0 */
/* Threads of the one process: making, ending, finding them; the one lock; sleeping.
 *
 * The adversary: the host schedules. It may start a thread late or never and wake sleepers at will,
 * so nothing here concludes anything from having been woken. */
#include <errno.h>

#include "fs/verity_range.h"
#include "fs/vfs.h"
#include "threads/futex.h"
#include "mm/mm.h"
#include "net/network.h"
#include "proc/call_client.h"
#include "proc/blank.h"
#include "proc/call_server.h"
#include "proc/fork.h"
#include "proc/table.h"
#include "process.h"
#include "proc/shares.h"
#include "signals/signals.h"
#include "threads/robust.h"
#include "threads/threads.h"
#include "time/timers.h"
#include "trace/fatal.h"
#include "trace/perf.h"
#include "trace/trace.h"
#include "worker.h"

/* linux/sched.h */
#define CLONE_VM             UINT64_C(0x00000100)
#define CLONE_FS             UINT64_C(0x00000200)
#define CLONE_FILES          UINT64_C(0x00000400)
#define CLONE_SIGHAND        UINT64_C(0x00000800)
#define CLONE_THREAD         UINT64_C(0x00010000)
#define CLONE_SYSVSEM        UINT64_C(0x00040000)
#define CLONE_SETTLS         UINT64_C(0x00080000)
#define CLONE_PARENT_SETTID  UINT64_C(0x00100000)
#define CLONE_CHILD_CLEARTID UINT64_C(0x00200000)
#define CLONE_DETACHED       UINT64_C(0x00400000) /* ignored by Linux too */
#define CLONE_CHILD_SETTID   UINT64_C(0x01000000)
#define CLONE_IS_THREAD      (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)
#define CLONE_KNOWN                                                                                \
    (CLONE_IS_THREAD | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | \
     CLONE_DETACHED | CLONE_CHILD_SETTID)

struct os_state os;
static struct rt_lock big_lock;

void os_lock(void)
{
    rt_lock(&big_lock);
}

/* Under the lock. A thread that is woken while the waker holds the lock runs into it, and on one
 * processor that costs two more trips outside: so it is woken when the lock is free. */
static uint64_t to_wake[THREADS_MAX / 64];
static bool any_to_wake;

void os_wake(unsigned number)
{
    to_wake[number / 64] |= UINT64_C(1) << (number % 64);
    any_to_wake = true;
}

void os_unlock(void)
{
    if (!any_to_wake) {
        rt_unlock(&big_lock);
        return;
    }
    uint64_t bits[ARRAY_SIZE(to_wake)];
    memcpy(bits, to_wake, sizeof bits);
    memset(to_wake, 0, sizeof to_wake);
    any_to_wake = false;
    rt_unlock(&big_lock);
    for (unsigned w = 0; w < ARRAY_SIZE(bits); w++) {
        for (; bits[w] != 0; bits[w] &= bits[w] - 1) {
            rt_wake(w * 64 + (unsigned)__builtin_ctzll(bits[w]));
        }
    }
}

struct os_thread *os_self(void)
{
    return (struct os_thread *)rt_self_data();
}

struct fs_context *os_fs(void)
{
    return &os_current()->fs;
}

int os_pid(void)
{
    return os_current()->pid;
}

struct os_thread *os_thread_by_tid(int tid)
{
    struct os_thread *t = os.threads;
    while (t != NULL && t->tid != tid) {
        t = t->next;
    }
    return t;
}

size_t os_thread_ids(int *ret_tids, size_t max)
{
    if (os_self()->server != NULL) {
        return call_server_tids(os_self()->server, ret_tids, max);
    }
    size_t n = 0;
    for (const struct os_thread *t = os.threads; t != NULL; t = t->next) {
        if (n < max) {
            ret_tids[n] = t->tid;
        }
        n++;
    }
    return n;
}

struct os_thread *os_thread_new(void)
{
    struct os_thread *t = (struct os_thread *)rt_alloc(sizeof *t);
    if (t == NULL) {
        return NULL;
    }
    t->process = os.process;
    t->tid = process_new_id();
    t->number = THREAD_NOT_YET;
    t->born_ns = rt_clock_ns(1);
    threads_begins(t);
    t->next = os.threads;
    os.threads = t;
    os.thread_count++;
    os.thread_peak = os.thread_count > os.thread_peak ? os.thread_count : os.thread_peak;
    return t;
}

static void unlink_thread(struct os_thread *t)
{
    struct os_thread **p = &os.threads;
    while (*p != t) {
        p = &(*p)->next;
    }
    *p = t->next;
    os.thread_count--;
    os.cpu_gone_ns += os_thread_cpu_ns(t);
    os.sleeps_gone += t->sleeps;
    for (size_t i = 0; i < SYS_NUMBERS; i++) {
        os.calls_gone[i] += t->calls[i];
    }
}

/* ---- sleeping
 * ------------------------------------------------------------------------------------------ */

/* A call that ends for a signal must pass through its delivery, which decides whether it restarts.
 */
bool os_interrupted(struct os_thread *t)
{
    if (t->server != NULL) {
        return call_server_interrupted(t->server);
    }
    if (!signal_wanted(t)) {
        return false;
    }
    __atomic_store_n(&t->attention, 1, __ATOMIC_RELAXED);
    return true;
}

static void sleep_for(struct os_thread *t, uint64_t ns)
{
    if (t->server != NULL) {
        call_server_wait(t->server, ns);
    } else {
        ignore_result(rt_wait_near(ns), "why it returned is the host's word");
    }
}

int os_block(struct wait_queue *q, uint64_t deadline_ns)
{
    struct os_thread *t = os_self();
    uint64_t bit = UINT64_C(1) << (t->number % 64);
    timer_check();
    if (os_interrupted(t)) {
        t->restart.deadline = deadline_ns;
        return -ERESTARTSYS;
    }
    uint64_t wake_at = timer_deadline() < deadline_ns ? timer_deadline() : deadline_ns;
    uint64_t now = rt_clock_ns(1);
    if (now >= deadline_ns) {
        return -ETIMEDOUT;
    }
    q->waiting[t->number / 64] |= bit;
    t->waiting = true;
    bool attends = network_attend(q), again = false;
    uint64_t begin = now;
    do {
        os_unlock();
        if (wake_at > now) {
            sleep_for(t, wake_at == UINT64_MAX ? UINT64_MAX : wake_at - now);
        }
        os_lock();
        now = rt_clock_ns(1);
        /* News of the network that concern others are no reason to look again. */
        again = network_news(attends) && (q->waiting[t->number / 64] & bit) != 0 && now < wake_at;
    } while (again && !os_interrupted(t));
    network_leave(attends);
    t->waiting = false;
    t->waited_ns += now - begin;
    t->sleeps++;
    q->waiting[t->number / 64] &= ~bit;
    timer_check();
    t->restart.deadline = deadline_ns;
    return os_interrupted(t) ? -ERESTARTSYS : 0;
}

void os_wake_all(struct wait_queue *q)
{
    const unsigned me = rt_thread_number(rt_self());
    for (unsigned w = 0; w < ARRAY_SIZE(q->waiting); w++) {
        uint64_t bits = q->waiting[w];
        q->waiting[w] = 0;
        while (bits != 0) {
            unsigned i = (unsigned)__builtin_ctzll(bits);
            bits &= bits - 1;
            if (w * 64 + i != me) { /* who takes news to heart on its way out of a sleep is awake */
                os_wake(w * 64 + i);
            }
        }
    }
}

/* ---- clone
 * --------------------------------------------------------------------------------------------- */

struct clone_request {
    uint64_t flags, stack, parent_tid, child_tid, tls;
    uint64_t pidfd;
    int exit_signal;
};

static int64_t new_process(const struct clone_request *c)
{
    const struct fork_request q = {.flags = c->flags,
                                   .stack = c->stack,
                                   .parent_tid = c->parent_tid,
                                   .child_tid = c->child_tid,
                                   .tls = c->tls,
                                   .pidfd = c->pidfd,
                                   .exit_signal = c->exit_signal};
    return fork_process(&q);
}

static int64_t new_thread(const struct clone_request *c)
{
    struct os_thread *self = os_self();
    if ((c->flags & CLONE_THREAD) == 0) {
        return new_process(c);
    }
    if ((c->flags & CLONE_IS_THREAD) != CLONE_IS_THREAD) {
        return -EINVAL;
    }
    if ((c->flags & ~CLONE_KNOWN) != 0 || c->stack == 0) {
        return -EINVAL;
    }
    if (os.thread_count >= (int)os.manifest->threads) {
        return -EAGAIN;
    }
    struct os_thread *t = os_thread_new();
    if (t == NULL) {
        return -ENOMEM;
    }
    if (blank_is_one()) {
        int err = blank_new_thread(t);
        if (err != 0) {
            unlink_thread(t);
            rt_free(t);
            return err;
        }
    }
    t->blocked = self->blocked;
    t->policy = self->policy;
    t->affinity = self->affinity;
    memcpy(t->comm, self->comm, sizeof t->comm);
    t->start = *self->frame;
    t->start.rax = 0;
    t->start.rsp = c->stack;
    t->start.flags = RT_FRAME_FULL;
    t->clear_child_tid = (c->flags & CLONE_CHILD_CLEARTID) != 0 ? c->child_tid : 0;
    uint32_t tid = (uint32_t)t->tid;
    int r = 0;
    if ((c->flags & CLONE_PARENT_SETTID) != 0) {
        r = copy_to_app(app_at(c->parent_tid), &tid, sizeof tid);
    }
    if (r == 0 && (c->flags & CLONE_CHILD_SETTID) != 0) {
        r = copy_to_app(app_at(c->child_tid), &tid, sizeof tid);
    }
    if (r == 0) {
        r = rt_thread_start(t, (c->flags & CLONE_SETTLS) != 0 ? c->tls : rt_get_fsbase());
    }
    if (r != 0) {
        unlink_thread(t);
        rt_free(t);
        return r;
    }
    return (int64_t)tid;
}

void door_thread(void *argument, struct rt_frame *frame)
{
    if (verity_helper_is(argument)) {
        verity_helper_run();
    }
    struct os_thread *t = (struct os_thread *)argument;
    rt_set_self_data(t);
    os_lock();
    t->number = rt_thread_number(rt_self());
    if (t->server != NULL) {
        os_unlock();
        call_server_run(t->server);
    }
    if (t->service != NULL) {
        os_unlock();
        t->service(t, frame);
        return;
    }
    t->frame = frame;
    *frame = t->start;
    bool due = __atomic_load_n(&t->attention, __ATOMIC_RELAXED) != 0;
    os_unlock();
    if (due) {
        signal_return_to_workload(t, SIGNAL_NO_CALL);
    }
}

int64_t sys_clone(uint64_t flags, uint64_t stack, app_ptr parent_tid, uint64_t child_tid,
                  uint64_t tls)
{
    const struct clone_request c = {.flags = flags & ~UINT64_C(0xff), /* exit signal of processes */
                                    .stack = stack,
                                    .parent_tid = parent_tid.addr,
                                    .child_tid = child_tid,
                                    .tls = tls,
                                    .pidfd = parent_tid.addr, /* clone(2): the same argument */
                                    .exit_signal = (int)(flags & 0xff)};
    return new_thread(&c);
}

int64_t sys_clone3(app_ptr args, uint64_t size)
{
    struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
        uint64_t set_tid, set_tid_size, cgroup;
    } a = {.flags = 0};
    if (size < 64) {
        return -EINVAL;
    }
    if (size > sizeof a) {
        return -E2BIG;
    }
    if (copy_from_app(&a, args, size) != 0) {
        return -EFAULT;
    }
    uint64_t top;
    if (a.set_tid != 0 || a.set_tid_size != 0 || a.cgroup != 0 ||
        !add_ok(a.stack, a.stack_size, &top)) {
        return -EINVAL;
    }
    const struct clone_request c = {.flags = a.flags,
                                    .stack = top,
                                    .parent_tid = a.parent_tid,
                                    .child_tid = a.child_tid,
                                    .tls = a.tls,
                                    .pidfd = a.pidfd,
                                    .exit_signal = (int)a.exit_signal};
    return new_thread(&c);
}

/* ---- ending
 * -------------------------------------------------------------------------------------------- */

void os_exit_process(enum exit_kind kind, uint64_t value)
{
    struct run_claims claims = {.exit_kind = kind, .exit_value = value};
    struct diag d = {.text = ""};
    trace_summary();
    perf_report();
    if (blank_is_one()) {
        os.text_refused = 0; /* the next process's */
        blank_process_ends(kind == EXIT_SIGNAL ? STATUS_SIGNALED((int)value)
                                               : STATUS_EXITED((int)value));
    }
    if (os.manifest->stdin_task) {
        worker_finish(kind, value); /* how it ended is the custodian's to know, no run's claims */
    }
    shares_last();
    if (fs_finish(&claims, &d) != 0) {
        rt_fatal("%s", d.text);
    }
    int r = rt_evidence(&claims);
    if (r != 0 && r != -ENODATA) {
        rt_fatal("the host could not have this run attested: %s", dispatch_errno_name(-r));
    }
    rt_exit(kind, value);
}

int64_t sys_exit_group(int status)
{
    if (fork_is_vfork_child()) {
        return fork_child_ends(STATUS_EXITED(status));
    }
    fatal_status_report(status & 0xff);
    os_exit_process(EXIT_STATUS, (uint64_t)(unsigned)status & 0xff);
}

unsigned threads_count(void)
{
    unsigned n = 0;
    for (const struct os_thread *t = os.threads; t != NULL; t = t->next) {
        n += t->server == NULL ? 1 : 0;
    }
    return n;
}

void threads_leave(struct os_thread *t)
{
    const struct signal_box own = signal_box_of_thread(t);
    robust_release(t);
    signal_forget(&own, UINT64_MAX);
    unlink_thread(t);
    if (t->clear_child_tid != 0) {
        const uint32_t zero = 0;
        /* From here on the workload may free the thread's stack: nothing of it is used any more. */
        if (copy_to_app(app_at(t->clear_child_tid), &zero, sizeof zero) == 0) {
            futex_wake(t->clear_child_tid, 1, FUTEX_ANY);
        }
    }
    node_unref(t->away.node);
    threads_gone();
    rt_set_self_data(NULL);
    call_client_free(t->client);
    rt_free(t);
    os_unlock();
    rt_thread_exit();
}

int64_t sys_exit(int status)
{
    if (fork_is_vfork_child()) {
        return fork_child_ends(STATUS_EXITED(status));
    }
    if (threads_count() == 1) {
        robust_release(os_self());
        os_exit_process(EXIT_STATUS, (uint64_t)(unsigned)status & 0xff);
    }
    signal_pass_on(os_self());
    threads_leave(os_self());
}

int64_t sys_set_tid_address(uint64_t tid_addr)
{
    struct os_thread *t = os_self();
    t->clear_child_tid = tid_addr;
    return t->tid;
}

int64_t sys_set_robust_list(uint64_t head, uint64_t size)
{
    if (size != 24) {
        return -EINVAL;
    }
    os_self()->robust_list = head;
    return 0;
}

int64_t sys_get_robust_list(int pid, app_ptr head, app_ptr size)
{
    const struct os_thread *t = os_self();
    const uint64_t n = 24;
    if (pid != 0 && pid != t->tid) {
        return -ESRCH;
    }
    if (copy_to_app(size, &n, sizeof n) != 0 || copy_to_app(head, &t->robust_list, 8) != 0) {
        return -EFAULT;
    }
    return 0;
}
