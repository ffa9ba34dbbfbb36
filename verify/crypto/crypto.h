/* SPDX-License-Identifier: Apache-2.0 */
/* The one door to the crypto library (OpenSSL's libcrypto today, crypto_openssl.c): hashes and the
 * verification of signatures. Nothing here parses or decides; certificates are read in x509/, rules
 * stand with their families. Another library, or WebAssembly, replaces one file.
 *
 * Trust: everything that is checked here was chosen by whoever wants to be believed. */
#pragma once

#include "base/bytes.h"

/* What a verification keeps for its own duration: keys and groups of the library. No state of one
 * verification reaches another. The error queue of the calling thread is the caller's: what happens
 * between enter and leave leaves none. */
struct crypto_keys {
    void *p256, *p384;
};
struct crypto {
    struct crypto_keys keys;
    /* Names of signatures that this verification found good (check_signature()): chains share
     * roots. */
    uint8_t good[8][32];
    size_t good_count; /* how many there were; the last ones are kept */
};
void crypto_enter(struct crypto *x);
void crypto_leave(struct crypto *x);
/* For who keeps the keys for the next verification: moves them out of `x`, and frees them. */
struct crypto_keys crypto_take_keys(struct crypto *x);
void crypto_keys_free(struct crypto_keys *keys);

/* False only when the crypto library fails. */
bool crypto_sha256(struct bytes message, uint8_t ret[32]) MUST_USE;
/* Of both, one after the other. */
bool crypto_sha256_pair(struct bytes first, struct bytes second, uint8_t ret[32]) MUST_USE;
bool crypto_sha384(struct bytes message, uint8_t ret[48]) MUST_USE;
bool crypto_sha512(struct bytes message, uint8_t ret[64]) MUST_USE;

enum key_kind {
    KEY_NONE = 0, /* a kind that nobody here uses */
    KEY_P256,
    KEY_P384,
    KEY_RSA, /* of 2048 to 4096 bits */
};
/* A public key as views: x||y big endian without a prefix, or modulus and exponent big endian
 * without leading zeros. */
struct public_key {
    enum key_kind kind;
    struct bytes point;
    struct bytes modulus, exponent;
};

enum signature_scheme {
    SCHEME_NONE = 0,     /* one that nobody here uses */
    SCHEME_ECDSA_SHA256, /* r||s big endian, each of the curve's size */
    SCHEME_ECDSA_SHA384,
    SCHEME_RSA_PSS_SHA384, /* MGF1 with SHA-384, salt of 48 bytes */
    SCHEME_RSA_PKCS1_SHA256,
    SCHEME_RSA_PKCS1_SHA384,
};
struct signature {
    enum signature_scheme scheme;
    struct bytes value;
};

/* Is the signature of this message good under this key? False for bad signatures, r or s out of
 * range, keys that are no point on their curve, keys that do not fit the scheme, and failures of
 * the library. P-256 and P-384 with either hash. */
bool crypto_verify(struct crypto *x, const struct public_key *key,
                   const struct signature *signature, struct bytes message) MUST_USE;
/* Is it a point on its curve other than infinity, or an RSA key of a size that is taken? */
bool crypto_key_valid(struct crypto *x, const struct public_key *key) MUST_USE;

/* The two halves of crypto_verify(): what is signed is the digest. */
struct digest {
    uint8_t data[48];
    size_t size;
};
bool crypto_digest(enum signature_scheme scheme, struct bytes message, struct digest *ret) MUST_USE;
bool crypto_verify_digest(struct crypto *x, const struct public_key *key,
                          const struct signature *signature, const struct digest *digest) MUST_USE;
