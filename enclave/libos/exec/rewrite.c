/* SPDX-License-Identifier: Apache-2.0 */
/* Turns the `syscall` and `cpuid` instructions of a mapped file into jumps to stubs that enter the
 * runtime. Jumps, not calls: the workload's red zone must survive. Sites come from a table that was
 * made and measured with the layer, so nothing is decoded here.
 *
 * The adversary: a table is as trustworthy as its layer, which is measured; still every entry is
 * bounds-checked and compared with the mapped bytes, so that a wrong table costs speed, or at worst
 * gives the workload other instructions of its own. Stubs are written while their pages are not
 * executable and made executable after that, for good. */
#include "exec/rewrite.h"

#include <errno.h>

#include "mm/mm.h"

#define STUB_CHUNK (UINT64_C(256) << 10)

static struct {
    uint64_t next;      /* first byte not yet used, page aligned between files */
    uint64_t committed; /* end of committed stub memory */
    uint64_t kept; /* stubs below stay for good: the restart stub's, or the image's */
    uint64_t restart;
    struct stub_targets targets;
} stubs = {.next = MM_STUBS, .committed = MM_STUBS};

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

int rewrite_start(uint64_t measured)
{
    stubs.targets.syscall_entry = rt_syscall_entry();
    stubs.targets.cpuid_entry = rt_cpuid_entry();
    stubs.restart = MM_STUBS;
    if (measured != 0) {
        stubs.next = stubs.committed = stubs.kept = MM_STUBS + measured;
        return 0;
    }
    uint8_t code[STUB_MAX];
    size_t size = stub_restart(&stubs.targets, code);
    int r = reserve(PAGE_SIZE);
    r = r != 0 ? r : seal(code, size);
    stubs.kept = stubs.next;
    return r;
}

/* Stubs cannot be written over. The rest of what is committed is: its pages were never anything
 * else. */
void rewrite_reset(void)
{
    uint64_t used = stubs.next - stubs.kept, rest = stubs.committed - stubs.next;
    int r = 0;
    if (used != 0) {
        r = rt_mem_release(app_at(stubs.kept), used, SGX_SECINFO_R | SGX_SECINFO_X);
    }
    if (r == 0 && used != 0 && rest != 0) {
        r = rt_mem_release(app_at(stubs.next), rest, SGX_SECINFO_R | SGX_SECINFO_W);
    }
    if (r != 0) {
        rt_fatal("the host did not take back stubs of a program that is gone");
    }
    if (used != 0) {
        stubs.next = stubs.committed = stubs.kept;
    }
}

void rewrite_made(uint64_t *ret_start, uint64_t *ret_end)
{
    *ret_start = stubs.kept;
    *ret_end = stubs.next;
}

int rewrite_restore(const uint8_t *code, uint64_t size)
{
    int r = reserve(size);
    return r == 0 ? seal(code, size) : r;
}

bool rewrite_is_stub(uint64_t addr)
{
    return addr >= MM_STUBS && addr < stubs.next;
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
