/* SPDX-License-Identifier: Apache-2.0 */
/* AES-256-GCM (NIST SP 800-38D) for bulk data: ipsec-mb's assembly, called directly as its hashes
 * are. One kernel, the AES-NI one: every processor with SGX has what it needs, it does 4 KiB at
 * more than 3 GB/s, and the wider ones would add half as much again to an image whose every page
 * is measured at each start (docs/decisions/011-sealed-volumes.md has the numbers).
 *
 * Adversary: none of this sees host memory. CT: time depends on sizes only. */
#include "crypto.h"

/* struct gcm_context_data of ipsec-mb 1.3: state of a message in pieces, scratch for a whole one.
 */
struct gcm_scratch {
    uint8_t state[96];
} __attribute__((aligned(16)));

/* SAFETY: assembly of ipsec-mb 1.3; struct crypto_gcm is its struct gcm_key_data (240 bytes of
 * round keys, 256 bytes of powers of the hash key). The test holds all of them to OpenSSL's
 * results. */
void aes_keyexp_256_enc_sse(const void *key, void *ret_round_keys);
void aes_gcm_precomp_256_sse(struct crypto_gcm *key);
void aes_gcm_enc_256_sse(const struct crypto_gcm *key, struct gcm_scratch *scratch, uint8_t *out,
                         const uint8_t *in, uint64_t size, const uint8_t *iv, const uint8_t *aad,
                         uint64_t aad_size, uint8_t *tag, uint64_t tag_size);
void aes_gcm_dec_256_sse(const struct crypto_gcm *key, struct gcm_scratch *scratch, uint8_t *out,
                         const uint8_t *in, uint64_t size, const uint8_t *iv, const uint8_t *aad,
                         uint64_t aad_size, uint8_t *tag, uint64_t tag_size);

/* The archive is built to notice NULL arguments and says so here; nobody reads it. */
int imb_errno __attribute__((visibility("hidden")));
const int imb_errno_types[64] __attribute__((visibility("hidden")));

void crypto_gcm_key(struct crypto_gcm *ret, const uint8_t key[32])
{
    __builtin_memset(ret, 0, sizeof *ret);
    aes_keyexp_256_enc_sse(key, ret->opaque);
    aes_gcm_precomp_256_sse(ret);
}

/* The assembly wants pointers even to nothing. */
static const uint8_t nothing[16];

void crypto_gcm_seal(const struct crypto_gcm *key, const uint8_t nonce[GCM_NONCE], struct bytes aad,
                     struct bytes in, void *out, uint8_t ret_tag[GCM_TAG])
{
    struct gcm_scratch scratch;
    uint8_t none[16];
    aes_gcm_enc_256_sse(key, &scratch, in.size > 0 ? (uint8_t *)out : none,
                        in.size > 0 ? in.data : nothing, in.size, nonce,
                        aad.size > 0 ? aad.data : nothing, aad.size, ret_tag, GCM_TAG);
    secure_zero(&scratch, sizeof scratch);
}

bool crypto_gcm_open(const struct crypto_gcm *key, const uint8_t nonce[GCM_NONCE], struct bytes aad,
                     struct bytes in, void *out, const uint8_t tag[GCM_TAG])
{
    struct gcm_scratch scratch;
    uint8_t none[16], found[GCM_TAG];
    aes_gcm_dec_256_sse(key, &scratch, in.size > 0 ? (uint8_t *)out : none,
                        in.size > 0 ? in.data : nothing, in.size, nonce,
                        aad.size > 0 ? aad.data : nothing, aad.size, found, sizeof found);
    bool good = ct_equal(found, tag, sizeof found);
    if (!good && in.size > 0) {
        secure_zero(out, in.size); /* nobody shall use what was not authenticated */
    }
    secure_zero(&scratch, sizeof scratch);
    return good;
}
