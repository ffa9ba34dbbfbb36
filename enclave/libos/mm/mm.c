/* SPDX-License-Identifier: Apache-2.0 */
/* The workload's address space: mmap and its relatives over enclave pages.
 *
 * Three ideas. (1) Entering the host is dear, so anonymous memory and the place for libraries are
 * committed ahead in 2 MiB steps, and what is unmapped stays committed, to be zeroed when it is
 * used again; only large ranges go back to the host. (2) A library is read and hashed once: the
 * loader first maps a whole object and then parts of it over that mapping, and the bytes that are
 * there already are used again. (3) Text is never writable once it is executable, and executable
 * only if its bytes came from a measured file and the workload never could write them (PAGE_PURE).
 *
 * The adversary: the workload chooses every argument; the host may refuse memory. Ranges are
 * checked for overflow before anything changes, and the record of pages is never ahead of what was
 * accepted. */
#include "mm/mm.h"

#include <errno.h>

#include "fs/block_cache.h"
#include "proc/call_files.h"
#include "exec/rewrite.h"
#include "proc/shares.h"
#include "mm/vma.h"
#include "mm/windows.h"

#define RETAIN_RANGE_MAX (UINT64_C(32) << 20)  /* larger unmapped ranges go back to the host */
#define RETAIN_MAX       (UINT64_C(256) << 20) /* and all beyond this much unused memory */
#define WINDOW_REACH     (UINT64_C(64) << 10) /* what a call brings of a shared mapping at a time */
#define LAZY_MIN         (UINT64_C(4) << 20)  /* smaller NORESERVE mappings are committed at once */

static struct {
    uint64_t limit;
    uint64_t charged; /* bytes that count against the limit */
    uint64_t mapped, mapped_peak, peak;
    uint64_t retained; /* committed bytes that no mapping uses; an upper bound */
    uint64_t brk_start, brk;
    uint64_t measured_end; /* adopted pages of the image lie below; 0: there are none */
    bool text_sealed;
    bool any_lazy; /* there was a lazy mapping once */
    bool frozen;
    struct wait_queue thaw;
} mm;

/* The one place where the sum changes: verified blocks may fill what it leaves. */
static void charge(uint64_t added, uint64_t removed)
{
    mm.charged += added - removed;
    mm.peak = mm.charged > mm.peak ? mm.charged : mm.peak;
    block_cache_set_room(mm.limit - mm.charged);
}

/* ---- standing still while an image is made ------------------------------------------------------ */

void mm_freeze(void)
{
    REQUIRE(!mm.frozen);
    mm.frozen = true;
}

void mm_thaw(void)
{
    mm.frozen = false;
    os_wake_all(&mm.thaw);
}

/* Before a call changes mappings or gives pages back. -ERESTARTSYS. */
static int wait_for_thaw(void)
{
    int r = 0;
    while (r == 0 && mm.frozen) {
        r = os_block(&mm.thaw, UINT64_MAX);
    }
    return r;
}

int mm_start(uint64_t limit)
{
    mm.limit = limit;
    charge(0, 0);
    return pages_start();
}

struct mm_usage mm_usage(void)
{
    return (struct mm_usage){.mapped = mm.mapped,
                             .mapped_peak = mm.mapped_peak,
                             .peak = mm.peak,
                             .charged = mm.charged,
                             .limit = mm.limit};
}

/* ---- ranges
 * ---------------------------------------------------------------------------------------- */

/* The workload's addresses without the rewriter's stubs. */
static bool range_ok(uint64_t start, uint64_t length, uint64_t *ret_end)
{
    uint64_t end;
    if (start % PAGE_SIZE != 0 || length == 0 || !align_up_ok(length, PAGE_SIZE, &length) ||
        !add_ok(start, length, &end) || start < APP_BASE || end > APP_END) {
        return false;
    }
    if (start < MM_STUBS_END && end > MM_STUBS) {
        return false;
    }
    *ret_end = end;
    return true;
}

uint8_t mm_rights(uint32_t prot)
{
    uint8_t rights = 0;
    if (prot != 0) { /* a page that can be written or executed can be read: as on x86 */
        rights = (uint8_t)SGX_SECINFO_R;
    }
    if ((prot & OS_PROT_WRITE) != 0) {
        rights |= (uint8_t)SGX_SECINFO_W;
    }
    if ((prot & OS_PROT_EXEC) != 0) {
        rights |= (uint8_t)SGX_SECINFO_X;
    }
    return rights;
}

static uint64_t charge_of(const struct vma *v, uint64_t start, uint64_t end)
{
    if (v->lazy) {
        return pages_committed(start, end);
    }
    return v->charged ? end - start : 0;
}

/* What unmapping the range would give back. */
static uint64_t charged_within(uint64_t start, uint64_t end)
{
    uint64_t sum = 0;
    for (size_t i = vma_find(start); i < vma_count() && vma_at(i)->start < end; i++) {
        const struct vma *v = vma_at(i);
        sum += charge_of(v, v->start > start ? v->start : start, v->end < end ? v->end : end);
    }
    return sum;
}

static uint64_t mapped_within(uint64_t start, uint64_t end)
{
    uint64_t sum = 0;
    for (size_t i = vma_find(start); i < vma_count() && vma_at(i)->start < end; i++) {
        const struct vma *v = vma_at(i);
        sum += (v->end < end ? v->end : end) - (v->start > start ? v->start : start);
    }
    return sum;
}

static void account_removed(uint64_t start, uint64_t end)
{
    charge(0, charged_within(start, end));
    mm.mapped -= mapped_within(start, end);
}

static void account_added(const struct vma *v)
{
    charge(charge_of(v, v->start, v->end), 0);
    mm.mapped += v->end - v->start;
    mm.mapped_peak = mm.mapped > mm.mapped_peak ? mm.mapped : mm.mapped_peak;
}

/* How far around a range memory may be committed ahead: to huge-page borders, within the region,
 * and only where no mapping is. */
static void ahead_of(uint64_t start, uint64_t end, uint64_t *ret_start, uint64_t *ret_end)
{
    *ret_start = start;
    *ret_end = end;
    if (start >= MM_RESERVE) {
        return;
    }
    uint64_t lo = align_down(start, PAGE_STEP), hi = align_down(end + PAGE_STEP - 1, PAGE_STEP);
    size_t next = vma_find(end), previous = vma_find(start);
    if (lo < APP_BASE) {
        lo = APP_BASE;
    }
    if (previous > 0 && vma_at(previous - 1)->end > lo) {
        lo = vma_at(previous - 1)->end;
    }
    if (next < vma_count() && vma_at(next)->start < hi) {
        hi = vma_at(next)->start;
    }
    if (start < MM_FILES && hi > MM_FILES) {
        hi = MM_FILES;
    }
    *ret_start = lo < start ? lo : start;
    *ret_end = hi > end ? hi : end;
}

static int take(uint64_t start, uint64_t end, bool zero)
{
    uint64_t ahead_start, ahead_end, reused = pages_committed(start, end);
    mm.retained -= reused < mm.retained ? reused : mm.retained;
    ahead_of(start, end, &ahead_start, &ahead_end);
    return pages_take(start, end, zero, ahead_start, ahead_end);
}

/* ---- unmapping
 * --------------------------------------------------------------------------------------- */

/* The pages of a range that no mapping covers any more. */
static void retire_pages(uint64_t start, uint64_t end)
{
    /* Pages of the image cannot get rights beyond those that they were measured with. */
    if (start >= mm.measured_end && end - start < RETAIN_RANGE_MAX &&
        mm.retained + (end - start) <= RETAIN_MAX && start < MM_RESERVE) {
        mm.retained += end - start;
        return;
    }
    ignore_result(pages_release(start, end), "a host that keeps the pages loses memory, not we");
}

/* What was written through shared mappings of a range goes back to their files. */
static void close_windows(uint64_t start, uint64_t end)
{
    for (size_t i = vma_find(start); i < vma_count() && vma_at(i)->start < end; i++) {
        const struct vma *v = vma_at(i);
        if (v->window) {
            mm_uncharge(window_put_back(v, v->start > start ? v->start : start,
                                        v->end < end ? v->end : end, true));
        }
    }
}

void mm_uncharge(uint64_t bytes)
{
    charge(0, bytes);
}

/* Removes mappings and their accounts; their pages stay as they are. Needs room for two. */
static void unmap_list(uint64_t start, uint64_t end)
{
    close_windows(start, end);
    account_removed(start, end);
    vma_remove(start, end);
}

static int unmap(uint64_t start, uint64_t end)
{
    int r = vma_reserve(2);
    if (r != 0) {
        return r;
    }
    bool any = !vma_free_range(start, end);
    unmap_list(start, end);
    if (any) {
        retire_pages(start, end);
    }
    return 0;
}

int64_t sys_munmap(uint64_t addr, uint64_t length)
{
    uint64_t end;
    int r = wait_for_thaw();
    return r != 0 ? r : range_ok(addr, length, &end) ? unmap(addr, end) : -EINVAL;
}

void mm_reset(void)
{
    unmap_list(APP_BASE, APP_END); /* no mapping straddles the ends: nothing is cut, nothing fails */
    mm.retained = pages_wipe(APP_BASE, MM_STUBS, RETAIN_MAX);
    mm.retained += pages_wipe(MM_STUBS_END, APP_END, RETAIN_MAX - mm.retained);
    mm.charged = mm.mapped = mm.mapped_peak = mm.peak = 0; /* an image may not have been counted */
    charge(0, 0);
    mm.brk_start = mm.brk = 0;
    mm.any_lazy = false;
}

/* ---- filling mappings
 * ---------------------------------------------------------------------------------- */

/* Bytes of [v->start, v->end) that the file covers, in whole pages. Beyond is no memory. */
static int file_extent(const struct vma *v, uint64_t *ret_end)
{
    uint64_t size, pages;
    int r = fs_file_size(v->file, &size);
    if (r != 0) {
        return r;
    }
    if (size <= v->offset || !align_up_ok(size - v->offset, PAGE_SIZE, &pages)) {
        pages = 0;
    }
    *ret_end = pages < v->end - v->start ? v->start + pages : v->end;
    return 0;
}

/* Text that lies in its place and that nobody else can have written: rewrites its sites there. */
static int rewrite_in_place(const struct rewrite_job *job, uint64_t start, uint64_t end,
                            uint64_t offset)
{
    int r = pages_take(start, end, false, start, end);
    if (r == 0) {
        r = rewrite_apply(job, (uint8_t *)app_raw(app_at(start), end - start), start, offset);
    }
    pages_mark(start, end, PAGE_FILE | PAGE_PURE);
    return r;
}

/* Other threads run: the text is made in trusted memory, copied to its place, and compared after
 * nobody can write there any more. */
static int rewrite_beside(const struct rewrite_job *job, struct file *f, uint64_t start,
                          uint64_t end, uint64_t offset)
{
    uint64_t size = end - start;
    uint8_t *text = (uint8_t *)rt_alloc(size);
    int64_t r = text == NULL ? -ENOMEM : fs_read_trusted(f, offset, text, size);
    if (r >= 0) {
        r = job->table.count == 0 ? 0 : rewrite_apply(job, text, start, offset);
    }
    if (r == 0) {
        r = take(start, end, false);
    }
    if (r == 0) {
        memcpy(app_raw(app_at(start), size), text, size);
        r = pages_protect(start, end, (uint8_t)SGX_SECINFO_R);
    }
    if (r == 0 && memcmp(app_raw(app_at(start), size), text, size) != 0) {
        rt_fatal("the workload wrote to text while it was being mapped");
    }
    pages_mark(start, end, PAGE_FILE | PAGE_PURE);
    rt_free(text);
    return (int)r;
}

/* Makes text of a measured file, in pages that hold its bytes already (here) or not yet. Afterwards
 * nobody can write to it. */
static int make_text(struct file *f, uint64_t start, uint64_t end, uint64_t offset, bool here)
{
    struct rewrite_job job;
    bool pure = here && pages_all(start, end, PAGE_PURE | PAGE_COMMITTED);
    int r = rewrite_begin(&job, f, end - start, offset);
    if (r == 0 && (!pure || (job.table.count != 0 && os.thread_count > 1))) {
        r = rewrite_beside(&job, f, start, end, offset);
    } else if (r == 0 && job.table.count != 0) {
        r = rewrite_in_place(&job, start, end, offset);
    }
    rewrite_end(&job);
    return r;
}

/* Where the bytes of a new file mapping already lie, untouched by the workload; 0: nowhere. The
 * mappings around the place of the new one are looked at: a loader maps a whole object first. */
static uint64_t bytes_in_memory(const struct vma *v, uint64_t end)
{
    const struct vma *old = vma_of(v->start);
    /* Files in memory may have changed since; measured ones cannot. */
    if (old == NULL || old->file != v->file || !fs_is_measured(v->file) ||
        old->start + v->offset < old->offset) {
        return 0;
    }
    uint64_t shift = old->start - old->offset; /* modulo 2^64 */
    uint64_t from = v->offset + shift, from_end = from + (end - v->start);
    if (from < APP_BASE || from_end > APP_END || from_end < from || !vma_covers(from, from_end)) {
        return 0;
    }
    for (size_t i = vma_find(from); i < vma_count() && vma_at(i)->start < from_end; i++) {
        if (vma_at(i)->file != v->file || vma_at(i)->start - vma_at(i)->offset != shift ||
            (vma_at(i)->prot & OS_PROT_EXEC) != 0) { /* text may have been rewritten */
            return 0;
        }
    }
    /* What is copied from there must be readable: a loader takes the rights away between segments.
     */
    uint8_t needed = PAGE_FILE | PAGE_COMMITTED | (from != v->start ? (uint8_t)SGX_SECINFO_R : 0);
    return pages_all(from, from_end, needed) ? from : 0;
}

/* from: where the bytes lie in memory, or 0: in the file. */
static int fill_from_file(const struct vma *v, uint64_t end, uint64_t from)
{
    uint64_t size = end - v->start;
    bool writable = (v->prot & OS_PROT_WRITE) != 0, text = (v->prot & OS_PROT_EXEC) != 0;
    bool alone = os.thread_count <= 1;
    int r = 0;
    if (size == 0) {
        return 0;
    }
    if ((from != v->start || writable) && (alone || !text)) {
        r = take(v->start, end, false);
        if (r == 0 && from == 0) {
            r = fs_read_into_app(v->file, app_at(v->start), size, v->offset);
        } else if (r == 0 && from != v->start) {
            memmove(app_raw(app_at(v->start), size), app_raw(app_at(from), size), size);
        }
        if (r == 0 && !writable && fs_is_measured(v->file)) {
            pages_mark(v->start, end, alone ? PAGE_FILE | PAGE_PURE : PAGE_FILE);
        }
    }
    if (r == 0 && text) {
        r = make_text(v->file, v->start, end, v->offset, alone || from == v->start);
    }
    return r == 0 ? pages_protect(v->start, end, mm_rights(v->prot)) : r;
}

static int fill_anonymous(const struct vma *v)
{
    if (v->prot == 0 || v->lazy) {
        return pages_release(v->start, v->end);
    }
    int r = take(v->start, v->end, true);
    return r == 0 ? pages_protect(v->start, v->end, mm_rights(v->prot)) : r;
}

/* ---- mmap
 * ---------------------------------------------------------------------------------------------- */

static int check_prot(uint32_t prot)
{
    if ((prot & ~(OS_PROT_READ | OS_PROT_WRITE | OS_PROT_EXEC)) != 0) {
        return -EINVAL;
    }
    return (prot & OS_PROT_EXEC) != 0 && ((prot & OS_PROT_WRITE) != 0 || mm.text_sealed) ? -EACCES
                                                                                         : 0;
}

/* Decides what a file mapping is; /dev/zero becomes anonymous. */
static int check_file(struct vma *v)
{
    struct file *f = v->file;
    switch (fs_map_kind(f)) {
    case FS_MAP_ZERO:
        v->file = NULL;
        return (v->prot & OS_PROT_EXEC) != 0 ? -EACCES : 0;
    case FS_MAP_NONE:
        return -ENODEV;
    case FS_MAP_FILE:
        v->window = v->shared;
        break;
    case FS_MAP_STATIC:
        break;
    }
    if (!fs_may_read(f) || ((v->prot & OS_PROT_EXEC) != 0 && !fs_is_measured(f)) ||
        (v->shared && (v->prot & OS_PROT_WRITE) != 0 && !fs_may_write(f))) {
        return -EACCES;
    }
    return v->shared && fs_may_write(f) && fs_content_is_sealed(f) ? -EPERM : 0;
}

static uint64_t find_place(const struct vma *v, uint64_t length)
{
    uint64_t at = 0, align = length >= PAGE_STEP ? PAGE_STEP : PAGE_SIZE;
    if (v->file != NULL && !v->window) {
        at = vma_find_free(MM_FILES, MM_FILES_END, length, PAGE_SIZE);
    } else if (v->prot == 0 || v->lazy) {
        at = vma_find_free(MM_RESERVE, MM_RESERVE_END, length, PAGE_SIZE);
    }
    if (at == 0) {
        at = vma_find_free(MM_ANON, MM_ANON_END, length, align);
    }
    if (at == 0) {
        at = vma_find_free(MM_ANON, MM_RESERVE_END, length, PAGE_SIZE);
    }
    return at;
}

static int place(struct vma *v, uint64_t addr, uint64_t length, uint32_t flags)
{
    bool fixed = (flags & (OS_MAP_FIXED | OS_MAP_FIXED_NOREPLACE)) != 0;
    uint64_t end;
    if (!align_up_ok(length, PAGE_SIZE, &length)) {
        return -ENOMEM;
    }
    if (fixed) {
        if (addr % PAGE_SIZE != 0) {
            return -EINVAL;
        }
        if (addr < APP_BASE) {
            return -EPERM; /* as below vm.mmap_min_addr */
        }
        if (!range_ok(addr, length, &end)) {
            return -ENOMEM;
        }
        if ((flags & OS_MAP_FIXED_NOREPLACE) != 0 && !vma_free_range(addr, end)) {
            return -EEXIST;
        }
        v->start = addr;
        v->end = end;
        return 0;
    }
    addr = align_down(addr, PAGE_SIZE);
    if (addr == 0 || !range_ok(addr, length, &end) || !vma_free_range(addr, end)) {
        addr = find_place(v, length);
        if (addr == 0) {
            return -ENOMEM;
        }
    }
    v->start = addr;
    v->end = addr + length;
    return 0;
}

static int64_t map_checked(struct vma *v, uint64_t addr, uint64_t length, uint32_t flags)
{
    uint32_t prot = v->prot;
    uint64_t extent = 0, from = 0;
    v->charged = prot != 0;
    v->lazy = v->window || (v->file == NULL && prot != 0 && (flags & OS_MAP_NORESERVE) != 0 &&
                            length >= LAZY_MIN);
    v->stack = v->file == NULL && prot == 0 && (flags & OS_MAP_STACK) != 0 && length >= LAZY_MIN;
    int r = place(v, addr, length, flags);
    if (r == 0) {
        extent = v->end;
        r = v->file != NULL ? file_extent(v, &extent) : 0;
    }
    if (r == 0) {
        r = vma_reserve(4);
    }
    if (r == 0) {
        r = pages_reserve(v->start, v->lazy || prot == 0 ? v->start + 1 : v->end);
    }
    if (r != 0) {
        return r;
    }
    uint64_t charge = v->charged && !v->lazy ? v->end - v->start : 0;
    uint64_t freed = charged_within(v->start, v->end);
    if (charge > freed && charge - freed > mm.limit - mm.charged) {
        return -ENOMEM;
    }
    if (v->file != NULL && prot != 0 && !v->window) {
        from = bytes_in_memory(v, extent);
    }
    mm.retained += mapped_within(v->start, v->end);
    unmap_list(v->start, v->end);
    if (v->start < mm.measured_end) {
        r = pages_release(v->start, v->end < mm.measured_end ? v->end : mm.measured_end);
    }
    if (r != 0) {
        return -ENOMEM;
    }
    if (v->file == NULL || v->window) {
        r = fill_anonymous(v);
    } else {
        r = prot == 0 ? pages_release(v->start, v->end) : fill_from_file(v, extent, from);
    }
    if (r != 0) {
        retire_pages(v->start, v->end);
        return r == -EACCES ? r : -ENOMEM;
    }
    account_added(v);
    block_cache_trim();
    vma_insert(v);
    if (v->window) {
        window_open(v);
    }
    mm.any_lazy = mm.any_lazy || v->lazy;
    return (int64_t)v->start;
}

int64_t mm_map(uint64_t addr, uint64_t length, uint32_t prot, uint32_t flags, struct file *f,
               uint64_t offset)
{
    struct vma v = {.prot = prot,
                    .file = f,
                    .offset = offset,
                    .shared = (flags & OS_MAP_TYPE) != OS_MAP_PRIVATE};
    int r = check_prot(prot);
    if (r == 0 && f == NULL && (prot & OS_PROT_EXEC) != 0) {
        r = -EACCES;
    }
    if (r == 0 && f != NULL) {
        r = check_file(&v);
    }
    return r != 0 ? r : map_checked(&v, addr, length, flags);
}

int mm_adopt(uint64_t start, uint64_t size, uint32_t prot)
{
    struct vma v = {.start = start, .prot = prot, .charged = true};
    if (!range_ok(start, size, &v.end) || !vma_free_range(start, v.end)) {
        return -EINVAL;
    }
    if (size > mm.limit - mm.charged) {
        return -ENOMEM;
    }
    int r = vma_reserve(1);
    r = r != 0 ? r : pages_reserve(start, v.end);
    if (r != 0) {
        return r;
    }
    pages_adopt(start, v.end, mm_rights(prot));
    account_added(&v);
    vma_insert(&v);
    mm.measured_end = v.end > mm.measured_end ? v.end : mm.measured_end;
    return 0;
}

void mm_seal_text(void)
{
    mm.text_sealed = true;
}

/* Other processes may come to share it: then it is as a file in memory. */
int64_t mm_map_shared_memory(uint64_t addr, uint64_t length, uint32_t prot, uint32_t flags)
{
    struct file *f;
    uint64_t pages;
    if (!align_up_ok(length, PAGE_SIZE, &pages)) {
        return -ENOMEM;
    }
    if ((prot & OS_PROT_EXEC) != 0) {
        return -EACCES;
    }
    /* As Linux refuses what can never be: pages count when they are touched. */
    int64_t r = pages > mm.limit - mm.charged ? -ENOMEM : share_memory(pages, &f);
    if (r == 0) {
        r = mm_map(addr, length, prot, flags, f, 0);
    }
    if (f != NULL) {
        file_unref(f);
    }
    return r;
}

int64_t sys_mmap(uint64_t addr, uint64_t length, uint32_t prot, uint32_t flags, int fd,
                 int64_t offset)
{
    uint32_t type = flags & OS_MAP_TYPE;
    struct file *f = NULL;
    if (length == 0 || offset < 0 || offset % (int64_t)PAGE_SIZE != 0 || type == 0 ||
        type > OS_MAP_SHARED_VALIDATE) {
        return -EINVAL;
    }
    prot &= ~UINT32_C(0x03000000); /* PROT_GROWSDOWN and PROT_GROWSUP */
    int r = wait_for_thaw();
    if (r != 0) {
        return r;
    }
    if ((flags & OS_MAP_ANONYMOUS) != 0 && type != OS_MAP_PRIVATE) {
        return mm_map_shared_memory(addr, length, prot, flags);
    }
    if ((flags & OS_MAP_ANONYMOUS) == 0) {
        if (os_is_member()) {
            return remote_mmap(addr, length, prot, flags, fd, (uint64_t)offset);
        }
        f = fd_get(fd);
        if (f == NULL) {
            return -EBADF;
        }
        if (type != OS_MAP_PRIVATE && fs_map_kind(f) == FS_MAP_ZERO) {
            return mm_map_shared_memory(addr, length, prot, flags);
        }
    }
    return mm_map(addr, length, prot, flags, f, f == NULL ? 0 : (uint64_t)offset);
}

uint64_t mm_find_object(uint64_t size)
{
    return vma_find_free(MM_FILES, MM_FILES_END, size, PAGE_SIZE);
}

/* ---- mprotect
 * ------------------------------------------------------------------------------------------ */

/* Part of the image: what was adopted, and memory that lies among it. */
static bool is_measured(const struct vma *v)
{
    return v->file == NULL && v->start < mm.measured_end;
}

static int protect_allowed(const struct vma *v, uint64_t start, uint64_t end, uint32_t prot)
{
    if ((prot & OS_PROT_WRITE) != 0 && v->shared && v->file != NULL && !fs_may_write(v->file)) {
        return -EACCES;
    }
    /* The machine never gives a page more than the image gave it. */
    for (uint64_t a = start; (prot & OS_PROT_WRITE) != 0 && is_measured(v) && a < end;
         a += PAGE_SIZE) {
        if ((pages_state(a) & PAGE_FILE) != 0) {
            return -EACCES;
        }
    }
    if ((prot & OS_PROT_EXEC) != 0 &&
        (v->file == NULL || !pages_all(start, end, PAGE_FILE | PAGE_COMMITTED))) {
        return -EACCES;
    }
    return 0;
}

/* Memory that had no rights so far gets its content now. */
static int fill_missing(const struct vma *v, uint64_t start, uint64_t end)
{
    for (;;) {
        uint64_t run, run_end;
        int r = pages_take_missing(start, end, &run, &run_end);
        if (r != 0 || run == run_end) {
            return r;
        }
        if (v->file != NULL) {
            r = fs_read_into_app(v->file, app_at(run), run_end - run, v->offset + (run - v->start));
            if (r != 0) {
                return r;
            }
        }
    }
}

/* One mapping, cut to the range. */
static int protect_mapping(struct vma *v, uint32_t prot)
{
    uint64_t end = v->end;
    int r = 0;
    if (prot != 0 && v->stack) { /* a thread's, which touches a few pages at its top */
        v->stack = false;
        v->lazy = true;
        v->charged = true;
        mm.any_lazy = true;
    }
    if (prot != 0 && !v->charged && !v->lazy) {
        if (v->end - v->start > mm.limit - mm.charged) {
            return -ENOMEM;
        }
        r = v->file != NULL ? file_extent(v, &end) : 0;
        if (r == 0) {
            r = fill_missing(v, v->start, end);
        }
        if (r != 0) {
            return r;
        }
        v->charged = true;
        charge(v->end - v->start, 0);
    }
    if ((prot & OS_PROT_EXEC) != 0 && (v->prot & OS_PROT_EXEC) == 0) {
        r = make_text(v->file, v->start, v->end, v->offset, true);
    }
    if (r == 0) {
        r = pages_protect(v->start, v->end, mm_rights(prot));
    }
    if (r == 0) {
        v->prot = prot;
    }
    return r;
}

/* Where the first hole behind start is, at most end. */
static uint64_t covered_end(uint64_t start, uint64_t end)
{
    uint64_t at = start;
    for (size_t i = vma_find(start); i < vma_count() && vma_at(i)->start <= at && at < end; i++) {
        at = vma_at(i)->end;
    }
    return at < end ? at : end;
}

#define PROT_GROWS UINT32_C(0x03000000) /* PROT_GROWSDOWN, PROT_GROWSUP */

int64_t sys_mprotect(uint64_t addr, uint64_t length, uint32_t prot)
{
    uint64_t end;
    if (addr % PAGE_SIZE != 0 || (prot & PROT_GROWS) == PROT_GROWS) {
        return -EINVAL;
    }
    prot &= ~PROT_GROWS; /* that a mapping is a stack is known already */
    if (length == 0) {
        return 0;
    }
    int r = check_prot(prot);
    r = r != 0 ? r : wait_for_thaw();
    if (r != 0) {
        return r;
    }
    if (!range_ok(addr, length, &end)) {
        return -ENOMEM;
    }
    uint64_t wanted = end; /* up to a hole it is done, and the call fails all the same, as on Linux */
    end = covered_end(addr, end);
    for (size_t i = vma_find(addr); i < vma_count() && vma_at(i)->start < end; i++) {
        const struct vma *v = vma_at(i);
        r = protect_allowed(v, v->start > addr ? v->start : addr, v->end < end ? v->end : end,
                            prot);
        if (r != 0) {
            return r;
        }
    }
    r = vma_reserve(2);
    if (r != 0) {
        return r;
    }
    vma_split(addr);
    vma_split(end);
    for (size_t i = vma_find(addr); r == 0 && i < vma_count() && vma_at(i)->start < end; i++) {
        r = protect_mapping(vma_at(i), prot);
    }
    vma_join(addr, end);
    return r == 0 && end != wanted ? -ENOMEM : r;
}

/* ---- heap
 * ---------------------------------------------------------------------------------------------- */

void mm_set_brk(uint64_t start)
{
    mm.brk_start = mm.brk = start;
}

int64_t sys_brk(uint64_t end)
{
    int r = wait_for_thaw();
    if (r != 0) {
        return r;
    }
    uint64_t old_top = align_down(mm.brk + PAGE_SIZE - 1, PAGE_SIZE), top;
    if (end < mm.brk_start || end > MM_BRK_LIMIT || !align_up_ok(end, PAGE_SIZE, &top)) {
        return (int64_t)mm.brk;
    }
    if (top > old_top) {
        if (!vma_free_range(old_top, top) ||
            mm_map(old_top, top - old_top, OS_PROT_READ | OS_PROT_WRITE,
                   OS_MAP_PRIVATE | OS_MAP_ANONYMOUS | OS_MAP_FIXED, NULL, 0) < 0) {
            return (int64_t)mm.brk;
        }
    } else if (top < old_top && unmap(top, old_top) != 0) {
        return (int64_t)mm.brk;
    }
    mm.brk = end;
    return (int64_t)mm.brk;
}

/* ---- mremap
 * -------------------------------------------------------------------------------------------- */

#define MREMAP_MAYMOVE   1u
#define MREMAP_FIXED     2u
#define MREMAP_DONTUNMAP 4u

static uint32_t flags_of(const struct vma *v)
{
    return (v->shared ? OS_MAP_SHARED : OS_MAP_PRIVATE) | (v->file == NULL ? OS_MAP_ANONYMOUS : 0) |
           (v->lazy ? OS_MAP_NORESERVE : 0);
}

static int forget(const struct vma *v, uint64_t start, uint64_t end);

/* What is left at the old place of a mapping that has moved. */
static int leave(const struct vma *v, bool keep)
{
    return keep ? forget(v, v->start, v->end) : unmap(v->start, v->end);
}

/* A copy elsewhere, then the old one goes, or, to keep it, is as if nobody had touched it yet. v is a
 * copy of the mapping cut to the old range. */
static int64_t move_mapping(const struct vma *v, uint64_t new_size, uint32_t flags,
                            uint64_t new_addr, bool keep_old)
{
    uint64_t old_size = v->end - v->start;
    uint64_t keep = old_size < new_size ? old_size : new_size;
    if (v->window ||
        (v->file != NULL && (v->prot & OS_PROT_WRITE) == 0)) { /* the file still has the content */
        int64_t at = mm_map(new_addr, new_size, v->prot, flags, v->file, v->offset);
        return at < 0 || leave(v, keep_old) == 0 ? at : -ENOMEM;
    }
    int64_t at = mm_map(new_addr, new_size, v->prot == 0 ? 0 : OS_PROT_READ | OS_PROT_WRITE, flags,
                        v->file, v->offset);
    if (at < 0) {
        return at;
    }
    int r = 0;
    for (uint64_t a = 0; r == 0 && v->prot != 0 && a < keep; a += PAGE_SIZE) {
        if ((pages_state(v->start + a) & PAGE_COMMITTED) == 0) {
            continue;
        }
        uint64_t to = (uint64_t)at + a;
        if ((pages_state(to) & PAGE_COMMITTED) == 0) { /* a lazy mapping */
            r = mm_page_in(to) ? 0 : -ENOMEM;
        }
        if (r == 0) {
            memcpy(app_raw(app_at(to), PAGE_SIZE), app_raw(app_at(v->start + a), PAGE_SIZE),
                   PAGE_SIZE);
        }
    }
    if (r == 0 && v->prot != (OS_PROT_READ | OS_PROT_WRITE) && v->prot != 0) {
        r = (int)sys_mprotect((uint64_t)at, new_size, v->prot);
    }
    if (r == 0) {
        r = leave(v, keep_old);
    }
    return r == 0 ? at : r;
}

static bool remap_flags_ok(uint64_t old_size, uint64_t new_size, uint32_t flags)
{
    const uint32_t moving = MREMAP_FIXED | MREMAP_DONTUNMAP;
    return (flags & ~(MREMAP_MAYMOVE | moving)) == 0 &&
           ((flags & moving) == 0 || (flags & MREMAP_MAYMOVE) != 0) &&
           ((flags & MREMAP_DONTUNMAP) == 0 || old_size == new_size);
}

/* Old size 0: a shared mapping gets a second one of the same bytes. */
static int64_t remap_twice(uint64_t addr, uint64_t new_size, uint32_t flags, uint64_t new_addr)
{
    const struct vma *v = vma_of(addr);
    if (v == NULL || v->foreign) {
        return -EFAULT;
    }
    if (!v->shared || v->file == NULL) {
        return -EINVAL;
    }
    if ((flags & MREMAP_MAYMOVE) == 0) {
        return -ENOMEM;
    }
    bool fixed = (flags & MREMAP_FIXED) != 0;
    struct file *f = v->file;
    file_ref(f); /* the new place may take the old one's */
    int64_t at = mm_map(fixed ? new_addr : 0, new_size, v->prot,
                        flags_of(v) | (fixed ? OS_MAP_FIXED : 0), f, v->offset + (addr - v->start));
    file_unref(f);
    return at;
}

int64_t sys_mremap(uint64_t addr, uint64_t old_size, uint64_t new_size, uint32_t flags,
                   uint64_t new_addr)
{
    uint64_t end, new_end;
    if (!remap_flags_ok(old_size, new_size, flags) || new_size == 0 || addr % PAGE_SIZE != 0 ||
        (old_size != 0 && !range_ok(addr, old_size, &end)) ||
        !align_up_ok(new_size, PAGE_SIZE, &new_size)) {
        return -EINVAL;
    }
    int err = wait_for_thaw();
    if (err != 0) {
        return err;
    }
    if (old_size == 0) {
        return remap_twice(addr, new_size, flags, new_addr);
    }
    const struct vma *found = vma_of(addr);
    if (found == NULL || found->end < end || found->foreign) {
        return -EFAULT;
    }
    struct vma v = *found;
    v.offset += v.file != NULL ? addr - v.start : 0;
    v.start = addr;
    v.end = end;
    if ((flags & MREMAP_FIXED) != 0) {
        if ((v.prot & OS_PROT_EXEC) != 0 || !range_ok(new_addr, new_size, &new_end) ||
            (new_addr < end && new_end > addr)) {
            return -EINVAL;
        }
        return move_mapping(&v, new_size, flags_of(&v) | OS_MAP_FIXED, new_addr,
                            (flags & MREMAP_DONTUNMAP) != 0);
    }
    if ((flags & MREMAP_DONTUNMAP) != 0) {
        return (v.prot & OS_PROT_EXEC) != 0 ? -EINVAL
                                            : move_mapping(&v, new_size, flags_of(&v), 0, true);
    }
    if (new_size <= end - addr) {
        return new_size == end - addr || unmap(addr + new_size, end) == 0 ? (int64_t)addr : -ENOMEM;
    }
    if ((v.prot & OS_PROT_EXEC) != 0) {
        return -EINVAL;
    }
    if (found->end == end && range_ok(addr, new_size, &new_end) && vma_free_range(end, new_end) &&
        (addr >= MM_FILES || new_end <= MM_FILES)) {
        int64_t r = mm_map(end, new_end - end, v.prot, flags_of(&v) | OS_MAP_FIXED, v.file,
                           v.file != NULL ? v.offset + (end - addr) : 0);
        if (r >= 0) {
            return (int64_t)addr;
        }
    }
    return (flags & MREMAP_MAYMOVE) != 0 ? move_mapping(&v, new_size, flags_of(&v), 0, false) : -ENOMEM;
}

/* ---- advice and its kin
 * ------------------------------------------------------------------------------------ */

enum {
    MADV_NORMAL = 0,
    MADV_WILLNEED = 3,
    MADV_DONTNEED = 4,
    MADV_FREE = 8,
    MADV_DONTFORK = 10,
    MADV_DOFORK = 11,
    MADV_MERGEABLE = 12,
    MADV_DODUMP = 17,
    MADV_WIPEONFORK = 18,
    MADV_KEEPONFORK = 19,
    MADV_COLD = 20,
    MADV_PAGEOUT = 21,
    MADV_POPULATE_WRITE = 23
};

/* Where at most a part in so many is committed, zeros are written: giving so little back, and taking
 * it again, costs three hostcalls and a fault each time. The stack of every thread that ends is such a
 * range. */
#define SPARSE 64u

static int forget(const struct vma *v, uint64_t start, uint64_t end)
{
    if (v->foreign) {
        return 0;
    }
    if (v->window) {
        mm_uncharge(window_put_back(v, start, end, true));
        return 0;
    }
    if (v->lazy) {
        uint64_t before = pages_committed(start, end);
        if (before <= (end - start) / SPARSE) {
            return pages_zero(start, end);
        }
        int r = pages_release(start, end);
        charge(0, r == 0 ? before : 0);
        return r;
    }
    if ((v->prot & OS_PROT_WRITE) == 0 && (v->file != NULL || is_measured(v))) {
        return 0; /* could not be changed: what is there is the file's */
    }
    if (v->file == NULL) {
        return pages_zero(start, end);
    }
    uint64_t extent;
    int r = file_extent(v, &extent);
    if (r != 0 || start >= extent) {
        return r;
    }
    return fs_read_into_app(v->file, app_at(start), (extent < end ? extent : end) - start,
                            v->offset + (start - v->start));
}

/* What fork is to do with a range. */
static int advise_fork(uint64_t start, uint64_t end, int advice)
{
    int r = vma_reserve(2);
    for (size_t i = vma_find(start); i < vma_count() && vma_at(i)->start < end; i++) {
        const struct vma *v = vma_at(i);
        if (advice == MADV_WIPEONFORK && (v->file != NULL || v->shared)) {
            return -EINVAL;
        }
    }
    if (r != 0) {
        return r;
    }
    vma_split(start);
    vma_split(end);
    for (size_t i = vma_find(start); i < vma_count() && vma_at(i)->start < end; i++) {
        struct vma *v = vma_at(i);
        bool fork = advice == MADV_DONTFORK || advice == MADV_DOFORK;
        v->dont_fork = fork ? advice == MADV_DONTFORK : v->dont_fork;
        v->wipe_on_fork = fork ? v->wipe_on_fork : advice == MADV_WIPEONFORK;
    }
    vma_join(start, end);
    return 0;
}

static bool is_advice(int advice)
{
    return (advice >= 0 && advice <= MADV_DONTNEED) || advice == MADV_FREE ||
           (advice >= MADV_DONTFORK && advice <= MADV_POPULATE_WRITE);
}

/* Over holes, too: what is mapped is done, and the call fails all the same, as on Linux. */
static int forget_range(uint64_t addr, uint64_t end)
{
    for (size_t i = vma_find(addr); i < vma_count() && vma_at(i)->start < end; i++) {
        const struct vma *v = vma_at(i);
        int r = forget(v, v->start > addr ? v->start : addr, v->end < end ? v->end : end);
        if (r != 0) {
            return r;
        }
    }
    return vma_covers(addr, end) ? 0 : -ENOMEM;
}

/* That it is private memory of no file: the content may stay, and does. */
static int check_free(uint64_t addr, uint64_t end)
{
    for (size_t i = vma_find(addr); i < vma_count() && vma_at(i)->start < end; i++) {
        if (vma_at(i)->file != NULL || vma_at(i)->shared) {
            return -EINVAL;
        }
    }
    return 0;
}

int64_t sys_madvise(uint64_t addr, uint64_t length, int advice)
{
    uint64_t end;
    if (addr % PAGE_SIZE != 0 || !is_advice(advice)) {
        return -EINVAL;
    }
    if (length == 0) {
        return 0;
    }
    if (!range_ok(addr, length, &end)) {
        return -EINVAL;
    }
    int err = wait_for_thaw();
    if (err != 0) {
        return err;
    }
    if (advice == MADV_DONTNEED) {
        return forget_range(addr, end);
    }
    if (!vma_covers(addr, end)) {
        return -ENOMEM;
    }
    if (advice == MADV_DONTFORK || advice == MADV_DOFORK || advice == MADV_WIPEONFORK ||
        advice == MADV_KEEPONFORK) {
        return advise_fork(addr, end, advice);
    }
    return advice == MADV_FREE ? check_free(addr, end) : 0;
}

static int64_t check_covered(uint64_t addr, uint64_t length)
{
    uint64_t end, start = align_down(addr, PAGE_SIZE);
    if (length == 0) {
        return 0;
    }
    if (!add_ok(length, addr - start, &length) || !range_ok(start, length, &end) ||
        !vma_covers(start, end)) {
        return -ENOMEM;
    }
    return 0;
}

int64_t sys_msync(uint64_t addr, uint64_t length, uint32_t flags)
{
    enum { MS_ASYNC = 1, MS_INVALIDATE = 2, MS_SYNC = 4 };
    if (addr % PAGE_SIZE != 0 || (flags & ~7u) != 0 ||
        ((flags & MS_ASYNC) != 0 && (flags & MS_SYNC) != 0)) {
        return -EINVAL;
    }
    int64_t r = check_covered(addr, length);
    for (size_t i = vma_find(addr); r == 0 && i < vma_count() && vma_at(i)->start < addr + length;
         i++) {
        const struct vma *v = vma_at(i);
        if (v->window && (flags & MS_SYNC) != 0) {
            uint64_t last = align_down(addr + length - 1, PAGE_SIZE) + PAGE_SIZE;
            r = window_sync(v, v->start > addr ? v->start : addr, v->end < last ? v->end : last);
        }
    }
    return r;
}

int64_t sys_mlock(uint64_t addr, uint64_t length)
{
    return check_covered(addr, length);
}

int64_t sys_munlock(uint64_t addr, uint64_t length)
{
    return check_covered(addr, length);
}

int64_t sys_mlock2(uint64_t addr, uint64_t length, uint32_t flags)
{
    return (flags & ~1u) != 0 ? -EINVAL : check_covered(addr, length);
}

int64_t sys_mlockall(uint32_t flags)
{
    return flags == 0 || (flags & ~7u) != 0 || flags == 4 ? -EINVAL : 0;
}

int64_t sys_munlockall(void)
{
    return 0;
}

int64_t sys_mincore(uint64_t addr, uint64_t length, app_ptr vec)
{
    uint64_t end;
    if (addr % PAGE_SIZE != 0) {
        return -EINVAL;
    }
    if (length == 0) {
        return 0;
    }
    if (!range_ok(addr, length, &end) || !vma_covers(addr, end)) {
        return -ENOMEM;
    }
    for (uint64_t i = 0; i < (end - addr) / PAGE_SIZE; i++) {
        uint8_t resident = (pages_state(addr + i * PAGE_SIZE) & PAGE_COMMITTED) != 0;
        if (copy_to_app(app_add(vec, i), &resident, 1) != 0) {
            return -EFAULT;
        }
    }
    return 0;
}

/* ---- faults and reports
 * ------------------------------------------------------------------------------------ */

bool mm_is_mapped(uint64_t addr)
{
    return vma_of(addr) != NULL;
}

bool mm_allows(uint64_t addr, uint32_t error)
{
    enum { ERROR_WRITE = 2, ERROR_FETCH = 16 };
    uint64_t needed = (error & ERROR_FETCH) != 0   ? SGX_SECINFO_X
                      : (error & ERROR_WRITE) != 0 ? SGX_SECINFO_W
                                                   : SGX_SECINFO_R;
    uint8_t state = pages_state(addr);
    return mm_is_mapped(addr) && (state & PAGE_COMMITTED) != 0 && (state & needed) != 0;
}

bool mm_beyond_file(uint64_t addr)
{
    const struct vma *v = vma_of(addr);
    uint64_t size;
    if (v != NULL && v->foreign) {
        rt_trace("0x%llx is memory shared with the process before a fork: not there (SIGBUS)",
                 (unsigned long long)addr);
        return true;
    }
    if (v != NULL && v->window && v->prot != 0 && (pages_state(addr) & PAGE_COMMITTED) == 0) {
        return true; /* there is no memory for it: as on a full tmpfs of Linux */
    }
    return v != NULL && v->file != NULL && v->prot != 0 && fs_file_size(v->file, &size) == 0 &&
           v->offset + align_down(addr - v->start, PAGE_SIZE) >= size;
}

/* Zero pages where there are none, within one anonymous lazy mapping. */
static bool page_in_run(const struct vma *v, uint64_t start, uint64_t end)
{
    uint64_t before = pages_committed(start, end);
    if (end - start - before > mm.limit - mm.charged || pages_reserve(start, end) != 0) {
        return false;
    }
    for (;;) {
        uint64_t run, run_end;
        if (pages_take_missing(start, end, &run, &run_end) != 0) {
            return false;
        }
        if (run == run_end) {
            break;
        }
    }
    charge(end - start - before, 0);
    return pages_protect(start, end, mm_rights(v->prot)) == 0;
}

int mm_populate(uint64_t start, uint64_t end)
{
    const struct vma *v = vma_of(start);
    REQUIRE(v != NULL && v->lazy && v->file == NULL && v->end >= end);
    return page_in_run(v, start, end) ? 0 : -ENOMEM;
}

/* How much a touched page brings along. Of what may be a thread's stack, of which most threads touch a
 * few pages, little at first, and as much again as is there already. */
#define STACK_MOST  (UINT64_C(16) << 20)
#define STACK_FIRST (UINT64_C(64) << 10)

static uint64_t step_at(const struct vma *v, uint64_t addr)
{
    uint64_t step = STACK_FIRST, from = align_down(addr, PAGE_STEP);
    if (v->end - v->start > STACK_MOST) {
        return PAGE_STEP;
    }
    uint64_t committed = pages_committed(from, from + PAGE_STEP);
    while (step < committed && step < PAGE_STEP) {
        step *= 2;
    }
    return step;
}

bool mm_page_in(uint64_t addr)
{
    const struct vma *v = vma_of(addr);
    if (v == NULL || !v->lazy || v->foreign || v->prot == 0 ||
        (pages_state(addr) & PAGE_COMMITTED) != 0) {
        return false;
    }
    if (v->window) {
        uint64_t bytes;
        bool came = window_page_in(v, addr, mm_rights(v->prot), mm.limit - mm.charged, &bytes);
        if (came) {
            charge(bytes, 0);
        }
        return came;
    }
    uint64_t step = step_at(v, addr), start = align_down(addr, step), end = start + step;
    start = start < v->start ? v->start : start;
    end = end > v->end ? v->end : end;
    return page_in_run(v, start, end);
}

bool mm_has_lazy(void)
{
    return mm.any_lazy;
}

bool mm_page_in_range(uint64_t addr, uint64_t size)
{
    const struct vma *v = vma_of(addr);
    uint64_t end;
    bool any = false;
    if (v == NULL || !v->lazy) {
        return false;
    }
    if (v->window && size > WINDOW_REACH) {
        size = WINDOW_REACH;
    }
    end = v->end;
    if (add_ok(addr, size, &end) && end > v->end) {
        end = v->end;
    }
    while (addr < end) {
        any = mm_page_in(addr) || any;
        addr = align_down(addr, PAGE_SIZE) + PAGE_SIZE;
    }
    return any;
}

bool os_page_in(app_ptr at, uint64_t size)
{
    /* A server's copies are not from this enclave's memory. */
    return mm.any_lazy && os_self()->server == NULL && mm_page_in_range(at.addr, size);
}

void mm_describe(uint64_t addr, char *ret, size_t capacity)
{
    const struct vma *v = vma_of(addr);
    char path[128];
    if (addr >= MM_STUBS && addr < MM_STUBS_END) {
        base_format(ret, capacity, "a rewriting stub, 0x%llx", (unsigned long long)addr);
    } else if (v == NULL) {
        base_format(ret, capacity, "0x%llx, not mapped", (unsigned long long)addr);
    } else if (v->file == NULL && v->end <= mm.measured_end) {
        base_format(ret, capacity, "0x%llx of the program", (unsigned long long)addr);
    } else if (v->file == NULL) {
        base_format(ret, capacity, "0x%llx, anonymous memory", (unsigned long long)addr);
    } else {
        fs_file_path(v->file, path, sizeof path);
        base_format(ret, capacity, "%s+0x%llx", path,
                    (unsigned long long)(v->offset + (addr - v->start)));
    }
}

static const char *label_of(const struct vma *v)
{
    if (v->start < mm.brk && v->end > mm.brk_start && v->file == NULL) {
        return "[heap]";
    }
    return os.stack_start >= v->start && os.stack_start < v->end ? "[stack]" : "";
}

void os_maps_text(struct fs_text *t)
{
    for (size_t i = 0; i < vma_count(); i++) {
        const struct vma *v = vma_at(i);
        char path[FS_PATH_MAX];
        uint32_t major = 0, minor = 0;
        uint64_t ino = 0;
        if (v->file != NULL) {
            fs_file_id(v->file, &major, &minor, &ino);
            fs_file_path(v->file, path, sizeof path);
        } else {
            base_format(path, sizeof path, "%s", label_of(v));
        }
        fs_printf(
            t, "%08llx-%08llx %c%c%c%c %08llx %02x:%02x %llu%s%s\n", (unsigned long long)v->start,
            (unsigned long long)v->end, (v->prot & OS_PROT_READ) != 0 ? 'r' : '-',
            (v->prot & OS_PROT_WRITE) != 0 ? 'w' : '-', (v->prot & OS_PROT_EXEC) != 0 ? 'x' : '-',
            v->shared ? 's' : 'p', (unsigned long long)v->offset, major, minor,
            (unsigned long long)ino, path[0] != '\0' ? "                   " : "", path);
    }
}

/* ---- the image of a process -------------------------------------------------------------------- */

void mm_brk(uint64_t *ret_start, uint64_t *ret_end)
{
    *ret_start = mm.brk_start;
    *ret_end = mm.brk;
}

static bool could_be(const struct vma *v)
{
    uint64_t end;
    bool exec = (v->prot & OS_PROT_EXEC) != 0;
    return v->start < v->end && range_ok(v->start, v->end - v->start, &end) && end == v->end &&
           check_prot(v->prot) == 0 && v->offset % PAGE_SIZE == 0 &&
           (!exec || (v->file != NULL && fs_is_measured(v->file))) &&
           (!v->foreign || (v->lazy && v->file == NULL)) &&
           (!v->window || (v->lazy && v->shared && !exec && v->file != NULL)) &&
           vma_free_range(v->start, v->end);
}

int mm_restore_mapping(const struct vma *v)
{
    int r = could_be(v) ? vma_reserve(1) : -EINVAL;
    if (r == 0) {
        vma_insert(v);
        mm.any_lazy = mm.any_lazy || v->lazy;
        if (v->window) {
            window_open(v);
        }
    }
    return r;
}

int mm_restore_done(uint64_t brk_start, uint64_t brk)
{
    if (brk_start > brk || brk > MM_BRK_LIMIT) {
        return -EINVAL;
    }
    uint64_t reused = 0;
    for (size_t i = 0; i < vma_count(); i++) {
        reused += pages_committed(vma_at(i)->start, vma_at(i)->end);
    }
    mm.retained -= reused < mm.retained ? reused : mm.retained;
    mm.brk_start = brk_start;
    mm.brk = brk;
    mm.mapped = mm.mapped_peak = mapped_within(APP_BASE, APP_END);
    mm.charged = mm.peak = charged_within(APP_BASE, APP_END);
    if (mm.charged > mm.limit) {
        return -ENOMEM;
    }
    charge(0, 0);
    return 0;
}
