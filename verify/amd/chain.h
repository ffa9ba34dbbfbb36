/* SPDX-License-Identifier: Apache-2.0 */
/* The chain of the key that signs SNP reports, always of three certificates:
 *   VCEK -> ASK -> ARK      the key of one chip at one TCB
 *   VLEK -> ASVK -> ARK     a key that AMD lent to a cloud provider, at one TCB
 * Sources: AMD 57230 "VCEK/VLEK Certificate and KDS Interface", chapters 2 and 3. */
#pragma once

#include "check.h"
#include "amd/report.h"
#include "x509/certificate.h"
#include "x509/pem.h"

struct amd_chain {
    struct pem_chain vek_text, chain_text, ark_text; /* where the certificates were decoded */
    struct certificate vek, above[2];
    const struct certificate *ask, *ark; /* of `above`, in either order */
    bool readable;
    /* By the names, of which the signatures and the root then decide whether they are true. */
    enum alcove_snp_product product;
    bool is_vlek;
    struct bytes crl; /* as it was handed over, may be empty */
};

/* Finds the certificates for a report of this SIGNING_KEY and makes all checks of the chain and of
 * the ARK's list that can be made. */
void amd_chain_check(struct check *c, const struct alcove_collateral *collateral, bool is_vlek,
                     struct amd_chain *ret);
