/* SPDX-License-Identifier: Apache-2.0 */
/* What a release costs, and what a cost means: zero-concentrated differential privacy (Bun and
 * Steinke 2016) in whole millionths of rho ("micro-rho").
 *
 * Every rounding is against the analyst: costs up, epsilon and delta up, what may still be spent
 * down. Costs are integer arithmetic. The conversions to (epsilon, delta) need logarithms; they are
 * made of 64-bit mantissas of which each operation rounds in a stated direction (dp/real.h), so a
 * result is never below the truth. */
#pragma once

#include "base/diag.h"

/* num / den; den > 0. Parts below 2^127. */
struct dp_ratio {
    unsigned __int128 num, den;
};

/* A number for people: digits * 10^exponent, with 12 to 13 digits. */
struct dp_decimal {
    uint64_t digits;
    int32_t exponent;
};

/* Micro-rho of Gaussian noise: ceil(10^6 * delta2^2 / (2 sigma^2)), with delta2^2 the squared L2
 * distance of neighbouring inputs and sigma = num/den, in one unit (CKS20 theorem 4: discrete noise
 * costs what continuous noise does). -EINVAL when a part is zero: nothing is free. -ERANGE above
 * DP_RHO_MAX. Trust: arguments may come from anybody. */
int dp_cost_gaussian(unsigned __int128 delta2_squared, uint64_t num, uint64_t den,
                     uint64_t *ret_micro_rho, struct diag *diag) MUST_USE;

/* Micro-rho of Laplace noise of scale num/den at L1 distance delta1: pure epsilon = delta1 / scale,
 * which is epsilon^2 / 2 of rho (Bun and Steinke 2016, proposition 1.4). Errors as above. */
int dp_cost_laplace(uint64_t delta1, uint64_t num, uint64_t den, uint64_t *ret_micro_rho,
                    struct diag *diag) MUST_USE;

/* Adds a cost to what was spent. -ERANGE above DP_RHO_MAX: ret_total is untouched. */
int dp_compose(uint64_t spent, uint64_t cost, uint64_t *ret_total, struct diag *diag) MUST_USE;

/* The least epsilon, in units of 10^-12 and rounded up, such that rho-zCDP gives (epsilon,
 * delta)-DP: the bound of CKS20 (proposition 12 of Canonne, Kamath, Steinke), minimised over alpha;
 * any alpha is valid, so a search that stops early is still true. 0 < delta < 1. `samples` is how
 * many noise samples the releases had: each may be off by 2^-DP_MASS_BITS in total variation. 2^-40
 * of delta is kept for that; -ERANGE when it does not suffice. 0: the releases are ideal. */
int dp_epsilon(struct dp_ratio rho, struct dp_ratio delta, uint64_t samples, uint64_t *ret_pico,
               struct diag *diag) MUST_USE;

/* The least delta, rounded up, such that rho-zCDP gives (epsilon, delta)-DP; at most 1, and
 * never said to be below 2^-20000. epsilon <= 1000000. */
int dp_delta(struct dp_ratio rho, struct dp_ratio epsilon, struct dp_decimal *ret_delta,
             struct diag *diag) MUST_USE;

/* The largest micro-rho that is still (epsilon, delta)-DP. epsilon in units of 10^-12. */
int dp_rho_for(uint64_t epsilon_pico, struct dp_ratio delta, uint64_t *ret_micro_rho,
               struct diag *diag) MUST_USE;

/* For people: somebody who without this person's data would guess right 500,000 times in a million
 * guesses right at most this often with the results: e^epsilon / (1 + e^epsilon), rounded up;
 * 1,000,000 at most. */
uint32_t dp_odds(uint64_t epsilon_pico);

static inline struct dp_ratio dp_micro(uint64_t micro)
{
    return (struct dp_ratio){micro, 1000000};
}
