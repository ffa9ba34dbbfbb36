/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions and their terminals: who controls what, keys that are signals, the background, the
 * leader's end. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static int master;
static char name[64];

static int ended(pid_t pid)
{
    int status;
    if (waitpid(pid, &status, 0) != pid) {
        return -errno;
    }
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void until(char wanted)
{
    char c = 0;
    while (c != wanted && read(master, &c, 1) == 1) {
    }
}

static int leader_of_nothing(void)
{
    int fd = open("/dev/tty", O_RDWR);
    return fd < 0 ? errno : 0;
}

static int with_terminal(void)
{
    if (setsid() != getpid()) {
        return 1;
    }
    int before = leader_of_nothing();
    int slave = open(name, O_RDWR);
    int tty = open("/dev/tty", O_RDWR);
    pid_t sid = 0;
    ioctl(tty, TIOCGSID, &sid);
    dprintf(slave, "before %d, now %d, group %d, session %d\n", before, tty >= 0,
            tcgetpgrp(slave) == getpgrp(), sid == getpid());
    return 7;
}

static int wait_for_key(void)
{
    sigset_t keys;
    sigemptyset(&keys);
    sigaddset(&keys, SIGINT);
    sigaddset(&keys, SIGWINCH);
    sigprocmask(SIG_BLOCK, &keys, NULL);
    setsid();
    int slave = open(name, O_RDWR);
    dprintf(slave, "!");
    int first = sigwaitinfo(&keys, NULL);
    dprintf(slave, "%d!", first);
    int second = sigwaitinfo(&keys, NULL);
    dprintf(slave, "%d!", second);
    pause(); /* SIGQUIT ends it, when it comes */
    return first == SIGINT && second == SIGWINCH;
}

static int background(void)
{
    setsid();
    int slave = open(name, O_RDWR);
    int ready[2], status;
    if (pipe(ready) != 0) {
        return 1;
    }
    pid_t pid = fork();
    if (pid == 0) {
        char c;
        setpgid(0, 0);
        (void)!write(ready[1], "x", 1);
        if (read(slave, &c, 1) == 1) { /* stopped, then continued in the foreground */
            _exit(c);
        }
        _exit(99);
    }
    char c;
    (void)!read(ready[0], &c, 1);
    waitpid(pid, &status, WUNTRACED);
    dprintf(slave, "stopped %d by %d\n", WIFSTOPPED(status), WSTOPSIG(status) == SIGTTIN);
    int r = tcsetpgrp(slave, pid);
    dprintf(slave, "foreground %d %d!", r, tcgetpgrp(slave) == pid);
    kill(pid, SIGCONT);
    waitpid(pid, &status, 0);
    signal(SIGTTOU, SIG_IGN);
    dprintf(slave, "read %c!", WEXITSTATUS(status));
    return tcsetpgrp(slave, getpgrp()) == 0 ? 5 : 6;
}

static int hung_up(void)
{
    setsid();
    int slave = open(name, O_RDWR);
    dprintf(slave, "!");
    pause();
    return 1;
}

static pid_t start(int (*what)(void))
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        close(master); /* the terminal ends when its last master does */
        _exit(what());
    }
    return pid;
}

static void show(void)
{
    char text[512];
    ssize_t n = read(master, text, sizeof text - 1);
    text[n < 0 ? 0 : n] = 0;
    printf("%s", text);
}

int main(void)
{
    static const int keys[] = {SIGHUP, SIGINT, SIGQUIT, SIGTTIN, SIGTTOU};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        signal(keys[i], SIG_DFL); /* who starts this in the background has some of them ignored */
    }
    master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || unlockpt(master) != 0) {
        return 1;
    }
    snprintf(name, sizeof name, "%s", ptsname(master));
    int keep = open(name, O_RDWR | O_NOCTTY); /* else the master reads EIO between users */
    struct termios t;
    tcgetattr(keep, &t);
    t.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(keep, TCSANOW, &t);
    pid_t pid = start(with_terminal);
    printf("leader: %d\n", ended(pid));
    show();
    pid = start(wait_for_key);
    until('!');
    (void)!write(master, "\003", 1);
    until('!');
    struct winsize w = {30, 90, 0, 0};
    ioctl(master, TIOCSWINSZ, &w);
    until('!');
    (void)!write(master, "\034", 1);
    printf("keys: %d\n", ended(pid));
    pid = start(background);
    until('!');
    (void)!write(master, "Z\n", 2);
    until('!');
    printf("background: %d\n", ended(pid));
    tcflush(keep, TCIOFLUSH);
    pid = start(hung_up);
    until('!');
    close(keep);
    close(master);
    printf("hung up: %d\n", ended(pid));
    return 42;
}
