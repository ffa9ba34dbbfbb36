/* SPDX-License-Identifier: Apache-2.0 */
/* timer_create(2) and its relatives. A timer's signal carries its number and how often it was due
 * while the signal before was still waiting.
 *
 * The adversary: the workload chooses numbers, clocks and times. */
#include <errno.h>

#include "signals/signals.h"
#include "time/timers.h"

#define POSIX_TIMERS_MAX 64u
#define OS_SIGALRM       14
#define ABSTIME          1

enum notify { NOTIFY_SIGNAL = 0, NOTIFY_NONE = 1, NOTIFY_THREAD_ID = 4 };

struct posix_timer {
    struct timer timer; /* first: fire() gets it */
    bool used, realtime;
    int notify, signo, tid, overrun;
    uint64_t value;
};
static struct posix_timer timers[POSIX_TIMERS_MAX];

/* Its signal that nobody took yet: that one counts, instead of another being sent. */
static struct signal_info *waiting_signal(const struct posix_timer *p, struct os_thread *t)
{
    const struct signal_box b =
        t != NULL ? signal_box_of_thread(t) : signal_box_of_process(os.process);
    return signal_find(&b, p->signo, SI_TIMER_, (int)(p - timers));
}

static void fire_posix(struct timer *timer, uint64_t periods)
{
    struct posix_timer *p = (struct posix_timer *)(void *)timer;
    struct os_thread *t = p->notify == NOTIFY_THREAD_ID ? os_thread_by_tid(p->tid) : NULL;
    if (p->notify == NOTIFY_NONE || (p->notify == NOTIFY_THREAD_ID && t == NULL)) {
        return;
    }
    periods = periods < INT32_MAX ? periods : INT32_MAX;
    struct signal_info *waiting = waiting_signal(p, t);
    if (waiting != NULL) {
        uint64_t more = waiting->uid + periods;
        waiting->uid = more < INT32_MAX ? (uint32_t)more : INT32_MAX;
        p->overrun = (int)waiting->uid;
        return;
    }
    p->overrun = (int)periods - 1;
    struct signal_info info = {.signo = p->signo,
                               .code = SI_TIMER_,
                               .pid = (int)(p - timers),
                               .uid = (uint32_t)p->overrun,
                               .value = p->value};
    if (t != NULL) {
        signal_to_thread(t, &info);
    } else {
        signal_to_process(os.process, &info);
    }
}

/* struct sigevent */
struct event {
    uint64_t value;
    int32_t signo, notify, tid, pad[11];
};
_Static_assert(sizeof(struct event) == 64, "asm-generic/siginfo.h");

/* The timer's clock, and for CPU time whose. */
static int clock_of(int clock, struct posix_timer *ret)
{
    enum { REALTIME = 0, MONOTONIC = 1, PROCESS_CPU = 2, THREAD_CPU = 3, BOOTTIME = 7, TAI = 11 };
    int id = ~(clock >> 3); /* of a negative one: whose CPU time; bit 2: a thread's */
    if (clock < 0) {
        bool thread = (clock & 4) != 0;
        if ((clock & 3) == 3 || (id != 0 && thread && os_thread_by_tid(id) == NULL) ||
            (id != 0 && !thread && id != os.process->pid)) {
            return -EINVAL;
        }
        clock = thread ? THREAD_CPU : PROCESS_CPU;
    } else {
        id = 0;
    }
    ret->timer.clock = clock == PROCESS_CPU  ? TIMER_CPU
                       : clock == THREAD_CPU ? TIMER_THREAD_CPU
                                             : TIMER_MONOTONIC;
    ret->timer.tid = id != 0 ? id : os_self()->tid;
    ret->realtime = clock == REALTIME || clock == TAI;
    switch (clock) {
    case REALTIME:
    case MONOTONIC:
    case PROCESS_CPU:
    case THREAD_CPU:
    case BOOTTIME:
    case TAI:
        return 0;
    case 8: /* the ALARM clocks wake machines, which takes CAP_WAKE_ALARM */
    case 9:
        return -EPERM;
    default: /* MONOTONIC_RAW and the coarse ones make no timers */
        return clock == 4 || clock == 5 || clock == 6 ? -EOPNOTSUPP : -EINVAL;
    }
}

static int check_event(const struct event *e)
{
    int kind = e->notify;
    if (kind == NOTIFY_NONE) {
        return 0;
    }
    if (kind != NOTIFY_SIGNAL && kind != NOTIFY_THREAD_ID) {
        return -EINVAL;
    }
    if (e->signo < 1 || e->signo > (int)SIGNALS) {
        return -EINVAL;
    }
    return kind == NOTIFY_THREAD_ID && os_thread_by_tid(e->tid) == NULL ? -EINVAL : 0;
}

int64_t sys_timer_create(int clock, app_ptr event, app_ptr ret_id)
{
    struct posix_timer p = {.used = true};
    int id = 0, err = clock_of(clock, &p);
    if (err != 0) {
        return err;
    }
    while (id < (int)POSIX_TIMERS_MAX && timers[id].used) {
        id++;
    }
    if (id == (int)POSIX_TIMERS_MAX) {
        return -EAGAIN;
    }
    struct event e = {.signo = OS_SIGALRM, .value = (uint64_t)id};
    if (event.addr != 0 && copy_from_app(&e, event, sizeof e) != 0) {
        return -EFAULT;
    }
    err = check_event(&e);
    err = err != 0 ? err : copy_to_app(ret_id, &id, sizeof id);
    if (err == 0) {
        p.timer.fire = fire_posix;
        p.timer.quiet = e.notify == NOTIFY_NONE;
        p.notify = e.notify;
        p.signo = e.signo;
        p.tid = e.tid;
        p.value = e.value;
        timers[id] = p;
    }
    return err;
}

static struct posix_timer *find(int id)
{
    return id >= 0 && id < (int)POSIX_TIMERS_MAX && timers[id].used ? &timers[id] : NULL;
}

int64_t sys_timer_settime(int id, int flags, app_ptr new_value, app_ptr old_value)
{
    struct posix_timer *p = find(id);
    uint64_t value, interval;
    if (new_value.addr == 0) {
        return -EINVAL;
    }
    int err = timer_spec_from_app(new_value, &value, &interval);
    if (err != 0 || p == NULL) {
        return err != 0 ? err : -EINVAL;
    }
    err = old_value.addr != 0 ? timer_spec_to_app(old_value, &p->timer) : 0;
    if (err == 0) {
        p->overrun = 0;
        timer_set(&p->timer, timer_due(&p->timer, p->realtime, (flags & ABSTIME) != 0, value),
                  value == 0 ? 0 : interval);
    }
    return err;
}

int64_t sys_timer_gettime(int id, app_ptr value)
{
    const struct posix_timer *p = find(id);
    timer_check();
    return p == NULL ? -EINVAL : timer_spec_to_app(value, &p->timer);
}

int64_t sys_timer_getoverrun(int id)
{
    const struct posix_timer *p = find(id);
    return p == NULL ? -EINVAL : p->overrun;
}

int64_t sys_timer_delete(int id)
{
    struct posix_timer *p = find(id);
    if (p == NULL) {
        return -EINVAL;
    }
    timer_set(&p->timer, 0, 0);
    p->used = false;
    return 0;
}

void posix_timers_end(void)
{
    for (int id = 0; id < (int)POSIX_TIMERS_MAX; id++) {
        struct posix_timer *p = &timers[id];
        if (!p->used) {
            continue;
        }
        struct os_thread *t = p->notify == NOTIFY_THREAD_ID ? os_thread_by_tid(p->tid) : NULL;
        const struct signal_box b =
            t != NULL ? signal_box_of_thread(t) : signal_box_of_process(os.process);
        signal_remove(&b, p->signo, SI_TIMER_, id);
        timer_set(&p->timer, 0, 0);
        p->used = false;
    }
}
