/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the body of a receipt that the aggregator's key did sign: what is read is written as
 * the same bytes. */
#include <stdlib.h>

#include "query/receipt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not sampled here; the real tables are made by the build. */
const struct dp_table dp_tables[] = {{.kind = DP_GAUSSIAN, .scale_num = 1, .scale_den = 1}};
const size_t dp_table_count = ARRAY_SIZE(dp_tables);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t scalar[32] = {1};
    static struct query_secret_key key;
    static struct receipt receipt;
    static uint8_t statement[RECEIPT_MAX * 2], again[RECEIPT_MAX * 2], scratch[RECEIPT_MAX];
    struct query_signer signer = {query_sign_with, &key};
    struct writer w = writer_of(statement, sizeof statement), v = writer_of(again, sizeof again);
    struct bytes body = BYTES(data, size), rewritten;
    if (size > RECEIPT_MAX || size == 0) {
        return 0;
    }
    if (query_secret_key_read(BYTES_OF(scalar), &key) != 0 ||
        query_signed_make("alcove-receipt-1", body, &signer, &w, NULL) != 0) {
        abort();
    }
    if (receipt_open(BYTES(statement, w.size), &key.key, &receipt, NULL, NULL) == 0 &&
        (receipt_sign(&receipt, &signer, scratch, &v, NULL) != 0 ||
         query_signed_open("alcove-receipt-1", BYTES(again, v.size), RECEIPT_MAX, &key.key,
                           &rewritten, NULL) != 0 ||
         !bytes_equal(body, rewritten))) {
        abort();
    }
    return 0;
}
