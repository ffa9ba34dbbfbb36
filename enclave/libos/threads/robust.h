/* SPDX-License-Identifier: Apache-2.0 */
/* Robust futexes: what a thread holds when it ends is marked, and somebody who waits for it wakes.
 */
#pragma once

#include "process.h"

/* The calling thread *t is over, or its program: walks its list (set_robust_list(2)), once. With
 * the lock held, which is given up while a page comes that is with another process. */
void robust_release(struct os_thread *t);
