/* SPDX-License-Identifier: Apache-2.0 */
/* Views, cursor, writer, hex, constant time. What feeds a cursor is always somebody else's data. */
#include "base/bytes.h"

bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.size == b.size && (a.size == 0 || __builtin_memcmp(a.data, b.data, a.size) == 0);
}

bool bytes_equal_str(struct bytes a, const char *s)
{
    return bytes_equal(a, BYTES(s, __builtin_strlen(s)));
}

struct bytes cursor_take(struct cursor *c, size_t n)
{
    if (c->failed || n > c->rest.size) {
        c->failed = true;
        return (struct bytes){NULL, 0};
    }
    struct bytes taken = {c->rest.data, n};
    if (n > 0) { /* NULL + 0 is not defined */
        c->rest.data += n;
        c->rest.size -= n;
    }
    return taken;
}

uint8_t cursor_u8(struct cursor *c)
{
    struct bytes b = cursor_take(c, 1);
    return b.size == 1 ? b.data[0] : 0;
}

uint16_t cursor_le16(struct cursor *c)
{
    struct bytes b = cursor_take(c, 2);
    return b.size == 2 ? load_le16(b.data) : 0;
}

uint32_t cursor_le32(struct cursor *c)
{
    struct bytes b = cursor_take(c, 4);
    return b.size == 4 ? load_le32(b.data) : 0;
}

uint64_t cursor_le64(struct cursor *c)
{
    struct bytes b = cursor_take(c, 8);
    return b.size == 8 ? load_le64(b.data) : 0;
}

uint64_t cursor_be(struct cursor *c, size_t byte_count)
{
    REQUIRE(byte_count >= 1 && byte_count <= 8);
    struct bytes b = cursor_take(c, byte_count);
    uint64_t v = 0;
    for (size_t i = 0; i < b.size; i++) {
        v = (v << 8) | b.data[i];
    }
    return v;
}

void writer_put(struct writer *w, struct bytes b)
{
    if (w->failed || b.size > w->capacity - w->size) {
        w->failed = true;
        return;
    }
    if (b.size > 0) {
        __builtin_memcpy(w->data + w->size, b.data, b.size);
    }
    w->size += b.size;
}

void writer_be(struct writer *w, uint64_t value, size_t byte_count)
{
    REQUIRE(byte_count >= 1 && byte_count <= 8);
    uint8_t raw[8];
    for (size_t i = 0; i < byte_count; i++) {
        raw[i] = (uint8_t)(value >> (8 * (byte_count - 1 - i)));
    }
    writer_put(w, BYTES(raw, byte_count));
}

bool ct_equal(const void *a, const void *b, size_t n)
{
    const volatile uint8_t *x = (const volatile uint8_t *)a;
    const volatile uint8_t *y = (const volatile uint8_t *)b;
    uint8_t difference = 0;
    for (size_t i = 0; i < n; i++) {
        difference = (uint8_t)(difference | (x[i] ^ y[i]));
    }
    return difference == 0;
}

void secure_zero(void *p, size_t n)
{
    __builtin_memset(p, 0, n);
    __asm__ volatile("" : : "r"(p) : "memory");
}

void hex_encode(char *ret_text, const void *data, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = (const uint8_t *)data;
    for (size_t i = 0; i < n; i++) {
        ret_text[2 * i] = digits[p[i] >> 4];
        ret_text[2 * i + 1] = digits[p[i] & 15];
    }
    ret_text[2 * n] = '\0';
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

bool hex_decode(void *ret_data, size_t n, struct bytes text)
{
    if (n > SIZE_MAX / 2 || text.size != 2 * n) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (hex_digit(text.data[i]) < 0) {
            return false;
        }
    }
    uint8_t *out = (uint8_t *)ret_data;
    for (size_t i = 0; i < n; i++) {
        out[i] = (uint8_t)((hex_digit(text.data[2 * i]) << 4) | hex_digit(text.data[2 * i + 1]));
    }
    return true;
}
