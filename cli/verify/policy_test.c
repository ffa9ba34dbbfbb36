/* SPDX-License-Identifier: Apache-2.0 */
/* The policy file: what each key sets, that every mistake is named with its line and column, and
 * that no template accepts anything before somebody chose. */
#include <stdlib.h>
#include <string.h>

#include "policy.h"
#include "tests/tap.h"

static struct policy_file *parse(const char *text, struct diag *d)
{
    struct policy_file *p = NULL;
    *d = (struct diag){""};
    return policy_parse(BYTES(text, strlen(text)), "policy.yaml", &p, d) == 0 ? p : NULL;
}

#define B4(x) x x x x
#define H32   B4("0102030405060708")
#define H48                                                                                        \
    H32 "090a0b0c0d0e0f10"                                                                         \
        "1112131415161718"
#define H64 H32 H32

static bool is_value(const uint8_t *value, size_t size, const char *hex)
{
    uint8_t wanted[64];
    return hex_decode(wanted, size, BYTES(hex, strlen(hex))) && memcmp(value, wanted, size) == 0;
}

static void test_common(void)
{
    struct diag d;
    struct policy_file *p =
        parse("accept_statuses: [UpToDate, SWHardeningNeeded]\n"
              "advisories: {tolerate: [INTEL-SA-00615, INTEL-SA-00657], refuse: [INTEL-SA-00289]}\n"
              "min_tcb_evaluation_number: 17\n"
              "grace: {collateral: 7d}\n"
              "allow_debug: true\nallow_migration: true\nrefuse_smt: true\nallow_trailing: true\n"
              "roots: [" H32 ", here.pem]\nbuiltin_roots: false\n"
              "platforms:\n"
              "  fmspc: {allow: [00606a000000, '00a067110000'], deny: [00906ea10000]}\n"
              "  ppid: {deny: ["
              "0102030405060708"
              "0102030405060708"
              "]}\n"
              "  chip_id: {allow: any, deny: [" H64 "]}\n"
              "revocation: {amd: if-given}\n"
              "report_data: " H64 "\n",
              &d);
    CHECK(p != NULL, "keys for every kind are read (%s)", d.text);
    if (p == NULL) {
        return;
    }
    const struct alcove_policy *a = &p->policy;
    CHECK(a->accepted_statuses == (ALCOVE_TCB_BIT(ALCOVE_TCB_UP_TO_DATE) |
                                   ALCOVE_TCB_BIT(ALCOVE_TCB_SW_HARDENING_NEEDED)),
          "statuses by name");
    CHECK(a->advisories.tolerate_mode == ALCOVE_EXPECT_VALUE &&
              a->advisories.tolerated_count == 2 &&
              strcmp(a->advisories.tolerated[1], "INTEL-SA-00657") == 0 &&
              a->advisories.refused_count == 1 &&
              strcmp(a->advisories.refused[0], "INTEL-SA-00289") == 0,
          "advisories");
    CHECK(a->min_tcb_evaluation_number == 17 && a->collateral_grace_s == 7 * 86400 &&
              a->platform_grace_s == 0,
          "numbers and durations");
    CHECK(a->allow_debug && a->allow_migration && a->refuse_smt && a->allow_trailing &&
              a->refuse_builtin_roots,
          "switches");
    CHECK(a->root_count == 1 && is_value(a->roots[0].spki_sha256, 32, H32) &&
              p->root_file_count == 1,
          "roots by hash and by file");
    CHECK(a->fmspc.allow_mode == ALCOVE_EXPECT_VALUE && a->fmspc.allowed_count == 2 &&
              is_value(a->fmspc.allowed + 6, 6, "00a067110000") && a->fmspc.denied_count == 1 &&
              is_value(a->fmspc.denied, 6, "00906ea10000"),
          "platforms that are allowed and denied");
    CHECK(a->ppid.allow_mode == ALCOVE_EXPECT_ANY && a->ppid.denied_count == 1 &&
              a->chip_id.allow_mode == ALCOVE_EXPECT_ANY && a->chip_id.denied_count == 1,
          "only denied ones");
    CHECK(a->revocation.amd == ALCOVE_REVOCATION_IF_GIVEN &&
              a->report_data.mode == ALCOVE_EXPECT_VALUE && is_value(a->report_data.value, 64, H64),
          "revocation and report data");
    policy_free(p);
}

static void test_intel(void)
{
    struct diag d;
    struct policy_file *p =
        parse("report_data: " H32 "\n"
              "sgx:\n  mrenclave: " H32 "\n"
              "  signer: {mrsigner: " H32 ", isvprodid: 7, min_isvsvn: 65535}\n"
              "  configid: none\n"
              "tdx:\n  mrtd: " H48 "\n  rtmr: [any, none, " H48 ", any]\n"
              "  mrseam: " H48 "\n  mrservicetd: any\n"
              "  attributes: {mask: 0000000010000001, value: 0000000010000000}\n  xfam: any\n"
              "ratls: {nonce: 0a0b, key: " H32 ", legacy: [gramine, rats-tls]}\n",
              &d);
    CHECK(p != NULL, "keys for Intel's kinds are read (%s)", d.text);
    if (p == NULL) {
        return;
    }
    const struct alcove_policy *a = &p->policy;
    static const uint8_t zeros[64];
    CHECK(is_value(a->report_data.value, 32, H32) &&
              memcmp(a->report_data.value + 32, zeros, 32) == 0,
          "32 bytes of report data are followed by zeros");
    CHECK(a->mrenclave.mode == ALCOVE_EXPECT_VALUE && is_value(a->mrenclave.value, 32, H32) &&
              a->signer.mode == ALCOVE_EXPECT_VALUE && is_value(a->signer.mrsigner, 32, H32) &&
              a->signer.isvprodid == 7 && a->signer.min_isvsvn == 65535 &&
              a->configid.mode == ALCOVE_EXPECT_VALUE && memcmp(a->configid.value, zeros, 64) == 0,
          "an enclave");
    CHECK(a->mrtd.mode == ALCOVE_EXPECT_VALUE && is_value(a->mrtd.value, 48, H48) &&
              a->rtmr[0].mode == ALCOVE_EXPECT_ANY && a->rtmr[1].mode == ALCOVE_EXPECT_VALUE &&
              memcmp(a->rtmr[1].value, zeros, 48) == 0 && is_value(a->rtmr[2].value, 48, H48) &&
              a->rtmr[3].mode == ALCOVE_EXPECT_ANY && a->mrseam.mode == ALCOVE_EXPECT_VALUE &&
              a->mrservicetd.mode == ALCOVE_EXPECT_ANY,
          "a virtual machine");
    CHECK(a->td_attributes.mode == ALCOVE_EXPECT_VALUE && a->td_attributes.mask == 0x10000001 &&
              a->td_attributes.value == 0x10000000 && a->td_xfam.mode == ALCOVE_EXPECT_ANY,
          "its attributes");
    CHECK(a->ratls_nonce.mode == ALCOVE_EXPECT_VALUE && a->ratls_nonce.value.size == 2 &&
              a->ratls_nonce.value.data[1] == 0x0b && is_value(a->ratls_key.value, 32, H32) &&
              a->ratls_legacy == (ALCOVE_RATLS_LEGACY_GRAMINE | ALCOVE_RATLS_LEGACY_RATS_TLS),
          "RA-TLS");
    policy_free(p);
}

static void test_others(void)
{
    struct diag d;
    struct policy_file *p =
        parse("snp:\n  measurement: " H48 "\n  host_data: " H32 "\n  vmpl: 2\n"
              "  min_tcb: {bootloader: 4, tee: 0, snp: 24, microcode: 219, fmc: 1}\n"
              "azure: {key: " H32 "}\n"
              "nitro:\n  pcrs: {0: " H48 ", 1: any, 2: " H32 ", 31: " H64 "}\n"
              "  nonce: none\n  user_data: any\n  public_key: 04aa\n"
              "  time: given\n  max_age: 5m\n  clock_skew: 10s\n",
              &d);
    CHECK(p != NULL, "keys for AMD's, Azure's and AWS's kinds are read (%s)", d.text);
    if (p == NULL) {
        return;
    }
    const struct alcove_policy *a = &p->policy;
    const struct alcove_snp_tcb *t = &a->snp_min_tcb.minimum;
    CHECK(is_value(a->snp_measurement.value, 48, H48) &&
              is_value(a->snp_host_data.value, 32, H32) &&
              a->snp_vmpl.mode == ALCOVE_EXPECT_VALUE && a->snp_vmpl.value == 2,
          "a guest");
    CHECK(a->snp_min_tcb.mode == ALCOVE_EXPECT_VALUE && t->bootloader == 4 && t->tee == 0 &&
              t->snp == 24 && t->microcode == 219 && t->fmc == 1,
          "its minimum TCB");
    CHECK(is_value(a->azure_key.value, 32, H32), "Azure's key");
    CHECK(a->nitro_pcr[0].size == 48 && is_value(a->nitro_pcr[0].value, 48, H48) &&
              a->nitro_pcr[1].mode == ALCOVE_EXPECT_ANY && a->nitro_pcr[2].size == 32 &&
              a->nitro_pcr[31].size == 64 && a->nitro_pcr[30].mode == ALCOVE_EXPECT_ANY,
          "registers of every size");
    CHECK(a->nitro_nonce.mode == ALCOVE_EXPECT_VALUE && a->nitro_nonce.value.size == 0 &&
              a->nitro_user_data.mode == ALCOVE_EXPECT_ANY && a->nitro_public_key.value.size == 2 &&
              a->nitro_public_key.value.data[1] == 0xaa,
          "what a document repeats");
    CHECK(a->nitro_time == ALCOVE_NITRO_TIME_GIVEN && a->nitro_max_age_s == 300 &&
              a->clock_skew_s == 10,
          "its time");
    policy_free(p);
}

static void test_any(void)
{
    struct diag d;
    char keys[512];
    struct policy_file *p = parse(
        "report_data: any\nadvisories: {tolerate: any}\ngrace: {platform: 30d}\n"
        "sgx: {mrenclave: any, signer: any, configid: any}\ntdx: {mrtd: any, rtmr: any}\n"
        "snp: {measurement: any, host_data: any, vmpl: any, min_tcb: any}\nazure: {key: any}\n"
        "nitro: {pcrs: {0: any, 1: any, 2: any}, nonce: any, user_data: any, public_key: any, "
        "time: document}\nratls: {nonce: any, key: any}\n",
        &d);
    CHECK(p != NULL && p->policy.advisories.tolerate_mode == ALCOVE_EXPECT_ANY &&
              p->policy.platform_grace_s == 30 * 86400 &&
              p->policy.nitro_time == ALCOVE_NITRO_TIME_OF_DOCUMENT,
          "any can be written everywhere (%s)", d.text);
    for (int k = 0; p != NULL && k < POLICY_KIND_COUNT; k++) {
        CHECK(policy_missing(&p->policy, (enum policy_kind)k, ALCOVE_EVIDENCE_SGX_QUOTE, keys,
                             sizeof keys) == 0,
              "… and nothing is missing then for %s", policy_kind_name((enum policy_kind)k));
    }
    policy_free(p);
}

static void test_missing(void)
{
    static const struct {
        enum policy_kind kind;
        enum alcove_evidence_kind inside;
        const char *keys;
    } cases[] = {
        {POLICY_SGX, 0, "report_data, sgx.mrenclave, sgx.signer, sgx.configid"},
        {POLICY_TDX, 0, "report_data, tdx.mrtd, tdx.rtmr"},
        {POLICY_SNP, 0, "report_data, snp.measurement, snp.host_data, snp.vmpl, snp.min_tcb"},
        {POLICY_AZURE, 0,
         "report_data, azure.key, snp.measurement, snp.host_data, snp.vmpl, snp.min_tcb"},
        {POLICY_NITRO, 0,
         "nitro.time, nitro.pcrs.0, nitro.pcrs.1, nitro.pcrs.2, nitro.nonce, nitro.user_data, "
         "nitro.public_key"},
        {POLICY_RATLS, ALCOVE_EVIDENCE_NONE, "report_data, ratls.nonce, ratls.key"},
        {POLICY_RATLS, ALCOVE_EVIDENCE_SGX_QUOTE,
         "report_data, ratls.nonce, ratls.key, sgx.mrenclave, sgx.signer, sgx.configid"},
        {POLICY_RATLS, ALCOVE_EVIDENCE_TDX_QUOTE,
         "report_data, ratls.nonce, ratls.key, tdx.mrtd, tdx.rtmr"},
    };
    struct diag d;
    struct policy_file *p = parse("{}\n", &d);
    CHECK(p != NULL, "an empty policy is one");
    for (size_t i = 0; p != NULL && i < ARRAY_SIZE(cases); i++) {
        char keys[512], tight[16];
        policy_missing(&p->policy, cases[i].kind, cases[i].inside, keys, sizeof keys);
        bool same = strcmp(keys, cases[i].keys) == 0;
        CHECK(same, "it says what it lacks for %s", policy_kind_name(cases[i].kind));
        if (!same) {
            printf("# got: %s\n", keys);
        }
        CHECK(policy_missing(&p->policy, cases[i].kind, cases[i].inside, tight, sizeof tight) > 0 &&
                  strlen(tight) < sizeof tight,
              "… also in little room");
    }
    policy_free(p);
}

/* The template with every CHOOSE replaced. */
static char *chosen(const char *template, const char *value)
{
    size_t capacity = 2 * strlen(template);
    char *text = calloc(1, capacity);
    REQUIRE(text != NULL);
    for (const char *at; (at = strstr(template, "CHOOSE ")) != NULL; template = at + 6) {
        strncat(text, template, (size_t)(at - template));
        strcat(text, strncmp(at - 6, "time: ", 6) == 0 ? "given" : value);
    }
    return strcat(text, template);
}

static void test_templates(void)
{
    for (int k = 0; k < POLICY_KIND_COUNT; k++) {
        enum policy_kind kind = (enum policy_kind)k, again = POLICY_KIND_COUNT;
        const char *name = policy_kind_name(kind);
        const char *template = policy_template(kind);
        struct diag d;
        char keys[512];
        CHECK(parse(template, &d) == NULL, "the template for %s accepts nothing as it is", name);
        char *text = chosen(template, "any");
        struct policy_file *p = parse(text, &d);
        CHECK(p != NULL && policy_missing(&p->policy, kind, ALCOVE_EVIDENCE_SGX_QUOTE, keys,
                                          sizeof keys) == 0,
              "… and is complete when all is chosen (%s)", d.text);
        policy_free(p);
        free(text);
        CHECK(policy_kind_by_name(name, &again) && again == kind, "… and has a name");
    }
    enum policy_kind kind = POLICY_SGX;
    CHECK(policy_kind_by_name("tdx-quote", &kind) && kind == POLICY_TDX &&
              !policy_kind_by_name("none", &kind) && !policy_kind_by_name("quote", &kind),
          "kinds also have the library's names");
    CHECK(policy_kind_of(ALCOVE_EVIDENCE_SNP_REPORT, ALCOVE_WRAPPING_AZURE_HCL, &kind) &&
              kind == POLICY_AZURE &&
              !policy_kind_of(ALCOVE_EVIDENCE_NONE, ALCOVE_WRAPPING_NONE, &kind),
          "a wrapping decides which keys are needed");
}

static void refused(const char *sentence, const char *text, const char *place, const char *words)
{
    struct diag d;
    struct policy_file *p = parse(text, &d);
    bool good =
        p == NULL && strncmp(d.text, place, strlen(place)) == 0 && strstr(d.text, words) != NULL;
    CHECK(good, "%s", sentence);
    if (!good) {
        printf("# wanted \"%s … %s\", got \"%s\"\n", place, words, d.text);
    }
    policy_free(p);
}

#define AT(place) "policy.yaml:" place ": "

static void test_bad_files(void)
{
    refused("nothing", "", AT("1:1"), "empty");
    refused("a list", "- a\n", AT("1:1"), "mapping");
    refused("a second document", "{}\n---\n{}\n", AT("3:1"), "second document");
    refused("an unknown key", "mrenclave: any\n", AT("1:1"),
            "unknown key 'mrenclave'; there are: ");
    refused("an unknown key below", "sgx:\n  mrtd: any\n", AT("2:3"),
            "mrenclave, signer, configid");
    refused("a repeated key", "sgx: {}\ntdx: {}\nsgx: {}\n", AT("3:1"), "stood in line 1");
    refused("a tag", "report_data: !!binary any\n", AT("1:14"), "tags");
    refused("not YAML", "sgx: [\n", AT("2:1"), "");
    refused("not YAML behind the document", "{}\n--- [\n", AT("3:1"), "");
    refused("a list for a key", "? [a]\n: any\n", AT("1:3"), "a text");
    refused("nothing for a key", "'': any\n", AT("1:1"), "nothing");
    refused("a NUL", "report_data: \"a\\0b\"\n", AT("1:14"), "NUL");
    refused("a repeated register", "nitro: {pcrs: {0: any, 0: any}}\n", AT("1:24"), "twice");
}

static void test_bad_values(void)
{
    refused("no status", "accept_statuses: []\n", AT("1:18"), "no status");
    refused("a status for a list", "accept_statuses: UpToDate\n", AT("1:18"), "list");
    refused("an unknown status", "accept_statuses: [Fine]\n", AT("1:19"), "OutOfDate, ");
    refused("a list for a status", "accept_statuses: [[]]\n", AT("1:19"), "a text");
    refused("NotSupported", "accept_statuses: [NotSupported]\n", AT("1:19"), "accepted");
    refused("a misspelt advisory", "advisories: {refuse: [SA-00615]}\n", AT("1:23"), "INTEL-SA");
    refused("a lower-case advisory", "advisories: {tolerate: [INTEL-sa-1]}\n", AT("1:25"),
            "INTEL-SA");
    refused("an advisory that is no text", "advisories: {tolerate: [{}]}\n", AT("1:25"), "text");
    refused("advisories that are no list", "advisories: {tolerate: all}\n", AT("1:24"), "list");
    refused("both graces", "grace: {platform: 1d, collateral: 1d}\n", AT("1:35"), "not to both");
    refused("both graces, the other way", "grace: {collateral: 1d, platform: 1d}\n", AT("1:35"),
            "not to both");
    refused("a grace without unit", "grace: {collateral: 7}\n", AT("1:21"), "7d");
    refused("an endless grace", "grace: {platform: 50000d}\n", AT("1:19"), "7d");
    refused("an overflowing grace", "grace: {platform: 99999999999999999999d}\n", AT("1:19"), "7d");
    refused("a text for a switch", "allow_debug: yes\n", AT("1:14"), "true or false");
    refused("a number that is too large", "min_tcb_evaluation_number: 4294967296\n", AT("1:28"),
            "whole number");
    refused("a quoted number", "min_tcb_evaluation_number: '1'\n", AT("1:28"), "whole number");
    refused("no roots at all", "builtin_roots: false\n", AT("1:1"), "leaves no root");
    refused("a root that is no text", "roots: [[]]\n", AT("1:9"), "a text");
    refused("an unknown rule", "revocation: {amd: maybe}\n", AT("1:19"), "if-given");
    refused("an FMSPC that is too long", "platforms: {fmspc: {deny: [0011]}}\n", AT("1:28"),
            "6 bytes as 12");
    refused("allowed ones that are no list", "platforms: {ppid: {allow: all}}\n", AT("1:27"),
            "list");
    refused("short report data", "report_data: 00\n", AT("1:14"), "64 bytes");
    refused("an enclave without its hash", "sgx: {mrenclave: none}\n", AT("1:18"), "32 bytes");
    refused("nothing for a hash", "sgx:\n  mrenclave:\n", AT("2:13"), "32 bytes");
    refused("a signer alone", "sgx: {signer: {mrsigner: " H32 "}}\n", AT("1:15"),
            "'isvprodid' is missing");
    refused("a signer that is any", "sgx: {signer: {mrsigner: any, isvprodid: 0, min_isvsvn: 0}}\n",
            AT("1:26"), "'signer: any'");
    refused("a signer that is a text", "sgx: {signer: me}\n", AT("1:15"), "mapping");
    refused("a large version", "sgx: {signer: {isvprodid: 65536}}\n", AT("1:27"), "65535");
    refused("three registers", "tdx: {rtmr: [any, any, any]}\n", AT("1:13"), "four");
    refused("five registers", "tdx: {rtmr: [any, any, any, any, any]}\n", AT("1:13"),
            "more than 4");
    refused("a register that is none", "tdx: {rtmr: [any, 7, any, any]}\n", AT("1:19"), "48 bytes");
    refused("short bits", "tdx: {xfam: {mask: e7, value: 00000000000000e7}}\n", AT("1:20"),
            "16 hex");
    refused("bits outside the mask",
            "tdx: {attributes: {mask: 0000000000000001, value: 0000000000000002}}\n", AT("1:19"),
            "'mask'");
    refused("half of the bits", "tdx: {xfam: {mask: 00000000000000e7}}\n", AT("1:13"),
            "'value' is missing");
    refused("VMPL 4", "snp: {vmpl: 4}\n", AT("1:13"), "0 to 3");
    refused("half a TCB", "snp: {min_tcb: {snp: 1, tee: 1}}\n", AT("1:16"),
            "'bootloader' is missing");
    refused("a large TCB", "snp: {min_tcb: {microcode: 256}}\n", AT("1:28"), "255");
    refused("register 32", "nitro: {pcrs: {32: any}}\n", AT("1:16"), "0 to 31");
    refused("a short register", "nitro: {pcrs: {0: 00}}\n", AT("1:19"), "48 bytes");
    refused("an odd nonce", "nitro: {nonce: 0}\n", AT("1:16"), "hex digits");
    refused("nothing for a nonce", "nitro: {nonce: ''}\n", AT("1:16"), "'none'");
    refused("a list for a nonce", "ratls: {nonce: []}\n", AT("1:16"), "'none'");
    refused("an unknown time", "nitro: {time: now}\n", AT("1:15"), "given");
    refused("an unknown format", "ratls: {legacy: [all]}\n", AT("1:18"), "rats-tls");
    refused("a template", "report_data: CHOOSE\n", AT("1:14"), "64 bytes");
}

int main(void)
{
    test_common();
    test_intel();
    test_others();
    test_any();
    test_missing();
    test_templates();
    test_bad_files();
    test_bad_values();
    return tap_done();
}
