/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes, by the first: as a record to an aggregator that waits for its query or asks already;
 * as a body or as evidence of a contribution that is sealed to its key. It always answers with a
 * record, counts only what has the query's id and size, and releases nothing. */
#include "aggregator.h"
#include "test_query.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Plans read how wide a table's noise is; no entry is read, since nothing is released. */
const struct dp_table dp_tables[] = {
#define DP_TABLE(family, num, den) {.kind = DP_##family, .scale_num = (num), .scale_den = (den)},
#include "query/noise_tables.def"
#undef DP_TABLE
};
const size_t dp_table_count = ARRAY_SIZE(dp_tables);

static struct test_machine machine;
static struct test_enclave own, custodian;
static struct test_query query;
static struct hpke_private_key boot;
static struct aggregator *a; /* asks */
static struct binding binding;
static struct service_buffer answer, sent;
static const int64_t vector[3] = {1, 2, 3};

static int serve(struct aggregator *to, struct bytes record)
{
    int next = aggregator_serve(to, record, &answer);
    if (next < 0 || wire_peek(service_buffer_bytes(&answer)) == WIRE_RECORDS) {
        abort();
    }
    return next;
}

static struct aggregator *fresh(void)
{
    struct aggregator *ret = aggregator_new(&own.env);
    REQUIRE(ret != NULL);
    test_hello(&own, &sent);
    REQUIRE(serve(ret, service_buffer_bytes(&sent)) == SERVICE_GOES_ON);
    return ret;
}

static void prepare(void)
{
    static uint8_t text[WIRE_EVIDENCE_MAX];
    struct wire_begin begin;
    struct wire_evidence reply;
    struct evidence e;
    if (machine.output.quote.size == 0) {
        test_machine_make(&machine);
        test_enclave_make(&own, &machine, "aggregator", 0xa9);
        test_enclave_make(&custodian, &machine, "custodian", 0xcc);
        test_query_make(&query, &custodian, &own, 100);
        REQUIRE(hpke_private_make(HPKE_KEM_X25519, &boot) == 0);
    }
    aggregator_free(a);
    a = fresh();
    test_query_begin(&query, 10, &begin);
    REQUIRE(service_answer(WIRE_begin, &begin, &sent, NULL) == 0 &&
            serve(a, service_buffer_bytes(&sent)) == SERVICE_GOES_ON &&
            wire_read_evidence(service_buffer_bytes(&answer), &reply, NULL) == 0);
    memcpy(text, reply.evidence.data, reply.evidence.size);
    REQUIRE(evidence_decode(BYTES(text, reply.evidence.size), &e, NULL) == 0 &&
            binding_decode(e.claims, &binding, NULL) == 0);
}

static void contribute(const struct test_contribution *c)
{
    static struct service_buffer message;
    struct wire_counted counted;
    test_contribution_seal(c, &message);
    const struct wire_contribute r = {.message = service_buffer_bytes(&message)};
    REQUIRE(service_answer(WIRE_contribute, &r, &sent, NULL) == 0);
    if (serve(a, service_buffer_bytes(&sent)) != SERVICE_GOES_ON ||
        wire_read_counted(service_buffer_bytes(&answer), &counted, NULL) != 0) {
        abort();
    }
    if (counted.counted) {
        struct wire_contribution record;
        if (wire_read_contribution(c->body, &record, NULL) != 0 ||
            memcmp(record.query, query.id.data, sizeof record.query) != 0 ||
            record.vector.size != 24) {
            abort();
        }
        prepare(); /* this owner is counted now */
    }
}

/* The query's id is another one in each process, since the forged root is. */
static struct bytes with_id(struct bytes body)
{
    static uint8_t text[60000];
    struct wire_contribution record;
    struct writer w = writer_of(text, sizeof text);
    if (wire_read_contribution(body, &record, NULL) != 0) {
        return body;
    }
    memcpy(record.query, query.id.data, sizeof record.query);
    REQUIRE(wire_write_contribution(&record, &w, NULL) == 0);
    return BYTES(w.data, w.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { WAITING, ASKING, BODY, EVIDENCE, MODES };
    struct test_contribution c;
    if (size < 2 || size > 60000) {
        return 0;
    }
    if (a == NULL) {
        prepare();
    }
    struct bytes input = BYTES(data + 1, size - 1);
    test_contribution_make(&c, &query, &binding.key, &custodian, &boot, 1, vector);
    switch (data[0] % MODES) {
    case WAITING: {
        struct aggregator *waiting = fresh();
        (void)serve(waiting, input);
        aggregator_free(waiting);
        break;
    }
    case ASKING:
        if (serve(a, input) == SERVICE_ENDS) {
            if (wire_peek(service_buffer_bytes(&answer)) == WIRE_released) {
                abort();
            }
            prepare();
        }
        break;
    case BODY:
        c.body = data[0] & 0x80 ? with_id(input) : input;
        contribute(&c);
        break;
    case EVIDENCE:
        c.evidence = input;
        contribute(&c);
        break;
    default:
        break;
    }
    return 0;
}
