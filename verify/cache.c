/* SPDX-License-Identifier: Apache-2.0 */
/* The cache: tables of fixed size.
 *
 * Names of good signatures lie in rows of a few places; the newest name of a row replaces the
 * oldest. Names are compared in full. Documents are few and are compared in full too, text by text:
 * that is faster than a hash. The newest replaces the oldest.
 *
 * The adversary chooses what is signed and so, by trying, in which row a name lands: rows are
 * short, a lock is held for a few comparisons, and nothing grows. This is the library's only memory
 * that outlives a call, and the only one that it allocates itself; the caller owns it. */
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

struct document {
    enum cache_kind kind; /* 0: empty */
    size_t size;
    uintptr_t origin;
    uint8_t text[CACHE_TEXT_MAX];
    uint8_t value[CACHE_VALUE_MAX];
};

struct alcove_cache {
    pthread_rwlock_t documents_lock;
    size_t next_document;
    struct document documents[CACHE_DOCUMENTS];

    pthread_mutex_t keys_lock;
    size_t key_count;
    struct crypto_keys keys[CACHE_KEYS];

    pthread_mutex_t row_locks[LOCKS];
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
    /* Cannot fail without attributes. */
    (void)pthread_rwlock_init(&cache->documents_lock, NULL);
    (void)pthread_mutex_init(&cache->keys_lock, NULL);
    for (size_t i = 0; i < LOCKS; i++) {
        (void)pthread_mutex_init(&cache->row_locks[i], NULL);
    }
    return cache;
}

void alcove_cache_free(struct alcove_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    for (size_t i = 0; i < cache->key_count; i++) {
        crypto_keys_free(&cache->keys[i]);
    }
    for (size_t i = 0; i < LOCKS; i++) {
        (void)pthread_mutex_destroy(&cache->row_locks[i]);
    }
    (void)pthread_mutex_destroy(&cache->keys_lock);
    (void)pthread_rwlock_destroy(&cache->documents_lock);
    free(cache);
}

/* ---- signatures ---- */

static struct row *lock_row(struct alcove_cache *cache, const uint8_t *name, pthread_mutex_t **ret)
{
    size_t at = (size_t)load_le64(name) & (cache->row_count - 1);
    *ret = &cache->row_locks[at & (LOCKS - 1)];
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

/* ---- documents ---- */

static const struct document *find(const struct alcove_cache *cache, enum cache_kind kind,
                                   struct bytes text)
{
    for (size_t i = 0; i < CACHE_DOCUMENTS; i++) {
        const struct document *d = &cache->documents[i];
        if (d->kind == kind && bytes_equal(BYTES(d->text, d->size), text)) {
            return d;
        }
    }
    return NULL;
}

bool cache_find(struct alcove_cache *cache, enum cache_kind kind, struct bytes text, void *ret,
                size_t size, uintptr_t *ret_origin)
{
    REQUIRE(size <= CACHE_VALUE_MAX && pthread_rwlock_rdlock(&cache->documents_lock) == 0);
    const struct document *d = find(cache, kind, text);
    if (d != NULL) {
        __builtin_memcpy(ret, d->value, size);
        *ret_origin = d->origin;
    }
    REQUIRE(pthread_rwlock_unlock(&cache->documents_lock) == 0);
    return d != NULL;
}

void cache_keep(struct alcove_cache *cache, enum cache_kind kind, struct bytes text,
                const void *value, size_t size)
{
    if (text.size > CACHE_TEXT_MAX) {
        return;
    }
    REQUIRE(size <= CACHE_VALUE_MAX && pthread_rwlock_wrlock(&cache->documents_lock) == 0);
    if (find(cache, kind, text) == NULL) { /* another thread may have been first */
        struct document *d = &cache->documents[cache->next_document];
        cache->next_document = (cache->next_document + 1) % CACHE_DOCUMENTS;
        d->kind = kind;
        d->size = text.size;
        d->origin = (uintptr_t)text.data;
        __builtin_memcpy(d->text, text.data, text.size);
        __builtin_memcpy(d->value, value, size);
    }
    REQUIRE(pthread_rwlock_unlock(&cache->documents_lock) == 0);
}

/* ---- keys ---- */

void cache_lend_keys(struct alcove_cache *cache, struct crypto *x)
{
    REQUIRE(pthread_mutex_lock(&cache->keys_lock) == 0);
    if (cache->key_count > 0) {
        x->keys = cache->keys[--cache->key_count];
    }
    REQUIRE(pthread_mutex_unlock(&cache->keys_lock) == 0);
}

void cache_take_keys(struct alcove_cache *cache, struct crypto *x)
{
    REQUIRE(pthread_mutex_lock(&cache->keys_lock) == 0);
    if (cache->key_count < CACHE_KEYS) {
        cache->keys[cache->key_count++] = crypto_take_keys(x);
    }
    REQUIRE(pthread_mutex_unlock(&cache->keys_lock) == 0);
}
