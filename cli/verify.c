/* SPDX-License-Identifier: Apache-2.0 */
/* alcove verify: checks the evidence of a run. Reads what the user names, asks verify/ and prints.
 * The verdict is verify/'s alone; a rejection is exit status 1. */
#include "cli.h"
#include "verify_print.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "build/file.h"
#include "build/identity.h"
#include "verify/json.h"

const char verb_verify_help[] =
    "usage: alcove verify EVIDENCE [OPTION]...\n"
    "\n"
    "Checks evidence that 'alcove run --quote' wrote, offline: the quote, its certificate chain\n"
    "and revocation lists, the state of the platform and of its quoting enclave, and that nonce,\n"
    "inputs, outputs and program are those that the quote binds. Prints what ran and who vouches\n"
    "for it.\n"
    "\n"
    "  --expect BUNDLE|FILE  the program must be this one: a bundle, whose identities are "
    "computed\n"
    "                        from its bytes, or an identity.json from somebody you trust. Without\n"
    "                        it the report shows what ran, and you compare\n"
    "  --root FILE           also accept chains that end in this root certificate; a software\n"
    "                        machine is accepted only so, and never without saying what it is.\n"
    "                        'alcove machine show' tells where this machine's is. May be repeated\n"
    "  --nonce HEX           the evidence must repeat this nonce\n"
    "  --input NAME=PATH     the run must have read this file as its input NAME. May be repeated\n"
    "  --output NAME=PATH    the run must have written this file as its output NAME. May be\n"
    "                        repeated\n"
    "  --at TIME             check as of 2026-06-01T12:00:00Z, 2026-06-01 or @SECONDS, not now\n"
    "  --accept-status NAME  also accept this TCB status, such as SWHardeningNeeded. May be "
    "repeated\n"
    "  --allow-debug         accept an enclave in debug mode, which its host can read and change\n"
    "  --json                print one JSON object (docs/formats/verify-json.md)\n"
    "  --help                this text\n"
    "\n"
    "Exit status: 0 accepted, 1 rejected or unreadable, 2 wrong usage.\n";

#define ROOTS_MAX         16u
#define ROOT_FILE_MAX     65536u
#define IDENTITY_FILE_MAX 65536u

/* Everything that the options say. */
struct options {
    struct verify_request request;
    struct run_expectation expectation;
    struct alcove_root roots[ROOTS_MAX];
    size_t root_count;
    uint8_t nonce[NONCE_MAX];
    bool json;
};

/* ---- files ---- */

static int hash_file(const char *path, uint8_t ret[32], struct diag *d)
{
    uint8_t buffer[65536];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return diag_fail(d, -errno, "%s: %s", path, strerror(errno));
    }
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
    ssize_t n = 0;
    while (ok && (n = read(fd, buffer, sizeof buffer)) != 0) {
        if (n < 0 && errno == EINTR) {
            continue;
        }
        ok = n > 0 && EVP_DigestUpdate(ctx, buffer, (size_t)n) == 1;
    }
    int err = n < 0 ? -errno : 0;
    ok = ok && EVP_DigestFinal_ex(ctx, ret, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    close(fd);
    if (!ok) {
        return diag_fail(d, err ? err : -EIO, "%s: %s", path, strerror(err ? -err : EIO));
    }
    return 0;
}

static int read_root(const char *path, struct alcove_root *ret, struct diag *d)
{
    struct mapped_file f;
    int r = mapped_file_open(&f, path, ROOT_FILE_MAX, d);
    if (r != 0) {
        return r;
    }
    if (!alcove_root_read((struct alcove_bytes){f.bytes.data, f.bytes.size}, ret)) {
        r = diag_fail(
            d, -EINVAL,
            "%s: not a root certificate; --root wants one self-signed CA certificate with "
            "a P-256 key, PEM or DER",
            path);
    }
    mapped_file_close(&f);
    return r;
}

/* ---- the expected identity ---- */

static void take_layers(struct json *j, struct run_identity *ret)
{
    struct json_array layers = {0};
    while (json_item(j, &layers)) {
        struct json_object o = {0};
        struct bytes key;
        bool has_root = false;
        if (ret->layer_count == MANIFEST_LAYERS_MAX) {
            j->failed = true;
            return;
        }
        while (json_member(j, &o, &key)) {
            if (bytes_equal_str(key, "root")) {
                json_hex(j, ret->layer_roots[ret->layer_count], 32);
                has_root = true;
            } else {
                (void)json_raw(j);
            }
        }
        if (!has_root) {
            j->failed = true;
        }
        ret->layer_count++;
    }
}

static bool parse_identity(struct bytes text, struct run_identity *ret)
{
    struct json j = json_of(text);
    struct json_object o = {0};
    struct bytes key;
    unsigned seen = 0;
    while (json_member(&j, &o, &key)) {
        if (bytes_equal_str(key, "mrenclave")) {
            json_hex(&j, ret->mrenclave, sizeof ret->mrenclave);
            seen |= 1;
        } else if (bytes_equal_str(key, "mrsigner")) {
            json_hex(&j, ret->mrsigner, sizeof ret->mrsigner);
            seen |= 2;
        } else if (bytes_equal_str(key, "configid")) {
            json_hex(&j, ret->configid, sizeof ret->configid);
            seen |= 4;
        } else if (bytes_equal_str(key, "layers")) {
            take_layers(&j, ret);
            seen |= 8;
        } else {
            (void)json_raw(&j);
        }
    }
    return json_done(&j) && seen == 15;
}

static int read_identity(const char *path, struct run_identity *ret, struct diag *d)
{
    struct mapped_file f;
    int r = mapped_file_open(&f, path, IDENTITY_FILE_MAX, d);
    if (r != 0) {
        return r;
    }
    if (!parse_identity(f.bytes, ret)) {
        r = diag_fail(d, -EINVAL,
                      "%s: not an identity: needs a JSON object with mrenclave, mrsigner, configid "
                      "and layers, as 'alcove measure --json' prints",
                      path);
    }
    mapped_file_close(&f);
    return r;
}

/* A bundle's own identity.json is not read: identities come from the bytes that would run. */
static int read_expected(const char *path, struct run_identity *ret, struct diag *d)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        return diag_fail(d, -errno, "%s: %s", path, strerror(errno));
    }
    if (!S_ISDIR(st.st_mode)) {
        return read_identity(path, ret, d);
    }
    struct identity identity;
    int r = identity_of_bundle(path, false, &identity, d);
    if (r != 0) {
        return r;
    }
    memcpy(ret->mrenclave, identity.mrenclave, sizeof ret->mrenclave);
    memcpy(ret->mrsigner, identity.mrsigner, sizeof ret->mrsigner);
    memcpy(ret->configid, identity.configid, sizeof ret->configid);
    ret->layer_count = identity.layer_count;
    for (size_t i = 0; i < identity.layer_count; i++) {
        memcpy(ret->layer_roots[i], identity.layers[i].root, 32);
    }
    return 0;
}

/* ---- options ---- */

/* CLI_OK, or the status to exit with after the message was printed. */
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

static int parse_nonce(const char *text, struct options *o)
{
    size_t size = strlen(text) / 2;
    if (size == 0 || size > NONCE_MAX || !hex_decode(o->nonce, size, BYTES(text, strlen(text)))) {
        return cli_usage("verify", "--nonce %s: needs 1 to %u bytes as hex digits", text,
                         NONCE_MAX);
    }
    o->expectation.nonce = BYTES(o->nonce, size);
    o->expectation.nonce_mode = ALCOVE_EXPECT_VALUE;
    o->request.nonce_given = true;
    return CLI_OK;
}

static int parse_file(const char *option, bool output, char *text, struct options *o)
{
    struct diag d;
    char *equals = strchr(text, '=');
    size_t at = o->expectation.file_count;
    if (equals == NULL || equals == text || equals[1] == '\0') {
        return cli_usage("verify", "%s %s: needs NAME=PATH", option, text);
    }
    if (at == RUN_EXPECTED_FILES_MAX) {
        return cli_usage("verify", "%s %s: more than %u files", option, text,
                         RUN_EXPECTED_FILES_MAX);
    }
    struct run_expected_file *f = &o->expectation.files[at];
    f->output = output;
    f->name = BYTES(text, (size_t)(equals - text));
    for (size_t i = 0; i < at; i++) {
        if (o->expectation.files[i].output == output &&
            bytes_equal(o->expectation.files[i].name, f->name)) {
            return cli_usage("verify", "%s %s: the name is given twice", option, text);
        }
    }
    if (hash_file(equals + 1, f->sha256, &d) != 0) {
        return cli_fail("verify", &d);
    }
    o->request.file_paths[at] = equals + 1;
    o->expectation.file_count++;
    return CLI_OK;
}

static int parse_root(const char *path, struct options *o)
{
    struct diag d;
    if (o->root_count == ROOTS_MAX) {
        return cli_usage("verify", "--root %s: more than %u roots", path, ROOTS_MAX);
    }
    if (read_root(path, &o->roots[o->root_count], &d) != 0) {
        return cli_fail("verify", &d);
    }
    o->root_count++;
    return CLI_OK;
}

static int parse_status(const char *name, struct options *o)
{
    enum alcove_tcb_status status = alcove_tcb_status_by_name(name);
    if (status == ALCOVE_TCB_NONE || status == ALCOVE_TCB_NOT_SUPPORTED) {
        return cli_usage("verify",
                         "--accept-status %s: not a TCB status that can be accepted; they "
                         "are SWHardeningNeeded, ConfigurationNeeded, "
                         "ConfigurationAndSWHardeningNeeded, OutOfDate, "
                         "OutOfDateConfigurationNeeded, Revoked",
                         name);
    }
    o->expectation.accepted_statuses |= ALCOVE_TCB_BIT(status);
    return CLI_OK;
}

static int parse_expect(const char *path, struct options *o)
{
    struct diag d;
    if (o->request.expect_path != NULL) {
        return cli_usage("verify", "--expect %s: only one program can be expected", path);
    }
    if (read_expected(path, &o->expectation.identity, &d) != 0) {
        return cli_fail("verify", &d);
    }
    o->expectation.identity_mode = ALCOVE_EXPECT_VALUE;
    o->request.expect_path = path;
    return CLI_OK;
}

enum {
    OPT_EXPECT = 256,
    OPT_ROOT,
    OPT_AT,
    OPT_NONCE,
    OPT_INPUT,
    OPT_OUTPUT,
    OPT_STATUS,
    OPT_DEBUG,
    OPT_JSON
};

static int parse_option(int option, struct options *o)
{
    switch (option) {
    case OPT_EXPECT:
        return parse_expect(optarg, o);
    case OPT_ROOT:
        return parse_root(optarg, o);
    case OPT_AT:
        return parse_time(optarg, &o->request.time);
    case OPT_NONCE:
        return parse_nonce(optarg, o);
    case OPT_INPUT:
        return parse_file("--input", false, optarg, o);
    case OPT_OUTPUT:
        return parse_file("--output", true, optarg, o);
    case OPT_STATUS:
        return parse_status(optarg, o);
    case OPT_DEBUG:
        o->expectation.allow_debug = true;
        return CLI_OK;
    case OPT_JSON:
        o->json = true;
        return CLI_OK;
    default:
        return CLI_USAGE;
    }
}

static int parse_options(int argc, char **argv, struct options *o)
{
    static const struct option options[] = {{"expect", required_argument, NULL, OPT_EXPECT},
                                            {"root", required_argument, NULL, OPT_ROOT},
                                            {"at", required_argument, NULL, OPT_AT},
                                            {"nonce", required_argument, NULL, OPT_NONCE},
                                            {"input", required_argument, NULL, OPT_INPUT},
                                            {"output", required_argument, NULL, OPT_OUTPUT},
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
        int status = parse_option(option, o);
        if (status != CLI_OK) {
            return status;
        }
    }
    if (argc - optind != 1) {
        return cli_usage("verify", optind == argc
                                       ? "which evidence? Name the file that 'alcove run "
                                         "--quote' wrote"
                                       : "only one file of evidence at a time");
    }
    o->request.evidence_path = argv[optind];
    return CLI_OK;
}

int verb_verify(int argc, char **argv)
{
    struct options o = {
        .request.time = (int64_t)time(NULL),
        .expectation = {.identity_mode = ALCOVE_EXPECT_ANY,
                        .nonce_mode = ALCOVE_EXPECT_ANY,
                        .accepted_statuses = ALCOVE_TCB_BIT(ALCOVE_TCB_UP_TO_DATE)}};
    struct diag d = {""};
    struct mapped_file evidence;
    struct run_result result;
    int status = parse_options(argc, argv, &o);
    if (status != CLI_OK) {
        return status;
    }
    if (mapped_file_open(&evidence, o.request.evidence_path, EVIDENCE_SIZE_MAX, &d) != 0) {
        return cli_fail("verify", &d);
    }
    o.expectation.roots = o.roots;
    o.expectation.root_count = o.root_count;
    o.request.expectation = &o.expectation;
    o.request.parse_error = d.text;
    struct alcove_verdict verdict =
        run_verify(evidence.bytes, &o.expectation, o.request.time, &result, &d);
    (o.json ? verify_print_json : verify_print_text)(&o.request, &result);
    mapped_file_close(&evidence);
    if (fflush(stdout) != 0) {
        diag_fail(&d, -errno, "standard output: %s", strerror(errno));
        return cli_fail("verify", &d);
    }
    return alcove_verdict_accepted(verdict) ? CLI_OK : CLI_FAILED;
}
