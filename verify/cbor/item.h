/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR as others write it (RFC 8949): well-formed, but neither sorted nor in shortest forms, so
 * base/cbor.h (deterministic, for our own formats) cannot read it. What is signed or hashed is
 * always the exact bytes, so another encoding of the same value is no way around a check.
 *
 * Arrays and maps may have indefinite lengths; strings may not: none of the formats needs it, and a
 * view cannot show the pieces of one. Errors stick in the cursor, as with all its readers.
 * Trust: the bytes come from whoever wants to be believed. */
#pragma once

#include "base/bytes.h"

enum item_kind {
    ITEM_NONE = 0, /* not readable, or the end of an indefinite length where none may be */
    ITEM_UINT,
    ITEM_NEGATIVE, /* -1 - value */
    ITEM_BYTES,
    ITEM_TEXT, /* not checked to be UTF-8: compare, never print */
    ITEM_ARRAY,
    ITEM_MAP,
    ITEM_TAG,    /* the tagged item follows */
    ITEM_SIMPLE, /* false, true, null, ...; floating point numbers too */
};
#define ITEM_NULL 22u /* value of a null's ITEM_SIMPLE */

struct item {
    enum item_kind kind;
    uint64_t value;    /* number, tag, or count of elements or pairs */
    bool indefinite;   /* arrays and maps: value is zero, the elements end with a break */
    bool is_float;     /* of ITEM_SIMPLE: value is the bits */
    struct bytes text; /* contents of strings */
};

/* The next item's head, with the contents of a string; elements of arrays and maps follow. */
struct item item_take(struct cursor *c);
/* The same, failing unless it is of this kind. */
struct item item_take_kind(struct cursor *c, enum item_kind kind);
/* Is there another element (array) or pair (map)? Counts down in *container, or eats the break.
 * False also after a failure. */
bool item_more(struct cursor *c, struct item *container);
/* One whole item of any kind, nested ITEM_NESTING_MAX deep at most. */
#define ITEM_NESTING_MAX 8
void item_skip(struct cursor *c);
