/* SPDX-License-Identifier: Apache-2.0 */
/* Is an entry of a bundle what its maker signed? Uses the checks of the families, with a policy
 * that only names roots, and looks at those of their findings that are about form and signatures.
 *
 * The adversary chooses entries and certificates alike. A wrong answer here misleads who looks
 * after a bundle, never a verdict: the verifier asks nobody. */
#include "amd/chain.h"
#include "amd/pins.h"
#include "bundle/bundle.h"
#include "intel/chain.h"
#include "intel/collateral.h"

struct inquiry {
    const struct alcove_bundle_entry *entry;
    struct bytes content, signers;
    struct alcove_policy policy;
    struct alcove_result result;
    struct check c;
    bool named; /* somebody of the issuer's name was there */
    struct alcove_bundle_finding best;
};

/* Not about what was signed: dates, and which root. */
static const enum alcove_reason passed_over[] = {
    ALCOVE_REASON_CHAIN_NOT_YET_VALID,  ALCOVE_REASON_CHAIN_EXPIRED,
    ALCOVE_REASON_SIGNER_NOT_YET_VALID, ALCOVE_REASON_SIGNER_EXPIRED,
    ALCOVE_REASON_UNKNOWN_ROOT,         ALCOVE_REASON_SOFTWARE_ROOT,
    ALCOVE_REASON_SNP_CHAIN_EXPIRED,    ALCOVE_REASON_SNP_CHAIN_NOT_YET_VALID,
    ALCOVE_REASON_SNP_UNKNOWN_ROOT,
};

static void start(struct inquiry *q)
{
    q->result = (struct alcove_result){0};
}

/* Since start(): did no other check fail? */
static bool sound(const struct inquiry *q)
{
    struct alcove_result r = q->result;
    uint64_t left = 0;
    for (size_t i = 0; i < ARRAY_SIZE(passed_over); i++) {
        r.failed[passed_over[i] / 64] &= ~(UINT64_C(1) << (passed_over[i] % 64));
    }
    for (size_t i = 0; i < ARRAY_SIZE(r.failed); i++) {
        left |= r.failed[i];
    }
    return left == 0;
}

static void include(struct alcove_bundle_finding *f, const struct certificate *c)
{
    bool first = f->valid_until == 0;
    f->valid_from = first || c->not_before > f->valid_from ? c->not_before : f->valid_from;
    f->valid_until = first || c->not_after < f->valid_until ? c->not_after : f->valid_until;
}

static unsigned rank(const struct inquiry *q, const struct alcove_bundle_finding *f)
{
    bool valid = q->c.time >= f->valid_from && q->c.time <= f->valid_until;
    return 2u * (unsigned)f->signature + valid;
}

/* A good signature; below which root decides how good. */
static void found(struct inquiry *q, struct alcove_bundle_finding f, bool built_in,
                  const struct certificate *root)
{
    f.signature = built_in || check_root_named(&q->c, root->spki_sha256)
                      ? ALCOVE_BUNDLE_SIGNATURE_GOOD
                      : ALCOVE_BUNDLE_SIGNATURE_UNKNOWN_ROOT;
    if (rank(q, &f) > rank(q, &q->best)) {
        q->best = f;
    }
}

static void found_below_intel(struct inquiry *q, struct alcove_bundle_finding f,
                              const struct certificate *root)
{
    f.root_kind = chain_root_kind(root);
    found(q, f, f.root_kind == ALCOVE_ROOT_INTEL, root);
}

static bool next_of(const struct inquiry *q, enum alcove_bundle_kind kind,
                    struct alcove_bundle_position *at, struct bytes *ret)
{
    enum alcove_bundle_kind other;
    while (bundle_step(q->signers, at, &other, ret)) {
        if (other == kind) {
            return true;
        }
    }
    return false;
}

/* ---- Intel ---- */

static bool signer_chain_sound(struct inquiry *q, struct bytes pem, struct signer_chain *ret)
{
    static const struct pck_chain none; /* not readable: the signer is asked about by itself */
    ret->readable = false;
    start(q);
    signer_chain_check(&q->c, pem, &none, ret);
    return sound(q);
}

static void check_signer_chain(struct inquiry *q)
{
    struct alcove_bundle_finding f = {0};
    struct signer_chain chain;
    q->named = true;
    if (signer_chain_sound(q, q->content, &chain)) {
        include(&f, &chain.signer);
        include(&f, &chain.root);
        found_below_intel(q, f, &chain.root);
    }
}

static void check_document(struct inquiry *q, const struct signed_json *d)
{
    const struct signature s = {SCHEME_ECDSA_SHA256, BYTES_OF(d->signature)};
    struct alcove_bundle_position at = {0};
    struct signer_chain chain;
    struct bytes pem;
    struct digest digest = {.size = sizeof d->body_sha256};
    __builtin_memcpy(digest.data, d->body_sha256, sizeof d->body_sha256);
    while (next_of(q, ALCOVE_BUNDLE_TCB_CHAIN, &at, &pem)) {
        struct alcove_bundle_finding f = {0};
        if (signer_chain_sound(q, pem, &chain) &&
            crypto_verify_digest(&q->c.crypto, &chain.signer.key, &s, &digest)) {
            include(&f, &chain.signer);
            include(&f, &chain.root);
            found_below_intel(q, f, &chain.root);
        }
    }
}

static void check_tcb_info(struct inquiry *q)
{
    struct tcb_info info;
    q->named = !tcb_info_read(q->content, &info);
    if (!q->named) {
        check_document(q, &info.document);
    }
}

static void check_qe_identity(struct inquiry *q)
{
    struct qe_identity id;
    q->named = !qe_identity_read(q->content, &id);
    if (!q->named) {
        check_document(q, &id.document);
    }
}

static bool pck_chain_sound(struct inquiry *q, struct bytes pem, struct pck_chain *ret)
{
    ret->readable = false;
    start(q);
    pck_chain_check(&q->c, pem, ret);
    return sound(q);
}

static void check_pck_chain(struct inquiry *q)
{
    struct alcove_bundle_finding f = {0};
    struct pck_chain chain;
    q->named = true;
    if (pck_chain_sound(q, q->content, &chain)) {
        for (size_t i = 0; i < ARRAY_SIZE(chain.certificates); i++) {
            include(&f, &chain.certificates[i]);
        }
        found_below_intel(q, f, chain.root);
    }
}

/* ---- Revocation lists ---- */

/* Did this certificate's key sign the list? */
static bool signed_list(struct inquiry *q, const struct crl *crl, const struct certificate *issuer)
{
    bool fits = bytes_equal(crl->issuer, issuer->subject);
    q->named = q->named || fits;
    return fits && crypto_verify(&q->c.crypto, &issuer->key, &crl->signature, crl->tbs);
}

/* The list of Intel's root, which ends chains of both kinds, or of a CA below it. */
static void check_intel_list(struct inquiry *q, const struct crl *crl)
{
    struct alcove_bundle_position at = {0};
    struct bytes pem;
    struct pck_chain pck;
    while (next_of(q, ALCOVE_BUNDLE_PCK_CHAIN, &at, &pem)) {
        struct alcove_bundle_finding f = {0};
        bool of_root = q->entry->kind == ALCOVE_BUNDLE_ROOT_CRL;
        if (pck_chain_sound(q, pem, &pck) &&
            signed_list(q, crl, of_root ? pck.root : pck.intermediate)) {
            include(&f, of_root ? pck.root : pck.intermediate);
            include(&f, pck.root);
            found_below_intel(q, f, pck.root);
        }
    }
    at = (struct alcove_bundle_position){0};
    while (q->entry->kind == ALCOVE_BUNDLE_ROOT_CRL &&
           next_of(q, ALCOVE_BUNDLE_TCB_CHAIN, &at, &pem)) {
        struct alcove_bundle_finding f = {0};
        struct signer_chain signer;
        if (signer_chain_sound(q, pem, &signer) && signed_list(q, crl, &signer.root)) {
            include(&f, &signer.root);
            found_below_intel(q, f, &signer.root);
        }
    }
}

/* ---- AMD ---- */

static bool fits_profile(const struct certificate *c)
{
    return c->is_v3 && c->key.kind == KEY_RSA && c->signature.scheme == SCHEME_RSA_PSS_SHA384 &&
           c->is_ca && c->usage_cert_sign && !c->repeated_extension && !c->malformed_extension &&
           !c->unknown_critical;
}

static bool same_hash(const uint8_t a[32], const uint8_t b[32])
{
    return __builtin_memcmp(a, b, 32) == 0;
}

/* ASK or ASVK, and ARK; false if they do not sign each other as they must. */
static bool amd_chain_sound(struct inquiry *q, struct bytes pem, struct bundle_chain *ret,
                            struct alcove_bundle_finding *ret_f, bool *ret_built_in)
{
    if (!bundle_chain_read(pem, ret) || ret->count != 2) {
        return false;
    }
    const struct certificate *ask = &ret->certificates[0], *ark = &ret->certificates[1];
    bool is_vlek;
    const struct amd_pins *pins = amd_pins(bundle_vek_product(ask->common_name, &is_vlek));
    *ret_f = (struct alcove_bundle_finding){0};
    include(ret_f, ask);
    include(ret_f, ark);
    *ret_built_in = pins != NULL && same_hash(pins->ark, ark->spki_sha256);
    ret_f->root_kind = *ret_built_in ? ALCOVE_ROOT_AMD : ALCOVE_ROOT_OTHER;
    bool pinned = !*ret_built_in || same_hash(is_vlek ? pins->asvk : pins->ask, ask->spki_sha256);
    return pinned && fits_profile(ask) && fits_profile(ark) && certificate_links(ask, ark) &&
           certificate_links(ark, ark) &&
           crypto_verify(&q->c.crypto, &ark->key, &ask->signature, ask->tbs) &&
           crypto_verify(&q->c.crypto, &ark->key, &ark->signature, ark->tbs);
}

static void check_amd_chain(struct inquiry *q)
{
    struct alcove_bundle_finding f;
    struct bundle_chain chain;
    bool built_in;
    q->named = true;
    if (amd_chain_sound(q, q->content, &chain, &f, &built_in)) {
        found(q, f, built_in, &chain.certificates[1]);
    }
}

static void check_amd_list(struct inquiry *q, const struct crl *crl)
{
    struct alcove_bundle_position at = {0};
    struct alcove_bundle_finding f;
    struct bundle_chain chain;
    struct bytes pem;
    bool built_in;
    while (next_of(q, ALCOVE_BUNDLE_AMD_CHAIN, &at, &pem)) {
        if (amd_chain_sound(q, pem, &chain, &f, &built_in) &&
            signed_list(q, crl, &chain.certificates[1])) {
            f.valid_from = f.valid_until = 0;
            include(&f, &chain.certificates[1]);
            found(q, f, built_in, &chain.certificates[1]);
        }
    }
}

static void check_vek(struct inquiry *q)
{
    struct alcove_bundle_position at = {0};
    struct alcove_collateral collateral = {.amd_vek = q->entry->content};
    struct certificate vek;
    struct bytes pem;
    if (!certificate_read(q->content, &vek)) {
        q->named = true;
        return;
    }
    while (next_of(q, ALCOVE_BUNDLE_AMD_CHAIN, &at, &pem)) {
        struct bundle_chain above;
        if (!bundle_chain_read(pem, &above) || !certificate_links(&vek, &above.certificates[0])) {
            continue;
        }
        q->named = true;
        struct amd_chain chain = {.readable = false};
        collateral.amd_chain = (struct alcove_bytes){pem.data, pem.size};
        start(q);
        amd_chain_check(&q->c, &collateral, q->entry->is_vlek, &chain);
        if (sound(q)) {
            struct alcove_bundle_finding f = {.root_kind = q->result.root_kind};
            include(&f, &chain.vek);
            include(&f, chain.ask);
            include(&f, chain.ark);
            bool built_in = !alcove_result_failed(&q->result, ALCOVE_REASON_SNP_UNKNOWN_ROOT);
            found(q, f, built_in, chain.ark);
        }
    }
}

/* ---- All of them ---- */

static void check_list(struct inquiry *q)
{
    struct crl crl;
    if (!crl_read(q->content, &crl)) {
        q->named = true;
        return;
    }
    (q->entry->kind == ALCOVE_BUNDLE_AMD_CRL ? check_amd_list : check_intel_list)(q, &crl);
}

struct alcove_bundle_finding alcove_bundle_check(const struct alcove_bundle_entry *entry,
                                                 struct alcove_bytes signers, int64_t time,
                                                 const struct alcove_root *roots, size_t root_count)
{
    static void (*const checks[ALCOVE_BUNDLE_KINDS])(struct inquiry *) = {
        [ALCOVE_BUNDLE_AMD_CHAIN] = check_amd_chain,
        [ALCOVE_BUNDLE_AMD_CRL] = check_list,
        [ALCOVE_BUNDLE_AMD_VEK] = check_vek,
        [ALCOVE_BUNDLE_PCK_CHAIN] = check_pck_chain,
        [ALCOVE_BUNDLE_PCK_CRL] = check_list,
        [ALCOVE_BUNDLE_QE_IDENTITY] = check_qe_identity,
        [ALCOVE_BUNDLE_ROOT_CRL] = check_list,
        [ALCOVE_BUNDLE_TCB_CHAIN] = check_signer_chain,
        [ALCOVE_BUNDLE_TCB_INFO] = check_tcb_info,
    };
    struct inquiry q = {.entry = entry,
                        .content = BYTES(entry->content.data, entry->content.size),
                        .signers = BYTES(signers.data, signers.size),
                        .policy = alcove_policy_strict(),
                        .c.time = time};
    if ((unsigned)entry->kind >= ALCOVE_BUNDLE_KINDS || !entry->readable) {
        return q.best;
    }
    q.policy.roots = roots;
    q.policy.root_count = root_count;
    q.policy.revocation.amd = ALCOVE_REVOCATION_IF_GIVEN;
    q.c.policy = &q.policy;
    q.c.result = &q.result;
    crypto_enter(&q.c.crypto);
    checks[entry->kind](&q);
    crypto_leave(&q.c.crypto);
    if (q.best.signature == ALCOVE_BUNDLE_SIGNATURE_BAD && !q.named) {
        q.best.signature = ALCOVE_BUNDLE_SIGNATURE_SIGNER_MISSING;
    }
    return q.best;
}
