/* SPDX-License-Identifier: Apache-2.0 */
/* Complete X.509 revocation lists (RFC 5280, section 5) turned into facts, strictly, without
 * copying. Trust: the bytes come from whoever wants to be believed. */
#pragma once

#include "x509/certificate.h"

struct crl {
    struct bytes tbs;
    struct bytes issuer; /* raw name */
    int64_t this_update, next_update;
    struct signature signature; /* as with certificates */
    uint8_t signature_storage[96];
    struct bytes entries; /* SEQUENCE OF revokedCertificates, contents; every entry was read once */
};
/* False if the bytes are not exactly one v2 list with both dates, readable entries and no critical
 * extension (no indirect, delta or partial lists). */
bool crl_read(struct bytes der, struct crl *ret) MUST_USE;
/* Does the list name this serial number, for whatever reason? */
bool crl_lists(const struct crl *c, const struct certificate *certificate);
