/* SPDX-License-Identifier: Apache-2.0 */
/* How `alcove try` tells what happened, for people and for programs, as it happens.
 *
 * Trust: what scripts said is shown to whoever ran them; only JSON must stay well-formed. */
#pragma once

#include "try/call.h"
#include "try/child.h"
#include "verify/print.h"

struct show {
    bool json;
    struct json_out out;
};

/* One day's way through process. */
struct show_day {
    uint64_t day;
    const char *path;
    size_t uploaded, kept;
    const char *refused; /* NULL: it was processed */
    const struct child *child;
};

/* One function's answer. */
struct show_answer {
    const struct script_function *function;
    const int64_t *returned, *sent; /* sent: clipped */
    const char *refused;            /* NULL: it answered */
    const struct child *child;
};

void show_begin(struct show *s, const char *path, const struct script *script, uint64_t run_ms);
void show_days_begin(struct show *s, size_t count);
void show_day(struct show *s, const struct show_day *day);
void show_answers_begin(struct show *s, size_t count, size_t days);
void show_answer(struct show *s, const struct show_answer *answer);
void show_end(struct show *s, bool good, bool has_network);
