/* SPDX-License-Identifier: Apache-2.0 */
/* System calls between a member of a process tree and its owner, as bytes
 * (docs/decisions/015-processes.md, "System calls are the protocol"). A message is a head, a list
 * of ranges of the caller's memory, and their bytes; several records of a session carry a long one.
 * Little-endian, as the machine is.
 *
 * Trust: the session authenticates what comes: another enclave of this image made it. Its workload
 * chose arguments, addresses and bytes, so the decoder believes no number. */
#pragma once

#include "base/bytes.h"

#define CALL_ARGS 6u
/* Bytes that one call carries at most in each direction; the client cuts larger reads and writes.
 * More than the largest message of a socket, so that none is cut in two. */
#define CALL_DATA_MAX   UINT64_C(262144)
#define CALL_RANGES_MAX 4096u
#define CALL_MESSAGE_MAX                                                                           \
    (sizeof(struct call_head) + CALL_RANGES_MAX * sizeof(struct call_range) + 2 * CALL_DATA_MAX)

enum call_kind {
    CALL_SYSCALL = 1, /* number, args; ranges: what the call may read, and what it may not */
    CALL_OP,          /* number: enum remote_op; one range of bytes, its input */
    CALL_CANCEL,      /* a signal waits for the thread whose call has that sequence number */
    CALL_RESULT,      /* result; ranges: what the call wrote */
    CALL_NEED,        /* ranges without bytes: memory that the call wants to read */
    CALL_PENDING,     /* the call with that sequence number lasts, and more signals are pending */
};

enum call_range_kind {
    RANGE_DATA = 1, /* bytes follow */
    RANGE_BAD,      /* cannot be accessed; no bytes */
    RANGE_NEED,     /* wanted; no bytes */
    RANGE_TEXT, /* bytes follow: text of a file in /proc that only the caller can make; addr says
                   which */
    RANGE_NEED_TEXT, /* such a text is wanted; no bytes */
};

/* In call_head.flags of a CALL_RESULT. */
#define CALL_GO_ON                                                                                 \
    1u /* the descriptor never blocks: the client may go on where the call was cut                 \
        */

struct call_head {
    uint32_t kind;   /* enum call_kind */
    uint32_t number; /* of a system call, or enum remote_op */
    uint64_t sequence;
    int32_t pid, tid; /* in whose name */
    uint64_t args[CALL_ARGS];
    int64_t result;
    uint64_t signals; /* that the call sent to its own thread: SIGPIPE, SIGXFSZ */
    uint32_t flags;
    uint32_t range_count;
    uint64_t blocked;              /* of a request: the thread's signal mask, and */
    uint64_t own_pending, pending; /* what waits for it and its process, as a signalfd shows it */
    uint64_t notices; /* of an answer: signals that were sent to the process before it, which come
                         another way */
};

struct call_range {
    uint64_t addr;
    uint32_t size;
    uint32_t kind; /* enum call_range_kind */
};

/* A view of a message that was checked. */
struct call_message {
    struct call_head head;
    const uint8_t *ranges; /* not aligned: call_range_at() */
    const uint8_t *data;   /* bytes of the ranges that have some, each padded to 8 */
    size_t data_size;
};

/* 0, or -EINVAL for anything that call_encode() would not have made. The view borrows the bytes. */
int call_decode(struct bytes message, struct call_message *ret) MUST_USE;
struct call_range call_range_at(const struct call_message *m, uint32_t index);

/* Bytes of memory known by their addresses, in either direction, and a message in the making. A set
 * of bytes that lie one after another is one range. Grows up to the limits above. Zero-initialised.
 */
struct call_ranges {
    struct call_range *list;
    uint32_t count, room;
    uint32_t *places; /* where the bytes of each begin in data */
    uint8_t *data;
    size_t data_size, data_room;
};
void call_ranges_clear(struct call_ranges *r); /* keeps the memory */
void call_ranges_free(struct call_ranges *r);
/* Appends a range; its bytes are copied, or zeros when NULL. -ENOBUFS beyond the limits, -ENOMEM.
 */
int call_ranges_add(struct call_ranges *r, enum call_range_kind kind, uint64_t addr,
                    const void *bytes, size_t size) MUST_USE;
/* Room for the bytes of a range that is added next, from there: for bytes that come by a copy which
 * may fail. Same errors. */
int call_ranges_reserve(struct call_ranges *r, size_t size, uint8_t **ret) MUST_USE;
/* Takes back what was added since. */
struct call_mark {
    size_t data_size;
    uint32_t count, last_size;
};
struct call_mark call_ranges_mark(const struct call_ranges *r);
void call_ranges_back(struct call_ranges *r, struct call_mark mark);
/* From a message. */
int call_ranges_take(struct call_ranges *r, const struct call_message *m) MUST_USE;
bool call_range_has_bytes(uint32_t kind);
/* The range with bytes of that kind that holds addr: its bytes from there on, as many as lie
 * together. Empty: none. */
struct bytes call_ranges_find(const struct call_ranges *r, enum call_range_kind kind,
                              uint64_t addr);
/* Does a range of that kind share a byte with [addr, addr+size)? */
bool call_ranges_holds(const struct call_ranges *r, enum call_range_kind kind, uint64_t addr,
                       size_t size);
/* What was written is what is read afterwards: changes the bytes of [addr, addr+size) wherever they
 * lie in ranges of that kind. from NULL: zeros. */
void call_ranges_patch(struct call_ranges *r, enum call_range_kind kind, uint64_t addr,
                       const void *from, size_t size);

/* The size of the message of head and ranges, and its bytes into ret, which has room for them.
 * head->range_count is set. */
size_t call_encoded_size(const struct call_ranges *r);
void call_encode(struct call_head *head, const struct call_ranges *r, uint8_t *ret);

/* Bytes of a message on the way, in memory that grows. Zero-initialised; rt_free(data). */
struct call_buffer {
    uint8_t *data;
    size_t size, room;
};
/* At least that much room; what was there is lost. -ENOMEM. */
int call_buffer_room(struct call_buffer *b, size_t size) MUST_USE;
