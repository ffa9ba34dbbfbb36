/* SPDX-License-Identifier: Apache-2.0 */
/* Cursor, writer, hex, formatter and deterministic CBOR: their edges, and what they must refuse. */
#include <string.h>

#include "base/bytes.h"
#include "base/cbor.h"
#include "base/diag.h"
#include "tests/tap.h"

static void test_cursor(void)
{
    static const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    struct cursor c = cursor_of(BYTES_OF(data));
    CHECK(cursor_u8(&c) == 1 && cursor_le16(&c) == 0x0302 && cursor_le32(&c) == 0x07060504,
          "a cursor reads little-endian integers in turn");
    CHECK(cursor_be(&c, 2) == 0x0809 && cursor_done(&c), "a cursor reads big-endian integers");
    CHECK(cursor_u8(&c) == 0 && !cursor_ok(&c), "reading past the end fails and gives zero");
    c = cursor_of(BYTES_OF(data));
    CHECK(cursor_take(&c, 10).size == 0 && cursor_u8(&c) == 0 && !cursor_done(&c),
          "after one failed read every later one fails");
}

static void test_writer(void)
{
    uint8_t out[4];
    struct writer w = writer_of(out, sizeof out);
    writer_be(&w, 0x010203, 3);
    CHECK(w.size == 3 && out[0] == 1 && out[2] == 3 && !w.failed, "a writer appends");
    writer_be(&w, 0x0405, 2);
    CHECK(w.failed && w.size == 3, "what does not fit is not written at all");
    writer_put(&w, BYTES("x", 1));
    CHECK(w.size == 3, "and nothing that follows is");
}

static void test_arithmetic(void)
{
    uint64_t v;
    CHECK(!add_ok(UINT64_MAX, 1, &v) && !mul_ok(UINT64_MAX, 2, &v), "overflow is noticed");
    CHECK(range_within(0, 0, 0) && range_within(5, 5, 10) && !range_within(6, 5, 10) &&
              !range_within(UINT64_MAX, 2, 10) && !range_within(2, UINT64_MAX, 10),
          "a range that wraps around is not within anything");
    CHECK(align_up_ok(4097, 4096, &v) && v == 8192 && !align_up_ok(UINT64_MAX, 4096, &v),
          "aligning up past the end of the numbers fails");
}

static void test_hex(void)
{
    char text[9];
    uint8_t back[4];
    hex_encode(text, "\x00\x9f\xff\x10", 4);
    CHECK(strcmp(text, "009fff10") == 0, "hexadecimal is lower case");
    CHECK(hex_decode(back, 4, BYTES("009FfF10", 8)) && memcmp(back, "\x00\x9f\xff\x10", 4) == 0,
          "both cases are read");
    CHECK(!hex_decode(back, 4, BYTES("009fff1", 7)) && !hex_decode(back, 4, BYTES("009fff1g", 8)),
          "wrong lengths and other characters are refused");
    CHECK(ct_equal("abc", "abc", 3) && !ct_equal("abc", "abd", 3), "constant-time comparison");
}

static void test_format(void)
{
    char out[64];
    size_t n = base_format(out, sizeof out, "%s %d %05u %llx %c%% %.*s|%4d", "a", -7, 42u,
                           0xfeedfacecafellu, 'z', 2, "xyz", -3);
    CHECK(strcmp(out, "a -7 00042 feedfacecafe z% xy|  -3") == 0 && n == strlen(out),
          "the formatter knows its conversions");
    CHECK(base_format(out, 4, "abcdef") == 6 && strcmp(out, "abc") == 0,
          "a short buffer gets a terminated prefix, and the wanted length is told");
    struct diag d;
    CHECK(diag_fail(&d, -5, "name %s", "a\nb\x1b") == -5 &&
              strcmp(d.text, "name a\\x0ab\\x1b") == 0,
          "control characters in hostile text are escaped");
    diag_prefix(&d, "file %d", 3);
    CHECK(strncmp(d.text, "file 3: name", 12) == 0, "a sentence grows on the way up");
    CHECK(diag_fail(NULL, -1, "x") == -1, "nobody has to want the sentence");
}

/* Reads one item of any kind and says whether the bytes were exactly one valid item. */
static bool valid(const char *data, size_t n)
{
    struct cbor_reader r = cbor_reader_of(BYTES(data, n));
    struct bytes item = cbor_skip(&r);
    return cbor_ok(&r) && item.size == n;
}
#define VALID(lit) valid(lit, sizeof(lit) - 1)

static void test_cbor_strictness(void)
{
    CHECK(VALID("\x00") && VALID("\x18\x18") && VALID("\x20") && VALID("\x43zzz") &&
              VALID("\x82\x01\x02") && VALID("\xa2\x61\x61\x01\x61\x62\x02") && VALID("\xf6"),
          "the subset is read");
    CHECK(!VALID("\x18\x17") && !VALID("\x19\x00\xff") &&
              !VALID("\x1b\x00\x00\x00\x00\xff\xff\xff\xff"),
          "integers that are longer than needed are refused");
    CHECK(!VALID("\x5f\x41z\xff") && !VALID("\x9f\xff") && !VALID("\xbf\xff"),
          "indefinite lengths are refused");
    CHECK(!VALID("\xc0\x00") && !VALID("\xf9\x00\x00") && !VALID("\xf7"),
          "tags, floats and undefined are refused");
    CHECK(!VALID("\xa2\x61\x62\x01\x61\x61\x02") && !VALID("\xa2\x61\x61\x01\x61\x61\x02"),
          "unsorted and repeated keys are refused");
    CHECK(!VALID("\x61\xff") && !VALID("\x62\xc0\x80") && !VALID("\x63\xed\xa0\x80") &&
              !VALID("\x61\x00"),
          "bad UTF-8, surrogates and NUL are refused");
    CHECK(!VALID("\x44zzz") && !VALID("\x82\x01") && !VALID("\xbb\xff\xff\xff\xff\xff\xff\xff\xff"),
          "truncated items are refused");
    CHECK(VALID("\x81\x81\x81\x81\x81\x81\x81\x81\x00") &&
              !VALID("\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x00"),
          "nesting has a limit");
}

static void test_cbor_round_trip(void)
{
    uint8_t out[256];
    struct writer w = writer_of(out, sizeof out);
    static const uint64_t numbers[] = {0,     23,    24,         255,        256,
                                       65535, 65536, UINT32_MAX, 1ull << 32, UINT64_MAX};
    cbor_put_array(&w, ARRAY_SIZE(numbers) + 3);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        cbor_put_uint(&w, numbers[i]);
    }
    cbor_put_int(&w, INT64_MIN);
    cbor_put_bool(&w, true);
    cbor_put_str(&w, "grüß");
    struct cbor_reader r = cbor_reader_of(BYTES(out, w.size));
    bool same = cbor_array(&r, 100) == ARRAY_SIZE(numbers) + 3;
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        same = same && cbor_uint(&r, UINT64_MAX) == numbers[i];
    }
    same = same && cbor_int(&r) == INT64_MIN && cbor_bool(&r);
    CHECK(same && bytes_equal_str(cbor_text(&r, 100), "grüß") && cursor_done(&r.in),
          "what is written is read back");
    r = cbor_reader_of(BYTES("\x18\x64", 2));
    CHECK(cbor_uint(&r, 99) == 0 && !cbor_ok(&r), "a number above the caller's maximum fails");
}

int main(void)
{
    test_cursor();
    test_writer();
    test_arithmetic();
    test_hex();
    test_format();
    test_cbor_strictness();
    test_cbor_round_trip();
    return tap_done();
}
