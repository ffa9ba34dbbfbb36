/* SPDX-License-Identifier: Apache-2.0 */
/* A query's vectors: what one person may contribute, how far that can move a result, what noise
 * hides it, and the release itself.
 *
 * Neighbouring inputs differ in one person, whose vector is replaced by the default one (every
 * entry's fallback). The number of people asked is public. All parameters come from the query's
 * text, none from data. */
#pragma once

#include "base/diag.h"
#include "query/limits.h"
#include "query/noise.h"

enum query_aggregate {
#define AGGREGATE(name, text, entries, rules, divisor) QUERY_##name,
#include "query/aggregates.def"
#undef AGGREGATE
    QUERY_AGGREGATES
};

/* One number of the vector, counted in the schema's unit. low <= fallback <= high, low < high. */
struct query_entry {
    int64_t low, high, fallback;
};

/* Bounds of a whole vector are on its difference to the default vector. 0: no such bound. */
struct query_schema {
    enum query_aggregate aggregate;
    uint32_t entry_count;
    const struct query_entry *entries;
    uint32_t most_entries; /* L0: how many entries may differ */
    uint64_t most_total;   /* L1: sum of the differences' sizes */
    uint64_t most_square;  /* L2 squared: sum of their squares */
    uint64_t whole;        /* share vectors only */
    uint64_t threshold;    /* OD matrices only */
};

/* How far one person can move the sums. */
struct query_distance {
    uint64_t total;           /* L1 */
    unsigned __int128 square; /* L2, squared */
    uint64_t largest;         /* in one entry */
};

struct query_plan {
    struct query_distance distance;
    const struct dp_table *table;
    uint64_t cost; /* micro-rho of that table: at most what was offered; this is charged */
    uint64_t users;
    uint64_t
        bound95; /* an entry's noise is less than this in size with 95 %, in units of the sum */
    uint64_t relative_ppm; /* that, in millionths of what `users` people could add up to in the
                              largest entry; rounded up; UINT64_MAX when it has more bits */
    uint64_t divisor;      /* sum / divisor is what people read */
};

/* NULL for a number that is no aggregate. */
const char *query_aggregate_text(enum query_aggregate aggregate);
/* False when there is none of that name. Trust: the name may come from anybody. */
bool query_aggregate_named(struct bytes name, enum query_aggregate *ret_aggregate) MUST_USE;

/* Is the schema one that the aggregate's row allows? -EINVAL otherwise.
 * Trust: the schema's numbers may come from anybody; `entries` has entry_count elements. */
int query_schema_check(const struct query_schema *schema, struct diag *diag) MUST_USE;

/* The distances of a schema that query_schema_check() accepts. */
struct query_distance query_distance(const struct query_schema *schema);

/* Chooses the least noise whose cost is at most rho (micro-rho), and says what it does. Checks the
 * schema. Needs no data and no budget. -ERANGE when no table is wide enough, with the unit to use
 * in the sentence; or when users * bound does not fit. Trust: arguments may come from anybody. */
int query_make_plan(const struct query_schema *schema, enum dp_kind kind, uint64_t users,
                    uint64_t rho, struct query_plan *ret_plan, struct diag *diag) MUST_USE;

/* Brings a vector inside the schema's bounds: each entry to [low, high]; then the most_entries
 * largest differences stay (of equal ones the first); then all differences shrink by one factor
 * until L1 and L2 fit. What fits already stays as it is, so clipping twice changes nothing. For a
 * checked schema. CT: time depends on the schema alone. Trust: vector may hold anything;
 * entry_count elements. */
void query_clip(const struct query_schema *schema, int64_t *vector);

/* The default vector: what stands for a person who did not answer. */
void query_default(const struct query_schema *schema, int64_t *ret_vector);

/* Clips the vector, in place, and adds it. Order does not matter: addition is exact.
 * totals has entry_count elements and starts at zero. Trust: vector may hold anything. */
void query_add(const struct query_schema *schema, int64_t *vector, __int128 *totals);

/* Adds noise and gives the result, once: totals are wiped, whatever happens. `users` contributions
 * (defaults included) must have been added, as planned; `paid` is what was charged for it and
 * stored before: `if (!(plan->cost <= paid))` nothing is released (-EDQUOT). -EINVAL for a sum that
 * so many contributions cannot have; or what the random source failed with. ret_result is wiped on
 * failure. */
int query_release(const struct query_schema *schema, const struct query_plan *plan, uint64_t paid,
                  const struct dp_random *random, __int128 *totals, int64_t *ret_result,
                  struct diag *diag) MUST_USE;

/* How far k people who lie can move an entry of the sum: k * largest, or UINT64_MAX. */
uint64_t query_liars_move(const struct query_plan *plan, uint64_t k);

/* What may be shown of an OD cell: everything else is "suppressed". Reads released numbers only. */
bool query_cell_shown(const struct query_schema *schema, int64_t released);

/* Reads a quantile from a released QUANTILE vector: the first cell whose cumulated count reaches
 * num/den of all. low and high are the cells in which it lies with 95 %, by the noise of cumulated
 * cells (99.9 % where the bound is only a union). Post-processing: costs nothing. 0 < num < den <=
 * 1000. -ERANGE when noise leaves no total. */
struct query_quantile {
    uint32_t cell, low, high;
};
int query_read_quantile(const struct query_schema *schema, const struct query_plan *plan,
                        const int64_t *released, uint32_t num, uint32_t den,
                        struct query_quantile *ret, struct diag *diag) MUST_USE;
