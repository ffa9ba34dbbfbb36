/* SPDX-License-Identifier: Apache-2.0 */
/* Queries under way: docs/formats/parties.md, "A query". Each has a thread that goes through its
 * states and sleeps in between; custodians are asked by the pools' threads.
 *
 * A query is in the log and in the records before it is answered for. What ends unexpectedly, of a
 * custodian or all of the daemon, ends in fewer answers or in a failed query, never in a second
 * release: only an aggregator has what it takes to release, and it does it once.
 *
 * Trust: documents come from analysts, and are read here to know whom to ask and how long;
 * custodians and the aggregator judge them for themselves. */
#pragma once

#include "daemon.h"

#define ASKING_MAX 16u /* queries at the same time; others wait for their turn */

int asking_open(struct daemon *g, struct diag *d) MUST_USE;
/* Once daemon_stopping(): waits for all of them to fail. */
void asking_close(struct asking *a);

/* Takes a query: 0, or -EINVAL (the document), -EACCES (it is another analyst's), -ETIME (its
 * deadline is past), -EBUSY. One that is there already is as good as taken. */
int asking_take(struct daemon *g, struct bytes document, const struct query_hash *analyst,
                struct query_hash *ret_id, struct diag *d) MUST_USE;
/* How far it is; ret->progress.sentence points into *ret. -ENOENT. */
int asking_progress(struct daemon *g, const struct query_hash *id, struct store_query *ret,
                    struct diag *d) MUST_USE;
