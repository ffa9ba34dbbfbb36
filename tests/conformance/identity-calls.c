/* SPDX-License-Identifier: Apache-2.0 */
/* Who a process is and what it is told of its machine: ids, groups, priorities, schedulers, limits,
 * clocks; and the older forms of waiting. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long say(const char *what, long r)
{
    printf("%s: %ld %s\n", what, r < 0 ? -1 : r, r < 0 ? strerrorname_np(errno) : "");
    return r;
}
#define SAY(call, ...)        say(#call, syscall(SYS_##call, __VA_ARGS__))
#define TRUE(what, condition) printf("%s: %s\n", what, (condition) ? "yes" : "no")

static void ids(void)
{
    uid_t r = 1, e = 2, s = 3;
    gid_t groups[64];
    struct utsname name;
    SAY(getresuid, &r, &e, &s);
    TRUE("one user", r == e && e == s && r == getuid() && e == syscall(SYS_geteuid));
    SAY(getresgid, &r, &e, &s);
    TRUE("one group", r == e && e == s && r == getgid() && e == syscall(SYS_getegid));
    SAY(getresuid, 1, &e, &s);
    SAY(setreuid, -1, getuid());
    SAY(setregid, getgid(), -1);
    SAY(setresuid, -1, -1, getuid());
    SAY(setresgid, getgid(), getgid(), getgid());
    SAY(getgroups, -1, groups);
    TRUE("groups", syscall(SYS_getgroups, 0, NULL) >= 0 && syscall(SYS_getgroups, 64, groups) >= 0);
    TRUE("no groups are set", syscall(SYS_setgroups, 1L << 20, groups) == -1);
    SAY(capget, &(struct __user_cap_header_struct){1234, 0}, groups);
    SAY(capget, NULL, groups);
    SAY(membarrier, 0 /* QUERY */, 1, 0);
    SAY(membarrier, 1L << 20, 0, 0);
    SAY(uname, &name);
    printf("%s %s\n", name.sysname, name.machine);
    SAY(uname, 1);
    SAY(personality, 0xffffffff);
    SAY(personality, 0);
    TRUE("thread", syscall(SYS_set_tid_address, &r) == syscall(SYS_gettid));
    uint64_t base = 0, again = 1;
    SAY(arch_prctl, 0x1003 /* GET_FS */, &base);
    SAY(arch_prctl, 0x1002 /* SET_FS */, base);
    SAY(arch_prctl, 0x1003, &again);
    TRUE("base", base == again && base != 0);
    SAY(arch_prctl, 0x1003, 1);
    SAY(arch_prctl, 0x7777, 1);
    SAY(arch_prctl, 0x1002, 1L << 63);
}

static void scheduling(void)
{
    struct sched_param p = {7};
    struct timespec t;
    cpu_set_t set;
    unsigned cpu = ~0u, node = ~0u;
    SAY(sched_getscheduler, 0);
    SAY(sched_getscheduler, -1);
    SAY(sched_getparam, 0, &p);
    printf("  %d\n", p.sched_priority);
    SAY(sched_getparam, 0, NULL);
    SAY(sched_get_priority_max, SCHED_OTHER);
    SAY(sched_get_priority_max, SCHED_FIFO);
    SAY(sched_get_priority_min, SCHED_RR);
    SAY(sched_get_priority_min, 77);
    SAY(sched_setscheduler, 0, SCHED_BATCH, &p);
    SAY(sched_getscheduler, 0);
    SAY(sched_setscheduler, 0, SCHED_OTHER, &p);
    p.sched_priority = 3;
    SAY(sched_setparam, 0, &p);
    SAY(sched_setscheduler, 0, 77, &p);
    SAY(sched_rr_get_interval, 0, &t);
    SAY(sched_rr_get_interval, -1, &t);
    SAY(sched_yield, 0);
    (void)setpriority(PRIO_PROCESS, 0, 0); /* whatever this was started with */
    SAY(getpriority, PRIO_PROCESS, 0);
    SAY(setpriority, PRIO_PROCESS, 0, 5);
    SAY(getpriority, PRIO_PROCESS, 0);
    SAY(getpriority, 9, 0);
    TRUE("affinity",
         syscall(SYS_sched_getaffinity, 0, sizeof set, &set) > 0 && CPU_COUNT(&set) > 0);
    SAY(sched_getaffinity, 0, 3, &set);
    CPU_ZERO(&set);
    SAY(sched_setaffinity, 0, sizeof set, &set);
    CPU_SET(0, &set);
    SAY(sched_setaffinity, 0, sizeof set, &set);
    SAY(getcpu, &cpu, &node, NULL);
    printf("  %u %u\n", cpu, node);
    SAY(getcpu, NULL, NULL, NULL);
    SAY(getcpu, 1, NULL, NULL);
}

static void limits(void)
{
    struct rlimit files, less, back;
    void *head = NULL;
    size_t size = 0;
    SAY(getrlimit, RLIMIT_NOFILE, &files);
    less = files;
    less.rlim_cur = 40;
    SAY(setrlimit, RLIMIT_NOFILE, &less);
    SAY(prlimit64, 0, RLIMIT_NOFILE, NULL, &back);
    printf("  %ld\n", (long)back.rlim_cur);
    SAY(fcntl, 1, F_DUPFD, 40);
    less.rlim_cur = less.rlim_max + 1;
    SAY(setrlimit, RLIMIT_NOFILE, files.rlim_max == RLIM_INFINITY ? NULL : &less);
    SAY(prlimit64, 0, RLIMIT_NOFILE, &files, NULL);
    SAY(getrlimit, 99, &files);
    SAY(get_robust_list, 0, &head, &size);
    printf("  %zu\n", size);
    SAY(set_robust_list, head, 24);
    SAY(set_robust_list, head, 23);
    SAY(get_robust_list, -1, &head, &size);
}

static void clocks(void)
{
    struct timeval t;
    struct timezone zone;
    struct timespec a, b = {0, 1000000}, wrong = {0, 1000000000};
    clock_gettime(CLOCK_REALTIME, &a);
    SAY(gettimeofday, &t, &zone);
    TRUE("the same", t.tv_sec - a.tv_sec <= 1);
    SAY(gettimeofday, 1, NULL);
    TRUE("time", syscall(SYS_time, NULL) - a.tv_sec <= 1);
    SAY(nanosleep, &b, NULL);
    SAY(nanosleep, &wrong, NULL);
    SAY(nanosleep, 1, NULL);
    SAY(clock_nanosleep, CLOCK_MONOTONIC, 0, &b, NULL);
    SAY(clock_nanosleep, 77, 0, &b, NULL);
    SAY(clock_getres, CLOCK_MONOTONIC, &a);
}

static void waits(void)
{
    int ends[2], number;
    fd_set set;
    struct timeval none = {0, 0};
    struct timespec no_time = {0, 0};
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = 5};
    struct pollfd p = {-1, POLLIN, 0};
    const uint64_t mask = 0;
    SAY(pipe, ends);
    FD_ZERO(&set);
    FD_SET(ends[0], &set);
    SAY(select, ends[0] + 1, &set, NULL, NULL, &none);
    SAY(select, -1, &set, NULL, NULL, &none);
    FD_SET(ends[0], &set);
    SAY(write, ends[1], "x", 1);
    SAY(select, ends[0] + 1, &set, NULL, NULL, &none);
    SAY(pselect6, ends[0] + 1, &set, NULL, NULL, &no_time, NULL);
    p.fd = ends[0];
    SAY(ppoll, &p, 1, &no_time, &mask, 8);
    SAY(ppoll, &p, 1, &no_time, &mask, 7);
    int epoll = (int)syscall(SYS_epoll_create, 1);
    SAY(epoll_create, 0);
    SAY(epoll_ctl, epoll, EPOLL_CTL_ADD, ends[0], &e);
    e.data.u32 = 0;
    SAY(epoll_pwait, epoll, &e, 1, 0, &mask, 8);
    printf("  %u\n", e.data.u32);
    SAY(epoll_pwait, epoll, &e, 0, 0, NULL, 8);
    SAY(epoll_wait, epoll, &e, -1, 0);
    int event = (int)syscall(SYS_eventfd, 3);
    uint64_t value = 0;
    SAY(read, event, &value, 8);
    printf("  %d\n", (int)value);
    SAY(eventfd2, 3, 12345);
    int signals = (int)syscall(SYS_signalfd, -1, &(uint64_t){1u << (SIGUSR1 - 1)}, 8);
    sigset_t set1;
    sigemptyset(&set1);
    sigaddset(&set1, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set1, NULL);
    SAY(tkill, syscall(SYS_gettid), SIGUSR1);
    uint64_t pending = 0;
    SAY(rt_sigpending, &pending, 8);
    printf("  %d\n", pending == 1u << (SIGUSR1 - 1));
    char info[128] = "";
    SAY(read, signals, info, sizeof info);
    memcpy(&number, info, sizeof number);
    printf("  %d\n", number == SIGUSR1);
    SAY(signalfd4, -1, &pending, 7, 0);
    siginfo_t sent = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};
    SAY(rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), SIGUSR1, &sent);
    SAY(rt_sigtimedwait, &set1, &sent, &no_time, 8);
    printf("  %d\n", sent.si_code == SI_QUEUE);
    SAY(rt_sigtimedwait, &set1, NULL, &no_time, 8);
    int watch = (int)syscall(SYS_inotify_init);
    TRUE("inotify", watch >= 0);
    int pair[2];
    char byte[2];
    struct iovec v = {byte, 1};
    struct mmsghdr m[2] = {{{0, 0, &v, 1, 0, 0, 0}, 0}, {{0, 0, &v, 1, 0, 0, 0}, 0}};
    SAY(socketpair, AF_UNIX, SOCK_DGRAM, 0, pair);
    SAY(sendmmsg, pair[0], m, 2, 0);
    SAY(recvmmsg, pair[1], m, 2, MSG_DONTWAIT, NULL);
    SAY(recvmmsg, pair[1], m, 2, MSG_DONTWAIT, NULL);
}

static void in_child(int parent)
{
    uint32_t words[6] = {0};
    struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
    SAY(capget, &h, words);
    memset(words, 0, sizeof words);
    SAY(capset, &h, words); /* from here on it has none, whoever it is */
    SAY(capget, &h, words);
    TRUE("has none", words[0] == 0 && words[1] == 0 && words[3] == 0 && words[4] == 0);
    words[0] = 1;
    SAY(capset, &h, words);
    h.pid = parent;
    say("capget of the parent", syscall(SYS_capget, &h, words) == 0 ? 0 : -1);
    say("capset of the parent", syscall(SYS_capset, &h, words));
    h.pid = 1 << 22;
    SAY(capget, &h, words);
    h.pid = -5;
    SAY(capget, &h, words);
    h = (struct __user_cap_header_struct){_LINUX_CAPABILITY_VERSION_1, 0};
    memset(words, 0xff, sizeof words);
    SAY(capget, &h, words);
    TRUE("three words", words[2] == 0 && words[3] == 0xffffffff);
    h = (struct __user_cap_header_struct){1234, 0};
    SAY(capset, &h, words);
    TRUE("version told", h.version == _LINUX_CAPABILITY_VERSION_3);
    SAY(capset, &h, NULL);
}

static void capabilities(void)
{
    const int self = getpid(), child = fork();
    if (child == 0) {
        in_child(self);
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    ids();
    clocks();
    waits();
    limits();
    scheduling();
    capabilities();
    return 42;
}
