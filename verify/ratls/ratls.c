/* SPDX-License-Identifier: Apache-2.0 */
/* RA-TLS certificates: evidence that travels in a TLS handshake. The certificate carries a quote;
 * the quote's report data bind claims, and these bind the certificate's key, so whoever proves in
 * the handshake that he holds the key is who the quote speaks about.
 *
 * The adversary makes the certificate. Its own signature proves nothing about the platform; it is
 * checked because a certificate whose dates and extensions anybody can change is not one. A
 * certificate that a CA signed is taken too, without that CA: the key is bound all the same. Which
 * key it is, the caller must say (policy.ratls_key), or have taken the certificate from the
 * handshake itself.
 *
 * Source: the documents named in ratls/extension.h; TCG, DICE Attestation Architecture; for the
 * older formats the samples of Gramine and RATS-TLS. */
#include "check.h"
#include "policy.h"
#include "ratls/extension.h"
#include "verify/limits.h"
#include "x509/certificate.h"
#include "x509/der.h"
#include "x509/pem.h"

/* Everything that one check reads (about 100 KiB). */
struct reading {
    struct certificate certificate;
    uint8_t signature_storage[96];
    bool has_evidence, has_endorsements, has_gramine, has_rats_tls;
    struct bytes evidence, endorsements, gramine, rats_tls; /* extension values */
    enum alcove_wrapping wrapping;
    struct bytes quote;
    struct bytes claims; /* of the interoperable format */
    /* The certificate out of PEM, lists out of hexadecimal. */
    struct writer decoded;
    uint8_t storage[CERTIFICATE_SIZE_MAX + RATLS_LISTS_MAX];
};

static bool is_policy_complete(const struct alcove_policy *p)
{
    const uint32_t legacy = ALCOVE_RATLS_LEGACY_GRAMINE | ALCOVE_RATLS_LEGACY_RATS_TLS;
    return check_chosen(p->ratls_key.mode) &&
           policy_bytes_complete(&p->ratls_nonce, ALCOVE_RATLS_NONCE_MAX) &&
           (p->ratls_legacy & ~legacy) == 0;
}

/* ---- the certificate ---- */

static bool read_certificate(struct bytes text, struct reading *r)
{
    struct bytes der;
    return certificate_read(text, &r->certificate) ||
           (pem_read_one(text, &r->decoded, &der) && certificate_read(der, &r->certificate));
}

static const uint8_t oid_key_usage[] = {0x55, 0x1d, 0x0f};
static const uint8_t oid_basic_constraints[] = {0x55, 0x1d, 0x13};
/* What a TLS certificate may mark critical (RFC 5280, 4.2.1.6: it must where the subject is empty)
 * and what says nothing about the key's holder that is believed here: names and purposes are
 * between the TLS client and its policy. */
static const uint8_t oid_subject_alt_name[] = {0x55, 0x1d, 0x11};
static const uint8_t oid_extended_key_usage[] = {0x55, 0x1d, 0x25};

static bool note(const struct extension *e, struct bytes oid, bool *ret_found,
                 struct bytes *ret_value)
{
    if (!bytes_equal(e->oid, oid)) {
        return false;
    }
    *ret_found = true;
    *ret_value = e->value;
    return true;
}

/* Steps through the list: an identifier inside another extension's value is none. */
static void check_profile(struct check *c, struct reading *r)
{
    const struct certificate *cert = &r->certificate;
    bool ok = cert->is_v3 && !cert->repeated_extension && !cert->malformed_extension;
    struct extension e;
    for (size_t at = 0; certificate_next_extension(cert, &at, &e);) {
        bool known =
            note(&e, BYTES_STR(RATLS_OID_EVIDENCE), &r->has_evidence, &r->evidence) ||
            note(&e, BYTES_STR(RATLS_OID_ENDORSEMENTS), &r->has_endorsements, &r->endorsements) ||
            note(&e, BYTES_STR(RATLS_OID_GRAMINE), &r->has_gramine, &r->gramine) ||
            note(&e, BYTES_STR(RATLS_OID_RATS_TLS), &r->has_rats_tls, &r->rats_tls) ||
            bytes_equal(e.oid, BYTES_OF(oid_key_usage)) ||
            bytes_equal(e.oid, BYTES_OF(oid_basic_constraints)) ||
            bytes_equal(e.oid, BYTES_OF(oid_subject_alt_name)) ||
            bytes_equal(e.oid, BYTES_OF(oid_extended_key_usage));
        ok = ok && (known || !e.critical);
    }
    check_that(c, ok, ALCOVE_REASON_RATLS_PROFILE);
}

/* mbedTLS, and with it Gramine, writes NULL parameters where RFC 5758 wants none. */
static struct signature signature_with_null(struct reading *r)
{
    static const uint8_t sha256[] = {0x30, 0x0c, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                     0xce, 0x3d, 0x04, 0x03, 0x02, 0x05, 0x00};
    static const uint8_t sha384[] = {0x30, 0x0c, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                     0xce, 0x3d, 0x04, 0x03, 0x03, 0x05, 0x00};
    struct cursor outer = cursor_of(r->certificate.der);
    struct cursor c = cursor_of(der_take(&outer, DER_SEQUENCE));
    struct cursor tbs = cursor_of(der_take(&c, DER_SEQUENCE));
    (void)der_take(&tbs, DER_CONTEXT_0);
    (void)der_take_integer(&tbs);
    struct bytes inner = der_take_whole(&tbs, DER_SEQUENCE);
    struct bytes algorithm = der_take_whole(&c, DER_SEQUENCE);
    struct bytes value = der_take_bits(&c);
    size_t size = der_ecdsa_signature(value, r->signature_storage);
    bool is_sha256 = bytes_equal(algorithm, BYTES_OF(sha256));
    if (!bytes_equal(algorithm, inner) || size == 0 ||
        (!is_sha256 && !bytes_equal(algorithm, BYTES_OF(sha384)))) {
        return (struct signature){0};
    }
    return (struct signature){is_sha256 ? SCHEME_ECDSA_SHA256 : SCHEME_ECDSA_SHA384,
                              BYTES(r->signature_storage, size)};
}

static void check_certificate(struct check *c, struct reading *r)
{
    const struct certificate *cert = &r->certificate;
    check_profile(c, r);
    check_period(c, cert->not_before, cert->not_after, ALCOVE_REASON_RATLS_NOT_YET_VALID,
                 ALCOVE_REASON_RATLS_EXPIRED);
    if (!certificate_links(cert, cert)) {
        return; /* a CA's word about it is neither needed nor asked for */
    }
    struct signature s = cert->signature;
    if (s.scheme == SCHEME_NONE) {
        s = signature_with_null(r);
    }
    bool known = s.scheme != SCHEME_NONE && cert->key.kind != KEY_NONE;
    check_that(c, known, ALCOVE_REASON_RATLS_SIGNATURE_SCHEME);
    if (known) {
        check_that(c, check_signature(c, &cert->key, &s, cert->tbs), ALCOVE_REASON_RATLS_SIGNATURE);
    }
}

/* ---- which evidence ---- */

/* The interoperable format where it is there; an older one only if the policy wants it. */
static bool choose_evidence(struct check *c, struct reading *r)
{
    uint32_t accepted = c->policy->ratls_legacy;
    struct ratls_evidence e;
    if (r->has_evidence) {
        r->wrapping = ALCOVE_WRAPPING_RATLS;
        if (!ratls_evidence_read(r->evidence, &e)) {
            check_fail(c, ALCOVE_REASON_RATLS_EVIDENCE);
            return false;
        }
        r->quote = e.quote;
        r->claims = e.claims;
    } else if (r->has_gramine && (accepted & ALCOVE_RATLS_LEGACY_GRAMINE) != 0) {
        r->wrapping = ALCOVE_WRAPPING_RATLS_LEGACY_GRAMINE;
        r->quote = r->gramine;
    } else if (r->has_rats_tls && (accepted & ALCOVE_RATLS_LEGACY_RATS_TLS) != 0) {
        r->wrapping = ALCOVE_WRAPPING_RATLS_LEGACY_RATS_TLS;
        r->quote = r->rats_tls;
    } else {
        check_fail(c, r->has_gramine || r->has_rats_tls ? ALCOVE_REASON_RATLS_LEGACY
                                                        : ALCOVE_REASON_RATLS_NO_EVIDENCE);
        return false;
    }
    return true;
}

static bool is_empty(const struct alcove_collateral *c)
{
    return c->tcb_info.size == 0 && c->tcb_chain.size == 0 && c->qe_identity.size == 0 &&
           c->qe_chain.size == 0 && c->pck_crl.size == 0 && c->root_crl.size == 0 &&
           c->pck_crl_chain.size == 0;
}

/* The certificate's own endorsements serve where the caller has none: Intel signed them, and their
 * dates are checked all the same. */
static struct alcove_collateral choose_collateral(struct check *c, struct reading *r,
                                                  const struct alcove_collateral *callers)
{
    struct alcove_collateral own = {0};
    if (!r->has_endorsements) {
        return *callers;
    }
    bool ok = ratls_endorsements_read(r->endorsements, &r->decoded, &own);
    check_that(c, ok, ALCOVE_REASON_RATLS_ENDORSEMENTS);
    if (!ok || !is_empty(callers)) {
        return *callers;
    }
    own.pck_chain = callers->pck_chain;
    return own;
}

/* ---- what is bound ---- */

static bool is_hash_of(enum ratls_hash algorithm, struct bytes hash, struct bytes message)
{
    uint8_t found[64];
    bool ok = algorithm == RATLS_SHA256   ? crypto_sha256(message, found)
              : algorithm == RATLS_SHA384 ? crypto_sha384(message, found)
                                          : crypto_sha512(message, found);
    return ok && bytes_equal(hash, BYTES(found, hash.size));
}

/* The claims name this certificate's key. Also notes the nonce. */
static void check_claims(struct check *c, const struct reading *r)
{
    struct alcove_ratls *out = &c->result->ratls;
    struct ratls_claims claims;
    if (!ratls_claims_read(r->claims, &claims)) {
        check_fail(c, ALCOVE_REASON_RATLS_CLAIMS);
        return;
    }
    check_that(c, is_hash_of(claims.key_algorithm, claims.key_hash, r->certificate.spki),
               ALCOVE_REASON_RATLS_KEY_HASH);
    out->has_nonce = claims.has_nonce;
    out->nonce_size = (uint16_t)claims.nonce.size;
    if (claims.nonce.size > 0) {
        __builtin_memcpy(out->nonce, claims.nonce.data, claims.nonce.size);
    }
}

/* Is it this hash, and zeros? */
static bool is_report_data(const uint8_t report_data[64], enum ratls_hash algorithm,
                           struct bytes message)
{
    uint8_t rest = 0;
    size_t size = algorithm == RATLS_SHA256 ? 32 : 48;
    for (size_t i = size; i < 64; i++) {
        rest |= report_data[i];
    }
    return rest == 0 && is_hash_of(algorithm, BYTES(report_data, size), message);
}

/* RSAPublicKey (RFC 8017): what the BIT STRING of an RSA key holds. Empty for other keys. */
static struct bytes pkcs1_key(const struct certificate *cert)
{
    struct cursor outer = cursor_of(cert->spki);
    struct cursor c = cursor_of(der_take(&outer, DER_SEQUENCE));
    (void)der_take(&c, DER_SEQUENCE);
    struct bytes key = der_take_bits(&c);
    return cert->key.kind == KEY_RSA ? key : (struct bytes){0};
}

static bool is_bound(const struct reading *r, const uint8_t report_data[64], bool is_td)
{
    if (r->wrapping == ALCOVE_WRAPPING_RATLS_LEGACY_GRAMINE) {
        return is_report_data(report_data, RATLS_SHA256, r->certificate.spki);
    }
    if (r->wrapping == ALCOVE_WRAPPING_RATLS_LEGACY_RATS_TLS) {
        struct bytes key = pkcs1_key(&r->certificate);
        return key.size > 0 && is_report_data(report_data, RATLS_SHA256, key);
    }
    /* The document says SHA-256. Intel's library writes SHA-384 for virtual machines. */
    return is_report_data(report_data, RATLS_SHA256, r->claims) ||
           (is_td && is_report_data(report_data, RATLS_SHA384, r->claims));
}

static void check_expectations(struct check *c)
{
    const struct alcove_policy *p = c->policy;
    const struct alcove_ratls *found = &c->result->ratls;
    struct bytes nonce = BYTES(found->nonce, found->nonce_size);
    check_that(c, check_expected(p->ratls_key.mode, p->ratls_key.value, found->spki_sha256, 32),
               ALCOVE_REASON_RATLS_KEY);
    check_that(c, policy_expects_bytes(&p->ratls_nonce, nonce), ALCOVE_REASON_RATLS_NONCE);
}

static void run_checks(struct check *c, struct bytes text,
                       const struct alcove_collateral *collateral, struct reading *r)
{
    struct alcove_result *out = c->result;
    if (!is_policy_complete(c->policy)) {
        check_fail(c, ALCOVE_REASON_POLICY_INCOMPLETE); /* what it counts may not be there */
        return;
    }
    if (!read_certificate(text, r)) {
        check_fail(c, ALCOVE_REASON_RATLS_FORMAT);
        return;
    }
    out->has_ratls = true;
    out->ratls.not_before = r->certificate.not_before;
    out->ratls.not_after = r->certificate.not_after;
    __builtin_memcpy(out->ratls.spki_sha256, r->certificate.spki_sha256, 32);
    check_certificate(c, r);
    if (!choose_evidence(c, r)) {
        return;
    }
    out->wrapping = r->wrapping;
    if (r->wrapping == ALCOVE_WRAPPING_RATLS) {
        check_claims(c, r);
    }
    check_expectations(c);
    struct alcove_collateral used = choose_collateral(c, r, collateral);
    intel_check(c, r->quote, &used);
    if (!out->has_sgx && !out->has_td) {
        return; /* no quote: its reader said why */
    }
    const uint8_t *report_data = out->has_td ? out->td.report_data : out->sgx.report_data;
    check_that(c, is_bound(r, report_data, out->has_td), ALCOVE_REASON_RATLS_BINDING);
    check_completed(c, CHECKED_WRAPPING);
}

void ratls_check(struct check *c, struct bytes certificate,
                 const struct alcove_collateral *collateral)
{
    struct reading r;
    c->required |= CHECK_GROUP(CHECKED_WRAPPING);
    __builtin_memset(&r, 0, offsetof(struct reading, storage));
    r.decoded = writer_of(r.storage, sizeof r.storage);
    run_checks(c, certificate, collateral, &r);
}
