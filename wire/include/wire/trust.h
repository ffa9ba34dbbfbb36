/* SPDX-License-Identifier: Apache-2.0 */
/* Whom to believe: evidence of a service against roots and identities that a policy or a query
 * document names. The same code in phone, custodian and aggregator.
 *
 * Trust: evidence comes from whoever wants to be believed. Roots, identities and the time are the
 * caller's; enclaves have the time from their host, so age is no more than the host says. */
#pragma once

#include "channel/message.h"
#include "channel/service.h"
#include "query/document.h"
#include "wire/records.h"

/* Evidence that was accepted: who speaks, and with what key. Views point into the evidence. */
struct trusted {
    struct query_peer peer;
    uint8_t root[32];                /* SHA-256 of the root's SubjectPublicKeyInfo */
    enum alcove_root_kind root_kind; /* for people: a software machine's protects nothing */
    struct binding binding;
};

/* Verifies an evidence file with a binding under the strict policy and no roots but these: no
 * debug, up to date, not revoked, as of `now`. Whether the caller wants this program it goes on to
 * ask: trust_identity() or query_document_accepts(). -EACCES with the reasons in the sentence; *ret
 * is then zero. cache may be NULL. Needs 256 KiB of stack and 64 KiB more. */
int trust_service(struct bytes evidence, const struct wire_hash *roots, size_t root_count,
                  struct alcove_cache *cache, const struct binding_expectation *expected,
                  int64_t now, struct trusted *ret, struct diag *d) MUST_USE;

/* Is it one of these programs, with this manifest? */
bool trust_identity(const struct wire_identity *list, size_t count,
                    const struct query_peer *peer) MUST_USE;
bool trust_hash(const struct wire_hash *list, size_t count, const uint8_t value[32]) MUST_USE;

/* What an aggregator's evidence binds besides its keys: the query's id and the log's tree that the
 * query was found in. Contributions are sealed with the query's id alone as their context. */
#define AGGREGATOR_CONTEXT_SIZE 72u /* id, size (8 bytes, big endian), root */
void aggregator_context(const struct query_hash *query, const struct query_log_tree *tree,
                        uint8_t ret[AGGREGATOR_CONTEXT_SIZE]);
/* -EINVAL unless it is one, for this query. */
int aggregator_context_read(struct bytes context, const struct query_hash *query,
                            struct query_log_tree *ret, struct diag *d) MUST_USE;

/* How old the evidence of a service may be that was not asked with a nonce: custodians make theirs
 * when they start, aggregators when their query begins. */
#define TRUST_AGE_MAX_S (7u * 24 * 3600)
#define TRUST_SKEW_S    300u
