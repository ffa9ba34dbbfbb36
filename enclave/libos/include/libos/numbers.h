/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of the system calls that there are, expanded from syscalls.def: SYS_read and so on. */
#pragma once

enum sys_number {
#define SYSCALL(number, name, status, where, ...) SYS_##name = (number),
#define SYSCALL_FREE                              SYSCALL
#define DENIED(number, name, error)
#define NOTE(name, text)
#include "libos/syscalls.def"
};
