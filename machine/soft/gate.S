/* SPDX-License-Identifier: Apache-2.0 */
/* The ways into and out of enclave code: EENTER and ERESUME (soft_gate), the AEP, EEXIT, and the
 * entry of leaves that were called by translation. Every label range that a signal may interrupt is
 * known to signal.c, which either takes a transition back or finishes it, so that transitions are
 * atomic as the processor's are. */
#include "soft/gate_layout.h"

    .text
    .altmacro

/* int soft_gate(struct soft_thread *t, uint64_t leaf): 0 after EEXIT, -1 after an exception. */
    .globl soft_gate
    .hidden soft_gate
    .type soft_gate, @function
    .balign 64
soft_gate:
    endbr64
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    sub $8, %rsp
    mov %rsp, T_HOST_RSP(%rdi)
    mov %rbp, T_HOST_RBP(%rdi)
    mov %rdi, %rbx
    mov %rsi, T_LEAF(%rbx)
attempt:
    /* What prepare reads of an SSA frame passes through its registers and its stack: the stack is
     * the thread's own, and signals wait. */
    movl $1, T_IN_LEAF(%rbx)
    lea T_LEAF_TOP(%rbx), %rsp
    mov %rbx, %rdi
    mov T_LEAF(%rbx), %rsi
    call soft_transition_prepare
    mov T_HOST_RSP(%rbx), %rsp
    test %eax, %eax
    js soft_gate_refused

    .globl soft_gate_window
    .hidden soft_gate_window
soft_gate_window:
    cmpl $0, T_PENDING(%rbx)
    jne soft_gate_waits
    movl $1, T_INSIDE(%rbx)
    movl $0, T_IN_LEAF(%rbx)
    test %eax, %eax
    jnz resume
    lea T_FRAME(%rbx), %r11
    mov F_FSBASE(%r11), %rax
    wrfsbase %rax
    mov F_GSBASE(%r11), %rax
    wrgsbase %rax
    mov T_ARGS+0(%rbx), %rdi
    mov T_ARGS+8(%rbx), %rsi
    mov T_ARGS+16(%rbx), %rdx
    mov T_ARGS+24(%rbx), %r8
    mov T_ARGS+32(%rbx), %r9
    mov T_HOST_RBP(%rbx), %rbp
    mov F_RAX(%r11), %rax
    mov F_RCX(%r11), %rcx
    mov F_RBX(%r11), %rbx
    mov F_RIP(%r11), %r11
    jmp *%r11
resume:
    mov T_XFRM(%rbx), %eax
    mov T_XFRM+4(%rbx), %edx
    xrstor64 T_XSAVE(%rbx)
    lea T_FRAME(%rbx), %rsp
    mov F_FSBASE(%rsp), %rax
    wrfsbase %rax
    mov F_GSBASE(%rsp), %rax
    wrgsbase %rax
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rdi
    pop %rsi
    pop %rbp
    pop %rbx
    pop %rdx
    pop %rcx
    pop %rax
    iretq
    .globl soft_gate_window_end
    .hidden soft_gate_window_end
soft_gate_window_end:
    ud2

/* The handlers of these two clear the registers that prepare has used, end its privilege and send
 * the signal that waits: the entry starts again, or has failed. */
    .globl soft_gate_waits
    .hidden soft_gate_waits
soft_gate_waits:
    ud2
    .globl soft_gate_refused
    .hidden soft_gate_refused
soft_gate_refused:
    ud2

/* Asynchronous exit pointer: ENCLU[ERESUME] is what stands here on hardware. */
    .globl soft_aep
    .hidden soft_aep
soft_aep:
    mov soft_self@gottpoff(%rip), %rbx
    mov %fs:(%rbx), %rbx
    movq $3, T_LEAF(%rbx)
    mov T_HOST_RSP(%rbx), %rsp
    jmp attempt

/* A transition that a signal took back starts again. */
    .globl soft_retry
    .hidden soft_retry
soft_retry:
    mov soft_self@gottpoff(%rip), %rbx
    mov %fs:(%rbx), %rbx
    mov T_HOST_RSP(%rbx), %rsp
    jmp attempt

/* RCX at EENTER, where EEXIT goes. RSP and RBP are the enclave's choice and are not used. */
    .globl soft_gate_return
    .hidden soft_gate_return
soft_gate_return:
    mov soft_self@gottpoff(%rip), %rbx
    mov %fs:(%rbx), %rbx
    mov %rsp, T_OUT_REST+56(%rbx)
    mov T_HOST_RSP(%rbx), %rsp
    cld
    pushfq                      /* AC would make the host's unaligned accesses fault */
    testl $0x40000, (%rsp)
    jnz clear_ac
    pop %rax
flags_clean:
    mov %rdi, T_OUT+0(%rbx)
    mov %rsi, T_OUT+8(%rbx)
    mov %rdx, T_OUT+16(%rbx)
    mov %r8, T_OUT+24(%rbx)
    mov %r9, T_OUT+32(%rbx)
    mov %r10, T_OUT_REST+0(%rbx)
    mov %r11, T_OUT_REST+8(%rbx)
    mov %r12, T_OUT_REST+16(%rbx)
    mov %r13, T_OUT_REST+24(%rbx)
    mov %r14, T_OUT_REST+32(%rbx)
    mov %r15, T_OUT_REST+40(%rbx)
    mov %rbp, T_OUT_REST+48(%rbx)
    xor %eax, %eax
    jmp unwind
clear_ac:
    andl $~0x40000, (%rsp)
    popfq
    jmp flags_clean

/* After an exception or a refusal, from the signal handler. */
    .globl soft_gate_failed
    .hidden soft_gate_failed
soft_gate_failed:
    mov $-1, %eax
unwind:
    add $8, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret
    .size soft_gate, . - soft_gate

/* Runs a host's signal handler on the host's stack. RBX: struct thunk_frame (signal.c): handler,
 * where to go on, signal mask. */
    .globl soft_signal_thunk
    .hidden soft_signal_thunk
soft_signal_thunk:
    call *0(%rbx)
    mov $14, %eax               /* rt_sigprocmask(SIG_SETMASK, &mask, NULL, 8) */
    mov $2, %edi
    lea 16(%rbx), %rsi
    xor %edx, %edx
    mov $8, %r10d
    syscall
    jmp *8(%rbx)

/* int soft_copy(void *to, const void *from, size_t n). The handler moves a fault inside to
 * soft_copy_failed. Operands of leaves are short multiples of 8, for which a loop is faster than
 * the start of rep movsb. */
    .globl soft_copy
    .hidden soft_copy
    .type soft_copy, @function
soft_copy:
    mov %rdx, %rcx
    test $7, %cl
    jnz soft_copy_start
    cmp $128, %rcx
    ja soft_copy_start
    test %rcx, %rcx
    jnz copy_words
    xor %eax, %eax
    ret
    .globl soft_copy_start
    .hidden soft_copy_start
soft_copy_start:
    cld
    rep movsb
    jmp soft_copy_end
copy_words:
    mov -8(%rsi,%rcx), %rax
    mov %rax, -8(%rdi,%rcx)
    sub $8, %rcx
    jnz copy_words
    .globl soft_copy_end
    .hidden soft_copy_end
soft_copy_end:
    xor %eax, %eax
    ret
    .globl soft_copy_failed
    .hidden soft_copy_failed
soft_copy_failed:
    mov $-1, %eax
    ret
    .size soft_copy, . - soft_copy

.macro pop_all
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rdi
    pop %rsi
    pop %rbx
    pop %rdx
    pop %rcx
    pop %rax
    popfq
.endm

/* Leaves called by translation arrive here from the leaf page, return address pushed by the site.
 * All registers are the enclave's; 256 bytes below RSP are free by convention. */
    .globl soft_leaf_entry
    .hidden soft_leaf_entry
    .balign 64
soft_leaf_entry:
    pushfq
    push %rax
    push %rcx
    push %rdx
    push %rbx
    push %rsi
    push %rdi
    push %r8
    push %r9
    push %r10
    push %r11
    rdgsbase %rax
    mov %rax, %rcx
    shr $12, %rcx
    imul $SOFT_GS_MULTIPLIER, %ecx, %ecx
    shr $(32 - SOFT_GS_BITS), %ecx
    lea soft_gs_table(%rip), %rdx
    mov (%rdx,%rcx,8), %rbx
    test %rbx, %rbx
    jz fallback
    cmp T_GS_ACTIVE(%rbx), %rax
    jne fallback
    cmpl $0, T_INSIDE(%rbx)
    je fallback
    movl $1, T_IN_LEAF(%rbx)
    mov %rsp, T_LEAF_RSP(%rbx)
    mov %rbx, %rdi
    mov %rsp, %rsi
    lea T_LEAF_TOP(%rbx), %rsp
    cld
    testl $0x40000, 80(%rsi)    /* leaf_frame.rflags: with AC, C code could fault */
    jz 1f
    pushq $0x202
    popfq
1:  call soft_leaf_translated
    mov T_LEAF_RSP(%rbx), %rsp
    cmp $LEAF_EXIT, %eax
    je leave
    movl $0, T_IN_LEAF(%rbx)
    .globl soft_leaf_exit_check
    .hidden soft_leaf_exit_check
soft_leaf_exit_check:
    cmpl $0, T_PENDING(%rbx)
    jne deferred
    .globl soft_leaf_pops
    .hidden soft_leaf_pops
soft_leaf_pops:
    pop_all
    ret
    .globl soft_leaf_pops_end
    .hidden soft_leaf_pops_end
soft_leaf_pops_end:

/* A signal or fault waits: the handler of this ud2 finds the enclave's registers in place and the
 * return address on the stack. */
deferred:
    pop_all
    .globl soft_leaf_deferred
    .hidden soft_leaf_deferred
soft_leaf_deferred:
    ud2

/* The thread was not found: the slow way. */
fallback:
    pop_all
    .globl soft_leaf_fallback
    .hidden soft_leaf_fallback
soft_leaf_fallback:
    ud2

/* EEXIT: segment bases are the host's already. */
leave:
    movl $0, T_IN_LEAF(%rbx)
    cmpl $0, T_PENDING(%rbx)
    je soft_leaf_exit_pops
    .globl soft_leaf_exit_deferred
    .hidden soft_leaf_exit_deferred
soft_leaf_exit_deferred:
    ud2
    .globl soft_leaf_exit_pops
    .hidden soft_leaf_exit_pops
soft_leaf_exit_pops:
    pop_all
    lea 8(%rsp), %rsp
    jmp *%rbx
    .globl soft_leaf_end
    .hidden soft_leaf_end
soft_leaf_end:

    .section .note.GNU-stack, "", @progbits
