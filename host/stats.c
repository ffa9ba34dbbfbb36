/* SPDX-License-Identifier: Apache-2.0 */
/* The report of --stats: what a workload used, and the lines of alcove.yaml that it needs. */
#include "watch.h"

#define MIB (UINT64_C(1) << 20)

/* A quarter more than was seen, up to the next multiple: inputs differ from run to run. */
static uint64_t with_room(uint64_t seen, uint64_t multiple)
{
    uint64_t wanted = seen + seen / 4;
    return wanted == 0 ? multiple : (wanted + multiple - 1) / multiple * multiple;
}

static double mib(uint64_t bytes)
{
    return (double)bytes / (double)MIB;
}

static uint64_t hostcalls_of(const struct host_watch *w)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < WATCH_HOSTCALLS; i++) {
        sum += w->hostcalls[i].count;
    }
    return sum;
}

static struct report_stats stats_of(const struct host_watch *w)
{
    struct report_stats s = {.kind = REPORT_STATS};
    uint64_t *values = &s.kind;
    for (size_t i = 0; i < sizeof s / 8; i++) {
        values[i] = w->stats[i];
    }
    return s;
}

static void print_used(const struct host_watch *w, const struct manifest *m, FILE *out)
{
    const struct report_stats s = stats_of(w);
    fprintf(out, "\nWhat the workload used (at its most)\n");
    fprintf(out, "  memory       %10.1f MiB of %.1f MiB allowed\n", mib(s.memory_peak),
            mib(s.memory_limit));
    fprintf(out, "    mapped     %10.1f MiB with reservations\n", mib(s.mapped_peak));
    fprintf(out, "    committed  %10.1f MiB that the host gave, at the end\n", mib(s.committed));
    fprintf(out, "  runtime heap %10.1f MiB\n", mib(s.heap_peak));
    fprintf(out, "  threads      %10lu of %lu allowed\n", (unsigned long)s.threads_peak,
            (unsigned long)s.threads_limit);
    fprintf(out, "  processes    %10lu enclaves started\n", (unsigned long)w->processes);
    fprintf(out, "  descriptors  %10lu open at once, %lu opened\n",
            (unsigned long)s.descriptors_peak, (unsigned long)s.opens);
    fprintf(out, "  layers       %10.1f MiB verified\n", mib(s.verified_bytes));
    for (size_t i = 0; i < m->mount_count; i++) {
        if (m->mounts[i].kind == MOUNT_TMPFS) {
            fprintf(out, "  %-12.*s %10.1f MiB of %.1f MiB\n", (int)m->mounts[i].path.size,
                    (const char *)m->mounts[i].path.data, mib(w->mount_peak[i]),
                    mib(m->mounts[i].size));
        }
    }
    fprintf(out, "  system calls %10lu served inside; %lu hostcalls\n", (unsigned long)s.calls,
            (unsigned long)hostcalls_of(w));
}

static void print_lines(const struct host_watch *w, const struct manifest *m, FILE *out)
{
    const struct report_stats s = stats_of(w);
    fprintf(
        out,
        "\nLines for alcove.yaml (a quarter more than was used, whole MiB; threads: one more)\n");
    fprintf(out, "memory: %lu MiB\n", (unsigned long)(with_room(s.memory_peak, MIB) / MIB));
    fprintf(out, "threads: %lu\n", (unsigned long)(s.threads_peak + 1));
    bool any = false;
    for (size_t i = 0; i < m->mount_count; i++) {
        const struct manifest_mount *mount = &m->mounts[i];
        if (mount->kind == MOUNT_TMPFS) {
            fprintf(out, "%s  - {kind: tmpfs, path: %.*s, size: %lu MiB}\n", any ? "" : "mounts:\n",
                    (int)mount->path.size, (const char *)mount->path.data,
                    (unsigned long)(with_room(w->mount_peak[i], MIB) / MIB));
            any = true;
        }
    }
}

void host_stats_print(const struct host_watch *w, const struct manifest *m, FILE *out)
{
    if (!w->reported) {
        fprintf(out, "alcove: run: no statistics: the enclave ended before it could tell\n");
        return;
    }
    print_used(w, m, out);
    print_lines(w, m, out);
    fflush(out);
}
