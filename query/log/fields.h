/* SPDX-License-Identifier: Apache-2.0 */
/* Reading maps of which every member is known: in order, all there, nothing else. As in cbor.h,
 * errors stick, so that a whole structure is read and asked once. */
#pragma once

#include "base/cbor.h"
#include "query/signed.h"

struct cbor_map field_map(struct cbor_reader *r, size_t members);
/* The next key of the map must be this one. */
void field_key(struct cbor_reader *r, struct cbor_map *map, const char *key);
uint64_t field_uint(struct cbor_reader *r, struct cbor_map *map, const char *key, uint64_t min,
                    uint64_t max);
/* Exactly n bytes; zeros after a failure. */
void field_fixed(struct cbor_reader *r, struct cbor_map *map, const char *key, void *ret, size_t n);
/* Exactly this text. */
void field_word(struct cbor_reader *r, struct cbor_map *map, const char *key, const char *value);
/* Text for people, see field_text_shown(): 1 to max bytes. */
struct bytes field_text(struct cbor_reader *r, struct cbor_map *map, const char *key, size_t max);
/* An array of exactly n items. */
void field_array(struct cbor_reader *r, size_t n);
void field_item(struct cbor_reader *r, void *ret, size_t n);
uint64_t field_number(struct cbor_reader *r, uint64_t min, uint64_t max);

/* Text that shows what it says: no control characters, line separators or marks that turn the
 * direction of writing. For UTF-8 that the reader took. */
bool field_text_shown(struct bytes text);

void field_put_uint(struct writer *w, const char *key, uint64_t value);
void field_put_fixed(struct writer *w, const char *key, const void *data, size_t n);
void field_put_word(struct writer *w, const char *key, const char *value);
void field_put_text(struct writer *w, const char *key, struct bytes value);
