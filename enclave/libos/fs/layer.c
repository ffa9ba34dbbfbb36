/* SPDX-License-Identifier: Apache-2.0 */
/* Layers: EROFS images stacked read-only into one tree. A directory that several layers have shows
 * the union; of files the upper layer's wins. Nothing here changes during a run, so what was read
 * once is kept in nodes.
 *
 * The adversary owns the images' bytes: all of them come through verity.c. */
#include "abi/sites.h"
#include "block_cache.h"
#include "erofs.h"
#include "verity_range.h"
#include "vfs.h"

#define SITES_SIZE_MAX (64u << 20) /* a million sites of 48 bytes; libc has 600 */

struct layer {
    struct verity verity;
    struct erofs erofs;
    struct fs fs;
};

static struct layer *layers;
static size_t layer_count;
static struct fs synthetic_fs; /* directories that no layer has */

struct layer_part {
    uint32_t layer;
    struct erofs_node node;
};

struct layer_node {
    struct node node;
    char *link; /* text of a symbolic link, once read */
    size_t part_count;
    struct layer_part parts[]; /* directories: top layer first; else one */
};

static const struct node_ops layer_dir_ops, layer_file_ops, layer_link_ops;

static struct layer_node *of(struct node *n)
{
    return (struct layer_node *)(void *)n;
}

bool layer_node_is(const struct node *n)
{
    return n->ops == &layer_dir_ops || n->ops == &layer_file_ops || n->ops == &layer_link_ops;
}

static const uint8_t *get_block(void *context, uint64_t block)
{
    struct layer *l = context;
    return block_get(&l->verity, block);
}

/* Images are made without times, so that equal files make equal images. But zip files cannot tell
 * of years before 1980, wherever on Earth: programs that pack what is installed would fail, so no
 * time reads as this one, 1980-01-02. */
#define NO_TIME INT64_C(315619200)

static struct fs_time time_of(const struct erofs_node *e)
{
    return (struct fs_time){e->mtime != 0 ? (int64_t)e->mtime : NO_TIME, e->mtime_nsec};
}

static struct layer_node *node_of_parts(const struct layer_part *parts, size_t count)
{
    struct layer_node *n = rt_alloc(sizeof *n + count * sizeof n->parts[0]);
    if (n == NULL) {
        return NULL;
    }
    n->part_count = count;
    memcpy(n->parts, parts, count * sizeof n->parts[0]);
    const struct erofs_node *e = &parts[0].node;
    struct node *v = &n->node;
    v->refs = 1;
    v->fs = &layers[parts[0].layer].fs;
    v->mode = e->mode;
    v->uid = e->uid;
    v->gid = e->gid;
    v->nlink = e->nlink;
    v->ino = e->nid;
    v->size = e->size;
    v->blocks = erofs_block_count(e) * (EROFS_BLOCK_SIZE / 512);
    v->mtime = time_of(e);
    v->atime = v->ctime = v->mtime;
    v->ops = node_is(v, S_IFDIR)   ? &layer_dir_ops
             : node_is(v, S_IFLNK) ? &layer_link_ops
                                   : &layer_file_ops;
    return n;
}

struct node *layer_synthetic_dir(void)
{
    struct layer_node *n = rt_alloc(sizeof *n);
    if (n == NULL) {
        return NULL;
    }
    if (synthetic_fs.minor == 0) {
        synthetic_fs = (struct fs){.magic = EROFS_SUPER_MAGIC_V1,
                                   .minor = fs_new_minor(),
                                   .read_only = true,
                                   .type = "erofs"};
    }
    n->node = (struct node){.ops = &layer_dir_ops,
                            .fs = &synthetic_fs,
                            .refs = 1,
                            .mode = S_IFDIR | 0755,
                            .nlink = 2,
                            .ino = ++synthetic_fs.next_ino,
                            .size = 4096,
                            .atime = {.sec = NO_TIME},
                            .mtime = {.sec = NO_TIME},
                            .ctime = {.sec = NO_TIME}};
    return &n->node;
}

bool layer_node_is_synthetic(const struct node *n)
{
    return n->fs == &synthetic_fs;
}

static void layer_destroy(struct node *node)
{
    rt_free(of(node)->link);
    rt_free(node);
}

/* An image that verified and still does not parse was built broken: an error, not an attack. */
static int name_in_part(const struct layer_part *dir, struct bytes name, struct layer_part *ret)
{
    const struct erofs *e = &layers[dir->layer].erofs;
    uint64_t nid;
    int err = erofs_lookup(e, &dir->node, name, &nid);
    if (err != 0) {
        return err;
    }
    ret->layer = dir->layer;
    return erofs_node(e, nid, &ret->node);
}

static int layer_lookup(struct node *node, struct bytes name, struct node **ret)
{
    struct layer_node *dir = of(node);
    struct layer_part parts[MANIFEST_LAYERS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < dir->part_count; i++) {
        int err = name_in_part(&dir->parts[i], name, &parts[count]);
        if (err == -ENOENT) {
            continue;
        }
        if (err != 0) {
            return err;
        }
        bool is_dir = (parts[count].node.mode & S_IFMT) == S_IFDIR;
        if (count > 0 && !is_dir) {
            break; /* a file below a directory is hidden, and all below it */
        }
        count++;
        if (!is_dir) {
            break;
        }
    }
    if (count == 0) {
        return -ENOENT;
    }
    struct layer_node *n = node_of_parts(parts, count);
    if (n == NULL) {
        return -ENOMEM;
    }
    *ret = &n->node;
    return 0;
}

static unsigned dt_of_erofs(uint8_t type)
{
    switch (type) {
    case 1:
        return DT_REG;
    case 2:
        return DT_DIR;
    case 7:
        return DT_LNK;
    default:
        return DT_UNKNOWN;
    }
}

static bool in_upper(const struct layer_node *dir, size_t part, struct bytes name, int *ret_err)
{
    for (size_t i = 0; i < part; i++) {
        uint64_t nid;
        int err = erofs_lookup(&layers[dir->parts[i].layer].erofs, &dir->parts[i].node, name, &nid);
        if (err == 0) {
            return true;
        }
        if (err != -ENOENT) {
            *ret_err = err;
        }
    }
    return false;
}

static int layer_list(struct node *node, struct listing *l)
{
    struct layer_node *dir = of(node);
    for (size_t i = 0; i < dir->part_count; i++) {
        struct erofs_scan scan = {0};
        struct erofs_entry e;
        const struct layer_part *part = &dir->parts[i];
        int r;
        while ((r = erofs_next(&layers[part->layer].erofs, &part->node, &scan, &e)) > 0) {
            struct bytes name = BYTES(e.name, e.name_size);
            int err = 0;
            if (bytes_equal_str(name, ".") || bytes_equal_str(name, "..") ||
                in_upper(dir, i, name, &err)) {
                continue;
            }
            if (err == 0) {
                err = listing_add(l, name, e.nid, dt_of_erofs(e.type));
            }
            if (err != 0) {
                return err;
            }
        }
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static bool has_nul(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] == 0) {
            return true;
        }
    }
    return false;
}

static int layer_readlink(struct node *node, struct bytes *ret)
{
    struct layer_node *n = of(node);
    size_t size = (size_t)n->parts[0].node.size; /* below PATH_MAX: erofs.c */
    if (n->link == NULL) {
        char *text = rt_alloc(size + 1);
        if (text == NULL) {
            return -ENOMEM;
        }
        int err = erofs_pread(&layers[n->parts[0].layer].erofs, &n->parts[0].node, 0, text, size);
        if (err == 0 && has_nul(text, size)) {
            err = -EUCLEAN;
        }
        if (err != 0) {
            rt_free(text);
            return err;
        }
        n->link = text;
    }
    *ret = BYTES(n->link, size);
    return 0;
}

/* ---- reading files --------------------------------------------------------------------------- */

#define READ_AHEAD_FIRST 8u

/* How many blocks from `index` on to have verified, for a read of `want` blocks. Read-ahead grows
 * while reads follow each other: the hash of 16 blocks costs little more than that of four. */
static size_t window(struct file *f, const struct erofs_node *e, uint64_t index, uint64_t off,
                     uint64_t want)
{
    uint64_t n = want;
    if (f != NULL) {
        if (off == f->sequential && off > 0) {
            f->read_ahead = f->read_ahead == 0             ? READ_AHEAD_FIRST
                            : f->read_ahead < VERITY_BATCH ? f->read_ahead * 2
                                                           : VERITY_BATCH;
            n = n > f->read_ahead ? n : f->read_ahead;
        } else if (off != f->sequential) {
            f->read_ahead = 0;
        }
    }
    uint64_t whole =
        e->size / EROFS_BLOCK_SIZE + (e->inline_tail ? 0 : e->size % EROFS_BLOCK_SIZE != 0);
    if (n > VERITY_BATCH) {
        n = VERITY_BATCH;
    }
    return (size_t)(n < whole - index ? n : whole - index);
}

/* Views of up to max blocks of a file from block `index`. A tail comes alone. */
static int file_blocks(struct layer_part *p, struct file *f, uint64_t off, uint64_t want,
                       struct bytes views[VERITY_BATCH], size_t *ret_count)
{
    uint64_t index = off / EROFS_BLOCK_SIZE;
    uint64_t block;
    uint32_t offset, size;
    struct verity *v = &layers[p->layer].verity;
    erofs_map(&p->node, index, &block, &offset, &size);
    if (p->node.inline_tail && index + 1 == erofs_block_count(&p->node)) {
        const uint8_t *data = block_get(v, block);
        if (data == NULL) {
            return -EIO;
        }
        views[0] = BYTES(data + offset, size);
        *ret_count = 1;
        return 0;
    }
    const uint8_t *data[VERITY_BATCH];
    size_t n = window(f, &p->node, index, off, want);
    int err = block_get_run(v, block, n, data);
    if (err != 0) {
        return err;
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t left = p->node.size - (index + i) * EROFS_BLOCK_SIZE;
        views[i] = BYTES(data[i], left < EROFS_BLOCK_SIZE ? (size_t)left : EROFS_BLOCK_SIZE);
    }
    *ret_count = n;
    return 0;
}

static int64_t read_part(struct layer_part *p, struct file *f, struct iter *to, uint64_t off)
{
    uint64_t size = p->node.size;
    if (off >= size) {
        return 0;
    }
    uint64_t n = to->left < size - off ? to->left : size - off;
    uint64_t done = 0;
    while (done < n) {
        struct bytes views[VERITY_BATCH];
        size_t count = 0;
        uint64_t at = off + done;
        uint64_t last = (off + n - 1) / EROFS_BLOCK_SIZE;
        int err = file_blocks(p, f, at, last - at / EROFS_BLOCK_SIZE + 1, views, &count);
        if (err == 0 && f != NULL) {
            f->sequential = off + n;
        }
        for (size_t i = 0; i < count && err == 0 && done < n; i++) {
            size_t skip = (size_t)((off + done) % EROFS_BLOCK_SIZE);
            const uint8_t *from = views[i].data + skip;
            size_t some = views[i].size - skip;
            while (i + 1 < count && views[i + 1].data == from + some) { /* one copy */
                some += views[++i].size;
            }
            some = some < n - done ? some : (size_t)(n - done);
            err = iter_put(to, from, some);
            done += err == 0 ? some : 0;
        }
        if (err != 0) {
            return done > 0 ? (int64_t)done : err;
        }
    }
    return (int64_t)done;
}

static int64_t layer_read(struct file *f, struct iter *to, uint64_t *pos)
{
    int64_t n = read_part(&of(f->node)->parts[0], f, to, *pos);
    if (n > 0) {
        *pos += (uint64_t)n;
    }
    return n;
}

/* Blocks [index, index + count) of the file, none of them a tail, to dst and verified there. */
static int many_into_app(struct layer *l, const struct erofs_node *e, uint64_t index, size_t count,
                         app_ptr dst)
{
    uint64_t bad = 0;
    int err = verity_read_range(&l->verity, e->first_block + index, count,
                                app_raw(dst, (uint64_t)count * EROFS_BLOCK_SIZE), &bad);
    if (err == -EBADMSG) {
        verity_refuse(&l->verity, bad);
    }
    return err;
}

/* The same for up to VERITY_BATCH. Blocks that are in the cache already come from it. */
static int blocks_into_app(struct layer *l, const struct erofs_node *e, uint64_t index,
                           size_t count, app_ptr dst)
{
    uint8_t *raw = app_raw(dst, (uint64_t)count * EROFS_BLOCK_SIZE);
    uint64_t blocks[VERITY_BATCH];
    uint8_t *to[VERITY_BATCH];
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t block = e->first_block + index + i;
        uint8_t *place = raw + i * EROFS_BLOCK_SIZE;
        const uint8_t *cached = block_peek(&l->verity, block);
        if (cached != NULL) {
            memcpy(place, cached, EROFS_BLOCK_SIZE);
        } else {
            blocks[n] = block;
            to[n++] = place;
        }
    }
    uint64_t bad = 0;
    int err = n > 0 ? verity_read(&l->verity, blocks, n, to, &bad) : 0;
    if (err == -EBADMSG) {
        verity_refuse(&l->verity, bad);
    }
    return err;
}

int layer_read_into_app(struct node *node, app_ptr dst, uint64_t size, uint64_t off)
{
    struct layer_part *p = &of(node)->parts[0];
    const struct erofs_node *e = &p->node;
    uint64_t n = off < e->size ? e->size - off : 0;
    n = n < size ? n : size;
    uint64_t whole_end = e->inline_tail ? align_down(e->size, EROFS_BLOCK_SIZE) : e->size;
    uint64_t done = 0;
    /* The image's last block of a flat file may be longer than the file: it is copied only where
     * a whole page of room is, and what lies beyond the end of the file is cleared below. */
    while (done < n && off + done < whole_end && size - done >= EROFS_BLOCK_SIZE) {
        uint64_t index = (off + done) / EROFS_BLOCK_SIZE;
        uint64_t end = (off + n < whole_end ? off + n : whole_end) + EROFS_BLOCK_SIZE - 1;
        uint64_t count = end / EROFS_BLOCK_SIZE - index;
        uint64_t room = (size - done) / EROFS_BLOCK_SIZE;
        count = count < room ? count : room;
        int err;
        if (count > VERITY_BATCH) {
            err = many_into_app(&layers[p->layer], e, index, (size_t)count, app_add(dst, done));
        } else {
            err = blocks_into_app(&layers[p->layer], e, index, (size_t)count, app_add(dst, done));
        }
        if (err != 0) {
            return err;
        }
        done += count * EROFS_BLOCK_SIZE;
    }
    if (done < n) { /* an inline tail, or the last bytes of a mapping that is no whole page */
        struct iter_piece piece = {app_add(dst, done), n - done};
        struct iter to = {.pieces = &piece, .piece_count = 1, .left = n - done};
        int64_t r = read_part(p, NULL, &to, off + done);
        if (r != (int64_t)(n - done)) {
            return r < 0 ? (int)r : -EIO;
        }
    }
    return n < size ? zero_app(app_add(dst, n), (size_t)(size - n)) : 0;
}

/* ---- rewriting tables ------------------------------------------------------------------------ */

/* Finds a path of the layer's own tree, no links followed: the builder wrote it so. */
static int find_in_layer(const struct erofs *e, const char *path, struct erofs_node *ret)
{
    struct erofs_node n;
    int err = erofs_node(e, e->root, &n);
    while (err == 0) {
        while (*path == '/') {
            path++;
        }
        if (*path == 0) {
            *ret = n;
            return 0;
        }
        size_t size = 0;
        while (path[size] != 0 && path[size] != '/') {
            size++;
        }
        uint64_t nid = 0;
        err = (n.mode & S_IFMT) != S_IFDIR ? -ENOENT : erofs_lookup(e, &n, BYTES(path, size), &nid);
        if (err == 0) {
            err = erofs_node(e, nid, &n);
        }
        path += size;
    }
    return err;
}

int layer_sites(struct dentry *d, void **ret_data, size_t *ret_size)
{
    char path[sizeof SITES_DIR + FS_PATH_MAX];
    memcpy(path, SITES_DIR, sizeof SITES_DIR - 1);
    size_t n = dentry_path(d, path + sizeof SITES_DIR - 1, FS_PATH_MAX);
    if (n + 1 >= FS_PATH_MAX || !node_is(d->node, S_IFREG)) {
        return -ENOENT;
    }
    struct layer_node *file = of(d->node);
    struct erofs_node table;
    const struct erofs *e = &layers[file->parts[0].layer].erofs;
    int err = find_in_layer(e, path, &table);
    if (err != 0) {
        return err;
    }
    if ((table.mode & S_IFMT) != S_IFREG || table.size < sizeof(struct sites_header) ||
        table.size > SITES_SIZE_MAX) {
        return -EUCLEAN;
    }
    void *data = rt_alloc((size_t)table.size);
    if (data == NULL) {
        return -ENOMEM;
    }
    struct layer_part part = {.layer = file->parts[0].layer, .node = table};
    struct iter to = iter_trusted(data, (size_t)table.size);
    int64_t got = read_part(&part, NULL, &to, 0);
    if (got != (int64_t)table.size) {
        rt_free(data);
        return got < 0 ? (int)got : -EIO;
    }
    *ret_data = data;
    *ret_size = (size_t)table.size;
    return 0;
}

/* ---- start
 * --------------------------------------------------------------------------------------- */

static int layer_start(size_t i, const struct manifest_layer *m, struct diag *d)
{
    struct layer *l = &layers[i];
    int err = verity_init(&l->verity, (unsigned)i, m->name, m->size, m->root, m->salt,
                          rt_layer_span(i), d);
    if (err == 0) {
        struct block_source source = {get_block, l, l->verity.layout.data_blocks};
        err = erofs_open(&l->erofs, source);
        if (err != 0) {
            diag_fail(d, err, "its file system is not one that this release reads");
        }
    }
    if (err != 0) {
        diag_prefix(d, "layer %zu (%.*s)", i, (int)m->name.size, (const char *)m->name.data);
        return err;
    }
    l->fs = (struct fs){.magic = EROFS_SUPER_MAGIC_V1,
                        .minor = fs_new_minor(),
                        .read_only = true,
                        .type = "erofs",
                        .block_limit = l->verity.layout.data_blocks,
                        .block_used = l->verity.layout.data_blocks,
                        .node_count = l->erofs.inode_count,
                        .node_limit = l->erofs.inode_count};
    return 0;
}

int layers_start(const struct manifest *m, struct node **ret_root, struct diag *d)
{
    layers = rt_alloc((m->layer_count + 1) * sizeof *layers);
    if (layers == NULL) {
        return diag_fail(d, -ENOMEM, "no memory for layers");
    }
    layer_count = m->layer_count;
    struct layer_part parts[MANIFEST_LAYERS_MAX];
    for (size_t i = 0; i < layer_count; i++) {
        int err = layer_start(i, &m->layers[i], d);
        if (err != 0) {
            return err;
        }
        struct layer_part *top = &parts[layer_count - 1 - i];
        top->layer = (uint32_t)i;
        err = erofs_node(&layers[i].erofs, layers[i].erofs.root, &top->node);
        if (err != 0) {
            return diag_fail(d, err, "layer %zu has no root directory", i);
        }
    }
    struct node *root = NULL;
    if (layer_count == 0) {
        root = layer_synthetic_dir();
    } else {
        struct layer_node *n = node_of_parts(parts, layer_count);
        root = n != NULL ? &n->node : NULL;
    }
    if (root == NULL) {
        return diag_fail(d, -ENOMEM, "no memory for layers");
    }
    *ret_root = root;
    return 0;
}

static const struct file_ops layer_regular = {.seekable = true, .read = layer_read};
static const struct file_ops layer_directory = {.seekable = true};
static const struct node_ops layer_dir_ops = {.lookup = layer_lookup,
                                              .list = layer_list,
                                              .destroy = layer_destroy,
                                              .file_ops = &layer_directory};
static const struct node_ops layer_file_ops = {.destroy = layer_destroy,
                                               .file_ops = &layer_regular};
static const struct node_ops layer_link_ops = {
    .readlink = layer_readlink, .destroy = layer_destroy, .file_ops = &layer_regular};

uint64_t layers_verified_bytes(void)
{
    uint64_t blocks = 0;
    for (size_t i = 0; i < layer_count; i++) {
        blocks += layers[i].verity.blocks_hashed;
    }
    return blocks * VERITY_BLOCK;
}
