/* SPDX-License-Identifier: Apache-2.0 */
/* SGXS streams beyond measuring and loading (machine.h). */
#pragma once

#include "base/bytes.h"
#include "base/diag.h"

/* Offset in ELRANGE of the first page that the stream adds as a TCS; -ENOENT if there is none.
 * Trust: the stream is a file of unknown origin. */
int sgxs_first_tcs(struct bytes sgxs, uint64_t *ret_offset, struct diag *d) MUST_USE;

#define SGXS_PAGE_RECORDS_SIZE (64u + 16u * (64u + 256u))
/* Appends EADD and sixteen EEXTENDs of a regular page with these SECINFO.FLAGS. */
void sgxs_append_page(struct writer *stream, uint64_t offset, uint64_t flags,
                      const uint8_t content[4096]);
