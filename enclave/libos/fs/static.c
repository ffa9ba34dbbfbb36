/* SPDX-License-Identifier: Apache-2.0 */
/* Directories and links of /dev, /proc and /sys that are made once at start. */
#include "vfs.h"

struct static_node {
    struct node node;
    const char *target; /* of links; a literal */
};

static int static_readlink(struct node *n, struct bytes *ret)
{
    const char *target = ((struct static_node *)(void *)n)->target;
    *ret = BYTES(target, strlen(target));
    return 0;
}

static const struct file_ops directory_ops = {.seekable = true};
static const struct node_ops static_dir_ops = {.file_ops = &directory_ops};
static const struct node_ops static_link_ops = {.readlink = static_readlink,
                                                .file_ops = &directory_ops};

static struct node *make(struct fs *fs, const struct node_ops *ops, uint32_t mode,
                         const char *target)
{
    struct static_node *s = rt_alloc(sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    struct fs_time now = fs_now();
    s->node = (struct node){.ops = ops,
                            .fs = fs,
                            .refs = 1,
                            .mode = mode,
                            .nlink = 1,
                            .ino = ++fs->next_ino,
                            .atime = now,
                            .mtime = now,
                            .ctime = now};
    if (target != NULL) {
        s->target = target;
        s->node.size = strlen(target);
    } else {
        s->node.nlink = 2;
    }
    return &s->node;
}

struct node *static_dir(struct fs *fs, uint32_t mode)
{
    return make(fs, &static_dir_ops, S_IFDIR | mode, NULL);
}

struct node *static_link(struct fs *fs, const char *target)
{
    return make(fs, &static_link_ops, S_IFLNK | 0777, target);
}

int static_add(struct dentry *dir, const char *name, struct node *take_node)
{
    if (take_node == NULL) {
        return -ENOMEM;
    }
    int err = dentry_add(dir, BYTES(name, strlen(name)), take_node, NULL);
    node_unref(take_node);
    return err;
}
