/* SPDX-License-Identifier: Apache-2.0 */
/* Progress on a terminal (one line, rewritten) or in a log (a line every ten seconds). */
#include "progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000000)

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

void progress_start(struct progress *p, const char *what, uint64_t total)
{
    *p = (struct progress){.what = what, .total = total, .started_ns = now_ns()};
}

static void show(struct progress *p, uint64_t now)
{
    bool terminal = isatty(2) == 1;
    p->shown_ns = now;
    fprintf(stderr, "%salcove build: %s: %llu of %llu%s", terminal ? "\r" : "", p->what,
            (unsigned long long)p->done, (unsigned long long)p->total, terminal ? "" : "\n");
    fflush(stderr);
}

void progress_add(struct progress *p, uint64_t n)
{
    uint64_t now = now_ns();
    uint64_t pause = isatty(2) == 1 ? SECOND / 10 : 10 * SECOND;
    p->done += n;
    if (now - p->started_ns > 2 * SECOND && now - p->shown_ns > pause) {
        show(p, now);
    }
}

void progress_end(struct progress *p)
{
    if (p->shown_ns != 0) {
        show(p, now_ns());
        if (isatty(2) == 1) {
            fputc('\n', stderr);
        }
    }
}
