/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the host library: gdb beside a run (`alcove run --gdb`). */
#pragma once

#include <sys/types.h>

#include "watch.h"

/* Starts gdb on that enclave process, for the terminal, or, when commands is not empty, for that
 * file of commands and then no more. bundle: for the layers in it. Returns the process to wait for.
 */
int host_debugger_start(pid_t enclave, const char *bundle, const char *commands,
                        struct host_watch *watch, pid_t *ret, struct diag *d) MUST_USE;
/* In the enclave process, before it is locked: until a debugger is attached. -ECHILD: it went away
 * without. */
int host_debugger_wait(struct host_watch *watch, struct diag *d) MUST_USE;
