/* SPDX-License-Identifier: Apache-2.0 */
/* Makes and checks the dm-verity hash tree behind a layer's file system (format: abi/verity.h).
 * Written here instead of calling veritysetup: `alcove measure` needs the same computation over
 * images of unknown origin and names the block that is wrong, and the tree of a 200 MB layer costs
 * 0.2 s this way. Tests compare it with `veritysetup verify`. */
#pragma once

#include "abi/verity.h"
#include "base/diag.h"

/* Computes the tree over `data`; *ret_tree is malloc()ed, total_blocks - data_blocks blocks. */
int verity_build(struct bytes data, struct bytes salt, uint8_t **ret_tree, size_t *ret_tree_size,
                 uint8_t ret_root[32], struct diag *d) MUST_USE;
/* Recomputes everything. A layer is `data_size` bytes of file system and then the tree, no more.
 * -EINVAL for a wrong size, -EBADMSG for content that does not hash to root; says which block. */
int verity_check(struct bytes layer, uint64_t data_size, struct bytes salt, const uint8_t root[32],
                 struct diag *d) MUST_USE;
