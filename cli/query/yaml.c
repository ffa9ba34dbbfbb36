/* SPDX-License-Identifier: Apache-2.0 */
/* Queries as YAML, see yaml.h. Which questions there are is the document's to say
 * (query/document.h); here are names and spellings. */
#include "query/yaml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "query/calendar.h"
#include "query/decimal.h"
#include "strict_yaml.h"

struct compiler {
    struct strict_yaml *yaml;
    struct query_document *doc;
    uint32_t index;                /* of the list's item that is read */
    struct query_program *program; /* that is read */
    uint8_t *configid;             /* of it; NULL: a worker, which has none of its own */
    unsigned seen;                 /* members of a program */
};
enum {
    SEEN_MRENCLAVE = 1,
    SEEN_MRSIGNER = 2,
    SEEN_PRODUCT = 4,
    SEEN_VERSION = 8,
    SEEN_CONFIG = 16
};

static int text_of(struct compiler *c, const yaml_node_t *n, struct bytes *ret)
{
    const char *text;
    int err = strict_yaml_text(c->yaml, n, &text);
    if (err == 0) {
        *ret = BYTES(text, strlen(text));
    }
    return err;
}

static int hex_of(struct compiler *c, const yaml_node_t *n, void *ret, size_t size)
{
    struct bytes text;
    int err = text_of(c, n, &text);
    if (err == 0 && !hex_decode(ret, size, text)) {
        err = strict_yaml_fail(c->yaml, n, "want %zu hexadecimal digits", size * 2);
    }
    return err;
}

static int number_of(struct compiler *c, const yaml_node_t *n, uint64_t max, uint64_t *ret)
{
    return strict_yaml_number(c->yaml, n, 0, max, ret);
}

/* A whole number with or without a minus, as large as an entry may be. */
static int integer_of(struct compiler *c, const yaml_node_t *n, int64_t *ret)
{
    struct bytes text;
    int64_t value = 0;
    int err = text_of(c, n, &text);
    if (err != 0) {
        return err;
    }
    bool negative = text.data[0] == '-';
    size_t i = negative ? 1 : 0, start = i;
    for (; i < text.size && i < 16 && text.data[i] >= '0' && text.data[i] <= '9'; i++) {
        value = value * 10 + (text.data[i] - '0');
    }
    if (i != text.size || i == start || (text.data[start] == '0' && (text.size > 1))) {
        return strict_yaml_fail(c->yaml, n, "want a whole number, such as -20");
    }
    *ret = negative ? -value : value;
    return 0;
}

/* ---- members --------------------------------------------------------------------------------- */

static int take_format(void *context, const yaml_node_t *n)
{
    struct compiler *c = context;
    return strict_yaml_is_word(n, "alcove-query-1")
               ? 0
               : strict_yaml_fail(c->yaml, n, "this reads alcove-query-1");
}

#define TAKE_TEXT(name)                                                                            \
    static int take_##name(void *context, const yaml_node_t *n)                                    \
    {                                                                                              \
        struct compiler *c = context;                                                              \
        return text_of(c, n, &c->doc->name);                                                       \
    }
TAKE_TEXT(question)
TAKE_TEXT(function)

#define TAKE_HEX(name, field)                                                                      \
    static int take_##name(void *context, const yaml_node_t *n)                                    \
    {                                                                                              \
        struct compiler *c = context;                                                              \
        return hex_of(c, n, c->doc->field, sizeof c->doc->field);                                  \
    }
TAKE_HEX(nonce, nonce)
TAKE_HEX(bundle, bundle)
TAKE_HEX(analyst, analyst.data)

#define TAKE_NUMBER(name, field)                                                                   \
    static int take_##name(void *context, const yaml_node_t *n)                                    \
    {                                                                                              \
        struct compiler *c = context;                                                              \
        return number_of(c, n, INT64_MAX, &c->doc->field);                                         \
    }
TAKE_NUMBER(run_ms, run_ms)
TAKE_NUMBER(min, users_min)
TAKE_NUMBER(max, users_max)
TAKE_NUMBER(total, schema.most_total)
TAKE_NUMBER(whole, schema.whole)
TAKE_NUMBER(square, schema.most_square)
TAKE_NUMBER(threshold, schema.threshold)

static int take_l0(void *context, const yaml_node_t *n)
{
    struct compiler *c = context;
    uint64_t value = 0;
    int err = number_of(c, n, QUERY_ENTRIES_MAX, &value);
    c->doc->schema.most_entries = (uint32_t)value;
    return err;
}

static int take_rho(void *context, const yaml_node_t *n)
{
    struct compiler *c = context;
    struct bytes text;
    struct diag d = {""};
    int err = text_of(c, n, &text);
    if (err == 0 && dp_parse_micro(text, DP_RHO_MAX, &c->doc->cost, &d) != 0) {
        err = strict_yaml_fail(c->yaml, n, "%s", d.text);
    }
    return err;
}

static int take_noise(void *context, const yaml_node_t *n)
{
    struct compiler *c = context;
    c->doc->noise = strict_yaml_is_word(n, "laplace") ? DP_LAPLACE : DP_GAUSSIAN;
    return c->doc->noise == DP_LAPLACE || strict_yaml_is_word(n, "gaussian")
               ? 0
               : strict_yaml_fail(c->yaml, n, "want gaussian or laplace");
}

static int take_aggregate(void *context, const yaml_node_t *n)
{
    struct compiler *c = context;
    struct bytes name;
    int err = text_of(c, n, &name);
    if (err == 0 && !query_aggregate_named(name, &c->doc->schema.aggregate)) {
        err =
            strict_yaml_fail(c->yaml, n, "want count, sum, mean, histogram, share, quantile or od");
    }
    return err;
}

static int take_deadline(void *context, const yaml_node_t *n)
{
    struct compiler *c = context;
    struct bytes text;
    uint64_t days;
    unsigned second;
    int err = text_of(c, n, &text);
    if (err == 0 && !calendar_read((const char *)text.data, &days, &second)) {
        err = strict_yaml_fail(c->yaml, n, "want a time such as 2026-10-13T00:00:00Z");
    }
    if (err == 0) {
        c->doc->deadline = days * 86400 + second;
    }
    return err;
}

static int take_day(struct compiler *c, const yaml_node_t *n, uint64_t *ret)
{
    struct bytes text;
    unsigned second;
    int err = text_of(c, n, &text);
    if (err == 0 && (text.size != 10 || !calendar_read((const char *)text.data, ret, &second))) {
        err = strict_yaml_fail(c->yaml, n, "want a day such as 2026-10-05");
    }
    return err;
}

static int take_window(void *context, const yaml_node_t *n)
{
    struct compiler *c = context;
    size_t count;
    int err = strict_yaml_list(c->yaml, n, 2, &count);
    if (err == 0 && count != 2) {
        err = strict_yaml_fail(c->yaml, n, "want the first and the last day");
    }
    err = err != 0 ? err : take_day(c, strict_yaml_item(c->yaml, n, 0), &c->doc->first_day);
    return err != 0 ? err : take_day(c, strict_yaml_item(c->yaml, n, 1), &c->doc->last_day);
}

static int take_users(void *context, const yaml_node_t *n)
{
    static const struct strict_yaml_member members[] = {{"min", take_min}, {"max", take_max}, {0}};
    struct compiler *c = context;
    return strict_yaml_members(c->yaml, n, members, c);
}

static int take_bounds(void *context, const yaml_node_t *n)
{
    static const struct strict_yaml_member members[] = {
        {"total", take_total}, {"whole", take_whole},         {"square", take_square},
        {"entries", take_l0},  {"threshold", take_threshold}, {0}};
    struct compiler *c = context;
    return strict_yaml_members(c->yaml, n, members, c);
}

/* ---- lists ----------------------------------------------------------------------------------- */

static int take_entry_name(void *context, const yaml_node_t *n)
{
    struct compiler *c = context;
    return text_of(c, n, &c->doc->labels[c->index].name);
}

static int take_entry_unit(void *context, const yaml_node_t *n)
{
    struct compiler *c = context;
    return text_of(c, n, &c->doc->labels[c->index].unit);
}

#define TAKE_INTEGER(name, field)                                                                  \
    static int take_##name(void *context, const yaml_node_t *n)                                    \
    {                                                                                              \
        struct compiler *c = context;                                                              \
        return integer_of(c, n, &c->doc->entries[c->index].field);                                 \
    }
TAKE_INTEGER(low, low)
TAKE_INTEGER(high, high)
TAKE_INTEGER(fallback, fallback)

static int take_entries(void *context, const yaml_node_t *n)
{
    static const struct strict_yaml_member members[] = {
        {"name", take_entry_name}, {"unit", take_entry_unit},  {"low", take_low},
        {"high", take_high},       {"default", take_fallback}, {0}};
    struct compiler *c = context;
    size_t count = 0;
    int err = strict_yaml_list(c->yaml, n, QUERY_ENTRIES_MAX, &count);
    for (c->index = 0; c->index < count && err == 0; c->index++) {
        err = strict_yaml_members(c->yaml, strict_yaml_item(c->yaml, n, c->index), members, c);
    }
    c->doc->schema.entry_count = (uint32_t)count;
    return err;
}

static int take_roots(void *context, const yaml_node_t *n)
{
    struct compiler *c = context;
    size_t count = 0;
    int err = strict_yaml_list(c->yaml, n, QUERY_ROOTS_MAX, &count);
    for (size_t i = 0; i < count && err == 0; i++) {
        err = hex_of(c, strict_yaml_item(c->yaml, n, i), c->doc->roots[i], 32);
    }
    c->doc->root_count = (uint32_t)count;
    return err;
}

static int take_mrenclave(void *context, const yaml_node_t *n)
{
    struct compiler *c = context;
    c->seen |= SEEN_MRENCLAVE;
    return hex_of(c, n, c->program->measurement, 32);
}

static int take_mrsigner(void *context, const yaml_node_t *n)
{
    struct compiler *c = context;
    c->seen |= SEEN_MRSIGNER;
    c->program->by_signer = true;
    return hex_of(c, n, c->program->measurement, 32);
}

static int take_product(void *context, const yaml_node_t *n)
{
    struct compiler *c = context;
    uint64_t value = 0;
    int err = number_of(c, n, UINT16_MAX, &value);
    c->seen |= SEEN_PRODUCT;
    c->program->isvprodid = (uint16_t)value;
    return err;
}

static int take_version(void *context, const yaml_node_t *n)
{
    struct compiler *c = context;
    uint64_t value = 0;
    int err = number_of(c, n, UINT16_MAX, &value);
    c->seen |= SEEN_VERSION;
    c->program->min_isvsvn = (uint16_t)value;
    return err;
}

static int take_configid(void *context, const yaml_node_t *n)
{
    struct compiler *c = context;
    c->seen |= SEEN_CONFIG;
    return c->configid != NULL
               ? hex_of(c, n, c->configid, 64)
               : strict_yaml_fail(c->yaml, n, "a worker's CONFIGID is the query's bundle");
}

/* A measurement, or a signer's triple; and a CONFIGID unless it is a worker. */
static int take_program(struct compiler *c, const yaml_node_t *n, struct query_program *program,
                        uint8_t *configid)
{
    static const struct strict_yaml_member members[] = {
        {"mrenclave", take_mrenclave}, {"mrsigner", take_mrsigner}, {"isvprodid", take_product},
        {"min_isvsvn", take_version},  {"configid", take_configid}, {0}};
    c->program = program;
    c->configid = configid;
    c->seen = 0;
    int err = strict_yaml_members(c->yaml, n, members, c);
    unsigned config = configid != NULL ? SEEN_CONFIG : 0;
    if (err == 0 && c->seen != (SEEN_MRENCLAVE | config) &&
        c->seen != (SEEN_MRSIGNER | SEEN_PRODUCT | SEEN_VERSION | config)) {
        err = strict_yaml_fail(c->yaml, n,
                               "want mrenclave, or mrsigner with isvprodid and "
                               "min_isvsvn%s",
                               configid != NULL ? "; and configid" : "");
    }
    return err;
}

static int take_workers(void *context, const yaml_node_t *n)
{
    struct compiler *c = context;
    size_t count = 0;
    int err = strict_yaml_list(c->yaml, n, QUERY_IDENTITIES_MAX, &count);
    for (size_t i = 0; i < count && err == 0; i++) {
        err = take_program(c, strict_yaml_item(c->yaml, n, i), &c->doc->workers[i], NULL);
    }
    c->doc->worker_count = (uint32_t)count;
    return err;
}

static int take_identities(struct compiler *c, const yaml_node_t *n, struct query_identity *ret,
                           uint32_t *ret_count)
{
    size_t count = 0;
    int err = strict_yaml_list(c->yaml, n, QUERY_IDENTITIES_MAX, &count);
    for (size_t i = 0; i < count && err == 0; i++) {
        err = take_program(c, strict_yaml_item(c->yaml, n, i), &ret[i].program, ret[i].configid);
    }
    *ret_count = (uint32_t)count;
    return err;
}

static int take_custodians(void *context, const yaml_node_t *n)
{
    struct compiler *c = context;
    return take_identities(c, n, c->doc->custodians, &c->doc->custodian_count);
}

static int take_aggregators(void *context, const yaml_node_t *n)
{
    struct compiler *c = context;
    return take_identities(c, n, c->doc->aggregators, &c->doc->aggregator_count);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static const struct strict_yaml_member members[] = {
    {"format", take_format},
    {"question", take_question},
    {"function", take_function},
    {"bundle", take_bundle},
    {"analyst", take_analyst},
    {"nonce", take_nonce},
    {"window", take_window},
    {"deadline", take_deadline},
    {"run_ms", take_run_ms},
    {"users", take_users},
    {"rho", take_rho},
    {"noise", take_noise},
    {"aggregate", take_aggregate},
    {"entries", take_entries},
    {"roots", take_roots},
    {"custodians", take_custodians},
    {"workers", take_workers},
    {"aggregators", take_aggregators},
    {"bounds", take_bounds}, /* the last one: it may be left out */
    {0}};

static int complete(struct strict_yaml *y, const yaml_node_t *root)
{
    size_t count;
    int err = strict_yaml_map(y, root, ARRAY_SIZE(members), &count);
    for (size_t m = 0; m + 2 < ARRAY_SIZE(members) && err == 0; m++) {
        bool found = false;
        for (size_t i = 0; i < count; i++) {
            found = found ||
                    strcmp(strict_yaml_key(strict_yaml_pair(y, root, i).key), members[m].name) == 0;
        }
        err = found ? 0 : strict_yaml_fail(y, root, "%s is missing", members[m].name);
    }
    return err;
}

int query_yaml_compile(struct bytes text, const char *path, struct writer *out, struct diag *d)
{
    struct strict_yaml yaml;
    struct query_document *doc = calloc(1, sizeof *doc);
    if (doc == NULL) {
        return diag_fail(d, -ENOMEM, "%s: no memory", path);
    }
    struct compiler c = {.yaml = &yaml, .doc = doc};
    int err = strict_yaml_open(&yaml, text, path, d);
    if (err == 0) {
        const yaml_node_t *root = strict_yaml_root(&yaml);
        err = strict_yaml_members(&yaml, root, members, &c);
        err = err != 0 ? err : complete(&yaml, root);
        err = err != 0 ? err : query_document_encode(doc, out, d);
    }
    strict_yaml_close(&yaml);
    free(doc);
    return err;
}

/* ---- printing -------------------------------------------------------------------------------- */

static void print_hex(FILE *out, const char *key, const void *data, size_t size)
{
    char text[129];
    hex_encode(text, data, size);
    fprintf(out, "%s\"%s\"", key, text);
}

static void print_text(FILE *out, const char *key, struct bytes text)
{
    fprintf(out, "%s\"", key);
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\') {
            fputc('\\', out);
        }
        fputc(text.data[i], out);
    }
    fputc('"', out);
}

static void print_program(FILE *out, const struct query_program *p, const uint8_t *configid)
{
    print_hex(out, p->by_signer ? "  - {mrsigner: " : "  - {mrenclave: ", p->measurement, 32);
    if (p->by_signer) {
        fprintf(out, ", isvprodid: %u, min_isvsvn: %u", p->isvprodid, p->min_isvsvn);
    }
    if (configid != NULL) {
        print_hex(out, ", configid: ", configid, 64);
    }
    fprintf(out, "}\n");
}

static void print_day(FILE *out, const char *before, uint64_t day)
{
    unsigned y, m, d;
    calendar_civil(day, &y, &m, &d);
    fprintf(out, "%s%04u-%02u-%02u", before, y, m, d);
}

static void print_who(const struct query_document *doc, FILE *out)
{
    fprintf(out, "roots:\n");
    for (uint32_t i = 0; i < doc->root_count; i++) {
        print_hex(out, "  - ", doc->roots[i], 32);
        fprintf(out, "\n");
    }
    fprintf(out, "custodians:\n");
    for (uint32_t i = 0; i < doc->custodian_count; i++) {
        print_program(out, &doc->custodians[i].program, doc->custodians[i].configid);
    }
    fprintf(out, "workers:\n");
    for (uint32_t i = 0; i < doc->worker_count; i++) {
        print_program(out, &doc->workers[i], NULL);
    }
    fprintf(out, "aggregators:\n");
    for (uint32_t i = 0; i < doc->aggregator_count; i++) {
        print_program(out, &doc->aggregators[i].program, doc->aggregators[i].configid);
    }
}

static void print_when(const struct query_document *doc, FILE *out)
{
    unsigned second = (unsigned)(doc->deadline % 86400);
    print_day(out, "window: [", doc->first_day);
    print_day(out, ", ", doc->last_day);
    print_day(out, "]\ndeadline: ", doc->deadline / 86400);
    fprintf(out, "T%02u:%02u:%02uZ\nrun_ms: %llu\n", second / 3600, second / 60 % 60, second % 60,
            (unsigned long long)doc->run_ms);
}

void query_yaml_print(const struct query_document *doc, FILE *out)
{
    const struct query_schema *s = &doc->schema;
    fprintf(out, "format: alcove-query-1\n");
    print_text(out, "question: ", doc->question);
    fprintf(out, "\nfunction: %.*s\n", (int)doc->function.size, (const char *)doc->function.data);
    fprintf(out, "aggregate: %s\n", query_aggregate_text(s->aggregate));
    fprintf(out, "noise: %s\n", doc->noise == DP_LAPLACE ? "laplace" : "gaussian");
    fprintf(out, "rho: %llu.%06llu\n", (unsigned long long)(doc->cost / 1000000),
            (unsigned long long)(doc->cost % 1000000));
    fprintf(out, "users: {min: %llu, max: %llu}\n", (unsigned long long)doc->users_min,
            (unsigned long long)doc->users_max);
    print_when(doc, out);
    fprintf(out, "bounds: {total: %llu, whole: %llu, square: %llu, entries: %u, threshold: %llu}\n",
            (unsigned long long)s->most_total, (unsigned long long)s->whole,
            (unsigned long long)s->most_square, s->most_entries, (unsigned long long)s->threshold);
    fprintf(out, "entries:\n");
    for (uint32_t i = 0; i < s->entry_count; i++) {
        print_text(out, "  - {name: ", doc->labels[i].name);
        print_text(out, ", unit: ", doc->labels[i].unit);
        fprintf(out, ", low: %lld, high: %lld, default: %lld}\n", (long long)doc->entries[i].low,
                (long long)doc->entries[i].high, (long long)doc->entries[i].fallback);
    }
    print_hex(out, "bundle: ", doc->bundle, 64);
    print_hex(out, "\nanalyst: ", doc->analyst.data, 32);
    print_hex(out, "\nnonce: ", doc->nonce, sizeof doc->nonce);
    fprintf(out, "\n");
    print_who(doc, out);
}
