/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc tells one process of another: a child of its parent, a parent of its child, one child
 * of another; asleep, computing, stopped, and over. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLACE ((char *)0x700000000)
#define PAGE  4096u

static const char *file_of(int pid, const char *name)
{
    static char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    return path;
}

static char text[65536];

/* -errno, or the size. */
static ssize_t slurp(int pid, const char *name)
{
    int fd = open(file_of(pid, name), O_RDONLY);
    size_t size = 0;
    ssize_t n = fd < 0 ? -1 : 0;
    while (fd >= 0 && size < sizeof text - 1 &&
           (n = read(fd, text + size, sizeof text - 1 - size)) > 0) {
        size += (size_t)n;
    }
    int error = errno;
    close(fd);
    text[size] = '\0';
    return n < 0 ? -error : (ssize_t)size;
}

static const char *state_of(int pid)
{
    slurp(pid, "stat");
    const char *at = strrchr(text, ')');
    return at == NULL     ? "none"
           : at[2] == 'R' ? "running"
           : at[2] == 'S' ? "asleep"
           : at[2] == 'T' ? "stopped"
           : at[2] == 'Z' ? "zombie"
                          : "other";
}

static void line(const char *name)
{
    const char *at = text;
    while (at != NULL && strncmp(at, name, strlen(name)) != 0) {
        at = strchr(at, '\n');
        at = at == NULL ? NULL : at + 1;
    }
    printf("  %.*s\n", at == NULL ? 4 : (int)strcspn(at, "\n"), at == NULL ? "none" : at);
}

static void status_of(int pid)
{
    static const char *const names[] = {
        "Name:", "Umask:", "Threads:", "SigBlk:", "SigIgn:", "SigCgt:"};
    slurp(pid, "status");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        line(names[i]);
    }
    int tgid = 0, own = 0;
    char *at = strstr(text, "\nTgid:");
    tgid = at != NULL ? atoi(at + 6) : 0;
    at = strstr(text, "\nPid:");
    own = at != NULL ? atoi(at + 5) : 0;
    printf("  numbers %d %d\n", tgid == pid, own == pid);
}

static void stat_of(int pid, int parent)
{
    char name[64], state;
    int number, ppid, pgid, sid, terminal, group;
    unsigned long long v[13], size;
    long rss;
    slurp(pid, "stat");
    int n = sscanf(text,
                   "%d (%63[^)]) %c %d %d %d %d %d %llu %llu %llu %llu %llu %llu %llu %llu %llu "
                   "%llu %llu %llu %llu %llu %llu %ld",
                   &number, name, &state, &ppid, &pgid, &sid, &terminal, &group, &v[0], &v[1],
                   &v[2], &v[3], &v[4], &v[5], &v[6], &v[7], &v[8], &v[9], &v[10], &v[11], &v[12],
                   &v[12], &size, &rss);
    printf("  stat %d: %d %s, parent %d, group %d, session %d, threads %llu, memory %d %d\n", n,
           number == pid, name, ppid == parent, pgid == getpgid(pid), sid == getsid(pid), v[11],
           size > 0, rss > 0);
    n = slurp(pid, "statm") > 0 ? sscanf(text, "%llu %llu", &v[0], &v[1]) : 0;
    printf("  statm %d: %d %d\n", n, v[0] > 0, v[1] > 0);
}

static void strings_of(int pid, const char *name)
{
    ssize_t n = slurp(pid, name);
    printf("  %s %zd:", name, n);
    for (ssize_t i = 0; i < n; i += (ssize_t)strlen(text + i) + 1) {
        const char *last = strrchr(text + i, '/');
        printf(" %s", last != NULL ? last + 1 : text + i);
    }
    printf("\n");
}

static void maps_of(int pid)
{
    ssize_t n = slurp(pid, "maps");
    int program = 0, stack = 0, heap = 0;
    for (char *at = strtok(text, "\n"); at != NULL; at = strtok(NULL, "\n")) {
        unsigned long long start, end, offset;
        char rights[8], path[256] = "";
        sscanf(at, "%llx-%llx %7s %llx %*s %*s %255s", &start, &end, rights, &offset, path);
        if (start >= (uintptr_t)PLACE && end <= (uintptr_t)PLACE + 64 * PAGE) {
            printf("  %llx-%llx %s\n", start, end, rights);
        }
        program += strstr(path, "program") != NULL && strcmp(rights, "r-xp") == 0;
        stack += strcmp(path, "[stack]") == 0;
        heap += strcmp(path, "[heap]") == 0;
    }
    printf("  maps %d: program %d, stack %d, heap %d\n", n > 0, program, stack, heap);
}

static void auxv_of(int pid)
{
    ssize_t n = slurp(pid, "auxv");
    unsigned long pair[2], page = 0;
    for (ssize_t i = 0; i + 16 <= n; i += 16) {
        memcpy(pair, text + i, sizeof pair);
        page = pair[0] == 6 ? pair[1] : page;
    }
    printf("  auxv %d: pages of %lu\n", n > 0 && n % 16 == 0, page);
}

static void link_of(int pid, const char *name)
{
    char to[256];
    ssize_t n = readlink(file_of(pid, name), to, sizeof to - 1);
    if (n < 0) {
        printf("  %s: %s\n", name, strerrorname_np(errno));
        return;
    }
    to[n] = '\0';
    const char *last = strcmp(name, "exe") == 0 ? strrchr(to, '/') + 1 : to;
    printf("  %s: %s\n", name, strncmp(last, "pipe:", 5) == 0 ? "pipe" : last);
}

struct io {
    long long v[4]; /* bytes read and written, calls that read and wrote */
    ssize_t size;
};

static struct io io_of(int pid)
{
    struct io i = {.size = slurp(pid, "io")};
    sscanf(text, "rchar: %lld wchar: %lld syscr: %lld syscw: %lld", &i.v[0], &i.v[1], &i.v[2],
           &i.v[3]);
    return i;
}

/* Its own, and another's, which reads meanwhile. */
static void count_io(int reader, int feed)
{
    char seven[7] = "seven";
    int zero = open("/dev/zero", O_RDWR);
    struct io before = io_of(reader), own = io_of(getpid());
    for (int i = 0; i < 4; i++) {
        if (write(zero, seven, 7) != 7 || read(zero, seven, 6) != 6) {
            printf("no zeros\n");
        }
    }
    struct io now = io_of(getpid());
    printf("own: read %lld, written %lld, %lld reads, %lld writes\n",
           now.v[0] - own.v[0] - own.size, now.v[1] - own.v[1], now.v[2] - own.v[2],
           now.v[3] - own.v[3]);
    if (write(feed, "12345", 5) != 5) {
        printf("not fed\n");
    }
    usleep(20000);
    now = io_of(reader);
    printf("a reader's: read %lld, written %lld, %lld reads, %lld writes\n", now.v[0] - before.v[0],
           now.v[1] - before.v[1], now.v[2] - before.v[2], now.v[3] - before.v[3]);
    close(zero);
}

static void look_at_io(void)
{
    int feed[2];
    char c[5];
    if (pipe(feed) != 0) {
        exit(1);
    }
    fflush(stdout);
    int pid = fork();
    if (pid == 0) {
        while (read(feed[0], c, 1) == 1) {
        }
        _exit(0);
    }
    usleep(20000);
    count_io(pid, feed[1]);
    fflush(stdout);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static int by_number(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* How many, in order. */
static int numbers_in(int pid, const char *name, int *ret, int max)
{
    DIR *d = opendir(file_of(pid, name));
    int n = 0;
    for (struct dirent *e = d == NULL ? NULL : readdir(d); e != NULL; e = readdir(d)) {
        if (e->d_name[0] != '.' && n < max) {
            ret[n++] = atoi(e->d_name);
        }
    }
    if (d != NULL) {
        closedir(d);
    }
    qsort(ret, (size_t)n, sizeof *ret, by_number);
    return n;
}

static void tasks_of(int pid)
{
    int tids[64], n = numbers_in(pid, "task", tids, 64);
    printf("  tasks %d:", n);
    for (int i = 0; i < n; i++) {
        char name[64];
        snprintf(name, sizeof name, "task/%d/comm", tids[i]);
        slurp(pid, name);
        text[strcspn(text, "\n")] = '\0';
        printf(" %s%s", text, tids[i] == pid ? "*" : "");
        snprintf(name, sizeof name, "task/%d/stat", tids[i]);
        slurp(pid, name);
        printf(" %d", atoi(text) == tids[i]);
    }
    printf("\n");
}

static void files_of(int pid)
{
    int fds[64], n = numbers_in(pid, "fd", fds, 64);
    printf("  descriptors:");
    for (int i = 0; i < n; i++) {
        printf(" %d", fds[i]);
    }
    printf("\n");
    link_of(pid, "fd/20");
    slurp(pid, "fdinfo/20");
    line("pos:");
    char *at = strstr(text, "\nflags:");
    printf("  flags %lo\n",
           at == NULL ? 0 : strtoul(at + 7, NULL, 8) & ~0100000ul /* O_LARGEFILE */);
    struct stat by_link, by_name;
    int r = stat(file_of(pid, "fd/20"), &by_link);
    printf("  the same file: %d\n",
           r == 0 && stat("/tmp/proc-others", &by_name) == 0 && by_link.st_ino == by_name.st_ino);
}

static void limits_of(int pid)
{
    slurp(pid, "limits");
    char *at = strstr(text, "Max open files");
    printf("  open files: %d\n", at == NULL ? -1 : atoi(at + 14));
}

static void everything(const char *who, int pid, int parent)
{
    printf("%s:\n", who);
    printf("  %s\n", state_of(pid));
    status_of(pid);
    stat_of(pid, parent);
    strings_of(pid, "cmdline");
    strings_of(pid, "environ");
    auxv_of(pid);
    maps_of(pid);
    tasks_of(pid);
    files_of(pid);
    limits_of(pid);
    link_of(pid, "cwd");
    link_of(pid, "exe");
    link_of(pid, "root");
    fflush(stdout);
}

/* ---- who is looked at ------------------------------------------------------------------------ */

static void nothing(int signo)
{
    (void)signo;
}

static void *sleeps(void *arg)
{
    prctl(PR_SET_NAME, arg);
    while (pause() == -1) {
    }
    return NULL;
}

static void prepare(void)
{
    pthread_t t;
    sigset_t set;
    struct rlimit limit = {64, 64};
    signal(SIGUSR1, nothing);
    signal(SIGHUP, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    umask(027);
    mmap(PLACE, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    mprotect(PLACE + PAGE, PAGE, PROT_READ);
    mprotect(PLACE + 2 * PAGE, PAGE, PROT_NONE);
    pthread_create(&t, NULL, sleeps, "second");
    pthread_create(&t, NULL, sleeps, "third");
    int fd = open("/tmp/proc-others", O_RDWR | O_APPEND);
    close_range(6, ~0u, 0); /* what whoever started us left open */
    dup2(fd, 20);
    close(fd);
    if (read(20, text, 3) != 3) {
        _exit(9);
    }
    setrlimit(RLIMIT_NOFILE, &limit);
    if (chdir("/tmp") != 0) {
        _exit(9);
    }
    free(malloc(100));
    usleep(20000); /* the threads have their names */
}

static int told[2];

static int start(const char *argument)
{
    int pid = fork();
    char c;
    if (pid == 0) {
        char fd[16];
        snprintf(fd, sizeof fd, "%d", told[1]);
        char *argv[] = {"looked-at", (char *)(uintptr_t)argument, fd, NULL};
        char *envp[] = {"MARK=here", "OTHER=", NULL};
        execve("/proc/self/exe", argv, envp);
        _exit(8);
    }
    if (read(told[0], &c, 1) != 1) {
        printf("nobody told\n");
    }
    usleep(20000);
    return pid;
}

static int looked_at(const char *how, int fd)
{
    prepare();
    prctl(PR_SET_NAME, "first");
    if (write(fd, "x", 1) != 1) {
        return 9;
    }
    close(fd);
    while (strcmp(how, "computes") == 0) {
    }
    for (;;) {
        pause();
    }
}

static void look_as_child(int whom, int parent)
{
    fflush(stdout);
    int pid = fork();
    if (pid == 0) {
        usleep(20000);
        everything("a sibling", whom, parent);
        printf("the first process, from its child:\n  %s\n", state_of(parent));
        stat_of(parent, getppid() == parent ? getpid() : 0);
        maps_of(parent);
        tasks_of(parent);
        printf("  environ %d\n", slurp(parent, "environ") >= 0);
        auxv_of(parent);
        link_of(parent, "cwd");
        fflush(stdout);
        _exit(0);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    printf("it ended with %d\n", status);
}

static void over(int pid)
{
    int fd = open(file_of(pid, "status"), O_RDONLY);
    int maps = open(file_of(pid, "maps"), O_RDONLY);
    char c;
    kill(pid, SIGKILL);
    siginfo_t info;
    waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
    printf("over:\n  %s\n", state_of(pid));
    printf("  cmdline %zd\n", slurp(pid, "cmdline"));
    link_of(pid, "exe");
    link_of(pid, "cwd");
    waitpid(pid, NULL, 0);
    ssize_t n = read(fd, &c, 1);
    printf("gone: status %zd %s", n, n < 0 ? strerrorname_np(errno) : "");
    printf(", directory %s\n",
           access(file_of(pid, ""), F_OK) == 0 ? "there" : strerrorname_np(errno));
    close(maps);
    close(fd);
}

int main(int argc, char **argv)
{
    if (argc > 2) {
        return looked_at(argv[1], atoi(argv[2]));
    }
    int fd = open("/tmp/proc-others", O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, "some bytes", 10) != 10 || clearenv() != 0 || chdir("/") != 0 ||
        pipe2(told, 0) != 0) {
        return 1;
    }
    close(fd);
    int pid = start("sleeps");
    everything("a child", pid, getpid());
    look_as_child(pid, getpid());
    fd = open(file_of(pid, "comm"), O_WRONLY);
    ssize_t n = write(fd, "mine", 4);
    printf("its name: %zd %s\n", n, n < 0 ? strerrorname_np(errno) : "");
    close(fd);
    kill(pid, SIGSTOP);
    waitpid(pid, NULL, WUNTRACED);
    printf("stopped: %s\n", state_of(pid));
    kill(pid, SIGCONT);
    over(pid);
    pid = start("computes");
    printf("computes: %s\n", state_of(pid));
    status_of(pid);
    over(pid);
    unlink("/tmp/proc-others");
    look_at_io();
    return 42;
}
