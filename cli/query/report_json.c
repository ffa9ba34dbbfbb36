/* SPDX-License-Identifier: Apache-2.0 */
/* Results for programs: docs/formats/query-result.md. */
#include "query/report.h"

#include "query/reading.h"
#include "verify/print.h"

#define DIGITS 9u /* behind the point of estimates: sums are in the file, exactly */

static void put_value(struct json_out *j, const char *key, const struct reading *r, __int128 sum)
{
    json_put_literal(j, key, number_plain(sum * (int64_t)r->factor, r->divisor, DIGITS).text);
}

static void put_entry(struct json_out *j, const struct result_checked *c, uint32_t i, bool among)
{
    const struct receipt *p = &c->receipt;
    __int128 sum = p->values[i], bound = (__int128)p->bound95;
    struct reading r = reading_of(&c->doc, i, p->asked, p->bound95);
    json_open(j, NULL, '{');
    json_put_text(j, "name", c->doc.labels[i].name);
    json_put_text(j, "unit", r.unit);
    json_put_bool(j, "suppressed", p->suppressed[i]);
    if (p->suppressed[i]) {
        json_put_null(j, "sum");
        json_put_null(j, "estimate");
        json_put_null(j, "interval95");
    } else {
        json_put_literal(j, "sum", number_plain(sum, 1, 0).text);
        put_value(j, "estimate", &r, sum);
        json_open(j, "interval95", '[');
        put_value(j, NULL, &r, sum - bound);
        put_value(j, NULL, &r, sum + bound);
        json_close(j, ']');
    }
    if (among) {
        r = reading_of(&c->doc, i, p->answered, p->bound95);
        sum = query_result_answered_sum(c, i);
        put_value(j, "among_answered", &r, sum);
    } else {
        json_put_null(j, "among_answered");
    }
    json_close(j, '}');
}

static void put_quantiles(struct json_out *j, const struct result_checked *c,
                          const struct query_facts *f)
{
    struct query_schema s = query_document_schema(&c->doc);
    json_open(j, "quantiles", '[');
    for (uint32_t num = 1; num <= QUERY_QUARTILES; num++) {
        struct query_quantile q;
        if (s.aggregate == QUERY_QUANTILE &&
            query_read_quantile(&s, &f->plan, c->receipt.values, num, 4, &q, NULL) == 0) {
            json_open(j, NULL, '{');
            json_put_literal(j, "of", number_plain(num, 4, 2).text);
            json_put_text(j, "cell", c->doc.labels[q.cell].name);
            json_put_text(j, "low", c->doc.labels[q.low].name);
            json_put_text(j, "high", c->doc.labels[q.high].name);
            json_close(j, '}');
        }
    }
    json_close(j, ']');
}

static void put_checked(struct json_out *j, const struct result_checked *c)
{
    json_open(j, "checked", '[');
    for (unsigned part = 0; part < RESULT_PARTS; part++) {
        if (part != RESULT_PART_GROWTH || c->newest.tree.size != 0) {
            json_put_string(j, NULL, result_part_text((enum result_part)part));
        }
    }
    json_close(j, ']');
    json_put_date(j, "time", (int64_t)c->time);
    json_open(j, "aggregator", '{');
    JSON_HEX(j, "mrenclave", c->receipt.mrenclave);
    JSON_HEX(j, "configid", c->receipt.configid);
    JSON_HEX(j, "root", c->aggregator.root);
    json_put_bool(j, "hardware", c->aggregator.root_kind == ALCOVE_ROOT_INTEL);
    json_close(j, '}');
    json_open(j, "log", '{');
    JSON_HEX(j, "log", c->head.log.data);
    json_put_number(j, "query_index", c->receipt.log_index);
    json_put_number(j, "release_index", c->release_index);
    json_put_number(j, "size", c->head.tree.size);
    JSON_HEX(j, "root", c->head.tree.root.data);
    json_put_date(j, "time", (int64_t)c->head.time);
    json_put_bool(j, "growth_checked", c->newest.tree.size != 0);
    json_close(j, '}');
    JSON_HEX(j, "receipt", c->release.data);
}

/* What people allow is known to each one's custodian alone: so what is to be subtracted from it. */
static void put_left(struct json_out *j, const struct query_spent *s)
{
    if (!s->known) {
        json_put_null(j, "left");
        return;
    }
    json_open(j, "left", '{');
    json_put_literal(j, "spent_rho", number_plain((__int128)s->rho, 1000000, 6).text);
    json_put_number(j, "queries", s->queries);
    json_put_bool(j, "whole_log", s->whole);
    json_close(j, '}');
}

void query_result_print_json(const struct result_checked *c, const struct query_facts *f)
{
    struct reading r = reading_of_all(&c->doc, c->receipt.asked, c->receipt.bound95);
    struct json_out j = {0};
    json_open(&j, NULL, '{');
    json_put_string(&j, "format", "alcove-query-report-1");
    query_json_document(&j, f);
    json_put_number(&j, "asked", c->receipt.asked);
    json_put_number(&j, "answered", c->receipt.answered);
    json_put_number(&j, "suppressed", receipt_suppressed(&c->receipt));
    json_put_literal(&j, "divisor", number_plain((__int128)c->receipt.divisor, 1, 0).text);
    json_open(&j, "entries", '[');
    for (uint32_t i = 0; i < c->receipt.entry_count; i++) {
        put_entry(&j, c, i, query_result_among(c));
    }
    json_close(&j, ']');
    put_quantiles(&j, c, f);
    query_json_cost(&j, f);
    json_open(&j, "liars", '[');
    for (uint64_t k = 1; k <= QUERY_LIARS; k++) {
        put_value(&j, NULL, &r, (__int128)query_liars_move(&f->plan, k));
    }
    json_close(&j, ']');
    put_left(&j, &c->spent);
    put_checked(&j, c);
    json_close(&j, '}');
}
