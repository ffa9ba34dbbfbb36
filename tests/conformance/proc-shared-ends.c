/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that processes share, where it is hard: who holds it is killed, stopped, forks, maps and
 * protects; two want the same pages at once; calls reach into what is elsewhere; files shrink. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096u

static char *map(int fd, size_t size)
{
    char *p =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
    if (p == MAP_FAILED) {
        printf("mmap: %s\n", strerrorname_np(errno));
        exit(1);
    }
    return p;
}

static pid_t child(void (*f)(void *), void *arg)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        f(arg);
        _exit(0);
    }
    return pid;
}

static int ended(pid_t pid)
{
    int status = -1;
    return waitpid(pid, &status, 0) == pid ? status : -1;
}

static int told[2];

static void tell(void)
{
    if (write(told[1], "x", 1) != 1) {
        _exit(9);
    }
}

static void hear(void)
{
    char c;
    if (read(told[0], &c, 1) != 1) {
        printf("nobody told\n");
    }
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void write_and_compute(void *arg)
{
    char *p = arg;
    strcpy(p, "written");
    strcpy(p + 3 * PAGE, "also");
    tell();
    for (volatile int i = 0;; i++) {
    }
}

static void keep_writing(void *arg)
{
    atomic_int *n = arg;
    atomic_store(n, 1);
    tell();
    for (;;) {
        atomic_fetch_add(n, 1);
    }
}

static void killed(void)
{
    char *p = map(-1, 4 * PAGE);
    pid_t pid = child(write_and_compute, p);
    hear();
    kill(pid, SIGKILL);
    int status = ended(pid);
    printf("killed: %#x, %s %s\n", (unsigned)status, p, p + 3 * PAGE);
    memset(p, 0, 4 * PAGE);
    pid = child(write_and_compute, p);
    hear();
    kill(pid, SIGSTOP);
    waitpid(pid, &status, WUNTRACED);
    printf("stopped: %#x, %s\n", (unsigned)status, p);
    kill(pid, SIGKILL);
    status = ended(pid);
    printf("then killed: %#x, %s\n", (unsigned)status, p + 3 * PAGE);
    pid = child(keep_writing, p);
    hear();
    kill(pid, SIGTERM);
    status = ended(pid);
    int at_end = atomic_load((atomic_int *)(void *)p);
    printf("terminated: %#x, wrote %d, then nothing: %d\n", (unsigned)status, at_end > 0,
           atomic_load((atomic_int *)(void *)p) == at_end);
    munmap(p, 4 * PAGE);
}

/* ---- turns ----------------------------------------------------------------------------------- */

static void take_turns(atomic_uint *word, unsigned mine)
{
    for (unsigned i = 0; i < 100; i++) {
        while (atomic_load(word) % 2 != mine) {
        }
        atomic_fetch_add(word, 1);
    }
}

static void odd_turns(void *arg)
{
    take_turns(arg, 1);
}

/* Each load and store lies in two pages, which the other wants, too. */
static void across(void *arg)
{
    char *a = (char *)arg + PAGE - 4, *b = (char *)arg + 3 * PAGE - 4;
    for (int i = 0; i < 300; i++) {
        uint64_t v;
        memcpy(&v, a, 8);
        __asm__ volatile("" : "+r"(v));
        v = v & 1 ? v : v + 2;
        memcpy(b, &v, 8);
    }
}

static void turns(void)
{
    char *p = map(-1, 4 * PAGE);
    pid_t pid = child(odd_turns, p);
    take_turns((atomic_uint *)(void *)p, 0);
    int status = ended(pid);
    printf("turns: %u, %d\n", atomic_load((atomic_uint *)(void *)p), status);
    pid_t one = child(across, p), two = child(across, p);
    across(p);
    status = ended(one) | ended(two);
    uint64_t v;
    memcpy(&v, p + 3 * PAGE - 4, 8);
    printf("across: %d, %ju\n", status, (uintmax_t)v);
    munmap(p, 4 * PAGE);
}

/* ---- calls ----------------------------------------------------------------------------------- */

#define PAGES 100u

static void touch_all(void *arg)
{
    char *p = arg;
    for (unsigned i = 0; i < PAGES; i++) {
        p[i * PAGE + 17] = 'c';
    }
    tell();
    for (;;) {
        for (unsigned i = 0; i < PAGES; i += 3) {
            atomic_fetch_add((atomic_int *)(void *)(p + i * PAGE + 64), 1);
        }
    }
}

/* Reads and writes of many pages, of which another process has some now and wants them back. */
static void calls(void)
{
    char *p = map(-1, PAGES * PAGE), *text = malloc(PAGES * PAGE);
    int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600), bad = 0;
    pid_t pid = child(touch_all, p);
    hear();
    ssize_t n = write(fd, p, PAGES * PAGE), m = pread(fd, text, PAGES * PAGE, 0);
    for (unsigned i = 0; i < PAGES; i++) {
        bad += text[i * PAGE + 17] != 'c';
    }
    printf("write: %zd %zd, %d bad\n", n, m, bad);
    memset(text, 'd', PAGES * PAGE);
    m = pwrite(fd, text, PAGES * PAGE, 0);
    n = pread(fd, p, PAGES * PAGE, 0);
    kill(pid, SIGKILL);
    ended(pid);
    bad = 0;
    for (unsigned i = 0; i < PAGES; i++) {
        bad += p[i * PAGE + 17] != 'd';
    }
    printf("read: %zd %zd, %d bad\n", m, n, bad);
    close(fd);
    free(text);
    munmap(p, PAGES * PAGE);
}

/* ---- files ----------------------------------------------------------------------------------- */

static sigjmp_buf back;

static void caught(int signo)
{
    siglongjmp(back, signo);
}

/* 0, or the signal that a write there raises. */
static int raised(char *at)
{
    signal(SIGBUS, caught);
    signal(SIGSEGV, caught);
    int signo = sigsetjmp(back, 1);
    if (signo == 0) {
        *(volatile char *)at = 'w';
    }
    return signo;
}

static int file;

static void shrink(void *arg)
{
    (void)arg;
    char *p = map(file, 3 * PAGE);
    p[0] = 'a';
    p[2 * PAGE] = 'b';
    tell();
    while (*(volatile char *)p != 'A') {
    }
    int behind = raised(p + 2 * PAGE), last = p[100];
    if (ftruncate(file, 3 * PAGE) != 0) {
        _exit(8);
    }
    const int grown = p[2 * PAGE], can = raised(p + 2 * PAGE);
    printf("shrunk: %s, %d; grown: %d %s\n", sigabbrev_np(behind), last, grown,
           can == 0 ? "good" : "bad");
    mprotect(p, PAGE, PROT_READ);
    printf("read only: %s\n", sigabbrev_np(raised(p)));
    mprotect(p, PAGE, PROT_NONE);
    madvise(p + 2 * PAGE, PAGE, MADV_DONTNEED);
    printf("and there: %c\n", p[2 * PAGE]);
    fflush(stdout);
    tell();
    pause();
}

static void files(void)
{
    char c = 0;
    file = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    if (ftruncate(file, 3 * PAGE) != 0 || pwrite(file, "zz", 2, 99) != 2) {
        printf("file: %s\n", strerrorname_np(errno));
    }
    pid_t pid = child(shrink, NULL);
    hear();
    if (ftruncate(file, 100) != 0 || pwrite(file, "A", 1, 0) != 1) {
        printf("truncate: %s\n", strerrorname_np(errno));
    }
    hear();
    ssize_t n = pread(file, &c, 1, 0);
    printf("of a page without rights: %zd %c\n", n, c);
    kill(pid, SIGKILL);
    ended(pid);
    n = pread(file, &c, 1, 2 * PAGE);
    printf("after the end: %zd %c\n", n, c);
    close(file);
    int zero = open("/dev/zero", O_RDWR);
    char *p = map(zero, PAGE);
    atomic_uint *word = (atomic_uint *)(void *)p;
    pid = child(odd_turns, word);
    take_turns(word, 0);
    int status = ended(pid);
    printf("/dev/zero: %d %u\n", status, atomic_load(word));
    close(zero);
    void *all =
        mmap(NULL, (size_t)1 << 42, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    printf("too much: %s\n", all == MAP_FAILED ? strerrorname_np(errno) : "there");
}

/* ---- families -------------------------------------------------------------------------------- */

static void *count(void *arg)
{
    for (int i = 0; i < 500; i++) {
        atomic_fetch_add((atomic_int *)arg, 1);
    }
    return NULL;
}

static void count_once(void *arg)
{
    count(arg);
}

/* Forks while its other threads use what is shared. */
static void family(void *arg)
{
    pthread_t threads[2];
    pid_t pids[3];
    for (int i = 0; i < 2; i++) {
        pthread_create(&threads[i], NULL, count, arg);
    }
    for (int i = 0; i < 3; i++) {
        pids[i] = child(count_once, arg);
    }
    for (int i = 0; i < 3; i++) {
        waitpid(pids[i], NULL, 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
}

static void families(void)
{
    char *p = map(-1, PAGE);
    pid_t one = child(family, p), two = child(family, p);
    family(p);
    int status = ended(one) | ended(two);
    printf("families: %d, %d\n", status, atomic_load((atomic_int *)(void *)p));
    munmap(p, PAGE);
}

/* ---- programs -------------------------------------------------------------------------------- */

static int other_program(void)
{
    int fd = shm_open("/proc-shared-ends", O_RDWR, 0);
    sem_t *ready = sem_open("/proc-shared-ready", 0), *done = sem_open("/proc-shared-done", 0);
    if (fd < 0 || ready == SEM_FAILED || done == SEM_FAILED) {
        return 3;
    }
    char *p = map(fd, 2 * PAGE);
    for (int i = 0; i < 50; i++) {
        sem_wait(ready);
        p[PAGE + i] = (char)(p[i] + 1);
        sem_post(done);
    }
    return 0;
}

/* What other programs find by its name. */
static void programs(void)
{
    int fd = shm_open("/proc-shared-ends", O_RDWR | O_CREAT | O_EXCL, 0600), good = 0;
    sem_t *ready = sem_open("/proc-shared-ready", O_CREAT | O_EXCL, 0600, 0);
    sem_t *done = sem_open("/proc-shared-done", O_CREAT | O_EXCL, 0600, 0);
    if (fd < 0 || ftruncate(fd, 2 * PAGE) != 0 || ready == SEM_FAILED || done == SEM_FAILED) {
        printf("names: %s\n", strerrorname_np(errno));
        return;
    }
    char *p = map(fd, 2 * PAGE);
    fflush(stdout);
    pid_t pid = vfork();
    if (pid == 0) {
        execl("/proc/self/exe", "program", "other", (char *)NULL);
        _exit(4);
    }
    for (int i = 0; i < 50; i++) {
        p[i] = (char)i;
        sem_post(ready);
        sem_wait(done);
        good += p[PAGE + i] == i + 1;
    }
    printf("programs: %d good, %d\n", good, ended(pid));
    shm_unlink("/proc-shared-ends");
    sem_unlink("/proc-shared-ready");
    sem_unlink("/proc-shared-done");
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        return other_program();
    }
    if (pipe(told) != 0) {
        return 1;
    }
    killed();
    turns();
    calls();
    files();
    families();
    programs();
    return 42;
}
