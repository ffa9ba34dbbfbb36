/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that ask about files or change what is known of them. */
#include "inotify.h"
#include "libos/syscalls.h"
#include "vfs.h"

static void refresh(struct node *n)
{
    if (n->ops->refresh != NULL) {
        n->ops->refresh(n);
    }
}

static int64_t put_stat(struct node *n, app_ptr to)
{
    refresh(n);
    struct stat st = {0}; /* st_ has padding: nothing of ours leaves in it */
    st.st_dev = n->fs->minor;
    st.st_ino = n->ino;
    st.st_nlink = n->nlink;
    st.st_mode = n->mode;
    st.st_uid = n->uid;
    st.st_gid = n->gid;
    st.st_rdev = n->rdev;
    st.st_size = (int64_t)n->size;
    st.st_blksize = 4096;
    st.st_blocks = (int64_t)n->blocks;
    st.st_atime = (uint64_t)n->atime.sec;
    st.st_atime_nsec = n->atime.nsec;
    st.st_mtime = (uint64_t)n->mtime.sec;
    st.st_mtime_nsec = n->mtime.nsec;
    st.st_ctime = (uint64_t)n->ctime.sec;
    st.st_ctime_nsec = n->ctime.nsec;
    return copy_to_app(to, &st, sizeof st);
}

static int64_t stat_at(int dirfd, app_ptr path, unsigned walk, bool empty_ok, app_ptr st)
{
    struct dentry *d;
    int64_t err = lookup_at(dirfd, path, walk, empty_ok, &d);
    if (err == 0) {
        err = put_stat(d->node, st);
        dentry_unref(d);
    }
    return err;
}

int64_t sys_stat(app_ptr path, app_ptr st)
{
    return stat_at(AT_FDCWD, path, WALK_FOLLOW, false, st);
}

int64_t sys_lstat(app_ptr path, app_ptr st)
{
    return stat_at(AT_FDCWD, path, 0, false, st);
}

int64_t sys_fstat(int fd, app_ptr st)
{
    struct file *f = fd_get(fd);
    return f == NULL ? -EBADF : put_stat(f->node, st);
}

int64_t sys_newfstatat(int dirfd, app_ptr path, app_ptr st, int flags)
{
    if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH)) != 0) {
        return -EINVAL;
    }
    return stat_at(dirfd, path, (flags & AT_SYMLINK_NOFOLLOW) != 0 ? 0 : WALK_FOLLOW,
                   (flags & AT_EMPTY_PATH) != 0, st);
}

static struct statx_timestamp timestamp(struct fs_time t)
{
    return (struct statx_timestamp){.tv_sec = t.sec, .tv_nsec = t.nsec};
}

int64_t sys_statx(int dirfd, app_ptr path, int flags, int mask, app_ptr stx)
{
    const int allowed = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE;
    if ((flags & ~allowed) != 0 || (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE ||
        ((unsigned)mask & STATX__RESERVED) != 0) {
        return -EINVAL;
    }
    struct dentry *d;
    int err = lookup_at(dirfd, path, (flags & AT_SYMLINK_NOFOLLOW) != 0 ? 0 : WALK_FOLLOW,
                        (flags & AT_EMPTY_PATH) != 0, &d);
    if (err != 0) {
        return err;
    }
    struct node *n = d->node;
    refresh(n);
    struct statx s = {0};
    s.stx_mask = STATX_BASIC_STATS;
    s.stx_blksize = 4096;
    s.stx_nlink = n->nlink;
    s.stx_uid = n->uid;
    s.stx_gid = n->gid;
    s.stx_mode = (uint16_t)n->mode;
    s.stx_ino = n->ino;
    s.stx_size = n->size;
    s.stx_blocks = n->blocks;
    s.stx_atime = timestamp(n->atime);
    s.stx_ctime = timestamp(n->ctime);
    s.stx_mtime = timestamp(n->mtime);
    s.stx_rdev_major = (uint32_t)(n->rdev >> 8);
    s.stx_rdev_minor = (uint32_t)(n->rdev & 255);
    s.stx_dev_minor = n->fs->minor;
    dentry_unref(d);
    return copy_to_app(stx, &s, sizeof s);
}

static int64_t put_statfs(const struct fs *fs, app_ptr to)
{
    struct statfs s = {0};
    s.f_type = fs->magic;
    s.f_bsize = s.f_frsize = 4096;
    s.f_blocks = fs->block_limit;
    s.f_bfree = s.f_bavail = fs->block_limit - fs->block_used;
    s.f_files = fs->node_limit;
    s.f_ffree = fs->node_limit - fs->node_count;
    s.f_namelen = FS_NAME_MAX;
    s.f_flags = (fs->read_only ? 1 : 0) | 0x20; /* ST_RDONLY, ST_VALID */
    return copy_to_app(to, &s, sizeof s);
}

int64_t sys_statfs(app_ptr path, app_ptr buf)
{
    struct dentry *d;
    int64_t err = lookup_at(AT_FDCWD, path, WALK_FOLLOW, false, &d);
    if (err == 0) {
        err = put_statfs(d->node->fs, buf);
        dentry_unref(d);
    }
    return err;
}

int64_t sys_fstatfs(int fd, app_ptr buf)
{
    struct file *f = fd_get(fd);
    return f == NULL ? -EBADF : put_statfs(f->node->fs, buf);
}

/* ---- access
 * -------------------------------------------------------------------------------------- */

int64_t sys_faccessat2(int dirfd, app_ptr path, int mode, int flags)
{
    if ((mode & ~7) != 0 || (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) {
        return -EINVAL;
    }
    struct dentry *d;
    int err = lookup_at(dirfd, path, (flags & AT_SYMLINK_NOFOLLOW) != 0 ? 0 : WALK_FOLLOW,
                        (flags & AT_EMPTY_PATH) != 0, &d);
    if (err != 0) {
        return err;
    }
    struct node *n = d->node;
    bool holds = node_is(n, S_IFREG) || node_is(n, S_IFDIR) || node_is(n, S_IFLNK);
    if ((mode & 2) != 0 && n->fs->read_only && holds) {
        err = -EROFS;
    } else {
        err = node_may(n, (unsigned)mode);
    }
    dentry_unref(d);
    return err;
}

int64_t sys_faccessat(int dirfd, app_ptr path, int mode)
{
    return sys_faccessat2(dirfd, path, mode, 0);
}

int64_t sys_access(app_ptr path, int mode)
{
    return sys_faccessat2(AT_FDCWD, path, mode, 0);
}

/* ---- owner, mode, times
 * ----------------------------------------------------------------------------- */

static int may_change(const struct node *n)
{
    if (n->fs->read_only) {
        return -EROFS;
    }
    return (tmpfs_node_is(n) || n->fs->keeps_attributes) && fs_owns(n) ? 0 : -EPERM;
}

static int set_mode(struct dentry *d, uint32_t mode)
{
    struct node *n = d->node;
    int err = node_is(n, S_IFLNK) ? -EOPNOTSUPP : may_change(n);
    if (err == 0) {
        n->mode = (n->mode & S_IFMT) | (mode & 07777);
        n->ctime = fs_now();
        fs_notify(d, IN_ATTRIB);
    }
    return err;
}

/* For others than uid 0 only "no change" and the own group remain. */
static int set_owner(struct dentry *d, int uid, int gid)
{
    struct node *n = d->node;
    int err = may_change(n);
    if (err == -EROFS) {
        return err;
    }
    bool same_uid = uid == -1 || (uint32_t)uid == n->uid;
    bool same_gid = gid == -1 || (uint32_t)gid == n->gid || (uint32_t)gid == fs_gid();
    if (uid == -1 && gid == -1) {
        return 0;
    }
    if (err != 0 || (fs_uid() != 0 && (!same_uid || !same_gid))) {
        return -EPERM;
    }
    n->uid = uid == -1 ? n->uid : (uint32_t)uid;
    n->gid = gid == -1 ? n->gid : (uint32_t)gid;
    n->mode &= node_is(n, S_IFREG) ? ~(uint32_t)06000 : ~(uint32_t)0;
    n->ctime = fs_now();
    fs_notify(d, IN_ATTRIB);
    return 0;
}

int64_t sys_fchmodat(int dirfd, app_ptr path, uint32_t mode)
{
    struct dentry *d;
    int64_t err = lookup_at(dirfd, path, WALK_FOLLOW, false, &d);
    if (err == 0) {
        err = set_mode(d, mode);
        dentry_unref(d);
    }
    return err;
}

int64_t sys_chmod(app_ptr path, uint32_t mode)
{
    return sys_fchmodat(AT_FDCWD, path, mode);
}

int64_t sys_fchmod(int fd, uint32_t mode)
{
    struct file *f = fd_get(fd);
    return f == NULL || (f->flags & O_PATH) != 0 ? -EBADF : set_mode(f->dentry, mode);
}

int64_t sys_fchownat(int dirfd, app_ptr path, int uid, int gid, int flags)
{
    if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) {
        return -EINVAL;
    }
    struct dentry *d;
    int64_t err = lookup_at(dirfd, path, (flags & AT_SYMLINK_NOFOLLOW) != 0 ? 0 : WALK_FOLLOW,
                            (flags & AT_EMPTY_PATH) != 0, &d);
    if (err == 0) {
        err = set_owner(d, uid, gid);
        dentry_unref(d);
    }
    return err;
}

int64_t sys_chown(app_ptr path, int uid, int gid)
{
    return sys_fchownat(AT_FDCWD, path, uid, gid, 0);
}

int64_t sys_lchown(app_ptr path, int uid, int gid)
{
    return sys_fchownat(AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

int64_t sys_fchown(int fd, int uid, int gid)
{
    struct file *f = fd_get(fd);
    return f == NULL || (f->flags & O_PATH) != 0 ? -EBADF : set_owner(f->dentry, uid, gid);
}

#define NSEC_NOW  0x3fffffff /* UTIME_NOW, UTIME_OMIT of sys/stat.h */
#define NSEC_OMIT 0x3ffffffe

/* times: [atime, mtime]. everyone_may: both are "now", for which write permission is enough. */
static int set_times(struct dentry *d, const struct __kernel_timespec times[2])
{
    struct node *n = d->node;
    bool now = times[0].tv_nsec == NSEC_NOW && times[1].tv_nsec == NSEC_NOW;
    if (times[0].tv_nsec == NSEC_OMIT && times[1].tv_nsec == NSEC_OMIT) {
        return 0;
    }
    if (n->fs->read_only) {
        return -EROFS;
    }
    if (!fs_owns(n)) {
        if (!now) {
            return -EPERM;
        }
        int err = node_may(n, 2);
        if (err != 0) {
            return err;
        }
    }
    struct fs_time *to[2] = {&n->atime, &n->mtime};
    n->ctime = fs_now();
    for (int i = 0; i < 2; i++) {
        if (times[i].tv_nsec == NSEC_NOW) {
            *to[i] = n->ctime;
        } else if (times[i].tv_nsec != NSEC_OMIT) {
            *to[i] = (struct fs_time){times[i].tv_sec, (uint32_t)times[i].tv_nsec};
        }
    }
    fs_notify(d, IN_ATTRIB);
    return 0;
}

static bool good_nsec(int64_t nsec)
{
    return (nsec >= 0 && nsec < 1000000000) || nsec == NSEC_NOW || nsec == NSEC_OMIT;
}

static const struct __kernel_timespec both_now[2] = {{0, NSEC_NOW}, {0, NSEC_NOW}};

static int64_t times_at(int dirfd, app_ptr path, int flags, const struct __kernel_timespec times[2])
{
    struct dentry *d;
    int64_t err = lookup_at(dirfd, path, (flags & AT_SYMLINK_NOFOLLOW) != 0 ? 0 : WALK_FOLLOW,
                            (flags & AT_EMPTY_PATH) != 0, &d);
    if (err == 0) {
        err = set_times(d, times);
        dentry_unref(d);
    }
    return err;
}

int64_t sys_utimensat(int dirfd, app_ptr path, app_ptr times, int flags)
{
    struct __kernel_timespec t[2] = {both_now[0], both_now[1]};
    if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) {
        return -EINVAL;
    }
    if (times.addr != 0) {
        int err = copy_from_app(t, times, sizeof t);
        if (err != 0) {
            return err;
        }
        if (!good_nsec(t[0].tv_nsec) || !good_nsec(t[1].tv_nsec)) {
            return -EINVAL;
        }
    }
    if (path.addr != 0) {
        return times_at(dirfd, path, flags, t);
    }
    struct file *f = fd_get(dirfd); /* futimens() */
    if (dirfd == AT_FDCWD) {
        return -EFAULT;
    }
    return f == NULL || (f->flags & O_PATH) != 0 ? -EBADF : set_times(f->dentry, t);
}

/* times: two timevals. */
int64_t sys_futimesat(int dirfd, app_ptr path, app_ptr times)
{
    struct __kernel_timespec t[2] = {both_now[0], both_now[1]};
    if (times.addr != 0) {
        int64_t v[4];
        int err = copy_from_app(v, times, sizeof v);
        if (err != 0) {
            return err;
        }
        for (int i = 0; i < 2; i++) {
            if (v[2 * i + 1] < 0 || v[2 * i + 1] >= 1000000) {
                return -EINVAL;
            }
            t[i] = (struct __kernel_timespec){v[2 * i], v[2 * i + 1] * 1000};
        }
    }
    return times_at(dirfd, path, 0, t);
}

int64_t sys_utimes(app_ptr path, app_ptr times)
{
    return sys_futimesat(AT_FDCWD, path, times);
}

int64_t sys_utime(app_ptr path, app_ptr times)
{
    struct __kernel_timespec t[2] = {both_now[0], both_now[1]};
    if (times.addr != 0) {
        int64_t seconds[2];
        int err = copy_from_app(seconds, times, sizeof seconds);
        if (err != 0) {
            return err;
        }
        t[0] = (struct __kernel_timespec){seconds[0], 0};
        t[1] = (struct __kernel_timespec){seconds[1], 0};
    }
    return times_at(AT_FDCWD, path, 0, t);
}

int64_t sys_umask(uint32_t mask)
{
    return fs_set_umask(mask);
}

/* ---- extended attributes: no file system here keeps any
 * ------------------------------------------- */

static int64_t exists(int dirfd, app_ptr path, unsigned walk, int64_t result)
{
    struct dentry *d;
    int err = lookup_at(dirfd, path, walk, false, &d);
    if (err != 0) {
        return err;
    }
    dentry_unref(d);
    return result;
}

static int64_t is_open(int fd, int64_t result)
{
    struct file *f = fd_get(fd);
    return f == NULL || (f->flags & O_PATH) != 0 ? -EBADF : result;
}

int64_t sys_getxattr(app_ptr path, app_ptr name, app_ptr value, uint64_t size)
{
    (void)name, (void)value, (void)size;
    return exists(AT_FDCWD, path, WALK_FOLLOW, -ENODATA);
}

int64_t sys_lgetxattr(app_ptr path, app_ptr name, app_ptr value, uint64_t size)
{
    (void)name, (void)value, (void)size;
    return exists(AT_FDCWD, path, 0, -ENODATA);
}

int64_t sys_fgetxattr(int fd, app_ptr name, app_ptr value, uint64_t size)
{
    (void)name, (void)value, (void)size;
    return is_open(fd, -ENODATA);
}

int64_t sys_listxattr(app_ptr path, app_ptr list, uint64_t size)
{
    (void)list, (void)size;
    return exists(AT_FDCWD, path, WALK_FOLLOW, 0);
}

int64_t sys_llistxattr(app_ptr path, app_ptr list, uint64_t size)
{
    (void)list, (void)size;
    return exists(AT_FDCWD, path, 0, 0);
}

int64_t sys_flistxattr(int fd, app_ptr list, uint64_t size)
{
    (void)list, (void)size;
    return is_open(fd, 0);
}

int64_t sys_setxattr(app_ptr path, app_ptr name, app_ptr value, uint64_t size, int flags)
{
    (void)name, (void)value, (void)size, (void)flags;
    return exists(AT_FDCWD, path, WALK_FOLLOW, -EOPNOTSUPP);
}

int64_t sys_lsetxattr(app_ptr path, app_ptr name, app_ptr value, uint64_t size, int flags)
{
    (void)name, (void)value, (void)size, (void)flags;
    return exists(AT_FDCWD, path, 0, -EOPNOTSUPP);
}

int64_t sys_fsetxattr(int fd, app_ptr name, app_ptr value, uint64_t size, int flags)
{
    (void)name, (void)value, (void)size, (void)flags;
    return is_open(fd, -EOPNOTSUPP);
}

int64_t sys_removexattr(app_ptr path, app_ptr name)
{
    (void)name;
    return exists(AT_FDCWD, path, WALK_FOLLOW, -EOPNOTSUPP);
}

int64_t sys_lremovexattr(app_ptr path, app_ptr name)
{
    (void)name;
    return exists(AT_FDCWD, path, 0, -EOPNOTSUPP);
}

int64_t sys_fremovexattr(int fd, app_ptr name)
{
    (void)name;
    return is_open(fd, -EOPNOTSUPP);
}
