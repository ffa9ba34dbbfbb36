/* SPDX-License-Identifier: Apache-2.0 */
/* signalfd: read, poll and epoll, in the first process and in one that another process started.
 * Signals come from the reader itself, a timer, a parent, a child's end, and a thread. Run on Linux
 * and in an enclave. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *what, long r)
{
    printf("  %s: %ld %s\n", what, r, r < 0 ? strerrorname_np(errno) : "ok");
}

static void take(int fd, const char *what)
{
    struct signalfd_siginfo s[4];
    memset(s, 0, sizeof s);
    const ssize_t n = read(fd, s, sizeof s);
    printf("  %s: %zd %s\n", what, n, n < 0 ? strerrorname_np(errno) : "ok");
    for (ssize_t i = 0; i < n / (ssize_t)sizeof s[0]; i++) {
        printf("    signal %u, code %d, own %d, value %d, status %d\n", s[i].ssi_signo,
               s[i].ssi_code, s[i].ssi_pid == (unsigned)getpid(), s[i].ssi_int, s[i].ssi_status);
    }
}

static int ready(int fd, int timeout_ms)
{
    struct pollfd p = {fd, POLLIN, 0};
    const int n = poll(&p, 1, timeout_ms);
    return n == 1 ? p.revents : n;
}

static void alarm_in(int ms)
{
    const struct itimerval t = {.it_value = {0, ms * 1000}};
    setitimer(ITIMER_REAL, &t, NULL);
}

static void *raises(void *argument)
{
    usleep(20000);
    kill(getpid(), *(int *)argument);
    return NULL;
}

static volatile sig_atomic_t handled;
static void handler(int signo)
{
    handled = signo;
}

static void scenes(void)
{
    sigset_t set, none;
    int usr1 = SIGUSR1;
    sigemptyset(&none);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGALRM);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    const int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    const int slow = signalfd(-1, &set, 0);
    say("made", fd >= 0 && slow >= 0);
    char little[64];
    say("a small buffer", read(fd, little, sizeof little));
    take(fd, "nothing yet");
    printf("  ready: %d\n", ready(fd, 0));

    kill(getpid(), SIGUSR1);
    raise(SIGUSR2);
    printf("  ready: %d\n", ready(fd, -1));
    take(fd, "two of its own");
    take(fd, "and no more");
    printf("  ready: %d\n", ready(fd, 0));

    const union sigval value = {.sival_int = 77};
    sigqueue(getpid(), SIGRTMIN, value);
    take(slow, "with a value");

    alarm_in(20);
    take(slow, "waited for a timer");
    alarm_in(20);
    printf("  polled for a timer: %d\n", ready(slow, 5000));
    take(slow, "its signal");

    const int ep = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = 5}, got = {0};
    say("add", epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
    say("nothing", epoll_wait(ep, &got, 1, 0));
    pthread_t thread;
    pthread_create(&thread, NULL, raises, &usr1);
    say("from a thread", epoll_wait(ep, &got, 1, 5000));
    pthread_join(thread, NULL);
    printf("  event %u %u\n", got.events, got.data.u32);
    take(fd, "its signal");
    close(ep);

    fd_set in;
    FD_ZERO(&in);
    FD_SET(fd, &in);
    pthread_create(&thread, NULL, raises, &usr1);
    say("select", select(fd + 1, &in, NULL, NULL, &(struct timeval){5, 0}));
    pthread_join(thread, NULL);
    take(fd, "its signal");

    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        take(fd, "a child sees its own");
        raise(SIGUSR1);
        take(fd, "which is there now");
        fflush(stdout);
        _exit(3);
    }
    take(slow, "a child's end");
    int status = 0;
    waitpid(pid, &status, 0);
    printf("  child ended with %d\n", WEXITSTATUS(status));

    /* Not in the set, and not blocked: a handler runs, and reading ends early or goes on. */
    struct sigaction a = {.sa_handler = handler};
    sigaction(SIGTERM, &a, NULL);
    int term = SIGTERM;
    pthread_create(&thread, NULL, raises, &term);
    pthread_join(thread, NULL);
    printf("  handled %d\n", handled);
    say("other signals", ready(fd, 0));

    sigdelset(&set, SIGUSR1);
    say("another set", signalfd(fd, &set, 0) == fd);
    kill(getpid(), SIGUSR1);
    take(fd, "not in it");
    sigaction(SIGUSR1, &a, NULL);
    handled = 0;
    sigprocmask(SIG_SETMASK, &none, NULL);
    printf("  handled %d\n", handled);
    say("no signalfd", signalfd(0, &set, 0));
    say("a wrong flag", signalfd(-1, &set, 1));
    close(fd);
    close(slow);
}

int main(void)
{
    int pipes[2], status = 0;
    char byte;
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    printf("first\n");
    scenes();
    printf("started\n");
    fflush(stdout);
    if (fork() == 0) {
        scenes();
        fflush(stdout);
        _exit(0);
    }
    wait(&status);
    printf("from the parent\n");
    fflush(stdout);
    say("pipe", pipe(pipes));
    fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0) {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        sigprocmask(SIG_BLOCK, &set, NULL);
        const int fd = signalfd(-1, &set, 0);
        say("child is there", write(pipes[1], "x", 1));
        take(fd, "waited for its parent");
        fflush(stdout);
        _exit(0);
    }
    say("child says", read(pipes[0], &byte, 1));
    usleep(20000);
    say("kill", kill(pid, SIGUSR1));
    wait(&status);
    return 42;
}
