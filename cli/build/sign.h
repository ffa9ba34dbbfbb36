/* SPDX-License-Identifier: Apache-2.0 */
/* Makes SIGSTRUCTs with the developer's key: `alcove sign`, and `alcove build` for the shim door.
 */
#pragma once

#include "abi/sgx.h"
#include "base/diag.h"

struct sign_terms {
    const char *key; /* file; NULL: the default one (key.h) */
    uint32_t date;   /* binary coded decimal, as SIGSTRUCT.DATE */
    uint16_t isvprodid, isvsvn;
    bool no_debug, provision_key;
};

/* Signs for 64-bit mode with key separation and sharing (CONFIGID), any XFRM that includes x87 and
 * SSE, and MISCSELECT = EXINFO. */
int sign_measurement(const struct sign_terms *terms, const uint8_t mrenclave[32],
                     struct sgx_sigstruct *ret, uint8_t ret_mrsigner[32], struct diag *d) MUST_USE;
