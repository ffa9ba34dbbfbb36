/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: a query's result, forged as an honest daemon, log and aggregator would make it under a
 * root of our own; each member may be changed before it is put together. */
#pragma once

#include "query/result.h"

#include "forge/forge.h"

#define FORGED_TIME ((uint64_t)FORGE_NOW)

struct forged {
    /* By forged_begin(); to be changed at will. */
    struct query_document doc; /* of question, entries, bounds; forged_seal() encodes it */
    struct query_secret_key log, signing, other;
    struct forge_spec spec; /* of the aggregator's evidence */
    struct manifest manifest;
    struct binding binding;
    struct receipt receipt;
    /* By forged_seal(); to be changed at will before forged_file(). */
    uint8_t document[QUERY_DOCUMENT_MAX];
    size_t document_size;
    struct query_hash id;
    struct query_log_tree seen; /* by the aggregator: the first three leaves */
    uint8_t context[AGGREGATOR_CONTEXT_SIZE];
    const struct query_secret_key *signs; /* the receipt */
    struct query_hash released;           /* in the release's leaf */
    bool has_released;                    /* ... is not the receipt's own */
    uint64_t query_index, release_index;
    bool bare, asked_later;
};

/* 1: everything is honest. Entries: name and value of each; the caller sets aggregate and bounds in
 * f->doc.schema, and the entries' ranges and units. */
void forged_begin(struct forged *f);
void forged_entry(struct forged *f, const char *name, const char *unit, int64_t high,
                  int64_t value);
/* 2: makes the document, what the aggregator saw, and a receipt that fits. */
void forged_seal(struct forged *f, uint64_t asked, uint64_t answered);
/* 3: the file. */
size_t forged_file(struct forged *f, uint8_t *out, size_t capacity);
/* 1 and 2 for an example: "share", "histogram", "mean", "quantile", "od", "count"; "week" with 168
 * entries, "zones" with 1600, "hostile" texts, "empty": noise alone. */
void forged_example(struct forged *f, const char *name);
