/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates somewhere in a text, as caches of Intel's service and cloud providers hand them out:
 * in JSON strings ("\n" for line ends) or in HTTP headers (%0A). */
#pragma once

#include "base/bytes.h"
#include "verify/bundle.h"

/* Adds each to the bundle. 0, also if there is none: *ret_count says how many the library could
 * read, *ret_kinds what they made up, as alcove_bundle_add() has it. -errno of that for others. */
int extract_certificates(struct alcove_bundle *b, struct bytes text, uint32_t *ret_kinds,
                         size_t *ret_count) MUST_USE;
