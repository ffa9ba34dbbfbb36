/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy says. Everything here is the relying party's own; see policy.h. */
#include "policy.h"
#include "verify/limits.h"

bool policy_check(struct check *c)
{
    const struct alcove_policy *p = c->policy;
    uint32_t acceptable = ALCOVE_TCB_BIT(ALCOVE_TCB_NOT_SUPPORTED) - 2; /* every real status */
    bool complete = p->accepted_statuses != 0 && (p->accepted_statuses & ~acceptable) == 0 &&
                    p->root_count <= ROOTS_MAX && (p->root_count == 0 || p->roots != NULL);
    bool agrees = p->collateral_grace_s == 0 || p->platform_grace_s == 0;
    check_that(c, complete, ALCOVE_REASON_POLICY_INCOMPLETE);
    check_that(c, agrees, ALCOVE_REASON_POLICY_CONFLICT);
    return complete && agrees;
}

static bool listed(const void *list, size_t count, size_t max)
{
    return count <= max && (count == 0 || list != NULL);
}

/* An allow list beside "any" would look like a restriction and be none. */
static bool mode_uses(enum alcove_expect mode, size_t count)
{
    return mode == ALCOVE_EXPECT_VALUE || (mode == ALCOVE_EXPECT_ANY && count == 0);
}

bool policy_ids_complete(const struct alcove_id_lists *l)
{
    return mode_uses(l->allow_mode, l->allowed_count) &&
           listed(l->allowed, l->allowed_count, POLICY_IDS_MAX) &&
           listed(l->denied, l->denied_count, POLICY_IDS_MAX);
}

/* Ids that no document can hold would never match: a refusal that refuses nothing. */
static bool advisories_possible(const char *const *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t size = ids[i] == NULL ? 0 : __builtin_strlen(ids[i]);
        if (size == 0 || size >= ALCOVE_ADVISORY_SIZE) {
            return false;
        }
    }
    return true;
}

bool policy_advisories_complete(const struct alcove_advisory_lists *l)
{
    return mode_uses(l->tolerate_mode, l->tolerated_count) &&
           listed(l->tolerated, l->tolerated_count, POLICY_ADVISORIES_MAX) &&
           listed(l->refused, l->refused_count, POLICY_ADVISORIES_MAX) &&
           advisories_possible(l->tolerated, l->tolerated_count) &&
           advisories_possible(l->refused, l->refused_count);
}

bool policy_bytes_complete(const struct alcove_expect_bytes *e, size_t max)
{
    return mode_uses(e->mode, e->value.size) && listed(e->value.data, e->value.size, max);
}

static bool holds(const uint8_t *ids, size_t count, size_t id_size, const uint8_t *id)
{
    for (size_t i = 0; i < count; i++) {
        if (__builtin_memcmp(ids + i * id_size, id, id_size) == 0) {
            return true;
        }
    }
    return false;
}

bool policy_admits(const struct alcove_id_lists *l, size_t id_size, const uint8_t *id)
{
    if (holds(l->denied, l->denied_count, id_size, id)) {
        return false;
    }
    return l->allow_mode == ALCOVE_EXPECT_ANY || (l->allow_mode == ALCOVE_EXPECT_VALUE &&
                                                  holds(l->allowed, l->allowed_count, id_size, id));
}

static bool names(const char *const *ids, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (__builtin_strcmp(ids[i], id) == 0) {
            return true;
        }
    }
    return false;
}

bool policy_tolerates(const struct alcove_advisory_lists *l, const char *advisory)
{
    if (names(l->refused, l->refused_count, advisory)) {
        return false;
    }
    return l->tolerate_mode == ALCOVE_EXPECT_ANY ||
           (l->tolerate_mode == ALCOVE_EXPECT_VALUE &&
            names(l->tolerated, l->tolerated_count, advisory));
}

bool policy_expects_bytes(const struct alcove_expect_bytes *e, struct bytes found)
{
    return e->mode == ALCOVE_EXPECT_ANY ||
           (e->mode == ALCOVE_EXPECT_VALUE && bytes_equal(check_view(e->value), found));
}

/* What the period says about now is reported either way; grace only moves where it begins to
 * reject. */
void policy_collateral_period(struct check *c, int64_t from, int64_t until,
                              enum alcove_reason not_yet, enum alcove_reason expired)
{
    bool tolerated =
        c->time > until && c->time <= policy_later(until, c->policy->collateral_grace_s);
    check_that(c, c->time >= from, not_yet);
    check_that(c, c->time <= until || tolerated, expired);
    c->result->collateral_grace_used |= tolerated;
    int64_t *earliest = &c->result->earliest_expiration;
    if (*earliest == 0 || until < *earliest) {
        *earliest = until;
    }
}

void policy_collateral_issue(struct check *c, int64_t from, int64_t until,
                             enum alcove_reason not_yet, enum alcove_reason expired)
{
    policy_collateral_period(c, from, until, not_yet, expired);
    int64_t *earliest = &c->result->earliest_issue;
    if (*earliest == 0 || from < *earliest) {
        *earliest = from;
    }
}
