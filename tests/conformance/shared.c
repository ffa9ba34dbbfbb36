/* SPDX-License-Identifier: Apache-2.0 */
/* Shared mappings of files in memory: with each other, with read and write, beyond the end of the
 * file, and with many threads. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE 4096u

static sigjmp_buf back;
static int last_signal, last_code;

static void on_fault(int signo, siginfo_t *info, void *context)
{
    (void)context;
    last_signal = signo;
    last_code = info->si_code;
    siglongjmp(back, 1);
}

static const char *touch(volatile char *p)
{
    static char text[32];
    if (sigsetjmp(back, 1) == 0) {
        (void)*p;
        return "there";
    }
    snprintf(text, sizeof text, "signal %d code %d", last_signal, last_code);
    return text;
}

static const char *store(volatile char *p)
{
    static char text[32];
    if (sigsetjmp(back, 1) == 0) {
        *p = 1;
        return "written";
    }
    snprintf(text, sizeof text, "signal %d code %d", last_signal, last_code);
    return text;
}

static char *map(int fd, size_t size, int prot, int flags, off_t offset)
{
    char *p = mmap(NULL, size, prot, flags, fd, offset);
    if (p == MAP_FAILED) {
        printf("mmap: %s\n", strerrorname_np(errno));
        return NULL;
    }
    return p;
}

static void with_files(int fd)
{
    char text[64];
    char *p = map(fd, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
    memcpy(p, "written through the mapping", 28);
    pread(fd, text, 28, 0);
    printf("read sees it: %s\n", text);
    pwrite(fd, "WRITE", 5, 0);
    printf("the mapping sees write: %s\n", p);
    pwrite(fd, p + 8, 7, 16); /* out of the page into itself */
    printf("written from the mapping: %s\n", p);
    pread(fd, p + 32, 5, 0);
    printf("read into the mapping: %.5s\n", p + 32);
    struct iovec parts[2] = {{p + 2 * PAGE, 3}, {p + PAGE, 4}};
    printf("readv into untouched pages: %zd\n", preadv(fd, parts, 2, 0));
    printf("%.3s %.4s\n", p + 2 * PAGE, p + PAGE);
    char *private = map(fd, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
    private[0] = '!';
    printf("private: %.5s, shared: %.5s\n", private, p);
    munmap(private, PAGE);
    ftruncate(fd, PAGE + 100);
    printf("third page, file cut: %s\n", touch(p + 2 * PAGE));
    printf("second page: %s\n", touch(p + PAGE + 50));
    p[PAGE + 200] = 'x'; /* behind the end, in its last page */
    ftruncate(fd, 3 * PAGE);
    printf("grown again: %s, %d\n", touch(p + 2 * PAGE), p[2 * PAGE]);
    p[2 * PAGE] = 'z';
    fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 3 * PAGE);
    printf("after a hole was punched: %d %d\n", p[0], p[2 * PAGE]);
    printf("msync: %d %d\n", msync(p, 3 * PAGE, MS_SYNC), msync(p, PAGE, MS_ASYNC | MS_SYNC));
    p[PAGE] = 'k';
    printf("forgotten: %d, still %c\n", madvise(p, 3 * PAGE, MADV_DONTNEED), p[PAGE]);
    munmap(p, 3 * PAGE);
    pread(fd, text, 1, PAGE);
    printf("after munmap: %c\n", text[0]);
}

static void with_each_other(int fd, const char *path)
{
    int reading = open(path, O_RDONLY), writing = open(path, O_WRONLY);
    char *a = map(fd, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
    char *b = map(reading, PAGE, PROT_READ, MAP_SHARED, PAGE);
    char *c = map(fd, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
    strcpy(a + PAGE, "one file");
    printf("%s, %s\n", b, c + PAGE);
    strcpy(c + PAGE, "two names");
    printf("%s, %s\n", b, a + PAGE);
    printf("reading only: %s\n", store(b));
    printf("mprotect: %s\n",
           mprotect(b, PAGE, PROT_READ | PROT_WRITE) == 0 ? "0" : strerrorname_np(errno));
    printf("none: %d, ", mprotect(a, 2 * PAGE, PROT_NONE));
    printf("%s, ", touch(a + PAGE));
    printf("the others: %s\n", b);
    mprotect(a, 2 * PAGE, PROT_READ | PROT_WRITE);
    printf("again: %s\n", a + PAGE);
    strcpy(a, "moves");
    char *d = mremap(a, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE);
    printf("moved: %s, %s, beyond: %s\n", d, d + PAGE, touch(d + 3 * PAGE + 5));
    munmap(d, 4 * PAGE);
    printf("left: %s\n", c);
    map(writing, PAGE, PROT_READ, MAP_SHARED, 0);
    map(writing, PAGE, PROT_WRITE, MAP_SHARED, 0);
    map(reading, PAGE, PROT_WRITE, MAP_SHARED, 0);
    munmap(b, PAGE);
    munmap(c, 2 * PAGE);
    close(reading);
    close(writing);
}

#define ROUNDS 2000
static char *first, *second;
static int descriptor;

static void *count(void *arg)
{
    size_t which = (size_t)arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        atomic_fetch_add((_Atomic unsigned *)(void *)((which % 2 == 0 ? first : second) + 128), 1);
    }
    return NULL;
}

static void *disturb(void *arg)
{
    unsigned bad = 0, n;
    for (unsigned i = 0; i < 300; i++) {
        unsigned before = 0;
        pread(descriptor, &n, sizeof n, 128);
        bad += n < before || n > 2 * ROUNDS;
        pwrite(descriptor, "mark", 4, 2048);
        bad += memcmp(first + 2048, "mark", 4) != 0;
    }
    *(unsigned *)arg = bad;
    return NULL;
}

static void with_threads(int fd)
{
    pthread_t threads[3];
    unsigned bad = 0;
    descriptor = fd;
    pwrite(fd, "\0\0\0\0", 4, 128);
    first = map(fd, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
    second = map(fd, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
    for (size_t i = 0; i < 2; i++) {
        pthread_create(&threads[i], NULL, count, (void *)i);
    }
    pthread_create(&threads[2], NULL, disturb, &bad);
    for (size_t i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    printf("counted %u, bad %u\n", *(unsigned *)(void *)(second + 128), bad);
    munmap(first, PAGE);
    munmap(second, PAGE);
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    char path[] = "/tmp/shared-XXXXXX";
    int fd = mkstemp(path);
    sigaction(SIGBUS, &action, NULL);
    sigaction(SIGSEGV, &action, NULL);
    ftruncate(fd, 3 * PAGE);
    with_files(fd);
    with_each_other(fd, path);
    with_threads(fd);
    /* Large and mostly empty: only what is touched is there. */
    ftruncate(fd, UINT64_C(6) << 30);
    char *big = map(fd, UINT64_C(6) << 30, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
    big[(UINT64_C(5) << 30) + 7] = 'm';
    char c = 0;
    pread(fd, &c, 1, (INT64_C(5) << 30) + 7);
    printf("in the middle of much: %c\n", c);
    munmap(big, UINT64_C(6) << 30);
    unlink(path);
    fd = memfd_create("x", 0);
    ftruncate(fd, PAGE);
    char *m = map(fd, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
    close(fd);
    strcpy(m, "memfd outlives its descriptor");
    puts(m);
    return 42;
}
