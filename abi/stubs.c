/* SPDX-License-Identifier: Apache-2.0 */
/* Code that takes the place of `syscall` and `cpuid`, see stubs.h. Pure: both the enclave, when it
 * maps a file of a layer, and the build, when it measures a program of the shim door, make the same
 * stubs of the same table. */
#include "abi/stubs.h"

#include <errno.h>

static bool site_ok(const struct site *s)
{
    return (s->kind == SITE_SYSCALL || s->kind == SITE_CPUID) && s->patch_size >= 5 &&
           s->patch_size <= sizeof s->original && s->insn_delta == s->pre_size &&
           s->pre_size + 2 + s->post_size == s->patch_size && s->original[s->insn_delta] == 0x0f &&
           s->original[s->insn_delta + 1] == (s->kind == SITE_SYSCALL ? 0x05 : 0xa2);
}

int site_table_parse(const void *data, size_t size, uint64_t file_size, struct site_table *ret)
{
    struct sites_header h;
    if (size < sizeof h) {
        return -EINVAL;
    }
    __builtin_memcpy(&h, data, sizeof h);
    if (h.magic != SITES_MAGIC || h.file_size != file_size ||
        h.count != (size - sizeof h) / sizeof(struct site) ||
        (size - sizeof h) % sizeof(struct site) != 0) {
        return -EINVAL;
    }
    const struct site *sites = (const struct site *)((const uint8_t *)data + sizeof h);
    uint64_t end = 0;
    for (uint32_t i = 0; i < h.count; i++) {
        if (!site_ok(&sites[i]) || sites[i].patch_offset < end ||
            !range_within(sites[i].patch_offset, sites[i].patch_size, file_size)) {
            return -EINVAL;
        }
        end = sites[i].patch_offset + sites[i].patch_size;
    }
    *ret = (struct site_table){.sites = sites, .count = h.count};
    return 0;
}

/* rel32 of an instruction that ends at `end`. */
static bool relative(uint64_t end, uint64_t target, uint32_t *ret)
{
    int64_t distance = (int64_t)(target - end);
    if (distance < INT32_MIN || distance > INT32_MAX) {
        return false;
    }
    *ret = (uint32_t)(int32_t)distance;
    return true;
}

static void put_relative(struct writer *w, struct bytes opcode, uint64_t at, uint64_t target)
{
    uint32_t rel = 0;
    uint8_t le[4];
    if (!relative(at + w->size + opcode.size + 4, target, &rel)) {
        w->failed = true;
    }
    store_le32(le, rel);
    writer_put(w, opcode);
    writer_put(w, BYTES(le, sizeof le));
}

static void put_movabs_r11(struct writer *w, uint64_t value)
{
    uint8_t code[10] = {0x49, 0xbb};
    store_le64(code + 2, value);
    writer_put(w, BYTES(code, sizeof code));
}

/*  pre; movabs $entry,%r11; lea after(%rip),%rcx; jmp *%r11; after: post; jmp back
 * `syscall` destroys RCX and R11 itself. Without post bytes RCX points at the text right away. */
static void put_syscall(struct writer *w, const struct site *s, uint64_t at, uint64_t back,
                        uint64_t entry)
{
    static const uint8_t lea_rcx[] = {0x48, 0x8d, 0x0d}, jmp_r11[] = {0x41, 0xff, 0xe3};
    put_movabs_r11(w, entry);
    /* lea and jmp: 7 and 3 bytes */
    put_relative(w, BYTES(lea_rcx, 3), at, s->post_size == 0 ? back : at + w->size + 10);
    writer_put(w, BYTES(jmp_r11, 3));
}

/*  pre; lea -136(%rsp),%rsp; push %r11; movabs $entry,%r11; call *%r11; pop %r11;
 *  lea 136(%rsp),%rsp; post; jmp back: nothing but the four results changes, not even flags. */
static void put_cpuid(struct writer *w, uint64_t entry)
{
    static const uint8_t down[] = {0x48, 0x8d, 0xa4, 0x24, 0x78, 0xff, 0xff, 0xff, 0x41, 0x53};
    static const uint8_t up[] = {0x41, 0xff, 0xd3, 0x41, 0x5b, 0x48, 0x8d,
                                 0xa4, 0x24, 0x88, 0x00, 0x00, 0x00};
    writer_put(w, BYTES(down, sizeof down));
    put_movabs_r11(w, entry);
    writer_put(w, BYTES(up, sizeof up));
}

size_t stub_generate(const struct site *s, uint64_t site_at, uint64_t stub_at,
                     const struct stub_targets *targets, uint8_t ret_code[STUB_MAX])
{
    static const uint8_t jmp[] = {0xe9};
    struct writer w = writer_of(ret_code, STUB_MAX);
    uint64_t back = site_at + s->patch_size;
    writer_put(&w, BYTES(s->original, s->pre_size));
    if (s->kind == SITE_SYSCALL) {
        put_syscall(&w, s, stub_at, back, targets->syscall_entry);
    } else {
        put_cpuid(&w, targets->cpuid_entry);
    }
    if (s->post_size != 0 || s->kind == SITE_CPUID) {
        writer_put(&w, BYTES(s->original + s->insn_delta + 2, s->post_size));
        put_relative(&w, BYTES(jmp, 1), stub_at, back);
    }
    return w.failed ? 0 : w.size;
}

size_t stub_restart(const struct stub_targets *targets, uint8_t ret_code[STUB_MAX])
{
    static const uint8_t jmp_r11[] = {0x41, 0xff, 0xe3};
    struct writer w = writer_of(ret_code, STUB_MAX);
    put_movabs_r11(&w, targets->syscall_entry);
    writer_put(&w, BYTES(jmp_r11, sizeof jmp_r11));
    return w.size;
}

bool site_patch(uint64_t site_at, uint64_t stub_at, uint8_t ret_patch[5])
{
    uint32_t rel = 0;
    if (!relative(site_at + 5, stub_at, &rel)) {
        return false;
    }
    ret_patch[0] = 0xe9;
    store_le32(ret_patch + 1, rel);
    return true;
}
