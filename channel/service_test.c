/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence of services, forged as a processor and a quoting enclave would make it: verified and
 * judged in one call, and one thing wrong at a time. Then the story of one message. */
#include "channel/message.h"
#include "channel/service.h"

#include "forge/forge.h"
#include "tests/tap.h"

#include <string.h>

static uint8_t manifest[1024], binding[BINDING_SIZE_MAX], file[1u << 17];
static const uint8_t nonce[16] = "asked just now!";
static struct forge_output output;

struct scene {
    struct hpke_private_key key;
    struct binding binding;
    struct manifest manifest;
    struct forge_spec spec;
    struct binding_expectation expected;
    struct alcove_policy policy;
    size_t size;
};

static void scene_forge(struct scene *s)
{
    struct writer m = writer_of(manifest, sizeof manifest);
    struct writer b = writer_of(binding, sizeof binding);
    if (manifest_encode(&s->manifest, &m, NULL) != 0 ||
        binding_encode(&s->binding, &b, NULL) != 0) {
        abort();
    }
    s->spec.manifest = BYTES(m.data, m.size);
    s->spec.claims = BYTES(b.data, b.size);
    forge_build(&s->spec, &output);
    s->size = forge_evidence(&s->spec, &output, file, sizeof file);
    s->policy = forge_policy(&output);
    s->policy.report_data.mode = ALCOVE_EXPECT_UNSET;
    s->policy.configid.mode = ALCOVE_EXPECT_ANY;
}

static void scene_make(struct scene *s)
{
    memset(s, 0, sizeof *s);
    if (hpke_private_make(HPKE_KEM_X25519, &s->key) != 0) {
        abort();
    }
    forge_defaults(&s->spec);
    s->manifest = (struct manifest){.door = DOOR_SHIM,
                                    .attestation = true,
                                    .memory = 1u << 20,
                                    .threads = 1,
                                    .entry = BYTES_STR("/custodian"),
                                    .cwd = BYTES_STR("/"),
                                    .argv_count = 1,
                                    .argv = {BYTES_STR("custodian")}};
    s->binding = (struct binding){.purpose = BINDING_PURPOSE_CUSTODIAN,
                                  .key = s->key.public_key,
                                  .fresh = BINDING_FRESH_NONCE,
                                  .nonce = BYTES_OF(nonce)};
    s->expected = (struct binding_expectation){.purpose = BINDING_PURPOSE_CUSTODIAN,
                                               .owner_mode = BINDING_OWNER_NONE,
                                               .fresh_mode = BINDING_EXPECT_NONCE,
                                               .nonce = BYTES_OF(nonce),
                                               .context = {.mode = ALCOVE_EXPECT_VALUE}};
    scene_forge(s);
}

static struct service_result result;

static enum binding_reason verify(const struct scene *s)
{
    struct alcove_verdict v = service_verify(BYTES(file, s->size), &s->policy, NULL, NULL,
                                             &s->expected, FORGE_NOW, &result);
    if (alcove_verdict_accepted(v) != (result.binding.failed == 0) ||
        v.accepted_word != result.verdict.accepted_word) {
        abort();
    }
    return result.binding.reason;
}

static void test_service(void)
{
    struct scene s;
    scene_make(&s);
    CHECK(verify(&s) == BINDING_REASON_NONE && result.readable &&
              hpke_public_equal(&result.binding.binding.key, &s.key.public_key),
          "a custodian's evidence gives its key");
    struct alcove_collateral own = forge_collateral(&output), none = {0};
    CHECK(alcove_verdict_accepted(service_verify(BYTES(file, s.size), &s.policy, &own, NULL,
                                                 &s.expected, FORGE_NOW, &result)),
          "so it does with the caller's own collateral");
    CHECK(!alcove_verdict_accepted(service_verify(BYTES(file, s.size), &s.policy, &none, NULL,
                                                  &s.expected, FORGE_NOW, &result)) &&
              result.binding.reason == BINDING_REASON_EVIDENCE,
          "and not without any");
    s.size--;
    CHECK(verify(&s) == BINDING_REASON_EVIDENCE && !result.readable, "a damaged file is refused");
    s.size++;
    s.policy.root_count = 0;
    CHECK(verify(&s) == BINDING_REASON_EVIDENCE && result.readable &&
              result.quote.first_reason != ALCOVE_REASON_NONE,
          "under a policy that does not name its root it is refused");
    scene_make(&s);
    s.policy.report_data.mode = ALCOVE_EXPECT_VALUE;
    CHECK(verify(&s) == BINDING_REASON_EVIDENCE,
          "a policy that expects other REPORTDATA has its say");
    scene_make(&s);
    s.spec.quote_key = KEY_STRANGER;
    scene_forge(&s);
    CHECK(verify(&s) == BINDING_REASON_EVIDENCE, "a quote that a stranger signed is refused");
    scene_make(&s);
    uint8_t *at = memmem(file, s.size, s.key.public_key.data, 32);
    at[5] ^= 1;
    CHECK(verify(&s) == BINDING_REASON_MISMATCH, "another key in the same evidence is refused");
    scene_make(&s);
    s.manifest.door = DOOR_LIBOS;
    s.manifest.layer_count = 1;
    s.manifest.layers[0] = (struct manifest_layer){.name = BYTES_STR("app"), .size = 4096};
    scene_forge(&s);
    CHECK(verify(&s) == BINDING_REASON_DOOR, "a workload that says it is the custodian is refused");
    scene_make(&s);
    s.spec.claims = forge_claims();
    forge_build(&s.spec, &output);
    s.size = forge_evidence(&s.spec, &output, file, sizeof file);
    s.policy.roots = &output.root;
    CHECK(verify(&s) == BINDING_REASON_FORMAT, "the evidence of a run is not that of a service");
}

/* An aggregator takes contributions of custodians that it has never seen. */
static void test_story(void)
{
    struct scene s;
    struct hpke_private_key aggregator, thief;
    static uint8_t sealed[1u << 19], buffer[1u << 19];
    uint8_t id[MESSAGE_ID_SIZE];
    struct message m;
    scene_make(&s);
    if (hpke_private_make(HPKE_KEM_X25519, &aggregator) != 0 ||
        hpke_private_make(HPKE_KEM_X25519, &thief) != 0) {
        abort();
    }
    struct message_draft draft = {.kind = MESSAGE_KIND_CONTRIBUTION,
                                  .context_mode = MESSAGE_CONTEXT_VALUE,
                                  .context = BYTES_STR("the query's hash"),
                                  .to = &aggregator.public_key,
                                  .from = HPKE_FROM_SELF(&s.key),
                                  .aead = HPKE_SUITE_DEFAULT.aead,
                                  .evidence = BYTES(file, s.size),
                                  .body = BYTES_STR("[1, 0, 2]")};
    const struct message_expectation expected = {.kind = MESSAGE_KIND_CONTRIBUTION,
                                                 .context_mode = MESSAGE_CONTEXT_VALUE,
                                                 .context = BYTES_STR("the query's hash"),
                                                 .from_mode = MESSAGE_FROM_CLAIMED,
                                                 .evidence_mode = MESSAGE_EVIDENCE_WANTED};
    for (int stolen = 0; stolen < 2; stolen++) {
        struct writer w = writer_of(sealed, sizeof sealed);
        draft.from = HPKE_FROM_SELF(stolen ? &thief : &s.key);
        bool opened = message_seal(&draft, &w, id, NULL) == 0 &&
                      message_open(BYTES(sealed, w.size), &aggregator, &expected, buffer,
                                   sizeof buffer, &m, NULL) == 0;
        struct alcove_verdict v =
            service_verify(m.evidence, &s.policy, NULL, NULL, &s.expected, FORGE_NOW, &result);
        bool counts =
            opened && alcove_verdict_accepted(v) && message_sent_by(&m, &result.binding.binding);
        CHECK(counts == (stolen == 0), stolen ? "one with a custodian's evidence alone does not"
                                              : "a custodian's contribution counts");
    }
}

int main(void)
{
    test_service();
    test_story();
    return tap_done();
}
