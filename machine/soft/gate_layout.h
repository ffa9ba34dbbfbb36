/* SPDX-License-Identifier: Apache-2.0 */
/* Offsets inside struct soft_thread that the assembly in gate.S uses. internal.h asserts that they
 * are the compiler's. */
#pragma once

#define T_INSIDE   0 /* the thread executes enclave code */
#define T_IN_LEAF  4 /* the thread is inside a leaf called by translation, or prepares an entry */
#define T_PENDING  8 /* a signal or a fault waits for the end of that */
#define T_HOST_RSP 16
#define T_LEAF_RSP 24
#define T_HOST_FS  32
#define T_HOST_GS  40
#define T_ARGS     48  /* rdi rsi rdx r8 r9 for EENTER */
#define T_OUT      88  /* rdi rsi rdx r8 r9 after EEXIT */
#define T_FRAME    128 /* struct soft_frame */
#define F_R15      0
#define F_RDI      64
#define F_RSI      72
#define F_RBP      80
#define F_RBX      88
#define F_RDX      96
#define F_RCX      104
#define F_RAX      112
#define F_RIP      120
#define F_FSBASE   160
#define F_GSBASE   168
#define T_XFRM     304
#define T_LEAF     312
#define T_HOST_RBP 320
/* GS base with which the thread is, or is about to be, inside; 0: outside. */
#define T_GS_ACTIVE 328
#define T_OUT_REST  336 /* r10 to r15, rbp, rsp after EEXIT */
#define T_XSAVE     4096
#define T_LEAF_TOP 49152 /* top of the leaf stack, from the start of the block */

/* The table that finds a thread by its GS base: slots of 8 bytes, and the hash of a base: the upper
 * bits of a product (Knuth's multiplicative hashing on 32 bits). */
#define SOFT_GS_BITS       10
#define SOFT_GS_SLOTS      (1 << SOFT_GS_BITS)
#define SOFT_GS_MULTIPLIER 0x9e3779b1

/* What a leaf tells the assembly. */
#define LEAF_DONE  0
#define LEAF_EXIT  1
#define LEAF_FAULT 2
