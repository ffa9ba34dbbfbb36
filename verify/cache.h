/* SPDX-License-Identifier: Apache-2.0 */
/* What an alcove_cache remembers: results of pure functions, each under everything that it is a
 * function of, so that whatever is asked gets the answer that computing it again would give
 * (docs/decisions/007). That are names of signatures that were found good, a name being a SHA-256
 * over key, scheme, digest and signature; and what signed documents say, under their exact text.
 * Besides, it keeps the crypto library's key objects from one call to the next.
 *
 * Thread rule: any thread at any time. CT: not needed, nothing here is secret.
 * Trust: all is made of what the other side sent. With good signatures of its own it can push out
 * others', which costs time and nothing else. */
#pragma once

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "verify/verify.h"

#define CACHE_NAME_SIZE 32u

/* None of these takes NULL for the cache. */
bool cache_has(struct alcove_cache *cache, const uint8_t name[CACHE_NAME_SIZE]) MUST_USE;
void cache_add(struct alcove_cache *cache, const uint8_t name[CACHE_NAME_SIZE]);

enum cache_kind { CACHE_TCB_INFO = 1, CACHE_QE_IDENTITY };
/* Copies what is kept for exactly this text, `size` bytes. *ret_origin: where the text was that
 * views in it point into. */
bool cache_find(struct alcove_cache *cache, enum cache_kind kind, struct bytes text, void *ret,
                size_t size, uintptr_t *ret_origin) MUST_USE;
/* Keeps it, if the text is not too long. At most CACHE_VALUE_MAX bytes, the same number for each
 * kind. */
void cache_keep(struct alcove_cache *cache, enum cache_kind kind, struct bytes text,
                const void *value, size_t size);

/* Into a crypto that was entered, and back before it is left. */
void cache_lend_keys(struct alcove_cache *cache, struct crypto *x);
void cache_take_keys(struct alcove_cache *cache, struct crypto *x);
