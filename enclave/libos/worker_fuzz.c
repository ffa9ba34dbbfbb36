/* SPDX-License-Identifier: Apache-2.0 */
/* What a host can send a worker. Either the input is all that it sends, or it says how an honest
 * custodian's messages are cut into reads and what the workload then does: in which case the result
 * has to say just that.
 *
 * Stand-ins for the runtime: no enclave, OpenSSL's primitives. */
#include "worker.c"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static jmp_buf end;
enum { REFUSED = 1, FATAL, EXITED };

static uint8_t *from_host, *to_host;
static size_t from_size, from_at, to_size;
static struct bytes script; /* what the input has left to say */

static uint8_t say(void)
{
    if (script.size == 0) {
        return 0;
    }
    uint8_t byte = script.data[0];
    script = BYTES(script.data + 1, script.size - 1);
    return byte;
}

static bool honest_host, task_is_made;
static void make_task(void);

/* ---- the runtime ----------------------------------------------------------------------------- */

static void *held[64]; /* so that what a refusal leaves is given back */

void *rt_alloc(size_t n)
{
    for (size_t i = 0; i < ARRAY_SIZE(held); i++) {
        if (held[i] == NULL) {
            return held[i] = calloc(1, n);
        }
    }
    abort();
}

void rt_free(void *p)
{
    for (size_t i = 0; i < ARRAY_SIZE(held); i++) {
        held[i] = held[i] == p ? NULL : held[i];
    }
    free(p);
}

int64_t rt_carrier_read(void *to, size_t n)
{
    if (from_at == from_size && honest_host && !task_is_made) {
        make_task();
    }
    uint8_t how = say();
    if (how == 3) {
        return -EINTR;
    }
    if (how == 5 && !honest_host) {
        return -EIO;
    }
    size_t left = from_size - from_at, wish = 1 + (size_t)how * 257;
    size_t part = n < left ? n : left;
    part = script.size > 0 && wish < part ? wish : part;
    if (part > 0) {
        memcpy(to, from_host + from_at, part);
    }
    from_at += part;
    return (int64_t)part;
}

int rt_carrier_write(struct bytes data)
{
    if (!honest_host && say() == 7) {
        return -EPIPE;
    }
    to_host = realloc(to_host, to_size + data.size + 1);
    memcpy(to_host + to_size, data.data, data.size);
    to_size += data.size;
    return 0;
}

int rt_report_to(const struct sgx_targetinfo *target, const uint8_t reportdata[64],
                 struct sgx_report *ret)
{
    (void)target;
    memset(ret, 0, sizeof *ret);
    memcpy(ret->body.reportdata, reportdata, 64);
    return 0;
}

static void (*last_words)(struct bytes sentence);

void rt_last_words_to(void (*told)(struct bytes sentence))
{
    last_words = told;
}

bool rt_claim_end(void)
{
    return true;
}

void rt_exit(enum exit_kind kind, uint64_t value)
{
    REQUIRE(kind == EXIT_STATUS && value == 0);
    longjmp(end, EXITED);
}

void rt_refuse(const char *format, ...)
{
    (void)format;
    longjmp(end, REFUSED);
}

void rt_fatal(const char *format, ...)
{
    (void)format;
    longjmp(end, FATAL);
}

const char *dispatch_errno_name(int error)
{
    (void)error;
    return "an error";
}

/* ---- the host -------------------------------------------------------------------------------- */

static void give(const void *data, size_t size)
{
    from_host = realloc(from_host, from_size + size + 1);
    memcpy(from_host + from_size, data, size);
    from_size += size;
}

static void give_message(struct bytes m)
{
    size_t n;
    do {
        n = m.size < WORKER_FRAME_MAX ? m.size : WORKER_FRAME_MAX;
        uint32_t head = (uint32_t)n;
        give(&head, sizeof head);
        give(m.data, n);
        m = BYTES(m.data + n, m.size - n);
    } while (n == WORKER_FRAME_MAX);
}

/* A message that the worker wrote, from *at on, its frames put together in place. */
static struct bytes taken(size_t *at)
{
    uint8_t *start = to_host + *at;
    size_t size = 0, n;
    do {
        REQUIRE(to_size - *at >= 4);
        n = load_le32(to_host + *at);
        REQUIRE(n <= WORKER_FRAME_MAX && to_size - *at - 4 >= n);
        memmove(start + size, to_host + *at + 4, n);
        size += n;
        *at += 4 + n;
    } while (n == WORKER_FRAME_MAX);
    return BYTES(start, size);
}

static void reset(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(held); i++) {
        free(held[i]);
        held[i] = NULL;
    }
    from_size = from_at = to_size = 0;
    last_words = NULL;
    task_is_made = false;
    memset(&worker, 0, sizeof worker);
}

/* ---- an honest custodian --------------------------------------------------------------------- */

static struct hpke_private_key custodian;
static uint8_t task_id[MESSAGE_ID_SIZE], hello[WORKER_HELLO_SIZE] = {[512] = 7};
static struct hpke_public_key worker_key;
static uint8_t body[1u << 17];

/* The worker asks for its task when it has said who it is: so the task is made in the middle. */
static void make_task(void)
{
    static uint8_t sealed[1u << 19];
    struct writer w = writer_of(sealed, sizeof sealed);
    struct binding b;
    size_t at = 0, size = sizeof(struct sgx_report);
    struct bytes answer = taken(&at);
    REQUIRE(at == to_size && answer.size > size &&
            binding_decode(BYTES(answer.data + size, answer.size - size), &b, NULL) == 0 &&
            b.purpose == BINDING_PURPOSE_WORKER && bytes_equal(b.nonce, BYTES(hello + 512, 32)));
    worker_key = b.key;
    const struct message_draft draft = {.kind = MESSAGE_KIND_TASK,
                                        .context_mode = MESSAGE_CONTEXT_VALUE,
                                        .context = b.nonce,
                                        .to = &b.key,
                                        .from = HPKE_FROM_SELF(&custodian),
                                        .aead = HPKE_SUITE_DEFAULT.aead,
                                        .body = BYTES(body, (size_t)say() * 513)};
    REQUIRE(message_seal(&draft, &w, task_id, NULL) == 0);
    give_message(BYTES(w.data, w.size));
    task_is_made = true;
}

/* What the workload wrote, as far as a result keeps it. */
static uint8_t out[WORKER_OUT_MAX + (1u << 17)], err[1u << 20];
static size_t out_size, err_size;

static void work(const struct manifest *m)
{
    struct bytes rest;
    out_size = err_size = 0;
    while ((rest = os_task_rest()).size > 0) {
        size_t n = 1 + (size_t)say() * 129;
        n = n < rest.size ? n : rest.size;
        REQUIRE(rest.data[0] == body[0]);
        os_task_advance(n);
    }
    for (unsigned i = 0; i < 8 && script.size > 0; i++) {
        size_t n = (size_t)say() * 257;
        bool to_out = say() % 2 == 0;
        uint8_t fill = say();
        memset(to_out ? out + out_size : err + err_size, fill, n);
        os_result_put(to_out ? 1 : 2, BYTES(to_out ? out + out_size : err + err_size, n));
        out_size += to_out ? n : 0;
        err_size += to_out ? 0 : n;
        out_size = out_size < WORKER_OUT_MAX + 1 ? out_size : WORKER_OUT_MAX + 1;
    }
    err_size = m->stderr_result ? err_size : 0;
}

static void check_result(enum worker_end wanted, uint64_t value, size_t at)
{
    static uint8_t plain[1u << 20];
    struct message m;
    struct worker_result r;
    const struct message_expectation expected = {.kind = MESSAGE_KIND_RESULT,
                                                 .context_mode = MESSAGE_CONTEXT_VALUE,
                                                 .context = BYTES_OF(task_id),
                                                 .from_mode = MESSAGE_FROM_KEY,
                                                 .from = &worker_key,
                                                 .evidence_mode = MESSAGE_EVIDENCE_NONE};
    struct bytes message = taken(&at);
    REQUIRE(at == to_size &&
            message_open(message, &custodian, &expected, plain, sizeof plain, &m, NULL) == 0 &&
            worker_result_decode(m.body, &r, NULL) == 0);
    size_t errors = err_size < WORKER_ERR_MAX ? err_size : WORKER_ERR_MAX;
    REQUIRE(r.end == wanted && r.value == value && r.complete == (out_size <= WORKER_OUT_MAX) &&
            bytes_equal(r.out, BYTES(out, r.complete ? out_size : 0)) &&
            bytes_equal(r.err, BYTES(err + err_size - errors, errors)));
}

static void honest(const struct manifest *m)
{
    volatile enum worker_end wanted = WORKER_END_STATUS;
    volatile uint64_t value = 0;
    volatile size_t answered = 0;
    bool dies = say() % 4 == 0;
    give_message(BYTES_OF(hello));
    int how = setjmp(end);
    if (how == 0) {
        worker_start(m);
        answered = to_size;
        work(m);
        wanted = dies ? WORKER_END_STOPPED : (enum worker_end)(say() % 2);
        value = dies ? 0 : say();
        if (dies) {
            err_size = m->stderr_result ? err_size : 0;
            memcpy(err + err_size, "last", 4);
            err_size += m->stderr_result ? 4 : 0;
            last_words(BYTES_STR("last"));
        }
        worker_finish((enum exit_kind)wanted, value);
    }
    REQUIRE(how == EXITED);
    check_result(wanted, value, answered);
}

static void hostile(const struct manifest *m)
{
    give(script.data, script.size); /* which is how it says it, too */
    if (setjmp(end) == 0) {
        worker_start(m);
        abort(); /* nobody can seal to a key that was made just now */
    }
    REQUIRE(from_at <= from_size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t secret[32] = "a custodian that everybody knows";
    const struct manifest m = {
        .stdin_task = true, .stdout_result = true, .stderr_result = size > 1 && data[1] % 2 == 0};
    if (size < 2) {
        return 0;
    }
    reset();
    script = BYTES(data + 2, size - 2);
    honest_host = data[0] % 2 == 0;
    if (honest_host) {
        memset(body, data[1], sizeof body);
        REQUIRE(hpke_private_derive(HPKE_KEM_X25519, BYTES_OF(secret), &custodian) == 0);
        honest(&m);
    } else {
        hostile(&m);
    }
    return 0;
}
