/* SPDX-License-Identifier: Apache-2.0 */
/* AES-128-CMAC (RFC 4493; SP 800-38B), by the processor's instructions where it has them: the
 * crypto library takes 0.7 ms for its first, which every enclave would wait for at its first
 * EREPORT. Trust: keys are the machine's; the message may be an enclave's. CT: no table, no branch
 * on key or message but on the message's length. */
#include "soft/microcode.h"

#include <errno.h>
#include <immintrin.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#define BLOCK  16u
#define ROUNDS 10
#define AES    __attribute__((target("aes,sse2")))

struct schedule {
    __m128i round[ROUNDS + 1];
};

/* FIPS 197 section 5.2; constant: the round's, already mixed into `help` by aeskeygenassist. */
AES static __m128i next_round_key(__m128i key, __m128i help)
{
    help = _mm_shuffle_epi32(help, 0xff);
    key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
    key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
    key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
    return _mm_xor_si128(key, help);
}

/* The instruction takes its constant as an immediate. */
#define NEXT(s, i, constant)                                                                       \
    (s)->round[i] = next_round_key((s)->round[(i)-1],                                              \
                                   _mm_aeskeygenassist_si128((s)->round[(i)-1], (constant)))

AES static void expand(struct schedule *s, const uint8_t key[BLOCK])
{
    s->round[0] = _mm_loadu_si128((const __m128i *)(const void *)key);
    NEXT(s, 1, 0x01);
    NEXT(s, 2, 0x02);
    NEXT(s, 3, 0x04);
    NEXT(s, 4, 0x08);
    NEXT(s, 5, 0x10);
    NEXT(s, 6, 0x20);
    NEXT(s, 7, 0x40);
    NEXT(s, 8, 0x80);
    NEXT(s, 9, 0x1b);
    NEXT(s, 10, 0x36);
}

AES static __m128i encrypt(const struct schedule *s, __m128i block)
{
    block = _mm_xor_si128(block, s->round[0]);
    for (int i = 1; i < ROUNDS; i++) {
        block = _mm_aesenc_si128(block, s->round[i]);
    }
    return _mm_aesenclast_si128(block, s->round[ROUNDS]);
}

/* RFC 4493 section 2.3: times x in GF(2^128). */
static void doubled(uint8_t value[BLOCK])
{
    uint8_t carry = (uint8_t)(value[0] >> 7);
    for (unsigned i = 0; i + 1 < BLOCK; i++) {
        value[i] = (uint8_t)(value[i] << 1 | value[i + 1] >> 7);
    }
    value[BLOCK - 1] = (uint8_t)(value[BLOCK - 1] << 1 ^ (0x87 & -carry));
}

/* RFC 4493 section 2.4. */
AES static void cmac_by_instructions(const uint8_t key[BLOCK], struct bytes message,
                                     uint8_t ret[BLOCK])
{
    struct schedule s;
    uint8_t subkey[BLOCK], last[BLOCK] = {0};
    expand(&s, key);
    _mm_storeu_si128((__m128i *)(void *)subkey, encrypt(&s, _mm_setzero_si128()));
    doubled(subkey); /* K1 */
    __m128i mac = _mm_setzero_si128();
    size_t at = 0;
    for (; message.size - at > BLOCK; at += BLOCK) {
        __m128i block = _mm_loadu_si128((const __m128i *)(const void *)(message.data + at));
        mac = encrypt(&s, _mm_xor_si128(mac, block));
    }
    size_t rest = message.size - at;
    if (rest > 0) {
        memcpy(last, message.data + at, rest);
    }
    if (rest < BLOCK) {
        last[rest] = 0x80;
        doubled(subkey); /* K2 */
    }
    for (unsigned i = 0; i < BLOCK; i++) {
        last[i] ^= subkey[i];
    }
    mac = _mm_xor_si128(mac, _mm_loadu_si128((const __m128i *)(const void *)last));
    _mm_storeu_si128((__m128i *)(void *)ret, encrypt(&s, mac));
    secure_zero(&s, sizeof s);
    secure_zero(subkey, sizeof subkey);
    secure_zero(last, sizeof last);
}

static int cmac_by_library(const uint8_t key[BLOCK], struct bytes message, uint8_t ret[BLOCK])
{
    size_t size = 0;
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
    EVP_MAC_CTX *ctx = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
    char cipher[] = "AES-128-CBC";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0),
        OSSL_PARAM_construct_end(),
    };
    bool ok = ctx != NULL && EVP_MAC_init(ctx, key, BLOCK, params) == 1 &&
              EVP_MAC_update(ctx, message.data, message.size) == 1 &&
              EVP_MAC_final(ctx, ret, &size, BLOCK) == 1 && size == BLOCK;
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);
    return ok ? 0 : -EIO;
}

int mc_cmac(const uint8_t key[16], struct bytes message, uint8_t ret[16])
{
    if (!__builtin_cpu_supports("aes")) {
        return cmac_by_library(key, message, ret);
    }
    cmac_by_instructions(key, message, ret);
    return 0;
}
