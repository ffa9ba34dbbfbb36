/* SPDX-License-Identifier: Apache-2.0 */
/* For tests and fuzzing of the custodian: its volume, its owner's phone, the log, an aggregator and
 * workers, each of which can be wrong. */
#pragma once

#include "channel/worker.h"
#include "query/document.h"
#include "test_kit.h"
#include "wire/trust.h"

#include "custodian.h"

/* ---- a volume -------------------------------------------------------------------------------- */

struct disk_file {
    char name[VOLUME_NAME_MAX];
    uint8_t *data;
    size_t size;
};
/* One acknowledged state of it, as the host keeps it. */
struct disk {
    bool used; /* false: a new volume */
    uint8_t secret[32];
    struct volume_state state;
    struct disk_file *files;
    size_t count;
};
void disk_copy(const struct disk *from, struct disk *ret);
void disk_free(struct disk *d);
const struct disk_file *disk_find(const struct disk *d, const char *name);

enum crash { CRASH_NONE, CRASH_BEFORE, CRASH_AFTER, CRASH_FULL };
struct fake_volume {
    struct disk disk;
    bool open, damaged;
    uint64_t changes;  /* of this boot, so far */
    uint64_t crash_at; /* which of them does not go well */
    enum crash crash;
    bool crashed;
};

/* ---- the world ------------------------------------------------------------------------------- */

#define LEAVES_MAX 64u
struct world {
    struct test_machine machine, other; /* of two roots */
    struct test_enclave own, aggregator;
    struct fake_volume volume;
    struct custodian_volume table;
    struct custodian *custodian;
    /* Who answers: the custodian above, or one in an enclave, whose programs these are. */
    int (*serve)(void *context, struct bytes record, struct service_buffer *answer);
    void *context;
    struct wire_identity own_id, aggregator_id;
    struct wire_hash root;
    struct service_buffer answer;

    /* The phone. */
    struct query_secret_key owner;
    struct hpke_private_key message;
    uint8_t secret[32];
    struct lease_book book;
    struct hpke_public_key boot; /* as the custodian's evidence said */
    struct wire_policy policy;
    struct service_buffer sent, plain;
    struct wire_answer last; /* views point into plain */
    bool work, deleted;

    /* The log. */
    struct query_secret_key log_key;
    struct query_hash leaves[LEAVES_MAX];
    uint64_t leaf_count, log_time;
    uint8_t aggregator_leaf[QUERY_LOG_LEAF_MAX];
    size_t aggregator_leaf_size;

    /* Workers. */
    struct hpke_private_key worker;
    uint8_t runtime[32];
};

void world_make(struct world *w);
/* Phone and log alone, around the identities and the root that *w names, and serve(). */
void world_outside(struct world *w);
/* Reads the boot key from its evidence. */
void world_attest(struct world *w);
void world_free(struct world *w);
/* The custodian is started (again): the volume is what the disk holds. */
void world_boot(struct world *w);
/* Claimed, with a lease of rho. */
void world_ready(struct world *w, uint64_t rho);

/* Codes that came up so far, a bit each: refusals, answers to the phone, events. All that a
 * custodian can give come up in custodian_test.c, if they are among these, or in queries_test.c. */
extern uint64_t world_codes;
#define SEEN(code) (UINT64_C(1) << WIRE_CODE_##code)
#define CODES_OF_LIFE                                                                              \
    (SEEN(OK) | SEEN(FORMAT) | SEEN(STATE) | SEEN(MESSAGE) | SEEN(OWNED) | SEEN(NOT_OWNER) |       \
     SEEN(LOCKED) | SEEN(KEY) | SEEN(ROLLED_BACK) | SEEN(STORAGE) | SEEN(POLICY) | SEEN(LEASE) |   \
     SEEN(NOT_FOUND) | SEEN(WORKER))

/* Sends a record; what the answer is. */
enum wire_record ask(struct world *w, enum wire_record which, const void *record);
/* The code, if it was refused; else WIRE_CODE_COUNT. */
uint64_t refusal(const struct world *w);

/* ---- the phone ------------------------------------------------------------------------------- */

/* Code of the sealed answer, which is then in w->last; WIRE_CODE_COUNT when there was none. An
 * acknowledged state goes into the phone's book. */
uint64_t phone_send(struct world *w, enum message_kind kind, enum wire_record which,
                    const void *record);
/* With other keys, without sending it: into w->sent. ret_id is its id. */
void phone_seal(struct world *w, const struct hpke_private_key *from, enum message_kind kind,
                enum wire_record which, const void *record, uint8_t ret_id[32]);
/* Delivers what is in w->sent, and opens the answer as `from`. */
uint64_t phone_deliver(struct world *w, const struct hpke_private_key *from, const uint8_t id[32],
                       struct bytes proof);
/* Opens what is in w->answer. */
uint64_t phone_opens(struct world *w, const struct hpke_private_key *from, const uint8_t id[32]);
uint64_t phone_claim(struct world *w);
uint64_t phone_unlock(struct world *w);
/* Fetches the newest head and grants. */
uint64_t phone_grant(struct world *w, uint64_t rho);
uint64_t phone_upload(struct world *w, uint64_t day, struct bytes data);
uint64_t phone_order(struct world *w, enum wire_order_kind what, uint64_t day, uint64_t stage,
                     uint64_t from);
uint64_t phone_policy(struct world *w); /* w->policy, one version on */
struct wire_state phone_state(struct world *w);
/* The newest event. */
struct wire_event phone_event(struct world *w);

/* ---- the log --------------------------------------------------------------------------------- */

struct query_log_tree log_tree(const struct world *w, uint64_t size);
/* Adds a leaf and says its index. */
uint64_t log_add(struct world *w, const struct query_log_leaf *leaf);
/* Brings the custodian the newest head; the record of the answer. */
enum wire_record log_advance(struct world *w);

/* ---- queries --------------------------------------------------------------------------------- */

struct asking {
    struct query_document doc;
    uint8_t text[QUERY_DOCUMENT_MAX];
    size_t size;
    struct query_hash id;
    uint64_t index, tree_size; /* of the query's leaf, of the aggregator's tree */
    struct hpke_private_key key;
    struct binding binding;
    struct test_enclave *speaker; /* whose evidence it is */
    struct service_buffer evidence;
    uint8_t query_proof[QUERY_LOG_PROOF_SIZE_MAX], aggregator_proof[QUERY_LOG_PROOF_SIZE_MAX],
        extends[QUERY_LOG_PROOF_SIZE_MAX];
    struct wire_invite invite;
};
/* Three sums, walk, bike, car, 0 to 100 each; `number` makes it another query. Logged, and the
 * custodian has the head. */
void asking_make(struct world *w, uint64_t number, struct asking *ret);
/* After a change of the document: encoded, logged anew. */
void asking_write(struct world *w, struct asking *a);
/* Proofs alone, for evidence that is there. */
void asking_paths(struct world *w, struct asking *a);
/* After a change of binding, speaker or tree: evidence and proofs anew. */
void asking_prove(struct world *w, struct asking *a);
void asking_free(struct asking *a);
/* Is it accepted? False for everything else, also refusals. */
bool asking_invite(struct world *w, struct asking *a);
/* Collects: true with the vector (entries numbers), which the aggregator opened and whose evidence
 * it verified. false: w->answer says. */
bool asking_collect(struct world *w, struct asking *a, int64_t *ret_vector);

/* ---- workers --------------------------------------------------------------------------------- */

struct working {
    struct wire_job job;
    struct binding binding;
    struct sgx_report_body body;
    bool bad_mac;
    struct hpke_private_key key;
    struct hpke_public_key custodian;
    uint8_t task_id[MESSAGE_ID_SIZE];
    struct service_buffer call; /* what the script reads */
    struct worker_result result;
};
/* Asks for a job, and prepares the right worker for it; the job's kind. */
uint64_t working_make(struct world *w, struct working *ret);
void working_free(struct working *k);
/* Says hello. True when it got a task that opens. */
bool working_hello(struct world *w, struct working *k);
/* Sends the result; the record of the answer. */
enum wire_record working_end(struct world *w, struct working *k);
/* All at once, with this standard output. */
bool working_run(struct world *w, struct bytes out);
/* A reply with these numbers, or with these bytes. */
size_t reply_vector(const int64_t *vector, size_t count, uint8_t *ret, size_t capacity);
size_t reply_processed(struct bytes processed, uint8_t *ret, size_t capacity);
