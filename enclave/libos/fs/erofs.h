/* SPDX-License-Identifier: Apache-2.0 */
/* Reads uncompressed EROFS (abi/erofs.h) from blocks that somebody else fetches and verifies. The
 * parser believes nothing all the same: a builder's mistake must not become memory corruption, and
 * fuzzing it without hashes is then worth something. Malformed: -EUCLEAN. */
#pragma once

#include "abi/erofs.h"
#include "base/bytes.h"

/* Where blocks come from. get returns a view of EROFS_BLOCK_SIZE bytes that stays valid until the
 * next get, or NULL. */
struct block_source {
    const uint8_t *(*get)(void *context, uint64_t block);
    void *context;
    uint64_t block_count;
};

struct erofs {
    struct block_source source;
    uint64_t meta_start; /* byte offset of node number 0 */
    uint64_t root;       /* node number */
    uint64_t build_time;
    uint32_t build_time_nsec;
    uint64_t inode_count;
};

struct erofs_node {
    uint64_t nid;
    uint64_t size;
    uint64_t tail_offset; /* in the image, of the inline tail; used when `inline_tail` */
    uint64_t mtime;
    uint32_t mtime_nsec;
    uint32_t first_block; /* of the data that is not in the tail */
    uint32_t mode, uid, gid, nlink;
    bool inline_tail;
};

int erofs_open(struct erofs *e, struct block_source source) MUST_USE;
int erofs_node(const struct erofs *e, uint64_t nid, struct erofs_node *ret) MUST_USE;
/* Block `index` of a file: where it lies. *ret_block is a block of the image, *ret_offset the
 * offset in it (0 but for tails), *ret_size the bytes of the file there. index below the count. */
void erofs_map(const struct erofs_node *n, uint64_t index, uint64_t *ret_block,
               uint32_t *ret_offset, uint32_t *ret_size);
/* Number of blocks that erofs_map() accepts. */
static inline uint64_t erofs_block_count(const struct erofs_node *n)
{
    return n->size / EROFS_BLOCK_SIZE + (n->size % EROFS_BLOCK_SIZE != 0);
}
/* Reads exactly size bytes, which must lie in the file. */
int erofs_pread(const struct erofs *e, const struct erofs_node *n, uint64_t off, void *to,
                size_t size) MUST_USE;
/* Finds a name in a directory. -ENOENT. */
int erofs_lookup(const struct erofs *e, const struct erofs_node *dir, struct bytes name,
                 uint64_t *ret_nid) MUST_USE;
/* Walks a directory: entry calls until done. The names are copied. */
struct erofs_entry {
    uint64_t nid;
    uint8_t type; /* EROFS_FT_*: 1 regular, 2 directory, 7 symbolic link */
    uint8_t name_size;
    char name[EROFS_NAME_MAX + 1];
};
struct erofs_scan {
    uint64_t block;
    uint32_t index;
};
/* 1: *ret holds the next entry, 0: no more, or -EUCLEAN, -EIO. */
int erofs_next(const struct erofs *e, const struct erofs_node *dir, struct erofs_scan *scan,
               struct erofs_entry *ret) MUST_USE;
