/* SPDX-License-Identifier: Apache-2.0 */
/* Threads: create and join one; hand a turn to and fro by futex, and by pipe. Who starts it binds
 * it to one processor for the turns (taskset), natively and inside alike. */
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

enum { THREADS = 2000, TURNS = 20000 };

static void *nothing(void *context)
{
    return context;
}

static double create_and_join(int count)
{
    double begin = now();
    for (int i = 0; i < count; i++) {
        pthread_t thread;
        errno = pthread_create(&thread, NULL, nothing, NULL);
        need(errno == 0, "pthread_create");
        pthread_join(thread, NULL);
    }
    return (now() - begin) / count;
}

static _Atomic int turn;

static void futex_turns(int me)
{
    for (int i = 0; i < TURNS; i++) {
        while (atomic_load(&turn) != me) {
            syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, 1 - me, NULL, NULL, 0);
        }
        atomic_store(&turn, 1 - me);
        syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
}

static void *futex_other(void *context)
{
    futex_turns(1);
    return context;
}

static int there[2], back[2];

static void *pipe_other(void *context)
{
    char byte;
    for (int i = 0; i < TURNS; i++) {
        need(read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1, "pipe");
    }
    return context;
}

static double of_pair(void *(*other)(void *))
{
    pthread_t thread;
    errno = pthread_create(&thread, NULL, other, NULL);
    need(errno == 0, "pthread_create");
    double begin = now();
    if (other == futex_other) {
        futex_turns(0);
    } else {
        char byte = 1;
        for (int i = 0; i < TURNS; i++) {
            need(write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1, "pipe");
        }
    }
    pthread_join(thread, NULL);
    return (now() - begin) / TURNS;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "create") == 0) {
        (void)create_and_join(10); /* the first ones make what later ones use again */
        show("create", create_and_join(THREADS));
        return 0;
    }
    need(pipe(there) == 0 && pipe(back) == 0, "pipe");
    show("futex", of_pair(futex_other));
    show("pipe", of_pair(pipe_other));
    return 0;
}
