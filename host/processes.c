/* SPDX-License-Identifier: Apache-2.0 */
/* See processes.h. */
#include "processes.h"

#include "enclave.h"
#include "watch.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int processes_open(struct processes *p, struct host_config *config, struct diag *d)
{
    p->config = config;
    for (size_t i = 0; i < YARD_SLOTS; i++) {
        p->at[i] = (struct process){0, -1, false};
    }
    p->yard = mmap(NULL, sizeof *p->yard, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p->yard == MAP_FAILED) {
        /* One process works without. */
        p->yard = NULL;
    }
    (void)d;
    return 0;
}

/* A member has no files and no streams of its own: what a process opens, the owner opens. */
static struct host_config config_of(const struct processes *p, unsigned slot)
{
    struct host_config c = *p->config;
    c.yard = p->yard;
    c.yard_slot = slot;
    if (slot != YARD_OWNER) {
        c.machine.started = (struct machine_started){0};
        c.debugged = false;
        for (size_t i = 0; i < MANIFEST_FILES_MAX; i++) {
            c.inputs[i].fd = c.outputs[i].fd = -1;
        }
        for (size_t i = 0; i < MANIFEST_MOUNTS_MAX; i++) {
            c.volumes[i].fd = -1;
        }
        c.net.broker = -1; /* sockets are the owner's */
        c.want_evidence = false;
        c.nonce = BYTES(NULL, 0);
    }
    return c;
}

int processes_start(struct processes *p, unsigned slot, struct diag *d)
{
    const struct host_config config = config_of(p, slot);
    const pid_t supervisor = getpid();
    int pair[2];
    if (p->yard != NULL) {
        p->yard->slots[slot].dead = 0;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return diag_fail(d, -errno, "cannot make a socket pair: %s", strerror(errno));
    }
    pid_t pid = fork();
    if (pid < 0) {
        int r = diag_fail(d, -errno, "cannot fork: %s", strerror(errno));
        close(pair[0]);
        close(pair[1]);
        return r;
    }
    if (pid > 0 && config.watch != NULL) {
        atomic_fetch_add(&config.watch->processes, 1);
    }
    if (pid == 0) {
        host_enclave_process(&config, pair[1], supervisor);
    }
    close(pair[1]);
    p->at[slot] = (struct process){pid, pair[0], true};
    if (slot == YARD_OWNER) {
        machine_forget(&p->config->machine);
        p->owner = pid;
    }
    return 0;
}

int processes_free_slot(const struct processes *p)
{
    for (unsigned i = 1; p->yard != NULL && i < YARD_SLOTS; i++) {
        if (p->at[i].pid == 0 && !p->at[i].taken) {
            return (int)i;
        }
    }
    return -EAGAIN;
}

void processes_kill(struct processes *p, unsigned slot)
{
    if (slot < YARD_SLOTS && p->at[slot].pid > 0) {
        kill(p->at[slot].pid, SIGKILL);
    }
}

static bool any_left(const struct processes *p)
{
    bool any = false;
    for (size_t i = 0; i < YARD_SLOTS; i++) {
        any |= p->at[i].pid > 0;
    }
    return any;
}

int processes_gone(struct processes *p, unsigned slot)
{
    struct process *q = &p->at[slot];
    int status = 0;
    while (waitpid(q->pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (slot == YARD_OWNER) {
        p->owner = 0;
    }
    close(q->socket);
    q->pid = 0;
    q->socket = -1;
    /* The last one leaves nobody who could wait or look: a run of one process need not pay for 64.
     */
    if (p->yard != NULL && any_left(p)) {
        host_yard_dead(p->yard, slot);
        if (!q->taken) {
            host_yard_clear(p->yard, slot);
        }
    }
    return status;
}

void processes_over(struct processes *p, unsigned slot, bool keep)
{
    if (slot == YARD_OWNER || slot >= YARD_SLOTS || !p->at[slot].taken) {
        return;
    }
    p->at[slot].taken = keep;
    if (p->at[slot].pid > 0) {
        processes_kill(p, slot);
    } else if (!keep) {
        host_yard_clear(p->yard, slot);
    }
}

void processes_close(struct processes *p)
{
    for (unsigned i = 0; i < YARD_SLOTS; i++) {
        processes_kill(p, i);
    }
    for (unsigned i = 0; i < YARD_SLOTS; i++) {
        if (p->at[i].pid > 0) {
            processes_gone(p, i);
        }
    }
    if (p->yard != NULL) {
        munmap(p->yard, sizeof *p->yard);
        p->yard = NULL;
    }
}
