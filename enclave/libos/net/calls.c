/* SPDX-License-Identifier: Apache-2.0 */
/* sendto, recvfrom, sendmsg, recvmsg and their plurals. */
#include <errno.h>

#include "libos/syscalls.h"
#include "net.h"

#define SEND_FLAGS (MSG_OOB_ | MSG_DONTWAIT_ | MSG_NOSIGNAL_ | MSG_MORE_)
#define RECEIVE_FLAGS                                                                              \
    (MSG_OOB_ | MSG_DONTWAIT_ | MSG_PEEK_ | MSG_TRUNC_ | MSG_WAITALL_ | MSG_NOSIGNAL_ |            \
     MSG_CMSG_CLOEXEC_ | MSG_ERRQUEUE_)
#define MESSAGES_MAX 1024u /* UIO_MAXIOV */

struct msghdr_ {
    uint64_t name;
    uint32_t name_size, pad1;
    uint64_t iov, iov_count, control, control_size;
    uint32_t flags, pad2;
};

static app_ptr app(uint64_t address)
{
    return (app_ptr){address};
}

int64_t sys_sendto(int fd, app_ptr buf, uint64_t size, uint32_t flags, app_ptr to, uint32_t to_size)
{
    struct file *f;
    struct sock *s;
    int err = sock_at(fd, &f, &s);
    if (err != 0) {
        return err;
    }
    if ((flags & ~SEND_FLAGS) != 0) {
        return -EOPNOTSUPP;
    }
    struct sock_message message, *m = &message;
    sock_message_start(m, f, flags);
    int64_t n = to.addr != 0 ? address_from_app(to, to_size, s->family, &m->address) : 0;
    if (n == 0) {
        const struct iter_piece piece = {buf, size < FS_IO_MAX ? size : FS_IO_MAX};
        struct iter from = {.pieces = &piece, .piece_count = 1, .left = piece.size};
        file_ref(f);
        n = sock_send(s, &from, m);
        file_unref(f);
    }
    return n;
}

int64_t sys_recvfrom(int fd, app_ptr buf, uint64_t size, uint32_t flags, app_ptr from,
                     app_ptr from_size)
{
    struct file *f;
    struct sock *s;
    int err = sock_at(fd, &f, &s);
    if (err != 0) {
        return err;
    }
    if ((flags & ~RECEIVE_FLAGS) != 0) {
        return -EOPNOTSUPP;
    }
    struct sock_message message, *m = &message;
    sock_message_start(m, f, flags);
    const struct iter_piece piece = {buf, size < FS_IO_MAX ? size : FS_IO_MAX};
    struct iter to = {.pieces = &piece, .piece_count = 1, .left = piece.size};
    file_ref(f);
    int64_t n = sock_receive(s, &to, m);
    sock_drop_files(m, 0);
    if (n >= 0 && from.addr != 0 && address_to_app(&m->address, from, from_size) != 0) {
        n = -EFAULT;
    }
    file_unref(f);
    return n;
}

/* ---- sendmsg, recvmsg ------------------------------------------------------------------------ */

static int header_from_app(app_ptr at, uint32_t unknown_flags, struct msghdr_ *ret)
{
    if (unknown_flags != 0) {
        return -EOPNOTSUPP;
    }
    if (copy_from_app(ret, at, sizeof *ret) != 0) {
        return -EFAULT;
    }
    return ret->iov_count > MESSAGES_MAX ? -EMSGSIZE : 0;
}

static int64_t send_message(struct file *f, struct sock *s, app_ptr at, uint32_t flags)
{
    struct msghdr_ h;
    struct iter_piece small[8], *pieces;
    uint64_t total;
    int err = header_from_app(at, flags & ~SEND_FLAGS, &h);
    if (err != 0) {
        return err;
    }
    struct sock_message message, *m = &message;
    sock_message_start(m, f, flags);
    int64_t n =
        h.name != 0 ? address_from_app(app(h.name), h.name_size, s->family, &m->address) : 0;
    uint32_t taken = 0;
    if (n == 0 && h.control_size > 0) {
        n = control_from_app(s, app(h.control), h.control_size, m);
        taken = m->file_count;
    }
    if (n == 0) {
        n = iter_pieces(app(h.iov), h.iov_count, small, ARRAY_SIZE(small), &pieces, &total);
    } else {
        pieces = small;
    }
    if (n == 0) {
        struct iter from = {.pieces = pieces, .piece_count = (size_t)h.iov_count, .left = total};
        n = sock_send(s, &from, m);
        if (pieces != small) {
            rt_free(pieces);
        }
    }
    m->file_count = taken;
    sock_drop_files(m, 0);
    return n;
}

static int64_t receive_message(struct file *f, struct sock *s, app_ptr at, uint32_t flags)
{
    struct msghdr_ h;
    struct iter_piece small[8], *pieces;
    uint64_t total;
    int err = header_from_app(at, flags & ~RECEIVE_FLAGS, &h);
    if (err != 0) {
        return err;
    }
    int64_t n = iter_pieces(app(h.iov), h.iov_count, small, ARRAY_SIZE(small), &pieces, &total);
    if (n != 0) {
        return n;
    }
    struct sock_message message, *m = &message;
    sock_message_start(m, f, flags);
    struct iter to = {.pieces = pieces, .piece_count = (size_t)h.iov_count, .left = total};
    n = sock_receive(s, &to, m);
    if (pieces != small) {
        rt_free(pieces);
    }
    if (n >= 0) {
        uint8_t raw[128];
        uint32_t out = m->result_flags | (flags & MSG_CMSG_CLOEXEC_);
        err = control_to_app(s, app(h.control), &h.control_size, m, &out);
        uint32_t size = address_encode(&m->address, raw);
        uint32_t room = h.name != 0 && h.name_size < size ? h.name_size : size;
        if (h.name != 0 && err == 0 && copy_to_app(app(h.name), raw, room) != 0) {
            err = -EFAULT;
        }
        h.name_size = h.name != 0 ? size : 0;
        h.flags = out;
        if (err == 0 && copy_to_app(at, &h, sizeof h) != 0) {
            err = -EFAULT;
        }
        n = err != 0 ? err : n;
    }
    sock_drop_files(m, 0);
    return n;
}

static int64_t one(int fd, app_ptr message, uint32_t flags, bool send)
{
    struct file *f;
    struct sock *s;
    int err = sock_at(fd, &f, &s);
    if (err != 0) {
        return err;
    }
    file_ref(f); /* it may be closed while this waits */
    int64_t n = send ? send_message(f, s, message, flags) : receive_message(f, s, message, flags);
    file_unref(f);
    return n;
}

int64_t sys_sendmsg(int fd, app_ptr message, uint32_t flags)
{
    return one(fd, message, flags, true);
}

int64_t sys_recvmsg(int fd, app_ptr message, uint32_t flags)
{
    return one(fd, message, flags, false);
}

/* struct mmsghdr: a msghdr and how many bytes went. */
#define MMSG_SIZE 64u

static int64_t many(int fd, app_ptr vector, uint32_t count, uint32_t flags, bool send)
{
    struct file *f;
    struct sock *s;
    int err = sock_at(fd, &f, &s);
    if (err != 0) {
        return err;
    }
    int64_t done = 0, n = 0;
    file_ref(f);
    while (done < (int64_t)count && done < (int64_t)MESSAGES_MAX) {
        app_ptr at = app(vector.addr + (uint64_t)done * MMSG_SIZE);
        n = send ? send_message(f, s, at, flags) : receive_message(f, s, at, flags);
        uint32_t bytes = (uint32_t)n;
        if (n >= 0 &&
            copy_to_app(app(at.addr + sizeof(struct msghdr_)), &bytes, sizeof bytes) != 0) {
            n = -EFAULT;
        }
        if (n < 0) {
            break;
        }
        done++;
    }
    file_unref(f);
    return done > 0 ? done : n;
}

int64_t sys_sendmmsg(int fd, app_ptr vector, uint32_t count, uint32_t flags)
{
    return many(fd, vector, count, flags, true);
}

#define MSG_WAITFORONE_ 0x10000u

int64_t sys_recvmmsg(int fd, app_ptr vector, uint32_t count, uint32_t flags, app_ptr timeout)
{
    if (timeout.addr != 0) {
        return -EOPNOTSUPP;
    }
    struct file *f;
    struct sock *s;
    int err = sock_at(fd, &f, &s);
    if (err != 0 || count == 0) {
        return err;
    }
    if ((flags & MSG_WAITFORONE_) == 0) {
        return many(fd, vector, count, flags, false);
    }
    flags &= ~MSG_WAITFORONE_;
    int64_t n = many(fd, vector, 1, flags, false);
    if (n != 1 || count == 1) {
        return n;
    }
    int64_t more = many(fd, app(vector.addr + MMSG_SIZE), count - 1, flags | MSG_DONTWAIT_, false);
    return more > 0 ? 1 + more : 1;
}
