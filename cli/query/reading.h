/* SPDX-License-Identifier: Apache-2.0 */
/* How people read an entry of a result: the released sum divided by the divisor, shares in percent,
 * with the entry's unit. Display only: the released numbers stay as they are.
 *
 * Trust: documents come from anybody, and query_document_decode() accepted this one. */
#pragma once

#include "query/document.h"
#include "query/number.h"

struct reading {
    uint64_t factor;           /* 100 where percents are shown, else 1 */
    unsigned __int128 divisor; /* of sums */
    struct bytes unit;         /* "%", "km", "100 m"; may be empty */
    unsigned digits;           /* behind the point: two figures of the interval */
};

/* For an entry, when `users` people were asked and the noise's bound is this. */
struct reading reading_of(const struct query_document *doc, uint32_t entry, uint64_t users,
                          uint64_t bound95);
/* For what is said of all entries at once: of the entry that reaches furthest, and with "of its
 * unit" where units differ. */
struct reading reading_of_all(const struct query_document *doc, uint64_t users, uint64_t bound95);
/* A sum, a bound or a move (rounded up), and with the unit: "34.1 %", "12 x 100 m". */
struct number reading_value(const struct reading *r, __int128 sum);
struct number reading_size(const struct reading *r, unsigned __int128 size);
struct reading_unit {
    char text[2 * QUERY_UNIT_MAX + 8];
};
struct reading_unit reading_unit_of(const struct reading *r);
/* The same for differences: of percents they are "points". */
struct reading_unit reading_points(const struct reading *r);
/* What the entry is: its name, and of a quantile's cell the unit: "0 to 5 min". */
struct reading_name {
    char text[QUERY_LABEL_MAX + QUERY_UNIT_MAX + 2];
};
struct reading_name reading_name_of(const struct query_document *doc, uint32_t entry);
/* A float of it, for pictures. */
double reading_float(const struct reading *r, __int128 sum);

/* "2026-09-28" */
struct number reading_day(uint64_t day);
/* "2026-09-28T10:11:12Z" */
struct number reading_time(uint64_t seconds);
/* Columns that a text takes on a terminal, about: its characters. */
size_t reading_columns(struct bytes utf8);
