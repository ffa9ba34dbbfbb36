/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-512 for CONFIGID and report data: short inputs, so BearSSL's portable code is enough. */
#include "crypto.h"

#include <bearssl.h>

void crypto_sha512_hash(struct bytes data, uint8_t ret[SHA512_SIZE])
{
    br_sha512_context c;
    br_sha512_init(&c);
    br_sha512_update(&c, data.data, data.size);
    br_sha512_out(&c, ret);
}
