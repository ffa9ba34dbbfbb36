/* SPDX-License-Identifier: Apache-2.0 */
/* Tools of the families (check.h): signatures, and what was found out about them before.
 *
 * The adversary chooses key, scheme, message and signature. A remembered answer must be the answer
 * to this very question, so all of it goes into the name, each part with its size. */
#include "check.h"
#include "cache.h"
#include "verify/limits.h"

bool check_root_named(const struct check *c, const uint8_t spki_sha256[32])
{
    const struct alcove_policy *p = c->policy;
    for (size_t i = 0; i < p->root_count; i++) {
        if (__builtin_memcmp(p->roots[i].spki_sha256, spki_sha256, 32) == 0) {
            return true;
        }
    }
    return false;
}

/* SHA-256 of everything that crypto_verify_digest() is a function of. */
static bool name_of(const struct public_key *key, const struct signature *signature,
                    const struct digest *digest, uint8_t ret[CACHE_NAME_SIZE])
{
    const struct bytes parts[] = {key->point, key->modulus, key->exponent, signature->value,
                                  BYTES(digest->data, digest->size)};
    uint8_t text[2 + ARRAY_SIZE(parts) * 4 + 2 * RSA_BYTES_MAX + 128];
    struct writer w = writer_of(text, sizeof text);
    writer_be(&w, (uint64_t)signature->scheme, 1);
    writer_be(&w, (uint64_t)key->kind, 1);
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        writer_be(&w, parts[i].size, 4);
        writer_put(&w, parts[i]);
    }
    return !w.failed && crypto_sha256(BYTES(text, w.size), ret);
}

static bool known(struct check *c, const uint8_t name[CACHE_NAME_SIZE])
{
    const struct crypto *x = &c->crypto;
    for (size_t i = 0; i < ARRAY_SIZE(x->good) && i < x->good_count; i++) {
        if (__builtin_memcmp(x->good[i], name, CACHE_NAME_SIZE) == 0) {
            return true;
        }
    }
    return c->cache != NULL && cache_has(c->cache, name);
}

static void remember(struct check *c, const uint8_t name[CACHE_NAME_SIZE])
{
    struct crypto *x = &c->crypto;
    __builtin_memcpy(x->good[x->good_count++ % ARRAY_SIZE(x->good)], name, CACHE_NAME_SIZE);
    if (c->cache != NULL) {
        cache_add(c->cache, name);
    }
}

bool check_signature(struct check *c, const struct public_key *key,
                     const struct signature *signature, struct bytes message)
{
    struct digest digest;
    return crypto_digest(signature->scheme, message, &digest) &&
           check_digest(c, key, signature, &digest);
}

bool check_digest(struct check *c, const struct public_key *key, const struct signature *signature,
                  const struct digest *digest)
{
    uint8_t name[CACHE_NAME_SIZE];
    bool named = name_of(key, signature, digest, name);
    if (named && known(c, name)) {
        return true;
    }
    bool good = crypto_verify_digest(&c->crypto, key, signature, digest);
    if (good && named) {
        remember(c, name);
    }
    return good;
}
