/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation with the custodian, see phone.h. The server may drop, repeat, delay and make up
 * everything in between. */
#include <errno.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "phone/phone.h"

#define NONCE_SIZE 32u

/* ---- Evidence -------------------------------------------------------------------------------- */

static int judge(const struct phone *p, struct bytes evidence, struct bytes nonce, bool owned,
                 struct trusted *ret, struct diag *d)
{
    struct binding_expectation expected = {
        .purpose = BINDING_PURPOSE_CUSTODIAN,
        .owner_mode = owned ? BINDING_OWNER_VALUE : BINDING_OWNER_NONE,
        .fresh_mode = BINDING_EXPECT_NONCE,
        .nonce = nonce,
        .context = {.mode = ALCOVE_EXPECT_VALUE}, /* empty */
    };
    memcpy(expected.owner, p->keys.owner_id.data, sizeof expected.owner);
    return trust_service(evidence, p->policy.owner.roots, p->policy.owner.roots_count, NULL,
                         &expected, p->clock(), ret, d);
}

static int not_trusted(const struct query_peer *peer, struct diag *d)
{
    char mrenclave[65];
    hex_encode(mrenclave, peer->mrenclave, sizeof peer->mrenclave);
    return diag_fail(d, -EACCES,
                     "the policy does not accept this custodian: its MRENCLAVE is %s, or its "
                     "CONFIGID is another; nothing was sent",
                     mrenclave);
}

/* Nobody's, or mine: of everybody else's nothing is said but that it is refused. */
static int judge_either(struct session *s, struct bytes evidence, struct bytes nonce,
                        struct diag *d)
{
    int err = judge(s->phone, evidence, nonce, false, &s->custodian, NULL);
    s->owned = false;
    if (err != 0) {
        err = judge(s->phone, evidence, nonce, true, &s->custodian, d);
        s->owned = err == 0;
    }
    if (err != 0) {
        diag_prefix(d, "the custodian is refused, nothing was sent");
    }
    return err;
}

static int attest(struct session *s, struct diag *d)
{
    struct phone *p = s->phone;
    uint8_t nonce[NONCE_SIZE];
    char path[CLIENT_PATH_MAX];
    AUTO_ANSWER answer;
    if (RAND_bytes(nonce, sizeof nonce) != 1) {
        return diag_fail(d, -EIO, "no randomness for a nonce");
    }
    phone_path(p, "/attest", path);
    int err = client_request(p->client, "POST", path, BYTES_OF(nonce), &p->signer, &answer, d);
    if (err != 0) {
        if (answer.status == 404) {
            return diag_fail(d, err,
                             "this server has no custodian of yours; 'alcove phone claim' "
                             "gets one");
        }
        return err;
    }
    if (answer.body.size == 0 || answer.body.size > WIRE_EVIDENCE_MAX) {
        return diag_fail(d, -EACCES, "the custodian is refused: that is no evidence");
    }
    /* The accepted binding points into the evidence. */
    s->evidence = STEAL(&answer.storage);
    err = judge_either(s, answer.body, BYTES_OF(nonce), d);
    if (err == 0 &&
        !trust_identity(p->policy.custodians, p->policy.custodian_count, &s->custodian.peer)) {
        err = not_trusted(&s->custodian.peer, d);
    }
    s->custodian.binding.nonce = (struct bytes){0}; /* was this function's */
    return err;
}

int session_begin(struct phone *phone, struct session *ret, struct diag *d)
{
    struct session s = {.phone = phone};
    int err = phone_connect(phone, d);
    err = err != 0 ? err : phone_advance(phone, d);
    err = err != 0 ? err : attest(&s, d);
    err = err != 0 ? err
                   : phone_logged(phone, QUERY_ROLE_CUSTODIAN, s.custodian.peer.mrenclave,
                                  s.custodian.peer.configid, d);
    if (err == 0 && hpke_public_id(&s.custodian.binding.key, s.boot_key.data) != 0) {
        err = diag_fail(d, -EIO, "the crypto library failed");
    }
    if (err != 0) {
        session_end(&s);
    }
    *ret = s;
    return err;
}

void session_end(struct session *s)
{
    if (s != NULL) {
        free(s->evidence);
        *s = (struct session){0};
    }
}

/* ---- Messages -------------------------------------------------------------------------------- */

void session_answer_done(struct session_answer *a)
{
    if (a->storage != NULL) {
        free(a->storage);
    }
    *a = (struct session_answer){0};
}

static int post(struct session *s, struct bytes sealed, struct client_answer *ret, struct diag *d)
{
    char path[CLIENT_PATH_MAX], rest[48];
    base_format(rest, sizeof rest, "/messages?head=%llu",
                (unsigned long long)s->phone->state.book.head.tree.size);
    phone_path(s->phone, rest, path);
    int err = client_request(s->phone->client, "POST", path, sealed, &s->phone->signer, ret, d);
    if (err == -EREMOTEIO && (ret->code == WIRE_CODE_MESSAGE || ret->code == WIRE_CODE_STATE)) {
        diag_prefix(d, "the custodian did not take the message; was it started again? 'alcove "
                       "phone unlock' opens it");
    }
    return err;
}

static int open_answer(struct session *s, const uint8_t id[MESSAGE_ID_SIZE], struct bytes sealed,
                       struct session_answer *ret, struct diag *d)
{
    struct message opened;
    struct message_expectation expected = {.kind = MESSAGE_KIND_ANSWER,
                                           .context_mode = MESSAGE_CONTEXT_VALUE,
                                           .context = BYTES(id, MESSAGE_ID_SIZE),
                                           .from_mode = MESSAGE_FROM_KEY,
                                           .from = &s->custodian.binding.key,
                                           .evidence_mode = MESSAGE_EVIDENCE_NONE};
    uint8_t *storage = malloc(sealed.size > 0 ? sealed.size : 1);
    if (storage == NULL) {
        return diag_fail(d, -ENOMEM, "no memory for an answer of %zu bytes", sealed.size);
    }
    int err = message_open(sealed, &s->phone->keys.message, &expected, storage, sealed.size,
                           &opened, NULL);
    err = err != 0 ? err : wire_read_answer(opened.body, &ret->answer, NULL);
    if (err != 0) {
        free(storage);
        return diag_fail(d, -EACCES,
                         "what came back is not this custodian's answer to this message: the "
                         "server has mixed it up or made it up");
    }
    ret->storage = storage;
    return 0;
}

/* The newest state that the custodian has promised to keep; stored before anybody believes it. */
static int acknowledge(struct phone *p, const struct wire_answer *a, struct diag *d)
{
    struct volume_state *held = &p->state.book.acknowledged;
    struct volume_state came = {.sequence = a->sequence};
    memcpy(came.root.data, a->root, sizeof came.root.data);
    if (a->sequence == 0) {
        return 0;
    }
    bool same = came.sequence == held->sequence && query_hash_equal(&came.root, &held->root);
    if (!(came.sequence > held->sequence) && !same) {
        return diag_fail(d, -EACCES,
                         "the custodian acknowledges state %llu, and had acknowledged %llu before: "
                         "its volume was rolled back or cloned",
                         (unsigned long long)came.sequence, (unsigned long long)held->sequence);
    }
    *held = came;
    return phone_store_now(p, d);
}

static int said_no(const struct wire_answer *a, struct diag *d)
{
    const char *why = wire_code_explain(a->code);
    if (a->sentence.size > 0) {
        return diag_fail(d, -EREMOTEIO, "the custodian refused: %s (%.*s)", why,
                         (int)a->sentence.size, (const char *)a->sentence.data);
    }
    return diag_fail(d, -EREMOTEIO, "the custodian refused: %s", why);
}

int session_send(struct session *s, enum message_kind kind, struct bytes body,
                 struct session_answer *ret, struct diag *d)
{
    uint8_t id[MESSAGE_ID_SIZE];
    static const struct query_hash none;
    AUTO_ANSWER answer = {0};
    *ret = (struct session_answer){0};
    REQUIRE(!query_hash_equal(&s->boot_key, &none)); /* sessions begin with evidence */
    struct message_draft draft = {.kind = kind,
                                  .context_mode = MESSAGE_CONTEXT_NONE,
                                  .to = &s->custodian.binding.key,
                                  .from = HPKE_FROM_SELF(&s->phone->keys.message),
                                  .aead = HPKE_SUITE_DEFAULT.aead,
                                  .body = body};
    size_t size = message_sealed_size(&draft);
    uint8_t *sealed = size > 0 ? malloc(size) : NULL;
    if (sealed == NULL) {
        return diag_fail(d, size > 0 ? -ENOMEM : -EFBIG, "%zu bytes do not fit into one message",
                         body.size);
    }
    struct writer w = writer_of(sealed, size);
    int err = message_seal(&draft, &w, id, d);
    err = err != 0 ? err : post(s, BYTES(sealed, w.size), &answer, d);
    free(sealed);
    err = err != 0 ? err : open_answer(s, id, answer.body, ret, d);
    err = err != 0 ? err : acknowledge(s->phone, &ret->answer, d);
    if (err == 0 && ret->answer.code != WIRE_CODE_OK) {
        err = said_no(&ret->answer, d);
    }
    return err;
}
