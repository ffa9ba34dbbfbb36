/* SPDX-License-Identifier: Apache-2.0 */
/* What the workload plants and scan.c searches for: seven bytes that stand in no file, because they are
 * multiplied when they are needed, and a letter for the place. */
#pragma once

#include <stdint.h>

static const volatile uint64_t canary_a = UINT64_C(0x9e3779b97f4a7c15);
static const volatile uint64_t canary_b = UINT64_C(0xc2b2ae3d27d4eb4f);

static inline uint64_t canary(char place)
{
    return ((canary_a * canary_b) & ~UINT64_C(0xff)) | (uint8_t)place;
}
