/* SPDX-License-Identifier: Apache-2.0 */
/* A static program that looks at its own enclave from inside, and prints TAP: what a C program
 * expects is there, and nothing but measured text can run. Its manifest is in
 * tests/e2e/shim-inside.sh.
 */
#define _GNU_SOURCE 1
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE     4096u
#define BSS_SIZE ((size_t)64 << 20)
#define THREADS  4u

static unsigned checks;

static void check(bool good, const char *sentence)
{
    printf("%s %u - %s\n", good ? "ok" : "not ok", ++checks, sentence);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static uint8_t bss[BSS_SIZE];
static int data = 4711;
static const int constant = 4712;
static __thread int per_thread = 4713;
static sigjmp_buf back;
static volatile sig_atomic_t caught;

static void on_signal(int signo)
{
    caught = signo;
    siglongjmp(back, 1);
}

/* Does it end in SIGSEGV? */
static bool faults_writing(volatile void *at)
{
    caught = 0;
    if (sigsetjmp(back, 1) == 0) {
        *(volatile uint8_t *)at = 1;
    }
    return caught == SIGSEGV;
}

static bool faults_running(void *at)
{
    void (*run)(void);
    memcpy(&run, &at, sizeof run);
    caught = 0;
    if (sigsetjmp(back, 1) == 0) {
        run();
    }
    return caught == SIGSEGV;
}

static bool all_zero(const uint8_t *p, size_t n)
{
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++) {
        any |= p[i];
    }
    return any == 0;
}

static void test_memory(void)
{
    check(data == 4711 && constant == 4712 && per_thread == 4713, "data is as it was linked");
    check(all_zero(bss, BSS_SIZE), "64 MiB that are not in the image read as zero");
    memset(bss, 0xa5, BSS_SIZE);
    check(bss[BSS_SIZE - 1] == 0xa5, "they can be written");
    void *big = malloc((size_t)32 << 20);
    check(big != NULL && all_zero(big, PAGE), "malloc gives memory");
    free(big);
    uintptr_t top = (uintptr_t)syscall(SYS_brk, 0); /* musl has no sbrk() that tells */
    check(top >= (uintptr_t)bss + BSS_SIZE && top < UINT32_MAX, "the heap begins behind the data");
}

static void *page_of(const volatile void *p)
{
    return (void *)((uintptr_t)p & ~(uintptr_t)(PAGE - 1));
}

static bool maps_are_pure(void)
{
    char line[256];
    unsigned executable = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    if (maps == NULL) {
        return false;
    }
    while (fgets(line, sizeof line, maps) != NULL) {
        const char *rights = strchr(line, ' ');
        executable += rights != NULL && rights[3] == 'x';
        if (rights == NULL || (rights[2] == 'w' && rights[3] == 'x')) {
            executable = 100;
        }
    }
    fclose(maps);
    return executable == 1;
}

static bool refused(void *at, size_t size, int prot, int flags, int fd)
{
    errno = 0;
    return mmap(at, size, prot, flags, fd, 0) == MAP_FAILED && errno == EACCES;
}

static void test_closed(void)
{
    static uint8_t ret_instruction[PAGE] __attribute__((aligned(PAGE))) = {0xc3};
    const int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
    void *text = page_of((const void *)(uintptr_t)&faults_writing);
    check(faults_writing(text), "writing to text ends in SIGSEGV");
    check(faults_writing((void *)(uintptr_t)&constant), "writing to constants ends in SIGSEGV");
    check(faults_running(ret_instruction), "running data ends in SIGSEGV");
    check(refused(NULL, 16 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, anonymous, -1),
          "memory that is writable and executable is refused");
    uint8_t *few = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, anonymous, -1, 0);
    check(few != MAP_FAILED && (*few = 0xc3) != 0 && faults_running(few),
          "a page of it is data, for trampolines: running it ends in SIGSEGV");
    check(refused(NULL, PAGE, PROT_READ | PROT_EXEC, anonymous, -1),
          "memory that is executable is refused");
    check(mprotect(ret_instruction, PAGE, PROT_READ | PROT_EXEC) == -1 && errno == EACCES,
          "data does not become executable");
    check(mprotect(text, PAGE, PROT_READ | PROT_WRITE) == -1 && errno == EACCES,
          "text does not become writable");
    check(mprotect(page_of(&constant), PAGE, PROT_READ | PROT_WRITE) == -1 && errno == EACCES,
          "constants do not become writable");
    int fd = open("/lib/code", O_RDONLY);
    check(fd >= 0 && refused(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd),
          "a file of a measured layer does not become executable either");
    void *file = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
    check(file != MAP_FAILED && mprotect(file, PAGE, PROT_READ | PROT_EXEC) == -1,
          "nor does it after it was mapped");
    check(maps_are_pure(), "one mapping is executable, and it is not writable");
    uint8_t *over =
        mmap(ret_instruction, PAGE, PROT_READ | PROT_WRITE, anonymous | MAP_FIXED, -1, 0);
    check(over == ret_instruction && all_zero(over, PAGE) && !faults_writing(over),
          "memory mapped over a page of the image is fresh");
    check(munmap(ret_instruction, PAGE) == 0 && faults_writing(ret_instruction),
          "a page of the image that was unmapped is gone");
}

/* ---- calls ----------------------------------------------------------------------------------- */

/* A `syscall` that a branch leads to, without room for a jump: it must trap, and work. */
long trapped_call(long number);
__asm__(".text\n"
        ".type trapped_call, @function\n"
        "trapped_call:\n"
        "  mov %rdi, %rax\n"
        "  test %rdi, %rdi\n"
        "  jne 1f\n"
        "  xor %eax, %eax\n"
        "1: syscall\n"
        "2: ret\n"
        "  jmp 2b\n"
        ".size trapped_call, . - trapped_call\n");
void trapped_cpuid(uint32_t leaf, uint32_t ret[4]);
__asm__(".text\n"
        ".type trapped_cpuid, @function\n"
        "trapped_cpuid:\n"
        "  push %rbx\n"
        "  mov %edi, %eax\n"
        "  xor %ecx, %ecx\n"
        "  jmp 1f\n"
        "1: cpuid\n"
        "2: mov %eax, (%rsi)\n"
        "  mov %ebx, 4(%rsi)\n"
        "  mov %ecx, 8(%rsi)\n"
        "  mov %edx, 12(%rsi)\n"
        "  pop %rbx\n"
        "  ret\n"
        "  jmp 2b\n"
        ".size trapped_cpuid, . - trapped_cpuid\n");

static void on_usr1(int signo)
{
    caught = signo;
}

static void *thread_main(void *argument)
{
    per_thread += *(int *)argument;
    for (unsigned i = 0; i < 1000; i++) {
        free(malloc(i));
    }
    *(int *)argument = per_thread;
    return NULL;
}

static void test_threads(void)
{
    pthread_t threads[THREADS];
    int values[THREADS];
    bool good = true;
    for (unsigned i = 0; i < THREADS; i++) {
        values[i] = (int)i;
        good = good && pthread_create(&threads[i], NULL, thread_main, &values[i]) == 0;
    }
    for (unsigned i = 0; i < THREADS && good; i++) {
        good = pthread_join(threads[i], NULL) == 0 && values[i] == 4713 + (int)i;
    }
    check(good, "threads have variables of their own");
}

struct interrupter {
    pthread_t whom;
    int pipe;
};

/* A signal arrives while the other thread waits for a byte, then the byte. */
static void *interrupt(void *argument)
{
    const struct interrupter *i = argument;
    usleep(20000);
    pthread_kill(i->whom, SIGUSR1);
    usleep(20000);
    return write(i->pipe, "x", 1) == 1 ? argument : NULL;
}

static bool reads_through_signal(int flags, ssize_t wanted)
{
    struct sigaction action = {.sa_handler = on_usr1, .sa_flags = flags};
    int ends[2];
    char byte = 0;
    pthread_t thread;
    void *sent = NULL;
    caught = 0;
    if (pipe(ends) != 0 || sigaction(SIGUSR1, &action, NULL) != 0) {
        return false;
    }
    struct interrupter i = {pthread_self(), ends[1]};
    if (pthread_create(&thread, NULL, interrupt, &i) != 0) {
        return false;
    }
    errno = 0;
    ssize_t n = read(ends[0], &byte, 1);
    bool good = n == wanted && (n == 1 ? byte == 'x' : errno == EINTR) && caught == SIGUSR1;
    pthread_join(thread, &sent);
    close(ends[0]);
    close(ends[1]);
    return good && sent != NULL;
}

static void test_calls(void)
{
    uint32_t jumped[4] = {0}, trapped[4] = {1, 1, 1, 1};
    char text[8] = "";
    check(trapped_call(SYS_getpid) == getpid(), "a system call that could not be rewritten works");
    __cpuid_count(7, 0, jumped[0], jumped[1], jumped[2], jumped[3]);
    trapped_cpuid(7, trapped);
    check(jumped[0] == 0 && jumped[1] != 0,
          "cpuid is answered by the runtime, not by the processor");
    check((jumped[1] & ~trapped[1]) == 0, "a cpuid that could not be rewritten works");
    struct sigaction action = {.sa_handler = on_usr1};
    caught = 0;
    check(sigaction(SIGUSR1, &action, NULL) == 0 && raise(SIGUSR1) == 0 && caught == SIGUSR1,
          "signal handlers run and return");
    check(reads_through_signal(SA_RESTART, 1), "a call that a signal interrupts starts again");
    check(reads_through_signal(0, -1), "or ends with EINTR, as the handler wants");
    FILE *f = fopen("/tmp/note", "w+");
    check(f != NULL && fputs("kept", f) >= 0 && fseek(f, 0, SEEK_SET) == 0 &&
              fgets(text, sizeof text, f) != NULL && strcmp(text, "kept") == 0,
          "a mount of the manifest is there");
    check(open("/app/inside", O_RDONLY) == -1 && errno == ENOENT, "the program itself is no file");
    check(fork() == -1, "there is one process");
    test_threads();
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_NODEFER};
    setvbuf(stdout, NULL, _IOLBF, 0);
    sigaction(SIGSEGV, &action, NULL);
    const char *place = getenv("PLACE");
    check(argc == 2 && strcmp(argv[0], "inside") == 0 && strcmp(argv[1], "one argument") == 0,
          "arguments are the manifest's");
    check(place != NULL && strcmp(place, "enclave") == 0 && getenv("HOME") == NULL,
          "the environment is the manifest's");
    test_memory();
    test_closed();
    test_calls();
    printf("1..%u\n", checks);
    return 0;
}
