/* SPDX-License-Identifier: Apache-2.0 */
/* Message authentication and key derivation. AES is BearSSL's bit-sliced one: constant time on any
 * processor and without the CPUID that its AES-NI code executes; a REPORT has 24 blocks, so speed
 * does not matter. */
#include "crypto.h"

#include <bearssl.h>

/* RFC 4493, 2.3: doubling in GF(2^128), without a branch on the secret bit. */
static void double_block(const uint8_t in[16], uint8_t out[16])
{
    uint8_t carry = 0;
    for (int i = 15; i >= 0; i--) {
        uint8_t v = in[i];
        out[i] = (uint8_t)(v << 1 | carry);
        carry = (uint8_t)(v >> 7);
    }
    out[15] ^= (uint8_t)(0x87 & -carry);
}

void crypto_aes_cmac(const uint8_t key[16], struct bytes data, uint8_t ret[16])
{
    br_aes_ct64_cbcenc_keys aes;
    uint8_t subkey[16] = {0}, iv[16] = {0}, last[16] = {0};
    size_t whole = data.size == 0 ? 0 : (data.size - 1) / 16; /* blocks before the last one */
    size_t rest = data.size - 16 * whole;

    br_aes_ct64_cbcenc_init(&aes, key, 16);
    br_aes_ct64_cbcenc_run(&aes, iv, subkey, sizeof subkey); /* L = AES(0) */
    double_block(subkey, subkey);
    if (rest < 16) {
        double_block(subkey, subkey);
    }
    __builtin_memset(iv, 0, sizeof iv);
    for (size_t i = 0; i < whole; i++) { /* CBC-MAC: only the chaining value, kept in iv, counts */
        uint8_t block[16];
        __builtin_memcpy(block, data.data + 16 * i, sizeof block);
        br_aes_ct64_cbcenc_run(&aes, iv, block, sizeof block);
    }
    if (rest > 0) {
        __builtin_memcpy(last, data.data + 16 * whole, rest);
    }
    if (rest < 16) {
        last[rest] = 0x80;
    }
    for (unsigned i = 0; i < 16; i++) {
        last[i] ^= subkey[i];
    }
    br_aes_ct64_cbcenc_run(&aes, iv, last, sizeof last);
    __builtin_memcpy(ret, last, sizeof last);
    secure_zero(&aes, sizeof aes);
    secure_zero(subkey, sizeof subkey);
}

void crypto_hmac_sha256(struct bytes key, struct bytes data, uint8_t ret[SHA256_SIZE])
{
    br_hmac_key_context k;
    br_hmac_context c;
    br_hmac_key_init(&k, &br_sha256_vtable, key.data, key.size);
    br_hmac_init(&c, &k, 0);
    br_hmac_update(&c, data.data, data.size);
    br_hmac_out(&c, ret);
    secure_zero(&k, sizeof k);
    secure_zero(&c, sizeof c);
}

void crypto_hkdf_sha256(struct bytes salt, struct bytes key, struct bytes info, void *ret,
                        size_t size)
{
    br_hkdf_context c;
    REQUIRE(size <= 255 * SHA256_SIZE);
    br_hkdf_init(&c, &br_sha256_vtable, salt.data, salt.size);
    br_hkdf_inject(&c, key.data, key.size);
    br_hkdf_flip(&c);
    (void)br_hkdf_produce(&c, info.data, info.size, ret, size);
    secure_zero(&c, sizeof c);
}
