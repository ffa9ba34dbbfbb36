/* SPDX-License-Identifier: Apache-2.0 */
/* alcove query: what analysts do. Plans, asks, checks and shows. */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "build/file.h"
#include "build/interrupt.h"
#include "query/analyst_key.h"
#include "query/calendar.h"
#include "query/picture.h"
#include "query/plan.h"
#include "query/report.h"
#include "query/run.h"
#include "query/source.h"
#include "query/store.h"
#include "query/yaml.h"

const char verb_query_help[] =
    "usage: alcove query plan QUERY [--users N] [--delta 1e-N] [--server URL] [--json]\n"
    "       alcove query compile QUERY [-o FILE]\n"
    "       alcove query run QUERY --server URL [--key FILE] [--log-key KEY] [OPTION]...\n"
    "       alcove query show FOLDER|FILE [OPTION]...\n"
    "       alcove query show --server URL [--key FILE] ID [OPTION]...\n"
    "       alcove query programs --server URL\n"
    "       alcove query key new|show [FILE]\n"
    "\n"
    "Asks many people's enclaves one question and gets one differentially private answer.\n"
    "\n"
    "  plan       tells what a query will give and cost, from its text alone: free, offline,\n"
    "             before anybody is asked; with --server also whether it offers what is named\n"
    "  compile    writes the document that is signed and logged, and prints its id\n"
    "  run        posts the query, shows how far it is, and brings the answer. Nothing is shown\n"
    "             before the aggregator's evidence, its signature, the numbers and the log were\n"
    "             checked. Ctrl-C leaves the query running\n"
    "  show       checks a stored result again, offline, and shows it; or fetches one\n"
    "  programs   lists what the server says it offers, to be compared and put into a query\n"
    "  key        makes or shows the analyst's key\n"
    "\n"
    "QUERY is a file, as YAML or as the document that compile writes; or a sentence over\n"
    "such a file:\n"
    "\n"
    "  --sql TEXT           what is asked: SELECT ..., the short form of docs/formats/query.md\n"
    "  --base FILE          with --sql: the query that says whom to ask, by which programs\n"
    "  --question TEXT      what the people who are asked read, instead of what QUERY says\n"
    "  --new-nonce          ask anew: the same query twice is one query, and answered once\n"
    "  --users N            plan: for so many people; default: the fewest that the query allows\n"
    "  --delta 1e-N         plan: state epsilon at this delta; default 1e-6\n"
    "  -o FILE              compile: where to write the document\n"
    "  --server URL         the daemon: unix:PATH or http://127.0.0.1:PORT\n"
    "  --key FILE           the analyst's key; default: that of 'alcove query key show'\n"
    "  --log-key KEY        the log's public key in hexadecimal, or a file that holds it;\n"
    "                       without it the server's word is taken, and said\n"
    "  --out DIR            run, show: where to keep the result; run otherwise takes query-ID, "
    "where ID\n"
    "                       is the beginning of the query's id\n"
    "  --at TIME            show: check as of 2026-06-01T12:00:00Z or 2026-06-01; default: as of\n"
    "                       when it was fetched\n"
    "  --svg FILE           run, show: draw the result\n"
    "  --png FILE           the same as a picture of dots\n"
    "  --json               plan, run, show: print one JSON object\n"
    "  --help               this text\n"
    "\n"
    "The key is $ALCOVE_ANALYST_KEY, else ~/.local/share/alcove/analyst-key.pem. docs/queries.md\n"
    "leads through it and reads every line of a result.\n"
    "\n"
    "Exit status: 0 done, 1 failed, refused, or not yet answered, 2 wrong usage.\n";

struct options {
    struct query_source source;
    uint64_t users, at;
    uint32_t delta;
    const char *output, *server, *key, *log_key, *folder, *svg, *png;
    bool json;
    int argc; /* what is left of the arguments */
    char **argv;
};

enum {
    OPT_SQL = 256,
    OPT_BASE,
    OPT_QUESTION,
    OPT_NONCE,
    OPT_USERS,
    OPT_DELTA,
    OPT_SERVER,
    OPT_KEY,
    OPT_LOG_KEY,
    OPT_OUT,
    OPT_AT,
    OPT_SVG,
    OPT_PNG,
    OPT_JSON,
};

/* ---- options --------------------------------------------------------------------------------- */

static int parse_users(const char *text, uint64_t *ret)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' || value == 0) {
        return cli_usage("query", "--users wants a whole number, not '%s'", text);
    }
    *ret = value;
    return CLI_OK;
}

static int parse_at(const char *text, uint64_t *ret)
{
    uint64_t days;
    unsigned second;
    if (!calendar_read(text, &days, &second)) {
        return cli_usage("query", "--at %s: not a time; write 2026-06-01T12:00:00Z or 2026-06-01",
                         text);
    }
    *ret = days * 86400 + second;
    return CLI_OK;
}

/* -1: it is none, or lacks its value. */
static int parse_option(int option, struct options *o)
{
    switch (option) {
    case OPT_SQL:
        o->source.sql = optarg;
        return CLI_OK;
    case OPT_BASE:
        o->source.base = optarg;
        return CLI_OK;
    case OPT_QUESTION:
        o->source.question = optarg;
        return CLI_OK;
    case OPT_NONCE:
        o->source.anew = true;
        return CLI_OK;
    case OPT_USERS:
        return parse_users(optarg, &o->users);
    case OPT_DELTA:
        return query_delta_read(optarg, &o->delta)
                   ? CLI_OK
                   : cli_usage("query", "--delta wants 1e-1 to 1e-30, not '%s'", optarg);
    case 'o':
        o->output = optarg;
        return CLI_OK;
    case OPT_SERVER:
        o->server = optarg;
        return CLI_OK;
    case OPT_KEY:
        o->key = optarg;
        return CLI_OK;
    case OPT_LOG_KEY:
        o->log_key = optarg;
        return CLI_OK;
    case OPT_OUT:
        o->folder = optarg;
        return CLI_OK;
    case OPT_AT:
        return parse_at(optarg, &o->at);
    case OPT_SVG:
        o->svg = optarg;
        return CLI_OK;
    case OPT_PNG:
        o->png = optarg;
        return CLI_OK;
    case OPT_JSON:
        o->json = true;
        return CLI_OK;
    default:
        return -1;
    }
}

static int parse(int argc, char **argv, struct options *o)
{
    static const struct option options[] = {{"sql", required_argument, NULL, OPT_SQL},
                                            {"base", required_argument, NULL, OPT_BASE},
                                            {"question", required_argument, NULL, OPT_QUESTION},
                                            {"new-nonce", no_argument, NULL, OPT_NONCE},
                                            {"users", required_argument, NULL, OPT_USERS},
                                            {"delta", required_argument, NULL, OPT_DELTA},
                                            {"server", required_argument, NULL, OPT_SERVER},
                                            {"key", required_argument, NULL, OPT_KEY},
                                            {"log-key", required_argument, NULL, OPT_LOG_KEY},
                                            {"out", required_argument, NULL, OPT_OUT},
                                            {"at", required_argument, NULL, OPT_AT},
                                            {"svg", required_argument, NULL, OPT_SVG},
                                            {"png", required_argument, NULL, OPT_PNG},
                                            {"json", no_argument, NULL, OPT_JSON},
                                            {NULL, 0, NULL, 0}};
    *o = (struct options){.delta = QUERY_DELTA_EXPONENT};
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "o:", options, NULL)) != -1;) {
        int status = parse_option(option, o);
        if (status < 0) {
            return cli_usage("query", "unknown or incomplete option '%s'", argv[optind - 1]);
        }
        if (status != CLI_OK) {
            return status;
        }
    }
    o->argc = argc - optind;
    o->argv = argv + optind;
    return CLI_OK;
}

/* QUERY, or --sql with --base. */
static int parse_source(struct options *o)
{
    bool sql = o->source.sql != NULL, base = o->source.base != NULL;
    if (sql != base) {
        return cli_usage("query", "--sql wants --base FILE, a query that says whom to ask");
    }
    if (o->argc != (sql ? 0 : 1)) {
        return cli_usage("query", "name one query: a file, or --sql with --base");
    }
    o->source.path = sql ? NULL : o->argv[0];
    return CLI_OK;
}

static int compare(const struct options *o, const struct query_document *doc);

/* ---- plan, compile, key ---------------------------------------------------------------------- */

static int plan(struct options *o)
{
    struct diag d = {""};
    struct query_facts facts;
    AUTO(query_read) read = NULL;
    int status = parse_source(o);
    if (status != CLI_OK) {
        return status;
    }
    if (query_source_read(&o->source, &read, &d) != 0 ||
        query_facts_make(&read->doc, &read->id, o->users, o->delta, &facts, &d) != 0) {
        return cli_fail("query", &d);
    }
    if (o->json) {
        query_plan_print_json(&facts);
        return CLI_OK;
    }
    query_plan_print(&facts, stdout);
    return o->server != NULL ? compare(o, &read->doc) : CLI_OK;
}

static int compile(struct options *o)
{
    struct diag d = {""};
    char id[65];
    AUTO(query_read) read = NULL;
    int status = parse_source(o);
    if (status != CLI_OK) {
        return status;
    }
    if (query_source_read(&o->source, &read, &d) != 0 ||
        (o->output != NULL && file_write(o->output, query_read_bytes(read), 0644, &d) != 0)) {
        return cli_fail("query", &d);
    }
    hex_encode(id, read->id.data, sizeof read->id.data);
    puts(id);
    return CLI_OK;
}

static int key_path(const struct options *o, char path[PATH_MAX], struct diag *d)
{
    if (o->key == NULL) {
        return analyst_key_path(path, d);
    }
    return base_format(path, PATH_MAX, "%s", o->key) < PATH_MAX
               ? 0
               : diag_fail(d, -ENAMETOOLONG, "the key's path is too long");
}

static int key(struct options *o)
{
    struct diag d = {""};
    char path[PATH_MAX], hex[2 * QUERY_KEY_SIZE + 1];
    struct query_secret_key secret;
    struct query_hash id = {{0}};
    if (o->argc < 1 || o->argc > 2 ||
        (strcmp(o->argv[0], "new") != 0 && strcmp(o->argv[0], "show") != 0)) {
        return cli_usage("query", "key wants 'new' or 'show', and at most one file");
    }
    o->key = o->argc == 2 ? o->argv[1] : o->key;
    int err = key_path(o, path, &d);
    if (err == 0 && o->argv[0][0] == 'n') {
        err = analyst_key_new(path, &d);
    }
    err = err != 0 ? err : analyst_key_read(path, &secret, &d);
    if (err == 0 && query_key_id(&secret.key, &id) != 0) {
        err = diag_fail(&d, -EIO, "the crypto library failed");
    }
    if (err != 0) {
        return cli_fail("query", &d);
    }
    printf("file     %s\n", path);
    hex_encode(hex, secret.key.point, sizeof secret.key.point);
    query_secret_key_wipe(&secret);
    printf("key      %s\n", hex);
    hex_encode(hex, id.data, sizeof id.data);
    printf("analyst  %s\n", hex);
    return CLI_OK;
}

/* ---- results --------------------------------------------------------------------------------- */

static int present(const struct options *o, const struct result_checked *checked)
{
    struct diag d = {""};
    struct query_facts facts;
    if (query_result_facts(checked, &facts, &d) != 0) {
        return cli_fail("query", &d);
    }
    if ((o->svg != NULL && picture_svg(checked, &facts, o->svg, &d) != 0) ||
        (o->png != NULL && picture_png(checked, &facts, o->png, &d) != 0)) {
        return cli_fail("query", &d);
    }
    if (o->json) {
        query_result_print_json(checked, &facts);
    } else {
        query_result_print(checked, &facts, stdout);
    }
    return CLI_OK;
}

/* The log's key of the file, unless the caller knows it. */
static int show_file(struct options *o)
{
    struct diag d = {""};
    struct stored stored;
    struct query_key log_key;
    enum result_part part;
    int status = CLI_FAILED;
    struct result_checked *checked = malloc(sizeof *checked);
    if (checked == NULL || store_read(o->argv[0], &stored, &d) != 0) {
        free(checked);
        return cli_fail("query", &d);
    }
    const struct result *r = &stored.result;
    if (o->log_key == NULL && !r->has_log_key) {
        status = cli_usage("query", "%s is an outcome without the log's key: give --log-key",
                           o->argv[0]);
    } else {
        uint64_t now = o->at != 0 ? o->at : r->time != 0 ? r->time : (uint64_t)time(NULL);
        log_key = r->log_key;
        int err = o->log_key != NULL ? store_log_key(o->log_key, &log_key, &d) : 0;
        err = err != 0 ? err : result_check(r, NULL, &log_key, now, checked, &part, &d);
        status = err == 0 ? present(o, checked) : cli_fail("query", &d);
    }
    stored_done(&stored);
    free(checked);
    return status;
}

/* ---- with a server --------------------------------------------------------------------------- */

struct session {
    struct client *client;
    struct query_secret_key secret;
    struct client_signer signer;
    struct query_run run;
};

static void session_close(struct session *s)
{
    client_close(s->client);
    query_secret_key_wipe(&s->secret);
}

static int session_open(const struct options *o, bool with_key, struct session *s, struct diag *d)
{
    char path[PATH_MAX];
    *s = (struct session){0};
    if (with_key) {
        int err = key_path(o, path, d);
        err = err != 0 ? err : analyst_key_read(path, &s->secret, d);
        if (err != 0) {
            return err;
        }
        s->signer = client_signer_of(&s->secret);
        s->run.signer = &s->signer;
    }
    int err = client_open(o->server, &s->client, d);
    s->run.client = s->client;
    s->run.progress = stderr;
    s->run.terminal = isatty(STDERR_FILENO) == 1;
    s->run.stopped = interrupted;
    return err;
}

/* As given, or as the server says: then the reader is told. */
static int log_key_of(const struct options *o, struct session *s, struct query_key *ret,
                      struct diag *d)
{
    char hex[2 * QUERY_KEY_SIZE + 1];
    if (o->log_key != NULL) {
        return store_log_key(o->log_key, ret, d);
    }
    int err = query_run_log_key(&s->run, ret, d);
    if (err == 0) {
        hex_encode(hex, ret->point, sizeof ret->point);
        fprintf(stderr,
                "alcove query: the log's key is what the server says; compare it, and give it from "
                "now on:\n  --log-key %s\n",
                hex);
    }
    return err;
}

/* Fetches, checks, keeps and shows. */
static int finish(const struct options *o, struct session *s, const struct query_hash *id,
                  const char *folder)
{
    struct diag d = {""};
    struct query_key log_key;
    struct query_fetched fetched = {0};
    int err = log_key_of(o, s, &log_key, &d);
    err =
        err != 0 ? err : query_run_fetch(&s->run, id, &log_key, (uint64_t)time(NULL), &fetched, &d);
    if (err == 0 && folder != NULL) {
        err = store_write(folder, &fetched.result, &d);
    }
    if (err == 0) { /* for the analyst's planning only: without it the result is as good */
        struct result_checked *c = fetched.checked;
        const struct query_log_head *head = c->newest.tree.size != 0 ? &c->newest : &c->head;
        struct diag unsaid;
        if (query_run_spent(&s->run, &c->doc.analyst, head, &c->spent, &unsaid) != 0) {
            c->spent = (struct query_spent){0};
        }
    }
    int status = err == 0 ? present(o, fetched.checked) : cli_fail("query", &d);
    if (status == CLI_OK && folder != NULL && !o->json) {
        printf("Kept           %s: alcove query show %s\n", folder, folder);
    }
    query_fetched_done(&fetched);
    return status;
}

static int interrupted_run(const struct options *o, const char *id)
{
    fprintf(stderr,
            "alcove query: the query goes on; come back with\n"
            "  alcove query show --server %s %s%s%s%s%s\n",
            o->server, id, o->key != NULL ? " --key " : "", o->key != NULL ? o->key : "",
            o->log_key != NULL ? " --log-key " : "", o->log_key != NULL ? o->log_key : "");
    interrupt_finish();
    return CLI_FAILED;
}

static int ask(struct options *o, struct session *s, const struct query_read *read)
{
    struct diag d = {""};
    struct query_hash analyst;
    char id[65], own[65], folder[PATH_MAX];
    bool again = false;
    hex_encode(id, read->id.data, sizeof read->id.data);
    if (query_key_id(&s->secret.key, &analyst) != 0 ||
        !query_hash_equal(&analyst, &read->doc.analyst)) {
        hex_encode(own, analyst.data, sizeof analyst.data);
        ignore_result(diag_fail(&d, -EACCES,
                                "the query names another analyst; with this key it must "
                                "say  analyst: %s",
                                own),
                      "said below");
        return cli_fail("query", &d);
    }
    if (o->folder == NULL) {
        ignore_result(base_format(folder, sizeof folder, "query-%.16s", id) == 0, "it fits");
    }
    if (query_run_post(&s->run, read, &again, &d) != 0) {
        return cli_fail("query", &d);
    }
    fprintf(stderr, again ? "query %s was asked before; --new-nonce asks anew\n" : "query %s\n",
            id);
    interrupt_arm();
    int err = query_run_wait(&s->run, &read->id, &d);
    if (err == -EINTR || interrupted()) {
        return interrupted_run(o, id);
    }
    if (err != 0) {
        return cli_fail("query", &d);
    }
    return finish(o, s, &read->id, o->folder != NULL ? o->folder : folder);
}

static int run(struct options *o)
{
    struct diag d = {""};
    struct session s;
    AUTO(query_read) read = NULL;
    int status = parse_source(o);
    if (status == CLI_OK && o->server == NULL) {
        status = cli_usage("query", "run wants --server URL");
    }
    if (status != CLI_OK) {
        return status;
    }
    /* A key that is none is told before anybody is asked, not after. */
    struct query_key log_key;
    if (query_source_read(&o->source, &read, &d) != 0 ||
        (o->log_key != NULL && store_log_key(o->log_key, &log_key, &d) != 0)) {
        return cli_fail("query", &d);
    }
    int err = session_open(o, true, &s, &d);
    status = err == 0 ? ask(o, &s, read) : cli_fail("query", &d);
    session_close(&s);
    return status;
}

/* Of a query that is under way, or over. */
static int show_asked(struct options *o)
{
    struct diag d = {""};
    struct session s;
    struct query_hash id;
    if (!hex_decode(id.data, sizeof id.data, BYTES(o->argv[0], strlen(o->argv[0])))) {
        return cli_usage("query", "with --server show wants a query's id: 64 hexadecimal digits");
    }
    if (session_open(o, true, &s, &d) != 0) {
        session_close(&s);
        return cli_fail("query", &d);
    }
    struct wire_progress p;
    AUTO_ANSWER answer = {0};
    int status = CLI_FAILED;
    if (query_run_progress(&s.run, &id, &p, &answer, &d) != 0) {
        status = cli_fail("query", &d);
    } else if (p.state == WIRE_QUERY_RELEASED) {
        status = finish(o, &s, &id, o->folder);
    } else {
        query_progress_print(&p, stderr);
        fputc('\n', stderr);
        ignore_result(diag_fail(&d, -EAGAIN, "there is no result%s%.*s",
                                p.state == WIRE_QUERY_FAILED ? " and will be none: " : " yet",
                                (int)p.sentence.size, (const char *)p.sentence.data),
                      "said below");
        status = cli_fail("query", &d);
    }
    session_close(&s);
    return status;
}

static int show(struct options *o)
{
    if (o->argc != 1) {
        return cli_usage("query", "show wants one folder or file; or --server and a query's id");
    }
    return o->server != NULL ? show_asked(o) : show_file(o);
}

/* Does the server offer what the query names? */
static int compare(const struct options *o, const struct query_document *doc)
{
    struct diag d = {""};
    struct session s;
    int err = session_open(o, false, &s, &d);
    err = err != 0 ? err : query_run_compare(&s.run, doc, stdout, &d);
    session_close(&s);
    return err == 0 ? CLI_OK : cli_fail("query", &d);
}

static int programs(struct options *o)
{
    struct diag d = {""};
    struct session s;
    if (o->server == NULL || o->argc != 0) {
        return cli_usage("query", "programs wants --server URL, and nothing else");
    }
    int err = session_open(o, false, &s, &d);
    err = err != 0 ? err : query_run_programs(&s.run, stdout, &d);
    session_close(&s);
    return err == 0 ? CLI_OK : cli_fail("query", &d);
}

/* What is given and goes with another command only would be ignored: better say so. */
static int fitting(const struct options *o, const char *command)
{
    const struct {
        bool given;
        const char *name, *with;
    } table[] = {
        {o->source.sql != NULL, "--sql", " plan compile run "},
        {o->source.base != NULL, "--base", " plan compile run "},
        {o->source.question != NULL, "--question", " plan compile run "},
        {o->source.anew, "--new-nonce", " plan compile run "},
        {o->users != 0, "--users", " plan "},
        {o->delta != QUERY_DELTA_EXPONENT, "--delta", " plan "},
        {o->output != NULL, "-o", " compile "},
        {o->server != NULL, "--server", " plan run show programs "},
        {o->key != NULL, "--key", " run show "},
        {o->log_key != NULL, "--log-key", " run show "},
        {o->folder != NULL, "--out", " run show "},
        {o->at != 0, "--at", " show "},
        {o->svg != NULL, "--svg", " run show "},
        {o->png != NULL, "--png", " run show "},
        {o->json, "--json", " plan run show "},
    };
    char word[32];
    ignore_result(base_format(word, sizeof word, " %s ", command) == 0, "commands are short");
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        if (table[i].given && strstr(table[i].with, word) == NULL) {
            return cli_usage("query", "%s does not go with %s", table[i].name, command);
        }
    }
    if (o->json && o->server != NULL && strcmp(command, "plan") == 0) {
        return cli_usage("query", "plan: --server compares in words, without --json");
    }
    if (o->at != 0 && o->server != NULL) {
        return cli_usage("query",
                         "what is fetched is checked as of now: --at goes without --server");
    }
    return CLI_OK;
}

int verb_query(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(struct options *o);
    } commands[] = {{"plan", plan}, {"compile", compile},   {"run", run},
                    {"show", show}, {"programs", programs}, {"key", key}};
    struct options o;
    if (argc < 2) {
        return cli_usage("query", "say what: plan, compile, run, show, programs or key");
    }
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            int status = parse(argc - 1, argv + 1, &o);
            status = status == CLI_OK ? fitting(&o, argv[1]) : status;
            return status == CLI_OK ? commands[i].run(&o) : status;
        }
    }
    return cli_usage("query", "'%s' is none of plan, compile, run, show, programs and key",
                     argv[1]);
}
