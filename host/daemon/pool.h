/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that take tasks in their order: what bounds how much goes on at once. */
#pragma once

#include "base/diag.h"

struct pool;
typedef void pool_task(void *context);

int pool_open(size_t threads, struct pool **ret, struct diag *d) MUST_USE;
/* -ENOMEM: it will not run. */
int pool_add(struct pool *p, pool_task *task, void *context) MUST_USE;
/* Runs all tasks that are left, then ends the threads. NULL-safe. */
void pool_close(struct pool *p);
