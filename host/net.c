/* SPDX-License-Identifier: Apache-2.0 */
/* The hostcalls net_*, in the enclave process. Its numbers of sockets index a table of descriptors
 * here; readiness of all of them comes from one epoll, edge by edge, to whichever thread waits. */
#include "net.h"

#include "enclave.h"

#include <errno.h>
#include <linux/time_types.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAKE_ID UINT32_MAX

_Static_assert(NET_IN == EPOLLIN && NET_PRI == EPOLLPRI && NET_OUT == EPOLLOUT &&
                   NET_ERR == EPOLLERR && NET_HUP == EPOLLHUP && NET_RDHUP == EPOLLRDHUP,
               "events are the kernel's");

static struct {
    bool on;
    int broker, wake, epoll;
    pthread_mutex_t lock;     /* of the conversation with the broker */
    int fds[NET_SOCKETS_MAX]; /* plus one; 0: no such socket */
    uint32_t names[NET_SOCKETS_MAX];
    /* What one thread receives because it was asked to, and another on its way out of a wait, have
     * an order, and no descriptor changes meanwhile: */
    pthread_mutex_t bytes;
    struct {
        bool armed;                 /* net_wait may receive */
        uint32_t received, brought; /* how often net_receive and net_wait did */
    } streams[NET_SOCKETS_MAX];
} net = {.lock = PTHREAD_MUTEX_INITIALIZER, .bytes = PTHREAD_MUTEX_INITIALIZER};

/* ---- beginning and end --------------------------------------------------------------------------
 */

int host_net_open(const struct manifest *m, struct host_net *ret, struct diag *d)
{
    int pair[2];
    *ret =
        (struct host_net){.on = m->listen_count + m->connect_count > 0, .broker = -1, .wake = -1};
    if (!ret->on) {
        return 0;
    }
    struct rlimit files; /* many connections are what servers are for */
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        ignore_result(setrlimit(RLIMIT_NOFILE, &files), "then as many as there may be");
    }
    ret->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (ret->wake < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return diag_fail(d, -errno, "cannot prepare the network: %s", strerror(errno));
    }
    ret->pid = fork();
    if (ret->pid < 0) {
        return diag_fail(d, -errno, "cannot fork the network's broker: %s", strerror(errno));
    }
    if (ret->pid == 0) {
        host_net_broker(pair[1], m);
    }
    close(pair[1]);
    ret->broker = pair[0];
    return 0;
}

void host_net_close(struct host_net *n)
{
    if (n->on && n->broker >= 0) {
        close(n->broker);
    }
    if (n->on && n->wake >= 0) {
        close(n->wake);
    }
    if (n->on && n->pid > 0) {
        kill(n->pid, SIGKILL);
        waitpid(n->pid, NULL, 0);
    }
    n->on = false;
}

int host_net_start(const struct host_net *n, struct diag *d)
{
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = WAKE_ID};
    if (!n->on) {
        return 0;
    }
    net.wake = n->wake;
    net.broker = n->broker;
    net.on = n->broker >= 0; /* the other processes of a tree only wake who waits in the first */
    if (!net.on) {
        return 0;
    }
    net.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (net.epoll < 0 || epoll_ctl(net.epoll, EPOLL_CTL_ADD, net.wake, &e) != 0) {
        return diag_fail(d, -errno, "cannot prepare waiting for the network: %s", strerror(errno));
    }
    return 0;
}

/* ---- sockets
 * ------------------------------------------------------------------------------------- */

static int fd_of(uint64_t socket)
{
    size_t i = socket % NET_SOCKETS_MAX;
    return net.fds[i] != 0 && net.names[i] == socket ? net.fds[i] - 1 : -1;
}

static bool is_free(uint64_t socket)
{
    return socket < UINT32_MAX && net.fds[socket % NET_SOCKETS_MAX] == 0;
}

/* Takes the descriptor; it is watched from here on. */
static int keep(uint64_t socket, int fd)
{
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET,
                            .data.u32 = (uint32_t)socket};
    if (!is_free(socket) || epoll_ctl(net.epoll, EPOLL_CTL_ADD, fd, &e) != 0) {
        close(fd);
        return -EIO;
    }
    pthread_mutex_lock(&net.bytes);
    memset(&net.streams[socket % NET_SOCKETS_MAX], 0, sizeof net.streams[0]);
    net.fds[socket % NET_SOCKETS_MAX] = fd + 1;
    net.names[socket % NET_SOCKETS_MAX] = (uint32_t)socket;
    pthread_mutex_unlock(&net.bytes);
    return 0;
}

static int64_t ask_broker(const struct broker_question *q, int fd, struct broker_answer *ret,
                          int *ret_fd)
{
    pthread_mutex_lock(&net.lock);
    ssize_t n = host_net_send_fd(net.broker, q, sizeof *q, fd);
    n = n < 0 ? n : host_net_receive_fd(net.broker, ret, sizeof *ret, ret_fd);
    pthread_mutex_unlock(&net.lock);
    return n == sizeof *ret ? ret->error : -EIO;
}

static int64_t permitted(int64_t err, const int *errnos, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (err == -errnos[i]) {
            return err;
        }
    }
    return err == -ENFILE || err == -ENOBUFS || err == -ENOMEM ? -EMFILE : -EIO;
}

static int64_t make(struct hostcall_slot *s, enum broker_op op)
{
    static const int errnos[] = {EACCES, EADDRINUSE, EADDRNOTAVAIL, EMFILE};
    static const int connect_errnos[] = {EACCES,        ECONNREFUSED, ENETUNREACH, EHOSTUNREACH,
                                         EADDRNOTAVAIL, ETIMEDOUT,    EMFILE};
    struct broker_question q = {.op = op, .kind = (uint32_t)s->args[1]};
    struct broker_answer answer;
    int given = fd_of(s->args[0]), made = -1;
    if (s->to_size != sizeof q.address || (given < 0 && !is_free(s->args[0])) ||
        (op == BROKER_BIND && given >= 0)) {
        return -EIO;
    }
    memcpy(&q.address, s->data, sizeof q.address);
    int64_t err = ask_broker(&q, given, &answer, &made);
    if (err == 0 && given < 0) {
        err = made >= 0 ? keep(s->args[0], made) : -EIO;
    } else if (made >= 0) {
        close(made);
    }
    if (err == 0) {
        memcpy(s->data, &answer.local, sizeof answer.local);
        return sizeof answer.local;
    }
    return op == BROKER_BIND ? permitted(err, errnos, ARRAY_SIZE(errnos))
                             : permitted(err, connect_errnos, ARRAY_SIZE(connect_errnos));
}

static int64_t serve_listen(struct hostcall_slot *s)
{
    const struct broker_question q = {.op = BROKER_LISTEN, .backlog = (uint32_t)s->args[1]};
    struct broker_answer answer;
    int fd = fd_of(s->args[0]), made = -1;
    if (fd < 0) {
        return -EIO;
    }
    int64_t err = ask_broker(&q, fd, &answer, &made);
    return err == 0 || err == -EACCES || err == -EADDRINUSE ? err : -EIO;
}

static int64_t serve_accept(struct hostcall_slot *s)
{
    struct sockaddr_storage a = {.ss_family = AF_INET};
    struct net_accepted who;
    socklen_t size = sizeof a;
    int fd = fd_of(s->args[0]);
    if (fd < 0 || !is_free(s->args[1])) {
        return -EIO;
    }
    int got;
    do {
        got = accept4(fd, (struct sockaddr *)&a, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (got < 0 && (errno == EINTR || errno == ECONNABORTED || errno == EPROTO));
    if (got < 0) {
        return errno == EAGAIN ? -EAGAIN : errno == EMFILE || errno == ENFILE ? -EMFILE : -EIO;
    }
    bool v6 = a.ss_family == AF_INET6;
    host_net_decode(&a, v6, &who.peer);
    host_net_local(got, v6, &who.local);
    if (keep(s->args[1], got) != 0) {
        return -EIO;
    }
    memcpy(s->data, &who, sizeof who);
    return sizeof who;
}

/* ---- bytes
 * ---------------------------------------------------------------------------------------- */

static int64_t send_error(int error)
{
    static const int errnos[] = {EAGAIN,   ECONNRESET, EPIPE,      ECONNREFUSED,
                                 EMSGSIZE, ETIMEDOUT,  ENETUNREACH};
    if (error == ENOBUFS || error == ENOMEM) {
        return -EAGAIN;
    }
    int64_t err = permitted(-error, errnos, ARRAY_SIZE(errnos));
    return err == -EMFILE ? -EIO : err;
}

static int64_t serve_send(struct hostcall_slot *s)
{
    int fd = fd_of(s->args[0]);
    int flags = MSG_NOSIGNAL | MSG_DONTWAIT | ((s->args[1] & NET_MORE) != 0 ? MSG_MORE : 0) |
                ((s->args[1] & NET_URGENT) != 0 ? MSG_OOB : 0);
    struct sockaddr_storage to;
    socklen_t to_size = 0;
    size_t size = s->to_size, skip = 0;
    if (fd < 0 || size > HOSTCALL_DATA_MAX) {
        return -EIO;
    }
    if ((s->args[1] & NET_TO) != 0) {
        struct net_address a;
        if (size < sizeof a) {
            return -EIO;
        }
        memcpy(&a, s->data, sizeof a);
        to_size = host_net_encode(&a, &to);
        skip = sizeof a;
    }
    ssize_t n;
    do {
        n = sendto(fd, s->data + skip, size - skip, flags,
                   to_size > 0 ? (struct sockaddr *)&to : NULL, to_size);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? send_error(errno) : n + (ssize_t)skip;
}

static int64_t receive_error(int error)
{
    static const int errnos[] = {EAGAIN, ECONNRESET, ECONNREFUSED, ETIMEDOUT};
    int64_t err = permitted(-error, errnos, ARRAY_SIZE(errnos));
    return err == -EMFILE ? -EIO : err;
}

static int64_t receive(struct hostcall_slot *s)
{
    int fd = fd_of(s->args[0]);
    size_t size = s->args[1] <= HOSTCALL_DATA_MAX ? s->args[1] : HOSTCALL_DATA_MAX, skip = 0;
    bool from = (s->args[2] & NET_FROM) != 0;
    struct sockaddr_storage who = {.ss_family = AF_INET};
    socklen_t who_size = sizeof who;
    if (from) {
        skip = sizeof(struct net_address);
    }
    if (fd < 0 || size < skip) {
        return -EIO;
    }
    int flags = MSG_DONTWAIT | ((s->args[2] & NET_RECEIVE_URGENT) != 0 ? MSG_OOB : 0);
    ssize_t n;
    do {
        n = recvfrom(fd, s->data + skip, size - skip, flags, from ? (struct sockaddr *)&who : NULL,
                     from ? &who_size : NULL);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return receive_error(errno);
    }
    if (from) {
        struct net_address a;
        host_net_decode(&who, who.ss_family == AF_INET6, &a);
        memcpy(s->data, &a, sizeof a);
    }
    return n + (ssize_t)skip;
}

static int64_t serve_receive(struct hostcall_slot *s)
{
    size_t i = s->args[0] % NET_SOCKETS_MAX;
    if ((s->args[2] & NET_RECEIVE_URGENT) != 0) {
        return receive(s); /* beside the stream */
    }
    pthread_mutex_lock(&net.bytes);
    /* What was brought and is still on its way comes first. */
    int64_t n = net.streams[i].brought == s->args[3] ? receive(s) : -EAGAIN;
    if (n != -EAGAIN) {
        net.streams[i].received++;
        net.streams[i].armed = false;
    }
    pthread_mutex_unlock(&net.bytes);
    return n;
}

/* ---- bytes that come with the news
 * ------------------------------------------------------------------------------------- */

static void arm(const struct hostcall_slot *s)
{
    if (s->to_size == 0 || s->to_size > NET_ARMS_MAX * sizeof(struct net_arm)) {
        return;
    }
    pthread_mutex_lock(&net.bytes);
    for (size_t at = 0; at + sizeof(struct net_arm) <= s->to_size; at += sizeof(struct net_arm)) {
        struct net_arm a;
        memcpy(&a, s->data + at, sizeof a);
        size_t i = a.socket % NET_SOCKETS_MAX;
        net.streams[i].armed =
            net.streams[i].armed || (fd_of(a.socket) >= 0 && net.streams[i].received == a.received);
    }
    pthread_mutex_unlock(&net.bytes);
}

/* Into the NET_BROUGHT_MAX bytes at to, if the socket is armed and nothing but bytes came. */
static void bring(struct net_event *e, uint8_t *to)
{
    size_t i = e->socket % NET_SOCKETS_MAX;
    if ((e->events & ~(NET_IN | NET_OUT)) != 0 || (e->events & NET_IN) == 0) {
        return;
    }
    pthread_mutex_lock(&net.bytes);
    int fd = net.streams[i].armed ? fd_of(e->socket) : -1;
    ssize_t n = fd >= 0 ? recv(fd, to, NET_BROUGHT_MAX, MSG_DONTWAIT) : -1;
    if (fd >= 0 && (n >= 0 || (errno != EAGAIN && errno != EINTR))) {
        e->events |= NET_BROUGHT;
        e->brought = (int32_t)(n >= 0 ? n : receive_error(errno));
        net.streams[i].brought++;
        net.streams[i].armed = false;
    }
    pthread_mutex_unlock(&net.bytes);
}

/* ---- the rest
 * ------------------------------------------------------------------------------------- */

static int64_t serve_option(struct hostcall_slot *s)
{
    static const struct {
        int level, option;
        int64_t least, most;
    } options[NET_OPTION_COUNT] = {
#define NET_OPTION(name, level, option, least, most)                                               \
    [NET_OPTION_##name] = {(level), (option), (least), (most)},
        NET_OPTIONS(NET_OPTION)
#undef NET_OPTION
    };
    int fd = fd_of(s->args[0]);
    int64_t value = (int64_t)s->args[2];
    if (fd < 0 || s->args[1] >= NET_OPTION_COUNT || value < options[s->args[1]].least ||
        value > options[s->args[1]].most) {
        return -EIO;
    }
    const struct linger linger = {value >= 0, value >= 0 ? (int)value : 0};
    const int number = (int)value;
    bool lingers = s->args[1] == NET_OPTION_linger_s;
    int r = setsockopt(fd, options[s->args[1]].level, options[s->args[1]].option,
                       lingers ? (const void *)&linger : (const void *)&number,
                       lingers ? sizeof linger : sizeof number);
    return r == 0 ? 0 : -EIO;
}

static int64_t serve_error(struct hostcall_slot *s)
{
    int fd = fd_of(s->args[0]), error = 0;
    socklen_t size = sizeof error;
    if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
        return -EIO;
    }
    return error >= 0 && error <= 133 ? error : EIO;
}

static int64_t serve_close(struct hostcall_slot *s)
{
    size_t i = s->args[0] % NET_SOCKETS_MAX;
    pthread_mutex_lock(&net.bytes);
    int fd = fd_of(s->args[0]);
    if (fd >= 0 && net.streams[i].brought != s->args[1]) { /* Linux resets it: nobody read them */
        const struct linger now = {1, 0};
        ignore_result(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), "then kindly");
    }
    if (fd >= 0) {
        net.fds[i] = 0;
        close(fd);
    }
    pthread_mutex_unlock(&net.bytes);
    return 0;
}

void host_net_wake(void)
{
    const uint64_t one = 1;
    ignore_result(write(net.wake, &one, sizeof one) < 0, "it is full: a wake-up is there already");
}

static int64_t put_events(struct hostcall_slot *s, const struct epoll_event *events, int n)
{
    uint64_t count = 0;
    size_t size = 0;
    for (int i = 0; i < n; i++) {
        struct net_event e = {.socket = events[i].data.u32, .events = events[i].events};
        size_t others = (size_t)(n - i) * sizeof e;
        if (e.socket == WAKE_ID) {
            ignore_result(read(net.wake, &count, sizeof count) < 0, "somebody else has read it");
            continue;
        }
        if (size + others + NET_BROUGHT_MAX <= NET_NEWS_MAX) {
            bring(&e, s->data + size + sizeof e);
        }
        memcpy(s->data + size, &e, sizeof e);
        size += sizeof e;
        if ((e.events & NET_BROUGHT) != 0 && e.brought > 0) {
            size += ((size_t)e.brought + 7) / 8 * 8;
        }
    }
    return (int64_t)size;
}

static int64_t serve_wait(struct host_thread *t, struct hostcall_slot *s)
{
    struct epoll_event events[NET_EVENTS_MAX];
    uint64_t ns = s->args[0];
    struct __kernel_timespec ts = {(long long)(ns / 1000000000), (long long)(ns % 1000000000)};
    uint32_t nobody = 0;
    bool sleeps = ns != 0;
    arm(s);
    if (sleeps && !__atomic_compare_exchange_n(t->wake_word, &nobody, HOST_NET_PARKED, false,
                                               __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        ts = (struct __kernel_timespec){0}; /* woken already: a look, no sleep */
        ns = 0;
    }
    long n = syscall(SYS_epoll_pwait2, net.epoll, events, (int)ARRAY_SIZE(events),
                     ns == UINT64_MAX ? NULL : &ts, NULL, 0);
    bool woken = sleeps && __atomic_exchange_n(t->wake_word, 0, __ATOMIC_SEQ_CST) == 1;
    int64_t size = n > 0 ? put_events(s, events, (int)n) : 0;
    return size == 0 && n == 0 && !woken ? -ETIMEDOUT : size;
}

int64_t host_net_serve(struct host_thread *t, struct hostcall_slot *s)
{
    if (!net.on) {
        return s->number == HOSTCALL_net_close  ? 0
               : s->number == HOSTCALL_net_wait ? -ETIMEDOUT
                                                : -EIO;
    }
    switch (s->number) {
    case HOSTCALL_net_bind:
        return make(s, BROKER_BIND);
    case HOSTCALL_net_connect:
        return make(s, BROKER_CONNECT);
    case HOSTCALL_net_listen:
        return serve_listen(s);
    case HOSTCALL_net_accept:
        return serve_accept(s);
    case HOSTCALL_net_send:
        return serve_send(s);
    case HOSTCALL_net_receive:
        return serve_receive(s);
    case HOSTCALL_net_shutdown: {
        int fd = fd_of(s->args[0]);
        return fd >= 0 && s->args[1] <= SHUT_RDWR && shutdown(fd, (int)s->args[1]) == 0 ? 0 : -EIO;
    }
    case HOSTCALL_net_option:
        return serve_option(s);
    case HOSTCALL_net_error:
        return serve_error(s);
    case HOSTCALL_net_wait:
        return serve_wait(t, s);
    default:
        return serve_close(s);
    }
}
