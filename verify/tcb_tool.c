/* SPDX-License-Identifier: Apache-2.0 */
/* Test tool: what the library makes of quotes and collateral, line by line, for tcb_rules_test.py.
 * The policy tolerates whatever is a matter of policy, so that the answers show what was found.
 *
 * In, fields separated by tabs:
 *   pair TIME QUOTE TCB-INFO QE-IDENTITY CHAIN PCK-CRL ROOT-CRL
 *     The first four name files; chain and lists need not fit.
 *   forge VERSION COMPONENTS PCESVN QE-ISVSVN SVN SVN-2 SEAM-SIGNER SEAM-ATTRIBUTES TCB-BODY
 * QE-BODY Forges a quote (version 3: of an enclave, 4 and 5: of a virtual machine) and signs both
 * bodies; components and SVNs are 16 bytes in hexadecimal; as of FORGE_NOW. Out: status,
 * platform's, QE's, module's, advisories, TCB date, evaluation number, failed reasons; after
 * `forge` also the quote in hexadecimal. Lists are separated by commas. */
#include "forge/forge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS    11
#define FILES_MAX 1024
#define FILE_MAX  (1u << 20)

/* Every file is read once. */
static struct alcove_bytes load(const char *path)
{
    static struct {
        char *path;
        struct alcove_bytes data;
    } files[FILES_MAX];
    static size_t count;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(files[i].path, path) == 0) {
            return files[i].data;
        }
    }
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(FILE_MAX);
    if (f == NULL || data == NULL || count == FILES_MAX) {
        perror(path);
        exit(1);
    }
    size_t size = fread(data, 1, FILE_MAX, f);
    fclose(f);
    files[count].path = strdup(path);
    files[count].data = (struct alcove_bytes){realloc(data, size ? size : 1), size};
    return files[count++].data;
}

static struct alcove_policy tolerant(void)
{
    struct alcove_policy p = alcove_policy_strict();
    p.accepted_statuses = ALCOVE_TCB_BIT(ALCOVE_TCB_NOT_SUPPORTED) - 2;
    p.advisories.tolerate_mode = ALCOVE_EXPECT_ANY;
    p.allow_debug = p.allow_migration = p.allow_trailing = true;
    p.mrenclave.mode = p.signer.mode = p.configid.mode = ALCOVE_EXPECT_ANY;
    p.report_data.mode = p.mrtd.mode = p.mrseam.mode = p.mrservicetd.mode = ALCOVE_EXPECT_ANY;
    for (size_t i = 0; i < ARRAY_SIZE(p.rtmr); i++) {
        p.rtmr[i].mode = ALCOVE_EXPECT_ANY;
    }
    return p;
}

static void print_result(const struct alcove_result *r)
{
    const enum alcove_tcb_status statuses[] = {r->tcb_status, r->platform_status, r->qe_status,
                                               r->module_status};
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        printf("%s\t", alcove_tcb_status_name(statuses[i]));
    }
    for (size_t i = 0; i < r->advisory_count; i++) {
        printf("%s%s", i ? "," : "", r->advisories[i]);
    }
    printf("\t%lld\t%u\t", (long long)r->tcb_date, r->tcb_evaluation_number);
    const char *separator = "";
    for (int reason = 1; reason < ALCOVE_REASON_COUNT; reason++) {
        if (alcove_result_failed(r, (enum alcove_reason)reason)) {
            printf("%s%s", separator, alcove_reason_name((enum alcove_reason)reason));
            separator = ",";
        }
    }
}

static struct alcove_result judge(struct alcove_bytes quote, const struct alcove_collateral *c,
                                  const struct alcove_policy *p, int64_t time)
{
    static struct alcove_cache *cache;
    struct alcove_result r;
    if (cache == NULL) {
        cache = alcove_cache_new(4096);
    }
    struct alcove_verdict v = alcove_verify_cached(quote, c, p, time, cache, &r);
    if (alcove_verdict_accepted(v) != (r.first_reason == ALCOVE_REASON_NONE)) {
        abort();
    }
    return r;
}

static void pair(char **field)
{
    const struct alcove_bytes chain = load(field[5]);
    const struct alcove_collateral c = {
        .tcb_info = load(field[3]),
        .qe_identity = load(field[4]),
        .tcb_chain = chain,
        .qe_chain = chain,
        .pck_crl = load(field[6]),
        .root_crl = load(field[7]),
    };
    const struct alcove_policy p = tolerant();
    struct alcove_result r = judge(load(field[2]), &c, &p, strtoll(field[1], NULL, 10));
    print_result(&r);
}

static void take_hex(void *to, size_t size, const char *text)
{
    if (!hex_decode(to, size, BYTES(text, strlen(text)))) {
        fprintf(stderr, "tcb_tool: %s: not %zu bytes\n", text, size);
        exit(2);
    }
}

static uint16_t take_number(const char *text)
{
    char *end = NULL;
    unsigned long value = strtoul(text, &end, 10);
    if (end == text || *end != 0 || value > UINT16_MAX) {
        fprintf(stderr, "tcb_tool: %s: not a number of 16 bits\n", text);
        exit(2);
    }
    return (uint16_t)value;
}

static void take_body(char *to, size_t capacity, const char *text)
{
    if (strlen(text) >= capacity) {
        fprintf(stderr, "tcb_tool: a body of more than %zu bytes\n", capacity);
        exit(2);
    }
    memcpy(to, text, strlen(text) + 1);
}

static struct forge_spec spec;
static struct forge_output forged;

static void judge_forged(const struct alcove_collateral *c)
{
    struct alcove_policy p = tolerant();
    p.roots = &forged.root;
    p.root_count = 1;
    struct alcove_bytes quote = {forged.quote.data, forged.quote.size};
    struct alcove_result r = judge(quote, c, &p, FORGE_NOW);
    print_result(&r);
}

static void forge(char **field)
{
    static char hex[2 * FORGE_PART_MAX + 1];
    uint8_t components[16];
    if (strlen(field[1]) != 4) {
        fprintf(stderr, "tcb_tool: %s: no such kind\n", field[1]);
        exit(2);
    }
    uint16_t version = take_number(field[1] + 3);
    if (strncmp(field[1], "tdx", 3) == 0) {
        forge_defaults_tdx(&spec, version);
    } else {
        forge_defaults(&spec);
        spec.version = version;
    }
    take_hex(components, sizeof components, field[2]);
    for (size_t i = 0; i < sizeof components; i++) {
        spec.components[i] = components[i];
    }
    spec.pcesvn = take_number(field[3]);
    spec.qe_report.isvsvn = take_number(field[4]);
    take_hex(spec.td + TD_TCB_SVN, 16, field[5]);
    take_hex(spec.td + TD_TCB_SVN_2, 16, field[6]);
    take_hex(spec.td + TD_MRSIGNERSEAM, 48, field[7]);
    take_hex(spec.td + TD_SEAM_ATTR, 8, field[8]);
    take_body(spec.tcb_body, sizeof spec.tcb_body, field[9]);
    take_body(spec.qe_body, sizeof spec.qe_body, field[10]);
    forge_build(&spec, &forged);
    const struct alcove_collateral c = forge_collateral(&forged);
    judge_forged(&c);
    hex_encode(hex, forged.quote.data, forged.quote.size);
    printf("\t%s", hex);
}

static void again(char **field)
{
    struct alcove_collateral c = forge_collateral(&forged);
    c.tcb_info = (struct alcove_bytes){(const uint8_t *)field[1], strlen(field[1])};
    c.qe_identity = (struct alcove_bytes){(const uint8_t *)field[2], strlen(field[2])};
    judge_forged(&c);
}

int main(void)
{
    static char line[65536];
    while (fgets(line, sizeof line, stdin) != NULL) {
        char *field[FIELDS] = {0};
        line[strcspn(line, "\n")] = 0;
        size_t count = 0;
        for (char *p = line, *next; p != NULL && count < FIELDS; p = next) {
            next = strchr(p, '\t');
            if (next != NULL) {
                *next++ = 0;
            }
            field[count++] = p;
        }
        if (count == 8 && strcmp(field[0], "pair") == 0) {
            pair(field);
        } else if (count == 11 && strcmp(field[0], "forge") == 0) {
            forge(field);
        } else if (count == 3 && strcmp(field[0], "again") == 0) {
            again(field);
        } else {
            fprintf(stderr, "tcb_tool: not a line that I know\n");
            return 2;
        }
        printf("\n");
    }
    return 0;
}
