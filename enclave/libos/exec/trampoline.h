/* SPDX-License-Identifier: Apache-2.0 */
/* Trampolines: the few instructions that a C library writes into its data so that a function
 * pointer carries a value of its own. Text is never made in an enclave, so they are not run: they
 * are read, and what they say is done (docs/decisions/020-trampolines.md). Source: PaX's EMUTRAMP.
 */
#pragma once

#include "base/bytes.h"

#define TRAMPOLINE_MAX 32u /* bytes of the longest */

/* What a trampoline does: two registers, and a jump. */
struct trampoline {
    uint64_t target;
    uint64_t r10; /* the closure, or the static chain */
    uint64_t r11; /* where sets_r11 */
    bool sets_r11;
};

/* Do the bytes, a copy of those at address `at`, begin with a trampoline of a known shape? Every
 * byte of the shape counts, and a target that no jump can have is none. A pure function. Trust: the
 * workload wrote all of it. */
bool trampoline_read(struct bytes code, uint64_t at, struct trampoline *ret) MUST_USE;
