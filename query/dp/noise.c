/* SPDX-License-Identifier: Apache-2.0 */
/* The sampler. Whoever measures its time or its memory accesses learns the table, which is public,
 * and nothing else: loops run to the table's length, and comparisons become masks. */
#include "query/noise.h"

#include <errno.h>

typedef unsigned __int128 u128;

const struct dp_table *dp_table_for_sigma(enum dp_kind kind, uint64_t num, uint64_t den)
{
    if (num == 0 || den == 0) {
        return NULL;
    }
    for (size_t i = 0; i < dp_table_count; i++) {
        const struct dp_table *t = &dp_tables[i]; /* scales rise within a kind */
        if (t->kind == kind && (u128)t->scale_num * den >= (u128)num * t->scale_den) {
            return t;
        }
    }
    return NULL;
}

static u128 word_at(const uint8_t *data)
{
    return (u128)load_le64(data + 8) << 64 | load_le64(data);
}

/* a < b, as 1 or 0. CT: the borrow of a 128-bit subtraction; the barrier keeps the compiler from
 * seeing a condition in it. */
static inline uint64_t less(u128 a, const uint64_t b[2])
{
    uint64_t low = (uint64_t)a, high = (uint64_t)(a >> 64);
    u128 d = (u128)low - b[0];
    d = (u128)high - b[1] - ((uint64_t)(d >> 64) & 1);
    uint64_t borrow = (uint64_t)(d >> 64) & 1;
    __asm__("" : "+r"(borrow));
    return borrow;
}

/* |x| is the number of entries that the drawn number reaches. All are below 2^127, so the top bit
 * of a difference is its sign. */
static int64_t gaussian(const struct dp_table *table, const uint8_t *drawn)
{
    u128 word = word_at(drawn);
    int64_t negative = (int64_t)(word >> 127);
    word &= ~(u128)0 >> 1;
    uint64_t below = 0;
    for (uint32_t i = 0; i < table->entry_count; i++) {
        u128 edge = (u128)table->entries[i][1] << 64 | table->entries[i][0];
        uint64_t sign = (uint64_t)((word - edge) >> 64);
        __asm__("" : "+r"(sign));
        below += sign >> 63;
    }
    int64_t size = (int64_t)(table->entry_count - below);
    return (size ^ -negative) + negative;
}

static int64_t geometric(const struct dp_table *table, const uint8_t *drawn)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < table->entry_count; i++) {
        value |= less(word_at(drawn + 16 * i), table->entries[i]) << i;
    }
    return (int64_t)value;
}

int dp_sample(const struct dp_table *table, const struct dp_random *random, int64_t *ret_noise)
{
    uint8_t drawn[DP_DRAW_MAX];
    REQUIRE(table->draw_size <= sizeof drawn);
    int err = random->fill(random->context, drawn, table->draw_size);
    if (err == 0) {
        *ret_noise = table->kind == DP_GAUSSIAN
                         ? gaussian(table, drawn)
                         : geometric(table, drawn) - geometric(table, drawn + table->draw_size / 2);
    }
    secure_zero(drawn, sizeof drawn);
    return err;
}
