/* SPDX-License-Identifier: Apache-2.0 */
/* dm-verity inside the enclave. The adversary owns the bytes of image and tree and may change them
 * between any two instructions; what it gains is a stop. Every block goes the same way: one copy,
 * a hash of the copy, a comparison. Tree blocks that verified are kept for good (1/128 of what is
 * read), so a data block costs one copy and one hash. */
#include <asm/errno.h>

#include "base/bytes.h"
#include "base/diag.h"
#include "block_cache.h"
#include "verity.h"

int verity_init(struct verity *v, unsigned number, struct bytes name, uint64_t data_size,
                const uint8_t root[VERITY_DIGEST], struct bytes salt, host_span span,
                struct diag *d)
{
    struct verity t = {.number = number, .name = name, .span = span, .salt_size = salt.size};
    if (!verity_layout_of(data_size, &t.layout)) {
        return diag_fail(d, -EINVAL, "size %llu is not a positive multiple of 4096",
                         (unsigned long long)data_size);
    }
    if (salt.size > VERITY_SALT_MAX) {
        return diag_fail(d, -EINVAL, "salt of %zu bytes; at most %u", salt.size, VERITY_SALT_MAX);
    }
    if (span.size < t.layout.total_blocks * VERITY_BLOCK) {
        return diag_fail(d, -EINVAL, "image has %llu bytes; data and hash tree need %llu",
                         (unsigned long long)span.size,
                         (unsigned long long)(t.layout.total_blocks * VERITY_BLOCK));
    }
    memcpy(t.root, root, VERITY_DIGEST);
    if (salt.size > 0) {
        memcpy(t.salt, salt.data, salt.size);
    }
    uint64_t tree_blocks = t.layout.total_blocks - t.layout.data_blocks;
    t.tree = rt_alloc((size_t)(tree_blocks + 1) * sizeof *t.tree);
    if (t.tree == NULL) {
        return diag_fail(d, -ENOMEM, "no memory for the hash tree");
    }
    *v = t;
    return 0;
}

void verity_done(struct verity *v)
{
    if (v->tree != NULL) {
        for (uint64_t i = 0; i < v->layout.total_blocks - v->layout.data_blocks; i++) {
            rt_free(v->tree[i]);
        }
    }
    rt_free(v->tree);
    v->tree = NULL;
}

static struct bytes salt_of(const struct verity *v)
{
    return BYTES(v->salt, v->salt_size);
}

/* The verified digest of block `index` of `level`'s children: level 0 covers data blocks. Walks up
 * to the nearest verified ancestor, then down again. */
static int digest_of(struct verity *v, unsigned level, uint64_t index, const uint8_t **ret,
                     uint64_t *ret_bad)
{
    if (level == v->layout.levels) {
        *ret = v->root;
        return 0;
    }
    uint64_t block = index / VERITY_FANOUT;
    uint64_t place = v->layout.level_start[level] + block;
    uint8_t **slot = &v->tree[place - v->layout.data_blocks];
    if (*slot == NULL) {
        const uint8_t *want;
        int err =
            digest_of(v, level + 1, block, &want, ret_bad); /* at most VERITY_LEVELS_MAX deep */
        if (err != 0) {
            return err;
        }
        uint8_t *copy = rt_alloc(VERITY_BLOCK);
        if (copy == NULL) {
            return -ENOMEM;
        }
        copy_from_host(copy, v->span, place * VERITY_BLOCK, VERITY_BLOCK);
        uint8_t digest[1][VERITY_DIGEST];
        const void *blocks[1] = {copy};
        rt_sha256_blocks(blocks, 1, salt_of(v), digest);
        v->blocks_hashed++;
        if (memcmp(digest[0], want, VERITY_DIGEST) != 0) {
            rt_free(copy);
            *ret_bad = place;
            return -EBADMSG;
        }
        *slot = copy;
    }
    *ret = *slot + (index % VERITY_FANOUT) * VERITY_DIGEST;
    return 0;
}

int verity_prepare(struct verity *v, uint64_t first, uint64_t count, uint64_t *ret_bad)
{
    REQUIRE(range_within(first, count, v->layout.data_blocks));
    int err = 0;
    for (uint64_t b = align_down(first, VERITY_FANOUT); err == 0 && b < first + count;
         b += VERITY_FANOUT) {
        const uint8_t *ignored;
        err = digest_of(v, 0, b, &ignored, ret_bad);
    }
    return err;
}

int verity_read(struct verity *v, const uint64_t *blocks, size_t count, uint8_t *const *to,
                uint64_t *ret_bad)
{
    REQUIRE(count <= VERITY_BATCH);
    const uint8_t *want[VERITY_BATCH];
    for (size_t i = 0; i < count; i++) {
        REQUIRE(blocks[i] < v->layout.data_blocks);
        int err = digest_of(v, 0, blocks[i], &want[i], ret_bad);
        if (err != 0) {
            return err;
        }
    }
    for (size_t i = 0; i < count;) { /* runs that lie together on both sides: one copy */
        size_t n = 1;
        while (i + n < count && blocks[i + n] == blocks[i] + n &&
               to[i + n] == to[i] + n * VERITY_BLOCK) {
            n++;
        }
        copy_from_host(to[i], v->span, blocks[i] * VERITY_BLOCK, n * VERITY_BLOCK);
        i += n;
    }
    uint8_t digests[VERITY_BATCH][VERITY_DIGEST];
    const void *copies[VERITY_BATCH] = {NULL};
    for (size_t i = 0; i < count; i++) {
        copies[i] = to[i];
    }
    rt_sha256_blocks(copies, count, salt_of(v), digests);
    v->blocks_hashed += count;
    for (size_t i = 0; i < count; i++) {
        if (memcmp(digests[i], want[i], VERITY_DIGEST) != 0) {
            for (size_t j = 0; j < count; j++) {
                memset(to[j], 0, VERITY_BLOCK);
            }
            *ret_bad = blocks[i];
            return -EBADMSG;
        }
    }
    return 0;
}

void verity_refuse(const struct verity *v, uint64_t bad)
{
    bool data = bad < v->layout.data_blocks;
    uint64_t n = data ? bad : bad - v->layout.data_blocks;
    rt_fatal("layer %u (%.*s): %s block %llu does not match the measured root hash; the image was "
             "changed or is damaged: build or fetch it again",
             v->number, (int)v->name.size, (const char *)v->name.data, data ? "data" : "hash tree",
             (unsigned long long)n);
}

/* ---- cache
 * --------------------------------------------------------------------------------------- */

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

struct cache_entry {
    uint64_t key; /* layer << 48 | block */
    uint32_t next;
    bool used;   /* CLOCK's reference bit */
    bool pinned; /* belongs to the batch being read: no victim */
};

static struct {
    struct cache_entry *chunks[CHUNKS_MAX];
    uint8_t *pages;    /* of the region, once there is a chunk */
    uint32_t *buckets; /* entry + 1; 0: empty */
    uint32_t count;    /* entries in use; their chunks are there */
    uint32_t chunk_count, hand;
    uint32_t committed; /* chunks that have memory: chunk_count or more */
    uint64_t room;      /* bytes that the workload leaves */
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
    }
    if (cache.buckets == NULL || (cache.chunk_count == cache.committed && !cache_commit())) {
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
}

/* An entry that is in no bucket: a new one while there is room and memory, beyond CACHE_LEAST only
 * for blocks that come in runs; else a victim that is not pinned (a batch pins at most
 * VERITY_BATCH, so there is one). UINT32_MAX: no memory. */
static uint32_t cache_take(bool run)
{
    uint32_t chunks = run ? chunks_allowed() : LEAST_CHUNKS;
    if (cache.count < cache.chunk_count * CHUNK_BLOCKS ||
        (cache.chunk_count < chunks && cache_grow())) {
        return cache.count++;
    }
    if (cache.count < 2 * VERITY_BATCH) {
        return UINT32_MAX;
    }
    while (entry_at(cache.hand)->used || entry_at(cache.hand)->pinned) {
        entry_at(cache.hand)->used = false;
        cache.hand = (cache.hand + 1) % cache.count;
    }
    uint32_t victim = cache.hand;
    cache.hand = (cache.hand + 1) % cache.count;
    cache_unlink(victim);
    return victim;
}

static void cache_insert(uint32_t index, uint64_t key)
{
    struct cache_entry *e = entry_at(index);
    uint32_t *bucket = &cache.buckets[bucket_of(key)];
    e->key = key;
    e->used = true;
    e->next = *bucket;
    *bucket = index + 1;
}

/* Takes and pins n entries, in no bucket yet. */
static int cache_take_batch(uint32_t *taken, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        taken[i] = cache_take(n >= RUN_BLOCKS);
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
    int err = cache_take_batch(taken, n);
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
    cache.buckets = NULL;
    cache.count = 0;
    cache.hand = 0;
}
