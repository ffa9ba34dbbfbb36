/* SPDX-License-Identifier: Apache-2.0 */
/* channel's primitives inside an enclave: the same sealed messages as outside, on what the runtime
 * links already, and BearSSL's X25519 (docs/decisions/003-trusted-cryptography.md). Library code
 * runs between rt_vector_begin() and rt_vector_end(), so that the workload's vector state stays.
 *
 * What Alcove sends is all that there is: X25519 with AES-256-GCM. P-256 and AES-128-GCM, which
 * others may use among themselves, would be some ten more measured pages in every worker; here such
 * keys and messages are refused.
 *
 * An adversary chooses public keys, ciphertexts and associated data. Nothing here sees host memory.
 */
#include "primitives.h"

#include <bearssl.h>

#include "crypto.h"
#include "runtime/rt.h"

_Static_assert(GCM_NONCE_SIZE == GCM_NONCE && GCM_TAG_SIZE == GCM_TAG, "one AES-GCM");

bool random_secret(uint8_t *ret, size_t size)
{
    rt_random(ret, size);
    return true;
}

bool hash_sha256(struct bytes message, uint8_t ret[32])
{
    rt_vector_begin();
    crypto_sha256_hash(message, ret);
    rt_vector_end();
    return true;
}

bool hash_sha512(struct bytes message, uint8_t ret[64])
{
    rt_vector_begin();
    crypto_sha512_hash(message, ret);
    rt_vector_end();
    return true;
}

bool hmac_sha256(struct bytes key, struct bytes message, uint8_t ret[32])
{
    rt_vector_begin();
    crypto_hmac_sha256(key, message, ret);
    rt_vector_end();
    return true;
}

/* ---- X25519 ---------------------------------------------------------------------------------- */

bool x25519_public(const uint8_t secret[32], uint8_t ret[X25519_SIZE])
{
    rt_vector_begin();
    size_t n = br_ec_c25519_m31.mulgen(ret, secret, 32, BR_EC_curve25519);
    rt_vector_end();
    return n == X25519_SIZE;
}

bool x25519_shared(const uint8_t secret[32], const uint8_t own_public[X25519_SIZE],
                   const uint8_t public_key[X25519_SIZE], uint8_t ret[32])
{
    static const uint8_t zero[32];
    uint8_t point[32];
    (void)own_public;
    __builtin_memcpy(point, public_key, sizeof point);
    rt_vector_begin();
    uint32_t done = br_ec_c25519_m31.mul(point, sizeof point, secret, 32, BR_EC_curve25519);
    rt_vector_end();
    bool ok = done == 1 && !ct_equal(point, zero, sizeof zero);
    if (ok) {
        __builtin_memcpy(ret, point, sizeof point);
    }
    secure_zero(point, sizeof point);
    return ok;
}

/* ---- P-256: not here ------------------------------------------------------------------------- */

bool p256_point_valid(const uint8_t point[P256_POINT_SIZE])
{
    (void)point;
    return false;
}

bool p256_secret_valid(const uint8_t secret[32])
{
    (void)secret;
    return false;
}

bool p256_public(const uint8_t secret[32], uint8_t ret[P256_POINT_SIZE])
{
    (void)secret;
    (void)ret;
    return false;
}

bool p256_shared(const uint8_t secret[32], const uint8_t point[P256_POINT_SIZE], uint8_t ret[32])
{
    (void)secret;
    (void)point;
    (void)ret;
    return false;
}

/* ---- AES-GCM --------------------------------------------------------------------------------- */

bool gcm_seal(struct bytes key, const uint8_t nonce[GCM_NONCE_SIZE], struct bytes aad,
              struct bytes plaintext, uint8_t *ret)
{
    struct crypto_gcm k;
    if (key.size != 32) {
        return false;
    }
    rt_vector_begin();
    crypto_gcm_key(&k, key.data);
    crypto_gcm_seal(&k, nonce, aad, plaintext, ret, ret + plaintext.size);
    rt_vector_end();
    secure_zero(&k, sizeof k);
    return true;
}

bool gcm_open(struct bytes key, const uint8_t nonce[GCM_NONCE_SIZE], struct bytes aad,
              struct bytes ciphertext, uint8_t *ret)
{
    struct crypto_gcm k;
    uint8_t tag[GCM_TAG_SIZE];
    if (key.size != 32 || ciphertext.size < GCM_TAG_SIZE) {
        return false;
    }
    struct bytes text = {ciphertext.data, ciphertext.size - GCM_TAG_SIZE};
    __builtin_memcpy(tag, ciphertext.data + text.size, sizeof tag);
    rt_vector_begin();
    crypto_gcm_key(&k, key.data);
    bool good = crypto_gcm_open(&k, nonce, aad, text, ret, tag);
    rt_vector_end();
    secure_zero(&k, sizeof k);
    return good;
}
