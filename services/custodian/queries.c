/* SPDX-License-Identifier: Apache-2.0 */
/* Queries: whether to answer, what it costs, and the contribution, which leaves at its time
 * whatever the script did.
 *
 * Adversary: the host and the analyst. Aggregator, document, log and proofs are theirs to choose;
 * each check refuses one way of using that. The host learns that a query was declined, not why. */
#include "abi/evidence.h"
#include "abi/limits.h"

#include "inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- who this is ----------------------------------------------------------------------------- */

/* The body of the REPORT in the quote of its own evidence: the runtime compared it. */
static int peer_in(struct bytes evidence, struct query_peer *ret)
{
    struct evidence e;
    struct sgx_report_body body;
    int err = evidence_decode(evidence, &e, NULL);
    struct cursor c = cursor_of(err == 0 ? e.quote : BYTES(NULL, 0));
    (void)cursor_take(&c, 48); /* the quote's header */
    struct bytes b = cursor_take(&c, sizeof body);
    if (!cursor_ok(&c)) {
        return -EIO;
    }
    memcpy(&body, b.data, sizeof body);
    *ret = (struct query_peer){.isvprodid = body.isvprodid, .isvsvn = body.isvsvn};
    memcpy(ret->mrenclave, body.mrenclave, sizeof ret->mrenclave);
    memcpy(ret->mrsigner, body.mrsigner, sizeof ret->mrsigner);
    memcpy(ret->configid, body.configid, sizeof ret->configid);
    return 0;
}

enum wire_code know_self(struct custodian *c, struct diag *d)
{
    int64_t now = env_of(c)->time_s(env_of(c)->context);
    if (c->self.size > 0 && now >= c->self_time && now - c->self_time < SELF_FRESH_S) {
        return WIRE_CODE_OK;
    }
    struct binding b = {.purpose = BINDING_PURPOSE_CUSTODIAN,
                        .key = c->boot.public_key,
                        .has_owner = true,
                        .fresh = BINDING_FRESH_TIME,
                        .time = now > 0 ? (uint64_t)now : 0};
    memcpy(b.owner, c->owner_hash, sizeof b.owner);
    AUTO_SERVICE_BUFFER evidence = {0};
    int err = service_evidence(&c->kit, &b, &evidence, d);
    if (err == 0 && evidence.size > SELF_MAX) {
        err = diag_fail(d, -EINVAL, "evidence of %zu bytes: the collateral of hello is too large",
                        evidence.size);
    }
    err = err != 0 ? err : peer_in(service_buffer_bytes(&evidence), &c->peer);
    if (err != 0) {
        return WIRE_CODE_INTERNAL;
    }
    service_buffer_done(&c->self);
    c->self = evidence;
    evidence = (struct service_buffer){0};
    c->self_time = now;
    return WIRE_CODE_OK;
}

/* ---- queries under way ----------------------------------------------------------------------- */

static void forget_inside(struct run *r)
{
    if (r->vector != NULL) {
        secure_zero(r->vector, r->entries * sizeof *r->vector);
        free(r->vector);
    }
    free(r->doc);
    free(r->doc_bytes);
    r->vector = NULL;
    r->doc = NULL;
    r->doc_bytes = NULL;
}

void run_free(struct run *r)
{
    if (r != NULL) {
        forget_inside(r);
        service_buffer_done(&r->sealed);
        secure_zero(r, sizeof *r);
        free(r);
    }
}

void runs_void(struct custodian *c, const char *why)
{
    for (size_t i = 0; i < QUERIES_MAX; i++) {
        struct run *r = c->runs[i];
        if (r != NULL && r->doc != NULL) {
            struct query_schema schema = query_document_schema(r->doc);
            query_default(&schema, r->vector);
            r->offered = true;
            r->answered = false;
            failure_text(SENTENCE(why), r->failure);
            if (c->job.run == r) {
                job_end(c);
            }
        }
    }
}

static struct run *find_run(const struct custodian *c, const uint8_t query[32])
{
    for (size_t i = 0; i < QUERIES_MAX; i++) {
        if (c->runs[i] != NULL && memcmp(c->runs[i]->query.data, query, 32) == 0) {
            return c->runs[i];
        }
    }
    return NULL;
}

/* A free place; those of queries that are given, or whose deadline has passed, are taken last. */
static struct run **place_for(struct custodian *c)
{
    struct run **found = NULL;
    for (size_t i = 0; i < QUERIES_MAX; i++) {
        struct run *r = c->runs[i];
        if (r == NULL) {
            return &c->runs[i];
        }
        bool over = c->stored->ledger.head.time >= r->deadline && c->job.run != r;
        if (r->given || over) {
            found = found == NULL || r->deadline < (*found)->deadline ? &c->runs[i] : found;
        }
    }
    return found;
}

/* ---- is it to be answered? ------------------------------------------------------------------- */

/* All that is known of an invitation, as far as the checks went. */
struct asked {
    struct wire_invite invite;
    struct query_hash query;
    struct query_document *doc; /* readable, or NULL */
    uint8_t *bytes;             /* the document's, for the views in doc */
    struct trusted trusted;
    struct query_log_tree tree;
    uint64_t cost;
    struct stored *next; /* charged */
};

static void asked_done(struct asked *a)
{
    free(a->doc);
    free(a->bytes);
    free(a->next);
}

static enum wire_code refuse(enum wire_code code, struct diag *d)
{
    (void)diag_fail(d, 0, "%s", wire_code_explain(code));
    return code;
}

static enum wire_code read_document(struct asked *a, struct diag *d)
{
    struct bytes doc = a->invite.document;
    a->doc = malloc(sizeof *a->doc);
    a->bytes = malloc(doc.size);
    if (a->doc == NULL || a->bytes == NULL || query_document_id(doc, &a->query) != 0) {
        return refuse(WIRE_CODE_INTERNAL, d);
    }
    memcpy(a->bytes, doc.data, doc.size);
    if (query_document_decode(BYTES(a->bytes, doc.size), a->doc, d) != 0) {
        free(a->doc);
        a->doc = NULL;
        return WIRE_CODE_DOCUMENT;
    }
    return WIRE_CODE_OK;
}

static enum wire_code check_evidence(struct custodian *c, struct asked *a, struct diag *d)
{
    const struct service_env *env = env_of(c);
    const struct binding_expectation expected = {.purpose = BINDING_PURPOSE_AGGREGATOR,
                                                 .owner_mode = BINDING_OWNER_NONE,
                                                 .fresh_mode = BINDING_EXPECT_AGE,
                                                 .max_age_s = TRUST_AGE_MAX_S,
                                                 .clock_skew_s = TRUST_SKEW_S,
                                                 .context = {.mode = ALCOVE_EXPECT_ANY}};
    struct evidence e;
    struct binding b;
    /* What it says it is about comes first: another query's evidence is good, and not for this. */
    if (evidence_decode(a->invite.evidence, &e, d) != 0 || binding_decode(e.claims, &b, d) != 0) {
        return WIRE_CODE_EVIDENCE;
    }
    if (aggregator_context_read(b.context, &a->query, &a->tree, d) != 0) {
        return WIRE_CODE_DOCUMENT;
    }
    if (trust_service(a->invite.evidence, c->stored->policy.roots, c->stored->policy.roots_count,
                      NULL, &expected, env->time_s(env->context), &a->trusted, d) != 0) {
        return WIRE_CODE_EVIDENCE;
    }
    if (aggregator_context_read(a->trusted.binding.context, &a->query, &a->tree, d) != 0) {
        return WIRE_CODE_DOCUMENT;
    }
    if (!query_document_accepts_root(a->doc, a->trusted.root)) {
        (void)diag_fail(d, 0, "the query does not name the root of the aggregator's evidence");
        return WIRE_CODE_EVIDENCE;
    }
    if (a->trusted.binding.key.kem != HPKE_KEM_X25519 ||
        a->trusted.binding.signing != BINDING_SIGNING_P256) {
        (void)diag_fail(d, 0, "the evidence does not bind the keys of an aggregator");
        return WIRE_CODE_EVIDENCE;
    }
    if (!trust_identity(c->stored->policy.aggregators, c->stored->policy.aggregators_count,
                        &a->trusted.peer) ||
        !query_document_accepts(a->doc, QUERY_ROLE_AGGREGATOR, &a->trusted.peer)) {
        (void)diag_fail(d, 0, "the aggregator is none that policy and query name");
        return WIRE_CODE_IDENTITY;
    }
    return WIRE_CODE_OK;
}

static bool is_in(const struct query_log_tree *tree, uint64_t index, struct bytes leaf,
                  struct bytes proof)
{
    struct query_log_proof path;
    struct query_hash hash;
    return query_log_leaf_hash(leaf, &hash) == 0 && query_log_proof_decode(proof, &path) == 0 &&
           query_log_check_inclusion(tree, index, &hash, &path) == 0;
}

static enum wire_code check_log(struct custodian *c, const struct asked *a, struct diag *d)
{
    const struct wire_invite *in = &a->invite;
    uint8_t bytes[QUERY_LOG_LEAF_MAX];
    struct writer w = writer_of(bytes, sizeof bytes);
    struct query_log_leaf program;
    const struct query_log_leaf query = {
        .kind = QUERY_LOG_QUERY, .query = a->query, .analyst = a->doc->analyst};
    if (query_log_leaf_encode(&query, &w, d) != 0) {
        return WIRE_CODE_INTERNAL;
    }
    if (!is_in(&a->tree, in->query_index, BYTES(w.data, w.size), in->query_proof)) {
        (void)diag_fail(d, 0, "the query is not in the log that the aggregator saw");
        return WIRE_CODE_NOT_LOGGED;
    }
    if (query_log_leaf_decode(in->aggregator_leaf, &program, d) != 0 ||
        program.kind != QUERY_LOG_IDENTITY || program.role != QUERY_ROLE_AGGREGATOR ||
        memcmp(program.mrenclave, a->trusted.peer.mrenclave, sizeof program.mrenclave) != 0 ||
        memcmp(program.configid, a->trusted.peer.configid, sizeof program.configid) != 0 ||
        !is_in(&a->tree, in->aggregator_index, in->aggregator_leaf, in->aggregator_proof)) {
        (void)diag_fail(d, 0, "the aggregator is not in the log that it saw");
        return WIRE_CODE_NOT_LOGGED;
    }
    struct query_log_proof path;
    if (query_log_proof_decode(in->extends, &path) != 0 ||
        query_log_check_consistency(&a->tree, &c->stored->ledger.head.tree, &path) != 0) {
        (void)diag_fail(d, 0,
                        "the log that the aggregator saw is no beginning of the one that is known "
                        "here");
        return WIRE_CODE_LOG;
    }
    return WIRE_CODE_OK;
}

static bool has_bundle(const struct wire_policy *p, const uint8_t configid[64])
{
    for (size_t i = 0; i < p->bundles_count; i++) {
        if (memcmp(p->bundles[i].configid, configid, 64) == 0) {
            return true;
        }
    }
    return false;
}

static enum wire_code check_policy(struct custodian *c, struct asked *a, struct diag *d)
{
    const struct wire_policy *p = &c->stored->policy;
    struct query_plan plan;
    if (p->analysts_count > 0 &&
        !trust_hash(p->analysts, p->analysts_count, a->doc->analyst.data)) {
        return refuse(WIRE_CODE_ANALYST, d);
    }
    if (!has_bundle(p, a->doc->bundle)) {
        (void)diag_fail(d, 0, "the policy does not allow this script");
        return WIRE_CODE_IDENTITY;
    }
    if (!query_document_accepts(a->doc, QUERY_ROLE_CUSTODIAN, &c->peer)) {
        (void)diag_fail(d, 0, "the query does not name this custodian's program");
        return WIRE_CODE_IDENTITY;
    }
    if (!(a->doc->users_min >= p->users_min)) {
        return refuse(WIRE_CODE_USERS, d);
    }
    if (query_document_plan(a->doc, a->doc->users_min, &plan, d) != 0) {
        return WIRE_CODE_DOCUMENT;
    }
    if (!(plan.cost <= p->query_cap)) {
        return refuse(WIRE_CODE_COST, d);
    }
    a->cost = plan.cost;
    return c->stored->paused || c->stored->withdrawn ? refuse(WIRE_CODE_PAUSED, d) : WIRE_CODE_OK;
}

static enum wire_code code_of(enum ledger_reason reason)
{
    switch ((int)reason) {
    case LEDGER_ANSWERED:
        return WIRE_CODE_ANSWERED;
    case LEDGER_LATE:
        return WIRE_CODE_LATE;
    case LEDGER_COST:
        return WIRE_CODE_COST;
    case LEDGER_FULL:
        return WIRE_CODE_BUSY;
    default:
        return WIRE_CODE_NO_LEASE;
    }
}

/* The analyst's share of this week, which a new one begins anew. */
static enum wire_code charge_analyst(struct stored *s, const uint8_t analyst[32], uint64_t cost,
                                     struct diag *d)
{
    uint64_t window = lease_window(s->ledger.head.time);
    if (window != s->quota_window) {
        s->quota_window = window;
        s->quota_count = 0;
    }
    size_t i = 0;
    while (i < s->quota_count && memcmp(s->quotas[i].analyst, analyst, 32) != 0) {
        i++;
    }
    if (i == ANALYSTS_MAX) {
        return refuse(WIRE_CODE_BUSY, d);
    }
    struct budget_quota quota = {.quota = s->policy.analyst_cap,
                                 .spent = i < s->quota_count ? s->quotas[i].spent : 0};
    if (!(cost <= budget_quota_left(&quota))) {
        return refuse(WIRE_CODE_ANALYST_SPENT, d);
    }
    if (i == s->quota_count) {
        s->quota_count++;
        memcpy(s->quotas[i].analyst, analyst, sizeof s->quotas[i].analyst);
    }
    s->quotas[i].spent = quota.spent + cost;
    return WIRE_CODE_OK;
}

static enum wire_code charge(struct custodian *c, struct asked *a, struct diag *d)
{
    enum ledger_reason reason = LEDGER_REASON_NONE;
    a->next = store_copy(c);
    if (a->next == NULL) {
        return refuse(WIRE_CODE_INTERNAL, d);
    }
    int err = ledger_debit(&a->next->ledger, &a->query, a->doc->deadline, a->cost, &reason, d);
    if (err != 0) {
        return code_of(reason);
    }
    enum wire_code code = charge_analyst(a->next, a->doc->analyst.data, a->cost, d);
    return code == WIRE_CODE_OK && place_for(c) == NULL ? refuse(WIRE_CODE_BUSY, d) : code;
}

static enum wire_code judge(struct custodian *c, struct asked *a, struct diag *d)
{
    enum wire_code code = read_document(a, d);
    code = code != WIRE_CODE_OK ? code : check_evidence(c, a, d);
    code = code != WIRE_CODE_OK ? code : check_log(c, a, d);
    code = code != WIRE_CODE_OK ? code : check_policy(c, a, d);
    return code != WIRE_CODE_OK ? code : charge(c, a, d);
}

/* ---- accepting and declining ----------------------------------------------------------------- */

static struct wire_event event_of(const struct custodian *c, const struct asked *a,
                                  enum wire_code code, struct diag *d)
{
    struct wire_event e = {.time = c->stored->ledger.head.time, .code = code};
    memcpy(e.query, a->query.data, sizeof e.query);
    if (a->doc != NULL) {
        memcpy(e.analyst, a->doc->analyst.data, sizeof e.analyst);
        e.question = a->doc->question;
        e.function = a->doc->function;
        e.users = a->doc->users_min;
        e.entries = a->doc->schema.entry_count;
        for (uint32_t i = 0; i < a->doc->schema.entry_count; i++) {
            const struct query_entry *at = &a->doc->entries[i];
            uint64_t low = (uint64_t)(at->low < 0 ? -at->low : at->low);
            uint64_t high = (uint64_t)(at->high < 0 ? -at->high : at->high);
            e.most = low > e.most ? low : e.most;
            e.most = high > e.most ? high : e.most;
        }
    }
    if (code == WIRE_CODE_OK) {
        e.cost = a->cost;
    } else {
        e.failure = plain_sentence(d);
    }
    return e;
}

/* A query's place in memory. Takes the document. NULL without memory. */
static struct run *run_new(struct asked *a)
{
    struct run *r = calloc(1, sizeof *r);
    int64_t *vector = calloc(a->doc->schema.entry_count, sizeof *vector);
    if (r == NULL || vector == NULL) {
        free(r);
        free(vector);
        return NULL;
    }
    r->query = a->query;
    r->deadline = a->doc->deadline;
    r->to = a->trusted.binding.key;
    r->entries = a->doc->schema.entry_count;
    r->doc = STEAL(&a->doc);
    r->doc_bytes = STEAL(&a->bytes);
    r->vector = vector;
    struct query_schema schema = query_document_schema(r->doc);
    query_default(&schema, r->vector);
    return r;
}

/* The charge, the analyst's and the event are one commit. */
static enum wire_code accept(struct custodian *c, struct asked *a, struct diag *d)
{
    static struct event_draft draft;
    struct volume_change change;
    struct wire_event event = event_of(c, a, WIRE_CODE_OK, d);
    if (event_add(c, &event, &draft, &change) != 0) {
        return WIRE_CODE_STORAGE;
    }
    struct run *run = run_new(a);
    if (run == NULL) {
        return WIRE_CODE_INTERNAL;
    }
    enum wire_code code = store_commit(c, STEAL(&a->next), &change, 1, d);
    if (code != WIRE_CODE_OK) {
        run_free(run);
        return code;
    }
    event_done(c, &draft);
    run->event = draft.place.number;
    run->end_ms = clock_of(c) + run->doc->run_ms;
    struct run **place = place_for(c);
    run_free(*place);
    *place = run;
    return WIRE_CODE_OK;
}

static enum wire_code decline(struct custodian *c, struct asked *a, enum wire_code why,
                              struct diag *d)
{
    static struct event_draft draft;
    struct volume_change change;
    struct wire_event event = event_of(c, a, why, d);
    /* Told once, written each time: whether it is the same reason as before does not show. */
    uint64_t known = event_known(c, event.query, event.code);
    int err = known != 0 ? event_replace(c, known, &event, &draft, &change)
                         : event_add(c, &event, &draft, &change);
    if (err != 0) {
        return WIRE_CODE_STORAGE;
    }
    enum wire_code code = store_change(c, &change, 1, d);
    if (code == WIRE_CODE_OK) {
        event_done(c, &draft);
    }
    return code;
}

int answer_invite(struct custodian *c, struct bytes record, struct service_buffer *answer)
{
    struct asked a = {0};
    struct diag d = {""};
    if (wire_read_invite(record, &a.invite, &d) != 0) {
        return service_refuse(WIRE_CODE_FORMAT, &d, answer);
    }
    if (c->life != LIFE_OPEN) {
        return service_refuse(c->life == LIFE_STARTED ? WIRE_CODE_LOCKED : WIRE_CODE_STATE, NULL,
                              answer);
    }
    enum wire_code self = know_self(c, &d);
    if (self != WIRE_CODE_OK) {
        return service_refuse(self, &d, answer);
    }
    enum wire_code code = judge(c, &a, &d), stored = WIRE_CODE_INTERNAL;
    if (code != WIRE_CODE_INTERNAL) {
        stored = code == WIRE_CODE_OK ? accept(c, &a, &d) : decline(c, &a, code, &d);
    }
    asked_done(&a);
    if (stored != WIRE_CODE_OK) {
        return service_refuse(stored, NULL, answer);
    }
    const struct wire_invited invited = {.accepted = code == WIRE_CODE_OK};
    return service_answer(WIRE_invited, &invited, answer, NULL);
}

/* ---- the contribution ------------------------------------------------------------------------ */

static int seal_contribution(struct custodian *c, struct run *r)
{
    AUTO_SERVICE_BUFFER vector = {0}, body = {0};
    uint8_t id[MESSAGE_ID_SIZE];
    size_t size = r->entries * sizeof(int64_t);
    int err = service_buffer_reserve(&vector, size);
    if (err != 0) {
        return err;
    }
    struct writer numbers = writer_of(vector.data, size);
    for (uint32_t i = 0; i < r->entries; i++) {
        writer_be(&numbers, (uint64_t)r->vector[i], sizeof r->vector[i]);
    }
    vector.size = size;
    struct wire_contribution contribution = {.vector = service_buffer_bytes(&vector)};
    memcpy(contribution.query, r->query.data, sizeof contribution.query);
    err = encode(WIRE_contribution, &contribution, size, &body, NULL);
    struct message_draft draft = {.kind = MESSAGE_KIND_CONTRIBUTION,
                                  .context_mode = MESSAGE_CONTEXT_VALUE,
                                  .context = BYTES_OF(r->query.data),
                                  .to = &r->to,
                                  .from = HPKE_FROM_SELF(&c->boot),
                                  .aead = HPKE_SUITE_DEFAULT.aead,
                                  .evidence = service_buffer_bytes(&c->self),
                                  .body = service_buffer_bytes(&body)};
    size_t sealed = err == 0 ? message_sealed_size(&draft) : 0;
    err = err != 0 ? err : sealed == 0 ? -EINVAL : service_buffer_reserve(&r->sealed, sealed);
    if (err == 0) {
        struct writer w = writer_of(r->sealed.data, r->sealed.capacity);
        err = message_seal(&draft, &w, id, NULL);
        r->sealed.size = err == 0 ? w.size : 0;
    }
    return err;
}

/* The owner's record says that it left before it does. */
static enum wire_code note_given(struct custodian *c, struct run *r, struct diag *d)
{
    static struct event_draft draft;
    static struct wire_activity one;
    static uint8_t slot[EVENT_SIZE];
    struct volume_change change;
    int err = event_read(c, r->event, &one, slot);
    if (err == -ENOENT) {
        return WIRE_CODE_OK; /* a thousand newer ones that were paid */
    }
    one.events[0].sent = true;
    one.events[0].fallback = r->fallback;
    one.events[0].failure = SENTENCE(r->failure);
    err = err != 0 ? err : event_replace(c, r->event, &one.events[0], &draft, &change);
    return err != 0 ? WIRE_CODE_STORAGE : store_change(c, &change, 1, d);
}

/* From now on nothing changes it. */
static enum wire_code give(struct custodian *c, struct run *r, struct diag *d)
{
    enum wire_code code = WIRE_CODE_OK;
    if (r->sealed.size == 0) {
        code = know_self(c, d);
        if (code == WIRE_CODE_OK && seal_contribution(c, r) != 0) {
            code = WIRE_CODE_INTERNAL;
        }
        if (code != WIRE_CODE_OK) {
            return code;
        }
        r->fallback = !r->answered;
        if (r->fallback && r->failure[0] == '\0') {
            failure_text(SENTENCE("the script did not answer in time"), r->failure);
        }
        if (c->job.run == r) {
            job_end(c);
        }
        forget_inside(r);
    }
    if (!r->given) {
        code = note_given(c, r, d);
        r->given = code == WIRE_CODE_OK;
    }
    return code;
}

int answer_collect(struct custodian *c, struct bytes record, struct service_buffer *answer)
{
    struct wire_collect collect;
    struct wire_collected collected = {0};
    struct diag d = {""};
    if (wire_read_collect(record, &collect, &d) != 0) {
        return service_refuse(WIRE_CODE_FORMAT, &d, answer);
    }
    struct run *r = c->life == LIFE_OPEN ? find_run(c, collect.query) : NULL;
    if (r == NULL) {
        return service_refuse(c->life == LIFE_STARTED ? WIRE_CODE_LOCKED : WIRE_CODE_STATE, NULL,
                              answer);
    }
    uint64_t now = clock_of(c);
    if (now < r->end_ms) {
        uint64_t left = r->end_ms - now;
        collected.wait_ms = left < QUERY_RUN_MS_MAX ? left : QUERY_RUN_MS_MAX;
        return service_answer(WIRE_collected, &collected, answer, NULL);
    }
    enum wire_code code = give(c, r, &d);
    if (code != WIRE_CODE_OK) {
        return service_refuse(code, NULL, answer);
    }
    collected.message = service_buffer_bytes(&r->sealed);
    return encode(WIRE_collected, &collected, r->sealed.size, answer, NULL);
}
