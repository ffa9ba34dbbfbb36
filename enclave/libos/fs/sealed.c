/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed mounts: a tmpfs whose content is read from a volume when it is opened and written back to
 * it when the program says fsync, sync or close, and at its end. Between, nothing of it leaves the
 * enclave: names, sizes and bytes are all in the sealed blocks. The price is memory: a volume's
 * content is in the enclave while it is mounted, so its size bounds both.
 *
 * Adversary: the host, through the volume's file alone; see volume.h. The program chooses what is
 * in it, and its key with key: program. */
#include "sealed.h"

#include "catalogue.h"
#include "volume.h"

struct sealed_node {
    struct volume_tree tree;
    uint64_t written; /* commit in which this node was last put into the catalogue */
    uint32_t index;   /* its number there */
};

struct sealed {
    struct fs *fs;
    struct dentry *root; /* reference */
    struct volume volume;
    struct volume_minimum minimum;
    bool open, loading;
    uint64_t commits;
    uint8_t *catalogue; /* as last committed, in whole blocks */
    size_t catalogue_size;
    struct diag why; /* the last refusal, for the status file */
};

static struct sealed *mounts[MANIFEST_MOUNTS_MAX];
static size_t mount_count;

static struct sealed *of_fs(const struct fs *fs)
{
    for (size_t i = 0; i < mount_count; i++) {
        if (mounts[i]->fs == fs) {
            return mounts[i];
        }
    }
    return NULL;
}

/* ---- what tmpfs tells ------------------------------------------------------------------------ */

static struct sealed_node *sealed_node_of(struct node *n)
{
    struct sealed_node **at = tmpfs_sealed(n);
    if (*at == NULL) {
        *at = rt_alloc(sizeof **at);
        if (*at != NULL) {
            (*at)->tree.all_dirty = true;
        }
    }
    return *at;
}

void sealed_touch(struct node *n, struct sealed_node **s, uint64_t page)
{
    (void)s;
    struct sealed *m = of_fs(n->fs);
    if (m != NULL && m->open && !m->loading) {
        struct sealed_node *sn = sealed_node_of(n);
        if (sn != NULL) { /* without one, the node's first commit writes all of it */
            volume_tree_touch(&sn->tree, page);
        }
    }
}

void sealed_forget(struct node *n, struct sealed_node *s)
{
    struct sealed *m = of_fs(n->fs);
    if (s != NULL) {
        REQUIRE(m != NULL);
        volume_tree_drop(&m->volume, &s->tree);
        rt_free(s);
    }
}

/* ---- writing the catalogue ------------------------------------------------------------------- */

struct growing {
    uint8_t *data;
    size_t size, room;
};

/* Room for n more bytes; what is behind them up to the whole block is zeros. */
static int make_room(struct growing *g, size_t n)
{
    size_t need = (g->size + n + VOLUME_BLOCK - 1) / VOLUME_BLOCK * VOLUME_BLOCK;
    if (need > g->room) {
        size_t room = need > 2 * g->room ? need : 2 * g->room;
        uint8_t *bigger = rt_realloc(g->data, room);
        if (bigger == NULL) {
            return -ENOMEM;
        }
        memset(bigger + g->room, 0, room - g->room);
        g->data = bigger;
        g->room = room;
    }
    return 0;
}

static const uint8_t *content_of(void *context, uint64_t page)
{
    return tmpfs_page(context, page, false);
}

static uint64_t pages_of(uint64_t size)
{
    return size / VOLUME_BLOCK + (size % VOLUME_BLOCK != 0);
}

static struct catalogue_time stored(struct fs_time t)
{
    return (struct catalogue_time){t.sec, t.nsec};
}

static struct fs_time loaded(struct catalogue_time t)
{
    return (struct fs_time){t.sec, t.nsec};
}

/* Writes the node's content and its record, unless another name brought it already. */
static int put_node(struct sealed *m, struct growing *g, struct node *n, uint32_t *count)
{
    struct sealed_node *s = sealed_node_of(n);
    if (s == NULL) {
        return -ENOMEM;
    }
    if (s->written == m->commits) {
        return 0;
    }
    struct catalogue_node c = {
        .mode = n->mode,
        .uid = n->uid,
        .gid = n->gid,
        .ino = n->ino,
        .size = node_is(n, S_IFDIR) ? 0 : n->size,
        .atime = stored(n->atime),
        .mtime = stored(n->mtime),
        .ctime = stored(n->ctime),
    };
    int err = 0;
    if (node_is(n, S_IFREG)) {
        err = volume_tree_write(&m->volume, &s->tree, pages_of(n->size), content_of, n);
        c.root = volume_tree_root(&s->tree);
    } else if (node_is(n, S_IFLNK)) {
        err = n->ops->readlink(n, &c.link);
    }
    err = err != 0 ? err : make_room(g, CATALOGUE_NODE_SIZE + c.link.size);
    if (err == 0) {
        struct writer w = writer_of(g->data + g->size, g->room - g->size);
        catalogue_put_node(&w, &c);
        REQUIRE(!w.failed && w.size == CATALOGUE_NODE_SIZE + c.link.size);
        g->size += w.size;
        s->written = m->commits;
        s->index = (*count)++;
    }
    return err;
}

static int put_name(struct growing *g, const struct dentry *d)
{
    int err = make_room(g, CATALOGUE_NAME_SIZE + d->name_size);
    if (err == 0) {
        struct catalogue_name c = {(*tmpfs_sealed(d->parent->node))->index,
                                   (*tmpfs_sealed(d->node))->index, BYTES(d->name, d->name_size)};
        struct writer w = writer_of(g->data + g->size, g->room - g->size);
        catalogue_put_name(&w, &c);
        REQUIRE(!w.failed);
        g->size += w.size;
    }
    return err;
}

/* The next name of this file system, parents first. Other mounts below it are not part of it. */
static struct dentry *next_name(const struct sealed *m, struct dentry *d)
{
    struct dentry *n = d->node->fs == m->fs ? d->child : NULL;
    while (n == NULL && d != m->root) {
        n = d->next;
        d = n == NULL ? d->parent : d;
    }
    while (n != NULL && n->node->fs != m->fs) {
        n = next_name(m, n);
    }
    return n;
}

static int write_all(struct sealed *m, struct growing *g)
{
    uint32_t count = 0;
    m->commits++;
    int err = put_node(m, g, m->root->node, &count);
    for (struct dentry *d = next_name(m, m->root); d != NULL && err == 0; d = next_name(m, d)) {
        err = put_node(m, g, d->node, &count);
        err = err != 0 ? err : put_name(g, d);
    }
    return err;
}

static int commit(struct sealed *m)
{
    struct growing g = {.data = NULL};
    if (!m->open || m->fs->read_only) {
        return m->open ? -EIO : 0;
    }
    os_windows_sync(m->fs);
    int err = write_all(m, &g);
    err =
        err != 0 ? err : volume_commit(&m->volume, g.data, g.size, m->catalogue, m->catalogue_size);
    if (err != 0) { /* as Linux does with errors=remount-ro; what was acknowledged is there */
        m->fs->read_only = true;
        m->volume.failed = true;
        rt_free(g.data);
        ignore_result(diag_fail(&m->why, err,
                                "volume %.*s: state %llu could not be written (%d); it "
                                "stays at state %llu and is read-only from here on",
                                (int)m->volume.name.size, (const char *)m->volume.name.data,
                                (unsigned long long)m->volume.sequence + 1, -err,
                                (unsigned long long)m->volume.sequence),
                      "for the status file");
        return -EIO;
    }
    rt_free(m->catalogue);
    m->catalogue = g.data;
    m->catalogue_size = g.size;
    return 0;
}

int sealed_commit(struct fs *fs)
{
    struct sealed *m = of_fs(fs);
    return m != NULL ? commit(m) : 0;
}

int sealed_commit_all(struct diag *d)
{
    int err = 0;
    for (size_t i = 0; i < mount_count; i++) {
        int r = commit(mounts[i]);
        if (r != 0 && err == 0) {
            err = r;
            *d = mounts[i]->why;
        }
    }
    return err;
}

/* ---- reading it ------------------------------------------------------------------------------ */

struct loader {
    struct sealed *m;
    struct diag *d;
    struct node **nodes;      /* by number; references */
    struct dentry **dentries; /* of directories, once named; references */
    uint32_t count, room;
};

static int bad(const struct loader *l, const char *why)
{
    return diag_fail(l->d, -EBADMSG, "volume %.*s: its catalogue %s", (int)l->m->volume.name.size,
                     (const char *)l->m->volume.name.data, why);
}

static int room_for_node(struct loader *l)
{
    if (l->count < l->room) {
        return 0;
    }
    uint32_t room = l->room == 0 ? 256 : l->room * 2;
    struct node **nodes = rt_realloc(l->nodes, room * sizeof(void *));
    if (nodes == NULL) {
        return -ENOMEM;
    }
    l->nodes = nodes;
    struct dentry **dentries = rt_realloc(l->dentries, room * sizeof(void *));
    if (dentries == NULL) {
        return -ENOMEM;
    }
    l->dentries = dentries;
    l->room = room;
    return 0;
}

/* Filled by decryption before the volume is open, or given back when that fails. */
static uint8_t *page_for(void *context, uint64_t page)
{
    return tmpfs_page_to_fill(context, page);
}

static void set_node(struct loader *l, struct node *n, const struct catalogue_node *c)
{
    struct fs *fs = l->m->fs;
    n->mode = c->mode;
    n->uid = c->uid;
    n->gid = c->gid;
    n->ino = c->ino;
    n->atime = loaded(c->atime);
    n->mtime = loaded(c->mtime);
    n->ctime = loaded(c->ctime);
    n->nlink = node_is(n, S_IFDIR) ? 2 : 0;
    fs->next_ino = c->ino > fs->next_ino ? c->ino : fs->next_ino;
}

static int load_node(struct loader *l, const struct catalogue_node *c)
{
    int err = room_for_node(l);
    if (err != 0) {
        return err;
    }
    bool is_root = l->count == 0;
    if (is_root && (c->mode & S_IFMT) != S_IFDIR) {
        return bad(l, "does not begin with a directory");
    }
    if (c->size > l->m->fs->file_max) {
        return bad(l, "has a file larger than the mount");
    }
    struct node *n = is_root ? node_ref(l->m->root->node) : tmpfs_new_node(l->m->fs, c->mode);
    if (n == NULL) {
        return diag_fail(l->d, -ENOSPC, "more files than the mount has room for");
    }
    l->nodes[l->count] = n;
    l->dentries[l->count++] = is_root ? dentry_ref(l->m->root) : NULL;
    struct sealed_node *s = sealed_node_of(n);
    err = s == NULL ? -ENOMEM : 0;
    if (err == 0 && node_is(n, S_IFLNK)) {
        err = tmpfs_set_symlink(n, c->link);
    }
    if (err == 0 && node_is(n, S_IFREG)) {
        n->size = c->size;
        err = volume_tree_read(&l->m->volume, &s->tree, pages_of(c->size), c->root, page_for, n,
                               l->d);
    }
    set_node(l, n, c);
    return err;
}

static int load_name(struct loader *l, const struct catalogue_name *c)
{
    if (c->parent >= l->count || c->node >= l->count || l->dentries[c->parent] == NULL) {
        return bad(l, "names what is not there");
    }
    struct dentry *dir = l->dentries[c->parent], *d = NULL;
    struct node *n = l->nodes[c->node];
    bool is_dir = node_is(n, S_IFDIR);
    if (is_dir && l->dentries[c->node] != NULL) {
        return bad(l, "names a directory twice");
    }
    int err = dentry_lookup(dir, c->name, &d);
    dentry_unref(d);
    if (err != -ENOENT) {
        return err == 0 ? bad(l, "has a name twice, or one that is mounted over") : err;
    }
    err = dentry_add(dir, c->name, n, is_dir ? &l->dentries[c->node] : NULL);
    if (err == 0) {
        n->nlink += !is_dir;
        dir->node->nlink += is_dir;
    }
    return err;
}

static int load_records(struct loader *l, struct bytes catalogue)
{
    struct cursor c = cursor_of(catalogue);
    int err = 0;
    while (err == 0) {
        struct catalogue_node node;
        struct catalogue_name name;
        switch (catalogue_next(&c, &node, &name)) {
        case CATALOGUE_END:
            for (uint32_t i = 0; i < l->count; i++) {
                if (node_is(l->nodes[i], S_IFDIR) ? l->dentries[i] == NULL
                                                  : l->nodes[i]->nlink == 0) {
                    return bad(l, "has a file without a name");
                }
            }
            return l->count > 0 ? 0 : bad(l, "is empty");
        case CATALOGUE_NODE:
            err = load_node(l, &node);
            break;
        case CATALOGUE_NAME:
            err = load_name(l, &name);
            break;
        case CATALOGUE_BAD:
            return bad(l, "has a record that no writer makes");
        }
    }
    return err;
}

/* A key that is to be given up: everything under it is written anew by the next commit. */
static void retire_key(struct loader *l)
{
    unsigned key = volume_spare_key(&l->m->volume);
    for (uint32_t i = 0; key < VOLUME_KEYS && i < l->count; i++) {
        volume_tree_touch_key(&sealed_node_of(l->nodes[i])->tree, key);
    }
    if (key < VOLUME_KEYS) {
        volume_tree_touch_key(&l->m->volume.catalogue, key);
    }
}

static int load(struct sealed *m, struct diag *d)
{
    struct loader l = {.m = m, .d = d};
    m->loading = true;
    int err = volume_read_catalogue(&m->volume, &m->catalogue, &m->catalogue_size, d);
    if (err == 0 && m->volume.sequence > 0) {
        err = load_records(&l, BYTES(m->catalogue, m->catalogue_size));
    }
    if (err == 0) {
        retire_key(&l);
    }
    for (uint32_t i = 0; i < l.count; i++) {
        node_unref(l.nodes[i]);
        dentry_unref(l.dentries[i]);
    }
    rt_free(l.nodes);
    rt_free(l.dentries);
    m->loading = false;
    return err;
}

/* After a failed load, whatever was made of it. */
static void unload(struct sealed *m)
{
    for (struct dentry *d = m->root->child; d != NULL; d = m->root->child) {
        while (d->child != NULL) {
            d = d->child;
        }
        dentry_remove(d);
    }
    m->root->node->nlink = 2;
    rt_free(m->catalogue);
    m->catalogue = NULL;
    m->catalogue_size = 0;
    volume_close(&m->volume);
}

static int open_volume(struct sealed *m, const uint8_t *key, struct diag *d)
{
    int err = volume_open(&m->volume, key, &m->minimum, d);
    if (err != 0) {
        return err;
    }
    err = load(m, d);
    if (err != 0) {
        unload(m);
        return err;
    }
    m->open = true;
    m->fs->read_only = false;
    return 0;
}

/* ---- operations of its files ----------------------------------------------------------------- */

static struct node_ops file_node_ops;
static struct file_ops regular_ops;
static int64_t (*plain_write)(struct file *f, struct iter *from, uint64_t *pos);
static int (*plain_truncate)(struct node *n, uint64_t size);
static int (*plain_allocate)(struct file *f, int mode, uint64_t off, uint64_t n);

static int64_t sealed_write(struct file *f, struct iter *from, uint64_t *pos)
{
    int64_t n = f->node->fs->read_only ? -EROFS : plain_write(f, from, pos);
    if (n > 0 && (f->flags & O_DSYNC) != 0) {
        int err = sealed_commit(f->node->fs);
        n = err != 0 ? err : n;
    }
    return n;
}

static int sealed_truncate(struct node *n, uint64_t size)
{
    return n->fs->read_only ? -EROFS : plain_truncate(n, size);
}

static int sealed_allocate(struct file *f, int mode, uint64_t off, uint64_t n)
{
    return f->node->fs->read_only ? -EROFS : plain_allocate(f, mode, off, n);
}

static int sealed_flush(struct file *f)
{
    return fs_may_write(f) && !f->node->fs->read_only ? sealed_commit(f->node->fs)
           : fs_may_write(f)                          ? -EIO
                                                      : 0;
}

static void set_ops(struct node *n)
{
    if (file_node_ops.file_ops == NULL) {
        regular_ops = *n->ops->file_ops;
        plain_write = regular_ops.write;
        regular_ops.write = sealed_write;
        regular_ops.flush = sealed_flush;
        plain_allocate = regular_ops.allocate;
        regular_ops.allocate = sealed_allocate;
        file_node_ops = *n->ops;
        plain_truncate = file_node_ops.truncate;
        file_node_ops.truncate = sealed_truncate;
        file_node_ops.file_ops = &regular_ops;
    }
    n->ops = &file_node_ops;
}

/* ---- /dev/volumes/NAME ----------------------------------------------------------------------- */

enum control { CONTROL_ROOT, CONTROL_MINIMUM, CONTROL_KEY, CONTROL_STATUS };

struct control_node {
    struct node node;
    struct sealed *m;
    enum control what;
};

static struct fs control_fs = {.magic = TMPFS_MAGIC, .type = "volumes"};

static struct control_node *control_of(struct file *f)
{
    return (struct control_node *)(void *)f->node;
}

static int64_t control_read(struct file *f, struct iter *to, uint64_t *pos)
{
    struct sealed *m = control_of(f)->m;
    char text[DIAG_MAX + 2], hex[65];
    size_t n = 0;
    if (control_of(f)->what == CONTROL_STATUS) {
        n = base_format(text, sizeof text, "%s\n",
                        m->why.text[0] != 0 ? m->why.text
                        : m->open           ? "open"
                                            : "no key yet");
    } else if (control_of(f)->what == CONTROL_ROOT && m->open) {
        hex_encode(hex, m->volume.root, sizeof m->volume.root);
        n = base_format(text, sizeof text, "%llu %s\n", (unsigned long long)m->volume.sequence,
                        hex);
    }
    n = n < sizeof text ? n : sizeof text - 1;
    if (*pos >= n) {
        return 0;
    }
    size_t some = n - (size_t)*pos < to->left ? n - (size_t)*pos : (size_t)to->left;
    int err = iter_put(to, text + *pos, some);
    *pos += err == 0 ? some : 0;
    return err != 0 ? err : (int64_t)some;
}

/* "SEQUENCE" or "SEQUENCE ROOT", as the file root shows them. */
static int parse_minimum(struct bytes text, struct volume_minimum *ret)
{
    struct volume_minimum m = {.sequence = 0};
    size_t i = 0;
    while (i < text.size && text.data[i] >= '0' && text.data[i] <= '9') {
        if (!mul_ok(m.sequence, 10, &m.sequence) ||
            !add_ok(m.sequence, (uint64_t)(text.data[i] - '0'), &m.sequence)) {
            return -EINVAL;
        }
        i++;
    }
    size_t end = text.size > 0 && text.data[text.size - 1] == '\n' ? text.size - 1 : text.size;
    if (i == 0 || i > end || (i < end && text.data[i] != ' ')) {
        return -EINVAL;
    }
    if (i < end) {
        m.has_root = hex_decode(m.root, sizeof m.root, BYTES(text.data + i + 1, end - i - 1));
        if (!m.has_root) {
            return -EINVAL;
        }
    }
    *ret = m;
    return 0;
}

static int control_take(struct sealed *m, enum control what, struct bytes data)
{
    if (m->open) {
        return -EBUSY;
    }
    if (what == CONTROL_MINIMUM) {
        return parse_minimum(data, &m->minimum);
    }
    if (data.size != 32) {
        return -EINVAL;
    }
    m->why.text[0] = 0;
    return open_volume(m, data.data, &m->why);
}

static int64_t control_write(struct file *f, struct iter *from, uint64_t *pos)
{
    uint8_t data[128];
    size_t n = (size_t)from->left;
    if (n > sizeof data) {
        return -EINVAL;
    }
    int err = iter_get(from, data, n);
    err = err != 0 ? err : control_take(control_of(f)->m, control_of(f)->what, BYTES(data, n));
    secure_zero(data, sizeof data);
    *pos += n;
    return err != 0 ? err : (int64_t)n;
}

static const struct file_ops control_ops = {
    .seekable = true, .read = control_read, .write = control_write};
static const struct node_ops control_node_ops = {.file_ops = &control_ops};

static int add_control(struct dentry *dir, struct sealed *m, const char *name, enum control what,
                       uint32_t mode)
{
    struct control_node *n = rt_alloc(sizeof *n);
    if (n != NULL) {
        struct fs_time now = fs_now();
        n->node = (struct node){.ops = &control_node_ops,
                                .fs = &control_fs,
                                .refs = 1,
                                .mode = S_IFREG | mode,
                                .uid = fs_uid(),
                                .gid = fs_gid(),
                                .nlink = 1,
                                .ino = ++control_fs.next_ino,
                                .atime = now,
                                .mtime = now,
                                .ctime = now};
        n->m = m;
        n->what = what;
    }
    return static_add(dir, name, n != NULL ? &n->node : NULL);
}

static int add_controls(struct sealed *m)
{
    char path[32 + NAME_MAX_BYTES];
    size_t n = base_format(path, sizeof path, "/dev/volumes/%.*s", (int)m->volume.name.size,
                           (const char *)m->volume.name.data);
    struct dentry *dir;
    control_fs.minor = control_fs.minor != 0 ? control_fs.minor : fs_new_minor();
    int err = mount_dir_at(BYTES(path, n), &dir);
    if (err != 0) {
        return err;
    }
    err = add_control(dir, m, "root", CONTROL_ROOT, 0444);
    err = err != 0 ? err : add_control(dir, m, "status", CONTROL_STATUS, 0444);
    if (m->volume.key_kind == VOLUME_KEY_PROGRAM) {
        err = err != 0 ? err : add_control(dir, m, "minimum", CONTROL_MINIMUM, 0200);
        err = err != 0 ? err : add_control(dir, m, "key", CONTROL_KEY, 0200);
    }
    dentry_unref(dir);
    return err;
}

/* ---- mounting -------------------------------------------------------------------------------- */

int sealed_mount(const struct manifest_mount *t, size_t number, struct diag *d)
{
    struct sealed *m = rt_alloc(sizeof *m);
    struct fs *fs = tmpfs_new(t->size, "sealed");
    struct node *root = fs != NULL ? tmpfs_new_node(fs, S_IFDIR | 0700) : NULL;
    if (m == NULL || root == NULL) {
        return diag_fail(d, -ENOMEM, "no memory for a volume");
    }
    fs->sealed_ops = set_ops;
    fs->read_only = true;
    fs->file_max = (uint64_t)fs->block_limit * VOLUME_BLOCK; /* a hole costs references */
    m->fs = fs;
    m->volume.number = number;
    m->volume.name = t->name;
    m->volume.key_kind = t->key == MOUNT_KEY_PROGRAM ? VOLUME_KEY_PROGRAM : VOLUME_KEY_IDENTITY;
    /* Twice: a commit may write all of it anew. The rest is for nodes and the catalogue. */
    m->volume.blocks_max = fs->block_limit * 4 + (UINT64_C(1) << 16);
    mounts[mount_count++] = m;
    int err = mount_at(t->path, root, "rw");
    err = err != 0 ? err : mount_dir_at(t->path, &m->root);
    node_unref(root);
    err = err != 0 ? err : add_controls(m);
    if (err != 0) {
        return diag_fail(d, err, "cannot mount volume %.*s at %.*s", (int)t->name.size,
                         (const char *)t->name.data, (int)t->path.size, (const char *)t->path.data);
    }
    return t->key == MOUNT_KEY_PROGRAM ? 0 : open_volume(m, NULL, d);
}
