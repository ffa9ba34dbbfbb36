/* SPDX-License-Identifier: Apache-2.0 */
/* What a debug enclave says when its workload dies. Internal to enclave/libos. */
#pragma once

#include "process.h"

/* A signal ends the process: who, where, by what, with which registers, from where it was called
 * and what is mapped around. Nothing in enclaves that are not debug ones: all of it is the
 * workload's. fault: NULL when no instruction raised it. With the lock held. */
void fatal_report(const struct os_thread *t, const struct signal_info *info,
                  const struct rt_fault *fault);
/* The process ends by itself with that status: whether it was refused what it may have wanted. The
 * same enclaves. */
void fatal_status_report(int status);
/* The runtime stops, for a reason that it has told: what the calling thread was about. For
 * rt_stop_report_by(). */
void fatal_stop_report(void);
