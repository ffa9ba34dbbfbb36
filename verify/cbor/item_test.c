/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of foreign CBOR: what is well-formed, and nothing else. */
#include "cbor/item.h"

#include "tests/tap.h"

#include <string.h>

static bool whole(const char *hex)
{
    uint8_t data[64];
    size_t size = strlen(hex) / 2;
    REQUIRE(size <= sizeof data && hex_decode(data, size, BYTES(hex, strlen(hex))));
    struct cursor c = cursor_of(BYTES(data, size));
    item_skip(&c);
    return cursor_done(&c);
}

static void test_well_formed(void)
{
    static const char *const good[] = {
        "00",
        "17",
        "1818",
        "1a00000001", /* longer than needed is still well-formed */
        "1bffffffffffffffff",
        "20",
        "3903e7",
        "40",
        "4101",
        "5800",
        "60",
        "6161",
        "80",
        "820102",
        "9fff",
        "9f0102ff",
        "a0",
        "a16161f6",
        "bfff",
        "bf616101ff",
        "d9ea6080",
        "f4",
        "f5",
        "f6",
        "f7",
        "f820",
        "f90000",
        "fa00000000",
        "fb0000000000000000",
        "8181818181818180",
    };
    static const char *const bad[] = {
        "",     /* nothing */
        "18",   /* cut */
        "19ff", /* cut */
        "1c",   /* reserved */
        "1f",   /* a number of indefinite length */
        "41",   /* a string longer than the input */
        "5bffffffffffffffff",
        "5f4101ff",           /* a string in pieces */
        "7f6161ff",           /* a string in pieces */
        "8101ff",             /* a break after a definite array */
        "81",                 /* a missing element */
        "9bffffffffffffffff", /* a count that nothing follows */
        "9f01",               /* no break */
        "a101",               /* half a pair */
        "bf01ff",             /* half a pair and a break */
        "c0",                 /* a tag of nothing */
        "dfff",               /* a tag of indefinite length */
        "f800",               /* simple value 0 in two bytes */
        "f81f",               /* 31 too */
        "ff",                 /* a break alone */
        "fc",                 /* reserved */
        "0000",               /* two items */
        "818181818181818181818080",
        "c0c0c0c0c0c0c0c0c000", /* tags nest too */
    };
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        CHECK(whole(good[i]), "%s is an item", good[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        CHECK(!whole(bad[i]), "'%s' is not one item", bad[i]);
    }
}

static void test_values(void)
{
    static const uint8_t data[] = {0x1a, 0,    0,    0,    3,    0x39, 0x03, 0xe7, 0x42,
                                   'a',  'b',  0x62, 'c',  'd',  0xd9, 0xea, 0x60, 0x9f,
                                   0xff, 0xa1, 0x01, 0xf6, 0xf9, 0x00, 0x16};
    struct cursor c = cursor_of(BYTES_OF(data));
    CHECK(item_take_kind(&c, ITEM_UINT).value == 3, "a number in a longer form");
    struct item negative = item_take(&c);
    CHECK(negative.kind == ITEM_NEGATIVE && negative.value == 999, "-1000");
    CHECK(bytes_equal_str(item_take_kind(&c, ITEM_BYTES).text, "ab"), "a byte string");
    CHECK(bytes_equal_str(item_take_kind(&c, ITEM_TEXT).text, "cd"), "a text string");
    CHECK(item_take_kind(&c, ITEM_TAG).value == 60000, "a tag");
    struct item array = item_take_kind(&c, ITEM_ARRAY);
    CHECK(array.indefinite && !item_more(&c, &array), "an empty array of indefinite length");
    struct item map = item_take_kind(&c, ITEM_MAP);
    CHECK(!map.indefinite && item_more(&c, &map), "a map has a pair");
    CHECK(item_take(&c).value == 1, "its key");
    struct item null = item_take(&c);
    CHECK(null.kind == ITEM_SIMPLE && null.value == ITEM_NULL && !null.is_float, "its value: null");
    CHECK(!item_more(&c, &map), "and no other pair");
    struct item number = item_take(&c);
    CHECK(number.is_float && number.value == 22,
          "a floating point number is not mistaken for null");
    CHECK(cursor_done(&c), "all was read");

    struct cursor other = cursor_of(BYTES_OF(data));
    CHECK(item_take_kind(&other, ITEM_BYTES).kind == ITEM_NONE && !cursor_ok(&other),
          "another kind than expected fails");
    CHECK(item_take(&other).kind == ITEM_NONE && !item_more(&other, &map), "and failure sticks");
}

int main(void)
{
    test_well_formed();
    test_values();
    return tap_done();
}
