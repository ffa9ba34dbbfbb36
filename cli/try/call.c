/* SPDX-License-Identifier: Apache-2.0 */
/* Calls, replies and descriptions of scripts, see call.h. */
#include "try/call.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cbor.h"

/* Heads of CBOR items, keys and format take less than this, for the call and for each day. */
#define CALL_OVERHEAD 160
#define DAY_OVERHEAD  24

size_t call_size(const struct call *call)
{
    size_t size = CALL_OVERHEAD + call->function.size;
    for (size_t i = 0; i < call->day_count; i++) {
        size += DAY_OVERHEAD + call->days[i].data.size;
    }
    return size;
}

void call_encode(const struct call *call, struct writer *out)
{
    cbor_put_map(out, 5);
    cbor_put_str(out, "days");
    cbor_put_array(out, call->day_count);
    for (size_t i = 0; i < call->day_count; i++) {
        cbor_put_array(out, 2);
        cbor_put_uint(out, call->days[i].day);
        cbor_put_bytes(out, call->days[i].data);
    }
    cbor_put_str(out, "kind");
    cbor_put_str(out, call->function.size > 0 ? "query" : "process");
    cbor_put_str(out, "format");
    cbor_put_str(out, "alcove-call-1");
    cbor_put_str(out, "entries");
    cbor_put_uint(out, call->entry_count);
    cbor_put_str(out, "function");
    cbor_put_text(out, call->function);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void expect_key(struct cbor_reader *r, struct cbor_map *map, const char *name)
{
    struct bytes key;
    if (!cbor_key(r, map, &key) || !bytes_equal_str(key, name)) {
        cbor_fail(r);
    }
}

static void expect_map(struct cbor_reader *r, struct cbor_map *map, size_t count)
{
    *map = cbor_map(r, count);
    if (map->left != count) {
        cbor_fail(r);
    }
}

static void expect_format(struct cbor_reader *r, struct cbor_map *map, const char *format)
{
    expect_key(r, map, "format");
    if (!bytes_equal_str(cbor_text(r, 32), format)) {
        cbor_fail(r);
    }
}

/* Takes a null, if that is what comes. */
static bool accept_null(struct cbor_reader *r)
{
    enum cbor_kind kind;
    if (!cbor_peek(r, &kind) || kind != CBOR_NULL) {
        return false;
    }
    cbor_skip(r);
    return true;
}

static bool is_done(const struct cbor_reader *r)
{
    return cbor_ok(r) && r->in.rest.size == 0;
}

int reply_decode(struct bytes cbor, const struct call *call, struct reply *ret, struct diag *d)
{
    struct cbor_reader r = cbor_reader_of(cbor);
    struct cbor_map map;
    bool query = call->function.size > 0;
    expect_map(&r, &map, 3);
    expect_format(&r, &map, "alcove-reply-1");
    expect_key(&r, &map, "vector");
    ret->entry_count = 0;
    if (accept_null(&r) == query) {
        cbor_fail(&r);
    }
    if (query) {
        uint32_t n = (uint32_t)cbor_array(&r, QUERY_ENTRIES_MAX);
        for (uint32_t i = 0; i < n && cbor_ok(&r); i++) {
            ret->vector[i] = cbor_int(&r);
        }
        if (n != call->entry_count) {
            cbor_fail(&r);
        }
        ret->entry_count = n;
    }
    expect_key(&r, &map, "processed");
    ret->processed = query ? (struct bytes){NULL, 0} : cbor_bytes(&r, 0, REPLY_PROCESSED_MAX);
    if (query && !accept_null(&r)) {
        cbor_fail(&r);
    }
    if (!is_done(&r)) {
        return diag_fail(d, -EINVAL, "what it wrote is no reply to this call (%llu bytes)",
                         (unsigned long long)cbor.size);
    }
    return 0;
}

/* ---- descriptions ---------------------------------------------------------------------------- */

/* Texts go to a terminal: whoever describes itself decides nothing there. */
static struct bytes shown_text(struct cbor_reader *r, size_t max)
{
    struct bytes text = cbor_text(r, max);
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < 0x20 || text.data[i] == 0x7f) {
            cbor_fail(r);
        }
    }
    if (text.size == 0) {
        cbor_fail(r);
    }
    return text;
}

static void read_bounds(struct cbor_reader *r, struct query_schema *schema)
{
    struct cbor_map map;
    expect_map(r, &map, 5);
    expect_key(r, &map, "total");
    schema->most_total = cbor_uint(r, INT64_MAX);
    expect_key(r, &map, "whole");
    schema->whole = cbor_uint(r, INT64_MAX);
    expect_key(r, &map, "square");
    schema->most_square = cbor_uint(r, INT64_MAX);
    expect_key(r, &map, "entries");
    schema->most_entries = (uint32_t)cbor_uint(r, QUERY_ENTRIES_MAX);
    expect_key(r, &map, "threshold");
    schema->threshold = cbor_uint(r, INT64_MAX);
}

static int read_entries(struct cbor_reader *r, struct script_function *f)
{
    uint32_t n = (uint32_t)cbor_array(r, QUERY_ENTRIES_MAX);
    f->entries = calloc(n + 1, sizeof *f->entries);
    f->labels = calloc(n + 1, sizeof *f->labels);
    if (f->entries == NULL || f->labels == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < n && cbor_ok(r); i++) {
        if (cbor_array(r, 5) != 5) {
            cbor_fail(r);
        }
        f->labels[i].name = shown_text(r, QUERY_LABEL_MAX);
        f->labels[i].unit = shown_text(r, QUERY_UNIT_MAX);
        f->entries[i].low = cbor_int(r);
        f->entries[i].high = cbor_int(r);
        f->entries[i].fallback = cbor_int(r);
    }
    f->schema.entries = f->entries;
    f->schema.entry_count = n;
    return 0;
}

static int read_function(struct cbor_reader *r, struct script_function *f, struct diag *d)
{
    struct cbor_map map;
    expect_map(r, &map, 4);
    expect_key(r, &map, "bounds");
    read_bounds(r, &f->schema);
    expect_key(r, &map, "entries");
    int err = read_entries(r, f);
    expect_key(r, &map, "function");
    f->name = shown_text(r, QUERY_FUNCTION_MAX);
    expect_key(r, &map, "aggregate");
    if (!query_aggregate_named(cbor_text(r, 16), &f->schema.aggregate)) {
        cbor_fail(r);
    }
    if (err == 0 && cbor_ok(r)) {
        err = query_schema_check(&f->schema, d);
    }
    return err;
}

int script_decode(struct bytes cbor, struct script *ret, struct diag *d)
{
    struct cbor_reader r = cbor_reader_of(cbor);
    struct cbor_map map;
    int err = 0;
    *ret = (struct script){0};
    expect_map(&r, &map, 3);
    expect_format(&r, &map, "alcove-functions-1");
    expect_key(&r, &map, "process");
    ret->processes = cbor_bool(&r);
    expect_key(&r, &map, "functions");
    size_t n = cbor_array(&r, SCRIPT_FUNCTIONS_MAX);
    for (size_t i = 0; i < n && cbor_ok(&r) && err == 0; i++) {
        ret->function_count++;
        err = read_function(&r, &ret->functions[i], d);
    }
    if (err == 0 && !is_done(&r)) {
        err = diag_fail(d, -EINVAL,
                        "what it says about its functions cannot be read (at most %u of them)",
                        SCRIPT_FUNCTIONS_MAX);
    }
    return err;
}

void script_done(struct script *script)
{
    for (uint32_t i = 0; i < script->function_count; i++) {
        free(script->functions[i].entries);
        free(script->functions[i].labels);
    }
    script->function_count = 0;
}
