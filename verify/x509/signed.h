/* SPDX-License-Identifier: Apache-2.0 */
/* What certificates and revocation lists have in common, for x509/ only: SEQUENCE { what is signed,
 * algorithm, BIT STRING }, and lists of extensions.
 * Trust: the bytes come from whoever wants to be believed. */
#pragma once

#include "x509/certificate.h"

struct x509_signed {
    struct bytes tbs;       /* tag and length included */
    struct bytes algorithm; /* contents of the AlgorithmIdentifier */
    struct bytes value;     /* contents of the BIT STRING */
};
bool x509_signed_read(struct bytes der, struct x509_signed *ret) MUST_USE;
/* The signature, by the algorithm that stands both inside and outside of what is signed;
 * SCHEME_NONE if they differ, if nobody here uses it, and for malformed values. r||s are put into
 * `storage`. */
struct signature x509_signature(const struct x509_signed *s, struct bytes inner_algorithm,
                                uint8_t storage[96]);
/* The next of SEQUENCE OF Extension. False at the end and after failures. */
bool x509_next_extension(struct cursor *list, struct extension *ret);
