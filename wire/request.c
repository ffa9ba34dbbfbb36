/* SPDX-License-Identifier: Apache-2.0 */
/* Signed requests, see wire/request.h. The NULs between the parts cannot stand in them, so no two
 * requests have the same bytes. */
#include "wire/request.h"

#include "base/cbor.h"
#include "query/record_limits.h"

#include <errno.h>
#include <string.h>

#define TIME_DIGITS_MAX 10u
/* method NUL target NUL time NUL SHA-256 of the body */
#define SIGNED_MAX (REQUEST_METHOD_MAX + 1 + REQUEST_TARGET_MAX + 1 + TIME_DIGITS_MAX + 1 + 32)

static bool visible(const char *text, size_t max)
{
    size_t n = 0;
    for (; text != NULL && text[n] != '\0'; n++) {
        if (n == max || text[n] <= 0x20 || text[n] >= 0x7f) {
            return false;
        }
    }
    return n > 0;
}

/* What follows the format's name in the signed bytes. */
static int signed_part(const struct request *q, struct writer *out, struct diag *d)
{
    struct query_hash body;
    char time[TIME_DIGITS_MAX + 1];
    if (!visible(q->method, REQUEST_METHOD_MAX) || !visible(q->target, REQUEST_TARGET_MAX) ||
        q->time > QUERY_TIME_MAX) {
        return diag_fail(d, -EINVAL,
                         "a request's method, path or time is out of bounds: at most %u and %u "
                         "visible ASCII characters",
                         REQUEST_METHOD_MAX, REQUEST_TARGET_MAX);
    }
    if (query_hash_of(q->body, &body) != 0) {
        return diag_fail(d, -EIO, "the request: the crypto library failed");
    }
    base_format(time, sizeof time, "%llu", (unsigned long long)q->time);
    writer_put(out, BYTES(q->method, strlen(q->method) + 1));
    writer_put(out, BYTES(q->target, strlen(q->target) + 1));
    writer_put(out, BYTES(time, strlen(time) + 1));
    writer_put(out, BYTES_OF(body.data));
    REQUIRE(!out->failed);
    return 0;
}

int request_digest(const struct request *q, uint8_t ret[32], struct diag *d)
{
    uint8_t bytes[sizeof REQUEST_FORMAT + SIGNED_MAX];
    struct writer w = writer_of(bytes, sizeof bytes);
    struct query_hash digest;
    writer_put(&w, BYTES(REQUEST_FORMAT, sizeof REQUEST_FORMAT));
    int r = signed_part(q, &w, d);
    if (r == 0 && query_hash_of(BYTES(w.data, w.size), &digest) != 0) {
        r = diag_fail(d, -EIO, "the request: the crypto library failed");
    }
    if (r == 0) {
        memcpy(ret, digest.data, sizeof digest.data);
    }
    return r;
}

int request_sign(const struct request *q, const struct query_signer *signer,
                 uint8_t ret[QUERY_SIGNATURE_SIZE], struct diag *d)
{
    uint8_t digest[32];
    int r = request_digest(q, digest, d);
    if (r != 0) {
        return r;
    }
    r = signer->sign(signer->context, digest, ret);
    return r == 0 ? 0 : diag_fail(d, r, "the request could not be signed");
}

int request_check(const struct request *q, const struct query_key *key,
                  const uint8_t signature[QUERY_SIGNATURE_SIZE], struct diag *d)
{
    uint8_t part[SIGNED_MAX], statement[SIGNED_MAX + QUERY_SIGNED_OVERHEAD];
    struct writer p = writer_of(part, sizeof part), s = writer_of(statement, sizeof statement);
    struct bytes body;
    int r = signed_part(q, &p, d);
    if (r != 0) {
        return r;
    }
    cbor_put_map(&s, 2); /* the statement that would carry this signature */
    cbor_put_str(&s, "body");
    cbor_put_bytes(&s, BYTES(p.data, p.size));
    cbor_put_str(&s, "signature");
    cbor_put_bytes(&s, BYTES(signature, QUERY_SIGNATURE_SIZE));
    REQUIRE(!s.failed);
    return query_signed_open(REQUEST_FORMAT, BYTES(s.data, s.size), SIGNED_MAX, key, &body, d);
}

static bool read_time(const char *text, uint64_t *ret)
{
    size_t n = strlen(text);
    uint64_t value = 0;
    if (n == 0 || n > TIME_DIGITS_MAX || (n > 1 && text[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = 10 * value + (uint64_t)(text[i] - '0');
    }
    *ret = value;
    return value <= QUERY_TIME_MAX;
}

int request_headers_read(const char *key, const char *time, const char *signature,
                         struct query_key *ret_key, uint64_t *ret_time,
                         uint8_t ret_signature[QUERY_SIGNATURE_SIZE], struct diag *d)
{
    uint8_t point[QUERY_KEY_SIZE], s[QUERY_SIGNATURE_SIZE];
    struct query_key k;
    uint64_t t;
    if (key == NULL || time == NULL || signature == NULL) {
        return diag_fail(d, -EINVAL, "the request is not signed: it lacks %s",
                         key == NULL    ? REQUEST_KEY
                         : time == NULL ? REQUEST_TIME
                                        : REQUEST_SIGNATURE);
    }
    if (!hex_decode(point, sizeof point, BYTES(key, strlen(key))) ||
        query_key_read(BYTES_OF(point), &k) != 0) {
        return diag_fail(d, -EINVAL, REQUEST_KEY " is no P-256 key of 130 hexadecimal digits");
    }
    if (!read_time(time, &t)) {
        return diag_fail(d, -EINVAL, REQUEST_TIME " is no number of seconds since 1970");
    }
    if (!hex_decode(s, sizeof s, BYTES(signature, strlen(signature)))) {
        return diag_fail(d, -EINVAL, REQUEST_SIGNATURE " does not have 128 hexadecimal digits");
    }
    *ret_key = k;
    *ret_time = t;
    memcpy(ret_signature, s, sizeof s);
    return 0;
}
