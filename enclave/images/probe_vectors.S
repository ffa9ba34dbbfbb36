/* SPDX-License-Identifier: Apache-2.0 */
/* Fills the vector registers, and says what is in them. The layout is struct vectors of probe.c. */

#define MASKS 2048
#define MXCSR 2112
#define X87   2176

.macro each_vector how
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    \how \n
    .endr
.endm
.macro each_upper how
    .irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    \how \n
    .endr
.endm
.macro each_mask how
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7
    \how \n
    .endr
.endm
.macro load_sse n
    movups 64 * \n(%rdi), %xmm\n
.endm
.macro load_avx n
    vmovups 64 * \n(%rdi), %ymm\n
.endm
.macro load_avx512 n
    vmovdqu64 64 * \n(%rdi), %zmm\n
.endm
.macro load_mask n
    kmovq MASKS + 8 * \n(%rdi), %k\n
.endm
.macro store_sse n
    movups %xmm\n, 64 * \n(%rdi)
.endm
.macro store_avx n
    vmovups %ymm\n, 64 * \n(%rdi)
.endm
.macro store_avx512 n
    vmovdqu64 %zmm\n, 64 * \n(%rdi)
.endm
.macro store_mask n
    kmovq %k\n, MASKS + 8 * \n(%rdi)
.endm

    .text
/* void probe_vectors_fill(const struct vectors *, unsigned level, bool x87) */
    .globl probe_vectors_fill
    .type probe_vectors_fill, @function
probe_vectors_fill:
    fxrstor64 X87(%rdi)        /* all of it initial */
    test %edx, %edx
    jz 1f
    fldpi
    fld1
1:  each_vector load_sse
    ldmxcsr MXCSR(%rdi)
    cmp $1, %esi
    jb 2f
    each_vector load_avx
    je 2f
    each_vector load_avx512
    each_upper load_avx512
    each_mask load_mask
2:  ret

/* void probe_vectors_take(struct vectors *, unsigned level) */
    .globl probe_vectors_take
    .type probe_vectors_take, @function
probe_vectors_take:
    stmxcsr MXCSR(%rdi)
    fxsave64 X87(%rdi)
    cmp $1, %esi
    jb 1f
    je 2f
    each_vector store_avx512
    each_upper store_avx512
    each_mask store_mask
    ret
1:  each_vector store_sse
    ret
2:  each_vector store_avx
    ret

    .section .note.GNU-stack, "", @progbits
