/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that the daemon's parts share. Made by main() (and by tests, with programs of their
 * own) before any thread runs, and unchanged from then on, but for what the parts guard themselves.
 *
 * Locks, outermost first: a custodian's jobs, a custodian, the table of custodians; the table of
 * queries, a query's aggregator, a query; then, innermost, the log, the records, processes. Nobody
 * takes an earlier one while holding a later one.
 *
 * Trust: phones and analysts believe nothing from here. What this program must not do is lose what
 * it answered, mix up people, or let one wait for another. */
#pragma once

#include "children.h"
#include "logbook.h"
#include "pool.h"
#include "program.h"
#include "store.h"

struct custodians;
struct asking;

struct daemon {
    const char *alcove; /* the program that runs bundles: `ALCOVE run BUNDLE` */
    const char *state;  /* folder */
    struct programs programs;
    struct platform *platform;
    struct store *store;
    struct logbook *log;
    struct children *children;
    struct custodians *custodians;
    struct asking *asking;
    struct pool *workers; /* one thread for each worker that runs */
    struct pool *calls;   /* short calls to custodians, many at once */
    bool stopping;        /* __atomic; long tasks look at it */
};

static inline bool daemon_stopping(const struct daemon *g)
{
    return __atomic_load_n(&g->stopping, __ATOMIC_RELAXED);
}

/* How long services may take, each with its reason. */
#define START_MS        120000 /* an enclave of a gigabyte on a busy machine */
#define CALL_MS         60000  /* verifying evidence, a commit of a day: below a second alone */
#define UPLOAD_MS       180000 /* a message of 16 MiB through the pipe, sealed, stored */
#define STOP_GRACE_MS   5000
#define WORKER_START_MS 120000
#define WORKER_GRACE_MS 2000 /* for the result to come, after the worker's time is over */
#define CALL_THREADS    8
