/* SPDX-License-Identifier: Apache-2.0 */
/* The enclave process's end of the microcode helper: starts it, sends the building commands in
 * batches, asks for EINIT, reports and keys. Pages travel in a staging file that both sides hold
 * and that is sealed before the helper sees it, so that it can measure them where they are.
 *
 * Host code, except client_report() and client_getkey(), which are leaf code (client_leaf.c). */
#include "soft/client.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef ALCOVE_LIBEXECDIR
#define ALCOVE_LIBEXECDIR "/usr/libexec/alcove"
#endif
#define HELPER_NAME "alcove-microcode"

/* ---- starting it ----------------------------------------------------------------------------- */

static bool executable(const char *path)
{
    return access(path, X_OK) == 0;
}

static int find_helper(const struct machine_config *config, char path[PATH_MAX], struct diag *d)
{
    if (config->microcode_path != NULL) {
        (void)snprintf(path, PATH_MAX, "%s", config->microcode_path);
        return executable(path) ? 0 : diag_fail(d, -ENOENT, "%s: cannot be executed", path);
    }
    const char *dir = getenv("ALCOVE_LIBEXEC_DIR");
    if (dir != NULL) {
        (void)snprintf(path, PATH_MAX, "%s/" HELPER_NAME, dir);
        return executable(path)
                   ? 0
                   : diag_fail(d, -ENOENT, "%s: cannot be executed (ALCOVE_LIBEXEC_DIR)", path);
    }
    ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 64);
    if (n > 0) {
        path[n] = '\0';
        char *slash = strrchr(path, '/');
        static const char *const beside[] = {"/" HELPER_NAME, "/../machine/" HELPER_NAME,
                                             "/../libexec/alcove/" HELPER_NAME,
                                             "/../../libexec/alcove/" HELPER_NAME};
        for (size_t i = 0; slash != NULL && i < ARRAY_SIZE(beside); i++) {
            (void)snprintf(slash, 64, "%s", beside[i]);
            if (executable(path)) {
                return 0;
            }
        }
    }
    (void)snprintf(path, PATH_MAX, "%s", ALCOVE_LIBEXECDIR "/" HELPER_NAME);
    return executable(path)
               ? 0
               : diag_fail(d, -ENOENT,
                           HELPER_NAME " is neither beside this program nor in %s: build or "
                                       "install it, or set ALCOVE_LIBEXEC_DIR",
                           ALCOVE_LIBEXECDIR);
}

/* What the child needs until exec, which may come after its parent has gone on. */
struct launch {
    char path[PATH_MAX];
    char state_dir[PATH_MAX];
    int socket;
    _Alignas(16) uint8_t stack[16384];
};

/* In the child, which shares memory with its parent until exec: only system calls, on a stack that
 * the sanitizers do not know. */
__attribute__((no_sanitize("address"))) static int run_helper(void *context)
{
    struct launch *l = context;
    if (l->socket == MICROCODE_FD) {
        (void)fcntl(l->socket, F_SETFD, 0);
    } else if (dup2(l->socket, MICROCODE_FD) < 0) {
        return 126;
    }
    /* Who reads the program's output to its end must not wait for the helper's end. */
    int nothing = open("/dev/null", O_RDWR);
    for (int i = 0; nothing >= 0 && i < MICROCODE_FD; i++) {
        (void)dup2(nothing, i);
    }
    (void)close_range(MICROCODE_FD + 1, ~0u, 0);
    char *argv[] = {(char *)(uintptr_t)HELPER_NAME, l->state_dir[0] == '\0' ? NULL : l->state_dir,
                    NULL};
    (void)setsid(); /* the terminal's Ctrl-C is for the program, whose end also ends the helper */
    execv(l->path, argv);
    return 127;
}

/* Not vfork: exec takes as long as much of what the parent does next. The child's memory is not
 * given back, because nobody learns when it is done with it: 28 KiB for each helper. */
static int launch_helper(struct launch *l, int sockets[2], struct diag *d)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
        return diag_fail(d, -errno, "cannot make a channel to the microcode helper: %s",
                         strerror(errno));
    }
    l->socket = sockets[1];
    int pid = clone(run_helper, l->stack + sizeof l->stack, CLONE_VM | SIGCHLD, l);
    int r = pid >= 0 ? pid : diag_fail(d, -errno, "cannot start %s: %s", l->path, strerror(errno));
    (void)close(sockets[1]);
    if (r < 0) {
        (void)close(sockets[0]);
    }
    return r;
}

static int start_in(struct launch *l, struct machine_config *config, struct diag *d)
{
    int sockets[2];
    int r = find_helper(config, l->path, d);
    if (r == 0 && config->state_dir != NULL &&
        snprintf(l->state_dir, sizeof l->state_dir, "%s", config->state_dir) >=
            (int)sizeof l->state_dir) {
        r = diag_fail(d, -ENAMETOOLONG, "the name of the machine's folder is too long");
    }
    int pages = r == 0 ? memfd_create("alcove-staging", MFD_CLOEXEC | MFD_ALLOW_SEALING) : -1;
    if (r == 0 && pages < 0) {
        r = diag_fail(d, -errno, "cannot make a file for the enclave's pages: %s", strerror(errno));
    }
    r = r == 0 ? launch_helper(l, sockets, d) : r;
    if (r > 0) {
        config->started = (struct machine_started){r, sockets[0], pages};
        return 0;
    }
    if (pages >= 0) {
        (void)close(pages);
    }
    return r;
}

int client_start(struct machine_config *config, struct diag *d)
{
    struct launch *l =
        mmap(NULL, sizeof *l, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (l == MAP_FAILED) {
        return diag_fail(d, -ENOMEM, "no memory to start the microcode helper");
    }
    int r = start_in(l, config, d);
    if (r < 0) {
        (void)munmap(l, sizeof *l);
    }
    return r;
}

int client_open(const struct machine_config *config, struct soft_client **ret, struct diag *d)
{
    struct machine_config own = *config;
    struct soft_client *c = aligned_alloc(_Alignof(struct soft_client), sizeof *c);
    if (c == NULL) {
        return diag_fail(d, -ENOMEM, "no memory for the microcode's connection");
    }
    memset(c, 0, sizeof *c); /* calloc() would not align SECS and REPORT as they want it */
    int r = own.started.pid != 0 ? 0 : client_start(&own, d);
    if (r < 0) {
        free(c);
        return r;
    }
    c->socket = own.started.socket;
    c->staging = own.started.pages;
    c->pid = own.started.pid;
    *ret = c;
    return 0;
}

void client_close(struct soft_client *c)
{
    if (c == NULL) {
        return;
    }
    if (c->socket >= 0) {
        (void)close(c->socket);
    }
    if (c->staging >= 0) {
        (void)close(c->staging);
    }
    if (c->pid > 0) {
        (void)waitpid(c->pid, NULL, 0); /* it ends when its socket closes; maybe no child of ours */
    }
    free(c->pages);
    free(c->records);
    free(c);
}

/* ---- building -------------------------------------------------------------------------------- */

static int send_with_fd(struct soft_client *c, const void *data, size_t size, int fd,
                        struct diag *d)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    memset(&control, 0, sizeof control);
    struct iovec iov = {(void *)(uintptr_t)data, size};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    if (fd >= 0) {
        msg.msg_control = &control;
        msg.msg_controllen = sizeof control;
        struct cmsghdr *h = CMSG_FIRSTHDR(&msg);
        h->cmsg_level = SOL_SOCKET;
        h->cmsg_type = SCM_RIGHTS;
        h->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(h), &fd, sizeof fd);
    }
    ssize_t n;
    do {
        n = sendmsg(c->socket, &msg, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EPIPE) {
        return 0; /* it ended; its last words, if any, are read at EINIT */
    }
    return n == (ssize_t)size
               ? 0
               : diag_fail(d, -EIO, "cannot talk to the microcode helper: %s", strerror(errno));
}

/* Everything else waits until the pages are complete and sealed: client_ask(). */
int client_create(struct soft_client *c, const struct sgx_secs *secs, struct diag *d)
{
    (void)d;
    c->create = (struct mc_create){.type = MC_CREATE, .secs = *secs};
    return 0;
}

static int flush(struct soft_client *c, struct diag *d)
{
    size_t size = (size_t)c->page_count * PAGE_SIZE;
    off_t at = (off_t)(c->slot_count - c->page_count) * PAGE_SIZE;
    for (size_t done = 0; done < size;) {
        ssize_t n = pwrite(c->staging, c->pages + done, size - done, at + (off_t)done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return diag_fail(d, -ENOMEM, "no memory for the enclave's pages: %s", strerror(errno));
        }
        done += (size_t)n;
    }
    c->page_count = 0;
    return 0;
}

static int add_record(struct soft_client *c, const struct mc_record *record, struct diag *d)
{
    if (c->record_count == c->record_capacity) {
        size_t capacity = c->record_capacity == 0 ? 512 : 2 * c->record_capacity;
        void *grown = realloc(c->records, capacity * sizeof c->records[0]);
        if (grown == NULL) {
            return diag_fail(d, -ENOMEM, "no memory for the list of pages to measure");
        }
        c->records = grown;
        c->record_capacity = capacity;
    }
    c->records[c->record_count++] = *record;
    return 0;
}

int client_add(struct soft_client *c, uint64_t offset, uint64_t flags, const void *content,
               struct diag *d)
{
    if (c->pages == NULL) {
        c->pages = malloc((size_t)STAGING_PAGES * PAGE_SIZE);
        if (c->pages == NULL) {
            return diag_fail(d, -ENOMEM, "no memory for a buffer of pages");
        }
    }
    if (c->slot_count >= MC_PAGES_MAX) {
        return diag_fail(d, -E2BIG, "more than %u pages before EINIT", MC_PAGES_MAX);
    }
    if (c->page_count == STAGING_PAGES) {
        int r = flush(c, d);
        if (r < 0) {
            return r;
        }
    }
    uint8_t *page = c->pages + (size_t)c->page_count * PAGE_SIZE;
    memcpy(page, content, PAGE_SIZE);
    if (flags >> 8 == SGX_PT_TCS) {
        struct sgx_tcs *tcs = (struct sgx_tcs *)(void *)page;
        tcs->flags &= ~UINT64_C(1); /* EADD clears DBGOPTIN, which is the debugger's to set */
    }
    const struct mc_record record = {.offset = offset, .flags = flags, .slot = c->slot_count};
    int r = add_record(c, &record, d);
    if (r == 0) {
        c->page_count++;
        c->slot_count++;
    }
    return r;
}

int client_extend(struct soft_client *c, uint64_t offset, struct diag *d)
{
    uint32_t chunk = (uint32_t)(offset % PAGE_SIZE / 256);
    if (c->record_count > 0) {
        struct mc_record *last = &c->records[c->record_count - 1];
        /* Ascending chunks of the page just added ride along with its EADD. */
        if (!last->is_extend && last->offset == offset - offset % PAGE_SIZE &&
            last->chunks >> chunk == 0) {
            last->chunks = (uint16_t)(last->chunks | 1u << chunk);
            return 0;
        }
    }
    const struct mc_record record = {.offset = offset, .is_extend = 1};
    return add_record(c, &record, d);
}

/* What is measured can change no more: the helper looks for these seals and measures in place. */
static int seal(struct soft_client *c, struct diag *d)
{
    return fcntl(c->staging, F_ADD_SEALS,
                 F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0
               ? 0
               : diag_fail(d, -EIO, "cannot seal the enclave's pages: %s", strerror(errno));
}

static int send_records(struct soft_client *c, struct diag *d)
{
    static struct mc_build batch; /* building is single-threaded */
    int r = 0;
    for (size_t done = 0; done < c->record_count && r == 0; done += batch.count) {
        size_t left = c->record_count - done;
        batch.type = MC_BUILD;
        batch.count = left < MC_RECORDS ? (uint32_t)left : MC_RECORDS;
        memcpy(batch.records, c->records + done, batch.count * sizeof batch.records[0]);
        r = send_with_fd(c, &batch,
                         offsetof(struct mc_build, records) + batch.count * sizeof batch.records[0],
                         -1, d);
    }
    return r;
}

int client_ask(struct soft_client *c, const struct sgx_sigstruct *sigstruct, int *ret_fd,
               struct diag *d)
{
    struct mc_init init = {.type = MC_INIT, .sigstruct = *sigstruct};
    int r = flush(c, d);
    r = r == 0 ? seal(c, d) : r;
    r = r == 0 ? send_with_fd(c, &c->create, sizeof c->create, c->staging, d) : r;
    r = r == 0 ? send_records(c, d) : r;
    r = r == 0 ? send_with_fd(c, &init, sizeof init, -1, d) : r;
    if (r == 0) {
        *ret_fd = c->staging;
        c->staging = -1;
    }
    return r;
}

bool client_answered(const struct soft_client *c)
{
    struct pollfd p = {.fd = c->socket, .events = POLLIN};
    return poll(&p, 1, 0) != 0;
}

int client_answer(struct soft_client *c, uint32_t *ret_handle, struct diag *d)
{
    struct mc_init_reply reply;
    ssize_t n;
    do {
        n = recv(c->socket, &reply, sizeof reply, 0);
    } while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof reply) {
        return diag_fail(d, -EIO, "the microcode helper ended without an answer");
    }
    if (reply.error != 0) {
        reply.diag.text[DIAG_MAX - 1] = '\0';
        return diag_fail(d, reply.error < 0 ? reply.error : -EIO, "%s", reply.diag.text);
    }
    free(c->pages);
    c->pages = NULL;
    free(c->records);
    c->records = NULL;
    c->record_count = c->record_capacity = 0;
    *ret_handle = reply.handle;
    return 0;
}
