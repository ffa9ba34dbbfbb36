/* SPDX-License-Identifier: Apache-2.0 */
/* The whole entry point on an evidence file. The mutator knows the format: it takes the file apart,
 * changes one part, and puts it together again, so that changes reach behind the outer lengths.
 * With no root named, nothing may ever be accepted that does not end in Intel's key, and nobody but
 * Intel can make that. */
#include "abi/evidence.h"
#include "verify/run.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

#define NOW      INT64_C(1790000000) /* when the seeds are valid */
#define PART_MAX 32768u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct run_expectation x = {
        .identity_mode = ALCOVE_EXPECT_ANY,
        .nonce_mode = ALCOVE_EXPECT_ANY,
        .allow_debug = true,
        .accepted_statuses = ALCOVE_TCB_BIT(ALCOVE_TCB_NOT_SUPPORTED) - 2,
    };
    struct run_result r;
    struct diag d;
    struct alcove_verdict v = run_verify(BYTES(data, size), &x, NOW, &r, &d);
    bool failed = r.failed != 0 || r.quote.first_reason != ALCOVE_REASON_NONE;
    if (alcove_verdict_accepted(v) && (failed || r.quote.root_kind != ALCOVE_ROOT_INTEL)) {
        abort();
    }
    if (!alcove_verdict_accepted(v) && !failed) {
        abort(); /* a rejection always has a reason */
    }
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    static uint8_t part[PART_MAX], text[1u << 20];
    struct evidence e;
    struct diag d;
    struct bytes *parts[] = {&e.quote,
                             &e.quote,
                             &e.quote,
                             &e.claims,
                             &e.manifest,
                             &e.collateral.tcb_info,
                             &e.collateral.tcb_info,
                             &e.collateral.tcb_chain,
                             &e.collateral.qe_identity,
                             &e.collateral.qe_chain,
                             &e.collateral.pck_crl,
                             &e.collateral.pck_crl_chain,
                             &e.collateral.root_crl};
    struct bytes *chosen = parts[seed % ARRAY_SIZE(parts)];
    if (seed % 16 == 0 || evidence_decode(BYTES(data, size), &e, &d) != 0 ||
        chosen->size > sizeof part) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    memcpy(part, chosen->data, chosen->size);
    *chosen = BYTES(part, LLVMFuzzerMutate(part, chosen->size, sizeof part));
    struct writer w = writer_of(text, sizeof text < max_size ? sizeof text : max_size);
    if (evidence_encode(&e, &w, &d) != 0) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    memcpy(data, text, w.size);
    return w.size;
}
