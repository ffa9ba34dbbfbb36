/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/tap.h"
#include "wire/records.h"
#include "wire/trust.h"

#include <errno.h>
#include <string.h>

static uint8_t buffer[WIRE_POLICY_MAX + 4096];

static struct wire_policy full_policy(void)
{
    struct wire_policy p = {.version = 7, .cap = 50000, .query_cap = 20000, .users_min = 50};
    memset(p.log_key, 4, sizeof p.log_key);
    p.roots_count = p.workers_count = p.bundles_count = p.analysts_count = WIRE_LIST_MAX;
    p.aggregators_count = WIRE_LIST_MAX;
    for (size_t i = 0; i < WIRE_LIST_MAX; i++) {
        memset(p.aggregators[i].mrenclave, (int)i, 32);
        memset(p.bundles[i].configid, (int)i + 100, 64);
    }
    return p;
}

static void policy(void)
{
    struct wire_policy p = full_policy(), q;
    struct writer w = writer_of(buffer, WIRE_POLICY_MAX);
    CHECK(wire_write_policy(&p, &w, NULL) == 0, "a policy with all lists full fits its bound");
    struct bytes cbor = BYTES(buffer, w.size);
    CHECK(wire_peek(cbor) == WIRE_policy, "it is known by its format");
    CHECK(wire_read_policy(cbor, &q, NULL) == 0 && memcmp(&p, &q, sizeof p) == 0,
          "it is read as it was written");
    for (size_t n = 0; n < cbor.size; n++) {
        if (wire_read_policy(BYTES(buffer, n), &q, NULL) != -EINVAL) {
            CHECK(false, "a policy cut to %zu bytes is refused", n);
            return;
        }
    }
    CHECK(true, "cut anywhere it is refused");
    buffer[w.size] = 0;
    CHECK(wire_read_policy(BYTES(buffer, w.size + 1), &q, NULL) == -EINVAL,
          "bytes after it are refused");
    p.roots_count = WIRE_LIST_MAX + 1;
    w = writer_of(buffer, sizeof buffer);
    CHECK(wire_write_policy(&p, &w, NULL) == -ENOSPC && w.size == 0,
          "a list that is too long is not written");
    p.roots_count = 1;
    p.cap = WIRE_RHO_MAX + 1;
    CHECK(wire_write_policy(&p, &w, NULL) == -EINVAL && w.size == 0,
          "nor is a number out of bounds");
}

static void others(void)
{
    for (int i = 0; i < WIRE_RECORDS; i++) {
        if (wire_format((enum wire_record)i) == NULL) {
            continue;
        }
        for (int k = 0; k < i; k++) {
            const char *other = wire_format((enum wire_record)k);
            if (other != NULL && strcmp(other, wire_format((enum wire_record)i)) == 0) {
                CHECK(false, "%s is the format of two records", other);
            }
        }
    }
    struct wire_grant grant;
    struct wire_order order = {.what = WIRE_ORDER_DELETE};
    struct writer w = writer_of(buffer, sizeof buffer);
    CHECK(wire_write_order(&order, &w, NULL) == 0, "an order is written");
    CHECK(wire_read_grant(BYTES(buffer, w.size), &grant, NULL) == -EINVAL, "and is no grant");
    CHECK(wire_peek(BYTES_STR("\xa0")) == WIRE_RECORDS, "an empty map is nothing");
    struct wire_done done;
    w = writer_of(buffer, sizeof buffer);
    CHECK(wire_write_done(&done, &w, NULL) == 0 &&
              bytes_equal(BYTES(buffer, w.size), BYTES_STR("\xa1\x66"
                                                           "format\x6d"
                                                           "alcove-done-1")),
          "a record without members is its format");
    CHECK(wire_code_text(WIRE_CODE_LATE) != NULL && wire_code_text(WIRE_CODE_COUNT) == NULL,
          "codes have names");
}

static void context(void)
{
    struct query_hash query = {{1}}, other = {{2}};
    struct query_log_tree tree = {.size = 258, .root = {{3}}}, back;
    uint8_t bytes[AGGREGATOR_CONTEXT_SIZE];
    aggregator_context(&query, &tree, bytes);
    CHECK(aggregator_context_read(BYTES_OF(bytes), &query, &back, NULL) == 0 && back.size == 258 &&
              query_hash_equal(&back.root, &tree.root),
          "an aggregator's context says query and tree");
    CHECK(aggregator_context_read(BYTES_OF(bytes), &other, &back, NULL) == -EINVAL, "of one query");
    CHECK(aggregator_context_read(BYTES(bytes, sizeof bytes - 1), &query, &back, NULL) == -EINVAL,
          "in one length");
}

int main(void)
{
    policy();
    others();
    context();
    return tap_done();
}
