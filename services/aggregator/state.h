/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the aggregator share. */
#pragma once

#include "aggregator.h"
#include "query/receipt.h"
#include "seen.h"
#include "services/kit.h"
#include "wire/trust.h"

#define AGGREGATOR_PLAIN_MAX (256u * 1024) /* the kind's largest bucket */

enum aggregator_state {
    AGGREGATOR_WAITING, /* no query yet */
    AGGREGATOR_ASKING,  /* takes contributions */
    AGGREGATOR_OVER,
};

struct aggregator {
    struct service_kit kit;
    struct alcove_cache *cache;
    enum aggregator_state state;

    /* The query. */
    struct service_buffer document; /* doc's views point into it */
    struct query_document doc;
    struct query_hash id;
    struct query_plan plan;
    struct wire_hash roots[QUERY_ROOTS_MAX];
    struct query_log_tree tree;
    uint64_t log_index, users;

    /* Made for it, in memory only. */
    struct hpke_private_key query_key;
    struct query_secret_key receipt_key;

    /* What came. */
    uint64_t answered;
    struct seen owners, boots;
    __int128 totals[QUERY_ENTRIES_MAX];

    /* Scratch; wiped after each use. */
    int64_t vector[QUERY_ENTRIES_MAX];
    uint8_t plain[AGGREGATOR_PLAIN_MAX];
    struct receipt receipt;
    uint8_t body[RECEIPT_MAX];
};

/* Opens, verifies and adds one contribution, in an aggregator that asks. 0, or -EACCES with the
 * sentence; the sums are then as before. */
int aggregator_count(struct aggregator *a, struct bytes message, struct diag *d) MUST_USE;

/* Only in the program that tests build to look at single contributions (tests/aggregator/): never
 * linked into the product. */
#ifdef AGGREGATOR_WATCH
void aggregator_watch(const uint8_t owner[32], const int64_t *vector, uint32_t count);
#endif
