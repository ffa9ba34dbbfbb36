/* SPDX-License-Identifier: Apache-2.0 */
/* Calendar dates to seconds since 1970 and back, proleptic Gregorian, UTC, without libc: its
 * functions consult time zones and locales. */
#pragma once

#include "base/bytes.h"

struct civil {
    int year;
    unsigned month, day, hour, minute, second; /* month and day from 1 */
};

/* False if there is no such date or time (leap seconds included); years 1..9999. */
bool civil_seconds(const struct civil *c, int64_t *ret) MUST_USE;
/* Exactly "YYYY-MM-DDThh:mm:ssZ". */
bool civil_parse(struct bytes text, int64_t *ret) MUST_USE;
/* Exactly "YYYYMMDDhhmmssZ", or with two digits of the year, 1950 to 2049, as ASN.1 has them. */
bool civil_parse_compact(struct bytes text, size_t year_digits, int64_t *ret) MUST_USE;
