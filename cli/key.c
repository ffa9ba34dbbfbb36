/* SPDX-License-Identifier: Apache-2.0 */
/* alcove key: makes and shows enclave signing keys. */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "build/key.h"

const char verb_key_help[] =
    "usage: alcove key new [FILE] [--if-missing]\n"
    "       alcove key show [FILE]\n"
    "\n"
    "Makes or shows a key that signs enclave images: RSA-3072 with exponent 3, in a PEM file that\n"
    "only its owner can read. MRSIGNER, the signer's identity in quotes, is the SHA-256 of its\n"
    "modulus. An existing file is never overwritten.\n"
    "\n"
    "      --if-missing  new: succeed without doing anything when the file exists\n"
    "      --help        this text\n"
    "\n"
    "Without FILE: $ALCOVE_SIGNING_KEY, else ~/.local/share/alcove/signing-key.pem.\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage.\n";

static int show(const char *path)
{
    struct diag d = {""};
    uint8_t pem[KEY_PEM_MAX], mrsigner[32];
    char hex[65];
    struct writer w = writer_of(pem, sizeof pem);
    int err = key_read(path, &w, &d);
    if (err == 0) {
        err = key_mrsigner(BYTES(pem, w.size), mrsigner, &d);
        if (err != 0) {
            diag_prefix(&d, "%s", path);
        }
    }
    secure_zero(pem, sizeof pem);
    if (err != 0) {
        return cli_fail("key", &d);
    }
    hex_encode(hex, mrsigner, sizeof mrsigner);
    printf("file      %s\nMRSIGNER  %s\n", path, hex);
    return CLI_OK;
}

static int make(const char *path, bool if_missing)
{
    struct diag d = {""};
    int err = key_new(path, &d);
    if (err == -EEXIST && if_missing) {
        return CLI_OK;
    }
    return err == 0 ? show(path) : cli_fail("key", &d);
}

int verb_key(int argc, char **argv)
{
    static const struct option options[] = {{"if-missing", no_argument, NULL, 'm'},
                                            {NULL, 0, NULL, 0}};
    char path[PATH_MAX];
    struct diag d = {""};
    bool if_missing = false;
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option != 'm') {
            return cli_usage("key", "unknown option '%s'", argv[optind - 1]);
        }
        if_missing = true;
    }
    if (optind >= argc || argc - optind > 2) {
        return cli_usage("key", "say 'new' or 'show', and at most one file");
    }
    const char *what = argv[optind];
    if (argc - optind == 2) {
        if (base_format(path, sizeof path, "%s", argv[optind + 1]) >= sizeof path) {
            return cli_usage("key", "the file's path is too long");
        }
    } else if (key_default_path(path, &d) != 0) {
        return cli_fail("key", &d);
    }
    if (strcmp(what, "new") == 0) {
        return make(path, if_missing);
    }
    if (strcmp(what, "show") == 0 && !if_missing) {
        return show(path);
    }
    return cli_usage("key", "'%s' is neither 'new' nor 'show'", what);
}
