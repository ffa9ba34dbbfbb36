/* SPDX-License-Identifier: Apache-2.0 */
/* What a query will do, in words. Lines are for people: labels in one column, what they mean in the
 * other; docs/queries.md reads them one by one. */
#include "query/plan.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "query/account.h"
#include "query/reading.h"

#define ENTRIES_SHOWN 24u /* of a vector; more are counted */

int query_facts_make(const struct query_document *doc, const struct query_hash *id, uint64_t users,
                     uint32_t delta_exponent, struct query_facts *ret, struct diag *d)
{
    struct query_facts f = {doc, id, users != 0 ? users : doc->users_min, delta_exponent};
    struct dp_ratio delta = {1, 1};
    for (uint32_t i = 0; i < delta_exponent; i++) {
        delta.den *= 10;
    }
    int err = query_document_plan(doc, f.users, &f.plan, d);
    err = err != 0 ? err
                   : dp_epsilon(dp_micro(f.plan.cost), delta, doc->schema.entry_count,
                                &f.epsilon_pico, d);
    if (err == 0) {
        *ret = f;
    }
    return err;
}

bool query_delta_read(const char *text, uint32_t *ret)
{
    uint32_t value = 0;
    size_t size = strlen(text);
    if (size < 4 || size > 5 || memcmp(text, "1e-", 3) != 0 || text[3] == '0') {
        return false;
    }
    for (size_t i = 3; i < size; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10 + (uint32_t)(text[i] - '0');
    }
    if (value > 30) {
        return false;
    }
    *ret = value;
    return true;
}

void query_line(FILE *out, const char *label, const char *format, ...)
{
    va_list args;
    fprintf(out, "%-14s ", label);
    va_start(args, format);
    vfprintf(out, format, args);
    va_end(args);
    fputc('\n', out);
}

#define TEXT(b) (int)(b).size, (const char *)(b).data

static const char *whole(uint64_t value, struct number *n)
{
    *n = number_of((__int128)value, 1, 0);
    return n->text;
}

/* All entries have the same bounds and unit: one line says it. */
static bool uniform(const struct query_document *doc)
{
    for (uint32_t i = 1; i < doc->schema.entry_count; i++) {
        if (memcmp(&doc->entries[i], &doc->entries[0], sizeof doc->entries[0]) != 0 ||
            !bytes_equal(doc->labels[i].unit, doc->labels[0].unit)) {
            return false;
        }
    }
    return true;
}

static void print_range(const struct query_document *doc, uint32_t i, FILE *out)
{
    bool cell = doc->schema.aggregate == QUERY_QUANTILE; /* counts people; the unit is the cell's */
    struct reading r = {.factor = 1, .divisor = 1};
    r.unit = cell ? r.unit : doc->labels[i].unit;
    fprintf(out, "%s to %s%s", number_of(doc->entries[i].low, 1, 0).text,
            number_of(doc->entries[i].high, 1, 0).text, reading_unit_of(&r).text);
    if (doc->entries[i].fallback != 0) {
        fprintf(out, ", default %s", number_of(doc->entries[i].fallback, 1, 0).text);
    }
}

void query_print_bounds(const struct query_document *doc, FILE *out)
{
    const struct query_schema *s = &doc->schema;
    struct number n;
    fprintf(out, "%-14s %s number%s", "Each gives", whole(s->entry_count, &n),
            s->entry_count == 1 ? ", " : "s, each ");
    if (uniform(doc)) {
        print_range(doc, 0, out);
    } else {
        fprintf(out, "within bounds of its own");
    }
    if (s->most_total != 0) {
        fprintf(out, "; together at most %s", whole(s->most_total, &n));
    }
    if (s->most_square != 0) {
        fprintf(out, "; squares together at most %s", whole(s->most_square, &n));
    }
    if (s->most_entries != 0) {
        fprintf(out, "; at most %s of them other than the default", whole(s->most_entries, &n));
    }
    fputc('\n', out);
    query_line(out, "", "What lies beyond is cut before it counts; nobody is told how often.");
}

static void print_entries(const struct query_document *doc, FILE *out)
{
    uint32_t count = doc->schema.entry_count, shown = count <= ENTRIES_SHOWN ? count : 20;
    bool same = uniform(doc);
    for (uint32_t i = 0; i < shown; i++) {
        fprintf(out, "%-14s ", i == 0 ? "Entries" : "");
        fputs(reading_name_of(doc, i).text, out);
        if (!same) {
            fprintf(out, ": ");
            print_range(doc, i, out);
        }
        fputc('\n', out);
    }
    if (shown < count) {
        query_line(out, "", "... and %u more", count - shown);
    }
}

static void print_question(const struct query_facts *f, FILE *out)
{
    const struct query_document *doc = f->doc;
    struct number a, b;
    char id[65];
    hex_encode(id, f->id->data, sizeof f->id->data);
    query_line(out, "Question", "%.*s", TEXT(doc->question));
    query_line(out, "Query", "%s", id);
    a = number_of((__int128)doc->users_min, 1, 0);
    b = number_of((__int128)doc->users_max, 1, 0);
    query_line(out, "Asks", "%s to %s people; fewer answers than %s are no release", a.text, b.text,
               a.text);
    a = reading_day(doc->first_day);
    b = reading_day(doc->last_day);
    query_line(out, "About", "%s to %s (%u days)", a.text, b.text,
               (unsigned)(doc->last_day - doc->first_day + 1));
    query_line(out, "Until", "%s, by the log's time", reading_time(doc->deadline).text);
    query_line(out, "Computes", "%s by the function %.*s, at most %s s for each person",
               query_aggregate_text(doc->schema.aggregate), TEXT(doc->function),
               number_plain((__int128)doc->run_ms, 1000, 3).text);
}

static const char *defaults(const struct query_document *doc)
{
    for (uint32_t i = 0; i < doc->schema.entry_count; i++) {
        if (doc->entries[i].fallback != 0) {
            return "the defaults";
        }
    }
    return doc->schema.entry_count == 1 ? "0" : "0 everywhere";
}

static void print_distance(const struct query_plan *p, FILE *out)
{
    struct number n;
    query_line(out, "Sensitivity", "%s in all entries together (L1), %s as a length (L2)",
               whole(p->distance.total, &n), number_root(p->distance.square, 2).text);
    query_line(out, "", "one person's answer instead of the default moves an entry by at most %s",
               whole(p->distance.largest, &n));
}

static void print_noise(const struct query_facts *f, FILE *out)
{
    const struct dp_table *t = f->plan.table;
    struct number n;
    query_line(out, "Noise", "discrete %s, %s %s; with 95 %% less than %s in the sum",
               t->kind == DP_GAUSSIAN ? "Gaussian" : "Laplace",
               t->kind == DP_GAUSSIAN ? "sigma" : "scale",
               number_plain(t->scale_num, t->scale_den, 2).text, whole(f->plan.bound95, &n));
    if (f->doc->schema.threshold != 0) {
        query_line(out, "Suppressed", "sums below %s are not shown",
                   whole(f->doc->schema.threshold, &n));
    }
}

void query_print_cost(const struct query_facts *f, FILE *out)
{
    uint32_t odds = dp_odds(f->epsilon_pico);
    query_line(out, "Cost", "rho %s for each person, of %s offered",
               number_plain((__int128)f->plan.cost, 1000000, 6).text,
               number_plain((__int128)f->doc->cost, 1000000, 6).text);
    query_line(out, "", "that is epsilon %s at delta 1e-%u",
               number_up(f->epsilon_pico, UINT64_C(1000000000000), 4).text, f->delta_exponent);
    query_line(out, "",
               "who would guess right 50 times in 100 without a person's data guesses right at "
               "most %s times with the result",
               number_up(odds, 10000, 1).text);
}

/* The interval of one entry when so many are asked. */
static void print_interval(const struct query_facts *f, uint64_t users, const char *label,
                           FILE *out)
{
    struct query_plan plan;
    struct number n;
    if (query_document_plan(f->doc, users, &plan, NULL) != 0) {
        return;
    }
    struct reading r = reading_of_all(f->doc, users, plan.bound95);
    fprintf(out, "%-14s +-%s%s with %s people asked", label, reading_size(&r, plan.bound95).text,
            reading_points(&r).text, whole(users, &n));
    if (plan.relative_ppm != UINT64_MAX) {
        fprintf(out, ": %s %% of the most that they can add up to",
                number_up(plan.relative_ppm, 10000, 2).text);
    }
    fputc('\n', out);
    query_print_worth(&plan, out);
}

void query_print_worth(const struct query_plan *plan, FILE *out)
{
    if (plan->relative_ppm >= 1000000) {
        query_line(out, "",
                   "this is larger than any answer: ask more people, ask for less detail, or "
                   "offer more");
    }
}

void query_print_liars(const struct query_facts *f, FILE *out)
{
    struct reading r = reading_of_all(f->doc, f->users, f->plan.distance.largest);
    fprintf(out, "%-14s 1, 2, 3 people who lie can move an entry by", "Liars");
    for (uint64_t k = 1; k <= QUERY_LIARS; k++) {
        fprintf(out, "%s %s", k == 1 ? "" : ",",
                reading_size(&r, query_liars_move(&f->plan, k)).text);
    }
    fprintf(out, "%s\n", reading_points(&r).text);
}

static void print_program(FILE *out, const char *role, const struct query_program *p,
                          const uint8_t *configid)
{
    char hex[129];
    hex_encode(hex, p->measurement, sizeof p->measurement);
    if (p->by_signer) {
        query_line(out, role, "signer %s, product %u, version %u or newer", hex, p->isvprodid,
                   p->min_isvsvn);
    } else {
        query_line(out, role, "%s", hex);
    }
    if (configid != NULL) {
        hex_encode(hex, configid, 64);
        query_line(out, "", "with %.64s", hex);
        query_line(out, "", "     %s", hex + 64);
    }
}

void query_print_programs(const struct query_document *doc, FILE *out)
{
    char hex[129];
    hex_encode(hex, doc->bundle, sizeof doc->bundle);
    query_line(out, "Script", "%.64s", hex);
    query_line(out, "", "%s", hex + 64);
    for (uint32_t i = 0; i < doc->worker_count; i++) {
        print_program(out, i == 0 ? "Worker" : "", &doc->workers[i], NULL);
    }
    for (uint32_t i = 0; i < doc->custodian_count; i++) {
        print_program(out, i == 0 ? "Custodian" : "", &doc->custodians[i].program,
                      doc->custodians[i].configid);
    }
    for (uint32_t i = 0; i < doc->aggregator_count; i++) {
        print_program(out, i == 0 ? "Aggregator" : "", &doc->aggregators[i].program,
                      doc->aggregators[i].configid);
    }
    for (uint32_t i = 0; i < doc->root_count; i++) {
        hex_encode(hex, doc->roots[i], sizeof doc->roots[i]);
        query_line(out, i == 0 ? "Roots" : "", "%s", hex);
    }
}

void query_plan_print(const struct query_facts *f, FILE *out)
{
    const struct query_document *doc = f->doc;
    print_question(f, out);
    fputc('\n', out);
    query_print_bounds(doc, out);
    query_line(out, "", "Who does not answer, or whose script fails, counts as %s.", defaults(doc));
    print_entries(doc, out);
    fputc('\n', out);
    print_distance(&f->plan, out);
    print_noise(f, out);
    query_print_cost(f, out);
    print_interval(f, f->users, "Interval 95 %", out);
    if (doc->users_max != f->users) {
        print_interval(f, doc->users_max, "", out);
    }
    query_print_liars(f, out);
    fputc('\n', out);
    query_print_programs(doc, out);
}
