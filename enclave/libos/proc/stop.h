/* SPDX-License-Identifier: Apache-2.0 */
/* Stopping and continuing, in the enclave where the process's threads are. With the lock held. */
#pragma once

#include "process.h"

/* A stop signal takes effect for the calling thread's process: its parent is told, the other
 * threads park when they come by, and so does the caller, until somebody continues the process or
 * ends it. Does nothing when nobody is there who could continue it, or somebody did so already. */
void process_stop(int signo);
/* On the way back to the workload: parks while the process is stopped. Signals wait meanwhile, all
 * but SIGKILL. */
void process_park(struct os_thread *t);
/* A signal that the owner sends to this enclave's process: as signal_to_process(), and counted. */
void process_signal_arrived(const struct signal_info *info);
