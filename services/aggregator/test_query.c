/* SPDX-License-Identifier: Apache-2.0 */
#include "test_query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void test_query_make(struct test_query *ret, const struct test_enclave *custodian,
                     const struct test_enclave *aggregator, uint64_t users_max)
{
    static const char *const names[] = {"walk", "bike", "car"};
    struct query_document *doc = &ret->doc;
    memset(ret, 0, sizeof *ret);
    static const uint8_t scalar[32] = {7};
    REQUIRE(query_secret_key_read(BYTES_OF(scalar), &ret->log_key) == 0);
    doc->question = BYTES_STR("How do people travel?");
    doc->function = BYTES_STR("trips");
    doc->nonce[0] = 1;
    doc->bundle[5] = 7;
    doc->root_count = doc->custodian_count = doc->worker_count = doc->aggregator_count = 1;
    memcpy(doc->roots[0], custodian->machine->output.root.spki_sha256, 32);
    memcpy(doc->custodians[0].program.measurement, custodian->mrenclave, 32);
    test_enclave_configid(custodian, doc->custodians[0].configid);
    memcpy(doc->aggregators[0].program.measurement, aggregator->mrenclave, 32);
    test_enclave_configid(aggregator, doc->aggregators[0].configid);
    doc->first_day = 20730;
    doc->last_day = 20736;
    doc->deadline = 1800000000;
    doc->run_ms = 10000;
    doc->users_min = 2;
    doc->users_max = users_max;
    doc->cost = 1000000;
    doc->noise = DP_GAUSSIAN;
    doc->schema = (struct query_schema){.aggregate = QUERY_SUM, .entry_count = 3};
    for (uint32_t i = 0; i < 3; i++) {
        doc->labels[i] = (struct query_label){BYTES(names[i], strlen(names[i])), BYTES_STR("km")};
        doc->entries[i] = (struct query_entry){-100, 100, 5 - 5 * (int64_t)i};
    }
    test_query_write(ret);
}

void test_query_write(struct test_query *q)
{
    struct query_hash leaves[TEST_LOG_LEAVES] = {{{1}}, {{2}}, {{3}}, {{4}}, {{5}}};
    struct query_signer signer = {query_sign_with, &q->log_key};
    struct writer w = writer_of(q->text, sizeof q->text);
    struct diag d = {""};
    int err = query_document_encode(&q->doc, &w, &d);
    if (err != 0) {
        fprintf(stderr, "%s\n", d.text);
        abort();
    }
    q->size = w.size;
    REQUIRE(query_document_id(BYTES(q->text, q->size), &q->id) == 0);
    uint8_t text[QUERY_LOG_LEAF_MAX];
    const struct query_log_leaf leaf = {
        .kind = QUERY_LOG_QUERY, .query = q->id, .analyst = q->doc.analyst};
    w = writer_of(text, sizeof text);
    REQUIRE(query_log_leaf_encode(&leaf, &w, NULL) == 0 &&
            query_log_leaf_hash(BYTES(text, w.size), &leaves[TEST_LOG_INDEX]) == 0);
    struct query_log_head head = {.time = 1790000000};
    struct query_log_proof proof;
    REQUIRE(query_log_tree_of(leaves, TEST_LOG_LEAVES, &head.tree) == 0 &&
            query_key_id(&q->log_key.key, &head.log) == 0 &&
            query_log_prove_inclusion(leaves, TEST_LOG_LEAVES, TEST_LOG_INDEX, &proof) == 0);
    q->tree = head.tree;
    w = writer_of(q->head, sizeof q->head);
    REQUIRE(query_log_head_sign(&head, &signer, &w, NULL) == 0);
    q->head_size = w.size;
    w = writer_of(q->proof, sizeof q->proof);
    REQUIRE(query_log_proof_encode(&proof, &w) == 0);
    q->proof_size = w.size;
}

void test_query_begin(const struct test_query *q, uint64_t users, struct wire_begin *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->document = BYTES(q->text, q->size);
    ret->users = users;
    memcpy(ret->log_key, q->log_key.key.point, sizeof ret->log_key);
    ret->head = BYTES(q->head, q->head_size);
    ret->query_index = TEST_LOG_INDEX;
    ret->query_proof = BYTES(q->proof, q->proof_size);
}

void test_contribution_make(struct test_contribution *ret, const struct test_query *q,
                            const struct hpke_public_key *to, struct test_enclave *custodian,
                            const struct hpke_private_key *boot, uint64_t person,
                            const int64_t *vector)
{
    *ret = (struct test_contribution){.custodian = custodian,
                                      .boot = boot,
                                      .from = HPKE_FROM_SELF(boot),
                                      .purpose = BINDING_PURPOSE_CUSTODIAN,
                                      .time = custodian->time - 60,
                                      .kind = MESSAGE_KIND_CONTRIBUTION,
                                      .context = q->id,
                                      .query = q->id,
                                      .to = *to,
                                      .vector = vector,
                                      .count = q->doc.schema.entry_count};
    store_le64(ret->owner, person);
}

static void put_evidence(const struct test_contribution *c, struct service_buffer *ret)
{
    AUTO_SERVICE_BUFFER hello = {0};
    AUTO_SERVICE_BUFFER answer = {0};
    struct service_kit kit = {.env = &c->custodian->env};
    struct binding b = {.purpose = c->purpose,
                        .key = c->boot->public_key,
                        .has_owner = !c->nobodys,
                        .fresh = BINDING_FRESH_TIME,
                        .time = (uint64_t)c->time,
                        .context = c->binding_context};
    int err;
    memcpy(b.owner, c->owner, sizeof b.owner);
    test_hello(c->custodian, &hello);
    REQUIRE(service_take(&kit, service_buffer_bytes(&hello), &answer, &err) == WIRE_RECORDS &&
            err == 0 && kit.ready && service_evidence(&kit, &b, ret, NULL) == 0);
    service_kit_done(&kit);
}

void test_contribution_seal(const struct test_contribution *c, struct service_buffer *ret)
{
    static uint8_t numbers[8 * (QUERY_ENTRIES_MAX + 1)], text[sizeof numbers + 256];
    AUTO_SERVICE_BUFFER evidence = {0};
    uint8_t id[MESSAGE_ID_SIZE];
    struct wire_contribution record;
    struct writer n = writer_of(numbers, sizeof numbers), w = writer_of(text, sizeof text);
    for (size_t i = 0; i < c->count; i++) {
        writer_be(&n, (uint64_t)c->vector[i], 8);
    }
    memcpy(record.query, c->query.data, sizeof record.query);
    record.vector = BYTES(numbers, n.size);
    if (c->body.size == 0) {
        REQUIRE(!n.failed && wire_write_contribution(&record, &w, NULL) == 0);
    }
    if (!c->no_evidence && c->evidence.size == 0) {
        put_evidence(c, &evidence);
    }
    const struct message_draft draft = {
        .kind = c->kind,
        .context_mode = MESSAGE_CONTEXT_VALUE,
        .context = BYTES_OF(c->context.data),
        .to = &c->to,
        .from = c->from,
        .aead = HPKE_SUITE_DEFAULT.aead,
        .evidence = c->evidence.size > 0 ? c->evidence : service_buffer_bytes(&evidence),
        .body = c->body.size > 0 ? c->body : BYTES(text, w.size)};
    service_buffer_reset(ret);
    REQUIRE(service_buffer_reserve(ret, WIRE_CONTRIBUTION_MAX) == 0);
    struct writer out = writer_of(ret->data, ret->capacity);
    struct diag d = {""};
    if (message_seal(&draft, &out, id, &d) != 0) {
        fprintf(stderr, "%s\n", d.text);
        abort();
    }
    ret->size = out.size;
}
