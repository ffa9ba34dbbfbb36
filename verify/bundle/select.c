/* SPDX-License-Identifier: Apache-2.0 */
/* Picks from a bundle what fits the evidence. Everything that it reads may be a lie; it decides
 * nothing but which bytes are handed to the verifier, who checks them as if they came from
 * anywhere. So names and numbers are taken at their word here, and where a signature tells more
 * than a name (which PCK certificate?) it is a hint as well. */
#include "amd/hcl.h"
#include "amd/report.h"
#include "bundle/bundle.h"
#include "check.h"
#include "intel/quote.h"
#include "kind.h"
#include "ratls/extension.h"

/* The best entry so far. */
struct pick {
    struct bytes content;
    unsigned rank; /* how well it fits; higher is better */
    int64_t issued;
    uint32_t number; /* of the evaluation: decides between documents of the same second */
};

/* The newest that was not issued after `time`; else the next one. */
static bool newer(int64_t time, int64_t issued, int64_t than)
{
    bool past = issued <= time, than_past = than <= time;
    return past != than_past ? past : past ? issued > than : issued < than;
}

static void offer(struct pick *best, int64_t time, const struct pick *candidate)
{
    bool better = best->content.size == 0 || candidate->rank > best->rank;
    if (best->content.size != 0 && candidate->rank == best->rank) {
        better = candidate->issued == best->issued ? candidate->number > best->number
                                                   : newer(time, candidate->issued, best->issued);
    }
    if (better) {
        *best = *candidate;
    }
}

static void offer_entry(struct pick *best, int64_t time, const struct alcove_bundle_entry *e)
{
    const struct pick p = {.content = BYTES(e->content.data, e->content.size),
                           .rank = time >= e->issued && time <= e->expires,
                           .issued = e->issued,
                           .number = e->evaluation_number};
    offer(best, time, &p);
}

static struct alcove_bytes view_of(struct bytes b)
{
    return (struct alcove_bytes){b.data, b.size};
}

struct search {
    struct bytes bundle;
    int64_t time;
    struct alcove_collateral *ret;
};

/* Steps through the entries of one kind. */
static bool next_of(const struct search *s, enum alcove_bundle_kind kind,
                    struct alcove_bundle_position *at, struct bytes *ret)
{
    enum alcove_bundle_kind found;
    while (bundle_step(s->bundle, at, &found, ret)) {
        if (found == kind) {
            return true;
        }
    }
    return false;
}

/* The list of this issuer, by its raw name. */
static struct alcove_bytes pick_crl(const struct search *s, enum alcove_bundle_kind kind,
                                    struct bytes issuer)
{
    struct alcove_bundle_position at = {0};
    struct bytes content;
    struct pick best = {0};
    while (next_of(s, kind, &at, &content)) {
        struct crl crl;
        if (crl_read(content, &crl) && bytes_equal(crl.issuer, issuer)) {
            const struct pick p = {.content = content, .issued = crl.this_update};
            offer(&best, s->time, &p);
        }
    }
    return view_of(best.content);
}

/* ---- Intel ---- */

struct intel_need {
    struct quote quote;
    struct bundle_chain chain;
    const struct certificate *leaf, *root; /* of it; NULL where there is no good one */
    struct platform platform;
};

/* Finds leaf and root, in whatever order the certificates stand. */
static bool read_chain(struct bytes pem, struct intel_need *n)
{
    const struct certificate *leaf = NULL, *root = NULL;
    n->leaf = n->root = NULL;
    if (!bundle_chain_read(pem, &n->chain)) {
        return false;
    }
    for (size_t i = 0; i < n->chain.count; i++) {
        const struct certificate *c = &n->chain.certificates[i];
        leaf = leaf == NULL && bundle_platform(c, &n->platform) ? c : leaf;
        root = certificate_links(c, c) ? c : root;
    }
    if (leaf == NULL || root == NULL) {
        return false;
    }
    n->leaf = leaf;
    n->root = root;
    return true;
}

/* The chain whose first key signed the quoting enclave's report. Certificates of one platform
 * differ by TCB level, and quotes without a chain name theirs only in encrypted form. */
static struct alcove_bytes pick_pck_chain(const struct search *s, struct intel_need *n)
{
    struct alcove_bundle_position at = {0};
    struct bytes content;
    struct pick best = {0};
    struct crypto x;
    const struct signature signature = {SCHEME_ECDSA_SHA256,
                                        BYTES_OF(n->quote.qe_report_signature)};
    crypto_enter(&x);
    for (size_t tries = 0; tries < BUNDLE_PCK_TRIES_MAX; tries++) {
        if (!next_of(s, ALCOVE_BUNDLE_PCK_CHAIN, &at, &content)) {
            break;
        }
        if (read_chain(content, n) &&
            crypto_verify(&x, &n->leaf->key, &signature, n->quote.qe_report_bytes)) {
            const struct pick p = {.content = content,
                                   .rank = s->time >= n->leaf->not_before &&
                                           s->time <= n->leaf->not_after,
                                   .issued = n->leaf->not_before};
            offer(&best, s->time, &p);
        }
    }
    crypto_leave(&x);
    ignore_result(!read_chain(best.content, n), "where there is no chain, n says so");
    return view_of(best.content);
}

static struct alcove_bytes pick_tcb_info(const struct search *s, const struct intel_need *n)
{
    struct alcove_bundle_position at = {0};
    struct bytes content;
    struct pick best = {0};
    enum alcove_bundle_tee tee =
        n->quote.kind == ALCOVE_EVIDENCE_TDX_QUOTE ? ALCOVE_BUNDLE_TEE_TDX : ALCOVE_BUNDLE_TEE_SGX;
    char fmspc[2 * sizeof n->platform.fmspc + 1];
    hex_encode(fmspc, n->platform.fmspc, sizeof n->platform.fmspc);
    while (n->leaf != NULL && next_of(s, ALCOVE_BUNDLE_TCB_INFO, &at, &content)) {
        struct alcove_bundle_entry e;
        if (!bundle_document_says(content, "tcbInfo", "fmspc", fmspc)) {
            continue;
        }
        bundle_facts(ALCOVE_BUNDLE_TCB_INFO, content, &e);
        if (e.readable && e.tee == tee &&
            __builtin_memcmp(e.pceid, n->platform.pceid, sizeof e.pceid) == 0) {
            const struct pick p = {content, 0, e.issued, e.evaluation_number};
            offer(&best, s->time, &p);
        }
    }
    return view_of(best.content);
}

static struct alcove_bytes pick_identity(const struct search *s, const struct intel_need *n)
{
    struct alcove_bundle_position at = {0};
    struct bytes content;
    struct pick best = {0};
    const char *id = n->quote.kind == ALCOVE_EVIDENCE_TDX_QUOTE ? "TD_QE" : "QE";
    while (next_of(s, ALCOVE_BUNDLE_QE_IDENTITY, &at, &content)) {
        struct alcove_bundle_entry e;
        if (!bundle_document_says(content, "enclaveIdentity", "id", id)) {
            continue;
        }
        bundle_facts(ALCOVE_BUNDLE_QE_IDENTITY, content, &e);
        if (e.readable) {
            const struct pick p = {content, 0, e.issued, e.evaluation_number};
            offer(&best, s->time, &p);
        }
    }
    return view_of(best.content);
}

/* A chain under the PCK chain's root key, valid at the time if there is one. */
static struct alcove_bytes pick_tcb_chain(const struct search *s, const struct intel_need *n)
{
    struct alcove_bundle_position at = {0};
    struct bytes content;
    struct pick best = {0};
    struct bundle_chain chain;
    while (next_of(s, ALCOVE_BUNDLE_TCB_CHAIN, &at, &content)) {
        if (!bundle_chain_read(content, &chain)) {
            continue;
        }
        const struct certificate *signer = &chain.certificates[0];
        const struct certificate *root = &chain.certificates[chain.count - 1];
        bool same_root =
            n->root != NULL && __builtin_memcmp(n->root->spki_sha256, root->spki_sha256, 32) == 0;
        bool valid = s->time >= signer->not_before && s->time <= signer->not_after;
        const struct pick p = {content, 2u * same_root + valid, signer->not_before, 0};
        offer(&best, s->time, &p);
    }
    return view_of(best.content);
}

static void select_intel(const struct search *s, struct bytes evidence)
{
    struct intel_need n = {0};
    struct alcove_collateral *ret = s->ret;
    if (quote_read(evidence, &n.quote) != ALCOVE_REASON_NONE) {
        return;
    }
    if (n.quote.cert_type == QUOTE_CERT_PCK_CHAIN) {
        ignore_result(!read_chain(n.quote.cert_data, &n), "where there is no chain, n says so");
    } else {
        ret->pck_chain = pick_pck_chain(s, &n);
    }
    ret->tcb_info = pick_tcb_info(s, &n);
    ret->qe_identity = pick_identity(s, &n);
    ret->tcb_chain = ret->qe_chain = pick_tcb_chain(s, &n);
    if (n.leaf != NULL) {
        ret->pck_crl = pick_crl(s, ALCOVE_BUNDLE_PCK_CRL, n.leaf->issuer);
        ret->root_crl = pick_crl(s, ALCOVE_BUNDLE_ROOT_CRL, n.root->subject);
    }
}

/* RA-TLS: the quote inside, in whichever format. What the policy thinks of old ones is its own. */
static void select_ratls(const struct search *s, struct bytes text)
{
    uint8_t storage[CERTIFICATE_SIZE_MAX];
    struct writer decoded = writer_of(storage, sizeof storage);
    enum alcove_wrapping wrapping;
    struct bytes quote;
    if (ratls_find(text, &decoded, &wrapping, &quote)) {
        select_intel(s, quote);
    }
}

/* ---- AMD ---- */

/* The certificate of this chip and TCB; of a provider's key, which no report names, of this TCB. */
static bool fits(const struct alcove_bundle_entry *e, const struct snp_report *r)
{
    static const uint8_t zeros[64];
    struct alcove_snp_tcb tcb;
    size_t size = e->chip_id_size;
    bool chip =
        e->is_vlek || (__builtin_memcmp(e->chip_id, r->facts.chip_id, size) == 0 && size > 0 &&
                       __builtin_memcmp(zeros, r->facts.chip_id + size, sizeof zeros - size) == 0);
    return e->readable && chip && e->is_vlek == r->facts.signed_by_vlek &&
           (!r->has_model || r->product == e->product) &&
           snp_tcb_read(e->product, r->reported_tcb, &tcb) &&
           __builtin_memcmp(&tcb, &e->tcb, sizeof tcb) == 0;
}

static void select_amd(const struct search *s, struct bytes report)
{
    struct snp_report r;
    struct alcove_bundle_position at = {0};
    struct bytes content;
    struct pick best = {0}, chain = {0};
    struct alcove_bundle_entry e;
    if (snp_report_read(report, &r) != ALCOVE_REASON_NONE) {
        return;
    }
    enum alcove_snp_product product = r.product;
    while (next_of(s, ALCOVE_BUNDLE_AMD_VEK, &at, &content)) {
        bundle_facts(ALCOVE_BUNDLE_AMD_VEK, content, &e);
        if (fits(&e, &r)) {
            offer_entry(&best, s->time, &e);
            product = best.content.data == content.data ? e.product : product;
        }
    }
    at = (struct alcove_bundle_position){0};
    while (next_of(s, ALCOVE_BUNDLE_AMD_CHAIN, &at, &content)) {
        bundle_facts(ALCOVE_BUNDLE_AMD_CHAIN, content, &e);
        if (e.readable && e.product == product && e.is_vlek == r.facts.signed_by_vlek) {
            offer_entry(&chain, s->time, &e);
        }
    }
    s->ret->amd_vek = view_of(best.content);
    s->ret->amd_chain = view_of(chain.content);
    struct pick crl = {0};
    at = (struct alcove_bundle_position){0};
    while (next_of(s, ALCOVE_BUNDLE_AMD_CRL, &at, &content)) {
        bundle_facts(ALCOVE_BUNDLE_AMD_CRL, content, &e);
        if (e.readable && e.product == product) {
            const struct pick p = {.content = content, .issued = e.issued};
            offer(&crl, s->time, &p);
        }
    }
    s->ret->amd_crl = view_of(crl.content);
}

bool alcove_bundle_select(struct alcove_bytes bundle, struct alcove_bytes evidence, int64_t time,
                          struct alcove_collateral *ret)
{
    const struct search s = {BYTES(bundle.data, bundle.size), time, ret};
    struct bytes e = check_view(evidence);
    struct hcl h;
    *ret = (struct alcove_collateral){0};
    if (!alcove_bundle_valid(bundle)) {
        return false;
    }
    switch (family_of(e)) {
    case FAMILY_INTEL:
        select_intel(&s, e);
        break;
    case FAMILY_RATLS:
        select_ratls(&s, e);
        break;
    case FAMILY_AMD:
        select_amd(&s, e);
        break;
    case FAMILY_AZURE:
        if (hcl_read(e, &h) == ALCOVE_REASON_NONE) {
            select_amd(&s, h.report);
        }
        break;
    case FAMILY_AWS: /* documents carry their certificates */
        break;
    }
    return true;
}
