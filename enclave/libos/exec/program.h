/* SPDX-License-Identifier: Apache-2.0 */
/* The programs that a process runs: what the library OS needs to know of one, and the functions
 * that differ between doors. The library OS door reads them from measured layers (layer_program.c);
 * the shim door has one, which is in its place already (enclave/shim/measured_program.c). */
#pragma once

#include "abi/elf.h"
#include "process.h"

struct program {
    uint64_t start;       /* where the first thread begins: its own entry or its interpreter's */
    uint64_t entry;       /* AT_ENTRY */
    uint64_t phdr, phnum; /* its program headers in memory */
    uint64_t interpreter_base; /* 0: none */
    uint64_t end;              /* of its data: the heap begins there */
    uint64_t code_start, code_end;
};

/* A program that was found and checked, and is not in memory yet. Owns references. */
struct program_source {
    struct file *file, *interpreter; /* NULL: none */
    struct elf_image image, interpreter_image;
};

/* Bytes of rewriting stubs that are part of the measured image, at MM_STUBS; 0: none. Before
 * anything else is mapped. */
uint64_t program_stubs(void);
/* Looks at the program of that absolute path and its interpreter, with the permissions of execve:
 * everything about them that can be wrong is found here. -errno as execve(2), after a sentence;
 * -EACCES also for what is not a file of a measured layer. Behind the shim door: the manifest's
 * program, the first time; -EACCES after that. */
int program_open(const char *path, struct program_source *ret, struct diag *d) MUST_USE;
/* Puts it into memory, which is empty. -errno after a sentence: want of memory. */
int program_load(const struct program_source *s, struct program *ret, struct diag *d) MUST_USE;
void program_close(struct program_source *s); /* zeros are fine */
