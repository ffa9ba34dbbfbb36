/* SPDX-License-Identifier: Apache-2.0 */
/* calendar.h: arithmetic only. */
#include "query/calendar.h"

#include <stdio.h>
#include <string.h>

uint64_t calendar_days(unsigned year, unsigned month, unsigned day)
{
    unsigned shifted = year - (month <= 2), era = shifted / 400, of_era = shifted % 400;
    unsigned of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return (uint64_t)era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void calendar_civil(uint64_t days, unsigned *ret_year, unsigned *ret_month, unsigned *ret_day)
{
    uint64_t shifted = days + 719468, era = shifted / 146097;
    unsigned of_era = (unsigned)(shifted % 146097);
    unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
    unsigned m = (5 * of_year + 2) / 153;
    *ret_day = of_year - (153 * m + 2) / 5 + 1;
    *ret_month = m < 10 ? m + 3 : m - 9;
    *ret_year = (unsigned)(year + era * 400) + (*ret_month <= 2);
}

/* Week 1 has the year's 4th of January; a week belongs to the year of its Thursday. */
bool calendar_week(unsigned year, unsigned week, uint64_t *ret_monday)
{
    uint64_t fourth = calendar_days(year, 1, 4);
    uint64_t monday = fourth - (fourth + 3) % 7 + 7 * ((uint64_t)week - 1); /* day 0: a Thursday */
    unsigned y, m, d;
    if (week < 1 || week > 53) {
        return false;
    }
    calendar_civil(monday + 3, &y, &m, &d);
    *ret_monday = monday;
    return y == year;
}

bool calendar_read(const char *s, uint64_t *ret_days, unsigned *ret_second)
{
    unsigned year, month, day, hour = 0, minute = 0, second = 0;
    char again[32];
    int fields =
        sscanf(s, "%4u-%2u-%2uT%2u:%2u:%2uZ", &year, &month, &day, &hour, &minute, &second);
    if (fields != 3 && fields != 6) {
        return false;
    }
    int size = fields == 3 ? snprintf(again, sizeof again, "%04u-%02u-%02u", year, month, day)
                           : snprintf(again, sizeof again, "%04u-%02u-%02uT%02u:%02u:%02uZ", year,
                                      month, day, hour, minute, second);
    if (size >= (int)sizeof again || strcmp(s, again) != 0 || year < 1970 || month < 1 ||
        month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 59) {
        return false;
    }
    unsigned y, m, d;
    *ret_days = calendar_days(year, month, day);
    calendar_civil(*ret_days, &y, &m, &d);
    *ret_second = (hour * 60 + minute) * 60 + second;
    return y == year && m == month && d == day; /* no 30th of February */
}
