/* SPDX-License-Identifier: Apache-2.0 */
/* The extensions of RA-TLS certificates, read into views. Source: CCC-Attestation, "Interoperable
 * RA-TLS X.509 Cert and Evidence Formats" and "... SGX / TDX Evidence Tags and Formats"; the object
 * identifiers are those of TCG's DICE Attestation Architecture, the tag is registered with IANA.
 *
 *   evidence      60000([quote, claims])
 *   claims        {"pubkey-hash": bytes of [algorithm, hash], ? "nonce": bytes, * text => any}
 *   endorsements  60000([version, tcb-info, its chain, pck-crl, root-crl, chain of pck-crl,
 *                        qe-identity, its chain, ? date])
 *
 * Lengths are definite, as the documents say; names come in any order, and numbers in any length,
 * because the implementations that there are write them so.
 * Trust: the bytes come from whoever wants to be believed. */
#pragma once

#include "base/bytes.h"
#include "verify/verify.h"

/* Object identifiers of the extensions. */
#define RATLS_OID_EVIDENCE     "\x67\x81\x05\x05\x04\x09"
#define RATLS_OID_ENDORSEMENTS "\x67\x81\x05\x05\x04\x02"
/* 1.2.840.113741.1337.6 */
#define RATLS_OID_RATS_TLS "\x2a\x86\x48\x86\xf8\x4d\x8a\x39\x06"
/* Gramine put the same identifier's tag and length into the value: 0.6.9.42.840.113741.1337.6. */
#define RATLS_OID_GRAMINE "\x06\x09" RATLS_OID_RATS_TLS

struct ratls_evidence {
    struct bytes quote, claims;
};
bool ratls_evidence_read(struct bytes value, struct ratls_evidence *ret) MUST_USE;

/* The quote in a certificate, PEM or DER, in whichever format, the interoperable one first; nothing
 * is checked. For those who need its kind, or collateral for it. `decoded` takes what was PEM.
 * False if there is none that can be read; the wrapping is set as soon as an extension is there. */
bool ratls_find(struct bytes text, struct writer *decoded, enum alcove_wrapping *ret_wrapping,
                struct bytes *ret_quote) MUST_USE;

/* Of IANA's registry of named information hashes, those that verifiers must know. */
enum ratls_hash { RATLS_SHA256 = 1, RATLS_SHA384 = 7, RATLS_SHA512 = 8 };
struct ratls_claims {
    enum ratls_hash key_algorithm;
    struct bytes key_hash; /* of that algorithm's size */
    bool has_nonce;
    struct bytes nonce; /* ALCOVE_RATLS_NONCE_MAX at most */
};
bool ratls_claims_read(struct bytes claims, struct ratls_claims *ret) MUST_USE;

/* Into the members of Intel's collateral. Texts may end with a NUL, as C strings do; lists may be
 * in hexadecimal, as Intel's library hands them out, and are then decoded into `out`. */
bool ratls_endorsements_read(struct bytes value, struct writer *out,
                             struct alcove_collateral *ret) MUST_USE;
