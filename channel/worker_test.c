/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a worker's result: what is written is read back, and nothing else is read. */
#include "channel/worker.h"

#include "base/cbor.h"
#include "channel/message.h"
#include "tests/tap.h"

#include <errno.h>
#include <string.h>

static uint8_t body[WORKER_RESULT_MAX], large[WORKER_OUT_MAX + 1];

static size_t encode(const struct worker_result *r)
{
    struct writer w = writer_of(body, sizeof body);
    return worker_result_encode(r, &w) == 0 ? w.size : 0;
}

static void test_round_trips(void)
{
    struct worker_result r = {.out = BYTES_STR("{\"trips\": 3}\n"), .complete = true}, back;
    size_t n = encode(&r);
    CHECK(n > 0 && worker_result_decode(BYTES(body, n), &back, NULL) == 0 &&
              back.end == WORKER_END_STATUS && back.value == 0 && bytes_equal(back.out, r.out) &&
              back.err.size == 0 && back.complete,
          "an answer is written and read");
    r = (struct worker_result){
        .end = WORKER_END_SIGNAL, .value = 11, .err = BYTES(large, WORKER_ERR_MAX)};
    n = encode(&r);
    CHECK(n > 0 && worker_result_decode(BYTES(body, n), &back, NULL) == 0 &&
              back.end == WORKER_END_SIGNAL && back.value == 11 &&
              back.err.size == WORKER_ERR_MAX && back.out.size == 0 && !back.complete,
          "so is an end without one");
    r = (struct worker_result){.end = WORKER_END_STOPPED,
                               .value = UINT64_MAX,
                               .out = BYTES(large, WORKER_OUT_MAX),
                               .err = BYTES(large, WORKER_ERR_MAX),
                               .complete = true};
    n = encode(&r);
    CHECK(n > 0 && worker_result_decode(BYTES(body, n), &back, NULL) == 0 &&
              back.out.size == WORKER_OUT_MAX,
          "the largest fits");
    struct writer w = writer_of(body, n - 1);
    CHECK(worker_result_encode(&r, &w) == -ENOSPC && w.size == 0, "a small buffer is -ENOSPC");
}

static void test_refusals(void)
{
    struct worker_result r = {.out = BYTES_STR("1"), .complete = true}, back;
    r.out = BYTES(large, sizeof large);
    CHECK(encode(&r) == 0, "more output than fits is not written");
    r = (struct worker_result){.out = BYTES_STR("1")};
    CHECK(encode(&r) == 0, "nor output that is said not to be there");
    r = (struct worker_result){.err = BYTES(large, WORKER_ERR_MAX + 1)};
    CHECK(encode(&r) == 0, "nor too many errors");
    r = (struct worker_result){.end = WORKER_END_COUNT};
    CHECK(encode(&r) == 0, "nor an end that there is not");
    r = (struct worker_result){.out = BYTES_STR("1"), .err = BYTES_STR("e"), .complete = true};
    size_t n = encode(&r), accepted = 0;
    for (size_t i = 0; i < n; i++) {
        accepted += worker_result_decode(BYTES(body, i), &back, NULL) == 0;
    }
    CHECK(n > 0 && accepted == 0, "no part of a result is one");
    body[n] = 0;
    CHECK(worker_result_decode(BYTES(body, n + 1), &back, NULL) == -EBADMSG,
          "nor is one with bytes behind it");
    body[n - 1] = 0xf4;
    CHECK(worker_result_decode(BYTES(body, n), &back, NULL) == -EBADMSG,
          "an incomplete one has no output");
}

/* A flipped bit is refused or means something else. */
static void test_bits(void)
{
    static uint8_t again[WORKER_RESULT_MAX];
    struct worker_result r = {.value = 3,
                              .out = BYTES_STR("12"),
                              .err = BYTES_STR("e"),
                              .complete = true},
                         back;
    size_t n = encode(&r);
    bool good = true;
    for (size_t bit = 0; bit < 8 * n; bit++) {
        body[bit / 8] ^= (uint8_t)(1u << bit % 8);
        struct writer w = writer_of(again, sizeof again);
        if (worker_result_decode(BYTES(body, n), &back, NULL) == 0) {
            good = good && worker_result_encode(&back, &w) == 0 && w.size == n &&
                   memcmp(body, again, n) == 0;
        }
        body[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    CHECK(good, "whatever a flipped bit makes has one encoding or none");
}

/* The smallest and the largest give messages of one size. */
static void test_sizes(void)
{
    struct hpke_private_key to, from;
    struct worker_result r = {0};
    size_t sizes[2], n = encode(&r);
    REQUIRE(hpke_private_make(HPKE_KEM_X25519, &to) == 0 &&
            hpke_private_make(HPKE_KEM_X25519, &from) == 0);
    struct message_draft m = {.kind = MESSAGE_KIND_RESULT,
                              .context_mode = MESSAGE_CONTEXT_VALUE,
                              .context = BYTES(large, MESSAGE_ID_SIZE),
                              .to = &to.public_key,
                              .from = HPKE_FROM_SELF(&from),
                              .aead = HPKE_SUITE_DEFAULT.aead,
                              .body = BYTES(body, n)};
    sizes[0] = message_sealed_size(&m);
    r = (struct worker_result){
        .out = BYTES(large, WORKER_OUT_MAX), .err = BYTES(large, WORKER_ERR_MAX), .complete = true};
    m.body.size = encode(&r);
    sizes[1] = message_sealed_size(&m);
    CHECK(sizes[0] > 1024 * 1024 && sizes[0] == sizes[1] && sizes[0] <= WORKER_RESULT_SEALED_MAX,
          "all results have one size");
}

int main(void)
{
    test_round_trips();
    test_refusals();
    test_bits();
    test_sizes();
    return tap_done();
}
