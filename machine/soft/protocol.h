/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between the enclave process and its microcode helper: a SOCK_SEQPACKET socketpair, one
 * record per message, host byte order (both run on one machine). Building is one-way in batches;
 * EINIT, EREPORT and EGETKEY are answered. */
#pragma once

#include "abi/sgx.h"
#include "base/diag.h"

#define MICROCODE_FD 3 /* the socket's number in the helper */
#define MC_RECORDS   1024u
#define MC_PAGES_MAX (1u << 20) /* 4 GiB of pages before EINIT: far beyond any measured image */

enum mc_type { MC_CREATE = 1, MC_BUILD, MC_INIT, MC_REPORT, MC_GETKEY };

/* EADD: content lies in the staging file at slot * 4096, slots in the order of EADD. EEXTEND: 256
 * bytes at offset. A record may be an EADD followed by EEXTENDs of the page's chunks in ascending
 * order (bits of chunks). */
struct mc_record {
    uint64_t offset; /* EADD: page; EEXTEND: 256-byte chunk */
    uint64_t flags;  /* SECINFO.FLAGS of an EADD */
    uint32_t slot;
    uint16_t chunks;
    uint16_t is_extend;
};

struct mc_create { /* carries the descriptor of the staging file, complete and sealed */
    uint32_t type, reserved;
    struct sgx_secs secs;
};
struct mc_build {
    uint32_t type, count;
    struct mc_record records[MC_RECORDS];
};
struct mc_init {
    uint32_t type, reserved;
    struct sgx_sigstruct sigstruct;
};
struct mc_init_reply {
    int32_t error; /* 0 or -errno */
    uint32_t handle;
    uint8_t mrenclave[32];
    struct diag diag;
};
struct mc_report {
    uint32_t type, handle;
    struct sgx_targetinfo target;
    uint8_t reportdata[64];
};
struct mc_report_reply {
    int32_t error;
    uint32_t reserved[3];
    struct sgx_report report;
};
struct mc_getkey {
    uint32_t type, handle;
    uint64_t reserved[7];
    struct sgx_keyrequest request;
};
struct mc_getkey_reply {
    int32_t error; /* an enum sgx_error, or -errno for a broken request */
    uint8_t key[16];
};
