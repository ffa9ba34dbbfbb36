/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the phone's policy, see policy.h. Every key must be written: what a person trusts has no
 * defaults. */
#include "phone/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "phone/show.h"
#include "query/decimal.h"
#include "query/log.h"
#include "strict_yaml.h"

struct reader {
    struct strict_yaml *yaml;
    struct phone_policy *p;
    unsigned seen;
    struct wire_identity *identity; /* that is read */
    unsigned identity_seen;
};

enum {
    SEEN_FORMAT = 1 << 0,
    SEEN_SERVER = 1 << 1,
    SEEN_LOG_KEY = 1 << 2,
    SEEN_ROOTS = 1 << 3,
    SEEN_CUSTODIANS = 1 << 4,
    SEEN_AGGREGATORS = 1 << 5,
    SEEN_WORKERS = 1 << 6,
    SEEN_PROCESS = 1 << 7,
    SEEN_BUNDLES = 1 << 8,
    SEEN_ANALYSTS = 1 << 9,
    SEEN_WEEK = 1 << 10,
    SEEN_QUERY = 1 << 11,
    SEEN_ANALYST = 1 << 12,
    SEEN_USERS = 1 << 13,
};
static const char *const keys[] = {
    "format",         "server",  "log_key",  "roots",    "custodians", "aggregators", "workers",
    "process_bundle", "bundles", "analysts", "rho_week", "rho_query",  "rho_analyst", "users_min"};

/* ---- Values ---------------------------------------------------------------------------------- */

static int take_hex(struct reader *r, const yaml_node_t *n, void *ret, size_t size)
{
    const char *text;
    int err = strict_yaml_text(r->yaml, n, &text);
    if (err == 0 && !hex_decode(ret, size, BYTES(text, strlen(text)))) {
        err = strict_yaml_fail(r->yaml, n, "%zu bytes as %zu hexadecimal digits are expected here",
                               size, 2 * size);
    }
    return err;
}

static int take_rho(struct reader *r, const yaml_node_t *n, uint64_t *ret)
{
    const char *text;
    struct diag d = {""};
    int err = strict_yaml_text(r->yaml, n, &text);
    if (err == 0 && dp_parse_micro(BYTES(text, strlen(text)), DP_RHO_MAX, ret, &d) != 0) {
        err = strict_yaml_fail(r->yaml, n, "%s", d.text);
    }
    return err;
}

/* ---- Lists: sets, in the order of their bytes ------------------------------------------------ */

static size_t compared; /* bytes of an item: qsort() has no context */

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, compared);
}

/* Reads items of `size` bytes with `take`, refuses repetitions, sorts. */
static int take_set(struct reader *r, const yaml_node_t *n, void *items, size_t size,
                    size_t *ret_count,
                    int (*take)(struct reader *r, const yaml_node_t *n, void *item, size_t size))
{
    size_t count = 0;
    int err = strict_yaml_list(r->yaml, n, WIRE_LIST_MAX, &count);
    for (size_t i = 0; err == 0 && i < count; i++) {
        const yaml_node_t *item = strict_yaml_item(r->yaml, n, i);
        uint8_t *at = (uint8_t *)items + i * size;
        err = take(r, item, at, size);
        for (size_t k = 0; err == 0 && k < i; k++) {
            if (memcmp((uint8_t *)items + k * size, at, size) == 0) {
                err = strict_yaml_fail(r->yaml, item, "this stands in the list already");
            }
        }
    }
    if (err == 0) {
        compared = size;
        qsort(items, count, size, compare);
        *ret_count = count;
    }
    return err;
}

static int take_mrenclave(void *context, const yaml_node_t *n)
{
    struct reader *r = context;
    r->identity_seen |= 1;
    return take_hex(r, n, r->identity->mrenclave, sizeof r->identity->mrenclave);
}

static int take_configid(void *context, const yaml_node_t *n)
{
    struct reader *r = context;
    r->identity_seen |= 2;
    return take_hex(r, n, r->identity->configid, sizeof r->identity->configid);
}

static int take_identity(struct reader *r, const yaml_node_t *n, void *item, size_t size)
{
    static const struct strict_yaml_member members[] = {
        {"mrenclave", take_mrenclave}, {"configid", take_configid}, {NULL, NULL}};
    REQUIRE(size == sizeof *r->identity);
    r->identity = item;
    r->identity_seen = 0;
    int err = strict_yaml_members(r->yaml, n, members, r);
    if (err == 0 && r->identity_seen != 3) {
        err = strict_yaml_fail(r->yaml, n, "a program is {mrenclave: ..., configid: ...}");
    }
    return err;
}

/* ---- Members --------------------------------------------------------------------------------- */

static int take_format(void *context, const yaml_node_t *n)
{
    struct reader *r = context;
    r->seen |= SEEN_FORMAT;
    return strict_yaml_is_word(n, "alcove-phone-policy-1")
               ? 0
               : strict_yaml_fail(r->yaml, n, "this reads alcove-phone-policy-1");
}

static int take_server(void *context, const yaml_node_t *n)
{
    struct reader *r = context;
    const char *text;
    int err = strict_yaml_text(r->yaml, n, &text);
    r->seen |= SEEN_SERVER;
    if (err == 0 && !client_server_valid(text)) {
        err = strict_yaml_fail(r->yaml, n, "unix:PATH or http://127.0.0.1:PORT is expected here");
    }
    if (err == 0) {
        base_format(r->p->server, sizeof r->p->server, "%s", text);
    }
    return err;
}

static int take_log_key(void *context, const yaml_node_t *n)
{
    struct reader *r = context;
    uint8_t point[QUERY_KEY_SIZE];
    int err = take_hex(r, n, point, sizeof point);
    r->seen |= SEEN_LOG_KEY;
    if (err == 0 && query_key_read(BYTES_OF(point), &r->p->log_key) != 0) {
        err = strict_yaml_fail(r->yaml, n, "not a key: an uncompressed point of P-256 is expected");
    }
    if (err == 0) {
        memcpy(r->p->owner.log_key, point, sizeof point);
    }
    return err;
}

#define TAKE_SET(name, bit, array, count, taker)                                                   \
    static int take_##name(void *context, const yaml_node_t *n)                                    \
    {                                                                                              \
        struct reader *r = context;                                                                \
        r->seen |= (bit);                                                                          \
        return take_set(r, n, r->p->array, sizeof r->p->array[0], &r->p->count, taker);            \
    }
TAKE_SET(roots, SEEN_ROOTS, owner.roots, owner.roots_count, take_hex)
TAKE_SET(custodians, SEEN_CUSTODIANS, custodians, custodian_count, take_identity)
TAKE_SET(aggregators, SEEN_AGGREGATORS, owner.aggregators, owner.aggregators_count, take_identity)
TAKE_SET(workers, SEEN_WORKERS, owner.workers, owner.workers_count, take_hex)
TAKE_SET(bundles, SEEN_BUNDLES, owner.bundles, owner.bundles_count, take_hex)
TAKE_SET(analyst_list, SEEN_ANALYSTS, owner.analysts, owner.analysts_count, take_hex)

/* To the custodian, an empty list is any analyst; here "any" has to be written. */
static int take_analysts(void *context, const yaml_node_t *n)
{
    struct reader *r = context;
    if (strict_yaml_is_word(n, "any")) {
        r->seen |= SEEN_ANALYSTS;
        r->p->owner.analysts_count = 0;
        return 0;
    }
    if (n->type != YAML_SEQUENCE_NODE ||
        n->data.sequence.items.top == n->data.sequence.items.start) {
        return strict_yaml_fail(r->yaml, n,
                                "any, or a list of SHA-256s of analysts' keys is expected here");
    }
    return take_analyst_list(context, n);
}

static int take_process(void *context, const yaml_node_t *n)
{
    struct reader *r = context;
    r->seen |= SEEN_PROCESS;
    return take_hex(r, n, r->p->owner.process_bundle, sizeof r->p->owner.process_bundle);
}

#define TAKE_RHO(name, bit, field)                                                                 \
    static int take_##name(void *context, const yaml_node_t *n)                                    \
    {                                                                                              \
        struct reader *r = context;                                                                \
        r->seen |= (bit);                                                                          \
        return take_rho(r, n, &r->p->owner.field);                                                 \
    }
TAKE_RHO(week, SEEN_WEEK, cap)
TAKE_RHO(query, SEEN_QUERY, query_cap)
TAKE_RHO(analyst, SEEN_ANALYST, analyst_cap)

static int take_users(void *context, const yaml_node_t *n)
{
    struct reader *r = context;
    r->seen |= SEEN_USERS;
    return strict_yaml_number(r->yaml, n, QUERY_USERS_LEAST, QUERY_USERS_MAX,
                              &r->p->owner.users_min);
}

/* ---- The whole ------------------------------------------------------------------------------- */

static int check(struct reader *r, const yaml_node_t *root)
{
    const struct wire_policy *o = &r->p->owner;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if ((r->seen >> i & 1) == 0) {
            return strict_yaml_fail(r->yaml, root, "'%s' is missing", keys[i]);
        }
    }
    if (o->roots_count == 0) {
        return strict_yaml_fail(r->yaml, root, "'roots' names none: no evidence could be accepted");
    }
    if (r->p->custodian_count == 0) {
        return strict_yaml_fail(r->yaml, root,
                                "'custodians' names none: there is nobody to talk to");
    }
    if (o->query_cap > o->cap || o->analyst_cap > o->cap) {
        return strict_yaml_fail(r->yaml, root, "'%s' is more than 'rho_week' allows in all",
                                o->query_cap > o->cap ? "rho_query" : "rho_analyst");
    }
    return 0;
}

int phone_policy_read(struct bytes text, const char *path, struct phone_policy *ret, struct diag *d)
{
    static const struct strict_yaml_member members[] = {{"format", take_format},
                                                        {"server", take_server},
                                                        {"log_key", take_log_key},
                                                        {"roots", take_roots},
                                                        {"custodians", take_custodians},
                                                        {"aggregators", take_aggregators},
                                                        {"workers", take_workers},
                                                        {"process_bundle", take_process},
                                                        {"bundles", take_bundles},
                                                        {"analysts", take_analysts},
                                                        {"rho_week", take_week},
                                                        {"rho_query", take_query},
                                                        {"rho_analyst", take_analyst},
                                                        {"users_min", take_users},
                                                        {NULL, NULL}};
    struct strict_yaml yaml;
    struct phone_policy p = {0};
    struct reader r = {.yaml = &yaml, .p = &p};
    int err = strict_yaml_open(&yaml, text, path, d);
    if (err == 0) {
        const yaml_node_t *root = strict_yaml_root(&yaml);
        err = strict_yaml_members(&yaml, root, members, &r);
        err = err != 0 ? err : check(&r, root);
    }
    strict_yaml_close(&yaml);
    if (err == 0) {
        *ret = p;
    }
    return err;
}

int phone_policy_owner(const struct phone_policy *p, uint64_t version, struct writer *out,
                       struct diag *d)
{
    struct wire_policy owner = p->owner;
    owner.version = version;
    return wire_write_policy(&owner, out, d);
}

/* ---- For people ------------------------------------------------------------------------------ */

static void put_hex(FILE *out, const void *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        fprintf(out, "%02x", ((const uint8_t *)data)[i]);
    }
}

/* Names come from the server: letters, digits and a few signs get through, so that none ends the
 * comment that it stands in. */
static void put_name(FILE *out, struct bytes name)
{
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     strchr("-_.+ ", c) != NULL;
        fputc(plain && c != '\0' ? c : '?', out);
    }
}

static void put_identities(FILE *out, const char *name, const struct wire_programs *s,
                           enum query_role role)
{
    fprintf(out, "%s:\n", name);
    size_t count = 0;
    for (size_t i = 0; i < s->programs_count; i++) {
        const struct wire_program *p = &s->programs[i];
        if (p->role == (uint64_t)role) {
            fputs("  - mrenclave: \"", out);
            put_hex(out, p->mrenclave, sizeof p->mrenclave);
            fputs("\" # ", out);
            put_name(out, p->name);
            fputs("\n    configid: \"", out);
            put_hex(out, p->configid, sizeof p->configid);
            fputs("\"\n", out);
            count++;
        }
    }
    if (count == 0) {
        fputs("  []\n", out);
    }
}

/* Runtimes of workers, each once. */
static void put_runtimes(FILE *out, const struct wire_programs *s)
{
    size_t count = 0;
    fputs("workers: # runtimes that scripts run in\n", out);
    for (size_t i = 0; i < s->programs_count; i++) {
        const struct wire_program *p = &s->programs[i];
        bool again = false;
        for (size_t k = 0; k < i; k++) {
            again |= s->programs[k].role == QUERY_ROLE_WORKER &&
                     memcmp(s->programs[k].mrenclave, p->mrenclave, sizeof p->mrenclave) == 0;
        }
        if (p->role == QUERY_ROLE_WORKER && !again) {
            fputs("  - \"", out);
            put_hex(out, p->mrenclave, sizeof p->mrenclave);
            fputs("\"\n", out);
            count++;
        }
    }
    fputs(count == 0 ? "  []\n" : "", out);
}

static void put_bundles(FILE *out, const struct wire_programs *s)
{
    const struct wire_program *first = NULL;
    size_t count = 0;
    for (size_t i = 0; i < s->programs_count && first == NULL; i++) {
        first = s->programs[i].role == QUERY_ROLE_WORKER ? &s->programs[i] : NULL;
    }
    if (first == NULL) {
        fputs(
            "process_bundle: # the server has no script that turns uploads into trips: fill it in\n"
            "bundles: []\n",
            out);
        return;
    }
    fputs("process_bundle: \"", out);
    put_hex(out, first->configid, sizeof first->configid);
    fputs("\" # ", out);
    put_name(out, first->name);
    fputs(": reads your uploads as they are\nbundles: # scripts that queries may run over your "
          "trips\n",
          out);
    for (size_t i = 0; i < s->programs_count; i++) {
        if (s->programs[i].role == QUERY_ROLE_WORKER && count++ < WIRE_LIST_MAX) {
            fputs("  - \"", out);
            put_hex(out, s->programs[i].configid, sizeof s->programs[i].configid);
            fputs("\" # ", out);
            put_name(out, s->programs[i].name);
            fputc('\n', out);
        }
    }
}

void phone_policy_draft(const char *server, const struct wire_programs *s, FILE *out)
{
    fprintf(
        out,
        "# A draft, made from what this server says about itself. Nobody has vouched for any of "
        "it:\n"
        "# compare log key, roots and programs with what people whom you trust have published,\n"
        "# remove what you do not want, choose what queries may cost. Then: alcove phone policy "
        "FILE\n"
        "format: alcove-phone-policy-1\n"
        "server: \"%s\"\n"
        "log_key: \"",
        server);
    put_hex(out, s->log_key, sizeof s->log_key);
    fputs("\" # whose heads of the log are believed\n"
          "roots: # what evidence must chain to; who holds such a root's key can forge all of it\n"
          "  - \"",
          out);
    put_hex(out, s->root, sizeof s->root);
    fputs("\"\n", out);
    put_identities(out, "custodians", s, QUERY_ROLE_CUSTODIAN);
    put_identities(out, "aggregators", s, QUERY_ROLE_AGGREGATOR);
    put_runtimes(out, s);
    put_bundles(out, s);
    fputs("analysts: any # or a list of SHA-256s of their keys\n"
          "rho_week: \"0.05\" # what all queries of a week may cost\n"
          "rho_query: \"0.01\" # one of them\n"
          "rho_analyst: \"0.02\" # all of one analyst, in a week\n"
          "users_min: 50 # never together with fewer people than these\n",
          out);
}

static void put_short(FILE *out, const uint8_t *data)
{
    put_hex(out, data, 8);
    fputs("…", out);
}

static void explain_hashes(FILE *out, const char *what, const uint8_t *items, size_t size,
                           size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "%s", what);
        put_short(out, items + i * size);
        fputc('\n', out);
    }
}

/* Behind one door, releases of a program may differ in their manifests alone. */
static void explain_identities(FILE *out, const char *what, const struct wire_identity *list,
                               size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fputs(what, out);
        put_short(out, list[i].mrenclave);
        fputs(" with CONFIGID ", out);
        put_short(out, list[i].configid);
        fputc('\n', out);
    }
}

void phone_policy_explain(const struct phone_policy *p, FILE *out)
{
    const struct wire_policy *o = &p->owner;
    fprintf(out,
            "With this policy, this phone\n"
            "- sends its days and its volume's secret, sealed, through %s to enclaves of\n",
            p->server);
    explain_identities(out, "    custodian   ", p->custodians, p->custodian_count);
    fputs("  whose evidence chains to\n", out);
    explain_hashes(out, "    root        ", (const uint8_t *)o->roots, sizeof o->roots[0],
                   o->roots_count);
    fputs("  (who holds a root's key can pretend to be any of them: is each a maker's, or a "
          "machine's\n"
          "  of somebody whom you trust?)\n- has uploads turned into trips by\n",
          out);
    explain_hashes(out, "    script      ", o->process_bundle, 64, 1);
    fputs("- lets these scripts compute numbers from the trips, for queries:\n", out);
    explain_hashes(out, "    script      ", (const uint8_t *)o->bundles, sizeof o->bundles[0],
                   o->bundles_count);
    fputs("  in\n", out);
    explain_hashes(out, "    runtime     ", (const uint8_t *)o->workers, sizeof o->workers[0],
                   o->workers_count);
    fputs("- and lets only these add them up and add noise:\n", out);
    explain_identities(out, "    aggregator  ", o->aggregators, o->aggregators_count);
    fprintf(out, "- for queries of %s, about at least %llu people,\n  of which one costs at most ",
            o->analysts_count == 0 ? "any analyst" : "these analysts",
            (unsigned long long)o->users_min);
    fprintf(out, "%s of rho, one analyst's in a week %s, all in a week %s\n",
            phone_rho_of(o->query_cap).text, phone_rho_of(o->analyst_cap).text,
            phone_rho_of(o->cap).text);
    explain_hashes(out, "    analyst     ", (const uint8_t *)o->analysts, sizeof o->analysts[0],
                   o->analysts_count);
    fputs("- believes the log of the key ", out); /* its beginning, as in the file */
    put_short(out, p->log_key.point);
    fputs(", in which every program and query must stand.\n", out);
}
