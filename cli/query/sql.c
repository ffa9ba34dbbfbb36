/* SPDX-License-Identifier: Apache-2.0 */
/* The short form, see sql.h: one token after the other, no going back. Errors stick, as in cbor.h.
 */
#include "query/sql.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "query/calendar.h"
#include "query/decimal.h"

struct sql {
    struct bytes text;
    size_t at;
    bool failed;
    struct diag *diag;
};

static void fail(struct sql *s, const char *wanted)
{
    if (!s->failed) {
        ignore_result(diag_fail(s->diag, -EINVAL, "sql:%zu: want %s", s->at + 1, wanted),
                      "kept in failed");
    }
    s->failed = true;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\t';
}

static bool is_word(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '%';
}

/* The next token: a word or number, a text with its quotes, <=, or one other character. */
static struct bytes peek(struct sql *s)
{
    while (s->at < s->text.size && is_blank(s->text.data[s->at])) {
        s->at++;
    }
    const uint8_t *start = s->text.data + s->at;
    size_t left = s->text.size - s->at, n = left > 0 ? 1 : 0;
    if (s->failed || left == 0) {
        return (struct bytes){NULL, 0};
    }
    if (start[0] == '\'') {
        const uint8_t *end = memchr(start + 1, '\'', left - 1);
        n = end != NULL ? (size_t)(end - start) + 1 : 1;
    } else if (start[0] == '<' && left > 1 && start[1] == '=') {
        n = 2;
    } else {
        for (n = 1; is_word(start[0]) && n < left && is_word(start[n]);) {
            n++;
        }
    }
    return (struct bytes){start, n};
}

static bool accept(struct sql *s, const char *token)
{
    struct bytes found = peek(s);
    if (!bytes_equal_str(found, token)) {
        return false;
    }
    s->at += found.size;
    return true;
}

static void expect(struct sql *s, const char *token)
{
    if (!accept(s, token)) {
        fail(s, token);
    }
}

static struct bytes word(struct sql *s, const char *wanted)
{
    struct bytes found = peek(s);
    if (found.size == 0 || !is_word(found.data[0])) {
        fail(s, wanted);
        return (struct bytes){NULL, 0};
    }
    s->at += found.size;
    return found;
}

static struct bytes quoted(struct sql *s)
{
    struct bytes found = peek(s);
    if (found.size < 3 || found.data[0] != '\'') {
        fail(s, "a text in single quotes");
        return (struct bytes){NULL, 0};
    }
    s->at += found.size;
    return (struct bytes){found.data + 1, found.size - 2};
}

static uint64_t number(struct sql *s)
{
    struct bytes digits = word(s, "a number");
    uint64_t value = 0;
    for (size_t i = 0; i < digits.size; i++) {
        uint8_t c = digits.data[i];
        if (c < '0' || c > '9' || digits.size > 12 || (digits.data[0] == '0' && digits.size > 1)) {
            fail(s, "a whole number before this");
            return 0;
        }
        value = value * 10 + (c - '0');
    }
    return value;
}

/* '2026-W40' */
static void week(struct sql *s, struct query_document *doc)
{
    struct bytes text = quoted(s);
    char copy[9] = "", again[32];
    unsigned year = 0, n = 0;
    if (text.size == 8) {
        memcpy(copy, text.data, 8);
    }
    if (sscanf(copy, "%4u-W%2u", &year, &n) != 2 || year < 1971 ||
        snprintf(again, sizeof again, "%04u-W%02u", year, n) != 8 || strcmp(copy, again) != 0 ||
        !calendar_week(year, n, &doc->first_day)) {
        fail(s, "a week such as '2026-W40' before this");
        return;
    }
    doc->last_day = doc->first_day + 6;
}

/* DP_SHARE is the aggregate "share". */
static void aggregate(struct sql *s, struct query_schema *schema)
{
    struct bytes name = word(s, "DP_SHARE and the like");
    uint8_t lower[16];
    size_t n = name.size > 3 && memcmp(name.data, "DP_", 3) == 0 ? name.size - 3 : 0;
    for (size_t i = 0; i < n && i < sizeof lower; i++) {
        uint8_t c = name.data[i + 3];
        lower[i] = c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : '?';
    }
    if (n == 0 || n > sizeof lower || !query_aggregate_named(BYTES(lower, n), &schema->aggregate)) {
        fail(s, "DP_COUNT, DP_SUM, DP_MEAN, DP_HISTOGRAM, DP_SHARE, DP_QUANTILE or DP_OD before "
                "this");
    }
    expect(s, "(");
    expect(s, ")");
}

static void entries(struct sql *s, struct query_document *doc)
{
    uint32_t n = 0;
    expect(s, "IN");
    expect(s, "(");
    do {
        if (n == QUERY_ENTRIES_MAX) {
            fail(s, "fewer entries");
            return;
        }
        doc->labels[n++].name = quoted(s);
    } while (accept(s, ","));
    expect(s, ")");
    doc->schema.entry_count = n;
}

static void bounds(struct sql *s, struct query_document *doc)
{
    struct query_schema *schema = &doc->schema;
    expect(s, "BOUND");
    struct bytes unit = word(s, "a unit");
    expect(s, "<=");
    uint64_t high = number(s);
    if (accept(s, ",")) {
        expect(s, "cells");
        expect(s, "<=");
        schema->most_entries = (uint32_t)number(s);
    }
    if (accept(s, "THRESHOLD")) {
        schema->threshold = number(s);
    }
    bool total = schema->aggregate == QUERY_HISTOGRAM || schema->aggregate == QUERY_SHARE;
    schema->most_total = total ? high : 0;
    schema->whole = schema->aggregate == QUERY_SHARE ? high : 0;
    schema->most_entries = schema->aggregate == QUERY_QUANTILE ? 1 : schema->most_entries;
    for (uint32_t i = 0; i < schema->entry_count; i++) {
        doc->labels[i].unit = unit;
        doc->entries[i] = (struct query_entry){0, (int64_t)high, 0};
    }
}

int query_sql_apply(struct bytes text, struct query_document *doc, struct diag *d)
{
    struct sql s = {.text = text, .diag = d};
    doc->schema = (struct query_schema){0};
    expect(&s, "SELECT");
    struct bytes key = word(&s, "what to group by");
    expect(&s, ",");
    aggregate(&s, &doc->schema);
    expect(&s, "FROM");
    doc->function = word(&s, "the script's function");
    expect(&s, "WHERE");
    expect(&s, "week");
    expect(&s, "=");
    week(&s, doc);
    expect(&s, "GROUP");
    expect(&s, "BY");
    struct bytes group = word(&s, "what was selected");
    if (!bytes_equal(key, group)) {
        fail(&s, "to group by what was selected");
    }
    entries(&s, doc);
    bounds(&s, doc);
    expect(&s, "COST");
    expect(&s, "rho");
    expect(&s, "=");
    struct bytes rho = word(&s, "a cost such as 0.01");
    if (!s.failed && dp_parse_micro(rho, DP_RHO_MAX, &doc->cost, d) != 0) {
        diag_prefix(d, "sql:%zu", s.at + 1);
        return -EINVAL;
    }
    expect(&s, "MIN");
    expect(&s, "USERS");
    doc->users_min = number(&s);
    if (peek(&s).size != 0) {
        fail(&s, "nothing more");
    }
    return s.failed ? -EINVAL : 0;
}
