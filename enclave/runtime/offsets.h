/* SPDX-License-Identifier: Apache-2.0 */
/* Offsets of struct rt_thread for the assembly; thread.h asserts each of them. */
#pragma once

#define T_SELF        0x00
#define T_APP_RSP     0x08
#define T_STACK_TOP   0x10
#define T_STATE       0x18
#define T_SAVED_RSP   0x20
#define T_CANARY      0x28
#define T_APP_FS      0x30
#define T_XSAVE_LEAVE 0x38
#define T_XSAVE_LIB   0x40
#define T_EXC_TOP     0x48
#define T_HOST_RSP    0x50
#define T_HOST_RBP    0x58
#define T_HOST_RET    0x60
#define T_XFRM        0x68
#define T_EXC_RSP     0x70
#define T_EXC_RBP     0x78
#define T_EXC_RET     0x80
#define T_APP_RIP     0x88
#define T_ENTRY_RDI   0x90
#define T_IN_USE      0x98
#define T_LIB_FS      0xa0
#define T_KICK        0xa8
#define T_FRAME       0xb0
#define T_BY_HAND     0xb8
#define T_LEFT_BY     0xc0

/* T_BY_HAND: how rt_leave() may move vector state; T_LEFT_BY: how it did the last time. */
#define BY_XSAVE  0
#define BY_AVX    1 /* ymm0-15 and MXCSR */
#define BY_AVX512 2 /* zmm0-31, k0-7 and MXCSR */

/* What BY_AVX and BY_AVX512 keep in the area at T_XSAVE_LEAVE. Not where XSAVE has its header: it
 * leaves most of that as it is, and XRSTOR wants zeros there. */
#define HAND_MXCSR   24
#define HAND_VECTORS 640
#define HAND_MASKS   (HAND_VECTORS + 32 * 64)

/* T_STATE: what the next entry at CSSA 0 means. Any other combination is refused. */
#define STATE_NEW      1
#define STATE_RUNNING  2
#define STATE_HOSTCALL 3
#define STATE_DEAD     4

#define FRAME_FULL 1
