/* SPDX-License-Identifier: Apache-2.0 */
/* Queries as YAML: the same meaning has the same id, however it is written, and each misspelling is
 * refused with its place. */
#include "query/yaml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "query/sql.h"
#include "tests/tap.h"

#define H16 "00112233445566778899aabbccddeeff"
#define H32 H16 H16
#define H64 H32 H32

static const char good[] =
    "format: alcove-query-1\n"
    "question: \"How do \\\"you\\\" travel?\"\n"
    "function: mode_share\n"
    "aggregate: share\n"
    "noise: gaussian\n"
    "rho: 0.01\n"
    "users: {min: 50, max: 2000}\n"
    "window: [2026-09-28, 2026-10-04]\n"
    "deadline: 2026-10-13T08:30:05Z\n"
    "run_ms: 10000\n"
    "bounds: {total: 100, whole: 100}\n"
    "entries:\n"
    "  - {name: walk, unit: \"%\", high: 100}\n"
    "  - {name: bike, unit: \"%\", high: 100}\n"
    "bundle: " H64 "\n"
    "analyst: " H32 "\n"
    "nonce: " H16 "\n"
    "roots: [" H32 "]\n"
    "custodians:\n"
    "  - {mrenclave: " H32 ", configid: " H64 "}\n"
    "  - {mrsigner: " H32 ", isvprodid: 1, min_isvsvn: 2, configid: " H64 "}\n"
    "workers: [{mrenclave: " H32 "}]\n"
    "aggregators: [{mrenclave: " H32 ", configid: " H64 "}]\n";

static struct query_document doc;
static uint8_t first[8192], second[8192];
static struct diag diag;

/* The size of the document, or 0. */
static size_t compile(const char *text, uint8_t *out)
{
    struct writer w = writer_of(out, sizeof first);
    diag.text[0] = '\0';
    int err = query_yaml_compile(BYTES(text, strlen(text)), "q.yaml", &w, &diag);
    REQUIRE((err == 0) == (diag.text[0] == '\0'));
    return err == 0 ? w.size : 0;
}

/* Replaces the first `from` of the good text. The caller frees. */
static char *changed(const char *from, const char *to)
{
    char *text = malloc(sizeof good + strlen(to));
    const char *place = strstr(good, from);
    REQUIRE(text != NULL && place != NULL);
    sprintf(text, "%.*s%s%s", (int)(place - good), good, to, place + strlen(from));
    return text;
}

static void round_trip(void)
{
    char *printed = NULL;
    size_t printed_size = 0, size = compile(good, first);
    CHECK(size > 0, "a query in YAML becomes a document %s", diag.text);
    REQUIRE(query_document_decode(BYTES(first, size), &doc, NULL) == 0);
    CHECK(doc.cost == 10000 && doc.first_day == 20724 && doc.last_day == 20730 &&
              doc.deadline == 1791880205 && doc.entries[1].high == 100 &&
              doc.custodians[1].program.min_isvsvn == 2 && doc.run_ms == 10000,
          "with its numbers and days");
    CHECK(bytes_equal_str(doc.question, "How do \"you\" travel?"), "and its question");
    FILE *out = open_memstream(&printed, &printed_size);
    REQUIRE(out != NULL);
    query_yaml_print(&doc, out);
    fclose(out);
    size_t again = compile(printed, second);
    CHECK(again > 0 && bytes_equal(BYTES(first, size), BYTES(second, again)),
          "what is printed compiles to the same document %s", diag.text);
    free(printed);
}

static void spellings(void)
{
    static const char *const cases[][2] = {
        {"rho: 0.01", "rho: \"0.010\""},
        {"high: 100}", "high: 100, low: 0, default: 0}"},
        {"whole: 100}", "whole: 100, square: 0, entries: 0, threshold: 0}"},
        {"function: mode_share", "function: 'mode_share' # a comment"},
        {"{min: 50, max: 2000}", "{max: 2000, min: 50}"},
    };
    size_t size = compile(good, first);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *text = changed(cases[i][0], cases[i][1]);
        size_t again = compile(text, second);
        CHECK(again == size && memcmp(first, second, size) == 0, "the same query: %s %s",
              cases[i][1], diag.text);
        free(text);
    }
}

static void mistakes(void)
{
    static const char *const cases[][2] = {
        {"format: alcove-query-1", "format: alcove-query-2"},
        {"rho: 0.01", "rho: nan"},
        {"rho: 0.01", "rho: -0.01"},
        {"rho: 0.01", "rho: 1e-2"},
        {"rho: 0.01", "rho: 0.00000001"},
        {"rho: 0.01", "rho: 1000000"},
        {"rho: 0.01", "rho: inf"},
        {"rho: 0.01", "rho: 0"},
        {"noise: gaussian", "noise: none"},
        {"aggregate: share", "aggregate: max"},
        {"min: 50", "minimum: 50"},
        {"min: 50", "min: -5"},
        {"min: 50", "min: 1"},
        {"2026-09-28", "2026-02-30"},
        {"2026-09-28", "2026-9-28"},
        {"2026-09-28", "2026-13-01"},
        {"2026-09-28", "2026-09-28T00:00:00Z"},
        {"[2026-09-28, 2026-10-04]", "[2026-09-28]"},
        {"08:30:05Z", "08:30:05"},
        {"08:30:05Z", "24:00:00Z"},
        {"high: 100}", "high: 1.5}"},
        {"high: 100}", "high: 0100}"},
        {"high: 100}", "high: 99999999999999999999}"},
        {"high: 100}", "high: -}"},
        {"high: 100}", "hihg: 100}"},
        {"name: bike", "name: walk"},
        {"nonce: " H16, "nonce: 00"},
        {"nonce: " H16 "\n", ""},
        {"bundle: " H64 "\n", ""},
        {"workers: [{mrenclave: " H32 "}]", "workers: [{mrenclave: " H32 ", configid: " H64 "}]"},
        {"workers: [{mrenclave: " H32 "}]", "workers: []"},
        {"workers: [{mrenclave: " H32 "}]", "workers: [{mrsigner: " H32 ", isvprodid: 1}]"},
        {"isvprodid: 1", "isvprodid: 65536"},
        {"min_isvsvn: 2", "min_isvsvn: 65536"},
        {"aggregators: [{mrenclave: " H32 ", configid: " H64 "}]",
         "aggregators: [{mrenclave: " H32 "}]"},
        {"run_ms: 10000", "run_ms: 10000\nrun_ms: 10000"},
        {"run_ms: 10000", "run_ms: 10s"},
        {"function: mode_share", "function: mode-share"},
        {"question: \"", "question: \"\\e"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *text = changed(cases[i][0], cases[i][1]);
        size_t size = compile(text, second);
        CHECK(size == 0, "refused: %.*s: %.90s", (int)strcspn(cases[i][1], "\n"), cases[i][1],
              diag.text);
        free(text);
    }
    CHECK(compile("", second) == 0 && compile("- 1\n", second) == 0 && compile("{", second) == 0,
          "what is no mapping is no query");
}

/* ---- the short form ---- */

static const char short_form[] =
    "SELECT mode, DP_SHARE() FROM mode_share WHERE week = '2026-W40'\n"
    "GROUP BY mode IN ('walk','bike') BOUND % <= 100 COST rho = 0.01 MIN USERS 50";

static void sql(void)
{
    size_t size = compile(good, first);
    REQUIRE(query_document_decode(BYTES(first, size), &doc, NULL) == 0);
    doc.cost = doc.users_min = doc.first_day = 0;
    doc.function = BYTES_STR("other");
    int err = query_sql_apply(BYTES_STR(short_form), &doc, &diag);
    struct writer w = writer_of(second, sizeof second);
    err = err != 0 ? err : query_document_encode(&doc, &w, &diag);
    CHECK(err == 0 && bytes_equal(BYTES(first, size), BYTES(second, w.size)),
          "the short form gives the same document as YAML does %s", diag.text);
    static const char od[] =
        "SELECT cell, DP_OD() FROM od WHERE week = '2026-W53' GROUP BY cell IN "
        "('a>a', 'a>b') BOUND trips <= 5, cells <= 1 THRESHOLD 7 "
        "COST rho = 0.5 MIN USERS 2";
    CHECK(query_sql_apply(BYTES_STR(od), &doc, &diag) == 0 && doc.schema.most_entries == 1 &&
              doc.schema.threshold == 7 && doc.entries[1].high == 5 && doc.first_day == 20815 &&
              bytes_equal_str(doc.labels[1].name, "a>b") &&
              bytes_equal_str(doc.labels[0].unit, "trips"),
          "a matrix has cells and a threshold; 2026 has a week 53");
    unsigned taken = 0;
    for (size_t n = 0; n + 1 < sizeof short_form; n++) {
        /* Cut inside of the last number it is another number. */
        taken +=
            n != sizeof short_form - 2 && query_sql_apply(BYTES(short_form, n), &doc, NULL) == 0;
    }
    CHECK(taken == 0, "a short form that was cut off is refused");
}

static void sql_mistakes(void)
{
    static const char *const cases[][2] = {
        {"SELECT", "select"},
        {"DP_SHARE", "SHARE"},
        {"DP_SHARE", "DP_MAX"},
        {"2026-W40", "2027-W53"},
        {"2026-W40", "2026-W00"},
        {"2026-W40", "2026-40"},
        {"BY mode", "BY purpose"},
        {"'walk'", "walk"},
        {"'walk'", "''"},
        {"100", "1e2"},
        {"100", "0100"},
        {"100", "-1"},
        {"100", "9999999999999"},
        {"0.01", "nan"},
        {"0.01", "0"},
        {"0.01", "-0.01"},
        {"<=", "<"},
        {"USERS 50", "USERS 50;"},
        {"'bike')", "'bike)"},
        {"('walk'", "("},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[512];
        const char *place = strstr(short_form, cases[i][0]);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(place - short_form), short_form, cases[i][1],
                 place + strlen(cases[i][0]));
        diag.text[0] = '\0';
        CHECK(query_sql_apply(BYTES(text, strlen(text)), &doc, &diag) == -EINVAL &&
                  diag.text[0] != '\0',
              "refused: %s for %s: %s", cases[i][1], cases[i][0], diag.text);
    }
}

int main(void)
{
    sql();
    sql_mistakes();
    round_trip();
    spellings();
    mistakes();
    return tap_done();
}
