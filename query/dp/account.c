/* SPDX-License-Identifier: Apache-2.0 */
/* Costs: integers only. */
#include "query/account.h"
#include "query/limits.h"

#include <errno.h>

typedef unsigned __int128 u128;

/* ceil(10^6 * squared * den^2 / (2 num^2)) */
static int cost(u128 squared, uint64_t num, uint64_t den, uint64_t *ret_micro_rho,
                struct diag *diag)
{
    if (squared == 0 || num == 0 || den == 0) {
        return diag_fail(
            diag, -EINVAL,
            "a release needs a distance and a noise scale above zero: nothing is free");
    }
    u128 above, below;
    if (__builtin_mul_overflow(squared, 500000, &above) ||
        __builtin_mul_overflow(above, den, &above) || __builtin_mul_overflow(above, den, &above)) {
        return diag_fail(diag, -ERANGE, "the distance of neighbouring inputs is too large");
    }
    if (__builtin_mul_overflow((u128)num, num, &below)) {
        return diag_fail(diag, -ERANGE, "the noise scale is too large");
    }
    u128 micro = above / below + (above % below != 0);
    if (!(micro <= DP_RHO_MAX)) {
        return diag_fail(diag, -ERANGE,
                         "the release would cost more than rho = %u: more noise is needed",
                         (unsigned)(DP_RHO_MAX / 1000000));
    }
    *ret_micro_rho = (uint64_t)micro;
    return 0;
}

int dp_cost_gaussian(u128 delta2_squared, uint64_t num, uint64_t den, uint64_t *ret_micro_rho,
                     struct diag *diag)
{
    return cost(delta2_squared, num, den, ret_micro_rho, diag);
}

int dp_cost_laplace(uint64_t delta1, uint64_t num, uint64_t den, uint64_t *ret_micro_rho,
                    struct diag *diag)
{
    return cost((u128)delta1 * delta1, num, den, ret_micro_rho, diag);
}

int dp_compose(uint64_t spent, uint64_t cost_micro_rho, uint64_t *ret_total, struct diag *diag)
{
    if (!(spent <= DP_RHO_MAX && cost_micro_rho <= DP_RHO_MAX - spent)) {
        return diag_fail(diag, -ERANGE, "the costs add up to more than rho = %u",
                         (unsigned)(DP_RHO_MAX / 1000000));
    }
    *ret_total = spent + cost_micro_rho;
    return 0;
}
