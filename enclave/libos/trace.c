/* SPDX-License-Identifier: Apache-2.0 */
/* System calls as lines of text, for debug enclaves alone: what the workload passes goes to the
 * host here, so every line goes through rt_trace(), which is silent in every other enclave.
 *
 * The adversary: the workload chooses what pointers point at, so text is copied with bounds and a
 * fault shows the address instead. */
#include "trace.h"

#include <errno.h>

#include "call_texts.h"

#define TRACE_PATH 128u

static void PRINTF(2, 3) add(struct trace_line *l, const char *format, ...)
{
    __builtin_va_list args;
    __builtin_va_start(args, format);
    size_t wanted = base_vformat(l->text + l->size, TRACE_LINE - l->size, format, args);
    __builtin_va_end(args);
    size_t room = TRACE_LINE - l->size - 1;
    l->size += wanted < room ? wanted : room;
}

static void add_path(struct trace_line *l, uint64_t addr)
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

static void add_argument(struct trace_line *l, enum sys_type type, uint64_t value)
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

void trace_enter(struct trace_line *l, const struct os_thread *t, uint64_t number)
{
    const struct rt_frame *f = t->frame;
    const uint64_t values[6] = {f->rdi, f->rsi, f->rdx, f->r10, f->r8, f->r9};
    const struct call_text *text = &call_texts[number];
    l->size = 0;
    add(l, "[%d] %s(", t->tid, text->name);
    for (unsigned i = 0; i < text->count; i++) {
        add(l, "%s%s=", i == 0 ? "" : ", ", text->arguments[i]);
        add_argument(l, (enum sys_type)text->types[i], values[i]);
    }
    if (number == 231) { /* exit_group does not come back */
        rt_trace("%s)", l->text);
    }
}

void trace_leave(struct trace_line *l, int64_t result)
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

void trace_unknown(const struct os_thread *t, uint64_t number)
{
    const char *name = number < SYS_NUMBERS ? call_names[number] : NULL;
    rt_trace("[%d] %s (system call %llu) is not implemented: ENOSYS", t->tid,
             name != NULL ? name : "?", (unsigned long long)number);
}

void trace_summary(void)
{
    if (!rt_tracing(TRACE_SYS)) {
        return;
    }
    for (size_t i = 0; i < SYS_NUMBERS; i++) {
        uint64_t count = os.calls_gone[i];
        for (const struct os_thread *t = os.threads; t != NULL; t = t->next) {
            count += t->calls[i];
        }
        if (count != 0) {
            rt_trace("calls: %8llu %s", (unsigned long long)count, call_texts[i].name);
        }
    }
    for (size_t i = 0; i < SYS_NUMBERS; i++) {
        if (os.unknown[i] != 0) {
            rt_trace("not implemented: %llu times %s (%zu)", (unsigned long long)os.unknown[i],
                     call_names[i] != NULL ? call_names[i] : "?", i);
        }
    }
    if (os.unknown_high != 0) {
        rt_trace("not implemented: %llu times a number above %u",
                 (unsigned long long)os.unknown_high, SYS_NUMBERS);
    }
}
