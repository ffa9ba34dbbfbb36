/* SPDX-License-Identifier: Apache-2.0 */
/* Header fields that travel beside datagrams, connections that are reset, buffers that are small,
 * and who is at the other end of a Unix socket, across processes. Run on Linux and in an enclave.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *err(long r)
{
    return r < 0 ? strerrorname_np(errno) : "ok";
}

static void say(const char *what, long r)
{
    printf("  %s: %ld %s\n", what, r, err(r));
}

/* ---- header fields --------------------------------------------------------------------------- */

static socklen_t here(int family, struct sockaddr_storage *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->ss_family = (sa_family_t)family;
    if (family == AF_INET) {
        ((struct sockaddr_in *)ret)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return sizeof(struct sockaddr_in);
    }
    ((struct sockaddr_in6 *)ret)->sin6_addr = in6addr_loopback;
    return sizeof(struct sockaddr_in6);
}

static void receive(int fd, size_t room)
{
    char byte;
    _Alignas(struct cmsghdr) char control[256];
    struct iovec piece = {&byte, 1};
    struct msghdr m = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = room};
    memset(control, 0, sizeof control);
    const ssize_t n = recvmsg(fd, &m, 0);
    printf("  came %zd, room %zu, used %zu, cut %d\n", n, room, (size_t)m.msg_controllen,
           (m.msg_flags & MSG_CTRUNC) != 0);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
        int value = 0;
        const size_t size = c->cmsg_len - CMSG_LEN(0);
        memcpy(&value, CMSG_DATA(c), size < sizeof value ? size : sizeof value);
        printf("    level %d type %d, %zu bytes: %d\n", c->cmsg_level, c->cmsg_type, size, value);
    }
}

/* One byte, with up to two control messages. */
static long transmit(int fd, int level, int type1, int value1, int type2, int value2, size_t size)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int)) * 2] = {0};
    struct iovec piece = {"x", 1};
    struct msghdr m = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control};
    m.msg_controllen = CMSG_SPACE(size) + (type2 != 0 ? CMSG_SPACE(size) : 0);
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    *c = (struct cmsghdr){CMSG_LEN(size), level, type1};
    memcpy(CMSG_DATA(c), &value1, size);
    if (type2 != 0) {
        c = CMSG_NXTHDR(&m, c);
        *c = (struct cmsghdr){CMSG_LEN(size), level, type2};
        memcpy(CMSG_DATA(c), &value2, size);
    }
    return sendmsg(fd, &m, 0);
}

static void set(int fd, int level, int option, int value)
{
    int got = -2;
    socklen_t size = sizeof got;
    const int r = setsockopt(fd, level, option, &value, sizeof value);
    printf("  set %d/%d to %d: %s", level, option, value, err(r));
    const int g = getsockopt(fd, level, option, &got, &size);
    printf(", is %d %s\n", got, err(g));
}

static void fields(int family)
{
    const bool six = family == AF_INET6;
    const int level = six ? IPPROTO_IPV6 : IPPROTO_IP;
    const int hops = six ? IPV6_HOPLIMIT : IP_TTL, traffic = six ? IPV6_TCLASS : IP_TOS;
    const int own_hops = six ? IPV6_UNICAST_HOPS : IP_TTL;
    const int tell_hops = six ? IPV6_RECVHOPLIMIT : IP_RECVTTL;
    const int tell_traffic = six ? IPV6_RECVTCLASS : IP_RECVTOS;
    struct sockaddr_storage a;
    socklen_t size = here(family, &a);
    const int to = socket(family, SOCK_DGRAM, 0), from = socket(family, SOCK_DGRAM, 0);
    printf("fields of IPv%d\n", six ? 6 : 4);
    say("bind", bind(to, (struct sockaddr *)&a, size));
    getsockname(to, (struct sockaddr *)&a, &size);
    say("connect", connect(from, (struct sockaddr *)&a, size));
    say("plain", send(from, "x", 1, 0));
    receive(to, 256);
    set(to, level, tell_hops, 1);
    say("plain", send(from, "x", 1, 0));
    receive(to, 256);
    set(to, level, tell_traffic, 1);
    say("plain", send(from, "x", 1, 0));
    receive(to, 256);
    say("with both", transmit(from, level, hops, 17, traffic, 0x28, sizeof(int)));
    receive(to, 256);
    set(from, level, own_hops, 99);
    set(from, level, traffic, 0x10);
    say("options", send(from, "x", 1, 0));
    receive(to, 256);
    say("one of them", transmit(from, level, hops, 3, 0, 0, sizeof(int)));
    receive(to, 256);
    set(from, level, own_hops, -1);
    set(from, level, own_hops, 256);
    set(from, level, own_hops, 0);
    set(from, level, own_hops, -1);
    say("defaults", send(from, "x", 1, 0));
    receive(to, CMSG_SPACE(sizeof(int)) + 3); /* the second one finds no room */
    say("defaults", send(from, "x", 1, 0));
    receive(to, CMSG_LEN(sizeof(int)) - 2); /* the first one is cut */
    say("defaults", send(from, "x", 1, 0));
    receive(to, 0);
    say("too many hops", transmit(from, level, hops, 256, 0, 0, sizeof(int)));
    say("a long field", transmit(from, level, hops, 3, 0, 0, 1));
    say("unknown", transmit(from, level, 200, 3, 0, 0, sizeof(int)));
    say("another level", transmit(from, 200, 1, 3, 0, 0, sizeof(int)));
    set(to, level, tell_hops, 0);
    close(to);
    close(from);
}

/* ---- connections ----------------------------------------------------------------------------- */

static void pair(int ret[2], int small)
{
    struct sockaddr_storage a;
    socklen_t size = here(AF_INET, &a);
    const int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    if (small > 0) {
        setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    }
    bind(listener, (struct sockaddr *)&a, size);
    listen(listener, 1);
    getsockname(listener, (struct sockaddr *)&a, &size);
    ret[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (small > 0) {
        setsockopt(ret[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    }
    setsockopt(ret[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    connect(ret[0], (struct sockaddr *)&a, size);
    ret[1] = accept(listener, NULL, NULL);
    close(listener);
}

static void events(int fd)
{
    struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDHUP, 0};
    poll(&p, 1, 1000);
    printf("  events:%s%s%s%s%s\n", p.revents & POLLIN ? " in" : "",
           p.revents & POLLOUT ? " out" : "", p.revents & POLLRDHUP ? " rdhup" : "",
           p.revents & POLLHUP ? " hup" : "", p.revents & POLLERR ? " err" : "");
}

static void wait_for_bytes(int fd)
{
    struct pollfd p = {fd, POLLIN, 0};
    poll(&p, 1, 1000);
}

static void resets(void)
{
    int s[2], error;
    char buffer[64];
    socklen_t size = sizeof error;
    printf("closed with unread bytes\n");
    pair(s, 0);
    say("send", send(s[0], "unread", 6, 0));
    wait_for_bytes(s[1]);
    say("send back", send(s[1], "last", 4, 0));
    wait_for_bytes(s[0]);
    close(s[1]);
    usleep(20000);
    events(s[0]);
    say("send", send(s[0], "x", 1, MSG_NOSIGNAL));
    say("again", send(s[0], "x", 1, MSG_NOSIGNAL));
    close(s[0]);

    printf("asked first\n");
    pair(s, 0);
    say("send", send(s[0], "unread", 6, 0));
    wait_for_bytes(s[1]);
    close(s[1]);
    usleep(20000);
    say("getsockopt", getsockopt(s[0], SOL_SOCKET, SO_ERROR, &error, &size));
    printf("  error %s\n", strerrorname_np(error));
    say("receive", recv(s[0], buffer, sizeof buffer, 0));
    say("send", send(s[0], "x", 1, MSG_NOSIGNAL));
    close(s[0]);

    printf("closed with nothing unread\n");
    pair(s, 0);
    close(s[1]);
    usleep(20000);
    events(s[0]);
    say("receive", recv(s[0], buffer, sizeof buffer, 0));
    say("send", send(s[0], "x", 1, MSG_NOSIGNAL));
    usleep(20000);
    events(s[0]);
    say("again", send(s[0], "x", 1, MSG_NOSIGNAL));
    say("receive", recv(s[0], buffer, sizeof buffer, 0));
    close(s[0]);

    printf("lingers not\n");
    pair(s, 0);
    const struct linger now = {1, 0};
    setsockopt(s[1], SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(s[1]);
    usleep(20000);
    say("receive", recv(s[0], buffer, sizeof buffer, 0));
    say("receive", recv(s[0], buffer, sizeof buffer, 0));
    close(s[0]);
}

/* Much less than a quarter of a megabyte fits into buffers that were asked to be small. */
static void small_buffers(void)
{
    static char data[256 * 1024];
    int s[2];
    long all = 0, n;
    printf("small buffers\n");
    pair(s, 4096);
    while ((n = send(s[0], data, sizeof data, MSG_DONTWAIT)) > 0) {
        all += n;
    }
    printf("  full: %s, some %d, not all %d\n", strerrorname_np(errno), all > 0,
           all < (long)sizeof data);
    struct pollfd p = {s[0], POLLOUT, 0};
    printf("  room: %d\n", poll(&p, 1, 0));
    long came = 0;
    while (came < all && (n = recv(s[1], data, sizeof data, 0)) > 0) {
        came += n;
    }
    printf("  came: %d, room: %d\n", came == all, poll(&p, 1, 1000));
    close(s[0]);
    close(s[1]);
    int u[2];
    const int small = 4096;
    socketpair(AF_UNIX, SOCK_STREAM, 0, u);
    setsockopt(u[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    n = send(u[0], data, sizeof data, MSG_DONTWAIT);
    printf("  Unix: some %d, not all %d\n", n > 0, n < (long)sizeof data);
    close(u[0]);
    close(u[1]);
}

/* ---- who is there ---------------------------------------------------------------------------- */

static pid_t peer_of(int fd)
{
    struct ucred who = {0, 0, 0};
    socklen_t size = sizeof who;
    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size);
    return who.pid;
}

static pid_t sender_of(int fd)
{
    char byte;
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct ucred))];
    struct iovec piece = {&byte, 1};
    struct msghdr m = {.msg_iov = &piece,
                       .msg_iovlen = 1,
                       .msg_control = control,
                       .msg_controllen = sizeof control};
    struct ucred who = {0, 0, 0};
    if (recvmsg(fd, &m, 0) == 1 && CMSG_FIRSTHDR(&m) != NULL) {
        memcpy(&who, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof who);
    }
    return who.pid;
}

static void credentials(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "\0net-control"};
    const socklen_t size = offsetof(struct sockaddr_un, sun_path) + 12;
    const int listener = socket(AF_UNIX, SOCK_STREAM, 0), one = 1;
    int pairs[2];
    printf("who is there\n");
    socketpair(AF_UNIX, SOCK_DGRAM, 0, pairs);
    setsockopt(pairs[0], SOL_SOCKET, SO_PASSCRED, &one, sizeof one);
    say("bind", bind(listener, (struct sockaddr *)&a, size));
    say("listen", listen(listener, 2));
    const pid_t parent = getpid();
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        const int s = socket(AF_UNIX, SOCK_STREAM, 0);
        char byte;
        say("child connects", connect(s, (struct sockaddr *)&a, size));
        printf("  child sees its parent: %d\n", peer_of(s) == parent);
        printf("  a pair's other end is who made it: %d\n", peer_of(pairs[1]) == parent);
        say("child sends", send(pairs[1], "c", 1, 0));
        say("child is let go", recv(s, &byte, 1, 0));
        fflush(stdout);
        _exit(0);
    }
    const int s = accept(listener, NULL, NULL);
    const bool seen = peer_of(s) == child, sent = sender_of(pairs[0]) == child;
    send(s, "x", 1, 0);
    waitpid(child, NULL, 0);
    printf("  parent sees its child: %d %d, and when it has gone: %d\n", seen, sent,
           peer_of(s) == child);
    close(s);
    close(listener);
    close(pairs[0]);
    close(pairs[1]);
}

/* ---- UDP-Lite and the loopback interface ----------------------------------------------------- */

static void lite(void)
{
    struct sockaddr_storage a;
    socklen_t size = here(AF_INET, &a);
    const int to = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);
    const int from = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);
    const int other = socket(AF_INET, SOCK_DGRAM, 0);
    int protocol = 0;
    socklen_t number = sizeof protocol;
    char buffer[16];
    printf("UDP-Lite\n");
    if (to < 0 && errno == EPROTONOSUPPORT) { /* a kernel without it */
        printf("  none\n");
        return;
    }
    getsockopt(to, SOL_SOCKET, SO_PROTOCOL, &protocol, &number);
    printf("  protocol %d\n", protocol);
    say("bind", bind(to, (struct sockaddr *)&a, size));
    getsockname(to, (struct sockaddr *)&a, &size);
    say("the port is free for UDP", bind(other, (struct sockaddr *)&a, size));
    say("send", sendto(from, "lite", 4, 0, (struct sockaddr *)&a, size));
    say("receive", recv(to, buffer, sizeof buffer, 0));
    set(from, IPPROTO_UDPLITE, 10, 20);
    set(from, IPPROTO_UDPLITE, 10, 3);
    set(from, IPPROTO_UDPLITE, 11, 0);
    set(from, IPPROTO_UDPLITE, 11, 70000);
    say("no stream", socket(AF_INET, SOCK_STREAM, IPPROTO_UDPLITE));
    close(to);
    close(from);
    close(other);
}

static void ask(int fd, unsigned long request, const char *name, const char *what)
{
    struct ifreq q = {.ifr_name = ""};
    memset(&q, 0, sizeof q);
    snprintf(q.ifr_name, sizeof q.ifr_name, "%s", name);
    const int r = ioctl(fd, request, &q);
    printf("  %s of %s: %s", what, name, err(r));
    for (int i = 0; r == 0 && i < 8; i++) {
        printf(" %02x", ((unsigned char *)&q.ifr_addr)[i]);
    }
    printf("\n");
}

static void interfaces(void)
{
    const int s = socket(AF_INET, SOCK_DGRAM, 0), u = socket(AF_UNIX, SOCK_STREAM, 0);
    char name[IF_NAMESIZE] = "";
    printf("the loopback interface\n");
    printf("  %u %u %d", if_nametoindex("lo"), if_nametoindex("nothing"),
           if_indextoname(1, name) == name);
    printf(" %s %d\n", name, if_indextoname(77777, name) != NULL);
    ask(s, SIOCGIFFLAGS, "lo", "flags");
    ask(s, SIOCGIFADDR, "lo", "address");
    ask(s, SIOCGIFNETMASK, "lo", "mask");
    ask(s, SIOCGIFMTU, "lo", "size");
    ask(u, SIOCGIFHWADDR, "lo", "hardware");
    ask(s, SIOCGIFMETRIC, "lo", "metric");
    ask(s, SIOCGIFFLAGS, "nothing", "flags");
    ask(s, SIOCGIFINDEX, "nothing", "number");
    close(s);
    close(u);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    fields(AF_INET);
    fields(AF_INET6);
    resets();
    small_buffers();
    credentials();
    lite();
    interfaces();
    return 42;
}
