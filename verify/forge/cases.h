/* SPDX-License-Identifier: Apache-2.0 */
/* For fuzzing: good evidence of every kind with its collateral, cut into parts; and the same forged
 * once more from a description in which something was changed, so that signatures are good and what
 * they cover is not. Keys are the same in every process, so that an input means the same
 * everywhere. */
#pragma once

#include "base/bytes.h"
#include "verify/verify.h"

/* Evidence, then the members of struct alcove_collateral, in its order. */
enum case_part {
    PART_EVIDENCE,
    PART_TCB_INFO,
    PART_TCB_CHAIN,
    PART_QE_IDENTITY,
    PART_QE_CHAIN,
    PART_PCK_CRL,
    PART_ROOT_CRL,
    PART_PCK_CRL_CHAIN,
    PART_PCK_CHAIN,
    PART_AMD_VEK,
    PART_AMD_CHAIN,
    PART_AMD_CRL,
    PART_AMD_CERT_TABLE,
    CASE_PARTS,
};

#define CASE_PART_MAX 32768u
struct case_bytes {
    uint8_t data[CASE_PART_MAX];
    size_t size;
};
struct forge_case {
    int64_t now;
    struct case_bytes part[CASE_PARTS];
};

/* A change of the description. `field` and `at` are taken modulo what there is. */
struct case_change {
    uint8_t field;
    uint16_t at;
    uint8_t size;
    const uint8_t *data;
};

/* How many kinds of good evidence are forged. */
size_t forge_case_count(void);
/* False if it came out too large. */
bool forge_case_build(size_t index, const struct case_change *changes, size_t change_count,
                      struct forge_case *ret) MUST_USE;
/* Tolerates what is a matter of policy and names the roots of all forged evidence. */
struct alcove_policy forge_case_policy(void);

struct alcove_collateral forge_case_collateral(const struct forge_case *c);
struct alcove_bytes forge_case_evidence(const struct forge_case *c);
