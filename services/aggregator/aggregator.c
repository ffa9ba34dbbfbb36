/* SPDX-License-Identifier: Apache-2.0 */
/* The life of one query, see aggregator.h. The host chooses the query, the people it asks and when
 * it stops asking; what it cannot choose is what a contribution says, that one is counted twice,
 * and that noise is drawn twice for one set of sums. */
#include "aggregator.h"

#include "state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct aggregator *aggregator_new(const struct service_env *env)
{
    struct aggregator *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return NULL;
    }
    a->kit.env = env;
    a->cache = alcove_cache_new(AGGREGATOR_CACHE_ENTRIES);
    if (a->cache == NULL) {
        free(a);
        return NULL;
    }
    return a;
}

/* Everything of the query goes; what a failed begin left, too. */
static void forget(struct aggregator *a, enum aggregator_state state)
{
    hpke_private_wipe(&a->query_key);
    query_secret_key_wipe(&a->receipt_key);
    seen_done(&a->owners);
    seen_done(&a->boots);
    secure_zero(a->totals, sizeof a->totals);
    secure_zero(a->vector, sizeof a->vector);
    secure_zero(a->plain, sizeof a->plain);
    a->answered = 0;
    a->state = state;
}

void aggregator_free(struct aggregator *a)
{
    if (a != NULL) {
        forget(a, AGGREGATOR_OVER);
        service_buffer_done(&a->document);
        service_kit_done(&a->kit);
        alcove_cache_free(a->cache);
        free(a);
    }
}

/* ---- begin ----------------------------------------------------------------------------------- */

static enum wire_code take_document(struct aggregator *a, const struct wire_begin *r,
                                    struct diag *d)
{
    service_buffer_reset(&a->document);
    if (service_buffer_reserve(&a->document, r->document.size) != 0) {
        (void)diag_fail(d, -ENOMEM, "no memory for the query");
        return WIRE_CODE_INTERNAL;
    }
    memcpy(a->document.data, r->document.data, r->document.size);
    a->document.size = r->document.size;
    struct bytes document = service_buffer_bytes(&a->document);
    if (query_document_decode(document, &a->doc, d) != 0) {
        return WIRE_CODE_DOCUMENT;
    }
    if (query_document_id(document, &a->id) != 0) {
        (void)diag_fail(d, -EIO, "the crypto library failed");
        return WIRE_CODE_INTERNAL;
    }
    if (r->users < a->doc.users_min || r->users > a->doc.users_max) {
        (void)diag_fail(d, -ERANGE, "the query asks %lu to %lu people, not %lu",
                        (unsigned long)a->doc.users_min, (unsigned long)a->doc.users_max,
                        (unsigned long)r->users);
        return WIRE_CODE_USERS;
    }
    if (r->users > AGGREGATOR_USERS_MAX) {
        (void)diag_fail(d, -ERANGE, "one aggregator counts at most %u people, not %lu",
                        AGGREGATOR_USERS_MAX, (unsigned long)r->users);
        return WIRE_CODE_USERS;
    }
    a->users = r->users;
    for (uint32_t i = 0; i < a->doc.root_count; i++) {
        memcpy(a->roots[i].value, a->doc.roots[i], sizeof a->roots[i].value);
    }
    return query_document_plan(&a->doc, a->users, &a->plan, d) == 0 ? WIRE_CODE_OK
                                                                    : WIRE_CODE_DOCUMENT;
}

/* The query's leaf is in the tree of a head that this key signed. Whose log that is, whoever reads
 * the evidence compares with the log that it follows. */
static enum wire_code find_in_log(struct aggregator *a, const struct wire_begin *r, struct diag *d)
{
    static const uint8_t no_proof[] = {0x80}; /* from the empty tree */
    struct query_log_head held = {.tree = query_log_empty()};
    struct query_key key;
    enum query_log_reason reason = QUERY_LOG_REASON_NONE;
    if (query_key_read(BYTES_OF(r->log_key), &key) != 0 || query_key_id(&key, &held.log) != 0) {
        (void)diag_fail(d, -EINVAL, "the log's key is none");
        return WIRE_CODE_LOG;
    }
    if (query_log_advance(&held, &key, r->head, BYTES_OF(no_proof), &reason, d) != 0) {
        return WIRE_CODE_LOG;
    }
    uint8_t text[QUERY_LOG_LEAF_MAX];
    struct writer w = writer_of(text, sizeof text);
    const struct query_log_leaf leaf = {
        .kind = QUERY_LOG_QUERY, .query = a->id, .analyst = a->doc.analyst};
    struct query_hash hash;
    struct query_log_proof proof;
    if (query_log_leaf_encode(&leaf, &w, d) != 0 ||
        query_log_leaf_hash(BYTES(w.data, w.size), &hash) != 0 ||
        query_log_proof_decode(r->query_proof, &proof) != 0 ||
        query_log_check_inclusion(&held.tree, r->query_index, &hash, &proof) != 0) {
        (void)diag_fail(d, -EACCES, "the query is not where the proof says in the log's tree");
        return WIRE_CODE_NOT_LOGGED;
    }
    a->tree = held.tree;
    a->log_index = r->query_index;
    return WIRE_CODE_OK;
}

static int fill(const struct service_env *env, uint8_t *ret, size_t size)
{
    return env->random(env->context, ret, size);
}

static enum wire_code make_keys(struct aggregator *a, struct diag *d)
{
    const struct service_env *env = a->kit.env;
    uint8_t scalar[32];
    int err = hpke_private_make(HPKE_KEM_X25519, &a->query_key);
    err = err != 0 ? err : fill(env, a->owners.secret, sizeof a->owners.secret);
    err = err != 0 ? err : fill(env, a->boots.secret, sizeof a->boots.secret);
    bool made = false;
    for (int i = 0; i < 8 && err == 0 && !made; i++) { /* a scalar is out of range once in 2^32 */
        err = fill(env, scalar, sizeof scalar);
        made = err == 0 && query_secret_key_read(BYTES_OF(scalar), &a->receipt_key) == 0;
    }
    secure_zero(scalar, sizeof scalar);
    if (err != 0 || !made) {
        (void)diag_fail(d, -EIO, "no random bytes for keys");
        return WIRE_CODE_INTERNAL;
    }
    if (seen_make(&a->owners, (size_t)a->users) != 0 ||
        seen_make(&a->boots, (size_t)a->users) != 0) {
        (void)diag_fail(d, -ENOMEM, "no memory to count %lu people", (unsigned long)a->users);
        return WIRE_CODE_BUSY;
    }
    return WIRE_CODE_OK;
}

static enum wire_code make_evidence(struct aggregator *a, struct service_buffer *ret,
                                    struct diag *d)
{
    const struct service_env *env = a->kit.env;
    uint8_t context[AGGREGATOR_CONTEXT_SIZE];
    aggregator_context(&a->id, &a->tree, context);
    int64_t now = env->time_s(env->context);
    struct binding binding = {.purpose = BINDING_PURPOSE_AGGREGATOR,
                              .key = a->query_key.public_key,
                              .signing = BINDING_SIGNING_P256,
                              .fresh = BINDING_FRESH_TIME,
                              .time = now > 0 ? (uint64_t)now : 0,
                              .context = BYTES_OF(context)};
    memcpy(binding.signing_key, a->receipt_key.key.point, sizeof a->receipt_key.key.point);
    return service_evidence(&a->kit, &binding, ret, d) == 0 ? WIRE_CODE_OK : WIRE_CODE_INTERNAL;
}

static int begin(struct aggregator *a, struct bytes record, struct service_buffer *answer)
{
    struct diag d = {""};
    struct wire_begin r;
    AUTO_SERVICE_BUFFER evidence = {0};
    if (a->state != AGGREGATOR_WAITING) {
        (void)diag_fail(&d, -EINVAL, "this aggregator has its query already; start another one");
        return service_refuse(WIRE_CODE_STATE, &d, answer);
    }
    if (wire_read_begin(record, &r, &d) != 0) {
        return service_refuse(WIRE_CODE_FORMAT, &d, answer);
    }
    enum wire_code code = take_document(a, &r, &d);
    code = code != WIRE_CODE_OK ? code : find_in_log(a, &r, &d);
    code = code != WIRE_CODE_OK ? code : make_keys(a, &d);
    code = code != WIRE_CODE_OK ? code : make_evidence(a, &evidence, &d);
    struct wire_evidence reply = {.evidence = service_buffer_bytes(&evidence)};
    int err = code != WIRE_CODE_OK ? service_refuse(code, &d, answer)
                                   : service_answer(WIRE_evidence, &reply, answer, &d);
    if (code != WIRE_CODE_OK || err != 0) {
        forget(a, AGGREGATOR_WAITING);
        return err;
    }
    a->state = AGGREGATOR_ASKING;
    return SERVICE_GOES_ON;
}

/* ---- contribute ------------------------------------------------------------------------------ */

static int contribute(struct aggregator *a, struct bytes record, struct service_buffer *answer)
{
    struct diag d = {""};
    struct wire_contribute r;
    struct wire_counted counted;
    if (a->state != AGGREGATOR_ASKING) {
        (void)diag_fail(&d, -EINVAL, "this aggregator asks nobody %s",
                        a->state == AGGREGATOR_OVER ? "any more" : "yet");
        return service_refuse(WIRE_CODE_STATE, &d, answer);
    }
    if (wire_read_contribute(record, &r, &d) != 0) {
        return service_refuse(WIRE_CODE_FORMAT, &d, answer);
    }
    memset(&counted, 0, sizeof counted);
    counted.counted = aggregator_count(a, r.message, &d) == 0;
    counted.answered = a->answered;
    if (!counted.counted) {
        counted.sentence = BYTES(d.text, strnlen(d.text, sizeof d.text));
    }
    return service_answer(WIRE_counted, &counted, answer, NULL);
}

/* ---- finish ---------------------------------------------------------------------------------- */

/* Who was asked and did not answer counts as the default vector, which no bound changes. */
static void add_defaults(struct aggregator *a, const struct query_schema *schema)
{
    query_default(schema, a->vector);
    for (uint32_t i = 0; i < schema->entry_count; i++) {
        a->totals[i] += (__int128)a->vector[i] * (a->users - a->answered);
    }
}

static int noise(void *context, uint8_t *ret_data, size_t size)
{
    return fill(context, ret_data, size);
}

static int fill_in(struct aggregator *a, const struct query_schema *schema, struct diag *d)
{
    struct receipt *p = &a->receipt;
    struct dp_ratio delta = {1, 1};
    p->query = a->id;
    p->log_index = a->log_index;
    p->tree = a->tree;
    p->asked = a->users;
    p->answered = a->answered;
    p->cost = a->plan.cost;
    p->bound95 = a->plan.bound95;
    p->divisor = a->plan.divisor;
    p->delta_exponent = AGGREGATOR_DELTA_EXPONENT;
    for (uint32_t i = 0; i < AGGREGATOR_DELTA_EXPONENT; i++) {
        delta.den *= 10;
    }
    p->entry_count = schema->entry_count;
    memcpy(p->bundle, a->doc.bundle, sizeof p->bundle);
    memcpy(p->mrenclave, a->kit.mrenclave, sizeof p->mrenclave);
    memcpy(p->configid, a->kit.configid, sizeof p->configid);
    for (uint32_t i = 0; i < schema->entry_count; i++) {
        p->suppressed[i] = schema->aggregate == QUERY_OD && !query_cell_shown(schema, p->values[i]);
        p->values[i] = p->suppressed[i] ? 0 : p->values[i];
    }
    return dp_epsilon(dp_micro(p->cost), delta, p->entry_count, &p->epsilon_pico, d);
}

/* The only place where sums become a result, once: the state is over before noise is drawn. */
static enum wire_code release(struct aggregator *a, struct service_buffer *ret, struct diag *d)
{
    const struct dp_random random = {noise, (void *)(uintptr_t)a->kit.env};
    const struct query_signer signer = {query_sign_with, &a->receipt_key};
    struct query_schema schema = query_document_schema(&a->doc);
    a->state = AGGREGATOR_OVER;
    memset(&a->receipt, 0, sizeof a->receipt);
    add_defaults(a, &schema);
    int err =
        query_release(&schema, &a->plan, a->plan.cost, &random, a->totals, a->receipt.values, d);
    err = err != 0 ? err : fill_in(a, &schema, d);
    err = err != 0 ? err : service_buffer_reserve(ret, WIRE_RECEIPT_MAX);
    if (err == 0) {
        struct writer out = writer_of(ret->data, ret->capacity);
        err = receipt_sign(&a->receipt, &signer, a->body, &out, d);
        ret->size = err == 0 ? out.size : 0;
    }
    secure_zero(&a->receipt, sizeof a->receipt);
    return err == 0 ? WIRE_CODE_OK : WIRE_CODE_INTERNAL;
}

static int finish(struct aggregator *a, struct bytes record, struct service_buffer *answer)
{
    struct diag d = {""};
    struct wire_finish r;
    AUTO_SERVICE_BUFFER receipt = {0};
    enum wire_code code = WIRE_CODE_OK;
    if (a->state != AGGREGATOR_ASKING) {
        (void)diag_fail(&d, -EINVAL, "there is nothing to finish");
        return service_refuse(WIRE_CODE_STATE, &d, answer);
    }
    if (wire_read_finish(record, &r, &d) != 0) {
        return service_refuse(WIRE_CODE_FORMAT, &d, answer);
    }
    if (!(a->answered >= a->doc.users_min)) {
        (void)diag_fail(&d, -EACCES,
                        "%lu people answered and the query wants %lu: nothing is released",
                        (unsigned long)a->answered, (unsigned long)a->doc.users_min);
        code = WIRE_CODE_USERS;
    } else {
        code = release(a, &receipt, &d);
    }
    forget(a, AGGREGATOR_OVER);
    struct wire_released released = {.receipt = service_buffer_bytes(&receipt)};
    int err = code != WIRE_CODE_OK ? service_refuse(code, &d, answer)
                                   : service_answer(WIRE_released, &released, answer, NULL);
    return err != 0 ? err : SERVICE_ENDS;
}

int aggregator_serve(struct aggregator *a, struct bytes record, struct service_buffer *answer)
{
    struct diag d = {""};
    int err;
    enum wire_record which = service_take(&a->kit, record, answer, &err);
    if (which == WIRE_RECORDS) {
        return err;
    }
    if (which == WIRE_begin) {
        return begin(a, record, answer);
    }
    if (which == WIRE_contribute) {
        return contribute(a, record, answer);
    }
    if (which == WIRE_finish) {
        return finish(a, record, answer);
    }
    (void)diag_fail(&d, -EINVAL,
                    "an aggregator takes hello, begin, contribute and finish, not '%s'",
                    wire_format(which));
    return service_refuse(WIRE_CODE_FORMAT, &d, answer);
}
