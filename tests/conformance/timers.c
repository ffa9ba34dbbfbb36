/* SPDX-License-Identifier: Apache-2.0 */
/* Timers of all kinds and what reads their signals, printed so that Linux and an enclave can be
 * compared: refusals, order and counts, never durations. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define MS 1000000

static volatile sig_atomic_t seen[65];

static void count(int signo)
{
    seen[signo]++;
}

static const char *answer(long r)
{
    static char text[4][64];
    static unsigned next;
    char *t = text[next++ % 4];
    snprintf(t, sizeof text[0], "%s", r < 0 ? strerrorname_np(errno) : r == 0 ? "0" : "more");
    return t;
}

static void handle(int signo)
{
    struct sigaction action = {.sa_handler = count};
    sigaction(signo, &action, NULL);
}

/* Makes calls until the signal came: here timers are looked at when a call returns. */
static void spin_until(int signo)
{
    struct timespec now;
    while (seen[signo] == 0) {
        for (volatile int i = 0; i < 10000; i++) {
        }
        syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    }
}

static void interval_timers(void)
{
    static const int signals[] = {SIGALRM, SIGVTALRM, SIGPROF};
    struct itimerval v = {.it_value = {0, 20000}}, off = {{0, 0}, {0, 0}}, old;
    for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++) {
        handle(signals[which]);
        printf("setitimer %d: %s\n", which, answer(setitimer(which, &v, NULL)));
        printf("running: %d\n", getitimer(which, &old) == 0 && (old.it_value.tv_usec != 0));
        spin_until(signals[which]);
        getitimer(which, &old);
        printf("signal came, left %ld.%06ld\n", (long)old.it_value.tv_sec,
               (long)old.it_value.tv_usec);
    }
    v.it_value.tv_sec = 1000;
    v.it_interval.tv_sec = 7;
    setitimer(ITIMER_PROF, &v, NULL);
    setitimer(ITIMER_PROF, &off, &old);
    printf("old value about 1000 s: %d, interval %ld\n",
           old.it_value.tv_sec >= 999 && old.it_value.tv_sec <= 1001, (long)old.it_interval.tv_sec);
    v.it_value.tv_usec = 1000000;
    printf("a million microseconds: %s\n", answer(setitimer(ITIMER_REAL, &v, NULL)));
    printf("unknown timer: %s %s\n", answer(setitimer(3, &off, NULL)), answer(getitimer(-1, &old)));
}

static void posix_timers(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1};
    struct itimerspec v = {.it_value = {0, 10 * MS}, .it_interval = {0, 10 * MS}}, old;
    timer_t timer;
    sigset_t set;
    siginfo_t info;
    event.sigev_value.sival_int = 4711;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    printf("timer_create: %s\n", answer(timer_create(CLOCK_MONOTONIC, &event, &timer)));
    printf("timer_settime: %s\n", answer(timer_settime(timer, 0, &v, NULL)));
    usleep(55000); /* several times due, one signal waits */
    int signo = sigwaitinfo(&set, &info);
    printf("signal %d, code %d, value %d, overruns %d\n", signo - SIGRTMIN, info.si_code,
           info.si_value.sival_int, info.si_overrun >= 3);
    printf("timer_getoverrun: %d\n", timer_getoverrun(timer) >= 3);
    memset(&v, 0, sizeof v);
    printf("stopped: %s", answer(timer_settime(timer, 0, &v, &old)));
    printf(", interval was %ld ms\n", old.it_interval.tv_nsec / MS);
    timer_gettime(timer, &old);
    printf("left %ld.%09ld\n", (long)old.it_value.tv_sec, old.it_value.tv_nsec);
    v.it_value.tv_nsec = 1000000000;
    printf("too many nanoseconds: %s\n", answer(timer_settime(timer, 0, &v, NULL)));
    printf("timer_delete: %s, again ", answer(timer_delete(timer)));
    printf("%s\n", answer(syscall(SYS_timer_delete, (int)(intptr_t)timer)));
    event.sigev_signo = 65;
    printf("signal 65: %s\n", answer(timer_create(CLOCK_MONOTONIC, &event, &timer)));
    event.sigev_notify = 99;
    printf("notify 99: %s\n", answer(timer_create(CLOCK_MONOTONIC, &event, &timer)));
    printf("clock 77: %s\n", answer(timer_create(77, NULL, &timer)));

    /* An absolute time that has gone, to one thread, and by CPU time. */
    event = (struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    handle(SIGUSR1);
    timer_create(CLOCK_REALTIME, &event, &timer);
    v = (struct itimerspec){.it_value = {1, 0}};
    timer_settime(timer, TIMER_ABSTIME, &v, NULL);
    spin_until(SIGUSR1);
    printf("a time that has gone: the signal came\n");
    timer_delete(timer);
    seen[SIGUSR1] = 0;
    timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer);
    v = (struct itimerspec){.it_value = {0, 10 * MS}};
    timer_settime(timer, 0, &v, NULL);
    spin_until(SIGUSR1);
    printf("CPU time: the signal came\n");
    timer_delete(timer);
}

static void *late_writer(void *arg)
{
    struct itimerspec v = {.it_value = {0, 20 * MS}};
    usleep(20000);
    timerfd_settime(*(int *)arg, 0, &v, NULL);
    return NULL;
}

static void timer_descriptors(void)
{
    struct itimerspec v = {.it_value = {0, 10 * MS}, .it_interval = {0, 10 * MS}}, old;
    uint64_t n = 0;
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    printf("timerfd, nothing set: %s\n", answer(read(fd, &n, sizeof n)));
    printf("small buffer: %s\n", answer(read(fd, &n, 4)));
    printf("write: %s\n", answer(write(fd, &n, sizeof n)));
    printf("poll now: %d\n", poll(&p, 1, 0));
    printf("settime: %s\n", answer(timerfd_settime(fd, 0, &v, NULL)));
    printf("poll: %d", poll(&p, 1, 5000));
    printf(" %d\n", p.revents);
    usleep(40000);
    printf("read: %s", answer(read(fd, &n, sizeof n) - 8));
    printf(", several: %d\n", n >= 4);
    timerfd_gettime(fd, &old);
    printf("interval %ld ms, running %d\n", old.it_interval.tv_nsec / MS,
           old.it_value.tv_nsec > 0 && old.it_value.tv_nsec <= 10 * MS);
    memset(&v, 0, sizeof v);
    timerfd_settime(fd, 0, &v, &old);
    printf("stopped: %s\n", answer(read(fd, &n, sizeof n)));
    printf("flags: %s, clock: %s, cpu clock: %s\n", answer(timerfd_create(CLOCK_MONOTONIC, 3)),
           answer(timerfd_create(99, 0)), answer(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0)));
    printf("not a timer: %s, not open: %s\n", answer(timerfd_settime(1, 0, &v, NULL)),
           answer(timerfd_gettime(999, &old)));
    close(fd);

    fd = timerfd_create(CLOCK_REALTIME, 0);
    v.it_value.tv_sec = 1;
    timerfd_settime(fd, TFD_TIMER_ABSTIME, &v, NULL);
    printf("blocking read of a time that has gone: %s", answer(read(fd, &n, sizeof n) - 8));
    printf(", %d\n", (int)n);
    /* Somebody who waits already sees what another thread sets. */
    pthread_t thread;
    pthread_create(&thread, NULL, late_writer, &fd);
    int ep = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u32 = 5};
    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event);
    printf("epoll: %d", epoll_wait(ep, &event, 1, 5000));
    printf(" %u\n", event.data.u32);
    pthread_join(thread, NULL);
    close(ep);
    close(fd);
}

static void signal_descriptors(void)
{
    struct signalfd_siginfo info[3];
    sigset_t set, more;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    printf("signalfd, none: %s\n", answer(read(fd, info, sizeof info)));
    printf("small buffer: %s\n", answer(read(fd, info, 100)));
    printf("poll now: %d\n", poll(&p, 1, 0));
    kill(getpid(), SIGUSR2);
    sigqueue(getpid(), SIGHUP, (union sigval){.sival_int = 12});
    printf("poll: %d", poll(&p, 1, 1000));
    printf(" %d\n", p.revents);
    long n = read(fd, info, sizeof info);
    printf("read %ld: %u code %d own %d; %u code %d value %d\n", n, info[0].ssi_signo,
           info[0].ssi_code, (int)info[0].ssi_pid == getpid(), info[1].ssi_signo, info[1].ssi_code,
           info[1].ssi_int);
    sigemptyset(&more);
    sigaddset(&more, SIGUSR2);
    printf("another set: %d\n", signalfd(fd, &more, 0) == fd);
    kill(getpid(), SIGHUP);
    printf("not in it: %s\n", answer(read(fd, info, sizeof info)));
    struct timespec none = {0, 0};
    printf("sigtimedwait takes it: %d\n", sigtimedwait(&set, NULL, &none));
    printf("flags: %s, not a signalfd: %s, not open: %s\n", answer(signalfd(-1, &set, 1)),
           answer(signalfd(1, &set, 0)), answer(signalfd(999, &set, 0)));
    close(fd);
}

int main(void)
{
    interval_timers();
    posix_timers();
    timer_descriptors();
    signal_descriptors();
    return 42;
}
