/* SPDX-License-Identifier: Apache-2.0 */
/* The heap. */
#include "mm/space.h"

void mm_set_brk(uint64_t start)
{
    mm.brk_start = mm.brk = start;
}

static int64_t move_brk(uint64_t end)
{
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
    } else if (top < old_top && mm_unmap(top, old_top) != 0) {
        return (int64_t)mm.brk;
    }
    mm.brk = end;
    return (int64_t)mm.brk;
}

int64_t sys_brk(uint64_t end)
{
    int r = mm_begin_change();
    return r != 0 ? r : mm_end_change(move_brk(end));
}

void mm_brk(uint64_t *ret_start, uint64_t *ret_end)
{
    *ret_start = mm.brk_start;
    *ret_end = mm.brk;
}
