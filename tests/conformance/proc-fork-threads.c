/* SPDX-License-Identifier: Apache-2.0 */
/* fork while other threads map, unmap, move and protect memory, begin and end: a child has each
 * mapping whole, with its content, or not at all. In the first process, and in a child of it. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE  4096u
#define FORKS 100

/* Something mapped and its content, told after it is there and taken back before it goes. */
struct shown {
    _Atomic(char *) place;
    atomic_uint content;
    size_t size;
};
#define KINDS 7u
static struct shown kinds[KINDS];
static atomic_bool stop;

static void fill(char *p, size_t size, unsigned content)
{
    for (size_t i = 0; i < size; i += PAGE) {
        memcpy(p + i, &content, sizeof content);
    }
}

static void show(struct shown *s, char *p, unsigned content)
{
    atomic_store(&s->content, content);
    atomic_store(&s->place, p);
}

static char *map(size_t size, int flags)
{
    char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static void *maps(void *arg)
{
    struct shown *s = arg;
    const int flags = s != &kinds[0] ? MAP_SHARED : MAP_PRIVATE;
    s->size = 3 * PAGE;
    for (unsigned n = 1; !atomic_load(&stop); n++) {
        char *p = map(s->size, flags);
        if (p == NULL) {
            return "mmap";
        }
        fill(p, s->size, n);
        show(s, p, n);
        usleep(n % 3 * 10);
        atomic_store(&s->place, NULL);
        munmap(p, s->size);
    }
    return NULL;
}

/* Shared mappings of a file. */
static void *maps_file(void *arg)
{
    struct shown *s = arg;
    s->size = 2 * PAGE;
    for (unsigned n = 1; !atomic_load(&stop); n++) {
        int fd = memfd_create("shown", 0);
        char *p = fd < 0 || ftruncate(fd, (off_t)s->size) != 0
                      ? MAP_FAILED
                      : mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED) {
            return "mmap of a file";
        }
        fill(p, s->size, n);
        show(s, p, n);
        usleep(n % 3 * 10);
        atomic_store(&s->place, NULL);
        munmap(p, s->size);
        close(fd);
    }
    return NULL;
}

/* Moves and protects one mapping again and again. */
static void *moves(void *arg)
{
    struct shown *s = arg;
    s->size = 4 * PAGE;
    char *p = map(s->size, MAP_PRIVATE);
    if (p == NULL) {
        return "mmap to move";
    }
    fill(p, s->size, 77);
    show(s, p, 77);
    for (unsigned n = 1; !atomic_load(&stop); n++) {
        atomic_store(&s->place, NULL);
        char *to = map(s->size, MAP_PRIVATE);
        p = mremap(p, s->size, s->size, MREMAP_MAYMOVE | MREMAP_FIXED, to);
        if (p == MAP_FAILED || mprotect(p, s->size, PROT_READ) != 0 ||
            mprotect(p, s->size, PROT_READ | PROT_WRITE) != 0) {
            return "mremap";
        }
        show(s, p, 77);
        usleep(n % 3 * 100);
    }
    munmap(p, s->size);
    return NULL;
}

/* Threads that have hardly begun write two pages, one after the other. */
static char *pair;

static void *writes_both(void *arg)
{
    unsigned n = (unsigned)(uintptr_t)arg;
    for (unsigned i = 0; i < 100; i++) {
        atomic_store((atomic_uint *)(void *)pair, n + i);
        atomic_store((atomic_uint *)(void *)(pair + PAGE), n + i);
    }
    return NULL;
}

static void *begins_threads(void *arg)
{
    (void)arg;
    for (unsigned n = 0; !atomic_load(&stop); n += 100) {
        pthread_t t;
        if (pthread_create(&t, NULL, writes_both, (void *)(uintptr_t)n) != 0) {
            return "pthread_create";
        }
        pthread_join(t, NULL);
    }
    return NULL;
}

/* In the child: 0, or a bit for each kind that is not whole. */
static int look(void)
{
    int wrong = 0;
    for (unsigned k = 0; k < KINDS; k++) {
        const char *p = atomic_load(&kinds[k].place);
        const unsigned content = atomic_load(&kinds[k].content);
        for (size_t i = 0; p != NULL && i < kinds[k].size; i += PAGE) {
            unsigned is;
            memcpy(&is, p + i, sizeof is);
            wrong |= is != content ? 1 << k : 0;
        }
    }
    const unsigned first = atomic_load((atomic_uint *)(void *)pair);
    const unsigned second = atomic_load((atomic_uint *)(void *)(pair + PAGE));
    return wrong | (first - second > 1 ? 128 : 0);
}

static int forks(const char *who)
{
    void *(*const bodies[KINDS])(void *) = {maps,      maps,  maps,          maps_file,
                                            maps_file, moves, begins_threads};
    pthread_t threads[KINDS];
    int wrong = 0, killed = 0;
    atomic_store(&stop, false);
    for (unsigned i = 0; i < KINDS; i++) {
        atomic_store(&kinds[i].place, NULL);
        pthread_create(&threads[i], NULL, bodies[i], &kinds[i]);
    }
    for (int n = 0; n < FORKS; n++) {
        pid_t pid = fork();
        if (pid == 0) {
            _exit(look());
        }
        int status = -1;
        waitpid(pid, &status, 0);
        wrong |= WIFEXITED(status) ? WEXITSTATUS(status) : 0;
        killed = WIFSIGNALED(status) ? WTERMSIG(status) : killed;
        usleep(500);
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < KINDS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        if (failed != NULL) {
            printf("%s: %s failed\n", who, (char *)failed);
        }
    }
    printf("%s: wrong %d, killed by %d\n", who, wrong, killed);
    fflush(stdout);
    return wrong == 0 && killed == 0;
}

int main(void)
{
    int status = -1;
    pair = map(2 * PAGE, MAP_PRIVATE);
    int ok = pair != NULL && forks("the first process");
    pid_t pid = fork();
    if (pid == 0) {
        _exit(forks("another") ? 7 : 8);
    }
    waitpid(pid, &status, 0);
    return ok && WIFEXITED(status) && WEXITSTATUS(status) == 7 ? 42 : 1;
}
