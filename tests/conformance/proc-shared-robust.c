/* SPDX-License-Identifier: Apache-2.0 */
/* Robust mutexes in memory that processes share: whoever ends while it holds one, however it ends,
 * leaves it to the next one who asks, who is told so. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE  4096u
#define PAGES 8u

static int told[2];

static void tell(void)
{
    if (write(told[1], "x", 1) != 1) {
        _exit(9);
    }
}

static void hear(void)
{
    char c;
    if (read(told[0], &c, 1) != 1) {
        printf("nobody told\n");
    }
}

/* One mutex at the start of each page; the rest of a page is anybody's. */
static char *memory(int fd)
{
    pthread_mutexattr_t a;
    char *p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
                   MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
    if (p == MAP_FAILED) {
        printf("mmap: %s\n", strerrorname_np(errno));
        exit(1);
    }
    pthread_mutexattr_init(&a);
    pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    for (unsigned i = 0; i < PAGES; i++) {
        pthread_mutex_init((pthread_mutex_t *)(void *)(p + i * PAGE), &a);
    }
    return p;
}

static pthread_mutex_t *at(char *p, unsigned page)
{
    return (pthread_mutex_t *)(void *)(p + page * PAGE);
}

static pid_t child(void (*f)(char *), char *p)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        f(p);
        _exit(0);
    }
    return pid;
}

static int ended(pid_t pid)
{
    int status = -1;
    return waitpid(pid, &status, 0) == pid ? status : -1;
}

static const char *name(int error)
{
    return error == 0 ? "0" : strerrorname_np(error);
}

/* What the next one finds, and that it is a mutex as any other then. */
static void next(const char *what, pthread_mutex_t *m)
{
    int first = pthread_mutex_lock(m);
    int mended = first == EOWNERDEAD ? pthread_mutex_consistent(m) : -1;
    int open = pthread_mutex_unlock(m);
    int again = pthread_mutex_lock(m);
    printf("%s: %s, consistent %d, unlock %d, again %s\n", what, name(first), mended, open,
           name(again));
    pthread_mutex_unlock(m);
}

/* ---- how they end ---------------------------------------------------------------------------- */

static void hold(char *p)
{
    pthread_mutex_lock(at(p, 0));
}

static void hold_and_sleep(char *p)
{
    hold(p);
    tell();
    pause();
}

static void hold_and_compute(char *p)
{
    hold(p);
    tell();
    for (volatile int i = 0;; i++) {
    }
}

static void hold_and_read(char *p)
{
    int never[2];
    char c;
    if (pipe(never) != 0) {
        _exit(9);
    }
    hold(p);
    tell();
    if (read(never[0], &c, 1) < 0) {
        _exit(9);
    }
}

static void hold_and_fault(char *p)
{
    hold(p);
    raise(SIGSEGV);
}

static void hold_all(char *p)
{
    for (unsigned i = 0; i < PAGES; i++) {
        pthread_mutex_lock(at(p, i));
    }
    tell();
    pause();
}

static void *hold_in_thread(void *p)
{
    hold(p);
    return NULL;
}

static void thread_ends(char *p)
{
    pthread_t t;
    pthread_create(&t, NULL, hold_in_thread, p);
    pthread_join(t, NULL);
    tell();
    pause();
}

static void two_threads(char *p)
{
    pthread_t t;
    pthread_create(&t, NULL, hold_in_thread, p);
    pthread_join(t, NULL);
    pthread_mutex_lock(at(p, 1));
    tell();
    for (volatile int i = 0;; i++) {
    }
}

static void other_program(char *p)
{
    char fd[16];
    snprintf(fd, sizeof fd, "%d", told[1]);
    hold(p);
    execl("/proc/self/exe", "program", fd, (char *)NULL);
    _exit(8);
}

/* ---- who waits ------------------------------------------------------------------------------- */

static void wait_for_it(char *p)
{
    tell();
    int r = pthread_mutex_lock(at(p, 0));
    p[PAGE / 2] = (char)r;
    if (r == EOWNERDEAD) {
        pthread_mutex_consistent(at(p, 0));
    }
    pthread_mutex_unlock(at(p, 0));
    _exit(0);
}

static void kills(const char *what, void (*f)(char *), char *p)
{
    pid_t pid = child(f, p);
    hear();
    kill(pid, SIGKILL);
    int status = ended(pid);
    printf("%s: ended by %d\n", what, WTERMSIG(status));
    next(what, at(p, 0));
}

static void waits_while_killed(const char *what, void (*f)(char *))
{
    char *p = memory(-1);
    pid_t holder = child(f, p);
    hear();
    pid_t waiter = child(wait_for_it, p);
    hear();
    usleep(20000);
    kill(holder, SIGKILL);
    int waited = ended(waiter);
    int status = ended(holder);
    printf("%s: waiter %d got %s, holder ended by %d\n", what, waited, name((unsigned char)p[PAGE / 2]),
           WTERMSIG(status));
    next(what, at(p, 0));
}

static void take_page(char *p)
{
    p[PAGE - 1] = 1; /* the page comes here */
    tell();
    pause();
}

static pthread_barrier_t there;

static void *hold_and_wait(void *p)
{
    hold(p);
    pthread_barrier_wait(&there);
    pthread_barrier_wait(&there); /* the page is with somebody else now */
    return NULL;
}

static void threads_of_the_first(void)
{
    char *p = memory(-1);
    pthread_t t;
    pthread_barrier_init(&there, NULL, 2);
    pthread_create(&t, NULL, hold_and_wait, p);
    pthread_barrier_wait(&there);
    pid_t pid = child(take_page, p);
    hear();
    pthread_barrier_wait(&there);
    pthread_join(t, NULL);
    next("a thread whose page another process has", at(p, 0));
    kill(pid, SIGKILL);
    printf("who had it ended by %d\n", WTERMSIG(ended(pid)));
}

static void not_recovered(void)
{
    char *p = memory(-1);
    ended(child(hold, p));
    int first = pthread_mutex_lock(at(p, 0));
    pthread_mutex_unlock(at(p, 0)); /* not consistent */
    int second = pthread_mutex_lock(at(p, 0));
    printf("given up: %s, then %s\n", name(first), name(second));
}

static void many(void)
{
    char *p = memory(-1);
    pid_t pid = child(hold_all, p);
    hear();
    for (unsigned i = 0; i < PAGES; i += 2) {
        p[i * PAGE + PAGE / 2] = 1; /* these pages are not with who holds the mutexes */
    }
    kill(pid, SIGKILL);
    printf("many: ended by %d\n", WTERMSIG(ended(pid)));
    for (unsigned i = 0; i < PAGES; i++) {
        next("one of many", at(p, i));
    }
}

int main(int argc, char **argv)
{
    if (argc > 1) { /* the program that took another's place */
        if (write(atoi(argv[1]), "x", 1) != 1) {
            return 9;
        }
        pause();
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (pipe(told) != 0) {
        return 1;
    }
    char *p = memory(-1);
    printf("exit: ended with %d\n", ended(child(hold, p)));
    next("exit", at(p, 0));
    printf("fault: ended by %d\n", WTERMSIG(ended(child(hold_and_fault, p))));
    next("fault", at(p, 0));
    kills("asleep", hold_and_sleep, p);
    kills("computing", hold_and_compute, p);
    kills("reading", hold_and_read, p);
    kills("two threads", two_threads, p);
    next("the other of two threads", at(p, 1));

    pid_t pid = child(hold_and_sleep, p);
    hear();
    kill(pid, SIGSTOP);
    int status = 0;
    waitpid(pid, &status, WUNTRACED);
    printf("stopped by %d, trylock %s\n", WSTOPSIG(status), name(pthread_mutex_trylock(at(p, 0))));
    kill(pid, SIGKILL);
    printf("stopped: ended by %d\n", WTERMSIG(ended(pid)));
    next("stopped", at(p, 0));

    pid = child(thread_ends, p);
    hear();
    next("a thread of a process that lives", at(p, 0));
    kill(pid, SIGKILL);
    ended(pid);

    pid = child(other_program, p);
    hear();
    next("another program", at(p, 0));
    kill(pid, SIGKILL);
    printf("another program: ended by %d\n", WTERMSIG(ended(pid)));

    waits_while_killed("killed asleep", hold_and_sleep);
    waits_while_killed("killed computing", hold_and_compute);
    many();
    not_recovered();
    threads_of_the_first();

    int fd = open("/dev/shm/robust", O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd < 0 || ftruncate(fd, PAGES * PAGE) != 0) {
        return 1;
    }
    unlink("/dev/shm/robust");
    kills("in a file", hold_and_compute, memory(fd));
    return 42;
}
