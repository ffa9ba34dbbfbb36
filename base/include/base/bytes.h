/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed views of memory, and a cursor that reads them without ever passing their end.
 * No OS, no malloc: usable inside and outside an enclave. */
#pragma once

#include "base/attr.h"

/* A borrowed, read-only view. data may be NULL only when size is 0. */
struct bytes {
    const uint8_t *data;
    size_t size;
};

#define BYTES(ptr, n)    ((struct bytes){(const uint8_t *)(ptr), (n)})
#define BYTES_OF(object) ((struct bytes){(const uint8_t *)&(object), sizeof(object)})
#define BYTES_STR(lit)   ((struct bytes){(const uint8_t *)(lit), sizeof(lit) - 1})

bool bytes_equal(struct bytes a, struct bytes b);
bool bytes_equal_str(struct bytes a, const char *s);

/* Reads forward through a view. After the first failed read every later one fails too, so a parser
 * may read a whole structure and check cursor_ok() once. Failed reads return zero or an empty view. */
struct cursor {
    struct bytes rest;
    bool failed;
};

static inline struct cursor cursor_of(struct bytes b)
{
    return (struct cursor){.rest = b, .failed = false};
}
static inline bool cursor_ok(const struct cursor *c)
{
    return !c->failed;
}
static inline bool cursor_done(const struct cursor *c)
{
    return !c->failed && c->rest.size == 0;
}
struct bytes cursor_take(struct cursor *c, size_t n);
uint8_t cursor_u8(struct cursor *c);
uint16_t cursor_le16(struct cursor *c);
uint32_t cursor_le32(struct cursor *c);
uint64_t cursor_le64(struct cursor *c);
uint64_t cursor_be(struct cursor *c, size_t byte_count /* 1..8 */);

/* Writes forward into a caller's buffer; overflow sets failed and writes nothing further. */
struct writer {
    uint8_t *data;
    size_t capacity;
    size_t size;
    bool failed;
};
static inline struct writer writer_of(void *data, size_t capacity)
{
    return (struct writer){.data = (uint8_t *)data, .capacity = capacity};
}
void writer_put(struct writer *w, struct bytes b);
void writer_be(struct writer *w, uint64_t value, size_t byte_count);

/* Loads that carry no alignment requirement. */
static inline uint16_t load_le16(const void *p)
{
    uint16_t v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}
static inline uint32_t load_le32(const void *p)
{
    uint32_t v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}
static inline uint64_t load_le64(const void *p)
{
    uint64_t v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}
static inline void store_le16(void *p, uint16_t v)
{
    __builtin_memcpy(p, &v, sizeof v);
}
static inline void store_le32(void *p, uint32_t v)
{
    __builtin_memcpy(p, &v, sizeof v);
}
static inline void store_le64(void *p, uint64_t v)
{
    __builtin_memcpy(p, &v, sizeof v);
}

/* Overflow-checked arithmetic: true on success. */
static inline bool add_ok(uint64_t a, uint64_t b, uint64_t *ret)
{
    return !__builtin_add_overflow(a, b, ret);
}
static inline bool mul_ok(uint64_t a, uint64_t b, uint64_t *ret)
{
    return !__builtin_mul_overflow(a, b, ret);
}
/* [start, start+size) lies within [0, limit)? */
static inline bool range_within(uint64_t start, uint64_t size, uint64_t limit)
{
    return size <= limit && start <= limit - size;
}
static inline uint64_t align_down(uint64_t v, uint64_t a)
{
    return v & ~(a - 1);
}
static inline bool align_up_ok(uint64_t v, uint64_t a, uint64_t *ret)
{
    uint64_t t;
    if (!add_ok(v, a - 1, &t)) {
        return false;
    }
    *ret = t & ~(a - 1);
    return true;
}

/* CT: time depends on n alone. */
bool ct_equal(const void *a, const void *b, size_t n);
/* A wipe that the compiler keeps. */
void secure_zero(void *p, size_t n);

/* Lower-case hexadecimal. ret_text holds 2n+1 bytes. */
void hex_encode(char *ret_text, const void *data, size_t n);
/* Exactly n bytes from exactly 2n hex digits; false otherwise. */
bool hex_decode(void *ret_data, size_t n, struct bytes text) MUST_USE;
