/* SPDX-License-Identifier: Apache-2.0 */
/* dm-verity inside the enclave. The adversary owns the bytes of image and tree and may change them
 * between any two instructions; what it gains is a stop. Every block goes the same way: one copy,
 * a hash of the copy, a comparison. Tree blocks that verified are kept for good (1/128 of what is
 * read), so a data block costs one copy and one hash. */
#include <asm/errno.h>

#include "base/bytes.h"
#include "base/diag.h"
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

#define CACHE_BLOCKS  16384u /* 64 MiB: `import numpy, pandas` touches 56 */
#define CACHE_BUCKETS 16384u
#define KEY_NONE      UINT64_MAX /* an entry that holds no block */

struct cache_entry {
    uint64_t key; /* layer << 48 | block */
    uint8_t *page;
    uint32_t next;
    bool used;   /* CLOCK's reference bit */
    bool pinned; /* belongs to the batch being read: no victim */
};

static struct {
    struct cache_entry *entries;
    uint32_t *buckets; /* entry + 1; 0: empty */
    uint32_t count, hand;
} cache;

static uint64_t key_of(const struct verity *v, uint64_t block)
{
    return (uint64_t)v->number << 48 | block;
}

static uint32_t bucket_of(uint64_t key)
{
    return (uint32_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 50) % CACHE_BUCKETS;
}

static struct cache_entry *cache_find(uint64_t key)
{
    if (cache.buckets == NULL) {
        return NULL;
    }
    for (uint32_t i = cache.buckets[bucket_of(key)]; i != 0; i = cache.entries[i - 1].next) {
        if (cache.entries[i - 1].key == key) {
            cache.entries[i - 1].used = true;
            return &cache.entries[i - 1];
        }
    }
    return NULL;
}

static void cache_unlink(uint32_t index)
{
    uint32_t *p = &cache.buckets[bucket_of(cache.entries[index].key)];
    while (*p != index + 1) {
        REQUIRE(*p != 0);
        p = &cache.entries[*p - 1].next;
    }
    *p = cache.entries[index].next;
}

static int cache_start(void)
{
    if (cache.buckets != NULL) {
        return 0;
    }
    struct cache_entry *entries = rt_alloc(CACHE_BLOCKS * sizeof *entries);
    uint32_t *buckets = rt_alloc(CACHE_BUCKETS * sizeof *buckets);
    if (entries == NULL || buckets == NULL) {
        rt_free(entries);
        rt_free(buckets);
        return -ENOMEM;
    }
    cache.entries = entries;
    cache.buckets = buckets;
    return 0;
}

#define SLAB 32u /* pages per allocation while the cache grows */

/* An entry that is in no bucket: a new one while there is room and memory, else a victim that is
 * not pinned (a batch pins at most VERITY_BATCH, so there is one). */
static struct cache_entry *cache_take(void)
{
    if (cache.count < CACHE_BLOCKS) {
        if (cache.count % SLAB == 0) {
            uint8_t *slab = rt_alloc((size_t)SLAB * VERITY_BLOCK);
            for (uint32_t i = 0; slab != NULL && i < SLAB; i++) {
                cache.entries[cache.count + i].page = slab + (size_t)i * VERITY_BLOCK;
            }
        }
        if (cache.entries[cache.count].page != NULL) {
            return &cache.entries[cache.count++];
        }
        if (cache.count < 2 * VERITY_BATCH) {
            return NULL;
        }
    }
    while (cache.entries[cache.hand].used || cache.entries[cache.hand].pinned) {
        cache.entries[cache.hand].used = false;
        cache.hand = (cache.hand + 1) % cache.count;
    }
    uint32_t victim = cache.hand;
    cache.hand = (cache.hand + 1) % cache.count;
    cache_unlink(victim);
    return &cache.entries[victim];
}

static void cache_insert(struct cache_entry *e, uint64_t key)
{
    uint32_t index = (uint32_t)(e - cache.entries);
    uint32_t *bucket = &cache.buckets[bucket_of(key)];
    e->key = key;
    e->used = true;
    e->next = *bucket;
    *bucket = index + 1;
}

/* Takes and pins n entries, in no bucket yet. */
static int cache_take_batch(struct cache_entry **taken, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        taken[i] = cache_take();
        if (taken[i] == NULL) {
            while (i-- > 0) {
                cache_insert(taken[i], KEY_NONE);
                taken[i]->pinned = false;
            }
            return -ENOMEM;
        }
        taken[i]->pinned = true;
    }
    return 0;
}

int block_get_run(struct verity *v, uint64_t first, size_t count, const uint8_t **ret)
{
    REQUIRE(count <= VERITY_BATCH);
    if (!range_within(first, count, v->layout.data_blocks)) {
        return -EIO;
    }
    struct cache_entry *entries[VERITY_BATCH]; /* what is there already, then all */
    struct cache_entry *taken[VERITY_BATCH];
    uint64_t missing[VERITY_BATCH];
    uint8_t *pages[VERITY_BATCH];
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        entries[i] = cache_find(key_of(v, first + i));
        if (entries[i] == NULL) {
            missing[n++] = first + i;
        } else {
            ret[i] = entries[i]->page;
        }
    }
    if (n == 0) {
        return 0;
    }
    int err = cache_start();
    if (err != 0) {
        return err;
    }
    for (size_t i = 0; i < count; i++) {
        if (entries[i] != NULL) {
            entries[i]->pinned = true;
        }
    }
    err = cache_take_batch(taken, n);
    if (err == 0) {
        for (size_t i = 0; i < n; i++) {
            pages[i] = taken[i]->page;
        }
        uint64_t bad = 0;
        err = verity_read(v, missing, n, pages, &bad);
        if (err == -EBADMSG) {
            verity_refuse(v, bad);
        }
        for (size_t i = 0; i < n; i++) {
            cache_insert(taken[i], err == 0 ? key_of(v, missing[i]) : KEY_NONE);
            taken[i]->pinned = false;
            ret[missing[i] - first] = pages[i];
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (entries[i] != NULL) {
            entries[i]->pinned = false;
        }
    }
    return err;
}

const uint8_t *block_get(struct verity *v, uint64_t block)
{
    struct cache_entry *e = cache_find(key_of(v, block));
    if (e != NULL) {
        return e->page;
    }
    const uint8_t *ret;
    return block_get_run(v, block, 1, &ret) == 0 ? ret : NULL;
}

const uint8_t *block_peek(struct verity *v, uint64_t block)
{
    struct cache_entry *e = cache_find(key_of(v, block));
    return e != NULL ? e->page : NULL;
}

void block_cache_reset(void)
{
    for (uint32_t i = 0; cache.entries != NULL && i < CACHE_BLOCKS; i += SLAB) {
        rt_free(cache.entries[i].page);
    }
    rt_free(cache.entries);
    rt_free(cache.buckets);
    cache.entries = NULL;
    cache.buckets = NULL;
    cache.count = 0;
    cache.hand = 0;
}
