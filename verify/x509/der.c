/* SPDX-License-Identifier: Apache-2.0 */
/* The DER reader. An adversary chooses every byte: each length is checked against what is left
 * before it is used, and there is no recursion. */
#include "x509/der.h"
#include "x509/civil.h"

static struct bytes fail(struct cursor *c)
{
    c->failed = true;
    return (struct bytes){0};
}

/* Tag and length of the next element; its contents lie in what is left then. */
static bool take_header(struct cursor *c, uint8_t *ret_tag, size_t *ret_length)
{
    const uint8_t *p = c->rest.data;
    if (c->failed || c->rest.size < 2) {
        return false;
    }
    size_t header = 2, length = p[1];
    if (length >= 0x80) {
        size_t byte_count = length & 0x7fu;
        if (byte_count < 1 || byte_count > 4 || c->rest.size < 2 + byte_count) {
            return false;
        }
        length = 0;
        for (size_t i = 0; i < byte_count; i++) {
            length = length << 8 | p[2 + i];
        }
        if (length < 0x80 || (byte_count > 1 && length >> (8 * (byte_count - 1)) == 0)) {
            return false; /* fewer bytes would do */
        }
        header += byte_count;
    }
    if (length > c->rest.size - header) {
        return false;
    }
    *ret_tag = p[0];
    *ret_length = length;
    c->rest = BYTES(p + header, c->rest.size - header);
    return true;
}

uint8_t der_peek(const struct cursor *c)
{
    return c->failed || c->rest.size == 0 ? 0 : c->rest.data[0];
}

struct bytes der_take(struct cursor *c, enum der_tag tag)
{
    uint8_t found = 0;
    size_t length = 0;
    if (!take_header(c, &found, &length) || found != (uint8_t)tag) {
        return fail(c);
    }
    return cursor_take(c, length);
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

struct bytes der_take_any(struct cursor *c, uint8_t *ret_tag)
{
    size_t length = 0;
    *ret_tag = 0;
    if (!take_header(c, ret_tag, &length) || (*ret_tag & 0x1f) == 0x1f) {
        *ret_tag = 0; /* the number stands in further bytes */
        return fail(c);
    }
    return cursor_take(c, length);
}

bool der_take_default_false(struct cursor *c)
{
    if (der_peek(c) != DER_BOOLEAN) {
        return false;
    }
    struct bytes b = der_take(c, DER_BOOLEAN);
    if (b.size != 1 || b.data[0] != 0xff) {
        c->failed = true;
    }
    return cursor_ok(c);
}

static struct bytes take_number(struct cursor *c, enum der_tag tag)
{
    struct bytes b = der_take(c, tag);
    bool padded = b.size > 1 && ((b.data[0] == 0 && !(b.data[1] & 0x80)) ||
                                 (b.data[0] == 0xff && (b.data[1] & 0x80)));
    if (b.size == 0 || padded) {
        c->failed = true;
        return (struct bytes){0};
    }
    return b;
}

struct bytes der_take_integer(struct cursor *c)
{
    return take_number(c, DER_INTEGER);
}

struct bytes der_take_magnitude(struct cursor *c, enum der_tag tag)
{
    struct bytes b = take_number(c, tag);
    if (b.size == 0 || (b.data[0] & 0x80)) {
        c->failed = true;
        return (struct bytes){0};
    }
    return b.data[0] == 0 ? BYTES(b.data + 1, b.size - 1) : b;
}

uint64_t der_take_uint(struct cursor *c, enum der_tag tag, uint64_t max)
{
    struct bytes b = der_take_magnitude(c, tag);
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

struct bytes der_take_bits(struct cursor *c)
{
    struct cursor bits = cursor_of(der_take(c, DER_BIT_STRING));
    if (cursor_u8(&bits) != 0 || bits.failed) { /* the number of unused bits at the end */
        c->failed = true;
        return (struct bytes){0};
    }
    return bits.rest;
}

int64_t der_take_time(struct cursor *c)
{
    bool general = der_peek(c) == DER_GENERALIZED_TIME;
    struct bytes text = der_take(c, general ? DER_GENERALIZED_TIME : DER_UTC_TIME);
    int64_t seconds = 0;
    if (!civil_parse_compact(text, general ? 4 : 2, &seconds)) {
        c->failed = true;
        return 0;
    }
    return seconds;
}

size_t der_ecdsa_signature(struct bytes der, uint8_t ret[96])
{
    struct cursor outer = cursor_of(der);
    struct cursor c = cursor_of(der_take(&outer, DER_SEQUENCE));
    struct bytes r = der_take_magnitude(&c, DER_INTEGER);
    struct bytes s = der_take_magnitude(&c, DER_INTEGER);
    if (!cursor_done(&outer) || !cursor_done(&c) || r.size == 0 || s.size == 0 || r.size > 48 ||
        s.size > 48) {
        return 0;
    }
    size_t half = r.size <= 32 && s.size <= 32 ? 32 : 48;
    __builtin_memset(ret, 0, 2 * half);
    __builtin_memcpy(ret + (half - r.size), r.data, r.size);
    __builtin_memcpy(ret + (2 * half - s.size), s.data, s.size);
    return 2 * half;
}
