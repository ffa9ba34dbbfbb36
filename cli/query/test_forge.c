/* SPDX-License-Identifier: Apache-2.0 */
#include "query/test_forge.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAVES 6

static char names[QUERY_ENTRIES_MAX][QUERY_LABEL_MAX + 1];

static void check(int err, const struct diag *d)
{
    if (err != 0) {
        fprintf(stderr, "forged result: %s\n", d->text);
        abort();
    }
}

static void key_of(uint8_t seed, struct query_secret_key *ret)
{
    uint8_t scalar[32] = {seed};
    REQUIRE(query_secret_key_read(BYTES_OF(scalar), ret) == 0);
}

void forged_begin(struct forged *f)
{
    memset(f, 0, sizeof *f);
    key_of(11, &f->log);
    key_of(22, &f->signing);
    key_of(33, &f->other);
    f->signs = &f->signing;
    f->asked_later = true;
    f->query_index = 2;
    f->release_index = 4;
    forge_defaults(&f->spec);
    f->manifest = (struct manifest){.door = DOOR_SHIM,
                                    .attestation = true,
                                    .memory = 1u << 20,
                                    .threads = 1,
                                    .entry = BYTES_STR("/aggregator"),
                                    .cwd = BYTES_STR("/"),
                                    .argv_count = 1,
                                    .argv = {BYTES_STR("aggregator")}};
    struct hpke_private_key key;
    REQUIRE(hpke_private_make(HPKE_KEM_X25519, &key) == 0);
    f->binding = (struct binding){.purpose = BINDING_PURPOSE_AGGREGATOR,
                                  .key = key.public_key,
                                  .signing = BINDING_SIGNING_P256,
                                  .fresh = BINDING_FRESH_TIME,
                                  .time = FORGED_TIME - 60};
    memcpy(f->binding.signing_key, f->signing.key.point, QUERY_KEY_SIZE);
    struct query_document *doc = &f->doc;
    doc->question = BYTES_STR("How do you get about?");
    doc->function = BYTES_STR("mode_share");
    memset(doc->nonce, 9, sizeof doc->nonce);
    memset(doc->analyst.data, 0xaa, 32);
    memset(doc->bundle, 0xb0, 64);
    doc->first_day = 20710;
    doc->last_day = 20716;
    doc->deadline = FORGED_TIME + 86400;
    doc->run_ms = 10000;
    doc->users_min = 10;
    doc->users_max = 5000;
    doc->cost = 20000;
    doc->root_count = doc->custodian_count = doc->worker_count = doc->aggregator_count = 1;
    memset(doc->custodians[0].program.measurement, 0xc1, 32);
    memset(doc->custodians[0].configid, 0xc2, 64);
    memset(doc->workers[0].measurement, 0xe2, 32);
    memcpy(doc->aggregators[0].program.measurement, f->spec.body.mrenclave, 32);
}

void forged_entry(struct forged *f, const char *name, const char *unit, int64_t high, int64_t value)
{
    uint32_t i = f->doc.schema.entry_count++;
    snprintf(names[i], sizeof names[i], "%s", name);
    f->doc.labels[i] =
        (struct query_label){BYTES(names[i], strlen(names[i])), BYTES(unit, strlen(unit))};
    f->doc.entries[i].high = high;
    f->receipt.values[i] = value;
}

static void leaf_hash(struct query_log_leaf leaf, struct query_hash *ret)
{
    uint8_t bytes[QUERY_LOG_LEAF_MAX];
    struct writer w = writer_of(bytes, sizeof bytes);
    struct diag d = {""};
    check(query_log_leaf_encode(&leaf, &w, &d), &d);
    REQUIRE(query_log_leaf_hash(BYTES(bytes, w.size), ret) == 0);
}

/* Identities before, in between and after; the query is leaf 2, the release leaf 4. */
static void leaves_of(const struct forged *f, const struct query_hash *receipt,
                      struct query_hash leaves[LEAVES])
{
    for (size_t i = 0; i < LEAVES; i++) {
        struct query_log_leaf leaf = {.kind = QUERY_LOG_IDENTITY,
                                      .role = QUERY_ROLE_WORKER,
                                      .name = BYTES_STR("release"),
                                      .mrenclave = {(uint8_t)i}};
        if (i == 2) {
            leaf = (struct query_log_leaf){
                .kind = QUERY_LOG_QUERY, .query = f->id, .analyst = f->doc.analyst};
        } else if (i == 4) {
            leaf = (struct query_log_leaf){
                .kind = QUERY_LOG_RELEASE, .query = f->id, .receipt = *receipt};
        }
        leaf_hash(leaf, &leaves[i]);
    }
}

void forged_seal(struct forged *f, uint64_t asked, uint64_t answered)
{
    static struct forge_output output;
    static uint8_t manifest[1024];
    struct query_hash leaves[LEAVES];
    struct query_plan plan;
    struct diag d = {""};
    struct writer m = writer_of(manifest, sizeof manifest);
    check(manifest_encode(&f->manifest, &m, &d), &d);
    f->spec.manifest = BYTES(manifest, m.size);
    f->spec.claims = forge_claims();
    forge_build(&f->spec, &output);
    memcpy(f->doc.roots[0], output.root.spki_sha256, 32);
    SHA512(manifest, m.size, f->doc.aggregators[0].configid);
    struct writer w = writer_of(f->document, sizeof f->document);
    check(query_document_encode(&f->doc, &w, &d), &d);
    f->document_size = w.size;
    REQUIRE(query_document_id(BYTES(f->document, w.size), &f->id) == 0);
    leaves_of(f, &f->id, leaves);
    REQUIRE(query_log_tree_of(leaves, 3, &f->seen) == 0);
    aggregator_context(&f->id, &f->seen, f->context);
    f->binding.context = BYTES_OF(f->context);

    struct receipt *r = &f->receipt;
    check(query_document_plan(&f->doc, asked, &plan, &d), &d);
    r->query = f->id;
    r->log_index = 2;
    r->tree = f->seen;
    r->asked = asked;
    r->answered = answered;
    r->cost = plan.cost;
    r->delta_exponent = 6;
    r->bound95 = plan.bound95;
    r->divisor = plan.divisor;
    r->entry_count = f->doc.schema.entry_count;
    memcpy(r->bundle, f->doc.bundle, sizeof r->bundle);
    memcpy(r->mrenclave, f->spec.body.mrenclave, sizeof r->mrenclave);
    memcpy(r->configid, f->doc.aggregators[0].configid, sizeof r->configid);
    struct dp_ratio delta = {1, 1000000};
    check(dp_epsilon(dp_micro(plan.cost), delta, r->entry_count, &r->epsilon_pico, &d), &d);
    struct query_schema schema = query_document_schema(&f->doc);
    for (uint32_t i = 0; i < r->entry_count; i++) {
        if (schema.aggregate == QUERY_OD && !query_cell_shown(&schema, r->values[i])) {
            r->suppressed[i] = true;
            r->values[i] = 0;
        }
    }
}

static struct bytes proof_of(const struct query_hash *leaves, uint64_t count, uint64_t from,
                             bool inclusion, uint8_t *out)
{
    struct query_log_proof proof;
    struct writer w = writer_of(out, QUERY_LOG_PROOF_SIZE_MAX);
    REQUIRE((inclusion ? query_log_prove_inclusion(leaves, count, from, &proof)
                       : query_log_prove_consistency(leaves, count, from, &proof)) == 0 &&
            query_log_proof_encode(&proof, &w) == 0);
    return BYTES(out, w.size);
}

static struct bytes head_of(const struct forged *f, const struct query_hash *leaves, uint64_t size,
                            uint8_t *out)
{
    struct query_log_head head = {.time = FORGED_TIME + size};
    struct query_signer signer = {query_sign_with, (void *)(uintptr_t)&f->log};
    struct writer w = writer_of(out, QUERY_LOG_HEAD_MAX);
    struct diag d = {""};
    REQUIRE(query_key_id(&f->log.key, &head.log) == 0 &&
            query_log_tree_of(leaves, size, &head.tree) == 0);
    check(query_log_head_sign(&head, &signer, &w, &d), &d);
    return BYTES(out, w.size);
}

static struct bytes evidence_of(struct forged *f, uint8_t *out, size_t capacity)
{
    static uint8_t binding[BINDING_SIZE_MAX];
    static struct forge_output output;
    struct diag d = {""};
    struct writer b = writer_of(binding, sizeof binding);
    check(binding_encode(&f->binding, &b, &d), &d);
    f->spec.claims = BYTES(binding, b.size);
    forge_build(&f->spec, &output);
    return BYTES(out, forge_evidence(&f->spec, &output, out, capacity));
}

size_t forged_file(struct forged *f, uint8_t *out, size_t capacity)
{
    static uint8_t receipt[WIRE_RECEIPT_MAX], body[RECEIPT_MAX], evidence[1u << 17],
        record[RESULT_FILE_MAX], heads[2][QUERY_LOG_HEAD_MAX], proofs[4][QUERY_LOG_PROOF_SIZE_MAX];
    struct query_hash leaves[LEAVES], id;
    struct query_signer signer = {query_sign_with, (void *)(uintptr_t)f->signs};
    struct diag d = {""};
    struct writer r = writer_of(receipt, sizeof receipt), o = writer_of(record, sizeof record);
    struct bytes signed_body;
    check(receipt_sign(&f->receipt, &signer, body, &r, &d), &d);
    check(query_signed_open("alcove-receipt-1", BYTES(receipt, r.size), RECEIPT_MAX, &f->signs->key,
                            &signed_body, &d),
          &d);
    REQUIRE(query_hash_of(signed_body, &id) == 0);
    leaves_of(f, f->has_released ? &f->released : &id, leaves);
    struct wire_outcome outcome = {
        .document = BYTES(f->document, f->document_size),
        .receipt = BYTES(receipt, r.size),
        .evidence = evidence_of(f, evidence, sizeof evidence),
        .head = head_of(f, leaves, 5, heads[0]),
        .query_index = f->query_index,
        .query_proof = proof_of(leaves, 5, f->query_index, true, proofs[0]),
        .release_index = f->release_index,
        .release_proof = proof_of(leaves, 5, f->release_index, true, proofs[1]),
    };
    check(wire_write_outcome(&outcome, &o, &d), &d);
    struct result result = {
        .outcome_record = BYTES(record, o.size), .log_key = f->log.key, .time = FORGED_TIME};
    if (f->asked_later) {
        result.newest = head_of(f, leaves, 6, heads[1]);
        result.begun = proof_of(leaves, 6, 3, false, proofs[2]);
        result.extends = proof_of(leaves, 6, 5, false, proofs[3]);
    }
    struct writer w = writer_of(out, capacity);
    if (f->bare) {
        writer_put(&w, result.outcome_record);
        REQUIRE(!w.failed);
    } else {
        check(result_write(&result, &w, &d), &d);
    }
    return w.size;
}

/* ---- examples -------------------------------------------------------------------------------- */

static void share(struct forged *f)
{
    static const char *const modes[] = {"walk", "bike", "e-bike", "bus & tram", "train", "car"};
    static const int64_t values[] = {5210, 3480, 1290, 2650, 1020, 6180};
    f->doc.schema.aggregate = QUERY_SHARE;
    f->doc.schema.whole = f->doc.schema.most_total = 100;
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        forged_entry(f, modes[i], "%", 100, values[i]);
    }
}

static void histogram(struct forged *f)
{
    static const int64_t shape[24] = {3,  -4, 1,  0,  2,  11,  38,  96, 121, 72, 48, 41,
                                      57, 52, 46, 55, 89, 128, 104, 61, 40,  27, 15, 8};
    f->doc.question = BYTES_STR("At which hours do you set out?");
    f->doc.function = BYTES_STR("trips_by_hour");
    f->doc.schema.aggregate = QUERY_HISTOGRAM;
    f->doc.schema.most_total = 5;
    for (int i = 0; i < 24; i++) {
        char name[16];
        snprintf(name, sizeof name, "%02d:00", i);
        forged_entry(f, name, "trips", 5, shape[i]);
    }
}

static void mean(struct forged *f)
{
    f->doc.question = BYTES_STR("How much carbon dioxide does each mode cost or save you?");
    f->doc.function = BYTES_STR("co2");
    f->doc.schema.aggregate = QUERY_MEAN;
    forged_entry(f, "car", "100 g", 40, 4900);
    forged_entry(f, "bus", "100 g", 40, 910);
    forged_entry(f, "bike instead of car", "100 g", 40, -1270);
    for (uint32_t i = 0; i < 3; i++) {
        f->doc.entries[i].low = -40;
    }
}

static void quantile(struct forged *f)
{
    static const int64_t shape[12] = {14, 35, 48, 41, 27, 18, 9, 6, -2, 3, 1, 2};
    f->doc.question = BYTES_STR("How long is your way to work?");
    f->doc.function = BYTES_STR("commute");
    f->doc.schema.aggregate = QUERY_QUANTILE;
    f->doc.schema.most_entries = 1;
    for (int i = 0; i < 12; i++) {
        char name[32];
        snprintf(name, sizeof name, "%d to %d", i * 5, i * 5 + 5);
        forged_entry(f, name, "min", 1, shape[i]);
    }
}

static void od(struct forged *f)
{
    static const char *const zones[] = {"Centre",     "North", "Harbour",
                                        "University", "West",  "Airport"};
    static const int64_t flows[6][6] = {{310, 120, 95, 180, 60, 20}, {130, 210, 40, 75, 33, 8},
                                        {88, 36, 150, 22, 45, 71},   {170, 80, 25, 190, 28, 3},
                                        {66, 30, 41, 35, 120, -12},  {25, 5, 64, 9, -3, 47}};
    f->doc.question = BYTES_STR("Between which parts of the city do you travel?");
    f->doc.function = BYTES_STR("flows");
    f->doc.schema.aggregate = QUERY_OD;
    f->doc.schema.most_entries = 5;
    f->doc.schema.threshold = 60;
    f->doc.cost = 50000;
    for (int a = 0; a < 6; a++) {
        for (int b = 0; b < 6; b++) {
            char name[64];
            snprintf(name, sizeof name, "%s > %s", zones[a], zones[b]);
            forged_entry(f, name, "trips", 3, flows[a][b]);
        }
    }
}

static void count(struct forged *f)
{
    f->doc.question = BYTES_STR("Did you ride a bike this week?");
    f->doc.function = BYTES_STR("bikes");
    f->doc.schema.aggregate = QUERY_COUNT;
    forged_entry(f, "people", "people", 1, 93);
}

/* More columns than have room for whiskers. */
static void week(struct forged *f)
{
    f->doc.question = BYTES_STR("At which hours of the week do you travel?");
    f->doc.function = BYTES_STR("trips_by_hour_of_week");
    f->doc.schema.aggregate = QUERY_HISTOGRAM;
    f->doc.schema.most_total = 5;
    for (int i = 0; i < 168; i++) {
        static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
        char name[32];
        int hour = i % 24, peak = hour == 8 || hour == 17 ? 90 : hour > 6 && hour < 22 ? 40 : 3;
        snprintf(name, sizeof name, "%s %02d", days[i / 24], hour);
        forged_entry(f, name, "trips", 5, (i / 24 > 4 ? peak / 2 : peak) + i * 37 % 23 - 11);
    }
}

/* The largest matrix that fits a document with such names. */
static void zones(struct forged *f)
{
    f->doc.question = BYTES_STR("Between which districts do you travel?");
    f->doc.function = BYTES_STR("flows");
    f->doc.schema.aggregate = QUERY_OD;
    f->doc.schema.most_entries = 5;
    f->doc.schema.threshold = 60;
    f->doc.cost = 50000;
    for (int a = 0; a < 40; a++) {
        for (int b = 0; b < 40; b++) {
            char name[64];
            int far = a > b ? a - b : b - a;
            snprintf(name, sizeof name, "Riverside, quarter %02d > Riverside, quarter %02d", a, b);
            forged_entry(f, name, "trips", 3, 400 / (1 + far) + (a * 31 + b * 17) % 29 - 14);
        }
    }
}

/* Texts that want to be markup, are long, are not ASCII, or are no characters of XML. */
static void hostile(struct forged *f)
{
    f->doc.question = BYTES_STR(
        "</title><script>alert('1')</script> & \"quotes\": a question that is as long as a "
        "question may be, so that it takes more than one line of the picture's title and shows "
        "that words stay whole where they can \xc3\xa4\xc3\xb6\xc3\xbc \xe2\x82\xac");
    f->doc.schema.aggregate = QUERY_HISTOGRAM;
    f->doc.schema.most_total = 5;
    forged_entry(f, "<b onclick=\"x\">&amp;", "<&\">", 5, 120);
    forged_entry(f, "]]>\xef\xbf\xbf\xef\xbf\xbe", "<&\">", 5, -70);
    forged_entry(f, "a name as long as any entry's name may be, 48..", "<&\">", 5, 9);
    forged_entry(f, "\xe6\xad\xa9\xe8\xa1\x8c", "<&\">", 5, 77);
}

/* Noise, and nothing else. */
static void empty(struct forged *f)
{
    quantile(f);
    for (uint32_t i = 0; i < f->doc.schema.entry_count; i++) {
        f->receipt.values[i] = i % 2 == 0 ? -3 : 2;
    }
}

void forged_example(struct forged *f, const char *name)
{
    static const struct {
        const char *name;
        void (*make)(struct forged *f);
    } examples[] = {
        {"share", share},     {"histogram", histogram}, {"mean", mean}, {"quantile", quantile},
        {"od", od},           {"count", count},         {"week", week}, {"zones", zones},
        {"hostile", hostile}, {"empty", empty}};
    forged_begin(f);
    for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
        if (strcmp(examples[i].name, name) == 0) {
            examples[i].make(f);
            forged_seal(f, 200, 187);
            return;
        }
    }
    fprintf(stderr, "no example %s\n", name);
    abort();
}
