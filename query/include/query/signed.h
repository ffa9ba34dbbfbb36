/* SPDX-License-Identifier: Apache-2.0 */
/* Signed statements: a lease by the owner's phone, a log's head by its operator, a receipt by the
 * aggregator. All are deterministic CBOR
 *
 *   {"body": bstr, "signature": bstr .size 64}
 *
 * with ECDSA over P-256 and SHA-256 of: the format's name, a zero byte, the body. One scheme for
 * all, and this one because the secure elements of phones have no other
 * (docs/decisions/013-queries-and-log.md). A signature has several valid spellings, so nothing is
 * ever named by its bytes: names are hashes of bodies.
 *
 * Trust: signed bytes come from anybody; keys are the caller's. */
#pragma once

#include "base/diag.h"
#include "query/record_limits.h"

#define QUERY_KEY_SIZE       65u /* an uncompressed point */
#define QUERY_SIGNATURE_SIZE 64u /* r, s, big endian */

struct query_hash {
    uint8_t data[32];
};
bool query_hash_equal(const struct query_hash *a, const struct query_hash *b);
/* SHA-256. -EIO when the crypto library fails. */
int query_hash_of(struct bytes message, struct query_hash *ret) MUST_USE;

struct query_key {
    uint8_t point[QUERY_KEY_SIZE];
};
/* -EINVAL unless it is an uncompressed point on the curve. Trust: point may come from anybody. */
int query_key_read(struct bytes point, struct query_key *ret) MUST_USE;
/* SHA-256 of the point: how others name it. */
int query_key_id(const struct query_key *key, struct query_hash *ret) MUST_USE;

/* Who signs: a phone's secure element, or query_sign_with() below. 0 or -errno. */
struct query_signer {
    int (*sign)(void *context, const uint8_t digest[32], uint8_t ret[QUERY_SIGNATURE_SIZE]);
    void *context;
};
/* A private key in memory, as context of query_sign_with(). */
struct query_secret_key {
    uint8_t scalar[32];
    struct query_key key;
};
/* From 32 bytes big endian; -EINVAL unless in [1, n-1]. CT: as OpenSSL's P-256. */
int query_secret_key_read(struct bytes scalar, struct query_secret_key *ret) MUST_USE;
void query_secret_key_wipe(struct query_secret_key *key);
int query_sign_with(void *secret_key, const uint8_t digest[32], uint8_t ret[QUERY_SIGNATURE_SIZE]);

/* Appends the signed statement. format is its name, which body holds too. -ENOSPC, or what sign()
 * failed with; out is then as before. */
int query_signed_make(const char *format, struct bytes body, const struct query_signer *signer,
                      struct writer *out, struct diag *d) MUST_USE;
/* The body, once the signature is good: -EINVAL for the form, -EBADMSG for the signature. The view
 * points into `statement`. */
int query_signed_open(const char *format, struct bytes statement, size_t max,
                      const struct query_key *key, struct bytes *ret_body, struct diag *d) MUST_USE;
