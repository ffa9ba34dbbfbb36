/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the tools that a build needs (mkfs.erofs, Python). Children get a fixed environment, so that
 * nothing of the caller's shell changes what they write, and die with their parent. */
#pragma once

#include <sys/types.h>

#include "base/diag.h"

struct process {
    pid_t pid;
    int output; /* read end of its standard output; -1 when that was not wanted */
    int errors; /* a memory file with its standard error */
};

/* input: file descriptor for its standard input, or -1 for none. -errno on failure. */
int process_start(const char *const *argv, int input, bool want_output, struct process *ret,
                  struct diag *d) MUST_USE;
/* Waits and closes everything; kills it first when the build was interrupted. 0, -EINTR, or -EIO
 * for any status but 0, with the last line that it wrote to standard error. */
int process_finish(struct process *p, const char *name, struct diag *d) MUST_USE;
/* Both, without input and output. While it runs, tick(context) is called ten times a second. */
typedef void process_tick(void *context);
int process_run(const char *const *argv, process_tick *tick, void *context,
                struct diag *d) MUST_USE;
