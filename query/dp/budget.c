/* SPDX-License-Identifier: Apache-2.0 */
/* Decide first, then act: after the last refusal nothing can fail. */
#include "query/budget.h"

#include <errno.h>

static uint64_t left(uint64_t cap, uint64_t spent)
{
    return spent <= cap ? cap - spent : 0;
}

uint64_t budget_left(const struct budget_window *user, uint64_t window)
{
    if (window < user->window) {
        return 0;
    }
    return left(user->cap, window == user->window ? user->spent : 0);
}

uint64_t budget_quota_left(const struct budget_quota *quota)
{
    return left(quota->quota, quota->spent);
}

int budget_charge(struct budget_window *user, struct budget_quota *quota, uint64_t window,
                  uint64_t cost, struct diag *diag)
{
    if (cost == 0) {
        return diag_fail(diag, -EINVAL, "a release that costs nothing is none");
    }
    if (window < user->window) {
        return diag_fail(diag, -ESTALE, "the window %lu is over; it is %lu now",
                         (unsigned long)window, (unsigned long)user->window);
    }
    uint64_t user_left = budget_left(user, window);
    if (!(cost <= user_left)) {
        return diag_fail(diag, -EDQUOT, "costs %lu millionths of rho; %lu are left in this window",
                         (unsigned long)cost, (unsigned long)user_left);
    }
    uint64_t lifetime;
    if (!add_ok(user->lifetime, cost, &lifetime)) {
        return diag_fail(diag, -EDQUOT, "costs more than can be counted in a lifetime");
    }
    if (quota != NULL && !(cost <= budget_quota_left(quota))) {
        return diag_fail(diag, -EDQUOT,
                         "costs %lu millionths of rho; %lu are left of the analyst's quota",
                         (unsigned long)cost, (unsigned long)budget_quota_left(quota));
    }
    user->spent = (window == user->window ? user->spent : 0) + cost;
    user->window = window;
    user->lifetime = lifetime;
    if (quota != NULL) {
        quota->spent += cost;
    }
    return 0;
}
