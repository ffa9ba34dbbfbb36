/* SPDX-License-Identifier: Apache-2.0 */
/* A custodian's jobs: a worker enclave for each, between whom and the custodian this host carries
 * sealed messages (docs/formats/worker.md). A worker is killed when its time and a grace are over.
 *
 * Trust: neither the custodian nor the worker believes what is carried here. */
#pragma once

#include "custodian.h"

/* Sees to the custodian's jobs in the background, as soon as a worker may run. */
void jobs_schedule(struct daemon *g, struct custodian *c);
/* Does all its jobs, one after the other, on this thread, which is one of the workers' pool. The
 * custodian's jobs are locked by the caller. No new one begins after now_ms() is past the time, nor
 * when some have been done: true if there may be more. */
bool jobs_do(struct daemon *g, struct custodian *c, int64_t until_ms);
