/* SPDX-License-Identifier: Apache-2.0 */
/* Groups, sessions, and signals from one process to another. Run on Linux and in an enclave: no
 * numbers of processes are printed. What depends on where the first process itself stands is done
 * by a child. */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *err(long r)
{
    return r < 0 ? strerrorname_np(errno) : "ok";
}

static void say(const char *what, long value)
{
    printf("  %s: %ld\n", what, value);
    fflush(stdout);
}

static pid_t start(void)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0) { /* kill(-1) must not happen */
        printf("fork: %s\n", strerrorname_np(errno));
        exit(1);
    }
    return pid;
}

static int ended(pid_t pid)
{
    int status = 0;
    return waitpid(pid, &status, 0) != pid ? -1
           : WIFSIGNALED(status)           ? -WTERMSIG(status)
                                           : WEXITSTATUS(status);
}

/* ---- groups and sessions
 * ----------------------------------------------------------------------- */

static void idle(void)
{
    for (;;) {
        pause();
    }
}

static pid_t idle_child(void)
{
    pid_t pid = start();
    if (pid == 0) {
        idle();
    }
    return pid;
}

static void groups(void)
{
    printf("groups\n");
    pid_t a = idle_child(), b = idle_child();
    say("inherited", getpgid(a) == getpgrp() && getsid(a) == getsid(0));
    printf("  a group of nobody: %s\n", err(setpgid(a, b)));
    printf("  negative: %s\n", err(setpgid(a, -1)));
    printf("  somebody else's child: %s\n", err(setpgid(getppid(), 0)));
    printf("  nobody: %s %s\n", err(setpgid(999999, 0)), err(getpgid(999999)));
    printf("  its own group: %s %d\n", err(setpgid(a, 0)), getpgid(a) == a);
    printf("  the other joins: %s %d\n", err(setpgid(b, a)), getpgid(b) == a);
    say("own group has none to wait for", waitpid(0, NULL, WNOHANG));
    say("that group has", waitpid(-a, NULL, WNOHANG));
    printf("  kill that group: %s\n", err(kill(-a, SIGTERM)));
    say("one", ended(a));
    say("the other", ended(b));
    printf("  it is gone: %s\n", err(kill(-a, SIGTERM)));
    fflush(stdout);
}

static void sessions(void)
{
    printf("sessions\n");
    pid_t leader = start();
    if (leader == 0) {
        say("setsid", setsid() == getpid());
        say("its numbers", getsid(0) == getpid() && getpgrp() == getpid());
        printf("  again: %s\n", err(setsid()));
        printf("  a leader stays: %s\n", err(setpgid(0, 0)));
        pid_t a = start();
        if (a == 0) {
            say("inherited", getsid(0) == getppid() && getpgrp() == getppid());
            printf("  leads a group: %s\n", err(setpgid(0, 0)));
            printf("  so no session: %s\n", err(setsid()));
            fflush(stdout);
            _exit(3);
        }
        say("child", ended(a));
        a = idle_child();
        pid_t b = start();
        if (b == 0) {
            setsid();
            idle();
        }
        while (getsid(b) != b) {
            usleep(1000);
        }
        printf("  into another session: %s\n", err(setpgid(a, b)));
        printf("  of another session: %s\n", err(setpgid(b, 0)));
        kill(0, 0);
        printf("  signal 0 to the group: %s\n", err(kill(0, 0)));
        signal(SIGTERM, SIG_IGN);
        printf("  kill the own group: %s\n", err(kill(0, SIGTERM)));
        say("one of it", ended(a));
        kill(b, SIGKILL);
        say("not of it", ended(b));
        fflush(stdout);
        _exit(0);
    }
    say("leader", ended(leader));
}

/* ---- signals
 * ----------------------------------------------------------------------------------- */

static volatile sig_atomic_t caught, code, sender, value, count;

static void on_signal(int s, siginfo_t *i, void *c)
{
    (void)c;
    caught = s;
    code = i->si_code;
    sender = i->si_pid;
    value = i->si_value.sival_int;
    count++;
}

static void handle(int s, int flags)
{
    struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | flags};
    sigaction(s, &sa, NULL);
}

/* Signals travel: nobody counts on their being there at once. */
static void wait_until(const volatile sig_atomic_t *n, int wanted)
{
    for (int i = 0; *n != wanted && i < 5000; i++) {
        usleep(2000);
    }
}

static void to_children(void)
{
    sigset_t set, old;
    int go[2];
    char c;
    printf("signals to a child\n");
    if (pipe(go) != 0) {
        return;
    }
    handle(SIGUSR1, 0);
    pid_t pid = start();
    if (pid == 0) { /* handlers are inherited */
        if (write(go[1], "x", 1) != 1) {
            _exit(1);
        }
        wait_until(&count, 1);
        printf("  caught %d code %d from the parent %d\n", caught == SIGUSR1, code,
               sender == getppid());
        handle(SIGUSR2, 0);
        if (write(go[1], "x", 1) != 1) {
            _exit(1);
        }
        wait_until(&count, 2);
        printf("  caught %d code %d from the parent %d value %d\n", caught == SIGUSR2, code,
               sender == getppid(), value);
        fflush(stdout);
        _exit(7);
    }
    say("ready", read(go[0], &c, 1));
    kill(pid, SIGUSR1);
    say("ready", read(go[0], &c, 1));
    int r = sigqueue(pid, SIGUSR2, (union sigval){.sival_int = 77});
    const char *queued = err(r);
    say("ended", ended(pid));
    printf("  sigqueue: %s\n", queued);
    siginfo_t lie = {.si_signo = SIGUSR1, .si_code = SI_USER};
    pid = idle_child();
    printf("  a siginfo of kill: %s\n", err(syscall(SYS_rt_sigqueueinfo, pid, SIGUSR1, &lie)));
    printf("  its first thread: %s\n", err(syscall(SYS_tgkill, pid, pid, 0)));
    printf("  another one: %s\n", err(syscall(SYS_tgkill, pid, 999999, 0)));
    printf("  no such signal: %s\n", err(kill(pid, 65)));
    kill(pid, SIGKILL);
    say("killed", ended(pid));
    printf("  nobody: %s %s\n", err(kill(pid, 0)), err(kill(999999, SIGTERM)));
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &old);
    raise(SIGUSR1);
    pid = start();
    if (pid == 0) {
        sigset_t pending, blocked;
        sigpending(&pending);
        sigprocmask(SIG_BLOCK, NULL, &blocked);
        printf("  a child's mask: %d, pending: %d\n", sigismember(&blocked, SIGUSR1),
               sigismember(&pending, SIGUSR1));
        fflush(stdout);
        const struct timespec long_enough = {20, 0};
        siginfo_t i;
        int s = write(go[1], "x", 1) == 1 ? sigtimedwait(&set, &i, &long_enough) : -1;
        printf("  sigtimedwait: %d from the parent %d\n", s == SIGUSR1, i.si_pid == getppid());
        fflush(stdout);
        _exit(0);
    }
    say("ready", read(go[0], &c, 1));
    kill(pid, SIGUSR1);
    say("ended", ended(pid));
    sigtimedwait(&set, NULL, &(struct timespec){0, 0});
    sigprocmask(SIG_SETMASK, &old, NULL);
    signal(SIGUSR1, SIG_DFL);
    close(go[0]);
    close(go[1]);
}

static void to_parents(void)
{
    printf("signals to a parent\n");
    count = 0;
    handle(SIGUSR1, 0);
    pid_t parent = getpid();
    pid_t pid = start();
    if (pid == 0) {
        kill(parent, SIGUSR1);
        _exit(0);
    }
    wait_until(&sender, pid);
    say("caught", caught == SIGUSR1 && code == SI_USER);
    ended(pid);
    handle(SIGCHLD, 0);
    pid = start();
    if (pid == 0) {
        _exit(9);
    }
    wait_until(&sender, pid);
    printf("  SIGCHLD: %d code %d status %d\n", caught == SIGCHLD, code, value);
    say("ended", ended(pid));
    pid = idle_child();
    kill(pid, SIGSTOP);
    wait_until(&sender, pid);
    printf("  stopped: code %d status %d\n", code, value);
    kill(pid, SIGCONT);
    wait_until(&code, CLD_CONTINUED);
    printf("  continued: code %d status %d\n", code, value);
    kill(pid, SIGKILL);
    wait_until(&code, CLD_KILLED);
    printf("  killed: code %d status %d\n", code, value);
    say("ended", ended(pid));
    handle(SIGCHLD, SA_NOCLDSTOP);
    code = 0;
    pid = idle_child();
    kill(pid, SIGSTOP);
    waitpid(pid, NULL, WUNTRACED);
    kill(pid, SIGCONT);
    waitpid(pid, NULL, WCONTINUED);
    kill(pid, SIGKILL);
    say("ended", ended(pid));
    wait_until(&sender, pid);
    say("SA_NOCLDSTOP: only its end is told", code == CLD_KILLED);
    signal(SIGCHLD, SIG_DFL);
    signal(SIGUSR1, SIG_DFL);
}

/* SIGCONT with a handler, and blocked; a call that a stop interrupts goes on. */
static void stopping(void)
{
    int p[2];
    char c = 0;
    printf("stopping\n");
    if (pipe(p) != 0) {
        return;
    }
    handle(SIGCONT, SA_RESTART);
    count = 0;
    pid_t pid = start();
    if (pid == 0) {
        long n = read(p[0], &c, 1);
        printf("  the read went on: %ld %c, handler %d\n", n, c, count == 1);
        fflush(stdout);
        _exit(0);
    }
    int status;
    usleep(20000);
    kill(pid, SIGSTOP);
    waitpid(pid, &status, WUNTRACED);
    say("stopped", WIFSTOPPED(status));
    kill(pid, SIGCONT);
    waitpid(pid, &status, WCONTINUED);
    say("continued", WIFCONTINUED(status));
    usleep(20000);
    long written = write(p[1], "y", 1);
    say("ended", ended(pid));
    say("written", written);
    signal(SIGCONT, SIG_DFL);
    pid = start();
    if (pid == 0) { /* computes */
        volatile uint64_t n = 0;
        for (;;) {
            n++;
        }
    }
    kill(pid, SIGSTOP);
    waitpid(pid, &status, WUNTRACED);
    say("one that computes stopped", WIFSTOPPED(status));
    kill(pid, SIGCONT);
    waitpid(pid, &status, WCONTINUED);
    kill(pid, SIGTERM);
    say("and ended", ended(pid));
    close(p[0]);
    close(p[1]);
}

static void alarms(void)
{
    printf("timers\n");
    alarm(100);
    pid_t pid = start();
    if (pid == 0) {
        _exit(alarm(0) == 0 ? 0 : 1);
    }
    say("not inherited", ended(pid));
    say("the parent's goes on", alarm(0) > 90);
    pid = start();
    if (pid == 0) {
        alarm(1);
        idle();
    }
    say("a child's own", ended(pid));
}

/* ---- who is at the other end
 * ------------------------------------------------------------------- */

static int peer_of(int fd)
{
    struct ucred c = {0};
    socklen_t n = sizeof c;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n) == 0 ? c.pid : -1;
}

static void credentials(void)
{
    int pair[2], on = 1;
    char c, room[64];
    struct iovec iov = {&c, 1};
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    printf("credentials\n");
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) {
        return;
    }
    setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(listener, (struct sockaddr *)&a, sizeof a.sun_family); /* some abstract name */
    listen(listener, 1);
    socklen_t n = sizeof a;
    getsockname(listener, (struct sockaddr *)&a, &n);
    pid_t pid = start();
    if (pid == 0) {
        int s = socket(AF_UNIX, SOCK_STREAM, 0);
        long r = connect(s, (struct sockaddr *)&a, n);
        printf("  connect: %s, who listens: %d\n", err(r), peer_of(s) == getppid());
        printf("  of an inherited pair: %d\n", peer_of(pair[1]) == getppid());
        fflush(stdout);
        _exit(write(pair[1], "x", 1) == 1 ? 0 : 1);
    }
    int s = accept(listener, NULL, NULL);
    int connected = peer_of(s);
    long r = recvmsg(pair[0], &m, 0);
    const struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    struct ucred who = {0};
    if (h != NULL) {
        memcpy(&who, CMSG_DATA(h), sizeof who);
    }
    say("ended", ended(pid));
    printf("  received %ld, from the child: %d\n", r, who.pid == pid);
    say("who connected", connected == pid);
    close(s);
    close(listener);
    close(pair[0]);
    close(pair[1]);
}

int main(void)
{
    pid_t pid = start();
    if (pid == 0) {
        groups();
        sessions();
        to_children();
        to_parents();
        stopping();
        alarms();
        credentials();
        fflush(stdout);
        _exit(42);
    }
    return ended(pid);
}
