/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of signals/ share. With the lock held, all of it. */
#pragma once

#include "signals/signals.h"

#define UNBLOCKABLE (SIGNAL_BIT(OS_SIGKILL) | SIGNAL_BIT(OS_SIGSTOP))
#define STOPPING                                                                                   \
    (SIGNAL_BIT(OS_SIGSTOP) | SIGNAL_BIT(OS_SIGTSTP) | SIGNAL_BIT(OS_SIGTTIN) |                    \
     SIGNAL_BIT(OS_SIGTTOU))

/* sigaltstack(2) */
#define SS_ONSTACK    1u
#define SS_DISABLE    2u
#define SS_AUTODISARM 0x80000000u

/* send.c: would the process take no notice of it, blocked or not? */
bool signal_ignored(const struct process *p, int signo);
/* Those of the set wait for nobody in the process any more. */
void signal_forget_all(struct process *p, uint64_t set);

/* frame.c */
void signal_fill_siginfo(const struct signal_info *info, struct signal_siginfo *ret);
/* Puts a frame on the workload's stack and points its registers at the handler. fault: what the
 * processor reported, or NULL. -EFAULT: it has no place there. */
int signal_push_frame(struct os_thread *t, const struct signal_info *info,
                      const struct signal_action *action, const struct rt_fault *fault) MUST_USE;

/* deliver.c: the process ends by this signal, after a report. */
void signal_die(const struct os_thread *t, const struct signal_info *info,
                const struct rt_fault *fault) __attribute__((noreturn));
/* Enters the handler of a signal that is neither ignored nor left to its default. A frame that has
 * no place is a SIGSEGV, whose handler may have a stack of its own. */
void signal_enter_handler(struct os_thread *t, const struct signal_info *info,
                          const struct rt_fault *fault);

/* restart.c: is this what a call answers when a signal interrupted it? */
bool signal_interrupted_call(int64_t result);
/* Gives an interrupted call its end, or lets it run again. action: of the signal whose
 * handler comes first; NULL: none comes. */
void signal_finish_call(struct os_thread *t, uint64_t number, const struct signal_action *action);
