/* SPDX-License-Identifier: Apache-2.0 */
/* A host that answers hostcalls with anything. Whatever it says, rt_hostcall() stops the enclave or
 * returns what the contract allows, and never writes past the buffer it was given. */
#include "abi/quote.h"
#include "thread.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

static struct hostcall_slot *slot;
static struct rt_thread thread;
static struct bytes answer;
static jmp_buf stopped;

struct rt_thread *rt_self(void)
{
    return &thread;
}

/* The host's turn: result, size and data are the fuzzer's. */
void rt_leave(void)
{
    struct cursor c = cursor_of(answer);
    slot->result = (int64_t)cursor_le64(&c);
    slot->from_size = cursor_le64(&c);
    memcpy(slot->data, c.rest.data, c.rest.size < sizeof slot->data ? c.rest.size : sizeof slot->data);
}

bool rt_alarm_due(void)
{
    return false; /* no timers here */
}

void rt_fatal(const char *format, ...)
{
    (void)format;
    longjmp(stopped, 1);
}

void base_require_failed(const char *expression, const char *file, int line)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, expression);
    abort();
}

static void check(unsigned number, int64_t result, const uint8_t *buffer, size_t size)
{
    static const int64_t greatest[] = {
#define HOSTCALL(nr, name, to_host, from_host, result_max, ...) [nr] = (result_max),
#include "abi/hostcalls.def"
#undef HOSTCALL
    };
    if (result > greatest[number] || result < -4095 || (result > 0 && greatest[number] == 0)) {
        abort();
    }
    for (size_t i = 0; i < 64; i++) {
        if (buffer[size + i] != 0xa5) {
            abort();
        }
    }
}

enum { ENOENT = 2, EINTR = 4, EIO, EAGAIN = 11, ENOMEM, EACCES, ENODEV = 19, EINVAL = 22, EMFILE = 24,
       EFBIG = 27, ENOSPC, EPIPE = 32, ENOSYS = 38, EMSGSIZE = 90, EADDRINUSE = 98, EADDRNOTAVAIL,
       ENETUNREACH = 101, ECONNRESET = 104, ETIMEDOUT = 110, ECONNREFUSED, EHOSTUNREACH = 113 };

/* A quote is the one answer with a form that the runtime looks at. In memory of its size, so that a byte
 * read too many is found; over the body that it names, so that no size gets by for lack of it. */
static void look_at_quote(struct bytes answered)
{
    struct sgx_report_body body = {0};
    uint8_t *quote = malloc(answered.size);
    if (quote == NULL) {
        abort();
    }
    memcpy(quote, answered.data, answered.size);
    if (answered.size >= sizeof(struct quote_v3_signed)) {
        memcpy(&body, quote + sizeof(struct quote_header), sizeof body);
    }
    bool covers = quote_v3_covers(BYTES(quote, answered.size), &body);
    body.reportdata[0] ^= 1;
    if (covers && (answered.size < QUOTE_V3_FIXED_SIZE ||
                   quote_v3_covers(BYTES(quote, answered.size), &body))) {
        abort();
    }
    free(quote);
}

static uint64_t from_max(unsigned number)
{
    static const uint64_t max[] = {
#define HOSTCALL(nr, name, to_host, from_host, result_max, ...) [nr] = (from_host),
#include "abi/hostcalls.def"
#undef HOSTCALL
    };
    return number < ARRAY_SIZE(max) ? max[number] : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t buffer[HOSTCALL_DATA_MAX + 64];
    if (size < 3) {
        return 0;
    }
    if (slot == NULL) {
        slot = aligned_alloc(4096, sizeof *slot);
        thread.slot = rt_host_span((host_ptr){(uint64_t)(uintptr_t)slot}, sizeof *slot, "slot");
    }
    static const unsigned numbers[] = {
#define HOSTCALL(nr, ...) (nr),
#include "abi/hostcalls.def"
#undef HOSTCALL
    };
    unsigned number = numbers[data[0] % ARRAY_SIZE(numbers)];
    size_t wanted = load_le16(data + 1);
    wanted = wanted < from_max(number) ? wanted : from_max(number);
    answer = BYTES(data + 3, size - 3);
    memset(buffer, 0xa5, sizeof buffer);
    if (setjmp(stopped) == 0) {
        int64_t r = rt_hostcall(number, (const uint64_t[HOSTCALL_ARGS]){0}, BYTES(NULL, 0), buffer, wanted);
        check(number, r, buffer, wanted);
        if (number == HOSTCALL_quote && r > 0) {
            look_at_quote(BYTES(buffer, (size_t)r));
        }
    }
    return 0;
}
