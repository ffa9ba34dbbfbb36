/* SPDX-License-Identifier: Apache-2.0 */
/* libalcove-verify: the relying party's library. It answers one question about bytes that somebody
 * sent: does this evidence show what I expect, as of this time?
 *
 * One call does everything: parsing, certificate chains, revocation, TCB info, quoting enclave,
 * signatures and policy. A partial check is not on offer, because evidence of which only a part was
 * checked shows nothing. The functions are pure: no network, no files, no clock, no globals, no
 * logging. Memory and time are bounded for every input (verify/limits.h).
 *
 * Evidence of these kinds, told apart by their first bytes:
 *
 *   SGX quotes versions 3, 4, 5; TDX quotes versions 4, 5    with Intel's collateral
 *   AMD SEV-SNP attestation reports versions 2 to 5          with AMD's; also in Azure's HCL report
 *   AWS Nitro attestation documents                          which carry their certificates
 *   RA-TLS certificates around an SGX or TDX quote           with Intel's, or their own
 *
 * Sources: Intel "SGX ECDSA QuoteLibReference DCAP API" and "TDX DCAP Quoting Library API",
 * appendices A; "PCK Certificate and CRL Profile Specification"; PCS API v3 and v4; "TDX Module
 * ABI". AMD 56860 "SEV-SNP Firmware ABI", 57230 "VCEK/VLEK Certificate and KDS Interface". AWS
 * "Nitro Enclaves attestation process", RFC 9052. CCC-Attestation "Interoperable RA-TLS".
 * docs/verification.md tells the order of the checks, alcove_verify(3) each member.
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

/* What the makers of processors say about a platform: of each kind of evidence only its own part is
 * read. Empty is {NULL, 0}. alcove_bundle_select() fills this from one offline file.
 *
 * Intel (or a software machine): all are needed, except pck_chain, which is read only when the
 * quote itself carries no chain, and pck_crl_chain: the list's issuer is in the PCK chain anyway,
 * but what is handed over must fit. AMD: vek and chain, or a cert_table that holds them; the list
 * as the policy says. AWS: nothing; documents carry their certificates and AWS publishes no list to
 * check offline. */
struct alcove_collateral {
    struct alcove_bytes tcb_info;      /* JSON, as the service sent it */
    struct alcove_bytes tcb_chain;     /* PEM: TCB signing certificate, root */
    struct alcove_bytes qe_identity;   /* JSON, as the service sent it */
    struct alcove_bytes qe_chain;      /* PEM; may be the same bytes as tcb_chain */
    struct alcove_bytes pck_crl;       /* DER, of the CA that issued the PCK certificate */
    struct alcove_bytes root_crl;      /* DER */
    struct alcove_bytes pck_crl_chain; /* PEM: that CA, root; may be empty */
    struct alcove_bytes pck_chain;     /* PEM: PCK certificate, intermediate, root; may be empty */

    struct alcove_bytes
        amd_vek; /* VCEK or VLEK certificate, DER or PEM; in PEM its chain may follow */
    struct alcove_bytes amd_chain;      /* PEM: ASK or ASVK, ARK, as AMD's cert_chain answers */
    struct alcove_bytes amd_crl;        /* DER or PEM: the ARK's list */
    struct alcove_bytes amd_cert_table; /* the GHCB's table of certificates (AMD 56421); used where
                                         * the members above are empty, readable wherever given */
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

/* The bits of `mask` have exactly the values that they have in `value`; others do not matter. */
struct alcove_expect_bits {
    enum alcove_expect mode;
    uint64_t mask, value;
};

/* Exactly these bytes; VALUE with none means that the field must be absent or empty. */
struct alcove_expect_bytes {
    enum alcove_expect mode;
    struct alcove_bytes value;
};
/* A platform configuration register of a Nitro enclave; size is 32, 48 or 64. */
struct alcove_expect_pcr {
    enum alcove_expect mode;
    uint8_t size;
    uint8_t value[64];
};

/* A root that the relying party names besides the built-in ones (Intel's, AMD's, AWS's), by SHA-256
 * of its SubjectPublicKeyInfo. */
struct alcove_root {
    uint8_t spki_sha256[32];
};

/* Ids of one fixed size, one after the other: FMSPCs of 6 bytes, PPIDs of 16, chip ids of 64. ANY
 * admits all but the denied ones, VALUE only the allowed ones that are not denied. */
struct alcove_id_lists {
    enum alcove_expect allow_mode;
    const uint8_t *allowed;
    size_t allowed_count;
    const uint8_t *denied;
    size_t denied_count;
};

/* Advisories by id, "INTEL-SA-00615". With VALUE only those are tolerated that are named. */
struct alcove_advisory_lists {
    enum alcove_expect tolerate_mode;
    const char *const *tolerated;
    size_t tolerated_count;
    const char *const *refused; /* refused even where the status is accepted */
    size_t refused_count;
};

/* The security versions of an AMD platform, one by one. What a product lacks is zero. */
struct alcove_snp_tcb {
    uint8_t bootloader, tee, snp, microcode;
    uint8_t fmc; /* from Turin on */
};
struct alcove_expect_snp_tcb {
    enum alcove_expect mode;
    struct alcove_snp_tcb minimum;
};
struct alcove_expect_vmpl {
    enum alcove_expect mode;
    uint32_t value;
};

/* Must a revocation list be there? Where one is, it always counts. */
enum alcove_revocation {
    ALCOVE_REVOCATION_REQUIRED = 0,
    ALCOVE_REVOCATION_IF_GIVEN,
};

/* As of when is a Nitro document checked? Its certificates live for about three hours. */
enum alcove_nitro_time {
    ALCOVE_NITRO_TIME_UNSET = 0,
    ALCOVE_NITRO_TIME_GIVEN,       /* as of the given time: fresh evidence */
    ALCOVE_NITRO_TIME_OF_DOCUMENT, /* as of its own timestamp: stored evidence, not fresh */
};

/* Formats of RA-TLS certificates besides the interoperable one, as bits. Each binds the TLS key
 * differently and none binds a nonce. */
#define ALCOVE_RATLS_LEGACY_GRAMINE  1u /* 0.6.9.42.840.113741.1337.6: SHA-256(SPKI) */
#define ALCOVE_RATLS_LEGACY_RATS_TLS 2u /* 1.2.840.113741.1337.6: SHA-256(PKCS#1 key) */

/* Start from alcove_policy_strict(): what it sets is the strict choice; expectations stay unset. */
struct alcove_policy {
    /* Named roots. Software machines are accepted only by being named here. */
    const struct alcove_root *roots;
    size_t root_count;
    bool refuse_builtin_roots; /* accept the named roots only */

    bool
        allow_debug; /* debug enclaves, TDs under debug, SNP guests with DEBUG, Nitro's zero PCRs */
    bool allow_migration; /* TDs with MIGRATABLE, SNP guests with MIGRATE_MA: another party can move
                             them */
    bool refuse_smt;      /* platforms that say that hyperthreading is on */
    bool allow_trailing;  /* bytes after the evidence: some hosts hand out whole buffers */
    struct alcove_revocation_policy {
        enum alcove_revocation amd;
    } revocation;

    /* Intel's TCB. */
    uint32_t accepted_statuses; /* bits: ALCOVE_TCB_BIT(ALCOVE_TCB_UP_TO_DATE) | ... */
    struct alcove_advisory_lists advisories;
    uint32_t min_tcb_evaluation_number; /* of TCB info and of QE identity; 0: any that is current */
    /* At most one of the two may be above zero. */
    uint32_t collateral_grace_s; /* collateral (not the evidence's own chain) may have expired so
                                    long ago */
    uint32_t platform_grace_s;   /* OutOfDate is tolerated for so long after the level's tcbDate */

    /* Platforms. */
    struct alcove_id_lists fmspc, ppid; /* Intel: 6 and 16 bytes */
    struct alcove_id_lists chip_id;     /* AMD: 64 bytes */

    /* Expectations must be set for the kind of evidence that is to be accepted; a policy for
     * enclaves alone leaves those of virtual machines unset, and so rejects their evidence. */
    struct alcove_expect_64 report_data; /* SGX, TDX, SNP; RA-TLS and Azure bind it themselves, and
                                          * this expectation applies besides */
    /* Of an SGX enclave. */
    struct alcove_expect_32 mrenclave;
    struct alcove_expect_signer signer;
    struct alcove_expect_64 configid;
    /* Of a TDX virtual machine. */
    struct alcove_expect_48 mrtd;
    struct alcove_expect_48 rtmr[4];
    struct alcove_expect_48 mrseam;          /* strict: any module that TCB info names */
    struct alcove_expect_48 mrservicetd;     /* of TD 1.5; strict: zero, no service TD is bound */
    struct alcove_expect_bits td_attributes; /* strict: no bit that this library does not know */
    struct alcove_expect_bits td_xfam;       /* strict: any */
    /* Of an SEV-SNP guest. */
    struct alcove_expect_48 snp_measurement;
    struct alcove_expect_32 snp_host_data;
    struct alcove_expect_vmpl snp_vmpl;
    struct alcove_expect_snp_tcb snp_min_tcb; /* of REPORTED_TCB and LAUNCH_TCB */
    struct alcove_expect_32
        azure_key; /* of an Azure guest: SHA-256 of the vTPM attestation key's modulus. A VALUE also
                    * refuses SNP reports without Azure's wrapping (azure-key); SGX, TDX and Nitro
                    * it leaves alone */
    /* Of a Nitro enclave. Registers 0 to 2 must be set; strict sets the others to ANY. */
    struct alcove_expect_pcr nitro_pcr[32];
    struct alcove_expect_bytes nitro_nonce, nitro_user_data, nitro_public_key;
    enum alcove_nitro_time nitro_time;
    uint32_t nitro_max_age_s; /* how old the document may be; 0: as its certificate allows */
    uint32_t clock_skew_s;    /* how far ahead a Nitro enclave's clock may be; strict: 60 */
    /* Of an RA-TLS certificate, besides those of the quote in it. */
    struct alcove_expect_bytes ratls_nonce;
    struct alcove_expect_32 ratls_key; /* SHA-256 of the SPKI that the TLS handshake proved; ANY if
                                        * the certificate comes from the handshake itself. A VALUE
                                        * here, or a nonce that is not empty, also refuses bare SGX
                                        * and TDX quotes (ratls-key, ratls-nonce); it does not bind
                                        * SNP reports and Nitro documents: who takes these besides
                                        * has to bind a key by report_data, nitro_public_key, ... */
    uint32_t ratls_legacy;             /* bits: ALCOVE_RATLS_LEGACY_... */
};
#define ALCOVE_TCB_BIT(status) (UINT32_C(1) << (status))

/* Built-in roots only, no debug, no migration, UpToDate without advisories only, lists required,
 * nothing trailing, no grace; expectations still unset. */
ALCOVE_VERIFY_API struct alcove_policy alcove_policy_strict(void);

/* Reads one certificate, PEM or DER, as a root to name. False if it is not one CA certificate that
 * signs itself, with a key of a kind that some evidence uses. */
ALCOVE_VERIFY_API bool alcove_root_read(struct alcove_bytes certificate, struct alcove_root *ret);

/* ---- What was found -------------------------------------------------------------------------- */

enum alcove_evidence_kind {
    ALCOVE_EVIDENCE_NONE = 0, /* could not be told */
    ALCOVE_EVIDENCE_SGX_QUOTE,
    ALCOVE_EVIDENCE_TDX_QUOTE,
    ALCOVE_EVIDENCE_SNP_REPORT,
    ALCOVE_EVIDENCE_NITRO_DOCUMENT,
    ALCOVE_EVIDENCE_KIND_COUNT,
};
/* "sgx-quote", "tdx-quote", "snp-report", "nitro-document"; "none"; NULL outside the enum. */
ALCOVE_VERIFY_API const char *alcove_evidence_kind_name(enum alcove_evidence_kind kind);

/* What the evidence came in. */
enum alcove_wrapping {
    ALCOVE_WRAPPING_NONE = 0,
    ALCOVE_WRAPPING_RATLS,                 /* a certificate in the interoperable format */
    ALCOVE_WRAPPING_RATLS_LEGACY_GRAMINE,  /* accepted on request only */
    ALCOVE_WRAPPING_RATLS_LEGACY_RATS_TLS, /* accepted on request only */
    ALCOVE_WRAPPING_AZURE_HCL,             /* Azure's HCL report around an SNP report */
    ALCOVE_WRAPPING_COUNT,
};
ALCOVE_VERIFY_API const char *alcove_wrapping_name(enum alcove_wrapping wrapping);

enum alcove_root_kind {
    ALCOVE_ROOT_NONE = 0, /* chain not readable */
    ALCOVE_ROOT_INTEL,    /* Intel's root key */
    ALCOVE_ROOT_AMD,      /* the ARK of a product that this library knows */
    ALCOVE_ROOT_AWS,      /* AWS Nitro Enclaves root G1 */
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
#define ALCOVE_TD_ATTRIBUTES_DEBUG           UINT64_C(0xff) /* "TD under debug": none may be set */
#define ALCOVE_TD_ATTRIBUTES_SEPT_VE_DISABLE (UINT64_C(1) << 28)
#define ALCOVE_TD_ATTRIBUTES_MIGRATABLE      (UINT64_C(1) << 29)
/* What this library knows: the debug group, ICSSD, LASS, SEPT_VE_DISABLE, MIGRATABLE, PKS, KL, TPA,
 * PERFMON. Where MRTD and RTMRs are expected, the guest that they name is known to check for itself
 * what it needs of these (Linux refuses to run without SEPT_VE_DISABLE). */
#define ALCOVE_TD_ATTRIBUTES_KNOWN UINT64_C(0xc0000000f80100ff)

enum alcove_snp_product {
    ALCOVE_SNP_UNKNOWN = 0,
    ALCOVE_SNP_MILAN,
    ALCOVE_SNP_GENOA,
    ALCOVE_SNP_TURIN,
    ALCOVE_SNP_PRODUCT_COUNT,
};
/* "Milan"; "unknown"; NULL outside the enum. */
ALCOVE_VERIFY_API const char *alcove_snp_product_name(enum alcove_snp_product product);

/* An SEV-SNP attestation report, in the terms of AMD 56860, table "ATTESTATION_REPORT". */
struct alcove_snp_report {
    uint32_t version;
    uint32_t guest_svn;
    uint64_t policy;
    uint8_t family_id[16], image_id[16];
    uint32_t vmpl;
    uint64_t platform_info;
    bool author_key_enabled, mask_chip_key;
    bool signed_by_vlek; /* SIGNING_KEY; else VCEK */
    uint8_t report_data[64];
    uint8_t measurement[48];
    uint8_t host_data[32];
    uint8_t id_key_digest[48], author_key_digest[48];
    uint8_t report_id[32], report_id_ma[32];
    uint8_t chip_id[64];
    enum alcove_snp_product product;
    struct alcove_snp_tcb current_tcb, reported_tcb, committed_tcb, launch_tcb;
    uint8_t csp_id_size;
    char csp_id[65]; /* of a VLEK: whom AMD gave it to */
};
#define ALCOVE_SNP_POLICY_SMT        (UINT64_C(1) << 16)
#define ALCOVE_SNP_POLICY_MIGRATE_MA (UINT64_C(1) << 18)
#define ALCOVE_SNP_POLICY_DEBUG      (UINT64_C(1) << 19)
#define ALCOVE_SNP_PLATFORM_SMT      (UINT64_C(1) << 0)

/* What Azure's paravisor says besides: bound by the report's REPORTDATA. */
struct alcove_azure {
    uint8_t runtime_sha256[32]; /* of the JSON */
    uint8_t key_sha256[32]; /* of the vTPM attestation key's modulus, big endian, no leading zero */
};

#define ALCOVE_NITRO_PCRS      32
#define ALCOVE_NITRO_FIELD_MAX 1024 /* bytes of what the enclave itself puts into a document */
struct alcove_nitro_document {
    char module_id[257];
    uint64_t timestamp_ms;
    uint32_t pcr_present; /* bits */
    uint8_t pcr_size;     /* of all of them */
    uint8_t pcr[ALCOVE_NITRO_PCRS][64];
    bool has_public_key, has_user_data, has_nonce;
    uint16_t public_key_size, user_data_size, nonce_size;
    uint8_t public_key[ALCOVE_NITRO_FIELD_MAX], user_data[ALCOVE_NITRO_FIELD_MAX],
        nonce[ALCOVE_NITRO_FIELD_MAX];
};

#define ALCOVE_RATLS_NONCE_MAX 512
struct alcove_ratls {
    uint8_t spki_sha256[32]; /* of the certificate's key: whom this evidence speaks for */
    bool has_nonce;
    uint16_t nonce_size;
    uint8_t nonce[ALCOVE_RATLS_NONCE_MAX];
    int64_t not_before, not_after; /* of the certificate */
};

/* Every field but the verdict is what the evidence says, believed only if the verdict says so.
 * Fields that could not be read are zero. */
struct alcove_result {
    struct alcove_verdict verdict;
    enum alcove_reason first_reason; /* the first check that failed */
    /* All checks that failed, of those that could still be made: see alcove_result_failed(). */
    uint64_t failed[(ALCOVE_REASON_COUNT + 63) / 64];

    enum alcove_evidence_kind kind;
    enum alcove_wrapping wrapping;
    uint16_t quote_version; /* of quotes and reports; 0 otherwise */

    enum alcove_root_kind root_kind;
    uint8_t root_spki_sha256[32];
    uint8_t root_certificate_sha256[32];

    enum alcove_tcb_status tcb_status; /* after convergence: what the policy judges */
    enum alcove_tcb_status platform_status, qe_status;
    enum alcove_tcb_status module_status; /* of the TDX module, where it has levels of its own */
    size_t advisory_count;                /* union over these parts, sorted, unique */
    char advisories[ALCOVE_ADVISORIES_MAX][ALCOVE_ADVISORY_SIZE];

    /* Seconds since 1970; 0 when not determined. */
    int64_t tcb_date; /* the oldest of the parts' */
    bool collateral_grace_used,
        platform_grace_used;        /* accepted only thanks to the policy's grace */
    int64_t earliest_issue;         /* of TCB info, QE identity and the revocation lists */
    int64_t earliest_expiration;    /* of these and all certificates: valid until then */
    uint32_t tcb_evaluation_number; /* the lower one of TCB info's and QE identity's */

    bool has_platform; /* the PCK certificate's extension was read */
    uint8_t fmspc[6];
    uint8_t pceid[2];
    uint8_t ppid[16];
    uint8_t tcb_components[16];
    uint16_t pcesvn;
    /* What certificates of the Platform CA say besides; -1: does not say. */
    bool has_platform_instance;
    uint8_t platform_instance_id[16];
    int8_t dynamic_platform, cached_keys, smt_enabled;

    bool has_sgx;
    struct alcove_sgx_report sgx;
    bool has_td;
    struct alcove_td_report td;
    bool has_snp;
    struct alcove_snp_report snp;
    bool has_azure;
    struct alcove_azure azure;
    bool has_nitro;
    struct alcove_nitro_document nitro;
    bool has_ratls;
    struct alcove_ratls ratls;
};

/* Was this check made and did it fail? */
ALCOVE_VERIFY_API bool alcove_result_failed(const struct alcove_result *r,
                                            enum alcove_reason reason);

/* What these bytes claim to be: the kind of evidence, as alcove_verify() tells it, and whether it
 * is wrapped. Nothing is verified. */
ALCOVE_VERIFY_API enum alcove_evidence_kind
alcove_evidence_kind_of(struct alcove_bytes evidence, enum alcove_wrapping *ret_wrapping);

/* The entry point. `time` is seconds since 1970, the relying party's own. *ret_result is always
 * written; its verdict is also returned. No pointer may be NULL. Needs up to 256 KiB of stack. */
ALCOVE_VERIFY_API struct alcove_verdict
alcove_verify(struct alcove_bytes evidence, const struct alcove_collateral *collateral,
              const struct alcove_policy *policy, int64_t time, struct alcove_result *ret_result)
    __attribute__((warn_unused_result));

/* ---- Many of the same platforms ---------------------------------------------------------------
 * A cache remembers which signatures were found good and what signed documents say, as functions of
 * the very bytes. It remembers no verdict, no date, no policy, so it can change none: each call
 * makes every check again. One cache may be used by many threads at the same time. */
struct alcove_cache;
/* Room for about so many signatures; NULL when memory is short. */
ALCOVE_VERIFY_API struct alcove_cache *alcove_cache_new(size_t entries);
ALCOVE_VERIFY_API void alcove_cache_free(struct alcove_cache *cache); /* NULL is fine */
/* alcove_verify() with a cache; NULL: without. */
ALCOVE_VERIFY_API struct alcove_verdict
alcove_verify_cached(struct alcove_bytes evidence, const struct alcove_collateral *collateral,
                     const struct alcove_policy *policy, int64_t time, struct alcove_cache *cache,
                     struct alcove_result *ret_result) __attribute__((warn_unused_result));

#ifdef __cplusplus
}
#endif
