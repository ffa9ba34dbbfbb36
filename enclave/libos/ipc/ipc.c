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
    struct ipc_object *o = k->first;
    while (o != NULL && (int32_t)o->slot != slot) {
        o = o->next;
    }
    return o;
}

struct ipc_object *ipc_find(const struct ipc_kind *k, int32_t id)
{
    struct ipc_object *o = k->first;
    while (o != NULL && ipc_id(o) != id) {
        o = o->next;
    }
    return o;
}

struct ipc_object *ipc_by_key(const struct ipc_kind *k, int32_t key)
{
    struct ipc_object *o = key != 0 ? k->first : NULL;
    while (o != NULL && o->perm.key != key) {
        o = o->next;
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

int ipc_add(struct ipc_kind *k, struct ipc_object *o, int32_t key, int flags)
{
    struct ipc_object **p = &k->first;
    uint32_t slot = 0;
    while (*p != NULL && (*p)->slot == slot) {
        slot++;
        p = &(*p)->next;
    }
    if (slot >= IPC_OBJECTS) {
        return -ENOSPC;
    }
    const uint32_t uid = os.manifest->uid, gid = os.manifest->gid;
    o->slot = slot;
    o->perm = (struct ipc_perm){.key = key,
                                .uid = uid,
                                .gid = gid,
                                .cuid = uid,
                                .cgid = gid,
                                .mode = (uint32_t)flags & 0777u,
                                .seq = k->next_seq};
    k->next_seq = (k->next_seq + 1) & 0x7fff;
    o->next = *p;
    *p = o;
    return 0;
}

void ipc_remove(struct ipc_kind *k, struct ipc_object *gone)
{
    struct ipc_object **p = &k->first;
    while (*p != gone) {
        p = &(*p)->next;
    }
    *p = gone->next;
}

int32_t ipc_top(const struct ipc_kind *k)
{
    int32_t top = 0;
    for (const struct ipc_object *o = k->first; o != NULL; o = o->next) {
        top = (int32_t)o->slot;
    }
    return top;
}
