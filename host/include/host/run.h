/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a bundle once: a supervisor (the calling process) and an enclave process that is locked by
 * seccomp. The supervisor keeps what must outlive or stay outside the lock: quoting, the evidence
 * file, committing outputs, the exit status. */
#pragma once

#include "host/host.h"

#define RUN_FILES_MAX MANIFEST_FILES_MAX

struct run_file {
    const char *name, *path;
};

struct run_request {
    const char *bundle;
    const char *machine; /* "soft" or "sgx" */
    bool trap_only;
    struct run_file inputs[RUN_FILES_MAX], outputs[RUN_FILES_MAX];
    size_t input_count, output_count;
    struct run_file volumes[MANIFEST_MOUNTS_MAX]; /* sealed volumes; a file that is not there is made */
    size_t volume_count;
    const char *evidence_path; /* NULL: no quote */
    struct bytes nonce;
    /* What to show (host/trace.h): bits of enum trace_class, system calls, and the file to write it to
     * (NULL: standard error). With TRACE_STATS and TRACE_PERF what was counted is written there, too,
     * when the run is over. All but TRACE_PERF is for debug bundles only. */
    uint64_t trace;
    uint64_t trace_calls[TRACE_CALLS / 64];
    const char *trace_path;
    const char *gdb; /* NULL: no debugger. "": gdb on the terminal. Else a file of commands for it */
};

struct run_result {
    enum exit_kind kind;
    uint64_t value;
    struct diag unquoted; /* why the workload got no quote when it last asked; empty: it got it */
};

/* 0 when the enclave ran to an end of its own (see ret); -EINTR when SIGINT, SIGTERM or SIGHUP
 * stopped this process's run (ret names the signal); else negative, when it could not be started or
 * died. Outputs appear at their paths only when the workload ended with status 0; until then they
 * have temporary names beside them. */
int host_run(const struct run_request *request, struct run_result *ret, struct diag *d) MUST_USE;
