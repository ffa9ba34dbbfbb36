/* SPDX-License-Identifier: Apache-2.0 */
/* What processes used: adding it up, and telling it. */
#include "usage.h"

int usage_put(app_ptr at, const struct process_usage *u)
{
    int64_t r[18] = {0};
    r[0] = (int64_t)(u->cpu_ns / 1000000000);
    r[1] = (int64_t)(u->cpu_ns % 1000000000 / 1000);
    r[4] = (int64_t)u->peak_kib;
    r[16] = (int64_t)u->sleeps;
    return copy_to_app(at, r, sizeof r);
}

void usage_add(struct process_usage *to, const struct process_usage *more)
{
    to->cpu_ns += more->cpu_ns;
    to->sleeps += more->sleeps;
    to->peak_kib = to->peak_kib > more->peak_kib ? to->peak_kib : more->peak_kib;
}
