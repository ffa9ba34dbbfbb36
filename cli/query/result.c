/* SPDX-License-Identifier: Apache-2.0 */
/* The file that keeps a result: reading and writing. */
#include "query/result.h"

#include <errno.h>

#include "base/cbor.h"

#define FORMAT "alcove-query-result-1"

static const struct {
    const char *text, *explanation;
} parts[] = {
#define RESULT_PART(name, text, explanation) {text, explanation},
#include "query/result_parts.def"
#undef RESULT_PART
};

const char *result_part_text(enum result_part part)
{
    return (unsigned)part < RESULT_PARTS ? parts[part].text : NULL;
}

const char *result_part_explain(enum result_part part)
{
    return (unsigned)part < RESULT_PARTS ? parts[part].explanation : NULL;
}

/* The next member must be this one. */
static void member(struct cbor_reader *r, struct cbor_map *map, const char *name)
{
    struct bytes key;
    if (!cbor_key(r, map, &key) || !bytes_equal_str(key, name)) {
        cbor_fail(r);
    }
}

/* Of the file's own members, in the order of deterministic CBOR. */
static bool read_members(struct bytes file, struct result *ret)
{
    struct cbor_reader r = cbor_reader_of(file);
    struct cbor_map map = cbor_map(&r, 7);
    struct bytes key = {0};
    member(&r, &map, "time");
    ret->time = cbor_uint(&r, QUERY_TIME_MAX);
    member(&r, &map, "begun");
    ret->begun = cbor_bytes(&r, 0, QUERY_LOG_PROOF_SIZE_MAX);
    member(&r, &map, "format");
    struct bytes format = cbor_text(&r, sizeof FORMAT);
    member(&r, &map, "newest");
    ret->newest = cbor_bytes(&r, 0, QUERY_LOG_HEAD_MAX);
    member(&r, &map, "extends");
    ret->extends = cbor_bytes(&r, 0, QUERY_LOG_PROOF_SIZE_MAX);
    member(&r, &map, "log_key");
    key = cbor_bytes(&r, QUERY_KEY_SIZE, QUERY_KEY_SIZE);
    member(&r, &map, "outcome");
    ret->outcome_record = cbor_bytes(&r, 1, RESULT_FILE_MAX);
    bool asked = ret->newest.size > 0;
    ret->has_log_key = true;
    return cursor_done(&r.in) && map.left == 0 && bytes_equal_str(format, FORMAT) &&
           ret->time > 0 && asked == (ret->begun.size > 0) && asked == (ret->extends.size > 0) &&
           query_key_read(key, &ret->log_key) == 0;
}

int result_read(struct bytes file, struct result *ret, struct diag *d)
{
    struct result result = {0};
    bool bare = wire_peek(file) == WIRE_outcome;
    if (bare) {
        result.outcome_record = file;
    } else if (!read_members(file, &result)) {
        return diag_fail(d, -EINVAL, "%s: neither a query's result nor an outcome",
                         parts[RESULT_PART_FILE].text);
    }
    if (wire_read_outcome(result.outcome_record, &result.outcome, d) != 0) {
        diag_prefix(d, "%s", parts[RESULT_PART_FILE].text);
        return -EINVAL;
    }
    *ret = result;
    return 0;
}

int result_write(const struct result *from, struct writer *out, struct diag *d)
{
    struct writer before = *out;
    cbor_put_map(out, 7);
    cbor_put_str(out, "time");
    cbor_put_uint(out, from->time);
    cbor_put_str(out, "begun");
    cbor_put_bytes(out, from->begun);
    cbor_put_str(out, "format");
    cbor_put_str(out, FORMAT);
    cbor_put_str(out, "newest");
    cbor_put_bytes(out, from->newest);
    cbor_put_str(out, "extends");
    cbor_put_bytes(out, from->extends);
    cbor_put_str(out, "log_key");
    cbor_put_bytes(out, BYTES_OF(from->log_key.point));
    cbor_put_str(out, "outcome");
    cbor_put_bytes(out, from->outcome_record);
    if (out->failed) {
        *out = before;
        return diag_fail(d, -ENOSPC, "the result is larger than any");
    }
    return 0;
}
