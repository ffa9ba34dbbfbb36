/* SPDX-License-Identifier: Apache-2.0 */
/* Starts alcove-quoting and asks it. */
#include "host/quoting.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/install.h"
#include "protocol.h"

struct quoting {
    int socket;
    pid_t pid;
    struct quoting_answer answer; /* collateral borrows from here */
};

/* In the child, which shares memory with its parent until exec: only system calls. */
static void run_child(const char *path, const char *state_dir, const char *microcode, int fd)
{
    char name[] = "alcove-quoting", none[] = "";
    char *argv[] = {name, state_dir == NULL ? none : (char *)(uintptr_t)state_dir,
                    microcode == NULL ? none : (char *)(uintptr_t)microcode, NULL};
    if (fd == QUOTING_FD) {
        (void)fcntl(fd, F_SETFD, 0);
    } else if (dup2(fd, QUOTING_FD) < 0) {
        _exit(126);
    }
    (void)close_range(QUOTING_FD + 1, ~0u, 0);
    (void)setsid(); /* the terminal's Ctrl-C is for the program, whose end also ends this one */
    execv(path, argv);
    _exit(127);
}

int quoting_open(const struct machine_ops *ops, const struct machine_config *machine,
                 struct quoting **ret, struct diag *d)
{
    char path[PATH_MAX];
    int pair[2];
    if (ops != &machine_soft) {
        return diag_fail(d, -ENOSYS,
                         "on the %s machine quotes come from the platform's quoting "
                         "service, which this release does not ask yet",
                         ops->name);
    }
    int r = host_find_file("alcove-quoting", path, d);
    if (r != 0) {
        return r;
    }
    struct quoting *q = calloc(1, sizeof *q);
    if (q == NULL) {
        return diag_fail(d, -ENOMEM, "no memory for the quoting process's connection");
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        r = diag_fail(d, -errno, "cannot make a channel to %s: %s", path, strerror(errno));
        free(q);
        return r;
    }
    q->socket = pair[0];
    q->pid = vfork();
    if (q->pid == 0) {
        run_child(path, machine->state_dir, machine->microcode_path, pair[1]);
    }
    (void)close(pair[1]);
    if (q->pid < 0) {
        r = diag_fail(d, -errno, "cannot start %s: %s", path, strerror(errno));
        quoting_close(q);
        return r;
    }
    *ret = q;
    return 0;
}

void quoting_close(struct quoting *q)
{
    if (q == NULL) {
        return;
    }
    (void)close(q->socket);
    while (q->pid > 0 && waitpid(q->pid, NULL, 0) < 0 &&
           errno == EINTR) { /* it ends at end of file */
    }
    free(q);
}

static int ask(struct quoting *q, const struct quoting_question *question, struct diag *d)
{
    ssize_t n;
    do {
        n = send(q->socket, question, sizeof *question, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    /* A process that could not get ready says why before it ends, asked or not. */
    do {
        n = recv(q->socket, &q->answer, sizeof q->answer, 0);
    } while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof q->answer) {
        return diag_fail(d, -EPIPE, "the quoting process ended without an answer");
    }
    q->answer.diag.text[DIAG_MAX - 1] = '\0';
    return q->answer.error == 0 ? 0
                                : diag_fail(d, q->answer.error < 0 ? q->answer.error : -EIO, "%s",
                                            q->answer.diag.text);
}

int quoting_get_target(struct quoting *q, struct sgx_targetinfo *ret, struct diag *d)
{
    struct quoting_question question = {.kind = QUOTING_TARGET};
    int r = ask(q, &question, d);
    if (r == 0) {
        *ret = q->answer.target;
    }
    return r;
}

/* The parts of the last answer: a quote, or none, and the collateral. */
static int take_parts(struct quoting *q, struct bytes *ret_quote,
                      struct evidence_collateral *ret_collateral, struct diag *d)
{
    struct evidence_collateral collateral;
    struct cursor c = cursor_of(BYTES_OF(q->answer.data));
    struct bytes quoted = cursor_take(&c, q->answer.size[0]);
    for (size_t i = 0; i < QUOTING_PARTS - 1; i++) {
        *quoting_part(&collateral, i) = cursor_take(&c, q->answer.size[i + 1]);
    }
    if (!cursor_ok(&c)) {
        return diag_fail(d, -EPROTO, "the quoting process's answer does not fit its sizes");
    }
    *ret_quote = quoted;
    *ret_collateral = collateral;
    return 0;
}

int quoting_quote(struct quoting *q, const struct sgx_report *report, struct writer *quote,
                  struct evidence_collateral *ret_collateral, struct diag *d)
{
    struct quoting_question question = {.kind = QUOTING_QUOTE, .report = *report};
    struct bytes quoted;
    int r = ask(q, &question, d);
    r = r != 0 ? r : take_parts(q, &quoted, ret_collateral, d);
    if (r != 0) {
        return r;
    }
    writer_put(quote, quoted);
    return quote->failed ? diag_fail(d, -ENOSPC, "no room for a quote of %zu bytes", quoted.size)
                         : 0;
}

int quoting_collateral(struct quoting *q, struct evidence_collateral *ret, struct diag *d)
{
    struct quoting_question question = {.kind = QUOTING_COLLATERAL};
    struct bytes none;
    int r = ask(q, &question, d);
    return r != 0 ? r : take_parts(q, &none, ret, d);
}
