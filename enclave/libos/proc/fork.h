/* SPDX-License-Identifier: Apache-2.0 */
/* New processes: fork, which sends an image of this one to another enclave, and vfork, whose child
 * runs here, on its parent's thread and in its memory, until it calls execve or ends. On the owner
 * and on members, which ask the owner. With the lock held. */
#pragma once

#include "exec/exec.h"
#include "process.h"

struct fork_request {
    uint64_t flags; /* of clone, without the exit signal */
    uint64_t stack; /* 0: the caller's */
    uint64_t parent_tid, child_tid, tls, pidfd;
    int exit_signal;
};
/* Everything that clone and clone3 do without CLONE_THREAD. The child's number, or -errno. */
int64_t fork_process(const struct fork_request *request);

/* Is the calling thread the child of a vfork? */
static inline bool fork_is_vfork_child(void)
{
    return os_self()->vfork != NULL;
}
/* The child of a vfork is over: its parent goes on with the registers that it had. What its call
 * returns: the child's number. status: STATUS_* (table.h). */
int64_t fork_child_ends(int status);
/* The same for a signal; *frame of the thread's call or fault is the parent's then, complete. */
void fork_child_is_killed(int signo);
/* execve of a vfork's child: its program starts in another enclave, and the parent goes on here,
 * with that result. The plan is freed. -errno: the child goes on. */
int64_t fork_child_execs(struct exec_plan *plan);
