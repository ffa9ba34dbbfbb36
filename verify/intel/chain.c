/* SPDX-License-Identifier: Apache-2.0 */
/* Chains and revocation. An adversary chooses every certificate but the root's key: that is pinned,
 * so that nothing here depends on names being honest. Names still must fit, because Intel's roles
 * are told apart by them (a PCK certificate must not sign TCB info), and because they say whether a
 * machine is software. Source: Intel "PCK Certificate and CRL Profile Specification". */
#include "intel/chain.h"
#include "policy.h"
#include "x509/crl.h"

/* SHA-256 of the SubjectPublicKeyInfo of Intel's SGX root. The key is pinned, not the certificate:
 * Intel re-issued that with the same key (notAfter 2033, then 2049). */
static const uint8_t intel_root_spki_sha256[32] = {
    0xa0, 0xaf, 0x03, 0x12, 0x89, 0xf5, 0xd5, 0xd4, 0x13, 0x2f, 0x91, 0x86, 0x06, 0x8a, 0x7f, 0xc1,
    0x36, 0x28, 0x63, 0x3b, 0xa2, 0x35, 0x77, 0x74, 0x72, 0xe2, 0x9b, 0x6b, 0x6c, 0x67, 0xa4, 0x9e};

static const char software_mark[] = "Alcove Software SGX ";

/* The names of one issuer's certificates, by role. */
struct names {
    const char *leaf;
    const char *intermediates[2];
    const char *root; /* a prefix: software roots carry their machine's number */
    const char *signer;
};
static const struct names intel_names = {
    .leaf = "Intel SGX PCK Certificate",
    .intermediates = {"Intel SGX PCK Platform CA", "Intel SGX PCK Processor CA"},
    .root = "Intel SGX Root CA",
    .signer = "Intel SGX TCB Signing",
};
static const struct names software_names = {
    .leaf = "Alcove Software SGX PCK Certificate",
    .intermediates = {"Alcove Software SGX PCK Platform CA", "Alcove Software SGX PCK Platform CA"},
    .root = "Alcove Software SGX Root CA",
    .signer = "Alcove Software SGX TCB Signing",
};

static bool starts_with(const char *text, const char *prefix)
{
    return __builtin_strncmp(text, prefix, __builtin_strlen(prefix)) == 0;
}

static bool same(const char *a, const char *b)
{
    return __builtin_strcmp(a, b) == 0;
}

static bool is_software(const struct certificate *c)
{
    return starts_with(c->common_name, software_mark);
}

static const struct names *names_under(const struct certificate *root)
{
    return is_software(root) ? &software_names : &intel_names;
}

/* A prefix is enough for software roots only: "Intel SGX Root CAx" is nobody. */
static bool root_name_fits(const struct certificate *root)
{
    const struct names *n = names_under(root);
    return n == &software_names ? starts_with(root->common_name, n->root)
                                : same(root->common_name, n->root);
}

/* X.509 v3, P-256, ECDSA with SHA-256, and no extension that could mean anything else. */
static bool profile_ok(const struct certificate *c)
{
    return c->is_v3 && c->key.kind == KEY_P256 && c->signature.scheme == SCHEME_ECDSA_SHA256 &&
           !c->repeated_extension && !c->malformed_extension && !c->unknown_critical;
}

static bool signed_by(struct check *c, const struct certificate *subject,
                      const struct certificate *issuer)
{
    return check_signature(c, &issuer->key, &subject->signature, subject->tbs);
}

/* ---- PCK chain ---- */

/* Puts the certificates into their places by their names: real quotes carry the root before the
 * intermediate as well as after it. Whether the names really link up is checked afterwards. */
static void assign_places(struct pck_chain *chain)
{
    const struct certificate *in = chain->certificates;
    size_t root = 2, intermediate = 1;
    for (size_t i = 0; i < 3; i++) {
        if (certificate_links(&in[i], &in[i])) {
            root = i;
        }
    }
    for (size_t i = 0; i < 3; i++) {
        if (i != root && certificate_links(&in[i], &in[root])) {
            intermediate = i;
        }
    }
    if (intermediate == root) { /* the root is in the middle, and issued nobody */
        intermediate = 0;
    }
    chain->root = &in[root];
    chain->intermediate = &in[intermediate];
    chain->leaf = &in[3 - root - intermediate];
}

static bool pck_chain_read(struct bytes text, struct pck_chain *chain)
{
    bool ok = pem_read(text, &chain->pem) && chain->pem.count == 3;
    for (size_t i = 0; ok && i < 3; i++) {
        ok = certificate_read(chain->pem.certificates[i], &chain->certificates[i]);
    }
    if (ok) {
        assign_places(chain);
    }
    return ok;
}

enum alcove_root_kind chain_root_kind(const struct certificate *root)
{
    bool intel = __builtin_memcmp(root->spki_sha256, intel_root_spki_sha256, 32) == 0;
    return intel ? ALCOVE_ROOT_INTEL : is_software(root) ? ALCOVE_ROOT_SOFTWARE : ALCOVE_ROOT_OTHER;
}

/* Which root, and does the relying party accept it? */
static void check_root(struct check *c, const struct pck_chain *chain)
{
    struct alcove_result *r = c->result;
    __builtin_memcpy(r->root_spki_sha256, chain->root->spki_sha256, 32);
    __builtin_memcpy(r->root_certificate_sha256, chain->root->sha256, 32);
    r->root_kind = chain_root_kind(chain->root);
    bool intel = r->root_kind == ALCOVE_ROOT_INTEL;
    if (!intel && (is_software(chain->intermediate) || is_software(chain->leaf))) {
        r->root_kind = ALCOVE_ROOT_SOFTWARE;
    }
    bool accepted = (intel && !c->policy->refuse_builtin_roots) ||
                    check_root_named(c, chain->root->spki_sha256);
    check_that(c, accepted,
               r->root_kind == ALCOVE_ROOT_SOFTWARE ? ALCOVE_REASON_SOFTWARE_ROOT
                                                    : ALCOVE_REASON_UNKNOWN_ROOT);
}

static void check_pck_names(struct check *c, const struct pck_chain *chain)
{
    const struct names *n = names_under(chain->root);
    const char *ca = chain->intermediate->common_name;
    bool fit = same(chain->leaf->common_name, n->leaf) &&
               (same(ca, n->intermediates[0]) || same(ca, n->intermediates[1])) &&
               root_name_fits(chain->root);
    bool linked = certificate_links(chain->leaf, chain->intermediate) &&
                  certificate_links(chain->intermediate, chain->root) &&
                  certificate_links(chain->root, chain->root);
    check_that(c, fit && linked, ALCOVE_REASON_CHAIN_NAMES);
}

/* A CA that may have so many others below it. */
static bool is_issuing_ca(const struct certificate *c, int below)
{
    return c->has_basic_constraints && c->is_ca && (c->path_length < 0 || c->path_length >= below);
}

void pck_chain_check(struct check *c, struct bytes pem, struct pck_chain *ret)
{
    if (!pck_chain_read(pem, ret)) {
        check_fail(c, ALCOVE_REASON_CHAIN_FORMAT);
        return;
    }
    ret->readable = true;
    const struct certificate *leaf = ret->leaf, *ca = ret->intermediate, *root = ret->root;
    check_that(c, profile_ok(leaf) && profile_ok(ca) && profile_ok(root),
               ALCOVE_REASON_CHAIN_PROFILE);
    check_pck_names(c, ret);
    check_that(c, !leaf->is_ca && is_issuing_ca(ca, 0) && is_issuing_ca(root, 1),
               ALCOVE_REASON_CHAIN_CA);
    check_that(c,
               leaf->usage_digital_signature && !leaf->usage_cert_sign && ca->usage_cert_sign &&
                   ca->usage_crl_sign && root->usage_cert_sign && root->usage_crl_sign,
               ALCOVE_REASON_CHAIN_KEY_USAGE);
    check_that(c, signed_by(c, leaf, ca) && signed_by(c, ca, root) && signed_by(c, root, root),
               ALCOVE_REASON_CHAIN_SIGNATURE);
    const struct certificate *all[] = {leaf, ca, root};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        check_period(c, all[i]->not_before, all[i]->not_after, ALCOVE_REASON_CHAIN_NOT_YET_VALID,
                     ALCOVE_REASON_CHAIN_EXPIRED);
    }
    check_root(c, ret);
    check_completed(c, CHECKED_CHAIN);
}

/* ---- The signers of TCB info and QE identity ---- */

static bool signer_chain_read(struct bytes text, struct signer_chain *chain)
{
    const struct bytes *der = chain->pem.certificates;
    return pem_read(text, &chain->pem) && chain->pem.count == 2 &&
           certificate_read(der[0], &chain->signer) && certificate_read(der[1], &chain->root);
}

void signer_chain_check(struct check *c, struct bytes pem, const struct pck_chain *pck,
                        struct signer_chain *ret)
{
    if (!signer_chain_read(pem, ret)) {
        check_fail(c, ALCOVE_REASON_SIGNER_FORMAT);
        return;
    }
    ret->readable = true;
    const struct certificate *signer = &ret->signer, *root = &ret->root;
    check_that(c, profile_ok(signer) && profile_ok(root), ALCOVE_REASON_SIGNER_PROFILE);
    bool names_ok = same(signer->common_name, names_under(root)->signer) && root_name_fits(root) &&
                    certificate_links(signer, root) && certificate_links(root, root);
    check_that(c, names_ok, ALCOVE_REASON_SIGNER_NAMES);
    check_that(c, !signer->is_ca && is_issuing_ca(root, 0), ALCOVE_REASON_SIGNER_CA);
    check_that(c,
               signer->usage_digital_signature && !signer->usage_cert_sign && root->usage_cert_sign,
               ALCOVE_REASON_SIGNER_KEY_USAGE);
    check_that(c, signed_by(c, signer, root) && signed_by(c, root, root),
               ALCOVE_REASON_SIGNER_SIGNATURE);
    policy_collateral_period(c, signer->not_before, signer->not_after,
                             ALCOVE_REASON_SIGNER_NOT_YET_VALID, ALCOVE_REASON_SIGNER_EXPIRED);
    policy_collateral_period(c, root->not_before, root->not_after,
                             ALCOVE_REASON_SIGNER_NOT_YET_VALID, ALCOVE_REASON_SIGNER_EXPIRED);
    if (!pck->readable) {
        return;
    }
    check_that(c, __builtin_memcmp(root->spki_sha256, pck->root->spki_sha256, 32) == 0,
               ALCOVE_REASON_SIGNER_ROOT);
    check_completed(c, CHECKED_SIGNERS);
}

/* ---- Revocation ---- */

/* One list's reasons, in order. */
struct crl_reasons {
    enum alcove_reason format, issuer, signature, not_yet_valid, expired;
};
static const struct crl_reasons root_crl_reasons = {
    ALCOVE_REASON_ROOT_CRL_FORMAT, ALCOVE_REASON_ROOT_CRL_ISSUER, ALCOVE_REASON_ROOT_CRL_SIGNATURE,
    ALCOVE_REASON_ROOT_CRL_NOT_YET_VALID, ALCOVE_REASON_ROOT_CRL_EXPIRED};
static const struct crl_reasons pck_crl_reasons = {
    ALCOVE_REASON_PCK_CRL_FORMAT, ALCOVE_REASON_PCK_CRL_ISSUER, ALCOVE_REASON_PCK_CRL_SIGNATURE,
    ALCOVE_REASON_PCK_CRL_NOT_YET_VALID, ALCOVE_REASON_PCK_CRL_EXPIRED};

static bool check_list(struct check *c, struct bytes der, const struct certificate *issuer,
                       const struct crl_reasons *reasons, struct crl *ret)
{
    if (der.size == 0) {
        return false; /* missing, which the caller says */
    }
    if (!crl_read(der, ret) || ret->signature.scheme != SCHEME_ECDSA_SHA256) {
        check_fail(c, reasons->format);
        return false;
    }
    check_that(c, ret->issuer.size > 0 && bytes_equal(ret->issuer, issuer->subject),
               reasons->issuer);
    check_that(c, check_signature(c, &issuer->key, &ret->signature, ret->tbs), reasons->signature);
    policy_collateral_issue(c, ret->this_update, ret->next_update, reasons->not_yet_valid,
                            reasons->expired);
    return true;
}

static bool same_key(const struct certificate *a, const struct certificate *b)
{
    return profile_ok(a) && __builtin_memcmp(a->spki_sha256, b->spki_sha256, 32) == 0 &&
           bytes_equal(a->subject, b->subject);
}

void crl_chain_check(struct check *c, struct bytes pem, const struct pck_chain *pck)
{
    struct signer_chain chain;
    if (pem.size == 0 || !pck->readable) {
        return;
    }
    if (pem_read(pem, &chain.pem) && chain.pem.count == 2 &&
        bytes_equal(chain.pem.certificates[0], pck->intermediate->der) &&
        bytes_equal(chain.pem.certificates[1], pck->root->der)) {
        return; /* the very certificates that were checked already */
    }
    check_that(c,
               signer_chain_read(pem, &chain) && same_key(&chain.signer, pck->intermediate) &&
                   same_key(&chain.root, pck->root) && signed_by(c, &chain.signer, &chain.root) &&
                   signed_by(c, &chain.root, &chain.root),
               ALCOVE_REASON_PCK_CRL_CHAIN);
}

void revocation_check(struct check *c, struct bytes root_crl, struct bytes pck_crl,
                      const struct pck_chain *pck, const struct signer_chain *tcb_signer,
                      const struct signer_chain *qe_signer)
{
    if (!pck->readable) {
        return;
    }
    struct crl by_root = {0}, by_ca = {0};
    bool root_list = check_list(c, root_crl, pck->root, &root_crl_reasons, &by_root);
    bool pck_list = check_list(c, pck_crl, pck->intermediate, &pck_crl_reasons, &by_ca);
    if (root_list) {
        check_that(c, !crl_lists(&by_root, pck->intermediate), ALCOVE_REASON_INTERMEDIATE_REVOKED);
    }
    if (pck_list) {
        check_that(c, !crl_lists(&by_ca, pck->leaf), ALCOVE_REASON_PCK_REVOKED);
    }
    bool signers = tcb_signer->readable && qe_signer->readable;
    if (root_list && signers) {
        check_that(c,
                   !crl_lists(&by_root, &tcb_signer->signer) &&
                       !crl_lists(&by_root, &qe_signer->signer),
                   ALCOVE_REASON_SIGNER_REVOKED);
    }
    if (root_list && pck_list && signers) {
        check_completed(c, CHECKED_REVOCATION);
    }
}
