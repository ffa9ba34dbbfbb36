/* SPDX-License-Identifier: Apache-2.0 */
/* The evidence file that `alcove run --quote` writes and `alcove verify` reads: one file, offline.
 * Deterministic CBOR, docs/formats/evidence.md:
 *   {"format": "alcove-evidence-1", "quote": bytes, "claims": bytes, "manifest": bytes,
 *    "collateral": {"tcb_info": bytes (JSON), "tcb_chain": bytes (PEM), "qe_identity": bytes (JSON),
 *    "qe_chain": bytes (PEM), "pck_crl": bytes (DER), "pck_crl_chain": bytes (PEM),
 *    "root_crl": bytes (DER)}}
 * Claims are CBOR too; REPORTDATA = SHA-512(claims):
 *   {"purpose": "run", "nonce": bytes, "inputs": {name: sha256}, "outputs": {name: sha256},
 *    "exit": [kind, value]}
 * Map keys stand in deterministic order in the encodings (shorter first). */
#pragma once

#include "abi/limits.h"
#include "base/bytes.h"
#include "base/diag.h"

struct evidence_collateral {
    struct bytes tcb_info, tcb_chain, qe_identity, qe_chain, pck_crl, pck_crl_chain, root_crl;
};

struct evidence {
    struct bytes quote, claims, manifest;
    struct evidence_collateral collateral;
};

struct claim_file {
    struct bytes name;
    uint8_t sha256[32];
};

struct run_claims {
    struct bytes nonce;
    size_t input_count, output_count;
    struct claim_file inputs[MANIFEST_FILES_MAX];
    struct claim_file outputs[MANIFEST_FILES_MAX];
    uint64_t exit_kind, exit_value; /* enum exit_kind */
};

int evidence_decode(struct bytes cbor, struct evidence *ret, struct diag *d) MUST_USE;
int evidence_encode(const struct evidence *e, struct writer *out, struct diag *d) MUST_USE;
int run_claims_decode(struct bytes cbor, struct run_claims *ret, struct diag *d) MUST_USE;
/* Names of inputs and of outputs must be unique; they are written sorted. */
int run_claims_encode(const struct run_claims *c, struct writer *out, struct diag *d) MUST_USE;
