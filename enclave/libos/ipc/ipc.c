/* SPDX-License-Identifier: Apache-2.0 */
/* See ipc.h. Source: ipc/util.c. */
#include "ipc/ipc.h"

#include <errno.h>

#define SLOT_BITS 15u /* of a number; above them counts how often numbers were given */

int32_t ipc_id(const struct ipc_object *o)
{
    return (int32_t)((uint32_t)o->perm.seq << SLOT_BITS | o->slot);
}

struct ipc_object *ipc_at(const struct ipc_kind *k, int32_t slot)
{
    return slot >= 0 && (uint32_t)slot < k->end ? k->slots[slot] : NULL;
}

struct ipc_object *ipc_find(const struct ipc_kind *k, int32_t id)
{
    struct ipc_object *o = id >= 0 ? ipc_at(k, id & (int32_t)((1u << SLOT_BITS) - 1)) : NULL;
    return o != NULL && ipc_id(o) == id ? o : NULL;
}

struct ipc_object *ipc_next(const struct ipc_kind *k, const struct ipc_object *o)
{
    uint32_t i = o == NULL ? 0 : o->slot + 1;
    while (i < k->end && k->slots[i] == NULL) {
        i++;
    }
    return i < k->end ? k->slots[i] : NULL;
}

struct ipc_object *ipc_by_key(const struct ipc_kind *k, int32_t key)
{
    struct ipc_object *o = key != 0 ? ipc_next(k, NULL) : NULL;
    while (o != NULL && o->perm.key != key) {
        o = ipc_next(k, o);
    }
    return o;
}

int ipc_may(const struct ipc_perm *p, unsigned wanted)
{
    const uint32_t uid = os.manifest->uid, gid = os.manifest->gid;
    const unsigned shift = uid == p->uid || uid == p->cuid   ? 6
                           : gid == p->gid || gid == p->cgid ? 3
                                                             : 0;
    return uid == 0 || (wanted & ~(p->mode >> shift)) == 0 ? 0 : -EACCES;
}

int ipc_owns(const struct ipc_perm *p)
{
    const uint32_t uid = os.manifest->uid;
    return uid == 0 || uid == p->uid || uid == p->cuid ? 0 : -EPERM;
}

void ipc_set(struct ipc_perm *p, const struct ipc_perm *given)
{
    p->uid = given->uid;
    p->gid = given->gid;
    p->mode = (p->mode & ~0777u) | (given->mode & 0777u);
}

int ipc_get(const struct ipc_kind *k, int32_t key, int flags, struct ipc_object **ret)
{
    struct ipc_object *o = ipc_by_key(k, key);
    *ret = o;
    if (o == NULL) {
        return key == 0 || (flags & IPC_CREAT_) != 0 ? 0 : -ENOENT;
    }
    if ((flags & IPC_CREAT_) != 0 && (flags & IPC_EXCL_) != 0) {
        return -EEXIST;
    }
    /* The rights that are asked for count for every class, as on Linux. */
    return ipc_may(&o->perm, (unsigned)(flags | flags >> 3 | flags >> 6) & 7u);
}

/* The lowest free one. */
static int free_slot(struct ipc_kind *k, uint32_t *ret)
{
    uint32_t slot = 0;
    while (slot < k->end && k->slots[slot] != NULL) {
        slot++;
    }
    if (slot >= k->max) {
        return -ENOSPC;
    }
    if (slot == k->room) {
        const uint32_t room = k->room == 0 ? 16 : k->room * 2;
        struct ipc_object **slots =
            (struct ipc_object **)rt_realloc(k->slots, room * sizeof *slots);
        if (slots == NULL) {
            return -ENOMEM;
        }
        k->slots = slots;
        k->room = room;
    }
    *ret = slot;
    return 0;
}

int ipc_add(struct ipc_kind *k, struct ipc_object *o, int32_t key, int flags)
{
    const uint32_t uid = os.manifest->uid, gid = os.manifest->gid;
    uint32_t slot;
    const int r = free_slot(k, &slot);
    if (r != 0) {
        return r;
    }
    o->slot = slot;
    o->perm = (struct ipc_perm){.key = key,
                                .uid = uid,
                                .gid = gid,
                                .cuid = uid,
                                .cgid = gid,
                                .mode = (uint32_t)flags & 0777u,
                                .seq = k->next_seq};
    k->next_seq = (k->next_seq + 1) & 0x7fff;
    k->slots[slot] = o;
    k->end = slot >= k->end ? slot + 1 : k->end;
    k->count++;
    return 0;
}

void ipc_remove(struct ipc_kind *k, struct ipc_object *gone)
{
    k->slots[gone->slot] = NULL;
    k->count--;
    while (k->end > 0 && k->slots[k->end - 1] == NULL) {
        k->end--;
    }
}

int32_t ipc_top(const struct ipc_kind *k)
{
    return k->end > 0 ? (int32_t)k->end - 1 : 0;
}
