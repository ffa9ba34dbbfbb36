/* SPDX-License-Identifier: Apache-2.0 */
/* Programs of the shim door: static ELF files that carry the table of their rewriting sites in a
 * section of their own, and the enclave images that are made of them. docs/decisions/008. */
#pragma once

#include "base/bytes.h"
#include "base/diag.h"
#include "sites.h"

/* Content as of /.alcove/sites (docs/formats/sites.md); its "size of the ELF file" is the end of
 * the part that is loaded, so that debuggers' sections may come and go. */
#define PROGRAM_SITES_SECTION ".alcove.sites"

/* After linking: checks that the file is one that can be measured as it is, chooses its sites, and
 * adds their table to it. -ENOEXEC with a sentence for what cannot work. */
int program_finish(const char *path, struct sites_stats *ret_stats,
                   struct sites_trapped *ret_trapped, struct diag *d) MUST_USE;
/* "0x401234 function+0x12" of an address in the program, or the address alone. */
void program_name_address(const char *path, uint64_t addr, char *ret_text, size_t capacity);
/* The image of an enclave that is this program: the stream `runtime` (shim.sgxs of the release),
 * then descriptor, segments with their sites patched, and stubs. *ret_sgxs is malloc()ed. */
int program_image(struct bytes program, struct bytes runtime, struct bytes *ret_sgxs,
                  struct diag *d) MUST_USE;
/* The same of a file. */
int program_compose(const char *path, struct bytes runtime, struct bytes *ret_sgxs,
                    struct diag *d) MUST_USE;
