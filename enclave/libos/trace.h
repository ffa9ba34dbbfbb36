/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of text about system calls, for debug enclaves. Internal to enclave/libos. */
#pragma once

#include "process.h"

#define TRACE_LINE 512u

struct trace_line {
    char text[TRACE_LINE];
    size_t size;
};

/* Before the call, because the call may change what its arguments point at, or never return. */
void trace_enter(struct trace_line *l, const struct os_thread *t, uint64_t number);
void trace_leave(struct trace_line *l, int64_t result);
/* A number that nobody implements. */
void trace_unknown(const struct os_thread *t, uint64_t number);
/* Names what was called and is not there, when calls are traced. */
void trace_summary(void);
