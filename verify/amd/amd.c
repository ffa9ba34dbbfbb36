/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of an SEV-SNP report, in the order of reasons_amd.def. See check.h.
 *
 * What ties a report to a chip is its signature by a key whose certificate AMD made for exactly
 * this chip (VCEK) or provider (VLEK) and exactly this TCB; so a report that names another chip or
 * TCB than the certificate is refused even though its signature is good. */
#include "amd/chain.h"
#include "amd/vek.h"
#include "policy.h"
#include "verify/limits.h"

struct reading {
    struct snp_report report;
    struct amd_chain chain;
    struct vek vek;
    bool has_vek;
};

static bool check_policy(struct check *c)
{
    const struct alcove_policy *p = c->policy;
    bool lists = policy_ids_complete(&p->chip_id);
    check_that(c,
               check_chosen(p->report_data.mode) && check_chosen(p->snp_measurement.mode) &&
                   check_chosen(p->snp_host_data.mode) && check_chosen(p->snp_vmpl.mode) &&
                   check_chosen(p->snp_min_tcb.mode) && lists,
               ALCOVE_REASON_POLICY_INCOMPLETE);
    check_completed(c, CHECKED_POLICY);
    return lists;
}

/* A report whose host masks the chip's key carries no signature by the VCEK (AMD 56860, section
 * "Attestation"): one that says otherwise is made up. */
static bool signing_key_usable(const struct snp_report *r)
{
    return r->signing_key == SNP_SIGNED_BY_VLEK ||
           (r->signing_key == SNP_SIGNED_BY_VCEK && !r->facts.mask_chip_key);
}

static bool check_form(struct check *c, struct bytes evidence, struct snp_report *ret)
{
    struct alcove_result *out = c->result;
    enum alcove_reason unreadable = snp_report_read(evidence, ret);
    out->kind = ALCOVE_EVIDENCE_SNP_REPORT;
    out->quote_version = (uint16_t)ret->facts.version;
    if (unreadable != ALCOVE_REASON_NONE) {
        check_fail(c, unreadable);
        return false;
    }
    out->has_snp = true;
    out->snp = ret->facts;
    check_that(c, ret->trailing.size == 0 || c->policy->allow_trailing, ALCOVE_REASON_SNP_TRAILING);
    check_that(c, ret->reserved_ok, ALCOVE_REASON_SNP_RESERVED);
    check_that(c, ret->unsigned_zero, ALCOVE_REASON_SNP_UNSIGNED_BYTES);
    check_that(c, signing_key_usable(ret), ALCOVE_REASON_SNP_SIGNING_KEY);
    check_completed(c, CHECKED_EVIDENCE);
    return true;
}

/* The product by the certificates' names, which are signed; by the report's model where there are
 * no certificates, so that the result can still say what it claims. */
static void read_tcbs(struct check *c, const struct reading *r)
{
    struct alcove_snp_report *out = &c->result->snp;
    const struct snp_report *report = &r->report;
    out->product = r->chain.product;
    if (out->product == ALCOVE_SNP_UNKNOWN) {
        out->product = report->product;
    }
    bool known = out->product != ALCOVE_SNP_UNKNOWN;
    bool current = snp_tcb_read(out->product, report->current_tcb, &out->current_tcb);
    bool reported = snp_tcb_read(out->product, report->reported_tcb, &out->reported_tcb);
    bool committed = snp_tcb_read(out->product, report->committed_tcb, &out->committed_tcb);
    bool launch = snp_tcb_read(out->product, report->launch_tcb, &out->launch_tcb);
    check_that(c, !known || (current && reported && committed && launch),
               ALCOVE_REASON_SNP_RESERVED);
}

static void check_report_signature(struct check *c, const struct reading *r)
{
    if (!r->chain.readable) {
        return;
    }
    struct signature s = {SCHEME_ECDSA_SHA384, BYTES_OF(r->report.signature)};
    check_that(c, check_signature(c, &r->chain.vek.key, &s, r->report.signed_bytes),
               ALCOVE_REASON_SNP_SIGNATURE);
    check_completed(c, CHECKED_SIGNATURE);
}

/* The certificate is the one of this report. */
static void check_vek(struct check *c, struct reading *r)
{
    struct alcove_snp_report *out = &c->result->snp;
    const struct amd_chain *chain = &r->chain;
    if (!chain->readable) {
        return;
    }
    check_that(c, chain->is_vlek == r->report.facts.signed_by_vlek, ALCOVE_REASON_SNP_VEK_KIND);
    if (!vek_read(&chain->vek, &r->vek)) {
        check_fail(c, ALCOVE_REASON_SNP_VEK_EXTENSIONS);
        return;
    }
    const struct vek *v = &r->vek;
    bool same_model = !r->report.has_model || r->report.product == chain->product;
    check_that(c, same_model && vek_is_for_product(v, chain->product), ALCOVE_REASON_SNP_PRODUCT);
    check_that(
        c, vek_complete(v, chain->product, chain->is_vlek) && v->csp_id.size < sizeof out->csp_id,
        ALCOVE_REASON_SNP_VEK_EXTENSIONS);
    check_that(c, vek_is_for_tcb(v, &out->reported_tcb), ALCOVE_REASON_SNP_VEK_TCB);
    check_that(c, chain->is_vlek || vek_is_for_chip(v, out->chip_id),
               ALCOVE_REASON_SNP_VEK_CHIP_ID);
    if (v->csp_id.size > 0 && v->csp_id.size < sizeof out->csp_id) {
        out->csp_id_size = (uint8_t)v->csp_id.size;
        __builtin_memcpy(out->csp_id, v->csp_id.data, v->csp_id.size);
    }
    check_completed(c, CHECKED_VEK);
}

/* Firmware commits what it runs before it may report it, and a guest was launched by some firmware
 * that was at most today's. A provisional firmware that was taken back under a running guest breaks
 * the last rule: such a guest has to be launched again. */
static void check_tcb_order(struct check *c)
{
    const struct alcove_snp_report *r = &c->result->snp;
    check_that(c,
               snp_tcb_at_most(&r->reported_tcb, &r->committed_tcb) &&
                   snp_tcb_at_most(&r->committed_tcb, &r->current_tcb) &&
                   snp_tcb_at_most(&r->launch_tcb, &r->current_tcb),
               ALCOVE_REASON_SNP_TCB_ORDER);
}

/* A chip whose host hides its id cannot be told from a denied one. */
static bool chip_admitted(const struct alcove_id_lists *lists, const uint8_t chip_id[64])
{
    static const uint8_t masked[64];
    if (__builtin_memcmp(chip_id, masked, sizeof masked) == 0) {
        return lists->allow_mode == ALCOVE_EXPECT_ANY && lists->denied_count == 0;
    }
    return policy_admits(lists, 64, chip_id);
}

/* The launch counts too: the measurement is only as good as the firmware that made it. */
static bool tcb_suffices(const struct alcove_expect_snp_tcb *e, const struct alcove_snp_report *r)
{
    return e->mode == ALCOVE_EXPECT_ANY ||
           (e->mode == ALCOVE_EXPECT_VALUE && snp_tcb_at_most(&e->minimum, &r->reported_tcb) &&
            snp_tcb_at_most(&e->minimum, &r->launch_tcb));
}

static void check_expectations(struct check *c, bool lists_readable)
{
    const struct alcove_policy *p = c->policy;
    const struct alcove_snp_report *r = &c->result->snp;
    check_that(c, lists_readable && chip_admitted(&p->chip_id, r->chip_id),
               ALCOVE_REASON_SNP_CHIP_REFUSED);
    check_that(c, tcb_suffices(&p->snp_min_tcb, r), ALCOVE_REASON_SNP_MIN_TCB);
    check_that(c, p->allow_debug || !(r->policy & ALCOVE_SNP_POLICY_DEBUG),
               ALCOVE_REASON_SNP_DEBUG);
    check_that(c, p->allow_migration || !(r->policy & ALCOVE_SNP_POLICY_MIGRATE_MA),
               ALCOVE_REASON_SNP_MIGRATION);
    check_that(c, !p->refuse_smt || !(r->platform_info & ALCOVE_SNP_PLATFORM_SMT),
               ALCOVE_REASON_SNP_SMT);
    check_that(c, check_expected(p->snp_vmpl.mode, &p->snp_vmpl.value, &r->vmpl, sizeof r->vmpl),
               ALCOVE_REASON_SNP_VMPL);
    check_that(c,
               check_expected(p->snp_measurement.mode, p->snp_measurement.value, r->measurement,
                              sizeof r->measurement),
               ALCOVE_REASON_SNP_MEASUREMENT);
    check_that(c,
               check_expected(p->snp_host_data.mode, p->snp_host_data.value, r->host_data,
                              sizeof r->host_data),
               ALCOVE_REASON_SNP_HOST_DATA);
    check_that(c,
               check_expected(p->report_data.mode, p->report_data.value, r->report_data,
                              sizeof r->report_data),
               ALCOVE_REASON_SNP_REPORT_DATA);
    check_completed(c, CHECKED_EXPECTATIONS);
}

void amd_check(struct check *c, struct bytes report, const struct alcove_collateral *collateral)
{
    struct reading r = {0};
    c->required |= CHECK_AMD;
    bool lists_readable = check_policy(c);
    /* Who expects an Azure guest's key must not be content with the report without its wrapping. */
    check_that(c,
               c->result->wrapping == ALCOVE_WRAPPING_AZURE_HCL ||
                   c->policy->azure_key.mode != ALCOVE_EXPECT_VALUE,
               ALCOVE_REASON_AZURE_KEY);
    if (!check_form(c, report, &r.report)) {
        return;
    }
    amd_chain_check(c, collateral, r.report.facts.signed_by_vlek, &r.chain);
    read_tcbs(c, &r);
    check_report_signature(c, &r);
    check_vek(c, &r);
    check_tcb_order(c);
    check_expectations(c, lists_readable);
}
