/* SPDX-License-Identifier: Apache-2.0 */
/* alarm(2) and setitimer(ITIMER_REAL). A timer is looked at whenever a thread sleeps or a call
 * returns, so a program that waits or makes calls is interrupted on time; one that only computes,
 * at its next call. Interrupting a computation needs the host's kick, which is not there yet.
 *
 * The adversary: the host decides when a sleeping thread runs again, so a timer may be late by any
 * time; never early, because the clock here decides. */
#include "timers.h"

#include <errno.h>

#include "signals.h"

#define SECOND     UINT64_C(1000000000)
#define OS_SIGALRM 14
#define SI_KERNEL  0x80

static struct {
    uint64_t due; /* 0: not armed */
    uint64_t interval;
} timer;

bool timer_armed(void)
{
    return __atomic_load_n(&timer.due, __ATOMIC_RELAXED) != 0;
}

uint64_t timer_deadline(void)
{
    return timer.due == 0 ? UINT64_MAX : timer.due;
}

static void arm(uint64_t due)
{
    __atomic_store_n(&timer.due, due, __ATOMIC_RELAXED);
}

void timer_check(void)
{
    uint64_t now, periods;
    if (timer.due == 0 || (now = rt_clock_ns(1)) < timer.due) {
        return;
    }
    if (timer.interval == 0) {
        arm(0);
    } else {
        periods = (now - timer.due) / timer.interval + 1;
        arm(timer.due + periods * timer.interval);
    }
    struct signal_info info = {.signo = OS_SIGALRM, .code = SI_KERNEL};
    signal_to_process(&info);
}

/* Sets the timer; returns what was left of the one before. 0 and 0: stops it. */
static uint64_t set_timer(uint64_t after, uint64_t interval)
{
    uint64_t now = rt_clock_ns(1), due;
    uint64_t left = timer.due == 0 ? 0 : timer.due > now ? timer.due - now : 1;
    timer.interval = interval;
    arm(after == 0 ? 0 : add_ok(now, after, &due) ? due : UINT64_MAX - 1);
    return left;
}

int64_t sys_alarm(uint32_t seconds)
{
    uint64_t left = set_timer(seconds * SECOND, 0);
    return (int64_t)((left + SECOND / 2) / SECOND) + (left > 0 && left < SECOND / 2);
}

struct timeval_pair {
    int64_t interval_s, interval_us, value_s, value_us;
};

static bool ns_of(int64_t seconds, int64_t us, uint64_t *ret)
{
    uint64_t ns;
    if (seconds < 0 || us < 0 || us >= 1000000) {
        return false;
    }
    *ret = mul_ok((uint64_t)seconds, SECOND, &ns) && add_ok(ns, (uint64_t)us * 1000, &ns)
               ? ns
               : UINT64_MAX / 2;
    return true;
}

static struct timeval_pair pair_of(uint64_t value, uint64_t interval)
{
    return (struct timeval_pair){.interval_s = (int64_t)(interval / SECOND),
                                 .interval_us = (int64_t)(interval % SECOND / 1000),
                                 .value_s = (int64_t)(value / SECOND),
                                 .value_us = (int64_t)(value % SECOND / 1000)};
}

#define ITIMER_REAL_ 0
#define ITIMER_LAST  2

int64_t sys_setitimer(int which, app_ptr new_value, app_ptr old_value)
{
    struct timeval_pair p = {0};
    uint64_t value, interval, old_interval = timer.interval;
    if (which < 0 || which > ITIMER_LAST) {
        return -EINVAL;
    }
    if (which != ITIMER_REAL_) { /* CPU time is not accounted */
        return -ENOSYS;
    }
    if (new_value.addr != 0 && copy_from_app(&p, new_value, sizeof p) != 0) {
        return -EFAULT;
    }
    if (!ns_of(p.value_s, p.value_us, &value) || !ns_of(p.interval_s, p.interval_us, &interval)) {
        return -EINVAL;
    }
    uint64_t left = set_timer(value, interval);
    if (old_value.addr != 0) {
        p = pair_of(left, left == 0 ? 0 : old_interval);
        return copy_to_app(old_value, &p, sizeof p);
    }
    return 0;
}

int64_t sys_getitimer(int which, app_ptr value)
{
    uint64_t now = rt_clock_ns(1);
    if (which < 0 || which > ITIMER_LAST) {
        return -EINVAL;
    }
    if (which != ITIMER_REAL_) {
        return -ENOSYS;
    }
    uint64_t left = timer.due == 0 ? 0 : timer.due > now ? timer.due - now : 1000;
    struct timeval_pair p = pair_of(left, timer.due == 0 ? 0 : timer.interval);
    return copy_to_app(value, &p, sizeof p);
}
