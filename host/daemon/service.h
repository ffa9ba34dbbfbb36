/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to a program in an enclave, over the pipes of its process:
 * docs/formats/service-frames.md and docs/formats/worker.md. One caller at a time.
 *
 * Trust: neither side believes the other. What a service sends is bounded here before memory is
 * taken for it, and one that breaks the frames, or is silent for too long, is given up: its stream
 * cannot be trusted to be in step any more. */
#pragma once

#include "children.h"
#include "wire/records.h"

struct service {
    struct child *child;
    bool broken; /* give it up */
};

int service_start(struct children *children, enum child_kind kind, const char *const argv[],
                  const char *what, struct service *ret, struct diag *d) MUST_USE;
/* Closes its input, waits that long, kills it. Safe on zeroed ones. */
void service_end(struct service *s, int grace_ms);
/* Running and in step? */
bool service_ok(struct service *s);

/* A message, as a run of frames. -EPIPE: it ended, -ETIMEDOUT (now_ms() is past the deadline),
 * -EPROTO, -EMSGSIZE, -ENOMEM; the service is then broken. */
int service_send(struct service *s, struct bytes message, int64_t deadline,
                 struct diag *d) MUST_USE;
/* *ret is malloc'ed. */
int service_receive(struct service *s, size_t max, int64_t deadline, struct bytes *ret,
                    struct diag *d) MUST_USE;

/* A record to it and one back. The answer's views point into `message`, which is the caller's to
 * free, whatever came back. */
struct answer {
    struct bytes message;
    enum wire_record kind;
    struct wire_refused refused; /* kind WIRE_refused */
};
void answer_free(struct answer *a);
/* 0: it is a `want`, in *ret; -EACCES: a refusal, which the sentence repeats; else as above, and
 * -EPROTO for any other record. */
int service_ask(struct service *s, enum wire_record send, const void *record, int timeout_ms,
                enum wire_record want, void *ret, struct answer *answer, struct diag *d) MUST_USE;
