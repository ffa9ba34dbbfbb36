/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that begin and end: the first one before the others, robust mutexes, clocks of CPU time,
 * futex operations. Ends with status 42. */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static pthread_t first;

static long futex(int *word, int op, int value, const struct timespec *t, int *other, int value3)
{
    return syscall(SYS_futex, word, op, value, t, other, value3);
}

static void test_clocks(void)
{
    clockid_t own, process;
    struct timespec t, r;
    volatile unsigned long n = 0;
    while (n < 20000000) {
        n++;
    }
    printf("getcpuclockid %d %d\n", pthread_getcpuclockid(pthread_self(), &own),
           clock_getcpuclockid(0, &process));
    printf("thread %d %d, process %d %d\n", clock_gettime(own, &t), t.tv_sec > 0 || t.tv_nsec > 0,
           clock_gettime(process, &t), t.tv_sec > 0 || t.tv_nsec > 0);
    for (int c = 0; c < 12; c++) {
        int got = clock_gettime(c, &t), res = clock_getres(c, &r);
        printf("clock %d: %d %d %d\n", c, got, res, got == 0 && (t.tv_sec > 0 || t.tv_nsec > 0));
    }
    printf("clock of nobody: %d %s\n", clock_gettime((clockid_t)((~999999u << 3) | 6), &t),
           strerrorname_np(errno));
    t = (struct timespec){0, 1000};
    printf("sleep by one's CPU time: %d\n", clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &t, NULL));
}

static void test_futex(void)
{
    int a = 5, b = 1;
    struct timespec past = {1, 0}, soon;
    printf("changed: %ld %s\n", futex(&a, FUTEX_WAIT, 4, NULL, NULL, 0), strerrorname_np(errno));
    printf("past: %ld %s\n",
           futex(&a, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 5, &past, NULL, -1),
           strerrorname_np(errno));
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_nsec += 1000000;
    soon.tv_sec += soon.tv_nsec / 1000000000;
    soon.tv_nsec %= 1000000000;
    printf("soon: %ld %s\n",
           futex(&a, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 5, &soon, NULL, -1),
           strerrorname_np(errno));
    printf("no bits: %ld %s\n", futex(&a, FUTEX_WAIT_BITSET, 5, NULL, NULL, 0),
           strerrorname_np(errno));
    printf(
        "wake op: %ld b %d\n",
        futex(&a, FUTEX_WAKE_OP, 1, (void *)1UL, &b, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 1)),
        b);
    printf("requeue: %ld, other value: %ld %s\n",
           futex(&a, FUTEX_CMP_REQUEUE, 1, (void *)1UL, &b, 5),
           futex(&a, FUTEX_CMP_REQUEUE, 1, (void *)1UL, &b, 6), strerrorname_np(errno));
    printf("crooked: %ld %s\n", futex((int *)((char *)&a + 1), FUTEX_WAKE, 1, NULL, NULL, 0),
           strerrorname_np(errno));
}

static pthread_mutex_t robust;

static void *dies_holding(void *argument)
{
    pthread_mutex_lock(&robust);
    return argument;
}

static void test_robust(void)
{
    pthread_mutexattr_t attr;
    pthread_t t;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&robust, &attr);
    for (int i = 0; i < 2; i++) {
        pthread_create(&t, NULL, dies_holding, NULL);
        pthread_join(t, NULL);
        int r = pthread_mutex_lock(&robust);
        printf("owner died: %s, consistent %d", strerrorname_np(r),
               pthread_mutex_consistent(&robust));
        printf(", unlocked %d\n", pthread_mutex_unlock(&robust));
    }
}

static void *counts(void *argument)
{
    __atomic_fetch_add((int *)argument, 1, __ATOMIC_SEQ_CST);
    return argument;
}

static void test_many(void)
{
    int done = 0;
    for (int round = 0; round < 40; round++) {
        pthread_t t[6];
        for (int i = 0; i < 6; i++) {
            pthread_create(&t[i], NULL, counts, &done);
        }
        for (int i = 0; i < 6; i++) {
            pthread_join(t[i], NULL);
        }
    }
    printf("threads came and went: %d\n", done);
}

static void *goes_on(void *argument)
{
    int done = 0;
    pthread_t t;
    printf("the first one ended: %d\n", pthread_join(first, NULL));
    for (int i = 0; i < 20; i++) {
        pthread_create(&t, NULL, counts, &done);
        pthread_join(t, NULL);
    }
    printf("others come and go: %d\n", done);
    fflush(stdout);
    exit(42);
    return argument;
}

int main(void)
{
    pthread_t t;
    setvbuf(stdout, NULL, _IOLBF, 0);
    test_clocks();
    test_futex();
    test_robust();
    test_many();
    first = pthread_self();
    pthread_create(&t, NULL, goes_on, NULL);
    pthread_exit(NULL);
}
