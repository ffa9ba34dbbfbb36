/* SPDX-License-Identifier: Apache-2.0 */
/* System calls of a child process: what it shares with its parent (descriptors, positions, pipes,
 * locks, sockets), what signals do to calls that wait, and what only it knows about itself. Run on
 * Linux and in an enclave: the output must be the same. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#define SAY(...)                                                                                   \
    do {                                                                                           \
        printf(__VA_ARGS__);                                                                       \
        printf("\n");                                                                              \
        fflush(stdout);                                                                            \
    } while (0)

static char *volatile nothing = (char *)8;
static int up[2], down[2]; /* pipes from and to the child */
static int shared_file;    /* opened before the fork */

static const char *err(long r)
{
    return r < 0 ? strerrorname_np(errno) : "ok";
}

/* ---- files ----------------------------------------------------------------------------------- */

static void files(void)
{
    char b[64] = "", path[64];
    struct stat st;
    int fd = open("child.txt", O_RDWR | O_CREAT | O_TRUNC, 0644);
    SAY("write %zd", write(fd, "hello", 5));
    fstat(fd, &st);
    SAY("size %d", (int)st.st_size);
    const struct iovec out[3] = {{" wor", 4}, {b, 0}, {"ld", 2}};
    SAY("writev %zd", writev(fd, out, 3));
    const struct iovec in[2] = {{b, 3}, {b + 10, 20}};
    ssize_t n = preadv(fd, in, 2, 0);
    SAY("preadv %zd %s %s", n, b, b + 10);
    SAY("read at the end %zd", read(fd, b, sizeof b));
    SAY("read into nothing %s", err(pread(fd, nothing, 4, 0)));
    SAY("write from nothing %s", err(write(fd, nothing, 4)));
    SAY("open of nothing %s", err(open(nothing, O_RDONLY)));
    SAY("open %s", err(open("none", O_RDONLY)));
    SAY("stat %s", err(stat("none/below", &st)));
    SAY("mkdir %s", err(mkdir("d", 0755)));
    SAY("again %s", err(mkdir("d", 0755)));
    SAY("rename %s", err(rename("child.txt", "d/child.txt")));
    SAY("symlink %s", err(symlink("d/child.txt", "l")));
    n = readlink("l", path, sizeof path);
    SAY("readlink %zd %.*s", n, (int)n, path);
    DIR *d = opendir("d");
    int names = 0;
    while (readdir(d) != NULL) {
        names++;
    }
    closedir(d);
    SAY("names %d", names);
    SAY("chdir %s", err(chdir("d")));
    SAY("stat %s", err(stat("child.txt", &st)));
    const struct timespec times[2] = {{1000, 0}, {2000, 5}};
    SAY("utimensat %s", err(utimensat(AT_FDCWD, "child.txt", times, 0)));
    stat("child.txt", &st);
    SAY("mtime %lld.%ld", (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    chdir("..");
    unlink("d/child.txt");
    unlink("l");
    rmdir("d");
    close(fd);
}

/* Names that a process may know the answer to by itself must mean what they mean when opened. */
static void names(void)
{
    static const char *const paths[] = {"/usr/lib/x86_64-linux-gnu/libc.so.6",
                                        "/usr/../lib/x86_64-linux-gnu/libc.so.6",
                                        "/tmp/../usr/lib",
                                        "/usr/lib/",
                                        "/",
                                        "/tmp",
                                        "/dev/null",
                                        "/proc/self/../self/maps",
                                        "/usr/lib/none",
                                        "/usr/lib/x86_64-linux-gnu/libc.so.6/",
                                        "/tmp/none/..",
                                        "/proc/none",
                                        ""};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct stat a = {0}, b = {0}, c = {0};
        struct statx x = {0};
        int named = stat(paths[i], &a), error = errno;
        int fd = open(paths[i], O_RDONLY);
        int by_number = fstat(fd, &b);
        int at = fstatat(fd, "", &c, AT_EMPTY_PATH);
        int sx = statx(AT_FDCWD, paths[i], 0, STATX_BASIC_STATS, &x);
        bool volatile_inode = strncmp(paths[i], "/proc", 5) == 0;
        bool same = a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_mode == b.st_mode &&
                    a.st_size == b.st_size && a.st_nlink == b.st_nlink && c.st_ino == b.st_ino &&
                    x.stx_ino == a.st_ino && x.stx_size == (uint64_t)a.st_size;
        SAY("%s: %d %s, open %d, the same %d", paths[i], named,
            named != 0 ? strerrorname_np(error) : "", by_number,
            at == by_number && sx == named && (volatile_inode || same));
        SAY("access %d %d", access(paths[i], R_OK),
            faccessat(AT_FDCWD, paths[i], W_OK | X_OK, 0) == 0 && strcmp(paths[i], "/tmp") == 0);
        close(fd);
    }
    char text[64];
    ssize_t n = readlink("/proc/self/cwd", text, sizeof text);
    SAY("cwd %.*s", n > 10 ? 10 : 0, text);
}

static void large(void)
{
    size_t n = 3 << 20, i = 0;
    unsigned char *b = malloc(n), *c = malloc(n);
    for (i = 0; i < n; i++) {
        b[i] = (unsigned char)(i * 7 + i / 251);
    }
    int fd = open("large", O_RDWR | O_CREAT | O_TRUNC, 0644);
    SAY("large write %zd", write(fd, b, n));
    ssize_t got = pread(fd, c, n, 0);
    SAY("large read %zd, the same %d", got, memcmp(b, c, n) == 0);
    char *m = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 4096);
    SAY("mapped %d", m != MAP_FAILED && memcmp(m, b + 4096, n - 4096) == 0);
    if (m != MAP_FAILED) {
        m[0] = (char)(b[4096] + 1);
        pread(fd, c, 1, 4096);
        SAY("private %d", c[0] == b[4096]);
        munmap(m, n);
    }
    close(fd);
    unlink("large");
    free(b);
    free(c);
}

static void mappings(void)
{
    int fd = open("/proc/self/exe", O_RDONLY);
    char *m = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    SAY("program %.3s", m == MAP_FAILED ? "no" : m + 1);
    SAY("of a pipe %s", err((long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, down[0], 0)));
    SAY("of nothing %s", err((long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 99, 0)));
    close(fd);
}

/* ---- what is shared -------------------------------------------------------------------------- */

static void shared(void)
{
    char b[8] = "";
    ssize_t n = read(shared_file, b, 3);
    SAY("shared position: read %zd %.3s", n, b);
    struct flock l = {.l_type = F_WRLCK, .l_start = 0, .l_len = 4};
    SAY("lock of the parent's %s", err(fcntl(shared_file, F_SETLK, &l)));
    l.l_type = F_WRLCK;
    fcntl(shared_file, F_GETLK, &l);
    SAY("it is the parent's %d %d", l.l_type == F_WRLCK, l.l_pid == getppid());
    l = (struct flock){.l_type = F_WRLCK, .l_start = 10, .l_len = 4};
    SAY("lock beside it %s", err(fcntl(shared_file, F_SETLK, &l)));
}

static void sockets(void)
{
    int s[2];
    char b[64];
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}}, from;
    socklen_t n = sizeof a;
    socketpair(AF_UNIX, SOCK_DGRAM, 0, s);
    struct mmsghdr m[3];
    struct iovec v[3] = {{"one", 3}, {"three", 5}, {"", 0}};
    memset(m, 0, sizeof m);
    for (int i = 0; i < 3; i++) {
        m[i].msg_hdr.msg_iov = &v[i];
        m[i].msg_hdr.msg_iovlen = 1;
    }
    SAY("sendmmsg %d", sendmmsg(s[0], m, 3, 0));
    SAY("sizes %u %u %u", m[0].msg_len, m[1].msg_len, m[2].msg_len);
    SAY("recv %zd", recv(s[1], b, sizeof b, 0));
    SAY("recv %zd", recv(s[1], b, 2, MSG_TRUNC));
    int u = socket(AF_INET, SOCK_DGRAM, 0);
    bind(u, (struct sockaddr *)&a, sizeof a);
    getsockname(u, (struct sockaddr *)&a, &n);
    SAY("sendto %zd", sendto(u, "self", 4, 0, (struct sockaddr *)&a, sizeof a));
    n = sizeof from;
    ssize_t r = recvfrom(u, b, sizeof b, 0, (struct sockaddr *)&from, &n);
    SAY("recvfrom %zd of the same port %d, %u", r, from.sin_port == a.sin_port, n);
    close(u);
    close(s[0]);
    close(s[1]);
}

static void events(void)
{
    int e = eventfd(3, 0), ep = epoll_create1(0);
    uint64_t value;
    struct epoll_event ev = {.events = EPOLLIN, .data.u64 = 77}, got;
    SAY("epoll_ctl %s", err(epoll_ctl(ep, EPOLL_CTL_ADD, e, &ev)));
    int ready = epoll_wait(ep, &got, 1, 0);
    SAY("epoll_wait %d %d", ready, (int)got.data.u64);
    ssize_t n = read(e, &value, sizeof value);
    SAY("read %zd %d", n, (int)value);
    SAY("epoll_wait %d", epoll_wait(ep, &got, 1, 0));
    struct pollfd p[2] = {{.fd = e, .events = POLLIN | POLLOUT}, {.fd = 99, .events = POLLIN}};
    ready = poll(p, 2, 0);
    SAY("poll %d %x %x", ready, p[0].revents, p[1].revents);
    fd_set r;
    FD_ZERO(&r);
    FD_SET(down[0], &r);
    struct timeval t = {0, 1000};
    SAY("select %d", select(down[0] + 1, &r, NULL, NULL, &t));
    close(e);
    close(ep);
}

/* ---- signals --------------------------------------------------------------------------------- */

static volatile sig_atomic_t caught, ticks;

static void on_signal(int signo)
{
    caught = signo;
}

static void tick(bool on)
{
    const struct itimerval t = {{0, on ? 20000 : 0}, {0, on ? 20000 : 0}};
    setitimer(ITIMER_REAL, &t, NULL);
}

static void on_tick(int signo)
{
    (void)signo;
    if (++ticks == 3) {
        tick(false);
        ssize_t n = write(up[1], "t", 1); /* the parent sends what the call waits for */
        (void)n;
    }
}

static void signals(void)
{
    char b[8] = "";
    struct sigaction a = {.sa_handler = on_signal},
                     restart = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &a, NULL);
    tick(true);
    SAY("read %s", err(read(down[0], b, 1)));
    SAY("caught %d", caught == SIGALRM);
    struct pollfd p = {.fd = down[0], .events = POLLIN};
    SAY("poll %s", err(poll(&p, 1, -1)));
    SAY("flock of nobody %s",
        err(fcntl(shared_file, F_SETLKW, &(struct flock){.l_type = F_WRLCK, .l_len = 4})));
    tick(false);
    sigaction(SIGALRM, &restart, NULL);
    tick(true);
    ssize_t n = read(down[0], b, 4);
    SAY("restarted read %zd %.4s after %d", n, b, ticks);
    /* A mask that lets a pending signal in for the time of a call. */
    sigset_t none, usr;
    sigemptyset(&none);
    sigemptyset(&usr);
    sigaddset(&usr, SIGUSR1);
    sigaction(SIGUSR1, &a, NULL);
    sigprocmask(SIG_BLOCK, &usr, NULL);
    kill(getpid(), SIGUSR1);
    caught = 0;
    SAY("poll %d, caught %d", poll(&p, 1, 0), caught);
    int r = ppoll(&p, 1, NULL, &none);
    SAY("ppoll %s", err(r));
    SAY("caught %d", caught == SIGUSR1);
    int broken[2];
    pipe(broken);
    close(broken[0]);
    sigaction(SIGPIPE, &a, NULL);
    caught = 0;
    SAY("write %s", err(write(broken[1], "x", 1)));
    SAY("caught %d", caught == SIGPIPE);
}

/* ---- about itself ---------------------------------------------------------------------------- */

static void itself(void)
{
    char line[512];
    int libc = 0, pid = 0;
    FILE *f = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, f) != NULL) {
        libc += strstr(line, "libc.so") != NULL;
    }
    fclose(f);
    f = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof line, f) != NULL) {
        sscanf(line, "Pid: %d", &pid);
    }
    fclose(f);
    SAY("maps of libc %d, pid %d", libc > 0, pid == getpid());
    DIR *d = opendir("/proc/self/task");
    int names = 0;
    while (readdir(d) != NULL) {
        names++;
    }
    closedir(d);
    SAY("threads and dots %d", names);
    const struct rlimit small = {20, 20};
    SAY("setrlimit %s", err(setrlimit(RLIMIT_NOFILE, &small)));
    int last = 0, fd;
    while ((fd = dup(0)) >= 0) {
        last = fd;
    }
    SAY("last descriptor %d, %s", last, strerrorname_np(errno));
}

int main(void)
{
    char b[8] = "";
    int status;
    const struct flock lock = {.l_type = F_WRLCK, .l_start = 0, .l_len = 4};
    char folder[] = "/tmp/child-calls-XXXXXX";
    if (mkdtemp(folder) == NULL || chdir(folder) != 0 || pipe(up) != 0 || pipe(down) != 0) {
        return 1;
    }
    shared_file = open("shared", O_RDWR | O_CREAT, 0600);
    SAY("parent %zd %s", write(shared_file, "abcdef", 6), err(fcntl(shared_file, F_SETLK, &lock)));
    lseek(shared_file, 1, SEEK_SET);
    pid_t pid = fork();
    if (pid == 0) {
        close(up[0]);
        close(down[1]);
        files();
        names();
        large();
        shared();
        sockets();
        events();
        signals();
        mappings();
        itself();
        _exit(5);
    }
    close(up[1]);
    close(down[0]);
    ssize_t n = read(up[0], b, 1);
    ssize_t sent = write(down[1], "data", 4);
    pid_t waited = waitpid(pid, &status, 0);
    SAY("asked %zd %c", n, b[0]);
    SAY("answered %zd, waited %d", sent, waited == pid);
    int position = (int)lseek(shared_file, 0, SEEK_CUR);
    SAY("status %x, position %d", status, position);
    unlink("shared");
    chdir("/");
    rmdir(folder);
    return 42;
}
