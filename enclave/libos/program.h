/* SPDX-License-Identifier: Apache-2.0 */
/* The program that a door starts: what the library OS needs to know of it, and the two functions
 * that differ between doors. The library OS door reads it from a measured layer (layer_program.c),
 * the shim door finds it in its place (enclave/shim/measured_program.c). */
#pragma once

#include "process.h"

struct program {
    uint64_t start;       /* where the first thread begins: its own entry or its interpreter's */
    uint64_t entry;       /* AT_ENTRY */
    uint64_t phdr, phnum; /* its program headers in memory */
    uint64_t interpreter_base; /* 0: none */
    uint64_t end;              /* of its data: the heap begins there */
    uint64_t code_start, code_end;
};

/* Bytes of rewriting stubs that are part of the measured image, at MM_STUBS; 0: none. Before
 * anything else is mapped. */
uint64_t program_stubs(void);
/* Puts the manifest's program into memory. -errno after a sentence: the start is refused. */
int program_load(const struct manifest *m, struct program *ret, struct diag *d) MUST_USE;
