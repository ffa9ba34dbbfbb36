/* SPDX-License-Identifier: Apache-2.0 */
/* What crosses the boundary of the running-mean enclave: fixed-size structs, no pointers. */
#pragma once

#include "abi/sdk.h"

struct sample {
    int64_t value; /* at most a million either way */
};
struct mean {
    int64_t value; /* rounded towards zero */
    uint64_t count;
};
