/* SPDX-License-Identifier: Apache-2.0 */
/* Names and explanations, from the tables. */
#include "verify/verify.h"

static const char *const reason_names[] = {
    [ALCOVE_REASON_NONE] = "none",
#define REASON(name, text, explanation) [ALCOVE_REASON_##name] = text,
#include "verify/reasons.def"
#undef REASON
};

static const char *const reason_explanations[] = {
    [ALCOVE_REASON_NONE] = "no check failed",
#define REASON(name, text, explanation) [ALCOVE_REASON_##name] = explanation,
#include "verify/reasons.def"
#undef REASON
};

static const char *const status_names[] = {
    [ALCOVE_TCB_NONE] = "none",
#define STATUS(name, text) [ALCOVE_TCB_##name] = text,
#include "verify/statuses.def"
#undef STATUS
};

static const char *const kind_names[] = {
    [ALCOVE_EVIDENCE_NONE] = "none",
    [ALCOVE_EVIDENCE_SGX_QUOTE] = "sgx-quote",
    [ALCOVE_EVIDENCE_TDX_QUOTE] = "tdx-quote",
    [ALCOVE_EVIDENCE_SNP_REPORT] = "snp-report",
    [ALCOVE_EVIDENCE_NITRO_DOCUMENT] = "nitro-document",
};

static const char *const wrapping_names[] = {
    [ALCOVE_WRAPPING_NONE] = "none",
    [ALCOVE_WRAPPING_RATLS] = "ra-tls",
    [ALCOVE_WRAPPING_RATLS_LEGACY_GRAMINE] = "ra-tls-legacy-gramine",
    [ALCOVE_WRAPPING_RATLS_LEGACY_RATS_TLS] = "ra-tls-legacy-rats-tls",
    [ALCOVE_WRAPPING_AZURE_HCL] = "azure-hcl",
};

static const char *const product_names[] = {
    [ALCOVE_SNP_UNKNOWN] = "unknown",
    [ALCOVE_SNP_MILAN] = "Milan",
    [ALCOVE_SNP_GENOA] = "Genoa",
    [ALCOVE_SNP_TURIN] = "Turin",
};

const char *alcove_reason_name(enum alcove_reason reason)
{
    return (unsigned)reason < ALCOVE_REASON_COUNT ? reason_names[reason] : NULL;
}

const char *alcove_reason_explain(enum alcove_reason reason)
{
    return (unsigned)reason < ALCOVE_REASON_COUNT ? reason_explanations[reason] : NULL;
}

const char *alcove_tcb_status_name(enum alcove_tcb_status status)
{
    return (unsigned)status < ALCOVE_TCB_STATUS_COUNT ? status_names[status] : NULL;
}

enum alcove_tcb_status alcove_tcb_status_by_name(const char *name)
{
    for (int s = ALCOVE_TCB_NONE + 1; s < ALCOVE_TCB_STATUS_COUNT; s++) {
        if (__builtin_strcmp(name, status_names[s]) == 0) {
            return (enum alcove_tcb_status)s;
        }
    }
    return ALCOVE_TCB_NONE;
}

const char *alcove_evidence_kind_name(enum alcove_evidence_kind kind)
{
    return (unsigned)kind < ALCOVE_EVIDENCE_KIND_COUNT ? kind_names[kind] : NULL;
}

const char *alcove_wrapping_name(enum alcove_wrapping wrapping)
{
    return (unsigned)wrapping < ALCOVE_WRAPPING_COUNT ? wrapping_names[wrapping] : NULL;
}

const char *alcove_snp_product_name(enum alcove_snp_product product)
{
    return (unsigned)product < ALCOVE_SNP_PRODUCT_COUNT ? product_names[product] : NULL;
}
