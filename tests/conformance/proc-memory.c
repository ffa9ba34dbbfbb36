/* SPDX-License-Identifier: Apache-2.0 */
/* What a child of fork finds in memory, registers and signal state. Run on Linux and in an enclave:
 * the output must be the same. Only one process writes at a time. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xmmintrin.h>

#define SAY(...)                                                                                   \
    do {                                                                                           \
        printf(__VA_ARGS__);                                                                       \
        printf("\n");                                                                              \
        fflush(stdout);                                                                            \
    } while (0)
#define PAGE 4096u

static int initialised = 5;
static char zeros[3 * PAGE];
static __thread int of_thread = 7;
static volatile sig_atomic_t caught;

static void on_signal(int s)
{
    caught = s;
}

static void in_child(const char *what, void (*f)(void *), void *p)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        f(p);
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        SAY("%s: %s", what, strerrorname_np(errno));
    } else if (WIFSIGNALED(status)) {
        SAY("%s: the child ends by signal %d", what, WTERMSIG(status));
    } else {
        SAY("%s: the child ends with %d", what, WEXITSTATUS(status));
    }
}

static char *map(size_t size, int prot)
{
    return mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* ---- contents -------------------------------------------------------------------------------- */

struct memory {
    char *data, *lazy, *hidden, *file;
    char on_stack[100];
};

static void look_and_write(void *p)
{
    struct memory *m = p;
    int wrong = 0;
    for (size_t i = 0; i < 300 * PAGE; i += 97) {
        wrong += m->data[i] != (char)(i / PAGE % 5 == 0 ? 0 : i / PAGE);
    }
    SAY("child: wrong bytes %d, lazy %d, file %.5s, stack %s, data %d, bss %d, thread %d", wrong,
        m->lazy[40 << 20], m->file, m->on_stack, initialised, zeros[PAGE], of_thread);
    mprotect(m->hidden, PAGE, PROT_READ);
    SAY("child: hidden %d", m->hidden[3]);
    memset(m->data, 'c', 300 * PAGE);
    initialised = zeros[PAGE] = of_thread = 99;
    char *more = malloc(5 << 20);
    memset(more, 1, 5 << 20);
    char *top = sbrk(1 << 20);
    memset(top, 2, 1 << 20);
    char *again = map(8 << 20, PROT_READ | PROT_WRITE);
    SAY("child: new memory is zero: %d", again[0] == 0 && again[(8 << 20) - 1] == 0);
    munmap(m->data, 10 * PAGE);
}

static void contents(void)
{
    struct memory m = {.data = map(300 * PAGE, PROT_READ | PROT_WRITE),
                       .hidden = map(PAGE, PROT_READ | PROT_WRITE),
                       .on_stack = "kept"};
    for (size_t i = 0; i < 300; i++) {
        memset(m.data + i * PAGE, i % 5 == 0 ? 0 : (int)i, PAGE);
    }
    m.lazy = mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    m.lazy[40 << 20] = 44;
    m.hidden[3] = 33;
    mprotect(m.hidden, PAGE, PROT_NONE);
    int fd = open("/tmp/proc-memory", O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (write(fd, "written in a file", 17) != 17) {
        SAY("write: %s", strerrorname_np(errno));
    }
    m.file = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    m.file[1] = 'R';
    zeros[PAGE] = 6;
    in_child("contents", look_and_write, &m);
    SAY("parent: data %d, initialised %d, bss %d, thread %d, file %.5s", m.data[PAGE], initialised,
        zeros[PAGE], of_thread, m.file);
    unlink("/tmp/proc-memory");
    close(fd);
}

/* ---- what is not copied ---------------------------------------------------------------------- */

static void touch(void *p)
{
    SAY("child: %d", *(volatile char *)p);
}

static void advice(void)
{
    char *p = map(4 * PAGE, PROT_READ | PROT_WRITE);
    memset(p, 'a', 4 * PAGE);
    SAY("WIPEONFORK: %d, DONTFORK: %d", madvise(p, PAGE, MADV_WIPEONFORK),
        madvise(p + PAGE, 2 * PAGE, MADV_DONTFORK));
    SAY("DOFORK: %d", madvise(p + 2 * PAGE, PAGE, MADV_DOFORK));
    in_child("wiped", touch, p);
    in_child("not forked", touch, p + PAGE);
    in_child("forked again", touch, p + 2 * PAGE);
    in_child("never said", touch, p + 3 * PAGE);
    SAY("parent: %c%c%c%c", p[0], p[PAGE], p[2 * PAGE], p[3 * PAGE]);
    SAY("KEEPONFORK: %d", madvise(p, PAGE, MADV_KEEPONFORK));
    in_child("kept", touch, p);
    char *shared = mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    SAY("WIPEONFORK of shared memory: %d %s", madvise(shared, PAGE, MADV_WIPEONFORK),
        strerrorname_np(errno));
    munmap(shared, PAGE);
}

/* ---- signals and registers ------------------------------------------------------------------- */

static void look_at_signals(void *p)
{
    (void)p;
    sigset_t set, pending;
    stack_t s;
    struct itimerval t;
    sigprocmask(SIG_SETMASK, NULL, &set);
    sigpending(&pending);
    sigaltstack(NULL, &s);
    getitimer(ITIMER_REAL, &t);
    SAY("child: blocks USR1 %d, pending %d, alternate stack %zu, timer %ld",
        sigismember(&set, SIGUSR1), sigismember(&pending, SIGUSR1), s.ss_size,
        (long)t.it_value.tv_sec);
    raise(SIGUSR2);
    SAY("child: handler ran %d", caught == SIGUSR2);
    char name[17] = "";
    prctl(PR_GET_NAME, name);
    SAY("child: rounds up %d, name %s", _MM_GET_ROUNDING_MODE() == _MM_ROUND_UP, name);
}

static void signals(void)
{
    static char stack[65536];
    struct sigaction a = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    struct itimerval t = {.it_value = {.tv_sec = 500}};
    stack_t s = {.ss_sp = stack, .ss_size = sizeof stack};
    sigset_t set;
    sigaltstack(&s, NULL);
    sigaction(SIGUSR2, &a, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    raise(SIGUSR1);
    setitimer(ITIMER_REAL, &t, NULL);
    prctl(PR_SET_NAME, "forker");
    unsigned csr = _mm_getcsr();
    _mm_setcsr(csr | _MM_ROUND_UP);
    in_child("signals", look_at_signals, NULL);
    _mm_setcsr(csr);
    sigpending(&set);
    SAY("parent: still pending %d", sigismember(&set, SIGUSR1));
}

/* ---- generations and threads ----------------------------------------------------------------- */

static void grandchild(void *p)
{
    int *depth = p;
    if (--*depth > 0) {
        in_child("next generation", grandchild, p);
    }
    SAY("depth %d", *depth);
}

static volatile int stop;

static void *write_around(void *p)
{
    volatile unsigned *words = p;
    while (!stop) {
        for (unsigned i = 0; i < 1024; i++) {
            words[i]++;
        }
    }
    return NULL;
}

static void count_tasks(void *p)
{
    (void)p;
    char text[1024];
    int fd = open("/proc/self/status", O_RDONLY);
    ssize_t n = read(fd, text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    const char *threads = strstr(text, "Threads:");
    SAY("child: threads %d", threads != NULL ? atoi(threads + 8) : -1);
}

int main(void)
{
    contents();
    advice();
    signals();
    int depth = 3;
    in_child("generations", grandchild, &depth);
    pthread_t t;
    pthread_create(&t, NULL, write_around, map(PAGE, PROT_READ | PROT_WRITE));
    for (int i = 0; i < 3; i++) {
        in_child("while a thread writes", count_tasks, NULL);
    }
    stop = 1;
    pthread_join(t, NULL);
    SAY("end");
    return 42;
}
