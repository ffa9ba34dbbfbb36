/* SPDX-License-Identifier: Apache-2.0 */
/* execve in two halves: everything that can fail (a plan is made), and everything that cannot any
 * more (the process is replaced by the plan's program). With the lock held.
 *
 * Who needs files of others (a member of a tree of processes) has the first half done in two parts:
 * exec_resolve() where the files are, exec_open() where the program will run. A plan that was
 * resolved travels as bytes: exec_pack(), exec_unpack().
 *
 * Trust: paths, strings and scripts come from the workload; programs are files of measured layers.
 */
#pragma once

#include "process.h"
#include "exec/program.h"

#define EXEC_STRING_MAX (UINT64_C(128) << 10) /* MAX_ARG_STRLEN: of one string with its NUL */
#define EXEC_TEXT_MAX   (UINT64_C(6) << 20)   /* all strings: 3/4 of _STK_LIM, as fs/exec.c says */
#define EXEC_NAME_MAX   (FS_PATH_MAX + 32u)   /* "/dev/fd/7/" and a path */

/* argv, or an environment: count strings one behind the other, each with its NUL. */
struct exec_strings {
    uint8_t *data; /* rt_alloc(); NULL: none */
    size_t size, count;
};

struct exec_plan {
    char name[EXEC_NAME_MAX]; /* what was asked for: AT_EXECFN, and its last part is comm */
    char path[FS_PATH_MAX]; /* of the program that starts: a script's last interpreter. Absolute */
    struct exec_strings argv, env;
    struct program_source source; /* from exec_open() on */
};

/* Copies a list of pointers to strings up to its NULL; list 0: nothing. -EFAULT, -ENOMEM; -E2BIG
 * when one string is longer than Linux takes, or all of them are. */
int exec_strings_from_app(app_ptr list, struct exec_strings *ret) MUST_USE;
int exec_strings_make(const struct bytes *texts, size_t count, struct exec_strings *ret) MUST_USE;
/* Others (none: an empty one) in the place of the first string. -ENOMEM. */
int exec_strings_replace_first(struct exec_strings *s, const struct exec_strings *with) MUST_USE;
void exec_strings_free(struct exec_strings *s); /* wipes */

/* The name, the program and the argv that come of a path as the workload named it, through scripts'
 * first lines, in the process os_current(). plan: all zeros but argv and env, which it owns
 * already; flags: AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW. Errors are execve(2)'s; the caller frees the
 * plan after all of them. */
int exec_resolve(int dirfd, const char *path, uint32_t flags, struct exec_plan *plan) MUST_USE;
/* -E2BIG: more strings than the stack's limit allows. */
int exec_check_size(const struct exec_plan *plan) MUST_USE;
/* Opens plan->path and its interpreter, and reads their headers: nothing of the process changes. */
int exec_open(struct exec_plan *plan) MUST_USE;
/* Both; on a member, the owner resolves. */
int exec_prepare(int dirfd, app_ptr path, uint32_t flags, struct exec_plan *plan) MUST_USE;

/* A resolved plan as bytes (rt_alloc()), and back. Bytes that are no plan: -EINVAL. */
int exec_pack(const struct exec_plan *plan, uint8_t **ret_data, size_t *ret_size) MUST_USE;
int exec_unpack(struct bytes packed, struct exec_plan *ret) MUST_USE;
void exec_plan_free(struct exec_plan *plan); /* zeros are fine; wipes */

/* The point of no return: other threads end, memory goes, the program is loaded, the calling
 * thread's registers in *frame are its first. What fails then ends the process with SIGKILL. The
 * plan is freed. 0; or, and nothing has changed, -ENOMEM, or -ERESTARTSYS because the calling
 * thread is to end itself. Other threads end first, then both that follow: */
int exec_replace(struct exec_plan *plan, struct rt_frame *frame) MUST_USE;
/* what the table of processes knows (process_exec()), of os_current(): on a member, the owner is
 * told. -ENOMEM: nothing has changed; */
int exec_commit(const struct exec_plan *plan) MUST_USE;
/* and what belongs to memory, threads, signals and timers, where the program runs. */
void exec_replace_image(struct exec_plan *plan, struct rt_frame *frame);

/* Nothing of a process is left in memory, registers, signal actions and timers; for an enclave that
 * becomes blank again. Other threads have ended. Committed pages stay where zeroing them is cheaper
 * than new ones. Ready for exec_replace_image() or image_receive(). */
void exec_reset(void);
