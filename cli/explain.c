/* SPDX-License-Identifier: Apache-2.0 */
/* alcove explain: what a name in a verdict means and what to do about it. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "suggest.h"
#include "verify/names.h"
#include "verify/print.h"

const char verb_explain_help[] =
    "usage: alcove explain NAME [--json]\n"
    "       alcove explain --list [--json]\n"
    "\n"
    "Says what a name in a verdict of 'alcove verify' means, which kinds of evidence it is about,\n"
    "what to do, and which key of the policy file decides. NAME is a reason for a rejection, such\n"
    "as tcb-status, or a TCB status, such as OutOfDate.\n"
    "\n"
    "  --list                list all names\n"
    "  --json                print JSON: one object, or with --list an array of them, with name,\n"
    "                        type (reason, run-reason or tcb-status), kinds, means, do and\n"
    "                        policy_key, which may be null\n"
    "  --help                this text\n"
    "\n"
    "Exit status: 0 explained, 2 no such name.\n";

#define NAME_SIZE_MAX 256u

static const char *type_name(enum name_type type)
{
    switch (type) {
    case NAME_REASON:
        return "reason";
    case NAME_RUN_REASON:
        return "run-reason";
    case NAME_STATUS:
        break;
    }
    return "tcb-status";
}

/* A sentence in lines of 100 columns, each behind a label or the room for it. */
static void print_wrapped(const char *label, const char *text)
{
    while (*text != '\0') {
        size_t size = strlen(text);
        if (size > 86) {
            for (size = 86; size > 0 && text[size] != ' '; size--) {
            }
        }
        size = size > 0 ? size : 86;
        print_label(label);
        printf("%.*s\n", (int)size, text);
        text += size + strspn(text + size, " ");
        label = "";
    }
}

static void print_entry(const struct name_entry *e)
{
    printf("%s: %s %s\n", e->name,
           e->type == NAME_STATUS ? "a TCB status, of" : "why verification rejects", e->kinds);
    print_wrapped("means", e->means);
    print_wrapped("do", e->advice);
    if (e->policy_key != NULL) {
        print_wrapped("policy key", e->policy_key);
    }
}

static void json_entry(const struct name_entry *e, struct json_out *j)
{
    json_open(j, NULL, '{');
    json_put_string(j, "name", e->name);
    json_put_string(j, "type", type_name(e->type));
    json_put_string(j, "kinds", e->kinds);
    json_put_string(j, "means", e->means);
    json_put_string(j, "do", e->advice);
    json_put_string(j, "policy_key", e->policy_key);
    json_close(j, '}');
}

static int list(bool json)
{
    struct json_out j = {0};
    const char *kinds = "";
    if (json) {
        json_open(&j, NULL, '[');
    }
    for (size_t i = 0; i < name_count(); i++) {
        struct name_entry e = name_at(i);
        if (json) {
            json_entry(&e, &j);
            continue;
        }
        const char *heading = e.type == NAME_STATUS ? "TCB statuses" : e.kinds;
        if (strcmp(heading, kinds) != 0) {
            printf("%s%s:\n", i > 0 ? "\n" : "", heading);
            kinds = heading;
        }
        printf("  %s\n", e.name);
    }
    if (json) {
        json_close(&j, ']');
        printf("\n");
    }
    return CLI_OK;
}

static int unknown(const char *name)
{
    size_t best = SUGGEST_NEAR + strlen(name) / 8; /* long names have more typing errors */
    const char *nearest = NULL;
    for (size_t i = 0; i < name_count(); i++) {
        struct name_entry e = name_at(i);
        size_t distance = suggest_distance(name, e.name);
        if (distance < best) {
            best = distance;
            nearest = e.name;
        }
    }
    fprintf(stderr, "alcove explain: there is no '%s'", name);
    if (nearest != NULL) {
        fprintf(stderr, "; did you mean '%s'?", nearest);
    }
    fputs(" ('alcove explain --list' lists them)\n", stderr);
    return CLI_USAGE;
}

static int explain(const char *name, bool json)
{
    bool found = false;
    for (size_t i = 0; i < name_count(); i++) {
        struct name_entry e = name_at(i);
        if (suggest_distance(name, e.name) != 0) {
            continue;
        }
        struct json_out j = {0};
        if (json) {
            json_entry(&e, &j);
            printf("\n");
        } else {
            print_entry(&e);
        }
        found = true;
    }
    return found ? CLI_OK : unknown(name);
}

/* 'rejected: tcb status' is how the report writes tcb-status. */
static bool join_words(char **words, int count, char *ret, size_t size)
{
    size_t used = 0;
    for (int i = 0; i < count && used < size; i++) {
        used += base_format(ret + used, size - used, "%s%s", i > 0 ? "-" : "", words[i]);
    }
    for (char *p = ret; *p != '\0'; p++) {
        *p = *p == ' ' || *p == '_' ? '-' : *p;
    }
    return used < size;
}

int verb_explain(int argc, char **argv)
{
    static const struct option options[] = {
        {"list", no_argument, NULL, 'l'}, {"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
    char name[NAME_SIZE_MAX];
    bool all = false, json = false;
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'l':
            all = true;
            break;
        case 'j':
            json = true;
            break;
        default:
            return cli_usage("explain", "%s: no such option", argv[optind - 1]);
        }
    }
    if (all != (optind == argc)) {
        return cli_usage("explain",
                         all ? "--list lists all names; leave out %s"
                             : "which name? 'alcove explain --list' lists them%s",
                         all ? argv[optind] : "");
    }
    if (all) {
        return list(json);
    }
    return join_words(argv + optind, argc - optind, name, sizeof name)
               ? explain(name, json)
               : cli_usage("explain", "no name is that long");
}
