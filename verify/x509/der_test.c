/* SPDX-License-Identifier: Apache-2.0 */
/* The DER and PEM readers: strict forms only. */
#include "x509/der.h"
#include "x509/pem.h"

#include "tests/tap.h"

#include <string.h>

#define TEXT(lit) BYTES_STR(lit)

static bool is_element(struct bytes b, enum der_tag tag, size_t size)
{
    struct cursor c = cursor_of(b);
    struct bytes content = der_take(&c, tag);
    return cursor_done(&c) && content.size == size;
}

static void test_lengths(void)
{
    uint8_t long_form[3 + 128] = {0x04, 0x81, 0x80};
    uint8_t padded[3 + 127] = {0x04, 0x81, 0x7f};
    uint8_t padded_more[4 + 128] = {0x04, 0x82, 0x00, 0x80};
    CHECK(is_element(TEXT("\x04\x00"), DER_OCTET_STRING, 0), "an empty element");
    CHECK(is_element(TEXT("\x04\x02zz"), DER_OCTET_STRING, 2), "a short length");
    CHECK(is_element(BYTES_OF(long_form), DER_OCTET_STRING, 128), "a long length");
    CHECK(!is_element(BYTES_OF(padded), DER_OCTET_STRING, 127), "a long form of a short length");
    CHECK(!is_element(BYTES_OF(padded_more), DER_OCTET_STRING, 128),
          "a length with a zero in front");
    CHECK(!is_element(TEXT("\x04\x80zz\x00\x00"), DER_OCTET_STRING, 2), "an indefinite length");
    CHECK(!is_element(TEXT("\x04\x03zz"), DER_OCTET_STRING, 3), "a length beyond the end");
    CHECK(!is_element(TEXT("\x04\x85\x01\x01\x01\x01\x01z"), DER_OCTET_STRING, 1), "a huge length");
    CHECK(!is_element(TEXT("\x05\x00"), DER_OCTET_STRING, 0), "another tag");
    CHECK(!is_element(TEXT("\x04"), DER_OCTET_STRING, 0), "no length at all");
}

static bool reads_uint(struct bytes b, uint64_t max, uint64_t expected)
{
    struct cursor c = cursor_of(b);
    uint64_t v = der_take_uint(&c, DER_INTEGER, max);
    return cursor_done(&c) && v == expected;
}

static void test_integers(void)
{
    CHECK(reads_uint(TEXT("\x02\x01\x00"), 255, 0), "zero");
    CHECK(reads_uint(TEXT("\x02\x02\x00\xff"), 255, 255), "255 with its sign byte");
    CHECK(!reads_uint(TEXT("\x02\x01\xff"), 255, 255), "minus one is not 255");
    CHECK(!reads_uint(TEXT("\x02\x02\x01\x00"), 255, 256), "256 is above 255");
    CHECK(!reads_uint(TEXT("\x02\x02\x00\x05"), 255, 5), "a padded five");
    CHECK(!reads_uint(TEXT("\x02\x00"), 255, 0), "an integer without bytes");
    CHECK(!reads_uint(TEXT("\x02\x0a\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff"), UINT64_MAX, 0),
          "more than 64 bits");
}

/* Small numbers, each in its half. */
static bool is_pair(struct bytes der, size_t size, uint8_t r, uint8_t s)
{
    uint8_t raw[96] = {0};
    return der_ecdsa_signature(der, raw) == size && raw[size / 2 - 1] == r && raw[size - 1] == s;
}

static void test_signatures(void)
{
    uint8_t raw[96], mixed[39 + 2] = {0x30, 39, 0x02, 33, 0x01};
    mixed[37] = 0x02;
    mixed[38] = 0x02;
    mixed[39] = 0x00;
    mixed[40] = 0x80;
    CHECK(is_pair(TEXT("\x30\x06\x02\x01\x01\x02\x01\x02"), 64, 1, 2),
          "a signature of small numbers");
    CHECK(is_pair(BYTES_OF(mixed), 96, 0, 0x80) &&
              der_ecdsa_signature(BYTES_OF(mixed), raw) == 96 && raw[15] == 1,
          "one number of more than 32 bytes makes both longer");
    CHECK(!der_ecdsa_signature(TEXT("\x30\x06\x02\x01\x01\x02\x01\x82"), raw), "a negative s");
    CHECK(!der_ecdsa_signature(TEXT("\x30\x06\x02\x01\x00\x02\x01\x02"), raw), "r is zero");
    CHECK(!der_ecdsa_signature(TEXT("\x30\x06\x02\x01\x02\x02\x01\x00"), raw), "s is zero");
    CHECK(!der_ecdsa_signature(TEXT("\x30\x07\x02\x01\x01\x02\x02\x00\x02"), raw), "a padded s");
    CHECK(!der_ecdsa_signature(TEXT("\x30\x06\x02\x01\x01\x02\x01\x02z"), raw), "a byte too much");
    CHECK(!der_ecdsa_signature(TEXT("\x30\x09\x02\x01\x01\x02\x01\x02\x02\x01\x03"), raw),
          "three numbers");
    for (size_t second = 0; second < 2; second++) {
        uint8_t huge[2 + 3 + 51] = {0x30, 54};
        uint8_t *p = huge + 2;
        for (size_t i = 0; i < 2; i++) {
            size_t n = i == second ? 49 : 1;
            *p++ = 0x02;
            *p++ = (uint8_t)n;
            *p = 1;
            p += n;
        }
        CHECK(!der_ecdsa_signature(BYTES_OF(huge), raw), "%s number of more than 48 bytes",
              second ? "a second" : "a first");
    }
}

static void test_elements(void)
{
    uint8_t tag = 0;
    struct cursor c = cursor_of(TEXT("\x05\x00"));
    CHECK(der_peek(&c) == 5 && der_take_any(&c, &tag).size == 0 && tag == 5 && cursor_done(&c),
          "any element");
    CHECK(der_peek(&c) == 0, "nothing is ahead at the end");
    c = cursor_of(TEXT("\x1f\x22\x00"));
    CHECK(der_take_any(&c, &tag).size == 0 && tag == 0 && c.failed, "a tag of several bytes");
    c = cursor_of(TEXT("\x01\x01\xff\x02"));
    CHECK(der_take_default_false(&c) && c.rest.size == 1, "true");
    CHECK(!der_take_default_false(&c) && c.rest.size == 1 && !c.failed, "the default");
    static const struct bytes not_true[] = {BYTES_STR("\x01\x01\x00"), BYTES_STR("\x01\x01\x01"),
                                            BYTES_STR("\x01\x00"), BYTES_STR("\x01\x02\xff\xff")};
    for (size_t i = 0; i < ARRAY_SIZE(not_true); i++) {
        c = cursor_of(not_true[i]);
        CHECK(!der_take_default_false(&c) && c.failed, "no DER for true, nr. %zu", i);
    }
    c = cursor_of(TEXT("\x02\x01\xff"));
    CHECK(der_take_integer(&c).size == 1 && cursor_done(&c), "an integer may be negative");
    c = cursor_of(TEXT("\x02\x02\xff\x80"));
    CHECK(der_take_integer(&c).size == 0 && c.failed, "but not padded");
    c = cursor_of(TEXT("\x03\x03\x00zz"));
    CHECK(der_take_bits(&c).size == 2 && cursor_done(&c), "bits");
    c = cursor_of(TEXT("\x03\x03\x01zz"));
    CHECK(der_take_bits(&c).size == 0 && c.failed, "seven bits at the end");
    c = cursor_of(TEXT("\x03\x00"));
    CHECK(der_take_bits(&c).size == 0 && c.failed, "bits without the number of unused ones");
}

static bool is_time(struct bytes b, int64_t expected)
{
    struct cursor c = cursor_of(b);
    return der_take_time(&c) == expected && cursor_done(&c);
}

static void test_times(void)
{
    CHECK(is_time(TEXT("\x17\x0d"
                       "700101000001Z"),
                  1),
          "UTCTime");
    CHECK(is_time(TEXT("\x17\x0d"
                       "491231235959Z"),
                  2524607999),
          "49 is 2049");
    CHECK(is_time(TEXT("\x17\x0d"
                       "500101000000Z"),
                  -631152000),
          "50 is 1950");
    CHECK(is_time(TEXT("\x18\x0f"
                       "20500101000000Z"),
                  2524608000),
          "GeneralizedTime");
    CHECK(is_time(TEXT("\x18\x0f"
                       "99991231235959Z"),
                  253402300799),
          "the last second");
    static const struct bytes bad[] = {
        BYTES_STR("\x17\x0b"
                  "7001010000Z"),
        BYTES_STR("\x17\x0d"
                  "701301000001Z"),
        BYTES_STR("\x17\x0d"
                  "700229000001Z"),
        BYTES_STR("\x17\x0d"
                  "700101240001Z"),
        BYTES_STR("\x17\x0d"
                  "700101000060Z"),
        BYTES_STR("\x17\x0c"
                  "700101000001"),
        BYTES_STR("\x17\x11"
                  "700101000001+0000"),
        BYTES_STR("\x17\x0d"
                  "7001010000 1Z"),
        BYTES_STR("\x17\x0f"
                  "19700101000001Z"),
        BYTES_STR("\x18\x0d"
                  "700101000001Z"),
        BYTES_STR("\x18\x11"
                  "20500101000000.5Z"),
        BYTES_STR("\x18\x0f"
                  "00000101000000Z"),
        BYTES_STR("\x16\x0d"
                  "700101000001Z"),
        BYTES_STR(""),
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct cursor c = cursor_of(bad[i]);
        CHECK(der_take_time(&c) == 0 && c.failed, "no time that RFC 5280 knows, nr. %zu", i);
    }
}

static bool reads_pem(const char *text, size_t count)
{
    static struct pem_chain chain;
    return pem_read(BYTES(text, strlen(text)), &chain) && chain.count == count;
}

#define BEGIN "-----BEGIN CERTIFICATE-----\n"
#define END   "-----END CERTIFICATE-----\n"

static void test_pem(void)
{
    static struct pem_chain chain;
    CHECK(reads_pem(BEGIN "QUJD\n" END, 1), "one block");
    CHECK(reads_pem("\r\n" BEGIN "QU\nJD\r\n" END "\n" BEGIN "QUI=\n" END, 2),
          "two, with white space");
    CHECK(pem_read(TEXT(BEGIN "QUJD\n" END "\0\0"), &chain), "zeros at the end");
    CHECK(bytes_equal_str(chain.certificates[0], "ABC"), "and its content");
    CHECK(reads_pem(BEGIN "QUJDQUJD-----END CERTIFICATE-----", 1), "no line end before the end");
    CHECK(reads_pem(BEGIN "QUJDQ\nUJDQQ==-----END CERTIFICATE-----", 1), "groups in two lines");
    CHECK(!reads_pem(BEGIN "QUJDQUJD", 1), "nothing behind the digits");
    CHECK(!reads_pem("", 0), "nothing");
    CHECK(!reads_pem(BEGIN "QUJD\n", 1), "no end");
    CHECK(!reads_pem(BEGIN "QUJ\n" END, 1), "a digit too few");
    CHECK(!reads_pem(BEGIN "QUI=QUI=\n" END, 1), "padding in the middle");
    CHECK(!reads_pem(BEGIN "QUJ=\n" END, 1), "unused bits that are not zero");
    CHECK(!reads_pem(BEGIN "Q===\n" END, 1), "three padding signs");
    CHECK(!reads_pem(BEGIN "\n" END, 1), "an empty block");
    CHECK(!reads_pem("x" BEGIN "QUJD\n" END, 1), "something in front");
    CHECK(!reads_pem(BEGIN "QUJD\n" END "x", 1), "something behind");
    CHECK(!reads_pem("-----BEGIN X509 CRL-----\nQUJD\n-----END X509 CRL-----\n", 1),
          "another label");
    CHECK(!reads_pem(BEGIN "QUJD\n" END BEGIN "QUJD\n" END BEGIN "QUJD\n" END BEGIN
                           "QUJD\n" END BEGIN "QUJD\n" END,
                     5),
          "more blocks than a chain may have");
}

int main(void)
{
    test_lengths();
    test_integers();
    test_signatures();
    test_elements();
    test_times();
    test_pem();
    return tap_done();
}
