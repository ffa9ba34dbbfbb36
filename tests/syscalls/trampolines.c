/* SPDX-License-Identifier: Apache-2.0 */
/* Runs inside: memory that was asked to be executable is data. Of what a workload writes there only
 * trampolines of the known shapes are followed, wherever they lead; everything else is the SIGSEGV
 * of data that is jumped to, at the address that was. Prints TAP. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096u
#define ALL  (PROT_READ | PROT_WRITE | PROT_EXEC)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define CODE 24u /* bytes of libffi's before the target */

static unsigned checks;
static bool good = true;

static void check(bool is, const char *what)
{
    printf("%sok %u - %s\n", is ? "" : "not ", ++checks, what);
    fflush(stdout);
    good = good && is;
}

static const uint8_t code[CODE] = {0xf3, 0x0f, 0x1e, 0xfa, 0x4c, 0x8d, 0x15, 0xf5,
                                   0xff, 0xff, 0xff, 0xff, 0x25, 7,    0,    0,
                                   0,    0x0f, 0x1f, 0x80, 0,    0,    0,    0};

static uint8_t *put(uint8_t *at, uint64_t target)
{
    memcpy(at, code, CODE);
    memcpy(at + CODE, &target, sizeof target);
    return at;
}

/* Where the trampolines lead: says which, by r10. */
long leads_here(void);
long and_there(void);
__asm__(".text\n"
        "leads_here: endbr64; mov %r10, %rax; ret\n"
        "and_there: endbr64; lea 1(%r10), %rax; ret\n");

static uint64_t text(long (*f)(void))
{
    return (uint64_t)(uintptr_t)f;
}

/* ---- calls that may fault -------------------------------------------------------------------- */

static __thread sigjmp_buf back;
static __thread uint64_t fault_at, fault_rip;
static __thread int fault_code;

static void fault(int signo, siginfo_t *info, void *context)
{
    const ucontext_t *c = context;
    fault_at = (uint64_t)(uintptr_t)info->si_addr;
    fault_rip = (uint64_t)c->uc_mcontext.gregs[REG_RIP];
    fault_code = info->si_code;
    siglongjmp(back, signo);
}

/* What a call returns, or -signal. */
static long call(uint64_t at)
{
    long (*f)(void);
    const int signo = sigsetjmp(back, 1);
    if (signo != 0) {
        return -signo;
    }
    fault_at = fault_rip = 0;
    memcpy(&f, &at, sizeof f);
    return f();
}

static uint64_t address(const void *p)
{
    return (uint64_t)(uintptr_t)p;
}

static bool faults(const void *at)
{
    return call(address(at)) == -SIGSEGV && fault_at == address(at) && fault_rip == fault_at;
}

/* ---- what is given --------------------------------------------------------------------------- */

static bool refused(void *at, size_t size, int prot, int flags, int fd)
{
    errno = 0;
    return mmap(at, size, prot, flags, fd, 0) == MAP_FAILED && errno == EACCES;
}

static bool is_data_in_maps(const void *p)
{
    char line[256], rights[5] = "";
    FILE *maps = fopen("/proc/self/maps", "r");
    bool found = false;
    while (!found && maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        unsigned long start, end;
        found = sscanf(line, "%lx-%lx %4s", &start, &end, rights) == 3 && address(p) >= start &&
                address(p) < end;
    }
    fclose(maps);
    return found && strcmp(rights, "rw-p") == 0;
}

static void what_is_given(uint8_t *p)
{
    void *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, ANON, -1, 0);
    const int file = memfd_create("code", 0);
    check(ftruncate(file, PAGE) == 0 && is_data_in_maps(p),
          "a page that was asked to be executable is data, in /proc/self/maps, too");
    check(refused(NULL, 16 * PAGE, ALL, ANON, -1), "64 KiB are refused");
    check(refused(at, PAGE, ALL, ANON | MAP_FIXED, -1), "a page at a fixed place is refused");
    check(refused((char *)at + PAGE, PAGE, ALL, ANON | MAP_FIXED_NOREPLACE, -1),
          "also at one where nothing is");
    check(refused(NULL, PAGE, ALL, MAP_SHARED | MAP_ANONYMOUS, -1), "shared memory is refused");
    check(refused(NULL, PAGE, PROT_READ | PROT_EXEC, ANON, -1) &&
              refused(NULL, PAGE, PROT_WRITE | PROT_EXEC, ANON, -1) &&
              refused(NULL, PAGE, PROT_EXEC, ANON, -1),
          "other rights with execution are refused");
    check(refused(NULL, PAGE, ALL, MAP_PRIVATE, file) &&
              refused(NULL, PAGE, ALL, MAP_SHARED, file) &&
              refused(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, file),
          "a file in memory is refused");
    check(mprotect(p, PAGE, PROT_READ | PROT_EXEC) == -1 && errno == EACCES &&
              mprotect(p, PAGE, ALL) == -1 && errno == EACCES,
          "what was given does not become executable");
    close(file);
}

/* ---- what is in it --------------------------------------------------------------------------- */

static void what_is_followed(uint8_t *p)
{
    static uint8_t data[PAGE] __attribute__((aligned(64)));
    check(call(address(put(p, text(leads_here)))) == (long)address(p), "a trampoline is followed");
    check(call(address(put(p + 13, text(and_there)))) == (long)address(p + 14), "at an odd place");
    check(call(address(put(data, text(leads_here)))) == (long)address(data),
          "in data that was never asked to be executable");
    put(p + 64, address(put(p + 128, text(leads_here))));
    check(call(address(p + 64)) == (long)address(p + 128), "one that leads to another");
    uint8_t *end = mmap(NULL, 2 * PAGE, ALL, ANON, -1, 0);
    put(end + PAGE - 11, text(leads_here));
    check(call(address(end + PAGE - 11)) == (long)address(end + PAGE - 11), "over two pages");
    munmap(end + PAGE, PAGE);
    check(faults(end + PAGE - 11), "the same, when the second page is gone, faults");
    memcpy(p + 256, code, CODE);
    memset(p + 256 + CODE, 0, 8);
    check(call(address(p + 256)) == -SIGSEGV && fault_at == 0 && fault_rip == 0,
          "to address 0: it faults there");
    uint8_t *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(faults(put(shared, text(leads_here))), "in memory that others share, none is followed");
    put(end + 64, text(leads_here));
    check(mprotect(end, PAGE, PROT_NONE) == 0 && faults(end + 64),
          "in memory without rights, neither");
}

static void what_is_not(uint8_t *p)
{
    bool all = true;
    for (size_t i = 0; i < CODE; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            put(p, text(leads_here))[i] ^= (uint8_t)(1u << bit);
            if (!faults(p)) {
                printf("# byte %zu, bit %u\n", i, bit);
                all = false;
            }
        }
    }
    check(all, "one bit of its code is another: SIGSEGV where it is");
    all = true;
    put(p, text(leads_here));
    for (size_t i = 1; i < CODE + 8; i++) {
        all = faults(p + i) && all;
    }
    check(all, "jumps into its middle: SIGSEGV there");
    const uint64_t nowhere[] = {UINT64_C(1) << 47, UINT64_C(1) << 63, ~UINT64_C(0)};
    for (size_t i = 0; i < 3; i++) {
        all = call(address(put(p, nowhere[i]))) == -SIGSEGV && all;
    }
    check(all, "an address that no jump can have: SIGSEGV");
    put(p, address(p + 512));
    p[512] = 0xc3;
    check(call(address(p)) == -SIGSEGV && fault_at == address(p + 512) && fault_rip == fault_at,
          "it leads to data: SIGSEGV there, as for any jump");
    put(p, UINT64_C(0x6fff0000));
    check(call(address(p)) == -SIGSEGV && fault_at == 0x6fff0000 && fault_code == SEGV_MAPERR,
          "it leads to where nothing is: SIGSEGV there");
    memset(p, 0xc3, 64);
    check(faults(p), "other code: SIGSEGV");
}

/* ---- races ----------------------------------------------------------------------------------- */

static uint8_t *raced;
static volatile bool stop;

static void *writes(void *argument)
{
    (void)argument;
    for (unsigned n = 0; !stop; n++) {
        volatile uint64_t *target = (volatile uint64_t *)(void *)(raced + CODE);
        *target = n % 2 == 0 ? text(leads_here) : text(and_there);
        ((volatile uint8_t *)raced)[4 + n % 3] ^= 1; /* and back at the next turn but two */
    }
    return NULL;
}

static void races(uint8_t *p)
{
    pthread_t t;
    unsigned here = 0, there = 0, faulted = 0, other = 0;
    raced = put(p, text(leads_here));
    pthread_create(&t, NULL, writes, NULL);
    for (int i = 0; i < 3000; i++) {
        const long r = call(address(p));
        here += r == (long)address(p);
        there += r == (long)address(p) + 1;
        faulted += r == -SIGSEGV && fault_rip == address(p);
        other += r != (long)address(p) && r != (long)address(p) + 1 &&
                 !(r == -SIGSEGV && fault_rip == address(p));
    }
    stop = true;
    pthread_join(t, NULL);
    printf("# here %u, there %u, faulted %u\n", here, there, faulted);
    check(other == 0, "while another thread writes: one target, the other, or SIGSEGV");
}

static void *unmaps(void *argument)
{
    (void)argument;
    while (!stop) {
        mprotect(raced, PAGE, PROT_NONE);
        mprotect(raced, PAGE, PROT_READ | PROT_WRITE);
    }
    return NULL;
}

static void races_of_rights(uint8_t *p)
{
    pthread_t t;
    bool all = true;
    raced = put(p, text(leads_here));
    stop = false;
    pthread_create(&t, NULL, unmaps, NULL);
    for (int i = 0; i < 1000; i++) {
        const long r = call(address(p));
        all = (r == (long)address(p) || (r == -SIGSEGV && fault_rip == address(p))) && all;
    }
    stop = true;
    pthread_join(t, NULL);
    check(all, "while another thread takes the rights and gives them: followed, or SIGSEGV");
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGILL, &action, NULL);
    sigaction(SIGTRAP, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    uint8_t *p = mmap(NULL, PAGE, ALL, ANON, -1, 0);
    if (p == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    what_is_given(p);
    what_is_followed(p);
    what_is_not(p);
    races(p);
    races_of_rights(p);
    printf("1..%u\n", checks);
    return good ? 0 : 1;
}
