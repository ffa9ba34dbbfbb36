/* SPDX-License-Identifier: Apache-2.0 */
/* The tables' texts: names of system calls, of their arguments and of errors. */
#include "trace/call_texts.h"

#include "process.h"

#define TYPES0()          0
#define TYPES1(t, a)      SYS_##t
#define TYPES2(t, a, ...) SYS_##t, TYPES1(__VA_ARGS__)
#define TYPES3(t, a, ...) SYS_##t, TYPES2(__VA_ARGS__)
#define TYPES4(t, a, ...) SYS_##t, TYPES3(__VA_ARGS__)
#define TYPES5(t, a, ...) SYS_##t, TYPES4(__VA_ARGS__)
#define TYPES6(t, a, ...) SYS_##t, TYPES5(__VA_ARGS__)
#define TYPES(...)        SYS_GLUE(TYPES, SYS_COUNT(__VA_ARGS__))(__VA_ARGS__)
#define NAMES0()          NULL
#define NAMES1(t, a)      #a
#define NAMES2(t, a, ...) #a, NAMES1(__VA_ARGS__)
#define NAMES3(t, a, ...) #a, NAMES2(__VA_ARGS__)
#define NAMES4(t, a, ...) #a, NAMES3(__VA_ARGS__)
#define NAMES5(t, a, ...) #a, NAMES4(__VA_ARGS__)
#define NAMES6(t, a, ...) #a, NAMES5(__VA_ARGS__)
#define NAMES(...)        SYS_GLUE(NAMES, SYS_COUNT(__VA_ARGS__))(__VA_ARGS__)

const struct call_text call_texts[SYS_NUMBERS] = {
#define SYSCALL(number, name_, status, where, ...)                                                 \
    [number] = {.name = #name_,                                                                    \
                .count = SYS_COUNT(__VA_ARGS__),                                                   \
                .types = {TYPES(__VA_ARGS__)},                                                     \
                .arguments = {NAMES(__VA_ARGS__)}},
#define SYSCALL_FREE                 SYSCALL
#define DENIED(number, name_, error) [number] = {.name = #name_},
#define NOTE(name, text)
#include "libos/syscalls.def"
};

const char *const call_names[SYS_NUMBERS] = {
#define SYSCALL_NAME(number, name) [number] = #name,
#include "abi/syscall_names.def"
#undef SYSCALL_NAME
};

static const char *const errno_names[] = {
#define ERRNO_NAME(number, name) [number] = #name,
#include "libos/errno_names.def"
#undef ERRNO_NAME
};

const char *dispatch_errno_name(int error)
{
    if (error > 0 && (size_t)error < ARRAY_SIZE(errno_names) && errno_names[error] != NULL) {
        return errno_names[error];
    }
    return "?";
}
