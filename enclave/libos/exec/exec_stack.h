/* SPDX-License-Identifier: Apache-2.0 */
/* A new program's first stack. With the lock held. */
#pragma once

#include "exec/exec.h"

/* Maps the stack and puts argv, environment and auxiliary vector on it, as the psABI says; notes
 * where they are for /proc/self. -ENOMEM, -E2BIG. */
int exec_make_stack(const struct exec_plan *plan, const struct program *program,
                    uint64_t *ret_rsp) MUST_USE;
