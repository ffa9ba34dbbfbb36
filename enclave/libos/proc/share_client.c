/* SPDX-License-Identifier: Apache-2.0 */
/* See shares.h: a member's end. A file of the owner's has a stand-in here, whose pages are those
 * that this process holds; windows.c moves them under its mappings as those of any other file. What
 * is not there is fetched; what the owner recalls is taken away from every mapping, after whoever
 * fetched it had time to use it, and sent back. How much time that is decides how quick processes
 * are that share a page: each move costs as much as a hundred accesses
 * (docs/decisions/015-processes.md). */
#include <errno.h>

#include "fs/vfs.h"
#include "libos/numbers.h"
#include "proc/blank.h"
#include "proc/call_client.h"
#include "proc/notice.h"
#include "proc/shares.h"
#include "mm/vma.h"

#define PAGE    4096u
#define HOLD_NS UINT64_C(100000)  /* a page that came stays so long: its thread is to get on */
#define MOST_NS UINT64_C(1600000) /* and at most so long, if it is wanted again */
#define SOON_NS UINT64_C(500000)  /* within so much of its going */
#define RECENT  64u               /* pages that came last, and that went last */

struct fetching {
    struct fetching *next;
    const struct node *node;
    uint64_t index;
    const struct os_thread *thread;
};

/* A page that came, and for which step of which thread. */
struct arrival {
    uint64_t id, index, at, stay, step;
    int tid;
};

/* A page that went, because somebody else wanted it. */
struct departure {
    uint64_t id, index, at, stay;
};

struct recall {
    struct recall *next;
    uint64_t id, index;
    uint64_t latest; /* 0: not looked at yet */
};

/* A stand-in, for as long as anybody holds it: a mapping, or a thread that waits for a page of it.
 */
struct stand_in {
    struct stand_in *next;
    struct node *node;
};

static struct {
    struct fs *fs;
    struct stand_in *all;
    struct fetching *fetching;
    struct wait_queue arrived;
    struct recall *recalls;
    struct arrival recent[RECENT];
    struct departure gone[RECENT];
    uint64_t arrivals, departures;
} client;

static struct node *node_of(uint64_t id)
{
    const struct stand_in *s = client.all;
    while (s != NULL && s->node->share != id) {
        s = s->next;
    }
    return s != NULL ? s->node : NULL;
}

/* ---- stand-ins
 * ------------------------------------------------------------------------------------ */

static void drop(uint64_t id, uint64_t count)
{
    const struct notice n = {.kind = NOTICE_DROP, .u.share = {id, count}};
    blank_say(BYTES(&n, NOTICE_SIZE(share)), BYTES(NULL, 0));
}

static struct node *new_stand_in(const struct share_told *t)
{
    struct stand_in *s = (struct stand_in *)rt_alloc(sizeof *s);
    client.fs =
        client.fs != NULL ? client.fs : tmpfs_new(UINT64_C(1) << SHARE_OFFSET_BITS, "tmpfs");
    struct node *n =
        s != NULL && client.fs != NULL ? tmpfs_new_node(client.fs, S_IFREG | 0600) : NULL;
    if (n == NULL) {
        rt_free(s);
        return NULL;
    }
    n->remote = true;
    n->segment = t->segment != 0;
    n->share = t->id;
    n->share_maps = 1;
    *s = (struct stand_in){client.all, n};
    client.all = s;
    return n;
}

int share_stand_in(const struct share_told *t, const char *path, bool another, struct file **ret)
{
    struct node *n = node_of(t->id);
    if (n != NULL) {
        node_ref(n)->share_maps += another;
    } else {
        n = new_stand_in(t);
    }
    if (n == NULL) {
        drop(t->id, 1);
        return -ENOMEM;
    }
    n->ino = t->ino;
    n->size = t->size;
    struct dentry *d = dentry_new_anon(path, n);
    struct file *f =
        d != NULL ? file_new(n->ops->file_ops, d, n, t->may_write != 0 ? O_RDWR : O_RDONLY) : NULL;
    dentry_unref(d);
    node_unref(n);
    *ret = f;
    return f != NULL ? 0 : -ENOMEM;
}

static int stand_in_for(int64_t id, struct share_told *t, const char *path, struct file **ret)
{
    if (id <= 0) {
        return id < 0 ? (int)id : -EIO;
    }
    t->id = (uint64_t)id;
    return share_stand_in(t, path, true, ret);
}

int share_map(int fd, const struct share_told *told, const char *path, struct file **ret)
{
    const int32_t in = fd;
    struct share_told t = *told;
    size_t size;
    return stand_in_for(remote_request(REMOTE_share_map, BYTES_OF(in), NULL, 0, &size), &t, path,
                        ret);
}

int share_client_new(uint64_t length, struct file **ret)
{
    struct share_told t = {.size = (length + PAGE - 1) / PAGE * PAGE, .may_write = 1};
    size_t size;
    return stand_in_for(remote_request(REMOTE_share_new, BYTES_OF(length), NULL, 0, &size), &t,
                        "/dev/zero (deleted)", ret);
}

int share_attach(struct bytes in, bool may_write, struct file **ret)
{
    struct share_told t;
    char answer[sizeof t + 64] = "";
    size_t size;
    int64_t r = remote_request(REMOTE_shm_attach, in, answer, sizeof answer - 1, &size);
    if (r != 0) {
        return (int)r;
    }
    if (size < sizeof t) {
        return -EIO;
    }
    memcpy(&t, answer, sizeof t);
    t.may_write = may_write;
    return share_stand_in(&t, answer + sizeof t, true, ret);
}

void share_detached(const struct node *n, uint64_t now)
{
    const uint64_t in[2] = {n->share, now};
    size_t size;
    ignore_result((int)remote_request(REMOTE_shm_detach, BYTES_OF(in), NULL, 0, &size),
                  "an owner that is gone counts nothing");
}

static bool is_named(const uint64_t *ids, size_t count, uint64_t id)
{
    for (size_t i = 0; i < count; i++) {
        if (ids[i] == id) {
            return true;
        }
    }
    return false;
}

static int tell_forked(const uint64_t *q, size_t count)
{
    size_t size;
    return (int)remote_request(REMOTE_share_fork, BYTES(q, count * sizeof *q), NULL, 0, &size);
}

int share_client_fork(int pid)
{
    uint64_t q[1 + SHARE_FORK_MAX] = {(uint64_t)pid};
    size_t count = 1;
    int r = 0;
    for (size_t i = 0; r == 0 && i < vma_count(); i++) { /* frozen: it stays as it is meanwhile */
        const struct vma *v = vma_at(i);
        if (!v->window || v->dont_fork || is_named(q + 1, count - 1, v->file->node->share)) {
            continue;
        }
        q[count++] = v->file->node->share;
        if (count == ARRAY_SIZE(q)) {
            r = tell_forked(q, count);
            count = 1;
        }
    }
    return r == 0 && count > 1 ? tell_forked(q, count) : r;
}

/* ---- how long pages stay
 * --------------------------------------------------------------------------------- */

/* Another number after each call, and at another instruction. */
static uint64_t step_of(const struct os_thread *t)
{
    const struct rt_frame *f = t->frame;
    uint64_t calls = 0;
    for (size_t i = 0; i < SYS_NUMBERS; i++) {
        calls += __atomic_load_n(&t->calls[i], __ATOMIC_RELAXED);
    }
    return calls * UINT64_C(0x9e3779b97f4a7c15) + (f != NULL ? f->rip : 0);
}

/* How long a page is to stay that was asked for at that time. */
static uint64_t stay_of(uint64_t id, uint64_t index, uint64_t asked)
{
    for (uint64_t i = 1; i <= RECENT; i++) {
        const struct departure *d = &client.gone[(client.departures - i) % RECENT];
        if (d->id == id && d->index == index && asked < d->at + SOON_NS) {
            return d->stay * 2 < MOST_NS ? d->stay * 2 : MOST_NS;
        }
        if (d->id == id && d->index == index) {
            break;
        }
    }
    return HOLD_NS;
}

static void note_arrival(const struct node *n, uint64_t index, uint64_t asked)
{
    const struct os_thread *t = os_self();
    client.recent[client.arrivals++ % RECENT] =
        (struct arrival){.id = n->share,
                         .index = index,
                         .at = rt_clock_ns(1),
                         .stay = stay_of(n->share, index, asked),
                         .step = step_of(t),
                         .tid = t->tid};
}

/* NULL: it came long ago, or many have come since. */
static const struct arrival *arrival_of(uint64_t id, uint64_t index)
{
    for (uint64_t i = 1; i <= RECENT; i++) {
        const struct arrival *a = &client.recent[(client.arrivals - i) % RECENT];
        if (a->id == id && a->index == index) {
            return a;
        }
    }
    return NULL;
}

/* Does the thread that it came for wait for another page in the same step? An instruction or a call
 * may need several, and is made again when it has them all. */
static bool is_needed(const struct arrival *a)
{
    for (const struct fetching *f = client.fetching; f != NULL; f = f->next) {
        if (a == NULL || (f->thread->tid == a->tid && step_of(f->thread) == a->step)) {
            return true;
        }
    }
    return false;
}

/* For how long from its arrival on. Who wakes others over a futex, or waits for them, hands the
 * page over; who makes other calls between its accesses may be in a critical section, and will want
 * it again; who makes none has had its time. */
static uint64_t time_of(const struct arrival *a)
{
    const struct os_thread *t = os_thread_by_tid(a->tid);
    if (t == NULL || (t->waiting && t->last_call == SYS_futex)) {
        return 0;
    }
    return step_of(t) != a->step ? a->stay : HOLD_NS;
}

/* latest: until when it waits for others of the same step. */
static bool stays(uint64_t id, uint64_t index, uint64_t now, uint64_t latest)
{
    const struct arrival *a = arrival_of(id, index);
    const struct arrival *oldest = &client.recent[client.arrivals % RECENT];
    if (a == NULL) {
        return now < latest && now < oldest->at + 5 * HOLD_NS && is_needed(NULL);
    }
    return now < a->at + time_of(a) || (now < latest && is_needed(a));
}

/* ---- pages go
 * -------------------------------------------------------------------------------------- */

static void say_page(const struct node *n, uint64_t index, const void *page)
{
    const struct notice head = {.kind = NOTICE_PAGE, .u.share = {n->share, index}};
    blank_say(BYTES(&head, NOTICE_SIZE(share)), BYTES(page, PAGE));
}

/* The page is in the stand-in and under no mapping. */
static void send_back(struct node *n, uint64_t index)
{
    say_page(n, index, tmpfs_page(n, index, false));
    tmpfs_drop_page(n, index);
}

static void give_all_back(struct node *n)
{
    int r = os_windows_put_back(n, 0, UINT64_MAX / PAGE, true);
    REQUIRE(r == 0); /* a stand-in's pages are here */
    for (uint64_t i = 0; tmpfs_next_page(n, &i);) {
        send_back(n, i);
    }
}

void share_gone(struct node *n)
{
    struct stand_in **p = &client.all;
    while (*p != NULL && (*p)->node != n) {
        p = &(*p)->next;
    }
    if (*p != NULL) {
        struct stand_in *gone = *p;
        *p = gone->next;
        rt_free(gone);
    }
    for (uint64_t i = 0; tmpfs_next_page(n, &i);) {
        send_back(n, i);
    }
    if (n->share_maps != 0) {
        drop(n->share, n->share_maps);
    }
}

void share_process_ends(void)
{
    for (const struct stand_in *s = client.all; s != NULL; s = s->next) {
        give_all_back(s->node);
        s->node->share_maps = 0; /* the process's end drops them all */
    }
    while (client.recalls != NULL) {
        struct recall *r = client.recalls;
        client.recalls = r->next;
        rt_free(r);
    }
}

void share_wake(struct node *n, uint64_t offset)
{
    const struct notice head = {.kind = NOTICE_WAKE, .u.share = {n->share, offset}};
    blank_say(BYTES(&head, NOTICE_SIZE(share)), BYTES(NULL, 0));
}

/* ---- pages come
 * ------------------------------------------------------------------------------------ */

static bool is_coming(const struct node *n, uint64_t index)
{
    const struct fetching *f = client.fetching;
    while (f != NULL && (f->node != n || f->index != index)) {
        f = f->next;
    }
    return f != NULL;
}

static int fetch(struct node *n, uint64_t index)
{
    const uint64_t asked = rt_clock_ns(1);
    const uint64_t in[2] = {n->share, index};
    const size_t room = sizeof(uint64_t) + PAGE;
    uint8_t *answer = (uint8_t *)rt_alloc(room);
    size_t size = 0;
    uint64_t file_size;
    int r = answer == NULL
                ? -ENOMEM
                : (int)remote_request(REMOTE_share_fetch, BYTES_OF(in), answer, room, &size);
    if (size >= sizeof file_size) {
        memcpy(&file_size, answer, sizeof file_size);
        n->size = file_size;
    }
    if (r == 0 && size != room) {
        rt_fatal("the owner of this process tree answered with what is no page");
    }
    if (r == 0) {
        uint8_t *page = tmpfs_page(n, index, true);
        if (page != NULL) {
            memcpy(page, answer + sizeof file_size, PAGE);
            note_arrival(n, index, asked);
        } else { /* there is no memory for it here: it may not be lost */
            say_page(n, index, answer + sizeof file_size);
            r = -ENOMEM;
        }
    }
    if (answer != NULL) {
        secure_zero(answer, room);
        rt_free(answer);
    }
    return r;
}

int share_client_fetch(struct node *n, uint64_t index)
{
    if (tmpfs_page(n, index, false) != NULL) {
        return 1;
    }
    if (is_coming(n, index)) {
        int r = os_block(&client.arrived, UINT64_MAX);
        return r == 0 ? 1 : r;
    }
    struct fetching self = {client.fetching, n, index, os_self()};
    client.fetching = &self;
    int r = fetch(n, index);
    struct fetching **p = &client.fetching;
    while (*p != &self) {
        p = &(*p)->next;
    }
    *p = self.next;
    os_wake_all(&client.arrived);
    return r == 0 ? 1 : r == -ERESTARTSYS ? r : 0;
}

void share_recalled(uint64_t id, uint64_t index)
{
    struct recall *r = (struct recall *)rt_alloc(sizeof *r);
    if (r == NULL) {
        rt_fatal("there is no memory to give back a page that processes share");
    }
    *r = (struct recall){.next = client.recalls, .id = id, .index = index};
    client.recalls = r;
}

/* True: it is done. */
static bool give_back(struct recall *r, uint64_t now)
{
    struct node *n = node_of(r->id);
    if (n != NULL && is_coming(n, r->index)) {
        return false;
    }
    if (n == NULL || tmpfs_page(n, r->index, false) == NULL) {
        return true; /* it went back of itself */
    }
    /* Two processes may want the same pages at once: who waits longest gets them all, and goes on.
     */
    r->latest = r->latest != 0 ? r->latest : now + HOLD_NS * (2 + rt_yard_self() % 4);
    if (stays(r->id, r->index, now, r->latest)) {
        return false;
    }
    if (os_windows_put_back(n, r->index, r->index + 1, true) == 0) {
        const struct arrival *a = arrival_of(r->id, r->index);
        client.gone[client.departures++ % RECENT] =
            (struct departure){r->id, r->index, now, a != NULL ? a->stay : HOLD_NS};
        send_back(n, r->index);
    }
    return true;
}

uint64_t share_give_back(void)
{
    const uint64_t now = client.recalls != NULL ? rt_clock_ns(1) : 0;
    for (struct recall **p = &client.recalls; *p != NULL;) {
        struct recall *r = *p;
        if (give_back(r, now)) {
            *p = r->next;
            rt_free(r);
        } else {
            p = &r->next;
        }
    }
    return client.recalls != NULL ? HOLD_NS / 4 : UINT64_MAX;
}
