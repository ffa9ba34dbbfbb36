/* SPDX-License-Identifier: Apache-2.0 */
/* Files in trusted memory: tmpfs mounts, memfds, outputs, and inputs once they were read in. Never
 * leaves the enclave by itself. The workload chooses names, offsets and sizes; the limit of the
 * mount bounds pages and nodes. Directories keep nothing here: their dentries are the truth. */
#include "sealed.h"

#define CHUNK_PAGES 512u                /* pages in a chunk of the two-level page map */
#define FILE_MAX    (UINT64_C(1) << 40) /* bounds the top level of that map at 4 MiB */
#define SEALED_CONTENT (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)
#define NODES_EACH  (UINT64_C(1) << 14) /* nodes allowed per mount beyond one per page */

struct tmpfs_node {
    struct node node;
    uint8_t ***chunks; /* [chunk_count], each NULL or CHUNK_PAGES pages, each NULL: a hole */
    size_t chunk_count;
    char *link;
    struct pipe *fifo;          /* named pipes, while they are open */
    struct sealed_node *sealed; /* sealed mounts only */
};

static const struct node_ops tmpfs_dir_ops, tmpfs_file_ops, tmpfs_link_ops, tmpfs_fifo_ops;
static void tmpfs_destroy(struct node *n);

static struct tmpfs_node *of(struct node *n)
{
    return (struct tmpfs_node *)(void *)n;
}

bool tmpfs_node_is(const struct node *n)
{
    return n->ops->destroy == tmpfs_destroy; /* inputs have operations of their own otherwise */
}

struct fs *tmpfs_new(uint64_t size, const char *type)
{
    struct fs *fs = rt_alloc(sizeof *fs);
    if (fs != NULL) {
        *fs = (struct fs){.magic = TMPFS_MAGIC,
                          .minor = fs_new_minor(),
                          .type = type,
                          .block_limit = size / 4096 + (size % 4096 != 0),
                          .file_max = FILE_MAX};
        fs->node_limit = fs->block_limit + NODES_EACH;
    }
    return fs;
}

struct node *tmpfs_new_node(struct fs *fs, uint32_t mode)
{
    if (fs->node_count >= fs->node_limit) {
        return NULL;
    }
    struct tmpfs_node *t = rt_alloc_content(sizeof *t);
    if (t == NULL) {
        return NULL;
    }
    struct node *n = &t->node;
    n->refs = 1;
    n->fs = fs;
    n->mode = mode;
    n->uid = fs_uid();
    n->gid = fs_gid();
    n->nlink = node_is(n, S_IFDIR) ? 2 : 1;
    n->ino = ++fs->next_ino;
    n->seals = F_SEAL_SEAL;
    n->atime = n->mtime = n->ctime = fs_now();
    n->ops = node_is(n, S_IFDIR)   ? &tmpfs_dir_ops
             : node_is(n, S_IFLNK) ? &tmpfs_link_ops
             : node_is(n, S_IFIFO) ? &tmpfs_fifo_ops
                                   : &tmpfs_file_ops;
    fs->node_count++;
    if (fs->sealed_ops != NULL && node_is(n, S_IFREG)) {
        fs->sealed_ops(n);
    }
    return n;
}

struct pipe **tmpfs_fifo(struct node *n)
{
    return &of(n)->fifo;
}

struct sealed_node **tmpfs_sealed(struct node *n)
{
    return &of(n)->sealed;
}

int tmpfs_set_symlink(struct node *n, struct bytes target)
{
    char *text = rt_alloc(target.size + 1);
    if (text == NULL) {
        return -ENOMEM;
    }
    memcpy(text, target.data, target.size);
    of(n)->link = text;
    n->size = target.size;
    return 0;
}

static int tmpfs_readlink(struct node *n, struct bytes *ret)
{
    *ret = BYTES(of(n)->link, n->size);
    return 0;
}

/* ---- pages ----------------------------------------------------------------------------------- */

static uint8_t *page_at(const struct tmpfs_node *t, uint64_t index)
{
    uint64_t chunk = index / CHUNK_PAGES;
    if (chunk >= t->chunk_count || t->chunks[chunk] == NULL) {
        return NULL;
    }
    return t->chunks[chunk][index % CHUNK_PAGES];
}

static int room_for_chunk(struct tmpfs_node *t, uint64_t chunk)
{
    if (chunk >= t->chunk_count) {
        size_t count = t->chunk_count < 8 ? 8 : t->chunk_count * 2;
        count = count > chunk ? count : (size_t)chunk + 1;
        uint8_t ***bigger = rt_alloc_content(count * sizeof *bigger);
        if (bigger == NULL) {
            return -ENOSPC;
        }
        if (t->chunk_count > 0) {
            memcpy(bigger, t->chunks, t->chunk_count * sizeof *bigger);
        }
        rt_free(t->chunks);
        t->chunks = bigger;
        t->chunk_count = count;
    }
    if (t->chunks[chunk] == NULL) {
        t->chunks[chunk] = rt_alloc_content(CHUNK_PAGES * sizeof(uint8_t *));
    }
    return t->chunks[chunk] != NULL ? 0 : -ENOSPC;
}

static void touch(struct tmpfs_node *t, uint64_t index)
{
    if (t->node.fs->sealed_ops != NULL) {
        sealed_touch(&t->node, &t->sealed, index);
    }
}

/* The page for writing; a hole gets one by alloc(). */
static int page_make(struct tmpfs_node *t, uint64_t index, void *alloc(void), uint8_t **ret)
{
    struct fs *fs = t->node.fs;
    uint8_t *page = page_at(t, index);
    if (page == NULL) {
        if (fs->block_used >= fs->block_limit) {
            return -ENOSPC;
        }
        int err = room_for_chunk(t, index / CHUNK_PAGES);
        if (err != 0) {
            return err;
        }
        page = alloc();
        if (page == NULL) {
            return -ENOSPC;
        }
        t->chunks[index / CHUNK_PAGES][index % CHUNK_PAGES] = page;
        fs_took_block(fs);
        t->node.blocks += 8;
    }
    touch(t, index);
    *ret = page;
    return 0;
}

/* Before pages [off, off+size) are looked at, or changed. */
static int collect(struct node *n, uint64_t off, uint64_t size, bool change)
{
    int r = 0;
    if (n->windowed) {
        uint64_t end =
            size > UINT64_MAX - off - 4095 ? UINT64_MAX / 4096 : (off + size + 4095) / 4096;
        r = os_windows_put_back(n, off / 4096, end, change);
    }
    return r;
}

void tmpfs_store_page(struct node *n, uint64_t index, const void *from)
{
    uint8_t *page = page_at(of(n), index);
    uint64_t start = index * 4096, left = n->size > start ? n->size - start : 0;
    size_t size = left < 4096 ? (size_t)left : 4096; /* behind the end of a file are zeros */
    size = n->remote ? 4096 : size;                  /* where its end is now, the owner knows */
    if (page != NULL && memcmp(page, from, size) != 0) {
        memcpy(page, from, size);
        touch(of(n), index);
        n->mtime = n->ctime = fs_now();
    }
}

uint8_t *tmpfs_page(struct node *n, uint64_t index, bool make)
{
    uint8_t *page = NULL;
    if (!make) {
        return page_at(of(n), index);
    }
    return page_make(of(n), index, page_alloc, &page) == 0 ? page : NULL;
}

uint8_t *tmpfs_page_to_fill(struct node *n, uint64_t index)
{
    uint8_t *page = NULL;
    return page_make(of(n), index, page_alloc_any, &page) == 0 ? page : NULL;
}

static void drop_page(struct tmpfs_node *t, uint64_t index)
{
    uint8_t *page = page_at(t, index);
    if (page != NULL) {
        page_free(page);
        t->chunks[index / CHUNK_PAGES][index % CHUNK_PAGES] = NULL;
        t->node.fs->block_used--;
        t->node.blocks -= 8;
        touch(t, index);
    }
}

/* Drops all pages from `index` on. */
static void drop_from(struct tmpfs_node *t, uint64_t index)
{
    for (uint64_t chunk = index / CHUNK_PAGES; chunk < t->chunk_count; chunk++) {
        if (t->chunks[chunk] == NULL) {
            continue;
        }
        uint64_t first = chunk * CHUNK_PAGES;
        for (uint64_t i = first > index ? first : index; i < first + CHUNK_PAGES; i++) {
            drop_page(t, i);
        }
        if (first >= index) {
            rt_free(t->chunks[chunk]);
            t->chunks[chunk] = NULL;
        }
    }
}

bool tmpfs_next_page(const struct node *n, uint64_t *index)
{
    const struct tmpfs_node *t = (const struct tmpfs_node *)(const void *)n;
    const uint64_t end = (uint64_t)t->chunk_count * CHUNK_PAGES;
    uint64_t i = *index;
    while (i < end && page_at(t, i) == NULL) {
        i = t->chunks[i / CHUNK_PAGES] == NULL ? (i / CHUNK_PAGES + 1) * CHUNK_PAGES : i + 1;
    }
    *index = i;
    return i < end;
}

void tmpfs_drop_page(struct node *n, uint64_t index)
{
    drop_page(of(n), index);
}

static void tmpfs_destroy(struct node *n)
{
    struct tmpfs_node *t = of(n);
    if (n->remote) {
        os_share_gone(n);
    }
    struct sealed_node *sealed = t->sealed;
    t->sealed = NULL;
    sealed_forget(n, sealed);
    drop_from(t, 0);
    rt_free(t->sealed); /* empty, if the pages' going made another */
    rt_free(t->chunks);
    rt_free(t->link);
    n->fs->node_count--;
    rt_free(t);
}

static int tmpfs_truncate(struct node *n, uint64_t size)
{
    struct tmpfs_node *t = of(n);
    if (size > n->fs->file_max) {
        return -EFBIG;
    }
    if ((size < n->size && (n->seals & F_SEAL_SHRINK) != 0) ||
        (size > n->size && (n->seals & F_SEAL_GROW) != 0)) {
        return -EPERM;
    }
    if (size < n->size) {
        int err = collect(n, size, n->size - size, true);
        if (err != 0) {
            return err;
        }
        drop_from(t, (size + 4095) / 4096);
        uint8_t *page = size % 4096 != 0 ? page_at(t, size / 4096) : NULL;
        if (page != NULL) {
            memset(page + size % 4096, 0, 4096 - size % 4096);
            touch(t, size / 4096);
        }
    }
    n->size = size;
    n->mtime = n->ctime = fs_now();
    return 0;
}

/* ---- reading and writing
 * ------------------------------------------------------------------------- */

static int64_t tmpfs_read(struct file *f, struct iter *to, uint64_t *pos)
{
    struct node *n = f->node;
    if (*pos >= n->size) {
        return 0;
    }
    uint64_t want = to->left < n->size - *pos ? to->left : n->size - *pos;
    uint64_t done = 0;
    int missing = collect(n, *pos, want, false);
    if (missing != 0) {
        return missing;
    }
    while (done < want) {
        uint64_t at = *pos + done;
        uint64_t some = 4096 - at % 4096;
        some = some < want - done ? some : want - done;
        const uint8_t *page = page_at(of(n), at / 4096);
        const uint64_t left = to->left;
        int err = page != NULL ? iter_put(to, page + at % 4096, (size_t)some)
                               : iter_put_zeros(to, (size_t)some);
        done += left - to->left;
        if (err != 0) {
            if (done == 0) {
                return err;
            }
            break;
        }
    }
    *pos += done;
    return (int64_t)done;
}

static int64_t tmpfs_write(struct file *f, struct iter *from, uint64_t *pos)
{
    struct node *n = f->node;
    uint64_t want = from->left;
    if ((n->seals & SEALED_CONTENT) != 0) {
        return -EPERM;
    }
    if (*pos >= n->fs->file_max) {
        return want > 0 ? -EFBIG : 0;
    }
    want = want < n->fs->file_max - *pos ? want : n->fs->file_max - *pos;
    uint64_t done = 0;
    int err = n->away != 0 ? collect(n, *pos, want, true) : 0;
    if (err != 0) {
        return err;
    }
    while (done < want && err == 0) {
        uint64_t at = *pos + done;
        uint64_t some = 4096 - at % 4096;
        some = some < want - done ? some : want - done;
        uint8_t *page;
        bool grows = (n->seals & F_SEAL_GROW) != 0 && at + some > n->size;
        err = grows ? -EPERM : page_make(of(n), at / 4096, page_alloc, &page);
        const uint64_t left = from->left;
        if (err == 0 && !n->windowed) {
            err = iter_get(from, page + at % 4096, (size_t)some);
            done += left - from->left;
        } else if (err == 0) { /* what is written may lie in a mapping of this very page */
            static uint8_t bounce[4096];
            err = iter_get(from, bounce, (size_t)some);
            const uint64_t got = left - from->left;
            const int kept = got > 0 ? collect(n, at, got, true) : 0;
            memcpy(page + at % 4096, bounce, kept == 0 ? (size_t)got : 0);
            done += kept == 0 ? got : 0;
            err = err != 0 ? err : kept;
        }
    }
    if (done > 0) {
        *pos += done;
        n->size = *pos > n->size ? *pos : n->size;
        n->mtime = n->ctime = fs_now();
        return (int64_t)done;
    }
    return err;
}

static int tmpfs_allocate(struct file *f, int mode, uint64_t off, uint64_t size)
{
    struct tmpfs_node *t = of(f->node);
    uint64_t end;
    if (!add_ok(off, size, &end) || end > f->node->fs->file_max) {
        return -EFBIG;
    }
    if (mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)) {
        if ((f->node->seals & SEALED_CONTENT) != 0) {
            return -EPERM;
        }
        int err = collect(f->node, off, size, true);
        if (err != 0) {
            return err;
        }
        for (uint64_t at = off; at < end && at < f->node->size;) {
            uint64_t some = 4096 - at % 4096;
            some = some < end - at ? some : end - at;
            uint8_t *page = page_at(t, at / 4096);
            if (some == 4096) {
                drop_page(t, at / 4096);
            } else if (page != NULL) {
                memset(page + at % 4096, 0, (size_t)some);
                touch(t, at / 4096);
            }
            at += some;
        }
        return 0;
    }
    if ((mode & ~FALLOC_FL_KEEP_SIZE) != 0) {
        return -EOPNOTSUPP;
    }
    if ((f->node->seals & F_SEAL_GROW) != 0 && end > f->node->size) {
        return -EPERM;
    }
    if ((end - off) / 4096 > t->node.fs->block_limit) {
        return -ENOSPC;
    }
    for (uint64_t i = off / 4096; i < (end + 4095) / 4096; i++) {
        uint8_t *page;
        int err = page_make(t, i, page_alloc, &page);
        if (err != 0) {
            return err;
        }
    }
    if (mode == 0 && end > f->node->size) {
        f->node->size = end;
    }
    f->node->mtime = f->node->ctime = fs_now();
    return 0;
}

uint64_t tmpfs_seek(struct node *n, uint64_t off, bool data)
{
    uint64_t end = (n->size + 4095) / 4096;
    for (uint64_t i = off / 4096; i < end; i++) {
        if ((page_at(of(n), i) != NULL) == data) {
            return i * 4096 > off ? i * 4096 : off;
        }
    }
    return n->size;
}

int tmpfs_pread(struct node *n, uint64_t off, void *to, size_t size)
{
    REQUIRE(range_within(off, size, n->size));
    uint8_t *out = to;
    int missing = collect(n, off, size, false);
    if (missing != 0) {
        return missing;
    }
    while (size > 0) {
        size_t some = (size_t)(4096 - off % 4096);
        some = some < size ? some : size;
        const uint8_t *page = page_at(of(n), off / 4096);
        if (page != NULL) {
            memcpy(out, page + off % 4096, some);
        } else {
            memset(out, 0, some);
        }
        out += some;
        off += some;
        size -= some;
    }
    return 0;
}

int tmpfs_read_into_app(struct node *n, app_ptr dst, uint64_t size, uint64_t off)
{
    uint64_t have = off < n->size ? n->size - off : 0;
    have = have < size ? have : size;
    int missing = collect(n, off, have, false);
    if (missing != 0) {
        return missing;
    }
    for (uint64_t done = 0; done < have;) {
        uint64_t at = off + done;
        uint64_t some = 4096 - at % 4096;
        some = some < have - done ? some : have - done;
        const uint8_t *page = page_at(of(n), at / 4096);
        int err = page != NULL ? copy_to_app(app_add(dst, done), page + at % 4096, (size_t)some)
                               : zero_app(app_add(dst, done), (size_t)some);
        if (err != 0) {
            return err;
        }
        done += some;
    }
    return have < size ? zero_app(app_add(dst, have), (size_t)(size - have)) : 0;
}

int tmpfs_append_page(struct node *n, void *take_page, size_t used)
{
    struct tmpfs_node *t = of(n);
    uint64_t index = n->size / 4096;
    REQUIRE(n->size % 4096 == 0 && used <= 4096 && page_at(t, index) == NULL);
    int err = room_for_chunk(t, index / CHUNK_PAGES);
    if (err != 0) {
        return err;
    }
    t->chunks[index / CHUNK_PAGES][index % CHUNK_PAGES] = take_page;
    fs_took_block(n->fs);
    n->blocks += 8;
    n->size += used;
    return 0;
}

static const struct file_ops tmpfs_regular = {
    .seekable = true, .read = tmpfs_read, .write = tmpfs_write, .allocate = tmpfs_allocate};
static const struct file_ops tmpfs_directory = {.seekable = true};
static const struct node_ops tmpfs_dir_ops = {.destroy = tmpfs_destroy,
                                              .file_ops = &tmpfs_directory};
static const struct node_ops tmpfs_file_ops = {
    .truncate = tmpfs_truncate, .destroy = tmpfs_destroy, .file_ops = &tmpfs_regular};
static const struct node_ops tmpfs_link_ops = {
    .readlink = tmpfs_readlink, .destroy = tmpfs_destroy, .file_ops = &tmpfs_regular};

static int tmpfs_fifo_open(struct file *f)
{
    f->ops = fifo_ops();
    return fifo_open(f);
}

static const struct node_ops tmpfs_fifo_ops = {
    .open = tmpfs_fifo_open, .destroy = tmpfs_destroy, .file_ops = &tmpfs_regular};
