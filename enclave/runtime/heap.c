/* SPDX-License-Identifier: Apache-2.0 */
/* The trusted heap, in [RUNTIME_HEAP, RUNTIME_HEAP_END). Chunks of 64 KiB; a chunk is free, part of
 * a large run, or cut into blocks of one size class. What describes the chunks lies outside them.
 * Memory comes in steps of 2 MiB by EAUG. Nothing here is influenced by the host but exhaustion. */
#include "thread.h"

#define CHUNK_SIZE  UINT64_C(65536)
#define CHUNK_COUNT ((RUNTIME_HEAP_END - RUNTIME_HEAP) / CHUNK_SIZE)
#define COMMIT_STEP (UINT64_C(2) << 20)
#define RESERVE     ((UINT64_C(16) << 20) / CHUNK_SIZE) /* chunks that content leaves */
#define CLASS_COUNT 12u                                 /* 16 B .. 32 KiB */

enum { CHUNK_FREE = 0, CHUNK_RUN = 0x40, CHUNK_RUN_REST = 0x41, CHUNK_CLASS = 0x80 };

struct free_block {
    struct free_block *next;
};

static struct {
    struct rt_lock lock;
    uint64_t committed_chunks; /* from the start of the range */
    uint64_t first_free;       /* no free chunk below it */
    uint64_t untouched;        /* chunks from here on have never been handed out: still zero */
    uint64_t used_chunks;
    uint8_t kind[CHUNK_COUNT];
    uint32_t run_length[CHUNK_COUNT];
    struct free_block *free[CLASS_COUNT];
} heap;

static uint8_t *chunk_at(uint64_t index)
{
    /* SAFETY: an index below committed_chunks names trusted, committed heap memory. */
    return (uint8_t *)(RUNTIME_HEAP + index * CHUNK_SIZE);
}

void rt_heap_start(void)
{
    heap.first_free = 0;
}

static unsigned class_of(size_t n)
{
    unsigned c = 0;
    while (((size_t)16 << c) < n) {
        c++;
    }
    return c;
}

static bool commit_up_to(uint64_t chunks)
{
    while (heap.committed_chunks < chunks) {
        if (heap.committed_chunks >= CHUNK_COUNT ||
            rt_pages_commit(RUNTIME_HEAP + heap.committed_chunks * CHUNK_SIZE, COMMIT_STEP) != 0) {
            return false;
        }
        heap.committed_chunks += COMMIT_STEP / CHUNK_SIZE;
    }
    return true;
}

/* First fit; returns the index of count free, committed chunks, or CHUNK_COUNT. */
static uint64_t find_run(uint64_t count)
{
    uint64_t length = 0;
    for (uint64_t i = heap.first_free; i < CHUNK_COUNT; i++) {
        length = heap.kind[i] == CHUNK_FREE ? length + 1 : 0;
        if (length == count) {
            return commit_up_to(i + 1) ? i + 1 - count : CHUNK_COUNT;
        }
    }
    return CHUNK_COUNT;
}

static void *take_run(uint64_t count, uint8_t kind)
{
    uint64_t at = find_run(count);
    if (at == CHUNK_COUNT) {
        return NULL;
    }
    heap.kind[at] = kind;
    heap.run_length[at] = (uint32_t)count;
    heap.used_chunks += count;
    for (uint64_t i = at + 1; i < at + count; i++) {
        heap.kind[i] = CHUNK_RUN_REST;
    }
    if (at == heap.first_free) {
        heap.first_free = at + count;
    }
    uint64_t used = at < heap.untouched ? heap.untouched - at : 0;
    if (used > 0) {
        memset(chunk_at(at), 0, (used < count ? used : count) * CHUNK_SIZE);
    }
    if (at + count > heap.untouched) {
        heap.untouched = at + count;
    }
    return chunk_at(at);
}

static void *take_block(unsigned class)
{
    if (heap.free[class] == NULL) {
        uint8_t *chunk = (uint8_t *)take_run(1, (uint8_t)(CHUNK_CLASS + class));
        if (chunk == NULL) {
            return NULL;
        }
        size_t size = (size_t)16 << class;
        for (size_t at = CHUNK_SIZE; at >= size; at -= size) {
            struct free_block *b = (struct free_block *)(void *)(chunk + at - size);
            b->next = heap.free[class];
            heap.free[class] = b;
        }
    }
    struct free_block *b = heap.free[class];
    heap.free[class] = b->next;
    memset(b, 0, (size_t)16 << class);
    return b;
}

uint64_t rt_heap_peak(void)
{
    return heap.untouched * CHUNK_SIZE;
}

static void *alloc_leaving(size_t n, uint64_t reserve)
{
    if (n > (RUNTIME_HEAP_END - RUNTIME_HEAP) / 2) {
        return NULL;
    }
    const bool small = n <= CHUNK_SIZE / 2;
    const uint64_t count = small ? 1 : (n + CHUNK_SIZE - 1) / CHUNK_SIZE;
    void *p = NULL;
    rt_lock(&heap.lock);
    if (heap.used_chunks + count <= CHUNK_COUNT - reserve ||
        (small && heap.free[class_of(n)] != NULL)) {
        p = small ? take_block(class_of(n)) : take_run(count, CHUNK_RUN);
    }
    rt_unlock(&heap.lock);
    return p;
}

void *rt_alloc(size_t n)
{
    return alloc_leaving(n, 0);
}

void *rt_alloc_content(size_t n)
{
    return alloc_leaving(n, RESERVE);
}

static uint64_t chunk_of(const void *p)
{
    uint64_t addr = (uint64_t)(uintptr_t)p;
    REQUIRE(addr >= RUNTIME_HEAP && addr < RUNTIME_HEAP_END);
    return (addr - RUNTIME_HEAP) / CHUNK_SIZE;
}

static size_t size_of(const void *p)
{
    uint64_t c = chunk_of(p);
    if (heap.kind[c] >= CHUNK_CLASS) {
        return (size_t)16 << (heap.kind[c] - CHUNK_CLASS);
    }
    REQUIRE(heap.kind[c] == CHUNK_RUN && p == chunk_at(c));
    return heap.run_length[c] * CHUNK_SIZE;
}

static void free_in_class(void *p, unsigned class)
{
    struct free_block *b = (struct free_block *)p;
    REQUIRE((uint64_t)(uintptr_t)p % ((uint64_t)16 << class) == 0);
    REQUIRE(b != heap.free[class]); /* the commonest double free */
    b->next = heap.free[class];
    heap.free[class] = b;
}

void rt_free(void *p)
{
    if (p == NULL) {
        return;
    }
    rt_lock(&heap.lock);
    uint64_t c = chunk_of(p);
    if (heap.kind[c] >= CHUNK_CLASS) {
        free_in_class(p, heap.kind[c] - CHUNK_CLASS);
    } else {
        uint64_t count = size_of(p) / CHUNK_SIZE;
        for (uint64_t i = c; i < c + count; i++) {
            heap.kind[i] = CHUNK_FREE;
        }
        heap.used_chunks -= count;
        if (c < heap.first_free) {
            heap.first_free = c;
        }
    }
    rt_unlock(&heap.lock);
}

void *rt_realloc(void *p, size_t n)
{
    if (p == NULL) {
        return rt_alloc(n);
    }
    size_t old = size_of(p);
    if (n <= old && n > old / 4) {
        return p;
    }
    void *q = rt_alloc(n);
    if (q == NULL) {
        return n <= old ? p : NULL; /* shrinking cannot fail */
    }
    memcpy(q, p, old < n ? old : n);
    rt_free(p);
    return q;
}
