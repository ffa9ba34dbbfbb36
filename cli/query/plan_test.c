/* SPDX-License-Identifier: Apache-2.0 */
/* Plans: the numbers of the reference, told for people; and where queries come from. */
#include "query/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "query/analyst_key.h"
#include "query/source.h"
#include "query/store.h"
#include "query/test_forge.h"
#include "query/yaml.h"
#include "tests/tap.h"

static struct forged f;
static struct query_facts facts;
static struct diag diag;
static char *text;
static size_t text_size;
static char folder[] = "/tmp/alcove-plan-XXXXXX";

static bool plan(const char *name, uint64_t users)
{
    forged_example(&f, name);
    free(text);
    FILE *out = open_memstream(&text, &text_size);
    REQUIRE(out != NULL);
    int err = query_facts_make(&f.doc, &f.id, users, 6, &facts, &diag);
    if (err == 0) {
        query_plan_print(&facts, out);
    }
    fclose(out);
    return err == 0;
}

static bool says(const char *line)
{
    if (strstr(text, line) == NULL) {
        printf("# not said: %s\n%s", line, text);
        return false;
    }
    return true;
}

static void words(void)
{
    CHECK(plan("share", 200) && says("Question       How do you get about?\n") &&
              says("Asks           10 to 5,000 people; fewer answers than 10 are no release\n") &&
              says("About          2026-09-14 to 2026-09-20 (7 days)\n"),
          "a plan says what is asked, of whom, about when");
    CHECK(says("Each gives     6 numbers, each 0 to 100 %; together at most 100\n") &&
              says("or whose script fails, counts as 0 everywhere.\n") && says("bus & tram\n"),
          "what each person gives");
    CHECK(says("Sensitivity    100 in all entries together (L1), 100.00 as a length (L2)\n"),
          "how far one person moves it");
    CHECK(says("Noise          discrete Gaussian, sigma 518; with 95 % less than 1,016 in the sum"),
          "the table of noise");
    CHECK(says("Cost           rho 0.018635 for each person, of 0.02 offered\n") &&
              says("that is epsilon 0.8666 at delta 1e-6\n") && says("at most 70.5 times"),
          "the cost, as rho, as epsilon, as odds");
    CHECK(says("Interval 95 %  +-5.1 points with 200 people asked: 5.08 % of the most") &&
              says("               +-0.21 points with 5,000 people asked"),
          "the interval, as people read it, for as many as asked and for the most");
    CHECK(
        says("Liars          1, 2, 3 people who lie can move an entry by 0.50, 1.00, 1.50 points"),
        "and how far liars move it");
    CHECK(plan("od", 0) && says("Suppressed     sums below 60 are not shown\n") &&
              says("... and 16 more\n") && facts.users == 10,
          "a matrix has a threshold; its entries are not all told; the fewest people are the rule");
    CHECK(plan("share", 10) && says("this is larger than any answer") && plan("share", 200) &&
              strstr(text, "larger than any") == NULL,
          "noise that is larger than any answer is told");
    CHECK(plan("mean", 100) && says("each -40 to 40 x 100 g\n"),
          "a unit that is a number is multiplied");
    CHECK(plan("quantile", 100) && says("each 0 to 1; at most 1 of them") && says("0 to 5 min\n") &&
              says(" people with 100 people asked"),
          "cells of a quantile count people");
    CHECK(!plan("share", 9) && !plan("share", 5001),
          "for people beyond the query there is no plan");
}

static void deltas(void)
{
    static const char *const good[] = {"1e-1", "1e-6", "1e-30"};
    static const char *const bad[] = {"", "1e-0", "1e-31", "1e-06", "1e6", "0.1", "2e-6", "1e-6x"};
    uint32_t exponent;
    bool all = true, none = true;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        all = all && query_delta_read(good[i], &exponent);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        none = none && !query_delta_read(bad[i], &exponent);
    }
    CHECK(all && exponent == 30 && none, "delta is 1e-1 to 1e-30");
    forged_example(&f, "share");
    CHECK(query_facts_make(&f.doc, &f.id, 0, 30, &facts, &diag) != 0,
          "a delta finer than noise is exact is refused: %s", diag.text);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* From the document's bytes to the last line; the best of many, because others want the processor
 * too. */
static void quick(const char *name)
{
    uint64_t best = UINT64_MAX;
    forged_example(&f, name);
    static struct query_document doc;
    FILE *out = fopen("/dev/null", "w");
    REQUIRE(out != NULL);
    for (int i = 0; i < 200; i++) {
        uint64_t start = now_ns();
        REQUIRE(query_document_decode(BYTES(f.document, f.document_size), &doc, NULL) == 0 &&
                query_facts_make(&doc, &f.id, 200, 6, &facts, NULL) == 0);
        query_plan_print(&facts, out);
        uint64_t took = now_ns() - start;
        best = took < best ? took : best;
    }
    fclose(out);
#ifdef __SANITIZE_ADDRESS__
    CHECK(best < 20000000, "a plan of %u entries takes %lu us under the sanitizer",
          doc.schema.entry_count, (unsigned long)best / 1000);
#else
    CHECK(best < 1000000, "a plan of %u entries takes %lu us, less than 1000",
          doc.schema.entry_count, (unsigned long)best / 1000);
#endif
}

/* ---- where queries come from ----------------------------------------------------------------- */

static const char *path_of(const char *name)
{
    static char paths[2][256];
    static int turn;
    turn = !turn;
    snprintf(paths[turn], sizeof paths[turn], "%s/%s", folder, name);
    return paths[turn];
}

static void put(const char *name, struct bytes content, unsigned mode)
{
    FILE *out = fopen(path_of(name), "wb");
    REQUIRE(out != NULL && fwrite(content.data, 1, content.size, out) == content.size &&
            fclose(out) == 0 && chmod(path_of(name), mode) == 0);
}

static void put_yaml(const char *name)
{
    FILE *out = fopen(path_of(name), "w");
    REQUIRE(out != NULL);
    query_yaml_print(&f.doc, out);
    fclose(out);
}

static struct query_read *source(struct query_source from)
{
    struct query_read *read = NULL;
    diag.text[0] = '\0';
    int err = query_source_read(&from, &read, &diag);
    REQUIRE((err == 0) == (read != NULL) && (err == 0) == (diag.text[0] == '\0'));
    return read;
}

#define SQL                                                                                        \
    "SELECT mode, DP_SHARE() FROM share WHERE week = '2026-W40' GROUP BY mode IN ('walk', 'bike')" \
    " BOUND p <= 100 COST rho = 0.02 MIN USERS 20"

static void sources(void)
{
    char yaml[256], cbor[256];
    forged_example(&f, "share");
    put_yaml("q.yaml");
    put("q.cbor", BYTES(f.document, f.document_size), 0644);
    snprintf(yaml, sizeof yaml, "%s", path_of("q.yaml"));
    snprintf(cbor, sizeof cbor, "%s", path_of("q.cbor"));
    struct query_read *a = source((struct query_source){.path = yaml});
    struct query_read *b = source((struct query_source){.path = cbor});
    CHECK(a != NULL && b != NULL && query_hash_equal(&a->id, &f.id) &&
              query_hash_equal(&b->id, &f.id),
          "YAML and the document are the same query");
    query_read_free(a);
    query_read_free(b);
    a = source((struct query_source){.sql = SQL, .base = yaml, .question = "Walk or bike?"});
    CHECK(a != NULL && a->doc.schema.entry_count == 2 && a->doc.users_min == 20 &&
              bytes_equal_str(a->doc.question, "Walk or bike?") &&
              memcmp(a->doc.roots, f.doc.roots, sizeof a->doc.roots) == 0,
          "the short form says what, its base says whom");
    b = source((struct query_source){.sql = SQL, .base = cbor, .question = "Walk or bike?"});
    CHECK(b != NULL && query_hash_equal(&a->id, &b->id), "the same twice is one query");
    query_read_free(b);
    b = source(
        (struct query_source){.sql = SQL, .base = cbor, .question = "Walk or bike?", .anew = true});
    CHECK(b != NULL && !query_hash_equal(&a->id, &b->id), "asked anew it is another");
    query_read_free(a);
    query_read_free(b);
    CHECK(source((struct query_source){.sql = "SELECT x", .base = yaml}) == NULL &&
              strncmp(diag.text, "sql:", 4) == 0,
          "a mistake in the short form has its place: %s", diag.text);
    put("bad.yaml", BYTES_STR("format: alcove-query-1\nrho: nan\n"), 0644);
    CHECK(source((struct query_source){.path = path_of("bad.yaml")}) == NULL &&
              strstr(diag.text, "bad.yaml:2:6") != NULL,
          "one in YAML too: %s", diag.text);
    put("bad.cbor", BYTES(f.document, f.document_size - 1), 0644);
    CHECK(source((struct query_source){.path = path_of("bad.cbor")}) == NULL &&
              strstr(diag.text, "bad.cbor") != NULL,
          "a document that was cut is refused by its name: %s", diag.text);
    CHECK(source((struct query_source){.path = path_of("none")}) == NULL,
          "a file that is not there is refused: %s", diag.text);
}

static void keys(void)
{
    struct query_secret_key first, second;
    struct stat st;
    char path[256];
    snprintf(path, sizeof path, "%s", path_of("keys/analyst.pem"));
    CHECK(analyst_key_new(path, &diag) == 0 && stat(path, &st) == 0 && (st.st_mode & 0777) == 0600,
          "an analyst's key is made, for its owner's eyes");
    CHECK(analyst_key_read(path, &first, &diag) == 0 &&
              analyst_key_read(path, &second, &diag) == 0 &&
              memcmp(&first, &second, sizeof first) == 0,
          "and read");
    CHECK(analyst_key_new(path, &diag) == -EEXIST, "never overwritten: %s", diag.text);
    REQUIRE(chmod(path, 0644) == 0);
    CHECK(analyst_key_read(path, &second, &diag) == -EACCES, "not read when others may: %s",
          diag.text);
    put("no.pem", BYTES_STR("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
        0600);
    CHECK(analyst_key_read(path_of("no.pem"), &second, &diag) == -EINVAL, "nonsense is none: %s",
          diag.text);
    CHECK(analyst_key_read(path_of("none.pem"), &second, &diag) == -ENOENT, "nor is nothing: %s",
          diag.text);
}

static void log_keys(void)
{
    struct query_key key;
    char hex[2 * QUERY_KEY_SIZE + 2];
    forged_example(&f, "share");
    hex_encode(hex, f.log.key.point, QUERY_KEY_SIZE);
    CHECK(store_log_key(hex, &key, &diag) == 0 && memcmp(&key, &f.log.key, sizeof key) == 0,
          "a log's key is read from its digits");
    hex[sizeof hex - 2] = '\n';
    put("log.hex", BYTES(hex, sizeof hex - 1), 0644);
    put("log.key", BYTES_OF(f.log.key.point), 0644);
    CHECK(store_log_key(path_of("log.hex"), &key, &diag) == 0 &&
              store_log_key(path_of("log.key"), &key, &diag) == 0 &&
              memcmp(&key, &f.log.key, sizeof key) == 0,
          "and from a file");
    put("log.no", BYTES_STR("04"), 0644);
    CHECK(store_log_key(path_of("log.no"), &key, &diag) == -EINVAL &&
              store_log_key("0400", &key, &diag) == -ENOENT,
          "other things are none: %s", diag.text);
}

int main(void)
{
    REQUIRE(mkdtemp(folder) != NULL);
    words();
    deltas();
    quick("share");
    quick("zones");
    sources();
    keys();
    log_keys();
    free(text);
    static const char *const left[] = {"q.yaml",   "q.cbor", "bad.yaml",
                                       "bad.cbor", "no.pem", "log.hex",
                                       "log.key",  "log.no", "keys/analyst.pem"};
    for (size_t i = 0; i < ARRAY_SIZE(left); i++) {
        unlink(path_of(left[i]));
    }
    rmdir(path_of("keys"));
    CHECK(rmdir(folder) == 0, "nothing else was written");
    return tap_done();
}
