/* SPDX-License-Identifier: Apache-2.0 */
/* The process's interval timer. */
#pragma once

#include "process.h"

/* When the timer is due (CLOCK_MONOTONIC ns), UINT64_MAX: never. */
uint64_t timer_deadline(void);
/* Sends SIGALRM if it is due. With the lock held. */
void timer_check(void);
/* Is one running? Without the lock: calls look at it on their way out. */
bool timer_armed(void);
