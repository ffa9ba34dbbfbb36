/* SPDX-License-Identifier: Apache-2.0 */
/* alcove build: a folder with an alcove.yaml becomes a bundle. */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build/bundle.h"
#include "build/interrupt.h"

const char verb_build_help[] =
    "usage: alcove build DIR [-o BUNDLE] [--key FILE] [--verbose]\n"
    "\n"
    "Reads DIR/alcove.yaml and makes a bundle: a folder with the workload's measured files, the\n"
    "canonical manifest, the enclave's runtime and their identities. Two builds from equal inputs\n"
    "give equal bytes, wherever they are made. Base layers such as 'python' are made from this\n"
    "machine's packages on first use and kept in the layer store.\n"
    "\n"
    "  -o BUNDLE      the folder to make; default: the name of DIR with .bundle, here\n"
    "  -k, --key FILE  what signs a program of the shim door (door: shim); default: the one of\n"
    "                 'alcove key show'\n"
    "  -v, --verbose  say what was found, made and rewritten\n"
    "      --help     this text\n"
    "\n"
    "Manifest:\n"
    "  # what alcove.yaml says most often; all of it: docs/formats/alcove.yaml.md\n"
    "  base: [python]                       stock layers, {dir: FOLDER}, or packages of\n"
    "  base: [{packages: [bash, perl]}]     Debian with all that they depend on; bottom first\n"
    "  files: {/app/run.py: run.py}         measured files of DIR\n"
    "  entry: /usr/bin/python3.11           what runs; argv: and env: are its arguments\n"
    "  memory: 1 GiB                        of each process; threads: 16 as well\n"
    "  mounts: [{kind: tmpfs, path: /tmp, size: 64 MiB}]\n"
    "  network: denied                      nothing beyond the enclave, or what is listed:\n"
    "  network: {listen: [\"tcp 127.0.0.1:8080\"], connect: [\"tcp 10.0.0.0/8:443\"]}\n"
    "\n"
    "Environment:\n"
    "  ALCOVE_STORE        the layer store; default: ~/.local/share/alcove/layers\n"
    "  ALCOVE_LIBEXEC_DIR  where the runtime lies, if not with the program\n"
    "\n"
    "Example:\n"
    "  alcove build examples/trips -o trips.bundle\n"
    "\n"
    "Exit status: 0 made, 1 failed (nothing is left behind), 2 wrong usage.\n";

static int default_name(const char *dir, char *ret, struct diag *d)
{
    char real[PATH_MAX];
    if (realpath(dir, real) == NULL) {
        return diag_fail(d, -errno, "%s: %s", dir, strerror(errno));
    }
    base_format(ret, PATH_MAX, "%s.bundle", basename(real));
    return 0;
}

static int parse(int argc, char **argv, struct bundle_request *ret)
{
    static const struct option options[] = {{"output", required_argument, NULL, 'o'},
                                            {"key", required_argument, NULL, 'k'},
                                            {"verbose", no_argument, NULL, 'v'},
                                            {NULL, 0, NULL, 0}};
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "o:k:v", options, NULL)) != -1) {
        switch (option) {
        case 'o':
            ret->bundle = optarg;
            break;
        case 'k':
            ret->key = optarg;
            break;
        case 'v':
            ret->verbose = true;
            break;
        default:
            return cli_usage("build", "unknown or incomplete option '%s'", argv[optind - 1]);
        }
    }
    if (optind != argc - 1) {
        return cli_usage("build", "give exactly one folder");
    }
    ret->dir = argv[optind];
    return CLI_OK;
}

/* "a/b/" names the folder a/b; the slash would end up inside temporary names. */
static void strip_slashes(char *path)
{
    for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--) {
        path[n - 1] = '\0';
    }
}

int verb_build(int argc, char **argv)
{
    struct bundle_request request = {0};
    struct identity identity;
    struct diag d = {""};
    char bundle[PATH_MAX];
    int status = parse(argc, argv, &request);
    if (status != CLI_OK) {
        return status;
    }
    if (request.bundle == NULL && default_name(request.dir, bundle, &d) != 0) {
        return cli_fail("build", &d);
    }
    if (request.bundle != NULL &&
        base_format(bundle, sizeof bundle, "%s", request.bundle) >= sizeof bundle) {
        return cli_usage("build", "the bundle's path is too long");
    }
    strip_slashes(bundle);
    request.bundle = bundle;
    interrupt_arm();
    if (bundle_make(&request, &identity, &d) != 0) {
        status = cli_fail("build", &d);
    }
    interrupt_finish();
    if (status == CLI_OK) {
        char configid[129], mrenclave[65];
        hex_encode(configid, identity.configid, 64);
        hex_encode(mrenclave, identity.mrenclave, 32);
        if (identity.is_program) {
            printf("%s: MRENCLAVE %s\n", bundle, mrenclave);
        }
        printf("%s: CONFIGID %s%s\n", bundle, configid, identity.debug ? " (debug)" : "");
    }
    return status;
}
