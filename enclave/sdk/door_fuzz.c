/* SPDX-License-Identifier: Apache-2.0 */
/* A host that sends an SDK enclave any requests and answers its calls with anything: the input is a
 * row of messages, each with its length before it. Whatever comes, the door writes inside its buffers
 * and every reply has the shape that the table says. The calls are the probe enclave's. */
#include "sdk/enclave.h"

#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>

static struct cursor messages;
static jmp_buf done;
static void *allocated[8];
static size_t allocated_count;
static uint64_t last_number; /* of the request that the next reply answers */

/* The next message, cut to what was asked for; ends the run when there is none. */
static size_t next_message(void *to, size_t size)
{
    size_t n = cursor_le16(&messages);
    n = n < messages.rest.size ? n : messages.rest.size;
    n = n < size ? n : size;
    struct bytes b = cursor_take(&messages, n);
    if (!cursor_ok(&messages)) {
        longjmp(done, 1);
    }
    if (n > 0) {
        __builtin_memcpy(to, b.data, n);
    }
    return n;
}

static void check_reply(int status, struct bytes reply)
{
    if (status != 0) {
        REQUIRE(reply.size == 0);
        return;
    }
    for (size_t i = 0; i < sdk_ecall_count; i++) {
        const struct sdk_shape *s = &sdk_ecalls[i].shape;
        if (s->number == last_number) {
            REQUIRE(reply.size >= s->out_size && reply.size - s->out_size <= s->out_bytes_max);
            return;
        }
    }
    REQUIRE(reply.size == 0); /* the first one: ready */
}

size_t rt_ecall_next(int status, struct bytes result, void *ret_request, size_t size)
{
    check_reply(status, result);
    size_t n = next_message(ret_request, size);
    last_number = n >= SDK_NUMBER_SIZE ? load_le64(ret_request) : 0;
    return n;
}

int64_t rt_ocall(uint64_t number, struct bytes request, void *ret_reply, size_t size)
{
    (void)number;
    REQUIRE(request.size <= SDK_MESSAGE_MAX);
    size_t n = next_message(ret_reply, size);
    return n % 5 == 4 ? -ENOSYS : (int64_t)n;
}

void *rt_alloc(size_t n)
{
    REQUIRE(allocated_count < ARRAY_SIZE(allocated));
    void *p = NULL;
    REQUIRE(posix_memalign(&p, 4096, n) == 0);
    allocated[allocated_count++] = p;
    return p;
}

void rt_report(const struct sgx_targetinfo *target, const uint8_t reportdata[64],
               struct sgx_report *ret)
{
    *ret = (struct sgx_report){.body.configsvn = target->configsvn};
    __builtin_memcpy(ret->body.reportdata, reportdata, 64);
}

void rt_refuse(const char *format, ...)
{
    (void)format;
    abort();
}

void rt_fatal(const char *format, ...)
{
    (void)format;
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct manifest manifest = {.door = DOOR_SDK};
    struct rt_frame frame;
    messages = cursor_of(BYTES(data, size));
    last_number = 0;
    if (setjmp(done) == 0) {
        door_start(&manifest, &frame);
    }
    while (allocated_count > 0) {
        free(allocated[--allocated_count]);
    }
    return 0;
}
