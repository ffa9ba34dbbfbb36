/* SPDX-License-Identifier: Apache-2.0 */
/* Manifest and evidence: what is written is read back, and every deviation has a refusal. */
#include <errno.h>
#include <string.h>

#include "abi/evidence.h"
#include "abi/layout.h"
#include "abi/manifest.h"
#include "tests/tap.h"

static struct manifest sample(void)
{
    struct manifest m = {
        .door = DOOR_LIBOS,
        .stdout_host = true,
        .uid = 1000,
        .gid = 1000,
        .memory = 1u << 30,
        .threads = 8,
        .entry = BYTES_STR("/usr/bin/python3.11"),
        .cwd = BYTES_STR("/"),
        .layer_count = 2,
        .argv_count = 2,
        .env_count = 2,
        .mount_count = 2,
        .input_count = 1,
        .output_count = 1,
        .argv = {BYTES_STR("python3.11"), BYTES_STR("/app/a.py")},
        .env = {BYTES_STR("A=1"), BYTES_STR("B=")},
        .mounts = {{.path = BYTES_STR("/tmp"), .size = 1u << 20},
                   {.path = BYTES_STR("/data"),
                    .size = 1u << 20,
                    .kind = MOUNT_SEALED,
                    .key = MOUNT_KEY_PROGRAM,
                    .name = BYTES_STR("days")}},
        .inputs = {{BYTES_STR("day"), BYTES_STR("/in/day"), 100}},
        .outputs = {{BYTES_STR("trips"), BYTES_STR("/out/trips"), 100}},
    };
    m.layers[0] = (struct manifest_layer){.name = BYTES_STR("python"), .size = 8192};
    m.layers[1] = (struct manifest_layer){.name = BYTES_STR("app"), .size = 4096};
    return m;
}

static struct manifest worker(void)
{
    struct manifest m = sample();
    m.stdout_host = false;
    m.stdin_task = m.stdout_result = m.stderr_result = true;
    m.mount_count = 1;
    m.input_count = m.output_count = 0;
    return m;
}

static struct manifest networked(void)
{
    struct manifest m = sample();
    m.listen_count = m.connect_count = 1;
    m.listen[0] = (struct manifest_endpoint){
        .ip = {[10] = 0xff, 0xff, 127, 0, 0, 1}, .prefix = 32, .first = 8080, .last = 8081};
    m.connect[0] = (struct manifest_endpoint){
        .ip = {0xfd}, .v6 = true, .udp = true, .prefix = 8, .first = 1, .last = 65535};
    return m;
}

static int encode(const struct manifest *m, struct diag *d)
{
    static uint8_t out[MANIFEST_SIZE_MAX];
    struct writer w = writer_of(out, sizeof out);
    return manifest_encode(m, &w, d);
}

static void test_manifest_round_trip(void)
{
    uint8_t out[4096], out2[4096];
    struct diag d = {{0}};
    struct manifest m = sample(), back;
    struct writer w = writer_of(out, sizeof out), w2 = writer_of(out2, sizeof out2);
    CHECK(manifest_encode(&m, &w, &d) == 0, "a manifest is encoded");
    CHECK(manifest_decode(BYTES(out, w.size), &back, &d) == 0 && back.threads == 8 &&
              back.layer_count == 2 && bytes_equal_str(back.argv[1], "/app/a.py") &&
              back.stdout_host && !back.stderr_host && back.layers[0].size == 8192 &&
              back.mounts[0].kind == MOUNT_TMPFS && back.mounts[1].kind == MOUNT_SEALED &&
              back.mounts[1].key == MOUNT_KEY_PROGRAM &&
              bytes_equal_str(back.mounts[1].name, "days"),
          "and decodes to the same values");
    CHECK(manifest_encode(&back, &w2, &d) == 0 && w2.size == w.size &&
              memcmp(out, out2, w.size) == 0,
          "which encode to the same bytes");
    size_t accepted = 0;
    for (size_t n = 0; n < w.size; n++) {
        accepted += manifest_decode(BYTES(out, n), &back, &d) == 0;
    }
    CHECK(accepted == 0, "no truncated manifest is accepted");
    out[w.size] = 0;
    CHECK(manifest_decode(BYTES(out, w.size + 1), &back, &d) == -EINVAL &&
              strstr(d.text, "follow") != NULL,
          "bytes after the manifest are refused");
    struct writer small = writer_of(out, 100);
    CHECK(manifest_encode(&m, &small, &d) == -ENOSPC, "a small buffer is -ENOSPC");
}

/* A flipped bit either is refused or changes the decoded value: never the same manifest twice. */
static void test_manifest_bits(void)
{
    uint8_t out[4096], out2[4096];
    struct diag d;
    struct manifest m = sample(), back;
    struct writer w = writer_of(out, sizeof out);
    bool good = manifest_encode(&m, &w, &d) == 0;
    for (size_t bit = 0; bit < 8 * w.size; bit++) {
        out[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        struct writer w2 = writer_of(out2, sizeof out2);
        if (manifest_decode(BYTES(out, w.size), &back, &d) == 0) {
            good = good && manifest_encode(&back, &w2, &d) == 0 && memcmp(out, out2, w.size) == 0;
        }
        out[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    CHECK(good, "whatever a flipped bit makes has one encoding or none");
}

static void test_worker_round_trip(void)
{
    uint8_t out[4096];
    struct manifest m = worker(), back;
    struct diag d = {{0}};
    struct writer w = writer_of(out, sizeof out);
    CHECK(manifest_encode(&m, &w, &d) == 0 && manifest_decode(BYTES(out, w.size), &back, &d) == 0 &&
              back.stdin_task && back.stdout_result && back.stderr_result && !back.stdin_host &&
              !back.stdout_host && !back.stderr_host,
          "a worker's manifest is encoded and decoded");
    m.stderr_result = false;
    w = writer_of(out, sizeof out);
    CHECK(manifest_encode(&m, &w, &d) == 0 && manifest_decode(BYTES(out, w.size), &back, &d) == 0 &&
              back.stdin_task && back.stdout_result && !back.stderr_result && !back.stderr_host,
          "so is one that drops its standard error");
}

#define REFUSED_WORKER(sentence, word, ...)                                                        \
    do {                                                                                           \
        struct manifest m = worker();                                                              \
        struct diag d = {{0}};                                                                     \
        __VA_ARGS__;                                                                               \
        CHECK(encode(&m, &d) == -EINVAL && strstr(d.text, word) != NULL, sentence);                \
    } while (0)

static void test_worker_refusals(void)
{
    static const struct manifest_file file = {BYTES_STR("a"), BYTES_STR("/a"), 1};
    REFUSED_WORKER("a task without a result", "stdin", m.stdout_result = m.stderr_result = false);
    REFUSED_WORKER("a task with output to the host", "stdin",
                   m.stdout_result = m.stderr_result = false;
                   m.stdout_host = true);
    REFUSED_WORKER("a result without a task", "stdin", m.stdin_task = m.stderr_result = false);
    REFUSED_WORKER("a result of standard error alone", "stdin",
                   m.stdin_task = m.stdout_result = false);
    REFUSED_WORKER("a worker's errors to the host", "stderr", m.stderr_result = false;
                   m.stderr_host = true);
    REFUSED_WORKER("two words for one stream", "two words", m.stderr_host = true);
    REFUSED_WORKER("a worker behind the shim door", "door", m.door = DOOR_SHIM);
    REFUSED_WORKER("a worker that attests", "attestation", m.attestation = true);
    REFUSED_WORKER("a worker with an input", "inputs", m.inputs[0] = file; m.input_count = 1);
    REFUSED_WORKER("a worker with an output", "outputs", m.outputs[0] = file; m.output_count = 1);
    REFUSED_WORKER("a worker with a volume", "mounts", m.mounts[0] = sample().mounts[1]);
}

#define REFUSED(sentence, word, ...)                                                               \
    do {                                                                                           \
        struct manifest m = sample();                                                              \
        struct diag d = {{0}};                                                                     \
        __VA_ARGS__;                                                                               \
        CHECK(encode(&m, &d) == -EINVAL && strstr(d.text, word) != NULL, sentence);                \
    } while (0)

#define REFUSED_NETWORK(sentence, change)                                                          \
    REFUSED(sentence, "listen", m = networked(); m.listen[0].change)

static void test_network(void)
{
    static uint8_t out[MANIFEST_SIZE_MAX];
    struct diag d;
    struct manifest m = networked(), back;
    struct writer w = writer_of(out, sizeof out);
    CHECK(manifest_encode(&m, &w, &d) == 0 && manifest_decode(BYTES(out, w.size), &back, &d) == 0 &&
              back.listen_count == 1 && back.connect_count == 1 &&
              memcmp(&back.listen[0], &m.listen[0], sizeof m.listen[0]) == 0 &&
              memcmp(&back.connect[0], &m.connect[0], sizeof m.connect[0]) == 0,
          "endpoints are written and read back");
}

static void test_network_refusals(void)
{
    REFUSED_NETWORK("bits behind a prefix", prefix = 8);
    REFUSED("port zero", "first", m = networked(); m.listen[0].first = 0);
    REFUSED_NETWORK("ports in the wrong order", last = 80);
    REFUSED("a worker with a network", "network", m = worker(); m.listen_count = 1;
            m.listen[0] = networked().listen[0]);
    REFUSED("too many endpoints", "more entries", m.listen_count = MANIFEST_ENDPOINTS_MAX + 1);
}

/* Each address is in one of two networks, next to an end of it, or in the other family. */
static void test_network_allows(void)
{
    static const struct manifest_endpoint e[] = {
        {.ip = {[10] = 0xff, 0xff, 10, 16}, .prefix = 12, .first = 80, .last = 89},
        {.ip = {0x20, 1, 0x0d, 0xb8, 0x80}, .v6 = true, .udp = true, .prefix = 33, .first = 53, .last = 53},
        {.v6 = true, .prefix = 0, .first = 443, .last = 443},
    };
    static const struct {
        const char *sentence;
        uint8_t ip[16];
        bool udp;
        uint16_t port;
        bool good;
    } cases[] = {
        {"the first address of a network", {[10] = 0xff, 0xff, 10, 16, 0, 0}, false, 80, true},
        {"its last address and port", {[10] = 0xff, 0xff, 10, 31, 255, 255}, false, 89, true},
        {"an address below", {[10] = 0xff, 0xff, 10, 15, 255, 255}, false, 80, false},
        {"an address above", {[10] = 0xff, 0xff, 10, 32, 0, 0}, false, 80, false},
        {"a port below", {[10] = 0xff, 0xff, 10, 16, 0, 1}, false, 79, false},
        {"a port above", {[10] = 0xff, 0xff, 10, 16, 0, 1}, false, 90, false},
        {"the other protocol", {[10] = 0xff, 0xff, 10, 16, 0, 1}, true, 80, false},
        {"an odd prefix, inside", {0x20, 1, 0x0d, 0xb8, 0xff}, true, 53, true},
        {"an odd prefix, outside", {0x20, 1, 0x0d, 0xb8, 0x7f}, true, 53, false},
        {"every IPv6 address", {0xfe, 0x80}, false, 443, true},
        {"which no IPv4 address is", {[10] = 0xff, 0xff, 1, 2, 3, 4}, false, 443, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CHECK(network_allows(e, ARRAY_SIZE(e), cases[i].udp, cases[i].ip, cases[i].port) == cases[i].good,
              "%s", cases[i].sentence);
    }
}

static void test_manifest_refusals(void)
{
    static char long_text[MANIFEST_TEXT_MAX + 1];
    memset(long_text, 'x', sizeof long_text - 1);
    REFUSED("a relative path", "entry", m.entry = BYTES_STR("bin/x"));
    REFUSED("dot-dot in a path", "entry", m.entry = BYTES_STR("/bin/../x"));
    REFUSED("a dot in a path", "cwd", m.cwd = BYTES_STR("/."));
    REFUSED("a doubled slash", "cwd", m.cwd = BYTES_STR("/a//b"));
    REFUSED("a slash at the end", "cwd", m.cwd = BYTES_STR("/a/"));
    REFUSED("NUL in a text", "entry", m.entry = BYTES_STR("/a\0b"));
    REFUSED("a text that is too long", "argv", m.argv[0] = BYTES_STR(long_text));
    REFUSED("a mount over everything", "path", m.mounts[0].path = BYTES_STR("/"));
    REFUSED("a sealed mount without name", "name", m.mounts[0].kind = MOUNT_SEALED);
    REFUSED("two sealed mounts of one volume", "mounts", m.mounts[0] = m.mounts[1];
            m.mounts[0].path = BYTES_STR("/other"));
    REFUSED("no arguments at all", "argv", m.argv_count = 0);
    REFUSED("no layer", "layers", m.layer_count = 0);
    REFUSED("too many layers", "more entries", m.layer_count = MANIFEST_LAYERS_MAX + 1);
    REFUSED("a layer of part blocks", "size", m.layers[0].size = 4097);
    REFUSED("a salt that is too long", "salt", m.layers[0].salt = BYTES(long_text, 33));
    REFUSED("a repeated layer name", "layers", m.layers[1].name = BYTES_STR("python"));
    REFUSED("a variable without value", "env", m.env[0] = BYTES_STR("A"));
    REFUSED("a variable without name", "env", m.env[0] = BYTES_STR("=1"));
    REFUSED("a repeated variable", "env", m.env[1] = BYTES_STR("A=2"));
    REFUSED("no threads", "threads", m.threads = 0);
    REFUSED("too many threads", "threads", m.threads = THREADS_MAX + 1);
    REFUSED("uneven memory", "memory", m.memory = 4097);
    REFUSED("more memory than there is room", "memory", m.memory = APP_END);
    REFUSED("the user id that means no user", "uid", m.uid = UINT32_MAX);
    REFUSED("an equals sign in a name", "name", m.inputs[0].name = BYTES_STR("a=b"));
    REFUSED("an input and an output at one place", "path", m.outputs[0].path = m.inputs[0].path);
    REFUSED("an input that may be nothing", "max", m.inputs[0].max = 0);
    REFUSED("a repeated input name", "inputs", m.input_count = 2;
            m.inputs[1] = (struct manifest_file){BYTES_STR("day"), BYTES_STR("/in/2"), 1});
}

static void test_evidence(void)
{
    static uint8_t out[8192];
    struct diag d;
    struct evidence e = {BYTES_STR("quote"),
                         BYTES_STR("claims"),
                         BYTES_STR("manifest"),
                         {.tcb_info = BYTES_STR("{}"), .root_crl = BYTES_STR("crl")}};
    struct evidence back;
    struct writer w = writer_of(out, sizeof out);
    CHECK(evidence_encode(&e, &w, &d) == 0 && evidence_decode(BYTES(out, w.size), &back, &d) == 0 &&
              bytes_equal_str(back.quote, "quote") &&
              bytes_equal_str(back.collateral.root_crl, "crl"),
          "evidence is written and read back");
    size_t accepted = 0;
    for (size_t n = 0; n < w.size; n++) {
        accepted += evidence_decode(BYTES(out, n), &back, &d) == 0;
    }
    CHECK(accepted == 0, "no truncated evidence is accepted");
    e.quote.size = 0;
    w = writer_of(out, sizeof out);
    CHECK(evidence_encode(&e, &w, &d) == -EINVAL && w.size == 0,
          "evidence without a quote is refused");
}

static void test_claims(void)
{
    uint8_t out[4096], out2[4096];
    struct diag d;
    struct run_claims c = {.nonce = BYTES_STR("n"), .input_count = 3, .output_count = 1};
    struct run_claims back;
    c.inputs[0] = (struct claim_file){.name = BYTES_STR("zz"), .sha256 = {1}};
    c.inputs[1] = (struct claim_file){.name = BYTES_STR("c"), .sha256 = {2}};
    c.inputs[2] = (struct claim_file){.name = BYTES_STR("aa"), .sha256 = {3}};
    c.outputs[0] = (struct claim_file){.name = BYTES_STR("o"), .sha256 = {4}};
    struct writer w = writer_of(out, sizeof out), w2 = writer_of(out2, sizeof out2);
    CHECK(run_claims_encode(&c, &w, &d) == 0 &&
              run_claims_decode(BYTES(out, w.size), &back, &d) == 0,
          "claims are written and read back");
    CHECK(bytes_equal_str(back.inputs[0].name, "c") && bytes_equal_str(back.inputs[1].name, "aa") &&
              back.inputs[2].sha256[0] == 1 && back.outputs[0].sha256[0] == 4,
          "sorted by name");
    struct claim_file first = c.inputs[0];
    c.inputs[0] = c.inputs[2];
    c.inputs[2] = first;
    CHECK(run_claims_encode(&c, &w2, &d) == 0 && w.size == w2.size &&
              memcmp(out, out2, w.size) == 0,
          "whatever order they came in");
    c.inputs[1].name = c.inputs[0].name;
    w = writer_of(out, sizeof out);
    CHECK(run_claims_encode(&c, &w, &d) == -EINVAL, "a repeated name is refused");
    c.input_count = 0;
    c.exit_kind = 4;
    w = writer_of(out, sizeof out);
    CHECK(run_claims_encode(&c, &w, &d) == -EINVAL, "an unknown way to end is refused");
}

int main(void)
{
    test_manifest_round_trip();
    test_manifest_bits();
    test_manifest_refusals();
    test_network();
    test_network_refusals();
    test_network_allows();
    test_worker_round_trip();
    test_worker_refusals();
    test_evidence();
    test_claims();
    return tap_done();
}
