/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a query's short form and as YAML: readers stay inside, and what they make is a
 * document that prints. */
#include <stdlib.h>
#include <string.h>

#include "query/sql.h"
#include "query/yaml.h"

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
    static uint8_t out[QUERY_DOCUMENT_MAX], again[QUERY_DOCUMENT_MAX];
    struct bytes text = BYTES(data, size);
    struct writer w = writer_of(out, sizeof out), v = writer_of(again, sizeof again);
    struct diag d;
    if (query_sql_apply(text, &doc, &d) == 0 && (doc.last_day != doc.first_day + 6)) {
        abort();
    }
    if (query_yaml_compile(text, "q", &w, &d) == 0) {
        char *printed = NULL;
        size_t printed_size = 0;
        FILE *memory = open_memstream(&printed, &printed_size);
        if (memory == NULL || query_document_decode(BYTES(out, w.size), &doc, NULL) != 0) {
            abort();
        }
        query_yaml_print(&doc, memory);
        fclose(memory);
        if (query_yaml_compile(BYTES(printed, printed_size), "q", &v, &d) != 0 ||
            !bytes_equal(BYTES(out, w.size), BYTES(again, v.size))) {
            abort();
        }
        free(printed);
    }
    return 0;
}
