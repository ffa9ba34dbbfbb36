/* SPDX-License-Identifier: Apache-2.0 */
/* primitives.h by OpenSSL 3. Hashes go through interfaces that 3.0 calls deprecated: with EVP each
 * of the eight HMACs of a message would look its hash up by name, which costs more than hashing.
 *
 * An adversary chooses public keys, ciphertexts and associated data. OpenSSL checks that points lie
 * on their curve when it reads them. */
#define OPENSSL_API_COMPAT 10101
#include "primitives.h"

#include <limits.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#define HMAC_BLOCK 64u

bool random_secret(uint8_t *ret, size_t size)
{
    if (size > INT_MAX) {
        return false;
    }
    ERR_set_mark();
    bool ok = RAND_priv_bytes(ret, (int)size) == 1;
    ERR_pop_to_mark();
    return ok;
}

bool hash_sha256(struct bytes message, uint8_t ret[32])
{
    SHA256_CTX c;
    return SHA256_Init(&c) == 1 && SHA256_Update(&c, message.data, message.size) == 1 &&
           SHA256_Final(ret, &c) == 1;
}

bool hash_sha512(struct bytes message, uint8_t ret[64])
{
    SHA512_CTX c;
    return SHA512_Init(&c) == 1 && SHA512_Update(&c, message.data, message.size) == 1 &&
           SHA512_Final(ret, &c) == 1;
}

/* RFC 2104: H(key ^ pad, rest) for one of the two pads. */
static bool hmac_half(const uint8_t key[HMAC_BLOCK], uint8_t pad, struct bytes rest,
                      uint8_t ret[32])
{
    uint8_t block[HMAC_BLOCK];
    for (size_t i = 0; i < HMAC_BLOCK; i++) {
        block[i] = key[i] ^ pad;
    }
    SHA256_CTX c;
    bool ok = SHA256_Init(&c) == 1 && SHA256_Update(&c, block, sizeof block) == 1 &&
              SHA256_Update(&c, rest.data, rest.size) == 1 && SHA256_Final(ret, &c) == 1;
    secure_zero(block, sizeof block);
    secure_zero(&c, sizeof c);
    return ok;
}

bool hmac_sha256(struct bytes key, struct bytes message, uint8_t ret[32])
{
    REQUIRE(key.size <= HMAC_BLOCK);
    uint8_t block[HMAC_BLOCK] = {0};
    if (key.size > 0) {
        __builtin_memcpy(block, key.data, key.size);
    }
    uint8_t inner[32];
    bool ok = hmac_half(block, 0x36, message, inner) &&
              hmac_half(block, 0x5c, BYTES(inner, sizeof inner), ret);
    secure_zero(block, sizeof block);
    secure_zero(inner, sizeof inner);
    return ok;
}

/* ---- X25519 ---------------------------------------------------------------------------------- */

bool x25519_public(const uint8_t secret[32], uint8_t ret[X25519_SIZE])
{
    ERR_set_mark();
    size_t size = X25519_SIZE;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret, 32);
    bool ok = key != NULL && EVP_PKEY_get_raw_public_key(key, ret, &size) == 1;
    EVP_PKEY_free(key);
    ERR_pop_to_mark();
    return ok;
}

/* Both halves, so that the library does not compute the public one anew, which costs more than the
 * shared secret that the key is for. */
static EVP_PKEY *x25519_pair(const uint8_t secret[32], const uint8_t own_public[X25519_SIZE])
{
    EVP_PKEY *key = NULL;
    uint8_t copies[2][32]; /* parameters are not const */
    __builtin_memcpy(copies[0], secret, 32);
    __builtin_memcpy(copies[1], own_public, 32);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, copies[0], 32),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copies[1], 32),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_id(EVP_PKEY_X25519, NULL);
    bool ok = c != NULL && EVP_PKEY_fromdata_init(c) == 1 &&
              EVP_PKEY_fromdata(c, &key, EVP_PKEY_KEYPAIR, params) == 1;
    EVP_PKEY_CTX_free(c);
    secure_zero(copies, sizeof copies);
    return ok ? key : NULL;
}

static bool x25519_derive(EVP_PKEY *own, EVP_PKEY *peer, uint8_t ret[32])
{
    size_t size = 32;
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(own, NULL);
    bool ok = c != NULL && EVP_PKEY_derive_init(c) == 1 && EVP_PKEY_derive_set_peer(c, peer) == 1 &&
              EVP_PKEY_derive(c, ret, &size) == 1 && size == 32;
    EVP_PKEY_CTX_free(c);
    return ok;
}

bool x25519_shared(const uint8_t secret[32], const uint8_t own_public[X25519_SIZE],
                   const uint8_t public_key[X25519_SIZE], uint8_t ret[32])
{
    static const uint8_t zero[32];
    ERR_set_mark();
    EVP_PKEY *own = x25519_pair(secret, own_public);
    EVP_PKEY *peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, public_key, X25519_SIZE);
    uint8_t shared[32] = {0};
    /* OpenSSL refuses a zero secret too; the RFC's demand shall not rest on that. */
    bool ok = own != NULL && peer != NULL && x25519_derive(own, peer, shared) &&
              !ct_equal(shared, zero, sizeof zero);
    if (ok) {
        __builtin_memcpy(ret, shared, sizeof shared);
    }
    secure_zero(shared, sizeof shared);
    EVP_PKEY_free(own);
    EVP_PKEY_free(peer);
    ERR_pop_to_mark();
    return ok;
}

/* ---- P-256 ----------------------------------------------------------------------------------- */

struct p256 {
    EC_GROUP *group;
    BN_CTX *bn;
    EC_POINT *point, *product;
    BIGNUM *scalar;
};

static void p256_close(struct p256 *p)
{
    BN_clear_free(p->scalar);
    EC_POINT_clear_free(p->product);
    EC_POINT_free(p->point);
    BN_CTX_free(p->bn);
    EC_GROUP_free(p->group);
    ERR_pop_to_mark();
}

static bool p256_open(struct p256 *p)
{
    ERR_set_mark();
    *p = (struct p256){.group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1)};
    p->bn = BN_CTX_secure_new();
    p->scalar = BN_secure_new();
    if (p->group == NULL || p->bn == NULL || p->scalar == NULL) {
        return false;
    }
    p->point = EC_POINT_new(p->group);
    p->product = EC_POINT_new(p->group);
    return p->point != NULL && p->product != NULL;
}

/* Uncompressed only: other encodings of a point would be other keys with the same meaning. The size
 * leaves no room for infinity, and EC_POINT_oct2point() checks range and curve. */
static bool p256_take_point(struct p256 *p, const uint8_t point[P256_POINT_SIZE])
{
    return point[0] == 4 &&
           EC_POINT_oct2point(p->group, p->point, point, P256_POINT_SIZE, p->bn) == 1;
}

/* SP 800-186, section 3.2.1.3. */
static const uint8_t p256_order[32] = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};

/* CT: BN_cmp() would stop at the first limb that differs. */
bool p256_secret_valid(const uint8_t secret[32])
{
    unsigned any = 0, borrow = 0;
    for (size_t i = CURVE_SCALAR_SIZE; i-- > 0;) {
        any |= secret[i];
        borrow = (unsigned)secret[i] - p256_order[i] - borrow;
        borrow = borrow >> 8 & 1;
    }
    return any != 0 && borrow == 1;
}

static bool p256_take_scalar(struct p256 *p, const uint8_t secret[32])
{
    BN_set_flags(p->scalar, BN_FLG_CONSTTIME);
    return p256_secret_valid(secret) && BN_bin2bn(secret, CURVE_SCALAR_SIZE, p->scalar) != NULL;
}

/* The product as an uncompressed point; infinity has another size. */
static bool p256_give_product(struct p256 *p, uint8_t ret[P256_POINT_SIZE])
{
    return EC_POINT_point2oct(p->group, p->product, POINT_CONVERSION_UNCOMPRESSED, ret,
                              P256_POINT_SIZE, p->bn) == P256_POINT_SIZE;
}

bool p256_point_valid(const uint8_t point[P256_POINT_SIZE])
{
    struct p256 p;
    bool ok = p256_open(&p) && p256_take_point(&p, point);
    p256_close(&p);
    return ok;
}

bool p256_public(const uint8_t secret[32], uint8_t ret[P256_POINT_SIZE])
{
    struct p256 p;
    bool ok = p256_open(&p) && p256_take_scalar(&p, secret) &&
              EC_POINT_mul(p.group, p.product, p.scalar, NULL, NULL, p.bn) == 1 &&
              p256_give_product(&p, ret);
    p256_close(&p);
    return ok;
}

bool p256_shared(const uint8_t secret[32], const uint8_t point[P256_POINT_SIZE], uint8_t ret[32])
{
    struct p256 p;
    uint8_t product[P256_POINT_SIZE] = {0};
    bool ok = p256_open(&p) && p256_take_point(&p, point) && p256_take_scalar(&p, secret) &&
              EC_POINT_mul(p.group, p.product, NULL, p.point, p.scalar, p.bn) == 1 &&
              p256_give_product(&p, product);
    if (ok) {
        __builtin_memcpy(ret, product + 1, 32);
    }
    secure_zero(product, sizeof product);
    p256_close(&p);
    return ok;
}

/* ---- AES-GCM --------------------------------------------------------------------------------- */

static const EVP_CIPHER *gcm_cipher(struct bytes key)
{
    REQUIRE(key.size == 16 || key.size == 32);
    return key.size == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm();
}

/* One update, of any size that the library's int can say; none for nothing, whose pointer may be
 * NULL and would mean associated data. */
static bool gcm_update(EVP_CIPHER_CTX *c, uint8_t *out, struct bytes in)
{
    int size = 0;
    return in.size == 0 ||
           (in.size <= INT_MAX && EVP_CipherUpdate(c, out, &size, in.data, (int)in.size) == 1 &&
            size == (int)in.size);
}

bool gcm_seal(struct bytes key, const uint8_t nonce[GCM_NONCE_SIZE], struct bytes aad,
              struct bytes plaintext, uint8_t *ret)
{
    ERR_set_mark();
    int rest = 0;
    uint8_t *tag = ret + plaintext.size;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    bool ok = c != NULL && EVP_CipherInit_ex(c, gcm_cipher(key), NULL, key.data, nonce, 1) == 1 &&
              gcm_update(c, NULL, aad) && gcm_update(c, ret, plaintext) &&
              EVP_CipherFinal_ex(c, tag, &rest) == 1 && rest == 0 &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_SIZE, tag) == 1;
    EVP_CIPHER_CTX_free(c);
    ERR_pop_to_mark();
    return ok;
}

bool gcm_open(struct bytes key, const uint8_t nonce[GCM_NONCE_SIZE], struct bytes aad,
              struct bytes ciphertext, uint8_t *ret)
{
    if (ciphertext.size < GCM_TAG_SIZE) {
        return false;
    }
    ERR_set_mark();
    struct bytes text = {ciphertext.data, ciphertext.size - GCM_TAG_SIZE};
    uint8_t tag[GCM_TAG_SIZE];
    __builtin_memcpy(tag, ciphertext.data + text.size, sizeof tag);
    uint8_t nothing[GCM_TAG_SIZE];
    int rest = 0;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    bool ok = c != NULL && EVP_CipherInit_ex(c, gcm_cipher(key), NULL, key.data, nonce, 0) == 1 &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_SIZE, tag) == 1 &&
              gcm_update(c, NULL, aad) && gcm_update(c, ret, text) &&
              EVP_CipherFinal_ex(c, nothing, &rest) == 1 && rest == 0;
    EVP_CIPHER_CTX_free(c);
    ERR_pop_to_mark();
    if (!ok) {
        secure_zero(ret, text.size);
    }
    return ok;
}
