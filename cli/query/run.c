/* SPDX-License-Identifier: Apache-2.0 */
#include "query/run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HTTP_ABSENT 404u

struct target {
    char text[CLIENT_PATH_MAX];
};

static struct target target_of(const struct query_hash *id, const char *what)
{
    struct target t;
    char hex[65];
    hex_encode(hex, id->data, sizeof id->data);
    (void)base_format(t.text, sizeof t.text, "/v1/queries/%s%s", hex, what);
    return t;
}

int query_run_progress(struct query_run *run, const struct query_hash *id,
                       struct wire_progress *ret, struct client_answer *storage, struct diag *d)
{
    int err = client_request(run->client, "GET", target_of(id, "").text, (struct bytes){0},
                             run->signer, storage, d);
    return err != 0 ? err : wire_read_progress(storage->body, ret, d);
}

int query_run_post(struct query_run *run, const struct query_read *query, bool *ret_again,
                   struct diag *d)
{
    struct wire_progress p;
    AUTO_ANSWER before = {0}, answer = {0};
    int err = query_run_progress(run, &query->id, &p, &before, d);
    *ret_again = err == 0;
    if (err == 0 || before.status != HTTP_ABSENT) {
        return err;
    }
    err = client_request(run->client, "POST", "/v1/queries", query_read_bytes(query), run->signer,
                         &answer, d);
    return err != 0 ? err : wire_read_progress(answer.body, &p, d);
}

/* ---- waiting --------------------------------------------------------------------------------- */

void query_progress_print(const struct wire_progress *p, FILE *out)
{
    const char *state = wire_query_state_text(p->state);
    fprintf(out, "%s: %llu asked, %llu accepted, %llu declined, %llu answered, %llu late",
            state != NULL ? state : "?", (unsigned long long)p->invited,
            (unsigned long long)p->accepted, (unsigned long long)p->declined,
            (unsigned long long)p->answered, (unsigned long long)p->late);
}

static bool same(const struct wire_progress *a, const struct wire_progress *b)
{
    return a->state == b->state && a->invited == b->invited && a->accepted == b->accepted &&
           a->declined == b->declined && a->answered == b->answered && a->late == b->late;
}

/* A terminal's line is written over; elsewhere each change is a line. */
static void say(const struct query_run *run, const struct wire_progress *p,
                struct wire_progress *shown, bool first)
{
    if (run->progress == NULL || (!first && same(p, shown))) {
        return;
    }
    *shown = *p;
    fputs(run->terminal ? "\r\033[K" : "", run->progress);
    query_progress_print(p, run->progress);
    fputs(run->terminal ? "" : "\n", run->progress);
    fflush(run->progress);
}

/* What the daemon said comes from anybody: nothing in it may move a terminal. diag escapes. */
static int failed(const struct wire_progress *p, struct diag *d)
{
    return diag_fail(d, -ECANCELED, "the query failed: %.*s", (int)p->sentence.size,
                     (const char *)p->sentence.data);
}

static void nap(uint32_t ms)
{
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    (void)nanosleep(&t, NULL); /* a signal ends it, as it should */
}

int query_run_wait(struct query_run *run, const struct query_hash *id, struct diag *d)
{
    struct wire_progress p = {0}, shown = {0};
    uint32_t pause_ms = run->pause_ms != 0 ? run->pause_ms : 100;
    int err = 0;
    for (bool first = true;; first = false) {
        AUTO_ANSWER answer = {0};
        err = query_run_progress(run, id, &p, &answer, d);
        if (err != 0) {
            break;
        }
        say(run, &p, &shown, first);
        if (p.state == WIRE_QUERY_RELEASED) {
            break;
        }
        if (p.state == WIRE_QUERY_FAILED) {
            err = failed(&p, d);
            break;
        }
        if (run->stopped != NULL && run->stopped()) {
            err = diag_fail(d, -EINTR, "stopped waiting; the query goes on");
            break;
        }
        nap(pause_ms);
        pause_ms = run->pause_ms == 0 && pause_ms < 2000 ? pause_ms * 5 / 4 : pause_ms;
    }
    if (run->terminal && run->progress != NULL) {
        fputc('\n', run->progress);
    }
    return err;
}

/* ---- fetching -------------------------------------------------------------------------------- */

static struct bytes keep(struct bytes from, uint8_t **at)
{
    struct bytes kept = BYTES(*at, from.size);
    memcpy(*at, from.data, from.size);
    *at += from.size;
    return kept;
}

/* A daemon may leave out the proof that a head extends itself. */
static struct bytes proof_or_none(struct bytes proof)
{
    static const uint8_t none[] = {0x80};
    return proof.size > 0 ? proof : BYTES_OF(none);
}

static int head_from(struct query_run *run, uint64_t size, struct client_answer *storage,
                     struct wire_log_head *ret, struct diag *d)
{
    char path[64];
    (void)base_format(path, sizeof path, "/v1/log/head?from=%llu", (unsigned long long)size);
    int err = client_request(run->client, "GET", path, (struct bytes){0}, NULL, storage, d);
    return err != 0 ? err : wire_read_log_head(storage->body, ret, d);
}

/* The newest head, and proofs to it from the tree that the aggregator saw and from the outcome's.
 * The log may grow in between: then it is asked once more. */
static int ask_growth(struct query_run *run, const struct query_key *log_key,
                      struct query_fetched *f, struct diag *d)
{
    for (int attempt = 0; attempt < 8; attempt++) {
        AUTO_ANSWER first = {0}, second = {0};
        struct wire_log_head begun, extends;
        int err = head_from(run, f->checked->receipt.tree.size, &first, &begun, d);
        err = err != 0 ? err : head_from(run, f->checked->head.tree.size, &second, &extends, d);
        if (err != 0) {
            return err;
        }
        struct query_log_head one = {0}, other = {0};
        err = result_head_read(log_key, begun.head, &one, d);
        err = err != 0 ? err : result_head_read(log_key, extends.head, &other, d);
        if (err != 0) {
            diag_prefix(d, "%s", result_part_text(RESULT_PART_GROWTH));
            return -EACCES;
        }
        if (one.tree.size == other.tree.size) {
            uint8_t *at = f->proofs;
            f->result.newest = keep(extends.head, &at);
            f->result.extends = keep(proof_or_none(extends.proof), &at);
            f->result.begun = keep(proof_or_none(begun.proof), &at);
            return 0;
        }
    }
    return diag_fail(d, -EAGAIN, "the log grows too fast to be asked about; try again");
}

static int check(struct query_fetched *f, const struct query_hash *id, struct diag *d)
{
    enum result_part part;
    return result_check(&f->result, id, &f->result.log_key, f->result.time, f->checked, &part, d);
}

int query_run_fetch(struct query_run *run, const struct query_hash *id,
                    const struct query_key *log_key, uint64_t now, struct query_fetched *ret,
                    struct diag *d)
{
    AUTO_ANSWER answer = {0};
    *ret = (struct query_fetched){0};
    int err = client_request(run->client, "GET", target_of(id, "/outcome").text, (struct bytes){0},
                             NULL, &answer, d);
    if (err != 0) {
        return answer.status == HTTP_ABSENT ? -ENOENT : err;
    }
    if (answer.body.size > RESULT_FILE_MAX) {
        return diag_fail(d, -EACCES, "file: larger than any result");
    }
    ret->bytes = malloc(answer.body.size + 1);
    ret->proofs = malloc(QUERY_LOG_HEAD_MAX + 2u * QUERY_LOG_PROOF_SIZE_MAX);
    ret->checked = malloc(sizeof *ret->checked);
    if (ret->bytes == NULL || ret->proofs == NULL || ret->checked == NULL) {
        return diag_fail(d, -ENOMEM, "no memory");
    }
    memcpy(ret->bytes, answer.body.data, answer.body.size);
    if (result_read(BYTES(ret->bytes, answer.body.size), &ret->result, d) != 0) {
        return -EACCES;
    }
    if (ret->result.has_log_key) {
        return diag_fail(d, -EACCES, "file: a daemon answers with an outcome, not with a result");
    }
    ret->result.log_key = *log_key;
    ret->result.has_log_key = true;
    ret->result.time = now;
    err = check(ret, id, d);
    err = err != 0 ? err : ask_growth(run, log_key, ret, d);
    return err != 0 ? err : check(ret, id, d);
}

void query_fetched_done(struct query_fetched *fetched)
{
    free(fetched->bytes);
    free(fetched->proofs);
    free(fetched->checked);
    *fetched = (struct query_fetched){0};
}

/* ---- what the daemon offers ------------------------------------------------------------------ */

static int get_programs(struct query_run *run, struct client_answer *storage,
                        struct wire_programs *ret, struct diag *d)
{
    int err =
        client_request(run->client, "GET", "/v1/programs", (struct bytes){0}, NULL, storage, d);
    return err != 0 ? err : wire_read_programs(storage->body, ret, d);
}

int query_run_log_key(struct query_run *run, struct query_key *ret, struct diag *d)
{
    static struct wire_programs programs;
    AUTO_ANSWER answer = {0};
    int err = get_programs(run, &answer, &programs, d);
    if (err == 0 && query_key_read(BYTES_OF(programs.log_key), ret) != 0) {
        err = diag_fail(d, -EPROTO, "the server's log has no key that is one");
    }
    return err;
}

/* A query's lists name nothing twice, and of workers they name the runtime alone: with two scripts
 * it is one item. */
static bool said_before(const struct wire_programs *p, size_t at)
{
    const struct wire_program *a = &p->programs[at];
    for (size_t i = 0; i < at; i++) {
        const struct wire_program *b = &p->programs[i];
        if (a->role == b->role && memcmp(a->mrenclave, b->mrenclave, sizeof a->mrenclave) == 0 &&
            (a->role == QUERY_ROLE_WORKER ||
             memcmp(a->configid, b->configid, sizeof a->configid) == 0)) {
            return true;
        }
    }
    return false;
}

static void print_program(const struct wire_program *p, bool again, FILE *out)
{
    const bool worker = p->role == QUERY_ROLE_WORKER;
    char mrenclave[65], configid[129];
    struct diag name; /* escapes what a terminal might obey */
    hex_encode(mrenclave, p->mrenclave, sizeof p->mrenclave);
    hex_encode(configid, p->configid, sizeof p->configid);
    ignore_result(diag_fail(&name, -1, "%.*s", (int)p->name.size, (const char *)p->name.data),
                  "only its text is wanted");
    if (again) {
        fputs("    #", out);
    } else if (worker) {
        fprintf(out, "  - {mrenclave: %s} #", mrenclave);
    } else {
        fprintf(out, "  - {mrenclave: %s, configid: %s} #", mrenclave, configid);
    }
    if (worker) {
        fprintf(out, " bundle: %s,", configid);
    }
    fprintf(out, " %s, leaf %llu of the log\n", name.text, (unsigned long long)p->log_index);
}

static void print_role(const struct wire_programs *p, enum query_role role, const char *key,
                       FILE *out)
{
    bool any = false;
    for (size_t i = 0; i < p->programs_count; i++) {
        if (p->programs[i].role == role) {
            fprintf(out, "%s", any ? "" : key);
            print_program(&p->programs[i], said_before(p, i), out);
            any = true;
        }
    }
}

int query_run_programs(struct query_run *run, FILE *out, struct diag *d)
{
    static struct wire_programs programs;
    AUTO_ANSWER answer = {0};
    char hex[2 * QUERY_KEY_SIZE + 1];
    int err = get_programs(run, &answer, &programs, d);
    if (err != 0) {
        return err;
    }
    hex_encode(hex, programs.log_key, sizeof programs.log_key);
    fprintf(out,
            "# What the server offers, as it says. Whom a query trusts is for you to decide:\n"
            "# compare with what you know from elsewhere before you put it into a query.\n"
            "# log key: %s\n",
            hex);
    hex_encode(hex, programs.root, sizeof programs.root);
    fprintf(out, "roots:\n  - %s\n", hex);
    print_role(&programs, QUERY_ROLE_CUSTODIAN, "custodians:\n", out);
    print_role(&programs, QUERY_ROLE_WORKER, "workers:\n", out);
    print_role(&programs, QUERY_ROLE_AGGREGATOR, "aggregators:\n", out);
    return 0;
}

static bool named(const struct query_document *doc, const struct wire_program *p)
{
    struct query_peer peer = {.isvprodid = (uint16_t)p->isvprodid, .isvsvn = (uint16_t)p->isvsvn};
    memcpy(peer.mrenclave, p->mrenclave, sizeof peer.mrenclave);
    memcpy(peer.mrsigner, p->mrsigner, sizeof peer.mrsigner);
    memcpy(peer.configid, p->configid, sizeof peer.configid);
    return query_document_accepts(doc, (enum query_role)p->role, &peer);
}

int query_run_compare(struct query_run *run, const struct query_document *doc, FILE *out,
                      struct diag *d)
{
    static struct wire_programs programs;
    AUTO_ANSWER answer = {0};
    int err = get_programs(run, &answer, &programs, d), missing = 0;
    for (int role = QUERY_ROLE_CUSTODIAN; role < QUERY_ROLES && err == 0; role++) {
        const struct wire_program *found = NULL;
        for (size_t i = 0; i < programs.programs_count; i++) {
            const struct wire_program *p = &programs.programs[i];
            found = p->role == (unsigned)role && named(doc, p) ? p : found;
        }
        fprintf(out, "%-14s ", role == QUERY_ROLE_CUSTODIAN ? "Server" : "");
        if (found != NULL) {
            fprintf(out, "offers the %s, leaf %llu of its log\n",
                    query_role_text((enum query_role)role), (unsigned long long)found->log_index);
        } else {
            fprintf(out, "offers NO %s that the query names\n",
                    query_role_text((enum query_role)role));
            missing++;
        }
    }
    return err == 0 && missing > 0
               ? diag_fail(d, -ENOENT,
                           "the server does not offer what the query names; it lists what it does: "
                           "alcove query programs")
               : err;
}
