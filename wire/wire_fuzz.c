/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as any record: what is read is written as the same bytes, and is of the record that its
 * format says. */
#include "wire/records.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static union {
#define RECORD(n, text, ...) struct wire_##n n;
#include "wire/records.def"
#undef RECORD
    } record;
    static uint8_t again[1 << 17];
    struct bytes cbor = BYTES(data, size);
    enum wire_record which = wire_peek(cbor);
    for (int i = 0; i < WIRE_RECORDS; i++) {
        if (wire_read((enum wire_record)i, cbor, &record, NULL) != 0) {
            continue;
        }
        struct writer w = writer_of(again, sizeof again);
        if (i != (int)which || wire_write((enum wire_record)i, &record, &w, NULL) != 0 ||
            !bytes_equal(cbor, BYTES(again, w.size))) {
            abort();
        }
    }
    return 0;
}
