/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of names: one hash table over (directory, name). A warm lookup is a hash, a probe and a
 * comparison, which is what makes stat of a layer file cheaper here than a call into a kernel.
 * The workload chooses names, so the hash is seeded per run and the entries for absent names are
 * bounded; entries for what a layer does hold are bounded by the layer. */
#include "inotify.h"
#include "vfs.h"

#define BUCKETS_FIRST 4096u
#define NEGATIVE_MAX  16384u /* absent names that are remembered: Python probes some 30 per import \
                              */

static struct {
    struct dentry **buckets;
    uint32_t bucket_count, count;
    uint64_t seed;
    struct dentry *root;
    struct dentry **negative; /* ring of the absent ones, oldest overwritten */
    uint32_t negative_hand;
} names;

int dentry_start(void)
{
    struct dentry *root = rt_alloc(sizeof *root + 1);
    names.buckets = rt_alloc(BUCKETS_FIRST * sizeof(struct dentry *));
    names.negative = rt_alloc(NEGATIVE_MAX * sizeof(struct dentry *));
    if (root == NULL || names.buckets == NULL || names.negative == NULL) {
        return -ENOMEM;
    }
    names.bucket_count = BUCKETS_FIRST;
    rt_random(&names.seed, sizeof names.seed);
    root->refs = 1;
    root->parent = root;
    root->flags = DENTRY_BUSY;
    root->name = root->own;
    names.root = root;
    return 0;
}

struct dentry *dentry_root(void)
{
    return names.root;
}

void dentry_set_root_node(struct node *node)
{
    node_unref(names.root->node);
    names.root->node = node;
}

void node_unref(struct node *n)
{
    if (n != NULL && --n->refs == 0) {
        if (__builtin_expect(n->watches != NULL, 0)) {
            fs_notify_gone(n);
        }
        if (n->ops->destroy != NULL) {
            n->ops->destroy(n);
        } else {
            rt_free(n);
        }
    }
}

static uint32_t hash_of(const struct dentry *dir, struct bytes name)
{
    uint64_t h = names.seed ^ (uint64_t)(uintptr_t)dir;
    const uint8_t *p = name.data;
    size_t n = name.size;
    for (; n >= 8; n -= 8, p += 8) {
        h = (h ^ load_le64(p)) * UINT64_C(0x9fb21c651e98df25);
        h ^= h >> 32;
    }
    uint64_t rest = n;
    for (size_t i = 0; i < n; i++) {
        rest = rest << 8 | p[i];
    }
    h = (h ^ rest) * UINT64_C(0x9fb21c651e98df25);
    h ^= h >> 29;
    return (uint32_t)(h ^ h >> 32);
}

static struct dentry **bucket_of(uint32_t hash)
{
    return &names.buckets[hash & (names.bucket_count - 1)];
}

static void grow(void)
{
    uint32_t count = names.bucket_count * 2;
    struct dentry **bigger = rt_alloc((size_t)count * sizeof *bigger);
    if (bigger == NULL) {
        return; /* longer chains; still right */
    }
    for (uint32_t i = 0; i < names.bucket_count; i++) {
        for (struct dentry *d = names.buckets[i], *next; d != NULL; d = next) {
            next = d->hash_next;
            d->hash_next = bigger[d->hash & (count - 1)];
            bigger[d->hash & (count - 1)] = d;
        }
    }
    rt_free(names.buckets);
    names.buckets = bigger;
    names.bucket_count = count;
}

static void hash_in(struct dentry *d)
{
    if (names.count >= names.bucket_count) {
        grow();
    }
    struct dentry **b = bucket_of(d->hash);
    d->hash_next = *b;
    *b = d;
    d->flags |= DENTRY_HASHED;
    names.count++;
}

static void hash_out(struct dentry *d)
{
    if ((d->flags & DENTRY_HASHED) == 0) {
        return;
    }
    struct dentry **p = bucket_of(d->hash);
    while (*p != d) {
        REQUIRE(*p != NULL);
        p = &(*p)->hash_next;
    }
    *p = d->hash_next;
    d->hash_next = NULL;
    d->flags &= (uint16_t)~DENTRY_HASHED;
    names.count--;
}

static struct dentry *find(const struct dentry *dir, struct bytes name, uint32_t hash)
{
    for (struct dentry *d = *bucket_of(hash); d != NULL; d = d->hash_next) {
        if (d->hash == hash && d->parent == dir && d->name_size == name.size &&
            memcmp(d->name, name.data, name.size) == 0) {
            return d;
        }
    }
    return NULL;
}

static void list_in(struct dentry *d)
{
    struct dentry *dir = d->parent;
    d->prev = NULL;
    d->next = dir->child;
    if (dir->child != NULL) {
        dir->child->prev = d;
    }
    dir->child = d;
    d->flags |= DENTRY_LISTED;
}

static void list_out(struct dentry *d)
{
    if ((d->flags & DENTRY_LISTED) == 0) {
        return;
    }
    if (d->prev != NULL) {
        d->prev->next = d->next;
    } else {
        d->parent->child = d->next;
    }
    if (d->next != NULL) {
        d->next->prev = d->prev;
    }
    d->next = d->prev = NULL;
    d->flags &= (uint16_t)~DENTRY_LISTED;
}

static struct dentry *dentry_new(struct dentry *dir, struct bytes name, uint32_t hash)
{
    struct dentry *d = rt_alloc(sizeof *d + name.size + 1);
    if (d != NULL) {
        d->refs = 1;
        d->parent = dentry_ref(dir);
        d->hash = hash;
        d->name = d->own;
        d->name_size = (uint16_t)name.size;
        memcpy(d->name, name.data, name.size);
    }
    return d;
}

void dentry_unref(struct dentry *d)
{
    while (d != NULL && --d->refs == 0) {
        REQUIRE((d->flags & (DENTRY_HASHED | DENTRY_LISTED)) == 0);
        struct dentry *parent = d->parent;
        node_unref(d->node);
        if (d->name != d->own) {
            rt_free(d->name);
        }
        rt_free(d);
        d = parent; /* an anonymous one has none */
    }
}

static void forget(struct dentry *d)
{
    hash_out(d);
    dentry_unref(d);
}

/* Remembers that a name is absent, in place of the longest remembered absence. The ring's entry is
 * the only reference, so overwriting frees; when the name appears, absent_no_more() clears it. */
static void remember_absent(struct dentry *dir, struct bytes name, uint32_t hash)
{
    struct dentry *d = dentry_new(dir, name, hash);
    if (d == NULL) {
        return;
    }
    struct dentry **slot = &names.negative[names.negative_hand++ % NEGATIVE_MAX];
    if (*slot != NULL) {
        forget(*slot);
    }
    *slot = d;
    hash_in(d);
}

int dentry_lookup(struct dentry *dir, struct bytes name, struct dentry **ret)
{
    uint32_t hash = hash_of(dir, name);
    struct dentry *d = find(dir, name, hash);
    if (d != NULL) {
        if (d->node == NULL) {
            return -ENOENT;
        }
        *ret = dentry_ref(d);
        return 0;
    }
    const struct node_ops *ops = dir->node->ops;
    if (ops->lookup == NULL) {
        return -ENOENT;
    }
    struct node *node = NULL;
    int err = ops->lookup(dir->node, name, &node);
    if (err != 0) {
        if (err == -ENOENT && !ops->volatile_names) {
            remember_absent(dir, name, hash);
        }
        return err;
    }
    d = dentry_new(dir, name, hash);
    if (d == NULL) {
        node_unref(node);
        return -ENOMEM;
    }
    d->node = node;
    if (!ops->volatile_names) {
        hash_in(dentry_ref(d)); /* the tree's reference */
    }
    *ret = d;
    return 0;
}

int dentry_add(struct dentry *dir, struct bytes name, struct node *node, struct dentry **ret)
{
    uint32_t hash = hash_of(dir, name);
    REQUIRE(name.size > 0 && name.size <= FS_NAME_MAX);
    struct dentry *d = find(dir, name, hash);
    if (d != NULL) { /* a mount over what a layer has, or over a remembered absence */
        REQUIRE((d->flags & DENTRY_LISTED) == 0);
        bool absent = d->node == NULL;
        node_unref(d->node);
        d->node = node_ref(node);
        if (absent) {
            for (uint32_t i = 0; i < NEGATIVE_MAX; i++) {
                if (names.negative[i] == d) { /* its reference is the tree's from now on */
                    names.negative[i] = NULL;
                }
            }
        }
    } else {
        d = dentry_new(dir, name, hash);
        if (d == NULL) {
            return -ENOMEM;
        }
        d->node = node_ref(node);
        hash_in(d); /* the first reference is the tree's */
    }
    list_in(d);
    if (ret != NULL) {
        *ret = dentry_ref(d);
    }
    return 0;
}

void dentry_remove(struct dentry *d)
{
    REQUIRE((d->flags & DENTRY_LISTED) != 0);
    list_out(d);
    d->flags |= DENTRY_GONE;
    forget(d);
}

int dentry_move(struct dentry *d, struct dentry *dir, struct bytes name)
{
    char *longer = NULL;
    if (d->name_size < name.size) {
        longer = rt_alloc(name.size + 1);
        if (longer == NULL) {
            return -ENOMEM;
        }
    }
    struct dentry *old_parent = d->parent;
    hash_out(d);
    list_out(d);
    d->parent = dentry_ref(dir);
    if (longer != NULL) {
        if (d->name != d->own) {
            rt_free(d->name);
        }
        d->name = longer;
    }
    memcpy(d->name, name.data, name.size);
    d->name_size = (uint16_t)name.size;
    d->hash = hash_of(dir, name);
    hash_in(d);
    list_in(d);
    dentry_unref(old_parent);
    return 0;
}

bool dentry_has_children(const struct dentry *d)
{
    return d->child != NULL;
}

bool dentry_is_below(const struct dentry *d, const struct dentry *ancestor)
{
    while (d != ancestor) {
        if (d->parent == d || d->parent == NULL) {
            return false;
        }
        d = d->parent;
    }
    return true;
}

struct dentry *dentry_new_anon(const char *name, struct node *node)
{
    size_t n = strlen(name);
    struct dentry *d = rt_alloc(sizeof *d + n + 1);
    if (d != NULL) {
        d->refs = 1;
        d->flags = DENTRY_ANON;
        d->name = d->own;
        d->name_size = (uint16_t)n;
        memcpy(d->name, name, n);
        d->node = node_ref(node);
    }
    return d;
}

size_t dentry_path(const struct dentry *d, char *ret, size_t capacity)
{
    REQUIRE(capacity > 0);
    char path[FS_PATH_MAX];
    size_t at = sizeof path;
    if ((d->flags & DENTRY_GONE) != 0) {
        at -= sizeof " (deleted)" - 1;
        memcpy(path + at, " (deleted)", sizeof " (deleted)" - 1);
    }
    if ((d->flags & DENTRY_ANON) != 0) {
        size_t n = d->name_size < at ? d->name_size : at;
        at -= n;
        memcpy(path + at, d->name, n);
    } else if (d->parent == d) {
        path[--at] = '/';
    } else {
        for (; d->parent != d; d = d->parent) {
            if (at < (size_t)d->name_size + 1) {
                break; /* deeper than PATH_MAX: the end of it */
            }
            at -= d->name_size;
            memcpy(path + at, d->name, d->name_size);
            path[--at] = '/';
        }
    }
    size_t n = sizeof path - at;
    if (n > capacity - 1) {
        n = capacity - 1;
    }
    memcpy(ret, path + at, n);
    ret[n] = 0;
    return n;
}
