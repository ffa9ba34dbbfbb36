/* SPDX-License-Identifier: Apache-2.0 */
/* The table of requests, and what each does. */
#include "reply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "asking.h"
#include "auth.h"
#include "base/cbor.h"
#include "custodian.h"
#include "event.h"

#define LEAVES_AT_ONCE 256u
#define SMALL_BODY     4096u
#define RECORD_MAX     65536u /* the largest is the list of programs, some 20 KB */

/* A request that has been taken apart. */
struct asked_for {
    struct daemon *g;
    const struct call *call;
    uint8_t id[32];                     /* where the path has one */
    char query[REQUEST_TARGET_MAX + 1]; /* behind the question mark; "" for none */
    struct query_key key;               /* of signed requests */
    struct query_hash key_id;
    struct custodian *custodian; /* where it is the owner's, found and its owner's */
};

/* ---- answers --------------------------------------------------------------------------------- */

static void set_body(struct reply *ret, unsigned status, struct bytes body)
{
    uint8_t *copy = malloc(body.size + 1);
    if (copy == NULL) {
        *ret = (struct reply){.status = 500};
        return;
    }
    if (body.size > 0) {
        memcpy(copy, body.data, body.size);
    }
    *ret = (struct reply){status, BYTES(copy, body.size)};
}

static void set_record(struct reply *ret, unsigned status, enum wire_record which,
                       const void *record)
{
    struct diag d = {""};
    uint8_t *memory = malloc(RECORD_MAX);
    struct writer w = writer_of(memory, memory != NULL ? RECORD_MAX : 0);
    if (memory == NULL || wire_write(which, record, &w, &d) != 0) {
        event("an answer cannot be written: %s", d.text);
        *ret = (struct reply){.status = 500};
    } else {
        set_body(ret, status, BYTES(w.data, w.size));
    }
    free(memory);
}

void reply_refuse(struct reply *ret, unsigned status, enum wire_code code, const char *sentence)
{
    struct wire_refused refused = {.code = code, .sentence = BYTES(sentence, strlen(sentence))};
    set_record(ret, status, WIRE_refused, &refused);
}

/* What an error of ours is to whoever asked. */
static void refuse(struct reply *ret, int error, const struct diag *d)
{
    static const struct {
        int error;
        unsigned status;
        enum wire_code code;
    } rows[] = {
        {-EINVAL, 400, WIRE_CODE_FORMAT},   {-ENOENT, 404, WIRE_CODE_NOT_FOUND},
        {-ENOTCONN, 409, WIRE_CODE_STATE},  {-ETIME, 409, WIRE_CODE_LATE},
        {-EBUSY, 503, WIRE_CODE_BUSY},      {-ESHUTDOWN, 503, WIRE_CODE_BUSY},
        {-ETIMEDOUT, 504, WIRE_CODE_BUSY},  {-ENOSPC, 507, WIRE_CODE_STORAGE},
        {-EPERM, 403, WIRE_CODE_NOT_OWNER},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (rows[i].error == error) {
            reply_refuse(ret, rows[i].status, rows[i].code, d->text);
            return;
        }
    }
    event("a request failed: %s", d->text);
    reply_refuse(ret, 500, WIRE_CODE_INTERNAL, d->text);
}

/* A service's own refusal goes on as it is. */
static void refuse_as(struct reply *ret, int error, const struct answer *answer,
                      const struct diag *d)
{
    if (error == -EACCES && answer->kind == WIRE_refused) {
        set_body(ret, 409, answer->message);
    } else {
        refuse(ret, error, d);
    }
}

/* ---- the query string ------------------------------------------------------------------------ */

/* The value of NAME= among the parts of the query string; NULL: none. */
static const char *parameter(const struct asked_for *q, const char *name, size_t *ret_size)
{
    size_t n = strlen(name);
    for (const char *at = q->query; *at != '\0';) {
        size_t size = strcspn(at, "&");
        if (size > n && strncmp(at, name, n) == 0 && at[n] == '=') {
            *ret_size = size - n - 1;
            return at + n + 1;
        }
        at += size + (at[size] == '&');
    }
    return NULL;
}

/* Decimal, no sign; `otherwise` where it is not there. */
static int parameter_number(const struct asked_for *q, const char *name, uint64_t otherwise,
                            uint64_t *ret, struct diag *d)
{
    size_t size;
    const char *text = parameter(q, name, &size);
    uint64_t value = 0;
    if (text == NULL) {
        *ret = otherwise;
        return 0;
    }
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9' || i >= 15) {
            return diag_fail(d, -EINVAL, "%s is no number of at most 15 digits", name);
        }
        value = 10 * value + (uint64_t)(text[i] - '0');
    }
    *ret = value;
    return size > 0 ? 0 : diag_fail(d, -EINVAL, "%s is empty", name);
}

/* ---- programs and the log -------------------------------------------------------------------- */

static void get_programs(struct asked_for *q, struct reply *ret)
{
    struct wire_programs *p = calloc(1, sizeof *p);
    const struct programs *all = &q->g->programs;
    if (p == NULL) {
        *ret = (struct reply){.status = 500};
        return;
    }
    memcpy(p->log_key, logbook_key(q->g->log)->point, sizeof p->log_key);
    platform_root(q->g->platform, p->root);
    for (size_t i = 0; i < all->count; i++) {
        const struct program *from = &all->list[i];
        struct wire_program *to = &p->programs[p->programs_count++];
        to->name = BYTES(from->name, strlen(from->name));
        to->role = from->role;
        memcpy(to->mrenclave, from->mrenclave, sizeof to->mrenclave);
        memcpy(to->mrsigner, from->mrsigner, sizeof to->mrsigner);
        memcpy(to->configid, from->configid, sizeof to->configid);
        to->isvprodid = from->isvprodid;
        to->isvsvn = from->isvsvn;
        to->log_index = from->log_index;
    }
    set_record(ret, 200, WIRE_programs, p);
    free(p);
}

static void get_head(struct asked_for *q, struct reply *ret)
{
    struct diag d = {""};
    struct signed_head head;
    struct encoded_proof proof;
    uint64_t from;
    int r = parameter_number(q, "from", 0, &from, &d);
    r = r != 0 ? r : logbook_head(q->g->log, &head, &d);
    r = r != 0 ? r : logbook_prove_extension(q->g->log, from, head.size, &proof, &d);
    if (r != 0) {
        refuse(ret, r, &d);
        return;
    }
    struct wire_log_head record = {signed_head_bytes(&head), proof_bytes(&proof)};
    set_record(ret, 200, WIRE_log_head, &record);
}

static void get_entry(struct asked_for *q, struct reply *ret)
{
    struct diag d = {""};
    struct query_hash hash;
    struct signed_head head;
    struct encoded_proof proof;
    uint8_t leaf[QUERY_LOG_LEAF_MAX];
    size_t hex_size, leaf_size = 0;
    uint64_t size, position;
    const char *hex = parameter(q, "leaf", &hex_size);
    int r = hex == NULL || !hex_decode(hash.data, sizeof hash.data, BYTES(hex, hex_size))
                ? diag_fail(&d, -EINVAL, "leaf is no SHA-256 in 64 hexadecimal digits")
                : logbook_head(q->g->log, &head, &d);
    r = r != 0 ? r : parameter_number(q, "size", head.size, &size, &d);
    r = r != 0 ? r : store_leaf_position(q->g->store, &hash, &position, &d);
    r = r != 0 ? r : store_leaf_at(q->g->store, position, leaf, &leaf_size, &d);
    r = r == 0 && position >= size ? diag_fail(&d, -ENOENT, "the leaf came later than that tree")
                                   : r;
    r = r != 0 ? r : logbook_prove_leaf(q->g->log, position, size, &proof, &d);
    if (r != 0) {
        refuse(ret, r, &d);
        return;
    }
    struct wire_log_entry record = {position, BYTES(leaf, leaf_size), proof_bytes(&proof)};
    set_record(ret, 200, WIRE_log_entry, &record);
}

static void get_leaves(struct asked_for *q, struct reply *ret)
{
    struct diag d = {""};
    struct signed_head head;
    uint64_t from;
    uint8_t *memory = malloc(LEAVES_AT_ONCE * (QUERY_LOG_LEAF_MAX + 8));
    struct writer w = writer_of(memory, LEAVES_AT_ONCE * (QUERY_LOG_LEAF_MAX + 8));
    int r = memory == NULL ? diag_fail(&d, -ENOMEM, "no memory")
                           : parameter_number(q, "from", 0, &from, &d);
    r = r != 0 ? r : logbook_head(q->g->log, &head, &d);
    for (uint64_t i = 0; r == 0 && i < LEAVES_AT_ONCE && from + i < head.size; i++) {
        uint8_t leaf[QUERY_LOG_LEAF_MAX];
        size_t size = 0;
        r = store_leaf_at(q->g->store, from + i, leaf, &size, &d);
        cbor_put_bytes(&w, BYTES(leaf, r == 0 ? size : 0));
    }
    if (r != 0) {
        refuse(ret, r, &d);
    } else {
        set_body(ret, 200, BYTES(w.data, w.size));
    }
    free(memory);
}

/* ---- custodians ------------------------------------------------------------------------------ */

static void post_custodian(struct asked_for *q, struct reply *ret)
{
    struct diag d = {""};
    struct wire_enrol enrol;
    struct query_key owner;
    bool is_new = false;
    int r = wire_read_enrol(q->call->body, &enrol, &d);
    if (r == 0 && query_key_read(BYTES_OF(enrol.owner_key), &owner) != 0) {
        r = diag_fail(&d, -EINVAL, "the owner's key is no P-256 key");
    }
    if (r == 0 && memcmp(owner.point, q->key.point, sizeof owner.point) != 0) {
        r = diag_fail(&d, -EPERM, "who enrols must be the owner: the request is another key's");
    }
    r = r != 0 ? r : custodian_enrol(q->g, &owner, &is_new, &d);
    if (r != 0) {
        refuse(ret, r, &d);
        return;
    }
    *ret = (struct reply){.status = is_new ? 201 : 200};
}

static void post_attest(struct asked_for *q, struct reply *ret)
{
    struct diag d = {""};
    struct wire_evidence evidence;
    struct answer answer = {.kind = WIRE_RECORDS};
    int r = q->call->body.size < BINDING_NONCE_MIN || q->call->body.size > BINDING_NONCE_MAX
                ? diag_fail(&d, -EINVAL, "a nonce has %u to %u bytes", BINDING_NONCE_MIN,
                            BINDING_NONCE_MAX)
                : custodian_attest(q->g, q->custodian, q->call->body, &evidence, &answer, &d);
    if (r != 0) {
        refuse_as(ret, r, &answer, &d);
    } else {
        set_body(ret, 200, evidence.evidence);
    }
    answer_free(&answer);
}

static void post_message(struct asked_for *q, struct reply *ret)
{
    struct diag d = {""};
    struct wire_delivered delivered;
    struct answer answer = {.kind = WIRE_RECORDS};
    uint64_t head;
    int r = parameter_number(q, "head", 0, &head, &d);
    if (r == 0 && (q->call->body.size == 0 || q->call->body.size > WIRE_MESSAGE_MAX)) {
        r = diag_fail(&d, -EINVAL, "a message has 1 to %u bytes", WIRE_MESSAGE_MAX);
    }
    r = r != 0
            ? r
            : custodian_deliver(q->g, q->custodian, q->call->body, head, &delivered, &answer, &d);
    if (r != 0) {
        refuse_as(ret, r, &answer, &d);
    } else {
        set_body(ret, 200, delivered.message);
    }
    answer_free(&answer);
}

static void done_or_refuse(struct reply *ret, int r, const struct diag *d)
{
    if (r != 0) {
        refuse(ret, r, d);
    } else {
        *ret = (struct reply){.status = 204};
    }
}

static void post_stop(struct asked_for *q, struct reply *ret)
{
    struct diag d = {""};
    done_or_refuse(ret, custodian_stop(q->g, q->custodian, &d), &d);
}

static void post_move(struct asked_for *q, struct reply *ret)
{
    struct diag d = {""};
    char name[PROGRAM_NAME_MAX + 1] = "";
    size_t size = 0;
    const char *program = parameter(q, "program", &size);
    int r = program == NULL || size == 0 || size >= sizeof name
                ? diag_fail(&d, -EINVAL, "program is no program's name")
                : 0;
    if (r == 0) {
        memcpy(name, program, size);
        r = custodian_move(q->g, q->custodian, name, &d);
    }
    done_or_refuse(ret, r, &d);
}

static void delete_custodian(struct asked_for *q, struct reply *ret)
{
    struct diag d = {""};
    done_or_refuse(ret, custodian_delete(q->g, q->custodian, &d), &d);
}

/* ---- queries --------------------------------------------------------------------------------- */

static void answer_progress(struct asked_for *q, const struct query_hash *id, unsigned status,
                            struct reply *ret)
{
    struct diag d = {""};
    struct store_query progress;
    int r = asking_progress(q->g, id, &progress, &d);
    if (r != 0) {
        refuse(ret, r, &d);
    } else if (!query_hash_equal(&progress.analyst, &q->key_id)) {
        reply_refuse(ret, 403, WIRE_CODE_ANALYST, "the query is another analyst's");
    } else {
        set_record(ret, status, WIRE_progress, &progress.progress);
    }
}

static void post_query(struct asked_for *q, struct reply *ret)
{
    struct diag d = {""};
    struct query_hash id;
    int r = asking_take(q->g, q->call->body, &q->key_id, &id, &d);
    if (r == -EACCES) {
        reply_refuse(ret, 403, WIRE_CODE_ANALYST, d.text);
    } else if (r == -EINVAL) {
        reply_refuse(ret, 400, WIRE_CODE_DOCUMENT, d.text);
    } else if (r != 0) {
        refuse(ret, r, &d);
    } else {
        answer_progress(q, &id, 202, ret);
    }
}

static struct query_hash id_of(const struct asked_for *q)
{
    struct query_hash id;
    memcpy(id.data, q->id, sizeof id.data);
    return id;
}

static void get_query(struct asked_for *q, struct reply *ret)
{
    struct query_hash id = id_of(q);
    answer_progress(q, &id, 200, ret);
}

static void give_bytes(int r, struct bytes bytes, struct reply *ret, const struct diag *d)
{
    if (r != 0) {
        refuse(ret, r, d);
    } else {
        *ret = (struct reply){200, bytes};
    }
}

static void get_outcome(struct asked_for *q, struct reply *ret)
{
    struct diag d = {""};
    struct query_hash id = id_of(q);
    struct bytes outcome = {NULL, 0};
    int r = store_outcome(q->g->store, &id, &outcome, &d);
    give_bytes(r == -ENOENT ? diag_fail(&d, r, "nothing is released of such a query") : r, outcome,
               ret, &d);
}

static void get_document(struct asked_for *q, struct reply *ret)
{
    struct diag d = {""};
    struct query_hash id = id_of(q);
    struct bytes document = {NULL, 0};
    int r = store_document(q->g->store, &id, &document, &d);
    give_bytes(r == -ENOENT ? diag_fail(&d, r, "there is no such query") : r, document, ret, &d);
}

/* ---- the table ------------------------------------------------------------------------------- */

enum signer { ANYBODY, SOMEBODY, OWNER }; /* OWNER: of the custodian in the path */

/* ID stands for 64 hexadecimal digits. */
static const struct route {
    const char *method, *path;
    enum signer signer;
    size_t body_max;
    void (*answer)(struct asked_for *q, struct reply *ret);
} routes[] = {
    {"GET", "/v1/programs", ANYBODY, 0, get_programs},
    {"GET", "/v1/log/head", ANYBODY, 0, get_head},
    {"GET", "/v1/log/entry", ANYBODY, 0, get_entry},
    {"GET", "/v1/log/leaves", ANYBODY, 0, get_leaves},
    {"POST", "/v1/custodians", SOMEBODY, SMALL_BODY, post_custodian},
    {"POST", "/v1/custodians/ID/attest", OWNER, SMALL_BODY, post_attest},
    {"POST", "/v1/custodians/ID/messages", OWNER, REQUEST_BODY_MAX, post_message},
    {"POST", "/v1/custodians/ID/stop", OWNER, 0, post_stop},
    {"POST", "/v1/custodians/ID/move", OWNER, 0, post_move},
    {"DELETE", "/v1/custodians/ID", OWNER, 0, delete_custodian},
    {"POST", "/v1/queries", SOMEBODY, QUERY_DOCUMENT_MAX, post_query},
    {"GET", "/v1/queries/ID", SOMEBODY, 0, get_query},
    {"GET", "/v1/queries/ID/outcome", ANYBODY, 0, get_outcome},
    {"GET", "/v1/queries/ID/document", ANYBODY, 0, get_document},
};

/* Does the path, up to its question mark, match? *ret_id is the digits that stand for ID. */
static bool matches(const char *pattern, const char *target, uint8_t ret_id[32])
{
    size_t left = strcspn(target, "?");
    for (; *pattern != '\0'; pattern++) {
        if (strncmp(pattern, "ID", 2) == 0) {
            if (left < 64 || !hex_decode(ret_id, 32, BYTES(target, 64))) {
                return false;
            }
            target += 64;
            left -= 64;
            pattern++;
        } else if (left == 0 || *target != *pattern) {
            return false;
        } else {
            target++;
            left--;
        }
    }
    return left == 0;
}

static const struct route *route_of(const char *method, const char *target, uint8_t ret_id[32],
                                    bool *ret_path_known)
{
    *ret_path_known = false;
    for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
        if (matches(routes[i].path, target, ret_id)) {
            *ret_path_known = true;
            if (strcmp(routes[i].method, method) == 0) {
                return &routes[i];
            }
        }
    }
    return NULL;
}

size_t reply_body_max(const char *method, const char *target)
{
    uint8_t unused[32];
    bool known;
    const struct route *route = route_of(method, target, unused, &known);
    return route != NULL ? route->body_max : 0;
}

/* Who asks, and may they? True: go on. */
static bool admit(struct asked_for *q, const struct route *route, struct reply *ret)
{
    const struct call *call = q->call;
    struct diag d = {""};
    if (route->signer == ANYBODY) {
        return true;
    }
    const struct request request = {
        .method = call->method, .target = call->target, .body = call->body};
    int r = auth_check(q->g->store, &request, call->key, call->time, call->signature, now_s(),
                       &q->key, &d);
    if (r == -EACCES) {
        reply_refuse(ret, 401, WIRE_CODE_MESSAGE, d.text);
        return false;
    }
    if (r == 0 && query_key_id(&q->key, &q->key_id) != 0) {
        r = diag_fail(&d, -EIO, "the crypto library failed");
    }
    if (r != 0) {
        refuse(ret, r, &d);
        return false;
    }
    if (route->signer != OWNER) {
        return true;
    }
    /* The id is the owner's, so whether such a custodian is here is said to its owner alone. */
    if (memcmp(q->key_id.data, q->id, sizeof q->id) != 0) {
        reply_refuse(ret, 403, WIRE_CODE_NOT_OWNER, "the custodian is another owner's");
        return false;
    }
    q->custodian = custodians_find(q->g, q->id);
    if (q->custodian == NULL) {
        reply_refuse(ret, 404, WIRE_CODE_NOT_FOUND, "there is no such custodian here: enrol first");
        return false;
    }
    return true;
}

void reply_make(struct daemon *g, const struct call *call, struct reply *ret)
{
    struct asked_for q = {.g = g, .call = call};
    bool known;
    const struct route *route = route_of(call->method, call->target, q.id, &known);
    const char *query = strchr(call->target, '?');
    if (route == NULL) {
        reply_refuse(ret, known ? 405 : 404, WIRE_CODE_NOT_FOUND,
                     known ? "this path does not take that method" : "there is no such path");
        return;
    }
    if (strlen(call->target) > REQUEST_TARGET_MAX) {
        reply_refuse(ret, 414, WIRE_CODE_FORMAT, "the path is too long");
        return;
    }
    if (call->body.size > route->body_max) {
        reply_refuse(ret, 413, WIRE_CODE_FORMAT, "the body is larger than such a request's can be");
        return;
    }
    if (query != NULL) {
        memcpy(q.query, query + 1, strlen(query + 1) + 1);
    }
    if (admit(&q, route, ret)) {
        route->answer(&q, ret);
    }
}
