/* SPDX-License-Identifier: Apache-2.0 */
/* The tree that a workload starts with: what the manifest says, in a fixed order, nothing else. */
#include "sealed.h"
#include "vfs.h"

#define MOUNTS_MAX (MANIFEST_MOUNTS_MAX + 2 * MANIFEST_FILES_MAX + 5)

static const struct manifest *manifest;
static uint32_t next_minor = 20;
static struct {
    struct dentry *at;
    const char *options;
} mounts[MOUNTS_MAX];
static size_t mount_count;

uint32_t fs_uid(void)
{
    return manifest->uid;
}

uint32_t fs_gid(void)
{
    return manifest->gid;
}

uint32_t fs_umask(void)
{
    return os_fs()->umask;
}

uint32_t fs_set_umask(uint32_t mask)
{
    uint32_t old = os_fs()->umask;
    os_fs()->umask = mask & 0777;
    return old;
}

uint32_t fs_new_minor(void)
{
    return next_minor++;
}

struct fs_time fs_now(void)
{
    uint64_t ns = rt_clock_ns(0);
    return (struct fs_time){(int64_t)(ns / 1000000000), (uint32_t)(ns % 1000000000)};
}

int node_may(const struct node *n, unsigned mask)
{
    unsigned bits = n->mode;
    if (manifest->uid == 0 && ((mask & 1) == 0 || (bits & 0111) != 0 || node_is(n, S_IFDIR))) {
        return 0;
    }
    if (n->uid == manifest->uid) {
        bits >>= 6;
    } else if (n->gid == manifest->gid) {
        bits >>= 3;
    }
    return (bits & mask) == mask ? 0 : -EACCES;
}

bool fs_owns(const struct node *n)
{
    return manifest->uid == 0 || n->uid == manifest->uid;
}

/* The directory of that absolute path; what is missing is made: in tmpfs for real, elsewhere as a
 * directory with nothing behind it. Links on the way are followed. */
int mount_dir_at(struct bytes path, struct dentry **ret)
{
    struct dentry *at = dentry_ref(dentry_root());
    size_t end = 0;
    while (end < path.size) {
        size_t start = end;
        while (start < path.size && path.data[start] == '/') {
            start++;
        }
        end = start;
        while (end < path.size && path.data[end] != '/') {
            end++;
        }
        if (end == start) {
            break;
        }
        char name[FS_NAME_MAX + 1];
        if (end - start > FS_NAME_MAX) {
            dentry_unref(at);
            return -ENAMETOOLONG;
        }
        memcpy(name, path.data + start, end - start);
        name[end - start] = 0;
        struct walk w;
        int err = fs_walk(at, name, WALK_FOLLOW, &w);
        struct dentry *next = NULL;
        if (err == 0) {
            next = dentry_ref(w.found);
            walk_done(&w);
        } else if (err == -ENOENT) {
            struct node *n = tmpfs_node_is(at->node) ? tmpfs_new_node(at->node->fs, S_IFDIR | 0755)
                                                     : layer_synthetic_dir();
            err = n == NULL ? -ENOMEM : dentry_add(at, BYTES(name, end - start), n, &next);
            node_unref(n);
            if (err == 0) {
                next->flags |= DENTRY_BUSY; /* the mount below must stay reachable */
            }
        }
        dentry_unref(at);
        if (err != 0) {
            return err;
        }
        at = next;
        if (!node_is(at->node, S_IFDIR)) {
            dentry_unref(at);
            return -ENOTDIR;
        }
    }
    *ret = at;
    return 0;
}

int mount_at(struct bytes path, struct node *node, const char *options)
{
    size_t slash = path.size;
    while (slash > 0 && path.data[slash - 1] != '/') {
        slash--;
    }
    struct bytes name = BYTES(path.data + slash, path.size - slash);
    if (slash == 0 || name.size == 0 || name.size > FS_NAME_MAX || mount_count == MOUNTS_MAX) {
        return -EINVAL;
    }
    struct dentry *dir, *d = NULL;
    int err = mount_dir_at(BYTES(path.data, slash), &dir);
    if (err != 0) {
        return err;
    }
    /* Two mounts on one path, or one above another, are the manifest's mistake. */
    err = dentry_lookup(dir, name, &d);
    if (err == 0 && (d->flags & DENTRY_LISTED) != 0) {
        err = -EBUSY;
    }
    dentry_unref(d);
    d = NULL;
    if (err == 0 || err == -ENOENT) {
        err = dentry_add(dir, name, node, &d);
    }
    dentry_unref(dir);
    if (err == 0) {
        d->flags |= DENTRY_BUSY;
        mounts[mount_count].at = d;
        mounts[mount_count++].options = options;
    }
    return err;
}

static struct fs *tmpfs_of_mount[MANIFEST_MOUNTS_MAX];

struct fs_usage fs_usage(void)
{
    struct fs_usage u = {.verified_bytes = layers_verified_bytes()};
    file_usage(&u);
    return u;
}

bool fs_mount_usage(size_t mount, uint64_t *ret_size, uint64_t *ret_peak)
{
    const struct fs *fs = tmpfs_of_mount[mount];
    if (fs == NULL) {
        return false;
    }
    *ret_size = fs->block_limit * 4096;
    *ret_peak = fs->block_peak * 4096;
    return true;
}

static int mount_tmpfs(const struct manifest_mount *m, size_t number)
{
    struct fs *fs = tmpfs_new(m->size, "tmpfs");
    struct node *root = fs != NULL ? tmpfs_new_node(fs, S_IFDIR | 01777) : NULL;
    tmpfs_of_mount[number] = fs;
    if (root == NULL) {
        return -ENOMEM;
    }
    int err = mount_at(m->path, root, "rw");
    node_unref(root);
    return err;
}

/* Shorter paths first, so that a mount inside another lands in it. */
static void mount_order(const struct manifest *m, size_t ret_order[MANIFEST_MOUNTS_MAX])
{
    for (size_t i = 0; i < m->mount_count; i++) {
        size_t at = i;
        while (at > 0 && m->mounts[ret_order[at - 1]].path.size > m->mounts[i].path.size) {
            ret_order[at] = ret_order[at - 1];
            at--;
        }
        ret_order[at] = i;
    }
}

static int start_cwd(const struct manifest *m, struct diag *d)
{
    char path[MANIFEST_TEXT_MAX + 1];
    if (m->cwd.size > MANIFEST_TEXT_MAX) {
        return diag_fail(d, -ENAMETOOLONG, "working directory is too long");
    }
    memcpy(path, m->cwd.data, m->cwd.size);
    path[m->cwd.size] = 0;
    struct walk w;
    int err = fs_walk(dentry_root(), path, WALK_FOLLOW | WALK_DIRECTORY, &w);
    if (err != 0) {
        return diag_fail(d, err, "working directory %s is not a directory of this workload", path);
    }
    fs_set_cwd(w.found);
    walk_done(&w);
    return 0;
}

int fs_start_member(const struct manifest *m, struct diag *d)
{
    struct node *root;
    manifest = m;
    int err = dentry_start();
    if (err != 0) {
        return diag_fail(d, err, "no memory for the file system");
    }
    err = layers_start(m, &root, d);
    if (err == 0) {
        dentry_set_root_node(root);
        fs_set_cwd(dentry_root());
    }
    return err;
}

int fs_start(const struct manifest *m, struct diag *d)
{
    manifest = m;
    int err = dentry_start();
    if (err != 0) {
        return diag_fail(d, err, "no memory for the file system");
    }
    struct node *root;
    err = layers_start(m, &root, d);
    if (err != 0) {
        return err;
    }
    dentry_set_root_node(root);
    fs_set_cwd(dentry_root());
    err = proc_start(m);
    if (err == 0) {
        err = dev_start(m);
    }
    if (err == 0) {
        err = attestation_start(m);
    }
    if (err != 0) {
        return diag_fail(d, err, "cannot set up /proc and /dev");
    }
    size_t order[MANIFEST_MOUNTS_MAX];
    mount_order(m, order);
    for (size_t i = 0; i < m->mount_count; i++) {
        const struct manifest_mount *t = &m->mounts[order[i]];
        if (t->kind == MOUNT_SEALED) {
            err = sealed_mount(t, order[i], d);
            if (err != 0) {
                return err;
            }
            continue;
        }
        err = mount_tmpfs(t, order[i]);
        if (err != 0) {
            return diag_fail(d, err, "cannot mount tmpfs at %.*s: %s", (int)t->path.size,
                             (const char *)t->path.data,
                             err == -EBUSY ? "something is mounted there"
                                           : "no directory can be there");
        }
    }
    err = hostfiles_start(m, d);
    return err != 0 ? err : start_cwd(m, d);
}

int fs_finish(struct run_claims *claims, struct diag *d)
{
    int err = sealed_commit_all(d);
    return err != 0 ? err : hostfiles_finish(claims, d);
}

/* ---- /proc/self/mounts
 * --------------------------------------------------------------------------- */

void mounts_text(struct fs_text *t, bool mountinfo)
{
    char path[FS_PATH_MAX];
    const struct fs *root = dentry_root()->node->fs;
    if (mountinfo) {
        fs_printf(t, "1 0 0:%u / / ro - %s layers ro\n", root->minor, root->type);
    } else {
        fs_printf(t, "layers / %s ro 0 0\n", root->type);
    }
    for (size_t i = 0; i < mount_count; i++) {
        const struct fs *fs = mounts[i].at->node->fs;
        dentry_path(mounts[i].at, path, sizeof path);
        if (mountinfo) {
            fs_printf(t, "%zu 1 0:%u / %s %s - %s %s %s\n", i + 2, fs->minor, path,
                      mounts[i].options, fs->type, fs->type, mounts[i].options);
        } else {
            fs_printf(t, "%s %s %s %s 0 0\n", fs->type, path, fs->type, mounts[i].options);
        }
    }
}
