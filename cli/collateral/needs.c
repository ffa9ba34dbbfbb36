/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with the entries of a bundle, and what is missing beside them. It says what
 * verifiers will miss; whether evidence is believed is decided by alcove_verify() alone. */
#include <stdlib.h>
#include <string.h>

#include "verb.h"

#define FETCH_AGAIN "fetch it again and pack the bundle anew"

/* ---- Entries of one group are versions of the same thing ---- */

static int order(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_groups(const struct alcove_bundle_entry *a, const struct alcove_bundle_entry *b)
{
    int by[] = {
        order(a->kind, b->kind),
        order(a->readable, b->readable),
        order(a->tee, b->tee),
        memcmp(a->fmspc, b->fmspc, sizeof a->fmspc),
        memcmp(a->pceid, b->pceid, sizeof a->pceid),
        order(a->product, b->product),
        order(a->is_vlek, b->is_vlek),
        memcmp(a->chip_id, b->chip_id, sizeof a->chip_id),
        memcmp(&a->tcb, &b->tcb, sizeof a->tcb),
        strcmp(a->subject, b->subject),
        strcmp(a->issuer, b->issuer),
    };
    for (size_t i = 0; i < ARRAY_SIZE(by); i++) {
        if (by[i] != 0) {
            return by[i];
        }
    }
    return 0;
}

static int compare(const void *a, const void *b)
{
    const struct alcove_bundle_entry *const *x = a, *const *y = b;
    int by = compare_groups(*x, *y);
    return by != 0 ? by : order((uintptr_t)*x, (uintptr_t)*y);
}

static bool is_certificate(const struct alcove_bundle_entry *e)
{
    return e->kind == ALCOVE_BUNDLE_AMD_CHAIN || e->kind == ALCOVE_BUNDLE_AMD_VEK ||
           e->kind == ALCOVE_BUNDLE_PCK_CHAIN || e->kind == ALCOVE_BUNDLE_TCB_CHAIN;
}

/* Would selection rather take a than b, as of this time? As docs/formats/collateral.md has it. */
static bool rather(const struct alcove_bundle_entry *a, const struct alcove_bundle_entry *b,
                   int64_t time)
{
    bool a_valid = time >= a->issued && time <= a->expires;
    bool b_valid = time >= b->issued && time <= b->expires;
    bool a_past = a->issued <= time, b_past = b->issued <= time;
    if (is_certificate(a) && a_valid != b_valid) {
        return a_valid;
    }
    if (a->issued == b->issued) {
        return a->evaluation_number > b->evaluation_number;
    }
    return a_past != b_past ? a_past : a_past ? a->issued > b->issued : a->issued < b->issued;
}

/* Certificates of one platform differ by its TCB level, and quotes of any may come. */
static bool same_group(const struct alcove_bundle_entry *a, const struct alcove_bundle_entry *b)
{
    return a->kind != ALCOVE_BUNDLE_PCK_CHAIN && a->readable && compare_groups(a, b) == 0;
}

static void mark_current(struct shelf_check *c)
{
    const struct alcove_bundle_entry **sorted = calloc(c->entry_count + 1, sizeof *sorted);
    if (sorted == NULL) {
        c->out_of_memory = true;
        return;
    }
    for (size_t i = 0; i < c->entry_count; i++) {
        sorted[i] = &c->entries[i];
    }
    qsort(sorted, c->entry_count, sizeof(*sorted), compare);
    for (size_t from = 0, to; from < c->entry_count; from = to) {
        const struct alcove_bundle_entry *best = sorted[from];
        for (to = from + 1; to < c->entry_count && same_group(sorted[from], sorted[to]); to++) {
            best = rather(sorted[to], best, c->time) ? sorted[to] : best;
        }
        c->current[best - c->entries] = true;
        c->older_count += to - from - 1;
    }
    free(sorted);
}

/* ---- Dates and signatures ---- */

static void check_period(struct shelf_check *c, struct words what, int64_t from, int64_t until,
                         const char *advice)
{
    if (until < c->time) {
        check_note(c, PROBLEM_EXPIRED, NULL, what, until, "%s", advice);
    } else if (from > c->time) {
        check_note(c, PROBLEM_NOT_YET_VALID, NULL, what, from,
                   "all that is here of it was issued later; is the time right?");
    } else if (until <= c->time || until - c->time <= c->within) {
        check_note(c, PROBLEM_SOON, NULL, what, until, "%s", advice);
    }
}

static void check_dates(struct shelf_check *c, const struct alcove_bundle_entry *e)
{
    const char *advice = e->kind == ALCOVE_BUNDLE_PCK_CHAIN
                             ? "fetch the platform's certificate again and pack the bundle anew"
                             : FETCH_AGAIN;
    check_period(c, words_of(e), e->issued, e->expires, advice);
}

static bool is_list(const struct alcove_bundle_entry *e)
{
    return e->kind == ALCOVE_BUNDLE_AMD_CRL || e->kind == ALCOVE_BUNDLE_PCK_CRL ||
           e->kind == ALCOVE_BUNDLE_ROOT_CRL;
}

static bool is_document(const struct alcove_bundle_entry *e)
{
    return e->kind == ALCOVE_BUNDLE_TCB_INFO || e->kind == ALCOVE_BUNDLE_QE_IDENTITY;
}

struct tally {
    size_t unknown_root, unchecked; /* entries; the first of each is named */
    struct words first_unknown, first_unchecked;
};

static bool any_of(const struct shelf_check *c, enum alcove_bundle_kind kind);

static void check_signature(struct shelf_check *c, const struct alcove_bundle_entry *e,
                            bool current, struct tally *t)
{
    struct words what = words_of(e);
    struct alcove_bundle_finding f =
        alcove_bundle_check(e, c->signers, c->time, c->roots, c->root_count);
    switch (f.signature) {
    case ALCOVE_BUNDLE_SIGNATURE_BAD:
        check_note(c, PROBLEM_SIGNATURE, NULL, what, e->issued,
                   "its signature is not good: it was changed or is a forgery; " FETCH_AGAIN);
        return;
    case ALCOVE_BUNDLE_SIGNATURE_SIGNER_MISSING:
        if (is_document(e) && current && any_of(c, ALCOVE_BUNDLE_TCB_CHAIN)) {
            check_note(c, PROBLEM_SIGNATURE, NULL, what, e->issued,
                       "no TCB signing chain here signed it: either its own is missing, or it was "
                       "changed; fetch it again with the chain that comes in the answer's headers");
        }
        if (e->kind == ALCOVE_BUNDLE_PCK_CRL || e->kind == ALCOVE_BUNDLE_ROOT_CRL) {
            t->first_unchecked = t->unchecked++ == 0 ? what : t->first_unchecked;
        }
        return;
    case ALCOVE_BUNDLE_SIGNATURE_UNKNOWN_ROOT:
        t->first_unknown = t->unknown_root++ == 0 ? what : t->first_unknown;
        return;
    case ALCOVE_BUNDLE_SIGNATURE_GOOD:
        break;
    }
    /* What will expire is told of the chain itself. */
    bool valid = c->time >= f.valid_from && c->time <= f.valid_until;
    if (current && !valid && (is_document(e) || is_list(e))) {
        struct words signer;
        base_format(signer.text, sizeof signer.text, "signing chain of %.200s", what.text);
        check_period(c, signer, f.valid_from, f.valid_until, FETCH_AGAIN);
    }
}

void check_entries(struct shelf_check *c)
{
    struct tally t = {0};
    mark_current(c);
    for (size_t i = 0; i < c->entry_count && !c->out_of_memory; i++) {
        const struct alcove_bundle_entry *e = &c->entries[i];
        if (!e->readable) {
            check_note(c, PROBLEM_UNREADABLE, NULL, words_of(e), 0,
                       "no verifier of this version uses it; " FETCH_AGAIN);
            continue;
        }
        if (c->current[i]) {
            check_dates(c, e);
        }
        check_signature(c, e, c->current[i], &t);
    }
    if (t.unknown_root > 0) {
        check_note(c, PROBLEM_SIGNATURE, NULL, t.first_unknown, 0,
                   "%s below a root that is neither built in nor named; if you trust it, name it: "
                   "--root FILE",
                   t.unknown_root == 1 ? "signed" : "this and others are signed");
    }
    if (t.unchecked > 0) {
        check_note(c, PROBLEM_NOTE, NULL, t.first_unchecked, 0,
                   "%s not compared with the issuer's key, whose certificate comes with the "
                   "evidence (--for)",
                   t.unchecked == 1 ? "was" : "this list and others were");
    }
}

/* ---- What is missing beside what is there ---- */

static bool any_of(const struct shelf_check *c, enum alcove_bundle_kind kind)
{
    for (size_t i = 0; i < c->entry_count; i++) {
        if (c->entries[i].kind == kind && c->entries[i].readable) {
            return true;
        }
    }
    return false;
}

static bool any_of_tee(const struct shelf_check *c, enum alcove_bundle_kind kind,
                       enum alcove_bundle_tee tee)
{
    for (size_t i = 0; i < c->entry_count; i++) {
        if (c->entries[i].kind == kind && c->entries[i].tee == tee) {
            return true;
        }
    }
    return false;
}

static bool any_list_of(const struct shelf_check *c, enum alcove_bundle_kind kind,
                        const char *issuer)
{
    for (size_t i = 0; i < c->entry_count; i++) {
        if (c->entries[i].kind == kind && strcmp(c->entries[i].issuer, issuer) == 0) {
            return true;
        }
    }
    return false;
}

static struct words name(const char *text)
{
    struct words w;
    base_format(w.text, sizeof w.text, "%s", text);
    return w;
}

static void need_tcb(struct shelf_check *c, enum alcove_bundle_tee tee)
{
    struct words w;
    bool info = any_of_tee(c, ALCOVE_BUNDLE_TCB_INFO, tee);
    bool identity = any_of_tee(c, ALCOVE_BUNDLE_QE_IDENTITY, tee);
    const char *service = tee == ALCOVE_BUNDLE_TEE_TDX ? "tdx" : "sgx";
    if (info && !identity) {
        base_format(w.text, sizeof w.text, "QE identity, %s", words_tee(tee));
        check_note(c, PROBLEM_MISSING, NULL, w, 0,
                   "TCB info of that kind is here; Intel's service has it at "
                   "%s/certification/v4/qe/identity",
                   service);
    }
    if (identity && !info) {
        base_format(w.text, sizeof w.text, "TCB info, %s", words_tee(tee));
        check_note(c, PROBLEM_MISSING, NULL, w, 0,
                   "QE identity of that kind is here; Intel's service has one for each platform at "
                   "%s/certification/v4/tcb?fmspc=FMSPC",
                   service);
    }
}

static bool has_tcb_info(const struct shelf_check *c, const struct alcove_bundle_entry *platform)
{
    for (size_t i = 0; i < c->entry_count; i++) {
        const struct alcove_bundle_entry *e = &c->entries[i];
        if (e->kind == ALCOVE_BUNDLE_TCB_INFO && e->readable &&
            memcmp(e->fmspc, platform->fmspc, sizeof e->fmspc) == 0 &&
            memcmp(e->pceid, platform->pceid, sizeof e->pceid) == 0) {
            return true;
        }
    }
    return false;
}

static void need_for_pck(struct shelf_check *c, const struct alcove_bundle_entry *e)
{
    struct words w;
    struct alcove_bundle_entry info = *e;
    info.kind = ALCOVE_BUNDLE_TCB_INFO;
    if (!has_tcb_info(c, e)) {
        base_format(w.text, sizeof w.text, "TCB info%s", strstr(words_of(&info).text, ", FMSPC"));
        check_note(c, PROBLEM_MISSING, NULL, w, 0,
                   "a PCK chain of that platform is here; Intel's service has it at "
                   "sgx/ or tdx/certification/v4/tcb?fmspc=FMSPC");
    }
    if (any_of(c, ALCOVE_BUNDLE_PCK_CRL) && !any_list_of(c, ALCOVE_BUNDLE_PCK_CRL, e->issuer)) {
        base_format(w.text, sizeof w.text, "revocation list of %s", e->issuer);
        check_note(c, PROBLEM_MISSING, NULL, w, 0,
                   "that CA issued a PCK certificate that is here; Intel's service has it at "
                   "sgx/certification/v4/pckcrl?ca=platform or ca=processor");
    }
}

static void need_intel(struct shelf_check *c)
{
    bool documents = any_of(c, ALCOVE_BUNDLE_TCB_INFO) || any_of(c, ALCOVE_BUNDLE_QE_IDENTITY);
    bool platforms = any_of(c, ALCOVE_BUNDLE_PCK_CHAIN);
    need_tcb(c, ALCOVE_BUNDLE_TEE_SGX);
    need_tcb(c, ALCOVE_BUNDLE_TEE_TDX);
    for (size_t i = 0; i < c->entry_count; i++) {
        if (c->entries[i].kind == ALCOVE_BUNDLE_PCK_CHAIN && c->entries[i].readable) {
            need_for_pck(c, &c->entries[i]);
        }
    }
    if (documents && !any_of(c, ALCOVE_BUNDLE_TCB_CHAIN)) {
        check_note(c, PROBLEM_MISSING, NULL, name("TCB signing chain"), 0,
                   "it signs TCB info and QE identity and comes in the headers of the answers "
                   "(TCB-Info-Issuer-Chain)");
    }
    if ((documents || platforms) && !any_of(c, ALCOVE_BUNDLE_PCK_CRL)) {
        check_note(c, PROBLEM_MISSING, NULL, name("revocation list of the PCK CA"), 0,
                   "Intel's service has it at sgx/certification/v4/pckcrl?ca=platform&encoding=der "
                   "(older platforms: ca=processor)");
    }
    if ((documents || platforms) && !any_of(c, ALCOVE_BUNDLE_ROOT_CRL)) {
        check_note(c, PROBLEM_MISSING, NULL, name("root revocation list"), 0,
                   "Intel's is IntelSGXRootCA.der at certificates.trustedservices.intel.com");
    }
    static const char platform_ca[] = "Intel SGX PCK Platform CA",
                      processor_ca[] = "Intel SGX PCK Processor CA";
    bool platform = any_list_of(c, ALCOVE_BUNDLE_PCK_CRL, platform_ca);
    bool processor = any_list_of(c, ALCOVE_BUNDLE_PCK_CRL, processor_ca);
    if (platform != processor) {
        struct words w;
        base_format(w.text, sizeof w.text, "revocation list of %s",
                    platform ? processor_ca : platform_ca);
        check_note(c, PROBLEM_NOTE, NULL, w, 0, "is not here; %s platforms would need it",
                   platform ? "older, single-socket" : "newer");
    }
}

static bool any_amd(const struct shelf_check *c, uint32_t kinds, enum alcove_snp_product product,
                    int vlek)
{
    for (size_t i = 0; i < c->entry_count; i++) {
        const struct alcove_bundle_entry *e = &c->entries[i];
        if ((ALCOVE_BUNDLE_BIT(e->kind) & kinds) != 0 && e->product == product &&
            (vlek < 0 || e->is_vlek == (vlek != 0))) {
            return true;
        }
    }
    return false;
}

static void need_amd(struct shelf_check *c, enum alcove_snp_product product)
{
    const uint32_t vek = ALCOVE_BUNDLE_BIT(ALCOVE_BUNDLE_AMD_VEK),
                   chain = ALCOVE_BUNDLE_BIT(ALCOVE_BUNDLE_AMD_CHAIN),
                   list = ALCOVE_BUNDLE_BIT(ALCOVE_BUNDLE_AMD_CRL);
    const char *text = alcove_snp_product_name(product);
    bool any_chain = false;
    for (int vlek = 0; vlek < 2; vlek++) {
        bool have = any_amd(c, chain, product, vlek);
        any_chain = any_chain || have;
        if (!have && any_amd(c, vek, product, vlek)) {
            struct words w;
            base_format(w.text, sizeof w.text, "AMD %s chain, %s", vlek ? "ASVK" : "ASK", text);
            check_note(c, PROBLEM_MISSING, NULL, w, 0,
                       "a %s certificate of that product is here; AMD's service has the chain at "
                       "%s/v1/%s/cert_chain",
                       vlek ? "VLEK" : "VCEK", vlek ? "vlek" : "vcek", text);
        }
    }
    struct words w;
    if (!any_chain && !any_amd(c, vek, product, -1) && any_amd(c, list, product, -1)) {
        base_format(w.text, sizeof w.text, "AMD ASK or ASVK chain, %s", text);
        check_note(c, PROBLEM_MISSING, NULL, w, 0,
                   "the list of that product is here; AMD's service has the chain at "
                   "vcek/v1/%s/cert_chain",
                   text);
    }
    if (any_amd(c, vek | chain, product, -1) && !any_amd(c, list, product, -1)) {
        base_format(w.text, sizeof w.text, "AMD revocation list, %s", text);
        check_note(c, PROBLEM_MISSING, NULL, w, 0,
                   "needed unless the policy does without (revocation: {amd: if-given}); AMD's "
                   "service has it at vcek/v1/%s/crl",
                   text);
    }
}

void check_needs(struct shelf_check *c)
{
    need_intel(c);
    for (int p = ALCOVE_SNP_UNKNOWN + 1; p < ALCOVE_SNP_PRODUCT_COUNT; p++) {
        need_amd(c, (enum alcove_snp_product)p);
    }
}
