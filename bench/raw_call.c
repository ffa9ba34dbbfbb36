/* SPDX-License-Identifier: Apache-2.0 */
/* The price of a `syscall` instruction of the program's own, in a static program: no libc wrapper
 * and no dynamic linker that a system could have put something in the place of. */
#include <sys/syscall.h>

#include "bench.h"

enum { COUNT = 3000000 };

static long raw_getppid(void)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "0"(SYS_getppid) : "rcx", "r11", "memory");
    return result;
}

int main(void)
{
    need(raw_getppid() >= 0, "getppid");
    double begin = now();
    for (int i = 0; i < COUNT; i++) {
        (void)raw_getppid();
    }
    show("raw", (now() - begin) / COUNT);
    return 0;
}
