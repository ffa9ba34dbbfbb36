/* SPDX-License-Identifier: Apache-2.0 */
/* Traces of calls whose arguments and memory are anything: each line stays within its buffer and is
 * text. The input is number, arguments and result, then the memory that addresses below its size
 * lead to. */
#include <errno.h>
#include <stdlib.h>

#include "trace/call_texts.h"
#include "trace/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct bytes memory;

int copy_from_app(void *to, app_ptr from, size_t n)
{
    if (!range_within(from.addr, n, memory.size)) {
        return -EFAULT;
    }
    memcpy(to, memory.data + from.addr, n);
    return 0;
}

int64_t string_from_app(char *to, app_ptr from, size_t max)
{
    for (size_t i = 0; i < max; i++) {
        if (copy_from_app(to + i, app_add(from, i), 1) != 0) {
            return -EFAULT;
        }
        if (to[i] == '\0') {
            return (int64_t)i;
        }
    }
    return -ENAMETOOLONG;
}

void rt_trace(const char *format, ...)
{
    char text[1024];
    __builtin_va_list args;
    __builtin_va_start(args, format);
    size_t n = base_vformat(text, sizeof text, format, args);
    __builtin_va_end(args);
    for (size_t i = 0; i < n && i < sizeof text - 1; i++) {
        if ((uint8_t)text[i] < 0x20) {
            abort();
        }
    }
}

bool rt_tracing(unsigned trace_class)
{
    return trace_class != 0;
}

bool rt_tracing_call(unsigned number)
{
    return number < SYS_NUMBERS;
}

struct os_state os;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct process process = {.pid = 1};
    static struct rt_frame frame;
    struct os_thread t = {.process = &process, .frame = &frame, .tid = 1};
    uint64_t head[8];
    struct trace_line l;
    if (size < sizeof head) {
        return 0;
    }
    memcpy(head, data, sizeof head);
    memory = BYTES(data + sizeof head, size - sizeof head);
    frame = (struct rt_frame){.rdi = head[1],
                              .rsi = head[2],
                              .rdx = head[3],
                              .r10 = head[4],
                              .r8 = head[5],
                              .r9 = head[6]};
    const struct signal_info info = {
        .signo = (int)(head[0] >> 32), .code = (int)head[7], .value = head[1]};
    uint64_t number = (uint32_t)head[0] % SYS_NUMBERS;
    if (call_texts[number].name == NULL) {
        trace_unknown(&t, head[0]);
        return 0;
    }
    trace_enter(&l, &t, number);
    trace_leave(&l, (int64_t)head[7]);
    trace_signal(&t, &info);
    return 0;
}
