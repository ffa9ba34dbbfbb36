/* SPDX-License-Identifier: Apache-2.0 */
/* Any text to find certificates in: each one found is handed on once, as PEM and nothing else. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "extract.h"

/* The library has targets of its own; here it is who looks at what it is given. */
int alcove_bundle_add(struct alcove_bundle *b, struct alcove_bytes piece, uint32_t *ret_kinds)
{
    static const char first[] = "-----BEGIN", last[] = "-----END CERTIFICATE-----\n";
    (void)b;
    if (piece.size < strlen(first) + strlen(last) ||
        memcmp(piece.data, first, strlen(first)) != 0 ||
        memcmp(piece.data + piece.size - strlen(last), last, strlen(last)) != 0) {
        abort();
    }
    if (piece.data[strlen(first)] == 'x') {
        return -EINVAL;
    }
    *ret_kinds = 1;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t kinds = 0;
    size_t count = 0;
    if (extract_certificates(NULL, BYTES(data, size), &kinds, &count) != 0 ||
        (count > 0) != (kinds != 0)) {
        abort();
    }
    return 0;
}
