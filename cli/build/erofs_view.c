/* SPDX-License-Identifier: Apache-2.0 */
/* Path lookup in EROFS images (format: abi/erofs.h), see erofs_view.h. Images were made a moment
 * ago or come from the store, which anyone may have written: every offset is checked. */
#include "erofs_view.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "abi/erofs.h"

#define LINKS_MAX 40u

struct node {
    uint32_t mode;
    enum erofs_layout layout;
    uint64_t size;
    uint64_t block;     /* first data block */
    uint64_t inline_at; /* offset of the tail that follows the inode */
};

static struct bytes slice(struct bytes image, uint64_t offset, uint64_t size)
{
    return range_within(offset, size, image.size) ? BYTES(image.data + offset, (size_t)size)
                                                  : (struct bytes){NULL, 0};
}

static bool read_super(struct bytes image, struct erofs_super *ret)
{
    struct bytes raw = slice(image, EROFS_SUPER_OFFSET, sizeof *ret);
    if (raw.size != sizeof *ret) {
        return false;
    }
    memcpy(ret, raw.data, sizeof *ret);
    return ret->magic == EROFS_MAGIC && ret->block_bits == EROFS_BLOCK_BITS;
}

static int read_node(struct bytes image, const struct erofs_super *super, uint64_t nid,
                     struct node *ret)
{
    struct erofs_inode_compact c;
    struct erofs_inode_extended x;
    if (nid > UINT32_MAX) {
        return -EINVAL;
    }
    uint64_t at = (uint64_t)super->meta_block * EROFS_BLOCK_SIZE + nid * EROFS_SLOT_SIZE;
    struct bytes raw = slice(image, at, sizeof c);
    if (raw.size != sizeof c) {
        return -EINVAL;
    }
    memcpy(&c, raw.data, sizeof c);
    uint64_t xattrs =
        c.xattr_count == 0 ? 0 : EROFS_XATTR_HEADER + 4 * (uint64_t)(c.xattr_count - 1);
    struct node n = {.mode = c.mode, .layout = (enum erofs_layout)(c.format >> 1 & 7)};
    if ((c.format & 1) == 0) {
        n.size = c.size;
        n.block = c.u;
        n.inline_at = at + sizeof c + xattrs;
    } else {
        raw = slice(image, at, sizeof x);
        if (raw.size != sizeof x) {
            return -EINVAL;
        }
        memcpy(&x, raw.data, sizeof x);
        n.size = x.size;
        n.block = x.u;
        n.inline_at = at + sizeof x + xattrs;
    }
    if (n.layout != EROFS_FLAT_PLAIN && n.layout != EROFS_FLAT_INLINE) {
        return -EINVAL;
    }
    *ret = n;
    return 0;
}

/* One block of a file's data, shorter at its end. */
static struct bytes node_block(struct bytes image, const struct node *n, uint64_t block)
{
    uint64_t start = block * EROFS_BLOCK_SIZE;
    if (start >= n->size) {
        return (struct bytes){NULL, 0};
    }
    uint64_t size = n->size - start < EROFS_BLOCK_SIZE ? n->size - start : EROFS_BLOCK_SIZE;
    bool tail = n->layout == EROFS_FLAT_INLINE && size < EROFS_BLOCK_SIZE;
    return slice(image, tail ? n->inline_at : (n->block + block) * EROFS_BLOCK_SIZE, size);
}

/* Searches a block of a folder: entries, then names up to the next one's start or the end. */
static int search_block(struct bytes block, struct bytes name, uint64_t *ret_nid)
{
    uint16_t first = block.size >= EROFS_DIRENT_SIZE ? load_le16(block.data + 8) : 0;
    size_t count = first / EROFS_DIRENT_SIZE;
    if (count == 0 || first > block.size) {
        return -EINVAL;
    }
    for (size_t i = 0; i < count; i++) {
        const uint8_t *entry = block.data + i * EROFS_DIRENT_SIZE;
        size_t start = load_le16(entry + 8);
        size_t end = i + 1 < count ? load_le16(entry + EROFS_DIRENT_SIZE + 8) : block.size;
        if (start > end || end > block.size) {
            return -EINVAL;
        }
        struct bytes found =
            BYTES(block.data + start, strnlen((const char *)block.data + start, end - start));
        if (bytes_equal(found, name)) {
            *ret_nid = load_le64(entry);
            return 0;
        }
    }
    return -ENOENT;
}

static int search_folder(struct bytes image, const struct node *folder, struct bytes name,
                         uint64_t *ret_nid)
{
    int err = -ENOENT;
    for (uint64_t i = 0; err == -ENOENT && i * EROFS_BLOCK_SIZE < folder->size; i++) {
        err = search_block(node_block(image, folder, i), name, ret_nid);
    }
    return err;
}

/* Walks one image without following links; -ENOENT also where a part is no folder. */
static int find_in_layer(struct bytes image, const char *path, struct node *ret)
{
    struct erofs_super super;
    uint64_t nid;
    if (!read_super(image, &super)) {
        return -EINVAL;
    }
    nid = super.root_nid;
    int err = read_node(image, &super, nid, ret);
    for (const char *p = path; err == 0;) {
        p += strspn(p, "/");
        struct bytes name = BYTES(p, strcspn(p, "/"));
        if (name.size == 0) {
            return 0;
        }
        p += name.size;
        err = S_ISDIR(ret->mode) ? search_folder(image, ret, name, &nid) : -ENOENT;
        err = err != 0 ? err : read_node(image, &super, nid, ret);
    }
    return err;
}

static int find_in_stack(const struct erofs_view *v, const char *path, struct node *ret,
                         struct bytes *ret_image)
{
    for (size_t i = v->layer_count; i-- > 0;) {
        int err = find_in_layer(v->layers[i].bytes, path, ret);
        if (err != -ENOENT) {
            *ret_image = v->layers[i].bytes;
            return err;
        }
    }
    return -ENOENT;
}

/* Puts a link's target between what was walked and what is left: both in buffers of PATH_MAX. */
static int follow_link(struct bytes image, const struct node *link, char *walked, char *left)
{
    char rest[PATH_MAX];
    struct bytes target = node_block(image, link, 0);
    if (target.size == 0 || target.size != link->size || memchr(target.data, 0, target.size)) {
        return -EINVAL;
    }
    memcpy(rest, left, strlen(left) + 1);
    if (base_format(left, PATH_MAX, "%.*s/%s", (int)target.size, (const char *)target.data, rest) >=
        PATH_MAX) {
        return -ENAMETOOLONG;
    }
    char *slash = strrchr(walked, '/');
    walked[target.data[0] == '/' || slash == NULL ? 0 : slash - walked] = '\0';
    return 0;
}

/* Appends the next part of left to walked. */
static int step(char *walked, char *left)
{
    char *part = left + strspn(left, "/");
    size_t n = strcspn(part, "/");
    size_t used = strlen(walked);
    if (n == 2 && memcmp(part, "..", 2) == 0) {
        char *slash = strrchr(walked, '/');
        walked[slash != NULL ? slash - walked : 0] = '\0';
    } else if (n > 0 && !(n == 1 && *part == '.')) {
        if (used + n + 2 > PATH_MAX) {
            return -ENAMETOOLONG;
        }
        walked[used] = '/';
        memcpy(walked + used + 1, part, n);
        walked[used + 1 + n] = '\0';
    }
    memmove(left, part + n, strlen(part + n) + 1);
    return 0;
}

int erofs_view_mode(const struct erofs_view *v, const char *path, bool follow, uint32_t *ret_mode)
{
    char walked[PATH_MAX] = "", left[PATH_MAX];
    struct bytes image;
    struct node n = {0};
    unsigned links = 0;
    if (strlen(path) >= sizeof left) {
        return -ENAMETOOLONG;
    }
    memcpy(left, path, strlen(path) + 1);
    int err = find_in_stack(v, "/", &n, &image);
    while (err == 0 && left[strspn(left, "/")] != '\0') {
        err = step(walked, left);
        err = err != 0 ? err : find_in_stack(v, walked, &n, &image);
        bool last = left[strspn(left, "/")] == '\0';
        if (err == 0 && S_ISLNK(n.mode) && (follow || !last)) {
            err = links++ < LINKS_MAX ? follow_link(image, &n, walked, left) : -ELOOP;
        } else if (err == 0 && !last && !S_ISDIR(n.mode)) {
            err = -ENOTDIR;
        }
    }
    if (err == 0) {
        *ret_mode = n.mode;
    }
    return err;
}

int erofs_view_add(struct erofs_view *v, const char *path, struct diag *d)
{
    REQUIRE(v->layer_count < MANIFEST_LAYERS_MAX);
    int err = mapped_file_open(&v->layers[v->layer_count], path, 2 * LAYER_SIZE_MAX, d);
    v->layer_count += err == 0;
    return err;
}

void erofs_view_close(struct erofs_view *v)
{
    for (size_t i = 0; i < v->layer_count; i++) {
        mapped_file_close(&v->layers[i]);
    }
    v->layer_count = 0;
}
