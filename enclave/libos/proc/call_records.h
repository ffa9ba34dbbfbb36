/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of call_codec.h over a session: as many records as they need, each with the whole
 * message's size in front. Trust: as session.h; sizes are checked here, contents by call_decode().
 */
#pragma once

#include "proc/call_codec.h"
#include "proc/session.h"

/* Bytes of a message on the way, in memory that grows. Zero-initialised; rt_free(data). */
struct call_buffer {
    uint8_t *data;
    size_t size, room;
};
/* At least that much room; what was there is lost. -ENOMEM. */
int call_buffer_room(struct call_buffer *b, size_t size) MUST_USE;

/* Both wait, and are called without the lock. 0, -EPIPE, -ENOMEM; -EINVAL: the peer broke the
 * rules. */
int call_send(struct session *s, struct bytes message) MUST_USE;
int call_receive(struct session *s, struct call_buffer *ret) MUST_USE;
