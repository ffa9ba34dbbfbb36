/* SPDX-License-Identifier: Apache-2.0 */
/* How `alcove verify` reports: for people and, with --json, for programs
 * (docs/formats/verify-json.md). Nothing is decided here. */
#pragma once

#include "print.h"
#include "request.h"

#define SOFTWARE_NOTICE "SOFTWARE machine: not hardware-protected"

struct verify_report {
    const struct verify_request *request;
    const struct alcove_result *result;
    const struct run_result *run; /* NULL: raw evidence, of this kind */
    enum policy_kind kind;
    const struct alcove_root *roots; /* those that the user named */
    size_t root_count;
    bool own_time;       /* checked as of the evidence's own timestamp: not known to be fresh */
    const char *note;    /* a further sentence about a rejection, "" if none */
    const char *missing; /* keys that the policy leaves out: "sgx.signer, ..."; "" if none */
};

void report_text(const struct verify_report *r);
void report_json(const struct verify_report *r);

/* ---- Between the files of the report ---- */

bool report_accepted(const struct verify_report *r);
/* Calls back for every check that failed, in order: the quote's, then the run's. */
void report_each_reason(const struct verify_report *r,
                        void (*visit)(void *context, const char *name, const char *explanation),
                        void *context);
const char *report_root_kind(enum alcove_root_kind kind);
bool report_is_debug(const struct alcove_result *v);
/* As of when it was checked. */
int64_t report_time(const struct verify_report *r);
/* Is this claimed file among those that the user named, and does it match? NULL: not named. */
const char *report_compared(const struct verify_report *r, bool output, struct bytes name,
                            const char **ret_path);
const char *report_exit_kind(uint64_t kind);

/* facts_text.c, facts_json.c: what the evidence says, by kind, and who vouches for it. */
void facts_text(const struct verify_report *r);
void facts_text_machine(const struct verify_report *r);
void facts_json(const struct alcove_result *v, struct json_out *j);
/* run_text.c, run_json.c: what the evidence of a run says besides. */
void run_text(const struct verify_report *r);
void run_json(const struct verify_report *r, struct json_out *j);
