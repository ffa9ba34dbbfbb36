/* SPDX-License-Identifier: Apache-2.0 */
/* The DER reader. An adversary chooses every byte: each length is checked against what is left
 * before it is used, and there is no recursion. */
#include "x509/der.h"

static size_t take_length(struct cursor *c)
{
    uint8_t first = cursor_u8(c);
    if (first < 0x80) {
        return first;
    }
    size_t byte_count = first & 0x7fu;
    if (byte_count < 1 || byte_count > 4) {
        c->failed = true;
        return 0;
    }
    size_t length = (size_t)cursor_be(c, byte_count);
    bool minimal = length >= 0x80 && (byte_count == 1 || length >> (8 * (byte_count - 1)) != 0);
    if (!minimal) {
        c->failed = true;
        return 0;
    }
    return length;
}

struct bytes der_take(struct cursor *c, enum der_tag tag)
{
    if (cursor_u8(c) != (uint8_t)tag) {
        c->failed = true;
    }
    return cursor_take(c, take_length(c));
}

struct bytes der_take_whole(struct cursor *c, enum der_tag tag)
{
    const uint8_t *start = c->rest.data;
    struct bytes content = der_take(c, tag);
    if (!cursor_ok(c)) {
        return (struct bytes){0};
    }
    return BYTES(start, (size_t)(content.data - start) + content.size);
}

/* The magnitude of a non-negative, minimally encoded integer, without its sign byte. */
static struct bytes take_magnitude(struct cursor *c, enum der_tag tag)
{
    struct bytes b = der_take(c, tag);
    bool padded = b.size > 1 && b.data[0] == 0 && !(b.data[1] & 0x80);
    if (b.size == 0 || (b.data[0] & 0x80) || padded) {
        c->failed = true;
        return (struct bytes){0};
    }
    if (b.data[0] == 0) {
        return BYTES(b.data + 1, b.size - 1);
    }
    return b;
}

uint64_t der_take_uint(struct cursor *c, enum der_tag tag, uint64_t max)
{
    struct bytes b = take_magnitude(c, tag);
    if (b.size > 8) {
        c->failed = true;
        return 0;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < b.size; i++) {
        value = value << 8 | b.data[i];
    }
    if (value > max) {
        c->failed = true;
        return 0;
    }
    return value;
}

bool der_ecdsa_signature(struct bytes der, uint8_t ret[64])
{
    struct cursor outer = cursor_of(der);
    struct cursor c = cursor_of(der_take(&outer, DER_SEQUENCE));
    uint8_t raw[64] = {0};
    for (size_t i = 0; i < 2; i++) {
        struct bytes b = take_magnitude(&c, DER_INTEGER);
        if (b.size > 32) {
            return false;
        }
        if (b.size > 0) {
            __builtin_memcpy(raw + 32 * i + (32 - b.size), b.data, b.size);
        }
    }
    if (!cursor_done(&outer) || !cursor_done(&c)) {
        return false;
    }
    __builtin_memcpy(ret, raw, sizeof raw);
    return true;
}
