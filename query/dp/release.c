/* SPDX-License-Identifier: Apache-2.0 */
/* The only place where sums become results, and what may be read from results. */
#include "dp/schema.h"

#include <errno.h>

static int add_noise(const struct query_schema *s, const struct query_plan *plan,
                     const struct dp_random *random, const __int128 *totals, int64_t *ret_result,
                     struct diag *diag)
{
    for (uint32_t i = 0; i < s->entry_count; i++) {
        const struct query_entry *e = &s->entries[i];
        if (!(totals[i] >= (__int128)e->low * plan->users &&
              totals[i] <= (__int128)e->high * plan->users)) {
            return diag_fail(diag, -EINVAL, "the sum of entry %u is none of %lu contributions", i,
                             (unsigned long)plan->users);
        }
    }
    for (uint32_t i = 0; i < s->entry_count; i++) {
        int64_t noise;
        int err = dp_sample(plan->table, random, &noise);
        if (err != 0) {
            return diag_fail(diag, err, "no random bytes for the noise");
        }
        ret_result[i] = (int64_t)totals[i] + noise; /* below 2^62 + 2^17 */
    }
    return 0;
}

int query_release(const struct query_schema *s, const struct query_plan *plan, uint64_t paid,
                  const struct dp_random *random, __int128 *totals, int64_t *ret_result,
                  struct diag *diag)
{
    int err;
    if (!(plan->cost <= paid)) {
        err = diag_fail(diag, -EDQUOT,
                        "the release costs %lu millionths of rho and %lu have been paid",
                        (unsigned long)plan->cost, (unsigned long)paid);
    } else {
        err = add_noise(s, plan, random, totals, ret_result, diag);
    }
    if (err != 0) {
        secure_zero(ret_result, s->entry_count * sizeof *ret_result);
    }
    secure_zero(totals, s->entry_count * sizeof *totals);
    return err;
}

bool query_cell_shown(const struct query_schema *s, int64_t released)
{
    return s->threshold == 0 || (released > 0 && (uint64_t)released >= s->threshold);
}

/* How far den * C_j - num * C_m may be off, where C_j cumulates j of m noisy cells: the noise of
 * each of the j counts den - num times, that of the others num times. 95 % as if sums of noise were
 * as wide as their variance says, which they are but for a little. */
static int64_t cumulated_bound(uint64_t bound95, uint64_t j, uint64_t m, uint64_t num, uint64_t den)
{
    u128 factor = (u128)(den - num) * (den - num) * j + (u128)num * num * (m - j);
    return (int64_t)query_root((u128)bound95 * bound95 * factor) + 1;
}

int query_read_quantile(const struct query_schema *s, const struct query_plan *plan,
                        const int64_t *released, uint32_t num, uint32_t den,
                        struct query_quantile *ret, struct diag *diag)
{
    uint32_t m = s->entry_count;
    if (s->aggregate != QUERY_QUANTILE || num == 0 || num >= den || den > 1000) {
        return diag_fail(diag, -EINVAL, "no such quantile of this query");
    }
    __int128 all = 0, sum = 0;
    for (uint32_t i = 0; i < m; i++) {
        all += released[i];
    }
    if (all <= 0) {
        return diag_fail(diag, -ERANGE,
                         "the noise is larger than the counts: no quantile is known");
    }
    struct query_quantile q = {m - 1, m - 1, m - 1};
    for (uint32_t i = m; i-- > 0;) { /* backwards: the last assignment is the first cell */
        sum += released[i];
        __int128 distance = (all - sum + released[i]) * den - all * num;
        int64_t bound = cumulated_bound(plan->bound95, i + 1, m, num, den);
        q.cell = distance >= 0 ? i : q.cell;
        q.low = distance >= -bound ? i : q.low;
        q.high = distance >= bound ? i : q.high;
    }
    *ret = q;
    return 0;
}
