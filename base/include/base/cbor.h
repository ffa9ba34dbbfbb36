/* SPDX-License-Identifier: Apache-2.0 */
/* Deterministic CBOR (RFC 8949 section 4.2.1), the subset that Alcove's own formats use: unsigned
 * and negative integers, byte and text strings, arrays, maps, booleans and null, definite lengths,
 * shortest forms, map keys sorted bytewise and unique. Anything else is refused when reading, so
 * that one value has exactly one encoding. */
#pragma once

#include "base/bytes.h"

enum cbor_kind {
    CBOR_UINT,
    CBOR_NEGINT,
    CBOR_BYTES,
    CBOR_TEXT,
    CBOR_ARRAY,
    CBOR_MAP,
    CBOR_FALSE,
    CBOR_TRUE,
    CBOR_NULL,
};

/* Reading. Same failure rule as struct cursor: errors stick, values become zero or empty. */
struct cbor_reader {
    struct cursor in;
};
static inline struct cbor_reader cbor_reader_of(struct bytes b)
{
    return (struct cbor_reader){.in = cursor_of(b)};
}
static inline bool cbor_ok(const struct cbor_reader *r)
{
    return cursor_ok(&r->in);
}
void cbor_fail(struct cbor_reader *r);
/* Kind of the next item without consuming it; fails at the end of input. */
bool cbor_peek(struct cbor_reader *r, enum cbor_kind *ret_kind);
uint64_t cbor_uint(struct cbor_reader *r, uint64_t max);
int64_t cbor_int(struct cbor_reader *r);
bool cbor_bool(struct cbor_reader *r);
struct bytes cbor_bytes(struct cbor_reader *r, size_t min, size_t max);
/* Valid UTF-8 without NUL. */
struct bytes cbor_text(struct cbor_reader *r, size_t max);
size_t cbor_array(struct cbor_reader *r, size_t max_count);

/* Maps with text keys. Call cbor_map(), then cbor_key() once per entry: it checks order and
 * uniqueness. After `count` keys the map is complete. */
struct cbor_map {
    size_t left;
    struct bytes last_key;
    bool first;
};
struct cbor_map cbor_map(struct cbor_reader *r, size_t max_count);
bool cbor_key(struct cbor_reader *r, struct cbor_map *m, struct bytes *ret_key);
/* Skips one well-formed item of any kind, nesting at most 8 deep, and returns its exact bytes. */
struct bytes cbor_skip(struct cbor_reader *r);

/* Writing. The caller writes map entries in sorted order: keys sorted by encoded bytes, which for
 * text keys means shorter first, then bytewise. cbor_key_less() tells. */
void cbor_put_uint(struct writer *w, uint64_t v);
void cbor_put_int(struct writer *w, int64_t v);
void cbor_put_bool(struct writer *w, bool v);
void cbor_put_null(struct writer *w);
void cbor_put_bytes(struct writer *w, struct bytes b);
void cbor_put_text(struct writer *w, struct bytes b);
void cbor_put_str(struct writer *w, const char *s);
void cbor_put_array(struct writer *w, size_t count);
void cbor_put_map(struct writer *w, size_t count);
bool cbor_key_less(struct bytes a, struct bytes b);
