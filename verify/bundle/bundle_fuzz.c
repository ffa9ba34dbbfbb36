/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence and a bundle, one behind the other, as {size of the evidence u16 LE, evidence, bundle}:
 * what is selected and told lies inside the bundle; the bundle, and the rest as a single piece, go
 * into another one, which is then a bundle and stays the same when it is made again. The mutator
 * changes one entry and puts the bundle together again. */
#include "base/cbor.h"
#include "bundle/bundle.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

#define NOW INT64_C(1790000000) /* when the seeds are valid */

static void inside(struct alcove_bytes part, struct alcove_bytes whole)
{
    if (part.size > 0 &&
        (part.data < whole.data || part.data + part.size > whole.data + whole.size)) {
        abort();
    }
}

static void look(struct alcove_bytes bundle, struct alcove_bytes evidence)
{
    struct alcove_collateral c;
    struct alcove_bundle_position at = {0};
    struct alcove_bundle_entry e;
    bool valid = alcove_bundle_valid(bundle);
    while (alcove_bundle_next(bundle, &at, &e)) {
        inside(e.content, bundle);
        if (e.content.size == 0 || e.kind >= ALCOVE_BUNDLE_KINDS || e.chip_id_size > 64 ||
            memchr(e.subject, 0, sizeof e.subject) == NULL ||
            memchr(e.issuer, 0, sizeof e.issuer) == NULL) {
            abort();
        }
        /* Nobody named a root, and no seed is below a built-in one. */
        if (bundle.size < 16384 && alcove_bundle_check(&e, bundle, NOW, NULL, 0).signature ==
                                       ALCOVE_BUNDLE_SIGNATURE_GOOD) {
            abort();
        }
    }
    if (alcove_bundle_select(bundle, evidence, NOW, &c) != valid) {
        abort();
    }
    const struct alcove_bytes parts[] = {
        c.tcb_info,      c.tcb_chain, c.qe_identity, c.qe_chain,  c.pck_crl, c.root_crl,
        c.pck_crl_chain, c.pck_chain, c.amd_vek,     c.amd_chain, c.amd_crl, c.amd_cert_table};
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        inside(parts[i], bundle);
        if (!valid && parts[i].size > 0) {
            abort();
        }
    }
}

static void make(struct alcove_bytes piece, struct alcove_bytes other)
{
    struct alcove_bundle *b = alcove_bundle_new(), *again = alcove_bundle_new();
    uint32_t kinds = 0;
    bool added = alcove_bundle_add(b, piece, &kinds) == 0;
    added = alcove_bundle_add(b, other, &kinds) == 0 || added;
    struct alcove_bytes made = alcove_bundle_encode(b);
    if (!alcove_bundle_valid(made) || (added && kinds >= ALCOVE_BUNDLE_BIT(ALCOVE_BUNDLE_KINDS)) ||
        alcove_bundle_add(again, made, &kinds) != 0) {
        abort();
    }
    struct alcove_bytes same = alcove_bundle_encode(again);
    if (same.size != made.size || memcmp(same.data, made.data, made.size) != 0) {
        abort();
    }
    alcove_bundle_free(b);
    alcove_bundle_free(again);
}

static struct alcove_bytes split(const uint8_t *data, size_t size, struct alcove_bytes *ret_rest)
{
    size_t first = size < 2 ? 0 : (size_t)(data[0] | data[1] << 8);
    first = size < 2 || first > size - 2 ? 0 : first;
    size_t head = size < 2 ? size : 2;
    *ret_rest = (struct alcove_bytes){data + head + first, size - head - first};
    return (struct alcove_bytes){data + head, first};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct alcove_bytes bundle, evidence = split(data, size, &bundle);
    look(bundle, evidence);
    make(bundle, evidence);
    return 0;
}

/* Entry number `changed` of a good bundle mutated; the order of entries is left to chance. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    static uint8_t text[1u << 17], part[1u << 16];
    struct alcove_bytes bundle, evidence = split(data, size, &bundle);
    struct bytes b = BYTES(bundle.data, bundle.size), content;
    struct alcove_bundle_position at = {0};
    enum alcove_bundle_kind kind;
    size_t counts[ALCOVE_BUNDLE_KINDS] = {0}, count = 0, number = 0;
    while (bundle_step(b, &at, &kind, &content)) {
        counts[at.group - 1]++;
        count++;
    }
    if (seed % 4 == 0 || count == 0 || at.group != ALCOVE_BUNDLE_KINDS) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    struct writer w = writer_of(text, sizeof text < max_size ? sizeof text : max_size);
    writer_put(&w, BYTES(data, 2 + evidence.size));
    cbor_put_map(&w, 1 + ALCOVE_BUNDLE_KINDS);
    cbor_put_str(&w, "format");
    cbor_put_str(&w, BUNDLE_FORMAT);
    at = (struct alcove_bundle_position){0};
    for (size_t group = 0; group < ALCOVE_BUNDLE_KINDS; group++) {
        cbor_put_str(&w, bundle_groups[group].key);
        cbor_put_array(&w, counts[group]);
        for (size_t i = 0; i < counts[group] && bundle_step(b, &at, &kind, &content); i++) {
            if (number++ == seed / 4 % count && content.size <= sizeof part) {
                memcpy(part, content.data, content.size);
                content = BYTES(part, LLVMFuzzerMutate(part, content.size, sizeof part));
            }
            cbor_put_bytes(&w, content);
        }
    }
    if (w.failed) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    memcpy(data, text, w.size);
    return w.size;
}
