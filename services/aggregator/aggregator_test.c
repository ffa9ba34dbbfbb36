/* SPDX-License-Identifier: Apache-2.0 */
/* The aggregator between a host that tries everything and custodians that are forged: what counts,
 * what does not and why, and what comes out. */
#include "state.h"
#include "test_query.h"

#include "query/receipt.h"
#include "tests/tap.h"

#include <errno.h>
#include <string.h>

enum { PEOPLE = 6 };

static struct test_machine machine, other_machine;
static struct test_enclave own, custodian;
static struct test_query query;
static struct hpke_private_key boots[PEOPLE];
static const int64_t vectors[PEOPLE][3] = {{1, 2, 3},    {10, 20, 30}, {-100, 0, 100},
                                           {99, -99, 7}, {0, 0, 0},    {-7, 8, -9}};

static struct aggregator *a;
static struct service_buffer answer, message;
static struct trusted aggregator_says;
static uint8_t evidence_text[WIRE_EVIDENCE_MAX];
static int next; /* what the last record made the service do */

/* ---- talking to it --------------------------------------------------------------------------- */

static struct bytes ask(enum wire_record which, const void *record)
{
    static struct service_buffer sent;
    REQUIRE(service_answer(which, record, &sent, NULL) == 0);
    next = aggregator_serve(a, service_buffer_bytes(&sent), &answer);
    return service_buffer_bytes(&answer);
}

static struct wire_refused refusal;

/* The answer is a refusal with this code, and with a sentence. */
static bool refused(struct bytes reply, enum wire_code code)
{
    bool yes = next >= 0 && wire_read_refused(reply, &refusal, NULL) == 0 && refusal.code == code &&
               refusal.sentence.size > 0;
    if (!yes) {
        printf("# not the wanted refusal: %.*s\n", (int)refusal.sentence.size,
               (const char *)refusal.sentence.data);
    }
    return yes;
}

static void start(void)
{
    struct service_buffer hello = {0};
    aggregator_free(a);
    a = aggregator_new(&own.env);
    REQUIRE(a != NULL);
    test_hello(&own, &hello);
    next = aggregator_serve(a, service_buffer_bytes(&hello), &answer);
    struct wire_done done;
    REQUIRE(next == 0 && wire_read_done(service_buffer_bytes(&answer), &done, NULL) == 0);
    service_buffer_done(&hello);
}

static struct bytes begin(uint64_t users)
{
    struct wire_begin r;
    test_query_begin(&query, users, &r);
    return ask(WIRE_begin, &r);
}

/* Believes the evidence as a custodian does. */
static bool believed(struct bytes reply)
{
    struct wire_evidence r;
    struct wire_hash root;
    uint8_t context[AGGREGATOR_CONTEXT_SIZE];
    struct diag d = {""};
    aggregator_context(&query.id, &query.tree, context);
    const struct binding_expectation expected = {
        .purpose = BINDING_PURPOSE_AGGREGATOR,
        .owner_mode = BINDING_OWNER_NONE,
        .fresh_mode = BINDING_EXPECT_AGE,
        .max_age_s = TRUST_AGE_MAX_S,
        .clock_skew_s = TRUST_SKEW_S,
        .context = {.mode = ALCOVE_EXPECT_VALUE, .value = {context, sizeof context}}};
    memcpy(root.value, machine.output.root.spki_sha256, sizeof root.value);
    if (next != 0 || wire_read_evidence(reply, &r, NULL) != 0) {
        return false;
    }
    memcpy(evidence_text, r.evidence.data, r.evidence.size);
    int err = trust_service(BYTES(evidence_text, r.evidence.size), &root, 1, NULL, &expected,
                            own.time + 1, &aggregator_says, &d);
    if (err != 0) {
        printf("# %s\n", d.text);
    }
    return err == 0 &&
           query_document_accepts(&query.doc, QUERY_ROLE_AGGREGATOR, &aggregator_says.peer);
}

static struct wire_counted counted;

static void started(uint64_t users)
{
    start();
    bool good = believed(begin(users));
    REQUIRE(good);
    memset(&counted, 0, sizeof counted);
}

static bool contribute_bytes(struct bytes sealed)
{
    const struct wire_contribute r = {.message = sealed};
    struct bytes reply = ask(WIRE_contribute, &r);
    REQUIRE(next == 0 && wire_read_counted(reply, &counted, NULL) == 0);
    return counted.counted;
}

static struct test_contribution good_one(unsigned person)
{
    struct test_contribution c;
    test_contribution_make(&c, &query, &aggregator_says.binding.key, &custodian, &boots[person],
                           person + 1, vectors[person]);
    return c;
}

static bool contribute(const struct test_contribution *c)
{
    test_contribution_seal(c, &message);
    return contribute_bytes(service_buffer_bytes(&message));
}

static bool contribute_person(unsigned person)
{
    struct test_contribution c = good_one(person);
    return contribute(&c);
}

/* Not counted, and the sentence says so in these words. */
static bool declined(const struct test_contribution *c, const char *words)
{
    uint64_t before = counted.answered;
    bool yes = !contribute(c) && counted.answered == before &&
               memmem(counted.sentence.data, counted.sentence.size, words, strlen(words)) != NULL;
    printf("# %.*s\n", (int)counted.sentence.size, (const char *)counted.sentence.data);
    return yes;
}

static struct bytes finish(void)
{
    struct wire_finish r;
    memset(&r, 0, sizeof r);
    return ask(WIRE_finish, &r);
}

static struct receipt receipt;

/* The receipt holds, for whoever has the evidence and the document. */
static bool released(struct bytes reply)
{
    struct wire_released r;
    struct query_key key;
    struct diag d = {""};
    memcpy(key.point, aggregator_says.binding.signing_key, sizeof key.point);
    bool good = next == SERVICE_ENDS && wire_read_released(reply, &r, NULL) == 0 &&
                receipt_open(r.receipt, &key, &receipt, NULL, &d) == 0 &&
                receipt_check(&receipt, &query.doc, &query.id, &d) == 0;
    if (!good) {
        printf("# %s\n", d.text);
    }
    return good;
}

/* Nothing of the query's secrets is left. */
static bool wiped(void)
{
    static const uint8_t zeros[sizeof a->totals];
    return memcmp(&a->query_key, zeros, sizeof a->query_key) == 0 &&
           memcmp(a->receipt_key.scalar, zeros, sizeof a->receipt_key.scalar) == 0 &&
           memcmp(a->totals, zeros, sizeof a->totals) == 0 &&
           memcmp(a->vector, zeros, sizeof a->vector) == 0 &&
           memcmp(a->plain, zeros,
                  sizeof a->plain < sizeof zeros ? sizeof a->plain : sizeof zeros) == 0 &&
           a->owners.tags == NULL && a->boots.tags == NULL;
}

/* ---- the honest flow ------------------------------------------------------------------------- */

static void test_honest(void)
{
    started(PEOPLE);
    CHECK(memcmp(aggregator_says.peer.mrenclave, own.mrenclave, 32) == 0 &&
              aggregator_says.binding.signing == BINDING_SIGNING_P256 &&
              !aggregator_says.binding.has_owner,
          "its evidence binds a query key, a receipt key, the query and the log's tree");
    unsigned n = 0;
    for (unsigned i = 0; i < PEOPLE - 1; i++) {
        n += contribute_person(i) && counted.answered == i + 1 && counted.sentence.size == 0;
    }
    CHECK(n == PEOPLE - 1, "contributions of custodians that the query names are counted");
    own.zeros = true; /* the middle of every table: no noise */
    CHECK(released(finish()),
          "its receipt is signed by the key in its evidence, and fits the query");
    own.zeros = false;
    int64_t wanted[3] = {5, 0, -5}; /* of the one who did not answer */
    for (unsigned i = 0; i < PEOPLE - 1; i++) {
        for (unsigned k = 0; k < 3; k++) {
            wanted[k] += vectors[i][k];
        }
    }
    CHECK(memcmp(receipt.values, wanted, sizeof wanted) == 0,
          "without noise the result is the exact sum, with the default of who did not answer");
    CHECK(receipt.asked == PEOPLE && receipt.answered == PEOPLE - 1 &&
              receipt.log_index == TEST_LOG_INDEX &&
              query_hash_equal(&receipt.tree.root, &query.tree.root) &&
              memcmp(receipt.mrenclave, own.mrenclave, 32) == 0,
          "the receipt says who was asked, who answered, where the log stood, and who counted");
    CHECK(wiped(), "then keys, sums and names are wiped");
    CHECK(refused(finish(), WIRE_CODE_STATE), "releases the same sums again: refused");
    struct test_contribution late = good_one(PEOPLE - 1);
    test_contribution_seal(&late, &message);
    const struct wire_contribute r = {.message = service_buffer_bytes(&message)};
    CHECK(refused(ask(WIRE_contribute, &r), WIRE_CODE_STATE), "contributes after the end: refused");
    CHECK(refused(begin(PEOPLE), WIRE_CODE_STATE), "begins anew after the end: refused");
}

/* The same random bytes through the sampler are the noise, and other bytes are other noise. */
static void test_noise(void)
{
    int64_t first[3], wanted[3], noise;
    struct query_plan plan;
    REQUIRE(query_document_plan(&query.doc, 2, &plan, NULL) == 0);
    for (unsigned run = 0; run < 2; run++) {
        started(2);
        REQUIRE(contribute_person(0) && contribute_person(1));
        uint64_t state = own.random_state;
        bool good = released(finish());
        own.random_state = state;
        struct dp_random same = {own.env.random, &own};
        for (unsigned k = 0; k < 3; k++) {
            REQUIRE(dp_sample(plan.table, &same, &noise) == 0);
            wanted[k] = vectors[0][k] + vectors[1][k] + noise;
        }
        CHECK(good && memcmp(receipt.values, wanted, sizeof wanted) == 0,
              "noise is drawn from fresh random numbers, at the release");
        if (run == 0) {
            memcpy(first, receipt.values, sizeof first);
        }
    }
    CHECK(memcmp(first, receipt.values, sizeof first) != 0,
          "the same query over the same people, asked again, has other noise");
    CHECK(receipt.cost == plan.cost && receipt.bound95 == plan.bound95,
          "cost and bound are those of the plan for everybody who was asked");
}

/* ---- begin ----------------------------------------------------------------------------------- */

static void test_moments(void)
{
    struct service_buffer hello = {0};
    aggregator_free(a);
    a = aggregator_new(&own.env);
    REQUIRE(a != NULL);
    CHECK(refused(begin(PEOPLE), WIRE_CODE_STATE), "begins before hello: refused");
    test_hello(&custodian, &hello);
    next = aggregator_serve(a, service_buffer_bytes(&hello), &answer);
    CHECK(refused(service_buffer_bytes(&answer), WIRE_CODE_IDENTITY),
          "says hello with another program's manifest: refused");
    service_buffer_done(&hello);

    start();
    struct wire_finish f;
    memset(&f, 0, sizeof f);
    CHECK(refused(ask(WIRE_finish, &f), WIRE_CODE_STATE), "finishes before it began: refused");
    const struct wire_contribute c = {.message = BYTES_STR("x")};
    CHECK(refused(ask(WIRE_contribute, &c), WIRE_CODE_STATE),
          "contributes before it began: refused");
    struct wire_work work;
    memset(&work, 0, sizeof work);
    CHECK(refused(ask(WIRE_work, &work), WIRE_CODE_FORMAT),
          "asks it for a custodian's work: refused");
    next = aggregator_serve(a, BYTES_STR("no record"), &answer);
    CHECK(refused(service_buffer_bytes(&answer), WIRE_CODE_FORMAT), "sends no record: refused");
    next = aggregator_serve(a,
                            BYTES_STR("\xa1\x66"
                                      "format\x6e"
                                      "alcove-begin-1"),
                            &answer);
    CHECK(refused(service_buffer_bytes(&answer), WIRE_CODE_FORMAT),
          "begins without saying what: refused");
}

/* The document, the log, and a processor that does not help. */
static void test_begin_refused(void)
{
    struct wire_begin r;
    start();
    CHECK(refused(begin(1), WIRE_CODE_USERS), "asks fewer people than the query wants: refused");
    CHECK(refused(begin(query.doc.users_max + 1), WIRE_CODE_USERS), "asks more people: refused");
    test_query_begin(&query, PEOPLE, &r);
    r.document.size--;
    CHECK(refused(ask(WIRE_begin, &r), WIRE_CODE_DOCUMENT), "cuts the query off: refused");
    query.text[query.size / 2] ^= 1;
    CHECK(!believed(begin(PEOPLE)), "changes the query: refused");
    query.text[query.size / 2] ^= 1;
    test_query_begin(&query, PEOPLE, &r);
    r.query_index++;
    CHECK(refused(ask(WIRE_begin, &r), WIRE_CODE_NOT_LOGGED),
          "says another place in the log: refused");
    query.doc.nonce[3] ^= 1; /* a query that is not in the tree of the head */
    uint8_t head[QUERY_LOG_HEAD_MAX], proof[QUERY_LOG_PROOF_SIZE_MAX];
    struct test_query *other = calloc(1, sizeof *other);
    REQUIRE(other != NULL);
    *other = query;
    test_query_write(other);
    memcpy(head, query.head, sizeof head);
    memcpy(proof, query.proof, sizeof proof);
    test_query_begin(other, PEOPLE, &r);
    r.head = BYTES(head, query.head_size);
    r.query_proof = BYTES(proof, query.proof_size);
    CHECK(refused(ask(WIRE_begin, &r), WIRE_CODE_NOT_LOGGED),
          "runs a query that is not in the log: refused");
    free(other);
    query.doc.nonce[3] ^= 1;
    test_query_begin(&query, PEOPLE, &r);
    query.head[query.head_size - 1] ^= 1;
    CHECK(refused(ask(WIRE_begin, &r), WIRE_CODE_LOG), "forges the log's head: refused");
    query.head[query.head_size - 1] ^= 1;
    memcpy(r.log_key, query.log_key.key.point, sizeof r.log_key);
    r.log_key[1] ^= 1;
    CHECK(refused(ask(WIRE_begin, &r), WIRE_CODE_LOG), "brings a key that is none: refused");
    own.no_quotes = true;
    CHECK(refused(begin(PEOPLE), WIRE_CODE_INTERNAL), "without quotes there is no query");
    own.no_quotes = false;
    own.no_random = true;
    CHECK(refused(begin(PEOPLE), WIRE_CODE_INTERNAL), "without random numbers neither");
    own.no_random = false;
    CHECK(believed(begin(PEOPLE)), "after all of these it begins");
    CHECK(refused(begin(PEOPLE), WIRE_CODE_STATE), "begins twice: refused");
    CHECK(contribute_person(0), "and goes on with its query");
}

/* More people than its memory is for. */
static void test_many(void)
{
    struct test_query *small = calloc(1, sizeof *small);
    REQUIRE(small != NULL);
    *small = query;
    query.doc.users_max = AGGREGATOR_USERS_MAX + 1;
    query.doc.entries[0] = query.doc.entries[1] = query.doc.entries[2] =
        (struct query_entry){-1, 1, 0};
    test_query_write(&query);
    start();
    CHECK(refused(begin(AGGREGATOR_USERS_MAX + 1), WIRE_CODE_USERS),
          "asks more people than one aggregator counts: refused");
    CHECK(believed(begin(AGGREGATOR_USERS_MAX)), "a million people are not too many");
    CHECK(contribute_person(0), "… and are counted");
    query = *small;
    free(small);
}

/* ---- contributions --------------------------------------------------------------------------- */

static void test_senders(void)
{
    started(PEOPLE);
    REQUIRE(contribute_person(0));
    CHECK(!contribute_bytes(service_buffer_bytes(&message)) && counted.answered == 1,
          "replays a contribution: not counted");
    struct test_contribution c = good_one(0);
    c.vector = vectors[1];
    CHECK(declined(&c, "owner was counted"), "contributes twice for one owner: not counted");
    c.boot = &boots[1];
    c.from = HPKE_FROM_SELF(&boots[1]);
    CHECK(declined(&c, "owner was counted"), "… or after a restart, with a new key: not counted");
    c = good_one(1);
    c.boot = &boots[0];
    c.from = HPKE_FROM_SELF(&boots[0]);
    CHECK(declined(&c, "for another owner"), "swaps owners of one custodian: not counted");
    c = good_one(1);
    c.nobodys = true;
    CHECK(declined(&c, "owner"), "contributes for nobody: not counted");
    c = good_one(1);
    c.purpose = BINDING_PURPOSE_KEEPER;
    CHECK(declined(&c, "purpose"), "contributes with evidence for something else: not counted");
    c = good_one(1);
    c.binding_context = BYTES_STR("something");
    CHECK(declined(&c, "context"), "… or about something else: not counted");
    c = good_one(1);
    c.time = custodian.time - (int64_t)TRUST_AGE_MAX_S - 1;
    CHECK(declined(&c, "too-old"), "replays old evidence: not counted");
    c.time = custodian.time + TRUST_SKEW_S + 100;
    CHECK(declined(&c, "rejected"), "brings evidence of the future: not counted");
    c = good_one(1);
    c.from = HPKE_FROM_SELF(&boots[2]); /* the thief has a key of his own */
    CHECK(declined(&c, "another sender"), "steals a custodian's evidence: not counted");
    c.from = HPKE_FROM_ANYONE;
    CHECK(declined(&c, "not counted"), "sends without a key: not counted");
    c = good_one(1);
    c.no_evidence = true;
    CHECK(declined(&c, "not counted"), "sends without evidence: not counted");
    c = good_one(1);
    c.evidence = BYTES_STR("trust me");
    CHECK(declined(&c, "cannot be read"), "brings no evidence but words: not counted");
    CHECK(contribute_person(1) && counted.answered == 2,
          "whose evidence was abused is counted all the same");
}

static void test_programs(void)
{
    struct test_enclave *e = &custodian;
    started(PEOPLE);
    struct test_contribution c = good_one(0);
    e->debug = true;
    CHECK(declined(&c, "debug"), "runs the custodian in debug mode: not counted");
    e->debug = false;
    e->mrenclave[31] ^= 1;
    CHECK(declined(&c, "does not name"), "changes a byte of the custodian: not counted");
    e->mrenclave[31] ^= 1;
    e->manifest.memory += 4096;
    test_enclave_manifest(e);
    CHECK(declined(&c, "does not name"), "changes the custodian's manifest: not counted");
    e->manifest.memory -= 4096;
    e->manifest.door = DOOR_LIBOS;
    e->manifest.attestation = false;
    e->manifest.layer_count = 1;
    e->manifest.layers[0] = (struct manifest_layer){.name = BYTES_STR("app"), .size = 4096};
    test_enclave_manifest(e);
    CHECK(declined(&c, "rejected"), "speaks as a custodian behind the library OS: not counted");
    e->manifest.door = DOOR_SHIM;
    e->manifest.attestation = true;
    e->manifest.layer_count = 0;
    test_enclave_manifest(e);
    e->machine = &other_machine;
    CHECK(declined(&c, "rejected"), "forges a contributor's quote: not counted");
    e->machine = &machine;
    query.doc.roots[0][0] ^= 1; /* a document that demands another root */
    test_query_write(&query);
    started(PEOPLE);
    c = good_one(0);
    CHECK(declined(&c, "rejected"), "offers another root than the query demands: not counted");
    query.doc.roots[0][0] ^= 1;
    test_query_write(&query);
}

static void test_contents(void)
{
    struct hpke_public_key other = boots[5].public_key;
    int64_t four[4] = {1, 2, 3, 4};
    started(PEOPLE);
    struct test_contribution c = good_one(0);
    c.to = other;
    CHECK(declined(&c, "not counted"), "seals for another aggregator: not counted");
    c = good_one(0);
    c.context.data[0] ^= 1;
    CHECK(declined(&c, "not counted"), "seals for another query: not counted");
    c = good_one(0);
    c.query.data[0] ^= 1;
    CHECK(declined(&c, "another query"), "answers another query: not counted");
    c = good_one(0);
    c.kind = MESSAGE_KIND_TASK;
    CHECK(declined(&c, "not counted"), "sends another kind of message: not counted");
    c = good_one(0);
    c.vector = four;
    c.count = 4;
    CHECK(declined(&c, "number of entries"), "has an entry too many: not counted");
    c.count = 2;
    CHECK(declined(&c, "number of entries"), "has an entry too few: not counted");
    c = good_one(0);
    c.body = BYTES_STR("not a record");
    CHECK(declined(&c, "not counted"), "holds no record: not counted");
    c = good_one(0);
    test_contribution_seal(&c, &message);
    unsigned taken = 0, tried = 0;
    for (size_t at = 0; at < message.size; at += at < 512 ? 1 : 997) {
        message.data[at] ^= 1;
        taken += contribute_bytes(service_buffer_bytes(&message));
        message.data[at] ^= 1;
        tried++;
    }
    CHECK(taken == 0 && tried > 500, "changes a byte of a message: not counted, at %u places",
          tried);
    CHECK(!contribute_bytes(BYTES(message.data, message.size - 1)), "cuts it off: not counted");
    CHECK(contribute_bytes(service_buffer_bytes(&message)) && counted.answered == 1,
          "the message itself is counted");
}

static void test_clipping(void)
{
    static const int64_t extreme[3] = {INT64_MAX, INT64_MIN, 101};
    started(PEOPLE);
    struct test_contribution c = good_one(0);
    c.vector = extreme;
    REQUIRE(contribute(&c) && contribute_person(1));
    own.zeros = true;
    bool good = released(finish());
    own.zeros = false;
    const int64_t wanted[3] = {100 + 10 + 4 * 5, -100 + 20, 100 + 30 - 4 * 5};
    CHECK(good && memcmp(receipt.values, wanted, sizeof wanted) == 0,
          "sends huge and negative numbers: they are clipped to the query's bounds");
}

static void test_full(void)
{
    started(2);
    REQUIRE(contribute_person(0) && contribute_person(1));
    struct test_contribution c = good_one(2);
    CHECK(declined(&c, "everybody"), "brings more people than were asked: not counted");
    CHECK(released(finish()) && receipt.answered == 2, "the others are released");
}

/* ---- finish ---------------------------------------------------------------------------------- */

static void test_finish(void)
{
    started(PEOPLE);
    REQUIRE(contribute_person(0));
    CHECK(refused(finish(), WIRE_CODE_USERS) && next == SERVICE_ENDS,
          "finishes with fewer people than the query wants: nothing is released");
    struct test_contribution c = good_one(1);
    test_contribution_seal(&c, &message);
    const struct wire_contribute r = {.message = service_buffer_bytes(&message)};
    CHECK(refused(ask(WIRE_contribute, &r), WIRE_CODE_STATE) && refused(finish(), WIRE_CODE_STATE),
          "… and goes on asking until one more answers: refused, it is over");
    started(PEOPLE);
    REQUIRE(contribute_person(0) && contribute_person(1));
    own.no_random = true;
    CHECK(refused(finish(), WIRE_CODE_INTERNAL) && next == SERVICE_ENDS,
          "starves it of random numbers: nothing is released");
    own.no_random = false;
    CHECK(wiped(), "… and all is wiped, too");
    CHECK(refused(finish(), WIRE_CODE_STATE), "… and releases the sums later: refused");
}

static void test_suppressed(void)
{
    struct test_query *usual = calloc(1, sizeof *usual);
    REQUIRE(usual != NULL);
    *usual = query;
    struct query_document *doc = &query.doc;
    doc->schema = (struct query_schema){
        .aggregate = QUERY_OD, .entry_count = 4, .most_entries = 2, .threshold = 25};
    for (uint32_t i = 0; i < 4; i++) {
        doc->labels[i] = (struct query_label){BYTES("abcd" + i, 1), BYTES_STR("trips")};
        doc->entries[i] = (struct query_entry){0, 20, 0};
    }
    test_query_write(&query);
    static const int64_t trips[3][4] = {{20, 0, 0, 7}, {20, 10, 9, 8}, {0, 10, 0, 0}};
    started(3);
    for (unsigned i = 0; i < 3; i++) {
        struct test_contribution c = good_one(i);
        c.vector = trips[i];
        REQUIRE(contribute(&c));
    }
    own.zeros = true;
    bool good = released(finish());
    own.zeros = false;
    CHECK(good && receipt.values[0] == 40 && receipt_suppressed(&receipt) == 3,
          "cells below the threshold are suppressed");
    query = *usual;
    free(usual);
}

/* The largest vector and the largest result. */
static void test_largest(void)
{
    struct test_query *usual = calloc(1, sizeof *usual);
    static int64_t numbers[QUERY_ENTRIES_MAX];
    static char names[QUERY_ENTRIES_MAX][QUERY_LABEL_MAX];
    REQUIRE(usual != NULL);
    *usual = query;
    struct query_document *doc = &query.doc;
    doc->schema = (struct query_schema){
        .aggregate = QUERY_HISTOGRAM, .entry_count = QUERY_ENTRIES_MAX, .most_total = 20};
    for (uint32_t i = 0; i < QUERY_ENTRIES_MAX; i++) {
        base_format(names[i], sizeof names[i], "zone %u", i);
        doc->labels[i] =
            (struct query_label){BYTES(names[i], strlen(names[i])), BYTES_STR("trips")};
        doc->entries[i] = (struct query_entry){0, 20, 0};
    }
    numbers[7] = 20;
    test_query_write(&query);
    started(2);
    for (unsigned i = 0; i < 2; i++) {
        struct test_contribution c = good_one(i);
        c.vector = numbers;
        REQUIRE(contribute(&c));
    }
    own.zeros = true;
    CHECK(released(finish()) && receipt.entry_count == QUERY_ENTRIES_MAX &&
              receipt.values[7] == 40 && receipt.values[8] == 0,
          "the largest vectors are counted and released");
    own.zeros = false;
    query = *usual;
    free(usual);
}

static void test_seen(void)
{
    enum { NAMES = 5000 };
    struct seen s = {.secret = {1}};
    uint8_t name[32] = {0};
    unsigned good = 0;
    REQUIRE(seen_make(&s, NAMES) == 0);
    for (uint64_t i = 0; i < NAMES; i++) {
        store_le64(name, i);
        good += seen_has(&s, name) == 0 && seen_add(&s, name) == 0 && seen_has(&s, name) == 1 &&
                seen_add(&s, name) == -EEXIST;
    }
    CHECK(good == NAMES, "who was counted is known, and nobody else");
    store_le64(name, NAMES);
    CHECK(seen_add(&s, name) == -ENOSPC && s.slots >= (size_t)2 * NAMES,
          "there is room for those who were asked, and no more");
    seen_done(&s);
}

int main(void)
{
    test_machine_make(&machine);
    test_machine_make(&other_machine);
    other_machine.spec.quote_key = KEY_STRANGER;
    test_enclave_make(&own, &machine, "aggregator", 0xa9);
    test_enclave_make(&custodian, &machine, "custodian", 0xcc);
    test_query_make(&query, &custodian, &own, 100);
    for (unsigned i = 0; i < PEOPLE; i++) {
        REQUIRE(hpke_private_make(HPKE_KEM_X25519, &boots[i]) == 0);
    }
    test_honest();
    test_noise();
    test_moments();
    test_begin_refused();
    test_many();
    test_senders();
    test_programs();
    test_contents();
    test_clipping();
    test_full();
    test_finish();
    test_suppressed();
    test_largest();
    test_seen();
    aggregator_free(a);
    service_buffer_done(&answer);
    service_buffer_done(&message);
    return tap_done();
}
