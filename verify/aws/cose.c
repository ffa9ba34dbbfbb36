/* SPDX-License-Identifier: Apache-2.0 */
/* COSE_Sign1; see cose.h. */
#include "aws/cose.h"
#include "base/cbor.h"
#include "cbor/item.h"

enum { TAG_COSE_SIGN1 = 18 };
enum { ES384_SIGNATURE_SIZE = 96 };

/* The map {1: -35}: label alg, ES384. */
static const uint8_t es384_header[] = {0xa1, 0x01, 0x38, 0x22};

/* A map with labels, integers or text, each once; its values are stepped over. */
static bool skip_unprotected(struct cursor *in)
{
    struct item labels[NITRO_UNPROTECTED_MAX];
    size_t count = 0;
    struct item map = item_take_kind(in, ITEM_MAP);
    while (item_more(in, &map)) {
        struct item label = item_take(in);
        if (count == NITRO_UNPROTECTED_MAX ||
            (label.kind != ITEM_UINT && label.kind != ITEM_NEGATIVE && label.kind != ITEM_TEXT)) {
            return false;
        }
        for (size_t i = 0; i < count; i++) {
            if (labels[i].kind == label.kind && labels[i].value == label.value &&
                bytes_equal(labels[i].text, label.text)) {
                return false;
            }
        }
        labels[count++] = label;
        item_skip(in);
    }
    return cursor_ok(in);
}

bool cose_read(struct bytes evidence, struct cose_sign1 *ret)
{
    struct cursor in = cursor_of(evidence);
    struct item head = item_take(&in);
    if (head.kind == ITEM_TAG && head.value == TAG_COSE_SIGN1) {
        head = item_take(&in);
    }
    if (head.kind != ITEM_ARRAY || head.indefinite || head.value != 4) {
        return false;
    }
    struct bytes protected_header = item_take_kind(&in, ITEM_BYTES).text;
    if (!skip_unprotected(&in)) {
        return false;
    }
    struct bytes payload = item_take_kind(&in, ITEM_BYTES).text;
    struct bytes signature = item_take_kind(&in, ITEM_BYTES).text;
    if (!cursor_ok(&in) || payload.size == 0 || payload.size > NITRO_PAYLOAD_MAX ||
        signature.size != ES384_SIGNATURE_SIZE) {
        return false;
    }
    *ret = (struct cose_sign1){
        .protected_header = protected_header,
        .payload = payload,
        .signature = signature,
        .trailing = in.rest.size,
    };
    return true;
}

bool cose_is_es384(const struct cose_sign1 *c)
{
    return bytes_equal(c->protected_header, BYTES_OF(es384_header));
}

struct bytes cose_signed(const struct cose_sign1 *c, uint8_t storage[COSE_SIGNED_MAX])
{
    struct writer w = writer_of(storage, COSE_SIGNED_MAX);
    cbor_put_array(&w, 4);
    cbor_put_str(&w, "Signature1");
    cbor_put_bytes(&w, BYTES_OF(es384_header)); /* equal: cose_is_es384() */
    cbor_put_bytes(&w, (struct bytes){0});
    cbor_put_bytes(&w, c->payload);
    REQUIRE(!w.failed);
    return BYTES(storage, w.size);
}
