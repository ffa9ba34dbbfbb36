/* SPDX-License-Identifier: Apache-2.0 */
/* The canonical manifest, read and written in one fixed order of keys. The same code runs in
 * `alcove build`, inside the enclave and in verifiers, so that all of them agree on what a CONFIGID
 * means. An adversary supplies the bytes freely: a manifest that decodes is well formed, and it is
 * the measured one only if its SHA-512 is the CONFIGID that the processor reports. */
#include "abi/manifest.h"

#include <errno.h>

#include "abi/layout.h"
#include "base/cbor.h"

#define FORMAT    "alcove-manifest-1"
#define KEY_COUNT 21u
#define BLOCK     4096u /* dm-verity, EROFS and page size */

/* Path of one decoding: the reader and the sentence stick to the first error. */
struct decoder {
    struct cbor_reader in;
    struct cbor_map map;
    struct diag *diag;
    bool explained;
};

static void refuse(struct decoder *c, const char *key, const char *why)
{
    cbor_fail(&c->in);
    if (!c->explained) {
        c->explained = true;
        ignore_result(diag_fail(c->diag, -EINVAL, "manifest: %s: %s", key, why),
                      "the caller returns the error itself");
    }
}

/* Consumes the next key of a map, which must be this one. */
static void expect_key(struct decoder *c, struct cbor_map *map, const char *key)
{
    struct bytes found = {NULL, 0};
    if (!cbor_key(&c->in, map, &found) || !bytes_equal_str(found, key)) {
        refuse(c, key, "missing, or not in its place in the canonical order");
    }
}

static void check(struct decoder *c, bool good, const char *key, const char *why)
{
    if (!cbor_ok(&c->in)) {
        refuse(c, key, "not of the right type, or out of bounds");
    } else if (!good) {
        refuse(c, key, why);
    }
}

/* ---- scalar members -------------------------------------------------------------------------- */

static uint64_t take_uint(struct decoder *c, struct cbor_map *map, const char *key, uint64_t min,
                          uint64_t max)
{
    expect_key(c, map, key);
    uint64_t v = cbor_uint(&c->in, max);
    check(c, v >= min, key, "too small");
    return v;
}

static bool take_bool(struct decoder *c, struct cbor_map *map, const char *key)
{
    expect_key(c, map, key);
    bool v = cbor_bool(&c->in);
    check(c, true, key, "");
    return v;
}

static struct bytes take_text(struct decoder *c, struct cbor_map *map, const char *key)
{
    expect_key(c, map, key);
    struct bytes v = cbor_text(&c->in, MANIFEST_TEXT_MAX - 1);
    check(c, true, key, "");
    return v;
}

/* One of up to three words; returns its index. */
static unsigned take_word(struct decoder *c, struct cbor_map *map, const char *key, const char *w0,
                          const char *w1, const char *w2)
{
    struct bytes v = take_text(c, map, key);
    if (bytes_equal_str(v, w0)) {
        return 0;
    }
    if (w1 != NULL && bytes_equal_str(v, w1)) {
        return 1;
    }
    if (w2 != NULL && bytes_equal_str(v, w2)) {
        return 2;
    }
    refuse(c, key, "not one of the permitted words");
    return 0;
}

/* ---- paths and names ------------------------------------------------------------------------- */

/* Absolute, no empty, "." or ".." component, no trailing slash: one spelling per place. */
static bool path_ok(struct bytes p)
{
    if (p.size == 0 || p.data[0] != '/') {
        return false;
    }
    size_t start = 1;
    for (size_t i = 1; i <= p.size && p.size > 1; i++) {
        if (i < p.size && p.data[i] != '/') {
            continue;
        }
        struct bytes part = {p.data + start, i - start};
        if (part.size == 0 || part.size > 255 || bytes_equal_str(part, ".") ||
            bytes_equal_str(part, "..")) {
            return false;
        }
        start = i + 1;
    }
    return true;
}

static struct bytes take_path(struct decoder *c, struct cbor_map *map, const char *key,
                              bool root_ok)
{
    struct bytes v = take_text(c, map, key);
    check(c, path_ok(v) && (root_ok || v.size > 1), key,
          "not an absolute path in its shortest form");
    return v;
}

/* Names appear as NAME=PATH on command lines and in verdicts. */
static bool name_ok(struct bytes n)
{
    for (size_t i = 0; i < n.size; i++) {
        uint8_t b = n.data[i];
        bool good = (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') ||
                    b == '.' || b == '_' || b == '-';
        if (!good) {
            return false;
        }
    }
    return n.size >= 1 && n.size <= NAME_MAX_BYTES;
}

static struct bytes take_name(struct decoder *c, struct cbor_map *map)
{
    struct bytes v = take_text(c, map, "name");
    check(c, name_ok(v), "name", "not 1 to 64 of the characters A-Z a-z 0-9 . _ -");
    return v;
}

/* ---- arrays ---------------------------------------------------------------------------------- */

static size_t take_array(struct decoder *c, const char *key, size_t max)
{
    expect_key(c, &c->map, key);
    size_t n = cbor_array(&c->in, max);
    check(c, true, key, "");
    return cbor_ok(&c->in) ? n : 0;
}

static struct cbor_map take_map(struct decoder *c, const char *key, size_t members)
{
    struct cbor_map map = cbor_map(&c->in, members);
    check(c, map.left == members, key, "an entry has missing members");
    return map;
}

static void take_layers(struct decoder *c, struct manifest *m)
{
    m->layer_count = take_array(c, "layers", MANIFEST_LAYERS_MAX);
    for (size_t i = 0; i < m->layer_count; i++) {
        struct manifest_layer *l = &m->layers[i];
        struct cbor_map map = take_map(c, "layers", 4);
        l->name = take_name(c, &map);
        expect_key(c, &map, "root");
        struct bytes root = cbor_bytes(&c->in, sizeof l->root, sizeof l->root);
        check(c, root.size == sizeof l->root, "root", "not 32 bytes");
        if (root.size == sizeof l->root) {
            __builtin_memcpy(l->root, root.data, sizeof l->root);
        }
        expect_key(c, &map, "salt");
        l->salt = cbor_bytes(&c->in, 0, 32);
        check(c, true, "salt", "");
        l->size = take_uint(c, &map, "size", BLOCK, LAYER_SIZE_MAX);
        check(c, l->size % BLOCK == 0, "size", "a layer is not whole blocks of 4096 bytes");
        for (size_t k = 0; k < i; k++) {
            check(c, !bytes_equal(m->layers[k].name, l->name), "layers", "a name occurs twice");
        }
    }
}

static void take_argv(struct decoder *c, struct manifest *m)
{
    m->argv_count = take_array(c, "argv", MANIFEST_ARGS_MAX);
    check(c, m->argv_count >= 1, "argv", "empty: programs expect their own name");
    for (size_t i = 0; i < m->argv_count; i++) {
        m->argv[i] = cbor_text(&c->in, MANIFEST_TEXT_MAX - 1);
        check(c, true, "argv", "");
    }
}

/* Size of NAME in "NAME=value"; 0 when there is none. */
static size_t env_name_size(struct bytes e)
{
    for (size_t i = 0; i < e.size; i++) {
        if (e.data[i] == '=') {
            return i;
        }
    }
    return 0;
}

static void take_env(struct decoder *c, struct manifest *m)
{
    m->env_count = take_array(c, "env", MANIFEST_ENV_MAX);
    for (size_t i = 0; i < m->env_count; i++) {
        m->env[i] = cbor_text(&c->in, MANIFEST_TEXT_MAX - 1);
        size_t n = env_name_size(m->env[i]);
        check(c, n > 0, "env", "an entry is not NAME=value");
        for (size_t k = 0; k < i && cbor_ok(&c->in); k++) {
            struct bytes other = {m->env[k].data, env_name_size(m->env[k])};
            check(c, !bytes_equal((struct bytes){m->env[i].data, n}, other), "env",
                  "a variable occurs twice");
        }
    }
}

#define TMPFS_MEMBERS  3u
#define SEALED_MEMBERS 5u

static void take_mount(struct decoder *c, struct manifest *m, size_t i)
{
    struct manifest_mount *t = &m->mounts[i];
    struct cbor_map map = cbor_map(&c->in, SEALED_MEMBERS);
    bool sealed = map.left == SEALED_MEMBERS;
    check(c, sealed || map.left == TMPFS_MEMBERS, "mounts", "an entry has missing members");
    if (sealed) {
        t->key = take_word(c, &map, "key", "identity", "program", NULL) == 1 ? MOUNT_KEY_PROGRAM
                                                                             : MOUNT_KEY_IDENTITY;
    }
    t->kind = sealed ? MOUNT_SEALED : MOUNT_TMPFS;
    ignore_result(take_word(c, &map, "kind", sealed ? "sealed" : "tmpfs", NULL, NULL) != 0,
                  "one word only, and others were refused");
    if (sealed) {
        t->name = take_name(c, &map);
    }
    t->path = take_path(c, &map, "path", false);
    t->size = take_uint(c, &map, "size", 1, ELRANGE_SIZE);
    for (size_t k = 0; sealed && k < i; k++) {
        check(c, m->mounts[k].kind != MOUNT_SEALED || !bytes_equal(m->mounts[k].name, t->name),
              "mounts", "a name occurs twice");
    }
}

static void take_mounts(struct decoder *c, struct manifest *m)
{
    m->mount_count = take_array(c, "mounts", MANIFEST_MOUNTS_MAX);
    for (size_t i = 0; i < m->mount_count; i++) {
        take_mount(c, m, i);
    }
}

static size_t take_files(struct decoder *c, const char *key, struct manifest_file *files)
{
    size_t n = take_array(c, key, MANIFEST_FILES_MAX);
    for (size_t i = 0; i < n; i++) {
        struct cbor_map map = take_map(c, key, 3);
        files[i].max = take_uint(c, &map, "max", 1, INPUT_SIZE_MAX);
        files[i].name = take_name(c, &map);
        files[i].path = take_path(c, &map, "path", false);
        for (size_t k = 0; k < i; k++) {
            check(c, !bytes_equal(files[k].name, files[i].name), key, "a name occurs twice");
        }
    }
    return n;
}

/* ---- the network ------------------------------------------------------------------------------ */

#define ENDPOINT_MEMBERS 5u

/* One spelling: the bits behind the prefix are zero. */
static bool tail_is_zero(const struct manifest_endpoint *e, size_t size)
{
    const uint8_t *ip = e->ip + sizeof e->ip - size;
    for (size_t i = e->prefix; i < 8 * size; i++) {
        if ((ip[i / 8] & (0x80u >> (i % 8))) != 0) {
            return false;
        }
    }
    return true;
}

static void take_endpoint(struct decoder *c, const char *key, struct manifest_endpoint *e)
{
    struct cbor_map map = take_map(c, key, ENDPOINT_MEMBERS);
    expect_key(c, &map, "ip");
    struct bytes ip = cbor_bytes(&c->in, 4, 16);
    check(c, ip.size == 4 || ip.size == 16, key, "an address has 4 or 16 bytes");
    e->v6 = ip.size == 16;
    if (ip.size == 4) {
        e->ip[10] = e->ip[11] = 0xff;
    }
    if (cbor_ok(&c->in)) {
        __builtin_memcpy(e->ip + sizeof e->ip - ip.size, ip.data, ip.size);
    }
    e->last = (uint16_t)take_uint(c, &map, "last", 1, UINT16_MAX);
    e->first = (uint16_t)take_uint(c, &map, "first", 1, UINT16_MAX);
    check(c, e->first <= e->last, key, "the last port is before the first");
    e->prefix = (uint8_t)take_uint(c, &map, "prefix", 0, e->v6 ? 128 : 32);
    check(c, !cbor_ok(&c->in) || tail_is_zero(e, ip.size), key,
          "an address has bits behind its prefix");
    e->udp = take_word(c, &map, "protocol", "tcp", "udp", NULL) == 1;
}

static size_t take_endpoints(struct decoder *c, struct cbor_map *map, const char *key,
                             struct manifest_endpoint *endpoints)
{
    expect_key(c, map, key);
    size_t n = cbor_array(&c->in, MANIFEST_ENDPOINTS_MAX);
    check(c, true, key, "");
    for (size_t i = 0; cbor_ok(&c->in) && i < n; i++) {
        take_endpoint(c, key, &endpoints[i]);
    }
    return cbor_ok(&c->in) ? n : 0;
}

static void take_network(struct decoder *c, struct manifest *m)
{
    enum cbor_kind kind = CBOR_TEXT;
    expect_key(c, &c->map, "network");
    if (cbor_peek(&c->in, &kind) && kind == CBOR_TEXT) {
        check(c, bytes_equal_str(cbor_text(&c->in, MANIFEST_TEXT_MAX - 1), "denied"), "network",
              "not one of the permitted words");
        return;
    }
    struct cbor_map map = take_map(c, "network", 2);
    m->listen_count = take_endpoints(c, &map, "listen", m->listen);
    m->connect_count = take_endpoints(c, &map, "connect", m->connect);
    check(c, m->listen_count + m->connect_count > 0, "network", "nothing is listed: denied");
}

/* ---- the whole ------------------------------------------------------------------------------- */

static struct bytes placed_path(const struct manifest *m, size_t i)
{
    if (i < m->mount_count) {
        return m->mounts[i].path;
    }
    i -= m->mount_count;
    return i < m->input_count ? m->inputs[i].path : m->outputs[i - m->input_count].path;
}

/* Two things at one place would make the result depend on the order of mounting. */
static void check_places(struct decoder *c, const struct manifest *m)
{
    size_t n = cbor_ok(&c->in) ? m->mount_count + m->input_count + m->output_count : 0;
    for (size_t i = 1; i < n; i++) {
        for (size_t k = 0; k < i; k++) {
            check(c, !bytes_equal(placed_path(m, i), placed_path(m, k)), "path",
                  "two of mounts, inputs and outputs have the same");
        }
    }
}

/* A worker says what it says in its result, to who sent the task; whatever else could carry
 * something out or in has no place beside it. */
static void check_worker(struct decoder *c, const struct manifest *m)
{
    if (!m->stdin_task && !m->stdout_result && !m->stderr_result) {
        return;
    }
    check(c, m->stdin_task && m->stdout_result, "stdin",
          "a worker has stdin: task and stdout: result, and stderr: result only beside them");
    check(c, !m->stderr_host, "stderr", "a worker's goes with its result or is dropped");
    check(c, m->door == DOOR_LIBOS, "door", "workers are behind the library OS door");
    check(c, !m->attestation, "attestation", "a worker has none: the runtime speaks for it");
    check(c, m->input_count == 0, "inputs", "a worker has none: all it gets is its task");
    check(c, m->output_count == 0, "outputs", "a worker has none: all it gives is its result");
    check(c, m->listen_count + m->connect_count == 0, "network", "a worker has none");
    for (size_t i = 0; i < m->mount_count; i++) {
        check(c, m->mounts[i].kind != MOUNT_SEALED, "mounts", "a worker keeps nothing");
    }
}

static void take_middle(struct decoder *c, struct manifest *m)
{
    struct bytes format = take_text(c, &c->map, "format");
    check(c, bytes_equal_str(format, FORMAT), "format", "not " FORMAT);
    m->input_count = take_files(c, "inputs", m->inputs);
    take_layers(c, m);
    check(c, m->layer_count > 0 || m->door != DOOR_LIBOS, "layers", "a program needs at least one");
    m->memory = take_uint(c, &c->map, "memory", BLOCK, APP_END - APP_BASE);
    check(c, m->memory % BLOCK == 0, "memory", "not a multiple of 4096");
    take_mounts(c, m);
    unsigned err = take_word(c, &c->map, "stderr", "drop", "host", "result");
    m->stderr_host = err == 1;
    m->stderr_result = err == 2;
    unsigned out = take_word(c, &c->map, "stdout", "drop", "host", "result");
    m->stdout_host = out == 1;
    m->stdout_result = out == 2;
    take_network(c, m);
    m->output_count = take_files(c, "outputs", m->outputs);
    m->threads = (uint32_t)take_uint(c, &c->map, "threads", 1, THREADS_MAX);
    ignore_result(take_word(c, &c->map, "snapshot", "none", NULL, NULL) != 0, "one word only");
    m->attestation = take_bool(c, &c->map, "attestation");
}

int manifest_decode(struct bytes cbor, struct manifest *ret, struct diag *d)
{
    if (cbor.size > MANIFEST_SIZE_MAX) {
        return diag_fail(d, -EINVAL, "manifest: longer than %u bytes", MANIFEST_SIZE_MAX);
    }
    struct decoder c = {.in = cbor_reader_of(cbor), .diag = d};
    struct manifest m = {0};
    c.map = cbor_map(&c.in, KEY_COUNT);
    check(&c, c.map.left == KEY_COUNT, "format", "not a map with all keys of " FORMAT);
    m.cwd = take_path(&c, &c.map, "cwd", true);
    take_env(&c, &m);
    m.gid = (uint32_t)take_uint(&c, &c.map, "gid", 0, UINT32_MAX - 1);
    m.uid = (uint32_t)take_uint(&c, &c.map, "uid", 0, UINT32_MAX - 1);
    take_argv(&c, &m);
    m.door = (enum manifest_door)take_word(&c, &c.map, "door", "libos", "shim", "sdk");
    m.debug = take_bool(&c, &c.map, "debug");
    m.entry = take_path(&c, &c.map, "entry", false);
    unsigned in = take_word(&c, &c.map, "stdin", "none", "host", "task");
    m.stdin_host = in == 1;
    m.stdin_task = in == 2;
    take_middle(&c, &m);
    check_places(&c, &m);
    check_worker(&c, &m);
    if (cbor_ok(&c.in) && !cursor_done(&c.in.in)) {
        refuse(&c, "end", "bytes follow the manifest");
    }
    if (!cbor_ok(&c.in)) {
        return -EINVAL;
    }
    *ret = m;
    return 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void put_pair(struct writer *w, const char *key, const char *value)
{
    cbor_put_str(w, key);
    cbor_put_str(w, value);
}

static void put_texts(struct writer *w, const char *key, const struct bytes *texts, size_t n)
{
    cbor_put_str(w, key);
    cbor_put_array(w, n);
    for (size_t i = 0; i < n; i++) {
        cbor_put_text(w, texts[i]);
    }
}

static void put_text(struct writer *w, const char *key, struct bytes value)
{
    cbor_put_str(w, key);
    cbor_put_text(w, value);
}

static void put_uint(struct writer *w, const char *key, uint64_t value)
{
    cbor_put_str(w, key);
    cbor_put_uint(w, value);
}

static void put_bool(struct writer *w, const char *key, bool value)
{
    cbor_put_str(w, key);
    cbor_put_bool(w, value);
}

static void put_files(struct writer *w, const char *key, const struct manifest_file *files,
                      size_t n)
{
    cbor_put_str(w, key);
    cbor_put_array(w, n);
    for (size_t i = 0; i < n; i++) {
        cbor_put_map(w, 3);
        put_uint(w, "max", files[i].max);
        put_text(w, "name", files[i].name);
        put_text(w, "path", files[i].path);
    }
}

static void put_layers(struct writer *w, const struct manifest *m)
{
    cbor_put_str(w, "layers");
    cbor_put_array(w, m->layer_count);
    for (size_t i = 0; i < m->layer_count; i++) {
        const struct manifest_layer *l = &m->layers[i];
        cbor_put_map(w, 4);
        put_text(w, "name", l->name);
        cbor_put_str(w, "root");
        cbor_put_bytes(w, BYTES_OF(l->root));
        cbor_put_str(w, "salt");
        cbor_put_bytes(w, l->salt);
        put_uint(w, "size", l->size);
    }
}

static void put_mounts(struct writer *w, const struct manifest *m)
{
    cbor_put_str(w, "mounts");
    cbor_put_array(w, m->mount_count);
    for (size_t i = 0; i < m->mount_count; i++) {
        const struct manifest_mount *t = &m->mounts[i];
        bool sealed = t->kind == MOUNT_SEALED;
        cbor_put_map(w, sealed ? SEALED_MEMBERS : TMPFS_MEMBERS);
        if (sealed) {
            put_pair(w, "key", t->key == MOUNT_KEY_PROGRAM ? "program" : "identity");
        }
        put_pair(w, "kind", sealed ? "sealed" : "tmpfs");
        if (sealed) {
            put_text(w, "name", t->name);
        }
        put_text(w, "path", t->path);
        put_uint(w, "size", t->size);
    }
}

static const char *door_word(enum manifest_door door)
{
    switch (door) {
    case DOOR_LIBOS:
        return "libos";
    case DOOR_SHIM:
        return "shim";
    case DOOR_SDK:
        return "sdk";
    }
    return "";
}

static void put_endpoints(struct writer *w, const char *key,
                          const struct manifest_endpoint *endpoints, size_t n)
{
    cbor_put_str(w, key);
    cbor_put_array(w, n);
    for (size_t i = 0; i < n; i++) {
        const struct manifest_endpoint *e = &endpoints[i];
        size_t size = e->v6 ? 16 : 4;
        cbor_put_map(w, ENDPOINT_MEMBERS);
        cbor_put_str(w, "ip");
        cbor_put_bytes(w, BYTES(e->ip + sizeof e->ip - size, size));
        put_uint(w, "last", e->last);
        put_uint(w, "first", e->first);
        put_uint(w, "prefix", e->prefix);
        put_pair(w, "protocol", e->udp ? "udp" : "tcp");
    }
}

static void put_network(struct writer *w, const struct manifest *m)
{
    if (m->listen_count + m->connect_count == 0) {
        put_pair(w, "network", "denied");
        return;
    }
    cbor_put_str(w, "network");
    cbor_put_map(w, 2);
    put_endpoints(w, "listen", m->listen, m->listen_count);
    put_endpoints(w, "connect", m->connect, m->connect_count);
}

static void put_manifest(struct writer *w, const struct manifest *m)
{
    cbor_put_map(w, KEY_COUNT);
    put_text(w, "cwd", m->cwd);
    put_texts(w, "env", m->env, m->env_count);
    put_uint(w, "gid", m->gid);
    put_uint(w, "uid", m->uid);
    put_texts(w, "argv", m->argv, m->argv_count);
    put_pair(w, "door", door_word(m->door));
    put_bool(w, "debug", m->debug);
    put_text(w, "entry", m->entry);
    put_pair(w, "stdin", m->stdin_task ? "task" : m->stdin_host ? "host" : "none");
    put_pair(w, "format", FORMAT);
    put_files(w, "inputs", m->inputs, m->input_count);
    put_layers(w, m);
    put_uint(w, "memory", m->memory);
    put_mounts(w, m);
    put_pair(w, "stderr", m->stderr_result ? "result" : m->stderr_host ? "host" : "drop");
    put_pair(w, "stdout", m->stdout_result ? "result" : m->stdout_host ? "host" : "drop");
    put_network(w, m);
    put_files(w, "outputs", m->outputs, m->output_count);
    put_uint(w, "threads", m->threads);
    put_pair(w, "snapshot", "none");
    put_bool(w, "attestation", m->attestation);
}

int manifest_encode(const struct manifest *m, struct writer *out, struct diag *d)
{
    if (m->layer_count > MANIFEST_LAYERS_MAX || m->argv_count > MANIFEST_ARGS_MAX ||
        m->env_count > MANIFEST_ENV_MAX || m->mount_count > MANIFEST_MOUNTS_MAX ||
        m->input_count > MANIFEST_FILES_MAX || m->output_count > MANIFEST_FILES_MAX ||
        m->listen_count > MANIFEST_ENDPOINTS_MAX || m->connect_count > MANIFEST_ENDPOINTS_MAX) {
        return diag_fail(d, -EINVAL, "manifest: more entries in a list than the format permits");
    }
    if ((m->stdin_host && m->stdin_task) || (m->stdout_host && m->stdout_result) ||
        (m->stderr_host && m->stderr_result)) {
        return diag_fail(d, -EINVAL, "manifest: stdin, stdout, stderr: two words for one stream");
    }
    size_t start = out->size;
    put_manifest(out, m);
    if (out->failed) {
        return diag_fail(d, -ENOSPC, "manifest: does not fit into %zu bytes",
                         out->capacity - start);
    }
    /* What was written must be readable: the decoder's rules are the only copy of the rules. */
    struct manifest again;
    int err = manifest_decode(BYTES(out->data + start, out->size - start), &again, d);
    if (err != 0) {
        out->size = start;
    }
    return err;
}
