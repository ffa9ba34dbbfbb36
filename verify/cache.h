/* SPDX-License-Identifier: Apache-2.0 */
/* What an alcove_cache remembers: names of signatures that were found good. A name is a SHA-256
 * over key, scheme, digest and signature, so that it stands for one pure function's one result;
 * whatever is asked about it gets the answer that computing it again would give
 * (docs/decisions/007).
 *
 * Thread rule: any thread at any time. CT: not needed, nothing here is secret.
 * Trust: names are made of what the other side sent. It can make room for its own good signatures
 * by pushing out others, which costs time and nothing else. */
#pragma once

#include "base/bytes.h"
#include "verify/verify.h"

#define CACHE_NAME_SIZE 32u

/* Neither takes NULL. */
bool cache_has(struct alcove_cache *cache, const uint8_t name[CACHE_NAME_SIZE]) MUST_USE;
void cache_add(struct alcove_cache *cache, const uint8_t name[CACHE_NAME_SIZE]);
