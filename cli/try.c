/* SPDX-License-Identifier: Apache-2.0 */
/* alcove try: a worker's script in plain processes, one for each call, judged as a custodian would.
 */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build/file.h"
#include "host/install.h"
#include "query/calendar.h"
#include "try/call.h"
#include "try/child.h"
#include "try/show.h"

const char verb_try_help[] =
    "usage: alcove try SCRIPT [FILE...] [--day FILE [--date YYYY-MM-DD]]...\n"
    "                  [--function NAME]... [--run-ms N] [--json]\n"
    "       alcove try SCRIPT --schema NAME\n"
    "       alcove try --new FOLDER\n"
    "\n"
    "Runs a worker's script on this machine, outside any enclave, as workers do: a fresh process\n"
    "for each call, with the same Python and the same module. First each day is processed, then\n"
    "each query function is asked about what was made of the days. Shown are sizes, times, what\n"
    "each function returned, what is left of it inside its bounds, and what would be refused.\n"
    "docs/scripts.md says how scripts are written.\n"
    "\n"
    "Without days, functions are asked about none: what a person without data gets.\n"
    "\n"
    "  -d, --day FILE       a day as the phone uploads it; the same as FILE alone\n"
    "      --date DATE      the day that the last FILE before this is about; otherwise the date "
    "in\n"
    "                       its name, or else the day after the one before, from 2026-01-05 on\n"
    "  -f, --function NAME  ask this one; otherwise all\n"
    "      --run-ms N       how long a call may take, as the query's run_ms; default: 10000\n"
    "      --json           one JSON object with all numbers\n"
    "      --schema NAME    print the part of a query's YAML that goes with this function\n"
    "      --new FOLDER     make a folder with a script, its alcove.yaml and the module\n"
    "      --help           this text\n"
    "\n"
    "The module is the folder 'alcove' beside the script, or else the one of this release. Files\n"
    "of this machine are in the script's reach here, and not in a worker; its folder is / in "
    "both.\n"
    "The network is taken away where the kernel permits it.\n"
    "\n"
    "Example:\n"
    "  alcove try travel.py people/person-001/*.json --function mode_share\n"
    "\n"
    "Exit status: 0 everything was answered, 1 something would be refused, 2 wrong usage.\n";

#define PYTHON            "/usr/bin/python3.11"
#define MODULE            "python/alcove"
#define RUN_MS            10000
#define DESCRIPTION_MAX   (1024u * 1024)
#define DAY_UPLOAD_MAX    (15u * 1024 * 1024) /* WIRE_DAY_MAX */
#define FIRST_DAY_DEFAULT 20458               /* 2026-01-05, a Monday */
#define FUNCTIONS_ASKED   SCRIPT_FUNCTIONS_MAX

struct day {
    uint64_t day;
    bool dated;
    const char *path;
    uint8_t *kept; /* allocated; NULL: refused */
    size_t kept_size;
};

struct request {
    const char *script;
    struct day days[CALL_DAYS_MAX];
    size_t day_count;
    const char *functions[FUNCTIONS_ASKED];
    size_t function_count;
    uint64_t run_ms;
    const char *schema, *folder; /* --schema, --new */
    struct show show;
};

struct trial {
    struct request request;
    char script[PATH_MAX], module[PATH_MAX];
    struct child description; /* what *functions borrows from */
    struct script functions;
    bool refused, has_network;
};

/* ---- what is asked for ----------------------------------------------------------------------- */

/* A date of the proleptic calendar in the range of query documents, at the start of the text. */
static bool date_at(const char *text, uint64_t *ret)
{
    unsigned year, month, day, y, m, d;
    int size = 0;
    char again[32];
    if (strspn(text, "0123456789-") < 10 ||
        sscanf(text, "%4u-%2u-%2u%n", &year, &month, &day, &size) != 3 || size != 10) {
        return false;
    }
    base_format(again, sizeof again, "%04u-%02u-%02u", year, month, day);
    if (memcmp(text, again, 10) != 0 || year < 2000 || year > 2199 || month < 1 || month > 12 ||
        day < 1 || day > 31) {
        return false;
    }
    *ret = calendar_days(year, month, day);
    calendar_civil(*ret, &y, &m, &d);
    return m == month && d == day;
}

static bool date_in_name(const char *path, uint64_t *ret)
{
    const char *slash = strrchr(path, '/');
    for (const char *at = slash != NULL ? slash + 1 : path; *at != '\0'; at++) {
        if (date_at(at, ret)) {
            return true;
        }
    }
    return false;
}

static int add_day(struct request *r, const char *path)
{
    if (r->day_count == CALL_DAYS_MAX) {
        return cli_usage("try", "at most %d days, as in a query", CALL_DAYS_MAX);
    }
    struct day *day = &r->days[r->day_count++];
    *day = (struct day){.path = path};
    day->dated = date_in_name(path, &day->day);
    return CLI_OK;
}

static int date_last(struct request *r, const char *text)
{
    if (r->day_count == 0) {
        return cli_usage("try", "--date %s: which day? It stands behind its FILE", text);
    }
    struct day *day = &r->days[r->day_count - 1];
    if (strlen(text) != 10 || !date_at(text, &day->day)) {
        return cli_usage("try", "--date %s: want a day such as 2026-09-28", text);
    }
    day->dated = true;
    return CLI_OK;
}

static int take_run_ms(struct request *r, const char *text)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' || value < 1 ||
        value > QUERY_RUN_MS_MAX) {
        return cli_usage("try", "--run-ms %s: want 1 to %d", text, QUERY_RUN_MS_MAX);
    }
    r->run_ms = value;
    return CLI_OK;
}

static int add_function(struct request *r, const char *name)
{
    if (r->function_count == FUNCTIONS_ASKED) {
        return cli_usage("try", "at most %d functions", FUNCTIONS_ASKED);
    }
    r->functions[r->function_count++] = name;
    return CLI_OK;
}

static int take_word(struct request *r, const char *word)
{
    if (r->script == NULL) {
        r->script = word;
        return CLI_OK;
    }
    return add_day(r, word);
}

static int parse(int argc, char **argv, struct request *r)
{
    static const struct option options[] = {
        {"day", required_argument, NULL, 'd'},      {"date", required_argument, NULL, 'D'},
        {"function", required_argument, NULL, 'f'}, {"run-ms", required_argument, NULL, 'm'},
        {"schema", required_argument, NULL, 's'},   {"new", required_argument, NULL, 'n'},
        {"json", no_argument, NULL, 'j'},           {NULL, 0, NULL, 0}};
    int option, status = CLI_OK;
    opterr = 0;
    /* '-': words come in their order among the options, since a date is about the file before it */
    while (status == CLI_OK && (option = getopt_long(argc, argv, "-d:f:", options, NULL)) != -1) {
        switch (option) {
        case 1:
            status = take_word(r, optarg);
            break;
        case 'd':
            status = add_day(r, optarg);
            break;
        case 'D':
            status = date_last(r, optarg);
            break;
        case 'f':
            status = add_function(r, optarg);
            break;
        case 'm':
            status = take_run_ms(r, optarg);
            break;
        case 's':
            r->schema = optarg;
            break;
        case 'n':
            r->folder = optarg;
            break;
        case 'j':
            r->show.json = true;
            break;
        default:
            return cli_usage("try", "unknown or incomplete option '%s'", argv[optind - 1]);
        }
    }
    for (; status == CLI_OK && optind < argc; optind++) { /* behind -- */
        status = take_word(r, argv[optind]);
    }
    bool tries = r->script != NULL && r->schema == NULL && r->folder == NULL;
    bool asks = r->day_count > 0 || r->function_count > 0 || r->show.json;
    if (status == CLI_OK && r->folder == NULL && r->script == NULL) {
        status = cli_usage("try", "which script?");
    } else if (status == CLI_OK && !tries &&
               (asks || (r->folder != NULL && (r->script != NULL || r->schema != NULL)))) {
        status = cli_usage("try", "--%s stands alone", r->folder != NULL ? "new" : "schema");
    }
    return status;
}

static int by_date(const void *a, const void *b)
{
    const struct day *x = a, *y = b;
    return (x->day > y->day) - (x->day < y->day);
}

/* Gives each day its date and puts them in order. */
static int order_days(struct request *r, struct diag *d)
{
    uint64_t next = FIRST_DAY_DEFAULT;
    for (size_t i = 0; i < r->day_count; i++) {
        struct day *day = &r->days[i];
        if (access(day->path, R_OK) != 0) {
            return diag_fail(d, -errno, "%s: %s", day->path, strerror(errno));
        }
        day->day = day->dated ? day->day : next;
        next = day->day + 1;
    }
    qsort(r->days, r->day_count, sizeof r->days[0], by_date);
    for (size_t i = 1; i < r->day_count; i++) {
        if (r->days[i].day == r->days[i - 1].day) {
            return diag_fail(d, -EINVAL,
                             "%s and %s are about the same day; --date behind a file says which "
                             "day it is about",
                             r->days[i - 1].path, r->days[i].path);
        }
    }
    return 0;
}

/* ---- calls ----------------------------------------------------------------------------------- */

/* Why what the process did is no answer; NULL: its output may be one. */
static const char *judge_end(const struct child *child, uint64_t run_ms, struct diag *d)
{
    int err = 0;
    if (child->end == CHILD_LATE) {
        err = diag_fail(d, -EINVAL, "still running after %llu ms", (unsigned long long)run_ms);
    } else if (child->end == CHILD_SIGNALED) {
        err = diag_fail(d, -EINVAL, "killed by signal %d (%s)", child->value,
                        strsignal(child->value));
    } else if (child->value != 0) {
        err = diag_fail(d, -EINVAL, "ended with status %d", child->value);
    } else if (child->overflowed) {
        err = diag_fail(d, -EINVAL, "wrote more than %u bytes", REPLY_MAX);
    }
    return err != 0 ? d->text : NULL;
}

static int run_module(struct trial *t, const char *command, struct bytes input, size_t out_max,
                      struct child *ret, struct diag *d)
{
    const char *const argv[] = {PYTHON, "-I", "-B", t->module, command, t->script, NULL};
    int err = child_run(argv, input, out_max, t->request.run_ms, ret, d);
    t->has_network = t->has_network || ret->has_network;
    return err;
}

/* One call in a process of its own. ret_refused is NULL when *ret_reply answers it; child_done() is
 * the caller's. */
static int make_call(struct trial *t, const struct call *call, struct child *ret_child,
                     struct reply *ret_reply, const char **ret_refused, struct diag *d)
{
    size_t capacity = call_size(call);
    *ret_child = (struct child){0};
    if (capacity > CALL_BODY_MAX) {
        (void)diag_fail(d, -EFBIG, "the days come to %llu bytes; a worker is told at most %u",
                        (unsigned long long)capacity, CALL_BODY_MAX);
        *ret_refused = d->text;
        return 0;
    }
    uint8_t *buffer = malloc(capacity);
    if (buffer == NULL) {
        return diag_fail(d, -ENOMEM, "no memory");
    }
    struct writer out = writer_of(buffer, capacity);
    call_encode(call, &out);
    REQUIRE(!out.failed);
    int err = run_module(t, "worker", BYTES(out.data, out.size), REPLY_MAX, ret_child, d);
    free(buffer);
    if (err == 0) {
        *ret_refused = judge_end(ret_child, t->request.run_ms, d);
        struct bytes reply = BYTES(ret_child->out, ret_child->out_size);
        if (*ret_refused == NULL && reply_decode(reply, call, ret_reply, d) != 0) {
            *ret_refused = d->text;
        }
    }
    return err;
}

static int process_day(struct trial *t, struct day *day, struct reply *reply, struct diag *d)
{
    struct mapped_file file = {0};
    struct child child = {0};
    const char *refused = NULL;
    int err = mapped_file_open(&file, day->path, DAY_UPLOAD_MAX, d);
    if (err != 0) {
        return err;
    }
    struct call_day raw = {day->day, file.bytes};
    struct call call = {.days = &raw, .day_count = 1};
    err = make_call(t, &call, &child, reply, &refused, d);
    if (err == 0 && refused == NULL) {
        day->kept_size = reply->processed.size;
        day->kept = malloc(day->kept_size + 1);
        err = day->kept == NULL ? diag_fail(d, -ENOMEM, "no memory") : 0;
    }
    if (err == 0) {
        if (day->kept != NULL && day->kept_size > 0) {
            memcpy(day->kept, reply->processed.data, day->kept_size);
        }
        t->refused = t->refused || refused != NULL;
        show_day(&t->request.show, &(struct show_day){day->day, day->path, file.bytes.size,
                                                      day->kept_size, refused, &child});
    }
    child_done(&child);
    mapped_file_close(&file);
    return err;
}

static int ask(struct trial *t, const struct script_function *f, struct reply *reply,
               struct diag *d)
{
    struct call_day days[CALL_DAYS_MAX];
    struct call call = {.days = days, .function = f->name, .entry_count = f->schema.entry_count};
    struct child child = {0};
    const char *refused = NULL;
    int64_t sent[QUERY_ENTRIES_MAX];
    for (size_t i = 0; i < t->request.day_count; i++) {
        const struct day *day = &t->request.days[i];
        if (day->kept != NULL) {
            days[call.day_count++] = (struct call_day){day->day, BYTES(day->kept, day->kept_size)};
        }
    }
    int err = make_call(t, &call, &child, reply, &refused, d);
    if (err == 0) {
        query_default(&f->schema, sent);
        if (refused == NULL) {
            memcpy(sent, reply->vector, f->schema.entry_count * sizeof sent[0]);
            query_clip(&f->schema, sent);
        }
        t->refused = t->refused || refused != NULL;
        show_answer(&t->request.show,
                    &(struct show_answer){f, reply->vector, sent, refused, &child});
    }
    child_done(&child);
    return err;
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* The module that will be in the bundle, if it lies where --new puts it; or else this release's. */
static int find_module(struct trial *t, struct diag *d)
{
    char own[PATH_MAX];
    const char *slash = strrchr(t->script, '/');
    int folder = slash != NULL ? (int)(slash - t->script) : 0;
    if (slash != NULL &&
        base_format(own, sizeof own, "%.*s/alcove/__main__.py", folder, t->script) < sizeof own &&
        access(own, R_OK) == 0) {
        base_format(t->module, sizeof t->module, "%.*s/alcove", folder, t->script);
        return 0;
    }
    int err = host_find_file(MODULE "/__main__.py", own, d);
    if (err == 0) {
        *strrchr(own, '/') = '\0';
        /* The process starts in another folder. */
        err = realpath(own, t->module) != NULL
                  ? 0
                  : diag_fail(d, -errno, "%s: %s", own, strerror(errno));
    }
    return err;
}

static int find_files(struct trial *t, struct diag *d)
{
    if (access(PYTHON, X_OK) != 0) {
        return diag_fail(d, -errno, "%s: %s; scripts are run by Debian's python3.11", PYTHON,
                         strerror(errno));
    }
    if (t->request.script != NULL && realpath(t->request.script, t->script) == NULL) {
        return diag_fail(d, -errno, "%s: %s", t->request.script, strerror(errno));
    }
    return find_module(t, d);
}

static int describe(struct trial *t, struct diag *d)
{
    struct child *child = &t->description;
    int err = run_module(t, "describe", (struct bytes){NULL, 0}, DESCRIPTION_MAX, child, d);
    const char *refused = err == 0 ? judge_end(child, t->request.run_ms, d) : NULL;
    if (refused != NULL) {
        fwrite(child->said, 1, child->said_size, stderr);
        diag_prefix(d, "%s", t->request.script);
        return -EINVAL;
    }
    err = err != 0 ? err : script_decode(BYTES(child->out, child->out_size), &t->functions, d);
    if (err != 0) {
        diag_prefix(d, "%s", t->request.script);
    }
    return err;
}

static const struct script_function *named(const struct script *s, const char *name)
{
    for (uint32_t i = 0; i < s->function_count; i++) {
        if (bytes_equal_str(s->functions[i].name, name)) {
            return &s->functions[i];
        }
    }
    return NULL;
}

static int check_names(const struct trial *t, struct diag *d)
{
    for (size_t i = 0; i < t->request.function_count; i++) {
        if (named(&t->functions, t->request.functions[i]) == NULL) {
            return diag_fail(d, -EINVAL, "%s has no function '%s'; 'alcove try %s' shows all",
                             t->request.script, t->request.functions[i], t->request.script);
        }
    }
    if (t->request.day_count > 0 && !t->functions.processes) {
        return diag_fail(d, -EINVAL,
                         "%s: no function is marked @alcove.process, so days are of "
                         "no use to it",
                         t->request.script);
    }
    return 0;
}

static int try_all(struct trial *t, struct diag *d)
{
    static struct reply reply; /* 32 KiB */
    struct request *r = &t->request;
    size_t asked = r->function_count > 0 ? r->function_count : t->functions.function_count;
    size_t kept = 0;
    int err = 0;
    show_begin(&r->show, r->script, &t->functions, r->run_ms);
    show_days_begin(&r->show, r->day_count);
    for (size_t i = 0; i < r->day_count && err == 0; i++) {
        err = process_day(t, &r->days[i], &reply, d);
        kept += r->days[i].kept != NULL;
    }
    if (err == 0) {
        show_answers_begin(&r->show, asked, kept);
    }
    for (size_t i = 0; i < asked && err == 0; i++) {
        const struct script_function *f = r->function_count > 0
                                              ? named(&t->functions, r->functions[i])
                                              : &t->functions.functions[i];
        err = ask(t, f, &reply, d);
    }
    if (err == 0) {
        show_end(&r->show, !t->refused, t->has_network);
    }
    return err;
}

/* A command of the module that prints what is wanted. */
static int print_of(struct trial *t, const char *const *argv, const char *what, struct diag *d)
{
    struct child child;
    int err =
        child_run(argv, (struct bytes){NULL, 0}, DESCRIPTION_MAX, t->request.run_ms, &child, d);
    if (err == 0 && judge_end(&child, t->request.run_ms, d) != NULL) {
        fwrite(child.said, 1, child.said_size, stderr);
        diag_prefix(d, "%s", what);
        err = -EINVAL;
    }
    if (err == 0) {
        fwrite(child.out, 1, child.out_size, stdout);
    }
    child_done(&child);
    return err;
}

static int print_schema(struct trial *t, struct diag *d)
{
    const char *const argv[] = {
        PYTHON, "-I", "-B", t->module, "schema", t->script, t->request.schema, NULL};
    return print_of(t, argv, t->request.script, d);
}

static int make_folder(struct trial *t, struct diag *d)
{
    char here[PATH_MAX], folder[PATH_MAX];
    const char *name = t->request.folder;
    if (getcwd(here, sizeof here) == NULL) {
        return diag_fail(d, -errno, "getcwd: %s", strerror(errno));
    }
    if (base_format(folder, sizeof folder, "%s%s%s", *name == '/' ? "" : here,
                    *name == '/' ? "" : "/", name) >= sizeof folder) {
        return diag_fail(d, -ENAMETOOLONG, "%s: too long", name);
    }
    const char *const argv[] = {PYTHON, "-I", "-B", t->module, "new", folder, NULL};
    return print_of(t, argv, name, d);
}

int verb_try(int argc, char **argv)
{
    static struct trial trial = {.request.run_ms = RUN_MS};
    struct diag d = {""};
    int status = parse(argc, argv, &trial.request);
    if (status != CLI_OK) {
        return status;
    }
    int err = order_days(&trial.request, &d);
    err = err != 0 ? err : find_files(&trial, &d);
    if (err == 0 && trial.request.folder != NULL) {
        err = make_folder(&trial, &d);
    } else if (err == 0 && trial.request.schema != NULL) {
        err = print_schema(&trial, &d);
    } else if (err == 0) {
        err = describe(&trial, &d);
        err = err != 0 ? err : check_names(&trial, &d);
        err = err != 0 ? err : try_all(&trial, &d);
    }
    script_done(&trial.functions);
    child_done(&trial.description);
    for (size_t i = 0; i < trial.request.day_count; i++) {
        free(trial.request.days[i].kept);
    }
    if (err != 0) {
        return cli_fail("try", &d);
    }
    return trial.refused ? CLI_FAILED : CLI_OK;
}
