/* SPDX-License-Identifier: Apache-2.0 */
/* Shared mappings of files in memory (tmpfs, sealed volumes, outputs, memfds).
 *
 * An enclave's page has one address, so what two mappings share, or a mapping and read(2), cannot
 * be one page. Instead each page of the file is in one place at a time: in trusted memory, or under
 * one of the windows on it, where the first touch brought it. Whoever needs it elsewhere takes its
 * content back first. Threads of the workload never see a page half filled (it arrives with its
 * content) nor lose a write (a page is made read-only before it is taken back).
 *
 * The adversary: the workload chooses what it maps where and unmaps or protects it at any time; the
 * host may refuse memory, and stops the run when it refuses to change rights. */
#include "mm/windows.h"

#include <errno.h>

#include "fs/sealed.h"
#include "mm/mm.h"
#include "proc/shares.h"

#define BATCH 16u /* pages that come with the one that was touched, while there is one window */

static uint64_t index_of(const struct vma *v, uint64_t addr)
{
    return (v->offset + (addr - v->start)) / PAGE_SIZE;
}

void window_open(const struct vma *v)
{
    v->file->node->windowed = true;
}

static void copy_page(const struct vma *v, uint64_t at)
{
    const void *page = app_raw(app_at(at), PAGE_SIZE);
    tmpfs_store_page(v->file->node, index_of(v, at), page);
}

/* Pages with the same rights. */
static void put_back_run(const struct vma *v, uint64_t start, uint64_t end, uint8_t rights,
                         bool release)
{
    bool protect = (release && rights != (uint8_t)SGX_SECINFO_R) || (rights & SGX_SECINFO_R) == 0;
    if (protect && pages_protect(start, end, (uint8_t)SGX_SECINFO_R) != 0) {
        rt_fatal("the host did not change the rights of a shared mapping");
    }
    for (uint64_t at = start; at < end; at += PAGE_SIZE) {
        copy_page(v, at);
    }
    int r = 0;
    if (release) {
        r = pages_release(start, end);
    } else if (protect) {
        r = pages_protect(start, end, rights);
    }
    if (r != 0) {
        rt_fatal("the host did not change the pages of a shared mapping");
    }
}

uint64_t window_put_back(const struct vma *v, uint64_t start, uint64_t end, bool release)
{
    uint64_t bytes = 0;
    for (uint64_t at = pages_next(start, end); at < end; at = pages_next(at, end)) {
        uint8_t rights = pages_state(at) & PAGE_RIGHTS;
        uint64_t run = at + PAGE_SIZE;
        while (run < end &&
               (pages_state(run) & (PAGE_COMMITTED | PAGE_RIGHTS)) == (PAGE_COMMITTED | rights)) {
            run += PAGE_SIZE;
        }
        put_back_run(v, at, run, rights, release);
        bytes += run - at;
        at = run;
    }
    return release ? bytes : 0;
}

int os_windows_put_back(struct node *n, uint64_t first, uint64_t end, bool release)
{
    bool any = n->sharers != 0;
    if (n->away != 0 && shares_away(n, first, end)) {
        share_want(n, first, end);
        return -EFAULT;
    }
    for (size_t i = 0; i < vma_count(); i++) {
        const struct vma *v = vma_at(i);
        if (!v->window || v->file->node != n) {
            continue;
        }
        any = true;
        uint64_t lo = v->offset / PAGE_SIZE, hi = lo + (v->end - v->start) / PAGE_SIZE;
        uint64_t from = first > lo ? first : lo, to = end < hi ? end : hi;
        if (from < to) {
            mm_uncharge(window_put_back(v, v->start + (from - lo) * PAGE_SIZE,
                                        v->start + (to - lo) * PAGE_SIZE, release));
        }
    }
    n->windowed = any;
    return 0;
}

void os_share_gone(struct node *n)
{
    share_gone(n);
}

void os_windows_sync(const struct fs *fs)
{
    for (size_t i = 0; i < vma_count(); i++) {
        const struct vma *v = vma_at(i);
        if (v->window && v->file->node->fs == fs) {
            ignore_result(window_put_back(v, v->start, v->end, false), "nothing is released");
        }
    }
}

int window_sync(const struct vma *v, uint64_t start, uint64_t end)
{
    ignore_result(window_put_back(v, start, end, false), "nothing is released");
    return v->file->node->remote ? 0 : sealed_commit(v->file->node->fs);
}

/* ---- bringing pages -------------------------------------------------------------------------- */

static bool alone(const struct node *n)
{
    size_t windows = 0;
    for (size_t i = 0; i < vma_count(); i++) {
        windows += vma_at(i)->window && vma_at(i)->file->node == n;
    }
    return windows <= 1;
}

bool window_page_in(const struct vma *v, uint64_t addr, uint8_t rights, uint64_t max,
                    uint64_t *ret_bytes)
{
    struct node *n = v->file->node;
    uint64_t at = align_down(addr, PAGE_SIZE), index = index_of(v, at);
    uint64_t end = (n->size + PAGE_SIZE - 1) / PAGE_SIZE; /* a size is at most 2^40 */
    const void *pages[BATCH];
    size_t count = 0, room = max / PAGE_SIZE < BATCH ? (size_t)(max / PAGE_SIZE) : BATCH;
    if (n->remote) {
        if (tmpfs_page(n, index, false) == NULL) {
            share_want(n, index, index + 1);
            return false;
        }
        end = index + BATCH; /* what is here is within the file */
    }
    if (index >= end) {
        return false;
    }
    if (!alone(n) || n->away != 0) {
        if (os_windows_put_back(n, index, index + 1, true) != 0) {
            return false;
        }
        room = room > 1 ? 1 : room;
    }
    while (count < room && index + count < end && at + count * PAGE_SIZE < v->end &&
           (pages_state(at + count * PAGE_SIZE) & PAGE_COMMITTED) == 0) {
        pages[count] = tmpfs_page(n, index + count, !n->remote);
        if (pages[count] == NULL) {
            break;
        }
        count++;
    }
    if (count == 0 || pages_take_copies(at, pages, count, rights) != 0) {
        return false;
    }
    *ret_bytes = count * PAGE_SIZE;
    return true;
}
