/* SPDX-License-Identifier: Apache-2.0 */
/* alcove_bundle_check(): which entries are what their makers signed, below which roots. Everything
 * that says "good" here must say something else when one signature is a stranger's. */
#include "base/cbor.h"
#include "bundle/bundle.h"
#include "forge/amd.h"
#include "forge/forge.h"

#include "tests/tap.h"

#include <string.h>

static const struct alcove_root *const no_roots = NULL;

static void add(struct alcove_bundle *b, const void *data, size_t size)
{
    uint32_t kinds;
    REQUIRE(alcove_bundle_add(b, (struct alcove_bytes){data, size}, &kinds) == 0);
}

/* The finding about the first entry of this kind. */
static struct alcove_bundle_finding ask(struct alcove_bytes bundle, enum alcove_bundle_kind kind,
                                        struct alcove_bytes signers, int64_t time,
                                        const struct alcove_root *root)
{
    struct alcove_bundle_position at = {0};
    struct alcove_bundle_entry e;
    while (alcove_bundle_next(bundle, &at, &e)) {
        if (e.kind == kind) {
            return alcove_bundle_check(&e, signers, time, root, root != NULL);
        }
    }
    printf("# no %s\n", alcove_bundle_kind_name(kind));
    return (struct alcove_bundle_finding){.root_kind = ALCOVE_ROOT_NONE};
}

static bool says(struct alcove_bytes bundle, enum alcove_bundle_kind kind,
                 const struct alcove_root *root, enum alcove_bundle_signature wanted)
{
    struct alcove_bundle_finding f = ask(bundle, kind, bundle, FORGE_NOW, root);
    if (f.signature != wanted) {
        printf("# %s: %d, not %d\n", alcove_bundle_kind_name(kind), (int)f.signature, (int)wanted);
    }
    return f.signature == wanted;
}

/* Of an entry that stands in no bundle. */
static enum alcove_bundle_signature judge(enum alcove_bundle_kind kind, struct alcove_bytes content,
                                          struct alcove_bytes signers,
                                          const struct alcove_root *root)
{
    const struct alcove_bundle_entry e = {.kind = kind, .content = content, .readable = true};
    return alcove_bundle_check(&e, signers, FORGE_NOW, root, root != NULL).signature;
}
#define PART(p) ((struct alcove_bytes){(p).data, (p).size})

/* ---- Intel ---- */

static struct forge_output forged;

static struct alcove_bundle *intel(void (*change)(struct forge_spec *))
{
    static struct forge_spec s;
    forge_defaults(&s);
    if (change != NULL) {
        change(&s);
    }
    forge_build(&s, &forged);
    struct alcove_bundle *b = alcove_bundle_new();
    REQUIRE(b != NULL);
    const struct forge_part *parts[] = {&forged.tcb_info, &forged.tcb_chain, &forged.qe_identity,
                                        &forged.pck_crl,  &forged.root_crl,  &forged.pck_chain};
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        add(b, parts[i]->data, parts[i]->size);
    }
    return b;
}

static const enum alcove_bundle_kind intel_kinds[] = {
    ALCOVE_BUNDLE_TCB_INFO, ALCOVE_BUNDLE_QE_IDENTITY, ALCOVE_BUNDLE_TCB_CHAIN,
    ALCOVE_BUNDLE_PCK_CRL,  ALCOVE_BUNDLE_ROOT_CRL,    ALCOVE_BUNDLE_PCK_CHAIN,
};

static void test_intel(void)
{
    struct alcove_bundle *b = intel(NULL), *empty = alcove_bundle_new();
    struct alcove_bytes bundle = alcove_bundle_encode(b), none = alcove_bundle_encode(empty);
    struct alcove_root stranger = {{1}};
    for (size_t i = 0; i < ARRAY_SIZE(intel_kinds); i++) {
        enum alcove_bundle_kind k = intel_kinds[i];
        const char *name = alcove_bundle_kind_name(k);
        struct alcove_bundle_finding f = ask(bundle, k, bundle, FORGE_NOW, &forged.root);
        CHECK(f.signature == ALCOVE_BUNDLE_SIGNATURE_GOOD && f.root_kind == ALCOVE_ROOT_OTHER &&
                  f.valid_from > 0 && f.valid_from < FORGE_NOW && f.valid_until > FORGE_NOW,
              "%s below a named root is good", name);
        CHECK(says(bundle, k, no_roots, ALCOVE_BUNDLE_SIGNATURE_UNKNOWN_ROOT) &&
                  says(bundle, k, &stranger, ALCOVE_BUNDLE_SIGNATURE_UNKNOWN_ROOT),
              "… below one that nobody named it is not");
        bool chain = k == ALCOVE_BUNDLE_TCB_CHAIN || k == ALCOVE_BUNDLE_PCK_CHAIN;
        CHECK(ask(bundle, k, none, FORGE_NOW, &forged.root).signature ==
                  (chain ? ALCOVE_BUNDLE_SIGNATURE_GOOD : ALCOVE_BUNDLE_SIGNATURE_SIGNER_MISSING),
              "… and without its signer's certificate it %s",
              chain ? "still is" : "cannot be told");
    }
    alcove_bundle_free(b);
    alcove_bundle_free(empty);
}

static void stranger_tcb(struct forge_spec *s)
{
    s->tcb_key = KEY_STRANGER;
}
static void stranger_qe(struct forge_spec *s)
{
    s->qe_key = KEY_STRANGER;
}
static void stranger_pck_crl(struct forge_spec *s)
{
    s->pck_crl.key = KEY_STRANGER;
}
static void stranger_root_crl(struct forge_spec *s)
{
    s->root_crl.key = KEY_STRANGER;
}
static void stranger_leaf(struct forge_spec *s)
{
    s->leaf.issuer_key = KEY_STRANGER;
}
static void stranger_signer(struct forge_spec *s)
{
    s->signer.issuer_key = KEY_STRANGER;
}
static void strange_signer(struct forge_spec *s)
{
    s->signer.unknown_critical = true;
}

static void version1_signer(struct forge_spec *s)
{
    s->signer.version1 = true;
}

static void test_intel_strangers(void)
{
    static const struct {
        void (*change)(struct forge_spec *);
        enum alcove_bundle_kind kind;
        enum alcove_bundle_signature wanted;
        const char *title;
    } cases[] = {
        {stranger_tcb, ALCOVE_BUNDLE_TCB_INFO, ALCOVE_BUNDLE_SIGNATURE_SIGNER_MISSING,
         "TCB info of a stranger has no signer"},
        {stranger_qe, ALCOVE_BUNDLE_QE_IDENTITY, ALCOVE_BUNDLE_SIGNATURE_SIGNER_MISSING,
         "QE identity of a stranger has no signer"},
        {stranger_pck_crl, ALCOVE_BUNDLE_PCK_CRL, ALCOVE_BUNDLE_SIGNATURE_BAD,
         "a CA's list signed by a stranger is bad"},
        {stranger_root_crl, ALCOVE_BUNDLE_ROOT_CRL, ALCOVE_BUNDLE_SIGNATURE_BAD,
         "a root's list signed by a stranger is bad"},
        {stranger_leaf, ALCOVE_BUNDLE_PCK_CHAIN, ALCOVE_BUNDLE_SIGNATURE_BAD,
         "a PCK certificate signed by a stranger is bad"},
        {stranger_signer, ALCOVE_BUNDLE_TCB_CHAIN, ALCOVE_BUNDLE_SIGNATURE_BAD,
         "a TCB signing certificate signed by a stranger is bad"},
        {stranger_signer, ALCOVE_BUNDLE_TCB_INFO, ALCOVE_BUNDLE_SIGNATURE_SIGNER_MISSING,
         "… and signs nothing"},
        {stranger_signer, ALCOVE_BUNDLE_ROOT_CRL, ALCOVE_BUNDLE_SIGNATURE_GOOD,
         "… the root's list has the PCK chain's root"},
        {stranger_leaf, ALCOVE_BUNDLE_ROOT_CRL, ALCOVE_BUNDLE_SIGNATURE_GOOD,
         "… or the TCB signing certificate's, if that is the one that is good"},
        {stranger_leaf, ALCOVE_BUNDLE_PCK_CRL, ALCOVE_BUNDLE_SIGNATURE_SIGNER_MISSING,
         "… but a CA that stands in no good chain signs nothing"},
        {version1_signer, ALCOVE_BUNDLE_TCB_CHAIN, ALCOVE_BUNDLE_SIGNATURE_BAD,
         "a TCB signing certificate of version 1 is bad"},
        {strange_signer, ALCOVE_BUNDLE_TCB_CHAIN, ALCOVE_BUNDLE_SIGNATURE_BAD,
         "a TCB signing certificate that asks for what nobody knows is bad"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct alcove_bundle *b = intel(cases[i].change);
        CHECK(says(alcove_bundle_encode(b), cases[i].kind, &forged.root, cases[i].wanted), "%s",
              cases[i].title);
        alcove_bundle_free(b);
    }
}

static void signer_of_the_past(struct forge_spec *s)
{
    s->signer.until = FORGE_NOW - 1;
    s->root_crl.until = s->leaf.until = s->signer_root.until = FORGE_NOW - 1;
}

static void software(struct forge_spec *s)
{
    s->root.subject = s->root.issuer = "Alcove Software SGX Root CA (machine 12345678)";
    s->ca.issuer = s->signer.issuer = s->root_crl.issuer = s->root.subject;
    s->signer_root.subject = s->signer_root.issuer = s->root.subject;
    s->ca.subject = s->leaf.issuer = s->pck_crl.issuer = "Alcove Software SGX PCK Platform CA";
    s->leaf.subject = "Alcove Software SGX PCK Certificate";
    s->signer.subject = "Alcove Software SGX TCB Signing";
}

static void test_intel_more(void)
{
    struct alcove_bundle *b = intel(signer_of_the_past);
    struct alcove_bytes bundle = alcove_bundle_encode(b);
    struct alcove_bundle_finding f =
        ask(bundle, ALCOVE_BUNDLE_TCB_INFO, bundle, FORGE_NOW, &forged.root);
    CHECK(f.signature == ALCOVE_BUNDLE_SIGNATURE_GOOD && f.valid_until == FORGE_NOW - 1,
          "a signer that expired is told by its date alone");
    CHECK(says(bundle, ALCOVE_BUNDLE_PCK_CHAIN, &forged.root, ALCOVE_BUNDLE_SIGNATURE_GOOD),
          "… and so is a PCK certificate");
    alcove_bundle_free(b);
    b = intel(software);
    bundle = alcove_bundle_encode(b);
    for (size_t i = 0; i < ARRAY_SIZE(intel_kinds); i++) {
        f = ask(bundle, intel_kinds[i], bundle, FORGE_NOW, &forged.root);
        CHECK(f.signature == ALCOVE_BUNDLE_SIGNATURE_GOOD && f.root_kind == ALCOVE_ROOT_SOFTWARE &&
                  says(bundle, intel_kinds[i], no_roots, ALCOVE_BUNDLE_SIGNATURE_UNKNOWN_ROOT),
              "%s of a software machine says so", alcove_bundle_kind_name(intel_kinds[i]));
    }
    alcove_bundle_free(b);
}

static void short_root(struct forge_spec *s)
{
    s->signer_root.from = FORGE_NOW - 60;
    s->signer_root.until = FORGE_NOW + 60;
}
static void signer_of_the_future(struct forge_spec *s)
{
    s->signer.from = FORGE_NOW + 1;
}
static void reissued_ca(struct forge_spec *s)
{
    s->ca.serial = 99;
}

static void test_intel_periods(void)
{
    struct alcove_bundle *b = intel(short_root);
    struct alcove_bytes bundle = alcove_bundle_encode(b);
    struct alcove_bundle_finding f =
        ask(bundle, ALCOVE_BUNDLE_TCB_INFO, bundle, FORGE_NOW, &forged.root);
    CHECK(f.valid_from == FORGE_NOW - 60 && f.valid_until == FORGE_NOW + 60,
          "a signer is no longer valid than its root");
    alcove_bundle_free(b);
    b = intel(signer_of_the_future);
    bundle = alcove_bundle_encode(b);
    f = ask(bundle, ALCOVE_BUNDLE_QE_IDENTITY, bundle, FORGE_NOW, &forged.root);
    CHECK(f.signature == ALCOVE_BUNDLE_SIGNATURE_GOOD && f.valid_from == FORGE_NOW + 1,
          "a signer of the future is told by its date alone");
    alcove_bundle_free(b);
}

/* Lists among chains of others, and among several of the same CA. */
static void test_intel_lists(void)
{
    struct alcove_bundle *others = intel(software), *several = intel(reissued_ca);
    struct alcove_bundle *b = intel(NULL);
    struct alcove_bytes bundle = alcove_bundle_encode(b), strangers = alcove_bundle_encode(others);
    add(several, forged.pck_chain.data, forged.pck_chain.size);
    struct alcove_bytes signers = alcove_bundle_encode(several);
    static const enum alcove_bundle_kind lists[] = {ALCOVE_BUNDLE_PCK_CRL, ALCOVE_BUNDLE_ROOT_CRL};
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        CHECK(ask(bundle, lists[i], strangers, FORGE_NOW, &forged.root).signature ==
                  ALCOVE_BUNDLE_SIGNATURE_SIGNER_MISSING,
              "%s has no signer among others", alcove_bundle_kind_name(lists[i]));
        CHECK(ask(bundle, lists[i], signers, FORGE_NOW, &forged.root).signature ==
                  ALCOVE_BUNDLE_SIGNATURE_GOOD,
              "%s is good when its CA was issued twice", alcove_bundle_kind_name(lists[i]));
    }
    alcove_bundle_free(b);
    alcove_bundle_free(others);
    alcove_bundle_free(several);
}

/* The same keys, a signer of the past and one of today: the one that is valid then wins. */
static void test_two_signers(void)
{
    struct alcove_bundle *b = intel(NULL);
    struct forge_output today = forged;
    static struct forge_spec s;
    forge_defaults(&s);
    s.signer.until = FORGE_NOW - 1;
    s.signer.serial += 1000;
    forge_build(&s, &forged);
    struct alcove_bundle *other = alcove_bundle_new();
    add(other, forged.tcb_chain.data, forged.tcb_chain.size);
    add(other, today.tcb_chain.data, today.tcb_chain.size);
    struct alcove_bytes bundle = alcove_bundle_encode(b), signers = alcove_bundle_encode(other);
    struct alcove_bundle_finding now =
        ask(bundle, ALCOVE_BUNDLE_TCB_INFO, signers, FORGE_NOW, &today.root);
    CHECK(now.signature == ALCOVE_BUNDLE_SIGNATURE_GOOD && now.valid_until > FORGE_NOW,
          "of two signing chains the one that is valid at the time is reported");
    alcove_bundle_free(b);
    alcove_bundle_free(other);
}

/* ---- AMD ---- */

static struct forge_amd_output amd_forged;

static struct alcove_bundle *amd(void (*change)(struct forge_amd_spec *), bool is_vlek)
{
    static struct forge_amd_spec s;
    forge_amd_defaults(&s, ALCOVE_SNP_MILAN, 3, is_vlek);
    if (change != NULL) {
        change(&s);
    }
    forge_amd_build(&s, &amd_forged);
    struct alcove_bundle *b = alcove_bundle_new();
    REQUIRE(b != NULL);
    add(b, amd_forged.vek.data, amd_forged.vek.size);
    add(b, amd_forged.chain.data, amd_forged.chain.size);
    add(b, amd_forged.crl.data, amd_forged.crl.size);
    return b;
}

static const enum alcove_bundle_kind amd_kinds[] = {ALCOVE_BUNDLE_AMD_VEK, ALCOVE_BUNDLE_AMD_CHAIN,
                                                    ALCOVE_BUNDLE_AMD_CRL};

static void test_amd(void)
{
    struct alcove_bundle *empty = alcove_bundle_new();
    struct alcove_bytes none = alcove_bundle_encode(empty);
    for (int vlek = 0; vlek < 2; vlek++) {
        struct alcove_bundle *b = amd(NULL, vlek != 0);
        struct alcove_bytes bundle = alcove_bundle_encode(b);
        for (size_t i = 0; i < ARRAY_SIZE(amd_kinds); i++) {
            enum alcove_bundle_kind k = amd_kinds[i];
            struct alcove_bundle_finding f =
                ask(bundle, k, bundle, FORGE_AMD_NOW, &amd_forged.root);
            CHECK(f.signature == ALCOVE_BUNDLE_SIGNATURE_GOOD && f.root_kind == ALCOVE_ROOT_OTHER &&
                      f.valid_until > FORGE_AMD_NOW && f.valid_from < FORGE_AMD_NOW,
                  "%s of a %s below a named root is good", alcove_bundle_kind_name(k),
                  vlek ? "VLEK" : "VCEK");
            CHECK(says(bundle, k, no_roots, ALCOVE_BUNDLE_SIGNATURE_UNKNOWN_ROOT),
                  "… below one that nobody named it is not");
            CHECK(ask(bundle, k, none, FORGE_AMD_NOW, &amd_forged.root).signature ==
                      (k == ALCOVE_BUNDLE_AMD_CHAIN ? ALCOVE_BUNDLE_SIGNATURE_GOOD
                                                    : ALCOVE_BUNDLE_SIGNATURE_SIGNER_MISSING),
                  "… and needs its signer's certificate, unless it is a chain");
        }
        alcove_bundle_free(b);
    }
    alcove_bundle_free(empty);
}

static void stranger_vek(struct forge_amd_spec *s)
{
    s->vek.issuer_key = AMD_KEY_STRANGER;
}
static void stranger_ask(struct forge_amd_spec *s)
{
    s->ask.issuer_key = AMD_KEY_STRANGER;
}
static void stranger_ark(struct forge_amd_spec *s)
{
    s->ark.issuer_key = AMD_KEY_STRANGER;
}
static void strange_ask(struct forge_amd_spec *s)
{
    s->ask.unknown_critical = true;
}
static void pkcs1_ask(struct forge_amd_spec *s)
{
    s->ask.pkcs1 = true;
}
static void version1_ask(struct forge_amd_spec *s)
{
    s->ask.version1 = true;
}
static void p256_ask(struct forge_amd_spec *s)
{
    s->ask.p256_key = true;
}
static void no_ca_ask(struct forge_amd_spec *s)
{
    s->ask.is_ca = false;
    s->ask.path_length = -1;
}
static void crl_ask(struct forge_amd_spec *s)
{
    s->ask.usage = AMD_USAGE_CRL;
}
static void twice_ask(struct forge_amd_spec *s)
{
    s->ask.malformed = true; /* besides those that are good */
}
static void strange_ark(struct forge_amd_spec *s)
{
    s->ark.unknown_critical = true;
}
static void stranger_list(struct forge_amd_spec *s)
{
    s->crl.key = AMD_KEY_STRANGER;
}

static void test_amd_strangers(void)
{
    static const struct {
        void (*change)(struct forge_amd_spec *);
        enum alcove_bundle_kind kind;
        const char *title;
    } cases[] = {
        {version1_ask, ALCOVE_BUNDLE_AMD_CHAIN, "an ASK of version 1 is bad"},
        {p256_ask, ALCOVE_BUNDLE_AMD_CHAIN, "an ASK with another kind of key is bad"},
        {no_ca_ask, ALCOVE_BUNDLE_AMD_CHAIN, "an ASK that is no CA is bad"},
        {crl_ask, ALCOVE_BUNDLE_AMD_CHAIN, "an ASK that may sign lists only is bad"},
        {twice_ask, ALCOVE_BUNDLE_AMD_CHAIN, "an ASK with constraints of two kinds is bad"},
        {strange_ark, ALCOVE_BUNDLE_AMD_CHAIN, "an ARK that asks for what nobody knows is bad"},
        {stranger_vek, ALCOVE_BUNDLE_AMD_VEK, "a VCEK signed by a stranger is bad"},
        {stranger_ask, ALCOVE_BUNDLE_AMD_CHAIN, "an ASK signed by a stranger is bad"},
        {stranger_ask, ALCOVE_BUNDLE_AMD_VEK, "… and so is the VCEK below it"},
        {stranger_ark, ALCOVE_BUNDLE_AMD_CHAIN, "an ARK that did not sign itself is bad"},
        {strange_ask, ALCOVE_BUNDLE_AMD_CHAIN, "an ASK that asks for what nobody knows is bad"},
        {pkcs1_ask, ALCOVE_BUNDLE_AMD_CHAIN, "an ASK with another kind of signature is bad"},
        {stranger_list, ALCOVE_BUNDLE_AMD_CRL, "a list signed by a stranger is bad"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct alcove_bundle *b = amd(cases[i].change, false);
        CHECK(says(alcove_bundle_encode(b), cases[i].kind, &amd_forged.root,
                   ALCOVE_BUNDLE_SIGNATURE_BAD),
              "%s", cases[i].title);
        alcove_bundle_free(b);
    }
}

static void ask_of_another(struct forge_amd_spec *s)
{
    s->ask.issuer = "ARK-Genoa";
}
static void ark_of_another(struct forge_amd_spec *s)
{
    s->ark.issuer = "ARK-Genoa";
}
static void unknown_product(struct forge_amd_spec *s)
{
    s->ask.subject = s->vek.issuer = "SEV-Naples";
}

/* A bundle whose only entry is this, wherever it belongs. */
static struct alcove_bytes only(enum alcove_bundle_kind kind, struct alcove_bytes content)
{
    static uint8_t file[65536];
    struct writer w = writer_of(file, sizeof file);
    cbor_put_map(&w, 1 + ALCOVE_BUNDLE_KINDS);
    cbor_put_str(&w, "format");
    cbor_put_str(&w, BUNDLE_FORMAT);
    for (size_t i = 0; i < ALCOVE_BUNDLE_KINDS; i++) {
        cbor_put_str(&w, bundle_groups[i].key);
        cbor_put_array(&w, bundle_groups[i].kind == kind);
        if (bundle_groups[i].kind == kind) {
            cbor_put_bytes(&w, BYTES(content.data, content.size));
        }
    }
    REQUIRE(!w.failed && alcove_bundle_valid((struct alcove_bytes){file, w.size}));
    return (struct alcove_bytes){file, w.size};
}

/* What alcove_bundle_add() would not take. */
static void test_amd_chains(void)
{
    const struct alcove_bytes none = {0}, word = {(const uint8_t *)"x", 1};
    alcove_bundle_free(amd(ask_of_another, false));
    CHECK(judge(ALCOVE_BUNDLE_AMD_CHAIN, PART(amd_forged.chain), none, &amd_forged.root) ==
              ALCOVE_BUNDLE_SIGNATURE_BAD,
          "an ASK of another ARK is bad");
    alcove_bundle_free(amd(ark_of_another, false));
    CHECK(judge(ALCOVE_BUNDLE_AMD_CHAIN, PART(amd_forged.chain), none, &amd_forged.root) ==
              ALCOVE_BUNDLE_SIGNATURE_BAD,
          "an ARK that another issued is bad");
    alcove_bundle_free(amd(unknown_product, false));
    CHECK(judge(ALCOVE_BUNDLE_AMD_CHAIN, PART(amd_forged.chain), none, &amd_forged.root) ==
                  ALCOVE_BUNDLE_SIGNATURE_GOOD &&
              judge(ALCOVE_BUNDLE_AMD_CHAIN, PART(amd_forged.chain), none, NULL) ==
                  ALCOVE_BUNDLE_SIGNATURE_UNKNOWN_ROOT,
          "for a product that nobody knows there is no built-in root");
    alcove_bundle_free(intel(NULL));
    CHECK(judge(ALCOVE_BUNDLE_AMD_CHAIN, PART(forged.pck_chain), none, &forged.root) ==
              ALCOVE_BUNDLE_SIGNATURE_BAD,
          "a chain of three is not AMD's");

    alcove_bundle_free(amd(stranger_ask, false));
    CHECK(judge(ALCOVE_BUNDLE_AMD_CRL, PART(amd_forged.crl),
                only(ALCOVE_BUNDLE_AMD_CHAIN, PART(amd_forged.chain)),
                &amd_forged.root) == ALCOVE_BUNDLE_SIGNATURE_SIGNER_MISSING,
          "an ARK that stands in no good chain signs no list");
    alcove_bundle_free(amd(unknown_product, false));
    struct alcove_bytes naples = only(ALCOVE_BUNDLE_AMD_CHAIN, PART(amd_forged.chain));
    alcove_bundle_free(amd(NULL, false));
    CHECK(judge(ALCOVE_BUNDLE_AMD_VEK, PART(amd_forged.vek), naples, &amd_forged.root) ==
              ALCOVE_BUNDLE_SIGNATURE_SIGNER_MISSING,
          "a VCEK has no signer in another product's chain");
    CHECK(judge(ALCOVE_BUNDLE_AMD_VEK, PART(amd_forged.vek), only(ALCOVE_BUNDLE_AMD_CHAIN, word),
                &amd_forged.root) == ALCOVE_BUNDLE_SIGNATURE_SIGNER_MISSING,
          "nor in what is no chain");
}

/* AMD's own: good without anybody's naming them, and only with the ASK that AMD has. */
static void test_real_chains(void)
{
    static const char *const files[] = {"ask_ark_milan",  "asvk_ark_milan", "ask_ark_genoa",
                                        "asvk_ark_genoa", "ask_ark_turin",  "asvk_ark_turin"};
    const char *shared = getenv("ALCOVE_SHARED");
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        static uint8_t text[PEM_BYTES_MAX], other[2 * PEM_BYTES_MAX];
        char path[1024];
        snprintf(path, sizeof path, "%s/evidence/roots/amd/%s.pem", shared ? shared : "../shared",
                 files[i]);
        FILE *f = fopen(path, "rb");
        if (f == NULL) {
            SKIP("no ../shared", "%s", files[i]);
            continue;
        }
        size_t size = fread(text, 1, sizeof text, f);
        fclose(f);
        const struct alcove_bundle_entry e = {
            .kind = ALCOVE_BUNDLE_AMD_CHAIN, .content = {text, size}, .readable = true};
        const struct alcove_bytes none = {0};
        struct alcove_bundle_finding found = alcove_bundle_check(&e, none, FORGE_NOW, NULL, 0);
        CHECK(found.signature == ALCOVE_BUNDLE_SIGNATURE_GOOD &&
                  found.root_kind == ALCOVE_ROOT_AMD && found.valid_until > FORGE_NOW,
              "%s is good below AMD's root", files[i]);
        alcove_bundle_free(amd(NULL, files[i][2] == 'v'));
        const uint8_t *ark = memmem(text + 1, size - 1, "-----BEGIN", 10);
        REQUIRE(ark != NULL);
        size_t ark_size = size - (size_t)(ark - text);
        memcpy(other, amd_forged.ask_pem.data, amd_forged.ask_pem.size);
        memcpy(other + amd_forged.ask_pem.size, ark, ark_size);
        CHECK(judge(ALCOVE_BUNDLE_AMD_CHAIN,
                    (struct alcove_bytes){other, amd_forged.ask_pem.size + ark_size}, none,
                    &amd_forged.root) == ALCOVE_BUNDLE_SIGNATURE_BAD,
              "another's ASK below that root is bad");
    }
}

static void test_unreadable(void)
{
    struct alcove_bundle *b = intel(NULL);
    struct alcove_bytes bundle = alcove_bundle_encode(b);
    bool bad = true;
    for (int kind = 0; kind <= ALCOVE_BUNDLE_KINDS; kind++) {
        struct alcove_bundle_entry e = {.kind = (enum alcove_bundle_kind)kind,
                                        .content = {(const uint8_t *)"{}", 2}};
        bad = bad && alcove_bundle_check(&e, bundle, FORGE_NOW, &forged.root, 1).signature ==
                         ALCOVE_BUNDLE_SIGNATURE_BAD;
        e.readable = true; /* says who made it */
        bad = bad && alcove_bundle_check(&e, bundle, FORGE_NOW, &forged.root, 1).signature ==
                         ALCOVE_BUNDLE_SIGNATURE_BAD;
    }
    CHECK(bad, "what cannot be read is bad, whatever it is said to be");
    alcove_bundle_free(b);
}

int main(void)
{
    test_intel();
    test_intel_strangers();
    test_intel_more();
    test_intel_periods();
    test_intel_lists();
    test_two_signers();
    test_amd();
    test_amd_strangers();
    test_amd_chains();
    test_real_chains();
    test_unreadable();
    return tap_done();
}
