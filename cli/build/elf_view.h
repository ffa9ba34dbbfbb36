/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of an x86-64 ELF file that say where code is: executable sections, functions (the
 * ranges of .eh_frame, which stripped files keep, and of symbols, for code that was compiled
 * without), and addresses that code or data may hold. */
#pragma once

#include "base/bytes.h"

struct elf_section {
    uint32_t type;
    uint64_t flags, addr, offset, size, entry_size;
    uint32_t link;
    struct bytes name;
};

struct elf_range {
    uint64_t start, end; /* virtual addresses */
    bool framed;         /* of a function: .eh_frame names it, not only a symbol */
};

struct elf_view {
    struct bytes file;
    uint64_t entry;
    bool fixed; /* linked for one address: absolute addresses may stand in instructions */
    struct elf_section *sections;
    size_t section_count;
    struct elf_range *functions; /* sorted, disjoint, inside executable sections */
    size_t function_count;
    struct elf_range code; /* hull of the executable sections */
};

/* False when the file is not an ELF program or library for x86-64, or has no sections. */
bool elf_view_open(struct elf_view *ret, struct bytes file);
void elf_view_close(struct elf_view *e);
/* n bytes at a virtual address, as they are in the file; empty when they are not. */
struct bytes elf_view_at(const struct elf_view *e, uint64_t addr, uint64_t n);
/* The executable section that holds addr; NULL when none does. */
const struct elf_section *elf_view_code_at(const struct elf_view *e, uint64_t addr);
/* The section of that name; NULL when there is none. */
const struct elf_section *elf_view_section(const struct elf_view *e, const char *name);
/* Name of the last symbol at or before addr, and where it stands; empty when there is none. */
struct bytes elf_view_symbol_at(const struct elf_view *e, uint64_t addr, uint64_t *ret_start);
/* Calls note for each address in the file's symbols and relocations that lies in code. */
void elf_view_addresses(const struct elf_view *e, void (*note)(void *context, uint64_t addr),
                        void *context);
