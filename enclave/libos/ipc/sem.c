/* SPDX-License-Identifier: Apache-2.0 */
/* See sem.h. Source: ipc/sem.c, semget(2), semop(2). */
#include "ipc/sem.h"

#include <errno.h>

#include "fs/vfs.h"

#define SEM_UNDO_ 0x1000u
#define SECOND    UINT64_C(1000000000)

static struct ipc_kind sets = {.max = SEM_SETS_MAX};
static uint32_t used; /* semaphores of all sets */

static struct sem_set *of(struct ipc_object *o)
{
    return (struct sem_set *)(void *)o;
}

struct sem_set *sem_find(int32_t id)
{
    return of(ipc_find(&sets, id));
}

struct sem_set *sem_at(int32_t slot)
{
    return of(ipc_at(&sets, slot));
}

int32_t sem_top(void)
{
    return ipc_top(&sets);
}

uint32_t sem_used(uint32_t *ret_sets)
{
    *ret_sets = sets.count;
    return used;
}

/* ---- semget ---------------------------------------------------------------------------------- */

static int64_t make(int32_t key, uint32_t count, int flags)
{
    if (count == 0) {
        return -EINVAL;
    }
    if (used + count > SEM_ALL_MAX) {
        return -ENOSPC;
    }
    struct sem_set *s = (struct sem_set *)rt_alloc(sizeof *s + count * sizeof s->semaphores[0]);
    if (s == NULL) {
        return -ENOMEM;
    }
    const int r = ipc_add(&sets, &s->object, key, flags);
    if (r != 0) {
        rt_free(s);
        return r;
    }
    s->count = count;
    s->ctime = fs_now().sec;
    used += count;
    return ipc_id(&s->object);
}

int64_t sys_semget(int key, int count, int flags)
{
    struct ipc_object *o;
    if (count < 0 || count > (int)SEM_COUNT_MAX) {
        return -EINVAL;
    }
    const int r = ipc_get(&sets, key, flags, &o);
    if (r != 0) {
        return r;
    }
    if (o == NULL) {
        return make(key, (uint32_t)count, flags);
    }
    return of(o)->count < (uint32_t)count ? -EINVAL : ipc_id(o);
}

/* ---- operations ------------------------------------------------------------------------------ */

/* All of them, or none: 0; -EAGAIN, -ERANGE; 1: it has to wait for w->blocking. */
static int perform(struct sem_set *s, struct sem_wait *w)
{
    size_t i = 0;
    int r = 0;
    for (; i < w->count; i++) {
        const struct sem_op *op = &w->ops[i];
        struct sem_one *one = &s->semaphores[op->number];
        const int value = one->value + op->change;
        const bool undone = (op->flags & SEM_UNDO_) != 0 && op->change != 0;
        const int adjust = undone ? w->undo->adjust[op->number] - op->change : 0;
        if (value < 0 || (op->change == 0 && value != 0)) {
            r = (op->flags & IPC_NOWAIT_) != 0 ? -EAGAIN : 1;
            break;
        }
        if (value > SEM_VALUE_MAX || adjust > SEM_VALUE_MAX || adjust < -SEM_VALUE_MAX - 1) {
            r = -ERANGE;
            break;
        }
        if (undone) {
            w->undo->adjust[op->number] = (int16_t)adjust;
        }
        one->value = value;
    }
    if (r == 0) {
        for (i = 0; i < w->count; i++) {
            s->semaphores[w->ops[i].number].pid = w->process->pid;
        }
        s->otime = fs_now().sec;
        return 0;
    }
    w->blocking = i;
    while (i-- > 0) {
        const struct sem_op *op = &w->ops[i];
        s->semaphores[op->number].value -= op->change;
        if ((op->flags & SEM_UNDO_) != 0 && op->change != 0) {
            w->undo->adjust[op->number] = (int16_t)(w->undo->adjust[op->number] + op->change);
        }
    }
    return r;
}

static bool alters(const struct sem_wait *w)
{
    bool any = false;
    for (size_t i = 0; i < w->count; i++) {
        any = any || w->ops[i].change != 0;
    }
    return any;
}

static void unlink_wait(struct sem_set *s, const struct sem_wait *w)
{
    struct sem_wait **p = &s->waits;
    while (*p != w) {
        p = &(*p)->next;
    }
    *p = w->next;
}

static void finish(struct sem_set *s, struct sem_wait *w, int result)
{
    unlink_wait(s, w);
    w->result = result;
    w->done = true;
    os_wake_all(&w->queue);
}

/* What one operation makes possible may be an earlier one. */
void sem_changed(struct sem_set *s)
{
    struct sem_wait *w = s->waits;
    while (w != NULL) {
        struct sem_wait *next = w->next;
        const int r = perform(s, w);
        if (r <= 0) {
            const bool again = r == 0 && alters(w);
            finish(s, w, r);
            next = again ? s->waits : next;
        }
        w = next;
    }
}

/* The process's, which is made when it is not there. */
static struct sem_undo *undo_of(struct sem_set *s, const struct process *p)
{
    struct sem_undo *u = s->undos;
    while (u != NULL && u->process != p) {
        u = u->next;
    }
    if (u == NULL) {
        u = (struct sem_undo *)rt_alloc(sizeof *u + s->count * sizeof u->adjust[0]);
        if (u != NULL) {
            u->process = p;
            u->next = s->undos;
            s->undos = u;
        }
    }
    return u;
}

static int sleep_for(struct sem_set *s, struct sem_wait *w, uint64_t deadline)
{
    struct sem_wait **end = &s->waits;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = w;
    while (!w->done) { /* then the set may be gone */
        const int r = os_block(&w->queue, deadline);
        if (r != 0 && !w->done) {
            unlink_wait(s, w);
            return r == -ETIMEDOUT ? -EAGAIN : r;
        }
    }
    return w->result;
}

static int operate(int id, const struct sem_op *ops, size_t count, uint64_t deadline)
{
    struct sem_set *s = sem_find(id);
    struct sem_wait w = {.process = os_current(), .ops = ops, .count = count};
    bool undo = false;
    uint32_t top = 0;
    for (size_t i = 0; i < count; i++) {
        top = ops[i].number > top ? ops[i].number : top;
        undo = undo || ((ops[i].flags & SEM_UNDO_) != 0 && ops[i].change != 0);
    }
    if (s == NULL) {
        return -EINVAL;
    }
    if (top >= s->count) {
        return -EFBIG;
    }
    int r = ipc_may(&s->object.perm, alters(&w) ? IPC_WRITE : IPC_READ);
    w.undo = r == 0 && undo ? undo_of(s, w.process) : NULL;
    r = r == 0 && undo && w.undo == NULL ? -ENOMEM : r;
    r = r != 0 ? r : perform(s, &w);
    if (r == 0 && alters(&w)) {
        sem_changed(s);
    }
    return r > 0 ? sleep_for(s, &w, deadline) : r;
}

static int read_timeout(app_ptr timeout, bool *ret_valid, uint64_t *ret_deadline)
{
    struct {
        int64_t seconds, ns;
    } t;
    uint64_t ns;
    *ret_valid = true;
    *ret_deadline = UINT64_MAX;
    if (timeout.addr == 0) {
        return 0;
    }
    if (copy_from_app(&t, timeout, sizeof t) != 0) {
        return -EFAULT;
    }
    *ret_valid = t.seconds >= 0 && t.ns >= 0 && t.ns < (int64_t)SECOND;
    if (*ret_valid && mul_ok((uint64_t)t.seconds, SECOND, &ns) && add_ok(ns, (uint64_t)t.ns, &ns) &&
        add_ok(ns, rt_clock_ns(1), &ns)) {
        *ret_deadline = ns;
    }
    return 0;
}

int64_t sys_semtimedop(int id, app_ptr ops, uint32_t count, app_ptr timeout)
{
    struct sem_op some[16], *all = some;
    bool valid;
    uint64_t deadline;
    int r = read_timeout(timeout, &valid, &deadline);
    const uint32_t n = count;
    r = r != 0 ? r : n > SEM_OPS_MAX ? -E2BIG : n == 0 ? -EINVAL : 0;
    if (r != 0) {
        return r;
    }
    if (n > ARRAY_SIZE(some)) {
        all = (struct sem_op *)rt_alloc(n * sizeof *all);
        if (all == NULL) {
            return -ENOMEM;
        }
    }
    r = copy_from_app(all, ops, n * sizeof *all);
    r = r != 0 ? -EFAULT : id < 0 || !valid ? -EINVAL : operate(id, all, n, deadline);
    if (all != some) {
        rt_free(all);
    }
    return r;
}

int64_t sys_semop(int id, app_ptr ops, uint32_t count)
{
    return sys_semtimedop(id, ops, count, app_at(0));
}

/* ---- ends ------------------------------------------------------------------------------------ */

void sem_forget_undo(struct sem_set *s, uint32_t first, uint32_t end)
{
    for (struct sem_undo *u = s->undos; u != NULL; u = u->next) {
        memset(&u->adjust[first], 0, (end - first) * sizeof u->adjust[0]);
    }
}

void sem_remove(struct sem_set *s)
{
    while (s->waits != NULL) {
        finish(s, s->waits, -EIDRM);
    }
    while (s->undos != NULL) {
        struct sem_undo *u = s->undos;
        s->undos = u->next;
        rt_free(u);
    }
    used -= s->count;
    ipc_remove(&sets, &s->object);
    rt_free(s);
}

static void give_back(struct sem_set *s, const struct sem_undo *u)
{
    for (uint32_t i = 0; i < s->count; i++) {
        struct sem_one *one = &s->semaphores[i];
        if (u->adjust[i] != 0) {
            const int value = one->value + u->adjust[i];
            one->value = value < 0 ? 0 : value > SEM_VALUE_MAX ? SEM_VALUE_MAX : value;
            one->pid = u->process->pid;
        }
    }
    s->otime = fs_now().sec;
}

void sem_process_ends(const struct process *p)
{
    for (struct ipc_object *o = NULL; (o = ipc_next(&sets, o)) != NULL;) {
        struct sem_undo **at = &of(o)->undos, *u;
        while ((u = *at) != NULL && u->process != p) {
            at = &u->next;
        }
        if (u != NULL) {
            *at = u->next;
            give_back(of(o), u);
            rt_free(u);
            sem_changed(of(o));
        }
    }
}

void sem_text(struct fs_text *t)
{
    fs_printf(t, "       key      semid perms      nsems   uid   gid  cuid  cgid      otime"
                 "      ctime\n");
    for (struct ipc_object *o = NULL; (o = ipc_next(&sets, o)) != NULL;) {
        ipc_text_head(t, o);
        fs_printf(t, " %10u", of(o)->count);
        ipc_text_owners(t, o);
        fs_printf(t, " %10lld %10lld\n", (long long)of(o)->otime, (long long)of(o)->ctime);
    }
}
