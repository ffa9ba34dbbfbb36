/* SPDX-License-Identifier: Apache-2.0 */
/* A strict reader of DER (X.690): definite, minimal lengths; single-byte tags; minimal integers;
 * one form of true. Failure sticks in the cursor, as with struct cursor: failed reads give zero or
 * an empty view, so a reader may take a whole structure and ask once. Trust: the bytes come from
 * whoever wants to be believed. */
#pragma once

#include "base/bytes.h"

enum der_tag {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_OID = 0x06,
    DER_ENUMERATED = 0x0a,
    DER_UTF8_STRING = 0x0c,
    DER_PRINTABLE_STRING = 0x13,
    DER_TELETEX_STRING = 0x14,
    DER_IA5_STRING = 0x16,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
    DER_CONTEXT_0 = 0xa0, /* [0], constructed */
    DER_CONTEXT_3 = 0xa3,
};

/* The tag of the next element; 0 at the end and after failures. */
uint8_t der_peek(const struct cursor *c);
/* The contents of the next element, which must carry this tag. */
struct bytes der_take(struct cursor *c, enum der_tag tag);
/* The next element of this tag, with its tag and length. */
struct bytes der_take_whole(struct cursor *c, enum der_tag tag);
/* The contents of the next element, whatever it is. */
struct bytes der_take_any(struct cursor *c, uint8_t *ret_tag);
/* BOOLEAN DEFAULT FALSE: true if there is a TRUE; false, with nothing taken, if there is no
 * BOOLEAN. An encoded FALSE fails: DER leaves defaults out. */
bool der_take_default_false(struct cursor *c);
/* The contents of an INTEGER of either sign; fails for non-minimal ones. */
struct bytes der_take_integer(struct cursor *c);
/* The magnitude of a non-negative INTEGER or ENUMERATED, big endian without leading zeros: empty
 * for zero. Fails for negative and non-minimal ones. */
struct bytes der_take_magnitude(struct cursor *c, enum der_tag tag);
/* The same as a number of at most max. */
uint64_t der_take_uint(struct cursor *c, enum der_tag tag, uint64_t max);
/* The contents of a BIT STRING of whole bytes. */
struct bytes der_take_bits(struct cursor *c);
/* UTCTime or GeneralizedTime as RFC 5280, section 4.1.2.5, has them: seconds present, Zulu, no
 * fractions. Seconds since 1970. GeneralizedTime is taken for years before 2050 too: there are such
 * certificates, and it reads in one way only. */
int64_t der_take_time(struct cursor *c);
/* ECDSA-Sig-Value to r||s: 32 bytes each if both fit, else 48 bytes each. Returns the size of r||s;
 * 0 for anything but two positive minimal integers that fit. */
size_t der_ecdsa_signature(struct bytes der, uint8_t ret[96]) MUST_USE;
