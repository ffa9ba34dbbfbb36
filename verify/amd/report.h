/* SPDX-License-Identifier: Apache-2.0 */
/* SEV-SNP attestation reports, versions 2, 3 and 5, turned into facts.
 * Sources: AMD 56860 "SEV-SNP Firmware ABI", tables "ATTESTATION_REPORT", "TCB_VERSION" and "Guest
 * policy"; AMD 57230, section "TCB version".
 * Trust: the bytes come from whoever wants to be believed. */
#pragma once

#include "base/bytes.h"
#include "verify/verify.h"

#define SNP_REPORT_SIZE 1184u
#define SNP_SIGNED_SIZE 672u

#define SNP_SIGNED_BY_VCEK 0u
#define SNP_SIGNED_BY_VLEK 1u

struct snp_report {
    struct alcove_snp_report facts; /* without product, TCBs and what certificates say */
    struct bytes signed_bytes, trailing;
    uint8_t signature[96]; /* r||s, big endian */
    unsigned signing_key;  /* SIGNING_KEY, 0..7 */
    /* Of family and model, which version 2 does not tell; UNKNOWN also for others' processors. */
    bool has_model;
    enum alcove_snp_product product;
    const uint8_t *current_tcb, *reported_tcb, *committed_tcb, *launch_tcb; /* 8 bytes each */
    bool reserved_ok;   /* reserved signed fields are what they must be; the TCBs' own apart */
    bool unsigned_zero; /* above r and s and behind them */
};

/* NONE, or the reason why the report cannot be read; then *ret is not complete. */
enum alcove_reason snp_report_read(struct bytes report, struct snp_report *ret);

/* A TCB_VERSION in a product's layout. False if reserved bytes are not zero or nothing is known
 * about the product; *ret is then as far as known. */
bool snp_tcb_read(enum alcove_snp_product product, const uint8_t raw[8],
                  struct alcove_snp_tcb *ret) MUST_USE;
/* Is every component of `low` at most that of `high`? */
bool snp_tcb_at_most(const struct alcove_snp_tcb *low, const struct alcove_snp_tcb *high);
