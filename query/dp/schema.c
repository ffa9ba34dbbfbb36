/* SPDX-License-Identifier: Apache-2.0 */
/* Which schemas there are, and how far one person moves them. */
#include "dp/schema.h"

#include <errno.h>

static const struct query_row rows[] = {
#define AGGREGATE(name, text, entries, rules, divisor) {text, entries, rules, divisor},
#include "query/aggregates.def"
#undef AGGREGATE
};

const struct query_row *query_row(enum query_aggregate aggregate)
{
    return (unsigned)aggregate < QUERY_AGGREGATES ? &rows[aggregate] : NULL;
}

const char *query_aggregate_text(enum query_aggregate aggregate)
{
    const struct query_row *row = query_row(aggregate);
    return row != NULL ? row->text : NULL;
}

bool query_aggregate_named(struct bytes name, enum query_aggregate *ret_aggregate)
{
    for (unsigned i = 0; i < QUERY_AGGREGATES; i++) {
        if (bytes_equal_str(name, rows[i].text)) {
            *ret_aggregate = (enum query_aggregate)i;
            return true;
        }
    }
    return false;
}

static int check_entry(const struct query_row *row, const struct query_entry *e, uint32_t i,
                       struct diag *diag)
{
    if (!(e->low >= -QUERY_VALUE_MAX && e->high <= QUERY_VALUE_MAX)) {
        return diag_fail(diag, -EINVAL, "entry %u: bounds beyond 2^40 units", i);
    }
    if (!(e->low < e->high)) {
        return diag_fail(diag, -EINVAL, "entry %u: its low bound is not below its high one", i);
    }
    if (!(e->low <= e->fallback && e->fallback <= e->high)) {
        return diag_fail(diag, -EINVAL, "entry %u: its default lies outside its bounds", i);
    }
    if ((row->rules & FROM_ZERO) != 0 && (e->low != 0 || e->fallback != 0)) {
        return diag_fail(diag, -EINVAL, "entry %u: a %s starts at 0, also by default", i,
                         row->text);
    }
    if ((row->rules & AT_MOST_ONE) != 0 && e->high != 1) {
        return diag_fail(diag, -EINVAL, "entry %u: of a %s it is 0 or 1", i, row->text);
    }
    return 0;
}

/* Bounds of the whole vector: those that the row wants, and no others. */
static int check_whole(const struct query_row *row, const struct query_schema *s, struct diag *diag)
{
    if ((row->rules & ONE_CELL) != 0 && s->most_entries != 1) {
        return diag_fail(diag, -EINVAL, "a %s wants one cell of a person", row->text);
    }
    if ((row->rules & SPARSE) != 0 && s->most_entries == 0) {
        return diag_fail(diag, -EINVAL,
                         "an %s matrix wants to know how many cells a person may fill", row->text);
    }
    if (s->most_entries > s->entry_count) {
        return diag_fail(diag, -EINVAL, "a person may fill %u of %u entries", s->most_entries,
                         s->entry_count);
    }
    if ((row->rules & TOTAL) != 0 && s->most_total == 0) {
        return diag_fail(diag, -EINVAL, "a %s wants to know what a person may add up to",
                         row->text);
    }
    if ((row->rules & WHOLE) != 0 ? s->whole == 0 || s->whole != s->most_total : s->whole != 0) {
        return diag_fail(diag, -EINVAL,
                         "a share vector, and no other, has a whole, which is its largest total");
    }
    if ((row->rules & THRESHOLD) == 0 && s->threshold != 0) {
        return diag_fail(diag, -EINVAL, "a %s has no threshold", row->text);
    }
    if ((row->rules & WHOLE) != 0 && s->whole > (uint64_t)QUERY_VALUE_MAX) {
        return diag_fail(diag, -EINVAL, "a whole beyond 2^40 units");
    }
    return 0;
}

int query_schema_check(const struct query_schema *schema, struct diag *diag)
{
    const struct query_row *row = query_row(schema->aggregate);
    if (row == NULL) {
        return diag_fail(diag, -EINVAL, "no such aggregate");
    }
    if (schema->entry_count == 0 || schema->entry_count > row->entries_max) {
        return diag_fail(diag, -EINVAL, "a %s has 1 to %u entries, not %u", row->text,
                         row->entries_max, schema->entry_count);
    }
    for (uint32_t i = 0; i < schema->entry_count; i++) {
        int err = check_entry(row, &schema->entries[i], i, diag);
        if (err != 0) {
            return err;
        }
    }
    return check_whole(row, schema, diag);
}

/* How many entries reach further than `size`. */
static uint32_t count_beyond(const struct query_schema *s, uint64_t size)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->entry_count; i++) {
        count += entry_reach(&s->entries[i]) > size;
    }
    return count;
}

uint64_t query_root(u128 value)
{
    uint64_t root = 0;
    for (uint64_t bit = UINT64_C(1) << 63; bit != 0; bit >>= 1) {
        root |= (u128)(root | bit) * (root | bit) <= value ? bit : 0;
    }
    return root;
}

static u128 least(u128 a, u128 b)
{
    return a < b ? a : b;
}

/* The k entries that reach furthest are those beyond `edge`, and some of those that reach just so
 * far. */
static uint64_t edge_of(const struct query_schema *s, uint32_t k)
{
    uint64_t edge = 0;
    if (count_beyond(s, 0) <= k) {
        return 0;
    }
    for (uint64_t bit = (uint64_t)QUERY_VALUE_MAX * 2; bit != 0; bit >>= 1) {
        edge += count_beyond(s, edge + bit) > k ? bit : 0;
    }
    return edge + 1;
}

struct query_distance query_distance(const struct query_schema *s)
{
    uint32_t k = s->most_entries != 0 ? s->most_entries : s->entry_count;
    uint64_t edge = edge_of(s, k), largest = 0;
    u128 total = 0, square = 0;
    uint32_t beyond = 0;
    for (uint32_t i = 0; i < s->entry_count; i++) {
        uint64_t reach = entry_reach(&s->entries[i]);
        largest = reach > largest ? reach : largest;
        if (reach > edge) {
            beyond++;
            total += reach;
            square += (u128)reach * reach;
        }
    }
    total += (u128)edge * (k - beyond);
    square += (u128)edge * edge * (k - beyond);
    if (s->most_total != 0) {
        total = least(total, s->most_total);
        largest = (uint64_t)least(largest, s->most_total);
    }
    if (s->most_square != 0) {
        square = least(square, s->most_square);
        total = least(total, square); /* of whole numbers |d| <= d^2 */
        largest = (uint64_t)least(largest, query_root(s->most_square));
    }
    square = least(square, total * largest);
    return (struct query_distance){(uint64_t)total, square, largest};
}
