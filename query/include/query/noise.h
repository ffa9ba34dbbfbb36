/* SPDX-License-Identifier: Apache-2.0 */
/* Discrete noise from tables, in constant time and in integers.
 *
 * A float's low bits tell what was added to it (Mironov 2012), and the time of a rejection sampler
 * tells how large its noise is (Jin et al., arXiv 2112.05307). So: whole numbers; a fixed number of
 * random bytes for each sample; every entry of the table is read for each sample; no branch on what
 * was drawn.
 *
 * tools/mktables.c makes the tables with MPFR at build time. Each declares how far its distribution
 * is from the true one (`mass_bits`); dp_epsilon() adds that to delta. */
#pragma once

#include "base/bytes.h"

enum dp_kind {
    DP_GAUSSIAN, /* P(x) ~ exp(-x^2 / 2 scale^2); Canonne, Kamath, Steinke 2020 */
    DP_LAPLACE,  /* P(x) ~ exp(-|x| / scale) */
};

#define DP_TABLES_MAX 32
/* Every table declares at least this: total variation of a sample to the true distribution <=
 * 2^-112. */
#define DP_MASS_BITS 112
/* Random bytes for one sample, at most: twice 17 words of 128 bits. */
#define DP_DRAW_MAX 544

/* A table; all of them are constants of the program.
 * Gaussian: entry i is P(|x| <= i) * 2^127; one word is drawn: its top bit is the sign, the others
 * choose |x|. Laplace: x = g - h, both geometric below 2^entry_count. The bits of a geometric
 * variable are independent; entry i is P(bit i = 1) * 2^128, and each bit has a word of its own. */
struct dp_table {
    enum dp_kind kind;
    uint32_t scale_num; /* the scale (sigma of a Gaussian) is scale_num / scale_den units */
    uint32_t scale_den;
    uint32_t entry_count;
    const uint64_t (*entries)[2]; /* 128-bit numbers: low half, high half */
    uint32_t mass_bits;           /* total variation to the true distribution <= 2^-mass_bits */
    uint32_t bound95;             /* least a with P(|x| >= a) <= 0.05 */
    uint32_t reach;               /* no sample is larger in size */
    uint32_t draw_size;           /* random bytes for one sample, always */
};

extern const struct dp_table dp_tables[];
extern const size_t dp_table_count;

/* Where random bytes come from: fills exactly size bytes; 0 or -errno. In production a generator
 * seeded with fresh hardware entropy for each release, never from anything that is stored; in tests
 * a trace. */
struct dp_random {
    int (*fill)(void *context, uint8_t *ret_data, size_t size);
    void *context;
};

/* The table of the kind with the least scale that is not less than num/den. NULL when num or den is
 * zero or the scale exceeds the largest table: the question then wants a coarser unit. Trust: num
 * and den may come from anybody. */
const struct dp_table *dp_table_for_sigma(enum dp_kind kind, uint64_t num, uint64_t den);

/* One sample. 0, or what fill() failed with: ret_noise is then untouched.
 * CT: time and memory accesses depend on the table alone. Trust: fill() is believed. */
int dp_sample(const struct dp_table *table, const struct dp_random *random,
              int64_t *ret_noise) MUST_USE;
