/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of text about system calls, for debug enclaves. Internal to enclave/libos. */
#pragma once

#include "process.h"

#define TRACE_LINE 960u

struct trace_line {
    char text[TRACE_LINE];
    size_t size;
    uint64_t number;
    uint64_t values[6];
    unsigned next; /* first argument that is not shown yet */
};

/* trace.c */
/* Is this call among those that were asked for? Only where calls are traced at all. */
bool trace_wants(uint64_t number);
/* Before the call, because the call may change what its arguments point at, or never return. */
void trace_enter(struct trace_line *l, const struct os_thread *t, uint64_t number);
void trace_leave(struct trace_line *l, int64_t result);
/* A number that nobody implements. */
void trace_unknown(const struct os_thread *t, uint64_t number);
/* Names what was called and is not there, when calls are traced. */
void trace_summary(void);
/* A signal on its way to a handler or to its default action. */
void trace_signal(const struct os_thread *t, const struct signal_info *info);
/* A trampoline that was followed (exec/trampoline.h), where calls of mmap are traced. */
void trace_trampoline(const struct os_thread *t, uint64_t at, uint64_t target);

/* trace_args.c */
void PRINTF(2, 3) trace_add(struct trace_line *l, const char *format, ...);
/* Does it show what the call writes? */
bool trace_is_out(uint64_t number, unsigned argument);
/* result: of the call, or -1 before it; an argument that the call should have written and did not
 * is shown as its address. */
void trace_argument(struct trace_line *l, unsigned argument, int64_t result);
/* SIGSEGV and the like, and real-time signals as SIGRT_1. */
void trace_signal_name(struct trace_line *l, int signo);

/* trace_names.c */
enum trace_table {
#define TRACE_TABLE(table) TRACE_##table,
#define TRACE_NAME(table, mask, value, name)
#include "trace_flags.def"
    TRACE_TABLES
};
/* Adds the names of the bits of value, or its number. */
void trace_names(struct trace_line *l, enum trace_table table, uint64_t value);
