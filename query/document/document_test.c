/* SPDX-License-Identifier: Apache-2.0 */
/* Query documents: one encoding, each rule, whom a document names. */
#include "query/document.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/cbor.h"
#include "tests/tap.h"

static struct query_document doc, again;
static uint8_t bytes[QUERY_DOCUMENT_MAX + 1], other_bytes[QUERY_DOCUMENT_MAX];

static void set_label(uint32_t i, const char *name, const char *unit)
{
    doc.labels[i] = (struct query_label){BYTES(name, strlen(name)), BYTES(unit, strlen(unit))};
}

/* A mode share: four modes, shares of 1000. */
static void make(void)
{
    static const char *const modes[] = {"walk", "bike", "car", "bus"};
    memset(&doc, 0, sizeof doc);
    doc.question = BYTES_STR("How do people travel?");
    doc.function = BYTES_STR("mode_share");
    doc.nonce[0] = 1;
    doc.bundle[5] = 7;
    doc.root_count = 2;
    doc.roots[0][0] = 9;
    doc.roots[1][0] = 3;
    doc.custodian_count = 2;
    doc.custodians[0].program.measurement[0] = 5;
    doc.custodians[0].configid[0] = 50;
    doc.custodians[1].program = (struct query_program){
        .by_signer = true, .measurement = {6}, .isvprodid = 2, .min_isvsvn = 3};
    doc.custodians[1].configid[0] = 60;
    doc.worker_count = 2;
    doc.workers[0].measurement[0] = 8;
    doc.workers[1] = (struct query_program){.by_signer = true, .measurement = {7}};
    doc.aggregator_count = 1;
    doc.aggregators[0].program.measurement[0] = 4;
    doc.first_day = 20730;
    doc.last_day = 20736;
    doc.deadline = 1800000000;
    doc.run_ms = 10000;
    doc.users_min = 50;
    doc.users_max = 2000;
    doc.cost = 10000;
    doc.noise = DP_GAUSSIAN;
    doc.schema = (struct query_schema){
        .aggregate = QUERY_SHARE, .entry_count = 4, .most_total = 100, .whole = 100};
    for (uint32_t i = 0; i < 4; i++) {
        set_label(i, modes[i], "%");
        doc.entries[i] = (struct query_entry){0, 100, 0};
    }
}

/* Bytes of doc in `bytes`; 0 or an error. */
static int encode(size_t *ret_size)
{
    struct writer w = writer_of(bytes, sizeof bytes);
    int err = query_document_encode(&doc, &w, NULL);
    *ret_size = w.size;
    return err;
}

static void one_encoding(void)
{
    struct diag d = {""};
    struct writer w = writer_of(bytes, sizeof bytes), v = writer_of(other_bytes, sizeof bytes - 1);
    struct query_hash a, b;
    make();
    int err = query_document_encode(&doc, &w, &d);
    CHECK(err == 0, "a document can be written %s", d.text);
    err = query_document_decode(BYTES(bytes, w.size), &again, &d);
    CHECK(err == 0, "and read %s", d.text);
    err = query_document_encode(&again, &v, &d);
    CHECK(err == 0 && bytes_equal(BYTES(bytes, w.size), BYTES(other_bytes, v.size)),
          "what was read is written as the same bytes");
    CHECK(again.roots[0][0] == 3 && again.custodian_count == 2 &&
              again.custodians[1].program.by_signer && again.custodians[1].program.min_isvsvn == 3,
          "lists come sorted");
    struct query_identity swap = doc.custodians[0];
    doc.custodians[0] = doc.custodians[1];
    doc.custodians[1] = swap;
    v = writer_of(other_bytes, sizeof bytes - 1);
    REQUIRE(query_document_encode(&doc, &v, &d) == 0);
    REQUIRE(query_document_id(BYTES(bytes, w.size), &a) == 0);
    REQUIRE(query_document_id(BYTES(other_bytes, v.size), &b) == 0);
    CHECK(query_hash_equal(&a, &b), "the order in which programs are listed changes no id");
    doc.nonce[15] ^= 1;
    v = writer_of(other_bytes, sizeof bytes - 1);
    REQUIRE(query_document_encode(&doc, &v, &d) == 0);
    REQUIRE(query_document_id(BYTES(other_bytes, v.size), &b) == 0);
    CHECK(!query_hash_equal(&a, &b), "the same question asked twice is two queries");
}

/* Each byte of a document matters: no other bytes are read as the same query. */
static void other_bytes_refused(void)
{
    size_t size;
    unsigned cut = 0, same = 0;
    make();
    REQUIRE(encode(&size) == 0);
    for (size_t n = 0; n < size; n++) {
        cut += query_document_decode(BYTES(bytes, n), &again, NULL) == 0;
    }
    CHECK(cut == 0, "a document that was cut off is refused");
    for (size_t i = 0; i < size; i++) {
        bytes[i] ^= 1;
        if (query_document_decode(BYTES(bytes, size), &again, NULL) == 0) {
            struct writer v = writer_of(other_bytes, sizeof other_bytes);
            same += query_document_encode(&again, &v, NULL) != 0 ||
                    !bytes_equal(BYTES(bytes, size), BYTES(other_bytes, v.size));
        }
        bytes[i] ^= 1;
    }
    CHECK(same == 0,
          "shows one query and runs another: a changed byte is another document or none");
    bytes[size] = 0;
    CHECK(query_document_decode(BYTES(bytes, size + 1), &again, NULL) == -EINVAL,
          "bytes after the document are refused");
    CHECK(query_document_decode(BYTES(bytes, sizeof bytes), &again, NULL) == -EINVAL,
          "a document longer than any is refused");
    bool zero = again.cost == 0 && again.schema.entry_count == 0;
    CHECK(zero, "a refused document leaves nothing behind");
}

/* Writes doc; it must be refused. Reading is asked too, by way of bytes that are patched below. */
static void refused(const char *what)
{
    size_t size;
    struct diag d = {""};
    struct writer w = writer_of(bytes, sizeof bytes);
    int err = query_document_encode(&doc, &w, &d);
    size = w.size;
    CHECK((err == -EINVAL || err == -ERANGE) && size == 0 && d.text[0] != '\0', "%s: refused",
          what);
    make();
}

static void costs(void)
{
    doc.cost = 0;
    refused("asks for nothing: a cost of zero");
    doc.cost = UINT64_MAX;
    refused("sends a huge cost");
    doc.cost = DP_RHO_MAX + 1;
    refused("sends a cost just beyond the largest");
    doc.cost = 1;
    refused("offers less than any noise costs");
    /* What is no natural number cannot be written; patch the bytes of a good document. */
    static const struct {
        const char *what, *value;
        size_t size;
    } forged[] = {
        {"a negative cost", "\x39\x27\x10", 3},
        {"a fractional cost", "\xf9\x00\x01", 3},
        {"a cost that is not a number", "\xf9\x7e\x00", 3},
        {"an infinite cost", "\xf9\x7c\x00", 3},
        {"a cost as text", "\x62\x31\x30", 3},
    };
    size_t size;
    REQUIRE(encode(&size) == 0);
    uint8_t *cost = bytes + 1 + 5; /* head of the map, "cost" */
    REQUIRE(memcmp(cost, "\x19\x27\x10", 3) == 0);
    for (size_t i = 0; i < ARRAY_SIZE(forged); i++) {
        memcpy(cost, forged[i].value, forged[i].size);
        CHECK(query_document_decode(BYTES(bytes, size), &again, NULL) == -EINVAL,
              "sends %s: refused", forged[i].what);
    }
    uint8_t shorter[64] = {0};
    memcpy(shorter,
           "\xa1\x64"
           "cost"
           "\x18\x01",
           8);
    CHECK(query_document_decode(BYTES(shorter, 8), &again, NULL) == -EINVAL,
          "spells a number longer than needed: refused");
}

static void ranges(void)
{
    make();
    doc.users_min = 1;
    refused("asks one person alone");
    doc.users_min = doc.users_max + 1;
    refused("wants more people than it asks");
    doc.users_max = QUERY_USERS_MAX + 1;
    refused("asks more people than there are");
    doc.first_day = doc.last_day + 1;
    refused("a window that ends before it begins");
    doc.first_day = doc.last_day - QUERY_DAYS_MAX;
    refused("a window of more than a year");
    doc.first_day = QUERY_DAY_FIRST - 1;
    refused("a window before all traces");
    doc.last_day = QUERY_DAY_LAST + 1;
    refused("a window after all traces");
    doc.deadline = 0;
    refused("no deadline");
    doc.deadline = QUERY_TIME_MAX + 1;
    refused("a deadline that never comes");
    doc.run_ms = 0;
    refused("a script without time");
    doc.run_ms = QUERY_RUN_MS_MAX + 1;
    refused("a script that runs for ever");
    doc.noise = (enum dp_kind)2;
    refused("noise of a made-up kind");
    doc.schema.entry_count = 0;
    refused("no entries");
    doc.schema.entry_count = QUERY_ENTRIES_MAX + 1;
    refused("more entries than any");
    doc.entries[1].high = doc.entries[1].low;
    refused("an entry that cannot vary");
    doc.schema.aggregate = QUERY_SUM;
    doc.schema.whole = 0;
    doc.schema.most_total = 0;
    doc.entries[1] = (struct query_entry){INT64_MIN, INT64_MAX, 0};
    refused("bounds of which the sum over all people overflows");
    doc.schema.aggregate = (enum query_aggregate)99;
    refused("a made-up aggregate");
    doc.schema.whole = 99;
    refused("shares of two different wholes");
}

static void names(void)
{
    make();
    doc.labels[3] = doc.labels[0];
    refused("two entries of the same name");
    doc.labels[2].name = BYTES_STR("");
    refused("an entry without a name");
    doc.labels[2].unit = BYTES_STR("\xe2\x80\xae"
                                   "m");
    refused("a unit that turns writing round");
    doc.labels[2].name = BYTES_STR("\xff");
    refused("a name that is not UTF-8");
    doc.question = BYTES_STR("");
    refused("no question");
    doc.question = BYTES_STR("a\x1b[2Jb");
    refused("a question that moves a terminal's cursor");
    const char *const functions[] = {"", "1a", "A", "a-b", "a.b", "a b", "a\n", "__import__('os')"};
    for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
        doc.function = BYTES(functions[i], strlen(functions[i]));
        refused("a function whose name is none");
    }
    static uint8_t longer[QUERY_QUESTION_MAX + 1];
    memset(longer, 'a', sizeof longer);
    doc.function = BYTES(longer, QUERY_FUNCTION_MAX + 1);
    refused("a function with a long name");
    doc.question = BYTES(longer, sizeof longer);
    refused("a question that nobody reads");
    doc.labels[0].name = BYTES(longer, QUERY_LABEL_MAX + 1);
    refused("an entry with a long name");
    doc.labels[0].unit = BYTES(longer, QUERY_UNIT_MAX + 1);
    refused("a long unit");
    doc.function = BYTES_STR("_f9");
    size_t size;
    CHECK(encode(&size) == 0, "a function's name may have digits and _");
}

static void lists(void)
{
    uint32_t *const counts[] = {&doc.root_count, &doc.custodian_count, &doc.worker_count,
                                &doc.aggregator_count};
    make();
    for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
        *counts[i] = 0;
        refused("an empty list");
        *counts[i] = QUERY_IDENTITIES_MAX + 1;
        refused("a list that is too long");
    }
    memcpy(doc.roots[1], doc.roots[0], 32);
    refused("a root twice");
    doc.custodians[1] = doc.custodians[0];
    refused("a custodian twice");
    doc.workers[1] = doc.workers[0];
    refused("a worker twice");
    doc.aggregator_count = 2;
    doc.aggregators[1] = doc.aggregators[0];
    refused("an aggregator twice");
    /* Swap two sorted roots in the bytes: the same query in another spelling. */
    size_t size;
    REQUIRE(encode(&size) == 0);
    uint8_t *roots = memmem(bytes, size, "\x65roots\x82", 7);
    REQUIRE(roots != NULL && roots[9] == 3 && roots[9 + 34] == 9);
    roots[9] = 9;
    roots[9 + 34] = 3;
    CHECK(query_document_decode(BYTES(bytes, size), &again, NULL) == -EINVAL,
          "spells a list in another order: refused");
    roots[9] = 3;
    roots[9 + 34] = 3;
    CHECK(query_document_decode(BYTES(bytes, size), &again, NULL) == -EINVAL,
          "lists a root twice in the bytes: refused");
    struct writer small = writer_of(other_bytes, 100);
    CHECK(query_document_encode(&doc, &small, NULL) == -ENOSPC && small.size == 0,
          "no room, no document");
}

static void largest(void)
{
    static char text[QUERY_ENTRIES_MAX][QUERY_LABEL_MAX];
    struct diag d = {""};
    size_t size;
    make();
    doc.schema = (struct query_schema){.aggregate = QUERY_OD,
                                       .entry_count = QUERY_ENTRIES_MAX,
                                       .most_entries = 10,
                                       .threshold = 75};
    for (uint32_t i = 0; i < QUERY_ENTRIES_MAX; i++) {
        memset(text[i], 'z', sizeof text[i]);
        snprintf(text[i], sizeof text[i], "%u", i);
        text[i][strlen(text[i])] = 'z';
        doc.labels[i] = (struct query_label){BYTES(text[i], sizeof text[i]), BYTES_STR("trips")};
        doc.entries[i] = (struct query_entry){0, 1, 0};
    }
    struct writer w = writer_of(bytes, sizeof bytes);
    int err = query_document_encode(&doc, &w, &d);
    size = w.size;
    CHECK(err == 0, "a matrix of 64 x 64 zones fits: %zu bytes %s", size, d.text);
    CHECK(query_document_decode(BYTES(bytes, size), &again, &d) == 0, "and is read");
    bool found = true;
    for (uint32_t i = 455; i < QUERY_ENTRIES_MAX; i += 455) { /* the last one too: 9 x 455 */
        struct query_label own = doc.labels[i];
        doc.labels[i].name = doc.labels[i - 1].name;
        w = writer_of(bytes, sizeof bytes);
        found = found && query_document_encode(&doc, &w, &d) == -EINVAL &&
                strstr(d.text, "the same name") != NULL;
        doc.labels[i] = own;
    }
    CHECK(found, "a name that is there twice is found among 4096: %s", d.text);
}

static void who(void)
{
    struct query_peer peer = {.mrenclave = {5}, .mrsigner = {99}, .configid = {50}};
    make();
    CHECK(query_document_accepts(&doc, QUERY_ROLE_CUSTODIAN, &peer), "a custodian that it names");
    CHECK(!query_document_accepts(&doc, QUERY_ROLE_AGGREGATOR, &peer) &&
              !query_document_accepts(&doc, QUERY_ROLE_WORKER, &peer) &&
              !query_document_accepts(&doc, QUERY_ROLE_NONE, &peer) &&
              !query_document_accepts(&doc, QUERY_ROLES, &peer),
          "lets a custodian speak as aggregator or worker: refused");
    peer.mrenclave[31] ^= 1;
    CHECK(!query_document_accepts(&doc, QUERY_ROLE_CUSTODIAN, &peer),
          "sends a program that differs in one bit: refused");
    peer.mrenclave[31] ^= 1;
    peer.configid[63] ^= 1;
    CHECK(!query_document_accepts(&doc, QUERY_ROLE_CUSTODIAN, &peer),
          "starts the program with another manifest: refused");
    peer = (struct query_peer){.mrsigner = {6}, .configid = {60}, .isvprodid = 2, .isvsvn = 3};
    CHECK(query_document_accepts(&doc, QUERY_ROLE_CUSTODIAN, &peer), "a signer's program");
    peer.isvsvn = 2;
    CHECK(!query_document_accepts(&doc, QUERY_ROLE_CUSTODIAN, &peer),
          "brings an old version with known holes: refused");
    peer.isvsvn = 4;
    peer.isvprodid = 3;
    CHECK(!query_document_accepts(&doc, QUERY_ROLE_CUSTODIAN, &peer),
          "brings another product of the same signer: refused");
    peer = (struct query_peer){.mrenclave = {6}, .configid = {60}, .isvprodid = 2, .isvsvn = 3};
    CHECK(!query_document_accepts(&doc, QUERY_ROLE_CUSTODIAN, &peer),
          "measures as what a signer is called: refused");
    peer = (struct query_peer){.mrenclave = {8}};
    memcpy(peer.configid, doc.bundle, sizeof peer.configid);
    CHECK(query_document_accepts(&doc, QUERY_ROLE_WORKER, &peer), "a worker with the bundle");
    peer.configid[5] ^= 1;
    CHECK(!query_document_accepts(&doc, QUERY_ROLE_WORKER, &peer),
          "changes one byte of the script: refused");
    peer = (struct query_peer){.mrenclave = {4}};
    CHECK(query_document_accepts(&doc, QUERY_ROLE_AGGREGATOR, &peer), "an aggregator");
    uint8_t root[32] = {9};
    CHECK(query_document_accepts_root(&doc, root), "a root that it names");
    root[31] = 1;
    CHECK(!query_document_accepts_root(&doc, root), "offers a root that is not named: refused");
}

static void plans(void)
{
    struct query_plan plan;
    make();
    CHECK(query_document_plan(&doc, 50, &plan, NULL) == 0 && plan.cost <= doc.cost &&
              plan.cost > 0 && plan.divisor == 50 * 100,
          "the plan costs at most what is offered");
    CHECK(query_document_plan(&doc, 49, &plan, NULL) == -ERANGE &&
              query_document_plan(&doc, 2001, &plan, NULL) == -ERANGE,
          "for fewer or more people than the document says there is no plan");
    struct query_schema schema = query_document_schema(&doc);
    CHECK(schema.entries == doc.entries && schema.entry_count == 4, "the schema has its entries");
}

int main(void)
{
    one_encoding();
    other_bytes_refused();
    make();
    costs();
    ranges();
    names();
    lists();
    largest();
    who();
    plans();
    return tap_done();
}
