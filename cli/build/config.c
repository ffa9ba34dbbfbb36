/* SPDX-License-Identifier: Apache-2.0 */
/* Reads alcove.yaml, see config.h. The file is the developer's own; strictness here is for them: a
 * misspelt key that is ignored would be a policy that nobody enforces. */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "abi/layout.h"
#include "file.h"
#include "network.h"

struct context {
    struct config *config;
    struct diag *diag;
};

static struct config_text place_of(const yaml_node_t *n)
{
    return (struct config_text){.line = n->start_mark.line + 1, .column = n->start_mark.column + 1};
}

int config_fail(const struct config *c, const struct config_text *at, struct diag *d,
                const char *format, ...)
{
    char sentence[DIAG_MAX];
    va_list args;
    va_start(args, format);
    base_vformat(sentence, sizeof sentence, format, args);
    va_end(args);
    return diag_fail(d, -EINVAL, "%s:%zu:%zu: %s", c->path, at->line, at->column, sentence);
}

#define FAIL(x, node, ...)                                                                         \
    ({                                                                                             \
        struct config_text place_ = place_of(node);                                                \
        config_fail((x)->config, &place_, (x)->diag, __VA_ARGS__);                                 \
    })

/* ---- scalars --------------------------------------------------------------------------------- */

static const char *scalar(const yaml_node_t *n)
{
    return (const char *)n->data.scalar.value;
}

/* A plain scalar that YAML's core schema reads as something other than text. */
static const char *other_type(const yaml_node_t *n)
{
    static const char *const words[] = {"true", "True", "TRUE", "false", "False", "FALSE"};
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    const char *text = scalar(n);
    char *end;
    if (n->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (strcmp(text, words[i]) == 0) {
            return "a boolean";
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(nulls); i++) {
        if (strcmp(text, nulls[i]) == 0) {
            return "nothing";
        }
    }
    ignore_result(strtod(text, &end) != 0, "only the end matters");
    return *end == '\0' && strpbrk(text, "0123456789") != NULL ? "a number" : NULL;
}

static int take_text(struct context *x, const yaml_node_t *n, struct config_text *ret)
{
    if (n->type != YAML_SCALAR_NODE) {
        return FAIL(x, n, "a text is expected here");
    }
    if (strlen(scalar(n)) != n->data.scalar.length) {
        return FAIL(x, n, "the text contains a NUL character");
    }
    const char *other = other_type(n);
    if (other != NULL) {
        return FAIL(x, n, "a text is expected here, this is %s; put it in quotes", other);
    }
    if (n->data.scalar.length >= MANIFEST_TEXT_MAX) {
        return FAIL(x, n, "longer than %u bytes", MANIFEST_TEXT_MAX - 1);
    }
    *ret = place_of(n);
    ret->text = scalar(n);
    return 0;
}

static int take_path(struct context *x, const yaml_node_t *n, struct config_text *ret)
{
    int err = take_text(x, n, ret);
    if (err != 0) {
        return err;
    }
    const char *p = ret->text;
    bool good = p[0] == '/' && strstr(p, "//") == NULL && strstr(p, "/./") == NULL &&
                strstr(p, "/../") == NULL;
    size_t size = strlen(p);
    good = good && (size == 1 || p[size - 1] != '/') &&
           !(size >= 2 && strcmp(p + size - 2, "/.") == 0) &&
           !(size >= 3 && strcmp(p + size - 3, "/..") == 0);
    return good
               ? 0
               : FAIL(x, n, "'%s' is not an absolute path in its shortest form, such as /app/x", p);
}

static int take_bool(struct context *x, const yaml_node_t *n, bool *ret)
{
    bool plain = n->type == YAML_SCALAR_NODE && n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (!plain || (strcmp(scalar(n), "true") != 0 && strcmp(scalar(n), "false") != 0)) {
        return FAIL(x, n, "true or false is expected here");
    }
    *ret = scalar(n)[0] == 't';
    return 0;
}

/* Decimal digits only; *ret_rest is what follows them. */
static bool parse_digits(const char *text, uint64_t *ret, const char **ret_rest)
{
    uint64_t v = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (!mul_ok(v, 10, &v) || !add_ok(v, (uint64_t)(*p - '0'), &v)) {
            return false;
        }
    }
    *ret = v;
    *ret_rest = p;
    return p != text;
}

static int take_number(struct context *x, const yaml_node_t *n, uint64_t min, uint64_t max,
                       uint64_t *ret)
{
    const char *rest = "";
    uint64_t v = 0;
    if (n->type != YAML_SCALAR_NODE || n->data.scalar.style != YAML_PLAIN_SCALAR_STYLE ||
        !parse_digits(scalar(n), &v, &rest) || *rest != '\0' || v < min || v > max) {
        return FAIL(x, n, "a whole number from %llu to %llu is expected here",
                    (unsigned long long)min, (unsigned long long)max);
    }
    *ret = v;
    return 0;
}

static int take_size(struct context *x, const yaml_node_t *n, uint64_t max, uint64_t *ret)
{
    static const struct {
        const char *name;
        unsigned shift;
    } units[] = {{"", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}};
    const char *rest = "";
    uint64_t v = 0;
    if (n->type != YAML_SCALAR_NODE || !parse_digits(scalar(n), &v, &rest)) {
        return FAIL(x, n, "a size is expected here, such as 64 MiB");
    }
    rest += strspn(rest, " ");
    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        if (strcmp(rest, units[i].name) == 0) {
            if (!mul_ok(v, UINT64_C(1) << units[i].shift, ret) || *ret == 0 || *ret > max) {
                return FAIL(x, n, "the size must be from 1 to %llu bytes", (unsigned long long)max);
            }
            return 0;
        }
    }
    return FAIL(x, n, "'%s' is not a unit; there are KiB, MiB and GiB", rest);
}

static int take_word(struct context *x, const yaml_node_t *n, const char *no, const char *yes,
                     bool *ret)
{
    struct config_text t;
    int err = take_text(x, n, &t);
    if (err != 0) {
        return err;
    }
    bool is_yes = yes != NULL && strcmp(t.text, yes) == 0;
    if (!is_yes && strcmp(t.text, no) != 0) {
        return FAIL(x, n, "'%s' is not possible here, only %s%s%s", t.text, no,
                    yes != NULL ? " or " : "", yes != NULL ? yes : "");
    }
    *ret = is_yes;
    return 0;
}

/* A standard stream: nothing, the host's, or sealed (a worker's). */
static int take_stream(struct context *x, const yaml_node_t *n, const char *no, const char *sealed,
                       bool *ret_host, bool *ret_sealed)
{
    struct config_text t;
    int err = take_text(x, n, &t);
    if (err != 0) {
        return err;
    }
    *ret_host = strcmp(t.text, "host") == 0;
    *ret_sealed = strcmp(t.text, sealed) == 0;
    return *ret_host || *ret_sealed || strcmp(t.text, no) == 0
               ? 0
               : FAIL(x, n, "'%s' is not possible here, only %s, host or %s", t.text, no, sealed);
}

/* ---- collections ----------------------------------------------------------------------------- */

static yaml_node_t *node(struct context *x, int index)
{
    return yaml_document_get_node(&x->config->document, index);
}

#define PAIRS_MAX 1024u /* the search for repeated keys is quadratic */

struct pair {
    const yaml_node_t *key, *value;
};

static size_t pair_count(const yaml_node_t *n)
{
    return (size_t)(n->data.mapping.pairs.top - n->data.mapping.pairs.start);
}

static struct pair pair_at(struct context *x, const yaml_node_t *n, size_t i)
{
    const yaml_node_pair_t *p = n->data.mapping.pairs.start + i;
    return (struct pair){node(x, p->key), node(x, p->value)};
}

static int expect_map(struct context *x, const yaml_node_t *n)
{
    if (n->type != YAML_MAPPING_NODE) {
        return FAIL(x, n, "a mapping (key: value) is expected here");
    }
    if (pair_count(n) > PAIRS_MAX) {
        return FAIL(x, n, "more than %u keys", PAIRS_MAX);
    }
    for (size_t i = 0; i < pair_count(n); i++) {
        const yaml_node_t *key = pair_at(x, n, i).key;
        if (key->type != YAML_SCALAR_NODE || strlen(scalar(key)) != key->data.scalar.length) {
            return FAIL(x, key, "a key must be a text");
        }
        for (size_t k = 0; k < i; k++) {
            const yaml_node_t *other = pair_at(x, n, k).key;
            if (strcmp(scalar(key), scalar(other)) == 0) {
                return FAIL(x, key, "key '%s' occurs twice; it stood in line %zu already",
                            scalar(key), other->start_mark.line + 1);
            }
        }
    }
    return 0;
}

static int expect_list(struct context *x, const yaml_node_t *n, size_t max)
{
    if (n->type != YAML_SEQUENCE_NODE) {
        return FAIL(x, n, "a list is expected here");
    }
    size_t count = (size_t)(n->data.sequence.items.top - n->data.sequence.items.start);
    return count <= max ? 0 : FAIL(x, n, "more than %zu entries", max);
}

static const yaml_node_t *item_at(struct context *x, const yaml_node_t *n, size_t i)
{
    return node(x, n->data.sequence.items.start[i]);
}

static size_t item_count(const yaml_node_t *n)
{
    return (size_t)(n->data.sequence.items.top - n->data.sequence.items.start);
}

/* A mapping with fixed keys: a value per name, NULL where it is absent. */
#define MEMBERS_MAX 24u
struct members {
    const char *const *names; /* NULL at the end */
    const yaml_node_t *values[MEMBERS_MAX];
};

static int take_members(struct context *x, const yaml_node_t *n, const char *const *names,
                        struct members *ret)
{
    struct members m = {.names = names};
    int err = expect_map(x, n);
    for (size_t i = 0; err == 0 && i < pair_count(n); i++) {
        struct pair p = pair_at(x, n, i);
        size_t k = 0;
        while (names[k] != NULL && strcmp(names[k], scalar(p.key)) != 0) {
            k++;
        }
        if (names[k] == NULL) {
            char list[256] = "";
            size_t used = 0;
            for (k = 0; names[k] != NULL && used < sizeof list; k++) {
                used += base_format(list + used, sizeof list - used, "%s%s", k > 0 ? ", " : "",
                                    names[k]);
            }
            return FAIL(x, p.key, "unknown key '%s'; there are: %s", scalar(p.key), list);
        }
        m.values[k] = p.value;
    }
    if (err == 0) {
        *ret = m;
    }
    return err;
}

static int take_packages(struct context *x, const yaml_node_t *n, struct config_base *b)
{
    int err = expect_list(x, n, CONFIG_PACKAGES_MAX);
    if (err == 0 && item_count(n) == 0) {
        return FAIL(x, n, "a package is expected here");
    }
    for (size_t i = 0; err == 0 && i < item_count(n); i++) {
        err = take_text(x, item_at(x, n, i), &b->packages[b->package_count++]);
    }
    return err;
}

static int take_base(struct context *x, const yaml_node_t *n)
{
    static const char *const keys[] = {"dir", "packages", NULL};
    int err = expect_list(x, n, MANIFEST_LAYERS_MAX - 1);
    for (size_t i = 0; err == 0 && i < item_count(n); i++) {
        const yaml_node_t *item = item_at(x, n, i);
        struct config_base *b = &x->config->bases[x->config->base_count++];
        struct members m;
        if (item->type == YAML_SCALAR_NODE) {
            err = take_text(x, item, &b->name);
            continue;
        }
        err = take_members(x, item, keys, &m);
        if (err == 0 && (m.values[0] != NULL) == (m.values[1] != NULL)) {
            err = FAIL(x, item, "one of the keys 'dir' and 'packages' is expected");
        } else if (err == 0) {
            err = m.values[0] != NULL ? take_text(x, m.values[0], &b->dir)
                                      : take_packages(x, m.values[1], b);
        }
    }
    return err;
}

static int take_files(struct context *x, const yaml_node_t *n)
{
    struct config *c = x->config;
    int err = expect_map(x, n);
    if (err == 0 && pair_count(n) > CONFIG_FILES_MAX) {
        return FAIL(x, n, "more than %u entries; name a folder instead", CONFIG_FILES_MAX);
    }
    for (size_t i = 0; err == 0 && i < pair_count(n); i++) {
        struct pair p = pair_at(x, n, i);
        struct config_file *f = &c->files[c->file_count++];
        err = take_path(x, p.key, &f->path);
        err = err != 0 ? err : take_text(x, p.value, &f->source);
    }
    return err;
}

static int take_argv(struct context *x, const yaml_node_t *n)
{
    struct config *c = x->config;
    int err = expect_list(x, n, MANIFEST_ARGS_MAX);
    for (size_t i = 0; err == 0 && i < item_count(n); i++) {
        err = take_text(x, item_at(x, n, i), &c->argv[c->argv_count++]);
    }
    return err == 0 && c->argv_count == 0 ? FAIL(x, n, "argv[0] is missing") : err;
}

static int take_env(struct context *x, const yaml_node_t *n)
{
    struct config *c = x->config;
    int err = expect_map(x, n);
    if (err == 0 && pair_count(n) > MANIFEST_ENV_MAX) {
        return FAIL(x, n, "more than %u variables", MANIFEST_ENV_MAX);
    }
    for (size_t i = 0; err == 0 && i < pair_count(n); i++) {
        struct pair p = pair_at(x, n, i);
        struct config_text value;
        const char *name = scalar(p.key);
        if (*name == '\0' || strchr(name, '=') != NULL) {
            return FAIL(x, p.key, "'%s' is not a name for a variable", name);
        }
        err = take_text(x, p.value, &value);
        if (err == 0) {
            size_t size = strlen(name) + strlen(value.text) + 2;
            char *text = malloc(size);
            if (text == NULL || size > MANIFEST_TEXT_MAX) {
                free(text);
                return FAIL(x, p.value, "longer than %u bytes", MANIFEST_TEXT_MAX - 1);
            }
            memcpy(text, name, strlen(name));
            text[strlen(name)] = '=';
            memcpy(text + strlen(name) + 1, value.text, strlen(value.text) + 1);
            c->env[c->env_count] = value;
            c->env[c->env_count++].text = text;
        }
    }
    return err;
}

static int take_volume(struct context *x, const yaml_node_t *item, const struct members *m,
                       struct config_mount *mount)
{
    if (m->values[3] == NULL) {
        return FAIL(x, item, "the key 'name' is missing: `alcove run` takes --volume NAME=PATH");
    }
    int err = take_text(x, m->values[3], &mount->name);
    for (size_t i = 0; err == 0 && &x->config->mounts[i] != mount; i++) {
        const struct config_mount *other = &x->config->mounts[i];
        if (other->sealed && strcmp(other->name.text, mount->name.text) == 0) {
            return FAIL(x, m->values[3], "volume '%s' is mounted twice", mount->name.text);
        }
    }
    return err == 0 && m->values[4] != NULL
               ? take_word(x, m->values[4], "identity", "program", &mount->key_program)
               : err;
}

static int take_mount(struct context *x, const yaml_node_t *item, struct config_mount *mount)
{
    static const char *const keys[] = {"kind", "path", "size", "name", "key", NULL};
    struct members m;
    int err = take_members(x, item, keys, &m);
    for (size_t k = 0; err == 0 && k < 3; k++) {
        err = m.values[k] != NULL ? 0 : FAIL(x, item, "the key '%s' is missing", keys[k]);
    }
    err = err != 0 ? err : take_word(x, m.values[0], "tmpfs", "sealed", &mount->sealed);
    err = err != 0 ? err : take_path(x, m.values[1], &mount->path);
    err = err != 0 ? err : take_size(x, m.values[2], ELRANGE_SIZE, &mount->size);
    if (err == 0 && mount->sealed) {
        return take_volume(x, item, &m, mount);
    }
    for (size_t k = 3; err == 0 && keys[k] != NULL; k++) {
        err = m.values[k] == NULL ? 0 : FAIL(x, item, "'%s' belongs to 'kind: sealed'", keys[k]);
    }
    return err;
}

static int take_mounts(struct context *x, const yaml_node_t *n)
{
    struct config *c = x->config;
    int err = expect_list(x, n, MANIFEST_MOUNTS_MAX);
    for (size_t i = 0; err == 0 && i < item_count(n); i++) {
        err = take_mount(x, item_at(x, n, i), &c->mounts[c->mount_count++]);
    }
    return err;
}

static int take_io(struct context *x, const yaml_node_t *n, struct config_io *files, size_t *count)
{
    static const char *const keys[] = {"path", "max", NULL};
    int err = expect_map(x, n);
    if (err == 0 && pair_count(n) > MANIFEST_FILES_MAX) {
        return FAIL(x, n, "more than %u entries", MANIFEST_FILES_MAX);
    }
    for (size_t i = 0; err == 0 && i < pair_count(n); i++) {
        struct pair p = pair_at(x, n, i);
        struct config_io *f = &files[(*count)++];
        struct members m;
        err = take_text(x, p.key, &f->name);
        err = err != 0 ? err : take_members(x, p.value, keys, &m);
        for (size_t k = 0; err == 0 && keys[k] != NULL; k++) {
            err = m.values[k] != NULL ? 0 : FAIL(x, p.value, "the key '%s' is missing", keys[k]);
        }
        err = err != 0 ? err : take_path(x, m.values[0], &f->path);
        err = err != 0 ? err : take_size(x, m.values[1], INPUT_SIZE_MAX, &f->max);
    }
    return err;
}

static int take_memory(struct context *x, const yaml_node_t *n, uint64_t *ret)
{
    int err = take_size(x, n, APP_END - APP_BASE, ret);
    return err == 0 && *ret % 4096 != 0 ? FAIL(x, n, "not a multiple of 4096 bytes") : err;
}

static int take_user(struct context *x, const yaml_node_t *n)
{
    static const char *const keys[] = {"uid", "gid", NULL};
    struct members m;
    int err = take_members(x, n, keys, &m);
    if (err == 0 && m.values[0] != NULL) {
        err = take_number(x, m.values[0], 0, UINT32_MAX - 1, &x->config->uid);
    }
    if (err == 0 && m.values[1] != NULL) {
        err = take_number(x, m.values[1], 0, UINT32_MAX - 1, &x->config->gid);
    }
    return err;
}

static int take_endpoints(struct context *x, const yaml_node_t *n,
                          struct manifest_endpoint *endpoints, size_t *count)
{
    int err = expect_list(x, n, MANIFEST_ENDPOINTS_MAX);
    for (size_t i = 0; err == 0 && i < item_count(n); i++) {
        const yaml_node_t *item = item_at(x, n, i);
        struct config_text t;
        err = take_text(x, item, &t);
        const char *why = err == 0 ? network_parse(t.text, &endpoints[(*count)++]) : NULL;
        if (why != NULL) {
            return FAIL(x, item, "'%s' is not an endpoint such as \"tcp 127.0.0.1:8080\": %s", t.text,
                        why);
        }
    }
    return err;
}

static int take_network(struct context *x, const yaml_node_t *n)
{
    static const char *const keys[] = {"listen", "connect", NULL};
    struct config *c = x->config;
    struct members m;
    bool ignored;
    if (n->type == YAML_SCALAR_NODE) {
        return take_word(x, n, "denied", NULL, &ignored);
    }
    int err = take_members(x, n, keys, &m);
    if (err == 0 && m.values[0] != NULL) {
        err = take_endpoints(x, m.values[0], c->listen, &c->listen_count);
    }
    if (err == 0 && m.values[1] != NULL) {
        err = take_endpoints(x, m.values[1], c->connect, &c->connect_count);
    }
    return err == 0 && c->listen_count + c->connect_count == 0
               ? FAIL(x, n, "neither 'listen' nor 'connect' lists an endpoint: 'network: denied'")
               : err;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int take_signature(struct context *x, const yaml_node_t *n)
{
    static const char *const keys[] = {"isvprodid", "isvsvn", NULL};
    struct members m;
    int err = take_members(x, n, keys, &m);
    if (err == 0 && m.values[0] != NULL) {
        err = take_number(x, m.values[0], 0, UINT16_MAX, &x->config->isvprodid);
    }
    if (err == 0 && m.values[1] != NULL) {
        err = take_number(x, m.values[1], 0, UINT16_MAX, &x->config->isvsvn);
    }
    return err;
}

enum key {
    KEY_DOOR,
    KEY_SIGNATURE,
    KEY_BASE,
    KEY_FILES,
    KEY_ENTRY,
    KEY_ARGV,
    KEY_ENV,
    KEY_CWD,
    KEY_USER,
    KEY_MEMORY,
    KEY_THREADS,
    KEY_MOUNTS,
    KEY_INPUTS,
    KEY_OUTPUTS,
    KEY_STDIN,
    KEY_STDOUT,
    KEY_STDERR,
    KEY_NETWORK,
    KEY_ATTESTATION,
    KEY_DEBUG,
    KEY_COUNT,
};
static const char *const key_names[] = {
    "door",  "signature", "base",   "files",   "entry",       "argv",   "env",
    "cwd",   "user",      "memory", "threads", "mounts",      "inputs", "outputs",
    "stdin", "stdout",    "stderr", "network", "attestation", "debug",  NULL,
};
_Static_assert(ARRAY_SIZE(key_names) == KEY_COUNT + 1, "a name for each key");

static int take_key(struct context *x, enum key key, const yaml_node_t *n)
{
    struct config *c = x->config;
    switch (key) {
    case KEY_DOOR:
        return take_word(x, n, "libos", "shim", &c->shim);
    case KEY_SIGNATURE:
        return take_signature(x, n);
    case KEY_BASE:
        return take_base(x, n);
    case KEY_FILES:
        return take_files(x, n);
    case KEY_ENTRY:
        return take_path(x, n, &c->entry);
    case KEY_ARGV:
        return take_argv(x, n);
    case KEY_ENV:
        return take_env(x, n);
    case KEY_CWD:
        return take_path(x, n, &c->cwd);
    case KEY_USER:
        return take_user(x, n);
    case KEY_MEMORY:
        return take_memory(x, n, &c->memory);
    case KEY_THREADS:
        return take_number(x, n, 1, THREADS_MAX, &c->threads);
    case KEY_MOUNTS:
        return take_mounts(x, n);
    case KEY_INPUTS:
        return take_io(x, n, c->inputs, &c->input_count);
    case KEY_OUTPUTS:
        return take_io(x, n, c->outputs, &c->output_count);
    case KEY_STDIN:
        return take_stream(x, n, "none", "task", &c->stdin_host, &c->stdin_task);
    case KEY_STDOUT:
        return take_stream(x, n, "drop", "result", &c->stdout_host, &c->stdout_result);
    case KEY_STDERR:
        return take_stream(x, n, "drop", "result", &c->stderr_host, &c->stderr_result);
    case KEY_NETWORK:
        return take_network(x, n);
    case KEY_ATTESTATION:
        return take_bool(x, n, &c->attestation);
    case KEY_DEBUG:
        return take_bool(x, n, &c->debug);
    case KEY_COUNT:
        break;
    }
    return -EINVAL;
}

/* abi/manifest.c has the rules; here they get a line and a column. */
static int check_worker(struct context *x, const struct members *m)
{
    const struct config *c = x->config;
    if (!c->stdin_task && !c->stdout_result && !c->stderr_result) {
        return 0;
    }
    if (!c->stdin_task || !c->stdout_result) {
        const yaml_node_t *at = c->stdin_task      ? m->values[KEY_STDIN]
                                : c->stdout_result ? m->values[KEY_STDOUT]
                                                   : m->values[KEY_STDERR];
        return FAIL(x, at,
                    "a worker has both 'stdin: task' and 'stdout: result' "
                    "(docs/formats/worker.md)");
    }
    if (c->stderr_host) {
        return FAIL(x, m->values[KEY_STDERR],
                    "the host would read what a worker says: result or drop");
    }
    if (c->shim) {
        return FAIL(x, m->values[KEY_DOOR], "a worker (stdin: task) is behind 'door: libos'");
    }
    if (c->attestation) {
        return FAIL(x, m->values[KEY_ATTESTATION],
                    "a worker (stdin: task) has no /dev/attestation: the runtime speaks for it");
    }
    if (c->input_count > 0 || c->output_count > 0) {
        return FAIL(x, m->values[c->input_count > 0 ? KEY_INPUTS : KEY_OUTPUTS],
                    "a worker (stdin: task) gets its task and gives its result, nothing else");
    }
    if (c->listen_count + c->connect_count > 0) {
        return FAIL(x, m->values[KEY_NETWORK], "a worker (stdin: task) has no network");
    }
    for (size_t i = 0; i < c->mount_count; i++) {
        if (c->mounts[i].sealed) {
            return config_fail(c, &c->mounts[i].path, x->diag,
                               "a worker (stdin: task) keeps nothing: no 'kind: sealed'");
        }
    }
    return 0;
}

static int take_root(struct context *x, const yaml_node_t *root)
{
    struct config *c = x->config;
    struct members m;
    int err = take_members(x, root, key_names, &m);
    c->memory = UINT64_C(1) << 30;
    c->threads = 16;
    c->uid = c->gid = 1000;
    c->cwd = place_of(root);
    c->cwd.text = "/";
    for (unsigned k = 0; err == 0 && k < KEY_COUNT; k++) {
        err = m.values[k] != NULL ? take_key(x, (enum key)k, m.values[k]) : 0;
    }
    if (err == 0 && c->entry.text == NULL) {
        return FAIL(x, root, "the key 'entry' is missing: the program to run");
    }
    if (err == 0 && c->base_count == 0 && c->file_count == 0) {
        return FAIL(x, root, "neither 'base' nor 'files': there is nothing to run");
    }
    if (err == 0 && m.values[KEY_SIGNATURE] != NULL && !c->shim) {
        return FAIL(x, m.values[KEY_SIGNATURE],
                    "'signature' belongs to 'door: shim'; behind the library OS door the release's "
                    "runtime is the enclave, and it is signed already");
    }
    if (err == 0 && c->argv_count == 0) {
        c->argv[c->argv_count++] = c->entry;
    }
    return err != 0 ? err : check_worker(x, &m);
}

/* The one document of the file; aliases, tags and further documents have no use here. */
static int load(struct config *c, yaml_parser_t *parser, struct diag *d)
{
    yaml_document_t rest;
    if (!yaml_parser_load(parser, &c->document)) {
        struct config_text at = {.line = parser->problem_mark.line + 1,
                                 .column = parser->problem_mark.column + 1};
        return config_fail(c, &at, d, "%s", parser->problem != NULL ? parser->problem : "not YAML");
    }
    const yaml_node_t *root = yaml_document_get_root_node(&c->document);
    struct config_text start = {.line = 1, .column = 1};
    if (root == NULL) {
        return config_fail(c, &start, d, "the file is empty");
    }
    if (!yaml_parser_load(parser, &rest)) {
        struct config_text at = {.line = parser->problem_mark.line + 1,
                                 .column = parser->problem_mark.column + 1};
        return config_fail(c, &at, d, "%s", parser->problem != NULL ? parser->problem : "not YAML");
    }
    const yaml_node_t *second = yaml_document_get_root_node(&rest);
    struct config_text at = second != NULL ? place_of(second) : start;
    yaml_document_delete(&rest);
    return second == NULL ? 0 : config_fail(c, &at, d, "a second document follows");
}

static int check_tags(struct config *c, struct diag *d)
{
    static const char *const plain[] = {YAML_STR_TAG, YAML_SEQ_TAG, YAML_MAP_TAG};
    for (const yaml_node_t *n = c->document.nodes.start; n < c->document.nodes.top; n++) {
        bool known = n->tag == NULL;
        for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
            known = known || strcmp((const char *)n->tag, plain[i]) == 0;
        }
        if (!known) {
            struct config_text at = place_of(n);
            return config_fail(c, &at, d, "tags such as %s have no meaning here", (char *)n->tag);
        }
    }
    return 0;
}

int config_parse(struct bytes text, const char *path, struct config **ret, struct diag *d)
{
    struct config *c = calloc(1, sizeof *c);
    yaml_parser_t parser;
    if (c == NULL || (c->path = strdup(path)) == NULL || !yaml_parser_initialize(&parser)) {
        config_free(c);
        return diag_fail(d, -ENOMEM, "%s: no memory", path);
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, text.data, text.size);
    int err = load(c, &parser, d);
    yaml_parser_delete(&parser);
    err = err != 0 ? err : check_tags(c, d);
    if (err == 0) {
        struct context x = {c, d};
        err = take_root(&x, yaml_document_get_root_node(&c->document));
    }
    if (err != 0) {
        config_free(c);
        return err;
    }
    *ret = c;
    return 0;
}

int config_read(const char *dir, struct config **ret, struct diag *d)
{
    char path[PATH_MAX];
    struct mapped_file file;
    if (base_format(path, sizeof path, "%s/alcove.yaml", dir) >= sizeof path) {
        return diag_fail(d, -ENAMETOOLONG, "%s: path is too long", dir);
    }
    int err = mapped_file_open(&file, path, CONFIG_SIZE_MAX, d);
    if (err != 0) {
        return err;
    }
    err = config_parse(file.bytes, path, ret, d);
    mapped_file_close(&file);
    return err;
}

void config_free(struct config *c)
{
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; i < c->env_count; i++) {
        free((char *)(uintptr_t)c->env[i].text);
    }
    yaml_document_delete(&c->document);
    free(c->path);
    free(c);
}
