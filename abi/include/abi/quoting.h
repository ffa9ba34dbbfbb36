/* SPDX-License-Identifier: Apache-2.0 */
/* What crosses the boundary of the quoting enclave. */
#pragma once

#include "abi/quote.h"
#include "abi/sdk.h"

#define QUOTING_AUTH_DATA 32u

struct quoting_init_in {
    struct sgx_targetinfo certifier; /* whoever certifies the attestation key */
    uint16_t pce_svn; /* goes into quote headers; the verifier reads the certificate */
};
struct quoting_init_out {
    /* To the certifier; REPORTDATA = SHA-256(attestation_key || auth_data) || zeros. */
    struct sgx_report report;
    uint8_t attestation_key[64]; /* P-256, x || y */
    uint8_t auth_data[QUOTING_AUTH_DATA];
};

struct quoting_quote_in {
    struct sgx_report report;
};
struct quoting_quote_out {
    struct quote_v3_signed body;
    uint8_t signature[64]; /* of body, by the attestation key */
};
