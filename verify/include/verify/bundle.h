/* SPDX-License-Identifier: Apache-2.0 */
/* Collateral bundles: one offline file with what the makers of processors say about platforms, for
 * any number of platforms and times (docs/formats/collateral.md). It is a shelf, not an authority:
 * nothing in it is believed because it is there, and what does not fit the evidence only rejects.
 *
 *   relying party:   alcove_bundle_select(bundle, evidence, time, &collateral), alcove_verify(...)
 *   who makes one:   alcove_bundle_new(), alcove_bundle_add() for each file, alcove_bundle_encode()
 *   who looks in:    alcove_bundle_valid(), alcove_bundle_next()
 *
 * Reading is pure: no files, no network, no clock, no allocation; all views point into the bundle.
 * Time is linear in the bundle, whose size is bounded (verify/limits.h); about 200 KiB of stack.
 * Trust: bundles, pieces and evidence come from anybody. Thread rule: any thread at the same time;
 * one `struct alcove_bundle` belongs to one thread at a time. */
#pragma once

#include "verify/verify.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- What is in it --------------------------------------------------------------------------- */

enum alcove_bundle_kind {
    ALCOVE_BUNDLE_AMD_CHAIN,   /* PEM: ASK or ASVK, ARK */
    ALCOVE_BUNDLE_AMD_CRL,     /* DER: of an ARK */
    ALCOVE_BUNDLE_AMD_VEK,     /* DER: VCEK or VLEK */
    ALCOVE_BUNDLE_PCK_CHAIN,   /* PEM: PCK certificate, intermediate, root */
    ALCOVE_BUNDLE_PCK_CRL,     /* DER: of an intermediate */
    ALCOVE_BUNDLE_QE_IDENTITY, /* JSON, as the service sent it */
    ALCOVE_BUNDLE_ROOT_CRL,    /* DER: of an Intel or software root */
    ALCOVE_BUNDLE_TCB_CHAIN,   /* PEM: TCB signing certificate, root */
    ALCOVE_BUNDLE_TCB_INFO,    /* JSON, as the service sent it */
    ALCOVE_BUNDLE_KINDS,
};
#define ALCOVE_BUNDLE_BIT(kind) (UINT32_C(1) << (kind))
/* "amd-chain", "tcb-info", ...; NULL outside the enum. */
ALCOVE_VERIFY_API const char *alcove_bundle_kind_name(enum alcove_bundle_kind kind);

enum alcove_bundle_tee {
    ALCOVE_BUNDLE_TEE_NONE = 0,
    ALCOVE_BUNDLE_TEE_SGX,
    ALCOVE_BUNDLE_TEE_TDX,
};

/* What an entry says about itself; nothing is verified. Zero or empty where it says nothing. */
struct alcove_bundle_entry {
    enum alcove_bundle_kind kind;
    struct alcove_bytes content;
    bool readable;              /* else it is of no use and the members below are empty */
    int64_t issued, expires;    /* seconds since 1970; of chains: of the first certificate */
    char subject[80];           /* common name of the (first) certificate */
    char issuer[80];            /* common name of its issuer, or of a list's */
    enum alcove_bundle_tee tee; /* of TCB info and QE identity */
    bool has_fmspc;             /* of TCB info and PCK chains: these two */
    uint8_t fmspc[6], pceid[2];
    uint32_t evaluation_number;      /* of TCB info and QE identity */
    uint32_t revoked_count;          /* of lists */
    enum alcove_snp_product product; /* of AMD's, by the names */
    bool is_vlek;                    /* of VEKs, and of chains that end in an ASVK */
    uint8_t chip_id_size;            /* of VCEKs: 64, or 8 from Turin on */
    uint8_t chip_id[64];
    struct alcove_snp_tcb tcb; /* of VEKs */
};

/* Has the file the form of a bundle? Only then are the functions below useful. */
ALCOVE_VERIFY_API bool alcove_bundle_valid(struct alcove_bytes bundle);

/* Steps through the entries, grouped by kind. Zero the position first. False at the end, and for
 * what is no bundle. */
struct alcove_bundle_position {
    size_t offset;
    uint32_t group, left;
};
ALCOVE_VERIFY_API bool alcove_bundle_next(struct alcove_bytes bundle,
                                          struct alcove_bundle_position *at,
                                          struct alcove_bundle_entry *ret);

/* Picks what fits this evidence (of any kind that alcove_verify() takes, wrapped or not) as of this
 * time: of what there is several times, the newest that was not issued after `time`, else the next
 * one; of certificates, one that is valid then. Makers of the same names are told apart by their
 * keys, as far as a few signatures tell: what the evidence's own chain signed comes first. Members
 * for which there is nothing are empty. Views into the bundle. False, and everything empty, if the
 * file is no bundle. */
ALCOVE_VERIFY_API bool alcove_bundle_select(struct alcove_bytes bundle,
                                            struct alcove_bytes evidence, int64_t time,
                                            struct alcove_collateral *ret);

/* ---- Is it what its maker signed? ------------------------------------------------------------ */

/* For who looks after a bundle. It says nothing about evidence: alcove_verify() makes these checks
 * and all others again, whatever was found here. */
enum alcove_bundle_signature {
    ALCOVE_BUNDLE_SIGNATURE_BAD = 0,        /* unreadable, not as it must be, or changed */
    ALCOVE_BUNDLE_SIGNATURE_SIGNER_MISSING, /* no certificate here fits, so it cannot be told. TCB
                                             * info and QE identity do not name their signer: they
                                             * may as well have been changed */
    ALCOVE_BUNDLE_SIGNATURE_UNKNOWN_ROOT, /* good, but below a root that is not built in or named */
    ALCOVE_BUNDLE_SIGNATURE_GOOD,
};
struct alcove_bundle_finding {
    enum alcove_bundle_signature signature;
    enum alcove_root_kind root_kind; /* of the last two */
    int64_t valid_from, valid_until; /* of all certificates from the signer to the root, and of a
                                      * chain's own; 0: none */
};
/* Checks the signature of an entry and the chain of its signer up to a built-in root (Intel's,
 * AMD's) or one of `roots`. Certificates of signers are looked for in the bundle `signers`, which
 * may be the entry's own; among several those that are valid at `time` win. Dates and revocation do
 * not matter. Time is linear in `signers`; needs up to 256 KiB of stack. */
ALCOVE_VERIFY_API struct alcove_bundle_finding
alcove_bundle_check(const struct alcove_bundle_entry *entry, struct alcove_bytes signers,
                    int64_t time, const struct alcove_root *roots, size_t root_count);

/* ---- Making one ------------------------------------------------------------------------------ */

struct alcove_bundle;
ALCOVE_VERIFY_API struct alcove_bundle *alcove_bundle_new(void);    /* NULL when memory is short */
ALCOVE_VERIFY_API void alcove_bundle_free(struct alcove_bundle *b); /* NULL is fine */

/* Adds what the piece is by its content, copied:
 *   TCB info or QE identity   JSON as the service sent it
 *   certificates              PEM, up to four in any order, or one in DER. What makes up a chain is
 *                             found by the names, also when it comes in several pieces
 *   revocation lists          PEM, DER, or DER in hexadecimal digits
 *   a GHCB table of certificates, another bundle, an SGX or TDX quote for its own PCK chain
 * What is there already is not added again. *ret_kinds: which kinds it held, as ALCOVE_BUNDLE_BITs;
 * none if it was understood but is of no use by itself: a CA certificate, the chain of a revocation
 * list's issuer, the identity of another enclave.
 * 0; -EINVAL: not understood; -E2BIG: too large, or the bundle would be; -ENOMEM. After an error
 * nothing but parts of the piece may have been added. */
ALCOVE_VERIFY_API int alcove_bundle_add(struct alcove_bundle *b, struct alcove_bytes piece,
                                        uint32_t *ret_kinds) __attribute__((warn_unused_result));

/* The file: sorted, so that the same entries give the same bytes in whatever order they were added.
 * Valid until the next call with `b`. Empty when memory is short. */
ALCOVE_VERIFY_API struct alcove_bytes alcove_bundle_encode(struct alcove_bundle *b);

#ifdef __cplusplus
}
#endif
