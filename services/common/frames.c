/* SPDX-License-Identifier: Apache-2.0 */
#include "services/frames.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* How much came before the end of the stream, at most size. */
static ssize_t read_full(int fd, uint8_t *ret, size_t size)
{
    size_t got = 0;
    while (got < size) {
        ssize_t n = read(fd, ret + got, size - got);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        if (n == 0) {
            break;
        }
        got += (size_t)n;
    }
    return (ssize_t)got;
}

static int failed(ssize_t err, struct diag *d)
{
    return diag_fail(d, (int)err, "reading a message: %s", strerror((int)-err));
}

int frames_read(int fd, struct service_buffer *ret, struct diag *d)
{
    service_buffer_reset(ret);
    for (bool first = true;; first = false) {
        uint8_t head[4];
        ssize_t n = read_full(fd, head, sizeof head);
        if (n < 0) {
            return failed(n, d);
        }
        if (n == 0 && first) {
            return FRAMES_END;
        }
        size_t size = load_le32(head);
        if (n != sizeof head || size > FRAME_MAX) {
            return diag_fail(d, -EBADMSG, "a frame %s",
                             n != sizeof head ? "has no end" : "has more than 65536 bytes");
        }
        int err = service_buffer_reserve(ret, ret->size + size);
        if (err != 0) {
            return diag_fail(d, err,
                             err == -ENOMEM ? "no memory for a message of %zu bytes and more"
                                            : "a message of %zu bytes is too long",
                             ret->size + size);
        }
        n = size > 0 ? read_full(fd, ret->data + ret->size, size) : 0;
        if (n < 0) {
            return failed(n, d);
        }
        if ((size_t)n != size) {
            return diag_fail(d, -EBADMSG, "a frame has no end");
        }
        ret->size += size;
        if (size < FRAME_MAX) {
            return FRAMES_MESSAGE;
        }
    }
}

static int write_full(int fd, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        if (n > 0) {
            data += n;
            size -= (size_t)n;
        }
    }
    return 0;
}

int frames_write(int fd, struct bytes message, struct diag *d)
{
    if (message.size > SERVICE_BUFFER_MAX) {
        return diag_fail(d, -EMSGSIZE, "a message of %zu bytes is too long", message.size);
    }
    size_t size;
    do {
        size = message.size < FRAME_MAX ? message.size : FRAME_MAX;
        uint8_t head[4];
        store_le32(head, (uint32_t)size);
        int err = write_full(fd, head, sizeof head);
        err = err != 0 ? err : write_full(fd, message.data, size);
        if (err != 0) {
            return diag_fail(d, err, "writing a message: %s", strerror(-err));
        }
        message = BYTES(message.data + size, message.size - size);
    } while (size == FRAME_MAX);
    return 0;
}
