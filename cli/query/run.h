/* SPDX-License-Identifier: Apache-2.0 */
/* Asking: posts a query, waits, and brings what came of it.
 *
 * Trust: the daemon is believed in nothing; progress is what it says. What is fetched is checked in
 * full before anything else is done with it. */
#pragma once

#include <stdio.h>

#include "net/client.h"
#include "query/result.h"
#include "query/source.h"

struct query_run {
    struct client *client;
    const struct client_signer *signer; /* of the analyst */
    FILE *progress;                     /* where it says how far the query is; NULL: nowhere */
    bool terminal;                      /* rewrite one line */
    bool (*stopped)(void);              /* should waiting end? */
    uint32_t pause_ms;                  /* between two questions; 0: chosen by waiting time */
};

/* Posts the query, or finds that it was posted before (*ret_again). */
int query_run_post(struct query_run *run, const struct query_read *query, bool *ret_again,
                   struct diag *d) MUST_USE;
/* Waits until there is an outcome. -EINTR: stopped() said so, the query goes on; -ECANCELED: it
 * failed, with the daemon's reason. */
int query_run_wait(struct query_run *run, const struct query_hash *id, struct diag *d) MUST_USE;
/* The daemon's word of how far it is, once. */
int query_run_progress(struct query_run *run, const struct query_hash *id,
                       struct wire_progress *ret, struct client_answer *storage,
                       struct diag *d) MUST_USE;
void query_progress_print(const struct wire_progress *p, FILE *out);

/* Fetches the outcome and the proofs that the log only grew, and checks all of it. -ENOENT: there
 * is none yet. -EACCES: it does not hold, with the part that failed. Release *ret with
 * query_fetched_done() in each case. */
struct query_fetched {
    uint8_t *bytes; /* the outcome; heap */
    uint8_t *proofs;
    struct result result;
    struct result_checked *checked; /* heap */
};
int query_run_fetch(struct query_run *run, const struct query_hash *id,
                    const struct query_key *log_key, uint64_t now, struct query_fetched *ret,
                    struct diag *d) MUST_USE;
void query_fetched_done(struct query_fetched *fetched);

/* What the analyst has spent in the week of the head's time, from the log's leaves up to it. The
 * daemon could leave leaves out: what is told is for the analyst's own planning. */
int query_run_spent(struct query_run *run, const struct query_hash *analyst,
                    const struct query_log_head *head, struct query_spent *ret,
                    struct diag *d) MUST_USE;

/* The log's key as the daemon says it: a hint, for who has no better. */
int query_run_log_key(struct query_run *run, struct query_key *ret, struct diag *d) MUST_USE;
/* What the daemon offers, as lists to be put into a query after they were looked at. */
int query_run_programs(struct query_run *run, FILE *out, struct diag *d) MUST_USE;
/* Whether it offers the programs that the query names: a line for each role. -ENOENT when it does
 * not. */
int query_run_compare(struct query_run *run, const struct query_document *doc, FILE *out,
                      struct diag *d) MUST_USE;
