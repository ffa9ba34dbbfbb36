/* SPDX-License-Identifier: Apache-2.0 */
/* Non-negative numbers m * 2^e with 64-bit mantissas, and operations that round in a stated
 * direction. Made for bounds: `real_mul(a, b, UP)` is not less than the product and at most 2^-62
 * of it more. No hardware floats, so results are the same everywhere. Exponents stay far from the
 * ends of int32 for all inputs of account.h. */
#pragma once

#include "base/bytes.h"

enum round { DOWN, UP };

/* m has its top bit set, or the number is zero (m = 0, e = 0). */
struct real {
    uint64_t m;
    int32_t e;
};

typedef unsigned __int128 u128;

struct real real_whole(uint64_t value);
/* num/den; den > 0; both below 2^127. */
struct real real_ratio(u128 num, u128 den, enum round to);
/* -1, 0, 1 */
int real_compare(struct real a, struct real b);
struct real real_add(struct real a, struct real b, enum round to);
/* Zero when b >= a: a bound of max(0, a - b). */
struct real real_sub(struct real a, struct real b, enum round to);
struct real real_mul(struct real a, struct real b, enum round to);
/* b > 0 */
struct real real_div(struct real a, struct real b, enum round to);
/* a * 2^by, exactly */
struct real real_scale(struct real a, int32_t by);
/* ln(1 + x) */
struct real real_ln1p(struct real x, enum round to);
/* e^-y; below 2^-20000 a bound only. */
struct real real_exp_minus(struct real y, enum round to);
/* The least whole number that is not less; UINT64_MAX when it has more bits. */
uint64_t real_ceil(struct real a);
/* The largest whole number that is not more; likewise. */
uint64_t real_floor(struct real a);
