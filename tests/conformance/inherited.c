/* SPDX-License-Identifier: Apache-2.0 */
/* What a process hands on, from the first process and from its children: ignored signals and the
 * mask, priorities, personality; and priorities of one process, a group and a user, set by others.
 */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
enum { IO_PROCESS = 1, IO_GROUP, IO_USER, BEST_EFFORT = 2 << 13, IDLE = 3 << 13 };

static void handler(int signo)
{
    (void)signo;
}

static const char *action(int signo)
{
    struct sigaction a;
    sigaction(signo, NULL, &a);
    return a.sa_handler == SIG_IGN ? "ignored" : a.sa_handler == SIG_DFL ? "default" : "handled";
}

static void look(const char *who)
{
    sigset_t blocked;
    sigprocmask(SIG_BLOCK, NULL, &blocked);
    printf("%s: TERM %s, HUP %s, USR1 %s, CHLD %s, PIPE %s, USR2 %s; nice %d, disk %ld, %x\n", who,
           action(SIGTERM), action(SIGHUP), action(SIGUSR1), action(SIGCHLD), action(SIGPIPE),
           sigismember(&blocked, SIGUSR2) ? "blocked" : "open", getpriority(PRIO_PROCESS, 0),
           syscall(SYS_ioprio_get, IO_PROCESS, 0), (unsigned)personality(0xffffffff));
}

static void wait_for(pid_t pid)
{
    int status = -1;
    if (waitpid(pid, &status, 0) != pid || status != 0) {
        printf("status %x\n", status);
    }
}

/* The program again, by each of the ways; `depth` says how many more are to do so. */
static void start(const char *how, const char *depth)
{
    char *argv[] = {(char *)"program", (char *)how, (char *)depth, NULL};
    pid_t pid = -1;
    if (strcmp(how, "spawn") == 0) {
        if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ) != 0) {
            printf("cannot spawn\n");
        }
    } else {
        pid = strcmp(how, "vfork") == 0 ? vfork() : fork();
        if (pid == 0) {
            execv("/proc/self/exe", argv);
            _exit(9);
        }
    }
    wait_for(pid);
}

static void start_all(const char *depth)
{
    start("fork", depth);
    start("vfork", depth);
    start("spawn", depth);
}

static void say(const char *what, long result)
{
    printf("%s: %ld %s\n", what, result, result < 0 ? strerror(errno) : "");
}

/* A child that waits to be looked at. */
static void of_others(void)
{
    int go[2], ready[2];
    char c = 0;
    if (pipe(go) != 0 || pipe(ready) != 0) {
        exit(1);
    }
    pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        if (write(ready[1], "r", 1) != 1 || read(go[0], &c, 1) != 1) {
            _exit(1);
        }
        look("whom others set");
        say("its parent's", syscall(SYS_getpriority, PRIO_PROCESS, getppid()));
        say("its parent's set", setpriority(PRIO_PROCESS, getppid(), 9));
        fflush(stdout);
        _exit(0);
    }
    if (read(ready[0], &c, 1) != 1) {
        exit(1);
    }
    say("set", setpriority(PRIO_PROCESS, child, 7));
    say("told", syscall(SYS_getpriority, PRIO_PROCESS, child));
    say("group set", setpriority(PRIO_PGRP, child, 8));
    say("group told", syscall(SYS_getpriority, PRIO_PGRP, child));
    say("user told", syscall(SYS_getpriority, PRIO_USER, 0) >= 20 - 8);
    say("none", setpriority(PRIO_PROCESS, 32000, 7));
    say("none told", syscall(SYS_getpriority, PRIO_PROCESS, 32000));
    say("no group", syscall(SYS_getpriority, PRIO_PGRP, 32000));
    say("no kind", syscall(SYS_getpriority, 3, 0));
    say("disk set", syscall(SYS_ioprio_set, IO_PROCESS, child, IDLE));
    say("disk told", syscall(SYS_ioprio_get, IO_PROCESS, child));
    say("disk, group", syscall(SYS_ioprio_get, IO_GROUP, child));
    say("disk, none", syscall(SYS_ioprio_get, IO_PROCESS, 32000));
    say("disk, no kind", syscall(SYS_ioprio_get, 0, 0));
    say("disk, no class", syscall(SYS_ioprio_set, IO_PROCESS, 0, 4 << 13));
    fflush(stdout);
    if (write(go[1], "g", 1) != 1) {
        exit(1);
    }
    wait_for(child);
    say("set by the child", getpriority(PRIO_PROCESS, 0));
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 3) {
        look(argv[1]);
        if (argv[2][0] == '1') {
            signal(SIGTERM, SIG_DFL); /* what the first process did not do */
            signal(SIGPIPE, SIG_IGN);
            signal(SIGUSR1, handler);
            setpriority(PRIO_PROCESS, 0, 6);
            start_all("0");
        }
        return 0;
    }
    setpriority(PRIO_PROCESS, 0, 0); /* whatever this was started with */
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGUSR1, handler);
    signal(SIGCHLD, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    sigset_t usr2;
    sigemptyset(&usr2);
    sigaddset(&usr2, SIGUSR2);
    sigprocmask(SIG_SETMASK, &usr2, NULL);
    setpriority(PRIO_PROCESS, 0, 4);
    say("disk", syscall(SYS_ioprio_set, IO_PROCESS, 0, BEST_EFFORT | 6));
    say("personality", personality(ADDR_NO_RANDOMIZE));
    look("first");
    start_all("1");
    of_others();
    return 42;
}
