/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as alcove.yaml: reading ends, and a refusal always has a sentence. */
#include <stdlib.h>

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *c = NULL;
    struct diag d = {""};
    if (config_parse(BYTES(data, size), "alcove.yaml", &c, &d) != 0 && d.text[0] == '\0') {
        abort();
    }
    config_free(c);
    return 0;
}
