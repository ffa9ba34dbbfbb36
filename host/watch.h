/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the host library: what is seen of a run while it goes on, for --trace=host, --perf and
 * --stats. The numbers lie in memory that the supervisor shares with all enclave processes of the
 * run, so that they outlive whichever of them dies. Trust: an enclave process may write any number
 * here; they are shown to people and nothing else depends on them. */
#pragma once

#include <stdatomic.h>
#include <stdio.h>

#include "abi/limits.h"
#include "abi/report.h"
#include "host/host.h"
#include "host/trace.h"

#define WATCH_HOSTCALLS 64u

struct watch_count {
    _Atomic uint64_t count, ns, max_ns, to_bytes, from_bytes;
};

struct host_watch {
    _Atomic uint64_t processes, entries, resumes, exceptions;
    struct watch_count hostcalls[WATCH_HOSTCALLS];
    struct watch_count calls[TRACE_CALLS];
    _Atomic uint64_t stats[sizeof(struct report_stats) / 8];
    _Atomic uint64_t mount_size[MANIFEST_MOUNTS_MAX], mount_peak[MANIFEST_MOUNTS_MAX];
    _Atomic bool debugger_over;
    _Atomic bool reported; /* some process of the run came to a report */
};

struct host_thread;

static inline void host_watch_entry(struct host_watch *w, unsigned leaf)
{
    if (w != NULL) {
        atomic_fetch_add_explicit(leaf == ENCLU_ERESUME ? &w->resumes : &w->entries, 1,
                                  memory_order_relaxed);
    }
}

/* NULL when memory is exhausted. Shared with processes that are forked afterwards. */
struct host_watch *host_watch_new(void);
uint64_t host_watch_now(void);
/* A hostcall was answered; it came at start_ns. Counts it and shows it if that is asked for. */
void host_watch_hostcall(struct host_thread *t, const struct hostcall_slot *s, uint64_t start_ns);
/* One that is not answered. */
void host_watch_last(struct host_thread *t, const struct hostcall_slot *s);
/* Stream 4 of console_write: structures of abi/report.h. What is none is ignored. */
void host_watch_report(struct host_watch *w, const uint8_t *data, size_t size);
/* The tables of --perf and --stats. */
void host_perf_print(const struct host_watch *w, bool calls_too, FILE *out);
void host_stats_print(const struct host_watch *w, const struct manifest *m, FILE *out);
