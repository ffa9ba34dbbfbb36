/* SPDX-License-Identifier: Apache-2.0 */
/* EROFS on disk, the uncompressed subset that layers use (Linux fs/erofs/erofs_fs.h). Integers are
 * little endian. Blocks are 4096 bytes, as in the hash tree above them. */
#pragma once

#include "base/attr.h"

#define EROFS_MAGIC         0xe0f5e1e2u
#define EROFS_SUPER_OFFSET  1024u
#define EROFS_BLOCK_BITS    12u
#define EROFS_BLOCK_SIZE    4096u
#define EROFS_SLOT_SIZE     32u /* node number = position in the metadata area in these units */
#define EROFS_XATTR_HEADER  12u
#define EROFS_NAME_MAX      255u
#define EROFS_INCOMPAT_0PAD 1u /* says nothing about uncompressed files; mkfs sets it freely */
#define EROFS_NULL_ADDR     0xffffffffu

enum erofs_layout { EROFS_FLAT_PLAIN = 0, EROFS_FLAT_INLINE = 2 };

struct erofs_super {
    uint32_t magic, checksum, feature_compat;
    uint8_t block_bits, extension_slots;
    uint16_t root_nid;
    uint64_t inode_count, build_time;
    uint32_t build_time_nsec, block_count, meta_block, xattr_block;
    uint8_t uuid[16], volume_name[16];
    uint32_t feature_incompat;
    uint16_t u1, extra_devices, device_table;
    uint8_t reserved[38];
};
_Static_assert(sizeof(struct erofs_super) == 128, "superblock is 128 bytes");

struct erofs_inode_compact {
    uint16_t format, xattr_count, mode, nlink;
    uint32_t size, reserved, u, ino;
    uint16_t uid, gid;
    uint32_t reserved2;
};
_Static_assert(sizeof(struct erofs_inode_compact) == 32, "compact inode is 32 bytes");

struct erofs_inode_extended {
    uint16_t format, xattr_count, mode, reserved;
    uint64_t size;
    uint32_t u, ino, uid, gid;
    uint64_t mtime;
    uint32_t mtime_nsec, nlink;
    uint8_t reserved2[16];
};
_Static_assert(sizeof(struct erofs_inode_extended) == 64, "extended inode is 64 bytes");

/* A directory block: dirents sorted by name, then the names. The first name_offset / 12 is their
 * count; the last name ends at a NUL or at the end of the block. */
#define EROFS_DIRENT_SIZE                                                                          \
    12u /* u64 nid, u16 name offset, u8 type (DT-like, see erofs_type), u8 reserved */
