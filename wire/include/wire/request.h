/* SPDX-License-Identifier: Apache-2.0 */
/* Signed requests to the daemon (docs/formats/api.md): what is signed, for who asks and who checks.
 * The scheme is that of signed statements (query/signed.h) with the format's name
 * "alcove-request-1", so a key that signs leases and requests never signs one as the other.
 *
 * Functions over bytes: no allocation, no clock; callable from any thread.
 *
 * Trust: requests come from anybody. A good signature says that this key made this request at a
 * time of its own choosing; whether that time is now, whether it is the first such request, and
 * what the key may do is for the daemon to decide. */
#pragma once

#include "query/signed.h"

#define REQUEST_FORMAT      "alcove-request-1"
#define REQUEST_KEY         "Alcove-Key"       /* the point in hexadecimal, 130 digits */
#define REQUEST_TIME        "Alcove-Time"      /* seconds since 1970, decimal */
#define REQUEST_SIGNATURE   "Alcove-Signature" /* r, s in hexadecimal, 128 digits */
#define REQUEST_METHOD_MAX  16u
#define REQUEST_TARGET_MAX  1024u /* the longest has an id, a query string, and room */
#define REQUEST_TIME_SKEW_S 300u  /* further off is refused */
#define REQUEST_BODY_MAX    (17u * 1024 * 1024)
/* What tells a request from its replay: r of its signature. s has two spellings, r has one. */
#define REQUEST_MARK_SIZE 32u

struct request {
    const char *method; /* "POST" */
    const char *target; /* path and query string as sent: "/v1/custodians/ID/messages?head=7" */
    uint64_t time;      /* seconds since 1970 */
    struct bytes body;  /* may be empty */
};

/* What is signed. -EINVAL for a method or target that is empty, too long or holds anything but
 * visible ASCII, or a time after QUERY_TIME_MAX; -EIO when the crypto library fails. */
int request_digest(const struct request *request, uint8_t ret[32], struct diag *d) MUST_USE;
/* Errors of request_digest() and of sign(). */
int request_sign(const struct request *request, const struct query_signer *signer,
                 uint8_t ret[QUERY_SIGNATURE_SIZE], struct diag *d) MUST_USE;
/* 0; -EBADMSG when the key did not sign it; errors of request_digest(). */
int request_check(const struct request *request, const struct query_key *key,
                  const uint8_t signature[QUERY_SIGNATURE_SIZE], struct diag *d) MUST_USE;
/* The three headers' values: -EINVAL unless they have exactly their forms, the key is a point on
 * the curve, and the time has no sign, no leading zeros and at most 10 digits. NULL: not sent. */
int request_headers_read(const char *key, const char *time, const char *signature,
                         struct query_key *ret_key, uint64_t *ret_time,
                         uint8_t ret_signature[QUERY_SIGNATURE_SIZE], struct diag *d) MUST_USE;
