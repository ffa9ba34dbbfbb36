/* SPDX-License-Identifier: Apache-2.0 */
/* The one door to the crypto library (OpenSSL's libcrypto, primitives_openssl.c). Nothing here
 * knows HPKE, CBOR or messages. The error queue of the calling thread is left as it was.
 *
 * Trust: keys of others, ciphertexts and tags come from whoever sent them.
 * CT: every function that takes a secret takes time that depends on sizes alone, as far as
 * OpenSSL's X25519, AES-GCM (AES-NI), SHA-256 and P-256 (ecp_nistz256, else the ladder) promise it.
 */
#pragma once

#include "base/bytes.h"

#define CURVE_SCALAR_SIZE 32u
#define X25519_SIZE       32u
#define P256_POINT_SIZE   65u /* 4, x, y big endian */
#define GCM_NONCE_SIZE    12u
#define GCM_TAG_SIZE      16u

bool random_secret(uint8_t *ret, size_t size) MUST_USE;
bool hash_sha256(struct bytes message, uint8_t ret[32]) MUST_USE;
bool hash_sha512(struct bytes message, uint8_t ret[64]) MUST_USE;

/* HMAC-SHA-256. The key has at most 64 bytes (one block): HPKE's have 32. */
bool hmac_sha256(struct bytes key, struct bytes message, uint8_t ret[32]) MUST_USE;

/* The public key of a secret. */
bool x25519_public(const uint8_t secret[32], uint8_t ret[X25519_SIZE]) MUST_USE;
/* own_public is that of the secret. False too when the shared secret is zero (RFC 7748
 * section 6.1). */
bool x25519_shared(const uint8_t secret[32], const uint8_t own_public[X25519_SIZE],
                   const uint8_t public_key[X25519_SIZE], uint8_t ret[32]) MUST_USE;

/* Is it an uncompressed point on the curve? Its order is prime: every such point is a key. */
bool p256_point_valid(const uint8_t point[P256_POINT_SIZE]) MUST_USE;
/* Is the secret, big endian, in [1, n-1]? Cannot fail otherwise. */
bool p256_secret_valid(const uint8_t secret[32]) MUST_USE;
bool p256_public(const uint8_t secret[32], uint8_t ret[P256_POINT_SIZE]) MUST_USE;
/* The x coordinate of the product. False for secrets and points that the others refuse. */
bool p256_shared(const uint8_t secret[32], const uint8_t point[P256_POINT_SIZE],
                 uint8_t ret[32]) MUST_USE;

/* AES-GCM with a key of 16 or 32 bytes. ret holds plaintext.size + GCM_TAG_SIZE bytes; plaintext
 * and ret may begin at the same place. */
bool gcm_seal(struct bytes key, const uint8_t nonce[GCM_NONCE_SIZE], struct bytes aad,
              struct bytes plaintext, uint8_t *ret) MUST_USE;
/* ciphertext ends with its tag. On failure ret is wiped. */
bool gcm_open(struct bytes key, const uint8_t nonce[GCM_NONCE_SIZE], struct bytes aad,
              struct bytes ciphertext, uint8_t *ret) MUST_USE;
