/* SPDX-License-Identifier: Apache-2.0 */
/* Every way in and out of an enclave thread.
 *
 * The adversary chooses when to enter, with which registers and flags, and may interrupt between any
 * two instructions. So: DF and AC are cleared and a synthetic vector state is loaded before any C
 * runs; T_STATE says what an entry at CSSA 0 may mean, everything else leaves again at once; entries
 * at CSSA 1 use a stack of their own and touch nothing that the interrupted code uses; a TCS cannot
 * be entered twice. What leaves in registers is nothing but the exit target.
 *
 * System calls of the workload arrive at rt_syscall_entry by a jump from a rewritten site, or from
 * the exception path with the same registers. The workload's vector registers are not touched.
 */
#include "offsets.h"

#define ENCLU_EEXIT 4

.macro enclu_padded
    .byte 0x0f, 0x01, 0xd7 /* ENCLU */
    .byte 0x66, 0x90       /* room for a five-byte call on the software machine */
.endm

.macro load_synthetic_state
    mov %gs:T_XFRM, %rax
    mov %rax, %rdx
    shr $32, %rdx
    lea synthetic_xstate(%rip), %rcx
    xrstor64 (%rcx)
.endm

/* All state components of XFRM but x87, one register at a time, to and from the area at R8. */
.macro lower_registers how
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    \how \n
    .endr
.endm
.macro upper_registers how
    .irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    \how \n
    .endr
.endm
.macro mask_registers how
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7
    \how \n
    .endr
.endm
.macro save_avx n
    vmovdqa %ymm\n, HAND_VECTORS + 32 * \n(%r8)
.endm
.macro load_avx n
    vmovdqa HAND_VECTORS + 32 * \n(%r8), %ymm\n
.endm
.macro save_avx512 n
    vmovdqa64 %zmm\n, HAND_VECTORS + 64 * \n(%r8)
.endm
.macro load_avx512 n
    vmovdqa64 HAND_VECTORS + 64 * \n(%r8), %zmm\n
.endm
.macro clear_avx512 n
    vpxorq %zmm\n, %zmm\n, %zmm\n
.endm
.macro save_mask n
    kmovq %k\n, HAND_MASKS + 8 * \n(%r8)
.endm
.macro load_mask n
    kmovq HAND_MASKS + 8 * \n(%r8), %k\n
.endm
.macro clear_mask n
    kxorq %k\n, %k\n, %k\n
.endm

/* ZF: x87 is in its initial state, says the processor (XINUSE): nothing of it is to be kept or cleared. */
.macro test_x87
    mov $1, %ecx
    xgetbv
    test $1, %al
.endm

/* EEXIT to RBX with RSP and RBP as they are; every other register and the flags say nothing. */
.macro scrub_and_exit
    xor %ecx, %ecx
    xor %edx, %edx
    xor %esi, %esi
    xor %edi, %edi
    xor %r8d, %r8d
    xor %r9d, %r9d
    xor %r10d, %r10d
    xor %r11d, %r11d
    xor %r12d, %r12d
    xor %r13d, %r13d
    xor %r14d, %r14d
    xor %r15d, %r15d
    xor %eax, %eax /* and the flags */
    mov $ENCLU_EEXIT, %eax
    enclu_padded
    ud2
.endm

/* The state that trusted code starts from: x87 control word 0x037f, MXCSR 0x1fbf (all exceptions
 * masked, status flags set: INTEL-SA-00219 style timing mitigation), everything else initial. */
    .section .rodata
    .balign 64
synthetic_xstate:
    .short 0x037f
    .zero 22
    .long 0x1fbf
    .long 0xffff
    .zero 480
    .quad 3 /* XSTATE_BV: x87 and SSE are in the image, the rest is initial */
    .zero 56
    .zero 2688

/* The addresses that stubs of a shim program were linked to (abi/layout.h): they outlive releases. */
    .section .text.vectors, "ax"
    jmp rt_syscall_enter
    .balign 16, 0xcc
    jmp rt_cpuid_enter
    .balign 16, 0xcc

    .section .text.entry, "ax"
    .globl rt_entry
    .type rt_entry, @function
rt_entry:
    cld
    test %eax, %eax
    jnz entry_exception
    cmpq $STATE_HOSTCALL, %gs:T_STATE
    je entry_from_hostcall
    /* One step, because rt_thread_start() takes the permission back in one step. */
    mov $STATE_NEW, %eax
    mov $STATE_RUNNING, %edx
    lock cmpxchg %rdx, %gs:T_STATE
    jne entry_refused

    /* First entry of this thread. */
    mov %rsp, %gs:T_HOST_RSP
    mov %rbp, %gs:T_HOST_RBP
    mov %rcx, %gs:T_HOST_RET
    mov %gs:T_STACK_TOP, %rsp
    mov %rdi, %gs:T_ENTRY_RDI
    push $0x202
    popfq
    load_synthetic_state
    lfence
    mov %gs:T_SELF, %rdi
    xor %ebp, %ebp
    call rt_first_entry
    ud2

/* A state that does not expect this entry: leave without having read or written anything else. */
entry_refused:
    mov %rcx, %rbx
    scrub_and_exit

entry_from_hostcall:
    mov %rsp, %gs:T_HOST_RSP
    mov %rbp, %gs:T_HOST_RBP
    mov %rcx, %gs:T_HOST_RET
    mov %gs:T_SAVED_RSP, %rsp
    mov $STATE_RUNNING, %eax
    xchg %rax, %gs:T_STATE     /* a barrier: rt_kick() looks at this after it has set T_KICK */
    push $0x202
    popfq
    mov %gs:T_XSAVE_LEAVE, %r8
    mov %gs:T_LEFT_BY, %r9
    cmp $BY_AVX, %r9
    jb restore_all
    test_x87
    jnz clear_x87              /* the host's */
restore_by_hand:
    ldmxcsr HAND_MXCSR(%r8)
    cmp $BY_AVX, %r9
    jne restore_avx512
    lower_registers load_avx
    jmp restored
clear_x87:
    mov $1, %eax
    xor %edx, %edx
    lea synthetic_xstate(%rip), %rcx
    xrstor64 (%rcx)
    jmp restore_by_hand
restore_avx512:
    lower_registers load_avx512
    upper_registers load_avx512
    mask_registers load_mask
    jmp restored
restore_all:
    mov %gs:T_XFRM, %rax
    mov %rax, %rdx
    shr $32, %rdx
    mov %r8, %rcx
    xrstor64 (%rcx)
restored:
    lfence
    mov %gs:T_APP_FS, %rax
    wrfsbase %rax
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret

/* void rt_leave(void): EEXIT for a hostcall. Returns when the host has entered again. The state that the
 * host sees is the synthetic one whichever way it was made (docs/decisions/019-hostcalls.md). */
    .globl rt_leave
    .type rt_leave, @function
rt_leave:
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    rdfsbase %rax
    mov %rax, %gs:T_APP_FS
    mov %rsp, %gs:T_SAVED_RSP
    mov %gs:T_XSAVE_LEAVE, %r8
    mov %gs:T_BY_HAND, %r9
    cmp $BY_AVX, %r9
    jb leave_all
    test_x87
    jnz leave_all
    stmxcsr HAND_MXCSR(%r8)
    cmp $BY_AVX, %r9
    jne leave_avx512
    lower_registers save_avx
    jmp leave_clear
leave_avx512:
    lower_registers save_avx512
    upper_registers save_avx512
    mask_registers save_mask
    upper_registers clear_avx512 /* what VZEROALL leaves */
    mask_registers clear_mask
leave_clear:
    vzeroall
    ldmxcsr synthetic_xstate+24(%rip)
leave_now:
    mov %r9, %gs:T_LEFT_BY
    movq $STATE_HOSTCALL, %gs:T_STATE
    mov %gs:T_HOST_RET, %rbx
    mov %gs:T_HOST_RSP, %rsp
    mov %gs:T_HOST_RBP, %rbp
    scrub_and_exit
leave_all:
    mov %gs:T_XFRM, %rax
    mov %rax, %rdx
    shr $32, %rdx
    mov %r8, %rcx
    xsave64 (%rcx)
    load_synthetic_state
    mov $BY_XSAVE, %r9d
    jmp leave_now

/* void rt_leave_forever(void): the thread is dead. Once T_IN_USE is cleared another thread may write
 * this one's control page, so nothing of it is read after that. */
    .globl rt_leave_forever
    .type rt_leave_forever, @function
rt_leave_forever:
    load_synthetic_state
    movq $STATE_DEAD, %gs:T_STATE
    mov %gs:T_HOST_RET, %rbx
    mov %gs:T_HOST_RSP, %rsp
    mov %gs:T_HOST_RBP, %rbp
    movq $0, %gs:T_IN_USE
    scrub_and_exit

/* An entry while an interrupted context waits in SSA frame 0. CSSA above 1 cannot come: NSSA is 2
 * and frame 1 would be in use only if this code were interrupted. */
entry_exception:
    cmp $1, %eax
    jne entry_refused
    mov %rsp, %gs:T_EXC_RSP
    mov %rbp, %gs:T_EXC_RBP
    mov %rcx, %gs:T_EXC_RET
    mov %gs:T_EXC_TOP, %rsp
    push $0x202
    popfq
    lfence
    mov %gs:T_SELF, %rdi
    xor %ebp, %ebp
    call rt_exception
    mov %gs:T_EXC_RET, %rbx
    mov %gs:T_EXC_RSP, %rsp
    mov %gs:T_EXC_RBP, %rbp
    scrub_and_exit

/* A system call of the workload: RAX number, RDI RSI RDX R10 R8 R9 arguments, RCX where to go on. */
    .balign 64
    .globl rt_syscall_enter
    .type rt_syscall_enter, @function
rt_syscall_enter:
    mov %rsp, %gs:T_APP_RSP
    mov %gs:T_STACK_TOP, %rsp
    push $0                    /* flags */
    push %gs:T_APP_RSP         /* rsp */
    push $0x202                /* rflags */
    push %rcx                  /* rip */
    push %rax
    push %rcx
    push %rdx
    push %rbx
    push %rbp
    push %rsi
    push %rdi
    push %r8
    push %r9
    push %r10
    push %r11
    push %r12
    push %r13
    push %r14
    push %r15
    push $0x202                /* the workload's DF and AC are not for C */
    popfq
    mov %rsp, %rdi
    sub $8, %rsp               /* 19 words below a 16-byte aligned top */
    call door_syscall
    add $8, %rsp
    mov %rsp, %gs:T_FRAME
/* The last look at T_KICK. A thread that is interrupted between here and rt_return_end and was kicked
 * starts again at rt_return_kicked: the frame stays where it is until the workload runs. */
    .globl rt_return_start
rt_return_start:
    cmpl $0, %gs:T_KICK
    jne rt_return_kicked
    testl $FRAME_FULL, 18*8(%rsp)
    jnz restore_full
    /* rbx, rbp, r12-r15 were kept by C; rcx and r11 are what `syscall` leaves there. */
    mov 4*8(%rsp), %r11
    mov 5*8(%rsp), %r10
    mov 6*8(%rsp), %r9
    mov 7*8(%rsp), %r8
    mov 8*8(%rsp), %rdi
    mov 9*8(%rsp), %rsi
    mov 12*8(%rsp), %rdx
    mov 14*8(%rsp), %rax
    mov 15*8(%rsp), %rcx
    mov 17*8(%rsp), %rsp
    jmp *%rcx

/* All registers as the frame says. Nothing may fault from here on but the workload's own target. */
restore_full:
    mov 15*8(%rsp), %rax
    mov %rax, %gs:T_APP_RIP
    mov 17*8(%rsp), %rax
    mov %rax, %gs:T_APP_RSP
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
    lea 8(%rsp), %rsp
    popfq
    mov %gs:T_APP_RSP, %rsp
    jmp *%gs:T_APP_RIP
    .globl rt_return_end
rt_return_end:

/* The frame's registers are complete, so that it can be restored in full whichever call it is of:
 * RCX is the address to go on at, and flags are what entry pushed. */
    .globl rt_return_kicked
    .type rt_return_kicked, @function
rt_return_kicked:
    mov %gs:T_FRAME, %rsp
    movq $FRAME_FULL, 18*8(%rsp)
    mov %rsp, %rdi
    and $-16, %rsp
    push $0x202
    popfq
    call rt_kicked
    mov %gs:T_FRAME, %rsp
    jmp rt_return_start

/* void rt_again(void): a thread that has ended begins anew, as at its first entry. */
    .globl rt_again
    .type rt_again, @function
rt_again:
    mov %gs:T_STACK_TOP, %rsp
    load_synthetic_state
    mov %gs:T_SELF, %rdi
    xor %ebp, %ebp
    call rt_begin
    ud2

/* void rt_resume_app(struct rt_frame *): go to the workload; the frame lies on the runtime stack. */
    .globl rt_resume_app
    .type rt_resume_app, @function
rt_resume_app:
    mov %rdi, %rsp
    mov %rsp, %gs:T_FRAME
    movq $FRAME_FULL, 18*8(%rsp)
    jmp rt_return_start

/* The exception path resumes here after a fault of the workload: registers are in the thread's
 * fault frame, which C copies to the runtime stack. */
    .globl rt_fault_entry
    .type rt_fault_entry, @function
rt_fault_entry:
    mov %gs:T_STACK_TOP, %rsp
    cld
    mov %gs:T_SELF, %rdi
    call rt_fault_on_stack
    ud2

/* The same for a thread that was kicked while it ran the workload. */
    .globl rt_kick_entry
    .type rt_kick_entry, @function
rt_kick_entry:
    mov %gs:T_STACK_TOP, %rsp
    cld
    mov %gs:T_SELF, %rdi
    call rt_kick_on_stack
    ud2

/* cpuid from a rewritten site: called by the stub below the red zone. Keeps everything but the four
 * registers that cpuid writes; the workload's stack is only used for the return address and rflags. */
    .globl rt_cpuid_enter
    .type rt_cpuid_enter, @function
rt_cpuid_enter:
    pushfq
    mov %rsp, %gs:T_APP_RSP
    mov %gs:T_STACK_TOP, %rsp
    push %rbp
    push %rsi
    push %rdi
    push %r8
    push %r9
    push %r10
    push %r11
    push %r12
    push $0x202
    popfq
    sub $16, %rsp
    mov %eax, (%rsp)
    mov %ebx, 4(%rsp)
    mov %ecx, 8(%rsp)
    mov %edx, 12(%rsp)
    mov %rsp, %rdi
    call rt_cpuid
    mov (%rsp), %eax
    mov 4(%rsp), %ebx
    mov 8(%rsp), %ecx
    mov 12(%rsp), %edx
    add $16, %rsp
    pop %r12
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rdi
    pop %rsi
    pop %rbp
    mov %gs:T_APP_RSP, %rsp
    .globl rt_cpuid_return_start
rt_cpuid_return_start:
    cmpl $0, %gs:T_KICK
    jne rt_cpuid_kicked
    popfq
    .globl rt_cpuid_return_last
rt_cpuid_return_last:
    ret
    .globl rt_cpuid_return_end
rt_cpuid_return_end:

/* Kicked meanwhile: all registers are the workload's; flags and return address lie on its stack. */
    .globl rt_cpuid_kicked_last
    .type rt_cpuid_kicked_last, @function
rt_cpuid_kicked_last:
    pushfq
    .globl rt_cpuid_kicked
    .type rt_cpuid_kicked, @function
rt_cpuid_kicked:
    mov %rsp, %gs:T_APP_RSP
    mov %gs:T_STACK_TOP, %rsp
    push $FRAME_FULL
    sub $24, %rsp              /* rsp, rflags, rip: below */
    push %rax
    push %rcx
    push %rdx
    push %rbx
    push %rbp
    push %rsi
    push %rdi
    push %r8
    push %r9
    push %r10
    push %r11
    push %r12
    push %r13
    push %r14
    push %r15
    mov %gs:T_APP_RSP, %rax
    mov (%rax), %rcx
    mov %rcx, 16*8(%rsp)
    mov 8(%rax), %rcx
    mov %rcx, 15*8(%rsp)
    add $16, %rax
    mov %rax, 17*8(%rsp)
    mov %rsp, %gs:T_FRAME
    jmp rt_return_kicked

    .globl rt_syscall_entry
    .type rt_syscall_entry, @function
rt_syscall_entry:
    lea rt_syscall_enter(%rip), %rax
    ret
    .globl rt_cpuid_entry
    .type rt_cpuid_entry, @function
rt_cpuid_entry:
    lea rt_cpuid_enter(%rip), %rax
    ret

/* void rt_vector_begin(void), rt_vector_end(void): the workload's vector state and FS base make
 * room for library code, and come back. */
    .globl rt_vector_begin
    .type rt_vector_begin, @function
rt_vector_begin:
    rdfsbase %rax
    mov %rax, %gs:T_LIB_FS /* not T_APP_FS: a hostcall in between would overwrite it */
    mov %gs:T_XFRM, %rax
    mov %rax, %rdx
    shr $32, %rdx
    mov %gs:T_XSAVE_LIB, %rcx
    xsave64 (%rcx)
    mov %gs:T_XFRM, %rax
    lea synthetic_xstate(%rip), %rcx
    xrstor64 (%rcx)
    mov %gs:T_SELF, %rax
    wrfsbase %rax
    ret
    .globl rt_vector_end
    .type rt_vector_end, @function
rt_vector_end:
    mov %gs:T_XFRM, %rax
    mov %rax, %rdx
    shr $32, %rdx
    mov %gs:T_XSAVE_LIB, %rcx
    xrstor64 (%rcx)
    mov %gs:T_LIB_FS, %rax
    wrfsbase %rax
    ret

/* void rt_xsave_current(void *area), int rt_xrstor_current(const void *area): the live vector state.
 * The restore may fault on bad MXCSR or header: the exception table turns that into -EINVAL. */
    .globl rt_xsave_current
    .type rt_xsave_current, @function
rt_xsave_current:
    mov %rdi, %rcx
    mov %gs:T_XFRM, %rax
    mov %rax, %rdx
    shr $32, %rdx
    xsave64 (%rcx)
    ret

/* void rt_vector_linux_start(void): what Linux gives a new program: MXCSR 0x1f80. */
    .globl rt_vector_linux_start
    .type rt_vector_linux_start, @function
rt_vector_linux_start:
    ldmxcsr linux_mxcsr(%rip)
    ret
    .section .rodata
    .balign 4
linux_mxcsr:
    .long 0x1f80

    .section .note.GNU-stack, "", @progbits
