/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of call_codec.h over a session: as many records as they need, each with the whole
 * message's size in front. Trust: as session.h; sizes are checked here, contents by call_decode().
 */
#pragma once

#include "proc/call_codec.h"
#include "proc/session.h"

/* Both wait, and are called without the lock. 0, -EPIPE, -ENOMEM; -EINVAL: the peer broke the
 * rules. */
int call_send(struct session *s, struct bytes message) MUST_USE;
int call_receive(struct session *s, struct call_buffer *ret) MUST_USE;
