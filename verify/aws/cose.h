/* SPDX-License-Identifier: Apache-2.0 */
/* COSE_Sign1 (RFC 9052, section 4.2) as AWS uses it: tagged 18 or not, ES384, the payload inside.
 * Trust: the bytes come from whoever wants to be believed. */
#pragma once

#include "base/bytes.h"
#include "verify/limits.h"

struct cose_sign1 {
    struct bytes protected_header; /* the serialized map */
    struct bytes payload, signature;
    size_t trailing; /* bytes after it */
};
/* False if it does not begin with an array of four: byte string, map, byte string of 1 to
 * NITRO_PAYLOAD_MAX bytes, byte string of 96. What the unprotected header holds is not signed and
 * nothing of it is used; RFC 9052 allows it, so it has to be well-formed, with no label twice, and
 * no more. */
bool cose_read(struct bytes evidence, struct cose_sign1 *ret) MUST_USE;
/* Does the protected header say ES384 and nothing else? The unprotected one is never asked. */
bool cose_is_es384(const struct cose_sign1 *c) MUST_USE;

/* The bytes that are signed (section 4.4): ["Signature1", protected, h'', payload]. */
#define COSE_SIGNED_MAX (NITRO_PAYLOAD_MAX + 64u)
struct bytes cose_signed(const struct cose_sign1 *c, uint8_t storage[COSE_SIGNED_MAX]);
