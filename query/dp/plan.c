/* SPDX-License-Identifier: Apache-2.0 */
/* What a query will do, from its text alone. */
#include "dp/schema.h"
#include "query/account.h"

#include <errno.h>

static int cost_of(const struct query_distance *d, const struct dp_table *t, uint64_t *ret_cost)
{
    return t->kind == DP_GAUSSIAN
               ? dp_cost_gaussian(d->square, t->scale_num, t->scale_den, ret_cost, NULL)
               : dp_cost_laplace(d->total, t->scale_num, t->scale_den, ret_cost, NULL);
}

/* The first table of the kind that costs at most rho. */
static const struct dp_table *table_for(const struct query_distance *d, enum dp_kind kind,
                                        uint64_t rho, uint64_t *ret_cost)
{
    for (size_t i = 0; i < dp_table_count; i++) {
        uint64_t cost;
        if (dp_tables[i].kind == kind && cost_of(d, &dp_tables[i], &cost) == 0 && cost <= rho) {
            *ret_cost = cost;
            return &dp_tables[i];
        }
    }
    return NULL;
}

/* How much coarser the unit must be, about (bounds are rounded up to whole units, each). Noise of
 * 1000 units costs distance^2 / 2 millionths. */
static uint64_t coarser(const struct query_distance *d, enum dp_kind kind, uint64_t rho)
{
    uint64_t distance = kind == DP_GAUSSIAN ? query_root(d->square) + 1 : d->total;
    return distance / query_root((u128)rho * 2) + 1;
}

static uint64_t divisor_of(const struct query_schema *s, uint64_t users)
{
    switch (query_row(s->aggregate)->divisor) {
    case ONE:
        return 1;
    case USERS:
        return users;
    case USERS_TIMES_WHOLE:
        return users * s->whole; /* 2^26 * 2^40 would not fit: query_make_plan() has refused it */
    }
    return 1;
}

/* Every sum of so many clipped vectors lies within +-2^62? */
static bool sums_fit(const struct query_schema *s, uint64_t users)
{
    for (uint32_t i = 0; i < s->entry_count; i++) {
        int64_t low = s->entries[i].low, high = s->entries[i].high;
        __int128 bound = (high > -low ? high : -low);
        if (bound * users > QUERY_SUM_MAX) {
            return false;
        }
    }
    return (__int128)s->whole * users <= QUERY_SUM_MAX;
}

int query_make_plan(const struct query_schema *schema, enum dp_kind kind, uint64_t users,
                    uint64_t rho, struct query_plan *ret_plan, struct diag *diag)
{
    int err = query_schema_check(schema, diag);
    if (err != 0) {
        return err;
    }
    if (users == 0 || users > QUERY_USERS_MAX) {
        return diag_fail(diag, -EINVAL, "a query asks 1 to %lu people, not %lu",
                         (unsigned long)QUERY_USERS_MAX, (unsigned long)users);
    }
    if (rho == 0 || rho > DP_RHO_MAX) {
        return diag_fail(diag, -EINVAL, "rho lies above 0 and is at most %u",
                         (unsigned)(DP_RHO_MAX / 1000000));
    }
    if (!sums_fit(schema, users)) {
        return diag_fail(diag, -ERANGE, "%lu people could add up to more than 2^62 units",
                         (unsigned long)users);
    }
    struct query_plan plan = {.distance = query_distance(schema), .users = users};
    plan.table = table_for(&plan.distance, kind, rho, &plan.cost);
    if (plan.table == NULL) {
        return diag_fail(
            diag, -ERANGE,
            "the noise would be wider than 1000 units: take a unit about %lu times as coarse, "
            "tighter bounds, or a larger rho",
            (unsigned long)coarser(&plan.distance, kind, rho));
    }
    plan.bound95 = plan.table->bound95;
    u128 most = (u128)users * plan.distance.largest;
    plan.relative_ppm = (uint64_t)(((u128)plan.bound95 * 1000000 + most - 1) / most);
    plan.divisor = divisor_of(schema, users);
    *ret_plan = plan;
    return 0;
}

uint64_t query_liars_move(const struct query_plan *plan, uint64_t k)
{
    uint64_t move;
    return mul_ok(k, plan->distance.largest, &move) ? move : UINT64_MAX;
}
