/* SPDX-License-Identifier: Apache-2.0 */
/* The price of a trivial system call, from C through libc's own wrapper: prints seconds per call.
 * getppid() because libc does not cache it and the kernel does next to nothing for it. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
    long count = argc > 1 ? strtol(argv[1], NULL, 10) : 10000000;
    if (count < 1) {
        fprintf(stderr, "usage: getppid [COUNT]\n");
        return 2;
    }
    double begin = now();
    for (long i = 0; i < count; i++) {
        (void)getppid();
    }
    printf("%.12f\n", (now() - begin) / (double)count);
    return 0;
}
