/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of good signatures: a table of fixed size, in which each name has one row of a few
 * places. The newest name of a row replaces the oldest. Names are compared in full.
 *
 * The adversary chooses what is signed and so, by trying, in which row a name lands: rows are
 * short, a lock is held for four comparisons, and nothing grows. This is the library's only memory
 * that outlives a call, and the only one that it allocates; the caller owns it. */
#include "cache.h"
#include "verify/limits.h"

#include <pthread.h>
#include <stdlib.h>

#define WAYS  4u
#define LOCKS 64u /* a power of two */

struct row {
    uint8_t names[WAYS][CACHE_NAME_SIZE];
    uint8_t used, next; /* how many are there; which is replaced next */
};

struct alcove_cache {
    pthread_mutex_t locks[LOCKS];
    size_t row_count; /* a power of two */
    struct row rows[];
};

struct alcove_cache *alcove_cache_new(size_t entries)
{
    size_t rows = 1;
    while (rows * WAYS < entries && rows * WAYS < CACHE_ENTRIES_MAX) {
        rows *= 2;
    }
    struct alcove_cache *cache = calloc(1, sizeof *cache + rows * sizeof(struct row));
    if (cache == NULL) {
        return NULL;
    }
    cache->row_count = rows;
    for (size_t i = 0; i < LOCKS; i++) {
        (void)pthread_mutex_init(&cache->locks[i], NULL); /* cannot fail without attributes */
    }
    return cache;
}

void alcove_cache_free(struct alcove_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    for (size_t i = 0; i < LOCKS; i++) {
        (void)pthread_mutex_destroy(&cache->locks[i]);
    }
    free(cache);
}

static struct row *lock_row(struct alcove_cache *cache, const uint8_t *name, pthread_mutex_t **ret)
{
    size_t at = (size_t)load_le64(name) & (cache->row_count - 1);
    *ret = &cache->locks[at & (LOCKS - 1)];
    REQUIRE(pthread_mutex_lock(*ret) == 0);
    return &cache->rows[at];
}

static bool row_has(const struct row *row, const uint8_t *name)
{
    for (size_t i = 0; i < row->used; i++) {
        if (__builtin_memcmp(row->names[i], name, CACHE_NAME_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

bool cache_has(struct alcove_cache *cache, const uint8_t name[CACHE_NAME_SIZE])
{
    pthread_mutex_t *lock;
    bool found = row_has(lock_row(cache, name, &lock), name);
    REQUIRE(pthread_mutex_unlock(lock) == 0);
    return found;
}

void cache_add(struct alcove_cache *cache, const uint8_t name[CACHE_NAME_SIZE])
{
    pthread_mutex_t *lock;
    struct row *row = lock_row(cache, name, &lock);
    if (!row_has(row, name)) { /* another thread may have been first */
        __builtin_memcpy(row->names[row->next], name, CACHE_NAME_SIZE);
        row->next = (uint8_t)((row->next + 1u) % WAYS);
        row->used = row->used < WAYS ? (uint8_t)(row->used + 1u) : row->used;
    }
    REQUIRE(pthread_mutex_unlock(lock) == 0);
}
