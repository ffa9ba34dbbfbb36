/* SPDX-License-Identifier: Apache-2.0 */
/* What custodian and worker say to each other besides sealed messages and bindings: sizes, and the
 * body of a result. docs/formats/worker.md has the protocol and the CDDL.
 *
 * Functions over bytes, callable from any thread, without allocation.
 *
 * Trust: a result is what the worker's runtime wrote, once its message opened from the key that the
 * worker's binding names; what is in it is the workload's word, which may be an adversary's. */
#pragma once

#include "base/diag.h"
#include "channel/limits.h"

#define WORKER_FRAME_MAX  65536u /* a message goes on after a frame of this size */
#define WORKER_NONCE_SIZE 32u
#define WORKER_HELLO_SIZE (512u + WORKER_NONCE_SIZE)

#define WORKER_OUT_MAX    262144u /* of standard output: more is no answer */
#define WORKER_ERR_MAX    16384u  /* of standard error, its end */
#define WORKER_RESULT_MAX (WORKER_OUT_MAX + WORKER_ERR_MAX + 128u)
/* Every result's message has the same size; this is no less. */
#define WORKER_RESULT_SEALED_MAX (1024u * 1024 + MESSAGE_OVERHEAD_MAX)

/* How the workload ended: enum exit_kind of abi/boot.h, in numbers that formats have. */
enum worker_end {
    WORKER_END_STATUS = 0, /* value: 0 to 255 */
    WORKER_END_SIGNAL,     /* value: its number */
    WORKER_END_REFUSED,    /* the runtime would not start it */
    WORKER_END_STOPPED,    /* the runtime stopped it */
    WORKER_END_COUNT,
};

struct worker_result {
    enum worker_end end;
    uint64_t value;
    struct bytes err; /* borrowed, as out */
    struct bytes out; /* empty unless complete */
    bool complete;    /* all that was written is in out */
};

/* -EINVAL for what decode would refuse, -ENOSPC; w is at its start then. */
int worker_result_encode(const struct worker_result *r, struct writer *w) MUST_USE;
/* Strict, of the whole body. 0 or -EBADMSG, *ret untouched then; its views point into `body`. */
int worker_result_decode(struct bytes body, struct worker_result *ret, struct diag *d) MUST_USE;
