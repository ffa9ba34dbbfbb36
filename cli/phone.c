/* SPDX-License-Identifier: Apache-2.0 */
/* alcove phone: what people have in their pocket, as a command. Here are words and files; what a
 * phone does is in phone/. */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "build/file.h"
#include "phone/actions.h"
#include "phone/show.h"
#include "query/decimal.h"
#include "suggest.h"
#include "verify/print.h"

const char verb_phone_help[] =
    "usage: alcove phone [--phone DIR] init [--restore]\n"
    "       alcove phone [--phone DIR] policy FILE [--yes]\n"
    "       alcove phone policy --from-server SERVER\n"
    "       alcove phone [--phone DIR] verify\n"
    "       alcove phone [--phone DIR] claim [--again]\n"
    "       alcove phone [--phone DIR] unlock\n"
    "       alcove phone [--phone DIR] upload FILE... [--date DAY]\n"
    "       alcove phone [--phone DIR] lease RHO [--days N]\n"
    "       alcove phone [--phone DIR] status|activity|days [--json]\n"
    "       alcove phone [--phone DIR] export DIR\n"
    "       alcove phone [--phone DIR] pause|resume|withdraw\n"
    "       alcove phone [--phone DIR] policy-push\n"
    "       alcove phone [--phone DIR] move NAME\n"
    "       alcove phone [--phone DIR] delete [--unasked]\n"
    "\n"
    "A phone: holds one person's keys and policy, verifies that person's custodian, and hands it\n"
    "days. It sends nothing to an enclave whose evidence its policy does not accept.\n"
    "\n"
    "Verbs:\n"
    "  init         makes the keys; prints a recovery phrase, once. With --restore: asks for the\n"
    "               phrase instead, for a phone that was lost\n"
    "  policy       accepts a policy file (docs/formats/phone-policy.md), or drafts one from what\n"
    "               a server says about itself, for reading\n"
    "  verify       asks the custodian for fresh evidence and judges it; nothing else is sent\n"
    "  claim        gets a custodian from the server and becomes its owner\n"
    "  unlock       opens the custodian's volume, after each start of it\n"
    "  upload       hands over days; each file is one, its name has the date (2026-10-05)\n"
    "  lease        allows queries that cost up to RHO, such as 0.02, in all; takes the place of\n"
    "               the lease before, and what was left of that stays spent\n"
    "  status       how things are; what this week's and all queries ever have cost\n"
    "  activity     who asked what, when, what left, and what it cost\n"
    "  days         which days are there\n"
    "  export       fetches everything into a folder\n"
    "  pause        answers no queries until 'resume'\n"
    "  withdraw     answers no queries any more and drops the lease; days stay. What was released\n"
    "               before cannot be recalled\n"
    "  policy-push  brings this phone's policy to the custodian\n"
    "  move         lets another release of the custodian take over\n"
    "  delete       wipes the custodian with all days\n"
    "\n"
    "      --phone DIR    the phone's folder; else $ALCOVE_PHONE, else "
    "~/.local/share/alcove/phone\n"
    "      --restore      init: from a recovery phrase, read from standard input\n"
    "      --from-server SERVER  policy: unix:PATH or http://127.0.0.1:PORT\n"
    "      --yes          policy, withdraw, delete: do not ask\n"
    "      --again        claim: another custodian, giving up the one that there is\n"
    "      --date DAY     upload: the one file's date, such as 2026-10-05\n"
    "      --days N       lease: how long it lasts, 1 to 7; 7 when left out\n"
    "      --unasked      delete: by the server alone, when the custodian cannot be opened\n"
    "      --json         status, activity, days: for programs\n"
    "      --help         this text\n"
    "\n"
    "Exit status: 0 done, 1 failed or refused, 2 wrong usage.\n";

struct options {
    char folder[PATH_MAX];
    const char *server, *date, *days;
    bool restore, yes, again, unasked, json;
    char **arguments;
    size_t count;
};

static int fail(struct diag *d)
{
    return cli_fail("phone", d);
}

/* ---- Words with the person ------------------------------------------------------------------- */

/* True when the person typed exactly this word, or said --yes before. */
static bool agreed(const struct options *o, const char *question, const char *word)
{
    char line[64] = "";
    if (o->yes) {
        return true;
    }
    fprintf(stderr, "%s Type '%s' to go on: ", question, word);
    fflush(stderr);
    if (fgets(line, sizeof line, stdin) == NULL) {
        fputc('\n', stderr);
        return false;
    }
    line[strcspn(line, "\n")] = '\0';
    return strcmp(line, word) == 0;
}

static int read_phrase(uint8_t ret_seed[PHONE_SEED_SIZE], struct diag *d)
{
    char text[512];
    if (isatty(0) == 1) {
        fputs("The nine words of the recovery phrase, in one line: ", stderr);
        fflush(stderr);
    }
    if (fgets(text, sizeof text, stdin) == NULL) {
        return diag_fail(d, -EINVAL, "no phrase came from standard input");
    }
    int err = phrase_read(BYTES(text, strlen(text)), ret_seed, d);
    secure_zero(text, sizeof text);
    return err;
}

/* ---- Verbs ----------------------------------------------------------------------------------- */

static int run_init(const struct options *o)
{
    struct diag d = {""};
    char phrase[PHRASE_MAX];
    uint8_t seed[PHONE_SEED_SIZE];
    int err = o->restore ? read_phrase(seed, &d) : 0;
    err = err != 0 ? err : phone_init(o->folder, o->restore ? seed : NULL, phrase, &d);
    secure_zero(seed, sizeof seed);
    if (err != 0) {
        return fail(&d);
    }
    printf("A phone was made in %s.\n", o->folder);
    if (o->restore) {
        puts("Its keys are those of the phrase. What the lost phone granted this week is not "
             "known,\n"
             "so this week counts as spent: leases can be granted from next week on. Nor is it "
             "known\n"
             "what the custodian last acknowledged: up to now, an older volume would not be "
             "noticed.\n"
             "Next: 'alcove phone policy FILE', then 'alcove phone unlock'.");
    } else {
        printf(
            "\nIts recovery phrase, which is shown this once:\n\n    %s\n\n"
            "Write it down and keep it where nobody else looks: with it a lost phone can be\n"
            "replaced, and who has it is you. Next: 'alcove phone policy --from-server SERVER'.\n",
            phrase);
    }
    secure_zero(phrase, sizeof phrase);
    return CLI_OK;
}

static int draft_policy(const struct options *o)
{
    struct diag d = {""};
    AUTO(client) c = NULL;
    AUTO_ANSWER answer = {0};
    int err = client_open(o->server, &c, &d);
    err = err != 0 ? err
                   : client_request(c, "GET", "/v1/programs", (struct bytes){0}, NULL, &answer, &d);
    struct wire_programs *programs = err == 0 ? malloc(sizeof *programs) : NULL;
    if (err == 0 && programs == NULL) {
        err = diag_fail(&d, -ENOMEM, "no memory");
    }
    err = err != 0 ? err : wire_read_programs(answer.body, programs, &d);
    if (err == 0) {
        phone_policy_draft(o->server, programs, stdout);
    }
    free(programs);
    return err == 0 ? CLI_OK : fail(&d);
}

static int run_policy(const struct options *o)
{
    struct diag d = {""};
    struct mapped_file f = {0};
    struct phone p;
    struct phone_policy policy;
    if ((o->server != NULL) == (o->count == 1)) {
        return cli_usage("phone", "policy: say either a file or --from-server SERVER");
    }
    if (o->server != NULL) {
        return draft_policy(o);
    }
    int err = phone_open(&p, o->folder, &d);
    err = err != 0 ? err : mapped_file_open(&f, o->arguments[0], PHONE_FILE_MAX, &d);
    err = err != 0 ? err : phone_policy_read(f.bytes, o->arguments[0], &policy, &d);
    if (err == 0) {
        phone_policy_explain(&policy, stdout);
        fflush(stdout);
        if (!agreed(o, "Is that what you want?", "yes")) {
            err = diag_fail(&d, -ECANCELED, "the policy was not accepted, nothing has changed");
        }
    }
    err = err != 0 ? err : phone_accept(&p, f.bytes, o->arguments[0], &d);
    if (err == 0) {
        puts(p.state.push ? "Accepted. 'alcove phone policy-push' brings it to the custodian."
                          : "Accepted. Next: 'alcove phone claim'.");
    }
    mapped_file_close(&f);
    phone_close(&p);
    return err == 0 ? CLI_OK : fail(&d);
}

static int do_verify(struct phone *p, const struct options *o, struct diag *d)
{
    struct phone_seen seen;
    (void)o;
    int err = phone_verify(p, &seen, d);
    if (err != 0) {
        return err;
    }
    printf(
        "accepted: the custodian's evidence answers this phone's nonce and holds under its policy\n"
        "MRENCLAVE  %s\nCONFIGID   %s\nroot       %s\n",
        HEX(seen.peer.mrenclave), HEX(seen.peer.configid), HEX(seen.root));
    printf("log        has this program; %llu entries, and grew from what was seen before\n",
           (unsigned long long)seen.log_size);
    printf("state      %s\n", seen.owned                        ? "open, and yours"
                              : p->state.stage == PHONE_CLAIMED ? "locked: 'alcove phone unlock'"
                                                                : "nobody's: 'alcove phone claim'");
    return 0;
}

static int do_claim(struct phone *p, const struct options *o, struct diag *d)
{
    int err = phone_claim(p, o->again, d);
    if (err == 0) {
        puts("The custodian is yours, and open. Next: 'alcove phone upload FILE', 'alcove phone "
             "lease RHO'.");
    }
    return err;
}

static int do_unlock(struct phone *p, const struct options *o, struct diag *d)
{
    (void)o;
    int err = phone_unlock(p, d);
    if (err == 0) {
        puts("The custodian is open. Leases from before its start are worth nothing any more.");
    }
    return err;
}

static int day_of(const struct options *o, const char *path, uint64_t *ret, struct diag *d)
{
    if (o->date != NULL) {
        return phone_date_read(BYTES(o->date, strlen(o->date)), ret)
                   ? 0
                   : diag_fail(d, -EINVAL, "--date %s: want a day such as 2026-10-05", o->date);
    }
    return phone_date_in(path, ret)
               ? 0
               : diag_fail(d, -EINVAL,
                           "%s: which day is it? Its name has not exactly one date such as "
                           "2026-10-05; say --date DAY",
                           path);
}

static int upload_file(struct session *s, const struct options *o, const char *path, struct diag *d)
{
    struct mapped_file f = {0};
    uint64_t day = 0;
    int err = day_of(o, path, &day, d);
    err = err != 0 ? err : mapped_file_open(&f, path, WIRE_DAY_MAX, d);
    if (err == 0 && f.bytes.size == 0) {
        err = diag_fail(d, -EINVAL, "%s: is empty", path);
    } else if (err == 0) {
        err = session_upload(s, day, f.bytes, d);
        if (err != 0) {
            diag_prefix(d, "%s", path);
        }
    }
    if (err == 0) {
        printf("%s  %zu bytes stored, from %s\n", phone_date_of(day).text, f.bytes.size, path);
        fflush(stdout);
    }
    mapped_file_close(&f);
    return err;
}

static int do_upload(struct phone *p, const struct options *o, struct diag *d)
{
    struct session s = {0};
    uint64_t day;
    int err = 0;
    for (size_t i = 0; err == 0 && i < o->count; i++) { /* before anything is sent */
        err = day_of(o, o->arguments[i], &day, d);
    }
    err = err != 0 ? err : session_continued(p, &s, d);
    for (size_t i = 0; err == 0 && i < o->count; i++) {
        err = upload_file(&s, o, o->arguments[i], d);
        if (err != 0 && i > 0) {
            fprintf(stderr, "%zu of %zu files are stored.\n", i, o->count);
        }
    }
    session_end(&s);
    return err;
}

static int do_lease(struct phone *p, const struct options *o, struct diag *d)
{
    uint64_t rho = 0, days = 7;
    const char *text = o->arguments[0];
    if (o->days != NULL) {
        if (strlen(o->days) != 1 || o->days[0] < '1' || o->days[0] > '7') {
            return diag_fail(d, -EINVAL, "--days %s: a lease lasts 1 to 7 days", o->days);
        }
        days = (uint64_t)(o->days[0] - '0');
    }
    int err = dp_parse_micro(BYTES(text, strlen(text)), DP_RHO_MAX, &rho, d);
    if (err != 0) {
        diag_prefix(d, "lease %s", text);
        return err;
    }
    err = phone_lease(p, rho, days, d);
    if (err == 0) {
        const struct budget_window *b = &p->state.book.budget;
        printf(
            "Lease %llu: queries may cost %s of rho in all, at most until %s (log time), and until "
            "the\ncustodian is started again. It counts as spent; %s of %s are left this week.\n%s",
            (unsigned long long)p->state.book.number, phone_rho_of(rho).text,
            phone_time_of(p->state.book.head.time + days * 86400).text,
            phone_rho_of(budget_left(b, b->window)).text, phone_rho_of(b->cap).text,
            p->state.book.number > 1 ? "It takes the place of the one before, which pays for "
                                       "nothing any more; what was left of that stays spent.\n"
                                     : "");
    }
    return err;
}

static int do_status(struct phone *p, const struct options *o, struct diag *d)
{
    struct session s = {0};
    struct wire_state state;
    bool asked = false;
    int err = session_begin(p, &s, d);
    bool reached = err == 0;
    struct phone_seen seen = {0};
    if (reached) {
        seen = phone_seen_in(&s);
    }
    if (err == 0 && s.owned) {
        err = session_state(&s, &state, d);
        asked = err == 0;
    }
    phone_show_status(p, reached ? &seen : NULL, asked ? &state : NULL,
                      reached ? NULL : "not reached, see below", o->json);
    session_end(&s);
    return err;
}

static int do_days(struct phone *p, const struct options *o, struct diag *d)
{
    struct session s = {0};
    struct json_out out = {0}, *j = o->json ? &out : NULL;
    uint64_t shown = 0, total = 1;
    int err = session_owned(p, &s, d);
    struct wire_days *page = err == 0 ? malloc(sizeof *page) : NULL;
    if (err == 0 && page == NULL) {
        err = diag_fail(d, -ENOMEM, "no memory");
    }
    while (err == 0 && shown < total) {
        AUTO_SESSION_ANSWER answer = {0};
        err = session_order(&s, WIRE_ORDER_DAYS, 0, 0, shown, &answer, d);
        err = err != 0 ? err : wire_read_days(answer.answer.body, page, d);
        if (err == 0 && shown == 0) {
            phone_show_days_begin(page->total, j);
        }
        for (size_t i = 0; err == 0 && i < page->days_count; i++) {
            phone_show_day(&page->days[i], j);
        }
        total = err == 0 && page->days_count > 0 ? page->total : 0;
        shown += err == 0 ? page->days_count : 0;
    }
    if (err == 0) {
        phone_show_days_end(j);
    }
    free(page);
    session_end(&s);
    return err;
}

static int do_activity(struct phone *p, const struct options *o, struct diag *d)
{
    struct session s = {0};
    struct json_out out = {0}, *j = o->json ? &out : NULL;
    struct wire_state state;
    uint64_t next = 0, total = 0; /* next: which comes then, counted from the newest */
    bool first = true;
    int err = session_owned(p, &s, d);
    err = err != 0 ? err : session_state(&s, &state, d);
    struct wire_activity *page = err == 0 ? malloc(sizeof *page) : NULL;
    if (err == 0 && page == NULL) {
        err = diag_fail(d, -ENOMEM, "no memory");
    }
    while (err == 0 && (first || next < total)) {
        AUTO_SESSION_ANSWER answer = {0};
        err = session_order(&s, WIRE_ORDER_ACTIVITY, 0, 0, next, &answer, d);
        err = err != 0 ? err : wire_read_activity(answer.answer.body, page, d);
        if (err != 0 || (page->events_count == 0 && !first)) {
            break;
        }
        if (first) {
            phone_show_activity_begin(page->total, j);
        }
        /* The newest come first: what was asked in between has moved the others on. */
        uint64_t newer = first || page->total < total ? 0 : page->total - total;
        for (size_t i = (size_t)newer; i < page->events_count; i++) {
            phone_show_event(&page->events[i], j);
        }
        next += newer > page->events_count ? newer : page->events_count;
        total = page->total;
        first = false;
    }
    if (err == 0) {
        phone_show_activity_end(&state, j);
    }
    free(page);
    session_end(&s);
    return err;
}

/* ---- Export ---------------------------------------------------------------------------------- */

static int export_file(struct session *s, const char *folder, uint64_t day, uint64_t stage,
                       struct diag *d)
{
    char path[PATH_MAX];
    struct wire_file file;
    AUTO_SESSION_ANSWER answer = {0};
    int err = session_order(s, WIRE_ORDER_GET, day, stage, 0, &answer, d);
    err = err != 0 ? err : wire_read_file(answer.answer.body, &file, d);
    if (err == 0 && (file.day != day || file.stage != stage)) {
        err = diag_fail(d, -EACCES, "the custodian sent another file than the one asked for");
    }
    if (err == 0 && base_format(path, sizeof path, "%s/%s.%s", folder, phone_date_of(day).text,
                                stage == 0 ? "uploaded" : "processed") >= sizeof path) {
        err = diag_fail(d, -ENAMETOOLONG, "%s: the path is too long", folder);
    }
    return err != 0 ? err : file_write(path, file.data, 0600, d);
}

/* One page of days, each as uploaded and as processed. */
static int export_page(struct session *s, const char *folder, const struct wire_days *page,
                       uint64_t *files, struct diag *d)
{
    int err = 0;
    for (size_t i = 0; err == 0 && i < page->days_count; i++) {
        const struct wire_day *day = &page->days[i];
        if (day->raw > 0) {
            err = export_file(s, folder, day->day, 0, d);
            *files += err == 0;
        }
        if (err == 0 && day->processed > 0) {
            err = export_file(s, folder, day->day, 1, d);
            *files += err == 0;
        }
    }
    return err;
}

static int do_export(struct phone *p, const struct options *o, struct diag *d)
{
    struct session s = {0};
    uint64_t seen = 0, total = 1, files = 0;
    const char *folder = o->arguments[0];
    struct wire_days *page = malloc(sizeof *page);
    if (page == NULL) {
        return diag_fail(d, -ENOMEM, "no memory");
    }
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        free(page);
        return diag_fail(d, -errno, "%s: %s", folder, strerror(errno));
    }
    int err = session_owned(p, &s, d);
    while (err == 0 && seen < total) {
        AUTO_SESSION_ANSWER answer = {0};
        err = session_order(&s, WIRE_ORDER_DAYS, 0, 0, seen, &answer, d);
        err = err != 0 ? err : wire_read_days(answer.answer.body, page, d);
        err = err != 0 ? err : export_page(&s, folder, page, &files, d);
        total = err == 0 && page->days_count > 0 ? page->total : 0;
        seen += err == 0 ? page->days_count : 0;
    }
    free(page);
    session_end(&s);
    if (err == 0) {
        printf("%llu files of %llu days are in %s. 'alcove phone activity --json' has the rest.\n",
               (unsigned long long)files, (unsigned long long)seen, folder);
    }
    return err;
}

/* ---- Orders ---------------------------------------------------------------------------------- */

static int do_pause(struct phone *p, const struct options *o, struct diag *d)
{
    (void)o;
    int err = phone_order(p, WIRE_ORDER_PAUSE, d);
    if (err == 0) {
        puts("Paused: queries are declined until 'alcove phone resume'.");
    }
    return err;
}

static int do_resume(struct phone *p, const struct options *o, struct diag *d)
{
    (void)o;
    int err = phone_order(p, WIRE_ORDER_RESUME, d);
    if (err == 0) {
        puts("Resumed: queries that the policy allows and a lease pays for are answered.");
    }
    return err;
}

static int do_withdraw(struct phone *p, const struct options *o, struct diag *d)
{
    if (!agreed(o, "From now on no query is answered; what was released cannot be recalled.",
                "withdraw")) {
        return diag_fail(d, -ECANCELED, "nothing has changed");
    }
    int err = phone_order(p, WIRE_ORDER_WITHDRAW, d);
    if (err == 0) {
        puts("Withdrawn: no query is answered any more. Your days are still there: 'alcove phone "
             "export'\nfetches them, 'alcove phone delete' wipes them. What was released before "
             "cannot be recalled.");
    }
    return err;
}

static int do_push(struct phone *p, const struct options *o, struct diag *d)
{
    (void)o;
    int err = phone_push_policy(p, d);
    if (err == 0) {
        printf(
            "The custodian has this phone's policy now, as version %llu; what was left of a lease "
            "is void.\n",
            (unsigned long long)p->state.book.policy);
    }
    return err;
}

static int do_move(struct phone *p, const struct options *o, struct diag *d)
{
    int err = phone_move(p, o->arguments[0], d);
    if (err == 0) {
        printf("The custodian is %s now, verified and open.\n", o->arguments[0]);
    }
    return err;
}

static int do_delete(struct phone *p, const struct options *o, struct diag *d)
{
    if (!agreed(o, "All days in the custodian are wiped; nobody can bring them back.", "delete")) {
        return diag_fail(d, -ECANCELED, "nothing has changed");
    }
    int err = phone_delete(p, o->unasked, d);
    if (err == 0) {
        puts("Deleted. What was released before cannot be recalled.");
    }
    return err;
}

/* ---- Dispatch -------------------------------------------------------------------------------- */

struct phone_verb {
    const char *name;
    int (*run)(struct phone *p, const struct options *o, struct diag *d);
    size_t min, max; /* arguments */
    const char *wants;
};
static const struct phone_verb verbs[] = {
    {"init", NULL, 0, 0, "no arguments"},
    {"policy", NULL, 0, 1, "a file, or --from-server SERVER"},
    {"verify", do_verify, 0, 0, "no arguments"},
    {"claim", do_claim, 0, 0, "no arguments"},
    {"unlock", do_unlock, 0, 0, "no arguments"},
    {"upload", do_upload, 1, SIZE_MAX, "files"},
    {"lease", do_lease, 1, 1, "what queries may cost, such as 0.02"},
    {"status", do_status, 0, 0, "no arguments"},
    {"activity", do_activity, 0, 0, "no arguments"},
    {"days", do_days, 0, 0, "no arguments"},
    {"export", do_export, 1, 1, "a folder"},
    {"pause", do_pause, 0, 0, "no arguments"},
    {"resume", do_resume, 0, 0, "no arguments"},
    {"withdraw", do_withdraw, 0, 0, "no arguments"},
    {"policy-push", do_push, 0, 0, "no arguments"},
    {"move", do_move, 1, 1, "a program's name"},
    {"delete", do_delete, 0, 0, "no arguments"},
};

static const struct phone_verb *find_verb(const char *name, const char **ret_nearest)
{
    size_t best = SUGGEST_NEAR;
    *ret_nearest = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
        size_t distance = suggest_distance(name, verbs[i].name);
        if (distance == 0) {
            return &verbs[i];
        }
        if (distance < best) {
            best = distance;
            *ret_nearest = verbs[i].name;
        }
    }
    return NULL;
}

static bool default_folder(struct options *o)
{
    const char *own = getenv("ALCOVE_PHONE"), *home = getenv("HOME");
    size_t size = sizeof o->folder;
    if (o->folder[0] != '\0') {
        return true;
    }
    if (own != NULL && own[0] != '\0') {
        return base_format(o->folder, size, "%s", own) < size;
    }
    return home != NULL && home[0] == '/' &&
           base_format(o->folder, size, "%s/.local/share/alcove/phone", home) < size;
}

/* 0, or the exit status of wrong usage. */
static int parse(int argc, char **argv, struct options *o)
{
    static const struct option options[] = {{"phone", required_argument, NULL, 'p'},
                                            {"restore", no_argument, NULL, 'r'},
                                            {"yes", no_argument, NULL, 'y'},
                                            {"again", no_argument, NULL, 'a'},
                                            {"unasked", no_argument, NULL, 'u'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"date", required_argument, NULL, 'd'},
                                            {"days", required_argument, NULL, 'n'},
                                            {"from-server", required_argument, NULL, 's'},
                                            {NULL, 0, NULL, 0}};
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'p':
            if (optarg[0] == '\0' ||
                base_format(o->folder, sizeof o->folder, "%s", optarg) >= sizeof o->folder) {
                return cli_usage("phone", "--phone: not a folder's path");
            }
            break;
        case 'r':
            o->restore = true;
            break;
        case 'y':
            o->yes = true;
            break;
        case 'a':
            o->again = true;
            break;
        case 'u':
            o->unasked = true;
            break;
        case 'j':
            o->json = true;
            break;
        case 'd':
            o->date = optarg;
            break;
        case 'n':
            o->days = optarg;
            break;
        case 's':
            o->server = optarg;
            break;
        default:
            return cli_usage("phone", "unknown option '%s', or it lacks its value",
                             argv[optind - 1]);
        }
    }
    return 0;
}

/* An option that a verb does not know would be a wish that nobody grants. */
static const char *misplaced(const struct options *o, const char *verb)
{
    const struct {
        bool given;
        const char *option, *verbs;
    } rows[] = {
        {o->restore, "--restore", " init "},
        {o->yes, "--yes", " policy withdraw delete "},
        {o->again, "--again", " claim "},
        {o->unasked, "--unasked", " delete "},
        {o->json, "--json", " status activity days "},
        {o->date != NULL, "--date", " upload "},
        {o->days != NULL, "--days", " lease "},
        {o->server != NULL, "--from-server", " policy "},
    };
    char word[32];
    base_format(word, sizeof word, " %s ", verb);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (rows[i].given && strstr(rows[i].verbs, word) == NULL) {
            return rows[i].option;
        }
    }
    return NULL;
}

static int run_with_phone(const struct phone_verb *verb, const struct options *o)
{
    struct diag d = {""};
    struct phone p;
    int err = phone_open(&p, o->folder, &d);
    err = err != 0 ? err : verb->run(&p, o, &d);
    phone_close(&p);
    if (err == 0) {
        return CLI_OK;
    }
    fflush(stdout);
    return fail(&d);
}

int verb_phone(int argc, char **argv)
{
    struct options o = {0};
    const char *nearest;
    int status = parse(argc, argv, &o);
    if (status != 0) {
        return status;
    }
    if (optind >= argc) {
        return cli_usage("phone",
                         "say what to do: init, policy, claim, upload, lease, status, ...");
    }
    const struct phone_verb *verb = find_verb(argv[optind], &nearest);
    if (verb == NULL) {
        return nearest != NULL ? cli_usage("phone", "there is no '%s'; did you mean '%s'?",
                                           argv[optind], nearest)
                               : cli_usage("phone", "there is no '%s'", argv[optind]);
    }
    o.arguments = argv + optind + 1;
    o.count = (size_t)(argc - optind - 1);
    if (o.count < verb->min || o.count > verb->max) {
        return cli_usage("phone", "%s wants %s", verb->name, verb->wants);
    }
    if (misplaced(&o, verb->name) != NULL) {
        return cli_usage("phone", "%s has no option %s", verb->name, misplaced(&o, verb->name));
    }
    if (o.date != NULL && o.count != 1) {
        return cli_usage("phone", "--date is for one file; of several, the names have the dates");
    }
    if (!default_folder(&o)) {
        return cli_usage("phone", "no folder: say --phone DIR, or set ALCOVE_PHONE or HOME");
    }
    if (verb->run != NULL) {
        return run_with_phone(verb, &o);
    }
    return strcmp(verb->name, "init") == 0 ? run_init(&o) : run_policy(&o);
}
