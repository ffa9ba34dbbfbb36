/* SPDX-License-Identifier: Apache-2.0 */
/* What the owner is told of queries: the newest thousand events, of which those that cost nothing
 * go first, so that nobody hides a query behind a thousand that were declined. Files "events-N" of
 * eight slots; a slot is a size (4 bytes, big endian) and an activity of one event whose `total` is
 * the event's number. All slots have one size: what a commit writes does not tell why. */
#include "inner.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void name_of(size_t slot, char ret[VOLUME_NAME_MAX])
{
    (void)snprintf(ret, VOLUME_NAME_MAX, "events-%zu", slot / EVENT_PER_FILE);
}

static uint8_t *slot_in(uint8_t *file, size_t slot)
{
    return file + slot % EVENT_PER_FILE * EVENT_SIZE;
}

static int read_file(const struct custodian *c, size_t slot, char name[VOLUME_NAME_MAX],
                     uint8_t ret[EVENT_FILE])
{
    size_t size = 0;
    name_of(slot, name);
    memset(ret, 0, EVENT_FILE);
    int err = c->volume->read(c->volume->context, name, ret, EVENT_FILE, &size);
    return err == 0 && size != EVENT_FILE ? -EBADMSG : err;
}

static int decode(const uint8_t *slot, struct wire_activity *ret)
{
    struct cursor c = cursor_of(BYTES(slot, EVENT_SIZE));
    size_t size = (size_t)cursor_be(&c, 4);
    int err = wire_read_activity(cursor_take(&c, size), ret, NULL);
    return err == 0 && cursor_ok(&c) && ret->events_count == 1 ? 0 : -EBADMSG;
}

/* Puts it into the draft's file, which has what else is there. */
static int draft(const struct custodian *c, const struct wire_event *event, struct event_draft *ret,
                 struct volume_change *ret_change)
{
    struct wire_activity one = {.total = ret->place.number, .events_count = 1};
    int err = read_file(c, ret->place.slot, ret->name, ret->file);
    if (err != 0 && err != -ENOENT) {
        return err;
    }
    one.events[0] = *event;
    uint8_t *slot = slot_in(ret->file, ret->place.slot);
    memset(slot, 0, EVENT_SIZE);
    struct writer w = writer_of(slot + 4, EVENT_SIZE - 4), head = writer_of(slot, 4);
    err = wire_write_activity(&one, &w, NULL);
    writer_be(&head, w.size, 4);
    *ret_change = (struct volume_change){
        .name = ret->name, .data = BYTES(ret->file, EVENT_FILE), .size = EVENT_FILE};
    return err;
}

/* The slot that nobody has, or that of the oldest event that cost nothing, or of the oldest. */
static void choose(const struct custodian *c, struct event_draft *ret)
{
    static const struct event_place none;
    uint8_t taken[EVENTS_MAX] = {0};
    ret->place = none;
    if (c->event_count < EVENTS_MAX) {
        for (size_t i = 0; i < c->event_count; i++) {
            taken[c->events[i].slot] = 1;
        }
        const uint8_t *free_slot = memchr(taken, 0, sizeof taken);
        ret->place.slot = (uint16_t)(free_slot - taken);
        return;
    }
    ret->dropped = true;
    for (ret->drop = 0; ret->drop < c->event_count && c->events[ret->drop].charged; ret->drop++) {
    }
    ret->drop = ret->drop < c->event_count ? ret->drop : 0;
    ret->place.slot = c->events[ret->drop].slot;
}

int event_add(struct custodian *c, const struct wire_event *event, struct event_draft *ret,
              struct volume_change *ret_change)
{
    ret->is_new = true;
    ret->dropped = false;
    choose(c, ret);
    ret->place.number = c->event_count > 0 ? c->events[c->event_count - 1].number + 1 : 1;
    ret->place.charged = event->cost > 0;
    ret->place.code = (uint8_t)event->code;
    memcpy(ret->place.query, event->query, sizeof ret->place.query);
    return draft(c, event, ret, ret_change);
}

static const struct event_place *find(const struct custodian *c, uint64_t number)
{
    for (size_t i = c->event_count; i > 0; i--) {
        if (c->events[i - 1].number == number) {
            return &c->events[i - 1];
        }
    }
    return NULL;
}

int event_read(struct custodian *c, uint64_t number, struct wire_activity *ret,
               uint8_t buffer[EVENT_SIZE])
{
    static uint8_t file[EVENT_FILE];
    char name[VOLUME_NAME_MAX];
    const struct event_place *place = find(c, number);
    int err = place != NULL ? read_file(c, place->slot, name, file) : -ENOENT;
    if (err == 0) {
        memcpy(buffer, slot_in(file, place->slot), EVENT_SIZE);
        err = decode(buffer, ret);
    }
    return err;
}

int event_replace(struct custodian *c, uint64_t number, const struct wire_event *event,
                  struct event_draft *ret, struct volume_change *ret_change)
{
    const struct event_place *place = find(c, number);
    if (place == NULL) {
        return -ENOENT;
    }
    ret->is_new = ret->dropped = false;
    ret->place = *place;
    return draft(c, event, ret, ret_change);
}

void event_done(struct custodian *c, const struct event_draft *ret)
{
    if (!ret->is_new) {
        return;
    }
    if (ret->dropped) {
        c->event_count--;
        memmove(&c->events[ret->drop], &c->events[ret->drop + 1],
                (c->event_count - ret->drop) * sizeof c->events[0]);
    }
    c->events[c->event_count++] = ret->place;
}

uint64_t event_known(const struct custodian *c, const uint8_t query[32], uint64_t code)
{
    for (size_t i = 0; i < c->event_count; i++) {
        if (c->events[i].code == code && memcmp(c->events[i].query, query, 32) == 0) {
            return c->events[i].number;
        }
    }
    return 0;
}

static void insert(struct custodian *c, const struct event_place *place)
{
    size_t i = c->event_count++;
    for (; i > 0 && c->events[i - 1].number > place->number; i--) {
        c->events[i] = c->events[i - 1];
    }
    c->events[i] = *place;
}

int events_load(struct custodian *c)
{
    static uint8_t file[EVENT_FILE];
    static struct wire_activity one;
    char name[VOLUME_NAME_MAX];
    c->event_count = 0;
    for (size_t slot = 0; slot < EVENTS_MAX; slot++) {
        if (slot % EVENT_PER_FILE == 0) {
            int err = read_file(c, slot, name, file);
            if (err == -ENOENT) {
                slot += EVENT_PER_FILE - 1;
                continue;
            }
            if (err != 0) {
                return err;
            }
        }
        const uint8_t *at = slot_in(file, slot);
        if (is_zero(at, 4)) {
            continue;
        }
        int err = decode(at, &one);
        if (err != 0) {
            return err;
        }
        struct event_place place = {.number = one.total,
                                    .slot = (uint16_t)slot,
                                    .charged = one.events[0].cost > 0,
                                    .code = (uint8_t)one.events[0].code};
        memcpy(place.query, one.events[0].query, sizeof place.query);
        insert(c, &place);
    }
    return 0;
}
