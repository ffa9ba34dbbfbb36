/* SPDX-License-Identifier: Apache-2.0 */
/* crypto.h by OpenSSL 3. Signatures go through its EC_KEY and RSA interfaces and hashes through
 * SHA256_CTX, which 3.0 calls deprecated: with EVP, making a key from 64 bytes costs more than the
 * verification that it is for, and every hash is looked up by name. One EC_KEY per curve lives as
 * long as a verification, because making the group costs a third of a verification too.
 *
 * An adversary chooses keys, messages and signatures. OpenSSL checks that points lie on their curve
 * when it reads them, and that r and s are in range. */
#define OPENSSL_API_COMPAT 10101
#include "crypto/crypto.h"
#include "verify/limits.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#define POINT_SIZE_MAX 96u

void crypto_enter(struct crypto *x)
{
    *x = (struct crypto){0};
    (void)ERR_set_mark();
}

void crypto_leave(struct crypto *x)
{
    crypto_keys_free(&x->keys);
    *x = (struct crypto){0};
    (void)ERR_pop_to_mark();
}

struct crypto_keys crypto_take_keys(struct crypto *x)
{
    struct crypto_keys keys = x->keys;
    x->keys = (struct crypto_keys){0};
    return keys;
}

void crypto_keys_free(struct crypto_keys *keys)
{
    EC_KEY_free(keys->p256);
    EC_KEY_free(keys->p384);
    *keys = (struct crypto_keys){0};
}

bool crypto_sha256(struct bytes message, uint8_t ret[32])
{
    return crypto_sha256_pair(message, (struct bytes){0}, ret);
}

bool crypto_sha256_pair(struct bytes first, struct bytes second, uint8_t ret[32])
{
    SHA256_CTX c;
    return SHA256_Init(&c) == 1 && SHA256_Update(&c, first.data, first.size) == 1 &&
           SHA256_Update(&c, second.data, second.size) == 1 && SHA256_Final(ret, &c) == 1;
}

bool crypto_sha384(struct bytes message, uint8_t ret[48])
{
    SHA512_CTX c;
    return SHA384_Init(&c) == 1 && SHA384_Update(&c, message.data, message.size) == 1 &&
           SHA384_Final(ret, &c) == 1;
}

bool crypto_sha512(struct bytes message, uint8_t ret[64])
{
    SHA512_CTX c;
    return SHA512_Init(&c) == 1 && SHA512_Update(&c, message.data, message.size) == 1 &&
           SHA512_Final(ret, &c) == 1;
}

bool crypto_digest(enum signature_scheme scheme, struct bytes message, struct digest *ret)
{
    switch (scheme) {
    case SCHEME_ECDSA_SHA256:
    case SCHEME_RSA_PKCS1_SHA256:
        ret->size = 32;
        return crypto_sha256(message, ret->data);
    case SCHEME_ECDSA_SHA384:
    case SCHEME_RSA_PSS_SHA384:
    case SCHEME_RSA_PKCS1_SHA384:
        ret->size = 48;
        return crypto_sha384(message, ret->data);
    case SCHEME_NONE:
    default:
        return false;
    }
}

/* ---- ECDSA ---- */

/* The curve's key object with this point in it; NULL if the point is not on the curve. */
static EC_KEY *ec_key(struct crypto *x, const struct public_key *key)
{
    bool p256 = key->kind == KEY_P256;
    void **slot = p256 ? &x->keys.p256 : &x->keys.p384;
    size_t size = p256 ? 64 : POINT_SIZE_MAX;
    uint8_t point[1 + POINT_SIZE_MAX] = {POINT_CONVERSION_UNCOMPRESSED};
    if ((!p256 && key->kind != KEY_P384) || key->point.size != size) {
        return NULL;
    }
    if (*slot == NULL) {
        *slot = EC_KEY_new_by_curve_name(p256 ? NID_X9_62_prime256v1 : NID_secp384r1);
    }
    __builtin_memcpy(point + 1, key->point.data, size);
    bool ok = *slot != NULL && EC_KEY_oct2key(*slot, point, 1 + size, NULL) == 1;
    return ok ? *slot : NULL;
}

static bool verify_ecdsa(struct crypto *x, const struct public_key *key, struct bytes signature,
                         const struct digest *digest)
{
    EC_KEY *k = ec_key(x, key);
    if (k == NULL || signature.size != key->point.size) {
        return false;
    }
    int half = (int)(signature.size / 2);
    bool ok = false;
    ECDSA_SIG *s = ECDSA_SIG_new();
    BIGNUM *r_value = BN_bin2bn(signature.data, half, NULL);
    BIGNUM *s_value = BN_bin2bn(signature.data + half, half, NULL);
    if (s != NULL && r_value != NULL && s_value != NULL &&
        ECDSA_SIG_set0(s, r_value, s_value) == 1) {
        r_value = s_value = NULL; /* s owns them now */
        ok = ECDSA_do_verify(digest->data, (int)digest->size, s, k) == 1;
    }
    BN_free(r_value);
    BN_free(s_value);
    ECDSA_SIG_free(s);
    return ok;
}

/* ---- RSA ---- */

static RSA *rsa_key(const struct public_key *key)
{
    if (key->modulus.size < RSA_BYTES_MIN || key->modulus.size > RSA_BYTES_MAX ||
        key->exponent.size > RSA_EXPONENT_MAX) {
        return NULL;
    }
    RSA *rsa = RSA_new();
    BIGNUM *n = BN_bin2bn(key->modulus.data, (int)key->modulus.size, NULL);
    BIGNUM *e = BN_bin2bn(key->exponent.data, (int)key->exponent.size, NULL);
    bool good = rsa != NULL && n != NULL && e != NULL && BN_is_odd(n) && BN_is_odd(e) &&
                !BN_is_one(e) && (size_t)BN_num_bytes(n) == key->modulus.size;
    if (good && RSA_set0_key(rsa, n, e, NULL) == 1) {
        return rsa;
    }
    BN_free(n);
    BN_free(e);
    RSA_free(rsa);
    return NULL;
}

static bool verify_pss(RSA *rsa, struct bytes signature, const struct digest *digest)
{
    uint8_t padded[RSA_BYTES_MAX];
    return RSA_public_decrypt((int)signature.size, signature.data, padded, rsa, RSA_NO_PADDING) ==
               RSA_size(rsa) &&
           RSA_verify_PKCS1_PSS_mgf1(rsa, digest->data, EVP_sha384(), EVP_sha384(), padded,
                                     (int)digest->size) == 1;
}

static bool verify_rsa(const struct public_key *key, const struct signature *signature,
                       const struct digest *digest)
{
    struct bytes value = signature->value;
    if (key->kind != KEY_RSA || value.size != key->modulus.size) {
        return false;
    }
    RSA *rsa = rsa_key(key);
    if (rsa == NULL) {
        return false;
    }
    bool ok = false;
    if (signature->scheme == SCHEME_RSA_PSS_SHA384) {
        ok = verify_pss(rsa, value, digest);
    } else {
        int hash = signature->scheme == SCHEME_RSA_PKCS1_SHA256 ? NID_sha256 : NID_sha384;
        ok = RSA_verify(hash, digest->data, (unsigned)digest->size, value.data,
                        (unsigned)value.size, rsa) == 1;
    }
    RSA_free(rsa);
    return ok;
}

/* ---- Both ---- */

bool crypto_verify_digest(struct crypto *x, const struct public_key *key,
                          const struct signature *signature, const struct digest *digest)
{
    switch (signature->scheme) {
    case SCHEME_ECDSA_SHA256:
    case SCHEME_ECDSA_SHA384:
        return verify_ecdsa(x, key, signature->value, digest);
    case SCHEME_RSA_PSS_SHA384:
    case SCHEME_RSA_PKCS1_SHA256:
    case SCHEME_RSA_PKCS1_SHA384:
        return verify_rsa(key, signature, digest);
    case SCHEME_NONE:
    default:
        return false;
    }
}

bool crypto_verify(struct crypto *x, const struct public_key *key,
                   const struct signature *signature, struct bytes message)
{
    struct digest digest;
    return crypto_digest(signature->scheme, message, &digest) &&
           crypto_verify_digest(x, key, signature, &digest);
}

bool crypto_key_valid(struct crypto *x, const struct public_key *key)
{
    if (key->kind == KEY_RSA) {
        RSA *rsa = rsa_key(key);
        RSA_free(rsa);
        return rsa != NULL;
    }
    return ec_key(x, key) != NULL;
}
