/* SPDX-License-Identifier: Apache-2.0 */
/* mmap: where a mapping goes and whether it may be. Everything is checked before the first mapping
 * or page changes. */
#include <errno.h>

#include "fs/block_cache.h"
#include "mm/space.h"
#include "mm/windows.h"
#include "proc/call_files.h"
#include "proc/shares.h"

#define LAZY_MIN (UINT64_C(4) << 20) /* smaller NORESERVE mappings are committed at once */

int mm_check_prot(uint32_t prot)
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
        if (!mm_range_ok(addr, length, &end)) {
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
    if (addr == 0 || !mm_range_ok(addr, length, &end) || !vma_free_range(addr, end)) {
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
        r = v->file != NULL ? mm_file_extent(v, &extent) : 0;
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
    uint64_t freed = mm_charged_within(v->start, v->end);
    if (charge > freed && charge - freed > mm.limit - mm.charged) {
        return -ENOMEM;
    }
    if (v->file != NULL && prot != 0 && !v->window) {
        from = mm_bytes_in_memory(v, extent);
    }
    mm.retained += mm_mapped_within(v->start, v->end);
    mm_unmap_list(v->start, v->end);
    if (v->start < mm.measured_end) {
        r = pages_release(v->start, v->end < mm.measured_end ? v->end : mm.measured_end);
    }
    if (r != 0) {
        return -ENOMEM;
    }
    if (v->file == NULL || v->window) {
        r = mm_fill_anonymous(v);
    } else {
        r = prot == 0 ? pages_release(v->start, v->end) : mm_fill_from_file(v, extent, from);
    }
    if (r != 0) {
        mm_retire_pages(v->start, v->end);
        return r == -EACCES ? r : -ENOMEM;
    }
    mm_account_added(v);
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
    int r = mm_check_prot(prot);
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
    if (!mm_range_ok(start, size, &v.end) || !vma_free_range(start, v.end)) {
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
    mm_account_added(&v);
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
    struct file *f = NULL;
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

/* Libraries that make function pointers at run time (libffi, cffi) ask for a page or a few at a
 * time, writable and executable, for trampolines. They get data, as /proc/PID/maps says, and what
 * is jumped to there is read instead of run (exec/trampoline.h). Those that make machine code ask
 * for no less than 64 KiB, or map over what they have reserved, or change rights afterwards: they
 * are told that there is none, and many then do without (docs/decisions/020-trampolines.md). */
#define TRAMPOLINES_END (UINT64_C(64) << 10)

static uint32_t as_data(uint64_t length, uint32_t prot, uint32_t flags)
{
    const uint32_t data = OS_PROT_READ | OS_PROT_WRITE;
    const uint32_t fixed = OS_MAP_FIXED | OS_MAP_FIXED_NOREPLACE;
    return prot == (data | OS_PROT_EXEC) && (flags & OS_MAP_TYPE) == OS_MAP_PRIVATE &&
                   (flags & OS_MAP_ANONYMOUS) != 0 && (flags & fixed) == 0 &&
                   length < TRAMPOLINES_END
               ? data
               : prot;
}

static int64_t map(uint64_t addr, uint64_t length, uint32_t prot, uint32_t flags, int fd,
                   int64_t offset)
{
    uint32_t type = flags & OS_MAP_TYPE;
    struct file *f = NULL;
    if (length == 0 || offset < 0 || offset % (int64_t)PAGE_SIZE != 0 || type == 0 ||
        type > OS_MAP_SHARED_VALIDATE) {
        return -EINVAL;
    }
    prot &= ~UINT32_C(0x03000000); /* PROT_GROWSDOWN and PROT_GROWSUP */
    prot = as_data(length, prot, flags);
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

int64_t sys_mmap(uint64_t addr, uint64_t length, uint32_t prot, uint32_t flags, int fd,
                 int64_t offset)
{
    int r = mm_begin_change();
    return r != 0 ? r : mm_end_change(map(addr, length, prot, flags, fd, offset));
}

uint64_t mm_find_object(uint64_t size)
{
    return vma_find_free(MM_FILES, MM_FILES_END, size, PAGE_SIZE);
}
