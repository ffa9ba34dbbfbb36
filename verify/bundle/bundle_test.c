/* SPDX-License-Identifier: Apache-2.0 */
/* Collateral bundles: what goes in comes out where it fits, in the same bytes whatever the order;
 * what is damaged is no bundle. Real evidence when ../shared is there. */
#include "base/cbor.h"
#include "bundle/bundle.h"
#include "forge/amd.h"
#include "forge/aws.h"
#include "forge/forge.h"
#include "forge/ratls.h"

#include "tests/tap.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include <openssl/evp.h>

#define DAY INT64_C(86400)

static struct alcove_bytes view(const void *data, size_t size)
{
    return (struct alcove_bytes){(const uint8_t *)data, size};
}
#define PART(p) view((p).data, (p).size)

static bool same(struct alcove_bytes a, struct alcove_bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Inputs for the fuzz target: ALCOVE_SEEDS=FOLDER (new keys each time). */
static void keep_seed(struct alcove_bytes bundle, struct alcove_bytes evidence)
{
    static unsigned number;
    char path[512];
    const char *folder = getenv("ALCOVE_SEEDS");
    const uint8_t size[2] = {(uint8_t)evidence.size, (uint8_t)(evidence.size >> 8)};
    if (folder == NULL || evidence.size > UINT16_MAX || bundle.size > 60000) {
        return;
    }
    snprintf(path, sizeof path, "%s/seed-%03u", folder, number++);
    FILE *f = fopen(path, "wb");
    REQUIRE(f != NULL && fwrite(size, 1, 2, f) == 2 &&
            (evidence.size == 0 || fwrite(evidence.data, evidence.size, 1, f) == 1) &&
            (bundle.size == 0 || fwrite(bundle.data, bundle.size, 1, f) == 1));
    fclose(f);
}

/* Adds a piece that must be understood. */
static uint32_t add(struct alcove_bundle *b, struct alcove_bytes piece)
{
    uint32_t kinds = 0;
    int error = alcove_bundle_add(b, piece, &kinds);
    keep_seed(piece, (struct alcove_bytes){0});
    if (error != 0) {
        printf("# a piece of %zu bytes: error %d\n", piece.size, error);
    }
    REQUIRE(error == 0);
    return kinds;
}

static int refused(struct alcove_bytes piece)
{
    struct alcove_bundle *b = alcove_bundle_new();
    uint32_t kinds = 99;
    int error = alcove_bundle_add(b, piece, &kinds);
    REQUIRE(error == 0 || kinds == 99);
    alcove_bundle_free(b);
    return error;
}

static size_t count_of(struct alcove_bytes bundle, enum alcove_bundle_kind kind)
{
    struct alcove_bundle_position at = {0};
    struct alcove_bundle_entry e;
    size_t count = 0;
    while (alcove_bundle_next(bundle, &at, &e)) {
        count += kind == ALCOVE_BUNDLE_KINDS || e.kind == kind;
    }
    return count;
}

/* Is the evidence accepted with what the bundle has for it? */
static struct alcove_result judge(struct alcove_bytes bundle, struct alcove_bytes evidence,
                                  const struct alcove_policy *p, int64_t time)
{
    struct alcove_collateral c;
    struct alcove_result r;
    if (!alcove_bundle_select(bundle, evidence, time, &c)) {
        c = (struct alcove_collateral){0};
    }
    keep_seed(bundle, evidence);
    struct alcove_verdict v = alcove_verify(evidence, &c, p, time, &r);
    if (!alcove_verdict_accepted(v)) {
        printf("# %s\n", alcove_reason_name(r.first_reason));
    }
    return r;
}

static bool accepted(struct alcove_bytes bundle, struct alcove_bytes evidence,
                     const struct alcove_policy *p, int64_t time)
{
    return alcove_verdict_accepted(judge(bundle, evidence, p, time).verdict);
}

/* ---- Intel ---- */

static void forge(void (*change)(struct forge_spec *s), bool tdx, struct forge_output *ret)
{
    static struct forge_spec s;
    if (tdx) {
        forge_defaults_tdx(&s, 4);
    } else {
        forge_defaults(&s);
    }
    if (change != NULL) {
        change(&s);
    }
    forge_build(&s, ret);
}

static void add_all(struct alcove_bundle *b, const struct forge_output *o)
{
    add(b, PART(o->tcb_info));
    add(b, PART(o->tcb_chain));
    add(b, PART(o->qe_identity));
    add(b, PART(o->pck_crl));
    add(b, PART(o->root_crl));
}

static void test_intel(void)
{
    static struct forge_output sgx, tdx;
    struct alcove_bundle *b = alcove_bundle_new(), *other = alcove_bundle_new();
    forge(NULL, false, &sgx);
    forge(NULL, true, &tdx);
    CHECK(add(b, PART(sgx.tcb_info)) == ALCOVE_BUNDLE_BIT(ALCOVE_BUNDLE_TCB_INFO), "TCB info");
    CHECK(add(b, PART(sgx.tcb_chain)) == ALCOVE_BUNDLE_BIT(ALCOVE_BUNDLE_TCB_CHAIN), "its chain");
    CHECK(add(b, PART(sgx.qe_identity)) == ALCOVE_BUNDLE_BIT(ALCOVE_BUNDLE_QE_IDENTITY),
          "QE identity");
    CHECK(add(b, PART(sgx.pck_crl)) == ALCOVE_BUNDLE_BIT(ALCOVE_BUNDLE_PCK_CRL), "PCK list");
    CHECK(add(b, PART(sgx.root_crl)) == ALCOVE_BUNDLE_BIT(ALCOVE_BUNDLE_ROOT_CRL), "root list");
    CHECK(add(b, PART(sgx.quote)) == ALCOVE_BUNDLE_BIT(ALCOVE_BUNDLE_PCK_CHAIN),
          "a quote gives its PCK chain");
    add_all(b, &tdx);
    struct alcove_bytes bundle = alcove_bundle_encode(b);
    CHECK(alcove_bundle_valid(bundle), "together they are a bundle");
    struct alcove_policy p = forge_policy(&sgx), q = forge_policy(&tdx);
    CHECK(accepted(bundle, PART(sgx.quote), &p, FORGE_NOW),
          "an enclave's quote is accepted with it");
    CHECK(accepted(bundle, PART(tdx.quote), &q, FORGE_NOW), "a virtual machine's too");

    struct alcove_collateral c;
    REQUIRE(alcove_bundle_select(bundle, PART(sgx.quote), FORGE_NOW, &c));
    CHECK(same(c.tcb_info, PART(sgx.tcb_info)) && same(c.qe_identity, PART(sgx.qe_identity)) &&
              same(c.tcb_chain, c.qe_chain) && c.pck_chain.size == 0 && c.pck_crl_chain.size == 0 &&
              c.amd_vek.size == 0,
          "each in its place, and nothing that is not needed");

    add_all(other, &tdx);
    add(other, PART(sgx.quote));
    add_all(other, &sgx);
    add_all(other, &sgx);
    CHECK(same(bundle, alcove_bundle_encode(other)),
          "the same pieces in another order and twice give the same bytes");
    struct alcove_bundle *third = alcove_bundle_new();
    add(third, PART(tdx.tcb_info));
    add(third, bundle);
    CHECK(same(bundle, alcove_bundle_encode(third)), "a bundle in a bundle too");
    alcove_bundle_free(third);
    alcove_bundle_free(other);
    alcove_bundle_free(b);
}

static void older(struct forge_spec *s)
{
    forge_edit(s->tcb_body, sizeof s->tcb_body, "2026-09-01T", "2026-08-20T");
    forge_edit(s->tcb_body, sizeof s->tcb_body, "2026-10-01T", "2026-09-20T");
    forge_edit(s->qe_body, sizeof s->qe_body, "2026-09-01T", "2026-08-20T");
    forge_edit(s->qe_body, sizeof s->qe_body, "2026-10-01T", "2026-09-20T");
    s->root_crl.from -= 10 * DAY;
    s->pck_crl.from -= 10 * DAY;
    s->signer.until = FORGE_NOW - 5 * DAY;
}
static void newer(struct forge_spec *s)
{
    forge_edit(s->tcb_body, sizeof s->tcb_body, "2026-09-01T", "2026-10-02T");
    forge_edit(s->tcb_body, sizeof s->tcb_body, "2026-10-01T", "2026-11-01T");
    forge_edit(s->qe_body, sizeof s->qe_body, "2026-09-01T", "2026-10-02T");
    forge_edit(s->qe_body, sizeof s->qe_body, "2026-10-01T", "2026-11-01T");
    s->root_crl.from += 10 * DAY;
    s->pck_crl.from += 10 * DAY;
    s->signer.from = FORGE_NOW + 5 * DAY;
}
static void newest(struct forge_spec *s)
{
    newer(s);
    forge_edit(s->tcb_body, sizeof s->tcb_body, "2026-10-02T", "2026-10-03T");
    s->root_crl.from += DAY;
}
static void evaluated_later(struct forge_spec *s)
{
    forge_edit(s->tcb_body, sizeof s->tcb_body, "Number\":20", "Number\":21");
}
static void other_platform(struct forge_spec *s)
{
    forge_edit(s->tcb_body, sizeof s->tcb_body, "00A06F050000", "00A06F060000");
}
static void other_pce(struct forge_spec *s)
{
    forge_edit(s->tcb_body, sizeof s->tcb_body, "\"pceId\":\"0000\"", "\"pceId\":\"0100\"");
}

/* Of what there is several times, the one of the time. */
static void test_times(void)
{
    static struct forge_output outputs[6];
    static void (*const changes[])(struct forge_spec *) = {NULL,   older,          newer,
                                                           newest, other_platform, other_pce};
    struct alcove_bundle *b = alcove_bundle_new();
    for (size_t i = 0; i < ARRAY_SIZE(outputs); i++) {
        forge(changes[i], false, &outputs[i]);
        if (changes[i] == other_platform || changes[i] == other_pce) {
            add(b, PART(outputs[i].tcb_info));
        } else {
            add_all(b, &outputs[i]);
        }
    }
    struct alcove_bytes bundle = alcove_bundle_encode(b), quote = PART(outputs[0].quote);
    struct alcove_collateral c;
    REQUIRE(alcove_bundle_select(bundle, quote, FORGE_NOW, &c));
    CHECK(same(c.tcb_info, PART(outputs[0].tcb_info)) &&
              same(c.qe_identity, PART(outputs[0].qe_identity)) &&
              same(c.pck_crl, PART(outputs[0].pck_crl)) &&
              same(c.root_crl, PART(outputs[0].root_crl)),
          "now: the newest that was issued by now");
    struct alcove_policy p = forge_policy(&outputs[0]);
    CHECK(accepted(bundle, quote, &p, FORGE_NOW), "the certificates are those that are valid now");
    REQUIRE(alcove_bundle_select(bundle, quote, FORGE_NOW - 9 * DAY, &c));
    CHECK(same(c.pck_crl, PART(outputs[1].pck_crl)) && same(c.root_crl, PART(outputs[1].root_crl)),
          "nine days ago: the lists of then");
    REQUIRE(alcove_bundle_select(bundle, quote, FORGE_NOW - 300 * DAY, &c));
    CHECK(same(c.tcb_info, PART(outputs[1].tcb_info)) &&
              same(c.root_crl, PART(outputs[1].root_crl)),
          "before there was any: the oldest");
    REQUIRE(alcove_bundle_select(bundle, quote, FORGE_NOW + 300 * DAY, &c));
    CHECK(same(c.tcb_info, PART(outputs[3].tcb_info)) &&
              same(c.root_crl, PART(outputs[3].root_crl)) &&
              (same(c.tcb_chain, PART(outputs[2].tcb_chain)) ||
               same(c.tcb_chain, PART(outputs[3].tcb_chain))),
          "after all have expired: the newest");

    static struct forge_output later;
    forge(evaluated_later, false, &later);
    add(b, PART(later.tcb_info));
    bundle = alcove_bundle_encode(b);
    REQUIRE(alcove_bundle_select(bundle, quote, FORGE_NOW, &c));
    CHECK(same(c.tcb_info, PART(later.tcb_info)),
          "of the same second: the higher evaluation number");
    alcove_bundle_free(b);
}

static void without_chain(struct forge_spec *s)
{
    s->cert_type = 3;
}
static void of_others(struct forge_spec *s)
{
    s->leaf.key = KEY_STRANGER;
}
static void reissued(struct forge_spec *s)
{
    s->leaf.serial = 77;
    s->leaf.from += DAY;
}
static void expired_leaf(struct forge_spec *s)
{
    s->leaf.serial = 78;
    s->leaf.from += 2 * DAY;
    s->leaf.until = FORGE_NOW - DAY;
}

/* Quotes that carry no chain get the one whose key signed their quoting enclave. */
static void test_pck_chains(void)
{
    static struct forge_output good, stranger, again, expired, quote;
    struct alcove_bundle *b = alcove_bundle_new();
    forge(NULL, false, &good);
    forge(of_others, false, &stranger);
    forge(reissued, false, &again);
    forge(expired_leaf, false, &expired);
    forge(without_chain, false, &quote);
    CHECK(add(b, PART(quote.quote)) == 0, "a quote without a chain has nothing to add");
    add_all(b, &good);
    struct alcove_collateral c;
    struct alcove_policy p = forge_policy(&good);
    REQUIRE(alcove_bundle_select(alcove_bundle_encode(b), PART(quote.quote), FORGE_NOW, &c));
    CHECK(c.tcb_info.size == 0 && c.pck_crl.size == 0 && c.pck_chain.size == 0 &&
              c.qe_identity.size > 0 && c.tcb_chain.size > 0,
          "without a chain there is no telling the platform");
    CHECK(add(b, PART(stranger.pck_chain)) == ALCOVE_BUNDLE_BIT(ALCOVE_BUNDLE_PCK_CHAIN),
          "a PCK chain");
    add(b, PART(good.pck_chain));
    add(b, PART(again.pck_chain));
    add(b, PART(expired.pck_chain));
    struct alcove_bytes bundle = alcove_bundle_encode(b);
    CHECK(accepted(bundle, PART(quote.quote), &p, FORGE_NOW), "a quote with a PPID only");
    REQUIRE(alcove_bundle_select(bundle, PART(quote.quote), FORGE_NOW, &c));
    CHECK(same(c.pck_chain, PART(again.pck_chain)), "of two certificates for a key the newer one");
    alcove_bundle_free(b);
}

/* Longer than any stranger's, so that it stands behind them. */
static void last_of_all(struct forge_spec *s)
{
    s->ca.subject = s->leaf.issuer = "Intel SGX PCK Platform CA, which has a name of some length";
}

/* Another letter in the leaf's signature, `number` places into it. */
static struct alcove_bytes other_chain(const struct forge_part *chain, size_t number)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef";
    static struct forge_part text;
    text = *chain;
    text.data[text.size] = 0;
    char *at = strstr((char *)text.data, "\n-----END");
    REQUIRE(at != NULL);
    at -= 4; /* the last digits tell the size */
    for (size_t i = 0; i < 2; i++) {
        at--;
        at -= *at == '\n';
        *at = digits[number % 32];
        number /= 32;
    }
    return view(text.data, text.size);
}

/* Signatures cost time, so few are tried. */
static void test_pck_tries(void)
{
    static struct forge_output stranger, good, quote;
    struct alcove_bundle *b = alcove_bundle_new();
    forge(of_others, false, &stranger);
    forge(last_of_all, false, &good);
    forge(without_chain, false, &quote);
    add(b, PART(good.pck_chain));
    size_t count = 0;
    while (count + 1 < BUNDLE_PCK_TRIES_MAX) {
        add(b, other_chain(&stranger.pck_chain, count++));
    }
    struct alcove_collateral c;
    struct alcove_bytes bundle = alcove_bundle_encode(b);
    REQUIRE(alcove_bundle_select(bundle, PART(quote.quote), FORGE_NOW, &c));
    CHECK(same(c.pck_chain, PART(good.pck_chain)) &&
              count_of(bundle, ALCOVE_BUNDLE_PCK_CHAIN) == BUNDLE_PCK_TRIES_MAX,
          "a quote's chain is found behind %zu others", count);
    add(b, other_chain(&stranger.pck_chain, count++));
    REQUIRE(alcove_bundle_select(alcove_bundle_encode(b), PART(quote.quote), FORGE_NOW, &c));
    CHECK(c.pck_chain.size == 0, "but not behind %zu", count);
    alcove_bundle_free(b);
}

static void cut_text(struct forge_text *t)
{
    t->size -= 3;
}

static void test_ratls(void)
{
    static struct forge_ratls s;
    static struct forge_ratls_output o;
    forge_ratls_defaults(&s);
    forge_ratls_build(&s, &o);
    struct alcove_bundle *b = alcove_bundle_new();
    add_all(b, &o.parts);
    struct alcove_bytes bundle = alcove_bundle_encode(b);
    struct alcove_policy p = forge_ratls_policy(&s, &o);
    CHECK(accepted(bundle, PART(o.der), &p, FORGE_NOW), "an RA-TLS certificate, DER");
    CHECK(accepted(bundle, PART(o.pem), &p, FORGE_NOW), "PEM");
    s.interoperable = false;
    s.gramine = true;
    forge_ratls_build(&s, &o);
    struct alcove_collateral c;
    CHECK(alcove_bundle_select(bundle, PART(o.der), FORGE_NOW, &c) && c.tcb_info.size > 0,
          "Gramine's format");
    s.gramine = false;
    s.rats_tls = true;
    forge_ratls_build(&s, &o);
    CHECK(alcove_bundle_select(bundle, PART(o.der), FORGE_NOW, &c) && c.tcb_info.size > 0,
          "RATS-TLS's");
    s.rats_tls = false;
    forge_ratls_build(&s, &o);
    CHECK(alcove_bundle_select(bundle, PART(o.der), FORGE_NOW, &c) && c.tcb_info.size == 0,
          "a certificate without evidence gets nothing");
    s.interoperable = true;
    s.edit_evidence = cut_text;
    forge_ratls_build(&s, &o);
    CHECK(alcove_bundle_select(bundle, PART(o.der), FORGE_NOW, &c) && c.tcb_info.size == 0,
          "nor one with half of it");
    o.pem.size -= 40;
    CHECK(alcove_bundle_select(bundle, PART(o.pem), FORGE_NOW, &c) && c.tcb_info.size == 0 &&
              alcove_bundle_select(bundle, view("\x30\x82", 2), FORGE_NOW, &c) &&
              c.tcb_info.size == 0,
          "nor does a damaged one");
    alcove_bundle_free(b);
}

/* ---- AMD ---- */

static void test_amd(void)
{
    static const struct {
        enum alcove_snp_product product;
        uint32_t version;
        bool vlek, wrap;
        const char *what;
    } kinds[] = {
        {ALCOVE_SNP_MILAN, 2, false, false, "Milan, which does not tell its model"},
        {ALCOVE_SNP_MILAN, 3, true, false, "Milan with a provider's key"},
        {ALCOVE_SNP_GENOA, 3, false, false, "Genoa"},
        {ALCOVE_SNP_TURIN, 5, false, false, "Turin"},
        {ALCOVE_SNP_TURIN, 5, true, false, "Turin with a provider's key"},
        {ALCOVE_SNP_MILAN, 3, false, true, "Azure's blob"},
    };
    static struct forge_amd_spec s;
    static struct forge_amd_output o[ARRAY_SIZE(kinds)];
    struct alcove_bundle *b = alcove_bundle_new();
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        forge_amd_defaults(&s, kinds[i].product, kinds[i].version, kinds[i].vlek);
        s.wrap = kinds[i].wrap;
        forge_amd_build(&s, &o[i]);
        CHECK(add(b, PART(o[i].vek)) == ALCOVE_BUNDLE_BIT(ALCOVE_BUNDLE_AMD_VEK), "a VEK");
        CHECK(add(b, PART(o[i].chain)) == ALCOVE_BUNDLE_BIT(ALCOVE_BUNDLE_AMD_CHAIN), "its chain");
        CHECK(add(b, PART(o[i].crl)) == ALCOVE_BUNDLE_BIT(ALCOVE_BUNDLE_AMD_CRL), "the ARK's list");
    }
    /* Other chips and TCBs of the same product. */
    static struct forge_amd_output other;
    forge_amd_defaults(&s, ALCOVE_SNP_GENOA, 3, false);
    s.ids.hwid[0] ^= 1;
    forge_amd_build(&s, &other);
    add(b, PART(other.vek));
    s.ids.hwid[0] ^= 1;
    s.ids.component[8] ^= 1;
    forge_amd_build(&s, &other);
    add(b, PART(other.vek));
    struct alcove_bytes bundle = alcove_bundle_encode(b);
    CHECK(alcove_bundle_valid(bundle), "together they are a bundle");
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        struct alcove_policy p = forge_amd_policy(&o[i]);
        p.azure_key.mode = p.report_data.mode = ALCOVE_EXPECT_ANY;
        CHECK(accepted(bundle, PART(o[i].evidence), &p, FORGE_AMD_NOW), "%s is accepted with it",
              kinds[i].what);
    }

    struct alcove_collateral c;
    forge_amd_defaults(&s, ALCOVE_SNP_MILAN, 2, false);
    s.report[SNP_AT_REPORTED_TCB + 2] = 1;
    forge_amd_build(&s, &other);
    CHECK(alcove_bundle_select(bundle, PART(other.evidence), FORGE_AMD_NOW, &c) &&
              c.amd_vek.size == 0,
          "a TCB that is none of the product's has no VEK");
    o[3].evidence.size = 100;
    CHECK(alcove_bundle_select(bundle, PART(o[3].evidence), FORGE_AMD_NOW, &c) &&
              c.amd_vek.size == 0 &&
              alcove_bundle_select(bundle, view("HCLA", 4), FORGE_AMD_NOW, &c) &&
              c.amd_vek.size == 0,
          "half a report gets nothing");
    alcove_bundle_free(b);
}

/* ---- Makers of the same names ---- */

/* The whole of another maker's PKI. Its certificates have the names, its documents and lists also
 * the contents, of those of the default description; all of it is newer. */
static void other_maker(struct forge_spec *s)
{
    s->root.key = s->root.issuer_key = s->signer_root.key = s->signer_root.issuer_key =
        KEY_STRANGER;
    s->ca.issuer_key = s->signer.issuer_key = s->root_crl.key = KEY_STRANGER;
    s->ca.key = s->leaf.issuer_key = s->pck_crl.key = KEY_AK;
    s->signer.key = s->tcb_key = s->qe_key = KEY_LEAF;
    s->leaf.key = s->qe_report_key = KEY_SIGNER;
    s->root_crl.from += 3600;
    s->pck_crl.from += 3600;
    s->signer.from += DAY;
    forge_edit(s->tcb_body, sizeof s->tcb_body, "2026-09-01T", "2026-09-02T");
    forge_edit(s->qe_body, sizeof s->qe_body, "2026-09-01T", "2026-09-02T");
}
/* Signs documents himself, with a certificate that says that it is below the good root. */
static void false_signer(struct forge_spec *s)
{
    s->signer.key = s->tcb_key = s->qe_key = KEY_STRANGER;
    s->signer.issuer_key = KEY_CA;
    s->signer.from += 2 * DAY;
    forge_edit(s->tcb_body, sizeof s->tcb_body, "2026-09-01T", "2026-09-03T");
    forge_edit(s->qe_body, sizeof s->qe_body, "2026-09-01T", "2026-09-03T");
    s->root_crl.key = s->pck_crl.key = KEY_STRANGER;
    s->root_crl.from += 7200;
    s->pck_crl.from += 7200;
}
static void other_maker_without_chain(struct forge_spec *s)
{
    other_maker(s);
    s->cert_type = 3;
}

/* The root at the end of a chain, to be named in policies. */
static struct alcove_root root_of(struct alcove_bytes chain)
{
    static struct bundle_chain c;
    struct alcove_root root;
    REQUIRE(bundle_chain_read(BYTES(chain.data, chain.size), &c));
    memcpy(root.spki_sha256, c.certificates[c.count - 1].spki_sha256, 32);
    return root;
}

static void test_makers(void)
{
    static struct forge_output good, other, liar, tdx[2], bare[2];
    forge(NULL, false, &good);
    forge(other_maker, false, &other);
    forge(false_signer, false, &liar);
    forge(NULL, true, &tdx[0]);
    forge(other_maker, true, &tdx[1]);
    forge(without_chain, false, &bare[0]);
    forge(other_maker_without_chain, false, &bare[1]);
    const struct forge_output *all[] = {&good, &other, &liar, &tdx[0], &tdx[1]};
    const struct forge_output *quotes[] = {&good, &other, &tdx[0], &tdx[1], &bare[0], &bare[1]};
    for (int backwards = 0; backwards < 2; backwards++) {
        struct alcove_bundle *b = alcove_bundle_new();
        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
            const struct forge_output *o = all[backwards ? ARRAY_SIZE(all) - 1 - i : i];
            add_all(b, o);
            add(b, PART(o->pck_chain));
        }
        struct alcove_bytes bundle = alcove_bundle_encode(b);
        for (size_t i = 0; i < ARRAY_SIZE(quotes); i++) {
            struct alcove_policy p = forge_policy(quotes[i]);
            struct alcove_root root = root_of(PART(quotes[i]->pck_chain));
            p.roots = &root;
            CHECK(accepted(bundle, PART(quotes[i]->quote), &p, FORGE_NOW),
                  "evidence %zu among pieces of three makers of the same names", i);
        }
        alcove_bundle_free(b);
    }

    /* Where nothing good is there, the newest that is called so: the verifier says what is wrong.
     */
    struct alcove_bundle *b = alcove_bundle_new();
    add_all(b, &other);
    add_all(b, &liar);
    struct alcove_policy p = forge_policy(&good);
    struct alcove_collateral c;
    struct alcove_bytes bundle = alcove_bundle_encode(b);
    REQUIRE(alcove_bundle_select(bundle, PART(good.quote), FORGE_NOW, &c));
    CHECK(same(c.pck_crl, PART(liar.pck_crl)) && same(c.tcb_info, PART(liar.tcb_info)) &&
              same(c.tcb_chain, PART(liar.tcb_chain)) && same(c.qe_chain, c.tcb_chain),
          "with nothing but others' pieces it gets those of its names");
    REQUIRE(alcove_bundle_select(bundle, PART(bare[0].quote), FORGE_NOW, &c));
    CHECK(c.tcb_info.size == 0 && same(c.tcb_chain, PART(liar.tcb_chain)),
          "without a PCK chain the newest chain");
    struct alcove_result r = judge(bundle, PART(good.quote), &p, FORGE_NOW);
    CHECK(r.first_reason == ALCOVE_REASON_ROOT_CRL_SIGNATURE &&
              alcove_result_failed(&r, ALCOVE_REASON_SIGNER_SIGNATURE),
          "and is rejected");
    alcove_bundle_free(b);
}

static void false_leaf(struct forge_spec *s)
{
    s->leaf.issuer_key = KEY_STRANGER;
    s->leaf.from += 2 * DAY;
}
static void false_ca(struct forge_spec *s)
{
    s->ca.issuer_key = KEY_LEAF; /* whom nobody has for a root */
    s->leaf.from += 3 * DAY;
}

/* Files with a certificate each: chains are put together by names, and so in several ways. */
static void test_loose_makers(void)
{
    static struct forge_output good, other, bare, leaves[2];
    forge(NULL, false, &good);
    forge(other_maker, false, &other);
    forge(without_chain, false, &bare);
    forge(false_leaf, false, &leaves[0]);
    forge(false_ca, false, &leaves[1]);
    const char *end = strstr((const char *)good.pck_chain.data, "-----END CERTIFICATE-----\n");
    struct alcove_bytes leaf =
        view(good.pck_chain.data, (size_t)(end - (const char *)good.pck_chain.data) + 26);
    struct alcove_bytes pieces[] = {PART(other.pck_crl_chain), PART(good.pck_crl_chain), leaf};
    static const int orders[][3] = {{0, 1, 2}, {1, 0, 2}, {0, 2, 1},
                                    {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
        struct alcove_bundle *b = alcove_bundle_new();
        for (size_t k = 0; k < 3; k++) {
            add(b, pieces[orders[i][k]]);
        }
        add_all(b, &other);
        add_all(b, &good);
        add(b, PART(leaves[0].pck_chain));
        add(b, PART(leaves[1].pck_chain));
        struct alcove_policy p = forge_policy(&good);
        CHECK(accepted(alcove_bundle_encode(b), PART(bare.quote), &p, FORGE_NOW),
              "a PCK certificate finds its CA among those of its name");
        alcove_bundle_free(b);
    }
}

static void newer_lists(struct forge_spec *s, int64_t by)
{
    s->pck_crl.key = KEY_STRANGER;
    s->pck_crl.from += by;
}

static void longer_lists(struct forge_spec *s)
{
    s->pck_crl.revoked_serial = 9;
    s->pck_crl.from -= DAY;
}

/* Few candidates are looked at. */
static void test_candidates(void)
{
    static struct forge_spec s;
    static struct forge_output good, o;
    struct alcove_bundle *b = alcove_bundle_new();
    struct alcove_collateral c;
    forge(NULL, false, &good);
    add_all(b, &good);
    forge(longer_lists, false, &o);
    add(b, PART(o.pck_crl)); /* stands behind all others, and is the oldest */
    for (int i = 1; i <= (int)BUNDLE_CANDIDATES_MAX; i++) {
        forge_defaults(&s);
        newer_lists(&s, i);
        forge_build(&s, &o);
        add(b, PART(o.pck_crl));
        if (i + 1 >= (int)BUNDLE_CANDIDATES_MAX) {
            bool last = i + 1 == (int)BUNDLE_CANDIDATES_MAX;
            REQUIRE(alcove_bundle_select(alcove_bundle_encode(b), PART(good.quote), FORGE_NOW, &c));
            CHECK(same(c.pck_crl, last ? PART(good.pck_crl) : PART(o.pck_crl)),
                  "a good list behind %d newer ones is %s", i, last ? "found" : "not found");
        }
    }
    alcove_bundle_free(b);
}

/* So are few signatures. */
static void test_signature_limit(void)
{
    static struct forge_spec s;
    static struct forge_output good, o;
    struct alcove_bundle *b = alcove_bundle_new();
    struct alcove_collateral c;
    forge(NULL, false, &good);
    add_all(b, &good);
    for (int i = 1; i < 16; i++) {
        forge_defaults(&s);
        s.tcb_key = s.signer.key = KEY_STRANGER;
        s.signer.issuer_key = KEY_CA;
        s.signer.serial += i;
        s.signer.from += i;
        char date[16];
        snprintf(date, sizeof date, "2026-09-01T%02d:", i);
        forge_edit(s.tcb_body, sizeof s.tcb_body, "2026-09-01T00:", date);
        forge_build(&s, &o);
        add(b, PART(o.tcb_info));
        add(b, PART(o.tcb_chain));
    }
    REQUIRE(alcove_bundle_select(alcove_bundle_encode(b), PART(good.quote), FORGE_NOW, &c));
    CHECK(!same(c.tcb_info, PART(good.tcb_info)) && c.tcb_info.size > 0 && c.pck_crl.size > 0,
          "many documents and many signers: no more than so many signatures are tried");
    alcove_bundle_free(b);
}

/* AMD's names, and what others call so. */
static void test_amd_makers(void)
{
    static struct forge_amd_spec s;
    static struct forge_amd_output o[2], broken;
    for (int vlek = 0; vlek < 2; vlek++) {
        forge_amd_defaults(&s, ALCOVE_SNP_GENOA, 3, vlek);
        forge_amd_build(&s, &o[0]);
        s.ask.issuer_key = AMD_KEY_STRANGER;
        s.ask.from += 2 * DAY;
        forge_amd_build(&s, &broken); /* the newest chain, which its ARK did not sign */
        s.ask.from -= 2 * DAY;
        s.ark.key = s.ark.issuer_key = s.ask.issuer_key = s.crl.key = AMD_KEY_ASK;
        s.ask.key = s.vek.issuer_key = AMD_KEY_STRANGER;
        s.vek.key = s.report_key = AMD_KEY_VEK_STRANGER;
        s.vek.from += DAY;
        s.ask.from += DAY;
        s.crl.from += 3600;
        forge_amd_build(&s, &o[1]);
        for (int backwards = 0; backwards < 2; backwards++) {
            struct alcove_bundle *b = alcove_bundle_new();
            add(b, PART(broken.chain));
            for (int i = 0; i < 2; i++) {
                add(b, PART(o[i ^ backwards].vek));
                add(b, PART(o[i ^ backwards].chain));
                add(b, PART(o[i ^ backwards].crl));
            }
            for (int i = 0; i < 2; i++) {
                struct alcove_policy p = forge_amd_policy(&o[i]);
                struct alcove_root root = root_of(PART(o[i].chain));
                p.roots = &root;
                CHECK(accepted(alcove_bundle_encode(b), PART(o[i].evidence), &p, FORGE_AMD_NOW),
                      "a report among pieces of two makers of AMD's names");
            }
            alcove_bundle_free(b);
        }
    }
    struct alcove_bundle *b = alcove_bundle_new();
    struct alcove_collateral c;
    add(b, PART(o[0].chain));
    add(b, PART(o[1].chain));
    add(b, PART(o[0].crl));
    REQUIRE(alcove_bundle_select(alcove_bundle_encode(b), PART(o[0].evidence), FORGE_AMD_NOW, &c));
    CHECK(c.amd_vek.size == 0 && same(c.amd_chain, PART(o[1].chain)) &&
              same(c.amd_crl, PART(o[0].crl)),
          "without a VEK the newest chain");
    alcove_bundle_free(b);
    b = alcove_bundle_new();
    add(b, PART(o[0].crl));
    add(b, PART(o[1].crl));
    REQUIRE(alcove_bundle_select(alcove_bundle_encode(b), PART(o[0].evidence), FORGE_AMD_NOW, &c));
    CHECK(c.amd_chain.size == 0 && same(c.amd_crl, PART(o[1].crl)),
          "without a chain the newest list");
    alcove_bundle_free(b);
}

/* What a host or a folder has, in its own forms. */
static void test_amd_pieces(void)
{
    static struct forge_amd_spec s;
    static struct forge_amd_output o;
    forge_amd_defaults(&s, ALCOVE_SNP_GENOA, 3, false);
    forge_amd_build(&s, &o);
    struct alcove_bundle *table = alcove_bundle_new();
    uint32_t all = ALCOVE_BUNDLE_BIT(ALCOVE_BUNDLE_AMD_VEK) |
                   ALCOVE_BUNDLE_BIT(ALCOVE_BUNDLE_AMD_CHAIN) |
                   ALCOVE_BUNDLE_BIT(ALCOVE_BUNDLE_AMD_CRL);
    CHECK((add(table, PART(o.table)) | ALCOVE_BUNDLE_BIT(ALCOVE_BUNDLE_AMD_CRL)) == all,
          "the host's table of certificates");
    add(table, PART(o.crl));
    struct alcove_policy p = forge_amd_policy(&o);
    CHECK(accepted(alcove_bundle_encode(table), PART(o.evidence), &p, FORGE_AMD_NOW),
          "whose report is accepted with it");
    alcove_bundle_free(table);

    struct alcove_bundle *pieces = alcove_bundle_new();
    CHECK(add(pieces, PART(o.ark_pem)) == 0, "a root alone is of no use");
    CHECK(add(pieces, PART(o.ask_pem)) == ALCOVE_BUNDLE_BIT(ALCOVE_BUNDLE_AMD_CHAIN),
          "with what it issued it is a chain");
    CHECK(add(pieces, PART(o.vek_pem)) != 0, "a VEK in PEM");
    add(pieces, PART(o.crl));
    CHECK(accepted(alcove_bundle_encode(pieces), PART(o.evidence), &p, FORGE_AMD_NOW),
          "in pieces and in PEM it is the same");
    alcove_bundle_free(pieces);
}

static void test_aws(void)
{
    static struct forge_nitro f;
    static struct forge_blob document;
    struct alcove_root root;
    forge_nitro_defaults(&f);
    forge_nitro_build(&f, &document, &root);
    struct alcove_bundle *b = alcove_bundle_new();
    struct alcove_bytes empty = alcove_bundle_encode(b);
    struct alcove_policy p = forge_nitro_policy(&root);
    CHECK(alcove_bundle_valid(empty) && count_of(empty, ALCOVE_BUNDLE_KINDS) == 0,
          "a bundle may be empty");
    CHECK(accepted(empty, PART(document), &p, FORGE_NITRO_NOW), "a Nitro document needs nothing");
    alcove_bundle_free(b);
}

/* ---- Pieces ---- */

static size_t hex_of(struct alcove_bytes b, char *ret)
{
    hex_encode(ret, b.data, b.size);
    return 2 * b.size;
}

static void test_pieces(void)
{
    static struct forge_output o;
    static char text[65536];
    struct alcove_bundle *b = alcove_bundle_new();
    forge(NULL, false, &o);
    size_t size = hex_of(PART(o.root_crl), text);
    CHECK(add(b, view(text, size)) == ALCOVE_BUNDLE_BIT(ALCOVE_BUNDLE_ROOT_CRL),
          "a list in hexadecimal");
    text[size] = '\n';
    add(b, view(text, size + 1));
    CHECK(count_of(alcove_bundle_encode(b), ALCOVE_BUNDLE_ROOT_CRL) == 1,
          "a line end makes no difference");
    size_t extra = o.tcb_info.size;
    memcpy(text, " \n", 2);
    memcpy(text + 2, o.tcb_info.data, extra);
    memcpy(text + 2 + extra, "\n\0", 2);
    add(b, PART(o.tcb_info));
    add(b, view(text, extra + 4));
    CHECK(count_of(alcove_bundle_encode(b), ALCOVE_BUNDLE_TCB_INFO) == 1, "nor does white space");
    CHECK(add(b, PART(o.pck_crl_chain)) == 0, "the chain of a list's issuer is understood");
    CHECK(refused(view("", 0)) == -EINVAL, "nothing");
    CHECK(refused(view("hello", 5)) == -EINVAL, "a word");
    CHECK(refused(view("{}", 2)) == -EINVAL, "JSON of another kind");
    CHECK(refused(view("{\"tcbInfo\":{}}", 14)) == -EINVAL, "TCB info that says nothing");
    CHECK(refused(view("3012", 4)) == -EINVAL, "a few hexadecimal digits");
    CHECK(refused(view("301", 3)) == -EINVAL, "half a digit");
    CHECK(refused(view("30xx", 4)) == -EINVAL, "other digits");
    CHECK(refused(view("\x30\x00", 2)) == -EINVAL, "an empty sequence");
    CHECK(refused(view("-----BEGIN CERTIFICATE-----\n", 28)) == -EINVAL, "half a certificate");
    CHECK(refused(view("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", 59)) ==
              -EINVAL,
          "an empty certificate");
    o.tcb_info.data[o.tcb_info.size - 1] = ' ';
    CHECK(refused(PART(o.tcb_info)) == -EINVAL, "TCB info cut short");

    /* Leaf and CAs in different files, as PCK caches keep them. */
    struct alcove_bundle *apart = alcove_bundle_new(), *whole = alcove_bundle_new();
    const char *first_end = strstr((const char *)o.pck_chain.data, "-----END CERTIFICATE-----\n");
    size_t leaf = (size_t)(first_end - (const char *)o.pck_chain.data) + 26;
    CHECK(add(apart, view(o.pck_chain.data, leaf)) == 0, "a PCK certificate alone");
    CHECK(add(apart, view(o.pck_chain.data + leaf, o.pck_chain.size - leaf)) ==
              ALCOVE_BUNDLE_BIT(ALCOVE_BUNDLE_PCK_CHAIN),
          "and its issuers in another file are a chain");
    add(whole, PART(o.pck_chain));
    CHECK(same(alcove_bundle_encode(apart), alcove_bundle_encode(whole)), "the same one");
    alcove_bundle_free(apart);
    alcove_bundle_free(whole);
    alcove_bundle_free(b);
    alcove_bundle_free(NULL);
}

static uint8_t huge[2 * CRL_SIZE_MAX + 64];

static void test_limits(void)
{
    memset(huge, '3', sizeof huge);
    huge[1] = '0';
    CHECK(refused(view(huge, sizeof huge)) == -E2BIG, "hexadecimal digits without end");
    memcpy(huge, "-----BEGIN X509 CRL-----", 24);
    CHECK(refused(view(huge, sizeof huge)) == -E2BIG, "PEM without end");
    CHECK(refused(view(huge, BUNDLE_BYTES_MAX + 1)) == -E2BIG, "a piece larger than any bundle");
    /* More loose certificates than are kept: no harm. */
    static struct forge_spec s;
    static struct forge_output o;
    struct alcove_bundle *b = alcove_bundle_new();
    for (int i = 0; i < (int)BUNDLE_LOOSE_MAX; i++) {
        forge_defaults(&s);
        s.ca.serial = 100 + i;
        forge_build(&s, &o);
        add(b, PART(o.pck_crl_chain));
    }
    add(b, PART(o.pck_chain));
    CHECK(count_of(alcove_bundle_encode(b), ALCOVE_BUNDLE_PCK_CHAIN) == 1,
          "certificates that wait for others are few");
    alcove_bundle_free(b);
}

/* ---- What entries say ---- */

static void test_facts(void)
{
    static struct forge_output o;
    static struct forge_spec fs;
    static struct forge_amd_spec s;
    static struct forge_amd_output amd;
    struct alcove_bundle *b = alcove_bundle_new();
    forge_defaults_tdx(&fs, 4);
    fs.root_crl.revoked_serial = 9;
    forge_build(&fs, &o);
    add_all(b, &o);
    add(b, PART(o.pck_chain));
    forge_amd_defaults(&s, ALCOVE_SNP_TURIN, 5, false);
    forge_amd_build(&s, &amd);
    add(b, PART(amd.vek));
    add(b, PART(amd.chain));
    add(b, PART(amd.crl));
    struct alcove_bytes bundle = alcove_bundle_encode(b);
    struct alcove_bundle_entry by[ALCOVE_BUNDLE_KINDS], e;
    struct alcove_bundle_position at = {0};
    size_t count = 0;
    memset(by, 0, sizeof by);
    while (alcove_bundle_next(bundle, &at, &e)) {
        by[e.kind] = e;
        count += e.readable;
    }
    CHECK(count == ALCOVE_BUNDLE_KINDS && !alcove_bundle_next(bundle, &at, &e),
          "one of each kind, and then no more");
    static const uint8_t fmspc[6] = {0x00, 0xa0, 0x6f, 0x05};
    e = by[ALCOVE_BUNDLE_TCB_INFO];
    CHECK(e.tee == ALCOVE_BUNDLE_TEE_TDX && e.has_fmspc && memcmp(e.fmspc, fmspc, 6) == 0 &&
              e.evaluation_number == 20 && e.issued == 1788220800 && e.expires == 1790812800,
          "TCB info");
    e = by[ALCOVE_BUNDLE_QE_IDENTITY];
    CHECK(e.tee == ALCOVE_BUNDLE_TEE_TDX && e.evaluation_number == 20 && !e.has_fmspc,
          "QE identity");
    e = by[ALCOVE_BUNDLE_PCK_CHAIN];
    CHECK(strcmp(e.subject, "Intel SGX PCK Certificate") == 0 &&
              strcmp(e.issuer, "Intel SGX PCK Platform CA") == 0 && e.has_fmspc &&
              memcmp(e.fmspc, fmspc, 6) == 0,
          "PCK chain");
    e = by[ALCOVE_BUNDLE_TCB_CHAIN];
    CHECK(strcmp(e.subject, "Intel SGX TCB Signing") == 0 && e.expires > e.issued, "TCB chain");
    e = by[ALCOVE_BUNDLE_ROOT_CRL];
    CHECK(strcmp(e.issuer, "Intel SGX Root CA") == 0 && e.revoked_count == 1 &&
              e.issued == FORGE_NOW - DAY,
          "root list");
    CHECK(by[ALCOVE_BUNDLE_PCK_CRL].revoked_count == 0, "PCK list");
    e = by[ALCOVE_BUNDLE_AMD_VEK];
    CHECK(e.product == ALCOVE_SNP_TURIN && !e.is_vlek && e.chip_id_size == 8 &&
              memcmp(e.chip_id, s.ids.hwid, 8) == 0 && e.tcb.fmc == s.ids.component[9],
          "VEK");
    CHECK(by[ALCOVE_BUNDLE_AMD_CHAIN].product == ALCOVE_SNP_TURIN &&
              by[ALCOVE_BUNDLE_AMD_CRL].product == ALCOVE_SNP_TURIN,
          "AMD's chain and list");
    for (int i = 0; i < ALCOVE_BUNDLE_KINDS; i++) {
        CHECK(alcove_bundle_kind_name((enum alcove_bundle_kind)i) != NULL, "%s has a name",
              alcove_bundle_kind_name((enum alcove_bundle_kind)i));
    }
    CHECK(alcove_bundle_kind_name(ALCOVE_BUNDLE_KINDS) == NULL, "and no other kind has one");
    alcove_bundle_free(b);
}

/* ---- The file ---- */

/* An empty bundle, but for one group: its array stands as `array`. */
static struct alcove_bytes file_with(const char *group, const char *array, size_t array_size,
                                     uint8_t *storage)
{
    size_t size = 0;
    memcpy(storage,
           "\xaa\x66"
           "format\x73" BUNDLE_FORMAT,
           28);
    size = 28;
    for (size_t i = 0; i < ALCOVE_BUNDLE_KINDS; i++) {
        const char *key = bundle_groups[i].key;
        storage[size++] = (uint8_t)(0x60 + strlen(key));
        memcpy(storage + size, key, strlen(key));
        size += strlen(key);
        if (strcmp(key, group) == 0) {
            memcpy(storage + size, array, array_size);
            size += array_size;
        } else {
            storage[size++] = 0x80;
        }
    }
    return view(storage, size);
}

static void test_form(void)
{
    uint8_t storage[1024];
#define FILE_WITH(group, array) file_with(group, array, sizeof(array) - 1, storage)
    CHECK(alcove_bundle_valid(FILE_WITH("", "")), "an empty bundle");
    struct alcove_bytes file = FILE_WITH("tcb_infos", "\x82\x41x\x42{}");
    CHECK(alcove_bundle_valid(file), "entries that nobody can read are still entries");
    struct alcove_bundle_position at = {0};
    struct alcove_bundle_entry e;
    CHECK(alcove_bundle_next(file, &at, &e) && !e.readable && e.content.size == 1 &&
              e.kind == ALCOVE_BUNDLE_TCB_INFO && alcove_bundle_next(file, &at, &e) &&
              !alcove_bundle_next(file, &at, &e),
          "they are told as they are");
    CHECK(refused(file) == -EINVAL, "and not taken into another bundle");
    CHECK(!alcove_bundle_valid(FILE_WITH("tcb_infos", "\x82\x41x\x41x")), "an entry twice");
    CHECK(!alcove_bundle_valid(FILE_WITH("tcb_infos", "\x82\x41y\x41x")), "entries in disorder");
    CHECK(!alcove_bundle_valid(FILE_WITH("tcb_infos", "\x82\x42xx\x41x")), "the longer one first");
    CHECK(!alcove_bundle_valid(FILE_WITH("tcb_infos", "\x81\x40")), "an empty entry");
    CHECK(!alcove_bundle_valid(FILE_WITH("tcb_infos", "\x81\x61x")), "an entry of text");
    CHECK(!alcove_bundle_valid(FILE_WITH("tcb_infos", "\x9f\xff")), "an indefinite length");
    CHECK(!alcove_bundle_valid(FILE_WITH("tcb_infos", "\xa0")), "a map");
    CHECK(!alcove_bundle_valid(FILE_WITH("tcb_infos", "\x98\x01\x41x")), "a length in a long form");
    CHECK(!alcove_bundle_valid(FILE_WITH("tcb_infos", "\x9a\xff\xff\xff\xff")), "a huge count");
    CHECK(!alcove_bundle_valid(FILE_WITH("amd_veks", "\x81\x59\x20\x01")), "a huge certificate");
    file = FILE_WITH("", "");
    storage[file.size] = 0;
    CHECK(!alcove_bundle_valid(view(storage, file.size + 1)), "a byte too many");
    storage[3] ^= 1;
    CHECK(!alcove_bundle_valid(file), "another key");
    CHECK(!alcove_bundle_valid((struct alcove_bytes){0}), "nothing");
    at = (struct alcove_bundle_position){.offset = 5000};
    CHECK(!alcove_bundle_next(file, &at, &e), "a position outside");
    at = (struct alcove_bundle_position){.group = 77};
    CHECK(!alcove_bundle_next(file, &at, &e), "a group that there is not");
    at = (struct alcove_bundle_position){.left = 1};
    CHECK(!alcove_bundle_next(file, &at, &e), "an entry before the first group");

    static struct forge_output o;
    struct alcove_bundle *b = alcove_bundle_new();
    forge(NULL, false, &o);
    add_all(b, &o);
    file = alcove_bundle_encode(b);
    size_t valid = 0;
    for (size_t size = 0; size < file.size; size++) {
        valid += alcove_bundle_valid(view(file.data, size));
    }
    CHECK(valid == 0, "no prefix of a bundle is one");
    struct alcove_collateral c = {.pck_crl = file};
    CHECK(alcove_bundle_select(file, view(o.quote.data, 500), FORGE_NOW, &c) &&
              c.tcb_info.size == 0 && c.qe_identity.size == 0,
          "half a quote gets nothing");
    c.pck_crl = file;
    CHECK(!alcove_bundle_select(view(file.data, file.size - 1), PART(o.quote), FORGE_NOW, &c) &&
              c.pck_crl.size == 0,
          "from what is no bundle nothing is taken");
    CHECK(!alcove_bundle_valid(view(huge, sizeof huge)), "zeros");
    alcove_bundle_free(b);
}

/* ---- Entries in the wrong place ---- */

struct misfiled {
    struct alcove_bytes entries[64];
    size_t count;
};

static int by_bytes(const void *a, const void *b)
{
    const struct alcove_bytes *x = a, *y = b;
    struct bytes left = BYTES(x->data, x->size), right = BYTES(y->data, y->size);
    return cbor_key_less(left, right) ? -1 : bytes_equal(left, right) ? 0 : 1;
}

/* Every entry in every group that has room for it. */
static struct alcove_bytes file_of(struct misfiled *m)
{
    static uint8_t file[1u << 20];
    struct writer w = writer_of(file, sizeof file);
    qsort(m->entries, m->count, sizeof m->entries[0], by_bytes);
    cbor_put_map(&w, 1 + ALCOVE_BUNDLE_KINDS);
    cbor_put_str(&w, "format");
    cbor_put_str(&w, BUNDLE_FORMAT);
    for (size_t group = 0; group < ALCOVE_BUNDLE_KINDS; group++) {
        size_t fitting = 0;
        while (fitting < m->count && m->entries[fitting].size <= bundle_groups[group].max) {
            fitting++;
        }
        cbor_put_str(&w, bundle_groups[group].key);
        cbor_put_array(&w, fitting);
        for (size_t i = 0; i < fitting; i++) {
            cbor_put_bytes(&w, BYTES(m->entries[i].data, m->entries[i].size));
        }
    }
    REQUIRE(!w.failed);
    return view(file, w.size);
}

static bool within(struct alcove_bytes part, struct alcove_bytes whole)
{
    return part.size == 0 ||
           (part.data >= whole.data && part.data + part.size <= whole.data + whole.size);
}

static void no_fmspc(struct forge_spec *s)
{
    s->fmspc_size = 5;
}
static void other_names(struct forge_spec *s)
{
    s->root.subject = s->root.issuer = s->ca.issuer = s->root_crl.issuer = "Somebody's Root CA";
    s->ca.subject = s->leaf.issuer = s->pck_crl.issuer = "Somebody's PCK CA";
    forge_edit(s->qe_body, sizeof s->qe_body, "\"QE\"", "\"QVE\"");
}
static void no_chain_in_quote(struct forge_spec *s)
{
    s->leaf.sgx_extension = false;
}
static void no_root(struct forge_spec *s)
{
    s->root.issuer = "Nobody";
}

static void test_misfiled(void)
{
    static struct forge_output o[6];
    static struct forge_amd_spec s;
    static struct forge_amd_output amd[2];
    static struct misfiled m;
    static const char *const words[] = {"x",
                                        "{",
                                        "{\"tcbInfo\":{\"id\":1}}",
                                        "{\"tcbInfo\":{\"fmspc\":\"00A06F050000\"}}",
                                        "{\"enclaveIdentity\":{\"id\":\"QE\",}}",
                                        ("-----BEGIN CERTIFICATE-----\nMAA=\n-----END "
                                         "CERTIFICATE-----\n")};
    static void (*const changes[])(struct forge_spec *) = {
        NULL, no_fmspc, other_names, no_chain_in_quote, without_chain, no_root};
    struct alcove_bytes evidence[8];
    size_t evidence_count = 0;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        m.entries[m.count++] = view(words[i], strlen(words[i]));
    }
    for (size_t i = 0; i < ARRAY_SIZE(o); i++) {
        forge(changes[i], i == 1, &o[i]);
        const struct alcove_bytes parts[] = {PART(o[i].tcb_info),    PART(o[i].tcb_chain),
                                             PART(o[i].qe_identity), PART(o[i].pck_crl),
                                             PART(o[i].root_crl),    PART(o[i].pck_chain)};
        memcpy(&m.entries[m.count], parts, sizeof parts);
        m.count += ARRAY_SIZE(parts);
        evidence[evidence_count++] = PART(o[i].quote);
    }
    for (size_t i = 0; i < ARRAY_SIZE(amd); i++) {
        forge_amd_defaults(&s, i == 0 ? ALCOVE_SNP_MILAN : ALCOVE_SNP_GENOA, i == 0 ? 2 : 3,
                           i == 0);
        if (i == 1) {
            s.vek.issuer = s.ask.subject = "SEV-Naples";
            s.crl.issuer = "ARK-Naples";
        }
        forge_amd_build(&s, &amd[i]);
        const struct alcove_bytes parts[] = {PART(amd[i].vek), PART(amd[i].chain),
                                             PART(amd[i].crl)};
        memcpy(&m.entries[m.count], parts, sizeof parts);
        m.count += ARRAY_SIZE(parts);
        evidence[evidence_count++] = PART(amd[i].evidence);
    }
    struct alcove_bytes bundle = file_of(&m);
    CHECK(alcove_bundle_valid(bundle), "a bundle may hold %zu entries in wrong places",
          count_of(bundle, ALCOVE_BUNDLE_KINDS));
    size_t readable = 0;
    struct alcove_bundle_position at = {0};
    struct alcove_bundle_entry e;
    while (alcove_bundle_next(bundle, &at, &e)) {
        readable += e.readable;
    }
    CHECK(readable > 0 && readable < count_of(bundle, ALCOVE_BUNDLE_KINDS) / 2,
          "of which %zu can be read as what they should be", readable);
    for (size_t i = 0; i < evidence_count; i++) {
        static const int64_t times[] = {INT64_MIN, FORGE_NOW, INT64_MAX};
        bool inside = true;
        for (size_t k = 0; k < ARRAY_SIZE(times); k++) {
            struct alcove_collateral c;
            REQUIRE(alcove_bundle_select(bundle, evidence[i], times[k], &c));
            inside = inside && within(c.tcb_info, bundle) && within(c.tcb_chain, bundle) &&
                     within(c.qe_identity, bundle) && within(c.pck_crl, bundle) &&
                     within(c.root_crl, bundle) && within(c.pck_chain, bundle) &&
                     within(c.amd_vek, bundle) && within(c.amd_chain, bundle) &&
                     within(c.amd_crl, bundle);
        }
        CHECK(inside, "evidence %zu gets something or nothing from it", i);
    }
    CHECK(refused(PART(amd[1].crl)) == 0,
          "the list of an unknown product's root is AMD's all the same");
    CHECK(refused(PART(o[2].qe_identity)) == 0, "the identity of another enclave is understood");
}

/* PEM around other DER. */
static struct alcove_bytes pem_of(const char *label, struct alcove_bytes der)
{
    static char text[65536];
    size_t size = (size_t)snprintf(text, sizeof text, "-----BEGIN %s-----\n", label);
    size += (size_t)EVP_EncodeBlock((uint8_t *)text + size, der.data, (int)der.size);
    size += (size_t)snprintf(text + size, sizeof text - size, "\n-----END %s-----\n", label);
    return view(text, size);
}

static void test_tables(void)
{
    static struct forge_amd_spec s;
    static struct forge_amd_output o;
    static struct forge_amd_part table, list;
    forge_amd_defaults(&s, ALCOVE_SNP_MILAN, 3, false);
    forge_amd_build(&s, &o);
    struct alcove_bytes pem = pem_of("X509 CRL", PART(o.crl));
    memcpy(list.data, pem.data, pem.size);
    list.size = pem.size;
#define ENTRY(guid, part)                                                                          \
    {                                                                                              \
        guid, BYTES((part).data, (part).size)                                                      \
    }
    const struct forge_table_entry in_pem[] = {
        ENTRY(forge_guid_vcek, o.vek_pem), ENTRY(forge_guid_ask, o.ask_pem),
        ENTRY(forge_guid_ark, o.ark_pem), ENTRY(forge_guid_crl, list)};
    struct alcove_bundle *b = alcove_bundle_new();
    forge_cert_table(in_pem, ARRAY_SIZE(in_pem), &table);
    CHECK(add(b, PART(table)) == (ALCOVE_BUNDLE_BIT(ALCOVE_BUNDLE_AMD_VEK) |
                                  ALCOVE_BUNDLE_BIT(ALCOVE_BUNDLE_AMD_CHAIN) |
                                  ALCOVE_BUNDLE_BIT(ALCOVE_BUNDLE_AMD_CRL)),
          "a table of PEM");
    size_t count = count_of(alcove_bundle_encode(b), ALCOVE_BUNDLE_KINDS);
    CHECK(add(b, PART(list)) == ALCOVE_BUNDLE_BIT(ALCOVE_BUNDLE_AMD_CRL) &&
              count_of(alcove_bundle_encode(b), ALCOVE_BUNDLE_KINDS) == count,
          "a list in PEM, which is there already");
    const struct forge_table_entry only_list[] = {ENTRY(forge_guid_crl, o.crl)};
    forge_cert_table(only_list, 1, &table);
    CHECK(add(b, PART(table)) == ALCOVE_BUNDLE_BIT(ALCOVE_BUNDLE_AMD_CRL), "a table of a list");
    o.vek_pem.size -= 30;
    const struct forge_table_entry cut[] = {ENTRY(forge_guid_vcek, o.vek_pem)};
    forge_cert_table(cut, 1, &table);
    CHECK(refused(PART(table)) == -EINVAL, "a table of half a certificate");
    const struct forge_table_entry strange[] = {ENTRY(forge_guid_vcek, o.crl)};
    forge_cert_table(strange, 1, &table);
    CHECK(refused(PART(table)) == -EINVAL, "a table with a list for a certificate");
    const struct forge_table_entry only_vek[] = {ENTRY(forge_guid_vcek, o.vek)};
    forge_cert_table(only_vek, 1, &table);
    CHECK(add(b, PART(table)) == ALCOVE_BUNDLE_BIT(ALCOVE_BUNDLE_AMD_VEK), "a table of a VCEK");
    const struct forge_table_entry no_list[] = {ENTRY(forge_guid_crl, o.vek)};
    forge_cert_table(no_list, 1, &table);
    CHECK(refused(PART(table)) == -EINVAL, "a table with a certificate for a list");
    CHECK(refused(pem_of("X509 CRL", PART(o.vek))) == -EINVAL, "a certificate called a list");
    alcove_bundle_free(b);
}

static void list_of_nobody(struct forge_spec *s)
{
    s->root_crl.issuer = "Nobody \xc3\xa4";
}
static void foreign_tcb_info(struct forge_spec *s)
{
    forge_edit(s->tcb_body, sizeof s->tcb_body, "\"SGX\"", "\"TPM\"");
}

static void own_issuer(struct forge_spec *s)
{
    s->signer.issuer = s->signer.subject;
}
static void root_of_another(struct forge_spec *s)
{
    s->signer_root.issuer = "Intel SGX Root CB";
}
static void without_id(struct forge_spec *s)
{
    forge_edit(s->tcb_body, sizeof s->tcb_body, "\"id\":\"SGX\",", "");
}
static void no_evaluation(struct forge_spec *s)
{
    forge_edit(s->tcb_body, sizeof s->tcb_body, "\"pceId\":\"0000\",", "");
}

static void test_foreign(void)
{
    static struct forge_output o;
    forge(own_issuer, false, &o);
    CHECK(refused(PART(o.tcb_chain)) == 0, "a signer that issued itself is understood, not kept");
    forge(root_of_another, false, &o);
    CHECK(refused(PART(o.tcb_chain)) == 0, "nor one whose root another issued");
    CHECK(refused(view(" \n\0\t\r ", 6)) == -EINVAL, "white space");
    forge(no_evaluation, false, &o);
    struct alcove_bundle_entry half;
    bundle_facts(ALCOVE_BUNDLE_TCB_INFO, BYTES(o.tcb_info.data, o.tcb_info.size), &half);
    CHECK(!half.readable && half.content.size == o.tcb_info.size, "TCB info without its PCE");
    forge(list_of_nobody, false, &o);
    CHECK(refused(PART(o.root_crl)) == -EINVAL, "a list of nobody's");
    struct alcove_bundle_entry e;
    bundle_facts(ALCOVE_BUNDLE_ROOT_CRL, BYTES(o.root_crl.data, o.root_crl.size), &e);
    CHECK(e.readable && strcmp(e.issuer, "Nobody ??") == 0, "names are printed in ASCII");
    char name[COMMON_NAME_SIZE];
    bundle_common_name(BYTES_STR("\x30\x02\x31\x00"), name);
    CHECK(name[0] == 0, "an empty name has none");
#define NAME(text) "\x31\x0c\x30\x0a\x06\x03\x55\x04\x03\x0c\x03" text
    bundle_common_name(BYTES_STR("\x30\x0e" NAME("a\nb")), name);
    CHECK(strcmp(name, "a?b") == 0, "nor do control characters get out");
    static uint8_t long_name[13 + COMMON_NAME_SIZE] =
        "\x30\x5b\x31\x59\x30\x57\x06\x03\x55\x04\x03\x0c\x50";
    _Static_assert(COMMON_NAME_SIZE == 0x50, "the sizes above fit");
    memset(long_name + 13, 'x', COMMON_NAME_SIZE);
    bundle_common_name(BYTES_OF(long_name), name);
    CHECK(name[0] == 0, "a name that does not fit is left out");
    forge(without_id, false, &o);
    bundle_facts(ALCOVE_BUNDLE_TCB_INFO, BYTES(o.tcb_info.data, o.tcb_info.size), &e);
    CHECK(e.readable && e.tee == ALCOVE_BUNDLE_TEE_SGX, "TCB info without an id is SGX's");
    forge(foreign_tcb_info, false, &o);
    bundle_facts(ALCOVE_BUNDLE_TCB_INFO, BYTES(o.tcb_info.data, o.tcb_info.size), &e);
    CHECK(!e.readable, "TCB info of something else");
}

/* A member of a document, in letters of either case. */
static void test_document_says(void)
{
#define DOCUMENT(value)     BYTES_STR("{\"other\":{},\"tcbInfo\":{\"id\":1,\"fmspc\":\"" value "\"}}")
#define SAYS(found, wanted) bundle_document_says(DOCUMENT(found), "tcbInfo", "fmspc", wanted)
    CHECK(SAYS("00A06F", "00a06f") && SAYS("00a06f", "00A06F") && SAYS("zZ{@", "Zz{@"),
          "letters of either case are the same");
    CHECK(!SAYS("00a06f", "00a06e") && !SAYS("00a06", "00a06f") && !SAYS("`{", "@{") &&
              !SAYS("@{", "@[") && !SAYS("", "0"),
          "other signs are not");
    CHECK(!bundle_document_says(DOCUMENT("0"), "tcbInfo", "none", "0") &&
              !bundle_document_says(DOCUMENT("0"), "none", "fmspc", "0") &&
              !bundle_document_says(BYTES_STR("[]"), "tcbInfo", "fmspc", "0"),
          "nor is what does not stand there");
}

static void test_certificates(void)
{
    static struct forge_ratls s;
    static struct forge_ratls_output o;
    static struct forge_amd_spec amd;
    static struct forge_amd_output out;
    struct alcove_bundle *b = alcove_bundle_new();
    forge_ratls_defaults(&s);
    s.endorsements = true;
    forge_ratls_build(&s, &o);
    CHECK(o.der.size > BUNDLE_CERTIFICATE_MAX && add(b, PART(o.der)) == 0,
          "a certificate around evidence is understood, not kept");
    s.issuer = "SEV-Milan";
    forge_ratls_build(&s, &o);
    CHECK(o.der.size > BUNDLE_CERTIFICATE_MAX && refused(PART(o.der)) == -E2BIG,
          "a VCEK larger than any");
    forge_amd_defaults(&amd, ALCOVE_SNP_MILAN, 3, false);
    amd.ids.unknown_arc = true;
    forge_amd_build(&amd, &out);
    struct alcove_bundle_entry e;
    bundle_facts(ALCOVE_BUNDLE_AMD_VEK, BYTES(out.vek.data, out.vek.size), &e);
    CHECK(!e.readable, "a VCEK with extensions of a later time");
    alcove_bundle_free(b);
}

/* PEM of a certificate whose last line is full: its size is a multiple of 48. */
static void test_full_lines(void)
{
    static struct forge_amd_spec s;
    static struct forge_amd_output o;
    static struct pem_chain chain;
    char name[64] = "ARK-Milan";
    struct alcove_bundle *b = alcove_bundle_new();
    forge_amd_defaults(&s, ALCOVE_SNP_MILAN, 3, false);
    s.ark.subject = s.ark.issuer = s.ask.issuer = name;
    for (size_t length = 9; length < sizeof name; name[length++] = 'x') {
        forge_amd_build(&s, &o);
        REQUIRE(pem_read(BYTES(o.chain.data, o.chain.size), &chain) && chain.count == 2);
        if (chain.certificates[0].size % 48 == 0) {
            break;
        }
    }
    REQUIRE(chain.certificates[0].size % 48 == 0);
    add(b, PART(o.chain));
    struct alcove_bundle_position at = {0};
    struct alcove_bundle_entry e;
    CHECK(alcove_bundle_next(alcove_bundle_encode(b), &at, &e) && same(e.content, PART(o.chain)),
          "a chain of full lines is written as others write it");
    alcove_bundle_free(b);
}

/* Lists that differ in their last bytes, each behind the one before it. */
static void test_many_entries(void)
{
    static struct forge_amd_spec s;
    static struct forge_amd_output o;
    struct alcove_bundle *b = alcove_bundle_new();
    forge_amd_defaults(&s, ALCOVE_SNP_MILAN, 3, false);
    forge_amd_build(&s, &o);
    uint8_t *last = o.crl.data + o.crl.size - 3;
    size_t count = 0;
    uint32_t kinds;
    int error = 0;
    for (; error == 0 && count <= BUNDLE_ENTRIES_MAX; count++) {
        const uint8_t number[3] = {(uint8_t)(count >> 16), (uint8_t)(count >> 8), (uint8_t)count};
        memcpy(last, number, sizeof number);
        error = alcove_bundle_add(b, PART(o.crl), &kinds);
    }
    CHECK(error == -E2BIG && count == BUNDLE_ENTRIES_MAX + 1 &&
              alcove_bundle_valid(alcove_bundle_encode(b)),
          "a bundle takes so many entries and no more");
    alcove_bundle_free(b);
}

/* Many entries, large entries. */
static void test_full(void)
{
    static struct forge_output o;
    static uint8_t text[BUNDLE_JSON_MAX];
    forge(NULL, false, &o);
    struct alcove_bundle *b = alcove_bundle_new();
    int error = 0;
    size_t count = 0;
    uint32_t kinds;
    memset(text, ' ', sizeof text);
    memcpy(text, o.tcb_info.data, o.tcb_info.size - 1);
    for (; error == 0 && count < 300; count++) {
        text[sizeof text - 1 - count] = '}';
        error = alcove_bundle_add(b, view(text, sizeof text - count), &kinds);
        text[sizeof text - 1 - count] = ' ';
    }
    struct alcove_bytes bundle = alcove_bundle_encode(b);
    CHECK(error == -E2BIG && count > 200 && bundle.size <= BUNDLE_BYTES_MAX &&
              alcove_bundle_valid(bundle),
          "a bundle has a largest size");
    alcove_bundle_free(b);

    struct writer w = writer_of(huge, sizeof huge);
    const unsigned each = BUNDLE_ENTRIES_MAX / 2 + 1;
    cbor_put_map(&w, 1 + ALCOVE_BUNDLE_KINDS);
    cbor_put_str(&w, "format");
    cbor_put_str(&w, BUNDLE_FORMAT);
    for (size_t group = 0; group < ALCOVE_BUNDLE_KINDS; group++) {
        cbor_put_str(&w, bundle_groups[group].key);
        cbor_put_array(&w, group < 2 ? each : 0);
        for (unsigned i = 0; i < each && group < 2; i++) {
            const uint8_t content[2] = {(uint8_t)(i >> 8), (uint8_t)i};
            cbor_put_bytes(&w, BYTES_OF(content));
        }
    }
    REQUIRE(!w.failed);
    CHECK(!alcove_bundle_valid(view(huge, w.size)), "and a greatest number of entries");
    memset(huge, 0, sizeof huge);
}

/* ---- real evidence ---- */

static const char *shared(void)
{
    const char *folder = getenv("ALCOVE_SHARED");
    return folder != NULL ? folder : "../shared";
}

static struct alcove_bytes load(const char *path)
{
    static uint8_t data[1u << 20];
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return (struct alcove_bytes){0};
    }
    size_t size = fread(data, 1, sizeof data, f);
    fclose(f);
    return view(data, size);
}

/* Adds every file of a folder; returns how many were understood. */
static size_t add_folder(struct alcove_bundle *b, const char *folder, size_t *ret_refused)
{
    char path[1024];
    size_t added = 0;
    snprintf(path, sizeof path, "%s/evidence/%s", shared(), folder);
    DIR *d = opendir(path);
    struct dirent *entry;
    while (d != NULL && (entry = readdir(d)) != NULL) {
        char file[2048];
        uint32_t kinds = 0;
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] == '.') {
            continue;
        }
        if (alcove_bundle_add(b, load(file), &kinds) == 0) {
            added++;
        } else {
            (*ret_refused)++;
            printf("# not understood: %s/%s\n", folder, entry->d_name);
        }
    }
    if (d != NULL) {
        closedir(d);
    }
    return added;
}

static void test_real(void)
{
    struct alcove_bundle *b = alcove_bundle_new();
    size_t refused_count = 0;
    size_t added = add_folder(b, "collateral-pool/tcbinfo", &refused_count) +
                   add_folder(b, "collateral-pool/identity", &refused_count) +
                   add_folder(b, "collateral-pool/crl", &refused_count) +
                   add_folder(b, "roots/amd", &refused_count);
    if (added == 0) {
        SKIP("no ../shared", "the pool of real collateral");
        alcove_bundle_free(b);
        return;
    }
    CHECK(refused_count == 0, "all of the pool's %zu documents, lists and chains are understood",
          added);
    size_t ignored = 0;
    added = add_folder(b, "collateral-pool", &ignored);
    CHECK(added >= 2, "and its signing chains");
    struct alcove_bytes bundle = alcove_bundle_encode(b);
    CHECK(alcove_bundle_valid(bundle) && count_of(bundle, ALCOVE_BUNDLE_TCB_CHAIN) == 2 &&
              count_of(bundle, ALCOVE_BUNDLE_AMD_CHAIN) == 6,
          "together they are a bundle of %zu bytes", bundle.size);

    static const struct {
        const char *quote;
        int64_t time;
    } quotes[] = {
        {"tdx-v4/automata-quotev4-00806f050000", 1739500000},
        {"sgx-v3/automata-quotev3", 1752000000},
    };
    for (size_t i = 0; i < ARRAY_SIZE(quotes); i++) {
        static uint8_t copy[16384];
        char path[1024];
        struct alcove_collateral c;
        snprintf(path, sizeof path, "%s/evidence/%s/quote.bin", shared(), quotes[i].quote);
        struct alcove_bytes quote = load(path);
        memcpy(copy, quote.data, quote.size);
        quote.data = copy;
        CHECK(alcove_bundle_select(bundle, quote, quotes[i].time, &c) && c.tcb_info.size > 0 &&
                  c.qe_identity.size > 0 && c.tcb_chain.size > 0 && c.pck_crl.size > 0 &&
                  c.root_crl.size > 0,
              "%s finds everything", quotes[i].quote);
        struct alcove_policy p = alcove_policy_strict();
        struct alcove_result r;
        ignore_result(alcove_verdict_accepted(alcove_verify(quote, &c, &p, quotes[i].time, &r)),
                      "the reasons are looked at");
        CHECK(!alcove_result_failed(&r, ALCOVE_REASON_COLLATERAL_MISSING) &&
                  !alcove_result_failed(&r, ALCOVE_REASON_TCB_INFO_PLATFORM) &&
                  !alcove_result_failed(&r, ALCOVE_REASON_TCB_INFO_SIGNATURE) &&
                  !alcove_result_failed(&r, ALCOVE_REASON_SIGNER_EXPIRED) &&
                  !alcove_result_failed(&r, ALCOVE_REASON_PCK_CRL_ISSUER),
              "and what it finds is what it needs");
    }
    alcove_bundle_free(b);
}

int main(void)
{
    test_intel();
    test_times();
    test_pck_chains();
    test_pck_tries();
    test_ratls();
    test_amd();
    test_amd_pieces();
    test_makers();
    test_loose_makers();
    test_candidates();
    test_signature_limit();
    test_amd_makers();
    test_aws();
    test_pieces();
    test_limits();
    test_facts();
    test_form();
    test_misfiled();
    test_tables();
    test_foreign();
    test_document_says();
    test_certificates();
    test_full_lines();
    test_many_entries();
    test_full();
    test_real();
    return tap_done();
}
