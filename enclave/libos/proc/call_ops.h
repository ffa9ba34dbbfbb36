/* SPDX-License-Identifier: Apache-2.0 */
/* What a member asks of the owner beside system calls: one row each in call_ops.def. */
#pragma once

#include "proc/call_codec.h"

struct call_server;
struct process;

enum remote_op {
    REMOTE_NOTHING = 0,
#define OP(number, name) REMOTE_##name = (number),
#include "proc/call_ops.def"
};

/* The bodies, at the owner, with the lock held, os_current() being the process whose thread asks.
 * in: untrusted bytes of that process's making as far as its workload could choose them. What is
 * put into *out (at most CALL_DATA_MAX bytes) travels back. */
#define OP(number, name)                                                                           \
    int64_t remote_serve_##name(struct call_server *s, struct bytes in, struct writer *out);
#include "proc/call_ops.def"

/* The process of that number, when the session of s may make calls in its name: its own, or a child
 * of it by vfork, which is in the same enclave. NULL otherwise. Without the lock. */
struct process *call_serve_as(struct call_server *s, int pid);
/* That of the request being served. -ENOSYS for a number without a row. */
int64_t call_serve_op(struct call_server *s, struct bytes in, struct writer *out);
