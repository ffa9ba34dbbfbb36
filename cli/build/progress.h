/* SPDX-License-Identifier: Apache-2.0 */
/* Says what a long step does, on standard error, once it has taken more than two seconds. */
#pragma once

#include "base/attr.h"

struct progress {
    const char *what; /* "compiling bytecode" */
    uint64_t done, total;
    uint64_t started_ns, shown_ns;
};

void progress_start(struct progress *p, const char *what, uint64_t total);
void progress_add(struct progress *p, uint64_t n);
/* Ends the line if there is one. */
void progress_end(struct progress *p);
