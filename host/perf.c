/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers behind --perf and --stats, and the table of --perf. */
#include "watch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

struct host_watch *host_watch_new(void)
{
    void *p = mmap(NULL, sizeof(struct host_watch), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

uint64_t host_watch_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* ---- reports of enclaves ------------------------------------------------------------------------
 */

static void raise_to(_Atomic uint64_t *to, uint64_t value)
{
    uint64_t now = atomic_load(to);
    while (value > now && !atomic_compare_exchange_weak(to, &now, value)) {
    }
}

enum { MAXIMUM, SUM };

static const uint8_t how[] = {MAXIMUM, /* kind */
#define REPORT(field, way) way,
                              REPORT_FIELDS(REPORT)
#undef REPORT
};

static void add_stats(struct host_watch *w, const uint64_t *values)
{
    for (size_t i = 0; i < ARRAY_SIZE(how); i++) {
        if (how[i] == SUM) {
            atomic_fetch_add(&w->stats[i], values[i]);
        } else {
            raise_to(&w->stats[i], values[i]);
        }
    }
    atomic_store(&w->reported, true);
}

static void add_call(struct host_watch *w, const struct report_call *c)
{
    if (c->number < TRACE_CALLS) {
        atomic_fetch_add(&w->calls[c->number].count, c->count);
        atomic_fetch_add(&w->calls[c->number].ns, c->ns);
        raise_to(&w->calls[c->number].max_ns, c->max_ns);
    }
}

void host_watch_report(struct host_watch *w, const uint8_t *data, size_t size)
{
    union {
        uint64_t kind;
        struct report_stats stats;
        struct report_mount mount;
        struct report_call call;
    } r;
    static const size_t sizes[] = {0, sizeof r.stats, sizeof r.mount, sizeof r.call};
    while (size >= 8) {
        memcpy(&r.kind, data, 8);
        if (r.kind == 0 || r.kind >= ARRAY_SIZE(sizes) || sizes[r.kind] > size) {
            return;
        }
        memcpy(&r, data, sizes[r.kind]);
        data += sizes[r.kind];
        size -= sizes[r.kind];
        if (r.kind == REPORT_STATS) {
            add_stats(w, (const uint64_t *)&r.stats);
        } else if (r.kind == REPORT_CALL) {
            add_call(w, &r.call);
        } else if (r.mount.mount < MANIFEST_MOUNTS_MAX) {
            raise_to(&w->mount_size[r.mount.mount], r.mount.size);
            raise_to(&w->mount_peak[r.mount.mount], r.mount.peak);
        }
    }
}

/* ---- tables -------------------------------------------------------------------------------------
 */

struct row {
    const char *name;
    uint64_t count, ns, max_ns, to_bytes, from_bytes;
};

static int by_time(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->ns != y->ns) {
        return x->ns < y->ns ? 1 : -1;
    }
    if (x->count != y->count) {
        return x->count < y->count ? 1 : -1;
    }
    return strcmp(x->name, y->name);
}

static size_t collect(const struct watch_count *from, size_t n, const char *(*name)(unsigned),
                      struct row *rows)
{
    size_t count = 0;
    for (unsigned i = 0; i < n; i++) {
        if (atomic_load(&from[i].count) != 0) {
            rows[count++] = (struct row){name(i) != NULL ? name(i) : "?",
                                         from[i].count,
                                         from[i].ns,
                                         from[i].max_ns,
                                         from[i].to_bytes,
                                         from[i].from_bytes};
        }
    }
    qsort(rows, count, sizeof rows[0], by_time);
    return count;
}

static void print_rows(const struct row *rows, size_t count, bool bytes, FILE *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct row *r = &rows[i];
        fprintf(out, "%10lu %12.3f %12.3f %12.3f", (unsigned long)r->count, (double)r->ns / 1e6,
                (double)r->ns / (double)r->count / 1e3, (double)r->max_ns / 1e3);
        if (bytes) {
            fprintf(out, " %12lu %12lu", (unsigned long)r->to_bytes, (unsigned long)r->from_bytes);
        }
        fprintf(out, "  %s\n", r->name);
    }
}

void host_perf_print(const struct host_watch *w, bool calls_too, FILE *out)
{
    static struct row rows[TRACE_CALLS];
    size_t n = collect(w->hostcalls, WATCH_HOSTCALLS, host_trace_hostcall_name, rows);
    fprintf(out,
            "\nHostcalls, by the time that the host took (sleep included)\n"
            "     count     total ms      mean us       max us     bytes out     bytes in  name\n");
    print_rows(rows, n, true, out);
    fprintf(out, "Transitions: %lu entries, %lu resumes, %lu exceptions shown to the enclave\n",
            (unsigned long)w->entries, (unsigned long)w->resumes, (unsigned long)w->exceptions);
    if (!calls_too) {
        fprintf(out,
                "System calls are counted in debug enclaves only: build with \"debug: true\"\n");
        return;
    }
    n = collect(w->calls, TRACE_CALLS, host_trace_call_name, rows);
    fprintf(out, "\nSystem calls served inside, by time (sleep included)\n"
                 "     count     total ms      mean us       max us  name\n");
    print_rows(rows, n, false, out);
    fflush(out);
}
