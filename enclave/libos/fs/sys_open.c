/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that make, copy and steer descriptors. */
#include <linux/close_range.h>

#include "inotify.h"
#include "libos/syscalls.h"
#include "vfs.h"

/* Gives a fresh file a descriptor; the caller's reference is used up. */
static int64_t install(struct file *take_f, int from, bool cloexec)
{
    int64_t fd = fd_install(take_f, from, cloexec);
    file_unref(take_f);
    return fd;
}

/* A new regular file where the walk ended on nothing. */
static int create_at(struct walk *w, uint32_t mode, struct dentry **ret)
{
    struct node *dir = w->dir->node;
    if (!tmpfs_node_is(dir) || dir->fs->read_only) {
        return dir->fs->read_only ? -EROFS : -EACCES;
    }
    int err = node_may(dir, 3);
    if (err == 0 && (w->dir->flags & DENTRY_GONE) != 0) {
        err = -ENOENT;
    }
    if (err != 0) {
        return err;
    }
    struct node *n = tmpfs_new_node(dir->fs, S_IFREG | (mode & 07777 & ~fs_umask()));
    if (n == NULL) {
        return -ENOSPC;
    }
    err = dentry_add(w->dir, BYTES(w->last, w->last_size), n, ret);
    node_unref(n);
    if (err == 0) {
        dir->mtime = dir->ctime = fs_now();
    }
    return err;
}

static int open_walked(struct walk *w, uint32_t flags, uint32_t mode, struct file **ret)
{
    if (w->found != NULL) {
        if ((flags & O_CREAT) != 0 && (flags & O_EXCL) != 0) {
            return -EEXIST;
        }
        if ((flags & O_CREAT) != 0 && node_is(w->found->node, S_IFDIR)) {
            return -EISDIR;
        }
        if (node_is(w->found->node, S_IFLNK) && (flags & O_PATH) == 0) {
            return (flags & O_DIRECTORY) != 0 ? -ENOTDIR : -ELOOP; /* O_NOFOLLOW */
        }
        return file_open(w->found, flags, ret);
    }
    struct dentry *d;
    int err = create_at(w, mode, &d);
    if (err != 0) {
        return err;
    }
    /* The creator may open it whatever the mode says. */
    struct file *f =
        file_new(d->node->ops->file_ops, d, d->node,
                 flags & ~(uint32_t)(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC));
    dentry_unref(d);
    if (f == NULL) {
        return -ENOMEM;
    }
    *ret = f;
    return 0;
}

/* O_TMPFILE: a file without a name in that directory's file system. */
static int open_unnamed(struct dentry *dir, uint32_t flags, uint32_t mode, struct file **ret)
{
    if ((flags & O_ACCMODE) == O_RDONLY) {
        return -EINVAL;
    }
    if (!tmpfs_node_is(dir->node) || dir->node->fs->read_only) {
        return -EOPNOTSUPP;
    }
    int err = node_may(dir->node, 3);
    if (err != 0) {
        return err;
    }
    struct node *n = tmpfs_new_node(dir->node->fs, S_IFREG | (mode & 07777 & ~fs_umask()));
    if (n == NULL) {
        return -ENOSPC;
    }
    n->nlink = 0;
    char name[32];
    base_format(name, sizeof name, "#%llu (deleted)", (unsigned long long)n->ino);
    struct dentry *d = dentry_new_anon(name, n);
    struct file *f = d != NULL ? file_new(n->ops->file_ops, d, n,
                                          flags & ~(uint32_t)(O_TMPFILE | O_EXCL | O_CLOEXEC))
                               : NULL;
    dentry_unref(d);
    node_unref(n);
    if (f == NULL) {
        return -ENOMEM;
    }
    *ret = f;
    return 0;
}

static void tell_open(const struct walk *w, struct file *f, uint32_t flags)
{
    if (w->found == NULL) {
        fs_notify_name(w->dir->node, false, BYTES(w->last, w->last_size), IN_CREATE, 0);
    }
    fs_notify(f->dentry, IN_OPEN);
    if (w->found != NULL && (flags & O_TRUNC) != 0 && node_is(f->node, S_IFREG)) {
        fs_notify(f->dentry, IN_MODIFY);
    }
}

int64_t sys_openat(int dirfd, app_ptr path, int flags_, uint32_t mode)
{
    uint32_t flags = (uint32_t)flags_;
    bool cloexec = (flags & O_CLOEXEC) != 0;
    if ((flags & O_PATH) != 0) {
        flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW;
    }
    bool unnamed = (flags & O_TMPFILE) == O_TMPFILE;
    bool create = (flags & O_CREAT) != 0;
    unsigned walk =
        (flags & O_NOFOLLOW) != 0 || (create && (flags & O_EXCL) != 0) ? 0 : WALK_FOLLOW;
    walk |= create ? WALK_NEW | WALK_CREATE : 0u;
    struct walk w;
    int err = walk_at(dirfd, path, walk | (unnamed ? WALK_DIRECTORY : 0u), &w);
    if (err != 0) {
        return err;
    }
    struct file *f = NULL;
    err = unnamed ? open_unnamed(w.found, flags, mode, &f) : open_walked(&w, flags, mode, &f);
    if (err == 0 && (flags & O_PATH) == 0) {
        tell_open(&w, f, flags);
    }
    walk_done(&w);
    return err != 0 ? err : install(f, 0, cloexec);
}

int64_t sys_open(app_ptr path, int flags, uint32_t mode)
{
    return sys_openat(AT_FDCWD, path, flags, mode);
}

int64_t sys_creat(app_ptr path, uint32_t mode)
{
    return sys_openat(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

int64_t sys_close(int fd)
{
    return fd_close(fd);
}

int64_t sys_close_range(int first_, int last_, int flags)
{
    unsigned first = (unsigned)first_, last = (unsigned)last_;
    if (first > last || (flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) != 0) {
        return -EINVAL;
    }
    if (first >= FS_FD_MAX) {
        return 0;
    }
    for (int fd = fd_next((int)first); fd >= 0 && (unsigned)fd <= last; fd = fd_next(fd + 1)) {
        int err = (flags & CLOSE_RANGE_CLOEXEC) != 0 ? fd_set_cloexec(fd, true) : fd_close(fd);
        REQUIRE(err == 0);
    }
    return 0;
}

int64_t sys_dup(int fd)
{
    struct file *f = fd_get(fd);
    return f == NULL ? -EBADF : fd_install(f, 0, false);
}

int64_t sys_dup3(int fd, int to, int flags)
{
    if ((flags & ~O_CLOEXEC) != 0 || fd == to) {
        return -EINVAL;
    }
    struct file *f = fd_get(fd);
    return f == NULL ? -EBADF : fd_install_at(f, to, (flags & O_CLOEXEC) != 0);
}

int64_t sys_dup2(int fd, int to)
{
    if (fd == to) {
        return fd_get(fd) == NULL ? -EBADF : fd;
    }
    return sys_dup3(fd, to, 0);
}

int64_t sys_pipe2(app_ptr fds, int flags)
{
    if ((flags & ~(O_CLOEXEC | O_NONBLOCK)) != 0) {
        return -EINVAL; /* O_DIRECT, packet mode, is not offered */
    }
    struct file *ends[2];
    int err = pipe_make((uint32_t)flags, ends);
    if (err != 0) {
        return err;
    }
    bool cloexec = (flags & O_CLOEXEC) != 0;
    int numbers[2] = {-1, -1};
    for (int i = 0; i < 2; i++) {
        numbers[i] = err == 0 ? (int)install(ends[i], 0, cloexec) : -1;
        if (err != 0) {
            file_unref(ends[i]);
        } else if (numbers[i] < 0) {
            err = numbers[i];
        }
    }
    if (err == 0) {
        err = copy_to_app(fds, numbers, sizeof numbers);
    }
    for (int i = 0; i < 2 && err != 0; i++) {
        if (numbers[i] >= 0) {
            ignore_result(fd_close(numbers[i]), "just installed");
        }
    }
    return err;
}

int64_t sys_pipe(app_ptr fds)
{
    return sys_pipe2(fds, 0);
}

int64_t sys_memfd_create(app_ptr name, int flags)
{
    char text[8 + 250] = "/memfd:";
    if (((unsigned)flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING)) != 0) {
        return -EINVAL;
    }
    int64_t n = string_from_app(text + 7, name, 250);
    if (n < 0) {
        return n == -ENAMETOOLONG ? -EINVAL : n;
    }
    static struct fs *memory;
    if (memory == NULL) {
        memory = tmpfs_new(UINT64_C(1) << 40, "tmpfs"); /* bounded by the trusted heap */
        if (memory == NULL) {
            return -ENOMEM;
        }
    }
    struct node *node = tmpfs_new_node(memory, S_IFREG | 0777);
    struct dentry *d = node != NULL ? dentry_new_anon(text, node) : NULL;
    struct file *f = d != NULL ? file_new(node->ops->file_ops, d, node, O_RDWR) : NULL;
    dentry_unref(d);
    node_unref(node);
    if (f == NULL) {
        return -ENOMEM;
    }
    f->node->seals = ((unsigned)flags & MFD_ALLOW_SEALING) != 0 ? 0 : F_SEAL_SEAL;
    return install(f, 0, ((unsigned)flags & MFD_CLOEXEC) != 0);
}

/* ---- fcntl, ioctl, flock
 * ------------------------------------------------------------------------------ */

#define SETTABLE ((uint32_t)(O_APPEND | O_NONBLOCK | O_NOATIME | O_DIRECT))

/* A process, or the group -who; 0: nobody. */
static int64_t set_signal_owner(struct file *f, int who)
{
    if (who == INT32_MIN) {
        return -EINVAL;
    }
    if (who != 0 && !os_is_somebody(who)) {
        return -ESRCH;
    }
    f->signal_owner = who;
    return 0;
}

/* F_GETOWN_EX and F_SETOWN_EX: struct f_owner_ex. */
static int64_t signal_owner(struct file *f, bool set, app_ptr arg)
{
    enum { THREAD, PROCESS, GROUP };
    int32_t o[2] = {f->signal_owner < 0 ? GROUP : PROCESS,
                    f->signal_owner < 0 ? -f->signal_owner : f->signal_owner};
    if (!set) {
        return copy_to_app(arg, o, sizeof o);
    }
    int err = copy_from_app(o, arg, sizeof o);
    if (err != 0 || o[0] < THREAD || o[0] > GROUP) {
        return err != 0 ? err : -EINVAL;
    }
    if (o[1] < 0) {
        return -EINVAL;
    }
    return set_signal_owner(f, o[0] == GROUP ? -o[1] : o[1]);
}

static int64_t seals(struct file *f, bool add, uint32_t more)
{
    const uint32_t known =
        F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
    struct node *n = f->node;
    if (!tmpfs_node_is(n) || !node_is(n, S_IFREG)) {
        return -EINVAL;
    }
    if (!add) {
        return (int64_t)n->seals;
    }
    if (!fs_may_write(f) || (n->seals & F_SEAL_SEAL) != 0) {
        return -EPERM;
    }
    if ((more & ~known) != 0) {
        return -EINVAL;
    }
    if (n->windowed) { /* finds out whether there still are mappings */
        int err = os_windows_put_back(n, 0, UINT64_MAX / 4096, true);
        if (err != 0) {
            return err;
        }
    }
    if ((more & F_SEAL_WRITE) != 0 && (n->seals & F_SEAL_WRITE) == 0 && n->windowed) {
        return -EBUSY; /* somebody could go on writing through a mapping */
    }
    n->seals |= more;
    return 0;
}

int64_t sys_fcntl(int fd, int cmd, uint64_t arg)
{
    struct file *f = fd_get(fd);
    if (f == NULL) {
        return -EBADF;
    }
    if ((f->flags & O_PATH) != 0 && cmd != F_DUPFD && cmd != F_DUPFD_CLOEXEC && cmd != F_GETFD &&
        cmd != F_SETFD && cmd != F_GETFL) {
        return -EBADF;
    }
    switch (cmd) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC: {
        uint64_t soft, hard;
        os_rlimit(7, &soft, &hard);
        if ((int)arg < 0 || (uint64_t)(int)arg >= soft) {
            return -EINVAL;
        }
        return fd_install(f, (int)arg, cmd == F_DUPFD_CLOEXEC);
    }
    case F_GETFD:
        return file_cloexec(fd) ? FD_CLOEXEC : 0;
    case F_SETFD:
        return fd_set_cloexec(fd, (arg & FD_CLOEXEC) != 0);
    case F_GETFL:
        return (int64_t)(f->flags | O_LARGEFILE);
    case F_SETFL:
        f->flags = (f->flags & ~SETTABLE) | ((uint32_t)arg & SETTABLE);
        return 0;
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
        return record_lock(f, cmd, app_at(arg));
    case F_NOTIFY: /* watching is inotify's; nothing to watch for is nothing to stop */
        return (arg & ~(uint64_t)DN_MULTISHOT) == 0 ? 0 : -EINVAL;
    case F_GETLEASE:
        return F_UNLCK;
    case F_GETOWN:
        return f->signal_owner;
    case F_SETOWN:
        return set_signal_owner(f, (int)arg);
    case F_GETOWN_EX:
    case F_SETOWN_EX:
        return signal_owner(f, cmd == F_SETOWN_EX, app_at(arg));
    case F_GETSIG:
        return f->signal_number;
    case F_SETSIG:
        if (arg > 64) {
            return -EINVAL;
        }
        f->signal_number = (int)arg;
        return 0;
    case F_ADD_SEALS:
    case F_GET_SEALS:
        return seals(f, cmd == F_ADD_SEALS, (uint32_t)arg);
    case F_GETPIPE_SZ:
    case F_SETPIPE_SZ:
        return pipe_size(f, cmd == F_SETPIPE_SZ, arg);
    default:
        return -EINVAL;
    }
}

int64_t sys_ioctl(int fd, uint64_t request, uint64_t arg)
{
    struct file *f = fd_get(fd);
    if (f == NULL || (f->flags & O_PATH) != 0) {
        return -EBADF;
    }
    int value;
    switch ((uint32_t)request) {
    case FIOCLEX:
        return fd_set_cloexec(fd, true);
    case FIONCLEX:
        return fd_set_cloexec(fd, false);
    case FIONBIO: {
        int err = copy_from_app(&value, app_at(arg), sizeof value);
        if (err == 0) {
            f->flags = value != 0 ? f->flags | O_NONBLOCK : f->flags & ~(uint32_t)O_NONBLOCK;
        }
        return err;
    }
    case FIONREAD:
        if (node_is(f->node, S_IFREG)) {
            uint64_t left = f->node->size > f->pos ? f->node->size - f->pos : 0;
            value = left < INT32_MAX ? (int)left : INT32_MAX;
            return copy_to_app(app_at(arg), &value, sizeof value);
        }
        break;
    default:
        break;
    }
    return f->ops->ioctl != NULL ? f->ops->ioctl(f, request, app_at(arg)) : -ENOTTY;
}

/* Several descriptions may hold a shared lock, or one an exclusive one. */
int64_t sys_flock(int fd, int operation)
{
    struct file *f = fd_get(fd);
    if (f == NULL || (f->flags & O_PATH) != 0) {
        return -EBADF;
    }
    int kind = operation & ~LOCK_NB;
    if (kind != LOCK_SH && kind != LOCK_EX && kind != LOCK_UN) {
        return -EINVAL;
    }
    struct node *n = f->node;
    file_ref(f);
    int64_t err = 0;
    file_unlock(f);
    while (kind != LOCK_UN && err == 0) {
        bool busy = n->lock_owner != NULL || (kind == LOCK_EX && n->lock_shared > 0);
        if (!busy) {
            if (kind == LOCK_EX) {
                n->lock_owner = f;
            } else {
                n->lock_shared++;
                f->lock_shared = true;
            }
            break;
        }
        err = (operation & LOCK_NB) != 0 ? -EAGAIN : os_block(&fs_poll_queue, UINT64_MAX);
    }
    file_unref(f);
    return err;
}
