/* SPDX-License-Identifier: Apache-2.0 */
/* Reads ELF files (System V ABI, AMD64 supplement; .eh_frame: LSB core, chapter 10.6), see
 * elf_view.h. Any file may be given to it: everything is read through cursors, and what does not
 * make sense is left out. */
#include "elf_view.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#define SECTIONS_MAX  4096u
#define FUNCTIONS_MAX 1000000u

/* DW_EH_PE: how a pointer is written in .eh_frame. */
enum { PE_ABSOLUTE = 0x00, PE_UDATA4 = 0x03, PE_SDATA4 = 0x0b, PE_SDATA8 = 0x0c, PE_PCREL = 0x10 };

static struct bytes slice(struct bytes b, uint64_t offset, uint64_t size)
{
    return size > 0 && range_within(offset, size, b.size) ? BYTES(b.data + offset, (size_t)size)
                                                          : (struct bytes){NULL, 0};
}

static struct bytes section_bytes(const struct elf_view *e, const struct elf_section *s)
{
    return s->type == SHT_NOBITS ? (struct bytes){NULL, 0} : slice(e->file, s->offset, s->size);
}

static struct elf_section read_section(struct bytes header, uint32_t *ret_name)
{
    struct cursor c = cursor_of(header);
    struct elf_section s = {0};
    *ret_name = cursor_le32(&c);
    s.type = cursor_le32(&c);
    s.flags = cursor_le64(&c);
    s.addr = cursor_le64(&c);
    s.offset = cursor_le64(&c);
    s.size = cursor_le64(&c);
    s.link = cursor_le32(&c);
    cursor_take(&c, 4 + 8); /* sh_info, sh_addralign */
    s.entry_size = cursor_le64(&c);
    return s;
}

static struct bytes text_at(struct bytes strings, uint32_t at)
{
    struct bytes rest =
        at < strings.size ? BYTES(strings.data + at, strings.size - at) : (struct bytes){NULL, 0};
    const void *end = rest.size > 0 ? memchr(rest.data, 0, rest.size) : NULL;
    return end != NULL ? BYTES(rest.data, (size_t)((const uint8_t *)end - rest.data))
                       : (struct bytes){NULL, 0};
}

static bool is_code(const struct elf_section *s)
{
    uint64_t end;
    return s->type == SHT_PROGBITS && (s->flags & SHF_EXECINSTR) != 0 && s->size > 0 &&
           add_ok(s->addr, s->size, &end);
}

static bool read_sections(struct elf_view *e, uint64_t offset, uint16_t count, uint16_t names)
{
    uint32_t at[SECTIONS_MAX];
    struct bytes table = slice(e->file, offset, (uint64_t)count * sizeof(Elf64_Shdr));
    if (count == 0 || count > SECTIONS_MAX || table.size == 0) {
        return false;
    }
    e->sections = calloc(count, sizeof *e->sections);
    if (e->sections == NULL) {
        return false;
    }
    e->section_count = count;
    e->code = (struct elf_range){.start = UINT64_MAX, .end = 0};
    for (size_t i = 0; i < count; i++) {
        struct elf_section *s = &e->sections[i];
        *s = read_section(slice(table, i * sizeof(Elf64_Shdr), sizeof(Elf64_Shdr)), &at[i]);
        if (is_code(s) && section_bytes(e, s).size == s->size) {
            e->code.start = s->addr < e->code.start ? s->addr : e->code.start;
            e->code.end = s->addr + s->size > e->code.end ? s->addr + s->size : e->code.end;
        }
    }
    struct bytes strings =
        names < count ? section_bytes(e, &e->sections[names]) : (struct bytes){NULL, 0};
    for (size_t i = 0; i < count; i++) {
        e->sections[i].name = text_at(strings, at[i]);
    }
    return e->code.start < e->code.end && e->code.end - e->code.start <= e->file.size;
}

const struct elf_section *elf_view_code_at(const struct elf_view *e, uint64_t addr)
{
    for (size_t i = 0; i < e->section_count; i++) {
        const struct elf_section *s = &e->sections[i];
        if (is_code(s) && addr >= s->addr && addr - s->addr < s->size) {
            return s;
        }
    }
    return NULL;
}

struct bytes elf_view_at(const struct elf_view *e, uint64_t addr, uint64_t n)
{
    for (size_t i = 0; i < e->section_count; i++) {
        const struct elf_section *s = &e->sections[i];
        if ((s->flags & SHF_ALLOC) != 0 && addr >= s->addr &&
            range_within(addr - s->addr, n, s->size)) {
            return slice(section_bytes(e, s), addr - s->addr, n);
        }
    }
    return (struct bytes){NULL, 0};
}

/* ---- functions from .eh_frame ---------------------------------------------------------------- */

static uint64_t leb128(struct cursor *c)
{
    uint64_t v = 0;
    uint8_t b = 0x80;
    for (unsigned shift = 0; shift < 63 && (b & 0x80) != 0; shift += 7) {
        b = cursor_u8(c);
        v |= (uint64_t)(b & 0x7f) << shift;
    }
    return v;
}

/* The pointer encoding that a CIE gives to its FDEs; 0xff when it is none that we read. */
static uint8_t cie_encoding(struct bytes cie)
{
    struct cursor c = cursor_of(cie);
    cursor_take(&c, 4); /* CIE id */
    uint8_t version = cursor_u8(&c);
    struct bytes augmentation = {c.rest.data, 0};
    while (cursor_u8(&c) != 0) {
        augmentation.size++;
    }
    leb128(&c); /* code alignment */
    leb128(&c); /* data alignment: signed, of the same length */
    if (version == 1) {
        cursor_u8(&c);
    } else {
        leb128(&c);
    }
    if (augmentation.size == 0) {
        return PE_ABSOLUTE;
    }
    if (!cursor_ok(&c) || augmentation.data[0] != 'z') {
        return 0xff;
    }
    if (memchr(augmentation.data, 'S', augmentation.size) != NULL) {
        return 0xff; /* a signal's trampoline: its range begins one byte before its code */
    }
    leb128(&c);
    for (size_t i = 1; i < augmentation.size; i++) {
        switch (augmentation.data[i]) {
        case 'R':
            return cursor_u8(&c);
        case 'L':
            cursor_u8(&c);
            break;
        case 'P': {
            uint8_t encoding = cursor_u8(&c) & 0x0f;
            cursor_take(&c, encoding == PE_ABSOLUTE || encoding == PE_SDATA8 ? 8 : 4);
            break;
        }
        case 'B':
            break;
        default:
            return 0xff;
        }
    }
    return PE_ABSOLUTE;
}

static bool read_pointer(struct cursor *c, uint8_t encoding, uint64_t at, uint64_t *ret)
{
    uint64_t v;
    switch (encoding & 0x0f) {
    case PE_ABSOLUTE:
    case PE_SDATA8:
        v = cursor_le64(c);
        break;
    case PE_UDATA4:
        v = cursor_le32(c);
        break;
    case PE_SDATA4:
        v = (uint64_t)(int64_t)(int32_t)cursor_le32(c);
        break;
    default:
        return false;
    }
    if ((encoding & 0xf0) == PE_PCREL) {
        v += at;
    } else if ((encoding & 0xf0) != 0) {
        return false;
    }
    *ret = v;
    return cursor_ok(c);
}

static bool add_function(struct elf_view *e, uint64_t start, uint64_t size, bool framed)
{
    const struct elf_section *s = elf_view_code_at(e, start);
    if (s == NULL || size == 0 || !range_within(start - s->addr, size, s->size)) {
        return true; /* of a section that was discarded */
    }
    if ((e->function_count & (e->function_count - 1)) == 0) { /* powers of two: grow */
        size_t capacity = e->function_count == 0 ? 1 : 2 * e->function_count;
        struct elf_range *more =
            capacity > FUNCTIONS_MAX ? NULL : realloc(e->functions, capacity * sizeof *more);
        if (more == NULL) {
            return false;
        }
        e->functions = more;
    }
    e->functions[e->function_count++] = (struct elf_range){start, start + size, framed};
    return true;
}

/* One entry of .eh_frame; `at` is the offset of its first byte after the length. */
static bool read_frame_entry(struct elf_view *e, const struct elf_section *s, struct bytes frame,
                             uint64_t at, struct bytes entry)
{
    struct cursor c = cursor_of(entry);
    uint32_t back = cursor_le32(&c);
    uint64_t start, size;
    if (back == 0 || back > at) {
        return true; /* a CIE, or nonsense */
    }
    struct cursor cie = cursor_of(slice(frame, at - back, frame.size - (at - back)));
    uint32_t cie_size = cursor_le32(&cie);
    uint8_t encoding = cie_encoding(cursor_take(&cie, cie_size));
    if (encoding == 0xff || !read_pointer(&c, encoding, s->addr + at + 4, &start) ||
        !read_pointer(&c, encoding & 0x0f, 0, &size)) {
        return true;
    }
    return add_function(e, start, size, true);
}

static bool read_frames(struct elf_view *e, const struct elf_section *s)
{
    struct bytes frame = section_bytes(e, s);
    struct cursor c = cursor_of(frame);
    bool good = true;
    while (good && c.rest.size >= 4) {
        uint32_t size = cursor_le32(&c);
        uint64_t at = frame.size - c.rest.size;
        if (size == 0 || size == UINT32_MAX) {
            continue; /* a terminator, of which a linked file may have several; 64-bit form: unused
                       */
        }
        struct bytes entry = cursor_take(&c, size);
        good = cursor_ok(&c) && read_frame_entry(e, s, frame, at, entry);
    }
    return good;
}

/* A function symbol; size 0 when the entry is something else. */
static struct elf_range read_symbol(struct cursor *c, uint32_t *ret_name)
{
    *ret_name = cursor_le32(c);
    uint8_t info = cursor_u8(c);
    cursor_u8(c); /* visibility */
    uint16_t section = cursor_le16(c);
    uint64_t value = cursor_le64(c), size = cursor_le64(c), end = 0;
    bool function = ELF64_ST_TYPE(info) == STT_FUNC || ELF64_ST_TYPE(info) == STT_GNU_IFUNC;
    return function && section != SHN_UNDEF && add_ok(value, size, &end)
               ? (struct elf_range){.start = value, .end = end}
               : (struct elf_range){.start = 0};
}

/* Among the first n functions, which are sorted and disjoint. */
static bool overlaps(const struct elf_view *e, size_t n, struct elf_range f)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        if (e->functions[middle].end <= f.start) {
            lo = middle + 1;
        } else {
            hi = middle;
        }
    }
    return lo < n && e->functions[lo].start < f.end;
}

/* Functions that .eh_frame does not name: musl is compiled without it. */
static bool read_symbols(struct elf_view *e, const struct elf_section *s, size_t framed)
{
    struct cursor c = cursor_of(section_bytes(e, s));
    uint32_t name;
    bool good = true;
    while (good && c.rest.size >= sizeof(Elf64_Sym)) {
        struct elf_range f = read_symbol(&c, &name);
        good = f.start == f.end || overlaps(e, framed, f) ||
               add_function(e, f.start, f.end - f.start, false);
    }
    return good;
}

static int by_start(const void *a, const void *b)
{
    uint64_t x = ((const struct elf_range *)a)->start;
    uint64_t y = ((const struct elf_range *)b)->start;
    if (x == y) { /* aliases next to each other */
        x = ((const struct elf_range *)a)->end;
        y = ((const struct elf_range *)b)->end;
    }
    return x < y ? -1 : x > y;
}

/* Sorted and disjoint: of two that overlap neither is certain, so both go. Names of one function
 * count once. */
static void sort_functions(struct elf_view *e)
{
    size_t n = 0;
    uint64_t end = 0; /* of all functions so far */
    if (e->function_count > 1) {
        qsort(e->functions, e->function_count, sizeof *e->functions, by_start);
    }
    for (size_t i = 0; i < e->function_count; i++) {
        struct elf_range f = e->functions[i];
        if (i > 0 && f.start == e->functions[i - 1].start && f.end == e->functions[i - 1].end) {
            continue;
        }
        if (f.start >= end) {
            e->functions[n++] = f;
        } else if (n > 0 && e->functions[n - 1].end > f.start) {
            n--;
        }
        end = f.end > end ? f.end : end;
    }
    e->function_count = n;
}

/* ---- addresses ------------------------------------------------------------------------------- */

static void note_symbols(const struct elf_view *e, const struct elf_section *s,
                         void (*note)(void *, uint64_t), void *context)
{
    struct cursor c = cursor_of(section_bytes(e, s));
    while (c.rest.size >= sizeof(Elf64_Sym)) {
        cursor_take(&c, 8); /* name, info, other, section */
        uint64_t value = cursor_le64(&c);
        cursor_take(&c, 8);
        note(context, value);
    }
}

/* Addends of relative relocations: pointers in data, tables of labels among them. */
static void note_relocations(const struct elf_view *e, const struct elf_section *s,
                             void (*note)(void *, uint64_t), void *context)
{
    struct cursor c = cursor_of(section_bytes(e, s));
    while (c.rest.size >= sizeof(Elf64_Rela)) {
        cursor_take(&c, 16);
        note(context, cursor_le64(&c));
    }
}

/* SHT_RELR packs the places of relative relocations; what they point at stands at the place. The
 * data is scanned as a whole instead: every aligned word that is an address of code counts. */
static void note_words(const struct elf_view *e, const struct elf_section *s,
                       void (*note)(void *, uint64_t), void *context)
{
    struct cursor c = cursor_of(section_bytes(e, s));
    while (c.rest.size >= 8) {
        note(context, cursor_le64(&c));
    }
}

void elf_view_addresses(const struct elf_view *e, void (*note)(void *context, uint64_t addr),
                        void *context)
{
    note(context, e->entry);
    for (size_t i = 0; i < e->section_count; i++) {
        const struct elf_section *s = &e->sections[i];
        if (s->type == SHT_SYMTAB || s->type == SHT_DYNSYM) {
            note_symbols(e, s, note, context);
        } else if (s->type == SHT_RELA) {
            note_relocations(e, s, note, context);
        } else if ((s->flags & SHF_ALLOC) != 0 && !is_code(s)) {
            note_words(e, s, note, context);
        }
    }
    for (size_t i = 0; i < e->function_count; i++) {
        note(context, e->functions[i].start);
    }
}

const struct elf_section *elf_view_section(const struct elf_view *e, const char *name)
{
    for (size_t i = 0; i < e->section_count; i++) {
        if (bytes_equal_str(e->sections[i].name, name)) {
            return &e->sections[i];
        }
    }
    return NULL;
}

struct bytes elf_view_symbol_at(const struct elf_view *e, uint64_t addr, uint64_t *ret_start)
{
    struct bytes best = {NULL, 0};
    *ret_start = 0;
    for (size_t i = 0; i < e->section_count; i++) {
        const struct elf_section *s = &e->sections[i];
        if (s->type != SHT_SYMTAB || s->link >= e->section_count) {
            continue;
        }
        struct bytes strings = section_bytes(e, &e->sections[s->link]);
        struct cursor c = cursor_of(section_bytes(e, s));
        while (c.rest.size >= sizeof(Elf64_Sym)) {
            uint32_t at = cursor_le32(&c);
            cursor_take(&c, 2); /* type, visibility */
            uint16_t section = cursor_le16(&c);
            uint64_t value = cursor_le64(&c);
            cursor_take(&c, 8);
            struct bytes name = text_at(strings, at);
            if (section != SHN_UNDEF && section < SHN_LORESERVE && name.size != 0 &&
                value <= addr && value >= *ret_start) {
                best = name;
                *ret_start = value;
            }
        }
    }
    return best;
}

/* ---- opening --------------------------------------------------------------------------------- */

bool elf_view_open(struct elf_view *ret, struct bytes file)
{
    static const uint8_t ident[] = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT};
    struct elf_view e = {.file = file};
    struct cursor c = cursor_of(file);
    struct bytes magic = cursor_take(&c, EI_NIDENT);
    uint16_t type = cursor_le16(&c);
    uint16_t machine = cursor_le16(&c);
    cursor_take(&c, 4);
    e.entry = cursor_le64(&c);
    cursor_take(&c, 8); /* e_phoff */
    uint64_t sections = cursor_le64(&c);
    cursor_take(&c, 4 + 2 + 2 + 2); /* e_flags, e_ehsize, e_phentsize, e_phnum */
    uint16_t entry_size = cursor_le16(&c);
    uint16_t count = cursor_le16(&c);
    uint16_t names = cursor_le16(&c);
    if (!cursor_ok(&c) || memcmp(magic.data, ident, sizeof ident) != 0 ||
        (type != ET_EXEC && type != ET_DYN) || machine != EM_X86_64 ||
        entry_size != sizeof(Elf64_Shdr)) {
        return false;
    }
    e.fixed = type == ET_EXEC;
    bool good = read_sections(&e, sections, count, names);
    for (size_t i = 0; good && i < e.section_count; i++) {
        if (bytes_equal_str(e.sections[i].name, ".eh_frame")) {
            good = read_frames(&e, &e.sections[i]);
        }
    }
    if (!good) {
        elf_view_close(&e);
        return false;
    }
    sort_functions(&e);
    size_t framed = e.function_count;
    for (size_t i = 0; good && i < e.section_count; i++) {
        if (e.sections[i].type == SHT_SYMTAB) {
            good = read_symbols(&e, &e.sections[i], framed);
        }
    }
    if (!good) {
        elf_view_close(&e);
        return false;
    }
    sort_functions(&e);
    *ret = e;
    return true;
}

void elf_view_close(struct elf_view *e)
{
    free(e->sections);
    free(e->functions);
    *e = (struct elf_view){0};
}
