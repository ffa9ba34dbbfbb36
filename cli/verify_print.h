/* SPDX-License-Identifier: Apache-2.0 */
/* How `alcove verify` reports: for people and, with --json, for programs
 * (docs/formats/verify-json.md). Trust: names, arguments and paths come from the evidence; whatever
 * a terminal might obey is escaped. */
#pragma once

#include "verify/run.h"

/* What the user asked for, as far as the report repeats it. */
struct verify_request {
    const char *evidence_path;
    const char *expect_path; /* NULL: no expected identity */
    bool nonce_given;
    int64_t time;
    const struct run_expectation *expectation;
    const char *file_paths[RUN_EXPECTED_FILES_MAX]; /* of expectation->files */
    const char *parse_error;                        /* a parser's sentence, "" if none */
};

#define SOFTWARE_NOTICE "SOFTWARE machine: not hardware-protected"

void verify_print_text(const struct verify_request *q, const struct run_result *r);
void verify_print_json(const struct verify_request *q, const struct run_result *r);
