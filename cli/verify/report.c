/* SPDX-License-Identifier: Apache-2.0 */
/* What both forms of the report share, and the verdict's own lines. */
#include "report.h"

#include <string.h>

#include "abi/hostcall.h"

bool report_accepted(const struct verify_report *r)
{
    return alcove_verdict_accepted(r->run != NULL ? r->run->verdict : r->result->verdict);
}

void report_each_reason(const struct verify_report *r,
                        void (*visit)(void *context, const char *name, const char *explanation),
                        void *context)
{
    for (int i = ALCOVE_REASON_NONE + 1; i < ALCOVE_REASON_COUNT; i++) {
        enum alcove_reason reason = (enum alcove_reason)i;
        if (alcove_result_failed(r->result, reason)) {
            visit(context, alcove_reason_name(reason), alcove_reason_explain(reason));
        }
    }
    for (int i = RUN_REASON_NONE + 1; r->run != NULL && i < RUN_REASON_COUNT; i++) {
        enum run_reason reason = (enum run_reason)i;
        if (run_result_failed(r->run, reason)) {
            visit(context, run_reason_name(reason), run_reason_explain(reason));
        }
    }
}

const char *report_root_kind(enum alcove_root_kind kind)
{
    switch (kind) {
    case ALCOVE_ROOT_INTEL:
        return "intel";
    case ALCOVE_ROOT_AMD:
        return "amd";
    case ALCOVE_ROOT_AWS:
        return "aws";
    case ALCOVE_ROOT_SOFTWARE:
        return "software";
    case ALCOVE_ROOT_OTHER:
        return "other";
    case ALCOVE_ROOT_NONE:
        break;
    }
    return "none";
}

bool report_is_debug(const struct alcove_result *v)
{
    const struct alcove_nitro_document *n = &v->nitro;
    bool zero_pcrs = v->has_nitro && is_zero(n->pcr, 3 * sizeof n->pcr[0]);
    return zero_pcrs || (v->has_sgx && (v->sgx.attributes_flags & ALCOVE_SGX_FLAG_DEBUG) != 0) ||
           (v->has_td && (v->td.td_attributes & ALCOVE_TD_ATTRIBUTES_DEBUG) != 0) ||
           (v->has_snp && (v->snp.policy & ALCOVE_SNP_POLICY_DEBUG) != 0);
}

int64_t report_time(const struct verify_report *r)
{
    return r->own_time ? (int64_t)(r->result->nitro.timestamp_ms / 1000) : r->request->time;
}

const char *report_compared(const struct verify_report *r, bool output, struct bytes name,
                            const char **ret_path)
{
    const struct run_expectation *x = &r->request->expectation;
    for (size_t i = 0; i < x->file_count; i++) {
        if (x->files[i].output == output && bytes_equal(x->files[i].name, name)) {
            *ret_path = r->request->file_paths[i];
            return r->run->files_matched >> i & 1 ? "matches" : "DIFFERS FROM";
        }
    }
    return NULL;
}

const char *report_exit_kind(uint64_t kind)
{
    switch (kind) {
    case EXIT_STATUS:
        return "status";
    case EXIT_SIGNAL:
        return "signal";
    case EXIT_REFUSED:
        return "refused";
    default:
        return "stopped";
    }
}

/* ---- for people ---- */

static const char *what(const struct alcove_result *v)
{
    switch (v->kind) {
    case ALCOVE_EVIDENCE_SGX_QUOTE:
        return "SGX enclave";
    case ALCOVE_EVIDENCE_TDX_QUOTE:
        return "TDX virtual machine";
    case ALCOVE_EVIDENCE_SNP_REPORT:
        return v->wrapping == ALCOVE_WRAPPING_AZURE_HCL ? "SEV-SNP guest on Azure"
                                                        : "SEV-SNP guest";
    case ALCOVE_EVIDENCE_NITRO_DOCUMENT:
        return "Nitro enclave";
    case ALCOVE_EVIDENCE_NONE:
    case ALCOVE_EVIDENCE_KIND_COUNT:
        break;
    }
    return "evidence";
}

static void print_accepted(const struct verify_report *r)
{
    const struct alcove_result *v = r->result;
    if (v->root_kind == ALCOVE_ROOT_SOFTWARE) {
        printf("accepted: " SOFTWARE_NOTICE "\n");
    } else if (r->run != NULL) {
        printf("accepted\n");
    } else {
        printf("accepted: %s%s%s\n", what(v),
               v->wrapping == ALCOVE_WRAPPING_NONE || v->wrapping == ALCOVE_WRAPPING_AZURE_HCL
                   ? ""
                   : ", holder of this TLS key",
               v->root_kind == ALCOVE_ROOT_OTHER
                   ? "; its root is one that you named, not a maker's of processors"
                   : "");
    }
    if (v->collateral_grace_used) {
        printf("  thanks to the policy's grace: collateral had expired\n");
    }
    if (v->platform_grace_used) {
        printf("  thanks to the policy's grace: the platform is out of date\n");
    }
    if (report_is_debug(v)) {
        printf("  in DEBUG mode: its host can read and change everything\n");
    }
}

struct reasons {
    const struct verify_report *report;
    size_t count;
};

static void print_reason(void *context, const char *name, const char *explanation)
{
    struct reasons *x = context;
    if (x->count++ > 0) {
        printf("  %s %s: %s\n", x->count == 2 ? "also:" : "     ", name, explanation);
        return;
    }
    printf("rejected: ");
    for (const char *p = name; *p; p++) {
        putchar(*p == '-' ? ' ' : *p);
    }
    printf("\n  %s\n", explanation);
    if (x->report->note[0] != '\0') {
        printf("  %s\n", x->report->note);
    }
    if (x->report->missing[0] != '\0') {
        printf("  missing in the policy: %s\n", x->report->missing);
    }
}

void report_text(const struct verify_report *r)
{
    struct reasons x = {r, 0};
    if (report_accepted(r)) {
        print_accepted(r);
    } else {
        report_each_reason(r, print_reason, &x);
        if (x.count == 0) {
            printf("rejected: no verdict\n");
        }
    }
    if (r->run != NULL && !r->run->has_evidence) {
        return;
    }
    if (!report_accepted(r)) {
        printf("what the evidence says, which is NOT to be believed:\n");
    }
    if (r->run != NULL) {
        run_text(r);
    } else {
        facts_text(r);
    }
    facts_text_machine(r);
}

/* ---- for programs ---- */

static void json_reason(void *context, const char *name, const char *explanation)
{
    struct json_out *j = context;
    json_open(j, NULL, '{');
    json_put_string(j, "name", name);
    json_put_string(j, "explanation", explanation);
    json_close(j, '}');
}

static void json_reason_name(void *context, const char *name, const char *explanation)
{
    (void)explanation;
    json_put_string(context, NULL, name);
}

static void first_name(void *context, const char *name, const char *explanation)
{
    const char **first = context;
    (void)explanation;
    *first = *first != NULL ? *first : name;
}

/* "a, b" as an array. */
static void json_missing(struct json_out *j, const char *keys)
{
    json_open(j, "missing_policy_keys", '[');
    while (*keys != '\0') {
        size_t size = strcspn(keys, ",");
        json_put_text(j, NULL, BYTES(keys, size));
        keys += size + strspn(keys + size, ", ");
    }
    json_close(j, ']');
}

void report_json(const struct verify_report *r)
{
    struct json_out j = {0};
    const char *first = NULL;
    report_each_reason(r, first_name, &first);
    json_open(&j, NULL, '{');
    json_put_string(&j, "format", "alcove-verdict-1");
    json_put_string(&j, "verdict", report_accepted(r) ? "accepted" : "rejected");
    json_put_string(&j, "first_reason", first);
    json_open(&j, "failed", '[');
    report_each_reason(r, json_reason_name, &j);
    json_close(&j, ']');
    json_open(&j, "reasons", '[');
    report_each_reason(r, json_reason, &j);
    json_close(&j, ']');
    json_put_string(&j, "evidence", r->run != NULL ? "run" : policy_kind_name(r->kind));
    json_missing(&j, r->missing);
    json_put_date(&j, "time", report_time(r));
    json_put_bool(&j, "time_of_document", r->own_time);
    facts_json(r->result, &j);
    if (r->run != NULL) {
        run_json(r, &j);
    }
    json_close(&j, '}');
    putchar('\n');
}
