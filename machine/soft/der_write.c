/* SPDX-License-Identifier: Apache-2.0 */
/* The DER writer. Its input is the machine's own; nothing an adversary says comes through here. */
#include "der_write.h"

#include <string.h>

size_t der_begin(struct writer *w, uint8_t tag)
{
    writer_put(w, BYTES(&tag, 1));
    return w->size;
}

void der_end(struct writer *w, size_t mark)
{
    if (w->failed) {
        return;
    }
    size_t length = w->size - mark;
    uint8_t head[3] = {(uint8_t)length};
    size_t head_size = 1;
    if (length >= 0x100) {
        head[0] = 0x82;
        head[1] = (uint8_t)(length >> 8);
        head[2] = (uint8_t)length;
        head_size = 3;
    } else if (length >= 0x80) {
        head[0] = 0x81;
        head[1] = (uint8_t)length;
        head_size = 2;
    }
    if (length > 0xffff || w->capacity - w->size < head_size) {
        w->failed = true;
        return;
    }
    memmove(w->data + mark + head_size, w->data + mark, length);
    memcpy(w->data + mark, head, head_size);
    w->size += head_size;
}

void der_put(struct writer *w, uint8_t tag, struct bytes content)
{
    size_t mark = der_begin(w, tag);
    writer_put(w, content);
    der_end(w, mark);
}

void der_put_integer(struct writer *w, uint8_t tag, struct bytes magnitude)
{
    while (magnitude.size > 1 && magnitude.data[0] == 0) {
        magnitude = BYTES(magnitude.data + 1, magnitude.size - 1);
    }
    size_t mark = der_begin(w, tag);
    if (magnitude.data[0] & 0x80) {
        writer_be(w, 0, 1);
    }
    writer_put(w, magnitude);
    der_end(w, mark);
}

void der_put_small(struct writer *w, uint8_t tag, uint32_t value)
{
    uint8_t text[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                       (uint8_t)value};
    der_put_integer(w, tag, BYTES_OF(text));
}
