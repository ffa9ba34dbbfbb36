/* SPDX-License-Identifier: Apache-2.0 */
/* Function pointers that carry a value: trampolines as libffi writes them into memory that it asked
 * to be executable, and nested functions of C on stacks. Where the processor runs them on Linux, an
 * enclave reads them: registers, flags and where they lead are the same. Run on Linux and in an
 * enclave. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096u

/* ---- shapes ---------------------------------------------------------------------------------- */

static const uint8_t with_endbr[24] = {0xf3, 0x0f, 0x1e, 0xfa, 0x4c, 0x8d, 0x15, 0xf5,
                                       0xff, 0xff, 0xff, 0xff, 0x25, 7,    0,    0,
                                       0,    0x0f, 0x1f, 0x80, 0,    0,    0,    0};
static const uint8_t without[16] = {0x4c, 0x8d, 0x15, 0xf9, 0xff, 0xff, 0xff, 0xff,
                                    0x25, 3,    0,    0,    0,    0x0f, 0x1f, 0};

static uint8_t *put_libffi(uint8_t *at, const uint8_t *code, size_t size, const void *target)
{
    memcpy(at, code, size);
    memcpy(at + size, &target, sizeof target);
    return at;
}

static uint8_t *put(uint8_t *at, const void *target)
{
    return put_libffi(at, with_endbr, sizeof with_endbr, target);
}

static uint8_t *put_nested(uint8_t *at, int endbr, int low, const void *target, uint64_t chain)
{
    uint8_t *p = at;
    if (endbr) {
        p = (uint8_t *)memcpy(p, with_endbr, 4) + 4;
    }
    *p++ = low ? 0x41 : 0x49;
    *p++ = 0xbb;
    memcpy(p, &target, low ? 4 : 8);
    p += low ? 4 : 8;
    p = (uint8_t *)memcpy(p, "\x49\xba", 2) + 2;
    p = (uint8_t *)memcpy(p, &chain, 8) + 8;
    memcpy(p, "\x49\xff\xe3", 3);
    return at;
}

static uint8_t *executable(void *hint)
{
    void *p =
        mmap(hint, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        printf("mmap: %s\n", strerrorname_np(errno));
        exit(1);
    }
    return p;
}

/* Calls a trampoline with all registers as in `before`; where it leads keeps them in `after`. */
struct registers {
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15, flags;
    uint64_t xmm[16][2];
};
struct registers before, after;
const void *called;
void call_with_registers(void);
void keep_registers(void);
__asm__(".text\n"
        "call_with_registers:\n"
        "  push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15; sub $8, %rsp\n"
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
        "  movdqu before+128+16*\\n(%rip), %xmm\\n\n"
        ".endr\n"
        "  mov before(%rip), %rax; mov before+8(%rip), %rbx; mov before+16(%rip), %rcx\n"
        "  mov before+24(%rip), %rdx; mov before+32(%rip), %rsi; mov before+40(%rip), %rdi\n"
        "  mov before+48(%rip), %rbp; mov before+56(%rip), %r8; mov before+64(%rip), %r9\n"
        "  mov before+72(%rip), %r10; mov before+80(%rip), %r11; mov before+88(%rip), %r12\n"
        "  mov before+96(%rip), %r13; mov before+104(%rip), %r14; mov before+112(%rip), %r15\n"
        "  push before+120(%rip); popfq\n"
        "  call *called(%rip)\n"
        "  cld\n"
        "  add $8, %rsp; pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
        "  ret\n"
        "keep_registers:\n"
        "  endbr64\n"
        "  mov %rax, after(%rip); mov %rbx, after+8(%rip); mov %rcx, after+16(%rip)\n"
        "  mov %rdx, after+24(%rip); mov %rsi, after+32(%rip); mov %rdi, after+40(%rip)\n"
        "  mov %rbp, after+48(%rip); mov %r8, after+56(%rip); mov %r9, after+64(%rip)\n"
        "  mov %r10, after+72(%rip); mov %r11, after+80(%rip); mov %r12, after+88(%rip)\n"
        "  mov %r13, after+96(%rip); mov %r14, after+104(%rip); mov %r15, after+112(%rip)\n"
        "  pushfq; pop after+120(%rip)\n"
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
        "  movdqu %xmm\\n, after+128+16*\\n(%rip)\n"
        ".endr\n"
        "  ret\n");

static void show(const char *name, const uint8_t *at, uint64_t r10, uint64_t r11)
{
    const uint64_t changing = 0x8d5; /* CF, PF, AF, ZF, SF, OF */
    for (size_t i = 0; i < sizeof before / 8; i++) {
        ((uint64_t *)(void *)&before)[i] = (i + 1) * 0x0123456789abcdfu;
    }
    before.flags = 0x202 | changing;
    memset(&after, 0, sizeof after);
    called = at;
    call_with_registers();
    const int kept10 = after.r10 == r10, kept11 = after.r11 == (r11 != 0 ? r11 : before.r11);
    after.r10 = before.r10;
    after.r11 = before.r11;
    printf("%s: r10 %d, r11 %d, the rest is kept %d\n", name, kept10, kept11,
           memcmp(&before, &after, sizeof before) == 0);
}

static void shapes(void)
{
    const void *keep = (const void *)(uintptr_t)keep_registers;
    const uint64_t chain = 0x1122334455667788, address = (uint64_t)(uintptr_t)keep;
    uint8_t *p = executable(NULL), *low = executable((void *)0x70000000);
    const uint64_t at = (uint64_t)(uintptr_t)p, low_at = (uint64_t)(uintptr_t)low;
    show("libffi's", put(p, keep), at, 0);
    show("libffi's without endbr64", put_libffi(p, without, sizeof without, keep), at, 0);
    show("at an odd place", put(p + 101, keep), at + 101, 0);
    show("a nested function's", put_nested(p, 0, 0, keep, chain), chain, address);
    show("with endbr64", put_nested(p, 1, 0, keep, chain), chain, address);
    printf("below 4 GiB: %d\n", low_at >> 32 == 0);
    show("a low one's, to another trampoline", put_nested(p, 0, 1, put(low, keep), chain), low_at,
         low_at);
    show("with endbr64", put_nested(p, 1, 1, low, chain), low_at, low_at);
    show("at the end of its memory", put(p + PAGE - 32, keep), at + PAGE - 32, 0);
    show("shorter, at its very end", put_nested(p + PAGE - 23, 0, 0, keep, 5), 5, address);
    munmap(p, PAGE);
    munmap(low, PAGE);
}

/* ---- nested functions ------------------------------------------------------------------------ */

struct pair {
    double x;
    long n;
};
struct large {
    long words[9];
};

static struct pair apply(struct pair (*f)(double, float, long), double x)
{
    return f(x, 0.5f, 3);
}

static struct large apply_large(struct large (*f)(struct large, long double), long first)
{
    struct large l = {.words = {first}};
    return f(l, 1.25L);
}

/* Knuth's: each call's B knows the k of its own A. */
static int man_or_boy(int k, int (*x1)(void), int (*x2)(void), int (*x3)(void), int (*x4)(void),
                      int (*x5)(void))
{
    int b(void)
    {
        k--;
        return man_or_boy(k, b, x1, x2, x3, x4);
    }
    return k <= 0 ? x4() + x5() : b();
}
static int one(void)
{
    return 1;
}
static int minus_one(void)
{
    return -1;
}
static int zero(void)
{
    return 0;
}

static void nested(int scale)
{
    int compared = 0;
    int by_distance(const void *a, const void *b)
    {
        compared++;
        return abs(*(const int *)a - scale) - abs(*(const int *)b - scale);
    }
    struct pair scaled(double x, float y, long n)
    {
        return (struct pair){x * scale + (double)y, n + scale};
    }
    struct large counted(struct large l, long double x)
    {
        for (int i = 1; i < 9; i++) {
            l.words[i] = l.words[i - 1] + scale + (long)(x * 4);
        }
        return l;
    }
    int numbers[] = {5, 3, 900, 1, -7, 44, 18, 0};
    qsort(numbers, 8, sizeof numbers[0], by_distance);
    printf("nearest to %d: %d %d, farthest %d, compared %d\n", scale, numbers[0], numbers[1],
           numbers[7], compared > 8);
    const struct pair p = apply(scaled, 1.5);
    printf("a pair: %g %ld, large: %ld\n", p.x, p.n, apply_large(counted, 100).words[8]);
    printf("man or boy: %d\n", man_or_boy(7, one, minus_one, minus_one, one, zero));
}

/* ---- threads and processes ------------------------------------------------------------------- */

static uint8_t *shared;

static long plus_one(long a)
{
    return a + 1;
}

static long times_three(long a)
{
    return a * 3;
}

static long call(const void *at, long a)
{
    long (*f)(long);
    memcpy(&f, &at, sizeof f);
    return f(a);
}

static void *thread(void *argument)
{
    const long mine = (long)(intptr_t)argument;
    long sum = 0;
    long add(long n)
    {
        return n + mine;
    }
    long (*volatile f)(long) = add;
    for (long i = 0; i < 300; i++) {
        sum = f(call(shared, sum)) - call(shared + 64 * (mine + 1), 0);
    }
    return (void *)(intptr_t)sum;
}

static void threads(void)
{
    pthread_t t[4];
    shared = executable(NULL);
    put(shared, (const void *)(uintptr_t)plus_one);
    for (long i = 0; i < 4; i++) {
        put(shared + 64 * (i + 1), (const void *)(uintptr_t)(i % 2 == 0 ? plus_one : times_three));
        printf("thread: %d\n", pthread_create(&t[i], NULL, thread, (void *)(intptr_t)i));
    }
    for (int i = 0; i < 4; i++) {
        void *sum;
        pthread_join(t[i], &sum);
        printf("sum %ld\n", (long)(intptr_t)sum);
    }
}

static void processes(void)
{
    uint8_t *p = executable(NULL);
    put(p, (const void *)(uintptr_t)plus_one);
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        const long before_write = call(p, 10);
        put(p, (const void *)(uintptr_t)times_three);
        put(p + 64, (const void *)(uintptr_t)plus_one);
        uint8_t *own = put(executable(NULL), (const void *)(uintptr_t)times_three);
        printf("child: %ld %ld %ld %ld\n", before_write, call(p, 10), call(p + 64, 20),
               call(own, 30));
        fflush(stdout);
        _exit(7);
    }
    int status;
    waitpid(child, &status, 0);
    printf("child's status %d, parent's: %ld, the child's write is its own: %d\n",
           WEXITSTATUS(status), call(p, 10), p[64] == 0);
}

/* ---- the mappings ---------------------------------------------------------------------------- */

static sigjmp_buf back;
static volatile uintptr_t fault_address;

static void fault(int signo, siginfo_t *info, void *context)
{
    (void)context;
    fault_address = (uintptr_t)info->si_addr;
    siglongjmp(back, signo);
}

static void tries(const char *what, const uint8_t *at)
{
    const int signo = sigsetjmp(back, 1);
    if (signo == 0) {
        printf("%s: %ld\n", what, call(at, 4));
    } else {
        printf("%s: signal %d at it: %d\n", what, signo, fault_address == (uintptr_t)at);
    }
}

static void mappings(void)
{
    struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    uint8_t *p = executable(NULL);
    put(p + 64, (const void *)(uintptr_t)plus_one);
    p = mremap(p, PAGE, 16 * PAGE, MREMAP_MAYMOVE);
    tries("grown", p + 64);
    put(p + 15 * PAGE + 64, (const void *)(uintptr_t)times_three);
    tries("in what came", p + 15 * PAGE + 64);
    munmap(p, PAGE);
    tries("gone", p + 64);
    tries("the rest", p + 15 * PAGE + 64);
    mprotect(p + 15 * PAGE, PAGE, PROT_NONE);
    tries("without rights", p + 15 * PAGE + 64);
    tries("of nothing", (const uint8_t *)16);
    p = put(executable(NULL), (const uint8_t *)32);
    if (sigsetjmp(back, 1) == 0) {
        call(p, 1);
    }
    printf("to nowhere: there it faults: %d\n", fault_address == 32);
}

/* A trampoline to itself is a loop, which a signal interrupts. */
static void loop(void)
{
    struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO};
    const struct itimerval soon = {.it_value = {.tv_usec = 20000}};
    uint8_t *p = executable(NULL);
    put(p, p);
    sigaction(SIGALRM, &action, NULL);
    const int signo = sigsetjmp(back, 1);
    if (signo == 0) {
        setitimer(ITIMER_REAL, &soon, NULL);
        call(p, 1);
    }
    printf("a loop ended by signal %d\n", signo);
}

int main(void)
{
    shapes();
    nested(3);
    nested(40);
    threads();
    processes();
    mappings();
    loop();
    return 42;
}
