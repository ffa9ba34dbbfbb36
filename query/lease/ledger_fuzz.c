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
    spend(data, size);
    return 0;
}
