/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of system calls and the report of what a workload used. They tell the host what the
 * workload does, so rt_report_usage() lets them out of debug enclaves only. */
#include "trace/perf.h"

#include "abi/report.h"
#include "mm/mm.h"

struct counter {
    uint64_t count, ns, max_ns;
};

static struct counter *counters; /* by number; NULL: nobody measures */

void perf_prepare(void)
{
    if (rt_tracing(TRACE_PERF)) {
        counters = (struct counter *)rt_alloc(SYS_NUMBERS * sizeof *counters);
    }
}

uint64_t perf_start(void)
{
    return counters == NULL ? 0 : rt_clock_ns(1);
}

void perf_count(uint64_t number, uint64_t start)
{
    if (start == 0) {
        return;
    }
    struct counter *c = &counters[number];
    uint64_t ns = rt_clock_ns(1) - start, max = __atomic_load_n(&c->max_ns, __ATOMIC_RELAXED);
    __atomic_fetch_add(&c->count, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&c->ns, ns, __ATOMIC_RELAXED);
    while (ns > max && !__atomic_compare_exchange_n(&c->max_ns, &max, ns, false, __ATOMIC_RELAXED,
                                                    __ATOMIC_RELAXED)) {
    }
}

static void report_calls(void)
{
    for (size_t i = 0; counters != NULL && i < SYS_NUMBERS; i++) {
        if (counters[i].count != 0) {
            const struct report_call c = {.kind = REPORT_CALL,
                                          .number = i,
                                          .count = counters[i].count,
                                          .ns = counters[i].ns,
                                          .max_ns = counters[i].max_ns};
            rt_report_usage(BYTES(&c, sizeof c));
            counters[i] = (struct counter){.count = 0};
        }
    }
}

static uint64_t count_calls(void)
{
    uint64_t count = 0;
    for (size_t i = 0; i < SYS_NUMBERS; i++) {
        count += os.calls_gone[i];
        for (const struct os_thread *t = os.threads; t != NULL; t = t->next) {
            count += t->calls[i];
        }
    }
    return count;
}

static void report_mounts(void)
{
    for (size_t i = 0; i < os.manifest->mount_count; i++) {
        struct report_mount m = {.kind = REPORT_MOUNT, .mount = i};
        if (fs_mount_usage(i, &m.size, &m.peak)) {
            rt_report_usage(BYTES(&m, sizeof m));
        }
    }
}

/* An enclave serves one process after the other, and each reports: sums are of what came since. */
static void subtract_told(struct report_stats *s)
{
    static struct report_stats told;
    const struct report_stats all = *s;
    s->opens -= told.opens;
    s->verified_bytes -= told.verified_bytes;
    s->calls -= told.calls < s->calls ? told.calls : s->calls;
    told = all;
}

static void report_stats(void)
{
    const struct mm_usage mm = mm_usage();
    const struct fs_usage fs = fs_usage();
    struct report_stats s = {
        .kind = REPORT_STATS,
        .memory_limit = mm.limit,
        .memory_peak = mm.peak,
        .mapped_peak = mm.mapped_peak,
        .committed = pages_committed(APP_BASE, APP_END),
        .heap_peak = rt_heap_peak(),
        .threads_limit = os.manifest->threads,
        .threads_peak = (uint64_t)os.thread_peak,
        .descriptors_peak = fs.descriptors_peak,
        .opens = fs.opens,
        .verified_bytes = fs.verified_bytes,
        .calls = count_calls(),
    };
    subtract_told(&s);
    rt_report_usage(BYTES(&s, sizeof s));
    report_mounts();
}

void perf_report(void)
{
    if (rt_tracing(TRACE_PERF)) {
        report_calls();
    }
    if (rt_tracing(TRACE_STATS)) {
        report_stats();
    }
}
