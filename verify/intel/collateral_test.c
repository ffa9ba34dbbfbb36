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
    CHECK(!reads_v2("comp01svn", "comp21svn", &info), "a component number of 21");
    CHECK(!reads_v2("comp01svn", "comp01svm", &info), "a component of another ending");
    CHECK(!reads_v2("sgxtcbcomp01", "sgxtcbcomq01", &info), "a component of another name");
    CHECK(!reads_v2("comp01svn", "comp/1svn", &info), "a sign before the digits");
    CHECK(!reads_v2("\"sgxtcbcomp01svn\":1,", "\"sgxtcbcomponents\":[],", &info),
          "members of version 3 in version 2");
}

/* ---- version 3, in which one thing is wrong ---- */

#define SVNS_4    "{\"svn\":5},{\"svn\":5},{\"svn\":5},{\"svn\":5}"
#define SVNS_16   SVNS_4 "," SVNS_4 "," SVNS_4 "," SVNS_4
#define JUDGEMENT "\"tcbDate\":\"2026-01-01T00:00:00Z\",\"tcbStatus\":\"UpToDate\""
#define ZEROS_48                                                                                   \
    "000000000000000000000000000000000000000000000000"                                             \
    "000000000000000000000000000000000000000000000000"
#define MODULE                                                                                     \
    "\"mrsigner\":\"" ZEROS_48 "\",\"attributes\":\"0000000000000000\","                           \
    "\"attributesMask\":\"FFFFFFFFFFFFFFFF\""
#define IDENTITY                                                                                   \
    "{\"id\":\"TDX_01\"," MODULE ",\"tcbLevels\":[{\"tcb\":{\"isvsvn\":5}," JUDGEMENT "}]}"
#define LEVEL                                                                                      \
    "{\"tcb\":{\"sgxtcbcomponents\":[" SVNS_16 "],\"pcesvn\":9,\"tdxtcbcomponents\":[" SVNS_16     \
    "]}," JUDGEMENT ",\"advisoryIDs\":[\"INTEL-SA-1\"]}"
#define TDX_INFO                                                                                   \
    "{\"tcbInfo\":{\"id\":\"TDX\",\"version\":3," DATES HEAD "\"tcbEvaluationDataNumber\":12,"     \
    "\"tdxModule\":{" MODULE "},\"tdxModuleIdentities\":[" IDENTITY "],\"tcbLevels\":[" LEVEL      \
    "]},\"signature\":\"" SIGNED_64 "\"}"
#define QE_IDENTITY                                                                                \
    "{\"enclaveIdentity\":{\"id\":\"QE\",\"version\":2," DATES "\"tcbEvaluationDataNumber\":12,"   \
    "\"miscselect\":\"00000000\",\"miscselectMask\":\"FFFFFFFF\",\"attributes\":"                  \
    "\"11000000000000000000000000000000\",\"attributesMask\":"                                     \
    "\"FBFFFFFFFFFFFFFF0000000000000000\",\"mrsigner\":"                                           \
    "\"0000000000000000000000000000000000000000000000000000000000000000\",\"isvprodid\":1,"        \
    "\"tcbLevels\":[{\"tcb\":{\"isvsvn\":8}," JUDGEMENT "}]},\"signature\":\"" SIGNED_64 "\"}"

/* The document with the n-th occurrence of `from` replaced. */
static struct bytes changed(const char *document, const char *from, unsigned nth, const char *to)
{
    static char text[1u << 17];
    const char *at = document;
    for (unsigned i = 0; i < nth; i++) {
        at = strstr(i == 0 ? at : at + 1, from);
        REQUIRE(at != NULL);
    }
    int n = snprintf(text, sizeof text, "%.*s%s%s", (int)(at - document), document, to,
                     at + strlen(from));
    REQUIRE(n > 0 && (size_t)n < sizeof text);
    return BYTES(text, (size_t)n);
}

struct change {
    const char *from;
    unsigned nth;
    const char *to, *what;
};

static const struct change bad_info[] = {
    {"\"version\":3,", 1, "", "no version"},
    {"\"version\":3,", 1, "\"version\":101,", "a version of 101"},
    {"\"issueDate\":\"2026-09-01T00:00:00Z\",", 1, "", "no issue date"},
    {"\"nextUpdate\":\"2026-10-01T00:00:00Z\",", 1, "", "no next update"},
    {"\"nextUpdate\"", 1, "\"issueDate\"", "a date twice"},
    {"2026-10-01T00:00:00Z", 1, "2026-10-01T00:00:00+01:00", "a date in another zone"},
    {"2026-10-01T00:00:00Z", 1, "2026-10-01", "a date without a time"},
    {"\"tcbEvaluationDataNumber\":12,", 1, "", "no evaluation number"},
    {"DataNumber\":12", 1, "DataNumber\":4294967296", "an evaluation number of 33 bits"},
    {"DataNumber\":12", 1, "DataNumber\":-1", "a negative evaluation number"},
    {"DataNumber\":12", 1, "DataNumber\":99999999999999999999", "a number beyond 64 bits"},
    {"\"tcbType\":0,", 1, "", "no TCB type"},
    {"\"tcbType\":0,", 1, "\"tcbType\":1,", "another TCB type"},
    {"\"pceId\":\"0000\",", 1, "", "no PCE id"},
    {"\"0000\"", 1, "\"000\"", "a PCE id of three digits"},
    {"\"0000\"", 1, "\"00000\"", "a PCE id of five digits"},
    {"\"0000\"", 1, "\"0x00\"", "a PCE id that is not hexadecimal"},
    {"00906ed50000", 1, "00906ed5000", "an FMSPC of eleven digits"},
    {"00906ed50000", 1, "00906ed5000000", "an FMSPC of seven bytes"},
    {"\"00906ed50000\"", 1, "5", "an FMSPC that is a number"},
    {"\"id\":\"TDX\"", 1, "\"id\":3", "an id that is a number"},
    {"\"tcbLevels\"", 2, "\"tcbLevel\"", "no levels"},
    {"[" LEVEL "]", 1, "{}", "levels that are an object"},
    {"[" LEVEL "]", 1, "[5]", "a level that is a number"},
    {"\"signature\"", 1, "\"signed\"", "no signature"},
    {"00000000\"}", 1, "0000000\"}", "a signature of 127 digits"},
    {"00000000\"}", 1, "0000000g\"}", "a signature that is not hexadecimal"},
    {"{\"tcbInfo\"", 1, "{\"enclaveIdentity\"", "the other document's member"},
    {"{\"tcbInfo\":{", 1, "[{", "no envelope"},
    {"\"svn\":5", 1, "\"svnn\":5", "a component without a number"},
    {"\"svn\":5", 1, "\"svn\":5,\"svn\":5", "a component that says its number twice"},
    {"\"sgxtcbcomponents\"", 1, "\"sgxtcbcomponent\"", "a level without components"},
    {"\"pcesvn\":9,", 1, "", "a level without PCESVN"},
    {"\"pcesvn\":9", 1, "\"pcesvn\":65536", "a PCESVN of 17 bits"},
    {"\"pcesvn\":9", 1, "\"pcesvn\":9,\"sgxtcbcomp01svn\":1", "a level of both versions"},
    {"\"tcbDate\":\"2026-01-01T00:00:00Z\",", 2, "", "a level without a date"},
    {"\"tcbStatus\":\"UpToDate\"", 2, "\"x\":1", "a level without a status"},
    {"\"UpToDate\"", 2, "5", "a status that is a number"},
    {"\"UpToDate\"", 2, "\"none\"", "the name of no status"},
    {"\"UpToDate\"", 2, "\"TDRelaunchAdvised\"", "a status that only verifiers find"},
    {"[\"INTEL-SA-1\"]", 1, "\"INTEL-SA-1\"", "advisories that are no list"},
    {"\"INTEL-SA-1\"", 1, "\"\"", "an advisory without a name"},
    {"\"INTEL-SA-1\"", 1, "\"INTEL-SA-00000000000000000000000\"", "an advisory of 32 letters"},
    {"\"INTEL-SA-1\"", 1, "\"INTEL\\u002dSA-1\"", "an escape in an advisory"},
    {"\"mrsigner\"", 1, "\"mrsignr\"", "a module without a signer"},
    {"\"attributes\"", 1, "\"attribute\"", "a module without attributes"},
    {"\"attributesMask\"", 1, "\"attributeMask\"", "a module without a mask"},
    {ZEROS_48, 1, "00", "a signer of one byte"},
    {"\"mrsigner\"", 2, "\"mrsignr\"", "an identity without a signer"},
    {"\"tcbLevels\"", 1, "\"tcbLevel\"", "an identity without levels"},
    {"\"isvsvn\":5", 1, "\"isvsvn\":65536", "a module's version of 17 bits"},
    {"\"isvsvn\":5", 1, "\"isvsv\":5", "a module's level without a version"},
    {"TDX_01", 1, "TDX_001", "a module's id of three digits"},
    {"TDX_01", 1, "TDX-01", "a module's id with another sign"},
    {"TDX_01", 1, "TDX_0:", "a module's id with a sign behind the digits"},
    {"TDX_01", 1, "TDX_0@", "a module's id with a sign before the letters"},
    {"TDX_01", 1, "TDX_0/", "a module's id with a sign before the digits"},
    {"[" IDENTITY "]", 1, "7", "identities that are a number"},
};
static const struct change good_info[] = {
    {"00906ed50000", 1, "00906ED50000", "an FMSPC in capital letters"},
    {"\"tcbType\":0,", 1, "\"tcbType\":0,\"new\":{\"a\":[1,null,{}]},", "a member nobody knows"},
    {"\"pcesvn\":9", 1, "\"new\":[],\"pcesvn\":9", "one in a level"},
    {"\"isvsvn\":5", 1, "\"new\":\"\\n\",\"isvsvn\":5", "one in a module's level"},
    {"\"svn\":5", 3, "\"svn\":5,\"category\":\"BIOS\",\"type\":\"x\"",
     "what components say besides"},
    {"\"attributes\"", 1, "\"new\":0,\"attributes\"", "one in a module"},
    {"\"attributes\"", 2, "\"new\":0,\"attributes\"", "one in an identity"},
    {"\"tcb\":{", 1, "\"new\":0,\"tcb\":{", "one beside a module's level"},
    {"\"tcb\":{", 2, "\"new\":0,\"tcb\":{", "one beside a level"},
    {",\"advisoryIDs\":[\"INTEL-SA-1\"]", 1, "", "no advisories"},
    {"[\"INTEL-SA-1\"]", 1, "[]", "an empty list of advisories"},
    {"TDX_01", 1, "TDX_fF", "a module's id in letters of both cases"},
    {"[" LEVEL "]", 1, "[]", "no levels at all: nobody reaches any"},
    {"\"tdxModule\":{" MODULE "},", 1, "", "no module of version 0"},
};
static const struct change bad_identity[] = {
    {"\"id\":\"QE\",", 1, "", "no id"},
    {"\"miscselect\":\"00000000\",", 1, "", "no MISCSELECT"},
    {"\"00000000\"", 1, "\"0000000\"", "a MISCSELECT of seven digits"},
    {"\"miscselectMask\"", 1, "\"x\"", "no mask of MISCSELECT"},
    {"\"attributes\"", 1, "\"x\"", "no attributes"},
    {"\"attributesMask\"", 1, "\"x\"", "no mask of attributes"},
    {"\"11000000", 1, "\"1100", "attributes of fourteen bytes"},
    {"\"isvprodid\":1,", 1, "", "no product"},
    {"\"isvprodid\":1,", 1, "\"isvprodid\":65536,", "a product of 17 bits"},
    {"\"isvsvn\":8", 1, "\"isvsvn\":65536", "a version of 17 bits"},
    {"\"isvsvn\":8", 1, "\"isvsvn\":\"8\"", "a version that is a string"},
    {"\"tcbLevels\"", 1, "\"x\"", "no levels"},
    {"\"UpToDate\"", 1, "\"ConfigurationNeeded\"", "a platform's status"},
    {"{\"enclaveIdentity\"", 1, "{\"tcbInfo\"", "the other document's member"},
    {"]},\"signature\"", 1, "],\"signature\"", "a body that does not end"},
};

static void test_documents(void)
{
    static struct tcb_info info;
    static struct qe_identity id;
    CHECK(tcb_info_read(changed(TDX_INFO, "", 0, ""), &info) && info.is_tdx && !info.is_sgx &&
              info.has_tdx_module && info.module_count == 1 && info.level_count == 1,
          "TCB info of TDX");
    for (size_t i = 0; i < ARRAY_SIZE(bad_info); i++) {
        const struct change *c = &bad_info[i];
        CHECK(!tcb_info_read(changed(TDX_INFO, c->from, c->nth, c->to), &info), "%s", c->what);
    }
    for (size_t i = 0; i < ARRAY_SIZE(good_info); i++) {
        const struct change *c = &good_info[i];
        CHECK(tcb_info_read(changed(TDX_INFO, c->from, c->nth, c->to), &info), "%s", c->what);
    }
#define LEVELS_FIRST(levels)                                                                       \
    "{\"tcbInfo\":{\"tcbLevels\":[" levels "]," DATES HEAD "\"tcbEvaluationDataNumber\":12,"       \
    "\"version\":3,\"id\":\"TDX\"},\"signature\":\"" SIGNED_64 "\"}"
    CHECK(tcb_info_read(BYTES_STR(LEVELS_FIRST(LEVEL)), &info) && info.level_count == 1 &&
              info.levels[0].pcesvn == 9,
          "levels may stand before what says how to read them");
    CHECK(!tcb_info_read(BYTES_STR(LEVELS_FIRST("{}")), &info), "and are read as strictly");
    CHECK(qe_identity_read(changed(QE_IDENTITY, "", 0, ""), &id) && id.is_sgx_qe && !id.is_td_qe,
          "QE identity");
    for (size_t i = 0; i < ARRAY_SIZE(bad_identity); i++) {
        const struct change *c = &bad_identity[i];
        CHECK(!qe_identity_read(changed(QE_IDENTITY, c->from, c->nth, c->to), &id), "%s", c->what);
    }
}

/* `count` times `item`, separated by commas. */
static const char *many(const char *item, size_t count)
{
    static char text[1u << 17];
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i ? "," : "", item);
        REQUIRE(n < sizeof text);
    }
    return text;
}

/* Exactly the maxima of verify/limits.h, and one more. */
static void test_limits(void)
{
    static struct tcb_info info;
    static struct qe_identity id;
    static const char qe_level[] = "{\"tcb\":{\"isvsvn\":8}," JUDGEMENT "}";
    static const char module_level[] = "{\"tcb\":{\"isvsvn\":5}," JUDGEMENT "}";
    CHECK(tcb_info_read(changed(TDX_INFO, LEVEL, 1, many(LEVEL, TCB_LEVELS_MAX)), &info) &&
              !tcb_info_read(changed(TDX_INFO, LEVEL, 1, many(LEVEL, TCB_LEVELS_MAX + 1)), &info),
          "so many levels of TCB info and no more");
    CHECK(
        qe_identity_read(changed(QE_IDENTITY, qe_level, 1, many(qe_level, TCB_LEVELS_MAX)), &id) &&
            !qe_identity_read(changed(QE_IDENTITY, qe_level, 1, many(qe_level, TCB_LEVELS_MAX + 1)),
                              &id),
        "so many levels of QE identity and no more");
    CHECK(
        tcb_info_read(changed(TDX_INFO, module_level, 1, many(module_level, TDX_MODULE_LEVELS_MAX)),
                      &info) &&
            !tcb_info_read(
                changed(TDX_INFO, module_level, 1, many(module_level, TDX_MODULE_LEVELS_MAX + 1)),
                &info),
        "so many levels of a module and no more");
    char identities[1u << 14];
    size_t n = 0;
    for (unsigned i = 0; i <= TDX_MODULES_MAX; i++) {
        struct bytes one = changed(IDENTITY, "TDX_01", 1, "TDX_");
        const char *number = (const char *)one.data + strlen("{\"id\":\"TDX_");
        n += (size_t)snprintf(identities + n, sizeof identities - n, "%s{\"id\":\"TDX_%02X%s",
                              i ? "," : "", i, number);
        bool read = tcb_info_read(changed(TDX_INFO, IDENTITY, 1, identities), &info);
        if (read != (i < TDX_MODULES_MAX)) {
            CHECK(false, "%u modules", i + 1);
        }
    }
    CHECK(n < sizeof identities, "so many modules and no more");
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

/* Modules that have levels of their own: the first two components are theirs. */
static void test_tdx_level_selection(void)
{
    static struct tcb_info info = {.level_count = 1};
    uint8_t components[16] = {0}, tee[16];
    memset(info.levels[0].tdx_components, 5, 16);
    memset(tee, 5, sizeof tee);
    tee[1] = 0;
    CHECK(tcb_level_select(&info, components, 0, tee) == NULL, "all components of version 0 count");
    info.levels[0].tdx_components[1] = 0;
    CHECK(tcb_level_select(&info, components, 0, tee) != NULL, "and are reached");
    tee[1] = 1;
    tee[0] = 0;
    CHECK(tcb_level_select(&info, components, 0, tee) != NULL, "the first two are the module's");
    for (size_t i = 2; i < 16; i++) {
        tee[i] = 4;
        if (tcb_level_select(&info, components, 0, tee) != NULL) {
            CHECK(false, "TDX component %zu counts", i);
        }
        tee[i] = 5;
    }
    CHECK(tdx_module_find(&info, 1) == NULL, "a module that is not listed");
}

static void test_relaunch(void)
{
#define RULE(launch, current, result)                                                              \
    {                                                                                              \
        ALCOVE_TCB_##launch, ALCOVE_TCB_##current, ALCOVE_TCB_##result                             \
    }
    static const struct {
        enum alcove_tcb_status launch, current, result;
    } rules[] = {
        RULE(OUT_OF_DATE, UP_TO_DATE, TD_RELAUNCH_ADVISED),
        RULE(OUT_OF_DATE, SW_HARDENING_NEEDED, TD_RELAUNCH_ADVISED),
        RULE(OUT_OF_DATE, CONFIGURATION_NEEDED, TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED),
        RULE(OUT_OF_DATE, CONFIGURATION_AND_SW_HARDENING_NEEDED,
             TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED),
        RULE(OUT_OF_DATE_CONFIGURATION_NEEDED, UP_TO_DATE,
             TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED),
        RULE(OUT_OF_DATE_CONFIGURATION_NEEDED, SW_HARDENING_NEEDED,
             TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED),
        RULE(OUT_OF_DATE, OUT_OF_DATE, OUT_OF_DATE),
        RULE(OUT_OF_DATE, REVOKED, OUT_OF_DATE),
        RULE(OUT_OF_DATE, NOT_SUPPORTED, OUT_OF_DATE),
        RULE(UP_TO_DATE, OUT_OF_DATE, UP_TO_DATE),
        RULE(REVOKED, UP_TO_DATE, REVOKED),
        RULE(SW_HARDENING_NEEDED, UP_TO_DATE, SW_HARDENING_NEEDED),
    };
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
        CHECK(tcb_relaunch(rules[i].launch, rules[i].current) == rules[i].result,
              "launched %s, now %s: %s", alcove_tcb_status_name(rules[i].launch),
              alcove_tcb_status_name(rules[i].current), alcove_tcb_status_name(rules[i].result));
    }
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
    test_documents();
    test_limits();
    test_level_selection();
    test_tdx_level_selection();
    test_relaunch();
    test_qe_level_selection();
    test_convergence();
    test_names();
    return tap_done();
}
