/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes: decoding ends, stays inside, and an accepted manifest encodes to the same bytes, so
 * that one manifest has one CONFIGID. */
#include <stdlib.h>
#include <string.h>

#include "abi/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[MANIFEST_SIZE_MAX];
    struct manifest m;
    struct diag d;
    if (manifest_decode(BYTES(data, size), &m, &d) != 0) {
        return 0;
    }
    struct writer w = writer_of(out, sizeof out);
    if (manifest_encode(&m, &w, &d) != 0 || w.size != size || memcmp(out, data, size) != 0) {
        abort();
    }
    return 0;
}
