/* SPDX-License-Identifier: Apache-2.0 */
/* Reads quotes. Source: abi/quote.h. An adversary chooses all bytes: lengths are checked by the
 * cursor, and a quote whose parts do not add up exactly is refused before anything is computed. */
#include "quote.h"
#include "limits.h"

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
    if (h->version != QUOTE_VERSION_3) {
        return ALCOVE_REASON_QUOTE_VERSION;
    }
    if (h->att_key_type != QUOTE_KEY_ECDSA_P256) {
        return ALCOVE_REASON_QUOTE_KEY_TYPE;
    }
    if (h->tee_type != QUOTE_TEE_SGX) {
        return ALCOVE_REASON_QUOTE_TEE;
    }
    if (__builtin_memcmp(h->qe_vendor_id, vendor, sizeof vendor) != 0) {
        return ALCOVE_REASON_QUOTE_VENDOR;
    }
    return ALCOVE_REASON_NONE;
}

/* Everything behind the u32 that says how long it is. */
static bool read_auth(struct bytes auth, struct quote *q)
{
    struct cursor c = cursor_of(auth);
    take_into(&c, q->signature, sizeof q->signature);
    take_into(&c, q->attestation_key, sizeof q->attestation_key);
    q->qe_report_bytes = cursor_take(&c, sizeof q->qe_report);
    if (cursor_ok(&c)) {
        __builtin_memcpy(&q->qe_report, q->qe_report_bytes.data, sizeof q->qe_report);
    }
    take_into(&c, q->qe_report_signature, sizeof q->qe_report_signature);
    q->qe_auth_data = cursor_take(&c, cursor_le16(&c));
    q->cert_type = cursor_le16(&c);
    q->cert_data = cursor_take(&c, cursor_le32(&c));
    return cursor_done(&c);
}

enum alcove_reason quote_read(struct bytes evidence, struct quote *ret)
{
    if (evidence.size > QUOTE_BYTES_MAX) {
        return ALCOVE_REASON_QUOTE_FORMAT;
    }
    struct quote q = {.kind = ALCOVE_EVIDENCE_SGX_QUOTE_V3};
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
    take_into(&c, &q.body, sizeof q.body);
    struct bytes auth = cursor_take(&c, cursor_le32(&c));
    if (!cursor_ok(&c) || !read_auth(auth, &q)) {
        return ALCOVE_REASON_QUOTE_FORMAT;
    }
    q.signed_bytes = BYTES(evidence.data, sizeof(struct quote_v3_signed));
    q.trailing = c.rest;
    *ret = q;
    return ALCOVE_REASON_NONE;
}
