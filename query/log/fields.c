/* SPDX-License-Identifier: Apache-2.0 */
/* fields.h: all bytes come from anybody. */
#include "log/fields.h"

struct cbor_map field_map(struct cbor_reader *r, size_t members)
{
    struct cbor_map map = cbor_map(r, members);
    if (map.left != members) {
        cbor_fail(r);
    }
    return map;
}

void field_key(struct cbor_reader *r, struct cbor_map *map, const char *key)
{
    struct bytes found = {NULL, 0};
    if (!cbor_key(r, map, &found) || !bytes_equal_str(found, key)) {
        cbor_fail(r);
    }
}

uint64_t field_number(struct cbor_reader *r, uint64_t min, uint64_t max)
{
    uint64_t value = cbor_uint(r, max);
    if (value < min) {
        cbor_fail(r);
        return 0;
    }
    return value;
}

uint64_t field_uint(struct cbor_reader *r, struct cbor_map *map, const char *key, uint64_t min,
                    uint64_t max)
{
    field_key(r, map, key);
    return field_number(r, min, max);
}

void field_item(struct cbor_reader *r, void *ret, size_t n)
{
    struct bytes found = cbor_bytes(r, n, n);
    if (cbor_ok(r)) {
        __builtin_memcpy(ret, found.data, n);
    } else {
        __builtin_memset(ret, 0, n);
    }
}

void field_fixed(struct cbor_reader *r, struct cbor_map *map, const char *key, void *ret, size_t n)
{
    field_key(r, map, key);
    field_item(r, ret, n);
}

void field_word(struct cbor_reader *r, struct cbor_map *map, const char *key, const char *value)
{
    field_key(r, map, key);
    if (!bytes_equal_str(cbor_text(r, QUERY_LABEL_MAX), value)) {
        cbor_fail(r);
    }
}

bool field_text_shown(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        uint32_t next = i + 1 < text.size ? text.data[i + 1] : 0;
        uint32_t third = i + 2 < text.size ? text.data[i + 2] : 0;
        bool c1 = c == 0xc2 && next < 0xa0;
        /* U+200E, U+200F, U+2028 to U+202E; U+2066 to U+2069; U+061C */
        bool general = c == 0xe2 && next == 0x80 &&
                       (third == 0x8e || third == 0x8f || (third >= 0xa8 && third <= 0xae));
        bool isolate = c == 0xe2 && next == 0x81 && third >= 0xa6 && third <= 0xa9;
        bool arabic = c == 0xd8 && next == 0x9c;
        if (c < 0x20 || c == 0x7f || c1 || general || isolate || arabic) {
            return false;
        }
    }
    return true;
}

struct bytes field_text(struct cbor_reader *r, struct cbor_map *map, const char *key, size_t max)
{
    field_key(r, map, key);
    struct bytes text = cbor_text(r, max);
    if (text.size == 0 || !field_text_shown(text)) {
        cbor_fail(r);
    }
    return text;
}

void field_array(struct cbor_reader *r, size_t n)
{
    if (cbor_array(r, n) != n) {
        cbor_fail(r);
    }
}

void field_put_uint(struct writer *w, const char *key, uint64_t value)
{
    cbor_put_str(w, key);
    cbor_put_uint(w, value);
}

void field_put_fixed(struct writer *w, const char *key, const void *data, size_t n)
{
    cbor_put_str(w, key);
    cbor_put_bytes(w, BYTES(data, n));
}

void field_put_word(struct writer *w, const char *key, const char *value)
{
    cbor_put_str(w, key);
    cbor_put_str(w, value);
}

void field_put_text(struct writer *w, const char *key, struct bytes value)
{
    cbor_put_str(w, key);
    cbor_put_text(w, value);
}
