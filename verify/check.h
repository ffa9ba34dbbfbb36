/* SPDX-License-Identifier: Apache-2.0 */
/* One verification in progress: what the caller said, what was found, which checks failed, and
 * which groups of checks were made completely. Acceptance needs every group of the evidence's kind
 * *and* no failure, so that a check that is skipped by mistake rejects. */
#pragma once

#include "verify/verify.h"
#include "base/bytes.h"
#include "crypto/crypto.h"

enum check_group {
    CHECKED_POLICY,     /* the policy is complete, in general and for this kind */
    CHECKED_EVIDENCE,   /* the evidence's form */
    CHECKED_CHAIN,      /* the certificate chain of the key that signs evidence, to its root */
    CHECKED_REVOCATION, /* all lists, all certificates */
    CHECKED_SIGNATURE,  /* the evidence's own signature */
    CHECKED_EXPECTATIONS,
    /* Intel */
    CHECKED_SIGNERS, /* the chains of TCB info and QE identity */
    CHECKED_TCB_INFO,
    CHECKED_QE_IDENTITY,
    CHECKED_QE,  /* the quoting enclave */
    CHECKED_TCB, /* TCB level and status */
    /* AMD */
    CHECKED_VEK, /* the certificate is of this very chip, TCB and kind */
    /* Wrappings */
    CHECKED_WRAPPING, /* what is around the evidence is bound by it */
    CHECK_GROUPS,
};
#define CHECK_GROUP(group) (UINT32_C(1) << (group))
#define CHECK_COMMON                                                                               \
    (CHECK_GROUP(CHECKED_POLICY) | CHECK_GROUP(CHECKED_EVIDENCE) | CHECK_GROUP(CHECKED_CHAIN) |    \
     CHECK_GROUP(CHECKED_REVOCATION) | CHECK_GROUP(CHECKED_SIGNATURE) |                            \
     CHECK_GROUP(CHECKED_EXPECTATIONS))
#define CHECK_INTEL                                                                                \
    (CHECK_COMMON | CHECK_GROUP(CHECKED_SIGNERS) | CHECK_GROUP(CHECKED_TCB_INFO) |                 \
     CHECK_GROUP(CHECKED_QE_IDENTITY) | CHECK_GROUP(CHECKED_QE) | CHECK_GROUP(CHECKED_TCB))
#define CHECK_AMD (CHECK_COMMON | CHECK_GROUP(CHECKED_VEK))
#define CHECK_AWS CHECK_COMMON

struct check {
    const struct alcove_policy *policy;
    int64_t time;
    struct alcove_result *result;
    struct alcove_cache *cache; /* may be NULL */
    struct crypto crypto;
    uint32_t required; /* CHECK_GROUP bits that this kind of evidence needs; zero accepts nothing */
    uint32_t groups;   /* CHECK_GROUP bits that were made completely */
};

/* ---- The families. Each sets c->required, makes its checks and writes facts into c->result. ----
 */
void intel_check(struct check *c, struct bytes quote, const struct alcove_collateral *collateral);
void amd_check(struct check *c, struct bytes report, const struct alcove_collateral *collateral);
/* Azure's HCL report: unwraps it and calls amd_check(). */
void azure_check(struct check *c, struct bytes hcl, const struct alcove_collateral *collateral);
void aws_check(struct check *c, struct bytes document, const struct alcove_collateral *collateral);
/* An RA-TLS certificate, PEM or DER: unwraps it and calls intel_check(). */
void ratls_check(struct check *c, struct bytes certificate,
                 const struct alcove_collateral *collateral);

/* ---- Tools ---- */

/* crypto_verify(), through the cache where there is one. */
bool check_signature(struct check *c, const struct public_key *key,
                     const struct signature *signature, struct bytes message) MUST_USE;

static inline struct bytes check_view(struct alcove_bytes b)
{
    return BYTES(b.data, b.size);
}

static inline bool check_chosen(enum alcove_expect mode)
{
    return mode == ALCOVE_EXPECT_ANY || mode == ALCOVE_EXPECT_VALUE;
}

/* An unset expectation matches nothing. */
static inline bool check_expected(enum alcove_expect mode, const void *wanted, const void *found,
                                  size_t size)
{
    return mode == ALCOVE_EXPECT_ANY ||
           (mode == ALCOVE_EXPECT_VALUE && __builtin_memcmp(wanted, found, size) == 0);
}

/* The same for who has the digest already. */
bool check_digest(struct check *c, const struct public_key *key, const struct signature *signature,
                  const struct digest *digest) MUST_USE;

/* Is the root with this key hash named by the policy? */
bool check_root_named(const struct check *c, const uint8_t spki_sha256[32]) MUST_USE;

static inline void check_fail(struct check *c, enum alcove_reason reason)
{
    c->result->failed[reason / 64] |= UINT64_C(1) << (reason % 64);
}

/* Fails with this reason unless the condition holds. */
static inline void check_that(struct check *c, bool condition, enum alcove_reason reason)
{
    if (!condition) {
        check_fail(c, reason);
    }
}

static inline void check_completed(struct check *c, enum check_group group)
{
    c->groups |= CHECK_GROUP(group);
}

/* A validity period, both ends included; also notes its end for the result. */
static inline void check_period(struct check *c, int64_t from, int64_t until,
                                enum alcove_reason not_yet, enum alcove_reason expired)
{
    check_that(c, c->time >= from, not_yet);
    check_that(c, c->time <= until, expired);
    int64_t *earliest = &c->result->earliest_expiration;
    if (*earliest == 0 || until < *earliest) {
        *earliest = until;
    }
}

/* The same for collateral, whose issue date matters too. */
static inline void check_issue(struct check *c, int64_t from, int64_t until,
                               enum alcove_reason not_yet, enum alcove_reason expired)
{
    check_period(c, from, until, not_yet, expired);
    int64_t *earliest = &c->result->earliest_issue;
    if (*earliest == 0 || from < *earliest) {
        *earliest = from;
    }
}
