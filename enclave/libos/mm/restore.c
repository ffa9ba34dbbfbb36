/* SPDX-License-Identifier: Apache-2.0 */
/* The address space of a process that comes as an image. Trust: the image is another enclave's of
 * this tree, and what its workload chose is in it: each mapping must be one that could be here. */
#include <errno.h>

#include "mm/space.h"
#include "mm/windows.h"

static bool could_be(const struct vma *v)
{
    uint64_t end;
    bool exec = (v->prot & OS_PROT_EXEC) != 0;
    return v->start < v->end && mm_range_ok(v->start, v->end - v->start, &end) && end == v->end &&
           mm_check_prot(v->prot) == 0 && v->offset % PAGE_SIZE == 0 &&
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
    mm.mapped = mm.mapped_peak = mm_mapped_within(APP_BASE, APP_END);
    mm.charged = mm.peak = mm_charged_within(APP_BASE, APP_END);
    if (mm.charged > mm.limit) {
        return -ENOMEM;
    }
    mm_charge(0, 0);
    return 0;
}
