/* SPDX-License-Identifier: Apache-2.0 */
/* A result, in words and numbers. Numbers are the released ones, divided; nothing is clamped. */
#include "query/report.h"

#include <string.h>

#include "query/reading.h"

#define TEXT(b) (int)(b).size, (const char *)(b).data

int query_result_facts(const struct result_checked *c, struct query_facts *ret, struct diag *d)
{
    return query_facts_make(&c->doc, &c->id, c->receipt.asked, c->receipt.delta_exponent, ret, d);
}

bool query_result_among(const struct result_checked *c)
{
    enum query_aggregate a = c->doc.schema.aggregate;
    return (a == QUERY_MEAN || a == QUERY_SHARE) && c->receipt.answered < c->receipt.asked &&
           c->receipt.answered > 0;
}

__int128 query_result_answered_sum(const struct result_checked *c, uint32_t entry)
{
    __int128 missing = (__int128)(c->receipt.asked - c->receipt.answered);
    return c->receipt.values[entry] - missing * c->doc.entries[entry].fallback;
}

const char *query_result_root(const struct result_checked *c)
{
    switch (c->aggregator.root_kind) {
    case ALCOVE_ROOT_INTEL:
        return "Intel's: the aggregator ran in hardware";
    case ALCOVE_ROOT_SOFTWARE:
        return "a software machine's: NOT protected by hardware";
    case ALCOVE_ROOT_NONE:
    case ALCOVE_ROOT_AMD:
    case ALCOVE_ROOT_AWS:
    case ALCOVE_ROOT_OTHER:
        break;
    }
    return "no maker's, but named by the query";
}

/* ---- the table ------------------------------------------------------------------------------- */

struct row {
    char estimate[72], low[64], high[64], among[72];
};

static struct row row_of(const struct result_checked *c, uint32_t i, bool among)
{
    const struct receipt *p = &c->receipt;
    struct reading r = reading_of(&c->doc, i, p->asked, p->bound95);
    struct row row = {"", "", "", ""};
    snprintf(row.estimate, sizeof row.estimate, "%s", reading_value(&r, p->values[i]).text);
    snprintf(row.low, sizeof row.low, "%s",
             reading_value(&r, (__int128)p->values[i] - (int64_t)p->bound95).text);
    snprintf(row.high, sizeof row.high, "%s",
             reading_value(&r, (__int128)p->values[i] + (int64_t)p->bound95).text);
    if (among) {
        r = reading_of(&c->doc, i, p->answered, p->bound95);
        snprintf(row.among, sizeof row.among, "%s",
                 reading_value(&r, query_result_answered_sum(c, i)).text);
    }
    return row;
}

static void pad(FILE *out, size_t columns, size_t width)
{
    for (; columns < width; columns++) {
        fputc(' ', out);
    }
}

static void right(FILE *out, const char *text, size_t width)
{
    pad(out, strlen(text), width);
    fputs(text, out);
}

static size_t wider(size_t width, const char *text)
{
    size_t size = strlen(text);
    return size > width ? size : width;
}

static void print_entry(const struct result_checked *c, uint32_t i, const size_t width[4],
                        bool among, FILE *out)
{
    struct reading_name name = reading_name_of(&c->doc, i);
    struct reading r = reading_of(&c->doc, i, c->receipt.asked, c->receipt.bound95);
    fprintf(out, "  %s", name.text);
    pad(out, reading_columns(BYTES(name.text, strlen(name.text))), width[0] + 2);
    if (c->receipt.suppressed[i]) {
        right(out, "suppressed", width[1]);
        fputc('\n', out);
        return;
    }
    struct row row = row_of(c, i, among);
    right(out, row.estimate, width[1]);
    fputs("   ", out);
    right(out, row.low, width[2]);
    fputs(" to ", out);
    right(out, row.high, width[2]);
    fputs(reading_unit_of(&r).text, out);
    if (among) {
        fputs("   ", out);
        right(out, row.among, width[3]);
        fputs(reading_unit_of(&r).text, out);
    }
    fputc('\n', out);
}

static void print_table(const struct result_checked *c, FILE *out)
{
    size_t width[4] = {5, 10, 6, 6};
    bool among = query_result_among(c);
    for (uint32_t i = 0; i < c->receipt.entry_count; i++) {
        struct row row = row_of(c, i, among);
        struct reading_name name = reading_name_of(&c->doc, i);
        size_t columns = reading_columns(BYTES(name.text, strlen(name.text)));
        width[0] = columns > width[0] ? columns : width[0];
        width[1] = wider(width[1], row.estimate);
        width[2] = wider(wider(width[2], row.low), row.high);
        width[3] = wider(width[3], row.among);
    }
    pad(out, 0, width[0] + 4);
    right(out, "estimate", width[1]);
    fputs("   ", out);
    fprintf(out, "95 %% interval%s\n", among ? "   and of those who answered" : "");
    for (uint32_t i = 0; i < c->receipt.entry_count; i++) {
        print_entry(c, i, width, among, out);
    }
}

static void print_quantiles(const struct result_checked *c, const struct query_facts *f, FILE *out)
{
    static const struct {
        const char *text;
        uint32_t num;
    } quartiles[QUERY_QUARTILES] = {{"a quarter", 1}, {"half", 2}, {"three quarters", 3}};
    struct query_schema s = query_document_schema(&c->doc);
    for (size_t q = 0; q < QUERY_QUARTILES; q++) {
        struct query_quantile cell;
        if (query_read_quantile(&s, &f->plan, c->receipt.values, quartiles[q].num, 4, &cell,
                                NULL) != 0) {
            query_line(out, "Quantiles", "the noise is larger than the counts: none is known");
            return;
        }
        query_line(out, q == 0 ? "Quantiles" : "",
                   "%s of the people lie in or below %s; with 95 %% this is %s to %s",
                   quartiles[q].text, reading_name_of(&c->doc, cell.cell).text,
                   reading_name_of(&c->doc, cell.low).text,
                   reading_name_of(&c->doc, cell.high).text);
    }
}

/* ---- the lines below ------------------------------------------------------------------------- */

static void print_people(const struct result_checked *c, FILE *out)
{
    const struct receipt *p = &c->receipt;
    struct number asked = number_of((__int128)p->asked, 1, 0);
    struct number answered = number_of((__int128)p->answered, 1, 0);
    query_line(out, "People", "%s asked, %s answered%s", asked.text, answered.text,
               p->answered < p->asked ? "; the others count with the default" : "");
}

static void print_noise(const struct result_checked *c, const struct query_facts *f, FILE *out)
{
    struct reading r = reading_of_all(&c->doc, c->receipt.asked, c->receipt.bound95);
    query_line(out, "Noise", "with 95 %% less than +-%s%s in an entry (%s in the sum)",
               reading_size(&r, c->receipt.bound95).text, reading_points(&r).text,
               number_of((__int128)f->plan.bound95, 1, 0).text);
    query_print_worth(&f->plan, out);
}

static void print_suppressed(const struct result_checked *c, FILE *out)
{
    if (c->doc.schema.threshold != 0) {
        query_line(out, "Suppressed", "%u of %u entries: their noisy sums are below %s",
                   receipt_suppressed(&c->receipt), c->receipt.entry_count,
                   number_of((__int128)c->doc.schema.threshold, 1, 0).text);
    }
}

static void print_identities(const struct result_checked *c, FILE *out)
{
    char hex[129];
    hex_encode(hex, c->id.data, sizeof c->id.data);
    query_line(out, "Query", "%s", hex);
    hex_encode(hex, c->receipt.mrenclave, sizeof c->receipt.mrenclave);
    query_line(out, "Aggregator", "%s", hex);
    hex_encode(hex, c->receipt.configid, sizeof c->receipt.configid);
    query_line(out, "", "with %.64s", hex);
    query_line(out, "", "     %s", hex + 64);
    hex_encode(hex, c->receipt.bundle, sizeof c->receipt.bundle);
    query_line(out, "Script", "%.64s", hex);
    query_line(out, "", "%s", hex + 64);
    hex_encode(hex, c->aggregator.root, sizeof c->aggregator.root);
    query_line(out, "Root", "%s", hex);
    query_line(out, "", "%s", query_result_root(c));
}

static void print_log(const struct result_checked *c, uint64_t release_index, FILE *out)
{
    char hex[65];
    hex_encode(hex, c->head.log.data, sizeof c->head.log.data);
    query_line(out, "Log", "%s", hex);
    query_line(out, "", "query %llu, release %llu of %llu leaves at %s",
               (unsigned long long)c->receipt.log_index, (unsigned long long)release_index,
               (unsigned long long)c->head.tree.size, reading_time(c->head.time).text);
    if (c->newest.tree.size != 0) {
        query_line(out, "", "it only grew since the aggregator looked, up to %llu leaves",
                   (unsigned long long)c->newest.tree.size);
    } else {
        query_line(out, "", "whether the aggregator saw the same log was not asked");
    }
    query_line(out, "Checked", "evidence, signature, numbers and log hold, as of %s",
               reading_time(c->time).text);
}

static void print_left(const struct query_spent *s, FILE *out)
{
    if (!s->known) {
        query_line(out, "Left", "unknown offline; what people allow, their custodians alone know");
        return;
    }
    query_line(out, "Left", "what a person allows one analyst in a week, less rho %s",
               number_plain((__int128)s->rho, 1000000, 6).text);
    query_line(out, "", "%s%u of your queries in the log can have been charged this week",
               s->whole ? "" : "at least ", s->queries);
}

void query_result_print(const struct result_checked *c, const struct query_facts *f, FILE *out)
{
    struct number first = reading_day(c->doc.first_day), last = reading_day(c->doc.last_day);
    fprintf(out, "%.*s\n%s by %.*s, %s to %s\n\n", TEXT(c->doc.question),
            query_aggregate_text(c->doc.schema.aggregate), TEXT(c->doc.function), first.text,
            last.text);
    print_table(c, out);
    fputc('\n', out);
    if (c->doc.schema.aggregate == QUERY_QUANTILE) {
        print_quantiles(c, f, out);
    }
    print_people(c, out);
    query_print_bounds(&c->doc, out);
    print_suppressed(c, out);
    print_noise(c, f, out);
    query_print_cost(f, out);
    print_left(&c->spent, out);
    query_print_liars(f, out);
    fputc('\n', out);
    print_identities(c, out);
    print_log(c, c->release_index, out);
}
