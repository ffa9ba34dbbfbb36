/* SPDX-License-Identifier: Apache-2.0 */
/* What the custodian's files share: its state, and who changes it. Whoever changes what is stored
 * does it on a copy, which takes the state's place when the volume has it. */
#pragma once

#include "channel/message.h"
#include "query/document.h"
#include "wire/trust.h"

#include "custodian.h"

/* ---- what is stored -------------------------------------------------------------------------- */

struct quota {
    uint8_t analyst[32];
    uint64_t spent; /* micro-rho, in the week quota_window */
};
/* The file "state": everything small, so that one write changes all of it. 75 KB. */
struct stored {
    struct query_key owner;         /* signs leases */
    struct hpke_public_key message; /* sends messages */
    bool paused, withdrawn;
    struct wire_policy policy;
    struct ledger ledger;
    uint64_t quota_window;
    size_t quota_count;
    struct quota quotas[ANALYSTS_MAX];
};

enum day_kind { DAY_RAW = 0, DAY_PROCESSED = 1, DAY_FAILED = 2 };
/* Files "day-N-raw" and "day-N-out". A day without the second is still to be processed. */
struct day {
    uint64_t day;
    uint32_t raw, out;           /* bytes in them; out may be 0 and there */
    uint32_t raw_file, out_file; /* bytes that the files take; 0: there is none */
    bool failed;
    const char *deferred; /* why it is not tried again in this boot; not stored */
};
/* Of an event in a file "events-N". */
struct event_place {
    uint64_t number; /* rises */
    uint16_t slot;
    bool charged;
    uint8_t code;
    uint8_t query[32];
};

/* ---- what is under way ----------------------------------------------------------------------- */

struct run {
    struct query_hash query;
    uint64_t end_ms; /* by the enclave's clock: nothing of a worker counts from then on */
    uint64_t deadline, event;
    struct hpke_public_key to; /* the aggregator's */
    uint32_t entries;
    bool offered, answered, fallback;
    char failure[WIRE_FAILURE_MAX + 1];
    int64_t *vector;              /* when answered: clipped; else the default; NULL once sealed */
    struct query_document *doc;   /* NULL once sealed */
    uint8_t *doc_bytes;           /* its views point here */
    struct service_buffer sealed; /* what was or will be given, always the same */
    bool given;                   /* the event says so */
};

enum job_stage { JOB_NONE = 0, JOB_OFFERED, JOB_TASKED };
struct job {
    enum job_stage stage;
    uint64_t day;           /* of a day's processing */
    struct run *run;        /* of a query's, NULL for a day's */
    bool is_query, is_void; /* void: its day was replaced meanwhile */
    uint8_t nonce[32];
    struct hpke_private_key key;
    struct hpke_public_key worker;
    uint8_t task[MESSAGE_ID_SIZE];
};

enum life { LIFE_STARTED, LIFE_OPEN, LIFE_DELETED };

struct custodian {
    struct service_kit kit;
    const struct custodian_volume *volume;
    struct hpke_private_key boot;
    struct query_hash boot_id;
    enum life life;
    bool broken;      /* the volume took a change perhaps: nothing more is written */
    bool volume_open; /* with this secret */
    uint8_t secret_hash[32];
    struct stored *stored; /* when open */
    uint8_t owner_hash[32];
    struct day days[DAYS_MAX]; /* rising */
    size_t day_count;
    uint64_t day_bytes;
    struct event_place events[EVENTS_MAX]; /* oldest first */
    size_t event_count;
    uint8_t (*seen)[MESSAGE_ID_SIZE];
    size_t seen_count, seen_room;
    struct run *runs[QUERIES_MAX];
    struct job job;
    /* This custodian's evidence as of a time, and who it is. */
    struct service_buffer self;
    int64_t self_time;
    struct query_peer peer;
};

static inline const struct service_env *env_of(const struct custodian *c)
{
    return c->kit.env;
}
static inline uint64_t clock_of(const struct custodian *c)
{
    return c->kit.env->clock_ms(c->kit.env->context);
}
static inline bool is_zero(const uint8_t *data, size_t size)
{
    uint8_t any = 0;
    for (size_t i = 0; i < size; i++) {
        any |= data[i];
    }
    return any == 0;
}
/* The end of what a script wrote, as text. ret holds WIRE_FAILURE_MAX + 1 bytes. */
void failure_text(struct bytes err, char *ret);
/* A sentence may quote others: what is no plain text in it is replaced. */
struct bytes plain_sentence(struct diag *d);
#define SENTENCE(text) ((struct bytes){(const uint8_t *)(text), strlen(text)})

/* ---- store.c --------------------------------------------------------------------------------- */

/* A copy of the state to change; NULL without memory. */
struct stored *store_copy(const struct custodian *c);
/* Writes *take_next and up to three more changes in one batch; then it is the state. Codes: OK,
 * STORAGE, INTERNAL. take_next is freed or taken, whatever happens. */
enum wire_code store_commit(struct custodian *c, struct stored *take_next,
                            const struct volume_change *more, size_t count, struct diag *d);
/* Only other files. */
enum wire_code store_change(struct custodian *c, const struct volume_change *changes, size_t count,
                            struct diag *d);
/* Notes the state that is there now as acknowledged, and says it. Every change that the owner is
 * told of ends here (docs/formats/lease.md). */
enum wire_code store_acknowledge(struct custodian *c, struct volume_state *ret, struct diag *d);
/* -ENOENT: no custodian was here; -ENOTEMPTY: one was, and was deleted; -EBADMSG; -ENOMEM. */
int store_load(struct custodian *c, struct diag *d);
/* Removes everything and writes over the place where it was. */
enum wire_code store_delete(struct custodian *c, struct volume_state *ret, struct diag *d);

/* days.c */
struct day *day_find(struct custodian *c, uint64_t day);
enum wire_code day_put(struct custodian *c, uint64_t day, struct bytes data, struct diag *d);
/* DAY_PROCESSED or DAY_FAILED: what the worker gave or said. */
enum wire_code day_end(struct custodian *c, struct day *day, enum day_kind kind,
                       struct bytes content, struct diag *d);
/* The content of a file; -ENOENT. */
int day_read(struct custodian *c, const struct day *day, bool raw, struct service_buffer *ret);
int days_load(struct custodian *c);
void days_count(const struct custodian *c, uint64_t *ret_processed, uint64_t *ret_pending);
bool day_pending(const struct custodian *c, const struct day *day);

/* events.c. A draft is what becomes one of the changes of a batch; event_done() when the volume has
 * it. */
struct event_draft {
    struct event_place place;
    bool is_new, dropped;
    size_t drop; /* which of the places it takes */
    char name[VOLUME_NAME_MAX];
    uint8_t file[EVENT_FILE];
};
/* A new event. -EBADMSG, -EIO. */
int event_add(struct custodian *c, const struct wire_event *event, struct event_draft *ret,
              struct volume_change *ret_change);
int event_read(struct custodian *c, uint64_t number, struct wire_activity *ret,
               uint8_t buffer[EVENT_SIZE]);
/* Another content of an event that is there; -ENOENT when it is gone. */
int event_replace(struct custodian *c, uint64_t number, const struct wire_event *event,
                  struct event_draft *ret, struct volume_change *ret_change);
void event_done(struct custodian *c, const struct event_draft *draft);
/* The event of a query that was declined for this reason already; 0: there is none. */
uint64_t event_known(const struct custodian *c, const uint8_t query[32], uint64_t code);
int events_load(struct custodian *c);

/* ---- answering ------------------------------------------------------------------------------- */

int answer_owner(struct custodian *c, struct bytes record, struct service_buffer *answer);
int answer_invite(struct custodian *c, struct bytes record, struct service_buffer *answer);
int answer_collect(struct custodian *c, struct bytes record, struct service_buffer *answer);
int answer_work(struct custodian *c, struct bytes record, struct service_buffer *answer);
int answer_worker_hello(struct custodian *c, struct bytes record, struct service_buffer *answer);
int answer_worker_end(struct custodian *c, struct bytes record, struct service_buffer *answer);

/* Encodes into a buffer that is made large enough: `payload` bytes of members that can be large,
 * and 64 KiB besides. */
int encode(enum wire_record which, const void *record, size_t payload, struct service_buffer *ret,
           struct diag *d);
/* Evidence as of now, and who this is: self and peer. */
enum wire_code know_self(struct custodian *c, struct diag *d);
bool has_work(const struct custodian *c);
void job_end(struct custodian *c);
void run_free(struct run *r);
/* All that was accepted gives the default from now on, and says why. */
void runs_void(struct custodian *c, const char *why);
