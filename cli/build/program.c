/* SPDX-License-Identifier: Apache-2.0 */
/* Turns a static program into measured pages, see program.h. Nothing is decided here that changes
 * what the program does: which instructions are patched was decided when it was linked, and each
 * patch must find the bytes that it was made for. */
#include "program.h"

#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/elf.h"
#include "abi/limits.h"
#include "abi/program.h"
#include "abi/sgx.h"
#include "abi/stubs.h"
#include "elf_view.h"
#include "file.h"
#include "machine/sgxs.h"
#include "process.h"

#define PAGE             UINT64_C(4096)
#define PROGRAM_SIZE_MAX (UINT64_C(1) << 30) /* as much as lies below the libraries' place */

/* A program that was opened and found to be one that can be measured. */
struct program_file {
    struct bytes bytes;
    struct elf_image elf;
    struct elf_view view;
    uint64_t bias;   /* added to the addresses in the file */
    uint64_t loaded; /* end of the last byte in the file that is loaded */
};

/* ---- what cannot be measured ----------------------------------------------------------------- */

static int check_stack(struct bytes file, const struct elf_image *e, struct diag *d)
{
    struct cursor c = cursor_of(file);
    cursor_take(&c, offsetof(Elf64_Ehdr, e_phoff));
    uint64_t at = cursor_le64(&c);
    c = cursor_of(BYTES(file.data + at, (size_t)e->phnum * sizeof(Elf64_Phdr))); /* elf_parse() */
    for (unsigned i = 0; i < e->phnum; i++) {
        uint32_t type = cursor_le32(&c), flags = cursor_le32(&c);
        cursor_take(&c, sizeof(Elf64_Phdr) - 8);
        if (type == PT_GNU_STACK && (flags & PF_X) != 0) {
            return diag_fail(d, -ENOEXEC,
                             "asks for an executable stack, which no enclave gives: an assembler "
                             "file without a .note.GNU-stack section is the usual reason; link "
                             "with -Wl,-z,noexecstack if nothing needs it");
        }
    }
    return 0;
}

static int check_dynamic(const struct elf_view *view, struct diag *d)
{
    const struct elf_section *s = elf_view_section(view, ".dynamic");
    if (s == NULL) {
        return 0;
    }
    struct cursor c = cursor_of(elf_view_at(view, s->addr, s->size));
    while (c.rest.size >= sizeof(Elf64_Dyn)) {
        uint64_t tag = cursor_le64(&c), value = cursor_le64(&c);
        if (tag == DT_NEEDED) {
            return diag_fail(d, -ENOEXEC,
                             "needs shared libraries: the shim door measures static programs; "
                             "link with 'alcove cc', or use the library OS door");
        }
        if (tag == DT_TEXTREL || (tag == DT_FLAGS && (value & DF_TEXTREL) != 0)) {
            return diag_fail(d, -ENOEXEC,
                             "has relocations in its text, which is measured and can never be "
                             "written: compile everything with -fPIE, or link without -static-pie");
        }
    }
    return 0;
}

static int check_image(struct program_file *p, struct diag *d)
{
    const struct elf_image *e = &p->elf;
    if (e->interp_size != 0) {
        return diag_fail(d, -ENOEXEC,
                         "is linked dynamically (it asks for %.*s): the shim door measures static "
                         "programs; link with 'alcove cc', or use the library OS door",
                         (int)e->interp_size - 1, (const char *)p->bytes.data + e->interp_offset);
    }
    if (!elf_view_open(&p->view, p->bytes)) {
        return diag_fail(d, -ENOEXEC, "has no section headers; link it without removing them");
    }
    p->bias = e->fixed ? 0 : APP_PROGRAM - e->start;
    if (e->start + p->bias < APP_BASE || e->end + p->bias > APP_LIBRARIES) {
        return diag_fail(d, -ENOEXEC,
                         "occupies 0x%llx to 0x%llx; programs must lie between 0x%llx and 0x%llx: "
                         "link it for another address (-Wl,-Ttext-segment=0x400000)",
                         (unsigned long long)(e->start + p->bias),
                         (unsigned long long)(e->end + p->bias), (unsigned long long)APP_BASE,
                         (unsigned long long)APP_LIBRARIES);
    }
    for (size_t i = 0; i < e->segment_count; i++) {
        uint64_t end = e->segments[i].offset + e->segments[i].filesz;
        p->loaded = end > p->loaded ? end : p->loaded;
    }
    int err = check_stack(p->bytes, e, d);
    return err != 0 ? err : check_dynamic(&p->view, d);
}

/* Borrows the bytes. */
static int open_program(struct bytes bytes, struct program_file *ret, struct diag *d)
{
    struct program_file p = {.bytes = bytes};
    struct bytes head = BYTES(bytes.data, bytes.size < ELF_HEAD_SIZE ? bytes.size : ELF_HEAD_SIZE);
    int err = elf_parse(head, bytes.size, &p.elf, d);
    err = err != 0 ? err : check_image(&p, d);
    if (err != 0) {
        elf_view_close(&p.view);
        return err;
    }
    *ret = p;
    return 0;
}

/* ---- after linking --------------------------------------------------------------------------- */

/* Lets objcopy write the file anew: it knows how to move section headers. */
static int add_section(const char *path, struct bytes table, struct diag *d)
{
    char temporary[PATH_MAX], section[PATH_MAX], option[PATH_MAX + 32];
    if (base_format(temporary, sizeof temporary, "%s.alcove-%d", path, (int)getpid()) >=
            sizeof temporary ||
        base_format(section, sizeof section, "%s.sites", temporary) >= sizeof section) {
        return diag_fail(d, -ENAMETOOLONG, "%s: path is too long", path);
    }
    base_format(option, sizeof option, "--add-section=" PROGRAM_SITES_SECTION "=%s", section);
    const char *const argv[] = {"objcopy", "--remove-section=" PROGRAM_SITES_SECTION,
                                option,    "--set-section-flags=" PROGRAM_SITES_SECTION "=readonly",
                                path,      temporary,
                                NULL};
    struct process process;
    int err = file_write(section, table, 0644, d);
    err = err != 0 ? err : process_start(argv, -1, false, &process, d);
    err = err != 0 ? err : process_finish(&process, argv[0], d);
    err = err != 0 ? err : file_commit(temporary, path, d);
    unlink(section);
    unlink(temporary);
    return err;
}

/* The table of a program; *ret_table is malloc()ed. */
static int make_table(struct bytes program, uint8_t **ret_table, size_t *ret_size,
                      struct sites_stats *ret_stats, struct sites_trapped *ret_trapped,
                      struct diag *d)
{
    struct program_file p;
    int err = open_program(program, &p, d);
    if (err != 0) {
        return err;
    }
    struct sites_header header = {.magic = SITES_MAGIC, .file_size = p.loaded};
    elf_view_close(&p.view);
    err = sites_scan_named(program, ret_table, ret_size, ret_stats, ret_trapped, d);
    if (err == 0 && *ret_table == NULL) {
        *ret_size = sizeof header;
        *ret_table = calloc(1, sizeof header);
        err = *ret_table == NULL ? diag_fail(d, -ENOMEM, "no memory for a table") : 0;
    } else if (err == 0) {
        header.count = (uint32_t)((*ret_size - sizeof header) / sizeof(struct site));
    }
    if (err == 0) {
        memcpy(*ret_table, &header, sizeof header);
    }
    return err;
}

int program_finish(const char *path, struct sites_stats *ret_stats,
                   struct sites_trapped *ret_trapped, struct diag *d)
{
    struct mapped_file file;
    uint8_t *table = NULL;
    size_t size = 0;
    *ret_stats = (struct sites_stats){.files = 0};
    int err = mapped_file_open(&file, path, PROGRAM_SIZE_MAX, d);
    if (err != 0) {
        return err;
    }
    err = make_table(file.bytes, &table, &size, ret_stats, ret_trapped, d);
    mapped_file_close(&file);
    if (err != 0) {
        diag_prefix(d, "%s", path);
    }
    err = err != 0 ? err : add_section(path, BYTES(table, size), d);
    free(table);
    return err;
}

void program_name_address(const char *path, uint64_t addr, char *ret_text, size_t capacity)
{
    struct mapped_file file;
    struct elf_view view;
    struct diag ignored;
    base_format(ret_text, capacity, "0x%llx", (unsigned long long)addr);
    if (mapped_file_open(&file, path, PROGRAM_SIZE_MAX, &ignored) != 0) {
        return;
    }
    if (elf_view_open(&view, file.bytes)) {
        uint64_t start;
        struct bytes name = elf_view_symbol_at(&view, addr, &start);
        if (name.size != 0) {
            base_format(ret_text, capacity, "0x%llx %.*s+0x%llx", (unsigned long long)addr,
                        (int)name.size, (const char *)name.data,
                        (unsigned long long)(addr - start));
        }
        elf_view_close(&view);
    }
    mapped_file_close(&file);
}

/* ---- the image ------------------------------------------------------------------------------- */

struct image {
    const struct program_file *program;
    uint8_t *memory; /* stands for [start, start + size) of the enclave */
    uint64_t start, size;
    uint8_t *stubs;
    uint64_t stubs_size; /* used; whole pages are measured */
    uint8_t *table;      /* the program's sites */
    struct program_descriptor descriptor;
};

static uint64_t pages_up(uint64_t n)
{
    return align_down(n + PAGE - 1, PAGE);
}

static void lay_out(struct image *m)
{
    const struct elf_image *e = &m->program->elf;
    for (size_t i = 0; i < e->segment_count; i++) {
        const struct elf_segment *s = &e->segments[i];
        uint64_t at = s->vaddr + m->program->bias, start = align_down(at, PAGE);
        memcpy(m->memory + (at - m->start), m->program->bytes.data + s->offset, s->filesz);
        m->descriptor.segments[i] = (struct program_segment){
            .start = start,
            /* Text is measured whole: nothing that runs is made at run time. */
            .measured = s->exec         ? pages_up(at + s->memsz) - start
                        : s->filesz > 0 ? pages_up(at + s->filesz) - start
                                        : 0,
            .size = pages_up(at + s->memsz) - start,
            .rights =
                SGX_SECINFO_R | (s->write ? SGX_SECINFO_W : 0) | (s->exec ? SGX_SECINFO_X : 0),
        };
    }
    m->descriptor.magic = PROGRAM_MAGIC;
    m->descriptor.segment_count = e->segment_count;
    m->descriptor.entry = e->entry + m->program->bias;
    m->descriptor.phdr = e->phdr + m->program->bias;
    m->descriptor.phnum = e->phnum;
    m->descriptor.end = e->end + m->program->bias;
}

/* Where the text at a file offset lies; 0: the range is not text. */
static uint64_t text_address(const struct program_file *p, uint64_t offset, uint64_t size)
{
    for (size_t i = 0; i < p->elf.segment_count; i++) {
        const struct elf_segment *s = &p->elf.segments[i];
        if (s->exec && offset >= s->offset && range_within(offset - s->offset, size, s->filesz)) {
            return s->vaddr + (offset - s->offset) + p->bias;
        }
    }
    return 0;
}

static bool patch(struct image *m, const struct site *s, const struct stub_targets *targets)
{
    uint64_t at = text_address(m->program, s->patch_offset, s->patch_size);
    uint8_t jump[5];
    if (at == 0) {
        return false;
    }
    uint8_t *text = m->memory + (at - m->start);
    if (memcmp(text, s->original, s->patch_size) != 0 ||
        !site_patch(at, APP_STUBS + m->stubs_size, jump)) {
        return false;
    }
    size_t n = stub_generate(s, at, APP_STUBS + m->stubs_size, targets, m->stubs + m->stubs_size);
    memcpy(text, jump, n == 0 ? 0 : sizeof jump);
    m->stubs_size += n;
    return n != 0;
}

/* The sections of a file lie anywhere; a copy is aligned. */
static int read_sites(struct image *m, struct site_table *ret, struct diag *d)
{
    const struct program_file *p = m->program;
    const struct elf_section *s = elf_view_section(&p->view, PROGRAM_SITES_SECTION);
    if (s == NULL) {
        return diag_fail(d, -ENOEXEC,
                         "has no table of its system calls: link it with 'alcove cc', or add the "
                         "table with 'alcove cc --finish PROGRAM'");
    }
    struct bytes all = p->bytes;
    bool inside = range_within(s->offset, s->size, all.size);
    m->table = inside ? malloc(s->size + 1) : NULL;
    if (inside && m->table == NULL) {
        return diag_fail(d, -ENOMEM, "no memory for its table of system calls");
    }
    if (inside) {
        memcpy(m->table, all.data + s->offset, s->size);
    }
    if (!inside || site_table_parse(m->table, s->size, p->loaded, ret) != 0) {
        return diag_fail(d, -ENOEXEC,
                         "was changed after 'alcove cc' made it: its table of system calls does "
                         "not fit; link it again");
    }
    return 0;
}

static int rewrite(struct image *m, struct diag *d)
{
    static const struct stub_targets targets = {RUNTIME_SYSCALL_ENTRY, RUNTIME_CPUID_ENTRY};
    struct site_table table;
    int err = read_sites(m, &table, d);
    if (err != 0) {
        return err;
    }
    uint64_t room = pages_up((uint64_t)(table.count + 1) * STUB_MAX);
    m->stubs = room > APP_STUBS_END - APP_STUBS ? NULL : malloc(room);
    if (m->stubs == NULL) {
        return diag_fail(d, -ENOMEM, "no memory for %u stubs", table.count);
    }
    memset(m->stubs, 0xcc, room);
    m->stubs_size = stub_restart(&targets, m->stubs);
    for (uint32_t i = 0; i < table.count; i++) {
        if (!patch(m, &table.sites[i], &targets)) {
            return diag_fail(d, -ENOEXEC,
                             "was changed after 'alcove cc' made it: the system call at byte %llu "
                             "of the file is another one; link it again",
                             (unsigned long long)table.sites[i].patch_offset);
        }
    }
    memset(m->stubs + m->stubs_size, 0xcc, room - m->stubs_size);
    m->descriptor.stubs_size = pages_up(m->stubs_size);
    return 0;
}

static void append_pages(struct writer *w, uint64_t at, const uint8_t *content, uint64_t size,
                         uint64_t rights)
{
    for (uint64_t i = 0; i < size; i += PAGE) {
        sgxs_append_page(w, at + i - ELRANGE_BASE, rights | SGX_SECINFO_TYPE(SGX_PT_REG),
                         content + i);
    }
}

static int write_image(const struct image *m, struct bytes runtime, struct bytes *ret,
                       struct diag *d)
{
    const struct program_descriptor *p = &m->descriptor;
    uint8_t page[PAGE] = {0};
    uint64_t pages = 1 + p->stubs_size / PAGE;
    for (uint64_t i = 0; i < p->segment_count; i++) {
        pages += p->segments[i].measured / PAGE;
    }
    size_t size = runtime.size + pages * SGXS_PAGE_RECORDS_SIZE;
    uint8_t *out = size > IMAGE_SIZE_MAX ? NULL : malloc(size);
    if (out == NULL) {
        return diag_fail(d, -EFBIG,
                         "makes an image of %zu bytes, more than the %llu that are loaded: large "
                         "data belongs into a file of a layer",
                         size, (unsigned long long)IMAGE_SIZE_MAX);
    }
    struct writer w = writer_of(out, size);
    writer_put(&w, runtime);
    memcpy(page, p, sizeof *p);
    append_pages(&w, PROGRAM_DESCRIPTOR, page, PAGE, SGX_SECINFO_R);
    for (uint64_t i = 0; i < p->segment_count; i++) {
        const struct program_segment *s = &p->segments[i];
        append_pages(&w, s->start, m->memory + (s->start - m->start), s->measured, s->rights);
    }
    append_pages(&w, APP_STUBS, m->stubs, p->stubs_size, SGX_SECINFO_R | SGX_SECINFO_X);
    REQUIRE(!w.failed && w.size == size);
    *ret = BYTES(out, size);
    return 0;
}

int program_image(struct bytes program, struct bytes runtime, struct bytes *ret_sgxs,
                  struct diag *d)
{
    struct program_file p;
    int err = open_program(program, &p, d);
    if (err != 0) {
        return err;
    }
    struct image m = {
        .program = &p, .start = p.elf.start + p.bias, .size = p.elf.end - p.elf.start};
    m.memory = calloc(1, m.size);
    err = m.memory == NULL ? diag_fail(d, -ENOMEM, "no memory for %llu bytes of program",
                                       (unsigned long long)m.size)
                           : 0;
    if (err == 0) {
        lay_out(&m);
        err = rewrite(&m, d);
    }
    err = err != 0 ? err : program_descriptor_check(&m.descriptor, d);
    err = err != 0 ? err : write_image(&m, runtime, ret_sgxs, d);
    free(m.memory);
    free(m.stubs);
    free(m.table);
    elf_view_close(&p.view);
    return err;
}

int program_compose(const char *path, struct bytes runtime, struct bytes *ret_sgxs, struct diag *d)
{
    struct mapped_file file;
    int err = mapped_file_open(&file, path, PROGRAM_SIZE_MAX, d);
    if (err != 0) {
        return err;
    }
    err = program_image(file.bytes, runtime, ret_sgxs, d);
    mapped_file_close(&file);
    if (err != 0) {
        diag_prefix(d, "%s", path);
    }
    return err;
}
