/* SPDX-License-Identifier: Apache-2.0 */
#include "query/reading.h"

#include <stdio.h>

#include "query/calendar.h"

struct reading reading_of(const struct query_document *doc, uint32_t entry, uint64_t users,
                          uint64_t bound95)
{
    const struct query_schema *s = &doc->schema;
    struct reading r = {.factor = 1, .divisor = 1, .unit = doc->labels[entry].unit};
    if (s->aggregate == QUERY_SHARE) {
        r.factor = 100;
        r.divisor = (unsigned __int128)users * s->whole;
        r.unit = BYTES_STR("%");
    } else if (s->aggregate == QUERY_MEAN) {
        r.divisor = users;
    } else if (s->aggregate == QUERY_QUANTILE) {
        r.unit = BYTES_STR("people"); /* the entry's own is that of its cell: "0 to 5 min" */
    }
    r.digits = number_digits((unsigned __int128)bound95 * r.factor, r.divisor);
    return r;
}

struct reading reading_of_all(const struct query_document *doc, uint64_t users, uint64_t bound95)
{
    struct reading r = reading_of(doc, 0, users, bound95);
    for (uint32_t i = 1; i < doc->schema.entry_count; i++) {
        if (r.factor == 1 && !bytes_equal(doc->labels[i].unit, doc->labels[0].unit)) {
            r.unit = BYTES_STR("of its unit");
            break;
        }
    }
    return r;
}

struct number reading_value(const struct reading *r, __int128 sum)
{
    return number_of(sum * (int64_t)r->factor, r->divisor, r->digits);
}

struct number reading_size(const struct reading *r, unsigned __int128 size)
{
    return number_up(size * r->factor, r->divisor, r->digits);
}

struct reading_unit reading_unit_of(const struct reading *r)
{
    struct reading_unit u;
    bool counted = r->unit.size > 0 && r->unit.data[0] >= '0' && r->unit.data[0] <= '9';
    snprintf(u.text, sizeof u.text, "%s%s%.*s", r->unit.size > 0 ? " " : "", counted ? "x " : "",
             (int)r->unit.size, (const char *)r->unit.data);
    return u;
}

struct reading_unit reading_points(const struct reading *r)
{
    struct reading_unit u = {" points"};
    return r->factor == 100 ? u : reading_unit_of(r);
}

double reading_float(const struct reading *r, __int128 sum)
{
    return (double)sum * (double)r->factor / (double)r->divisor;
}

struct reading_name reading_name_of(const struct query_document *doc, uint32_t entry)
{
    struct reading_name n;
    struct bytes name = doc->labels[entry].name, unit = doc->labels[entry].unit;
    bool cell = doc->schema.aggregate == QUERY_QUANTILE && unit.size > 0;
    snprintf(n.text, sizeof n.text, "%.*s%s%.*s", (int)name.size, (const char *)name.data,
             cell ? " " : "", cell ? (int)unit.size : 0, (const char *)unit.data);
    return n;
}

struct number reading_day(uint64_t day)
{
    struct number n;
    unsigned y, m, d;
    calendar_civil(day, &y, &m, &d);
    snprintf(n.text, sizeof n.text, "%04u-%02u-%02u", y, m, d);
    return n;
}

struct number reading_time(uint64_t seconds)
{
    struct number n, day = reading_day(seconds / 86400);
    unsigned second = (unsigned)(seconds % 86400);
    snprintf(n.text, sizeof n.text, "%.10sT%02u:%02u:%02uZ", day.text, second / 3600,
             second / 60 % 60, second % 60);
    return n;
}

size_t reading_columns(struct bytes utf8)
{
    size_t count = 0;
    for (size_t i = 0; i < utf8.size; i++) {
        count += (utf8.data[i] & 0xc0) != 0x80;
    }
    return count;
}
