/* SPDX-License-Identifier: Apache-2.0 */
/* Clipping in constant time: a person's vector decides no branch and no address, as far as the
 * compiler's hands are tied (conditions become masks behind a barrier). Loops run to lengths that
 * the schema fixes. */
#include "dp/schema.h"

/* Shrinking factors are multiples of 2^-20. */
enum { FACTOR_BITS = 20 };
/* Differences are at most 2^41 in size. */
#define DIFFERENCE_TOP_BIT ((uint64_t)QUERY_VALUE_MAX * 2)

/* All ones or zero. CT */
static inline uint64_t mask_of(bool condition)
{
    uint64_t mask = (uint64_t)0 - condition;
    __asm__("" : "+r"(mask));
    return mask;
}

static inline uint64_t pick(bool condition, uint64_t yes, uint64_t no)
{
    uint64_t mask = mask_of(condition);
    return (yes & mask) | (no & ~mask);
}

static inline uint64_t size_of(int64_t difference)
{
    uint64_t sign = (uint64_t)(difference >> 63);
    return ((uint64_t)difference ^ sign) - sign;
}

static inline int64_t with_sign(uint64_t size, int64_t of)
{
    uint64_t sign = (uint64_t)(of >> 63);
    return (int64_t)((size ^ sign) - sign);
}

static uint64_t count_beyond(const int64_t *differences, uint32_t count, uint64_t size)
{
    uint64_t beyond = 0;
    for (uint32_t i = 0; i < count; i++) {
        beyond += mask_of(size_of(differences[i]) > size) & 1;
    }
    return beyond;
}

/* The k largest stay; of equal ones the first. */
static void keep_largest(int64_t *differences, uint32_t count, uint32_t k)
{
    bool too_many = count_beyond(differences, count, 0) > k;
    uint64_t edge = 0; /* then: the largest size that more than k exceed */
    for (uint64_t bit = DIFFERENCE_TOP_BIT; bit != 0; bit >>= 1) {
        edge += mask_of(count_beyond(differences, count, edge + bit) > k) & bit;
    }
    edge = pick(too_many, edge + 1, 0);
    uint64_t room = k - count_beyond(differences, count, edge); /* for those at the edge */
    for (uint32_t i = 0; i < count; i++) {
        uint64_t size = size_of(differences[i]);
        uint64_t at_edge = mask_of(size == edge) & mask_of(room > 0);
        room -= at_edge & 1;
        differences[i] &= (int64_t)(mask_of(size > edge) | at_edge);
    }
}

/* Do the differences, times factor, rounded towards zero, keep to L1 and L2? */
static bool fits(const struct query_schema *s, const int64_t *differences, uint64_t factor)
{
    uint64_t total = 0;
    u128 square = 0;
    for (uint32_t i = 0; i < s->entry_count; i++) {
        uint64_t size = size_of(differences[i]) * factor >> FACTOR_BITS;
        total += size;
        square += (u128)size * size;
    }
    uint64_t bad = 0;
    if (s->most_total != 0) { /* the schema is public */
        bad |= mask_of(total > s->most_total);
    }
    if (s->most_square != 0) {
        bad |= mask_of(square > s->most_square);
    }
    return bad == 0;
}

static void shrink(const struct query_schema *s, int64_t *differences)
{
    uint64_t factor = 0;
    for (int bit = FACTOR_BITS - 1; bit >= 0; bit--) {
        factor += mask_of(fits(s, differences, factor + (UINT64_C(1) << bit))) & UINT64_C(1) << bit;
    }
    const uint64_t whole = UINT64_C(1) << FACTOR_BITS;
    factor = pick(fits(s, differences, whole), whole, factor);
    for (uint32_t i = 0; i < s->entry_count; i++) {
        uint64_t size = size_of(differences[i]) * factor >> FACTOR_BITS;
        differences[i] = with_sign(size, differences[i]);
    }
}

void query_clip(const struct query_schema *s, int64_t *vector)
{
    for (uint32_t i = 0; i < s->entry_count; i++) {
        const struct query_entry *e = &s->entries[i];
        uint64_t value = (uint64_t)vector[i];
        value = pick((int64_t)value < e->low, (uint64_t)e->low, value);
        value = pick((int64_t)value > e->high, (uint64_t)e->high, value);
        vector[i] = (int64_t)value - e->fallback;
    }
    if (s->most_entries != 0) {
        keep_largest(vector, s->entry_count, s->most_entries);
    }
    if (s->most_total != 0 || s->most_square != 0) {
        shrink(s, vector);
    }
    for (uint32_t i = 0; i < s->entry_count; i++) {
        vector[i] += s->entries[i].fallback;
    }
}

void query_default(const struct query_schema *s, int64_t *ret_vector)
{
    for (uint32_t i = 0; i < s->entry_count; i++) {
        ret_vector[i] = s->entries[i].fallback;
    }
}

void query_add(const struct query_schema *s, int64_t *vector, __int128 *totals)
{
    query_clip(s, vector);
    for (uint32_t i = 0; i < s->entry_count; i++) {
        totals[i] += vector[i];
    }
}
