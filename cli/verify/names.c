/* SPDX-License-Identifier: Apache-2.0 */
/* Names and what to do about them, see names.h. */
#include "names.h"

#include <string.h>

#define SGX_AND_TDX "SGX and TDX quotes"
#define SGX_ONLY    "SGX quotes"
#define TDX_ONLY    "TDX quotes"
#define SNP         "SEV-SNP reports"
#define NITRO       "Nitro documents"
#define AZURE       "Azure's HCL reports"
#define RATLS       "RA-TLS certificates"
#define RUN         "the evidence of a run"
#define EVERY       "every kind of evidence"

/* ---- which kind ---- */

static const char *const family_kinds[ALCOVE_REASON_COUNT] = {
#define REASON(name, text, explanation) [ALCOVE_REASON_##name] = SNP,
#include "verify/reasons_amd.def"
#undef REASON
#define REASON(name, text, explanation) [ALCOVE_REASON_##name] = NITRO,
#include "verify/reasons_aws.def"
#undef REASON
#define REASON(name, text, explanation) [ALCOVE_REASON_##name] = AZURE,
#include "verify/reasons_azure.def"
#undef REASON
#define REASON(name, text, explanation) [ALCOVE_REASON_##name] = RATLS,
#include "verify/reasons_ratls.def"
#undef REASON
    [ALCOVE_REASON_POLICY_INCOMPLETE] = EVERY,
    [ALCOVE_REASON_POLICY_CONFLICT] = EVERY,
    [ALCOVE_REASON_COLLATERAL_MISSING] = EVERY,
    [ALCOVE_REASON_MRENCLAVE] = SGX_ONLY,
    [ALCOVE_REASON_MRSIGNER] = SGX_ONLY,
    [ALCOVE_REASON_ISVPRODID] = SGX_ONLY,
    [ALCOVE_REASON_ISVSVN] = SGX_ONLY,
    [ALCOVE_REASON_CONFIGID] = SGX_ONLY,
    [ALCOVE_REASON_TDX_MODULE] = TDX_ONLY,
    [ALCOVE_REASON_TDX_MODULE_NOT_SUPPORTED] = TDX_ONLY,
    [ALCOVE_REASON_MIGRATION] = TDX_ONLY,
    [ALCOVE_REASON_TD_ATTRIBUTES] = TDX_ONLY,
    [ALCOVE_REASON_XFAM] = TDX_ONLY,
    [ALCOVE_REASON_MRSEAM] = TDX_ONLY,
    [ALCOVE_REASON_MRSERVICETD] = TDX_ONLY,
    [ALCOVE_REASON_MRTD] = TDX_ONLY,
    [ALCOVE_REASON_RTMR] = TDX_ONLY,
};

/* ---- which key of the policy file decides ---- */

static const char *const policy_keys[ALCOVE_REASON_COUNT] = {
    [ALCOVE_REASON_UNKNOWN_ROOT] = "roots",
    [ALCOVE_REASON_SOFTWARE_ROOT] = "roots",
    [ALCOVE_REASON_QUOTE_TRAILING] = "allow_trailing",
    [ALCOVE_REASON_TCB_INFO_EVALUATION] = "min_tcb_evaluation_number",
    [ALCOVE_REASON_TCB_STATUS] = "accept_statuses, grace.platform",
    [ALCOVE_REASON_ADVISORY] = "advisories",
    [ALCOVE_REASON_FMSPC] = "platforms.fmspc",
    [ALCOVE_REASON_PPID] = "platforms.ppid",
    [ALCOVE_REASON_SMT] = "refuse_smt",
    [ALCOVE_REASON_DEBUG] = "allow_debug",
    [ALCOVE_REASON_MIGRATION] = "allow_migration",
    [ALCOVE_REASON_TD_ATTRIBUTES] = "tdx.attributes",
    [ALCOVE_REASON_XFAM] = "tdx.xfam",
    [ALCOVE_REASON_MRENCLAVE] = "sgx.mrenclave",
    [ALCOVE_REASON_MRSIGNER] = "sgx.signer",
    [ALCOVE_REASON_ISVPRODID] = "sgx.signer",
    [ALCOVE_REASON_ISVSVN] = "sgx.signer",
    [ALCOVE_REASON_CONFIGID] = "sgx.configid",
    [ALCOVE_REASON_MRSEAM] = "tdx.mrseam",
    [ALCOVE_REASON_MRSERVICETD] = "tdx.mrservicetd",
    [ALCOVE_REASON_MRTD] = "tdx.mrtd",
    [ALCOVE_REASON_RTMR] = "tdx.rtmr",
    [ALCOVE_REASON_REPORT_DATA] = "report_data",
    [ALCOVE_REASON_SNP_TRAILING] = "allow_trailing",
    [ALCOVE_REASON_SNP_UNKNOWN_ROOT] = "roots",
    [ALCOVE_REASON_SNP_CRL_MISSING] = "revocation.amd",
    [ALCOVE_REASON_SNP_CHIP_REFUSED] = "platforms.chip_id",
    [ALCOVE_REASON_SNP_MIN_TCB] = "snp.min_tcb",
    [ALCOVE_REASON_SNP_DEBUG] = "allow_debug",
    [ALCOVE_REASON_SNP_MIGRATION] = "allow_migration",
    [ALCOVE_REASON_SNP_SMT] = "refuse_smt",
    [ALCOVE_REASON_SNP_VMPL] = "snp.vmpl",
    [ALCOVE_REASON_SNP_MEASUREMENT] = "snp.measurement",
    [ALCOVE_REASON_SNP_HOST_DATA] = "snp.host_data",
    [ALCOVE_REASON_SNP_REPORT_DATA] = "report_data",
    [ALCOVE_REASON_AZURE_TRAILING] = "allow_trailing",
    [ALCOVE_REASON_AZURE_KEY] = "azure.key",
    [ALCOVE_REASON_NITRO_TRAILING] = "allow_trailing",
    [ALCOVE_REASON_NITRO_FUTURE] = "nitro.clock_skew",
    [ALCOVE_REASON_NITRO_TOO_OLD] = "nitro.max_age",
    [ALCOVE_REASON_NITRO_ROOT] = "roots",
    [ALCOVE_REASON_NITRO_DEBUG] = "allow_debug",
    [ALCOVE_REASON_NITRO_PCR] = "nitro.pcrs",
    [ALCOVE_REASON_NITRO_NONCE] = "nitro.nonce",
    [ALCOVE_REASON_NITRO_USER_DATA] = "nitro.user_data",
    [ALCOVE_REASON_NITRO_PUBLIC_KEY] = "nitro.public_key",
    [ALCOVE_REASON_RATLS_LEGACY] = "ratls.legacy",
    [ALCOVE_REASON_RATLS_KEY] = "ratls.key",
    [ALCOVE_REASON_RATLS_NONCE] = "ratls.nonce",
};

/* ---- what to do ---- */

/* Names end alike where the same has to be done. */
static const struct {
    const char *end, *advice;
} advices[] = {
    {"-not-yet-valid", "check this machine's clock, or the time after --at; where both are right, "
                       "the piece was made by a wrong clock or is not meant to be used yet"},
    {"-expired", "fetch current collateral, or ask for fresh evidence; stored evidence is checked "
                 "as of the time at which it was taken: --at"},
    {"-format", "fetch it or have it sent again, byte for byte; what cannot be read is not "
                "believed"},
    {"-signature", "do not believe it: these bytes were changed after they were signed, or the "
                   "signer is another one; ask the source again"},
    {"-binding", "do not believe it: pieces of different origin were put together; ask the source "
                 "again"},
    {"-revoked", "do not believe anything under this certificate; no option accepts it"},
    {"-issuer", "fetch the revocation list of the authority that issued this very chain"},
    {"-profile", "hand over the certificates as their maker issued them"},
    {"-names", "hand over the chain that belongs to this evidence, as its maker issued it"},
    {"-ca", "do not believe it: no maker issues such certificates"},
    {"-key-usage", "do not believe it: no maker issues such certificates"},
};

static const char *advice_for(const char *name, const char *policy_key)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < ARRAY_SIZE(advices); i++) {
        size_t end = strlen(advices[i].end);
        if (size > end && strcmp(name + size - end, advices[i].end) == 0) {
            return advices[i].advice;
        }
    }
    return policy_key != NULL
               ? "compare the policy with what 'alcove verify' prints about the evidence; change "
                 "the policy only if it is what is wrong"
               : "do not believe it as it is; ask the source for the evidence again, and fetch the "
                 "collateral that belongs to it";
}

/* ---- TCB statuses ---- */

static const struct {
    const char *means, *advice;
} statuses[ALCOVE_TCB_STATUS_COUNT] = {
    [ALCOVE_TCB_UP_TO_DATE] = {"the platform has every security update that TCB info knows of",
                               "nothing: this is what policies accept"},
    [ALCOVE_TCB_SW_HARDENING_NEEDED] =
        {"the platform is up to date, but some weaknesses of the processor can only be met by the "
         "program itself; the advisories say which",
         "build the program with these mitigations, accept the status, and tolerate the advisories "
         "that it meets, by id"},
    [ALCOVE_TCB_CONFIGURATION_NEEDED] =
        {"the platform is up to date, but its configuration leaves something open, such as "
         "hyperthreading",
         "change the configuration as the advisories say, or accept the status"},
    [ALCOVE_TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED] =
        {"both ConfigurationNeeded and SWHardeningNeeded",
         "do what both ask for, or accept the status and tolerate its advisories by id"},
    [ALCOVE_TCB_OUT_OF_DATE] =
        {"the platform lacks security updates; the advisories name what an attacker may use",
         "update its firmware and microcode, and have it certified anew; until then 'grace: "
         "{platform: 30d}' tolerates it for a while"},
    [ALCOVE_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED] =
        {"the platform lacks security updates, and its configuration leaves something open",
         "update its firmware and microcode, change the configuration as the advisories say"},
    [ALCOVE_TCB_REVOKED] = {"platforms of this level are not to be believed any more: their keys "
                            "may be known",
                            "do not accept it"},
    [ALCOVE_TCB_TD_RELAUNCH_ADVISED] =
        {"the virtual machine was launched under an older TDX module than now runs below it; what "
         "the older one measured is only as good as that one was",
         "launch the virtual machine again"},
    [ALCOVE_TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED] =
        {"both TDRelaunchAdvised and ConfigurationNeeded",
         "launch the virtual machine again, change the platform's configuration as the advisories "
         "say"},
    [ALCOVE_TCB_NOT_SUPPORTED] = {"the platform is below every level that TCB info lists",
                                  "update the platform; no policy can accept this"},
};

/* ---- all of them ---- */

#define REASONS     (ALCOVE_REASON_COUNT - 1)
#define RUN_REASONS (RUN_REASON_COUNT - 1)
#define STATUSES    (ALCOVE_TCB_STATUS_COUNT - 1)

size_t name_count(void)
{
    return REASONS + RUN_REASONS + STATUSES;
}

struct name_entry name_at(size_t i)
{
    if (i < REASONS) {
        enum alcove_reason r = (enum alcove_reason)(i + 1);
        const char *name = alcove_reason_name(r);
        return (struct name_entry){NAME_REASON,
                                   name,
                                   family_kinds[r] != NULL ? family_kinds[r] : SGX_AND_TDX,
                                   alcove_reason_explain(r),
                                   advice_for(name, policy_keys[r]),
                                   policy_keys[r]};
    }
    if (i < REASONS + RUN_REASONS) {
        enum run_reason r = (enum run_reason)(i - REASONS + 1);
        const char *name = run_reason_name(r);
        return (struct name_entry){NAME_RUN_REASON,        name, RUN, run_reason_explain(r),
                                   advice_for(name, NULL), NULL};
    }
    enum alcove_tcb_status s = (enum alcove_tcb_status)(i - REASONS - RUN_REASONS + 1);
    bool acceptable = s != ALCOVE_TCB_NOT_SUPPORTED;
    return (struct name_entry){NAME_STATUS,        alcove_tcb_status_name(s),
                               SGX_AND_TDX,        statuses[s].means,
                               statuses[s].advice, acceptable ? "accept_statuses" : NULL};
}
