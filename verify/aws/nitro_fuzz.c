/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a Nitro document, through the readers and all of the family's checks. The mutator
 * knows the format: most changes go into the payload, under good outer lengths. Nobody but AWS can
 * make what is accepted with no root named. */
#include "aws/cose.h"
#include "aws/document.h"
#include "base/cbor.h"
#include "check.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

#define NOW INT64_C(1790000000) /* when the seeds are valid */

static void inside(struct bytes part, const uint8_t *data, size_t size)
{
    if (part.size > 0 && (part.data < data || part.data + part.size > data + size)) {
        abort();
    }
}

static void parse(const uint8_t *data, size_t size)
{
    struct cose_sign1 c;
    static struct nitro_payload p;
    if (!cose_read(BYTES(data, size), &c)) {
        return;
    }
    inside(c.protected_header, data, size);
    inside(c.payload, data, size);
    inside(c.signature, data, size);
    if (c.trailing >= size || !nitro_payload_read(c.payload, &p)) {
        return;
    }
    inside(p.certificate, data, size);
    for (size_t i = 0; i < p.bundle_count; i++) {
        inside(p.bundle[i], data, size);
    }
    if (p.bundle_count == 0 || p.bundle_count > NITRO_BUNDLE_MAX || p.facts.module_id[0] == 0 ||
        p.facts.pcr_present == 0 || p.facts.timestamp_ms == 0 ||
        p.facts.nonce_size > sizeof p.facts.nonce ||
        p.facts.module_id[sizeof p.facts.module_id - 1] != 0) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    parse(data, size);
    struct alcove_policy policy = {.allow_debug = true,
                                   .allow_trailing = true,
                                   .nitro_nonce.mode = ALCOVE_EXPECT_ANY,
                                   .nitro_user_data.mode = ALCOVE_EXPECT_ANY,
                                   .nitro_public_key.mode = ALCOVE_EXPECT_ANY,
                                   .nitro_time = size % 2 == 0 ? ALCOVE_NITRO_TIME_GIVEN
                                                               : ALCOVE_NITRO_TIME_OF_DOCUMENT};
    for (size_t i = 0; i < ALCOVE_NITRO_PCRS; i++) {
        policy.nitro_pcr[i].mode = ALCOVE_EXPECT_ANY;
    }
    const struct alcove_collateral none = {0};
    static struct alcove_result r;
    r = (struct alcove_result){0};
    struct check c = {.policy = &policy, .time = NOW, .result = &r};
    crypto_enter(&c.crypto);
    aws_check(&c, BYTES(data, size), &none);
    crypto_leave(&c.crypto);
    bool failed = false;
    for (size_t i = 0; i < ARRAY_SIZE(r.failed); i++) {
        failed = failed || r.failed[i] != 0;
    }
    bool complete = c.required == CHECK_AWS && (c.groups & c.required) == c.required;
    if ((!failed && !complete) || (!failed && r.root_kind != ALCOVE_ROOT_AWS)) {
        abort();
    }
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    static uint8_t payload[NITRO_PAYLOAD_MAX], text[1u << 16];
    struct cose_sign1 c;
    if (seed % 8 == 0 || !cose_read(BYTES(data, size), &c)) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    memcpy(payload, c.payload.data, c.payload.size);
    size_t changed = LLVMFuzzerMutate(payload, c.payload.size, sizeof payload);
    struct writer w = writer_of(text, sizeof text < max_size ? sizeof text : max_size);
    cbor_put_array(&w, 4);
    cbor_put_bytes(&w, c.protected_header);
    cbor_put_map(&w, 0);
    cbor_put_bytes(&w, BYTES(payload, changed));
    cbor_put_bytes(&w, c.signature);
    if (w.failed) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    memcpy(data, text, w.size);
    return w.size;
}
