/* SPDX-License-Identifier: Apache-2.0 */
/* Typed calls into an SDK enclave. The enclave's only thread lives on a host thread of its own: it
 * delivers a result and then sleeps, in the middle of the hostcall ecall_done, until there is a
 * next request. The enclave is not trusted by the host either: its sizes are bounded before use. */
#include "host/sdk.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Whose turn it is. */
enum turn {
    TURN_ENCLAVE, /* it boots or works */
    TURN_CALLER,  /* a result, or readiness, is there */
    TURN_REQUEST, /* a request is there */
    TURN_CLOSE,   /* the enclave's thread shall end */
    TURN_DEAD,    /* it has ended */
};

struct sdk_enclave {
    struct host_enclave *host;
    sdk_ocall_service *ocall;
    void *ocall_context;
    uint8_t manifest[1024];
    pthread_t thread;
    pthread_mutex_t call_lock; /* one call at a time */
    pthread_mutex_t lock;      /* what follows */
    pthread_cond_t changed;
    enum turn turn;
    struct diag why_dead;
    int status;
    size_t message_size;
    uint8_t message[SDK_MESSAGE_MAX]; /* the request, then the result */
};

int sdk_manifest(bool debug, struct writer *out, struct diag *d)
{
    struct manifest m = {
        .door = DOOR_SDK,
        .debug = debug,
        .entry = BYTES_STR("/enclave"),
        .cwd = BYTES_STR("/"),
        .memory = 4096, /* the workload's part of ELRANGE stays empty */
        .threads = 1,
        .argv_count = 1,
        .argv = {BYTES_STR("/enclave")},
    };
    return manifest_encode(&m, out, d);
}

/* ---- the enclave's thread -----------------------------------------------------------------------
 */

static void set_turn(struct sdk_enclave *e, enum turn turn)
{
    e->turn = turn;
    pthread_cond_broadcast(&e->changed);
}

static void die(struct sdk_enclave *e, const char *why) __attribute__((noreturn));
static void die(struct sdk_enclave *e, const char *why)
{
    pthread_mutex_lock(&e->lock);
    diag_fail(&e->why_dead, -EPIPE, "%s", why);
    set_turn(e, TURN_DEAD);
    pthread_mutex_unlock(&e->lock);
    pthread_exit(NULL);
}

static int64_t serve_ecall_done(struct sdk_enclave *e, struct hostcall_slot *slot)
{
    size_t size = slot->to_size;
    if (size > SDK_MESSAGE_MAX) {
        die(e, "the enclave's result is larger than a message");
    }
    pthread_mutex_lock(&e->lock);
    e->status = (int)slot->args[0];
    e->message_size = size;
    memcpy(e->message, slot->data, size);
    if (e->turn == TURN_ENCLAVE) {
        set_turn(e, TURN_CALLER);
    }
    while (e->turn == TURN_CALLER) {
        pthread_cond_wait(&e->changed, &e->lock);
    }
    if (e->turn == TURN_CLOSE) {
        pthread_mutex_unlock(&e->lock);
        die(e, "closed");
    }
    size = e->message_size;
    memcpy(slot->data, e->message, size);
    set_turn(e, TURN_ENCLAVE);
    pthread_mutex_unlock(&e->lock);
    return (int64_t)size;
}

static int64_t serve_ocall(struct sdk_enclave *e, struct hostcall_slot *slot)
{
    uint8_t in[SDK_MESSAGE_MAX]; /* the slot is the enclave's too: work on a copy */
    size_t size = slot->to_size;
    if (e->ocall == NULL) {
        return -ENOSYS;
    }
    if (size > sizeof in) {
        return -EIO;
    }
    memcpy(in, slot->data, size);
    struct writer out = writer_of(slot->data, sizeof slot->data);
    return e->ocall(e->ocall_context, slot->args[0], BYTES(in, size), &out);
}

static int64_t service(void *context, unsigned number, struct hostcall_slot *slot)
{
    struct sdk_enclave *e = context;
    switch (number) {
    case HOSTCALL_ecall_done:
        return serve_ecall_done(e, slot);
    case HOSTCALL_ocall:
        return serve_ocall(e, slot);
    case HOSTCALL_exit:
        die(e, slot->args[0] == EXIT_REFUSED ? "the enclave refused to start (its reason is above)"
                                             : "the enclave stopped (its reason is above)");
    default:
        return -EIO;
    }
}

static void *enclave_thread(void *argument)
{
    struct sdk_enclave *e = argument;
    struct diag d = {""};
    int r = host_enclave_run(e->host, &d);
    die(e, r == 0 ? "the enclave's thread left" : d.text);
}

/* ---- the callers' side
 * --------------------------------------------------------------------------- */

/* Waits, with the lock held, until a result is there. */
static int wait_result(struct sdk_enclave *e, struct diag *d)
{
    while (e->turn != TURN_CALLER && e->turn != TURN_DEAD) {
        pthread_cond_wait(&e->changed, &e->lock);
    }
    return e->turn == TURN_DEAD ? diag_fail(d, -EPIPE, "%s", e->why_dead.text) : 0;
}

static int start(struct sdk_enclave *e, bool lock_process, struct diag *d)
{
    int r = lock_process ? host_lock_process(d) : 0;
    if (r != 0) {
        return r;
    }
    if (pthread_create(&e->thread, NULL, enclave_thread, e) != 0) {
        return diag_fail(d, -EAGAIN, "cannot start a thread for the enclave");
    }
    pthread_mutex_lock(&e->lock);
    r = wait_result(e, d);
    pthread_mutex_unlock(&e->lock);
    if (r != 0) {
        pthread_join(e->thread, NULL);
    }
    return r;
}

static void destroy(struct sdk_enclave *e)
{
    host_enclave_destroy(e->host);
    pthread_cond_destroy(&e->changed);
    pthread_mutex_destroy(&e->lock);
    pthread_mutex_destroy(&e->call_lock);
    free(e);
}

int sdk_open(const struct sdk_config *config, struct sdk_enclave **ret, struct diag *d)
{
    struct sdk_enclave *e = calloc(1, sizeof *e);
    if (e == NULL) {
        return diag_fail(d, -ENOMEM, "no memory for the enclave's host data");
    }
    pthread_mutex_init(&e->call_lock, NULL);
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->changed, NULL);
    e->ocall = config->ocall;
    e->ocall_context = config->ocall_context;
    struct writer manifest = writer_of(e->manifest, sizeof e->manifest);
    int r = sdk_manifest(config->debug, &manifest, d);
    struct host_config host = {
        .ops = config->ops,
        .machine = config->machine,
        .image = {config->sgxs, config->sigstruct, BYTES(manifest.data, manifest.size),
                  config->debug},
        .service = service,
        .service_context = e,
    };
    r = r != 0 ? r : host_enclave_create(&host, &e->host, d);
    r = r != 0 ? r : start(e, config->lock_process, d);
    if (r != 0) {
        destroy(e);
        return r;
    }
    *ret = e;
    return 0;
}

/* Hands the request over and waits, with the lock held. */
static int exchange(struct sdk_enclave *e, const struct sdk_shape *shape, const void *in,
                    struct bytes in_bytes, struct diag *d)
{
    struct writer request = writer_of(e->message, sizeof e->message);
    uint8_t number[SDK_NUMBER_SIZE];
    int r = wait_result(e, d); /* dead already? */
    if (r != 0) {
        return r;
    }
    store_le64(number, shape->number);
    writer_put(&request, BYTES(number, sizeof number));
    writer_put(&request, BYTES(in, shape->in_size));
    writer_put(&request, in_bytes);
    if (request.failed) {
        return diag_fail(d, -EMSGSIZE, "the request \"%s\" is larger than a message", shape->name);
    }
    e->message_size = request.size;
    set_turn(e, TURN_REQUEST);
    return wait_result(e, d);
}

static int take_result(struct sdk_enclave *e, const struct sdk_shape *shape, void *ret_out,
                       struct writer *ret_bytes, struct diag *d)
{
    struct cursor c = cursor_of(BYTES(e->message, e->message_size));
    if (e->status != 0) {
        int status = e->status < 0 && e->status >= -4095 ? e->status : -EPROTO;
        return diag_fail(d, status, "the enclave answered \"%s\" with error %d", shape->name,
                         -status);
    }
    struct bytes out = cursor_take(&c, shape->out_size);
    if (!cursor_ok(&c) || c.rest.size > ret_bytes->capacity - ret_bytes->size) {
        return diag_fail(d, -EPROTO,
                         "the enclave's answer to \"%s\" has %zu bytes, which its table "
                         "does not say",
                         shape->name, e->message_size);
    }
    memcpy(ret_out, out.data, out.size);
    writer_put(ret_bytes, c.rest);
    return 0;
}

int sdk_call(struct sdk_enclave *e, const struct sdk_shape *shape, const void *in,
             struct bytes in_bytes, void *ret_out, struct writer *ret_bytes, struct diag *d)
{
    pthread_mutex_lock(&e->call_lock);
    pthread_mutex_lock(&e->lock);
    int r = exchange(e, shape, in, in_bytes, d);
    r = r != 0 ? r : take_result(e, shape, ret_out, ret_bytes, d);
    pthread_mutex_unlock(&e->lock);
    pthread_mutex_unlock(&e->call_lock);
    return r;
}

struct machine *sdk_machine(struct sdk_enclave *e)
{
    return host_enclave_machine(e->host);
}

void sdk_close(struct sdk_enclave *e)
{
    if (e == NULL) {
        return;
    }
    pthread_mutex_lock(&e->lock);
    if (e->turn != TURN_DEAD) {
        set_turn(e, TURN_CLOSE);
    }
    pthread_mutex_unlock(&e->lock);
    pthread_join(e->thread, NULL);
    destroy(e);
}
