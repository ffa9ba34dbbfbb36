/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a policy by themselves: what is incomplete rejects, and so does what is unset, even
 * where nobody asked beforehand whether it is complete. */
#include "check.h"
#include "policy.h"
#include "verify/limits.h"

#include "tests/tap.h"

static enum alcove_reason first_of(const struct alcove_policy *p)
{
    static struct alcove_result r;
    r = (struct alcove_result){0};
    struct check c = {.policy = p, .result = &r};
    bool good = policy_check(&c);
    return good ? ALCOVE_REASON_NONE
           : alcove_result_failed(&r, ALCOVE_REASON_POLICY_INCOMPLETE)
               ? ALCOVE_REASON_POLICY_INCOMPLETE
               : ALCOVE_REASON_POLICY_CONFLICT;
}

static void test_roots(void)
{
    static struct alcove_root roots[ROOTS_MAX + 1];
    struct alcove_policy p = alcove_policy_strict();
    CHECK(first_of(&p) == ALCOVE_REASON_NONE, "strict names no root");
    p.root_count = 1;
    CHECK(first_of(&p) == ALCOVE_REASON_POLICY_INCOMPLETE, "a root that is not there");
    p.roots = roots;
    CHECK(first_of(&p) == ALCOVE_REASON_NONE, "a root");
    p.root_count = ROOTS_MAX;
    CHECK(first_of(&p) == ALCOVE_REASON_NONE, "as many roots as may be");
    p.root_count = ROOTS_MAX + 1;
    CHECK(first_of(&p) == ALCOVE_REASON_POLICY_INCOMPLETE, "one root more");
}

static void test_ids(void)
{
    static const uint8_t ids[3] = {1, 2, 3}, two = 2, four = 4;
    struct alcove_id_lists l = {.allowed = ids, .allowed_count = 3};
    CHECK(!policy_ids_complete(&l), "an allow list beside an unset mode is incomplete");
    CHECK(!policy_admits(&l, 1, &two), "and admits nothing");
    l.allow_mode = ALCOVE_EXPECT_ANY;
    CHECK(!policy_ids_complete(&l), "an allow list beside any is incomplete");
    l.allow_mode = ALCOVE_EXPECT_VALUE;
    CHECK(policy_ids_complete(&l) && policy_admits(&l, 1, &two), "what is allowed is admitted");
    CHECK(!policy_admits(&l, 1, &four), "nothing else is");
    l.denied = &two;
    l.denied_count = 1;
    CHECK(policy_ids_complete(&l) && !policy_admits(&l, 1, &two), "unless it is denied");
    l.denied = NULL;
    CHECK(!policy_ids_complete(&l), "a deny list that is not there is incomplete");
    l.denied_count = 0;
    l.allowed = NULL;
    CHECK(!policy_ids_complete(&l), "an allow list that is not there is incomplete");
}

static void test_advisories(void)
{
    static const char *const one[] = {"INTEL-SA-00001"}, *const none[] = {NULL},
                             *const empty[] = {""};
    struct alcove_advisory_lists l = {.tolerated = one, .tolerated_count = 1};
    CHECK(!policy_advisories_complete(&l), "tolerated advisories beside an unset mode");
    CHECK(!policy_tolerates(&l, one[0]), "an unset mode tolerates nothing");
    l.tolerate_mode = ALCOVE_EXPECT_VALUE;
    CHECK(policy_advisories_complete(&l) && policy_tolerates(&l, one[0]), "one is tolerated");
    CHECK(!policy_tolerates(&l, "INTEL-SA-00002"), "another is not");
    l.refused = none;
    l.refused_count = 1;
    CHECK(!policy_advisories_complete(&l), "a refused advisory without a name");
    l.refused = empty;
    CHECK(!policy_advisories_complete(&l), "a refused advisory with an empty name");
    l.refused = one;
    CHECK(policy_advisories_complete(&l) && !policy_tolerates(&l, one[0]), "refusing wins");
    l.refused = NULL;
    CHECK(!policy_advisories_complete(&l), "refused advisories that are not there");
}

static void test_bytes(void)
{
    static const uint8_t ab[] = {'a', 'b'};
    struct alcove_expect_bytes e = {.value = {ab, 2}};
    CHECK(!policy_bytes_complete(&e, 8), "bytes beside an unset mode");
    CHECK(!policy_expects_bytes(&e, BYTES(ab, 2)), "an unset mode expects nothing that comes");
    e.mode = ALCOVE_EXPECT_VALUE;
    CHECK(policy_bytes_complete(&e, 8) && policy_expects_bytes(&e, BYTES(ab, 2)), "these bytes");
    CHECK(!policy_expects_bytes(&e, BYTES(ab, 1)), "fewer bytes");
    CHECK(!policy_bytes_complete(&e, 1), "more bytes than the field can have");
    e.value.data = NULL;
    CHECK(!policy_bytes_complete(&e, 8), "bytes that are not there");
}

int main(void)
{
    test_roots();
    test_ids();
    test_advisories();
    test_bytes();
    return tap_done();
}
