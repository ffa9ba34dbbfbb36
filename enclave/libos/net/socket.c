/* SPDX-License-Identifier: Apache-2.0 */
/* A socket's life, and what makes it a file. */
#include <errno.h>

#include "outside.h"
#include "proc/table.h"
#include "process.h"

#define SOCKFS_MAGIC_ UINT32_C(0x534f434b)
#define FIONREAD_     0x541b
#define FIOASYNC_     0x5452
#define SIGIO_        29
#define SI_KERNEL_    0x80

static struct fs socket_fs;

static void sock_destroy(struct node *n)
{
    struct sock *s = (struct sock *)(void *)n;
    sock_end(s);
    rt_free(s->outside.heard);
    rt_free(s);
}

static int64_t sock_file_read(struct file *f, struct iter *to, uint64_t *pos)
{
    (void)pos;
    struct sock_message m;
    sock_message_start(&m, f, 0);
    file_ref(f);
    int64_t n = sock_receive(sock_of(f), to, &m);
    for (uint32_t i = 0; i < m.file_count; i++) { /* read() cannot take them */
        file_unref(m.files[i]);
    }
    file_unref(f);
    return n;
}

static int64_t sock_file_write(struct file *f, struct iter *from, uint64_t *pos)
{
    (void)pos;
    struct sock_message m;
    sock_message_start(&m, f, 0);
    file_ref(f);
    int64_t n = sock_send(sock_of(f), from, &m);
    file_unref(f);
    return n;
}

static unsigned sock_file_poll(struct file *f)
{
    return sock_poll(sock_of(f));
}

static int64_t sock_file_ioctl(struct file *f, uint64_t request, app_ptr arg)
{
    struct sock *s = sock_of(f);
    if (request == FIOASYNC_) {
        int32_t on;
        if (copy_from_app(&on, arg, sizeof on) != 0) {
            return -EFAULT;
        }
        s->async = on != 0 ? f : NULL;
        return 0;
    }
    if (request != FIONREAD_) {
        return interface_ioctl(request, arg);
    }
    if (s->state == SOCK_LISTENING) {
        return -EINVAL;
    }
    outside_pull_more(s);
    uint64_t there = s->queued;
    if (sock_packets(s)) {
        there = s->first != NULL ? s->first->size : 0;
    }
    int32_t n = (int32_t)there;
    return copy_to_app(arg, &n, sizeof n) != 0 ? -EFAULT : 0;
}

const struct file_ops sock_file_ops = {.read = sock_file_read,
                                       .write = sock_file_write,
                                       .poll = sock_file_poll,
                                       .ioctl = sock_file_ioctl};
static const struct node_ops sock_node_ops = {.destroy = sock_destroy, .file_ops = &sock_file_ops};

struct sock *sock_new(int family, int type)
{
    struct sock *s = (struct sock *)rt_alloc(sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    if (socket_fs.minor == 0) {
        socket_fs = (struct fs){.magic = SOCKFS_MAGIC_,
                                .minor = fs_new_minor(),
                                .keeps_attributes = true,
                                .type = "sockfs"};
    }
    struct fs_time now = fs_now();
    *s = (struct sock){.node = {.ops = &sock_node_ops,
                                .fs = &socket_fs,
                                .refs = 1,
                                .mode = S_IFSOCK | 0777,
                                .uid = fs_uid(),
                                .gid = fs_gid(),
                                .nlink = 1,
                                .ino = ++socket_fs.next_ino,
                                .atime = now,
                                .mtime = now,
                                .ctime = now},
                       .family = family,
                       .type = type,
                       .local = {.family = (uint16_t)family}};
    if (family == AF_INET_) { /* 0.0.0.0, not :: */
        s->local.ip[10] = s->local.ip[11] = 0xff;
    }
    sock_options_start(&s->options);
    return s;
}

int sock_file(struct sock *s, uint32_t flags, struct file **ret)
{
    char name[32];
    base_format(name, sizeof name, "socket:[%llu]", (unsigned long long)s->node.ino);
    struct dentry *d = dentry_new_anon(name, &s->node);
    *ret = d == NULL ? NULL : file_new(&sock_file_ops, d, &s->node, O_RDWR | flags);
    dentry_unref(d);
    return *ret == NULL ? -ENOMEM : 0;
}

void sock_tell(struct sock *s)
{
    const struct file *f = s->async;
    fs_poll_changed(&s->changed);
    if (f != NULL && f->signal_owner != 0) {
        const struct signal_info info = {.signo = f->signal_number != 0 ? f->signal_number : SIGIO_,
                                         .code = SI_KERNEL_};
        ignore_result(process_signal_all(f->signal_owner, &info), "who is gone hears nothing");
    }
}

void sock_changed(struct sock *s)
{
    s->node.arrived++;
    s->node.drained++;
    sock_tell(s);
}

void sock_join(struct sock *a, struct sock *b)
{
    a->peer = b;
    b->peer = a;
    a->peer_pid = b->peer_pid = os_pid();
    a->state = b->state = SOCK_CONNECTED;
}

void sock_end(struct sock *s)
{
    bool unread = s->first != NULL;
    struct sock *peer = s->peer;
    if (s->outside.on) {
        outside_close(s);
    }
    backlog_leave(s);
    backlog_end(s);
    s->state = SOCK_OVER;
    s->peer = NULL;
    if (peer != NULL && peer->peer == s) {
        peer->peer = NULL;
        if (!(s->family != AF_UNIX_ && s->type == SOCK_DGRAM_)) {
            /* A reset: what was sent to the one who left will never be read, or it lingers not. */
            bool abort = s->family != AF_UNIX_ && s->options.linger_on && s->options.linger_s == 0;
            if ((unread || abort) && s->type == SOCK_STREAM_) {
                peer->error = ECONNRESET;
                peer->reset = true;
            }
            sock_changed(peer);
        }
    }
    if (s->family == AF_NETLINK_) {
        route_unbind(s);
    }
    sock_unbind(s);
    sock_forget(s);
    while (s->pending != NULL) {
        struct sock *next = s->pending->pending_next;
        if (s->pending->peer != NULL && s->type == SOCK_STREAM_) {
            s->pending->peer->error = ECONNRESET;
        }
        node_unref(&s->pending->node);
        s->pending = next;
    }
    sock_changed(s);
}

unsigned sock_poll(struct sock *s)
{
    if (s->type == SOCK_STREAM_ && s->outside.on &&
        (s->state == SOCK_CONNECTED || s->state == SOCK_CONNECTING)) {
        return outside_poll(s);
    }
    outside_pull(s);
    unsigned bits = s->error != 0 ? FS_POLLERR | FS_POLLIN | FS_POLLOUT : 0;
    if (s->state == SOCK_LISTENING) {
        return bits | (s->pending != NULL ? FS_POLLIN : 0);
    }
    if (s->first != NULL || s->shut_read) {
        bits |= FS_POLLIN;
    }
    bits |= s->urgent ? FS_POLLPRI : 0;
    if (s->type == SOCK_DGRAM_) {
        bool full = s->peer != NULL && s->peer->queued >= SOCK_BUFFER;
        full = full || (s->outside.on && !s->outside.may_send);
        return bits | (full ? 0 : FS_POLLOUT);
    }
    if (s->state == SOCK_CONNECTING) {
        return bits;
    }
    if (s->state != SOCK_CONNECTED) {
        return bits | FS_POLLOUT | FS_POLLHUP;
    }
    if (s->peer == NULL) {
        bits |= FS_POLLRDHUP;
        bool over = s->family == AF_UNIX_ || s->shut_write || s->reset;
        return bits | FS_POLLIN | FS_POLLOUT | (over ? FS_POLLHUP : 0);
    }
    if (s->peer->shut_write) {
        bits |= FS_POLLIN | FS_POLLRDHUP | (s->shut_write ? FS_POLLHUP : 0);
    }
    if (s->shut_write || s->peer->queued < sock_capacity(s)) {
        bits |= FS_POLLOUT;
    }
    return bits;
}
