/* SPDX-License-Identifier: Apache-2.0 */
/* Reads quotes. Source: abi/quote.h. An adversary chooses all bytes: lengths are checked by the
 * cursor, and a quote whose parts do not add up exactly is refused before anything is computed. */
#include "intel/quote.h"
#include "verify/limits.h"

static void take_into(struct cursor *c, void *ret, size_t size)
{
    struct bytes b = cursor_take(c, size);
    if (b.size == size) {
        __builtin_memcpy(ret, b.data, size);
    }
}

static enum alcove_reason check_header(const struct quote_header *h)
{
    static const uint8_t vendor[16] = QUOTE_VENDOR_INTEL;
    if (h->version < QUOTE_VERSION_3 || h->version > QUOTE_VERSION_5) {
        return ALCOVE_REASON_QUOTE_VERSION;
    }
    if (h->att_key_type != QUOTE_KEY_ECDSA_P256) {
        return ALCOVE_REASON_QUOTE_KEY_TYPE;
    }
    bool tdx = h->version != QUOTE_VERSION_3 && h->tee_type == QUOTE_TEE_TDX;
    if (h->tee_type != QUOTE_TEE_SGX && !tdx) {
        return ALCOVE_REASON_QUOTE_TEE;
    }
    if (__builtin_memcmp(h->qe_vendor_id, vendor, sizeof vendor) != 0) {
        return ALCOVE_REASON_QUOTE_VENDOR;
    }
    return ALCOVE_REASON_NONE;
}

/* Bodies by the type that version 5 writes before them; the other versions imply it. */
enum body_type { BODY_SGX = 1, BODY_TD_1_0, BODY_TD_1_5, BODY_TD_1_5_EX };

static size_t body_size(uint64_t type)
{
    switch (type) {
    case BODY_SGX:
        return sizeof(struct sgx_report_body);
    case BODY_TD_1_0:
        return 584;
    case BODY_TD_1_5:
        return 648;
    case BODY_TD_1_5_EX: /* what it adds is not judged */
        return 885;
    default:
        return 0;
    }
}

/* Intel "TDX DCAP Quoting Library API", A.3.2; "TDX module ABI", TDREPORT. */
static void read_td(struct bytes body, struct alcove_td_report *ret)
{
    struct cursor c = cursor_of(body);
    take_into(&c, ret->tee_tcb_svn, sizeof ret->tee_tcb_svn);
    take_into(&c, ret->mrseam, sizeof ret->mrseam);
    take_into(&c, ret->mrsignerseam, sizeof ret->mrsignerseam);
    ret->seam_attributes = cursor_le64(&c);
    ret->td_attributes = cursor_le64(&c);
    ret->xfam = cursor_le64(&c);
    take_into(&c, ret->mrtd, sizeof ret->mrtd);
    take_into(&c, ret->mrconfigid, sizeof ret->mrconfigid);
    take_into(&c, ret->mrowner, sizeof ret->mrowner);
    take_into(&c, ret->mrownerconfig, sizeof ret->mrownerconfig);
    take_into(&c, ret->rtmr, sizeof ret->rtmr);
    take_into(&c, ret->report_data, sizeof ret->report_data);
    if (c.rest.size > 0) {
        ret->has_1_5 = true;
        take_into(&c, ret->tee_tcb_svn_2, sizeof ret->tee_tcb_svn_2);
        take_into(&c, ret->mrservicetd, sizeof ret->mrservicetd);
    }
}

static bool read_body(struct cursor *c, const struct quote_header *h, struct quote *q)
{
    bool tdx = h->tee_type == QUOTE_TEE_TDX;
    uint64_t type = tdx ? BODY_TD_1_0 : BODY_SGX;
    if (h->version == QUOTE_VERSION_5) {
        type = cursor_le16(c);
        if (cursor_le32(c) != body_size(type) || tdx != (type != BODY_SGX)) {
            return false;
        }
    }
    struct bytes body = cursor_take(c, body_size(type));
    if (body.size == 0) {
        return false;
    }
    if (tdx) {
        read_td(body, &q->td);
    } else {
        __builtin_memcpy(&q->body, body.data, sizeof q->body);
    }
    q->kind = tdx ? ALCOVE_EVIDENCE_TDX_QUOTE : ALCOVE_EVIDENCE_SGX_QUOTE;
    return true;
}

static void read_qe_report(struct cursor *c, struct quote *q)
{
    q->qe_report_bytes = cursor_take(c, sizeof q->qe_report);
    if (cursor_ok(c)) {
        __builtin_memcpy(&q->qe_report, q->qe_report_bytes.data, sizeof q->qe_report);
    }
    take_into(c, q->qe_report_signature, sizeof q->qe_report_signature);
    q->qe_auth_data = cursor_take(c, cursor_le16(c));
    q->cert_type = cursor_le16(c);
    q->cert_data = cursor_take(c, cursor_le32(c));
}

/* Everything behind the u32 that says how long it is. From version 4 on, the quoting enclave's
 * report is itself certification data, of type 6. */
static bool read_auth(struct bytes auth, struct quote *q)
{
    struct cursor c = cursor_of(auth);
    take_into(&c, q->signature, sizeof q->signature);
    take_into(&c, q->attestation_key, sizeof q->attestation_key);
    if (q->version == QUOTE_VERSION_3) {
        read_qe_report(&c, q);
        return cursor_done(&c);
    }
    bool nested = cursor_le16(&c) == QUOTE_CERT_QE_REPORT;
    struct cursor inner = cursor_of(cursor_take(&c, cursor_le32(&c)));
    read_qe_report(&inner, q);
    return nested && cursor_done(&c) && cursor_done(&inner);
}

enum alcove_reason quote_read(struct bytes evidence, struct quote *ret)
{
    if (evidence.size > QUOTE_BYTES_MAX) {
        return ALCOVE_REASON_QUOTE_FORMAT;
    }
    struct quote q = {0};
    struct quote_header header = {0};
    struct cursor c = cursor_of(evidence);
    take_into(&c, &header, sizeof header);
    if (!cursor_ok(&c)) {
        return ALCOVE_REASON_QUOTE_FORMAT;
    }
    enum alcove_reason reason = check_header(&header);
    if (reason != ALCOVE_REASON_NONE) {
        return reason;
    }
    q.version = header.version;
    if (!read_body(&c, &header, &q)) {
        return ALCOVE_REASON_QUOTE_FORMAT;
    }
    q.signed_bytes = BYTES(evidence.data, evidence.size - c.rest.size);
    struct bytes auth = cursor_take(&c, cursor_le32(&c));
    if (!cursor_ok(&c) || !read_auth(auth, &q)) {
        return ALCOVE_REASON_QUOTE_FORMAT;
    }
    q.trailing = c.rest;
    *ret = q;
    return ALCOVE_REASON_NONE;
}
