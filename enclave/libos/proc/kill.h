/* SPDX-License-Identifier: Apache-2.0 */
/* What senders of signals say of themselves. */
#pragma once

#include "process.h"

/* The siginfo for signal sig: at `from`, with its own number in ret->signo; or, where from is 0, as
 * kill(2) makes it. -EFAULT; -EINVAL: no signal has that number (0 asks only). */
int kill_info(int sig, app_ptr from, struct signal_info *ret) MUST_USE;
/* May the caller send pid what claims to come from the kernel, or from kill(2)? Only to itself. */
bool kill_may_claim(int pid, const struct signal_info *info);
