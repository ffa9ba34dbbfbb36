/* SPDX-License-Identifier: Apache-2.0 */
/* The headers of an ELF64 program, checked before anything is mapped: what this returns can be
 * mapped without further thought about overflow or overlap.
 *
 * The adversary: the file is measured, but the workload may name any file of its layers. */
#include "abi/elf.h"

#include <errno.h>

#define PAGE 4096u

enum { ET_EXEC = 2, ET_DYN = 3, EM_X86_64 = 62, PT_LOAD = 1, PT_INTERP = 3, PT_PHDR = 6 };
enum { PF_X = 1, PF_W = 2, PF_R = 4 };
#define PHDR_SIZE 56u

static int add_segment(struct elf_image *e, const struct elf_segment *s, uint64_t file_size,
                       struct diag *d)
{
    uint64_t end;
    if (s->memsz == 0) {
        return 0;
    }
    if (e->segment_count == ELF_SEGMENTS_MAX) {
        return diag_fail(d, -ENOEXEC, "more than %u segments to load", ELF_SEGMENTS_MAX);
    }
    if (s->filesz > s->memsz || !range_within(s->offset, s->filesz, file_size) ||
        !range_within(s->vaddr, s->memsz, ELF_ADDR_MAX - PAGE) ||
        s->vaddr % PAGE != s->offset % PAGE) {
        return diag_fail(d, -ENOEXEC, "a segment lies outside the file or the address space");
    }
    if (s->write && s->exec) {
        return diag_fail(d, -ENOEXEC, "a segment is writable and executable");
    }
    if (e->segment_count != 0 && align_down(s->vaddr, PAGE) < e->end) {
        return diag_fail(d, -ENOEXEC, "segments overlap or are not in order");
    }
    end = align_down(s->vaddr + s->memsz + PAGE - 1, PAGE);
    if (e->segment_count == 0) {
        e->start = align_down(s->vaddr, PAGE);
    }
    e->end = end;
    e->segments[e->segment_count++] = *s;
    return 0;
}

static int read_header(struct cursor *c, uint32_t type, struct elf_image *e, uint64_t file_size,
                       struct diag *d)
{
    uint32_t flags = cursor_le32(c);
    struct elf_segment s;
    s.offset = cursor_le64(c);
    s.vaddr = cursor_le64(c);
    (void)cursor_le64(c); /* p_paddr */
    s.filesz = cursor_le64(c);
    s.memsz = cursor_le64(c);
    (void)cursor_le64(c); /* p_align: pages are 4 KiB, congruence is checked instead */
    s.read = (flags & PF_R) != 0;
    s.write = (flags & PF_W) != 0;
    s.exec = (flags & PF_X) != 0;
    switch (type) {
    case PT_LOAD:
        return add_segment(e, &s, file_size, d);
    case PT_PHDR:
        e->phdr = s.vaddr;
        return 0;
    case PT_INTERP:
        if (s.filesz < 2 || s.filesz > ELF_INTERP_MAX ||
            !range_within(s.offset, s.filesz, file_size)) {
            return diag_fail(d, -ENOEXEC,
                             "the interpreter's path is longer than the file or %u bytes",
                             ELF_INTERP_MAX);
        }
        e->interp_offset = s.offset;
        e->interp_size = s.filesz;
        return 0;
    default:
        return 0;
    }
}

/* Without PT_PHDR the headers are where the segment with file offset 0 puts them. */
static void find_phdr(struct elf_image *e, uint64_t phoff, uint64_t size)
{
    for (size_t i = 0; e->phdr == 0 && i < e->segment_count; i++) {
        const struct elf_segment *s = &e->segments[i];
        if (s->offset <= phoff && range_within(phoff - s->offset, size, s->filesz)) {
            e->phdr = s->vaddr + (phoff - s->offset);
        }
    }
}

int elf_parse(struct bytes head, uint64_t file_size, struct elf_image *ret, struct diag *d)
{
    static const uint8_t ident[] = {0x7f, 'E', 'L', 'F', 2 /* 64 bits */, 1 /* LE */, 1};
    struct cursor c = cursor_of(head);
    struct elf_image e = {.phnum = 0};
    struct bytes magic = cursor_take(&c, 16);
    uint16_t type = cursor_le16(&c), machine = cursor_le16(&c);
    (void)cursor_le32(&c);
    e.entry = cursor_le64(&c);
    uint64_t phoff = cursor_le64(&c);
    (void)cursor_take(&c, 8 + 4 + 2); /* e_shoff, e_flags, e_ehsize */
    uint16_t phentsize = cursor_le16(&c);
    e.phnum = cursor_le16(&c);

    if (!cursor_ok(&c) || head.size > file_size ||
        !bytes_equal(BYTES(magic.data, sizeof ident), BYTES(ident, sizeof ident))) {
        return diag_fail(d, -ENOEXEC, "not an ELF64 file");
    }
    if (machine != EM_X86_64 || (type != ET_EXEC && type != ET_DYN)) {
        return diag_fail(d, -ENOEXEC, "not a program or library for x86-64");
    }
    uint64_t size = (uint64_t)e.phnum * PHDR_SIZE;
    if (phentsize != PHDR_SIZE || e.phnum == 0 || !range_within(phoff, size, head.size)) {
        return diag_fail(d, -ENOEXEC, "program headers are not in the first %u bytes",
                         ELF_HEAD_SIZE);
    }
    e.fixed = type == ET_EXEC;
    c = cursor_of(BYTES(head.data + phoff, size));
    for (unsigned i = 0; i < e.phnum; i++) {
        int r = read_header(&c, cursor_le32(&c), &e, file_size, d);
        if (r != 0) {
            return r;
        }
    }
    if (e.segment_count == 0 || e.entry < e.start || e.entry >= e.end) {
        return diag_fail(d, -ENOEXEC, "nothing to load, or the entry point lies outside");
    }
    find_phdr(&e, phoff, size);
    if (!range_within(e.phdr - e.start, size, e.end - e.start)) {
        return diag_fail(d, -ENOEXEC, "the program headers are not loaded");
    }
    *ret = e;
    return 0;
}
