/* SPDX-License-Identifier: Apache-2.0 */
/* alcove sign: SIGSTRUCT for an enclave image. What is signed is the measurement, so nothing of the
 * image changes; which attributes an enclave must have is part of the signature. */
#include "cli.h"
#include "host/host.h"
#include "signing_key.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char verb_sign_help[] =
    "usage: alcove sign IMAGE.sgxs [OPTION]...\n"
    "\n"
    "Measures an enclave image and writes its SIGSTRUCT (1808 bytes).\n"
    "\n"
    "  --key FILE         the signing key (default: as for `alcove key`)\n"
    "  -o, --output FILE  where to write (default: IMAGE.sig)\n"
    "  --isvprodid N      product number, 0 to 65535 (default 0)\n"
    "  --isvsvn N         security version, 0 to 65535 (default 0)\n"
    "  --date YYYYMMDD    date in the signature (default: today)\n"
    "  --no-debug         refuse to start with debug access; otherwise the creator of the enclave\n"
    "                     chooses and verifiers see which\n"
    "  --help             this text\n";

#define IMAGE_SIZE_MAX (256u * 1024 * 1024)

struct sign_options {
    const char *image, *key, *output;
    uint16_t isvprodid, isvsvn;
    uint32_t date; /* BCD */
    bool no_debug;
};

static bool parse_u16(const char *text, uint16_t *ret)
{
    char *end;
    errno = 0;
    unsigned long v = strtoul(text, &end, 10);
    if (errno != 0 || *end != '\0' || end == text || v > UINT16_MAX) {
        return false;
    }
    *ret = (uint16_t)v;
    return true;
}

static bool parse_date(const char *text, uint32_t *ret)
{
    uint32_t bcd = 0;
    if (strlen(text) != 8) {
        return false;
    }
    for (size_t i = 0; i < 8; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        bcd = bcd << 4 | (uint32_t)(text[i] - '0');
    }
    *ret = bcd;
    return true;
}

static uint32_t today(void)
{
    char text[9];
    uint32_t bcd = 0;
    time_t now = time(NULL);
    struct tm tm;
    strftime(text, sizeof text, "%Y%m%d", gmtime_r(&now, &tm));
    ignore_result(parse_date(text, &bcd) ? 0 : -EINVAL, "strftime wrote eight digits");
    return bcd;
}

static void fill(struct sgx_sigstruct *s, const struct sign_options *o)
{
    static const uint8_t header[16] = {6, 0, 0, 0, 0xe1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0};
    static const uint8_t header2[16] = {1, 1, 0, 0, 0x60, 0, 0, 0, 0x60, 0, 0, 0, 1, 0, 0, 0};
    memcpy(s->header, header, sizeof header);
    memcpy(s->header2, header2, sizeof header2);
    s->date = o->date;
    s->exponent = 3;
    s->miscselect = SGX_MISC_EXINFO;
    s->miscmask = UINT32_MAX;
    /* All flags are fixed but DEBUG (and INIT, which EINIT sets); of XFRM x87 and SSE must be on, the
     * rest is what the processor has. */
    s->attributes.flags = SGX_FLAGS_MODE64BIT | SGX_FLAGS_KSS;
    s->attributemask.flags = ~(SGX_FLAGS_INIT | (o->no_debug ? 0 : SGX_FLAGS_DEBUG));
    s->attributes.xfrm = 3;
    s->attributemask.xfrm = 3;
    s->isvprodid = o->isvprodid;
    s->isvsvn = o->isvsvn;
}

static int write_file(const char *path, const void *data, size_t size, struct diag *d)
{
    char temp[4200];
    snprintf(temp, sizeof temp, "%s.tmp", path);
    FILE *out = fopen(temp, "we");
    if (out == NULL) {
        return diag_fail(d, -errno, "cannot create %s: %s", temp, strerror(errno));
    }
    bool ok = fwrite(data, 1, size, out) == size;
    ok = fclose(out) == 0 && ok;
    if (!ok || rename(temp, path) != 0) {
        int error = errno;
        remove(temp);
        return diag_fail(d, -error, "cannot write %s: %s", path, strerror(error));
    }
    return 0;
}

static int sign_image(const struct sign_options *o, struct diag *d)
{
    struct bytes image = {0}, key = {0};
    struct sgx_sigstruct s = {0};
    uint8_t mrsigner[32];
    char hex[65];
    int r = host_read_file(o->image, IMAGE_SIZE_MAX, &image, d);
    r = r != 0 ? r : host_read_file(o->key, 65536, &key, d);
    r = r != 0 ? r : sgxs_measure(image, s.enclavehash, d);
    if (r == 0) {
        fill(&s, o);
        r = sigstruct_sign(&s, key, d);
    }
    r = r != 0 ? r : sigstruct_verify(&s, mrsigner, d);
    r = r != 0 ? r : write_file(o->output, &s, sizeof s, d);
    if (r == 0) {
        hex_encode(hex, s.enclavehash, 32);
        printf("mrenclave %s\n", hex);
        hex_encode(hex, mrsigner, 32);
        printf("mrsigner  %s\n", hex);
    }
    secure_zero((void *)(uintptr_t)key.data, key.size);
    free((void *)(uintptr_t)image.data);
    free((void *)(uintptr_t)key.data);
    return r;
}

enum { OPT_KEY = 256, OPT_PRODID, OPT_SVN, OPT_DATE, OPT_NO_DEBUG };

static int parse(int argc, char **argv, struct sign_options *o)
{
    static const struct option options[] = {
        {"key", required_argument, NULL, OPT_KEY},       {"output", required_argument, NULL, 'o'},
        {"isvprodid", required_argument, NULL, OPT_PRODID}, {"isvsvn", required_argument, NULL, OPT_SVN},
        {"date", required_argument, NULL, OPT_DATE},     {"no-debug", no_argument, NULL, OPT_NO_DEBUG},
        {NULL, 0, NULL, 0}};
    int option;
    bool ok = true;
    opterr = 0;
    while (ok && (option = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
        switch (option) {
        case OPT_KEY:
            o->key = optarg;
            break;
        case 'o':
            o->output = optarg;
            break;
        case OPT_PRODID:
            ok = parse_u16(optarg, &o->isvprodid);
            break;
        case OPT_SVN:
            ok = parse_u16(optarg, &o->isvsvn);
            break;
        case OPT_DATE:
            ok = parse_date(optarg, &o->date);
            break;
        case OPT_NO_DEBUG:
            o->no_debug = true;
            break;
        default:
            ok = false;
            break;
        }
    }
    if (!ok) {
        return cli_usage("sign", "unknown option or ill-formed value near \"%s\"",
                         optarg != NULL ? optarg : argv[optind - 1]);
    }
    if (optind != argc - 1) {
        return cli_usage("sign", "give exactly one image");
    }
    o->image = argv[optind];
    return CLI_OK;
}

int verb_sign(int argc, char **argv)
{
    struct sign_options o = {.date = today()};
    struct diag d = {""};
    char key[4096], output[4096];
    int r = parse(argc, argv, &o);
    if (r != CLI_OK) {
        return r;
    }
    if (o.key == NULL) {
        if (signing_key_default_path(key, sizeof key, &d) != 0) {
            return cli_fail("sign", &d);
        }
        o.key = key;
    }
    if (o.output == NULL) {
        size_t n = strlen(o.image);
        n -= n > 5 && strcmp(o.image + n - 5, ".sgxs") == 0 ? 5 : 0;
        snprintf(output, sizeof output, "%.*s.sig", (int)n, o.image);
        o.output = output;
    }
    return sign_image(&o, &d) == 0 ? CLI_OK : cli_fail("sign", &d);
}
