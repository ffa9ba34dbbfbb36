/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: makes RA-TLS certificates around forged quotes, in which everything can be wrong.
 * Written against OpenSSL's certificate builder and apart from the library. */
#pragma once

#include "forge/forge.h"

enum forge_tls_key {
    TLS_P256,
    TLS_P384,
    TLS_RSA,
    TLS_STRANGER,  /* another on P-256 */
    TLS_SECP256K1, /* a curve that nobody here uses */
    FORGE_TLS_KEYS,
};

struct forge_text {
    uint8_t data[65536];
    size_t size;
};

struct forge_ratls {
    struct forge_spec quote; /* REPORTDATA is made to fit, unless keep_report_data */
    bool keep_report_data;
    bool dirty_tail;         /* ... up to its last byte */
    bool sha384_report_data; /* as Intel's library does for virtual machines */

    /* The certificate. */
    enum forge_tls_key key, signer;
    const char *subject, *issuer;
    int64_t from, until;
    bool version1, sha384, sha512, null_parameters;
    bool unknown_critical, critical_name; /* an unknown extension; a subject alternative name */
    bool critical_purpose, critical_usage, critical_constraint; /* extKeyUsage, keyUsage; names */
    bool garbled_usage;

    /* Which extensions, and how. */
    bool interoperable, gramine, rats_tls, endorsements;
    bool critical, twice, hidden; /* hidden: Gramine's inside another extension's value */
    uint8_t hash_algorithm;       /* 1, 7, 8 */
    bool other_hash;              /* of another key */
    bool has_nonce;
    struct bytes nonce;
    unsigned extra_claims;
    bool lists_in_hex, c_strings, dated;
    /* Applied before hashing and signing. */
    void (*edit_claims)(struct forge_text *);
    void (*edit_evidence)(struct forge_text *);
    void (*edit_endorsements)(struct forge_text *);
};

struct forge_ratls_output {
    struct forge_output parts; /* collateral, and the root to name */
    struct forge_text der, pem;
    uint8_t spki_sha256[32];
};

/* A good certificate in the interoperable format, with a nonce, around an enclave's quote. */
void forge_ratls_defaults(struct forge_ratls *ret);
void forge_ratls_build(const struct forge_ratls *s, struct forge_ratls_output *ret);
/* forge_policy() with the certificate's key and nonce, and any report data. */
struct alcove_policy forge_ratls_policy(const struct forge_ratls *s,
                                        const struct forge_ratls_output *o);
