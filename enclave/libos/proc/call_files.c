/* SPDX-License-Identifier: Apache-2.0 */
/* See call_files.h. */
#include "proc/call_files.h"

#include <errno.h>

#include "fs/vfs.h"
#include "mm/mm.h"
#include "proc/call_server.h"
#include "proc/shares.h"

#define PAGE 4096u

/* Answer of REMOTE_file_told; the path follows. */
struct told {
    uint32_t kind; /* enum fs_map_kind */
    uint8_t measured, may_read, may_write, reserved;
    uint64_t ino, size;
};
struct read_request {
    int32_t fd;
    uint32_t size;
    uint64_t offset;
};

/* ---- at the owner ---------------------------------------------------------------------------- */

int64_t remote_serve_file_told(struct call_server *s, struct bytes in, struct writer *out)
{
    char path[FS_PATH_MAX];
    int32_t fd;
    uint32_t major, minor;
    (void)s;
    if (in.size != sizeof fd) {
        return -EINVAL;
    }
    memcpy(&fd, in.data, sizeof fd);
    struct file *f = fd_get(fd);
    if (f == NULL || (f->flags & O_PATH) != 0) {
        return -EBADF;
    }
    struct told t = {.kind = fs_map_kind(f),
                     .measured = fs_is_measured(f),
                     .may_read = fs_may_read(f),
                     .may_write = fs_may_write(f),
                     .size = f->node->size};
    fs_file_id(f, &major, &minor, &t.ino);
    size_t n = fs_file_path(f, path, sizeof path);
    writer_put(out, BYTES_OF(t));
    writer_put(out, BYTES(path, n));
    return 0;
}

int64_t remote_serve_file_read(struct call_server *s, struct bytes in, struct writer *out)
{
    struct read_request r;
    (void)s;
    if (in.size != sizeof r) {
        return -EINVAL;
    }
    memcpy(&r, in.data, sizeof r);
    struct file *f = fd_get(r.fd);
    if (f == NULL || !fs_may_read(f) || r.size > out->capacity) {
        return f == NULL ? -EBADF : -EACCES;
    }
    file_ref(f);
    int64_t n = fs_read_trusted(f, r.offset, out->data, r.size);
    file_unref(f);
    out->size = n > 0 ? (size_t)n : 0;
    return n;
}

/* ---- at the member --------------------------------------------------------------------------- */

static int own_layer_file(const char *path, const struct told *t, struct file **ret)
{
    struct file *f;
    uint32_t major, minor;
    uint64_t ino;
    int err = fs_open_path(path, false, &f);
    if (err != 0) {
        return err;
    }
    fs_file_id(f, &major, &minor, &ino);
    if (!fs_is_measured(f) || ino != t->ino || f->node->size != t->size) {
        file_unref(f);
        return -ENODEV;
    }
    *ret = f;
    return 0;
}

static int fetch(int fd, struct node *n, uint64_t offset, uint64_t end)
{
    for (uint64_t at = offset; at < end; at += PAGE) {
        const struct read_request r = {.fd = fd, .size = PAGE, .offset = at};
        uint8_t *page = tmpfs_page(n, at / PAGE, true);
        size_t got;
        if (page == NULL) {
            return -ENOMEM;
        }
        int64_t err = remote_request(REMOTE_file_read, BYTES_OF(r), page, PAGE, &got);
        if (err < 0) {
            return (int)err;
        }
        if (got < PAGE) {
            break;
        }
    }
    return 0;
}

/* What [offset, offset+length) of it holds now, in a file that nobody else has. */
static int copy_of(int fd, const char *path, const struct told *t, uint64_t offset, uint64_t length,
                   struct file **ret)
{
    static struct fs *copies;
    uint64_t end;
    copies = copies != NULL ? copies : tmpfs_new(UINT64_C(1) << 40, "tmpfs");
    struct node *n = copies != NULL ? tmpfs_new_node(copies, S_IFREG | 0400) : NULL;
    struct dentry *d = n != NULL ? dentry_new_anon(path, n) : NULL;
    struct file *f = d != NULL ? file_new(n->ops->file_ops, d, n, O_RDONLY) : NULL;
    dentry_unref(d);
    node_unref(n);
    if (f == NULL) {
        return -ENOMEM;
    }
    n->size = t->size;
    end = add_ok(offset, length, &end) && end < t->size ? end : t->size;
    int err = fetch(fd, n, offset, end);
    if (err != 0) {
        file_unref(f);
        return err;
    }
    *ret = f;
    return 0;
}

int remote_file(int fd, bool shared, uint64_t offset, uint64_t length, struct file **ret)
{
    const int32_t in = fd;
    size_t size = 0;
    struct told t;
    char *answer = (char *)rt_alloc(sizeof t + FS_PATH_MAX);
    if (answer == NULL) {
        return -ENOMEM;
    }
    int64_t err =
        remote_request(REMOTE_file_told, BYTES_OF(in), answer, sizeof t + FS_PATH_MAX - 1, &size);
    if (err == 0 && size < sizeof t) {
        err = -EIO;
    }
    if (err == 0) {
        const char *path = answer + sizeof t; /* the buffer ends in zeros */
        memcpy(&t, answer, sizeof t);
        *ret = NULL;
        if (!t.may_read) {
            err = -EACCES;
        } else if (t.measured) {
            err = own_layer_file(path, &t, ret);
        } else if (t.kind == FS_MAP_NONE) {
            err = -ENODEV;
        } else if (shared && t.kind == FS_MAP_FILE) {
            const struct share_told s = {
                .size = t.size, .ino = t.ino, .may_write = t.may_write};
            err = share_map(fd, &s, path, ret);
        } else if (t.kind != FS_MAP_ZERO) {
            err = copy_of(fd, path, &t, offset, length, ret);
        }
    }
    rt_free(answer);
    return (int)err;
}

int64_t remote_mmap(uint64_t addr, uint64_t length, uint32_t prot, uint32_t flags, int fd,
                    uint64_t offset)
{
    struct file *f = NULL;
    int64_t r = remote_file(fd, (flags & OS_MAP_TYPE) != OS_MAP_PRIVATE, offset, length, &f);
    if (r != 0) {
        return r;
    }
    if (f == NULL && (flags & OS_MAP_TYPE) != OS_MAP_PRIVATE) {
        return mm_map_shared_memory(addr, length, prot, flags);
    }
    if (f == NULL) {
        flags |= OS_MAP_ANONYMOUS;
    }
    r = mm_map(addr, length, prot, flags, f, f == NULL ? 0 : offset);
    file_unref(f);
    return r;
}
