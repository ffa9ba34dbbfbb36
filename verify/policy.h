/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy says, asked in one place for all families: are its lists complete, whom do they
 * admit, and how far does its grace reach?
 *
 * Trust: the policy is the caller's own, but often read from a file that somebody wrote by hand; so
 * whatever is contradictory or cannot match is incomplete rather than ignored. */
#pragma once

#include "check.h"

/* What holds for every kind of evidence; reports POLICY_INCOMPLETE and POLICY_CONFLICT. False if
 * the policy may not be read further: what it counts may not be there. */
bool policy_check(struct check *c) MUST_USE;

/* A mode was chosen, what is counted is there, no count is above its limit (verify/limits.h), and
 * an allow list is given exactly where the mode uses it. False: POLICY_INCOMPLETE. */
bool policy_ids_complete(const struct alcove_id_lists *lists) MUST_USE;
bool policy_advisories_complete(const struct alcove_advisory_lists *lists) MUST_USE;
/* A mode was chosen, and no more than `max` bytes are expected. */
bool policy_bytes_complete(const struct alcove_expect_bytes *expected, size_t max) MUST_USE;

/* Do complete lists admit this id of `id_size` bytes? Denied ids never. */
bool policy_admits(const struct alcove_id_lists *lists, size_t id_size, const uint8_t *id) MUST_USE;
/* Is evidence fine to which this advisory applies? Refused ones never; names match exactly. */
bool policy_tolerates(const struct alcove_advisory_lists *lists, const char *advisory) MUST_USE;
/* VALUE with nothing means absent or empty. */
bool policy_expects_bytes(const struct alcove_expect_bytes *expected, struct bytes found) MUST_USE;

/* check_period() and check_issue() for collateral: whoever accepts grace accepts what expired less
 * than that long ago. Not for the chain of the key that signs evidence. */
void policy_collateral_period(struct check *c, int64_t from, int64_t until,
                              enum alcove_reason not_yet, enum alcove_reason expired);
void policy_collateral_issue(struct check *c, int64_t from, int64_t until,
                             enum alcove_reason not_yet, enum alcove_reason expired);

/* `from + seconds`, at the end of time where that would overflow. */
static inline int64_t policy_later(int64_t from, uint32_t seconds)
{
    int64_t sum;
    return __builtin_add_overflow(from, (int64_t)seconds, &sum) ? INT64_MAX : sum;
}
