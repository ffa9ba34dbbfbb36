/* SPDX-License-Identifier: Apache-2.0 */
/* A strict reader of DER (X.690): definite, minimal lengths; single-byte tags. Only what
 * certificates need beyond the crypto library: their outer shape, ECDSA signatures and the SGX
 * extension. Failure sticks in the cursor, as with struct cursor.
 * Trust: the bytes come from whoever wants to be believed. */
#pragma once

#include "base/bytes.h"

enum der_tag {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_OID = 0x06,
    DER_ENUMERATED = 0x0a,
    DER_SEQUENCE = 0x30,
};

/* The contents of the next element, which must carry this tag. */
struct bytes der_take(struct cursor *c, enum der_tag tag);
/* The next element of this tag, with its tag and length. */
struct bytes der_take_whole(struct cursor *c, enum der_tag tag);
/* A non-negative INTEGER or ENUMERATED of at most max; fails for negative and non-minimal ones. */
uint64_t der_take_uint(struct cursor *c, enum der_tag tag, uint64_t max);
/* ECDSA-Sig-Value to r||s, 32 bytes each. False for anything but two positive minimal integers. */
bool der_ecdsa_signature(struct bytes der, uint8_t ret[64]) MUST_USE;
