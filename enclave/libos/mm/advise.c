/* SPDX-License-Identifier: Apache-2.0 */
/* madvise: memory that is forgotten, and what fork is to do with a range. */
#include <errno.h>

#include "mm/space.h"
#include "mm/windows.h"

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

/* Where at most a part in so many is committed, zeros are written: giving so little back, and
 * taking it again, costs three hostcalls and a fault each time. The stack of every thread that ends
 * is such a range. */
#define SPARSE 64u

int mm_forget(const struct vma *v, uint64_t start, uint64_t end)
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
        mm_charge(0, r == 0 ? before : 0);
        return r;
    }
    if ((v->prot & OS_PROT_WRITE) == 0 && (v->file != NULL || mm_is_measured(v))) {
        return 0; /* could not be changed: what is there is the file's */
    }
    if (v->file == NULL) {
        return pages_zero(start, end);
    }
    uint64_t extent;
    int r = mm_file_extent(v, &extent);
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

int mm_fork_as(uint64_t start, uint64_t end, const struct vma *like)
{
    const bool dont_fork = like->dont_fork, wipe_on_fork = like->wipe_on_fork;
    if (!dont_fork && !wipe_on_fork) {
        return 0;
    }
    int r = vma_reserve(2);
    if (r != 0) {
        return r;
    }
    vma_split(start);
    vma_split(end);
    for (size_t i = vma_find(start); i < vma_count() && vma_at(i)->start < end; i++) {
        vma_at(i)->dont_fork = dont_fork;
        vma_at(i)->wipe_on_fork = wipe_on_fork;
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
        int r = mm_forget(v, v->start > addr ? v->start : addr, v->end < end ? v->end : end);
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

static int64_t advise(uint64_t addr, uint64_t length, int advice)
{
    uint64_t end;
    if (addr % PAGE_SIZE != 0 || !is_advice(advice)) {
        return -EINVAL;
    }
    if (length == 0) {
        return 0;
    }
    if (!mm_range_ok(addr, length, &end)) {
        return -EINVAL;
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

int64_t sys_madvise(uint64_t addr, uint64_t length, int advice)
{
    int r = mm_begin_change();
    return r != 0 ? r : mm_end_change(advise(addr, length, advice));
}
