/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts run in workers, one at a time: days that were uploaded, then queries that were accepted.
 *
 * Adversary: the host starts the worker, or another enclave, or none, carries what the two say, and
 * may stop it; the script itself is a researcher's. A worker gets data when its REPORT shows that
 * it is the program that policy and query name, and that it answers this job's nonce. What comes
 * back is data: its form is checked, and a query's numbers are clipped. When it comes back tells
 * the host how long the script ran, and no more: results have one size, contributions have a time
 * of their own. */
#include "base/cbor.h"
#include "channel/worker.h"

#include "inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CALL  "alcove-call-1"
#define REPLY "alcove-reply-1"

void failure_text(struct bytes err, char *ret)
{
    size_t n = err.size < WIRE_FAILURE_MAX ? err.size : WIRE_FAILURE_MAX;
    for (size_t i = 0; i < n; i++) {
        uint8_t byte = err.data[err.size - n + i];
        bool plain = (byte >= ' ' && byte < 0x7f) || byte == '\n' || byte == '\t';
        ret[i] = plain ? (char)byte : '?';
    }
    ret[n] = '\0';
}

struct bytes plain_sentence(struct diag *d)
{
    for (char *at = d->text; *at != '\0'; at++) {
        *at = *at >= ' ' && *at < 0x7f ? *at : '?';
    }
    return SENTENCE(d->text);
}

void job_end(struct custodian *c)
{
    secure_zero(&c->job, sizeof c->job);
}

static struct day *job_day(struct custodian *c)
{
    return c->job.stage != JOB_NONE && !c->job.is_query && !c->job.is_void ? day_find(c, c->job.day)
                                                                           : NULL;
}

/* The job is over without a result. A day is tried again after the next unlock, or under another
 * policy: what kept the worker from answering may have been the host. */
static void job_fails(struct custodian *c, const char *why)
{
    struct day *day = job_day(c);
    if (day != NULL) {
        day->deferred = why;
    }
    if (c->job.run != NULL && !c->job.run->answered) {
        failure_text(SENTENCE(why), c->job.run->failure);
    }
    job_end(c);
}

/* ---- offering -------------------------------------------------------------------------------- */

static struct day *next_day(struct custodian *c)
{
    for (size_t i = 0; i < c->day_count; i++) {
        if (day_pending(c, &c->days[i])) {
            return &c->days[i];
        }
    }
    return NULL;
}

static struct run *next_run(const struct custodian *c)
{
    uint64_t now = clock_of(c);
    for (size_t i = 0; i < QUERIES_MAX; i++) {
        struct run *r = c->runs[i];
        if (r != NULL && !r->offered && r->doc != NULL && now < r->end_ms) {
            return r;
        }
    }
    return NULL;
}

bool has_work(const struct custodian *c)
{
    uint64_t processed, pending = 0;
    if (c->life == LIFE_OPEN) {
        days_count(c, &processed, &pending);
    }
    return c->life == LIFE_OPEN && (pending > 0 || next_run(c) != NULL);
}

int answer_work(struct custodian *c, struct bytes record, struct service_buffer *answer)
{
    struct wire_work work;
    struct wire_job job = {0};
    struct diag d = {""};
    if (wire_read_work(record, &work, &d) != 0) {
        return service_refuse(WIRE_CODE_FORMAT, &d, answer);
    }
    const struct service_env *env = env_of(c);
    bool may = c->life == LIFE_OPEN && c->job.stage == JOB_NONE;
    struct day *day = may ? next_day(c) : NULL;
    struct run *run = may && day == NULL ? next_run(c) : NULL;
    if (day != NULL || run != NULL) {
        if (env->random(env->context, job.nonce, sizeof job.nonce) != 0 ||
            env->target_info(env->context, job.target_info) != 0) {
            return service_refuse(WIRE_CODE_INTERNAL, NULL, answer);
        }
        c->job = (struct job){.stage = JOB_OFFERED, .is_query = run != NULL, .run = run};
        memcpy(c->job.nonce, job.nonce, sizeof c->job.nonce);
        job.kind = run != NULL ? 2 : 1;
        if (run != NULL) {
            run->offered = true;
            memcpy(job.bundle, run->doc->bundle, sizeof job.bundle);
            memcpy(job.query, run->query.data, sizeof job.query);
            job.run_ms = run->doc->run_ms;
        } else {
            c->job.day = day->day;
            memcpy(job.bundle, c->stored->policy.process_bundle, sizeof job.bundle);
            job.run_ms = PROCESS_RUN_MS;
        }
    }
    return service_answer(WIRE_job, &job, answer, NULL);
}

/* ---- who is it? ------------------------------------------------------------------------------ */

static struct query_peer peer_of(const struct sgx_report_body *b)
{
    struct query_peer peer = {.isvprodid = b->isvprodid, .isvsvn = b->isvsvn};
    memcpy(peer.mrenclave, b->mrenclave, sizeof peer.mrenclave);
    memcpy(peer.mrsigner, b->mrsigner, sizeof peer.mrsigner);
    memcpy(peer.configid, b->configid, sizeof peer.configid);
    return peer;
}

/* Is it the program that was wanted, and does it answer this job's nonce? *ret_key is then its key,
 * to which nobody else has the other half. */
static bool worker_good(struct custodian *c, const struct wire_worker_hello *hello,
                        struct hpke_public_key *ret_key)
{
    const struct service_env *env = env_of(c);
    const struct run *run = c->job.run;
    struct sgx_report report;
    struct binding binding;
    uint8_t digest[64];
    memcpy(&report, hello->report, sizeof report);
    if (env->check_report(env->context, hello->report) != 0 ||
        binding_decode(hello->binding, &binding, NULL) != 0 ||
        binding_report_data(hello->binding, digest) != 0) {
        return false;
    }
    const uint8_t *bundle = run != NULL ? run->doc->bundle : c->stored->policy.process_bundle;
    struct query_peer peer = peer_of(&report.body);
    bool says = ct_equal(digest, report.body.reportdata, sizeof digest) &&
                binding.purpose == BINDING_PURPOSE_WORKER && !binding.has_owner &&
                binding.signing == BINDING_SIGNING_NONE && binding.context.size == 0 &&
                binding.fresh == BINDING_FRESH_NONCE &&
                bytes_equal(binding.nonce, BYTES_OF(c->job.nonce)) &&
                binding.key.kem == HPKE_KEM_X25519;
    bool is =
        (report.body.attributes.flags & SGX_FLAGS_DEBUG) == 0 &&
        (report.body.attributes.flags & SGX_FLAGS_INIT) != 0 &&
        ct_equal(peer.configid, bundle, sizeof peer.configid) &&
        trust_hash(c->stored->policy.workers, c->stored->policy.workers_count, peer.mrenclave) &&
        (run == NULL || query_document_accepts(run->doc, QUERY_ROLE_WORKER, &peer));
    if (says && is) {
        *ret_key = binding.key;
    }
    return says && is;
}

/* ---- the task -------------------------------------------------------------------------------- */

static bool in_call(const struct custodian *c, const struct day *day)
{
    const struct run *run = c->job.run;
    return run == NULL ? day->day == c->job.day
                       : day->out_file != 0 && !day->failed && day->day >= run->doc->first_day &&
                             day->day <= run->doc->last_day;
}

/* The workload's standard input. -E2BIG when its days do not fit. */
static int make_call(struct custodian *c, struct service_buffer *ret)
{
    const struct run *run = c->job.run;
    AUTO_SERVICE_BUFFER content = {0};
    size_t size = 1024, count = 0;
    for (size_t i = 0; i < c->day_count; i++) {
        if (in_call(c, &c->days[i])) {
            size += (run == NULL ? c->days[i].raw : c->days[i].out) + 16;
            count++;
        }
    }
    if (size > MESSAGE_PLAIN_MAX - 1024) {
        return -E2BIG;
    }
    int err = service_buffer_reserve(ret, size);
    if (err != 0) {
        return err;
    }
    struct writer w = writer_of(ret->data, ret->capacity);
    cbor_put_map(&w, 5);
    cbor_put_str(&w, "days");
    cbor_put_array(&w, count);
    for (size_t i = 0; i < c->day_count; i++) {
        if (in_call(c, &c->days[i])) {
            err = day_read(c, &c->days[i], run == NULL, &content);
            if (err != 0) {
                return err;
            }
            cbor_put_array(&w, 2);
            cbor_put_uint(&w, c->days[i].day);
            cbor_put_bytes(&w, service_buffer_bytes(&content));
        }
    }
    cbor_put_str(&w, "kind");
    cbor_put_str(&w, run != NULL ? "query" : "process");
    cbor_put_str(&w, "format");
    cbor_put_str(&w, CALL);
    cbor_put_str(&w, "entries");
    cbor_put_uint(&w, run != NULL ? run->entries : 0);
    cbor_put_str(&w, "function");
    cbor_put_text(&w, run != NULL ? run->doc->function : BYTES(NULL, 0));
    ret->size = w.size;
    return w.failed ? -ENOSPC : 0;
}

static int seal_task(struct custodian *c, const struct hpke_public_key *to,
                     struct service_buffer *answer)
{
    AUTO_SERVICE_BUFFER call = {0}, sealed = {0};
    int err = make_call(c, &call);
    err = err != 0 ? err : hpke_private_make(HPKE_KEM_X25519, &c->job.key);
    struct message_draft draft = {.kind = MESSAGE_KIND_TASK,
                                  .context_mode = MESSAGE_CONTEXT_VALUE,
                                  .context = BYTES_OF(c->job.nonce),
                                  .to = to,
                                  .from = HPKE_FROM_SELF(&c->job.key),
                                  .aead = HPKE_SUITE_DEFAULT.aead,
                                  .body = service_buffer_bytes(&call)};
    size_t size = err == 0 ? message_sealed_size(&draft) : 0;
    err = err != 0 ? err : size == 0 ? -E2BIG : service_buffer_reserve(&sealed, size);
    if (err == 0) {
        struct writer w = writer_of(sealed.data, sealed.capacity);
        err = message_seal(&draft, &w, c->job.task, NULL);
        sealed.size = w.size;
    }
    service_buffer_reset(&call);
    const struct wire_task task = {.message = service_buffer_bytes(&sealed)};
    return err != 0 ? err : encode(WIRE_task, &task, sealed.size, answer, NULL);
}

/* Does the record speak of the job that is there? */
static bool current(const struct custodian *c, const uint8_t nonce[32])
{
    return c->life == LIFE_OPEN && c->job.stage != JOB_NONE && ct_equal(c->job.nonce, nonce, 32);
}

int answer_worker_hello(struct custodian *c, struct bytes record, struct service_buffer *answer)
{
    struct wire_worker_hello hello;
    struct hpke_public_key worker;
    struct diag d = {""};
    if (wire_read_worker_hello(record, &hello, &d) != 0) {
        return service_refuse(WIRE_CODE_FORMAT, &d, answer);
    }
    if (!current(c, hello.nonce) || c->job.stage != JOB_OFFERED) {
        return service_refuse(WIRE_CODE_STATE, NULL, answer);
    }
    if (c->job.run != NULL && c->job.run->doc == NULL) {
        job_end(c);
        return service_refuse(WIRE_CODE_STATE, NULL, answer);
    }
    if (!worker_good(c, &hello, &worker)) {
        job_fails(c, wire_code_explain(WIRE_CODE_WORKER));
        return service_refuse(WIRE_CODE_WORKER, NULL, answer);
    }
    if (c->job.is_void) {
        job_end(c);
        return service_refuse(WIRE_CODE_STATE, NULL, answer);
    }
    int err = seal_task(c, &worker, answer);
    if (err != 0) {
        job_fails(c, err == -E2BIG ? "there is more data than one call can take"
                                   : "the task could not be made");
        return service_refuse(WIRE_CODE_INTERNAL, NULL, answer);
    }
    c->job.stage = JOB_TASKED;
    c->job.worker = worker;
    return 0;
}

/* ---- the result ------------------------------------------------------------------------------ */

static void reply_member(struct cbor_reader *r, struct cbor_map *map, const char *name)
{
    struct bytes key;
    if (!cbor_key(r, map, &key) || !bytes_equal_str(key, name)) {
        cbor_fail(r);
    }
}

static bool is_null(struct cbor_reader *r)
{
    enum cbor_kind kind;
    bool null = cbor_peek(r, &kind) && kind == CBOR_NULL;
    if (null) {
        (void)cbor_skip(r);
    }
    return null;
}

/* A query's reply has exactly `entries` numbers, a process's none and bytes. */
static bool read_reply(struct bytes out, uint32_t entries, int64_t *ret_vector,
                       struct bytes *ret_processed)
{
    struct cbor_reader r = cbor_reader_of(out);
    struct cbor_map map = cbor_map(&r, 3);
    bool whole = map.left == 3;
    reply_member(&r, &map, "format");
    whole = bytes_equal_str(cbor_text(&r, 64), REPLY) && whole;
    reply_member(&r, &map, "vector");
    if (entries == 0) {
        whole = is_null(&r) && whole;
    } else {
        whole = cbor_array(&r, entries) == entries && whole;
        for (uint32_t i = 0; i < entries && cbor_ok(&r); i++) {
            ret_vector[i] = cbor_int(&r);
        }
    }
    reply_member(&r, &map, "processed");
    if (entries != 0) {
        whole = is_null(&r) && whole;
    } else {
        *ret_processed = cbor_bytes(&r, 0, PROCESSED_MAX);
    }
    return whole && cursor_done(&r.in);
}

/* What the script said last; if it said nothing, how it ended. */
static void why_failed(const struct worker_result *result, char *ret)
{
    struct diag d;
    if (result->err.size > 0) {
        failure_text(result->err, ret);
        return;
    }
    if (result->end == WORKER_END_STATUS && result->value == 0) {
        (void)diag_fail(&d, 0, "%s",
                        result->complete ? "the script's answer is not what was asked for"
                                         : "the script wrote more than 256 KiB");
    } else {
        static const char *const ends[] = {"ended with status", "was ended by signal",
                                           "was refused by the runtime:", "was stopped:"};
        (void)diag_fail(&d, 0, "the script %s %llu", ends[result->end],
                        (unsigned long long)result->value);
    }
    failure_text(SENTENCE(d.text), ret);
}

/* Opens the worker's last message. */
static bool open_result(struct custodian *c, struct bytes sealed, struct service_buffer *plain,
                        struct worker_result *ret)
{
    struct message m;
    const struct message_expectation expected = {.kind = MESSAGE_KIND_RESULT,
                                                 .context_mode = MESSAGE_CONTEXT_VALUE,
                                                 .context = BYTES_OF(c->job.task),
                                                 .from_mode = MESSAGE_FROM_KEY,
                                                 .from = &c->job.worker,
                                                 .evidence_mode = MESSAGE_EVIDENCE_NONE};
    if (c->job.stage != JOB_TASKED || sealed.size == 0 ||
        service_buffer_reserve(plain, sealed.size) != 0) {
        return false;
    }
    plain->size = plain->capacity;
    return message_open(sealed, &c->job.key, &expected, plain->data, plain->capacity, &m, NULL) ==
               0 &&
           worker_result_decode(m.body, ret, NULL) == 0;
}

static enum wire_code end_of_day(struct custodian *c, struct day *day,
                                 const struct worker_result *result, struct diag *d)
{
    char why[WIRE_FAILURE_MAX + 1];
    struct bytes processed;
    if (result->end == WORKER_END_STATUS && result->value == 0 && result->complete &&
        read_reply(result->out, 0, NULL, &processed)) {
        return day_end(c, day, DAY_PROCESSED, processed, d);
    }
    why_failed(result, why);
    return day_end(c, day, DAY_FAILED, SENTENCE(why), d);
}

static void end_of_query(struct custodian *c, struct run *run, const struct worker_result *result)
{
    struct bytes none;
    if (run->doc == NULL || run->answered) {
        return;
    }
    if (!(clock_of(c) < run->end_ms)) {
        failure_text(SENTENCE("the script's answer came too late"), run->failure);
        return;
    }
    int64_t *vector = calloc(run->entries, sizeof *vector);
    if (vector != NULL && result->end == WORKER_END_STATUS && result->value == 0 &&
        result->complete && read_reply(result->out, run->entries, vector, &none)) {
        struct query_schema schema = query_document_schema(run->doc);
        query_clip(&schema, vector);
        memcpy(run->vector, vector, run->entries * sizeof *vector);
        run->answered = true;
        run->failure[0] = '\0';
    } else {
        why_failed(result, run->failure);
    }
    if (vector != NULL) {
        secure_zero(vector, run->entries * sizeof *vector);
        free(vector);
    }
}

int answer_worker_end(struct custodian *c, struct bytes record, struct service_buffer *answer)
{
    struct wire_worker_end end;
    struct wire_done done;
    struct worker_result result;
    AUTO_SERVICE_BUFFER plain = {0};
    struct diag d = {""};
    memset(&done, 0, sizeof done);
    if (wire_read_worker_end(record, &end, &d) != 0) {
        return service_refuse(WIRE_CODE_FORMAT, &d, answer);
    }
    if (!current(c, end.nonce)) {
        return service_refuse(WIRE_CODE_STATE, NULL, answer);
    }
    if (!open_result(c, end.message, &plain, &result)) {
        job_fails(c, "the worker ended without a result");
        return service_answer(WIRE_done, &done, answer, NULL);
    }
    enum wire_code code = WIRE_CODE_OK;
    struct day *day = job_day(c);
    if (day != NULL) {
        code = end_of_day(c, day, &result, &d);
        if (code != WIRE_CODE_OK) {
            day->deferred = "what the script made of it could not be stored";
        }
    } else if (c->job.run != NULL) {
        end_of_query(c, c->job.run, &result);
    }
    job_end(c);
    return code == WIRE_CODE_OK ? service_answer(WIRE_done, &done, answer, NULL)
                                : service_refuse(code, NULL, answer);
}
