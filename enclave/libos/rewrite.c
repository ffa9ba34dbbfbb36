/* SPDX-License-Identifier: Apache-2.0 */
/* Turns the `syscall` and `cpuid` instructions of a mapped file into jumps to stubs that enter the
 * runtime. Jumps, not calls: the workload's red zone must survive. Sites come from a table that was
 * made and measured with the layer, so nothing is decoded here.
 *
 * The adversary: a table is as trustworthy as its layer, which is measured; still every entry is
 * bounds-checked and compared with the mapped bytes, so that a wrong table costs speed, or at worst
 * gives the workload other instructions of its own. Stubs are written while their pages are not
 * executable and made executable after that, for good. */
#include "rewrite.h"

#include <errno.h>

#include "mm.h"

#define STUB_CHUNK (UINT64_C(256) << 10)

static struct {
    uint64_t next;      /* first byte not yet used, page aligned between files */
    uint64_t committed; /* end of committed stub memory */
    uint64_t restart;
    struct stub_targets targets;
} stubs = {.next = MM_STUBS, .committed = MM_STUBS};

/* ---- tables and code
 * ------------------------------------------------------------------------------ */

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
    memcpy(&h, data, sizeof h);
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

/* ---- in the enclave
 * ------------------------------------------------------------------------------- */

/* Makes [stubs.next, +size) committed and writable. */
static int reserve(uint64_t size)
{
    uint64_t end;
    if (!add_ok(stubs.next, size, &end) || end > MM_STUBS_END) {
        return -ENOMEM;
    }
    if (end <= stubs.committed) {
        return 0;
    }
    uint64_t more = end - stubs.committed;
    if (!align_up_ok(more, STUB_CHUNK, &more) || more > MM_STUBS_END - stubs.committed) {
        more = MM_STUBS_END - stubs.committed;
    }
    int r = rt_mem_commit(app_at(stubs.committed), more);
    if (r == 0) {
        stubs.committed += more;
    }
    return r;
}

/* Puts code where the next stubs belong and makes it executable, for good. It is compared once
 * nobody can write there any more: until then other threads of the workload could. */
static int seal(const uint8_t *code, uint64_t size)
{
    uint64_t pages = align_down(size + PAGE_SIZE - 1, PAGE_SIZE);
    app_ptr at = app_at(stubs.next);
    const uint64_t rw = SGX_SECINFO_R | SGX_SECINFO_W;
    memcpy(app_raw(at, size), code, size);
    int r = rt_mem_protect(at, pages, rw, SGX_SECINFO_R);
    if (r != 0) {
        return r;
    }
    stubs.next += pages;
    if (memcmp(app_raw(at, size), code, size) != 0) {
        rt_fatal("the workload wrote to stubs while they were made");
    }
    return rt_mem_protect(at, pages, SGX_SECINFO_R, SGX_SECINFO_R | SGX_SECINFO_X);
}

int rewrite_start(void)
{
    static const uint8_t jmp_r11[] = {0x41, 0xff, 0xe3};
    stubs.targets.syscall_entry = rt_syscall_entry();
    stubs.targets.cpuid_entry = rt_cpuid_entry();
    int r = reserve(PAGE_SIZE);
    if (r != 0) {
        return r;
    }
    uint8_t code[PAGE_SIZE] = {0};
    struct writer w = writer_of(code, sizeof code);
    put_movabs_r11(&w, stubs.targets.syscall_entry);
    writer_put(&w, BYTES(jmp_r11, sizeof jmp_r11));
    stubs.restart = stubs.next;
    return seal(code, sizeof code);
}

uint64_t rewrite_restart_address(void)
{
    return stubs.restart;
}

/* Sites wholly inside [offset, offset+size) of the file. */
static struct site_table sites_within(struct site_table all, uint64_t offset, uint64_t size)
{
    uint32_t first = 0, last;
    while (first < all.count && all.sites[first].patch_offset < offset) {
        first++;
    }
    last = first;
    while (last < all.count &&
           range_within(all.sites[last].patch_offset - offset, all.sites[last].patch_size, size)) {
        last++;
    }
    return (struct site_table){.sites = all.sites + first, .count = last - first};
}

int rewrite_begin(struct rewrite_job *job, struct file *f, uint64_t size, uint64_t offset)
{
    size_t data_size = 0;
    uint64_t file_size = 0;
    struct site_table table;

    *job = (struct rewrite_job){.data = NULL};
    int r = fs_sites(f, &job->data, &data_size);
    if (r != 0) {
        job->data = NULL;
        return r == -ENOMEM ? r : 0;
    }
    if (fs_file_size(f, &file_size) == 0 &&
        site_table_parse(job->data, data_size, file_size, &table) == 0) {
        job->table = sites_within(table, offset, size);
    } else {
        rt_trace("a rewriting table is malformed or of another file: its sites trap");
    }
    return 0;
}

void rewrite_end(struct rewrite_job *job)
{
    rt_free(job->data);
    job->data = NULL;
}

int rewrite_apply(const struct rewrite_job *job, uint8_t *text, uint64_t at, uint64_t offset)
{
    uint64_t room = align_down((uint64_t)job->table.count * STUB_MAX + PAGE_SIZE, PAGE_SIZE);
    uint8_t *code = (uint8_t *)rt_alloc(room);
    if (code == NULL || reserve(room) != 0) {
        rt_free(code);
        return 0; /* no room for stubs: the sites trap */
    }
    uint64_t used = 0;
    for (uint32_t i = 0; i < job->table.count; i++) {
        const struct site *s = &job->table.sites[i];
        uint64_t place = s->patch_offset - offset, stub = stubs.next + used;
        uint8_t patch[5];
        if (memcmp(text + place, s->original, s->patch_size) != 0 ||
            !site_patch(at + place, stub, patch)) {
            continue; /* it will trap */
        }
        size_t n = stub_generate(s, at + place, stub, &stubs.targets, code + used);
        if (n != 0) {
            memcpy(text + place, patch, sizeof patch);
            used += n;
        }
    }
    int r = used == 0 ? 0 : seal(code, used);
    rt_free(code);
    return r;
}
