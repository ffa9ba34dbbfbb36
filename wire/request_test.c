/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/tap.h"
#include "wire/request.h"

#include <errno.h>
#include <openssl/sha.h>
#include <string.h>

static struct query_secret_key secret_of(uint8_t byte)
{
    uint8_t scalar[32];
    struct query_secret_key key;
    memset(scalar, byte, sizeof scalar);
    REQUIRE(query_secret_key_read(BYTES_OF(scalar), &key) == 0);
    return key;
}

static const struct request wanted = {
    "POST", "/v1/custodians/ab/messages?head=7", 1700000000, {(const uint8_t *)"body", 4}};

/* The bytes of docs/formats/api.md, written out by hand. */
static void digest(void)
{
    static const char text[] = "alcove-request-1\0POST\0/v1/custodians/ab/messages?head=7\0"
                               "1700000000\0";
    uint8_t bytes[sizeof text - 1 + 32], want[32], got[32];
    memcpy(bytes, text, sizeof text - 1);
    SHA256((const uint8_t *)"body", 4, bytes + sizeof text - 1);
    SHA256(bytes, sizeof bytes, want);
    CHECK(request_digest(&wanted, got, NULL) == 0 && memcmp(want, got, 32) == 0,
          "what is signed is what the format says");
}

static void signatures(void)
{
    struct query_secret_key key = secret_of(7), other = secret_of(8);
    const struct query_signer signer = {query_sign_with, &key};
    uint8_t s[QUERY_SIGNATURE_SIZE];
    CHECK(request_sign(&wanted, &signer, s, NULL) == 0, "a request is signed");
    CHECK(request_check(&wanted, &key.key, s, NULL) == 0, "its key's signature is good");
    CHECK(request_check(&wanted, &other.key, s, NULL) == -EBADMSG, "for another key it is not");
    const struct request others[] = {
        {"PUT", wanted.target, wanted.time, wanted.body},
        {wanted.method, "/v1/custodians/ab/messages?head=8", wanted.time, wanted.body},
        {wanted.method, wanted.target, wanted.time + 1, wanted.body},
        {wanted.method, wanted.target, wanted.time, BYTES("bodY", 4)},
        {wanted.method, wanted.target, wanted.time, BYTES(NULL, 0)},
    };
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        CHECK(request_check(&others[i], &key.key, s, NULL) == -EBADMSG,
              "changed in part %zu it is not", i);
    }
    s[40] ^= 1;
    CHECK(request_check(&wanted, &key.key, s, NULL) == -EBADMSG, "nor with another signature");
}

static void bounds(void)
{
    char target[REQUEST_TARGET_MAX + 2];
    uint8_t got[32];
    memset(target, 'a', sizeof target - 1);
    target[sizeof target - 1] = '\0';
    struct request q = wanted;
    q.target = target;
    CHECK(request_digest(&q, got, NULL) == -EINVAL, "a path that is too long is refused");
    target[REQUEST_TARGET_MAX] = '\0';
    CHECK(request_digest(&q, got, NULL) == 0, "one of the greatest length is not");
    q.target = "/a b";
    CHECK(request_digest(&q, got, NULL) == -EINVAL, "a space in a path is refused");
    q.target = "";
    CHECK(request_digest(&q, got, NULL) == -EINVAL, "an empty path is refused");
    q = wanted;
    q.method = "OVERLONGMETHODNAME";
    CHECK(request_digest(&q, got, NULL) == -EINVAL, "a method that is too long is refused");
    q = wanted;
    q.time = UINT64_MAX;
    CHECK(request_digest(&q, got, NULL) == -EINVAL, "a time beyond all dates is refused");
}

static void headers(void)
{
    struct query_secret_key key = secret_of(7);
    char point[2 * QUERY_KEY_SIZE + 1], s[2 * QUERY_SIGNATURE_SIZE + 1];
    uint8_t signature[QUERY_SIGNATURE_SIZE] = {1, 2, 3}, got[QUERY_SIGNATURE_SIZE];
    struct query_key k;
    uint64_t t;
    struct diag d = {""};
    hex_encode(point, key.key.point, QUERY_KEY_SIZE);
    hex_encode(s, signature, sizeof signature);
    CHECK(request_headers_read(point, "1700000000", s, &k, &t, got, NULL) == 0 && t == 1700000000 &&
              memcmp(&k, &key.key, sizeof k) == 0 && memcmp(got, signature, sizeof got) == 0,
          "the three headers are read");
    CHECK(request_headers_read(point, NULL, s, &k, &t, got, &d) == -EINVAL &&
              strstr(d.text, REQUEST_TIME) != NULL,
          "the sentence names the header that is not there");
    static const char *const times[] = {"", "01", "-1", "+1", " 1", "1 ", "1e3", "99999999999"};
    for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
        CHECK(request_headers_read(point, times[i], s, &k, &t, got, NULL) == -EINVAL,
              "\"%s\" is no time", times[i]);
    }
    s[127] = '\0';
    CHECK(request_headers_read(point, "1", s, &k, &t, got, NULL) == -EINVAL,
          "a signature that is cut is refused");
    hex_encode(s, signature, sizeof signature);
    point[5] = point[5] == '0' ? '1' : '0';
    CHECK(request_headers_read(point, "1", s, &k, &t, got, NULL) == -EINVAL,
          "a point beside the curve is refused");
}

int main(void)
{
    digest();
    signatures();
    bounds();
    headers();
    return tap_done();
}
