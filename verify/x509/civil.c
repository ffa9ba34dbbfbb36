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

static bool number(struct cursor *c, size_t digit_count, unsigned *ret)
{
    struct bytes b = cursor_take(c, digit_count);
    unsigned value = 0;
    for (size_t i = 0; i < b.size; i++) {
        if (b.data[i] < '0' || b.data[i] > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(b.data[i] - '0');
    }
    *ret = value;
    return cursor_ok(c);
}

bool civil_parse(struct bytes text, int64_t *ret)
{
    struct cursor c = cursor_of(text);
    struct civil t = {0};
    unsigned year = 0;
    bool ok = number(&c, 4, &year) && cursor_u8(&c) == '-' && number(&c, 2, &t.month) &&
              cursor_u8(&c) == '-' && number(&c, 2, &t.day) && cursor_u8(&c) == 'T' &&
              number(&c, 2, &t.hour) && cursor_u8(&c) == ':' && number(&c, 2, &t.minute) &&
              cursor_u8(&c) == ':' && number(&c, 2, &t.second) && cursor_u8(&c) == 'Z' &&
              cursor_done(&c);
    t.year = (int)year;
    return ok && civil_seconds(&t, ret);
}

bool civil_parse_compact(struct bytes text, size_t year_digits, int64_t *ret)
{
    struct cursor c = cursor_of(text);
    struct civil t = {0};
    unsigned year = 0;
    bool ok = number(&c, year_digits, &year) && number(&c, 2, &t.month) && number(&c, 2, &t.day) &&
              number(&c, 2, &t.hour) && number(&c, 2, &t.minute) && number(&c, 2, &t.second) &&
              cursor_u8(&c) == 'Z' && cursor_done(&c);
    t.year = (int)year;
    if (year_digits == 2) {
        t.year += year >= 50 ? 1900 : 2000;
    }
    return ok && civil_seconds(&t, ret);
}
