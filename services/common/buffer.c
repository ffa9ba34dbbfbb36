/* SPDX-License-Identifier: Apache-2.0 */
#include "services/buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int service_buffer_reserve(struct service_buffer *b, size_t capacity)
{
    if (capacity <= b->capacity) {
        return 0;
    }
    if (capacity > SERVICE_BUFFER_MAX) {
        return -EMSGSIZE;
    }
    size_t grown = b->capacity > 0 ? b->capacity : SERVICE_BUFFER_KEPT;
    while (grown < capacity) {
        grown *= 2;
    }
    grown = grown < SERVICE_BUFFER_MAX ? grown : SERVICE_BUFFER_MAX;
    uint8_t *data = malloc(grown); /* realloc would leave the old bytes behind */
    if (data == NULL) {
        return -ENOMEM;
    }
    if (b->size > 0) {
        memcpy(data, b->data, b->size);
    }
    size_t size = b->size;
    service_buffer_done(b);
    *b = (struct service_buffer){data, size, grown};
    return 0;
}

void service_buffer_reset(struct service_buffer *b)
{
    if (b->capacity > SERVICE_BUFFER_KEPT) {
        service_buffer_done(b);
    } else if (b->data != NULL) {
        secure_zero(b->data, b->capacity);
    }
    b->size = 0;
}

void service_buffer_done(struct service_buffer *b)
{
    if (b->data != NULL) {
        secure_zero(b->data, b->capacity);
        free(b->data);
    }
    *b = (struct service_buffer){0};
}

int service_answer(enum wire_record which, const void *record, struct service_buffer *ret,
                   struct diag *d)
{
    service_buffer_reset(ret);
    for (size_t wanted = SERVICE_BUFFER_KEPT;; wanted *= 2) {
        wanted = wanted < SERVICE_BUFFER_MAX ? wanted : SERVICE_BUFFER_MAX;
        int err = service_buffer_reserve(ret, wanted);
        if (err != 0) {
            return diag_fail(d, err, "no memory for an answer of %zu bytes", wanted);
        }
        struct writer out = writer_of(ret->data, ret->capacity);
        err = wire_write(which, record, &out, d);
        if (err != -ENOSPC || ret->capacity == SERVICE_BUFFER_MAX) {
            ret->size = err == 0 ? out.size : 0;
            return err;
        }
    }
}

int service_refuse(enum wire_code code, const struct diag *d, struct service_buffer *ret)
{
    struct wire_refused refused = {.code = code};
    if (d != NULL) {
        refused.sentence = BYTES(d->text, strnlen(d->text, sizeof d->text));
    }
    int err = service_answer(WIRE_refused, &refused, ret, NULL);
    if (err == -EINVAL) { /* a sentence that is no text, since it quotes somebody */
        refused.sentence = BYTES(NULL, 0);
        err = service_answer(WIRE_refused, &refused, ret, NULL);
    }
    return err;
}
