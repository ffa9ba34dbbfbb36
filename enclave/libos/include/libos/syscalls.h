/* SPDX-License-Identifier: Apache-2.0 */
/* Prototypes of all system calls, expanded from syscalls.def, and how a register becomes an
 * argument of each type. */
#pragma once

#include "runtime/types.h"

typedef int sys_int;
typedef uint32_t sys_uint;
typedef int sys_fd;
typedef uint32_t sys_flags;
typedef uint32_t sys_mode;
typedef uint64_t sys_size;
typedef int64_t sys_off;
typedef uint64_t sys_u64;
typedef uint64_t sys_addr;
typedef int sys_sig;
typedef int sys_tid;
typedef app_ptr sys_in;
typedef app_ptr sys_out;
typedef app_ptr sys_inout;
typedef app_ptr sys_path;

/* Number of (type, name) pairs among the arguments, as a token 0..6. */
#define SYS_PICK(z, a, b, c, d, e, f, g, h, i, j, k, l, count, ...) count
#define SYS_COUNT(...)                                                                             \
    SYS_PICK(0 __VA_OPT__(, ) __VA_ARGS__, 6, odd, 5, odd, 4, odd, 3, odd, 2, odd, 1, odd, 0)
#define SYS_GLUE_(a, b) a##b
#define SYS_GLUE(a, b)  SYS_GLUE_(a, b)

#define SYS_PARAMS0()          void
#define SYS_PARAMS1(t, a)      sys_##t a
#define SYS_PARAMS2(t, a, ...) sys_##t a, SYS_PARAMS1(__VA_ARGS__)
#define SYS_PARAMS3(t, a, ...) sys_##t a, SYS_PARAMS2(__VA_ARGS__)
#define SYS_PARAMS4(t, a, ...) sys_##t a, SYS_PARAMS3(__VA_ARGS__)
#define SYS_PARAMS5(t, a, ...) sys_##t a, SYS_PARAMS4(__VA_ARGS__)
#define SYS_PARAMS6(t, a, ...) sys_##t a, SYS_PARAMS5(__VA_ARGS__)
#define SYS_PARAMS(...)        SYS_GLUE(SYS_PARAMS, SYS_COUNT(__VA_ARGS__))(__VA_ARGS__)

#define SYSCALL(number, name, status, where, ...) int64_t sys_##name(SYS_PARAMS(__VA_ARGS__));
#define SYSCALL_FREE                              SYSCALL
#define DENIED(number, name, error)
#define NOTE(name, text)
#include "libos/syscalls.def"

/* Which enclave of a tree of processes serves a member's call: syscalls.def. */
enum sys_where {
    SYS_LOCAL,
    SYS_SHARED,
    SYS_BOTH,
};

enum sys_type {
    SYS_int,
    SYS_uint,
    SYS_fd,
    SYS_flags,
    SYS_mode,
    SYS_size,
    SYS_off,
    SYS_u64,
    SYS_addr,
    SYS_sig,
    SYS_tid,
    SYS_in,
    SYS_out,
    SYS_inout,
    SYS_path,
};

#define SYS_NUMBERS 512u /* table size: above every number that Linux has assigned */
