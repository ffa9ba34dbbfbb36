/* SPDX-License-Identifier: Apache-2.0 */
/* SGX and TDX quotes with Intel's collateral: every check, in the order of docs/verification.md.
 * Groups go on after a failure as far as they can, so that a rejection names all that is wrong;
 * nothing that was read from unverified bytes can lead to acceptance, since one failure rejects.
 *
 * The adversary chooses quote and collateral. Source: Intel's DCAP and PCS documents named in
 * verify/verify.h. */
#include "cache.h"
#include "check.h"
#include "intel/chain.h"
#include "intel/collateral.h"
#include "intel/judge.h"
#include "intel/platform.h"
#include "intel/quote.h"
#include "policy.h"
#include "verify/json.h"

/* Everything that one verification reads, in one place on the stack (about 65 KiB). */
struct reading {
    struct quote quote;
    struct pck_chain pck;
    struct signer_chain tcb_signer, other_signer;
    const struct signer_chain *qe_signer; /* tcb_signer where both chains are the same bytes */
    struct platform platform;
    struct tcb_info tcb_info;
    struct qe_identity qe_identity;
    bool has_platform, has_tcb_info, has_qe_identity;
};

static void copy_report(const struct sgx_report_body *b, struct alcove_sgx_report *ret)
{
    ret->miscselect = b->miscselect;
    ret->attributes_flags = b->attributes.flags;
    ret->attributes_xfrm = b->attributes.xfrm;
    ret->isvprodid = b->isvprodid;
    ret->isvsvn = b->isvsvn;
    ret->configsvn = b->configsvn;
    __builtin_memcpy(ret->cpusvn, b->cpusvn, sizeof ret->cpusvn);
    __builtin_memcpy(ret->isvextprodid, b->isvextprodid, sizeof ret->isvextprodid);
    __builtin_memcpy(ret->mrenclave, b->mrenclave, sizeof ret->mrenclave);
    __builtin_memcpy(ret->mrsigner, b->mrsigner, sizeof ret->mrsigner);
    __builtin_memcpy(ret->configid, b->configid, sizeof ret->configid);
    __builtin_memcpy(ret->isvfamilyid, b->isvfamilyid, sizeof ret->isvfamilyid);
    __builtin_memcpy(ret->report_data, b->reportdata, sizeof ret->report_data);
}

static bool check_evidence(struct check *c, struct bytes evidence, struct quote *q)
{
    enum alcove_reason reason = quote_read(evidence, q);
    if (reason != ALCOVE_REASON_NONE) {
        check_fail(c, reason);
        return false;
    }
    struct alcove_result *out = c->result;
    out->kind = q->kind;
    out->quote_version = q->version;
    if (q->kind == ALCOVE_EVIDENCE_TDX_QUOTE) {
        out->has_td = true;
        out->td = q->td;
    } else {
        out->has_sgx = true;
        copy_report(&q->body, &out->sgx);
    }
    bool policy_readable = judge_policy(c, q->kind);
    check_that(c, q->trailing.size == 0 || c->policy->allow_trailing, ALCOVE_REASON_QUOTE_TRAILING);
    check_completed(c, CHECKED_EVIDENCE);
    return policy_readable;
}

/* Quotes that carry no chain carry what finds one: a PPID, plain or encrypted, with CPUSVN, PCESVN
 * and PCE id (which Intel's own sample of a plain PPID lacks), or the leaf. Nothing signs these, so
 * they are hints: whether the chain beside the quote is the right one shows in the signature of the
 * quoting enclave's report. */
static bool has_hint_of_its_size(const struct quote *q)
{
    const size_t svns = 16 + 2, pceid = 2;
    switch (q->cert_type) {
    case QUOTE_CERT_PPID_PLAIN:
        return q->cert_data.size == 16 + svns || q->cert_data.size == 16 + svns + pceid;
    case QUOTE_CERT_PPID_RSA2048:
        return q->cert_data.size == 2048 / 8 + svns + pceid;
    case QUOTE_CERT_PPID_RSA3072:
        return q->cert_data.size == 3072 / 8 + svns + pceid;
    case QUOTE_CERT_PCK_LEAF:
        return q->cert_data.size > 0;
    default:
        return false;
    }
}

/* A leaf that the quote does carry is the given chain's. */
static bool is_this_leaf(struct bytes text, const struct pck_chain *chain)
{
    struct pem_chain pem;
    return bytes_equal(text, chain->leaf->der) ||
           (pem_read(text, &pem) && pem.count == 1 &&
            bytes_equal(pem.certificates[0], chain->leaf->der));
}

static void check_platform_chain(struct check *c, const struct alcove_collateral *collateral,
                                 struct reading *r)
{
    bool external = has_hint_of_its_size(&r->quote) && collateral->pck_chain.size > 0;
    if (r->quote.cert_type != QUOTE_CERT_PCK_CHAIN && !external) {
        check_fail(c, ALCOVE_REASON_QUOTE_CERTIFICATION);
        return;
    }
    pck_chain_check(c, external ? check_view(collateral->pck_chain) : r->quote.cert_data, &r->pck);
    if (!r->pck.readable) {
        return;
    }
    if (r->quote.cert_type == QUOTE_CERT_PCK_LEAF) {
        check_that(c, is_this_leaf(r->quote.cert_data, &r->pck), ALCOVE_REASON_QUOTE_CERTIFICATION);
    }
    static const uint8_t sgx_extension[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};
    struct bytes extension;
    bool critical = false;
    r->has_platform =
        certificate_extension(r->pck.leaf, BYTES_OF(sgx_extension), &extension, &critical) &&
        platform_read(extension, &r->platform);
    check_that(c, r->has_platform, ALCOVE_REASON_SGX_EXTENSION);
    if (r->has_platform) {
        struct alcove_result *out = c->result;
        out->has_platform = true;
        out->pcesvn = r->platform.pcesvn;
        __builtin_memcpy(out->fmspc, r->platform.fmspc, sizeof out->fmspc);
        __builtin_memcpy(out->pceid, r->platform.pceid, sizeof out->pceid);
        __builtin_memcpy(out->ppid, r->platform.ppid, sizeof out->ppid);
        __builtin_memcpy(out->tcb_components, r->platform.components, sizeof out->tcb_components);
        out->has_platform_instance = r->platform.has_instance;
        __builtin_memcpy(out->platform_instance_id, r->platform.instance_id,
                         sizeof out->platform_instance_id);
        out->dynamic_platform = r->platform.dynamic_platform;
        out->cached_keys = r->platform.cached_keys;
        out->smt_enabled = r->platform.smt_enabled;
    }
}

static void check_evaluation_number(struct check *c, uint32_t number)
{
    check_that(c, number >= c->policy->min_tcb_evaluation_number,
               ALCOVE_REASON_TCB_INFO_EVALUATION);
    uint32_t *lowest = &c->result->tcb_evaluation_number;
    if (*lowest == 0 || number < *lowest) {
        *lowest = number;
    }
}

static bool is_tdx(const struct reading *r)
{
    return r->quote.kind == ALCOVE_EVIDENCE_TDX_QUOTE;
}

/* Everything of Intel's that is not a certificate: r||s over the bytes as they are. */
static bool signed_by(struct check *c, const struct public_key *key, const uint8_t signature[64],
                      struct bytes message)
{
    const struct signature s = {SCHEME_ECDSA_SHA256, BYTES(signature, 64)};
    return check_signature(c, key, &s, message);
}

static bool document_signed_by(struct check *c, const struct certificate *signer,
                               const struct signed_json *d)
{
    const struct signature s = {SCHEME_ECDSA_SHA256, BYTES_OF(d->signature)};
    struct digest digest = {.size = sizeof d->body_sha256};
    __builtin_memcpy(digest.data, d->body_sha256, sizeof d->body_sha256);
    return check_digest(c, &signer->key, &s, &digest);
}

_Static_assert(sizeof(struct tcb_info) <= CACHE_VALUE_MAX, "fits into a cache");
_Static_assert(sizeof(struct qe_identity) <= CACHE_VALUE_MAX, "fits into a cache");

static bool read_tcb_info(struct check *c, struct bytes text, struct tcb_info *ret)
{
    uintptr_t origin = 0;
    if (c->cache && cache_find(c->cache, CACHE_TCB_INFO, text, ret, sizeof *ret, &origin)) {
        tcb_info_move(ret, origin, text);
        return true;
    }
    return tcb_info_read(text, ret);
}

static bool read_qe_identity(struct check *c, struct bytes text, struct qe_identity *ret)
{
    uintptr_t origin = 0;
    if (c->cache && cache_find(c->cache, CACHE_QE_IDENTITY, text, ret, sizeof *ret, &origin)) {
        qe_identity_move(ret, origin, text);
        return true;
    }
    return qe_identity_read(text, ret);
}

/* What a document says is kept only if somebody signed it: not everybody may push out others'. */
static void keep(struct check *c, enum cache_kind kind, struct bytes text, const void *value,
                 size_t size)
{
    if (c->cache != NULL) {
        cache_keep(c->cache, kind, text, value, size);
    }
}

static void check_tcb_info(struct check *c, struct bytes text, struct reading *r)
{
    if (text.size == 0) {
        return; /* missing, which was said */
    }
    r->has_tcb_info = read_tcb_info(c, text, &r->tcb_info);
    if (!r->has_tcb_info) {
        check_fail(c, ALCOVE_REASON_TCB_INFO_FORMAT);
        return;
    }
    const struct tcb_info *info = &r->tcb_info;
    const struct signed_json *d = &info->document;
    policy_collateral_issue(c, d->issue_date, d->next_update, ALCOVE_REASON_TCB_INFO_NOT_YET_VALID,
                            ALCOVE_REASON_TCB_INFO_EXPIRED);
    check_evaluation_number(c, d->evaluation_number);
    check_that(c, is_tdx(r) ? info->is_tdx : info->is_sgx, ALCOVE_REASON_TCB_INFO_KIND);
    if (!r->tcb_signer.readable || !r->has_platform) {
        return;
    }
    if (document_signed_by(c, &r->tcb_signer.signer, d)) {
        keep(c, CACHE_TCB_INFO, text, info, sizeof *info);
    } else {
        check_fail(c, ALCOVE_REASON_TCB_INFO_SIGNATURE);
    }
    check_that(c,
               __builtin_memcmp(info->fmspc, r->platform.fmspc, sizeof info->fmspc) == 0 &&
                   __builtin_memcmp(info->pceid, r->platform.pceid, sizeof info->pceid) == 0,
               ALCOVE_REASON_TCB_INFO_PLATFORM);
    check_completed(c, CHECKED_TCB_INFO);
}

static void check_qe_identity(struct check *c, struct bytes text, struct reading *r)
{
    if (text.size == 0) {
        return;
    }
    r->has_qe_identity = read_qe_identity(c, text, &r->qe_identity);
    if (!r->has_qe_identity) {
        check_fail(c, ALCOVE_REASON_QE_IDENTITY_FORMAT);
        return;
    }
    const struct signed_json *d = &r->qe_identity.document;
    policy_collateral_issue(c, d->issue_date, d->next_update,
                            ALCOVE_REASON_QE_IDENTITY_NOT_YET_VALID,
                            ALCOVE_REASON_QE_IDENTITY_EXPIRED);
    check_evaluation_number(c, d->evaluation_number);
    check_that(c, is_tdx(r) ? r->qe_identity.is_td_qe : r->qe_identity.is_sgx_qe,
               ALCOVE_REASON_QE_IDENTITY_KIND);
    if (!r->qe_signer->readable) {
        return;
    }
    if (document_signed_by(c, &r->qe_signer->signer, d)) {
        keep(c, CACHE_QE_IDENTITY, text, &r->qe_identity, sizeof r->qe_identity);
    } else {
        check_fail(c, ALCOVE_REASON_QE_IDENTITY_SIGNATURE);
    }
    check_completed(c, CHECKED_QE_IDENTITY);
}

/* REPORTDATA of the quoting enclave = SHA-256(attestation key || authentication data) || zeros. */
static bool qe_binds_key(const struct quote *q)
{
    uint8_t expected[64] = {0};
    return crypto_sha256_pair(BYTES_OF(q->attestation_key), q->qe_auth_data, expected) &&
           __builtin_memcmp(expected, q->qe_report.reportdata, sizeof expected) == 0;
}

static bool masked_equal(const void *value, const uint8_t mask[16], const uint8_t expected[16])
{
    const uint8_t *v = value;
    for (size_t i = 0; i < 16; i++) {
        if ((v[i] & mask[i]) != expected[i]) {
            return false;
        }
    }
    return true;
}

static void check_quoting_enclave(struct check *c, const struct reading *r)
{
    const struct quote *q = &r->quote;
    check_that(c, qe_binds_key(q), ALCOVE_REASON_QE_REPORT_BINDING);
    if (r->pck.readable) {
        check_that(c, signed_by(c, &r->pck.leaf->key, q->qe_report_signature, q->qe_report_bytes),
                   ALCOVE_REASON_QE_REPORT_SIGNATURE);
    }
    if (!r->has_qe_identity || !r->pck.readable) {
        return;
    }
    const struct qe_identity *id = &r->qe_identity;
    const struct sgx_report_body *qe = &q->qe_report;
    check_that(c, (qe->miscselect & id->miscselect_mask) == id->miscselect,
               ALCOVE_REASON_QE_MISCSELECT);
    check_that(c, masked_equal(&qe->attributes, id->attributes_mask, id->attributes),
               ALCOVE_REASON_QE_ATTRIBUTES);
    check_that(c, __builtin_memcmp(qe->mrsigner, id->mrsigner, sizeof qe->mrsigner) == 0,
               ALCOVE_REASON_QE_MRSIGNER);
    check_that(c, qe->isvprodid == id->isvprodid, ALCOVE_REASON_QE_ISVPRODID);
    check_completed(c, CHECKED_QE);
}

static void check_quote_signature(struct check *c, const struct quote *q)
{
    const struct public_key key = {.kind = KEY_P256, .point = BYTES_OF(q->attestation_key)};
    check_that(c, crypto_key_valid(&c->crypto, &key), ALCOVE_REASON_ATTESTATION_KEY);
    check_that(c, signed_by(c, &key, q->signature, q->signed_bytes), ALCOVE_REASON_QUOTE_SIGNATURE);
    check_completed(c, CHECKED_SIGNATURE);
}

/* Inserts into the sorted list unless it is there already; false when the list is full. */
static bool add_advisory(struct alcove_result *r, struct bytes id)
{
    char text[ALCOVE_ADVISORY_SIZE] = {0};
    __builtin_memcpy(text, id.data, id.size); /* bounded when the document was read */
    size_t at = 0;
    while (at < r->advisory_count && __builtin_memcmp(r->advisories[at], text, sizeof text) < 0) {
        at++;
    }
    if (at < r->advisory_count && __builtin_memcmp(r->advisories[at], text, sizeof text) == 0) {
        return true;
    }
    if (r->advisory_count == ALCOVE_ADVISORIES_MAX) {
        return false;
    }
    __builtin_memmove(r->advisories[at + 1], r->advisories[at],
                      (r->advisory_count - at) * sizeof r->advisories[0]);
    __builtin_memcpy(r->advisories[at], text, sizeof text);
    r->advisory_count++;
    return true;
}

static void note_verdict(struct check *c, const struct tcb_verdict *v, enum alcove_reason overflow)
{
    struct alcove_result *out = c->result;
    if (out->tcb_date == 0 || v->date < out->tcb_date) {
        out->tcb_date = v->date;
    }
    if (v->advisories.size == 0) {
        return;
    }
    struct json j = json_of(v->advisories);
    struct json_array a = {0};
    while (json_item(&j, &a)) {
        check_that(c, add_advisory(out, json_string(&j)), overflow);
    }
}

/* The platform's status as of one TEE_TCB_SVN (NULL for SGX). */
struct evaluation {
    const struct tcb_verdict *platform, *qe, *module; /* NULL where no level applies */
    bool needs_module;
    enum alcove_tcb_status status;
};

static struct evaluation evaluate(const struct reading *r, const uint8_t *tee_tcb_svn)
{
    struct evaluation e = {.needs_module = tee_tcb_svn != NULL && tee_tcb_svn[1] > 0};
    const struct tcb_level *level =
        tcb_level_select(&r->tcb_info, r->platform.components, r->platform.pcesvn, tee_tcb_svn);
    const struct svn_level *qe = svn_level_select(r->qe_identity.levels, r->qe_identity.level_count,
                                                  r->quote.qe_report.isvsvn);
    e.platform = level ? &level->verdict : NULL;
    e.qe = qe ? &qe->verdict : NULL;
    if (e.needs_module) {
        const struct tdx_module_identity *id = tdx_module_find(&r->tcb_info, tee_tcb_svn[1]);
        const struct svn_level *module =
            id ? svn_level_select(id->levels, id->level_count, tee_tcb_svn[0]) : NULL;
        e.module = module ? &module->verdict : NULL;
    }
    if (!e.platform || !e.qe || (e.needs_module && !e.module)) {
        e.status = ALCOVE_TCB_NOT_SUPPORTED;
        return e;
    }
    e.status = tcb_converge(e.platform->status, e.qe->status);
    if (e.needs_module) {
        e.status = tcb_converge(e.status, e.module->status);
    }
    return e;
}

/* The module is the one that TCB info names, signed by its signer, without attributes. */
static void check_tdx_module(struct check *c, const struct reading *r)
{
    const struct alcove_td_report *td = &r->quote.td;
    const struct tcb_info *info = &r->tcb_info;
    const struct tdx_module *module = info->has_tdx_module ? &info->tdx_module : NULL;
    if (td->tee_tcb_svn[1] > 0) {
        const struct tdx_module_identity *id = tdx_module_find(info, td->tee_tcb_svn[1]);
        module = id ? &id->module : NULL;
    }
    bool same =
        module != NULL &&
        __builtin_memcmp(module->mrsigner, td->mrsignerseam, sizeof td->mrsignerseam) == 0 &&
        (td->seam_attributes & module->attributes_mask) == module->attributes &&
        td->seam_attributes == 0;
    check_that(c, same, ALCOVE_REASON_TDX_MODULE);
}

static enum alcove_tcb_status status_of(const struct tcb_verdict *v)
{
    return v ? v->status : ALCOVE_TCB_NOT_SUPPORTED;
}

static void check_tcb(struct check *c, const struct reading *r)
{
    if (!r->has_tcb_info || !r->has_qe_identity || !r->has_platform) {
        return;
    }
    struct alcove_result *out = c->result;
    const struct alcove_td_report *td = is_tdx(r) ? &r->quote.td : NULL;
    if (td != NULL) {
        check_tdx_module(c, r);
    }
    struct evaluation launch = evaluate(r, td ? td->tee_tcb_svn : NULL);
    check_that(c, launch.platform != NULL, ALCOVE_REASON_TCB_NOT_SUPPORTED);
    check_that(c, launch.qe != NULL, ALCOVE_REASON_QE_NOT_SUPPORTED);
    check_that(c, !launch.needs_module || launch.module != NULL,
               ALCOVE_REASON_TDX_MODULE_NOT_SUPPORTED);
    out->platform_status = status_of(launch.platform);
    out->qe_status = status_of(launch.qe);
    out->module_status = launch.needs_module ? status_of(launch.module) : ALCOVE_TCB_NONE;
    out->tcb_status = launch.status;
    if (launch.status == ALCOVE_TCB_NOT_SUPPORTED) {
        return;
    }
    note_verdict(c, launch.platform, ALCOVE_REASON_TCB_INFO_FORMAT);
    note_verdict(c, launch.qe, ALCOVE_REASON_QE_IDENTITY_FORMAT);
    if (launch.needs_module) {
        note_verdict(c, launch.module, ALCOVE_REASON_TCB_INFO_FORMAT);
    }
    if (td != NULL && td->has_1_5) {
        /* The module may have been updated below the running TD. */
        out->tcb_status = tcb_relaunch(launch.status, evaluate(r, td->tee_tcb_svn_2).status);
    }
    judge_tcb(c);
    check_completed(c, CHECKED_TCB);
}

/* What is missing was said already, so that nobody looks for damage in it. */
static void check_signers(struct check *c, struct bytes tcb, struct bytes qe, struct reading *r)
{
    if (tcb.size > 0) {
        signer_chain_check(c, tcb, &r->pck, &r->tcb_signer);
    }
    r->qe_signer = &r->tcb_signer;
    if (!bytes_equal(qe, tcb)) {
        r->qe_signer = &r->other_signer;
        if (qe.size > 0) {
            signer_chain_check(c, qe, &r->pck, &r->other_signer);
        }
    }
}

static void run_checks(struct check *c, struct bytes evidence,
                       const struct alcove_collateral *collateral, struct reading *r)
{
    check_that(c,
               collateral->tcb_info.size > 0 && collateral->tcb_chain.size > 0 &&
                   collateral->qe_identity.size > 0 && collateral->qe_chain.size > 0 &&
                   collateral->pck_crl.size > 0 && collateral->root_crl.size > 0,
               ALCOVE_REASON_COLLATERAL_MISSING);
    if (!check_evidence(c, evidence, &r->quote)) {
        return;
    }
    check_platform_chain(c, collateral, r);
    check_signers(c, check_view(collateral->tcb_chain), check_view(collateral->qe_chain), r);
    revocation_check(c, check_view(collateral->root_crl), check_view(collateral->pck_crl), &r->pck,
                     &r->tcb_signer, r->qe_signer);
    crl_chain_check(c, check_view(collateral->pck_crl_chain), &r->pck);
    check_tcb_info(c, check_view(collateral->tcb_info), r);
    check_qe_identity(c, check_view(collateral->qe_identity), r);
    check_quoting_enclave(c, r);
    check_quote_signature(c, &r->quote);
    check_tcb(c, r);
    if (r->has_platform) {
        judge_platform(c);
    }
    if (is_tdx(r)) {
        judge_virtual_machine(c);
    } else {
        judge_enclave(c);
    }
}

void intel_check(struct check *c, struct bytes quote, const struct alcove_collateral *collateral)
{
    struct reading r = {0};
    c->required |= CHECK_INTEL;
    if (c->result->wrapping == ALCOVE_WRAPPING_NONE) {
        judge_bare_quote(c);
    }
    run_checks(c, quote, collateral, &r);
}
