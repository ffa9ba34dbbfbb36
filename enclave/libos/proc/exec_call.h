/* SPDX-License-Identifier: Apache-2.0 */
/* A member's execve in place: what of it the owner does, which has the files, descriptors and the
 * table of processes. The strings stay where they are: only what a script puts before them travels.
 *
 * Trust: as for every call of a member (call_client.h, call_server.h). */
#pragma once

#include "exec/exec.h"

/* exec_resolve() at the owner. With the lock, which is given up meanwhile. -EPIPE: it is gone. */
int exec_resolve_remote(int dirfd, const char *path, uint32_t flags,
                        struct exec_plan *plan) MUST_USE;
/* process_exec() at the owner, for the calling thread's process. */
int exec_commit_remote(const struct exec_plan *plan) MUST_USE;
