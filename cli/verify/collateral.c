/* SPDX-License-Identifier: Apache-2.0 */
/* Gathering collateral, see collateral.h. Every file goes into one bundle in memory, which knows
 * pieces by their content and picks what fits the evidence; so a folder may hold the collateral of
 * many platforms.
 *
 * Where nothing fits, the only piece of its kind is handed over nevertheless: the library rejects
 * it and says why, which helps more than that something is missing. So do documents that are too
 * damaged for a bundle. */
#include "collateral.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "build/file.h"
#include "extract.h"
#include "verify/bundle.h"

#define PIECE_SIZE_MAX    (64u * 1024 * 1024) /* a bundle of a whole fleet */
#define DAMAGED_SIZE_MAX  (1u << 20)
#define FOLDER_FILES_MAX  4096u /* of one folder and what is below it */
#define FOLDER_DEPTH_MAX  4u
#define COLLATERAL_PIECES "TCB info, QE identity, certificates, revocation lists, a bundle"

struct collateral {
    struct alcove_bundle *bundle;
    struct alcove_bytes encoded;               /* the bundle's; until it is freed */
    struct alcove_collateral view;             /* into the bundle, or what follows */
    struct alcove_bytes tcb_info, qe_identity; /* damaged ones: the last of each; owned */
    size_t path_count;                         /* how often --collateral was given */
    size_t file_count;                         /* of the folder that is being read */
    char note[512];
};

static bool contains(struct bytes text, const char *word)
{
    return memmem(text.data, text.size, word, strlen(word)) != NULL;
}

/* A document that no bundle takes, but that is meant to be TCB info or QE identity. */
static bool keep_damaged(struct collateral *c, struct bytes text)
{
    if (text.size == 0 || text.size > DAMAGED_SIZE_MAX || text.data[0] != '{') {
        return false;
    }
    struct alcove_bytes *place = contains(text, "\"tcbInfo\"")           ? &c->tcb_info
                                 : contains(text, "\"enclaveIdentity\"") ? &c->qe_identity
                                                                         : NULL;
    uint8_t *copy = place != NULL ? malloc(text.size) : NULL;
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, text.data, text.size);
    free((void *)(uintptr_t)place->data);
    *place = (struct alcove_bytes){copy, text.size};
    return true;
}

/* 0 also for what nobody knows; *ret_known tells. */
static int add_file(struct collateral *c, const char *path, bool *ret_known, struct diag *d)
{
    struct mapped_file f;
    uint32_t kinds = 0;
    int err = mapped_file_open(&f, path, PIECE_SIZE_MAX, d);
    if (err != 0) {
        return err;
    }
    err = alcove_bundle_add(c->bundle, (struct alcove_bytes){f.bytes.data, f.bytes.size}, &kinds);
    bool taken = err == 0 && kinds != 0;
    *ret_known = taken || ((err == 0 || err == -EINVAL) && keep_damaged(c, f.bytes)) || err == 0;
    if (!*ret_known && err == -EINVAL) {
        size_t count = 0;
        err = extract_certificates(c->bundle, f.bytes, &kinds, &count);
        *ret_known = err == 0 && count > 0;
    }
    mapped_file_close(&f);
    if (err == 0 || err == -EINVAL) {
        return 0;
    }
    return diag_fail(d, err, "%s: %s", path,
                     err == -E2BIG ? "too large, or too much collateral in all" : strerror(-err));
}

static int add_folder(struct collateral *c, const char *path, unsigned depth, struct diag *d);

static int add_entry(struct collateral *c, const char *path, unsigned depth, struct diag *d)
{
    struct stat st;
    bool known = false;
    if (stat(path, &st) != 0) {
        return diag_fail(d, -errno, "%s: %s", path, strerror(errno));
    }
    if (S_ISDIR(st.st_mode)) {
        return add_folder(c, path, depth + 1, d);
    }
    if (!S_ISREG(st.st_mode) || st.st_size > PIECE_SIZE_MAX) {
        return 0;
    }
    if (c->file_count++ == FOLDER_FILES_MAX) {
        return diag_fail(d, -E2BIG, "%s: more than %u files in a folder of collateral", path,
                         FOLDER_FILES_MAX);
    }
    return add_file(c, path, &known, d);
}

/* What is in a folder and no collateral is passed over: evidence and notes may lie beside it. All
 * of it may be that: some evidence needs none, and what other evidence lacks the rejection names.
 */
static int add_folder(struct collateral *c, const char *path, unsigned depth, struct diag *d)
{
    struct dirent **entries = NULL;
    char name[PATH_MAX];
    int err = 0;
    int count = depth > FOLDER_DEPTH_MAX ? 0 : scandir(path, &entries, NULL, alphasort);
    if (count < 0) {
        return diag_fail(d, -errno, "%s: %s", path, strerror(errno));
    }
    for (int i = 0; i < count; i++) {
        bool hidden = entries[i]->d_name[0] == '.';
        if (err == 0 && !hidden) {
            err = base_format(name, sizeof name, "%s/%s", path, entries[i]->d_name) < sizeof name
                      ? add_entry(c, name, depth, d)
                      : diag_fail(d, -ENAMETOOLONG, "%s: a path below it is too long", path);
        }
        free(entries[i]);
    }
    free(entries);
    return err;
}

static int add_path(struct collateral *c, const char *path, struct diag *d)
{
    struct stat st;
    bool known = false;
    c->file_count = 0;
    if (stat(path, &st) != 0) {
        return diag_fail(d, -errno, "--collateral %s: %s", path, strerror(errno));
    }
    if (S_ISDIR(st.st_mode)) {
        return add_folder(c, path, 1, d);
    }
    int err = add_file(c, path, &known, d);
    if (err == 0 && !known) {
        err = diag_fail(d, -EINVAL, "--collateral %s: not collateral; known are " COLLATERAL_PIECES,
                        path);
    }
    return err;
}

/* A piece of this kind, where nothing was picked: the only one, or just any. */
static void take_one(struct alcove_bytes bundle, enum alcove_bundle_kind kind, bool any,
                     struct alcove_bytes *member)
{
    struct alcove_bundle_position at = {0};
    struct alcove_bundle_entry e;
    struct alcove_bytes found = {NULL, 0};
    size_t count = 0;
    while (member->size == 0 && alcove_bundle_next(bundle, &at, &e)) {
        if (e.kind == kind) {
            found = e.content;
            count++;
        }
    }
    if (count == 1 || (count > 1 && any)) {
        *member = found;
    }
}

static void take_rest(struct collateral *c, bool any)
{
    struct alcove_bytes bundle = c->encoded;
    struct alcove_collateral *v = &c->view;
    take_one(bundle, ALCOVE_BUNDLE_TCB_INFO, any, &v->tcb_info);
    take_one(bundle, ALCOVE_BUNDLE_QE_IDENTITY, any, &v->qe_identity);
    take_one(bundle, ALCOVE_BUNDLE_TCB_CHAIN, any, &v->tcb_chain);
    take_one(bundle, ALCOVE_BUNDLE_TCB_CHAIN, any, &v->qe_chain);
    take_one(bundle, ALCOVE_BUNDLE_PCK_CRL, any, &v->pck_crl);
    take_one(bundle, ALCOVE_BUNDLE_ROOT_CRL, any, &v->root_crl);
    take_one(bundle, ALCOVE_BUNDLE_AMD_VEK, any, &v->amd_vek);
    take_one(bundle, ALCOVE_BUNDLE_AMD_CHAIN, any, &v->amd_chain);
    take_one(bundle, ALCOVE_BUNDLE_AMD_CRL, any, &v->amd_crl);
    v->tcb_info = v->tcb_info.size == 0 ? c->tcb_info : v->tcb_info;
    v->qe_identity = v->qe_identity.size == 0 ? c->qe_identity : v->qe_identity;
}

int collateral_gather(const struct verify_request *q, struct bytes evidence,
                      struct collateral **ret, struct diag *d)
{
    struct collateral *c = calloc(1, sizeof *c);
    int err = 0;
    if (c == NULL || (c->bundle = alcove_bundle_new()) == NULL) {
        collateral_free(c);
        return diag_fail(d, -ENOMEM, "no memory for collateral");
    }
    c->path_count = q->collateral_count;
    for (size_t i = 0; err == 0 && i < q->collateral_count; i++) {
        err = add_path(c, q->collateral_paths[i], d);
    }
    if (err == 0 && q->collateral_count > 0) {
        c->encoded = alcove_bundle_encode(c->bundle);
        if (c->encoded.size == 0 ||
            !alcove_bundle_select(c->encoded, (struct alcove_bytes){evidence.data, evidence.size},
                                  q->time, &c->view)) {
            err = diag_fail(d, -ENOMEM, "no memory for collateral");
        }
        take_rest(c, false);
    }
    if (err != 0) {
        collateral_free(c);
        return err;
    }
    *ret = c;
    return 0;
}

bool collateral_take_any(struct collateral *c, const struct alcove_result *result)
{
    bool unreadable = alcove_result_failed(result, ALCOVE_REASON_COLLATERAL_MISSING) &&
                      result->kind != ALCOVE_EVIDENCE_SNP_REPORT && !result->has_platform;
    if (unreadable && c->path_count > 0) {
        take_rest(c, true);
    }
    return unreadable && c->path_count > 0;
}

const struct alcove_collateral *collateral_view(const struct collateral *c)
{
    return &c->view;
}

void collateral_free(struct collateral *c)
{
    if (c != NULL) {
        alcove_bundle_free(c->bundle);
        free((void *)(uintptr_t)c->tcb_info.data);
        free((void *)(uintptr_t)c->qe_identity.data);
        free(c);
    }
}

/* ---- what is missing ---- */

static void name_missing(char *list, size_t capacity, struct alcove_bytes piece, const char *name)
{
    size_t used = strlen(list);
    if (piece.size == 0 && used < capacity) {
        base_format(list + used, capacity - used, "%s%s", used > 0 ? ", " : "", name);
    }
}

const char *collateral_note(struct collateral *c, const struct alcove_result *result)
{
    const struct alcove_collateral *v = &c->view;
    char list[256] = "";
    bool missing = alcove_result_failed(result, ALCOVE_REASON_COLLATERAL_MISSING) ||
                   alcove_result_failed(result, ALCOVE_REASON_SNP_CRL_MISSING);
    if (!missing) {
        return "";
    }
    if (result->kind == ALCOVE_EVIDENCE_SNP_REPORT) {
        name_missing(list, sizeof list, v->amd_vek, "VCEK or VLEK certificate");
        name_missing(list, sizeof list, v->amd_chain, "ASK (or ASVK) and ARK");
        name_missing(list, sizeof list, v->amd_crl, "AMD's revocation list");
    } else {
        name_missing(list, sizeof list, v->tcb_info, "TCB info");
        name_missing(list, sizeof list, v->tcb_chain, "TCB signing chain");
        name_missing(list, sizeof list, v->qe_identity, "QE identity");
        name_missing(list, sizeof list, v->qe_chain, "QE identity's signing chain");
        name_missing(list, sizeof list, v->pck_crl, "PCK revocation list");
        name_missing(list, sizeof list, v->root_crl, "root revocation list");
    }
    base_format(c->note, sizeof c->note, "%s: %s",
                c->path_count == 0 ? "no --collateral was given, and these are needed"
                                   : "what --collateral names has nothing that fits for",
                list);
    return c->note;
}
