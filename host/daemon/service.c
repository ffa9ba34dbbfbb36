/* SPDX-License-Identifier: Apache-2.0 */
#include "service.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "event.h"

#define FRAME_MAX  65536u /* one of this size goes on in the next */
#define FIRST_ROOM 4096u

int service_start(struct children *children, enum child_kind kind, const char *const argv[],
                  const char *what, struct service *ret, struct diag *d)
{
    struct service s = {0};
    int r = child_start(children, kind, argv, what, &s.child, d);
    if (r == 0) {
        *ret = s;
    }
    return r;
}

void service_end(struct service *s, int grace_ms)
{
    child_end(s->child, s->broken ? 0 : grace_ms);
    *s = (struct service){0};
}

bool service_ok(struct service *s)
{
    return s->child != NULL && !s->broken && !child_ended(s->child);
}

static int give_up(struct service *s, int error, struct diag *d)
{
    s->broken = true;
    const char *why = error == -ETIMEDOUT  ? "it did not answer in time"
                      : error == -EPIPE    ? "it has ended"
                      : error == -EPROTO   ? "its frames are out of step"
                      : error == -EMSGSIZE ? "its answer is too long"
                                           : strerror(-error);
    return diag_fail(d, error, "%s: %s", s->child != NULL ? child_what(s->child) : "the service",
                     why);
}

/* 0 when the descriptor is ready, or the time is over. */
static int ready(int fd, short events, int64_t deadline)
{
    for (;;) {
        int64_t left = deadline - now_ms();
        if (left <= 0) {
            return -ETIMEDOUT;
        }
        struct pollfd p = {.fd = fd, .events = events};
        int n = poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left);
        if (n > 0) {
            return 0;
        }
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
    }
}

static int write_all(int fd, struct bytes data, int64_t deadline)
{
    while (data.size > 0) {
        ssize_t n = write(fd, data.data, data.size);
        if (n > 0) {
            data = BYTES(data.data + n, data.size - (size_t)n);
        } else if (errno == EAGAIN) {
            int r = ready(fd, POLLOUT, deadline);
            if (r != 0) {
                return r;
            }
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

static int read_all(int fd, uint8_t *data, size_t size, int64_t deadline)
{
    while (size > 0) {
        ssize_t n = read(fd, data, size);
        if (n > 0) {
            data += n;
            size -= (size_t)n;
        } else if (n == 0) {
            return -EPIPE;
        } else if (errno == EAGAIN) {
            int r = ready(fd, POLLIN, deadline);
            if (r != 0) {
                return r;
            }
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

int service_send(struct service *s, struct bytes message, int64_t deadline, struct diag *d)
{
    if (!service_ok(s)) {
        return give_up(s, -EPIPE, d);
    }
    uint8_t *frame = malloc(4 + FRAME_MAX);
    int r = frame == NULL ? -ENOMEM : 0;
    for (bool more = true; more && r == 0;) {
        size_t n = message.size < FRAME_MAX ? message.size : FRAME_MAX;
        store_le32(frame, (uint32_t)n);
        if (n > 0) {
            memcpy(frame + 4, message.data, n);
            message = BYTES(message.data + n, message.size - n);
        }
        r = write_all(child_in(s->child), BYTES(frame, 4 + n), deadline);
        more = n == FRAME_MAX;
    }
    free(frame);
    return r == 0 ? 0 : give_up(s, r, d);
}

/* Room for so many bytes more. */
static int grow(uint8_t **data, size_t *room, size_t used, size_t more)
{
    size_t wanted = *room > 0 ? *room : FIRST_ROOM;
    while (wanted - used < more) {
        wanted *= 2; /* used and more are bounded by a message, so this never overflows */
    }
    uint8_t *bigger = wanted == *room ? *data : realloc(*data, wanted);
    if (bigger == NULL) {
        return -ENOMEM;
    }
    *data = bigger;
    *room = wanted;
    return 0;
}

int service_receive(struct service *s, size_t max, int64_t deadline, struct bytes *ret,
                    struct diag *d)
{
    uint8_t head[4], *data = NULL;
    size_t room = 0, used = 0, n = FRAME_MAX;
    int r = s->child == NULL || s->broken ? -EPIPE : 0;
    while (n == FRAME_MAX && r == 0) {
        r = read_all(child_out(s->child), head, sizeof head, deadline);
        if (r != 0) {
            break;
        }
        n = load_le32(head);
        r = n > FRAME_MAX ? -EPROTO : n > max - used ? -EMSGSIZE : grow(&data, &room, used, n + 1);
        r = r != 0 ? r : read_all(child_out(s->child), data + used, n, deadline);
        used += r == 0 ? n : 0;
    }
    if (r != 0) {
        free(data);
        return give_up(s, r, d);
    }
    *ret = BYTES(data, used);
    return 0;
}

void answer_free(struct answer *a)
{
    free((void *)(uintptr_t)a->message.data);
    *a = (struct answer){.kind = WIRE_RECORDS};
}

static int send_record(struct service *s, enum wire_record send, const void *record,
                       int64_t deadline, struct diag *d)
{
    uint8_t *memory = malloc(WIRE_RECORD_MAX); /* what is not touched costs nothing */
    if (memory == NULL) {
        return diag_fail(d, -ENOMEM, "no memory for a message");
    }
    struct writer w = writer_of(memory, WIRE_RECORD_MAX);
    int r = wire_write(send, record, &w, d);
    r = r != 0 ? r : service_send(s, BYTES(w.data, w.size), deadline, d);
    free(memory);
    return r;
}

int service_ask(struct service *s, enum wire_record send, const void *record, int timeout_ms,
                enum wire_record want, void *ret, struct answer *answer, struct diag *d)
{
    int64_t deadline = now_ms() + timeout_ms;
    *answer = (struct answer){.kind = WIRE_RECORDS};
    int r = send_record(s, send, record, deadline, d);
    r = r != 0 ? r : service_receive(s, WIRE_RECORD_MAX, deadline, &answer->message, d);
    if (r != 0) {
        return r;
    }
    answer->kind = wire_peek(answer->message);
    if (answer->kind == want) {
        r = wire_read(want, answer->message, ret, d);
        return r == 0 ? 0 : give_up(s, -EPROTO, d);
    }
    if (answer->kind == WIRE_refused &&
        wire_read_refused(answer->message, &answer->refused, d) == 0) {
        return diag_fail(
            d, -EACCES, "%s: %s%s%.*s", child_what(s->child),
            wire_code_explain(answer->refused.code), answer->refused.sentence.size > 0 ? ": " : "",
            (int)answer->refused.sentence.size, (const char *)answer->refused.sentence.data);
    }
    return give_up(s, -EPROTO, d);
}
