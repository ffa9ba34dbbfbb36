/* SPDX-License-Identifier: Apache-2.0 */
/* A DCAP quote as views and numbers (abi/quote.h has the picture). The reader is strict: every
 * length field must agree exactly with what is there. Versions 3 (SGX), 4 and 5 (SGX and TDX).
 * Trust: the bytes come from whoever wants to be believed; nothing here is verified yet. */
#pragma once

#include "abi/quote.h"
#include "verify/verify.h"

struct quote {
    enum alcove_evidence_kind kind;
    uint16_t version;
    struct bytes signed_bytes;   /* what the attestation key signs */
    struct sgx_report_body body; /* of SGX quotes */
    struct alcove_td_report td;  /* of TDX quotes */
    uint8_t signature[64];
    uint8_t attestation_key[64];
    struct bytes qe_report_bytes;
    struct sgx_report_body qe_report;
    uint8_t qe_report_signature[64];
    struct bytes qe_auth_data;
    uint16_t cert_type;
    struct bytes cert_data;
    struct bytes trailing;
};

/* ALCOVE_REASON_NONE and *ret filled, or why not. Trailing bytes are reported, not judged. */
enum alcove_reason quote_read(struct bytes evidence, struct quote *ret);
