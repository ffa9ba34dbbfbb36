/* SPDX-License-Identifier: Apache-2.0 */
/* The table of processes. With the lock held. */
#pragma once

#include "process.h"

/* The first process, which has nobody above it: limits, signals and numbers as exec finds them at a
 * start, no descriptors yet. -ENOMEM. */
int process_start_first(struct process **ret) MUST_USE;
