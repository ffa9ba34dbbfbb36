/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes the body of a worker's result. The same code seals it in the worker and opens it
 * in the custodian; an adversary who wrote the workload chooses what is in out and err, not how it
 * is written. */
#include "channel/worker.h"

#include <errno.h>

#include "base/cbor.h"

#define FORMAT "alcove-result-1"

static bool fits(const struct worker_result *r)
{
    return (unsigned)r->end < WORKER_END_COUNT && r->err.size <= WORKER_ERR_MAX &&
           r->out.size <= (r->complete ? WORKER_OUT_MAX : 0);
}

int worker_result_encode(const struct worker_result *r, struct writer *w)
{
    size_t start = w->size;
    if (!fits(r)) {
        return -EINVAL;
    }
    cbor_put_map(w, 5);
    cbor_put_str(w, "end");
    cbor_put_array(w, 2);
    cbor_put_uint(w, r->end);
    cbor_put_uint(w, r->value);
    cbor_put_str(w, "err");
    cbor_put_bytes(w, r->err);
    cbor_put_str(w, "out");
    cbor_put_bytes(w, r->out);
    cbor_put_str(w, "format");
    cbor_put_str(w, FORMAT);
    cbor_put_str(w, "complete");
    cbor_put_bool(w, r->complete);
    if (w->failed) {
        w->size = start;
        return -ENOSPC;
    }
    return 0;
}

static void expect_key(struct cbor_reader *r, struct cbor_map *map, const char *key)
{
    struct bytes found = {NULL, 0};
    if (!cbor_key(r, map, &found) || !bytes_equal_str(found, key)) {
        cbor_fail(r);
    }
}

int worker_result_decode(struct bytes body, struct worker_result *ret, struct diag *d)
{
    struct cbor_reader r = cbor_reader_of(body);
    struct worker_result result = {0};
    struct cbor_map map = cbor_map(&r, 5);
    bool whole = map.left == 5;
    expect_key(&r, &map, "end");
    whole = cbor_array(&r, 2) == 2 && whole;
    result.end = (enum worker_end)cbor_uint(&r, WORKER_END_COUNT - 1);
    result.value = cbor_uint(&r, UINT64_MAX);
    expect_key(&r, &map, "err");
    result.err = cbor_bytes(&r, 0, WORKER_ERR_MAX);
    expect_key(&r, &map, "out");
    result.out = cbor_bytes(&r, 0, WORKER_OUT_MAX);
    expect_key(&r, &map, "format");
    whole = bytes_equal_str(cbor_text(&r, 64), FORMAT) && whole;
    expect_key(&r, &map, "complete");
    result.complete = cbor_bool(&r);
    if (!whole || !cursor_done(&r.in) || !fits(&result)) {
        return diag_fail(d, -EBADMSG, "not the result of a worker");
    }
    *ret = result;
    return 0;
}
