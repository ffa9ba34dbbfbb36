/* SPDX-License-Identifier: Apache-2.0 */
/* Processes: fork a child that ends at once, alone, with much memory, beside other threads; and one
 * that executes the program named. */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { COUNT = 30, FEW = 5, THREADS = 16 };
#define LARGE ((size_t)256 << 20)

static double children(char *program, int count)
{
    double begin = now();
    for (int i = 0; i < count; i++) {
        pid_t child = fork();
        need(child >= 0, "fork");
        if (child == 0) {
            if (program != NULL) {
                execl(program, program, (char *)NULL);
                _exit(127);
            }
            _exit(0);
        }
        int status;
        need(waitpid(child, &status, 0) == child && status == 0, "waitpid");
    }
    return (now() - begin) / count;
}

/* Each page is touched and has something else in it. */
static void fill(size_t size)
{
    unsigned char *at = (unsigned char *)mmap(NULL, size, PROT_READ | PROT_WRITE,
                                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(at != MAP_FAILED, "mmap");
    for (size_t i = 0; i < size; i += sizeof i) {
        memcpy(at + i, &i, sizeof i);
    }
}

static void *sleeps(void *unused)
{
    (void)unused;
    pause();
    return NULL;
}

static void start_threads(void)
{
    for (int i = 0; i < THREADS; i++) {
        pthread_t thread;
        errno = pthread_create(&thread, NULL, sleeps, NULL);
        need(errno == 0, "pthread_create");
    }
}

int main(int argc, char **argv)
{
    const char *how = argc >= 2 ? argv[1] : "";
    char *program = argc == 3 ? argv[2] : NULL;
    int large = strcmp(how, "large") == 0;
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: processes fork | large | threads | exec PROGRAM\n");
        return 2;
    }
    if (large) {
        fill(LARGE);
    } else if (strcmp(how, "threads") == 0) {
        start_threads();
    }
    int count = large ? FEW : COUNT;
    children(program, count); /* the first ones fill what later ones use again */
    show(how, children(program, count));
    return 0;
}
