/* SPDX-License-Identifier: Apache-2.0 */
/* A directory's entries as a snapshot that lives with the open file: getdents64 then has stable
 * positions whatever is created or removed meanwhile. lseek to 0 takes a new one. */
#include "vfs.h"

#define LISTING_MAX (1u << 22) /* entries: far above any layer, below what offsets can count */

static void *grow(void *old, size_t *capacity, size_t want, size_t unit)
{
    if (want <= *capacity) {
        return old;
    }
    size_t bigger = *capacity < 64 ? 64 : *capacity * 2;
    while (bigger < want) {
        bigger *= 2;
    }
    void *p = rt_realloc(old, bigger * unit);
    if (p != NULL) {
        *capacity = bigger;
    }
    return p;
}

int listing_add(struct listing *l, struct bytes name, uint64_t ino, unsigned type)
{
    if (l->count >= LISTING_MAX) {
        return -ENOMEM;
    }
    struct listing_entry *entries = grow(l->entries, &l->capacity, l->count + 1, sizeof *entries);
    if (entries == NULL) {
        return -ENOMEM;
    }
    l->entries = entries;
    char *text = grow(l->names, &l->names_capacity, l->names_size + name.size, 1);
    if (text == NULL) {
        return -ENOMEM;
    }
    l->names = text;
    l->entries[l->count++] = (struct listing_entry){.ino = ino,
                                                    .name_offset = (uint32_t)l->names_size,
                                                    .name_size = (uint8_t)name.size,
                                                    .type = (uint8_t)type};
    memcpy(l->names + l->names_size, name.data, name.size);
    l->names_size += name.size;
    return 0;
}

void listing_free(struct listing *l)
{
    if (l != NULL) {
        rt_free(l->entries);
        rt_free(l->names);
        rt_free(l);
    }
}

static bool has_listed(const struct dentry *dir, struct bytes name)
{
    for (const struct dentry *d = dir->child; d != NULL; d = d->next) {
        if (d->name_size == name.size && memcmp(d->name, name.data, name.size) == 0) {
            return true;
        }
    }
    return false;
}

/* Drops what the node's list() added under names that listed children shadow (mount points). */
static void drop_shadowed(struct listing *l, size_t from, const struct dentry *dir)
{
    if (dir->child == NULL) {
        return;
    }
    size_t kept = from;
    for (size_t i = from; i < l->count; i++) {
        struct listing_entry *e = &l->entries[i];
        if (!has_listed(dir, BYTES(l->names + e->name_offset, e->name_size))) {
            l->entries[kept++] = *e;
        }
    }
    l->count = kept;
}

int listing_make(struct dentry *dir, struct listing **ret)
{
    struct listing *l = rt_alloc(sizeof *l);
    if (l == NULL) {
        return -ENOMEM;
    }
    const struct dentry *parent = dir->parent != NULL ? dir->parent : dir;
    int err = listing_add(l, BYTES_STR("."), dir->node->ino, DT_DIR);
    if (err == 0) {
        err = listing_add(l, BYTES_STR(".."), parent->node->ino, DT_DIR);
    }
    for (const struct dentry *d = dir->child; d != NULL && err == 0; d = d->next) {
        err = listing_add(l, BYTES(d->name, d->name_size), d->node->ino, dt_of_mode(d->node->mode));
    }
    size_t own = l->count;
    if (err == 0 && dir->node->ops->list != NULL) {
        err = dir->node->ops->list(dir->node, l);
        drop_shadowed(l, own, dir);
    }
    if (err != 0) {
        listing_free(l);
        return err;
    }
    *ret = l;
    return 0;
}
