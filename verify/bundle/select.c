/* SPDX-License-Identifier: Apache-2.0 */
/* Picks from a bundle what fits the evidence. Everything that it reads may be a lie; it decides
 * nothing but which bytes are handed to the verifier, who checks them as if they came from
 * anywhere. So names and numbers are taken at their word here. Names do not tell makers apart,
 * though: others' authorities (a test's, an attacker's) may be called as Intel's are. So among
 * several of a name the one is picked that the evidence's own chain signed, or that signed the
 * evidence. That is a hint, too: few signatures are tried, and a wrong choice only rejects. */
#include "amd/hcl.h"
#include "amd/report.h"
#include "bundle/bundle.h"
#include "check.h"
#include "intel/collateral.h"
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

static bool better(int64_t time, const struct pick *a, const struct pick *than)
{
    if (a->rank != than->rank) {
        return a->rank > than->rank;
    }
    return a->issued == than->issued ? a->number > than->number
                                     : newer(time, a->issued, than->issued);
}

static void offer(struct pick *best, int64_t time, const struct pick *candidate)
{
    if (best->content.size == 0 || better(time, candidate, best)) {
        *best = *candidate;
    }
}

/* Those that come into question, the best first. Of more than fit the best are kept. */
struct shortlist {
    struct pick picks[BUNDLE_CANDIDATES_MAX];
    size_t count;
};

static void enlist(struct shortlist *l, int64_t time, const struct pick *candidate)
{
    size_t at = l->count;
    while (at > 0 && better(time, candidate, &l->picks[at - 1])) {
        at--;
    }
    if (at == ARRAY_SIZE(l->picks)) {
        return;
    }
    l->count += l->count < ARRAY_SIZE(l->picks);
    __builtin_memmove(&l->picks[at + 1], &l->picks[at], (l->count - 1 - at) * sizeof l->picks[0]);
    l->picks[at] = *candidate;
}

static void enlist_entry(struct shortlist *l, int64_t time, const struct alcove_bundle_entry *e)
{
    const struct pick p = {.content = BYTES(e->content.data, e->content.size),
                           .rank = time >= e->issued && time <= e->expires,
                           .issued = e->issued,
                           .number = e->evaluation_number};
    enlist(l, time, &p);
}

static struct alcove_bytes view_of(struct bytes b)
{
    return (struct alcove_bytes){b.data, b.size};
}

struct search {
    struct bytes bundle;
    int64_t time;
    struct alcove_collateral *ret;
    struct crypto *crypto;
    size_t *tries; /* signatures that may still be tried: BUNDLE_SIGNATURES_MAX */
};

static bool try_signature(const struct search *s, const struct public_key *key,
                          const struct signature *signature, struct bytes message)
{
    if (*s->tries == 0) {
        return false;
    }
    --*s->tries;
    return crypto_verify(s->crypto, key, signature, message);
}

static bool try_certificate(const struct search *s, const struct certificate *c,
                            const struct certificate *issuer)
{
    return try_signature(s, &issuer->key, &c->signature, c->tbs);
}

/* The first that is `good`; where none is, and where there is no choice, the first. */
static struct bytes first_good(const struct search *s, const struct shortlist *l,
                               bool (*good)(const struct search *s, struct bytes content,
                                            const void *context),
                               const void *context)
{
    for (size_t i = 0; l->count > 1 && i < l->count; i++) {
        if (good(s, l->picks[i].content, context)) {
            return l->picks[i].content;
        }
    }
    return l->count > 0 ? l->picks[0].content : (struct bytes){0};
}

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

static bool signed_list(const struct search *s, struct bytes content, const void *context)
{
    const struct certificate *issuer = context;
    struct crl crl;
    return issuer != NULL && crl_read(content, &crl) &&
           try_signature(s, &issuer->key, &crl.signature, crl.tbs);
}

/* The list of this issuer, by its raw name and, where there is its certificate, its key. */
static struct alcove_bytes pick_crl(const struct search *s, enum alcove_bundle_kind kind,
                                    struct bytes name, const struct certificate *issuer)
{
    struct alcove_bundle_position at = {0};
    struct bytes content;
    struct shortlist list = {.count = 0};
    while (next_of(s, kind, &at, &content)) {
        struct crl crl;
        if (crl_read(content, &crl) && bytes_equal(crl.issuer, name)) {
            const struct pick p = {.content = content, .issued = crl.this_update};
            enlist(&list, s->time, &p);
        }
    }
    return view_of(first_good(s, &list, signed_list, issuer));
}

/* ---- Intel ---- */

struct intel_need {
    struct quote quote;
    struct bundle_chain chain;
    const struct certificate *leaf, *root; /* of it; NULL where there is no good one */
    const struct certificate *ca;          /* the leaf's issuer; NULL where it is missing */
    struct platform platform;
};

/* Finds leaf and root, in whatever order the certificates stand. */
static bool read_chain(struct bytes pem, struct intel_need *n)
{
    const struct certificate *leaf = NULL, *ca = NULL, *root = NULL;
    n->leaf = n->ca = n->root = NULL;
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
    for (size_t i = 0; i < n->chain.count; i++) {
        const struct certificate *c = &n->chain.certificates[i];
        ca = certificate_links(leaf, c) ? c : ca;
    }
    n->leaf = leaf;
    n->ca = ca;
    n->root = root;
    return true;
}

/* Chains are put together by names. */
static bool issued_by_chain(const struct search *s, const struct intel_need *n)
{
    return n->ca != NULL && try_certificate(s, n->leaf, n->ca) &&
           try_certificate(s, n->ca, n->root);
}

/* The chain whose first key signed the quoting enclave's report. Certificates of one platform
 * differ by TCB level, and quotes without a chain name theirs only in encrypted form. */
static struct alcove_bytes pick_pck_chain(const struct search *s, struct intel_need *n)
{
    struct alcove_bundle_position at = {0};
    struct bytes content;
    struct pick best = {0};
    const struct signature signature = {SCHEME_ECDSA_SHA256,
                                        BYTES_OF(n->quote.qe_report_signature)};
    for (size_t tries = 0; tries < BUNDLE_PCK_TRIES_MAX; tries++) {
        if (!next_of(s, ALCOVE_BUNDLE_PCK_CHAIN, &at, &content)) {
            break;
        }
        if (read_chain(content, n) &&
            crypto_verify(s->crypto, &n->leaf->key, &signature, n->quote.qe_report_bytes)) {
            bool valid = s->time >= n->leaf->not_before && s->time <= n->leaf->not_after;
            const struct pick p = {.content = content,
                                   .rank = 2u * issued_by_chain(s, n) + valid,
                                   .issued = n->leaf->not_before};
            offer(&best, s->time, &p);
        }
    }
    ignore_result(!read_chain(best.content, n), "where there is no chain, n says so");
    return view_of(best.content);
}

/* A chain under the PCK chain's root key that signed the document, if there is one; valid at the
 * time, if there is one. */
static bool find_signer(const struct search *s, const struct intel_need *n,
                        const struct signed_json *document, struct bytes *ret)
{
    const struct signature signature = {SCHEME_ECDSA_SHA256, BYTES_OF(document->signature)};
    struct alcove_bundle_position at = {0};
    struct bytes content;
    struct bundle_chain chain;
    struct pick best = {0};
    while (n->root != NULL && next_of(s, ALCOVE_BUNDLE_TCB_CHAIN, &at, &content)) {
        if (!bundle_chain_read(content, &chain)) {
            continue;
        }
        const struct certificate *signer = &chain.certificates[0];
        const struct certificate *root = &chain.certificates[chain.count - 1];
        const struct pick p = {.content = content,
                               .rank =
                                   s->time >= signer->not_before && s->time <= signer->not_after,
                               .issued = signer->not_before};
        if (__builtin_memcmp(n->root->spki_sha256, root->spki_sha256, 32) == 0 &&
            (best.content.size == 0 || better(s->time, &p, &best)) &&
            try_signature(s, &signer->key, &signature, document->body) &&
            try_certificate(s, signer, root)) {
            best = p;
        }
    }
    *ret = best.content;
    return best.content.size > 0;
}

/* Did its root, which is the PCK chain's, really issue the first certificate? Chains are put
 * together by names. */
static bool signed_signer(const struct search *s, struct bytes content, const void *context)
{
    const struct certificate *root = context;
    struct bundle_chain chain;
    return root != NULL && bundle_chain_read(content, &chain) &&
           try_certificate(s, &chain.certificates[0], root);
}

/* A chain under the PCK chain's root key, valid at the time if there is one: for documents that
 * nobody here signed. */
static struct bytes pick_tcb_chain(const struct search *s, const struct intel_need *n)
{
    struct alcove_bundle_position at = {0};
    struct bytes content;
    struct shortlist list = {.count = 0};
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
        enlist(&list, s->time, &p);
    }
    return first_good(s, &list, signed_signer, n->root);
}

static bool document_of(enum alcove_bundle_kind kind, struct bytes text, struct signed_json *ret)
{
    union {
        struct tcb_info info;
        struct qe_identity identity;
    } u;
    bool is_info = kind == ALCOVE_BUNDLE_TCB_INFO;
    bool ok = is_info ? tcb_info_read(text, &u.info) : qe_identity_read(text, &u.identity);
    if (ok) {
        *ret = is_info ? u.info.document : u.identity.document;
    }
    return ok;
}

/* The first document that a chain here signed, and that chain. Where there is none, the first
 * document, and a chain that would do for others. */
static void pick_document(const struct search *s, const struct intel_need *n,
                          enum alcove_bundle_kind kind, const struct shortlist *list,
                          struct alcove_bytes *ret, struct alcove_bytes *ret_chain)
{
    struct bytes chain = {0};
    size_t found = 0;
    for (size_t i = 0; i < list->count && chain.size == 0; i++) {
        struct signed_json document;
        if (document_of(kind, list->picks[i].content, &document) &&
            find_signer(s, n, &document, &chain)) {
            found = i;
        }
    }
    *ret = view_of(list->count > 0 ? list->picks[found].content : (struct bytes){0});
    *ret_chain = view_of(chain.size > 0 ? chain : pick_tcb_chain(s, n));
}

static void pick_tcb_info(const struct search *s, const struct intel_need *n)
{
    struct alcove_bundle_position at = {0};
    struct bytes content;
    struct shortlist list = {.count = 0};
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
            enlist(&list, s->time, &p);
        }
    }
    pick_document(s, n, ALCOVE_BUNDLE_TCB_INFO, &list, &s->ret->tcb_info, &s->ret->tcb_chain);
}

static void pick_identity(const struct search *s, const struct intel_need *n)
{
    struct alcove_bundle_position at = {0};
    struct bytes content;
    struct shortlist list = {.count = 0};
    const char *id = n->quote.kind == ALCOVE_EVIDENCE_TDX_QUOTE ? "TD_QE" : "QE";
    while (next_of(s, ALCOVE_BUNDLE_QE_IDENTITY, &at, &content)) {
        struct alcove_bundle_entry e;
        if (!bundle_document_says(content, "enclaveIdentity", "id", id)) {
            continue;
        }
        bundle_facts(ALCOVE_BUNDLE_QE_IDENTITY, content, &e);
        if (e.readable) {
            const struct pick p = {content, 0, e.issued, e.evaluation_number};
            enlist(&list, s->time, &p);
        }
    }
    pick_document(s, n, ALCOVE_BUNDLE_QE_IDENTITY, &list, &s->ret->qe_identity, &s->ret->qe_chain);
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
    pick_tcb_info(s, &n);
    pick_identity(s, &n);
    if (n.leaf != NULL) {
        ret->pck_crl = pick_crl(s, ALCOVE_BUNDLE_PCK_CRL, n.leaf->issuer, n.ca);
        ret->root_crl = pick_crl(s, ALCOVE_BUNDLE_ROOT_CRL, n.root->subject, n.root);
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

static bool signed_report(const struct search *s, struct bytes content, const void *context)
{
    const struct snp_report *r = context;
    const struct signature signature = {SCHEME_ECDSA_SHA384, BYTES_OF(r->signature)};
    struct certificate vek;
    return certificate_read(content, &vek) &&
           try_signature(s, &vek.key, &signature, r->signed_bytes);
}

/* Did the ASK sign this VEK, and the ARK the ASK? */
static bool signed_vek(const struct search *s, struct bytes content, const void *context)
{
    const struct certificate *vek = context;
    struct bundle_chain chain;
    return vek != NULL && bundle_chain_read(content, &chain) &&
           try_certificate(s, vek, &chain.certificates[0]) &&
           try_certificate(s, &chain.certificates[0], &chain.certificates[chain.count - 1]);
}

static struct bytes pick_vek(const struct search *s, const struct snp_report *r)
{
    struct alcove_bundle_position at = {0};
    struct alcove_bundle_entry e;
    struct bytes content;
    struct shortlist list = {.count = 0};
    while (next_of(s, ALCOVE_BUNDLE_AMD_VEK, &at, &content)) {
        bundle_facts(ALCOVE_BUNDLE_AMD_VEK, content, &e);
        if (fits(&e, r)) {
            enlist_entry(&list, s->time, &e);
        }
    }
    return first_good(s, &list, signed_report, r);
}

/* Chains or lists of this product. */
static void enlist_product(const struct search *s, enum alcove_bundle_kind kind,
                           enum alcove_snp_product product, bool is_vlek, struct shortlist *ret)
{
    struct alcove_bundle_position at = {0};
    struct alcove_bundle_entry e;
    struct bytes content;
    ret->count = 0;
    while (next_of(s, kind, &at, &content)) {
        bundle_facts(kind, content, &e);
        if (e.readable && e.product == product && e.is_vlek == is_vlek) {
            enlist_entry(ret, s->time, &e);
        }
    }
}

static void select_amd(const struct search *s, struct bytes report)
{
    struct snp_report r;
    struct shortlist list;
    struct certificate vek;
    struct bundle_chain chain;
    if (snp_report_read(report, &r) != ALCOVE_REASON_NONE) {
        return;
    }
    enum alcove_snp_product product = r.product;
    struct bytes content = pick_vek(s, &r);
    s->ret->amd_vek = view_of(content);
    bool has_vek = certificate_read(content, &vek);
    if (has_vek) {
        struct alcove_bundle_entry e;
        bundle_facts(ALCOVE_BUNDLE_AMD_VEK, content, &e);
        product = e.product;
    }
    enlist_product(s, ALCOVE_BUNDLE_AMD_CHAIN, product, r.facts.signed_by_vlek, &list);
    content = first_good(s, &list, signed_vek, has_vek ? &vek : NULL);
    s->ret->amd_chain = view_of(content);
    enlist_product(s, ALCOVE_BUNDLE_AMD_CRL, product, false, &list);
    bool has_ark = bundle_chain_read(content, &chain);
    const struct certificate *ark = has_ark ? &chain.certificates[chain.count - 1] : NULL;
    s->ret->amd_crl = view_of(first_good(s, &list, signed_list, ark));
}

bool alcove_bundle_select(struct alcove_bytes bundle, struct alcove_bytes evidence, int64_t time,
                          struct alcove_collateral *ret)
{
    struct crypto crypto;
    size_t tries = BUNDLE_SIGNATURES_MAX;
    const struct search s = {BYTES(bundle.data, bundle.size), time, ret, &crypto, &tries};
    struct bytes e = check_view(evidence);
    struct hcl h;
    *ret = (struct alcove_collateral){0};
    if (!alcove_bundle_valid(bundle)) {
        return false;
    }
    crypto_enter(&crypto);
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
    crypto_leave(&crypto);
    return true;
}
