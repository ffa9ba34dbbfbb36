/* SPDX-License-Identifier: Apache-2.0 */
/* The broker: makes sockets for an enclave process that cannot. It holds the manifest's list and
 * one socket, nothing else; whatever the enclave process asks for, it binds, listens and connects
 * only where the list says so. What UDP sockets send to whom is not its to see: they are bound to,
 * or connected with, listed endpoints, or are for connecting out, and the library OS and net.c look
 * at each address. */
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

ssize_t host_net_send_fd(int socket, const void *data, size_t size, int fd)
{
    union {
        struct cmsghdr head;
        uint8_t room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {(void *)(uintptr_t)data, size};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd >= 0) {
        memset(&control, 0, sizeof control);
        control.head = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
        m.msg_control = &control;
        m.msg_controllen = sizeof control.room;
    }
    ssize_t n;
    do {
        n = sendmsg(socket, &m, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

ssize_t host_net_receive_fd(int socket, void *data, size_t size, int *ret_fd)
{
    union {
        struct cmsghdr head;
        uint8_t room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {data, size};
    struct msghdr m = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof control.room};
    ssize_t n;
    do {
        n = recvmsg(socket, &m, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    const struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
    *ret_fd = -1;
    if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
        c->cmsg_len == CMSG_LEN(sizeof(int))) {
        memcpy(ret_fd, CMSG_DATA(c), sizeof *ret_fd);
    }
    return n < 0 ? -errno : n;
}

/* ---- what is asked for -------------------------------------------------------------------------
 */

static bool is_wildcard(const struct net_address *a)
{
    static const uint8_t none[16];
    return memcmp(a->ip, none, sizeof none) == 0 || (!a->v6 && memcmp(a->ip + 12, none, 4) == 0);
}

/* A UDP socket that only sends out: any port of the kernel's choice. */
static bool is_for_sending(const struct manifest *m, const struct broker_question *q)
{
    bool any = false;
    for (size_t i = 0; i < m->connect_count; i++) {
        any = any || m->connect[i].udp;
    }
    return any && (q->kind & NET_UDP) != 0 && q->address.port == 0 && is_wildcard(&q->address);
}

static bool may_listen(const struct manifest *m, bool udp, const struct net_address *a)
{
    return network_allows(m->listen, m->listen_count, udp, a->ip, a->port);
}

static int make_socket(uint32_t kind)
{
    const struct {
        uint32_t bit;
        int level, option;
    } wishes[] = {{NET_REUSE_ADDRESS, SOL_SOCKET, SO_REUSEADDR},
                  {NET_REUSE_PORT, SOL_SOCKET, SO_REUSEPORT},
                  {NET_BROADCAST, SOL_SOCKET, SO_BROADCAST}};
    const int one = 1, v6_only = (kind & NET_V6_ONLY) != 0;
    int fd = socket(
        (kind & NET_V6) != 0 ? AF_INET6 : AF_INET,
        ((kind & NET_UDP) != 0 ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    for (size_t i = 0; fd >= 0 && i < ARRAY_SIZE(wishes); i++) {
        if ((kind & wishes[i].bit) != 0) {
            ignore_result(setsockopt(fd, wishes[i].level, wishes[i].option, &one, sizeof one),
                          "bind says what it leads to");
        }
    }
    if (fd >= 0 && (kind & NET_V6) != 0) {
        ignore_result(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only),
                      "bind says what it leads to");
    }
    return fd >= 0 ? fd : -errno;
}

static int answer_bind(const struct manifest *m, const struct broker_question *q, int *ret_fd)
{
    struct sockaddr_storage a;
    if (!may_listen(m, (q->kind & NET_UDP) != 0, &q->address) && !is_for_sending(m, q)) {
        return -EACCES;
    }
    socklen_t size = host_net_encode(&q->address, &a);
    int fd = make_socket(q->kind);
    if (fd < 0) {
        return fd;
    }
    if (bind(fd, (struct sockaddr *)&a, size) != 0) {
        int err = -errno;
        close(fd);
        return err;
    }
    *ret_fd = fd;
    return 0;
}

static bool is_stream(int fd)
{
    int type = 0;
    socklen_t size = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

static int answer_listen(const struct manifest *m, const struct broker_question *q, int fd)
{
    struct net_address local;
    if (fd < 0) {
        return -EBADF;
    }
    host_net_local(fd, (q->kind & NET_V6) != 0, &local); /* as the kernel knows it */
    if (!is_stream(fd) || !may_listen(m, false, &local)) {
        return -EACCES;
    }
    return listen(fd, (int)(q->backlog < SOMAXCONN ? q->backlog : SOMAXCONN)) == 0 ? 0 : -errno;
}

static int answer_connect(const struct manifest *m, const struct broker_question *q, int fd,
                          int *ret_fd)
{
    struct sockaddr_storage a;
    bool udp = fd >= 0 ? !is_stream(fd) : (q->kind & NET_UDP) != 0;
    if (!network_allows(m->connect, m->connect_count, udp, q->address.ip, q->address.port)) {
        return -EACCES;
    }
    socklen_t size = host_net_encode(&q->address, &a);
    int made = fd < 0 ? make_socket(q->kind) : -1;
    if (fd < 0 && made < 0) {
        return made;
    }
    if (connect(fd < 0 ? made : fd, (struct sockaddr *)&a, size) != 0 && errno != EINPROGRESS) {
        int err = -errno;
        if (made >= 0) {
            close(made);
        }
        return err;
    }
    *ret_fd = made;
    return 0;
}

void host_net_broker(int socket, const struct manifest *m)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, "alcove-network");
    signal(SIGINT, SIG_IGN); /* it ends when nobody asks any more */
    signal(SIGQUIT, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    if (dup2(socket, 0) != 0) {
        _exit(1);
    }
    close_range(1, UINT_MAX, 0);
    for (;;) {
        struct broker_question q = {0};
        struct broker_answer answer = {0};
        int given, made = -1;
        ssize_t n = host_net_receive_fd(0, &q, sizeof q, &given);
        if (n != sizeof q) {
            _exit(0);
        }
        q.kind &= NET_KIND_BITS;
        q.address.v6 = (q.kind & NET_V6) != 0;
        answer.error = q.op == BROKER_BIND      ? answer_bind(m, &q, &made)
                       : q.op == BROKER_LISTEN  ? answer_listen(m, &q, given)
                       : q.op == BROKER_CONNECT ? answer_connect(m, &q, given, &made)
                                                : -EINVAL;
        if (answer.error == 0) {
            host_net_local(made >= 0 ? made : given, q.address.v6 != 0, &answer.local);
        }
        n = host_net_send_fd(0, &answer, sizeof answer, made);
        if (given >= 0) {
            close(given);
        }
        if (made >= 0) {
            close(made);
        }
        if (n != sizeof answer) {
            _exit(0);
        }
    }
}
