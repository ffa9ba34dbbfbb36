/* SPDX-License-Identifier: Apache-2.0 */
/* crypto.h by OpenSSL 3, through interfaces that 3.0 calls deprecated: they neither look algorithms
 * up by name for each hash nor encode signatures in DER. */
#define OPENSSL_API_COMPAT 10101
#include "log/crypto.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/sha.h>

bool record_sha256(const struct bytes *parts, size_t count, struct query_hash *ret)
{
    SHA256_CTX c;
    bool ok = SHA256_Init(&c) == 1;
    for (size_t i = 0; i < count; i++) {
        ok = ok && SHA256_Update(&c, parts[i].data, parts[i].size) == 1;
    }
    return ok && SHA256_Final(ret->data, &c) == 1;
}

/* NULL unless the point is on the curve; infinity has no such encoding. */
static EC_KEY *key_of(const uint8_t point[QUERY_KEY_SIZE])
{
    EC_KEY *key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    if (key != NULL && point[0] == POINT_CONVERSION_UNCOMPRESSED &&
        EC_KEY_oct2key(key, point, QUERY_KEY_SIZE, NULL) == 1) {
        return key;
    }
    EC_KEY_free(key);
    return NULL;
}

bool record_key_valid(const uint8_t point[QUERY_KEY_SIZE])
{
    ERR_set_mark();
    EC_KEY *key = key_of(point);
    bool ok = key != NULL;
    EC_KEY_free(key);
    ERR_pop_to_mark();
    return ok;
}

bool record_verify(const uint8_t point[QUERY_KEY_SIZE], const uint8_t digest[32],
                   const uint8_t signature[QUERY_SIGNATURE_SIZE])
{
    ERR_set_mark();
    EC_KEY *key = key_of(point);
    ECDSA_SIG *s = ECDSA_SIG_new();
    BIGNUM *r_value = BN_bin2bn(signature, 32, NULL);
    BIGNUM *s_value = BN_bin2bn(signature + 32, 32, NULL);
    bool ok = false;
    if (key != NULL && s != NULL && r_value != NULL && s_value != NULL &&
        ECDSA_SIG_set0(s, r_value, s_value) == 1) {
        r_value = s_value = NULL; /* s owns them now */
        ok = ECDSA_do_verify(digest, 32, s, key) == 1;
    }
    BN_free(r_value);
    BN_free(s_value);
    ECDSA_SIG_free(s);
    EC_KEY_free(key);
    ERR_pop_to_mark();
    return ok;
}

/* A key object with this secret and the public key that belongs to it; NULL unless in [1, n-1]. */
static EC_KEY *secret_key_of(const uint8_t scalar[32])
{
    EC_KEY *key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    const EC_GROUP *group = key != NULL ? EC_KEY_get0_group(key) : NULL;
    EC_POINT *point = group != NULL ? EC_POINT_new(group) : NULL;
    BIGNUM *secret = BN_secure_new();
    bool ok = point != NULL && secret != NULL && BN_bin2bn(scalar, 32, secret) != NULL &&
              !BN_is_zero(secret) && BN_cmp(secret, EC_GROUP_get0_order(group)) < 0;
    if (ok) {
        BN_set_flags(secret, BN_FLG_CONSTTIME);
        ok = EC_POINT_mul(group, point, secret, NULL, NULL, NULL) == 1 &&
             EC_KEY_set_private_key(key, secret) == 1 && EC_KEY_set_public_key(key, point) == 1;
    }
    BN_clear_free(secret);
    EC_POINT_free(point);
    if (!ok) {
        EC_KEY_free(key);
        return NULL;
    }
    return key;
}

bool record_public(const uint8_t scalar[32], uint8_t ret_point[QUERY_KEY_SIZE])
{
    ERR_set_mark();
    EC_KEY *key = secret_key_of(scalar);
    bool ok = key != NULL && EC_POINT_point2oct(EC_KEY_get0_group(key), EC_KEY_get0_public_key(key),
                                                POINT_CONVERSION_UNCOMPRESSED, ret_point,
                                                QUERY_KEY_SIZE, NULL) == QUERY_KEY_SIZE;
    EC_KEY_free(key);
    ERR_pop_to_mark();
    return ok;
}

bool record_sign(const struct query_secret_key *secret, const uint8_t digest[32],
                 uint8_t ret[QUERY_SIGNATURE_SIZE])
{
    ERR_set_mark();
    EC_KEY *key = secret_key_of(secret->scalar);
    ECDSA_SIG *s = key != NULL ? ECDSA_do_sign(digest, 32, key) : NULL;
    bool ok = s != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(s), ret, 32) == 32 &&
              BN_bn2binpad(ECDSA_SIG_get0_s(s), ret + 32, 32) == 32;
    ECDSA_SIG_free(s);
    EC_KEY_free(key);
    ERR_pop_to_mark();
    return ok;
}
