/* SPDX-License-Identifier: Apache-2.0 */
/* Pipes, with and without names, between threads of one enclave: bytes in trusted memory; the host
 * sees only that threads sleep and wake. */
#include "libos/syscalls.h"
#include "vfs.h"

#define PIPE_CAPACITY 65536u /* Linux's default, and the largest here */
#define PIPE_ATOMIC   4096u  /* PIPE_BUF */

struct pipe {
    struct node node;                    /* of a pipe without a name */
    struct node *at;                     /* what is open: that, or the node of the name */
    uint32_t reader_count, writer_count; /* opened so far: what waiters for the other end watch */
    uint8_t *pages[PIPE_CAPACITY / 4096];
    uint64_t written, read; /* bytes since the start; their difference is what is in the pipe */
    uint64_t capacity;      /* what may be in it: a multiple of pages, at most PIPE_CAPACITY */
    unsigned readers, writers;
    struct wait_queue changed;
};

static const struct node_ops pipe_node_ops;
static const struct file_ops pipe_ops;
static struct fs pipe_fs;

static struct pipe *of(struct file *f)
{
    return f->state;
}

static bool reads(const struct file *f)
{
    return (f->flags & O_ACCMODE) != O_WRONLY;
}

static bool writes(const struct file *f)
{
    return (f->flags & O_ACCMODE) != O_RDONLY;
}

static void count_opener(struct file *f, struct pipe *p)
{
    f->state = p;
    f->pos = p->writer_count; /* a reader that saw no writer yet does not see one hang up */
    p->readers += reads(f);
    p->writers += writes(f);
    p->reader_count += reads(f);
    p->writer_count += writes(f);
}

static int pipe_open(struct file *f)
{
    count_opener(f, (struct pipe *)(void *)f->node);
    return 0;
}

static void free_pages(struct pipe *p)
{
    for (size_t i = 0; i < ARRAY_SIZE(p->pages); i++) {
        rt_free(p->pages[i]);
    }
}

static void pipe_release(struct file *f)
{
    struct pipe *p = of(f);
    if (p == NULL) {
        return; /* a named one that did not become open */
    }
    p->readers -= reads(f);
    p->writers -= writes(f);
    p->at->arrived++;
    p->at->drained++;
    fs_poll_changed(&p->changed);
    if (p->at != &p->node && p->readers + p->writers == 0) {
        *tmpfs_fifo(p->at) = NULL; /* what nobody read is gone with the last one */
        free_pages(p);
        rt_free(p);
    }
}

static int pipe_wait(struct file *f, struct pipe *p)
{
    return (f->flags & O_NONBLOCK) != 0 ? -EAGAIN : os_block(&p->changed, UINT64_MAX);
}

static int64_t pipe_read(struct file *f, struct iter *to, uint64_t *pos)
{
    (void)pos;
    struct pipe *p = of(f);
    if (to->left == 0) {
        return 0;
    }
    while (p->written == p->read) {
        if (p->writers == 0) {
            return 0;
        }
        int err = pipe_wait(f, p);
        if (err != 0) {
            return err;
        }
    }
    int64_t done = 0;
    while (p->written > p->read && to->left > 0) {
        uint64_t at = p->read % PIPE_CAPACITY;
        uint64_t some = 4096 - at % 4096;
        some = some < p->written - p->read ? some : p->written - p->read;
        some = some < to->left ? some : to->left;
        int err = iter_put(to, p->pages[at / 4096] + at % 4096, (size_t)some);
        if (err != 0) {
            done = done > 0 ? done : err;
            break;
        }
        p->read += some;
        done += (int64_t)some;
    }
    p->at->drained++;
    fs_poll_changed(&p->changed);
    return done;
}

uint64_t pipe_mark(struct file *f)
{
    return f->ops == &pipe_ops ? of(f)->read : 0;
}

void pipe_unread(struct file *f, uint64_t mark, uint64_t n)
{
    struct pipe *p = f->ops == &pipe_ops ? of(f) : NULL;
    if (p != NULL && n > 0 && p->read == mark && p->written - (p->read - n) <= p->capacity) {
        p->read -= n;
        fs_poll_changed(&p->changed);
    }
}

/* Copies what fits now. */
static int64_t fill(struct pipe *p, struct iter *from)
{
    int64_t done = 0;
    while (from->left > 0 && p->written - p->read < p->capacity) {
        uint64_t room = p->capacity - (p->written - p->read);
        uint64_t at = p->written % PIPE_CAPACITY;
        uint64_t some = 4096 - at % 4096;
        some = some < room ? some : room;
        some = some < from->left ? some : from->left;
        if (p->pages[at / 4096] == NULL) {
            p->pages[at / 4096] = rt_alloc(4096);
            if (p->pages[at / 4096] == NULL) {
                return done > 0 ? done : -ENOMEM;
            }
        }
        int err = iter_get(from, p->pages[at / 4096] + at % 4096, (size_t)some);
        if (err != 0) {
            return done > 0 ? done : err;
        }
        p->written += some;
        done += (int64_t)some;
    }
    return done;
}

static int64_t pipe_write(struct file *f, struct iter *from, uint64_t *pos)
{
    (void)pos;
    struct pipe *p = of(f);
    uint64_t want = from->left;
    uint64_t need = want <= PIPE_ATOMIC ? want : 1; /* small writes go in whole or wait */
    int64_t done = 0;
    while (want > 0 && from->left > 0) {
        int err = 0;
        if (p->readers == 0) {
            os_raise(13); /* SIGPIPE */
            err = -EPIPE;
        } else if (p->capacity - (p->written - p->read) >= need) {
            int64_t n = fill(p, from);
            err = n < 0 ? (int)n : 0;
            done += n > 0 ? n : 0;
            p->at->arrived++;
            fs_poll_changed(&p->changed);
        } else {
            err = pipe_wait(f, p);
        }
        if (err != 0) {
            return done > 0 ? done : err;
        }
    }
    return done;
}

/* Waits until there is something to read and room for it. 1: there is; 0: nobody writes any more. */
static int wait_for_both(struct file *in, struct file *out, bool no_wait)
{
    struct pipe *from = of(in), *to = of(out);
    for (;;) {
        if (to->readers == 0) {
            os_raise(13); /* SIGPIPE */
            return -EPIPE;
        }
        const bool empty = from->written == from->read;
        if (empty && from->writers == 0) {
            return 0;
        }
        if (!empty && to->written - to->read < to->capacity) {
            return 1;
        }
        int err = no_wait ? -EAGAIN : pipe_wait(empty ? in : out, empty ? from : to);
        if (err != 0) {
            return err;
        }
    }
}

/* What is in one goes into the other as well, as far as there is room. */
static int64_t copy_pipe(const struct pipe *from, struct pipe *to, uint64_t count)
{
    int64_t n = 1, done = 0;
    while (n > 0 && (uint64_t)done < count && from->read + (uint64_t)done < from->written) {
        const uint64_t at = from->read + (uint64_t)done, left = from->written - at;
        uint64_t some = 4096 - at % 4096;
        some = some < left ? some : left;
        some = some < count - (uint64_t)done ? some : count - (uint64_t)done;
        struct iter it =
            iter_trusted(from->pages[at % PIPE_CAPACITY / 4096] + at % 4096, (size_t)some);
        n = fill(to, &it);
        done += n > 0 ? n : 0;
    }
    if (done > 0) {
        to->at->arrived++;
        fs_poll_changed(&to->changed);
    }
    return done > 0 ? done : n;
}

int64_t sys_tee(int in_fd, int out_fd, uint64_t count, uint32_t flags)
{
    struct file *in = fd_get(in_fd), *out = fd_get(out_fd);
    if ((flags & ~SPLICE_KNOWN) != 0) {
        return -EINVAL;
    }
    if (count == 0) {
        return 0;
    }
    if (in == NULL || out == NULL || !fs_may_read(in) || !fs_may_write(out)) {
        return -EBADF;
    }
    if (in->ops != &pipe_ops || out->ops != &pipe_ops || of(in) == of(out)) {
        return -EINVAL;
    }
    file_ref(in);
    file_ref(out);
    int64_t n = wait_for_both(in, out, (flags & SPLICE_NONBLOCK) != 0);
    n = n == 1 ? copy_pipe(of(in), of(out), count) : n;
    file_unref(in);
    file_unref(out);
    return n;
}

static unsigned pipe_poll(struct file *f)
{
    struct pipe *p = of(f);
    unsigned bits = 0;
    if (reads(f)) {
        bits |= p->written > p->read ? FS_POLLIN : 0u;
        bits |= p->writers == 0 && f->pos != p->writer_count ? FS_POLLHUP : 0u;
    }
    if (writes(f)) {
        bits |= p->capacity - (p->written - p->read) >= PIPE_ATOMIC ? FS_POLLOUT : 0u;
        bits |= p->readers == 0 ? FS_POLLERR : 0u;
    }
    return bits;
}

static int64_t pipe_ioctl(struct file *f, uint64_t request, app_ptr arg)
{
    if (request != FIONREAD) {
        return -ENOTTY;
    }
    struct pipe *p = of(f);
    int n = (int)(p->written - p->read);
    return copy_to_app(arg, &n, sizeof n);
}

int64_t pipe_size(struct file *f, bool set, uint64_t size)
{
    if (f->ops != &pipe_ops) {
        return -EBADF;
    }
    struct pipe *p = of(f);
    if (set) {
        uint64_t capacity = 4096; /* Linux rounds up to a power of two of pages */
        while (capacity < size && capacity < PIPE_CAPACITY) {
            capacity *= 2;
        }
        if (size > PIPE_CAPACITY) {
            return -EPERM;
        }
        if (p->written - p->read > capacity) {
            return -EBUSY;
        }
        p->capacity = capacity;
        fs_poll_changed(&p->changed);
    }
    return (int64_t)p->capacity;
}

static void pipe_destroy(struct node *n)
{
    struct pipe *p = (struct pipe *)(void *)n;
    free_pages(p);
    rt_free(p);
}

static const struct file_ops pipe_ops = {.read = pipe_read,
                                         .write = pipe_write,
                                         .poll = pipe_poll,
                                         .ioctl = pipe_ioctl,
                                         .release = pipe_release};
static const struct node_ops pipe_node_ops = {
    .open = pipe_open, .destroy = pipe_destroy, .file_ops = &pipe_ops};

/* Waits until somebody opened the other end; both who wait see each other even if one goes at once.
 */
static int wait_for_other_end(struct file *f, struct pipe *p)
{
    bool reader = reads(f);
    uint32_t before = reader ? p->writer_count : p->reader_count;
    while ((reader ? p->writers : p->readers) == 0 &&
           (reader ? p->writer_count : p->reader_count) == before) {
        int err = os_block(&p->changed, UINT64_MAX);
        if (err != 0) {
            return err;
        }
    }
    return 0;
}

int fifo_open(struct file *f)
{
    struct pipe **slot = tmpfs_fifo(f->node), *p = *slot;
    bool no_wait = (f->flags & O_NONBLOCK) != 0;
    if (!reads(f) && no_wait && (p == NULL || p->readers == 0)) {
        return -ENXIO;
    }
    if (p == NULL) {
        p = rt_alloc(sizeof *p);
        if (p == NULL) {
            return -ENOMEM;
        }
        p->capacity = PIPE_CAPACITY;
        p->at = f->node;
        *slot = p;
    }
    count_opener(f, p);
    fs_poll_changed(&p->changed);
    return no_wait || (reads(f) && writes(f)) ? 0 : wait_for_other_end(f, p);
}

const struct file_ops *fifo_ops(void)
{
    return &pipe_ops;
}

int pipe_make(uint32_t flags, struct file *ret[2])
{
    if (pipe_fs.minor == 0) {
        pipe_fs = (struct fs){.magic = PIPEFS_MAGIC,
                              .minor = fs_new_minor(),
                              .keeps_attributes = true,
                              .type = "pipefs"};
    }
    struct pipe *p = rt_alloc(sizeof *p);
    if (p == NULL) {
        return -ENOMEM;
    }
    p->capacity = PIPE_CAPACITY;
    p->at = &p->node;
    struct fs_time now = fs_now();
    p->node = (struct node){.ops = &pipe_node_ops,
                            .fs = &pipe_fs,
                            .refs = 1,
                            .mode = S_IFIFO | 0600,
                            .uid = fs_uid(),
                            .gid = fs_gid(),
                            .nlink = 1,
                            .ino = ++pipe_fs.next_ino,
                            .atime = now,
                            .mtime = now,
                            .ctime = now};
    char name[32];
    base_format(name, sizeof name, "pipe:[%llu]", (unsigned long long)p->node.ino);
    struct dentry *d = dentry_new_anon(name, &p->node);
    int err = d == NULL ? -ENOMEM : file_open(d, O_RDONLY | (flags & O_NONBLOCK), &ret[0]);
    if (err == 0) {
        err = file_open(d, O_WRONLY | (flags & (O_NONBLOCK | O_DIRECT)), &ret[1]);
        if (err != 0) {
            file_unref(ret[0]);
        }
    }
    dentry_unref(d);
    node_unref(&p->node);
    return err;
}
