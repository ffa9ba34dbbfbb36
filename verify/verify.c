/* SPDX-License-Identifier: Apache-2.0 */
/* The entry point: tells the kind of evidence, lets its family make every check, and accepts only
 * if all groups of checks that the kind needs were made and nothing failed.
 *
 * The adversary chooses evidence and collateral, and with the evidence's first bytes also the
 * family: a family whose expectations the policy leaves unset rejects. */
#include "verify/verify.h"
#include "cache.h"
#include "check.h"
#include "kind.h"
#include "policy.h"
#include "x509/certificate.h"
#include "x509/pem.h"

static void run_checks(struct check *c, struct bytes evidence,
                       const struct alcove_collateral *collateral)
{
    if (!policy_check(c)) {
        return;
    }
    switch (family_of(evidence)) {
    case FAMILY_INTEL:
        intel_check(c, evidence, collateral);
        return;
    case FAMILY_AMD:
        amd_check(c, evidence, collateral);
        return;
    case FAMILY_AZURE:
        azure_check(c, evidence, collateral);
        return;
    case FAMILY_AWS:
        aws_check(c, evidence, collateral);
        return;
    case FAMILY_RATLS:
        ratls_check(c, evidence, collateral);
        return;
    }
}

static enum alcove_reason first_failed(const struct alcove_result *r)
{
    for (int reason = ALCOVE_REASON_NONE + 1; reason < ALCOVE_REASON_COUNT; reason++) {
        if (alcove_result_failed(r, (enum alcove_reason)reason)) {
            return (enum alcove_reason)reason;
        }
    }
    return ALCOVE_REASON_NONE;
}

struct alcove_verdict alcove_verify_cached(struct alcove_bytes evidence,
                                           const struct alcove_collateral *collateral,
                                           const struct alcove_policy *policy, int64_t time,
                                           struct alcove_cache *cache,
                                           struct alcove_result *ret_result)
{
    *ret_result = (struct alcove_result){0};
    struct check c = {.policy = policy, .time = time, .result = ret_result, .cache = cache};
    crypto_enter(&c.crypto);
    if (cache != NULL) {
        cache_lend_keys(cache, &c.crypto);
    }
    run_checks(&c, check_view(evidence), collateral);
    if (cache != NULL) {
        cache_take_keys(cache, &c.crypto);
    }
    crypto_leave(&c.crypto);

    ret_result->first_reason = first_failed(ret_result);
    bool complete = c.required != 0 && (c.groups & c.required) == c.required;
    REQUIRE(complete || ret_result->first_reason != ALCOVE_REASON_NONE);
    if (complete && ret_result->first_reason == ALCOVE_REASON_NONE) {
        ret_result->verdict.accepted_word = ALCOVE_VERDICT_ACCEPTED;
    }
    return ret_result->verdict;
}

struct alcove_verdict alcove_verify(struct alcove_bytes evidence,
                                    const struct alcove_collateral *collateral,
                                    const struct alcove_policy *policy, int64_t time,
                                    struct alcove_result *ret_result)
{
    return alcove_verify_cached(evidence, collateral, policy, time, NULL, ret_result);
}

bool alcove_result_failed(const struct alcove_result *r, enum alcove_reason reason)
{
    return (unsigned)reason < ALCOVE_REASON_COUNT &&
           (r->failed[reason / 64] >> (reason % 64) & 1) != 0;
}

struct alcove_policy alcove_policy_strict(void)
{
    struct alcove_policy p = {
        .accepted_statuses = ALCOVE_TCB_BIT(ALCOVE_TCB_UP_TO_DATE),
        .advisories.tolerate_mode = ALCOVE_EXPECT_VALUE, /* none */
        .fmspc.allow_mode = ALCOVE_EXPECT_ANY,
        .ppid.allow_mode = ALCOVE_EXPECT_ANY,
        .chip_id.allow_mode = ALCOVE_EXPECT_ANY,
        .mrseam.mode = ALCOVE_EXPECT_ANY,
        .mrservicetd.mode = ALCOVE_EXPECT_VALUE, /* none is bound */
        .td_attributes = {ALCOVE_EXPECT_VALUE, ~ALCOVE_TD_ATTRIBUTES_KNOWN, 0},
        .td_xfam.mode = ALCOVE_EXPECT_ANY,
        .clock_skew_s = 60,
    };
    for (size_t i = 3; i < ALCOVE_NITRO_PCRS; i++) {
        p.nitro_pcr[i].mode = ALCOVE_EXPECT_ANY;
    }
    return p;
}

bool alcove_root_read(struct alcove_bytes certificate, struct alcove_root *ret)
{
    struct pem_chain pem;
    struct certificate c;
    struct crypto x;
    struct bytes der = check_view(certificate);
    if (pem_read(der, &pem)) {
        if (pem.count != 1) {
            return false;
        }
        der = pem.certificates[0];
    }
    crypto_enter(&x);
    bool ok = certificate_read(der, &c) && c.is_v3 && c.is_ca && !c.repeated_extension &&
              !c.malformed_extension && !c.unknown_critical && certificate_links(&c, &c) &&
              crypto_verify(&x, &c.key, &c.signature, c.tbs);
    if (ok) {
        __builtin_memcpy(ret->spki_sha256, c.spki_sha256, sizeof ret->spki_sha256);
    }
    crypto_leave(&x);
    return ok;
}
