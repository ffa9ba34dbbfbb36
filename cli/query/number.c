/* SPDX-License-Identifier: Apache-2.0 */
#include "query/number.h"

#include <string.h>

typedef unsigned __int128 u128;

static u128 power(unsigned digits)
{
    u128 value = 1;
    for (unsigned i = 0; i < digits; i++) {
        value *= 10;
    }
    return value;
}

/* Digits of a scaled value, a point before the last `digits` of them. */
static struct number write_out(u128 value, unsigned digits, bool negative, bool grouped)
{
    struct number n;
    char *at = n.text + sizeof n.text;
    unsigned place = 0;
    *--at = '\0';
    while (value > 0 || place <= digits) {
        if (place == digits && digits > 0) {
            *--at = '.';
        } else if (grouped && place > digits && (place - digits) % 3 == 0) {
            *--at = ',';
        }
        *--at = (char)('0' + (int)(value % 10));
        value /= 10;
        place++;
    }
    if (negative) {
        *--at = '-';
    }
    memmove(n.text, at, (size_t)(n.text + sizeof n.text - at));
    return n;
}

static struct number rounded(__int128 num, u128 den, unsigned digits, bool grouped)
{
    REQUIRE(den > 0 && digits <= 12);
    u128 size = num < 0 ? -(u128)num : (u128)num;
    u128 scaled = size * power(digits), value = scaled / den, rest = scaled % den;
    value += rest >= den - rest;
    return write_out(value, digits, num < 0 && value > 0, grouped);
}

struct number number_of(__int128 num, u128 den, unsigned digits)
{
    return rounded(num, den, digits, true);
}

struct number number_up(u128 num, u128 den, unsigned digits)
{
    REQUIRE(den > 0 && digits <= 12);
    u128 scaled = num * power(digits);
    return write_out(scaled / den + (scaled % den > 0), digits, false, true);
}

struct number number_plain(__int128 num, u128 den, unsigned digits)
{
    struct number n = rounded(num, den, digits, false);
    size_t size = strlen(n.text);
    if (strchr(n.text, '.') != NULL) {
        while (n.text[size - 1] == '0') {
            n.text[--size] = '\0';
        }
        if (n.text[size - 1] == '.') {
            n.text[size - 1] = '\0';
        }
    }
    return n;
}

unsigned number_digits(u128 num, u128 den)
{
    unsigned digits = 0;
    while (digits < 9 && num > 0 && num * power(digits) < den * 10) {
        digits++;
    }
    return digits;
}

struct number number_root(u128 value, unsigned digits)
{
    REQUIRE(digits <= 3);
    u128 wanted = value * power(2 * digits), root = 0;
    for (int bit = 63; bit >= 0; bit--) {
        u128 next = root | (u128)1 << bit;
        root = next * next <= wanted ? next : root;
    }
    return number_up(root + (root * root < wanted), power(digits), digits);
}
