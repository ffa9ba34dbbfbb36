/* SPDX-License-Identifier: Apache-2.0 */
/* What a program that hosts enclaves on the soft machine must know beyond machine.h.
 *
 * Signals. The machine owns SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE and SIGSYS from the first
 * open() on: faults of enclave code become AEX, all others go to the handler that was there before
 * (or the default action). A signal that the program itself wants to handle may arrive while
 * enclave code runs, with the enclave's FS base and stack: install its handler with soft_signal(),
 * never with sigaction(). Ignored and default dispositions need nothing.
 *
 * Stacks and processes. A thread that has entered keeps the alternate signal stack that the machine
 * gave it until it ends. A child process made by fork() has no part in its parent's enclaves.
 *
 * Seccomp. System calls executed by enclave code must not reach the kernel. Install a filter before
 * any thread enters, with this rule, in this order:
 *   1. arch != AUDIT_ARCH_X86_64: kill (or trap: `int 0x80` inside an enclave arrives as i386);
 *   2. ELRANGE start <= instruction_pointer <= ELRANGE end: SECCOMP_RET_TRAP (the pointer is
 *      already past the instruction, so the end is inclusive and the start is exclusive);
 *   3. the program's own list.
 * soft_seccomp_elrange() writes 1 and 2 as BPF. SIGSYS becomes an AEX with #UD and RIP at the
 * `syscall` instruction; RCX and R11 are lost by then, as the processor overwrote them.
 * The machine itself needs, after open(): mmap, mprotect, madvise, munmap, futex, sendto, recvfrom,
 * sigaltstack, rt_sigprocmask, rt_sigreturn, rt_sigaction, rt_tgsigqueueinfo, getpid, gettid,
 * write, exit_group; create() and init() also sendmsg, recvmsg, pwrite64, memfd_create, ftruncate,
 * close.
 */
#pragma once

#include "machine/machine.h"

#include <linux/filter.h>
#include <signal.h>

/* SECS.BASEADDR that lets the soft machine choose (aligned to SIZE). */
#define SOFT_BASE_ANY UINT64_MAX

/* CPUSVN of every software machine, each of its 16 bytes: the TCB level that certificates name. */
#define SOFT_CPUSVN_BYTE 1

/* Where ELRANGE begins in this process. */
uint64_t soft_base(const struct machine *m);

/* Prepares the calling thread (alternate stack, state) ahead of its first enter(), which otherwise
 * does it. It is undone when the thread ends. 0 or -errno. */
int soft_thread_begin(void);

/* Handles an asynchronous signal of the host. If it interrupts enclave code, the machine performs
 * the AEX, runs the handler on the host's stack as if the signal had arrived at the AEP, and then
 * resumes the enclave; the handler may enter() the enclave again (on the same TCS at CSSA 1).
 * If it interrupts host code, the handler runs on the alternate stack and must not enter(), nor
 * call any other operation of a machine, which the interrupted code may be in the middle of.
 * context is a copy to look at. flags: SA_RESTART or 0. Blocks all signals while running. */
typedef void (*soft_signal_handler)(int sig, siginfo_t *info, void *context);
int soft_signal(int sig, soft_signal_handler handler, int flags);

/* rdi, rsi, rdx, r8, r9 as the enclave's last EEXIT of this thread left them. */
void soft_exit_registers(uint64_t ret_registers[5]);
/* The same of r10 to r15, rbp and rsp, which a host can read as well, though enter() does not. */
void soft_exit_rest(uint64_t ret_registers[8]);

/* The memory in which the machine keeps what a processor keeps inside: its threads' states, their
 * stacks for leaves and for signals. From [0] to [1]; empty before the first open(). An enclave's
 * registers may stand here, and nowhere else outside ELRANGE. */
void soft_own_memory(uint64_t ret_range[2]);

/* Writes the two seccomp rules above for this enclave; returns how many instructions (at most
 * SOFT_SECCOMP_MAX). The filter goes on behind them. foreign_arch is what int 0x80 gets, usually
 * SECCOMP_RET_TRAP. */
#define SOFT_SECCOMP_MAX 24
size_t soft_seccomp_elrange(uint64_t base, uint64_t size, uint32_t foreign_arch,
                            struct sock_filter ret_filter[SOFT_SECCOMP_MAX]);
