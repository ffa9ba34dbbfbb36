/* SPDX-License-Identifier: Apache-2.0 */
/* One reader and one writer for all records: rows of records.def become tables of fields, and what
 * is done with a field depends on its kind alone. */
#include "base/cbor.h"
#include "query/log.h"
#include "wire/records.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

enum field_kind { FIELD_UINT, FIELD_FLAG, FIELD_FIXED, FIELD_BYTES, FIELD_TEXT, FIELD_LIST };

struct field {
    const char *key;
    enum field_kind kind;
    enum wire_record item; /* of a list */
    size_t offset, count_offset, stride;
    uint64_t min, max;
};
struct record {
    const char *name, *format;
    const struct field *fields;
    size_t field_count, size;
};

#define RECORD_MEMBERS_MAX 24
#define FORMAT_KEY         "format"

/* The typedef is what lets a field's macro name the struct that it stands in. */
#define UINT(n, most)  {#n, FIELD_UINT, WIRE_RECORDS, offsetof(T, n), 0, 0, 0, (most)},
#define FLAG(n)        {#n, FIELD_FLAG, WIRE_RECORDS, offsetof(T, n), 0, 0, 0, 0},
#define FIXED(n, size) {#n, FIELD_FIXED, WIRE_RECORDS, offsetof(T, n), 0, 0, (size), (size)},
#define BYTES_(n, least, most)                                                                     \
    {#n, FIELD_BYTES, WIRE_RECORDS, offsetof(T, n), 0, 0, (least), (most)},
#define TEXT(n, least, most) {#n, FIELD_TEXT, WIRE_RECORDS, offsetof(T, n), 0, 0, (least), (most)},
#define LIST(n, record, most)                                                                      \
    {#n,                                                                                           \
     FIELD_LIST,                                                                                   \
     WIRE_##record,                                                                                \
     offsetof(T, n),                                                                               \
     offsetof(T, n##_count),                                                                       \
     sizeof(struct wire_##record),                                                                 \
     0,                                                                                            \
     (most)},
#define RECORD(n, text, ...)                                                                       \
    static struct record record_##n(void)                                                          \
    {                                                                                              \
        typedef struct wire_##n T;                                                                 \
        static const struct field fields[] = {__VA_ARGS__{0}};                                     \
        return (struct record){#n, text, fields, sizeof fields / sizeof fields[0] - 1, sizeof(T)}; \
    }
#include "wire/records.def"
#undef RECORD

static struct record record_of(enum wire_record which)
{
    static struct record (*const rows[])(void) = {
#define RECORD(n, text, ...) record_##n,
#include "wire/records.def"
#undef RECORD
    };
    return (size_t)which < sizeof rows / sizeof rows[0] ? rows[which]() : (struct record){0};
}

const char *wire_format(enum wire_record which)
{
    struct record r = record_of(which);
    return r.format != NULL && r.format[0] != '\0' ? r.format : NULL;
}

/* Members in the order of their encoding; NULL stands for "format". Returns how many. */
static size_t sorted(const struct record *r, const struct field *ret[RECORD_MEMBERS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i <= r->field_count; i++) {
        const struct field *f = i < r->field_count ? &r->fields[i] : NULL;
        if (f == NULL && r->format[0] == '\0') {
            continue;
        }
        const char *key = f != NULL ? f->key : FORMAT_KEY;
        size_t at = count++;
        for (; at > 0; at--) {
            const char *other = ret[at - 1] != NULL ? ret[at - 1]->key : FORMAT_KEY;
            if (!cbor_key_less(BYTES(key, strlen(key)), BYTES(other, strlen(other)))) {
                break;
            }
            ret[at] = ret[at - 1];
        }
        ret[at] = f;
    }
    return count;
}

/* ---- reading --------------------------------------------------------------------------------- */

static void read_record(struct cbor_reader *in, enum wire_record which, uint8_t *ret);

static void read_field(struct cbor_reader *in, const struct field *f, uint8_t *record)
{
    uint8_t *at = record + f->offset;
    switch (f->kind) {
    case FIELD_UINT: {
        uint64_t value = cbor_uint(in, f->max);
        memcpy(at, &value, sizeof value);
        break;
    }
    case FIELD_FLAG: {
        bool value = cbor_bool(in);
        memcpy(at, &value, sizeof value);
        break;
    }
    case FIELD_FIXED: {
        struct bytes b = cbor_bytes(in, (size_t)f->min, (size_t)f->max);
        if (cbor_ok(in)) {
            memcpy(at, b.data, b.size);
        }
        break;
    }
    case FIELD_BYTES:
    case FIELD_TEXT: {
        struct bytes b = f->kind == FIELD_BYTES ? cbor_bytes(in, (size_t)f->min, (size_t)f->max)
                                                : cbor_text(in, (size_t)f->max);
        if (b.size < f->min) {
            cbor_fail(in);
        }
        memcpy(at, &b, sizeof b);
        break;
    }
    case FIELD_LIST: {
        size_t count = cbor_array(in, (size_t)f->max);
        memcpy(record + f->count_offset, &count, sizeof count);
        for (size_t i = 0; i < count && cbor_ok(in); i++) {
            read_record(in, f->item, at + i * f->stride);
        }
        break;
    }
    }
}

static void read_record(struct cbor_reader *in, enum wire_record which, uint8_t *ret)
{
    struct record r = record_of(which);
    const struct field *order[RECORD_MEMBERS_MAX];
    size_t count = sorted(&r, order);
    struct cbor_map map = cbor_map(in, count);
    if (map.left != count) {
        cbor_fail(in);
    }
    for (size_t i = 0; i < count && cbor_ok(in); i++) {
        struct bytes key;
        const struct field *f = order[i];
        if (!cbor_key(in, &map, &key) || !bytes_equal_str(key, f != NULL ? f->key : FORMAT_KEY)) {
            cbor_fail(in);
            return;
        }
        if (f != NULL) {
            read_field(in, f, ret);
        } else if (!bytes_equal_str(cbor_text(in, 64), r.format)) {
            cbor_fail(in);
        }
    }
}

int wire_read(enum wire_record which, struct bytes cbor, void *ret, struct diag *d)
{
    struct record r = record_of(which);
    if (r.format == NULL || r.format[0] == '\0') {
        return diag_fail(d, -EINVAL, "there is no such record");
    }
    memset(ret, 0, r.size);
    struct cbor_reader in = cbor_reader_of(cbor);
    read_record(&in, which, ret);
    if (!cursor_done(&in.in)) {
        memset(ret, 0, r.size);
        return diag_fail(d, -EINVAL, "this is no %s, or not in its one encoding", r.format);
    }
    return 0;
}

enum wire_record wire_peek(struct bytes cbor)
{
    struct cbor_reader in = cbor_reader_of(cbor);
    struct cbor_map map = cbor_map(&in, RECORD_MEMBERS_MAX);
    for (size_t left = map.left; left > 0 && cbor_ok(&in); left--) {
        struct bytes key;
        if (!cbor_key(&in, &map, &key)) {
            break;
        }
        if (!bytes_equal_str(key, FORMAT_KEY)) {
            cbor_skip(&in);
            continue;
        }
        struct bytes format = cbor_text(&in, 64);
        for (int i = 0; i < WIRE_RECORDS && cbor_ok(&in) && format.size > 0; i++) {
            if (bytes_equal_str(format, record_of((enum wire_record)i).format)) {
                return (enum wire_record)i;
            }
        }
        break;
    }
    return WIRE_RECORDS;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void write_record(struct writer *out, enum wire_record which, const uint8_t *from);

static void write_field(struct writer *out, const struct field *f, const uint8_t *record)
{
    const uint8_t *at = record + f->offset;
    switch (f->kind) {
    case FIELD_UINT: {
        uint64_t value;
        memcpy(&value, at, sizeof value);
        cbor_put_uint(out, value);
        break;
    }
    case FIELD_FLAG:
        cbor_put_bool(out, *at != 0);
        break;
    case FIELD_FIXED:
        cbor_put_bytes(out, BYTES(at, f->max));
        break;
    case FIELD_BYTES:
    case FIELD_TEXT: {
        struct bytes b;
        memcpy(&b, at, sizeof b);
        if (f->kind == FIELD_BYTES) {
            cbor_put_bytes(out, b);
        } else {
            cbor_put_text(out, b);
        }
        break;
    }
    case FIELD_LIST: {
        size_t count;
        memcpy(&count, record + f->count_offset, sizeof count);
        if (count > f->max) {
            out->failed = true;
            return;
        }
        cbor_put_array(out, count);
        for (size_t i = 0; i < count; i++) {
            write_record(out, f->item, at + i * f->stride);
        }
        break;
    }
    }
}

static void write_record(struct writer *out, enum wire_record which, const uint8_t *from)
{
    struct record r = record_of(which);
    const struct field *order[RECORD_MEMBERS_MAX];
    size_t count = sorted(&r, order);
    cbor_put_map(out, count);
    for (size_t i = 0; i < count; i++) {
        cbor_put_str(out, order[i] != NULL ? order[i]->key : FORMAT_KEY);
        if (order[i] != NULL) {
            write_field(out, order[i], from);
        } else {
            cbor_put_str(out, r.format);
        }
    }
}

/* Reads past what was written and throws it away: what the writer lets through, the reader takes.
 */
static bool readable(enum wire_record which, struct bytes cbor)
{
    struct cbor_reader in = cbor_reader_of(cbor);
    union {
#define RECORD(n, text, ...) struct wire_##n n;
#include "wire/records.def"
#undef RECORD
    } scratch;
    memset(&scratch, 0, record_of(which).size);
    read_record(&in, which, (uint8_t *)&scratch);
    return cursor_done(&in.in);
}

int wire_write(enum wire_record which, const void *from, struct writer *out, struct diag *d)
{
    const char *format = wire_format(which);
    if (format == NULL) {
        return diag_fail(d, -EINVAL, "there is no such record");
    }
    size_t before = out->size;
    struct writer draft = *out;
    write_record(&draft, which, from);
    if (draft.failed) {
        return diag_fail(d, -ENOSPC, "%s does not fit into %zu bytes", format,
                         out->capacity - before);
    }
    if (!readable(which, BYTES(out->data + before, draft.size - before))) {
        return diag_fail(d, -EINVAL, "%s has a member that is out of bounds", format);
    }
    *out = draft;
    return 0;
}

/* ---- names ----------------------------------------------------------------------------------- */

const char *wire_order_text(uint64_t order)
{
    static const char *const texts[] = {
#define ORDER(name, text) text,
#include "wire/orders.def"
#undef ORDER
    };
    return order < WIRE_ORDER_COUNT ? texts[order] : NULL;
}

static const struct {
    const char *text, *explanation;
} codes[] = {
#define CODE(name, text, explanation) {text, explanation},
#include "wire/codes.def"
#undef CODE
};

const char *wire_code_text(uint64_t code)
{
    return code < WIRE_CODE_COUNT ? codes[code].text : NULL;
}

const char *wire_code_explain(uint64_t code)
{
    return code < WIRE_CODE_COUNT ? codes[code].explanation : NULL;
}

const char *wire_query_state_text(uint64_t state)
{
    static const char *const texts[] = {
#define QUERY_STATE(name, text) text,
#include "wire/query_states.def"
#undef QUERY_STATE
    };
    return state < WIRE_QUERY_STATE_COUNT ? texts[state] : NULL;
}
