/* SPDX-License-Identifier: Apache-2.0 */
/* Where the developer's signing key is when no file is named. */
#pragma once

#include "base/diag.h"

int signing_key_default_path(char *ret_path, size_t size, struct diag *d) MUST_USE;
