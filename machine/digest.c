/* SPDX-License-Identifier: Apache-2.0 */
#define OPENSSL_SUPPRESS_DEPRECATED /* digest.h says why */
#include "machine/digest.h"

#include "base/bytes.h"

#include <openssl/sha.h>

void machine_sha256(const void *data, size_t size, uint8_t ret[32])
{
    SHA256_CTX ctx;
    REQUIRE(SHA256_Init(&ctx) == 1 && SHA256_Update(&ctx, data, size) == 1 &&
            SHA256_Final(ret, &ctx) == 1);
}

void machine_sha512(const void *data, size_t size, uint8_t ret[64])
{
    SHA512_CTX ctx;
    REQUIRE(SHA512_Init(&ctx) == 1 && SHA512_Update(&ctx, data, size) == 1 &&
            SHA512_Final(ret, &ctx) == 1);
}
