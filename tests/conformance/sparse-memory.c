/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is reserved and hardly touched: stacks that grow page by page, in the first thread
 * and in others, holes in large reservations, and MADV_DONTNEED over ranges where some pages are
 * there and others never were. Run on Linux and in an enclave. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE UINT64_C(4096)
#define GIB  (UINT64_C(1) << 30)

static const char *err(long r)
{
    return r < 0 ? strerrorname_np(errno) : "ok";
}

static unsigned char *reserve(size_t size, int prot)
{
    return mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/* ---- stacks ---------------------------------------------------------------------------------- */

static unsigned __attribute__((noinline)) dive(unsigned depth, unsigned char *above)
{
    volatile unsigned char frame[3 * PAGE];
    unsigned sum = 0;
    for (unsigned i = 0; i < sizeof frame;
         i += PAGE) { /* fresh pages of a stack are not always zero */
        frame[i] = (unsigned char)(depth + i / PAGE);
    }
    sum = depth > 0 ? dive(depth - 1, (unsigned char *)frame) : 0;
    for (unsigned i = 0; i < sizeof frame; i += PAGE) {
        sum += frame[i] == (unsigned char)(depth + i / PAGE);
    }
    return sum + (above == NULL);
}

static void *diver(void *depth)
{
    return (void *)(uintptr_t)dive((unsigned)(uintptr_t)depth, NULL);
}

static void stacks(void)
{
    pthread_t threads[8];
    pthread_attr_t attributes;
    printf("stacks\n");
    printf("  first thread: %u\n", dive(500, NULL)); /* 6 MiB of 8 */
    printf("  and again: %u\n", dive(500, NULL));
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 << 20);
    for (unsigned i = 0; i < 8; i++) {
        const int r =
            pthread_create(&threads[i], &attributes, diver, (void *)(uintptr_t)(i == 5 ? 4000 : i));
        if (r != 0) {
            printf("  create: %s\n", strerrorname_np(r));
        }
    }
    for (unsigned i = 0; i < 8; i++) {
        void *sum;
        pthread_join(threads[i], &sum);
        printf("  thread %u: %u\n", i, (unsigned)(uintptr_t)sum);
    }
    pthread_attr_destroy(&attributes);
}

/* The kernel writes a signal's frame, and a call its result, where nothing has been yet. */
static volatile sig_atomic_t handled;
static void handler(int signo)
{
    handled += signo != 0;
}

static void fresh_pages_for_others(void)
{
    printf("fresh pages that others write to first\n");
    unsigned char *p = reserve(64 * PAGE, PROT_READ | PROT_WRITE);
    int pipes[2];
    const stack_t alternate = {.ss_sp = p, .ss_size = 32 * PAGE};
    struct sigaction a = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    sigaltstack(&alternate, NULL);
    sigaction(SIGUSR1, &a, NULL);
    raise(SIGUSR1);
    printf("  handled %d\n", handled);
    printf("  pipe: %s\n", err(pipe(pipes)));
    printf("  write: %ld\n", (long)write(pipes[1], "hello", 5));
    printf("  read across pages: %ld\n", (long)read(pipes[0], p + 50 * PAGE - 2, 5));
    printf("  %.5s\n", (char *)p + 50 * PAGE - 2);
    printf("  write from a fresh page: %ld\n", (long)write(pipes[1], p + 60 * PAGE, 5));
    const stack_t none = {.ss_flags = SS_DISABLE};
    sigaltstack(&none, NULL);
    munmap(p, 64 * PAGE);
    close(pipes[0]);
    close(pipes[1]);
}

/* ---- holes ----------------------------------------------------------------------------------- */

static unsigned zeros(const unsigned char *p, size_t pages)
{
    unsigned n = 0;
    for (size_t i = 0; i < pages; i++) {
        n += p[i * PAGE] == 0 && p[i * PAGE + PAGE - 1] == 0;
    }
    return n;
}

static void holes(void)
{
    printf("a large reservation\n");
    unsigned char *p = reserve(8 * GIB, PROT_READ | PROT_WRITE);
    printf("  8 GiB: %s\n", p == MAP_FAILED ? strerrorname_np(errno) : "ok");
    for (uint64_t at = 0; at < 8 * GIB; at += GIB / 4 + PAGE) {
        p[at] = (unsigned char)(at / PAGE + 1);
    }
    unsigned good = 0;
    for (uint64_t at = 0; at < 8 * GIB; at += GIB / 4 + PAGE) {
        good += p[at] == (unsigned char)(at / PAGE + 1);
    }
    printf("  kept: %u\n", good);
    printf("  forgotten: %s\n", err(madvise(p, 8 * GIB, MADV_DONTNEED)));
    good = 0;
    for (uint64_t at = 0; at < 8 * GIB; at += GIB / 4 + PAGE) {
        good += p[at] == 0;
    }
    printf("  zero: %u\n", good);
    printf("  unmapped: %s\n", err(munmap(p, 8 * GIB)));
}

static void forget(void)
{
    printf("MADV_DONTNEED\n");
    unsigned char *p = reserve(64 * PAGE, PROT_READ | PROT_WRITE);
    for (unsigned i = 0; i < 64; i += 3) {
        memset(p + i * PAGE, 0xa5, PAGE);
    }
    printf("  the middle: %s\n", err(madvise(p + 8 * PAGE, 16 * PAGE, MADV_DONTNEED)));
    printf("  zero before %u, in it %u, behind %u\n", zeros(p, 8), zeros(p + 8 * PAGE, 16),
           zeros(p + 24 * PAGE, 40));
    p[9 * PAGE] = 7;
    printf("  again: %s\n", err(madvise(p + 8 * PAGE, 16 * PAGE, MADV_DONTNEED)));
    printf("  zero %u\n", zeros(p + 8 * PAGE, 16));
    printf("  a part of a page: %s\n", err(madvise(p + 24 * PAGE, 1, MADV_DONTNEED)));
    printf("  all of that page: %u\n", zeros(p + 24 * PAGE, 1));
    printf("  not at a page: %s\n", err(madvise(p + 1, PAGE, MADV_DONTNEED)));

    mprotect(p + 32 * PAGE, 4 * PAGE, PROT_READ);
    mprotect(p + 36 * PAGE, 4 * PAGE, PROT_NONE);
    printf("  over other protections: %s\n", err(madvise(p + 30 * PAGE, 12 * PAGE, MADV_DONTNEED)));
    mprotect(p + 32 * PAGE, 8 * PAGE, PROT_READ | PROT_WRITE);
    printf("  zero %u\n", zeros(p + 30 * PAGE, 12));

    memset(p + 40 * PAGE, 0x5a, 8 * PAGE);
    munmap(p + 42 * PAGE, 2 * PAGE);
    printf("  over a hole: %s\n", err(madvise(p + 40 * PAGE, 8 * PAGE, MADV_DONTNEED)));
    printf("  zero before it %u, behind it %u\n", zeros(p + 40 * PAGE, 2), zeros(p + 44 * PAGE, 4));
    memset(p + 40 * PAGE, 0x5a, PAGE);
    printf("  nothing of nothing: %s\n", err(madvise(p + 40 * PAGE, 0, MADV_DONTNEED)));
    printf("  kept: %x\n", p[40 * PAGE]);

    /* A private file's pages are the file's again. */
    FILE *file = tmpfile();
    fputs("what the file says", file);
    fflush(file);
    unsigned char *m = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fileno(file), 0);
    memcpy(m, "WHAT", 4);
    printf("  changed: %.8s\n", (char *)m);
    printf("  forgotten: %s\n", err(madvise(m, PAGE, MADV_DONTNEED)));
    printf("  as it was: %.8s\n", (char *)m);
    fclose(file);

    /* A child forgets what is its own. */
    memset(p, 0x11, 4 * PAGE);
    fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0) {
        madvise(p, 2 * PAGE, MADV_DONTNEED);
        _exit((int)(zeros(p, 4) * 10 + (p[2 * PAGE] == 0x11)));
    }
    int status = 0;
    waitpid(pid, &status, 0);
    printf("  child %d, parent %u\n", WEXITSTATUS(status), zeros(p, 4));
    munmap(p, 64 * PAGE);
}

/* ---- guards ---------------------------------------------------------------------------------- */

static sigjmp_buf back;
static void *volatile fault;
static void on_fault(int signo, siginfo_t *info, void *context)
{
    (void)signo, (void)context;
    fault = info->si_addr;
    siglongjmp(back, 1);
}

static void guards(void)
{
    struct sigaction a = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    unsigned char *volatile p = reserve(8 * PAGE, PROT_NONE);
    printf("guards\n");
    sigaction(SIGSEGV, &a, NULL);
    mprotect(p + PAGE, 6 * PAGE, PROT_READ | PROT_WRITE);
    for (volatile int i = 0; i < 8; i++) {
        fault = NULL;
        if (sigsetjmp(back, 1) == 0) {
            p[i * (int)PAGE + 5] = 1;
        }
        printf("  page %d: %s\n", i,
               fault == NULL                    ? "there"
               : fault == p + i * (int)PAGE + 5 ? "a fault at its address"
                                                : "a fault elsewhere");
    }
    signal(SIGSEGV, SIG_DFL);
    munmap(p, 8 * PAGE);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    stacks();
    fresh_pages_for_others();
    holes();
    forget();
    guards();
    return 42;
}
