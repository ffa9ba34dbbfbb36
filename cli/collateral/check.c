/* SPDX-License-Identifier: Apache-2.0 */
/* alcove collateral check: what is missing in a bundle, what expired, what soon will. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "print.h"
#include "verb.h"

#define PROBLEMS_MAX      1000u /* nobody reads more */
#define ROOT_SIZE_MAX     65536u
#define EVIDENCE_SIZE_MAX (1u << 20)
#define WITHIN_DEFAULT    (INT64_C(7) * 86400)

struct check_options {
    const char *path;
    const char *evidence_paths[CHECK_EVIDENCE_MAX];
    size_t evidence_count;
    bool json;
};

/* ---- What was found ---- */

static const char *type_name(enum problem_type type)
{
    static const char *const names[PROBLEM_TYPES] = {
        [PROBLEM_MISSING] = "missing",
        [PROBLEM_EXPIRED] = "expired",
        [PROBLEM_NOT_YET_VALID] = "not-yet-valid",
        [PROBLEM_SIGNATURE] = "signature",
        [PROBLEM_UNREADABLE] = "unreadable",
        [PROBLEM_REJECTED] = "rejected",
        [PROBLEM_SOON] = "expires-soon",
        [PROBLEM_NOTE] = "note",
    };
    return names[type];
}

static bool noted(const struct shelf_check *c, const struct problem *p)
{
    for (size_t i = 0; i < c->problem_count; i++) {
        const struct problem *q = &c->problems[i];
        if (q->type == p->type && q->evidence == p->evidence &&
            strcmp(q->what.text, p->what.text) == 0) {
            return true;
        }
    }
    return false;
}

void check_note(struct shelf_check *c, enum problem_type type, const char *evidence,
                struct words what, int64_t date, const char *format, ...)
{
    struct problem p = {.type = type, .evidence = evidence, .what = what, .date = date};
    va_list args;
    va_start(args, format);
    base_vformat(p.text, sizeof p.text, format, args);
    va_end(args);
    c->noted_count++;
    c->failed = c->failed || type < PROBLEM_SOON;
    if (c->problem_count == PROBLEMS_MAX || noted(c, &p)) {
        return;
    }
    if (c->problem_count == c->problem_capacity) {
        size_t capacity = c->problem_capacity == 0 ? 16 : 2 * c->problem_capacity;
        struct problem *grown = realloc(c->problems, capacity * sizeof *grown);
        if (grown == NULL) {
            c->out_of_memory = true;
            return;
        }
        c->problems = grown;
        c->problem_capacity = capacity;
    }
    c->problems[c->problem_count++] = p;
}

/* ---- Printing ---- */

static void print_problem(const struct shelf_check *c, const struct problem *p)
{
    printf("%-13s ", type_name(p->type));
    if (p->evidence != NULL) {
        print_escaped(BYTES(p->evidence, strlen(p->evidence)));
        printf(": ");
    }
    print_escaped(BYTES(p->what.text, strlen(p->what.text)));
    if (p->date != 0 && p->type == PROBLEM_SOON) {
        printf(", on %s, in %s", print_date_of(p->date).text, words_span(p->date - c->time).text);
    } else if (p->date != 0 && p->type == PROBLEM_EXPIRED) {
        printf(", on %s, %s ago", print_date_of(p->date).text, words_span(c->time - p->date).text);
    } else if (p->date != 0) {
        printf(", of %s", print_date_of(p->date).text);
    }
    printf("%s%s\n", p->type == PROBLEM_NOTE ? " " : ": ", p->text);
}

static void print_text(const struct shelf_check *c, const struct check_options *o,
                       const struct evidence_needs *needs)
{
    for (int type = 0; type < PROBLEM_TYPES; type++) {
        for (size_t i = 0; i < c->problem_count; i++) {
            if ((int)c->problems[i].type == type) {
                print_problem(c, &c->problems[i]);
            }
        }
    }
    for (size_t i = 0; i < o->evidence_count; i++) {
        const struct evidence_needs *n = &needs[i];
        if (n->complete) {
            printf("complete      %s: %s: %s", n->path, n->kind,
                   n->needs_none ? "carries its certificates and needs no collateral"
                                 : "all that it needs is here");
            if (n->until != 0) {
                printf(", until %s", print_date_of(n->until).text);
            }
            printf("; 'alcove verify' judges it by your policy\n");
        }
    }
    printf("%s: %s%s as of %s: %zu entries", o->path, c->failed ? "not in order" : "in order",
           o->evidence_count > 0 ? " for this evidence" : "", print_date_of(c->time).text,
           c->entry_count);
    if (c->older_count > 0) {
        printf(", %zu of them older or other versions, for other times", c->older_count);
    }
    printf("\n");
}

static void put_problem(struct json_out *j, const struct problem *p)
{
    json_open(j, NULL, '{');
    json_put_string(j, "type", type_name(p->type));
    json_put_string(j, "evidence", p->evidence);
    json_put_string(j, "what", p->what.text);
    json_put_date(j, "date", p->date);
    json_put_string(j, "text", p->text);
    json_close(j, '}');
}

static void print_json(const struct shelf_check *c, const struct check_options *o,
                       const struct evidence_needs *needs)
{
    struct json_out j = {0};
    json_open(&j, NULL, '{');
    json_put_string(&j, "bundle", o->path);
    json_put_bool(&j, "in_order", !c->failed);
    json_put_date(&j, "time", c->time);
    json_put_number(&j, "within_s", (uint64_t)c->within);
    json_put_number(&j, "entry_count", c->entry_count);
    json_put_number(&j, "older_count", c->older_count);
    json_open(&j, "problems", '[');
    for (size_t i = 0; i < c->problem_count; i++) {
        put_problem(&j, &c->problems[i]);
    }
    json_close(&j, ']');
    json_open(&j, "evidence", '[');
    for (size_t i = 0; i < o->evidence_count; i++) {
        json_open(&j, NULL, '{');
        json_put_string(&j, "path", needs[i].path);
        json_put_string(&j, "kind", needs[i].kind);
        json_put_bool(&j, "complete", needs[i].complete);
        json_put_date(&j, "until", needs[i].until);
        json_put_number(&j, "evaluation_number", needs[i].evaluation_number);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
    printf("\n");
}

/* ---- The steps ---- */

static int read_entries(struct shelf_check *c, struct alcove_bundle *signers, struct diag *d)
{
    struct alcove_bundle_position at = {0};
    struct alcove_bundle_entry e;
    size_t count = 0;
    uint32_t kinds;
    while (alcove_bundle_next(c->bundle, &at, &e)) {
        count++;
    }
    c->entries = calloc(count + 1, sizeof *c->entries);
    c->current = calloc(count + 1, sizeof *c->current);
    at = (struct alcove_bundle_position){0};
    if (c->entries == NULL || c->current == NULL) {
        return diag_fail(d, -ENOMEM, "no memory for %zu entries", count);
    }
    /* A few PCK chains have the certificates of all CAs, and a fleet's would only take time. */
    size_t chains = 0;
    while (c->entry_count < count && alcove_bundle_next(c->bundle, &at, &e)) {
        bool chain = e.kind == ALCOVE_BUNDLE_AMD_CHAIN || e.kind == ALCOVE_BUNDLE_TCB_CHAIN ||
                     (e.kind == ALCOVE_BUNDLE_PCK_CHAIN && chains++ < 16);
        if (chain && alcove_bundle_add(signers, e.content, &kinds) == -ENOMEM) {
            return diag_fail(d, -ENOMEM, "no memory for certificates");
        }
        c->entries[c->entry_count++] = e;
    }
    return 0;
}

static int read_evidence(struct mapped_file *files, const struct check_options *o,
                         struct alcove_bundle *signers, struct diag *d)
{
    for (size_t i = 0; i < o->evidence_count; i++) {
        uint32_t kinds;
        int err = mapped_file_open(&files[i], o->evidence_paths[i], EVIDENCE_SIZE_MAX, d);
        if (err != 0) {
            diag_prefix(d, "--for");
            return err;
        }
        struct alcove_bytes e = {files[i].bytes.data, files[i].bytes.size};
        ignore_result(alcove_bundle_add(signers, e, &kinds), "evidence may carry no certificates");
    }
    return 0;
}

static int check_shelf(struct shelf_check *c, const struct check_options *o, struct diag *d)
{
    struct mapped_file files[CHECK_EVIDENCE_MAX] = {0};
    struct evidence_needs needs[CHECK_EVIDENCE_MAX];
    struct alcove_bundle *signers = alcove_bundle_new();
    int err = signers != NULL ? read_entries(c, signers, d)
                              : diag_fail(d, -ENOMEM, "no memory for certificates");
    err = err == 0 ? read_evidence(files, o, signers, d) : err;
    if (err == 0) {
        c->signers = alcove_bundle_encode(signers);
        if (o->evidence_count == 0) {
            check_entries(c);
            check_needs(c);
        }
        for (size_t i = 0; i < o->evidence_count; i++) {
            struct alcove_bytes e = {files[i].bytes.data, files[i].bytes.size};
            check_evidence(c, o->evidence_paths[i], e, &needs[i]);
        }
        err = c->out_of_memory ? diag_fail(d, -ENOMEM, "no memory for the findings") : 0;
    }
    if (err == 0) {
        (o->json ? print_json : print_text)(c, o, needs);
    }
    for (size_t i = 0; i < o->evidence_count; i++) {
        mapped_file_close(&files[i]);
    }
    alcove_bundle_free(signers);
    return err;
}

/* ---- Options ---- */

static int add_root(struct shelf_check *c, const char *path)
{
    struct mapped_file f;
    struct diag d = {""};
    if (c->root_count == CHECK_ROOTS_MAX) {
        return cli_usage("collateral", "--root %s: more than %u roots", path, CHECK_ROOTS_MAX);
    }
    if (mapped_file_open(&f, path, ROOT_SIZE_MAX, &d) != 0) {
        diag_prefix(&d, "--root");
        return cli_fail("collateral", &d);
    }
    bool good = alcove_root_read((struct alcove_bytes){f.bytes.data, f.bytes.size},
                                 &c->roots[c->root_count]);
    mapped_file_close(&f);
    if (!good) {
        diag_fail(&d, -EINVAL,
                  "--root %s: not one root certificate (a CA's that signed itself), in PEM or DER",
                  path);
        return cli_fail("collateral", &d);
    }
    c->root_count++;
    return CLI_OK;
}

static int parse_option(int option, struct shelf_check *c, struct check_options *o)
{
    switch (option) {
    case 'a':
        return words_time(optarg, &c->time)
                   ? CLI_OK
                   : cli_usage("collateral",
                               "--at %s: not a time; write 2026-06-01T12:00:00Z, 2026-06-01 or "
                               "@SECONDS",
                               optarg);
    case 'w':
        return words_duration(optarg, &c->within)
                   ? CLI_OK
                   : cli_usage("collateral", "--within %s: write a time like 7d, 12h or 30m",
                               optarg);
    case 'f':
        if (o->evidence_count == CHECK_EVIDENCE_MAX) {
            return cli_usage("collateral", "--for %s: more than %u pieces of evidence", optarg,
                             CHECK_EVIDENCE_MAX);
        }
        o->evidence_paths[o->evidence_count++] = optarg;
        return CLI_OK;
    case 'r':
        return add_root(c, optarg);
    default:
        o->json = true;
        return CLI_OK;
    }
}

int collateral_check(int argc, char **argv)
{
    static const struct option options[] = {
        {"at", required_argument, NULL, 'a'},  {"within", required_argument, NULL, 'w'},
        {"for", required_argument, NULL, 'f'}, {"root", required_argument, NULL, 'r'},
        {"json", no_argument, NULL, 'j'},      {NULL, 0, NULL, 0}};
    struct shelf_check c = {.time = (int64_t)time(NULL), .within = WITHIN_DEFAULT};
    struct check_options o = {.path = NULL};
    struct shelf shelf;
    struct diag d = {""};
    int option, status = CLI_OK;
    opterr = 0;
    optind = 1;
    while (status == CLI_OK && (option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        status =
            option == ':'   ? cli_usage("collateral", "check %s: needs a value", argv[optind - 1])
            : option == '?' ? cli_usage("collateral", "check %s: no such option", argv[optind - 1])
                            : parse_option(option, &c, &o);
    }
    if (status != CLI_OK) {
        return status;
    }
    if (argc - optind != 1) {
        return cli_usage("collateral", "check: name one bundle; evidence goes behind --for");
    }
    o.path = argv[optind];
    if (shelf_open(o.path, &shelf, &d) != 0) {
        return cli_fail("collateral", &d);
    }
    c.bundle = shelf.bundle;
    int err = check_shelf(&c, &o, &d);
    shelf_close(&shelf);
    free(c.entries);
    free(c.current);
    free(c.problems);
    return err != 0 ? cli_fail("collateral", &d) : c.failed ? CLI_FAILED : CLI_OK;
}
