/* SPDX-License-Identifier: Apache-2.0 */
/* Makes and checks layer images, see layer.h. */
#include "layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "process.h"
#include "progress.h"
#include "verity.h"

struct image_progress {
    const char *image;
    struct progress progress;
};

static void show_size(void *context)
{
    struct image_progress *p = context;
    struct stat st;
    uint64_t kib = stat(p->image, &st) == 0 ? (uint64_t)st.st_size >> 10 : 0;
    progress_add(&p->progress, kib > p->progress.done ? kib - p->progress.done : 0);
}

static int make_file_system(const struct stage *s, const char *image, struct diag *d)
{
    struct image_progress shown = {.image = image};
    const char *const command[] = {"mkfs.erofs",    "--quiet",    "-T0",
                                   "-U" LAYER_UUID, "--all-root", "-x-1",
                                   image,           s->root,      NULL};
    progress_start(&shown.progress, "writing the layer (KiB)", s->byte_count >> 10);
    int err = process_run(command, show_size, &shown, d);
    progress_end(&shown.progress);
    if (err == -EIO) {
        diag_prefix(d, "cannot make a file system (is erofs-utils installed?)");
    }
    return err;
}

/* With two blocks or more there always is a tree, and one case less for all readers. */
#define SIZE_MIN (2 * (uint64_t)VERITY_BLOCK)

static int grow(const char *image, struct diag *d)
{
    struct stat st;
    uint64_t size = 0;
    int err = stat(image, &st) == 0 ? 0 : -errno;
    if (err == 0 && !align_up_ok((uint64_t)st.st_size, VERITY_BLOCK, &size)) {
        err = -EFBIG;
    }
    if (err == 0 && truncate(image, (off_t)(size < SIZE_MIN ? SIZE_MIN : size)) != 0) {
        err = -errno;
    }
    return err == 0 ? 0 : diag_fail(d, err, "%s: %s", image, strerror(-err));
}

static int append_tree(const char *image, struct layer_id *ret, struct diag *d)
{
    struct mapped_file file;
    uint8_t *tree = NULL;
    size_t tree_size = 0;
    int err = grow(image, d);
    err = err != 0 ? err : mapped_file_open(&file, image, LAYER_SIZE_MAX, d);
    if (err != 0) {
        return err;
    }
    err = verity_build(file.bytes, (struct bytes){NULL, 0}, &tree, &tree_size, ret->root, d);
    ret->size = file.bytes.size;
    mapped_file_close(&file);
    if (err == 0) {
        err = file_append(image, (struct bytes){tree, tree_size}, d);
    }
    free(tree);
    return err;
}

int layer_make(const struct stage *s, const char *dir, struct layer_id *ret, struct diag *d)
{
    char temporary[PATH_MAX], final[PATH_MAX], hex[65];
    struct layer_id id = {0};
    if (base_format(temporary, sizeof temporary, "%s/.layer-%d.tmp", dir, (int)getpid()) >=
        sizeof temporary) {
        return diag_fail(d, -ENAMETOOLONG, "%s: path is too long", dir);
    }
    int err = make_file_system(s, temporary, d);
    err = err != 0 ? err : append_tree(temporary, &id, d);
    if (err == 0) {
        hex_encode(hex, id.root, 32);
        if (base_format(final, sizeof final, "%s/%s.img", dir, hex) >= sizeof final) {
            err = diag_fail(d, -ENAMETOOLONG, "%s: path is too long", dir);
        } else {
            err = file_commit(temporary, final, d);
        }
    }
    if (err != 0) {
        unlink(temporary);
        return err;
    }
    *ret = id;
    return 0;
}

int layer_check(const char *path, const struct manifest_layer *expected, struct diag *d)
{
    struct mapped_file file;
    int err = mapped_file_open(&file, path, 2 * LAYER_SIZE_MAX, d);
    if (err != 0) {
        return err;
    }
    err = verity_check(file.bytes, expected->size, expected->salt, expected->root, d);
    if (err != 0) {
        diag_prefix(d, "layer %.*s: %s", (int)expected->name.size,
                    (const char *)expected->name.data, path);
    }
    mapped_file_close(&file);
    return err;
}
