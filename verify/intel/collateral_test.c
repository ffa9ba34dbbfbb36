/* SPDX-License-Identifier: Apache-2.0 */
/* The rules over TCB info and QE identity, apart from signatures: versions, level selection,
 * convergence. Oracle: Intel's PCS API documentation and the table in FORMATS.md section 3. */
#include "intel/collateral.h"

#include "tests/tap.h"

#include <string.h>

#define DATES "\"issueDate\":\"2026-09-01T00:00:00Z\",\"nextUpdate\":\"2026-10-01T00:00:00Z\","
#define HEAD  "\"fmspc\":\"00906ed50000\",\"pceId\":\"0000\",\"tcbType\":0,"
#define SIGNED_64                                                                                  \
    "0000000000000000000000000000000000000000000000000000000000000000"                             \
    "0000000000000000000000000000000000000000000000000000000000000000"

/* A version 2 document with one level, whose components are 1..16 but for `change`. */
static size_t v2_document(char *out, size_t capacity, const char *from, const char *to)
{
    char tcb[1024], changed[1024];
    int n = 0;
    for (int i = 1; i <= 16; i++) {
        n += snprintf(tcb + n, sizeof tcb - (size_t)n, "\"sgxtcbcomp%02dsvn\":%d,", i, i);
    }
    char *at = strstr(tcb, from);
    REQUIRE(at != NULL);
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - tcb), tcb, to, at + strlen(from));
    n = snprintf(out, capacity,
                 "{\"tcbInfo\":{\"version\":2," DATES HEAD
                 "\"tcbEvaluationDataNumber\":12,\"tcbLevels\":[{\"tcb\":{%s\"pcesvn\":9},"
                 "\"tcbDate\":\"2026-01-01T00:00:00Z\",\"tcbStatus\":\"SWHardeningNeeded\"}]},"
                 "\"signature\":\"" SIGNED_64 "\"}",
                 changed);
    REQUIRE(n > 0 && (size_t)n < capacity);
    return (size_t)n;
}

static bool reads_v2(const char *from, const char *to, struct tcb_info *ret)
{
    char text[4096];
    size_t size = v2_document(text, sizeof text, from, to);
    return tcb_info_read(BYTES(text, size), ret);
}

static void test_version_2(void)
{
    static struct tcb_info info;
    CHECK(reads_v2("", "", &info) && info.is_sgx && info.level_count == 1, "TCB info version 2");
    bool in_order = true;
    for (int i = 0; i < 16; i++) {
        in_order = in_order && info.levels[0].components[i] == i + 1;
    }
    CHECK(in_order && info.levels[0].pcesvn == 9, "its components are those of their names");
    CHECK(!reads_v2("\"sgxtcbcomp07svn\":7,", "", &info), "a missing component");
    CHECK(!reads_v2("comp16svn", "comp17svn", &info), "a seventeenth component for the sixteenth");
    CHECK(!reads_v2("comp01svn", "comp00svn", &info), "a component number zero");
    CHECK(!reads_v2("comp01svn", "comp1xsvn", &info), "a component of no number");
    CHECK(!reads_v2("svn\":16", "svn\":256", &info), "a component of 256");
    CHECK(!reads_v2("comp16svn", "comp15svn", &info), "a component twice");
    CHECK(!reads_v2("\"sgxtcbcomp01svn\":1,", "\"sgxtcbcomponents\":[],", &info),
          "members of version 3 in version 2");
}

static void test_level_selection(void)
{
    static struct tcb_info info = {.level_count = 2};
    uint8_t components[16];
    memset(info.levels[0].components, 5, 16);
    info.levels[0].pcesvn = 10;
    memset(info.levels[1].components, 3, 16);
    info.levels[1].pcesvn = 5;
    memset(components, 5, sizeof components);
    CHECK(tcb_level_select(&info, components, 10, NULL) == &info.levels[0],
          "exactly the first level");
    CHECK(tcb_level_select(&info, components, 9, NULL) == &info.levels[1], "a PCESVN below it");
    for (size_t i = 0; i < 16; i++) {
        components[i] = 4;
        if (tcb_level_select(&info, components, 10, NULL) != &info.levels[1]) {
            CHECK(false, "component %zu counts", i);
        }
        components[i] = 5;
    }
    CHECK(true, "each component counts");
    components[7] = 2;
    CHECK(tcb_level_select(&info, components, 10, NULL) == NULL, "below every level there is none");
    info.level_count = 0;
    CHECK(tcb_level_select(&info, components, 10, NULL) == NULL, "nor where there are no levels");
}

static void test_qe_level_selection(void)
{
    static struct qe_identity id = {.level_count = 3};
    id.levels[0].isvsvn = 2; /* not sorted, on purpose: the highest that is reached counts */
    id.levels[1].isvsvn = 8;
    id.levels[2].isvsvn = 6;
    CHECK(svn_level_select(id.levels, 3, 9) == &id.levels[1],
          "the highest level for a newer enclave");
    CHECK(svn_level_select(id.levels, 3, 7) == &id.levels[2], "the level below for an older one");
    CHECK(svn_level_select(id.levels, 3, 1) == NULL, "none for an ancient one");
}

static void test_convergence(void)
{
#define U ALCOVE_TCB_UP_TO_DATE
#define O ALCOVE_TCB_OUT_OF_DATE
#define R ALCOVE_TCB_REVOKED
    static const struct {
        enum alcove_tcb_status platform, qe, result;
    } rules[] = {
        {U, U, U},
        {U, O, O},
        {U, R, R},
        {ALCOVE_TCB_SW_HARDENING_NEEDED, U, ALCOVE_TCB_SW_HARDENING_NEEDED},
        {ALCOVE_TCB_SW_HARDENING_NEEDED, O, O},
        {ALCOVE_TCB_CONFIGURATION_NEEDED, U, ALCOVE_TCB_CONFIGURATION_NEEDED},
        {ALCOVE_TCB_CONFIGURATION_NEEDED, O, ALCOVE_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED},
        {ALCOVE_TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED, O,
         ALCOVE_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED},
        {O, U, O},
        {O, O, O},
        {O, R, R},
        {ALCOVE_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED, O,
         ALCOVE_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED},
        {R, U, R},
        {R, O, R},
        {R, R, R},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
        CHECK(tcb_converge(rules[i].platform, rules[i].qe) == rules[i].result,
              "platform %s and quoting enclave %s: %s", alcove_tcb_status_name(rules[i].platform),
              alcove_tcb_status_name(rules[i].qe), alcove_tcb_status_name(rules[i].result));
    }
}

static void test_names(void)
{
    for (int s = ALCOVE_TCB_NONE + 1; s < ALCOVE_TCB_STATUS_COUNT; s++) {
        enum alcove_tcb_status status = (enum alcove_tcb_status)s;
        if (alcove_tcb_status_by_name(alcove_tcb_status_name(status)) != status) {
            CHECK(false, "status %d has a name that finds it", s);
        }
    }
    CHECK(alcove_tcb_status_by_name("uptodate") == ALCOVE_TCB_NONE, "names are exact");
    for (int a = 0; a < ALCOVE_REASON_COUNT; a++) {
        for (int b = 0; b < a; b++) {
            if (strcmp(alcove_reason_name((enum alcove_reason)a),
                       alcove_reason_name((enum alcove_reason)b)) == 0) {
                CHECK(false, "reason %d has a name of its own", a);
            }
        }
        if (strlen(alcove_reason_explain((enum alcove_reason)a)) < 10) {
            CHECK(false, "reason %d has an explanation", a);
        }
    }
    CHECK(true, "statuses and reasons have names of their own, reasons an explanation");
    CHECK(alcove_reason_explain(ALCOVE_REASON_COUNT) == NULL &&
              alcove_tcb_status_name(ALCOVE_TCB_STATUS_COUNT) == NULL,
          "there is none beyond the enums");
}

int main(void)
{
    test_version_2();
    test_level_selection();
    test_qe_level_selection();
    test_convergence();
    test_names();
    return tap_done();
}
