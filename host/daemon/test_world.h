/* SPDX-License-Identifier: Apache-2.0 */
/* A daemon with services that only speak the frames (test_services.h), some people and an analyst:
 * for tests in this process, or in a child of it that they kill. */
#pragma once

#include <limits.h>

#include "query/document.h"
#include "reply.h"

#define WORLD_PEOPLE 4

extern struct daemon g;
extern char state[]; /* its folder */
extern struct query_secret_key owners[WORLD_PEOPLE], analyst, stranger;

/* Keys and a folder; no threads yet. */
void world_make(void);
void world_start(void);
void world_stop(void);

/* "/v1/custodians/ID" of that owner, and what follows; valid until the next call. */
char *path_of(const struct query_secret_key *owner, const char *rest);

/* A query of its own for each nonce; valid until the next call, as is its id. */
struct bytes make_document(uint8_t nonce, int seconds, uint64_t least, uint64_t most);
extern struct query_hash query_id;
char *query_path(const char *rest);

/* Headers of a signed request. off: seconds that its clock is off. */
struct signed_headers {
    char key[2 * QUERY_KEY_SIZE + 1], time[24], signature[2 * QUERY_SIGNATURE_SIZE + 1];
};
void sign_request(const struct query_secret_key *key, const char *method, const char *target,
                  struct bytes body, int off, struct signed_headers *ret);
/* The body of an enrolment. */
struct bytes enrol_body(const struct query_secret_key *owner);
