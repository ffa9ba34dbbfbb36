/* SPDX-License-Identifier: Apache-2.0 */
/* Files in memory: seals, and where data and holes are. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *answer(long r)
{
    static char text[8][32];
    static unsigned next;
    char *t = text[next++ % 8];
    snprintf(t, sizeof text[0], "%ld%s%s", r < 0 ? -1 : r, r < 0 ? " " : "",
             r < 0 ? strerrorname_np(errno) : "");
    return t;
}

static int try_map(int fd, int prot, int flags)
{
    void *p = mmap(NULL, 4096, prot, flags, fd, 0);
    if (p == MAP_FAILED) {
        return -1;
    }
    munmap(p, 4096);
    return 0;
}

static void seals(void)
{
    char text[64];
    int plain = memfd_create("plain", 0),
        fd = memfd_create("sealable", MFD_ALLOW_SEALING | MFD_CLOEXEC);
    printf("plain: %s, add %s\n", answer(fcntl(plain, F_GET_SEALS)),
           answer(fcntl(plain, F_ADD_SEALS, F_SEAL_WRITE)));
    printf("sealable: %s, cloexec %s\n", answer(fcntl(fd, F_GET_SEALS)),
           answer(fcntl(fd, F_GETFD)));
    printf("write %s\n", answer(write(fd, "hello", 5)));
    printf("shrink: %s %s %s\n", answer(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK)),
           answer(ftruncate(fd, 3)), answer(ftruncate(fd, 8000)));
    printf("grow: %s %s", answer(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW)), answer(ftruncate(fd, 9000)));
    printf(" %s", answer(pwrite(fd, "0123456789", 10, 7995)));
    printf(" %s", answer(pwrite(fd, "01234", 5, 7995)));
    printf(" %s", answer(pwrite(fd, "x", 1, 8000)));
    printf(" %s\n", answer(fallocate(fd, 0, 0, 9000)));
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    printf("mapped: %s\n", answer(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)));
    memcpy(p, "HELLO", 5);
    munmap(p, 4096);
    printf("write: %s", answer(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)));
    printf(" %s", answer(pwrite(fd, "x", 1, 0)));
    printf(" %s", answer(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096)));
    printf(" %s", answer(try_map(fd, PROT_READ | PROT_WRITE, MAP_SHARED)));
    printf(" %s", answer(try_map(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE)));
    printf(" read %s %.5s\n", answer(pread(fd, text, 5, 0)), text);
    printf("all: %s %s %s\n", answer(fcntl(fd, F_GET_SEALS)),
           answer(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL)),
           answer(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL)));
    printf("unknown: %s, a pipe: ",
           answer(fcntl(memfd_create("u", MFD_ALLOW_SEALING), F_ADD_SEALS, 0x8000)));
    int ends[2];
    if (pipe(ends) == 0) {
        printf("%s", answer(fcntl(ends[0], F_GET_SEALS)));
    }
    int file = open("/tmp/memfiles-seal", O_CREAT | O_RDWR, 0600);
    unlink("/tmp/memfiles-seal");
    close(file);
    snprintf(text, sizeof text, "/proc/self/fd/%d", fd);
    int reader = open(text, O_RDONLY);
    int open_one = memfd_create("v", MFD_ALLOW_SEALING);
    snprintf(text, sizeof text, "/proc/self/fd/%d", open_one);
    int read_only = open(text, O_RDONLY);
    printf("\nread only: %s %s %s\n", answer(fcntl(reader, F_GET_SEALS)),
           answer(fcntl(read_only, F_ADD_SEALS, F_SEAL_GROW)),
           answer(fcntl(read_only, F_GET_SEALS)));
}

static void holes(void)
{
    int fd = memfd_create("holes", 0);
    (void)!pwrite(fd, "a", 1, 0);
    (void)!pwrite(fd, "b", 1, 3 * 4096 + 5);
    ftruncate(fd, 10 * 4096 + 7);
    static const off_t from[] = {
        0, 1, 4095, 4096, 5000, 3 * 4096, 3 * 4096 + 5, 4 * 4096, 10 * 4096 + 6};
    for (size_t i = 0; i < sizeof from / sizeof from[0]; i++) {
        printf("from %ld: data %s, hole %s\n", (long)from[i], answer(lseek(fd, from[i], SEEK_DATA)),
               answer(lseek(fd, from[i], SEEK_HOLE)));
    }
    printf("end: %s %s, before: %s\n", answer(lseek(fd, 10 * 4096 + 7, SEEK_DATA)),
           answer(lseek(fd, 10 * 4096 + 7, SEEK_HOLE)), answer(lseek(fd, -1, SEEK_DATA)));
    fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096);
    printf("punched: %s\n", answer(lseek(fd, 0, SEEK_DATA)));
}

int main(void)
{
    seals();
    holes();
    return 42;
}
