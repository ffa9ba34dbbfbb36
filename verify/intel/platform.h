/* SPDX-License-Identifier: Apache-2.0 */
/* What a PCK certificate says about its platform. Source: Intel "PCK Certificate and CRL Profile
 * Specification", extension 1.2.840.113741.1.13.1. */
#pragma once

#include "base/bytes.h"

struct platform {
    uint8_t ppid[16];
    uint8_t components[16]; /* SVNs of the TCB level that the certificate was issued for */
    uint16_t pcesvn;
    uint8_t cpusvn[16];
    uint8_t pceid[2];
    uint8_t fmspc[6];
    /* Only certificates of the Platform CA say these; -1: does not say. */
    bool has_instance;
    uint8_t instance_id[16];
    int8_t dynamic_platform, cached_keys, smt_enabled;
};

/* Every member exactly once, exact sizes, numbers in range; members of later profiles are skipped.
 * Trust: meaningful only if the certificate's chain verifies. */
bool platform_read(struct bytes extension, struct platform *ret) MUST_USE;
