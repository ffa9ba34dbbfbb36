/* SPDX-License-Identifier: Apache-2.0 */
#include "auth.h"

#include <errno.h>

/* Requests that are noted are forgotten when nobody would take them any more: those from the future
 * are taken for twice the window. */
#define FORGET_S (2 * REQUEST_TIME_SKEW_S)

int auth_check(struct store *store, const struct request *request, const char *key,
               const char *time, const char *signature, uint64_t now, struct query_key *ret_key,
               struct diag *d)
{
    struct request q = *request;
    struct query_key k;
    struct query_hash id;
    uint8_t s[QUERY_SIGNATURE_SIZE];
    if (request_headers_read(key, time, signature, &k, &q.time, s, d) != 0) {
        return -EACCES;
    }
    uint64_t off = q.time > now ? q.time - now : now - q.time;
    if (off > REQUEST_TIME_SKEW_S) {
        return diag_fail(
            d, -EACCES,
            "the request's time is %lu seconds off; set the clock, at most %u are allowed",
            (unsigned long)off, REQUEST_TIME_SKEW_S);
    }
    int r = request_check(&q, &k, s, d);
    if (r != 0) {
        return r == -EIO ? r
                         : diag_fail(d, -EACCES,
                                     "the request's signature is not good: it is over the "
                                     "method, the path as sent, the time and the body");
    }
    if (query_key_id(&k, &id) != 0) {
        return diag_fail(d, -EIO, "the crypto library failed");
    }
    /* r, which is the same in both spellings of a signature. */
    r = store_see(store, &id, s, q.time, d);
    if (r == -EEXIST) {
        return diag_fail(d, -EACCES, "the request was seen before: sign a new one");
    }
    /* Which requests clean up is nobody's choice: about one in 256. */
    if (r == 0 && s[0] == 0 && now > FORGET_S) {
        r = store_forget_seen(store, now - FORGET_S, d);
    }
    if (r == 0) {
        *ret_key = k;
    }
    return r;
}
