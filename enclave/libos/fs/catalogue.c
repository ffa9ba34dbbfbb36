/* SPDX-License-Identifier: Apache-2.0 */
/* See catalogue.h. */
#include "catalogue.h"

#include "vfs.h"

static void put_le(struct writer *w, uint64_t value, size_t size)
{
    uint8_t b[8];
    store_le64(b, value);
    writer_put(w, BYTES(b, size));
}

static void put_time(struct writer *w, struct catalogue_time t)
{
    put_le(w, (uint64_t)t.sec, 8);
    put_le(w, t.nsec, 4);
}

void catalogue_put_node(struct writer *w, const struct catalogue_node *n)
{
    put_le(w, CATALOGUE_NODE, 2);
    put_le(w, n->link.size, 2);
    put_le(w, n->mode, 4);
    put_le(w, n->uid, 4);
    put_le(w, n->gid, 4);
    put_le(w, n->ino, 8);
    put_le(w, n->size, 8);
    put_time(w, n->atime);
    put_time(w, n->mtime);
    put_time(w, n->ctime);
    writer_put(w, BYTES_OF(n->root));
    writer_put(w, n->link);
}

void catalogue_put_name(struct writer *w, const struct catalogue_name *n)
{
    put_le(w, CATALOGUE_NAME, 2);
    put_le(w, n->name.size, 2);
    put_le(w, n->parent, 4);
    put_le(w, n->node, 4);
    writer_put(w, n->name);
}

static struct catalogue_time take_time(struct cursor *c)
{
    int64_t sec = (int64_t)cursor_le64(c);
    return (struct catalogue_time){sec, cursor_le32(c)};
}

static bool time_ok(struct catalogue_time t)
{
    return t.nsec < 1000000000;
}

static bool has_byte(struct bytes b, uint8_t what)
{
    for (size_t i = 0; i < b.size; i++) {
        if (b.data[i] == what) {
            return true;
        }
    }
    return false;
}

static bool node_ok(const struct catalogue_node *n)
{
    bool empty_ref = n->root.block == 0;
    if ((n->mode & ~(uint32_t)(S_IFMT | 07777)) != 0 || !time_ok(n->atime) || !time_ok(n->mtime) ||
        !time_ok(n->ctime)) {
        return false;
    }
    switch (n->mode & S_IFMT) {
    case S_IFREG:
        return n->link.size == 0 && (n->size > 0 || empty_ref);
    case S_IFDIR:
        return n->link.size == 0 && n->size == 0 && empty_ref;
    case S_IFLNK:
        return n->link.size > 0 && n->link.size < FS_PATH_MAX && n->size == n->link.size &&
               !has_byte(n->link, 0) && empty_ref;
    default:
        return false;
    }
}

static bool name_ok(struct bytes n)
{
    return n.size > 0 && n.size <= FS_NAME_MAX && !has_byte(n, '/') && !has_byte(n, 0) &&
           !bytes_equal_str(n, ".") && !bytes_equal_str(n, "..");
}

static bool take_node(struct cursor *c, struct catalogue_node *ret)
{
    size_t link_size = cursor_le16(c);
    ret->mode = cursor_le32(c);
    ret->uid = cursor_le32(c);
    ret->gid = cursor_le32(c);
    ret->ino = cursor_le64(c);
    ret->size = cursor_le64(c);
    ret->atime = take_time(c);
    ret->mtime = take_time(c);
    ret->ctime = take_time(c);
    struct bytes root = cursor_take(c, sizeof ret->root);
    ret->root = (struct volume_ref){.block = 0};
    if (root.size == sizeof ret->root) {
        memcpy(&ret->root, root.data, sizeof ret->root);
    }
    ret->link = cursor_take(c, link_size);
    return cursor_ok(c) && node_ok(ret);
}

enum catalogue_kind catalogue_next(struct cursor *c, struct catalogue_node *ret_node,
                                   struct catalogue_name *ret_name)
{
    if (cursor_done(c)) {
        return CATALOGUE_END;
    }
    switch (cursor_le16(c)) {
    case CATALOGUE_NODE:
        return take_node(c, ret_node) ? CATALOGUE_NODE : CATALOGUE_BAD;
    case CATALOGUE_NAME: {
        size_t size = cursor_le16(c);
        ret_name->parent = cursor_le32(c);
        ret_name->node = cursor_le32(c);
        ret_name->name = cursor_take(c, size);
        return cursor_ok(c) && name_ok(ret_name->name) ? CATALOGUE_NAME : CATALOGUE_BAD;
    }
    default:
        return CATALOGUE_BAD;
    }
}
