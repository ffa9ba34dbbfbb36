/* SPDX-License-Identifier: Apache-2.0 */
/* From the workload's registers to the function that serves a system call, and back. Every call
 * passes here, so the way of a call that needs no lock is kept to a handful of instructions; lock,
 * traces and signals are beside it.
 *
 * The adversary: the workload chooses every register. Numbers are bounds-checked before they index,
 * arguments become typed values here and pointers stay app_ptr. The host does not take part. */
#include <errno.h>

#include "trace/call_texts.h"
#include "trace/fatal.h"
#include "trace/perf.h"
#include "mm/mm.h"
#include "dispatch.h"
#include "proc/call_client.h"
#include "proc/local_layers.h"
#include "process.h"
#include "libos/numbers.h"
#include "proc/shares.h"
#include "signals/signals.h"
#include "trace/trace.h"

static bool watching; /* fixed at start: the test must cost nothing */

struct call {
    int64_t (*thunk)(const struct rt_frame *f);
    bool locked;
    uint8_t where; /* enum sys_where */
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

#define SYSCALL(number, name, status, where, ...)                                                  \
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
#define SYSCALL(number, name, status, where, ...) [number] = {thunk_##name, true, SYS_##where},
#define SYSCALL_FREE(number, name, status, where, ...)                                             \
    [number] = {thunk_##name, false, SYS_##where},
#define DENIED(number, name, error) [number] = {thunk_##name, false, SYS_LOCAL},
#define NOTE(name, text)
#include "libos/syscalls.def"
};

/* ---- memory that comes when it is touched
 * --------------------------------------------------------- */

#define ROUNDS_MAX    1024u
#define REACH_UNKNOWN 65536u /* of a pointer whose size no argument tells */

/* A call failed for want of memory that a fault of the workload would have brought: brings what its
 * pointers reach. Calls look at their memory before they act, so one that failed can be made again.
 */
static bool page_in_arguments(const struct rt_frame *f, uint64_t number)
{
    const uint64_t values[6] = {f->rdi, f->rsi, f->rdx, f->r10, f->r8, f->r9};
    const struct call_text *text = &call_texts[number];
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

static int64_t make_call(const struct rt_frame *frame, uint64_t number)
{
    if (!calls[number].locked) {
        return calls[number].thunk(frame);
    }
    os_lock();
    int64_t result = calls[number].thunk(frame);
    os_unlock();
    return result;
}

/* The same call with its memory, as often as some of it comes. What came stays until the call has
 * looked, when it holds the lock. */
static int64_t make_call_again(const struct rt_frame *frame, uint64_t number, bool own)
{
    int64_t result = -EFAULT;
    bool come = true;
    for (unsigned round = 0; result == -EFAULT && come && round < ROUNDS_MAX; round++) {
        os_lock();
        int brought = share_bring();
        come = (own && page_in_arguments(frame, number)) || brought > 0;
        if (brought < 0) {
            result = brought;
        } else if (calls[number].locked) {
            result = calls[number].thunk(frame);
        }
        come = come || os_self()->away.node != NULL;
        os_unlock();
        if (brought >= 0 && come && !calls[number].locked) {
            result = make_call(frame, number);
            come = come || os_self()->away.node != NULL;
        }
    }
    return result;
}

/* Large reads and writes of the owner's own process would end early where a page of theirs is with
 * another process. */
static bool want_arguments(const struct rt_frame *f, uint64_t number)
{
    const uint64_t values[6] = {f->rdi, f->rsi, f->rdx, f->r10, f->r8, f->r9};
    const struct call_text *text = &call_texts[number];
    bool any = false;
    for (unsigned i = 0; !any && i + 1 < text->count; i++) {
        any = text->types[i] >= SYS_in && text->types[i + 1] == SYS_size && values[i] < APP_END &&
              values[i] >= APP_BASE && shares_bring_range(values[i], values[i + 1]);
    }
    return any;
}

static int64_t make_call_with_shares(const struct rt_frame *frame, uint64_t number)
{
    int brought = 1;
    os_lock();
    while (brought > 0 && want_arguments(frame, number)) {
        brought = share_bring();
    }
    int64_t result = brought < 0 ? brought : calls[number].thunk(frame);
    os_unlock();
    return result;
}

int64_t dispatch_serve(const struct rt_frame *frame, uint64_t number)
{
    if (number >= SYS_NUMBERS || calls[number].thunk == NULL || calls[number].where == SYS_LOCAL) {
        return -ENOSYS;
    }
    int64_t result = make_call(frame, number);
    return result == -EFAULT && os_self()->away.node != NULL
               ? make_call_again(frame, number, false)
               : result;
}

static int64_t call_at_owner(struct os_thread *t, uint64_t number)
{
    const struct rt_frame *f = t->frame;
    const uint64_t values[CALL_ARGS] = {f->rdi, f->rsi, f->rdx, f->r10, f->r8, f->r9};
    return call_remote(t, number, values);
}

/* For the report of a program that dies of it: few of those that make machine code say what they
 * miss. */
static void note_refused_text(const struct rt_frame *f, uint64_t number)
{
    if ((number == SYS_mmap || number == SYS_mprotect) && (f->rdx & OS_PROT_EXEC) != 0) {
        __atomic_fetch_add(&os.text_refused, 1, __ATOMIC_RELAXED);
    }
}

static int64_t call(struct os_thread *t, uint64_t number)
{
    if (__builtin_expect(t->client != NULL, 0) && calls[number].where == SYS_SHARED &&
        !local_layers_serve(t->frame, number)) {
        return call_at_owner(t, number);
    }
    int64_t result =
        __builtin_expect(__atomic_load_n(&shares_held, __ATOMIC_RELAXED) != 0, 0) &&
                calls[number].locked
            ? make_call_with_shares(t->frame, number)
            : make_call(t->frame, number);
    if (__builtin_expect(result == -EFAULT, 0) && (mm_has_lazy() || t->away.node != NULL)) {
        return make_call_again(t->frame, number, true);
    }
    if (__builtin_expect(result == -EACCES, 0)) {
        note_refused_text(t->frame, number);
    }
    return result;
}

static int64_t watched_call(struct os_thread *t, uint64_t number)
{
    struct trace_line l;
    bool shown = trace_wants(number);
    uint64_t start = perf_start();
    if (shown) {
        trace_enter(&l, t, number);
    }
    int64_t result = call(t, number);
    perf_count(number, start);
    if (shown) {
        trace_leave(&l, result);
    }
    return result;
}

static int64_t unknown_call(const struct os_thread *t, uint64_t number)
{
    uint64_t *counter = number < SYS_NUMBERS ? &os.unknown[number] : &os.unknown_high;
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
    if (watching && trace_wants(number)) {
        trace_unknown(t, number);
    }
    return -ENOSYS;
}

void dispatch_start(void)
{
    watching = rt_tracing(TRACE_SYS | TRACE_PERF);
    perf_prepare();
    rt_stop_report_by(fatal_stop_report);
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
        t->last_call = (uint16_t)number;
        if (__builtin_expect(watching, 0)) {
            result = watched_call(t, number);
        } else {
            result = call(t, number);
        }
    }
    if (__builtin_expect(number != SYS_RT_SIGRETURN, 1)) {
        frame->rax = (uint64_t)result;
    } else if (result != 0) {
        os_lock();
        signal_force_segv(t);
        os_unlock();
    }
    if (__builtin_expect(__atomic_load_n(&t->attention, __ATOMIC_RELAXED) != 0, 0)) {
        /* A restored context is complete already: its rax is no call's result. */
        signal_return_to_workload(t, number == SYS_RT_SIGRETURN ? SIGNAL_NO_CALL : number);
    }
}
