/* SPDX-License-Identifier: Apache-2.0 */
/* What a debug enclave tells of itself at its end when the boot record asked for it (TRACE_STATS,
 * TRACE_PERF): arrays of one of these structures as hostcall console_write, stream 4. */
#pragma once

#include "base/attr.h"

/* REPORT(field, how reports of several processes of a tree are put together: MAXIMUM or SUM) */
#define REPORT_FIELDS(REPORT)                                                                      \
    REPORT(memory_limit, MAXIMUM)                                                                  \
    REPORT(memory_peak, MAXIMUM) /* bytes that counted against the limit */                        \
    REPORT(mapped_peak, MAXIMUM) /* reservations too */                                            \
    REPORT(committed, MAXIMUM)   /* pages that the host gave and has not got back */               \
    REPORT(heap_peak, MAXIMUM)   /* the runtime's own, bytes */                                    \
    REPORT(threads_limit, MAXIMUM)                                                                 \
    REPORT(threads_peak, MAXIMUM)                                                                  \
    REPORT(descriptors_peak, MAXIMUM)                                                              \
    REPORT(opens, SUM)          /* successful, of anything */                                      \
    REPORT(verified_bytes, SUM) /* blocks of layers that were read and hashed */                   \
    REPORT(calls, SUM)          /* system calls that were served inside */

struct report_stats {
    uint64_t kind; /* REPORT_STATS */
#define REPORT(field, how) uint64_t field;
    REPORT_FIELDS(REPORT)
#undef REPORT
};

struct report_mount {
    uint64_t kind;  /* REPORT_MOUNT */
    uint64_t mount; /* number in the manifest */
    uint64_t size, peak;
};

struct report_call {
    uint64_t kind;   /* REPORT_CALL */
    uint64_t number; /* of the system call */
    uint64_t count, ns, max_ns;
};

enum report_kind { REPORT_STATS = 1, REPORT_MOUNT = 2, REPORT_CALL = 3 };
