/* SPDX-License-Identifier: Apache-2.0 */
/* What the host hands to the runtime at the first entry. The enclave copies it once and believes
 * none of it: sizes are range-checked, the manifest must hash to CONFIGID, layers to their roots. */
#pragma once

#include "abi/limits.h"
#include "base/attr.h"

#define BOOT_MAGIC UINT64_C(0x31746f6f62636c61) /* "alcboot1" */

struct boot_layer {
    uint64_t addr; /* host address where EROFS image and hash tree are mapped, page aligned */
    uint64_t size; /* of the whole mapping */
};

/* One CPUID answer of the host's processor. The enclave keeps allow-listed leaves only, overrides
 * what its own XFRM and needs say, and serves the workload from the result. */
struct boot_cpuid {
    uint32_t leaf, subleaf;
    uint32_t eax, ebx, ecx, edx;
};
#define BOOT_CPUID_MAX 64u
#define TRACE_CALLS    512u /* above every number that Linux has assigned */

struct boot_record {
    uint64_t magic;
    uint64_t manifest_addr;
    uint64_t manifest_size;
    uint64_t layer_count;
    struct boot_layer layers[MANIFEST_LAYERS_MAX];
    uint64_t input_count;
    uint64_t input_size[MANIFEST_FILES_MAX]; /* by the manifest's order; UINT64_MAX: not given */
    uint64_t slot_addr;                      /* hostcall slot of the first thread */
    uint64_t trace;   /* bits of enum trace_class; honoured only when the manifest says debug */
    uint64_t trace_calls[TRACE_CALLS / 64]; /* with TRACE_SYS: which system calls, by number */
    uint64_t want_evidence; /* nonzero: claims and a report are made at exit */
    uint64_t nonce_size;
    uint8_t nonce[NONCE_MAX];
    /* Clock: at time-stamp counter `tsc` the host's clocks showed these, and it ticks at tsc_hz. */
    uint64_t tsc, tsc_hz, realtime_ns, monotonic_ns;
    /* The tree's yard (abi/yard.h); address 0: none, and no other process. Slot 0 is the owner's. */
    uint64_t yard_addr, yard_slot;
    uint64_t cpu_count;
    uint64_t cpuid_count;
    struct boot_cpuid cpuid[BOOT_CPUID_MAX];
};

/* SYS: the calls of trace_calls. HOST is the host's own doing. STATS and PERF: reports at the end
 * (abi/report.h), PERF also measures the time of every call. */
enum trace_class {
    TRACE_SYS = 1,
    TRACE_HOST = 2,
    TRACE_MM = 4,
    TRACE_SIGNAL = 8,
    TRACE_STATS = 16,
    TRACE_PERF = 32,
};
