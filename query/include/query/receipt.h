/* SPDX-License-Identifier: Apache-2.0 */
/* The receipt of a query: its result and all that it takes to read it, signed by the aggregator's
 * key, which its evidence binds. docs/formats/receipt.md has the CDDL.
 *
 * Numbers are whole: an entry's estimate is its noisy sum divided by the divisor, and with 95 % the
 * noise is less than the bound, divided likewise. Nothing is clamped: a count may be negative.
 *
 * Functions over bytes: no allocation, no files, no clock. Trust: receipts come from anybody. */
#pragma once

#include "query/account.h"
#include "query/document.h"

/* 37 KB. */
struct receipt {
    struct query_hash query;    /* the document's id */
    uint64_t log_index;         /* of the query's leaf */
    struct query_log_tree tree; /* the head of the log that the aggregator started with */
    uint64_t asked, answered;   /* who did not answer counts with the default vector */
    uint64_t cost;              /* micro-rho that each person was charged */
    uint32_t delta_exponent;    /* with delta = 10^-delta_exponent */
    uint64_t epsilon_pico;      /* the cost is (epsilon, delta)-DP; rounded up, units of 10^-12 */
    uint64_t bound95, divisor;
    uint8_t bundle[64];                  /* CONFIGID of the workers */
    uint8_t mrenclave[32], configid[64]; /* of the aggregator */
    uint32_t entry_count;
    int64_t values[QUERY_ENTRIES_MAX]; /* noisy sums; zero where suppressed */
    bool suppressed[QUERY_ENTRIES_MAX];
};

/* Strict. -EINVAL for the form, -EBADMSG for the signature; *ret is then zero. ret_id, if not NULL,
 * is the SHA-256 of the body: what the log's leaf of the release names. */
int receipt_open(struct bytes signed_receipt, const struct query_key *aggregator,
                 struct receipt *ret, struct query_hash *ret_id, struct diag *d) MUST_USE;
/* -EINVAL for what receipt_open() would refuse; errors of query_signed_make(). `body` is scratch of
 * RECEIPT_MAX bytes. */
int receipt_sign(const struct receipt *receipt, const struct query_signer *aggregator,
                 uint8_t *body, struct writer *out, struct diag *d) MUST_USE;

/* Does the receipt belong to this document, and say what it must? The people that were asked, cost,
 * bound and divisor of the plan; epsilon no smaller than the truth; cells suppressed exactly where
 * the threshold says; an aggregator that the document names. -EINVAL with the sentence. The log's
 * inclusion proof is checked besides. */
int receipt_check(const struct receipt *receipt, const struct query_document *doc,
                  const struct query_hash *id, struct diag *d) MUST_USE;
uint32_t receipt_suppressed(const struct receipt *receipt);
