/* SPDX-License-Identifier: Apache-2.0 */
/* Pseudo-terminals: what is typed into one end comes out of the other as the kernel's line
 * discipline makes it, and back. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

static int master, slave;

static void show(const char *what, int fd)
{
    char buffer[512];
    struct pollfd p = {fd, POLLIN, 0};
    int ready = poll(&p, 1, 0);
    ssize_t n = read(fd, buffer, sizeof buffer);
    printf("%s: ready %d 0x%x, %zd \"", what, ready, (unsigned)p.revents,
           n < 0 ? (ssize_t)-errno : n);
    for (ssize_t i = 0; i < n; i++) {
        if (buffer[i] >= ' ' && buffer[i] < 127) {
            putchar(buffer[i]);
        } else {
            printf("\\%03o", (unsigned char)buffer[i]);
        }
    }
    printf("\"\n");
}

static void type(const char *text)
{
    if (write(master, text, strlen(text)) != (ssize_t)strlen(text)) {
        printf("typing: short\n");
    }
    usleep(20000); /* the kernel's discipline runs by itself */
}

static void print(const char *text)
{
    if (write(slave, text, strlen(text)) != (ssize_t)strlen(text)) {
        printf("printing: short\n");
    }
    usleep(10000);
}

static void names(void)
{
    struct stat st;
    struct statfs fs;
    char path[64], link[64];
    int number = -1, locked = -1;
    ioctl(master, TIOCGPTN, &number);
    ioctl(master, TIOCGPTLCK, &locked);
    snprintf(path, sizeof path, "/dev/pts/%d", number);
    printf("locked %d, open %d\n", locked, open(path, O_RDWR | O_NOCTTY) < 0 ? errno : 0);
    printf("grant %d, unlock %d, name %d\n", grantpt(master), unlockpt(master),
           strcmp(ptsname(master), path));
    slave = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
    fcntl(master, F_SETFL, O_NONBLOCK);
    fstat(slave, &st);
    fstatfs(slave, &fs);
    printf("slave: %o major %u same %d magic %lx tty %d name %d\n", (unsigned)(st.st_mode & S_IFMT),
           major(st.st_rdev), (int)minor(st.st_rdev) == number, (unsigned long)fs.f_type,
           isatty(slave), strcmp(ttyname(slave), path));
    printf("owner %d, mode %d", chown(path, getuid(), getgid()), chmod(path, 0611));
    fstat(slave, &st);
    printf(" %o, mine %d\n", (unsigned)st.st_mode & 07777, st.st_uid == getuid());
    fstat(master, &st);
    printf("master: %u %u tty %d\n", major(st.st_rdev), minor(st.st_rdev), isatty(master));
    snprintf(link, sizeof link, "/proc/self/fd/%d", slave);
    ssize_t n = readlink(link, path, sizeof path);
    printf("link %d\n", n > 9 && memcmp(path, "/dev/pts/", 9) == 0);
    printf("seek %d\n", lseek(slave, 0, SEEK_SET) < 0 ? errno : 0);
    int peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
    printf("peer %d\n", isatty(peer));
    close(peer);
}

static void settings(void)
{
    struct termios t;
    struct winsize w = {24, 80, 1, 2};
    tcgetattr(slave, &t);
    printf("%o %o %o %o speed %u %u keys", t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag,
           cfgetispeed(&t), cfgetospeed(&t));
    for (int i = 0; i < 17; i++) {
        printf(" %u", t.c_cc[i]);
    }
    printf("\nsize %d ", ioctl(slave, TIOCSWINSZ, &w));
    memset(&w, 0, sizeof w);
    printf("%d %u %u\n", ioctl(master, TIOCGWINSZ, &w), w.ws_row, w.ws_col);
    struct termio old, was;
    printf("older: %d", ioctl(slave, TCGETA, &old));
    was = old;
    printf(" %o %o %o %o keys %u %u\n", old.c_iflag, old.c_oflag, old.c_cflag, old.c_lflag,
           old.c_cc[VINTR], old.c_cc[VMIN]);
    old.c_lflag &= (unsigned short)~ECHO;
    old.c_cc[VINTR] = 7;
    printf("set: %d", ioctl(slave, TCSETA, &old));
    tcgetattr(slave, &t);
    printf(" %o %u, %d %d\n", t.c_lflag, t.c_cc[VINTR], ioctl(slave, TCSETAW, &was),
           ioctl(slave, TCSETAF, &was));
    int exclusive = 9, mine = 9;
    struct termios locked;
    memset(&locked, 1, sizeof locked);
    printf("locked: %d", ioctl(slave, TIOCGLCKTRMIOS, &locked));
    printf(" %x %x %d\n", locked.c_iflag, locked.c_lflag, locked.c_cc[0]);
    printf("exclusive: %d %d", ioctl(slave, TIOCEXCL), ioctl(slave, TIOCGEXCL, &exclusive));
    printf(" %d, master %d %d", exclusive, ioctl(master, TIOCGEXCL, &mine), mine);
    printf(", no more %d %d", ioctl(slave, TIOCNXCL), ioctl(slave, TIOCGEXCL, &exclusive));
    printf(" %d\n", exclusive);
    printf("drain %d flow %d %d bad %d\n", tcdrain(slave), tcflow(slave, TCOON),
           tcsendbreak(slave, 0), tcflush(slave, 9) < 0 ? errno : 0);
}

static void lines(void)
{
    type("hello");
    show("no line yet", slave);
    type(" world\nnext");
    show("a line", slave);
    show("its echo", master);
    type("\177\177xt\r");
    show("erased", slave);
    show("echo", master);
    type("some words here\027there\n");
    show("word", slave);
    show("echo", master);
    type("all of it\025rest\n");
    show("line", slave);
    show("echo", master);
    type("tab\there\177\177\177\177\177x\n");
    show("tab", slave);
    show("echo", master);
    type("a\001b\026\003c\n");
    show("control, literal", slave);
    show("echo", master);
    type("part\004");
    show("end of file behind text", slave);
    type("\004");
    show("end of file", slave);
    type("one\ntwo\n");
    int pending = 0;
    ioctl(slave, FIONREAD, &pending);
    printf("pending %d\n", pending);
    show("first of two", slave);
    show("second", slave);
    show("echo", master);
    char two[2];
    type("long\n");
    printf("piece %zd\n", read(slave, two, 2));
    show("rest", slave);
    show("echo", master);
    type("gone");
    tcflush(slave, TCIFLUSH);
    type("kept\n");
    show("flushed", slave);
    show("echo", master);
}

static void printing(void)
{
    print("one\ntwo\ttabs\n");
    show("output", master);
    struct termios t;
    tcgetattr(slave, &t);
    struct termios saved = t;
    t.c_oflag |= XTABS | OLCUC;
    t.c_oflag &= ~(tcflag_t)ONLCR;
    tcsetattr(slave, TCSANOW, &t);
    print("ab\tcd\ne\r\n");
    show("spaces, capitals", master);
    t = saved;
    t.c_oflag &= ~(tcflag_t)OPOST;
    tcsetattr(slave, TCSADRAIN, &t);
    print("raw\n\t");
    show("raw", master);
    tcsetattr(slave, TCSANOW, &saved);
    type("\023");
    struct pollfd p = {slave, POLLOUT, 0};
    printf("stopped: %d", poll(&p, 1, 0));
    printf(" %zd\n", write(slave, "x", 1) < 0 ? (ssize_t)-errno : 1);
    type("\021");
    print("y");
    show("goes on", master);
}

static void raw(void)
{
    struct termios t;
    tcgetattr(slave, &t);
    struct termios saved = t;
    cfmakeraw(&t);
    tcsetattr(slave, TCSAFLUSH, &t);
    type("a\003\r\n");
    show("raw", slave);
    show("no echo", master);
    t.c_cc[VMIN] = 3;
    tcsetattr(slave, TCSANOW, &t);
    type("ab");
    struct pollfd p = {slave, POLLIN, 0};
    printf("two of three: %d\n", poll(&p, 1, 0));
    type("c");
    show("three", slave);
    fcntl(slave, F_SETFL, 0);
    t.c_cc[VMIN] = 0;
    t.c_cc[VTIME] = 0;
    tcsetattr(slave, TCSANOW, &t);
    show("nothing, at once", slave);
    t.c_cc[VTIME] = 1;
    tcsetattr(slave, TCSANOW, &t);
    show("nothing, after a tenth of a second", slave);
    type("now");
    show("something", slave);
    t.c_lflag |= ECHO;
    tcsetattr(slave, TCSANOW, &t);
    type("e\001");
    struct pollfd echo = {master, POLLIN, 0};
    poll(&echo, 1, 2000); /* on a loaded machine the kernel's discipline runs late */
    show("echo alone", master);
    fcntl(slave, F_SETFL, O_NONBLOCK);
    tcsetattr(slave, TCSAFLUSH, &saved);
}

static void ends(void)
{
    printf("no terminal of ours: %d\n", tcgetpgrp(slave) < 0 ? errno : 0);
    print("last");
    close(slave);
    show("what was printed", master);
    show("nobody there", master);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_NONBLOCK);
    show("somebody again", master);
    char path[64];
    snprintf(path, sizeof path, "%s", ptsname(master));
    close(master);
    usleep(10000);
    show("hung up", slave);
    printf("write %d\n", write(slave, "x", 1) < 0 ? errno : 0);
    printf("name %d\n", access(path, F_OK) < 0 ? errno : 0);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0) {
        printf("no master: %d\n", errno);
        return 1;
    }
    names();
    settings();
    lines();
    printing();
    raw();
    ends();
    return 42;
}
