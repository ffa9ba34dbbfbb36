/* SPDX-License-Identifier: Apache-2.0 */
/* Children and what becomes of them, as their parent learns it. Run on Linux and in an enclave: no
 * numbers of processes are printed. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static const char *err(long r)
{
    return r < 0 ? strerrorname_np(errno) : "ok";
}

static void say_status(const char *what, int status)
{
    printf("%s: exited %d (%d) signaled %d (%d) core %d stopped %d (%d) continued %d\n", what,
           WIFEXITED(status), WIFEXITED(status) ? WEXITSTATUS(status) : 0, WIFSIGNALED(status),
           WIFSIGNALED(status) ? WTERMSIG(status) : 0,
           WIFSIGNALED(status) ? !!WCOREDUMP(status) : 0, WIFSTOPPED(status),
           WIFSTOPPED(status) ? WSTOPSIG(status) : 0, !!WIFCONTINUED(status));
    fflush(stdout);
}

static pid_t child_that(void (*does)(int), int argument)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0) { /* kill(-1) must not happen */
        printf("fork: %s\n", strerrorname_np(errno));
        exit(1);
    }
    if (pid == 0) {
        does(argument);
        _exit(99);
    }
    return pid;
}

static void exits(int code)
{
    _exit(code);
}

static void kills_itself(int signo)
{
    raise(signo);
}

static void waits(int unused)
{
    (void)unused;
    for (;;) {
        pause();
    }
}

static void codes(void)
{
    int status = -1;
    printf("codes\n");
    const int values[] = {0, 1, 42, 255, 256, -1};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        pid_t pid = child_that(exits, values[i]);
        pid_t r = wait4(pid, &status, 0, NULL);
        printf("  the child: %d, ", r == pid);
        say_status("exit", status);
    }
    const int signals[] = {SIGKILL, SIGTERM, SIGUSR1, SIGALRM, SIGHUP, SIGRTMIN + 1};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        child_that(kills_itself, signals[i]);
        wait(&status);
        say_status("  raise", status);
    }
    pid_t pid = child_that(waits, 0);
    kill(pid, SIGTERM);
    waitpid(pid, &status, 0);
    say_status("  terminated", status);
    pid = child_that(waits, 0);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    say_status("  killed", status);
    printf("  none left: %s\n", err(wait(&status)));
}

static void choices(void)
{
    int status, p[2];
    pid_t a, b;
    char c;
    printf("choices\n");
    if (pipe(p) != 0) {
        return;
    }
    a = child_that(exits, 1);
    b = fork();
    if (b == 0) {
        close(p[1]);
        _exit(read(p[0], &c, 1) == 0 ? 2 : 3);
    }
    printf("  one that runs, WNOHANG: %d\n", waitpid(b, &status, WNOHANG));
    printf("  a number: %d\n", waitpid(a, &status, 0) == a);
    printf("  the same again: %s\n", err(waitpid(a, &status, 0)));
    printf("  a group: %d\n", waitpid(0, &status, WNOHANG));
    printf("  a group of nobody: %s\n", err(waitpid(-999999, &status, WNOHANG)));
    close(p[1]);
    printf("  any: %d ", waitpid(-1, &status, 0) == b);
    say_status("of the end of a pipe", status);
    printf("  unknown options: %s\n", err(waitpid(-1, &status, 0x40)));
    printf("  somebody else's: %s\n", err(waitpid(getppid(), &status, 0)));
    close(p[0]);
    enum { MANY = 12 };
    int sum = 0, n = 0;
    for (int i = 0; i < MANY; i++) {
        child_that(exits, i);
    }
    while (wait(&status) > 0) {
        sum += WEXITSTATUS(status);
        n++;
    }
    printf("  many: %d, their codes' sum %d, then %s\n", n, sum, strerrorname_np(errno));
}

static void say_info(const char *what, long r, const siginfo_t *i, pid_t pid)
{
    printf("  %s: %s signo %d code %d pid %d uid %d status %d\n", what, err(r), i->si_signo,
           i->si_code,
           i->si_pid == pid ? 1
           : i->si_pid == 0 ? 0
                            : -1,
           i->si_signo == 0 || i->si_uid == getuid(), i->si_status);
    fflush(stdout);
}

static void infos(void)
{
    siginfo_t i;
    printf("waitid\n");
    pid_t pid = child_that(exits, 5);
    long r = waitid(P_PID, (id_t)pid, &i, WEXITED | WNOWAIT);
    say_info("left as it is", r, &i, pid);
    r = waitid(P_ALL, 0, &i, WEXITED);
    say_info("taken", r, &i, pid);
    r = waitid(P_ALL, 0, &i, WEXITED);
    printf("  none: %s\n", err(r));
    pid = child_that(waits, 0);
    memset(&i, 0, sizeof i);
    r = waitid(P_PID, (id_t)pid, &i, WEXITED | WNOHANG);
    say_info("runs", r, &i, pid);
    kill(pid, SIGSTOP);
    r = waitid(P_PID, (id_t)pid, &i, WSTOPPED);
    say_info("stopped", r, &i, pid);
    memset(&i, 0, sizeof i);
    r = waitid(P_PID, (id_t)pid, &i, WSTOPPED | WNOHANG);
    say_info("stopped, told already", r, &i, pid);
    kill(pid, SIGCONT);
    r = waitid(P_PID, (id_t)pid, &i, WCONTINUED);
    say_info("continued", r, &i, pid);
    kill(pid, SIGKILL);
    r = waitid(P_PGID, (id_t)getpgid(0), &i, WEXITED);
    say_info("killed", r, &i, pid);
    printf("  nothing to wait for: %s\n", err(waitid(P_ALL, 0, &i, WNOHANG)));
    printf("  no such type: %s\n", err(waitid((idtype_t)9, 1, &i, WEXITED)));
    printf("  bad number: %s\n", err(waitid(P_PID, 0, &i, WEXITED)));
    pid = child_that(exits, 3);
    printf("  without an info: %s\n", err(waitid(P_PID, (id_t)pid, NULL, WEXITED)));
}

/* Terminals' stop signals do nothing in a group that nobody outside it could continue. */
static void stops_in_a_group(int unused)
{
    int status, p[2];
    (void)unused;
    setsid();
    if (pipe(p) != 0) {
        return;
    }
    pid_t pid = fork();
    if (pid == 0) {
        char c;
        signal(SIGCONT, SIG_DFL);
        _exit(read(p[0], &c, 1) == 1 ? 5 : 6);
    }
    kill(pid, SIGTSTP);
    printf("  stopped in a group of orphans: %d\n", waitpid(pid, &status, WUNTRACED | WNOHANG));
    if (write(p[1], "x", 1) == 1) {
        waitpid(pid, &status, WUNTRACED);
    }
    say_status("  it went on", status);
    exits(0);
}

static void stops(void)
{
    int status;
    printf("stopping\n");
    pid_t pid = child_that(stops_in_a_group, 0);
    waitpid(pid, &status, 0);
    pid = child_that(waits, 0);
    setpgid(pid, pid); /* a group of its own, whose parent would continue it */
    const int signals[] = {SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};
    for (size_t i = 0; i < 4; i++) {
        kill(pid, signals[i]);
        pid_t r = waitpid(pid, &status, WUNTRACED);
        printf("  %d ", r == pid);
        say_status(sigabbrev_np(signals[i]), status);
        printf("  once: %d\n", waitpid(pid, &status, WUNTRACED | WNOHANG));
        kill(pid, SIGCONT);
        r = waitpid(pid, &status, WCONTINUED);
        printf("  %d ", r == pid);
        say_status("CONT", status);
    }
    kill(pid, SIGSTOP);
    waitpid(pid, &status, WUNTRACED);
    kill(pid, SIGTERM);
    printf("  a signal waits while it is stopped: %d\n", waitpid(pid, &status, WNOHANG));
    kill(pid, SIGCONT);
    waitpid(pid, &status, 0);
    say_status("  and then ends it", status);
    pid = child_that(waits, 0);
    kill(pid, SIGSTOP);
    waitpid(pid, &status, WUNTRACED);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    say_status("  SIGKILL does not wait", status);
    pid = child_that(kills_itself, SIGSTOP);
    waitpid(pid, &status, WUNTRACED);
    say_status("  itself", status);
    kill(pid, SIGCONT);
    waitpid(pid, &status, 0);
    say_status("  goes on behind it", status);
}

static void nobody_asks(void)
{
    int status;
    printf("not asked for\n");
    signal(SIGCHLD, SIG_IGN);
    child_that(exits, 1);
    printf("  SIGCHLD ignored: %s\n", err(wait(&status)));
    struct sigaction sa = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};
    sigaction(SIGCHLD, &sa, NULL);
    child_that(exits, 1);
    printf("  SA_NOCLDWAIT: %s\n", err(wait(&status)));
    signal(SIGCHLD, SIG_DFL);
    pid_t pid = child_that(exits, 1);
    printf("  neither: %d\n", wait(&status) == pid);
}

static int grandchild_and(int how)
{
    int p[2], status, ok = -1;
    if (pipe(p) != 0) {
        return -1;
    }
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        pid_t parent = getpid();
        if (fork() == 0) {
            while (getppid() == parent) {
                usleep(1000);
            }
            ok = how;
            if (write(p[1], &ok, sizeof ok) < 0) {
                _exit(1);
            }
            _exit(77);
        }
        _exit(how);
    }
    close(p[1]);
    waitpid(pid, &status, 0);
    if (read(p[0], &ok, sizeof ok) != sizeof ok) {
        ok = -2;
    }
    close(p[0]);
    return ok;
}

static void orphans(void)
{
    int status, word = -1;
    printf("orphans\n");
    printf("  subreaper: %s\n", err(prctl(PR_SET_CHILD_SUBREAPER, 1)));
    prctl(PR_GET_CHILD_SUBREAPER, &word);
    printf("  it is one: %d\n", word);
    printf("  an orphan sees another parent: %d\n", grandchild_and(7));
    pid_t r = waitpid(-1, &status, 0);
    printf("  and is waited for: %d ", r > 0);
    say_status("exit", status);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        int n = grandchild_and(8);
        r = waitpid(-1, &status, 0);
        printf("  a subreaper between: %d %d %d\n", n, r > 0, WEXITSTATUS(status));
        fflush(stdout);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    printf("  nothing comes here: %s\n", err(wait(&status)));
    int p[2];
    if (pipe(p) != 0) {
        return;
    }
    pid = fork();
    if (pid == 0) {
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (write(p[1], "x", 1) != 1) {
                _exit(1);
            }
            waits(0);
        }
        char c;
        _exit(read(p[0], &c, 1) == 1 ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    waitpid(-1, &status, 0);
    say_status("  a death signal", status);
    close(p[0]);
    close(p[1]);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static void usage(void)
{
    struct rusage before, after, own;
    struct tms t;
    int status;
    printf("usage\n");
    getrusage(RUSAGE_CHILDREN, &before);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        volatile double x = 1;
        clock_t end = clock() + CLOCKS_PER_SEC / 20;
        while (clock() < end) {
            x *= 1.0000001;
        }
        _exit(0);
    }
    wait4(pid, &status, 0, &own);
    getrusage(RUSAGE_CHILDREN, &after);
    double used = (double)(own.ru_utime.tv_sec + own.ru_stime.tv_sec) +
                  (double)(own.ru_utime.tv_usec + own.ru_stime.tv_usec) / 1e6;
    double more = (double)(after.ru_utime.tv_sec + after.ru_stime.tv_sec - before.ru_utime.tv_sec -
                           before.ru_stime.tv_sec) +
                  (double)(after.ru_utime.tv_usec + after.ru_stime.tv_usec -
                           before.ru_utime.tv_usec - before.ru_stime.tv_usec) /
                      1e6;
    printf("  the child's: %d, the children's: %d, peak: %d\n", used > 0.04, more > 0.04,
           own.ru_maxrss > 0);
    times(&t);
    printf("  times: %d\n", t.tms_cutime + t.tms_cstime > 3);
}

static void descriptors_of_processes(void)
{
    siginfo_t i;
    printf("pidfd\n");
    pid_t pid = child_that(waits, 0);
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    printf("  opened: %s, polls as running: %d\n", err(fd), poll(&p, 1, 0));
    printf("  signal 0: %s\n", err(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0)));
    printf("  flags: %s\n", err(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 1u << 20)));
    printf("  SIGTERM: %s\n", err(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0)));
    printf("  polls as ended: %d %d\n", poll(&p, 1, 10000), (p.revents & POLLIN) != 0);
    long r = waitid((idtype_t)P_PIDFD, (id_t)fd, &i, WEXITED);
    say_info("waited for", r, &i, pid);
    printf("  then nobody: %s\n", err(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0)));
    printf("  waited for again: %s\n", err(waitid((idtype_t)P_PIDFD, (id_t)fd, &i, WEXITED)));
    printf("  read: %s\n", err(read(fd, &i, sizeof i)));
    printf("  nobody: %s, bad: %s, no pidfd: %s\n", err(syscall(SYS_pidfd_open, 999999, 0)),
           err(syscall(SYS_pidfd_open, -1, 0)), err(waitid((idtype_t)P_PIDFD, 0, &i, WEXITED)));
    close(fd);
}

int main(void)
{
    const struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    codes();
    choices();
    infos();
    stops();
    nobody_asks();
    orphans();
    usage();
    descriptors_of_processes();
    return 42;
}
