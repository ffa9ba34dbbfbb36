/* SPDX-License-Identifier: Apache-2.0 */
/* Is everything here that one piece of evidence needs? The library is asked: with a policy that
 * expects nothing, what it still rejects is missing, expired, or wrong whatever the policy. Its
 * verdict is not handed on: nobody looked at what the evidence shows. */
#include <string.h>

#include "print.h"
#include "verb.h"

/* Any identity, any status, any advisory: this policy must never decide about evidence. */
static struct alcove_policy careless_policy(const struct shelf_check *c)
{
    struct alcove_policy p = alcove_policy_strict();
    p.roots = c->roots;
    p.root_count = c->root_count;
    p.allow_debug = p.allow_migration = p.allow_trailing = true;
    p.accepted_statuses = 0;
    for (int s = ALCOVE_TCB_NONE + 1; s < ALCOVE_TCB_STATUS_COUNT; s++) {
        p.accepted_statuses |= s != ALCOVE_TCB_NOT_SUPPORTED ? ALCOVE_TCB_BIT(s) : 0;
    }
    p.advisories.tolerate_mode = ALCOVE_EXPECT_ANY;
    p.report_data.mode = p.configid.mode = ALCOVE_EXPECT_ANY;
    p.mrenclave.mode = p.signer.mode = ALCOVE_EXPECT_ANY;
    p.mrtd.mode = p.mrservicetd.mode = ALCOVE_EXPECT_ANY;
    for (size_t i = 0; i < ARRAY_SIZE(p.rtmr); i++) {
        p.rtmr[i].mode = ALCOVE_EXPECT_ANY;
    }
    p.td_attributes = (struct alcove_expect_bits){ALCOVE_EXPECT_ANY, 0, 0};
    p.snp_measurement.mode = ALCOVE_EXPECT_ANY;
    p.snp_host_data.mode = p.azure_key.mode = ALCOVE_EXPECT_ANY;
    p.snp_vmpl.mode = ALCOVE_EXPECT_ANY;
    p.snp_min_tcb.mode = ALCOVE_EXPECT_ANY;
    for (size_t i = 0; i < ARRAY_SIZE(p.nitro_pcr); i++) {
        p.nitro_pcr[i].mode = ALCOVE_EXPECT_ANY;
    }
    p.nitro_nonce.mode = p.nitro_user_data.mode = p.nitro_public_key.mode = ALCOVE_EXPECT_ANY;
    p.nitro_time = ALCOVE_NITRO_TIME_OF_DOCUMENT;
    p.ratls_nonce.mode = ALCOVE_EXPECT_ANY;
    p.ratls_key.mode = ALCOVE_EXPECT_ANY;
    p.ratls_legacy = ALCOVE_RATLS_LEGACY_GRAMINE | ALCOVE_RATLS_LEGACY_RATS_TLS;
    return p;
}

static void describe(const struct alcove_result *r, char *ret, size_t size)
{
    static const char *const kinds[ALCOVE_EVIDENCE_KIND_COUNT] = {
        [ALCOVE_EVIDENCE_NONE] = "evidence of no known kind",
        [ALCOVE_EVIDENCE_SGX_QUOTE] = "SGX quote",
        [ALCOVE_EVIDENCE_TDX_QUOTE] = "TDX quote",
        [ALCOVE_EVIDENCE_SNP_REPORT] = "SEV-SNP report",
        [ALCOVE_EVIDENCE_NITRO_DOCUMENT] = "Nitro document",
    };
    size_t used = base_format(ret, size, "%s%s", kinds[r->kind],
                              r->wrapping == ALCOVE_WRAPPING_NONE        ? ""
                              : r->wrapping == ALCOVE_WRAPPING_AZURE_HCL ? " in an HCL report"
                                                                         : " in a certificate");
    if (r->has_platform) {
        base_format(ret + used, size - used, ", FMSPC %s", print_hex_of(r->fmspc, 6).text);
    } else if (r->has_snp) {
        base_format(ret + used, size - used, ", %s, chip %.16s",
                    alcove_snp_product_name(r->snp.product), print_hex_of(r->snp.chip_id, 8).text);
    }
}

static void miss(struct shelf_check *c, const char *path, struct alcove_bytes piece,
                 const char *what, const char *text)
{
    struct words w;
    if (piece.size == 0) {
        base_format(w.text, sizeof w.text, "%s", what);
        check_note(c, PROBLEM_MISSING, path, w, 0, "%s", text);
    }
}

static void miss_intel(struct shelf_check *c, const char *path, const struct alcove_result *r,
                       const struct alcove_collateral *v)
{
    char what[96];
    const char *tee = r->kind == ALCOVE_EVIDENCE_TDX_QUOTE ? "TDX" : "SGX";
    if (!r->has_platform) {
        miss(c, path, v->pck_chain, "PCK chain",
             "the quote carries none, and its platform is known only from there");
    } else {
        base_format(what, sizeof what, "TCB info, %s, FMSPC %s", tee,
                    print_hex_of(r->fmspc, 6).text);
        miss(c, path, v->tcb_info, what, "no other platform's will do");
        miss(c, path, v->pck_crl, "revocation list of the PCK certificate's CA",
             "that of another CA will not do");
        miss(c, path, v->root_crl, "root revocation list", "of the root of the PCK chain");
    }
    base_format(what, sizeof what, "QE identity, %s", tee);
    miss(c, path, v->qe_identity, what, "it says which quoting enclaves are good");
    miss(c, path, v->tcb_chain, "TCB signing chain", "it signs TCB info and QE identity");
}

static void miss_amd(struct shelf_check *c, const char *path, const struct alcove_result *r,
                     const struct alcove_collateral *v)
{
    char what[160];
    bool vlek = r->snp.signed_by_vlek, known = r->snp.product != ALCOVE_SNP_UNKNOWN;
    const char *product = known ? alcove_snp_product_name(r->snp.product) : "of its product";
    const struct alcove_snp_tcb *t = &r->snp.reported_tcb;
    size_t used = base_format(what, sizeof what, "AMD %s certificate, %s%s%.16s",
                              vlek ? "VLEK" : "VCEK", product, vlek ? "" : ", chip ",
                              vlek ? "" : print_hex_of(r->snp.chip_id, sizeof r->snp.chip_id).text);
    if (known) {
        base_format(what + used, sizeof what - used, ", TCB %u.%u.%u.%u.%u", t->bootloader, t->tee,
                    t->snp, t->microcode, t->fmc);
    }
    miss(c, path, v->amd_vek, what,
         vlek ? "of this TCB; the provider hands it out" : "of this very chip and REPORTED_TCB");
    base_format(what, sizeof what, "AMD %s chain, %s", vlek ? "ASVK" : "ASK", product);
    miss(c, path, v->amd_chain, what, "it issued the certificate of the report's key");
    base_format(what, sizeof what, "AMD revocation list, %s", product);
    miss(c, path, v->amd_crl, what, "needed unless the policy does without");
}

static bool is_missing(enum alcove_reason reason)
{
    return reason == ALCOVE_REASON_COLLATERAL_MISSING ||
           reason == ALCOVE_REASON_QUOTE_CERTIFICATION || reason == ALCOVE_REASON_SNP_CRL_MISSING;
}

/* What is missing cannot be read either; saying so twice would look like damage. */
static bool is_of_missing(enum alcove_reason reason, const struct alcove_collateral *v)
{
    return (reason == ALCOVE_REASON_TCB_INFO_FORMAT && v->tcb_info.size == 0) ||
           (reason == ALCOVE_REASON_QE_IDENTITY_FORMAT && v->qe_identity.size == 0) ||
           (reason == ALCOVE_REASON_SIGNER_FORMAT && v->tcb_chain.size == 0) ||
           (reason == ALCOVE_REASON_PCK_CRL_FORMAT && v->pck_crl.size == 0) ||
           (reason == ALCOVE_REASON_ROOT_CRL_FORMAT && v->root_crl.size == 0);
}

static void note_reason(struct shelf_check *c, const char *path, enum alcove_reason reason)
{
    struct words w;
    base_format(w.text, sizeof w.text, "%s", alcove_reason_name(reason));
    check_note(c, PROBLEM_REJECTED, path, w, 0, "%s", alcove_reason_explain(reason));
}

void check_evidence(struct shelf_check *c, const char *path, struct alcove_bytes evidence,
                    struct evidence_needs *ret)
{
    struct alcove_collateral collateral;
    struct alcove_result r;
    struct alcove_policy policy = careless_policy(c);
    *ret = (struct evidence_needs){.path = path};
    if (!alcove_bundle_select(c->bundle, evidence, c->time, &collateral)) {
        collateral = (struct alcove_collateral){0};
    }
    struct alcove_verdict v = alcove_verify(evidence, &collateral, &policy, c->time, &r);
    describe(&r, ret->kind, sizeof ret->kind);
    ret->complete = alcove_verdict_accepted(v);
    ret->needs_none = r.kind == ALCOVE_EVIDENCE_NITRO_DOCUMENT;
    ret->until = ret->needs_none ? 0 : r.earliest_expiration;
    ret->evaluation_number = r.tcb_evaluation_number;
    bool missing = false;
    size_t before = c->noted_count;
    for (int i = ALCOVE_REASON_NONE + 1; i < ALCOVE_REASON_COUNT; i++) {
        enum alcove_reason reason = (enum alcove_reason)i;
        if (alcove_result_failed(&r, reason)) {
            missing = missing || is_missing(reason);
            if (!is_missing(reason) && !is_of_missing(reason, &collateral)) {
                note_reason(c, path, reason);
            }
        }
    }
    if (missing) {
        (r.kind == ALCOVE_EVIDENCE_SNP_REPORT ? miss_amd : miss_intel)(c, path, &r, &collateral);
    }
    if (!ret->complete && c->noted_count == before) {
        note_reason(c, path, r.first_reason);
    }
    if (ret->complete && !ret->needs_none && ret->until - c->time <= c->within) {
        struct words w = {"what this evidence needs"};
        check_note(c, PROBLEM_SOON, path, w, ret->until, "the first part of it expires then");
    }
}
