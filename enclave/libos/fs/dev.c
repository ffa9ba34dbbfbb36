/* SPDX-License-Identifier: Apache-2.0 */
/* /dev and the standard descriptors. A console exists only as far as the manifest connects it; what
 * it does not connect is /dev/null. What is written to a connected stream goes to the host in the
 * clear, and what is read from one is the host's word. A worker's streams end inside: they are its
 * task and its result, and to the workload pipes like the others. */
#include "pty.h"
#include "vfs.h"

enum device { DEV_NULL, DEV_ZERO, DEV_FULL, DEV_RANDOM, DEV_TTY, DEV_CONSOLE, DEV_SEALED };

struct dev_node {
    struct node node;
    enum device device;
    int fd; /* of the console */
};

static struct fs dev_fs;

static struct dev_node *of(struct file *f)
{
    return (struct dev_node *)(void *)f->node;
}

static int64_t random_read(struct iter *to)
{
    uint8_t buffer[512];
    int64_t done = 0;
    while (to->left > 0) {
        size_t some = to->left < sizeof buffer ? (size_t)to->left : sizeof buffer;
        rt_random(buffer, some);
        int err = iter_put(to, buffer, some);
        if (err != 0) {
            done = done > 0 ? done : err;
            break;
        }
        done += (int64_t)some;
    }
    secure_zero(buffer, sizeof buffer);
    return done;
}

static int64_t zero_read(struct iter *to)
{
    int64_t done = 0;
    while (to->left > 0) {
        size_t some = to->left < 65536 ? (size_t)to->left : 65536;
        uint64_t before = to->left;
        int err = iter_put_zeros(to, some);
        done += (int64_t)(before - to->left);
        if (err != 0) {
            return done > 0 ? done : err;
        }
    }
    return done;
}

#define CONSOLE_STEP 65536u /* HOSTCALL_DATA_MAX */

/* The hostcall may wait for a person or a full pipe: others run meanwhile. */
static int64_t console_read(struct iter *to)
{
    size_t n = to->left < CONSOLE_STEP ? (size_t)to->left : CONSOLE_STEP;
    uint8_t *buffer = rt_alloc(n);
    if (buffer == NULL) {
        return -ENOMEM;
    }
    struct wait_queue nobody = {{0}};
    int64_t got;
    do { /* -EINTR: somebody may want something of this thread; whether it is so, is known inside */
        os_unlock();
        got = rt_console_read(buffer, n);
        os_lock();
        got = got == -EINTR ? os_block(&nobody, 0) : got;
    } while (got == -ETIMEDOUT);
    REQUIRE(got <= (int64_t)n);
    if (got > 0) {
        int err = iter_put(to, buffer, (size_t)got);
        got = err != 0 ? err : got;
    }
    rt_free(buffer);
    return got;
}

static int64_t console_write_step(int fd, struct iter *from, uint8_t *buffer, size_t n)
{
    int err = iter_get(from, buffer, n);
    if (err != 0) {
        return err;
    }
    os_unlock();
    int64_t put = rt_console_write(fd, BYTES(buffer, n));
    os_lock();
    if (put == -EPIPE) {
        os_raise(13); /* SIGPIPE */
    }
    return put < 0 ? put : (int64_t)n;
}

static int64_t console_write(int fd, struct iter *from)
{
    uint8_t small[1024];
    size_t room = from->left <= sizeof small ? sizeof small : CONSOLE_STEP;
    uint8_t *buffer = room == sizeof small ? small : rt_alloc(room);
    if (buffer == NULL) {
        return -ENOMEM;
    }
    int64_t done = 0;
    while (from->left > 0) {
        size_t n = from->left < room ? (size_t)from->left : room;
        int64_t put = console_write_step(fd, from, buffer, n);
        if (put < 0) {
            done = done > 0 ? done : put;
            break;
        }
        done += put;
    }
    if (buffer != small) {
        rt_free(buffer);
    }
    return done;
}

static int64_t task_read(struct iter *to)
{
    struct bytes rest = os_task_rest();
    size_t n = to->left < rest.size ? (size_t)to->left : rest.size;
    int err = n > 0 ? iter_put(to, rest.data, n) : 0;
    if (err != 0) {
        return err;
    }
    os_task_advance(n);
    return (int64_t)n;
}

static int64_t result_write(int fd, struct iter *from)
{
    uint8_t buffer[1024];
    int64_t done = 0;
    while (from->left > 0) {
        size_t n = from->left < sizeof buffer ? (size_t)from->left : sizeof buffer;
        int err = iter_get(from, buffer, n);
        if (err != 0) {
            done = done > 0 ? done : err;
            break;
        }
        os_result_put(fd, BYTES(buffer, n));
        done += (int64_t)n;
    }
    secure_zero(buffer, sizeof buffer);
    return done;
}

static int64_t dev_read(struct file *f, struct iter *to, uint64_t *pos)
{
    (void)pos;
    if (to->left == 0) {
        return 0;
    }
    switch (of(f)->device) {
    case DEV_ZERO:
    case DEV_FULL:
        return zero_read(to);
    case DEV_RANDOM:
        return random_read(to);
    case DEV_CONSOLE:
        return of(f)->fd == 0 ? console_read(to) : -EBADF;
    case DEV_SEALED:
        return of(f)->fd == 0 ? task_read(to) : -EBADF;
    case DEV_NULL:
    case DEV_TTY:
    default:
        return 0;
    }
}

static int64_t dev_write(struct file *f, struct iter *from, uint64_t *pos)
{
    (void)pos;
    if (of(f)->device == DEV_FULL) {
        return from->left > 0 ? -ENOSPC : 0;
    }
    if (of(f)->device == DEV_CONSOLE) {
        return of(f)->fd != 0 ? console_write(of(f)->fd, from) : -EBADF;
    }
    if (of(f)->device == DEV_SEALED) {
        return of(f)->fd != 0 ? result_write(of(f)->fd, from) : -EBADF;
    }
    int64_t n = (int64_t)from->left;
    from->left = 0;
    return n;
}

/* A description of one direction only, as the two ends of a pipe are. */
static int console_open(struct file *f)
{
    bool writing = (f->flags & O_ACCMODE) != O_RDONLY;
    bool reading = (f->flags & O_ACCMODE) != O_WRONLY;
    return (writing && of(f)->fd == 0) || (reading && of(f)->fd != 0) ? -EACCES : 0;
}

static int tty_open(struct file *f)
{
    return pty_open_controlling(f);
}

static const struct file_ops stream_ops = {.read = dev_read, .write = dev_write};
static const struct file_ops memory_ops = {
    .seekable = true, .no_position = true, .read = dev_read, .write = dev_write};
static const struct node_ops dev_ops = {.file_ops = &memory_ops};
static const struct node_ops tty_ops = {.open = tty_open, .file_ops = &stream_ops};
static const struct node_ops console_ops = {.open = console_open, .file_ops = &stream_ops};

static struct node *dev_node(enum device device, unsigned rdev_major, unsigned rdev_minor, int fd)
{
    struct dev_node *n = rt_alloc(sizeof *n);
    if (n == NULL) {
        return NULL;
    }
    struct fs_time now = fs_now();
    n->node = (struct node){.ops = &dev_ops,
                            .fs = &dev_fs,
                            .refs = 1,
                            .mode = S_IFCHR | 0666,
                            .nlink = 1,
                            .ino = ++dev_fs.next_ino,
                            .atime = now,
                            .mtime = now,
                            .ctime = now,
                            .rdev = (uint64_t)rdev_major << 8 | rdev_minor};
    if (device == DEV_TTY) {
        n->node.ops = &tty_ops;
    }
    if (device == DEV_CONSOLE ||
        device == DEV_SEALED) { /* to the workload a pipe to somewhere: no terminal, no seeking */
        n->node.ops = &console_ops;
        n->node.mode = S_IFIFO | 0600;
        n->node.uid = fs_uid();
        n->node.gid = fs_gid();
    }
    n->device = device;
    n->fd = fd;
    return &n->node;
}

enum fs_map_kind fs_map_kind(struct file *f)
{
    if (fs_is_measured(f)) {
        return FS_MAP_STATIC;
    }
    if (node_is(f->node, S_IFREG) && tmpfs_node_is(f->node)) {
        return f->node->fs->read_only ? FS_MAP_STATIC : FS_MAP_FILE;
    }
    if (f->node->ops == &dev_ops && of(f)->device == DEV_ZERO) {
        return FS_MAP_ZERO;
    }
    return FS_MAP_NONE;
}

/* device: DEV_CONSOLE, DEV_SEALED, or DEV_NULL for what the manifest does not connect. */
static int open_standard(int fd, enum device device)
{
    struct dentry *d = NULL;
    int err;
    if (device != DEV_NULL) {
        struct node *n = dev_node(device, 0, 0, fd);
        char name[32];
        base_format(name, sizeof name, "pipe:[%d]", fd);
        d = n != NULL ? dentry_new_anon(name, n) : NULL;
        node_unref(n);
        err = d != NULL ? 0 : -ENOMEM;
    } else {
        struct walk w;
        err = fs_walk(dentry_root(), "/dev/null", WALK_FOLLOW, &w);
        if (err == 0) {
            d = dentry_ref(w.found);
            walk_done(&w);
        }
    }
    struct file *f = NULL;
    if (err == 0) {
        err = file_open(d, fd == 0 ? O_RDONLY : O_WRONLY, &f);
    }
    if (err == 0) {
        err = fd_install(f, 0, false);
        err = err == fd ? 0 : err < 0 ? err : -EBUSY;
    }
    file_unref(f);
    dentry_unref(d);
    return err;
}

int dev_start(const struct manifest *m)
{
    static const struct {
        const char *name;
        enum device device;
        unsigned rdev_major, rdev_minor;
    } devices[] = {
        {"null", DEV_NULL, 1, 3},     {"zero", DEV_ZERO, 1, 5},      {"full", DEV_FULL, 1, 7},
        {"random", DEV_RANDOM, 1, 8}, {"urandom", DEV_RANDOM, 1, 9}, {"tty", DEV_TTY, 5, 0},
    };
    static const char *const links[][2] = {{"fd", "/proc/self/fd"},
                                           {"stdin", "/proc/self/fd/0"},
                                           {"stdout", "/proc/self/fd/1"},
                                           {"stderr", "/proc/self/fd/2"}};
    dev_fs = (struct fs){
        .magic = TMPFS_MAGIC, .minor = fs_new_minor(), .read_only = true, .type = "devtmpfs"};
    struct node *root = static_dir(&dev_fs, 0755);
    struct dentry *dir = NULL;
    int err = root == NULL ? -ENOMEM : mount_at(BYTES_STR("/dev"), root, "ro");
    node_unref(root);
    if (err == 0) {
        err = mount_dir_at(BYTES_STR("/dev"), &dir);
    }
    for (size_t i = 0; i < ARRAY_SIZE(devices) && err == 0; i++) {
        err = static_add(
            dir, devices[i].name,
            dev_node(devices[i].device, devices[i].rdev_major, devices[i].rdev_minor, -1));
    }
    for (size_t i = 0; i < ARRAY_SIZE(links) && err == 0; i++) {
        err = static_add(dir, links[i][0], static_link(&dev_fs, links[i][1]));
    }
    err = err != 0 ? err : pty_start(dir, &dev_fs);
    dentry_unref(dir);
    const bool host[3] = {m->stdin_host, m->stdout_host, m->stderr_host};
    const bool sealed[3] = {m->stdin_task, m->stdout_result, m->stderr_result};
    for (int fd = 0; fd < 3 && err == 0; fd++) {
        err = open_standard(fd, sealed[fd] ? DEV_SEALED : host[fd] ? DEV_CONSOLE : DEV_NULL);
    }
    return err;
}
