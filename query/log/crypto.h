/* SPDX-License-Identifier: Apache-2.0 */
/* The one door of documents and log to the crypto library. False: it failed, or the signature or
 * the key is bad. The error queue of the thread is left as it was. */
#pragma once

#include "query/signed.h"

/* SHA-256 over parts, one after the other. */
bool record_sha256(const struct bytes *parts, size_t count, struct query_hash *ret) MUST_USE;
bool record_key_valid(const uint8_t point[QUERY_KEY_SIZE]) MUST_USE;
bool record_public(const uint8_t scalar[32], uint8_t ret_point[QUERY_KEY_SIZE]) MUST_USE;
bool record_verify(const uint8_t point[QUERY_KEY_SIZE], const uint8_t digest[32],
                   const uint8_t signature[QUERY_SIGNATURE_SIZE]) MUST_USE;
bool record_sign(const struct query_secret_key *key, const uint8_t digest[32],
                 uint8_t ret[QUERY_SIGNATURE_SIZE]) MUST_USE;
