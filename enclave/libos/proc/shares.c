/* SPDX-License-Identifier: Apache-2.0 */
/* See shares.h: the owner's end. A page is at home (in the file, or under a window of the owner's
 * own process) or it is held: by one process in another enclave, which gives it back when it is
 * recalled, unmaps it or ends. A process that is killed gives back nothing: then the file has what
 * it held when the page left. */
#include "proc/shares.h"

#include <errno.h>

#include "fs/vfs.h"
#include "ipc/shm.h"
#include "threads/futex.h"
#include "mm/mm.h"
#include "proc/call_server.h"
#include "proc/member.h"
#include "proc/table.h"
#include "mm/vma.h"

#define PAGE    4096u
#define BUCKETS 1024u
#define ANONYMOUS "/dev/zero (deleted)" /* as Linux calls it in /proc/PID/maps */

#define FEW     16u                  /* pages that are looked for one by one */
#define HOLD_NS UINT64_C(100000)     /* what came to the owner's own process stays so long */
#define LAST_NS UINT64_C(1000000000) /* who holds pages when the run ends has so long */

/* A process in another enclave may have pages of the node. */
struct share {
    struct share *next;
    struct process *process;
    struct node *node; /* a reference; its id is node->share */
    uint64_t count;    /* mappings that were asked for and not dropped yet */
    uint64_t attached; /* System V shared memory: how often the process says that it has it */
};

struct held {
    struct held *next;
    struct node *node; /* the holder's share keeps it */
    uint64_t index;
    struct process *holder;
    bool recalled;
};

/* Pages that a call here needs all at once: they are given to nobody until it has looked. */
struct bringing {
    struct bringing *next;
    const struct node *node;
    uint64_t first, end;
};

static struct {
    struct share *list;
    struct held *held[BUCKETS];
    struct bringing *bringing;
    struct wait_queue changed; /* who waits for a page */
    struct fs *memory;         /* of anonymous shared mappings */
    uint64_t last_id;
    bool over;        /* the run ends: nobody gets a page any more */
    uint64_t home_ns; /* when pages last came to the owner's own process */
} shares;

uint64_t shares_held;

/* ---- who holds what
 * ------------------------------------------------------------------------------ */

static struct held **bucket_of(const struct node *n, uint64_t index)
{
    return &shares.held[((uint64_t)(uintptr_t)n / 64 + index) * UINT64_C(0x9e3779b97f4a7c15) >> 54];
}

static struct held *held_at(const struct node *n, uint64_t index)
{
    struct held *h = *bucket_of(n, index);
    while (h != NULL && (h->node != n || h->index != index)) {
        h = h->next;
    }
    return h;
}

static void unhold(struct held *gone)
{
    struct held **p = bucket_of(gone->node, gone->index);
    while (*p != gone) {
        p = &(*p)->next;
    }
    *p = gone->next;
    gone->node->away--;
    shares_held--;
    rt_free(gone);
    os_wake_all(&shares.changed);
}

static int hold(struct node *n, uint64_t index, struct process *holder)
{
    struct held *h = (struct held *)rt_alloc(sizeof *h);
    struct held **bucket = bucket_of(n, index);
    if (h == NULL) {
        return -ENOMEM;
    }
    *h = (struct held){.next = *bucket, .node = n, .index = index, .holder = holder};
    *bucket = h;
    n->away++;
    shares_held++;
    return 0;
}

/* The first in a range, or NULL. */
static struct held *held_within(const struct node *n, uint64_t first, uint64_t end)
{
    if (n->away == 0) {
        return NULL;
    }
    if (end - first <= BUCKETS) {
        struct held *h = NULL;
        for (uint64_t i = first; h == NULL && i < end; i++) {
            h = held_at(n, i);
        }
        return h;
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct held *h = shares.held[i]; h != NULL; h = h->next) {
            if (h->node == n && h->index >= first && h->index < end) {
                return h;
            }
        }
    }
    return NULL;
}

bool shares_away(const struct node *n, uint64_t first, uint64_t end)
{
    return held_within(n, first, end) != NULL;
}

/* ---- shares
 * --------------------------------------------------------------------------------------- */

static struct share *share_of(const struct process *p, const struct node *n)
{
    struct share *s = shares.list;
    while (s != NULL && (s->process != p || s->node != n)) {
        s = s->next;
    }
    return s;
}

struct node *shares_node(const struct process *p, uint64_t id)
{
    struct share *s = shares.list;
    while (s != NULL && (s->process != p || s->node->share != id)) {
        s = s->next;
    }
    return s != NULL ? s->node : NULL;
}

static int share_open(struct process *p, struct node *n)
{
    struct share *s = share_of(p, n);
    if (s == NULL) {
        s = (struct share *)rt_alloc(sizeof *s);
        if (s == NULL) {
            return -ENOMEM;
        }
        *s = (struct share){.next = shares.list, .process = p, .node = node_ref(n)};
        shares.list = s;
        n->share = n->share != 0 ? n->share : ++shares.last_id;
        n->sharers++;
        n->windowed = true;
    }
    s->count++;
    return 0;
}

/* Pages that p still holds of the node, or of all, are what the file has. */
static void forget_held(const struct process *p, const struct node *n)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        struct held *next;
        for (struct held *h = shares.held[i]; h != NULL; h = next) {
            next = h->next;
            if (h->holder == p && (n == NULL || h->node == n)) {
                unhold(h);
            }
        }
    }
}

static void share_close(struct share *gone)
{
    struct share **p = &shares.list;
    while (*p != gone) {
        p = &(*p)->next;
    }
    *p = gone->next;
    forget_held(gone->process, gone->node);
    gone->node->sharers--;
    if (gone->node->segment) {
        shm_left(gone->node, gone->process->pid);
    }
    node_unref(gone->node);
    rt_free(gone);
}

void shares_end(struct process *p)
{
    struct share *next;
    for (struct share *s = shares.list; s != NULL; s = next) {
        next = s->next;
        if (s->process == p) {
            share_close(s);
        }
    }
}

/* One mapping for the child, however many there are: its image names the file once. */
static int share_once(struct process *p, struct node *n)
{
    return share_of(p, n) == NULL ? share_open(p, n) : 0;
}

int shares_fork(struct process *child)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < vma_count(); i++) {
        const struct vma *v = vma_at(i);
        if (v->window && !v->dont_fork) {
            r = share_once(child, v->file->node);
        }
        if (v->window && !v->dont_fork && r == 0) {
            share_of(child, v->file->node)->attached += v->offset == 0;
        }
    }
    return r;
}

int shares_attach(struct process *p, struct node *n)
{
    int r = share_open(p, n);
    if (r == 0) {
        share_of(p, n)->attached++;
    }
    return r;
}

void shares_detach(const struct process *p, const struct node *n, uint64_t now)
{
    struct share *s = share_of(p, n);
    if (s != NULL) {
        s->attached = now;
    }
}

uint64_t shares_attached(const struct node *n)
{
    uint64_t sum = 0;
    for (const struct share *s = shares.list; s != NULL; s = s->next) {
        sum += s->node == n ? s->attached : 0;
    }
    return sum;
}

void shares_dropped(struct process *p, uint64_t id, uint64_t count)
{
    struct node *n = shares_node(p, id);
    struct share *s = n != NULL ? share_of(p, n) : NULL;
    if (s != NULL) {
        s->count -= count < s->count ? count : s->count;
        if (s->count == 0) {
            share_close(s);
        }
    }
}

void shares_returned(struct process *p, uint64_t id, uint64_t index, const void *page)
{
    struct node *n = shares_node(p, id);
    struct held *h = n != NULL ? held_at(n, index) : NULL;
    if (h == NULL || h->holder != p) {
        return;
    }
    if (page != NULL) {
        tmpfs_store_page(n, index, page);
    }
    unhold(h);
}

/* ---- waiting for pages
 * ---------------------------------------------------------------------------- */

static void recall(struct held *h)
{
    h->recalled = h->recalled || member_recall(h->holder, h->node->share, h->index) == 0;
}

/* Asks whoever holds it to give it back, once, and sleeps until something changed. */
static int wait_for(struct held *h, const struct process *unless)
{
    if (h->holder != unless) {
        recall(h);
        if (!h->recalled) {
            return -ENOMEM;
        }
    }
    return os_block(&shares.changed, UINT64_MAX);
}

/* Asks for all before it waits for the first. */
static void recall_all(const struct node *n, uint64_t first, uint64_t end)
{
    for (uint64_t i = first; i < end && end - first <= FEW; i++) {
        struct held *h = held_at(n, i);
        if (h != NULL) {
            recall(h);
        }
    }
    if (end - first <= FEW) {
        return;
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct held *h = shares.held[i]; h != NULL; h = h->next) {
            if (h->node == n && h->index >= first && h->index < end) {
                recall(h);
            }
        }
    }
}

static int bring(struct node *n, uint64_t first, uint64_t end)
{
    int r = 0;
    struct bringing self = {shares.bringing, n, first, end}, **p = &shares.bringing;
    shares.bringing = &self;
    recall_all(n, first, end);
    for (struct held *h = held_within(n, first, end); r == 0 && h != NULL;
         h = held_within(n, first, end)) {
        r = wait_for(h, NULL);
    }
    while (*p != &self) {
        p = &(*p)->next;
    }
    *p = self.next;
    os_wake_all(&shares.changed); /* who wanted them meanwhile */
    if (os_self()->server == NULL) {
        shares.home_ns = rt_clock_ns(1);
    }
    return r == 0 ? 1 : r == -ERESTARTSYS ? r : 0;
}

/* Until when nobody gets a page that is at home; 0: at once. */
static uint64_t kept_until(const struct node *n, uint64_t index, const struct process *wanted_by)
{
    if (shares.over || member_is_dying(wanted_by)) {
        return UINT64_MAX;
    }
    for (const struct bringing *b = shares.bringing; b != NULL; b = b->next) {
        if (b->node == n && index >= b->first && index < b->end) {
            return UINT64_MAX;
        }
    }
    return rt_clock_ns(1) < shares.home_ns + HOLD_NS ? shares.home_ns + HOLD_NS : 0;
}

bool shares_bring_range(uint64_t start, uint64_t size)
{
    uint64_t end = start + (size < APP_END - start ? size : APP_END - start);
    for (size_t i = vma_find(start); i < vma_count() && vma_at(i)->start < end; i++) {
        const struct vma *v = vma_at(i);
        if (!v->window || v->file->node->away == 0) {
            continue;
        }
        const uint64_t from = v->start > start ? v->start : start;
        const uint64_t to = v->end < end ? v->end : end;
        const uint64_t first = (v->offset + (from - v->start)) / PAGE;
        const uint64_t last = (v->offset + (to - 1 - v->start)) / PAGE;
        if (shares_away(v->file->node, first, last + 1)) {
            share_want(v->file->node, first, last + 1);
            return true;
        }
    }
    return false;
}

/* ---- ends
 * ------------------------------------------------------------------------------------------ */

bool shares_any(const struct process *p)
{
    const struct share *s = shares.list;
    while (s != NULL && s->process != p) {
        s = s->next;
    }
    return s != NULL;
}

bool shares_recall_from(const struct process *p)
{
    bool any = false;
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct held *h = shares.held[i]; h != NULL; h = h->next) {
            if (h->holder == p) {
                recall(h);
                any = any || h->recalled;
            }
        }
    }
    return any;
}

/* As os_block(), but nothing ends it early. */
static void sleep_for(struct wait_queue *q, uint64_t ns)
{
    const unsigned number = rt_thread_number(rt_self());
    q->waiting[number / 64] |= UINT64_C(1) << number % 64;
    os_unlock();
    ignore_result(rt_wait(ns), "what is there tells");
    os_lock();
    q->waiting[number / 64] &= ~(UINT64_C(1) << number % 64);
}

static bool recall_kept(void)
{
    bool any = false;
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct held *h = shares.held[i]; h != NULL; h = h->next) {
            if (h->node->fs != shares.memory) {
                recall(h);
                any = any || h->recalled;
            }
        }
    }
    return any;
}

void shares_last(void)
{
    const uint64_t until = rt_clock_ns(1) + LAST_NS;
    for (uint64_t now = rt_clock_ns(1); now < until && recall_kept(); now = rt_clock_ns(1)) {
        sleep_for(&shares.changed, until - now);
    }
    shares.over = true;
    for (size_t i = 0; i < BUCKETS; i++) {
        while (shares.held[i] != NULL) {
            unhold(shares.held[i]);
        }
    }
}

uint32_t *share_word(struct node *n, uint64_t offset, bool change)
{
    if (offset % 4 != 0 || offset >= n->size ||
        os_windows_put_back(n, offset / PAGE, offset / PAGE + 1, change) != 0) {
        return NULL;
    }
    uint8_t *page = tmpfs_page(n, offset / PAGE, true);
    return page != NULL ? (uint32_t *)(void *)(page + offset % PAGE) : NULL;
}

/* ---- both ends: what a thread misses
 * -------------------------------------------------------------- */

void share_want(struct node *n, uint64_t first, uint64_t end)
{
    struct os_thread *t = os_self();
    node_ref(n);
    node_unref(t->away.node);
    t->away.node = n;
    t->away.first = first;
    t->away.end = end;
}

int share_bring(void)
{
    struct os_thread *t = os_self();
    struct node *n = t->away.node;
    if (n == NULL) {
        return 0;
    }
    t->away.node = NULL;
    const int r =
        n->remote ? share_client_fetch(n, t->away.first) : bring(n, t->away.first, t->away.end);
    node_unref(n);
    return r;
}

/* ---- what members ask
 * ----------------------------------------------------------------------------- */

int64_t remote_serve_share_map(struct call_server *s, struct bytes in, struct writer *out)
{
    int32_t fd;
    (void)out;
    if (in.size != sizeof fd) {
        return -EINVAL;
    }
    memcpy(&fd, in.data, sizeof fd);
    struct file *f = fd_get(fd);
    if (f == NULL || !fs_may_read(f) || fs_map_kind(f) != FS_MAP_FILE) {
        return f == NULL ? -EBADF : -ENODEV;
    }
    int r = share_open(member_of_server(s)->process, f->node);
    return r != 0 ? r : (int64_t)f->node->share;
}

int share_new_memory(uint64_t length, const char *path, struct file **ret)
{
    struct fs *memory = shares.memory;
    if (length > (UINT64_C(1) << SHARE_OFFSET_BITS) - PAGE) {
        return -ENOMEM;
    }
    memory = memory != NULL ? memory : tmpfs_new(UINT64_C(1) << SHARE_OFFSET_BITS, "tmpfs");
    shares.memory = memory;
    struct node *n = memory != NULL ? tmpfs_new_node(memory, S_IFREG | 0600) : NULL;
    struct dentry *d = n != NULL ? dentry_new_anon(path, n) : NULL;
    struct file *f = d != NULL ? file_new(n->ops->file_ops, d, n, O_RDWR) : NULL;
    if (f != NULL) {
        n->size = (length + PAGE - 1) / PAGE * PAGE;
    }
    dentry_unref(d);
    node_unref(n);
    *ret = f;
    return f != NULL ? 0 : -ENOMEM;
}

int64_t remote_serve_share_new(struct call_server *s, struct bytes in, struct writer *out)
{
    uint64_t length;
    struct file *f;
    (void)out;
    if (in.size != sizeof length) {
        return -EINVAL;
    }
    memcpy(&length, in.data, sizeof length);
    int r = share_new_memory(length, ANONYMOUS, &f);
    if (r != 0) {
        return r;
    }
    r = share_open(member_of_server(s)->process, f->node);
    int64_t id = (int64_t)f->node->share;
    file_unref(f);
    return r != 0 ? r : id;
}

/* Which of the files that it shares a child of the caller's shares, too: the child's number, ids. */
int64_t remote_serve_share_fork(struct call_server *s, struct bytes in, struct writer *out)
{
    uint64_t q[1 + SHARE_FORK_MAX];
    const struct process *parent = member_of_server(s)->process;
    (void)out;
    if (in.size < sizeof q[0] || in.size > sizeof q || in.size % sizeof q[0] != 0) {
        return -EINVAL;
    }
    memcpy(q, in.data, in.size);
    struct process *child = q[0] <= PID_MAX ? process_by_pid((int)q[0]) : NULL;
    if (child == NULL || child->member == NULL) {
        return 0; /* it was killed */
    }
    const struct process *maker = os_current(); /* the parent, or the child of its vfork */
    if (child->parent != maker && child->parent != maker->parent) {
        return -ESRCH;
    }
    int r = 0;
    for (size_t i = 1; r == 0 && i < in.size / sizeof q[0]; i++) {
        struct node *n = shares_node(parent, q[i]);
        r = n != NULL ? share_once(child, n) : -EBADF;
        if (r == 0) {
            share_of(child, n)->attached = share_of(parent, n)->attached;
        }
    }
    return r;
}

int64_t remote_serve_share_fetch(struct call_server *s, struct bytes in, struct writer *out)
{
    struct process *p = member_of_server(s)->process;
    uint64_t q[2]; /* id, page */
    if (in.size != sizeof q) {
        return -EINVAL;
    }
    memcpy(q, in.data, sizeof q);
    for (;;) {
        struct node *n = shares_node(p, q[0]);
        if (n == NULL) {
            return -EBADF;
        }
        const uint64_t size = n->size;
        struct held *h = held_at(n, q[1]);
        if (q[1] >= (size + PAGE - 1) / PAGE) {
            writer_put(out, BYTES_OF(size));
            return -ENXIO;
        }
        const uint64_t until = h == NULL ? kept_until(n, q[1], p) : 0;
        if (h == NULL && until == 0) {
            const uint8_t *page = tmpfs_page(n, q[1], true);
            int r = page != NULL ? os_windows_put_back(n, q[1], q[1] + 1, true) : -ENOMEM;
            r = r == 0 ? hold(n, q[1], p) : r;
            if (r == 0) {
                writer_put(out, BYTES_OF(size));
                writer_put(out, BYTES(page, PAGE));
            }
            return r;
        }
        int r = h == NULL ? os_block(&shares.changed, until)
                          : wait_for(h, p); /* what the caller itself gave back is on its way */
        if (r != 0 && r != -ETIMEDOUT) {
            return r;
        }
    }
}

/* ---- the owner's own process
 * ----------------------------------------------------------------------- */

int share_memory(uint64_t length, struct file **ret)
{
    *ret = NULL;
    if (os_self()->client != NULL) {
        return share_client_new(length, ret);
    }
    return member_possible() ? share_new_memory(length, ANONYMOUS, ret) : 0;
}
