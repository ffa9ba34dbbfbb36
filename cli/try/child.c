/* SPDX-License-Identifier: Apache-2.0 */
/* One program, once, see child.h. */
#include "try/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FROM_OUT, FROM_ERR, ENDED, EVENTS };
enum { STATUS_NO_EXEC = 127 };

struct run {
    pid_t pid;
    int input, fds[EVENTS]; /* the child's stdout, its stderr, its pidfd; -1: closed */
    int child_fds[2];       /* the child's ends of both pipes */
    int network;            /* the child writes a byte there when it keeps its network */
    size_t out_max;
};

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
}

/* The whole input as a file, so that it needs nobody who writes it. */
static int input_file(struct bytes input)
{
    int fd = memfd_create("alcove-call", MFD_CLOEXEC);
    while (fd >= 0 && input.size > 0) {
        ssize_t n = write(fd, input.data, input.size);
        if (n < 0) {
            close(fd);
            return -1;
        }
        input = BYTES(input.data + n, input.size - (size_t)n);
    }
    return fd < 0 || lseek(fd, 0, SEEK_SET) == 0 ? fd : -1;
}

/* ---- the child's side: after fork(), only calls that are safe there -------------------------- */

static void become(const struct run *run, const char *const *argv)
{
    static char locale[] = "LC_ALL=C.UTF-8";
    static char *const environment[] = {locale, NULL};
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* A user namespace of its own is what lets others than root do this. */
    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
        ignore_result(write(run->network, "n", 1), "only a remark depends on it");
    }
    if (chdir("/") == 0 && dup2(run->input, 0) == 0 && dup2(run->child_fds[FROM_OUT], 1) == 1 &&
        dup2(run->child_fds[FROM_ERR], 2) == 2) {
        /* SAFETY: execve() writes to no argument; its type is older than const. */
        execve(argv[0], (char *const *)(uintptr_t)argv, environment);
    }
    _exit(STATUS_NO_EXEC);
}

/* ---- the parent's ---------------------------------------------------------------------------- */

static int start(struct run *run, const char *const *argv, struct child *ret, struct diag *d)
{
    int network[2] = {-1, -1};
    int pipes[2][2] = {{-1, -1}, {-1, -1}};
    int err = 0;
    if (run->input < 0 || pipe2(pipes[FROM_OUT], O_CLOEXEC) != 0 ||
        pipe2(pipes[FROM_ERR], O_CLOEXEC) != 0 || pipe2(network, O_CLOEXEC) != 0 ||
        (run->pid = fork()) < 0) {
        err = diag_fail(d, -errno, "%s cannot be started: %s", argv[0], strerror(errno));
    }
    run->network = network[1];
    run->child_fds[FROM_OUT] = pipes[FROM_OUT][1];
    run->child_fds[FROM_ERR] = pipes[FROM_ERR][1];
    if (err == 0 && run->pid == 0) {
        become(run, argv);
    }
    close_fd(&network[1]);
    close_fd(&pipes[FROM_OUT][1]);
    close_fd(&pipes[FROM_ERR][1]);
    run->fds[FROM_OUT] = pipes[FROM_OUT][0];
    run->fds[FROM_ERR] = pipes[FROM_ERR][0];
    if (err == 0) {
        char byte;
        ret->has_network = read(network[0], &byte, 1) == 1; /* its end, or exec, is no byte */
        run->fds[ENDED] = (int)syscall(SYS_pidfd_open, run->pid, 0);
        if (run->fds[ENDED] < 0) {
            err = diag_fail(d, -errno, "pidfd_open: %s", strerror(errno));
            kill(run->pid, SIGKILL);
            waitpid(run->pid, NULL, 0);
        }
    }
    close_fd(&network[0]);
    return err;
}

static void take_out(struct run *run, struct child *ret)
{
    uint8_t spare[4096];
    size_t room = run->out_max - ret->out_size;
    bool full = ret->overflowed || room == 0;
    ssize_t n = full ? read(run->fds[FROM_OUT], spare, sizeof spare)
                     : read(run->fds[FROM_OUT], ret->out + ret->out_size, room);
    if (n <= 0) {
        close_fd(&run->fds[FROM_OUT]);
    } else if (full) {
        ret->overflowed = true;
    } else {
        ret->out_size += (size_t)n;
    }
}

/* Keeps the last bytes: tracebacks say at their end what happened. */
static void take_said(struct run *run, struct child *ret)
{
    char more[4096];
    ssize_t n = read(run->fds[FROM_ERR], more, sizeof more);
    if (n <= 0) {
        close_fd(&run->fds[FROM_ERR]);
        return;
    }
    size_t size = (size_t)n, room = sizeof ret->said - ret->said_size;
    size_t drop = size > room ? size - room : 0;
    memmove(ret->said, ret->said + drop, ret->said_size - drop);
    memcpy(ret->said + ret->said_size - drop, more, size);
    ret->said_size += size - drop;
}

/* Kills it with all that it started in its group, and asks how it ended. */
static void finish(struct run *run, bool late, struct child *ret)
{
    int status = 0;
    kill(-run->pid, SIGKILL);
    while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (late) {
        ret->end = CHILD_LATE;
    } else if (WIFSIGNALED(status)) {
        ret->end = CHILD_SIGNALED;
        ret->value = WTERMSIG(status);
    } else {
        ret->end = CHILD_EXITED;
        ret->value = WEXITSTATUS(status);
    }
    close_fd(&run->fds[ENDED]);
}

/* Until the deadline, which also ends what it left behind with its pipes in hand. */
static void follow(struct run *run, uint64_t limit_ms, struct child *ret)
{
    uint64_t begin = now_ms();
    while (run->fds[ENDED] >= 0 || run->fds[FROM_OUT] >= 0 || run->fds[FROM_ERR] >= 0) {
        uint64_t gone = now_ms() - begin;
        bool late = gone >= limit_ms;
        struct pollfd events[EVENTS];
        for (int i = 0; i < EVENTS; i++) {
            events[i] = (struct pollfd){.fd = run->fds[i], .events = POLLIN};
        }
        if (!late && poll(events, EVENTS, (int)(limit_ms - gone)) < 0) {
            continue;
        }
        if (!late && events[FROM_OUT].revents != 0) {
            take_out(run, ret);
        }
        if (!late && events[FROM_ERR].revents != 0) {
            take_said(run, ret);
        }
        if (run->fds[ENDED] >= 0 && (late || events[ENDED].revents != 0)) {
            ret->ms = now_ms() - begin;
            finish(run, late, ret);
        }
        if (late) {
            break;
        }
    }
}

int child_run(const char *const *argv, struct bytes input, size_t out_max, uint64_t limit_ms,
              struct child *ret, struct diag *d)
{
    struct run run = {.input = input_file(input), .fds = {-1, -1, -1}, .out_max = out_max};
    *ret = (struct child){0};
    ret->out = malloc(out_max);
    if (ret->out == NULL) {
        close_fd(&run.input);
        return diag_fail(d, -ENOMEM, "no memory");
    }
    int err = start(&run, argv, ret, d);
    close_fd(&run.input);
    if (err == 0) {
        follow(&run, limit_ms, ret);
    }
    close_fd(&run.fds[FROM_OUT]);
    close_fd(&run.fds[FROM_ERR]);
    if (ret->overflowed) {
        ret->out_size = 0;
    }
    return err;
}

void child_done(struct child *child)
{
    free(child->out);
    child->out = NULL;
}
