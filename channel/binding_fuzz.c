/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a binding: the reader stays inside, and what it accepts is written back as it was.
 */
#include "channel/binding.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct bytes part, const uint8_t *data, size_t size)
{
    if (part.size > 0 && (part.data < data || part.data + part.size > data + size)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = BYTES(data, size);
    struct binding b;
    struct diag d;
    /* Facts that do fit the binding, so that everything behind them is reached. */
    struct binding_facts facts = {.verdict.accepted_word = ALCOVE_VERDICT_ACCEPTED, .sgx = true};
    if (binding_report_data(text, facts.report_data) != 0) {
        abort();
    }
    const struct binding_expectation expected = {.purpose = BINDING_PURPOSE_CUSTODIAN,
                                                 .owner_mode = BINDING_OWNER_SOME,
                                                 .fresh_mode = BINDING_EXPECT_AGE,
                                                 .max_age_s = UINT32_MAX,
                                                 .context = {.mode = ALCOVE_EXPECT_ANY}};
    struct binding_result r;
    struct alcove_verdict v =
        binding_judge(&facts, (struct bytes){0}, text, &expected, INT64_C(1800000000), &r);
    if (alcove_verdict_accepted(v)) { /* without a manifest nothing is */
        abort();
    }
    if (binding_decode(text, &b, &d) != 0) {
        return 0;
    }
    inside(b.nonce, data, size);
    inside(b.context, data, size);
    uint8_t again[BINDING_SIZE_MAX];
    struct writer w = writer_of(again, sizeof again);
    if (binding_encode(&b, &w, NULL) != 0 || !bytes_equal(BYTES(again, w.size), text)) {
        abort();
    }
    return 0;
}
