/* SPDX-License-Identifier: Apache-2.0 */
/* Makes bundles, see bundle.h. All is written to a hidden folder beside the final one and gets its
 * name at the end, in one rename. */
#include "bundle.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base.h"
#include "config.h"
#include "erofs_view.h"
#include "file.h"
#include "host/install.h"
#include "layer.h"
#include "machine/machine.h"
#include "program.h"
#include "sign.h"
#include "store.h"
#include "tree.h"

struct builder {
    const struct bundle_request *request;
    const struct config *config;
    char work[PATH_MAX]; /* the hidden folder */
    char layers[PATH_MAX];
    char runtime[2][PATH_MAX];
    /* Shim door: the file that is the program; it goes into the image instead of a layer. */
    const struct config_file *program;
    struct layer_id ids[MANIFEST_LAYERS_MAX];
    char names[MANIFEST_LAYERS_MAX][NAME_MAX_BYTES + 1];
    size_t layer_count;
};

static int format_path(char *ret, struct diag *d, const char *a, const char *between, const char *b)
{
    return base_format(ret, PATH_MAX, "%s%s%s", a, between, b) < PATH_MAX
               ? 0
               : diag_fail(d, -ENAMETOOLONG, "%s: path is too long", a);
}

/* ---- layers ---------------------------------------------------------------------------------- */

/* Sources are named relative to the folder of the configuration. */
static int source_path(const struct builder *b, const char *source, char *ret, struct diag *d)
{
    return source[0] == '/' ? format_path(ret, d, source, "", "")
                            : format_path(ret, d, b->request->dir, "/", source);
}

static void name_layer(struct builder *b, const char *name)
{
    base_format(b->names[b->layer_count], sizeof b->names[0], "%s", name);
}

/* What every tree gets before it becomes an image. */
static int finish_layer(struct builder *b, struct stage *s, const char *name, struct diag *d)
{
    struct tree_summary summary;
    int err = tree_finish(s, &summary, d);
    err = err != 0 ? err : layer_make(s, b->layers, &b->ids[b->layer_count], d);
    if (err == 0) {
        name_layer(b, name);
        b->layer_count++;
        if (b->request->verbose) {
            tree_print(name, &summary);
        }
    }
    return err;
}

static int add_directory(struct builder *b, const struct config_base *base, struct diag *d)
{
    char source[PATH_MAX], name[32];
    struct stage s;
    struct stat st;
    int err = source_path(b, base->dir.text, source, d);
    if (err == 0 && (stat(source, &st) != 0 || !S_ISDIR(st.st_mode))) {
        return config_fail(b->config, &base->dir, d, "%s is not a folder", source);
    }
    err = err != 0 ? err : stage_open(&s, b->work, d);
    if (err != 0) {
        return err;
    }
    base_format(name, sizeof name, "base-%zu", b->layer_count);
    err = stage_copy_tree(&s, "/", source, d);
    err = err != 0 ? err : finish_layer(b, &s, name, d);
    stage_close(&s);
    return err;
}

static int add_bases(struct builder *b, struct diag *d)
{
    int err = 0;
    for (size_t i = 0; i < b->config->base_count && err == 0; i++) {
        const struct config_base *base = &b->config->bases[i];
        if (base->dir.text != NULL) {
            err = add_directory(b, base, d);
            continue;
        }
        const char *names[CONFIG_PACKAGES_MAX + 1] = {NULL};
        for (size_t k = 0; k < base->package_count; k++) {
            names[k] = base->packages[k].text;
        }
        const struct config_text *at = names[0] != NULL ? &base->packages[0] : &base->name;
        err = names[0] != NULL
                  ? base_packages(names, b->request->verbose, &b->ids[b->layer_count], d)
                  : base_layer(at->text, b->request->verbose, &b->ids[b->layer_count], d);
        if (err == 0) {
            name_layer(b, names[0] != NULL ? "packages" : at->text);
            b->layer_count++;
        } else if (err != -EINTR) {
            char why[DIAG_MAX];
            memcpy(why, d->text, sizeof why);
            err = config_fail(b->config, at, d, "%s", why);
        }
    }
    return err;
}

static int stage_files(const struct builder *b, struct stage *s, struct diag *d)
{
    char source[PATH_MAX], real[PATH_MAX];
    int err = 0;
    stage_skip(s, b->work);
    stage_skip(s, b->request->bundle);
    for (size_t i = 0; i < b->config->file_count && err == 0; i++) {
        const struct config_file *f = &b->config->files[i];
        if (f == b->program) {
            continue;
        }
        err = source_path(b, f->source.text, source, d);
        if (err == 0 &&
            (strcmp(f->path.text, "/.alcove") == 0 || strncmp(f->path.text, "/.alcove/", 9) == 0)) {
            err = config_fail(b->config, &f->path, d, "/.alcove belongs to the runtime");
        }
        /* Where the entry itself is a link its target is meant; links below it stay links. */
        if (err == 0 && (access(source, R_OK) != 0 || realpath(source, real) == NULL)) {
            err = config_fail(b->config, &f->source, d, "cannot read %s: %s", source,
                              strerror(errno));
        }
        err = err != 0 ? err : stage_copy_tree(s, f->path.text, real, d);
    }
    return err;
}

static int stage_parent(struct stage *s, const char *path, struct diag *d)
{
    char parent[PATH_MAX];
    int err = format_path(parent, d, path, "", "");
    char *slash = strrchr(parent, '/');
    if (err != 0 || slash == NULL || slash == parent) {
        return err;
    }
    *slash = '\0';
    return stage_dir(s, parent, d);
}

/* Layers are read-only, so what appears at run time needs its place now. */
static int stage_places(const struct config *c, struct stage *s, struct diag *d)
{
    int err = 0;
    for (size_t i = 0; i < c->mount_count && err == 0; i++) {
        err = stage_dir(s, c->mounts[i].path.text, d);
    }
    for (size_t i = 0; i < c->input_count && err == 0; i++) {
        err = stage_parent(s, c->inputs[i].path.text, d);
    }
    for (size_t i = 0; i < c->output_count && err == 0; i++) {
        err = stage_parent(s, c->outputs[i].path.text, d);
    }
    return err;
}

static int add_own_layer(struct builder *b, struct diag *d)
{
    struct stage s;
    if (b->program != NULL && b->config->file_count == 1 && b->layer_count == 0) {
        return 0; /* nothing but the program: no file system, so no layer */
    }
    int err = stage_open(&s, b->work, d);
    if (err != 0) {
        return err;
    }
    err = stage_files(b, &s, d);
    err = err != 0 ? err : stage_places(b->config, &s, d);
    err = err != 0 ? err : finish_layer(b, &s, "app", d);
    stage_close(&s);
    return err;
}

/* ---- does it fit together? ------------------------------------------------------------------- */

static int fail_lookup(const struct builder *b, const struct config_text *at, int err,
                       struct diag *d)
{
    return config_fail(b->config, at, d, "%s: %s in the layers", at->text,
                       err == -ENOENT ? "no such file" : strerror(-err));
}

static int check_entry(const struct builder *b, const struct erofs_view *view, struct diag *d)
{
    const struct config *c = b->config;
    uint32_t mode;
    if (b->program != NULL) {
        return 0; /* no file */
    }
    int err = erofs_view_mode(view, c->entry.text, true, &mode);
    if (err != 0) {
        return fail_lookup(b, &c->entry, err, d);
    }
    if (!S_ISREG(mode) || (mode & 0111) == 0) {
        return config_fail(c, &c->entry, d, "%s is not an executable file", c->entry.text);
    }
    for (size_t i = 0; i < c->mount_count; i++) {
        size_t n = strlen(c->mounts[i].path.text);
        if (strncmp(c->entry.text, c->mounts[i].path.text, n) == 0 && c->entry.text[n] == '/') {
            return config_fail(c, &c->mounts[i].path, d, "a mount at %s would hide the program %s",
                               c->mounts[i].path.text, c->entry.text);
        }
    }
    return 0;
}

/* What the host brings must never take the place of a measured file. */
static int check_files(const struct builder *b, const struct erofs_view *view,
                       const struct config_io *files, size_t n, struct diag *d)
{
    uint32_t mode;
    for (size_t i = 0; i < n; i++) {
        int err = erofs_view_mode(view, files[i].path.text, false, &mode);
        if (err == 0) {
            return config_fail(b->config, &files[i].path, d,
                               "%s is in the layers already; an input or output may not replace it",
                               files[i].path.text);
        }
        if (err != -ENOENT) {
            return fail_lookup(b, &files[i].path, err, d);
        }
    }
    return 0;
}

static int check_mounts(const struct builder *b, const struct erofs_view *view, struct diag *d)
{
    const struct config *c = b->config;
    uint32_t mode;
    for (size_t i = 0; i < c->mount_count; i++) {
        int err = erofs_view_mode(view, c->mounts[i].path.text, false, &mode);
        if (err != 0 || !S_ISDIR(mode)) {
            return fail_lookup(b, &c->mounts[i].path, err != 0 ? err : -ENOTDIR, d);
        }
    }
    return 0;
}

static int check_stack(const struct builder *b, struct diag *d)
{
    const struct config *c = b->config;
    if (b->layer_count == 0) { /* what appears at run time makes its own place */
        return strcmp(c->cwd.text, "/") == 0
                   ? 0
                   : config_fail(c, &c->cwd, d,
                                 "cwd %s is not there: a program without layers "
                                 "starts in /",
                                 c->cwd.text);
    }
    struct erofs_view view = {0};
    char path[PATH_MAX];
    uint32_t mode = 0;
    int err = 0;
    for (size_t i = 0; i < b->layer_count && err == 0; i++) {
        err = store_find(b->work, b->ids[i].root, path, NULL, d);
        err = err != 0 ? err : erofs_view_add(&view, path, d);
    }
    err = err != 0 ? err : check_entry(b, &view, d);
    err = err != 0 ? err : check_files(b, &view, c->inputs, c->input_count, d);
    err = err != 0 ? err : check_files(b, &view, c->outputs, c->output_count, d);
    err = err != 0 ? err : check_mounts(b, &view, d);
    if (err == 0 && (erofs_view_mode(&view, c->cwd.text, true, &mode) != 0 || !S_ISDIR(mode))) {
        err = config_fail(c, &c->cwd, d, "cwd %s is not a folder in the layers", c->cwd.text);
    }
    erofs_view_close(&view);
    return err;
}

/* ---- manifest -------------------------------------------------------------------------------- */

static struct bytes text_of(const struct config_text *t)
{
    return BYTES(t->text, strlen(t->text));
}

static void fill_files(struct manifest_file *to, const struct config_io *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        to[i] = (struct manifest_file){text_of(&from[i].name), text_of(&from[i].path), from[i].max};
    }
}

static void fill_manifest(const struct builder *b, struct manifest *m)
{
    const struct config *c = b->config;
    *m = (struct manifest){
        .door = c->shim ? DOOR_SHIM : DOOR_LIBOS,
        .debug = c->debug,
        .stdin_host = c->stdin_host,
        .stdout_host = c->stdout_host,
        .stderr_host = c->stderr_host,
        .stdin_task = c->stdin_task,
        .stdout_result = c->stdout_result,
        .stderr_result = c->stderr_result,
        .attestation = c->attestation,
        .uid = (uint32_t)c->uid,
        .gid = (uint32_t)c->gid,
        .memory = c->memory,
        .threads = (uint32_t)c->threads,
        .entry = text_of(&c->entry),
        .cwd = text_of(&c->cwd),
        .layer_count = b->layer_count,
        .argv_count = c->argv_count,
        .env_count = c->env_count,
        .mount_count = c->mount_count,
        .input_count = c->input_count,
        .output_count = c->output_count,
    };
    for (size_t i = 0; i < b->layer_count; i++) {
        m->layers[i].name = BYTES(b->names[i], strlen(b->names[i]));
        memcpy(m->layers[i].root, b->ids[i].root, sizeof m->layers[i].root);
        m->layers[i].size = b->ids[i].size;
    }
    for (size_t i = 0; i < c->argv_count; i++) {
        m->argv[i] = text_of(&c->argv[i]);
    }
    for (size_t i = 0; i < c->env_count; i++) {
        m->env[i] = text_of(&c->env[i]);
    }
    for (size_t i = 0; i < c->mount_count; i++) {
        const struct config_mount *t = &c->mounts[i];
        m->mounts[i] = (struct manifest_mount){
            .path = text_of(&t->path),
            .size = t->size,
            .kind = t->sealed ? MOUNT_SEALED : MOUNT_TMPFS,
            .key = t->key_program ? MOUNT_KEY_PROGRAM : MOUNT_KEY_IDENTITY,
            .name = t->sealed ? text_of(&t->name) : BYTES("", 0),
        };
    }
    m->listen_count = c->listen_count;
    m->connect_count = c->connect_count;
    memcpy(m->listen, c->listen, sizeof m->listen);
    memcpy(m->connect, c->connect, sizeof m->connect);
    fill_files(m->inputs, c->inputs, c->input_count);
    fill_files(m->outputs, c->outputs, c->output_count);
}

static int write_manifest(const struct builder *b, struct diag *d)
{
    static uint8_t out[MANIFEST_SIZE_MAX];
    char path[PATH_MAX];
    struct manifest m;
    struct writer w = writer_of(out, sizeof out);
    fill_manifest(b, &m);
    int err = manifest_encode(&m, &w, d);
    if (err != 0) {
        diag_prefix(d, "%s", b->config->path);
        return err;
    }
    err = format_path(path, d, b->work, "/", "manifest.cbor");
    return err != 0 ? err : file_write(path, BYTES(out, w.size), 0644, d);
}

/* ---- the folder ------------------------------------------------------------------------------ */

static const char *const runtime_members[] = {"runtime.sgxs", "runtime.sig"};

/* Asked first, because layers take long. */
static int find_runtime(struct builder *b, struct diag *d)
{
    int err = host_find_file(b->config->shim ? "shim.sgxs" : runtime_members[0], b->runtime[0], d);
    return err != 0 ? err : host_find_file(runtime_members[1], b->runtime[1], d);
}

static int find_program(struct builder *b, struct diag *d)
{
    const struct config *c = b->config;
    for (size_t i = 0; i < c->file_count && c->shim; i++) {
        if (strcmp(c->files[i].path.text, c->entry.text) == 0) {
            b->program = &c->files[i];
        }
    }
    return !c->shim || b->program != NULL
               ? 0
               : config_fail(
                     c, &c->entry, d,
                     "%s is not among 'files': behind the shim door the program is the file "
                     "of this folder that 'files' names there, made by 'alcove cc'",
                     c->entry.text);
}

/* The date of the release's own signature, so that equal inputs give equal bytes. */
static int sign_image(const struct builder *b, const uint8_t mrenclave[32],
                      struct sgx_sigstruct *ret, struct diag *d)
{
    struct sign_terms terms = {.key = b->request->key,
                               .isvprodid = (uint16_t)b->config->isvprodid,
                               .isvsvn = (uint16_t)b->config->isvsvn};
    struct mapped_file release;
    uint8_t mrsigner[32];
    int err = mapped_file_open(&release, b->runtime[1], sizeof *ret, d);
    if (err != 0) {
        return err;
    }
    if (release.bytes.size == sizeof *ret) {
        memcpy(&terms.date, release.bytes.data + offsetof(struct sgx_sigstruct, date),
               sizeof terms.date);
    }
    mapped_file_close(&release);
    return sign_measurement(&terms, mrenclave, ret, mrsigner, d);
}

static int write_member(const struct builder *b, const char *name, struct bytes content,
                        struct diag *d)
{
    char path[PATH_MAX];
    int err = format_path(path, d, b->work, "/", name);
    return err != 0 ? err : file_write(path, content, 0644, d);
}

static int make_image(const struct builder *b, struct diag *d)
{
    char source[PATH_MAX];
    struct mapped_file runtime;
    struct bytes sgxs;
    struct sgx_sigstruct sigstruct;
    uint8_t mrenclave[32];
    int err = source_path(b, b->program->source.text, source, d);
    err = err != 0 ? err : mapped_file_open(&runtime, b->runtime[0], UINT64_C(1) << 30, d);
    if (err != 0) {
        return err;
    }
    err = program_compose(source, runtime.bytes, &sgxs, d);
    mapped_file_close(&runtime);
    if (err != 0) {
        char why[DIAG_MAX];
        memcpy(why, d->text, sizeof why);
        return config_fail(b->config, &b->program->source, d, "%s", why);
    }
    err = sgxs_measure(sgxs, mrenclave, d);
    err = err != 0 ? err : sign_image(b, mrenclave, &sigstruct, d);
    err = err != 0 ? err : write_member(b, runtime_members[0], sgxs, d);
    err = err != 0 ? err : write_member(b, runtime_members[1], BYTES_OF(sigstruct), d);
    free((void *)(uintptr_t)sgxs.data);
    return err;
}

static int copy_runtime(const struct builder *b, struct diag *d)
{
    char to[PATH_MAX];
    int err = 0;
    if (b->program != NULL) {
        return make_image(b, d);
    }
    for (size_t i = 0; i < ARRAY_SIZE(runtime_members) && err == 0; i++) {
        err = format_path(to, d, b->work, "/", runtime_members[i]);
        err = err != 0 ? err : file_copy(to, b->runtime[i], UINT64_C(1) << 30, d);
    }
    return err;
}

static int write_identity(const struct builder *b, struct identity *ret, struct diag *d)
{
    char path[PATH_MAX], json[IDENTITY_JSON_MAX];
    int err = identity_of_bundle(b->work, false, ret, d);
    err = err != 0 ? err : format_path(path, d, b->work, "/", "identity.json");
    if (err != 0) {
        return err;
    }
    size_t n = identity_json(ret, json, sizeof json);
    REQUIRE(n < sizeof json);
    return file_write(path, BYTES(json, n), 0644, d);
}

/* Removes what builds of the same bundle left that were killed outright. */
static void remove_leftovers(const char *parent, const char *name)
{
    char path[PATH_MAX], prefix[NAME_MAX + 8];
    DIR *stream = opendir(parent);
    size_t n = base_format(prefix, sizeof prefix, ".%s.tmp-", name);
    for (struct dirent *e; stream != NULL && (e = readdir(stream)) != NULL;) {
        char *end = NULL;
        bool ours = n < sizeof prefix && strncmp(e->d_name, prefix, n) == 0;
        long pid = ours ? strtol(e->d_name + n, &end, 10) : 0;
        if (pid > 0 && pid <= INT_MAX && *end == '\0' && kill((pid_t)pid, 0) != 0 &&
            errno == ESRCH &&
            base_format(path, sizeof path, "%s/%s", parent, e->d_name) < sizeof path) {
            remove_tree(path);
        }
    }
    if (stream != NULL) {
        closedir(stream);
    }
}

static int open_work(struct builder *b, struct diag *d)
{
    char copy[PATH_MAX], copy2[PATH_MAX];
    int err = format_path(copy, d, b->request->bundle, "", "");
    if (err != 0) {
        return err;
    }
    memcpy(copy2, copy, sizeof copy2);
    const char *parent = dirname(copy);
    const char *name = basename(copy2);
    if (base_format(b->work, sizeof b->work, "%s/.%s.tmp-%d", parent, name, (int)getpid()) >=
        sizeof b->work) {
        return diag_fail(d, -ENAMETOOLONG, "%s: path is too long", b->request->bundle);
    }
    remove_leftovers(parent, name);
    remove_tree(b->work);
    err = make_folders(b->work, d);
    err = err != 0 ? err : format_path(b->layers, d, b->work, "/", "layers");
    return err != 0 ? err : make_folders(b->layers, d);
}

/* Only what is a bundle, or empty, is ever replaced. */
static int check_target(const char *bundle, struct diag *d)
{
    char path[PATH_MAX];
    struct stat st;
    if (lstat(bundle, &st) != 0) {
        return errno == ENOENT ? 0 : diag_fail(d, -errno, "%s: %s", bundle, strerror(errno));
    }
    int err = format_path(path, d, bundle, "/", "manifest.cbor");
    if (err == 0 && (!S_ISDIR(st.st_mode) || (access(path, F_OK) != 0 && rmdir(bundle) != 0))) {
        err = diag_fail(d, -EEXIST,
                        "%s exists and is not a bundle; remove it or choose another "
                        "name with -o",
                        bundle);
    }
    return err;
}

static int commit(const struct builder *b, struct diag *d)
{
    const char *bundle = b->request->bundle;
    if (rename(b->work, bundle) == 0) {
        return 0;
    }
    /* Something is there: exchange the two, so that at every moment there is a whole bundle. */
    if (renameat2(AT_FDCWD, b->work, AT_FDCWD, bundle, RENAME_EXCHANGE) != 0) {
        int err = -errno;
        return diag_fail(d, err, "cannot put the bundle at %s: %s", bundle, strerror(-err));
    }
    remove_tree(b->work); /* the old one now */
    return 0;
}

static int fill_bundle(struct builder *b, struct identity *ret, struct diag *d)
{
    int err = find_program(b, d);
    err = err != 0 ? err : find_runtime(b, d);
    err = err != 0 ? err : open_work(b, d);
    err = err != 0 ? err : copy_runtime(b, d);
    err = err != 0 ? err : add_bases(b, d);
    err = err != 0 ? err : add_own_layer(b, d);
    err = err != 0 ? err : check_stack(b, d);
    err = err != 0 ? err : write_manifest(b, d);
    err = err != 0 ? err : write_identity(b, ret, d);
    return err != 0 ? err : commit(b, d);
}

int bundle_make(const struct bundle_request *request, struct identity *ret, struct diag *d)
{
    struct config *config = NULL;
    int err = config_read(request->dir, &config, d);
    err = err != 0 ? err : check_target(request->bundle, d);
    if (err == 0) {
        struct builder b = {.request = request, .config = config};
        err = fill_bundle(&b, ret, d);
        if (err != 0 && b.work[0] != '\0') {
            remove_tree(b.work);
        }
    }
    config_free(config);
    return err;
}
