/* SPDX-License-Identifier: Apache-2.0 */
/* See local_layers.h. The owner's mount points stand in the member's tree as barriers: directories
 * that nothing can be looked up in. They are made when first needed, from the manifest, which is
 * the same in both.
 *
 * Trust: the path is the workload's, which may change it between this look and the call: then the
 * call meets a barrier and fails, and nobody else is the worse for it. */
#include "proc/local_layers.h"

#include <errno.h>

#include "fs/vfs.h"

static struct fs barrier_fs;

static int barrier_lookup(struct node *dir, struct bytes name, struct node **ret)
{
    (void)dir, (void)name, (void)ret;
    return -EREMOTE;
}

static const struct file_ops barrier_file_ops;
static const struct node_ops barrier_ops = {
    .lookup = barrier_lookup, .volatile_names = true, .file_ops = &barrier_file_ops};

/* What lies behind another barrier needs none. */
static int barrier_at(struct bytes path)
{
    struct node *n = (struct node *)rt_alloc(sizeof *n);
    if (n == NULL) {
        return -ENOMEM;
    }
    *n = (struct node){
        .ops = &barrier_ops, .fs = &barrier_fs, .refs = 1, .mode = S_IFDIR | 0755, .nlink = 2};
    int err = mount_at(path, n, "");
    node_unref(n);
    return err == -EREMOTE ? 0 : err;
}

/* Shorter paths first, as they are mounted. */
static int mount_barriers(const struct manifest *m)
{
    size_t done = 0;
    for (size_t size = 1; size <= MANIFEST_TEXT_MAX && done < m->mount_count; size++) {
        for (size_t i = 0; i < m->mount_count; i++) {
            if (m->mounts[i].path.size == size) {
                int err = barrier_at(m->mounts[i].path);
                if (err != 0) {
                    return err;
                }
                done++;
            }
        }
    }
    return done == m->mount_count ? 0 : -ENAMETOOLONG;
}

static int start_barriers(const struct manifest *m)
{
    static const char *const always[] = {"/proc", "/sys", "/dev"};
    int err = 0;
    barrier_fs = (struct fs){.minor = fs_new_minor(), .read_only = true, .type = "barrier"};
    for (size_t i = 0; i < ARRAY_SIZE(always) && err == 0; i++) {
        err = barrier_at(BYTES(always[i], strlen(always[i])));
    }
    err = err != 0 ? err : mount_barriers(m);
    for (size_t i = 0; i < m->input_count && err == 0; i++) {
        err = barrier_at(m->inputs[i].path);
    }
    for (size_t i = 0; i < m->output_count && err == 0; i++) {
        err = barrier_at(m->outputs[i].path);
    }
    return err;
}

/* -1 when not all of them could be made: then the owner answers everything. */
static int barriers;

static bool lies_in_layers(app_ptr path)
{
    char text[FS_PATH_MAX];
    struct walk w;
    if (path_from_app(text, path) != 0 || text[0] != '/') {
        return false;
    }
    if (barriers == 0) {
        barriers = start_barriers(os.manifest) == 0 ? 1 : -1;
    }
    if (barriers < 0) {
        return false;
    }
    int err = fs_walk(dentry_root(), text, WALK_FOLLOW, &w);
    if (err != 0) {
        return err != -EREMOTE && err != -ENOMEM;
    }
    bool in_layers = layer_node_is(w.found->node) && !layer_node_is_synthetic(w.found->node);
    walk_done(&w);
    return in_layers;
}

bool local_layers_serve(const struct rt_frame *f, uint64_t number)
{
    app_ptr path;
    switch (number) {
    case 4:  /* stat */
    case 6:  /* lstat */
    case 21: /* access */
    case 89: /* readlink */
        path = app_at(f->rdi);
        break;
    case 262: /* newfstatat */
    case 267: /* readlinkat */
    case 269: /* faccessat */
    case 332: /* statx */
    case 439: /* faccessat2 */
        path = app_at(f->rsi);
        break;
    default:
        return false;
    }
    char first;
    if (copy_from_app(&first, path, 1) != 0 || first != '/') {
        return false;
    }
    os_lock();
    bool serves = lies_in_layers(path);
    os_unlock();
    return serves;
}
