/* SPDX-License-Identifier: Apache-2.0 */
/* The table of system calls, for those who make calls in the name of others. */
#pragma once

#include "process.h"

/* The call of that number with the arguments of the frame, for os_current(), as SHARED and BOTH
 * rows of syscalls.def are served for other processes: takes the lock when the row asks for it.
 * -ENOSYS for other numbers. Trust: the number and the registers are any. */
int64_t dispatch_serve(const struct rt_frame *frame, uint64_t number);
