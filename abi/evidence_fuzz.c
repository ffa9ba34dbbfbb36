/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as evidence and as claims: what is accepted encodes to the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "abi/evidence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[EVIDENCE_SIZE_MAX];
    struct diag d;
    struct evidence e;
    struct run_claims c;
    struct writer w = writer_of(out, sizeof out);
    if (evidence_decode(BYTES(data, size), &e, &d) == 0 &&
        (evidence_encode(&e, &w, &d) != 0 || w.size != size || memcmp(out, data, size) != 0)) {
        abort();
    }
    w = writer_of(out, sizeof out);
    if (run_claims_decode(BYTES(data, size), &c, &d) == 0 &&
        (run_claims_encode(&c, &w, &d) != 0 || w.size != size || memcmp(out, data, size) != 0)) {
        abort();
    }
    return 0;
}
