/* SPDX-License-Identifier: Apache-2.0 */
/* The other half of the aggregator that tests look into: it says on standard error what each
 * custodian sent. A program with an identity of its own, which no policy of the product names. */
#include "state.h"

#include <stdio.h>

void aggregator_watch(const uint8_t owner[32], const int64_t *vector, uint32_t count)
{
    char name[65];
    hex_encode(name, owner, 32);
    fprintf(stderr, "watch: %s", name);
    for (uint32_t i = 0; i < count; i++) {
        fprintf(stderr, " %lld", (long long)vector[i]);
    }
    fprintf(stderr, "\n");
}
