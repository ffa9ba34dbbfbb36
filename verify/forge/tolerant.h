/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: a policy that tolerates whatever is a matter of policy (status, debug, migration,
 * trailing bytes, old formats, AMD's list only where given) and expects nothing, so that what
 * remains is whether the evidence is good. */
#pragma once

#include "base/bytes.h"
#include "verify/verify.h"

static inline struct alcove_policy tolerant_policy(const struct alcove_root *roots,
                                                   size_t root_count)
{
    struct alcove_policy p = alcove_policy_strict();
    p.roots = roots;
    p.root_count = root_count;
    p.accepted_statuses = ALCOVE_TCB_BIT(ALCOVE_TCB_NOT_SUPPORTED) - 2;
    p.advisories.tolerate_mode = ALCOVE_EXPECT_ANY;
    p.allow_debug = p.allow_migration = p.allow_trailing = true;
    p.revocation.amd = ALCOVE_REVOCATION_IF_GIVEN;
    p.report_data.mode = ALCOVE_EXPECT_ANY;
    p.mrenclave.mode = p.signer.mode = p.configid.mode = ALCOVE_EXPECT_ANY;
    p.mrtd.mode = p.mrseam.mode = p.mrservicetd.mode = ALCOVE_EXPECT_ANY;
    p.td_attributes.mode = p.td_xfam.mode = ALCOVE_EXPECT_ANY;
    for (size_t i = 0; i < ARRAY_SIZE(p.rtmr); i++) {
        p.rtmr[i].mode = ALCOVE_EXPECT_ANY;
    }
    p.snp_measurement.mode = p.snp_host_data.mode = p.azure_key.mode = ALCOVE_EXPECT_ANY;
    p.snp_vmpl.mode = p.snp_min_tcb.mode = ALCOVE_EXPECT_ANY;
    for (size_t i = 0; i < ARRAY_SIZE(p.nitro_pcr); i++) {
        p.nitro_pcr[i].mode = ALCOVE_EXPECT_ANY;
    }
    p.nitro_nonce.mode = p.nitro_user_data.mode = p.nitro_public_key.mode = ALCOVE_EXPECT_ANY;
    p.nitro_time = ALCOVE_NITRO_TIME_GIVEN;
    p.ratls_nonce.mode = p.ratls_key.mode = ALCOVE_EXPECT_ANY;
    p.ratls_legacy = ALCOVE_RATLS_LEGACY_GRAMINE | ALCOVE_RATLS_LEGACY_RATS_TLS;
    return p;
}
