/* SPDX-License-Identifier: Apache-2.0 */
/* A small enclave for the tests: it does what RDI says with the argument block at RSI (host memory)
 * and leaves. Position independent; the tests copy it into pages. Every ENCLU but one is padded, so
 * the same code runs translated or trapping, as the machine is opened.
 *
 * Thread area: TCS, two SSA frames (one page each), data page (GS), stack of two pages. */
#include "soft/test_secret.h"

#define D_RETURN 0
#define STACK_TOP 0x3000 /* from GS */
#define SSA0_GPR (-0x1000 - 184) /* GPRSGX of SSA frame 0, from GS: the frame ends there */

.macro ENCLU_SITE
    .byte 0x0f, 0x01, 0xd7, 0x66, 0x90
.endm

    .section .rodata
    .globl test_enclave_start, test_enclave_end
    .hidden test_enclave_start, test_enclave_end
    .balign 4096
test_enclave_start:
entry:
    rdgsbase %r11
    test %rax, %rax
    jnz handler
    mov %rcx, D_RETURN(%r11)
    lea STACK_TOP(%r11), %rsp
    lea table(%rip), %rax
    cmp $((table_end - table) / 4), %rdi
    jae leave
    movslq (%rax,%rdi,4), %rcx
    add %rcx, %rax
    jmp *%rax
table:
    .long leave - table         /* 0 nothing */
    .long do_enclu - table      /* 1 */
    .long do_load - table       /* 2 */
    .long do_store - table      /* 3 */
    .long do_fault - table      /* 4 */
    .long do_registers - table  /* 5 */
    .long do_accept_run - table /* 6 */
    .long do_leaf_loop - table  /* 7 */
    .long do_bases - table      /* 8 */
    .long do_unpadded - table   /* 9 */
    .long do_jump - table       /* 10 */
    .long do_enclu_ac - table   /* 11 */
    .long do_secret - table     /* 12 */
table_end:

leave:
    rdgsbase %r11
    mov D_RETURN(%r11), %rbx
    /* The stack stays the enclave's: the tests resume from other depths of the host's stack than
     * they entered from, and the soft machine restores RSP and RBP itself. */
    mov $4, %eax
    ENCLU_SITE
    ud2

/* RSI: rax rbx rcx rdx rflags; results go back there. */
do_enclu:
    mov %rsi, %r12
    mov 0(%r12), %rax
    mov 8(%r12), %rbx
    mov 16(%r12), %rcx
    mov 24(%r12), %rdx
    mov $0x5a5a, %r13d
    stc
    ENCLU_SITE
    pushfq
    pop 32(%r12)
    mov %rax, 0(%r12)
    mov %rbx, 8(%r12)
    mov %rcx, 16(%r12)
    mov %rdx, 24(%r12)
    jmp leave
do_enclu_ac:                    /* as do_enclu, with RFLAGS.AC and DF set from here on */
    mov %rsi, %r12
    mov 0(%r12), %rax
    mov 8(%r12), %rbx
    mov 16(%r12), %rcx
    mov 24(%r12), %rdx
    pushfq
    orl $0x40400, (%rsp)
    popfq
    ENCLU_SITE
    pushfq
    pop 32(%r12)
    mov %rax, 0(%r12)
    jmp leave
do_unpadded:
    mov %rsi, %r12
    mov 0(%r12), %rax
    mov 8(%r12), %rbx
    mov 16(%r12), %rcx
    mov 24(%r12), %rdx
    .byte 0x0f, 0x01, 0xd7
    pushfq
    pop 32(%r12)
    mov %rax, 0(%r12)
    jmp leave

do_load:                        /* RSI: address, value */
    mov 0(%rsi), %rax
    mov (%rax), %rax
    mov %rax, 8(%rsi)
    jmp leave
do_store:
    mov 0(%rsi), %rax
    mov 8(%rsi), %rcx
    mov %rcx, (%rax)
    jmp leave
do_jump:
    mov 0(%rsi), %rax
    jmp *%rax

do_fault:                       /* RDX: which */
    cmp $1, %edx
    je 1f
    cmp $2, %edx
    je 2f
    cmp $3, %edx
    je 3f
    cmp $4, %edx
    je 4f
    cmp $5, %edx
    je 5f
    cmp $6, %edx
    je 6f
    ud2                         /* 0: #UD, two bytes */
    jmp leave
1:  xor %edx, %edx              /* #DE, two bytes */
    xor %ecx, %ecx
    mov $1, %eax
    div %ecx
    jmp leave
2:  int3                        /* #BP: RIP is behind */
    nop
    nop
    jmp leave
3:  mov $39, %eax               /* getpid: #UD at the syscall */
    syscall
    jmp leave
4:  mov $20, %eax               /* getpid of i386 */
    int $0x80
    jmp leave
5:  mov $0x0123456789abcdef, %rax /* #GP: not canonical, three bytes */
    mov (%rax), %rax
    jmp leave
6:  pushfq                      /* #AC at a misaligned load, four bytes */
    orl $0x40000, (%rsp)
    popfq
    mov 1(%rsp), %rax
    pushfq
    andl $~0x40000, (%rsp)
    popfq
    jmp leave

/* RSI: block of 64-bit words: 0 flag "started", 8 flag "go on", 16 AVX-512 there?, 64.. registers
 * out (15), 192 mxcsr, 256.. zmm0-31, 2304.. k0-7. Loads patterns, waits, stores what is left. */
do_registers:
    mov %rsi, %rdi
    movl $0x3f80, 192(%rdi)
    ldmxcsr 192(%rdi)
    lea 256(%rdi), %rax
    cmpq $0, 16(%rdi)
    je 1f
.altmacro
.macro ZLOAD n
    vmovdqu64 \n*64(%rax), %zmm\n
.endm
.macro ZSTORE n
    vmovdqu64 %zmm\n, \n*64(%rax)
.endm
.macro KLOAD n
    kmovq \n*8+2048(%rax), %k\n
.endm
.macro KSTORE n
    kmovq %k\n, \n*8+2048(%rax)
.endm
    .set i, 0
    .rept 32
    ZLOAD %i
    .set i, i + 1
    .endr
    .set i, 0
    .rept 8
    KLOAD %i
    .set i, i + 1
    .endr
    jmp 2f
1:
.macro XLOAD n
    movdqu \n*64(%rax), %xmm\n
.endm
.macro XSTORE n
    movdqu %xmm\n, \n*64(%rax)
.endm
    .set i, 0
    .rept 16
    XLOAD %i
    .set i, i + 1
    .endr
2:
    mov $0x1111111111111111, %rax
    mov $0x2222222222222222, %rbx
    mov $0x3333333333333333, %rcx
    mov $0x4444444444444444, %rdx
    mov $0x5555555555555555, %rsi
    mov $0x6666666666666666, %rbp
    mov $0x7777777777777777, %r8
    mov $0x8888888888888888, %r9
    mov $0x9999999999999999, %r10
    mov $0xaaaaaaaaaaaaaaaa, %r11
    mov $0xbbbbbbbbbbbbbbbb, %r12
    mov $0xcccccccccccccccc, %r13
    mov $0xdddddddddddddddd, %r14
    mov $0xeeeeeeeeeeeeeeee, %r15
    movq $0x77, -8(%rsp)        /* the red zone must survive */
    movq $1, 0(%rdi)
3:  pause
    cmpq $0, 8(%rdi)
    je 3b
    mov %rax, 64(%rdi)
    mov %rbx, 72(%rdi)
    mov %rcx, 80(%rdi)
    mov %rdx, 88(%rdi)
    mov %rsi, 96(%rdi)
    mov %rbp, 104(%rdi)
    mov %r8, 112(%rdi)
    mov %r9, 120(%rdi)
    mov %r10, 128(%rdi)
    mov %r11, 136(%rdi)
    mov %r12, 144(%rdi)
    mov %r13, 152(%rdi)
    mov %r14, 160(%rdi)
    mov %r15, 168(%rdi)
    mov -8(%rsp), %rax
    mov %rax, 176(%rdi)
    stmxcsr 192(%rdi)
    lea 256(%rdi), %rax
    cmpq $0, 16(%rdi)
    je 1f
    .set i, 0
    .rept 32
    ZSTORE %i
    .set i, i + 1
    .endr
    .set i, 0
    .rept 8
    KSTORE %i
    .set i, i + 1
    .endr
    jmp 2f
1:
    .set i, 0
    .rept 16
    XSTORE %i
    .set i, i + 1
    .endr
2:
    movl $0x1f80, 192+4(%rdi)
    ldmxcsr 192+4(%rdi)
    jmp leave

/* RSI: SECINFO address, first page, count, step; errors counted at 32. */
do_accept_run:
    mov %rsi, %r12
    mov 8(%r12), %r13
    mov 16(%r12), %r14
    mov 0(%r12), %rbx
1:  test %r14, %r14
    jz leave
    mov $5, %eax
    mov %r13, %rcx
    ENCLU_SITE
    test %rax, %rax
    jz 2f
    incq 32(%r12)
2:  add 24(%r12), %r13
    dec %r14
    jmp 1b

/* RSI: rbx rcx rdx leaf, count; errors (registers changed) at 40. Signals strike inside. */
do_leaf_loop:
    mov %rsi, %r12
    mov 32(%r12), %r14
1:  test %r14, %r14
    jz leave
    mov 0(%r12), %rbx
    mov 8(%r12), %rcx
    mov 16(%r12), %rdx
    mov $0x1234567, %r8d
    mov $0x2345678, %r9d
    mov $0x3456789, %r10d
    mov $0x456789a, %r11d
    mov $0x56789ab, %ebp
    mov $0x6789abc, %esi
    mov $0x789abcd, %edi
    movq %r14, %xmm7
    mov 24(%r12), %rax
    ENCLU_SITE
    cmp $0x1234567, %r8d
    jne 2f
    cmp $0x2345678, %r9d
    jne 2f
    cmp $0x3456789, %r10d
    jne 2f
    cmp $0x456789a, %r11d
    jne 2f
    cmp $0x56789ab, %ebp
    jne 2f
    cmp $0x6789abc, %esi
    jne 2f
    cmp $0x789abcd, %edi
    jne 2f
    movq %xmm7, %rax
    cmp %rax, %r14
    jne 2f
    cmp 0(%r12), %rbx
    jne 2f
    cmp 8(%r12), %rcx
    jne 2f
3:  dec %r14
    jmp 1b
2:  incq 40(%r12)
    jmp 3b

/* A value that no memory of the host holds, in every register, at a ud2 of two bytes; then none
 * holds it. */
do_secret:
    mov $KIT_SECRET_A, %rax
    mov $KIT_SECRET_B, %rcx
    imul %rcx, %rax
.macro SECRET_IN r
    mov %rax, %\r
.endm
    .irp r, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
    SECRET_IN \r
    .endr
.macro XSECRET n
    movq %rax, %xmm\n
    punpcklqdq %xmm\n, %xmm\n
.endm
.macro XNOTHING n
    pxor %xmm\n, %xmm\n
.endm
    .set i, 0
    .rept 16
    XSECRET %i
    .set i, i + 1
    .endr
    ud2
    .irp r, eax, ecx, edx, ebx, ebp, esi, edi, r8d, r9d, r10d, r11d, r12d, r13d, r14d, r15d
    xor %\r, %\r
    .endr
    .set i, 0
    .rept 16
    XNOTHING %i
    .set i, i + 1
    .endr
    jmp leave

do_bases:                       /* RSI: fs base, gs base */
    rdfsbase %rax
    mov %rax, 0(%rsi)
    rdgsbase %rax
    mov %rax, 8(%rsi)
    jmp leave

/* CSSA 1: RDI 0: add RSI to the interrupted RIP; 1: copy GPRSGX and EXINFO of frame 0 to RSI (200
 * bytes, EXINFO first); 2: nothing; 3: EDECCSSA then leave with CSSA 0 kept in RSI[0]. */
handler:
    lea SSA0_GPR(%r11), %r10
    cmp $0, %rdi
    jne 1f
    add %rsi, 136(%r10)
    jmp handler_leave
1:  cmp $1, %rdi
    jne 2f
    lea -16(%r10), %r8
    mov %rsi, %rdi
    mov %r8, %rsi
    mov %rcx, %r9
    mov $25, %ecx
    cld
    rep movsq
    mov %r9, %rcx
    jmp handler_leave
2:  cmp $3, %rdi
    jne handler_leave
    mov %rcx, %r9
    lea 0x3000-0x800(%r11), %r8
    mov %rsp, %r15
    mov %r8, %rsp
    mov $9, %eax
    ENCLU_SITE
    mov %r15, %rsp
    mov %r9, %rcx
handler_leave:
    mov %rcx, %rbx
    lea 0x3000-0x800(%r11), %rsp
    mov $4, %eax
    ENCLU_SITE
    ud2
test_enclave_end:
    .balign 4096
    .section .note.GNU-stack, "", @progbits
