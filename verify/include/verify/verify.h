/* SPDX-License-Identifier: Apache-2.0 */
/* libalcove-verify: the relying party's library. It answers one question about bytes that somebody
 * sent: does this evidence show what I expect, as of this time?
 *
 * One call does everything: parsing, certificate chains, revocation, TCB info, quoting enclave,
 * signatures and policy. A partial check is not on offer, because evidence of which only a part was
 * checked shows nothing. The functions are pure: no network, no files, no clock, no globals, no
 * logging. Memory and time are bounded for every input (verify/limits.h).
 *
 * Today: SGX quotes versions 3, 4 and 5 and TDX quotes versions 4 and 5 with Intel's collateral
 * (TCB info v2 and v3, QE identity v2). Sources: Intel "SGX ECDSA QuoteLibReference DCAP API" and
 * "TDX DCAP Quoting Library API", appendices A; "PCK Certificate and CRL Profile Specification";
 * PCS API v3 and v4. docs/verification.md tells the order of the checks.
 *
 * Trust: evidence and collateral come from the party that wants to be believed. Policy, time and
 * roots come from the caller; whoever controls them controls the verdict. Thread rule: all
 * functions may be called from any thread at the same time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define ALCOVE_VERIFY_API __attribute__((visibility("default")))
#else
#define ALCOVE_VERIFY_API
#endif

/* A borrowed view. data may be NULL only when size is 0. */
struct alcove_bytes {
    const uint8_t *data;
    size_t size;
};

/* Is the evidence believed? Deliberately not a number: `if (alcove_verify(...))` does not compile.
 * All bytes zero means rejected. Ask alcove_verdict_accepted(). */
struct alcove_verdict {
    uint64_t accepted_word;
};
#define ALCOVE_VERDICT_ACCEPTED UINT64_C(0x616c636f76654f4b)

static inline bool alcove_verdict_accepted(struct alcove_verdict v)
{
    return v.accepted_word == ALCOVE_VERDICT_ACCEPTED;
}

/* Why not. ALCOVE_REASON_NONE: no check failed (or none was made: read the verdict). */
enum alcove_reason {
    ALCOVE_REASON_NONE = 0,
#define REASON(name, text, explanation) ALCOVE_REASON_##name,
#include "verify/reasons.def"
#undef REASON
    ALCOVE_REASON_COUNT,
};
/* The stable name, "software-root"; NULL for values outside the enum. */
ALCOVE_VERIFY_API const char *alcove_reason_name(enum alcove_reason reason);
/* A sentence: what it means and what to do. */
ALCOVE_VERIFY_API const char *alcove_reason_explain(enum alcove_reason reason);

enum alcove_tcb_status {
    ALCOVE_TCB_NONE = 0, /* not determined */
#define STATUS(name, text) ALCOVE_TCB_##name,
#include "verify/statuses.def"
#undef STATUS
    ALCOVE_TCB_STATUS_COUNT,
};
/* Intel's name, "OutOfDate"; "none" when not determined; NULL for values outside the enum. */
ALCOVE_VERIFY_API const char *alcove_tcb_status_name(enum alcove_tcb_status status);
/* The status of that name, or ALCOVE_TCB_NONE. */
ALCOVE_VERIFY_API enum alcove_tcb_status alcove_tcb_status_by_name(const char *name);

/* ---- What the other side hands over ---------------------------------------------------------- */

/* What Intel's provisioning certification service (or a software machine) says about the platform.
 * All are needed, except pck_chain, which is read only when the quote itself carries no chain, and
 * pck_crl_chain: the list's issuer is in the PCK chain anyway, but what is handed over must fit. */
struct alcove_collateral {
    struct alcove_bytes tcb_info;      /* JSON, as the service sent it */
    struct alcove_bytes tcb_chain;     /* PEM: TCB signing certificate, root */
    struct alcove_bytes qe_identity;   /* JSON, as the service sent it */
    struct alcove_bytes qe_chain;      /* PEM; may be the same bytes as tcb_chain */
    struct alcove_bytes pck_crl;       /* DER, of the CA that issued the PCK certificate */
    struct alcove_bytes root_crl;      /* DER */
    struct alcove_bytes pck_crl_chain; /* PEM: that CA, root; may be empty */
    struct alcove_bytes pck_chain;     /* PEM: PCK certificate, intermediate, root; may be empty */
};

/* ---- What the relying party accepts ---------------------------------------------------------- */

/* An expectation is always written down. Zero is "unset" and rejects everything, so that a field
 * that somebody forgot can never be a check that nobody made. */
enum alcove_expect {
    ALCOVE_EXPECT_UNSET = 0,
    ALCOVE_EXPECT_ANY,   /* no expectation, on purpose */
    ALCOVE_EXPECT_VALUE, /* exactly this value */
};
struct alcove_expect_32 {
    enum alcove_expect mode;
    uint8_t value[32];
};
struct alcove_expect_48 {
    enum alcove_expect mode;
    uint8_t value[48];
};
struct alcove_expect_64 {
    enum alcove_expect mode;
    uint8_t value[64];
};
/* A signer admits all its programs, debug helpers and old versions too: hence always all three. */
struct alcove_expect_signer {
    enum alcove_expect mode;
    uint8_t mrsigner[32];
    uint16_t isvprodid;
    uint16_t min_isvsvn;
};

/* A root that the relying party names besides Intel's, by SHA-256 of its SubjectPublicKeyInfo. */
struct alcove_root {
    uint8_t spki_sha256[32];
};

struct alcove_policy {
    /* Named roots. Software machines are accepted only by being named here. */
    const struct alcove_root *roots;
    size_t root_count;
    bool refuse_intel_root; /* accept the named roots only */

    bool allow_debug;
    bool allow_trailing;        /* bytes after the quote: some hosts hand out whole buffers */
    uint32_t accepted_statuses; /* bits: ALCOVE_TCB_BIT(ALCOVE_TCB_UP_TO_DATE) | ... */
    uint32_t min_tcb_evaluation_number; /* of TCB info and of QE identity; 0: any that is current */

    /* Expectations must be set for the kind of evidence that is to be accepted; a policy for
     * enclaves alone leaves those of virtual machines unset, and so rejects their evidence. */
    struct alcove_expect_64 report_data;
    /* Of an SGX enclave. */
    struct alcove_expect_32 mrenclave;
    struct alcove_expect_signer signer;
    struct alcove_expect_64 configid;
    /* Of a TDX virtual machine. */
    struct alcove_expect_48 mrtd;
    struct alcove_expect_48 rtmr[4];
};
#define ALCOVE_TCB_BIT(status) (UINT32_C(1) << (status))

/* Intel's root only, no debug, UpToDate only, nothing trailing; expectations still unset. */
ALCOVE_VERIFY_API struct alcove_policy alcove_policy_strict(void);

/* Reads one certificate, PEM or DER, as a root to name. False if it is not one self-issued CA
 * certificate with a P-256 key. */
ALCOVE_VERIFY_API bool alcove_root_read(struct alcove_bytes certificate, struct alcove_root *ret);

/* ---- What was found -------------------------------------------------------------------------- */

enum alcove_evidence_kind {
    ALCOVE_EVIDENCE_NONE = 0, /* could not be told */
    ALCOVE_EVIDENCE_SGX_QUOTE,
    ALCOVE_EVIDENCE_TDX_QUOTE,
};

enum alcove_root_kind {
    ALCOVE_ROOT_NONE = 0, /* chain not readable */
    ALCOVE_ROOT_INTEL,    /* Intel's root key */
    ALCOVE_ROOT_SOFTWARE, /* says of itself that it is a software machine's; whether named or not */
    ALCOVE_ROOT_OTHER,    /* neither; whether named or not */
};

/* Length of the longest advisory id and how many are kept; a quote for which there were more is
 * rejected as tcb-info-format or qe-identity-format. */
#define ALCOVE_ADVISORY_SIZE  32
#define ALCOVE_ADVISORIES_MAX 128

/* An SGX report body, in the manual's terms (SDM 3D, "REPORT"). */
struct alcove_sgx_report {
    uint8_t cpusvn[16];
    uint32_t miscselect;
    uint8_t isvextprodid[16];
    uint64_t attributes_flags;
    uint64_t attributes_xfrm;
    uint8_t mrenclave[32];
    uint8_t mrsigner[32];
    uint8_t configid[64];
    uint16_t isvprodid;
    uint16_t isvsvn;
    uint16_t configsvn;
    uint8_t isvfamilyid[16];
    uint8_t report_data[64];
};
#define ALCOVE_SGX_FLAG_DEBUG UINT64_C(2)

/* A TD report body, in the terms of Intel's TDX module specification. */
struct alcove_td_report {
    uint8_t tee_tcb_svn[16];
    uint8_t mrseam[48];
    uint8_t mrsignerseam[48];
    uint64_t seam_attributes;
    uint64_t td_attributes;
    uint64_t xfam;
    uint8_t mrtd[48];
    uint8_t mrconfigid[48];
    uint8_t mrowner[48];
    uint8_t mrownerconfig[48];
    uint8_t rtmr[4][48];
    uint8_t report_data[64];
    bool has_1_5; /* the members below */
    uint8_t tee_tcb_svn_2[16];
    uint8_t mrservicetd[48];
};
#define ALCOVE_TD_ATTRIBUTES_DEBUG UINT64_C(0xff) /* the group "TD under debug": none may be set   \
                                                   */

/* Every field but the verdict is what the evidence says, believed only if the verdict says so.
 * Fields that could not be read are zero. */
struct alcove_result {
    struct alcove_verdict verdict;
    enum alcove_reason first_reason; /* the first check that failed */
    /* All checks that failed, of those that could still be made: see alcove_result_failed(). */
    uint64_t failed[(ALCOVE_REASON_COUNT + 63) / 64];

    enum alcove_evidence_kind kind;
    uint16_t quote_version;

    enum alcove_root_kind root_kind;
    uint8_t root_spki_sha256[32];
    uint8_t root_certificate_sha256[32];

    enum alcove_tcb_status tcb_status; /* after convergence: what the policy judges */
    enum alcove_tcb_status platform_status, qe_status;
    enum alcove_tcb_status module_status; /* of the TDX module, where it has levels of its own */
    size_t advisory_count;                /* union over these parts, sorted, unique */
    char advisories[ALCOVE_ADVISORIES_MAX][ALCOVE_ADVISORY_SIZE];

    /* Seconds since 1970; 0 when not determined. */
    int64_t tcb_date;               /* the oldest of the parts' */
    int64_t earliest_issue;         /* of TCB info, QE identity and the revocation lists */
    int64_t earliest_expiration;    /* of these and all certificates: valid until then */
    uint32_t tcb_evaluation_number; /* the lower one of TCB info's and QE identity's */

    bool has_platform; /* the PCK certificate's extension was read */
    uint8_t fmspc[6];
    uint8_t pceid[2];
    uint8_t ppid[16];
    uint8_t tcb_components[16];
    uint16_t pcesvn;

    bool has_sgx;
    struct alcove_sgx_report sgx;
    bool has_td;
    struct alcove_td_report td;
};

/* Was this check made and did it fail? */
ALCOVE_VERIFY_API bool alcove_result_failed(const struct alcove_result *r,
                                            enum alcove_reason reason);

/* The entry point. `time` is seconds since 1970, the relying party's own. *ret_result is always
 * written; its verdict is also returned. No pointer may be NULL. Needs about 100 KiB of stack. */
ALCOVE_VERIFY_API struct alcove_verdict
alcove_verify(struct alcove_bytes evidence, const struct alcove_collateral *collateral,
              const struct alcove_policy *policy, int64_t time, struct alcove_result *ret_result)
    __attribute__((warn_unused_result));

#ifdef __cplusplus
}
#endif
