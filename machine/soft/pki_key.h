/* SPDX-License-Identifier: Apache-2.0 */
/* ECDSA P-256 keys derived from the machine's root secret, and signatures that are a function of
 * key and message (RFC 6979), so that certificates come out the same every time. CT: scalar
 * arithmetic is OpenSSL's constant-time one; a software machine cannot protect its secret from its
 * host anyway. */
#pragma once

#include "base/bytes.h"

struct pki_key {
    uint8_t secret[32]; /* wiped by pki_key_done() */
    uint8_t public[64]; /* x||y */
    uint8_t id[32];     /* SHA-256 of the SubjectPublicKeyInfo */
};

#define PKI_SPKI_SIZE 91
/* The only DER encoding of a P-256 key. */
void pki_key_spki(const struct pki_key *k, uint8_t ret[PKI_SPKI_SIZE]);

/* False only when the crypto library fails. */
bool pki_key_derive(const uint8_t secret[32], const char *label, struct pki_key *ret) MUST_USE;
void pki_key_done(struct pki_key *k);
/* ECDSA with SHA-256, r||s big endian. */
bool pki_key_sign(const struct pki_key *k, struct bytes message, uint8_t ret[64]) MUST_USE;
/* HMAC-SHA-256 of the label: other values that belong to the machine. */
bool pki_derive(const uint8_t secret[32], const char *label, uint8_t counter,
                uint8_t ret[32]) MUST_USE;
