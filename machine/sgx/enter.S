/* SPDX-License-Identifier: Apache-2.0 */
/* int sgx_vdso_call(rdi, rsi, rdx, function, r8, r9, run, vdso): calls __vdso_sgx_enter_enclave,
 * which keeps the non-volatile general registers but not MXCSR and the x87 control word, whose
 * control bits the C ABI wants kept. `run` travels on the stack as the C signature says. */
    .text
    .globl sgx_vdso_call
    .hidden sgx_vdso_call
    .type sgx_vdso_call, @function
sgx_vdso_call:
    .cfi_startproc
    endbr64
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    mov %rsp, %rbp
    .cfi_def_cfa_register %rbp
    sub $16, %rsp
    stmxcsr -8(%rbp)
    fnstcw -4(%rbp)
    mov 24(%rbp), %rax          /* vdso */
    pushq $0                    /* alignment */
    pushq 16(%rbp)              /* run */
    call *%rax
    ldmxcsr -8(%rbp)
    fldcw -4(%rbp)
    leave
    .cfi_def_cfa %rsp, 8
    ret
    .cfi_endproc
    .size sgx_vdso_call, . - sgx_vdso_call
    .section .note.GNU-stack, "", @progbits
