/* SPDX-License-Identifier: Apache-2.0 */
/* What a request is and what it gets, apart from how HTTP carries both: so that tests need no
 * socket. */
#pragma once

#include "daemon.h"
#include "wire/request.h"

struct call {
    const char *method, *target;        /* as sent */
    struct bytes body;                  /* larger than reply_body_max(): need not be there */
    const char *key, *time, *signature; /* headers; NULL: not sent */
};

/* Status and body; body.data is malloc'ed. */
struct reply {
    unsigned status;
    struct bytes body;
};

/* How large a body of this request may be. */
size_t reply_body_max(const char *method, const char *target);
/* Always answers. */
void reply_make(struct daemon *g, const struct call *call, struct reply *ret);
/* A refusal. */
void reply_refuse(struct reply *ret, unsigned status, enum wire_code code, const char *sentence);
