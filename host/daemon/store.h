/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon must not forget, in SQLite: custodians, the log's leaves, queries, and requests
 * that were seen. What a function here has stored survives a kill at any moment, and a power
 * failure where it does not say otherwise.
 *
 * Any thread; transactions of one thread keep the others waiting.
 *
 * Trust: the state folder is the operator's. Nothing in it is secret, but the log's key. */
#pragma once

#include "query/log.h"
#include "wire/records.h"

#define STORE_VERSION     1
#define STORE_PROGRAM_MAX 48u /* as a leaf's name */

struct store;

/* DIR/alcoved.sqlite, made if it is not there. -EPROTONOSUPPORT for a newer version's. */
int store_open(const char *dir, struct store **ret, struct diag *d) MUST_USE;
void store_close(struct store *s);

/* All that happens between the two is stored together or not at all. Not nested. -EIO when it could
 * not be stored. */
int store_begin(struct store *s, struct diag *d) MUST_USE;
int store_commit(struct store *s, struct diag *d) MUST_USE;
void store_rollback(struct store *s);

/* ---- the log --------------------------------------------------------------------------------- */
typedef int store_leaf_row(void *context, uint64_t position, const struct query_hash *hash);
/* All of them, in order. Stops at what the function returns if that is not 0. */
int store_leaves(struct store *s, store_leaf_row *row, void *context, struct diag *d) MUST_USE;
int store_add_leaf(struct store *s, uint64_t position, const struct query_hash *hash,
                   struct bytes leaf, struct diag *d) MUST_USE;
/* -ENOENT. *ret_size of QUERY_LOG_LEAF_MAX bytes. */
int store_leaf_at(struct store *s, uint64_t position, uint8_t ret[QUERY_LOG_LEAF_MAX],
                  size_t *ret_size, struct diag *d) MUST_USE;
int store_leaf_position(struct store *s, const struct query_hash *hash, uint64_t *ret,
                        struct diag *d) MUST_USE; /* -ENOENT */
/* Of the newest head that was signed; 0: none. A power failure may take the last seconds back. */
int store_head_time(struct store *s, uint64_t *ret, struct diag *d) MUST_USE;
int store_set_head_time(struct store *s, uint64_t time, struct diag *d) MUST_USE;

/* ---- custodians ------------------------------------------------------------------------------ */
struct store_custodian {
    uint8_t id[32];
    struct query_key owner;
    char program[STORE_PROGRAM_MAX + 1];
    bool deleting;       /* the volume is to be removed, then the row */
    uint64_t held, sent; /* the log's head that it holds has one of these sizes */
};
typedef int store_custodian_row(void *context, const struct store_custodian *custodian);
int store_custodians(struct store *s, store_custodian_row *row, void *context,
                     struct diag *d) MUST_USE;
int store_add_custodian(struct store *s, const struct store_custodian *c, struct diag *d) MUST_USE;
int store_set_program(struct store *s, const uint8_t id[32], const char *program,
                      struct diag *d) MUST_USE;
/* A power failure may take the last ones back. */
int store_set_held(struct store *s, const uint8_t id[32], uint64_t held, uint64_t sent,
                   struct diag *d) MUST_USE;
int store_set_deleting(struct store *s, const uint8_t id[32], struct diag *d) MUST_USE;
int store_remove_custodian(struct store *s, const uint8_t id[32], struct diag *d) MUST_USE;

/* ---- queries --------------------------------------------------------------------------------- */
struct store_query {
    struct query_hash analyst;
    uint64_t position; /* of the leaf */
    struct wire_progress progress;
    char sentence[WIRE_SENTENCE_MAX + 1]; /* progress.sentence points here */
};
int store_add_query(struct store *s, const struct query_hash *id, const struct query_hash *analyst,
                    struct bytes document, uint64_t position, struct diag *d) MUST_USE;
int store_query(struct store *s, const struct query_hash *id, struct store_query *ret,
                struct diag *d) MUST_USE; /* -ENOENT */
/* malloc'ed. -ENOENT. */
int store_document(struct store *s, const struct query_hash *id, struct bytes *ret,
                   struct diag *d) MUST_USE;
int store_set_progress(struct store *s, const struct query_hash *id, const struct wire_progress *p,
                       struct diag *d) MUST_USE;
/* The record `outcome`, as it is answered from then on. */
int store_set_outcome(struct store *s, const struct query_hash *id, const struct wire_progress *p,
                      struct bytes outcome, struct diag *d) MUST_USE;
int store_outcome(struct store *s, const struct query_hash *id, struct bytes *ret,
                  struct diag *d) MUST_USE; /* malloc'ed; -ENOENT */
/* Queries that were under way when the daemon ended have failed; *ret_count of them. */
int store_fail_unfinished(struct store *s, const char *sentence, uint64_t *ret_count,
                          struct diag *d) MUST_USE;

/* ---- requests -------------------------------------------------------------------------------- */
/* Notes a request. -EEXIST: it was seen before. A power failure may take the last ones back. */
int store_see(struct store *s, const struct query_hash *key, const uint8_t mark[32], uint64_t time,
              struct diag *d) MUST_USE;
/* Forgets requests from before that time, which nobody would take any more. */
int store_forget_seen(struct store *s, uint64_t before, struct diag *d) MUST_USE;
