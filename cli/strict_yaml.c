/* SPDX-License-Identifier: Apache-2.0 */
/* Strict YAML, see strict_yaml.h. */
#include "strict_yaml.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

static int fail_at(struct strict_yaml *y, size_t line, size_t column, const char *sentence)
{
    return diag_fail(y->diag, -EINVAL, "%s:%zu:%zu: %s", y->path, line + 1, column + 1, sentence);
}

int strict_yaml_fail(struct strict_yaml *y, const yaml_node_t *n, const char *format, ...)
{
    char sentence[DIAG_MAX];
    va_list args;
    va_start(args, format);
    base_vformat(sentence, sizeof sentence, format, args);
    va_end(args);
    return fail_at(y, n->start_mark.line, n->start_mark.column, sentence);
}

/* ---- the document ---- */

static int not_yaml(struct strict_yaml *y, const yaml_parser_t *parser)
{
    return fail_at(y, parser->problem_mark.line, parser->problem_mark.column,
                   parser->problem != NULL ? parser->problem : "not YAML");
}

/* The one document of the file. */
static int load(struct strict_yaml *y, yaml_parser_t *parser)
{
    yaml_document_t rest;
    if (!yaml_parser_load(parser, &y->document)) {
        return not_yaml(y, parser);
    }
    if (strict_yaml_root(y) == NULL) {
        return fail_at(y, 0, 0, "the file is empty");
    }
    if (!yaml_parser_load(parser, &rest)) {
        return not_yaml(y, parser);
    }
    const yaml_node_t *second = yaml_document_get_root_node(&rest);
    int err = second != NULL ? strict_yaml_fail(y, second, "a second document follows") : 0;
    yaml_document_delete(&rest);
    return err;
}

static int check_tags(struct strict_yaml *y)
{
    static const char *const plain[] = {YAML_STR_TAG, YAML_SEQ_TAG, YAML_MAP_TAG};
    for (const yaml_node_t *n = y->document.nodes.start; n < y->document.nodes.top; n++) {
        bool known = n->tag == NULL;
        for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
            known = known || strcmp((const char *)n->tag, plain[i]) == 0;
        }
        if (!known) {
            return strict_yaml_fail(y, n, "tags such as %s have no meaning here",
                                    (const char *)n->tag);
        }
    }
    return 0;
}

int strict_yaml_open(struct strict_yaml *ret, struct bytes text, const char *path, struct diag *d)
{
    yaml_parser_t parser;
    *ret = (struct strict_yaml){.path = path, .diag = d};
    if (!yaml_parser_initialize(&parser)) {
        return diag_fail(d, -ENOMEM, "%s: no memory", path);
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, text.data, text.size);
    int err = load(ret, &parser);
    yaml_parser_delete(&parser);
    return err != 0 ? err : check_tags(ret);
}

void strict_yaml_close(struct strict_yaml *y)
{
    yaml_document_delete(&y->document); /* also of one that was never loaded */
}

const yaml_node_t *strict_yaml_root(struct strict_yaml *y)
{
    return yaml_document_get_root_node(&y->document);
}

/* ---- scalars ---- */

const char *strict_yaml_key(const yaml_node_t *key)
{
    return (const char *)key->data.scalar.value;
}

static bool is_plain(const yaml_node_t *n)
{
    return n->type == YAML_SCALAR_NODE && n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

bool strict_yaml_is_word(const yaml_node_t *n, const char *word)
{
    return is_plain(n) && n->data.scalar.length == strlen(word) &&
           strcmp(strict_yaml_key(n), word) == 0;
}

int strict_yaml_text(struct strict_yaml *y, const yaml_node_t *n, const char **ret)
{
    if (n->type != YAML_SCALAR_NODE) {
        return strict_yaml_fail(y, n, "a text is expected here");
    }
    if (strlen(strict_yaml_key(n)) != n->data.scalar.length) {
        return strict_yaml_fail(y, n, "the text contains a NUL character");
    }
    if (n->data.scalar.length == 0) {
        return strict_yaml_fail(y, n, "a text is expected here, this is nothing");
    }
    *ret = strict_yaml_key(n);
    return 0;
}

int strict_yaml_bool(struct strict_yaml *y, const yaml_node_t *n, bool *ret)
{
    bool yes = strict_yaml_is_word(n, "true");
    if (!yes && !strict_yaml_is_word(n, "false")) {
        return strict_yaml_fail(y, n, "true or false is expected here");
    }
    *ret = yes;
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

int strict_yaml_number(struct strict_yaml *y, const yaml_node_t *n, uint64_t min, uint64_t max,
                       uint64_t *ret)
{
    const char *rest = "";
    uint64_t v = 0;
    if (!is_plain(n) || !parse_digits(strict_yaml_key(n), &v, &rest) || *rest != '\0' || v < min ||
        v > max) {
        return strict_yaml_fail(y, n, "a whole number from %llu to %llu is expected here",
                                (unsigned long long)min, (unsigned long long)max);
    }
    *ret = v;
    return 0;
}

int strict_yaml_duration(struct strict_yaml *y, const yaml_node_t *n, uint32_t *ret_s)
{
    static const struct {
        const char *name;
        uint32_t seconds;
    } units[] = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
    const char *rest = "";
    uint64_t v = 0;
    if (is_plain(n) && parse_digits(strict_yaml_key(n), &v, &rest)) {
        for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
            if (strcmp(rest, units[i].name) == 0 && mul_ok(v, units[i].seconds, &v) &&
                v <= UINT32_MAX) {
                *ret_s = (uint32_t)v;
                return 0;
            }
        }
    }
    return strict_yaml_fail(y, n, "a duration is expected here, such as 90s, 30m, 12h or 7d");
}

/* ---- collections ---- */

int strict_yaml_list(struct strict_yaml *y, const yaml_node_t *n, size_t max, size_t *ret_count)
{
    if (n->type != YAML_SEQUENCE_NODE) {
        return strict_yaml_fail(y, n, "a list is expected here");
    }
    size_t count = (size_t)(n->data.sequence.items.top - n->data.sequence.items.start);
    if (count > max) {
        return strict_yaml_fail(y, n, "more than %zu entries", max);
    }
    *ret_count = count;
    return 0;
}

const yaml_node_t *strict_yaml_item(struct strict_yaml *y, const yaml_node_t *list, size_t i)
{
    return yaml_document_get_node(&y->document, list->data.sequence.items.start[i]);
}

struct strict_yaml_pair strict_yaml_pair(struct strict_yaml *y, const yaml_node_t *map, size_t i)
{
    const yaml_node_pair_t *p = map->data.mapping.pairs.start + i;
    return (struct strict_yaml_pair){yaml_document_get_node(&y->document, p->key),
                                     yaml_document_get_node(&y->document, p->value)};
}

int strict_yaml_map(struct strict_yaml *y, const yaml_node_t *n, size_t max, size_t *ret_count)
{
    if (n->type != YAML_MAPPING_NODE) {
        return strict_yaml_fail(y, n, "a mapping (key: value) is expected here");
    }
    size_t count = (size_t)(n->data.mapping.pairs.top - n->data.mapping.pairs.start);
    if (count > max) {
        return strict_yaml_fail(y, n, "more than %zu keys", max);
    }
    for (size_t i = 0; i < count; i++) {
        const yaml_node_t *key = strict_yaml_pair(y, n, i).key;
        const char *name;
        int err = strict_yaml_text(y, key, &name);
        for (size_t k = 0; err == 0 && k < i; k++) {
            const yaml_node_t *other = strict_yaml_pair(y, n, k).key;
            if (strcmp(name, strict_yaml_key(other)) == 0) {
                err =
                    strict_yaml_fail(y, key, "key '%s' occurs twice; it stood in line %zu already",
                                     name, other->start_mark.line + 1);
            }
        }
        if (err != 0) {
            return err;
        }
    }
    *ret_count = count;
    return 0;
}

#define MEMBERS_MAX 64u

static int unknown_key(struct strict_yaml *y, const yaml_node_t *key,
                       const struct strict_yaml_member *members)
{
    char list[DIAG_MAX] = "";
    size_t used = 0;
    for (size_t k = 0; members[k].name != NULL && used < sizeof list; k++) {
        used += base_format(list + used, sizeof list - used, "%s%s", k > 0 ? ", " : "",
                            members[k].name);
    }
    return strict_yaml_fail(y, key, "unknown key '%s'; there are: %s", strict_yaml_key(key), list);
}

int strict_yaml_members(struct strict_yaml *y, const yaml_node_t *n,
                        const struct strict_yaml_member *members, void *context)
{
    size_t count = 0;
    int err = strict_yaml_map(y, n, MEMBERS_MAX, &count);
    for (size_t i = 0; err == 0 && i < count; i++) {
        struct strict_yaml_pair p = strict_yaml_pair(y, n, i);
        const struct strict_yaml_member *m = members;
        while (m->name != NULL && strcmp(m->name, strict_yaml_key(p.key)) != 0) {
            m++;
        }
        err = m->name != NULL ? m->take(context, p.value) : unknown_key(y, p.key, members);
    }
    return err;
}
