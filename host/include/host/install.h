/* SPDX-License-Identifier: Apache-2.0 */
/* Files that come with the program: helper programs, signed images. */
#pragma once

#include "base/diag.h"

/* Path (PATH_MAX) of one of this release's own files: in $ALCOVE_LIBEXEC_DIR if that is set; else
 * beside the running program or in ../libexec/alcove (../../ for programs deeper in a build). */
int host_find_file(const char *name, char *ret_path, struct diag *d) MUST_USE;
