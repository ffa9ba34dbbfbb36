/* SPDX-License-Identifier: Apache-2.0 */
/* alcove measure: recomputes a bundle's identities, offline. */
#include "cli.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "build/identity.h"

const char verb_measure_help[] =
    "usage: alcove measure BUNDLE [--json]\n"
    "\n"
    "Recomputes from the bytes of BUNDLE what a quote of its run will say, offline and without an\n"
    "enclave: MRENCLAVE of the runtime image, MRSIGNER of its signature, CONFIGID of the "
    "manifest,\n"
    "and the root hash of every layer, over all of its blocks. Files that contradict each other "
    "are\n"
    "refused, and the message names the file and what is wrong with it.\n"
    "\n"
    "      --json     one JSON object with the keys mrenclave, mrsigner, configid, debug, layers\n"
    "      --help     this text\n"
    "\n"
    "Exit status: 0 all files fit together, 1 refused, 2 wrong usage.\n";

static void print_identity(const struct identity *i)
{
    char hex[129];
    hex_encode(hex, i->mrenclave, 32);
    printf("MRENCLAVE  %s%s\n", hex,
           i->is_program ? " (the program, and the runtime with it)" : "");
    hex_encode(hex, i->mrsigner, 32);
    printf("MRSIGNER   %s\n", hex);
    hex_encode(hex, i->configid, 64);
    printf("CONFIGID   %.64s\n           %s%s\n", hex, hex + 64,
           i->debug ? "\nDEBUG      the host can read this enclave's memory" : "");
    for (size_t k = 0; k < i->layer_count; k++) {
        hex_encode(hex, i->layers[k].root, 32);
        printf("layer      %s %s%s\n", hex, i->layers[k].name,
               i->layers[k].in_bundle ? "" : " (in the layer store)");
    }
}

int verb_measure(int argc, char **argv)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
    struct identity identity;
    struct diag d = {""};
    bool json = false;
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option != 'j') {
            return cli_usage("measure", "unknown option '%s'", argv[optind - 1]);
        }
        json = true;
    }
    if (optind != argc - 1) {
        return cli_usage("measure", "give exactly one bundle");
    }
    if (identity_of_bundle(argv[optind], true, &identity, &d) != 0) {
        return cli_fail("measure", &d);
    }
    if (json) {
        char text[IDENTITY_JSON_MAX];
        REQUIRE(identity_json(&identity, text, sizeof text) < sizeof text);
        fputs(text, stdout);
    } else {
        print_identity(&identity);
    }
    return CLI_OK;
}
