/* SPDX-License-Identifier: Apache-2.0 */
/* A phone at work, see phone.h: opening it, and its view of the log. */
#include "phone/phone.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cbor.h"

#define LOG_AHEAD_MAX_S 86400u

static int64_t device_clock(void)
{
    return time(NULL);
}

static int read_policy(struct phone *p, struct diag *d)
{
    char path[sizeof p->store.path + 16];
    if (!phone_store_has(&p->store, "policy.yaml")) {
        return 0;
    }
    uint8_t *text = malloc(PHONE_FILE_MAX);
    if (text == NULL) {
        return diag_fail(d, -ENOMEM, "no memory for the policy");
    }
    struct writer w = writer_of(text, PHONE_FILE_MAX);
    base_format(path, sizeof path, "%s/policy.yaml", p->store.path);
    int err = phone_store_get(&p->store, "policy.yaml", &w, d);
    err = err != 0 ? err : phone_policy_read(BYTES(text, w.size), path, &p->policy, d);
    free(text);
    p->has_policy = err == 0;
    return err;
}

/* The book's cap is the policy's; a phone that saw no head yet holds the empty tree of its log. */
static int fill_book(struct phone *p, struct diag *d)
{
    struct lease_book *book = &p->state.book;
    struct query_hash log;
    if (!p->has_policy) {
        return 0;
    }
    if (query_key_id(&p->policy.log_key, &log) != 0) {
        return diag_fail(d, -EIO, "the crypto library failed");
    }
    book->budget.cap = p->policy.owner.cap;
    if (p->state.head_size == 0) {
        book->head = (struct query_log_head){.tree = query_log_empty(), .log = log};
    } else if (!query_hash_equal(&book->head.log, &log)) {
        return diag_fail(d, -EINVAL,
                         "%s: the policy names another log than the one whose head this phone "
                         "holds; take the old policy back, or make another phone for it",
                         p->store.path);
    }
    return 0;
}

int phone_open(struct phone *ret, const char *folder, struct diag *d)
{
    uint8_t seed[PHONE_SEED_SIZE];
    *ret = (struct phone){.store = PHONE_STORE_NONE, .clock = device_clock};
    int err = phone_store_open(&ret->store, folder, false, d);
    err = err != 0 ? err : phone_store_get_seed(&ret->store, seed, d);
    err = err != 0 ? err : phone_keys_derive(seed, &ret->keys, d);
    err = err != 0 ? err : phone_store_get_state(&ret->store, &ret->state, d);
    err = err != 0 ? err : read_policy(ret, d);
    err = err != 0 ? err : fill_book(ret, d);
    ret->signer = client_signer_of(&ret->keys.owner);
    secure_zero(seed, sizeof seed);
    return err;
}

void phone_close(struct phone *p)
{
    client_close(p->client);
    p->client = NULL;
    phone_keys_wipe(&p->keys);
    phone_store_close(&p->store);
}

int phone_connect(struct phone *p, struct diag *d)
{
    if (!p->has_policy) {
        return diag_fail(d, -EINVAL,
                         "this phone has no policy yet: it trusts nobody. 'alcove phone policy "
                         "--from-server SERVER' drafts one, 'alcove phone policy FILE' accepts it");
    }
    if (p->client != NULL) {
        return 0;
    }
    int err = client_open(p->policy.server, &p->client, d);
    if (err == 0) {
        p->client->who = "alcove phone";
    }
    return err;
}

int phone_store_now(struct phone *p, struct diag *d)
{
    return phone_store_put_state(&p->store, &p->state, d);
}

void phone_path(const struct phone *p, const char *rest, char ret[CLIENT_PATH_MAX])
{
    char id[65];
    hex_encode(id, p->keys.owner_id.data, sizeof p->keys.owner_id.data);
    base_format(ret, CLIENT_PATH_MAX, "/v1/custodians/%s%s", id, rest);
}

/* ---- Heads ----------------------------------------------------------------------------------- */

/* Both heads as they were signed, and the proof that came: whoever gets the file can check that one
 * key signed both. */
static int keep_evidence(struct phone *p, const struct wire_log_head *came, char ret_name[48],
                         struct diag *d)
{
    uint8_t buffer[4096];
    struct writer w = writer_of(buffer, sizeof buffer);
    for (unsigned i = 0;; i++) {
        base_format(ret_name, 48, "fork-%lld-%u.cbor", (long long)p->clock(), i);
        if (!phone_store_has(&p->store, ret_name)) {
            break;
        }
    }
    cbor_put_map(&w, 5);
    cbor_put_str(&w, "came");
    cbor_put_bytes(&w, came->head);
    cbor_put_str(&w, "held");
    cbor_put_bytes(&w, BYTES(p->state.signed_head, p->state.head_size));
    cbor_put_str(&w, "proof");
    cbor_put_bytes(&w, came->proof);
    cbor_put_str(&w, "format");
    cbor_put_str(&w, "alcove-phone-fork-1");
    cbor_put_str(&w, "log_key");
    cbor_put_bytes(&w, BYTES_OF(p->policy.log_key.point));
    REQUIRE(!w.failed);
    int err = phone_store_put(&p->store, ret_name, BYTES(buffer, w.size), d);
    if (err == 0) {
        p->state.forks++;
        err = phone_store_now(p, d);
    }
    return err;
}

/* Has the operator contradicted itself, or is the server just behind or broken? Only what the log's
 * key signed is evidence; an older head, or one of another log, is none. */
static bool contradicts(const struct phone *p, const struct wire_log_head *came,
                        enum query_log_reason reason)
{
    static const uint8_t no_path[] = {0x80}; /* the proof that a log extends the empty one */
    const struct query_log_head *held = &p->state.book.head;
    struct query_log_head head = {.tree = query_log_empty(), .log = held->log};
    enum query_log_reason ignored;
    if (reason == QUERY_LOG_REASON_NOT_EXTENSION) {
        return true;
    }
    if (query_log_advance(&head, &p->policy.log_key, came->head, BYTES_OF(no_path), &ignored,
                          NULL) != 0) {
        return false;
    }
    return (head.tree.size == held->tree.size &&
            !query_hash_equal(&head.tree.root, &held->tree.root)) ||
           (head.tree.size < held->tree.size && head.time > held->time) ||
           (head.tree.size > held->tree.size && head.time < held->time);
}

static int refuse_head(struct phone *p, const struct wire_log_head *came,
                       enum query_log_reason reason, struct diag *d)
{
    char name[48];
    if (!contradicts(p, came, reason)) {
        return diag_fail(d, -EACCES,
                         "the server's head of the log is refused (%s): %s; nothing was sent",
                         query_log_reason_text(reason), query_log_reason_explain(reason));
    }
    int err = keep_evidence(p, came, name, d);
    if (err != 0) {
        diag_prefix(d, "THE LOG HAS FORKED, and its heads could not be kept as evidence");
        return -EACCES;
    }
    return diag_fail(
        d, -EACCES,
        "THE LOG HAS FORKED (%s): %s. Nothing was sent. Both heads are kept in %s/%s: show "
        "them to others who use this log, and trust this server with nothing",
        query_log_reason_text(reason), query_log_reason_explain(reason), p->store.path, name);
}

/* Weeks, and with them budgets, are of the log's time, which is its operator's word and never falls
 * again: a head of next month would be next month's budget. */
static int check_time(const struct phone *p, const struct query_log_head *head, struct diag *d)
{
    int64_t now = p->clock();
    uint64_t latest = (now > 0 ? (uint64_t)now : 0) + LOG_AHEAD_MAX_S;
    return head->time <= latest
               ? 0
               : diag_fail(d, -EACCES,
                           "the log's time is more than a day ahead of this device's clock: its "
                           "operator wants budgets before their week, or the clock is wrong; "
                           "nothing was sent");
}

int phone_advance(struct phone *p, struct diag *d)
{
    char path[CLIENT_PATH_MAX];
    struct wire_log_head came;
    enum query_log_reason reason = QUERY_LOG_REASON_NONE;
    struct lease_book *book = &p->state.book;
    AUTO_ANSWER answer;
    base_format(path, sizeof path, "/v1/log/head?from=%llu",
                (unsigned long long)book->head.tree.size);
    int err = client_request(p->client, "GET", path, (struct bytes){0}, NULL, &answer, d);
    if (err != 0) {
        return err;
    }
    if (wire_read_log_head(answer.body, &came, d) != 0) {
        return diag_fail(d, -EACCES, "the server's head of the log cannot be read");
    }
    struct query_log_head next = book->head;
    err = query_log_advance(&next, &p->policy.log_key, came.head, came.proof, &reason, d);
    if (err == -EACCES) {
        return refuse_head(p, &came, reason, d);
    }
    err = err != 0 ? err : check_time(p, &next, d);
    if (err != 0) {
        return err;
    }
    book->head = next;
    memcpy(p->state.signed_head, came.head.data, came.head.size);
    p->state.head_size = came.head.size;
    phone_state_settle(&p->state, p->clock());
    return phone_store_now(p, d);
}

/* ---- Identities in the log ------------------------------------------------------------------- */

/* The leaf has a name besides, which the server tells; whatever it says, the leaf must hold this
 * program. */
static int leaf_of(struct phone *p, enum query_role role, const uint8_t mrenclave[32],
                   const uint8_t configid[64], struct writer *out, struct diag *d)
{
    AUTO_ANSWER answer;
    int err = client_request(p->client, "GET", "/v1/programs", (struct bytes){0}, NULL, &answer, d);
    struct wire_programs *all = err == 0 ? malloc(sizeof *all) : NULL;
    if (err != 0 || all == NULL) {
        return err != 0 ? err : diag_fail(d, -ENOMEM, "no memory");
    }
    err = wire_read_programs(answer.body, all, d) != 0
              ? diag_fail(d, -EACCES, "the server's list of programs cannot be read")
              : -ENOENT;
    for (size_t i = 0; err == -ENOENT && i < all->programs_count; i++) {
        const struct wire_program *program = &all->programs[i];
        if (program->role == (uint64_t)role &&
            memcmp(program->mrenclave, mrenclave, sizeof program->mrenclave) == 0 &&
            memcmp(program->configid, configid, sizeof program->configid) == 0) {
            struct query_log_leaf leaf = {
                .kind = QUERY_LOG_IDENTITY, .role = role, .name = program->name};
            memcpy(leaf.mrenclave, mrenclave, sizeof leaf.mrenclave);
            memcpy(leaf.configid, configid, sizeof leaf.configid);
            err = query_log_leaf_encode(&leaf, out, d);
        }
    }
    free(all);
    return err == -ENOENT
               ? diag_fail(d, -EACCES, "the server does not say where in the log its %s is",
                           query_role_text(role))
               : err;
}

int phone_logged(struct phone *p, enum query_role role, const uint8_t mrenclave[32],
                 const uint8_t configid[64], struct diag *d)
{
    uint8_t buffer[QUERY_LOG_LEAF_MAX];
    char path[CLIENT_PATH_MAX], hex[65];
    struct writer leaf = writer_of(buffer, sizeof buffer);
    struct query_hash hash;
    struct wire_log_entry entry;
    struct query_log_proof proof;
    AUTO_ANSWER answer = {0};
    int err = leaf_of(p, role, mrenclave, configid, &leaf, d);
    if (err == 0 && query_log_leaf_hash(BYTES(buffer, leaf.size), &hash) != 0) {
        err = diag_fail(d, -EIO, "the crypto library failed");
    }
    if (err != 0) {
        return err;
    }
    hex_encode(hex, hash.data, sizeof hash.data);
    base_format(path, sizeof path, "/v1/log/entry?leaf=%s&size=%llu", hex,
                (unsigned long long)p->state.book.head.tree.size);
    err = client_request(p->client, "GET", path, (struct bytes){0}, NULL, &answer, d);
    if (err != 0) {
        diag_prefix(d, "is the %s in the log?", query_role_text(role));
        return err;
    }
    if (wire_read_log_entry(answer.body, &entry, d) != 0 ||
        query_log_proof_decode(entry.proof, &proof) != 0 ||
        query_log_check_inclusion(&p->state.book.head.tree, entry.index, &hash, &proof) != 0) {
        return diag_fail(d, -EACCES,
                         "the %s is not in the log, as far as this server can show: it may be one "
                         "that nobody else gets to see; nothing was sent",
                         query_role_text(role));
    }
    return 0;
}
