/* SPDX-License-Identifier: Apache-2.0 */
/* What a person can have the phone do. Each takes an open phone, begins a session where it needs
 * one, and has stored what follows from it when it returns 0. Errors as in phone.h; the sentence is
 * for the person.
 *
 * Trust: answers are the custodian's, whose evidence this session accepted. */
#pragma once

#include "phone/phone.h"

/* What the phone has learned besides a verdict; for show.h. */
struct phone_seen {
    struct query_peer peer;
    uint8_t root[32];
    enum alcove_root_kind root_kind;
    uint64_t log_size;
    bool owned;
};

/* Makes a phone in this folder: random, or from a phrase (restored). ret_phrase is what the person
 * writes down, and is made in both cases. -EEXIST when there is one. */
int phone_init(const char *folder, const uint8_t *restore_seed, char ret_phrase[PHRASE_MAX],
               struct diag *d) MUST_USE;
/* Accepts a policy file: from now on this is what the phone trusts. */
int phone_accept(struct phone *p, struct bytes text, const char *path, struct diag *d) MUST_USE;

struct phone_seen phone_seen_in(const struct session *s);
int phone_verify(struct phone *p, struct phone_seen *ret, struct diag *d) MUST_USE;
/* Enrols, verifies, claims; a claim whose answer was lost is recognised. A phone that has a
 * custodian claims another one only `again`: that gives up what the first one has. */
int phone_claim(struct phone *p, bool again, struct diag *d) MUST_USE;
/* After every start of the custodian. What a restored phone needs besides (its policy) follows. */
int phone_unlock(struct phone *p, struct diag *d) MUST_USE;
int phone_push_policy(struct phone *p, struct diag *d) MUST_USE;
int phone_lease(struct phone *p, uint64_t rho, uint64_t days, struct diag *d) MUST_USE;

/* With a session that has begun and is owned: session_owned(). */
int session_owned(struct phone *p, struct session *ret, struct diag *d) MUST_USE;
/* The same, and its volume comes from the state that this phone knows. */
int session_continued(struct phone *p, struct session *ret, struct diag *d) MUST_USE;
int session_upload(struct session *s, uint64_t day, struct bytes data, struct diag *d) MUST_USE;
int session_order(struct session *s, enum wire_order_kind what, uint64_t day, uint64_t stage,
                  uint64_t from, struct session_answer *ret, struct diag *d) MUST_USE;
int session_state(struct session *s, struct wire_state *ret, struct diag *d) MUST_USE;

/* pause, resume, withdraw. */
int phone_order(struct phone *p, enum wire_order_kind what, struct diag *d) MUST_USE;
/* The custodian wipes itself, the server removes what is left; the phone keeps its book, so that a
 * new custodian does not begin with a new budget. `unasked`: the server alone, for custodians that
 * cannot be opened; what it removes only this phone could have read. */
int phone_delete(struct phone *p, bool unasked, struct diag *d) MUST_USE;
/* Another release of the custodian, which the policy must accept and the log must hold, takes over
 * the volume; it is unlocked then. */
int phone_move(struct phone *p, const char *program, struct diag *d) MUST_USE;
