/* SPDX-License-Identifier: Apache-2.0 */
/* The hostcall slot: a page-aligned record in host memory, one per thread, through which every
 * exchange between an enclave thread and the host passes. The enclave copies in and out of it once
 * and never reads a field twice. */
#pragma once

#include "abi/limits.h"
#include "abi/yard.h"
#include "base/attr.h"

/* In mem_map's protection: the enclave fills the whole range at once, so its memory may be found ahead. */
#define HOSTCALL_MAP_SOON UINT64_C(0x100)

#define HOSTCALL_DATA_MAX 65536u
#define HOSTCALL_ARGS     6u

enum hostcall_number {
#define HOSTCALL(number, name, to_host, from_host, result_max, ...) HOSTCALL_##name = (number),
#include "abi/hostcalls.def"
#undef HOSTCALL
};

struct hostcall_slot {
    uint64_t number; /* enum hostcall_number; written by the enclave */
    uint64_t args[HOSTCALL_ARGS];
    int64_t result;     /* written by the host */
    uint64_t to_size;   /* bytes of data to the host */
    uint64_t from_size; /* bytes of data from the host */
    uint64_t thread;    /* number of the thread that owns the slot: enclave's choice, host's echo */
    uint8_t reserved[4096 - 8 * (5 + HOSTCALL_ARGS)];
    uint8_t data[HOSTCALL_DATA_MAX];
};
_Static_assert(offsetof(struct hostcall_slot, data) == 4096, "data starts on its own page");

/* How an enclave ended; args[1] is the exit status, the signal, or nothing. */
enum exit_kind {
    EXIT_STATUS = 0,   /* the workload's exit status */
    EXIT_SIGNAL = 1,   /* the workload's fatal signal */
    EXIT_REFUSED = 2,  /* the runtime refused before the workload ran: text went to console 2 */
    EXIT_RUNTIME = 3,  /* the runtime stopped: hostile answer or internal error */
};
