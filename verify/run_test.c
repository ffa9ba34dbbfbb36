/* SPDX-License-Identifier: Apache-2.0 */
/* The evidence of a run: every reason has a case, and every bound byte matters. */
#include "forge/forge.h"

#include "tests/tap.h"

#include <string.h>

#include <openssl/sha.h>

static struct forge_spec spec;
static struct forge_output output;
static uint8_t file[65536];
static size_t file_size;

/* Evidence of a run in `file`, with these claims and this manifest. */
static void make(struct bytes claims, struct bytes manifest)
{
    forge_defaults(&spec);
    spec.claims = claims;
    spec.manifest = manifest;
    forge_build(&spec, &output);
    file_size = forge_evidence(&spec, &output, file, sizeof file);
}

static struct run_expectation expect_all(void)
{
    struct run_expectation x = {.identity_mode = ALCOVE_EXPECT_VALUE,
                                .nonce_mode = ALCOVE_EXPECT_VALUE,
                                .nonce = BYTES_STR("fresh"),
                                .file_count = 2,
                                .roots = &output.root,
                                .root_count = 1,
                                .accepted_statuses = ALCOVE_TCB_BIT(ALCOVE_TCB_UP_TO_DATE)};
    struct bytes manifest = forge_manifest();
    memcpy(x.identity.mrenclave, spec.body.mrenclave, 32);
    memcpy(x.identity.mrsigner, spec.body.mrsigner, 32);
    SHA512(manifest.data, manifest.size, x.identity.configid);
    x.identity.layer_count = 1;
    memset(x.identity.layer_roots[0], 0x1a, 32);
    x.files[0] = (struct run_expected_file){.name = BYTES_STR("day")};
    x.files[1] = (struct run_expected_file){.output = true, .name = BYTES_STR("summary")};
    SHA256((const uint8_t *)"input", 5, x.files[0].sha256);
    SHA256((const uint8_t *)"output", 6, x.files[1].sha256);
    return x;
}

static struct run_result judge(const struct run_expectation *x)
{
    struct run_result r;
    struct diag d = {""};
    struct alcove_verdict v = run_verify(BYTES(file, file_size), x, FORGE_NOW, &r, &d);
    REQUIRE(v.accepted_word == r.verdict.accepted_word);
    return r;
}

/* Rejected for exactly this reason of the run, the quote itself being good. */
static bool rejected_for(const struct run_expectation *x, enum run_reason reason)
{
    struct run_result r = judge(x);
    return !alcove_verdict_accepted(r.verdict) && alcove_verdict_accepted(r.quote.verdict) &&
           r.failed == UINT32_C(1) << reason;
}

static void test_good(void)
{
    make(forge_claims(), forge_manifest());
    struct run_expectation x = expect_all();
    struct run_result r = judge(&x);
    CHECK(alcove_verdict_accepted(r.verdict), "good evidence of a run is accepted");
    CHECK(r.files_matched == 3, "both files match");
    CHECK(r.has_claims && bytes_equal_str(r.claims.inputs[0].name, "day"), "the claims are told");
    CHECK(r.has_manifest && r.manifest.argv_count == 2, "and so is the manifest");
    x.root_count = 0;
    r = judge(&x);
    CHECK(!alcove_verdict_accepted(r.verdict) &&
              r.quote.first_reason == ALCOVE_REASON_UNKNOWN_ROOT && r.failed == 0,
          "a bad quote rejects although everything of the run fits");
}

static void test_expectations(void)
{
    make(forge_claims(), forge_manifest());
    struct run_expectation x = expect_all();
    x.nonce = BYTES_STR("stale");
    CHECK(rejected_for(&x, RUN_REASON_NONCE), "another nonce");
    x = expect_all();
    x.nonce_mode = ALCOVE_EXPECT_UNSET;
    CHECK(rejected_for(&x, RUN_REASON_NONCE), "a nonce expectation that was forgotten");
    x = expect_all();
    x.identity.mrenclave[0] ^= 1;
    CHECK(rejected_for(&x, RUN_REASON_EXPECTED_MRENCLAVE), "another runtime");
    x = expect_all();
    x.identity.mrsigner[0] ^= 1;
    CHECK(rejected_for(&x, RUN_REASON_EXPECTED_MRSIGNER), "another signer");
    x = expect_all();
    x.identity.configid[63] ^= 1;
    CHECK(rejected_for(&x, RUN_REASON_EXPECTED_CONFIGID), "another manifest");
    x = expect_all();
    x.identity.layer_roots[0][31] ^= 1;
    CHECK(rejected_for(&x, RUN_REASON_EXPECTED_LAYERS), "another layer");
    x = expect_all();
    x.identity.layer_count = 0;
    CHECK(rejected_for(&x, RUN_REASON_EXPECTED_LAYERS), "a layer more than expected");
    x = expect_all();
    x.identity_mode = ALCOVE_EXPECT_UNSET;
    CHECK(!alcove_verdict_accepted(judge(&x).verdict), "an identity that was forgotten");
    x.identity_mode = ALCOVE_EXPECT_ANY;
    CHECK(alcove_verdict_accepted(judge(&x).verdict), "any identity, said on purpose");
    x = expect_all();
    x.files[1].sha256[0] ^= 1;
    CHECK(rejected_for(&x, RUN_REASON_FILE_CONTENT), "another output");
    x = expect_all();
    x.files[1].output = false;
    CHECK(rejected_for(&x, RUN_REASON_FILE_UNKNOWN), "an output's name among the inputs");
    x = expect_all();
    x.accepted_statuses = 0;
    CHECK(!alcove_verdict_accepted(judge(&x).verdict), "no accepted status at all");
}

static struct bytes changed(struct bytes b, uint8_t *copy)
{
    memcpy(copy, b.data, b.size);
    copy[b.size - 1] ^= 1;
    return BYTES(copy, b.size);
}

/* The evidence file says one thing, the quote binds another. */
static void test_bindings(void)
{
    uint8_t copy[MANIFEST_SIZE_MAX];
    make(forge_claims(), forge_manifest());
    struct run_expectation x = expect_all();
    struct forge_spec lie = spec;
    lie.claims = changed(forge_claims(), copy);
    file_size = forge_evidence(&lie, &output, file, sizeof file);
    struct run_result r = judge(&x);
    CHECK(!alcove_verdict_accepted(r.verdict) && run_result_failed(&r, RUN_REASON_CLAIMS_BINDING),
          "changed claims are not those of the quote");

    lie = spec;
    lie.manifest = changed(forge_manifest(), copy);
    file_size = forge_evidence(&lie, &output, file, sizeof file);
    r = judge(&x);
    CHECK(!alcove_verdict_accepted(r.verdict) && run_result_failed(&r, RUN_REASON_MANIFEST_BINDING),
          "a changed manifest is not that of the quote");

    make(BYTES_STR("no claims"), forge_manifest());
    r = judge(&x);
    CHECK(!alcove_verdict_accepted(r.verdict) && run_result_failed(&r, RUN_REASON_CLAIMS_FORMAT),
          "claims that are none");
    make(forge_claims(), BYTES_STR("no manifest"));
    r = judge(&x);
    CHECK(!alcove_verdict_accepted(r.verdict) && run_result_failed(&r, RUN_REASON_MANIFEST_FORMAT),
          "a manifest that is none");
}

/* A manifest that differs from the usual one in one member. */
static struct bytes manifest_with(bool debug, bool attestation)
{
    static uint8_t text[MANIFEST_SIZE_MAX];
    struct manifest m;
    struct diag d;
    REQUIRE(manifest_decode(forge_manifest(), &m, &d) == 0);
    m.debug = debug;
    m.attestation = attestation;
    struct writer w = writer_of(text, sizeof text);
    REQUIRE(manifest_encode(&m, &w, &d) == 0);
    return BYTES(text, w.size);
}

static void test_manifest_policy(void)
{
    struct run_expectation x;
    make(forge_claims(), manifest_with(false, true));
    x = expect_all();
    x.identity_mode = ALCOVE_EXPECT_ANY;
    CHECK(rejected_for(&x, RUN_REASON_WORKLOAD_ATTESTS),
          "a workload that may write report data may invent claims");
    make(forge_claims(), manifest_with(true, false));
    x = expect_all();
    x.identity_mode = ALCOVE_EXPECT_ANY;
    CHECK(rejected_for(&x, RUN_REASON_DEBUG_MISMATCH),
          "a debug manifest in an enclave that is not in debug mode");
}

static void test_format(void)
{
    make(forge_claims(), forge_manifest());
    struct run_expectation x = expect_all();
    size_t whole = file_size;
    size_t accepted = 0;
    for (size_t n = 0; n < whole; n += n < 64 ? 1 : 37) {
        file_size = n;
        struct run_result r = judge(&x);
        accepted += alcove_verdict_accepted(r.verdict) ||
                    !run_result_failed(&r, RUN_REASON_EVIDENCE_FORMAT);
    }
    CHECK(accepted == 0, "a shorter file is not evidence");
    file_size = whole;
    CHECK(alcove_verdict_accepted(judge(&x).verdict), "the whole file is");
    for (size_t i = 0; i < whole; i += 11) {
        file[i] ^= (uint8_t)(1u << (i % 8));
        struct run_result r = judge(&x);
        if (alcove_verdict_accepted(r.verdict)) {
            accepted++;
        }
        file[i] ^= (uint8_t)(1u << (i % 8));
    }
    CHECK(accepted == 0, "a flipped bit anywhere is refused");
}

static void test_names(void)
{
    for (int i = 0; i < RUN_REASON_COUNT; i++) {
        if (run_reason_name((enum run_reason)i) == NULL ||
            strlen(run_reason_explain((enum run_reason)i)) < 10) {
            CHECK(false, "reason %d has a name and an explanation", i);
        }
    }
    CHECK(run_reason_name(RUN_REASON_COUNT) == NULL && run_reason_explain(RUN_REASON_COUNT) == NULL,
          "reasons have names and explanations, and there are no others");
}

int main(void)
{
    test_names();
    test_good();
    test_expectations();
    test_bindings();
    test_manifest_policy();
    test_format();
    return tap_done();
}
