/* SPDX-License-Identifier: Apache-2.0 */
/* The aggregator of one query (docs/formats/parties.md, "A query"): it takes sealed contributions
 * of custodians that it verifies, adds them up, and gives away one noisy result, once. A state
 * machine over records: no files, no threads, so that tests run the same code without an enclave.
 *
 * waiting -> asking -> over. Over is final: keys, sums and names are wiped, whether a result was
 * released, refused or failed. What it holds for a query of a million people is 64 MiB of tags
 * (seen.h) besides 1.5 MiB that are always the same.
 *
 * Trust: every record is the host's, who may send anything in any order. Contributions are believed
 * when the evidence in them chains to a root of the query, names a custodian of the query, and
 * binds the key that sealed them. Of single contributions nothing leaves but whether they were
 * counted. */
#pragma once

#include "services/serve.h"

#include "services/env.h"

/* Distinct people of one query. More need more memory, or several aggregators. */
#define AGGREGATOR_USERS_MAX 1000000u
/* Receipts state epsilon at delta = 10^-6, as everything that people are shown. */
#define AGGREGATOR_DELTA_EXPONENT 6u
/* Signatures that are remembered (verify/verify.h): those of a few machines' collateral, and each
 * custodian's own three pass through. */
#define AGGREGATOR_CACHE_ENTRIES 16384u

struct aggregator;
/* NULL when memory is short. The table must outlive it. */
struct aggregator *aggregator_new(const struct service_env *env);
void aggregator_free(struct aggregator *a); /* NULL is fine */

/* Answers one record: see struct service_program. Whatever ends the query ends the service. */
int aggregator_serve(struct aggregator *a, struct bytes record,
                     struct service_buffer *answer) MUST_USE;
