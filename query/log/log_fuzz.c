/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as leaf, proof and signed head: readers stay inside, what they accept has one spelling,
 * and a proof of whatever form never shows a tree that its leaves do not make. */
#include <stdlib.h>
#include <string.h>

#include "query/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(struct bytes a, struct writer b)
{
    if (b.failed || !bytes_equal(a, BYTES(b.data, b.size))) {
        abort();
    }
}

/* As the body of a head that the log's key did sign, to somebody who holds none. */
static void advance(struct bytes body)
{
    static const uint8_t scalar[32] = {1}, no_proof[] = {0x80};
    static struct query_secret_key key;
    static uint8_t statement[1024];
    struct query_signer signer = {query_sign_with, &key};
    struct writer w = writer_of(statement, sizeof statement);
    struct query_log_head held = {.tree = query_log_empty()};
    enum query_log_reason reason;
    if (body.size > QUERY_LOG_HEAD_MAX || body.size == 0) {
        return;
    }
    if (query_secret_key_read(BYTES_OF(scalar), &key) != 0 ||
        query_signed_make("alcove-log-head-1", body, &signer, &w, NULL) != 0) {
        abort();
    }
    memset(held.log.data, 1, sizeof held.log.data);
    if (query_log_advance(&held, &key.key, BYTES(statement, w.size), BYTES_OF(no_proof), &reason,
                          NULL) == 0 &&
        (held.tree.size > QUERY_LOG_SIZE_MAX || held.time > QUERY_TIME_MAX)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[4096];
    struct bytes input = BYTES(data, size);
    struct query_log_leaf leaf;
    if (query_log_leaf_decode(input, &leaf, NULL) == 0) {
        struct writer w = writer_of(out, sizeof out);
        if (query_log_leaf_encode(&leaf, &w, NULL) != 0) {
            abort();
        }
        same(input, w);
    }
    struct query_log_proof proof;
    if (query_log_proof_decode(input, &proof) == 0) {
        struct writer w = writer_of(out, sizeof out);
        if (query_log_proof_encode(&proof, &w) != 0) {
            abort();
        }
        same(input, w);
        /* Roots that nothing hashes to. */
        struct query_log_tree five = {5, {{1}}}, seven = {7 + size, {{2}}};
        if (query_log_check_inclusion(&seven, size % 7, &five.root, &proof) == 0 ||
            query_log_check_consistency(&five, &seven, &proof) == 0) {
            abort();
        }
    }
    struct query_key key = {{4}};
    struct bytes body;
    if (query_signed_open("alcove-log-head-1", input, QUERY_LOG_HEAD_MAX, &key, &body, NULL) == 0) {
        abort(); /* under a key that is none */
    }
    advance(input);
    return 0;
}
