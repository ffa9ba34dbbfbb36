/* SPDX-License-Identifier: Apache-2.0 */
/* Do evidence, manifest and binding belong together, and are they what was expected? The adversary
 * chooses all three; each is believed only because the one before it names it by hash: verified
 * REPORTDATA names the binding, CONFIGID the manifest. Every check is made, and acceptance needs
 * all of them to have been made without a failure. */
#include "channel/binding.h"
#include "primitives.h"

static const char *const reason_names[] = {
    [BINDING_REASON_NONE] = "none",
#define BINDING_REASON(name, text, explanation) [BINDING_REASON_##name] = text,
#include "channel/binding_reasons.def"
#undef BINDING_REASON
};
static const char *const reason_explanations[] = {
    [BINDING_REASON_NONE] = "no check failed",
#define BINDING_REASON(name, text, explanation) [BINDING_REASON_##name] = explanation,
#include "channel/binding_reasons.def"
#undef BINDING_REASON
};
_Static_assert(BINDING_REASON_COUNT <= 32, "reasons are bits of binding_result.failed");

const char *binding_reason_name(enum binding_reason reason)
{
    return (unsigned)reason < BINDING_REASON_COUNT ? reason_names[reason] : NULL;
}

const char *binding_reason_explain(enum binding_reason reason)
{
    return (unsigned)reason < BINDING_REASON_COUNT ? reason_explanations[reason] : NULL;
}

struct binding_facts binding_facts_of(const struct alcove_result *verified)
{
    struct binding_facts f = {.verdict = verified->verdict};
    f.sgx = verified->has_sgx && verified->kind == ALCOVE_EVIDENCE_SGX_QUOTE &&
            verified->wrapping == ALCOVE_WRAPPING_NONE;
    if (f.sgx) {
        f.debug = (verified->sgx.attributes_flags & ALCOVE_SGX_FLAG_DEBUG) != 0;
        __builtin_memcpy(f.report_data, verified->sgx.report_data, sizeof f.report_data);
        __builtin_memcpy(f.configid, verified->sgx.configid, sizeof f.configid);
    }
    return f;
}

static const unsigned purpose_doors[] = {
#define PURPOSE(name, text, doors) [BINDING_PURPOSE_##name] = (doors),
#include "channel/purposes.def"
#undef PURPOSE
};

enum binding_reason binding_admits(const struct manifest *m, enum binding_purpose purpose)
{
    if ((unsigned)purpose >= BINDING_PURPOSE_COUNT || (unsigned)m->door > DOOR_SDK ||
        (purpose_doors[purpose] >> m->door & 1) == 0) {
        return BINDING_REASON_DOOR;
    }
    if (m->door == DOOR_LIBOS && m->attestation) {
        return BINDING_REASON_WORKLOAD_ATTESTS;
    }
    if (purpose == BINDING_PURPOSE_WORKER && !m->stdin_task) {
        return BINDING_REASON_NOT_A_WORKER;
    }
    return BINDING_REASON_NONE;
}

static void check(struct binding_result *r, bool condition, enum binding_reason reason)
{
    if (condition) {
        return;
    }
    r->failed |= UINT32_C(1) << reason;
    if (r->reason == BINDING_REASON_NONE || reason < r->reason) {
        r->reason = reason;
    }
}

static bool expectation_set(const struct binding_expectation *x)
{
    bool fresh = x->fresh_mode == BINDING_EXPECT_NONCE
                     ? x->nonce.size >= BINDING_NONCE_MIN && x->nonce.size <= BINDING_NONCE_MAX
                     : x->fresh_mode == BINDING_EXPECT_AGE && x->max_age_s > 0;
    bool owner = x->owner_mode == BINDING_OWNER_NONE || x->owner_mode == BINDING_OWNER_SOME ||
                 x->owner_mode == BINDING_OWNER_VALUE;
    bool context = x->context.mode == ALCOVE_EXPECT_ANY || x->context.mode == ALCOVE_EXPECT_VALUE;
    return binding_purpose_name(x->purpose) != NULL && fresh && owner && context;
}

static bool hashes_to(struct bytes text, const uint8_t expected[64])
{
    uint8_t hash[64];
    return hash_sha512(text, hash) && ct_equal(hash, expected, sizeof hash);
}

static void check_manifest(const struct binding_facts *f, struct bytes text,
                           const struct binding *b, struct binding_result *r)
{
    struct manifest m;
    bool readable = manifest_decode(text, &m, NULL) == 0;
    check(r, readable, BINDING_REASON_MANIFEST_FORMAT);
    check(r, hashes_to(text, f->configid), BINDING_REASON_MANIFEST_MISMATCH);
    if (!readable) {
        return;
    }
    check(r, m.debug == f->debug, BINDING_REASON_DEBUG);
    if (b != NULL) {
        enum binding_reason refused = binding_admits(&m, b->purpose);
        check(r, refused == BINDING_REASON_NONE, refused);
    }
}

static bool owner_fits(const struct binding_expectation *x, const struct binding *b)
{
    if (x->owner_mode == BINDING_OWNER_NONE) {
        return !b->has_owner;
    }
    return b->has_owner &&
           (x->owner_mode == BINDING_OWNER_SOME || (x->owner_mode == BINDING_OWNER_VALUE &&
                                                    ct_equal(b->owner, x->owner, sizeof b->owner)));
}

static void check_fresh(const struct binding_expectation *x, const struct binding *b, int64_t now,
                        struct binding_result *r)
{
    bool nonce = x->fresh_mode == BINDING_EXPECT_NONCE;
    bool fits = b->fresh == (nonce ? BINDING_FRESH_NONCE : BINDING_FRESH_TIME);
    check(r, fits, BINDING_REASON_FRESHNESS_KIND);
    if (!fits) {
        return;
    }
    if (nonce) {
        check(r, bytes_equal(b->nonce, x->nonce), BINDING_REASON_NONCE);
        return;
    }
    /* Both are far from the ends of their types, or refused. */
    bool sane = now >= 0 && (uint64_t)now <= BINDING_TIME_MAX;
    uint64_t at = sane ? (uint64_t)now : 0;
    check(r, sane && b->time <= at + x->clock_skew_s, BINDING_REASON_FUTURE);
    check(r, sane && b->time + x->max_age_s >= at, BINDING_REASON_TOO_OLD);
}

struct alcove_verdict binding_judge(const struct binding_facts *facts, struct bytes manifest,
                                    struct bytes binding,
                                    const struct binding_expectation *expected, int64_t now,
                                    struct binding_result *ret)
{
    struct binding_result r = {0};
    struct binding b = {0};
    bool accepted = alcove_verdict_accepted(facts->verdict);
    check(&r, expectation_set(expected), BINDING_REASON_EXPECTATION);
    check(&r, accepted, BINDING_REASON_EVIDENCE);
    check(&r, !accepted || facts->sgx, BINDING_REASON_KIND);
    bool readable = binding_decode(binding, &b, NULL) == 0;
    check(&r, readable, BINDING_REASON_FORMAT);
    check(&r, hashes_to(binding, facts->report_data), BINDING_REASON_MISMATCH);
    check_manifest(facts, manifest, readable ? &b : NULL, &r);
    if (readable) {
        check(&r, b.purpose == expected->purpose, BINDING_REASON_PURPOSE);
        check(&r, owner_fits(expected, &b), BINDING_REASON_OWNER);
        check_fresh(expected, &b, now, &r);
        check(&r,
              expected->context.mode == ALCOVE_EXPECT_ANY ||
                  (expected->context.mode == ALCOVE_EXPECT_VALUE &&
                   bytes_equal(b.context,
                               BYTES(expected->context.value.data, expected->context.value.size))),
              BINDING_REASON_CONTEXT);
    }
    if (r.failed == 0) {
        r.verdict.accepted_word = ALCOVE_VERDICT_ACCEPTED;
        r.binding = b;
    }
    *ret = r;
    return r.verdict;
}
