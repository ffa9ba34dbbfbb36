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

static int digit_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decodes up to the dash that ends the block. Canonical: padding complete, unused bits zero. */
static bool take_base64(struct cursor *c, struct writer *out)
{
    uint32_t bits = 0;
    unsigned digit_count = 0, padding = 0;
    while (c->rest.size > 0 && c->rest.data[0] != '-') {
        uint8_t ch = cursor_u8(c);
        if (is_space(ch)) {
            continue;
        }
        int digit = ch == '=' ? 0 : digit_of(ch);
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
    return digit_count > 0 && digit_count % 4 == 0 && !out->failed;
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
