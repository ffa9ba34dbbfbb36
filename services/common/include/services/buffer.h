/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of services that grows as what comes in really comes, never by what somebody announced,
 * and is given back. What stood in it is wiped, so that it may be what a sealed message held. */
#pragma once

#include "base/diag.h"
#include "wire/records.h"

#define SERVICE_BUFFER_MAX  WIRE_RECORD_MAX /* one record */
#define SERVICE_BUFFER_KEPT (64u * 1024)    /* what is not given back between two records */

/* Zero is an empty one. */
struct service_buffer {
    uint8_t *data;
    size_t size, capacity;
};
static inline struct bytes service_buffer_bytes(const struct service_buffer *b)
{
    return BYTES(b->data, b->size);
}
/* Room for `capacity` bytes in all; content stays. -ENOMEM, or -EMSGSIZE above SERVICE_BUFFER_MAX.
 */
int service_buffer_reserve(struct service_buffer *b, size_t capacity) MUST_USE;
/* Empties it, and gives back what is more than usual. */
void service_buffer_reset(struct service_buffer *b);
void service_buffer_done(struct service_buffer *b);
#define AUTO_SERVICE_BUFFER __attribute__((cleanup(service_buffer_done))) struct service_buffer

/* Replaces the content by an encoded record. -ENOMEM, or what wire_write() refuses. */
int service_answer(enum wire_record which, const void *record, struct service_buffer *ret,
                   struct diag *d) MUST_USE;
/* The record `refused`. The sentence is left out when it is none (d NULL or empty). */
int service_refuse(enum wire_code code, const struct diag *d, struct service_buffer *ret) MUST_USE;
