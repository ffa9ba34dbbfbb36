/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker is told and what it says (docs/formats/parties.md, python/alcove/worker.py), and
 * what a script says that it has (python/alcove/__main__.py).
 *
 * Trust: replies and descriptions come from a process that ran a researcher's script: anything. */
#pragma once

#include "base/diag.h"
#include "query/document.h"

#define CALL_DAYS_MAX        QUERY_DAYS_MAX
#define CALL_BODY_MAX        (16u * 1024 * 1024) /* a task (docs/formats/worker.md) */
#define REPLY_MAX            (256u * 1024)
#define REPLY_PROCESSED_MAX  (240u * 1024)
#define SCRIPT_FUNCTIONS_MAX 64 /* more than anybody asks of one script */

struct call_day {
    uint64_t day; /* since 1970-01-01 */
    struct bytes data;
};

struct call {
    const struct call_day *days; /* rising */
    size_t day_count;
    struct bytes function; /* empty: process the one day */
    uint32_t entry_count;
};

/* How many bytes call_encode() writes at most. */
size_t call_size(const struct call *call);
void call_encode(const struct call *call, struct writer *out);

struct reply {
    struct bytes processed; /* borrowed; has data for calls that process a day */
    uint32_t entry_count;
    int64_t vector[QUERY_ENTRIES_MAX];
};

/* Strict: what a custodian takes as an answer to this call. -EINVAL otherwise. */
int reply_decode(struct bytes cbor, const struct call *call, struct reply *ret,
                 struct diag *d) MUST_USE;

struct script_function {
    struct bytes name;          /* borrowed, as all labels */
    struct query_schema schema; /* entries are allocated with the labels */
    struct query_entry *entries;
    struct query_label *labels;
};

struct script {
    bool processes;
    uint32_t function_count;
    struct script_function functions[SCRIPT_FUNCTIONS_MAX];
};

/* -EINVAL for what is no description or has a schema that no query document may have; -ENOMEM.
 * *ret must be released also after a failure. */
int script_decode(struct bytes cbor, struct script *ret, struct diag *d) MUST_USE;
void script_done(struct script *script);
