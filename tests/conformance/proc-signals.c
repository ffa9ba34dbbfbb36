/* SPDX-License-Identifier: Apache-2.0 */
/* When signals between processes are seen: before the call returns that made them, or that tells of
 * what caused them. Everything happens in a child and between its children. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 25

static volatile sig_atomic_t seen;

static void count(int s)
{
    (void)s;
    seen++;
}

static void handle(int s, void (*handler)(int))
{
    struct sigaction a = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigaction(s, &a, NULL);
}

static void say(const char *what, long value)
{
    printf("%s: %ld\n", what, value);
    fflush(stdout);
}

static sigset_t set_of(int s)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, s);
    return set;
}

static pid_t forked(void)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0) { /* kill(-1) must not happen */
        _exit(1);
    }
    return pid;
}

/* A child that ends: whether its end is heard of before wait returns, and never after. */
static void ends(void)
{
    int late = 0, early = 0, pending = 0;
    const sigset_t child = set_of(SIGCHLD);
    for (int i = 0; i < ROUNDS; i++) {
        seen = 0;
        handle(SIGCHLD, count);
        pid_t pid = forked();
        if (pid == 0) {
            _exit(0);
        }
        waitpid(pid, NULL, 0);
        early += seen;
        handle(SIGCHLD, SIG_DFL);
        seen = 0;
        pid = forked();
        if (pid == 0) {
            _exit(0);
        }
        waitpid(pid, NULL, 0);
        handle(SIGCHLD, count);
        getppid();
        late += seen;
    }
    say("ends that a handler saw before wait returned", early);
    say("ends that a handler saw that was set later", late);
    sigprocmask(SIG_BLOCK, &child, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        const struct timespec now = {0, 0};
        siginfo_t info;
        pid_t pid = forked();
        if (pid == 0) {
            _exit(i);
        }
        waitpid(pid, NULL, 0);
        pending += sigtimedwait(&child, &info, &now) == SIGCHLD && info.si_pid == pid &&
                   info.si_status == i;
    }
    sigprocmask(SIG_UNBLOCK, &child, NULL);
    handle(SIGCHLD, SIG_DFL);
    say("ends that wait while they are blocked", pending);
}

/* To oneself, by number and as one of a group. */
static void to_oneself(void)
{
    int by_number = 0, by_group = 0, by_zero = 0;
    setpgid(0, 0);
    handle(SIGUSR1, count);
    for (int i = 0; i < ROUNDS; i++) {
        seen = 0;
        kill(getpid(), SIGUSR1);
        by_number += seen;
        kill(-getpgrp(), SIGUSR1);
        by_group += seen;
        kill(0, SIGUSR1);
        by_zero += seen;
    }
    say("kill of oneself", by_number);
    say("kill of the own group", by_group);
    say("kill of 0", by_zero);
}

/* What one process does after a signal is seen after the signal. */
static void before_a_byte(void)
{
    int p[2], back[2], before = 0;
    char c;
    if (pipe(p) != 0 || pipe(back) != 0) {
        return;
    }
    seen = 0;
    pid_t parent = getpid(), pid = forked();
    if (pid == 0) {
        for (int i = 0; i < ROUNDS; i++) {
            kill(parent, SIGUSR1);
            if (write(p[1], "x", 1) != 1 || read(back[0], &c, 1) != 1) {
                _exit(1);
            }
        }
        _exit(0);
    }
    for (int i = 1; i <= ROUNDS; i++) {
        if (read(p[0], &c, 1) == 1) {
            before += seen == i;
        }
        if (write(back[1], "x", 1) != 1) {
            break;
        }
    }
    waitpid(pid, NULL, 0);
    for (int i = 0; i < 2; i++) {
        close(p[i]);
        close(back[i]);
    }
    say("signals that come before a byte that was written later", before);
}

/* A child that waits for signals, and is told to end by them. */
static void to_a_child(void)
{
    const sigset_t set = set_of(SIGUSR2);
    int status = 0, sum = 0;
    sigprocmask(SIG_BLOCK, &set, NULL);
    for (int i = 0; i < 5; i++) {
        pid_t pid = forked();
        if (pid == 0) {
            siginfo_t info;
            int s = sigwaitinfo(&set, &info);
            _exit(s == SIGUSR2 && info.si_pid == getppid() && info.si_code == SI_USER ? 7 : 8);
        }
        kill(pid, SIGUSR2);
        waitpid(pid, &status, 0);
        sum += WIFEXITED(status) ? WEXITSTATUS(status) : 100;
    }
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    say("children that waited for a signal", sum);
    pid_t pid = forked();
    if (pid == 0) {
        for (;;) {
        }
    }
    kill(pid, SIGTERM);
    waitpid(pid, &status, 0);
    say("a child that computes ends by", WIFSIGNALED(status) ? WTERMSIG(status) : -1);
}

/* ---- waits with a time, stopped and continued ------------------------------------------------ */

#define WAIT_MS 3000

static int waits(int how)
{
    struct timespec ts = {WAIT_MS / 1000, 0}, from, to;
    struct timeval tv = {WAIT_MS / 1000, 0};
    clock_gettime(CLOCK_MONOTONIC, &from);
    int r = how == 0   ? poll(NULL, 0, WAIT_MS)
            : how == 1 ? ppoll(NULL, 0, &ts, NULL)
            : how == 2 ? select(0, NULL, NULL, NULL, &tv)
            : how == 3 ? pselect(0, NULL, NULL, NULL, &ts, NULL)
                       : nanosleep(&ts, NULL);
    clock_gettime(CLOCK_MONOTONIC, &to);
    long ms = (to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000;
    return r != 0 ? errno : ms < WAIT_MS - 1 ? 200 : ms > WAIT_MS + 2400 ? 201 : 0;
}

static void rest_of_a_time(void)
{
    pid_t child[5];
    const int n = (int)(sizeof child / sizeof child[0]);
    for (int i = 0; i < n; i++) {
        child[i] = forked();
        if (child[i] == 0) {
            setpgid(0, 0);
            _exit(waits(i));
        }
    }
    for (int k = 0; k < 3; k++) {
        usleep(WAIT_MS * 300);
        for (int i = 0; i < n; i++) { /* on a slow machine it may have ended by now */
            kill(child[i], SIGSTOP);
            siginfo_t info = {.si_pid = 0};
            waitid(P_PID, (id_t)child[i], &info, WSTOPPED | WEXITED | WNOWAIT);
            kill(child[i], SIGCONT);
        }
    }
    for (int i = 0; i < n; i++) {
        int status = 0;
        waitpid(child[i], &status, 0);
        printf("wait %d that was stopped: %d\n", i, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    }
}

/* ---- a terminal, as a shell uses it ---------------------------------------------------------- */

static void own_stat(const char *what, int fd)
{
    char text[1024] = "", state;
    int pid, ppid, pgid, sid, tty, foreground;
    struct stat s;
    FILE *f = fopen("/proc/self/stat", "r");
    char *rest = f != NULL && fgets(text, sizeof text, f) != NULL ? strrchr(text, ')') : NULL;
    if (f != NULL) {
        fclose(f);
    }
    if (rest == NULL || sscanf(text, "%d", &pid) != 1 ||
        sscanf(rest, ") %c %d %d %d %d %d", &state, &ppid, &pgid, &sid, &tty, &foreground) != 6) {
        printf("no stat\n");
        return;
    }
    printf("%s: pid %d parent %d group %d session %d terminal %d foreground %d\n", what,
           pid == getpid(), ppid == getppid(), pgid == getpgrp(), sid == getsid(0),
           fd >= 0 && fstat(fd, &s) == 0 ? tty == (int)s.st_rdev : tty,
           fd >= 0 ? foreground == tcgetpgrp(fd) : foreground);
    f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(text, sizeof text, f) != NULL) {
        if (strncmp(text, "Umask", 5) == 0) {
            printf("%s", text);
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    fflush(stdout);
}

static void takes_terminal(int slave, int how)
{
    const sigset_t set = set_of(SIGTTOU);
    setpgid(0, 0);
    if (how == 0) {
        sigprocmask(SIG_BLOCK, &set, NULL);
    } else if (how == 1) {
        signal(SIGTTOU, SIG_IGN);
    } else if (how == 2) {
        handle(SIGTTOU, count);
    }
    seen = 0;
    alarm(how == 2 ? 1 : 20); /* with a handler it is tried again and again */
    int r = tcsetpgrp(slave, getpgrp());
    sigset_t pending;
    sigpending(&pending);
    _exit(r == 0 && tcgetpgrp(slave) == getpgrp() ? sigismember(&pending, SIGTTOU) : 9);
}

static void shell(const char *name)
{
    setsid();
    own_stat("a leader without a terminal", -1);
    int slave = open(name, O_RDWR);
    umask(027);
    own_stat("a leader", slave);
    pid_t pid = forked();
    if (pid == 0) {
        setpgid(0, 0);
        own_stat("in the background", slave);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    signal(SIGTTOU, SIG_IGN);
    for (int how = 0; how < 4; how++) {
        int status = 0, stops = 0;
        pid = forked();
        if (pid == 0) {
            signal(SIGTTOU, SIG_DFL);
            takes_terminal(slave, how);
        }
        while (waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status)) {
            stops = stops * 100 + WSTOPSIG(status);
            tcsetpgrp(slave, pid);
            kill(pid, SIGCONT);
        }
        tcsetpgrp(slave, getpgrp());
        printf("takes the terminal (%d): %d, signal %d, stopped by %d\n", how,
               WIFEXITED(status) ? WEXITSTATUS(status) : -1,
               WIFSIGNALED(status) ? WTERMSIG(status) : 0, stops);
        fflush(stdout);
    }
}

static void with_terminal(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) {
        printf("no terminal\n");
        return;
    }
    pid_t pid = forked();
    if (pid == 0) {
        shell(ptsname(master));
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    close(master);
}

int main(void)
{
    int status = 0;
    pid_t pid = forked();
    if (pid == 0) {
        alarm(100);
        umask(022);
        ends();
        to_oneself();
        before_a_byte();
        to_a_child();
        rest_of_a_time();
        with_terminal();
        fflush(stdout);
        _exit(42);
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
