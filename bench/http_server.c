/* SPDX-License-Identifier: Apache-2.0 */
/* A small HTTP server on epoll, one thread, connections kept alive: what is measured is the way of
 * bytes in and out, not the server.
 *
 *     http-server PORT */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\n"
                             "hello, world\n";

/* Requests of wrk arrive whole: one answer for each blank line. */
static int answer_all(int fd)
{
    char request[4096];
    ssize_t n = recv(fd, request, sizeof request, 0);
    if (n <= 0) {
        return n < 0 && errno == EAGAIN ? 0 : -1;
    }
    for (const char *at = request, *end = request + n; at != NULL && at < end;) {
        at = memmem(at, (size_t)(end - at), "\r\n\r\n", 4);
        if (at != NULL) {
            at += 4;
            if (send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL) != sizeof answer - 1) {
                return -1;
            }
        }
    }
    return 0;
}

static int listen_at(int port)
{
    const struct sockaddr_in a = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(fd, (const struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 511) != 0) {
        perror("http-server");
        exit(EXIT_FAILURE);
    }
    return fd;
}

static void accept_all(int listener, int epoll)
{
    const int one = 1;
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
        if (fd < 0) {
            return;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) != 0) {
            close(fd);
        }
    }
}

int main(int argc, char **argv)
{
    int listener = listen_at(argc > 1 ? (int)strtol(argv[1], NULL, 10) : 8080);
    int epoll = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN, .data.fd = listener}, events[64];
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e) != 0) {
        return EXIT_FAILURE;
    }
    for (;;) {
        int n = epoll_wait(epoll, events, 64, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == listener) {
                accept_all(listener, epoll);
            } else if (answer_all(events[i].data.fd) != 0) {
                close(events[i].data.fd);
            }
        }
    }
}
