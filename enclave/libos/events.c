/* SPDX-License-Identifier: Apache-2.0 */
/* epoll and eventfd. All sources of events lie in one enclave, so a wait looks at every entry and
 * sleeps on the one queue that wakes when anything changed, as poll does.
 *
 * The adversary: the workload chooses what it watches; entries die with their descriptions. The
 * host sees only that threads sleep and wake. */
#include <errno.h>

#include "events.h"
#include "libos/syscalls.h"
#include "net/network.h"

#define WATCHES_MAX FS_FD_MAX
#define ROOM_MIN    16u
#define NO_WATCH    UINT32_MAX

/* uapi/linux/eventpoll.h */
#define EPOLL_BITS  0x7ffu /* what poll knows */
#define EPOLL_ERR   8u
#define EPOLL_HUP   16u
#define EPOLL_RDHUP 0x2000u
#define EPOLL_OUT   0x304u              /* POLLOUT, POLLWRNORM, POLLWRBAND */
#define EPOLL_ALONE (UINT32_C(1) << 28) /* EXCLUSIVE: of several sets, which one wakes */
#define EPOLL_SHOT  (UINT32_C(1) << 30)
#define EPOLL_EDGE  (UINT32_C(1) << 31)
enum { CTL_ADD = 1, CTL_DEL = 2, CTL_MOD = 3 };

struct event {
    uint32_t events;
    uint64_t data;
} __attribute__((packed));
_Static_assert(sizeof(struct event) == 12, "struct epoll_event of x86-64");

struct watch {
    struct file *file; /* no reference: forgotten when the description goes */
    int fd;
    struct event event;
    bool spent;                /* EPOLLONESHOT, until it is modified */
    bool told;                 /* EPOLLET: reported since it was added or modified */
    uint32_t arrived, drained; /* the file's edges, when it was reported */
    uint32_t next;             /* in its bucket; NO_WATCH: the last */
};
#define NESTING_MAX 4

struct epoll {
    struct node node;
    struct epoll *next;
    struct watch *watches; /* room of them, count of which are used */
    uint32_t *buckets;     /* room of them: by file, the first watch of each */
    size_t room, count;
    size_t first; /* where the next look begins, so that busy ones do not starve others */
};
static struct epoll *epolls;

/* ---- epoll ----------------------------------------------------------------------------------- */

static const struct file_ops epoll_ops;

static struct epoll *epoll_of_node(struct node *n)
{
    return (struct epoll *)(void *)n;
}

static struct epoll *epoll_of(struct file *f)
{
    return epoll_of_node(f->node);
}

static uint32_t ready_bits(const struct watch *w)
{
    if (w->spent) {
        return 0;
    }
    const struct node *n = w->file->node;
    unsigned bits =
        w->file->ops->poll != NULL ? w->file->ops->poll(w->file) : FS_POLLIN | FS_POLLOUT;
    bits |= ((bits & FS_POLLIN) != 0 ? 0x40u : 0) | ((bits & FS_POLLOUT) != 0 ? 0x100u : 0);
    bits &= (w->event.events | EPOLL_ERR | EPOLL_HUP) & (EPOLL_BITS | EPOLL_RDHUP);
    if ((w->event.events & EPOLL_EDGE) != 0 && w->told && w->file->ops != &epoll_ops) {
        bool in = n->arrived != w->arrived, out = n->drained != w->drained;
        if (!((in && (bits & ~EPOLL_OUT) != 0) || (out && (bits & EPOLL_OUT) != 0))) {
            return 0;
        }
    }
    return bits;
}

static unsigned epoll_poll(struct file *f)
{
    const struct epoll *e = epoll_of(f);
    for (size_t i = 0; i < e->count; i++) {
        if (ready_bits(&e->watches[i]) != 0) {
            return FS_POLLIN;
        }
    }
    return 0;
}

static void epoll_destroy(struct node *n)
{
    struct epoll **p = &epolls;
    while (*p != (struct epoll *)(void *)n) {
        p = &(*p)->next;
    }
    *p = (*p)->next;
    rt_free(epoll_of_node(n)->watches);
    rt_free(epoll_of_node(n)->buckets);
    rt_free(n);
}

static const struct file_ops epoll_ops = {.poll = epoll_poll};
static const struct node_ops epoll_node_ops = {.destroy = epoll_destroy, .file_ops = &epoll_ops};

/* Where the bucket of the file begins; room is a power of two. */
static uint32_t *bucket_of(const struct epoll *e, const struct file *f)
{
    const uint64_t mixed = (uint64_t)(uintptr_t)f * UINT64_C(0x9e3779b97f4a7c15);
    return &e->buckets[(mixed >> 32) & (e->room - 1)];
}

static void link_watch(const struct epoll *e, uint32_t i)
{
    uint32_t *bucket = bucket_of(e, e->watches[i].file);
    e->watches[i].next = *bucket;
    *bucket = i;
}

/* What says that the watch is the next one. */
static uint32_t *link_to(const struct epoll *e, uint32_t i)
{
    uint32_t *p = bucket_of(e, e->watches[i].file);
    while (*p != i) {
        p = &e->watches[*p].next;
    }
    return p;
}

static void drop_watch(struct epoll *e, size_t i)
{
    const size_t last = e->count - 1;
    *link_to(e, (uint32_t)i) = e->watches[i].next;
    if (i != last) {
        *link_to(e, (uint32_t)last) = (uint32_t)i;
        e->watches[i] = e->watches[last];
    }
    e->count = last;
}

static int grow(struct epoll *e)
{
    const size_t room = e->room == 0 ? ROOM_MIN : e->room * 2;
    struct watch *watches = (struct watch *)rt_realloc(e->watches, room * sizeof *watches);
    if (watches == NULL) {
        return -ENOMEM;
    }
    e->watches = watches;
    uint32_t *buckets = (uint32_t *)rt_realloc(e->buckets, room * sizeof *buckets);
    if (buckets == NULL) {
        return -ENOMEM;
    }
    e->buckets = buckets;
    e->room = room;
    memset(buckets, 0xff, room * sizeof *buckets); /* NO_WATCH */
    for (size_t i = 0; i < e->count; i++) {
        link_watch(e, (uint32_t)i);
    }
    return 0;
}

void os_file_gone(const struct file *f)
{
    for (struct epoll *e = epolls; e != NULL; e = e->next) {
        uint32_t i = e->count > 0 ? *bucket_of(e, f) : NO_WATCH;
        while (i != NO_WATCH) {
            if (e->watches[i].file == f) {
                drop_watch(e, i);
                i = *bucket_of(e, f); /* another may have moved to this place */
            } else {
                i = e->watches[i].next;
            }
        }
    }
}

int64_t sys_epoll_create1(int flags)
{
    struct file *f;
    if ((flags & ~O_CLOEXEC) != 0) {
        return -EINVAL;
    }
    struct epoll *e = (struct epoll *)rt_alloc(sizeof *e);
    if (e == NULL) {
        return -ENOMEM;
    }
    e->node.ops = &epoll_node_ops;
    e->next = epolls;
    epolls = e;
    int err = os_anon_file(&e->node, "anon_inode:[eventpoll]", 0, &f);
    return err != 0 ? err : os_install(f, flags != 0);
}

int64_t sys_epoll_create(int size)
{
    return size <= 0 ? -EINVAL : sys_epoll_create1(0);
}

static struct watch *find_watch(struct epoll *e, const struct file *f, int fd)
{
    for (uint32_t i = e->count > 0 ? *bucket_of(e, f) : NO_WATCH; i != NO_WATCH;
         i = e->watches[i].next) {
        if (e->watches[i].file == f && e->watches[i].fd == fd) {
            return &e->watches[i];
        }
    }
    return NULL;
}

static int add_watch(struct epoll *e, struct file *f, int fd, const struct event *event)
{
    if (e->count == WATCHES_MAX) {
        return -ENOSPC;
    }
    if (e->count == e->room && grow(e) != 0) {
        return -ENOMEM;
    }
    e->watches[e->count] = (struct watch){.file = f, .fd = fd, .event = *event};
    link_watch(e, (uint32_t)e->count++);
    f->watched = true;
    return 0;
}

static int change_watch(struct epoll *e, int op, struct file *f, int fd, const struct event *event)
{
    struct watch *w = find_watch(e, f, fd);
    switch (op) {
    case CTL_ADD:
        if (w != NULL) {
            return -EEXIST;
        }
        if (node_is(f->node, S_IFREG) || node_is(f->node, S_IFDIR)) {
            return -EPERM; /* always ready: Linux does not watch them */
        }
        return add_watch(e, f, fd, event);
    case CTL_MOD:
        if (w == NULL) {
            return -ENOENT;
        }
        w->event = *event;
        w->spent = w->told = false;
        return 0;
    case CTL_DEL:
        if (w == NULL) {
            return -ENOENT;
        }
        drop_watch(e, (size_t)(w - e->watches));
        return 0;
    default:
        return -EINVAL;
    }
}

/* Sets in sets, at most so deep and never in a circle: -ELOOP. */
static int check_nesting(const struct epoll *outer, struct file *inner, int depth)
{
    if (inner->ops != &epoll_ops) {
        return 0;
    }
    const struct epoll *e = epoll_of(inner);
    if (e == outer || depth == NESTING_MAX) {
        return -ELOOP;
    }
    for (size_t i = 0; i < e->count; i++) {
        int err = check_nesting(outer, e->watches[i].file, depth + 1);
        if (err != 0) {
            return err;
        }
    }
    return 0;
}

int64_t sys_epoll_ctl(int epfd, int op, int fd, app_ptr event)
{
    struct file *ef = fd_get(epfd), *f = fd_get(fd);
    struct event ev = {.events = 0};
    if (ef == NULL || f == NULL) {
        return -EBADF;
    }
    if (op != CTL_DEL && copy_from_app(&ev, event, sizeof ev) != 0) {
        return -EFAULT;
    }
    const uint32_t known =
        EPOLL_BITS | EPOLL_RDHUP | EPOLL_SHOT | EPOLL_EDGE | (op == CTL_ADD ? EPOLL_ALONE : 0);
    if (ef->ops != &epoll_ops || f == ef || (ev.events & ~known) != 0) {
        return -EINVAL;
    }
    int err = op == CTL_ADD ? check_nesting(epoll_of(ef), f, 0) : 0;
    err = err != 0 ? err : change_watch(epoll_of(ef), op, f, fd, &ev);
    if (err == 0) {
        fs_poll_changed(&fs_poll_queue);
    }
    return err;
}

/* What is ready, at most max. */
static int64_t collect(struct epoll *e, app_ptr to, int max)
{
    int64_t n = 0;
    size_t count = e->count, first = count == 0 ? 0 : e->first % count;
    for (size_t k = 0; k < count && n < max; k++) {
        struct watch *w = &e->watches[(first + k) % count];
        struct event out = {.events = ready_bits(w), .data = w->event.data};
        if (out.events == 0) {
            continue;
        }
        if (copy_to_app(app_add(to, (uint64_t)n * sizeof out), &out, sizeof out) != 0) {
            return n > 0 ? n : -EFAULT;
        }
        w->spent = (w->event.events & EPOLL_SHOT) != 0;
        w->told = true;
        w->arrived = w->file->node->arrived;
        w->drained = w->file->node->drained;
        e->first = first + k + 1;
        n++;
    }
    return n;
}

static int64_t wait_for_events(int epfd, app_ptr events, int max, uint64_t deadline)
{
    struct file *f = fd_get(epfd);
    if (f == NULL) {
        return -EBADF;
    }
    if (f->ops != &epoll_ops || max <= 0 || max > INT32_MAX / (int)sizeof(struct event)) {
        return -EINVAL;
    }
    file_ref(f);
    bool looked = network_look(false);
    int64_t n = collect(epoll_of(f), events, max);
    if (n == 0 && deadline == 0 && !looked && network_look(true)) {
        n = collect(epoll_of(f), events, max);
    }
    while (n == 0 && deadline != 0) {
        int r = os_block(&fs_poll_queue, deadline);
        n = r == -ERESTARTSYS ? -EINTR : collect(epoll_of(f), events, max);
        deadline = r == -ETIMEDOUT ? 0 : deadline;
    }
    file_unref(f);
    return n;
}

static uint64_t deadline_of_ms(int timeout_ms)
{
    uint64_t deadline;
    if (timeout_ms <= 0) {
        return timeout_ms == 0 ? 0 : UINT64_MAX;
    }
    return add_ok(rt_clock_ns(1), (uint64_t)timeout_ms * 1000000, &deadline) ? deadline
                                                                             : UINT64_MAX;
}

int64_t sys_epoll_wait(int epfd, app_ptr events, int max, int timeout_ms)
{
    return wait_for_events(epfd, events, max, deadline_of_ms(timeout_ms));
}

int64_t sys_epoll_pwait(int epfd, app_ptr events, int max, int timeout_ms, app_ptr sigmask,
                        uint64_t sigset_size)
{
    int err = sigmask.addr != 0 ? os_temporary_sigmask(sigmask, sigset_size) : 0;
    return err != 0 ? err : wait_for_events(epfd, events, max, deadline_of_ms(timeout_ms));
}

/* ---- eventfd --------------------------------------------------------------------------------- */

#define EVENTFD_MAX (UINT64_MAX - 1)

struct eventfd {
    struct node node;
    uint64_t value;
    bool semaphore;
    struct wait_queue changed;
};

static struct eventfd *eventfd_of(struct file *f)
{
    return (struct eventfd *)(void *)f->node;
}

static int eventfd_sleep(struct file *f)
{
    return (f->flags & O_NONBLOCK) != 0 ? -EAGAIN : os_block(&eventfd_of(f)->changed, UINT64_MAX);
}

static int64_t eventfd_read(struct file *f, struct iter *to, uint64_t *pos)
{
    struct eventfd *e = eventfd_of(f);
    (void)pos;
    if (to->left < sizeof e->value) {
        return -EINVAL;
    }
    while (e->value == 0) {
        int err = eventfd_sleep(f);
        if (err != 0) {
            return err;
        }
    }
    uint64_t got = e->semaphore ? 1 : e->value;
    int err = iter_put(to, &got, sizeof got);
    if (err != 0) {
        return err;
    }
    e->value -= got;
    e->node.drained++;
    fs_poll_changed(&e->changed);
    return sizeof got;
}

static int64_t eventfd_write(struct file *f, struct iter *from, uint64_t *pos)
{
    struct eventfd *e = eventfd_of(f);
    uint64_t more;
    (void)pos;
    if (from->left < sizeof more) {
        return -EINVAL;
    }
    int err = iter_get(from, &more, sizeof more);
    if (err != 0) {
        return err;
    }
    if (more == UINT64_MAX) {
        return -EINVAL;
    }
    while (e->value > EVENTFD_MAX - more) {
        err = eventfd_sleep(f);
        if (err != 0) {
            return err;
        }
    }
    e->value += more;
    e->node.arrived++;
    fs_poll_changed(&e->changed);
    return sizeof more;
}

static unsigned eventfd_poll(struct file *f)
{
    uint64_t value = eventfd_of(f)->value;
    return (value > 0 ? FS_POLLIN : 0u) | (value < EVENTFD_MAX ? FS_POLLOUT : 0u);
}

static void eventfd_destroy(struct node *n)
{
    rt_free(n);
}

static const struct file_ops eventfd_ops = {
    .read = eventfd_read, .write = eventfd_write, .poll = eventfd_poll};
static const struct node_ops eventfd_node_ops = {.destroy = eventfd_destroy,
                                                 .file_ops = &eventfd_ops};

int64_t sys_eventfd2(uint32_t value, int flags)
{
    enum { SEMAPHORE = 1 };
    struct file *f;
    if ((flags & ~(O_CLOEXEC | O_NONBLOCK | SEMAPHORE)) != 0) {
        return -EINVAL;
    }
    struct eventfd *e = (struct eventfd *)rt_alloc(sizeof *e);
    if (e == NULL) {
        return -ENOMEM;
    }
    e->node.ops = &eventfd_node_ops;
    e->value = value;
    e->semaphore = (flags & SEMAPHORE) != 0;
    int err = os_anon_file(&e->node, "anon_inode:[eventfd]", (uint32_t)flags & O_NONBLOCK, &f);
    return err != 0 ? err : os_install(f, (flags & O_CLOEXEC) != 0);
}

int64_t sys_eventfd(uint32_t value)
{
    return sys_eventfd2(value, 0);
}
