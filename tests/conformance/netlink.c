/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces and addresses over rtnetlink(7), as the C library asks and message by message; only
 * what concerns the loopback is told, since Linux may have more. Run on Linux and in an enclave. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
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

static void as_the_library_asks(void)
{
    printf("the C library\n");
    struct if_nameindex *all = if_nameindex();
    for (struct if_nameindex *i = all; i != NULL && i->if_index != 0; i++) {
        if (strcmp(i->if_name, "lo") == 0) {
            printf("  %u %s\n", i->if_index, i->if_name);
        }
    }
    if_freenameindex(all);
    struct ifaddrs *addresses = NULL;
    say("getifaddrs", getifaddrs(&addresses));
    for (struct ifaddrs *a = addresses; a != NULL; a = a->ifa_next) {
        if (strcmp(a->ifa_name, "lo") != 0 || a->ifa_addr == NULL) {
            continue;
        }
        char text[64] = "-", mask[64] = "-";
        const int family = a->ifa_addr->sa_family;
        const size_t at = family == AF_INET ? offsetof(struct sockaddr_in, sin_addr)
                                            : offsetof(struct sockaddr_in6, sin6_addr);
        if (family == AF_INET || family == AF_INET6) {
            inet_ntop(family, (const char *)a->ifa_addr + at, text, sizeof text);
            inet_ntop(family, (const char *)a->ifa_netmask + at, mask, sizeof mask);
        }
        printf("  %s family %d flags %#x %s %s\n", a->ifa_name, family, a->ifa_flags, text, mask);
    }
    freeifaddrs(addresses);
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_flags = AI_ADDRCONFIG, .ai_socktype = SOCK_STREAM};
    printf("  getaddrinfo %d\n", getaddrinfo("127.0.0.1", "80", &hints, &found));
    freeaddrinfo(found);
}

static void tell_attribute(const char *of, const struct rtattr *a)
{
    const uint8_t *data = RTA_DATA(a);
    printf("    %s %u:", of, a->rta_type);
    for (size_t i = 0; i < RTA_PAYLOAD(a); i++) {
        printf(" %02x", data[i]);
    }
    printf("\n");
}

static void tell_link(const struct nlmsghdr *h)
{
    const struct ifinfomsg *l = NLMSG_DATA(h);
    if (l->ifi_index != 1) {
        return;
    }
    printf("  link 1: type %u flags %#x change %u, message flags %#x\n", l->ifi_type, l->ifi_flags,
           l->ifi_change, h->nlmsg_flags);
    int left = (int)IFLA_PAYLOAD(h);
    for (const struct rtattr *a = IFLA_RTA(l); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        const bool told = a->rta_type == IFLA_IFNAME || a->rta_type == IFLA_MTU ||
                          a->rta_type == IFLA_ADDRESS || a->rta_type == IFLA_BROADCAST ||
                          a->rta_type == IFLA_OPERSTATE || a->rta_type == IFLA_LINKMODE ||
                          a->rta_type == IFLA_QDISC || a->rta_type == IFLA_TXQLEN;
        if (told) {
            tell_attribute("link", a);
        }
    }
}

static void tell_address(const struct nlmsghdr *h)
{
    const struct ifaddrmsg *m = NLMSG_DATA(h);
    if (m->ifa_index != 1) {
        return;
    }
    printf("  address on 1: family %u/%u flags %#x scope %u, message flags %#x\n", m->ifa_family,
           m->ifa_prefixlen, m->ifa_flags, m->ifa_scope, h->nlmsg_flags);
    int left = (int)IFA_PAYLOAD(h);
    for (const struct rtattr *a = IFA_RTA(m); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        if (a->rta_type == IFA_ADDRESS || a->rta_type == IFA_LOCAL || a->rta_type == IFA_LABEL ||
            a->rta_type == IFA_FLAGS) {
            tell_attribute("address", a);
        }
    }
}

/* Reads answers until one is the last: a DONE, an error, or what belongs to no dump. */
static void tell_answers(int fd, uint32_t port)
{
    for (bool more = true; more;) {
        _Alignas(struct nlmsghdr) char data[32768];
        struct sockaddr_nl from;
        memset(&from, 0xff, sizeof from);
        socklen_t from_size = sizeof from;
        ssize_t n = recvfrom(fd, data, sizeof data, 0, (struct sockaddr *)&from, &from_size);
        if (n < 0) {
            say("recvfrom", n);
            return;
        }
        if (from_size != sizeof from || from.nl_family != AF_NETLINK || from.nl_pid != 0 ||
            from.nl_groups != 0) {
            printf("  from somebody else: %u\n", from.nl_pid);
        }
        size_t left = (size_t)n;
        for (const struct nlmsghdr *h = (const void *)data; NLMSG_OK(h, left);
             h = NLMSG_NEXT(h, left)) {
            if (h->nlmsg_pid != port) {
                printf("  for somebody else\n");
            }
            more = (h->nlmsg_flags & NLM_F_MULTI) != 0 && h->nlmsg_type != NLMSG_DONE;
            if (h->nlmsg_type == RTM_NEWLINK) {
                tell_link(h);
            } else if (h->nlmsg_type == RTM_NEWADDR) {
                tell_address(h);
            } else if (h->nlmsg_type == NLMSG_ERROR) {
                const struct nlmsgerr *e = NLMSG_DATA(h);
                printf("  error %d to request %u of %u bytes, size %u flags %#x\n", e->error,
                       e->msg.nlmsg_seq, e->msg.nlmsg_len, h->nlmsg_len, h->nlmsg_flags);
            } else {
                printf("  type %u, sequence %u, size %u\n", h->nlmsg_type, h->nlmsg_seq,
                       h->nlmsg_len);
            }
        }
    }
}

struct request {
    struct nlmsghdr head;
    union {
        struct rtgenmsg any;
        struct ifinfomsg link;
        char all[64];
    } u;
};

static void ask(int fd, const char *what, uint16_t type, uint16_t flags, int number,
                const char *name, size_t payload, uint32_t port)
{
    static uint32_t sequence;
    struct request q = {.head = {.nlmsg_len = (uint32_t)NLMSG_LENGTH(payload),
                                 .nlmsg_type = type,
                                 .nlmsg_flags = flags,
                                 .nlmsg_seq = ++sequence}};
    if (payload >= sizeof q.u.link) {
        q.u.link.ifi_index = number;
    }
    if (name != NULL) {
        struct rtattr *a = (void *)(q.u.all + sizeof q.u.link);
        a->rta_type = IFLA_IFNAME;
        a->rta_len = (unsigned short)RTA_LENGTH(strlen(name) + 1);
        memcpy(RTA_DATA(a), name, strlen(name) + 1);
        q.head.nlmsg_len += RTA_ALIGN(a->rta_len);
    }
    const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    printf("%s\n", what);
    say("sendto", sendto(fd, &q, q.head.nlmsg_len, 0, (const void *)&kernel, sizeof kernel));
    if ((flags & NLM_F_REQUEST) != 0 || (flags & NLM_F_ACK) != 0) {
        tell_answers(fd, port);
    }
}

static void message_by_message(void)
{
    printf("sockets\n");
    say("another protocol", socket(AF_NETLINK, SOCK_RAW, 31));
    say("a stream", socket(AF_NETLINK, SOCK_STREAM, NETLINK_ROUTE));
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), value = 0;
    int other = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE);
    socklen_t size = sizeof value;
    getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &size);
    printf("  type %d", value);
    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &value, &size);
    printf(" domain %d", value);
    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &value, &size);
    printf(" protocol %d\n", value);

    struct sockaddr_nl a = {.nl_family = AF_NETLINK}, b = a;
    say("bind, short", bind(fd, (void *)&a, 8));
    a.nl_family = AF_INET;
    say("bind, another family", bind(fd, (void *)&a, sizeof a));
    a.nl_family = AF_NETLINK;
    say("bind", bind(fd, (void *)&a, sizeof a));
    size = sizeof a;
    say("getsockname", getsockname(fd, (void *)&a, &size));
    printf("  size %u, own number %d\n", size, a.nl_pid == (uint32_t)getpid());
    say("bind to another number", bind(fd, (void *)&(struct sockaddr_nl){AF_NETLINK, 0, 7, 0}, 12));
    say("bind to a taken one", bind(other, (void *)&a, sizeof a));
    say("bind the second", bind(other, (void *)&b, sizeof b));
    size = sizeof b;
    getsockname(other, (void *)&b, &size);
    printf("  another number %d\n", b.nl_pid != a.nl_pid && b.nl_pid != 0);
    say("getpeername", getpeername(fd, (void *)&b, &size));
    printf("  peer %u\n", b.nl_pid);
    say("listen", listen(fd, 1));
    say("shutdown", shutdown(fd, SHUT_WR));
    struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};
    printf("  poll %d %#x\n", poll(&p, 1, 0), (unsigned)p.revents);
    char byte;
    say("nothing there", recv(fd, &byte, 1, MSG_DONTWAIT));

    const uint16_t one = NLM_F_REQUEST, many = NLM_F_REQUEST | NLM_F_DUMP;
    const size_t generic = sizeof(struct rtgenmsg), link = sizeof(struct ifinfomsg);
    ask(fd, "all links", RTM_GETLINK, many, 0, NULL, link, a.nl_pid);
    ask(fd, "all links, asked shortly", RTM_GETLINK, many, 0, NULL, generic, a.nl_pid);
    ask(fd, "all addresses", RTM_GETADDR, many, 0, NULL, generic, a.nl_pid);
    ask(fd, "link by number", RTM_GETLINK, one, 1, NULL, link, a.nl_pid);
    ask(fd, "link by name", RTM_GETLINK, one, 0, "lo", link, a.nl_pid);
    ask(fd, "no such name", RTM_GETLINK, one, 0, "nowhere0", link, a.nl_pid);
    ask(fd, "no such number", RTM_GETLINK, one, 4711, NULL, link, a.nl_pid);
    ask(fd, "neither", RTM_GETLINK, one, 0, NULL, link, a.nl_pid);
    ask(fd, "acknowledged", RTM_GETLINK, one | NLM_F_ACK, 4711, NULL, link, a.nl_pid);
    ask(fd, "an empty one", RTM_GETLINK, one | NLM_F_ACK, 0, NULL, 0, a.nl_pid);
    ask(fd, "no request", RTM_GETLINK, NLM_F_ACK, 0, NULL, link, a.nl_pid);
    ask(fd, "an unknown type", 4000, one, 0, NULL, link, a.nl_pid);
    ask(fd, "a control message", NLMSG_NOOP, one | NLM_F_ACK, 0, NULL, 0, a.nl_pid);

    printf("parts\n");
    struct request q = {.head = {.nlmsg_len = NLMSG_LENGTH(link),
                                 .nlmsg_type = RTM_GETLINK,
                                 .nlmsg_flags = one,
                                 .nlmsg_seq = 99}};
    q.u.link.ifi_index = 1;
    say("send", send(fd, &q, q.head.nlmsg_len, 0));
    say("its size, looked at", recv(fd, &byte, 1, MSG_PEEK) == 1);
    printf("  longer than a byte %d\n", recv(fd, &byte, 1, MSG_PEEK | MSG_TRUNC) > 100);
    say("cut", recv(fd, &byte, 1, 0));
    say("nothing left", recv(fd, &byte, 1, MSG_DONTWAIT));
    q.head.nlmsg_len = 4000;
    say("a size that lies", send(fd, &q, NLMSG_LENGTH(link), 0));
    say("is not answered", recv(fd, &byte, 1, MSG_DONTWAIT));
    say("less than a header", send(fd, &q, 8, 0));
    say("is not answered", recv(fd, &byte, 1, MSG_DONTWAIT));
    close(fd);
    say("bound again", bind(other, (void *)&(struct sockaddr_nl){AF_NETLINK, 0, 0, 1}, 12));
    close(other);
}

int main(void)
{
    as_the_library_asks();
    message_by_message();
    fflush(stdout);
    const pid_t child = fork(); /* asks through its own process */
    if (child == 0) {
        as_the_library_asks();
        fflush(stdout);
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    printf("child %d\n", status);
    return 42;
}
