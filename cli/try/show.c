/* SPDX-License-Identifier: Apache-2.0 */
/* Telling what happened, see show.h. */
#include "try/show.h"

#include <stdlib.h>
#include <string.h>

#include "query/calendar.h"

typedef unsigned __int128 u128;

/* Of more entries only those are shown that are not as the default, and of those so many. */
#define ENTRIES_ALL   12
#define ENTRIES_SHOWN 32
#define DAY_TEXT_SIZE 16

static void day_text(uint64_t day, char text[DAY_TEXT_SIZE])
{
    unsigned y, m, d;
    calendar_civil(day, &y, &m, &d);
    base_format(text, DAY_TEXT_SIZE, "%04u-%02u-%02u", y, m, d);
}

/* What it wrote to standard error, each line behind a bar. */
static void print_said(const struct child *child)
{
    const char *at = child->said, *end = at + child->said_size;
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((line_end != NULL ? line_end : end) - at);
        printf("  | %.*s\n", (int)n, at);
        at += n + (line_end != NULL);
    }
}

/* Bytes of the UTF-8 sequence that begins here; 0: none does. */
static size_t utf8_step(const uint8_t *p, size_t left)
{
    size_t n = p[0] < 0x80                    ? 1
               : p[0] >= 0xc2 && p[0] <= 0xdf ? 2
               : p[0] >= 0xe0 && p[0] <= 0xef ? 3
               : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4
                                              : 0;
    bool bad = n > left;
    for (size_t i = 1; i < n && !bad; i++) {
        bad = (p[i] & 0xc0) != 0x80;
    }
    if (!bad && n > 2) { /* overlong, a surrogate, beyond U+10FFFF */
        bad = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
              (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f);
    }
    return bad ? 0 : n;
}

static void json_said(struct json_out *j, const struct child *child)
{
    static uint8_t text[CHILD_SAID_MAX];
    size_t size = child->said_size;
    memcpy(text, child->said, size);
    for (size_t i = 0, n; i < size; i += n) {
        n = utf8_step(text + i, size - i);
        if (n == 0) {
            text[i] = '?';
            n = 1;
        }
    }
    json_put_text(j, "said", BYTES(text, size));
}

/* Never in the outermost object. */
static void put_integer(struct json_out *j, const char *key, int64_t value)
{
    if (value >= 0) {
        json_put_number(j, key, (uint64_t)value);
    } else {
        printf("%s\"%s\": %lld", j->comma ? ", " : "", key, (long long)value);
        j->comma = true;
    }
}

/* ---- the script and its days ----------------------------------------------------------------- */

void show_begin(struct show *s, const char *path, const struct script *script, uint64_t run_ms)
{
    if (s->json) {
        json_open(&s->out, NULL, '{');
        json_put_string(&s->out, "script", path);
        json_put_bool(&s->out, "process", script->processes);
        json_put_number(&s->out, "run_ms", run_ms);
        return;
    }
    printf("%s: %s, %u function%s\n", path, script->processes ? "processes days" : "no process",
           script->function_count, script->function_count == 1 ? "" : "s");
}

void show_days_begin(struct show *s, size_t count)
{
    if (s->json) {
        json_open(&s->out, "days", '[');
    } else if (count > 0) {
        printf("\n%-12s%12s%12s%10s\n", "day", "uploaded", "kept", "ms");
    }
}

void show_day(struct show *s, const struct show_day *day)
{
    char text[DAY_TEXT_SIZE];
    day_text(day->day, text);
    if (s->json) {
        json_open(&s->out, NULL, '{');
        json_put_string(&s->out, "date", text);
        json_put_string(&s->out, "file", day->path);
        json_put_number(&s->out, "uploaded", day->uploaded);
        json_put_string(&s->out, "refused", day->refused);
        json_put_number(&s->out, "kept", day->kept);
        json_put_number(&s->out, "ms", day->child->ms);
        json_said(&s->out, day->child);
        json_close(&s->out, '}');
        return;
    }
    printf("%-12s%12zu", text, day->uploaded);
    if (day->refused == NULL) {
        printf("%12zu%10llu\n", day->kept, (unsigned long long)day->child->ms);
    } else {
        printf("  refused: %s\n", day->refused);
    }
    print_said(day->child);
}

/* ---- answers --------------------------------------------------------------------------------- */

void show_answers_begin(struct show *s, size_t count, size_t days)
{
    if (s->json) {
        json_close(&s->out, ']');
        json_open(&s->out, "functions", '[');
    } else if (count > 0) {
        printf("\nanswers about %zu day%s:\n", days, days == 1 ? "" : "s");
    }
}

static void json_answer(struct json_out *j, const struct show_answer *a)
{
    const struct script_function *f = a->function;
    const struct query_schema *schema = &f->schema;
    json_open(j, NULL, '{');
    json_put_text(j, "function", f->name);
    json_put_string(j, "aggregate", query_aggregate_text(schema->aggregate));
    json_put_string(j, "refused", a->refused);
    json_put_number(j, "ms", a->child->ms);
    json_open(j, "bounds", '{');
    json_put_number(j, "total", schema->most_total);
    json_put_number(j, "whole", schema->whole);
    json_put_number(j, "square", schema->most_square);
    json_put_number(j, "entries", schema->most_entries);
    json_put_number(j, "threshold", schema->threshold);
    json_close(j, '}');
    json_open(j, "entries", '[');
    for (uint32_t i = 0; i < schema->entry_count; i++) {
        const struct query_entry *e = &schema->entries[i];
        json_open(j, NULL, '{');
        json_put_text(j, "name", f->labels[i].name);
        json_put_text(j, "unit", f->labels[i].unit);
        put_integer(j, "low", e->low);
        put_integer(j, "high", e->high);
        put_integer(j, "default", e->fallback);
        if (a->refused == NULL) {
            put_integer(j, "returned", a->returned[i]);
        }
        put_integer(j, "sent", a->sent[i]);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_said(j, a->child);
    json_close(j, '}');
}

/* Columns on a terminal, nearly: characters. */
static int columns_of(struct bytes text)
{
    int n = 0;
    for (size_t i = 0; i < text.size; i++) {
        n += (text.data[i] & 0xc0) != 0x80;
    }
    return n;
}

static void print_padded(struct bytes text, int columns)
{
    printf("%.*s%*s", (int)text.size, (const char *)text.data, columns - columns_of(text), "");
}

/* Which bound of the whole vector is passed by differences that are each in bounds already. */
static void print_whole_vector(const struct show_answer *a)
{
    const struct query_schema *s = &a->function->schema;
    u128 total = 0, square = 0;
    uint32_t entries = 0;
    for (uint32_t i = 0; i < s->entry_count; i++) {
        const struct query_entry *e = &s->entries[i];
        int64_t value = a->returned[i] < e->low ? e->low : a->returned[i];
        value = (value > e->high ? e->high : value) - e->fallback;
        u128 size = (u128)(value < 0 ? -value : value);
        entries += size != 0;
        total += size;
        square += size * size;
    }
    if (s->most_entries != 0 && entries > s->most_entries) {
        printf("    %u entries are not as the default; the %u largest count\n", entries,
               s->most_entries);
    }
    if (s->most_total != 0 && total > s->most_total) {
        printf("    it adds up to %llu, and %llu count: all shrink alike\n",
               (unsigned long long)total, (unsigned long long)s->most_total);
    }
    if (s->most_square != 0 && square > s->most_square) {
        printf("    its squares add up to more than %llu: all shrink alike\n",
               (unsigned long long)s->most_square);
    }
}

static void print_entry(const struct show_answer *a, uint32_t i, int name_columns, int unit_columns)
{
    const struct query_entry *e = &a->function->schema.entries[i];
    const struct query_label *label = &a->function->labels[i];
    bool grid = a->function->schema.aggregate == QUERY_QUANTILE; /* the unit is the grid's */
    printf("    ");
    print_padded(label->name, name_columns);
    if (grid) {
        printf(" %.*s", (int)label->unit.size, (const char *)label->unit.data);
    }
    printf(" %12lld ", (long long)a->returned[i]);
    print_padded(grid ? (struct bytes){NULL, 0} : label->unit, grid ? 0 : unit_columns);
    printf("  of %lld to %lld", (long long)e->low, (long long)e->high);
    if (a->sent[i] != a->returned[i]) {
        printf(": counts as %lld", (long long)a->sent[i]);
    }
    printf("\n");
}

static void print_answer(const struct show_answer *a)
{
    const struct query_schema *s = &a->function->schema;
    int name_columns = 8, unit_columns = 0;
    uint32_t hidden = 0, plain_count = 0, shown = 0;
    bool all = s->entry_count <= ENTRIES_ALL, clipped = false;
    for (uint32_t i = 0; i < s->entry_count; i++) {
        int name = columns_of(a->function->labels[i].name);
        int unit = columns_of(a->function->labels[i].unit);
        name_columns = name > name_columns ? name : name_columns;
        unit_columns = unit > unit_columns ? unit : unit_columns;
    }
    for (uint32_t i = 0; i < s->entry_count; i++) {
        bool plain = a->returned[i] == s->entries[i].fallback;
        clipped = clipped || a->returned[i] != a->sent[i];
        if (all || (!plain && shown < ENTRIES_SHOWN)) {
            print_entry(a, i, name_columns, unit_columns);
            shown++;
        } else {
            plain_count += plain;
            hidden += !plain;
        }
    }
    if (hidden > 0) {
        printf("    … and %u more, which --json shows\n", hidden);
    }
    if (plain_count > 0) {
        printf("    and %u as the default\n", plain_count);
    }
    if (clipped) {
        print_whole_vector(a);
    }
}

void show_answer(struct show *s, const struct show_answer *a)
{
    if (s->json) {
        json_answer(&s->out, a);
        return;
    }
    const struct query_schema *schema = &a->function->schema;
    printf("\n  %.*s: %s of %u, %llu ms\n", (int)a->function->name.size,
           (const char *)a->function->name.data, query_aggregate_text(schema->aggregate),
           schema->entry_count, (unsigned long long)a->child->ms);
    if (a->refused == NULL) {
        print_answer(a);
    } else {
        printf("    refused: %s; the default vector counts\n", a->refused);
    }
    print_said(a->child);
}

void show_end(struct show *s, bool good, bool has_network)
{
    if (s->json) {
        json_close(&s->out, ']');
        json_put_bool(&s->out, "network", has_network);
        json_put_bool(&s->out, "good", good);
        json_close(&s->out, '}');
        printf("\n");
        return;
    }
    if (has_network) {
        printf(
            "\nnote: this machine does not let a program go without network; a worker has none\n");
    }
}
