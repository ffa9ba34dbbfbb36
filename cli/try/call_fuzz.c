/* SPDX-License-Identifier: Apache-2.0 */
/* Anything as a reply and as a description of a script: readers stay inside, what they take is what
 * there is one encoding of, and a vector that was taken can be clipped. */
#include <stdlib.h>
#include <string.h>

#include "base/cbor.h"
#include "try/call.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t again[REPLY_MAX + 64];

static void write_again(const struct reply *reply, struct writer *w)
{
    cbor_put_map(w, 3);
    cbor_put_str(w, "format");
    cbor_put_str(w, "alcove-reply-1");
    cbor_put_str(w, "vector");
    if (reply->processed.data != NULL) {
        cbor_put_null(w);
    } else {
        cbor_put_array(w, reply->entry_count);
    }
    for (uint32_t i = 0; i < reply->entry_count; i++) {
        cbor_put_int(w, reply->vector[i]);
    }
    cbor_put_str(w, "processed");
    if (reply->processed.data != NULL) {
        cbor_put_bytes(w, reply->processed);
    } else {
        cbor_put_null(w);
    }
}

/* The first byte says how many entries are asked for; 255: a day is processed. */
static void read_reply(const uint8_t *data, size_t size)
{
    static struct reply reply;
    struct diag d;
    struct bytes cbor = BYTES(data + 1, size - 1);
    struct call call = {.entry_count = data[0], .day_count = 0};
    if (data[0] != 255) {
        call.function = BYTES("f", 1);
    }
    if (reply_decode(cbor, &call, &reply, &d) == 0) {
        struct writer w = writer_of(again, sizeof again);
        write_again(&reply, &w);
        if (w.failed || !bytes_equal(cbor, BYTES(again, w.size)) ||
            (data[0] != 255 && reply.entry_count != data[0])) {
            abort();
        }
    }
}

static void read_script(struct bytes cbor)
{
    static struct script script;
    static int64_t vector[QUERY_ENTRIES_MAX], once[QUERY_ENTRIES_MAX];
    struct diag d;
    if (script_decode(cbor, &script, &d) == 0) {
        for (uint32_t i = 0; i < script.function_count; i++) {
            const struct query_schema *s = &script.functions[i].schema;
            for (uint32_t k = 0; k < s->entry_count; k++) {
                vector[k] = k % 3 == 0 ? INT64_MIN : INT64_MAX - (int64_t)k;
            }
            query_clip(s, vector);
            memcpy(once, vector, sizeof once);
            query_clip(s, vector);
            if (memcmp(once, vector, sizeof once) != 0) {
                abort();
            }
        }
    }
    script_done(&script);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0) {
        read_reply(data, size);
        read_script(BYTES(data + 1, size - 1));
    }
    return 0;
}
