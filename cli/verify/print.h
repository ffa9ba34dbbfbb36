/* SPDX-License-Identifier: Apache-2.0 */
/* How `alcove verify` and `alcove explain` write, for people and for programs.
 *
 * Trust: names, arguments and ids come from the evidence; whatever a terminal might obey is
 * escaped, and JSON texts are kept well-formed. */
#pragma once

#include <stdio.h>

#include "base/bytes.h"

/* ---- For people ---- */

/* At most 64 bytes. */
struct print_hex {
    char text[2 * 64 + 1];
};
struct print_hex print_hex_of(const void *data, size_t size);
#define HEX(array) print_hex_of(array, sizeof(array)).text

struct print_date {
    char text[32];
};
/* "2026-06-01T12:00:00Z"; "unknown" for 0 and for what no calendar holds. */
struct print_date print_date_of(int64_t seconds);

/* Text from the evidence: printable ASCII as it is, the rest escaped. */
void print_escaped(struct bytes text);
/* "  label       ", ready for a value. */
void print_label(const char *label);
/* Label and bytes of any size, 32 of them to a line. */
void print_bytes(const char *label, const void *data, size_t size);
bool is_zero(const void *data, size_t size);

/* ---- For programs: one JSON object at a time ---- */

struct json_out {
    unsigned depth;
    bool comma; /* something stands before what comes next */
};

/* key is NULL in arrays and for the outermost object. Members of the outermost object stand on
 * lines of their own. */
void json_open(struct json_out *j, const char *key, char bracket);
void json_close(struct json_out *j, char bracket);
void json_put_text(struct json_out *j, const char *key, struct bytes utf8);
void json_put_string(struct json_out *j, const char *key, const char *text); /* NULL: null */
void json_put_hex(struct json_out *j, const char *key, const void *data, size_t size);
void json_put_number(struct json_out *j, const char *key, uint64_t value);
void json_put_literal(struct json_out *j, const char *key, const char *json); /* written already */
void json_put_bool(struct json_out *j, const char *key, bool value);
void json_put_date(struct json_out *j, const char *key, int64_t seconds); /* 0: null */
void json_put_null(struct json_out *j, const char *key);
#define JSON_HEX(j, key, array) json_put_hex(j, key, array, sizeof(array))
