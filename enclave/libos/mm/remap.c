/* SPDX-License-Identifier: Apache-2.0 */
/* mremap. */
#include <errno.h>

#include "mm/space.h"

#define MREMAP_MAYMOVE   1u
#define MREMAP_FIXED     2u
#define MREMAP_DONTUNMAP 4u

static uint32_t flags_of(const struct vma *v)
{
    return (v->shared ? OS_MAP_SHARED : OS_MAP_PRIVATE) | (v->file == NULL ? OS_MAP_ANONYMOUS : 0) |
           (v->lazy ? OS_MAP_NORESERVE : 0);
}

/* What is left at the old place of a mapping that has moved. */
static int leave(const struct vma *v, bool keep)
{
    return keep ? mm_forget(v, v->start, v->end) : mm_unmap(v->start, v->end);
}

/* mm_map() for mremap: what fork does with the old place it does with the new one. */
static int64_t map_like(const struct vma *v, uint64_t at, uint64_t size, int prot, uint32_t flags,
                        uint64_t offset)
{
    int64_t r = mm_map(at, size, prot, flags, v->file, offset);
    if (r < 0) {
        return r;
    }
    int err = mm_fork_as((uint64_t)r, (uint64_t)r + size, v);
    if (err != 0) {
        ignore_result(mm_unmap((uint64_t)r, (uint64_t)r + size),
                      "it stays, and nobody is told of it");
    }
    return err != 0 ? err : r;
}

/* A copy elsewhere, then the old one goes, or, to keep it, is as if nobody had touched it yet. v is
 * a copy of the mapping cut to the old range. */
static int64_t move_mapping(const struct vma *v, uint64_t new_size, uint32_t flags,
                            uint64_t new_addr, bool keep_old)
{
    uint64_t old_size = v->end - v->start;
    uint64_t keep = old_size < new_size ? old_size : new_size;
    if (v->window ||
        (v->file != NULL && (v->prot & OS_PROT_WRITE) == 0)) { /* the file still has the content */
        int64_t at = map_like(v, new_addr, new_size, v->prot, flags, v->offset);
        return at < 0 || leave(v, keep_old) == 0 ? at : -ENOMEM;
    }
    int64_t at = map_like(v, new_addr, new_size, v->prot == 0 ? 0 : OS_PROT_READ | OS_PROT_WRITE,
                          flags, v->offset);
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
        r = (int)mm_protect((uint64_t)at, new_size, v->prot);
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

static int64_t remap(uint64_t addr, uint64_t old_size, uint64_t new_size, uint32_t flags,
                     uint64_t new_addr)
{
    uint64_t end, new_end;
    if (!remap_flags_ok(old_size, new_size, flags) || new_size == 0 || addr % PAGE_SIZE != 0 ||
        (old_size != 0 && !mm_range_ok(addr, old_size, &end)) ||
        !align_up_ok(new_size, PAGE_SIZE, &new_size)) {
        return -EINVAL;
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
        if ((v.prot & OS_PROT_EXEC) != 0 || !mm_range_ok(new_addr, new_size, &new_end) ||
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
        return new_size == end - addr || mm_unmap(addr + new_size, end) == 0 ? (int64_t)addr
                                                                             : -ENOMEM;
    }
    if ((v.prot & OS_PROT_EXEC) != 0) {
        return -EINVAL;
    }
    if (found->end == end && mm_range_ok(addr, new_size, &new_end) &&
        vma_free_range(end, new_end) && (addr >= MM_FILES || new_end <= MM_FILES)) {
        int64_t r = map_like(&v, end, new_end - end, v.prot, flags_of(&v) | OS_MAP_FIXED,
                             v.file != NULL ? v.offset + (end - addr) : 0);
        if (r >= 0) {
            return (int64_t)addr;
        }
    }
    return (flags & MREMAP_MAYMOVE) != 0 ? move_mapping(&v, new_size, flags_of(&v), 0, false)
                                         : -ENOMEM;
}

int64_t sys_mremap(uint64_t addr, uint64_t old_size, uint64_t new_size, uint32_t flags,
                   uint64_t new_addr)
{
    int r = mm_begin_change();
    return r != 0 ? r : mm_end_change(remap(addr, old_size, new_size, flags, new_addr));
}
