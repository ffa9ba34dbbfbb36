/* SPDX-License-Identifier: Apache-2.0 */
/* PEM to DER. The adversary chooses the text; output is always smaller than input, and the input is
 * bounded. */
#include "x509/pem.h"

static bool is_space(uint8_t c)
{
    return c == '\n' || c == '\r' || c == ' ' || c == '\t';
}

static void skip_space(struct cursor *c)
{
    while (c->rest.size > 0 && is_space(c->rest.data[0])) {
        (void)cursor_u8(c);
    }
}

static bool take_text(struct cursor *c, struct bytes text)
{
    struct bytes b = cursor_take(c, text.size);
    if (!bytes_equal(b, text)) {
        c->failed = true;
    }
    return cursor_ok(c);
}

/* Values of base64's digits plus one; zero for what is no digit. */
static const uint8_t digits[256] = {
    ['A'] = 1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,         12,         13,
    14,         15, 16, 17, 18, 19, 20, 21, 22, 23, 24,         25,         26,
    ['a'] = 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37,         38,         39,
    40,         41, 42, 43, 44, 45, 46, 47, 48, 49, 50,         51,         52,
    ['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, ['+'] = 63, ['/'] = 64,
};

/* Whole groups of four digits, as far as there are any: nearly all of the text. */
static void take_groups(struct cursor *c, struct writer *out)
{
    const uint8_t *p = c->rest.data;
    size_t left = c->rest.size;
    while (left >= 4 && out->capacity - out->size >= 3) {
        uint8_t a = digits[p[0]], b = digits[p[1]], d = digits[p[2]], e = digits[p[3]];
        if (a == 0 || b == 0 || d == 0 || e == 0) {
            break;
        }
        uint32_t bits = (a - 1u) << 18 | (b - 1u) << 12 | (d - 1u) << 6 | (e - 1u);
        out->data[out->size] = (uint8_t)(bits >> 16);
        out->data[out->size + 1] = (uint8_t)(bits >> 8);
        out->data[out->size + 2] = (uint8_t)bits;
        out->size += 3;
        p += 4;
        left -= 4;
    }
    c->rest = BYTES(p, left);
}

/* Decodes up to the dash that ends the block. Canonical: padding complete, unused bits zero. */
static bool take_base64(struct cursor *c, struct writer *out)
{
    uint32_t bits = 0;
    unsigned digit_count = 0, padding = 0;
    size_t start = out->size;
    while (c->rest.size > 0 && c->rest.data[0] != '-') {
        if (digit_count % 4 == 0 && padding == 0) {
            take_groups(c, out);
            if (c->rest.size == 0 || c->rest.data[0] == '-') {
                break;
            }
        }
        uint8_t ch = cursor_u8(c);
        if (is_space(ch)) {
            continue;
        }
        int digit = ch == '=' ? 0 : (int)digits[ch] - 1;
        if (ch == '=') {
            padding++;
        }
        if (digit < 0 || (ch != '=' && padding > 0) || padding > 2) {
            return false;
        }
        bits = bits << 6 | (uint32_t)digit;
        if (++digit_count % 4 == 0) {
            uint8_t group[3] = {(uint8_t)(bits >> 16), (uint8_t)(bits >> 8), (uint8_t)bits};
            size_t keep = 3 - padding;
            for (size_t i = keep; i < 3; i++) {
                if (group[i] != 0) {
                    return false;
                }
            }
            writer_put(out, BYTES(group, keep));
            bits = 0;
        }
    }
    return out->size > start && digit_count % 4 == 0 && !out->failed;
}

struct label {
    struct bytes begin, end;
};
static const struct label certificate = {
    {(const uint8_t *)"-----BEGIN CERTIFICATE-----", 27},
    {(const uint8_t *)"-----END CERTIFICATE-----", 25},
};
static const struct label crl = {
    {(const uint8_t *)"-----BEGIN X509 CRL-----", 24},
    {(const uint8_t *)"-----END X509 CRL-----", 22},
};

/* The blocks of the text: how many, or 0 if it is anything but 1 to `max` of this label. */
static size_t read_blocks(struct bytes text, const struct label *label, struct writer *out,
                          struct bytes *ret, size_t max)
{
    size_t count = 0;
    while (text.size > 0 && text.data[text.size - 1] == 0) {
        text.size--;
    }
    struct cursor c = cursor_of(text);
    skip_space(&c);
    while (c.rest.size > 0) {
        size_t start = out->size;
        if (count == max || !take_text(&c, label->begin) || !take_base64(&c, out) ||
            !take_text(&c, label->end)) {
            return 0;
        }
        ret[count++] = BYTES(out->data + start, out->size - start);
        skip_space(&c);
    }
    return count;
}

bool pem_read(struct bytes text, struct pem_chain *ret)
{
    struct writer out = writer_of(ret->storage, sizeof ret->storage);
    ret->count = 0;
    if (text.size <= PEM_BYTES_MAX) {
        ret->count = read_blocks(text, &certificate, &out, ret->certificates, CHAIN_MAX);
    }
    return ret->count > 0;
}

bool pem_read_one(struct bytes text, struct writer *out, struct bytes *ret)
{
    /* Base64 and its line ends are less than half as much again. */
    return text.size / 2 <= out->capacity && read_blocks(text, &certificate, out, ret, 1) == 1;
}

bool pem_read_crl(struct bytes text, struct writer *out, struct bytes *ret)
{
    return text.size / 2 <= out->capacity && read_blocks(text, &crl, out, ret, 1) == 1;
}
