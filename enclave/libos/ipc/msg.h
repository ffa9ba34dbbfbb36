/* SPDX-License-Identifier: Apache-2.0 */
/* System V message queues: the owner's, as sets of semaphores are. */
#pragma once

#include "ipc/ipc.h"

#define MSG_QUEUES_MAX 32000u /* MSGMNI */
#define MSG_SIZE_MAX   8192u  /* MSGMAX: of one */
#define MSG_BYTES_MAX  16384u /* MSGMNB: of a queue, to begin with */
/* What all queues may hold together, with what is kept beside each message: trusted memory. */
#define MSG_MEMORY_MAX (UINT64_C(16) << 20)

struct message {
    struct message *next;
    int64_t type;
    size_t size;
    uint8_t data[];
};

enum msg_search { MSG_ANY, MSG_TYPE, MSG_OTHER_TYPE, MSG_LOWEST, MSG_PLACE };

/* A call that sleeps for a message. Whoever sends one gives it. */
struct msg_receiver {
    struct msg_receiver *next;
    const struct process *process;
    enum msg_search search;
    int64_t type;
    uint64_t room;
    struct wait_queue queue;
    bool done;
    int result;
    struct message *message; /* when that is 0 */
};

/* A call that sleeps for room. Whoever makes some sends its message. */
struct msg_sender {
    struct msg_sender *next;
    const struct process *process;
    struct message *message;
    struct wait_queue queue;
    bool done;
    int result;
};

struct msg_queue {
    struct ipc_object object;
    int64_t stime, rtime, ctime;
    uint64_t bytes, count, bytes_max;
    int32_t lspid, lrpid;
    struct message *first, **end;
    struct msg_receiver *receivers; /* oldest first, and */
    struct msg_sender *senders;     /* these */
};

struct msg_queue *msg_find(int32_t id);
struct msg_queue *msg_at(int32_t slot);
int32_t msg_top(void);
struct msg_used {
    uint32_t queues;
    uint64_t messages, bytes;
};
struct msg_used msg_used(void);
void msg_room_made(struct msg_queue *q);
/* Rights or room have changed: who waits looks again. */
void msg_changed(struct msg_queue *q);
void msg_remove(struct msg_queue *q);
/* /proc/sysvipc/msg */
void msg_text(struct fs_text *t);
