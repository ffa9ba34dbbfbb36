/* SPDX-License-Identifier: Apache-2.0 */
#include "event.h"

#include <stdarg.h>
#include <time.h>
#include <unistd.h>

#define EVENT_MAX 1024u

void event(const char *format, ...)
{
    char line[EVENT_MAX];
    va_list args;
    size_t n = base_format(line, sizeof line - 1, "alcoved: ");
    va_start(args, format);
    n += base_vformat(line + n, sizeof line - 1 - n, format, args);
    va_end(args);
    n = n < sizeof line - 2 ? n : sizeof line - 2;
    line[n++] = '\n';
    ignore_result(write(STDERR_FILENO, line, n) < 0, "there is nowhere else to say it");
}

int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

uint64_t now_s(void)
{
    return (uint64_t)time(NULL);
}
