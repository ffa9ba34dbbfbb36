/* SPDX-License-Identifier: Apache-2.0 */
/* Many consecutive blocks at once, by two threads where it pays. */
#pragma once

#include "verity.h"

/* As verity_read(), of any number of consecutive blocks into trusted memory or app_raw() that lies
 * together. With the lock held. */
int verity_read_range(struct verity *v, uint64_t first, size_t count, uint8_t *to,
                      uint64_t *ret_bad) MUST_USE;

/* The thread that helps: what its thread was started with, and what it does. */
bool verity_helper_is(const void *thread_argument);
void verity_helper_run(void) __attribute__((noreturn));
