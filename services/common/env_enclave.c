/* SPDX-License-Identifier: Apache-2.0 */
/* The world of a service behind the shim door (docs/formats/dev-attestation.md). */
#include "services/env.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define FOLDER "/dev/attestation/"

static int write_file(const char *path, const void *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    ssize_t n = write(fd, data, size); /* one write is one value */
    int err = n < 0 ? -errno : (size_t)n == size ? 0 : -EIO;
    close(fd);
    return err;
}

/* At most capacity bytes; how many there were in *ret_size. */
static int read_file(const char *path, uint8_t *ret, size_t capacity, size_t *ret_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    size_t got = 0;
    ssize_t n = 1;
    while (n > 0 && got < capacity) {
        n = read(fd, ret + got, capacity - got);
        got += n > 0 ? (size_t)n : 0;
    }
    int err = n < 0 ? -errno : 0;
    close(fd);
    *ret_size = got;
    return err;
}

static int target_info(void *context, uint8_t ret[512])
{
    (void)context;
    size_t size;
    int err = read_file(FOLDER "my_target_info", ret, 512, &size);
    return err != 0 ? err : size == 512 ? 0 : -EIO;
}

static int quote(void *context, const uint8_t report_data[64], uint8_t *ret, size_t capacity,
                 size_t *ret_size)
{
    (void)context;
    int err = write_file(FOLDER "user_report_data", report_data, 64);
    return err != 0 ? err : read_file(FOLDER "quote", ret, capacity, ret_size);
}

static int check_report(void *context, const uint8_t report[432])
{
    (void)context;
    return write_file(FOLDER "check_report", report, 432);
}

/* Behind the shim door this is RDRAND, answered in the enclave. */
static int fill_random(void *context, uint8_t *ret, size_t size)
{
    (void)context;
    while (size > 0) {
        ssize_t n = getrandom(ret, size, 0);
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        if (n > 0) {
            ret += n;
            size -= (size_t)n;
        }
    }
    return 0;
}

static int64_t time_s(void *context)
{
    (void)context;
    struct timespec t = {0};
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec;
}

static uint64_t clock_ms(void *context)
{
    (void)context;
    struct timespec t = {0};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

const struct service_env service_env_enclave = {
    .target_info = target_info,
    .quote = quote,
    .check_report = check_report,
    .random = fill_random,
    .time_s = time_s,
    .clock_ms = clock_ms,
};
