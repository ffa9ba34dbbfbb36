/* SPDX-License-Identifier: Apache-2.0 */
/* Days since 1970-01-01 and the Gregorian calendar, after Howard Hinnant's days_from_civil. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* month 1 to 12, day 1 to 31, year from 1970 on. */
uint64_t calendar_days(unsigned year, unsigned month, unsigned day);
void calendar_civil(uint64_t days, unsigned *ret_year, unsigned *ret_month, unsigned *ret_day);
/* The Monday of a week of ISO 8601; false when the year has no such week. */
bool calendar_week(unsigned year, unsigned week, uint64_t *ret_monday);
/* "2026-10-05", or with a time of day "2026-10-05T08:30:00Z"; false for any other spelling and for
 * days that do not exist. Trust: the text may come from anybody. */
bool calendar_read(const char *text, uint64_t *ret_days, unsigned *ret_second);
