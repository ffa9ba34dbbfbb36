/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/diag.h"

/* Path (PATH_MAX) of one of this release's own files: in $ALCOVE_LIBEXEC_DIR if that is set; else
 * beside the running program or in ../libexec/alcove (../../ for programs deeper in a build). */
int quoting_find(const char *name, char *ret_path, struct diag *d) MUST_USE;
