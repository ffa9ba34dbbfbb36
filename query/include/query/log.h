/* SPDX-License-Identifier: Apache-2.0 */
/* The log of identities, queries and releases: a Merkle tree as in RFC 9162 section 2.1 (and RFC
 * 6962), with SHA-256. Its operator signs heads; custodians and phones hold one and refuse what is
 * no extension of it. docs/formats/log.md has leaves, heads and proofs as CDDL.
 *
 * Functions over bytes; they allocate nothing and need time bounded by QUERY_LOG_PATH_MAX hashes,
 * except those that make proofs, which read all leaf hashes.
 *
 * Trust: leaves, heads and proofs come from anybody; keys and the held head are the caller's. */
#pragma once

#include "query/signed.h"

/* ---- Leaves ---------------------------------------------------------------------------------- */

enum query_log_kind {
    QUERY_LOG_NONE = 0,
    QUERY_LOG_IDENTITY, /* a program that may speak for a role */
    QUERY_LOG_QUERY,    /* a query that may be asked */
    QUERY_LOG_RELEASE,  /* a result that was released */
};
enum query_role {
    QUERY_ROLE_NONE = 0,
    QUERY_ROLE_CUSTODIAN,
    QUERY_ROLE_WORKER,
    QUERY_ROLE_AGGREGATOR,
    QUERY_ROLES,
};
/* "custodian"; NULL for none and outside the enum. */
const char *query_role_text(enum query_role role);

struct query_log_leaf {
    enum query_log_kind kind;
    /* IDENTITY */
    enum query_role role;
    struct bytes name; /* of the release, for people; borrowed */
    uint8_t mrenclave[32], configid[64];
    /* QUERY, RELEASE */
    struct query_hash query;
    struct query_hash analyst; /* QUERY: SHA-256 of the analyst's key */
    struct query_hash receipt; /* RELEASE: SHA-256 of the receipt's body */
};
/* Strict. 0 or -EINVAL. */
int query_log_leaf_decode(struct bytes cbor, struct query_log_leaf *ret, struct diag *d) MUST_USE;
/* -ENOSPC, or -EINVAL for what decode would refuse. */
int query_log_leaf_encode(const struct query_log_leaf *leaf, struct writer *out,
                          struct diag *d) MUST_USE;
/* SHA-256 of 0x00 and the leaf. -EIO when the crypto library fails, as everywhere here. */
int query_log_leaf_hash(struct bytes leaf, struct query_hash *ret) MUST_USE;

/* ---- Trees and proofs ------------------------------------------------------------------------ */

struct query_log_tree {
    uint64_t size;
    struct query_hash root;
};
/* The tree without leaves: what somebody holds who has seen no head. */
struct query_log_tree query_log_empty(void);

struct query_log_proof {
    uint32_t count;
    struct query_hash path[QUERY_LOG_PATH_MAX];
};
/* An array of byte strings of 32. Strict; -EINVAL. */
int query_log_proof_decode(struct bytes cbor, struct query_log_proof *ret) MUST_USE;
/* -ENOSPC, or -EINVAL for a count that is too large. */
int query_log_proof_encode(const struct query_log_proof *proof, struct writer *out) MUST_USE;

/* The tree over these leaf hashes. -EINVAL above QUERY_LOG_SIZE_MAX. */
int query_log_tree_of(const struct query_hash *leaves, uint64_t count,
                      struct query_log_tree *ret) MUST_USE;
/* RFC 9162 section 2.1.3.1. -EINVAL unless index < count. */
int query_log_prove_inclusion(const struct query_hash *leaves, uint64_t count, uint64_t index,
                              struct query_log_proof *ret) MUST_USE;
/* RFC 9162 section 2.1.4.1. -EINVAL unless old_count <= count; empty for 0 and for count. */
int query_log_prove_consistency(const struct query_hash *leaves, uint64_t count, uint64_t old_count,
                                struct query_log_proof *ret) MUST_USE;

/* Is this leaf hash at that place of the tree (RFC 9162 section 2.1.3.2)? 0, or -EBADMSG. */
int query_log_check_inclusion(const struct query_log_tree *tree, uint64_t index,
                              const struct query_hash *leaf,
                              const struct query_log_proof *proof) MUST_USE;
/* Are all leaves of the old tree the first ones of the new tree (RFC 9162 section 2.1.4.2)? 0, or
 * -EBADMSG. */
int query_log_check_consistency(const struct query_log_tree *old_tree,
                                const struct query_log_tree *new_tree,
                                const struct query_log_proof *proof) MUST_USE;

/* ---- Heads ----------------------------------------------------------------------------------- */

struct query_log_head {
    struct query_log_tree tree;
    uint64_t time;         /* seconds since 1970, as the operator says; never falls */
    struct query_hash log; /* id of the log's key */
};
/* The signed head; the signer's key is the log's. Errors as query_signed_make(); -EINVAL for what
 * is no head. */
int query_log_head_sign(const struct query_log_head *head, const struct query_signer *signer,
                        struct writer *out, struct diag *d) MUST_USE;

enum query_log_reason {
    QUERY_LOG_REASON_NONE = 0,
#define LOG_REASON(name, text, explanation) QUERY_LOG_REASON_##name,
#include "query/log_reasons.def"
#undef LOG_REASON
    QUERY_LOG_REASONS,
};
/* "forked"; NULL for none and outside the enum. */
const char *query_log_reason_text(enum query_log_reason reason);
const char *query_log_reason_explain(enum query_log_reason reason);

/* Puts a newer head in the place of the held one, if the log's key signed it and the proof shows
 * that it extends the held one. 0; or -EACCES with the reason in *ret_reason; or -EIO. The held
 * head is then as before. Who holds none yet starts with a head of the empty tree, time 0, and the
 * log's id. */
int query_log_advance(struct query_log_head *held, const struct query_key *log_key,
                      struct bytes signed_head, struct bytes proof,
                      enum query_log_reason *ret_reason, struct diag *d) MUST_USE;
