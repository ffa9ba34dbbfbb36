/* SPDX-License-Identifier: Apache-2.0 */
/* AWS Nitro documents: a COSE_Sign1 around a map that carries its own certificates. Sources: AWS
 * "Nitro Enclaves attestation process" (sections 2.2 and 3.2), RFC 9052, RFC 5280.
 *
 * The adversary writes every byte, the certificates too. Only the pinned root's key is beyond him:
 * the bundle's first certificate is believed only if it has that key and is signed by it. */
#include "aws/cose.h"
#include "aws/document.h"
#include "check.h"
#include "policy.h"
#include "x509/certificate.h"

/* SHA-256 of the SubjectPublicKeyInfo of "AWS Nitro Enclaves Root G1", valid until 2049, the
 * certificate with SHA-256 641a0321...f79bb5b. Pinned by key, as Intel's root is, and for the same
 * reason: a root may be issued anew with its key, and policies name roots by key. That the
 * certificate in the bundle is good is checked besides, so nothing is lost. */
static const uint8_t aws_root_spki_sha256[32] = {
    0xf2, 0xca, 0xf5, 0xec, 0xc6, 0x19, 0x0b, 0x4a, 0x83, 0x99, 0xb7, 0x8b, 0xc5, 0x8a, 0x2b, 0xbc,
    0xd0, 0x38, 0x23, 0x75, 0xdb, 0x8a, 0x1b, 0xfd, 0x78, 0xa8, 0x27, 0x43, 0x87, 0x4f, 0xd2, 0x25};

/* Leaf first, root last. */
struct chain {
    struct certificate certificates[NITRO_BUNDLE_MAX + 1];
    size_t count;
};

/* ---- Policy ---- */

static bool policy_is_complete(const struct alcove_policy *p)
{
    const struct alcove_nitro_document *d; /* for its sizes */
    for (size_t i = 0; i < ALCOVE_NITRO_PCRS; i++) {
        const struct alcove_expect_pcr *e = &p->nitro_pcr[i];
        bool value =
            e->mode == ALCOVE_EXPECT_VALUE && (e->size == 32 || e->size == 48 || e->size == 64);
        if (e->mode != ALCOVE_EXPECT_ANY && !value) {
            return false;
        }
    }
    return policy_bytes_complete(&p->nitro_nonce, sizeof d->nonce) &&
           policy_bytes_complete(&p->nitro_user_data, sizeof d->user_data) &&
           policy_bytes_complete(&p->nitro_public_key, sizeof d->public_key) &&
           (p->nitro_time == ALCOVE_NITRO_TIME_GIVEN ||
            p->nitro_time == ALCOVE_NITRO_TIME_OF_DOCUMENT);
}

/* ---- Time ---- */

/* The document's age against the relying party's own clock, and as of when certificates are
 * checked. */
static int64_t check_time(struct check *c, uint64_t timestamp_ms)
{
    const struct alcove_policy *p = c->policy;
    int64_t made = (int64_t)(timestamp_ms / 1000);
    /* Differences as unsigned numbers: `time` may be any. */
    uint64_t ahead = made > c->time ? (uint64_t)made - (uint64_t)c->time : 0;
    uint64_t age = made < c->time ? (uint64_t)c->time - (uint64_t)made : 0;
    check_that(c, ahead <= p->clock_skew_s, ALCOVE_REASON_NITRO_FUTURE);
    check_that(c, p->nitro_max_age_s == 0 || age <= p->nitro_max_age_s,
               ALCOVE_REASON_NITRO_TOO_OLD);
    return p->nitro_time == ALCOVE_NITRO_TIME_OF_DOCUMENT ? made : c->time;
}

/* ---- Certificates ---- */

static bool read_chain(const struct nitro_payload *p, struct chain *ret)
{
    ret->count = p->bundle_count + 1;
    if (!certificate_read(p->certificate, &ret->certificates[0])) {
        return false;
    }
    for (size_t i = 1; i < ret->count; i++) {
        if (!certificate_read(p->bundle[p->bundle_count - i], &ret->certificates[i])) {
            return false;
        }
    }
    return true;
}

/* What a certificate must be in its place: 0 is the leaf. */
static void check_certificate(struct check *c, const struct certificate *x, size_t place)
{
    check_that(c,
               x->is_v3 && x->key.kind == KEY_P384 && x->signature.scheme == SCHEME_ECDSA_SHA384 &&
                   !x->repeated_extension && !x->malformed_extension && !x->unknown_critical,
               ALCOVE_REASON_NITRO_CHAIN_PROFILE);
    if (place == 0) {
        check_that(c, !x->is_ca && x->path_length == -1, ALCOVE_REASON_NITRO_CHAIN_CA);
        check_that(c, x->has_key_usage && x->usage_digital_signature && !x->usage_cert_sign,
                   ALCOVE_REASON_NITRO_CHAIN_KEY_USAGE);
        return;
    }
    /* Below it and above the leaf stand place - 1 CA certificates. */
    check_that(c,
               x->has_basic_constraints && x->is_ca &&
                   (x->path_length == -1 || (size_t)x->path_length >= place - 1),
               ALCOVE_REASON_NITRO_CHAIN_CA);
    check_that(c, x->has_key_usage && x->usage_cert_sign, ALCOVE_REASON_NITRO_CHAIN_KEY_USAGE);
}

static void check_root(struct check *c, const struct certificate *root)
{
    struct alcove_result *r = c->result;
    __builtin_memcpy(r->root_spki_sha256, root->spki_sha256, sizeof r->root_spki_sha256);
    __builtin_memcpy(r->root_certificate_sha256, root->sha256, sizeof r->root_certificate_sha256);
    bool is_aws =
        __builtin_memcmp(root->spki_sha256, aws_root_spki_sha256, sizeof aws_root_spki_sha256) == 0;
    r->root_kind = is_aws ? ALCOVE_ROOT_AWS : ALCOVE_ROOT_OTHER;
    check_that(
        c, (is_aws && !c->policy->refuse_builtin_roots) || check_root_named(c, root->spki_sha256),
        ALCOVE_REASON_NITRO_ROOT);
}

static void check_chain(struct check *c, const struct chain *chain, int64_t at)
{
    const struct certificate *root = &chain->certificates[chain->count - 1];
    struct check as_of = *c; /* failures go to the same result */
    as_of.time = at;
    for (size_t i = 0; i < chain->count; i++) {
        const struct certificate *x = &chain->certificates[i];
        const struct certificate *issuer = x == root ? root : x + 1;
        check_certificate(c, x, i);
        check_that(c, certificate_links(x, issuer), ALCOVE_REASON_NITRO_CHAIN_NAMES);
        check_that(c, check_signature(c, &issuer->key, &x->signature, x->tbs),
                   ALCOVE_REASON_NITRO_CHAIN_SIGNATURE);
        check_period(&as_of, x->not_before, x->not_after, ALCOVE_REASON_NITRO_CHAIN_NOT_YET_VALID,
                     ALCOVE_REASON_NITRO_CHAIN_EXPIRED);
    }
    check_root(c, root);
    check_completed(c, CHECKED_CHAIN);
    /* "We do not use CRL, so it must be disabled when doing the validation" (AWS, section 3.2.4).
     * Certificates of regions and zones carry the address of a list, but AWS promises nothing about
     * it, so there is nothing to ask the caller for. What stands in its place: leaves live for
     * three hours, their issuers for a day, a zone's for a week, a region's for three. */
    check_completed(c, CHECKED_REVOCATION);
}

static void check_document_signature(struct check *c, const struct cose_sign1 *cose,
                                     const struct certificate *leaf)
{
    uint8_t storage[COSE_SIGNED_MAX];
    const struct signature signature = {SCHEME_ECDSA_SHA384, cose->signature};
    check_that(c, check_signature(c, &leaf->key, &signature, cose_signed(cose, storage)),
               ALCOVE_REASON_NITRO_SIGNATURE);
    check_completed(c, CHECKED_SIGNATURE);
}

/* ---- Expectations ---- */

/* The registers of the image, 0 to 2, are hashes, or zero throughout where the enclave was started
 * in debug mode. A document that does not name one shows nothing about it. */
static bool is_debug(const struct alcove_nitro_document *d)
{
    for (size_t i = 0; i < 3; i++) {
        uint8_t any = 0;
        for (size_t k = 0; k < sizeof d->pcr[i]; k++) {
            any |= d->pcr[i][k];
        }
        if (any == 0) {
            return true;
        }
    }
    return false;
}

static bool pcr_as_expected(const struct alcove_nitro_document *d, size_t i,
                            const struct alcove_expect_pcr *e)
{
    return e->mode == ALCOVE_EXPECT_ANY ||
           (e->mode == ALCOVE_EXPECT_VALUE && (d->pcr_present >> i & 1) != 0 &&
            e->size == d->pcr_size && __builtin_memcmp(e->value, d->pcr[i], e->size) == 0);
}

static void check_expectations(struct check *c, const struct alcove_nitro_document *d)
{
    const struct alcove_policy *p = c->policy;
    check_that(c, p->allow_debug || !is_debug(d), ALCOVE_REASON_NITRO_DEBUG);
    for (size_t i = 0; i < ALCOVE_NITRO_PCRS; i++) {
        check_that(c, pcr_as_expected(d, i, &p->nitro_pcr[i]), ALCOVE_REASON_NITRO_PCR);
    }
    /* Absent fields have size zero. */
    check_that(c, policy_expects_bytes(&p->nitro_nonce, BYTES(d->nonce, d->nonce_size)),
               ALCOVE_REASON_NITRO_NONCE);
    check_that(c, policy_expects_bytes(&p->nitro_user_data, BYTES(d->user_data, d->user_data_size)),
               ALCOVE_REASON_NITRO_USER_DATA);
    check_that(c,
               policy_expects_bytes(&p->nitro_public_key, BYTES(d->public_key, d->public_key_size)),
               ALCOVE_REASON_NITRO_PUBLIC_KEY);
    check_completed(c, CHECKED_EXPECTATIONS);
}

void aws_check(struct check *c, struct bytes document, const struct alcove_collateral *collateral)
{
    struct cose_sign1 cose;
    struct nitro_payload payload;
    struct chain chain;
    (void)collateral; /* documents carry their certificates */
    c->required = CHECK_AWS;
    c->result->kind = ALCOVE_EVIDENCE_NITRO_DOCUMENT;
    if (!policy_is_complete(c->policy)) {
        check_fail(c, ALCOVE_REASON_POLICY_INCOMPLETE);
        return;
    }
    check_completed(c, CHECKED_POLICY);

    if (document.size > NITRO_BYTES_MAX || !cose_read(document, &cose)) {
        check_fail(c, ALCOVE_REASON_NITRO_FORMAT);
        return;
    }
    check_that(c, cose.trailing == 0 || c->policy->allow_trailing, ALCOVE_REASON_NITRO_TRAILING);
    bool es384 = cose_is_es384(&cose);
    check_that(c, es384, ALCOVE_REASON_NITRO_ALGORITHM);
    if (!nitro_payload_read(cose.payload, &payload)) {
        check_fail(c, ALCOVE_REASON_NITRO_PAYLOAD);
        return;
    }
    check_that(c, payload.digest_is_sha384, ALCOVE_REASON_NITRO_DIGEST);
    check_completed(c, CHECKED_EVIDENCE);
    c->result->nitro = payload.facts;
    c->result->has_nitro = true;

    int64_t at = check_time(c, payload.facts.timestamp_ms);
    if (read_chain(&payload, &chain)) {
        check_chain(c, &chain, at);
        if (es384) {
            check_document_signature(c, &cose, &chain.certificates[0]);
        }
    } else {
        check_fail(c, ALCOVE_REASON_NITRO_CHAIN_FORMAT);
    }
    check_expectations(c, &payload.facts);
}
