/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a stored ledger, and then any sequence of queries against it: what was read has
 * these bytes, a lease is never spent beyond its rho, and no query is charged twice. */
#include <stdlib.h>
#include <string.h>

#include "query/lease.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ledger ledger;

static bool answered(const struct query_hash *query)
{
    for (uint32_t i = 0; i < ledger.answered_count; i++) {
        if (query_hash_equal(&ledger.answered[i].query, query)) {
            return true;
        }
    }
    return false;
}

/* Eight bytes a step: query, deadline, cost, time. */
static void spend(const uint8_t *data, size_t size)
{
    uint64_t spent = 0;
    ledger.has_lease = true;
    ledger.lease = (struct lease){.rho = 1000, .not_after = QUERY_TIME_MAX};
    ledger.lease.window = lease_window(ledger.head.time);
    ledger.left = ledger.lease.rho;
    for (; size >= 8; data += 8, size -= 8) {
        struct query_hash query = {{data[0] & 7}};
        enum ledger_reason reason;
        uint64_t deadline = ledger.head.time + data[1] % 8, cost = load_le16(data + 2);
        bool before = answered(&query);
        if (ledger_debit(&ledger, &query, deadline, cost, &reason, NULL) == 0) {
            spent += cost;
            if (before || !answered(&query)) {
                abort();
            }
        }
        ledger.head.time += data[4] % 4;
        if (spent > ledger.lease.rho || ledger.left != ledger.lease.rho - spent) {
            abort();
        }
    }
}

/* As the body of a lease that the owner did sign: what is read is written as the same bytes. */
static void open_body(struct bytes body)
{
    static const uint8_t scalar[32] = {1};
    static struct query_secret_key owner;
    static uint8_t statement[1024], again[1024];
    struct query_signer signer = {query_sign_with, &owner};
    struct writer w = writer_of(statement, sizeof statement), v = writer_of(again, sizeof again);
    struct lease lease;
    struct bytes rewritten;
    if (body.size > LEASE_MAX || body.size == 0) {
        return;
    }
    if (query_secret_key_read(BYTES_OF(scalar), &owner) != 0 ||
        query_signed_make("alcove-lease-1", body, &signer, &w, NULL) != 0) {
        abort();
    }
    if (lease_open(BYTES(statement, w.size), &owner.key, &lease, NULL) == 0 &&
        (lease_sign(&lease, &signer, &v, NULL) != 0 ||
         query_signed_open("alcove-lease-1", BYTES(again, v.size), LEASE_MAX, &owner.key,
                           &rewritten, NULL) != 0 ||
         !bytes_equal(body, rewritten))) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[LEDGER_SIZE_MAX * 2];
    const struct query_hash boot = {{1}}, log = {{2}};
    struct query_key key = {{4}};
    struct lease lease;
    struct writer w = writer_of(out, sizeof out);
    if (ledger_decode(BYTES(data, size), &boot, &ledger, NULL) == 0) {
        if (ledger_encode(&ledger, &w, NULL) != 0 ||
            !bytes_equal(BYTES(data, size), BYTES(out, w.size)) || w.size > LEDGER_SIZE_MAX) {
            abort();
        }
    } else {
        ledger_start(&ledger, &boot, &log);
    }
    if (lease_open(BYTES(data, size), &key, &lease, NULL) == 0) {
        abort(); /* under a key that is none */
    }
    open_body(BYTES(data, size));
    spend(data, size);
    return 0;
}
