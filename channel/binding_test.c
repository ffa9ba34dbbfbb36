/* SPDX-License-Identifier: Apache-2.0 */
/* Bindings: one encoding each, strict reading, and for each reason a case that gives it first. */
#include "channel/binding.h"
#include "primitives.h"

#include "base/cbor.h"
#include "tests/tap.h"

#include <errno.h>
#include <string.h>

#define NOW INT64_C(1800000000)

static const uint8_t nonce[BINDING_NONCE_MIN] = "0123456789abcde";
static const uint8_t owner[32] = "the SHA-256 of an owner's key..";

/* A service with everything in order; each case changes one thing. */
struct scene {
    struct hpke_private_key key;
    struct binding binding;
    struct manifest manifest;
    uint8_t manifest_text[512], text[BINDING_SIZE_MAX];
    size_t manifest_size, size;
    struct binding_facts facts;
    struct binding_expectation expected;
    int64_t now;
};

static void scene_manifest(struct scene *s)
{
    struct writer w = writer_of(s->manifest_text, sizeof s->manifest_text);
    if (manifest_encode(&s->manifest, &w, NULL) != 0 ||
        !hash_sha512(BYTES(w.data, w.size), s->facts.configid)) {
        abort();
    }
    s->manifest_size = w.size;
}

static void scene_binding(struct scene *s)
{
    struct writer w = writer_of(s->text, sizeof s->text);
    if (binding_encode(&s->binding, &w, NULL) != 0 ||
        binding_report_data(BYTES(w.data, w.size), s->facts.report_data) != 0) {
        abort();
    }
    s->size = w.size;
}

static void scene_make(struct scene *s)
{
    *s = (struct scene){.now = NOW};
    if (hpke_private_make(HPKE_KEM_X25519, &s->key) != 0) {
        abort();
    }
    s->manifest = (struct manifest){
        .door = DOOR_SHIM,
        .attestation = true,
        .memory = 1u << 20,
        .threads = 4,
        .entry = BYTES_STR("/custodian"),
        .cwd = BYTES_STR("/"),
        .argv_count = 1,
        .argv = {BYTES_STR("custodian")},
    };
    s->binding = (struct binding){
        .purpose = BINDING_PURPOSE_CUSTODIAN,
        .key = s->key.public_key,
        .has_owner = true,
        .fresh = BINDING_FRESH_NONCE,
        .nonce = BYTES_OF(nonce),
        .context = BYTES_STR("volume root"),
    };
    memcpy(s->binding.owner, owner, sizeof owner);
    s->facts.verdict.accepted_word = ALCOVE_VERDICT_ACCEPTED;
    s->facts.sgx = true;
    s->expected = (struct binding_expectation){
        .purpose = BINDING_PURPOSE_CUSTODIAN,
        .owner_mode = BINDING_OWNER_VALUE,
        .fresh_mode = BINDING_EXPECT_NONCE,
        .nonce = BYTES_OF(nonce),
        .context = {ALCOVE_EXPECT_VALUE, {(const uint8_t *)"volume root", 11}},
    };
    memcpy(s->expected.owner, owner, sizeof owner);
    scene_manifest(s);
    scene_binding(s);
}

static enum binding_reason judge(const struct scene *s, struct binding_result *r)
{
    struct alcove_verdict v = binding_judge(&s->facts, BYTES(s->manifest_text, s->manifest_size),
                                            BYTES(s->text, s->size), &s->expected, s->now, r);
    static const struct binding none;
    bool accepted = alcove_verdict_accepted(v);
    if (v.accepted_word != r->verdict.accepted_word || accepted != (r->failed == 0) ||
        accepted != (r->reason == BINDING_REASON_NONE) ||
        (!accepted && memcmp(&r->binding, &none, sizeof none) != 0)) {
        abort(); /* a verdict that does not agree with its reasons */
    }
    return r->reason;
}

/* ---- Reading and writing --------------------------------------------------------------------- */

static bool same_binding(const struct binding *a, const struct binding *b)
{
    return a->purpose == b->purpose && hpke_public_equal(&a->key, &b->key) &&
           a->signing == b->signing &&
           memcmp(a->signing_key, b->signing_key, sizeof a->signing_key) == 0 &&
           a->has_owner == b->has_owner && memcmp(a->owner, b->owner, 32) == 0 &&
           a->fresh == b->fresh && bytes_equal(a->nonce, b->nonce) && a->time == b->time &&
           bytes_equal(a->context, b->context);
}

static void check_round_trip(const struct binding *b, const char *name)
{
    uint8_t text[BINDING_SIZE_MAX], again[BINDING_SIZE_MAX];
    struct writer w = writer_of(text, sizeof text), w2 = writer_of(again, sizeof again);
    struct binding read;
    bool good = binding_encode(b, &w, NULL) == 0 &&
                binding_decode(BYTES(text, w.size), &read, NULL) == 0 && same_binding(b, &read) &&
                binding_encode(&read, &w2, NULL) == 0 && w2.size == w.size &&
                memcmp(text, again, w.size) == 0;
    CHECK(good, "%s is read as it was written, and written as it was read", name);
    bool refused = true;
    for (size_t size = 0; size < w.size; size++) {
        struct writer small = writer_of(again, size);
        refused &= binding_decode(BYTES(text, size), &read, NULL) == -EINVAL &&
                   binding_encode(b, &small, NULL) == -ENOSPC;
    }
    text[w.size] = 0;
    refused &= binding_decode(BYTES(text, w.size + 1), &read, NULL) == -EINVAL;
    CHECK(refused, "%s cut anywhere, or with a byte more, is refused", name);
}

static void test_round_trips(void)
{
    struct scene s;
    scene_make(&s);
    check_round_trip(&s.binding, "a custodian's binding");
    struct hpke_private_key p256;
    static uint8_t context[BINDING_CONTEXT_MAX];
    static const uint8_t long_nonce[BINDING_NONCE_MAX];
    if (hpke_private_make(HPKE_KEM_P256, &p256) != 0) {
        abort();
    }
    struct binding b = {.purpose = BINDING_PURPOSE_AGGREGATOR,
                        .key = p256.public_key,
                        .signing = BINDING_SIGNING_P256,
                        .fresh = BINDING_FRESH_TIME,
                        .time = BINDING_TIME_MAX,
                        .context = BYTES_OF(context)};
    memcpy(b.signing_key, p256.public_key.data, 65);
    check_round_trip(&b, "the longest binding");
    b.signing = BINDING_SIGNING_ED25519;
    memset(b.signing_key + 32, 0, sizeof b.signing_key - 32);
    b.fresh = BINDING_FRESH_NONCE;
    b.time = 0;
    b.nonce = BYTES_OF(long_nonce);
    b.context = (struct bytes){0};
    check_round_trip(&b, "a binding with an Ed25519 key and the longest nonce");
}

static int encode(const struct binding *b)
{
    uint8_t text[BINDING_SIZE_MAX];
    struct writer w = writer_of(text, sizeof text);
    int r = binding_encode(b, &w, NULL);
    return w.size == 0 ? r : 1; /* a refused one leaves nothing */
}

static void test_refused_writes(void)
{
    struct scene s;
    scene_make(&s);
    static const uint8_t many[BINDING_CONTEXT_MAX + 1];
    struct binding b = s.binding;
#define REFUSED(change, name)                                                                      \
    do {                                                                                           \
        b = s.binding;                                                                             \
        change;                                                                                    \
        CHECK(encode(&b) == -EINVAL, "a binding with %s is not written", name);                    \
    } while (0)
    REFUSED(b.purpose = BINDING_PURPOSE_NONE, "no purpose");
    REFUSED(b.purpose = BINDING_PURPOSE_COUNT, "a purpose nobody knows");
    REFUSED(b.fresh = BINDING_FRESH_NONE, "neither nonce nor time");
    REFUSED(b.nonce.size = BINDING_NONCE_MIN - 1, "a short nonce");
    REFUSED(b.nonce = BYTES(many, BINDING_NONCE_MAX + 1), "a long nonce");
    REFUSED((b.fresh = BINDING_FRESH_TIME, b.time = BINDING_TIME_MAX + 1), "a time after 9999");
    REFUSED(b.context = BYTES_OF(many), "a long context");
    REFUSED(b.key = (struct hpke_public_key){0}, "no key");
    REFUSED(memset(b.key.data, 0, 32), "a key of small order");
    REFUSED(b.signing = BINDING_SIGNING_P256, "a signing key beside the curve");
    REFUSED(b.signing = (enum binding_signing)3, "a signing key nobody knows");
#undef REFUSED
}

/* Where `from` stands once in the text, puts `to`, of the same size. */
static bool replaced_refused(const struct scene *s, const char *from, const char *to, size_t size)
{
    uint8_t text[BINDING_SIZE_MAX];
    memcpy(text, s->text, s->size);
    uint8_t *at = memmem(text, s->size, from, size);
    if (at == NULL) {
        abort();
    }
    memcpy(at, to, size);
    struct binding b = {.time = 77};
    struct diag d;
    return binding_decode(BYTES(text, s->size), &b, &d) == -EINVAL && b.time == 77 &&
           strncmp(d.text, "binding: ", 9) == 0;
}

static void test_refused_reads(void)
{
    struct scene s;
    scene_make(&s);
    static const struct {
        const char *from, *to, *name;
    } changes[] = {
        {"\xa7"
         "dhpke",
         "\xa6"
         "dhpke",
         "a member too few"},
        {"alcove-binding-1", "alcove-binding-2", "another format"},
        {"icustodian", "ikustodian", "a purpose nobody knows"},
        {"enonce", "emonce", "freshness nobody knows"},
        {"efresh", "efrest", "a member nobody knows"},
        {"ckem\x18\x20", "ckem\x18\x21", "a KEM nobody knows"},
        {"ckem\x18\x20", "ckem\x18\x10", "a KEM that the key does not fit"},
        {"gsigning\xf6", "gsigning\xf5", "a signing key that is no map"},
        {"gcontextK", "gcontextk", "a context that is text"},
        {"eownerX ", "eownerX\x1f", "a short owner"},
        {"cotwner", "cotwner", NULL},
    };
    for (size_t i = 0; changes[i].name != NULL; i++) {
        CHECK(replaced_refused(&s, changes[i].from, changes[i].to, strlen(changes[i].from)),
              "a binding with %s is refused", changes[i].name);
    }
    s.binding.signing = BINDING_SIGNING_ED25519;
    scene_binding(&s);
    CHECK(replaced_refused(&s, "ged25519", "ged25518", 8),
          "a binding with a signing key of a kind nobody knows is refused");
    CHECK(replaced_refused(&s, "gsigning\xa2", "gsigning\xa1", 9),
          "a binding with half a signing key is refused");
    s.binding.fresh = BINDING_FRESH_TIME;
    s.binding.time = BINDING_TIME_MAX;
    scene_binding(&s);
    CHECK(replaced_refused(&s, "dtime\x1b\x00\x00\x00\x3a\xff\xf4\x41\x7f",
                           "dtime\x1b\x00\x00\x00\x3a\xff\xf4\x41\x80", 14),
          "a binding of the year 10000 is refused");
    static const uint8_t large[BINDING_SIZE_MAX + 1];
    struct binding b;
    CHECK(binding_decode(BYTES_OF(large), &b, NULL) == -EINVAL, "a binding beyond its size too");
}

static void test_names(void)
{
    CHECK(strcmp(binding_purpose_name(BINDING_PURPOSE_WORKER), "worker") == 0 &&
              binding_purpose_name(BINDING_PURPOSE_NONE) == NULL &&
              binding_purpose_name(BINDING_PURPOSE_COUNT) == NULL,
          "purposes have names");
    bool named = binding_reason_name(BINDING_REASON_COUNT) == NULL &&
                 binding_reason_explain(BINDING_REASON_COUNT) == NULL;
    for (unsigned i = 0; i < BINDING_REASON_COUNT; i++) {
        named &= binding_reason_name((enum binding_reason)i) != NULL &&
                 binding_reason_explain((enum binding_reason)i) != NULL;
    }
    CHECK(named, "reasons have names and explanations");
}

/* ---- Judging --------------------------------------------------------------------------------- */

static void door(struct scene *s, enum manifest_door kind, bool attestation)
{
    s->manifest.door = kind;
    s->manifest.attestation = attestation;
    if (kind == DOOR_LIBOS) {
        s->manifest.layer_count = 1;
        s->manifest.layers[0] = (struct manifest_layer){.name = BYTES_STR("base"), .size = 4096};
    }
    scene_manifest(s);
}

/* With the streams of a worker. */
static void worker_door(struct scene *s)
{
    s->manifest.stdin_task = s->manifest.stdout_result = true;
    door(s, DOOR_LIBOS, false);
}

static void purpose(struct scene *s, enum binding_purpose p)
{
    s->binding.purpose = s->expected.purpose = p;
    scene_binding(s);
}

static void aged(struct scene *s, int64_t time, uint32_t max_age_s, uint32_t clock_skew_s)
{
    s->binding.fresh = BINDING_FRESH_TIME;
    s->binding.time = (uint64_t)time;
    s->expected.fresh_mode = BINDING_EXPECT_AGE;
    s->expected.max_age_s = max_age_s;
    s->expected.clock_skew_s = clock_skew_s;
    scene_binding(s);
}

static void change_context(struct scene *s)
{
    uint8_t *at = memmem(s->text, s->size, "volume", 6);
    at[0] = 'V';
}

static void other_manifest(struct scene *s)
{
    uint8_t configid[64];
    memcpy(configid, s->facts.configid, sizeof configid);
    s->manifest.uid = 7;
    scene_manifest(s);
    memcpy(s->facts.configid, configid, sizeof configid);
}

#define FIRST(wanted, change, ...)                                                                 \
    do {                                                                                           \
        struct scene s;                                                                            \
        struct binding_result r;                                                                   \
        scene_make(&s);                                                                            \
        change;                                                                                    \
        enum binding_reason found = judge(&s, &r);                                                 \
        seen |= UINT32_C(1) << found;                                                              \
        if (found != BINDING_REASON_##wanted) {                                                    \
            printf("# found %s\n", binding_reason_name(found));                                    \
        }                                                                                          \
        CHECK(found == BINDING_REASON_##wanted, __VA_ARGS__);                                      \
    } while (0)

static uint32_t test_unset(void)
{
    uint32_t seen = 0;
    FIRST(EXPECTATION, s.expected = (struct binding_expectation){0},
          "an expectation that nobody wrote rejects");
    FIRST(EXPECTATION, s.expected.purpose = BINDING_PURPOSE_NONE, "so does one without a purpose");
    FIRST(EXPECTATION, s.expected.owner_mode = BINDING_OWNER_UNSET, "and one without an owner");
    FIRST(EXPECTATION, s.expected.owner_mode = (enum binding_expect_owner)4,
          "and one with an owner of a mode that does not exist");
    FIRST(EXPECTATION, s.expected.fresh_mode = BINDING_EXPECT_FRESH_UNSET,
          "and one without freshness");
    FIRST(EXPECTATION, s.expected.nonce.size = 0, "and one with an empty nonce");
    FIRST(EXPECTATION, s.expected.nonce.size = BINDING_NONCE_MAX + 1, "and one with a long nonce");
    FIRST(EXPECTATION, aged(&s, NOW, 0, 0), "and one with a maximum age of nothing");
    FIRST(EXPECTATION, s.expected.context.mode = ALCOVE_EXPECT_UNSET, "and one without a context");
    return seen;
}

static uint32_t test_evidence(void)
{
    uint32_t seen = 0;
    FIRST(NONE, (void)0, "evidence, manifest and binding that belong together are accepted");
    FIRST(EVIDENCE, s.facts.verdict.accepted_word = 1, "evidence that was rejected binds nothing");
    FIRST(EVIDENCE, s.facts = (struct binding_facts){0}, "facts that nobody verified neither");
    FIRST(KIND, s.facts.sgx = false, "nor does that of a virtual machine");
    FIRST(FORMAT, s.text[1] = 0, "a damaged binding is refused");
    FIRST(FORMAT, s.size = 0, "so is none");
    FIRST(MISMATCH, change_context(&s), "a binding that REPORTDATA does not name is refused");
    FIRST(MISMATCH, s.facts.report_data[63] ^= 1, "all of REPORTDATA counts");
    FIRST(MANIFEST_FORMAT, s.manifest_size--, "a damaged manifest is refused");
    FIRST(MANIFEST_MISMATCH, s.facts.configid[63] ^= 1,
          "a manifest that CONFIGID does not name is refused");
    FIRST(MANIFEST_MISMATCH, other_manifest(&s), "so is another program's manifest");
    FIRST(DEBUG, s.facts.debug = true, "a manifest that hides debug mode is refused");
    FIRST(DEBUG, s.manifest.debug = true;
          scene_manifest(&s), "and one that claims it is refused too");
    FIRST(NONE, s.manifest.debug = s.facts.debug = true;
          scene_manifest(&s), "debug mode that the policy took is taken");
    return seen;
}

static uint32_t test_doors(void)
{
    uint32_t seen = 0;
    static const enum binding_purpose services[] = {
        BINDING_PURPOSE_CUSTODIAN, BINDING_PURPOSE_AGGREGATOR, BINDING_PURPOSE_KEEPER,
        BINDING_PURPOSE_PHONE_SESSION};
    for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
        const char *name = binding_purpose_name(services[i]);
        FIRST(NONE, purpose(&s, services[i]), "%s may speak behind the shim door", name);
        FIRST(NONE, (purpose(&s, services[i]), door(&s, DOOR_SHIM, false)),
              "%s may, without /dev/attestation too", name);
        FIRST(NONE, (purpose(&s, services[i]), door(&s, DOOR_SDK, true)),
              "%s may speak behind the SDK door", name);
        FIRST(DOOR, (purpose(&s, services[i]), door(&s, DOOR_LIBOS, false)),
              "a workload of the library OS cannot be %s", name);
        FIRST(DOOR, (purpose(&s, services[i]), door(&s, DOOR_LIBOS, true)),
              "with /dev/attestation it cannot be %s either", name);
    }
    FIRST(NONE, (purpose(&s, BINDING_PURPOSE_WORKER), worker_door(&s)),
          "a worker speaks behind the library OS door");
    FIRST(NOT_A_WORKER, (purpose(&s, BINDING_PURPOSE_WORKER), door(&s, DOOR_LIBOS, false)),
          "but not where its workload speaks for itself");
    FIRST(WORKLOAD_ATTESTS, (purpose(&s, BINDING_PURPOSE_WORKER), door(&s, DOOR_LIBOS, true)),
          "but not where its workload has /dev/attestation");
    FIRST(DOOR, purpose(&s, BINDING_PURPOSE_WORKER), "a worker is no program of the shim door");
    const struct manifest m = {.door = (enum manifest_door)3};
    CHECK(binding_admits(&m, BINDING_PURPOSE_CUSTODIAN) == BINDING_REASON_DOOR,
          "a door nobody knows admits nobody");
    const struct manifest shim = {.door = DOOR_SHIM};
    CHECK(binding_admits(&shim, BINDING_PURPOSE_NONE) == BINDING_REASON_DOOR &&
              binding_admits(&shim, BINDING_PURPOSE_COUNT) == BINDING_REASON_DOOR,
          "no door admits a purpose nobody knows");
    return seen;
}

static uint32_t test_expectations(void)
{
    uint32_t seen = 0;
    FIRST(PURPOSE, s.expected.purpose = BINDING_PURPOSE_AGGREGATOR, "a custodian is no aggregator");
    FIRST(OWNER, s.expected.owner[31] ^= 1, "another owner's custodian is refused");
    FIRST(OWNER, s.expected.owner_mode = BINDING_OWNER_NONE,
          "a claimed custodian is refused where none was expected");
    FIRST(NONE, s.expected.owner_mode = BINDING_OWNER_SOME, "somebody's is somebody's");
    FIRST(OWNER, s.binding.has_owner = false; scene_binding(&s), "nobody's is not one owner's");
    FIRST(OWNER, s.binding.has_owner = false; s.expected.owner_mode = BINDING_OWNER_SOME;
          scene_binding(&s), "nor somebody's");
    FIRST(NONE, s.binding.has_owner = false; s.expected.owner_mode = BINDING_OWNER_NONE;
          scene_binding(&s), "it is nobody's");
    FIRST(FRESHNESS_KIND, aged(&s, NOW, 60, 0);
          s.expected.fresh_mode = BINDING_EXPECT_NONCE, "a time does not answer a nonce");
    FIRST(FRESHNESS_KIND, s.expected.fresh_mode = BINDING_EXPECT_AGE;
          s.expected.max_age_s = 60, "a nonce tells no age");
    const uint8_t other[BINDING_NONCE_MIN + 1] = "0123456789abcdeX";
    FIRST(NONCE, s.expected.nonce = BYTES(other, BINDING_NONCE_MIN), "another nonce is refused");
    FIRST(NONCE, s.expected.nonce = BYTES_OF(other), "a longer one too");
    FIRST(NONE, aged(&s, NOW, 1, 0), "what was said now is not old");
    FIRST(NONE, aged(&s, NOW - 60, 60, 0), "what is as old as it may be is not too old");
    FIRST(TOO_OLD, aged(&s, NOW - 61, 60, 0), "what is a second older is");
    FIRST(TOO_OLD, aged(&s, 0, UINT32_MAX / 4, 0), "what is from 1970 is");
    FIRST(NONE, aged(&s, NOW + 5, 60, 5), "a clock may be ahead as far as was said");
    FIRST(FUTURE, aged(&s, NOW + 6, 60, 5), "and no further");
    FIRST(FUTURE, aged(&s, NOW, 60, 0); s.now = -1, "a caller before 1970 takes nothing");
    FIRST(FUTURE, aged(&s, NOW, 60, 0); s.now = INT64_MAX, "nor one after the year 9999");
    FIRST(CONTEXT, s.expected.context.value.size--, "another context is refused");
    FIRST(NONE, s.expected.context.mode = ALCOVE_EXPECT_ANY, "any context is any");
    return seen;
}

static void test_facts(void)
{
    static struct alcove_result q;
    q.verdict.accepted_word = ALCOVE_VERDICT_ACCEPTED;
    q.kind = ALCOVE_EVIDENCE_SGX_QUOTE;
    q.has_sgx = true;
    q.sgx.attributes_flags = ALCOVE_SGX_FLAG_DEBUG;
    memset(q.sgx.report_data, 1, 64);
    memset(q.sgx.configid, 2, 64);
    struct binding_facts f = binding_facts_of(&q);
    CHECK(alcove_verdict_accepted(f.verdict) && f.sgx && f.debug &&
              memcmp(f.report_data, q.sgx.report_data, 64) == 0 &&
              memcmp(f.configid, q.sgx.configid, 64) == 0,
          "the facts are the report's");
    q.sgx.attributes_flags = 0;
    q.verdict.accepted_word = 0;
    f = binding_facts_of(&q);
    CHECK(!f.debug && !alcove_verdict_accepted(f.verdict), "and the verdict is the quote's");
    q.wrapping = ALCOVE_WRAPPING_RATLS;
    CHECK(!binding_facts_of(&q).sgx, "a quote in a certificate is not an enclave's own word");
    q.wrapping = ALCOVE_WRAPPING_NONE;
    q.kind = ALCOVE_EVIDENCE_TDX_QUOTE;
    CHECK(!binding_facts_of(&q).sgx, "nor is a virtual machine's");
    q.kind = ALCOVE_EVIDENCE_SGX_QUOTE;
    q.has_sgx = false;
    CHECK(!binding_facts_of(&q).sgx, "nor is a quote that could not be read");
}

int main(void)
{
    test_round_trips();
    test_refused_writes();
    test_refused_reads();
    test_names();
    test_facts();
    uint32_t seen = test_unset() | test_evidence() | test_doors() | test_expectations();
    CHECK(seen == (UINT32_C(1) << BINDING_REASON_COUNT) - 1, "each reason was the first one once");
    return tap_done();
}
