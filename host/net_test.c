/* SPDX-License-Identifier: Apache-2.0 */
/* The broker as an enclave process that was taken over would ask it: whatever is not on the
 * manifest's list is refused by the broker itself. */
#include "net.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/tap.h"

static int broker;

static struct net_address at(uint8_t last, uint16_t port)
{
    return (struct net_address){.ip = {[10] = 0xff, 0xff, 127, 0, 0, last}, .port = port};
}

/* The answer's error; a socket that comes goes to *ret_fd. */
static int ask(enum broker_op op, uint32_t kind, struct net_address a, int given, int *ret_fd)
{
    const struct broker_question q = {.op = op, .kind = kind, .backlog = 5, .address = a};
    struct broker_answer answer = {.error = 1};
    int fd = -1;
    if (host_net_send_fd(broker, &q, sizeof q, given) != sizeof q ||
        host_net_receive_fd(broker, &answer, sizeof answer, &fd) != sizeof answer) {
        return 1;
    }
    if (ret_fd != NULL) {
        *ret_fd = fd;
    } else if (fd >= 0) {
        close(fd);
    }
    return answer.error;
}

/* A port that somebody listens at, and the socket. */
static int listener(uint16_t *ret_port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, size) != 0 || listen(fd, 5) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &size) != 0) {
        return -1;
    }
    *ret_port = ntohs(a.sin_port);
    return fd;
}

static void test_listening(uint16_t listed, uint16_t other)
{
    int fd = -1, free_socket = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(ask(BROKER_BIND, NET_REUSE_ADDRESS, at(1, listed), -1, &fd) == 0 && fd >= 0,
          "a listed endpoint is bound");
    CHECK(ask(BROKER_LISTEN, 0, at(1, listed), fd, NULL) == 0, "and listened at");
    CHECK(ask(BROKER_BIND, 0, at(2, listed), -1, NULL) == -EACCES, "not at another address");
    CHECK(ask(BROKER_BIND, 0, at(1, other), -1, NULL) == -EACCES, "not at another port");
    CHECK(ask(BROKER_BIND, NET_UDP, at(1, listed), -1, NULL) == -EACCES,
          "not with another protocol");
    CHECK(ask(BROKER_BIND, 0, at(1, 0), -1, NULL) == -EACCES,
          "not at a port of the kernel's choice");
    CHECK(ask(BROKER_LISTEN, 0, at(1, listed), free_socket, NULL) == -EACCES,
          "a socket that is bound to nothing may not listen, whatever the question says");
    CHECK(ask(BROKER_LISTEN, 0, at(1, listed), -1, NULL) < 0, "nor may none");
    close(fd);
    close(free_socket);
}

static void test_connecting(uint16_t listed, uint16_t other)
{
    int fd = -1, own = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(ask(BROKER_CONNECT, 0, at(1, listed), -1, &fd) == 0 && fd >= 0,
          "a listed endpoint is connected to");
    CHECK(ask(BROKER_CONNECT, 0, at(1, other), -1, NULL) == -EACCES, "not another port");
    CHECK(ask(BROKER_CONNECT, 0, at(1, other), own, NULL) == -EACCES,
          "nor with a socket of one's own");
    CHECK(ask(BROKER_CONNECT, NET_UDP, at(1, listed), own, NULL) == 0,
          "a socket's own protocol counts, not what the question says");
    CHECK(ask(BROKER_CONNECT, NET_UDP, at(1, listed), -1, NULL) == -EACCES,
          "not with another protocol");
    CHECK(ask(BROKER_BIND, NET_UDP, at(1, 0), -1, NULL) == -EACCES,
          "nothing sends datagrams where none may go out");
    CHECK(ask((enum broker_op)7, 0, at(1, listed), -1, NULL) == -EINVAL, "nonsense is refused");
    close(fd);
    close(own);
}

int main(void)
{
    uint16_t ports[3] = {0};
    int fds[3], pair[2];
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        fds[i] = listener(&ports[i]);
    }
    static struct manifest m;
    m.listen_count = m.connect_count = 1;
    m.listen[0] = (struct manifest_endpoint){.prefix = 32, .first = ports[0], .last = ports[0]};
    memcpy(m.listen[0].ip, at(1, 0).ip, sizeof m.listen[0].ip);
    m.connect[0] = m.listen[0];
    m.connect[0].first = m.connect[0].last = ports[1];
    close(fds[0]); /* the one to listen at */
    CHECK(fds[0] >= 0 && fds[1] >= 0 && fds[2] >= 0 &&
              socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0,
          "there are sockets");
    pid_t pid = fork();
    if (pid == 0) {
        host_net_broker(pair[1], &m);
    }
    close(pair[1]);
    broker = pair[0];
    test_listening(ports[0], ports[2]);
    test_connecting(ports[1], ports[2]);
    int status = -1;
    close(broker);
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0,
          "it ends when nobody can ask any more");
    return tap_done();
}
