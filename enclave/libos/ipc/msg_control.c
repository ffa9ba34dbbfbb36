/* SPDX-License-Identifier: Apache-2.0 */
/* msgctl. Source: ipc/msg.c, msgctl(2). */
#include <errno.h>

#include "fs/vfs.h"
#include "ipc/msg.h"

enum { MSG_STAT = 11, MSG_INFO = 12, MSG_STAT_ANY = 13 };

/* asm-generic/msgbuf.h */
struct msqid64_ds {
    struct ipc_perm perm;
    int64_t stime, rtime, ctime;
    uint64_t bytes, count, bytes_max;
    int32_t lspid, lrpid;
    uint64_t unused[2];
};
_Static_assert(sizeof(struct msqid64_ds) == 120, "asm-generic/msgbuf.h");

struct msginfo {
    int32_t pool, map, max, bytes_max, queues, segment_size, messages;
    uint16_t segments, pad;
};

static int64_t tell_limits(int command, app_ptr buffer)
{
    struct msginfo i = {.pool = MSG_QUEUES_MAX * (MSG_BYTES_MAX / 1024),
                        .map = MSG_BYTES_MAX,
                        .max = MSG_SIZE_MAX,
                        .bytes_max = MSG_BYTES_MAX,
                        .queues = MSG_QUEUES_MAX,
                        .segment_size = 16, /* MSGSSZ, and so on: told, without a meaning */
                        .messages = MSG_BYTES_MAX,
                        .segments = 0xffff};
    if (command == MSG_INFO) {
        const struct msg_used u = msg_used();
        i.pool = (int32_t)u.queues;
        i.map = (int32_t)u.messages;
        i.messages = (int32_t)u.bytes;
    }
    const int r = copy_to_app(buffer, &i, sizeof i);
    return r != 0 ? r : msg_top();
}

static int64_t tell(const struct msg_queue *q, int command, app_ptr buffer)
{
    int r = q == NULL ? -EINVAL : command == MSG_STAT_ANY ? 0 : ipc_may(&q->object.perm, IPC_READ);
    if (r != 0) {
        return r;
    }
    const struct msqid64_ds d = {.perm = q->object.perm,
                                 .stime = q->stime,
                                 .rtime = q->rtime,
                                 .ctime = q->ctime,
                                 .bytes = q->bytes,
                                 .count = q->count,
                                 .bytes_max = q->bytes_max,
                                 .lspid = q->lspid,
                                 .lrpid = q->lrpid};
    r = copy_to_app(buffer, &d, sizeof d);
    return r != 0 ? r : command == IPC_STAT_ ? 0 : ipc_id(&q->object);
}

static int64_t set(struct msg_queue *q, app_ptr buffer)
{
    struct msqid64_ds d;
    int r = copy_from_app(&d, buffer, sizeof d);
    r = r != 0 ? r : q == NULL ? -EINVAL : ipc_owns(&q->object.perm);
    if (r == 0 && d.bytes_max > MSG_BYTES_MAX && fs_uid() != 0) {
        r = -EPERM;
    }
    if (r == 0) {
        ipc_set(&q->object.perm, &d.perm);
        q->bytes_max = d.bytes_max;
        q->ctime = fs_now().sec;
        msg_changed(q);
    }
    return r;
}

static int64_t remove(struct msg_queue *q)
{
    const int r = q == NULL ? -EINVAL : ipc_owns(&q->object.perm);
    if (r == 0) {
        msg_remove(q);
    }
    return r;
}

int64_t sys_msgctl(int id, int command, app_ptr buffer)
{
    if (id < 0 || command < 0) {
        return -EINVAL;
    }
    switch (command) {
    case IPC_INFO_:
    case MSG_INFO:
        return tell_limits(command, buffer);
    case MSG_STAT:
    case MSG_STAT_ANY:
        return tell(msg_at(id), command, buffer);
    case IPC_STAT_:
        return tell(msg_find(id), command, buffer);
    case IPC_SET_:
        return set(msg_find(id), buffer);
    case IPC_RMID_:
        return remove(msg_find(id));
    default:
        return -EINVAL;
    }
}
