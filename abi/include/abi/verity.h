/* SPDX-License-Identifier: Apache-2.0 */
/* The dm-verity hash tree behind a layer's file system: format 1, SHA-256, blocks of 4096 bytes, no
 * superblock, as `veritysetup format --no-superblock --hash-offset=SIZE` lays it out (Linux
 * drivers/md/dm-verity-target.c, verity_ctr): the highest level first, each level padded to blocks.
 * A block hashes as SHA-256(salt || block). The root hash is that of the one block of the top
 * level, or of the only data block when there is no level at all. */
#pragma once

#include "base/bytes.h"

#define VERITY_BLOCK      4096u
#define VERITY_DIGEST     32u
#define VERITY_FANOUT     128u /* digests in a block */
#define VERITY_LEVELS_MAX 8u
#define VERITY_SALT_MAX   32u
#define VERITY_BLOCKS_MAX (UINT64_C(1) << 28) /* 1 TiB of data: keeps sums far from overflow */

struct verity_layout {
    uint64_t data_blocks;
    unsigned levels;                         /* level 0 holds the digests of data blocks */
    uint64_t level_start[VERITY_LEVELS_MAX]; /* in blocks from the start of the layer */
    uint64_t level_blocks[VERITY_LEVELS_MAX];
    uint64_t total_blocks; /* data and tree: the size of the whole layer */
};

/* From the size of the file system. False unless it is a positive multiple of the block size. */
static inline bool verity_layout_of(uint64_t data_size, struct verity_layout *ret)
{
    struct verity_layout l = {.data_blocks = data_size / VERITY_BLOCK};
    if (data_size == 0 || data_size % VERITY_BLOCK != 0 || l.data_blocks > VERITY_BLOCKS_MAX) {
        return false;
    }
    uint64_t n = l.data_blocks;
    while (n > 1) {
        n = (n + VERITY_FANOUT - 1) / VERITY_FANOUT;
        l.level_blocks[l.levels++] = n;
    }
    l.total_blocks = l.data_blocks;
    for (unsigned i = l.levels; i-- > 0;) {
        l.level_start[i] = l.total_blocks;
        l.total_blocks += l.level_blocks[i];
    }
    *ret = l;
    return true;
}
