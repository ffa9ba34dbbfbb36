/* SPDX-License-Identifier: Apache-2.0 */
/* Accesses that may fault: to the workload's memory, and XRSTOR of a workload's image. Each faulting
 * instruction and its landing place stand in rt_fixups; the exception path resumes at the landing
 * place with RAX = 1. Return 0 when all went well. */
#include "offsets.h"

.macro fixup from, to
    .pushsection .rodata.fixups, "a"
    .quad \from, \to
    .popsection
.endm

    .section .rodata.fixups, "a"
    .balign 8
    .globl rt_fixups
rt_fixups:
    .text

/* int rt_copy_faulting(void *to, const void *from, size_t n) */
    .globl rt_copy_faulting
    .type rt_copy_faulting, @function
rt_copy_faulting:
    mov %rdx, %rcx
    xor %eax, %eax
1:  rep movsb
2:  ret
    fixup 1b, 2b

/* int rt_zero_faulting(void *to, size_t n) */
    .globl rt_zero_faulting
    .type rt_zero_faulting, @function
rt_zero_faulting:
    mov %rsi, %rcx
    xor %eax, %eax
1:  rep stosb
2:  ret
    fixup 1b, 2b

/* int rt_load_byte_faulting(uint8_t *ret, const void *from) */
    .globl rt_load_byte_faulting
    .type rt_load_byte_faulting, @function
rt_load_byte_faulting:
    xor %eax, %eax
1:  movzbl (%rsi), %ecx
    mov %cl, (%rdi)
2:  ret
    fixup 1b, 2b

/* int rt_load_u32_faulting(uint32_t *ret, const void *from) */
    .globl rt_load_u32_faulting
    .type rt_load_u32_faulting, @function
rt_load_u32_faulting:
    xor %eax, %eax
1:  mov (%rsi), %ecx
    mov %ecx, (%rdi)
2:  ret
    fixup 1b, 2b

/* int rt_cmpxchg_faulting(void *at, uint32_t expected, uint32_t desired, uint32_t *ret_old) */
    .globl rt_cmpxchg_faulting
    .type rt_cmpxchg_faulting, @function
rt_cmpxchg_faulting:
    mov %rcx, %r8
    mov %esi, %eax
1:  lock cmpxchg %edx, (%rdi)
    mov %eax, (%r8)
    xor %eax, %eax
    ret
2:  mov $1, %eax
    ret
    fixup 1b, 2b

/* int rt_xrstor_faulting(const void *area): live vector state from a checked, trusted copy. */
    .globl rt_xrstor_faulting
    .type rt_xrstor_faulting, @function
rt_xrstor_faulting:
    mov %gs:T_XFRM, %rax
    mov %rax, %rdx
    shr $32, %rdx
1:  xrstor64 (%rdi)
    xor %eax, %eax
    ret
2:  mov $1, %eax
    ret
    fixup 1b, 2b

/* int rt_try_in_use(bool masks): instructions that a processor may lack. */
    .globl rt_try_in_use
    .type rt_try_in_use, @function
rt_try_in_use:
    mov $1, %ecx
1:  xgetbv
    test %dil, %dil
    jz 3f
2:  kmovq %k0, %rcx
3:  xor %eax, %eax
    ret
4:  mov $1, %eax
    ret
    fixup 1b, 4b
    fixup 2b, 4b

    .section .rodata.fixups_end, "a"
    .globl rt_fixups_end
rt_fixups_end:
    .section .note.GNU-stack, "", @progbits
