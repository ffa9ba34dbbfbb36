/* SPDX-License-Identifier: Apache-2.0 */
/* A server to lie, see test_server.h. */
#include "phone/test_server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MUST(call)                                                                                 \
    do {                                                                                           \
        if ((call) != 0) {                                                                         \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #call);                             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static int give(struct client_answer *ret, struct bytes body)
{
    uint8_t *copy = malloc(body.size + 1);
    if (copy == NULL) {
        abort();
    }
    if (body.size > 0) {
        memcpy(copy, body.data, body.size);
    }
    *ret = (struct client_answer){.status = 200, .body = BYTES(copy, body.size), .storage = copy};
    return 0;
}

static int refuse(struct client_answer *ret, enum wire_code code, unsigned status, struct diag *d)
{
    uint8_t buffer[64];
    struct writer w = writer_of(buffer, sizeof buffer);
    struct wire_refused refused = {.code = code};
    MUST(wire_write_refused(&refused, &w, NULL));
    return client_refusal("POST", "/v1/test", status, BYTES(buffer, w.size), ret, d);
}

/* ---- The log --------------------------------------------------------------------------------- */

static void add_leaf(struct test_server *s, const struct query_log_leaf *leaf)
{
    struct writer w = writer_of(s->leaves[s->leaf_count], QUERY_LOG_LEAF_MAX);
    MUST(query_log_leaf_encode(leaf, &w, NULL));
    s->leaf_sizes[s->leaf_count] = w.size;
    MUST(query_log_leaf_hash(BYTES(w.data, w.size), &s->hashes[s->leaf_count]));
    s->leaf_count++;
}

void test_server_grow(struct test_server *s, size_t leaves)
{
    for (size_t i = 0; i < leaves; i++) {
        struct query_log_leaf leaf = {.kind = QUERY_LOG_QUERY};
        leaf.query.data[0] = (uint8_t)s->leaf_count;
        leaf.analyst.data[1] = 1;
        add_leaf(s, &leaf);
    }
    s->log_time += 60;
}

static int get_head(struct test_server *s, uint64_t from, struct client_answer *ret)
{
    uint8_t head[QUERY_LOG_HEAD_MAX], proof[QUERY_LOG_PROOF_SIZE_MAX], buffer[4096];
    struct query_hash other[SERVER_LEAVES_MAX];
    struct query_secret_key stranger = s->log_key;
    size_t count = s->leaf_count;
    struct query_log_head h = {.time = s->log_time};
    struct query_log_proof p = {0};
    memcpy(other, s->hashes, sizeof other);
    if (s->lie == LIE_HEAD_FORK || s->lie == LIE_HEAD_GROWN) {
        other[0].data[0] ^= 1;
        count = s->lie == LIE_HEAD_FORK ? (size_t)from : count;
    } else if (s->lie == LIE_HEAD_OLD || s->lie == LIE_HEAD_SHRUNK) {
        count = 1;
        h.time = s->lie == LIE_HEAD_OLD ? 1 : h.time + 1000;
    }
    MUST(query_log_tree_of(other, count, &h.tree));
    if (s->lie == LIE_HEAD_STRANGE) {
        uint8_t scalar[32] = {[31] = 99};
        MUST(query_secret_key_read(BYTES_OF(scalar), &stranger));
    }
    MUST(query_key_id(&s->log_key.key, &h.log));
    struct query_signer signer = {query_sign_with, &stranger};
    struct writer w = writer_of(head, sizeof head), v = writer_of(proof, sizeof proof),
                  out = writer_of(buffer, sizeof buffer);
    MUST(query_log_head_sign(&h, &signer, &w, NULL));
    if (from <= count) {
        MUST(query_log_prove_consistency(other, count, from, &p));
    }
    MUST(query_log_proof_encode(&p, &v));
    struct wire_log_head record = {.head = BYTES(head, w.size), .proof = BYTES(proof, v.size)};
    MUST(wire_write_log_head(&record, &out, NULL));
    return give(ret, BYTES(buffer, out.size));
}

static int get_entry(struct test_server *s, const char *hex, uint64_t size,
                     struct client_answer *ret, struct diag *d)
{
    struct query_hash wanted;
    uint8_t buffer[4096], proof[QUERY_LOG_PROOF_SIZE_MAX];
    struct writer w = writer_of(buffer, sizeof buffer), v = writer_of(proof, sizeof proof);
    struct query_log_proof p;
    if (!hex_decode(wanted.data, 32, BYTES(hex, 64)) || size > s->leaf_count) {
        return refuse(ret, WIRE_CODE_FORMAT, 400, d);
    }
    size_t at = 0;
    while (at < size && !query_hash_equal(&s->hashes[at], &wanted)) {
        at++;
    }
    if (s->lie == LIE_OTHER_LEAF) {
        at = 0;
    }
    if (at == size) {
        return refuse(ret, WIRE_CODE_NOT_LOGGED, 404, d);
    }
    MUST(query_log_prove_inclusion(s->hashes, size, s->lie == LIE_NOT_LOGGED ? 0 : at, &p));
    MUST(query_log_proof_encode(&p, &v));
    struct wire_log_entry entry = {.index = s->lie == LIE_NOT_LOGGED ? 0 : at,
                                   .leaf = BYTES(s->leaves[at], s->leaf_sizes[at]),
                                   .proof = BYTES(proof, v.size)};
    MUST(wire_write_log_entry(&entry, &w, NULL));
    return give(ret, BYTES(buffer, w.size));
}

static int get_programs(struct test_server *s, struct client_answer *ret)
{
    uint8_t buffer[4096];
    struct writer w = writer_of(buffer, sizeof buffer);
    struct wire_programs *all = calloc(1, sizeof *all);
    if (all == NULL) {
        abort();
    }
    memcpy(all->log_key, s->log_key.key.point, 65);
    all->programs_count = 1;
    all->programs[0] = (struct wire_program){
        .name = BYTES_STR("custodian-1"),
        .role = s->lie == LIE_NO_PROGRAM ? QUERY_ROLE_AGGREGATOR : QUERY_ROLE_CUSTODIAN};
    memcpy(all->programs[0].mrenclave, s->peer.mrenclave, 32);
    memcpy(all->programs[0].configid, s->peer.configid, 64);
    MUST(wire_write_programs(all, &w, NULL));
    free(all);
    return give(ret, BYTES(buffer, w.size));
}

/* ---- Evidence -------------------------------------------------------------------------------- */

static int get_evidence(struct test_server *s, struct bytes nonce, struct client_answer *ret)
{
    static uint8_t file[1u << 17];
    uint8_t binding[BINDING_SIZE_MAX], other[64] = "a nonce that nobody has sent ...";
    struct forge_spec spec = s->spec;
    struct writer b = writer_of(binding, sizeof binding);
    struct query_key owner;
    struct query_hash owner_id;
    struct binding made = {.purpose = BINDING_PURPOSE_CUSTODIAN,
                           .key = s->boot.public_key,
                           .fresh = BINDING_FRESH_NONCE,
                           .nonce = nonce};
    if (s->lie == LIE_GARBAGE) {
        return give(ret, BYTES_STR("believe me"));
    }
    if (s->open && query_key_read(BYTES_OF(s->owner_key), &owner) == 0 &&
        query_key_id(&owner, &owner_id) == 0) {
        made.has_owner = true;
        memcpy(made.owner, owner_id.data, 32);
    }
    if (s->lie == LIE_OWNER) {
        made.has_owner = true;
        memset(made.owner, 0x42, 32);
    } else if (s->lie == LIE_NONCE) {
        made.nonce = BYTES(other, 32);
    } else if (s->lie == LIE_OLD) {
        made.nonce = BYTES(s->last_nonce, s->last_nonce_size);
    } else if (s->lie == LIE_TIME) {
        made.fresh = BINDING_FRESH_TIME;
        made.nonce = (struct bytes){0};
        made.time = FORGE_NOW;
    } else if (s->lie == LIE_PURPOSE) {
        made.purpose = BINDING_PURPOSE_AGGREGATOR;
    } else if (s->lie == LIE_CONTEXT) {
        made.context = BYTES_STR("context");
    } else if (s->lie == LIE_PROGRAM) {
        spec.body.mrenclave[31] ^= 1;
    } else if (s->lie == LIE_DEBUG) {
        spec.body.attributes.flags |= SGX_FLAGS_DEBUG;
    }
    if (s->lie == LIE_CONFIG) {
        static uint8_t manifest[1024];
        struct writer m = writer_of(manifest, sizeof manifest);
        struct manifest changed = {.door = DOOR_SHIM,
                                   .attestation = true,
                                   .memory = 1u << 21,
                                   .threads = 1,
                                   .entry = BYTES_STR("/custodian"),
                                   .cwd = BYTES_STR("/"),
                                   .argv_count = 1,
                                   .argv = {BYTES_STR("custodian")}};
        MUST(manifest_encode(&changed, &m, NULL));
        spec.manifest = BYTES(m.data, m.size);
    }
    MUST(binding_encode(&made, &b, NULL));
    spec.claims = BYTES(binding, b.size);
    forge_requote(&spec, &s->forged);
    size_t size = forge_evidence(&spec, &s->forged, file, sizeof file);
    if (s->lie == LIE_KEY) {
        uint8_t *at = memmem(file, size, s->boot.public_key.data, 32);
        memcpy(at, s->thief.public_key.data, 32);
    }
    memcpy(s->last_nonce, nonce.data, nonce.size);
    s->last_nonce_size = nonce.size;
    return give(ret, BYTES(file, size));
}

/* ---- Messages -------------------------------------------------------------------------------- */

static enum wire_code take_claim(struct test_server *s, const struct message *m)
{
    struct wire_claim claim;
    if (s->claimed) {
        return WIRE_CODE_OWNED;
    }
    if (wire_read_claim(m->body, &claim, NULL) != 0 || claim.policy.size > sizeof s->policy_bytes) {
        return WIRE_CODE_FORMAT;
    }
    memcpy(s->policy_bytes, claim.policy.data, claim.policy.size);
    if (wire_read_policy(BYTES(s->policy_bytes, claim.policy.size), &s->policy, NULL) != 0) {
        return WIRE_CODE_POLICY;
    }
    memcpy(s->secret, claim.secret, 32);
    memcpy(s->owner_key, claim.owner_key, 65);
    s->message_key = m->from;
    s->claimed = s->open = true;
    return WIRE_CODE_OK;
}

static enum wire_code take_grant(struct test_server *s, const struct message *m)
{
    struct wire_unlock unlock;
    struct wire_grant grant;
    struct query_key owner;
    if (wire_read_unlock(m->body, &unlock, NULL) == 0) {
        if (!s->claimed) {
            return WIRE_CODE_STATE;
        }
        if (memcmp(unlock.secret, s->secret, 32) != 0) {
            return WIRE_CODE_KEY;
        }
        if (unlock.sequence > s->state.sequence) {
            return WIRE_CODE_ROLLED_BACK;
        }
        s->open = true;
        return WIRE_CODE_OK;
    }
    if (wire_read_grant(m->body, &grant, NULL) != 0 ||
        query_key_read(BYTES_OF(s->owner_key), &owner) != 0) {
        return WIRE_CODE_FORMAT;
    }
    if (lease_open(grant.lease, &owner, &s->lease, NULL) != 0) {
        return WIRE_CODE_LEASE;
    }
    bool known = false;
    for (size_t i = 0; i < LEDGER_ACKS_MAX; i++) {
        known |= s->acks[i].sequence == s->lease.volume.sequence &&
                 query_hash_equal(&s->acks[i].root, &s->lease.volume.root);
    }
    if (!known) {
        return WIRE_CODE_LEASE;
    }
    s->leases++;
    if (s->granted != NULL) {
        *s->granted += s->lease.rho;
    }
    return WIRE_CODE_OK;
}

static enum wire_code take_command(struct test_server *s, const struct message *m,
                                   struct writer *body, bool *ret_reads)
{
    struct wire_policy_change change;
    struct wire_order order;
    if (wire_read_policy_change(m->body, &change, NULL) == 0) {
        struct wire_policy next;
        memcpy(s->policy_bytes, change.policy.data, change.policy.size);
        MUST(wire_read_policy(BYTES(s->policy_bytes, change.policy.size), &next, NULL));
        if (next.version <= s->policy.version) {
            return WIRE_CODE_POLICY;
        }
        s->policy = next;
        return WIRE_CODE_OK;
    }
    if (wire_read_order(m->body, &order, NULL) != 0) {
        return WIRE_CODE_FORMAT;
    }
    s->orders++;
    if (order.what == WIRE_ORDER_STATE) {
        struct wire_state state = {
            .policy = s->policy.version, .cap = s->policy.cap, .lease = s->lease.number};
        MUST(wire_write_state(&state, body, NULL));
        *ret_reads = true;
    } else if (order.what == WIRE_ORDER_DELETE) {
        s->claimed = s->open = false;
    }
    return WIRE_CODE_OK;
}

static enum wire_code take_upload(struct test_server *s, const struct message *m)
{
    struct wire_upload upload;
    if (wire_read_upload(m->body, &upload, NULL) != 0) {
        return WIRE_CODE_FORMAT;
    }
    s->uploads++;
    s->upload_day = upload.day;
    s->upload_size = upload.data.size;
    return WIRE_CODE_OK;
}

static int seal_answer(struct test_server *s, const struct wire_answer *answer,
                       const uint8_t id[MESSAGE_ID_SIZE], const struct hpke_public_key *to,
                       struct client_answer *ret)
{
    uint8_t body[2048], other_id[MESSAGE_ID_SIZE] = {1}, unused[MESSAGE_ID_SIZE];
    struct writer w = writer_of(body, sizeof body);
    MUST(wire_write_answer(answer, &w, NULL));
    struct message_draft draft = {
        .kind = s->lie == LIE_ANSWER_KIND ? MESSAGE_KIND_UPLOAD : MESSAGE_KIND_ANSWER,
        .context_mode = MESSAGE_CONTEXT_VALUE,
        .context = BYTES(s->lie == LIE_ANSWER_ID ? other_id : id, MESSAGE_ID_SIZE),
        .to = to,
        .from = s->lie == LIE_ANSWER_BASE  ? HPKE_FROM_ANYONE
                : s->lie == LIE_ANSWER_KEY ? HPKE_FROM_SELF(&s->thief)
                                           : HPKE_FROM_SELF(&s->boot),
        .aead = HPKE_SUITE_DEFAULT.aead,
        .body = BYTES(body, w.size)};
    size_t size = message_sealed_size(&draft);
    uint8_t *sealed = malloc(size);
    struct writer out = writer_of(sealed, size);
    MUST(message_seal(&draft, &out, unused, NULL));
    if (s->lie == LIE_ANSWER_AGAIN && s->last_answer != NULL) {
        free(sealed);
        return give(ret, BYTES(s->last_answer, s->last_answer_size));
    }
    free(s->last_answer);
    s->last_answer = sealed;
    s->last_answer_size = out.size;
    return give(ret, BYTES(sealed, s->lie == LIE_ANSWER_CUT ? size - 1 : size));
}

static int deliver(struct test_server *s, struct bytes sealed, struct client_answer *ret,
                   struct diag *d)
{
    struct message_header header;
    struct message m;
    uint8_t *buffer = malloc(sealed.size), body[1024];
    struct writer out = writer_of(body, sizeof body);
    bool reads = false;
    if (buffer == NULL || message_peek(sealed, &header, NULL) != 0) {
        free(buffer);
        return refuse(ret, WIRE_CODE_MESSAGE, 409, d);
    }
    struct message_expectation expected = {.kind = header.kind,
                                           .context_mode = MESSAGE_CONTEXT_NONE,
                                           .from_mode = MESSAGE_FROM_CLAIMED,
                                           .evidence_mode = MESSAGE_EVIDENCE_NONE};
    if (message_open(sealed, &s->boot, &expected, buffer, sealed.size, &m, NULL) != 0) {
        free(buffer);
        return refuse(ret, WIRE_CODE_MESSAGE, 409, d);
    }
    s->messages++;
    struct wire_answer answer = {.code = WIRE_CODE_STATE};
    if (s->refuse != WIRE_CODE_OK) {
        answer.code = s->refuse;
        s->refuse = WIRE_CODE_OK;
    } else if (m.kind == MESSAGE_KIND_CLAIM) {
        answer.code = take_claim(s, &m);
    } else if (m.kind == MESSAGE_KIND_GRANT) {
        answer.code = take_grant(s, &m);
    } else if (s->open && m.kind == MESSAGE_KIND_UPLOAD) {
        answer.code = take_upload(s, &m);
    } else if (s->open && m.kind == MESSAGE_KIND_COMMAND) {
        answer.code = take_command(s, &m, &out, &reads);
    }
    if (answer.code == WIRE_CODE_OK && !reads) {
        s->state.sequence++;
        memset(s->state.root.data, (int)s->state.sequence, 32);
        answer.sequence = s->lie == LIE_STATE_OLDER ? 1 : s->state.sequence;
        if (s->lie == LIE_STATE_OTHER) {
            answer.sequence = --s->state.sequence;
        }
        memcpy(answer.root, s->state.root.data, 32);
        s->acks[s->state.sequence % LEDGER_ACKS_MAX] = s->state;
    }
    answer.body = BYTES(body, out.size);
    struct hpke_public_key to = m.from;
    free(buffer);
    if (s->lose_answer && s->keep_answers > 0) {
        s->keep_answers--;
    } else if (s->lose_answer) {
        return diag_fail(d, -ETIMEDOUT, "test: no answer in time");
    }
    return seal_answer(s, &answer, header.id, &to, ret);
}

/* ---- Requests -------------------------------------------------------------------------------- */

static bool ends_with(const char *s, const char *end)
{
    size_t a = strlen(s), b = strlen(end);
    return a >= b && strcmp(s + a - b, end) == 0;
}

static int request(struct client *c, const char *method, const char *path, struct bytes body,
                   const struct client_signer *signer, struct client_answer *ret, struct diag *d)
{
    struct test_server *s = (struct test_server *)c;
    unsigned long long number;
    char hex[65];
    bool gets = strcmp(method, "GET") == 0;
    if (gets != (signer == NULL)) {
        return refuse(ret, WIRE_CODE_NOT_OWNER, 403, d);
    }
    if (gets && sscanf(path, "/v1/log/head?from=%llu", &number) == 1) {
        return get_head(s, number, ret);
    }
    if (gets && sscanf(path, "/v1/log/entry?leaf=%64[0-9a-f]&size=%llu", hex, &number) == 2) {
        return get_entry(s, hex, number, ret, d);
    }
    if (gets && strcmp(path, "/v1/programs") == 0) {
        return get_programs(s, ret);
    }
    if (strcmp(path, "/v1/custodians") == 0) {
        s->enrols++;
        return give(ret, (struct bytes){0});
    }
    if (ends_with(path, "/attest")) {
        s->attests++;
        return get_evidence(s, body, ret);
    }
    if (strstr(path, "/messages?head=") != NULL) {
        return deliver(s, body, ret, d);
    }
    if (strcmp(method, "DELETE") == 0) {
        s->deleted = true;
        return give(ret, (struct bytes){0});
    }
    return refuse(ret, WIRE_CODE_NOT_FOUND, 404, d);
}

static void no_close(struct client *c)
{
    (void)c;
}

/* ---- Making ---------------------------------------------------------------------------------- */

void test_server_restart(struct test_server *s)
{
    MUST(hpke_private_make(HPKE_KEM_X25519, &s->boot));
    s->open = false;
}

void test_server_make(struct test_server *s)
{
    uint8_t scalar[32] = {[31] = 5};
    struct writer m;
    struct manifest manifest = {.door = DOOR_SHIM,
                                .attestation = true,
                                .memory = 1u << 20,
                                .threads = 1,
                                .entry = BYTES_STR("/custodian"),
                                .cwd = BYTES_STR("/"),
                                .argv_count = 1,
                                .argv = {BYTES_STR("custodian")}};
    memset(s, 0, sizeof *s);
    s->client = (struct client){.request = request, .close = no_close};
    MUST(hpke_private_make(HPKE_KEM_X25519, &s->thief));
    test_server_restart(s);
    MUST(query_secret_key_read(BYTES_OF(scalar), &s->log_key));
    m = writer_of(s->manifest, sizeof s->manifest);
    MUST(manifest_encode(&manifest, &m, NULL));
    s->manifest_size = m.size;
    forge_defaults(&s->spec);
    s->spec.manifest = BYTES(s->manifest, s->manifest_size);
    s->spec.claims = BYTES_STR("x");
    forge_build(&s->spec, &s->forged);
    memcpy(s->peer.mrenclave, s->spec.body.mrenclave, 32);
    MUST(binding_report_data(s->spec.manifest, s->peer.configid)); /* SHA-512, as CONFIGID is */
    s->log_time = FORGE_NOW - 1000;
    test_server_grow(s, 3);
    struct query_log_leaf leaf = {
        .kind = QUERY_LOG_IDENTITY, .role = QUERY_ROLE_CUSTODIAN, .name = BYTES_STR("custodian-1")};
    memcpy(leaf.mrenclave, s->peer.mrenclave, 32);
    memcpy(leaf.configid, s->peer.configid, 64);
    s->custodian_leaf = s->leaf_count;
    add_leaf(s, &leaf);
    test_server_grow(s, 2);
}

void test_server_done(struct test_server *s)
{
    free(s->last_answer);
    s->last_answer = NULL;
}

void test_server_policy(const struct test_server *s, char *ret, size_t size)
{
    char log[131], root[65], mrenclave[65], configid[129];
    hex_encode(log, s->log_key.key.point, 65);
    hex_encode(root, s->forged.root.spki_sha256, 32);
    hex_encode(mrenclave, s->peer.mrenclave, 32);
    hex_encode(configid, s->peer.configid, 64);
    snprintf(ret, size,
             "format: alcove-phone-policy-1\nserver: unix:/nowhere\nlog_key: \"%s\"\n"
             "roots: [\"%s\"]\ncustodians: [{mrenclave: \"%s\", configid: \"%s\"}]\n"
             "aggregators: []\nworkers: []\nprocess_bundle: \"%s\"\nbundles: []\nanalysts: any\n"
             "rho_week: \"0.05\"\nrho_query: \"0.01\"\nrho_analyst: \"0.02\"\nusers_min: 10\n",
             log, root, mrenclave, configid, configid);
}
