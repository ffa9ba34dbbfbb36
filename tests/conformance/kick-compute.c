/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that compute and make no calls: signals, timers and the end of the process reach them.
 * Ends with status 42. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t seen[65];
static volatile int runs, stop;
static volatile pid_t taker;

static void note(int sig)
{
    seen[sig]++;
    taker = (pid_t)syscall(SYS_gettid);
}

static void on(int sig, int flags)
{
    struct sigaction a = {.sa_handler = note, .sa_flags = flags};
    sigaction(sig, &a, NULL);
}

/* Every register that a handler could spoil takes part: the sum would differ. */
static unsigned long compute_until(volatile sig_atomic_t *flag, int want)
{
    unsigned long a = 1, b = 2, c = 3, d = 5;
    double x = 1.0;
    while (*flag < want) {
        a = a * 6364136223846793005UL + b;
        b ^= a >> 13;
        c += b * d;
        d = (d << 1) | (d >> 63);
        x = x * 1.0000001 + 1e-9;
    }
    return (a | b | c | d) != 0 && x > 1.0;
}

static void test_alarm(void)
{
    on(SIGALRM, 0);
    alarm(1);
    printf("alarm: computed %lu\n", compute_until(&seen[SIGALRM], 1));
    struct itimerval every = {{0, 5000}, {0, 5000}}, none = {{0, 0}, {0, 0}};
    seen[SIGALRM] = 0;
    setitimer(ITIMER_REAL, &every, NULL);
    printf("ITIMER_REAL: computed %lu\n", compute_until(&seen[SIGALRM], 5));
    setitimer(ITIMER_REAL, &none, NULL);
    on(SIGPROF, SA_RESTART);
    setitimer(ITIMER_PROF, &every, NULL);
    printf("ITIMER_PROF: computed %lu\n", compute_until(&seen[SIGPROF], 5));
    setitimer(ITIMER_PROF, &none, NULL);
    on(SIGVTALRM, SA_RESTART);
    setitimer(ITIMER_VIRTUAL, &every, NULL);
    printf("ITIMER_VIRTUAL: computed %lu\n", compute_until(&seen[SIGVTALRM], 5));
    setitimer(ITIMER_VIRTUAL, &none, NULL);
}

static void test_timer_create(void)
{
    struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    struct itimerspec every = {{0, 3000000}, {0, 3000000}};
    timer_t t;
    on(SIGRTMIN, 0);
    printf("timer_create %d\n", timer_create(CLOCK_MONOTONIC, &e, &t));
    timer_settime(t, 0, &every, NULL);
    printf("CLOCK_MONOTONIC: computed %lu\n", compute_until(&seen[SIGRTMIN], 3));
    timer_delete(t);
    seen[SIGRTMIN] = 0;
    printf("timer_create %d\n", timer_create(CLOCK_THREAD_CPUTIME_ID, &e, &t));
    timer_settime(t, 0, &every, NULL);
    printf("CLOCK_THREAD_CPUTIME_ID: computed %lu\n", compute_until(&seen[SIGRTMIN], 3));
    timer_delete(t);
}

static void *computes(void *argument)
{
    pid_t *tid = argument;
    *tid = (pid_t)syscall(SYS_gettid);
    __atomic_fetch_add(&runs, 1, __ATOMIC_SEQ_CST);
    return (void *)compute_until(&seen[SIGUSR1], 1);
}

static void test_threads(void)
{
    pthread_t thread;
    pid_t tid = 0;
    void *result;
    on(SIGUSR1, 0);
    runs = 0;
    pthread_create(&thread, NULL, computes, &tid);
    while (__atomic_load_n(&runs, __ATOMIC_SEQ_CST) == 0) {
    }
    printf("pthread_kill %d\n", pthread_kill(thread, SIGUSR1));
    pthread_join(thread, &result);
    printf("it took it %d, computed %lu\n", taker == tid, (unsigned long)result);
    /* To the process, while only the other one takes it. */
    sigset_t set, old;
    seen[SIGUSR1] = 0;
    runs = 0;
    pthread_create(&thread, NULL, computes, &tid);
    while (__atomic_load_n(&runs, __ATOMIC_SEQ_CST) == 0) {
    }
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, &old);
    kill(getpid(), SIGUSR1);
    pthread_join(thread, &result);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    printf("the one that takes it took it %d\n", taker == tid);
}

static sigjmp_buf out;
static void jump(int sig)
{
    siglongjmp(out, sig);
}

static void test_jump(void)
{
    struct sigaction a = {.sa_handler = jump};
    struct itimerval soon = {{0, 0}, {0, 10000}};
    volatile sig_atomic_t never = 0;
    sigaction(SIGALRM, &a, NULL);
    for (int i = 0; i < 3; i++) {
        int sig = sigsetjmp(out, 1);
        if (sig == 0) {
            setitimer(ITIMER_REAL, &soon, NULL);
            compute_until(&never, 1);
        }
        printf("out of an endless loop by signal %d\n", sig);
    }
}

static void *for_ever(void *argument)
{
    volatile sig_atomic_t never = 0;
    __atomic_fetch_add(&runs, 1, __ATOMIC_SEQ_CST);
    compute_until(&never, 1);
    return argument;
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    test_alarm();
    test_timer_create();
    test_threads();
    test_jump();
    runs = 0;
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, for_ever, NULL);
    }
    while (__atomic_load_n(&runs, __ATOMIC_SEQ_CST) < 3) {
    }
    printf("three compute for ever\n");
    return 42;
}
