/* SPDX-License-Identifier: Apache-2.0 */
/* Timers of the one process: interval timers, POSIX timers, timerfd. All with the lock held, except
 * timer_armed(). */
#pragma once

#include "process.h"

enum timer_clock { TIMER_MONOTONIC, TIMER_CPU /* of the process */ };

struct timer {
    struct timer *next; /* among the armed ones */
    enum timer_clock clock;
    bool quiet;             /* nobody but a waiter can see that it went off: calls need not look */
    uint64_t due, interval; /* ns of its clock; due 0: not armed; interval 0: once */
    /* It was due so many times since it went off last. May not set timers. */
    void (*fire)(struct timer *t, uint64_t periods);
};

/* due 0: stops it. */
void timer_set(struct timer *t, uint64_t due, uint64_t interval);
/* What is left until it is due, at least 1 when it is armed; 0: it is not. */
uint64_t timer_left(const struct timer *t);
uint64_t timer_now(enum timer_clock clock);

/* struct itimerspec. */
struct timer_spec {
    int64_t interval_s, interval_ns, value_s, value_ns;
};
/* -EFAULT, -EINVAL. Too long for a number is as long as can be. */
int timer_spec_from_app(app_ptr from, uint64_t *ret_value, uint64_t *ret_interval) MUST_USE;
int timer_spec_to_app(app_ptr to, const struct timer *t) MUST_USE;
/* When a timer of CLOCK_REALTIME (realtime) or another wall clock is due that was set to value. */
uint64_t timer_due(enum timer_clock clock, bool realtime, bool absolute, uint64_t value);

/* All that timer_create made end, and their signals that nobody took (execve). */
void posix_timers_end(void);

/* alarm and setitimer: as if never called. */
void itimers_end(void);

/* When the next one is due (CLOCK_MONOTONIC ns), UINT64_MAX: never. */
uint64_t timer_deadline(void);
/* Lets those go off that are due. */
void timer_check(void);
/* Is one running that may send a signal? Without the lock: calls look at it on their way out. */
bool timer_armed(void);
