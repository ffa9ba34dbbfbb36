/* SPDX-License-Identifier: Apache-2.0 */
/* Runs inside: what docs/SYSCALLS.md says is missing fails as it says there, in the tree's first
 * process and in another one. The rows come from the library OS's own table: each DENIED call is
 * refused with its errno, each number without a row is ENOSYS, and each PARTIAL and STUB row has a
 * line of its own here, or that is a failure.
 *
 * Arguments are such that a call which is not refused would do no harm. Prints TAP. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define NUMBERS 512

enum status { STATUS_NONE, STATUS_FULL, STATUS_PARTIAL, STATUS_STUB, STATUS_DENIED };
static const struct {
    const char *name;
    enum status status;
    int error;
} rows[NUMBERS] = {
#define SYSCALL(number, name_, status_, where, ...) [number] = {#name_, STATUS_##status_, 0},
#define SYSCALL_FREE                                SYSCALL
#define DENIED(number, name_, error_)               [number] = {#name_, STATUS_DENIED, error_},
#define NOTE(name, text)
#include "libos/syscalls.def"
};

static bool said[NUMBERS];
static unsigned checks, failures;
static const char *who;

static void check(bool good, const char *call, const char *what)
{
    checks++;
    failures += !good;
    printf("%sok %u - %s: %s: %s\n", good ? "" : "not ", checks, who, call, what);
}

static bool refused(long number, int error, long a, long b, long c, long d, long e, long f)
{
    errno = 0;
    long r = syscall(number, a, b, c, d, e, f);
    if (r != -1 || errno != error) {
        printf("# got %ld, %s\n", r, r == -1 ? strerrorname_np(errno) : "no error");
    }
    return r == -1 && errno == error;
}

/* ---- the table ---- */

/* These never return, or would end the test where they are not refused. */
static bool harmless(long number)
{
    return number != SYS_rt_sigreturn && number != SYS_exit && number != SYS_exit_group;
}

static void denied(void)
{
    for (long n = 0; n < NUMBERS; n++) {
        if (rows[n].error != 0) {
            check(refused(n, rows[n].error, 0, 0, 0, 0, 0, 0), rows[n].name, "refused");
        }
    }
}

static void unknown(void)
{
    unsigned good = 0, all = 0;
    for (long n = 0; n < NUMBERS; n++) {
        if (rows[n].status == STATUS_NONE && harmless(n)) {
            all++;
            good += refused(n, ENOSYS, 0, 0, 0, 0, 0, 0);
        }
    }
    check(all > 200 && good == all, "what has no row", "ENOSYS");
    check(refused(NUMBERS, ENOSYS, 0, 0, 0, 0, 0, 0) && refused(-1, ENOSYS, 0, 0, 0, 0, 0, 0) &&
              refused(1L << 40, ENOSYS, 0, 0, 0, 0, 0, 0),
          "numbers beyond the table", "ENOSYS");
}

/* ---- PARTIAL: what is missing ---- */

#define SIX(a, b, c, d, e, f, ...) (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f)
#define REFUSES(call, what, error, ...)                                                            \
    do {                                                                                           \
        said[SYS_##call] = true;                                                                   \
        check(refused(SYS_##call, (error), SIX(__VA_ARGS__, 0, 0, 0, 0, 0, 0)), #call, what);      \
    } while (0)
#define DOES(call, what, condition)                                                                \
    do {                                                                                           \
        said[SYS_##call] = true;                                                                   \
        check((condition), #call, what);                                                           \
    } while (0)

/* What System V's objects may have in all. */
static void system_v(void)
{
    enum { SETS = 32, QUEUES = 1100 };
    static int sets[SETS], queues[QUEUES];
    static struct {
        long type;
        char text[8192];
    } message = {.type = 1};
    int full = 0, made = 0, sent = 0;
    while (full < SETS && (sets[full] = semget(IPC_PRIVATE, 32000, 0600)) >= 0) {
        full++;
    }
    DOES(semget, "a million semaphores", full == SETS);
    REFUSES(semget, "more than that", ENOSPC, IPC_PRIVATE, 1, 0600);
    while (full > 0) {
        semctl(sets[--full], 0, IPC_RMID);
    }
    while (made < QUEUES && (queues[made] = msgget(IPC_PRIVATE, 0600)) >= 0) {
        made++;
    }
    while (sent < 2 * QUEUES && msgsnd(queues[sent / 2], &message, 8192, IPC_NOWAIT) == 0) {
        sent++;
    }
    DOES(msgsnd, "16 MiB", sent > 2000 && sent < 2048);
    REFUSES(msgsnd, "more than that", ENOMEM, queues[made - 1], &message, 8192, IPC_NOWAIT);
    while (made > 0) {
        msgctl(queues[--made], IPC_RMID, NULL);
    }
}

static void memory(void)
{
    const int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, anonymous, -1, 0);
    int fd = open("/tmp/code", O_RDWR | O_CREAT | O_TRUNC, 0700);
    if (ftruncate(fd, 4096) != 0) {
        check(false, "ftruncate", "a file to map");
    }
    REFUSES(mmap, "writable and executable", EACCES, 0, 4096, PROT_WRITE | PROT_EXEC, anonymous, -1,
            0);
    REFUSES(mmap, "text from a file that is not measured", EACCES, 0, 4096, PROT_READ | PROT_EXEC,
            MAP_PRIVATE, fd, 0);
    REFUSES(mmap, "beyond what one mapping may have", ENOMEM, 0, 1L << 40, PROT_READ, anonymous, -1,
            0);
    REFUSES(mprotect, "memory becomes no text", EACCES, page, 4096, PROT_READ | PROT_EXEC);
    const int segment = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    REFUSES(shmget, "huge pages", EPERM, IPC_PRIVATE, 4096, IPC_CREAT | SHM_HUGETLB | 0600);
    REFUSES(shmat, "shared memory becomes no text", EACCES, segment, 0, SHM_EXEC);
    shmctl(segment, IPC_RMID, NULL);
    system_v();
    DOES(munmap, "a small range goes", munmap(page + 4096, 4096) == 0);
    REFUSES(mremap, "flags that nobody knows", EINVAL, page, 4096, 8192, 64);
    page[0] = 1;
    DOES(madvise, "DONTNEED zeroes", madvise(page, 4096, MADV_DONTNEED) == 0 && page[0] == 0);
    REFUSES(madvise, "advice that nobody knows", EINVAL, page, 4096, 12345);
    DOES(mlock, "accepted", mlock(page, 4096) == 0);
    DOES(munlock, "accepted", munlock(page, 4096) == 0);
    DOES(mlockall, "accepted", mlockall(MCL_CURRENT) == 0);
    DOES(munlockall, "accepted", munlockall() == 0);
    DOES(mlock2, "accepted", syscall(SYS_mlock2, page, 4096L, 0L) == 0);
    REFUSES(memfd_create, "no huge pages", EINVAL, "x", MFD_HUGETLB);
    REFUSES(memfd_create, "no MFD_EXEC", EINVAL, "x", 0x10);
    REFUSES(membarrier, "none but the question", EINVAL, MEMBARRIER_CMD_GLOBAL, 0, 0);
    DOES(membarrier, "there are none", syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0) == 0);
    close(fd);
    munmap(page, 4096);
}

static void identity(void)
{
    const long id = (long)getuid(), group = (long)getgid(), other = id + 1;
    gid_t many[65] = {0};
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{1, 1, 1}, {1, 1, 1}};
    REFUSES(setuid, "another", EPERM, other);
    REFUSES(setgid, "another", EPERM, group + 1);
    REFUSES(setreuid, "another", EPERM, other, -1);
    REFUSES(setregid, "another", EPERM, group + 1, -1);
    REFUSES(setresuid, "another", EPERM, -1, other, -1);
    REFUSES(setresgid, "another", EPERM, -1, group + 1, -1);
    DOES(setuid, "what it is", setuid((uid_t)id) == 0 && setgid((gid_t)group) == 0);
    DOES(setfsuid, "changes nothing",
         syscall(SYS_setfsuid, other) == id && syscall(SYS_setfsuid, -1L) == id);
    DOES(setfsgid, "changes nothing",
         syscall(SYS_setfsgid, group + 1) == group && syscall(SYS_setfsgid, -1L) == group);
    REFUSES(setgroups, id == 0 ? "more than 64" : "not by uid 0", id == 0 ? EINVAL : EPERM, 65,
            many);
    DOES(capget, "none",
         syscall(SYS_capget, &head, data) == 0 && data[0].effective == 0 &&
             data[0].permitted == 0 && data[1].effective == 0);
    DOES(capset, "to none", syscall(SYS_capset, &head, data) == 0);
    data[0].effective = 1;
    REFUSES(capset, "to any", EPERM, &head, data);
    REFUSES(personality, "another", EINVAL, 8);
    DOES(personality, "what it is", syscall(SYS_personality, 0xffffffffL) == 0);
}

/* What other processes' threads are given is not known here. */
static void scheduling_of_others(void)
{
    struct sched_param none = {0};
    struct timespec slice;
    cpu_set_t set;
    int status;
    pid_t child = fork();
    if (child == 0) {
        pause();
    }
    REFUSES(sched_getscheduler, "another process's", ESRCH, child);
    REFUSES(sched_setscheduler, "another process's", ESRCH, child, SCHED_BATCH, &none);
    REFUSES(sched_getparam, "another process's", ESRCH, child, &none);
    REFUSES(sched_setparam, "another process's", ESRCH, child, &none);
    REFUSES(sched_rr_get_interval, "another process's", ESRCH, child, &slice);
    REFUSES(sched_getaffinity, "another process's", ESRCH, child, sizeof set, &set);
    kill(child, SIGKILL);
    DOES(kill, "a child", waitpid(child, &status, 0) == child);
}

static void scheduling(void)
{
    struct sched_param first = {1};
    struct rlimit files = {64, 64}, more = {1 << 20, 1 << 20}, back;
    cpu_set_t set, told;
    unsigned cpu = 7, node = 7;
    scheduling_of_others();
    REFUSES(setpriority, "raising it", EACCES, PRIO_PROCESS, 0, -5);
    REFUSES(ioprio_set, "a real-time class", EPERM, 1, 0, 1 << 13);
    DOES(ioprio_set, "the idle one", syscall(SYS_ioprio_set, 1, 0, 3 << 13) == 0);
    REFUSES(sched_setscheduler, "a real-time one", EPERM, 0, SCHED_FIFO, &first);
    CPU_ZERO(&set);
    CPU_SET(0, &set);
    DOES(sched_setaffinity, "kept and told",
         sched_setaffinity(0, sizeof set, &set) == 0 &&
             sched_getaffinity(0, sizeof told, &told) == 0 && CPU_EQUAL(&set, &told));
    DOES(getcpu, "always 0", syscall(SYS_getcpu, &cpu, &node, 0) == 0 && cpu == 0 && node == 0);
    if (getrlimit(RLIMIT_NOFILE, &back) != 0) {
        check(false, "getrlimit", "asked");
    }
    files.rlim_max = back.rlim_max;
    DOES(setrlimit, "of descriptors: enforced",
         setrlimit(RLIMIT_NOFILE, &files) == 0 && fcntl(1, F_DUPFD, 64) == -1 && errno == EINVAL &&
             setrlimit(RLIMIT_NOFILE, &back) == 0);
    more.rlim_max = back.rlim_max;
    more.rlim_cur = back.rlim_max + 1;
    REFUSES(prlimit64, "more than the greatest", EINVAL, 0, RLIMIT_NOFILE, &more, 0);
    REFUSES(prctl, "what is not listed", EINVAL, PR_SET_SECCOMP, 2, 0, 0, 0);
    REFUSES(arch_prctl, "GS", EINVAL, 0x1001, 0);
    struct rusage usage;
    struct tms t;
    struct sysinfo memory_now;
    struct timespec now;
    DOES(getrusage, "time and peak memory",
         getrusage(RUSAGE_SELF, &usage) == 0 && usage.ru_maxrss > 0 && usage.ru_inblock == 0);
    DOES(times, "not before the beginning", times(&t) != (clock_t)-1 && t.tms_utime >= 0);
    DOES(sysinfo, "memory, and no load",
         sysinfo(&memory_now) == 0 && memory_now.totalram > 0 && memory_now.loads[0] == 0);
    DOES(clock_gettime, "of the process", clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0);
    void *robust = NULL;
    size_t size = 0;
    DOES(get_robust_list, "of the caller",
         syscall(SYS_get_robust_list, 0L, &robust, &size) == 0 && size == 24);
    REFUSES(get_robust_list, "of another one", ESRCH, 99999, &robust, &size);
}

static void processes(void)
{
    static char *const words[] = {"x", NULL};
    uint64_t clone_args[8] = {CLONE_NEWPID, 0, 0, 0, SIGCHLD, 0, 0, 0};
    timer_t timer;
    struct sigevent nothing = {.sigev_notify = SIGEV_NONE};
    siginfo_t forged = {.si_signo = SIGUSR1, .si_code = SI_USER};
    REFUSES(clone, "namespaces", ENOSYS, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
    REFUSES(clone3, "namespaces", ENOSYS, clone_args, sizeof clone_args);
    int fd = open("/tmp/program", O_WRONLY | O_CREAT | O_TRUNC, 0700);
    if (write(fd, "\177ELF\2\1\1", 7) != 7) {
        check(false, "write", "a program that is not measured");
    }
    close(fd);
    REFUSES(execve, "a program that is not measured", EACCES, "/tmp/program", words, words);
    REFUSES(execveat, "AT_EXECVE_CHECK", EINVAL, AT_FDCWD, "/tmp/program", words, words, 0x10000);
    pid_t child = fork();
    if (child == 0) {
        _exit(7);
    }
    int status = 0;
    DOES(fork, "a process, which ends", child > 0);
    DOES(wait4, "how, and what it used",
         syscall(SYS_wait4, child, &status, 0x20000000L /* __WNOTHREAD */, NULL) == child &&
             WEXITSTATUS(status) == 7);
    REFUSES(waitid, "no child", ECHILD, P_ALL, 0, 0, WEXITED, 0);
    child = (pid_t)syscall(SYS_fork);
    if (child == 0) {
        _exit(refused(SYS_clone, ENOSYS, CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0, 0) ? 0 : 1);
    }
    DOES(vfork, "namespaces in a child", waitpid(child, &status, 0) == child && status == 0);
    REFUSES(kill, "nobody", ESRCH, 99999, 0);
    REFUSES(tkill, "nobody", ESRCH, 99999, SIGUSR1);
    REFUSES(rt_tgsigqueueinfo, "in the kernel's name, to another", EPERM, 99999, 99999, SIGUSR1,
            &forged);
    REFUSES(rt_sigqueueinfo, "in the kernel's name, to another", EPERM, 99999, SIGUSR1, &forged);
    REFUSES(futex, "PI", ENOSYS, &fd, FUTEX_LOCK_PI | FUTEX_PRIVATE_FLAG, 0, 0, 0, 0);
    unsigned made = 0;
    while (made < 100 && timer_create(CLOCK_MONOTONIC, &nothing, &timer) == 0) {
        made++;
    }
    DOES(timer_create, "at most 64", made == 64 && errno == EAGAIN);
}

static void sockets(void)
{
    const struct sockaddr_in far = {AF_INET, htons(80), {htonl(0x08080808)}, {0}};
    const struct sockaddr_in mine = {AF_INET, 0, {htonl(0x08080808)}, {0}};
    int s = socket(AF_INET, SOCK_STREAM, 0), pair[2];
    char byte[8] = {0};
    struct iovec v = {byte, 1};
    struct mmsghdr m = {{0, 0, &v, 1, 0, 0, 0}, 0};
    struct timespec soon = {0, 1};
    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) != 0) {
        check(false, "socketpair", "made");
    }
    REFUSES(socket, "raw ones", EPERM, AF_INET, SOCK_RAW, IPPROTO_ICMP);
    REFUSES(socket, "other families", EAFNOSUPPORT, AF_PACKET, SOCK_RAW, 0);
    REFUSES(connect, "where the manifest says nothing of it", EACCES, s, &far, sizeof far);
    REFUSES(bind, "an address that is not its own", EACCES, s, &mine, sizeof mine);
    REFUSES(sendto, "flags that are not listed", EOPNOTSUPP, pair[0], byte, 1, MSG_FASTOPEN, 0, 0);
    REFUSES(recvfrom, "flags that are not listed", EOPNOTSUPP, pair[0], byte, 1, MSG_ERRQUEUE, 0,
            0);
    REFUSES(sendmsg, "flags that are not listed", EOPNOTSUPP, pair[0], &m.msg_hdr, MSG_ZEROCOPY);
    REFUSES(recvmsg, "flags that are not listed", EOPNOTSUPP, pair[0], &m.msg_hdr, MSG_ERRQUEUE);
    REFUSES(sendmmsg, "flags that are not listed", EOPNOTSUPP, pair[0], &m, 1, MSG_ZEROCOPY);
    REFUSES(recvmmsg, "a timeout", EOPNOTSUPP, pair[0], &m, 1, 0, &soon);
    REFUSES(setsockopt, "what is not listed", ENOPROTOOPT, s, SOL_SOCKET, 12345, byte, 4);
    REFUSES(getsockopt, "what is not listed", ENOPROTOOPT, s, SOL_SOCKET, 12345, byte,
            &(socklen_t){8});
    close(s);
    close(pair[0]);
    close(pair[1]);
}

static void files(void)
{
    char text[8];
    struct iovec v = {text, 4};
    int ends[2], epoll = epoll_create1(0), inner = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN | EPOLLWAKEUP};
    int fd = open("/tmp/file", O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (pipe(ends) != 0 || mkdir("/tmp/a", 0700) != 0 || mkdir("/tmp/b", 0700) != 0) {
        check(false, "pipe, mkdir", "made");
    }
    REFUSES(ioctl, "what is not listed", ENOTTY, fd, 0x5401, text);
    REFUSES(fcntl, "leases", EINVAL, fd, F_SETLEASE, F_RDLCK);
    REFUSES(fcntl, "F_NOTIFY", EINVAL, fd, F_NOTIFY, 1);
    int second = open("/tmp/file", O_RDWR);
    DOES(flock, "between descriptions",
         syscall(SYS_flock, fd, 2 | 4) == 0 &&
             refused(SYS_flock, EAGAIN, second, 2 | 4, 0, 0, 0, 0));
    close(second);
    REFUSES(mknod, "devices", EPERM, "/tmp/device", S_IFCHR | 0600, 0x103);
    REFUSES(mknodat, "devices", EPERM, AT_FDCWD, "/tmp/device", S_IFBLK | 0600, 0x103);
    REFUSES(getxattr, "none", ENODATA, "/tmp/file", "user.x", text, 8);
    REFUSES(lgetxattr, "none", ENODATA, "/tmp/file", "user.x", text, 8);
    REFUSES(fgetxattr, "none", ENODATA, fd, "user.x", text, 8);
    DOES(listxattr, "none", listxattr("/tmp/file", text, 8) == 0);
    DOES(llistxattr, "none", llistxattr("/tmp/file", text, 8) == 0);
    DOES(flistxattr, "none", flistxattr(fd, text, 8) == 0);
    REFUSES(epoll_ctl, "EPOLLWAKEUP", EINVAL, epoll, EPOLL_CTL_ADD, ends[0], &e);
    e.events = EPOLLIN | EPOLLET;
    DOES(epoll_ctl, "a nested set", epoll_ctl(epoll, EPOLL_CTL_ADD, inner, &e) == 0);
    REFUSES(splice, "between files", EINVAL, fd, 0, fd, 0, 10, 0);
    DOES(sync_file_range, "accepted", sync_file_range(fd, 0, 10, 0) == 0);
    REFUSES(fallocate, "COLLAPSE_RANGE", EOPNOTSUPP, fd, 8, 0, 4096);
    REFUSES(pipe2, "O_DIRECT", EINVAL, ends, O_DIRECT);
    REFUSES(renameat2, "exchange of directories", EINVAL, AT_FDCWD, "/tmp/a", AT_FDCWD, "/tmp/b",
            2);
    REFUSES(preadv2, "RWF_NOWAIT", EOPNOTSUPP, fd, &v, 1, 0, 0, RWF_NOWAIT);
    REFUSES(pwritev2, "RWF_APPEND", EOPNOTSUPP, fd, &v, 1, 0, 0, RWF_APPEND);
    REFUSES(setxattr, "none", EOPNOTSUPP, "/tmp/file", "user.x", text, 1, 0);
    REFUSES(lsetxattr, "none", EOPNOTSUPP, "/tmp/file", "user.x", text, 1, 0);
    REFUSES(fsetxattr, "none", EOPNOTSUPP, fd, "user.x", text, 1, 0);
    REFUSES(removexattr, "none", EOPNOTSUPP, "/tmp/file", "user.x");
    REFUSES(lremovexattr, "none", EOPNOTSUPP, "/tmp/file", "user.x");
    REFUSES(fremovexattr, "none", EOPNOTSUPP, fd, "user.x");
    rmdir("/tmp/a");
    rmdir("/tmp/b");
    unlink("/tmp/file");
    close(epoll);
    close(inner);
}

static void all(const char *which)
{
    who = which;
    denied();
    unknown();
    memory();
    identity();
    scheduling();
    sockets();
    files();
    processes();
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    all("first process");
    for (long n = 0; n < NUMBERS; n++) {
        if (rows[n].status > STATUS_FULL && rows[n].error == 0 && !said[n]) {
            check(false, rows[n].name, "the table says that something is missing: test that here");
        }
    }
    int status = -1, back[2];
    if (pipe(back) != 0) {
        return 1;
    }
    pid_t child = fork();
    if (child == 0) {
        all("another process");
        unsigned both[2] = {checks, failures};
        _exit(write(back[1], both, sizeof both) == (ssize_t)sizeof both ? 0 : 1);
    }
    unsigned both[2] = {0, 1};
    bool told = child > 0 && read(back[0], both, sizeof both) == (ssize_t)sizeof both;
    told = waitpid(child, &status, 0) == child && status == 0 && told;
    checks = told ? both[0] : checks;
    who = "tree";
    check(told, "another process", "came to its end");
    printf("1..%u\n", checks);
    return 0;
}
