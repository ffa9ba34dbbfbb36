/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation with the owner's phone: sealed messages that the host brings, and their answers.
 *
 * Adversary: the host and anybody it works with. It can bring what it likes, again, late, or in
 * another order; a message counts when it opens from the owner's key for this boot's key, once. */
#include "inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What becomes of one message. */
struct reply {
    enum wire_code code;
    struct diag why;
    struct volume_state state;  /* acknowledged with it */
    struct service_buffer body; /* of an order's answer */
};
struct request {
    struct message message;
    struct bytes proof;
};

static void say(struct reply *r, enum wire_code code, const char *why)
{
    r->code = code;
    (void)diag_fail(&r->why, 0, "%s", why != NULL ? why : wire_code_explain(code));
}

/* ---- opening the volume ---------------------------------------------------------------------- */

static bool same_secret(const struct custodian *c, const uint8_t secret[32])
{
    struct query_hash hash;
    return query_hash_of(BYTES(secret, 32), &hash) == 0 &&
           ct_equal(hash.data, c->secret_hash, sizeof c->secret_hash);
}

/* Is what is open no older than the minimum? */
static bool reaches(const struct custodian *c, const struct volume_state *minimum)
{
    struct volume_state now;
    return c->volume->state(c->volume->context, &now) == 0 &&
           (now.sequence > minimum->sequence ||
            (now.sequence == minimum->sequence &&
             (minimum->sequence == 0 || query_hash_equal(&now.root, &minimum->root))));
}

/* OK, KEY, ROLLED_BACK or STORAGE. Once open, the volume stays so. */
static enum wire_code open_volume(struct custodian *c, const uint8_t secret[32],
                                  const struct volume_state *minimum, struct diag *d)
{
    if (c->volume_open) {
        enum wire_code code = !same_secret(c, secret) ? WIRE_CODE_KEY
                              : !reaches(c, minimum)  ? WIRE_CODE_ROLLED_BACK
                                                      : WIRE_CODE_OK;
        (void)diag_fail(d, 0, "%s", wire_code_explain(code));
        return code;
    }
    struct query_hash hash;
    if (query_hash_of(BYTES(secret, 32), &hash) != 0) {
        return WIRE_CODE_INTERNAL;
    }
    switch (c->volume->open(c->volume->context, secret, minimum, d)) {
    case 0:
        c->volume_open = true;
        memcpy(c->secret_hash, hash.data, sizeof c->secret_hash);
        return WIRE_CODE_OK;
    case -EKEYREJECTED:
        return WIRE_CODE_KEY;
    case -ESTALE:
        return WIRE_CODE_ROLLED_BACK;
    default:
        return WIRE_CODE_STORAGE;
    }
}

/* ---- claim and unlock ------------------------------------------------------------------------ */

static bool policy_good(struct bytes cbor, struct wire_policy *ret, struct diag *d)
{
    struct query_key log;
    if (wire_read_policy(cbor, ret, d) != 0) {
        return false;
    }
    if (ret->version == 0 || query_key_read(BYTES_OF(ret->log_key), &log) != 0) {
        (void)diag_fail(d, 0, "a policy needs a version above 0 and the log's key");
        return false;
    }
    return true;
}

static void acknowledge(struct custodian *c, struct reply *r)
{
    if (r->code == WIRE_CODE_OK) {
        r->code = store_acknowledge(c, &r->state, &r->why);
    }
}

/* A new owner's state, with nothing in it. NULL with the code. */
static struct stored *new_stored(struct custodian *c, const struct wire_claim *claim,
                                 const struct hpke_public_key *from, struct reply *r)
{
    struct query_key log;
    struct query_hash log_id;
    struct stored *s = malloc(sizeof *s);
    if (s == NULL) {
        say(r, WIRE_CODE_INTERNAL, NULL);
        return NULL;
    }
    memset(s, 0, sizeof *s);
    s->message = *from;
    if (query_key_read(BYTES_OF(claim->owner_key), &s->owner) != 0) {
        say(r, WIRE_CODE_FORMAT, "the owner's key is no point of P-256");
    } else if (!policy_good(claim->policy, &s->policy, &r->why)) {
        r->code = WIRE_CODE_POLICY;
    } else if (query_key_read(BYTES_OF(s->policy.log_key), &log) != 0 ||
               query_key_id(&log, &log_id) != 0) {
        say(r, WIRE_CODE_INTERNAL, NULL);
    } else {
        ledger_start(&s->ledger, &c->boot_id, &log_id);
        if (ledger_policy(&s->ledger, s->policy.version, s->policy.cap, &r->why) == 0) {
            return s;
        }
        r->code = WIRE_CODE_POLICY;
    }
    free(s);
    return NULL;
}

static void do_claim(struct custodian *c, const struct request *q, struct reply *r)
{
    const struct volume_state none = {0};
    struct wire_claim claim;
    struct query_hash owner;
    if (c->life != LIFE_STARTED) {
        say(r, WIRE_CODE_OWNED, NULL);
        return;
    }
    if (wire_read_claim(q->message.body, &claim, &r->why) != 0) {
        r->code = WIRE_CODE_FORMAT;
        return;
    }
    struct stored *next = new_stored(c, &claim, &q->message.from, r);
    if (next == NULL) {
        secure_zero(claim.secret, sizeof claim.secret);
        return;
    }
    enum wire_code code = open_volume(c, claim.secret, &none, &r->why);
    secure_zero(claim.secret, sizeof claim.secret);
    int there = code == WIRE_CODE_OK ? store_load(c, &r->why) : 0;
    if (code == WIRE_CODE_KEY || (code == WIRE_CODE_OK && there == 0)) {
        code = WIRE_CODE_OWNED; /* not new; whose it is, an unlock finds out */
    } else if (there == -ENOTEMPTY) {
        code = WIRE_CODE_STATE;
    } else if (code == WIRE_CODE_OK && there != -ENOENT) {
        code = WIRE_CODE_STORAGE;
    }
    if (code != WIRE_CODE_OK) {
        free(next);
        free(c->stored);
        c->stored = NULL;
        say(r, code, code == WIRE_CODE_STATE ? r->why.text : NULL);
        return;
    }
    if (query_key_id(&next->owner, &owner) != 0) {
        free(next);
        say(r, WIRE_CODE_INTERNAL, NULL);
        return;
    }
    r->code = store_commit(c, next, NULL, 0, &r->why);
    if (r->code == WIRE_CODE_OK) {
        c->life = LIFE_OPEN;
        memcpy(c->owner_hash, owner.data, sizeof c->owner_hash);
    }
    acknowledge(c, r);
}

/* What was loaded to find out, and is not to be served. */
static void close_again(struct custodian *c)
{
    if (c->life == LIFE_STARTED) {
        free(c->stored);
        c->stored = NULL;
    }
}

static void do_unlock(struct custodian *c, const struct request *q, struct reply *r)
{
    struct wire_unlock unlock;
    if (wire_read_unlock(q->message.body, &unlock, &r->why) != 0) {
        r->code = WIRE_CODE_FORMAT;
        return;
    }
    struct volume_state minimum = {.sequence = unlock.sequence};
    memcpy(minimum.root.data, unlock.root, sizeof minimum.root.data);
    enum wire_code code = open_volume(c, unlock.secret, &minimum, &r->why);
    secure_zero(unlock.secret, sizeof unlock.secret);
    if (code != WIRE_CODE_OK) {
        r->code = code;
        return;
    }
    int there = c->life == LIFE_STARTED ? store_load(c, &r->why) : 0;
    if (there != 0) {
        c->life = there == -ENOTEMPTY ? LIFE_DELETED : LIFE_STARTED;
        r->code = there == -ENOENT || there == -ENOTEMPTY ? WIRE_CODE_STATE
                  : there == -ENOMEM                      ? WIRE_CODE_INTERNAL
                                                          : WIRE_CODE_STORAGE;
        return;
    }
    if (memcmp(unlock.owner_key, c->stored->owner.point, sizeof unlock.owner_key) != 0 ||
        !hpke_public_equal(&q->message.from, &c->stored->message)) {
        close_again(c);
        say(r, WIRE_CODE_NOT_OWNER, NULL);
        return;
    }
    /* The volume's number is high enough; but is it the one that the phone's state comes from? A
     * copy beside it has another past, however far it has come. */
    if (!ledger_knows(&c->stored->ledger, &minimum)) {
        close_again(c);
        say(r, WIRE_CODE_ROLLED_BACK, NULL);
        return;
    }
    c->life = LIFE_OPEN;
    acknowledge(c, r);
}

/* ---- what an owner sends --------------------------------------------------------------------- */

static void do_grant(struct custodian *c, const struct request *q, struct reply *r)
{
    struct wire_grant grant;
    enum ledger_reason reason;
    if (wire_read_grant(q->message.body, &grant, &r->why) != 0) {
        r->code = WIRE_CODE_FORMAT;
        return;
    }
    struct stored *next = store_copy(c);
    int err = next == NULL ? -ENOMEM
                           : ledger_grant(&next->ledger, &next->owner, grant.lease, q->proof,
                                          &reason, &r->why);
    if (err != 0) {
        free(next);
        r->code = err == -EACCES ? WIRE_CODE_LEASE : WIRE_CODE_INTERNAL;
        return;
    }
    r->code = store_commit(c, next, NULL, 0, &r->why);
    acknowledge(c, r);
}

static void do_upload(struct custodian *c, const struct request *q, struct reply *r)
{
    struct wire_upload upload;
    if (wire_read_upload(q->message.body, &upload, &r->why) != 0) {
        r->code = WIRE_CODE_FORMAT;
        return;
    }
    if (upload.day < QUERY_DAY_FIRST) {
        say(r, WIRE_CODE_FORMAT, "no day of traces lies before the year 2000");
        return;
    }
    if (c->job.stage != JOB_NONE && !c->job.is_query && c->job.day == upload.day) {
        c->job.is_void = true;
    }
    r->code = day_put(c, upload.day, upload.data, &r->why);
    acknowledge(c, r);
}

static void do_policy(struct custodian *c, const struct request *q, struct reply *r)
{
    struct wire_policy_change change;
    if (wire_read_policy_change(q->message.body, &change, &r->why) != 0) {
        r->code = WIRE_CODE_FORMAT;
        return;
    }
    struct stored *next = store_copy(c);
    if (next == NULL) {
        say(r, WIRE_CODE_INTERNAL, NULL);
        return;
    }
    bool good = policy_good(change.policy, &next->policy, &r->why);
    if (good && memcmp(next->policy.log_key, c->stored->policy.log_key, QUERY_KEY_SIZE) != 0) {
        say(r, WIRE_CODE_POLICY,
            "the log's key stays what it was: budgets are counted by that log's time");
        good = false;
    }
    if (!good ||
        ledger_policy(&next->ledger, next->policy.version, next->policy.cap, &r->why) != 0) {
        r->code = WIRE_CODE_POLICY;
        free(next);
        return;
    }
    next->withdrawn = false;
    r->code = store_commit(c, next, NULL, 0, &r->why);
    for (size_t i = 0; i < c->day_count && r->code == WIRE_CODE_OK; i++) {
        c->days[i].deferred = NULL; /* other workers may be wanted now */
    }
    acknowledge(c, r);
}

/* ---- orders ---------------------------------------------------------------------------------- */

static void give(struct reply *r, enum wire_record which, const void *record, size_t payload)
{
    if (encode(which, record, payload, &r->body, &r->why) != 0) {
        r->code = WIRE_CODE_INTERNAL;
    }
}

static void order_state(struct custodian *c, struct reply *r)
{
    const struct ledger *l = &c->stored->ledger;
    struct wire_state s = {.paused = c->stored->paused,
                           .withdrawn = c->stored->withdrawn,
                           .policy = l->policy,
                           .time = l->head.time,
                           .cap = l->budget.cap,
                           .lifetime = l->budget.lifetime,
                           .days = c->day_count,
                           .events = c->event_count};
    if (l->has_lease) {
        s.lease = l->lease.number;
        s.lease_rho = l->lease.rho;
        s.lease_left = l->left;
        s.lease_end = l->lease.not_after;
    }
    s.spent = l->budget.window == lease_window(l->head.time) ? l->budget.spent : 0;
    days_count(c, &s.processed, &s.pending);
    give(r, WIRE_state, &s, 0);
}

static void order_days(struct custodian *c, uint64_t from, struct reply *r)
{
    static struct wire_days page;
    static char failures[WIRE_PAGE_MAX][WIRE_FAILURE_MAX + 1];
    AUTO_SERVICE_BUFFER file = {0};
    memset(&page, 0, sizeof page);
    page.total = c->day_count;
    for (size_t i = from < c->day_count ? (size_t)from : c->day_count;
         i < c->day_count && page.days_count < WIRE_PAGE_MAX; i++) {
        const struct day *day = &c->days[i];
        char *failure = failures[page.days_count];
        struct wire_day *to = &page.days[page.days_count++];
        *to = (struct wire_day){.day = day->day, .raw = day->raw};
        if (day->deferred != NULL) {
            to->failed = true;
            to->failure = SENTENCE(day->deferred);
        } else if (day->failed) {
            to->failed = true;
            failure_text(day_read(c, day, false, &file) == 0 ? service_buffer_bytes(&file)
                                                             : BYTES(NULL, 0),
                         failure);
            to->failure = SENTENCE(failure);
        } else {
            to->processed = day->out;
        }
    }
    give(r, WIRE_days, &page, WIRE_PAGE_MAX * sizeof failures[0]);
}

static void order_get(struct custodian *c, const struct wire_order *order, struct reply *r)
{
    AUTO_SERVICE_BUFFER content = {0};
    const struct day *day = day_find(c, order->day);
    bool raw = order->stage == 0;
    int err = day == NULL || (!raw && day->failed) ? -ENOENT : day_read(c, day, raw, &content);
    if (err != 0) {
        say(r,
            err == -ENOENT   ? WIRE_CODE_NOT_FOUND
            : err == -ENOMEM ? WIRE_CODE_INTERNAL
                             : WIRE_CODE_STORAGE,
            NULL);
        return;
    }
    const struct wire_file file = {
        .day = order->day, .stage = order->stage, .data = service_buffer_bytes(&content)};
    give(r, WIRE_file, &file, content.size);
}

static void order_activity(struct custodian *c, uint64_t from, struct reply *r)
{
    static struct wire_activity page, one;
    static uint8_t slots[WIRE_PAGE_MAX][EVENT_SIZE];
    memset(&page, 0, sizeof page);
    page.total = c->event_count;
    for (uint64_t skip = from; skip < c->event_count && page.events_count < WIRE_PAGE_MAX; skip++) {
        uint64_t number = c->events[c->event_count - 1 - skip].number;
        if (event_read(c, number, &one, slots[page.events_count]) != 0) {
            say(r, WIRE_CODE_STORAGE, "an event cannot be read");
            return;
        }
        page.events[page.events_count++] = one.events[0];
    }
    give(r, WIRE_activity, &page, sizeof slots);
}

static void order_change(struct custodian *c, enum wire_order_kind what, struct reply *r)
{
    struct stored *next = store_copy(c);
    if (next == NULL) {
        say(r, WIRE_CODE_INTERNAL, NULL);
        return;
    }
    next->paused = what == WIRE_ORDER_PAUSE || (what != WIRE_ORDER_RESUME && next->paused);
    if (what == WIRE_ORDER_WITHDRAW) {
        next->withdrawn = true;
        next->ledger.has_lease = false;
        next->ledger.left = 0;
    }
    r->code = store_commit(c, next, NULL, 0, &r->why);
    if (r->code == WIRE_CODE_OK && what == WIRE_ORDER_WITHDRAW) {
        runs_void(c, "withdrawn before it left: the default was sent");
    }
    acknowledge(c, r);
}

static void order_delete(struct custodian *c, struct reply *r)
{
    r->code = store_delete(c, &r->state, &r->why);
    if (r->code == WIRE_CODE_OK) {
        c->life = LIFE_DELETED;
        job_end(c);
        for (size_t i = 0; i < QUERIES_MAX; i++) {
            run_free(c->runs[i]);
            c->runs[i] = NULL;
        }
    }
}

static void do_order(struct custodian *c, const struct request *q, struct reply *r)
{
    struct wire_order order;
    if (wire_read_order(q->message.body, &order, &r->why) != 0) {
        r->code = WIRE_CODE_FORMAT;
        return;
    }
    switch ((enum wire_order_kind)order.what) {
    case WIRE_ORDER_STATE:
        order_state(c, r);
        break;
    case WIRE_ORDER_DAYS:
        order_days(c, order.from, r);
        break;
    case WIRE_ORDER_GET:
        order_get(c, &order, r);
        break;
    case WIRE_ORDER_ACTIVITY:
        order_activity(c, order.from, r);
        break;
    case WIRE_ORDER_PAUSE:
    case WIRE_ORDER_RESUME:
    case WIRE_ORDER_WITHDRAW:
        order_change(c, (enum wire_order_kind)order.what, r);
        break;
    case WIRE_ORDER_DELETE:
        order_delete(c, r);
        break;
    case WIRE_ORDER_COUNT:
    default:
        r->code = WIRE_CODE_FORMAT;
    }
}

/* ---- one message ----------------------------------------------------------------------------- */

/* Which bodies each kind may have, when it is allowed, and who answers. */
static const struct {
    enum message_kind kind;
    enum wire_record body;
    bool when_started;
    void (*act)(struct custodian *c, const struct request *q, struct reply *r);
} acts[] = {
    {MESSAGE_KIND_CLAIM, WIRE_claim, true, do_claim},
    {MESSAGE_KIND_GRANT, WIRE_unlock, true, do_unlock},
    {MESSAGE_KIND_GRANT, WIRE_grant, false, do_grant},
    {MESSAGE_KIND_UPLOAD, WIRE_upload, false, do_upload},
    {MESSAGE_KIND_COMMAND, WIRE_policy_change, false, do_policy},
    {MESSAGE_KIND_COMMAND, WIRE_order, false, do_order},
};

static void act(struct custodian *c, const struct request *q, struct reply *r)
{
    enum wire_record body = wire_peek(q->message.body);
    if (c->life == LIFE_DELETED) {
        say(r, WIRE_CODE_STATE, NULL);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(acts); i++) {
        if (acts[i].kind == q->message.kind && acts[i].body == body) {
            if (c->life == LIFE_STARTED && !acts[i].when_started) {
                say(r, WIRE_CODE_LOCKED, NULL);
            } else {
                acts[i].act(c, q, r);
            }
            return;
        }
    }
    say(r, WIRE_CODE_FORMAT, NULL);
}

static bool kind_taken(enum message_kind kind)
{
    bool found = false;
    for (size_t i = 0; i < ARRAY_SIZE(acts); i++) {
        found = found || acts[i].kind == kind;
    }
    return found;
}

/* Each id once in a boot. 0; -EBADMSG: seen before; -ENOBUFS: too many; -ENOMEM. */
static int remember(struct custodian *c, const uint8_t id[MESSAGE_ID_SIZE])
{
    for (size_t i = 0; i < c->seen_count; i++) {
        if (memcmp(c->seen[i], id, MESSAGE_ID_SIZE) == 0) {
            return -EBADMSG;
        }
    }
    if (c->seen_count == SEEN_MAX) {
        return -ENOBUFS;
    }
    if (c->seen_count == c->seen_room) {
        size_t room = c->seen_room > 0 ? 2 * c->seen_room : 64;
        uint8_t(*bigger)[MESSAGE_ID_SIZE] = realloc(c->seen, room * sizeof *bigger);
        if (bigger == NULL) {
            return -ENOMEM;
        }
        c->seen = bigger;
        c->seen_room = room;
    }
    memcpy(c->seen[c->seen_count++], id, MESSAGE_ID_SIZE);
    return 0;
}

/* Seals the answer for the message's sender, and puts it into the host's. */
static int seal(struct custodian *c, const struct request *q, struct reply *r,
                struct service_buffer *answer)
{
    AUTO_SERVICE_BUFFER record = {0}, sealed = {0};
    uint8_t id[MESSAGE_ID_SIZE];
    if (r->code == WIRE_CODE_OK) {
        r->why.text[0] = '\0';
    }
    struct wire_answer a = {.code = r->code,
                            .sentence = plain_sentence(&r->why),
                            .sequence = r->state.sequence,
                            .head_size = c->stored != NULL && c->life == LIFE_OPEN
                                             ? c->stored->ledger.head.tree.size
                                             : 0,
                            .body = service_buffer_bytes(&r->body)};
    memcpy(a.root, r->state.root.data, sizeof a.root);
    int err = encode(WIRE_answer, &a, r->body.size, &record, NULL);
    service_buffer_reset(&r->body);
    struct message_draft draft = {.kind = MESSAGE_KIND_ANSWER,
                                  .context_mode = MESSAGE_CONTEXT_VALUE,
                                  .context = BYTES_OF(q->message.id),
                                  .to = &q->message.from,
                                  .from = HPKE_FROM_SELF(&c->boot),
                                  .aead = HPKE_SUITE_DEFAULT.aead,
                                  .body = service_buffer_bytes(&record)};
    size_t size = err == 0 ? message_sealed_size(&draft) : 0;
    err = err != 0 ? err : size == 0 ? -EINVAL : service_buffer_reserve(&sealed, size);
    if (err == 0) {
        struct writer w = writer_of(sealed.data, sealed.capacity);
        err = message_seal(&draft, &w, id, NULL);
        sealed.size = w.size;
    }
    service_buffer_reset(&record);
    const struct wire_delivered delivered = {.message = service_buffer_bytes(&sealed),
                                             .work = has_work(c),
                                             .deleted = c->life == LIFE_DELETED};
    err = err != 0 ? err : encode(WIRE_delivered, &delivered, sealed.size, answer, NULL);
    return err != 0 ? service_refuse(WIRE_CODE_INTERNAL, NULL, answer) : 0;
}

/* Opens it as what it may be now: of the owner, once there is one; a claim's sender is anybody. */
static int open_message(struct custodian *c, struct bytes sealed, struct service_buffer *plain,
                        struct message *ret)
{
    struct message_header header;
    if (message_peek(sealed, &header, NULL) != 0 || !kind_taken(header.kind)) {
        return -EBADMSG;
    }
    bool known = c->life == LIFE_OPEN && header.kind != MESSAGE_KIND_CLAIM;
    const struct message_expectation expected = {.kind = header.kind,
                                                 .context_mode = MESSAGE_CONTEXT_NONE,
                                                 .from_mode = known ? MESSAGE_FROM_KEY
                                                                    : MESSAGE_FROM_CLAIMED,
                                                 .from = known ? &c->stored->message : NULL,
                                                 .evidence_mode = MESSAGE_EVIDENCE_NONE};
    int err = service_buffer_reserve(plain, sealed.size);
    if (err == 0) {
        plain->size = plain->capacity; /* all of it is wiped */
        err = message_open(sealed, &c->boot, &expected, plain->data, plain->capacity, ret, NULL);
    }
    return err;
}

int answer_owner(struct custodian *c, struct bytes record, struct service_buffer *answer)
{
    struct wire_deliver deliver;
    struct request q = {0};
    struct reply r = {.code = WIRE_CODE_OK};
    AUTO_SERVICE_BUFFER plain = {0};
    struct diag d = {""};
    if (wire_read_deliver(record, &deliver, &d) != 0) {
        return service_refuse(WIRE_CODE_FORMAT, &d, answer);
    }
    if (c->life == LIFE_DELETED) {
        return service_refuse(WIRE_CODE_STATE, NULL, answer);
    }
    int err = open_message(c, deliver.message, &plain, &q.message);
    /* Who is not the owner fills no memory: what a stranger repeats has no effect. */
    bool owners = c->life == LIFE_OPEN && q.message.kind != MESSAGE_KIND_CLAIM;
    if (err == 0 && owners) {
        err = remember(c, q.message.id);
    }
    if (err != 0) {
        return service_refuse(err == -ENOMEM || err == -EIO ? WIRE_CODE_INTERNAL
                              : err == -ENOBUFS             ? WIRE_CODE_BUSY
                                                            : WIRE_CODE_MESSAGE,
                              NULL, answer);
    }
    q.proof = deliver.proof;
    act(c, &q, &r);
    if (!owners && r.code == WIRE_CODE_OK && remember(c, q.message.id) != 0) {
        r.code = WIRE_CODE_INTERNAL; /* open it is; the phone asks again */
    }
    service_buffer_reset(&plain); /* before the answer takes as much */
    int end = seal(c, &q, &r, answer);
    service_buffer_done(&r.body);
    secure_zero(&r.why, sizeof r.why);
    return end;
}
