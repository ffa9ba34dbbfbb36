/* SPDX-License-Identifier: Apache-2.0 */
/* Is this the service that I want to talk to? One call over an evidence file (abi/evidence.h) whose
 * claims are a binding: verifies the quote under the caller's policy and judges the binding. A part
 * of that is not on offer.
 *
 * Trust: the file comes from whoever wants to be believed. Policy, expectation, time and the cache
 * are the caller's. */
#pragma once

#include "channel/binding.h"

struct service_result {
    struct alcove_verdict verdict;
    bool readable;                 /* it is an evidence file; if not, the quote was not looked at */
    struct alcove_result quote;    /* what the policy said, and facts */
    struct binding_result binding; /* reasons; the binding itself when accepted */
};

/* The policy names identities, roots and levels. Where it leaves report_data unset, that is right:
 * the binding decides about all of it. collateral: the caller's own, for files that leave it out;
 * NULL: the file's. cache may be NULL. *ret is always written; its verdict is returned too. Views
 * in ret->binding point into the file. */
struct alcove_verdict service_verify(struct bytes evidence, const struct alcove_policy *policy,
                                     const struct alcove_collateral *collateral,
                                     struct alcove_cache *cache,
                                     const struct binding_expectation *expected, int64_t now,
                                     struct service_result *ret) MUST_USE;
