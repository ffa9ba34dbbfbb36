/* SPDX-License-Identifier: Apache-2.0 */
/* Timers of this enclave's process: interval timers, POSIX timers, timerfd. All with the lock held.
 */
#pragma once

#include "process.h"

enum timer_clock { TIMER_MONOTONIC, TIMER_CPU /* of the process */, TIMER_THREAD_CPU };

struct timer {
    struct timer *next; /* among the armed ones */
    enum timer_clock clock;
    bool quiet; /* nobody but a waiter can see that it went off: no thread is interrupted for it */
    int tid;    /* TIMER_THREAD_CPU: whose; the timer stands still when that thread has ended */
    uint64_t due, interval; /* ns of its clock; due 0: not armed; interval 0: once */
    /* It was due so many times since it went off last. May not set timers. */
    void (*fire)(struct timer *t, uint64_t periods);
};

/* due 0: stops it. */
void timer_set(struct timer *t, uint64_t due, uint64_t interval);
/* What is left until it is due, at least 1 when it is armed; 0: it is not. */
uint64_t timer_left(const struct timer *t);
uint64_t timer_now(const struct timer *t);

/* struct itimerspec. */
struct timer_spec {
    int64_t interval_s, interval_ns, value_s, value_ns;
};
/* -EFAULT, -EINVAL. Too long for a number is as long as can be. */
int timer_spec_from_app(app_ptr from, uint64_t *ret_value, uint64_t *ret_interval) MUST_USE;
int timer_spec_to_app(app_ptr to, const struct timer *t) MUST_USE;
/* When a timer of CLOCK_REALTIME (realtime) or another wall clock is due that was set to value. */
uint64_t timer_due(const struct timer *t, bool realtime, bool absolute, uint64_t value);

/* All that timer_create made end, and their signals that nobody took (execve). */
void posix_timers_end(void);

/* alarm and setitimer: as if never called. */
void itimers_end(void);

/* When the next one is due (CLOCK_MONOTONIC ns), UINT64_MAX: never. */
uint64_t timer_deadline(void);
/* Lets those go off that are due, and asks for a kick when the next one is that a computing thread
 * would not see. */
void timer_check(void);
