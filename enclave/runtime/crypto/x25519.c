/* SPDX-License-Identifier: Apache-2.0 */
/* X25519 (RFC 7748) for enclaves that agree on a key with another of their kind: BearSSL's, between
 * rt_vector_begin() and _end() like all library code.
 * Trust: the peer's public key may be any 32 bytes. CT: the secret. */
#include <bearssl.h>

#include "runtime/rt.h"

void rt_x25519_public(const uint8_t secret[32], uint8_t ret[32])
{
    rt_vector_begin();
    size_t n = br_ec_c25519_m31.mulgen(ret, secret, 32, BR_EC_curve25519);
    rt_vector_end();
    REQUIRE(n == 32);
}

/* An all-zero result is what public keys of small order give: RFC 7748, section 6.1. */
bool rt_x25519_shared(const uint8_t secret[32], const uint8_t public_key[32], uint8_t ret[32])
{
    static const uint8_t zero[32];
    __builtin_memcpy(ret, public_key, 32);
    rt_vector_begin();
    uint32_t done = br_ec_c25519_m31.mul(ret, 32, secret, 32, BR_EC_curve25519);
    rt_vector_end();
    return done == 1 && !ct_equal(ret, zero, sizeof zero);
}
