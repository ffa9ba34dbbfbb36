/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the headers of an ELF64 program. Pure: bytes in, facts out. Source: System V gABI chapter 4
 * and 5, x86-64 psABI. */
#pragma once

#include "base/bytes.h"
#include "base/diag.h"

#define ELF_HEAD_SIZE    4096u /* the program headers must lie in this much of the file */
#define ELF_SEGMENTS_MAX 16u
#define ELF_INTERP_MAX   256u
#define ELF_ADDR_MAX     (UINT64_C(1) << 36) /* nothing beyond ELRANGE can be mapped */

struct elf_segment {
    uint64_t vaddr, memsz, offset, filesz;
    bool read, write, exec;
};

struct elf_image {
    bool fixed; /* ET_EXEC: addresses are absolute */
    uint64_t entry;
    uint64_t phdr; /* address of the program headers in memory, relative as vaddr */
    uint16_t phnum;
    uint64_t start, end; /* page-aligned range of all segments */
    size_t segment_count;
    struct elf_segment segments[ELF_SEGMENTS_MAX]; /* ascending, never sharing a page */
    uint64_t interp_offset, interp_size; /* size 0: no interpreter. Size includes the NUL */
};

/* head: the first bytes of a file of file_size bytes (all of it when it is shorter than
 * ELF_HEAD_SIZE). 0, or -ENOEXEC with a sentence. Trust: any bytes. */
int elf_parse(struct bytes head, uint64_t file_size, struct elf_image *ret,
              struct diag *d) MUST_USE;
