/* SPDX-License-Identifier: Apache-2.0 */
/* The crypto library runs out of memory, or a hash fails: at each of its calls in turn. Then every
 * function says so, leaves its outputs as they were, and nothing opens, is sealed or is believed
 * that would not have been. The hashes themselves never fail, so the build wraps them (--wrap). */
#include "channel/message.h"
#include "primitives.h"

#include "tests/tap.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

static size_t count, fail_at; /* calls since step_begin(); the one that fails, or 0 */
static bool counting;

static bool fails(void)
{
    return counting && ++count == fail_at;
}

static void *take(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return fails() ? NULL : malloc(size);
}

static void *take_again(void *p, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return fails() ? NULL : realloc(p, size);
}

static void give(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    free(p);
}

#define WRAP(name, parameters, arguments)                                                          \
    bool __real_##name parameters;                                                                 \
    bool __wrap_##name parameters;                                                                 \
    bool __wrap_##name parameters                                                                  \
    {                                                                                              \
        return !fails() && __real_##name arguments;                                                \
    }
WRAP(random_secret, (uint8_t * ret, size_t size), (ret, size))
WRAP(hash_sha256, (struct bytes message, uint8_t ret[32]), (message, ret))
WRAP(hash_sha512, (struct bytes message, uint8_t ret[64]), (message, ret))
WRAP(hmac_sha256, (struct bytes key, struct bytes message, uint8_t ret[32]), (key, message, ret))
#undef WRAP

/* ---- What is tried --------------------------------------------------------------------------- */

#define BUFFER_SIZE (1u << 15)

struct scene {
    struct hpke_private_key to, from;
    struct message_draft draft;
    struct message_expectation expected;
    uint8_t sealed[BUFFER_SIZE], binding[BINDING_SIZE_MAX], report_data[64];
    size_t size, binding_size;
};
static struct scene scene;
static union {
    struct hpke_private_key key;
    struct message message;
    struct message_header header;
    struct binding binding;
    uint8_t bytes[BUFFER_SIZE];
} output;

static int step_make(void)
{
    return hpke_private_make(scene.to.public_key.kem, &output.key);
}
static int step_read(void)
{
    return hpke_private_read(scene.to.public_key.kem, BYTES_OF(scene.to.secret), &output.key);
}
static int step_derive(void)
{
    return hpke_private_derive(scene.to.public_key.kem, BYTES_OF(scene.from.secret), &output.key);
}
static int step_id(void)
{
    return hpke_public_id(&scene.to.public_key, output.bytes);
}
static int step_seal(void)
{
    struct writer w = writer_of(output.bytes, sizeof output.bytes);
    uint8_t id[MESSAGE_ID_SIZE] = {0};
    int r = message_seal(&scene.draft, &w, id, NULL);
    static const uint8_t zero[MESSAGE_ID_SIZE];
    bool sent = w.size > 0 || memcmp(id, zero, sizeof id) != 0;
    return r != 0 && sent ? 1 : r;
}
static int step_peek(void)
{
    return message_peek(BYTES(scene.sealed, scene.size), &output.header, NULL);
}
static int step_open(void)
{
    static uint8_t buffer[BUFFER_SIZE];
    memset(buffer, 0, sizeof buffer);
    int r = message_open(BYTES(scene.sealed, scene.size), &scene.to, &scene.expected, buffer,
                         sizeof buffer, &output.message, NULL);
    return r != 0 && memmem(buffer, sizeof buffer, "the body", 8) != NULL ? 1 : r;
}
static int step_export(void)
{
    struct hpke_sender s;
    struct hpke_public_key enc;
    int r = hpke_setup_sender((struct hpke_suite){scene.to.public_key.kem, HPKE_AES_128_GCM},
                              &scene.to.public_key, HPKE_FROM_ANYONE, (struct bytes){0}, &enc, &s);
    r = r != 0 ? r : hpke_export(&s.context, (struct bytes){0}, output.bytes, 64);
    return r;
}
static int step_binding(void)
{
    return binding_decode(BYTES(scene.binding, scene.binding_size), &output.binding, NULL);
}
static int step_report_data(void)
{
    return binding_report_data(BYTES(scene.binding, scene.binding_size), output.bytes);
}

static const struct {
    const char *name;
    int (*run)(void);
    bool buffer; /* a caller's buffer, which a failure may fill */
    bool random; /* its output differs from run to run */
} steps[] = {
    {"making a key", step_make, false, true},
    {"reading a private key", step_read, false, false},
    {"deriving a key", step_derive, false, false},
    {"naming a key", step_id, true, false},
    {"sealing a message", step_seal, true, true},
    {"reading a header", step_peek, false, false},
    {"opening a message", step_open, false, false},
    {"exporting a secret", step_export, true, true},
    {"reading a binding", step_binding, false, false},
    {"hashing a binding", step_report_data, true, false},
};

static void scene_make(enum hpke_kem kem)
{
    struct writer w = writer_of(scene.sealed, sizeof scene.sealed);
    struct writer b = writer_of(scene.binding, sizeof scene.binding);
    uint8_t id[MESSAGE_ID_SIZE];
    if (hpke_private_make(kem, &scene.to) != 0 || hpke_private_make(kem, &scene.from) != 0) {
        abort();
    }
    scene.draft = (struct message_draft){.kind = MESSAGE_KIND_CLAIM,
                                         .context_mode = MESSAGE_CONTEXT_NONE,
                                         .to = &scene.to.public_key,
                                         .from = HPKE_FROM_SELF(&scene.from),
                                         .aead = HPKE_AES_256_GCM,
                                         .body = BYTES_STR("the body")};
    scene.expected = (struct message_expectation){.kind = MESSAGE_KIND_CLAIM,
                                                  .context_mode = MESSAGE_CONTEXT_NONE,
                                                  .from_mode = MESSAGE_FROM_KEY,
                                                  .from = &scene.from.public_key,
                                                  .evidence_mode = MESSAGE_EVIDENCE_NONE};
    struct binding binding = {.purpose = BINDING_PURPOSE_AGGREGATOR,
                              .key = scene.to.public_key,
                              .signing = BINDING_SIGNING_ED25519,
                              .fresh = BINDING_FRESH_TIME};
    memcpy(binding.signing_key, scene.to.secret, 32);
    if (message_seal(&scene.draft, &w, id, NULL) != 0 || binding_encode(&binding, &b, NULL) != 0) {
        abort();
    }
    scene.size = w.size;
    scene.binding_size = b.size;
}

static void test_step(size_t index, const char *kem)
{
    static uint8_t first[sizeof output];
    bool good = true;
    size_t failures = 0;
    int r = -1;
    /* The first run, without a failure, lets the library make what it keeps. */
    for (size_t at = 0; at < 2000 && (at <= 1 || count >= at - 1); at++) {
        memset(&output, 0x5a, sizeof output);
        count = 0;
        fail_at = at;
        counting = true;
        r = steps[index].run();
        counting = false;
        bool failed = at > 0 && count >= at;
        failures += failed && r != 0;
        good &= r <= 0 && (failed || r == 0);
        if (at == 0) {
            memcpy(&first, &output, sizeof first);
        }
        /* What works in spite of a failure gives the same, and not another key. */
        good &= r != 0 || steps[index].random || memcmp(&first, &output, sizeof first) == 0;
        for (size_t i = 0; r != 0 && !steps[index].buffer && i < sizeof output.bytes; i++) {
            good &= output.bytes[i] == 0x5a;
        }
    }
    CHECK(good && r == 0, "%s: %s fails at each of %zu calls, and leaves nothing", kem,
          steps[index].name, failures);
}

/* A binding is never believed because a hash could not be made. */
static void test_judge(void)
{
    struct binding_facts facts = {.verdict.accepted_word = ALCOVE_VERDICT_ACCEPTED, .sgx = true};
    struct manifest m = {.door = DOOR_SDK,
                         .memory = 4096,
                         .threads = 1,
                         .entry = BYTES_STR("/a"),
                         .cwd = BYTES_STR("/"),
                         .argv_count = 1,
                         .argv = {BYTES_STR("a")}};
    uint8_t text[512];
    struct writer w = writer_of(text, sizeof text);
    const struct bytes binding = BYTES(scene.binding, scene.binding_size);
    if (manifest_encode(&m, &w, NULL) != 0 || !hash_sha512(BYTES(text, w.size), facts.configid) ||
        binding_report_data(binding, facts.report_data) != 0) {
        abort();
    }
    const struct binding_expectation x = {.purpose = BINDING_PURPOSE_AGGREGATOR,
                                          .owner_mode = BINDING_OWNER_NONE,
                                          .fresh_mode = BINDING_EXPECT_AGE,
                                          .max_age_s = 60,
                                          .context = {.mode = ALCOVE_EXPECT_ANY}};
    struct binding_result r;
    bool rejected = true, accepted = false;
    for (size_t at = 0; at < 2000 && (at <= 1 || count >= at - 1); at++) {
        count = 0;
        fail_at = at;
        counting = true;
        struct alcove_verdict v = binding_judge(&facts, BYTES(text, w.size), binding, &x, 30, &r);
        counting = false;
        accepted = alcove_verdict_accepted(v);
        /* What is accepted all the same had another way around the failure: it is the same. */
        rejected &= accepted ? hpke_public_equal(&r.binding.key, &scene.to.public_key)
                             : r.reason != BINDING_REASON_NONE;
    }
    CHECK(rejected && accepted, "a binding whose hash cannot be made is not believed");
}

int main(void)
{
    if (CRYPTO_set_mem_functions(take, take_again, give) != 1) {
        SKIP("its memory functions cannot be set", "the crypto library fails");
        return tap_done();
    }
    static const struct {
        const char *name;
        enum hpke_kem kem;
    } kems[] = {{"X25519", HPKE_KEM_X25519}, {"P-256", HPKE_KEM_P256}};
    for (size_t k = 0; k < ARRAY_SIZE(kems); k++) {
        scene_make(kems[k].kem);
        for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
            test_step(i, kems[k].name);
        }
        test_judge();
    }
    return tap_done();
}
