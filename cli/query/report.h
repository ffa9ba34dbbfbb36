/* SPDX-License-Identifier: Apache-2.0 */
/* A checked result, for people and for programs. docs/queries.md reads it line by line. */
#pragma once

#include <stdio.h>

#include "query/plan.h"
#include "query/result.h"

/* What the plan says for the people that were asked. */
int query_result_facts(const struct result_checked *c, struct query_facts *ret,
                       struct diag *d) MUST_USE;

void query_result_print(const struct result_checked *c, const struct query_facts *facts, FILE *out);
/* docs/formats/query-result.schema.json; to standard output. */
void query_result_print_json(const struct result_checked *c, const struct query_facts *facts);

/* Who did not answer counts with the default vector. Where means and shares are read, the sum of
 * those who did, over their number, is another honest reading: both numbers are public. False where
 * it makes no difference or has no meaning. */
bool query_result_among(const struct result_checked *c);
/* The sum without the defaults of those who did not answer. */
__int128 query_result_answered_sum(const struct result_checked *c, uint32_t entry);
/* "hardware (Intel)", "a software machine: NOT protected by hardware", ... */
const char *query_result_root(const struct result_checked *c);
/* Quartiles that are told of a quantile's distribution. */
#define QUERY_QUARTILES 3u
