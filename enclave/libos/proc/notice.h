/* SPDX-License-Identifier: Apache-2.0 */
/* What owner and member tell each other over the control mailbox: one notice a record, of which
 * only as much travels as its kind needs (docs/formats/process-tree.md). Trust: another enclave of
 * this image made it. A member's numbers are its own affair; those that the owner uses are checked
 * there. */
#pragma once

#include "process.h"

enum notice_kind {
    /* up */
    NOTICE_READY = 1, /* a verified blank waits: its first record, or it has wiped itself */
    NOTICE_BORN,  /* u.value: 0, or -errno: the process did not come to be, and the enclave is blank
                   */
    NOTICE_ENDED, /* u.end */
    NOTICE_PAGE,  /* u.share, and the page: it is not here any more */
    NOTICE_DROP,  /* u.share: so many mappings of it less */
    NOTICE_WAKE,  /* u.share: a futex at that offset, of a thread that ended */
    /* down */
    NOTICE_BEGIN,  /* u.begin */
    NOTICE_SIGNAL, /* u.signal: to the process */
    NOTICE_PARENT, /* u.value: its parent's number from now on */
    NOTICE_RECALL, /* u.share: give that page back */
    NOTICE_LOOK,   /* u.look: a text of /proc, for another process */
    /* up */
    NOTICE_SEEN, /* u.look, and a part of the text */
};

enum begin_how {
    BEGIN_IMAGE = 1, /* fork: an image comes over the stream (proc/image.h) */
    BEGIN_PLAN,      /* vfork and execve: a resolved plan comes over the stream (exec_pack()) */
};

/* What clone asks for in the child. */
struct begin_tid {
    uint64_t set_tid, clear_tid, tls;
    bool set_tls;
};

/* What an enclave must know of the process that it becomes. */
struct notice_begin {
    uint64_t generation; /* of the keys of its mailboxes of calls */
    uint32_t box;        /* of its first thread, among those of calls */
    uint32_t reserved;
    uint8_t stream_key[32];
    uint32_t how;    /* enum begin_how */
    uint32_t sender; /* slot of who sends over the stream */
    int32_t pid, ppid, pgid, sid, group_count, exit_signal;
    char comm[COMM_SIZE];
    uint64_t blocked; /* BEGIN_PLAN: signal mask of its thread, and who is ignored */
    uint64_t ignored;
    struct begin_tid tid; /* BEGIN_IMAGE */
    struct os_limit limits[16];
    uint32_t groups[GROUPS_MAX];
};

/* Of memory that processes share (shares.h). */
struct notice_share {
    uint64_t id;
    uint64_t value; /* page, count or offset */
};

/* Of one process that reads what /proc tells of another (look.h). */
struct notice_look {
    uint64_t token;       /* whose answer it is */
    uint32_t which, id;   /* fs_own_text() */
    uint32_t stopped, reserved;
    uint32_t there, last; /* of the answer: there is such a text, and this is its last part */
};

struct notice {
    uint32_t kind; /* enum notice_kind */
    uint32_t reserved;
    union {
        int64_t value;
        struct signal_info signal;
        struct {
            int32_t status; /* as wait4 tells it */
            struct process_usage used;
        } end;
        struct notice_share share;
        struct notice_look look;
        struct notice_begin begin;
    } u;
};
#define NOTICE_SIZE(member) (offsetof(struct notice, u) + sizeof(((struct notice *)NULL)->u.member))
