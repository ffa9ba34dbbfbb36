/* SPDX-License-Identifier: Apache-2.0 */
/* What a query will do, before anybody is asked: made from its text alone, so it costs nothing and
 * needs nobody. */
#pragma once

#include <stdio.h>

#include "base/diag.h"
#include "query/document.h"

struct query_facts {
    const struct query_document *doc;
    const struct query_hash *id;
    uint64_t users;          /* for so many people it is said */
    uint32_t delta_exponent; /* delta = 10^-delta_exponent */
    struct query_plan plan;
    uint64_t epsilon_pico; /* at that delta */
};

#define QUERY_DELTA_EXPONENT 6u

/* users 0: the fewest for which there is a release. -ERANGE for users beyond the document's bounds,
 * or a delta finer than noise is exact. *ret borrows doc and id. */
int query_facts_make(const struct query_document *doc, const struct query_hash *id, uint64_t users,
                     uint32_t delta_exponent, struct query_facts *ret, struct diag *d) MUST_USE;
/* "1e-6" to 6; false for anything but 1e-1 to 1e-30. */
bool query_delta_read(const char *text, uint32_t *ret) MUST_USE;

void query_plan_print(const struct query_facts *facts, FILE *out);
/* docs/formats/query-result-plan.schema.json; to standard output, as all JSON of the command. */
void query_plan_print_json(const struct query_facts *facts);

/* ---- Shared with the report of a result ---- */

#define QUERY_LIARS 3u /* so many dishonest people are told of, one after the other */

/* "label           ", then format. */
void query_line(FILE *out, const char *label, const char *format, ...) PRINTF(3, 4);
/* What one person may give: one line, and the parts of it that are bounds of the whole vector. */
void query_print_bounds(const struct query_document *doc, FILE *out);
void query_print_cost(const struct query_facts *facts, FILE *out);
/* A line, if the interval is as wide as the answers can be apart. */
void query_print_worth(const struct query_plan *plan, FILE *out);
void query_print_liars(const struct query_facts *facts, FILE *out);
void query_print_programs(const struct query_document *doc, FILE *out);

struct json_out;
/* Members that plan and result share: question, window, bounds, entries' schema, programs, ... */
void query_json_document(struct json_out *j, const struct query_facts *facts);
void query_json_cost(struct json_out *j, const struct query_facts *facts);
