/* SPDX-License-Identifier: Apache-2.0 */
/* What a service's core needs of the world, as a table, so that the same core runs in tests without
 * an enclave. All return 0 or -errno.
 *
 * Trust: the clock is the host's, always. Quotes are as good as docs/formats/dev-attestation.md
 * says: the runtime compared their report body with what it had reported. */
#pragma once

#include "abi/sgx.h"
#include "base/diag.h"

struct service_env {
    void *context;
    /* TARGETINFO of this enclave: its MRENCLAVE and CONFIGID, for REPORTs that others make for it.
     */
    int (*target_info)(void *context, uint8_t ret[512]);
    /* A DCAP quote over report_data; at most QUOTE_SIZE_MAX bytes. -ENODEV: nobody quotes here. */
    int (*quote)(void *context, const uint8_t report_data[64], uint8_t *ret, size_t capacity,
                 size_t *ret_size);
    /* Is it a REPORT of this machine, for this enclave? -EACCES when not. Whose, stands in its
     * body. */
    int (*check_report)(void *context, const uint8_t report[432]);
    /* Fresh at each call, from the processor. */
    int (*random)(void *context, uint8_t *ret, size_t size);
    int64_t (*time_s)(void *context);    /* since 1970 */
    uint64_t (*clock_ms)(void *context); /* only rises */
};

/* /dev/attestation, getrandom() and the clocks of this process. */
extern const struct service_env service_env_enclave;
