/* SPDX-License-Identifier: Apache-2.0 */
/* AMD's keys for SEV-SNP, by product, as SHA-256 of their SubjectPublicKeyInfo. A file of its own,
 * so that a test can put keys here of which it has the private halves. */
#pragma once

#include "verify/verify.h"

struct amd_pins {
    uint8_t ark[32], ask[32], asvk[32];
};
/* NULL for a product that is not known. */
const struct amd_pins *amd_pins(enum alcove_snp_product product);
