/* SPDX-License-Identifier: Apache-2.0 */
/* Prints what the verifier found. Nothing is decided here. */
#include "verify_print.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "abi/hostcall.h"

#define HEX_MAX 64

/* ---- shared pieces ---- */

struct hex {
    char text[2 * HEX_MAX + 1];
};
static struct hex hex_of(const void *data, size_t size)
{
    struct hex h;
    hex_encode(h.text, data, size < HEX_MAX ? size : HEX_MAX);
    return h;
}
#define HEX(array) hex_of(array, sizeof(array)).text

struct date {
    char text[32];
};
static struct date date_of(int64_t seconds)
{
    struct date d = {"unknown"};
    time_t t = (time_t)seconds;
    struct tm tm;
    if (seconds != 0 && gmtime_r(&t, &tm) != NULL) {
        strftime(d.text, sizeof d.text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    }
    return d;
}

static bool accepted(const struct run_result *r)
{
    return alcove_verdict_accepted(r->verdict);
}

/* The first reason of all, quote's before the run's; NULL when accepted. */
static const char *first_reason(const struct run_result *r, const char **ret_explanation)
{
    if (r->quote.first_reason != ALCOVE_REASON_NONE) {
        *ret_explanation = alcove_reason_explain(r->quote.first_reason);
        return alcove_reason_name(r->quote.first_reason);
    }
    for (int i = RUN_REASON_NONE + 1; i < RUN_REASON_COUNT; i++) {
        if (run_result_failed(r, (enum run_reason)i)) {
            *ret_explanation = run_reason_explain((enum run_reason)i);
            return run_reason_name((enum run_reason)i);
        }
    }
    return NULL;
}

/* Calls back for every reason, in order. */
static void each_reason(const struct run_result *r,
                        void (*visit)(const char *name, const char *explanation, size_t index))
{
    size_t n = 0;
    for (int i = ALCOVE_REASON_NONE + 1; i < ALCOVE_REASON_COUNT; i++) {
        enum alcove_reason reason = (enum alcove_reason)i;
        if (alcove_result_failed(&r->quote, reason)) {
            visit(alcove_reason_name(reason), alcove_reason_explain(reason), n++);
        }
    }
    for (int i = RUN_REASON_NONE + 1; i < RUN_REASON_COUNT; i++) {
        enum run_reason reason = (enum run_reason)i;
        if (run_result_failed(r, reason)) {
            visit(run_reason_name(reason), run_reason_explain(reason), n++);
        }
    }
}

static const char *root_kind_name(enum alcove_root_kind kind)
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

static const char *exit_kind_name(uint64_t kind)
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

/* Is this claimed file among those that the user named, and does it match? NULL: not named. */
static const char *compared(const struct verify_request *q, const struct run_result *r, bool output,
                            struct bytes name, const char **ret_path)
{
    const struct run_expectation *x = q->expectation;
    for (size_t i = 0; i < x->file_count; i++) {
        if (x->files[i].output == output && bytes_equal(x->files[i].name, name)) {
            *ret_path = q->file_paths[i];
            return r->files_matched >> i & 1 ? "matches" : "DIFFERS FROM";
        }
    }
    return NULL;
}

/* ---- for people ---- */

/* Text from the evidence: printable ASCII as it is, the rest escaped. */
static void put_text(struct bytes b)
{
    for (size_t i = 0; i < b.size; i++) {
        uint8_t c = b.data[i];
        if (c >= 0x20 && c < 0x7f && c != '\\') {
            putchar(c);
        } else {
            printf("\\x%02x", c);
        }
    }
}

static void put_line(const char *label)
{
    printf("  %-11s ", label);
}

static void print_reason(const char *name, const char *explanation, size_t index)
{
    if (index == 0) {
        return; /* it is the headline */
    }
    printf("  %s %s: %s\n", index == 1 ? "also:" : "     ", name, explanation);
}

static void print_verdict(const struct verify_request *q, const struct run_result *r)
{
    const char *explanation = "";
    const char *reason = first_reason(r, &explanation);
    bool software = r->quote.root_kind == ALCOVE_ROOT_SOFTWARE;
    if (accepted(r)) {
        printf("accepted%s\n", software ? ": " SOFTWARE_NOTICE : "");
        return;
    }
    printf("rejected: ");
    for (const char *p = reason ? reason : "no verdict"; *p; p++) {
        putchar(*p == '-' ? ' ' : *p);
    }
    printf("\n  %s\n", explanation);
    if (q->parse_error[0] != '\0') {
        printf("  %s\n", q->parse_error);
    }
    each_reason(r, print_reason);
}

static void print_program(const struct manifest *m)
{
    printf("program\n");
    put_line("entry");
    put_text(m->entry);
    printf("\n");
    put_line("arguments");
    for (size_t i = 0; i < m->argv_count; i++) {
        printf("%s", i ? " " : "");
        put_text(m->argv[i]);
    }
    printf("\n");
    for (size_t i = 0; i < m->layer_count; i++) {
        put_line("layer");
        printf("%s ", HEX(m->layers[i].root));
        put_text(m->layers[i].name);
        printf("\n");
    }
    put_line("debug");
    printf("%s\n", m->debug ? "YES: the host can read and change everything" : "no");
    put_line("console");
    printf("stdin %s, stdout %s, stderr %s\n", m->stdin_host ? "from the host" : "none",
           m->stdout_host ? "to the host" : "dropped", m->stderr_host ? "to the host" : "dropped");
    put_line("network");
    printf("denied\n");
}

static void print_identity(const struct verify_request *q, const struct run_result *r)
{
    const struct alcove_sgx_report *s = &r->quote.sgx;
    printf("identity\n");
    put_line("MRENCLAVE");
    printf("%s\n", HEX(s->mrenclave));
    put_line("MRSIGNER");
    printf("%s\n", HEX(s->mrsigner));
    struct hex configid = hex_of(s->configid, sizeof s->configid);
    put_line("CONFIGID");
    printf("%.64s\n", configid.text);
    put_line("");
    printf("%s\n", configid.text + 64);
    put_line("expected");
    if (q->expect_path == NULL) {
        printf("nothing: compare these with 'alcove measure', or name the program with --expect;\n"
               "              any program can make evidence of its own\n");
        return;
    }
    bool same = !run_result_failed(r, RUN_REASON_EXPECTED_MRENCLAVE) &&
                !run_result_failed(r, RUN_REASON_EXPECTED_MRSIGNER) &&
                !run_result_failed(r, RUN_REASON_EXPECTED_CONFIGID) &&
                !run_result_failed(r, RUN_REASON_EXPECTED_LAYERS);
    printf("%s %s\n", same ? "the same as" : "ANOTHER PROGRAM than", q->expect_path);
}

static void print_files(const struct verify_request *q, const struct run_result *r, bool output)
{
    const struct run_claims *c = &r->claims;
    size_t count = output ? c->output_count : c->input_count;
    const struct claim_file *files = output ? c->outputs : c->inputs;
    for (size_t i = 0; i < count; i++) {
        const char *path = NULL;
        const char *match = compared(q, r, output, files[i].name, &path);
        put_line(output ? "output" : "input");
        printf("%s ", HEX(files[i].sha256));
        put_text(files[i].name);
        if (match != NULL) {
            printf(" %s %s", match, path);
        }
        printf("\n");
    }
}

static void print_run(const struct verify_request *q, const struct run_result *r)
{
    const struct run_claims *c = &r->claims;
    printf("run\n");
    put_line("nonce");
    printf("%s%s\n", c->nonce.size ? hex_of(c->nonce.data, c->nonce.size).text : "none",
           !q->nonce_given                          ? " (not compared; give --nonce)"
           : run_result_failed(r, RUN_REASON_NONCE) ? " NOT the expected one"
                                                    : " as expected");
    print_files(q, r, false);
    print_files(q, r, true);
    put_line("exit");
    printf("%s %llu\n", exit_kind_name(c->exit_kind), (unsigned long long)c->exit_value);
}

static void print_machine(const struct verify_request *q, const struct run_result *r)
{
    const struct alcove_result *v = &r->quote;
    bool named = !alcove_result_failed(v, ALCOVE_REASON_SOFTWARE_ROOT) &&
                 !alcove_result_failed(v, ALCOVE_REASON_UNKNOWN_ROOT);
    printf("machine\n");
    put_line("kind");
    switch (v->root_kind) {
    case ALCOVE_ROOT_INTEL:
        printf("Intel SGX\n");
        break;
    case ALCOVE_ROOT_AMD:
        printf("AMD SEV-SNP\n");
        break;
    case ALCOVE_ROOT_AWS:
        printf("AWS Nitro\n");
        break;
    case ALCOVE_ROOT_SOFTWARE:
        printf(SOFTWARE_NOTICE "\n");
        break;
    case ALCOVE_ROOT_OTHER:
        printf("whatever the owner of this root certifies: not Intel hardware\n");
        break;
    case ALCOVE_ROOT_NONE:
        printf("unknown\n");
        return;
    }
    put_line("root");
    printf("%s (SHA-256 of its key)%s\n", HEX(v->root_spki_sha256),
           v->root_kind == ALCOVE_ROOT_INTEL ? ""
           : named                           ? ", named by you"
                                             : ", not named by you");
    put_line("TCB");
    printf("%s", alcove_tcb_status_name(v->tcb_status));
    for (size_t i = 0; i < v->advisory_count; i++) {
        printf("%s%s", i ? ", " : "; advisories ", v->advisories[i]);
    }
    printf("\n");
    put_line("platform");
    printf("FMSPC %s, TCB of %.10s\n", v->has_platform ? HEX(v->fmspc) : "unknown",
           date_of(v->tcb_date).text);
    put_line("valid");
    printf("until %s, checked as of %s\n", date_of(v->earliest_expiration).text,
           date_of(q->time).text);
}

void verify_print_text(const struct verify_request *q, const struct run_result *r)
{
    print_verdict(q, r);
    if (!r->has_evidence) {
        return;
    }
    if (!accepted(r)) {
        printf("what the evidence says, which is NOT to be believed:\n");
    }
    if (r->has_manifest) {
        print_program(&r->manifest);
    }
    if (r->quote.has_sgx) {
        print_identity(q, r);
    }
    if (r->has_claims) {
        print_run(q, r);
    }
    print_machine(q, r);
}

/* ---- for programs ---- */

static void json_text(struct bytes b)
{
    putchar('"');
    for (size_t i = 0; i < b.size; i++) {
        uint8_t c = b.data[i];
        if (c == '"' || c == '\\') {
            printf("\\%c", c);
        } else if (c < 0x20 || c == 0x7f) {
            printf("\\u%04x", c);
        } else {
            putchar(c); /* texts of the formats are valid UTF-8 */
        }
    }
    putchar('"');
}

static void json_string(const char *s)
{
    json_text(BYTES(s, strlen(s)));
}

static void json_hex(const char *key, const void *data, size_t size)
{
    printf("\"%s\": \"%s\"", key, hex_of(data, size).text);
}

static void json_date(const char *key, int64_t seconds)
{
    printf("\"%s\": ", key);
    if (seconds == 0) {
        printf("null");
    } else {
        json_string(date_of(seconds).text);
    }
}

static void json_reason(const char *name, const char *explanation, size_t index)
{
    printf("%s{\"name\": \"%s\", \"explanation\": ", index ? ", " : "", name);
    json_string(explanation);
    printf("}");
}

static void json_machine(const struct alcove_result *v)
{
    printf(",\n \"machine\": {\"root\": \"%s\", ", root_kind_name(v->root_kind));
    json_hex("root_spki_sha256", v->root_spki_sha256, sizeof v->root_spki_sha256);
    printf(", \"software\": %s, ", v->root_kind == ALCOVE_ROOT_SOFTWARE ? "true" : "false");
    printf("\"tcb_status\": \"%s\", \"platform_status\": \"%s\", \"qe_status\": \"%s\", ",
           alcove_tcb_status_name(v->tcb_status), alcove_tcb_status_name(v->platform_status),
           alcove_tcb_status_name(v->qe_status));
    printf("\"advisories\": [");
    for (size_t i = 0; i < v->advisory_count; i++) {
        printf("%s", i ? ", " : "");
        json_string(v->advisories[i]);
    }
    printf("], ");
    json_date("tcb_date", v->tcb_date);
    printf(", ");
    json_date("earliest_issue", v->earliest_issue);
    printf(", ");
    json_date("earliest_expiration", v->earliest_expiration);
    printf(", \"tcb_evaluation_number\": %u, ", v->tcb_evaluation_number);
    json_hex("fmspc", v->fmspc, v->has_platform ? sizeof v->fmspc : 0);
    printf("}");
}

static void json_report(const struct alcove_sgx_report *s)
{
    printf(",\n \"report\": {");
    json_hex("mrenclave", s->mrenclave, sizeof s->mrenclave);
    printf(", ");
    json_hex("mrsigner", s->mrsigner, sizeof s->mrsigner);
    printf(", ");
    json_hex("configid", s->configid, sizeof s->configid);
    printf(", \"isvprodid\": %u, \"isvsvn\": %u, \"debug\": %s, ", s->isvprodid, s->isvsvn,
           s->attributes_flags & ALCOVE_SGX_FLAG_DEBUG ? "true" : "false");
    json_hex("report_data", s->report_data, sizeof s->report_data);
    printf("}");
}

static void json_program(const struct manifest *m)
{
    printf(",\n \"program\": {\"entry\": ");
    json_text(m->entry);
    printf(", \"argv\": [");
    for (size_t i = 0; i < m->argv_count; i++) {
        printf("%s", i ? ", " : "");
        json_text(m->argv[i]);
    }
    printf("], \"layers\": [");
    for (size_t i = 0; i < m->layer_count; i++) {
        printf("%s{\"name\": ", i ? ", " : "");
        json_text(m->layers[i].name);
        printf(", ");
        json_hex("root", m->layers[i].root, sizeof m->layers[i].root);
        printf("}");
    }
    printf("], \"debug\": %s}", m->debug ? "true" : "false");
}

static void json_files(const char *key, const struct verify_request *q, const struct run_result *r,
                       bool output)
{
    size_t count = output ? r->claims.output_count : r->claims.input_count;
    const struct claim_file *files = output ? r->claims.outputs : r->claims.inputs;
    printf(", \"%s\": [", key);
    for (size_t i = 0; i < count; i++) {
        const char *path = NULL;
        const char *match = compared(q, r, output, files[i].name, &path);
        printf("%s{\"name\": ", i ? ", " : "");
        json_text(files[i].name);
        printf(", ");
        json_hex("sha256", files[i].sha256, sizeof files[i].sha256);
        printf(", \"matches\": %s}", match == NULL                   ? "null"
                                     : strcmp(match, "matches") == 0 ? "true"
                                                                     : "false");
    }
    printf("]");
}

static void json_run(const struct verify_request *q, const struct run_result *r)
{
    const struct run_claims *c = &r->claims;
    printf(",\n \"run\": {");
    json_hex("nonce", c->nonce.data, c->nonce.size);
    printf(", \"nonce_compared\": %s", q->nonce_given ? "true" : "false");
    json_files("inputs", q, r, false);
    json_files("outputs", q, r, true);
    printf(", \"exit\": {\"kind\": \"%s\", \"value\": %llu}}", exit_kind_name(c->exit_kind),
           (unsigned long long)c->exit_value);
}

void verify_print_json(const struct verify_request *q, const struct run_result *r)
{
    printf("{\"format\": \"alcove-verdict-1\", \"verdict\": \"%s\",\n \"reasons\": [",
           accepted(r) ? "accepted" : "rejected");
    each_reason(r, json_reason);
    printf("],\n \"identity_compared\": %s, ", q->expect_path ? "true" : "false");
    json_date("time", q->time);
    json_machine(&r->quote);
    if (r->quote.has_sgx) {
        json_report(&r->quote.sgx);
    }
    if (r->has_manifest) {
        json_program(&r->manifest);
    }
    if (r->has_claims) {
        json_run(q, r);
    }
    printf("}\n");
}
