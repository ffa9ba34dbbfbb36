/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime's hashing calls (rt.h): each puts the workload's vector state aside while library
 * code runs. Saving and restoring costs more than hashing a short message, so it happens once per
 * call, and not at all while an incremental hash only collects bytes. */
#include "crypto.h"
#include "runtime/rt.h"

_Static_assert(sizeof(struct crypto_sha256) <= sizeof(struct rt_sha256_state),
               "the opaque state has room");

void rt_sha256(struct bytes data, uint8_t ret[32])
{
    rt_vector_begin();
    crypto_sha256_hash(data, ret);
    rt_vector_end();
}

void rt_sha512(struct bytes data, uint8_t ret[64])
{
    rt_vector_begin();
    crypto_sha512_hash(data, ret);
    rt_vector_end();
}

void rt_sha256_blocks(const void *const *blocks, size_t count, struct bytes salt,
                      uint8_t (*ret)[32])
{
    rt_vector_begin();
    crypto_sha256_blocks(blocks, count, salt, ret);
    rt_vector_end();
}

/* SAFETY: rt.h shows callers an opaque, aligned and large enough state (asserted above). */
static struct crypto_sha256 *inner(struct rt_sha256_state *s)
{
    return (struct crypto_sha256 *)s->opaque;
}

void rt_sha256_init(struct rt_sha256_state *s)
{
    crypto_sha256_init(inner(s));
}

void rt_sha256_update(struct rt_sha256_state *s, struct bytes data)
{
    if (crypto_sha256_buffers(inner(s), data.size)) {
        crypto_sha256_update(inner(s), data);
        return;
    }
    rt_vector_begin();
    crypto_sha256_update(inner(s), data);
    rt_vector_end();
}

void rt_sha256_final(struct rt_sha256_state *s, uint8_t ret[32])
{
    rt_vector_begin();
    crypto_sha256_final(inner(s), ret);
    rt_vector_end();
}

_Static_assert(sizeof(struct crypto_gcm) == sizeof(struct rt_gcm_key), "one is the other");

/* SAFETY: rt.h shows callers an opaque key of the same size and alignment (asserted above). */
static const struct crypto_gcm *gcm_of(const struct rt_gcm_key *key)
{
    return (const struct crypto_gcm *)key;
}

void rt_gcm_key(struct rt_gcm_key *ret, const uint8_t key[32])
{
    rt_vector_begin();
    crypto_gcm_key((struct crypto_gcm *)ret, key);
    rt_vector_end();
}

void rt_gcm_seal(struct rt_gcm_job *jobs, size_t count)
{
    rt_vector_begin();
    for (size_t i = 0; i < count; i++) {
        struct rt_gcm_job *j = &jobs[i];
        crypto_gcm_seal(gcm_of(j->key), j->nonce, j->aad, BYTES(j->in, j->size), j->out, j->tag);
    }
    rt_vector_end();
}

size_t rt_gcm_open(const struct rt_gcm_job *jobs, size_t count)
{
    size_t i = 0;
    rt_vector_begin();
    while (i < count && crypto_gcm_open(gcm_of(jobs[i].key), jobs[i].nonce, jobs[i].aad,
                                        BYTES(jobs[i].in, jobs[i].size), jobs[i].out, jobs[i].tag)) {
        i++;
    }
    rt_vector_end();
    return i;
}

void rt_aes_cmac(const uint8_t key[16], struct bytes data, uint8_t ret[16])
{
    rt_vector_begin();
    crypto_aes_cmac(key, data, ret);
    rt_vector_end();
}

void rt_hkdf_sha256(struct bytes salt, struct bytes key, struct bytes info, void *ret, size_t size)
{
    rt_vector_begin();
    crypto_hkdf_sha256(salt, key, info, ret, size);
    rt_vector_end();
}
