/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a program as a worker would: one input, one output, an end at the deadline, no network where
 * the kernel lets us take it away, a fixed environment, / as its folder. It is no enclave: files of
 * this machine are in its reach.
 *
 * Trust: the program may write anything and end anyhow. */
#pragma once

#include "base/diag.h"

#define CHILD_SAID_MAX (16u * 1024) /* the end of standard error that is kept */

enum child_end {
    CHILD_EXITED,   /* value: status */
    CHILD_SIGNALED, /* value: signal */
    CHILD_LATE,     /* killed at its deadline */
};

struct child {
    enum child_end end;
    int value;
    uint64_t ms;
    bool has_network; /* it could not be taken away */
    bool overflowed;  /* it wrote more than out_max bytes, of which none are kept */
    uint8_t *out;     /* allocated */
    size_t out_size;
    char said[CHILD_SAID_MAX];
    size_t said_size;
};

/* argv[0] is a path. -errno when nothing could be run. *ret must be released also after a failure.
 */
int child_run(const char *const *argv, struct bytes input, size_t out_max, uint64_t limit_ms,
              struct child *ret, struct diag *d) MUST_USE;
void child_done(struct child *child);
