/* SPDX-License-Identifier: Apache-2.0 */
/* What the user of `alcove verify` asked for, and the steps from there to a report. */
#pragma once

#include "policy.h"
#include "verify/run.h"

#define REQUEST_ROOTS_MAX      16u
#define REQUEST_COLLATERAL_MAX 64u

struct verify_request {
    const char *evidence_path;
    int64_t time;
    bool json;

    /* For both: named roots, added statuses, debug, nonce. */
    const char *root_paths[REQUEST_ROOTS_MAX];
    size_t root_count;
    uint32_t accepted_statuses; /* besides UpToDate, or besides the policy's */
    bool allow_debug;
    const char *nonce_text; /* as given; NULL: not */
    uint8_t nonce[ALCOVE_RATLS_NONCE_MAX];
    size_t nonce_size;

    /* For the evidence of a run. */
    const char *run_option;  /* one that only such evidence knows, if there was one */
    const char *expect_path; /* NULL: no expected identity */
    struct run_expectation expectation;
    const char *file_paths[RUN_EXPECTED_FILES_MAX]; /* of expectation.files */

    /* For raw evidence. */
    const char *raw_option; /* one that only such evidence knows, if there was one */
    const char *policy_path;
    struct alcove_expect_64 report_data;
    const char *collateral_paths[REQUEST_COLLATERAL_MAX];
    size_t collateral_count;

    bool print_policy; /* nothing else is asked for */
    enum policy_kind print_kind;
};

/* options.c: CLI_OK, or the status to exit with after the message was printed. */
int verify_options(int argc, char **argv, struct verify_request *ret) MUST_USE;

/* expected.c: what the run of a bundle, or an identity.json, should look like. */
int expected_identity(const char *path, struct run_identity *ret, struct diag *d) MUST_USE;
int expected_file_hash(const char *path, uint8_t ret[32], struct diag *d) MUST_USE;

/* evidence_hint.c: a sentence about a file that begins like no kind of evidence; "" for others. */
const char *evidence_hint(struct bytes evidence) MUST_USE;

/* run.c, raw.c: verify, print, and return the exit status. */
int verify_run_evidence(struct verify_request *q, struct bytes evidence) MUST_USE;
int verify_raw_evidence(struct verify_request *q, struct bytes evidence,
                        enum policy_kind kind) MUST_USE;
