/* SPDX-License-Identifier: Apache-2.0 */
/* The host chooses every offset and length: each is checked against the table's size before it is
 * used, and nothing may point back into the entries. */
#include "amd/cert_table.h"
#include "verify/limits.h"

#define ENTRY_SIZE 24u

enum kind { KIND_VCEK, KIND_VLEK, KIND_ASK, KIND_ARK, KIND_CRL, KINDS };

/* GUIDs stand in the table in the order in which they are written (RFC 4122), not mixed. */
static const uint8_t guids[KINDS][16] = {
    [KIND_VCEK] = {0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64, 0xad, 0xc5, 0xf4, 0xb9, 0x3b,
                   0xe8, 0xac, 0xcd},
    [KIND_VLEK] = {0xa8, 0x07, 0x4b, 0xc2, 0xa2, 0x5a, 0x48, 0x3e, 0xaa, 0xe6, 0x39, 0xc0, 0x45,
                   0xa0, 0xb8, 0xa1},
    [KIND_ASK] = {0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4, 0xa0, 0x2f, 0x05, 0xae, 0xf3,
                  0x27, 0xc7, 0x82},
    [KIND_ARK] = {0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52, 0x97, 0x43, 0x3f, 0xb6, 0x01,
                  0x4c, 0xd0, 0xae},
    [KIND_CRL] = {0x92, 0xf8, 0x1b, 0xc3, 0x58, 0x11, 0x4d, 0x3d, 0x97, 0xff, 0xd1, 0x9f, 0x88,
                  0xdc, 0x67, 0xea},
};

static struct bytes *place_of(struct bytes guid, struct cert_table *t)
{
    struct bytes *const places[KINDS] = {
        [KIND_VCEK] = &t->vcek, [KIND_VLEK] = &t->vlek, [KIND_ASK] = &t->ask,
        [KIND_ARK] = &t->ark,   [KIND_CRL] = &t->crl,
    };
    for (size_t i = 0; i < KINDS; i++) {
        if (bytes_equal(guid, BYTES_OF(guids[i]))) {
            return places[i];
        }
    }
    return NULL;
}

/* The offset behind the entry of zeros that ends them; 0 if there is none within the limit. */
static size_t entries_end(struct bytes table)
{
    static const uint8_t none[ENTRY_SIZE];
    for (size_t i = 0; i <= CERT_TABLE_ENTRIES_MAX; i++) {
        size_t at = i * ENTRY_SIZE;
        if (table.size < at + ENTRY_SIZE) {
            return 0;
        }
        if (bytes_equal(BYTES(table.data + at, ENTRY_SIZE), BYTES_OF(none))) {
            return at + ENTRY_SIZE;
        }
    }
    return 0;
}

bool cert_table_read(struct bytes table, struct cert_table *ret)
{
    *ret = (struct cert_table){0};
    if (table.size > CERT_TABLE_SIZE_MAX) {
        return false;
    }
    size_t contents = entries_end(table);
    for (size_t at = 0; at + ENTRY_SIZE < contents; at += ENTRY_SIZE) {
        const uint8_t *entry = table.data + at;
        uint32_t offset = load_le32(entry + 16), size = load_le32(entry + 20);
        struct bytes *place = place_of(BYTES(entry, 16), ret);
        if (offset < contents || size == 0 || !range_within(offset, size, table.size) ||
            (place != NULL && place->size > 0)) {
            return false;
        }
        if (place != NULL) {
            *place = BYTES(table.data + offset, size);
        }
    }
    return contents > 0;
}
