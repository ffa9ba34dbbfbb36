/* SPDX-License-Identifier: Apache-2.0 */
/* A query's result as it is kept: what the daemon said, the log's key, and when it was checked.
 * docs/formats/query-result.md has the CDDL. Nothing is believed that does not check out, from the
 * first run on and each time that it is shown.
 *
 * Trust: the outcome and the log's proofs come from the daemon, who may want to show another
 * result; files may have passed through anybody's hands. The log's key, the query that was asked
 * and the time are the caller's. */
#pragma once

#include "base/diag.h"
#include "query/receipt.h"
#include "wire/records.h"
#include "wire/trust.h"

/* Outcome, a head, two proofs, and what CBOR puts around them. */
#define RESULT_FILE_MAX                                                                            \
    (QUERY_DOCUMENT_MAX + WIRE_RECEIPT_MAX + WIRE_EVIDENCE_MAX + 2u * QUERY_LOG_HEAD_MAX +         \
     4u * QUERY_LOG_PROOF_SIZE_MAX + 1024u)

/* Views point into the bytes that were read. */
struct result {
    struct wire_outcome outcome;
    struct bytes outcome_record; /* the same, as it came */
    bool has_log_key;            /* not in a bare outcome */
    struct query_key log_key;
    uint64_t time; /* as of when it was checked first; 0: bare */
    /* A later head, and proofs that the aggregator's tree and the outcome's head are beginnings of
     * it; all empty when nobody asked. */
    struct bytes newest, begun, extends;
};
/* Reads a result, or the bare record of an outcome. Strict; -EINVAL. */
int result_read(struct bytes file, struct result *ret, struct diag *d) MUST_USE;
/* Appends a result: from->outcome_record, log key, time, and the later head if there is one. */
int result_write(const struct result *from, struct writer *out, struct diag *d) MUST_USE;

enum result_part {
#define RESULT_PART(name, text, explanation) RESULT_PART_##name,
#include "query/result_parts.def"
#undef RESULT_PART
    RESULT_PARTS,
};
const char *result_part_text(enum result_part part);
const char *result_part_explain(enum result_part part);

/* What is believed when everything checked out. 420 KB, for the heap; borrows from the result. */
/* What the analyst's queries of this week can have cost a person who answered all of them: read from
 * the log, whose leaves say who asked. An upper bound: who declined paid nothing. */
struct query_spent {
    bool known;       /* false: nobody was asked, or could say */
    bool whole;       /* the whole log was looked through, not just its newest part */
    uint64_t rho;     /* millionths */
    uint32_t queries; /* how many these are */
};

struct result_checked {
    struct query_document doc;
    struct query_hash id, release; /* of the document; of the receipt's body */
    struct receipt receipt;
    struct trusted aggregator;
    struct query_log_head head;
    struct query_log_head newest; /* tree.size 0: no later head was asked for */
    uint64_t release_index;       /* of the release's leaf */
    uint64_t time;                /* as of when it was checked */
    struct query_spent spent;     /* not part of what was checked: query_run_spent() */
};

/* Checks everything, as of `now` (seconds since 1970). asked: the query's id; NULL: whichever the
 * result is of, which the reader has to look at. log_key: as the caller knows it. -EACCES with the
 * part that failed (also in the sentence); *ret is then not to be used. The growth of the log is
 * checked if it is there: ret->newest says. */
int result_check(const struct result *result, const struct query_hash *asked,
                 const struct query_key *log_key, uint64_t now, struct result_checked *ret,
                 enum result_part *ret_part, struct diag *d) MUST_USE;
/* A signed head, as who has seen none before takes it. -EACCES with the sentence. */
int result_head_read(const struct query_key *log_key, struct bytes head, struct query_log_head *ret,
                     struct diag *d) MUST_USE;
