/* SPDX-License-Identifier: Apache-2.0 */
/* alcove sign: makes the SIGSTRUCT of an enclave image. */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "abi/limits.h"
#include "build/file.h"
#include "build/key.h"
#include "build/sign.h"
#include "machine/machine.h"

const char verb_sign_help[] =
    "usage: alcove sign IMAGE.sgxs -o FILE.sig [--key FILE] [OPTION]...\n"
    "\n"
    "Measures IMAGE and signs the measurement: writes the SIGSTRUCT that a processor, or the\n"
    "software machine, checks before it lets the enclave run.\n"
    "\n"
    "  -o FILE              where to write the SIGSTRUCT (1808 bytes)\n"
    "  -k, --key FILE       the signing key; default: the one of 'alcove key show'\n"
    "      --date YYYYMMDD  date in the SIGSTRUCT; default: today (UTC)\n"
    "      --isvprodid N    product number, 0 to 65535; default 0\n"
    "      --isvsvn N       security version, 0 to 65535; default 0\n"
    "      --no-debug       refuse to run as a debug enclave. By default the same signature "
    "serves\n"
    "                       both: a quote says which it was, and keys differ\n"
    "      --provision-key  give the enclave the PROVISIONKEY attribute: quoting enclaves have it\n"
    "      --help           this text\n"
    "\n"
    "The enclave is signed for 64-bit mode with key separation and sharing (CONFIGID), any XFRM "
    "that\n"
    "includes x87 and SSE, and MISCSELECT = EXINFO.\n"
    "\n"
    "Exit status: 0 signed, 1 failed, 2 wrong usage.\n";

struct sign_request {
    const char *image, *output;
    struct sign_terms terms;
};

/* Decimal number up to max; false for anything else. */
static bool parse_number(const char *text, unsigned long max, unsigned long *ret)
{
    char *end;
    errno = 0;
    *ret = strtoul(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && *ret <= max;
}

/* SIGSTRUCT.DATE is binary coded decimal: the digits as they stand, read as hexadecimal. */
static bool parse_date(const char *text, uint32_t *ret)
{
    struct tm t = {0};
    char again[16];
    const char *end = strptime(text, "%Y%m%d", &t);
    if (strlen(text) != 8 || end == NULL || *end != '\0') {
        return false;
    }
    timegm(&t); /* turns 31 February into 3 March */
    if (strftime(again, sizeof again, "%Y%m%d", &t) != 8 || strcmp(text, again) != 0) {
        return false;
    }
    *ret = (uint32_t)strtoul(text, NULL, 16);
    return true;
}

static uint32_t today(void)
{
    char text[16];
    struct tm t;
    uint32_t date = 0;
    time_t now = time(NULL);
    gmtime_r(&now, &t);
    strftime(text, sizeof text, "%Y%m%d", &t);
    REQUIRE(parse_date(text, &date));
    return date;
}

/* -1: it is none, or lacks its value. */
static int parse_option(int option, struct sign_request *q)
{
    unsigned long number;
    switch (option) {
    case 'o':
        q->output = optarg;
        return CLI_OK;
    case 'k':
        q->terms.key = optarg;
        return CLI_OK;
    case 'n':
        q->terms.no_debug = true;
        return CLI_OK;
    case 'v':
        q->terms.provision_key = true;
        return CLI_OK;
    case 'd':
        return parse_date(optarg, &q->terms.date)
                   ? CLI_OK
                   : cli_usage("sign", "--date wants a day as YYYYMMDD, not '%s'", optarg);
    case 'p':
    case 's':
        if (!parse_number(optarg, UINT16_MAX, &number)) {
            return cli_usage("sign", "'%s' is not a number from 0 to 65535", optarg);
        }
        *(option == 'p' ? &q->terms.isvprodid : &q->terms.isvsvn) = (uint16_t)number;
        return CLI_OK;
    default:
        return -1;
    }
}

static int parse(int argc, char **argv, struct sign_request *q)
{
    static const struct option options[] = {
        {"output", required_argument, NULL, 'o'},  {"key", required_argument, NULL, 'k'},
        {"date", required_argument, NULL, 'd'},    {"no-debug", no_argument, NULL, 'n'},
        {"provision-key", no_argument, NULL, 'v'}, {"isvprodid", required_argument, NULL, 'p'},
        {"isvsvn", required_argument, NULL, 's'},  {NULL, 0, NULL, 0}};
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "o:k:", options, NULL)) != -1;) {
        int status = parse_option(option, q);
        if (status < 0) {
            return cli_usage("sign", "unknown or incomplete option '%s'", argv[optind - 1]);
        }
        if (status != CLI_OK) {
            return status;
        }
    }
    if (optind != argc - 1 || q->output == NULL) {
        return cli_usage("sign", "give one image, and where to write with -o");
    }
    q->image = argv[optind];
    return CLI_OK;
}

static int sign(const struct sign_request *q, struct diag *d)
{
    struct mapped_file image;
    uint8_t mrenclave[32], mrsigner[32];
    char hex[65];
    int err = mapped_file_open(&image, q->image, IMAGE_SIZE_MAX, d);
    if (err != 0) {
        return err;
    }
    err = sgxs_measure(image.bytes, mrenclave, d);
    mapped_file_close(&image);
    if (err != 0) {
        diag_prefix(d, "%s", q->image);
        return err;
    }
    struct sgx_sigstruct s;
    err = sign_measurement(&q->terms, mrenclave, &s, mrsigner, d);
    err = err != 0 ? err : file_write(q->output, BYTES_OF(s), 0644, d);
    if (err == 0) {
        hex_encode(hex, mrenclave, 32);
        printf("MRENCLAVE  %s\n", hex);
        hex_encode(hex, mrsigner, 32);
        printf("MRSIGNER   %s\n", hex);
    }
    return err;
}

int verb_sign(int argc, char **argv)
{
    struct sign_request request = {.terms.date = today()};
    struct diag d = {""};
    int status = parse(argc, argv, &request);
    if (status != CLI_OK) {
        return status;
    }
    return sign(&request, &d) == 0 ? CLI_OK : cli_fail("sign", &d);
}
