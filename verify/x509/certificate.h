/* SPDX-License-Identifier: Apache-2.0 */
/* X.509 certificates (RFC 5280) turned into plain facts by a strict reader of our own. It takes the
 * profile that attestation uses and refuses what it does not know; nothing is allocated, every view
 * points into the DER. Rules (names, roles, validity, who signs whom) stand with the families.
 *
 * Why not the crypto library's reader: it takes BER, allocates, costs 0.2 ms a certificate, and
 * another library's reader would judge differently (docs/decisions/006).
 *
 * Trust: the bytes come from whoever wants to be believed. */
#pragma once

#include "base/bytes.h"
#include "crypto/crypto.h"

#define COMMON_NAME_SIZE 80

/* Not to be copied: `signature` may point into the structure itself. */
struct certificate {
    struct bytes der;
    struct bytes tbs;                   /* the signed bytes */
    struct bytes subject, issuer;       /* raw names, tag and length included */
    struct bytes serial;                /* contents of the INTEGER */
    char common_name[COMMON_NAME_SIZE]; /* the subject's only CN; empty if none, several or strange
                                         */
    char issuer_common_name[COMMON_NAME_SIZE];
    int64_t not_before, not_after; /* seconds since 1970 */
    bool is_v3;
    struct bytes spki;          /* SubjectPublicKeyInfo, tag and length included */
    struct public_key key;      /* KEY_NONE for other kinds and unusual encodings */
    struct signature signature; /* SCHEME_NONE for other algorithms, for inner and outer ones that
                                 * differ, and for malformed values */
    uint8_t signature_storage[96]; /* r||s of ECDSA signatures */
    uint8_t spki_sha256[32];
    uint8_t sha256[32]; /* of the whole certificate */
    bool has_basic_constraints, is_ca;
    int path_length; /* -1: no limit */
    bool has_key_usage, usage_digital_signature, usage_cert_sign, usage_crl_sign;
    struct bytes extensions;  /* SEQUENCE OF Extension, contents; empty if absent */
    bool repeated_extension;  /* the same OID twice */
    bool malformed_extension; /* basicConstraints or keyUsage cannot be read */
    bool unknown_critical;    /* a critical one besides basicConstraints and keyUsage; families
                               * that know others step through them */
};

/* False if the bytes are not exactly one certificate in strict DER with readable dates. */
bool certificate_read(struct bytes der, struct certificate *ret) MUST_USE;

/* The extension of this OID (its DER contents): the OCTET STRING's contents. False if absent. */
bool certificate_extension(const struct certificate *c, struct bytes oid, struct bytes *ret_value,
                           bool *ret_critical) MUST_USE;
/* Steps through all extensions: zero *at first; false at the end. */
struct extension {
    struct bytes oid, value;
    bool critical;
};
bool certificate_next_extension(const struct certificate *c, size_t *at, struct extension *ret);

/* Issuer and subject names, compared by their raw bytes. */
static inline bool certificate_links(const struct certificate *subject,
                                     const struct certificate *issuer)
{
    return subject->issuer.size > 0 && bytes_equal(subject->issuer, issuer->subject);
}
