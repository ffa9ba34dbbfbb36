/* SPDX-License-Identifier: Apache-2.0 */
/* Files that come with the program. */
#pragma once

#include "base/diag.h"

/* The path (PATH_MAX bytes) of "runtime.sgxs" and the like: in $ALCOVE_LIBEXEC_DIR, else beside the
 * program, else where the build puts it, else where it is installed. */
int install_find(const char *name, char *ret_path, struct diag *d) MUST_USE;
