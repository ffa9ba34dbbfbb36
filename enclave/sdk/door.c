/* SPDX-License-Identifier: Apache-2.0 */
/* The SDK door: the enclave's first thread serves one typed call after the other, for ever. All
 * copying happens here: a request is in trusted memory, of exactly the size that the table says,
 * before the developer's function sees it; a result leaves only when the function said 0.
 *
 * Adversary: the host chooses the calls, their order and every byte in them. A call that the table
 * does not have, or of the wrong size, gets an error and reaches no developer's code. */
#include "sdk/enclave.h"

#include <errno.h>

/* The request lies so that the struct behind the number is aligned for any permitted type. */
#define REQUEST_AT (SDK_STRUCT_ALIGN - SDK_NUMBER_SIZE)
_Static_assert(sizeof(struct sgx_targetinfo) == SDK_STRUCT_ALIGN, "the strictest of abi/sgx.h");

static struct {
    uint8_t *request; /* SDK_MESSAGE_MAX bytes: number | in struct | bytes in */
    uint8_t *reply;   /* SDK_MESSAGE_MAX bytes, page aligned */
    uint8_t *reply_bytes;
    uint8_t *ocall; /* both directions of an ocall */
} buffer;

static uint8_t *buffer_new(size_t size)
{
    uint8_t *p = (uint8_t *)rt_alloc(size);
    if (p == NULL) {
        rt_refuse("no memory for the buffers of typed calls");
    }
    return p;
}

static const struct sdk_ecall *find_ecall(uint64_t number)
{
    for (size_t i = 0; i < sdk_ecall_count; i++) {
        if (sdk_ecalls[i].shape.number == number) {
            return &sdk_ecalls[i];
        }
    }
    return NULL;
}

/* Runs one request; returns its status and the reply. */
static int serve(struct bytes request, struct bytes *ret_reply)
{
    struct cursor c = cursor_of(request);
    uint64_t number = cursor_le64(&c);
    const struct sdk_ecall *call = find_ecall(number);
    if (!cursor_ok(&c)) {
        return -EINVAL;
    }
    if (call == NULL) {
        return -ENOSYS;
    }
    const struct sdk_shape *s = &call->shape;
    struct bytes in = cursor_take(&c, s->in_size);
    if (!cursor_ok(&c) || c.rest.size > s->in_bytes_max) {
        return -EMSGSIZE;
    }
    struct writer out_bytes = writer_of(buffer.reply_bytes, s->out_bytes_max);
    memset(buffer.reply, 0, s->out_size); /* padding must not carry anything out */
    int status = call->run(in.data, c.rest, buffer.reply, &out_bytes);
    if (status == 0 && out_bytes.failed) {
        status = -EMSGSIZE;
    }
    if (status == 0) {
        memcpy(buffer.reply + s->out_size, buffer.reply_bytes, out_bytes.size);
        *ret_reply = BYTES(buffer.reply, s->out_size + out_bytes.size);
    }
    return status;
}

void door_start(const struct manifest *manifest, struct rt_frame *frame)
{
    (void)frame;
    if (manifest->door != DOOR_SDK) {
        rt_refuse("this enclave serves typed calls, its manifest names another door");
    }
    buffer.request = buffer_new(REQUEST_AT + SDK_MESSAGE_MAX) + REQUEST_AT;
    buffer.reply = buffer_new(SDK_MESSAGE_MAX);
    buffer.reply_bytes = buffer_new(SDK_MESSAGE_MAX);
    buffer.ocall = buffer_new(SDK_MESSAGE_MAX);

    struct bytes reply = {NULL, 0};
    int status = 0;
    for (;;) {
        size_t n = rt_ecall_next(status, reply, buffer.request, SDK_MESSAGE_MAX);
        reply = BYTES(NULL, 0);
        status = serve(BYTES(buffer.request, n), &reply);
    }
}

int sdk_ocall(const struct sdk_shape *shape, const void *in, struct bytes in_bytes, void *ret_out,
              struct writer *ret_bytes)
{
    REQUIRE(in_bytes.size <= shape->in_bytes_max);
    struct writer message = writer_of(buffer.ocall, SDK_MESSAGE_MAX);
    writer_put(&message, BYTES(in, shape->in_size));
    writer_put(&message, in_bytes);
    REQUIRE(!message.failed);
    int64_t n = rt_ocall(shape->number, BYTES(message.data, message.size), buffer.ocall,
                         shape->out_size + shape->out_bytes_max);
    if (n < 0) {
        return n == -ENOSYS ? -ENOSYS : -EIO;
    }
    struct cursor answer = cursor_of(BYTES(buffer.ocall, (size_t)n));
    struct bytes out = cursor_take(&answer, shape->out_size);
    if (!cursor_ok(&answer) || answer.rest.size > ret_bytes->capacity - ret_bytes->size) {
        return -EPROTO;
    }
    memcpy(ret_out, out.data, out.size);
    writer_put(ret_bytes, answer.rest);
    return 0;
}

/* An SDK enclave has no workload: nothing of it makes system calls, faults on its own account or
 * starts threads. */
void door_syscall(struct rt_frame *frame)
{
    rt_fatal("a system call instruction in an enclave without an operating system (at 0x%lx)",
             frame->rip);
}

void door_fault(struct rt_frame *frame, const struct rt_fault *fault)
{
    rt_fatal("the enclave's code faulted: vector %u at 0x%lx", fault->vector, frame->rip);
}

/* Nothing in it is ever kicked, and a host that does so is not heard. */
void door_kick(struct rt_frame *frame)
{
    (void)frame;
}

void door_thread(void *argument, struct rt_frame *frame)
{
    (void)argument;
    (void)frame;
    rt_fatal("a thread that nobody started");
}
