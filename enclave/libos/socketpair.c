/* SPDX-License-Identifier: Apache-2.0 */
/* socketpair(AF_UNIX, SOCK_STREAM): two pipes, one for each direction. The only sockets there are:
 * both ends lie in this enclave, so no network is involved and the host sees nothing of it.
 *
 * The adversary: the workload's arguments; flags that are not understood are refused. */
#include <errno.h>

#include "fs/vfs.h"
#include "libos/syscalls.h"

#define FAMILY_UNIX   1
#define TYPE_STREAM   1
#define TYPE_MASK     0xf
#define MSG_DONTWAIT_ 0x40u
#define MSG_NOSIGNAL_ 0x4000u
#define SOCKFS_MAGIC_ UINT32_C(0x534f434b)
#define MODE_SOCKET   0140777u

struct socket {
    struct node node;
    struct file *in, *out; /* ends of the two pipes; NULL after shutdown */
};
static struct fs socket_fs;

static struct socket *of(struct file *f)
{
    return (struct socket *)(void *)f->node;
}

static bool wants_no_wait(const struct file *f, bool dont_wait)
{
    return dont_wait || (f->flags & O_NONBLOCK) != 0;
}

/* The pipe ends wait or not as this description says now. */
static struct file *side(const struct file *f, struct file *end, bool dont_wait)
{
    end->flags =
        wants_no_wait(f, dont_wait) ? end->flags | O_NONBLOCK : end->flags & ~(uint32_t)O_NONBLOCK;
    return end;
}

static int64_t receive(struct file *f, struct iter *to, bool dont_wait)
{
    struct socket *s = of(f);
    uint64_t pos = 0;
    if (s->in == NULL) {
        return 0;
    }
    struct file *in = s->in;
    int64_t n;
    file_ref(in); /* shutdown() may come while this waits */
    do {          /* again when another thread's call changed the mode of the end meanwhile */
        n = in->ops->read(side(f, in, dont_wait), to, &pos);
    } while (n == -EAGAIN && !wants_no_wait(f, dont_wait));
    file_unref(in);
    return n;
}

static int64_t transmit(struct file *f, struct iter *from, bool dont_wait)
{
    struct socket *s = of(f);
    uint64_t pos = 0;
    if (s->out == NULL) {
        return -EPIPE;
    }
    struct file *out = s->out;
    int64_t n;
    file_ref(out);
    do {
        n = out->ops->write(side(f, out, dont_wait), from, &pos);
    } while (n == -EAGAIN && !wants_no_wait(f, dont_wait));
    file_unref(out);
    return n;
}

static int64_t socket_read(struct file *f, struct iter *to, uint64_t *pos)
{
    (void)pos;
    return receive(f, to, false);
}

static int64_t socket_write(struct file *f, struct iter *from, uint64_t *pos)
{
    (void)pos;
    return transmit(f, from, false);
}

static unsigned socket_poll(struct file *f)
{
    const struct socket *s = of(f);
    unsigned in = s->in == NULL ? FS_POLLIN : s->in->ops->poll(s->in);
    unsigned out = s->out == NULL ? FS_POLLOUT : s->out->ops->poll(s->out);
    if ((in & FS_POLLHUP) != 0) { /* the peer sends no more: a read returns 0 at once */
        in |= FS_POLLIN;
    }
    unsigned bits = (in & FS_POLLIN) | (out & FS_POLLOUT);
    if ((out & FS_POLLERR) != 0) { /* the peer is gone */
        bits |= FS_POLLOUT | ((in & FS_POLLHUP) != 0 ? FS_POLLHUP : 0u);
    }
    return bits;
}

static int64_t socket_ioctl(struct file *f, uint64_t request, app_ptr arg)
{
    struct socket *s = of(f);
    return s->in == NULL ? -ENOTTY : s->in->ops->ioctl(s->in, request, arg);
}

static void socket_destroy(struct node *n)
{
    struct socket *s = (struct socket *)(void *)n;
    file_unref(s->in);
    file_unref(s->out);
    rt_free(s);
}

static const struct file_ops socket_ops = {
    .read = socket_read, .write = socket_write, .poll = socket_poll, .ioctl = socket_ioctl};
static const struct node_ops socket_node_ops = {.destroy = socket_destroy, .file_ops = &socket_ops};

/* Takes both pipe ends, also when it fails. */
static int socket_new(struct file *take_in, struct file *take_out, uint32_t flags,
                      struct file **ret)
{
    struct socket *s = (struct socket *)rt_alloc(sizeof *s);
    if (s == NULL) {
        file_unref(take_in);
        file_unref(take_out);
        return -ENOMEM;
    }
    if (socket_fs.minor == 0) {
        socket_fs = (struct fs){.magic = SOCKFS_MAGIC_, .minor = fs_new_minor(), .type = "sockfs"};
    }
    struct fs_time now = fs_now();
    s->node = (struct node){.ops = &socket_node_ops,
                            .fs = &socket_fs,
                            .refs = 1,
                            .mode = MODE_SOCKET,
                            .uid = fs_uid(),
                            .gid = fs_gid(),
                            .nlink = 1,
                            .ino = ++socket_fs.next_ino,
                            .atime = now,
                            .mtime = now,
                            .ctime = now};
    s->in = take_in;
    s->out = take_out;
    char name[32];
    base_format(name, sizeof name, "socket:[%llu]", (unsigned long long)s->node.ino);
    struct dentry *d = dentry_new_anon(name, &s->node);
    *ret = d == NULL ? NULL : file_new(&socket_ops, d, &s->node, O_RDWR | flags);
    dentry_unref(d);
    node_unref(&s->node);
    return *ret == NULL ? -ENOMEM : 0;
}

static int make_pair(uint32_t flags, struct file *ret[2])
{
    struct file *there[2], *back[2];
    int err = pipe_make(0, there);
    if (err != 0) {
        return err;
    }
    err = pipe_make(0, back);
    if (err != 0) {
        file_unref(there[0]);
        file_unref(there[1]);
        return err;
    }
    err = socket_new(there[0], back[1], flags, &ret[0]);
    if (err != 0) {
        file_unref(there[1]);
        file_unref(back[0]);
        return err;
    }
    err = socket_new(back[0], there[1], flags, &ret[1]);
    if (err != 0) {
        file_unref(ret[0]);
    }
    return err;
}

int64_t sys_socketpair(int family, int type, int protocol, app_ptr fds)
{
    struct file *pair[2];
    uint32_t flags = (uint32_t)type & O_NONBLOCK;
    bool cloexec = (type & O_CLOEXEC) != 0;
    if (family != FAMILY_UNIX) {
        return -EAFNOSUPPORT;
    }
    if ((type & TYPE_MASK) != TYPE_STREAM || (type & ~(TYPE_MASK | O_NONBLOCK | O_CLOEXEC)) != 0) {
        return -ESOCKTNOSUPPORT;
    }
    if (protocol != 0 && protocol != FAMILY_UNIX) {
        return -EPROTONOSUPPORT;
    }
    int err = make_pair(flags, pair);
    if (err != 0) {
        return err;
    }
    int fd[2] = {fd_install(pair[0], 0, cloexec), -1};
    fd[1] = fd[0] < 0 ? fd[0] : fd_install(pair[1], 0, cloexec);
    file_unref(pair[0]);
    file_unref(pair[1]);
    err = fd[1] < 0 ? fd[1] : copy_to_app(fds, fd, sizeof fd);
    for (int i = 0; i < 2 && err != 0; i++) {
        if (fd[i] >= 0) {
            ignore_result(fd_close(fd[i]), "it was just opened");
        }
    }
    return err;
}

/* ---- calls on sockets ------------------------------------------------------------------------ */

static int socket_at(int fd, struct file **ret)
{
    struct file *f = fd_get(fd);
    if (f == NULL) {
        return -EBADF;
    }
    *ret = f;
    return f->ops == &socket_ops ? 0 : -ENOTSOCK;
}

static struct iter iter_of(const struct iter_piece *piece)
{
    return (struct iter){.pieces = piece, .piece_count = 1, .left = piece->size};
}

int64_t sys_sendto(int fd, app_ptr buf, uint64_t size, uint32_t flags, app_ptr to, uint32_t to_size)
{
    struct file *f;
    int err = socket_at(fd, &f);
    if (err != 0) {
        return err;
    }
    if (to.addr != 0 || to_size != 0) {
        return -EISCONN;
    }
    if ((flags & ~(MSG_DONTWAIT_ | MSG_NOSIGNAL_)) != 0) {
        return -EOPNOTSUPP;
    }
    struct socket *s = of(f);
    bool gone = s->out == NULL || (s->out->ops->poll(s->out) & FS_POLLERR) != 0;
    if (gone && (flags & MSG_NOSIGNAL_) != 0) {
        return -EPIPE;
    }
    const struct iter_piece piece = {buf, size < FS_IO_MAX ? size : FS_IO_MAX};
    struct iter from = iter_of(&piece);
    file_ref(f);
    int64_t n = transmit(f, &from, (flags & MSG_DONTWAIT_) != 0);
    file_unref(f);
    return n;
}

int64_t sys_recvfrom(int fd, app_ptr buf, uint64_t size, uint32_t flags, app_ptr from,
                     app_ptr from_size)
{
    struct file *f;
    int err = socket_at(fd, &f);
    if (err != 0) {
        return err;
    }
    if ((flags & ~MSG_DONTWAIT_) != 0) {
        return -EOPNOTSUPP;
    }
    const struct iter_piece piece = {buf, size < FS_IO_MAX ? size : FS_IO_MAX};
    struct iter to = iter_of(&piece);
    file_ref(f);
    int64_t n = receive(f, &to, (flags & MSG_DONTWAIT_) != 0);
    file_unref(f);
    const uint32_t none = 0;
    if (n >= 0 && from.addr != 0 && copy_to_app(from_size, &none, sizeof none) != 0) {
        return -EFAULT;
    }
    return n;
}

int64_t sys_shutdown(int fd, int how)
{
    enum { READ = 0, WRITE = 1, BOTH = 2 };
    struct file *f;
    int err = socket_at(fd, &f);
    if (err != 0) {
        return err;
    }
    if (how < READ || how > BOTH) {
        return -EINVAL;
    }
    struct socket *s = of(f);
    if (how != WRITE) {
        file_unref(STEAL(&s->in));
    }
    if (how != READ) {
        file_unref(STEAL(&s->out));
    }
    return 0;
}

/* The unnamed address. */
static int64_t unnamed(int fd, app_ptr address, app_ptr size)
{
    const uint16_t family = FAMILY_UNIX;
    uint32_t room;
    struct file *f;
    int err = socket_at(fd, &f);
    if (err != 0) {
        return err;
    }
    if (copy_from_app(&room, size, sizeof room) != 0) {
        return -EFAULT;
    }
    const uint32_t n = sizeof family;
    if (copy_to_app(address, &family, room < n ? room : n) != 0 ||
        copy_to_app(size, &n, sizeof n) != 0) {
        return -EFAULT;
    }
    return 0;
}

int64_t sys_getsockname(int fd, app_ptr address, app_ptr size)
{
    return unnamed(fd, address, size);
}

int64_t sys_getpeername(int fd, app_ptr address, app_ptr size)
{
    return unnamed(fd, address, size);
}

int64_t sys_getsockopt(int fd, int level, int option, app_ptr value, app_ptr size)
{
    enum { SOL_SOCKET_ = 1, TYPE = 3, ERROR = 4, PROTOCOL = 38, DOMAIN = 39 };
    struct file *f;
    uint32_t room;
    int err = socket_at(fd, &f);
    if (err != 0) {
        return err;
    }
    if (level != SOL_SOCKET_ ||
        (option != TYPE && option != ERROR && option != PROTOCOL && option != DOMAIN)) {
        return -ENOPROTOOPT;
    }
    int32_t v = option == TYPE ? TYPE_STREAM : option == DOMAIN ? FAMILY_UNIX : 0;
    if (copy_from_app(&room, size, sizeof room) != 0) {
        return -EFAULT;
    }
    const uint32_t n = room < sizeof v ? room : sizeof v;
    if (copy_to_app(value, &v, n) != 0 || copy_to_app(size, &n, sizeof n) != 0) {
        return -EFAULT;
    }
    return 0;
}
