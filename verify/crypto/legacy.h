/* SPDX-License-Identifier: Apache-2.0 */
/* The one door to the crypto library (OpenSSL's libcrypto today, crypto_openssl.c): hashes, ECDSA
 * P-256, X.509 certificates and revocation lists turned into plain facts. Nothing here decides;
 * rules stand in chain.c. Another library, or WebAssembly, replaces one file.
 *
 * Trust: everything that is read here was chosen by whoever wants to be believed. */
#pragma once

#include "base/bytes.h"

#define P256_KEY_SIZE       64 /* x||y, big endian */
#define P256_SIGNATURE_SIZE 64 /* r||s, big endian */
#define COMMON_NAME_SIZE    80

/* The names belong to x509/ now. */
#define certificate_read legacy_certificate_read
#define crl_read         legacy_crl_read
#define crl_lists        legacy_crl_lists

/* False only when the crypto library fails. */
bool crypto_sha256(struct bytes message, uint8_t ret[32]) MUST_USE;
/* Of both, one after the other. */
bool crypto_sha256_pair(struct bytes first, struct bytes second, uint8_t ret[32]) MUST_USE;
bool crypto_sha512(struct bytes message, uint8_t ret[64]) MUST_USE;
/* Is x||y a point on P-256, other than infinity? */
bool crypto_p256_key_valid(const uint8_t key[P256_KEY_SIZE]) MUST_USE;
/* ECDSA with SHA-256. False for bad signatures, r or s out of range, bad keys, and failures. */
bool crypto_p256_verify(const uint8_t key[P256_KEY_SIZE], struct bytes message,
                        const uint8_t signature[P256_SIGNATURE_SIZE]) MUST_USE;

/* A certificate's facts. Views point into the DER that it was read from or into `handle`. */
struct certificate {
    void *handle;
    struct bytes der;
    struct bytes tbs;                   /* the signed bytes */
    struct bytes subject, issuer;       /* raw names */
    struct bytes serial;                /* contents of the INTEGER */
    char common_name[COMMON_NAME_SIZE]; /* the subject's only CN; empty if none, several or strange
                                         */
    int64_t not_before, not_after;      /* seconds since 1970 */
    bool profile_ok; /* v3; P-256 key; ecdsa-with-SHA256 inside and out; well-formed signature; no
                      * unknown critical, no duplicate extension */
    uint8_t key[P256_KEY_SIZE];
    uint8_t signature[P256_SIGNATURE_SIZE];
    uint8_t spki_sha256[32];
    uint8_t sha256[32]; /* of the whole certificate */
    bool has_basic_constraints, is_ca;
    bool usage_digital_signature, usage_cert_sign, usage_crl_sign;
    struct bytes sgx_extension; /* contents of 1.2.840.113741.1.13.1; empty if absent */
};
/* False if the bytes are not exactly one certificate with readable dates. certificate_done() is
 * safe on zeroed, failed and done structures. */
bool certificate_read(struct bytes der, struct certificate *ret) MUST_USE;
void certificate_done(struct certificate *c);

/* A revocation list's facts. */
struct crl {
    void *handle;
    struct bytes tbs;
    struct bytes issuer;
    int64_t this_update, next_update;
    uint8_t signature[P256_SIGNATURE_SIZE];
};
/* False if the bytes are not exactly one v2 list, signed by ECDSA with SHA-256, with both dates and
 * without critical extensions (no indirect, delta or partial lists). */
bool crl_read(struct bytes der, struct crl *ret) MUST_USE;
void crl_done(struct crl *c);
/* Does the list name this serial number, for whatever reason? */
bool crl_lists(const struct crl *c, const struct certificate *certificate);

/* The error queue of the calling thread is the caller's: what happens between these leaves none. */
void legacy_enter(void);
void legacy_leave(void);
