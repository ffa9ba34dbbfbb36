/* SPDX-License-Identifier: Apache-2.0 */
/* The table of processes, which the tree's first enclave (the owner) keeps: who is there, whose
 * child it is, in which group and session, and how it ended. Everything with the lock held.
 *
 * Trust: numbers and states are the owner's own. What members say of themselves is an enclave's of
 * the same image, whose workload chose it: it is an argument here, never believed further. */
#pragma once

#include "process.h"

#define PROCESSES_MAX 256u /* zombies included */

/* ---- processes of other enclaves
 * --------------------------------------------------------------------------- */

/* How a signal reaches a process whose memory and threads are in another enclave (p->member). */
struct member_operations {
    /* To the process. Stopping and going on are known to the table already: see process_signal().
     */
    void (*signal)(struct process *p, const struct signal_info *info);
    /* Ends the enclave; process_end() follows when it is gone, never in here. */
    void (*kill)(struct process *p);
    /* Another process's number in the place of its parent's: p->ppid is new. */
    void (*parent_changed)(struct process *p);
};
extern const struct member_operations *member_operations; /* NULL: no process is elsewhere */

/* ---- life
 * -------------------------------------------------------------------------------------- */

/* The first process, which has nobody above it: limits, signals and numbers as exec finds them at a
 * start, no descriptors yet. It is in the table. -ENOMEM. */
int process_start_first(struct process **ret) MUST_USE;
/* For an enclave of another process: what of it is kept there. In no table; no descriptors. */
int process_start_member(int pid, struct process **ret) MUST_USE;

enum process_share {
    PROCESS_SHARE_FILES = 1, /* CLONE_FILES: one descriptor table, instead of a copy */
    PROCESS_SIBLING = 2,     /* CLONE_PARENT: a child of its maker's parent */
};
/* A child of `maker` with the next free number: descriptors, directory, umask, limits, groups,
 * actions, group, session and name are the maker's; nothing is pending. exit_signal: what its
 * parent gets at its end, 0: nothing. It is in the table at once and runs nowhere yet. -EAGAIN:
 * there are PROCESSES_MAX; -ENOMEM. */
int process_new(struct process *maker, unsigned share, int exit_signal,
                struct process **ret) MUST_USE;
/* As if it never was: for a process that could not be started. */
void process_cancel(struct process *p);

/* What execve does to the table's part: the descriptor table is its own and the marked ones are
 * closed, handlers go back to their defaults, name and command line are the new program's. program:
 * for /proc/PID/exe, its own reference is taken; command_line: NUL-separated, copied and cut.
 * -ENOMEM, and nothing has changed. */
int process_exec(struct process *p, const char *comm, struct file *program,
                 struct bytes command_line) MUST_USE;

/* What /proc shows to others, from the start on. Cut; nothing when there is no memory. */
void process_set_command_line(struct process *p, struct bytes command_line);

#define STATUS_EXITED(code)  (((code)&0xff) << 8)
#define STATUS_SIGNALED(sig) ((sig)&0x7f)
/* It is over: its descriptors are closed, its record locks are gone, its children are somebody
 * else's; it is a zombie until its parent waits, or gone at once if that one does not want to know.
 * The parent gets the signal. status: STATUS_*; used: what it used, NULL: nothing is known. Not for
 * the first process, whose end is the run's (os_exit_process()). p may be freed on return. */
void process_end(struct process *p, int status, const struct process_usage *used);
/* A zombie that was waited for. Its usage is added to its parent's. */
void process_reap(struct process *p);

struct process *process_ref(struct process *p);
void process_unref(struct process *p); /* NULL is fine */

/* ---- finding
 * ----------------------------------------------------------------------------------- */

/* Zombies too. NULL: none. */
struct process *process_by_pid(int pid);
struct process *process_first(void); /* all of them: p = process_first(); p != NULL; p = p->next */
unsigned process_count(void);
/* Is a process in that group, and which session is the group's? */
bool process_group_exists(int pgid, int *ret_sid);
/* Has none of its processes a parent in another group of the session, who would continue it? */
bool process_group_is_orphaned(int pgid);
/* The next number that no process, group, session or thread has. */
int process_new_id(void);

/* ---- signals
 * ------------------------------------------------------------------------------------- */

/* To the process, wherever it is. A stopped one goes on with SIGCONT, and with SIGKILL; zombies
 * take nothing. Ignored ones vanish. info->signo may not be 0. */
void process_signal(struct process *p, const struct signal_info *info);
/* kill(2): pid, 0 (own group), -1 (all but the first and the caller), -pgid. signo 0: only asks.
 * 0 or -ESRCH. */
int process_signal_all(int pid, const struct signal_info *info) MUST_USE;
/* A stop signal took effect in p, wherever it runs: its default action, or SIGSTOP. Its threads do
 * not run the workload until p->state is PROCESS_RUNNING again; p->state_changed wakes. */
void process_stopped(struct process *p, int signo);
void process_continued(struct process *p);
/* Would stopping p leave nobody who could continue it? Then a stop signal is ignored. */
bool process_is_alone(const struct process *p);
