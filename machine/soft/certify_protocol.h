/* SPDX-License-Identifier: Apache-2.0 */
/* The message between client and microcode helper that certifies a quoting enclave. */
#pragma once

#include "soft/pki.h"

#define MC_CERTIFY 16u /* beside enum mc_type of protocol.h */

struct mc_certify {
    uint32_t type, reserved;
    struct sgx_report report;
};
struct mc_certify_reply {
    int32_t error; /* 0 or -errno */
    uint32_t reserved;
    uint8_t signature[64];
    struct pki_collateral collateral;
    struct diag diag;
};
