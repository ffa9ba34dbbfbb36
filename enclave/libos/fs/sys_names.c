/* SPDX-License-Identifier: Apache-2.0 */
/* System calls on names: directories, links, renaming, the working directory. Each decides first
 * and changes after nothing can fail any more. The order of checks is Linux's, since programs see
 * it in which error they get. */
#include "inotify.h"
#include "libos/syscalls.h"
#include "vfs.h"

static struct bytes last_of(const struct walk *w)
{
    return BYTES(w->last, w->last_size);
}

/* May a name be made or removed in this directory? */
static int may_change_dir(const struct dentry *dir)
{
    const struct node *n = dir->node;
    if (n->fs->read_only) {
        return -EROFS;
    }
    if (!tmpfs_node_is(n)) { /* who may write there is told that nothing can be */
        int err = node_may(n, 3);
        return err != 0 ? err : -EPERM;
    }
    if ((dir->flags & DENTRY_GONE) != 0) {
        return -ENOENT;
    }
    return node_may(n, 3);
}

static int may_remove(const struct dentry *dir, const struct dentry *d)
{
    int err = may_change_dir(dir);
    if (err != 0) {
        return err;
    }
    const struct node *n = dir->node; /* the sticky bit */
    if ((n->mode & S_ISVTX) != 0 && !fs_owns(n) && !fs_owns(d->node)) {
        return -EPERM;
    }
    return (d->flags & DENTRY_BUSY) != 0 ? -EBUSY : 0;
}

static void touch(struct node *dir)
{
    dir->mtime = dir->ctime = fs_now();
}

/* Walks to a place where nothing may be. */
static int walk_new(int dirfd, app_ptr path, struct walk *ret)
{
    int err = walk_at(dirfd, path, WALK_NEW | WALK_ANY, ret);
    if (err != 0) {
        return err;
    }
    if (ret->kind != LAST_NAME || ret->found != NULL) {
        walk_done(ret);
        return -EEXIST;
    }
    return 0;
}

/* ---- making
 * ----------------------------------------------------------------------------------------- */

int64_t sys_mkdirat(int dirfd, app_ptr path, uint32_t mode)
{
    struct walk w;
    int err = walk_new(dirfd, path, &w);
    if (err != 0) {
        return err;
    }
    err = may_change_dir(w.dir);
    if (err == 0) {
        struct node *dir = w.dir->node;
        struct node *n = tmpfs_new_node(dir->fs, S_IFDIR | (mode & 01777 & ~fs_umask()));
        err = n == NULL ? -ENOSPC : dentry_add(w.dir, last_of(&w), n, NULL);
        node_unref(n);
        if (err == 0) {
            dir->nlink++;
            touch(dir);
            fs_notify_name(dir, true, last_of(&w), IN_CREATE, 0);
        }
    }
    walk_done(&w);
    return err;
}

int64_t sys_mkdir(app_ptr path, uint32_t mode)
{
    return sys_mkdirat(AT_FDCWD, path, mode);
}

/* Regular files and named pipes; devices are the manifest's, sockets made by bind(2). */
int64_t sys_mknodat(int dirfd, app_ptr path, uint32_t mode, uint64_t dev)
{
    (void)dev;
    uint32_t type = mode & S_IFMT;
    if (type == S_IFDIR) {
        return -EPERM;
    }
    struct walk w;
    int err = walk_new(dirfd, path, &w);
    if (err != 0) {
        return err;
    }
    err = w.slash ? -ENOENT : may_change_dir(w.dir);
    bool fifo = type == S_IFIFO;
    if (err == 0 && ((type != 0 && type != S_IFREG && !fifo) ||
                     (fifo && w.dir->node->fs->sealed_ops != NULL))) {
        err = -EPERM; /* a sealed volume keeps files, directories and links */
    }
    if (err == 0) {
        struct node *n = tmpfs_new_node(w.dir->node->fs, (fifo ? S_IFIFO : S_IFREG) |
                                                             (mode & 07777 & ~fs_umask()));
        err = n == NULL ? -ENOSPC : dentry_add(w.dir, last_of(&w), n, NULL);
        node_unref(n);
        if (err == 0) {
            touch(w.dir->node);
            fs_notify_name(w.dir->node, false, last_of(&w), IN_CREATE, 0);
        }
    }
    walk_done(&w);
    return err;
}

int64_t sys_mknod(app_ptr path, uint32_t mode, uint64_t dev)
{
    return sys_mknodat(AT_FDCWD, path, mode, dev);
}

int64_t sys_symlinkat(app_ptr target, int dirfd, app_ptr path)
{
    char text[FS_PATH_MAX];
    int err = path_from_app(text, target);
    if (err == 0 && text[0] == 0) {
        err = -ENOENT;
    }
    if (err != 0) {
        return err;
    }
    struct walk w;
    err = walk_new(dirfd, path, &w);
    if (err != 0) {
        return err;
    }
    err = w.slash ? -ENOENT : may_change_dir(w.dir);
    if (err == 0) {
        struct node *n = tmpfs_new_node(w.dir->node->fs, S_IFLNK | 0777);
        err = n == NULL ? -ENOSPC : tmpfs_set_symlink(n, BYTES(text, strlen(text)));
        if (err == 0) {
            err = dentry_add(w.dir, last_of(&w), n, NULL);
        }
        node_unref(n);
        if (err == 0) {
            touch(w.dir->node);
            fs_notify_name(w.dir->node, false, last_of(&w), IN_CREATE, 0);
        }
    }
    walk_done(&w);
    return err;
}

int64_t sys_symlink(app_ptr target, app_ptr path)
{
    return sys_symlinkat(target, AT_FDCWD, path);
}

static int link_to(struct dentry *from, struct walk *w)
{
    struct node *n = from->node;
    if (w->slash) {
        return -ENOENT;
    }
    if (n->fs != w->dir->node->fs || (from->flags & DENTRY_BUSY) != 0) {
        return -EXDEV;
    }
    int err = may_change_dir(w->dir);
    if (err != 0) {
        return err;
    }
    if (node_is(n, S_IFDIR)) {
        return -EPERM;
    }
    if (n->nlink == 0 && (from->flags & DENTRY_ANON) == 0) {
        return -ENOENT;
    }
    err = dentry_add(w->dir, last_of(w), n, NULL);
    if (err == 0) {
        n->nlink++;
        n->ctime = fs_now();
        touch(w->dir->node);
        fs_notify_node(n, IN_ATTRIB);
        fs_notify_name(w->dir->node, false, last_of(w), IN_CREATE, 0);
    }
    return err;
}

int64_t sys_linkat(int from_dirfd, app_ptr from, int to_dirfd, app_ptr to, int flags)
{
    if ((flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) != 0) {
        return -EINVAL;
    }
    struct dentry *d;
    int err = lookup_at(from_dirfd, from, (flags & AT_SYMLINK_FOLLOW) != 0 ? WALK_FOLLOW : 0,
                        (flags & AT_EMPTY_PATH) != 0, &d);
    if (err != 0) {
        return err;
    }
    struct walk w;
    err = walk_new(to_dirfd, to, &w);
    if (err == 0) {
        err = link_to(d, &w);
        walk_done(&w);
    }
    dentry_unref(d);
    return err;
}

int64_t sys_link(app_ptr from, app_ptr to)
{
    return sys_linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* ---- removing
 * ----------------------------------------------------------------------------------------- */

static void drop_name(struct dentry *dir, struct dentry *d)
{
    struct node *n = node_ref(d->node);
    bool is_dir = node_is(n, S_IFDIR);
    dentry_remove(d);
    n->nlink -= is_dir ? 2 : 1;
    n->ctime = fs_now();
    dir->node->nlink -= is_dir;
    touch(dir->node);
    node_unref(n);
}

/* The same, and those who watch hear of it, in the kernel's order: the file's own end comes first if
 * nobody has it open any more. */
static void remove_name(struct dentry *dir, struct dentry *d)
{
    struct node *n = d->node;
    bool is_dir = node_is(n, S_IFDIR);
    drop_name(dir, d);
    if (!is_dir) {
        fs_notify_node(n, IN_ATTRIB);
    }
    if (n->nlink == 0 && n->refs == 1) {
        fs_notify_gone(n);
    }
    fs_notify_name(dir->node, is_dir, BYTES(d->name, d->name_size), IN_DELETE, 0);
}

static int64_t remove_dir(int dirfd, app_ptr path)
{
    struct walk w;
    int err = walk_at(dirfd, path, WALK_ANY, &w);
    if (err != 0) {
        return err;
    }
    switch (w.kind) {
    case LAST_DOT:
        err = -EINVAL;
        break;
    case LAST_DOTDOT:
        err = -ENOTEMPTY;
        break;
    case LAST_ROOT:
        err = -EBUSY;
        break;
    case LAST_NAME:
        err = may_remove(w.dir, w.found);
        if (err == 0 && !node_is(w.found->node, S_IFDIR)) {
            err = -ENOTDIR;
        }
        if (err == 0 && dentry_has_children(w.found)) {
            err = -ENOTEMPTY;
        }
        if (err == 0) {
            remove_name(w.dir, w.found);
        }
        break;
    }
    walk_done(&w);
    return err;
}

static int64_t remove_file(int dirfd, app_ptr path)
{
    struct walk w;
    int err = walk_at(dirfd, path, WALK_NEW | WALK_ANY, &w);
    if (err != 0) {
        return err;
    }
    if (w.kind != LAST_NAME) {
        err = -EISDIR;
    } else if (w.found == NULL) {
        err = -ENOENT;
    } else if (w.slash) {
        err = node_is(w.found->node, S_IFDIR) ? -EISDIR : -ENOTDIR;
    } else {
        err = may_remove(w.dir, w.found);
        if (err == 0 && node_is(w.found->node, S_IFDIR)) {
            err = -EISDIR;
        }
    }
    if (err == 0) {
        remove_name(w.dir, w.found);
    }
    walk_done(&w);
    return err;
}

int64_t sys_unlinkat(int dirfd, app_ptr path, int flags)
{
    if ((flags & ~AT_REMOVEDIR) != 0) {
        return -EINVAL;
    }
    return (flags & AT_REMOVEDIR) != 0 ? remove_dir(dirfd, path) : remove_file(dirfd, path);
}

int64_t sys_unlink(app_ptr path)
{
    return remove_file(AT_FDCWD, path);
}

int64_t sys_rmdir(app_ptr path)
{
    return remove_dir(AT_FDCWD, path);
}

/* ---- renaming
 * ------------------------------------------------------------------------------------------- */

/* All that can refuse, in Linux's order (do_renameat2, vfs_rename). */
static int rename_check(const struct walk *from, const struct walk *to, unsigned flags)
{
    struct dentry *a = from->found, *b = to->found;
    if (b != NULL && (flags & RENAME_NOREPLACE) != 0) {
        return -EEXIST;
    }
    if ((flags & RENAME_EXCHANGE) != 0 && b == NULL) {
        return -ENOENT;
    }
    bool a_dir = node_is(a->node, S_IFDIR);
    if (!a_dir && (from->slash || ((flags & RENAME_EXCHANGE) == 0 && to->slash))) {
        return -ENOTDIR;
    }
    if (dentry_is_below(to->dir, a)) {
        return -EINVAL; /* into itself */
    }
    if (b != NULL && dentry_is_below(from->dir, b)) {
        return (flags & RENAME_EXCHANGE) != 0 ? -EINVAL : -ENOTEMPTY;
    }
    if (b != NULL && a->node == b->node) {
        return 0; /* two names of one file: nothing to do, says POSIX */
    }
    int err = may_remove(from->dir, a);
    if (err == 0) {
        err = b != NULL ? may_remove(to->dir, b) : may_change_dir(to->dir);
    }
    bool b_dir = b != NULL && node_is(b->node, S_IFDIR);
    if (err == 0 && b != NULL && a_dir != b_dir && (flags & RENAME_EXCHANGE) == 0) {
        err = a_dir ? -ENOTDIR : -EISDIR;
    }
    if (err == 0 && a_dir && from->dir != to->dir) {
        err = node_may(a->node, 2); /* its ".." changes */
    }
    if (err == 0 && b_dir && (flags & RENAME_EXCHANGE) == 0 && dentry_has_children(b)) {
        err = -ENOTEMPTY;
    }
    return err;
}

static void tell_move(const struct walk *from, const struct walk *to, struct node *n)
{
    bool is_dir = node_is(n, S_IFDIR);
    uint32_t cookie = fs_notify_cookie();
    fs_notify_name(from->dir->node, is_dir, last_of(from), IN_MOVED_FROM, cookie);
    fs_notify_name(to->dir->node, is_dir, last_of(to), IN_MOVED_TO, cookie);
}

static int rename_do(struct walk *from, struct walk *to, unsigned flags)
{
    struct dentry *a = from->found, *b = to->found;
    struct node *from_dir = from->dir->node, *to_dir = to->dir->node;
    bool a_dir = node_is(a->node, S_IFDIR);
    if ((flags & RENAME_EXCHANGE) != 0) {
        struct node *n = a->node; /* names stay, what they name changes places */
        if (a_dir || node_is(b->node, S_IFDIR)) {
            return -EINVAL; /* of directories: open files below know their parents by dentry */
        }
        a->node = b->node;
        b->node = n;
        tell_move(to, from, a->node);
        fs_notify_node(a->node, IN_MOVE_SELF);
    } else {
        if (b != NULL) {
            drop_name(to->dir, b);
        }
        int err = dentry_move(a, to->dir, last_of(to));
        if (err != 0) {
            return err;
        }
        from_dir->nlink -= a_dir;
        to_dir->nlink += a_dir;
    }
    a->node->ctime = fs_now();
    touch(from_dir);
    touch(to_dir);
    struct node *moved = (flags & RENAME_EXCHANGE) != 0 ? b->node : a->node;
    tell_move(from, to, moved);
    if (b != NULL && (flags & RENAME_EXCHANGE) == 0 && !node_is(b->node, S_IFDIR)) {
        fs_notify_node(b->node, IN_ATTRIB);
    }
    fs_notify_node(moved, IN_MOVE_SELF);
    return 0;
}

int64_t sys_renameat2(int from_dirfd, app_ptr from, int to_dirfd, app_ptr to, int flags_)
{
    unsigned flags = (unsigned)flags_;
    if ((flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE)) != 0 ||
        flags == (RENAME_NOREPLACE | RENAME_EXCHANGE)) {
        return -EINVAL;
    }
    struct walk a, b;
    int err = walk_at(from_dirfd, from, WALK_NEW | WALK_ANY, &a);
    if (err != 0) {
        return err;
    }
    err = walk_at(to_dirfd, to, WALK_NEW | WALK_ANY, &b);
    if (err != 0) {
        walk_done(&a);
        return err;
    }
    const struct dentry *from_dir = a.dir != NULL ? a.dir : a.found;
    const struct dentry *to_dir = b.dir != NULL ? b.dir : b.found;
    if (from_dir->node->fs != to_dir->node->fs) {
        err = -EXDEV;
    } else if (a.kind != LAST_NAME) {
        err = -EBUSY;
    } else if (b.kind != LAST_NAME) {
        err = (flags & RENAME_NOREPLACE) != 0 ? -EEXIST : -EBUSY;
    } else if (a.found == NULL) {
        err = -ENOENT;
    } else {
        err = rename_check(&a, &b, flags);
        bool same = err == 0 && b.found != NULL && a.found->node == b.found->node;
        if (err == 0 && !same) {
            err = rename_do(&a, &b, flags);
        }
    }
    walk_done(&a);
    walk_done(&b);
    return err;
}

int64_t sys_renameat(int from_dirfd, app_ptr from, int to_dirfd, app_ptr to)
{
    return sys_renameat2(from_dirfd, from, to_dirfd, to, 0);
}

int64_t sys_rename(app_ptr from, app_ptr to)
{
    return sys_renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* ---- reading links and directories
 * ------------------------------------------------------------------------- */

int64_t sys_readlinkat(int dirfd, app_ptr path, app_ptr buf, uint64_t size)
{
    if ((int64_t)size <= 0 || size > INT32_MAX) {
        return -EINVAL;
    }
    struct dentry *d;
    int64_t r = lookup_at(dirfd, path, 0, true, &d);
    if (r != 0) {
        return r;
    }
    struct bytes text;
    if (!node_is(d->node, S_IFLNK)) {
        char first;
        r = copy_from_app(&first, path, 1);
        r = r != 0 ? r : first == 0 ? -ENOENT : -EINVAL;
    } else {
        r = d->node->ops->readlink(d->node, &text);
    }
    if (r == 0) {
        size_t n = text.size < size ? text.size : (size_t)size;
        r = copy_to_app(buf, text.data, n);
        r = r != 0 ? r : (int64_t)n;
    }
    dentry_unref(d);
    return r;
}

int64_t sys_readlink(app_ptr path, app_ptr buf, uint64_t size)
{
    return sys_readlinkat(AT_FDCWD, path, buf, size);
}

/* struct linux_dirent64: u64 ino, i64 off, u16 reclen, u8 type, name with NUL, padded to 8. */
#define DIRENT_HEADER 19u

int64_t sys_getdents64(int fd, app_ptr buf, uint64_t size)
{
    struct file *f = fd_get(fd);
    if (f == NULL || (f->flags & O_PATH) != 0) {
        return -EBADF;
    }
    if (!node_is(f->node, S_IFDIR)) {
        return -ENOTDIR;
    }
    if ((f->dentry->flags & DENTRY_GONE) != 0) {
        return -ENOENT;
    }
    if (f->listing == NULL) {
        int err = listing_make(f->dentry, &f->listing);
        if (err != 0) {
            return err;
        }
    }
    uint64_t done = 0;
    const struct listing *l = f->listing;
    for (; f->pos < l->count; f->pos++) {
        const struct listing_entry *e = &l->entries[f->pos];
        size_t record = (DIRENT_HEADER + e->name_size + 1u + 7u) & ~(size_t)7;
        if (record > size - done) {
            return done > 0 ? (int64_t)done : -EINVAL;
        }
        uint8_t bytes[(DIRENT_HEADER + FS_NAME_MAX + 1 + 7) & ~7u] = {0};
        store_le64(bytes, e->ino);
        store_le64(bytes + 8, f->pos + 1);
        store_le16(bytes + 16, (uint16_t)record);
        bytes[18] = e->type;
        memcpy(bytes + DIRENT_HEADER, l->names + e->name_offset, e->name_size);
        int err = copy_to_app(app_add(buf, done), bytes, record);
        if (err != 0) {
            return done > 0 ? (int64_t)done : err;
        }
        done += record;
    }
    fs_notify(f->dentry, IN_ACCESS);
    return (int64_t)done;
}

/* ---- working directory
 * ---------------------------------------------------------------------------------------- */

int64_t sys_getcwd(app_ptr buf, uint64_t size)
{
    char path[FS_PATH_MAX];
    if ((fs_cwd()->flags & DENTRY_GONE) != 0) {
        return -ENOENT;
    }
    size_t n = fs_cwd_path(path, sizeof path) + 1;
    if (n > size) {
        return -ERANGE;
    }
    int err = copy_to_app(buf, path, n);
    return err != 0 ? err : (int64_t)n;
}

static int64_t go_to(struct dentry *d)
{
    if (!node_is(d->node, S_IFDIR)) {
        return -ENOTDIR;
    }
    int err = node_may(d->node, 1);
    if (err == 0) {
        fs_set_cwd(d);
    }
    return err;
}

int64_t sys_chdir(app_ptr path)
{
    struct dentry *d;
    int64_t err = lookup_at(AT_FDCWD, path, WALK_FOLLOW | WALK_DIRECTORY, false, &d);
    if (err == 0) {
        err = go_to(d);
        dentry_unref(d);
    }
    return err;
}

int64_t sys_fchdir(int fd)
{
    struct file *f = fd_get(fd);
    return f == NULL ? -EBADF : go_to(f->dentry);
}
