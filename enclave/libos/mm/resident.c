/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is to stay, or is asked whether it is there; and written back where it is a file's.
 */
#include <errno.h>

#include "mm/space.h"
#include "mm/windows.h"

static int64_t check_covered(uint64_t addr, uint64_t length)
{
    uint64_t end, start = align_down(addr, PAGE_SIZE);
    if (length == 0) {
        return 0;
    }
    if (!add_ok(length, addr - start, &length) || !mm_range_ok(start, length, &end) ||
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
    if (!mm_range_ok(addr, length, &end) || !vma_covers(addr, end)) {
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
