/* SPDX-License-Identifier: Apache-2.0 */
/* Threads, signals, faults, memory and time, as a program sees them. Run on Linux and in an
 * enclave: the output must be the same, so nothing that may differ (addresses, ids, times) is
 * printed. */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define SAY(...)                                                                                   \
    do {                                                                                           \
        printf(__VA_ARGS__);                                                                       \
        printf("\n");                                                                              \
        fflush(stdout);                                                                            \
    } while (0)

static const char *err(int r)
{
    return r < 0 ? strerrorname_np(errno) : "ok";
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- signals
 * ------------------------------------------------------------------------------------------ */

static volatile sig_atomic_t caught, nested, deep;
static char alt_stack[65536];
static volatile double fp_value;

static void on_usr1(int s)
{
    caught = s;
    fp_value = 2.0 / 3.0; /* disturbs vector registers */
}

static void on_usr2(int s, siginfo_t *i, void *c)
{
    char here;
    const ucontext_t *uc = c;
    caught = s;
    SAY("  usr2 code=%d value=%d on_alt=%d mask_has_usr1=%d",
        i->si_code == SI_QUEUE ? 1 : i->si_code, i->si_value.sival_int,
        &here >= alt_stack && &here < alt_stack + sizeof alt_stack,
        sigismember(&uc->uc_sigmask, SIGUSR1));
}

static void on_nest(int s)
{
    (void)s;
    if (deep < 3) {
        deep++;
        raise(SIGHUP);
    }
    nested++;
}

static void signals(void)
{
    struct sigaction sa = {.sa_handler = on_usr1};
    sigset_t set, old, pending;
    SAY("signals");
    sigaction(SIGUSR1, &sa, NULL);
    double x = 1.0 / 3.0;
    raise(SIGUSR1);
    SAY("  raise: %d, registers kept: %d", caught == SIGUSR1, x * 3.0 == 1.0);
    caught = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &old);
    kill(getpid(), SIGUSR1);
    sigpending(&pending);
    SAY("  blocked: caught %d pending %d", caught, sigismember(&pending, SIGUSR1));
    struct timespec soon = {0, 1000000};
    siginfo_t info;
    SAY("  sigtimedwait: %d",
        sigtimedwait(&set, &info, &soon) == SIGUSR1 && info.si_pid == getpid());
    SAY("  sigtimedwait again: %s", err(sigtimedwait(&set, &info, &soon)));
    kill(getpid(), SIGUSR1);
    sigdelset(&old, SIGUSR1);
    int r = sigsuspend(&old);
    SAY("  sigsuspend: %s caught %d", err(r), caught == SIGUSR1);
    sigprocmask(SIG_SETMASK, &old, NULL);
    stack_t ss = {.ss_sp = alt_stack, .ss_size = sizeof alt_stack}, got;
    SAY("  sigaltstack: %s", err(sigaltstack(&ss, NULL)));
    sa = (struct sigaction){.sa_sigaction = on_usr2,
                            .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND};
    sigaction(SIGUSR2, &sa, NULL);
    union sigval v = {.sival_int = 77};
    SAY("  sigqueue: %s", err(sigqueue(getpid(), SIGUSR2, v)));
    sigaction(SIGUSR2, NULL, &sa);
    sigaltstack(NULL, &got);
    SAY("  reset: %d, alt kept: %d", sa.sa_handler == SIG_DFL, got.ss_sp == alt_stack);
    sa = (struct sigaction){.sa_handler = on_nest, .sa_flags = SA_NODEFER};
    sigaction(SIGHUP, &sa, NULL);
    raise(SIGHUP);
    SAY("  nested: %d", nested);
    signal(SIGHUP, SIG_IGN);
    raise(SIGHUP);
    SAY("  ignored: %d", nested);
    SAY("  bad signal: %s, bad pid: %s", err(kill(getpid(), 65)), err(kill(999999, 0)));
    SAY("  sigaction KILL: %s", err(sigaction(SIGKILL, &sa, NULL)));
}

/* ---- faults
 * -------------------------------------------------------------------------------------------- */

static sigjmp_buf back;
static volatile int fault_code;
static void *volatile fault_addr;

static void on_fault(int s, siginfo_t *i, void *c)
{
    (void)c;
    fault_code = i->si_code;
    fault_addr = i->si_addr;
    siglongjmp(back, s);
}

static void faults(void)
{
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    SAY("faults");
    int signals_[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
    for (size_t i = 0; i < sizeof signals_ / sizeof signals_[0]; i++) {
        sigaction(signals_[i], &sa, NULL);
    }
    char *page = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int s = sigsetjmp(back, 1);
    if (s == 0) {
        *(volatile char *)page = 1;
    }
    SAY("  write to read-only: %s code %d addr %d", sigabbrev_np(s), fault_code,
        fault_addr == page);
    mprotect(page, 4096, PROT_NONE);
    s = sigsetjmp(back, 1);
    if (s == 0) {
        (void)*(volatile char *)(page + 5);
    }
    SAY("  read of none: %s code %d addr %d", sigabbrev_np(s), fault_code, fault_addr == page + 5);
    s = sigsetjmp(back, 1);
    if (s == 0) {
        *(volatile int *)8 = 1;
    }
    SAY("  null: %s code %d addr %d", sigabbrev_np(s), fault_code, fault_addr == (void *)8);
    s = sigsetjmp(back, 1);
    if (s == 0) {
        __asm__ volatile("ud2");
    }
    SAY("  ud2: %s code %d", sigabbrev_np(s), fault_code);
    s = sigsetjmp(back, 1);
    if (s == 0) {
        volatile int zero = 0;
        zero = 1 / zero;
    }
    SAY("  division: %s code %d", sigabbrev_np(s), fault_code);
    s = sigsetjmp(back, 1);
    if (s == 0) {
        __asm__ volatile("int3");
    }
    SAY("  int3: %s", sigabbrev_np(s));
    s = sigsetjmp(back, 1);
    if (s == 0) {
        ((void (*)(void))(void *)(page + 4096))();
    }
    SAY("  execute data: %s code %d", sigabbrev_np(s), fault_code);
    s = sigsetjmp(back, 1);
    if (s == 0) {
        *(volatile int *)UINT64_C(0x8000000000000000) = 1;
    }
    SAY("  non-canonical: %s", sigabbrev_np(s));
    int r = (int)syscall(SYS_write, 1, page, 10);
    SAY("  write from none: %s", err(r));
    for (size_t i = 0; i < sizeof signals_ / sizeof signals_[0]; i++) {
        signal(signals_[i], SIG_DFL);
    }
    munmap(page, 8192);
}

/* ---- threads
 * --------------------------------------------------------------------------------------------- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static long counter, waiting, released;
static __thread int tls_value = 5;
static pthread_mutex_t robust;

static void *count(void *a)
{
    (void)a;
    for (int i = 0; i < 20000; i++) {
        pthread_mutex_lock(&mutex);
        counter++;
        pthread_mutex_unlock(&mutex);
    }
    tls_value++;
    return (void *)(intptr_t)tls_value;
}

static void *wait_for_broadcast(void *a)
{
    (void)a;
    pthread_mutex_lock(&mutex);
    waiting++;
    while (!released) {
        pthread_cond_wait(&cond, &mutex);
    }
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void *die_with_lock(void *a)
{
    (void)a;
    pthread_mutex_lock(&robust);
    return NULL;
}

static void *sleep_interrupted(void *a)
{
    struct timespec t = {5, 0}, left = {0, 0};
    (void)a;
    int r = nanosleep(&t, &left);
    return (void *)(intptr_t)(r < 0 && errno == EINTR && left.tv_sec >= 3);
}

static void *cancelled(void *a)
{
    (void)a;
    for (;;) {
        pause();
    }
    return NULL;
}

static void *blocked_read(void *a)
{
    char c = 0;
    const int *fds = a;
    ssize_t n = read(fds[0], &c, 1);
    return (void *)(intptr_t)(n == 1 && c == 'x');
}

static void threads(void)
{
    pthread_t t[8];
    void *result;
    long sum = 0;
    SAY("threads");
    for (int i = 0; i < 8; i++) {
        pthread_create(&t[i], NULL, count, NULL);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(t[i], &result);
        sum += (long)(intptr_t)result;
    }
    SAY("  counter %ld tls %ld own %d", counter, sum, tls_value);
    for (int i = 0; i < 6; i++) {
        pthread_create(&t[i], NULL, wait_for_broadcast, NULL);
    }
    for (;;) {
        pthread_mutex_lock(&mutex);
        if (waiting == 6) {
            break;
        }
        pthread_mutex_unlock(&mutex);
        sched_yield();
    }
    released = 1;
    pthread_cond_broadcast(&cond);
    pthread_mutex_unlock(&mutex);
    for (int i = 0; i < 6; i++) {
        pthread_join(t[i], NULL);
    }
    SAY("  broadcast done");
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_nsec += 20000000;
    deadline.tv_sec += deadline.tv_nsec / 1000000000;
    deadline.tv_nsec %= 1000000000;
    pthread_mutex_lock(&mutex);
    int r = pthread_cond_timedwait(&cond, &mutex, &deadline);
    pthread_mutex_unlock(&mutex);
    SAY("  timedwait: %s", strerrorname_np(r));
    pthread_mutexattr_t ma;
    pthread_mutexattr_init(&ma);
    pthread_mutexattr_setrobust(&ma, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&robust, &ma);
    pthread_create(&t[0], NULL, die_with_lock, NULL);
    pthread_join(t[0], NULL);
    r = pthread_mutex_lock(&robust);
    SAY("  robust: %s", strerrorname_np(r));
    struct sigaction sa = {.sa_handler = on_usr1};
    sigaction(SIGUSR1, &sa, NULL);
    pthread_create(&t[0], NULL, sleep_interrupted, NULL);
    usleep(50000);
    pthread_kill(t[0], SIGUSR1);
    pthread_join(t[0], &result);
    SAY("  sleep interrupted: %d", (int)(intptr_t)result);
    pthread_create(&t[0], NULL, cancelled, NULL);
    usleep(10000);
    pthread_cancel(t[0]);
    pthread_join(t[0], &result);
    SAY("  cancelled: %d", result == PTHREAD_CANCELED);
    int fds[2];
    SAY("  pipe: %s", err(pipe(fds)));
    sa.sa_flags = SA_RESTART;
    sigaction(SIGUSR1, &sa, NULL);
    pthread_create(&t[0], NULL, blocked_read, fds);
    usleep(20000);
    caught = 0;
    pthread_kill(t[0], SIGUSR1);
    usleep(20000);
    SAY("  write: %d", (int)write(fds[1], "x", 1));
    pthread_join(t[0], &result);
    SAY("  restarted read: %d caught %d", (int)(intptr_t)result, caught == SIGUSR1);
    for (int i = 0; i < 200; i++) {
        if (pthread_create(&t[0], NULL, cancelled, NULL) != 0) {
            SAY("  create failed");
            break;
        }
        pthread_cancel(t[0]);
        pthread_join(t[0], NULL);
    }
    SAY("  two hundred threads came and went");
}

/* ---- memory
 * ------------------------------------------------------------------------------------------------
 */

static void memory(void)
{
    SAY("memory");
    char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(p, 9, 1 << 20);
    SAY("  dontneed: %s %d", err(madvise(p, 8192, MADV_DONTNEED)), p[0] + p[8191] + p[8192]);
    SAY("  hole: %s", err(munmap(p + 4096, 4096)));
    SAY("  protect over a hole: %s", err(mprotect(p, 12288, PROT_READ)));
    SAY("  bad length: %s", err(munmap(p, 0)));
    SAY("  noreplace: %d %s",
        mmap(p, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) ==
            MAP_FAILED,
        strerrorname_np(errno));
    char *q = mremap(p + 8192, 4096, 65536, MREMAP_MAYMOVE);
    SAY("  mremap: %d %d %d", q != MAP_FAILED, q[0], q[4096]);
    char *big = malloc(100 << 20);
    memset(big, 1, 100 << 20);
    big = realloc(big, 150 << 20);
    SAY("  realloc: %d %d", big[0], big[(100 << 20) - 1]);
    free(big);
    volatile char *zero = calloc(1, 50 << 20);
    SAY("  calloc: %d %d", zero[0], zero[(50 << 20) - 1]);
    free((void *)zero);
    void *start = sbrk(0);
    SAY("  sbrk: %d %d", sbrk(1 << 20) == start, (char *)sbrk(0) == (char *)start + (1 << 20));
    char *reserve = mmap(NULL, UINT64_C(8) << 30, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    SAY("  reserve: %d %s", reserve != MAP_FAILED,
        err(mprotect(reserve + 4096, 4096, PROT_READ | PROT_WRITE)));
    reserve[4100] = 3;
    SAY("  reserve usable: %d", reserve[4100]);
    SAY("  unreserve: %s", err(munmap(reserve, UINT64_C(8) << 30)));
    char *lazy = mmap(NULL, UINT64_C(1) << 30, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    lazy[500 << 20] = 4;
    SAY("  lazy: %d %d", lazy[500 << 20], lazy[700 << 20]);
    SAY("  call into lazy: %d", (int)getrandom(lazy + (900 << 20), 100, 0));
    munmap(lazy, UINT64_C(1) << 30);
    unsigned char vec[2];
    SAY("  mincore: %s", err(mincore(q, 8192, vec)));
    SAY("  mlock: %s", err(msync(q, 4096, MS_SYNC)));
}

/* ---- time and the rest
 * ----------------------------------------------------------------------------------------- */

static void rest(void)
{
    struct timespec t = {0, 30000000};
    char name[16] = "";
    struct rlimit rl;
    SAY("rest");
    double a = now();
    nanosleep(&t, NULL);
    double b = now();
    SAY("  nanosleep: %d", b - a >= 0.03 && b - a < 2);
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += 0;
    t.tv_nsec += 10000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    SAY("  absolute: %d", clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL));
    t.tv_nsec = 2000000000;
    SAY("  bad time: %s", err(nanosleep(&t, NULL)));
    prctl(PR_SET_NAME, "a-long-name-that-is-cut");
    prctl(PR_GET_NAME, name);
    SAY("  name: %s", name);
    SAY("  rlimit: %s %d", err(getrlimit(RLIMIT_STACK, &rl)), rl.rlim_cur == 8 << 20);
    SAY("  bad clock: %s", err(clock_gettime(77, &t)));
    uint32_t word = 1;
    t = (struct timespec){0, 1000000};
    SAY("  futex changed: %s", err((int)syscall(SYS_futex, &word, FUTEX_WAIT, 0, &t)));
    SAY("  futex timeout: %s", err((int)syscall(SYS_futex, &word, FUTEX_WAIT, 1, &t)));
    SAY("  futex unaligned: %s",
        err((int)syscall(SYS_futex, (char *)&word + 1, FUTEX_WAIT, 1, &t)));
    SAY("  wait: %s", err((int)wait(NULL)));
    SAY("  unknown call: %s", err((int)syscall(1000)));
    SAY("  argument that faults: %s", err((int)syscall(SYS_clock_gettime, 0, 8)));
}

int main(void)
{
    signals();
    faults();
    threads();
    memory();
    rest();
    return 42;
}
