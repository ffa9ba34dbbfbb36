/* SPDX-License-Identifier: Apache-2.0 */
/* alcove cc: a compiler wrapper that links static programs for the shim door. */
#include "cli.h"

#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "build/process.h"
#include "build/program.h"

extern char **environ;

const char verb_cc_help[] =
    "usage: alcove cc [--libc glibc|musl] [--report] GCC-ARGUMENT...\n"
    "       alcove cc --finish PROGRAM [--report]\n"
    "\n"
    "Compiles and links like gcc, for the shim door: what it links is static, and carries a table "
    "of\n"
    "its system calls, which 'alcove build' with 'door: shim' turns into jumps into the runtime\n"
    "before the program is measured. All arguments but those below are gcc's. The program runs\n"
    "outside of enclaves as well, so 'configure' and test suites work with CC='alcove cc'.\n"
    "\n"
    "      --libc NAME  glibc (default) or musl (musl-gcc of the package musl-tools)\n"
    "      --finish     only adds the table, to a static program that something else linked\n"
    "      --report     say on standard error how many system calls and cpuid instructions were\n"
    "                   found, and name those that cannot be jumps: they work, by a trap that "
    "costs\n"
    "                   microseconds\n"
    "      --help       this text\n"
    "\n"
    "Environment:\n"
    "  ALCOVE_GCC       the compiler to run; default: gcc, or musl-gcc with --libc musl\n"
    "\n"
    "Example:\n"
    "  alcove cc -O2 main.c -o main -lssl -lcrypto\n"
    "\n"
    "Exit status: the compiler's when it fails; else 0 made, 1 the program cannot be measured, 2 "
    "wrong\n"
    "usage.\n";

struct cc_request {
    bool musl, finish, report;
    const char *output; /* NULL: a.out */
    const char **args;  /* of the compiler, NULL at the end; args[0] is its name */
    size_t count;
    bool links, is_static, has_input;
};

/* ---- what is asked for ----------------------------------------------------------------------- */

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Options that end before linking, or answer a question. */
static bool ends_before_linking(const char *a)
{
    static const char *const options[] = {
        "-c", "-S", "-E", "-M", "-MM", "-r", "-fsyntax-only", "-###", "--version", "--target-help"};
    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        if (strcmp(a, options[i]) == 0) {
            return true;
        }
    }
    return starts(a, "-dump") || starts(a, "-print-") || starts(a, "--print-");
}

/* Options of gcc whose argument is the next word. */
static bool takes_word(const char *a)
{
    static const char *const options[] = {
        "-o",         "-x",  "-I",      "-L",        "-l",        "-D",          "-U",
        "-T",         "-u",  "-z",      "-include",  "-imacros",  "-isystem",    "-iquote",
        "-idirafter", "-MF", "-MT",     "-MQ",       "-Xlinker",  "-Xassembler", "-Xpreprocessor",
        "-A",         "-B",  "--param", "-aux-info", "-isysroot", "-imultilib",  "-iprefix",
        "-e"};
    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        if (strcmp(a, options[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int own_option(struct cc_request *q, int argc, char **argv, int *i, bool *ret_taken)
{
    const char *a = argv[*i];
    *ret_taken = true;
    if (strcmp(a, "--report") == 0) {
        q->report = true;
    } else if (strcmp(a, "--finish") == 0) {
        q->finish = true;
    } else if (starts(a, "--libc=") || (strcmp(a, "--libc") == 0 && *i + 1 < argc)) {
        const char *name = a[6] == '=' ? a + 7 : argv[++*i];
        q->musl = strcmp(name, "musl") == 0;
        if (!q->musl && strcmp(name, "glibc") != 0) {
            return cli_usage(
                "cc", "'%s' is not a C library that it knows; there are glibc and musl", name);
        }
    } else {
        *ret_taken = false;
    }
    return CLI_OK;
}

/* What stands in a response file is not seen here: whether it links, and what its output is. */
static int refuse_unseen(const struct cc_request *q)
{
    for (size_t i = 1; i < q->count; i++) {
        if (q->args[i][0] == '@' && (q->links && q->output == NULL)) {
            return cli_usage("cc", "%s may hide what is made: say -o FILE outside of it",
                             q->args[i]);
        }
    }
    return CLI_OK;
}

static int refuse_shared(const char *a)
{
    if (strcmp(a, "-shared") == 0 || strcmp(a, "-rdynamic") == 0 || strcmp(a, "-pie") == 0) {
        return cli_usage("cc",
                         "%s makes what needs a dynamic linker; the shim door measures static "
                         "programs (use the library OS door, or -static-pie)",
                         a);
    }
    return CLI_OK;
}

static void look_at(struct cc_request *q, int argc, char **argv, int i)
{
    const char *a = argv[i];
    q->links = q->links && !ends_before_linking(a);
    q->is_static = q->is_static || strcmp(a, "-static") == 0 || strcmp(a, "-static-pie") == 0;
    q->has_input = q->has_input || a[0] != '-' || strcmp(a, "-") == 0 || starts(a, "-l");
    if (strcmp(a, "-o") == 0 && i + 1 < argc) {
        q->output = argv[i + 1];
    } else if (starts(a, "-o") && a[2] != '\0') {
        q->output = a + 2;
    }
}

static int parse(int argc, char **argv, struct cc_request *q)
{
    *q = (struct cc_request){.links = true, .count = 1};
    q->args = calloc((size_t)argc + 8, sizeof *q->args);
    if (q->args == NULL) {
        return cli_usage("cc", "no memory");
    }
    for (int i = 1; i < argc; i++) {
        bool taken;
        int status = own_option(q, argc, argv, &i, &taken);
        status = status != CLI_OK ? status : refuse_shared(argv[i]);
        if (status != CLI_OK) {
            return status;
        }
        if (taken) {
            continue;
        }
        look_at(q, argc, argv, i);
        q->args[q->count++] = argv[i];
        if (takes_word(argv[i]) && i + 1 < argc) {
            q->args[q->count++] = argv[++i];
        }
    }
    if (q->finish && q->count != 2) {
        return cli_usage("cc", "--finish wants one program and nothing else");
    }
    if (!q->finish && q->count == 1) {
        return cli_usage("cc", "nothing to compile");
    }
    q->links = q->links && q->has_input;
    return refuse_unseen(q);
}

/* ---- compiling ------------------------------------------------------------------------------- */

static const char *compiler(const struct cc_request *q)
{
    const char *own = getenv("ALCOVE_GCC");
    return own != NULL && own[0] != '\0' ? own : q->musl ? "musl-gcc" : "gcc";
}

/* The caller's environment and terminal are the compiler's. */
static int compile(struct cc_request *q, struct diag *d)
{
    pid_t pid;
    int status = 0;
    q->args[0] = compiler(q);
    if (q->links && !q->is_static) {
        q->args[q->count++] = "-static";
    }
    /* SAFETY: posix_spawnp does not write to what it is given; its type is older than const. */
    int err =
        posix_spawnp(&pid, q->args[0], NULL, NULL, (char *const *)(uintptr_t)q->args, environ);
    if (err != 0) {
        return diag_fail(d, -err, "cannot run %s: %s; install the Debian package %s", q->args[0],
                         strerror(err), q->musl ? "musl-tools" : "gcc");
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Is there a libNAME.a in one of the folders of -L, or in the compiler's own? */
static bool has_static_library(const struct cc_request *q, const char *name)
{
    char file[PATH_MAX], path[PATH_MAX];
    base_format(file, sizeof file, "lib%s.a", name);
    for (size_t i = 1; i < q->count; i++) {
        const char *dir = q->args[i] + 2;
        if (!starts(q->args[i], "-L")) {
            continue;
        }
        if (*dir == '\0' && i + 1 < q->count) {
            dir = q->args[i + 1];
        }
        base_format(path, sizeof path, "%s/%s", dir, file);
        if (access(path, R_OK) == 0) {
            return true;
        }
    }
    /* It prints the path, or the bare name when it finds none. */
    char option[PATH_MAX];
    base_format(option, sizeof option, "-print-file-name=%s", file);
    const char *const argv[] = {q->args[0], option, NULL};
    struct process process;
    struct diag ignored;
    if (process_start(argv, -1, true, &process, &ignored) != 0) {
        return true;
    }
    ssize_t n = read(process.output, path, sizeof path);
    bool found = n < 0 || memchr(path, '/', (size_t)n) != NULL;
    return process_finish(&process, argv[0], &ignored) != 0 || found;
}

/* Which libraries of the command line are there only to be linked dynamically, or not at all. */
static void name_missing(const struct cc_request *q)
{
    for (size_t i = 1; i < q->count; i++) {
        const char *name = q->args[i] + 2;
        if (!starts(q->args[i], "-l")) {
            continue;
        }
        if (*name == '\0' && i + 1 < q->count) {
            name = q->args[i + 1];
        }
        if (name[0] != ':' && !has_static_library(q, name)) {
            fprintf(stderr,
                    "alcove cc: there is no lib%s.a: everything is linked statically; the -dev "
                    "packages of Debian have most static libraries, others must be built\n",
                    name);
        }
    }
}

static void report(const char *path, const struct sites_stats *s, const struct sites_trapped *t)
{
    char name[256];
    fprintf(stderr,
            "alcove cc: %s: %llu system calls and %llu cpuid instructions become jumps; %zu places "
            "will trap, or are data that looks like one\n",
            path, (unsigned long long)(s->mov + s->relocated), (unsigned long long)s->cpuid,
            t->count);
    for (size_t i = 0; i < t->count && i < SITES_NAMED_MAX; i++) {
        program_name_address(path, t->at[i], name, sizeof name);
        fprintf(stderr, "  traps: %s\n", name);
    }
}

/* Questions to the linker (-Wl,--version) make none, and build systems ask with -o /dev/null. */
static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static int finish(const struct cc_request *q, const char *path)
{
    struct sites_stats stats;
    static struct sites_trapped trapped;
    struct diag d = {""};
    if (program_finish(path, &stats, &trapped, &d) != 0) {
        return cli_fail("cc", &d);
    }
    if (q->report) {
        report(path, &stats, &trapped);
    }
    return CLI_OK;
}

int verb_cc(int argc, char **argv)
{
    struct cc_request q;
    struct diag d = {""};
    int status = parse(argc, argv, &q);
    if (status == CLI_OK && q.finish) {
        status = finish(&q, q.args[1]);
    } else if (status == CLI_OK) {
        int code = compile(&q, &d);
        status = code < 0 ? cli_fail("cc", &d) : code;
        if (code > 0 && q.links) {
            name_missing(&q);
        }
        const char *output = q.output != NULL ? q.output : "a.out";
        if (status == CLI_OK && q.links && is_file(output)) {
            status = finish(&q, output);
            if (status != CLI_OK) {
                unlink(output); /* as a linker does: what is there was made */
            }
        }
    }
    free(q.args);
    return status;
}
