/* SPDX-License-Identifier: Apache-2.0 */
/* ECDSA on P-256 with BearSSL's constant-time code (ec_p256_m31, ecdsa_i31). */
#include "crypto.h"

#include <errno.h>

#include <bearssl.h>

/* n, the order of the base point, big endian (FIPS 186-4, D.1.2.3). */
static const uint8_t order[P256_SCALAR] = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
};

/* CT: 1 <= scalar < n? Only the answer leaks. */
static bool scalar_ok(const uint8_t scalar[P256_SCALAR])
{
    unsigned any = 0, borrow = 0;
    for (int i = P256_SCALAR - 1; i >= 0; i--) {
        any |= scalar[i];
        borrow = ((unsigned)scalar[i] - order[i] - borrow) >> 31;
    }
    return any != 0 && borrow == 1;
}

int crypto_p256_keypair(const uint8_t random[P256_SCALAR], uint8_t ret_private[P256_SCALAR],
                        uint8_t ret_public[P256_POINT])
{
    uint8_t point[1 + P256_POINT]; /* 04 || x || y */
    if (!scalar_ok(random)) {
        return -EAGAIN;
    }
    size_t n = br_ec_p256_m31.mulgen(point, random, P256_SCALAR, BR_EC_secp256r1);
    REQUIRE(n == sizeof point && point[0] == 4);
    __builtin_memcpy(ret_private, random, P256_SCALAR);
    __builtin_memcpy(ret_public, point + 1, P256_POINT);
    return 0;
}

int crypto_p256_sign(const uint8_t private[P256_SCALAR], const uint8_t digest[SHA256_SIZE],
                     uint8_t ret_signature[P256_SIGNATURE])
{
    uint8_t scalar[P256_SCALAR];
    uint8_t signature[P256_SIGNATURE];
    if (!scalar_ok(private)) {
        return -EINVAL;
    }
    __builtin_memcpy(scalar, private, sizeof scalar); /* BearSSL's key view is not const */
    const br_ec_private_key key = {BR_EC_secp256r1, scalar, sizeof scalar};
    size_t n = br_ecdsa_i31_sign_raw(&br_ec_p256_m31, &br_sha256_vtable, digest, &key, signature);
    secure_zero(scalar, sizeof scalar);
    REQUIRE(n == sizeof signature);
    __builtin_memcpy(ret_signature, signature, sizeof signature);
    return 0;
}
