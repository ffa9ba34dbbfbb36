/* SPDX-License-Identifier: Apache-2.0 */
/* Many descriptors: limits, high numbers, select and poll beyond 1,024, /proc/self/fd, close_range,
 * fork and exec with thousands of them, epoll with ten thousand. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MANY 10000

static const char *name_of(long r)
{
    return r >= 0 ? "ok" : strerrorname_np(errno);
}

static void set_limit(rlim_t soft)
{
    struct rlimit l;
    getrlimit(RLIMIT_NOFILE, &l);
    l.rlim_cur = soft;
    printf("%d descriptors: %s", (int)soft, name_of(setrlimit(RLIMIT_NOFILE, &l)));
    getrlimit(RLIMIT_NOFILE, &l);
    printf(", %d\n", (int)l.rlim_cur);
}

static int listed(int *ret_highest)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;
    *ret_highest = 0;
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        const int fd = atoi(e->d_name);
        n += e->d_name[0] != '.' && fd != dirfd(d);
        *ret_highest = fd > *ret_highest && fd != dirfd(d) ? fd : *ret_highest;
    }
    closedir(d);
    return n;
}

static void show_listed(const char *when)
{
    int highest;
    const int n = listed(&highest);
    printf("%s: %d open, the highest is %d\n", when, n, highest);
}

static int table_size(void)
{
    char line[256];
    int n = -1;
    FILE *f = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, "FDSize:", 7) == 0) {
            n = atoi(line + 7);
        }
    }
    fclose(f);
    return n;
}

static int ended(pid_t child)
{
    int status = -1;
    waitpid(child, &status, 0);
    return status;
}

static void limits(void)
{
    set_limit(100);
    int last = -1, fd;
    while ((fd = dup(1)) >= 0) {
        last = fd;
    }
    printf("then %s, the last was %d\n", name_of(fd), last);
    printf("at the limit: %s %s, below it: %s\n", name_of(dup2(1, 100)),
           name_of(fcntl(1, F_DUPFD, 100)), name_of(dup2(1, 99)));
    set_limit(50);
    printf("those beyond it stay: %s, and are as good as before: %s\n", name_of(fcntl(90, F_GETFD)),
           name_of(write(90, "", 0)));
    printf("but are not to be had: %s\n", name_of(dup2(1, 90)));
    syscall(SYS_close_range, 3, ~0u, 0);
    set_limit(11000);
    printf("room: %s\n", table_size() <= 256 ? "for a few" : "for many");
}

static void high(void)
{
    printf("dup2: %d %d\n", dup2(1, 5000), dup2(1, 10999));
    printf("room: %s\n", table_size() >= 11000 && table_size() <= 16384 ? "for all" : "wrong");
    printf("F_DUPFD: %d %d, ", fcntl(1, F_DUPFD, 5000), fcntl(1, F_DUPFD_CLOEXEC, 1024));
    printf("%s\n", name_of(fcntl(1, F_DUPFD, 11000)));
    printf("the lowest: %d\n", dup(1));
    show_listed("listed");
    printf("flags: %d %d\n", fcntl(1024, F_GETFD), fcntl(5000, F_GETFD));
    printf("a range is marked: %s", name_of(syscall(SYS_close_range, 5000, 5000, 4)));
    printf(", %d %d\n", fcntl(5000, F_GETFD), fcntl(5001, F_GETFD));
    printf("a range is closed: %s", name_of(syscall(SYS_close_range, 4, 5000, 0)));
    printf(", %s %s %s\n", name_of(fcntl(1024, F_GETFD)), name_of(fcntl(5000, F_GETFD)),
           name_of(fcntl(5001, F_GETFD)));
    show_listed("left");
}

static void waits(void)
{
    enum { WORDS = 11008 / 64, FIRST = 2000 };
    static uint64_t reads[WORDS], writes[WORDS];
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) {
        exit(1);
    }
    dup2(pair[0], FIRST);
    dup2(pair[1], 10998);
    write(pair[1], "x", 1);
    struct timeval now = {0, 0};
    reads[FIRST / 64] |= UINT64_C(1) << FIRST % 64;
    reads[10998 / 64] |= UINT64_C(1) << 10998 % 64;
    writes[10998 / 64] |= UINT64_C(1) << 10998 % 64;
    long r = syscall(SYS_select, 10999, reads, writes, NULL, &now);
    printf("select: %ld, %d %d %d\n", r, (int)(reads[FIRST / 64] >> FIRST % 64 & 1),
           (int)(reads[10998 / 64] >> 10998 % 64 & 1), (int)(writes[10998 / 64] >> 10998 % 64 & 1));
    reads[3000 / 64] |= UINT64_C(1) << 3000 % 64;
    r = syscall(SYS_select, 10999, reads, NULL, NULL, &now);
    printf("one that is not open: %s\n", name_of(r));
    static struct pollfd many[11001];
    for (int i = 0; i < 11001; i++) {
        many[i] = (struct pollfd){.fd = i % 3 == 0   ? -1
                                        : i % 3 == 1 ? FIRST
                                                     : 10998,
                                  .events = POLLIN};
    }
    printf("poll: %d", poll(many, 11000, 0));
    printf(", more than there can be: %s\n", name_of(poll(many, 11001, 0)));
    close(pair[0]);
    close(pair[1]);
    close(FIRST);
    close(10998);
}

static int fds[MANY];

static int add_all(int set)
{
    int bad = 0;
    for (int i = 0; i < MANY; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        bad += epoll_ctl(set, EPOLL_CTL_ADD, fds[i], &e) != 0;
    }
    return bad;
}

static void watch(void)
{
    static struct epoll_event told[64];
    const int set = epoll_create1(EPOLL_CLOEXEC);
    int bad = 0;
    for (int i = 0; i < MANY; i++) {
        fds[i] = eventfd(0, EFD_NONBLOCK | (i % 2 == 0 ? EFD_CLOEXEC : 0));
        bad += fds[i] < 0;
    }
    printf("%d made, %d not, %d could not be added\n", MANY, bad, add_all(set));
    struct epoll_event e = {.events = EPOLLIN};
    printf("twice: %s\n", name_of(epoll_ctl(set, EPOLL_CTL_ADD, fds[7777], &e)));
    const uint64_t one = 1;
    for (int i = 0; i < MANY; i += 1000) {
        write(fds[i + i / 1000], &one, 8);
    }
    int n = epoll_wait(set, told, 64, 1000), sum = 0;
    for (int i = 0; i < n; i++) {
        sum += (int)told[i].data.u32;
    }
    printf("%d are ready, %d\n", n, sum);
    bad = 0;
    for (int i = 0; i < MANY; i += 2) { /* every other one goes, by removal or by its end */
        bad += i % 4 == 0 ? epoll_ctl(set, EPOLL_CTL_DEL, fds[i], NULL) != 0 : close(fds[i]) != 0;
    }
    n = epoll_wait(set, told, 64, 0);
    sum = 0;
    for (int i = 0; i < n; i++) {
        sum += (int)told[i].data.u32;
    }
    printf("without half of them, %d bad: %d are ready, %d\n", bad, n, sum);
    e.data.u32 = 1;
    printf("one that was removed: %s, one that was closed: %s, one that stayed: %s\n",
           name_of(epoll_ctl(set, EPOLL_CTL_MOD, fds[4], &e)),
           name_of(epoll_ctl(set, EPOLL_CTL_MOD, fds[6], &e)),
           name_of(epoll_ctl(set, EPOLL_CTL_MOD, fds[9], &e)));
    close(set);
}

static void inherit(const char *self)
{
    show_listed("before fork");
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        show_listed("child");
        const uint64_t one = 1;
        printf("its highest works: %s\n", name_of(write(fds[MANY - 1], &one, 8)));
        printf("one more: %d\n", dup2(1, 10998));
        fflush(stdout);
        execl(self, self, "again", NULL);
        _exit(1);
    }
    printf("status %d\n", WEXITSTATUS(ended(child)));
    uint64_t value = 0;
    printf("its parent sees that: %s, %d\n", name_of(read(fds[MANY - 1], &value, 8)), (int)value);
    show_listed("parent");
    syscall(SYS_close_range, 3, ~0u, 0);
    show_listed("all closed");
    fflush(stdout);
    child = fork();
    if (child == 0) {
        show_listed("child");
        static int pairs[MANY / 2][2];
        int bad = 0;
        for (int i = 0; i < 5000; i++) {
            bad += socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pairs[i]) != 0;
        }
        for (int i = 0; i < 5000; i += 50) {
            bad += write(pairs[i][0], "x", 1) != 1;
        }
        struct pollfd all[5000];
        for (int i = 0; i < 5000; i++) {
            all[i] = (struct pollfd){.fd = pairs[i][1], .events = POLLIN};
        }
        printf("pairs of a child: %d bad, %d ready\n", bad, poll(all, 5000, 0));
        show_listed("child");
        fflush(stdout);
        _exit(0);
    }
    ended(child);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        show_listed("after execve");
        fflush(stdout);
        return 5;
    }
    syscall(SYS_close_range, 3, ~0u, 0);
    limits();
    high();
    waits();
    syscall(SYS_close_range, 3, ~0u, 0);
    watch();
    inherit(argv[0]);
    printf("done\n");
    return 42;
}
