/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON reader: what it takes, and that it takes nothing else. */
#include "verify/json.h"

#include "tests/tap.h"

#include <string.h>

/* Is this one well-formed value, and are its exact bytes handed out? */
static bool well_formed(const char *text)
{
    struct json j = json_of(BYTES(text, strlen(text)));
    struct bytes raw = json_raw(&j);
    bool done = json_done(&j);
    return done && raw.size > 0 && raw.data >= (const uint8_t *)text &&
           raw.data + raw.size <= (const uint8_t *)text + strlen(text);
}

static const char *const good[] = {
    "0",
    "-0",
    "12.5e-3",
    "1E+9",
    "true",
    "false",
    "null",
    "\"\"",
    "[]",
    "{}",
    "[1, [2]]",
    " {\"a\" : 1 } ",
    "\"\\u00e9\\n\"",
    "\"\xc3\xa9\"",
    "{\"a\":{\"b\":[{}]}}",
    "\"\xf0\x9f\x98\x80\"",
    "\"\xe0\xa0\x80\xed\x9f\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"",
    "\"\\u00E9\\u00Af\"",
    "\t\r\n1",
    "-1",
    "[true,false,null]",
};
static const char *const bad[] = {
    "",
    " ",
    "01",
    "+1",
    "1.",
    ".5",
    "1e",
    "-",
    "tru",
    "nulll",
    "[1,]",
    "[,1]",
    "[1 2]",
    "{\"a\"}",
    "{\"a\":}",
    "{a:1}",
    "{\"a\":1,}",
    "\"",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\t\"",
    "\"\xff\"",
    "\"\xc0\x80\"",
    "\"\xed\xa0\x80\"",
    "\"\xf5\x80\x80\x80\"",
    "\"\xe0\x9f\xbf\"",
    "\"\xf0\x8f\xbf\xbf\"",
    "\"\xf4\x90\x80\x80\"",
    "\"\xc3\"",
    "\"\xc3",
    "\"\xe2\x82\"",
    "\"\x80\"",
    "\"\\",
    "\"\\u00",
    "\"\\ug000\"",
    "\"\\u0g00\"",
    "\"\\u00g0\"",
    "\"\\u000:\"",
    "\"\\u000`\"",
    "\"\\u000/\"",
    "\"\\u000@\"",
    "trux",
    "nul",
    "fals",
    "1ex",
    "1.e5",
    "\f1",
    "1 2",
    "[",
    "{",
    "]",
    "}",
    "NaN",
    "Infinity",
    "{\"a\":1,\"a\":2}",
    "[{\"x\":0,\"y\":1,\"x\":0}]",
    "{\"\\u0061\":1}",
    "'a'",
    "/**/1",
};

static void test_grammar(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        CHECK(well_formed(good[i]), "good value %zu is read", i);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        CHECK(!well_formed(bad[i]), "bad value %zu is refused", i);
    }
}

/* open, then `first` once and `more` n - 1 times, then close. */
static bool repeated(const char *open, const char *first, const char *more, unsigned n,
                     const char *close)
{
    static char text[8192];
    struct writer w = writer_of(text, sizeof text - 1);
    writer_put(&w, BYTES(open, strlen(open)));
    for (unsigned i = 0; i < n; i++) {
        const char *part = i == 0 ? first : more;
        writer_put(&w, BYTES(part, strlen(part)));
    }
    writer_put(&w, BYTES(close, strlen(close)));
    REQUIRE(!w.failed);
    text[w.size] = 0;
    return well_formed(text);
}

static bool nested(unsigned depth)
{
    char text[64];
    REQUIRE(2 * depth < sizeof text);
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    text[2 * depth] = 0;
    return well_formed(text);
}

static bool members(unsigned n)
{
    static char text[4096];
    int at = snprintf(text, sizeof text, "{");
    for (unsigned i = 0; i < n; i++) {
        at += snprintf(text + at, sizeof text - (size_t)at, "%s\"%u\":0", i ? "," : "", i);
    }
    snprintf(text + at, sizeof text - (size_t)at, "}");
    return well_formed(text);
}

static void test_bounds(void)
{
    CHECK(nested(JSON_DEPTH_MAX) && !nested(JSON_DEPTH_MAX + 1), "arrays nest %u deep, no deeper",
          JSON_DEPTH_MAX);
    CHECK(repeated("[", "0", ",0", JSON_ITEMS_MAX, "]") &&
              !repeated("[", "0", ",0", JSON_ITEMS_MAX + 1, "]"),
          "arrays have %u items, no more", JSON_ITEMS_MAX);
    CHECK(members(JSON_MEMBERS_MAX) && !members(JSON_MEMBERS_MAX + 1),
          "objects have %u members, no more", JSON_MEMBERS_MAX);
}

static void test_values(void)
{
    struct json j =
        json_of(BYTES_STR("{\"n\": 255, \"h\": \"00Ff\", \"t\": \"2026-02-28T23:59:59Z\"}"));
    struct json_object o = {0};
    struct bytes key;
    uint8_t hex[2];
    CHECK(json_member(&j, &o, &key) && bytes_equal_str(key, "n") && json_uint(&j, 255) == 255,
          "a number up to its maximum");
    CHECK(json_member(&j, &o, &key) && bytes_equal_str(key, "h"), "the next member");
    json_hex(&j, hex, 2);
    CHECK(hex[0] == 0 && hex[1] == 0xff, "hexadecimal in either case");
    CHECK(json_member(&j, &o, &key) && json_time(&j) == 1772323199, "a date");
    CHECK(!json_member(&j, &o, &key) && json_done(&j), "and the end");

    j = json_of(BYTES_STR("256"));
    (void)json_uint(&j, 255);
    CHECK(!json_done(&j), "a number above its maximum fails");
    j = json_of(BYTES_STR("18446744073709551616"));
    (void)json_uint(&j, UINT64_MAX);
    CHECK(!json_done(&j), "a number that does not fit fails");
    j = json_of(BYTES_STR("-1"));
    (void)json_uint(&j, UINT64_MAX);
    CHECK(!json_done(&j), "a negative number fails");
    j = json_of(BYTES_STR("\"00f\""));
    json_hex(&j, hex, 2);
    CHECK(!json_done(&j), "three digits are not two bytes");
    j = json_of(BYTES_STR("\"a\\nb\""));
    (void)json_string(&j);
    CHECK(!json_done(&j), "a string that is read may not have escapes");
}

static void test_dates(void)
{
    static const struct {
        const char *text;
        int64_t seconds; /* -1: no such date */
    } dates[] = {
        {"\"1970-01-01T00:00:00Z\"", 0},          {"\"2000-02-29T12:00:00Z\"", 951825600},
        {"\"2024-12-31T23:59:59Z\"", 1735689599}, {"\"2100-03-01T00:00:00Z\"", 4107542400},
        {"\"2100-02-29T00:00:00Z\"", -1},         {"\"2026-13-01T00:00:00Z\"", -1},
        {"\"2026-00-01T00:00:00Z\"", -1},         {"\"2026-01-01T24:00:00Z\"", -1},
        {"\"2026-01-01T00:00:60Z\"", -1},         {"\"2026-01-01 00:00:00Z\"", -1},
        {"\"2026-01-01T00:00:00\"", -1},          {"\"2026-01-01T00:00:00+00:00\"", -1},
        {"\"2026-1-01T00:00:00Z\"", -1},          {"\"\"", -1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(dates); i++) {
        struct json j = json_of(BYTES(dates[i].text, strlen(dates[i].text)));
        int64_t seconds = json_time(&j);
        bool done = json_done(&j);
        CHECK(dates[i].seconds < 0 ? !done : done && seconds == dates[i].seconds, "date %s",
              dates[i].text);
    }
}

int main(void)
{
    test_grammar();
    test_bounds();
    test_values();
    test_dates();
    return tap_done();
}
