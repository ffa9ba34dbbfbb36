/* SPDX-License-Identifier: Apache-2.0 */
/* What the contributor says for a person, and the driver expects: between -20 and 20. */
#pragma once

#include <stdint.h>

static inline int64_t number(uint64_t person, uint32_t entry)
{
    return (int64_t)((person * (entry + 3)) % 41) - 20;
}
