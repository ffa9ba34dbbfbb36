/* SPDX-License-Identifier: Apache-2.0 */
/* Dates, numbers and armour, one character away from what is taken. */
#include "x509/civil.h"
#include "x509/der.h"
#include "x509/pem.h"

#include "tests/tap.h"

#include <string.h>

static void test_dates(void)
{
    static const char good[] = "2026-09-21T12:34:56Z";
    int64_t seconds = 0;
    CHECK(civil_parse(BYTES_STR(good), &seconds) && seconds == 1789994096, "a date is read");
    for (size_t i = 0; i < sizeof good - 1; i++) {
        char text[sizeof good];
        memcpy(text, good, sizeof good);
        text[i] = 'x';
        CHECK(!civil_parse(BYTES_STR(text), &seconds), "no date with an x at %zu", i);
    }
    static const char *const others[] = {
        "2026-09-21T12:34:56",  "2026-09-21T12:34:56ZZ", "2026-00-21T12:34:56Z",
        "2026-13-21T12:34:56Z", "2026-09-00T12:34:56Z",  "2026-09-31T12:34:56Z",
        "2026-09-21T24:34:56Z", "2026-09-21T12:60:56Z",  "2026-09-21T12:34:60Z",
        "2026-02-29T12:34:56Z", "2100-02-29T12:34:56Z",  "0000-01-01T00:00:00Z",
    };
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        CHECK(!civil_parse(BYTES(others[i], strlen(others[i])), &seconds), "%s is no date",
              others[i]);
    }
    CHECK(civil_parse(BYTES_STR("2024-02-29T00:00:00Z"), &seconds), "a leap day is a date");
    CHECK(civil_parse(BYTES_STR("2000-02-29T00:00:00Z"), &seconds), "that of 2000 too");
    CHECK(civil_parse(BYTES_STR("0001-01-01T00:00:00Z"), &seconds) && seconds == -62135596800,
          "the first date");
    CHECK(!civil_parse_compact(BYTES_STR("2x0921123456Z"), 2, &seconds),
          "no digit in a short year");
    CHECK(civil_parse_compact(BYTES_STR("500921123456Z"), 2, &seconds) && seconds < 0, "1950");
    CHECK(civil_parse_compact(BYTES_STR("490921123456Z"), 2, &seconds) && seconds > 0, "2049");
    CHECK(!civil_parse_compact(BYTES_STR("20x60921123456Z"), 4, &seconds),
          "no digit in a long one");
}

static bool refuses_number(const void *der, size_t size)
{
    struct cursor c = cursor_of(BYTES(der, size));
    (void)der_take_integer(&c);
    return !cursor_ok(&c);
}

static void test_der(void)
{
    CHECK(!refuses_number("\x02\x02\x00\x80", 4), "a zero before a high bit is needed");
    CHECK(refuses_number("\x02\x02\x00\x7f", 4), "another is not");
    CHECK(refuses_number("\x02\x02\xff\x80", 4), "nor are ones before a high bit");
    CHECK(!refuses_number("\x02\x02\xff\x7f", 4), "before another they are");
    CHECK(refuses_number("\x02\x00", 2), "a number has a digit");
    uint8_t tag = 0;
    struct cursor c = cursor_of(BYTES("\x1f\x01\x00", 3)); /* whose length is in order */
    (void)der_take_any(&c, &tag);
    CHECK(!cursor_ok(&c) && tag == 0, "a tag of several bytes is refused");
    c = cursor_of(BYTES("\x04\x05\x00", 3));
    (void)der_take_any(&c, &tag);
    CHECK(!cursor_ok(&c), "so is a value that is cut short");
    c = cursor_of(BYTES("", 0));
    (void)der_take_any(&c, &tag);
    CHECK(!cursor_ok(&c) && tag == 0, "and nothing at all");
}

static bool reads_one(const char *text, size_t capacity)
{
    uint8_t out[64];
    struct writer w = writer_of(out, capacity);
    struct bytes der;
    return pem_read_one(BYTES(text, strlen(text)), &w, &der);
}

static void test_armour(void)
{
#define ARMOUR(base64) "-----BEGIN CERTIFICATE-----\n" base64 "\n-----END CERTIFICATE-----\n"
    CHECK(reads_one(ARMOUR("MAMCAQE="), 64), "armour is read");
    CHECK(!reads_one(ARMOUR("MAMCAQE="), 8), "more text than fits is not");
    CHECK(!reads_one(ARMOUR("MAMCAQE"), 64), "a digit is missing");
    CHECK(!reads_one(ARMOUR("MAMCAQF="), 64), "bits are left over");
    CHECK(!reads_one(ARMOUR(""), 64), "nothing is in it");
    CHECK(!reads_one(ARMOUR("MAMCAQE=") ARMOUR("MAMCAQE="), 64), "it is there twice");
    uint8_t out[64];
    struct writer w = writer_of(out, 4);
    struct bytes der;
    CHECK(!pem_read_crl(BYTES_STR("-----BEGIN X509 CRL-----\nMAMCAQE=\n-----END X509 CRL-----\n"),
                        &w, &der),
          "a list larger than what holds it");
}

int main(void)
{
    test_dates();
    test_der();
    test_armour();
    return tap_done();
}
