/* SPDX-License-Identifier: Apache-2.0 */
/* Calls on files that libraries rarely make themselves: the forms with a descriptor for a folder,
 * the older forms, times, owners, what is written back, vectors. Made raw, so that each is the one
 * that is meant. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

static long say(const char *what, long r)
{
    printf("%s: %ld %s\n", what, r < 0 ? -1 : r, r < 0 ? strerrorname_np(errno) : "");
    return r;
}
#define SAY(call, ...) say(#call, syscall(SYS_##call, __VA_ARGS__))

static void show(const char *path)
{
    struct stat s;
    if (lstat(path, &s) != 0) {
        printf("  %s: %s\n", path, strerrorname_np(errno));
        return;
    }
    printf("  %s: mode %o, %ld bytes, %ld links, mine %d, times %ld %ld\n", path, s.st_mode,
           S_ISDIR(s.st_mode) ? 0 : (long)s.st_size, S_ISDIR(s.st_mode) ? 0 : (long)s.st_nlink,
           s.st_uid == getuid() && s.st_gid == getgid(), s.st_atime < 100000 ? s.st_atime : -1,
           s.st_mtime < 100000 ? s.st_mtime : -1);
}

static void folders(int at)
{
    char text[16] = "";
    SAY(mkdirat, at, "d", 0751);
    SAY(mkdirat, at, "d", 0700);
    SAY(mkdirat, at, "", 0700);
    SAY(mkdirat, 99, "x", 0700);
    SAY(mknodat, at, "f", S_IFREG | 0640, 0);
    SAY(mknod, "m", S_IFREG | 0604, 0);
    SAY(mknod, "p", S_IFIFO | 0600, 0);
    SAY(symlinkat, "f", at, "s");
    SAY(symlinkat, "", at, "t");
    SAY(linkat, at, "s", at, "l", 0);
    SAY(linkat, at, "s", at, "lf", AT_SYMLINK_FOLLOW);
    SAY(linkat, at, "d", at, "ld", 0);
    SAY(linkat, at, "f", at, "d", 0);
    SAY(readlinkat, at, "s", text, sizeof text);
    printf("  %s\n", text);
    SAY(readlinkat, at, "f", text, sizeof text);
    SAY(readlinkat, at, "s", text, 0);
    SAY(faccessat, at, "f", R_OK | W_OK);
    SAY(faccessat, at, "none", F_OK);
    SAY(faccessat, at, "f", 64);
    SAY(faccessat2, at, "s", F_OK, AT_SYMLINK_NOFOLLOW | AT_EACCESS);
    SAY(faccessat2, at, "s", F_OK, 64);
    SAY(renameat, at, "m", at, "d/m");
    SAY(renameat, at, "d", at, "d/inside");
    SAY(renameat2, at, "f", at, "d/m", 1 /* NOREPLACE */);
    SAY(renameat2, at, "f", at, "d/m", 2 /* EXCHANGE */);
    SAY(renameat2, at, "f", at, "d/m", 3);
    SAY(fchmodat, at, "f", 0644);
    SAY(fchmodat, at, "none", 0444);
    SAY(unlinkat, at, "d", 0);
    SAY(unlinkat, at, "d", AT_REMOVEDIR);
    SAY(unlinkat, at, "f", AT_REMOVEDIR);
    SAY(unlinkat, at, "f", 1);
    SAY(unlinkat, at, "lf", 0);
    SAY(rmdir, "d");
    SAY(unlink, "d/m");
    SAY(rmdir, "d");
    show("d");
    show("f");
    show("s");
    show("p");
}

static void owners(int at, int fd)
{
    const uid_t u = getuid();
    const gid_t g = getgid();
    SAY(chown, "f", u, g);
    SAY(lchown, "s", -1, g);
    SAY(fchown, fd, u, -1);
    SAY(fchown, 99, u, -1);
    SAY(fchownat, at, "f", u, g, 0);
    SAY(fchownat, at, "s", u, g, AT_SYMLINK_NOFOLLOW);
    SAY(fchownat, fd, "", u, g, AT_EMPTY_PATH);
    SAY(fchownat, at, "f", u, g, 1);
    SAY(chown, "none", u, g);
    SAY(fchmod, fd, 04711);
    SAY(fchmod, 99, 0700);
    SAY(chmod, "f", 0640);
    show("f");
}

static void times(int at)
{
    const struct utimbuf old = {111, 222};
    const struct timeval both[2] = {{333, 0}, {444, 999999}}, bad[2] = {{1, 1000000}, {1, 0}};
    SAY(utime, "f", &old);
    show("f");
    SAY(utimes, "f", both);
    show("f");
    SAY(utimes, "f", bad);
    SAY(futimesat, at, "f", both);
    SAY(utime, "none", &old);
    SAY(utimes, "f", NULL);
    show("f");
    const struct timespec kept[2] = {{55, 0}, {0, UTIME_OMIT}},
                          wrong[2] = {{0, 2000000000}, {0, 0}};
    SAY(utimensat, at, "f", kept, 0);
    SAY(utimensat, at, "f", wrong, 0);
    SAY(utimensat, at, "s", kept, AT_SYMLINK_NOFOLLOW);
    show("f");
    show("s");
}

static void bytes(int fd)
{
    char a[8] = "", b[8] = "";
    const struct iovec out[2] = {{"hello ", 6}, {"world", 5}}, in[2] = {{a, 5}, {b, 7}};
    int to = open("copy", O_CREAT | O_RDWR | O_TRUNC, 0600);
    SAY(writev, fd, out, 2);
    SAY(pwritev, fd, out, 2, 100, 0);
    SAY(pwritev, fd, out, 2, -1L, -1L);
    SAY(pwritev, fd, out, -1, 0, 0);
    SAY(pwritev, fd, out, 1025, 0, 0);
    SAY(lseek, fd, 0, SEEK_SET);
    SAY(readv, fd, in, 2);
    printf("  %.5s|%.7s\n", a, b);
    SAY(readv, fd, in, 0);
    SAY(readv, 99, in, 1);
    SAY(preadv, fd, in, 2, 106, 0);
    printf("  %.5s\n", a);
    SAY(preadv2, fd, in, 1, 0, 0, 0);
    long long from = 3;
    SAY(copy_file_range, fd, &from, to, NULL, 20, 0);
    SAY(copy_file_range, fd, &from, to, NULL, 20, 1);
    SAY(copy_file_range, fd, NULL, 99, NULL, 20, 0);
    printf("  from %lld\n", from);
    SAY(fadvise64, fd, 0, 100, 3);
    SAY(fadvise64, fd, 0, 100, 77);
    SAY(fadvise64, 99, 0, 100, 3);
    SAY(readahead, fd, 0, 100);
    SAY(readahead, 99, 0, 100);
    SAY(fsync, fd);
    SAY(fdatasync, fd);
    SAY(fdatasync, 99);
    SAY(syncfs, fd);
    SAY(syncfs, 99);
    SAY(sync, 0);
    SAY(truncate, "copy", 7);
    SAY(truncate, "copy", -1);
    show("copy");
    close(to);
}

static void descriptors(void)
{
    int ends[2];
    char byte = 0;
    long made = syscall(SYS_creat, "c", 0604);
    printf("creat: %d, flags %o\n", made >= 0, fcntl((int)made, F_GETFL) & O_ACCMODE);
    SAY(read, made, &byte, 1);
    long opened = syscall(SYS_open, "c", O_RDONLY | O_CLOEXEC);
    printf("open: %d, cloexec %d\n", opened >= 0, fcntl((int)opened, F_GETFD));
    SAY(open, "none/c", O_RDONLY);
    SAY(open, "c", O_CREAT | O_EXCL, 0600);
    SAY(dup3, opened, 77, O_CLOEXEC);
    printf("  cloexec %d\n", fcntl(77, F_GETFD));
    SAY(dup3, opened, opened, 0);
    SAY(dup3, opened, 78, 1);
    SAY(close, 77);
    SAY(pipe, ends);
    printf("  %d\n", write(ends[1], "x", 1) == 1 && read(ends[0], &byte, 1) == 1 && byte == 'x');
    close(ends[0]);
    close(ends[1]);
    SAY(flock, made, 2 | 4);
    SAY(flock, opened, 1 | 4);
    SAY(flock, made, 8);
    SAY(flock, opened, 1 | 4);
    SAY(flock, opened, 64);
    SAY(fchdir, made);
    SAY(fchdir, 99);
    struct stat s;
    SAY(stat, "c", &s);
    SAY(lstat, "none", &s);
    SAY(fstat, made, &s);
    SAY(fstat, 99, &s);
    SAY(newfstatat, AT_FDCWD, "c", &s, 0);
    SAY(newfstatat, made, "", &s, AT_EMPTY_PATH);
    SAY(newfstatat, made, "", &s, 0);
    SAY(newfstatat, AT_FDCWD, "c", &s, 1);
    SAY(stat, "c", 1);
    close((int)made);
    close((int)opened);
}

static void attributes(int fd)
{
    char text[8];
    SAY(getxattr, "f", "user.none", text, 8);
    SAY(lgetxattr, "none", "user.none", text, 8);
    SAY(fgetxattr, fd, "user.none", text, 8);
    SAY(fgetxattr, 99, "user.none", text, 8);
    SAY(listxattr, "none", text, 8);
    SAY(llistxattr, "none", text, 8);
    SAY(flistxattr, 99, text, 8);
}

/* What has no name has an owner, a mode and times all the same. */
static void nameless(const char *what, int fd)
{
    static const struct timespec then[2] = {{5, 0}, {7, 0}};
    struct stat s;
    printf("%s: mode %d, owner %d, times %d", what, fchmod(fd, 0611),
           fchown(fd, getuid(), getgid()), futimens(fd, then));
    fstat(fd, &s);
    printf(", %o %d, %ld %ld\n", s.st_mode & 07777, s.st_uid == getuid(), s.st_atime, s.st_mtime);
}

static void all_nameless(void)
{
    int ends[2], pair[2];
    if (pipe(ends) != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) {
        exit(1);
    }
    nameless("pipe", ends[0]);
    nameless("socket", pair[0]);
    close(ends[0]), close(ends[1]), close(pair[0]), close(pair[1]);
}

/* ---- how large files may become
 * --------------------------------------------------------------------------------------- */

static volatile int too_large;
static void is_too_large(int sig)
{
    too_large += sig == SIGXFSZ;
}

static void sizes(void)
{
    static char block[4000];
    const struct rlimit before = {RLIM_INFINITY, RLIM_INFINITY}, least = {5000, RLIM_INFINITY};
    struct sigaction a = {.sa_handler = is_too_large};
    struct stat s;
    int fd = open("c", O_RDWR | O_CREAT | O_TRUNC, 0600), ends[2];
    if (pipe(ends) != 0) {
        return;
    }
    sigaction(SIGXFSZ, &a, NULL);
    setrlimit(RLIMIT_FSIZE, &least);
    SAY(write, fd, block, sizeof block);
    SAY(write, fd, block, sizeof block);
    SAY(write, fd, block, 0);
    printf("signals: %d\n", too_large);
    SAY(write, fd, block, 1);
    SAY(pwrite64, fd, block, 10, 4999);
    SAY(pwrite64, fd, block, 10, 1L << 40);
    printf("signals: %d\n", too_large);
    SAY(ftruncate, fd, 5001);
    SAY(truncate, "c", 1L << 30);
    SAY(fallocate, fd, 0, 0, 6000);
    printf("signals: %d\n", too_large);
    SAY(fallocate, fd, FALLOC_FL_KEEP_SIZE, 0, 6000);
    SAY(write, ends[1], block, sizeof block); /* no file */
    SAY(splice, ends[0], NULL, fd, NULL, 100, 0);
    printf("signals: %d, size %d\n", too_large, fstat(fd, &s) == 0 ? (int)s.st_size : -1);
    setrlimit(RLIMIT_FSIZE, &before);
    SAY(ftruncate, fd, 9000);
    setrlimit(RLIMIT_FSIZE, &least);
    SAY(pwrite64, fd, block, 10, 6000);
    SAY(ftruncate, fd, 8000);
    SAY(pwrite64, fd, block, 10, 4995);
    printf("signals: %d\n", too_large);
    setrlimit(RLIMIT_FSIZE, &before);
    close(fd);
    close(ends[0]);
    close(ends[1]);
}

static void nowhere(const char *path)
{
    int fd = open(path, O_RDWR);
    char c;
    SAY(lseek, fd, -7396559417396527272L, SEEK_CUR);
    SAY(lseek, fd, 5, SEEK_SET);
    SAY(lseek, fd, 0, SEEK_CUR);
    SAY(lseek, fd, 0, SEEK_DATA);
    SAY(lseek, fd, 0, 99);
    SAY(pread64, fd, &c, 1, 77);
    close(fd);
}

static void signal_owners(void)
{
    int ends[2], child, held[2];
    if (pipe(ends) != 0 || pipe(held) != 0) {
        return;
    }
    if ((child = fork()) == 0) {
        setpgid(0, 0);
        char c = 0;
        _exit(write(held[1], &c, 1) != 1 || read(ends[0], &c, 1) != 1);
    }
    char c;
    long n = read(held[0], &c, 1);
    SAY(fcntl, ends[0], F_SETOWN, getpid());
    printf("  mine %d, %ld\n", fcntl(ends[0], F_GETOWN) == getpid(), n);
    SAY(fcntl, ends[0], F_SETOWN, child);
    printf("  its %d\n", fcntl(ends[0], F_GETOWN) == child);
    SAY(fcntl, ends[0], F_SETOWN, -child);
    struct {
        int kind, who;
    } o = {0, 0};
    SAY(fcntl, ends[0], F_GETOWN_EX, &o);
    printf("  group %d %d\n", o.kind, o.who == child);
    SAY(fcntl, ends[0], F_SETOWN, 1 << 22);
    SAY(fcntl, ends[0], F_SETOWN, -(1 << 22));
    SAY(fcntl, ends[0], F_SETOWN, 1L << 31);
    o.kind = 1, o.who = 1 << 22;
    SAY(fcntl, ends[0], F_SETOWN_EX, &o);
    o.kind = 7, o.who = 0;
    SAY(fcntl, ends[0], F_SETOWN_EX, &o);
    SAY(fcntl, ends[0], F_SETOWN, 0);
    n = write(ends[1], &c, 1);
    printf("  %d %d\n", fcntl(ends[0], F_GETOWN), waitpid(child, NULL, 0) == child && n == 1);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    char name[] = "/tmp/file-calls-XXXXXX", back[64] = "";
    umask(022);
    if (mkdtemp(name) == NULL) {
        return 1;
    }
    int at = open(name, O_RDONLY | O_DIRECTORY);
    SAY(fchdir, at);
    printf("getcwd: %d\n", syscall(SYS_getcwd, back, sizeof back) > 0 && strcmp(back, name) == 0);
    SAY(getcwd, back, 3);
    folders(at);
    int fd = open("f", O_RDWR | O_CREAT, 0640);
    owners(at, fd);
    bytes(fd);
    times(at);
    descriptors();
    attributes(fd);
    all_nameless();
    sizes();
    nowhere("/dev/full");
    nowhere("/dev/zero");
    nowhere("/dev/null");
    signal_owners();
    static const char *const left[] = {"f", "s", "l", "p", "c", "copy", "m"};
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
        unlink(left[i]);
    }
    SAY(chdir, "/");
    SAY(rmdir, name);
    return 42;
}
