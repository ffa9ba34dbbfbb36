/* SPDX-License-Identifier: Apache-2.0 */
/* The address space's sums, what of it may be used, and standing still while an image is made. */
#include "mm/space.h"

#include "fs/block_cache.h"

struct mm_space mm;

/* Verified blocks may fill what it leaves. */
void mm_charge(uint64_t added, uint64_t removed)
{
    mm.charged += added - removed;
    mm.peak = mm.charged > mm.peak ? mm.charged : mm.peak;
    block_cache_set_room(mm.limit - mm.charged);
}

/* ---- standing still while an image is made --------------------------------------------------- */

void mm_freeze(void)
{
    REQUIRE(!mm.frozen);
    mm.frozen = true;
}

void mm_thaw(void)
{
    mm.frozen = false;
    os_wake_all(&mm.thaw);
}

int mm_begin_change(void)
{
    int r = 0;
    while (r == 0 && mm.frozen) {
        r = os_block(&mm.thaw, UINT64_MAX);
    }
    os_self()->changes_memory = r == 0;
    return r;
}

int64_t mm_end_change(int64_t result)
{
    os_self()->changes_memory = false;
    return result;
}

int mm_start(uint64_t limit)
{
    mm.limit = limit;
    mm_charge(0, 0);
    return pages_start();
}

struct mm_usage mm_usage(void)
{
    return (struct mm_usage){.mapped = mm.mapped,
                             .mapped_peak = mm.mapped_peak,
                             .peak = mm.peak,
                             .charged = mm.charged,
                             .limit = mm.limit};
}

/* ---- ranges ---------------------------------------------------------------------------------- */

bool mm_range_ok(uint64_t start, uint64_t length, uint64_t *ret_end)
{
    uint64_t end;
    if (start % PAGE_SIZE != 0 || length == 0 || !align_up_ok(length, PAGE_SIZE, &length) ||
        !add_ok(start, length, &end) || start < APP_BASE || end > APP_END) {
        return false;
    }
    if (start < MM_STUBS_END && end > MM_STUBS) {
        return false;
    }
    *ret_end = end;
    return true;
}

uint8_t mm_rights(uint32_t prot)
{
    uint8_t rights = 0;
    if (prot != 0) { /* a page that can be written or executed can be read: as on x86 */
        rights = (uint8_t)SGX_SECINFO_R;
    }
    if ((prot & OS_PROT_WRITE) != 0) {
        rights |= (uint8_t)SGX_SECINFO_W;
    }
    if ((prot & OS_PROT_EXEC) != 0) {
        rights |= (uint8_t)SGX_SECINFO_X;
    }
    return rights;
}

uint64_t mm_charge_of(const struct vma *v, uint64_t start, uint64_t end)
{
    if (v->lazy) {
        return pages_committed(start, end);
    }
    return v->charged ? end - start : 0;
}

uint64_t mm_charged_within(uint64_t start, uint64_t end)
{
    uint64_t sum = 0;
    for (size_t i = vma_find(start); i < vma_count() && vma_at(i)->start < end; i++) {
        const struct vma *v = vma_at(i);
        sum += mm_charge_of(v, v->start > start ? v->start : start, v->end < end ? v->end : end);
    }
    return sum;
}

uint64_t mm_mapped_within(uint64_t start, uint64_t end)
{
    uint64_t sum = 0;
    for (size_t i = vma_find(start); i < vma_count() && vma_at(i)->start < end; i++) {
        const struct vma *v = vma_at(i);
        sum += (v->end < end ? v->end : end) - (v->start > start ? v->start : start);
    }
    return sum;
}

void mm_account_removed(uint64_t start, uint64_t end)
{
    mm_charge(0, mm_charged_within(start, end));
    mm.mapped -= mm_mapped_within(start, end);
}

void mm_account_added(const struct vma *v)
{
    mm_charge(mm_charge_of(v, v->start, v->end), 0);
    mm.mapped += v->end - v->start;
    mm.mapped_peak = mm.mapped > mm.mapped_peak ? mm.mapped : mm.mapped_peak;
}

/* How far around a range memory may be committed ahead: to huge-page borders, within the region,
 * and only where no mapping is. */
static void ahead_of(uint64_t start, uint64_t end, uint64_t *ret_start, uint64_t *ret_end)
{
    *ret_start = start;
    *ret_end = end;
    if (start >= MM_RESERVE) {
        return;
    }
    uint64_t lo = align_down(start, PAGE_STEP), hi = align_down(end + PAGE_STEP - 1, PAGE_STEP);
    size_t next = vma_find(end), previous = vma_find(start);
    if (lo < APP_BASE) {
        lo = APP_BASE;
    }
    if (previous > 0 && vma_at(previous - 1)->end > lo) {
        lo = vma_at(previous - 1)->end;
    }
    if (next < vma_count() && vma_at(next)->start < hi) {
        hi = vma_at(next)->start;
    }
    if (start < MM_FILES && hi > MM_FILES) {
        hi = MM_FILES;
    }
    *ret_start = lo < start ? lo : start;
    *ret_end = hi > end ? hi : end;
}

int mm_take(uint64_t start, uint64_t end, bool zero)
{
    uint64_t ahead_start, ahead_end, reused = pages_committed(start, end);
    mm.retained -= reused < mm.retained ? reused : mm.retained;
    ahead_of(start, end, &ahead_start, &ahead_end);
    return pages_take(start, end, zero, ahead_start, ahead_end);
}

void mm_uncharge(uint64_t bytes)
{
    mm_charge(0, bytes);
}
