/* SPDX-License-Identifier: Apache-2.0 */
/* What System V's shared memory, semaphores and message queues have in common: objects of the owner
 * of the tree, which processes name by key and number. The namespace is the run's: keys that other
 * runs or the host use are other objects. All functions with the lock held.
 *
 * Trust: keys, numbers and rights are the workload's choice; the host takes no part. */
#pragma once

#include "process.h"

#define IPC_CREAT_  01000
#define IPC_EXCL_   02000
#define IPC_NOWAIT_ 04000

enum { IPC_RMID_ = 0, IPC_SET_ = 1, IPC_STAT_ = 2, IPC_INFO_ = 3 };

#define IPC_READ  4u
#define IPC_WRITE 2u

#define IPC_OBJECTS 4096u /* of one kind; Linux's SHMMNI */

/* struct ipc64_perm of asm-generic/ipcbuf.h: as the workload reads and writes it. */
struct ipc_perm {
    int32_t key;
    uint32_t uid, gid, cuid, cgid;
    uint32_t mode;
    uint16_t seq, pad;
    uint32_t pad2;
    uint64_t unused[2];
};
_Static_assert(sizeof(struct ipc_perm) == 48, "asm-generic/ipcbuf.h");

struct ipc_object {
    struct ipc_object *next; /* lowest slot first */
    struct ipc_perm perm;
    uint32_t slot;
};

/* The objects of one kind. */
struct ipc_kind {
    struct ipc_object *first;
    uint16_t next_seq;
};

int32_t ipc_id(const struct ipc_object *o);
/* By number, by slot, or by key (never IPC_PRIVATE); NULL: none. */
struct ipc_object *ipc_find(const struct ipc_kind *k, int32_t id);
struct ipc_object *ipc_at(const struct ipc_kind *k, int32_t slot);
struct ipc_object *ipc_by_key(const struct ipc_kind *k, int32_t key);
/* *flags are those of shmget(2) and its kin. NULL in *ret: one is to be made. */
int ipc_get(const struct ipc_kind *k, int32_t key, int flags, struct ipc_object **ret) MUST_USE;
/* Gives it a number and a place. -ENOSPC. */
int ipc_add(struct ipc_kind *k, struct ipc_object *o, int32_t key, int flags) MUST_USE;
void ipc_remove(struct ipc_kind *k, struct ipc_object *gone);
/* The highest slot that is used; 0 when there is none, as Linux tells it. */
int32_t ipc_top(const struct ipc_kind *k);
/* wanted: IPC_READ, IPC_WRITE. -EACCES. */
int ipc_may(const struct ipc_perm *p, unsigned wanted) MUST_USE;
/* May it be changed or removed? -EPERM. */
int ipc_owns(const struct ipc_perm *p) MUST_USE;
/* IPC_SET: owner, group and rights of what the workload gave. */
void ipc_set(struct ipc_perm *p, const struct ipc_perm *given);
