/* SPDX-License-Identifier: Apache-2.0 */
/* Timers: the list of armed ones, and alarm(2) and setitimer(2) on it. They are looked at whenever
 * a thread sleeps or a call returns, so a program that waits or makes calls is interrupted on time;
 * one that only computes, at its next call. Interrupting a computation needs the host's kick, which
 * is not there yet.
 *
 * The adversary: the host decides when a sleeping thread runs again, so a timer may be late by any
 * time; never early, because the clock here decides. */
#include "timers.h"

#include <errno.h>

#include "signals.h"

#define SECOND       UINT64_C(1000000000)
#define OS_SIGALRM   14
#define OS_SIGVTALRM 26
#define OS_SIGPROF   27
#define SI_KERNEL    0x80

static struct timer *armed_list;
static unsigned armed_loud; /* of those in the list that are not quiet */

bool timer_armed(void)
{
    return __atomic_load_n(&armed_loud, __ATOMIC_RELAXED) != 0;
}

uint64_t timer_now(enum timer_clock clock)
{
    return clock == TIMER_CPU ? os_process_cpu_ns() : rt_clock_ns(1);
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

static void count(const struct timer *t, int change)
{
    if (!t->quiet) {
        __atomic_fetch_add(&armed_loud, (unsigned)change, __ATOMIC_RELAXED);
    }
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
    count(t, -1);
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
    count(t, 1);
    /* Sleepers know the deadline that was the first when they lay down. */
    for (struct os_thread *s = os.threads; timer_deadline() < first && s != NULL; s = s->next) {
        if (s->waiting) {
            rt_wake(s->number);
        }
    }
}

uint64_t timer_left(const struct timer *t)
{
    uint64_t now = t->due == 0 ? 0 : timer_now(t->clock);
    return t->due == 0 ? 0 : t->due > now ? t->due - now : 1;
}

void timer_check(void)
{
    struct timer *next;
    for (struct timer *t = armed_list; t != NULL; t = next) {
        uint64_t now = timer_now(t->clock), periods = 1;
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

uint64_t timer_due(enum timer_clock clock, bool realtime, bool absolute, uint64_t value)
{
    uint64_t now = timer_now(clock), due;
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
    timer_set(t, timer_due(TIMER_MONOTONIC, false, false, seconds * SECOND), 0);
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
    timer_set(t, timer_due(t->clock, false, false, value), interval);
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
