/* SPDX-License-Identifier: Apache-2.0 */
/* The `alcove` command: finds the verb and hands over. Verbs are a table, cli/verbs.def. */
#include "cli.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli_version.h"
#include "suggest.h"

struct verb {
    const char *name;
    const char *summary;
    const char *help;
    int (*run)(int argc, char **argv);
};

static const struct verb verbs[] = {
#define VERB(verb_name, text)                                                                      \
    {.name = #verb_name, .summary = text, .help = verb_##verb_name##_help, .run = verb_##verb_name},
#include "verbs.def"
#undef VERB
};

int cli_fail(const char *verb, const struct diag *d)
{
    fprintf(stderr, "alcove %s: %s\n", verb, d->text);
    return CLI_FAILED;
}

int cli_usage(const char *verb, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "alcove %s: ", verb);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\nTry 'alcove %s --help'.\n", verb);
    va_end(args);
    return CLI_USAGE;
}

static void print_overview(FILE *out)
{
    fputs("usage: alcove VERB [ARGUMENT...]\n\nRuns unmodified programs in measured enclaves.\n\n",
          out);
    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
        fprintf(out, "  %-10s %s\n", verbs[i].name, verbs[i].summary);
    }
    fputs("  help       explain a verb: alcove help VERB\n"
          "  version    print the version\n\n"
          "'alcove VERB --help' explains a verb too.\n",
          out);
}

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
        if (strcmp(verbs[i].name, name) == 0) {
            return &verbs[i];
        }
    }
    return NULL;
}

static int unknown_verb(const char *name)
{
    const struct verb *nearest = NULL;
    size_t best = SUGGEST_NEAR;
    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
        size_t distance = suggest_distance(name, verbs[i].name);
        if (distance < best) {
            best = distance;
            nearest = &verbs[i];
        }
    }
    fprintf(stderr, "alcove: there is no verb '%s'", name);
    if (nearest != NULL) {
        fprintf(stderr, "; did you mean '%s'?", nearest->name);
    }
    fputs(" ('alcove --help' lists them)\n", stderr);
    return CLI_USAGE;
}

static int help(const char *name)
{
    if (name == NULL) {
        print_overview(stdout);
        return CLI_OK;
    }
    const struct verb *verb = find_verb(name);
    if (verb == NULL) {
        return unknown_verb(name);
    }
    fputs(verb->help, stdout);
    return CLI_OK;
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

/* A result that did not reach its file is no success. */
static int flushed(int status)
{
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == CLI_OK) {
        perror("alcove: cannot write the output");
        return CLI_FAILED;
    }
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_overview(stderr);
        return CLI_USAGE;
    }
    /* The crypto library would read openssl.cnf at its first use: 4.5 ms of every start, and a file
     * that has no say here. */
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        return flushed(help(argc > 2 ? argv[2] : NULL));
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
        puts("alcove " ALCOVE_VERSION);
        return CLI_OK;
    }
    const struct verb *verb = find_verb(name);
    if (verb == NULL) {
        return unknown_verb(name);
    }
    if (wants_help(argc - 1, argv + 1)) {
        return help(name);
    }
    return flushed(verb->run(argc - 1, argv + 1));
}
