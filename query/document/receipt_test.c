/* SPDX-License-Identifier: Apache-2.0 */
/* Receipts: one encoding, what is refused, and what must agree with the document. */
#include "query/receipt.h"

#include <errno.h>
#include <string.h>

#include "tests/tap.h"

#define OD_CELLS 9

static struct query_document doc;
static struct query_hash id = {{7, 7}};
static struct receipt receipt, again;
static struct query_secret_key key;
static struct query_signer signer = {query_sign_with, &key};
static uint8_t scratch[RECEIPT_MAX], bytes[RECEIPT_MAX + QUERY_SIGNED_OVERHEAD];

static void make(enum query_aggregate aggregate)
{
    static const char *const names[] = {"1", "2", "3", "4", "5", "6", "7", "8", "9"};
    struct query_plan plan;
    struct diag d = {""};
    memset(&doc, 0, sizeof doc);
    memset(&receipt, 0, sizeof receipt);
    doc.users_min = 10;
    doc.users_max = 100;
    doc.cost = 20000;
    doc.aggregator_count = 1;
    doc.aggregators[0].program.measurement[0] = 3;
    doc.aggregators[0].configid[0] = 4;
    doc.bundle[0] = 5;
    doc.schema.aggregate = aggregate;
    doc.schema.entry_count = OD_CELLS;
    if (aggregate == QUERY_OD) {
        doc.schema.most_entries = 2;
        doc.schema.threshold = 30;
    }
    for (uint32_t i = 0; i < OD_CELLS; i++) {
        doc.labels[i].name = BYTES(names[i], 1);
        doc.entries[i] = (struct query_entry){0, 1, 0};
    }
    receipt.asked = 20;
    receipt.answered = 18;
    int err = query_document_plan(&doc, receipt.asked, &plan, &d);
    REQUIRE(err == 0);
    receipt.query = id;
    receipt.log_index = 4;
    receipt.tree.size = 5;
    receipt.cost = plan.cost;
    receipt.bound95 = plan.bound95;
    receipt.divisor = plan.divisor;
    receipt.delta_exponent = 6;
    receipt.bundle[0] = 5;
    receipt.mrenclave[0] = 3;
    receipt.configid[0] = 4;
    receipt.entry_count = OD_CELLS;
    struct dp_ratio delta = {1, 1000000};
    REQUIRE(dp_epsilon(dp_micro(plan.cost), delta, OD_CELLS, &receipt.epsilon_pico, NULL) == 0);
    for (uint32_t i = 0; i < OD_CELLS; i++) {
        receipt.values[i] = 40 + (int64_t)i;
    }
}

static size_t write_it(void)
{
    struct writer w = writer_of(bytes, sizeof bytes);
    return receipt_sign(&receipt, &signer, scratch, &w, NULL) == 0 ? w.size : 0;
}

static void encodings(void)
{
    struct query_hash first, second;
    make(QUERY_SUM);
    receipt.values[0] = -3;
    receipt.values[1] = INT64_MIN;
    receipt.values[2] = INT64_MAX;
    receipt.suppressed[8] = true;
    receipt.values[8] = 0;
    size_t size = write_it();
    CHECK(size > 0 && receipt_open(BYTES(bytes, size), &key.key, &again, &first, NULL) == 0 &&
              memcmp(&again, &receipt, sizeof again) == 0,
          "a receipt is read as it was written");
    size = write_it();
    CHECK(receipt_open(BYTES(bytes, size), &key.key, &again, &second, NULL) == 0 &&
              query_hash_equal(&first, &second),
          "signed twice, it is the same receipt");
    CHECK(receipt_suppressed(&receipt) == 1, "suppressed entries are counted");
    unsigned taken = 0;
    for (size_t i = 0; i < size; i++) {
        bytes[i] ^= 1;
        taken += receipt_open(BYTES(bytes, size), &key.key, &again, NULL, NULL) == 0;
        bytes[i] ^= 1;
    }
    CHECK(taken == 0 && again.asked == 0, "changes a byte of a receipt: refused, whichever it is");
    CHECK(receipt_open(BYTES(bytes, size - 1), &key.key, &again, NULL, NULL) == -EINVAL,
          "cuts a receipt off: refused");
    struct query_secret_key other;
    uint8_t scalar[32] = {9};
    REQUIRE(query_secret_key_read(BYTES_OF(scalar), &other) == 0);
    CHECK(receipt_open(BYTES(bytes, size), &other.key, &again, NULL, NULL) == -EBADMSG,
          "signs a receipt with another key: refused");
    struct writer w = writer_of(bytes, sizeof bytes);
    REQUIRE(query_signed_make("alcove-receipt-1", BYTES_STR("\xa0"), &signer, &w, NULL) == 0);
    CHECK(receipt_open(BYTES(bytes, w.size), &key.key, &again, NULL, NULL) == -EINVAL,
          "signs something else as a receipt: refused");
    make(QUERY_SUM);
    receipt.entry_count = QUERY_ENTRIES_MAX;
    for (uint32_t i = 0; i < QUERY_ENTRIES_MAX; i++) {
        receipt.values[i] = INT64_MIN + i;
    }
    size = write_it();
    CHECK(size > 0 && receipt_open(BYTES(bytes, size), &key.key, &again, NULL, NULL) == 0,
          "the largest receipt fits: %zu bytes", size);
}

static void unsignable(void)
{
    struct {
        const char *what;
        void *field;
        uint64_t value;
        size_t size;
    } cases[] = {
        {"a place outside the log", &receipt.log_index, 5, 8},
        {"a log beyond all bounds", &receipt.tree.size, QUERY_LOG_SIZE_MAX + 1, 8},
        {"more people than there are", &receipt.asked, QUERY_USERS_MAX + 1, 8},
        {"more answers than questions", &receipt.answered, 21, 8},
        {"no cost", &receipt.cost, 0, 8},
        {"a huge cost", &receipt.cost, DP_RHO_MAX + 1, 8},
        {"a delta of one", &receipt.delta_exponent, 0, 4},
        {"a delta of nothing", &receipt.delta_exponent, 31, 4},
        {"no epsilon", &receipt.epsilon_pico, 0, 8},
        {"no bound", &receipt.bound95, 0, 8},
        {"a huge bound", &receipt.bound95, UINT64_MAX, 8},
        {"no divisor", &receipt.divisor, 0, 8},
        {"no entries", &receipt.entry_count, 0, 4},
        {"more entries than any", &receipt.entry_count, QUERY_ENTRIES_MAX + 1, 4},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        make(QUERY_SUM);
        memcpy(cases[i].field, &cases[i].value, cases[i].size);
        CHECK(write_it() == 0, "%s is not signed", cases[i].what);
    }
}

static bool wrong(void)
{
    struct diag d = {""};
    bool refused = receipt_check(&receipt, &doc, &id, &d) == -EINVAL && d.text[0] != '\0';
    make(doc.schema.aggregate);
    return refused;
}

static void documents(void)
{
    struct diag d = {""};
    make(QUERY_MEAN);
    int err = receipt_check(&receipt, &doc, &id, &d);
    CHECK(err == 0, "a receipt fits its document %s", d.text);
    receipt.query.data[0] ^= 1;
    CHECK(wrong(), "shows the result of another query: refused");
    receipt.entry_count--;
    CHECK(wrong(), "leaves out an entry: refused");
    receipt.bundle[9] ^= 1;
    CHECK(wrong(), "names another script: refused");
    receipt.mrenclave[9] ^= 1;
    CHECK(wrong(), "comes from another aggregator: refused");
    receipt.configid[9] ^= 1;
    CHECK(wrong(), "comes from an aggregator with another manifest: refused");
    receipt.cost--;
    CHECK(wrong(), "says that it cost less: refused");
    receipt.bound95--;
    CHECK(wrong(), "says that it is surer than it is: refused");
    receipt.divisor++;
    CHECK(wrong(), "divides by something else: refused");
    receipt.epsilon_pico--;
    CHECK(wrong(), "makes epsilon smaller than it is: refused");
    receipt.asked = 101;
    CHECK(wrong(), "asks more people than the query says: refused");
    receipt.answered = 9;
    CHECK(wrong(), "releases for fewer people than the query wants: refused");
    receipt.delta_exponent = 30;
    receipt.epsilon_pico = UINT64_MAX;
    CHECK(wrong(), "states a delta finer than its noise is exact: refused");
    receipt.suppressed[2] = true;
    CHECK(wrong(), "suppresses what has no threshold: refused");
    doc.aggregators[0].program.by_signer = true;
    doc.aggregators[0].program.measurement[0] ^= 1;
    CHECK(receipt_check(&receipt, &doc, &id, NULL) == 0,
          "of a signer's aggregator the manifest is compared");
    make(QUERY_OD);
    receipt.suppressed[2] = true;
    receipt.values[2] = 0;
    CHECK(receipt_check(&receipt, &doc, &id, NULL) == 0, "a matrix may have suppressed cells");
    receipt.values[1] = 29;
    CHECK(wrong(), "shows a cell below the threshold: refused");
    struct writer none = writer_of(NULL, 0);
    CHECK(receipt_sign(&receipt, &signer, scratch, &none, NULL) == -ENOSPC, "no room, no receipt");
}

int main(void)
{
    uint8_t scalar[32] = {3};
    REQUIRE(query_secret_key_read(BYTES_OF(scalar), &key) == 0);
    encodings();
    unsignable();
    documents();
    return tap_done();
}
