/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors, pipes, polling, vectors, devices, /proc, inputs and outputs: what moves bytes. Where
 * the kernel offers the same thing it is the oracle, else the manual is. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

#include "test_host.h"
#include "tests/tap.h"

static struct manifest manifest;
static uint8_t input_data[200000];

static app_ptr s(const char *text)
{
    return host_app(text);
}

static int64_t read_text(const char *path, char *ret, size_t size)
{
    int64_t fd = sys_open(s(path), O_RDONLY, 0);
    if (fd < 0) {
        return fd;
    }
    int64_t n = sys_read((int)fd, host_app(ret), size - 1);
    ret[n > 0 ? n : 0] = 0;
    sys_close((int)fd);
    return n;
}

static void start(void)
{
    struct diag d;
    manifest.uid = 1000;
    manifest.gid = 1000;
    manifest.cwd = BYTES_STR("/t");
    manifest.stdin_host = manifest.stdout_host = true;
    manifest.mount_count = 2;
    manifest.mounts[0].path = BYTES_STR("/t/deep/er");
    manifest.mounts[0].size = 64 << 10;
    manifest.mounts[1].path = BYTES_STR("/t");
    manifest.mounts[1].size = 16 << 20;
    manifest.input_count = 3;
    manifest.output_count = 2;
    manifest.inputs[0] =
        (struct manifest_file){BYTES_STR("day"), BYTES_STR("/in/day.json"), 1 << 20};
    manifest.inputs[1] = (struct manifest_file){BYTES_STR("none"), BYTES_STR("/in/none"), 1 << 20};
    manifest.inputs[2] =
        (struct manifest_file){BYTES_STR("unread"), BYTES_STR("/t/unread"), 1 << 20};
    manifest.outputs[0] =
        (struct manifest_file){BYTES_STR("out"), BYTES_STR("/out/out.json"), 70000};
    manifest.outputs[1] = (struct manifest_file){BYTES_STR("empty"), BYTES_STR("/out/empty"), 10};
    for (size_t i = 0; i < sizeof input_data; i++) {
        input_data[i] = (uint8_t)(i * 7 + i / 251);
    }
    host_inputs[0] = (struct host_file){input_data, sizeof input_data};
    host_inputs[1].size = UINT64_MAX;
    host_inputs[2] = (struct host_file){input_data, 10};
    int err = fs_start(&manifest, &d);
    if (err != 0) {
        printf("# %s\n", d.text);
    }
    REQUIRE(err == 0);
}

static void test_descriptors(void)
{
    CHECK(fd_get(0) != NULL && fd_get(1) != NULL && fd_get(2) != NULL && fd_get(3) == NULL &&
              fd_get(-1) == NULL && fd_get(1 << 20) == NULL,
          "a workload starts with three descriptors");
    int64_t a = sys_open(s("/t/a"), O_RDWR | O_CREAT, 0644);
    CHECK(a == 3 && sys_dup((int)a) == 4 && sys_dup2(3, 10) == 10 && sys_dup2(3, 3) == 3 &&
              sys_dup2(99, 5) == -EBADF && sys_dup3(3, 3, 0) == -EINVAL &&
              sys_dup3(3, 2000, 0) == -EBADF && sys_dup3(3, 11, O_CLOEXEC) == 11,
          "dup, dup2 and dup3 give the numbers that Linux gives");
    CHECK(sys_fcntl(11, F_GETFD, 0) == FD_CLOEXEC && sys_fcntl(10, F_GETFD, 0) == 0 &&
              sys_fcntl(3, F_DUPFD, 10) == 12 && sys_fcntl(3, F_DUPFD_CLOEXEC, 5) == 5 &&
              sys_fcntl(3, F_DUPFD, 1024) == -EINVAL && sys_fcntl(99, F_GETFD, 0) == -EBADF,
          "fcntl duplicates and tells flags");
    CHECK(sys_write(3, s("hello"), 5) == 5 && sys_lseek(4, 0, SEEK_CUR) == 5,
          "duplicates share their position");
    fd_close_on_exec();
    CHECK(fd_get(11) == NULL && fd_get(5) == NULL && fd_get(10) != NULL,
          "exec closes what is marked and nothing else");
    CHECK(sys_close_range(4, 12, 0) == 0 && fd_get(4) == NULL && fd_get(12) == NULL &&
              fd_get(3) != NULL && sys_close(4) == -EBADF && sys_close_range(5, 4, 0) == -EINVAL,
          "close_range closes a range");
    CHECK((sys_fcntl(3, F_GETFL, 0) & O_ACCMODE) == O_RDWR &&
              sys_fcntl(3, F_SETFL, O_APPEND | O_WRONLY) == 0 &&
              (sys_fcntl(3, F_GETFL, 0) & (O_ACCMODE | O_APPEND)) == (O_RDWR | O_APPEND),
          "F_SETFL changes what may change");
    sys_lseek(3, 0, SEEK_SET);
    CHECK(sys_write(3, s("!"), 1) == 1 && sys_lseek(3, 0, SEEK_CUR) == 6,
          "O_APPEND writes at the end");
    int count = 0;
    while (sys_dup(3) >= 0) {
        count++;
    }
    CHECK(count == 1024 - 4 && sys_dup(3) == -EMFILE && sys_open(s("/t/a"), O_RDONLY, 0) == -EMFILE,
          "the 1025th descriptor is refused");
    sys_close_range(3, ~0u, 0);
    CHECK(sys_open(s("/t/a"), O_RDONLY, 0) == 3, "the lowest free number is given");
    sys_close(3);
    int64_t p = sys_open(s("/t/a"), O_PATH, 0);
    char c;
    struct stat st;
    CHECK(sys_read((int)p, host_app(&c), 1) == -EBADF && sys_fstat((int)p, host_app(&st)) == 0 &&
              st.st_size == 6 && sys_fcntl((int)p, F_SETFL, 0) == -EBADF,
          "O_PATH descriptors name a file and cannot read it");
    sys_close((int)p);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    a = sys_open(s("/t/a"), O_RDWR, 0);
    int64_t b = sys_open(s("/t/a"), O_RDWR, 0);
    CHECK(sys_fcntl((int)a, F_SETLK, host_app(&lock).addr) == 0 &&
              sys_fcntl((int)b, F_SETLK, host_app(&lock).addr) == 0,
          "record locks of one process do not conflict");
    CHECK(sys_flock((int)a, LOCK_EX) == 0 && sys_flock((int)b, LOCK_EX | LOCK_NB) == -EWOULDBLOCK &&
              sys_flock((int)a, LOCK_SH) == 0 && sys_flock((int)b, LOCK_SH) == 0 &&
              sys_flock((int)a, LOCK_EX | LOCK_NB) == -EWOULDBLOCK && sys_close((int)b) == 0 &&
              sys_flock((int)a, LOCK_EX | LOCK_NB) == 0,
          "flock conflicts between descriptions and ends with them");
    sys_close((int)a);
}

static void test_vectors(void)
{
    int64_t f = sys_open(s("/t/v"), O_RDWR | O_CREAT, 0644);
    char a[10] = "0123456789", b[5000], back[6000] = {0};
    memset(b, 'b', sizeof b);
    struct iovec v[3] = {{a, 10}, {NULL, 0}, {b, sizeof b}};
    CHECK(sys_writev((int)f, host_app(v), 3) == 5010 && sys_lseek((int)f, 0, SEEK_CUR) == 5010,
          "writev writes all pieces");
    struct iovec r[2] = {{back, 7}, {back + 7, 5993}};
    CHECK(sys_preadv((int)f, host_app(r), 2, 0) == 5010 && memcmp(back, a, 10) == 0 &&
              memcmp(back + 10, b, 5000) == 0,
          "preadv fills pieces in order");
    v[0].iov_len = (size_t)-1;
    CHECK(sys_writev((int)f, host_app(v), 3) == -EINVAL &&
              sys_writev((int)f, host_app(v), 1025) == -EINVAL &&
              sys_readv((int)f, app_at(8), 1) == -EFAULT && sys_writev((int)f, host_app(v), 0) == 0,
          "bad vectors are refused");
    CHECK(sys_read((int)f, app_at(16), 0) == 0 &&
              sys_pread64((int)f, app_at(16), 10, 0) == -EFAULT &&
              sys_pwrite64((int)f, app_at(16), 10, 0) == -EFAULT &&
              sys_pread64((int)f, host_app(back), 10, -1) == -EINVAL,
          "unreadable buffers are EFAULT");
    static char page[8192] __attribute__((aligned(4096)));
    host_bad_start = (uint64_t)(uintptr_t)page + 4096;
    host_bad_end = host_bad_start + 4096;
    CHECK(sys_pread64((int)f, host_app(page + 96), 5000, 96) == 4000,
          "a read into a hole in memory is short");
    host_bad_start = host_bad_end = 0;
    sys_lseek((int)f, 0, SEEK_SET);
    int64_t g = sys_open(s("/t/w"), O_RDWR | O_CREAT, 0644);
    int64_t off = 10;
    CHECK(sys_sendfile((int)g, (int)f, host_app(&off), 100) == 100 && off == 110 &&
              sys_lseek((int)f, 0, SEEK_CUR) == 0 &&
              sys_copy_file_range((int)f, app_at(0), (int)g, app_at(0), 10000, 0) == 5010 &&
              sys_lseek((int)g, 0, SEEK_CUR) == 5110 &&
              sys_pread64((int)g, host_app(back), 6, 98) == 6 && memcmp(back, "bb0123", 6) == 0,
          "sendfile and copy_file_range move bytes and positions");
    CHECK(sys_copy_file_range((int)f, app_at(0), (int)g, app_at(0), 10, 1) == -EINVAL &&
              sys_fallocate((int)f, 0, 0, 0) == -EINVAL &&
              sys_fallocate((int)f, 0, 0, 1 << 20) == 0 &&
              sys_lseek((int)f, 0, SEEK_END) == 1 << 20 &&
              sys_fallocate((int)f, 0x10, 0, 5) == -EOPNOTSUPP,
          "fallocate extends files");
    sys_close((int)f);
    sys_close((int)g);
}

static void test_limits(void)
{
    static char big[65536];
    int64_t f = sys_open(s("/t/deep/er/x"), O_RDWR | O_CREAT, 0644);
    CHECK(f >= 0 && sys_write((int)f, host_app(big), 60000) == 60000 &&
              sys_write((int)f, host_app(big), 60000) == 5536 &&
              sys_write((int)f, host_app(big), 1) == -ENOSPC,
          "a tmpfs of 64 KiB holds 64 KiB");
    CHECK(sys_ftruncate((int)f, 1 << 30) == 0 &&
              sys_pread64((int)f, host_app(big), 10, 1 << 29) == 10 && big[0] == 0 &&
              sys_pwrite64((int)f, host_app(big), 1, 1 << 29) == -ENOSPC &&
              sys_ftruncate((int)f, 0) == 0 && sys_pwrite64((int)f, host_app(big), 1, 1 << 29) == 1,
          "holes take no room, truncating gives room back");
    sys_close((int)f);
    CHECK(sys_unlink(s("/t/deep/er/x")) == 0 &&
              sys_rename(s("/t/a"), s("/t/deep/er/a")) == -EXDEV &&
              sys_rmdir(s("/t/deep/er")) == -EBUSY && sys_rename(s("/t/deep"), s("/t/q")) == -EBUSY,
          "mount points stay, and nothing is renamed across them");
    f = sys_open(s("/t"), O_RDWR | O_TMPFILE, 0600);
    char path[64];
    base_format(path, sizeof path, "/proc/self/fd/%d", (int)f);
    CHECK(f >= 0 &&
              sys_linkat(AT_FDCWD, s(path), AT_FDCWD, s("/t/named"), AT_SYMLINK_FOLLOW) == 0 &&
              sys_access(s("/t/named"), 6) == 0,
          "a file without a name can get one");
    sys_close((int)f);
}

/* ---- pipes
 * ------------------------------------------------------------------------------------------- */

static int fds[2];
static const char *blocked_write;
static bool blocked_close;
static char drained[200000];
static size_t drained_size;
static bool blocked_drain;

static int on_block(struct wait_queue *q, uint64_t deadline)
{
    (void)q, (void)deadline;
    if (blocked_write != NULL) {
        sys_write(fds[1], s(blocked_write), strlen(blocked_write));
        blocked_write = NULL;
        return 0;
    }
    if (blocked_close) {
        blocked_close = false;
        sys_close(fds[1]);
        return 0;
    }
    if (blocked_drain) {
        int64_t n = sys_read(fds[0], host_app(drained + drained_size), 30000);
        drained_size += n > 0 ? (size_t)n : 0;
        return 0;
    }
    return -ERESTARTSYS;
}

static void test_pipes(void)
{
    char b[100];
    host_on_block = on_block;
    CHECK(sys_pipe2(host_app(fds), O_CLOEXEC) == 0 && sys_fcntl(fds[0], F_GETFD, 0) == FD_CLOEXEC &&
              sys_pipe2(host_app(fds), 0x123) == -EINVAL && sys_pipe2(app_at(8), 0) == -EFAULT,
          "pipe2 makes two descriptors");
    blocked_write = "late";
    CHECK(sys_read(fds[0], host_app(b), sizeof b) == 4 && memcmp(b, "late", 4) == 0,
          "a reader waits for a writer");
    CHECK(sys_read(fds[0], host_app(b), sizeof b) == -ERESTARTSYS,
          "a signal interrupts a waiting reader");
    static char big[150000];
    for (size_t i = 0; i < sizeof big; i++) {
        big[i] = (char)(i * 31);
    }
    blocked_drain = true;
    CHECK(sys_write(fds[1], host_app(big), sizeof big) == (int64_t)sizeof big,
          "a writer waits for a reader");
    while (drained_size < sizeof big) {
        drained_size += (size_t)sys_read(fds[0], host_app(drained + drained_size), 50000);
    }
    CHECK(memcmp(drained, big, sizeof big) == 0, "what comes out is what went in");
    blocked_drain = false;
    CHECK(sys_write(fds[1], host_app(big), 65536) == 65536 &&
              sys_write(fds[1], host_app(big), 10) == -ERESTARTSYS &&
              sys_fcntl(fds[1], F_SETFL, O_NONBLOCK) == 0 &&
              sys_write(fds[1], host_app(big), 10) == -EAGAIN &&
              sys_read(fds[0], host_app(drained), 4000) == 4000 &&
              sys_write(fds[1], host_app(big), 4096) == -EAGAIN &&
              sys_write(fds[1], host_app(big), 5000) == 4000,
          "65536 bytes fit; up to 4096 go in whole or not at all");
    int left = 0;
    CHECK(sys_ioctl(fds[0], FIONREAD, host_app(&left).addr) == 0 && left == 65536 &&
              sys_lseek(fds[0], 0, SEEK_SET) == -ESPIPE &&
              sys_pread64(fds[0], host_app(b), 1, 0) == -ESPIPE &&
              sys_read(fds[1], host_app(b), 1) == -EBADF &&
              sys_write(fds[0], host_app(b), 1) == -EBADF,
          "pipes have no positions and two directions");
    CHECK(sys_fcntl(fds[0], F_GETPIPE_SZ, 0) == 65536 &&
              sys_fcntl(fds[0], F_SETPIPE_SZ, 20000) == -EBUSY &&
              sys_fcntl(fds[0], F_SETPIPE_SZ, 65537) == -EPERM &&
              sys_fcntl(1, F_GETPIPE_SZ, 0) == -EBADF,
          "a pipe does not shrink below what is in it");
    while (sys_read(fds[0], host_app(drained), 40000) > 0) {
    }
    CHECK(sys_fcntl(fds[1], F_SETPIPE_SZ, 20000) == 32768 &&
              sys_write(fds[1], host_app(big), 40000) == 32768 &&
              sys_read(fds[0], host_app(drained), 40000) == 32768 &&
              memcmp(drained, big, 32768) == 0,
          "a smaller pipe holds less");
    blocked_close = true;
    CHECK(sys_read(fds[0], host_app(b), 10) == 0, "the last writer's end is the end of file");
    CHECK(sys_pipe(host_app(fds)) == 0 && sys_close(fds[0]) == 0 &&
              sys_write(fds[1], host_app(b), 1) == -EPIPE && host_raised == 13,
          "a pipe nobody reads raises SIGPIPE");
    sys_close(fds[1]);
    host_on_block = NULL;
}

static void test_polling(void)
{
    REQUIRE(sys_pipe(host_app(fds)) == 0);
    struct pollfd p[4] = {
        {fds[0], POLLIN, 0}, {fds[1], POLLOUT, 0}, {999, POLLIN, 0}, {-1, POLLIN, 0}};
    CHECK(sys_poll(host_app(p), 4, 0) == 2 && p[0].revents == 0 && p[1].revents == POLLOUT &&
              p[2].revents == POLLNVAL && p[3].revents == 0,
          "poll tells what is ready");
    CHECK(sys_poll(host_app(p), 1, 5) == 0, "poll ends at its timeout");
    CHECK(sys_poll(host_app(p), 1, -1) == -ERESTARTSYS,
          "poll ends with a signal, which decides how it goes on");
    host_on_block = on_block;
    blocked_write = "x";
    CHECK(sys_poll(host_app(p), 1, -1) == 1 && p[0].revents == POLLIN,
          "poll wakes when something comes");
    host_on_block = NULL;
    fd_set in, out;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(fds[0], &in);
    FD_SET(fds[1], &out);
    struct timeval zero = {0, 0};
    CHECK(sys_select(fds[1] + 1, host_app(&in), host_app(&out), app_at(0), host_app(&zero)) == 2 &&
              FD_ISSET(fds[0], &in) && FD_ISSET(fds[1], &out),
          "select tells what is ready");
    sys_close(fds[1]);
    p[0].events = 0;
    CHECK(sys_poll(host_app(p), 1, 0) == 1 && p[0].revents == POLLHUP, "a hang-up is told unasked");
    CHECK(sys_select(fds[1] + 1, host_app(&in), host_app(&out), app_at(0), host_app(&zero)) ==
              -EBADF,
          "select refuses a closed descriptor");
    struct timespec t = {0, 1000000000};
    CHECK(sys_ppoll(host_app(p), 1, host_app(&t), app_at(0), 8) == -EINVAL &&
              sys_poll(host_app(p), 100000, 0) == -EINVAL,
          "bad timeouts and counts are refused");
    sys_close(fds[0]);
}

/* ---- devices and /proc
 * ----------------------------------------------------------------------------------- */

static void test_devices(void)
{
    char b[64] = "x";
    int64_t null = sys_open(s("/dev/null"), O_RDWR, 0), zero = sys_open(s("/dev/zero"), O_RDWR, 0);
    int64_t full = sys_open(s("/dev/full"), O_RDWR, 0),
            random = sys_open(s("/dev/urandom"), O_RDONLY, 0);
    CHECK(sys_read((int)null, host_app(b), 10) == 0 &&
              sys_write((int)null, host_app(b), 10) == 10 &&
              sys_read((int)zero, host_app(b), 10) == 10 && b[0] == 0 &&
              sys_write((int)full, host_app(b), 1) == -ENOSPC &&
              sys_read((int)random, host_app(b), 64) == 64 &&
              sys_open(s("/dev/tty"), O_RDWR, 0) == -ENXIO &&
              sys_open(s("/dev/sda"), O_RDONLY, 0) == -ENOENT,
          "devices do what their names say");
    struct stat st;
    CHECK(sys_fstat((int)null, host_app(&st)) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == 0x103,
          "/dev/null is the character device 1:3");
    struct termios t;
    CHECK(sys_ioctl(1, TCGETS, host_app(&t).addr) == -ENOTTY, "the standard output is no terminal");
    CHECK(sys_write(1, s("to the host"), 11) == 11 && host_console_size == 11 &&
              memcmp(host_console, "to the host", 11) == 0 && sys_write(2, s("dropped"), 7) == 7 &&
              host_console_size == 11 && sys_read(0, host_app(b), 3) == 3 &&
              memcmp(b, "iii", 3) == 0,
          "standard descriptors are connected as the manifest says");
    CHECK(sys_readlink(s("/proc/self/fd/2"), host_app(b), sizeof b) == 9 &&
              memcmp(b, "/dev/null", 9) == 0 && sys_lseek(1, 0, SEEK_CUR) == -ESPIPE,
          "what is not connected is /dev/null");
    int64_t again = sys_open(s("/dev/stdout"), O_WRONLY, 0);
    CHECK(again >= 0 && sys_write((int)again, s("!"), 1) == 1 && host_console_size == 12,
          "/dev/stdout opens the standard output again");
    sys_close_range(3, ~0u, 0);
}

static void test_proc(void)
{
    char b[4096], link[256];
    CHECK(read_text("/proc/self/stat", b, sizeof b) > 0 && strncmp(b, "7 (test) R 0 7 7", 16) == 0,
          "/proc/self/stat names the process");
    int spaces = 0;
    for (const char *p = b; *p != 0; p++) {
        spaces += *p == ' ';
    }
    CHECK(spaces == 51, "/proc/self/stat has 52 fields");
    CHECK(read_text("/proc/7/status", b, sizeof b) > 0 && strstr(b, "Uid:\t1000\t1000") != NULL &&
              strstr(b, "Umask:\t0022") != NULL &&
              read_text("/proc/8/status", b, sizeof b) == -ENOENT,
          "/proc/7/status is of this process and no other");
    CHECK(read_text("/proc/thread-self/comm", b, sizeof b) == 5 && strcmp(b, "test\n") == 0 &&
              read_text("/proc/self/task/8/comm", b, sizeof b) == -ENOENT,
          "threads have folders");
    CHECK(read_text("/proc/self/cmdline", b, sizeof b) == 4 && memcmp(b, "a\0b", 4) == 0,
          "cmdline is argv");
    CHECK(read_text("/proc/self/mounts", b, sizeof b) > 0 &&
              strstr(b, "tmpfs /t tmpfs rw 0 0\n") != NULL,
          "mounts are the manifest's");
    CHECK(read_text("/sys/devices/system/cpu/online", b, sizeof b) == 4 && strcmp(b, "0-1\n") == 0,
          "processors are those of sched_getaffinity");
    CHECK(read_text("/proc/loadavg", b, sizeof b) == -ENOENT, "what nobody knows does not exist");
    int64_t f = sys_open(s("/t/a"), O_RDONLY, 0);
    base_format(b, sizeof b, "/proc/self/fd/%d", (int)f);
    int64_t n = sys_readlink(s(b), host_app(link), sizeof link);
    CHECK(n == 4 && memcmp(link, "/t/a", 4) == 0, "descriptors have links to their files");
    sys_unlink(s("/t/a"));
    n = sys_readlink(s(b), host_app(link), sizeof link);
    CHECK(n == 14 && memcmp(link, "/t/a (deleted)", 14) == 0, "links say when the file is gone");
    int64_t again = sys_open(s(b), O_RDONLY, 0);
    CHECK(again >= 0 && sys_read((int)again, host_app(link), 10) == 6, "and still open it");
    sys_close((int)again);
    sys_close((int)f);
    f = sys_open(s("/proc/self/fd"), O_RDONLY | O_DIRECTORY, 0);
    n = sys_getdents64((int)f, host_app(b), sizeof b);
    CHECK(n == 24 * 6, "/proc/self/fd lists the open descriptors, itself included");
    sys_close((int)f);
    CHECK(sys_open(s("/proc/self/new"), O_CREAT | O_RDWR, 0644) < 0 &&
              sys_unlink(s("/proc/self/stat")) < 0 &&
              sys_open(s("/proc/self/environ"), O_RDWR, 0) == -EACCES,
          "/proc cannot be changed");
    struct stat st;
    CHECK(sys_stat(s("/proc/self/fd/77"), host_app(&st)) == -ENOENT &&
              sys_stat(s("/proc/self/fd/01"), host_app(&st)) == -ENOENT &&
              sys_stat(s("/proc/self/root/t"), host_app(&st)) == 0 &&
              sys_stat(s("/proc/self/cwd/v"), host_app(&st)) == 0,
          "links of /proc lead where they should");
    f = sys_open(s("/proc/sys/kernel/random/boot_id"), O_RDONLY, 0);
    n = sys_read((int)f, host_app(b), 100);
    sys_lseek((int)f, 0, SEEK_SET);
    CHECK(n == 37 && sys_read((int)f, host_app(link), 100) == 37 && memcmp(b, link, 37) == 0 &&
              b[14] == '4',
          "boot_id is a UUID that stays");
    sys_close((int)f);
}

/* ---- inputs and outputs
 * ------------------------------------------------------------------------------------ */

static void test_inputs(void)
{
    static uint8_t got[300000];
    struct stat st = {0};
    CHECK(sys_stat(s("/in/day.json"), host_app(&st)) == 0 && st.st_size == sizeof input_data &&
              st.st_mode == (S_IFREG | 0444),
          "an input has its size before it is read");
    int64_t f = sys_open(s("/in/day.json"), O_RDONLY, 0);
    CHECK(sys_read((int)f, host_app(got), sizeof got) == sizeof input_data &&
              memcmp(got, input_data, sizeof input_data) == 0,
          "an input reads as what the host gave");
    uint8_t first = input_data[0];
    input_data[0] = 99;
    sys_lseek((int)f, 0, SEEK_SET);
    CHECK(sys_read((int)f, host_app(got), 1) == 1 && got[0] == first,
          "a host that changes its mind later changes nothing");
    input_data[0] = first;
    sys_close((int)f);
    CHECK(sys_stat(s("/in/none"), host_app(&st)) == -ENOENT,
          "an input that was not given does not exist");
    CHECK(sys_open(s("/in/day.json"), O_RDWR, 0) == -EROFS &&
              sys_truncate(s("/in/day.json"), 0) == -EROFS &&
              sys_unlink(s("/in/day.json")) == -EROFS && sys_unlink(s("/t/unread")) == -EBUSY &&
              sys_open(s("/in/other"), O_CREAT | O_RDWR, 0644) == -EROFS,
          "inputs cannot be changed or removed");
    f = sys_open(s("/out/out.json"), O_RDWR | O_CREAT | O_TRUNC, 0644);
    CHECK(f >= 0 && sys_write((int)f, host_app(got), 100000) == 70000 &&
              sys_write((int)f, host_app(got), 1) == -EFBIG &&
              sys_ftruncate((int)f, 70001) == -EFBIG && sys_ftruncate((int)f, 65537) == 0,
          "an output grows to what the manifest allows");
    sys_close((int)f);
    CHECK(sys_open(s("/out/more"), O_CREAT | O_RDWR, 0644) == -EROFS &&
              sys_unlink(s("/out/out.json")) == -EROFS,
          "only declared outputs exist");
    static struct run_claims claims;
    struct diag d;
    uint8_t want[32];
    CHECK(fs_finish(&claims, &d) == 0 && claims.input_count == 2 && claims.output_count == 2,
          "claims name the inputs that were given and all outputs");
    struct rt_sha256_state h;
    bool right = true;
    struct bytes all[4] = {BYTES(input_data, sizeof input_data), BYTES(input_data, 10),
                           BYTES(got, 65537), BYTES(got, 0)};
    uint8_t *hashes[4] = {claims.inputs[0].sha256, claims.inputs[1].sha256,
                          claims.outputs[0].sha256, claims.outputs[1].sha256};
    for (int i = 0; i < 4; i++) {
        rt_sha256_init(&h);
        rt_sha256_update(&h, all[i]);
        rt_sha256_final(&h, want);
        right = right && memcmp(want, hashes[i], 32) == 0;
    }
    CHECK(right && bytes_equal_str(claims.inputs[1].name, "unread"),
          "hashes are of what the workload could see and what the host got, opened or not");
    CHECK(host_outputs[0].size == 65537 && memcmp(host_outputs[0].data, got, 65537) == 0 &&
              host_outputs[1].size == 0,
          "outputs reach the host");
}

int main(void)
{
    start();
    test_descriptors();
    test_vectors();
    test_limits();
    test_pipes();
    test_polling();
    test_devices();
    int64_t f = sys_open(s("/t/a"), O_RDWR | O_CREAT | O_TRUNC, 0644);
    sys_write((int)f, s("hello!"), 6);
    sys_close((int)f);
    test_proc();
    test_inputs();
    return tap_done();
}
