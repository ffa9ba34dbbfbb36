/* SPDX-License-Identifier: Apache-2.0 */
/* Dies as its argument says; e2e/fatal.sh reads the report. */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void *sleeper(void *argument)
{
    pause();
    return argument;
}

__attribute__((noinline)) static int deep(volatile int *p, int n)
{
    if (n == 0) {
        *p = 1;
        return 0;
    }
    return deep(p, n - 1) + 1;
}

static int divide(volatile int by)
{
    return 1000 / by;
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "null";
    pthread_t thread;
    if (strcmp(how, "null") == 0) {
        return deep((int *)16, 3);
    }
    if (strcmp(how, "thread") == 0 && pthread_create(&thread, NULL, sleeper, NULL) == 0) {
        usleep(50000);
        return deep((int *)16, 3);
    }
    if (strcmp(how, "abort") == 0) {
        abort();
    }
    if (strcmp(how, "machine code") == 0) {
        void *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (mprotect(code, 4096, PROT_READ | PROT_EXEC) != 0) {
            abort();
        }
    }
    if (strcmp(how, "callbacks") == 0) {
        const int all = PROT_READ | PROT_WRITE | PROT_EXEC;
        return mmap(NULL, 65536, all, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? 3 : 0;
    }
    if (strcmp(how, "data") == 0) {
        const int all = PROT_READ | PROT_WRITE | PROT_EXEC;
        unsigned char *code = mmap(NULL, 4096, all, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        *code = 0xc3; /* ret */
        ((void (*)(void))(uintptr_t)code)();
    }
    if (strcmp(how, "trap") == 0) {
        __builtin_trap();
    }
    if (strcmp(how, "jump") == 0) {
        ((void (*)(void))0x123000)();
    }
    if (strcmp(how, "divide") == 0) {
        return divide(0);
    }
    if (strcmp(how, "text") == 0) {
        *(volatile char *)(void *)main = 0;
    }
    if (strcmp(how, "noncanonical") == 0) {
        return *(volatile int *)0x8000000000000000;
    }
    if (strcmp(how, "overflow") == 0) {
        char *low = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        __asm__ volatile("mov %0, %%rsp; call *%1" : : "r"(low), "r"(deep));
    }
    return 0;
}
