/* SPDX-License-Identifier: Apache-2.0 */
/* What a person can have the phone do, see actions.h. In each, what costs or is final is stored
 * before it is sent: a crash in between may waste something, and never counts too little. */
#include "phone/actions.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "phone/show.h"

#define RECORD_SMALL_MAX (WIRE_POLICY_MAX + 1024u)

/* ---- Making a phone -------------------------------------------------------------------------- */

int phone_init(const char *folder, const uint8_t *restore_seed, char ret_phrase[PHRASE_MAX],
               struct diag *d)
{
    struct phone_store store = PHONE_STORE_NONE;
    struct phone_state state = {.restored = restore_seed != NULL, .push = restore_seed != NULL};
    uint8_t seed[PHONE_SEED_SIZE];
    if (restore_seed != NULL) {
        memcpy(seed, restore_seed, sizeof seed);
        state.stage = PHONE_CLAIMED; /* as far as is known; claiming says when it is not so */
    } else if (RAND_priv_bytes(seed, sizeof seed) != 1) {
        return diag_fail(d, -EIO, "no randomness for a key");
    }
    int err = phone_store_open(&store, folder, true, d);
    if (err == 0 && phone_store_has(&store, "key")) {
        err = diag_fail(d, -EEXIST, "%s: there is a phone already; it is not overwritten", folder);
    }
    /* The key comes last: a folder without one is no phone yet. */
    err = err != 0 ? err : phone_store_put_state(&store, &state, d);
    err = err != 0 ? err : phrase_write(seed, ret_phrase, d);
    err = err != 0 ? err : phone_store_put_seed(&store, seed, d);
    secure_zero(seed, sizeof seed);
    phone_store_close(&store);
    return err;
}

int phone_accept(struct phone *p, struct bytes text, const char *path, struct diag *d)
{
    struct phone_policy policy;
    struct query_hash log;
    int err = phone_policy_read(text, path, &policy, d);
    if (err == 0 && query_key_id(&policy.log_key, &log) != 0) {
        err = diag_fail(d, -EIO, "the crypto library failed");
    }
    if (err == 0 && p->state.head_size != 0 && !query_hash_equal(&log, &p->state.book.head.log)) {
        err = diag_fail(d, -EINVAL,
                        "%s: this phone holds a head of another log; a phone does not change its "
                        "log, make another phone for it",
                        path);
    }
    if (err == 0 && p->state.stage != PHONE_NEW) {
        p->state.push = true; /* before the file changes: at worst it is pushed twice */
        err = phone_store_now(p, d);
    }
    err = err != 0 ? err : phone_store_put(&p->store, "policy.yaml", text, d);
    if (err == 0) {
        p->policy = policy;
        p->has_policy = true;
        p->state.book.budget.cap = policy.owner.cap;
    }
    return err;
}

/* ---- Verify, claim, unlock ------------------------------------------------------------------- */

struct phone_seen phone_seen_in(const struct session *s)
{
    struct phone_seen seen = {.peer = s->custodian.peer,
                              .root_kind = s->custodian.root_kind,
                              .log_size = s->phone->state.book.head.tree.size,
                              .owned = s->owned};
    memcpy(seen.root, s->custodian.root, sizeof seen.root);
    return seen;
}

int phone_verify(struct phone *p, struct phone_seen *ret, struct diag *d)
{
    struct session s;
    int err = session_begin(p, &s, d);
    if (err == 0) {
        *ret = phone_seen_in(&s);
    }
    session_end(&s);
    return err;
}

static int enrol(struct phone *p, struct diag *d)
{
    uint8_t buffer[256];
    struct writer w = writer_of(buffer, sizeof buffer);
    struct wire_enrol enrol;
    AUTO_ANSWER answer;
    memcpy(enrol.owner_key, p->keys.owner.key.point, sizeof enrol.owner_key);
    int err = wire_write_enrol(&enrol, &w, d);
    REQUIRE(err == 0);
    return client_request(p->client, "POST", "/v1/custodians", BYTES(buffer, w.size), &p->signer,
                          &answer, d);
}

static int send_record(struct session *s, enum message_kind kind, enum wire_record record,
                       const void *from, struct session_answer *ret, struct diag *d)
{
    uint8_t buffer[RECORD_SMALL_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);
    *ret = (struct session_answer){0};
    int err = wire_write(record, from, &w, d);
    err = err != 0 ? err : session_send(s, kind, BYTES(buffer, w.size), ret, d);
    secure_zero(buffer, sizeof buffer); /* some hold the volume's secret */
    return err;
}

static int send_claim(struct session *s, struct diag *d)
{
    struct phone *p = s->phone;
    uint8_t buffer[WIRE_POLICY_MAX];
    struct writer policy = writer_of(buffer, sizeof buffer);
    struct wire_claim claim;
    AUTO_SESSION_ANSWER answer = {0};
    const struct phone_state before = p->state;
    /* Another volume than any before: nothing of it was acknowledged. */
    p->state.stage = PHONE_CLAIMING;
    p->state.book.policy++;
    p->state.book.acknowledged = (struct volume_state){0};
    p->state.push = false;
    int err = phone_policy_owner(&p->policy, p->state.book.policy, &policy, d);
    err = err != 0 ? err : phone_store_now(p, d);
    if (err != 0) {
        return err;
    }
    memcpy(claim.owner_key, p->keys.owner.key.point, sizeof claim.owner_key);
    memcpy(claim.secret, p->keys.volume, sizeof claim.secret);
    claim.policy = BYTES(buffer, policy.size);
    err = send_record(s, MESSAGE_KIND_CLAIM, WIRE_claim, &claim, &answer, d);
    secure_zero(&claim, sizeof claim);
    if (err != 0 && answer.answer.code == WIRE_CODE_OWNED) {
        p->state.stage = before.stage;
        p->state.book.acknowledged = before.book.acknowledged;
        p->state.push = before.push;
        ignore_result(phone_store_now(p, NULL), "what is stored only wastes a version");
        return diag_fail(d, err,
                         "this custodian has data already. If they are yours: 'alcove phone "
                         "unlock'; if not, it learned nothing but your keys and policy, and cannot "
                         "read what it did not seal");
    }
    if (err == 0) {
        p->state.stage = PHONE_CLAIMED;
        err = phone_store_now(p, d);
    }
    return err;
}

/* A custodian that is this phone's has its policy's version from somewhere: an earlier claim whose
 * answer was lost, or the phone that this one replaces. */
static int adopt(struct session *s, struct diag *d)
{
    struct phone *p = s->phone;
    struct wire_state state;
    int err = session_state(s, &state, d);
    if (err != 0) {
        return err;
    }
    if (state.policy != p->state.book.policy) {
        p->state.push = true;
    }
    if (state.policy > p->state.book.policy) {
        p->state.book.policy = state.policy;
    }
    if (state.lease > p->state.book.number) {
        p->state.book.number = state.lease;
    }
    p->state.stage = PHONE_CLAIMED;
    return phone_store_now(p, d);
}

/* Whoever has a custodian that was started again sees one that is nobody's. Claiming it would fail,
 * and forgetting what it acknowledged would let an older volume pass. */
static int may_claim(const struct session *s, bool again, struct diag *d)
{
    if (s->phone->state.stage == PHONE_CLAIMED && !s->owned && !again) {
        return diag_fail(d, -EACCES,
                         "this phone has a custodian; it was started again, and 'alcove phone "
                         "unlock' opens it. If its data are lost for good, 'alcove phone claim "
                         "--again' begins anew");
    }
    return 0;
}

int phone_claim(struct phone *p, bool again, struct diag *d)
{
    struct session s = {0};
    int err = phone_connect(p, d);
    err = err != 0 ? err : phone_advance(p, d); /* a fork is seen before anything is said */
    err = err != 0 ? err : enrol(p, d);
    err = err != 0 ? err : session_begin(p, &s, d);
    err = err != 0 ? err : may_claim(&s, again, d);
    if (err == 0) {
        err = s.owned ? adopt(&s, d) : send_claim(&s, d);
    }
    session_end(&s);
    return err;
}

static int push(struct session *s, struct diag *d)
{
    struct phone *p = s->phone;
    uint8_t buffer[WIRE_POLICY_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);
    AUTO_SESSION_ANSWER answer = {0};
    struct wire_state state;
    /* Above what the custodian has, wherever it has it from. */
    int err = session_state(s, &state, d);
    if (err != 0) {
        return err;
    }
    if (state.policy > p->state.book.policy) {
        p->state.book.policy = state.policy;
    }
    p->state.book.policy++;
    p->state.push = true;
    err = phone_policy_owner(&p->policy, p->state.book.policy, &w, d);
    err = err != 0 ? err : phone_store_now(p, d);
    if (err == 0) {
        struct wire_policy_change change = {.policy = BYTES(buffer, w.size)};
        err = send_record(s, MESSAGE_KIND_COMMAND, WIRE_policy_change, &change, &answer, d);
    }
    if (err == 0) {
        p->state.push = false;
        err = phone_store_now(p, d);
    }
    return err;
}

static int send_unlock(struct session *s, struct diag *d)
{
    struct phone *p = s->phone;
    struct wire_unlock unlock = {.sequence = p->state.book.acknowledged.sequence};
    AUTO_SESSION_ANSWER answer = {0};
    memcpy(unlock.owner_key, p->keys.owner.key.point, sizeof unlock.owner_key);
    memcpy(unlock.secret, p->keys.volume, sizeof unlock.secret);
    memcpy(unlock.root, p->state.book.acknowledged.root.data, sizeof unlock.root);
    int err = send_record(s, MESSAGE_KIND_GRANT, WIRE_unlock, &unlock, &answer, d);
    secure_zero(&unlock, sizeof unlock);
    return err;
}

int phone_unlock(struct phone *p, struct diag *d)
{
    struct session s = {0};
    int err = session_begin(p, &s, d);
    err = err != 0 ? err
                   : send_unlock(&s, d); /* of what is open, too: it shows how far it has come */
    s.owned = err == 0;
    err = err != 0 ? err : adopt(&s, d);
    if (err == 0 && p->state.push) {
        err = push(&s, d);
    }
    session_end(&s);
    return err;
}

int phone_push_policy(struct phone *p, struct diag *d)
{
    struct session s;
    int err = session_continued(p, &s, d);
    err = err != 0 ? err : push(&s, d);
    session_end(&s);
    return err;
}

/* ---- With an open custodian ------------------------------------------------------------------ */

int session_owned(struct phone *p, struct session *ret, struct diag *d)
{
    int err = session_begin(p, ret, d);
    if (err != 0 || ret->owned) {
        return err;
    }
    session_end(ret);
    if (p->state.stage == PHONE_NEW) {
        return diag_fail(d, -EACCES, "the custodian is nobody's yet: 'alcove phone claim' first");
    }
    return diag_fail(d, -EACCES,
                     "the custodian was started again and is locked: 'alcove phone "
                     "unlock' first");
}

/* For whoever changes something. The acknowledgement that comes then takes the known one's place,
 * so the custodian is asked before whether its volume comes from that: of two that run on copies of
 * one volume, one does not. It knows its last eight acknowledgements; when the answers with all of
 * them got lost, it would take the phone's for one of another volume later, and a lease would be
 * wasted. */
int session_continued(struct phone *p, struct session *ret, struct diag *d)
{
    int err = session_owned(p, ret, d);
    if (err != 0) {
        return err;
    }
    err = send_unlock(ret, d);
    if (err != 0) {
        session_end(ret);
    }
    return err;
}

static int over_budget(const struct phone *p, uint64_t rho, struct diag *d)
{
    const struct budget_window *b = &p->state.book.budget;
    const uint64_t now = p->state.book.head.time, week = lease_window(now);
    if (p->state.unknown_until != 0 && now < p->state.unknown_until) {
        return diag_fail(
            d, -EDQUOT,
            "what the lost phone granted this week is not known, so all of it counts as "
            "spent: leases can be granted from %s on (log time)",
            phone_time_of(p->state.unknown_until).text);
    }
    return diag_fail(d, -EDQUOT,
                     "a lease of %s of rho is more than is left this week: %s of %s. The next one "
                     "begins at %s (log time)",
                     phone_rho_of(rho).text, phone_rho_of(budget_left(b, week)).text,
                     phone_rho_of(b->cap).text, phone_time_of((week + 1) * LEDGER_WINDOW_S).text);
}

int phone_lease(struct phone *p, uint64_t rho, uint64_t days, struct diag *d)
{
    uint8_t buffer[LEASE_MAX + QUERY_SIGNED_OVERHEAD];
    struct writer w = writer_of(buffer, sizeof buffer);
    struct session s;
    AUTO_SESSION_ANSWER answer = {0};
    int err = session_continued(p, &s, d);
    /* A second phone may have brought a policy meanwhile: a lease for ours would be refused, and
     * spent. */
    err = err != 0 ? err : adopt(&s, d);
    if (err == 0 && p->state.push) {
        err = diag_fail(d, -EINVAL,
                        "the custodian does not have this phone's policy: 'alcove phone "
                        "policy-push' first");
    }
    if (err == 0) {
        err = lease_grant(&p->state.book, &s.boot_key, rho, days * 86400, &p->signer.signer, &w, d);
        err = err == -EDQUOT ? over_budget(p, rho, d) : err;
    }
    /* Counted and stored, then sent; a lease that gets lost has been spent. */
    err = err != 0 ? err : phone_store_now(p, d);
    if (err == 0) {
        struct wire_grant grant = {.lease = BYTES(buffer, w.size)};
        err = send_record(&s, MESSAGE_KIND_GRANT, WIRE_grant, &grant, &answer, d);
        if (err != 0) {
            diag_prefix(d, "the lease counts as spent, and was not confirmed");
        }
    }
    session_end(&s);
    return err;
}

int session_upload(struct session *s, uint64_t day, struct bytes data, struct diag *d)
{
    AUTO_SESSION_ANSWER answer = {0};
    struct wire_upload upload = {.day = day, .data = data};
    size_t size = data.size + 256;
    uint8_t *buffer = malloc(size);
    if (buffer == NULL) {
        return diag_fail(d, -ENOMEM, "no memory for a day of %zu bytes", data.size);
    }
    struct writer w = writer_of(buffer, size);
    int err = wire_write_upload(&upload, &w, d);
    err = err != 0 ? err : session_send(s, MESSAGE_KIND_UPLOAD, BYTES(buffer, w.size), &answer, d);
    free(buffer);
    return err;
}

int session_order(struct session *s, enum wire_order_kind what, uint64_t day, uint64_t stage,
                  uint64_t from, struct session_answer *ret, struct diag *d)
{
    struct wire_order order = {.what = what, .day = day, .stage = stage, .from = from};
    return send_record(s, MESSAGE_KIND_COMMAND, WIRE_order, &order, ret, d);
}

int session_state(struct session *s, struct wire_state *ret, struct diag *d)
{
    AUTO_SESSION_ANSWER answer = {0};
    int err = session_order(s, WIRE_ORDER_STATE, 0, 0, 0, &answer, d);
    return err != 0 ? err : wire_read_state(answer.answer.body, ret, d);
}

int phone_order(struct phone *p, enum wire_order_kind what, struct diag *d)
{
    struct session s;
    AUTO_SESSION_ANSWER answer = {0};
    /* Who deletes everything deletes what is there. */
    int err = what == WIRE_ORDER_DELETE ? session_owned(p, &s, d) : session_continued(p, &s, d);
    err = err != 0 ? err : session_order(&s, what, 0, 0, 0, &answer, d);
    session_end(&s);
    return err;
}

/* ---- Ends and moves -------------------------------------------------------------------------- */

static int simple_request(struct phone *p, const char *method, const char *rest, struct diag *d)
{
    char path[CLIENT_PATH_MAX];
    AUTO_ANSWER answer;
    phone_path(p, rest, path);
    return client_request(p->client, method, path, (struct bytes){0}, &p->signer, &answer, d);
}

int phone_delete(struct phone *p, bool unasked, struct diag *d)
{
    int err = unasked ? phone_connect(p, d) : phone_order(p, WIRE_ORDER_DELETE, d);
    if (err != 0) {
        return err;
    }
    p->state.stage = PHONE_NEW;
    p->state.book.acknowledged = (struct volume_state){0};
    err = phone_store_now(p, d);
    err = err != 0 ? err : simple_request(p, "DELETE", "", d);
    if (err != 0) {
        diag_prefix(d,
                    "%s what is left of it was not removed ('alcove phone delete "
                    "--unasked' tries again)",
                    unasked ? "the custodian:" : "the custodian wiped its data;");
    }
    return err;
}

static int find_program(struct phone *p, const char *name, struct wire_program *ret, struct diag *d)
{
    AUTO_ANSWER answer;
    int err = client_request(p->client, "GET", "/v1/programs", (struct bytes){0}, NULL, &answer, d);
    struct wire_programs *all = err == 0 ? malloc(sizeof *all) : NULL;
    if (err != 0 || all == NULL) {
        return err != 0 ? err : diag_fail(d, -ENOMEM, "no memory");
    }
    err = wire_read_programs(answer.body, all, d);
    if (err == 0) {
        err = -ENOENT;
        for (size_t i = 0; err == -ENOENT && i < all->programs_count; i++) {
            if (all->programs[i].role == QUERY_ROLE_CUSTODIAN &&
                bytes_equal_str(all->programs[i].name, name)) {
                *ret = all->programs[i];
                ret->name = (struct bytes){0};
                err = 0;
            }
        }
    }
    free(all);
    return err == -ENOENT
               ? diag_fail(d, err, "the server has no custodian program with the name %s", name)
               : err;
}

int phone_move(struct phone *p, const char *program, struct diag *d)
{
    char rest[160];
    struct wire_program found;
    struct query_peer peer = {0};
    for (const char *c = program; *c != '\0'; c++) {
        bool plain = (*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') ||
                     (*c >= 'a' && *c <= 'z') || *c == '-' || *c == '_' || *c == '.';
        if (!plain) {
            return diag_fail(d, -EINVAL, "'%s' is no name of a program", program);
        }
    }
    int err = phone_connect(p, d);
    err = err != 0 ? err : phone_advance(p, d);
    err = err != 0 ? err : find_program(p, program, &found, d);
    if (err != 0) {
        return err;
    }
    memcpy(peer.mrenclave, found.mrenclave, sizeof peer.mrenclave);
    memcpy(peer.configid, found.configid, sizeof peer.configid);
    if (!trust_identity(p->policy.custodians, p->policy.custodian_count, &peer)) {
        return diag_fail(d, -EACCES,
                         "the policy does not accept the program %s; nothing was moved. If you "
                         "trust it, add it to 'custodians' of your policy file",
                         program);
    }
    err = phone_logged(p, QUERY_ROLE_CUSTODIAN, peer.mrenclave, peer.configid, d);
    base_format(rest, sizeof rest, "/move?program=%s", program);
    err = err != 0 ? err : simple_request(p, "POST", rest, d);
    return err != 0 ? err : phone_unlock(p, d);
}
