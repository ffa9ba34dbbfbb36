/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of aggregates share. */
#pragma once

#include "query/aggregate.h"

typedef unsigned __int128 u128;

enum query_rules {
    FROM_ZERO = 1,
    AT_MOST_ONE = 2,
    ONE_CELL = 4,
    SPARSE = 8,
    TOTAL = 16,
    WHOLE = 32,
    THRESHOLD = 64,
};

enum query_divisor { ONE, USERS, USERS_TIMES_WHOLE };

struct query_row {
    const char *text;
    uint32_t entries_max;
    unsigned rules; /* enum query_rules */
    enum query_divisor divisor;
};

/* NULL for a number that is no aggregate. */
const struct query_row *query_row(enum query_aggregate aggregate);

/* How far an entry can lie from its fallback. */
static inline uint64_t entry_reach(const struct query_entry *e)
{
    uint64_t up = (uint64_t)(e->high - e->fallback), down = (uint64_t)(e->fallback - e->low);
    return up > down ? up : down;
}

/* The largest whole number whose square is not more. */
uint64_t query_root(u128 value);
