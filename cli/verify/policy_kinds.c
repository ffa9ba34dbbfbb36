/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy must say for each kind of evidence: templates to start from, and what is missing.
 * The checks themselves are the library's; this only finds the words for a refusal. */
#include <string.h>

#include "policy.h"

static const char *const kind_names[POLICY_KIND_COUNT + 1] = {
    [POLICY_SGX] = "sgx",
    [POLICY_TDX] = "tdx",
    [POLICY_SNP] = "snp",
    [POLICY_AZURE] = "azure",
    [POLICY_NITRO] = "nitro",
    [POLICY_RATLS] = "ratls",
    [POLICY_KIND_COUNT] = "unknown",
};

const char *policy_kind_name(enum policy_kind kind)
{
    return kind_names[kind];
}

bool policy_kind_of(enum alcove_evidence_kind kind, enum alcove_wrapping wrapping,
                    enum policy_kind *ret)
{
    static const enum policy_kind of_wrapping[] = {
        [ALCOVE_WRAPPING_RATLS] = POLICY_RATLS,
        [ALCOVE_WRAPPING_RATLS_LEGACY_GRAMINE] = POLICY_RATLS,
        [ALCOVE_WRAPPING_RATLS_LEGACY_RATS_TLS] = POLICY_RATLS,
        [ALCOVE_WRAPPING_AZURE_HCL] = POLICY_AZURE,
    };
    static const enum policy_kind of_kind[] = {
        [ALCOVE_EVIDENCE_SGX_QUOTE] = POLICY_SGX,
        [ALCOVE_EVIDENCE_TDX_QUOTE] = POLICY_TDX,
        [ALCOVE_EVIDENCE_SNP_REPORT] = POLICY_SNP,
        [ALCOVE_EVIDENCE_NITRO_DOCUMENT] = POLICY_NITRO,
    };
    _Static_assert(ARRAY_SIZE(of_wrapping) == ALCOVE_WRAPPING_COUNT, "each wrapping");
    _Static_assert(ARRAY_SIZE(of_kind) == ALCOVE_EVIDENCE_KIND_COUNT, "each kind");
    if (wrapping != ALCOVE_WRAPPING_NONE) {
        *ret = of_wrapping[wrapping];
        return true;
    }
    if (kind == ALCOVE_EVIDENCE_NONE) {
        return false;
    }
    *ret = of_kind[kind];
    return true;
}

bool policy_kind_by_name(const char *name, enum policy_kind *ret)
{
    for (int i = 0; i < POLICY_KIND_COUNT; i++) {
        if (strcmp(name, kind_names[i]) == 0) {
            *ret = (enum policy_kind)i;
            return true;
        }
    }
    for (int k = ALCOVE_EVIDENCE_NONE + 1; k < ALCOVE_EVIDENCE_KIND_COUNT; k++) {
        if (strcmp(name, alcove_evidence_kind_name((enum alcove_evidence_kind)k)) == 0) {
            return policy_kind_of((enum alcove_evidence_kind)k, ALCOVE_WRAPPING_NONE, ret);
        }
    }
    return false;
}

/* ---- templates ---- */

#define HEAD(what)                                                                                 \
    "# What is accepted: " what ".\n"                                                              \
    "# Replace each CHOOSE. 'any' means: not compared, on purpose. docs/formats/policy.md lists\n" \
    "# all keys; what is not written keeps its strict default.\n"
#define REPORT_DATA                                                                                \
    "report_data: CHOOSE    # 64 bytes as hex, or 32 that zeros follow: your challenge\n"
#define REPORT_DATA_BOUND                                                                          \
    "report_data: any       # bound already, by the checks of what is around it\n"
#define SGX_KEYS                                                                                   \
    "sgx:\n"                                                                                       \
    "  mrenclave: CHOOSE    # 32 bytes as hex: this very build; any, if a signer is named\n"       \
    "  signer: CHOOSE       # any, or {mrsigner: HEX, isvprodid: 0, min_isvsvn: 0}\n"              \
    "  configid: CHOOSE     # 64 bytes as hex; none (zeros) for enclaves without one\n"
#define TDX_KEYS                                                                                   \
    "tdx:\n"                                                                                       \
    "  mrtd: CHOOSE         # 48 bytes as hex: firmware and initial memory\n"                      \
    "  rtmr: CHOOSE         # any, or a list of four: 48 bytes as hex, any, or none (zeros)\n"
#define INTEL_DEFAULTS                                                                             \
    "# accept_statuses: [UpToDate]\n"                                                              \
    "# advisories: {tolerate: [], refuse: []}\n"                                                   \
    "# grace: {collateral: 7d}    or {platform: 30d}; none\n"                                      \
    "# platforms: {fmspc: {allow: any, deny: []}, ppid: {allow: any, deny: []}}\n"
#define DEFAULTS                                                                                   \
    "# allow_debug: false\n"                                                                       \
    "# roots: []                  files or SHA-256 of keys, besides the makers' own\n"
#define SNP_KEYS                                                                                   \
    "snp:\n"                                                                                       \
    "  measurement: CHOOSE  # 48 bytes as hex: firmware and initial memory\n"                      \
    "  host_data: CHOOSE    # 32 bytes as hex, none (zeros), or any\n"                             \
    "  vmpl: CHOOSE         # 0 to 3: at which privilege the report was asked for\n"               \
    "  min_tcb: CHOOSE      # any, or {bootloader: 0, tee: 0, snp: 0, microcode: 0}\n"
#define SNP_DEFAULTS                                                                               \
    "# allow_migration: false\n"                                                                   \
    "# platforms: {chip_id: {allow: any, deny: []}}\n"                                             \
    "# revocation: {amd: required}    or if-given\n"

const char *policy_template(enum policy_kind kind)
{
    static const char *const templates[POLICY_KIND_COUNT] = {
        [POLICY_SGX] =
            HEAD("SGX enclaves, by their quotes") REPORT_DATA SGX_KEYS INTEL_DEFAULTS DEFAULTS,
        [POLICY_TDX] = HEAD("TDX virtual machines, by their quotes")
            REPORT_DATA TDX_KEYS INTEL_DEFAULTS DEFAULTS,
        [POLICY_SNP] =
            HEAD("SEV-SNP guests, by their reports") REPORT_DATA SNP_KEYS SNP_DEFAULTS DEFAULTS,
        [POLICY_AZURE] =
            HEAD("SEV-SNP guests on Azure, by their HCL reports") REPORT_DATA_BOUND SNP_KEYS
        "azure:\n"
        "  key: CHOOSE          # SHA-256 of the modulus of the vTPM's key, as hex\n" SNP_DEFAULTS
            DEFAULTS,
        [POLICY_NITRO] = HEAD("Nitro enclaves, by their attestation documents") //
        "nitro:\n"
        "  time: CHOOSE         # given (as of now or --at: fresh), or document (stored evidence)\n"
        "  pcrs:\n"
        "    0: CHOOSE          # 48 bytes as hex: the image\n"
        "    1: CHOOSE          # kernel and boot ramdisk\n"
        "    2: CHOOSE          # application\n"
        "  nonce: CHOOSE        # hex, none, or any\n"
        "  user_data: CHOOSE    # hex, none, or any\n"
        "  public_key: CHOOSE   # hex, none, or any\n"
        "# and in nitro:  max_age: 5m    none: as long as its certificate lives\n"
        "# and in nitro:  clock_skew: 60s\n" DEFAULTS,
        [POLICY_RATLS] = HEAD("SGX enclaves, by RA-TLS certificates") REPORT_DATA_BOUND //
        "ratls:\n"
        "  nonce: CHOOSE        # hex, none, or any\n"
        "  key: CHOOSE          # SHA-256 of the SPKI that the handshake proved, as hex; any, if\n"
        "                       # the certificate itself comes from the handshake\n"
        "# and in ratls:  legacy: [gramine, rats-tls]    formats that are refused otherwise\n" //
        SGX_KEYS
        "# for virtual machines: tdx instead of sgx; see --print-policy tdx\n" INTEL_DEFAULTS
            DEFAULTS,
    };
    return templates[kind];
}

/* ---- what is missing ---- */

struct missing {
    char *text;
    size_t size, used, count;
};

static void need(struct missing *m, const char *key, bool there)
{
    if (there || m->used >= m->size) {
        return;
    }
    m->used +=
        base_format(m->text + m->used, m->size - m->used, "%s%s", m->count > 0 ? ", " : "", key);
    m->count++;
}

static void need_sgx(struct missing *m, const struct alcove_policy *p)
{
    need(m, "sgx.mrenclave", p->mrenclave.mode != ALCOVE_EXPECT_UNSET);
    need(m, "sgx.signer", p->signer.mode != ALCOVE_EXPECT_UNSET);
    need(m, "sgx.configid", p->configid.mode != ALCOVE_EXPECT_UNSET);
}

static void need_tdx(struct missing *m, const struct alcove_policy *p)
{
    bool rtmr = true;
    for (size_t i = 0; i < ARRAY_SIZE(p->rtmr); i++) {
        rtmr = rtmr && p->rtmr[i].mode != ALCOVE_EXPECT_UNSET;
    }
    need(m, "tdx.mrtd", p->mrtd.mode != ALCOVE_EXPECT_UNSET);
    need(m, "tdx.rtmr", rtmr);
}

static void need_snp(struct missing *m, const struct alcove_policy *p)
{
    need(m, "snp.measurement", p->snp_measurement.mode != ALCOVE_EXPECT_UNSET);
    need(m, "snp.host_data", p->snp_host_data.mode != ALCOVE_EXPECT_UNSET);
    need(m, "snp.vmpl", p->snp_vmpl.mode != ALCOVE_EXPECT_UNSET);
    need(m, "snp.min_tcb", p->snp_min_tcb.mode != ALCOVE_EXPECT_UNSET);
}

static void need_nitro(struct missing *m, const struct alcove_policy *p)
{
    static const char *const pcrs[] = {"nitro.pcrs.0", "nitro.pcrs.1", "nitro.pcrs.2"};
    need(m, "nitro.time", p->nitro_time != ALCOVE_NITRO_TIME_UNSET);
    for (size_t i = 0; i < ARRAY_SIZE(pcrs); i++) {
        need(m, pcrs[i], p->nitro_pcr[i].mode != ALCOVE_EXPECT_UNSET);
    }
    need(m, "nitro.nonce", p->nitro_nonce.mode != ALCOVE_EXPECT_UNSET);
    need(m, "nitro.user_data", p->nitro_user_data.mode != ALCOVE_EXPECT_UNSET);
    need(m, "nitro.public_key", p->nitro_public_key.mode != ALCOVE_EXPECT_UNSET);
}

size_t policy_missing(const struct alcove_policy *p, enum policy_kind kind,
                      enum alcove_evidence_kind inside, char *ret, size_t size)
{
    struct missing m = {ret, size, 0, 0};
    ret[0] = '\0';
    if (kind != POLICY_NITRO && kind != POLICY_KIND_COUNT) {
        need(&m, "report_data", p->report_data.mode != ALCOVE_EXPECT_UNSET);
    }
    switch (kind) {
    case POLICY_RATLS:
        need(&m, "ratls.nonce", p->ratls_nonce.mode != ALCOVE_EXPECT_UNSET);
        need(&m, "ratls.key", p->ratls_key.mode != ALCOVE_EXPECT_UNSET);
        if (inside == ALCOVE_EVIDENCE_SGX_QUOTE) {
            need_sgx(&m, p);
        } else if (inside == ALCOVE_EVIDENCE_TDX_QUOTE) {
            need_tdx(&m, p);
        }
        break;
    case POLICY_SGX:
        need_sgx(&m, p);
        break;
    case POLICY_TDX:
        need_tdx(&m, p);
        break;
    case POLICY_AZURE:
        need(&m, "azure.key", p->azure_key.mode != ALCOVE_EXPECT_UNSET);
        need_snp(&m, p);
        break;
    case POLICY_SNP:
        need_snp(&m, p);
        break;
    case POLICY_NITRO:
        need_nitro(&m, p);
        break;
    case POLICY_KIND_COUNT:
        break;
    }
    return m.count;
}
