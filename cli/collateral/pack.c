/* SPDX-License-Identifier: Apache-2.0 */
/* alcove collateral pack: files and folders become one bundle. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "build/file.h"
#include "cli.h"
#include "verb.h"

static void summarize(const char *path, struct alcove_bytes bundle)
{
    struct alcove_bundle_position at = {0};
    struct alcove_bundle_entry e;
    size_t counts[ALCOVE_BUNDLE_KINDS] = {0}, total = 0;
    while (alcove_bundle_next(bundle, &at, &e)) {
        counts[e.kind]++;
        total++;
    }
    printf("%s: %zu entries, %zu bytes\n", path, total, bundle.size);
    for (int kind = 0; kind < ALCOVE_BUNDLE_KINDS; kind++) {
        if (counts[kind] > 0) {
            printf("  %-12s %zu\n", alcove_bundle_kind_name((enum alcove_bundle_kind)kind),
                   counts[kind]);
        }
    }
}

/* A bundle may be replaced; whoever forgot to name one should not lose a file for it. */
static int check_out(const char *out, struct diag *d)
{
    struct stat st;
    struct shelf shelf;
    struct diag ignored;
    if (stat(out, &st) != 0) {
        return errno == ENOENT ? 0 : diag_fail(d, -errno, "%s: %s", out, strerror(errno));
    }
    bool is_bundle = false;
    if (S_ISREG(st.st_mode) && shelf_open(out, &shelf, &ignored) == 0) {
        is_bundle = shelf.is_file;
        shelf_close(&shelf);
    }
    return is_bundle ? 0
                     : diag_fail(d, -EEXIST,
                                 "%s: is there already and is no bundle, so it is not "
                                 "overwritten; the file to write is named first",
                                 out);
}

static int pack(struct gather *g, const char *out, char **paths, bool quiet, struct diag *d)
{
    struct alcove_bytes bundle;
    int err = check_out(out, d);
    for (char **p = paths; err == 0 && *p != NULL; p++) {
        err = gather_path(g, *p, d);
    }
    if (err == 0 && g->taken_count == 0) {
        err = diag_fail(d, -ENODATA,
                        "no collateral in what was named, so there is nothing to write to %s", out);
    }
    err = err == 0 ? gather_encode(g, &bundle, d) : err;
    if (err == 0) {
        err = file_write(out, BYTES(bundle.data, bundle.size), 0644, d);
    }
    if (err == 0 && !quiet) {
        summarize(out, bundle);
        if (g->left_count > 0) {
            printf("%zu files in folders were left out; what they look like stands above\n",
                   g->left_count);
        }
    }
    return err;
}

int collateral_pack(int argc, char **argv)
{
    static const struct option options[] = {{"quiet", no_argument, NULL, 'q'}, {NULL, 0, NULL, 0}};
    struct gather g;
    struct diag d = {""};
    bool quiet = false;
    int option;
    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option != 'q') {
            return cli_usage("collateral", "pack %s: no such option", argv[optind - 1]);
        }
        quiet = true;
    }
    if (argc - optind < 2) {
        return cli_usage("collateral", "pack: name the bundle to write, then what goes into it");
    }
    int err = gather_open(&g, &d);
    if (err == 0) {
        g.tell = !quiet;
        err = pack(&g, argv[optind], argv + optind + 1, quiet, &d);
        gather_close(&g);
    }
    return err == 0 ? CLI_OK : cli_fail("collateral", &d);
}
