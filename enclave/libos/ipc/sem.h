/* SPDX-License-Identifier: Apache-2.0 */
/* System V semaphores: sets of the owner of the tree. Calls of all processes are served there, so a
 * set is changed by one thread at a time, with the lock held. */
#pragma once

#include "ipc/ipc.h"

struct process;

#define SEM_SETS_MAX  32000u   /* SEMMNI */
#define SEM_COUNT_MAX 32000u   /* SEMMSL: of a set */
#define SEM_ALL_MAX   1024000u /* SEMMNS: in all; Linux's is out of any memory's reach */
#define SEM_OPS_MAX   500u     /* SEMOPM */
#define SEM_VALUE_MAX 32767    /* SEMVMX, SEMAEM */

/* struct sembuf of linux/sem.h */
struct sem_op {
    uint16_t number;
    int16_t change;
    uint16_t flags;
};

struct sem_one {
    int32_t value, pid; /* pid: of whoever changed it last */
};

/* What a process's end gives back. */
struct sem_undo {
    struct sem_undo *next;
    const struct process *process;
    int16_t adjust[];
};

/* A call that sleeps, or is about to: whoever changes the set makes its operations. */
struct sem_wait {
    struct sem_wait *next;
    const struct process *process;
    const struct sem_op *ops;
    size_t count, blocking; /* blocking: which of them cannot be made */
    struct sem_undo *undo;  /* NULL: none of them has SEM_UNDO */
    struct wait_queue queue;
    bool done;
    int result;
};

struct sem_set {
    struct ipc_object object;
    uint32_t count;
    int64_t otime, ctime;
    struct sem_wait *waits; /* oldest first */
    struct sem_undo *undos;
    struct sem_one semaphores[];
};

struct sem_set *sem_find(int32_t id);
/* The set in that place of the list (SEM_STAT). */
struct sem_set *sem_at(int32_t slot);
uint32_t sem_used(uint32_t *ret_sets);
int32_t sem_top(void);
/* Semaphores have changed: makes the operations of who waits, in order, as far as they can be. */
void sem_changed(struct sem_set *s);
/* No process gives anything back to it any more; first..end. */
void sem_forget_undo(struct sem_set *s, uint32_t first, uint32_t end);
void sem_remove(struct sem_set *s);

/* The process is over: what it did with SEM_UNDO is undone. */
void sem_process_ends(const struct process *p);
/* /proc/sysvipc/sem */
void sem_text(struct fs_text *t);
