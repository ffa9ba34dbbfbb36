/* SPDX-License-Identifier: Apache-2.0 */
/* The evidence of a run: does this file show that this program made this output from this input, on
 * a machine that I trust? It is a quote (verify/verify.h judges that) plus what the quote binds:
 *   REPORTDATA = SHA-512(claims)    nonce, digests of inputs and outputs, how the run ended
 *   CONFIGID   = SHA-512(manifest)  program, arguments, layers, policy
 * Format: abi/evidence.h. A pure function over bytes, like alcove_verify(). For the tree only: not
 * installed, since it speaks the terms of abi/.
 *
 * Trust: the evidence comes from whoever wants to be believed; expectations are the caller's. Who
 * names no expected identity learns what some enclave says about itself, and no more: any program
 * can put any claims into a quote of its own. */
#pragma once

#include "abi/evidence.h"
#include "abi/manifest.h"
#include "verify/verify.h"

enum run_reason {
    RUN_REASON_NONE = 0,
#define RUN_REASON(name, text, explanation) RUN_REASON_##name,
#include "verify/run_reasons.def"
#undef RUN_REASON
    RUN_REASON_COUNT,
};
const char *run_reason_name(enum run_reason reason);
const char *run_reason_explain(enum run_reason reason);

/* As `alcove measure` computes it. */
struct run_identity {
    uint8_t mrenclave[32], mrsigner[32], configid[64];
    size_t layer_count;
    uint8_t layer_roots[MANIFEST_LAYERS_MAX][32];
};

#define RUN_EXPECTED_FILES_MAX (2 * MANIFEST_FILES_MAX)

/* A file that the relying party holds and compares. */
struct run_expected_file {
    bool output; /* else an input */
    struct bytes name;
    uint8_t sha256[32];
};

/* Expectations are explicit: zero rejects. */
struct run_expectation {
    enum alcove_expect identity_mode, nonce_mode;
    struct run_identity identity;
    struct bytes nonce;
    size_t file_count;
    struct run_expected_file files[RUN_EXPECTED_FILES_MAX];

    /* For the quote. */
    const struct alcove_root *roots;
    size_t root_count;
    bool allow_debug;
    uint32_t accepted_statuses;
};

struct run_result {
    struct alcove_verdict verdict;
    struct alcove_result quote; /* the quote's own verdict, reasons and facts */
    uint32_t failed;            /* bits of enum run_reason */
    bool has_evidence, has_claims, has_manifest;
    struct run_claims claims; /* borrowed from the evidence */
    struct manifest manifest; /* borrowed from the evidence */
    uint32_t files_matched;   /* bit per run_expectation.files */
};

static inline bool run_result_failed(const struct run_result *r, enum run_reason reason)
{
    return (r->failed >> reason & 1) != 0;
}

/* *ret is always written; its verdict is returned too. d, if not NULL, gets the parser's sentence
 * when the evidence, claims or manifest cannot be read. */
struct alcove_verdict run_verify(struct bytes evidence, const struct run_expectation *expected,
                                 int64_t time, struct run_result *ret, struct diag *d) MUST_USE;
