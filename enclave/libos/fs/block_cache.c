/* SPDX-License-Identifier: Apache-2.0 */
/* Verified blocks, kept: which stay and which give way. Decision 018.
 *
 * Trust: what lies here was verified; the adversary sees that memory is asked for and given back.
 */
#include "block_cache.h"

#include <asm/errno.h>

#include "verity.h"

/* Blocks lie in the runtime's region for them, which grows and shrinks by chunks: what the workload
 * leaves of the manifest's memory may be filled, but CACHE_LEAST in any case. What it takes later
 * is given back before it gets it. */
#define CHUNK_BLOCKS  512u /* 2 MiB: a huge page */
#define CHUNKS_MAX    ((uint32_t)(RUNTIME_CACHE_SIZE / ((uint64_t)CHUNK_BLOCKS * VERITY_BLOCK)))
#define CACHE_LEAST   (UINT64_C(64) << 20) /* `import numpy, pandas` touches 56 */
#define CACHE_BUCKETS 65536u
#define LEAST_CHUNKS  ((uint32_t)(CACHE_LEAST / ((uint64_t)CHUNK_BLOCKS * VERITY_BLOCK)))
/* Fewer blocks at a time are not worth new memory: it costs as much as their hash. */
#define RUN_BLOCKS  8u
#define STEP_FROM   16u        /* with so many chunks, */
#define STEP_CHUNKS 8u         /* so many come at a time */
#define KEY_NONE    UINT64_MAX /* an entry that holds no block */
/* Blocks that are read alone mostly never come again. Once there is no room for them they take each
 * other's places in a few entries, which the processor has at hand (128 KiB), and stay if they are
 * asked for while they lie there, or again soon after. */
#define TRIAL_ENTRIES 32u
#define PAST_SLOTS    16384u

struct cache_entry {
    uint64_t key; /* layer << 48 | block */
    uint32_t next;
    bool used;   /* CLOCK's reference bit */
    bool pinned; /* belongs to the batch being read: no victim */
    bool trial;  /* in cache.trial when it was taken */
};

static struct {
    struct cache_entry *chunks[CHUNKS_MAX];
    uint8_t *pages;    /* of the region, once there is a chunk */
    uint32_t *buckets; /* entry + 1; 0: empty */
    uint32_t count;    /* entries in use; their chunks are there */
    uint32_t chunk_count, hand;
    uint32_t committed; /* chunks that have memory: chunk_count or more */
    uint64_t room;      /* bytes that the workload leaves */
    uint32_t trial[TRIAL_ENTRIES], trial_count, trial_hand;
    uint16_t *past; /* PAST_SLOTS marks of keys that went from there; 0: none */
} cache;

static struct cache_entry *entry_at(uint32_t index)
{
    return &cache.chunks[index / CHUNK_BLOCKS][index % CHUNK_BLOCKS];
}

static uint8_t *page_at(uint32_t index)
{
    return cache.pages + (size_t)index * VERITY_BLOCK;
}

static uint64_t key_of(const struct verity *v, uint64_t block)
{
    return (uint64_t)v->number << 48 | block;
}

static uint32_t bucket_of(uint64_t key)
{
    return (uint32_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 48) % CACHE_BUCKETS;
}

/* Index of the entry, or UINT32_MAX. near: where it is if its layer was read in order. */
static uint32_t cache_find(uint64_t key, uint32_t near)
{
    if (near < cache.count && entry_at(near)->key == key) {
        entry_at(near)->used = true;
        return near;
    }
    if (cache.buckets == NULL) {
        return UINT32_MAX;
    }
    for (uint32_t i = cache.buckets[bucket_of(key)]; i != 0; i = entry_at(i - 1)->next) {
        struct cache_entry *e = entry_at(i - 1);
        if (e->key == key) {
            e->used = true;
            return i - 1;
        }
    }
    return UINT32_MAX;
}

static void cache_unlink(uint32_t index)
{
    uint32_t *p = &cache.buckets[bucket_of(entry_at(index)->key)];
    while (*p != index + 1) {
        REQUIRE(*p != 0);
        p = &entry_at(*p - 1)->next;
    }
    *p = entry_at(index)->next;
}

static uint32_t chunks_allowed(void)
{
    uint64_t bytes = cache.room > CACHE_LEAST ? cache.room : CACHE_LEAST;
    uint64_t chunks = bytes / ((uint64_t)CHUNK_BLOCKS * VERITY_BLOCK);
    return chunks < CHUNKS_MAX ? (uint32_t)chunks : CHUNKS_MAX;
}

/* Memory of further chunks. A cache that has grown large is growing fast: more comes at a time, so
 * that the host can find it while blocks are verified into what is there. */
static bool cache_commit(void)
{
    const uint64_t size = (uint64_t)CHUNK_BLOCKS * VERITY_BLOCK;
    uint32_t more = cache.committed >= STEP_FROM ? STEP_CHUNKS : 1;
    uint32_t left = chunks_allowed() - cache.committed;
    more = more < left ? more : left;
    uint8_t *pages = rt_cache_commit(cache.committed * size, more * size);
    if (pages == NULL) {
        return false;
    }
    cache.pages = pages - cache.committed * size;
    cache.committed += more;
    return true;
}

static bool cache_grow(void)
{
    if (cache.buckets == NULL) {
        cache.buckets = rt_alloc(CACHE_BUCKETS * sizeof *cache.buckets);
        cache.past = rt_alloc(PAST_SLOTS * sizeof *cache.past);
    }
    if (cache.buckets == NULL || cache.past == NULL ||
        (cache.chunk_count == cache.committed && !cache_commit())) {
        return false;
    }
    struct cache_entry *entries = rt_alloc(CHUNK_BLOCKS * sizeof *entries);
    if (entries == NULL) {
        return false;
    }
    cache.chunks[cache.chunk_count++] = entries;
    return true;
}

void block_cache_set_room(uint64_t bytes)
{
    cache.room = bytes;
}

void block_cache_trim(void)
{
    const uint64_t size = (uint64_t)CHUNK_BLOCKS * VERITY_BLOCK;
    while (cache.chunk_count > chunks_allowed()) {
        uint32_t first = --cache.chunk_count * CHUNK_BLOCKS;
        while (cache.count > first) {
            cache_unlink(--cache.count);
        }
        rt_free(cache.chunks[cache.chunk_count]);
        cache.chunks[cache.chunk_count] = NULL;
    }
    if (cache.committed > chunks_allowed()) {
        uint32_t kept = chunks_allowed();
        rt_cache_release(kept * size, (cache.committed - kept) * size);
        cache.committed = kept;
    }
    cache.hand = cache.hand < cache.count ? cache.hand : 0;
    cache.trial_count = 0; /* some may be gone */
}

/* The entry whose turn it is, out of its bucket. A batch pins at most VERITY_BATCH, so there is
 * one. */
static uint32_t cache_evict(void)
{
    while (entry_at(cache.hand)->used || entry_at(cache.hand)->pinned) {
        entry_at(cache.hand)->used = false;
        cache.hand = (cache.hand + 1) % cache.count;
    }
    uint32_t victim = cache.hand;
    cache.hand = (cache.hand + 1) % cache.count;
    cache_unlink(victim);
    return victim;
}

static uint16_t *past_of(uint64_t key, uint16_t *ret_mark)
{
    uint64_t h = key * UINT64_C(0x9e3779b97f4a7c15);
    *ret_mark = (uint16_t)(h >> 16) | 1;
    return &cache.past[(h >> 40) % PAST_SLOTS];
}

/* The entry of a block on trial, for another one. */
static uint32_t cache_try(void)
{
    if (cache.trial_count < TRIAL_ENTRIES) {
        return cache.trial[cache.trial_count++] = cache_evict();
    }
    uint32_t *slot = &cache.trial[cache.trial_hand];
    cache.trial_hand = (cache.trial_hand + 1) % TRIAL_ENTRIES;
    struct cache_entry *e = entry_at(*slot);
    if (e->used || e->pinned || !e->trial) { /* it was asked for: it stays, or went already */
        return *slot = cache_evict();
    }
    uint16_t mark, *past = past_of(e->key, &mark);
    *past = mark;
    cache_unlink(*slot);
    return *slot;
}

static bool cache_knows(uint64_t key)
{
    uint16_t mark, *past = past_of(key, &mark);
    return *past == mark;
}

/* An entry that is in no bucket: a new one while there is room and memory, beyond CACHE_LEAST only
 * for blocks that come in runs; else a victim. UINT32_MAX: no memory. */
static uint32_t cache_take(uint64_t key, bool run)
{
    uint32_t chunks = run ? chunks_allowed() : LEAST_CHUNKS;
    uint32_t index;
    bool trial = false;
    if (cache.count < cache.chunk_count * CHUNK_BLOCKS ||
        (cache.chunk_count < chunks && cache_grow())) {
        index = cache.count++;
    } else if (cache.count < 2 * VERITY_BATCH) {
        return UINT32_MAX;
    } else {
        trial = !run && !cache_knows(key);
        index = trial ? cache_try() : cache_evict();
    }
    entry_at(index)->trial = trial;
    return index;
}

static void cache_insert(uint32_t index, uint64_t key)
{
    struct cache_entry *e = entry_at(index);
    uint32_t *bucket = &cache.buckets[bucket_of(key)];
    e->key = key;
    e->used = !e->trial;
    e->next = *bucket;
    *bucket = index + 1;
}

/* Takes and pins n entries, in no bucket yet. */
static int cache_take_batch(const struct verity *v, const uint64_t *blocks, size_t n,
                            uint32_t *taken)
{
    for (size_t i = 0; i < n; i++) {
        taken[i] = cache_take(key_of(v, blocks[i]), n >= RUN_BLOCKS);
        if (taken[i] == UINT32_MAX) {
            while (i-- > 0) {
                cache_insert(taken[i], KEY_NONE);
                entry_at(taken[i])->pinned = false;
            }
            return -ENOMEM;
        }
        entry_at(taken[i])->pinned = true;
    }
    return 0;
}

int block_get_run(struct verity *v, uint64_t first, size_t count, const uint8_t **ret)
{
    REQUIRE(count <= VERITY_BATCH);
    if (!range_within(first, count, v->layout.data_blocks)) {
        return -EIO;
    }
    uint32_t entries[VERITY_BATCH]; /* what is there already, then all */
    uint32_t taken[VERITY_BATCH];
    uint64_t missing[VERITY_BATCH];
    uint8_t *pages[VERITY_BATCH];
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t near = i > 0 && entries[i - 1] != UINT32_MAX ? entries[i - 1] + 1 : UINT32_MAX;
        entries[i] = cache_find(key_of(v, first + i), near);
        if (entries[i] == UINT32_MAX) {
            missing[n++] = first + i;
        } else {
            ret[i] = page_at(entries[i]);
        }
    }
    if (n == 0) {
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (entries[i] != UINT32_MAX) {
            entry_at(entries[i])->pinned = true;
        }
    }
    int err = cache_take_batch(v, missing, n, taken);
    if (err == 0) {
        for (size_t i = 0; i < n; i++) {
            pages[i] = page_at(taken[i]);
        }
        uint64_t bad = 0;
        err = verity_read(v, missing, n, pages, &bad);
        if (err == -EBADMSG) {
            verity_refuse(v, bad);
        }
        for (size_t i = 0; i < n; i++) {
            cache_insert(taken[i], err == 0 ? key_of(v, missing[i]) : KEY_NONE);
            entry_at(taken[i])->pinned = false;
            ret[missing[i] - first] = pages[i];
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (entries[i] != UINT32_MAX) {
            entry_at(entries[i])->pinned = false;
        }
    }
    return err;
}

const uint8_t *block_peek(struct verity *v, uint64_t block)
{
    uint32_t index = cache_find(key_of(v, block), UINT32_MAX);
    return index != UINT32_MAX ? page_at(index) : NULL;
}

const uint8_t *block_get(struct verity *v, uint64_t block)
{
    const uint8_t *ret = block_peek(v, block);
    return ret != NULL || block_get_run(v, block, 1, &ret) == 0 ? ret : NULL;
}

void block_cache_reset(void)
{
    const uint64_t size = (uint64_t)CHUNK_BLOCKS * VERITY_BLOCK;
    while (cache.chunk_count > 0) {
        rt_free(cache.chunks[--cache.chunk_count]);
        cache.chunks[cache.chunk_count] = NULL;
    }
    if (cache.committed > 0) {
        rt_cache_release(0, cache.committed * size);
    }
    cache.committed = 0;
    rt_free(cache.buckets);
    rt_free(cache.past);
    cache.buckets = NULL;
    cache.past = NULL;
    cache.trial_count = 0;
    cache.count = 0;
    cache.hand = 0;
}
