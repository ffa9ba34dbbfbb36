/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of /proc about memory and threads of a member: the owner, which has the file, asks for them
 * as it asks for the caller's memory, and the member makes them.
 *
 * Trust: a member says what it likes about itself; only its own process sees it. */
#pragma once

#include "proc/call_codec.h"

/* A text as RANGE_TEXT: which << 32 | id is its address. At a member, without the lock. -EFAULT:
 * there is none of that number. */
int call_attach_text(struct call_ranges *out, uint64_t which) MUST_USE;
/* A text that came back with an answer: what was written to /proc/self/comm. At a member, without
 * the lock. */
void call_take_text(uint64_t which, struct bytes text);
