/* SPDX-License-Identifier: Apache-2.0 */
/* Intel's signed JSON documents, read into numbers: TCB info (versions 2 and 3) and QE identity
 * (version 2). Source: Intel PCS API v3 and v4. Reading is apart from verifying: `body` holds the
 * exact bytes of the member that `signature` covers.
 * Trust: the text comes from whoever wants to be believed. */
#pragma once

#include "base/bytes.h"
#include "verify/limits.h"
#include "verify/verify.h"

struct signed_json {
    struct bytes body;
    uint8_t body_sha256[32];
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
    uint8_t tdx_components[16]; /* of TDX documents */
    uint16_t pcesvn;
    struct tcb_verdict verdict;
};

/* A level of an enclave or module that has a security version of its own. */
struct svn_level {
    uint16_t isvsvn;
    struct tcb_verdict verdict;
};

/* What a TDX module must be. */
struct tdx_module {
    uint8_t mrsigner[48];
    uint64_t attributes, attributes_mask;
};

/* A TDX module of one major version, with levels by minor version. */
struct tdx_module_identity {
    uint8_t version; /* from the id, "TDX_01" */
    struct tdx_module module;
    size_t level_count;
    struct svn_level levels[TDX_MODULE_LEVELS_MAX];
};

struct tcb_info {
    struct signed_json document;
    bool is_sgx; /* id "SGX", or version 2, which has no id */
    bool is_tdx; /* id "TDX" */
    bool has_tdx_module;
    struct tdx_module tdx_module; /* of modules of version 0 */
    size_t module_count;
    struct tdx_module_identity modules[TDX_MODULES_MAX];
    uint8_t fmspc[6];
    uint8_t pceid[2];
    size_t level_count;
    struct tcb_level levels[TCB_LEVELS_MAX]; /* in the document's order */
};

struct qe_identity {
    struct signed_json document;
    bool is_sgx_qe; /* id "QE" */
    bool is_td_qe;  /* id "TD_QE" */
    uint32_t miscselect, miscselect_mask;
    uint8_t attributes[16], attributes_mask[16];
    uint8_t mrsigner[32];
    uint16_t isvprodid;
    size_t level_count;
    struct svn_level levels[TCB_LEVELS_MAX];
};

bool tcb_info_read(struct bytes text, struct tcb_info *ret) MUST_USE;
bool qe_identity_read(struct bytes text, struct qe_identity *ret) MUST_USE;
/* For copies whose text lies elsewhere now: views that pointed into it at `from` point into `text`.
 */
void tcb_info_move(struct tcb_info *info, uintptr_t from, struct bytes text);
void qe_identity_move(struct qe_identity *id, uintptr_t from, struct bytes text);

/* The level that applies, NULL if none does. The first one, in the document's order, that the
 * platform reaches in every component: the service sends them in descending order, and re-sorting
 * would let two verifiers disagree. tee_tcb_svn is the TD report's for TDX, NULL for SGX; where it
 * names a module version, its first two elements are the module's and have levels of their own. */
const struct tcb_level *tcb_level_select(const struct tcb_info *info, const uint8_t components[16],
                                         uint16_t pcesvn, const uint8_t *tee_tcb_svn);
/* The highest one that is not above the security version. */
const struct svn_level *svn_level_select(const struct svn_level *levels, size_t count,
                                         uint16_t isvsvn);
/* The identity of modules of this version; NULL if there is none. */
const struct tdx_module_identity *tdx_module_find(const struct tcb_info *info, uint8_t version);
/* The platform's status with that of a quoting enclave or module folded in (Intel: convergence). */
enum alcove_tcb_status tcb_converge(enum alcove_tcb_status platform, enum alcove_tcb_status part);
/* A TD was launched under one status, and under the software that runs now would have another: is
 * launching it again worth while? Otherwise the launch's status. */
enum alcove_tcb_status tcb_relaunch(enum alcove_tcb_status launch, enum alcove_tcb_status current);
