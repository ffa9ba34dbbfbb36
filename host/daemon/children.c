/* SPDX-License-Identifier: Apache-2.0 */
#include "children.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "event.h"

#define WHAT_MAX   160u
#define EVENTS_MAX 32

struct child {
    struct children *owner;
    struct child *next_wanted;  /* while it waits to be started */
    struct child *next, **link; /* of all that run */
    enum child_kind kind;
    const char *const *argv;
    int child_in, child_out; /* the child's ends, until it is started */
    int in, out, pidfd;
    pid_t pid;
    int error; /* of starting */
    bool started, ended, expected;
    char what[WHAT_MAX];
};

struct children {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* something started or ended; monotonic clock */
    struct child *wanted, *running;
    size_t count;
    bool stopping, closing;
    int wake, epoll;
};

/* ---- the thread that starts and sees them end ------------------------------------------------ */

/* In the child: a copy of one thread of many, so nothing but system calls. */
static void become(const struct child *c, pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent ||
        dup2(c->child_in, STDIN_FILENO) < 0 || dup2(c->child_out, STDOUT_FILENO) < 0) {
        _exit(126);
    }
    (void)prctl(PR_SET_THP_DISABLE, c->kind == CHILD_WAITS, 0, 0, 0);
    (void)close_range(STDERR_FILENO + 1, ~0u, 0);
    (void)setpgid(0, 0); /* the terminal's Ctrl-C is for the daemon, which ends its children */
    (void)signal(SIGPIPE, SIG_DFL);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    execv(c->argv[0], (char *const *)(uintptr_t)c->argv);
    _exit(127);
}

static void start_one(struct children *all, struct child *c)
{
    pid_t parent = getpid();
    c->pid = fork();
    if (c->pid == 0) {
        become(c, parent);
    }
    c->error = c->pid < 0 ? -errno : 0;
    close(c->child_in);
    close(c->child_out);
    c->started = true;
    if (c->error != 0) {
        return;
    }
    c->pidfd = pidfd_open(c->pid, 0);
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = c};
    if (c->pidfd < 0 || epoll_ctl(all->epoll, EPOLL_CTL_ADD, c->pidfd, &wanted) != 0) {
        c->error = -errno; /* out of descriptors: it cannot be watched, so it must not run */
        kill(c->pid, SIGKILL);
        waitpid(c->pid, NULL, 0);
        return;
    }
    (void)fcntl(c->pidfd, F_SETFD, FD_CLOEXEC);
    c->next = all->running;
    c->link = &all->running;
    if (c->next != NULL) {
        c->next->link = &c->next;
    }
    all->running = c;
    all->count++;
}

static void see_end(struct children *all, struct child *c)
{
    int status = 0;
    if (waitpid(c->pid, &status, WNOHANG) != c->pid) {
        return;
    }
    (void)epoll_ctl(all->epoll, EPOLL_CTL_DEL, c->pidfd, NULL);
    *c->link = c->next;
    if (c->next != NULL) {
        c->next->link = c->link;
    }
    all->count--;
    c->ended = true;
    if (c->expected || all->stopping || status == 0) {
        return;
    }
    if (WIFSIGNALED(status)) {
        event("%s ended by signal %d", c->what, WTERMSIG(status));
    } else {
        event("%s ended with status %d", c->what, WEXITSTATUS(status));
    }
}

static void *serve(void *context)
{
    struct children *all = context;
    struct epoll_event events[EVENTS_MAX];
    for (;;) {
        int n = epoll_wait(all->epoll, events, EVENTS_MAX, -1);
        pthread_mutex_lock(&all->mutex);
        for (int i = 0; i < n; i++) {
            uint64_t unused;
            if (events[i].data.ptr != NULL) {
                see_end(all, events[i].data.ptr);
            } else {
                ignore_result(read(all->wake, &unused, sizeof unused) < 0, "it only wakes us");
            }
        }
        while (all->wanted != NULL) {
            struct child *c = all->wanted;
            all->wanted = c->next_wanted;
            start_one(all, c);
        }
        pthread_cond_broadcast(&all->changed);
        bool done = all->closing;
        pthread_mutex_unlock(&all->mutex);
        if (done) {
            return NULL;
        }
    }
}

static void wake(struct children *c)
{
    uint64_t one = 1;
    ignore_result(write(c->wake, &one, sizeof one) < 0, "a full counter wakes as well");
}

int children_open(struct children **ret, struct diag *d)
{
    struct children *c = calloc(1, sizeof *c);
    pthread_condattr_t attr;
    if (c == NULL) {
        return diag_fail(d, -ENOMEM, "no memory for processes");
    }
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&c->mutex, NULL);
    pthread_cond_init(&c->changed, &attr);
    pthread_condattr_destroy(&attr);
    c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    c->epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = NULL};
    int r = c->wake < 0 || c->epoll < 0 || epoll_ctl(c->epoll, EPOLL_CTL_ADD, c->wake, &wanted) != 0
                ? -errno
                : -pthread_create(&c->thread, NULL, serve, c);
    if (r != 0) {
        close(c->wake);
        close(c->epoll);
        free(c);
        return diag_fail(d, r, "cannot start the thread that starts processes: %s", strerror(-r));
    }
    *ret = c;
    return 0;
}

static void signal_all(struct children *c, int number)
{
    for (struct child *k = c->running; k != NULL; k = k->next) {
        (void)pidfd_send_signal(k->pidfd, number, NULL, 0);
    }
}

static struct timespec in_ms(int ms)
{
    int64_t at = now_ms() + ms;
    return (struct timespec){at / 1000, at % 1000 * 1000000};
}

void children_stop(struct children *c, int grace_ms)
{
    struct timespec until = in_ms(grace_ms);
    pthread_mutex_lock(&c->mutex);
    c->stopping = true;
    signal_all(c, SIGTERM);
    while (c->count > 0 && pthread_cond_timedwait(&c->changed, &c->mutex, &until) == 0) {
    }
    signal_all(c, SIGKILL);
    while (c->count > 0) {
        pthread_cond_wait(&c->changed, &c->mutex);
    }
    pthread_mutex_unlock(&c->mutex);
}

void children_close(struct children *c)
{
    if (c == NULL) {
        return;
    }
    children_stop(c, 0);
    pthread_mutex_lock(&c->mutex);
    c->closing = true;
    pthread_mutex_unlock(&c->mutex);
    wake(c);
    pthread_join(c->thread, NULL);
    close(c->wake);
    close(c->epoll);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->mutex);
    free(c);
}

/* ---- one child ------------------------------------------------------------------------------- */

static void discard(struct child *c)
{
    if (c->in >= 0) {
        close(c->in);
    }
    if (c->out >= 0) {
        close(c->out);
    }
    if (c->pidfd >= 0) {
        close(c->pidfd);
    }
    free(c);
}

static int make_pipes(struct child *c)
{
    int to[2], from[2];
    if (pipe2(to, O_CLOEXEC) != 0) {
        return -errno;
    }
    if (pipe2(from, O_CLOEXEC) != 0) {
        int r = -errno;
        close(to[0]);
        close(to[1]);
        return r;
    }
    c->child_in = to[0];
    c->in = to[1];
    c->out = from[0];
    c->child_out = from[1];
    /* Only our ends: the flag belongs to the open file, and each end of a pipe is one. */
    (void)fcntl(c->in, F_SETFL, O_NONBLOCK);
    (void)fcntl(c->out, F_SETFL, O_NONBLOCK);
    return 0;
}

int child_start(struct children *all, enum child_kind kind, const char *const argv[],
                const char *what, struct child **ret, struct diag *d)
{
    struct child *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return diag_fail(d, -ENOMEM, "%s: no memory to start it", what);
    }
    c->owner = all;
    c->kind = kind;
    c->argv = argv;
    c->in = c->out = c->pidfd = -1;
    base_format(c->what, sizeof c->what, "%s", what);
    int r = make_pipes(c);
    if (r != 0) {
        discard(c);
        return diag_fail(d, r, "%s: cannot make pipes: %s", what, strerror(-r));
    }
    pthread_mutex_lock(&all->mutex);
    if (all->stopping) {
        c->error = -ESHUTDOWN;
        close(c->child_in);
        close(c->child_out);
    } else {
        c->next_wanted = all->wanted;
        all->wanted = c;
        wake(all);
        while (!c->started) {
            pthread_cond_wait(&all->changed, &all->mutex);
        }
    }
    r = c->error;
    pthread_mutex_unlock(&all->mutex);
    if (r != 0) {
        discard(c);
        return diag_fail(d, r, "%s cannot be started: %s", what,
                         r == -ESHUTDOWN ? "the daemon is ending" : strerror(-r));
    }
    *ret = c;
    return 0;
}

int child_in(const struct child *c)
{
    return c->in;
}

int child_out(const struct child *c)
{
    return c->out;
}

const char *child_what(const struct child *c)
{
    return c->what;
}

bool child_ended(struct child *c)
{
    pthread_mutex_lock(&c->owner->mutex);
    bool ended = c->ended;
    pthread_mutex_unlock(&c->owner->mutex);
    return ended;
}

void child_end(struct child *c, int grace_ms)
{
    if (c == NULL) {
        return;
    }
    struct children *all = c->owner;
    struct timespec until = in_ms(grace_ms);
    close(c->in);
    c->in = -1;
    pthread_mutex_lock(&all->mutex);
    c->expected = true;
    while (!c->ended && grace_ms > 0 &&
           pthread_cond_timedwait(&all->changed, &all->mutex, &until) == 0) {
    }
    if (!c->ended) {
        (void)pidfd_send_signal(c->pidfd, SIGKILL, NULL, 0);
    }
    while (!c->ended) {
        pthread_cond_wait(&all->changed, &all->mutex);
    }
    pthread_mutex_unlock(&all->mutex);
    discard(c);
}
