/* SPDX-License-Identifier: Apache-2.0 */
/* Shared mappings of files in memory: windows on the file's pages. With the lock held. */
#pragma once

#include "mm/vma.h"

/* A new window: its file's operations look here from now on. */
void window_open(const struct vma *v);
/* The page at addr, and some after it, come from the file; *ret_bytes of memory were committed.
 * false: the file ends before, or there is no memory. max: bytes that may be committed. */
bool window_page_in(const struct vma *v, uint64_t addr, uint8_t rights, uint64_t max,
                    uint64_t *ret_bytes) MUST_USE;
/* What was written between start and end becomes the file's. release: and no page is left there;
 * returns how many bytes that were. */
uint64_t window_put_back(const struct vma *v, uint64_t start, uint64_t end, bool release);
/* Written back to where the file is kept, too. */
int window_sync(const struct vma *v, uint64_t start, uint64_t end) MUST_USE;
