/* SPDX-License-Identifier: Apache-2.0 */
/* Intel SGX architectural structures. Source: Intel SDM volume 3D, chapter "Enclave access control
 * and data structures" (section numbers beside each). Everything is little endian and packed by
 * construction; the static assertions are the manual's sizes. */
#pragma once

#include "base/attr.h"

#define SGX_PAGE_SIZE 4096u

/* ENCLU leaves (SDM 3D, chapter "SGX instruction references"). */
enum sgx_enclu {
    ENCLU_EREPORT = 0,
    ENCLU_EGETKEY = 1,
    ENCLU_EENTER = 2,
    ENCLU_ERESUME = 3,
    ENCLU_EEXIT = 4,
    ENCLU_EACCEPT = 5,
    ENCLU_EMODPE = 6,
    ENCLU_EACCEPTCOPY = 7,
    ENCLU_EDECCSSA = 9,
};

/* Error codes that ENCLS/ENCLU leaves return in RAX (SDM 3D, table "Error or information codes"). */
enum sgx_error {
    SGX_SUCCESS = 0,
    SGX_INVALID_SIG_STRUCT = 1,
    SGX_INVALID_ATTRIBUTE = 2,
    SGX_BLKSTATE = 3,
    SGX_INVALID_MEASUREMENT = 4,
    SGX_NOTBLOCKABLE = 5,
    SGX_PG_INVLD = 6,
    SGX_EPC_PAGE_CONFLICT = 7,
    SGX_INVALID_SIGNATURE = 8,
    SGX_MAC_COMPARE_FAIL = 9,
    SGX_PAGE_NOT_BLOCKED = 10,
    SGX_NOT_TRACKED = 11,
    SGX_VA_SLOT_OCCUPIED = 12,
    SGX_CHILD_PRESENT = 13,
    SGX_ENCLAVE_ACT = 14,
    SGX_ENTRYEPOCH_LOCKED = 15,
    SGX_INVALID_EINITTOKEN = 16,
    SGX_PREV_TRK_INCMPL = 17,
    SGX_PG_IS_SECS = 18,
    SGX_PAGE_ATTRIBUTES_MISMATCH = 19,
    SGX_PAGE_NOT_MODIFIABLE = 20,
    SGX_PAGE_NOT_DEBUGGABLE = 21,
    SGX_INVALID_COUNTER = 25,
    SGX_PG_NONEPC = 26,
    SGX_TRACK_NOT_REQUIRED = 27,
    SGX_INVALID_CPUSVN = 32,
    SGX_INVALID_ISVSVN = 64,
    SGX_UNMASKED_EVENT = 128,
    SGX_INVALID_KEYNAME = 256,
};

/* ATTRIBUTES.FLAGS */
#define SGX_FLAGS_INIT         (UINT64_C(1) << 0)
#define SGX_FLAGS_DEBUG        (UINT64_C(1) << 1)
#define SGX_FLAGS_MODE64BIT    (UINT64_C(1) << 2)
#define SGX_FLAGS_PROVISIONKEY (UINT64_C(1) << 4)
#define SGX_FLAGS_EINITTOKEN   (UINT64_C(1) << 5)
#define SGX_FLAGS_CET          (UINT64_C(1) << 6)
#define SGX_FLAGS_KSS          (UINT64_C(1) << 7)
#define SGX_FLAGS_AEXNOTIFY    (UINT64_C(1) << 10)

#define SGX_MISC_EXINFO 1u

struct sgx_attributes {
    uint64_t flags;
    uint64_t xfrm;
};

/* SECS: SGX enclave control structure. Unlisted bytes are reserved and zero. */
struct sgx_secs {
    uint64_t size;
    uint64_t base;
    uint32_t ssa_frame_size; /* pages */
    uint32_t miscselect;
    uint8_t reserved1[24];
    struct sgx_attributes attributes; /* offset 48 */
    uint8_t mrenclave[32];            /* 64 */
    uint8_t reserved2[32];
    uint8_t mrsigner[32]; /* 128 */
    uint8_t reserved3[32];
    uint8_t configid[64]; /* 192 */
    uint16_t isvprodid;   /* 256 */
    uint16_t isvsvn;
    uint16_t configsvn;
    uint8_t reserved4[3834];
};
_Static_assert(sizeof(struct sgx_secs) == 4096, "SECS is one page");
_Static_assert(offsetof(struct sgx_secs, configid) == 192, "SDM table of SECS");

/* TCS: thread control structure. */
struct sgx_tcs {
    uint64_t stage; /* reserved to software */
    uint64_t flags; /* bit 0: DBGOPTIN */
    uint64_t ossa;
    uint32_t cssa;
    uint32_t nssa;
    uint64_t oentry;
    uint64_t aep; /* reserved to software */
    uint64_t ofsbasgx;
    uint64_t ogsbasgx;
    uint32_t fslimit;
    uint32_t gslimit;
    uint8_t reserved[4024];
};
_Static_assert(sizeof(struct sgx_tcs) == 4096, "TCS is one page");

/* EXITINFO in the GPRSGX area: which exception caused the exit, if any. */
#define SGX_EXITINFO_VECTOR(e) ((e) & 0xffu)
#define SGX_EXITINFO_TYPE(e)   (((e) >> 8) & 7u)
#define SGX_EXITINFO_VALID     (1u << 31)
#define SGX_EXIT_HARDWARE      3u
#define SGX_EXIT_SOFTWARE      6u

/* GPRSGX: general registers, at the end of each SSA frame. */
struct sgx_gprsgx {
    uint64_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rflags, rip;
    uint64_t ursp, urbp;
    uint32_t exitinfo;
    uint8_t reserved[3];
    uint8_t aexnotify;
    uint64_t fsbase, gsbase;
};
_Static_assert(sizeof(struct sgx_gprsgx) == 184, "GPRSGX is 184 bytes");

/* EXINFO: in the MISC area right below GPRSGX when MISCSELECT.EXINFO is set. */
struct sgx_exinfo {
    uint64_t maddr;
    uint32_t errcd;
    uint32_t reserved;
};
_Static_assert(sizeof(struct sgx_exinfo) == 16, "EXINFO is 16 bytes");

enum sgx_page_type { SGX_PT_SECS = 0, SGX_PT_TCS = 1, SGX_PT_REG = 2, SGX_PT_VA = 3, SGX_PT_TRIM = 4 };
#define SGX_SECINFO_R        (UINT64_C(1) << 0)
#define SGX_SECINFO_W        (UINT64_C(1) << 1)
#define SGX_SECINFO_X        (UINT64_C(1) << 2)
#define SGX_SECINFO_PENDING  (UINT64_C(1) << 3)
#define SGX_SECINFO_MODIFIED (UINT64_C(1) << 4)
#define SGX_SECINFO_PR       (UINT64_C(1) << 5)
#define SGX_SECINFO_TYPE(t)  ((uint64_t)(t) << 8)

struct sgx_secinfo {
    uint64_t flags;
    uint8_t reserved[56];
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct sgx_secinfo) == 64, "SECINFO is 64 bytes");

struct sgx_sigstruct {
    uint8_t header[16]; /* 06000000E10000000000010000000000 */
    uint32_t vendor;
    uint32_t date; /* BCD yyyymmdd */
    uint8_t header2[16]; /* 01010000600000006000000001000000 */
    uint32_t swdefined;
    uint8_t reserved1[84];
    uint8_t modulus[384]; /* 128, little endian */
    uint32_t exponent;    /* 3 */
    uint8_t signature[384];
    uint32_t miscselect; /* 900 */
    uint32_t miscmask;
    uint8_t cet_attributes;
    uint8_t cet_attributes_mask;
    uint8_t reserved2[2];
    uint8_t isvfamilyid[16];
    struct sgx_attributes attributes; /* 928 */
    struct sgx_attributes attributemask;
    uint8_t enclavehash[32]; /* 960 */
    uint8_t reserved3[16];
    uint8_t isvextprodid[16]; /* 1008 */
    uint16_t isvprodid;
    uint16_t isvsvn;
    uint8_t reserved4[12];
    uint8_t q1[384]; /* 1040 */
    uint8_t q2[384];
} __attribute__((packed));
_Static_assert(sizeof(struct sgx_sigstruct) == 1808, "SIGSTRUCT is 1808 bytes");
_Static_assert(offsetof(struct sgx_sigstruct, enclavehash) == 960, "SIGSTRUCT.ENCLAVEHASH");
_Static_assert(offsetof(struct sgx_sigstruct, q1) == 1040, "SIGSTRUCT.Q1");

struct sgx_targetinfo {
    uint8_t mrenclave[32];
    struct sgx_attributes attributes;
    uint8_t cet_attributes;
    uint8_t reserved1;
    uint16_t configsvn;
    uint32_t miscselect;
    uint8_t reserved2[8];
    uint8_t configid[64];
    uint8_t reserved3[384];
} __attribute__((aligned(512)));
_Static_assert(sizeof(struct sgx_targetinfo) == 512, "TARGETINFO is 512 bytes");

/* The part of a REPORT that is MACed, and that a quote carries. */
struct sgx_report_body {
    uint8_t cpusvn[16];
    uint32_t miscselect;
    uint8_t cet_attributes;
    uint8_t reserved1[11];
    uint8_t isvextprodid[16];
    struct sgx_attributes attributes; /* 48 */
    uint8_t mrenclave[32];
    uint8_t reserved2[32];
    uint8_t mrsigner[32]; /* 128 */
    uint8_t reserved3[32];
    uint8_t configid[64]; /* 192 */
    uint16_t isvprodid;
    uint16_t isvsvn;
    uint16_t configsvn;
    uint8_t reserved4[42];
    uint8_t isvfamilyid[16]; /* 304 */
    uint8_t reportdata[64];
};
_Static_assert(sizeof(struct sgx_report_body) == 384, "REPORT body is 384 bytes");
_Static_assert(offsetof(struct sgx_report_body, isvfamilyid) == 304, "REPORT.ISVFAMILYID");

struct sgx_report {
    struct sgx_report_body body;
    uint8_t keyid[32];
    uint8_t mac[16];
} __attribute__((aligned(16)));
_Static_assert(sizeof(struct sgx_report) == 432, "REPORT is 432 bytes");

enum sgx_keyname {
    SGX_KEY_EINITTOKEN = 0,
    SGX_KEY_PROVISION = 1,
    SGX_KEY_PROVISION_SEAL = 2,
    SGX_KEY_REPORT = 3,
    SGX_KEY_SEAL = 4,
};
#define SGX_KEYPOLICY_MRENCLAVE    0x01u
#define SGX_KEYPOLICY_MRSIGNER     0x02u
#define SGX_KEYPOLICY_NOISVPRODID  0x04u
#define SGX_KEYPOLICY_CONFIGID     0x08u
#define SGX_KEYPOLICY_ISVFAMILYID  0x10u
#define SGX_KEYPOLICY_ISVEXTPRODID 0x20u

struct sgx_keyrequest {
    uint16_t keyname;
    uint16_t keypolicy;
    uint16_t isvsvn;
    uint8_t cet_attributes_mask;
    uint8_t reserved1;
    uint8_t cpusvn[16];
    struct sgx_attributes attributemask;
    uint8_t keyid[32];
    uint32_t miscmask;
    uint16_t configsvn;
    uint8_t reserved2[434];
} __attribute__((aligned(512)));
_Static_assert(sizeof(struct sgx_keyrequest) == 512, "KEYREQUEST is 512 bytes");
