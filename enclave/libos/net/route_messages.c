/* SPDX-License-Identifier: Apache-2.0 */
#include "route_messages.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "loopback.h"

/* linux/netlink.h, linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h */
enum { DONE = 3, ERROR = 2, FIRST_REQUEST = 16, LAST_REQUEST = 123 };
enum { NEW_LINK = 16, GET_LINK = 18, NEW_ADDRESS = 20, GET_ADDRESS = 22 };
enum { IS_REQUEST = 1, OF_MANY = 2, WANTS_ACK = 4, DUMP = 0x300, CAPPED = 0x100 };
enum { KIND_GET = 2 }; /* of a type's last two bits */
enum {
    LINK_ADDRESS = 1,
    LINK_BROADCAST = 2,
    LINK_NAME = 3,
    LINK_MTU = 4,
    LINK_QDISC = 6,
    LINK_QUEUE = 13,
    LINK_STATE = 16,
    LINK_MODE = 17
};
enum {
    ADDRESS_ADDRESS = 1,
    ADDRESS_LOCAL = 2,
    ADDRESS_LABEL = 3,
    ADDRESS_CACHE = 6,
    ADDRESS_FLAGS = 8
};

#define FAMILY_4   2 /* AF_INET */
#define FAMILY_6   10
#define LOWER_UP   0x10000u
#define SCOPE_HOST 254
#define PERMANENT  0x80u

struct header {
    uint32_t size;
    uint16_t type, flags;
    uint32_t sequence, port;
};

struct link {
    uint8_t family, pad;
    uint16_t hardware;
    int32_t number;
    uint32_t flags, change;
};

struct address {
    uint8_t family, prefix, flags, scope;
    uint32_t number;
};

struct answering {
    struct header request;
    uint32_t port;
    bool may_change, full;
    route_put put;
    void *context;
};

static const char loopback[] = LOOPBACK_NAME;

#define ANSWER_MAX 512 /* of either link or all addresses */

static void pad(struct writer *w)
{
    static const uint8_t zeros[4];
    writer_put(w, BYTES(zeros, (4 - w->size % 4) % 4));
}

static void attribute(struct writer *w, uint16_t type, const void *value, size_t size)
{
    const uint16_t head[2] = {(uint16_t)(sizeof head + size), type};
    writer_put(w, BYTES_OF(head));
    writer_put(w, BYTES(value, size));
    pad(w);
}

static void attribute_u32(struct writer *w, uint16_t type, uint32_t value)
{
    attribute(w, type, &value, sizeof value);
}

/* Returns where it starts; its size is filled in at the end. */
static size_t start(struct writer *w, const struct answering *a, uint16_t type, uint16_t flags)
{
    const struct header h = {
        .type = type, .flags = flags, .sequence = a->request.sequence, .port = a->port};
    size_t at = w->size;
    writer_put(w, BYTES_OF(h));
    return at;
}

static void end(struct writer *w, size_t started)
{
    const uint32_t size = (uint32_t)(w->size - started);
    memcpy(w->data + started, &size, sizeof size);
}

static void send(struct answering *a, const struct writer *w)
{
    a->full = a->full || w->failed || !a->put(a->context, w->data, w->size);
}

static void put_link(struct writer *w, const struct answering *a, uint16_t flags)
{
    const struct link l = {.hardware = LOOPBACK_HARDWARE,
                           .number = LOOPBACK_NUMBER,
                           .flags = LOOPBACK_FLAGS | LOWER_UP};
    static const uint8_t none[6];
    size_t at = start(w, a, NEW_LINK, flags);
    writer_put(w, BYTES_OF(l));
    attribute(w, LINK_NAME, loopback, sizeof loopback);
    attribute_u32(w, LINK_QUEUE, LOOPBACK_QUEUE);
    attribute(w, LINK_STATE, none, 1); /* unknown, as Linux has it for the loopback */
    attribute(w, LINK_MODE, none, 1);
    attribute_u32(w, LINK_MTU, LOOPBACK_MTU);
    attribute(w, LINK_ADDRESS, none, sizeof none);
    attribute(w, LINK_BROADCAST, none, sizeof none);
    attribute(w, LINK_QDISC, "noqueue", sizeof "noqueue");
    end(w, at);
}

static void put_address(struct writer *w, const struct answering *a, uint8_t family)
{
    static const uint8_t four[4] = {127, 0, 0, 1};
    static const uint8_t six[16] = {[15] = 1};
    static const uint32_t cache[4] = {UINT32_MAX, UINT32_MAX, 0, 0}; /* for ever; since the start */
    const struct address head = {.family = family,
                                 .prefix = family == FAMILY_4 ? 8 : 128,
                                 .flags = PERMANENT,
                                 .scope = SCOPE_HOST,
                                 .number = LOOPBACK_NUMBER};
    size_t at = start(w, a, NEW_ADDRESS, OF_MANY);
    writer_put(w, BYTES_OF(head));
    if (family == FAMILY_4) {
        attribute(w, ADDRESS_ADDRESS, four, sizeof four);
        attribute(w, ADDRESS_LOCAL, four, sizeof four);
        attribute(w, ADDRESS_LABEL, loopback, sizeof loopback);
    } else {
        attribute(w, ADDRESS_ADDRESS, six, sizeof six);
    }
    attribute(w, ADDRESS_CACHE, cache, sizeof cache);
    attribute_u32(w, ADDRESS_FLAGS, PERMANENT);
    end(w, at);
}

/* All there are, then the end of them, in a datagram of its own as Linux sends it. */
static void dump(struct answering *a, uint16_t type, uint8_t family)
{
    uint8_t data[ANSWER_MAX];
    struct writer w = writer_of(data, sizeof data);
    if (type == GET_LINK) {
        put_link(&w, a, OF_MANY);
    } else {
        if (family != FAMILY_6) {
            put_address(&w, a, FAMILY_4);
        }
        if (family != FAMILY_4) {
            put_address(&w, a, FAMILY_6);
        }
    }
    send(a, &w);
    w = writer_of(data, sizeof data);
    static const uint32_t fine;
    size_t at = start(&w, a, DONE, OF_MANY);
    writer_put(&w, BYTES_OF(fine));
    end(&w, at);
    send(a, &w);
}

/* Is the link that a request names the one that there is? 0, or -EINVAL: it names none. */
static int names_loopback(struct bytes payload)
{
    struct link l;
    struct cursor c = cursor_of(payload);
    struct bytes head = cursor_take(&c, sizeof l);
    if (!cursor_ok(&c)) {
        return -EINVAL;
    }
    memcpy(&l, head.data, sizeof l);
    if (l.number > 0) {
        return l.number == LOOPBACK_NUMBER ? 0 : -ENODEV;
    }
    while (c.rest.size >= 4) {
        uint16_t size = cursor_le16(&c), type = cursor_le16(&c);
        struct bytes value = cursor_take(&c, size < 4 ? SIZE_MAX : size - 4u);
        if (!cursor_ok(&c)) {
            break;
        }
        if (type == LINK_NAME) {
            bool same = bytes_equal(value, BYTES_OF(loopback)) ||
                        bytes_equal(value, BYTES(loopback, sizeof loopback - 1));
            return same ? 0 : -ENODEV;
        }
        size_t over = (4 - size % 4) % 4;
        ignore_result(cursor_take(&c, over < c.rest.size ? over : c.rest.size).size, "padding");
    }
    return -EINVAL;
}

/* What rtnetlink_rcv_msg() returns. *ret_answered: what was sent is the whole answer. */
static int request(struct answering *a, struct bytes payload, bool *ret_answered)
{
    const uint16_t type = a->request.type;
    if (type > LAST_REQUEST) {
        return -EOPNOTSUPP;
    }
    if (payload.size == 0) {
        return 0;
    }
    if ((type & 3) != KIND_GET && !a->may_change) {
        return -EPERM;
    }
    bool many = (a->request.flags & DUMP) != 0;
    if ((type == GET_LINK || type == GET_ADDRESS) && many) {
        dump(a, type, payload.data[0]);
        *ret_answered = true;
        return 0;
    }
    if (type != GET_LINK) {
        return -EOPNOTSUPP;
    }
    int err = names_loopback(payload);
    if (err == 0) {
        uint8_t data[ANSWER_MAX];
        struct writer w = writer_of(data, sizeof data);
        put_link(&w, a, 0);
        send(a, &w);
    }
    return err;
}

/* How a request ended, with all of it where that is not well. */
static void acknowledge(struct answering *a, int32_t err, struct bytes whole)
{
    uint8_t data[sizeof(struct header) + sizeof err + ROUTE_REQUEST_MAX];
    struct writer w = writer_of(data, sizeof data);
    size_t at = start(&w, a, ERROR, err == 0 ? CAPPED : 0);
    writer_put(&w, BYTES_OF(err));
    writer_put(&w, err == 0 ? BYTES_OF(a->request) : whole);
    end(&w, at);
    send(a, &w);
}

void route_answer(const void *requests, size_t size, uint32_t port, bool may_change, route_put put,
                  void *context)
{
    struct bytes rest = BYTES(requests, size < ROUTE_REQUEST_MAX ? size : ROUTE_REQUEST_MAX);
    struct answering a = {.port = port, .may_change = may_change, .put = put, .context = context};
    while (rest.size >= sizeof a.request && !a.full) {
        memcpy(&a.request, rest.data, sizeof a.request);
        if (a.request.size < sizeof a.request || a.request.size > rest.size) {
            return;
        }
        bool answered = false;
        int err = 0;
        if ((a.request.flags & IS_REQUEST) != 0 && a.request.type >= FIRST_REQUEST) {
            err =
                request(&a, BYTES(rest.data + sizeof a.request, a.request.size - sizeof a.request),
                        &answered);
        }
        if (!answered && (err != 0 || (a.request.flags & WANTS_ACK) != 0)) {
            acknowledge(&a, err, BYTES(rest.data, a.request.size));
        }
        size_t step = (a.request.size + 3u) & ~(size_t)3;
        step = step < rest.size ? step : rest.size;
        rest = BYTES(rest.data + step, rest.size - step);
    }
}
