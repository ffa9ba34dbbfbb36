/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP to alcoved (docs/formats/api.md), for `alcove phone` and `alcove query`.
 *
 * A client is a row of functions, so that tests can put a liar in the daemon's place. One thread at
 * a time.
 *
 * Trust: the daemon carries and is believed by nobody. What it answers has the bounds that stand
 * here, and nothing else is known of it. */
#pragma once

#include "base/diag.h"
#include "query/signed.h"
#include "wire/records.h"

#define CLIENT_ANSWER_MAX (17u * 1024 * 1024) /* docs/formats/api.md */
#define CLIENT_PATH_MAX   512u                /* real ones have at most 150 */
#define CLIENT_URL_MAX    256u

/* Who signs requests: an owner or an analyst. */
struct client_signer {
    struct query_key key;
    struct query_signer signer;
};
/* Of a key in memory, which must outlive it. */
struct client_signer client_signer_of(struct query_secret_key *key);

struct client_answer {
    unsigned status;     /* HTTP's; 0: nobody answered */
    enum wire_code code; /* of the record `refused` that came with 4xx or 5xx; else WIRE_CODE_OK */
    struct bytes body;   /* of 2xx; borrowed from storage */
    uint8_t *storage;    /* malloc */
};
/* Also of zeros and after failures. */
void client_answer_done(struct client_answer *answer);
#define AUTO_ANSWER __attribute__((cleanup(client_answer_done))) struct client_answer

struct client {
    /* As client_request(); `path` is "/v1/..." with its query, signer may be NULL. */
    int (*request)(struct client *c, const char *method, const char *path, struct bytes body,
                   const struct client_signer *signer, struct client_answer *ret, struct diag *d);
    void (*close)(struct client *c); /* frees c */
    const char *who; /* "alcove phone": says on standard error that it waits, after two seconds;
                        NULL (as client_open() leaves it): says nothing */
};

/* server: "unix:PATH" or "http://127.0.0.1:PORT" (or localhost, or [::1]); others are -EINVAL:
 * alcoved speaks in clear, and the log and the times of requests are nobody else's business.
 * Connects with the first request. Release with client_close(). */
int client_of_server(const char *server, struct client **ret, struct diag *d) MUST_USE;
static inline int MUST_USE client_open(const char *server, struct client **ret, struct diag *d)
{
    return client_of_server(server, ret, d); /* machine/soft has a function of the shorter name */
}
static inline void client_close(struct client *c) /* NULL is fine */
{
    if (c != NULL) {
        c->close(c);
    }
}
DEFINE_AUTO(client, client_close)
/* Is it one that client_open() takes? */
bool client_server_valid(const char *server);

/* Sends one request and waits for its answer. 0: 2xx, *ret has its body (which may be empty). Else
 * *ret has the status, if one came, and the sentence says what, which and what to do:
 *   -EREMOTEIO     the daemon refused: 4xx, 5xx; ret->code
 *   -ECONNREFUSED  nobody listens there
 *   -ETIMEDOUT     no answer
 *   -EPROTO        what answers is not alcoved, or its answer is too long
 * Release *ret with client_answer_done() in each case. */
static inline int client_request(struct client *c, const char *method, const char *path,
                                 struct bytes body, const struct client_signer *signer,
                                 struct client_answer *ret, struct diag *d)
{
    *ret = (struct client_answer){0};
    return c->request(c, method, path, body, signer, ret, d);
}

/* ---- For those who write clients ------------------------------------------------------------- */

/* Makes an error of an answer with 4xx or 5xx: reads `refused` and builds the sentence. */
int client_refusal(const char *method, const char *path, unsigned status, struct bytes body,
                   struct client_answer *ret, struct diag *d);
