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

struct ratls_evidence {
    struct bytes quote, claims;
};
bool ratls_evidence_read(struct bytes value, struct ratls_evidence *ret) MUST_USE;

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
