/* SPDX-License-Identifier: Apache-2.0 */
/* EROFS, read-only and uncompressed. The image is measured, so an adversary cannot choose it
 * against a verifier's will; a hostile builder could, and gets an error for anything malformed:
 * every offset is checked against the image before use, directories against themselves. */
#include "erofs.h"
#include "linux_abi.h"

#define BLOCK EROFS_BLOCK_SIZE

static const uint8_t *block_at(const struct erofs *e, uint64_t block)
{
    if (block >= e->source.block_count) {
        return NULL;
    }
    return e->source.get(e->source.context, block);
}

int erofs_open(struct erofs *e, struct block_source source)
{
    struct erofs t = {.source = source};
    const uint8_t *block = block_at(&t, 0);
    if (block == NULL) {
        return -EIO;
    }
    struct erofs_super s;
    __builtin_memcpy(&s, block + EROFS_SUPER_OFFSET, sizeof s);
    /* Features that this reader does not know change where bytes are: refuse them by name of bit.
     */
    if (s.magic != EROFS_MAGIC || s.block_bits != EROFS_BLOCK_BITS ||
        (s.feature_incompat & ~EROFS_INCOMPAT_0PAD) != 0 || s.extra_devices != 0 ||
        s.block_count > source.block_count || s.meta_block >= source.block_count) {
        return -EUCLEAN;
    }
    t.meta_start = (uint64_t)s.meta_block * BLOCK;
    t.root = s.root_nid;
    t.build_time = s.build_time;
    t.build_time_nsec = s.build_time_nsec < 1000000000u ? s.build_time_nsec : 0;
    t.inode_count = s.inode_count;
    struct erofs_node root;
    int err = erofs_node(&t, t.root, &root);
    if (err == 0 && (root.mode & S_IFMT) != S_IFDIR) {
        err = -EUCLEAN;
    }
    if (err == 0) {
        *e = t;
    }
    return err;
}

/* Where the data of a node are, after its header was read. */
static int node_data(const struct erofs *e, struct erofs_node *n, unsigned layout, uint32_t u,
                     uint64_t end_of_header)
{
    uint64_t limit = e->source.block_count;
    uint64_t blocks = erofs_block_count(n);
    if (layout == EROFS_FLAT_INLINE && n->size % BLOCK != 0) {
        uint32_t tail = (uint32_t)(n->size % BLOCK);
        if (!range_within(end_of_header % BLOCK, tail, BLOCK) || end_of_header / BLOCK >= limit) {
            return -EUCLEAN; /* a tail never crosses into the next block */
        }
        n->inline_tail = true;
        n->tail_offset = end_of_header;
        blocks--;
    } else if (layout != EROFS_FLAT_PLAIN && layout != EROFS_FLAT_INLINE) {
        return -EUCLEAN;
    }
    if (blocks > 0 && !range_within(u, blocks, limit)) {
        return -EUCLEAN;
    }
    n->first_block = u;
    return 0;
}

static int node_check(const struct erofs_node *n)
{
    if (n->nlink == 0 || n->size > INT64_MAX) {
        return -EUCLEAN;
    }
    switch (n->mode & S_IFMT) {
    case S_IFREG:
    case S_IFDIR:
        return 0;
    case S_IFLNK:
        return n->size > 0 && n->size < 4096 ? 0 : -EUCLEAN; /* PATH_MAX */
    default:
        return -EOPNOTSUPP; /* devices, sockets and pipes have no place in a layer */
    }
}

int erofs_node(const struct erofs *e, uint64_t nid, struct erofs_node *ret)
{
    struct erofs_node n = {.nid = nid};
    uint64_t offset;
    if (!mul_ok(nid, EROFS_SLOT_SIZE, &offset) || !add_ok(offset, e->meta_start, &offset)) {
        return -EUCLEAN;
    }
    const uint8_t *block = block_at(e, offset / BLOCK);
    if (block == NULL) {
        return offset / BLOCK >= e->source.block_count ? -EUCLEAN : -EIO;
    }
    struct erofs_inode_compact c;
    __builtin_memcpy(&c, block + offset % BLOCK, sizeof c); /* 32-byte slots never cross a block */
    if ((c.format & ~0xfu) != 0) {
        return -EUCLEAN;
    }
    uint64_t header = sizeof c;
    uint32_t u = c.u;
    if ((c.format & 1) == 0) {
        n.size = c.size;
        n.mode = c.mode;
        n.uid = c.uid;
        n.gid = c.gid;
        n.nlink = c.nlink;
        n.mtime = e->build_time;
        n.mtime_nsec = e->build_time_nsec;
    } else {
        struct erofs_inode_extended x;
        if (!range_within(offset % BLOCK, sizeof x, BLOCK)) {
            /* The second half lies in the next block. */
            const uint8_t *next = block_at(e, offset / BLOCK + 1);
            if (next == NULL) {
                return -EUCLEAN;
            }
            __builtin_memcpy(&x, &c, sizeof c);
            __builtin_memcpy((uint8_t *)&x + sizeof c, next, sizeof x - sizeof c);
        } else {
            __builtin_memcpy(&x, block + offset % BLOCK, sizeof x);
        }
        header = sizeof x;
        u = x.u;
        n.size = x.size;
        n.mode = x.mode;
        n.uid = x.uid;
        n.gid = x.gid;
        n.nlink = x.nlink;
        n.mtime = x.mtime;
        n.mtime_nsec = x.mtime_nsec < 1000000000u ? x.mtime_nsec : 0;
    }
    if (c.xattr_count > 0) { /* attributes are not served; their room is */
        header += EROFS_XATTR_HEADER + 4u * (uint64_t)(c.xattr_count - 1);
    }
    int err = node_check(&n);
    if (err == 0) {
        err = node_data(e, &n, c.format >> 1, u, offset + header);
    }
    if (err == 0) {
        *ret = n;
    }
    return err;
}

void erofs_map(const struct erofs_node *n, uint64_t index, uint64_t *ret_block,
               uint32_t *ret_offset, uint32_t *ret_size)
{
    REQUIRE(index < erofs_block_count(n));
    uint64_t left = n->size - index * BLOCK;
    *ret_size = left < BLOCK ? (uint32_t)left : BLOCK;
    if (left < BLOCK && n->inline_tail) {
        *ret_block = n->tail_offset / BLOCK;
        *ret_offset = (uint32_t)(n->tail_offset % BLOCK);
    } else {
        *ret_block = n->first_block + index;
        *ret_offset = 0;
    }
}

/* A view of one block of a file. */
static int file_block(const struct erofs *e, const struct erofs_node *n, uint64_t index,
                      struct bytes *ret)
{
    uint64_t block;
    uint32_t offset, size;
    erofs_map(n, index, &block, &offset, &size);
    const uint8_t *data = block_at(e, block);
    if (data == NULL) {
        return -EIO;
    }
    *ret = BYTES(data + offset, size);
    return 0;
}

int erofs_pread(const struct erofs *e, const struct erofs_node *n, uint64_t off, void *to,
                size_t size)
{
    REQUIRE(range_within(off, size, n->size));
    uint8_t *out = to;
    while (size > 0) {
        struct bytes block;
        int err = file_block(e, n, off / BLOCK, &block);
        if (err != 0) {
            return err;
        }
        size_t skip = (size_t)(off % BLOCK);
        size_t some = block.size - skip < size ? block.size - skip : size;
        __builtin_memcpy(out, block.data + skip, some);
        out += some;
        off += some;
        size -= some;
    }
    return 0;
}

/* Entry `index` of a directory block: name and node number, everything checked. */
static int dirent_at(struct bytes block, uint32_t index, uint32_t count, struct bytes *ret_name,
                     uint64_t *ret_nid, uint8_t *ret_type)
{
    const uint8_t *d = block.data + (size_t)index * EROFS_DIRENT_SIZE;
    uint32_t start = load_le16(d + 8);
    uint32_t end = index + 1 < count ? load_le16(d + EROFS_DIRENT_SIZE + 8) : (uint32_t)block.size;
    if (start < count * EROFS_DIRENT_SIZE || start >= end || end > block.size) {
        return -EUCLEAN;
    }
    size_t size = end - start;
    const uint8_t *name = block.data + start;
    if (index + 1 == count) { /* the last name may be padded with zeros */
        size_t n = 0;
        while (n < size && name[n] != 0) {
            n++;
        }
        size = n;
    }
    if (size == 0 || size > EROFS_NAME_MAX) {
        return -EUCLEAN;
    }
    for (size_t i = 0; i < size; i++) {
        if (name[i] == 0 || name[i] == '/') {
            return -EUCLEAN;
        }
    }
    *ret_name = BYTES(name, size);
    *ret_nid = load_le64(d);
    *ret_type = d[10];
    return 0;
}

static int dirent_count(struct bytes block, uint32_t *ret)
{
    if (block.size < EROFS_DIRENT_SIZE) {
        return -EUCLEAN;
    }
    uint32_t names = load_le16(block.data + 8);
    if (names < EROFS_DIRENT_SIZE || names % EROFS_DIRENT_SIZE != 0 || names >= block.size) {
        return -EUCLEAN;
    }
    *ret = names / EROFS_DIRENT_SIZE;
    return 0;
}

static int name_compare(struct bytes a, struct bytes b)
{
    size_t n = a.size < b.size ? a.size : b.size;
    int c = __builtin_memcmp(a.data, b.data, n);
    if (c != 0) {
        return c;
    }
    return a.size < b.size ? -1 : a.size > b.size;
}

/* Looks in one block. *ret_side: below 0, name sorts before the block; above 0, after it. */
static int lookup_in_block(struct bytes block, struct bytes name, uint64_t *ret_nid, int *ret_side)
{
    uint32_t count;
    int err = dirent_count(block, &count);
    uint32_t low = 0, high = err == 0 ? count : 0;
    *ret_side = 0;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        struct bytes entry;
        uint64_t nid;
        uint8_t type;
        err = dirent_at(block, middle, count, &entry, &nid, &type);
        if (err != 0) {
            return err;
        }
        int c = name_compare(name, entry);
        if (c == 0) {
            *ret_nid = nid;
            return 0;
        }
        if (c < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    if (err != 0) {
        return err;
    }
    *ret_side = low == 0 ? -1 : low == count ? 1 : 0;
    return -ENOENT;
}

int erofs_lookup(const struct erofs *e, const struct erofs_node *dir, struct bytes name,
                 uint64_t *ret_nid)
{
    uint64_t low = 0, high = erofs_block_count(dir);
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        struct bytes block;
        int err = file_block(e, dir, middle, &block);
        if (err != 0) {
            return err;
        }
        int side;
        err = lookup_in_block(block, name, ret_nid, &side);
        if (err != -ENOENT || side == 0) {
            return err;
        }
        if (side < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return -ENOENT;
}

int erofs_next(const struct erofs *e, const struct erofs_node *dir, struct erofs_scan *scan,
               struct erofs_entry *ret)
{
    while (scan->block < erofs_block_count(dir)) {
        struct bytes block;
        uint32_t count;
        int err = file_block(e, dir, scan->block, &block);
        if (err == 0) {
            err = dirent_count(block, &count);
        }
        if (err != 0) {
            return err;
        }
        if (scan->index < count) {
            struct bytes name;
            err = dirent_at(block, scan->index, count, &name, &ret->nid, &ret->type);
            if (err != 0) {
                return err;
            }
            scan->index++;
            __builtin_memcpy(ret->name, name.data, name.size);
            ret->name[name.size] = 0;
            ret->name_size = (uint8_t)name.size;
            return 1;
        }
        scan->block++;
        scan->index = 0;
    }
    return 0;
}
