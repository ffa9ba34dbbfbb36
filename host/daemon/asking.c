/* SPDX-License-Identifier: Apache-2.0 */
#include "asking.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cbor.h"
#include "event.h"
#include "job.h"
#include "query/document.h"
#include "query/receipt.h"

#define WAITING_MAX 1024u /* queries that are taken and not over */
#define HEX_SHOWN   12
/* Time that is kept for adding up and releasing, at the end of a query. */
#define FINISH_MS 2000
/* A custodian says how long to wait by its own clock; ours may be ahead. */
#define COLLECT_AGAIN_MS 100

enum asked_state { TO_ASK, ASKED_NOT, DECLINED, ACCEPTED, COLLECTING, ANSWERED, LOST };

struct question;
struct asked {
    struct question *q;
    struct custodian *c;
    enum asked_state state;
    int64_t ready_ms; /* ACCEPTED: when to collect */
};

struct question {
    struct question *next;
    struct daemon *g;
    struct query_hash id, analyst;
    char name[HEX_SHOWN + 1];
    struct bytes document;      /* malloc'ed */
    struct query_document *doc; /* points into it */
    uint64_t position;          /* of its leaf */
    /* from begin on */
    struct service aggregator;
    pthread_mutex_t aggregator_mutex; /* held through a call */
    bool aggregator_lost;
    struct bytes evidence;   /* malloc'ed */
    struct signed_head head; /* the aggregator's tree */
    const struct program *program;
    struct encoded_proof query_proof, aggregator_proof;
    uint8_t leaf[QUERY_LOG_LEAF_MAX]; /* the aggregator's */
    size_t leaf_size;
    /* guarded by the mutex */
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* monotonic clock */
    struct asked *asked;
    size_t asked_count, tasks; /* tasks: under way in the pools */
    bool over;                 /* nobody is asked any more */
    int64_t deadline_ms;
    struct wire_progress progress;
    struct diag why;
};

struct asking {
    struct daemon *g;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct question *all;
    size_t count, running;
};

/* ---- small things ---------------------------------------------------------------------------- */

static void set_state(struct question *q, enum wire_query_state state)
{
    pthread_mutex_lock(&q->mutex);
    q->progress.state = state;
    pthread_mutex_unlock(&q->mutex);
}

static void set_asked(struct asked *a, enum asked_state state)
{
    struct question *q = a->q;
    pthread_mutex_lock(&q->mutex);
    a->state = state;
    q->progress.accepted += state == COLLECTING; /* said of those who just accepted */
    q->progress.declined += state == DECLINED;
    q->progress.answered += state == ANSWERED;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->mutex);
}

static bool is_over(struct question *q)
{
    pthread_mutex_lock(&q->mutex);
    bool over = q->over;
    pthread_mutex_unlock(&q->mutex);
    return over || daemon_stopping(q->g);
}

/* Runs a task of a pool on one that is asked; counted, so that the question outlives it. Called
 * with the mutex, which is not let go: who waits for a change would miss one. */
static void give(struct pool *pool, pool_task *task, struct asked *a)
{
    if (pool_add(pool, task, a) == 0) {
        a->q->tasks++;
    } else {
        a->state = LOST;
    }
}

static void task_done(struct question *q)
{
    pthread_mutex_lock(&q->mutex);
    q->tasks--;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->mutex);
}

static void wait_for_tasks(struct question *q)
{
    pthread_mutex_lock(&q->mutex);
    while (q->tasks > 0) {
        pthread_cond_wait(&q->changed, &q->mutex);
    }
    pthread_mutex_unlock(&q->mutex);
}

/* ---- whom to ask ----------------------------------------------------------------------------- */

static void look(void *context)
{
    struct asked *a = context;
    struct diag d = {""};
    bool open = false;
    if (!is_over(a->q) && custodian_advance(a->q->g, a->c, &open, &d) != 0 && d.text[0] != '\0') {
        event("custodian %s is not asked: %s", custodian_hex(a->c), d.text);
    }
    a->state = open ? TO_ASK : ASKED_NOT;
    task_done(a->q);
}

/* All that run and are open; of more than the query may ask, those that come first from a place
 * that the query's id decides. */
static int gather(struct question *q, struct diag *d)
{
    size_t room = custodians_count(q->g), kept = 0;
    struct custodian **list = calloc(room + 1, sizeof list[0]);
    q->asked = calloc(room + 1, sizeof q->asked[0]);
    if (list == NULL || q->asked == NULL) {
        free(list);
        return diag_fail(d, -ENOMEM, "no memory to ask %zu people", room);
    }
    size_t count = custodians_running(q->g, list, room);
    size_t first = count > 0 ? load_le32(q->id.data) % count : 0;
    pthread_mutex_lock(&q->mutex);
    for (size_t i = 0; i < count; i++) {
        q->asked[i] = (struct asked){.q = q, .c = list[(first + i) % count], .state = ASKED_NOT};
        give(q->g->calls, look, &q->asked[i]);
    }
    pthread_mutex_unlock(&q->mutex);
    free(list);
    wait_for_tasks(q);
    for (size_t i = 0; i < count && kept < q->doc->users_max; i++) {
        if (q->asked[i].state == TO_ASK) {
            q->asked[kept++] = q->asked[i];
        }
    }
    if (kept < q->doc->users_min) {
        return diag_fail(
            d, -ENODATA,
            "the query wants at least %lu people, and the custodians of %zu are open here",
            (unsigned long)q->doc->users_min, kept);
    }
    pthread_mutex_lock(&q->mutex);
    q->asked_count = kept;
    pthread_mutex_unlock(&q->mutex);
    return 0;
}

/* ---- the aggregator -------------------------------------------------------------------------- */

static const struct program *aggregator_of(const struct question *q)
{
    const struct programs *all = &q->g->programs;
    for (size_t i = 0; i < all->count; i++) {
        const struct program *p = &all->list[i];
        struct query_peer peer = {.isvprodid = p->isvprodid, .isvsvn = p->isvsvn};
        memcpy(peer.mrenclave, p->mrenclave, sizeof peer.mrenclave);
        memcpy(peer.mrsigner, p->mrsigner, sizeof peer.mrsigner);
        memcpy(peer.configid, p->configid, sizeof peer.configid);
        if (p->role == QUERY_ROLE_AGGREGATOR &&
            query_document_accepts(q->doc, QUERY_ROLE_AGGREGATOR, &peer)) {
            return p;
        }
    }
    return NULL;
}

static int start_aggregator(struct question *q, struct diag *d)
{
    struct wire_hello hello;
    struct wire_done done;
    struct answer answer = {.kind = WIRE_RECORDS};
    void *memory = NULL;
    char what[96];
    const char *const argv[] = {q->g->alcove, "run", q->program->bundle, NULL};
    base_format(what, sizeof what, "aggregator of query %s", q->name);
    int r = platform_hello(q->g->platform, q->program->manifest, &hello, &memory, d);
    r = r != 0 ? r : service_start(q->g->children, CHILD_WAITS, argv, what, &q->aggregator, d);
    if (r == 0) {
        r = service_ask(&q->aggregator, WIRE_hello, &hello, START_MS, WIRE_done, &done, &answer, d);
        answer_free(&answer);
    }
    free(memory);
    return r;
}

static int begin(struct question *q, struct diag *d)
{
    struct wire_begin b = {
        .document = q->document, .users = q->asked_count, .query_index = q->position};
    struct wire_evidence evidence;
    struct answer answer = {.kind = WIRE_RECORDS};
    q->program = aggregator_of(q);
    if (q->program == NULL) {
        return diag_fail(d, -ENOENT,
                         "this daemon has none of the aggregators that the query names");
    }
    int r = start_aggregator(q, d);
    r = r != 0 ? r : logbook_head(q->g->log, &q->head, d);
    r = r != 0 ? r : logbook_prove_leaf(q->g->log, q->position, q->head.size, &q->query_proof, d);
    r = r != 0 ? r
               : logbook_prove_leaf(q->g->log, q->program->log_index, q->head.size,
                                    &q->aggregator_proof, d);
    r = r != 0 ? r : store_leaf_at(q->g->store, q->program->log_index, q->leaf, &q->leaf_size, d);
    if (r != 0) {
        return r;
    }
    memcpy(b.log_key, logbook_key(q->g->log)->point, sizeof b.log_key);
    b.head = signed_head_bytes(&q->head);
    b.query_proof = proof_bytes(&q->query_proof);
    r = service_ask(&q->aggregator, WIRE_begin, &b, CALL_MS, WIRE_evidence, &evidence, &answer, d);
    if (r == 0) {
        uint8_t *copy = malloc(evidence.evidence.size);
        if (copy == NULL) {
            r = diag_fail(d, -ENOMEM, "no memory for evidence");
        } else {
            memcpy(copy, evidence.evidence.data, evidence.evidence.size);
            q->evidence = BYTES(copy, evidence.evidence.size);
        }
    }
    answer_free(&answer);
    return r;
}

/* ---- one custodian --------------------------------------------------------------------------- */

static void contribute(struct asked *a, struct bytes message)
{
    struct question *q = a->q;
    struct wire_contribute contribution = {message};
    struct wire_counted counted;
    struct answer answer = {.kind = WIRE_RECORDS};
    struct diag d = {""};
    pthread_mutex_lock(&q->aggregator_mutex);
    int r = q->aggregator_lost || is_over(q)
                ? diag_fail(&d, -ETIME, "the query was over before its answer came")
                : service_ask(&q->aggregator, WIRE_contribute, &contribution, CALL_MS, WIRE_counted,
                              &counted, &answer, &d);
    q->aggregator_lost |= q->aggregator.broken;
    pthread_mutex_unlock(&q->aggregator_mutex);
    if (r == 0 && !counted.counted) {
        r = diag_fail(&d, -EACCES, "%.*s", (int)counted.sentence.size,
                      (const char *)counted.sentence.data);
    }
    answer_free(&answer);
    if (r != 0) {
        event("query %s: the answer of custodian %s does not count: %s", q->name,
              custodian_hex(a->c), d.text);
    }
    set_asked(a, r == 0 ? ANSWERED : LOST);
}

/* When its time has come: the contribution. Else how long to wait. */
static void collect(struct asked *a)
{
    struct question *q = a->q;
    struct wire_collect ask;
    struct wire_collected got;
    struct answer answer;
    struct diag d = {""};
    memcpy(ask.query, q->id.data, sizeof ask.query);
    int r =
        custodian_ask(q->g, a->c, WIRE_collect, &ask, CALL_MS, WIRE_collected, &got, &answer, &d);
    if (r == 0 && got.wait_ms == 0 && got.message.size > 0) {
        contribute(a, got.message);
    } else if (r == 0) {
        pthread_mutex_lock(&q->mutex);
        a->ready_ms = now_ms() + (int64_t)got.wait_ms + (got.wait_ms == 0 ? COLLECT_AGAIN_MS : 1);
        a->state = ACCEPTED;
        pthread_cond_broadcast(&q->changed);
        pthread_mutex_unlock(&q->mutex);
    } else {
        event("query %s: custodian %s gives no answer: %s", q->name, custodian_hex(a->c), d.text);
        set_asked(a, LOST);
    }
    answer_free(&answer);
}

static void collect_task(void *context)
{
    struct asked *a = context;
    struct question *q = a->q;
    if (!is_over(q)) {
        collect(a);
    }
    task_done(q);
}

static void ask_task(void *context);

static int invite(struct asked *a, bool *ret_accepted, struct diag *d)
{
    struct question *q = a->q;
    struct wire_invite invitation = {.document = q->document,
                                     .evidence = q->evidence,
                                     .query_index = q->position,
                                     .query_proof = proof_bytes(&q->query_proof),
                                     .aggregator_index = q->program->log_index,
                                     .aggregator_proof = proof_bytes(&q->aggregator_proof),
                                     .aggregator_leaf = BYTES(q->leaf, q->leaf_size)};
    pthread_mutex_lock(&q->mutex);
    q->progress.invited++;
    pthread_mutex_unlock(&q->mutex);
    return custodian_invite(q->g, a->c, &invitation, q->head.size, ret_accepted, d);
}

/* Its time runs from the moment that it accepts, so it is invited by a thread that may start a
 * worker at once, and after the days that it has still to process. *ret_later: there are more of
 * these than one person gets at once. */
static bool invited(struct asked *a, bool *ret_later)
{
    struct question *q = a->q;
    struct diag d = {""};
    bool accepted = false;
    *ret_later = jobs_do(q->g, a->c, q->deadline_ms);
    if (*ret_later) {
        return false;
    }
    /* Who accepts is charged, so nobody is asked who cannot answer in time. */
    if (is_over(q) || now_ms() + (int64_t)q->doc->run_ms > q->deadline_ms) {
        set_asked(a, LOST);
        return false;
    }
    int r = invite(a, &accepted, &d);
    set_asked(a, r != 0 ? LOST : accepted ? COLLECTING : DECLINED);
    if (r != 0) {
        event("query %s: custodian %s cannot be asked: %s", q->name, custodian_hex(a->c), d.text);
    }
    return accepted;
}

static void ask(struct asked *a)
{
    struct question *q = a->q;
    bool later;
    custodian_jobs_lock(a->c);
    bool accepted = invited(a, &later);
    bool more = accepted && jobs_do(q->g, a->c, q->deadline_ms);
    custodian_jobs_unlock(a->c);
    if (more) {
        jobs_schedule(q->g, a->c);
    }
    if (accepted) {
        collect(a);
    }
    if (later) { /* behind the others */
        pthread_mutex_lock(&q->mutex);
        give(q->g->workers, ask_task, a);
        pthread_mutex_unlock(&q->mutex);
    }
}

static void ask_task(void *context)
{
    struct asked *a = context;
    struct question *q = a->q;
    if (is_over(q)) {
        set_asked(a, LOST);
    } else {
        ask(a);
    }
    task_done(q);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static bool settled(enum asked_state s)
{
    return s == DECLINED || s == ANSWERED || s == LOST;
}

/* Gives those whose time has come to the pool; *ret_next is when the next one's comes. Are all
 * settled? Called with the mutex. */
static bool collect_due(struct question *q, int64_t *ret_next)
{
    size_t left = 0;
    int64_t now = now_ms();
    *ret_next = q->deadline_ms;
    for (size_t i = 0; i < q->asked_count; i++) {
        struct asked *a = &q->asked[i];
        if (a->state != ACCEPTED) {
            left += !settled(a->state);
            continue;
        }
        if (a->ready_ms > now) {
            *ret_next = a->ready_ms < *ret_next ? a->ready_ms : *ret_next;
            left++;
            continue;
        }
        a->state = COLLECTING;
        give(q->g->calls, collect_task, a);
        left += !settled(a->state);
    }
    return left == 0;
}

static void wait_until(struct question *q, int64_t at)
{
    struct timespec t = {at / 1000, at % 1000 * 1000000};
    ignore_result(pthread_cond_timedwait(&q->changed, &q->mutex, &t), "who waits looks again");
}

/* Until all are settled or the time is over. */
static void pump(struct question *q)
{
    int64_t next;
    pthread_mutex_lock(&q->mutex);
    while (!daemon_stopping(q->g) && !collect_due(q, &next)) {
        size_t to_ask = 0;
        for (size_t i = 0; i < q->asked_count; i++) {
            to_ask += q->asked[i].state == TO_ASK;
        }
        q->progress.state = to_ask == 0 ? WIRE_QUERY_COLLECTING : WIRE_QUERY_ASKING;
        if (now_ms() >= q->deadline_ms) {
            break;
        }
        wait_until(q, next);
    }
    q->over = true;
    q->progress.late = q->progress.accepted - q->progress.answered;
    pthread_mutex_unlock(&q->mutex);
}

/* ---- the end --------------------------------------------------------------------------------- */

/* SHA-256 of a statement's body: what the log's leaf names. Nobody here judges the signature. */
static int receipt_id(struct bytes receipt, struct query_hash *ret, struct diag *d)
{
    struct cbor_reader in = cbor_reader_of(receipt);
    struct cbor_map map = cbor_map(&in, 2);
    struct bytes key, body = {NULL, 0};
    if (cbor_key(&in, &map, &key) && bytes_equal_str(key, "body")) {
        body = cbor_bytes(&in, 1, RECEIPT_MAX);
    }
    if (!cbor_ok(&in) || body.size == 0) {
        return diag_fail(d, -EPROTO, "the aggregator's receipt is no signed statement");
    }
    return query_hash_of(body, ret) == 0 ? 0 : diag_fail(d, -EIO, "the crypto library failed");
}

struct releasing {
    struct question *q;
    struct wire_progress progress;
    struct bytes receipt;
};

/* In the transaction of the release's leaf: the outcome, with the proofs in the tree that has it.
 */
static int store_release(void *context, uint64_t position, const struct signed_head *head,
                         struct diag *d)
{
    struct releasing *r = context;
    struct question *q = r->q;
    struct encoded_proof *proofs = calloc(2, sizeof *proofs);
    size_t room = q->document.size + r->receipt.size + q->evidence.size + 8192;
    uint8_t *memory = malloc(room);
    int err =
        memory == NULL || proofs == NULL ? diag_fail(d, -ENOMEM, "no memory for the outcome") : 0;
    err = err != 0 ? err : logbook_prove_leaf(q->g->log, q->position, head->size, &proofs[0], d);
    err = err != 0 ? err : logbook_prove_leaf(q->g->log, position, head->size, &proofs[1], d);
    if (err == 0) {
        struct wire_outcome outcome = {.document = q->document,
                                       .receipt = r->receipt,
                                       .evidence = q->evidence,
                                       .head = signed_head_bytes(head),
                                       .query_index = q->position,
                                       .query_proof = proof_bytes(&proofs[0]),
                                       .release_index = position,
                                       .release_proof = proof_bytes(&proofs[1])};
        struct writer w = writer_of(memory, room);
        err = wire_write_outcome(&outcome, &w, d);
        err = err != 0
                  ? err
                  : store_set_outcome(q->g->store, &q->id, &r->progress, BYTES(w.data, w.size), d);
    }
    free(memory);
    free(proofs);
    return err;
}

static int finish(struct question *q, struct diag *d)
{
    struct wire_finish ask;
    struct wire_released released;
    struct answer answer = {.kind = WIRE_RECORDS};
    struct query_log_leaf leaf = {.kind = QUERY_LOG_RELEASE, .query = q->id};
    uint64_t position, answered = 0;
    memset(&ask, 0, sizeof ask);
    pthread_mutex_lock(&q->aggregator_mutex);
    int r = service_ask(&q->aggregator, WIRE_finish, &ask, CALL_MS, WIRE_released, &released,
                        &answer, d);
    pthread_mutex_unlock(&q->aggregator_mutex);
    r = r != 0 ? r : receipt_id(released.receipt, &leaf.receipt, d);
    if (r == 0) {
        pthread_mutex_lock(&q->mutex);
        struct releasing releasing = {.q = q, .progress = q->progress, .receipt = released.receipt};
        pthread_mutex_unlock(&q->mutex);
        releasing.progress.state = WIRE_QUERY_RELEASED;
        answered = releasing.progress.answered;
        r = logbook_append(q->g->log, &leaf, store_release, &releasing, &position, d);
    }
    answer_free(&answer);
    if (r == 0) {
        set_state(q, WIRE_QUERY_RELEASED);
        event("query %s is released: %lu of %zu answered", q->name, (unsigned long)answered,
              q->asked_count);
    }
    return r;
}

static void fail(struct question *q, const struct diag *why)
{
    struct diag d = {""};
    pthread_mutex_lock(&q->mutex);
    q->over = true;
    q->why = *why;
    q->progress.state = WIRE_QUERY_FAILED;
    q->progress.sentence = BYTES(q->why.text, strlen(q->why.text));
    struct wire_progress p = q->progress;
    pthread_mutex_unlock(&q->mutex);
    event("query %s failed: %s", q->name, why->text);
    if (store_set_progress(q->g->store, &q->id, &p, &d) != 0) {
        event("query %s: %s", q->name, d.text);
    }
}

/* Nobody can answer in less than run_ms, which everybody takes. */
static int64_t deadline_of(const struct question *q)
{
    uint64_t now = now_s();
    int64_t left = q->doc->deadline > now ? (int64_t)(q->doc->deadline - now) * 1000 : 0;
    return now_ms() + (left > FINISH_MS ? left - FINISH_MS : 0);
}

static int go(struct question *q, struct diag *d)
{
    q->deadline_ms = deadline_of(q);
    set_state(q, WIRE_QUERY_ASKING);
    int r = gather(q, d);
    r = r != 0 ? r : begin(q, d);
    if (r != 0) {
        return r;
    }
    event("query %s asks %zu people", q->name, q->asked_count);
    pthread_mutex_lock(&q->mutex);
    for (size_t i = 0; i < q->asked_count; i++) {
        give(q->g->workers, ask_task, &q->asked[i]);
    }
    pthread_mutex_unlock(&q->mutex);
    pump(q);
    if (daemon_stopping(q->g)) {
        return diag_fail(d, -ESHUTDOWN, "the daemon was stopped while the query ran");
    }
    return finish(q, d);
}

/* ---- the thread of a query ------------------------------------------------------------------- */

static void unmake(struct question *q)
{
    service_end(&q->aggregator, STOP_GRACE_MS);
    pthread_mutex_destroy(&q->mutex);
    pthread_mutex_destroy(&q->aggregator_mutex);
    pthread_cond_destroy(&q->changed);
    free((void *)(uintptr_t)q->document.data);
    free((void *)(uintptr_t)q->evidence.data);
    free(q->doc);
    free(q->asked);
    free(q);
}

static void *live(void *context)
{
    struct question *q = context;
    struct asking *all = q->g->asking;
    struct diag d = {""};
    pthread_mutex_lock(&all->mutex);
    while (all->running >= ASKING_MAX && !daemon_stopping(q->g)) {
        pthread_cond_wait(&all->changed, &all->mutex);
    }
    all->running++;
    pthread_mutex_unlock(&all->mutex);
    int r = daemon_stopping(q->g)
                ? diag_fail(&d, -ESHUTDOWN, "the daemon was stopped before it began")
                : go(q, &d);
    if (r != 0) {
        fail(q, &d);
    }
    pthread_mutex_lock(&q->aggregator_mutex);
    service_end(&q->aggregator, STOP_GRACE_MS);
    q->aggregator_lost = true;
    pthread_mutex_unlock(&q->aggregator_mutex);
    wait_for_tasks(q);
    pthread_mutex_lock(&all->mutex);
    struct question **link = &all->all;
    while (*link != q) {
        link = &(*link)->next;
    }
    *link = q->next;
    pthread_mutex_unlock(&all->mutex);
    unmake(q);
    pthread_mutex_lock(&all->mutex);
    all->count--;
    all->running--;
    pthread_cond_broadcast(&all->changed);
    pthread_mutex_unlock(&all->mutex);
    return NULL;
}

static int make(struct daemon *g, struct bytes document, struct question **ret, struct diag *d)
{
    struct question *q = calloc(1, sizeof *q);
    uint8_t *copy = malloc(document.size + 1);
    struct query_document *doc = malloc(sizeof *doc);
    pthread_condattr_t attr;
    if (q == NULL || copy == NULL || doc == NULL) {
        free(q);
        free(copy);
        free(doc);
        return diag_fail(d, -ENOMEM, "no memory for a query");
    }
    memcpy(copy, document.data, document.size);
    q->g = g;
    q->document = BYTES(copy, document.size);
    q->doc = doc;
    pthread_mutex_init(&q->mutex, NULL);
    pthread_mutex_init(&q->aggregator_mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&q->changed, &attr);
    pthread_condattr_destroy(&attr);
    int r = query_document_decode(q->document, doc, d);
    r = r != 0 ? (r == -ENOMEM ? r : -EINVAL) : query_document_id(q->document, &q->id);
    if (r != 0) {
        unmake(q);
        return r;
    }
    char hex[65];
    hex_encode(hex, q->id.data, 32);
    memcpy(q->name, hex, HEX_SHOWN);
    *ret = q;
    return 0;
}

int asking_open(struct daemon *g, struct diag *d)
{
    uint64_t failed = 0;
    struct asking *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return diag_fail(d, -ENOMEM, "no memory for queries");
    }
    a->g = g;
    pthread_mutex_init(&a->mutex, NULL);
    pthread_cond_init(&a->changed, NULL);
    g->asking = a;
    int r = store_fail_unfinished(g->store,
                                  "the daemon ended while the query was under way: nothing was "
                                  "released; ask again with a new document",
                                  &failed, d);
    if (r == 0 && failed > 0) {
        event("%lu queries were under way when the daemon ended, and have failed",
              (unsigned long)failed);
    }
    return r;
}

void asking_close(struct asking *a)
{
    if (a == NULL) {
        return;
    }
    pthread_mutex_lock(&a->mutex);
    for (struct question *q = a->all; q != NULL; q = q->next) {
        pthread_mutex_lock(&q->mutex);
        pthread_cond_broadcast(&q->changed);
        pthread_mutex_unlock(&q->mutex);
    }
    pthread_cond_broadcast(&a->changed);
    while (a->count > 0) {
        pthread_cond_wait(&a->changed, &a->mutex);
    }
    pthread_mutex_unlock(&a->mutex);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->mutex);
    free(a);
}

/* ---- what analysts ask ----------------------------------------------------------------------- */

static int store_query_row(void *context, uint64_t position, const struct signed_head *head,
                           struct diag *d)
{
    struct question *q = context;
    ignore_result(head->size == 0, "the row has no use for the head");
    q->position = position;
    return store_add_query(q->g->store, &q->id, &q->analyst, q->document, position, d);
}

/* Called with the table's mutex, which keeps two requests for one query apart. */
static int begin_life(struct asking *a, struct question *q, struct diag *d)
{
    struct query_log_leaf leaf = {.kind = QUERY_LOG_QUERY, .query = q->id, .analyst = q->analyst};
    uint64_t position;
    pthread_t thread;
    pthread_attr_t attr;
    if (a->count >= WAITING_MAX) {
        return diag_fail(d, -EBUSY, "%u queries are under way: ask later", WAITING_MAX);
    }
    int r = logbook_append(a->g->log, &leaf, store_query_row, q, &position, d);
    if (r != 0) {
        return r;
    }
    event("query %s is taken", q->name);
    q->next = a->all;
    a->all = q;
    a->count++;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    r = -pthread_create(&thread, &attr, live, q);
    pthread_attr_destroy(&attr);
    if (r != 0) {
        a->all = q->next;
        a->count--;
        (void)diag_fail(d, r, "no thread for the query: %s", strerror(-r));
        fail(q, d); /* it is in the log: asked again, it says so */
    }
    return r;
}

int asking_take(struct daemon *g, struct bytes document, const struct query_hash *analyst,
                struct query_hash *ret_id, struct diag *d)
{
    struct question *q = NULL;
    struct store_query *there = calloc(1, sizeof *there);
    int r =
        there == NULL ? diag_fail(d, -ENOMEM, "no memory for a query") : make(g, document, &q, d);
    if (r != 0) {
        free(there);
        return r;
    }
    *ret_id = q->id;
    q->analyst = *analyst;
    if (!query_hash_equal(&q->doc->analyst, analyst)) {
        r = diag_fail(d, -EACCES, "the document names another analyst than the request's signer");
    }
    pthread_mutex_lock(&g->asking->mutex);
    bool taken = r == 0 && store_query(g->store, &q->id, there, d) == 0;
    if (r == 0 && !taken) {
        r = q->doc->deadline <= now_s() ? diag_fail(d, -ETIME, "the query's deadline is past")
                                        : begin_life(g->asking, q, d);
        q = r == 0 ? NULL : q;
    }
    pthread_mutex_unlock(&g->asking->mutex);
    if (q != NULL) {
        unmake(q);
    }
    free(there);
    return r;
}

int asking_progress(struct daemon *g, const struct query_hash *id, struct store_query *ret,
                    struct diag *d)
{
    pthread_mutex_lock(&g->asking->mutex);
    int r = store_query(g->store, id, ret, d);
    for (struct question *q = g->asking->all; q != NULL && r == 0; q = q->next) {
        if (!query_hash_equal(&q->id, id)) {
            continue;
        }
        pthread_mutex_lock(&q->mutex);
        ret->progress = q->progress;
        base_format(ret->sentence, sizeof ret->sentence, "%.*s", (int)q->progress.sentence.size,
                    (const char *)q->progress.sentence.data);
        ret->progress.sentence = BYTES(ret->sentence, strlen(ret->sentence));
        pthread_mutex_unlock(&q->mutex);
    }
    pthread_mutex_unlock(&g->asking->mutex);
    return r;
}
