/* SPDX-License-Identifier: Apache-2.0 */
/* Cryptography for trusted code: thin, constant-time, on the two Debian archives that the binary
 * gate allows (intel-ipsec-mb for bulk hashing, BearSSL for the rest).
 *
 * Rule: except for the functions marked "plain", callers must be between rt_vector_begin() and
 * rt_vector_end(): the library code uses vector registers, which otherwise hold the workload's
 * state, and reads a stack canary at %fs:0x28.
 *
 * Trust: inputs are already in trusted memory; nothing here reads host memory. Which kernels run is
 * chosen from the host's CPUID answers: a lie about them gives #UD or slowness, never another
 * result. CT: time depends on sizes only, unless a function says otherwise. */
#pragma once

#include "base/bytes.h"

/* What the processor can do and what the enclave's XFRM lets it do. plain. */
struct crypto_cpu {
    bool sha_ni;
    bool avx2;   /* and XFRM has the YMM state */
    bool avx512; /* F, BW, VL, and XFRM has the opmask and ZMM state */
};
/* Call once, before other threads exist. Until then the portable code runs. */
void crypto_select(struct crypto_cpu cpu);

/* ---- hashes (FIPS 180-4) ---------------------------------------------------------------------- */

#define SHA256_SIZE  32u
#define SHA256_BLOCK 64u
#define SHA512_SIZE  64u

struct crypto_sha256 {
    uint32_t h[8];
    uint8_t block[SHA256_BLOCK];
    uint64_t size; /* bytes taken so far */
};
void crypto_sha256_init(struct crypto_sha256 *s);              /* plain */
/* Would an update by n bytes only be remembered, not hashed? Then it is plain. */
bool crypto_sha256_buffers(const struct crypto_sha256 *s, size_t n); /* plain */
void crypto_sha256_update(struct crypto_sha256 *s, struct bytes data);
void crypto_sha256_final(struct crypto_sha256 *s, uint8_t ret[SHA256_SIZE]);
void crypto_sha256_hash(struct bytes data, uint8_t ret[SHA256_SIZE]);
void crypto_sha512_hash(struct bytes data, uint8_t ret[SHA512_SIZE]);

/* ret[i] = SHA-256(salt || blocks[i]), 4096 bytes each: dm-verity's hash, format 1. Many blocks at
 * once go through the multi-buffer kernels. */
#define CRYPTO_BLOCK 4096u
void crypto_sha256_blocks(const void *const *blocks, size_t count, struct bytes salt,
                          uint8_t (*ret)[SHA256_SIZE]);

/* ---- symmetric keys --------------------------------------------------------------------------- */

/* AES-CMAC with a 128-bit key (RFC 4493): what EREPORT and EGETKEY use. */
void crypto_aes_cmac(const uint8_t key[16], struct bytes data, uint8_t ret[16]);
void crypto_hmac_sha256(struct bytes key, struct bytes data, uint8_t ret[SHA256_SIZE]);
/* HKDF-SHA-256 (RFC 5869); size at most 255 * 32. */
void crypto_hkdf_sha256(struct bytes salt, struct bytes key, struct bytes info, void *ret,
                        size_t size);

/* AES-256-GCM with 96-bit nonces and whole tags (NIST SP 800-38D). The same key must never see the
 * same nonce twice: that is the caller's to guarantee. in and out may be the same memory. */
#define GCM_NONCE 12u
#define GCM_TAG   16u
struct crypto_gcm { /* a secret: whoever holds it wipes it */
    uint8_t opaque[512];
} __attribute__((aligned(16)));
void crypto_gcm_key(struct crypto_gcm *ret, const uint8_t key[32]);
void crypto_gcm_seal(const struct crypto_gcm *key, const uint8_t nonce[GCM_NONCE], struct bytes aad,
                     struct bytes in, void *out, uint8_t ret_tag[GCM_TAG]);
/* False: not authentic, and out is zeros. */
bool crypto_gcm_open(const struct crypto_gcm *key, const uint8_t nonce[GCM_NONCE], struct bytes aad,
                     struct bytes in, void *out, const uint8_t tag[GCM_TAG]) MUST_USE;

/* ---- P-256 ------------------------------------------------------------------------------------ */

#define P256_SCALAR    32u
#define P256_POINT     64u /* x || y, big endian */
#define P256_SIGNATURE 64u /* r || s, big endian */

/* Makes a key pair of 32 random bytes. -EAGAIN for the rare draw (2^-32) outside 1..n-1: draw
 * again. */
int crypto_p256_keypair(const uint8_t random[P256_SCALAR], uint8_t ret_private[P256_SCALAR],
                        uint8_t ret_public[P256_POINT]) MUST_USE;
/* ECDSA over a SHA-256 digest, with the deterministic nonce of RFC 6979 (no randomness to fail).
 * -EINVAL when the private key is not in 1..n-1. */
int crypto_p256_sign(const uint8_t private[P256_SCALAR], const uint8_t digest[SHA256_SIZE],
                     uint8_t ret_signature[P256_SIGNATURE]) MUST_USE;
