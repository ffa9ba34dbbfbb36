/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that processes share: pages of files in memory that are with one process at a time
 * (docs/decisions/015-processes.md). Both ends: the owner of the tree, which has the files and
 * knows who holds which page, and a member, which has stand-ins for files, whose pages are those
 * that it holds now. All functions with the lock held.
 *
 * Trust: what flows goes over sessions between enclaves of this image. The workload chose what it
 * maps where, and a member's numbers are looked up among what its process was given. */
#pragma once

#include "process.h"

struct node;

/* ---- both
 * ---------------------------------------------------------------------------------------- */

/* Pages [first, end) are elsewhere: whoever finds out notes that here, and fails with -EFAULT;
 * whoever called it waits for them with share_bring(), and calls it again. */
void share_want(struct node *n, uint64_t first, uint64_t end);
/* 1: what was noted is here, or may be: try again. 0: nothing was noted, or it does not come.
 * -ERESTARTSYS: a signal came first. Gives up the lock meanwhile. */
int share_bring(void) MUST_USE;
/* Memory for an anonymous shared mapping; *ret is NULL when this enclave will never have others. */
int share_memory(uint64_t length, struct file **ret) MUST_USE;
/* At the owner: an unnamed file in memory of that size, called so. */
int share_new_memory(uint64_t length, const char *path, struct file **ret) MUST_USE;
/* The word at that offset of a file, in trusted memory, as of now; nobody else has it before the
 * lock is given up. change: it may be changed there. NULL: -EFAULT. The owner's. */
uint32_t *share_word(struct node *n, uint64_t offset, bool change);

/* ---- the owner
 * ------------------------------------------------------------------------------------ */

extern uint64_t shares_held; /* pages that are with processes in other enclaves, of all files */
bool shares_away(const struct node *n, uint64_t first, uint64_t end);
/* Is something of the own process's memory there elsewhere? Then share_bring() brings it. */
bool shares_bring_range(uint64_t start, uint64_t size);
/* What is mapped here shared, a child of the own process shares, too. -ENOMEM. */
int shares_fork(struct process *child) MUST_USE;
void shares_end(struct process *p);
bool shares_any(const struct process *p);
/* Wants back all that p holds. False: it holds nothing that could come. */
bool shares_recall_from(const struct process *p);
/* The run ends: what is to stay of files comes back, as far as it does. */
void shares_last(void);
/* System V shared memory (ipc/shm.h): p attaches it once more; has it attached so often now; how often
 * it is attached in other enclaves. */
int shares_attach(struct process *p, struct node *n) MUST_USE;
void shares_detach(const struct process *p, const struct node *n, uint64_t now);
uint64_t shares_attached(const struct node *n);
/* The node that process p knows by that id, or NULL. */
struct node *shares_node(const struct process *p, uint64_t id);
/* What p's enclave says of its own accord. */
void shares_returned(struct process *p, uint64_t id, uint64_t index, const void *page);
void shares_dropped(struct process *p, uint64_t id, uint64_t count);

/* ---- a member
 * ------------------------------------------------------------------------------------- */

#define SHARE_OFFSET_BITS                                                                          \
    40u /* of a futex's address at the owner: share id above, offset below                         \
         */

#define SHARE_FORK_MAX 256u /* ids that one request names */

/* What the owner told of the file. A new description of its stand-in. another: the owner counts one
 * mapping more. -ENOMEM. */
struct share_told {
    uint64_t id, size, ino;
    uint32_t may_write, segment; /* segment: 1 of System V shared memory */
};
int share_stand_in(const struct share_told *t, const char *path, bool another,
                   struct file **ret) MUST_USE;
/* The descriptor's file, for a shared mapping. */
int share_map(int fd, const struct share_told *t, const char *path, struct file **ret) MUST_USE;
/* System V shared memory: in is what the owner is asked to attach; so often it is attached now. */
int share_attach(struct bytes in, bool may_write, struct file **ret) MUST_USE;
void share_detached(const struct node *n, uint64_t now);
/* The owner wants a page back. */
void share_recalled(uint64_t id, uint64_t index);
/* Gives back what is due; nanoseconds until it must be called again. */
uint64_t share_give_back(void);
/* Before the owner hears that the process has ended. */
void share_process_ends(void);
/* A stand-in is about to go. */
void share_gone(struct node *n);
/* Wakes one waiter for a futex there. */
void share_wake(struct node *n, uint64_t offset);

/* What share_bring() and share_memory() are for a member. */
int share_client_fetch(struct node *n, uint64_t index) MUST_USE;
int share_client_new(uint64_t length, struct file **ret) MUST_USE;
/* shares_fork() for a child of a member's. */
int share_client_fork(int pid) MUST_USE;
