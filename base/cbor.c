/* SPDX-License-Identifier: Apache-2.0 */
/* Deterministic CBOR, RFC 8949 section 4.2.1. Every byte read here may be hostile. */
#include "base/cbor.h"

enum { MAJOR_UINT, MAJOR_NEGINT, MAJOR_BYTES, MAJOR_TEXT, MAJOR_ARRAY, MAJOR_MAP, MAJOR_TAG, MAJOR_SIMPLE };
enum { SIMPLE_FALSE = 20, SIMPLE_TRUE = 21, SIMPLE_NULL = 22 };
#define NESTING_MAX 8

void cbor_fail(struct cbor_reader *r)
{
    r->in.failed = true;
}

/* Reads an initial byte and its argument; refuses indefinite lengths and longer-than-needed forms. */
static bool read_head(struct cbor_reader *r, unsigned *ret_major, uint64_t *ret_value)
{
    uint8_t initial = cursor_u8(&r->in);
    unsigned info = initial & 31u;
    uint64_t value = info;
    if (info >= 24 && info <= 27) {
        size_t n = (size_t)1 << (info - 24);
        value = cursor_be(&r->in, n);
        uint64_t least = n == 1 ? 24 : (uint64_t)1 << (8 * (n / 2));
        if (value < least) {
            cbor_fail(r);
        }
    } else if (info > 27) {
        cbor_fail(r);
    }
    if (!cbor_ok(r)) {
        return false;
    }
    *ret_major = initial >> 5;
    *ret_value = value;
    return true;
}

static uint64_t expect(struct cbor_reader *r, unsigned major)
{
    unsigned got = 0;
    uint64_t value = 0;
    if (!read_head(r, &got, &value)) {
        return 0;
    }
    if (got != major) {
        cbor_fail(r);
        return 0;
    }
    return value;
}

bool cbor_peek(struct cbor_reader *r, enum cbor_kind *ret_kind)
{
    if (!cbor_ok(r) || r->in.rest.size == 0) {
        cbor_fail(r);
        return false;
    }
    uint8_t initial = r->in.rest.data[0];
    static const enum cbor_kind kinds[] = {CBOR_UINT, CBOR_NEGINT, CBOR_BYTES,
                                           CBOR_TEXT, CBOR_ARRAY,  CBOR_MAP};
    unsigned major = initial >> 5;
    if (major < ARRAY_SIZE(kinds)) {
        *ret_kind = kinds[major];
        return true;
    }
    switch (initial) {
    case (MAJOR_SIMPLE << 5) | SIMPLE_FALSE:
        *ret_kind = CBOR_FALSE;
        return true;
    case (MAJOR_SIMPLE << 5) | SIMPLE_TRUE:
        *ret_kind = CBOR_TRUE;
        return true;
    case (MAJOR_SIMPLE << 5) | SIMPLE_NULL:
        *ret_kind = CBOR_NULL;
        return true;
    default:
        cbor_fail(r);
        return false;
    }
}

uint64_t cbor_uint(struct cbor_reader *r, uint64_t max)
{
    uint64_t v = expect(r, MAJOR_UINT);
    if (v > max) {
        cbor_fail(r);
        return 0;
    }
    return v;
}

int64_t cbor_int(struct cbor_reader *r)
{
    unsigned major = 0;
    uint64_t v = 0;
    if (!read_head(r, &major, &v)) {
        return 0;
    }
    if (major > MAJOR_NEGINT || v > INT64_MAX) {
        cbor_fail(r);
        return 0;
    }
    return major == MAJOR_UINT ? (int64_t)v : -1 - (int64_t)v;
}

bool cbor_bool(struct cbor_reader *r)
{
    uint64_t v = expect(r, MAJOR_SIMPLE);
    if (v != SIMPLE_FALSE && v != SIMPLE_TRUE) {
        cbor_fail(r);
        return false;
    }
    return v == SIMPLE_TRUE;
}

struct bytes cbor_bytes(struct cbor_reader *r, size_t min, size_t max)
{
    uint64_t n = expect(r, MAJOR_BYTES);
    if (n < min || n > max) {
        cbor_fail(r);
    }
    return cursor_take(&r->in, (size_t)n);
}

/* RFC 3629, without NUL, surrogates and overlong forms. */
static bool utf8_ok(struct bytes b)
{
    size_t i = 0;
    while (i < b.size) {
        uint8_t c = b.data[i];
        size_t extra = c < 0x80 ? 0 : c >= 0xc2 && c <= 0xdf ? 1 : (c & 0xf0) == 0xe0 ? 2
                                  : c >= 0xf0 && c <= 0xf4                            ? 3
                                                                                      : 9;
        if (c == 0 || extra == 9 || extra >= b.size - i) {
            return false;
        }
        uint32_t code = extra == 0 ? c : c & (0x3fu >> extra);
        for (size_t k = 1; k <= extra; k++) {
            if ((b.data[i + k] & 0xc0) != 0x80) {
                return false;
            }
            code = (code << 6) | (b.data[i + k] & 0x3fu);
        }
        if ((extra == 2 && (code < 0x800 || (code >= 0xd800 && code <= 0xdfff))) ||
            (extra == 3 && (code < 0x10000 || code > 0x10ffff))) {
            return false;
        }
        i += extra + 1;
    }
    return true;
}

struct bytes cbor_text(struct cbor_reader *r, size_t max)
{
    uint64_t n = expect(r, MAJOR_TEXT);
    if (n > max) {
        cbor_fail(r);
    }
    struct bytes b = cursor_take(&r->in, (size_t)n);
    if (!utf8_ok(b)) {
        cbor_fail(r);
        return (struct bytes){NULL, 0};
    }
    return b;
}

size_t cbor_array(struct cbor_reader *r, size_t max_count)
{
    uint64_t n = expect(r, MAJOR_ARRAY);
    if (n > max_count) {
        cbor_fail(r);
        return 0;
    }
    return (size_t)n;
}

struct cbor_map cbor_map(struct cbor_reader *r, size_t max_count)
{
    uint64_t n = expect(r, MAJOR_MAP);
    if (n > max_count) {
        cbor_fail(r);
        n = 0;
    }
    return (struct cbor_map){.left = (size_t)n, .first = true};
}

bool cbor_key_less(struct bytes a, struct bytes b)
{
    if (a.size != b.size) {
        return a.size < b.size;
    }
    return a.size > 0 && __builtin_memcmp(a.data, b.data, a.size) < 0;
}

bool cbor_key(struct cbor_reader *r, struct cbor_map *m, struct bytes *ret_key)
{
    if (!cbor_ok(r) || m->left == 0) {
        return false;
    }
    struct bytes key = cbor_text(r, 4096);
    if (cbor_ok(r) && !m->first && !cbor_key_less(m->last_key, key)) {
        cbor_fail(r);
    }
    if (!cbor_ok(r)) {
        return false;
    }
    m->first = false;
    m->last_key = key;
    m->left--;
    *ret_key = key;
    return true;
}

static void skip_item(struct cbor_reader *r, unsigned depth)
{
    enum cbor_kind kind;
    if (depth > NESTING_MAX) {
        cbor_fail(r);
        return;
    }
    if (!cbor_peek(r, &kind)) {
        return;
    }
    switch (kind) {
    case CBOR_UINT:
        cbor_uint(r, UINT64_MAX);
        break;
    case CBOR_NEGINT:
        cbor_int(r);
        break;
    case CBOR_BYTES:
        cbor_bytes(r, 0, SIZE_MAX);
        break;
    case CBOR_TEXT:
        cbor_text(r, SIZE_MAX);
        break;
    case CBOR_ARRAY:
        for (size_t n = cbor_array(r, SIZE_MAX); n > 0 && cbor_ok(r); n--) {
            skip_item(r, depth + 1);
        }
        break;
    case CBOR_MAP: {
        struct cbor_map m = cbor_map(r, SIZE_MAX);
        struct bytes key;
        while (cbor_key(r, &m, &key)) {
            skip_item(r, depth + 1);
        }
        break;
    }
    case CBOR_FALSE:
    case CBOR_TRUE:
    case CBOR_NULL:
        cursor_u8(&r->in);
        break;
    }
}

struct bytes cbor_skip(struct cbor_reader *r)
{
    struct bytes start = r->in.rest;
    skip_item(r, 0);
    if (!cbor_ok(r)) {
        return (struct bytes){NULL, 0};
    }
    return (struct bytes){start.data, start.size - r->in.rest.size};
}

static void put_head(struct writer *w, unsigned major, uint64_t v)
{
    size_t n = v < 24 ? 0 : v <= UINT8_MAX ? 1 : v <= UINT16_MAX ? 2 : v <= UINT32_MAX ? 4 : 8;
    unsigned info = n == 0 ? (unsigned)v : n == 1 ? 24 : n == 2 ? 25 : n == 4 ? 26 : 27;
    writer_be(w, (major << 5) | info, 1);
    if (n > 0) {
        writer_be(w, v, n);
    }
}

void cbor_put_uint(struct writer *w, uint64_t v)
{
    put_head(w, MAJOR_UINT, v);
}

void cbor_put_int(struct writer *w, int64_t v)
{
    if (v >= 0) {
        put_head(w, MAJOR_UINT, (uint64_t)v);
    } else {
        put_head(w, MAJOR_NEGINT, (uint64_t)(-1 - v));
    }
}

void cbor_put_bool(struct writer *w, bool v)
{
    put_head(w, MAJOR_SIMPLE, v ? SIMPLE_TRUE : SIMPLE_FALSE);
}

void cbor_put_null(struct writer *w)
{
    put_head(w, MAJOR_SIMPLE, SIMPLE_NULL);
}

void cbor_put_bytes(struct writer *w, struct bytes b)
{
    put_head(w, MAJOR_BYTES, b.size);
    writer_put(w, b);
}

void cbor_put_text(struct writer *w, struct bytes b)
{
    put_head(w, MAJOR_TEXT, b.size);
    writer_put(w, b);
}

void cbor_put_str(struct writer *w, const char *s)
{
    cbor_put_text(w, BYTES(s, __builtin_strlen(s)));
}

void cbor_put_array(struct writer *w, size_t count)
{
    put_head(w, MAJOR_ARRAY, count);
}

void cbor_put_map(struct writer *w, size_t count)
{
    put_head(w, MAJOR_MAP, count);
}
