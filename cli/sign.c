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

#include "build/file.h"
#include "build/key.h"
#include "machine/machine.h"

#define IMAGE_MAX (UINT64_C(1) << 30)

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
    const char *image, *output, *key;
    uint32_t date;
    uint16_t isvprodid, isvsvn;
    bool no_debug, provision_key;
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

static int parse_option(int option, struct sign_request *q)
{
    unsigned long number;
    switch (option) {
    case 'o':
        q->output = optarg;
        return CLI_OK;
    case 'k':
        q->key = optarg;
        return CLI_OK;
    case 'n':
        q->no_debug = true;
        return CLI_OK;
    case 'v':
        q->provision_key = true;
        return CLI_OK;
    case 'd':
        return parse_date(optarg, &q->date)
                   ? CLI_OK
                   : cli_usage("sign", "--date wants a day as YYYYMMDD, not '%s'", optarg);
    case 'p':
    case 's':
        if (!parse_number(optarg, UINT16_MAX, &number)) {
            return cli_usage("sign", "'%s' is not a number from 0 to 65535", optarg);
        }
        *(option == 'p' ? &q->isvprodid : &q->isvsvn) = (uint16_t)number;
        return CLI_OK;
    default:
        return cli_usage("sign", "unknown or incomplete option");
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

/* What the enclave may be; sigstruct_sign() adds the key and the signature. SDM 3D, SIGSTRUCT. */
static struct sgx_sigstruct unsigned_sigstruct(const struct sign_request *q,
                                               const uint8_t mrenclave[32])
{
    static const uint8_t header[16] = {6, 0, 0, 0, 0xe1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0};
    static const uint8_t header2[16] = {1, 1, 0, 0, 0x60, 0, 0, 0, 0x60, 0, 0, 0, 1, 0, 0, 0};
    struct sgx_sigstruct s = {
        .date = q->date,
        .miscselect = SGX_MISC_EXINFO,
        .miscmask = UINT32_MAX,
        .attributes = {SGX_FLAGS_MODE64BIT | SGX_FLAGS_KSS |
                           (q->provision_key ? SGX_FLAGS_PROVISIONKEY : 0),
                       3},
        .attributemask = {~(SGX_FLAGS_INIT | (q->no_debug ? 0 : SGX_FLAGS_DEBUG)), 3},
        .isvprodid = q->isvprodid,
        .isvsvn = q->isvsvn,
    };
    memcpy(s.header, header, sizeof header);
    memcpy(s.header2, header2, sizeof header2);
    memcpy(s.enclavehash, mrenclave, sizeof s.enclavehash);
    return s;
}

static int sign_with_key(const struct sign_request *q, struct sgx_sigstruct *s, struct diag *d)
{
    char path[PATH_MAX];
    uint8_t pem[KEY_PEM_MAX];
    struct writer w = writer_of(pem, sizeof pem);
    int err = 0;
    if (q->key != NULL) {
        base_format(path, sizeof path, "%s", q->key);
    } else {
        err = key_default_path(path, d);
    }
    err = err != 0 ? err : key_read(path, &w, d);
    err = err != 0 ? err : sigstruct_sign(s, BYTES(pem, w.size), d);
    secure_zero(pem, sizeof pem);
    return err;
}

static int sign(const struct sign_request *q, struct diag *d)
{
    struct mapped_file image;
    uint8_t mrenclave[32], mrsigner[32];
    char hex[65];
    int err = mapped_file_open(&image, q->image, IMAGE_MAX, d);
    if (err != 0) {
        return err;
    }
    err = sgxs_measure(image.bytes, mrenclave, d);
    mapped_file_close(&image);
    if (err != 0) {
        diag_prefix(d, "%s", q->image);
        return err;
    }
    struct sgx_sigstruct s = unsigned_sigstruct(q, mrenclave);
    err = sign_with_key(q, &s, d);
    err = err != 0 ? err : sigstruct_verify(&s, mrsigner, d);
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
    struct sign_request request = {.date = today()};
    struct diag d = {""};
    int status = parse(argc, argv, &request);
    if (status != CLI_OK) {
        return status;
    }
    return sign(&request, &d) == 0 ? CLI_OK : cli_fail("sign", &d);
}
