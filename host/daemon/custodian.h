/* SPDX-License-Identifier: Apache-2.0 */
/* The custodians of this host: whose they are, which run, and one call to one of them at a time.
 * Nothing runs for a custodian that nobody asks; one that crashed is noticed at the next call, and
 * started again when its phone attests it.
 *
 * Once it is in the table, a custodian stays there until the daemon ends; deleted ones are `gone`.
 *
 * Trust: owners are known by their keys (auth.h checks requests before they come here); what a
 * custodian says is carried, and believed only where this host is all that it could harm. */
#pragma once

#include "daemon.h"
#include "service.h"

#define CUSTODIANS_MAX 100000u

struct custodian;

/* Reads the table, and finishes removals that a crash cut short. */
int custodians_open(struct daemon *g, struct diag *d) MUST_USE;
void custodians_close(struct custodians *c);
/* NULL: nobody's. */
struct custodian *custodians_find(struct daemon *g, const uint8_t id[32]);
const uint8_t *custodian_id(const struct custodian *c);
const char *custodian_hex(const struct custodian *c); /* the first 12 digits, for events */

/* The owner's, made where it is not there; *ret_new says whether. */
int custodian_enrol(struct daemon *g, const struct query_key *owner, bool *ret_new,
                    struct diag *d) MUST_USE;

/* All of these: 0; -ENOENT: gone; -ENOTCONN: it does not run (any more); -EACCES: it refuses, and
 * answer->refused and the sentence say why; else -errno. Answers are freed by the caller in any
 * case. */

/* Starts it where it does not run. */
int custodian_attest(struct daemon *g, struct custodian *c, struct bytes nonce,
                     struct wire_evidence *ret, struct answer *answer, struct diag *d) MUST_USE;
/* A sealed message, after the newest head. phone_head: size of the phone's. Jobs that follow from
 * it are taken care of. */
int custodian_deliver(struct daemon *g, struct custodian *c, struct bytes message,
                      uint64_t phone_head, struct wire_delivered *ret, struct answer *answer,
                      struct diag *d) MUST_USE;
int custodian_stop(struct daemon *g, struct custodian *c, struct diag *d) MUST_USE;
/* -EINVAL: there is no such program. */
int custodian_move(struct daemon *g, struct custodian *c, const char *program,
                   struct diag *d) MUST_USE;
int custodian_delete(struct daemon *g, struct custodian *c, struct diag *d) MUST_USE;

/* ---- for queries and jobs -------------------------------------------------------------------- */
/* Those that run, at most max; returns how many. */
size_t custodians_running(struct daemon *g, struct custodian **ret, size_t max);
size_t custodians_count(struct daemon *g);
/* Brings it to the newest head. -EBUSY: somebody else's call to it goes on for longer than a query
 * can wait for one of many. */
int custodian_advance(struct daemon *g, struct custodian *c, bool *ret_open,
                      struct diag *d) MUST_USE;
int custodian_ask(struct daemon *g, struct custodian *c, enum wire_record send, const void *record,
                  int timeout_ms, enum wire_record want, void *ret, struct answer *answer,
                  struct diag *d) MUST_USE;
/* Brings it to the newest head, then sends the invitation, whose `extends` is made here: from
 * tree_size to the head that it holds. */
int custodian_invite(struct daemon *g, struct custodian *c, struct wire_invite *invite,
                     uint64_t tree_size, bool *ret_accepted, struct diag *d) MUST_USE;
/* One thread at a time does a custodian's jobs. */
void custodian_jobs_lock(struct custodian *c);
void custodian_jobs_unlock(struct custodian *c);
/* Marks that somebody will see to its jobs: true for the first who says so, until
 * custodian_scheduled(). */
bool custodian_schedule(struct custodian *c);
void custodian_scheduled(struct custodian *c);
