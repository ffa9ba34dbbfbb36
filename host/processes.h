/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the host library: the enclave processes of a run. The supervisor forks each of them, slot 0
 * (the tree's owner) first; all inherit the yard at one address. An enclave process is locked and can
 * start nothing by itself: it asks over its socket. */
#pragma once

#include <sys/types.h>

#include "abi/yard.h"
#include "host/host.h"

/* Messages from an enclave process; each is answered by one struct reply. */
struct message {
    uint32_t number; /* HOSTCALL_quote_*, _process_*, _exit (no answer); 0: a diagnosis, no answer */
    uint32_t size;
    uint64_t args[2];
    uint8_t data[HOSTCALL_DATA_MAX];
};
struct reply {
    int64_t result; /* also the size of data, unless negative */
    uint8_t data[QUOTE_SIZE_MAX];
};
static inline size_t reply_size(const struct reply *r)
{
    return offsetof(struct reply, data) + (r->result > 0 ? (size_t)r->result : 0);
}

struct process {
    pid_t pid;  /* 0: it is gone, or was never there */
    int socket; /* the supervisor's end; -1 */
    bool taken; /* the owner may still look at the slot, whether or not the process lives */
};

struct processes {
    struct host_config *config; /* what the owner's process gets */
    struct yard *yard;
    volatile pid_t owner; /* for a signal handler; 0 when it is gone */
    struct process at[YARD_SLOTS];
};

/* The yard is reserved; nothing runs yet. */
int processes_open(struct processes *p, struct host_config *config, struct diag *d) MUST_USE;
/* Forks the enclave process of a free slot. */
int processes_start(struct processes *p, unsigned slot, struct diag *d) MUST_USE;
/* A slot that is free, or -EAGAIN. */
int processes_free_slot(const struct processes *p);
/* Ends it; processes_gone() follows when its socket says that it ended. */
void processes_kill(struct processes *p, unsigned slot);
/* Ends its process. keep false: the owner looks at the slot no more, which is free when it has ended. */
void processes_over(struct processes *p, unsigned slot, bool keep);
/* Its socket ended: waits for it and tells the tree. Returns its status as waitpid() does. */
int processes_gone(struct processes *p, unsigned slot);
/* Ends all and waits for them. */
void processes_close(struct processes *p);

/* enclave_process.c: what a forked process does for the rest of its life. socket: its end. */
void host_enclave_process(const struct host_config *config, int socket, pid_t supervisor)
    __attribute__((noreturn));
