/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's processes: each `alcove run` with both ends of its standard streams in our hands.
 *
 * One thread starts them all and sees them end. It is one thread that lives as long as the daemon,
 * because the kernel ends a child with the thread that started it: so nothing runs on when the
 * daemon is killed, not even a script that sleeps.
 *
 * All functions may be called from any thread; one child is one caller's at a time. */
#pragma once

#include "base/diag.h"

struct children;
struct child;

int children_open(struct children **ret, struct diag *d) MUST_USE;
/* From now on nothing is started, and all that run are told to end, and killed if they do not
 * within the time. Who holds children sees their streams end. */
void children_stop(struct children *c, int grace_ms);
/* All children have been given up by then. NULL-safe. */
void children_close(struct children *c);

/* One that waits most of its life shall take little memory: its pages are small ones, which halves
 * what a custodian takes. One that works is quicker with large ones. */
enum child_kind { CHILD_WAITS, CHILD_WORKS };
/* argv[0] is the program's path; standard error is ours. `what` names it in events and errors. */
int child_start(struct children *c, enum child_kind kind, const char *const argv[],
                const char *what, struct child **ret, struct diag *d) MUST_USE;
/* Our ends of its standard input and output; they never block. */
int child_in(const struct child *c);
int child_out(const struct child *c);
const char *child_what(const struct child *c);
bool child_ended(struct child *c);
/* Closes its standard input, which ends a service; kills it after the time; frees. NULL-safe. */
void child_end(struct child *take, int grace_ms);
