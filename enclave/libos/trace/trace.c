/* SPDX-License-Identifier: Apache-2.0 */
/* System calls and signals as lines of text, for debug enclaves alone: what the workload passes
 * goes to the host here, so every line goes through rt_trace(), which is silent in every other
 * enclave.
 *
 * The adversary: the workload chooses what pointers point at, so text is copied with bounds and a
 * fault shows the address instead. */
#include "trace/trace.h"

#include <errno.h>

#include "trace/call_texts.h"

#define ERESTARTSYS 512

enum { CALL_MMAP = 9, CALL_BRK = 12, CALL_MREMAP = 25, CALL_EXIT = 60, CALL_EXIT_GROUP = 231 };

bool trace_wants(uint64_t number)
{
    return rt_tracing(TRACE_SYS) && (number >= SYS_NUMBERS || rt_tracing_call((unsigned)number));
}

static void start_line(struct trace_line *l, const struct os_thread *t)
{
    l->size = 0;
    if (t->tid == t->process->pid) {
        trace_add(l, "[%d] ", t->tid);
    } else {
        trace_add(l, "[%d:%d] ", t->process->pid, t->tid);
    }
}

void trace_enter(struct trace_line *l, const struct os_thread *t, uint64_t number)
{
    const struct rt_frame *f = t->frame;
    const uint64_t values[6] = {f->rdi, f->rsi, f->rdx, f->r10, f->r8, f->r9};
    const struct call_text *text = &call_texts[number];
    memcpy(l->values, values, sizeof values);
    l->number = number;
    start_line(l, t);
    trace_add(l, "%s(", text->name);
    for (l->next = 0; l->next < text->count && !trace_is_out(number, l->next); l->next++) {
        trace_argument(l, l->next, 0);
    }
    if (number == CALL_EXIT || number == CALL_EXIT_GROUP) { /* they do not come back */
        rt_trace("%s) = ?", l->text);
    }
}

void trace_leave(struct trace_line *l, int64_t result)
{
    for (; l->next < call_texts[l->number].count; l->next++) {
        trace_argument(l, l->next, result);
    }
    if (result == -ERESTARTSYS) {
        trace_add(l, ") = ? ERESTARTSYS");
    } else if (result < 0 && result >= -4095) {
        trace_add(l, ") = -1 %s", dispatch_errno_name((int)-result));
    } else if (l->number == CALL_MMAP || l->number == CALL_BRK || l->number == CALL_MREMAP) {
        trace_add(l, ") = 0x%llx", (unsigned long long)result);
    } else {
        trace_add(l, ") = %lld", (long long)result);
    }
    rt_trace("%s", l->text);
}

void trace_unknown(const struct os_thread *t, uint64_t number)
{
    struct trace_line l;
    const char *name = number < SYS_NUMBERS ? call_names[number] : NULL;
    start_line(&l, t);
    if (name != NULL) {
        trace_add(&l, "%s(0x%llx, 0x%llx, 0x%llx, ...)", name, (unsigned long long)t->frame->rdi,
                  (unsigned long long)t->frame->rsi, (unsigned long long)t->frame->rdx);
    } else {
        trace_add(&l, "syscall_%llu(...)", (unsigned long long)number);
    }
    rt_trace("%s = -1 ENOSYS (not implemented)", l.text);
}

void trace_signal(const struct os_thread *t, const struct signal_info *info)
{
    struct trace_line l;
    bool fault = info->signo == 11 || info->signo == 7 || info->signo == 4 || info->signo == 8;
    start_line(&l, t);
    trace_add(&l, "--- ");
    trace_signal_name(&l, info->signo);
    trace_add(&l, " {si_signo=");
    trace_signal_name(&l, info->signo);
    trace_add(&l, ", si_code=");
    trace_names(&l,
                info->signo == 11   ? TRACE_segv_code
                : info->signo == 17 ? TRACE_chld_code
                                    : TRACE_si_code,
                (uint32_t)info->code);
    if (info->signo == 17 && info->code > 0) {
        trace_add(&l, ", si_pid=%d, si_uid=%u, si_status=", info->pid, info->uid);
        if (info->code == 1 /* CLD_EXITED */) {
            trace_add(&l, "%d} ---", (int)info->value);
        } else {
            trace_signal_name(&l, (int)info->value);
            trace_add(&l, "} ---");
        }
    } else if (fault && info->code > 0) {
        trace_add(&l, ", si_addr=0x%llx} ---", (unsigned long long)info->value);
    } else {
        trace_add(&l, ", si_pid=%d, si_uid=%u} ---", info->pid, info->uid);
    }
    rt_trace("%s", l.text);
}

void trace_trampoline(const struct os_thread *t, uint64_t at, uint64_t target)
{
    struct trace_line l;
    if (!trace_wants(CALL_MMAP)) {
        return;
    }
    start_line(&l, t);
    trace_add(&l, "--- trampoline at 0x%llx to 0x%llx ---", (unsigned long long)at,
              (unsigned long long)target);
    rt_trace("%s", l.text);
}

void trace_summary(void)
{
    if (!rt_tracing(TRACE_SYS)) {
        return;
    }
    for (size_t i = 0; i < SYS_NUMBERS; i++) {
        if (os.unknown[i] != 0) {
            rt_trace("not implemented: %llu times %s (%zu)", (unsigned long long)os.unknown[i],
                     call_names[i] != NULL ? call_names[i] : "?", i);
            os.unknown[i] = 0; /* the enclave may serve another process */
        }
    }
    if (os.unknown_high != 0) {
        rt_trace("not implemented: %llu times a number above %u",
                 (unsigned long long)os.unknown_high, SYS_NUMBERS);
    }
}
