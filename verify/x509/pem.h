/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates and revocation lists in PEM (RFC 7468), strictly: BEGIN and END lines, base64
 * between, nothing else but white space, and NUL bytes at the very end (Intel's quotes carry one).
 * Trust: the text comes from whoever wants to be believed. */
#pragma once

#include "base/bytes.h"
#include "verify/limits.h"

struct pem_chain {
    size_t count;
    struct bytes certificates[CHAIN_MAX]; /* DER, in `storage` */
    uint8_t storage[PEM_BYTES_MAX];
};

/* Exactly all certificates of the text, one at least and CHAIN_MAX at most. */
bool pem_read(struct bytes text, struct pem_chain *ret) MUST_USE;
/* Exactly one certificate, decoded into `out`; at most twice as much text as `out` holds. */
bool pem_read_one(struct bytes text, struct writer *out, struct bytes *ret) MUST_USE;
/* The same for exactly one revocation list. */
bool pem_read_crl(struct bytes text, struct writer *out, struct bytes *ret) MUST_USE;
