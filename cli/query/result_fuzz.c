/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a result's file, or as a query's document: reading stays inside, what was read is
 * written back as it was, nothing is believed that was not signed, and a picture of such a query is
 * markup of our own and texts, whatever the texts are. */
#include <stdlib.h>
#include <string.h>

#include "query/chart.h"
#include "query/plan.h"
#include "query/result.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Plans read how wide a table's noise is, and no entry: the real tables are made by the build. */
const struct dp_table dp_tables[] = {
#define DP_TABLE(family, num, den)                                                                 \
    {.kind = DP_##family, .scale_num = (num), .scale_den = (den), .bound95 = 2 * (num) / (den)},
#include "query/noise_tables.def"
#undef DP_TABLE
};
const size_t dp_table_count = ARRAY_SIZE(dp_tables);

static struct result_checked checked;

static void require_own(const char *text, size_t size)
{
    static const char *const own[] = {"?xml ",   "svg ",   "/svg>", "title>", "title ",
                                      "/title>", "desc ",  "/desc", "rect ",  "/rect>",
                                      "text ",   "/text>", "path ", "/path>"};
    for (size_t i = 0; i < size; i++) {
        bool known = text[i] != '<';
        for (size_t k = 0; k < ARRAY_SIZE(own) && !known; k++) {
            size_t n = strlen(own[k]);
            known = size - i - 1 >= n && memcmp(text + i + 1, own[k], n) == 0;
        }
        if (!known) {
            abort();
        }
    }
}

/* As if an aggregator had released what comes to hand. */
static void draw(const uint8_t *data, size_t size)
{
    struct query_facts facts;
    struct scene scene;
    char *text = NULL;
    size_t text_size = 0;
    struct receipt *p = &checked.receipt;
    if (query_facts_make(&checked.doc, &checked.id, 0, 6, &facts, NULL) != 0) {
        return;
    }
    p->asked = p->answered = facts.users;
    p->bound95 = facts.plan.bound95;
    p->cost = facts.plan.cost;
    p->delta_exponent = 6;
    p->divisor = facts.plan.divisor;
    p->entry_count = checked.doc.schema.entry_count;
    for (uint32_t i = 0; i < p->entry_count; i++) {
        uint8_t c = data[(i * 7u + 3) % size];
        p->suppressed[i] = checked.doc.schema.aggregate == QUERY_OD && c % 3 == 0;
        p->values[i] = p->suppressed[i] ? 0 : (int64_t)(int8_t)c * (INT64_C(1) << (c % 40));
    }
    FILE *out = open_memstream(&text, &text_size);
    if (out == NULL || chart_draw(&checked, &facts, &scene, NULL) != 0 ||
        scene_write_svg(&scene, out) != 0) {
        abort();
    }
    fclose(out);
    require_own(text, text_size);
    free(text);
    scene_done(&scene);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t again[RESULT_FILE_MAX];
    struct result result;
    struct diag d;
    enum result_part part;
    struct bytes document = BYTES(data, size);
    if (result_read(BYTES(data, size), &result, &d) == 0) {
        document = result.outcome.document;
        struct writer w = writer_of(again, sizeof again);
        if (result.has_log_key && (result_write(&result, &w, &d) != 0 ||
                                   !bytes_equal(BYTES(data, size), BYTES(again, w.size)))) {
            abort();
        }
        if (result.has_log_key &&
            (result_check(&result, NULL, &result.log_key, result.time, &checked, &part, &d) == 0) !=
                (part == RESULT_PARTS)) {
            abort();
        }
    }
    memset(&checked, 0, sizeof checked);
    if (query_document_decode(document, &checked.doc, NULL) == 0) {
        draw(data, size);
    }
    return 0;
}
