/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's half of docs/formats/worker.md.
 *
 * The adversary: the host carries all messages. It may send any bytes, a hello of its own, a task
 * that it made itself: then the worker works for the host, with the host's data, and knows no
 * other. What it cannot do is open a task that was sealed to the key of this instance, or learn of
 * the result more than when it was sent. The workload is whatever its owner let run: what it says
 * goes into the result, how it ended too, and the enclave's own end says nothing of either. It is
 * not kept from this code's memory, as native code in an enclave never is (docs/promises.md): the
 * secrets here are of its own task. */
#include "worker.h"

#include <errno.h>

#include "base/cbor.h"
#include "channel/message.h"
#include "channel/worker.h"

#define REPORT_SIZE sizeof(struct sgx_report)

static struct {
    struct hpke_private_key key;
    struct hpke_public_key custodian; /* who sent the task */
    uint8_t task_id[MESSAGE_ID_SIZE];
    uint8_t *plain; /* the task's message, opened */
    size_t plain_size;
    struct bytes task; /* what of its body was not read */

    uint8_t *out;      /* WORKER_OUT_MAX */
    uint64_t out_size; /* all that was written; what is beyond the maximum is not kept */
    uint8_t *err;      /* WORKER_ERR_MAX, as a ring */
    uint64_t err_size;
    bool keeps_err;
    /* Made beforehand: at the end the host could refuse memory that the workload has used up. */
    uint8_t *body, *sealed;
    bool ending; /* some thread makes the result */
} worker;

/* ---- frames ---------------------------------------------------------------------------------- */

static void receive(void *to, size_t n, const char *what)
{
    uint8_t *at = to;
    while (n > 0) {
        int64_t got = rt_carrier_read(at, n);
        if (got == -EINTR) {
            continue;
        }
        if (got <= 0) {
            rt_refuse("worker: standard input ended before %s was there: a worker is started by "
                      "who carries messages for a custodian (docs/formats/worker.md)",
                      what);
        }
        at += got;
        n -= (size_t)got;
    }
}

static size_t receive_head(const char *what)
{
    uint8_t head[4];
    receive(head, sizeof head, what);
    size_t n = load_le32(head);
    if (n > WORKER_FRAME_MAX) {
        rt_refuse("worker: a frame of %lu bytes where %s was expected; %u are the most", n, what,
                  WORKER_FRAME_MAX);
    }
    return n;
}

static void *allocate(size_t n)
{
    void *p = rt_alloc(n);
    if (p == NULL) {
        rt_refuse("worker: no memory for its task and its result: the host refused it");
    }
    return p;
}

/* A message of at most max bytes, in memory that the caller frees. */
static uint8_t *receive_message(size_t max, size_t *ret_size, const char *what)
{
    size_t capacity = WORKER_FRAME_MAX, size = 0, n;
    uint8_t *data = allocate(capacity);
    do {
        n = receive_head(what);
        if (n > max - size) {
            rt_refuse("worker: more than %lu bytes where %s was expected", max, what);
        }
        if (n > capacity - size) {
            capacity = 2 * capacity;
            uint8_t *larger = allocate(capacity);
            memcpy(larger, data, size);
            rt_free(data);
            data = larger;
        }
        receive(data + size, n, what);
        size += n;
    } while (n == WORKER_FRAME_MAX);
    *ret_size = size;
    return data;
}

static void send_part(struct bytes part)
{
    int r = rt_carrier_write(part);
    if (r != 0) {
        rt_last_words_to(NULL); /* this one is about the host */
        rt_fatal("worker: its host does not take what it sends: %s", dispatch_errno_name(-r));
    }
}

static void send_message(struct bytes message)
{
    size_t n;
    do {
        uint8_t head[4];
        n = message.size < WORKER_FRAME_MAX ? message.size : WORKER_FRAME_MAX;
        store_le32(head, (uint32_t)n);
        send_part(BYTES_OF(head));
        send_part(BYTES(message.data, n));
        message = BYTES(message.data + n, message.size - n);
    } while (n == WORKER_FRAME_MAX);
}

/* ---- before the workload --------------------------------------------------------------------- */

struct hello {
    struct sgx_targetinfo target;
    uint8_t nonce[WORKER_NONCE_SIZE];
};
_Static_assert(sizeof(struct sgx_targetinfo) + WORKER_NONCE_SIZE == WORKER_HELLO_SIZE, "message 1");

static void receive_hello(struct hello *ret)
{
    size_t n = receive_head("a custodian's hello");
    if (n != WORKER_HELLO_SIZE) {
        rt_refuse("worker: %lu bytes where a custodian's hello has %u (docs/formats/worker.md)", n,
                  WORKER_HELLO_SIZE);
    }
    receive(&ret->target, sizeof ret->target, "a custodian's hello");
    receive(ret->nonce, sizeof ret->nonce, "a custodian's hello");
}

static void send_binding(const struct hello *hello)
{
    uint8_t *message = allocate(REPORT_SIZE + BINDING_SIZE_MAX);
    struct writer w = writer_of(message + REPORT_SIZE, BINDING_SIZE_MAX);
    struct sgx_report report;
    uint8_t report_data[64];
    const struct binding binding = {.purpose = BINDING_PURPOSE_WORKER,
                                    .key = worker.key.public_key,
                                    .fresh = BINDING_FRESH_NONCE,
                                    .nonce = BYTES_OF(hello->nonce)};
    REQUIRE(binding_encode(&binding, &w, NULL) == 0 &&
            binding_report_data(BYTES(w.data, w.size), report_data) == 0);
    if (rt_report_to(&hello->target, report_data, &report) != 0) {
        rt_refuse("worker: the hello's TARGETINFO has reserved bytes that are not zero");
    }
    memcpy(message, &report, REPORT_SIZE);
    send_message(BYTES(message, REPORT_SIZE + w.size));
    rt_free(message);
}

static void receive_task(const struct hello *hello)
{
    size_t size;
    uint8_t *sealed = receive_message(MESSAGE_SIZE_MAX, &size, "a task");
    const struct message_expectation expected = {.kind = MESSAGE_KIND_TASK,
                                                 .context_mode = MESSAGE_CONTEXT_VALUE,
                                                 .context = BYTES_OF(hello->nonce),
                                                 .from_mode = MESSAGE_FROM_CLAIMED,
                                                 .evidence_mode = MESSAGE_EVIDENCE_NONE};
    struct message m;
    struct diag d = {.text = ""};
    worker.plain = allocate(size);
    worker.plain_size = size;
    if (message_open(BYTES(sealed, size), &worker.key, &expected, worker.plain, size, &m, &d) !=
        0) {
        rt_refuse("worker: no task of a custodian's: %s", d.text);
    }
    rt_free(sealed);
    worker.custodian = m.from;
    memcpy(worker.task_id, m.id, sizeof worker.task_id);
    worker.task = m.body;
}

static void stopped(struct bytes sentence);

void worker_start(const struct manifest *m)
{
    struct hello hello;
    worker.out = allocate(WORKER_OUT_MAX);
    worker.err = allocate(2 * WORKER_ERR_MAX);
    worker.body = allocate(WORKER_RESULT_MAX);
    worker.sealed = allocate(WORKER_RESULT_SEALED_MAX);
    worker.keeps_err = m->stderr_result;
    REQUIRE(hpke_private_make(HPKE_KEM_X25519, &worker.key) == 0);
    receive_hello(&hello);
    send_binding(&hello);
    receive_task(&hello);
    rt_last_words_to(stopped);
}

/* ---- the workload's streams ------------------------------------------------------------------ */

struct bytes os_task_rest(void)
{
    return worker.task;
}

void os_task_advance(size_t n)
{
    REQUIRE(n <= worker.task.size);
    worker.task = BYTES(worker.task.data + n, worker.task.size - n);
}

static void put_out(struct bytes data)
{
    if (worker.out_size < WORKER_OUT_MAX) {
        size_t room = WORKER_OUT_MAX - (size_t)worker.out_size;
        memcpy(worker.out + worker.out_size, data.data, data.size < room ? data.size : room);
    }
    worker.out_size += data.size;
}

static void put_err(struct bytes data)
{
    for (size_t i = 0; i < data.size; i++) {
        worker.err[worker.err_size++ % WORKER_ERR_MAX] = data.data[i];
    }
}

void os_result_put(int fd, struct bytes data)
{
    if (fd == 1) {
        put_out(data);
    } else if (worker.keeps_err) {
        put_err(data);
    }
}

_Static_assert((int)WORKER_END_STATUS == (int)EXIT_STATUS &&
                   (int)WORKER_END_SIGNAL == (int)EXIT_SIGNAL &&
                   (int)WORKER_END_REFUSED == (int)EXIT_REFUSED &&
                   (int)WORKER_END_STOPPED == (int)EXIT_RUNTIME,
               "the same numbers");

/* ---- after it -------------------------------------------------------------------------------- */

/* The ring's bytes from the oldest on. */
static struct bytes unroll_err(void)
{
    uint8_t *ret = worker.err + WORKER_ERR_MAX;
    const uint64_t end = worker.err_size, size = end < WORKER_ERR_MAX ? end : WORKER_ERR_MAX;
    for (uint64_t i = 0; i < size; i++) {
        ret[i] = worker.err[(end - size + i) % WORKER_ERR_MAX];
    }
    return BYTES(ret, (size_t)size);
}

static struct bytes encode_result(enum worker_end end, uint64_t value)
{
    const uint64_t out_size = worker.out_size;
    const bool complete = out_size <= WORKER_OUT_MAX;
    const struct worker_result result = {
        .end = end,
        .value = value,
        .err = unroll_err(),
        .out = BYTES(worker.out, complete ? (size_t)out_size : 0),
        .complete = complete,
    };
    struct writer w = writer_of(worker.body, WORKER_RESULT_MAX);
    REQUIRE(worker_result_encode(&result, &w) == 0);
    return BYTES(w.data, w.size);
}

/* All that the custodian sent and is going to get, and the key; of the sealed result nothing is
 * secret. */
static void wipe(void)
{
    secure_zero(worker.plain, worker.plain_size);
    secure_zero(worker.out, WORKER_OUT_MAX);
    secure_zero(worker.err, 2 * WORKER_ERR_MAX);
    secure_zero(worker.body, WORKER_RESULT_MAX);
    hpke_private_wipe(&worker.key);
}

/* Once; the other threads speak no more. */
static void finish(enum worker_end end, uint64_t value)
{
    struct writer w = writer_of(worker.sealed, WORKER_RESULT_SEALED_MAX);
    uint8_t id[MESSAGE_ID_SIZE];
    const struct message_draft draft = {.kind = MESSAGE_KIND_RESULT,
                                        .context_mode = MESSAGE_CONTEXT_VALUE,
                                        .context = BYTES_OF(worker.task_id),
                                        .to = &worker.custodian,
                                        .from = HPKE_FROM_SELF(&worker.key),
                                        .aead = HPKE_SUITE_DEFAULT.aead,
                                        .body = encode_result(end, value)};
    if (message_seal(&draft, &w, id, NULL) != 0) {
        rt_fatal("worker: the result cannot be sealed");
    }
    wipe();
    send_message(BYTES(w.data, w.size));
    rt_exit(EXIT_STATUS, 0);
}

static bool first_to_end(void)
{
    return !__atomic_exchange_n(&worker.ending, true, __ATOMIC_SEQ_CST);
}

void worker_finish(enum exit_kind kind, uint64_t value)
{
    if (first_to_end()) {
        ignore_result(rt_claim_end(), "a thread that is dying has it: then this one is parked");
        finish((enum worker_end)kind, value);
    }
    rt_exit(EXIT_STATUS, 0); /* another thread has claimed the end, and this one is parked */
}

/* The runtime stops the enclave: also that is the custodian's to know, and nobody else's. Whatever
 * was going on in this thread does not go on, so nothing here takes a lock. If a result is being
 * made already, or cannot be, the enclave ends without another word. */
static void stopped(struct bytes sentence)
{
    if (first_to_end()) {
        os_result_put(2, sentence);
        finish(WORKER_END_STOPPED, 0);
    }
}
