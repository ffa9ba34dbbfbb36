/* SPDX-License-Identifier: Apache-2.0 */
/* See call_codec.h. */
#include "proc/call_codec.h"

#include <errno.h>

#include "runtime/rt.h"

#define PAD      8u
#define ROOM_MIN 1024u

static size_t padded(size_t n)
{
    return (n + PAD - 1) & ~(size_t)(PAD - 1);
}

bool call_range_has_bytes(uint32_t kind)
{
    return kind == RANGE_DATA || kind == RANGE_TEXT;
}

static struct call_range range_from(const uint8_t *at)
{
    struct call_range r;
    memcpy(&r, at, sizeof r);
    return r;
}

struct call_range call_range_at(const struct call_message *m, uint32_t index)
{
    return range_from(m->ranges + index * sizeof(struct call_range));
}

static bool range_ok(const struct call_range *r)
{
    uint64_t end;
    return r->kind >= RANGE_DATA && r->kind <= RANGE_NEED_TEXT && add_ok(r->addr, r->size, &end);
}

static bool zeros(const uint8_t *p, size_t n)
{
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++) {
        any |= p[i];
    }
    return any == 0;
}

int call_decode(struct bytes message, struct call_message *ret)
{
    struct cursor c = cursor_of(message);
    struct call_message m;
    struct bytes head = cursor_take(&c, sizeof m.head);
    if (!cursor_ok(&c) || message.size > CALL_MESSAGE_MAX) {
        return -EINVAL;
    }
    memcpy(&m.head, head.data, sizeof m.head);
    if (m.head.kind < CALL_SYSCALL || m.head.kind > CALL_PENDING ||
        m.head.range_count > CALL_RANGES_MAX || (m.head.flags & ~CALL_GO_ON) != 0) {
        return -EINVAL;
    }
    m.ranges = cursor_take(&c, m.head.range_count * sizeof(struct call_range)).data;
    m.data = c.rest.data;
    m.data_size = c.rest.size;
    for (uint32_t i = 0; cursor_ok(&c) && i < m.head.range_count; i++) {
        const struct call_range r = call_range_at(&m, i);
        if (!range_ok(&r)) {
            return -EINVAL;
        }
        if (call_range_has_bytes(r.kind)) {
            struct bytes all = cursor_take(&c, padded(r.size));
            if (cursor_ok(&c) && !zeros(all.data + r.size, all.size - r.size)) {
                return -EINVAL;
            }
        }
    }
    if (!cursor_done(&c)) {
        return -EINVAL;
    }
    *ret = m;
    return 0;
}

/* ---- ranges ---------------------------------------------------------------------------------- */

void call_ranges_clear(struct call_ranges *r)
{
    r->count = 0;
    r->data_size = 0;
}

void call_ranges_free(struct call_ranges *r)
{
    rt_free(r->list);
    rt_free(r->places);
    rt_free(r->data);
    *r = (struct call_ranges){.count = 0};
}

/* For one range more, and its bytes. */
static int make_room(struct call_ranges *r, size_t more)
{
    if (r->count == r->room) {
        uint32_t room = r->room == 0 ? 8 : r->room * 2;
        struct call_range *list = (struct call_range *)rt_realloc(r->list, room * sizeof *list);
        r->list = list != NULL ? list : r->list;
        uint32_t *places = (uint32_t *)rt_realloc(r->places, room * sizeof *places);
        r->places = places != NULL ? places : r->places;
        if (list == NULL || places == NULL) {
            return -ENOMEM;
        }
        r->room = room;
    }
    if (r->data_room - r->data_size < more) {
        size_t room = r->data_room == 0 ? 512 : r->data_room * 2;
        while (room - r->data_size < more) {
            room *= 2;
        }
        uint8_t *data = (uint8_t *)rt_realloc(r->data, room);
        if (data == NULL) {
            return -ENOMEM;
        }
        r->data = data;
        r->data_room = room;
    }
    return 0;
}

int call_ranges_reserve(struct call_ranges *r, size_t size, uint8_t **ret)
{
    if (size > 2 * CALL_DATA_MAX - r->data_size) {
        return -ENOBUFS;
    }
    int err = make_room(r, padded(size) + PAD);
    if (err == 0) {
        *ret = r->data + r->data_size;
    }
    return err;
}

int call_ranges_add(struct call_ranges *r, enum call_range_kind kind, uint64_t addr,
                    const void *bytes, size_t size)
{
    const struct call_range range = {.addr = addr, .size = (uint32_t)size, .kind = kind};
    bool has_bytes = call_range_has_bytes(kind);
    if (!range_ok(&range)) {
        return -EINVAL;
    }
    if ((has_bytes && size > 2 * CALL_DATA_MAX - r->data_size) || size > UINT32_MAX) {
        return -ENOBUFS;
    }
    struct call_range *last = r->count > 0 ? &r->list[r->count - 1] : NULL;
    size_t last_end = last != NULL ? r->places[r->count - 1] + last->size : 0;
    bool joins =
        last != NULL && kind == RANGE_DATA && last->kind == kind && last->addr + last->size == addr;
    if (!joins && r->count == CALL_RANGES_MAX) {
        return -ENOBUFS;
    }
    int err = make_room(r, has_bytes ? padded(size) + PAD : 0);
    if (err != 0) {
        return err;
    }
    size_t at = joins ? last_end : r->data_size;
    if (joins) {
        r->list[r->count - 1].size += (uint32_t)size;
    } else {
        r->places[r->count] = (uint32_t)at;
        r->list[r->count++] = range;
    }
    if (has_bytes) {
        size_t end = padded(at + size);
        if (bytes != NULL) {
            memmove(r->data + at, bytes, size); /* perhaps from call_ranges_reserve() */
        } else {
            memset(r->data + at, 0, size);
        }
        memset(r->data + at + size, 0, end - (at + size));
        r->data_size = end;
    }
    return 0;
}

struct call_mark call_ranges_mark(const struct call_ranges *r)
{
    return (struct call_mark){.data_size = r->data_size,
                              .count = r->count,
                              .last_size = r->count > 0 ? r->list[r->count - 1].size : 0};
}

void call_ranges_back(struct call_ranges *r, struct call_mark mark)
{
    r->count = mark.count;
    r->data_size = mark.data_size;
    if (mark.count > 0) {
        r->list[mark.count - 1].size = mark.last_size;
    }
}

int call_ranges_take(struct call_ranges *r, const struct call_message *m)
{
    size_t at = 0;
    for (uint32_t i = 0; i < m->head.range_count; i++) {
        const struct call_range range = call_range_at(m, i);
        bool has_bytes = call_range_has_bytes(range.kind);
        int err = call_ranges_add(r, (enum call_range_kind)range.kind, range.addr,
                                  has_bytes ? m->data + at : NULL, range.size);
        if (err != 0) {
            return err;
        }
        at += has_bytes ? padded(range.size) : 0;
    }
    return 0;
}

static bool inside(const struct call_range *r, uint64_t addr)
{
    return addr - r->addr < r->size;
}

struct bytes call_ranges_find(const struct call_ranges *r, enum call_range_kind kind, uint64_t addr)
{
    for (uint32_t i = r->count; i > 0; i--) {
        const struct call_range *range = &r->list[i - 1];
        if (range->kind == (uint32_t)kind && inside(range, addr)) {
            uint64_t into = addr - range->addr;
            return BYTES(r->data + r->places[i - 1] + into, range->size - into);
        }
    }
    return BYTES(NULL, 0);
}

bool call_ranges_holds(const struct call_ranges *r, enum call_range_kind kind, uint64_t addr,
                       size_t size)
{
    for (uint32_t i = 0; i < r->count; i++) {
        const struct call_range *range = &r->list[i];
        if (range->kind == (uint32_t)kind && addr < range->addr + range->size &&
            range->addr < addr + size) {
            return true;
        }
    }
    return false;
}

void call_ranges_patch(struct call_ranges *r, enum call_range_kind kind, uint64_t addr,
                       const void *from, size_t size)
{
    for (uint32_t i = 0; i < r->count; i++) {
        const struct call_range *range = &r->list[i];
        uint64_t first = addr > range->addr ? addr : range->addr;
        uint64_t end =
            addr + size < range->addr + range->size ? addr + size : range->addr + range->size;
        if (range->kind != (uint32_t)kind || first >= end) {
            continue;
        }
        uint8_t *to = r->data + r->places[i] + (first - range->addr);
        if (from != NULL) {
            memcpy(to, (const uint8_t *)from + (first - addr), end - first);
        } else {
            memset(to, 0, end - first);
        }
    }
}

/* ---- messages -------------------------------------------------------------------------------- */

size_t call_encoded_size(const struct call_ranges *r)
{
    return sizeof(struct call_head) + r->count * sizeof(struct call_range) + r->data_size;
}

void call_encode(struct call_head *head, const struct call_ranges *r, uint8_t *ret)
{
    head->range_count = r->count;
    memcpy(ret, head, sizeof *head);
    ret += sizeof *head;
    if (r->count > 0) {
        memcpy(ret, r->list, r->count * sizeof *r->list);
        ret += r->count * sizeof *r->list;
    }
    if (r->data_size > 0) {
        memcpy(ret, r->data, r->data_size);
    }
}

int call_buffer_room(struct call_buffer *b, size_t size)
{
    if (size <= b->room) {
        return 0;
    }
    size_t room = b->room < ROOM_MIN ? ROOM_MIN : b->room;
    while (room < size) {
        room *= 2;
    }
    rt_free(b->data);
    b->data = (uint8_t *)rt_alloc(room);
    b->room = b->data != NULL ? room : 0;
    return b->data != NULL ? 0 : -ENOMEM;
}
