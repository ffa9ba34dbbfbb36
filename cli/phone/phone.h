/* SPDX-License-Identifier: Apache-2.0 */
/* A phone at work: its folder, its keys, its policy, a way to the server; and a session with its
 * custodian. What the verbs do is in actions.h, what they print in show.h.
 *
 * One rule stands above all: what is sealed is sealed to the boot key of evidence that this session
 * verified, against a nonce of this session, under this phone's policy, with the program in the log
 * whose head this phone holds. session_send() is the only way out.
 *
 * Trust: everything that comes from the client is the server's word. */
#pragma once

#include "net/client.h"
#include "phone/policy.h"
#include "phone/store.h"
#include "wire/trust.h"

struct phone {
    struct phone_store store;
    struct phone_keys keys;
    struct phone_state state;
    bool has_policy;
    struct phone_policy policy;
    struct client *client; /* owned; NULL until a verb needs it */
    struct client_signer signer;
    int64_t (*clock)(void); /* seconds since 1970, of this device */
};

/* Opens an existing phone, with its policy if it has one. Not to be moved: the signer points into
 * it. phone_close() also after a failure. */
int phone_open(struct phone *ret, const char *folder, struct diag *d) MUST_USE;
void phone_close(struct phone *phone);
/* Connects to the policy's server. -EINVAL without a policy. */
int phone_connect(struct phone *phone, struct diag *d) MUST_USE;
/* Makes the remembered state durable. */
int phone_store_now(struct phone *phone, struct diag *d) MUST_USE;
/* "/v1/custodians/ID" and what follows. */
void phone_path(const struct phone *phone, const char *rest, char ret[CLIENT_PATH_MAX]);

/* ---- The log --------------------------------------------------------------------------------- */

/* Fetches the newest head and puts it in the place of the held one, if it extends it; stores it. A
 * head that the log's key signed and that does not extend the held one is kept as evidence in the
 * folder, and the sentence shouts. -EACCES then. */
int phone_advance(struct phone *phone, struct diag *d) MUST_USE;
/* Is this program of this role in the log, in the tree of the held head? -EACCES with a sentence.
 */
int phone_logged(struct phone *phone, enum query_role role, const uint8_t mrenclave[32],
                 const uint8_t configid[64], struct diag *d) MUST_USE;

/* ---- Sessions -------------------------------------------------------------------------------- */

struct session {
    struct phone *phone;
    uint8_t *evidence; /* malloc; the accepted one */
    struct trusted custodian;
    struct query_hash boot_key; /* its id; all zero: nothing was accepted */
    bool owned;                 /* open, and this phone's; else started and nobody's */
};

/* Head, fresh evidence, policy, log. -EACCES with what was refused. *ret is usable after 0 only;
 * session_end() always. */
int session_begin(struct phone *phone, struct session *ret, struct diag *d) MUST_USE;
void session_end(struct session *s);
DEFINE_AUTO(session, session_end)

/* An answer of the custodian, opened. */
struct session_answer {
    struct wire_answer answer; /* views into storage */
    uint8_t *storage;
};
void session_answer_done(struct session_answer *a);
#define AUTO_SESSION_ANSWER __attribute__((cleanup(session_answer_done))) struct session_answer

/* Seals, sends, opens the answer, which must be from the same boot key and to this very message,
 * and stores what it acknowledges before it returns. 0: done, code ok. -EREMOTEIO: the custodian
 * says no; ret->answer.code, and its sentence is the diag's. -EACCES: what came back is not from
 * it, or it acknowledges an older state than before. */
int session_send(struct session *s, enum message_kind kind, struct bytes body,
                 struct session_answer *ret, struct diag *d) MUST_USE;
