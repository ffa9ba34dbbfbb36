/* SPDX-License-Identifier: Apache-2.0 */
/* Key derivation and deterministic ECDSA (RFC 6979, section 3.2, with HMAC-SHA-256). OpenSSL 3.0
 * cannot sign deterministically by itself, but takes a prepared nonce through its EC_KEY interface,
 * which 3.0 calls deprecated. The nonce is derived from key and message: the same message always
 * gets the same nonce, no two messages share one. */
#define OPENSSL_API_COMPAT 10101
#include "pki_key.h"

#include <limits.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/obj_mac.h>
#include <openssl/sha.h>

static bool hmac(const uint8_t key[32], struct bytes message, uint8_t ret[32])
{
    unsigned size = 32;
    return HMAC(EVP_sha256(), key, 32, message.data, message.size, ret, &size) != NULL;
}

bool pki_derive(const uint8_t secret[32], const char *label, uint8_t counter, uint8_t ret[32])
{
    static const char domain[] = "alcove software machine pki 1: ";
    uint8_t text[128];
    struct writer w = writer_of(text, sizeof text);
    writer_put(&w, BYTES_STR(domain));
    writer_put(&w, BYTES(label, strlen(label)));
    writer_put(&w, BYTES(&counter, 1));
    REQUIRE(!w.failed);
    return hmac(secret, BYTES(text, w.size), ret);
}

/* The scalar as a number, if 0 < scalar < order. */
static BIGNUM *scalar_of(const uint8_t text[32], const EC_GROUP *group)
{
    BIGNUM *b = BN_bin2bn(text, 32, BN_secure_new());
    if (b != NULL && (BN_is_zero(b) || BN_cmp(b, EC_GROUP_get0_order(group)) >= 0)) {
        BN_clear_free(b);
        return NULL;
    }
    if (b != NULL) {
        BN_set_flags(b, BN_FLG_CONSTTIME);
    }
    return b;
}

/* x||y of scalar * G. */
static bool point_of(const EC_GROUP *group, const BIGNUM *scalar, uint8_t ret[64])
{
    uint8_t text[65];
    EC_POINT *p = EC_POINT_new(group);
    bool ok = p != NULL && EC_POINT_mul(group, p, scalar, NULL, NULL, NULL) == 1 &&
              EC_POINT_point2oct(group, p, POINT_CONVERSION_UNCOMPRESSED, text, sizeof text,
                                 NULL) == sizeof text;
    if (ok) {
        memcpy(ret, text + 1, 64);
    }
    EC_POINT_free(p);
    return ok;
}

void pki_key_spki(const struct pki_key *k, uint8_t ret[PKI_SPKI_SIZE])
{
    static const uint8_t head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                   0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                   0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
    _Static_assert(sizeof head + sizeof k->public == PKI_SPKI_SIZE, "head and point");
    memcpy(ret, head, sizeof head);
    memcpy(ret + sizeof head, k->public, sizeof k->public);
}

bool pki_key_derive(const uint8_t secret[32], const char *label, struct pki_key *ret)
{
    struct pki_key k = {0};
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    bool ok = false;
    /* A candidate is out of range about once in 2^32 derivations. */
    for (unsigned counter = 0; group != NULL && !ok && counter < 8; counter++) {
        if (!pki_derive(secret, label, (uint8_t)counter, k.secret)) {
            break;
        }
        BIGNUM *scalar = scalar_of(k.secret, group);
        ok = scalar != NULL && point_of(group, scalar, k.public);
        BN_clear_free(scalar);
    }
    EC_GROUP_free(group);
    uint8_t spki[PKI_SPKI_SIZE];
    pki_key_spki(&k, spki);
    if (ok && SHA256(spki, sizeof spki, k.id) != NULL) {
        *ret = k;
    } else {
        ok = false;
    }
    pki_key_done(&k);
    return ok;
}

void pki_key_done(struct pki_key *k)
{
    secure_zero(k, sizeof *k);
}

/* RFC 6979, 3.2: K and V, the generator's state. */
struct nonces {
    uint8_t key[32], value[32];
};

static bool nonces_update(struct nonces *n, uint8_t separator, struct bytes seed)
{
    uint8_t text[32 + 1 + 64];
    struct writer w = writer_of(text, sizeof text);
    writer_put(&w, BYTES_OF(n->value));
    writer_put(&w, BYTES(&separator, 1));
    writer_put(&w, seed);
    bool ok = !w.failed && hmac(n->key, BYTES(text, w.size), n->key) &&
              hmac(n->key, BYTES_OF(n->value), n->value);
    secure_zero(text, sizeof text);
    return ok;
}

static bool nonces_init(struct nonces *n, const struct pki_key *k, const BIGNUM *digest)
{
    uint8_t seed[64];
    memcpy(seed, k->secret, 32);
    memset(n->key, 0, sizeof n->key);
    memset(n->value, 1, sizeof n->value);
    bool ok = BN_bn2binpad(digest, seed + 32, 32) == 32 && nonces_update(n, 0, BYTES_OF(seed)) &&
              nonces_update(n, 1, BYTES_OF(seed));
    secure_zero(seed, sizeof seed);
    return ok;
}

static BIGNUM *nonces_next(struct nonces *n, const EC_GROUP *group)
{
    for (int i = 0; i < 8; i++) {
        if (!hmac(n->key, BYTES_OF(n->value), n->value)) {
            return NULL;
        }
        BIGNUM *nonce = scalar_of(n->value, group);
        if (nonce != NULL) {
            return nonce;
        }
        if (!nonces_update(n, 0, (struct bytes){0})) {
            return NULL;
        }
    }
    return NULL;
}

/* The digest reduced modulo the order (RFC 6979: bits2octets). */
static BIGNUM *reduced(const uint8_t digest[32], const EC_GROUP *group, BN_CTX *ctx)
{
    BIGNUM *b = BN_bin2bn(digest, 32, NULL);
    if (b != NULL && BN_nnmod(b, b, EC_GROUP_get0_order(group), ctx) != 1) {
        BN_free(b);
        return NULL;
    }
    return b;
}

static bool sign_with_nonce(EC_KEY *key, const uint8_t digest[32], const BIGNUM *nonce, BN_CTX *ctx,
                            uint8_t ret[64])
{
    const EC_GROUP *group = EC_KEY_get0_group(key);
    const BIGNUM *order = EC_GROUP_get0_order(group);
    uint8_t point[64];
    BIGNUM *r = NULL, *inverse = NULL;
    ECDSA_SIG *signature = NULL;
    bool ok = point_of(group, nonce, point);
    if (ok) {
        r = BN_bin2bn(point, 32, NULL);
        inverse = BN_mod_inverse(NULL, nonce, order, ctx);
        ok = r != NULL && inverse != NULL && BN_nnmod(r, r, order, ctx) == 1;
    }
    if (ok) {
        signature = ECDSA_do_sign_ex(digest, 32, inverse, r, key);
        ok = signature != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(signature), ret, 32) == 32 &&
             BN_bn2binpad(ECDSA_SIG_get0_s(signature), ret + 32, 32) == 32;
    }
    ECDSA_SIG_free(signature);
    BN_clear_free(inverse);
    BN_free(r);
    return ok;
}

bool pki_key_sign(const struct pki_key *k, struct bytes message, uint8_t ret[64])
{
    uint8_t digest[32];
    uint8_t point[65] = {POINT_CONVERSION_UNCOMPRESSED};
    struct nonces n;
    BIGNUM *nonce = NULL, *number = NULL, *scalar = NULL;
    memcpy(point + 1, k->public, 64);
    BN_CTX *ctx = BN_CTX_secure_new();
    EC_KEY *key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    bool ok = ctx != NULL && key != NULL && SHA256(message.data, message.size, digest) != NULL;
    if (ok) {
        const EC_GROUP *group = EC_KEY_get0_group(key);
        scalar = scalar_of(k->secret, group);
        number = reduced(digest, group, ctx);
        ok = scalar != NULL && number != NULL && EC_KEY_set_private_key(key, scalar) == 1 &&
             EC_KEY_oct2key(key, point, sizeof point, ctx) == 1 && nonces_init(&n, k, number);
        nonce = ok ? nonces_next(&n, group) : NULL;
    }
    ok = ok && nonce != NULL && sign_with_nonce(key, digest, nonce, ctx, ret);
    secure_zero(&n, sizeof n);
    BN_clear_free(nonce);
    BN_clear_free(scalar);
    BN_free(number);
    EC_KEY_free(key);
    BN_CTX_free(ctx);
    return ok;
}
