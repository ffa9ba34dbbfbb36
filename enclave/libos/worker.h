/* SPDX-License-Identifier: Apache-2.0 */
/* A worker: one task in, one result out, both sealed, for a workload that reads its standard input
 * and writes its standard output (docs/formats/worker.md). Behind the library OS door only; the
 * shim door links none of it. */
#pragma once

#include "process.h"

/* Everything before the workload's first instruction: key, hello, REPORT and binding, task. Comes
 * back when the task is there to read; a host that sends anything else ends the enclave. Until the
 * hello comes it waits, with the program loaded. */
void worker_start(const struct manifest *m);
/* Everything after the last one: seals and sends the result, wipes what was secret, ends the
 * enclave with status 0. Called with the lock held, which it keeps. */
void worker_finish(enum exit_kind kind, uint64_t value) __attribute__((noreturn));
