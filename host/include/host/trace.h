/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be seen of a run: lists of `alcove run --trace`, and names. */
#pragma once

#include "abi/boot.h"
#include "base/diag.h"

/* Adds what a list names to *classes and calls: "sys" (every system call), "host", a group of
 * abi/trace_classes.def, or the name of a system call ("sys:openat" too); "!x" takes x away again.
 * -EINVAL with a sentence. */
int host_trace_select(const char *list, uint64_t *classes, uint64_t calls[TRACE_CALLS / 64],
                      struct diag *d) MUST_USE;
/* NULL: there is none of that number. */
const char *host_trace_call_name(unsigned number);
const char *host_trace_hostcall_name(unsigned number);
