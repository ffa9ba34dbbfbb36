/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting to a listener that has no room for another connection, and what becomes of those who
 * wait: they are accepted in turn, refused when it ends, or go. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_in address;

static int listener(int backlog)
{
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    bind(fd, (struct sockaddr *)&address, sizeof address);
    getsockname(fd, (struct sockaddr *)&address, &size);
    listen(fd, backlog);
    return fd;
}

static const char *name_of(int r)
{
    return r == 0 ? "ok" : strerrorname_np(errno);
}

static int begin(const char **ret)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    *ret = name_of(connect(fd, (struct sockaddr *)&address, sizeof address));
    return fd;
}

static int ready(int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};
    poll(&p, 1, ms);
    return p.revents;
}

static int error_of(int fd)
{
    int error = -1;
    socklen_t size = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
}

static void in_turn(void)
{
    enum { MANY = 6 };
    int l = listener(1), fds[MANY], connected = 0;
    struct sockaddr_in peer;
    socklen_t size = sizeof peer;
    const char *said;
    for (int i = 0; i < MANY; i++) {
        fds[i] = begin(&said);
        printf("%s ", said);
        connected += (ready(fds[i], 20) & POLLOUT) != 0;
    }
    printf("\nconnected: %d\n", connected);
    int late = fds[MANY - 1];
    printf("one that waits: ready %x, error %d, again: %s, ", ready(late, 100), error_of(late),
           name_of(connect(late, (struct sockaddr *)&address, sizeof address)));
    printf("peer: %s, ", name_of(getpeername(late, (struct sockaddr *)&peer, &size)));
    printf("sends: %s, ", name_of(send(late, "x", 1, MSG_NOSIGNAL) == 1 ? 0 : -1));
    char c;
    printf("receives: %s\n", name_of(recv(late, &c, 1, 0) >= 0 ? 0 : -1));
    int accepted[MANY];
    for (int i = 0; i < MANY; i++) {
        accepted[i] = accept(l, NULL, NULL);
    }
    for (int i = 0; i < MANY; i++) {
        printf("%x %d %s %s ", ready(fds[i], 10000), error_of(fds[i]),
               name_of(getpeername(fds[i], (struct sockaddr *)&peer, &size)),
               name_of(send(fds[i], "y", 1, 0) == 1 ? 0 : -1));
        printf("%s\n", name_of(connect(fds[i], (struct sockaddr *)&address, sizeof address)));
    }
    int heard = 0;
    for (int i = 0; i < MANY; i++) {
        heard += recv(accepted[i], &c, 1, 0) == 1 && c == 'y';
        close(accepted[i]);
        close(fds[i]);
    }
    printf("heard: %d\n", heard);
    close(l);
}

static void *connects(void *result)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int r = connect(fd, (struct sockaddr *)&address, sizeof address);
    *(const char **)result = name_of(r);
    close(fd);
    return NULL;
}

/* Those who wait without O_NONBLOCK, for epoll, and one that goes. */
static void in_threads(void)
{
    int l = listener(0);
    const char *said, *results[3] = {NULL};
    int first = begin(&said), goes, stays, e = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET};
    pthread_t threads[3];
    ready(first, 1000);
    goes = begin(&said);
    stays = begin(&said);
    epoll_ctl(e, EPOLL_CTL_ADD, stays, &event);
    printf("epoll: %d\n", epoll_wait(e, &event, 1, 50));
    for (int i = 0; i < 3; i++) {
        pthread_create(&threads[i], NULL, connects, &results[i]);
    }
    usleep(50000);
    printf("waits: %d\n", results[0] == NULL);
    close(goes);
    for (int i = 0; i < 5; i++) {
        int a = accept(l, NULL, NULL);
        printf("accepted %d\n", a >= 0);
        close(a);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        printf("%s\n", results[i]);
    }
    printf("epoll: %d, can send: %d\n", epoll_wait(e, &event, 1, 10000),
           (event.events & EPOLLOUT) != 0);
    close(stays);
    close(first);
    close(e);
    close(l);
}

static void refused(void)
{
    int l = listener(0);
    const char *said;
    int first = begin(&said), second = begin(&said);
    ready(first, 1000);
    int waits = ready(second, 50) == 0 ? second : first;
    close(l);
    printf("refused: %d", (ready(waits, 10000) & POLLERR) != 0);
    printf(" %s\n", strerrorname_np(error_of(waits)));
    close(first);
    close(second);
}

/* A Unix socket says at once that there is no room, or waits. */
static void *connects_by_name(void *result)
{
    const struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0backlog"};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    *(const char **)result = name_of(connect(fd, (struct sockaddr *)&name, sizeof name));
    close(fd);
    return NULL;
}

static void by_name(void)
{
    const struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0backlog"};
    int l = socket(AF_UNIX, SOCK_STREAM, 0), fds[4];
    const char *result = NULL;
    pthread_t thread;
    bind(l, (struct sockaddr *)&name, sizeof name);
    listen(l, 1);
    for (int i = 0; i < 4; i++) {
        fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        printf("%s ", name_of(connect(fds[i], (struct sockaddr *)&name, sizeof name)));
    }
    pthread_create(&thread, NULL, connects_by_name, &result);
    usleep(50000);
    printf("waits: %d ", result == NULL);
    close(accept(l, NULL, NULL));
    pthread_join(thread, NULL);
    printf("%s\n", result);
    result = NULL;
    pthread_create(&thread, NULL, connects_by_name, &result);
    usleep(50000);
    close(l);
    pthread_join(thread, NULL);
    printf("its listener goes: %s\n", result);
    for (int i = 0; i < 4; i++) {
        close(fds[i]);
    }
}

int main(void)
{
    in_turn();
    in_threads();
    refused();
    by_name();
    fflush(stdout);
    return 42;
}
