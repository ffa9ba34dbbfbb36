/* SPDX-License-Identifier: Apache-2.0 */
/* Test tool: applies the library to files, one case per line of standard input, and prints what it
 * found, one line per case, for evidence_test.py. The policy tolerates whatever is a matter of
 * policy (TCB status, debug, trailing bytes), so that the answers show what was found.
 *
 * In, separated by tabs ("-" for none): time, named root, quote, TCB info, its chain, QE identity,
 * its chain, PCK CRL, root CRL, PCK chain.
 * Out, separated by tabs: accepted or rejected, status, platform's, QE's, advisories, reasons,
 * debug or -. Lists are separated by commas. */
#include "base/bytes.h"
#include "verify/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS   10
#define FILE_MAX (4u << 20)

static struct alcove_bytes load(const char *path)
{
    if (strcmp(path, "-") == 0) {
        return (struct alcove_bytes){0};
    }
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        perror(path);
        exit(1);
    }
    uint8_t *data = malloc(FILE_MAX);
    size_t size = data ? fread(data, 1, FILE_MAX, f) : 0;
    /* An allocation of exactly the file's size: address sanitizers see a read behind its end. */
    uint8_t *exact = realloc(data, size ? size : 1);
    if (exact == NULL || ferror(f)) {
        perror(path);
        exit(1);
    }
    fclose(f);
    return (struct alcove_bytes){exact, size};
}

static void unload(struct alcove_bytes b)
{
    free((void *)(uintptr_t)b.data);
}

static struct alcove_policy tolerant(const char *root_path, struct alcove_root *root)
{
    struct alcove_policy p = alcove_policy_strict();
    p.accepted_statuses = ALCOVE_TCB_BIT(ALCOVE_TCB_NOT_SUPPORTED) - 2;
    p.advisories.tolerate_mode = ALCOVE_EXPECT_ANY;
    p.allow_debug = p.allow_trailing = p.allow_migration = true;
    p.mrservicetd.mode = ALCOVE_EXPECT_ANY;
    p.mrenclave.mode = p.signer.mode = ALCOVE_EXPECT_ANY;
    p.configid.mode = p.report_data.mode = p.mrtd.mode = ALCOVE_EXPECT_ANY;
    for (size_t i = 0; i < ARRAY_SIZE(p.rtmr); i++) {
        p.rtmr[i].mode = ALCOVE_EXPECT_ANY;
    }
    struct alcove_bytes text = load(root_path);
    if (text.size > 0) {
        if (!alcove_root_read(text, root)) {
            fprintf(stderr, "%s: not a root certificate\n", root_path);
            exit(1);
        }
        p.roots = root;
        p.root_count = 1;
    }
    unload(text);
    return p;
}

static void print_result(const struct alcove_result *r)
{
    printf("%s\t%s\t%s\t%s\t", alcove_verdict_accepted(r->verdict) ? "accepted" : "rejected",
           alcove_tcb_status_name(r->tcb_status), alcove_tcb_status_name(r->platform_status),
           alcove_tcb_status_name(r->qe_status));
    for (size_t i = 0; i < r->advisory_count; i++) {
        printf("%s%s", i ? "," : "", r->advisories[i]);
    }
    printf("\t");
    const char *separator = "";
    for (int reason = 1; reason < ALCOVE_REASON_COUNT; reason++) {
        if (alcove_result_failed(r, (enum alcove_reason)reason)) {
            printf("%s%s", separator, alcove_reason_name((enum alcove_reason)reason));
            separator = ",";
        }
    }
    bool debug = (r->has_sgx && (r->sgx.attributes_flags & ALCOVE_SGX_FLAG_DEBUG)) ||
                 (r->has_td && (r->td.td_attributes & ALCOVE_TD_ATTRIBUTES_DEBUG));
    printf("\t%s\n", debug ? "debug" : "-");
    fflush(stdout);
}

static void one_case(char **field)
{
    struct alcove_root root;
    struct alcove_policy policy = tolerant(field[1], &root);
    struct alcove_bytes quote = load(field[2]);
    struct alcove_collateral c = {
        .tcb_info = load(field[3]),
        .tcb_chain = load(field[4]),
        .qe_identity = load(field[5]),
        .qe_chain = load(field[6]),
        .pck_crl = load(field[7]),
        .root_crl = load(field[8]),
        .pck_chain = load(field[9]),
    };
    struct alcove_result r;
    struct alcove_verdict v = alcove_verify(quote, &c, &policy, strtoll(field[0], NULL, 10), &r);
    if (alcove_verdict_accepted(v) != alcove_verdict_accepted(r.verdict)) {
        abort();
    }
    print_result(&r);
    unload(quote);
    struct alcove_bytes parts[] = {c.tcb_info, c.tcb_chain, c.qe_identity, c.qe_chain,
                                   c.pck_crl,  c.root_crl,  c.pck_chain};
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        unload(parts[i]);
    }
}

int main(void)
{
    char line[16384];
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
        if (count != FIELDS) {
            fprintf(stderr, "verify_files: a line needs %d fields\n", FIELDS);
            return 2;
        }
        one_case(field);
    }
    return 0;
}
