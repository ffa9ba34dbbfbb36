/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that processes share: made before fork and after, anonymous and of files, with atomics,
 * futexes and the pthread and semaphore objects on them, seen by read and write, unmapped, and at
 * the end of processes. */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u

static char *shared(size_t size)
{
    char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        printf("mmap: %s\n", strerrorname_np(errno));
        exit(1);
    }
    return p;
}

/* Runs it in a child; prints nothing there. */
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

static void ended(pid_t pid)
{
    int status = -1;
    if (waitpid(pid, &status, 0) != pid || status != 0) {
        printf("a child ended with %#x\n", (unsigned)status);
    }
}

static void count(void *arg)
{
    atomic_int *n = arg;
    for (int i = 0; i < 2000; i++) {
        atomic_fetch_add(n, 1);
    }
}

static void counter(void)
{
    char *p = shared(4 * PAGE);
    atomic_int *n = (atomic_int *)(void *)(p + PAGE + 8);
    atomic_store(n, 5);
    strcpy(p + 3 * PAGE, "from before");
    pid_t a = child(count, n), b = child(count, n);
    count(n);
    ended(a);
    ended(b);
    printf("counter %d, %s\n", atomic_load(n), p + 3 * PAGE);
    munmap(p, 4 * PAGE);
}

static long futex(atomic_uint *at, int op, unsigned value)
{
    return syscall(SYS_futex, at, op, value, NULL, NULL, 0);
}

static void pong(void *arg)
{
    atomic_uint *word = arg;
    for (unsigned i = 0; i < 50; i++) {
        while (atomic_load(word) != 2 * i + 1) {
            futex(word, FUTEX_WAIT, 2 * i);
        }
        atomic_store(word, 2 * i + 2);
        futex(word, FUTEX_WAKE, 1);
    }
}

static void ping_pong(void)
{
    atomic_uint *word = (atomic_uint *)(void *)shared(PAGE);
    pid_t pid = child(pong, word);
    for (unsigned i = 0; i < 50; i++) {
        atomic_store(word, 2 * i + 1);
        futex(word, FUTEX_WAKE, 1);
        while (atomic_load(word) != 2 * i + 2) {
            futex(word, FUTEX_WAIT, 2 * i + 1);
        }
    }
    ended(pid);
    const struct timespec soon = {0, 20000000};
    long r = syscall(SYS_futex, word, FUTEX_WAIT, 100, &soon, NULL, 0);
    printf("ping pong to %u, then %ld %s\n", atomic_load(word), r, strerrorname_np(errno));
    r = futex(word, FUTEX_WAIT, 5);
    printf("another value: %ld %s\n", r, strerrorname_np(errno));
    munmap(word, PAGE);
}

struct objects {
    sem_t sem;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    pthread_barrier_t barrier;
    int turn, sum;
};

static void use_objects(void *arg)
{
    struct objects *o = arg;
    sem_wait(&o->sem);
    for (int i = 0; i < 100; i++) {
        pthread_mutex_lock(&o->mutex);
        o->sum++;
        pthread_mutex_unlock(&o->mutex);
    }
    pthread_mutex_lock(&o->mutex);
    o->turn++;
    pthread_cond_broadcast(&o->cond);
    while (o->turn < 3) {
        pthread_cond_wait(&o->cond, &o->mutex);
    }
    pthread_mutex_unlock(&o->mutex);
    pthread_barrier_wait(&o->barrier);
}

static void objects(void)
{
    struct objects *o = (struct objects *)(void *)shared(sizeof *o);
    pthread_mutexattr_t m;
    pthread_condattr_t c;
    pthread_barrierattr_t b;
    pthread_mutexattr_init(&m);
    pthread_mutexattr_setpshared(&m, PTHREAD_PROCESS_SHARED);
    pthread_condattr_init(&c);
    pthread_condattr_setpshared(&c, PTHREAD_PROCESS_SHARED);
    pthread_barrierattr_init(&b);
    pthread_barrierattr_setpshared(&b, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&o->mutex, &m);
    pthread_cond_init(&o->cond, &c);
    pthread_barrier_init(&o->barrier, &b, 3);
    sem_init(&o->sem, 1, 0);
    pid_t one = child(use_objects, o), two = child(use_objects, o);
    sem_post(&o->sem);
    sem_post(&o->sem);
    sem_post(&o->sem);
    use_objects(o);
    ended(one);
    ended(two);
    printf("objects: turn %d sum %d\n", o->turn, o->sum);
}

static void post(void *arg)
{
    (void)arg;
    sem_t *s = sem_open("/proc-shared", 0);
    if (s == SEM_FAILED) {
        _exit(1);
    }
    sem_post(s);
    sem_close(s);
}

static void named(void)
{
    sem_t *s = sem_open("/proc-shared", O_CREAT | O_EXCL, 0600, 0);
    if (s == SEM_FAILED) {
        printf("sem_open: %s\n", strerrorname_np(errno));
        return;
    }
    pid_t pid = child(post, NULL);
    int r = sem_wait(s), value = -1;
    ended(pid);
    sem_getvalue(s, &value);
    printf("named semaphore: %d, value %d\n", r, value);
    sem_close(s);
    sem_unlink("/proc-shared");
}

static void write_file(void *arg)
{
    int fd = *(int *)arg;
    char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), text[16] = "";
    if (p == MAP_FAILED || pread(fd, text, 5, 100) != 5) {
        _exit(1);
    }
    memcpy(p + PAGE, text, 5);
    memcpy(p, "mapped in a child", 17);
}

static void truncate_file(void *arg)
{
    int fd = *(int *)arg;
    char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    p[PAGE + 1] = 'X';
    if (ftruncate(fd, PAGE + 2) != 0 || p[PAGE + 1] != 'X' || p[PAGE + 2] != 0 ||
        pwrite(fd, "Y", 1, 1) != 1 || p[1] != 'Y' || munmap(p, 2 * PAGE) != 0) {
        _exit(2);
    }
}

static void files(void)
{
    char text[32] = "";
    int fd = open("/tmp/proc-shared", O_RDWR | O_CREAT | O_TRUNC, 0600);
    unlink("/tmp/proc-shared");
    if (ftruncate(fd, 2 * PAGE) != 0 || pwrite(fd, "bytes", 5, 100) != 5) {
        printf("file: %s\n", strerrorname_np(errno));
    }
    char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ended(child(write_file, &fd));
    ssize_t n = pread(fd, text, 17, 0);
    printf("file: %zd %s, mapping %.17s, second page %.5s\n", n, text, p, p + PAGE);
    ended(child(truncate_file, &fd));
    off_t size = lseek(fd, 0, SEEK_END);
    n = pread(fd, text, 17, 0);
    printf("truncated: %jd, %zd %.17s, %c%d\n", (intmax_t)size, n, text, p[PAGE + 1], p[PAGE + 2]);
    munmap(p, 2 * PAGE);
    close(fd);
}

static int inner[2];

static void grandchild(void *arg)
{
    char *p = arg;
    strcat(p, " grandchild");
}

static void mapping_child(void *arg)
{
    char *outer = arg, *own = shared(2 * PAGE);
    strcpy(own, "child");
    pid_t pid = child(grandchild, own);
    int status;
    waitpid(pid, &status, 0);
    char *moved = mremap(own, 2 * PAGE, PAGE, 0);
    strcpy(outer, moved);
    pid = child(grandchild, outer);
    waitpid(pid, &status, 0);
    munmap(moved, PAGE);
    close(inner[1]);
    pause();
}

/* Who was killed has changed nothing that others cannot see, and nobody waits for it. */
static void generations(void)
{
    char *p = shared(PAGE), byte;
    if (pipe(inner) != 0) {
        return;
    }
    pid_t pid = child(mapping_child, p);
    close(inner[1]);
    ssize_t n = read(inner[0], &byte, 1);
    printf("generations: %zd %s\n", n, p);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    strcpy(p, "after");
    printf("killed: %s\n", p);
    ended(child(grandchild, p));
    printf("again: %s\n", p);
    munmap(p, PAGE);
}

static void read_into(void *arg)
{
    char *p = arg;
    int ends[2];
    char big[3 * PAGE];
    memset(big, 'z', sizeof big);
    if (pipe(ends) != 0 || write(ends[1], "pro", 3) != 3 || read(ends[0], p + PAGE, 3) != 3 ||
        write(ends[1], big, sizeof big) != sizeof big ||
        read(ends[0], p + 2 * PAGE - 7, sizeof big) != sizeof big ||
        write(ends[1], p + 2 * PAGE - 7, sizeof big) != sizeof big) {
        _exit(3);
    }
    clock_gettime(CLOCK_MONOTONIC, (struct timespec *)(void *)p);
}

/* The kernel's side writes to memory that is with another process. */
static void calls(void)
{
    char *p = shared(8 * PAGE);
    int ends[2];
    memset(p, 'a', 8 * PAGE);
    ended(child(read_into, p));
    printf("calls: %.3s %c%c%c %c\n", p + PAGE, p[2 * PAGE - 7], p[3 * PAGE], p[5 * PAGE - 8],
           p[5 * PAGE - 7]);
    ended(child(grandchild, memset(p, 0, PAGE)));
    if (pipe(ends) == 0) {
        ssize_t n = write(ends[1], p, 11);
        char text[16] = "";
        n = read(ends[0], text, 11);
        printf("%zd%s\n", n, text);
    }
    munmap(p, 8 * PAGE);
}

int main(void)
{
    counter();
    ping_pong();
    objects();
    named();
    files();
    generations();
    calls();
    return 42;
}
