/* SPDX-License-Identifier: Apache-2.0 */
/* Query documents, see query/document.h. They come from analysts, through the operator: whoever
 * reads one may show it to a person, charge a lease for it, and run what it names. The rules stand
 * once, in check(), for reading and writing; reading checks besides that lists are sorted sets,
 * since there is exactly one encoding. */
#include "query/document.h"

#include <errno.h>

#include "log/fields.h"

#define FORMAT "alcove-query-1"
/* The longest item of a list: a signer's triple and a CONFIGID. */
#define ITEM_MAX 128

static const char *const noises[] = {[DP_GAUSSIAN] = "gaussian", [DP_LAPLACE] = "laplace"};

/* ---- rules ----------------------------------------------------------------------------------- */

static bool function_ok(struct bytes name)
{
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        bool letter = (c >= 'a' && c <= 'z') || c == '_';
        if (!letter && !(i > 0 && c >= '0' && c <= '9')) {
            return false;
        }
    }
    return name.size > 0 && name.size <= QUERY_FUNCTION_MAX;
}

static bool text_ok(struct bytes text, size_t max)
{
    return text.size > 0 && text.size <= max && field_text_shown(text);
}

/* Places for entries by their names' hash; twice as many as entries, so that looking for one is
 * short. Who writes names that meet in one place makes it slow, and no slower than comparing all.
 */
#define NAME_PLACES (2 * QUERY_ENTRIES_MAX)

static uint32_t place_of(struct bytes name)
{
    uint32_t hash = UINT32_C(2166136261); /* FNV-1a */
    for (size_t i = 0; i < name.size; i++) {
        hash = (hash ^ name.data[i]) * UINT32_C(16777619);
    }
    return (hash ^ hash >> 16) % NAME_PLACES;
}

/* Takes a place for entry i; the entry that has the same name, or i. */
static uint32_t take_place(const struct query_document *doc, uint16_t *places, uint32_t i)
{
    struct bytes name = doc->labels[i].name;
    uint32_t at = place_of(name);
    for (; places[at] != 0; at = (at + 1) % NAME_PLACES) {
        if (bytes_equal(name, doc->labels[places[at] - 1].name)) {
            return places[at] - 1u;
        }
    }
    places[at] = (uint16_t)(i + 1);
    return i;
}

static int check_labels(const struct query_document *doc, struct diag *d)
{
    uint16_t places[NAME_PLACES] = {0};
    uint32_t n = doc->schema.entry_count;
    for (uint32_t i = 0; i < n; i++) {
        const struct query_label *label = &doc->labels[i];
        if (!text_ok(label->name, QUERY_LABEL_MAX) || !text_ok(label->unit, QUERY_UNIT_MAX)) {
            return diag_fail(d, -EINVAL, "entry %u: a name of 1 to %u bytes and a unit of 1 to %u",
                             i, QUERY_LABEL_MAX, QUERY_UNIT_MAX);
        }
        uint32_t same = take_place(doc, places, i);
        if (same != i) {
            return diag_fail(d, -EINVAL, "entries %u and %u have the same name", same, i);
        }
    }
    return 0;
}

static bool count_ok(uint32_t count, uint32_t max)
{
    return count >= 1 && count <= max;
}

static int check_who(const struct query_document *doc, struct diag *d)
{
    if (!count_ok(doc->root_count, QUERY_ROOTS_MAX) ||
        !count_ok(doc->custodian_count, QUERY_IDENTITIES_MAX) ||
        !count_ok(doc->worker_count, QUERY_IDENTITIES_MAX) ||
        !count_ok(doc->aggregator_count, QUERY_IDENTITIES_MAX)) {
        return diag_fail(d, -EINVAL, "roots, custodians, workers, aggregators: 1 to %u of each",
                         QUERY_IDENTITIES_MAX);
    }
    if (!function_ok(doc->function)) {
        return diag_fail(d, -EINVAL, "function: small letters, digits and _, at most %u",
                         QUERY_FUNCTION_MAX);
    }
    if (!text_ok(doc->question, QUERY_QUESTION_MAX)) {
        return diag_fail(d, -EINVAL, "question: 1 to %u bytes of plain text", QUERY_QUESTION_MAX);
    }
    return 0;
}

static int check_when(const struct query_document *doc, struct diag *d)
{
    if (!(doc->first_day >= QUERY_DAY_FIRST && doc->last_day <= QUERY_DAY_LAST &&
          doc->first_day <= doc->last_day && doc->last_day - doc->first_day < QUERY_DAYS_MAX)) {
        return diag_fail(d, -EINVAL, "window: at most %u days, between the years 2000 and 2199",
                         QUERY_DAYS_MAX);
    }
    if (!(doc->deadline >= 1 && doc->deadline <= QUERY_TIME_MAX)) {
        return diag_fail(d, -EINVAL, "deadline: seconds since 1970, before 2200");
    }
    if (!(doc->run_ms >= 1 && doc->run_ms <= QUERY_RUN_MS_MAX)) {
        return diag_fail(d, -EINVAL, "run_ms: 1 to %u", QUERY_RUN_MS_MAX);
    }
    return 0;
}

struct query_schema query_document_schema(const struct query_document *doc)
{
    struct query_schema schema = doc->schema;
    schema.entries = doc->entries;
    return schema;
}

static int plan_for(const struct query_document *doc, uint64_t users, struct query_plan *ret,
                    struct diag *d)
{
    struct query_schema schema = query_document_schema(doc);
    return query_make_plan(&schema, doc->noise, users, doc->cost, ret, d);
}

static int check(const struct query_document *doc, struct diag *d)
{
    struct query_plan plan;
    int err = check_who(doc, d);
    err = err != 0 ? err : check_when(doc, d);
    if (err != 0) {
        return err;
    }
    if (!(doc->users_min >= QUERY_USERS_LEAST && doc->users_min <= doc->users_max &&
          doc->users_max <= QUERY_USERS_MAX)) {
        return diag_fail(d, -EINVAL, "users: at least %u, at most %llu", QUERY_USERS_LEAST,
                         (unsigned long long)QUERY_USERS_MAX);
    }
    if (!(doc->cost >= 1 && doc->cost <= DP_RHO_MAX)) {
        return diag_fail(d, -EINVAL, "cost: 1 to %llu millionths of rho",
                         (unsigned long long)DP_RHO_MAX);
    }
    if ((unsigned)doc->noise >= ARRAY_SIZE(noises)) {
        return diag_fail(d, -EINVAL, "noise: gaussian or laplace");
    }
    if (!count_ok(doc->schema.entry_count, QUERY_ENTRIES_MAX)) {
        return diag_fail(d, -EINVAL, "entries: 1 to %u", QUERY_ENTRIES_MAX);
    }
    err = check_labels(doc, d);
    /* The most people have the largest sum: when that fits, all do. */
    return err != 0 ? err : plan_for(doc, doc->users_max, &plan, d);
}

/* ---- lists ----------------------------------------------------------------------------------- */

/* Is a before b, bytewise? */
static bool before(struct bytes a, struct bytes b)
{
    size_t n = a.size < b.size ? a.size : b.size;
    int order = n > 0 ? __builtin_memcmp(a.data, b.data, n) : 0;
    return order != 0 ? order < 0 : a.size < b.size;
}

/* Starts at each item: what was read since the last call must be larger than that before. */
struct sorted {
    struct bytes last;
};

static void in_order(struct cbor_reader *r, struct sorted *s, struct bytes rest)
{
    struct bytes item = {rest.data, rest.size - r->in.rest.size};
    if (s->last.size > 0 && !before(s->last, item)) {
        cbor_fail(r);
    }
    s->last = item;
}

static void take_program(struct cbor_reader *r, struct query_program *p)
{
    enum cbor_kind kind = CBOR_NULL;
    p->by_signer = cbor_peek(r, &kind) && kind == CBOR_ARRAY;
    if (p->by_signer) {
        field_array(r, 3);
    }
    field_item(r, p->measurement, sizeof p->measurement);
    if (p->by_signer) {
        p->isvprodid = (uint16_t)cbor_uint(r, UINT16_MAX);
        p->min_isvsvn = (uint16_t)cbor_uint(r, UINT16_MAX);
    }
}

static void put_program(struct writer *w, const struct query_program *p)
{
    if (p->by_signer) {
        cbor_put_array(w, 3);
    }
    cbor_put_bytes(w, BYTES_OF(p->measurement));
    if (p->by_signer) {
        cbor_put_uint(w, p->isvprodid);
        cbor_put_uint(w, p->min_isvsvn);
    }
}

static void take_identity(struct cbor_reader *r, struct query_identity *identity)
{
    field_array(r, 2);
    take_program(r, &identity->program);
    field_item(r, identity->configid, sizeof identity->configid);
}

static void put_identity(struct writer *w, const struct query_identity *identity)
{
    cbor_put_array(w, 2);
    put_program(w, &identity->program);
    cbor_put_bytes(w, BYTES_OF(identity->configid));
}

static void take_identities(struct cbor_reader *r, struct cbor_map *map, const char *key,
                            struct query_identity *ret, uint32_t *ret_count)
{
    struct sorted order = {0};
    field_key(r, map, key);
    *ret_count = (uint32_t)cbor_array(r, QUERY_IDENTITIES_MAX);
    for (uint32_t i = 0; i < *ret_count && cbor_ok(r); i++) {
        struct bytes rest = r->in.rest;
        take_identity(r, &ret[i]);
        in_order(r, &order, rest);
    }
}

/* Items as bytes, to be written in their order. */
struct items {
    struct writer item[QUERY_IDENTITIES_MAX];
    uint8_t bytes[QUERY_IDENTITIES_MAX][ITEM_MAX];
};
_Static_assert(QUERY_ROOTS_MAX <= QUERY_IDENTITIES_MAX, "roots are items too");

static struct writer *start_item(struct items *items, uint32_t i)
{
    items->item[i] = writer_of(items->bytes[i], ITEM_MAX);
    return &items->item[i];
}

static struct bytes item_bytes(const struct items *items, uint32_t i)
{
    return (struct bytes){items->bytes[i], items->item[i].size};
}

/* Twice the same item makes the list longer than what is written: refused. */
static bool put_items(struct writer *w, const char *key, const struct items *items, uint32_t count)
{
    struct bytes last = {NULL, 0};
    cbor_put_str(w, key);
    cbor_put_array(w, count);
    for (uint32_t written = 0; written < count; written++) {
        struct bytes next = {NULL, 0};
        for (uint32_t i = 0; i < count; i++) {
            struct bytes item = item_bytes(items, i);
            if (before(last, item) && (next.size == 0 || before(item, next))) {
                next = item;
            }
        }
        if (next.size == 0) {
            return false;
        }
        writer_put(w, next);
        last = next;
    }
    return true;
}

static bool put_identities(struct writer *w, const char *key, const struct query_identity *list,
                           uint32_t count)
{
    struct items items;
    for (uint32_t i = 0; i < count; i++) {
        put_identity(start_item(&items, i), &list[i]);
    }
    return put_items(w, key, &items, count);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void take_noise(struct cbor_reader *r, struct cbor_map *map, enum dp_kind *ret)
{
    field_key(r, map, "noise");
    struct bytes name = cbor_text(r, QUERY_LABEL_MAX);
    for (unsigned i = 0; i < ARRAY_SIZE(noises); i++) {
        if (bytes_equal_str(name, noises[i])) {
            *ret = (enum dp_kind)i;
            return;
        }
    }
    cbor_fail(r);
}

static void take_roots(struct cbor_reader *r, struct cbor_map *map, struct query_document *doc)
{
    struct sorted order = {0};
    field_key(r, map, "roots");
    doc->root_count = (uint32_t)cbor_array(r, QUERY_ROOTS_MAX);
    for (uint32_t i = 0; i < doc->root_count && cbor_ok(r); i++) {
        struct bytes rest = r->in.rest;
        field_item(r, doc->roots[i], sizeof doc->roots[i]);
        in_order(r, &order, rest);
    }
}

static void take_pair(struct cbor_reader *r, struct cbor_map *map, const char *key,
                      uint64_t *ret_first, uint64_t *ret_second)
{
    field_key(r, map, key);
    field_array(r, 2);
    *ret_first = cbor_uint(r, UINT64_MAX);
    *ret_second = cbor_uint(r, UINT64_MAX);
}

static void take_bounds(struct cbor_reader *r, struct cbor_map *map, struct query_schema *s)
{
    field_key(r, map, "bounds");
    struct cbor_map bounds = field_map(r, 5);
    s->most_total = field_uint(r, &bounds, "total", 0, UINT64_MAX);
    s->whole = field_uint(r, &bounds, "whole", 0, UINT64_MAX);
    s->most_square = field_uint(r, &bounds, "square", 0, UINT64_MAX);
    s->most_entries = (uint32_t)field_uint(r, &bounds, "entries", 0, QUERY_ENTRIES_MAX);
    s->threshold = field_uint(r, &bounds, "threshold", 0, UINT64_MAX);
}

static void take_entries(struct cbor_reader *r, struct cbor_map *map, struct query_document *doc)
{
    field_key(r, map, "entries");
    size_t count = cbor_array(r, QUERY_ENTRIES_MAX);
    for (size_t i = 0; i < count && cbor_ok(r); i++) {
        field_array(r, 5);
        doc->labels[i].name = cbor_text(r, QUERY_LABEL_MAX);
        doc->labels[i].unit = cbor_text(r, QUERY_UNIT_MAX);
        doc->entries[i].low = cbor_int(r);
        doc->entries[i].high = cbor_int(r);
        doc->entries[i].fallback = cbor_int(r);
    }
    doc->schema.entry_count = (uint32_t)count;
}

static void take_workers(struct cbor_reader *r, struct cbor_map *map, struct query_document *doc)
{
    struct sorted order = {0};
    field_key(r, map, "workers");
    doc->worker_count = (uint32_t)cbor_array(r, QUERY_IDENTITIES_MAX);
    for (uint32_t i = 0; i < doc->worker_count && cbor_ok(r); i++) {
        struct bytes rest = r->in.rest;
        take_program(r, &doc->workers[i]);
        in_order(r, &order, rest);
    }
}

static void take_document(struct cbor_reader *r, struct query_document *doc)
{
    struct cbor_map map = field_map(r, 19);
    doc->cost = field_uint(r, &map, "cost", 0, UINT64_MAX);
    take_noise(r, &map, &doc->noise);
    field_fixed(r, &map, "nonce", doc->nonce, sizeof doc->nonce);
    take_roots(r, &map, doc);
    take_pair(r, &map, "users", &doc->users_min, &doc->users_max);
    take_bounds(r, &map, &doc->schema);
    field_fixed(r, &map, "bundle", doc->bundle, sizeof doc->bundle);
    field_word(r, &map, "format", FORMAT);
    doc->run_ms = field_uint(r, &map, "run_ms", 0, UINT64_MAX);
    take_pair(r, &map, "window", &doc->first_day, &doc->last_day);
    field_fixed(r, &map, "analyst", doc->analyst.data, sizeof doc->analyst.data);
    take_entries(r, &map, doc);
    take_workers(r, &map, doc);
    doc->deadline = field_uint(r, &map, "deadline", 0, UINT64_MAX);
    field_key(r, &map, "function");
    doc->function = cbor_text(r, QUERY_FUNCTION_MAX);
    field_key(r, &map, "question");
    doc->question = cbor_text(r, QUERY_QUESTION_MAX);
    field_key(r, &map, "aggregate");
    if (!query_aggregate_named(cbor_text(r, QUERY_LABEL_MAX), &doc->schema.aggregate)) {
        cbor_fail(r);
    }
    take_identities(r, &map, "custodians", doc->custodians, &doc->custodian_count);
    take_identities(r, &map, "aggregators", doc->aggregators, &doc->aggregator_count);
}

int query_document_decode(struct bytes cbor, struct query_document *ret, struct diag *d)
{
    struct cbor_reader r = cbor_reader_of(cbor);
    __builtin_memset(ret, 0, sizeof *ret);
    if (cbor.size > QUERY_DOCUMENT_MAX) {
        return diag_fail(d, -EINVAL, "query: longer than %u bytes", QUERY_DOCUMENT_MAX);
    }
    take_document(&r, ret);
    int err = cursor_done(&r.in) ? check(ret, d)
                                 : diag_fail(d, -EINVAL, "not a well-formed " FORMAT " document");
    if (err != 0) {
        diag_prefix(d, "query");
        __builtin_memset(ret, 0, sizeof *ret);
    }
    return err;
}

/* ---- writing --------------------------------------------------------------------------------- */

static bool put_roots(struct writer *w, const struct query_document *doc)
{
    struct items items;
    for (uint32_t i = 0; i < doc->root_count; i++) {
        cbor_put_bytes(start_item(&items, i), BYTES_OF(doc->roots[i]));
    }
    return put_items(w, "roots", &items, doc->root_count);
}

static bool put_workers(struct writer *w, const struct query_document *doc)
{
    struct items items;
    for (uint32_t i = 0; i < doc->worker_count; i++) {
        put_program(start_item(&items, i), &doc->workers[i]);
    }
    return put_items(w, "workers", &items, doc->worker_count);
}

static void put_pair(struct writer *w, const char *key, uint64_t first, uint64_t second)
{
    cbor_put_str(w, key);
    cbor_put_array(w, 2);
    cbor_put_uint(w, first);
    cbor_put_uint(w, second);
}

static void put_bounds(struct writer *w, const struct query_schema *s)
{
    cbor_put_str(w, "bounds");
    cbor_put_map(w, 5);
    field_put_uint(w, "total", s->most_total);
    field_put_uint(w, "whole", s->whole);
    field_put_uint(w, "square", s->most_square);
    field_put_uint(w, "entries", s->most_entries);
    field_put_uint(w, "threshold", s->threshold);
}

static void put_entries(struct writer *w, const struct query_document *doc)
{
    cbor_put_str(w, "entries");
    cbor_put_array(w, doc->schema.entry_count);
    for (uint32_t i = 0; i < doc->schema.entry_count; i++) {
        cbor_put_array(w, 5);
        cbor_put_text(w, doc->labels[i].name);
        cbor_put_text(w, doc->labels[i].unit);
        cbor_put_int(w, doc->entries[i].low);
        cbor_put_int(w, doc->entries[i].high);
        cbor_put_int(w, doc->entries[i].fallback);
    }
}

/* Returns the list that names something twice; NULL: none does. */
static const char *put_document(struct writer *w, const struct query_document *doc)
{
    cbor_put_map(w, 19);
    field_put_uint(w, "cost", doc->cost);
    field_put_word(w, "noise", noises[doc->noise]);
    field_put_fixed(w, "nonce", doc->nonce, sizeof doc->nonce);
    const char *twice = put_roots(w, doc) ? NULL : "roots";
    put_pair(w, "users", doc->users_min, doc->users_max);
    put_bounds(w, &doc->schema);
    field_put_fixed(w, "bundle", doc->bundle, sizeof doc->bundle);
    field_put_word(w, "format", FORMAT);
    field_put_uint(w, "run_ms", doc->run_ms);
    put_pair(w, "window", doc->first_day, doc->last_day);
    field_put_fixed(w, "analyst", doc->analyst.data, sizeof doc->analyst.data);
    put_entries(w, doc);
    twice = put_workers(w, doc) ? twice : "workers";
    field_put_uint(w, "deadline", doc->deadline);
    field_put_text(w, "function", doc->function);
    field_put_text(w, "question", doc->question);
    field_put_word(w, "aggregate", query_aggregate_text(doc->schema.aggregate));
    twice = put_identities(w, "custodians", doc->custodians, doc->custodian_count) ? twice
                                                                                   : "custodians";
    return put_identities(w, "aggregators", doc->aggregators, doc->aggregator_count)
               ? twice
               : "aggregators";
}

int query_document_encode(const struct query_document *doc, struct writer *out, struct diag *d)
{
    size_t start = out->size;
    int err = check(doc, d);
    if (err != 0) {
        diag_prefix(d, "query");
        return err;
    }
    const char *twice = put_document(out, doc);
    struct cbor_reader r = cbor_reader_of(BYTES(out->data + start, out->size - start));
    if (out->failed || out->size - start > QUERY_DOCUMENT_MAX) {
        err = diag_fail(d, -ENOSPC, "query: the document does not fit");
    } else if (twice != NULL) {
        err = diag_fail(d, -EINVAL, "query: %s names the same thing twice: leave one out", twice);
    } else if (cbor_skip(&r).size == 0) { /* the reader knows what UTF-8 is */
        err = diag_fail(d, -EINVAL, "query: a text is not UTF-8");
    }
    out->size = err != 0 ? start : out->size;
    return err;
}

int query_document_id(struct bytes cbor, struct query_hash *ret)
{
    return query_hash_of(cbor, ret);
}

int query_document_plan(const struct query_document *doc, uint64_t users,
                        struct query_plan *ret_plan, struct diag *d)
{
    if (!(users >= doc->users_min && users <= doc->users_max)) {
        return diag_fail(d, -ERANGE, "query: asks %llu to %llu people, not %llu",
                         (unsigned long long)doc->users_min, (unsigned long long)doc->users_max,
                         (unsigned long long)users);
    }
    return plan_for(doc, users, ret_plan, d);
}

/* ---- whom it names --------------------------------------------------------------------------- */

static bool program_is(const struct query_program *p, const struct query_peer *peer)
{
    const uint8_t *measured = p->by_signer ? peer->mrsigner : peer->mrenclave;
    bool version =
        !p->by_signer || (p->isvprodid == peer->isvprodid && p->min_isvsvn <= peer->isvsvn);
    return version && ct_equal(p->measurement, measured, sizeof p->measurement);
}

static bool among(const struct query_identity *list, uint32_t count, const struct query_peer *peer)
{
    for (uint32_t i = 0; i < count; i++) {
        if (program_is(&list[i].program, peer) &&
            ct_equal(list[i].configid, peer->configid, sizeof peer->configid)) {
            return true;
        }
    }
    return false;
}

bool query_document_accepts(const struct query_document *doc, enum query_role role,
                            const struct query_peer *peer)
{
    bool found = false;
    switch (role) {
    case QUERY_ROLE_CUSTODIAN:
        return among(doc->custodians, doc->custodian_count, peer);
    case QUERY_ROLE_AGGREGATOR:
        return among(doc->aggregators, doc->aggregator_count, peer);
    case QUERY_ROLE_WORKER:
        for (uint32_t i = 0; i < doc->worker_count; i++) {
            found = found || program_is(&doc->workers[i], peer);
        }
        return found && ct_equal(doc->bundle, peer->configid, sizeof peer->configid);
    case QUERY_ROLE_NONE:
    case QUERY_ROLES:
    default:
        return false;
    }
}

bool query_document_accepts_root(const struct query_document *doc, const uint8_t spki_sha256[32])
{
    for (uint32_t i = 0; i < doc->root_count; i++) {
        if (ct_equal(doc->roots[i], spki_sha256, 32)) {
            return true;
        }
    }
    return false;
}
