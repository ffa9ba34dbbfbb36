/* SPDX-License-Identifier: Apache-2.0 */
/* Verifies the evidence of a run. The adversary chooses the whole file: quote, collateral, claims
 * and manifest are believed only after the quote verifies and binds them by hash. */
#include "verify/run.h"
#include "crypto/crypto.h"

static const char *const run_reason_names[] = {
    [RUN_REASON_NONE] = "none",
#define RUN_REASON(name, text, explanation) [RUN_REASON_##name] = text,
#include "verify/run_reasons.def"
#undef RUN_REASON
};
static const char *const run_reason_explanations[] = {
    [RUN_REASON_NONE] = "no check failed",
#define RUN_REASON(name, text, explanation) [RUN_REASON_##name] = explanation,
#include "verify/run_reasons.def"
#undef RUN_REASON
};
_Static_assert(RUN_REASON_COUNT <= 32, "reasons are bits of run_result.failed");

const char *run_reason_name(enum run_reason reason)
{
    return (unsigned)reason < RUN_REASON_COUNT ? run_reason_names[reason] : NULL;
}

const char *run_reason_explain(enum run_reason reason)
{
    return (unsigned)reason < RUN_REASON_COUNT ? run_reason_explanations[reason] : NULL;
}

static void check(struct run_result *r, bool condition, enum run_reason reason)
{
    if (!condition) {
        r->failed |= UINT32_C(1) << reason;
    }
}

static struct alcove_bytes lend(struct bytes b)
{
    return (struct alcove_bytes){b.data, b.size};
}

/* The quote by itself. What it must bind is compared by the caller, reason by reason, so that the
 * library's own expectations are open here. */
static void verify_quote(const struct evidence *e, const struct run_expectation *x, int64_t time,
                         struct run_result *r)
{
    struct alcove_policy p = alcove_policy_strict();
    p.roots = x->roots;
    p.root_count = x->root_count;
    p.allow_debug = x->allow_debug;
    p.accepted_statuses = x->accepted_statuses;
    /* Who accepts another status by name knows that advisories come with it. */
    if ((x->accepted_statuses & ~ALCOVE_TCB_BIT(ALCOVE_TCB_UP_TO_DATE)) != 0) {
        p.advisories.tolerate_mode = ALCOVE_EXPECT_ANY;
    }
    p.mrenclave.mode = p.signer.mode = ALCOVE_EXPECT_ANY;
    p.configid.mode = p.report_data.mode = ALCOVE_EXPECT_ANY;
    const struct alcove_collateral c = {
        .tcb_info = lend(e->collateral.tcb_info),
        .tcb_chain = lend(e->collateral.tcb_chain),
        .qe_identity = lend(e->collateral.qe_identity),
        .qe_chain = lend(e->collateral.qe_chain),
        .pck_crl = lend(e->collateral.pck_crl),
        .pck_crl_chain = lend(e->collateral.pck_crl_chain),
        .root_crl = lend(e->collateral.root_crl),
    };
    struct alcove_verdict v = alcove_verify(lend(e->quote), &c, &p, time, &r->quote);
    REQUIRE(v.accepted_word == r->quote.verdict.accepted_word);
}

static bool hashes_to(struct bytes text, const uint8_t expected[64])
{
    uint8_t hash[64];
    return crypto_sha512(text, hash) && ct_equal(hash, expected, sizeof hash);
}

static void check_bindings(const struct evidence *e, struct run_result *r)
{
    const struct alcove_sgx_report *report = &r->quote.sgx;
    bool bound = r->quote.has_sgx;
    check(r, bound && hashes_to(e->claims, report->report_data), RUN_REASON_CLAIMS_BINDING);
    check(r, bound && hashes_to(e->manifest, report->configid), RUN_REASON_MANIFEST_BINDING);
    if (r->has_manifest) {
        bool debug = (report->attributes_flags & ALCOVE_SGX_FLAG_DEBUG) != 0;
        check(r, bound && r->manifest.debug == debug, RUN_REASON_DEBUG_MISMATCH);
        check(r, !r->manifest.attestation, RUN_REASON_WORKLOAD_ATTESTS);
    }
}

static bool same_layers(const struct manifest *m, const struct run_identity *identity)
{
    if (m->layer_count != identity->layer_count) {
        return false;
    }
    for (size_t i = 0; i < m->layer_count; i++) {
        if (__builtin_memcmp(m->layers[i].root, identity->layer_roots[i], 32) != 0) {
            return false;
        }
    }
    return true;
}

static void check_identity(const struct run_expectation *x, struct run_result *r)
{
    const struct alcove_sgx_report *report = &r->quote.sgx;
    const struct run_identity *i = &x->identity;
    if (x->identity_mode == ALCOVE_EXPECT_ANY) {
        return;
    }
    bool given = x->identity_mode == ALCOVE_EXPECT_VALUE && r->quote.has_sgx;
    check(r, given && __builtin_memcmp(report->mrenclave, i->mrenclave, 32) == 0,
          RUN_REASON_EXPECTED_MRENCLAVE);
    check(r, given && __builtin_memcmp(report->mrsigner, i->mrsigner, 32) == 0,
          RUN_REASON_EXPECTED_MRSIGNER);
    check(r, given && __builtin_memcmp(report->configid, i->configid, 64) == 0,
          RUN_REASON_EXPECTED_CONFIGID);
    check(r, given && r->has_manifest && same_layers(&r->manifest, i), RUN_REASON_EXPECTED_LAYERS);
}

static const struct claim_file *find_claim(const struct run_claims *c,
                                           const struct run_expected_file *f)
{
    const struct claim_file *files = f->output ? c->outputs : c->inputs;
    size_t count = f->output ? c->output_count : c->input_count;
    for (size_t i = 0; i < count; i++) {
        if (bytes_equal(files[i].name, f->name)) {
            return &files[i];
        }
    }
    return NULL;
}

static void check_claims(const struct run_expectation *x, struct run_result *r)
{
    bool any_nonce = x->nonce_mode == ALCOVE_EXPECT_ANY;
    check(r,
          any_nonce || (x->nonce_mode == ALCOVE_EXPECT_VALUE && r->has_claims &&
                        bytes_equal(r->claims.nonce, x->nonce)),
          RUN_REASON_NONCE);
    for (size_t i = 0; i < x->file_count && i < RUN_EXPECTED_FILES_MAX; i++) {
        const struct claim_file *claim =
            r->has_claims ? find_claim(&r->claims, &x->files[i]) : NULL;
        check(r, claim != NULL, RUN_REASON_FILE_UNKNOWN);
        if (claim == NULL) {
            continue;
        }
        bool same = __builtin_memcmp(claim->sha256, x->files[i].sha256, 32) == 0;
        check(r, same, RUN_REASON_FILE_CONTENT);
        r->files_matched |= (uint32_t)same << i;
    }
    check(r, x->file_count <= RUN_EXPECTED_FILES_MAX, RUN_REASON_FILE_UNKNOWN);
}

struct alcove_verdict run_verify(struct bytes evidence, const struct run_expectation *expected,
                                 int64_t time, struct run_result *ret, struct diag *d)
{
    struct evidence e;
    *ret = (struct run_result){0};
    ret->has_evidence = evidence_decode(evidence, &e, d) == 0;
    if (!ret->has_evidence) {
        check(ret, false, RUN_REASON_EVIDENCE_FORMAT);
        return ret->verdict;
    }
    verify_quote(&e, expected, time, ret);
    ret->has_claims = run_claims_decode(e.claims, &ret->claims, d) == 0;
    ret->has_manifest = manifest_decode(e.manifest, &ret->manifest, d) == 0;
    check(ret, ret->has_claims, RUN_REASON_CLAIMS_FORMAT);
    check(ret, ret->has_manifest, RUN_REASON_MANIFEST_FORMAT);
    check_bindings(&e, ret);
    check_identity(expected, ret);
    check_claims(expected, ret);
    /* The quote's verdict carries over only when nothing here failed. */
    if (ret->failed == 0) {
        ret->verdict = ret->quote.verdict;
    }
    return ret->verdict;
}
