/* SPDX-License-Identifier: Apache-2.0 */
/* Pages that come when they are touched, and what a fault means where none comes. */
#include <errno.h>

#include "mm/space.h"
#include "mm/windows.h"

#define WINDOW_REACH (UINT64_C(64) << 10) /* what a call brings of a shared mapping at a time */

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

uint64_t mm_private_data(uint64_t addr)
{
    const uint8_t state = pages_state(addr);
    const struct vma *v = vma_of(addr);
    return v != NULL && !v->shared &&
                   (state & (PAGE_COMMITTED | SGX_SECINFO_R)) == (PAGE_COMMITTED | SGX_SECINFO_R) &&
                   (state & SGX_SECINFO_X) == 0
               ? v->end - addr
               : 0;
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
    mm_charge(end - start - before, 0);
    return pages_protect(start, end, mm_rights(v->prot)) == 0;
}

int mm_populate(uint64_t start, uint64_t end)
{
    const struct vma *v = vma_of(start);
    REQUIRE(v != NULL && v->lazy && v->file == NULL && v->end >= end);
    return page_in_run(v, start, end) ? 0 : -ENOMEM;
}

/* How much a touched page brings along. Of what may be a thread's stack, of which most threads
 * touch a few pages, little at first, and as much again as is there already. */
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
            mm_charge(bytes, 0);
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
