/* SPDX-License-Identifier: Apache-2.0 */
/* Open files of things that have no name in any directory. Nothing here comes from the host. */
#include "events.h"

#define ANON_INODE UINT32_C(0x09041934)

static struct fs anon_fs;

int os_anon_file(struct node *n, const char *name, uint32_t flags, struct file **ret)
{
    if (anon_fs.minor == 0) {
        anon_fs = (struct fs){.magic = ANON_INODE, .minor = fs_new_minor(), .type = "anon_inodefs"};
    }
    struct fs_time now = fs_now();
    n->fs = &anon_fs;
    n->refs = 1;
    n->mode = 0600;
    n->uid = fs_uid();
    n->gid = fs_gid();
    n->nlink = 1;
    n->ino = ++anon_fs.next_ino;
    n->atime = n->mtime = n->ctime = now;
    struct dentry *d = dentry_new_anon(name, n);
    int err = d == NULL ? -ENOMEM : file_open(d, O_RDWR | flags, ret);
    dentry_unref(d);
    node_unref(n);
    return err;
}

int64_t os_install(struct file *f, bool cloexec)
{
    int fd = fd_install(f, 0, cloexec);
    file_unref(f);
    return fd;
}
