/* SPDX-License-Identifier: Apache-2.0 */
/* For the benchmark's C programs: ordinary programs that run natively and in an enclave, unchanged,
 * time themselves, and print lines of "name seconds". */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline void show(const char *name, double seconds)
{
    printf("%s %.12f\n", name, seconds);
    fflush(stdout);
}

/* A workload that cannot run is no measurement: says which call failed and ends. */
static inline void need(int ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "%s: %s\n", what, strerror(errno));
        exit(1);
    }
}
