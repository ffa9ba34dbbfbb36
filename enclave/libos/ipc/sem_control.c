/* SPDX-License-Identifier: Apache-2.0 */
/* semctl. Source: ipc/sem.c, semctl(2). */
#include <errno.h>

#include "fs/vfs.h"
#include "ipc/sem.h"

enum {
    GETPID = 11,
    GETVAL = 12,
    GETALL = 13,
    GETNCNT = 14,
    GETZCNT = 15,
    SETVAL = 16,
    SETALL = 17,
    SEM_STAT = 18,
    SEM_INFO = 19,
    SEM_STAT_ANY = 20,
};

/* asm-generic/sembuf.h, as x86 has it */
struct semid64_ds {
    struct ipc_perm perm;
    int64_t otime;
    uint64_t unused1;
    int64_t ctime;
    uint64_t unused2, count, unused3, unused4;
};
_Static_assert(sizeof(struct semid64_ds) == 104, "asm/sembuf.h");

struct seminfo {
    int32_t map, sets, all, undos, of_set, ops, undo_entries, undo_size, value, adjust;
};

static int64_t tell_limits(int command, app_ptr buffer)
{
    struct seminfo i = {.map = SEM_ALL_MAX,
                        .sets = SEM_SETS_MAX,
                        .all = SEM_ALL_MAX,
                        .undos = SEM_ALL_MAX,
                        .of_set = SEM_COUNT_MAX,
                        .ops = SEM_OPS_MAX,
                        .undo_entries = SEM_OPS_MAX,
                        .undo_size = 20, /* SEMUSZ */
                        .value = SEM_VALUE_MAX,
                        .adjust = SEM_VALUE_MAX};
    if (command == SEM_INFO) {
        uint32_t there;
        i.adjust = (int32_t)sem_used(&there);
        i.undo_size = (int32_t)there;
    }
    const int r = copy_to_app(buffer, &i, sizeof i);
    return r != 0 ? r : sem_top();
}

static int64_t tell(const struct sem_set *s, int command, app_ptr buffer)
{
    int r = s == NULL ? -EINVAL : command == SEM_STAT_ANY ? 0 : ipc_may(&s->object.perm, IPC_READ);
    if (r != 0) {
        return r;
    }
    const struct semid64_ds d = {
        .perm = s->object.perm, .otime = s->otime, .ctime = s->ctime, .count = s->count};
    r = copy_to_app(buffer, &d, sizeof d);
    return r != 0 ? r : command == IPC_STAT_ ? 0 : ipc_id(&s->object);
}

static int64_t set(struct sem_set *s, app_ptr buffer)
{
    struct semid64_ds d;
    int r = copy_from_app(&d, buffer, sizeof d);
    r = r != 0 ? r : s == NULL ? -EINVAL : ipc_owns(&s->object.perm);
    if (r == 0) {
        ipc_set(&s->object.perm, &d.perm);
        s->ctime = fs_now().sec;
    }
    return r;
}

static int64_t remove(struct sem_set *s)
{
    const int r = s == NULL ? -EINVAL : ipc_owns(&s->object.perm);
    if (r == 0) {
        sem_remove(s);
    }
    return r;
}

/* Who sleeps for that semaphore to grow, or to be zero. */
static int64_t waiting(const struct sem_set *s, uint32_t number, bool zero)
{
    int64_t n = 0;
    for (const struct sem_wait *w = s->waits; w != NULL; w = w->next) {
        const struct sem_op *op = &w->ops[w->blocking];
        n += op->number == number && (op->change == 0) == zero;
    }
    return n;
}

static int64_t get_one(const struct sem_set *s, int number, int command)
{
    if (number < 0 || (uint32_t)number >= s->count) {
        return -EINVAL;
    }
    const struct sem_one *one = &s->semaphores[number];
    return command == GETVAL   ? one->value
           : command == GETPID ? one->pid
                               : waiting(s, (uint32_t)number, command == GETZCNT);
}

static int64_t set_one(struct sem_set *s, int number, int value)
{
    if (value < 0 || value > SEM_VALUE_MAX) {
        return -ERANGE;
    }
    if (s == NULL || number < 0 || (uint32_t)number >= s->count) {
        return -EINVAL;
    }
    const int r = ipc_may(&s->object.perm, IPC_WRITE);
    if (r != 0) {
        return r;
    }
    sem_forget_undo(s, (uint32_t)number, (uint32_t)number + 1);
    s->semaphores[number] = (struct sem_one){.value = value, .pid = os_pid()};
    s->ctime = fs_now().sec;
    sem_changed(s);
    return 0;
}

static int take_values(struct sem_set *s, const uint16_t *values)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (values[i] > SEM_VALUE_MAX) {
            return -ERANGE;
        }
    }
    for (uint32_t i = 0; i < s->count; i++) {
        s->semaphores[i] = (struct sem_one){.value = values[i], .pid = os_pid()};
    }
    sem_forget_undo(s, 0, s->count);
    s->ctime = fs_now().sec;
    sem_changed(s);
    return 0;
}

static int64_t all(struct sem_set *s, int command, app_ptr buffer)
{
    const size_t size = s->count * sizeof(uint16_t);
    uint16_t *values = (uint16_t *)rt_alloc(size);
    int r = values == NULL ? -ENOMEM : 0;
    if (r == 0 && command == SETALL) {
        r = copy_from_app(values, buffer, size);
        r = r != 0 ? r : take_values(s, values);
    } else if (r == 0) {
        for (uint32_t i = 0; i < s->count; i++) {
            values[i] = (uint16_t)s->semaphores[i].value;
        }
        r = copy_to_app(buffer, values, size);
    }
    rt_free(values);
    return r;
}

static int64_t about_values(struct sem_set *s, int number, int command, app_ptr argument)
{
    if (s == NULL) {
        return -EINVAL;
    }
    const int r = ipc_may(&s->object.perm, command == SETALL ? IPC_WRITE : IPC_READ);
    return r != 0                                   ? r
           : command == GETALL || command == SETALL ? all(s, command, argument)
                                                    : get_one(s, number, command);
}

int64_t sys_semctl(int id, int number, int command, app_ptr argument)
{
    if (id < 0) {
        return -EINVAL;
    }
    switch (command) {
    case IPC_INFO_:
    case SEM_INFO:
        return tell_limits(command, argument);
    case SEM_STAT:
    case SEM_STAT_ANY:
        return tell(sem_at(id), command, argument);
    case IPC_STAT_:
        return tell(sem_find(id), command, argument);
    case IPC_SET_:
        return set(sem_find(id), argument);
    case IPC_RMID_:
        return remove(sem_find(id));
    case SETVAL:
        return set_one(sem_find(id), number, (int)(uint32_t)argument.addr);
    case GETALL:
    case GETNCNT:
    case GETPID:
    case GETVAL:
    case GETZCNT:
    case SETALL:
        return about_values(sem_find(id), number, command, argument);
    default:
        return -EINVAL;
    }
}
