/* SPDX-License-Identifier: Apache-2.0 */
/* Dates. They come from certificates and signed JSON; every field is range-checked. */
#include "x509/civil.h"

static bool leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned days_in_month(int year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && leap(year) ? 29u : days[month - 1];
}

bool civil_seconds(const struct civil *c, int64_t *ret)
{
    bool in_range = c->year >= 1 && c->year <= 9999 && c->month >= 1 && c->month <= 12 &&
                    c->day >= 1 && c->hour <= 23 && c->minute <= 59 && c->second <= 59;
    if (!in_range || c->day > days_in_month(c->year, c->month)) {
        return false;
    }
    int64_t before = c->year - 1; /* whole years since 0001-01-01 */
    int64_t days = before * 365 + before / 4 - before / 100 + before / 400;
    for (unsigned m = 1; m < c->month; m++) {
        days += days_in_month(c->year, m);
    }
    days += c->day - 1;
    days -= 719162; /* 1970-01-01 */
    *ret = days * 86400 + c->hour * 3600 + c->minute * 60 + c->second;
    return true;
}

/* The two digits at p; above 99 if they are none. */
static unsigned two_digits(const uint8_t *p)
{
    unsigned tens = p[0] - (unsigned)'0', ones = p[1] - (unsigned)'0';
    return tens <= 9 && ones <= 9 ? tens * 10 + ones : 1000;
}

bool civil_parse(struct bytes text, int64_t *ret)
{
    const uint8_t *p = text.data;
    if (text.size != 20 || p[4] != '-' || p[7] != '-' || p[10] != 'T' || p[13] != ':' ||
        p[16] != ':' || p[19] != 'Z') {
        return false;
    }
    unsigned century = two_digits(p), year = two_digits(p + 2);
    struct civil t = {.year = (int)(century * 100 + year),
                      .month = two_digits(p + 5),
                      .day = two_digits(p + 8),
                      .hour = two_digits(p + 11),
                      .minute = two_digits(p + 14),
                      .second = two_digits(p + 17)};
    return year <= 99 && civil_seconds(&t, ret);
}

bool civil_parse_compact(struct bytes text, size_t year_digits, int64_t *ret)
{
    const uint8_t *p = text.data;
    if (text.size != year_digits + 11 || p[text.size - 1] != 'Z') {
        return false;
    }
    unsigned century = 0, year = two_digits(p + year_digits - 2);
    if (year_digits == 4) {
        century = two_digits(p);
    } else {
        century = year >= 50 ? 19 : 20;
    }
    p += year_digits;
    struct civil t = {.year = (int)(century * 100 + year),
                      .month = two_digits(p),
                      .day = two_digits(p + 2),
                      .hour = two_digits(p + 4),
                      .minute = two_digits(p + 6),
                      .second = two_digits(p + 8)};
    return year <= 99 && civil_seconds(&t, ret);
}
