/* SPDX-License-Identifier: Apache-2.0 */
/* From the workload's registers to the function that serves a system call, and back. Every call
 * passes here, so the way of a call that needs no lock is kept to a handful of instructions; lock,
 * traces and signals are beside it.
 *
 * The adversary: the workload chooses every register. Numbers are bounds-checked before they index,
 * arguments become typed values here and pointers stay app_ptr. The host does not take part. */
#include <errno.h>

#include "mm.h"
#include "process.h"
#include "signals.h"
#include "timers.h"

struct call {
    int64_t (*thunk)(const struct rt_frame *f);
    bool locked;
};

struct call_text {
    const char *name;
    uint8_t count;
    uint8_t types[6]; /* enum sys_type */
    const char *arguments[6];
};

/* ---- expansion of the table
 * ---------------------------------------------------------------------- */

#define FROM_int(r)   ((int)(uint32_t)(r))
#define FROM_uint(r)  ((uint32_t)(r))
#define FROM_fd(r)    ((int)(uint32_t)(r))
#define FROM_flags(r) ((uint32_t)(r))
#define FROM_mode(r)  ((uint32_t)(r))
#define FROM_size(r)  (r)
#define FROM_off(r)   ((int64_t)(r))
#define FROM_u64(r)   (r)
#define FROM_addr(r)  (r)
#define FROM_sig(r)   ((int)(uint32_t)(r))
#define FROM_tid(r)   ((int)(uint32_t)(r))
#define FROM_in(r)    app_at(r)
#define FROM_out(r)   app_at(r)
#define FROM_inout(r) app_at(r)
#define FROM_path(r)  app_at(r)

#define PASS0()
#define PASS1(t1, a1)                         FROM_##t1(f->rdi)
#define PASS2(t1, a1, t2, a2)                 PASS1(t1, a1), FROM_##t2(f->rsi)
#define PASS3(t1, a1, t2, a2, t3, a3)         PASS2(t1, a1, t2, a2), FROM_##t3(f->rdx)
#define PASS4(t1, a1, t2, a2, t3, a3, t4, a4) PASS3(t1, a1, t2, a2, t3, a3), FROM_##t4(f->r10)
#define PASS5(t1, a1, t2, a2, t3, a3, t4, a4, t5, a5)                                              \
    PASS4(t1, a1, t2, a2, t3, a3, t4, a4), FROM_##t5(f->r8)
#define PASS6(t1, a1, t2, a2, t3, a3, t4, a4, t5, a5, t6, a6)                                      \
    PASS5(t1, a1, t2, a2, t3, a3, t4, a4, t5, a5), FROM_##t6(f->r9)
#define PASS(...) SYS_GLUE(PASS, SYS_COUNT(__VA_ARGS__))(__VA_ARGS__)

#define SYSCALL(number, name, status, ...)                                                         \
    static int64_t thunk_##name(const struct rt_frame *f)                                          \
    {                                                                                              \
        (void)f;                                                                                   \
        return sys_##name(PASS(__VA_ARGS__));                                                      \
    }
#define SYSCALL_FREE SYSCALL
#define DENIED(number, name, error)                                                                \
    static int64_t thunk_##name(const struct rt_frame *f)                                          \
    {                                                                                              \
        (void)f;                                                                                   \
        return -(error);                                                                           \
    }
#define NOTE(name, text)
#include "libos/syscalls.def"

static const struct call calls[SYS_NUMBERS] = {
#define SYSCALL(number, name, status, ...)      [number] = {thunk_##name, true},
#define SYSCALL_FREE(number, name, status, ...) [number] = {thunk_##name, false},
#define DENIED(number, name, error)             [number] = {thunk_##name, false},
#define NOTE(name, text)
#include "libos/syscalls.def"
};

#define TYPES0()          0
#define TYPES1(t, a)      SYS_##t
#define TYPES2(t, a, ...) SYS_##t, TYPES1(__VA_ARGS__)
#define TYPES3(t, a, ...) SYS_##t, TYPES2(__VA_ARGS__)
#define TYPES4(t, a, ...) SYS_##t, TYPES3(__VA_ARGS__)
#define TYPES5(t, a, ...) SYS_##t, TYPES4(__VA_ARGS__)
#define TYPES6(t, a, ...) SYS_##t, TYPES5(__VA_ARGS__)
#define TYPES(...)        SYS_GLUE(TYPES, SYS_COUNT(__VA_ARGS__))(__VA_ARGS__)
#define NAMES0()          NULL
#define NAMES1(t, a)      #a
#define NAMES2(t, a, ...) #a, NAMES1(__VA_ARGS__)
#define NAMES3(t, a, ...) #a, NAMES2(__VA_ARGS__)
#define NAMES4(t, a, ...) #a, NAMES3(__VA_ARGS__)
#define NAMES5(t, a, ...) #a, NAMES4(__VA_ARGS__)
#define NAMES6(t, a, ...) #a, NAMES5(__VA_ARGS__)
#define NAMES(...)        SYS_GLUE(NAMES, SYS_COUNT(__VA_ARGS__))(__VA_ARGS__)

static const struct call_text texts[SYS_NUMBERS] = {
#define SYSCALL(number, name_, status, ...)                                                        \
    [number] = {.name = #name_,                                                                    \
                .count = SYS_COUNT(__VA_ARGS__),                                                   \
                .types = {TYPES(__VA_ARGS__)},                                                     \
                .arguments = {NAMES(__VA_ARGS__)}},
#define SYSCALL_FREE                 SYSCALL
#define DENIED(number, name_, error) [number] = {.name = #name_},
#define NOTE(name, text)
#include "libos/syscalls.def"
};

static const char *const all_names[SYS_NUMBERS] = {
#define SYSCALL_NAME(number, name) [number] = #name,
#include "libos/syscall_names.def"
#undef SYSCALL_NAME
};

static const char *const errno_names[] = {
#define ERRNO_NAME(number, name) [number] = #name,
#include "libos/errno_names.def"
#undef ERRNO_NAME
};

/* ---- memory that comes when it is touched
 * --------------------------------------------------------- */

#define REACH_UNKNOWN 65536u /* of a pointer whose size no argument tells */

/* A call failed for want of memory that a fault of the workload would have brought: brings what its
 * pointers reach. Calls look at their memory before they act, so one that failed can be made again.
 */
static bool page_in_arguments(const struct rt_frame *f, uint64_t number)
{
    const uint64_t values[6] = {f->rdi, f->rsi, f->rdx, f->r10, f->r8, f->r9};
    const struct call_text *text = &texts[number];
    uint64_t reach = REACH_UNKNOWN;
    bool any = false;
    for (unsigned i = 0; i < text->count; i++) {
        if (text->types[i] == SYS_size && values[i] > reach) {
            reach = values[i];
        }
    }
    for (unsigned i = 0; i < text->count; i++) {
        if (text->types[i] >= SYS_in) {
            any = mm_page_in_range(values[i], reach) || any;
        }
    }
    return any;
}

/* ---- traces -------------------------------------------------------------------------------------
 */

static bool tracing; /* fixed at start: the test must cost nothing */

const char *dispatch_errno_name(int error)
{
    if (error > 0 && (size_t)error < ARRAY_SIZE(errno_names) && errno_names[error] != NULL) {
        return errno_names[error];
    }
    return "?";
}

#define TRACE_LINE 512u
#define TRACE_PATH 128u

struct line {
    char text[TRACE_LINE];
    size_t size;
};

static void PRINTF(2, 3) add(struct line *l, const char *format, ...)
{
    __builtin_va_list args;
    __builtin_va_start(args, format);
    size_t wanted = base_vformat(l->text + l->size, TRACE_LINE - l->size, format, args);
    __builtin_va_end(args);
    size_t room = TRACE_LINE - l->size - 1;
    l->size += wanted < room ? wanted : room;
}

static void add_path(struct line *l, uint64_t addr)
{
    char path[TRACE_PATH];
    int64_t n = string_from_app(path, app_at(addr), sizeof path);
    if (n < 0 && n != -ENAMETOOLONG) {
        add(l, "0x%llx", (unsigned long long)addr);
        return;
    }
    path[TRACE_PATH - 1] = '\0';
    add(l, "\"%s\"%s", path, n < 0 ? "..." : "");
}

static void add_argument(struct line *l, enum sys_type type, uint64_t value)
{
    switch (type) {
    case SYS_int:
    case SYS_tid:
    case SYS_sig:
        add(l, "%d", (int)(uint32_t)value);
        break;
    case SYS_fd:
        if ((int)(uint32_t)value == -100) {
            add(l, "AT_FDCWD");
        } else {
            add(l, "%d", (int)(uint32_t)value);
        }
        break;
    case SYS_uint:
        add(l, "%u", (unsigned)value);
        break;
    case SYS_size:
        add(l, "%llu", (unsigned long long)value);
        break;
    case SYS_off:
        add(l, "%lld", (long long)value);
        break;
    case SYS_path:
        add_path(l, value);
        break;
    case SYS_flags:
    case SYS_mode:
        add(l, "0x%x", (unsigned)value);
        break;
    case SYS_u64:
    case SYS_addr:
    case SYS_in:
    case SYS_out:
    case SYS_inout:
        add(l, "0x%llx", (unsigned long long)value);
        break;
    }
}

/* Before the call, because the call may change what its arguments point at, or never return. */
static void trace_enter(struct line *l, const struct os_thread *t, uint64_t number)
{
    const struct rt_frame *f = t->frame;
    const uint64_t values[6] = {f->rdi, f->rsi, f->rdx, f->r10, f->r8, f->r9};
    const struct call_text *text = &texts[number];
    l->size = 0;
    add(l, "[%d] %s(", t->tid, text->name);
    for (unsigned i = 0; i < text->count; i++) {
        add(l, "%s%s=", i == 0 ? "" : ", ", text->arguments[i]);
        add_argument(l, (enum sys_type)text->types[i], values[i]);
    }
}

static void trace_leave(struct line *l, int64_t result)
{
    if (result < 0 && result >= -4095) {
        add(l, ") = %lld %s", (long long)result, dispatch_errno_name((int)-result));
    } else if (result > 4096 * 16) {
        add(l, ") = 0x%llx", (unsigned long long)result);
    } else {
        add(l, ") = %lld", (long long)result);
    }
    rt_trace("%s", l->text);
}

static int64_t make_call(const struct os_thread *t, uint64_t number)
{
    if (!calls[number].locked) {
        return calls[number].thunk(t->frame);
    }
    os_lock();
    int64_t result = calls[number].thunk(t->frame);
    os_unlock();
    return result;
}

static int64_t call(const struct os_thread *t, uint64_t number)
{
    int64_t result = make_call(t, number);
    if (__builtin_expect(result == -EFAULT, 0) && mm_has_lazy()) {
        os_lock();
        bool came = page_in_arguments(t->frame, number);
        os_unlock();
        result = came ? make_call(t, number) : result;
    }
    return result;
}

static int64_t traced_call(const struct os_thread *t, uint64_t number)
{
    struct line l;
    trace_enter(&l, t, number);
    if (texts[number].count == 1 && number == 231) { /* exit_group does not come back */
        rt_trace("%s)", l.text);
    }
    int64_t result = call(t, number);
    trace_leave(&l, result);
    return result;
}

static int64_t unknown_call(const struct os_thread *t, uint64_t number)
{
    const char *name = number < SYS_NUMBERS ? all_names[number] : NULL;
    uint64_t *counter = number < SYS_NUMBERS ? &os.unknown[number] : &os.unknown_high;
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
    if (tracing) {
        rt_trace("[%d] %s (system call %llu) is not implemented: ENOSYS", t->tid,
                 name != NULL ? name : "?", (unsigned long long)number);
    }
    return -ENOSYS;
}

void dispatch_start(void)
{
    tracing = rt_tracing(TRACE_SYS);
}

void dispatch_summary(void)
{
    if (!tracing) {
        return;
    }
    for (size_t i = 0; i < SYS_NUMBERS; i++) {
        uint64_t count = os.calls_gone[i];
        for (const struct os_thread *t = os.threads; t != NULL; t = t->next) {
            count += t->calls[i];
        }
        if (count != 0) {
            rt_trace("calls: %8llu %s", (unsigned long long)count, texts[i].name);
        }
    }
    for (size_t i = 0; i < SYS_NUMBERS; i++) {
        if (os.unknown[i] != 0) {
            rt_trace("not implemented: %llu times %s (%zu)", (unsigned long long)os.unknown[i],
                     all_names[i] != NULL ? all_names[i] : "?", i);
        }
    }
    if (os.unknown_high != 0) {
        rt_trace("not implemented: %llu times a number above %u",
                 (unsigned long long)os.unknown_high, SYS_NUMBERS);
    }
}

/* ---- the way in and out
 * ----------------------------------------------------------------------------- */

#define SYS_RT_SIGRETURN 15u

void door_syscall(struct rt_frame *frame)
{
    struct os_thread *t = rt_self_data();
    uint64_t number = frame->rax;
    int64_t result;

    t->frame = frame;
    if (__builtin_expect(number >= SYS_NUMBERS || calls[number].thunk == NULL, 0)) {
        result = unknown_call(t, number);
    } else {
        t->calls[number]++;
        if (__builtin_expect(tracing, 0)) {
            result = traced_call(t, number);
        } else {
            result = call(t, number);
        }
    }
    frame->rax = (uint64_t)result;
    if (__builtin_expect(__atomic_load_n(&t->attention, __ATOMIC_RELAXED) != 0 || timer_armed(),
                         0)) {
        /* A restored context is complete already: its rax says nothing about a call. */
        signal_return_to_workload(t, number == SYS_RT_SIGRETURN ? SIGNAL_NO_CALL : number);
    }
}
