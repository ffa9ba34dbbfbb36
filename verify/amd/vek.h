/* SPDX-License-Identifier: Apache-2.0 */
/* AMD's extensions in VCEK and VLEK certificates: for which product, TCB and chip the key is.
 * Source: AMD 57230, table "VCEK and VLEK certificate extensions".
 * Trust: whoever wants to be believed hands the certificate over; its chain is checked apart. */
#pragma once

#include "verify/verify.h"
#include "x509/certificate.h"

#define VEK_COMPONENTS 9u /* 1.3.6.1.4.1.3704.1.3.1 to .9 */

struct vek {
    struct bytes product_name; /* "Milan-B0"; empty if it does not say */
    bool has_component[VEK_COMPONENTS + 1];
    uint8_t component[VEK_COMPONENTS + 1]; /* by last arc: 1 boot loader, 2 TEE, 3 SNP, 8 microcode,
                                            * 9 FMC; the others are spare */
    struct bytes hwid;                     /* of VCEKs: 64 bytes, 8 from Turin on */
    struct bytes csp_id;                   /* of VLEKs */
};

/* False if an extension is malformed, out of range or not known below AMD's arc. */
bool vek_read(const struct certificate *c, struct vek *ret) MUST_USE;
/* Does it have what such a certificate must have, and nothing that only the other kind has? */
bool vek_complete(const struct vek *v, enum alcove_snp_product product, bool is_vlek);
/* Is it exactly for this TCB? What the product lacks must be zero or absent. */
bool vek_is_for_tcb(const struct vek *v, const struct alcove_snp_tcb *tcb);
/* Is it for this product ("Milan" or "Milan-B0"), or does it not say? */
bool vek_is_for_product(const struct vek *v, enum alcove_snp_product product);
/* Is it this chip's, or does the report not say (zeros: AMD 56860, MASK_CHIP_ID)? Where HWIDs are
 * shorter than the field, the rest of it is zero. */
bool vek_is_for_chip(const struct vek *v, const uint8_t chip_id[64]);
