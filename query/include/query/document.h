/* SPDX-License-Identifier: Apache-2.0 */
/* The query document: all that a query is, in one deterministic CBOR map. Its SHA-256 is the
 * query's id, which goes into the aggregator's evidence, every contribution, the log and the
 * receipt; so nobody can be shown one query and asked another. docs/formats/query.md has the CDDL.
 *
 * What a query means depends on these bytes alone. Programs are named by measurement, never by
 * address; a worker's bundle is named once, by its CONFIGID, whichever runtime runs it.
 *
 * Functions over bytes: no allocation, no files, no clock. Trust: documents come from anybody. */
#pragma once

#include "query/aggregate.h"
#include "query/log.h"

/* A program: exactly this one, or whatever a signer made of it from a version on. */
struct query_program {
    bool by_signer;
    uint8_t measurement[32]; /* MRENCLAVE, or MRSIGNER */
    uint16_t isvprodid;      /* by_signer only */
    uint16_t min_isvsvn;     /* by_signer only */
};
/* A program with its manifest. */
struct query_identity {
    struct query_program program;
    uint8_t configid[64];
};
struct query_label {
    struct bytes name, unit; /* "walk", "100 m"; borrowed */
};

/* 330 KB: for a static place or the heap. Views borrow from the bytes that were read. */
struct query_document {
    uint8_t nonce[QUERY_NONCE_SIZE]; /* random: the same question asked twice is two queries */
    struct query_hash analyst;       /* SHA-256 of the analyst's key */
    struct bytes question;           /* what people are asked, in words */
    struct bytes function;           /* of the script: [a-z_][a-z0-9_]* */
    uint8_t bundle[64];              /* CONFIGID of every worker: manifest, script, packages */
    uint32_t root_count, custodian_count, worker_count, aggregator_count;
    uint8_t roots[QUERY_ROOTS_MAX][32]; /* of evidence: SHA-256 of their SubjectPublicKeyInfo */
    struct query_identity custodians[QUERY_IDENTITIES_MAX];
    struct query_program workers[QUERY_IDENTITIES_MAX];
    struct query_identity aggregators[QUERY_IDENTITIES_MAX];
    uint64_t first_day, last_day;  /* of the traces, both included; days since 1970-01-01 */
    uint64_t deadline;             /* seconds since 1970 by the log's time */
    uint64_t run_ms;               /* after that a script is ended: default vector */
    uint64_t users_min, users_max; /* who is asked: fewer is no release, more are not asked */
    uint64_t cost;                 /* micro-rho that is offered for each person */
    enum dp_kind noise;
    struct query_schema schema; /* its entries pointer is NULL: query_document_schema() */
    struct query_entry entries[QUERY_ENTRIES_MAX];
    struct query_label labels[QUERY_ENTRIES_MAX];
};

/* Strict: members that are unknown, missing, unsorted or of another type, numbers out of range,
 * lists that are not sorted sets, questions that have no plan, trailing bytes. 0 or -EINVAL
 * (-ERANGE from the plan); *ret is then zero. */
int query_document_decode(struct bytes cbor, struct query_document *ret, struct diag *d) MUST_USE;
/* Lists are written sorted, so that their order in *doc does not matter. -ENOSPC; or what decode
 * would refuse. */
int query_document_encode(const struct query_document *doc, struct writer *out,
                          struct diag *d) MUST_USE;
/* The query's id: SHA-256 of the document's bytes. */
int query_document_id(struct bytes cbor, struct query_hash *ret) MUST_USE;

/* Points into *doc. */
struct query_schema query_document_schema(const struct query_document *doc);
/* The plan for so many people; users_min <= users <= users_max, else -ERANGE. Its cost, at most the
 * document's, is what each lease is charged. */
int query_document_plan(const struct query_document *doc, uint64_t users,
                        struct query_plan *ret_plan, struct diag *d) MUST_USE;

/* What verified evidence says about an enclave. */
struct query_peer {
    uint8_t mrenclave[32], mrsigner[32], configid[64];
    uint16_t isvprodid, isvsvn;
};
/* Does the document name this enclave for this role? */
bool query_document_accepts(const struct query_document *doc, enum query_role role,
                            const struct query_peer *peer) MUST_USE;
bool query_document_accepts_root(const struct query_document *doc,
                                 const uint8_t spki_sha256[32]) MUST_USE;
