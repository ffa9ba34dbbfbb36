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

static void test_signatures(void)
{
    uint8_t raw[64];
    CHECK(der_ecdsa_signature(TEXT("\x30\x06\x02\x01\x01\x02\x01\x02"), raw) && raw[31] == 1 &&
              raw[63] == 2,
          "a signature of small numbers");
    CHECK(!der_ecdsa_signature(TEXT("\x30\x06\x02\x01\x01\x02\x01\x82"), raw), "a negative s");
    CHECK(!der_ecdsa_signature(TEXT("\x30\x07\x02\x01\x01\x02\x02\x00\x02"), raw), "a padded s");
    CHECK(!der_ecdsa_signature(TEXT("\x30\x06\x02\x01\x01\x02\x01\x02z"), raw), "a byte too much");
    CHECK(!der_ecdsa_signature(TEXT("\x30\x09\x02\x01\x01\x02\x01\x02\x02\x01\x03"), raw),
          "three numbers");
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
    test_pem();
    return tap_done();
}
