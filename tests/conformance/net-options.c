/* SPDX-License-Identifier: Apache-2.0 */
/* Options of sockets that servers and resolvers set: what they are at first, and once they are set.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void show(int family, int type, const char *name, int level, int option, int value)
{
    int fd = socket(family, type, 0), was = -1, is = -1;
    socklen_t size = sizeof was;
    errno = 0;
    int r = getsockopt(fd, level, option, &was, &size);
    printf("%s %d/%d: %s %d (%u)", name, family, type, r == 0 ? "ok" : strerrorname_np(errno),
           size > 0 ? was : 0, size);
    if (value >= -1) {
        r = setsockopt(fd, level, option, &value, sizeof value);
        printf(", set to %d: %s", value, r == 0 ? "ok" : strerrorname_np(errno));
        size = sizeof is;
        getsockopt(fd, level, option, &is, &size);
        printf(", %d", is);
    }
    printf("\n");
    close(fd);
}
#define SHOW(family, type, level, option, value) show(family, type, #option, level, option, value)

int main(void)
{
    const int four = AF_INET, six = AF_INET6, tcp = SOCK_STREAM, udp = SOCK_DGRAM;
    SHOW(four, tcp, SOL_SOCKET, SO_DONTROUTE, 1);
    SHOW(four, udp, SOL_SOCKET, SO_PRIORITY, 3);
    SHOW(four, udp, SOL_SOCKET, SO_PRIORITY, 0);
    SHOW(four, tcp, SOL_SOCKET, SO_BINDTODEVICE, -2);
    SHOW(four, tcp, SOL_IP, IP_OPTIONS, -2);
    SHOW(four, udp, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
    SHOW(four, udp, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
    SHOW(four, udp, SOL_IP, IP_MTU_DISCOVER, 6);
    SHOW(six, udp, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
    SHOW(six, udp, SOL_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
    SHOW(four, udp, SOL_IPV6, IPV6_MTU_DISCOVER, 1);
    SHOW(four, udp, SOL_IP, IP_RECVERR, 1); /* the C library's resolver does */
    SHOW(six, udp, SOL_IPV6, IPV6_RECVERR, 1);
    SHOW(four, tcp, SOL_IP, IP_FREEBIND, 1);
    SHOW(four, tcp, SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    SHOW(four, tcp, SOL_TCP, TCP_SYNCNT, 2);
    SHOW(four, tcp, SOL_TCP, TCP_SYNCNT, 0);
    SHOW(four, tcp, SOL_TCP, TCP_LINGER2, 10);
    SHOW(four, tcp, SOL_TCP, TCP_QUICKACK, 0);
    SHOW(six, tcp, SOL_TCP, TCP_QUICKACK, 1);
    SHOW(four, tcp, SOL_TCP, TCP_FASTOPEN, 0);
    SHOW(four, tcp, SOL_TCP, TCP_NOTSENT_LOWAT, 16384);
    SHOW(four, udp, SOL_TCP, TCP_QUICKACK, 1);
    SHOW(AF_UNIX, tcp, SOL_SOCKET, SO_PRIORITY, 2);
    SHOW(AF_UNIX, tcp, SOL_IP, IP_RECVERR, 1);

    char room[8];
    int fd = socket(AF_INET, SOCK_DGRAM, 0), one = 1;
    setsockopt(fd, SOL_IP, IP_RECVERR, &one, sizeof one);
    ssize_t n = recv(fd, room, sizeof room, MSG_ERRQUEUE | MSG_DONTWAIT);
    printf("queued errors: %zd %s\n", n, n < 0 ? strerrorname_np(errno) : "");
    fflush(stdout);
    return 42;
}
