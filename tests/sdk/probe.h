/* SPDX-License-Identifier: Apache-2.0 */
/* What crosses the boundary of the SDK door's probe enclave. */
#pragma once

#include "abi/sdk.h"
#include "abi/sgx.h"

#define PROBE_BYTES_MAX 40000u

struct probe_reverse {
    uint64_t repeat;
};
struct probe_size {
    uint64_t size;
};
struct probe_status {
    int64_t status;
};
struct probe_report_in {
    struct sgx_targetinfo target;
    uint8_t report_data[64];
};
struct probe_hole {
    uint8_t small; /* the compiler puts seven bytes of padding behind it */
    uint64_t large;
};
