/* SPDX-License-Identifier: Apache-2.0 */
/* inotify (inotify(7)): who watches a file or directory reads what happened to it.
 *
 * The adversary: the workload, which may watch much and read nothing: queues are bounded. The host
 * has no part in this; changes of its own to insecure folders are not seen. */
#include "inotify.h"

#include <linux/fcntl.h>
#include <linux/inotify.h>

#include "events.h"
#include "libos/syscalls.h"
#include "vfs.h"

#define QUEUE_MAX   16384u /* /proc/sys/fs/inotify/max_queued_events */
#define WATCHES_MAX 65536u
#define FROM_USER   (IN_ALL_EVENTS | IN_EXCL_UNLINK | IN_ONESHOT)
#define SELF_ONLY   (IN_DELETE_SELF | IN_MOVE_SELF)

unsigned fs_watch_count;

struct watch {
    struct watch *next_of_node, *next_of_set;
    struct inotify *set;
    struct node *node;
    bool holds; /* a reference: nodes that cannot be deleted must not leave the cache either */
    int wd;
    uint32_t mask;
};

struct event {
    struct event *next;
    int wd;
    uint32_t mask, cookie;
    uint32_t name_size; /* with the NUL and padding; 0: no name */
    char name[];
};

struct inotify {
    struct node node;
    struct watch *watches;
    struct event *first, *last;
    unsigned queued;
    int last_wd;
    struct wait_queue changed;
};

static struct inotify *of_node(struct node *n)
{
    return (struct inotify *)(void *)n;
}

/* ---- events
 * -------------------------------------------------------------------------------------- */

static bool same(const struct event *e, int wd, uint32_t mask, uint32_t cookie, struct bytes name,
                 uint32_t name_size)
{
    return e->wd == wd && e->mask == mask && e->cookie == cookie && e->name_size == name_size &&
           (name_size == 0 ||
            (memcmp(e->name, name.data, name.size) == 0 && e->name[name.size] == 0));
}

static void put(struct inotify *s, int wd, uint32_t mask, uint32_t cookie, struct bytes name)
{
    /* A name is padded to the size of the record (16 bytes). */
    uint32_t size = name.size == 0 ? 0 : ((uint32_t)name.size + 1 + 15) & ~15u;
    if (s->last != NULL && same(s->last, wd, mask, cookie, name, size) && mask != IN_IGNORED) {
        return; /* what nobody has read yet is said once */
    }
    if (s->queued == QUEUE_MAX) {
        return; /* its last entry says so */
    }
    bool full = s->queued == QUEUE_MAX - 1;
    size = full ? 0 : size;
    struct event *e = (struct event *)rt_alloc(sizeof *e + size);
    if (e == NULL) {
        return;
    }
    *e = (struct event){
        .wd = full ? -1 : wd, .mask = full ? IN_Q_OVERFLOW : mask, .name_size = size};
    e->cookie = full ? 0 : cookie;
    if (size > 0) {
        memcpy(e->name, name.data, name.size);
    }
    *(s->last != NULL ? &s->last->next : &s->first) = e;
    s->last = e;
    s->queued++;
    s->node.arrived++;
    fs_poll_changed(&s->changed);
}

/* ---- watches
 * --------------------------------------------------------------------------------------- */

static void drop(struct watch *w)
{
    struct watch **p = &w->node->watches;
    while (*p != w) {
        p = &(*p)->next_of_node;
    }
    *p = w->next_of_node;
    p = &w->set->watches;
    while (*p != w) {
        p = &(*p)->next_of_set;
    }
    *p = w->next_of_set;
    fs_watch_count--;
    if (w->holds) {
        node_unref(w->node);
    }
    rt_free(w);
}

static void tell(struct node *n, uint32_t mask, uint32_t cookie, struct bytes name, bool gone)
{
    struct watch *next;
    for (struct watch *w = n->watches; w != NULL; w = next) {
        next = w->next_of_node;
        if ((w->mask & mask & IN_ALL_EVENTS) == 0 || (gone && (w->mask & IN_EXCL_UNLINK) != 0)) {
            continue;
        }
        put(w->set, w->wd, mask, cookie, name);
        if ((w->mask & IN_ONESHOT) != 0) {
            put(w->set, w->wd, IN_IGNORED, 0, BYTES(NULL, 0));
            drop(w);
        }
    }
}

void fs_notify_slow(struct dentry *d, uint32_t mask)
{
    if (d->node == NULL || (d->flags & DENTRY_ANON) != 0) {
        return;
    }
    bool gone = (d->flags & DENTRY_GONE) != 0;
    mask |= node_is(d->node, S_IFDIR) ? IN_ISDIR : 0;
    if (d->parent != d && d->parent->node != NULL) {
        tell(d->parent->node, mask, 0, BYTES(d->name, d->name_size), gone);
    }
    tell(d->node, mask, 0, BYTES(NULL, 0), false);
}

void fs_notify_name_slow(struct node *dir, bool is_dir, struct bytes name, uint32_t mask,
                         uint32_t cookie)
{
    tell(dir, mask | (is_dir ? IN_ISDIR : 0), cookie, name, false);
}

void fs_notify_node_slow(struct node *n, uint32_t mask)
{
    mask |= (mask & SELF_ONLY) == 0 && node_is(n, S_IFDIR) ? IN_ISDIR : 0;
    tell(n, mask, 0, BYTES(NULL, 0), false);
}

void fs_notify_gone(struct node *n)
{
    while (n->watches != NULL) {
        struct watch *w = n->watches;
        if ((w->mask & IN_DELETE_SELF) != 0) {
            put(w->set, w->wd, IN_DELETE_SELF, 0, BYTES(NULL, 0));
        }
        put(w->set, w->wd, IN_IGNORED, 0, BYTES(NULL, 0));
        drop(w);
    }
}

uint32_t fs_notify_cookie(void)
{
    static uint32_t last;
    return ++last;
}

/* ---- the descriptor -----------------------------------------------------------------------------
 */

static int64_t inotify_read(struct file *f, struct iter *to, uint64_t *pos)
{
    struct inotify *s = of_node(f->node);
    (void)pos;
    while (s->first == NULL) {
        int err = (f->flags & O_NONBLOCK) != 0 ? -EAGAIN : os_block(&s->changed, UINT64_MAX);
        if (err != 0) {
            return err;
        }
    }
    int64_t done = 0;
    while (s->first != NULL) {
        struct event *e = s->first;
        const struct inotify_event head = {
            .wd = e->wd, .mask = e->mask, .cookie = e->cookie, .len = e->name_size};
        if (to->left < sizeof head + e->name_size) {
            return done > 0 ? done : -EINVAL;
        }
        int err = iter_put(to, &head, sizeof head);
        err = err == 0 && e->name_size > 0 ? iter_put(to, e->name, e->name_size) : err;
        if (err != 0) {
            return done > 0 ? done : err;
        }
        done += (int64_t)(sizeof head + e->name_size);
        s->first = e->next;
        s->last = s->first == NULL ? NULL : s->last;
        s->queued--;
        rt_free(e);
    }
    return done;
}

static unsigned inotify_poll(struct file *f)
{
    return of_node(f->node)->first != NULL ? FS_POLLIN : 0u;
}

static int64_t inotify_ioctl(struct file *f, uint64_t request, app_ptr arg)
{
    if ((uint32_t)request != 0x541b) { /* FIONREAD */
        return -ENOTTY;
    }
    int bytes = 0;
    for (const struct event *e = of_node(f->node)->first; e != NULL; e = e->next) {
        bytes += (int)(sizeof(struct inotify_event) + e->name_size);
    }
    return copy_to_app(arg, &bytes, sizeof bytes);
}

static void inotify_destroy(struct node *n)
{
    struct inotify *s = of_node(n);
    while (s->watches != NULL) {
        drop(s->watches);
    }
    while (s->first != NULL) {
        struct event *e = s->first;
        s->first = e->next;
        rt_free(e);
    }
    rt_free(s);
}

static const struct file_ops inotify_ops = {
    .read = inotify_read, .poll = inotify_poll, .ioctl = inotify_ioctl};
static const struct node_ops inotify_node_ops = {.destroy = inotify_destroy,
                                                 .file_ops = &inotify_ops};

int64_t sys_inotify_init1(int flags)
{
    struct file *f;
    if ((flags & ~(IN_CLOEXEC | IN_NONBLOCK)) != 0) {
        return -EINVAL;
    }
    struct inotify *s = (struct inotify *)rt_alloc(sizeof *s);
    if (s == NULL) {
        return -ENOMEM;
    }
    s->node.ops = &inotify_node_ops;
    int err = os_anon_file(&s->node, "anon_inode:inotify", (uint32_t)flags & O_NONBLOCK, &f);
    return err != 0 ? err : os_install(f, (flags & IN_CLOEXEC) != 0);
}

int64_t sys_inotify_init(void)
{
    return sys_inotify_init1(0);
}

/* Borrowed: the lock is not released before it is used. */
static int find(int fd, struct inotify **ret)
{
    struct file *f = fd_get(fd);
    if (f == NULL || f->ops != &inotify_ops) {
        return f == NULL ? -EBADF : -EINVAL;
    }
    *ret = of_node(f->node);
    return 0;
}

static int64_t add_watch(struct inotify *s, struct node *n, uint32_t mask)
{
    for (struct watch *w = n->watches; w != NULL; w = w->next_of_node) {
        if (w->set == s) {
            if ((mask & IN_MASK_CREATE) != 0) {
                return -EEXIST;
            }
            w->mask = (mask & FROM_USER) | ((mask & IN_MASK_ADD) != 0 ? w->mask : 0);
            return w->wd;
        }
    }
    if (fs_watch_count >= WATCHES_MAX) {
        return -ENOSPC;
    }
    struct watch *w = (struct watch *)rt_alloc(sizeof *w);
    if (w == NULL) {
        return -ENOMEM;
    }
    *w = (struct watch){.next_of_node = n->watches,
                        .next_of_set = s->watches,
                        .set = s,
                        .node = n,
                        .holds = !tmpfs_node_is(n),
                        .wd = ++s->last_wd,
                        .mask = mask & FROM_USER};
    if (w->holds) {
        node_ref(n);
    }
    n->watches = s->watches = w;
    fs_watch_count++;
    return w->wd;
}

int64_t sys_inotify_add_watch(int fd, app_ptr path, uint32_t mask)
{
    struct inotify *s;
    struct dentry *d;
    const uint32_t how = IN_MASK_ADD | IN_MASK_CREATE;
    if ((mask & IN_ALL_EVENTS) == 0 || (mask & how) == how) {
        return -EINVAL;
    }
    int err = find(fd, &s);
    if (err != 0) {
        return err;
    }
    unsigned walk = ((mask & IN_DONT_FOLLOW) != 0 ? 0u : WALK_FOLLOW) |
                    ((mask & IN_ONLYDIR) != 0 ? WALK_DIRECTORY : 0u);
    err = lookup_at(AT_FDCWD, path, walk, false, &d);
    if (err != 0) {
        return err;
    }
    err = node_may(d->node, 4);
    int64_t wd = err != 0 ? err : add_watch(s, d->node, mask);
    dentry_unref(d);
    return wd;
}

int64_t sys_inotify_rm_watch(int fd, int wd)
{
    struct inotify *s;
    int err = find(fd, &s);
    if (err != 0) {
        return err;
    }
    for (struct watch *w = s->watches; w != NULL; w = w->next_of_set) {
        if (w->wd == wd) {
            put(s, wd, IN_IGNORED, 0, BYTES(NULL, 0));
            drop(w);
            return 0;
        }
    }
    return -EINVAL;
}
