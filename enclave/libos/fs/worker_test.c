/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's standard streams: a pipe that was filled and closed, and two that never fill up.
 * Nothing of them gets to the console. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "test_host.h"
#include "tests/tap.h"

static struct manifest manifest;
static uint8_t out[1u << 21], err[1u << 10];

static app_ptr s(const char *text)
{
    return host_app(text);
}

static void start(void)
{
    struct diag d;
    manifest = (struct manifest){.cwd = BYTES_STR("/"),
                                 .stdin_task = true,
                                 .stdout_result = true,
                                 .stderr_result = true,
                                 .uid = 1000,
                                 .gid = 1000};
    host_result[1] = writer_of(out, sizeof out);
    host_result[2] = writer_of(err, sizeof err);
    int r = fs_start(&manifest, &d);
    if (r != 0) {
        printf("# %s\n", d.text);
    }
    REQUIRE(r == 0);
}

static void test_task(void)
{
    char b[32] = "";
    struct stat st;
    CHECK(sys_fstat(0, host_app(&st)) == 0 && S_ISFIFO(st.st_mode) && st.st_uid == 1000,
          "the task is a pipe of the workload's");
    CHECK(sys_lseek(0, 0, SEEK_SET) == -ESPIPE && sys_pread64(0, host_app(b), 1, 0) == -ESPIPE,
          "it has no positions");
    CHECK(sys_write(0, s("x"), 1) == -EBADF, "nobody writes there");
    CHECK(sys_read(0, app_at(16), 4) == -EFAULT && host_task.size == 8,
          "a read into nothing takes nothing");
    struct iovec parts[2] = {{b, 1}, {b + 1, 2}};
    CHECK(sys_read(0, host_app(b + 3), 0) == 0 && sys_readv(0, host_app(parts), 2) == 3 &&
              memcmp(b, "the", 3) == 0,
          "it is read in parts");
    int64_t copy = sys_dup(0), again = sys_open(s("/proc/self/fd/0"), O_RDONLY, 0);
    CHECK(copy > 2 && again > 2 && sys_read((int)copy, host_app(b), 1) == 1 &&
              sys_read((int)again, host_app(b + 1), 2) == 2 && memcmp(b, " ta", 3) == 0,
          "copies and the name go on where it was");
    CHECK(sys_open(s("/dev/stdin"), O_WRONLY, 0) == -EACCES, "for writing it has no name");
    CHECK(sys_close(0) == 0 && sys_read((int)again, host_app(b), sizeof b) == 2 &&
              memcmp(b, "sk", 2) == 0 && sys_read((int)again, host_app(b), sizeof b) == 0 &&
              sys_read((int)copy, host_app(b), sizeof b) == 0,
          "it ends, for all of them, and for good");
    struct pollfd p = {.fd = (int)again, .events = POLLIN};
    CHECK(sys_poll(host_app(&p), 1, 0) == 1 && (p.revents & POLLIN) != 0, "its end can be polled");
}

static void test_result(void)
{
    static char big[1u << 20];
    char b[4];
    memset(big, 'x', sizeof big);
    CHECK(sys_write(1, s("answer"), 6) == 6 && sys_write(2, s("why"), 3) == 3 &&
              host_result[1].size == 6 && memcmp(out, "answer", 6) == 0 &&
              host_result[2].size == 3 && memcmp(err, "why", 3) == 0,
          "output and errors are collected");
    CHECK(sys_read(1, host_app(b), 1) == -EBADF && sys_lseek(1, 0, SEEK_CUR) == -ESPIPE,
          "output cannot be read back");
    int64_t name = sys_open(s("/dev/stdout"), O_WRONLY | O_APPEND, 0);
    CHECK(name == 0 && sys_write((int)name, s("!"), 1) == 1 && out[6] == '!', "output has a name");
    CHECK(sys_dup2(1, 2) == 2 && sys_write(2, s("?"), 1) == 1 && out[7] == '?' &&
              host_result[2].size == 3,
          "errors can go where output goes");
    CHECK(sys_write(1, host_app(big), sizeof big) == sizeof big &&
              host_result[1].size == 8 + sizeof big && out[8 + sizeof big - 1] == 'x',
          "a large write is one write");
    CHECK(sys_write(1, app_at(16), 4) == -EFAULT && host_result[1].size == 8 + sizeof big,
          "a write from nothing gives nothing");
    CHECK(host_console_size == 0, "the console saw nothing of it");
}

int main(void)
{
    start();
    test_task();
    test_result();
    return tap_done();
}
