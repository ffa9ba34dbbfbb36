/* SPDX-License-Identifier: Apache-2.0 */
/* What to show of a run, and the lines of `--trace=host`: what the enclave asks of the host, and
 * what it gets. System calls are shown by the enclave itself (enclave/libos/trace.c). */
#include "host/trace.h"

#include "enclave.h"
#include "watch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const call_names[TRACE_CALLS] = {
#define SYSCALL_NAME(number, name) [number] = #name,
#include "abi/syscall_names.def"
#undef SYSCALL_NAME
};

static const struct {
    const char *group;
    const char *calls; /* "open, openat, creat" */
} groups[] = {
#define GROUP(group, ...) {#group, #__VA_ARGS__},
#include "abi/trace_classes.def"
#undef GROUP
};

static const struct {
    const char *name;
    uint64_t bits;
} classes[] = {{"sys", TRACE_SYS | TRACE_SIGNAL},
               {"host", TRACE_HOST},
               {"signal", TRACE_SIGNAL},
               {"mm", TRACE_MM}};

static const char *const hostcall_names[WATCH_HOSTCALLS] = {
#define HOSTCALL(number, name, to_host, from_host, result_max, ...) [number] = #name,
#include "abi/hostcalls.def"
#undef HOSTCALL
};

const char *host_trace_hostcall_name(unsigned number)
{
    return number < WATCH_HOSTCALLS ? hostcall_names[number] : NULL;
}

const char *host_trace_call_name(unsigned number)
{
    return number < TRACE_CALLS ? call_names[number] : NULL;
}

/* ---- lists --------------------------------------------------------------------------------------
 */

static void choose(uint64_t calls[TRACE_CALLS / 64], unsigned number, bool on)
{
    uint64_t bit = UINT64_C(1) << number % 64;
    calls[number / 64] = on ? calls[number / 64] | bit : calls[number / 64] & ~bit;
}

static bool choose_call(uint64_t calls[TRACE_CALLS / 64], const char *name, size_t n, bool on)
{
    for (unsigned i = 0; i < TRACE_CALLS; i++) {
        if (call_names[i] != NULL && strlen(call_names[i]) == n &&
            strncmp(call_names[i], name, n) == 0) {
            choose(calls, i, on);
            return true;
        }
    }
    return false;
}

static void choose_row(uint64_t calls[TRACE_CALLS / 64], const char *row, bool on)
{
    while (*row != '\0') {
        size_t n = strcspn(row, ", ");
        REQUIRE(n == 0 || choose_call(calls, row, n, on));
        row += n + (row[n] != '\0');
    }
}

static bool is(const char *name, const char *text, size_t n)
{
    return strlen(name) == n && strncmp(name, text, n) == 0;
}

static bool select_one(const char *text, size_t n, bool on, uint64_t *ret_classes,
                       uint64_t calls[TRACE_CALLS / 64])
{
    bool known = false;
    for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
        if (is(classes[i].name, text, n)) {
            *ret_classes = on ? *ret_classes | classes[i].bits : *ret_classes & ~classes[i].bits;
            known = true;
        }
    }
    if (is("sys", text, n)) {
        memset(calls, on ? 0xff : 0, TRACE_CALLS / 8);
    }
    for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
        if (is(groups[i].group, text, n)) {
            choose_row(calls, groups[i].calls, on);
            *ret_classes |= on ? TRACE_SYS | TRACE_SIGNAL : 0;
            known = true;
        }
    }
    if (!known && choose_call(calls, text, n, on)) {
        *ret_classes |= on ? TRACE_SYS | TRACE_SIGNAL : 0;
        known = true;
    }
    return known;
}

int host_trace_select(const char *list, uint64_t *ret_classes, uint64_t calls[TRACE_CALLS / 64],
                      struct diag *d)
{
    bool first = true;
    while (*list != '\0') {
        size_t n = strcspn(list, ",");
        bool on = list[0] != '!';
        const char *text = list + (on ? 0 : 1);
        size_t size = n - (on ? 0 : 1);
        if (size > 4 && strncmp(text, "sys:", 4) == 0) {
            text += 4;
            size -= 4;
        }
        if (first && !on && !select_one("sys", 3, true, ret_classes, calls)) {
            return -EINVAL;
        }
        if (!select_one(text, size, on, ret_classes, calls)) {
            return diag_fail(
                d, -EINVAL,
                "\"%.*s\" is neither sys, host, file, desc, net, process, mm, signal nor a "
                "system call of Linux",
                (int)size, text);
        }
        first = false;
        list += n + (list[n] == ',');
    }
    return first ? diag_fail(d, -EINVAL, "nothing to trace is named") : 0;
}

/* ---- lines of hostcalls -------------------------------------------------------------------------
 */

/* The arguments that each call has, in the order of hostcalls.def; others show all that are not 0.
 */
static unsigned argument_count(const struct hostcall_slot *s)
{
    unsigned n = HOSTCALL_ARGS;
    while (n > 0 && s->args[n - 1] == 0) {
        n--;
    }
    return n;
}

/* Not by stdio: the process may be locked, and one line is one write. */
static void show(struct host_thread *t, const struct hostcall_slot *s, const char *result)
{
    char line[512];
    const char *name = s->number < WATCH_HOSTCALLS ? hostcall_names[s->number] : NULL;
    int n = snprintf(line, sizeof line, "[host %u:%u] %s(", t->enclave->config.yard_slot, t->number,
                     name != NULL ? name : "?");
    unsigned count = argument_count(s);
    for (unsigned i = 0; i < count && n < 300; i++) {
        n += snprintf(line + n, sizeof line - (size_t)n, s->args[i] < 4096 ? "%s%lu" : "%s0x%lx",
                      i == 0 ? "" : ", ", (unsigned long)s->args[i]);
    }
    if (s->to_size != 0) {
        n += snprintf(line + n, sizeof line - (size_t)n, "%s%lu bytes", count == 0 ? "" : ", ",
                      (unsigned long)s->to_size);
    }
    n += snprintf(line + n, sizeof line - (size_t)n, ") = %s\n", result);
    int fd = t->enclave->config.trace_fd;
    ignore_result(write(fd == 0 ? 2 : fd, line, (size_t)n) < 0,
                  "a trace that nobody reads is no failure");
}

static void count(struct watch_count *c, uint64_t ns)
{
    atomic_fetch_add_explicit(&c->count, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&c->ns, ns, memory_order_relaxed);
    uint64_t max = atomic_load_explicit(&c->max_ns, memory_order_relaxed);
    while (ns > max && !atomic_compare_exchange_weak(&c->max_ns, &max, ns)) {
    }
}

static bool shown(const struct host_thread *t, const struct hostcall_slot *s)
{
    return (t->enclave->config.trace & TRACE_HOST) != 0 &&
           !(s->number == HOSTCALL_console_write && s->args[0] >= 3); /* that is a trace itself */
}

void host_watch_hostcall(struct host_thread *t, const struct hostcall_slot *s, uint64_t start_ns)
{
    uint64_t ns = host_watch_now() - start_ns;
    if (s->number < WATCH_HOSTCALLS) {
        struct watch_count *c = &t->enclave->config.watch->hostcalls[s->number];
        count(c, ns);
        atomic_fetch_add_explicit(&c->to_bytes, s->to_size, memory_order_relaxed);
        atomic_fetch_add_explicit(&c->from_bytes, s->from_size, memory_order_relaxed);
    }
    if (shown(t, s)) {
        char result[64];
        const char *error = s->result < 0 ? strerrorname_np((int)-s->result) : NULL;
        if (error != NULL) {
            snprintf(result, sizeof result, "-1 %s <%lu.%03lu us>", error,
                     (unsigned long)(ns / 1000), (unsigned long)(ns % 1000));
        } else {
            snprintf(result, sizeof result, "%ld <%lu.%03lu us>", (long)s->result,
                     (unsigned long)(ns / 1000), (unsigned long)(ns % 1000));
        }
        show(t, s, result);
    }
}

void host_watch_last(struct host_thread *t, const struct hostcall_slot *s)
{
    if (s->number < WATCH_HOSTCALLS) {
        count(&t->enclave->config.watch->hostcalls[s->number], 0);
    }
    if (shown(t, s)) {
        show(t, s, "?");
    }
}
