/* SPDX-License-Identifier: Apache-2.0 */
/* alcoved: the untrusted carrier of private queries. It stays in the foreground, says what happens
 * in lines on standard error, and ends by SIGTERM or SIGINT, with its children. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "asking.h"
#include "custodian.h"
#include "daemon_version.h"
#include "event.h"
#include "http.h"
#include "wire/request.h"

#define WORKERS_MAX 1024u

static const char help[] =
    "usage: alcoved --state DIR --custodian NAME=BUNDLE --aggregator NAME=BUNDLE --worker "
    "NAME=BUNDLE\n"
    "       [OPTION]...\n"
    "\n"
    "Carries what phones, analysts and enclaves say to each other: starts custodians, workers and\n"
    "aggregators, keeps the log of programs, queries and releases, and runs queries. Nobody has to "
    "believe\n"
    "it: what it carries is sealed, and what it says is signed by others or proven. It stays in "
    "the\n"
    "foreground, prints a line for each event, and ends by SIGTERM.\n"
    "\n"
    "  --state DIR          where its records, the log's key and the sealed volumes are kept; made "
    "where it\n"
    "                       is not there. One daemon at a time uses it\n"
    "  --custodian NAME=BUNDLE   a program that keeps people's data; new people get the first one "
    "named\n"
    "  --aggregator NAME=BUNDLE  a program that adds up contributions\n"
    "  --worker NAME=BUNDLE      a program that runs somebody's script; each can be given several "
    "times\n"
    "  --workers N          how many workers run at the same time (default: as many as "
    "processors)\n"
    "  --socket PATH        the Unix socket that it answers at (default: DIR/alcoved.sock)\n"
    "  --http PORT          answers on this port of 127.0.0.1 as well; 0: any, which it prints\n"
    "  --alcove PROGRAM     the alcove command that runs bundles (default: the one beside this "
    "program)\n"
    "  --version            which release this is\n"
    "  --help               this text\n"
    "\n"
    "docs/operators.md leads through it.\n"
    "\n"
    "Exit status: 0 it was told to end, 1 it could not start, 2 wrong usage.\n";

struct options {
    const char *state, *socket, *alcove;
    int http; /* -1: not */
    size_t workers;
};

static void say(const struct diag *d)
{
    fprintf(stderr, "alcoved: %s\n", d->text);
}

__attribute__((format(printf, 1, 2))) static int usage(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("alcoved: ", stderr);
    vfprintf(stderr, format, args);
    fputs("; alcoved --help says more\n", stderr);
    va_end(args);
    return 2;
}

/* ---- the command line ------------------------------------------------------------------------ */

enum {
    OPT_STATE = 256,
    OPT_CUSTODIAN,
    OPT_AGGREGATOR,
    OPT_WORKER,
    OPT_WORKERS,
    OPT_SOCKET,
    OPT_HTTP,
    OPT_ALCOVE,
    OPT_VERSION,
    OPT_HELP
};

static bool number(const char *text, unsigned long most, unsigned long *ret)
{
    char *end;
    errno = 0;
    *ret = strtoul(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *ret <= most;
}

/* -1: go on; else the exit status. `said` is how the option was written. */
static int take_option(int option, const char *said, struct options *o, struct daemon *g)
{
    struct diag d = {""};
    unsigned long value;
    int r = 0;
    switch (option) {
    case OPT_STATE:
        o->state = optarg;
        return -1;
    case OPT_SOCKET:
        o->socket = optarg;
        return -1;
    case OPT_ALCOVE:
        o->alcove = optarg;
        return -1;
    case OPT_CUSTODIAN:
        r = programs_add(&g->programs, QUERY_ROLE_CUSTODIAN, optarg, &d);
        break;
    case OPT_AGGREGATOR:
        r = programs_add(&g->programs, QUERY_ROLE_AGGREGATOR, optarg, &d);
        break;
    case OPT_WORKER:
        r = programs_add(&g->programs, QUERY_ROLE_WORKER, optarg, &d);
        break;
    case OPT_WORKERS:
        if (!number(optarg, WORKERS_MAX, &value) || value == 0) {
            return usage("--workers wants a number from 1 to 1024");
        }
        o->workers = value;
        return -1;
    case OPT_HTTP:
        if (!number(optarg, 65535, &value)) {
            return usage("--http wants a port from 0 to 65535");
        }
        o->http = (int)value;
        return -1;
    case OPT_VERSION:
        printf("alcoved " ALCOVE_VERSION "\n");
        return 0;
    case OPT_HELP:
        fputs(help, stdout);
        return 0;
    default:
        return usage("unknown or incomplete option '%s'", said);
    }
    return r == 0 ? -1 : usage("%s", d.text);
}

static int parse(int argc, char **argv, struct options *o, struct daemon *g)
{
    static const struct option options[] = {{"state", required_argument, NULL, OPT_STATE},
                                            {"custodian", required_argument, NULL, OPT_CUSTODIAN},
                                            {"aggregator", required_argument, NULL, OPT_AGGREGATOR},
                                            {"worker", required_argument, NULL, OPT_WORKER},
                                            {"workers", required_argument, NULL, OPT_WORKERS},
                                            {"socket", required_argument, NULL, OPT_SOCKET},
                                            {"http", required_argument, NULL, OPT_HTTP},
                                            {"alcove", required_argument, NULL, OPT_ALCOVE},
                                            {"version", no_argument, NULL, OPT_VERSION},
                                            {"help", no_argument, NULL, OPT_HELP},
                                            {NULL, 0, NULL, 0}};
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        int r = take_option(option, argv[optind - 1], o, g);
        if (r >= 0) {
            return r;
        }
    }
    if (optind != argc) {
        return usage("'%s' belongs to no option", argv[optind]);
    }
    if (o->state == NULL) {
        return usage("--state DIR is missing");
    }
    if (programs_first(&g->programs, QUERY_ROLE_CUSTODIAN) == NULL) {
        return usage("no --custodian is given");
    }
    return -1;
}

/* ---- starting -------------------------------------------------------------------------------- */

/* The folder, and the lock that keeps a second daemon out of it for as long as this process lives.
 */
static int take_state(const char *dir, struct diag *d)
{
    char path[PATH_MAX];
    if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
        return diag_fail(d, -errno, "cannot make the state folder %s: %s", dir, strerror(errno));
    }
    if (base_format(path, sizeof path, "%s/lock", dir) >= sizeof path - 128) {
        return diag_fail(d, -ENAMETOOLONG, "%s: the path is too long", dir);
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return diag_fail(d, -errno, "cannot use the state folder %s: %s", dir, strerror(errno));
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int r = -errno;
        close(fd);
        return diag_fail(d, r,
                         r == -EWOULDBLOCK
                             ? "the state folder %s is in use by another daemon: stop it first"
                             : "cannot lock the state folder %s",
                         dir);
    }
    return 0; /* the descriptor stays open */
}

/* Beside this program, or where a build has it. */
static int find_alcove(const char *given, char ret[PATH_MAX], struct diag *d)
{
    static const char *const places[] = {"alcove", "../../cli/alcove"};
    char program[PATH_MAX];
    if (given != NULL) {
        return realpath(given, ret) != NULL && access(ret, X_OK) == 0
                   ? 0
                   : diag_fail(d, -errno, "--alcove %s: %s", given, strerror(errno));
    }
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    program[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(program, '/');
    for (size_t i = 0; slash != NULL && i < ARRAY_SIZE(places); i++) {
        slash[1] = '\0';
        if (base_format(ret, PATH_MAX, "%s%s", program, places[i]) < PATH_MAX &&
            access(ret, X_OK) == 0) {
            return 0;
        }
    }
    return diag_fail(d, -ENOENT,
                     "the alcove command is not beside this program: say --alcove PROGRAM");
}

static int log_programs(struct daemon *g, struct diag *d)
{
    for (size_t i = 0; i < g->programs.count; i++) {
        struct program *p = &g->programs.list[i];
        struct query_log_leaf leaf = {
            .kind = QUERY_LOG_IDENTITY, .role = p->role, .name = BYTES(p->name, strlen(p->name))};
        memcpy(leaf.mrenclave, p->mrenclave, sizeof leaf.mrenclave);
        memcpy(leaf.configid, p->configid, sizeof leaf.configid);
        int r = logbook_append(g->log, &leaf, NULL, NULL, &p->log_index, d);
        if (r != 0) {
            return r;
        }
        char hex[33];
        hex_encode(hex, p->mrenclave, 16);
        event("%s %s has MRENCLAVE %s… and is leaf %lu", query_role_text(p->role), p->name, hex,
              (unsigned long)p->log_index);
    }
    return 0;
}

static int start(struct daemon *g, const struct options *o, struct diag *d)
{
    int r = 0;
    for (size_t i = 0; i < g->programs.count && r == 0; i++) {
        r = program_measure(&g->programs.list[i], d);
    }
    r = r != 0 ? r : take_state(o->state, d);
    r = r != 0 ? r : store_open(o->state, &g->store, d);
    r = r != 0 ? r : store_forget_seen(g->store, now_s() - (uint64_t)2 * REQUEST_TIME_SKEW_S, d);
    r = r != 0 ? r : logbook_open(g->store, o->state, &g->log, d);
    r = r != 0 ? r : log_programs(g, d);
    r = r != 0 ? r : platform_open(NULL, &g->platform, d);
    r = r != 0 ? r : children_open(&g->children, d);
    r = r != 0 ? r : pool_open(o->workers, &g->workers, d);
    r = r != 0 ? r : pool_open(CALL_THREADS, &g->calls, d);
    r = r != 0 ? r : custodians_open(g, d);
    return r != 0 ? r : asking_open(g, d);
}

/* In an order in which nobody needs what is gone: streams break first, so that whoever waits for an
 * enclave waits no more. */
static void stop(struct daemon *g, struct http *http)
{
    __atomic_store_n(&g->stopping, true, __ATOMIC_RELAXED);
    if (http != NULL) {
        http_quiesce(http);
    }
    if (g->children != NULL) {
        children_stop(g->children, STOP_GRACE_MS);
    }
    http_close(http); /* whoever is still connected may ask for anything of what follows */
    asking_close(g->asking);
    pool_close(g->workers);
    pool_close(g->calls);
    custodians_close(g->custodians);
    children_close(g->children);
    platform_close(g->platform);
    logbook_close(g->log);
    store_close(g->store);
    programs_free(&g->programs);
}

static void raise_limits(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max; /* each custodian takes three */
        ignore_result(setrlimit(RLIMIT_NOFILE, &files), "then fewer custodians can run");
    }
}

/* Blocked everywhere, so that main() alone gets them. */
static sigset_t block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    return set;
}

int main(int argc, char **argv)
{
    static struct daemon g;
    struct options o = {.http = -1};
    struct http *http = NULL;
    struct diag d = {""};
    char alcove[PATH_MAX], socket[PATH_MAX];
    int port = 0, number_of_signal = 0;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    o.workers = cpus > 0 && cpus <= (long)WORKERS_MAX ? (size_t)cpus : 1;
    int r = parse(argc, argv, &o, &g);
    if (r >= 0) {
        return r;
    }
    sigset_t set = block_signals();
    raise_limits();
    (void)umask(077); /* others than this user come through --http, where the operator wants them */
    base_format(socket, sizeof socket, "%s/alcoved.sock", o.state);
    g.state = o.state;
    g.alcove = alcove;
    r = find_alcove(o.alcove, alcove, &d);
    r = r != 0 ? r : start(&g, &o, &d);
    r = r != 0 ? r : http_open(&g, o.socket != NULL ? o.socket : socket, o.http, &http, &port, &d);
    if (r != 0) {
        say(&d);
        stop(&g, http);
        return 1;
    }
    if (o.http >= 0) {
        event("answers at http://127.0.0.1:%d", port);
    }
    event("answers at %s", o.socket != NULL ? o.socket : socket);
    while (sigwait(&set, &number_of_signal) != 0) {
    }
    event("signal %d: ends", number_of_signal);
    stop(&g, http);
    return 0;
}
