/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of rewriting sites: those of this machine's libc and loader are checked instruction by
 * instruction, and sample functions in this very program are patched by their tables and executed.
 */
#include <Zydis/Zydis.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "elf_view.h"
#include "file.h"
#include "sites.h"
#include "tests/tap.h"

/* ---- tables of real libraries -----------------------------------------------------------------
 */

struct table {
    struct mapped_file file;
    struct elf_view elf;
    uint8_t *bytes;
    const struct site *sites;
    size_t count;
    struct sites_stats stats;
};

static bool table_open(struct table *t, const char *path)
{
    struct diag d;
    size_t size = 0;
    struct sites_header header;
    *t = (struct table){0};
    if (mapped_file_open(&t->file, path, UINT64_C(1) << 32, &d) != 0 ||
        !elf_view_open(&t->elf, t->file.bytes) ||
        sites_scan(t->file.bytes, &t->bytes, &size, &t->stats, &d) != 0 || t->bytes == NULL) {
        return false;
    }
    memcpy(&header, t->bytes, sizeof header);
    t->sites = (const struct site *)(const void *)(t->bytes + sizeof header);
    t->count = header.count;
    return header.magic == SITES_MAGIC && header.file_size == t->file.bytes.size &&
           size == sizeof header + t->count * sizeof(struct site);
}

static void table_close(struct table *t)
{
    elf_view_close(&t->elf);
    mapped_file_close(&t->file);
    free(t->bytes);
}

static bool decode(struct bytes code, uint64_t at, ZydisDecodedInstruction *ret)
{
    ZydisDecoder decoder;
    return ZYAN_SUCCESS(
               ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)) &&
           at < code.size &&
           ZYAN_SUCCESS(
               ZydisDecoderDecodeInstruction(&decoder, NULL, code.data + at, code.size - at, ret));
}

/* Whole instructions that do not depend on where they are, from `at` to exactly `end`. */
static bool movable(struct bytes code, uint64_t at, uint64_t end)
{
    ZydisDecodedInstruction i;
    while (at < end) {
        if (!decode(code, at, &i) || (i.attributes & ZYDIS_ATTRIB_IS_RELATIVE) != 0 ||
            i.meta.category == ZYDIS_CATEGORY_RET || i.meta.category == ZYDIS_CATEGORY_SYSCALL) {
            return false;
        }
        at += i.length;
    }
    return at == end;
}

static bool site_good(const struct table *t, const struct site *s)
{
    struct bytes patch = BYTES(s->original, s->patch_size);
    uint64_t after = s->insn_delta + 2u;
    return range_within(s->patch_offset, s->patch_size, t->file.bytes.size) &&
           memcmp(t->file.bytes.data + s->patch_offset, s->original, s->patch_size) == 0 &&
           s->patch_size >= 5 && s->patch_size <= sizeof s->original &&
           s->pre_size == s->insn_delta && after + s->post_size == s->patch_size &&
           memcmp(s->original + s->insn_delta, s->kind == SITE_SYSCALL ? "\x0f\x05" : "\x0f\xa2",
                  2) == 0 &&
           movable(patch, 0, s->pre_size) && movable(patch, after, s->patch_size);
}

/* Targets of direct branches, found by sweeping from every function: apart from the scanner's own
 * bookkeeping on purpose. */
static bool branch_hits(const struct table *t, uint64_t target)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct site *s = &t->sites[i];
        uint64_t inside = target - s->patch_offset;
        bool kept = inside == s->insn_delta && s->insn_delta >= 5;
        if (inside > 0 && inside < s->patch_size && !kept) {
            printf("# a branch to 0x%llx lands inside a patch\n", (unsigned long long)target);
            return true;
        }
    }
    return false;
}

static bool branches_good(const struct table *t)
{
    ZydisDecodedInstruction i;
    for (size_t k = 0; k < t->elf.function_count; k++) {
        struct elf_range f = t->elf.functions[k];
        const struct elf_section *section = elf_view_code_at(&t->elf, f.start);
        struct bytes code = elf_view_at(&t->elf, f.start, f.end - f.start);
        uint64_t offset = f.start - section->addr + section->offset;
        for (uint64_t at = 0; decode(code, at, &i); at += i.length) {
            if (i.raw.imm[0].is_relative &&
                branch_hits(t, offset + at + i.length + (uint64_t)i.raw.imm[0].value.s)) {
                return false;
            }
        }
    }
    return true;
}

static void test_library(const char *path, uint64_t calls_at_least)
{
    struct table t;
    bool opened = table_open(&t, path);
    bool good = opened;
    bool sorted = opened;
    uint64_t end = 0;
    for (size_t i = 0; good && i < t.count; i++) {
        good = site_good(&t, &t.sites[i]);
        sorted = sorted && t.sites[i].patch_offset >= end;
        end = t.sites[i].patch_offset + t.sites[i].patch_size;
    }
    const struct sites_stats *s = &t.stats;
    CHECK(opened, "%s has a table", path);
    CHECK(good, "each of its %zu sites is what the table says, and moves only what can move",
          t.count);
    CHECK(sorted, "its sites are sorted and do not overlap");
    CHECK(opened && branches_good(&t), "no branch lands inside a patch");
    CHECK(s->mov + s->relocated >= calls_at_least && s->trapped * 20 <= s->mov + s->relocated,
          "at most one in twenty of its system calls is left to trap (%llu of %llu)",
          (unsigned long long)s->trapped, (unsigned long long)(s->mov + s->relocated + s->trapped));
    table_close(&t);
}

/* ---- sample functions, patched and executed ---------------------------------------------------
 */

#define SAMPLE(name, body) SAMPLE_FRAMED(name, ".cfi_startproc\n" body "ret\n.cfi_endproc\n")
#define SAMPLE_FRAMED(name, body)                                                                  \
    __asm__(".text\n.type sample_" #name ",@function\nsample_" #name ":\n" body "sample_" #name    \
            "_end:\n.size sample_" #name ",.-sample_" #name "\n");                                 \
    long sample_##name(long a, long b);                                                            \
    extern const char sample_##name##_end[];

/* 110 is getppid, which cannot fail and changes nothing. */
SAMPLE(mov, "mov $110,%eax\nsyscall\nadd %rsi,%rax\n")
SAMPLE(before, "push %rbx\nmov %rdi,%rbx\nlea 110(%rdi),%eax\nsub %ebx,%eax\nsyscall\n"
               "jmp 1f\n1: pop %rbx\n")
SAMPLE(after, "lea 110(%rdi),%eax\nsub %edi,%eax\njmp 1f\n1: syscall\nmov %rax,%rdx\n"
              "lea 1(%rdx,%rsi),%rax\n")
SAMPLE(loop, "xor %edx,%edx\nmov $110,%eax\n1: syscall\ninc %edx\nmov %eax,%r8d\nmov $110,%eax\n"
             "cmp $3,%edx\njb 1b\nlea (%r8,%rdx),%rax\n")
SAMPLE(jump_inside, "mov $110,%eax\nxor %edx,%edx\ntest %edi,%edi\njs 1f\nnop\n1: nop\nsyscall\n"
                    "jmp 2f\n2: nop\n")
SAMPLE(crowded, "mov $110,%eax\ntest %rdi,%rdi\njz 1f\n1: syscall\ntest %eax,%eax\njz 2f\n2: nop\n")
SAMPLE(flags, "mov $110,%eax\ntest %rdi,%rdi\njz 1f\n1: syscall\ntest %rax,%rax\njz 2f\n"
              "add $9,%rax\n2: nop\n")
SAMPLE(cpuid, "push %rbx\nmov %edi,%eax\nxor %ecx,%ecx\ncpuid\nmov %ebx,%eax\npop %rbx\n")

/* As musl is compiled: only its symbol says that it is a function, and the alias says so again. */
SAMPLE_FRAMED(unframed, ".type sample_alias,@function\nsample_alias:\n.size sample_alias,11\n"
                        "mov $110,%eax\nsyscall\nadd %rsi,%rax\nret\n")

/* Data behind the code of a function that only a symbol names: it looks like a call, and is not
 * one. */
SAMPLE_FRAMED(with_data, "mov $1,%eax\nret\n.byte 0xb8,110,0,0,0,0x0f,0x05,0x48,0x01,0xf0,0xc3\n")

extern const char __executable_start[];

static const struct site *find_site(const struct table *t, const void *function, size_t size)
{
    uint64_t addr = (uint64_t)(uintptr_t)function - (uint64_t)(uintptr_t)__executable_start;
    const struct elf_section *section = elf_view_code_at(&t->elf, addr);
    uint64_t offset = section != NULL ? addr - section->addr + section->offset : 0;
    for (size_t i = 0; section != NULL && i < t->count; i++) {
        if (t->sites[i].patch_offset >= offset && t->sites[i].patch_offset < offset + size) {
            return &t->sites[i];
        }
    }
    return NULL;
}

static void put_jump(uint8_t *at, const uint8_t *to)
{
    at[0] = 0xe9;
    store_le32(at + 1, (uint32_t)(to - (at + 5)));
}

/* What the runtime does, with the instruction itself in place of the entry into the runtime. */
static bool patch(const struct table *t, const struct site *s)
{
    static uint8_t *stubs;
    const struct elf_section *section = NULL;
    for (size_t i = 0; i < t->elf.section_count && section == NULL; i++) {
        const struct elf_section *c = &t->elf.sections[i];
        bool here = s->patch_offset >= c->offset && s->patch_offset - c->offset < c->size;
        section = here && elf_view_code_at(&t->elf, c->addr) == c ? c : NULL;
    }
    uint8_t *text = (uint8_t *)(uintptr_t)__executable_start + section->addr +
                    (s->patch_offset - section->offset);
    uint8_t *page = (uint8_t *)((uintptr_t)text & ~(uintptr_t)4095);
    if (stubs == NULL) {
        stubs = mmap(page - (64 << 20), 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    }
    if (stubs == MAP_FAILED || mprotect(page, 8192, PROT_READ | PROT_WRITE | PROT_EXEC) != 0) {
        return false;
    }
    memcpy(stubs, s->original, s->patch_size);
    put_jump(stubs + s->patch_size, text + s->patch_size);
    put_jump(text, stubs);
    stubs += s->patch_size + 5u;
    return mprotect(page, 8192, PROT_READ | PROT_EXEC) == 0;
}

static void test_sample(const struct table *t, const char *name, long (*function)(long, long),
                        const char *end, bool listed)
{
    const char *start = (const char *)(uintptr_t)function;
    const struct site *s = find_site(t, start, (size_t)(end - start));
    if (!listed) {
        CHECK(s == NULL, "sample '%s' has no room for a patch and is left to trap", name);
        return;
    }
    CHECK(s != NULL && site_good(t, s), "sample '%s' has a site", name);
    long before[2] = {function(0, 5), function(1, 7)};
    bool patched = s != NULL && patch(t, s);
    CHECK(patched && function(0, 5) == before[0] && function(1, 7) == before[1],
          "sample '%s' computes the same when patched", name);
}

static bool is_named(const struct table *t, const struct sites_trapped *trapped, const char *name)
{
    for (size_t i = 0; i < trapped->count && i < SITES_NAMED_MAX; i++) {
        uint64_t start;
        if (bytes_equal_str(elf_view_symbol_at(&t->elf, trapped->at[i], &start), name)) {
            return true;
        }
    }
    return false;
}

static void test_named(const struct table *t)
{
    struct sites_trapped trapped;
    struct sites_stats stats = {0};
    struct diag d;
    uint8_t *table = NULL;
    size_t size;
    bool good = sites_scan_named(t->file.bytes, &table, &size, &stats, &trapped, &d) == 0;
    CHECK(good && is_named(t, &trapped, "sample_jump_inside") &&
              is_named(t, &trapped, "sample_crowded"),
          "what will trap is named");
    CHECK(good && !is_named(t, &trapped, "sample_mov") && trapped.count >= stats.trapped,
          "what is patched is not");
    free(table);
}

static void test_samples(void)
{
    struct table t;
    bool opened = table_open(&t, "/proc/self/exe");
    CHECK(opened, "this program has a table");
    if (!opened) {
        return;
    }
    test_sample(&t, "mov", sample_mov, sample_mov_end, true);
    test_sample(&t, "before", sample_before, sample_before_end, true);
    test_sample(&t, "after", sample_after, sample_after_end, true);
    test_sample(&t, "loop", sample_loop, sample_loop_end, true);
    test_sample(&t, "jump_inside", sample_jump_inside, sample_jump_inside_end, false);
    test_sample(&t, "crowded", sample_crowded, sample_crowded_end, false);
    test_sample(&t, "flags", sample_flags, sample_flags_end, true);
    test_sample(&t, "cpuid", sample_cpuid, sample_cpuid_end, true);
    test_sample(&t, "unframed", sample_unframed, sample_unframed_end, true);
    test_sample(&t, "with_data", sample_with_data, sample_with_data_end, false);
    test_named(&t);
    table_close(&t);
}

static void test_damage(void)
{
    struct mapped_file f;
    struct diag d;
    struct sites_stats stats = {0};
    size_t size;
    uint8_t *table;
    if (mapped_file_open(&f, "/lib64/ld-linux-x86-64.so.2", UINT64_C(1) << 32, &d) != 0) {
        SKIP("no loader", "a truncated file has no table, or a table of what is left");
        return;
    }
    bool good = true;
    for (size_t n = 0; n < f.bytes.size; n += 997) {
        good = good && sites_scan(BYTES(f.bytes.data, n), &table, &size, &stats, &d) == 0;
        free(table);
    }
    CHECK(good, "truncated files are read without harm");
    CHECK(sites_scan(BYTES_STR("#!/bin/sh\n"), &table, &size, &stats, &d) == 0 && table == NULL,
          "what is no program has no table");
    mapped_file_close(&f);
}

int main(void)
{
    test_library("/lib/x86_64-linux-gnu/libc.so.6", 400);
    test_library("/lib64/ld-linux-x86-64.so.2", 30);
    test_samples();
    test_damage();
    return tap_done();
}
