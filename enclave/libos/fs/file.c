/* SPDX-License-Identifier: Apache-2.0 */
/* Open file descriptions, descriptor tables, and what exec and mmap ask of files. Descriptors and
 * flags come from the workload; nothing here comes from the host. */
#include "inotify.h"
#include "vfs.h"

#define FD_ROOM 64u /* at first, and a power of two times that: as Linux's tables grow */

struct fd_table {
    uint32_t refs;
    unsigned room;
    struct file **files; /* room of them, and behind them */
    uint64_t *cloexec;   /* a bit for each */
    unsigned first_free; /* no free descriptor below it */
    unsigned end;        /* none open from here on */
};

static uint64_t descriptions; /* of all processes */

struct wait_queue fs_poll_queue;

void fs_poll_changed(struct wait_queue *own)
{
    os_wake_all(own);
    os_wake_all(&fs_poll_queue);
}

/* ---- descriptions
 * --------------------------------------------------------------------------------- */

struct file *file_new(const struct file_ops *ops, struct dentry *d, struct node *n, uint32_t flags)
{
    struct file *f = rt_alloc(sizeof *f);
    if (f != NULL) {
        descriptions++;
        f->ops = ops;
        f->refs = 1;
        f->flags = flags;
        f->dentry = dentry_ref(d);
        f->node = node_ref(n);
    }
    return f;
}

void file_ref(struct file *f)
{
    f->refs++;
}

void file_unlock(struct file *f)
{
    struct node *n = f->node;
    if (n->lock_owner == f || f->lock_shared) {
        n->lock_owner = n->lock_owner == f ? NULL : n->lock_owner;
        n->lock_shared -= f->lock_shared;
        f->lock_shared = false;
        os_wake_all(&fs_poll_queue);
    }
}

void file_unref(struct file *f)
{
    if (f == NULL || --f->refs > 0) {
        return;
    }
    if (f->watched) {
        os_file_gone(f);
    }
    if ((f->flags & O_PATH) == 0) {
        fs_notify(f->dentry,
                  (f->flags & O_ACCMODE) != O_RDONLY ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
    }
    file_unlock(f);
    locks_drop(f->node, f);
    if (f->ops->release != NULL) {
        f->ops->release(f);
    }
    listing_free(f->listing);
    node_unref(f->node);
    dentry_unref(f->dentry);
    rt_free(f);
    descriptions--;
}

static unsigned access_mask(uint32_t flags)
{
    switch (flags & O_ACCMODE) {
    case O_RDONLY:
        return 4;
    case O_WRONLY:
        return 2;
    default:
        return 6;
    }
}

static int open_allowed(struct node *n, uint32_t flags)
{
    unsigned mask = access_mask(flags) | ((flags & O_TRUNC) != 0 ? 2u : 0u);
    if (node_is(n, S_IFLNK)) {
        return -ELOOP;
    }
    if (node_is(n, S_IFDIR) && (mask & 2) != 0) {
        return -EISDIR;
    }
    if ((flags & O_DIRECTORY) != 0 && !node_is(n, S_IFDIR)) {
        return -ENOTDIR;
    }
    if ((mask & 2) != 0 && n->fs->read_only && node_is(n, S_IFREG)) {
        return -EROFS;
    }
    return node_may(n, mask);
}

static const struct file_ops path_ops = {.seekable = true};

static struct fs_usage usage;

void file_usage(struct fs_usage *ret)
{
    ret->descriptors_peak = usage.descriptors_peak;
    ret->opens = usage.opens;
}

int file_open(struct dentry *d, uint32_t flags, struct file **ret)
{
    struct node *n = d->node;
    bool path_only = (flags & O_PATH) != 0;
    if (path_only) {
        flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW;
        if ((flags & O_DIRECTORY) != 0 && !node_is(n, S_IFDIR)) {
            return -ENOTDIR;
        }
    } else {
        int err = open_allowed(n, flags);
        if (err != 0) {
            return err;
        }
    }
    struct file *f = file_new(path_only ? &path_ops : n->ops->file_ops, d, n,
                              flags & ~(uint32_t)(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC));
    if (f == NULL) {
        return -ENOMEM;
    }
    int err = !path_only && n->ops->open != NULL ? n->ops->open(f) : 0;
    f->flags &= ~(uint32_t)O_NOCTTY; /* asked for at the opening alone */
    if (err == 0 && !path_only && (flags & O_TRUNC) != 0 && node_is(n, S_IFREG) &&
        n->ops->truncate != NULL) {
        err = n->ops->truncate(n, 0);
    }
    if (err != 0) {
        file_unref(f);
        return err;
    }
    usage.opens++;
    *ret = f;
    return 0;
}

/* ---- descriptors
 * ---------------------------------------------------------------------------------- */

static struct fd_table *own_table(void)
{
    return os_fs()->fds;
}

struct file *fd_get(int fd)
{
    return fd_table_get(own_table(), fd);
}

static int allocate(struct fd_table *t, unsigned room)
{
    _Static_assert(sizeof(struct file *) == sizeof(uint64_t), "one block has both");
    struct file **files = (struct file **)rt_alloc(room * sizeof *files + room / 8);
    if (files == NULL) {
        return -ENOMEM;
    }
    t->files = files;
    t->cloexec = (uint64_t *)(void *)(files + room);
    t->room = room;
    return 0;
}

static void copy_entries(struct fd_table *to, const struct fd_table *from)
{
    const unsigned n = from->room < to->room ? from->room : to->room;
    memcpy(to->files, from->files, n * sizeof *to->files);
    memcpy(to->cloexec, from->cloexec, n / 8);
}

/* fd: below FS_FD_MAX. */
static int make_room(struct fd_table *t, unsigned fd)
{
    const struct fd_table old = *t;
    unsigned room = t->room;
    if (fd < room) {
        return 0;
    }
    while (room <= fd) {
        room *= 2;
    }
    if (allocate(t, room) != 0) {
        return -ENOMEM;
    }
    copy_entries(t, &old);
    rt_free(old.files);
    return 0;
}

static void put_at(struct fd_table *t, struct file *f, unsigned fd, bool cloexec)
{
    t->files[fd] = f;
    uint64_t bit = UINT64_C(1) << (fd % 64);
    t->cloexec[fd / 64] = (t->cloexec[fd / 64] & ~bit) | (cloexec ? bit : 0);
    if (f == NULL) {
        t->first_free = fd < t->first_free ? fd : t->first_free;
    } else if (fd >= t->end) {
        t->end = fd + 1;
        usage.descriptors_peak = t->end > usage.descriptors_peak ? t->end : usage.descriptors_peak;
    }
}

static int close_in(struct fd_table *t, unsigned fd)
{
    struct file *f = t->files[fd];
    put_at(t, NULL, fd, false);
    if ((f->flags & O_PATH) == 0) {
        locks_drop(f->node, t);
    }
    int err = f->ops->flush != NULL ? f->ops->flush(f) : 0;
    file_unref(f);
    return err;
}

unsigned fd_limit(void)
{
    uint64_t soft, hard;
    os_rlimit(7, &soft, &hard);
    return soft < FS_FD_MAX ? (unsigned)soft : FS_FD_MAX;
}

int fd_install(struct file *f, int from, bool cloexec)
{
    struct fd_table *t = own_table();
    unsigned limit = fd_limit();
    unsigned start = from < 0 ? 0 : (unsigned)from;
    unsigned fd = start > t->first_free ? start : t->first_free;
    while (fd < limit && fd < t->end && t->files[fd] != NULL) {
        fd++;
    }
    if (start <= t->first_free) {
        t->first_free = fd;
    }
    if (fd >= limit) {
        return -EMFILE;
    }
    if (descriptions > FS_FILES_MAX && f->refs == 1) { /* nobody has it yet: it is a new one */
        return -ENFILE;
    }
    if (make_room(t, fd) != 0) {
        return -ENOMEM;
    }
    file_ref(f);
    put_at(t, f, fd, cloexec);
    return (int)fd;
}

int fd_install_at(struct file *f, int fd, bool cloexec)
{
    if (fd < 0 || (unsigned)fd >= fd_limit()) {
        return -EBADF;
    }
    struct fd_table *t = own_table();
    if (make_room(t, (unsigned)fd) != 0) {
        return -ENOMEM;
    }
    file_ref(f);
    struct file *old = t->files[fd];
    if (old != NULL && (old->flags & O_PATH) == 0) {
        locks_drop(old->node, t);
    }
    put_at(t, f, (unsigned)fd, cloexec);
    file_unref(old);
    return fd;
}

int fd_close(int fd)
{
    return fd_get(fd) == NULL ? -EBADF : close_in(own_table(), (unsigned)fd);
}

bool file_cloexec(int fd)
{
    return fd_table_cloexec(own_table(), fd);
}

int fd_set_cloexec(int fd, bool on)
{
    struct file *f = fd_get(fd);
    if (f == NULL) {
        return -EBADF;
    }
    put_at(own_table(), f, (unsigned)fd, on);
    return 0;
}

static int next_in(const struct fd_table *t, int from)
{
    for (unsigned fd = from < 0 ? 0 : (unsigned)from; fd < t->end; fd++) {
        if (t->files[fd] != NULL) {
            return (int)fd;
        }
    }
    return -1;
}

int fd_next(int from)
{
    return next_in(own_table(), from);
}

static void close_marked(struct fd_table *t)
{
    for (int fd = next_in(t, 0); fd >= 0; fd = next_in(t, fd + 1)) {
        if (fd_table_cloexec(t, fd)) {
            ignore_result(close_in(t, (unsigned)fd),
                          "nobody asks; a sealed volume says so again at the end");
        }
    }
}

void fd_close_on_exec(void)
{
    close_marked(own_table());
}

/* ---- tables
 * ---------------------------------------------------------------------------------------- */

struct fd_table *fd_table_new(void)
{
    struct fd_table *t = rt_alloc(sizeof *t);
    if (t != NULL && allocate(t, FD_ROOM) != 0) {
        rt_free(STEAL(&t));
    }
    if (t != NULL) {
        t->refs = 1;
    }
    return t;
}

/* None open from here on, whatever was. */
static unsigned open_end(const struct fd_table *t)
{
    unsigned end = t->end;
    while (end > 0 && t->files[end - 1] == NULL) {
        end--;
    }
    return end;
}

struct fd_table *fd_table_copy(const struct fd_table *from)
{
    struct fd_table *t = fd_table_new();
    if (t == NULL) {
        return NULL;
    }
    const unsigned end = open_end(from);
    if (end > 0 && make_room(t, end - 1) != 0) {
        fd_table_unref(t);
        return NULL;
    }
    copy_entries(t, from);
    t->end = end;
    t->first_free = from->first_free;
    for (unsigned fd = 0; fd < t->end; fd++) {
        if (t->files[fd] != NULL) {
            file_ref(t->files[fd]);
        }
    }
    return t;
}

struct file *fd_table_get(const struct fd_table *t, int fd)
{
    return fd >= 0 && (unsigned)fd < t->end ? t->files[fd] : NULL;
}

int fd_table_next(const struct fd_table *t, int from)
{
    return t != NULL ? next_in(t, from) : -1;
}

bool fd_table_cloexec(const struct fd_table *t, int fd)
{
    return (t->cloexec[(unsigned)fd / 64] >> ((unsigned)fd % 64) & 1) != 0;
}

unsigned fd_table_room(const struct fd_table *t)
{
    return t != NULL ? t->room : own_table()->room;
}

uint64_t file_count(void)
{
    return descriptions;
}

struct fd_table *fd_table_ref(struct fd_table *t)
{
    t->refs++;
    return t;
}

void fd_table_unref(struct fd_table *t)
{
    if (t == NULL || --t->refs > 0) {
        return;
    }
    for (int fd = next_in(t, 0); fd >= 0; fd = next_in(t, fd + 1)) {
        ignore_result(close_in(t, (unsigned)fd),
                      "nobody asks; a sealed volume says so again at the end");
    }
    rt_free(t->files);
    rt_free(t);
}

static int unshare(struct fs_context *c)
{
    if (c->fds->refs == 1) {
        return 0;
    }
    struct fd_table *own = fd_table_copy(c->fds);
    if (own == NULL) {
        return -ENOMEM;
    }
    fd_table_unref(c->fds);
    c->fds = own;
    return 0;
}

int fd_table_unshare(void)
{
    return unshare(os_fs());
}

int fs_context_copy(const struct fs_context *from, bool share_fds, struct fs_context *ret)
{
    struct fd_table *fds = NULL;
    if (from->fds != NULL) { /* a member has none: they are the owner's */
        fds = share_fds ? fd_table_ref(from->fds) : fd_table_copy(from->fds);
        if (fds == NULL) {
            return -ENOMEM;
        }
    }
    *ret =
        (struct fs_context){.fds = fds, .cwd = from->cwd, .exe = from->exe, .umask = from->umask};
    if (ret->cwd != NULL) {
        dentry_ref(ret->cwd);
    }
    if (ret->exe != NULL) {
        file_ref(ret->exe);
    }
    return 0;
}

void fs_context_done(struct fs_context *c)
{
    fd_table_unref(STEAL(&c->fds));
    dentry_unref(STEAL(&c->cwd));
    file_unref(STEAL(&c->exe));
}

int fs_context_exec(struct fs_context *c, struct file *program)
{
    if (c->fds != NULL) { /* a member has none: they are the owner's */
        if (unshare(c) != 0) {
            return -ENOMEM;
        }
        close_marked(c->fds);
    }
    if (program != NULL) {
        file_ref(program);
        file_unref(c->exe);
        c->exe = program;
    }
    return 0;
}

/* ---- for exec and mmap
 * ------------------------------------------------------------------------------ */

int fs_open_path(const char *path, bool exec, struct file **ret_f)
{
    struct walk w;
    int err = fs_walk(fs_cwd(), path, WALK_FOLLOW, &w);
    if (err != 0) {
        return err;
    }
    struct node *n = w.found->node;
    if (exec && !node_is(n, S_IFREG)) {
        err = -EACCES;
    }
    if (err == 0 && exec) {
        err = node_may(n, 1);
    }
    /* Linux executes what may be executed but not read; then nothing here needs to be readable. */
    struct file *f = NULL;
    if (err == 0) {
        err = exec ? 0 : file_open(w.found, O_RDONLY, &f);
    }
    if (err == 0 && exec) {
        f = file_new(n->ops->file_ops, w.found, n, O_RDONLY);
        err = f == NULL ? -ENOMEM : n->ops->open != NULL ? n->ops->open(f) : 0;
        if (err != 0) {
            file_unref(f);
        }
    }
    walk_done(&w);
    if (err == 0) {
        *ret_f = f;
    }
    return err;
}

int fs_file_size(struct file *f, uint64_t *ret_size)
{
    if (!node_is(f->node, S_IFREG)) {
        return -EACCES;
    }
    *ret_size = f->node->size;
    return 0;
}

int64_t fs_read_trusted(struct file *f, uint64_t off, void *to, size_t n)
{
    if (f->ops->read == NULL) {
        return node_is(f->node, S_IFDIR) ? -EISDIR : -EINVAL;
    }
    if (!f->ops->seekable) {
        return -ESPIPE;
    }
    struct iter it = iter_trusted(to, n);
    uint64_t pos = off;
    size_t done = 0;
    while (done < n) {
        int64_t r = f->ops->read(f, &it, &pos);
        if (r <= 0) {
            return done > 0 ? (int64_t)done : r;
        }
        done += (size_t)r;
    }
    return (int64_t)done;
}

int fs_read_into_app(struct file *f, app_ptr dst, uint64_t size, uint64_t off)
{
    if (layer_node_is(f->node) && node_is(f->node, S_IFREG)) {
        return layer_read_into_app(f->node, dst, size, off);
    }
    if (tmpfs_node_is(f->node) && node_is(f->node, S_IFREG)) {
        return tmpfs_read_into_app(f->node, dst, size, off);
    }
    return -ENODEV;
}

bool fs_is_measured(struct file *f)
{
    return layer_node_is(f->node) && node_is(f->node, S_IFREG);
}

bool fs_may_read(struct file *f)
{
    return (f->flags & O_PATH) == 0 && (f->flags & O_ACCMODE) != O_WRONLY;
}

bool fs_may_write(struct file *f)
{
    return (f->flags & O_PATH) == 0 && (f->flags & O_ACCMODE) != O_RDONLY;
}

bool fs_content_is_sealed(struct file *f)
{
    return (f->node->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) != 0;
}

void fs_file_id(struct file *f, uint32_t *ret_major, uint32_t *ret_minor, uint64_t *ret_ino)
{
    *ret_major = 0;
    *ret_minor = f->node->fs->minor;
    *ret_ino = f->node->ino;
}

int fs_sites(struct file *f, void **ret_data, size_t *ret_size)
{
    return layer_node_is(f->node) ? layer_sites(f->dentry, ret_data, ret_size) : -ENOENT;
}

size_t fs_file_path(struct file *f, char *ret_path, size_t capacity)
{
    return dentry_path(f->dentry, ret_path, capacity);
}

void fs_set_exe(struct file *f)
{
    struct fs_context *c = os_fs();
    if (f != NULL) { /* a measured program is in no file */
        file_ref(f);
    }
    file_unref(c->exe);
    c->exe = f;
}

/* ---- bytes to and from the workload
 * ------------------------------------------------------------------ */

struct iter iter_trusted(void *buffer, size_t n)
{
    return (struct iter){.trusted = buffer, .left = n};
}

/* The next stretch of workload memory, at most n bytes; skips empty pieces. */
static uint64_t stretch(struct iter *it, uint64_t n, app_ptr *ret)
{
    while (it->piece_done == it->pieces->size) {
        it->pieces++;
        it->piece_count--;
        it->piece_done = 0;
        REQUIRE(it->piece_count > 0);
    }
    uint64_t room = it->pieces->size - it->piece_done;
    *ret = app_add(it->pieces->base, it->piece_done);
    return n < room ? n : room;
}

static void advance(struct iter *it, uint64_t n)
{
    it->piece_done += n;
    it->left -= n;
}

static uint64_t in_page(app_ptr at)
{
    return 4096 - at.addr % 4096;
}

int iter_put(struct iter *it, const void *from, size_t n)
{
    REQUIRE(n <= it->left);
    const uint8_t *p = from;
    if (it->trusted != NULL) {
        memcpy(it->trusted, p, n);
        it->trusted += n;
        it->left -= n;
        return 0;
    }
    while (n > 0) {
        app_ptr at;
        uint64_t some = stretch(it, n, &at);
        int err = copy_to_app(at, p, (size_t)some);
        if (err != 0 && os_page_in(at, some)) {
            continue;
        }
        if (err != 0 && some > in_page(at)) { /* up to the page that is not there, as on Linux */
            some = in_page(at);
            err = copy_to_app(at, p, (size_t)some);
        }
        if (err != 0) {
            return err;
        }
        advance(it, some);
        p += some;
        n -= (size_t)some;
    }
    return 0;
}

int iter_get(struct iter *it, void *to, size_t n)
{
    REQUIRE(n <= it->left);
    uint8_t *p = to;
    if (it->trusted != NULL) {
        memcpy(p, it->trusted, n);
        it->trusted += n;
        it->left -= n;
        return 0;
    }
    while (n > 0) {
        app_ptr at;
        uint64_t some = stretch(it, n, &at);
        int err = copy_from_app(p, at, (size_t)some);
        if (err != 0 && os_page_in(at, some)) {
            continue;
        }
        if (err != 0 && some > in_page(at)) { /* up to the page that is not there, as on Linux */
            some = in_page(at);
            err = copy_from_app(p, at, (size_t)some);
        }
        if (err != 0) {
            return err;
        }
        advance(it, some);
        p += some;
        n -= (size_t)some;
    }
    return 0;
}

int iter_put_zeros(struct iter *it, size_t n)
{
    static const uint8_t zeros[4096];
    while (n > 0) {
        size_t some = n < sizeof zeros ? n : sizeof zeros;
        int err = iter_put(it, zeros, some);
        if (err != 0) {
            return err;
        }
        n -= some;
    }
    return 0;
}
