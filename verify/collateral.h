/* SPDX-License-Identifier: Apache-2.0 */
/* Intel's signed JSON documents, read into numbers: TCB info (versions 2 and 3) and QE identity
 * (version 2). Source: Intel PCS API v3 and v4. Reading is apart from verifying: `body` holds the
 * exact bytes of the member that `signature` covers.
 * Trust: the text comes from whoever wants to be believed. */
#pragma once

#include "base/bytes.h"
#include "limits.h"
#include "verify/verify.h"

struct signed_json {
    struct bytes body;
    uint8_t signature[64];
    int64_t issue_date, next_update;
    uint32_t evaluation_number;
};

/* What a level of either document says. */
struct tcb_verdict {
    int64_t date;
    enum alcove_tcb_status status;
    struct bytes advisories; /* a JSON array of strings, well-formed; empty if absent */
};

struct tcb_level {
    uint8_t components[16];
    uint16_t pcesvn;
    struct tcb_verdict verdict;
};

struct tcb_info {
    struct signed_json document;
    bool is_sgx; /* id "SGX", or version 2, which has no id */
    uint8_t fmspc[6];
    uint8_t pceid[2];
    size_t level_count;
    struct tcb_level levels[TCB_LEVELS_MAX]; /* in the document's order */
};

struct qe_level {
    uint16_t isvsvn;
    struct tcb_verdict verdict;
};

struct qe_identity {
    struct signed_json document;
    bool is_sgx_qe; /* id "QE" */
    uint32_t miscselect, miscselect_mask;
    uint8_t attributes[16], attributes_mask[16];
    uint8_t mrsigner[32];
    uint16_t isvprodid;
    size_t level_count;
    struct qe_level levels[TCB_LEVELS_MAX];
};

bool tcb_info_read(struct bytes text, struct tcb_info *ret) MUST_USE;
bool qe_identity_read(struct bytes text, struct qe_identity *ret) MUST_USE;

/* The level that applies, NULL if none does. The first one, in the document's order, that the
 * platform reaches in every component: the service sends them in descending order, and re-sorting
 * would let two verifiers disagree. */
const struct tcb_level *tcb_level_select(const struct tcb_info *info, const uint8_t components[16],
                                         uint16_t pcesvn);
/* The highest one that is not above the enclave's ISVSVN. */
const struct qe_level *qe_level_select(const struct qe_identity *identity, uint16_t isvsvn);
/* The platform's status with the quoting enclave's folded in (Intel's "convergence"). */
enum alcove_tcb_status tcb_converge(enum alcove_tcb_status platform, enum alcove_tcb_status qe);
