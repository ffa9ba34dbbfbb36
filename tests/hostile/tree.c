/* SPDX-License-Identifier: Apache-2.0 */
/* See tree.h. As host/run.c and host/processes.c do it, but every process is stopped and
 * searched before it is killed, and the yard before a slot is emptied. */
#include "tree.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_MS = 2, SLOT_PAGES = sizeof(struct yard_slot) / SGX_PAGE_SIZE };

static struct {
    const struct host_bundle *bundle, *other;
    struct hostile_run *run;
    void (*ended)(unsigned slot, int status);
    struct {
        pid_t pid; /* 0: none */
        int socket;
        bool taken;
        uint64_t dies_at; /* ms; 0: by no decision of ours */
    } at[YARD_SLOTS];
    uint64_t random;
    unsigned last_started;
} tree;

static uint64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static bool one_in(uint64_t n)
{
    return !tree.run->honest && hostile_random(&tree.random) % n == 0;
}

static void told(unsigned column)
{
    hostile_told_in(tree.run, ROW_PROCESS, column);
}

/* ---- searching
 * -------------------------------------------------------------------------------------- */

static void leaked(unsigned slot, const char *where)
{
    struct hostile_ended *e = &tree.run->at[slot];
    e->end = END_LEAK;
    snprintf(e->text, sizeof e->text, "%s", where);
}

/* Pages that nobody wrote to are not there, and must not be made by looking. */
static bool search_slot(unsigned slot)
{
    static unsigned char there[SLOT_PAGES];
    const uint8_t *from = (const uint8_t *)&tree.run->yard->slots[slot];
    if (mincore((void *)(uintptr_t)from, sizeof(struct yard_slot), there) != 0) {
        return false;
    }
    for (size_t i = 0; i < SLOT_PAGES; i++) {
        int place =
            (there[i] & 1) != 0 ? hostile_canary_in(from + i * SGX_PAGE_SIZE, SGX_PAGE_SIZE) : 0;
        if (place != 0) {
            char text[TEXT_SIZE];
            snprintf(text, sizeof text, "canary '%c' in the yard, slot %u, 0x%zx", place, slot,
                     i * SGX_PAGE_SIZE);
            leaked(slot, text);
            return true;
        }
    }
    return false;
}

/* It is stopped. */
static void search_process(unsigned slot)
{
    struct hostile_ended *e = &tree.run->at[slot];
    char where[TEXT_SIZE];
    if (e->end != END_LEAK && hostile_scan(tree.at[slot].pid, tree.run, slot, where)) {
        leaked(slot, where);
    }
}

/* ---- processes
 * -------------------------------------------------------------------------------------- */

static bool start(unsigned slot, const struct host_bundle *bundle)
{
    int pair[2];
    tree.run->yard->slots[slot].dead = 0;
    memset(&tree.run->at[slot], 0, sizeof tree.run->at[slot]);
    tree.run->at[slot].inside = 1; /* until it runs: others may wait for it */
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return false;
    }
    fflush(stdout);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        close(pair[0]);
        hostile_process(bundle, tree.run, slot, pair[1]);
    }
    close(pair[1]);
    tree.at[slot].pid = pid;
    tree.at[slot].socket = pair[0];
    tree.at[slot].taken = true;
    tree.at[slot].dies_at = 0;
    __atomic_fetch_or(&tree.run->slots, UINT64_C(1) << slot, __ATOMIC_SEQ_CST);
    return true;
}

static void clear_slot(unsigned slot)
{
    if (search_slot(slot) && slot != YARD_OWNER) {
        tree.ended(slot, 0);
    }
    host_yard_clear(tree.run->yard, slot);
    tree.at[slot].taken = false;
}

/* It has been waited for. */
static void gone(unsigned slot, int status)
{
    tree.at[slot].pid = 0;
    close(tree.at[slot].socket);
    __atomic_fetch_and(&tree.run->slots, ~(UINT64_C(1) << slot), __ATOMIC_SEQ_CST);
    tree.run->at[slot].inside = 0;
    host_yard_dead(tree.run->yard, slot);
    if (!tree.at[slot].taken) {
        clear_slot(slot);
    }
    if (slot != YARD_OWNER) {
        tree.ended(slot, status);
    }
}

/* Stops it where it is, searches its memory and ends it. */
static void end_process(unsigned slot)
{
    pid_t pid = tree.at[slot].pid;
    int status = 0;
    if (pid == 0) {
        return;
    }
    kill(pid, SIGSTOP);
    while (waitpid(pid, &status, WUNTRACED) < 0 && errno == EINTR) {
    }
    if (WIFSTOPPED(status)) {
        struct hostile_ended *e = &tree.run->at[slot];
        e->end = e->end == END_NONE ? (uint32_t)END_KILLED : e->end;
        search_process(slot);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    gone(slot, status);
}

/* ---- what the owner asks
 * ---------------------------------------------------------------------------- */

static int free_slot(void)
{
    for (unsigned i = 1; i < YARD_SLOTS; i++) {
        if (tree.at[i].pid == 0 && !tree.at[i].taken) {
            return (int)i;
        }
    }
    return -EAGAIN;
}

static int64_t start_another(void)
{
    const struct host_bundle *bundle = tree.bundle;
    int slot = free_slot();
    bool lie = hostile_profile_of(tree.run, YARD_OWNER).processes && one_in(4);
    unsigned how = lie ? (unsigned)(hostile_random(&tree.random) % 5) : PROCESS_LIES;
    if (how == PROCESS_TWICE && tree.last_started != 0) {
        told(how);
        return tree.last_started;
    }
    if (how == PROCESS_NONE) {
        told(how);
        return slot;
    }
    if (how == PROCESS_OTHER && tree.other != NULL) {
        told(how);
        bundle = tree.other;
    }
    if (slot < 0 || !start((unsigned)slot, bundle)) {
        return -EAGAIN;
    }
    tree.last_started = (unsigned)slot;
    if (how == PROCESS_KILLED) {
        tree.at[slot].dies_at = now_ms() + 1 + (hostile_random(&tree.random) >> 32 & 0xff);
    } else if (how == PROCESS_DEAD) {
        told(how); /* said to be gone, and it lives */
        tree.run->yard->slots[slot].dead = 1;
    }
    return slot;
}

static void over(uint64_t slot, bool keep)
{
    if (slot == YARD_OWNER || slot >= YARD_SLOTS || !tree.at[slot].taken) {
        return;
    }
    tree.at[slot].taken = keep;
    if (tree.at[slot].pid != 0) {
        end_process((unsigned)slot);
    } else if (!keep) {
        clear_slot((unsigned)slot);
    }
}

static void answer(unsigned slot)
{
    struct hostile_request q;
    int64_t reply = -EIO;
    if (recv(tree.at[slot].socket, &q, sizeof q, MSG_DONTWAIT) != sizeof q) {
        return;
    }
    if (slot == YARD_OWNER && q.number == HOSTCALL_process_start) {
        reply = start_another();
    } else if (slot == YARD_OWNER && q.number == HOSTCALL_process_over) {
        over(q.args[0], q.args[1] != 0);
        reply = 0;
    }
    ignore_result((int)send(tree.at[slot].socket, &reply, sizeof reply, MSG_NOSIGNAL),
                  "who is gone is waited for");
}

/* ---- until it ends
 * ---------------------------------------------------------------------------------- */

static void look_at_members(void)
{
    for (unsigned slot = 1; slot < YARD_SLOTS; slot++) {
        int status = 0;
        pid_t pid = tree.at[slot].pid;
        if (pid == 0) {
            continue;
        }
        if (waitpid(pid, &status, WUNTRACED | WNOHANG) == pid) {
            if (WIFSTOPPED(status)) {
                search_process(slot);
                kill(pid, SIGKILL);
                waitpid(pid, NULL, 0);
            }
            gone(slot, status);
        } else if (tree.at[slot].dies_at != 0 && now_ms() >= tree.at[slot].dies_at) {
            told(PROCESS_KILLED);
            end_process(slot);
        }
    }
}

static void wait_for_requests(void)
{
    struct pollfd polled[YARD_SLOTS];
    for (unsigned i = 0; i < YARD_SLOTS; i++) {
        polled[i] = (struct pollfd){tree.at[i].pid != 0 ? tree.at[i].socket : -1, POLLIN, 0};
    }
    if (poll(polled, YARD_SLOTS, LOOK_MS) > 0) {
        for (unsigned i = 0; i < YARD_SLOTS; i++) {
            if ((polled[i].revents & POLLIN) != 0 && tree.at[i].pid != 0) {
                answer(i);
            }
        }
        const struct timespec little = {0, 100000}; /* closed sockets are always ready */
        nanosleep(&little, NULL);
    }
}

static void end_all(void)
{
    for (unsigned i = 0; i < YARD_SLOTS; i++) {
        end_process(i);
    }
    for (unsigned i = 0; i < YARD_SLOTS; i++) {
        if (tree.at[i].taken) {
            clear_slot(i);
        }
    }
}

int hostile_tree_run(const struct host_bundle *bundle, const struct host_bundle *other,
                     struct hostile_run *run, void (*member)(unsigned slot, int status))
{
    const uint64_t until = now_ms() + (run->limit_s + UINT64_C(20)) * 1000;
    int status = 0;
    memset(&tree, 0, sizeof tree);
    tree.bundle = bundle;
    tree.other = other;
    tree.run = run;
    tree.ended = member;
    tree.random = run->seed ^ UINT64_C(0x70726f63657373);
    run->yard = mmap(NULL, sizeof *run->yard, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    REQUIRE(run->yard != MAP_FAILED);
    REQUIRE(start(YARD_OWNER, bundle));
    pid_t owner = tree.at[YARD_OWNER].pid;
    for (;;) {
        if (waitpid(owner, &status, WUNTRACED | WNOHANG) == owner) {
            break;
        }
        if (now_ms() > until) {
            snprintf(run->at[YARD_OWNER].text, TEXT_SIZE, "the process does not end");
            break;
        }
        wait_for_requests();
        look_at_members();
    }
    if (WIFSTOPPED(status)) {
        search_process(YARD_OWNER);
        kill(owner, SIGKILL);
        waitpid(owner, NULL, 0);
        gone(YARD_OWNER, status);
    } else if (WIFEXITED(status) || WIFSIGNALED(status)) {
        gone(YARD_OWNER, status);
    }
    end_all();
    munmap(run->yard, sizeof *run->yard);
    return status;
}
