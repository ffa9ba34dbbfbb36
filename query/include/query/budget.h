/* SPDX-License-Identifier: Apache-2.0 */
/* Budgets: a cap for each person and window, and a quota for each analyst. Quotas alone are not
 * sound when analysts work together, a cap alone lets one analyst use up everybody's (Big Bird,
 * arXiv 2506.05290): both are asked.
 *
 * Charge, store, then run. Nothing here gives anything back: a run that fails has been paid. */
#pragma once

#include "base/diag.h"

/* What one person's releases may cost in a window (a week, numbered by the caller from the log's
 * time, never from the host's clock). All in micro-rho. */
struct budget_window {
    uint64_t window;
    uint64_t cap;
    uint64_t spent;    /* in this window */
    uint64_t lifetime; /* in all windows; for display */
};

/* What one analyst may spend in all. */
struct budget_quota {
    uint64_t quota;
    uint64_t spent;
};

/* Pays cost in `window` from both budgets, or from neither. A later window than the stored one
 * starts at zero; an earlier one is refused (-ESTALE): clocks that run backwards earn nothing.
 * -EINVAL for a cost of zero, -EDQUOT when it does not fit; both structs are then unchanged. quota
 * may be NULL where another party keeps it. Trust: cost and window may come from anybody; the
 * structs are the caller's own. */
int budget_charge(struct budget_window *user, struct budget_quota *quota, uint64_t window,
                  uint64_t cost, struct diag *diag) MUST_USE;

/* What is left in the window; never negative, also when a cap was lowered below what is spent. */
uint64_t budget_left(const struct budget_window *user, uint64_t window);
uint64_t budget_quota_left(const struct budget_quota *quota);
