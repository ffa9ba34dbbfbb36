/* SPDX-License-Identifier: Apache-2.0 */
/* A server of several processes: connections that one of two workers accepts from a listener which
 * both inherited, and what of a connection is one thing for all who have it: its bytes and their
 * order, options, flags, shutdown, its end, which comes when the last of them has closed it; what
 * each has of its own: epoll sets of its own making, descriptors' numbers and flags; and signals
 * meanwhile. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MANY 200

static int step[2]; /* a process that has done its part tells the one that started it */
static int go[2];   /* and that one tells it to go on */

static void tell(const int *pipe)
{
    if (write(pipe[1], "x", 1) != 1) {
        printf("cannot tell\n");
    }
}

static void await(const int *pipe)
{
    char c;
    if (read(pipe[0], &c, 1) != 1) {
        printf("nobody tells\n");
    }
}

static void wait_for(pid_t pid)
{
    int status = -1;
    if (waitpid(pid, &status, 0) != pid || status != 0) {
        printf("status %x\n", status);
    }
}

static int listener(struct sockaddr_in *at)
{
    const int one = 1;
    socklen_t size = sizeof *at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)at, sizeof *at) != 0 || listen(fd, 64) != 0) {
        perror("listen");
    }
    getsockname(fd, (struct sockaddr *)at, &size);
    return fd;
}

static int connected(const struct sockaddr_in *to)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (const struct sockaddr *)to, sizeof *to) != 0) {
        perror("connect");
    }
    return fd;
}

static int accepted(int from)
{
    int fd;
    while ((fd = accept4(from, NULL, NULL, 0)) < 0 && errno == EAGAIN) {
        usleep(200);
    }
    return fd;
}

static const char *heard(int fd)
{
    static char text[64];
    ssize_t n = recv(fd, text, sizeof text - 1, 0);
    snprintf(text + (n > 0 ? n : 0), 32, "%s", n == 0 ? "(end)" : n < 0 ? strerror(errno) : "");
    return text;
}

/* ---- workers that answer whoever comes ----------------------------------------------------------
 */

static void serve(int listening, int set)
{
    struct epoll_event events[16];
    for (;;) {
        int n = epoll_wait(set, events, 16, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == listening) {
                struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET};
                e.data.fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK);
                if (e.data.fd >= 0) {
                    epoll_ctl(set, EPOLL_CTL_ADD, e.data.fd, &e);
                }
                continue;
            }
            char text[256];
            ssize_t got;
            while ((got = recv(fd, text, sizeof text, 0)) > 0) {
                for (ssize_t k = 0; k < got; k++) {
                    text[k] = (char)(text[k] ^ 0x20);
                }
                if (send(fd, text, (size_t)got, MSG_NOSIGNAL) != got) {
                    got = 0;
                    break;
                }
            }
            if (got == 0 || errno != EAGAIN) {
                close(fd);
            }
        }
    }
}

static void two_workers(void)
{
    struct sockaddr_in at;
    int fd = listener(&at), wrong = 0, clients[MANY];
    pid_t workers[2];
    for (int i = 0; i < 2; i++) {
        workers[i] = fork();
        if (workers[i] == 0) {
            struct epoll_event e = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.fd = fd};
            int set = epoll_create1(0);
            epoll_ctl(set, EPOLL_CTL_ADD, fd, &e);
            serve(fd, set);
        }
    }
    close(fd);
    for (int i = 0; i < MANY; i++) {
        clients[i] = connected(&at);
    }
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < MANY; i++) {
            char text[32];
            int n = snprintf(text, sizeof text, "client %d", i);
            wrong += send(clients[i], text, (size_t)n, 0) != n;
        }
        for (int i = 0; i < MANY; i++) {
            char text[32], want[32];
            int n = snprintf(text, sizeof text, "client %d", i);
            for (int k = 0; k < n; k++) {
                want[k] = (char)(text[k] ^ 0x20);
            }
            wrong += recv(clients[i], text, (size_t)n, MSG_WAITALL) != n ||
                     memcmp(text, want, (size_t)n) != 0;
        }
    }
    printf("%d clients of two workers: %d wrong answers\n", MANY, wrong);
    for (int i = 0; i < MANY; i++) {
        shutdown(clients[i], SHUT_WR);
    }
    for (int i = 0; i < MANY; i++) {
        wrong += strcmp(heard(clients[i]), "(end)") != 0;
        close(clients[i]);
    }
    printf("ends that did not come: %d\n", wrong);
    for (int i = 0; i < 2; i++) {
        int status = 0;
        kill(workers[i], SIGTERM);
        waitpid(workers[i], &status, 0);
        printf("worker ended by %d\n", WTERMSIG(status));
    }
    printf("nobody listens: %s\n",
           connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&at, sizeof at) == 0
               ? "connected"
               : strerror(errno));
}

/* ---- one connection, several processes ----------------------------------------------------------
 */

/* Who accepted it forks; parent and child have one description. */
static void one_for_two(int fd)
{
    const int on = 1, size = 4096;
    int value = 0;
    socklen_t length = sizeof value;
    struct timeval slow = {7, 0}, seen = {0, 0};
    char one[8];
    printf("first two: %zd\n", recv(fd, one, 2, 0));
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        printf("child reads on: %s\n", heard(fd));
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(fd, SOL_SOCKET, SO_SNDLOWAT, &size, sizeof size);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &slow, sizeof slow);
        fcntl(fd, F_SETFL, O_NONBLOCK);
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        send(fd, "from the child", 14, 0);
        fflush(stdout);
        close(fd);
        _exit(0);
    }
    wait_for(child);
    getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &length);
    length = sizeof seen;
    getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &seen, &length);
    printf("the child's options: %d %d; flags %s, %d\n", value, (int)seen.tv_sec,
           (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0 ? "nonblocking" : "blocking", fcntl(fd, F_GETFD));
    printf("nothing more: %zd", recv(fd, one, 1, 0));
    printf(" %s\n", strerror(errno));
    fcntl(fd, F_SETFL, 0);
    send(fd, ", from the parent", 17, 0);
}

/* A child closes its copy: the client sees no end. Then the parent shuts it down: it does. */
static void ends(int fd)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        close(fd);
        tell(step);
        await(go);
        _exit(0);
    }
    await(step);
    pid_t holder = fork();
    if (holder == 0) { /* has it still when it is shut down */
        tell(step);
        printf("holder: %s\n", heard(fd));
        printf("holder sends: %zd", send(fd, "x", 1, MSG_NOSIGNAL));
        printf(" %s\n", strerror(errno));
        fflush(stdout);
        _exit(0);
    }
    await(step);
    usleep(2000);
    shutdown(fd, SHUT_RDWR);
    wait_for(holder);
    tell(go);
    wait_for(child);
}

static void one_connection(void)
{
    struct sockaddr_in at;
    int fd = listener(&at);
    int client = connected(&at);
    if (send(client, "ab, and the rest", 16, 0) != 16) {
        printf("cannot send\n");
    }
    fflush(stdout);
    pid_t worker = fork();
    if (worker == 0) {
        int c = accepted(fd);
        close(client);
        one_for_two(c);
        ends(c);
        fflush(stdout);
        close(c);
        _exit(0);
    }
    char text[64];
    ssize_t n = recv(client, text, 31, MSG_WAITALL);
    wait_for(worker);
    printf("client: %.*s, then %s\n", (int)(n > 0 ? n : 0), text, heard(client));
    close(client);
    close(fd);
}

/* ---- readiness, in several processes ------------------------------------------------------------
 */

static unsigned ready(int set, int timeout)
{
    struct epoll_event e = {.events = 0};
    return epoll_wait(set, &e, 1, timeout) == 1 ? e.events : 0;
}

static void watched(void)
{
    struct sockaddr_in at;
    int fd = listener(&at), client = connected(&at), c = accepted(fd), set = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN | EPOLLET};
    char text[8];
    epoll_ctl(set, EPOLL_CTL_ADD, c, &e);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        struct epoll_event level = {.events = EPOLLIN};
        int own = epoll_create1(0);
        epoll_ctl(own, EPOLL_CTL_ADD, c, &level);
        printf("child: %x of its own", ready(own, 5000));
        printf(", again %x", ready(own, 0));
        printf(", the shared set %x", ready(set, 5000));
        printf(", and then %x\n", ready(set, 0));
        fflush(stdout);
        tell(step);
        await(go);
        _exit(0);
    }
    send(client, "news", 4, 0);
    await(step);
    printf("parent: the edge is %s", ready(set, 0) == 0 ? "gone" : "there");
    send(client, "more", 4, 0);
    printf(", the next %x", ready(set, 5000));
    printf(", bytes %zd\n", recv(c, text, 8, MSG_WAITALL));
    close(c); /* the child has it: the shared set goes on telling of it */
    send(client, "last", 4, 0);
    printf("closed here: %x\n", ready(set, 5000));
    tell(go);
    wait_for(child);
    printf("client: %s\n", heard(client));
    close(client);
    close(set);
    close(fd);
}

/* ---- handed on ----------------------------------------------------------------------------------
 */

static void send_fd(int over, int fd)
{
    char control[CMSG_SPACE(sizeof fd)] = {0};
    struct iovec byte = {(void *)"f", 1};
    struct msghdr m = {.msg_iov = &byte,
                       .msg_iovlen = 1,
                       .msg_control = control,
                       .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    if (sendmsg(over, &m, 0) != 1) {
        perror("sendmsg");
    }
}

static int receive_fd(int over)
{
    int fd = -1;
    char byte, control[CMSG_SPACE(sizeof fd)];
    struct iovec to = {&byte, 1};
    struct msghdr m = {
        .msg_iov = &to, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    if (recvmsg(over, &m, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&m) != NULL) {
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
    }
    return fd;
}

/* One worker accepts and reads a part, the other answers; the first has closed it meanwhile. */
static void handed_on(void)
{
    struct sockaddr_in at;
    int fd = listener(&at), pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    int client = connected(&at);
    send(client, "for the second", 14, 0);
    fflush(stdout);
    pid_t first = fork();
    if (first == 0) {
        char text[8] = "";
        int c = accepted(fd);
        close(client);
        printf("first: %zd", recv(c, text, 4, 0));
        printf(" %s\n", text);
        fflush(stdout);
        send_fd(pair[0], c);
        close(c);
        _exit(0);
    }
    wait_for(first);
    pid_t second = fork();
    if (second == 0) {
        close(client);
        int c = receive_fd(pair[1]);
        struct sockaddr_in from;
        socklen_t size = sizeof from;
        printf("second: %s, close-on-exec %d", heard(c), fcntl(c, F_GETFD));
        printf(", from %s\n", getpeername(c, (struct sockaddr *)&from, &size) == 0
                                  ? inet_ntoa(from.sin_addr)
                                  : strerror(errno));
        fflush(stdout);
        send(c, "answered", 8, 0);
        _exit(0);
    }
    wait_for(second);
    printf("client: %s", heard(client));
    printf(", %s\n", heard(client));
    close(client);
    close(fd);
    close(pair[0]);
    close(pair[1]);
}

/* ---- signals ------------------------------------------------------------------------------------
 */

static volatile sig_atomic_t signals;

static void count(int signo)
{
    (void)signo;
    signals++;
}

/* A worker that waits in recv() is interrupted, or goes on by itself; the connection does not
 * suffer. */
static void interrupted(void)
{
    struct sockaddr_in at;
    int fd = listener(&at), client = connected(&at);
    fflush(stdout);
    pid_t worker = fork();
    if (worker == 0) {
        struct sigaction a = {.sa_handler = count};
        int c = accepted(fd);
        close(client);
        sigaction(SIGUSR1, &a, NULL);
        a.sa_flags = SA_RESTART;
        sigaction(SIGUSR2, &a, NULL);
        tell(step);
        printf("worker: %s", heard(c));
        printf(" after %d\n", (int)signals);
        tell(step);
        printf("worker: %s", heard(c));
        printf(" after %d\n", (int)signals);
        fflush(stdout);
        _exit(0);
    }
    await(step);
    usleep(50000);
    kill(worker, SIGUSR1);
    await(step);
    usleep(50000);
    kill(worker, SIGUSR2);
    usleep(20000);
    send(client, "at last", 7, 0);
    wait_for(worker);
    printf("client: %s\n", heard(client));
    close(client);
    close(fd);
}

int main(void)
{
    if (pipe(step) != 0 || pipe(go) != 0) {
        return 1;
    }
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    two_workers();
    one_connection();
    watched();
    handed_on();
    interrupted();
    fflush(stdout);
    return 42;
}
