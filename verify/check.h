/* SPDX-License-Identifier: Apache-2.0 */
/* One verification in progress: what the caller said, what was found, which checks failed, and
 * which groups of checks were made completely. Acceptance needs every group *and* no failure, so
 * that a check that is skipped by mistake rejects. */
#pragma once

#include "verify/verify.h"
#include "base/bytes.h"

enum check_group {
    CHECKED_POLICY,     /* the policy is complete */
    CHECKED_EVIDENCE,   /* the quote's form */
    CHECKED_CHAIN,      /* PCK chain, root, SGX extension */
    CHECKED_REVOCATION, /* both lists, all certificates */
    CHECKED_SIGNERS,    /* the chains of TCB info and QE identity */
    CHECKED_TCB_INFO,
    CHECKED_QE_IDENTITY,
    CHECKED_QE,    /* the quoting enclave */
    CHECKED_QUOTE, /* the quote's signature */
    CHECKED_TCB,   /* TCB level and status */
    CHECKED_EXPECTATIONS,
    CHECK_GROUPS,
};

struct check {
    const struct alcove_policy *policy;
    int64_t time;
    struct alcove_result *result;
    uint32_t groups; /* bits of enum check_group */
};

static inline void check_fail(struct check *c, enum alcove_reason reason)
{
    c->result->failed[reason / 64] |= UINT64_C(1) << (reason % 64);
}

/* Fails with this reason unless the condition holds. */
static inline void check_that(struct check *c, bool condition, enum alcove_reason reason)
{
    if (!condition) {
        check_fail(c, reason);
    }
}

static inline void check_completed(struct check *c, enum check_group group)
{
    c->groups |= UINT32_C(1) << group;
}

/* A validity period, both ends included; also notes its end for the result. */
static inline void check_period(struct check *c, int64_t from, int64_t until,
                                enum alcove_reason not_yet, enum alcove_reason expired)
{
    check_that(c, c->time >= from, not_yet);
    check_that(c, c->time <= until, expired);
    int64_t *earliest = &c->result->earliest_expiration;
    if (*earliest == 0 || until < *earliest) {
        *earliest = until;
    }
}

/* The same for collateral, whose issue date matters too. */
static inline void check_issue(struct check *c, int64_t from, int64_t until,
                               enum alcove_reason not_yet, enum alcove_reason expired)
{
    check_period(c, from, until, not_yet, expired);
    int64_t *earliest = &c->result->earliest_issue;
    if (*earliest == 0 || from < *earliest) {
        *earliest = from;
    }
}
