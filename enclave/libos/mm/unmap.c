/* SPDX-License-Identifier: Apache-2.0 */
/* munmap: what is unmapped stays committed, to be zeroed when it is used again; only large ranges
 * go back to the host. */
#include <errno.h>

#include "mm/space.h"
#include "mm/windows.h"

#define RETAIN_RANGE_MAX (UINT64_C(32) << 20)  /* larger unmapped ranges go back to the host */
#define RETAIN_MAX       (UINT64_C(256) << 20) /* and all beyond this much unused memory */

void mm_retire_pages(uint64_t start, uint64_t end)
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

void mm_unmap_list(uint64_t start, uint64_t end)
{
    close_windows(start, end);
    mm_account_removed(start, end);
    vma_remove(start, end);
}

int mm_unmap(uint64_t start, uint64_t end)
{
    int r = vma_reserve(2);
    if (r != 0) {
        return r;
    }
    bool any = !vma_free_range(start, end);
    mm_unmap_list(start, end);
    if (any) {
        mm_retire_pages(start, end);
    }
    return 0;
}

int64_t sys_munmap(uint64_t addr, uint64_t length)
{
    uint64_t end;
    if (!mm_range_ok(addr, length, &end)) {
        return -EINVAL;
    }
    int r = mm_begin_change();
    return r != 0 ? r : mm_end_change(mm_unmap(addr, end));
}

void mm_reset(void)
{
    mm_unmap_list(APP_BASE,
                  APP_END); /* no mapping straddles the ends: nothing is cut, nothing fails */
    mm.retained = pages_wipe(APP_BASE, MM_STUBS, RETAIN_MAX);
    mm.retained += pages_wipe(MM_STUBS_END, APP_END, RETAIN_MAX - mm.retained);
    mm.charged = mm.mapped = mm.mapped_peak = mm.peak = 0; /* an image may not have been counted */
    mm_charge(0, 0);
    mm.brk_start = mm.brk = 0;
    mm.any_lazy = false;
}
