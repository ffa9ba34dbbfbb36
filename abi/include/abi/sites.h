/* SPDX-License-Identifier: Apache-2.0 */
/* The table of instructions to rewrite in one ELF file, made when its layer is built and measured
 * with the layer. For /usr/lib/x.so it is the file SITES_DIR "/usr/lib/x.so" of the same layer.
 * The runtime checks every entry against the bytes it has mapped before it patches, so a wrong
 * table loses speed, never safety; a `syscall` or `cpuid` that is not listed still works by trap.
 *
 * File: struct sites_header, then `count` struct site sorted by patch_offset, no overlaps. */
#pragma once

#include "base/attr.h"

#define SITES_DIR   "/.alcove/sites"
#define SITES_MAGIC UINT64_C(0x317365746973616c) /* "lasites1" */

enum site_kind {
    SITE_SYSCALL = 1, /* patch: jmp stub; stub: pre, enter the runtime with the syscall, post, jmp back */
    SITE_CPUID = 2,   /* the same for cpuid */
};

struct sites_header {
    uint64_t magic;
    uint64_t file_size; /* of the ELF file the table belongs to */
    uint32_t count;
    uint32_t reserved;
};

/* The patch overwrites [patch_offset, patch_offset + 5) in the file's text with `jmp stub`.
 * [patch_offset, patch_offset + patch_size) holds, in order: `pre_size` bytes of instructions that
 * the stub executes first, the 2-byte syscall/cpuid at patch_offset + insn_delta, and `post_size`
 * bytes executed after it. Execution resumes at patch_offset + patch_size. Neither pre nor post
 * refers to RIP or branches, and no branch in the file targets the inside of the patch, except
 * possibly the syscall instruction itself when it lies beyond the 5 overwritten bytes (it is left
 * in place then and traps). */
struct site {
    uint64_t patch_offset; /* file offset */
    uint8_t kind;          /* enum site_kind */
    uint8_t patch_size;    /* 5..32 */
    uint8_t insn_delta;
    uint8_t pre_size;      /* == insn_delta */
    uint8_t post_size;
    uint8_t original[32];  /* the patch_size bytes expected there */
    uint8_t reserved[3];
};
_Static_assert(sizeof(struct site) == 48, "sites are 48 bytes");
