/* SPDX-License-Identifier: Apache-2.0 */
/* The options of `alcove verify`. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "request.h"

static int parse_time(const char *text, int64_t *ret)
{
    struct tm tm = {0};
    char *end;
    if (text[0] == '@') {
        errno = 0;
        long long seconds = strtoll(text + 1, &end, 10);
        if (errno == 0 && end != text + 1 && *end == '\0' && seconds > 0) {
            *ret = seconds;
            return CLI_OK;
        }
    }
    end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (end == NULL) {
        memset(&tm, 0, sizeof tm);
        end = strptime(text, "%Y-%m-%d", &tm);
    }
    if (end == NULL || *end != '\0') {
        return cli_usage("verify",
                         "--at %s: not a time; write 2026-06-01T12:00:00Z, 2026-06-01 or "
                         "@SECONDS",
                         text);
    }
    *ret = timegm(&tm);
    return CLI_OK;
}

static int parse_nonce(const char *text, struct verify_request *q)
{
    size_t size = strlen(text) / 2;
    if (size == 0 || size > sizeof q->nonce ||
        !hex_decode(q->nonce, size, BYTES(text, strlen(text)))) {
        return cli_usage("verify", "--nonce %s: needs 1 to %zu bytes as hex digits", text,
                         sizeof q->nonce);
    }
    q->nonce_text = text;
    q->nonce_size = size;
    return CLI_OK;
}

static int parse_file(const char *option, bool output, char *text, struct verify_request *q)
{
    struct run_expectation *x = &q->expectation;
    struct diag d;
    char *equals = strchr(text, '=');
    size_t at = x->file_count;
    if (equals == NULL || equals == text || equals[1] == '\0') {
        return cli_usage("verify", "%s %s: needs NAME=PATH", option, text);
    }
    if (at == RUN_EXPECTED_FILES_MAX) {
        return cli_usage("verify", "%s %s: more than %u files", option, text,
                         RUN_EXPECTED_FILES_MAX);
    }
    struct run_expected_file *f = &x->files[at];
    f->output = output;
    f->name = BYTES(text, (size_t)(equals - text));
    for (size_t i = 0; i < at; i++) {
        if (x->files[i].output == output && bytes_equal(x->files[i].name, f->name)) {
            return cli_usage("verify", "%s %s: the name is given twice", option, text);
        }
    }
    if (expected_file_hash(equals + 1, f->sha256, &d) != 0) {
        return cli_fail("verify", &d);
    }
    q->file_paths[at] = equals + 1;
    x->file_count++;
    return CLI_OK;
}

static int parse_status(const char *name, struct verify_request *q)
{
    enum alcove_tcb_status status = alcove_tcb_status_by_name(name);
    if (status == ALCOVE_TCB_NONE || status == ALCOVE_TCB_NOT_SUPPORTED) {
        return cli_usage("verify",
                         "--accept-status %s: not a TCB status that can be accepted; "
                         "'alcove explain --list' names them",
                         name);
    }
    q->accepted_statuses |= ALCOVE_TCB_BIT(status);
    return CLI_OK;
}

static int parse_expect(const char *path, struct verify_request *q)
{
    struct diag d;
    if (q->expect_path != NULL) {
        return cli_usage("verify", "--expect %s: only one program can be expected", path);
    }
    if (expected_identity(path, &q->expectation.identity, &d) != 0) {
        return cli_fail("verify", &d);
    }
    q->expectation.identity_mode = ALCOVE_EXPECT_VALUE;
    q->expect_path = path;
    return CLI_OK;
}

static int parse_policy(const char *path, struct verify_request *q)
{
    if (q->policy_path != NULL) {
        return cli_usage("verify", "--policy %s: one policy decides", path);
    }
    q->policy_path = path;
    return CLI_OK;
}

static int parse_report_data(const char *text, struct verify_request *q)
{
    return policy_report_data(text, &q->report_data)
               ? CLI_OK
               : cli_usage("verify",
                           "--report-data %s: needs 64 bytes as hex digits, or 32 that zeros "
                           "follow, or 'any'",
                           text);
}

static int parse_print_policy(const char *name, struct verify_request *q)
{
    q->print_policy = true;
    return policy_kind_by_name(name, &q->print_kind)
               ? CLI_OK
               : cli_usage("verify",
                           "--print-policy %s: there are sgx, tdx, snp, azure, nitro and ratls",
                           name);
}

/* One more path of an option that may be repeated. */
static int add_path(const char *option, const char *path, const char **paths, size_t max,
                    size_t *count)
{
    if (*count == max) {
        return cli_usage("verify", "%s %s: given more than %zu times", option, path, max);
    }
    paths[(*count)++] = path;
    return CLI_OK;
}

enum {
    OPT_EXPECT = 256,
    OPT_INPUT,
    OPT_OUTPUT,
    OPT_POLICY,
    OPT_COLLATERAL,
    OPT_REPORT_DATA,
    OPT_PRINT_POLICY,
    OPT_ROOT,
    OPT_AT,
    OPT_NONCE,
    OPT_STATUS,
    OPT_DEBUG,
    OPT_JSON,
};

static int parse_option(int option, struct verify_request *q)
{
    switch (option) {
    case OPT_EXPECT:
        q->run_option = "--expect";
        return parse_expect(optarg, q);
    case OPT_INPUT:
        q->run_option = "--input";
        return parse_file("--input", false, optarg, q);
    case OPT_OUTPUT:
        q->run_option = "--output";
        return parse_file("--output", true, optarg, q);
    case OPT_POLICY:
        q->raw_option = "--policy";
        return parse_policy(optarg, q);
    case OPT_COLLATERAL:
        q->raw_option = "--collateral";
        return add_path("--collateral", optarg, q->collateral_paths, REQUEST_COLLATERAL_MAX,
                        &q->collateral_count);
    case OPT_REPORT_DATA:
        q->raw_option = "--report-data";
        return parse_report_data(optarg, q);
    case OPT_PRINT_POLICY:
        return parse_print_policy(optarg, q);
    case OPT_ROOT:
        return add_path("--root", optarg, q->root_paths, REQUEST_ROOTS_MAX, &q->root_count);
    case OPT_AT:
        return parse_time(optarg, &q->time);
    case OPT_NONCE:
        return parse_nonce(optarg, q);
    case OPT_STATUS:
        return parse_status(optarg, q);
    case OPT_DEBUG:
        q->allow_debug = true;
        return CLI_OK;
    case OPT_JSON:
        q->json = true;
        return CLI_OK;
    default:
        return CLI_USAGE;
    }
}

int verify_options(int argc, char **argv, struct verify_request *ret)
{
    static const struct option options[] = {
        {"expect", required_argument, NULL, OPT_EXPECT},
        {"input", required_argument, NULL, OPT_INPUT},
        {"output", required_argument, NULL, OPT_OUTPUT},
        {"policy", required_argument, NULL, OPT_POLICY},
        {"collateral", required_argument, NULL, OPT_COLLATERAL},
        {"report-data", required_argument, NULL, OPT_REPORT_DATA},
        {"print-policy", required_argument, NULL, OPT_PRINT_POLICY},
        {"root", required_argument, NULL, OPT_ROOT},
        {"at", required_argument, NULL, OPT_AT},
        {"nonce", required_argument, NULL, OPT_NONCE},
        {"accept-status", required_argument, NULL, OPT_STATUS},
        {"allow-debug", no_argument, NULL, OPT_DEBUG},
        {"json", no_argument, NULL, OPT_JSON},
        {NULL, 0, NULL, 0}};
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (option == ':') {
            return cli_usage("verify", "%s: needs a value", argv[optind - 1]);
        }
        if (option == '?') {
            return cli_usage("verify", "%s: no such option", argv[optind - 1]);
        }
        int status = parse_option(option, ret);
        if (status != CLI_OK) {
            return status;
        }
    }
    if (argc - optind != (ret->print_policy ? 0 : 1)) {
        return cli_usage("verify", ret->print_policy ? "--print-policy wants no evidence"
                                   : optind == argc  ? "which evidence? Name the file"
                                                     : "only one file of evidence at a time");
    }
    ret->evidence_path = argv[optind];
    return CLI_OK;
}
