/* SPDX-License-Identifier: Apache-2.0 */
/* Each function first gets a value that is cut off, and whether anything was cut; rounding up then
 * adds one. */
#include "dp/real.h"

/* Results of real_exp_minus() below 2^-20000 are not told apart. */
enum { EXP_BITS_MAX = 20000 };

static int bits_of(u128 v)
{
    uint64_t high = (uint64_t)(v >> 64);
    return high != 0 ? 128 - __builtin_clzll(high) : 64 - __builtin_clzll((uint64_t)v);
}

/* v * 2^e, where `cut` says that the true value is a little more. */
static struct real rounded(u128 v, int32_t e, bool cut, enum round to)
{
    if (v == 0) {
        return (struct real){0};
    }
    int shift = bits_of(v) - 64;
    if (shift <= 0) {
        /* Where something was cut v has 62 bits or more: one more of it is a fair bound. */
        v += cut && to == UP;
        shift = bits_of(v) - 64;
    }
    if (shift <= 0) {
        return (struct real){(uint64_t)v << -shift, e + shift};
    }
    cut |= (v & (((u128)1 << shift) - 1)) != 0;
    u128 m = (v >> shift) + (cut && to == UP);
    if (m >> 64 != 0) {
        m >>= 1; /* was 2^64: even */
        shift++;
    }
    return (struct real){(uint64_t)m, e + shift};
}

struct real real_whole(uint64_t value)
{
    return rounded(value, 0, false, DOWN);
}

struct real real_ratio(u128 num, u128 den, enum round to)
{
    REQUIRE(den != 0 && num >> 127 == 0 && den >> 127 == 0);
    if (num == 0) {
        return (struct real){0};
    }
    /* Long division from where the quotient's first digit is 1. */
    int32_t e = bits_of(num) - bits_of(den);
    u128 rest = num;
    if (e >= 0) {
        den <<= e;
    } else {
        rest <<= -e;
    }
    u128 quotient = 0;
    for (int i = 0; i < 66; i++) {
        bool digit = rest >= den;
        quotient = quotient << 1 | digit;
        rest -= digit ? den : 0;
        rest <<= 1; /* below 2 den < 2^128 */
    }
    return rounded(quotient, e - 65, rest != 0, to);
}

int real_compare(struct real a, struct real b)
{
    if (a.m == 0 || b.m == 0) {
        return (a.m != 0) - (b.m != 0);
    }
    if (a.e != b.e) {
        return a.e > b.e ? 1 : -1;
    }
    return (a.m > b.m) - (a.m < b.m);
}

/* The smaller mantissa in units of the larger one's 2^-62. */
static u128 aligned(struct real small, int32_t distance, bool *ret_cut)
{
    u128 v = (u128)small.m << 62;
    if (distance > 126) {
        *ret_cut = small.m != 0;
        return 0;
    }
    *ret_cut = (v & (((u128)1 << distance) - 1)) != 0;
    return v >> distance;
}

struct real real_add(struct real a, struct real b, enum round to)
{
    if (a.m == 0 || b.m == 0) {
        return a.m == 0 ? b : a;
    }
    struct real large = a.e >= b.e ? a : b, small = a.e >= b.e ? b : a;
    bool cut;
    u128 sum = ((u128)large.m << 62) + aligned(small, large.e - small.e, &cut);
    return rounded(sum, large.e - 62, cut, to);
}

struct real real_sub(struct real a, struct real b, enum round to)
{
    if (real_compare(a, b) <= 0) {
        return (struct real){0};
    }
    if (b.m == 0) {
        return a;
    }
    bool cut;
    u128 less = aligned(b, a.e - b.e, &cut);
    /* What was cut off the subtrahend makes the true difference smaller: take one off, and it is
     * larger again. */
    return rounded(((u128)a.m << 62) - less - cut, a.e - 62, cut, to);
}

struct real real_mul(struct real a, struct real b, enum round to)
{
    return rounded((u128)a.m * b.m, a.e + b.e, false, to);
}

struct real real_div(struct real a, struct real b, enum round to)
{
    REQUIRE(b.m != 0);
    u128 num = (u128)a.m << 63;
    return rounded(num / b.m, a.e - b.e - 63, num % b.m != 0, to);
}

struct real real_scale(struct real a, int32_t by)
{
    return a.m == 0 ? a : (struct real){a.m, a.e + by};
}

/* ln 2 = 0.B17217F7D1CF79ABC9E3... in hexadecimal */
static struct real ln2(enum round to)
{
    return (struct real){UINT64_C(0xB17217F7D1CF79AB) + (to == UP), -64};
}

/* 2 atanh(t) = 2 (t + t^3/3 + t^5/5 + ...), t <= 1/3: all terms are positive, so a sum that stops
 * early is a lower bound; the rest is less than twice the first term that is left out. */
static struct real twice_atanh(struct real t, enum round to)
{
    struct real square = real_mul(t, t, to), power = t, sum = t, term = t;
    for (uint64_t n = 3; term.m != 0 && term.e > sum.e - 66; n += 2) {
        power = real_mul(power, square, to);
        term = real_div(power, real_whole(n), to);
        sum = real_add(sum, term, to);
    }
    if (to == UP) {
        sum = real_add(sum, real_scale(term, 1), UP);
    }
    return real_scale(sum, 1);
}

struct real real_ln1p(struct real x, enum round to)
{
    enum round other = to == UP ? DOWN : UP;
    struct real one = real_whole(1), fraction = x, result = {0};
    if (real_compare(x, one) >= 0) { /* ln(m 2^k) = k ln 2 + ln m */
        struct real s = real_add(x, one, to);
        int32_t k = s.e + 63;
        fraction = real_sub(real_scale(s, -k), one, to); /* exact */
        result = real_mul(real_whole((uint64_t)k), ln2(to), to);
    }
    /* ln(1 + f) = 2 atanh(f / (2 + f)), which rises with f */
    struct real t = real_div(fraction, real_add(real_whole(2), fraction, other), to);
    return real_add(result, twice_atanh(t, to), to);
}

struct real real_exp_minus(struct real y, enum round to)
{
    enum round other = to == UP ? DOWN : UP;
    uint64_t k = real_floor(real_div(y, ln2(UP), DOWN));
    if (k > EXP_BITS_MAX) {
        return to == UP ? (struct real){UINT64_C(1) << 63, -EXP_BITS_MAX - 63} : (struct real){0};
    }
    /* e^-y = 2^-k / e^r, so r and e^r are bounded from the other side. All terms of the series are
     * positive and r < 1: cut off it is a lower bound, with its last term once more an upper one.
     */
    struct real r = real_sub(y, real_mul(real_whole(k), ln2(to), to), other);
    struct real sum = real_whole(1), term = sum;
    for (uint64_t n = 1; term.m != 0 && term.e > sum.e - 66; n++) {
        term = real_div(real_mul(term, r, other), real_whole(n), other);
        sum = real_add(sum, term, other);
    }
    if (to == DOWN) {
        sum = real_add(sum, term, UP);
    }
    return real_scale(real_div(real_whole(1), sum, to), -(int32_t)k);
}

uint64_t real_floor(struct real a)
{
    if (a.m == 0 || a.e <= -64) {
        return 0;
    }
    return a.e > 0 ? UINT64_MAX : a.m >> -a.e;
}

uint64_t real_ceil(struct real a)
{
    uint64_t floor = real_floor(a);
    if (a.m == 0 || a.e >= 0) {
        return floor;
    }
    bool whole = a.e > -64 && (a.m & ((UINT64_C(1) << -a.e) - 1)) == 0;
    return whole || floor == UINT64_MAX ? floor : floor + 1;
}
