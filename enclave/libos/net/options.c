/* SPDX-License-Identifier: Apache-2.0 */
/* Socket options: a row for each that is known. What has an effect has it; what only tunes a
 * network that is not there is remembered and told again. */
#include <errno.h>
#include <stddef.h>

#include "libos/syscalls.h"
#include "outside.h"

enum option_kind {
    OPTION_BOOL,
    OPTION_INT,
    OPTION_TIME,
    OPTION_LINGER,
    OPTION_BUFFER,
    OPTION_HOPS,  /* -1: the default */
    OPTION_CLASS, /* the same */
    OPTION_COVERAGE,
    OPTION_SPECIAL
};
enum option_for {
    FOR_ALL = 0,
    FOR_INET = 1,
    FOR_INET6 = 2,
    FOR_TCP = 4,
    FOR_UNIX = 8,
    FOR_LITE = 16
};
enum {
    SPECIAL_TYPE,
    SPECIAL_ERROR,
    SPECIAL_DOMAIN,
    SPECIAL_PROTOCOL,
    SPECIAL_ACCEPTING,
    SPECIAL_PEER,
    SPECIAL_NOTHING /* what there is none of: of no length */
};

struct option {
    int level, name;
    enum option_kind kind;
    unsigned applies;
    size_t offset; /* in struct sock_options; of specials: which */
    int32_t least, most;
};
#define SOL_SOCKET_  1
#define SOL_IP_      0
#define SOL_TCP_     6
#define SOL_IPV6_    41
#define SOL_UDP_     17
#define SOL_UDPLITE_ 136
#define AT(member)   offsetof(struct sock_options, member)

#define DEFAULT_HOPS 64 /* net.ipv4.ip_default_ttl */

static const struct option options[] = {
    {SOL_SOCKET_, 2, OPTION_BOOL, FOR_ALL, AT(reuse_address), 0, 1},
    {SOL_SOCKET_, 3, OPTION_SPECIAL, FOR_ALL, SPECIAL_TYPE, 0, 0},
    {SOL_SOCKET_, 4, OPTION_SPECIAL, FOR_ALL, SPECIAL_ERROR, 0, 0},
    {SOL_SOCKET_, 5, OPTION_BOOL, FOR_ALL, AT(dont_route), 0, 1},
    {SOL_SOCKET_, 6, OPTION_BOOL, FOR_ALL, AT(broadcast), 0, 1},
    {SOL_SOCKET_, 7, OPTION_BUFFER, FOR_ALL, AT(send_buffer), 4608, 212992},
    {SOL_SOCKET_, 8, OPTION_BUFFER, FOR_ALL, AT(receive_buffer), 2304, 212992},
    {SOL_SOCKET_, 9, OPTION_BOOL, FOR_ALL, AT(keep_alive), 0, 1},
    {SOL_SOCKET_, 10, OPTION_BOOL, FOR_ALL, AT(urgent_inline), 0, 1},
    {SOL_SOCKET_, 12, OPTION_INT, FOR_ALL, AT(priority), 0, 6},
    {SOL_SOCKET_, 13, OPTION_LINGER, FOR_ALL, 0, 0, 0},
    {SOL_SOCKET_, 15, OPTION_BOOL, FOR_ALL, AT(reuse_port), 0, 1},
    {SOL_SOCKET_, 16, OPTION_BOOL, FOR_UNIX, AT(pass_credentials), 0, 1},
    {SOL_SOCKET_, 17, OPTION_SPECIAL, FOR_ALL, SPECIAL_PEER, 0, 0},
    {SOL_SOCKET_, 20, OPTION_TIME, FOR_ALL, AT(receive_timeout_ns), 0, 0},
    {SOL_SOCKET_, 21, OPTION_TIME, FOR_ALL, AT(send_timeout_ns), 0, 0},
    {SOL_SOCKET_, 25, OPTION_SPECIAL, FOR_ALL, SPECIAL_NOTHING, 0, 0}, /* SO_BINDTODEVICE */
    {SOL_SOCKET_, 30, OPTION_SPECIAL, FOR_ALL, SPECIAL_ACCEPTING, 0, 0},
    {SOL_SOCKET_, 38, OPTION_SPECIAL, FOR_ALL, SPECIAL_PROTOCOL, 0, 0},
    {SOL_SOCKET_, 39, OPTION_SPECIAL, FOR_ALL, SPECIAL_DOMAIN, 0, 0},
    {SOL_IP_, 1, OPTION_INT, FOR_INET, AT(tos), 0, 255},
    {SOL_IP_, 2, OPTION_HOPS, FOR_INET, AT(ttl), 1, 255},
    {SOL_IP_, 4, OPTION_SPECIAL, FOR_INET, SPECIAL_NOTHING, 0, 0}, /* IP_OPTIONS */
    {SOL_IP_, 10, OPTION_INT, FOR_INET | FOR_INET6, AT(path_mtu), 0, 5},
    {SOL_IP_, 11, OPTION_BOOL, FOR_INET | FOR_INET6, AT(receive_errors), 0, 1},
    {SOL_IP_, 12, OPTION_BOOL, FOR_INET, AT(tell_ttl), 0, 1},
    {SOL_IP_, 13, OPTION_BOOL, FOR_INET, AT(tell_tos), 0, 1},
    {SOL_IP_, 15, OPTION_BOOL, FOR_INET | FOR_INET6, AT(free_bind), 0, 1},
    {SOL_IP_, 24, OPTION_BOOL, FOR_INET | FOR_INET6, AT(no_port), 0, 1},
    {SOL_IPV6_, 16, OPTION_HOPS, FOR_INET6, AT(hops), 0, 255},
    {SOL_IPV6_, 23, OPTION_INT, FOR_INET6, AT(path_mtu6), 0, 5},
    {SOL_IPV6_, 25, OPTION_BOOL, FOR_INET6, AT(receive_errors6), 0, 1},
    {SOL_IPV6_, 26, OPTION_BOOL, FOR_INET6, AT(v6_only), 0, 1},
    {SOL_IPV6_, 51, OPTION_BOOL, FOR_INET6, AT(tell_hops), 0, 1},
    {SOL_IPV6_, 66, OPTION_BOOL, FOR_INET6, AT(tell_class), 0, 1},
    {SOL_IPV6_, 67, OPTION_CLASS, FOR_INET6, AT(traffic_class), 0, 255},
    {SOL_UDPLITE_, 10, OPTION_COVERAGE, FOR_LITE, AT(lite_sent), INT32_MIN, 65535},
    {SOL_UDPLITE_, 11, OPTION_COVERAGE, FOR_LITE, AT(lite_wanted), INT32_MIN, 65535},
    {SOL_TCP_, 1, OPTION_BOOL, FOR_TCP, AT(no_delay), 0, 1},
    {SOL_TCP_, 3, OPTION_BOOL, FOR_TCP, AT(cork), 0, 1},
    {SOL_TCP_, 4, OPTION_INT, FOR_TCP, AT(keep_idle), 1, 32767},
    {SOL_TCP_, 5, OPTION_INT, FOR_TCP, AT(keep_interval), 1, 32767},
    {SOL_TCP_, 6, OPTION_INT, FOR_TCP, AT(keep_count), 1, 127},
    {SOL_TCP_, 7, OPTION_INT, FOR_TCP, AT(syn_count), 1, 127},
    {SOL_TCP_, 8, OPTION_INT, FOR_TCP, AT(end_wait_s), 0, 120},
    {SOL_TCP_, 9, OPTION_INT, FOR_TCP, AT(defer_accept), 0, INT32_MAX},
    {SOL_TCP_, 12, OPTION_BOOL, FOR_TCP, AT(quick_ack), 0, 1},
    {SOL_TCP_, 18, OPTION_INT, FOR_TCP, AT(user_timeout), 0, INT32_MAX},
    {SOL_TCP_, 23, OPTION_INT, FOR_TCP, AT(fast_open), 0, INT32_MAX},
    {SOL_TCP_, 25, OPTION_INT, FOR_TCP, AT(unsent_low), INT32_MIN, INT32_MAX},
};

void sock_options_start(struct sock_options *o)
{
    o->receive_buffer = o->send_buffer = 212992;
    o->ttl = o->hops = DEFAULT_HOPS;
    o->path_mtu = o->path_mtu6 = 1; /* IP_PMTUDISC_WANT */
    o->syn_count = 6;
    o->end_wait_s = 60;
    o->quick_ack = true;
    o->keep_idle = 7200;
    o->keep_interval = 75;
    o->keep_count = 9;
}

static const struct option *find(const struct sock *s, int level, int name)
{
    unsigned mine = (s->family == AF_INET_ ? FOR_INET : 0) |
                    (s->family == AF_INET6_ ? FOR_INET6 : 0) |
                    (s->family == AF_UNIX_ ? FOR_UNIX : 0) | (s->lite ? FOR_LITE : 0) |
                    (s->family != AF_UNIX_ && s->type == SOCK_STREAM_ ? FOR_TCP : 0);
    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        const struct option *o = &options[i];
        if (o->level == level && o->name == name &&
            (o->applies == FOR_ALL || (o->applies & mine) != 0)) {
            return o;
        }
    }
    return NULL;
}

/* Has a socket of its kind options of that level? */
static bool has_level(const struct sock *s, int level)
{
    return level == SOL_SOCKET_ ||
           (s->family != AF_UNIX_ &&
            (level == SOL_IP_ || (level == SOL_IPV6_ && s->family == AF_INET6_) ||
             (s->type == SOCK_STREAM_ ? level == SOL_TCP_
                                      : level == SOL_UDP_ || level == SOL_UDPLITE_)));
}

static int absent(const struct sock *s, int level, bool asks)
{
    return !has_level(s, level) && (asks || s->family == AF_UNIX_) ? -EOPNOTSUPP : -ENOPROTOOPT;
}

static int set(struct sock *s, const struct option *o, app_ptr value, uint32_t size)
{
    uint8_t *at = (uint8_t *)&s->options + o->offset;
    if (o->kind == OPTION_SPECIAL) {
        return -ENOPROTOOPT;
    }
    if (o->kind == OPTION_TIME) {
        int64_t t[2];
        uint64_t ns = 0;
        if (size < sizeof t) {
            return -EINVAL;
        }
        if (copy_from_app(t, value, sizeof t) != 0) {
            return -EFAULT;
        }
        if (t[1] < 0 || t[1] >= 1000000) {
            return -EDOM;
        }
        if (t[0] >= 0 &&
            !(mul_ok((uint64_t)t[0], 1000000000, &ns) && add_ok(ns, (uint64_t)t[1] * 1000, &ns))) {
            ns = 0; /* longer than anybody waits: for ever */
        }
        memcpy(at, &ns, sizeof ns);
        return 0;
    }
    int32_t v[2] = {0, 0};
    size_t want = o->kind == OPTION_LINGER ? 8 : 4;
    if (size < want) {
        return -EINVAL;
    }
    if (copy_from_app(v, value, want) != 0) {
        return -EFAULT;
    }
    if (o->kind == OPTION_LINGER) {
        s->options.linger_on = v[0] != 0;
        s->options.linger_s = v[1];
    } else if (o->kind == OPTION_BOOL) {
        bool b = v[0] != 0;
        memcpy(at, &b, sizeof b);
    } else if (o->kind == OPTION_BUFFER) { /* doubled, within limits, as Linux does it */
        int32_t n = v[0] < 0 || v[0] > o->most ? o->most : v[0];
        n = n * 2 < o->least ? o->least : n * 2;
        memcpy(at, &n, sizeof n);
    } else {
        if (v[0] == -1 && (o->kind == OPTION_HOPS || o->kind == OPTION_CLASS)) {
            v[0] = o->kind == OPTION_HOPS ? DEFAULT_HOPS : 0;
        }
        if (o->kind == OPTION_COVERAGE) { /* net/ipv4/udp.c: at least the header, or all */
            v[0] = v[0] != 0 && v[0] < 8 ? 8 : v[0] > o->most ? o->most : v[0];
        }
        if (v[0] < o->least || v[0] > o->most) {
            return -EINVAL;
        }
        memcpy(at, &v[0], sizeof v[0]);
    }
    bool none = o->kind == OPTION_LINGER && v[0] == 0;
    int32_t number = o->kind == OPTION_LINGER ? v[1] : o->kind == OPTION_BOOL ? v[0] != 0 : v[0];
    outside_option(s, o->level, o->name, none ? -1 : number);
    return 0;
}

int64_t sys_setsockopt(int fd, int level, int option, app_ptr value, uint32_t size)
{
    struct file *f;
    struct sock *s;
    int err = sock_at(fd, &f, &s);
    if (err != 0) {
        return err;
    }
    const struct option *o = find(s, level, option);
    return o == NULL ? absent(s, level, false) : set(s, o, value, size);
}

static int32_t special(struct sock *s, size_t which)
{
    int32_t v = 0;
    switch (which) {
    case SPECIAL_TYPE:
        return s->raw ? SOCK_RAW_ : s->type;
    case SPECIAL_ERROR:
        v = s->error;
        s->error = 0;
        s->in_progress = s->in_progress && (v == 0 || s->state != SOCK_NEW);
        return v;
    case SPECIAL_DOMAIN:
        return s->family;
    case SPECIAL_PROTOCOL:
        return s->family == AF_UNIX_ || s->family == AF_NETLINK_ ? 0
               : s->type == SOCK_STREAM_                         ? 6
               : s->lite                                         ? 136
                                                                 : 17;
    case SPECIAL_ACCEPTING:
        return s->state == SOCK_LISTENING;
    default:
        return 0;
    }
}

int64_t sys_getsockopt(int fd, int level, int option, app_ptr value, app_ptr size)
{
    struct file *f;
    struct sock *s;
    int32_t room;
    int err = sock_at(fd, &f, &s);
    if (err != 0) {
        return err;
    }
    const struct option *o = find(s, level, option);
    if (o == NULL) {
        return absent(s, level, true);
    }
    if (copy_from_app(&room, size, sizeof room) != 0) {
        return -EFAULT;
    }
    if (room < 0) {
        return -EINVAL;
    }
    const uint8_t *at = (const uint8_t *)&s->options + o->offset;
    int32_t v[4] = {0};
    uint32_t n = sizeof v[0];
    if (o->kind == OPTION_SPECIAL && o->offset == SPECIAL_PEER) {
        bool known = s->family == AF_UNIX_ && s->state == SOCK_CONNECTED;
        v[0] = known ? s->peer_pid : 0;
        v[1] = known ? (int32_t)fs_uid() : -1;
        v[2] = known ? (int32_t)fs_gid() : -1;
        n = 12;
    } else if (o->kind == OPTION_SPECIAL && o->offset == SPECIAL_NOTHING) {
        n = 0;
    } else if (o->kind == OPTION_SPECIAL) {
        v[0] = special(s, o->offset);
    } else if (o->kind == OPTION_LINGER) {
        v[0] = s->options.linger_on;
        v[1] = s->options.linger_s;
        n = 8;
    } else if (o->kind == OPTION_BOOL) {
        v[0] = *at != 0;
    } else if (o->kind == OPTION_TIME) {
        uint64_t ns;
        memcpy(&ns, at, sizeof ns);
        const int64_t t[2] = {(int64_t)(ns / 1000000000), (int64_t)(ns % 1000000000 / 1000)};
        memcpy(v, t, sizeof t);
        n = sizeof t;
    } else {
        memcpy(&v[0], at, sizeof v[0]);
    }
    n = (uint32_t)room < n ? (uint32_t)room : n;
    return copy_to_app(value, v, n) != 0 || copy_to_app(size, &n, sizeof n) != 0 ? -EFAULT : 0;
}
