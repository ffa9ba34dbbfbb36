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
