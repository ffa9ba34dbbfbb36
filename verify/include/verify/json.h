/* SPDX-License-Identifier: Apache-2.0 */
/* A strict, bounded JSON reader (RFC 8259) for signed documents. Why an own one: signatures cover
 * the exact bytes of a member's value, so the reader must hand those out and must never re-write
 * them; a member that occurs twice must be an error, because two readers may pick different ones;
 * and nesting must be bounded before any signature is checked. Nothing is allocated: strings are
 * views, so strings that are read (not skipped) may not contain escapes.
 *
 * For the tree only: not installed.
 *
 * Failure sticks: after the first error every read returns zero or an empty view.
 * Trust: the text comes from whoever wants to be believed. */
#pragma once

#include "base/bytes.h"

#define JSON_SIZE_MAX    (1u << 18) /* TCB info is about 8 KiB */
#define JSON_DEPTH_MAX   8u         /* TCB info nests 7 deep */
#define JSON_MEMBERS_MAX 48u        /* per object; a v2 TCB level has 17 */
#define JSON_ITEMS_MAX   256u       /* per array */

struct json {
    struct bytes rest;
    unsigned depth;
    bool failed;
};

/* The members of one object, as they go by. Small, because each object of a document clears one. */
struct json_object {
    bool started;
    uint8_t count;
    const uint8_t *text;             /* where the object begins */
    uint32_t keys[JSON_MEMBERS_MAX]; /* where each key begins in it; each ends with its quote */
};

struct json_array {
    bool started;
    size_t count;
};

struct json json_of(struct bytes text);
/* True if nothing failed and nothing but white space is left. */
bool json_done(struct json *j);

/* Use: struct json_object o = {0}; struct bytes key; while (json_member(j, &o, &key)) { read the
 * value }. Every value must be read or skipped. False at the end of the object and after errors. */
bool json_member(struct json *j, struct json_object *o, struct bytes *ret_key);
/* The same for arrays: while (json_item(j, &a)) { read the item }. */
bool json_item(struct json *j, struct json_array *a);

/* Is the key this one? For literals: compares with a size that the compiler knows. */
static inline bool json_is(struct bytes key, const char *literal)
{
    size_t size = __builtin_strlen(literal);
    return key.size == size && __builtin_memcmp(key.data, literal, size) == 0;
}

/* A string without escapes, as its UTF-8 bytes. */
struct bytes json_string(struct json *j);
/* A non-negative integer, without fraction or exponent. */
uint64_t json_uint(struct json *j, uint64_t max);
/* Checks and skips any value and returns its exact bytes. */
struct bytes json_raw(struct json *j);
/* The same for a value that is read: json_here() before it, json_since() behind it. */
struct bytes json_here(struct json *j);
struct bytes json_since(const struct json *j, struct bytes here);

/* Helpers for the strings that Intel's documents hold. */
/* Exactly n bytes from a string of 2n hex digits, either case. */
void json_hex(struct json *j, void *ret, size_t n);
/* "2026-06-01T00:00:00Z" as seconds since 1970. */
int64_t json_time(struct json *j);
