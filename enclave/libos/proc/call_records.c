/* SPDX-License-Identifier: Apache-2.0 */
/* See call_records.h. */
#include "proc/call_records.h"

#include <errno.h>

struct part_head {
    uint64_t message_size;
};
#define PART_MAX (SESSION_RECORD_MAX - sizeof(struct part_head))

int call_send(struct session *s, struct bytes message)
{
    const struct part_head head = {.message_size = message.size};
    size_t done = 0;
    do {
        size_t left = message.size - done, n = left < PART_MAX ? left : PART_MAX;
        int err = session_send(s, BYTES_OF(head), BYTES(message.data + done, n));
        if (err != 0) {
            return err;
        }
        done += n;
    } while (done < message.size);
    return 0;
}

/* The first record tells how long the message is; what fits into none is refused before it is
 * there. */
int call_receive(struct session *s, struct call_buffer *ret)
{
    struct part_head head;
    size_t n, size = 0;
    int err = call_buffer_room(ret, SESSION_RECORD_MAX);
    ret->size = 0;
    if (err == 0) {
        err = session_receive(s, ret->data, ret->room, &n);
    }
    if (err != 0) {
        return err;
    }
    for (;;) {
        uint8_t *at = ret->data + ret->size;
        if (n < sizeof head) {
            return -EINVAL;
        }
        memcpy(&head, at, sizeof head);
        n -= sizeof head;
        if ((size != 0 && head.message_size != size) || head.message_size > CALL_MESSAGE_MAX ||
            n > head.message_size - ret->size || n == 0) {
            return -EINVAL;
        }
        size = head.message_size;
        memmove(at, at + sizeof head, n);
        ret->size += n;
        if (ret->size == size) {
            return 0;
        }
        /* More follows: room for all of it and the head of one more record. */
        if (ret->room < size + SESSION_RECORD_MAX) {
            uint8_t *more = (uint8_t *)rt_realloc(ret->data, size + SESSION_RECORD_MAX);
            if (more == NULL) {
                return -ENOMEM;
            }
            ret->data = more;
            ret->room = size + SESSION_RECORD_MAX;
        }
        err = session_receive(s, ret->data + ret->size, ret->room - ret->size, &n);
        if (err != 0) {
            return err;
        }
    }
}
