/* SPDX-License-Identifier: Apache-2.0 */
/* The yard: memory of the host that all enclave processes of a tree share at one address, made by
 * the supervisor before it forks the first of them. One slot per enclave; slot 0 is the owner's. In
 * a slot lie rings, through which sealed records pass (docs/formats/process-tree.md). It is sparse:
 * what nobody has written to costs nothing.
 *
 * Trust: all of it is the host's. A wrong word here delays, or drops; what is in the chunks is
 * authenticated by those who read it. */
#pragma once

#include "abi/layout.h"
#include "base/attr.h"

#define YARD_SLOTS 128u /* enclaves of a tree at a time, the owner among them */
#define YARD_OWNER 0u

/* A record lies in one chunk: a header, then the sealed bytes. Room for 64 KiB and what tells about
 * them. */
#define YARD_CHUNK_SIZE    69632u
#define YARD_CALL_CHUNKS   2u
#define YARD_STREAM_CHUNKS 8u

enum yard_direction { YARD_DOWN, YARD_UP }; /* away from the owner (or a parent), and back */

/* Each word on a cache line of its own. Counters never go back while a ring is in use. */
struct yard_ring {
    uint64_t written; /* records, by the sender */
    uint64_t pad1[7];
    uint64_t taken; /* records, by the receiver */
    uint64_t pad2[7];
    uint64_t reader; /* thread number plus one of who waits for a record; 0: nobody */
    uint64_t pad3[7];
    uint64_t writer; /* the same of who waits for room */
    uint64_t pad4[7];
};

struct yard_chunk_head {
    uint64_t size; /* of the sealed bytes: a multiple of 64 */
    uint8_t tag[16];
    uint64_t reserved[5];
};
_Static_assert(sizeof(struct yard_chunk_head) == 64, "sealed bytes begin on a cache line");

struct yard_call_way {
    struct yard_ring ring;
    uint8_t chunks[YARD_CALL_CHUNKS][YARD_CHUNK_SIZE];
};
struct yard_stream_way {
    struct yard_ring ring;
    uint8_t chunks[YARD_STREAM_CHUNKS][YARD_CHUNK_SIZE];
};

/* Which mailbox of a slot. */
#define YARD_BOX_CONTROL 0u
#define YARD_BOX_STREAM  1u
#define YARD_BOX_CALLS   2u /* and from there on, one per thread number of the member */
#define YARD_BOXES       (YARD_BOX_CALLS + THREADS_MAX)

struct yard_slot {
    uint32_t wake[THREADS_MAX]; /* futex words of the host threads: 1: a wake-up is remembered */
    uint64_t dead;              /* not 0: the process of this slot is gone, or was never there */
    uint64_t threads;           /* how many host threads it has had at most: the host's own count */
    uint8_t pad[4096 - 4 * THREADS_MAX - 16];
    struct yard_call_way control[2]; /* by direction */
    struct yard_stream_way stream[2];
    struct yard_call_way calls[THREADS_MAX][2];
} __attribute__((aligned(4096)));
_Static_assert(offsetof(struct yard_slot, control) == 4096, "waking touches a page of its own");

struct yard {
    struct yard_slot slots[YARD_SLOTS];
};
_Static_assert(sizeof(struct yard) < (uint64_t)12 << 30, "address space only, but not without end");
