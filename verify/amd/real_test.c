/* SPDX-License-Identifier: Apache-2.0 */
/* Real reports, and real ones in which something was changed: verdict and first reason. The files
 * are not part of the tree; without them every case is skipped.
 *   real_test SHARED    SHARED/evidence holds snp/, synthetic/ and roots/; $ALCOVE_SHARED wins */
#include "base/attr.h"
#include "verify/verify.h"

#include "tests/tap.h"

#include <stdio.h>
#include <string.h>

#define NOW INT64_C(1790000000) /* 2026-09-21: every VCEK here is valid */

struct file {
    uint8_t data[16384];
    size_t size;
};

struct real_case {
    const char *folder, *product;
    enum alcove_reason reason;
    const char *evidence, *vek; /* NULL: report.bin, vcek.der */
};

#define R(name) ALCOVE_REASON_##name
static const struct real_case cases[] = {
    {"snp/automata-sdk-milan", "milan", R(NONE), NULL, NULL},
    {"snp/dstack-attest-bin", "milan", R(NONE), NULL, "vcek.pem"},
    {"snp/go-sev-guest-milan", "milan", R(SNP_DEBUG), NULL, NULL},
    /* The certificates beside this report are another chip's. */
    {"snp/kinvolk-az", "milan", R(SNP_SIGNATURE), "hcl-report.bin", "certs.pem"},
    {"snp/kinvolk-az", "milan", R(SNP_SIGNATURE), NULL, "certs.pem"},
    {"snp/lunal-az-milan-v3", "milan", R(NONE), "hcl-report.bin", NULL},
    {"snp/lunal-genoa-v5", "genoa", R(NONE), NULL, NULL},
    {"snp/lunal-genoa-v5-live", "genoa", R(NONE), NULL, NULL},
    {"snp/lunal-test-milan", "milan", R(NONE), NULL, NULL},
    {"snp/ms-tav-milan", "milan", R(NONE), NULL, "vcek.pem"},
    {"snp/oak-cb", "milan", R(NONE), NULL, NULL},
    {"snp/oak-genoa-oc", "genoa", R(NONE), NULL, NULL},
    {"snp/oak-milan-oc-staging", "milan", R(NONE), NULL, NULL},
    {"snp/oak-milan-rk-release", "milan", R(NONE), NULL, NULL},
    {"snp/oak-turin-oc", "turin", R(NONE), NULL, NULL},
    {"snp/oak-turin-oc", "genoa", R(SNP_CHAIN_NAMES), NULL, NULL},
    {"snp/trustee-az-evidence-genoa", "genoa", R(NONE), "hcl-report.bin", NULL},
    {"snp/trustee-az-evidence-v2", "milan", R(NONE), "hcl-report.bin", NULL},
    {"snp/trustee-az-milan-v2", "milan", R(NONE), "hcl-report.bin", NULL},
    {"snp/veraison-tsm", "genoa", R(NONE), NULL, "vcek.pem"},
    {"snp/veraison-tsm", NULL, R(NONE), NULL, "auxblob-cert-table.bin"},
    {"snp/virtee-milan", "milan", R(NONE), NULL, NULL},
    {"synthetic/derived/snp-genoa-measurement", "genoa", R(SNP_SIGNATURE), NULL, NULL},
    {"synthetic/derived/snp-genoa-policy-debug", "genoa", R(SNP_SIGNATURE), NULL, NULL},
    {"synthetic/derived/snp-genoa-report-data", "genoa", R(SNP_SIGNATURE), NULL, NULL},
    {"synthetic/derived/snp-genoa-reported-tcb", "genoa", R(SNP_SIGNATURE), NULL, NULL},
    {"synthetic/derived/snp-genoa-sig-big-endian", "genoa", R(SNP_SIGNATURE), NULL, NULL},
    {"synthetic/derived/snp-genoa-sig-r", "genoa", R(SNP_SIGNATURE), NULL, NULL},
    {"synthetic/derived/snp-genoa-sig-r-high-bytes", "genoa", R(SNP_UNSIGNED_BYTES), NULL, NULL},
    {"synthetic/derived/snp-genoa-sig-zero", "genoa", R(SNP_SIGNATURE), NULL, NULL},
    {"synthetic/derived/snp-genoa-truncated-1183", "genoa", R(SNP_FORMAT), NULL, NULL},
    {"synthetic/derived/snp-genoa-truncated-672", "genoa", R(SNP_FORMAT), NULL, NULL},
    {"synthetic/derived/snp-genoa-version-99", "genoa", R(SNP_VERSION), NULL, NULL},
    {"synthetic/derived/snp-milan-measurement", "milan", R(SNP_SIGNATURE), NULL, NULL},
    {"synthetic/derived/snp-milan-policy-debug", "milan", R(SNP_SIGNATURE), NULL, NULL},
    {"synthetic/derived/snp-milan-sig-s-negated", "milan", R(NONE), NULL, NULL},
    {"synthetic/derived/snp-milan-sig-zero", "milan", R(SNP_SIGNATURE), NULL, NULL},
    {"synthetic/derived/snp-milan-vmpl", "milan", R(SNP_SIGNATURE), NULL, NULL},
    {"synthetic/derived/snp-turin-chip-id", "turin", R(SNP_SIGNATURE), NULL, "vcek.pem"},
    {"synthetic/derived/snp-turin-reported-tcb", "turin", R(SNP_RESERVED), NULL, "vcek.pem"},
    {"synthetic/derived/snp-turin-sig-big-endian", "turin", R(SNP_SIGNATURE), NULL, "vcek.pem"},
    /* No signature covers these bytes, no firmware writes them: refused, so that nobody can hide
     * something in a report that verifies. */
    {"synthetic/derived/snp-turin-sig-trailing-reserved", "turin", R(SNP_UNSIGNED_BYTES), NULL,
     "vcek.pem"},
    {"synthetic/derived/snp-turin-truncated-1183", "turin", R(SNP_FORMAT), NULL, "vcek.pem"},
    {"synthetic/derived/snp-turin-truncated-672", "turin", R(SNP_FORMAT), NULL, "vcek.pem"},
    {"synthetic/derived/snp-turin-version-99", "turin", R(SNP_VERSION), NULL, "vcek.pem"},
    {"synthetic/derived/snp-turin-vmpl", "turin", R(SNP_SIGNATURE), NULL, "vcek.pem"},
};

static bool load(const char *root, const char *folder, const char *name, struct file *ret)
{
    char path[4096];
    ret->size = 0;
    snprintf(path, sizeof path, "%s/evidence/%s/%s", root, folder, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return false;
    }
    ret->size = fread(ret->data, 1, sizeof ret->data, f);
    fclose(f);
    return ret->size > 0 && ret->size < sizeof ret->data;
}

static struct alcove_bytes lend(const struct file *f)
{
    return (struct alcove_bytes){f->data, f->size};
}

static void run_case(const char *root, const struct real_case *t)
{
    static struct file evidence, vek, chain;
    static struct alcove_result r;
    char name[64];
    const char *file = t->evidence ? t->evidence : "report.bin";
    snprintf(name, sizeof name, "ask_ark_%s.pem", t->product ? t->product : "");
    if (!load(root, t->folder, file, &evidence) ||
        !load(root, t->folder, t->vek ? t->vek : "vcek.der", &vek) ||
        (t->product && !load(root, "roots/amd", name, &chain))) {
        SKIP("not there", "%s/%s", t->folder, file);
        return;
    }
    struct alcove_collateral c = {0};
    if (t->product) {
        c.amd_vek = lend(&vek);
        c.amd_chain = lend(&chain);
    } else {
        c.amd_cert_table = lend(&vek);
    }
    struct alcove_policy p = alcove_policy_strict();
    p.revocation.amd = ALCOVE_REVOCATION_IF_GIVEN; /* nobody kept a list */
    p.report_data.mode = p.snp_measurement.mode = p.snp_host_data.mode = ALCOVE_EXPECT_ANY;
    p.snp_vmpl.mode = p.azure_key.mode = ALCOVE_EXPECT_ANY;
    p.snp_min_tcb.mode = ALCOVE_EXPECT_ANY;
    struct alcove_verdict v = alcove_verify(lend(&evidence), &c, &p, NOW, &r);
    CHECK(r.first_reason == t->reason &&
              alcove_verdict_accepted(v) == (t->reason == ALCOVE_REASON_NONE),
          "%s/%s with %s: %s", t->folder, file, t->product ? t->product : "its table",
          alcove_reason_name(t->reason));
    if (r.first_reason != t->reason) {
        printf("# got %s\n", alcove_reason_name(r.first_reason));
    }
    if (t->reason == ALCOVE_REASON_NONE) {
        CHECK(r.root_kind == ALCOVE_ROOT_AMD && r.has_snp && r.earliest_expiration > NOW &&
                  r.has_azure == (t->evidence != NULL),
              "%s/%s: and the result says so", t->folder, file);
    }
}

int main(int argc, char **argv)
{
    const char *shared = getenv("ALCOVE_SHARED");
    if (shared == NULL && argc > 1) {
        shared = argv[1];
    }
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        run_case(shared ? shared : "", &cases[i]);
    }
    return tap_done();
}
