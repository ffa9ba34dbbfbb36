/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a host's table of certificates: what is read stays inside and behind the entries,
 * and each entry that is known is one that stands there. */
#include "amd/cert_table.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cert_table t;
    if (!cert_table_read(BYTES(data, size), &t)) {
        return 0;
    }
    const struct bytes found[] = {t.vcek, t.vlek, t.ask, t.ark, t.crl};
    for (size_t i = 0; i < ARRAY_SIZE(found); i++) {
        bool named = found[i].size == 0;
        for (size_t at = 0; !named && at + 24 <= size; at += 24) {
            named = found[i].data == data + load_le32(data + at + 16) &&
                    found[i].size == load_le32(data + at + 20);
        }
        if (!named ||
            (found[i].size > 0 && (found[i].data < data + 24 ||
                                   found[i].size > size - (size_t)(found[i].data - data)))) {
            abort();
        }
    }
    return 0;
}
