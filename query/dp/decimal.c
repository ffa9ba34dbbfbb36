/* SPDX-License-Identifier: Apache-2.0 */
/* A text that is not exactly what the grammar says has no value: "1e400", "nan", "-0" and
 * "0.00000049" never reach arithmetic. */
#include "query/decimal.h"
#include "query/limits.h"

#include <errno.h>

enum { WHOLE_DIGITS_MAX = 12, MICRO_DIGITS = 6, PROBABILITY_DIGITS = 18, EXPONENT_MAX = 30 };

struct decimal {
    uint64_t whole;
    uint64_t fraction;
    uint32_t fraction_digits; /* 0: no point */
};

static bool next_is_digit(const struct cursor *c)
{
    return c->rest.size > 0 && c->rest.data[0] >= '0' && c->rest.data[0] <= '9';
}

static bool next_is(const struct cursor *c, char letter)
{
    return c->rest.size > 0 && c->rest.data[0] == (uint8_t)letter;
}

/* 1 to digits_max digits. */
static bool read_digits(struct cursor *c, uint32_t digits_max, uint64_t *ret_value,
                        uint32_t *ret_digits)
{
    uint64_t value = 0;
    uint32_t digits = 0;
    for (; next_is_digit(c) && digits <= digits_max; digits++) {
        value = value * 10 + (cursor_u8(c) - (uint64_t)'0');
    }
    if (digits == 0 || digits > digits_max) {
        return false;
    }
    *ret_value = value;
    *ret_digits = digits;
    return true;
}

/* digits [ "." digits ], no leading zeros */
static bool read_decimal(struct cursor *c, uint32_t fraction_digits_max, struct decimal *ret)
{
    struct decimal d = {0};
    bool zero = next_is(c, '0');
    uint32_t digits;
    if (!read_digits(c, WHOLE_DIGITS_MAX, &d.whole, &digits) || (zero && digits > 1)) {
        return false;
    }
    if (next_is(c, '.')) {
        cursor_u8(c);
        if (!read_digits(c, fraction_digits_max, &d.fraction, &d.fraction_digits)) {
            return false;
        }
    }
    *ret = d;
    return true;
}

static uint64_t power_of_ten(uint32_t n)
{
    uint64_t power = 1;
    while (n-- > 0) {
        power *= 10;
    }
    return power;
}

int dp_parse_micro(struct bytes text, uint64_t max, uint64_t *ret_micro, struct diag *diag)
{
    struct cursor c = cursor_of(text);
    struct decimal d;
    if (text.size > DP_DECIMAL_MAX || !read_decimal(&c, MICRO_DIGITS, &d) || !cursor_done(&c)) {
        return diag_fail(
            diag, -EINVAL,
            "want a plain decimal such as 0.01, with at most %d digits after the point",
            MICRO_DIGITS);
    }
    uint64_t micro =
        d.whole * 1000000 + d.fraction * power_of_ten(MICRO_DIGITS - d.fraction_digits);
    if (micro == 0) {
        return diag_fail(diag, -EINVAL, "zero is no amount");
    }
    if (!(micro <= max)) {
        return diag_fail(diag, -ERANGE, "%lu millionths are more than the largest amount, %lu",
                         (unsigned long)micro, (unsigned long)max);
    }
    *ret_micro = micro;
    return 0;
}

/* digit "e-" exponent */
static bool read_scientific(struct cursor *c, struct dp_ratio *ret)
{
    uint64_t digit, exponent;
    uint32_t digits;
    if (!read_digits(c, 1, &digit, &digits) || !next_is(c, 'e')) {
        return false;
    }
    cursor_u8(c);
    if (cursor_u8(c) != '-' || next_is(c, '0') || !read_digits(c, 2, &exponent, &digits) ||
        exponent > EXPONENT_MAX) {
        return false;
    }
    unsigned __int128 den = 1;
    for (uint64_t i = 0; i < exponent; i++) {
        den *= 10;
    }
    *ret = (struct dp_ratio){digit, den};
    return true;
}

int dp_parse_probability(struct bytes text, struct dp_ratio *ret, struct diag *diag)
{
    struct cursor c = cursor_of(text), again = c;
    struct decimal d;
    struct dp_ratio ratio = {0, 1};
    if (text.size <= DP_DECIMAL_MAX && read_decimal(&c, PROBABILITY_DIGITS, &d) &&
        cursor_done(&c)) {
        uint64_t den = power_of_ten(d.fraction_digits);
        ratio = (struct dp_ratio){d.whole * (unsigned __int128)den + d.fraction, den};
    } else if (text.size > DP_DECIMAL_MAX || !read_scientific(&again, &ratio) ||
               !cursor_done(&again)) {
        return diag_fail(diag, -EINVAL, "want a probability such as 0.000001 or 1e-6");
    }
    if (ratio.num == 0 || ratio.num >= ratio.den) {
        return diag_fail(diag, -ERANGE, "a probability here lies strictly between 0 and 1");
    }
    *ret = ratio;
    return 0;
}
