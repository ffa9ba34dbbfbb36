/* SPDX-License-Identifier: Apache-2.0 */
/* What a custodian keeps besides days and events: one file "state", so that a charge, the analyst's
 * share of it and everything else of one moment are one write.
 *
 *   size (4 bytes, big endian), then, and zeros up to a multiple of 16 KiB:
 *   {"owner": bstr, "format": "alcove-custodian-1", "ledger": bstr, "paused": bool,
 *    "policy": bstr, "quotas": [week, [* [analyst, spent]]], "message": bstr, "withdrawn": bool}
 *
 * Adversary: the host, which stores the volume: any state that it ever was can come back, whole.
 * What tells is in ledger.c. */
#include "base/cbor.h"

#include "inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT  "alcove-custodian-1"
#define STATE   "state"
#define DELETED "deleted"
#define FILLER  "filler"

static void free_stored(struct stored **s)
{
    if (*s != NULL) {
        secure_zero(*s, sizeof **s);
        free(*s);
    }
}
#define AUTO_STORED __attribute__((cleanup(free_stored))) struct stored *

struct stored *store_copy(const struct custodian *c)
{
    struct stored *copy = malloc(sizeof *copy);
    if (copy != NULL) {
        *copy = *c->stored;
    }
    return copy;
}

/* ---- as bytes -------------------------------------------------------------------------------- */

static int encode_stored(const struct stored *s, struct service_buffer *ret, struct diag *d)
{
    AUTO_SERVICE_BUFFER part = {0};
    int err = service_buffer_reserve(ret, STATE_MAX);
    err = err != 0 ? err : service_buffer_reserve(&part, LEDGER_SIZE_MAX + WIRE_POLICY_MAX);
    if (err != 0) {
        return diag_fail(d, err, "no memory for the custodian's state");
    }
    struct writer parts = writer_of(part.data, part.capacity);
    if (ledger_encode(&s->ledger, &parts, d) != 0) {
        return -EINVAL;
    }
    struct bytes ledger = BYTES(part.data, parts.size);
    if (wire_write_policy(&s->policy, &parts, d) != 0) {
        return -EINVAL;
    }
    part.size = parts.size;
    struct bytes policy = BYTES(part.data + ledger.size, parts.size - ledger.size);
    struct writer w = writer_of(ret->data + 4, STATE_MAX - 4);
    cbor_put_map(&w, 8);
    cbor_put_str(&w, "owner");
    cbor_put_bytes(&w, BYTES_OF(s->owner.point));
    cbor_put_str(&w, "format");
    cbor_put_str(&w, FORMAT);
    cbor_put_str(&w, "ledger");
    cbor_put_bytes(&w, ledger);
    cbor_put_str(&w, "paused");
    cbor_put_bool(&w, s->paused);
    cbor_put_str(&w, "policy");
    cbor_put_bytes(&w, policy);
    cbor_put_str(&w, "quotas");
    cbor_put_array(&w, 2);
    cbor_put_uint(&w, s->quota_window);
    cbor_put_array(&w, s->quota_count);
    for (size_t i = 0; i < s->quota_count; i++) {
        cbor_put_array(&w, 2);
        cbor_put_bytes(&w, BYTES_OF(s->quotas[i].analyst));
        cbor_put_uint(&w, s->quotas[i].spent);
    }
    cbor_put_str(&w, "message");
    cbor_put_bytes(&w, hpke_public_bytes(&s->message));
    cbor_put_str(&w, "withdrawn");
    cbor_put_bool(&w, s->withdrawn);
    if (w.failed) {
        return diag_fail(d, -ENOSPC, "the custodian's state does not fit");
    }
    struct writer head = writer_of(ret->data, 4);
    writer_be(&head, w.size, 4);
    ret->size = 4 + w.size;
    return 0;
}

static void member(struct cbor_reader *r, struct cbor_map *map, const char *name)
{
    struct bytes key;
    if (!cbor_key(r, map, &key) || !bytes_equal_str(key, name)) {
        cbor_fail(r);
    }
}

static void take_quotas(struct cbor_reader *r, struct stored *s)
{
    bool whole = cbor_array(r, 2) == 2;
    s->quota_window = cbor_uint(r, UINT64_MAX);
    s->quota_count = cbor_array(r, ANALYSTS_MAX);
    for (size_t i = 0; i < s->quota_count && cbor_ok(r); i++) {
        whole = cbor_array(r, 2) == 2 && whole;
        struct bytes analyst = cbor_bytes(r, 32, 32);
        s->quotas[i].spent = cbor_uint(r, UINT64_MAX);
        if (cbor_ok(r)) {
            memcpy(s->quotas[i].analyst, analyst.data, 32);
        }
    }
    if (!whole) {
        cbor_fail(r);
    }
}

static int decode_stored(struct bytes file, const struct query_hash *boot, struct stored *ret,
                         struct diag *d)
{
    struct cursor c = cursor_of(file);
    size_t size = (size_t)cursor_be(&c, 4);
    struct cbor_reader r = cbor_reader_of(cursor_take(&c, size));
    memset(ret, 0, sizeof *ret);
    struct cbor_map map = cbor_map(&r, 8);
    bool whole = map.left == 8;
    member(&r, &map, "owner");
    struct bytes owner = cbor_bytes(&r, QUERY_KEY_SIZE, QUERY_KEY_SIZE);
    member(&r, &map, "format");
    whole = bytes_equal_str(cbor_text(&r, 64), FORMAT) && whole;
    member(&r, &map, "ledger");
    struct bytes ledger = cbor_bytes(&r, 1, LEDGER_SIZE_MAX);
    member(&r, &map, "paused");
    ret->paused = cbor_bool(&r);
    member(&r, &map, "policy");
    struct bytes policy = cbor_bytes(&r, 1, WIRE_POLICY_MAX);
    member(&r, &map, "quotas");
    take_quotas(&r, ret);
    member(&r, &map, "message");
    struct bytes message = cbor_bytes(&r, 32, 32);
    member(&r, &map, "withdrawn");
    ret->withdrawn = cbor_bool(&r);
    bool good = cursor_ok(&c) && whole && cursor_done(&r.in) &&
                query_key_read(owner, &ret->owner) == 0 &&
                hpke_public_read(HPKE_KEM_X25519, message, &ret->message) == 0 &&
                wire_read_policy(policy, &ret->policy, d) == 0 &&
                ledger_decode(ledger, boot, &ret->ledger, d) == 0;
    return good ? 0 : diag_fail(d, -EBADMSG, "the volume holds no custodian's state");
}

/* ---- changing -------------------------------------------------------------------------------- */

enum wire_code store_change(struct custodian *c, const struct volume_change *changes, size_t count,
                            struct diag *d)
{
    if (c->broken) {
        (void)diag_fail(d, -EIO,
                        "the host failed to store something: the custodian must be started again");
        return WIRE_CODE_STORAGE;
    }
    int err = c->volume->change(c->volume->context, changes, count);
    if (err == 0) {
        return WIRE_CODE_OK;
    }
    c->broken = err != -ENOSPC;
    (void)diag_fail(d, err, "%s",
                    c->broken ? "the host did not store it" : "the volume has no room for it");
    return WIRE_CODE_STORAGE;
}

enum wire_code store_commit(struct custodian *c, struct stored *take_next,
                            const struct volume_change *more, size_t count, struct diag *d)
{
    AUTO_STORED next = take_next;
    AUTO_SERVICE_BUFFER file = {0};
    struct volume_change changes[4];
    if (next == NULL || encode_stored(next, &file, d) != 0) {
        return WIRE_CODE_INTERNAL;
    }
    REQUIRE(count < ARRAY_SIZE(changes));
    for (size_t i = 0; i < count; i++) {
        changes[i] = more[i];
    }
    changes[count] =
        (struct volume_change){.name = STATE,
                               .data = service_buffer_bytes(&file),
                               .size = (file.size + STATE_STEP - 1) / STATE_STEP * STATE_STEP};
    enum wire_code code = store_change(c, changes, count + 1, d);
    if (code == WIRE_CODE_OK) {
        struct stored *old = c->stored;
        c->stored = next;
        next = old;
    }
    return code;
}

enum wire_code store_acknowledge(struct custodian *c, struct volume_state *ret, struct diag *d)
{
    struct volume_state state;
    struct stored *next = store_copy(c);
    if (next == NULL || c->volume->state(c->volume->context, &state) != 0 ||
        ledger_acknowledge(&next->ledger, &state, d) != 0) {
        free_stored(&next);
        return WIRE_CODE_INTERNAL;
    }
    enum wire_code code = store_commit(c, next, NULL, 0, d);
    if (code == WIRE_CODE_OK) {
        *ret = state;
    }
    return code;
}

int store_load(struct custodian *c, struct diag *d)
{
    AUTO_SERVICE_BUFFER file = {0};
    AUTO_STORED stored = malloc(sizeof *stored);
    uint8_t mark;
    size_t size;
    if (stored == NULL || service_buffer_reserve(&file, STATE_MAX) != 0) {
        return diag_fail(d, -ENOMEM, "no memory for the custodian's state");
    }
    memset(stored, 0, sizeof *stored);
    if (c->volume->read(c->volume->context, DELETED, &mark, 1, &size) == 0) {
        return diag_fail(d, -ENOTEMPTY, "everything in this volume was deleted by its owner");
    }
    int err = c->volume->read(c->volume->context, STATE, file.data, file.capacity, &file.size);
    if (err != 0) {
        return diag_fail(d, err, "nobody has claimed this custodian yet");
    }
    err = decode_stored(service_buffer_bytes(&file), &c->boot_id, stored, d);
    struct query_hash owner;
    err = err != 0 ? err : query_key_id(&stored->owner, &owner);
    if (err != 0) {
        return err;
    }
    free_stored(&c->stored);
    c->stored = STEAL(&stored);
    memcpy(c->owner_hash, owner.data, sizeof c->owner_hash);
    err = days_load(c);
    err = err != 0 ? err : events_load(c);
    if (err != 0) {
        free_stored(&c->stored);
        c->stored = NULL;
        c->day_count = c->event_count = 0;
        return diag_fail(d, err, "days or events in the volume cannot be read");
    }
    return 0;
}

/* ---- deleting -------------------------------------------------------------------------------- */

#define NAMES_MAX (2 * DAYS_MAX + EVENT_FILES + 8)
struct names {
    char (*name)[VOLUME_NAME_MAX];
    size_t count;
    bool too_many;
};

static void each_name(void *to, const char *name)
{
    struct names *n = to;
    size_t size = strnlen(name, VOLUME_NAME_MAX);
    if (n->count == NAMES_MAX || size == VOLUME_NAME_MAX) {
        n->too_many = true;
    } else {
        memcpy(n->name[n->count++], name, size + 1);
    }
}

/* First, in one batch, all goes and the mark comes. What stood in the blocks is then written over:
 * with zeros, as much as there was, which takes the freed blocks. The host may have kept copies of
 * them; without the owner's secret they are noise. */
enum wire_code store_delete(struct custodian *c, struct volume_state *ret, struct diag *d)
{
    struct names n = {.name = malloc(sizeof *n.name * NAMES_MAX)};
    struct volume_change *changes = malloc(sizeof *changes * (NAMES_MAX + 1));
    enum wire_code code = WIRE_CODE_INTERNAL;
    if (n.name != NULL && changes != NULL &&
        c->volume->list(c->volume->context, each_name, &n) == 0 && !n.too_many) {
        size_t count = 0;
        for (size_t i = 0; i < n.count; i++) {
            if (strcmp(n.name[i], DELETED) != 0) {
                changes[count++] = (struct volume_change){.name = n.name[i]};
            }
        }
        changes[count++] = (struct volume_change){.name = DELETED, .size = 1};
        code = store_change(c, changes, count, d);
    }
    free(n.name);
    free(changes);
    if (code != WIRE_CODE_OK || c->volume->state(c->volume->context, ret) != 0) {
        return code != WIRE_CODE_OK ? code : WIRE_CODE_INTERNAL;
    }
    const struct volume_change fill = {.name = FILLER, .size = c->day_bytes + STATE_MAX},
                               empty = {.name = FILLER};
    /* Deleted it is already: what fails from here on leaves noise behind, and nothing to tell. */
    if (store_change(c, &fill, 1, NULL) == WIRE_CODE_OK) {
        (void)store_change(c, &empty, 1, NULL);
    }
    free_stored(&c->stored);
    c->stored = NULL;
    c->day_count = c->event_count = 0;
    c->day_bytes = 0;
    return WIRE_CODE_OK;
}
