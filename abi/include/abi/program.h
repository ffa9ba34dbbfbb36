/* SPDX-License-Identifier: Apache-2.0 */
/* Shim door: the measured description of a measured program. `alcove build` puts a program's pages
 * into the image at the addresses they were linked for, the stubs of its rewritten instructions at
 * APP_STUBS, and this record on a page of its own at PROGRAM_DESCRIPTOR; all of it is in MRENCLAVE.
 * docs/decisions/008. */
#pragma once

#include "abi/layout.h"
#include "base/attr.h"
#include "base/diag.h"

#define PROGRAM_MAGIC        UINT64_C(0x31676f7270636c61) /* "alcprog1" */
#define PROGRAM_SEGMENTS_MAX 16u /* as of an ELF file; linkers make four or five */

/* Whole pages. [start, start+measured) are in the image with these rights; the rest up to `size` is
 * memory that the runtime adds, zero, before the program starts. */
struct program_segment {
    uint64_t start, measured, size;
    uint64_t rights; /* SGX_SECINFO_R/W/X: readable always, never W and X */
};

struct program_descriptor {
    uint64_t magic;
    uint64_t entry;       /* first instruction */
    uint64_t phdr, phnum; /* its ELF program headers in memory */
    uint64_t end;         /* the heap begins there */
    uint64_t stubs_size;  /* measured bytes at APP_STUBS, whole pages; the restart stub is first */
    uint64_t segment_count;
    struct program_segment segments[PROGRAM_SEGMENTS_MAX]; /* ascending, disjoint */
};
_Static_assert(sizeof(struct program_descriptor) <= 4096, "the descriptor is one page");

/* Is it one that can be started? -EINVAL with a sentence. Trust: in an enclave the bytes were
 * measured; what is refused here is the mistake of a tool. */
int program_descriptor_check(const struct program_descriptor *p, struct diag *d) MUST_USE;
