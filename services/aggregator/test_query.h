/* SPDX-License-Identifier: Apache-2.0 */
/* For tests, benchmarks and fuzzing: a query in a log, and what custodians answer to it, in which
 * everything can be wrong. */
#pragma once

#include "test_kit.h"
#include "wire/trust.h"

#define TEST_LOG_LEAVES 5u
#define TEST_LOG_INDEX  2u /* of the query */

struct test_query {
    struct query_document doc;
    uint8_t text[QUERY_DOCUMENT_MAX];
    size_t size;
    struct query_hash id;
    /* The log, its key, and what shows that the query is in it. */
    struct query_secret_key log_key;
    struct query_log_tree tree;
    uint8_t head[QUERY_LOG_HEAD_MAX], proof[QUERY_LOG_PROOF_SIZE_MAX];
    size_t head_size, proof_size;
};
/* Three sums, each from -100 to 100, asked of 2 to users_max people; default: 5, 0, -5. Names the
 * root of the custodians' machine, and the two programs. Change ret->doc, then test_query_write().
 */
void test_query_make(struct test_query *ret, const struct test_enclave *custodian,
                     const struct test_enclave *aggregator, uint64_t users_max);
/* Document, id, log. */
void test_query_write(struct test_query *q);
/* The record begin for so many people. */
void test_query_begin(const struct test_query *q, uint64_t users, struct wire_begin *ret);

/* What a custodian answers. */
struct test_contribution {
    struct test_enclave *custodian;
    const struct hpke_private_key *boot; /* that its evidence binds */
    struct hpke_from from;               /* who seals it */
    uint8_t owner[32];
    bool nobodys; /* no owner in the evidence */
    enum binding_purpose purpose;
    int64_t time; /* of the binding */
    struct bytes binding_context;
    bool no_evidence;
    struct bytes evidence; /* instead of a real one; empty: no */
    enum message_kind kind;
    struct query_hash context, query; /* of the message; in the record */
    struct hpke_public_key to;
    const int64_t *vector;
    size_t count;
    struct bytes body; /* instead of a record; empty: no */
};
/* Good, for this query and key, of the owner whose name begins with `person`. */
void test_contribution_make(struct test_contribution *ret, const struct test_query *q,
                            const struct hpke_public_key *to, struct test_enclave *custodian,
                            const struct hpke_private_key *boot, uint64_t person,
                            const int64_t *vector);
/* The sealed message. */
void test_contribution_seal(const struct test_contribution *c, struct service_buffer *ret);
