/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a quote: the reader stays inside, and a version 3 quote that it accepts is exactly
 * what abi/quote.c would write. */
#include "intel/quote.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t again[70000];
    struct quote q;
    struct quote_v3_signed s;
    if (quote_read(BYTES(data, size), &q) != ALCOVE_REASON_NONE) {
        return 0;
    }
    if (q.signed_bytes.size + q.qe_auth_data.size + q.cert_data.size + q.trailing.size > size) {
        abort();
    }
    if (q.version != QUOTE_VERSION_3) {
        return 0;
    }
    struct quote_v3_auth a = {.qe_report = q.qe_report,
                              .qe_auth_data = q.qe_auth_data,
                              .cert_type = q.cert_type,
                              .cert_data = q.cert_data};
    struct writer w = writer_of(again, sizeof again);
    memcpy(&s, q.signed_bytes.data, sizeof s);
    memcpy(a.signature, q.signature, sizeof a.signature);
    memcpy(a.attestation_key, q.attestation_key, sizeof a.attestation_key);
    memcpy(a.qe_report_signature, q.qe_report_signature, sizeof a.qe_report_signature);
    if (!quote_v3_assemble(&s, &a, &w) || w.size + q.trailing.size != size ||
        memcmp(again, data, w.size) != 0) {
        abort();
    }
    return 0;
}
