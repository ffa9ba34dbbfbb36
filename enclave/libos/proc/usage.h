/* SPDX-License-Identifier: Apache-2.0 */
/* What processes used, as struct rusage tells it. */
#pragma once

#include "process.h"

/* struct rusage: two timevals and 14 counters. -EFAULT. */
int usage_put(app_ptr at, const struct process_usage *u) MUST_USE;
/* Times add up, the peak is the larger one. */
void usage_add(struct process_usage *to, const struct process_usage *more);
/* Of the process of this enclave, up to now. */
struct process_usage usage_now(void);
