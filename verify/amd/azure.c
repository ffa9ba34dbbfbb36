/* SPDX-License-Identifier: Apache-2.0 */
/* Azure's paravisor owns the guest's REPORTDATA: it puts the hash of its runtime data there, and
 * the vTPM's attestation key stands in these. So the report vouches for the key, the key signs the
 * vTPM's quotes, and a relying party's nonce goes into those, not into the report. What is checked
 * here ends at the key: result.azure.key_sha256. */
#include "amd/hcl.h"
#include "check.h"

#define REPORT_DATA_AT 0x50u

/* Zeros behind the hash where it is shorter than REPORTDATA. */
static bool hash_of(const struct hcl *h, uint8_t ret[64])
{
    __builtin_memset(ret, 0, 64);
    return h->hash == HCL_SHA256   ? crypto_sha256(h->runtime, ret)
           : h->hash == HCL_SHA384 ? crypto_sha384(h->runtime, ret)
                                   : crypto_sha512(h->runtime, ret);
}

static void check_key(struct check *c, const struct hcl *h)
{
    struct alcove_azure *out = &c->result->azure;
    const struct alcove_expect_32 *expected = &c->policy->azure_key;
    struct hcl_key key;
    if (!hcl_key_read(h->runtime, &key) ||
        !crypto_sha256(BYTES(key.modulus, key.modulus_size), out->key_sha256)) {
        check_fail(c, ALCOVE_REASON_AZURE_RUNTIME_DATA);
        return;
    }
    c->result->has_azure = true;
    check_that(c, check_expected(expected->mode, expected->value, out->key_sha256, 32),
               ALCOVE_REASON_AZURE_KEY);
    check_completed(c, CHECKED_WRAPPING);
}

static bool bound(const struct hcl *h)
{
    uint8_t expected[64];
    return hash_of(h, expected) &&
           __builtin_memcmp(h->report.data + REPORT_DATA_AT, expected, sizeof expected) == 0;
}

void azure_check(struct check *c, struct bytes hcl, const struct alcove_collateral *collateral)
{
    struct hcl h;
    c->required |= CHECK_GROUP(CHECKED_WRAPPING);
    c->result->kind = ALCOVE_EVIDENCE_SNP_REPORT;
    c->result->wrapping = ALCOVE_WRAPPING_AZURE_HCL;
    check_that(c, check_chosen(c->policy->azure_key.mode), ALCOVE_REASON_POLICY_INCOMPLETE);
    enum alcove_reason unreadable = hcl_read(hcl, &h);
    if (unreadable != ALCOVE_REASON_NONE) {
        check_fail(c, unreadable);
        return;
    }
    check_that(c, !h.trailing || c->policy->allow_trailing, ALCOVE_REASON_AZURE_TRAILING);
    if (bound(&h) && crypto_sha256(h.runtime, c->result->azure.runtime_sha256)) {
        check_key(c, &h);
    } else {
        check_fail(c, ALCOVE_REASON_AZURE_BINDING);
    }
    amd_check(c, h.report, collateral);
}
