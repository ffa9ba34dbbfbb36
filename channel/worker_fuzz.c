/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the body of a worker's result: what is read is written as it was. */
#include "channel/worker.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t again[WORKER_RESULT_MAX];
    struct worker_result r;
    struct diag d;
    if (worker_result_decode(BYTES(data, size), &r, &d) != 0) {
        return 0;
    }
    struct writer w = writer_of(again, sizeof again);
    if (worker_result_encode(&r, &w) != 0 || w.size != size || memcmp(again, data, size) != 0) {
        abort();
    }
    return 0;
}
