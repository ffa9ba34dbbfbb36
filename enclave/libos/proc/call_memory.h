/* SPDX-License-Identifier: Apache-2.0 */
/* A caller's memory, as far as it came with its request, in the place of the workload's (rt.h,
 * struct app_memory). Reading what did not come fails with -EFAULT, and what is missing is noted,
 * so that the answer can ask for it. What is written is kept for the answer, and is what is read
 * from then on.
 *
 * Trust: addresses are the workload's choice; here they are keys and nothing is dereferenced. */
#pragma once

#include "proc/call_codec.h"
#include "runtime/rt.h"

struct call_memory {
    struct app_memory operations;
    struct call_ranges in;   /* what came: DATA, BAD, TEXT */
    struct call_ranges out;  /* what was written: DATA */
    struct call_ranges need; /* what is missing: NEED, NEED_TEXT */
};

/* Also empties it. */
void call_memory_start(struct call_memory *m);
void call_memory_free(struct call_memory *m);
