/* SPDX-License-Identifier: Apache-2.0 */
/* Timers: the list of armed ones, and alarm(2) and setitimer(2) on it. A thread that sleeps wakes
 * when the first is due; for threads that compute the runtime is asked for a kick at that time
 * (rt_alarm()). Programs without such timers pay nothing.
 *
 * The adversary: the host decides when a sleeping thread runs again and when a computing one is
 * interrupted, so a timer may be late by any time; never early, because the clock here decides. */
#include "time/timers.h"

#include <errno.h>

#include "signals/signals.h"

#define SECOND       UINT64_C(1000000000)
#define OS_SIGALRM   14
#define OS_SIGVTALRM 26
#define OS_SIGPROF   27
#define SI_KERNEL    0x80

#define FINEST_NS UINT64_C(50000) /* between two kicks for CPU time */

static struct timer *armed_list;
static bool asked; /* for a kick */

uint64_t timer_now(const struct timer *t)
{
    if (t->clock == TIMER_MONOTONIC) {
        return rt_clock_ns(1);
    }
    if (t->clock == TIMER_CPU) {
        return os_process_cpu_ns();
    }
    const struct os_thread *thread = os_thread_by_tid(t->tid);
    return thread != NULL ? os_thread_cpu_ns(thread) : 0;
}

/* When it is due at the earliest if every thread that does not sleep now goes on computing. A timer
 * of CPU time that is not due then, is looked at again. */
static uint64_t earliest(const struct timer *t, uint64_t now)
{
    uint64_t count = 0, cpu;
    if (t->clock == TIMER_MONOTONIC) {
        return t->due;
    }
    if (t->clock == TIMER_THREAD_CPU && os_thread_by_tid(t->tid) == NULL) {
        return UINT64_MAX;
    }
    for (const struct os_thread *s = os.threads; s != NULL; s = s->next) {
        count += s->waiting || s->server != NULL ? 0 : 1;
    }
    count = t->clock == TIMER_THREAD_CPU || count == 0 ? 1 : count;
    cpu = timer_now(t);
    uint64_t left = t->due > cpu ? (t->due - cpu) / count : 0;
    return now + (left > FINEST_NS ? left : FINEST_NS);
}

static void ask_for_kick(void)
{
    uint64_t first = UINT64_MAX, now = 0;
    for (const struct timer *t = armed_list; t != NULL; t = t->next) {
        now = now == 0 ? rt_clock_ns(1) : now;
        uint64_t at = t->quiet ? UINT64_MAX : earliest(t, now);
        first = at < first ? at : first;
    }
    if (first != UINT64_MAX || asked) {
        asked = first != UINT64_MAX;
        rt_alarm(first);
    }
}

/* CPU time does not pass while the one who asks sleeps: only clocks on the wall wake sleepers. */
uint64_t timer_deadline(void)
{
    uint64_t first = UINT64_MAX;
    for (const struct timer *t = armed_list; t != NULL; t = t->next) {
        if (t->clock == TIMER_MONOTONIC && t->due < first) {
            first = t->due;
        }
    }
    return first;
}

static void disarm(struct timer *t)
{
    struct timer **p = &armed_list;
    if (t->due == 0) {
        return;
    }
    while (*p != t) {
        p = &(*p)->next;
    }
    *p = t->next;
    t->due = 0;
}

void timer_set(struct timer *t, uint64_t due, uint64_t interval)
{
    uint64_t first = timer_deadline();
    disarm(t);
    t->interval = interval;
    if (due == 0) {
        return;
    }
    t->due = due;
    t->next = armed_list;
    armed_list = t;
    if (!t->quiet) {
        ask_for_kick();
    }
    /* Sleepers know the deadline that was the first when they lay down. */
    for (struct os_thread *s = os.threads; timer_deadline() < first && s != NULL; s = s->next) {
        if (s->waiting) {
            rt_wake(s->number);
        }
    }
}

uint64_t timer_left(const struct timer *t)
{
    uint64_t now = t->due == 0 ? 0 : timer_now(t);
    return t->due == 0 ? 0 : t->due > now ? t->due - now : 1;
}

void timer_check(void)
{
    struct timer *next;
    for (struct timer *t = armed_list; t != NULL; t = next) {
        uint64_t now = timer_now(t), periods = 1;
        next = t->next;
        if (now < t->due) {
            continue;
        }
        if (t->interval == 0) {
            disarm(t);
        } else {
            periods = (now - t->due) / t->interval + 1;
            t->due += periods * t->interval;
        }
        t->fire(t, periods);
    }
    if (armed_list != NULL || asked) {
        ask_for_kick();
    }
}

/* ---- times of the workload ------------------------------------------------------------------- */

#define FOREVER (UINT64_MAX / 2)

static bool ns_of(int64_t seconds, int64_t part, int64_t parts, uint64_t *ret)
{
    uint64_t ns;
    if (seconds < 0 || part < 0 || part >= parts) {
        return false;
    }
    *ret = mul_ok((uint64_t)seconds, SECOND, &ns) &&
                   add_ok(ns, (uint64_t)part * (SECOND / (uint64_t)parts), &ns) && ns < FOREVER
               ? ns
               : FOREVER;
    return true;
}

int timer_spec_from_app(app_ptr from, uint64_t *ret_value, uint64_t *ret_interval)
{
    struct timer_spec s;
    if (copy_from_app(&s, from, sizeof s) != 0) {
        return -EFAULT;
    }
    return ns_of(s.value_s, s.value_ns, (int64_t)SECOND, ret_value) &&
                   ns_of(s.interval_s, s.interval_ns, (int64_t)SECOND, ret_interval)
               ? 0
               : -EINVAL;
}

int timer_spec_to_app(app_ptr to, const struct timer *t)
{
    uint64_t left = timer_left(t);
    struct timer_spec s = {.interval_s = (int64_t)(t->interval / SECOND),
                           .interval_ns = (int64_t)(t->interval % SECOND),
                           .value_s = (int64_t)(left / SECOND),
                           .value_ns = (int64_t)(left % SECOND)};
    return copy_to_app(to, &s, sizeof s);
}

uint64_t timer_due(const struct timer *t, bool realtime, bool absolute, uint64_t value)
{
    uint64_t now = timer_now(t), due;
    if (value == 0) {
        return 0;
    }
    if (absolute && !realtime) {
        return value;
    }
    if (absolute) { /* nobody sets the clock, so its distance stays */
        uint64_t real = rt_clock_ns(0);
        value = value > real ? value - real : 1;
    }
    return add_ok(now, value, &due) ? due : UINT64_MAX - 1;
}

/* ---- alarm and setitimer --------------------------------------------------------------------- */

static void fire_itimer(struct timer *t, uint64_t periods);

enum { ITIMER_REAL_, ITIMER_VIRTUAL_, ITIMER_PROF_, ITIMER_COUNT };
static struct timer itimers[ITIMER_COUNT] = {
    [ITIMER_REAL_] = {.fire = fire_itimer},
    [ITIMER_VIRTUAL_] = {.clock = TIMER_CPU, .fire = fire_itimer},
    [ITIMER_PROF_] = {.clock = TIMER_CPU, .fire = fire_itimer},
};

static void fire_itimer(struct timer *t, uint64_t periods)
{
    static const int signals[ITIMER_COUNT] = {OS_SIGALRM, OS_SIGVTALRM, OS_SIGPROF};
    struct signal_info info = {.signo = signals[t - itimers], .code = SI_KERNEL};
    (void)periods;
    signal_to_process(os.process, &info);
}

int64_t sys_alarm(uint32_t seconds)
{
    struct timer *t = &itimers[ITIMER_REAL_];
    uint64_t left = timer_left(t);
    timer_set(t, timer_due(t, false, false, seconds * SECOND), 0);
    return (int64_t)((left + SECOND / 2) / SECOND) + (left > 0 && left < SECOND / 2);
}

struct timeval_pair {
    int64_t interval_s, interval_us, value_s, value_us;
};

static struct timeval_pair pair_of(const struct timer *t)
{
    uint64_t left = timer_left(t), interval = t->due == 0 ? 0 : t->interval;
    left = left > 0 && left < 1000 ? 1000 : left; /* what is armed does not read as stopped */
    return (struct timeval_pair){.interval_s = (int64_t)(interval / SECOND),
                                 .interval_us = (int64_t)(interval % SECOND / 1000),
                                 .value_s = (int64_t)(left / SECOND),
                                 .value_us = (int64_t)(left % SECOND / 1000)};
}

int64_t sys_setitimer(int which, app_ptr new_value, app_ptr old_value)
{
    struct timeval_pair p = {0}, old;
    uint64_t value, interval;
    if (new_value.addr != 0 && copy_from_app(&p, new_value, sizeof p) != 0) {
        return -EFAULT;
    }
    if (which < 0 || which >= ITIMER_COUNT || !ns_of(p.value_s, p.value_us, 1000000, &value) ||
        !ns_of(p.interval_s, p.interval_us, 1000000, &interval)) {
        return -EINVAL;
    }
    struct timer *t = &itimers[which];
    old = pair_of(t);
    timer_set(t, timer_due(t, false, false, value), interval);
    return old_value.addr != 0 ? copy_to_app(old_value, &old, sizeof old) : 0;
}

int64_t sys_getitimer(int which, app_ptr value)
{
    if (which < 0 || which >= ITIMER_COUNT) {
        return -EINVAL;
    }
    struct timeval_pair p = pair_of(&itimers[which]);
    return copy_to_app(value, &p, sizeof p);
}

void itimers_end(void)
{
    for (size_t i = 0; i < ITIMER_COUNT; i++) {
        timer_set(&itimers[i], 0, 0);
    }
}
