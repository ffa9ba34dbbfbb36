/* SPDX-License-Identifier: Apache-2.0 */
/* Signals of the workload to itself, and faults turned into signals. Nothing here can be triggered
 * by the host: senders are the workload's own calls and what the processor reported. */
#pragma once

#include "process.h"

/* Numbers and flags: asm/signal.h of x86-64. */
enum signal_number {
    OS_SIGHUP = 1,
    OS_SIGILL = 4,
    OS_SIGTRAP = 5,
    OS_SIGABRT = 6,
    OS_SIGBUS = 7,
    OS_SIGFPE = 8,
    OS_SIGKILL = 9,
    OS_SIGSEGV = 11,
    OS_SIGPIPE = 13,
    OS_SIGCHLD = 17,
    OS_SIGCONT = 18,
    OS_SIGSTOP = 19,
    OS_SIGTSTP = 20,
    OS_SIGTTIN = 21,
    OS_SIGTTOU = 22,
    OS_SIGURG = 23,
    OS_SIGWINCH = 28,
    OS_SIGSYS = 31,
    OS_SIGRTMIN = 32, /* the first that queues; libc keeps two for itself */
};
#define SIGNALS_SYNCHRONOUS                                                                        \
    (SIGNAL_BIT(OS_SIGSEGV) | SIGNAL_BIT(OS_SIGBUS) | SIGNAL_BIT(OS_SIGILL) |                      \
     SIGNAL_BIT(OS_SIGTRAP) | SIGNAL_BIT(OS_SIGFPE) | SIGNAL_BIT(OS_SIGSYS))

/* asm-generic/siginfo.h */
enum signal_code {
    SI_USER_ = 0,
    SI_KERNEL_ = 0x80,
    SI_QUEUE_ = -1,
    SI_TIMER_ = -2,
    SI_TKILL_ = -6,
};
#define OS_SIG_DFL 0u
#define OS_SIG_IGN 1u

#define OS_SA_SIGINFO   0x00000004u
#define OS_SA_RESTORER  0x04000000u
#define OS_SA_ONSTACK   0x08000000u
#define OS_SA_RESTART   0x10000000u
#define OS_SA_NODEFER   0x40000000u
#define OS_SA_RESETHAND 0x80000000u

/* ---- the frame that a handler finds on its stack (asm/sigcontext.h, asm-generic/ucontext.h)
 * -------- */

struct signal_context {
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
    uint16_t cs, gs, fs, ss;
    uint64_t err, trapno, oldmask, cr2;
    uint64_t fpstate;
    uint64_t reserved[8];
};
_Static_assert(sizeof(struct signal_context) == 256, "asm/sigcontext.h");

struct signal_stack {
    uint64_t sp;
    uint32_t flags;
    uint32_t pad;
    uint64_t size;
};

struct signal_ucontext {
    uint64_t flags;
    uint64_t link;
    struct signal_stack stack;
    struct signal_context context;
    uint64_t mask;
};
_Static_assert(sizeof(struct signal_ucontext) == 304, "asm-generic/ucontext.h");

struct signal_siginfo {
    int32_t signo, error, code, pad;
    union {
        struct {
            int32_t pid;
            uint32_t uid;
            uint64_t value;
        } sender;
        struct {
            int32_t pid;
            uint32_t uid;
            int32_t status, pad;
            int64_t user_ticks, system_ticks;
        } child; /* SIGCHLD */
        uint64_t addr;
        uint8_t size[112];
    } u;
};
_Static_assert(sizeof(struct signal_siginfo) == 128, "asm-generic/siginfo.h");

struct signal_frame {
    uint64_t return_address;
    struct signal_ucontext uc;
    struct signal_siginfo info;
};
_Static_assert(sizeof(struct signal_frame) == 440, "arch/x86/include/asm/sigframe.h");

#define XSTATE_END_SIZE 4u /* FP_XSTATE_MAGIC2 after the vector state */

/* Where the parts of a frame go on a stack that ends at `top`: [ret_frame, +440), and the vector
 * state of xstate_size bytes and its end mark at ret_xstate. False when it would leave the address
 * space. */
bool signal_layout(uint64_t top, uint64_t xstate_size, uint64_t *ret_frame, uint64_t *ret_xstate);

/* ---- sending and delivering
 * ------------------------------------------------------------------------ */

/* Both with the lock held. Ignored signals vanish. To the process: of this enclave, or the child of
 * a vfork in it; process_signal() (proc/table.h) is for all of them. Threads that take
 * it now are woken or kicked. -EAGAIN: a real-time signal found no place (RLIMIT_SIGPENDING). */
int signal_to_thread(struct os_thread *t, const struct signal_info *info);
int signal_to_process(struct process *p, const struct signal_info *info);
/* Something waits for the thread at its way back to the workload: it is woken when it sleeps in
 * os_block(), and kicked when it computes. */
void signal_notify(struct os_thread *t);

/* queue.c: what waits for a thread or a process. With the lock held. */
struct signal_box {
    uint64_t *pending;
    struct signal_info *info;
    struct signal_queued **queued;
};
struct signal_box signal_box_of_thread(struct os_thread *t);
struct signal_box signal_box_of_process(struct process *p);
int signal_put(const struct signal_box *b, const struct signal_info *info) MUST_USE; /* -EAGAIN */
bool signal_get(const struct signal_box *b, uint64_t set, struct signal_info *ret);
void signal_forget(const struct signal_box *b, uint64_t set);
/* The one with that code and pid that waits there (a timer's); NULL: none. */
struct signal_info *signal_find(const struct signal_box *b, int signo, int code, int id);
/* Takes those away. */
void signal_remove(const struct signal_box *b, int signo, int code, int id);
/* The thread leaves: what was sent to the process and it would have taken, another one takes. */
void signal_pass_on(const struct os_thread *leaving);
/* Takes the next of the set that waits for the thread or the process, faults first. */
bool signal_take(struct os_thread *t, uint64_t set, struct signal_info *ret);
/* Would a signal be delivered if the thread went back to the workload now? */
bool signal_wanted(const struct os_thread *t);

/* For calls that sleep for a time relative to now: when a signal without a handler interrupts one,
 * it goes on to the deadline that it had, which is what this returns then. */
uint64_t signal_deadline(uint64_t deadline_ns);

#define SIGNAL_NO_CALL UINT64_MAX
/* Without the lock, after call `number` with its result in frame->rax: runs what is due, restarts
 * calls that a signal interrupted. */
void signal_return_to_workload(struct os_thread *t, uint64_t number);
/* SIGSEGV, as a fault would: a thread that cannot take it dies. With the lock held. */
void signal_force_segv(struct os_thread *t);
void signal_masks(const struct process *p, uint64_t *ret_ignored, uint64_t *ret_caught);
/* For calls that swap the mask while they wait (ppoll, rt_sigsuspend): the old mask comes back
 * after delivery. With the lock held. */
void signal_swap_mask(struct os_thread *t, uint64_t mask);
