/* SPDX-License-Identifier: Apache-2.0 */
/* From rho to (epsilon, delta) and back.
 *
 * CKS20, proposition 12: rho-zCDP is (epsilon, delta)-DP for every alpha > 1 with
 *     delta = exp((alpha - 1)(alpha rho - epsilon)) / (alpha - 1) * (1 - 1/alpha)^alpha.
 * With a = alpha - 1 the logarithm is, in terms that are all positive,
 *     -ln delta = a epsilon + a ln(1 + 1/a) + ln(1 + a) - a (a + 1) rho
 *     epsilon = (a + 1) rho + ln(1/delta) / a - ln(1 + a) / a - ln(1 + 1/a)
 * so each bound needs directed operations only. Where the best a lies is the root of a function
 * that rises; the search for it may be inexact, since any a gives a true statement. */
#include "dp/real.h"
#include "query/account.h"
#include "query/limits.h"
#include "query/noise.h"

#include <errno.h>

/* 2^-40 of delta covers what tables cut off and round. */
enum { MASS_SHARE_BITS = 40 };
enum { A_EXPONENT_MIN = -80, A_EXPONENT_MAX = 260, A_BITS = 36 };

#define PICO UINT64_C(1000000000000)

struct question {
    struct real rho;   /* rounded up */
    struct real other; /* -ln delta, rounded up; or epsilon, rounded down */
    bool (*left_of_best)(const struct question *q, struct real a);
};

static struct real inverse(struct real a, enum round to)
{
    return real_div(real_whole(1), a, to);
}

/* d epsilon / d a < 0 <=> a^2 rho + ln(1 + a) < -ln delta */
static bool epsilon_falls(const struct question *q, struct real a)
{
    struct real square = real_mul(real_mul(a, a, DOWN), q->rho, DOWN);
    return real_compare(real_add(square, real_ln1p(a, DOWN), DOWN), q->other) < 0;
}

/* d ln delta / d a < 0 <=> (2 a + 1) rho < epsilon + ln(1 + 1/a) */
static bool delta_falls(const struct question *q, struct real a)
{
    struct real twice = real_add(real_scale(a, 1), real_whole(1), DOWN);
    struct real log = real_ln1p(inverse(a, DOWN), DOWN);
    return real_compare(real_mul(twice, q->rho, DOWN), real_add(q->other, log, DOWN)) < 0;
}

/* The largest a of A_BITS bits that lies left of the best one. */
static struct real best_a(const struct question *q)
{
    int32_t low = A_EXPONENT_MIN, high = A_EXPONENT_MAX;
    while (high - low > 1) {
        int32_t middle = low + (high - low) / 2;
        struct real a = {UINT64_C(1) << 63, middle - 63};
        *(q->left_of_best(q, a) ? &low : &high) = middle;
    }
    struct real a = {UINT64_C(1) << 63, low - 63};
    for (int bit = 62; bit > 62 - A_BITS; bit--) {
        struct real next = {a.m | UINT64_C(1) << bit, a.e};
        a = q->left_of_best(q, next) ? next : a;
    }
    return a;
}

/* Upper bound of epsilon; log is -ln delta, rounded up. */
static struct real epsilon_bound(struct real rho, struct real log)
{
    struct question q = {rho, log, epsilon_falls};
    struct real a = best_a(&q);
    struct real plus =
        real_add(real_mul(real_add(a, real_whole(1), UP), rho, UP), real_div(log, a, UP), UP);
    struct real minus =
        real_add(real_div(real_ln1p(a, DOWN), a, DOWN), real_ln1p(inverse(a, DOWN), DOWN), DOWN);
    return real_sub(plus, minus, UP);
}

/* Upper bound of -ln(probability): 1/p - 1 is exact enough where p is near 1, too. */
static struct real minus_log(struct dp_ratio p, enum round to)
{
    return real_ln1p(real_ratio(p.den - p.num, p.num, to), to);
}

static bool ratio_fits(struct dp_ratio r)
{
    return r.den != 0 && r.den >> 127 == 0 && r.num >> 127 == 0;
}

static int check(struct dp_ratio rho, const struct dp_ratio *delta, const struct dp_ratio *epsilon,
                 struct diag *diag)
{
    if (!ratio_fits(rho) || !(rho.num / rho.den <= DP_RHO_MAX / 1000000)) {
        return diag_fail(diag, -ERANGE, "rho is not a number from 0 to %u",
                         (unsigned)(DP_RHO_MAX / 1000000));
    }
    if (delta != NULL && (!ratio_fits(*delta) || delta->num == 0 || delta->num >= delta->den)) {
        return diag_fail(diag, -ERANGE, "delta is not a number between 0 and 1");
    }
    if (epsilon != NULL && (!ratio_fits(*epsilon) || epsilon->num / epsilon->den > 1000000)) {
        return diag_fail(diag, -ERANGE, "epsilon is not a number from 0 to 1000000");
    }
    return 0;
}

/* samples * 2^-DP_MASS_BITS * (1 + e^epsilon) <= delta * 2^-MASS_SHARE_BITS ?
 * A mechanism within tau of an (epsilon, delta)-private one is (epsilon, delta + (1 + e^epsilon)
 * tau)-private. */
static bool mass_is_covered(struct dp_ratio delta, uint64_t samples, uint64_t pico)
{
    uint64_t doublings = pico / PICO * 3 / 2 + 3; /* 1 + e^epsilon <= 2^this, as 1/ln 2 < 1.5 */
    if (samples > DP_SAMPLES_MAX || doublings > DP_MASS_BITS) {
        return false;
    }
    struct real mass = real_scale(real_whole(samples), (int32_t)doublings - DP_MASS_BITS);
    struct real kept = real_scale(real_ratio(delta.num, delta.den, DOWN), -MASS_SHARE_BITS);
    return real_compare(mass, kept) <= 0;
}

int dp_epsilon(struct dp_ratio rho, struct dp_ratio delta, uint64_t samples, uint64_t *ret_pico,
               struct diag *diag)
{
    int err = check(rho, &delta, NULL, diag);
    if (err != 0) {
        return err;
    }
    struct real log = minus_log(delta, UP);
    if (samples != 0) { /* -ln(delta (1 - 2^-40)) <= -ln delta + 2^-39 */
        log = real_add(log, real_scale(real_whole(1), 1 - MASS_SHARE_BITS), UP);
    }
    uint64_t pico = 0;
    if (rho.num != 0) {
        struct real epsilon = epsilon_bound(real_ratio(rho.num, rho.den, UP), log);
        pico = real_ceil(real_mul(epsilon, real_whole(PICO), UP));
    }
    if (samples != 0 && !mass_is_covered(delta, samples, pico)) {
        return diag_fail(
            diag, -ERANGE,
            "delta is too small, or epsilon too large, for what tables of noise round");
    }
    *ret_pico = pico;
    return 0;
}

/* The least digits * 10^exponent of 12 or 13 digits that is not less; 0 < value <= 1. */
static struct dp_decimal decimal_up(struct real value)
{
    int32_t exponent = 0;
    struct real scaled = value;
    while (real_floor(scaled) < PICO / 10) {
        scaled = real_mul(scaled, real_whole(10), UP);
        exponent--;
    }
    return (struct dp_decimal){real_ceil(scaled), exponent};
}

int dp_delta(struct dp_ratio rho, struct dp_ratio epsilon, struct dp_decimal *ret_delta,
             struct diag *diag)
{
    int err = check(rho, NULL, &epsilon, diag);
    if (err != 0) {
        return err;
    }
    if (rho.num == 0) {
        *ret_delta = (struct dp_decimal){0, 0};
        return 0;
    }
    struct question q = {real_ratio(rho.num, rho.den, UP),
                         real_ratio(epsilon.num, epsilon.den, DOWN), delta_falls};
    struct real a = best_a(&q);
    struct real plus =
        real_mul(a, real_add(q.other, real_ln1p(inverse(a, DOWN), DOWN), DOWN), DOWN);
    plus = real_add(plus, real_ln1p(a, DOWN), DOWN);
    struct real minus = real_mul(real_mul(a, real_add(a, real_whole(1), UP), UP), q.rho, UP);
    struct real log = real_sub(plus, minus, DOWN); /* at least 0: delta is at most 1 */
    *ret_delta = decimal_up(real_exp_minus(log, UP));
    return 0;
}

int dp_rho_for(uint64_t epsilon_pico, struct dp_ratio delta, uint64_t *ret_micro_rho,
               struct diag *diag)
{
    int err = check(dp_micro(0), &delta, NULL, diag);
    if (err != 0) {
        return err;
    }
    struct real log = minus_log(delta, UP);
    uint64_t low = 0, high = DP_RHO_MAX + 1; /* low fits, high is not asked for */
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        struct real epsilon = epsilon_bound(real_ratio(middle, 1000000, UP), log);
        bool fits = real_ceil(real_mul(epsilon, real_whole(PICO), UP)) <= epsilon_pico;
        *(fits ? &low : &high) = middle;
    }
    *ret_micro_rho = low;
    return 0;
}

uint32_t dp_odds(uint64_t epsilon_pico)
{
    /* e^epsilon / (1 + e^epsilon) = 1 / (1 + e^-epsilon) */
    struct real epsilon = real_ratio(epsilon_pico, PICO, UP);
    struct real odds = real_div(real_whole(1000000),
                                real_add(real_whole(1), real_exp_minus(epsilon, DOWN), DOWN), UP);
    return (uint32_t)real_ceil(odds);
}
