/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/net: the sockets that processes have open, in Linux's columns (proc(5)), for programs that
 * look who listens. Queues and timers of a network, which is not there, are 0. */
#include "net.h"

#define SEEN_MAX 4096u /* more are not told */

/* Descriptors share sockets, within a process and between them: each is told once. */
struct seen {
    size_t count;
    const struct sock *all[SEEN_MAX];
};

typedef void tell(struct fs_text *t, const struct sock *s, size_t number);

static bool is_new(struct seen *seen, const struct sock *s)
{
    for (size_t i = 0; i < seen->count; i++) {
        if (seen->all[i] == s) {
            return false;
        }
    }
    if (seen->count == SEEN_MAX) {
        return false;
    }
    seen->all[seen->count++] = s;
    return true;
}

static bool is_told(const struct sock *s, enum sockets_text which)
{
    const int family = which == SOCKETS_UNIX                          ? AF_UNIX_
                       : which == SOCKETS_TCP || which == SOCKETS_UDP ? AF_INET_
                                                                      : AF_INET6_;
    const bool stream = which == SOCKETS_TCP || which == SOCKETS_TCP6;
    if (s->family != family || which == SOCKETS_UNIX) {
        return s->family == family;
    }
    return s->type == (stream ? SOCK_STREAM_ : SOCK_DGRAM_) && !s->lite && s->local.port != 0;
}

static void walk(struct fs_text *t, enum sockets_text which, tell *told)
{
    struct seen *seen = (struct seen *)rt_alloc(sizeof *seen);
    if (seen == NULL) {
        t->failed = true;
        return;
    }
    seen->count = 0;
    for (int pid = os_next_pid(0); pid != 0; pid = os_next_pid(pid)) {
        const struct fs_context *c = os_fs_of(pid);
        const struct fd_table *table = c != NULL ? c->fds : NULL;
        for (int fd = fd_table_next(table, 0); fd >= 0; fd = fd_table_next(table, fd + 1)) {
            struct file *f = fd_table_get(table, fd);
            const struct sock *s = f != NULL && f->ops == &sock_file_ops ? sock_of(f) : NULL;
            if (s != NULL && is_told(s, which) && is_new(seen, s)) {
                told(t, s, seen->count - 1);
            }
        }
    }
    rt_free(seen);
}

static void put_hex(struct fs_text *t, uint32_t value, unsigned digits)
{
    char text[8];
    for (unsigned i = 0; i < digits; i++) {
        text[i] = "0123456789ABCDEF"[value >> 4 * (digits - 1 - i) & 15];
    }
    fs_text_put(t, BYTES(text, digits));
}

static void put_address(struct fs_text *t, const struct sock_address *a, bool six)
{
    for (size_t at = six ? 0 : 12; at < 16; at += 4) {
        put_hex(t, load_le32(a->ip + at), 8);
    }
    fs_printf(t, ":");
    put_hex(t, a->port, 4);
}

/* include/net/tcp_states.h */
static unsigned state_of(const struct sock *s)
{
    enum {
        ESTABLISHED = 1,
        SYN_SENT,
        SYN_RECV,
        FIN_WAIT1,
        FIN_WAIT2,
        TIME_WAIT,
        CLOSE,
        CLOSE_WAIT
    };
    enum { LISTEN = 10 };
    if (s->type == SOCK_DGRAM_) {
        return s->state == SOCK_CONNECTED ? ESTABLISHED : CLOSE;
    }
    const bool over = s->outside.on ? s->outside.ended : s->peer == NULL || s->peer->shut_write;
    switch (s->state) {
    case SOCK_LISTENING:
        return LISTEN;
    case SOCK_CONNECTING:
        return SYN_SENT;
    case SOCK_CONNECTED:
        return over            ? (s->shut_write ? CLOSE : CLOSE_WAIT)
               : s->shut_write ? FIN_WAIT2
                               : ESTABLISHED;
    case SOCK_NEW:
    case SOCK_OVER:
        break;
    }
    return CLOSE;
}

static void tell_inet(struct fs_text *t, const struct sock *s, size_t number)
{
    const bool six = s->family == AF_INET6_, stream = s->type == SOCK_STREAM_;
    const struct sock_address none = {0};
    const bool connected = s->state == SOCK_CONNECTED || s->state == SOCK_CONNECTING;
    if (stream) {
        fs_printf(t, "%4u: ", (unsigned)number);
    } else {
        fs_printf(t, "%5u: ", (unsigned)number);
    }
    put_address(t, &s->local, six);
    fs_printf(t, " ");
    put_address(t, connected ? &s->remote : &none, six);
    fs_printf(t, " ");
    put_hex(t, state_of(s), 2);
    fs_printf(t, " 00000000:");
    put_hex(t, s->state == SOCK_LISTENING ? (uint32_t)s->pending_count : (uint32_t)s->queued, 8);
    fs_printf(t, " 00:00000000 00000000 %5u        0 %llu 1 0000000000000000%s\n", s->node.uid,
              (unsigned long long)s->node.ino, stream ? " 100 0 0 10 0" : " 0");
}

static void tell_unix(struct fs_text *t, const struct sock *s, size_t number)
{
    const bool listening = s->state == SOCK_LISTENING;
    (void)number;
    fs_printf(t, "0000000000000000: ");
    put_hex(t, 2 + (uint32_t)s->pending_count, 8);
    fs_printf(t, listening ? " 00000000 00010000 " : " 00000000 00000000 ");
    put_hex(t, (uint32_t)s->type, 4);
    fs_printf(t, s->state == SOCK_CONNECTED ? " 03 %5llu" : " 01 %5llu",
              (unsigned long long)s->node.ino);
    if (s->local.path_size > 0) {
        const bool abstract = s->local.path[0] == 0;
        fs_printf(t, " %s%.*s", abstract ? "@" : "", (int)s->local.path_size - abstract,
                  (const char *)s->local.path + abstract);
    }
    fs_printf(t, "\n");
}

void os_sockets_text(enum sockets_text which, struct fs_text *t)
{
    static const char *const heads[] = {
        [SOCKETS_TCP] =
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt"
            "   uid  timeout inode\n",
        [SOCKETS_TCP6] =
            "  sl  local_address                         remote_address                  "
            "      st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n",
        [SOCKETS_UDP] =
            "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt"
            "   uid  timeout inode ref pointer drops\n",
        [SOCKETS_UDP6] =
            "  sl  local_address                         remote_address                  "
            "      st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref "
            "pointer drops\n",
        [SOCKETS_UNIX] = "Num       RefCount Protocol Flags    Type St Inode Path\n",
    };
    fs_text_put(t, BYTES(heads[which], strlen(heads[which])));
    walk(t, which, which == SOCKETS_UNIX ? tell_unix : tell_inet);
}
