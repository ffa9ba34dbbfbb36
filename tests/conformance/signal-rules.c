/* SPDX-License-Identifier: Apache-2.0 */
/* Signals as POSIX and signal(7) tell: queues and their order, what siginfo says, which calls
 * restart, alternate stacks, faults. Ends with status 42. */
#include <errno.h>
#include <fenv.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int order[32], values[32], codes[32], count;

static void record(int sig, siginfo_t *i, void *context)
{
    (void)context;
    if (count < 32) {
        order[count] = sig;
        values[count] = i->si_value.sival_int;
        codes[count] = i->si_code;
    }
    count++;
}

static void on(int sig, void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
    sigfillset(&a.sa_mask);
    sigaction(sig, &a, NULL);
}

static void show(const char *what)
{
    printf("%s:", what);
    for (int i = 0; i < count && i < 32; i++) {
        printf(" %d/%d/%d", order[i], values[i], codes[i]);
    }
    printf("\n");
    count = 0;
}

static void test_queue(void)
{
    sigset_t all, old;
    pid_t me = getpid();
    const union sigval v[4] = {
        {.sival_int = 1}, {.sival_int = 2}, {.sival_int = 3}, {.sival_int = 4}};
    for (int s = SIGRTMIN; s < SIGRTMIN + 3; s++) {
        on(s, record, 0);
    }
    on(SIGUSR1, record, 0);
    on(SIGUSR2, record, 0);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &old);
    sigqueue(me, SIGRTMIN + 1, v[0]);
    sigqueue(me, SIGRTMIN + 2, v[1]);
    sigqueue(me, SIGRTMIN, v[2]);
    sigqueue(me, SIGRTMIN + 1, v[3]);
    kill(me, SIGRTMIN);
    sigqueue(me, SIGUSR2, v[1]);
    sigqueue(me, SIGUSR2, v[2]);
    kill(me, SIGUSR1);
    kill(me, SIGUSR1);
    pthread_kill(pthread_self(), SIGRTMIN + 2);
    sigprocmask(SIG_SETMASK, &old, NULL);
    show(
        "queued, the last runs first"); /* handlers nest: all are blocked in each, so they do not */
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigqueue(me, SIGRTMIN + 1, v[0]);
    sigqueue(me, SIGRTMIN, v[1]);
    raise(SIGRTMIN + 2);
    kill(me, SIGUSR1);
    siginfo_t i;
    int s;
    const struct timespec none = {0, 0};
    while ((s = sigtimedwait(&all, &i, &none)) > 0) {
        printf("taken %d code %d value %d own %d\n", s, i.si_code,
               i.si_code == SI_QUEUE ? i.si_value.sival_int : 0, i.si_pid == me);
    }
    printf("none left: %s\n", strerrorname_np(errno));
    struct rlimit limit, few;
    getrlimit(RLIMIT_SIGPENDING, &limit);
    few = limit;
    few.rlim_cur = 3;
    setrlimit(RLIMIT_SIGPENDING, &few);
    int sent = 0, failed = 0;
    for (int k = 0; k < 6; k++) {
        if (sigqueue(me, SIGRTMIN, v[0]) == 0) {
            sent++;
        } else {
            failed += errno == EAGAIN;
        }
    }
    /* The limit counts all that waits for this user, in other processes, too. */
    printf("limit 3: at most %d, refused %d, standard %d\n", sent <= 3, failed == 6 - sent,
           sigqueue(me, SIGUSR1, v[0]));
    setrlimit(RLIMIT_SIGPENDING, &limit);
    while (sigtimedwait(&all, &i, &none) > 0) {
    }
    int fd = signalfd(-1, &all, SFD_NONBLOCK);
    struct signalfd_siginfo r[4];
    sigqueue(me, SIGRTMIN, v[3]);
    sigqueue(me, SIGRTMIN, v[2]);
    kill(me, SIGUSR2);
    ssize_t n = read(fd, r, sizeof r);
    printf("signalfd %zd", n / (ssize_t)sizeof r[0]);
    for (ssize_t k = 0; k < n / (ssize_t)sizeof r[0]; k++) {
        printf(" %u/%d/%d", r[k].ssi_signo, r[k].ssi_code, r[k].ssi_int);
    }
    printf("\n");
    close(fd);
    sigprocmask(SIG_SETMASK, &old, NULL);
    count = 0;
}

static void test_rules(void)
{
    siginfo_t i;
    memset(&i, 0, sizeof i);
    i.si_code = SI_USER;
    long r = syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &i);
    printf("to oneself as the kernel: %ld\n", r);
    r = syscall(SYS_rt_sigqueueinfo, 999999, SIGUSR1, &i);
    printf("to nobody as the kernel: %ld %s\n", r, strerrorname_np(errno));
    printf("bad signal: %d %s\n", kill(getpid(), 65), strerrorname_np(errno));
    printf("nothing: %d\n", kill(getpid(), 0));
    printf("bad tid: %ld %s\n", syscall(SYS_tgkill, getpid(), 0, SIGUSR1), strerrorname_np(errno));
    struct sigaction a = {.sa_handler = SIG_IGN};
    printf("SIGKILL: %d %s\n", sigaction(SIGKILL, &a, NULL), strerrorname_np(errno));
    count = 0;
}

/* ---- which calls restart
 * ------------------------------------------------------------------------- */

static int quiet_pipe[2];
static volatile int returned;

/* Again and again until the call has returned, however late it began; then a byte for those that go
 * on. */
static void *strikes(void *argument)
{
    const struct timespec pause = {0, 20000000};
    for (int i = 0; !returned; i++) {
        nanosleep(&pause, NULL);
        pthread_kill(*(pthread_t *)argument, SIGUSR1);
        if (i == 3 && write(quiet_pipe[1], "x", 1) != 1) {
            return NULL;
        }
    }
    return argument;
}

static void try_call(const char *name, int flags, long (*call)(void))
{
    pthread_t self = pthread_self(), other;
    char byte;
    on(SIGUSR1, record, flags);
    count = 0;
    returned = 0;
    pthread_create(&other, NULL, strikes, &self);
    errno = 0;
    long r = call();
    int error = errno;
    returned = 1;
    pthread_join(other, NULL);
    printf("%s %s: %ld %s, handled %d\n", name, flags != 0 ? "SA_RESTART" : "plain", r,
           r < 0 ? strerrorname_np(error) : "ok", count > 0);
    struct pollfd p = {.fd = quiet_pipe[0], .events = POLLIN};
    if (poll(&p, 1, 0) == 1 && read(quiet_pipe[0], &byte, 1) != 1) {
        printf("the pipe is empty\n");
    }
}

static long call_read(void)
{
    char byte;
    return read(quiet_pipe[0], &byte, 1);
}
static long call_poll(void)
{
    struct pollfd p = {.fd = quiet_pipe[0], .events = POLLIN};
    return poll(&p, 1, 5000);
}
static long call_select(void)
{
    fd_set set;
    struct timeval t = {5, 0};
    FD_ZERO(&set);
    FD_SET(quiet_pipe[0], &set);
    return select(quiet_pipe[0] + 1, &set, NULL, NULL, &t);
}
static long call_epoll(void)
{
    struct epoll_event e = {.events = EPOLLIN};
    int fd = epoll_create1(0);
    epoll_ctl(fd, EPOLL_CTL_ADD, quiet_pipe[0], &e);
    long r = epoll_wait(fd, &e, 1, 5000);
    int error = errno;
    close(fd);
    errno = error;
    return r;
}
static long call_nanosleep(void)
{
    struct timespec t = {5, 0}, left = {9, 9};
    long r = nanosleep(&t, &left);
    printf("left %d\n", left.tv_sec < 5);
    return r;
}
static long call_clock_nanosleep(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += 5;
    int r = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
    errno = r;
    return r == 0 ? 0 : -1;
}
static long call_futex(void)
{
    static int word;
    const struct timespec t = {5, 0};
    return syscall(SYS_futex, &word, 128, 0, &t, NULL, 0);
}
static long call_sigtimedwait(void)
{
    sigset_t set;
    const struct timespec t = {5, 0};
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    return sigtimedwait(&set, NULL, &t);
}

static void test_restart(void)
{
    static const struct {
        const char *name;
        long (*call)(void);
    } calls[] = {{"read", call_read},
                 {"poll", call_poll},
                 {"select", call_select},
                 {"epoll_wait", call_epoll},
                 {"nanosleep", call_nanosleep},
                 {"clock_nanosleep to a time", call_clock_nanosleep},
                 {"futex", call_futex},
                 {"sigtimedwait", call_sigtimedwait},
                 {"pause", (long (*)(void))pause}};
    if (pipe(quiet_pipe) != 0) {
        return;
    }
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        try_call(calls[i].name, 0, calls[i].call);
        try_call(calls[i].name, SA_RESTART, calls[i].call);
    }
}

/* ---- stacks and faults
 * --------------------------------------------------------------------------- */

static char alt[65536];
static sigjmp_buf out;
static volatile int fault_code;
static void *volatile fault_addr;
static volatile int stack_state;

static void on_fault(int sig, siginfo_t *i, void *context)
{
    stack_t now;
    (void)context;
    sigaltstack(NULL, &now);
    stack_state = now.ss_flags;
    fault_code = i->si_code;
    fault_addr = i->si_addr;
    siglongjmp(out, sig);
}

static void say_fault(const char *what, int sig)
{
    printf("%s: signal %d code %d\n", what, sig, fault_code);
}

static __attribute__((noinline)) int deeper(int n)
{
    volatile char room[4096];
    room[0] = (char)n;
    return deeper(n + 1) + room[0];
}

static void test_stacks(void)
{
    stack_t s = {.ss_sp = alt, .ss_size = sizeof alt}, got;
    printf("stack %d\n", sigaltstack(&s, NULL));
    on(SIGSEGV, on_fault, SA_ONSTACK);
    int sig = sigsetjmp(out, 1);
    if (sig == 0) {
        printf("%d\n", deeper(0));
    }
    printf("overflow: signal %d on the stack %d\n", sig, stack_state == SS_ONSTACK);
    s.ss_flags = (int)(1u << 31); /* SS_AUTODISARM */
    printf("autodisarm %d\n", sigaltstack(&s, NULL));
    sig = sigsetjmp(out, 1);
    if (sig == 0) {
        raise(SIGSEGV);
    }
    sigaltstack(NULL, &got);
    printf("disarmed inside %d, afterwards by a jump %d\n", stack_state == SS_DISABLE,
           got.ss_flags == SS_DISABLE);
    s.ss_flags = 0;
    s.ss_size = 100;
    printf("too small: %d %s\n", sigaltstack(&s, NULL), strerrorname_np(errno));
    s.ss_flags = 77;
    printf("bad flags: %d %s\n", sigaltstack(&s, NULL), strerrorname_np(errno));
    on(SIGSEGV, on_fault, 0);
}

static void test_faults(void)
{
    static const int signals[] = {SIGSEGV, SIGFPE, SIGILL, SIGTRAP, SIGBUS};
    volatile int zero = 0, *p;
    volatile double d = 1.0, z = 0.0;
    int sig;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        on(signals[i], on_fault, 0);
    }
    p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if ((sig = sigsetjmp(out, 1)) == 0) {
        *p = 1;
    }
    say_fault("not writable", sig);
    printf("address %d\n", fault_addr == (void *)p);
    munmap((void *)p, 4096);
    if ((sig = sigsetjmp(out, 1)) == 0) {
        *p = 1;
    }
    say_fault("not mapped", sig);
    if ((sig = sigsetjmp(out, 1)) == 0) {
        printf("%d\n", 1 / zero);
    }
    say_fault("integers by zero", sig);
    static const int kinds[] = {FE_DIVBYZERO, FE_INVALID};
    for (size_t k = 0; k < 2; k++) {
        feclearexcept(FE_ALL_EXCEPT);
        if ((sig = sigsetjmp(out, 1)) == 0) {
            feenableexcept(kinds[k]);
            z = k == 0 ? d / z : z / z * 0.0 + (z - z) / (z - z);
        }
        fedisableexcept(FE_ALL_EXCEPT);
        say_fault(k == 0 ? "doubles by zero" : "invalid", sig);
        z = 0.0;
    }
    if ((sig = sigsetjmp(out, 1)) == 0) {
        __asm__ volatile("ud2");
    }
    say_fault("ud2", sig);
    if ((sig = sigsetjmp(out, 1)) == 0) {
        __asm__ volatile("int3");
    }
    say_fault("int3", sig);
    if ((sig = sigsetjmp(out, 1)) == 0) {
        __asm__ volatile("mov (%0), %%rax" ::"r"(0x8000000000000000UL) : "rax");
    }
    say_fault("not canonical", sig);
}

/* ---- flags
 * --------------------------------------------------------------------------------------- */

static volatile int depth, deepest;
static void nests(int sig, siginfo_t *i, void *context)
{
    (void)i, (void)context;
    depth++;
    deepest = depth > deepest ? depth : deepest;
    if (depth < 3) {
        raise(sig);
    }
    depth--;
}

static void test_flags(void)
{
    struct sigaction a = {.sa_sigaction = nests, .sa_flags = SA_SIGINFO | SA_NODEFER}, got;
    sigaction(SIGUSR2, &a, NULL);
    raise(SIGUSR2);
    printf("SA_NODEFER: deepest %d\n", deepest);
    a.sa_flags = SA_SIGINFO | (int)SA_RESETHAND;
    a.sa_sigaction = record;
    sigaction(SIGUSR2, &a, NULL);
    raise(SIGUSR2);
    sigaction(SIGUSR2, NULL, &got);
    printf("SA_RESETHAND: default again %d\n", got.sa_handler == SIG_DFL);
    signal(SIGUSR2, SIG_IGN);
    raise(SIGUSR2);
    raise(SIGCHLD);
    raise(SIGURG);
    printf("ignored ones are ignored\n");
}

/* ---- what a handler leaves in the context
 * --------------------------------------------------------------------------------------- */

static volatile long long wanted_rax;
static void sets_rax(int sig, siginfo_t *i, void *context)
{
    (void)sig, (void)i;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = wanted_rax;
}

/* A register that looks like an error of the call that restores it is none. */
static void test_restored(void)
{
    static const long long values[] = {0,    7,    -EFAULT, -EINTR, -EACCES,
                                       -512, -513, -514,    -516,   -4095};
    struct sigaction a = {.sa_sigaction = sets_rax, .sa_flags = SA_SIGINFO | SA_RESTART};
    void *lazy = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sigaction(SIGUSR1, &a, NULL);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        long rax = SYS_tgkill;
        wanted_rax = values[i];
        __asm__ volatile("syscall"
                         : "+a"(rax)
                         : "D"((long)getpid()), "S"(syscall(SYS_gettid)), "d"((long)SIGUSR1)
                         : "rcx", "r11", "memory");
        printf("restored: %ld\n", rax);
    }
    munmap(lazy, 1 << 20);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    test_queue();
    test_rules();
    test_restart();
    test_stacks();
    test_faults();
    test_flags();
    test_restored();
    return 42;
}
