/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes: the skipper ends, stays inside, and what it accepts has exactly this one encoding. */
#include <stdlib.h>
#include <string.h>

#include "base/cbor.h"

#define OUTPUT_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Copies one item through the writer; the result must be the bytes that were read. */
static void copy_item(struct cbor_reader *r, struct writer *w, unsigned depth)
{
    enum cbor_kind kind;
    struct bytes key;
    if (depth > 8 || !cbor_peek(r, &kind)) {
        cbor_fail(r);
        return;
    }
    switch (kind) {
    case CBOR_UINT:
        cbor_put_uint(w, cbor_uint(r, UINT64_MAX));
        break;
    case CBOR_NEGINT:
        cbor_put_int(w, cbor_int(r));
        break;
    case CBOR_BYTES:
        cbor_put_bytes(w, cbor_bytes(r, 0, SIZE_MAX));
        break;
    case CBOR_TEXT:
        cbor_put_text(w, cbor_text(r, SIZE_MAX));
        break;
    case CBOR_ARRAY: {
        size_t n = cbor_array(r, SIZE_MAX);
        cbor_put_array(w, n);
        for (; n > 0 && cbor_ok(r); n--) {
            copy_item(r, w, depth + 1);
        }
        break;
    }
    case CBOR_MAP: {
        struct cbor_map m = cbor_map(r, SIZE_MAX);
        cbor_put_map(w, m.left);
        while (cbor_key(r, &m, &key)) {
            cbor_put_text(w, key);
            copy_item(r, w, depth + 1);
        }
        break;
    }
    case CBOR_FALSE:
    case CBOR_TRUE:
        cbor_put_bool(w, cbor_bool(r));
        break;
    case CBOR_NULL:
        cursor_u8(&r->in);
        cbor_put_null(w);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[OUTPUT_MAX];
    struct cbor_reader r = cbor_reader_of(BYTES(data, size));
    struct bytes item = cbor_skip(&r);
    if (cbor_ok(&r) && item.size > size) {
        abort();
    }
    struct cbor_reader again = cbor_reader_of(BYTES(data, size));
    struct writer w = writer_of(out, sizeof out);
    copy_item(&again, &w, 0);
    bool copied = cbor_ok(&again) && !w.failed;
    if (copied != (cbor_ok(&r) && !w.failed)) {
        abort();
    }
    if (copied && (w.size != item.size || memcmp(out, data, w.size) != 0)) {
        abort();
    }
    return 0;
}
