/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that come with the news of them, as the enclave asks for it: once for each arming, in order
 * with those that it fetches, and never lost without the other end being told. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "enclave.h"
#include "net.h"
#include "tests/tap.h"

static struct hostcall_slot slot;
static struct host_thread thread = {.slot = &slot};
static struct net_address there = {.ip = {[10] = 0xff, 0xff, 127, 0, 0, 1}};
static int listener;

static int64_t call(unsigned number, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                    struct bytes data)
{
    slot.number = number;
    slot.args[0] = a;
    slot.args[1] = b;
    slot.args[2] = c;
    slot.args[3] = d;
    slot.to_size = data.size;
    memcpy(slot.data, data.data != NULL ? data.data : slot.data, data.size);
    return host_net_serve(&thread, &slot);
}

/* The enclave's socket of that number, and whom it is connected with. */
static int connected(uint32_t number)
{
    int64_t r = call(HOSTCALL_net_connect, number, 0, 0, 0, BYTES_OF(there));
    int peer = r > 0 ? accept(listener, NULL, NULL) : -1;
    const struct timeval limit = {10, 0};
    CHECK(peer >= 0 && setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0,
          "socket %u is connected", number);
    return peer;
}

/* Looks until there is news of bytes or an end, and takes the first record. */
static struct net_event look(uint32_t number, uint32_t received, bool arms)
{
    const struct net_arm a = {number, received};
    struct net_event e = {0};
    for (int i = 0; i < 100000; i++) {
        int64_t r =
            call(HOSTCALL_net_wait, 0, 0, 0, 0, arms && i == 0 ? BYTES_OF(a) : BYTES(NULL, 0));
        if (r >= (int64_t)sizeof e) {
            memcpy(&e, slot.data, sizeof e);
            if ((e.events & ~NET_OUT) != 0) {
                return e;
            }
        }
    }
    return (struct net_event){0};
}

static bool brings(struct net_event e, const char *text)
{
    return (e.events & NET_BROUGHT) != 0 && e.brought == (int)strlen(text) &&
           memcmp(slot.data + sizeof e, text, strlen(text)) == 0;
}

static int64_t receive(uint32_t number, uint32_t brought)
{
    return call(HOSTCALL_net_receive, number, 100, 0, brought, BYTES(NULL, 0));
}

static bool sends(int peer, const char *text)
{
    return send(peer, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

static void test_order(void)
{
    int peer = connected(3);
    CHECK(sends(peer, "one") && (look(3, 0, false).events & (NET_BROUGHT | NET_IN)) == NET_IN,
          "of whom nothing may be received, nothing is brought");
    CHECK(receive(3, 0) == 3 && memcmp(slot.data, "one", 3) == 0, "it is fetched");
    CHECK(sends(peer, "two") && (look(3, 0, true).events & (NET_BROUGHT | NET_IN)) == NET_IN &&
              receive(3, 0) == 3,
          "an arming that was overtaken does not count");
    CHECK(receive(3, 0) == -EAGAIN && sends(peer, "three") && brings(look(3, 2, true), "three"),
          "an armed stream's bytes come with the news");
    CHECK(sends(peer, "four") && (look(3, 0, false).events & (NET_BROUGHT | NET_IN)) == NET_IN,
          "once");
    CHECK(receive(3, 0) == -EAGAIN, "what was brought comes before what is fetched");
    CHECK(receive(3, 1) == 4 && memcmp(slot.data, "four", 4) == 0, "which waits for it");
    CHECK(shutdown(peer, SHUT_WR) == 0 && (look(3, 3, true).events & NET_BROUGHT) == 0 &&
              receive(3, 1) == 0,
          "an end is told, and not brought");
    CHECK(call(HOSTCALL_net_close, 3, 1, 0, 0, BYTES(NULL, 0)) == 0 && recv(peer, &peer, 1, 0) == 0,
          "it is closed");
    close(peer);
}

static void test_much(void)
{
    static char much[2 * NET_BROUGHT_MAX];
    int peer = connected(4);
    const struct net_arm a = {4, 0};
    ignore_result(call(HOSTCALL_net_wait, 0, 0, 0, 0, BYTES_OF(a)), "nothing happened yet");
    CHECK(send(peer, much, sizeof much, MSG_NOSIGNAL) == sizeof much &&
              look(4, 0, false).brought == NET_BROUGHT_MAX,
          "no more is brought than there is room for");
    CHECK(receive(4, 1) == 100, "the rest is fetched");
    call(HOSTCALL_net_close, 4, 1, 0, 0, BYTES(NULL, 0));
    close(peer);
}

static void test_lost(void)
{
    char byte;
    int peer = connected(5);
    CHECK(sends(peer, "x") && brings(look(5, 0, true), "x") &&
              call(HOSTCALL_net_close, 5, 0, 0, 0, BYTES(NULL, 0)) == 0 &&
              recv(peer, &byte, 1, 0) < 0 && errno == ECONNRESET,
          "a socket that is closed while bytes are on their way is reset: nobody read them");
    close(peer);
    peer = connected(5 + NET_SOCKETS_MAX);
    CHECK(sends(peer, "y") && (look(5 + NET_SOCKETS_MAX, 0, false).events & NET_BROUGHT) == 0 &&
              receive(5 + NET_SOCKETS_MAX, 0) == 1,
          "its successor begins anew");
    close(peer);
}

int main(void)
{
    static struct manifest m;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof a;
    struct host_net net;
    struct diag d = {0};
    listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(listener >= 0 && bind(listener, (struct sockaddr *)&a, size) == 0 &&
              listen(listener, 5) == 0 && getsockname(listener, (struct sockaddr *)&a, &size) == 0,
          "somebody listens");
    there.port = ntohs(a.sin_port);
    m.connect_count = 1;
    m.connect[0] =
        (struct manifest_endpoint){.prefix = 32, .first = there.port, .last = there.port};
    memcpy(m.connect[0].ip, there.ip, sizeof there.ip);
    CHECK(host_net_open(&m, &net, &d) == 0 && host_net_start(&net, &d) == 0, "there is a network");
    test_order();
    test_much();
    test_lost();
    host_net_close(&net);
    return tap_done();
}
