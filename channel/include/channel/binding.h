/* SPDX-License-Identifier: Apache-2.0 */
/* What a service's evidence binds: REPORTDATA is the SHA-512 of a binding, which names the key that
 * messages to the service are sealed to, what the service is for, whose it is, and when or in
 * answer to what it said so. docs/formats/binding.md has the CDDL.
 *
 * Functions over bytes, callable from any thread.
 *
 * Trust: bindings, manifests and evidence come from whoever wants to be believed. Expectations and
 * the time are the caller's. */
#pragma once

#include "abi/manifest.h"
#include "base/diag.h"
#include "channel/hpke.h"
#include "verify/verify.h"

#define BINDING_DOOR_LIBOS (1u << DOOR_LIBOS)
#define BINDING_DOOR_SHIM  (1u << DOOR_SHIM)
#define BINDING_DOOR_SDK   (1u << DOOR_SDK)

enum binding_purpose {
    BINDING_PURPOSE_NONE = 0,
#define PURPOSE(name, text, doors) BINDING_PURPOSE_##name,
#include "channel/purposes.def"
#undef PURPOSE
    BINDING_PURPOSE_COUNT,
};
/* "custodian"; NULL for none and outside the enum. */
const char *binding_purpose_name(enum binding_purpose purpose);

/* A key that the service signs with, for whom a receipt must convince others. */
enum binding_signing {
    BINDING_SIGNING_NONE = 0,
    BINDING_SIGNING_ED25519, /* 32 bytes */
    BINDING_SIGNING_P256,    /* 65 bytes, uncompressed */
};
size_t binding_signing_size(enum binding_signing kind);

/* Exactly one of the two: an answer to somebody's nonce, or a statement as of a time. */
enum binding_fresh {
    BINDING_FRESH_NONE = 0, /* no binding has it */
    BINDING_FRESH_NONCE,
    BINDING_FRESH_TIME,
};

struct binding {
    enum binding_purpose purpose;
    struct hpke_public_key key;
    enum binding_signing signing;
    uint8_t signing_key[HPKE_PUBLIC_MAX];
    bool has_owner;
    uint8_t owner[BINDING_OWNER_SIZE]; /* SHA-256 of the owner's public key */
    enum binding_fresh fresh;
    struct bytes nonce; /* BINDING_NONCE_MIN to _MAX bytes; borrowed */
    uint64_t time;      /* seconds since 1970, by the enclave's clock, which its host sets */
    struct bytes
        context; /* what the purpose needs: a query's hash, a log head, a lease; borrowed */
};

/* Strict: unknown, missing, unsorted or ill-typed members, keys that are none, and trailing bytes
 * are errors. Returns 0 or -EINVAL, *ret untouched then. Views point into `cbor`. */
int binding_decode(struct bytes cbor, struct binding *ret, struct diag *d) MUST_USE;
/* -ENOSPC when out is too small, -EINVAL for what decode would refuse. */
int binding_encode(const struct binding *b, struct writer *out, struct diag *d) MUST_USE;
/* What goes into REPORTDATA: SHA-512 of the encoded binding. -EIO when the crypto library fails. */
int binding_report_data(struct bytes cbor, uint8_t ret[64]) MUST_USE;

/* ---- Is it believed? ------------------------------------------------------------------------- */

enum binding_reason {
    BINDING_REASON_NONE = 0,
#define BINDING_REASON(name, text, explanation) BINDING_REASON_##name,
#include "channel/binding_reasons.def"
#undef BINDING_REASON
    BINDING_REASON_COUNT,
};
/* "too-old"; NULL outside the enum. */
const char *binding_reason_name(enum binding_reason reason);
const char *binding_reason_explain(enum binding_reason reason);

/* What an enclave's evidence says, verified. All bytes zero is "not verified". */
struct binding_facts {
    struct alcove_verdict verdict;
    bool
        sgx; /* an SGX enclave's own report: neither a virtual machine's nor one in a certificate */
    bool debug;
    uint8_t report_data[64], configid[64];
};
/* Of a quote that alcove_verify() judged. For a REPORT whose MAC an enclave checked by itself
 * (local attestation), that enclave fills the facts. */
struct binding_facts binding_facts_of(const struct alcove_result *verified);

/* Expectations are explicit: zero rejects. */
enum binding_expect_owner {
    BINDING_OWNER_UNSET = 0,
    BINDING_OWNER_NONE,  /* nobody's: not claimed yet, or an aggregator */
    BINDING_OWNER_SOME,  /* somebody's, whosever: the caller looks at it */
    BINDING_OWNER_VALUE, /* this one's */
};
enum binding_expect_fresh {
    BINDING_EXPECT_FRESH_UNSET = 0,
    BINDING_EXPECT_NONCE, /* an answer to exactly this nonce, which was made for this and is random
                           */
    BINDING_EXPECT_AGE,   /* at most max_age_s old, for who was asleep when it was asked */
};
struct binding_expectation {
    enum binding_purpose purpose; /* there is no "any": who asks knows whom */
    enum binding_expect_owner owner_mode;
    uint8_t owner[BINDING_OWNER_SIZE];
    enum binding_expect_fresh fresh_mode;
    struct bytes nonce;
    uint32_t max_age_s;                 /* above zero */
    uint32_t clock_skew_s;              /* so far ahead may the enclave's clock be */
    struct alcove_expect_bytes context; /* ANY: the caller looks at it */
};

struct binding_result {
    struct alcove_verdict verdict;
    enum binding_reason reason; /* the first check that failed */
    uint32_t failed;            /* bits of enum binding_reason */
    struct binding binding;     /* all zero unless accepted */
};
static inline bool binding_result_failed(const struct binding_result *r, enum binding_reason reason)
{
    return (r->failed >> reason & 1) != 0;
}

/* May a program with this manifest speak for this purpose? BINDING_REASON_NONE, _DOOR,
 * _WORKLOAD_ATTESTS or _NOT_A_WORKER. Behind the shim and SDK doors the program is what MRENCLAVE
 * names, so that it may have /dev/attestation; behind the library OS door only the runtime may
 * speak. */
enum binding_reason binding_admits(const struct manifest *m, enum binding_purpose purpose);

/* Do evidence, manifest and binding belong together, and are they what the caller expects, as of
 * `now` (seconds since 1970)? Which enclave is trusted at all (MRENCLAVE, roots, CONFIGID) was the
 * policy's business, when the evidence was verified. *ret is always written; its verdict is
 * returned too. */
struct alcove_verdict binding_judge(const struct binding_facts *facts, struct bytes manifest,
                                    struct bytes binding,
                                    const struct binding_expectation *expected, int64_t now,
                                    struct binding_result *ret) MUST_USE;
