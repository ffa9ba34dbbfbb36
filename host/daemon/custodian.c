/* SPDX-License-Identifier: Apache-2.0 */
#include "custodian.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "event.h"
#include "job.h"

#define HEX_SHOWN     12
#define VOLUME_FOLDER "volumes"
/* Its evidence and collateral are as old as the last hello, and aggregators take a week. */
#define GREET_AGAIN_MS  (12 * 3600 * 1000)
#define LOOK_S          10    /* how long a query that looks who is there waits for one of them */
#define LOOK_BACK       1024u /* sizes of the log that it may be behind what we remember */
#define SEARCH_AGAIN_MS (10 * 60 * 1000)

struct custodian {
    uint8_t id[32];
    struct query_key owner;
    char hex[65], name[HEX_SHOWN + 1];
    pthread_mutex_t jobs;
    pthread_mutex_t mutex; /* guards what follows, and is held through a call */
    struct service service;
    const struct program *program;
    bool gone;
    bool running;   /* __atomic: as of the last call, for whoever counts */
    bool scheduled; /* __atomic: somebody will see to its jobs */
    bool open;
    int64_t greeted_ms, search_again_ms;
    uint64_t holds;      /* open: size of the log's head that it holds */
    uint64_t held, sent; /* as stored: it holds one of these sizes */
};

struct custodians {
    pthread_mutex_t mutex;
    struct custodian **list; /* sorted by id; entries stay where they are */
    size_t count, room;
};

/* ---- the table ------------------------------------------------------------------------------- */

/* Where the id is, or would be. */
static size_t place_of(const struct custodians *t, const uint8_t id[32])
{
    size_t low = 0, high = t->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(t->list[middle]->id, id, 32) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static int insert(struct custodians *t, struct custodian *c)
{
    if (t->count == t->room) {
        size_t room = t->room > 0 ? 2 * t->room : 64;
        struct custodian **bigger = realloc(t->list, room * sizeof *bigger);
        if (bigger == NULL) {
            return -ENOMEM;
        }
        t->list = bigger;
        t->room = room;
    }
    size_t at = place_of(t, c->id);
    memmove(&t->list[at + 1], &t->list[at], (t->count - at) * sizeof t->list[0]);
    t->list[at] = c;
    t->count++;
    return 0;
}

static struct custodian *make(const uint8_t id[32], const struct query_key *owner,
                              const struct program *program)
{
    struct custodian *c = calloc(1, sizeof *c);
    if (c != NULL) {
        memcpy(c->id, id, sizeof c->id);
        c->owner = *owner;
        c->program = program;
        hex_encode(c->hex, id, 32);
        memcpy(c->name, c->hex, HEX_SHOWN);
        pthread_mutex_init(&c->mutex, NULL);
        pthread_mutex_init(&c->jobs, NULL);
    }
    return c;
}

static void unmake(struct custodian *c)
{
    service_end(&c->service, 0);
    pthread_mutex_destroy(&c->mutex);
    pthread_mutex_destroy(&c->jobs);
    free(c);
}

static void volume_of(const struct daemon *g, const struct custodian *c, char ret[PATH_MAX])
{
    base_format(ret, PATH_MAX, "%s/" VOLUME_FOLDER "/%s", g->state, c->hex);
}

static int remove_volume(const struct daemon *g, const struct custodian *c, struct diag *d)
{
    char path[PATH_MAX];
    volume_of(g, c, path);
    return unlink(path) == 0 || errno == ENOENT
               ? 0
               : diag_fail(d, -errno, "cannot remove %s: %s", path, strerror(errno));
}

/* What is left of one that is gone: nothing, if all went well at the first time. */
static int remove_locked(struct daemon *g, struct custodian *c, struct diag *d)
{
    int r = remove_volume(g, c, d);
    r = r != 0 ? r : store_remove_custodian(g->store, c->id, d);
    return r == -ENOENT ? 0 : r;
}

struct opening {
    struct daemon *g;
    struct diag *d;
};

static int take_row(void *context, const struct store_custodian *row)
{
    struct opening *o = context;
    const struct program *program =
        programs_by_name(&o->g->programs, QUERY_ROLE_CUSTODIAN, row->program);
    struct custodian *c = make(row->id, &row->owner, program);
    if (c == NULL) {
        return diag_fail(o->d, -ENOMEM, "no memory for custodians");
    }
    if (program == NULL) {
        event("custodian %s wants the program \"%s\", which no --custodian names: its owner can "
              "move it",
              c->name, row->program);
    }
    c->gone = row->deleting;
    c->held = row->held;
    c->sent = row->sent;
    int r = insert(o->g->custodians, c);
    if (r != 0) {
        unmake(c);
        return diag_fail(o->d, r, "no memory for custodians");
    }
    return 0;
}

/* What a crash left of a removal. */
static int finish_removals(struct daemon *g, struct diag *d)
{
    struct custodians *t = g->custodians;
    size_t kept = 0;
    int r = 0;
    for (size_t i = 0; i < t->count; i++) {
        struct custodian *c = t->list[i];
        if (!c->gone || r != 0) {
            t->list[kept++] = c;
            continue;
        }
        r = remove_locked(g, c, d);
        unmake(c);
    }
    t->count = kept;
    return r;
}

int custodians_open(struct daemon *g, struct diag *d)
{
    char path[PATH_MAX];
    struct opening o = {.g = g, .d = d};
    g->custodians = calloc(1, sizeof *g->custodians);
    if (g->custodians == NULL) {
        return diag_fail(d, -ENOMEM, "no memory for custodians");
    }
    pthread_mutex_init(&g->custodians->mutex, NULL);
    base_format(path, sizeof path, "%s/" VOLUME_FOLDER, g->state);
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return diag_fail(d, -errno, "cannot make %s: %s", path, strerror(errno));
    }
    int r = store_custodians(g->store, take_row, &o, d);
    return r != 0 ? r : finish_removals(g, d);
}

void custodians_close(struct custodians *t)
{
    if (t == NULL) {
        return;
    }
    for (size_t i = 0; i < t->count; i++) {
        unmake(t->list[i]);
    }
    pthread_mutex_destroy(&t->mutex);
    free(t->list);
    free(t);
}

static struct custodian *find(struct custodians *t, const uint8_t id[32])
{
    size_t at = place_of(t, id);
    return at < t->count && memcmp(t->list[at]->id, id, 32) == 0 ? t->list[at] : NULL;
}

struct custodian *custodians_find(struct daemon *g, const uint8_t id[32])
{
    pthread_mutex_lock(&g->custodians->mutex);
    struct custodian *c = find(g->custodians, id);
    pthread_mutex_unlock(&g->custodians->mutex);
    return c;
}

const uint8_t *custodian_id(const struct custodian *c)
{
    return c->id;
}

const char *custodian_hex(const struct custodian *c)
{
    return c->name;
}

size_t custodians_count(struct daemon *g)
{
    pthread_mutex_lock(&g->custodians->mutex);
    size_t count = g->custodians->count;
    pthread_mutex_unlock(&g->custodians->mutex);
    return count;
}

size_t custodians_running(struct daemon *g, struct custodian **ret, size_t max)
{
    size_t count = 0;
    pthread_mutex_lock(&g->custodians->mutex);
    for (size_t i = 0; i < g->custodians->count && count < max; i++) {
        struct custodian *c = g->custodians->list[i];
        if (__atomic_load_n(&c->running, __ATOMIC_RELAXED)) {
            ret[count++] = c;
        }
    }
    pthread_mutex_unlock(&g->custodians->mutex);
    return count;
}

/* ---- starting and stopping ------------------------------------------------------------------- */

static void set_running(struct custodian *c, bool running)
{
    __atomic_store_n(&c->running, running, __ATOMIC_RELAXED);
}

static void stop_locked(struct custodian *c, int grace_ms)
{
    if (c->service.child != NULL) {
        service_end(&c->service, grace_ms);
        event("custodian %s is stopped", c->name);
    }
    c->open = false;
    set_running(c, false);
}

/* What it needs to put its evidence together; told again, it makes that anew. */
static int greet_locked(struct daemon *g, struct custodian *c, int timeout_ms, struct diag *d)
{
    struct wire_hello hello;
    struct wire_done done;
    struct answer answer = {.kind = WIRE_RECORDS};
    void *memory = NULL;
    int r = platform_hello(g->platform, c->program->manifest, &hello, &memory, d);
    if (r == 0) {
        r = service_ask(&c->service, WIRE_hello, &hello, timeout_ms, WIRE_done, &done, &answer, d);
        answer_free(&answer);
    }
    free(memory);
    c->greeted_ms = now_ms();
    return r;
}

static int start_locked(struct daemon *g, struct custodian *c, struct diag *d)
{
    char volume[PATH_MAX + 8], path[PATH_MAX], what[64];
    if (c->program == NULL) {
        return diag_fail(d, -EINVAL,
                         "this daemon does not have the custodian's program any more: move it to "
                         "another one");
    }
    volume_of(g, c, path);
    base_format(volume, sizeof volume, "data=%s", path);
    base_format(what, sizeof what, "custodian %s", c->name);
    const char *const argv[] = {g->alcove, "run", c->program->bundle, "--volume", volume, NULL};
    int r = service_start(g->children, CHILD_WAITS, argv, what, &c->service, d);
    if (r != 0) {
        return r;
    }
    r = greet_locked(g, c, START_MS, d);
    if (r != 0) {
        service_end(&c->service, 0);
        event("custodian %s does not start: %s", c->name, d->text);
        return r;
    }
    set_running(c, true);
    event("custodian %s runs %s", c->name, c->program->name);
    return 0;
}

/* 0 when it runs. */
static int running_locked(struct custodian *c, struct diag *d)
{
    if (c->gone) {
        return diag_fail(d, -ENOENT, "this custodian was deleted");
    }
    if (c->service.child != NULL && !service_ok(&c->service)) {
        stop_locked(c, 0); /* it crashed; nobody had noticed */
    }
    return c->service.child != NULL
               ? 0
               : diag_fail(d, -ENOTCONN, "the custodian does not run: attest it first");
}

static int fresh_locked(struct daemon *g, struct custodian *c, struct diag *d)
{
    int r = running_locked(c, d);
    return r == 0 && now_ms() - c->greeted_ms > GREET_AGAIN_MS ? greet_locked(g, c, CALL_MS, d) : r;
}

static int ask_locked(struct custodian *c, enum wire_record send, const void *record,
                      int timeout_ms, enum wire_record want, void *ret, struct answer *answer,
                      struct diag *d)
{
    *answer = (struct answer){.kind = WIRE_RECORDS};
    int r = running_locked(c, d);
    if (r != 0) {
        return r;
    }
    r = service_ask(&c->service, send, record, timeout_ms, want, ret, answer, d);
    if (r != 0 && !service_ok(&c->service)) {
        event("custodian %s is given up: %s", c->name, d != NULL ? d->text : "");
        stop_locked(c, 0);
        return r == -ETIMEDOUT ? r : -ENOTCONN;
    }
    return r;
}

/* ---- what owners ask ------------------------------------------------------------------------- */

static int add_locked(struct daemon *g, const struct store_custodian *row,
                      const struct program *program, struct diag *d)
{
    struct custodian *c =
        g->custodians->count < CUSTODIANS_MAX ? make(row->id, &row->owner, program) : NULL;
    int r = c == NULL ? diag_fail(d, -ENOSPC, "there is no room for another custodian")
                      : insert(g->custodians, c);
    if (r == 0) {
        r = store_add_custodian(g->store, row, d);
        if (r == 0) {
            return 0;
        }
        c->gone = true; /* as if it had been deleted */
        return r;
    }
    if (c != NULL) {
        unmake(c);
    }
    return r;
}

/* Whose custodian was deleted before may have another. */
static int add_again(struct daemon *g, struct custodian *c, const struct store_custodian *row,
                     const struct program *program, bool *ret_new, struct diag *d)
{
    pthread_mutex_lock(&c->mutex);
    int r = c->gone ? remove_locked(g, c, d) : 0;
    r = r == 0 && c->gone ? store_add_custodian(g->store, row, d) : r;
    if (r == 0 && c->gone) {
        c->program = program;
        c->gone = false;
        c->held = c->sent = 0;
        *ret_new = true;
    }
    pthread_mutex_unlock(&c->mutex);
    return r;
}

int custodian_enrol(struct daemon *g, const struct query_key *owner, bool *ret_new, struct diag *d)
{
    const struct program *program = programs_first(&g->programs, QUERY_ROLE_CUSTODIAN);
    struct store_custodian row = {.owner = *owner};
    struct query_hash id;
    if (program == NULL) {
        return diag_fail(d, -EINVAL, "this daemon has no custodian program");
    }
    if (query_key_id(owner, &id) != 0) {
        return diag_fail(d, -EIO, "the crypto library failed");
    }
    memcpy(row.id, id.data, sizeof row.id);
    memcpy(row.program, program->name, strlen(program->name) + 1);
    int r = 0;
    *ret_new = false;
    pthread_mutex_lock(&g->custodians->mutex);
    struct custodian *c = find(g->custodians, row.id);
    if (c == NULL) {
        r = add_locked(g, &row, program, d);
        *ret_new = r == 0;
    }
    pthread_mutex_unlock(&g->custodians->mutex);
    if (c != NULL) {
        r = add_again(g, c, &row, program, ret_new, d);
    }
    if (r == 0 && *ret_new) {
        char hex[65];
        hex_encode(hex, row.id, sizeof row.id);
        event("custodian %.*s is enrolled", HEX_SHOWN, hex);
    }
    return r;
}

int custodian_attest(struct daemon *g, struct custodian *c, struct bytes nonce,
                     struct wire_evidence *ret, struct answer *answer, struct diag *d)
{
    struct wire_attest attest = {.nonce = nonce};
    *answer = (struct answer){.kind = WIRE_RECORDS};
    pthread_mutex_lock(&c->mutex);
    int r = fresh_locked(g, c, d);
    r = r == -ENOTCONN ? start_locked(g, c, d) : r;
    r = r != 0 ? r : ask_locked(c, WIRE_attest, &attest, CALL_MS, WIRE_evidence, ret, answer, d);
    pthread_mutex_unlock(&c->mutex);
    return r;
}

static int remember(struct daemon *g, struct custodian *c, uint64_t held, uint64_t sent,
                    struct diag *d)
{
    if (held == c->held && sent == c->sent) {
        return 0;
    }
    c->held = held;
    c->sent = sent;
    return store_set_held(g->store, c->id, held, sent, d);
}

/* One attempt, with a proof from that size. *ret_fits: the custodian holds it, or is not open. */
static int advance_from(struct daemon *g, struct custodian *c, uint64_t from, bool *ret_fits,
                        struct diag *d)
{
    struct signed_head head;
    struct encoded_proof proof;
    struct answer answer;
    struct wire_held held;
    *ret_fits = false;
    int r = logbook_head(g->log, &head, d);
    if (r != 0 || from > head.size) {
        return r;
    }
    /* What it holds, or will hold, is known even if nobody is left to hear its answer. */
    const uint64_t held_before = c->held, sent_before = c->sent;
    r = remember(g, c, from, head.size, d);
    r = r != 0 ? r : logbook_prove_extension(g->log, from, head.size, &proof, d);
    if (r != 0) {
        return r;
    }
    struct wire_advance advance = {signed_head_bytes(&head), proof_bytes(&proof)};
    r = ask_locked(c, WIRE_advance, &advance, CALL_MS, WIRE_held, &held, &answer, d);
    bool wrong = r == -EACCES && answer.refused.code == WIRE_CODE_LOG;
    answer_free(&answer);
    if (r != 0) {
        return wrong ? 0 : r;
    }
    *ret_fits = true;
    c->open = held.open;
    if (!held.open) { /* who is locked takes nothing in, and holds what it held */
        return remember(g, c, held_before, sent_before, d);
    }
    c->holds = head.size;
    c->search_again_ms = 0; /* it follows this log */
    return 0;
}

/* Among the sizes that it may be behind what we remember; not again and again, because whoever
 * follows another log refuses them all. */
static int search_locked(struct daemon *g, struct custodian *c, bool *ret_fits, struct diag *d)
{
    uint64_t from = c->sent;
    int r = 0;
    if (now_ms() < c->search_again_ms) {
        return 0;
    }
    c->search_again_ms = now_ms() + SEARCH_AGAIN_MS;
    for (unsigned n = 0; n < LOOK_BACK && r == 0 && !*ret_fits && from > 1; n++) {
        r = advance_from(g, c, --from, ret_fits, d);
    }
    return r;
}

/* Tells it the newest head, with a proof from the one that it holds. That is one of two, unless
 * power failed or its volume is a new one; then it is looked for. -EBADMSG: it holds a head of
 * another log, and is as good as closed for queries. */
static int advance_locked(struct daemon *g, struct custodian *c, struct diag *d)
{
    const uint64_t likely[] = {c->open ? c->holds : c->sent, c->held, 0};
    bool fits = false;
    int r = 0;
    for (size_t i = 0; i < ARRAY_SIZE(likely) && r == 0 && !fits; i++) {
        r = i > 0 && likely[i] == likely[i - 1] ? 0 : advance_from(g, c, likely[i], &fits, d);
    }
    r = r != 0 || fits ? r : search_locked(g, c, &fits, d);
    if (r == 0 && !fits) {
        c->open = false;
        return diag_fail(
            d, -EBADMSG,
            "the custodian holds a head that this log does not extend, or follows another log");
    }
    return r;
}

/* After the owner's word: the process ends and the volume goes, the enrolment stays. */
static void wipe_locked(struct daemon *g, struct custodian *c)
{
    struct diag d = {""};
    stop_locked(c, STOP_GRACE_MS);
    if (remove_volume(g, c, &d) != 0) {
        event("custodian %s: %s", c->name, d.text);
    } else {
        event("custodian %s deleted its data; the volume is removed", c->name);
    }
}

int custodian_deliver(struct daemon *g, struct custodian *c, struct bytes message,
                      uint64_t phone_head, struct wire_delivered *ret, struct answer *answer,
                      struct diag *d)
{
    struct encoded_proof proof = {0};
    *answer = (struct answer){.kind = WIRE_RECORDS};
    pthread_mutex_lock(&c->mutex);
    int r = running_locked(c, d);
    r = r != 0 ? r : advance_locked(g, c, d);
    r = r == -EBADMSG ? 0 : r; /* its owner may want to change just that */
    if (r == 0 && c->open && phone_head <= c->holds) {
        r = logbook_prove_extension(g->log, phone_head, c->holds, &proof, d);
    }
    struct wire_deliver deliver = {message, proof_bytes(&proof)};
    r = r != 0 ? r
               : ask_locked(c, WIRE_deliver, &deliver, UPLOAD_MS, WIRE_delivered, ret, answer, d);
    if (r == 0 && ret->deleted) {
        wipe_locked(g, c);
    }
    pthread_mutex_unlock(&c->mutex);
    if (r == 0 && ret->work) {
        jobs_schedule(g, c);
    }
    return r;
}

int custodian_stop(struct daemon *g, struct custodian *c, struct diag *d)
{
    ignore_result(g == NULL, "as its neighbours");
    pthread_mutex_lock(&c->mutex);
    int r = c->gone ? diag_fail(d, -ENOENT, "this custodian was deleted") : 0;
    if (r == 0) {
        stop_locked(c, STOP_GRACE_MS);
    }
    pthread_mutex_unlock(&c->mutex);
    return r;
}

int custodian_move(struct daemon *g, struct custodian *c, const char *name, struct diag *d)
{
    const struct program *program = programs_by_name(&g->programs, QUERY_ROLE_CUSTODIAN, name);
    if (program == NULL) {
        return diag_fail(d, -EINVAL, "this daemon has no custodian program of the name \"%s\"",
                         name);
    }
    pthread_mutex_lock(&c->mutex);
    int r = c->gone ? diag_fail(d, -ENOENT, "this custodian was deleted")
                    : store_set_program(g->store, c->id, name, d);
    if (r == 0) {
        stop_locked(c, STOP_GRACE_MS);
        c->program = program;
        event("custodian %s moves to %s", c->name, name);
    }
    pthread_mutex_unlock(&c->mutex);
    return r;
}

/* Marked first: a crash in between must not leave a volume behind that a later enrolment finds. */
int custodian_delete(struct daemon *g, struct custodian *c, struct diag *d)
{
    pthread_mutex_lock(&c->mutex);
    int r = c->gone ? diag_fail(d, -ENOENT, "this custodian was deleted")
                    : store_set_deleting(g->store, c->id, d);
    if (r == 0) {
        stop_locked(c, 0);
        c->gone = true;
        r = remove_locked(g, c, d);
        event("custodian %s is deleted%s%s", c->name, r != 0 ? ", but " : "",
              r != 0 ? d->text : "");
    }
    pthread_mutex_unlock(&c->mutex);
    return r;
}

/* ---- queries and jobs ------------------------------------------------------------------------ */

int custodian_advance(struct daemon *g, struct custodian *c, bool *ret_open, struct diag *d)
{
    struct timespec until;
    *ret_open = false;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += LOOK_S;
    if (pthread_mutex_timedlock(&c->mutex, &until) != 0) {
        return diag_fail(d, -EBUSY, "its owner's request goes on");
    }
    int r = running_locked(c, d);
    r = r != 0 ? r : advance_locked(g, c, d);
    *ret_open = r == 0 && c->open;
    pthread_mutex_unlock(&c->mutex);
    return r;
}

int custodian_ask(struct daemon *g, struct custodian *c, enum wire_record send, const void *record,
                  int timeout_ms, enum wire_record want, void *ret, struct answer *answer,
                  struct diag *d)
{
    ignore_result(g == NULL, "as its neighbours");
    pthread_mutex_lock(&c->mutex);
    int r = ask_locked(c, send, record, timeout_ms, want, ret, answer, d);
    pthread_mutex_unlock(&c->mutex);
    return r;
}

int custodian_invite(struct daemon *g, struct custodian *c, struct wire_invite *invite,
                     uint64_t tree_size, bool *ret_accepted, struct diag *d)
{
    struct encoded_proof extends;
    struct wire_invited invited = {0};
    struct answer answer = {.kind = WIRE_RECORDS};
    pthread_mutex_lock(&c->mutex);
    int r = fresh_locked(g, c, d);
    r = r != 0 ? r : advance_locked(g, c, d);
    r = r == 0 && !c->open ? diag_fail(d, -ENOTCONN, "the custodian is locked") : r;
    r = r != 0 ? r : logbook_prove_extension(g->log, tree_size, c->holds, &extends, d);
    if (r == 0) {
        invite->extends = proof_bytes(&extends);
        r = ask_locked(c, WIRE_invite, invite, CALL_MS, WIRE_invited, &invited, &answer, d);
        answer_free(&answer);
    }
    pthread_mutex_unlock(&c->mutex);
    *ret_accepted = r == 0 && invited.accepted;
    return r;
}

void custodian_jobs_lock(struct custodian *c)
{
    pthread_mutex_lock(&c->jobs);
}

void custodian_jobs_unlock(struct custodian *c)
{
    pthread_mutex_unlock(&c->jobs);
}

bool custodian_schedule(struct custodian *c)
{
    return !__atomic_exchange_n(&c->scheduled, true, __ATOMIC_ACQ_REL);
}

void custodian_scheduled(struct custodian *c)
{
    __atomic_store_n(&c->scheduled, false, __ATOMIC_RELEASE);
}
