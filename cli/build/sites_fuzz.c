/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an ELF file: the scanner ends, and what it lists lies in the file as it says. */
#include <stdlib.h>
#include <string.h>

#include "sites.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *table = NULL;
    size_t table_size = 0;
    struct sites_stats stats = {0};
    struct diag d;
    if (sites_scan(BYTES(data, size), &table, &table_size, &stats, &d) != 0) {
        return 0;
    }
    uint64_t end = 0;
    for (size_t at = sizeof(struct sites_header); at < table_size; at += sizeof(struct site)) {
        struct site s;
        memcpy(&s, table + at, sizeof s);
        if (s.patch_offset < end || !range_within(s.patch_offset, s.patch_size, size) ||
            memcmp(data + s.patch_offset, s.original, s.patch_size) != 0) {
            abort();
        }
        end = s.patch_offset + s.patch_size;
    }
    free(table);
    return 0;
}
