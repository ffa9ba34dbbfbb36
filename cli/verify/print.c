/* SPDX-License-Identifier: Apache-2.0 */
/* Writing for people and for programs, see print.h. */
#include "print.h"

#include <string.h>
#include <time.h>

struct print_hex print_hex_of(const void *data, size_t size)
{
    struct print_hex h;
    hex_encode(h.text, data, size < 64 ? size : 64);
    return h;
}

struct print_date print_date_of(int64_t seconds)
{
    struct print_date d = {"unknown"};
    time_t t = (time_t)seconds;
    struct tm tm;
    /* Four digits of a year: what the evidence says may be any number. */
    if (seconds != 0 && gmtime_r(&t, &tm) != NULL && tm.tm_year >= 0 && tm.tm_year < 8100) {
        strftime(d.text, sizeof d.text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    }
    return d;
}

void print_escaped(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c >= 0x20 && c < 0x7f && c != '\\') {
            putchar(c);
        } else {
            printf("\\x%02x", c);
        }
    }
}

void print_label(const char *label)
{
    printf("  %-11s ", label);
}

void print_bytes(const char *label, const void *data, size_t size)
{
    const uint8_t *p = data;
    size_t lines = size == 0 ? 1 : (size + 31) / 32;
    for (size_t i = 0; i < lines; i++) {
        size_t rest = size - 32 * i;
        print_label(i == 0 ? label : "");
        printf("%s\n", size == 0 ? "empty" : print_hex_of(p + 32 * i, rest < 32 ? rest : 32).text);
    }
}

bool is_zero(const void *data, size_t size)
{
    const uint8_t *p = data;
    for (size_t i = 0; i < size; i++) {
        if (p[i] != 0) {
            return false;
        }
    }
    return true;
}

/* ---- JSON ---- */

static void put_quoted(struct bytes utf8)
{
    putchar('"');
    for (size_t i = 0; i < utf8.size; i++) {
        uint8_t c = utf8.data[i];
        if (c == '"' || c == '\\') {
            printf("\\%c", c);
        } else if (c < 0x20 || c == 0x7f) {
            printf("\\u%04x", c);
        } else {
            putchar(c); /* texts of the formats are valid UTF-8 */
        }
    }
    putchar('"');
}

static void begin(struct json_out *j, const char *key)
{
    if (j->comma) {
        fputs(j->depth == 1 ? ",\n " : ", ", stdout);
    }
    j->comma = true;
    if (key != NULL) {
        printf("\"%s\": ", key);
    }
}

void json_open(struct json_out *j, const char *key, char bracket)
{
    begin(j, key);
    putchar(bracket);
    j->depth++;
    j->comma = false;
}

void json_close(struct json_out *j, char bracket)
{
    putchar(bracket);
    j->depth--;
    j->comma = true;
}

void json_put_text(struct json_out *j, const char *key, struct bytes utf8)
{
    begin(j, key);
    put_quoted(utf8);
}

void json_put_string(struct json_out *j, const char *key, const char *text)
{
    begin(j, key);
    if (text == NULL) {
        fputs("null", stdout);
    } else {
        put_quoted(BYTES(text, strlen(text)));
    }
}

void json_put_hex(struct json_out *j, const char *key, const void *data, size_t size)
{
    const uint8_t *p = data;
    begin(j, key);
    putchar('"');
    for (size_t i = 0; i < size; i++) {
        printf("%02x", p[i]);
    }
    putchar('"');
}

void json_put_number(struct json_out *j, const char *key, uint64_t value)
{
    begin(j, key);
    printf("%llu", (unsigned long long)value);
}

void json_put_literal(struct json_out *j, const char *key, const char *json)
{
    begin(j, key);
    fputs(json, stdout);
}

void json_put_bool(struct json_out *j, const char *key, bool value)
{
    begin(j, key);
    fputs(value ? "true" : "false", stdout);
}

void json_put_date(struct json_out *j, const char *key, int64_t seconds)
{
    struct print_date d = print_date_of(seconds);
    json_put_string(j, key, d.text[0] == 'u' ? NULL : d.text);
}

void json_put_null(struct json_out *j, const char *key)
{
    json_put_string(j, key, NULL);
}
