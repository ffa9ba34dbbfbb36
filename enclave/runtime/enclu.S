/* SPDX-License-Identifier: Apache-2.0 */
/* The ENCLU leaves that trusted code uses, each padded to five bytes so that the software machine
 * may translate the site after measuring (DESIGN: docs/decisions). SDM volume 3D, "ENCLU". */
.macro enclu_padded
    .byte 0x0f, 0x01, 0xd7
    .byte 0x66, 0x90
.endm

    .text
/* uint64_t enclu_accept(secinfo, page) */
    .globl enclu_accept
    .type enclu_accept, @function
enclu_accept:
    push %rbx
    mov %rdi, %rbx
    mov %rsi, %rcx
    mov $5, %eax
    enclu_padded
    pop %rbx
    ret

/* uint64_t enclu_acceptcopy(secinfo, page, from) */
    .globl enclu_acceptcopy
    .type enclu_acceptcopy, @function
enclu_acceptcopy:
    push %rbx
    mov %rdi, %rbx
    mov %rsi, %rcx
    mov $7, %eax
    enclu_padded
    pop %rbx
    ret

/* void enclu_modpe(secinfo, page) */
    .globl enclu_modpe
    .type enclu_modpe, @function
enclu_modpe:
    push %rbx
    mov %rdi, %rbx
    mov %rsi, %rcx
    mov $6, %eax
    enclu_padded
    pop %rbx
    ret

/* void enclu_report(target, reportdata, out) */
    .globl enclu_report
    .type enclu_report, @function
enclu_report:
    push %rbx
    mov %rdi, %rbx
    mov %rsi, %rcx
    xor %eax, %eax
    enclu_padded
    pop %rbx
    ret

/* uint64_t enclu_getkey(request, out) */
    .globl enclu_getkey
    .type enclu_getkey, @function
enclu_getkey:
    push %rbx
    mov %rdi, %rbx
    mov %rsi, %rcx
    mov $1, %eax
    enclu_padded
    pop %rbx
    ret

    .section .note.GNU-stack, "", @progbits
