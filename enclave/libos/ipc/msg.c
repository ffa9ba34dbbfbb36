/* SPDX-License-Identifier: Apache-2.0 */
/* See msg.h. Source: ipc/msg.c, msgget(2), msgop(2). */
#include "ipc/msg.h"

#include <errno.h>

#include "fs/vfs.h"

#define MSG_NOERROR 010000
#define MSG_EXCEPT  020000
#define MSG_COPY    040000

static struct ipc_kind queues = {.max = MSG_QUEUES_MAX};
static uint64_t memory; /* of all messages, also of those that wait for room */

static struct msg_queue *of(struct ipc_object *o)
{
    return (struct msg_queue *)(void *)o;
}

struct msg_queue *msg_find(int32_t id)
{
    return of(ipc_find(&queues, id));
}

struct msg_queue *msg_at(int32_t slot)
{
    return of(ipc_at(&queues, slot));
}

int32_t msg_top(void)
{
    return ipc_top(&queues);
}

struct msg_used msg_used(void)
{
    struct msg_used u = {.queues = queues.count};
    for (struct ipc_object *o = NULL; (o = ipc_next(&queues, o)) != NULL;) {
        u.messages += of(o)->count;
        u.bytes += of(o)->bytes;
    }
    return u;
}

/* ---- msgget ---------------------------------------------------------------------------------- */

int64_t sys_msgget(int key, int flags)
{
    struct ipc_object *o;
    int r = ipc_get(&queues, key, flags, &o);
    if (r != 0 || o != NULL) {
        return r != 0 ? r : ipc_id(o);
    }
    struct msg_queue *q = (struct msg_queue *)rt_alloc(sizeof *q);
    r = q == NULL ? -ENOMEM : ipc_add(&queues, &q->object, key, flags);
    if (r != 0) {
        rt_free(q);
        return r;
    }
    q->bytes_max = MSG_BYTES_MAX;
    q->ctime = fs_now().sec;
    q->end = &q->first;
    return ipc_id(&q->object);
}

/* ---- messages -------------------------------------------------------------------------------- */

static void message_free(struct message *m)
{
    if (m != NULL) {
        memory -= sizeof *m + m->size;
        rt_free(m);
    }
}

static int message_take(app_ptr from, int64_t type, size_t size, struct message **ret)
{
    struct message *m = memory + sizeof *m + size <= MSG_MEMORY_MAX
                            ? (struct message *)rt_alloc(sizeof *m + size)
                            : NULL;
    if (m == NULL) {
        return -ENOMEM;
    }
    m->type = type;
    m->size = size;
    memory += sizeof *m + size;
    if (size > 0 && copy_from_app(m->data, app_add(from, sizeof type), size) != 0) {
        message_free(m);
        return -EFAULT;
    }
    *ret = m;
    return 0;
}

/* As much as there is room for. */
static int message_put(app_ptr to, const struct message *m, uint64_t room)
{
    const size_t size = m->size < room ? m->size : (size_t)room;
    int r = copy_to_app(to, &m->type, sizeof m->type);
    if (r == 0 && size > 0) {
        r = copy_to_app(app_add(to, sizeof m->type), m->data, size);
    }
    return r;
}

static void put_first(struct msg_queue *q, struct message *m)
{
    m->next = q->first;
    q->first = m;
    q->end = m->next == NULL ? &m->next : q->end;
    q->count++;
    q->bytes += m->size;
}

static void put_last(struct msg_queue *q, struct message *m)
{
    m->next = NULL;
    *q->end = m;
    q->end = &m->next;
    q->count++;
    q->bytes += m->size;
}

static void take_out(struct msg_queue *q, struct message *m)
{
    struct message **p = &q->first;
    while (*p != m) {
        p = &(*p)->next;
    }
    *p = m->next;
    q->end = m->next == NULL ? p : q->end;
    q->count--;
    q->bytes -= m->size;
}

/* ---- who waits ------------------------------------------------------------------------------- */

static void receiver_unlink(struct msg_queue *q, const struct msg_receiver *w)
{
    struct msg_receiver **p = &q->receivers;
    while (*p != w) {
        p = &(*p)->next;
    }
    *p = w->next;
}

static void receiver_finish(struct msg_queue *q, struct msg_receiver *w, int result,
                            struct message *take_m)
{
    receiver_unlink(q, w);
    w->result = result;
    w->message = take_m;
    w->done = true;
    os_wake_all(&w->queue);
}

static void sender_unlink(struct msg_queue *q, const struct msg_sender *w)
{
    struct msg_sender **p = &q->senders;
    while (*p != w) {
        p = &(*p)->next;
    }
    *p = w->next;
}

static void sender_finish(struct msg_queue *q, struct msg_sender *w, int result)
{
    sender_unlink(q, w);
    w->result = result;
    w->done = true;
    os_wake_all(&w->queue);
}

static bool wants(const struct msg_receiver *w, const struct message *m)
{
    switch (w->search) {
    case MSG_TYPE:
        return m->type == w->type;
    case MSG_OTHER_TYPE:
        return m->type != w->type;
    case MSG_LOWEST:
        return m->type <= w->type;
    case MSG_ANY:
    case MSG_PLACE:
        break;
    }
    return true;
}

/* To the receiver that has waited longest for such a one; those for whom it is too long fail. */
static void deliver(struct msg_queue *q, struct message *m, const struct process *from)
{
    struct msg_receiver *next;
    q->lspid = from->pid;
    q->stime = fs_now().sec;
    for (struct msg_receiver *w = q->receivers; w != NULL; w = next) {
        next = w->next;
        if (!wants(w, m)) {
            continue;
        }
        if (m->size > w->room) {
            receiver_finish(q, w, -E2BIG, NULL);
            continue;
        }
        q->lrpid = w->process->pid;
        q->rtime = fs_now().sec;
        receiver_finish(q, w, 0, m);
        return;
    }
    put_last(q, m);
}

static bool fits(const struct msg_queue *q, const struct message *m)
{
    return m->size + q->bytes <= q->bytes_max && q->count + 1 <= q->bytes_max;
}

void msg_room_made(struct msg_queue *q)
{
    struct msg_sender *next;
    for (struct msg_sender *w = q->senders; w != NULL; w = next) {
        next = w->next;
        if (fits(q, w->message)) {
            deliver(q, STEAL(&w->message), w->process);
            sender_finish(q, w, 0);
        }
    }
}

void msg_changed(struct msg_queue *q)
{
    while (q->receivers != NULL) {
        receiver_finish(q, q->receivers, -EAGAIN, NULL);
    }
    while (q->senders != NULL) {
        sender_finish(q, q->senders, -EAGAIN);
    }
}

void msg_remove(struct msg_queue *q)
{
    while (q->receivers != NULL) {
        receiver_finish(q, q->receivers, -EIDRM, NULL);
    }
    while (q->senders != NULL) {
        sender_finish(q, q->senders, -EIDRM);
    }
    while (q->first != NULL) {
        struct message *m = q->first;
        take_out(q, m);
        message_free(m);
    }
    ipc_remove(&queues, &q->object);
    rt_free(q);
}

/* ---- msgsnd ---------------------------------------------------------------------------------- */

static int wait_for_room(struct msg_queue *q, struct msg_sender *w)
{
    struct msg_sender **end = &q->senders;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    w->done = false;
    w->next = NULL;
    *end = w;
    while (!w->done) { /* then the queue may be gone */
        const int r = os_block(&w->queue, UINT64_MAX);
        if (r != 0 && !w->done) {
            sender_unlink(q, w);
            return r;
        }
    }
    return w->result;
}

static int send(int id, struct message **m, int flags)
{
    struct msg_sender w = {.process = os_current(), .message = *m};
    int r;
    *m = NULL;
    do {
        struct msg_queue *q = msg_find(id);
        r = q == NULL ? -EINVAL : ipc_may(&q->object.perm, IPC_WRITE);
        if (r == 0 && fits(q, w.message)) {
            deliver(q, STEAL(&w.message), w.process);
        } else if (r == 0) {
            if ((flags & IPC_NOWAIT_) != 0) {
                r = -EAGAIN;
                break;
            }
            r = wait_for_room(q, &w);
        }
    } while (r == -EAGAIN);
    *m = w.message;
    return r;
}

int64_t sys_msgsnd(int id, app_ptr from, uint64_t size, int flags)
{
    int64_t type;
    struct message *m = NULL;
    if (copy_from_app(&type, from, sizeof type) != 0) {
        return -EFAULT;
    }
    if (size > MSG_SIZE_MAX || id < 0 || type < 1) {
        return -EINVAL;
    }
    int r = message_take(from, type, (size_t)size, &m);
    r = r != 0 ? r : send(id, &m, flags);
    message_free(m);
    return r;
}

/* ---- msgrcv ---------------------------------------------------------------------------------- */

static void set_search(struct msg_receiver *w, int64_t type, int flags)
{
    w->type = type;
    if ((flags & MSG_COPY) != 0) {
        w->search = MSG_PLACE;
    } else if (type == 0) {
        w->search = MSG_ANY;
    } else if (type < 0) {
        w->search = MSG_LOWEST;
        w->type = type == INT64_MIN ? INT64_MAX : -type;
    } else {
        w->search = (flags & MSG_EXCEPT) != 0 ? MSG_OTHER_TYPE : MSG_TYPE;
    }
}

static struct message *find_message(const struct msg_queue *q, const struct msg_receiver *w)
{
    struct message *best = NULL;
    int64_t place = 0;
    for (struct message *m = q->first; m != NULL; m = m->next) {
        if (w->search == MSG_PLACE ? place++ == w->type
                                   : wants(w, m) && (best == NULL || m->type < best->type)) {
            best = m;
            if (w->search != MSG_LOWEST) {
                break;
            }
        }
    }
    return best;
}

/* One that is there. The caller's memory is written before anything changes: what cannot be given
 * stays. */
static int64_t take_now(struct msg_queue *q, struct message *m, const struct msg_receiver *w,
                        app_ptr to, uint64_t size, int flags)
{
    if (m->size > size && (flags & MSG_NOERROR) == 0) {
        return -E2BIG;
    }
    const int64_t given = (int64_t)(m->size < size ? m->size : size);
    if ((flags & MSG_COPY) != 0 && m->size > size) {
        return -EINVAL;
    }
    const int r = message_put(to, m, size);
    if (r != 0 || (flags & MSG_COPY) != 0) {
        return r != 0 ? r : given;
    }
    take_out(q, m);
    message_free(m);
    q->rtime = fs_now().sec;
    q->lrpid = w->process->pid;
    msg_room_made(q);
    return given;
}

static int wait_for_message(struct msg_queue *q, struct msg_receiver *w)
{
    struct msg_receiver **end = &q->receivers;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    w->done = false;
    w->next = NULL;
    *end = w;
    while (!w->done) { /* then the queue may be gone */
        const int r = os_block(&w->queue, UINT64_MAX);
        if (r != 0 && !w->done) {
            receiver_unlink(q, w);
            return r;
        }
    }
    return w->result;
}

/* One that was given while the caller slept. If it cannot be written, it is back where it was, and
 * the call is made again once its memory came. */
static int64_t take_given(int id, struct message *m, app_ptr to, uint64_t size)
{
    const int64_t given = (int64_t)(m->size < size ? m->size : size);
    const int r = message_put(to, m, size);
    struct msg_queue *q = r != 0 ? msg_find(id) : NULL;
    if (q != NULL) {
        put_first(q, m);
    } else {
        message_free(m);
    }
    return r != 0 ? r : given;
}

int64_t sys_msgrcv(int id, app_ptr to, uint64_t size, int64_t type, int flags)
{
    struct msg_receiver w = {.process = os_current(),
                             .room = (flags & MSG_NOERROR) != 0 ? UINT64_MAX : size};
    if (id < 0 || size > INT64_MAX) {
        return -EINVAL;
    }
    if ((flags & MSG_COPY) != 0 && ((flags & MSG_EXCEPT) != 0 || (flags & IPC_NOWAIT_) == 0)) {
        return -EINVAL;
    }
    set_search(&w, type, flags);
    for (;;) {
        struct msg_queue *q = msg_find(id);
        int r = q == NULL ? -EINVAL : ipc_may(&q->object.perm, IPC_READ);
        struct message *m = r == 0 ? find_message(q, &w) : NULL;
        if (m != NULL) {
            return take_now(q, m, &w, to, size, flags);
        }
        r = r == 0 && (flags & IPC_NOWAIT_) != 0 ? -ENOMSG : r;
        r = r != 0 ? r : wait_for_message(q, &w);
        if (r == 0) {
            return take_given(id, w.message, to, size);
        }
        if (r != -EAGAIN) {
            return r;
        }
    }
}

/* ---- /proc ----------------------------------------------------------------------------------- */

void msg_text(struct fs_text *t)
{
    fs_printf(t, "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid"
                 "  cgid      stime      rtime      ctime\n");
    for (struct ipc_object *o = NULL; (o = ipc_next(&queues, o)) != NULL;) {
        const struct msg_queue *q = of(o);
        ipc_text_head(t, o);
        fs_printf(t, "  %10llu %10llu %5u %5u", (unsigned long long)q->bytes,
                  (unsigned long long)q->count, (unsigned)q->lspid, (unsigned)q->lrpid);
        ipc_text_owners(t, o);
        fs_printf(t, " %10lld %10lld %10lld\n", (long long)q->stime, (long long)q->rtime,
                  (long long)q->ctime);
    }
}
