/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as evidence, claims and endorsements, and as a certificate with all its checks.
 * The first byte chooses. The mutator changes one extension of a certificate and mends the lengths
 * around it, so that changes reach behind the certificate's outer form. No root is named, so
 * nothing may be accepted. */
#include "check.h"
#include "ratls/extension.h"
#include "verify/limits.h"
#include "verify/verify.h"
#include "x509/certificate.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

#define NOW INT64_C(1790000000) /* when the seeds are valid */

static void expect(bool condition)
{
    if (!condition) {
        abort();
    }
}

static bool within(struct bytes part, struct bytes whole)
{
    return part.size == 0 || (part.data >= whole.data && part.size <= whole.size &&
                              (size_t)(part.data - whole.data) <= whole.size - part.size);
}

static void as_claims(struct bytes text)
{
    struct ratls_claims c;
    if (ratls_claims_read(text, &c)) {
        expect(within(c.key_hash, text) && within(c.nonce, text));
        expect(c.key_hash.size == (c.key_algorithm == RATLS_SHA256   ? 32
                                   : c.key_algorithm == RATLS_SHA384 ? 48
                                                                     : 64));
        expect(c.nonce.size <= ALCOVE_RATLS_NONCE_MAX && (c.has_nonce || c.nonce.size == 0));
    }
}

static void as_evidence(struct bytes text)
{
    struct ratls_evidence e;
    if (ratls_evidence_read(text, &e)) {
        expect(within(e.quote, text) && within(e.claims, text));
        as_claims(e.claims);
    }
}

static void as_endorsements(struct bytes text)
{
    static uint8_t storage[RATLS_LISTS_MAX];
    struct writer out = writer_of(storage, sizeof storage);
    struct alcove_collateral c;
    if (ratls_endorsements_read(text, &out, &c)) {
        const struct alcove_bytes parts[] = {c.tcb_info,    c.tcb_chain, c.pck_crl,      c.root_crl,
                                             c.qe_identity, c.qe_chain,  c.pck_crl_chain};
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
            struct bytes part = BYTES(parts[i].data, parts[i].size);
            expect(within(part, text) || within(part, BYTES(storage, out.size)));
        }
    }
}

static void as_certificate(struct bytes text)
{
    static const struct alcove_collateral none;
    struct alcove_result r = {0};
    struct alcove_policy p = {
        .accepted_statuses = ALCOVE_TCB_BIT(ALCOVE_TCB_NOT_SUPPORTED) - 2,
        .allow_debug = true,
        .allow_trailing = true,
        .advisories.tolerate_mode = ALCOVE_EXPECT_ANY,
        .fmspc.allow_mode = ALCOVE_EXPECT_ANY,
        .ppid.allow_mode = ALCOVE_EXPECT_ANY,
        .report_data.mode = ALCOVE_EXPECT_ANY,
        .mrenclave.mode = ALCOVE_EXPECT_ANY,
        .signer.mode = ALCOVE_EXPECT_ANY,
        .configid.mode = ALCOVE_EXPECT_ANY,
        .mrtd.mode = ALCOVE_EXPECT_ANY,
        .mrseam.mode = ALCOVE_EXPECT_ANY,
        .mrservicetd.mode = ALCOVE_EXPECT_ANY,
        .td_attributes.mode = ALCOVE_EXPECT_ANY,
        .td_xfam.mode = ALCOVE_EXPECT_ANY,
        .ratls_key.mode = ALCOVE_EXPECT_ANY,
        .ratls_nonce.mode = ALCOVE_EXPECT_ANY,
        .ratls_legacy = ALCOVE_RATLS_LEGACY_GRAMINE | ALCOVE_RATLS_LEGACY_RATS_TLS,
    };
    for (size_t i = 0; i < ARRAY_SIZE(p.rtmr); i++) {
        p.rtmr[i].mode = ALCOVE_EXPECT_ANY;
    }
    struct check c = {.policy = &p, .time = NOW, .result = &r};
    crypto_enter(&c.crypto);
    ratls_check(&c, text, &none);
    crypto_leave(&c.crypto);
    uint64_t failed = 0;
    for (size_t i = 0; i < ARRAY_SIZE(r.failed); i++) {
        failed |= r.failed[i];
    }
    expect(failed != 0); /* at least the root that nobody named */
    expect(!r.has_ratls || r.ratls.nonce_size <= ALCOVE_RATLS_NONCE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const as[])(struct bytes) = {as_certificate, as_evidence, as_claims,
                                               as_endorsements};
    if (size > 0) {
        as[data[0] % ARRAY_SIZE(as)](BYTES(data + 1, size - 1));
    }
    return 0;
}

/* Adds to a length of two bytes; false if it is not one. */
static bool mend(const uint8_t *form, ptrdiff_t change)
{
    uint8_t *p = (uint8_t *)(uintptr_t)form;
    ptrdiff_t length = (p[1] << 8 | p[2]) + change;
    if (p[0] != 0x82 || length < 256 || length > UINT16_MAX) {
        return false;
    }
    p[1] = (uint8_t)(length >> 8);
    p[2] = (uint8_t)length;
    return true;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    static uint8_t value[65536], tail[65536];
    static struct certificate c;
    struct extension e;
    size_t at = 0;
    bool found = size > 1 && size < sizeof tail && data[0] % 4 == 0 && seed % 8 != 0 &&
                 certificate_read(BYTES(data + 1, size - 1), &c);
    for (unsigned n = seed % 4; found && n < 4; n++) {
        found = certificate_next_extension(&c, &at, &e);
    }
    if (!found || e.value.size < 256) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    const uint8_t *behind = e.value.data + e.value.size;
    size_t tail_size = (size_t)(data + size - behind), front = (size_t)(e.value.data - data);
    size_t room = max_size - front - tail_size;
    memcpy(tail, behind, tail_size);
    memcpy(value, e.value.data, e.value.size);
    size_t now = LLVMFuzzerMutate(value, e.value.size, room < sizeof value ? room : sizeof value);
    ptrdiff_t change = (ptrdiff_t)now - (ptrdiff_t)e.value.size;
    const uint8_t *lengths[] = {
        data + 2,       data + 6,        c.extensions.data - 7, c.extensions.data - 3,
        e.oid.data - 5, e.value.data - 3};
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        if (!mend(lengths[i], change)) {
            return size;
        }
    }
    memcpy(data + front, value, now);
    memcpy(data + front + now, tail, tail_size);
    return front + now + tail_size;
}
