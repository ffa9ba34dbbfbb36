/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a query document: what is read has exactly these bytes, has a plan for each number
 * of people that it allows, and never costs more than it says. */
#include <stdlib.h>

#include "query/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Plans read how wide a table's noise is, and no entry: the real tables are made by the build. */
const struct dp_table dp_tables[] = {
#define DP_TABLE(family, num, den) {.kind = DP_##family, .scale_num = (num), .scale_den = (den)},
#include "query/noise_tables.def"
#undef DP_TABLE
};
const size_t dp_table_count = ARRAY_SIZE(dp_tables);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct query_document doc;
    static uint8_t out[QUERY_DOCUMENT_MAX];
    struct query_plan plan;
    if (query_document_decode(BYTES(data, size), &doc, NULL) != 0) {
        return 0;
    }
    struct writer w = writer_of(out, sizeof out);
    if (query_document_encode(&doc, &w, NULL) != 0 ||
        !bytes_equal(BYTES(data, size), BYTES(out, w.size))) {
        abort();
    }
    if (query_document_plan(&doc, doc.users_min, &plan, NULL) != 0 || plan.cost > doc.cost ||
        query_document_plan(&doc, doc.users_max, &plan, NULL) != 0 || plan.cost > doc.cost ||
        plan.cost == 0) {
        abort();
    }
    return 0;
}
