/* SPDX-License-Identifier: Apache-2.0 */
/* Days: as uploaded, and what the owner's script made of them. A file is its kind and size (4 bytes
 * each, big endian), content, zeros: the host sees how many blocks a commit writes, so sizes are
 * rounded up (of large ones by at most an eighth), and a script's success looks like its failure.
 */
#include "inner.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void name_of(uint64_t day, bool raw, char ret[VOLUME_NAME_MAX])
{
    (void)snprintf(ret, VOLUME_NAME_MAX, "day-%" PRIu64 "-%s", day, raw ? "raw" : "out");
}

static size_t padded(size_t size)
{
    size_t unit = FILE_LEAST / 16, n = size + FILE_HEAD;
    while (n / 8 >= 2 * unit) {
        unit *= 2;
    }
    n = (n + unit - 1) / unit * unit;
    return n < FILE_LEAST ? FILE_LEAST : n;
}

static struct bytes head_of(enum day_kind kind, size_t size, uint8_t ret[FILE_HEAD])
{
    struct writer w = writer_of(ret, FILE_HEAD);
    writer_be(&w, kind, 4);
    writer_be(&w, size, 4);
    return BYTES(ret, FILE_HEAD);
}

/* The first day that is not before this one. */
static size_t place_of(const struct custodian *c, uint64_t day)
{
    size_t low = 0, high = c->day_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c->days[middle].day < day) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct day *day_find(struct custodian *c, uint64_t day)
{
    size_t i = place_of(c, day);
    return i < c->day_count && c->days[i].day == day ? &c->days[i] : NULL;
}

static struct day *insert(struct custodian *c, uint64_t day)
{
    struct day *found = day_find(c, day);
    if (found != NULL || c->day_count == DAYS_MAX) {
        return found;
    }
    size_t i = place_of(c, day);
    memmove(&c->days[i + 1], &c->days[i], (c->day_count - i) * sizeof c->days[0]);
    c->day_count++;
    c->days[i] = (struct day){.day = day};
    return &c->days[i];
}

bool day_pending(const struct custodian *c, const struct day *day)
{
    return day->raw_file != 0 && day->out_file == 0 && day->deferred == NULL &&
           !is_zero(c->stored->policy.process_bundle, sizeof c->stored->policy.process_bundle);
}

void days_count(const struct custodian *c, uint64_t *ret_processed, uint64_t *ret_pending)
{
    *ret_processed = *ret_pending = 0;
    for (size_t i = 0; i < c->day_count; i++) {
        *ret_processed += c->days[i].out_file != 0 && !c->days[i].failed;
        *ret_pending += day_pending(c, &c->days[i]);
    }
}

enum wire_code day_put(struct custodian *c, uint64_t day, struct bytes data, struct diag *d)
{
    char raw[VOLUME_NAME_MAX], out[VOLUME_NAME_MAX];
    uint8_t head[FILE_HEAD];
    const struct day *there = day_find(c, day);
    size_t size = padded(data.size);
    uint64_t freed = there != NULL ? there->raw_file + there->out_file : 0;
    if (there == NULL && c->day_count == DAYS_MAX) {
        (void)diag_fail(d, -ENOSPC, "there are %u days already", DAYS_MAX);
        return WIRE_CODE_STORAGE;
    }
    if (!(c->day_bytes - freed + size <= DAYS_SIZE_MAX)) {
        (void)diag_fail(d, -ENOSPC, "the volume has no room for it: days may take %u MiB",
                        DAYS_SIZE_MAX >> 20);
        return WIRE_CODE_STORAGE;
    }
    name_of(day, true, raw);
    name_of(day, false, out);
    const struct volume_change changes[2] = {
        {.name = raw, .head = head_of(DAY_RAW, data.size, head), .data = data, .size = size},
        {.name = out}};
    enum wire_code code = store_change(c, changes, 2, d);
    if (code == WIRE_CODE_OK) {
        *insert(c, day) =
            (struct day){.day = day, .raw = (uint32_t)data.size, .raw_file = (uint32_t)size};
        c->day_bytes += size - freed;
    }
    return code;
}

enum wire_code day_end(struct custodian *c, struct day *day, enum day_kind kind,
                       struct bytes content, struct diag *d)
{
    char out[VOLUME_NAME_MAX];
    uint8_t head[FILE_HEAD];
    size_t size = padded(content.size);
    name_of(day->day, false, out);
    const struct volume_change change = {
        .name = out, .head = head_of(kind, content.size, head), .data = content, .size = size};
    enum wire_code code = store_change(c, &change, 1, d);
    if (code == WIRE_CODE_OK) {
        c->day_bytes += size - day->out_file;
        day->out = (uint32_t)content.size;
        day->out_file = (uint32_t)size;
        day->failed = kind == DAY_FAILED;
        day->deferred = NULL;
    }
    return code;
}

int day_read(struct custodian *c, const struct day *day, bool raw, struct service_buffer *ret)
{
    char name[VOLUME_NAME_MAX];
    size_t size = raw ? day->raw : day->out;
    if ((raw ? day->raw_file : day->out_file) == 0) {
        return -ENOENT;
    }
    name_of(day->day, raw, name);
    int err = service_buffer_reserve(ret, FILE_HEAD + size);
    err = err != 0
              ? err
              : c->volume->read(c->volume->context, name, ret->data, FILE_HEAD + size, &ret->size);
    if (err == 0 && ret->size != FILE_HEAD + size) {
        err = -EIO;
    }
    if (err == 0) {
        ret->size = size;
        memmove(ret->data, ret->data + FILE_HEAD, size);
    }
    return err;
}

/* ---- after a start --------------------------------------------------------------------------- */

struct loading {
    struct custodian *c;
    int err;
};

static void each_file(void *to, const char *name)
{
    struct loading *l = to;
    uint64_t day;
    char wanted[VOLUME_NAME_MAX];
    uint8_t head[FILE_HEAD];
    size_t got;
    if (strncmp(name, "day-", 4) != 0 || l->err != 0) {
        return;
    }
    day = strtoull(name + 4, NULL, 10);
    name_of(day, true, wanted);
    bool raw = strcmp(name, wanted) == 0;
    name_of(day, false, wanted);
    struct day *at = raw || strcmp(name, wanted) == 0 ? insert(l->c, day) : NULL;
    if (at == NULL) {
        return; /* a half-written one that nothing names */
    }
    l->err = l->c->volume->read(l->c->volume->context, name, head, sizeof head, &got);
    struct cursor cursor = cursor_of(BYTES(head, l->err == 0 ? got : 0));
    uint64_t kind = cursor_be(&cursor, 4), size = cursor_be(&cursor, 4);
    if (l->err == 0 && (!cursor_ok(&cursor) || kind > DAY_FAILED || size > WIRE_DAY_MAX ||
                        raw != (kind == DAY_RAW))) {
        l->err = -EBADMSG;
    }
    if (l->err == 0) {
        uint32_t file = (uint32_t)padded((size_t)size);
        *(raw ? &at->raw : &at->out) = (uint32_t)size;
        *(raw ? &at->raw_file : &at->out_file) = file;
        at->failed = at->failed || kind == DAY_FAILED;
        l->c->day_bytes += file;
    }
}

int days_load(struct custodian *c)
{
    struct loading l = {.c = c};
    c->day_count = 0;
    c->day_bytes = 0;
    int err = c->volume->list(c->volume->context, each_file, &l);
    return err != 0 ? err : l.err;
}
