/* SPDX-License-Identifier: Apache-2.0 */
/* What memory a system call will look at, as far as its arguments tell: a member sends it along
 * with the request. What is not foreseen costs one more round. Only what a call reads after it has
 * acted (the size of the address behind a datagram, the second message of sendmmsg) must be
 * foreseen.
 *
 * Trust: the arguments and the memory are the workload's; another of its threads may change the
 * memory meanwhile, and the owner sees one copy. */
#pragma once

#include "libos/syscalls.h"
#include "proc/call_codec.h"

/* A request in the making. A call that moves more than CALL_DATA_MAX bytes is made in parts. */
struct call_request {
    struct call_ranges *out;
    uint64_t number;
    uint64_t args[CALL_ARGS]; /* as they travel: the sizes are this part's */
    uint64_t done;            /* bytes of the parts before */
    uint64_t part;            /* bytes of this part */
    bool writes;              /* from the workload to a file: the next part follows a full one */
    bool more;                /* there is something behind this part */
};

/* Fills r->args, part, writes and more from the registers and r->number and done, and r->out with
 * the memory: DATA as it is now, BAD where it cannot be accessed. -ENOBUFS, -ENOMEM. Without the
 * lock. */
int call_hints(struct call_request *r, const uint64_t args[CALL_ARGS]) MUST_USE;
/* The memory of [addr, addr+size) into *out, readable parts as DATA, the rest from the first byte
 * that cannot be read as BAD. Same errors. Without the lock. */
int call_attach(struct call_ranges *out, uint64_t addr, uint64_t size) MUST_USE;
/* Copies to the workload, whose memory may have to come first. -EFAULT. Without the lock. */
int call_put(uint64_t addr, const void *from, size_t size) MUST_USE;
