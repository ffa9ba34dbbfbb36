/* SPDX-License-Identifier: Apache-2.0 */
#include "test_world.h"

#include "abi/evidence.h"
#include "base/cbor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a volume -------------------------------------------------------------------------------- */

void disk_free(struct disk *d)
{
    for (size_t i = 0; i < d->count; i++) {
        free(d->files[i].data);
    }
    free(d->files);
    memset(d, 0, sizeof *d);
}

static void copy_file(const struct disk_file *from, struct disk_file *ret)
{
    *ret = *from;
    ret->data = malloc(from->size + 1);
    REQUIRE(ret->data != NULL);
    memcpy(ret->data, from->data, from->size);
}

void disk_copy(const struct disk *from, struct disk *ret)
{
    *ret = *from;
    ret->files = calloc(from->count + 1, sizeof *ret->files);
    REQUIRE(ret->files != NULL);
    for (size_t i = 0; i < from->count; i++) {
        copy_file(&from->files[i], &ret->files[i]);
    }
}

const struct disk_file *disk_find(const struct disk *d, const char *name)
{
    for (size_t i = 0; i < d->count; i++) {
        if (strcmp(d->files[i].name, name) == 0) {
            return &d->files[i];
        }
    }
    return NULL;
}

static void disk_apply(struct disk *d, const struct volume_change *c)
{
    size_t i = 0;
    while (i < d->count && strcmp(d->files[i].name, c->name) != 0) {
        i++;
    }
    if (i < d->count) {
        free(d->files[i].data);
        d->files[i] = d->files[--d->count];
    }
    if (c->size > 0) {
        d->files = realloc(d->files, (d->count + 1) * sizeof *d->files);
        struct disk_file *f = d->files != NULL ? &d->files[d->count++] : NULL;
        REQUIRE(f != NULL && c->head.size + c->data.size <= c->size &&
                strlen(c->name) < sizeof f->name);
        *f = (struct disk_file){.size = c->size, .data = calloc(1, c->size)};
        REQUIRE(f->data != NULL);
        memcpy(f->name, c->name, strlen(c->name));
        if (c->head.size > 0) {
            memcpy(f->data, c->head.data, c->head.size);
        }
        if (c->data.size > 0) {
            memcpy(f->data + c->head.size, c->data.data, c->data.size);
        }
    }
}

/* Sequence rises; the root differs for each commit, also of clones. */
static void disk_commit(struct disk *d)
{
    static uint64_t commits;
    uint64_t seed[2] = {++d->state.sequence, ++commits};
    REQUIRE(query_hash_of(BYTES_OF(seed), &d->state.root) == 0);
    d->used = true;
}

static int volume_open(void *context, const uint8_t secret[32], const struct volume_state *minimum,
                       struct diag *d)
{
    struct fake_volume *v = context;
    const struct volume_state *at = &v->disk.state;
    if (v->damaged) {
        return diag_fail(d, -EBADMSG, "block 7 is damaged");
    }
    if (v->disk.used && memcmp(v->disk.secret, secret, 32) != 0) {
        return diag_fail(d, -EKEYREJECTED, "another key");
    }
    if (at->sequence < minimum->sequence ||
        (at->sequence == minimum->sequence && at->sequence > 0 &&
         !query_hash_equal(&at->root, &minimum->root))) {
        return diag_fail(d, -ESTALE, "older");
    }
    memcpy(v->disk.secret, secret, 32);
    v->open = true;
    return 0;
}

static int volume_state(void *context, struct volume_state *ret)
{
    struct fake_volume *v = context;
    REQUIRE(v->open);
    *ret = v->disk.state;
    return 0;
}

static int volume_list(void *context, void (*each)(void *to, const char *name), void *to)
{
    struct fake_volume *v = context;
    REQUIRE(v->open);
    for (size_t i = 0; i < v->disk.count; i++) {
        each(to, v->disk.files[i].name);
    }
    return 0;
}

static int volume_read(void *context, const char *name, uint8_t *ret, size_t capacity,
                       size_t *ret_size)
{
    struct fake_volume *v = context;
    REQUIRE(v->open);
    const struct disk_file *f = disk_find(&v->disk, name);
    if (f == NULL) {
        return -ENOENT;
    }
    *ret_size = f->size < capacity ? f->size : capacity;
    memcpy(ret, f->data, *ret_size);
    return 0;
}

static int volume_change(void *context, const struct volume_change *changes, size_t count)
{
    struct fake_volume *v = context;
    REQUIRE(v->open);
    bool now = ++v->changes == v->crash_at;
    if (v->crashed || (now && v->crash == CRASH_BEFORE)) {
        v->crashed = true;
        return -EIO;
    }
    if (now && v->crash == CRASH_FULL) {
        return -ENOSPC;
    }
    for (size_t i = 0; i < count; i++) {
        disk_apply(&v->disk, &changes[i]);
    }
    disk_commit(&v->disk);
    v->crashed = now && v->crash == CRASH_AFTER;
    return v->crashed ? -EIO : 0;
}

/* ---- the world ------------------------------------------------------------------------------- */

static void key_of(uint8_t number, struct query_secret_key *ret)
{
    uint8_t scalar[32] = {[31] = number};
    REQUIRE(query_secret_key_read(BYTES_OF(scalar), ret) == 0);
}

static void make_log(struct world *w)
{
    struct query_log_leaf leaf = {
        .kind = QUERY_LOG_IDENTITY, .role = QUERY_ROLE_CUSTODIAN, .name = BYTES_STR("first")};
    w->log_time = 1750000000;
    (void)log_add(w, &leaf);
    leaf.role = QUERY_ROLE_AGGREGATOR;
    leaf.name = BYTES_STR("aggregator 1");
    memcpy(leaf.mrenclave, w->aggregator_id.mrenclave, 32);
    memcpy(leaf.configid, w->aggregator_id.configid, 64);
    struct writer text = writer_of(w->aggregator_leaf, sizeof w->aggregator_leaf);
    REQUIRE(query_log_leaf_encode(&leaf, &text, NULL) == 0);
    w->aggregator_leaf_size = text.size;
    (void)log_add(w, &leaf);
}

void world_outside(struct world *w)
{
    const uint8_t seed[32] = "the phone's message key, as made";
    key_of(11, &w->owner);
    key_of(12, &w->log_key);
    memset(w->secret, 0x5e, sizeof w->secret);
    memset(w->runtime, 0x71, sizeof w->runtime);
    REQUIRE(hpke_private_derive(HPKE_KEM_X25519, BYTES_OF(seed), &w->message) == 0);
    make_log(w);
    w->policy = (struct wire_policy){.version = 1,
                                     .cap = 2000000,
                                     .query_cap = 1000000,
                                     .analyst_cap = 1500000,
                                     .users_min = 2,
                                     .roots_count = 1,
                                     .workers_count = 1,
                                     .bundles_count = 1,
                                     .aggregators_count = 1};
    struct wire_policy *p = &w->policy;
    memcpy(p->log_key, w->log_key.key.point, sizeof p->log_key);
    memset(p->process_bundle, 0xb0, sizeof p->process_bundle);
    memset(p->bundles[0].configid, 0xb1, sizeof p->bundles[0].configid);
    p->roots[0] = w->root;
    memcpy(p->workers[0].value, w->runtime, 32);
    p->aggregators[0] = w->aggregator_id;
    w->book = (struct lease_book){.budget = {.cap = p->cap}, .policy = p->version};
    REQUIRE(query_key_id(&w->log_key.key, &w->book.head.log) == 0);
    w->book.head.tree = query_log_empty();
}

static struct wire_identity identity_of(const struct test_enclave *e)
{
    struct wire_identity id;
    memcpy(id.mrenclave, e->mrenclave, sizeof id.mrenclave);
    test_enclave_configid(e, id.configid);
    return id;
}

void world_make(struct world *w)
{
    memset(w, 0, sizeof *w);
    test_machine_make(&w->machine);
    test_enclave_make(&w->own, &w->machine, "custodian", 0xc1);
    test_enclave_make(&w->aggregator, &w->machine, "aggregator", 0xa1);
    w->own_id = identity_of(&w->own);
    w->aggregator_id = identity_of(&w->aggregator);
    memcpy(w->root.value, w->machine.output.root.spki_sha256, 32);
    w->table = (struct custodian_volume){.context = &w->volume,
                                         .open = volume_open,
                                         .state = volume_state,
                                         .list = volume_list,
                                         .read = volume_read,
                                         .change = volume_change};
    world_outside(w);
    world_boot(w);
}

void world_free(struct world *w)
{
    custodian_free(w->custodian);
    disk_free(&w->volume.disk);
    service_buffer_done(&w->answer);
    service_buffer_done(&w->sent);
    service_buffer_done(&w->plain);
}

/* The key that is in its evidence, as the phone reads it. */
void world_attest(struct world *w)
{
    struct wire_attest attest = {.nonce = BYTES_STR("a nonce of phone")};
    struct wire_evidence evidence;
    struct evidence file;
    struct binding b;
    REQUIRE(ask(w, WIRE_attest, &attest) == WIRE_evidence &&
            wire_read_evidence(service_buffer_bytes(&w->answer), &evidence, NULL) == 0 &&
            evidence_decode(evidence.evidence, &file, NULL) == 0 &&
            binding_decode(file.claims, &b, NULL) == 0);
    w->boot = b.key;
}

void world_boot(struct world *w)
{
    AUTO_SERVICE_BUFFER hello = {0};
    custodian_free(w->custodian);
    w->volume.open = w->volume.crashed = false;
    w->volume.crash = CRASH_NONE;
    w->volume.changes = 0;
    w->custodian = custodian_new(&w->own.env, &w->table);
    w->serve = custodian_serve;
    w->context = w->custodian;
    REQUIRE(w->custodian != NULL);
    test_hello(&w->own, &hello);
    REQUIRE(custodian_serve(w->custodian, service_buffer_bytes(&hello), &w->answer) == 0 &&
            wire_peek(service_buffer_bytes(&w->answer)) == WIRE_done);
    world_attest(w);
}

enum wire_record ask(struct world *w, enum wire_record which, const void *record)
{
    AUTO_SERVICE_BUFFER text = {0};
    struct diag d = {""};
    if (service_answer(which, record, &text, &d) != 0) {
        fprintf(stderr, "%s\n", d.text);
        abort();
    }
    REQUIRE(w->serve(w->context, service_buffer_bytes(&text), &w->answer) == 0);
    /* Whatever it is: nothing that the owner keeps from the host. */
    REQUIRE(memmem(w->answer.data, w->answer.size, w->secret, sizeof w->secret) == NULL &&
            memmem(w->answer.data, w->answer.size, "walked", 6) == NULL);
    return wire_peek(service_buffer_bytes(&w->answer));
}

uint64_t world_codes;

static uint64_t seen(uint64_t code)
{
    world_codes |= UINT64_C(1) << code;
    return code;
}

uint64_t refusal(const struct world *w)
{
    struct wire_refused refused;
    return seen(wire_read_refused(service_buffer_bytes(&w->answer), &refused, NULL) == 0
                    ? refused.code
                    : WIRE_CODE_COUNT);
}

/* ---- the phone ------------------------------------------------------------------------------- */

void phone_seal(struct world *w, const struct hpke_private_key *from, enum message_kind kind,
                enum wire_record which, const void *record, uint8_t ret_id[32])
{
    AUTO_SERVICE_BUFFER body = {0};
    REQUIRE(service_answer(which, record, &body, NULL) == 0);
    struct message_draft draft = {.kind = kind,
                                  .context_mode = MESSAGE_CONTEXT_NONE,
                                  .to = &w->boot,
                                  .from = from != NULL ? HPKE_FROM_SELF(from) : HPKE_FROM_ANYONE,
                                  .aead = HPKE_SUITE_DEFAULT.aead,
                                  .body = service_buffer_bytes(&body)};
    service_buffer_reset(&w->sent);
    REQUIRE(service_buffer_reserve(&w->sent, message_sealed_size(&draft)) == 0);
    struct writer out = writer_of(w->sent.data, w->sent.capacity);
    REQUIRE(message_seal(&draft, &out, ret_id, NULL) == 0);
    w->sent.size = out.size;
}

/* Opens the answer into w->plain, a copy of the record behind the plaintext. */
uint64_t phone_opens(struct world *w, const struct hpke_private_key *from, const uint8_t id[32])
{
    struct wire_delivered delivered;
    struct message m;
    if (wire_read_delivered(service_buffer_bytes(&w->answer), &delivered, NULL) != 0) {
        return WIRE_CODE_COUNT;
    }
    const struct message_expectation expected = {.kind = MESSAGE_KIND_ANSWER,
                                                 .context_mode = MESSAGE_CONTEXT_VALUE,
                                                 .context = BYTES(id, 32),
                                                 .from_mode = MESSAGE_FROM_KEY,
                                                 .from = &w->boot,
                                                 .evidence_mode = MESSAGE_EVIDENCE_NONE};
    service_buffer_reset(&w->plain);
    REQUIRE(service_buffer_reserve(&w->plain, delivered.message.size) == 0);
    w->plain.size = w->plain.capacity;
    REQUIRE(message_open(delivered.message, from, &expected, w->plain.data, w->plain.capacity, &m,
                         NULL) == 0 &&
            wire_read_answer(m.body, &w->last, NULL) == 0);
    w->work = delivered.work;
    w->deleted = delivered.deleted;
    if (w->last.sequence > 0 && from == &w->message) {
        w->book.acknowledged.sequence = w->last.sequence;
        memcpy(w->book.acknowledged.root.data, w->last.root, 32);
    }
    return seen(w->last.code);
}

uint64_t phone_deliver(struct world *w, const struct hpke_private_key *from, const uint8_t id[32],
                       struct bytes proof)
{
    const struct wire_deliver deliver = {.message = service_buffer_bytes(&w->sent), .proof = proof};
    (void)ask(w, WIRE_deliver, &deliver);
    return phone_opens(w, from, id);
}

uint64_t phone_send(struct world *w, enum message_kind kind, enum wire_record which,
                    const void *record)
{
    uint8_t id[32];
    phone_seal(w, &w->message, kind, which, record, id);
    return phone_deliver(w, &w->message, id, BYTES(NULL, 0));
}

static struct bytes policy_text(struct world *w, uint8_t *ret)
{
    struct writer out = writer_of(ret, WIRE_POLICY_MAX);
    REQUIRE(wire_write_policy(&w->policy, &out, NULL) == 0);
    return BYTES(ret, out.size);
}

uint64_t phone_claim(struct world *w)
{
    uint8_t policy[WIRE_POLICY_MAX];
    struct wire_claim claim = {.policy = policy_text(w, policy)};
    memcpy(claim.owner_key, w->owner.key.point, sizeof claim.owner_key);
    memcpy(claim.secret, w->secret, sizeof claim.secret);
    return phone_send(w, MESSAGE_KIND_CLAIM, WIRE_claim, &claim);
}

uint64_t phone_unlock(struct world *w)
{
    struct wire_unlock unlock = {.sequence = w->book.acknowledged.sequence};
    memcpy(unlock.root, w->book.acknowledged.root.data, sizeof unlock.root);
    memcpy(unlock.owner_key, w->owner.key.point, sizeof unlock.owner_key);
    memcpy(unlock.secret, w->secret, sizeof unlock.secret);
    return phone_send(w, MESSAGE_KIND_GRANT, WIRE_unlock, &unlock);
}

uint64_t phone_grant(struct world *w, uint64_t rho)
{
    uint8_t lease[LEASE_MAX + QUERY_SIGNED_OVERHEAD], id[32];
    struct writer out = writer_of(lease, LEASE_MAX);
    struct query_signer signer = {query_sign_with, &w->owner};
    struct query_hash boot;
    if (log_advance(w) != WIRE_held) {
        return WIRE_CODE_COUNT;
    }
    w->book.head.tree = log_tree(w, w->leaf_count);
    w->book.head.time = w->log_time;
    REQUIRE(hpke_public_id(&w->boot, boot.data) == 0 &&
            lease_grant(&w->book, &boot, rho, 3600 * 24, &signer, &out, NULL) == 0);
    const struct wire_grant grant = {.lease = BYTES(lease, out.size)};
    phone_seal(w, &w->message, MESSAGE_KIND_GRANT, WIRE_grant, &grant, id);
    return phone_deliver(w, &w->message, id, BYTES_STR("\x80"));
}

uint64_t phone_upload(struct world *w, uint64_t day, struct bytes data)
{
    const struct wire_upload upload = {.day = day, .data = data};
    return phone_send(w, MESSAGE_KIND_UPLOAD, WIRE_upload, &upload);
}

uint64_t phone_order(struct world *w, enum wire_order_kind what, uint64_t day, uint64_t stage,
                     uint64_t from)
{
    const struct wire_order order = {.what = what, .day = day, .stage = stage, .from = from};
    return phone_send(w, MESSAGE_KIND_COMMAND, WIRE_order, &order);
}

uint64_t phone_policy(struct world *w)
{
    uint8_t policy[WIRE_POLICY_MAX];
    w->book.policy = ++w->policy.version;
    const struct wire_policy_change change = {.policy = policy_text(w, policy)};
    return phone_send(w, MESSAGE_KIND_COMMAND, WIRE_policy_change, &change);
}

struct wire_state phone_state(struct world *w)
{
    struct wire_state state = {0};
    if (phone_order(w, WIRE_ORDER_STATE, 0, 0, 0) == WIRE_CODE_OK) {
        REQUIRE(wire_read_state(w->last.body, &state, NULL) == 0);
    }
    return state;
}

struct wire_event phone_event(struct world *w)
{
    static struct wire_activity activity;
    struct wire_event none = {.code = WIRE_CODE_COUNT};
    REQUIRE(phone_order(w, WIRE_ORDER_ACTIVITY, 0, 0, 0) == WIRE_CODE_OK &&
            wire_read_activity(w->last.body, &activity, NULL) == 0);
    if (activity.events_count > 0) {
        (void)seen(activity.events[0].code);
    }
    return activity.events_count > 0 ? activity.events[0] : none;
}

void world_ready(struct world *w, uint64_t rho)
{
    REQUIRE(phone_claim(w) == WIRE_CODE_OK && phone_grant(w, rho) == WIRE_CODE_OK);
}

/* ---- the log --------------------------------------------------------------------------------- */

struct query_log_tree log_tree(const struct world *w, uint64_t size)
{
    struct query_log_tree tree;
    REQUIRE(query_log_tree_of(w->leaves, size, &tree) == 0);
    return tree;
}

uint64_t log_add(struct world *w, const struct query_log_leaf *leaf)
{
    uint8_t text[QUERY_LOG_LEAF_MAX];
    struct writer out = writer_of(text, sizeof text);
    REQUIRE(w->leaf_count < LEAVES_MAX && query_log_leaf_encode(leaf, &out, NULL) == 0 &&
            query_log_leaf_hash(BYTES(text, out.size), &w->leaves[w->leaf_count]) == 0);
    w->log_time++;
    return w->leaf_count++;
}

static size_t put_proof(const struct query_log_proof *proof, uint8_t *ret)
{
    struct writer out = writer_of(ret, QUERY_LOG_PROOF_SIZE_MAX);
    REQUIRE(query_log_proof_encode(proof, &out) == 0);
    return out.size;
}

/* How much of it the custodian holds: whoever carries has to remember. */
static uint64_t held_size(struct world *w)
{
    struct wire_advance nothing = {.head = BYTES_STR("?")};
    struct wire_held held;
    uint64_t size = 0;
    if (ask(w, WIRE_advance, &nothing) == WIRE_held &&
        wire_read_held(service_buffer_bytes(&w->answer), &held, NULL) == 0) {
        return held.size;
    }
    if (phone_order(w, WIRE_ORDER_STATE, 0, 0, 0) == WIRE_CODE_OK) {
        size = w->last.head_size;
    }
    return size;
}

enum wire_record log_advance(struct world *w)
{
    uint8_t text[QUERY_LOG_HEAD_MAX], path[QUERY_LOG_PROOF_SIZE_MAX];
    struct query_log_head head = {.tree = log_tree(w, w->leaf_count), .time = w->log_time};
    struct query_signer signer = {query_sign_with, &w->log_key};
    struct query_log_proof proof;
    struct writer out = writer_of(text, sizeof text);
    REQUIRE(query_key_id(&w->log_key.key, &head.log) == 0 &&
            query_log_head_sign(&head, &signer, &out, NULL) == 0 &&
            query_log_prove_consistency(w->leaves, w->leaf_count, held_size(w), &proof) == 0);
    const struct wire_advance advance = {.head = BYTES(text, out.size),
                                         .proof = BYTES(path, put_proof(&proof, path))};
    return ask(w, WIRE_advance, &advance);
}

/* ---- queries --------------------------------------------------------------------------------- */

void asking_make(struct world *w, uint64_t number, struct asking *ret)
{
    static const char *const names[] = {"walk", "bike", "car"};
    struct query_document *doc = &ret->doc;
    memset(ret, 0, sizeof *ret);
    store_le64(doc->nonce, number);
    doc->analyst.data[0] = 9;
    doc->question = BYTES_STR("How do people travel?");
    doc->function = BYTES_STR("mode_share");
    memset(doc->bundle, 0xb1, sizeof doc->bundle);
    doc->root_count = doc->custodian_count = doc->worker_count = doc->aggregator_count = 1;
    memcpy(doc->roots[0], w->root.value, 32);
    memcpy(doc->custodians[0].program.measurement, w->own_id.mrenclave, 32);
    memcpy(doc->custodians[0].configid, w->own_id.configid, 64);
    memcpy(doc->workers[0].measurement, w->runtime, 32);
    memcpy(doc->aggregators[0].program.measurement, w->aggregator_id.mrenclave, 32);
    memcpy(doc->aggregators[0].configid, w->aggregator_id.configid, 64);
    doc->first_day = 20000;
    doc->last_day = 20006;
    doc->deadline = 1800000000;
    doc->run_ms = 10000;
    doc->users_min = 10;
    doc->users_max = 1000;
    doc->cost = 100000;
    doc->noise = DP_GAUSSIAN;
    doc->schema = (struct query_schema){.aggregate = QUERY_SUM, .entry_count = 3};
    for (uint32_t i = 0; i < 3; i++) {
        doc->labels[i] = (struct query_label){BYTES(names[i], strlen(names[i])), BYTES_STR("km")};
        doc->entries[i] = (struct query_entry){0, 100, 7 * (int64_t)i};
    }
    REQUIRE(hpke_private_make(HPKE_KEM_X25519, &ret->key) == 0);
    ret->speaker = &w->aggregator;
    ret->binding = (struct binding){.purpose = BINDING_PURPOSE_AGGREGATOR,
                                    .key = ret->key.public_key,
                                    .signing = BINDING_SIGNING_P256,
                                    .fresh = BINDING_FRESH_TIME,
                                    .time = FORGE_NOW - 60};
    memcpy(ret->binding.signing_key, w->log_key.key.point, QUERY_KEY_SIZE);
    asking_write(w, ret);
}

void asking_write(struct world *w, struct asking *a)
{
    struct writer out = writer_of(a->text, sizeof a->text);
    struct diag d = {""};
    if (query_document_encode(&a->doc, &out, &d) != 0) {
        fprintf(stderr, "%s\n", d.text);
        abort();
    }
    a->size = out.size;
    REQUIRE(query_document_id(BYTES(a->text, a->size), &a->id) == 0);
    const struct query_log_leaf leaf = {
        .kind = QUERY_LOG_QUERY, .query = a->id, .analyst = a->doc.analyst};
    a->index = log_add(w, &leaf);
    a->tree_size = w->leaf_count;
    (void)log_advance(w);
    if (w->custodian != NULL) {
        asking_prove(w, a);
    }
}

void asking_paths(struct world *w, struct asking *a)
{
    struct query_log_proof query, program, extends;
    REQUIRE(query_log_prove_inclusion(w->leaves, a->tree_size, a->index, &query) == 0 &&
            query_log_prove_inclusion(w->leaves, a->tree_size, 1, &program) == 0 &&
            query_log_prove_consistency(w->leaves, w->leaf_count, a->tree_size, &extends) == 0);
    a->invite = (struct wire_invite){
        .document = BYTES(a->text, a->size),
        .evidence = service_buffer_bytes(&a->evidence),
        .query_index = a->index,
        .query_proof = BYTES(a->query_proof, put_proof(&query, a->query_proof)),
        .aggregator_index = 1,
        .aggregator_proof = BYTES(a->aggregator_proof, put_proof(&program, a->aggregator_proof)),
        .aggregator_leaf = BYTES(w->aggregator_leaf, w->aggregator_leaf_size),
        .extends = BYTES(a->extends, put_proof(&extends, a->extends))};
}

void asking_prove(struct world *w, struct asking *a)
{
    uint8_t context[AGGREGATOR_CONTEXT_SIZE];
    AUTO_SERVICE_BUFFER hello = {0}, done = {0};
    struct service_kit kit = {.env = &a->speaker->env};
    struct query_log_tree tree = log_tree(w, a->tree_size);
    bool usual = a->binding.context.size == 0;
    int err;
    if (usual) {
        aggregator_context(&a->id, &tree, context);
        a->binding.context = BYTES_OF(context);
    }
    test_hello(a->speaker, &hello);
    REQUIRE(service_take(&kit, service_buffer_bytes(&hello), &done, &err) == WIRE_RECORDS &&
            kit.ready && service_evidence(&kit, &a->binding, &a->evidence, NULL) == 0);
    service_kit_done(&kit);
    if (usual) {
        a->binding.context = BYTES(NULL, 0);
    }
    asking_paths(w, a);
}

void asking_free(struct asking *a)
{
    service_buffer_done(&a->evidence);
}

bool asking_invite(struct world *w, struct asking *a)
{
    struct wire_invited invited;
    return ask(w, WIRE_invite, &a->invite) == WIRE_invited &&
           wire_read_invited(service_buffer_bytes(&w->answer), &invited, NULL) == 0 &&
           invited.accepted;
}

/* As the aggregator believes it. */
static bool open_contribution(struct world *w, struct asking *a, struct bytes sealed,
                              struct service_buffer *plain, struct wire_contribution *ret)
{
    const struct message_expectation expected = {.kind = MESSAGE_KIND_CONTRIBUTION,
                                                 .context_mode = MESSAGE_CONTEXT_VALUE,
                                                 .context = BYTES_OF(a->id.data),
                                                 .from_mode = MESSAGE_FROM_CLAIMED,
                                                 .evidence_mode = MESSAGE_EVIDENCE_WANTED};
    const struct binding_expectation who = {.purpose = BINDING_PURPOSE_CUSTODIAN,
                                            .owner_mode = BINDING_OWNER_SOME,
                                            .fresh_mode = BINDING_EXPECT_AGE,
                                            .max_age_s = TRUST_AGE_MAX_S,
                                            .clock_skew_s = TRUST_SKEW_S,
                                            .context = {.mode = ALCOVE_EXPECT_VALUE}};
    struct trusted trusted;
    struct message m;
    struct query_hash owner;
    REQUIRE(service_buffer_reserve(plain, sealed.size) == 0);
    return message_open(sealed, &a->key, &expected, plain->data, plain->capacity, &m, NULL) == 0 &&
           trust_service(m.evidence, w->policy.roots, 1, NULL, &who, w->own.time, &trusted, NULL) ==
               0 &&
           message_sent_by(&m, &trusted.binding) &&
           query_document_accepts(&a->doc, QUERY_ROLE_CUSTODIAN, &trusted.peer) &&
           query_key_id(&w->owner.key, &owner) == 0 &&
           memcmp(owner.data, trusted.binding.owner, 32) == 0 &&
           wire_read_contribution(m.body, ret, NULL) == 0;
}

bool asking_collect(struct world *w, struct asking *a, int64_t *ret_vector)
{
    struct wire_collect collect;
    struct wire_collected collected;
    struct wire_contribution contribution;
    AUTO_SERVICE_BUFFER plain = {0};
    memcpy(collect.query, a->id.data, sizeof collect.query);
    if (ask(w, WIRE_collect, &collect) != WIRE_collected ||
        wire_read_collected(service_buffer_bytes(&w->answer), &collected, NULL) != 0 ||
        collected.wait_ms > 0) {
        return false;
    }
    if (!open_contribution(w, a, collected.message, &plain, &contribution) ||
        contribution.vector.size != 8 * a->doc.schema.entry_count ||
        memcmp(contribution.query, a->id.data, 32) != 0) {
        return false;
    }
    struct cursor c = cursor_of(contribution.vector);
    for (uint32_t i = 0; i < a->doc.schema.entry_count; i++) {
        ret_vector[i] = (int64_t)cursor_be(&c, 8);
    }
    return cursor_done(&c);
}

/* ---- workers --------------------------------------------------------------------------------- */

uint64_t working_make(struct world *w, struct working *ret)
{
    struct wire_work work;
    memset(ret, 0, sizeof *ret);
    memset(&work, 0, sizeof work);
    if (ask(w, WIRE_work, &work) != WIRE_job ||
        wire_read_job(service_buffer_bytes(&w->answer), &ret->job, NULL) != 0) {
        return UINT64_MAX;
    }
    REQUIRE(hpke_private_make(HPKE_KEM_X25519, &ret->key) == 0);
    ret->binding = (struct binding){.purpose = BINDING_PURPOSE_WORKER,
                                    .key = ret->key.public_key,
                                    .fresh = BINDING_FRESH_NONCE,
                                    .nonce = BYTES_OF(ret->job.nonce)};
    ret->body.attributes.flags = SGX_FLAGS_INIT | SGX_FLAGS_MODE64BIT | SGX_FLAGS_KSS;
    memcpy(ret->body.mrenclave, w->runtime, 32);
    memcpy(ret->body.configid, ret->job.bundle, 64);
    ret->result = (struct worker_result){.end = WORKER_END_STATUS, .complete = true};
    return ret->job.kind;
}

void working_free(struct working *k)
{
    service_buffer_done(&k->call);
}

bool working_hello(struct world *w, struct working *k)
{
    uint8_t binding[BINDING_SIZE_MAX];
    struct wire_worker_hello hello;
    struct wire_task task;
    struct message m;
    struct writer out = writer_of(binding, sizeof binding);
    REQUIRE(binding_encode(&k->binding, &out, NULL) == 0);
    hello.binding = BYTES(binding, out.size);
    if (k->body.reportdata[0] == 0) { /* else the test's */
        REQUIRE(binding_report_data(hello.binding, k->body.reportdata) == 0);
    }
    memcpy(hello.nonce, k->job.nonce, sizeof hello.nonce);
    test_report(&k->body, hello.report);
    hello.report[431] ^= k->bad_mac ? 1 : 0;
    if (ask(w, WIRE_worker_hello, &hello) != WIRE_task ||
        wire_read_task(service_buffer_bytes(&w->answer), &task, NULL) != 0) {
        return false;
    }
    const struct message_expectation expected = {.kind = MESSAGE_KIND_TASK,
                                                 .context_mode = MESSAGE_CONTEXT_VALUE,
                                                 .context = BYTES_OF(k->job.nonce),
                                                 .from_mode = MESSAGE_FROM_CLAIMED,
                                                 .evidence_mode = MESSAGE_EVIDENCE_NONE};
    AUTO_SERVICE_BUFFER plain = {0};
    REQUIRE(service_buffer_reserve(&plain, task.message.size) == 0);
    if (message_open(task.message, &k->key, &expected, plain.data, plain.capacity, &m, NULL) != 0) {
        return false;
    }
    k->custodian = m.from;
    memcpy(k->task_id, m.id, sizeof k->task_id);
    REQUIRE(service_buffer_reserve(&k->call, m.body.size) == 0);
    memcpy(k->call.data, m.body.data, m.body.size);
    k->call.size = m.body.size;
    return true;
}

enum wire_record working_end(struct world *w, struct working *k)
{
    AUTO_SERVICE_BUFFER body = {0}, sealed = {0};
    uint8_t id[32];
    struct wire_worker_end end;
    REQUIRE(service_buffer_reserve(&body, WORKER_RESULT_MAX) == 0);
    struct writer out = writer_of(body.data, body.capacity);
    REQUIRE(worker_result_encode(&k->result, &out) == 0);
    const struct message_draft draft = {.kind = MESSAGE_KIND_RESULT,
                                        .context_mode = MESSAGE_CONTEXT_VALUE,
                                        .context = BYTES_OF(k->task_id),
                                        .to = &k->custodian,
                                        .from = HPKE_FROM_SELF(&k->key),
                                        .aead = HPKE_SUITE_DEFAULT.aead,
                                        .body = BYTES(body.data, out.size)};
    REQUIRE(service_buffer_reserve(&sealed, message_sealed_size(&draft)) == 0);
    struct writer text = writer_of(sealed.data, sealed.capacity);
    REQUIRE(message_seal(&draft, &text, id, NULL) == 0);
    memcpy(end.nonce, k->job.nonce, sizeof end.nonce);
    end.message = BYTES(sealed.data, text.size);
    return ask(w, WIRE_worker_end, &end);
}

bool working_run(struct world *w, struct bytes out)
{
    struct working k;
    bool good = working_make(w, &k) != 0 && working_hello(w, &k);
    if (good) {
        k.result.out = out;
        good = working_end(w, &k) == WIRE_done;
    }
    working_free(&k);
    return good;
}

static void reply_head(struct writer *out)
{
    cbor_put_map(out, 3);
    cbor_put_str(out, "format");
    cbor_put_str(out, "alcove-reply-1");
    cbor_put_str(out, "vector");
}

size_t reply_vector(const int64_t *vector, size_t count, uint8_t *ret, size_t capacity)
{
    struct writer out = writer_of(ret, capacity);
    reply_head(&out);
    cbor_put_array(&out, count);
    for (size_t i = 0; i < count; i++) {
        cbor_put_int(&out, vector[i]);
    }
    cbor_put_str(&out, "processed");
    cbor_put_null(&out);
    REQUIRE(!out.failed);
    return out.size;
}

size_t reply_processed(struct bytes processed, uint8_t *ret, size_t capacity)
{
    struct writer out = writer_of(ret, capacity);
    reply_head(&out);
    cbor_put_null(&out);
    cbor_put_str(&out, "processed");
    cbor_put_bytes(&out, processed);
    REQUIRE(!out.failed);
    return out.size;
}
