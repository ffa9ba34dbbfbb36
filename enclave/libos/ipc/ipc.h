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
    struct ipc_perm perm;
    uint32_t slot;
};

/* The objects of one kind. */
struct ipc_kind {
    const uint32_t max;        /* as many there may be; below 32,768 */
    struct ipc_object **slots; /* room of them; NULL where there is none */
    uint32_t room;
    uint32_t end; /* none from here on */
    uint32_t count;
    uint16_t next_seq;
};

int32_t ipc_id(const struct ipc_object *o);
/* By number, by slot, or by key (never IPC_PRIVATE); NULL: none. */
struct ipc_object *ipc_find(const struct ipc_kind *k, int32_t id);
struct ipc_object *ipc_at(const struct ipc_kind *k, int32_t slot);
struct ipc_object *ipc_by_key(const struct ipc_kind *k, int32_t key);
/* All of them: o is the one before, NULL for the first. */
struct ipc_object *ipc_next(const struct ipc_kind *k, const struct ipc_object *o);
/* *flags are those of shmget(2) and its kin. NULL in *ret: one is to be made. */
int ipc_get(const struct ipc_kind *k, int32_t key, int flags, struct ipc_object **ret) MUST_USE;
/* Gives it a number and a place. -ENOSPC, -ENOMEM. */
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

/* /proc/sysvipc: key, number and rights; ids of owner, group and makers. ipc_text.c */
void ipc_text_head(struct fs_text *t, const struct ipc_object *o);
void ipc_text_owners(struct fs_text *t, const struct ipc_object *o);
