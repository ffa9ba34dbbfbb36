/* SPDX-License-Identifier: Apache-2.0 */
/* Plans for programs: docs/formats/query-result.md. Whole numbers are exact; decimals are exact to
 * their last digit and numbers in JSON's sense. */
#include "query/plan.h"

#include "query/account.h"
#include "query/reading.h"
#include "verify/print.h"

#define PICO UINT64_C(1000000000000)

static void put_int(struct json_out *j, const char *key, int64_t value)
{
    json_put_literal(j, key, number_plain(value, 1, 0).text);
}

static void put_program(struct json_out *j, const struct query_program *p, const uint8_t *configid)
{
    json_open(j, NULL, '{');
    json_put_hex(j, p->by_signer ? "mrsigner" : "mrenclave", p->measurement, sizeof p->measurement);
    if (p->by_signer) {
        json_put_number(j, "isvprodid", p->isvprodid);
        json_put_number(j, "min_isvsvn", p->min_isvsvn);
    }
    if (configid != NULL) {
        json_put_hex(j, "configid", configid, 64);
    }
    json_close(j, '}');
}

static void put_programs(struct json_out *j, const struct query_document *doc)
{
    JSON_HEX(j, "bundle", doc->bundle);
    json_open(j, "workers", '[');
    for (uint32_t i = 0; i < doc->worker_count; i++) {
        put_program(j, &doc->workers[i], NULL);
    }
    json_close(j, ']');
    json_open(j, "custodians", '[');
    for (uint32_t i = 0; i < doc->custodian_count; i++) {
        put_program(j, &doc->custodians[i].program, doc->custodians[i].configid);
    }
    json_close(j, ']');
    json_open(j, "aggregators", '[');
    for (uint32_t i = 0; i < doc->aggregator_count; i++) {
        put_program(j, &doc->aggregators[i].program, doc->aggregators[i].configid);
    }
    json_close(j, ']');
    json_open(j, "roots", '[');
    for (uint32_t i = 0; i < doc->root_count; i++) {
        JSON_HEX(j, NULL, doc->roots[i]);
    }
    json_close(j, ']');
}

static void put_bounds(struct json_out *j, const struct query_document *doc)
{
    const struct query_schema *s = &doc->schema;
    json_open(j, "bounds", '{'); /* 0: no such bound, as in the document */
    json_put_number(j, "total", s->most_total);
    json_put_number(j, "whole", s->whole);
    json_put_number(j, "square", s->most_square);
    json_put_number(j, "entries", s->most_entries);
    json_put_number(j, "threshold", s->threshold);
    json_close(j, '}');
    json_open(j, "schema", '[');
    for (uint32_t i = 0; i < s->entry_count; i++) {
        json_open(j, NULL, '{');
        json_put_text(j, "name", doc->labels[i].name);
        json_put_text(j, "unit", doc->labels[i].unit);
        put_int(j, "low", doc->entries[i].low);
        put_int(j, "high", doc->entries[i].high);
        put_int(j, "default", doc->entries[i].fallback);
        json_close(j, '}');
    }
    json_close(j, ']');
}

void query_json_document(struct json_out *j, const struct query_facts *f)
{
    const struct query_document *doc = f->doc;
    json_put_hex(j, "query", f->id->data, sizeof f->id->data);
    json_put_hex(j, "analyst", doc->analyst.data, sizeof doc->analyst.data);
    json_put_text(j, "question", doc->question);
    json_put_text(j, "function", doc->function);
    json_put_string(j, "aggregate", query_aggregate_text(doc->schema.aggregate));
    json_open(j, "window", '[');
    json_put_string(j, NULL, reading_day(doc->first_day).text);
    json_put_string(j, NULL, reading_day(doc->last_day).text);
    json_close(j, ']');
    json_put_date(j, "deadline", (int64_t)doc->deadline);
    json_put_number(j, "run_ms", doc->run_ms);
    json_put_number(j, "users_min", doc->users_min);
    json_put_number(j, "users_max", doc->users_max);
    put_bounds(j, doc);
    json_open(j, "programs", '{');
    put_programs(j, doc);
    json_close(j, '}');
}

void query_json_cost(struct json_out *j, const struct query_facts *f)
{
    const struct dp_table *t = f->plan.table;
    json_open(j, "sensitivity", '{');
    json_put_number(j, "l1", f->plan.distance.total);
    json_put_literal(j, "l2_squared", number_plain((__int128)f->plan.distance.square, 1, 0).text);
    json_put_number(j, "largest", f->plan.distance.largest);
    json_close(j, '}');
    json_open(j, "noise", '{');
    json_put_string(j, "kind", t->kind == DP_GAUSSIAN ? "gaussian" : "laplace");
    json_put_literal(j, "scale", number_plain(t->scale_num, t->scale_den, 2).text);
    json_put_number(j, "bound95", f->plan.bound95);
    json_close(j, '}');
    json_open(j, "cost", '{');
    json_put_literal(j, "rho", number_plain((__int128)f->plan.cost, 1000000, 6).text);
    json_put_literal(j, "rho_offered", number_plain((__int128)f->doc->cost, 1000000, 6).text);
    json_put_literal(j, "epsilon", number_plain((__int128)f->epsilon_pico, PICO, 12).text);
    char delta[16];
    ignore_result(snprintf(delta, sizeof delta, "1e-%u", f->delta_exponent) < 0, "it fits");
    json_put_literal(j, "delta", delta);
    json_put_literal(j, "odds_of_100", number_plain(dp_odds(f->epsilon_pico), 10000, 4).text);
    json_close(j, '}');
}

static void put_interval(struct json_out *j, const struct query_facts *f, uint64_t users)
{
    struct query_plan plan;
    if (query_document_plan(f->doc, users, &plan, NULL) != 0) {
        return;
    }
    struct reading r = reading_of_all(f->doc, users, plan.bound95);
    json_open(j, NULL, '{');
    json_put_number(j, "users", users);
    json_put_literal(j, "interval95",
                     number_plain((__int128)plan.bound95 * (int64_t)r.factor, r.divisor, 12).text);
    json_put_text(j, "unit", r.unit);
    if (plan.relative_ppm == UINT64_MAX) {
        json_put_null(j, "relative");
    } else {
        json_put_literal(j, "relative", number_plain((__int128)plan.relative_ppm, 1000000, 6).text);
    }
    json_open(j, "liars", '[');
    for (uint64_t k = 1; k <= QUERY_LIARS; k++) {
        json_put_literal(
            j, NULL,
            number_plain((__int128)query_liars_move(&plan, k) * (int64_t)r.factor, r.divisor, 12)
                .text);
    }
    json_close(j, ']');
    json_close(j, '}');
}

void query_plan_print_json(const struct query_facts *f)
{
    struct json_out j = {0};
    json_open(&j, NULL, '{');
    json_put_string(&j, "format", "alcove-query-plan-1");
    query_json_document(&j, f);
    query_json_cost(&j, f);
    json_open(&j, "intervals", '[');
    put_interval(&j, f, f->users);
    if (f->doc->users_max != f->users) {
        put_interval(&j, f, f->doc->users_max);
    }
    json_close(&j, ']');
    json_close(&j, '}');
}
