/* SPDX-License-Identifier: Apache-2.0 */
/* Mappings as a sorted array: a program has hundreds, lookups are binary searches, and moving a few
 * kilobytes on an insertion is cheaper than walking a tree's cache misses. */
#include "mm/vma.h"

#include <errno.h>

#define VMA_MAX 65530u /* Linux's vm.max_map_count */

static struct {
    struct vma *v;
    size_t count, capacity;
} list;

size_t vma_count(void)
{
    return list.count;
}

struct vma *vma_at(size_t index)
{
    REQUIRE(index < list.count);
    return &list.v[index];
}

size_t vma_find(uint64_t addr)
{
    size_t lo = 0, hi = list.count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (list.v[mid].end > addr) {
            hi = mid;
        } else {
            lo = mid + 1;
        }
    }
    return lo;
}

struct vma *vma_of(uint64_t addr)
{
    size_t i = vma_find(addr);
    return i < list.count && list.v[i].start <= addr ? &list.v[i] : NULL;
}

bool vma_free_range(uint64_t start, uint64_t end)
{
    size_t i = vma_find(start);
    return i == list.count || list.v[i].start >= end;
}

bool vma_covers(uint64_t start, uint64_t end)
{
    for (size_t i = vma_find(start); start < end; i++) {
        if (i == list.count || list.v[i].start > start) {
            return false;
        }
        start = list.v[i].end;
    }
    return true;
}

uint64_t vma_find_free(uint64_t lo, uint64_t hi, uint64_t size, uint64_t align)
{
    uint64_t at, end;
    size_t i = vma_find(lo);
    if (!align_up_ok(lo, align, &at)) {
        return 0;
    }
    while (add_ok(at, size, &end) && end <= hi) {
        if (i == list.count || list.v[i].start >= end) {
            return at;
        }
        if (list.v[i].end > at && !align_up_ok(list.v[i].end, align, &at)) {
            return 0;
        }
        i++;
    }
    return 0;
}

int vma_reserve(size_t more)
{
    if (list.count + more > VMA_MAX) {
        return -ENOMEM;
    }
    if (list.count + more <= list.capacity) {
        return 0;
    }
    size_t capacity = list.capacity * 2 + more + 64;
    struct vma *v = (struct vma *)rt_realloc(list.v, capacity * sizeof *v);
    if (v == NULL) {
        return -ENOMEM;
    }
    list.v = v;
    list.capacity = capacity;
    return 0;
}

static void open_gap(size_t i)
{
    REQUIRE(list.count < list.capacity);
    memmove(&list.v[i + 1], &list.v[i], (list.count - i) * sizeof *list.v);
    list.count++;
}

static void erase(size_t i, size_t n)
{
    memmove(&list.v[i], &list.v[i + n], (list.count - i - n) * sizeof *list.v);
    list.count -= n;
}

void vma_split(uint64_t addr)
{
    size_t i = vma_find(addr);
    if (i == list.count || list.v[i].start >= addr) {
        return;
    }
    open_gap(i);
    struct vma *low = &list.v[i], *high = &list.v[i + 1];
    *low = *high;
    low->end = addr;
    high->start = addr;
    if (high->file != NULL) {
        high->offset += addr - low->start;
        file_ref(high->file);
    }
}

static bool alike(const struct vma *a, const struct vma *b)
{
    return a->end == b->start && a->prot == b->prot && a->shared == b->shared &&
           a->charged == b->charged && a->lazy == b->lazy && a->stack == b->stack &&
           a->window == b->window && a->foreign == b->foreign && a->dont_fork == b->dont_fork &&
           a->wipe_on_fork == b->wipe_on_fork && a->kind == b->kind && a->file == b->file &&
           (a->file == NULL || a->offset + (a->end - a->start) == b->offset);
}

void vma_join(uint64_t start, uint64_t end)
{
    size_t i = vma_find(start == 0 ? 0 : start - 1);
    while (i + 1 < list.count && list.v[i].start <= end) {
        if (!alike(&list.v[i], &list.v[i + 1])) {
            i++;
            continue;
        }
        list.v[i].end = list.v[i + 1].end;
        file_unref(list.v[i + 1].file);
        erase(i + 1, 1);
    }
}

void vma_insert(const struct vma *v)
{
    size_t i = vma_find(v->start);
    REQUIRE(v->start < v->end && (i == list.count || list.v[i].start >= v->end));
    open_gap(i);
    list.v[i] = *v;
    if (v->file != NULL) {
        file_ref(v->file);
    }
    vma_join(v->start, v->end);
}

void vma_remove(uint64_t start, uint64_t end)
{
    vma_split(start);
    vma_split(end);
    size_t first = vma_find(start), last = first;
    while (last < list.count && list.v[last].start < end) {
        file_unref(list.v[last].file);
        last++;
    }
    if (first < last) {
        erase(first, last - first);
    }
}
