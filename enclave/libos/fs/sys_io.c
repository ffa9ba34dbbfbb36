/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that move bytes through descriptors. Buffers and sizes come from the workload and
 * are touched only through copies that turn faults into -EFAULT. */
#include "inotify.h"
#include "libos/syscalls.h"
#include "sealed.h"

#define IOV_MAX 1024u

/* Borrowed under the lock; calls that may wait take a reference around it. */
static int reader(int fd, struct file **ret)
{
    struct file *f = fd_get(fd);
    if (f == NULL || !fs_may_read(f)) {
        return -EBADF;
    }
    if (f->ops->read == NULL) {
        return node_is(f->node, S_IFDIR) ? -EISDIR : -EINVAL;
    }
    *ret = f;
    return 0;
}

static int writer(int fd, struct file **ret)
{
    struct file *f = fd_get(fd);
    if (f == NULL || !fs_may_write(f)) {
        return -EBADF;
    }
    if (f->ops->write == NULL) {
        return -EINVAL;
    }
    *ret = f;
    return 0;
}

static struct iter iter_of(struct iter_piece *piece, app_ptr buf, uint64_t count)
{
    *piece = (struct iter_piece){buf, count < FS_IO_MAX ? count : FS_IO_MAX};
    return (struct iter){.pieces = piece, .piece_count = 1, .left = piece->size};
}

/* A call that is made again counts once. */
static void count_io(int64_t n, uint64_t *bytes, uint64_t *calls)
{
    *bytes += n > 0 ? (uint64_t)n : 0;
    *calls += n != -EFAULT && n != -ERESTARTSYS;
}

static int64_t do_read(struct file *f, struct iter *to, uint64_t *pos)
{
    file_ref(f);
    int64_t n = f->ops->read(f, to, pos);
    count_io(n, &os_fs()->io.read, &os_fs()->io.reads);
    if (n > 0) {
        fs_notify(f->dentry, IN_ACCESS);
    }
    file_unref(f);
    return n;
}

/* The caller's RLIMIT_FSIZE, which bounds what regular files become: UINT64_MAX for others. */
static uint64_t size_limit(const struct node *n)
{
    uint64_t soft = UINT64_MAX, hard;
    if (node_is(n, S_IFREG)) {
        os_rlimit(FS_LIMIT_FSIZE, &soft, &hard);
    }
    return soft;
}

/* May this file become so large? */
static int64_t grows_to(const struct node *n, uint64_t size)
{
    if (size <= n->size || size <= size_limit(n)) {
        return 0;
    }
    os_raise(FS_SIGXFSZ);
    return -EFBIG;
}

static int64_t do_write(struct file *f, struct iter *from, uint64_t *pos)
{
    file_ref(f);
    if ((f->flags & O_APPEND) != 0 && f->ops->seekable) {
        *pos = f->node->size;
    }
    const uint64_t limit = size_limit(f->node);
    if (*pos < limit && from->left > limit - *pos) {
        from->left = limit - *pos;
    }
    int64_t n = *pos >= limit && from->left > 0 ? -EFBIG : f->ops->write(f, from, pos);
    count_io(n, &os_fs()->io.written, &os_fs()->io.writes);
    if (n == -EFBIG) {
        os_raise(FS_SIGXFSZ);
    } else if (n > 0) {
        fs_notify(f->dentry, IN_MODIFY);
    }
    file_unref(f);
    return n;
}

int64_t sys_read(int fd, app_ptr buf, uint64_t count)
{
    struct file *f;
    int err = reader(fd, &f);
    if (err != 0) {
        return err;
    }
    struct iter_piece piece;
    struct iter to = iter_of(&piece, buf, count);
    return do_read(f, &to, &f->pos);
}

int64_t sys_write(int fd, app_ptr buf, uint64_t count)
{
    struct file *f;
    int err = writer(fd, &f);
    if (err != 0) {
        return err;
    }
    struct iter_piece piece;
    struct iter from = iter_of(&piece, buf, count);
    return do_write(f, &from, &f->pos);
}

static int positional(const struct file *f, int64_t offset)
{
    if (offset < 0) {
        return -EINVAL;
    }
    return f->ops->seekable ? 0 : -ESPIPE;
}

int64_t sys_pread64(int fd, app_ptr buf, uint64_t count, int64_t offset)
{
    struct file *f;
    int err = offset < 0 ? -EINVAL : reader(fd, &f);
    if (err == 0) {
        err = positional(f, offset);
    }
    if (err != 0) {
        return err;
    }
    struct iter_piece piece;
    struct iter to = iter_of(&piece, buf, count);
    uint64_t pos = (uint64_t)offset;
    return do_read(f, &to, &pos);
}

int64_t sys_pwrite64(int fd, app_ptr buf, uint64_t count, int64_t offset)
{
    struct file *f;
    int err = offset < 0 ? -EINVAL : writer(fd, &f);
    if (err == 0) {
        err = positional(f, offset);
    }
    if (err != 0) {
        return err;
    }
    struct iter_piece piece;
    struct iter from = iter_of(&piece, buf, count);
    uint64_t pos = (uint64_t)offset;
    return do_write(f, &from, &pos);
}

int iter_pieces(app_ptr iov, uint64_t count, struct iter_piece *small, size_t small_count,
                struct iter_piece **ret, uint64_t *ret_total)
{
    if (count > IOV_MAX) {
        return -EINVAL;
    }
    struct iter_piece *p = small;
    if (count > small_count) {
        p = rt_alloc((size_t)count * sizeof *p);
        if (p == NULL) {
            return -ENOMEM;
        }
    }
    _Static_assert(sizeof(struct iter_piece) == sizeof(struct iovec), "pieces are iovecs");
    int err = copy_from_app(p, iov, (size_t)count * sizeof *p);
    uint64_t total = 0;
    for (uint64_t i = 0; i < count && err == 0; i++) {
        if ((int64_t)p[i].size < 0) {
            err = -EINVAL;
        } else if (p[i].size > FS_IO_MAX - total) {
            p[i].size = FS_IO_MAX - total;
        }
        total += err == 0 ? p[i].size : 0;
    }
    if (err != 0) {
        if (p != small) {
            rt_free(p);
        }
        return err;
    }
    *ret = p;
    *ret_total = total;
    return 0;
}

static int64_t vectored(struct file *f, bool write, app_ptr iov, uint64_t count, uint64_t *pos)
{
    struct iter_piece small[8], *pieces;
    uint64_t total;
    int err = iter_pieces(iov, count, small, ARRAY_SIZE(small), &pieces, &total);
    if (err != 0) {
        return err;
    }
    struct iter it = {.pieces = pieces, .piece_count = (size_t)count, .left = total};
    int64_t n = 0;
    if (total > 0) {
        n = write ? do_write(f, &it, pos) : do_read(f, &it, pos);
    }
    if (pieces != small) {
        rt_free(pieces);
    }
    return n;
}

int64_t sys_readv(int fd, app_ptr iov, uint64_t count)
{
    struct file *f;
    int err = reader(fd, &f);
    return err != 0 ? err : vectored(f, false, iov, count, &f->pos);
}

int64_t sys_writev(int fd, app_ptr iov, uint64_t count)
{
    struct file *f;
    int err = writer(fd, &f);
    return err != 0 ? err : vectored(f, true, iov, count, &f->pos);
}

int64_t sys_preadv(int fd, app_ptr iov, uint64_t count, int64_t offset)
{
    struct file *f;
    int err = offset < 0 ? -EINVAL : reader(fd, &f);
    if (err == 0) {
        err = positional(f, offset);
    }
    uint64_t pos = (uint64_t)offset;
    return err != 0 ? err : vectored(f, false, iov, count, &pos);
}

int64_t sys_pwritev(int fd, app_ptr iov, uint64_t count, int64_t offset)
{
    struct file *f;
    int err = offset < 0 ? -EINVAL : writer(fd, &f);
    if (err == 0) {
        err = positional(f, offset);
    }
    uint64_t pos = (uint64_t)offset;
    return err != 0 ? err : vectored(f, true, iov, count, &pos);
}

/* Hints about speed are taken; what changes the meaning is not there. */
static int check_rwf(int flags)
{
    enum { HIPRI = 1, DSYNC = 2, SYNC = 4 }; /* nothing is written behind anybody's back */
    return (flags & ~(HIPRI | DSYNC | SYNC)) != 0 ? -EOPNOTSUPP : 0;
}

/* The offset's upper half is for machines of 32 bits. -1: at the description's position. */
int64_t sys_preadv2(int fd, app_ptr iov, uint64_t count, int64_t offset, uint64_t high, int flags)
{
    (void)high;
    int err = check_rwf(flags);
    return err != 0       ? err
           : offset == -1 ? sys_readv(fd, iov, count)
                          : sys_preadv(fd, iov, count, offset);
}

int64_t sys_pwritev2(int fd, app_ptr iov, uint64_t count, int64_t offset, uint64_t high, int flags)
{
    (void)high;
    int err = check_rwf(flags);
    return err != 0       ? err
           : offset == -1 ? sys_writev(fd, iov, count)
                          : sys_pwritev(fd, iov, count, offset);
}

/* Elsewhere than in memory all of a file counts as data; the hole is behind it. */
static int64_t seek_data(struct file *f, int64_t offset, bool data)
{
    struct node *n = f->node;
    if (offset < 0 || (uint64_t)offset >= n->size) {
        return -ENXIO;
    }
    uint64_t at = data ? (uint64_t)offset : n->size;
    if (tmpfs_node_is(n) && node_is(n, S_IFREG) && n->fs->sealed_ops == NULL) {
        at = tmpfs_seek(n, (uint64_t)offset, data);
    }
    if (data && at >= n->size) {
        return -ENXIO;
    }
    f->pos = at;
    return (int64_t)at;
}

int64_t sys_lseek(int fd, int64_t offset, int whence)
{
    struct file *f = fd_get(fd);
    if (f == NULL || (f->flags & O_PATH) != 0) {
        return -EBADF;
    }
    if (!f->ops->seekable) {
        return -ESPIPE;
    }
    if (f->ops->no_position) {
        return whence >= SEEK_SET && whence <= SEEK_HOLE ? 0 : -EINVAL;
    }
    struct node *n = f->node;
    bool dir = node_is(n, S_IFDIR);
    int64_t base;
    switch (whence) {
    case SEEK_SET:
        base = 0;
        break;
    case SEEK_CUR:
        base = (int64_t)f->pos;
        break;
    case SEEK_END:
        base = dir ? 0 : (int64_t)n->size;
        break;
    case SEEK_DATA:
    case SEEK_HOLE:
        return seek_data(f, offset, whence == SEEK_DATA);
    default:
        return -EINVAL;
    }
    int64_t to;
    if (__builtin_add_overflow(base, offset, &to)) {
        return -EOVERFLOW;
    }
    if (to < 0) {
        return -EINVAL;
    }
    if (dir && to == 0) {
        listing_free(f->listing);
        f->listing = NULL;
    }
    f->pos = (uint64_t)to;
    return to;
}

/* ---- from file to file
 * ----------------------------------------------------------------------------- */

/* Moves bytes through a trusted buffer, at most count, until the source ends. */
static int64_t splice(struct file *in, uint64_t *in_pos, struct file *out, uint64_t *out_pos,
                      uint64_t count)
{
    uint8_t *buffer = rt_alloc(65536);
    if (buffer == NULL) {
        return -ENOMEM;
    }
    int64_t done = 0;
    while ((uint64_t)done < count) {
        size_t n = count - (uint64_t)done < 65536 ? (size_t)(count - (uint64_t)done) : 65536;
        struct iter to = iter_trusted(buffer, n);
        uint64_t before = *in_pos;
        int64_t got = do_read(in, &to, in_pos);
        uint64_t mark = pipe_mark(in);
        int64_t put = got;
        if (got > 0) {
            struct iter from = iter_trusted(buffer, (size_t)got);
            put = do_write(out, &from, out_pos);
            uint64_t written = (uint64_t)(put > 0 ? put : 0);
            if (in->ops->seekable) { /* what was not written stays to be read */
                *in_pos = before + written;
            } else {
                pipe_unread(in, mark, (uint64_t)got - written);
            }
        }
        if (put <= 0) {
            done = done > 0 ? done : put;
            break;
        }
        done += put;
        if (put < got || !in->ops->seekable) { /* a pipe gives what is there now */
            break;
        }
    }
    rt_free(buffer);
    return done;
}

static int offset_from_app(app_ptr at, uint64_t *ret)
{
    int64_t off;
    int err = copy_from_app(&off, at, sizeof off);
    if (err == 0 && off < 0) {
        err = -EINVAL;
    }
    *ret = (uint64_t)off;
    return err;
}

int64_t sys_sendfile(int out_fd, int in_fd, app_ptr offset, uint64_t count)
{
    struct file *in, *out;
    int err = reader(in_fd, &in);
    if (err == 0) {
        err = writer(out_fd, &out);
    }
    if (err == 0 && (out->flags & O_APPEND) != 0) {
        err = -EINVAL;
    }
    if (err == 0 && !in->ops->seekable) {
        err = offset.addr != 0 ? -ESPIPE : -EINVAL;
    }
    uint64_t pos = 0;
    if (err == 0 && offset.addr != 0) {
        err = offset_from_app(offset, &pos);
    }
    if (err != 0) {
        return err;
    }
    file_ref(in);
    file_ref(out);
    int64_t n = splice(in, offset.addr != 0 ? &pos : &in->pos, out, &out->pos,
                       count < FS_IO_MAX ? count : FS_IO_MAX);
    if (n >= 0 && offset.addr != 0) {
        err = copy_to_app(offset, &pos, sizeof pos);
        n = err != 0 ? err : n;
    }
    file_unref(in);
    file_unref(out);
    return n;
}

/* As splice(2): what is there now, at most a pipe's worth, and nothing is read that cannot go on.
 */
static int64_t splice_once(struct file *in, uint64_t *in_pos, struct file *out, uint64_t *out_pos,
                           uint64_t count, bool no_wait)
{
    unsigned ready = FS_POLLIN | FS_POLLHUP, room = FS_POLLOUT | FS_POLLERR;
    while ((in->ops->poll != NULL && (in->ops->poll(in) & ready) == 0) ||
           (out->ops->poll != NULL && (out->ops->poll(out) & room) == 0)) {
        bool pipes_wait = !no_wait && ((in->flags | out->flags) & O_NONBLOCK) == 0;
        int err = pipes_wait ? os_block(&fs_poll_queue, UINT64_MAX) : -EAGAIN;
        if (err != 0) {
            return err;
        }
    }
    /* A pipe that is ready for writing takes a page whole. */
    uint64_t most = node_is(out->node, S_IFIFO) ? 4096 : 65536;
    return splice(in, in_pos, out, out_pos, count < most ? count : most);
}

int64_t sys_splice(int in_fd, app_ptr in_offset, int out_fd, app_ptr out_offset, uint64_t count,
                   uint32_t flags)
{
    struct file *in, *out;
    if ((flags & ~SPLICE_KNOWN) != 0) {
        return -EINVAL;
    }
    if (count == 0) {
        return 0;
    }
    int err = reader(in_fd, &in);
    err = err != 0 ? err : writer(out_fd, &out);
    if (err != 0) {
        return err;
    }
    bool from_pipe = node_is(in->node, S_IFIFO), to_pipe = node_is(out->node, S_IFIFO);
    uint64_t in_pos = in->pos, out_pos = out->pos;
    if (!from_pipe && !to_pipe) {
        return -EINVAL;
    }
    if ((in_offset.addr != 0 && !in->ops->seekable) ||
        (out_offset.addr != 0 && !out->ops->seekable)) {
        return -ESPIPE;
    }
    if (in->node == out->node || (out->flags & O_APPEND) != 0) {
        return -EINVAL;
    }
    err = in_offset.addr != 0 ? offset_from_app(in_offset, &in_pos) : 0;
    err = err == 0 && out_offset.addr != 0 ? offset_from_app(out_offset, &out_pos) : err;
    if (err != 0) {
        return err;
    }
    file_ref(in);
    file_ref(out);
    int64_t n = splice_once(in, in_offset.addr != 0 ? &in_pos : &in->pos, out,
                            out_offset.addr != 0 ? &out_pos : &out->pos, count,
                            (flags & SPLICE_NONBLOCK) != 0);
    if (n >= 0 && in_offset.addr != 0) {
        err = copy_to_app(in_offset, &in_pos, sizeof in_pos);
    }
    if (n >= 0 && err == 0 && out_offset.addr != 0) {
        err = copy_to_app(out_offset, &out_pos, sizeof out_pos);
    }
    file_unref(in);
    file_unref(out);
    return err != 0 ? err : n;
}

static int copy_range_check(struct file *in, uint64_t in_pos, struct file *out, uint64_t out_pos,
                            uint64_t count)
{
    if ((out->flags & O_APPEND) != 0) {
        return -EBADF;
    }
    if (node_is(in->node, S_IFDIR) || node_is(out->node, S_IFDIR)) {
        return -EISDIR;
    }
    if (!node_is(in->node, S_IFREG) || !node_is(out->node, S_IFREG)) {
        return -EINVAL;
    }
    if (in->node == out->node && in_pos < out_pos + count && out_pos < in_pos + count) {
        return -EINVAL; /* overlap */
    }
    return 0;
}

int64_t sys_copy_file_range(int in_fd, app_ptr in_offset, int out_fd, app_ptr out_offset,
                            uint64_t count, int flags)
{
    struct file *in, *out;
    int err = flags != 0 ? -EINVAL : reader(in_fd, &in);
    if (err == 0) {
        err = writer(out_fd, &out);
    }
    if (err != 0) {
        return err;
    }
    uint64_t in_pos = in->pos, out_pos = out->pos;
    if (in_offset.addr != 0) {
        err = offset_from_app(in_offset, &in_pos);
    }
    if (err == 0 && out_offset.addr != 0) {
        err = offset_from_app(out_offset, &out_pos);
    }
    count = count < FS_IO_MAX ? count : FS_IO_MAX;
    if (err == 0) {
        err = copy_range_check(in, in_pos, out, out_pos, count);
    }
    if (err != 0) {
        return err;
    }
    int64_t n = splice(in, &in_pos, out, &out_pos, count); /* regular files: nothing waits */
    if (n < 0) {
        return n;
    }
    if (in_offset.addr != 0) {
        err = copy_to_app(in_offset, &in_pos, sizeof in_pos);
    } else {
        in->pos = in_pos;
    }
    if (out_offset.addr != 0) {
        int err2 = copy_to_app(out_offset, &out_pos, sizeof out_pos);
        err = err != 0 ? err : err2;
    } else {
        out->pos = out_pos;
    }
    return err != 0 ? err : n;
}

/* ---- sizes and advice
 * -------------------------------------------------------------------------------- */

static int64_t truncate_at(struct dentry *d, int64_t length)
{
    struct node *n = d->node;
    if (length < 0) {
        return -EINVAL;
    }
    if (node_is(n, S_IFDIR)) {
        return -EISDIR;
    }
    if (!node_is(n, S_IFREG) || n->ops->truncate == NULL) {
        return n->fs->read_only ? -EROFS : -EINVAL;
    }
    int64_t err = grows_to(n, (uint64_t)length);
    if (err != 0) {
        return err;
    }
    err = n->ops->truncate(n, (uint64_t)length);
    if (err == -EFBIG) {
        os_raise(FS_SIGXFSZ);
    } else if (err == 0) {
        fs_notify(d, IN_MODIFY);
    }
    return err;
}

int64_t sys_truncate(app_ptr path, int64_t length)
{
    if (length < 0) {
        return -EINVAL;
    }
    struct dentry *d;
    int64_t err = lookup_at(AT_FDCWD, path, WALK_FOLLOW, false, &d);
    if (err != 0) {
        return err;
    }
    struct node *n = d->node;
    if (node_is(n, S_IFREG)) {
        err = n->fs->read_only ? -EROFS : node_may(n, 2);
    }
    err = err != 0 ? err : truncate_at(d, length);
    dentry_unref(d);
    return err;
}

int64_t sys_ftruncate(int fd, int64_t length)
{
    if (length < 0) {
        return -EINVAL;
    }
    struct file *f = fd_get(fd);
    if (f == NULL || (f->flags & O_PATH) != 0) {
        return -EBADF;
    }
    if (!fs_may_write(f) || !node_is(f->node, S_IFREG)) {
        return -EINVAL;
    }
    return truncate_at(f->dentry, length);
}

int64_t sys_fallocate(int fd, int mode, int64_t offset, int64_t length)
{
    struct file *f = fd_get(fd);
    if (f == NULL || !fs_may_write(f)) {
        return -EBADF;
    }
    if (offset < 0 || length <= 0) {
        return -EINVAL;
    }
    if (f->ops->allocate == NULL) {
        return node_is(f->node, S_IFIFO) ? -ESPIPE : -ENODEV;
    }
    int64_t err = (mode & FALLOC_FL_KEEP_SIZE) != 0 || offset > INT64_MAX - length
                      ? 0
                      : grows_to(f->node, (uint64_t)offset + (uint64_t)length);
    err = err != 0 ? err : f->ops->allocate(f, mode, (uint64_t)offset, (uint64_t)length);
    if (err == 0) {
        fs_notify(f->dentry, IN_MODIFY);
    }
    return err;
}

static int64_t open_descriptor(int fd)
{
    struct file *f = fd_get(fd);
    return f == NULL || (f->flags & O_PATH) != 0 ? -EBADF : 0;
}

/* Sealed volumes are written back; all other files are in the enclave's memory and end with it. */
int64_t sys_fsync(int fd)
{
    struct file *f = fd_get(fd);
    if (f == NULL || (f->flags & O_PATH) != 0) {
        return -EBADF;
    }
    return node_is(f->node, S_IFREG) || node_is(f->node, S_IFDIR) ? sealed_commit(f->node->fs)
                                                                  : -EINVAL;
}

int64_t sys_fdatasync(int fd)
{
    return sys_fsync(fd);
}

int64_t sys_sync(void)
{
    struct diag d;
    ignore_result(sealed_commit_all(&d), "sync(2) has no errors; fsync and close say them");
    return 0;
}

int64_t sys_syncfs(int fd)
{
    int64_t err = open_descriptor(fd);
    return err != 0 ? err : sealed_commit(fd_get(fd)->node->fs);
}

int64_t sys_sync_file_range(int fd, int64_t offset, int64_t length, uint32_t flags)
{
    struct file *f = fd_get(fd);
    int64_t end;
    if (f == NULL || (f->flags & O_PATH) != 0) {
        return -EBADF;
    }
    if ((flags & ~7u) != 0 || offset < 0 || length < 0 ||
        __builtin_add_overflow(offset, length, &end)) {
        return -EINVAL;
    }
    return node_is(f->node, S_IFREG) || node_is(f->node, S_IFDIR) ? 0 : -ESPIPE;
}

int64_t sys_fadvise64(int fd, int64_t offset, int64_t length, int advice)
{
    (void)offset;
    struct file *f = fd_get(fd);
    if (f == NULL || (f->flags & O_PATH) != 0) {
        return -EBADF;
    }
    if (node_is(f->node, S_IFIFO)) {
        return -ESPIPE;
    }
    return length < 0 || advice < 0 || advice > 5 ? -EINVAL : 0;
}

int64_t sys_readahead(int fd, int64_t offset, uint64_t count)
{
    (void)offset, (void)count;
    struct file *f = fd_get(fd);
    if (f == NULL || !fs_may_read(f)) {
        return -EBADF;
    }
    return node_is(f->node, S_IFREG) ? 0 : -EINVAL;
}
