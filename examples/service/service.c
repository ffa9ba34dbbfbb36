/* SPDX-License-Identifier: Apache-2.0 */
/* A service in an enclave that lives as long as its host talks to it, in frames over standard input
 * and output (docs/formats/service-frames.md). It proves who it is, and checks who others are:
 *
 *   "t"                              its TARGETINFO, 512 bytes
 *   "r" TARGETINFO, 64 bytes of data its REPORT for that enclave, 432 bytes
 *   "q" 64 bytes of data             a quote over them
 *   "c" REPORT                       "ok" or "no": was it made for this enclave, on this machine?
 *
 * Whatever else comes is answered by an empty frame. libos/service.py is the same in Python. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define D         "/dev/attestation/"
#define FRAME_MAX 65536u

static uint8_t frame[FRAME_MAX];

#define END    (-1) /* between two frames */
#define BROKEN (-2) /* in one, or it is too long */

/* Size of the next message in frame. The host chooses the length: look before use. */
static long receive(void)
{
    uint32_t n; /* little endian, as this processor */
    size_t got = fread(&n, 1, sizeof n, stdin);
    if (got == 0) {
        return END;
    }
    if (got != sizeof n || n > sizeof frame || fread(frame, 1, n, stdin) != n) {
        return BROKEN;
    }
    return (long)n;
}

static int answer(const void *data, long size)
{
    uint32_t n = size > 0 ? (uint32_t)size : 0;
    return fwrite(&n, sizeof n, 1, stdout) == 1 && fwrite(data, 1, n, stdout) == n &&
           fflush(stdout) == 0;
}

static long put(const char *path, const void *data, size_t size)
{
    int fd = open(path, O_WRONLY);
    long n = fd < 0 ? -1 : write(fd, data, size);
    close(fd);
    return n == (long)size ? 0 : -1;
}

static long get(const char *path)
{
    int fd = open(path, O_RDONLY);
    long n = fd < 0 ? -1 : read(fd, frame, sizeof frame);
    close(fd);
    return n;
}

/* Leaves the answer in frame and returns its size. */
static long serve(long n)
{
    if (n == 1 && frame[0] == 't') {
        return get(D "my_target_info");
    }
    if (n == 1 + 512 + 64 && frame[0] == 'r') {
        return put(D "target_info", frame + 1, 512) == 0 &&
                       put(D "user_report_data", frame + 513, 64) == 0
                   ? get(D "report")
                   : -1;
    }
    if (n == 1 + 64 && frame[0] == 'q') {
        return put(D "user_report_data", frame + 1, 64) == 0 ? get(D "quote") : -1;
    }
    if (n == 1 + 432 && frame[0] == 'c') {
        memcpy(frame, put(D "check_report", frame + 1, 432) == 0 ? "ok" : "no", 2);
        return 2;
    }
    return -1;
}

int main(void)
{
    long n;
    while ((n = receive()) >= 0) {
        if (!answer(frame, serve(n))) {
            return 1;
        }
    }
    return n == END ? 0 : 1;
}
