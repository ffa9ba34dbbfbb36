/* SPDX-License-Identifier: Apache-2.0 */
/* Gathers collateral from files and folders, by content. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "build/file.h"
#include "print.h"
#include "verb.h"

#define PIECE_SIZE_MAX   (64u * 1024 * 1024) /* a bundle of a whole fleet */
#define FOLDER_DEPTH_MAX 16u
#define FILES_MAX        65536u /* in all folders; a bundle has no more entries */

int gather_open(struct gather *ret, struct diag *d)
{
    *ret = (struct gather){.bundle = alcove_bundle_new()};
    return ret->bundle != NULL ? 0 : diag_fail(d, -ENOMEM, "no memory for collateral");
}

void gather_close(struct gather *g)
{
    alcove_bundle_free(g->bundle);
}

int gather_encode(struct gather *g, struct alcove_bytes *ret, struct diag *d)
{
    *ret = alcove_bundle_encode(g->bundle);
    return ret->size > 0 ? 0 : diag_fail(d, -ENOMEM, "no memory for the bundle");
}

/* ---- What was taken ---- */

static void tell_taken(const char *path, uint32_t kinds)
{
    const char *before = "  ";
    print_escaped(BYTES(path, strlen(path)));
    printf(":");
    for (int kind = 0; kind < ALCOVE_BUNDLE_KINDS; kind++) {
        if ((kinds & ALCOVE_BUNDLE_BIT(kind)) != 0) {
            printf("%s%s", before, alcove_bundle_kind_name((enum alcove_bundle_kind)kind));
            before = ", ";
        }
    }
    if (kinds == 0) {
        printf("  nothing that is needed by itself; a CA's certificate completes chains");
    }
    printf("\n");
}

static bool begins(struct bytes b, const char *text)
{
    return b.size >= strlen(text) && memcmp(b.data, text, strlen(text)) == 0;
}

static bool has(struct bytes b, const char *text)
{
    return memmem(b.data, b.size, text, strlen(text)) != NULL;
}

/* What a file may be that is no collateral, and what to do. */
static const char *guess(struct bytes b)
{
    enum alcove_wrapping wrapping;
    struct alcove_bytes view = {b.data, b.size};
    if (b.size == 0) {
        return "the file is empty";
    }
    if (alcove_evidence_kind_of(view, &wrapping) != ALCOVE_EVIDENCE_NONE ||
        wrapping == ALCOVE_WRAPPING_AZURE_HCL) {
        return "this is evidence, not collateral; 'alcove collateral check --for' tells what it "
               "needs";
    }
    if (has(b, "PRIVATE KEY-----")) {
        return "this is a private key; it does not belong here";
    }
    if (begins(b, "-----BEGIN")) {
        return "it looks like PEM, but is no certificate or revocation list that can be read; is "
               "it damaged, or are more than four certificates in one file?";
    }
    if (has(b, "\"tcbInfo\"") || has(b, "\"enclaveIdentity\"")) {
        return "it looks like TCB info or QE identity, but is not as Intel's service sends it "
               "(version 2 or 3 for TCB info, 2 for the identity, with its signature, nothing "
               "edited)";
    }
    if (begins(b, "<")) {
        return "this is HTML or XML, perhaps an error page; fetch it again";
    }
    if (begins(b, "{") || begins(b, "[")) {
        return "it is JSON, but neither TCB info nor QE identity, each of which goes into a file "
               "of its own, as Intel's service sends it";
    }
    if (begins(b, "MII")) {
        return "this looks like base64; decode it first: base64 -d FILE";
    }
    if (begins(b, "\x30")) {
        return "it looks like DER, but is no certificate or revocation list that can be read";
    }
    return "known are TCB info, QE identity, certificates, revocation lists, a table of AMD "
           "certificates, SGX and TDX quotes (for the certificates in them), bundles";
}

/* *ret_known: it was collateral. Without it, ret_guess says what it may be. */
static int add_file(struct gather *g, const char *path, bool *ret_known, const char **ret_guess,
                    struct diag *d)
{
    struct mapped_file f;
    uint32_t kinds = 0;
    size_t count = 0;
    int err = mapped_file_open(&f, path, PIECE_SIZE_MAX, d);
    if (err != 0) {
        return err;
    }
    err = alcove_bundle_add(g->bundle, (struct alcove_bytes){f.bytes.data, f.bytes.size}, &kinds);
    *ret_known = err == 0;
    if (err == -EINVAL) {
        err = extract_certificates(g->bundle, f.bytes, &kinds, &count);
        *ret_known = err == 0 && count > 0;
        *ret_guess = guess(f.bytes);
    }
    mapped_file_close(&f);
    if (err != 0) {
        return diag_fail(d, err, "%s: %s", path,
                         err == -E2BIG ? "too large for its kind, or too much collateral in all"
                                       : strerror(-err));
    }
    if (*ret_known) {
        g->taken_count += kinds != 0;
        if (g->tell) {
            tell_taken(path, kinds);
        }
    }
    return 0;
}

/* ---- Folders ---- */

static int add_folder(struct gather *g, const char *path, unsigned depth, struct diag *d);

static int add_below(struct gather *g, const char *path, unsigned depth, struct diag *d)
{
    struct stat st;
    bool known = false;
    const char *what = "";
    if (stat(path, &st) != 0) {
        return diag_fail(d, -errno, "%s: %s", path, strerror(errno));
    }
    if (S_ISDIR(st.st_mode)) {
        return add_folder(g, path, depth + 1, d);
    }
    if (++g->folder_count > FILES_MAX) {
        return diag_fail(d, -E2BIG, "%s: more than %u files in folders; is it the right folder?",
                         path, FILES_MAX);
    }
    if (S_ISREG(st.st_mode) && st.st_size <= PIECE_SIZE_MAX) {
        int err = add_file(g, path, &known, &what, d);
        if (err != 0) {
            return err;
        }
    }
    if (!known) {
        g->left_count++;
        if (g->tell) {
            print_escaped(BYTES(path, strlen(path)));
            printf(":  left out: %s\n", S_ISREG(st.st_mode) ? what : "not a file");
        }
    }
    return 0;
}

static int add_folder(struct gather *g, const char *path, unsigned depth, struct diag *d)
{
    struct dirent **entries = NULL;
    char name[PATH_MAX];
    int err = 0;
    if (depth > FOLDER_DEPTH_MAX) {
        return diag_fail(d, -ELOOP, "%s: more than %u folders deep", path, FOLDER_DEPTH_MAX);
    }
    int count = scandir(path, &entries, NULL, alphasort);
    if (count < 0) {
        return diag_fail(d, -errno, "%s: %s", path, strerror(errno));
    }
    for (int i = 0; i < count; i++) {
        if (err == 0 && entries[i]->d_name[0] != '.') {
            err = base_format(name, sizeof name, "%s/%s", path, entries[i]->d_name) < sizeof name
                      ? add_below(g, name, depth, d)
                      : diag_fail(d, -ENAMETOOLONG, "%s: a path below it is too long", path);
        }
        free(entries[i]);
    }
    free(entries);
    return err;
}

int gather_path(struct gather *g, const char *path, struct diag *d)
{
    struct stat st;
    bool known = false;
    const char *what = "";
    if (stat(path, &st) != 0) {
        return diag_fail(d, -errno, "%s: %s", path, strerror(errno));
    }
    if (S_ISDIR(st.st_mode)) {
        return add_folder(g, path, 1, d);
    }
    int err = add_file(g, path, &known, &what, d);
    return err != 0 || known ? err : diag_fail(d, -EINVAL, "%s: no collateral: %s", path, what);
}
