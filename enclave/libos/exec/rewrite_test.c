/* SPDX-License-Identifier: Apache-2.0 */
/* Stubs are generated for synthetic code, written into memory and run: results, registers, flags
 * and red zone must be what the original instructions leave. */
#include "exec/rewrite.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "test_shim.h"
#include "tests/tap.h"

/* Stand-ins for the runtime's entries. They leave the stack alone, as the real ones do. */
void test_syscall_entry(void);
void test_cpuid_entry(void);
extern uint64_t test_seen_rax, test_seen_rcx;
uint64_t test_seen_rax, test_seen_rcx;
__asm__(".text\n"
        ".globl test_syscall_entry\n"
        "test_syscall_entry:\n"
        "  mov %rax, test_seen_rax(%rip)\n"
        "  mov %rcx, test_seen_rcx(%rip)\n"
        "  lea 1000(%rax), %rax\n" /* the result; flags and stack stay */
        "  jmp *%rcx\n"
        ".globl test_cpuid_entry\n"
        "test_cpuid_entry:\n"
        "  pushfq\n"
        "  lea 1(%rax), %eax\n"
        "  mov $2, %ebx\n"
        "  mov $3, %ecx\n"
        "  mov $4, %edx\n"
        "  popfq\n"
        "  ret\n");

/* Calls code with known registers and a red zone full of marks; tells what came back. */
struct outcome {
    uint64_t rax, rbx, rcx, rdx, rsi, r10, r12, flags;
    uint64_t red_zone_intact;
};
void test_run(void *code, struct outcome *ret);
__asm__(".text\n"
        ".globl test_run\n"
        "test_run:\n"
        "  push %rbx\n"
        "  push %r12\n"
        "  push %r13\n"
        "  mov %rsi, %r13\n"
        "  lea 1f(%rip), %r8\n"
        "  movabs $0x5a5a5a5a5a5a5a5a, %rax\n"
        "  mov %rax, -8(%rsp)\n"
        "  mov %rax, -64(%rsp)\n"
        "  mov %rax, -128(%rsp)\n"
        "  mov $7, %eax\n"
        "  mov $11, %esi\n"
        "  mov $12, %r10d\n"
        "  mov $13, %r12d\n"
        "  mov $14, %ebx\n"
        "  xor %ecx, %ecx\n"
        "  cmp $8, %eax\n" /* CF=1 SF=1 ZF=0 */
        "  jmp *%rdi\n"
        "1:\n"
        "  mov %rax, 0(%r13)\n"
        "  mov %rbx, 8(%r13)\n"
        "  mov %rcx, 16(%r13)\n"
        "  mov %rdx, 24(%r13)\n"
        "  mov %rsi, 32(%r13)\n"
        "  mov %r10, 40(%r13)\n"
        "  mov %r12, 48(%r13)\n"
        "  mov $0, %edx\n"
        "  movabs $0x5a5a5a5a5a5a5a5a, %rax\n"
        "  cmp %rax, -8(%rsp)\n"
        "  jne 2f\n"
        "  cmp %rax, -64(%rsp)\n"
        "  jne 2f\n"
        "  cmp %rax, -128(%rsp)\n"
        "  jne 2f\n"
        "  mov $1, %edx\n"
        "2: mov %rdx, 64(%r13)\n"
        "  pop %r13\n"
        "  pop %r12\n"
        "  pop %rbx\n"
        "  ret\n");

static uint8_t *text, *stub_memory;
static const uint8_t go_back[] = {0x41, 0xff, 0xe0}; /* jmp *%r8 */

static struct site make_site(enum site_kind kind, const char *pre, size_t pre_size,
                             const char *post, size_t post_size)
{
    struct site s = {.kind = kind,
                     .patch_size = (uint8_t)(pre_size + 2 + post_size),
                     .insn_delta = (uint8_t)pre_size,
                     .pre_size = (uint8_t)pre_size,
                     .post_size = (uint8_t)post_size};
    memcpy(s.original, pre, pre_size);
    memcpy(s.original + pre_size, kind == SITE_SYSCALL ? "\x0f\x05" : "\x0f\xa2", 2);
    memcpy(s.original + pre_size + 2, post, post_size);
    return s;
}

static bool run_site(const struct site *s, struct outcome *ret)
{
    const struct stub_targets targets = {(uint64_t)(uintptr_t)test_syscall_entry,
                                         (uint64_t)(uintptr_t)test_cpuid_entry};
    uint8_t patch[5], stub[STUB_MAX];
    uint64_t site_at = (uint64_t)(uintptr_t)text, stub_at = (uint64_t)(uintptr_t)stub_memory;
    memcpy(text, s->original, s->patch_size);
    memcpy(text + s->patch_size, go_back, sizeof go_back);
    size_t n = stub_generate(s, site_at, stub_at, &targets, stub);
    if (n == 0 || !site_patch(site_at, stub_at, patch)) {
        return false;
    }
    memcpy(stub_memory, stub, n);
    memcpy(text, patch, sizeof patch);
    memset(ret, 0, sizeof *ret);
    test_run(text, ret);
    return true;
}

static void test_stubs(void)
{
    struct outcome o;
    struct site s = make_site(SITE_SYSCALL, "\xb8\x27\x00\x00\x00", 5, "", 0); /* mov $39,%eax */
    CHECK(run_site(&s, &o) && test_seen_rax == 39 && o.rax == 1039 &&
              test_seen_rcx == (uint64_t)(uintptr_t)text + 7 && o.red_zone_intact,
          "mov and syscall: number, result, return address and red zone are right");
    s = make_site(SITE_SYSCALL, "", 0, "\x48\x89\xc6", 3); /* mov %rax,%rsi */
    CHECK(run_site(&s, &o) && o.rax == 1007 && o.rsi == 1007 && o.red_zone_intact,
          "instructions after the syscall run after it");
    s = make_site(SITE_SYSCALL, "\x49\x89\xca", 3, "\x49\x89\xc4",
                  3); /* mov %rcx,%r10; mov %rax,%r12 */
    CHECK(run_site(&s, &o) && o.r10 == 0 && o.r12 == 1007,
          "instructions on both sides keep their order");
    s = make_site(SITE_CPUID, "\x31\xc0\x90", 3, "\x90", 1); /* xor %eax,%eax; nop */
    CHECK(run_site(&s, &o) && o.rax == 1 && o.rbx == 2 && o.rcx == 3 && o.rdx == 4 && o.rsi == 11 &&
              o.r10 == 12 && o.r12 == 13 && o.red_zone_intact,
          "cpuid changes its four registers and nothing else");
    s = make_site(SITE_CPUID, "\x0f\x1f\x00", 3, "\x0f\x92\xc0", 3); /* nop; setc %al */
    CHECK(run_site(&s, &o) && (o.rax & 0xff) == 1, "flags survive a cpuid");
}

static void test_distance(void)
{
    const struct stub_targets targets = {1, 2};
    uint8_t code[STUB_MAX], patch[5];
    struct site s = make_site(SITE_SYSCALL, "\xb8\x27\x00\x00\x00", 5, "", 0);
    CHECK(!site_patch(0x400000, 0x100400000, patch) && site_patch(0x400000, 0x78000000, patch),
          "a stub more than 2 GiB away is not used");
    CHECK(stub_generate(&s, 0x100400000, 0x400000, &targets, code) == 0,
          "a stub that cannot reach back is not made");
}

struct table {
    struct sites_header header;
    struct site sites[3];
};

static struct table good_table(void)
{
    struct table t = {.header = {.magic = SITES_MAGIC, .file_size = 20480, .count = 3}};
    for (unsigned i = 0; i < 3; i++) {
        t.sites[i] = make_site(SITE_SYSCALL, "\xb8\x27\x00\x00\x00", 5, "", 0);
        t.sites[i].patch_offset = 4096 + i * 100;
    }
    return t;
}

static void test_tables(void)
{
    struct site_table out;
    struct table t = good_table();
    CHECK(site_table_parse(&t, sizeof t, 20480, &out) == 0 && out.count == 3,
          "a good table is read");
    CHECK(site_table_parse(&t, sizeof t - 1, 20480, &out) == -EINVAL &&
              site_table_parse(&t, 10, 20480, &out) == -EINVAL,
          "a truncated table is refused");
    CHECK(site_table_parse(&t, sizeof t, 20481, &out) == -EINVAL,
          "a table of another file is refused");
    t = good_table();
    t.sites[1].patch_offset = 4096 + 3;
    CHECK(site_table_parse(&t, sizeof t, 20480, &out) == -EINVAL, "overlapping sites are refused");
    t = good_table();
    t.sites[2].patch_offset = UINT64_MAX - 2;
    CHECK(site_table_parse(&t, sizeof t, 20480, &out) == -EINVAL,
          "a site beyond the file is refused");
    t = good_table();
    t.sites[0].post_size = 200;
    CHECK(site_table_parse(&t, sizeof t, 20480, &out) == -EINVAL,
          "sizes that do not add up are refused");
    t = good_table();
    t.sites[0].original[6] = 0x0b;
    CHECK(site_table_parse(&t, sizeof t, 20480, &out) == -EINVAL,
          "a site without syscall is refused");
    t = good_table();
    t.header.count = UINT32_MAX;
    CHECK(site_table_parse(&t, sizeof t, 20480, &out) == -EINVAL,
          "a count beyond the table is refused");
}

static void test_apply(void)
{
    struct table t = good_table();
    struct file f = {.measured = true, .size = 20480, .sites = &t, .sites_size = sizeof t};
    struct rewrite_job job;
    REQUIRE(rewrite_start(0) == 0);
    CHECK(shim_rights(rewrite_restart_address()) == 5,
          "the restart stub is executable, not writable");
    uint64_t at = UINT64_C(0x50000000);
    REQUIRE(rt_mem_commit(app_at(at), 4096) == 0);
    memcpy(shim_at(at), t.sites[0].original, 7);
    memcpy(shim_at(at + 200), t.sites[2].original, 7); /* the second site has other bytes */
    REQUIRE(rewrite_begin(&job, &f, 4096, 4096) == 0 && job.table.count == 3);
    CHECK(rewrite_apply(&job, shim_at(at), at, 4096) == 0 && *shim_at(at) == 0xe9 &&
              *shim_at(at + 100) == 0 && *shim_at(at + 200) == 0xe9,
          "sites whose bytes are not the expected ones are left alone");
    CHECK(memcmp(shim_at(at + 5), "\x0f\x05", 2) == 0,
          "the syscall instruction stays in its place");
    rewrite_end(&job);
    REQUIRE(rewrite_begin(&job, &f, 150, 4096 + 50) == 0);
    CHECK(job.table.count == 1, "only sites wholly inside the mapping count");
    rewrite_end(&job);
}

int main(void)
{
    shim_start(64 << 20);
    int rwx = PROT_READ | PROT_WRITE | PROT_EXEC;
    text = (uint8_t *)mmap(NULL, 8192, rwx, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(text != MAP_FAILED);
    stub_memory = text + 4096;
    test_stubs();
    test_distance();
    test_tables();
    test_apply();
    return tap_done();
}
