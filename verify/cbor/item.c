/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of foreign CBOR. An adversary chooses every byte: a count is never believed, each
 * element that it promises costs at least one byte of what is left. */
#include "cbor/item.h"

#define MAJOR_TAG    6u
#define MAJOR_SIMPLE 7u
#define BREAK        0xffu

static struct item fail(struct cursor *c)
{
    c->failed = true;
    return (struct item){0};
}

struct item item_take(struct cursor *c)
{
    static const enum item_kind kinds[8] = {ITEM_UINT,  ITEM_NEGATIVE, ITEM_BYTES, ITEM_TEXT,
                                            ITEM_ARRAY, ITEM_MAP,      ITEM_TAG,   ITEM_SIMPLE};
    uint8_t initial = cursor_u8(c);
    unsigned major = initial >> 5, info = initial & 31u;
    struct item r = {.kind = kinds[major], .value = info};
    if (info == 31 && (r.kind == ITEM_ARRAY || r.kind == ITEM_MAP)) {
        r.value = 0;
        r.indefinite = true;
    } else if (info > 27) {
        return fail(c); /* reserved, a break, or a string in pieces */
    } else if (info >= 24) {
        r.value = cursor_be(c, (size_t)1 << (info - 24));
        r.is_float = r.kind == ITEM_SIMPLE && info > 24;
        if (r.kind == ITEM_SIMPLE && info == 24 && r.value < 32) {
            return fail(c); /* RFC 8949, 3.3: not well-formed */
        }
    }
    if (r.kind == ITEM_BYTES || r.kind == ITEM_TEXT) {
        if (r.value > c->rest.size) {
            return fail(c);
        }
        r.text = cursor_take(c, (size_t)r.value);
    }
    return cursor_ok(c) ? r : (struct item){0};
}

struct item item_take_kind(struct cursor *c, enum item_kind kind)
{
    struct item r = item_take(c);
    return r.kind == kind ? r : fail(c);
}

bool item_more(struct cursor *c, struct item *container)
{
    if (!cursor_ok(c)) {
        return false;
    }
    if (!container->indefinite) {
        if (container->value == 0) {
            return false;
        }
        container->value--;
        return true;
    }
    if (c->rest.size > 0 && c->rest.data[0] == BREAK) {
        (void)cursor_u8(c);
        return false;
    }
    return true; /* at the end of input the next element fails */
}

static void skip(struct cursor *c, unsigned depth)
{
    struct item r = item_take(c);
    if (r.kind != ITEM_ARRAY && r.kind != ITEM_MAP && r.kind != ITEM_TAG) {
        return;
    }
    if (depth == ITEM_NESTING_MAX) {
        fail(c);
        return;
    }
    if (r.kind == ITEM_TAG) {
        skip(c, depth + 1);
        return;
    }
    bool is_map = r.kind == ITEM_MAP;
    while (item_more(c, &r)) {
        skip(c, depth + 1);
        if (is_map) {
            skip(c, depth + 1);
        }
    }
}

void item_skip(struct cursor *c)
{
    skip(c, 0);
}
