/* SPDX-License-Identifier: Apache-2.0 */
/* The host's side of the custodian: which record is answered by what. */
#include "inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct custodian *custodian_new(const struct service_env *env,
                                const struct custodian_volume *volume)
{
    struct custodian *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return NULL;
    }
    c->kit.env = env;
    c->volume = volume;
    if (hpke_private_make(HPKE_KEM_X25519, &c->boot) != 0 ||
        hpke_public_id(&c->boot.public_key, c->boot_id.data) != 0) {
        custodian_free(c);
        return NULL;
    }
    return c;
}

void custodian_free(struct custodian *c)
{
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; i < QUERIES_MAX; i++) {
        run_free(c->runs[i]);
    }
    if (c->stored != NULL) {
        secure_zero(c->stored, sizeof *c->stored);
    }
    free(c->stored);
    free(c->seen);
    service_buffer_done(&c->self);
    service_kit_done(&c->kit);
    secure_zero(c, sizeof *c);
    free(c);
}

int encode(enum wire_record which, const void *record, size_t payload, struct service_buffer *ret,
           struct diag *d)
{
    size_t room = payload + SERVICE_BUFFER_KEPT;
    int err = service_buffer_reserve(ret, room < SERVICE_BUFFER_MAX ? room : SERVICE_BUFFER_MAX);
    if (err != 0) {
        return diag_fail(d, err, "no memory for a record of %zu bytes", payload);
    }
    struct writer w = writer_of(ret->data, ret->capacity);
    err = wire_write(which, record, &w, d);
    ret->size = err == 0 ? w.size : 0;
    return err;
}

static int answer_attest(struct custodian *c, struct bytes record, struct service_buffer *answer)
{
    struct wire_attest attest;
    AUTO_SERVICE_BUFFER evidence = {0};
    struct diag d = {""};
    const struct service_env *env = env_of(c);
    if (wire_read_attest(record, &attest, &d) != 0) {
        return service_refuse(WIRE_CODE_FORMAT, &d, answer);
    }
    int64_t now = env->time_s(env->context);
    struct binding b = {.purpose = BINDING_PURPOSE_CUSTODIAN,
                        .key = c->boot.public_key,
                        .has_owner = c->life == LIFE_OPEN,
                        .fresh = attest.nonce.size > 0 ? BINDING_FRESH_NONCE : BINDING_FRESH_TIME,
                        .nonce = attest.nonce,
                        .time = attest.nonce.size == 0 && now > 0 ? (uint64_t)now : 0};
    if (b.has_owner) {
        memcpy(b.owner, c->owner_hash, sizeof b.owner);
    }
    int err = service_evidence(&c->kit, &b, &evidence, &d);
    if (err != 0) {
        return service_refuse(err == -EINVAL ? WIRE_CODE_FORMAT : WIRE_CODE_INTERNAL, &d, answer);
    }
    const struct wire_evidence reply = {.evidence = service_buffer_bytes(&evidence)};
    return encode(WIRE_evidence, &reply, evidence.size, answer, NULL);
}

static int answer_advance(struct custodian *c, struct bytes record, struct service_buffer *answer)
{
    struct wire_advance advance;
    struct wire_held held = {.open = c->life == LIFE_OPEN};
    struct query_key log;
    struct diag d = {""};
    if (wire_read_advance(record, &advance, &d) != 0) {
        return service_refuse(WIRE_CODE_FORMAT, &d, answer);
    }
    if (c->life != LIFE_OPEN) {
        return service_answer(WIRE_held, &held, answer, NULL);
    }
    enum query_log_reason reason;
    struct stored *next = store_copy(c);
    int err = next == NULL ? -ENOMEM : query_key_read(BYTES_OF(next->policy.log_key), &log);
    err = err != 0 ? err
                   : ledger_advance(&next->ledger, &log, advance.head, advance.proof, &reason, &d);
    if (err != 0) {
        free(next);
        return service_refuse(err == -EACCES ? WIRE_CODE_LOG : WIRE_CODE_INTERNAL, &d, answer);
    }
    const struct query_log_head *old = &c->stored->ledger.head, *new = &next->ledger.head;
    enum wire_code code = WIRE_CODE_OK;
    if (old->time == new->time && old->tree.size == new->tree.size) {
        free(next);
    } else {
        code = store_commit(c, next, NULL, 0, &d);
    }
    if (code != WIRE_CODE_OK) {
        return service_refuse(code, NULL, answer);
    }
    held.size = c->stored->ledger.head.tree.size;
    return service_answer(WIRE_held, &held, answer, NULL);
}

static const struct {
    enum wire_record record;
    int (*answer)(struct custodian *c, struct bytes record, struct service_buffer *answer);
} answers[] = {
    {WIRE_attest, answer_attest},
    {WIRE_deliver, answer_owner},
    {WIRE_advance, answer_advance},
    {WIRE_invite, answer_invite},
    {WIRE_work, answer_work},
    {WIRE_worker_hello, answer_worker_hello},
    {WIRE_worker_end, answer_worker_end},
    {WIRE_collect, answer_collect},
};

int custodian_serve(void *custodian, struct bytes record, struct service_buffer *answer)
{
    struct custodian *c = custodian;
    int err = 0;
    if (wire_peek(record) == WIRE_hello) {
        service_buffer_done(&c->self); /* made with the collateral of the last one */
    }
    enum wire_record which = service_take(&c->kit, record, answer, &err);
    if (which == WIRE_RECORDS) {
        return err;
    }
    if (c->life == LIFE_DELETED) {
        return service_refuse(WIRE_CODE_STATE, NULL, answer);
    }
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        if (answers[i].record == which) {
            return answers[i].answer(c, record, answer);
        }
    }
    return service_refuse(WIRE_CODE_FORMAT, NULL, answer);
}
