/* SPDX-License-Identifier: Apache-2.0 */
/* Compiles the Python modules of a staged tree, so that no start inside an enclave compiles them
 * again: unchecked-hash .pyc files, which are valid whatever the times of their sources are. */
#pragma once

#include "stage.h"

/* Every *.py that compiles gets its __pycache__ file. Uses all processors. *ret_count: how many. */
int bytecode_compile(const struct stage *s, uint64_t *ret_count, struct diag *d) MUST_USE;
