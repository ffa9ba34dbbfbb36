/* SPDX-License-Identifier: Apache-2.0 */
/* How many pieces of evidence one core verifies a second, and how far that is from what the
 * signatures alone cost. Everything that is compared runs alternately for short times, so that
 * whatever else the machine does hits all of it; shown are medians. Time is this process's
 * processor time, since other processes would otherwise be counted.
 *
 *   verify_bench [--check] [--seconds N] [--shared DIR] [--only TEXT]
 *
 * Forged evidence has the sizes of real evidence. With the collection in DIR (default:
 * $ALCOVE_SHARED, then ../shared) real evidence is measured too. */
#include "forge/amd.h"
#include "forge/aws.h"
#include "forge/forge.h"
#include "verify/json.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/ec.h>
#include <openssl/evp.h>

#define FRESH        48u /* quotes of as many platforms under one set of collateral */
#define STRETCH      0.1 /* seconds that one measurement takes, at least */
#define ROUNDS_MAX   1001u
#define FLOOR_COLD   700.0
#define FLOOR_CACHED 3500.0

/* ---- what is measured ---- */

struct job {
    struct alcove_bytes evidence[FRESH];
    size_t count;
    struct alcove_collateral collateral;
    struct alcove_policy policy;
    int64_t time;
    bool cached; /* the first is checked untimed, the others with the cache that it leaves */
};

enum curve { P256, P384, CURVES };

struct subject {
    const char *name;
    enum curve curve;
    unsigned signatures; /* ECDSA verifications that cannot be left out */
    double floor;        /* checks a second; 0: none */
    struct job job;
    double rates[ROUNDS_MAX], ratios[ROUNDS_MAX];
};

static double now(void)
{
    struct timespec t;
    REQUIRE(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void check_one(const struct job *j, size_t i, struct alcove_cache *cache)
{
    static struct alcove_result r;
    struct alcove_verdict v =
        alcove_verify_cached(j->evidence[i], &j->collateral, &j->policy, j->time, cache, &r);
    if (!alcove_verdict_accepted(v)) {
        fprintf(stderr, "verify_bench: not accepted: %s\n", alcove_reason_name(r.first_reason));
        exit(1);
    }
}

/* Checks a second, over STRETCH at least. */
static double measure(const struct job *j)
{
    double spent = 0;
    size_t done = 0;
    while (spent < STRETCH) {
        struct alcove_cache *cache = j->cached ? alcove_cache_new(4096) : NULL;
        size_t first = 0;
        if (j->cached) {
            check_one(j, first++, cache);
        }
        double start = now();
        for (size_t i = first; i < j->count; i++) {
            check_one(j, i, cache);
        }
        spent += now() - start;
        done += j->count - first;
        alcove_cache_free(cache);
    }
    return (double)done / spent;
}

/* ---- the limit: ECDSA as `openssl speed` does it ---- */

struct limit {
    EVP_PKEY *key;
    EVP_PKEY_CTX *context;
    uint8_t digest[32], signature[128];
    size_t signature_size;
};

static void limit_prepare(struct limit *l, const char *curve)
{
    memset(l->digest, 0x5a, sizeof l->digest);
    l->signature_size = sizeof l->signature;
    l->key = EVP_EC_gen(curve);
    EVP_PKEY_CTX *signer = EVP_PKEY_CTX_new(l->key, NULL);
    REQUIRE(EVP_PKEY_sign_init(signer) == 1);
    REQUIRE(EVP_PKEY_sign(signer, l->signature, &l->signature_size, l->digest, sizeof l->digest) ==
            1);
    EVP_PKEY_CTX_free(signer);
    l->context = EVP_PKEY_CTX_new(l->key, NULL);
    REQUIRE(EVP_PKEY_verify_init(l->context) == 1);
}

static double limit_measure(const struct limit *l)
{
    double start = now(), spent;
    size_t done = 0;
    do {
        for (int i = 0; i < 64; i++) {
            REQUIRE(EVP_PKEY_verify(l->context, l->signature, l->signature_size, l->digest,
                                    sizeof l->digest) == 1);
        }
        done += 64;
        spent = now() - start;
    } while (spent < STRETCH);
    return (double)done / spent;
}

/* ---- forged evidence of real sizes ---- */

static const char begin_line[] = "-----BEGIN CERTIFICATE-----";

/* The nth certificate of a PEM chain and all that follow. */
static struct bytes from_certificate(struct bytes pem, unsigned n)
{
    const uint8_t *at = pem.data;
    for (unsigned i = 0; i <= n; i++) {
        at = memmem(at + (i > 0), pem.size - (size_t)(at + (i > 0) - pem.data), begin_line,
                    sizeof begin_line - 1);
        REQUIRE(at != NULL);
    }
    return BYTES(at, pem.size - (size_t)(at - pem.data));
}

/* Forging signs everything anew, but platforms of one kind share their issuer's certificates: `to`,
 * a quote of version 3, gets the issuers that `from` has. */
static void share_issuers(const struct forge_output *from, struct forge_output *to)
{
    enum { AUTH_SIZE = 432, CERT_SIZE = 1048, CERTS = 1052 };
    struct forge_part *q = &to->quote;
    struct bytes own = from_certificate(BYTES(q->data + CERTS, q->size - CERTS), 1);
    struct bytes shared = from_certificate(BYTES(from->pck_chain.data, from->pck_chain.size), 1);
    size_t at = (size_t)(own.data - q->data);
    REQUIRE(at + shared.size <= sizeof q->data);
    memcpy(q->data + at, shared.data, shared.size);
    q->size = at + shared.size;
    store_le32(q->data + CERT_SIZE, (uint32_t)(q->size - CERTS));
    store_le32(q->data + AUTH_SIZE, (uint32_t)(q->size - AUTH_SIZE - 4));
}

static void share_root(struct forge_output *o)
{
    struct bytes chain = BYTES(o->tcb_chain.data, o->tcb_chain.size);
    struct bytes root = from_certificate(BYTES(o->pck_chain.data, o->pck_chain.size), 2);
    size_t at = (size_t)(from_certificate(chain, 1).data - o->tcb_chain.data);
    memcpy(o->tcb_chain.data + at, root.data, root.size);
    o->tcb_chain.size = at + root.size;
    o->qe_chain = o->tcb_chain;
}

static void forge_sgx(struct job *j)
{
    static struct forge_spec s;
    static struct forge_output o[FRESH];
    forge_defaults(&s);
    forge_real_sizes(&s);
    for (size_t i = 0; i < FRESH; i++) {
        s.leaf.serial = (int)(1000 + i);
        forge_build(&s, &o[i]);
        share_issuers(&o[0], &o[i]);
        j->evidence[j->count++] = (struct alcove_bytes){o[i].quote.data, o[i].quote.size};
    }
    share_root(&o[0]);
    j->collateral = forge_collateral(&o[0]);
    j->collateral.pck_crl_chain = (struct alcove_bytes){0};
    j->policy = forge_policy(&o[0]);
    j->time = FORGE_NOW;
}

/* One certificate for a chip, its chain of three, the list. */
static void forge_snp(struct job *j)
{
    static struct forge_amd_spec s;
    static struct forge_amd_output o;
    forge_amd_defaults(&s, ALCOVE_SNP_MILAN, 3, false);
    forge_amd_build(&s, &o);
    j->evidence[j->count++] = (struct alcove_bytes){o.evidence.data, o.evidence.size};
    j->collateral = forge_amd_collateral(&o);
    j->policy = forge_amd_policy(&o);
    j->time = FORGE_AMD_NOW;
}

/* Five certificates in the document. */
static void forge_nitro_document(struct job *j)
{
    static struct forge_nitro s;
    static struct forge_blob o;
    static struct alcove_root root;
    forge_nitro_defaults(&s);
    forge_nitro_build(&s, &o, &root);
    j->evidence[j->count++] = (struct alcove_bytes){o.data, o.size};
    j->policy = forge_nitro_policy(&root);
    j->time = FORGE_NITRO_NOW;
}

/* ---- real evidence ---- */

static struct alcove_bytes read_part(const char *folder, const char *name)
{
    char path[4096];
    static const size_t capacity = 1u << 18;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return (struct alcove_bytes){0};
    }
    uint8_t *data = malloc(capacity);
    REQUIRE(data != NULL);
    size_t size = fread(data, 1, capacity, f);
    fclose(f);
    return (struct alcove_bytes){data, size};
}

static int64_t meta_time(const char *folder)
{
    struct alcove_bytes text = read_part(folder, "meta.json");
    struct json j = json_of(BYTES(text.data, text.size));
    struct json_object o = {0};
    struct bytes key;
    int64_t at = 0;
    while (json_member(&j, &o, &key)) {
        if (bytes_equal_str(key, "at_unix")) {
            at = (int64_t)json_uint(&j, INT64_MAX);
        } else {
            (void)json_raw(&j);
        }
    }
    return at;
}

/* Everything but signatures, chains, revocation and dates is left open. */
static struct alcove_policy open_policy(void)
{
    struct alcove_policy p = alcove_policy_strict();
    p.accepted_statuses = ALCOVE_TCB_BIT(ALCOVE_TCB_NOT_SUPPORTED) - 2;
    p.advisories.tolerate_mode = ALCOVE_EXPECT_ANY;
    p.allow_debug = p.allow_migration = p.allow_trailing = true;
    p.report_data.mode = ALCOVE_EXPECT_ANY;
    p.mrenclave.mode = p.signer.mode = p.configid.mode = ALCOVE_EXPECT_ANY;
    p.mrtd.mode = p.mrseam.mode = p.mrservicetd.mode = ALCOVE_EXPECT_ANY;
    for (size_t i = 0; i < 4; i++) {
        p.rtmr[i].mode = ALCOVE_EXPECT_ANY;
    }
    return p;
}

static bool read_intel(const char *shared, const char *name, struct job *j)
{
    char folder[3072];
    snprintf(folder, sizeof folder, "%s/evidence/%s", shared, name);
    j->evidence[0] = read_part(folder, "quote.bin");
    j->count = 1;
    j->collateral.tcb_info = read_part(folder, "tcbinfo.json");
    j->collateral.qe_identity = read_part(folder, "qeidentity.json");
    j->collateral.tcb_chain = j->collateral.qe_chain = read_part(folder, "tcb-chain.pem");
    j->collateral.pck_crl = read_part(folder, "pck-crl.der");
    j->collateral.pck_crl_chain = read_part(folder, "pck-crl-chain.pem");
    j->collateral.root_crl = read_part(folder, "root-crl.der");
    j->policy = open_policy();
    j->time = meta_time(folder);
    return j->evidence[0].size > 0;
}

/* ---- the table ---- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, ascending);
    return values[count / 2];
}

static struct subject subjects[8];
static size_t subject_count;

static struct subject *add(const char *name, enum curve curve, unsigned signatures, double floor)
{
    REQUIRE(subject_count < ARRAY_SIZE(subjects));
    struct subject *s = &subjects[subject_count++];
    s->name = name;
    s->curve = curve;
    s->signatures = signatures;
    s->floor = floor;
    return s;
}

static void prepare(const char *shared)
{
    /* Leaf, intermediate, root, TCB signer, two lists, TCB info, QE identity, QE report, quote. */
    struct subject *cold = add("SGX v3, cold", P256, 10, FLOOR_COLD);
    forge_sgx(&cold->job);
    /* Leaf, QE report, quote: of a platform that was never seen before. */
    struct subject *cached = add("SGX v3, cached", P256, 3, FLOOR_CACHED);
    cached->job = cold->job;
    cached->job.cached = true;
    /* The report; its chain and list are RSA. */
    forge_snp(&add("SNP, cold", P384, 1, 0)->job);
    /* Five certificates and the document. */
    forge_nitro_document(&add("Nitro, cold", P384, 6, 0)->job);
    static const struct {
        const char *name, *folder;
    } real[] = {{"real SGX v3, cold", "sgx-v3/teepot-azure"},
                {"real TDX v4, cold", "tdx-v4/flashbots-gcp-2025-12"}};
    for (size_t i = 0; i < ARRAY_SIZE(real); i++) {
        struct job j = {0};
        if (read_intel(shared, real[i].folder, &j)) {
            add(real[i].name, P256, 10, 0)->job = j;
        } else {
            printf("%s: skipped, not in %s\n", real[i].name, shared);
        }
    }
}

static void keep_only(const char *text)
{
    size_t kept = 0;
    for (size_t i = 0; i < subject_count; i++) {
        if (strstr(subjects[i].name, text) != NULL) {
            subjects[kept++] = subjects[i];
        }
    }
    subject_count = kept;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"check", no_argument, NULL, 'c'},
                                            {"seconds", required_argument, NULL, 's'},
                                            {"shared", required_argument, NULL, 'd'},
                                            {"only", required_argument, NULL, 'o'},
                                            {0}};
    const char *shared = getenv("ALCOVE_SHARED"), *only = "";
    double seconds = 8;
    bool check = false, missed = false;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'c') {
            check = true;
        } else if (c == 's') {
            seconds = strtod(optarg, NULL);
        } else if (c == 'd') {
            shared = optarg;
        } else if (c == 'o') {
            only = optarg;
        } else {
            fprintf(stderr,
                    "usage: verify_bench [--check] [--seconds N] [--shared DIR] [--only TEXT]\n");
            return 2;
        }
    }
    static const char *const curves[CURVES] = {"P-256", "P-384"};
    static double limits[CURVES][ROUNDS_MAX];
    struct limit l[CURVES];
    for (size_t i = 0; i < CURVES; i++) {
        limit_prepare(&l[i], curves[i]);
    }
    prepare(shared ? shared : "../shared");
    keep_only(only);
    size_t rounds = 0;
    for (double start = now(); rounds < 3 || (now() - start < seconds && rounds < ROUNDS_MAX);) {
        for (size_t i = 0; i < CURVES; i++) {
            limits[i][rounds] = limit_measure(&l[i]);
        }
        for (size_t i = 0; i < subject_count; i++) {
            struct subject *s = &subjects[i];
            s->rates[rounds] = measure(&s->job);
            s->ratios[rounds] = s->rates[rounds] * s->signatures / limits[s->curve][rounds];
        }
        rounds++;
    }
    for (size_t i = 0; i < CURVES; i++) {
        printf("ECDSA %s verifications: %.0f/s (median of %zu rounds)\n", curves[i],
               median(limits[i], rounds), rounds);
    }
    printf("%-20s %9s  %9s  %s\n", "", "checks/s", "of limit", "limit: ECDSA alone");
    for (size_t i = 0; i < subject_count; i++) {
        struct subject *s = &subjects[i];
        double rate = median(s->rates, rounds);
        bool low = rate < s->floor;
        missed = missed || low;
        printf("%-20s %9.0f  %8.0f%%  %u of %s%s\n", s->name, rate, 100 * median(s->ratios, rounds),
               s->signatures, curves[s->curve], low ? "; below its floor" : "");
    }
    for (size_t i = 0; i < CURVES; i++) {
        EVP_PKEY_CTX_free(l[i].context);
        EVP_PKEY_free(l[i].key);
    }
    return check && missed ? 1 : 0;
}
