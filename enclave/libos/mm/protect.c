/* SPDX-License-Identifier: Apache-2.0 */
/* mprotect, under W^X. */
#include <errno.h>

#include "mm/space.h"

bool mm_is_measured(const struct vma *v)
{
    return v->file == NULL && v->start < mm.measured_end;
}

static int protect_allowed(const struct vma *v, uint64_t start, uint64_t end, uint32_t prot)
{
    if ((prot & OS_PROT_WRITE) != 0 && v->shared && v->file != NULL && !fs_may_write(v->file)) {
        return -EACCES;
    }
    /* The machine never gives a page more than the image gave it. */
    for (uint64_t a = start; (prot & OS_PROT_WRITE) != 0 && mm_is_measured(v) && a < end;
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
        r = v->file != NULL ? mm_file_extent(v, &end) : 0;
        if (r == 0) {
            r = fill_missing(v, v->start, end);
        }
        if (r != 0) {
            return r;
        }
        v->charged = true;
        mm_charge(v->end - v->start, 0);
    }
    if ((prot & OS_PROT_EXEC) != 0 && (v->prot & OS_PROT_EXEC) == 0) {
        r = mm_make_text(v->file, v->start, v->end, v->offset, true);
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

/* A thread's stack, or the first one's, that is to be executable for trampolines of nested
 * functions, says a program or library that has some: it stays data, and they are followed
 * (exec/trampoline.h). */
static bool is_stack_for_trampolines(uint64_t start, uint64_t end, uint32_t prot)
{
    bool stack = prot == (OS_PROT_READ | OS_PROT_WRITE | OS_PROT_EXEC);
    for (size_t i = vma_find(start); stack && i < vma_count() && vma_at(i)->start < end; i++) {
        const struct vma *v = vma_at(i);
        stack = v->stack || (os.stack_start >= v->start && os.stack_start < v->end);
    }
    return stack && vma_covers(start, end);
}

#define PROT_GROWS UINT32_C(0x03000000) /* PROT_GROWSDOWN, PROT_GROWSUP */

int64_t mm_protect(uint64_t addr, uint64_t length, uint32_t prot)
{
    uint64_t end;
    if (addr % PAGE_SIZE != 0 || (prot & PROT_GROWS) == PROT_GROWS) {
        return -EINVAL;
    }
    prot &= ~PROT_GROWS; /* that a mapping is a stack is known already */
    if (length == 0) {
        return 0;
    }
    const bool fits = mm_range_ok(addr, length, &end);
    if (fits && is_stack_for_trampolines(addr, end, prot)) {
        prot &= ~OS_PROT_EXEC;
    }
    int r = mm_check_prot(prot);
    if (r != 0) {
        return r;
    }
    if (!fits) {
        return -ENOMEM;
    }
    uint64_t wanted =
        end; /* up to a hole it is done, and the call fails all the same, as on Linux */
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

int64_t sys_mprotect(uint64_t addr, uint64_t length, uint32_t prot)
{
    int r = mm_begin_change();
    return r != 0 ? r : mm_end_change(mm_protect(addr, length, prot));
}
