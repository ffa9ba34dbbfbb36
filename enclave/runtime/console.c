/* SPDX-License-Identifier: Apache-2.0 */
/* Text that leaves the enclave: the workload's standard streams where the manifest gives them to
 * the host, traces of debug enclaves, and the runtime's own last words. Everything here is seen by
 * the host, so the runtime never puts the workload's data in it. */
#include "thread.h"

#define EPIPE 32
#define ENXIO 6

static struct {
    bool out[3]; /* by descriptor: may it leave */
    bool debug;
    bool worker; /* the same two streams carry sealed messages, and nothing of the workload's */
    uint64_t trace; /* zeros unless the manifest says debug */
    uint64_t trace_calls[TRACE_CALLS / 64];
} console;

void rt_console_start(const struct manifest *m, const struct boot_record *boot)
{
    console.out[0] = m->stdin_host;
    console.out[1] = m->stdout_host;
    console.out[2] = m->stderr_host;
    console.worker = m->stdin_task;
    console.debug = m->debug;
    if (m->debug) {
        console.trace = boot->trace;
        __builtin_memcpy(console.trace_calls, boot->trace_calls, sizeof console.trace_calls);
    }
}

static int64_t raw_write(int fd, struct bytes data)
{
    int64_t done = 0;
    while (data.size > 0) {
        size_t n = data.size < HOSTCALL_DATA_MAX ? data.size : HOSTCALL_DATA_MAX;
        int64_t r = rt_hostcall(HOSTCALL_console_write, (const uint64_t[HOSTCALL_ARGS]){(uint64_t)fd},
                                BYTES(data.data, n), NULL, 0);
        if (r <= 0 || (uint64_t)r > n) {
            return done > 0 ? done : r < 0 ? r : -EPIPE;
        }
        done += r;
        data = BYTES(data.data + r, data.size - (size_t)r);
    }
    return done;
}

int64_t rt_console_write(int fd, struct bytes data)
{
    REQUIRE(fd == 1 || fd == 2);
    return console.out[fd] ? raw_write(fd, data) : (int64_t)data.size;
}

static int64_t raw_read(void *to, size_t n)
{
    size_t size = n < HOSTCALL_DATA_MAX ? n : HOSTCALL_DATA_MAX;
    return rt_hostcall(HOSTCALL_console_read, (const uint64_t[HOSTCALL_ARGS]){size}, BYTES(NULL, 0),
                       to, size);
}

int64_t rt_console_read(void *to, size_t n)
{
    return console.out[0] ? raw_read(to, n) : 0;
}

int64_t rt_carrier_read(void *to, size_t n)
{
    REQUIRE(console.worker);
    return raw_read(to, n);
}

int rt_carrier_write(struct bytes data)
{
    REQUIRE(console.worker);
    int64_t n = raw_write(1, data);
    return n == (int64_t)data.size ? 0 : n < 0 ? (int)n : -EPIPE;
}

bool rt_tracing(unsigned trace_class)
{
    return (console.trace & trace_class) != 0;
}

void rt_report_usage(struct bytes report)
{
    if ((console.trace & (TRACE_STATS | TRACE_PERF)) != 0) {
        ignore_result(raw_write(4, report) < 0, "a report that nobody reads is no failure");
    }
}

bool rt_tracing_call(unsigned number)
{
    return (console.trace & TRACE_SYS) != 0 && number < TRACE_CALLS &&
           (console.trace_calls[number / 64] >> number % 64 & 1) != 0;
}

void rt_trace(const char *format, ...)
{
    if (!console.debug) {
        return;
    }
    char text[1024];
    __builtin_va_list args;
    __builtin_va_start(args, format);
    size_t n = base_vformat(text, sizeof text - 1, format, args);
    __builtin_va_end(args);
    n = n < sizeof text - 2 ? n : sizeof text - 2;
    text[n] = '\n';
    ignore_result(raw_write(3, BYTES(text, n + 1)) < 0, "a trace that nobody reads is no failure");
}

static void exit_for_ever(enum exit_kind kind, uint64_t value) __attribute__((noreturn));
static void exit_for_ever(enum exit_kind kind, uint64_t value)
{
    for (;;) { /* the host may answer; there is nothing to go on with */
        HOSTCALL_SIMPLE(HOSTCALL_exit, (uint64_t)kind, value);
    }
}

void rt_exit(enum exit_kind kind, uint64_t value)
{
    ignore_result(rt_claim_end(), "whoever was first ends it; the other is parked at its hostcall");
    exit_for_ever(kind, value);
}

static void (*last_words)(struct bytes sentence);

void rt_last_words_to(void (*say)(struct bytes sentence))
{
    last_words = say;
}

static void (*stop_report)(void);

void rt_stop_report_by(void (*report)(void))
{
    stop_report = report;
}

/* Fatal paths may run while a hostcall is being checked, and saying why may fail in the same way: a
 * second death of the same thread is silent. */
static void say_and_stop(enum exit_kind kind, const char *format, __builtin_va_list args)
    __attribute__((noreturn));
static void say_and_stop(enum exit_kind kind, const char *format, __builtin_va_list args)
{
    static uint32_t dying; /* its number plus one */
    uint32_t me = rt_thread_number(rt_self()) + 1;
    ignore_result(rt_claim_end(), "a thread that is not first is parked when it tries to speak");
    if (__atomic_exchange_n(&dying, me, __ATOMIC_SEQ_CST) == me) {
        rt_leave_forever();
    }
    char text[DIAG_MAX];
    size_t n = base_vformat(text, sizeof text - 1, format, args);
    n = n < sizeof text - 2 ? n : sizeof text - 2;
    text[n] = '\n';
    if (last_words != NULL) {
        last_words(BYTES(text, n + 1));
    } else {
        ignore_result(raw_write(2, BYTES(text, n + 1)) < 0, "the end comes all the same");
        if (console.debug && stop_report != NULL) {
            stop_report();
        }
    }
    exit_for_ever(kind, 0);
}

void rt_refuse(const char *format, ...)
{
    __builtin_va_list args;
    __builtin_va_start(args, format);
    say_and_stop(EXIT_REFUSED, format, args);
}

void rt_fatal(const char *format, ...)
{
    __builtin_va_list args;
    __builtin_va_start(args, format);
    say_and_stop(EXIT_RUNTIME, format, args);
}

void base_require_failed(const char *expression, const char *file, int line)
{
    rt_fatal("internal error: %s does not hold at %s:%d", expression, file, line);
}
