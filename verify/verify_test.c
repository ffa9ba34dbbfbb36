/* SPDX-License-Identifier: Apache-2.0 */
/* Every reason has a case that gives it, and gives it first; good evidence is accepted. */
#include "intel/collateral.h"
#include "intel/platform.h"
#include "forge/forge.h"
#include "forge/ratls.h"
#include "policy.h"
#include "verify/limits.h"
#include "x509/certificate.h"
#include "x509/pem.h"

#include "tests/tap.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#define FUTURE       (FORGE_NOW + 1000)
#define PAST         (FORGE_NOW - 1000)
#define SPEC(name)   static void name(struct forge_spec *s)
#define OUTPUT(name) static void name(struct forge_output *o)
#define POLICY(name) static void name(struct alcove_policy *p)

static void edit_tcb(struct forge_spec *s, const char *from, const char *to)
{
    forge_edit(s->tcb_body, sizeof s->tcb_body, from, to);
}
static void edit_qe(struct forge_spec *s, const char *from, const char *to)
{
    forge_edit(s->qe_body, sizeof s->qe_body, from, to);
}

/* ---- what is wrong, one function each ---- */
/* clang-format off */

POLICY(unset_mrenclave) { p->mrenclave.mode = ALCOVE_EXPECT_UNSET; }
POLICY(unset_signer) { p->signer.mode = ALCOVE_EXPECT_UNSET; }
POLICY(unset_configid) { p->configid.mode = ALCOVE_EXPECT_UNSET; }
POLICY(unset_report_data) { p->report_data.mode = ALCOVE_EXPECT_UNSET; }
POLICY(strange_mode) { p->report_data.mode = (enum alcove_expect)77; }
POLICY(no_statuses) { p->accepted_statuses = 0; }
POLICY(accepts_not_supported) { p->accepted_statuses = ALCOVE_TCB_BIT(ALCOVE_TCB_NOT_SUPPORTED); }
/* A list that is not there, one that is too long, one that is given where no list is used. */
static const uint8_t fmspc_here[6] = {0x00, 0xa0, 0x6f, 0x05}, fmspc_there[6] = {1}, zeros[64];
static const char *const sa_1[] = {"INTEL-SA-00001"};
static const char *const sa_both[] = {"INTEL-SA-00002", "INTEL-SA-00001"};
static const char *const sa_near[] = {"INTEL-SA-0000", "INTEL-SA-000010", "intel-sa-00001",
                                      "INTEL-SA-00002"};
static const char *const sa_empty[] = {""}, *const sa_null[] = {NULL};
static const char *const sa_long[] = {"INTEL-SA-00001-AND-MANY-MORE-TOO"};
POLICY(unset_fmspc) { p->fmspc.allow_mode = ALCOVE_EXPECT_UNSET; }
POLICY(unset_ppid) { p->ppid.allow_mode = ALCOVE_EXPECT_UNSET; }
POLICY(unset_advisories) { p->advisories.tolerate_mode = ALCOVE_EXPECT_UNSET; }
POLICY(ids_missing) { p->fmspc.allow_mode = ALCOVE_EXPECT_VALUE; p->fmspc.allowed_count = 1; }
POLICY(denied_missing) { p->ppid.denied_count = 1; }
POLICY(ids_too_many) { p->ppid.denied = zeros; p->ppid.denied_count = POLICY_IDS_MAX + 1; }
POLICY(allowed_beside_any) { p->fmspc.allowed = fmspc_here; p->fmspc.allowed_count = 1; }
POLICY(advisories_missing) { p->advisories.refused_count = 1; }
POLICY(advisory_empty) { p->advisories.refused = sa_empty; p->advisories.refused_count = 1; }
POLICY(advisory_null) { p->advisories.tolerated = sa_null; p->advisories.tolerated_count = 1; }
POLICY(advisory_long) { p->advisories.refused = sa_long; p->advisories.refused_count = 1; }
POLICY(advisories_too_many)
{
    p->advisories.refused = sa_1;
    p->advisories.refused_count = POLICY_ADVISORIES_MAX + 1;
}
POLICY(tolerated_beside_any)
{
    p->advisories = (struct alcove_advisory_lists){ALCOVE_EXPECT_ANY, sa_1, 1, NULL, 0};
}
POLICY(both_graces) { p->collateral_grace_s = p->platform_grace_s = 1; }
POLICY(roots_missing) { p->roots = NULL; }
POLICY(zero) { *p = (struct alcove_policy){0}; }
OUTPUT(no_tcb_info) { o->tcb_info.size = 0; }
OUTPUT(no_tcb_chain) { o->tcb_chain.size = 0; }
OUTPUT(no_qe_identity) { o->qe_identity.size = 0; }
OUTPUT(no_pck_crl) { o->pck_crl.size = 0; }
OUTPUT(no_root_crl) { o->root_crl.size = 0; }

OUTPUT(quote_cut) { o->quote.size--; }
OUTPUT(quote_empty) { o->quote.size = 0; }
OUTPUT(auth_longer) { o->quote.data[432]++; }
OUTPUT(auth_shorter) { o->quote.data[432]--; }
OUTPUT(cert_longer) { o->quote.data[1048]++; }
OUTPUT(version_4) { o->quote.data[0] = 4; }
OUTPUT(version_0) { o->quote.data[0] = 0; }
OUTPUT(p384) { o->quote.data[2] = 3; }
OUTPUT(tdx) { o->quote.data[4] = 0x81; }
OUTPUT(vendor) { o->quote.data[12] ^= 1; }
OUTPUT(one_more) { o->quote.data[o->quote.size++] = 0; }
SPEC(cert_type_6) { s->cert_type = 6; }
SPEC(cert_type_0) { s->cert_type = 0; }
SPEC(cert_type_3) { s->cert_type = 3; }

OUTPUT(pem_letter) { memcpy(o->quote.data + 1052, "-----BEGIM", 10); }
OUTPUT(pem_not_base64) { o->quote.data[1200] = '!'; }
SPEC(critical_in_leaf) { s->leaf.unknown_critical = true; }
SPEC(critical_in_ca) { s->ca.unknown_critical = true; }
SPEC(critical_in_root) { s->root.unknown_critical = true; }
SPEC(sha384_leaf) { s->leaf.sha384 = true; }
SPEC(curve_leaf) { s->leaf.other_curve = true; }
SPEC(version1_ca) { s->ca.version1 = true; }
SPEC(name_of_ca) { s->ca.subject = s->leaf.issuer = s->pck_crl.issuer = "Intel SGX Other CA"; }
SPEC(name_of_leaf) { s->leaf.subject = "Intel SGX TCB Signing"; }
SPEC(name_of_root)
{
    s->root.subject = s->root.issuer = s->ca.issuer = s->root_crl.issuer = "Intel SGX Root CA 2";
}
SPEC(leaf_not_linked) { s->leaf.issuer = "Intel SGX PCK Processor CA"; }
SPEC(ca_not_linked) { s->ca.issuer = "Intel SGX Root CB"; }
SPEC(leaf_is_ca) { s->leaf.is_ca = true; }
SPEC(ca_is_not) { s->ca.is_ca = false; }
SPEC(ca_says_nothing) { s->ca.no_constraints = true; }
SPEC(root_is_not) { s->root.is_ca = false; }
SPEC(root_of_leaves) { s->root.path_length = "0"; }
SPEC(path_lengths)
{
    s->root.path_length = s->signer_root.path_length = "1";
    s->ca.path_length = "0";
}
SPEC(leaf_may_certify) { s->leaf.usage = USAGE_SIGNATURE | USAGE_CERT; }
SPEC(leaf_may_not_sign) { s->leaf.usage = USAGE_CRL; }
SPEC(leaf_no_usage) { s->leaf.usage = 0; }
SPEC(ca_may_not_certify) { s->ca.usage = USAGE_CRL; }
SPEC(ca_may_not_revoke) { s->ca.usage = USAGE_CERT; }
SPEC(root_may_not_certify) { s->root.usage = USAGE_CRL; }
SPEC(leaf_by_stranger) { s->leaf.issuer_key = KEY_STRANGER; }
SPEC(ca_by_stranger) { s->ca.issuer_key = KEY_STRANGER; }
SPEC(root_by_stranger) { s->root.issuer_key = KEY_STRANGER; }
SPEC(leaf_future) { s->leaf.from = FUTURE; }
SPEC(ca_future) { s->ca.from = FUTURE; }
SPEC(root_future) { s->root.from = FUTURE; }
SPEC(leaf_past) { s->leaf.until = PAST; }
SPEC(ca_past) { s->ca.until = PAST; }
SPEC(root_past) { s->root.until = PAST; }
POLICY(no_roots) { p->root_count = 0; }
SPEC(root_of_stranger)
{
    s->root.key = s->root.issuer_key = s->ca.issuer_key = s->root_crl.key = KEY_STRANGER;
    s->signer_root.key = s->signer_root.issuer_key = s->signer.issuer_key = KEY_STRANGER;
}
SPEC(software_names)
{
    s->root.subject = s->root.issuer = "Alcove Software SGX Root CA (machine 12345678)";
    s->ca.issuer = s->signer.issuer = s->root_crl.issuer = s->root.subject;
    s->signer_root.subject = s->signer_root.issuer = s->root.subject;
    s->ca.subject = s->leaf.issuer = s->pck_crl.issuer = "Alcove Software SGX PCK Platform CA";
    s->leaf.subject = "Alcove Software SGX PCK Certificate";
    s->signer.subject = "Alcove Software SGX TCB Signing";
}
/* A software machine's intermediate below a root that calls itself Intel's. */
SPEC(software_below_intel_name)
{
    s->ca.subject = s->leaf.issuer = s->pck_crl.issuer = "Alcove Software SGX PCK Platform CA";
}
SPEC(no_extension) { s->leaf.sgx_extension = false; }
SPEC(component_negative) { s->components[3] = -1; }
SPEC(component_256) { s->components[3] = 256; }
SPEC(component_twice) { s->component_twice = true; }
SPEC(component_missing) { s->missing_component = true; }
SPEC(component_nobody_knows) { s->unknown_component = true; }
SPEC(component_long_oid) { s->long_component = true; }
SPEC(later_member) { s->unknown_member = true; }
SPEC(foreign_oid) { s->foreign_oid = true; }
SPEC(extension_trailing) { s->extension_trailing = true; }
SPEC(no_usage_signer) { s->signer.usage = USAGE_SIGNATURE | USAGE_CERT; }
SPEC(signer_root_usage) { s->signer_root.usage = USAGE_CRL; }
SPEC(root_no_crl) { s->root.usage = USAGE_CERT; }
SPEC(root_name_signer)
{
    s->signer_root.subject = s->signer_root.issuer = s->signer.issuer = "Intel SGX Root";
}
SPEC(processor_ca)
{
    s->ca.subject = s->leaf.issuer = s->pck_crl.issuer = "Intel SGX PCK Processor CA";
    s->no_platform_instance = true;
}
SPEC(software_leaf) { s->leaf.subject = "Alcove Software SGX PCK Certificate"; }
SPEC(software_root_only)
{
    s->root.subject = s->root.issuer = "Alcove Software SGX Root CA 1";
    s->ca.issuer = s->root_crl.issuer = s->root.subject;
}
/* Only the size is looked at. */
OUTPUT(quote_huge) { o->quote.size = QUOTE_BYTES_MAX + 1; }
SPEC(fmspc_5) { s->fmspc_size = 5; }
SPEC(fmspc_7) { s->fmspc_size = 7; }
SPEC(no_pceid) { s->leave_out_pceid = true; }

OUTPUT(root_crl_cut) { o->root_crl.size--; }
OUTPUT(root_crl_longer) { o->root_crl.data[o->root_crl.size++] = 0; }
SPEC(root_crl_critical) { s->root_crl.critical_extension = true; }
SPEC(root_crl_entry_critical)
{
    s->root_crl.revoked_serial = 77;
    s->root_crl.critical_entry = true;
}
SPEC(root_crl_issuer) { s->root_crl.issuer = "Intel SGX PCK Platform CA"; }
SPEC(root_crl_key) { s->root_crl.key = KEY_STRANGER; }
SPEC(root_crl_future) { s->root_crl.from = FUTURE; }
SPEC(root_crl_past) { s->root_crl.until = PAST; }
SPEC(revoke_ca) { s->root_crl.revoked_serial = 2; }
OUTPUT(pck_crl_cut) { o->pck_crl.size--; }
SPEC(pck_crl_critical) { s->pck_crl.critical_extension = true; }
SPEC(pck_crl_issuer) { s->pck_crl.issuer = "Intel SGX PCK Processor CA"; }
SPEC(pck_crl_key) { s->pck_crl.key = KEY_ROOT; }
SPEC(pck_crl_future) { s->pck_crl.from = FUTURE; }
SPEC(pck_crl_past) { s->pck_crl.until = PAST; }
OUTPUT(crl_chain_of_signer) { o->pck_crl_chain = o->tcb_chain; }
OUTPUT(crl_chain_cut) { o->pck_crl_chain.size -= 2; }
OUTPUT(crl_chain_none) { o->pck_crl_chain.size = 0; }
SPEC(revoke_leaf) { s->pck_crl.revoked_serial = 3; }
SPEC(revoke_signer) { s->root_crl.revoked_serial = 4; }

OUTPUT(signer_cut) { o->tcb_chain.size /= 2; }
OUTPUT(signer_three) { o->tcb_chain = o->pck_chain; }
OUTPUT(qe_signer_cut) { o->qe_chain.size /= 2; }
/* A signing chain of another forging of the same keys: other bytes, equally good. */
OUTPUT(qe_signer_again)
{
    static struct forge_spec s;
    static struct forge_output again;
    forge_defaults(&s);
    forge_build(&s, &again);
    o->qe_chain = again.tcb_chain;
    o->pck_crl_chain = again.pck_crl_chain;
}
OUTPUT(qe_signer_revoked_elsewhere)
{
    static struct forge_spec s;
    static struct forge_output again;
    forge_defaults(&s);
    s.signer.serial = 77;
    forge_build(&s, &again);
    o->qe_chain = again.tcb_chain;
}
SPEC(revoke_other_signer) { s->root_crl.revoked_serial = 77; }
SPEC(signer_critical) { s->signer.unknown_critical = true; }
SPEC(signer_sha384) { s->signer.sha384 = true; }
SPEC(signer_name) { s->signer.subject = "Intel SGX PCK Certificate"; }
SPEC(signer_is_ca) { s->signer.is_ca = true; }
SPEC(signer_root_is_not) { s->signer_root.is_ca = false; }
SPEC(signer_usage) { s->signer.usage = USAGE_CRL; }
SPEC(signer_by_stranger) { s->signer.issuer_key = KEY_STRANGER; }
SPEC(signer_other_root)
{
    s->signer_root.key = s->signer_root.issuer_key = s->signer.issuer_key = KEY_STRANGER;
}
SPEC(signer_future) { s->signer.from = FUTURE; }
SPEC(signer_past) { s->signer.until = PAST; }
SPEC(signer_root_past) { s->signer_root.until = PAST; }

SPEC(tcb_twice) { edit_tcb(s, "\"tcbType\":0,", "\"tcbType\":0,\"tcbType\":0,"); }
SPEC(tcb_no_fmspc) { edit_tcb(s, "\"fmspc\":\"00A06F050000\",", ""); }
SPEC(tcb_no_id) { edit_tcb(s, "\"id\":\"SGX\",", ""); }
SPEC(tcb_svn_256) { edit_tcb(s, "{\"svn\":5}", "{\"svn\":256}"); }
SPEC(tcb_svn_text) { edit_tcb(s, "{\"svn\":5}", "{\"svn\":\"5\"}"); }
SPEC(tcb_svn_zeros) { edit_tcb(s, "{\"svn\":5}", "{\"svn\":05}"); }
SPEC(tcb_svn_fraction) { edit_tcb(s, "{\"svn\":5}", "{\"svn\":5.0}"); }
SPEC(tcb_fifteen) { edit_tcb(s, "{\"svn\":5},", ""); }
SPEC(tcb_seventeen) { edit_tcb(s, "{\"svn\":5},", "{\"svn\":5},{\"svn\":5},"); }
SPEC(tcb_status_word) { edit_tcb(s, "\"UpToDate\"", "\"Fine\""); }
SPEC(tcb_status_invented) { edit_tcb(s, "\"UpToDate\"", "\"NotSupported\""); }
SPEC(tcb_date_word) { edit_tcb(s, "2026-09-01T00:00:00Z", "2026-02-29T00:00:00Z"); }
SPEC(tcb_version_4) { edit_tcb(s, "\"version\":3", "\"version\":4"); }
SPEC(tcb_version_2) { edit_tcb(s, "\"version\":3", "\"version\":2"); }
SPEC(tcb_advisory_number) { edit_tcb(s, "\"INTEL-SA-00002\"", "2"); }
/* 126 more than the two that are there, or 127; the quoting enclave's is one of the two. */
static void more_advisories(struct forge_spec *s, int count)
{
    char text[4096] = "\"INTEL-SA-00002\"";
    size_t n = strlen(text);
    for (int i = 0; i < count; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, ",\"INTEL-SA-%05d\"", 1000 + i);
    }
    edit_tcb(s, "\"INTEL-SA-00002\"", text);
    s->pcesvn = 12;
}
SPEC(advisories_128) { more_advisories(s, 126); }
SPEC(advisories_129) { more_advisories(s, 127); }
SPEC(tcb_deep)
{
    edit_tcb(s, "\"tcbType\":0,", "\"tcbType\":0,\"x\":[[[[[[[[[[]]]]]]]]]],");
}
OUTPUT(tcb_unsigned_member)
{
    o->tcb_info.size--;
    struct writer w = writer_of(o->tcb_info.data + o->tcb_info.size, 16);
    writer_put(&w, BYTES_STR(",\"x\":1}"));
    o->tcb_info.size += w.size;
}
OUTPUT(tcb_signature_case)
{
    char *p = (char *)o->tcb_info.data + o->tcb_info.size - 3;
    while (*p < 'a' || *p > 'f') {
        p--;
    }
    *p = (char)(*p - 'a' + 'A');
}
OUTPUT(tcb_trailing) { o->tcb_info.data[o->tcb_info.size++] = '}'; }
OUTPUT(tcb_changed) { *strstr((char *)o->tcb_info.data, "SA-00002") = 's'; }
SPEC(tcb_by_leaf) { s->tcb_key = KEY_LEAF; }
SPEC(tcb_future)
{
    edit_tcb(s, "2026-09-01T00:00:00Z", "2026-09-25T00:00:00Z");
}
SPEC(tcb_past) { edit_tcb(s, "2026-10-01T00:00:00Z", "2026-09-10T00:00:00Z"); }
SPEC(tcb_for_tdx) { edit_tcb(s, "\"SGX\"", "\"TDX\""); }
SPEC(tcb_for_nobody) { edit_tcb(s, "\"SGX\"", "\"XGS\""); }
SPEC(tcb_other_fmspc) { edit_tcb(s, "00A06F050000", "00A06F060000"); }
SPEC(tcb_other_pceid) { edit_tcb(s, "\"0000\"", "\"0001\""); }
POLICY(newer_evaluation) { p->min_tcb_evaluation_number = 21; }
SPEC(older_qe_evaluation)
{
    edit_qe(s, "\"tcbEvaluationDataNumber\":20", "\"tcbEvaluationDataNumber\":19");
}
POLICY(this_evaluation) { p->min_tcb_evaluation_number = 20; }

SPEC(qe_no_mrsigner) { edit_qe(s, "\"mrsigner\"", "\"mrsigned\""); }
SPEC(qe_status) { edit_qe(s, "\"UpToDate\"", "\"SWHardeningNeeded\""); }
SPEC(qe_version) { edit_qe(s, "\"version\":2", "\"version\":1"); }
OUTPUT(qe_changed) { *strstr((char *)o->qe_identity.data, "SA-00001") = 's'; }
SPEC(qe_future) { edit_qe(s, "2026-09-01T00:00:00Z", "2026-09-25T00:00:00Z"); }
SPEC(qe_past) { edit_qe(s, "2026-10-01T00:00:00Z", "2026-09-10T00:00:00Z"); }
SPEC(qe_is_qve) { edit_qe(s, "\"QE\"", "\"QVE\""); }
SPEC(qe_report_by_stranger) { s->qe_report_key = KEY_STRANGER; }
SPEC(qe_report_other_key) { s->qe_report.reportdata[0] = 1; }
OUTPUT(qe_auth_changed) { o->quote.data[1014] ^= 1; }
SPEC(qe_misc) { s->qe_report.miscselect = 1; }
SPEC(qe_debug) { s->qe_report.attributes.flags |= SGX_FLAGS_DEBUG; }
SPEC(qe_no_provision) { s->qe_report.attributes.flags &= ~SGX_FLAGS_PROVISIONKEY; }
SPEC(qe_signer) { s->qe_report.mrsigner[0] = 1; }
SPEC(qe_product) { s->qe_report.isvprodid = 2; }
SPEC(qe_ancient) { s->qe_report.isvsvn = 5; }

SPEC(ak_off_curve) { s->ak_off_curve = true; }
SPEC(quote_by_stranger) { s->quote_key = KEY_STRANGER; }
OUTPUT(mrenclave_changed) { o->quote.data[48 + 64] ^= 1; }
OUTPUT(user_data_changed) { o->quote.data[28] ^= 1; }
OUTPUT(signature_zero) { memset(o->quote.data + 436, 0, 64); }
SPEC(component_low) { s->components[15] = 4; }
SPEC(pcesvn_low) { s->pcesvn = 6; }
SPEC(pcesvn_old) { s->pcesvn = 12; }
SPEC(qe_old) { s->qe_report.isvsvn = 7; }
SPEC(workload_debug) { s->body.attributes.flags |= SGX_FLAGS_DEBUG; }
SPEC(other_program) { s->body.mrenclave[31] ^= 1; }
SPEC(other_signer) { s->body.mrsigner[0] ^= 1; }
SPEC(other_product) { s->body.isvprodid = 8; }
SPEC(old_version) { s->body.isvsvn = 2; }
SPEC(new_version) { s->body.isvsvn = 4; }
SPEC(other_config) { s->body.configid[63] ^= 1; }
SPEC(other_data) { s->body.reportdata[63] ^= 1; }

POLICY(accept_old) { p->accepted_statuses |= ALCOVE_TCB_BIT(ALCOVE_TCB_OUT_OF_DATE); }
POLICY(tolerate_one)
{
    accept_old(p);
    p->advisories.tolerated = sa_1;
    p->advisories.tolerated_count = 1;
}
POLICY(tolerate_near)
{
    accept_old(p);
    p->advisories.tolerated = sa_near;
    p->advisories.tolerated_count = ARRAY_SIZE(sa_near);
}
POLICY(tolerate_both)
{
    accept_old(p);
    p->advisories.tolerated = sa_both;
    p->advisories.tolerated_count = ARRAY_SIZE(sa_both);
}
POLICY(tolerate_any)
{
    accept_old(p);
    p->advisories.tolerate_mode = ALCOVE_EXPECT_ANY;
}
POLICY(refuse_one)
{
    tolerate_any(p);
    p->advisories.refused = sa_1;
    p->advisories.refused_count = 1;
}
POLICY(tolerate_and_refuse)
{
    tolerate_both(p);
    p->advisories.refused = sa_1;
    p->advisories.refused_count = 1;
}
POLICY(allow_fmspc)
{
    p->fmspc = (struct alcove_id_lists){ALCOVE_EXPECT_VALUE, fmspc_here, 1, NULL, 0};
}
POLICY(other_fmspc)
{
    p->fmspc = (struct alcove_id_lists){ALCOVE_EXPECT_VALUE, fmspc_there, 1, NULL, 0};
}
POLICY(no_fmspc) { p->fmspc.allow_mode = ALCOVE_EXPECT_VALUE; }
POLICY(deny_fmspc)
{
    p->fmspc = (struct alcove_id_lists){ALCOVE_EXPECT_ANY, NULL, 0, fmspc_here, 1};
}
POLICY(allow_and_deny_fmspc)
{
    p->fmspc = (struct alcove_id_lists){ALCOVE_EXPECT_VALUE, fmspc_here, 1, fmspc_here, 1};
}
POLICY(deny_other_fmspc)
{
    p->fmspc = (struct alcove_id_lists){ALCOVE_EXPECT_ANY, NULL, 0, fmspc_there, 1};
}
POLICY(deny_ppid) { p->ppid = (struct alcove_id_lists){ALCOVE_EXPECT_ANY, NULL, 0, zeros, 1}; }
POLICY(no_ppid) { p->ppid.allow_mode = ALCOVE_EXPECT_VALUE; }
POLICY(allow_ppid) { p->ppid = (struct alcove_id_lists){ALCOVE_EXPECT_VALUE, zeros, 4, NULL, 0}; }
POLICY(refuse_smt) { p->refuse_smt = true; }
SPEC(smt_on) { s->configuration[2] = 0xff; }
SPEC(smt_off) { s->configuration[2] = 0; }
SPEC(smt_unsaid) { s->configuration_count = 2; }
SPEC(no_configuration) { s->no_platform_instance = true; }
SPEC(boolean_one) { s->configuration[2] = 1; }
SPEC(boolean_two_bytes) { s->boolean_size = 2; }
SPEC(configuration_more) { s->configuration_count = 5; }
SPEC(configuration_twice) { s->configuration_twice = true; }
SPEC(instance_15) { s->instance_size = 15; }

POLICY(key_of_certificate) { p->ratls_key.mode = ALCOVE_EXPECT_VALUE; }
POLICY(any_certificate) { p->ratls_key.mode = p->ratls_nonce.mode = ALCOVE_EXPECT_ANY; }
POLICY(no_nonce) { p->ratls_nonce.mode = ALCOVE_EXPECT_VALUE; }
POLICY(nonce_of_certificate)
{
    p->ratls_nonce = (struct alcove_expect_bytes){ALCOVE_EXPECT_VALUE, {zeros, 8}};
}

/* Virtual machines. */
POLICY(unset_mrseam) { p->mrseam.mode = ALCOVE_EXPECT_UNSET; }
POLICY(unset_mrservicetd) { p->mrservicetd.mode = ALCOVE_EXPECT_UNSET; }
POLICY(allow_migration) { p->allow_migration = true; }
POLICY(unset_attributes) { p->td_attributes.mode = ALCOVE_EXPECT_UNSET; }
POLICY(unset_xfam) { p->td_xfam.mode = ALCOVE_EXPECT_UNSET; }
POLICY(outside_mask) { p->td_xfam = (struct alcove_expect_bits){ALCOVE_EXPECT_VALUE, 2, 3}; }
POLICY(wants_sept_ve)
{
    p->td_attributes.mask = p->td_attributes.value = ALCOVE_TD_ATTRIBUTES_SEPT_VE_DISABLE;
}
POLICY(any_attributes) { p->td_attributes.mode = ALCOVE_EXPECT_ANY; }
POLICY(wants_xfam) { p->td_xfam = (struct alcove_expect_bits){ALCOVE_EXPECT_VALUE, 0x1ff, 0xe7}; }
SPEC(td_bit_8) { s->td[TD_ATTRIBUTES + 1] = 1; }
SPEC(td_bit_61) { s->td[TD_ATTRIBUTES + 7] = 0x20; }
SPEC(td_known_bits)
{
    s->td[TD_ATTRIBUTES + 2] = 0x01;
    s->td[TD_ATTRIBUTES + 3] = 0xd8;
    s->td[TD_ATTRIBUTES + 7] = 0xc0;
}
SPEC(td_sept_ve) { s->td[TD_ATTRIBUTES + 3] = 0; }
SPEC(td_xfam) { s->td[TD_XFAM] = 0xe7; s->td[TD_XFAM + 2] = 6; }
POLICY(other_mrseam) { p->mrseam = (struct alcove_expect_48){ALCOVE_EXPECT_VALUE, {1}}; }
POLICY(zero_mrseam) { p->mrseam = (struct alcove_expect_48){ALCOVE_EXPECT_VALUE, {0}}; }
POLICY(some_service_td) { p->mrservicetd = (struct alcove_expect_48){ALCOVE_EXPECT_VALUE, {1}}; }
POLICY(any_service_td) { p->mrservicetd.mode = ALCOVE_EXPECT_ANY; }
SPEC(td_migratable) { s->td[TD_ATTRIBUTES + 3] |= 0x20; }
SPEC(td_service) { s->td[TD_MRSERVICETD] = 1; }
POLICY(unset_mrtd) { p->mrtd.mode = ALCOVE_EXPECT_UNSET; }
POLICY(unset_rtmr) { p->rtmr[3].mode = ALCOVE_EXPECT_UNSET; }
POLICY(enclaves_unset)
{
    p->mrenclave.mode = p->signer.mode = p->configid.mode = ALCOVE_EXPECT_UNSET;
}
POLICY(machines_unset)
{
    p->mrtd.mode = p->rtmr[0].mode = p->rtmr[1].mode = ALCOVE_EXPECT_UNSET;
    p->rtmr[2].mode = p->rtmr[3].mode = ALCOVE_EXPECT_UNSET;
}
OUTPUT(body_size_wrong) { o->quote.data[50]++; }
SPEC(body_type_sgx) { s->body_type = 1; }
SPEC(body_type_td_1_0) { s->body_type = 2; }
SPEC(body_type_5) { s->body_type = 5; }
SPEC(td_1_0) { s->body_type = 2; s->td_size = 584; s->td[TD_MRSERVICETD] = 1; }
SPEC(td_1_5_ex) { s->body_type = 4; s->td_size = 885; memset(s->td + 648, 0xee, 885 - 648); }
SPEC(td_1_5_ex_cut) { s->body_type = 4; s->td_size = 884; }
SPEC(td_1_5_ex_service) { td_1_5_ex(s); s->td[TD_MRSERVICETD] = 1; }
SPEC(td_1_0_updated) { td_1_0(s); s->td[TD_TCB_SVN] = 4; }
SPEC(outer_type) { s->outer_cert_type = 5; }
OUTPUT(tee_0x82) { o->quote.data[4] = 0x82; }
OUTPUT(version_6) { o->quote.data[0] = 6; }
SPEC(td_debug) { s->td[TD_ATTRIBUTES] = 1; }
SPEC(td_profiled) { s->td[TD_ATTRIBUTES] = 0x10; }
SPEC(td_other) { s->td[TD_MRTD + 47] ^= 1; }
SPEC(td_rtmr) { s->td[TD_RTMR + 4 * 48 - 1] ^= 1; }
SPEC(td_data) { s->td[TD_REPORTDATA + 63] ^= 1; }
SPEC(module_version) { s->td[TD_TCB_SVN + 1] = 2; }
SPEC(module_signer) { s->td[TD_MRSIGNERSEAM] = 1; }
SPEC(module_attributes) { s->td[TD_SEAM_ATTR] = 1; }
SPEC(module_ancient) { s->td[TD_TCB_SVN] = 2; }
SPEC(module_old) { s->td[TD_TCB_SVN] = 4; s->td[TD_TCB_SVN_2] = 4; }
SPEC(module_updated) { s->td[TD_TCB_SVN] = 4; }
SPEC(td_component_low) { s->td[TD_TCB_SVN + 2] = 4; }
SPEC(version_0_low) { s->td[TD_TCB_SVN + 1] = 0; }
SPEC(td_version_0)
{
    s->td[TD_TCB_SVN + 1] = s->td[TD_TCB_SVN_2 + 1] = 0;
    edit_tcb(s, "\"tdxtcbcomponents\":[{\"svn\":5},{\"svn\":5}",
             "\"tdxtcbcomponents\":[{\"svn\":5},{\"svn\":0}");
}
SPEC(version_0_unnamed)
{
    td_version_0(s);
    edit_tcb(s, "\"tdxModule\"", "\"tdxModul\"");
}
SPEC(module_attributes_named)
{
    module_attributes(s);
    edit_tcb(s, "\"attributes\":\"00", "\"attributes\":\"01");
    td_version_0(s);
}
SPEC(module_twice)
{
    edit_tcb(s, "\"tdxModuleIdentities\":[", "\"tdxModuleIdentities\":[{\"id\":\"TDX_01\","
             "\"mrsigner\":\"000000000000000000000000000000000000000000000000"
             "000000000000000000000000000000000000000000000000\",\"attributes\":"
             "\"0000000000000000\",\"attributesMask\":\"FFFFFFFFFFFFFFFF\",\"tcbLevels\":[]},");
}
SPEC(module_no_id) { edit_tcb(s, "\"id\":\"TDX_01\",", ""); }
SPEC(module_strange_id) { edit_tcb(s, "TDX_01", "TDX_1"); }
SPEC(module_not_hex) { edit_tcb(s, "TDX_01", "TDX_0g"); }
SPEC(module_lower_case) { s->td[TD_TCB_SVN + 1] = 0x0a; edit_tcb(s, "TDX_01", "TDX_0a"); }
SPEC(module_status) { edit_tcb(s, "\"UpToDate\"", "\"SWHardeningNeeded\""); }
SPEC(tdx_components_missing) { edit_tcb(s, "\"tdxtcbcomponents\"", "\"tdxtcbcomponent\""); }
SPEC(sgx_identity) { edit_qe(s, "\"TD_QE\"", "\"QE\""); }
SPEC(sgx_tcb_info) { edit_tcb(s, "\"id\":\"TDX\"", "\"id\":\"SGX\""); }
SPEC(ca_curve) { s->ca.other_curve = true; }
SPEC(ca_self_named) { s->ca.issuer = s->ca.subject; }
SPEC(ca_is_root) { ca_self_named(s); s->ca.issuer_key = KEY_CA; }
SPEC(ca_is_root_garbled) { ca_is_root(s); s->ca.usage = 0; s->ca.garbled_usage = true; }
SPEC(ca_is_root_twice) { ca_is_root(s); s->ca.twice = true; }
SPEC(nothing) { (void)s; }

/* clang-format on */

struct test_case {
    const char *what;
    void (*spec)(struct forge_spec *);
    void (*output)(struct forge_output *);
    void (*policy)(struct alcove_policy *);
    enum alcove_reason reason;
};

#define S(function, expected, text)                                                                \
    {                                                                                              \
        text, function, NULL, NULL, ALCOVE_REASON_##expected                                       \
    }
#define O(function, expected, text)                                                                \
    {                                                                                              \
        text, NULL, function, NULL, ALCOVE_REASON_##expected                                       \
    }
#define P(function, expected, text)                                                                \
    {                                                                                              \
        text, NULL, NULL, function, ALCOVE_REASON_##expected                                       \
    }
#define SP(spec, policy, expected, text)                                                           \
    {                                                                                              \
        text, spec, NULL, policy, ALCOVE_REASON_##expected                                         \
    }

static const struct test_case cases[] = {
    P(unset_mrenclave, POLICY_INCOMPLETE, "a forgotten MRENCLAVE rejects"),
    P(unset_signer, POLICY_INCOMPLETE, "a forgotten signer rejects"),
    P(unset_configid, POLICY_INCOMPLETE, "a forgotten CONFIGID rejects"),
    P(unset_report_data, POLICY_INCOMPLETE, "forgotten report data reject"),
    P(strange_mode, POLICY_INCOMPLETE, "a mode outside the enum rejects"),
    P(no_statuses, POLICY_INCOMPLETE, "a policy that accepts no status rejects"),
    P(accepts_not_supported, POLICY_INCOMPLETE, "NotSupported cannot be accepted"),
    P(roots_missing, POLICY_INCOMPLETE, "a count of roots without roots rejects"),
    P(zero, POLICY_INCOMPLETE, "a policy of zeros rejects"),
    P(both_graces, POLICY_CONFLICT, "grace of both kinds rejects"),
    P(unset_fmspc, POLICY_INCOMPLETE, "a forgotten rule for FMSPCs rejects"),
    P(unset_ppid, POLICY_INCOMPLETE, "a forgotten rule for PPIDs rejects"),
    P(unset_advisories, POLICY_INCOMPLETE, "a forgotten rule for advisories rejects"),
    P(ids_missing, POLICY_INCOMPLETE, "a count of ids without ids rejects"),
    P(denied_missing, POLICY_INCOMPLETE, "a count of denied ids without ids rejects"),
    P(ids_too_many, POLICY_INCOMPLETE, "more ids than the limit reject"),
    P(allowed_beside_any, POLICY_INCOMPLETE, "ids that are allowed where any is reject"),
    P(advisories_missing, POLICY_INCOMPLETE, "a count of advisories without advisories rejects"),
    P(advisory_empty, POLICY_INCOMPLETE, "an advisory of no name rejects"),
    P(advisory_null, POLICY_INCOMPLETE, "an advisory that is not there rejects"),
    P(advisory_long, POLICY_INCOMPLETE, "an advisory of an impossible name rejects"),
    P(advisories_too_many, POLICY_INCOMPLETE, "more advisories than the limit reject"),
    P(tolerated_beside_any, POLICY_INCOMPLETE, "advisories tolerated where any is reject"),
    O(no_tcb_info, COLLATERAL_MISSING, "TCB info is needed"),
    O(no_tcb_chain, COLLATERAL_MISSING, "its chain is needed"),
    O(no_qe_identity, COLLATERAL_MISSING, "QE identity is needed"),
    O(no_pck_crl, COLLATERAL_MISSING, "the PCK revocation list is needed"),
    O(no_root_crl, COLLATERAL_MISSING, "the root revocation list is needed"),
    O(quote_cut, QUOTE_FORMAT, "a quote cut by a byte"),
    O(quote_empty, QUOTE_FORMAT, "no quote at all"),
    O(auth_longer, QUOTE_FORMAT, "authentication data that say they are longer"),
    O(auth_shorter, QUOTE_FORMAT, "authentication data that say they are shorter"),
    O(cert_longer, QUOTE_FORMAT, "certification data that say they are longer"),
    O(version_4, QUOTE_FORMAT, "a version 3 quote that says it is version 4"),
    O(version_0, QUOTE_VERSION, "version 0"),
    O(p384, QUOTE_KEY_TYPE, "a P-384 attestation key"),
    O(tdx, QUOTE_TEE, "a version 3 quote for TDX"),
    O(vendor, QUOTE_VENDOR, "another QE vendor"),
    O(one_more, QUOTE_TRAILING, "a byte too much"),
    S(cert_type_0, QUOTE_CERTIFICATION, "certification data of type 0"),
    S(cert_type_3, QUOTE_CERTIFICATION, "an encrypted PPID and no chain beside it"),
    S(cert_type_6, QUOTE_CERTIFICATION, "nested certification data"),
    O(pem_letter, CHAIN_FORMAT, "a misspelt PEM line"),
    O(pem_not_base64, CHAIN_FORMAT, "a letter that is not base64"),
    S(critical_in_leaf, CHAIN_PROFILE, "an unknown critical extension in the leaf"),
    S(critical_in_ca, CHAIN_PROFILE, "an unknown critical extension in the intermediate"),
    S(critical_in_root, CHAIN_PROFILE, "an unknown critical extension in the root"),
    S(sha384_leaf, CHAIN_PROFILE, "a leaf signed with SHA-384"),
    S(curve_leaf, CHAIN_PROFILE, "a leaf key on another curve"),
    S(version1_ca, CHAIN_PROFILE, "an X.509 version 1 certificate"),
    S(name_of_ca, CHAIN_NAMES, "an intermediate of an unknown name"),
    S(name_of_leaf, CHAIN_NAMES, "a TCB signing certificate as leaf"),
    S(name_of_root, CHAIN_NAMES, "a root of an unknown name"),
    S(leaf_not_linked, CHAIN_NAMES, "a leaf that names another issuer"),
    S(ca_not_linked, CHAIN_NAMES, "an intermediate that names another issuer"),
    S(software_below_intel_name, CHAIN_NAMES, "a software intermediate below an Intel name"),
    S(leaf_is_ca, CHAIN_CA, "a leaf that is a CA"),
    S(ca_is_not, CHAIN_CA, "an intermediate that is no CA"),
    S(ca_says_nothing, CHAIN_CA, "an intermediate that does not say"),
    S(root_is_not, CHAIN_CA, "a root that is no CA"),
    S(root_of_leaves, CHAIN_CA, "a root that may have no intermediate below it"),
    S(leaf_may_certify, CHAIN_KEY_USAGE, "a leaf that may sign certificates"),
    S(leaf_may_not_sign, CHAIN_KEY_USAGE, "a leaf that may not sign"),
    S(leaf_no_usage, CHAIN_KEY_USAGE, "a leaf without keyUsage"),
    S(ca_may_not_certify, CHAIN_KEY_USAGE, "an intermediate that may not sign certificates"),
    S(ca_may_not_revoke, CHAIN_KEY_USAGE, "an intermediate that may not sign lists"),
    S(root_may_not_certify, CHAIN_KEY_USAGE, "a root that may not sign certificates"),
    S(leaf_by_stranger, CHAIN_SIGNATURE, "a leaf signed by a stranger"),
    S(ca_by_stranger, CHAIN_SIGNATURE, "an intermediate signed by a stranger"),
    S(root_by_stranger, CHAIN_SIGNATURE, "a root signed by a stranger"),
    S(leaf_future, CHAIN_NOT_YET_VALID, "a leaf of the future"),
    S(ca_future, CHAIN_NOT_YET_VALID, "an intermediate of the future"),
    S(root_future, CHAIN_NOT_YET_VALID, "a root of the future"),
    S(leaf_past, CHAIN_EXPIRED, "an expired leaf"),
    S(ca_past, CHAIN_EXPIRED, "an expired intermediate"),
    S(root_past, CHAIN_EXPIRED, "an expired root"),
    P(no_roots, UNKNOWN_ROOT, "a root that nobody named"),
    S(root_of_stranger, UNKNOWN_ROOT, "a complete chain of somebody else"),
    {"a software machine that nobody named", software_names, NULL, no_roots,
     ALCOVE_REASON_SOFTWARE_ROOT},
    S(no_extension, SGX_EXTENSION, "a leaf without the SGX extension"),
    S(component_negative, SGX_EXTENSION, "a negative SVN"),
    S(component_256, SGX_EXTENSION, "an SVN of 256"),
    S(component_twice, SGX_EXTENSION, "the same component twice"),
    S(fmspc_5, SGX_EXTENSION, "an FMSPC of five bytes"),
    S(fmspc_7, SGX_EXTENSION, "an FMSPC of seven bytes"),
    S(no_pceid, SGX_EXTENSION, "no PCE id"),
    S(component_missing, SGX_EXTENSION, "fifteen components"),
    S(component_nobody_knows, SGX_EXTENSION, "a nineteenth member of the TCB"),
    S(component_long_oid, SGX_EXTENSION, "a member of the TCB with a longer identifier"),
    S(foreign_oid, SGX_EXTENSION, "a member with a longer identifier"),
    S(extension_trailing, SGX_EXTENSION, "a byte behind the extension"),
    S(later_member, NONE, "a member of a later profile"),
    S(processor_ca, NONE, "a platform of the Processor CA"),
    S(software_leaf, CHAIN_NAMES, "a software leaf below Intel's names"),
    S(software_root_only, CHAIN_NAMES, "Intel's names below a software root"),
    S(root_no_crl, CHAIN_KEY_USAGE, "a root that may not sign lists"),
    S(no_usage_signer, SIGNER_KEY_USAGE, "a signer that may sign certificates"),
    S(signer_root_usage, SIGNER_KEY_USAGE, "a signer's root that may not certify"),
    S(root_name_signer, SIGNER_NAMES, "a signer's root of another name"),
    O(quote_huge, QUOTE_FORMAT, "a quote beyond the limit"),
    S(boolean_one, SGX_EXTENSION, "a boolean that is neither 0 nor 255"),
    S(boolean_two_bytes, SGX_EXTENSION, "a boolean of two bytes"),
    S(configuration_twice, SGX_EXTENSION, "a configuration that says SMT twice"),
    S(instance_15, SGX_EXTENSION, "a platform instance id of fifteen bytes"),
    O(root_crl_cut, ROOT_CRL_FORMAT, "a root list cut by a byte"),
    O(root_crl_longer, ROOT_CRL_FORMAT, "a root list with a byte too much"),
    S(root_crl_critical, ROOT_CRL_FORMAT, "a root list with a critical extension"),
    S(root_crl_entry_critical, ROOT_CRL_FORMAT, "a root list with a critical extension inside"),
    S(root_crl_issuer, ROOT_CRL_ISSUER, "a root list of another issuer"),
    S(root_crl_key, ROOT_CRL_SIGNATURE, "a root list signed by a stranger"),
    S(root_crl_future, ROOT_CRL_NOT_YET_VALID, "a root list of the future"),
    S(root_crl_past, ROOT_CRL_EXPIRED, "an old root list"),
    S(revoke_ca, INTERMEDIATE_REVOKED, "a revoked intermediate"),
    O(pck_crl_cut, PCK_CRL_FORMAT, "a PCK list cut by a byte"),
    S(pck_crl_critical, PCK_CRL_FORMAT, "a PCK list with a critical extension"),
    S(pck_crl_issuer, PCK_CRL_ISSUER, "a PCK list of the other intermediate"),
    S(pck_crl_key, PCK_CRL_SIGNATURE, "a PCK list signed by the root"),
    S(pck_crl_future, PCK_CRL_NOT_YET_VALID, "a PCK list of the future"),
    S(pck_crl_past, PCK_CRL_EXPIRED, "an old PCK list"),
    O(crl_chain_of_signer, PCK_CRL_CHAIN, "a PCK list's chain that is another's"),
    O(crl_chain_cut, PCK_CRL_CHAIN, "a PCK list's chain cut short"),
    S(revoke_leaf, PCK_REVOKED, "a revoked platform"),
    O(signer_cut, SIGNER_FORMAT, "half a signing chain"),
    O(qe_signer_cut, SIGNER_FORMAT, "half a signing chain of the QE identity"),
    {"a revoked signer of the QE identity", revoke_other_signer, qe_signer_revoked_elsewhere, NULL,
     ALCOVE_REASON_SIGNER_REVOKED},
    O(signer_three, SIGNER_FORMAT, "a PCK chain as signing chain"),
    S(signer_critical, SIGNER_PROFILE, "an unknown critical extension in the signer"),
    S(signer_sha384, SIGNER_PROFILE, "a signer signed with SHA-384"),
    S(signer_name, SIGNER_NAMES, "a signer of another name"),
    S(signer_is_ca, SIGNER_CA, "a signer that is a CA"),
    S(signer_root_is_not, SIGNER_CA, "a signer's root that is no CA"),
    S(signer_usage, SIGNER_KEY_USAGE, "a signer that may not sign"),
    S(signer_by_stranger, SIGNER_SIGNATURE, "a signer signed by a stranger"),
    S(signer_other_root, SIGNER_ROOT, "a signer under another root"),
    S(signer_future, SIGNER_NOT_YET_VALID, "a signer of the future"),
    S(signer_past, SIGNER_EXPIRED, "an expired signer"),
    S(signer_root_past, SIGNER_EXPIRED, "an expired signer's root"),
    S(revoke_signer, SIGNER_REVOKED, "a revoked signer"),
    S(tcb_twice, TCB_INFO_FORMAT, "a member that occurs twice"),
    S(tcb_no_fmspc, TCB_INFO_FORMAT, "a missing FMSPC"),
    S(tcb_no_id, TCB_INFO_FORMAT, "version 3 without an id"),
    S(tcb_svn_256, TCB_INFO_FORMAT, "an SVN of 256 in TCB info"),
    S(tcb_svn_text, TCB_INFO_FORMAT, "an SVN that is a string"),
    S(tcb_svn_zeros, TCB_INFO_FORMAT, "an SVN with a leading zero"),
    S(tcb_svn_fraction, TCB_INFO_FORMAT, "an SVN with a fraction"),
    S(tcb_fifteen, TCB_INFO_FORMAT, "fifteen components"),
    S(tcb_seventeen, TCB_INFO_FORMAT, "seventeen components"),
    S(tcb_status_word, TCB_INFO_FORMAT, "an unknown status"),
    S(tcb_status_invented, TCB_INFO_FORMAT, "our own word as a status"),
    S(tcb_date_word, TCB_INFO_FORMAT, "the 29th of February 2026"),
    S(tcb_version_4, TCB_INFO_FORMAT, "TCB info version 4"),
    S(tcb_version_2, TCB_INFO_FORMAT, "version 2 with the members of version 3"),
    S(tcb_advisory_number, TCB_INFO_FORMAT, "an advisory that is a number"),
    SP(advisories_129, tolerate_any, TCB_INFO_FORMAT, "more advisories than the result holds"),
    SP(advisories_128, tolerate_any, NONE, "as many advisories as the result holds"),
    S(tcb_deep, TCB_INFO_FORMAT, "deep nesting"),
    O(tcb_unsigned_member, TCB_INFO_FORMAT, "an unsigned member beside the signed one"),
    O(tcb_signature_case, TCB_INFO_FORMAT, "a capital letter in the signature"),
    O(tcb_trailing, TCB_INFO_FORMAT, "something behind the document"),
    O(tcb_changed, TCB_INFO_SIGNATURE, "a changed letter in TCB info"),
    S(tcb_by_leaf, TCB_INFO_SIGNATURE, "TCB info signed by a PCK certificate"),
    S(tcb_future, TCB_INFO_NOT_YET_VALID, "TCB info of the future"),
    S(tcb_past, TCB_INFO_EXPIRED, "old TCB info"),
    S(tcb_for_tdx, TCB_INFO_FORMAT, "TCB info that says TDX and has no TDX components"),
    S(tcb_for_nobody, TCB_INFO_KIND, "TCB info for unknown hardware"),
    S(tcb_other_fmspc, TCB_INFO_PLATFORM, "TCB info of another FMSPC"),
    S(tcb_other_pceid, TCB_INFO_PLATFORM, "TCB info of another PCE"),
    P(newer_evaluation, TCB_INFO_EVALUATION, "an evaluation older than the policy's minimum"),
    {"an older QE evaluation", older_qe_evaluation, NULL, this_evaluation,
     ALCOVE_REASON_TCB_INFO_EVALUATION},
    S(qe_no_mrsigner, QE_IDENTITY_FORMAT, "QE identity without MRSIGNER"),
    S(qe_status, QE_IDENTITY_FORMAT, "a platform's status for a quoting enclave"),
    S(qe_version, QE_IDENTITY_FORMAT, "QE identity version 1"),
    O(qe_changed, QE_IDENTITY_SIGNATURE, "a changed letter in QE identity"),
    S(qe_future, QE_IDENTITY_NOT_YET_VALID, "QE identity of the future"),
    S(qe_past, QE_IDENTITY_EXPIRED, "old QE identity"),
    S(qe_is_qve, QE_IDENTITY_KIND, "the verification enclave's identity"),
    S(qe_report_by_stranger, QE_REPORT_SIGNATURE, "a QE report signed by a stranger"),
    S(qe_report_other_key, QE_REPORT_BINDING, "a QE report for another attestation key"),
    O(qe_auth_changed, QE_REPORT_BINDING, "changed authentication data"),
    S(qe_misc, QE_MISCSELECT, "another MISCSELECT"),
    S(qe_debug, QE_ATTRIBUTES, "a quoting enclave in debug mode"),
    S(qe_no_provision, QE_ATTRIBUTES, "a quoting enclave without PROVISIONKEY"),
    S(qe_signer, QE_MRSIGNER, "a quoting enclave of another signer"),
    S(qe_product, QE_ISVPRODID, "another product of the signer"),
    S(qe_ancient, QE_NOT_SUPPORTED, "a quoting enclave below every level"),
    S(ak_off_curve, ATTESTATION_KEY, "an attestation key off the curve"),
    S(quote_by_stranger, QUOTE_SIGNATURE, "a quote signed by a stranger"),
    O(mrenclave_changed, QUOTE_SIGNATURE, "a changed MRENCLAVE"),
    O(user_data_changed, QUOTE_SIGNATURE, "changed user data"),
    O(signature_zero, QUOTE_SIGNATURE, "a signature of zeros"),
    S(component_low, TCB_NOT_SUPPORTED, "one component below every level"),
    S(pcesvn_low, TCB_NOT_SUPPORTED, "a PCESVN below every level"),
    P(key_of_certificate, RATLS_KEY, "a bare quote where a certificate's key is expected"),
    P(nonce_of_certificate, RATLS_NONCE, "a bare quote where a certificate's nonce is expected"),
    P(no_nonce, NONE, "a bare quote where no nonce is expected"),
    P(any_certificate, NONE, "a bare quote where any certificate would do"),
    S(pcesvn_old, TCB_STATUS, "a platform out of date"),
    S(qe_old, TCB_STATUS, "a quoting enclave out of date"),
    SP(pcesvn_old, accept_old, ADVISORY, "an accepted status does not tolerate its advisories"),
    SP(pcesvn_old, tolerate_one, ADVISORY, "all advisories that apply must be tolerated"),
    SP(pcesvn_old, tolerate_near, ADVISORY, "names of advisories are exact"),
    SP(pcesvn_old, refuse_one, ADVISORY, "a refused advisory rejects where any is tolerated"),
    SP(pcesvn_old, tolerate_and_refuse, ADVISORY, "a refused advisory rejects though tolerated"),
    P(other_fmspc, FMSPC, "an FMSPC that is not allowed"),
    P(no_fmspc, FMSPC, "an empty list of FMSPCs admits nobody"),
    P(deny_fmspc, FMSPC, "a denied FMSPC"),
    P(allow_and_deny_fmspc, FMSPC, "denied FMSPCs win over allowed ones"),
    P(no_ppid, PPID, "an empty list of PPIDs admits nobody"),
    P(deny_ppid, PPID, "a denied PPID"),
    SP(smt_on, refuse_smt, SMT, "hyperthreading, refused"),
    S(workload_debug, DEBUG, "an enclave in debug mode"),
    S(other_program, MRENCLAVE, "another program"),
    S(other_signer, MRSIGNER, "another signer"),
    S(other_product, ISVPRODID, "another product"),
    S(old_version, ISVSVN, "an old version"),
    S(other_config, CONFIGID, "another manifest"),
    S(other_data, REPORT_DATA, "other report data"),
    /* Accepted. */
    S(NULL, NONE, "good evidence"),
    S(new_version, NONE, "a newer version than the minimum"),
    O(crl_chain_none, NONE, "no chain with the PCK list: it is in the quote"),
    O(qe_signer_again, NONE, "chains with other signatures of the same certificates"),
    S(path_lengths, NONE, "path lengths as Intel's CAs have them"),
    P(this_evaluation, NONE, "exactly the minimum evaluation number"),
    SP(pcesvn_old, tolerate_both, NONE, "advisories that are tolerated by name"),
    SP(pcesvn_old, tolerate_any, NONE, "any advisory"),
    P(allow_fmspc, NONE, "an allowed FMSPC"),
    P(deny_other_fmspc, NONE, "an FMSPC that is not the denied one"),
    P(allow_ppid, NONE, "an allowed PPID"),
    S(smt_on, NONE, "hyperthreading, not refused"),
    SP(smt_off, refuse_smt, NONE, "no hyperthreading"),
    SP(smt_unsaid, refuse_smt, NONE, "a platform that does not say"),
    SP(no_configuration, refuse_smt, NONE, "a certificate of the older profile"),
    S(configuration_more, NONE, "members of a later profile"),
};

/* The same for virtual machines; quotes of version 4 and of version 5. */
static const struct test_case td_cases[] = {
    P(unset_mrtd, POLICY_INCOMPLETE, "a forgotten MRTD rejects"),
    P(unset_rtmr, POLICY_INCOMPLETE, "a forgotten RTMR rejects"),
    P(machines_unset, POLICY_INCOMPLETE, "a policy for enclaves rejects virtual machines"),
    P(unset_mrseam, POLICY_INCOMPLETE, "a forgotten MRSEAM rejects"),
    P(unset_attributes, POLICY_INCOMPLETE, "forgotten attributes reject"),
    P(unset_xfam, POLICY_INCOMPLETE, "forgotten extended features reject"),
    P(outside_mask, POLICY_INCOMPLETE, "expected bits outside their mask reject"),
    P(unset_mrservicetd, POLICY_INCOMPLETE, "a forgotten MRSERVICETD rejects"),
    O(tee_0x82, QUOTE_TEE, "an unknown kind of hardware"),
    O(version_6, QUOTE_VERSION, "version 6"),
    O(quote_cut, QUOTE_FORMAT, "a quote cut by a byte"),
    O(one_more, QUOTE_TRAILING, "a byte too much"),
    S(outer_type, QUOTE_FORMAT, "a quoting enclave's report that is not nested as type 6"),
    S(cert_type_6, QUOTE_CERTIFICATION, "nested certification data inside"),
    S(tcb_svn_256, TCB_INFO_FORMAT, "an SVN of 256"),
    S(module_twice, TCB_INFO_FORMAT, "two identities of one module version"),
    S(module_no_id, TCB_INFO_FORMAT, "a module identity without an id"),
    S(module_strange_id, TCB_INFO_FORMAT, "a module id of one digit"),
    S(module_not_hex, TCB_INFO_FORMAT, "a module id that is not hexadecimal"),
    S(module_status, TCB_INFO_FORMAT, "a platform's status for a module"),
    S(tdx_components_missing, TCB_INFO_FORMAT, "a level without TDX components"),
    S(sgx_tcb_info, TCB_INFO_KIND, "TCB info for SGX"),
    S(sgx_identity, QE_IDENTITY_KIND, "the SGX quoting enclave's identity"),
    S(module_version, TDX_MODULE, "a module version that nobody names"),
    S(module_signer, TDX_MODULE, "a module of another signer"),
    S(module_attributes, TDX_MODULE, "a module with attributes"),
    S(module_attributes_named, TDX_MODULE, "a module with attributes that TCB info names"),
    S(version_0_unnamed, TDX_MODULE, "a module of version 0 that nobody names"),
    S(td_version_0, NONE, "a module of version 0"),
    S(module_ancient, TDX_MODULE_NOT_SUPPORTED, "a module below every level"),
    S(td_component_low, TCB_NOT_SUPPORTED, "a TDX component below every level"),
    S(version_0_low, TCB_NOT_SUPPORTED, "a low component of a module without levels of its own"),
    S(module_old, TCB_STATUS, "a module out of date"),
    S(pcesvn_old, TCB_STATUS, "a platform out of date"),
    S(td_debug, DEBUG, "a virtual machine in debug mode"),
    S(td_profiled, DEBUG, "another bit of the debug group"),
    S(td_migratable, MIGRATION, "a virtual machine that may be migrated"),
    S(td_bit_8, TD_ATTRIBUTES, "an attribute that is reserved"),
    S(td_bit_61, TD_ATTRIBUTES, "another attribute that is reserved"),
    SP(td_sept_ve, wants_sept_ve, TD_ATTRIBUTES, "an expected attribute that is not set"),
    P(wants_xfam, XFAM, "other extended features than expected"),
    P(other_mrseam, MRSEAM, "another module"),
    P(some_service_td, MRSERVICETD, "no service TD where one is expected"),
    S(td_other, MRTD, "another virtual machine"),
    S(td_rtmr, RTMR, "another run-time measurement"),
    S(td_data, REPORT_DATA, "other report data"),
    S(quote_by_stranger, QUOTE_SIGNATURE, "a quote signed by a stranger"),
    S(nothing, NONE, "good evidence of a virtual machine"),
    S(module_lower_case, NONE, "a module id in lower case"),
    P(enclaves_unset, NONE, "a policy for virtual machines only"),
    SP(td_migratable, allow_migration, NONE, "migration that is allowed"),
    P(zero_mrseam, NONE, "the expected module"),
    S(td_known_bits, NONE, "all attributes that are known and harm nobody else"),
    SP(td_bit_8, any_attributes, NONE, "any attributes"),
    P(wants_sept_ve, NONE, "an expected attribute"),
    SP(td_xfam, wants_xfam, NONE, "extended features as expected"),
};
static const struct test_case td5_cases[] = {
    O(body_size_wrong, QUOTE_FORMAT, "a body that says another size"),
    S(body_type_sgx, QUOTE_FORMAT, "an enclave's body in a virtual machine's quote"),
    S(body_type_td_1_0, QUOTE_FORMAT, "a body of another type's size"),
    S(td_1_5_ex_cut, QUOTE_FORMAT, "a body of TD 1.5 \"ex\" that is too short"),
    S(td_1_5_ex_service, MRSERVICETD, "a service TD in a body of TD 1.5 \"ex\""),
    S(td_1_0_updated, TCB_STATUS, "a module out of date in a body of TD 1.0"),
    S(td_1_0, NONE, "a body of TD 1.0"),
    S(td_1_5_ex, NONE, "a body of TD 1.5 \"ex\""),
    S(body_type_5, QUOTE_FORMAT, "an unknown body type"),
    S(td_service, MRSERVICETD, "a service TD that nobody expects"),
    SP(td_service, any_service_td, NONE, "any service TD"),
    SP(td_service, some_service_td, NONE, "the expected service TD"),
    S(module_updated, TCB_STATUS, "a module updated below a running virtual machine"),
};

static struct alcove_result judge(const struct forge_output *o, const struct alcove_policy *p)
{
    struct alcove_result r;
    struct alcove_collateral c = forge_collateral(o);
    struct alcove_verdict v =
        alcove_verify((struct alcove_bytes){o->quote.data, o->quote.size}, &c, p, FORGE_NOW, &r);
    REQUIRE(v.accepted_word == r.verdict.accepted_word);
    return r;
}

/* version 3: an enclave; 4 and 5: a virtual machine. */
/* Each piece by itself, and all of them: that they are missing is all that is wrong with them. */
static void test_missing_pieces(void)
{
    static struct forge_spec s;
    static struct forge_output o;
    struct alcove_result r;
    forge_defaults(&s);
    forge_build(&s, &o);
    struct alcove_policy p = forge_policy(&o);
    for (size_t i = 0; i < 7; i++) {
        struct alcove_collateral c = forge_collateral(&o);
        struct alcove_bytes *pieces[] = {&c.tcb_info, &c.tcb_chain, &c.qe_identity,
                                         &c.qe_chain, &c.pck_crl,   &c.root_crl};
        for (size_t k = 0; k < ARRAY_SIZE(pieces); k++) {
            if (k == i || i == ARRAY_SIZE(pieces)) {
                *pieces[k] = (struct alcove_bytes){0};
            }
        }
        struct alcove_verdict v =
            alcove_verify((struct alcove_bytes){o.quote.data, o.quote.size}, &c, &p, FORGE_NOW, &r);
        size_t failed = 0;
        for (int reason = 0; reason < ALCOVE_REASON_COUNT; reason++) {
            failed += alcove_result_failed(&r, (enum alcove_reason)reason);
        }
        CHECK(!alcove_verdict_accepted(v) && failed == 1 &&
                  r.first_reason == ALCOVE_REASON_COLLATERAL_MISSING,
              "without piece %zu it says that something is missing, and no more", i);
    }
}

static void run_case(const struct test_case *t, uint16_t version)
{
    static struct forge_spec s;
    static struct forge_output o;
    if (version == QUOTE_VERSION_3) {
        forge_defaults(&s);
    } else {
        forge_defaults_tdx(&s, version);
    }
    if (t->spec) {
        t->spec(&s);
    }
    forge_build(&s, &o);
    struct alcove_policy p = forge_policy(&o);
    if (t->output) {
        t->output(&o);
    }
    if (t->policy) {
        t->policy(&p);
    }
    struct alcove_result r = judge(&o, &p);
    bool accepted = alcove_verdict_accepted(r.verdict);
    CHECK(r.first_reason == t->reason && accepted == (t->reason == ALCOVE_REASON_NONE),
          "version %u, %s: %s", version, t->what, alcove_reason_name(t->reason));
    if (r.first_reason != t->reason) {
        printf("# got %s\n", alcove_reason_name(r.first_reason));
    }
}

/* Reasons of other families have their cases in those families' tests. */
static const bool elsewhere[ALCOVE_REASON_COUNT] = {
    [ALCOVE_REASON_NONE] = true,
#define REASON(name, text, explanation) [ALCOVE_REASON_##name] = true,
#include "verify/reasons_amd.def"
#include "verify/reasons_aws.def"
#include "verify/reasons_azure.def"
#include "verify/reasons_ratls.def"
#undef REASON
};

static void test_every_reason_has_a_case(void)
{
    for (int reason = 1; reason < ALCOVE_REASON_COUNT; reason++) {
        bool found = elsewhere[reason];
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
            found = found || cases[i].reason == (enum alcove_reason)reason;
        }
        for (size_t i = 0; i < ARRAY_SIZE(td_cases); i++) {
            found = found || td_cases[i].reason == (enum alcove_reason)reason;
        }
        if (!found) {
            CHECK(false, "%s has a case", alcove_reason_name((enum alcove_reason)reason));
        }
    }
    CHECK(true, "every reason was looked up");
}

/* What a policy may tolerate, and what it then sees. */
static void test_tolerance(void)
{
    struct forge_spec s;
    static struct forge_output o;
    forge_defaults(&s);
    s.pcesvn = 12;
    s.body.attributes.flags |= SGX_FLAGS_DEBUG;
    forge_build(&s, &o);
    o.quote.data[o.quote.size++] = 'x';
    struct alcove_policy p = forge_policy(&o);
    struct alcove_result r = judge(&o, &p);
    CHECK(!alcove_verdict_accepted(r.verdict) && alcove_result_failed(&r, ALCOVE_REASON_DEBUG) &&
              alcove_result_failed(&r, ALCOVE_REASON_TCB_STATUS) &&
              alcove_result_failed(&r, ALCOVE_REASON_QUOTE_TRAILING),
          "a rejection names everything that is wrong");
    p.allow_debug = p.allow_trailing = true;
    p.accepted_statuses |= ALCOVE_TCB_BIT(ALCOVE_TCB_OUT_OF_DATE);
    p.advisories.tolerate_mode = ALCOVE_EXPECT_ANY;
    r = judge(&o, &p);
    CHECK(alcove_verdict_accepted(r.verdict), "a policy can tolerate what it names");
    CHECK(r.tcb_status == ALCOVE_TCB_OUT_OF_DATE && r.advisory_count == 2 &&
              strcmp(r.advisories[0], "INTEL-SA-00001") == 0,
          "the result names status and sorted advisories");
    s.qe_report.isvsvn = 7; /* its level repeats an advisory */
    forge_build(&s, &o);
    p.allow_trailing = false;
    r = judge(&o, &p);
    CHECK(alcove_verdict_accepted(r.verdict) && r.advisory_count == 2,
          "an advisory of platform and quoting enclave is listed once");
    CHECK(r.root_kind == ALCOVE_ROOT_OTHER, "a named root of nobody we know is called other");
    CHECK(r.earliest_expiration == 1790812800, "the earliest expiry is TCB info's: 2026-10-01");
    CHECK(r.tcb_date == 1672531200, "the TCB date is the oldest part's: 2023-01-01");
}

/* ---- grace ---- */

static void with_spec(void (*spec)(struct forge_spec *), struct forge_output *o)
{
    static struct forge_spec s;
    forge_defaults(&s);
    spec(&s);
    forge_build(&s, o);
}

/* Every piece of collateral may have expired so long ago, and not a second longer. */
static void test_collateral_grace(void)
{
    static const struct {
        void (*spec)(struct forge_spec *);
        int64_t until;
        enum alcove_reason reason;
    } pieces[] = {
        {tcb_past, 1788998400, ALCOVE_REASON_TCB_INFO_EXPIRED}, /* 2026-09-10 */
        {qe_past, 1788998400, ALCOVE_REASON_QE_IDENTITY_EXPIRED},
        {root_crl_past, PAST, ALCOVE_REASON_ROOT_CRL_EXPIRED},
        {pck_crl_past, PAST, ALCOVE_REASON_PCK_CRL_EXPIRED},
        {signer_past, PAST, ALCOVE_REASON_SIGNER_EXPIRED},
        {signer_root_past, PAST, ALCOVE_REASON_SIGNER_EXPIRED},
    };
    static struct forge_output o;
    struct alcove_result r;
    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
        const char *name = alcove_reason_name(pieces[i].reason);
        with_spec(pieces[i].spec, &o);
        struct alcove_policy p = forge_policy(&o);
        p.collateral_grace_s = (uint32_t)(FORGE_NOW - pieces[i].until);
        r = judge(&o, &p);
        CHECK(alcove_verdict_accepted(r.verdict) && r.collateral_grace_used &&
                  !r.platform_grace_used && r.earliest_expiration == pieces[i].until,
              "grace reaches %s, and the result says so", name);
        p.collateral_grace_s--;
        r = judge(&o, &p);
        CHECK(r.first_reason == pieces[i].reason && !r.collateral_grace_used,
              "and ends by the second: %s", name);
        p.collateral_grace_s = 0;
        p.platform_grace_s = UINT32_MAX;
        r = judge(&o, &p);
        CHECK(r.first_reason == pieces[i].reason, "the platform's grace is another: %s", name);
    }
    with_spec(leaf_past, &o);
    struct alcove_policy p = forge_policy(&o);
    p.collateral_grace_s = UINT32_MAX;
    r = judge(&o, &p);
    CHECK(r.first_reason == ALCOVE_REASON_CHAIN_EXPIRED, "the evidence's own chain has no grace");
    with_spec(tcb_future, &o);
    r = judge(&o, &p);
    CHECK(r.first_reason == ALCOVE_REASON_TCB_INFO_NOT_YET_VALID, "nor has the future");
    with_spec(nothing, &o);
    r = judge(&o, &p);
    CHECK(alcove_verdict_accepted(r.verdict) && !r.collateral_grace_used,
          "grace that is not needed is not used");
    CHECK(policy_later(INT64_MAX - 1, 2) == INT64_MAX && policy_later(-5, 5) == 0,
          "grace does not wrap around");
}

SPEC(old_unconfigured)
{
    pcesvn_old(s);
    edit_tcb(s, "\"OutOfDate\"", "\"OutOfDateConfigurationNeeded\"");
}
SPEC(old_revoked)
{
    pcesvn_old(s);
    edit_tcb(s, "\"OutOfDate\"", "\"Revoked\"");
}

/* A platform that is out of date is tolerated for so long after the level's date. */
static void test_platform_grace(void)
{
    const int64_t date = 1704067200; /* of the second level: 2024-01-01 */
    static struct forge_output o;
    with_spec(pcesvn_old, &o);
    struct alcove_policy p = forge_policy(&o);
    p.platform_grace_s = (uint32_t)(FORGE_NOW - date);
    struct alcove_result r = judge(&o, &p);
    CHECK(r.first_reason == ALCOVE_REASON_ADVISORY && r.platform_grace_used,
          "grace for a status tolerates no advisory");
    p.advisories.tolerate_mode = ALCOVE_EXPECT_ANY;
    r = judge(&o, &p);
    CHECK(alcove_verdict_accepted(r.verdict) && r.platform_grace_used && r.tcb_date == date &&
              r.tcb_status == ALCOVE_TCB_OUT_OF_DATE,
          "a platform may be out of date for so long, and the result says so");
    p.platform_grace_s--;
    r = judge(&o, &p);
    CHECK(r.first_reason == ALCOVE_REASON_TCB_STATUS && !r.platform_grace_used,
          "and not a second longer");
    p.platform_grace_s = 0;
    p.collateral_grace_s = UINT32_MAX;
    CHECK(judge(&o, &p).first_reason == ALCOVE_REASON_TCB_STATUS,
          "the collateral's grace is another");
    p.collateral_grace_s = 0;
    p.platform_grace_s = UINT32_MAX;
    accept_old(&p);
    r = judge(&o, &p);
    CHECK(alcove_verdict_accepted(r.verdict) && !r.platform_grace_used,
          "a status that is accepted by name needs no grace");

    with_spec(old_unconfigured, &o);
    p = forge_policy(&o);
    p.advisories.tolerate_mode = ALCOVE_EXPECT_ANY;
    p.platform_grace_s = UINT32_MAX;
    CHECK(judge(&o, &p).first_reason == ALCOVE_REASON_TCB_STATUS,
          "grace does not tolerate what is to be configured");
    p.accepted_statuses |= ALCOVE_TCB_BIT(ALCOVE_TCB_CONFIGURATION_NEEDED);
    r = judge(&o, &p);
    CHECK(alcove_verdict_accepted(r.verdict) && r.platform_grace_used,
          "unless the policy accepts that by name");
    with_spec(old_revoked, &o);
    CHECK(judge(&o, &p).first_reason == ALCOVE_REASON_TCB_STATUS, "nor what is revoked");
}

static void test_relaunch(void)
{
    struct forge_spec s;
    static struct forge_output o;
    forge_defaults_tdx(&s, QUOTE_VERSION_5);
    module_updated(&s);
    forge_build(&s, &o);
    struct alcove_policy p = forge_policy(&o);
    struct alcove_result r = judge(&o, &p);
    CHECK(r.tcb_status == ALCOVE_TCB_TD_RELAUNCH_ADVISED &&
              r.module_status == ALCOVE_TCB_OUT_OF_DATE,
          "a module that was updated since the launch advises another launch");
    CHECK(r.advisory_count == 1 && strcmp(r.advisories[0], "INTEL-SA-00003") == 0,
          "the advisories are those of the launch");
    p.accepted_statuses = ALCOVE_TCB_BIT(ALCOVE_TCB_TD_RELAUNCH_ADVISED);
    p.advisories.tolerate_mode = ALCOVE_EXPECT_ANY;
    CHECK(alcove_verdict_accepted(judge(&o, &p).verdict), "which a policy may accept");
    CHECK(tcb_relaunch(ALCOVE_TCB_OUT_OF_DATE, ALCOVE_TCB_REVOKED) == ALCOVE_TCB_OUT_OF_DATE,
          "a current module that is revoked advises nothing");
    CHECK(tcb_relaunch(ALCOVE_TCB_REVOKED, ALCOVE_TCB_UP_TO_DATE) == ALCOVE_TCB_REVOKED,
          "a revoked launch stays revoked");
    CHECK(tcb_relaunch(ALCOVE_TCB_OUT_OF_DATE, ALCOVE_TCB_CONFIGURATION_NEEDED) ==
                  ALCOVE_TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED &&
              tcb_relaunch(ALCOVE_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED, ALCOVE_TCB_UP_TO_DATE) ==
                  ALCOVE_TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED,
          "configuration that either side needs is told");
}

/* Enclaves in quotes of versions 4 and 5. */
static void test_enclaves_in_newer_quotes(void)
{
    struct forge_spec s;
    static struct forge_output o;
    for (uint16_t version = 4; version <= 5; version++) {
        forge_defaults(&s);
        s.version = version;
        forge_build(&s, &o);
        struct alcove_policy p = forge_policy(&o);
        machines_unset(&p);
        struct alcove_result r = judge(&o, &p);
        CHECK(alcove_verdict_accepted(r.verdict) && r.has_sgx && r.quote_version == version,
              "an enclave in a quote of version %u", version);
    }
}

static void test_software(void)
{
    struct forge_spec s;
    static struct forge_output o;
    forge_defaults(&s);
    software_names(&s);
    forge_build(&s, &o);
    struct alcove_policy p = forge_policy(&o);
    struct alcove_result r = judge(&o, &p);
    CHECK(alcove_verdict_accepted(r.verdict) && r.root_kind == ALCOVE_ROOT_SOFTWARE,
          "a software machine is accepted by name and still called software");
    p.refuse_builtin_roots = true;
    r = judge(&o, &p);
    CHECK(alcove_verdict_accepted(r.verdict), "refusing Intel's root leaves the named ones");
}

/* The three certificates of a chain, PEM, in the order that `order` gives. */
static void reorder(const struct forge_part *chain, const size_t order[3], struct forge_part *ret)
{
    static const char end[] = "-----END CERTIFICATE-----\n";
    const uint8_t *start[4] = {chain->data};
    for (size_t i = 0; i < 3; i++) {
        const uint8_t *p =
            memmem(start[i], (size_t)(chain->data + chain->size - start[i]), end, strlen(end));
        REQUIRE(p != NULL);
        start[i + 1] = p + strlen(end);
    }
    struct writer w = writer_of(ret->data, sizeof ret->data);
    for (size_t i = 0; i < 3; i++) {
        writer_put(&w, BYTES(start[order[i]], (size_t)(start[order[i] + 1] - start[order[i]])));
    }
    REQUIRE(!w.failed);
    ret->size = w.size;
}

/* Chains beside the quote, for quotes that carry an encrypted PPID; and in any order. */
static void test_chain_beside_the_quote(void)
{
    static const size_t orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                       {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    static const size_t repeats[][3] = {{0, 0, 0}, {1, 1, 1}, {2, 2, 2},
                                        {0, 1, 1}, {0, 2, 2}, {2, 2, 0}};
    struct forge_spec s;
    static struct forge_output o;
    static struct forge_part chain;
    struct alcove_result r;
    forge_defaults(&s);
    s.cert_type = 3;
    forge_build(&s, &o);
    struct alcove_policy p = forge_policy(&o);
    struct alcove_collateral c = forge_collateral(&o);
    struct alcove_bytes quote = {o.quote.data, o.quote.size};
    for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
        reorder(&o.pck_chain, orders[i], &chain);
        c.pck_chain = (struct alcove_bytes){chain.data, chain.size};
        struct alcove_verdict v = alcove_verify(quote, &c, &p, FORGE_NOW, &r);
        CHECK(alcove_verdict_accepted(v), "a chain may stand beside the quote, in order %zu", i);
        reorder(&o.pck_chain, repeats[i], &chain);
        c.pck_chain.size = chain.size;
        v = alcove_verify(quote, &c, &p, FORGE_NOW, &r);
        CHECK(!alcove_verdict_accepted(v) && r.first_reason == ALCOVE_REASON_CHAIN_NAMES,
              "a chain with repetition %zu is none", i);
    }
    s.ca.issuer = "Somebody";
    forge_build(&s, &o);
    for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
        reorder(&o.pck_chain, orders[i], &chain);
        c.pck_chain.size = chain.size;
        ignore_result(alcove_verdict_accepted(alcove_verify(quote, &c, &p, FORGE_NOW, &r)),
                      "the reason is looked at");
        CHECK(r.first_reason == ALCOVE_REASON_CHAIN_NAMES,
              "an intermediate of somebody else's is found out in order %zu", i);
    }
}

/* Where so many certificates are passed. */
static const uint8_t *next_certificate(const struct forge_part *chain, size_t count)
{
    const uint8_t *at = chain->data, *end = chain->data + chain->size;
    for (; count > 0; count--) {
        at = memmem(at + 1, (size_t)(end - at) - 1, "-----BEGIN", 10);
        REQUIRE(at != NULL);
    }
    return at;
}

/* The chain of the PCK list's issuer: the same certificates, or others of the same keys. */
static void test_list_chains(void)
{
    static struct forge_spec s;
    static struct forge_output o, again;
    struct alcove_result r;
    forge_defaults(&s);
    forge_build(&s, &o);
    struct alcove_policy p = forge_policy(&o);
    struct alcove_collateral c = forge_collateral(&o);
    s.ca.serial = 77;
    forge_build(&s, &again);
    c.pck_crl_chain = (struct alcove_bytes){again.pck_crl_chain.data, again.pck_crl_chain.size};
    struct alcove_bytes quote = {o.quote.data, o.quote.size};
    CHECK(alcove_verdict_accepted(alcove_verify(quote, &c, &p, FORGE_NOW, &r)),
          "the list's issuer may have been issued again");
    static struct forge_part chain, mixed;
    const uint8_t *ca = next_certificate(&o.pck_chain, 1);
    const uint8_t *root = next_certificate(&o.pck_chain, 2);
    const uint8_t *other_root = next_certificate(&again.pck_chain, 2);
    const uint8_t *end = o.pck_chain.data + o.pck_chain.size;
    const uint8_t *other_end = again.pck_chain.data + again.pck_chain.size;
    struct writer w = writer_of(chain.data, sizeof chain.data);
    writer_put(&w, BYTES(ca, (size_t)(end - ca)));
    c.pck_crl_chain = (struct alcove_bytes){chain.data, w.size};
    CHECK(!w.failed && alcove_verdict_accepted(alcove_verify(quote, &c, &p, FORGE_NOW, &r)),
          "the list's issuer may be the quote's, to the byte");
    w = writer_of(mixed.data, sizeof mixed.data);
    writer_put(&w, BYTES(ca, (size_t)(root - ca)));
    writer_put(&w, BYTES(other_root, (size_t)(other_end - other_root)));
    c.pck_crl_chain = (struct alcove_bytes){mixed.data, w.size};
    CHECK(!w.failed && alcove_verdict_accepted(alcove_verify(quote, &c, &p, FORGE_NOW, &r)),
          "or with the root above it issued again");
    const struct alcove_bytes others[] = {c.tcb_chain, {o.pck_chain.data, o.pck_chain.size}};
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        c.pck_crl_chain = others[i];
        ignore_result(alcove_verdict_accepted(alcove_verify(quote, &c, &p, FORGE_NOW, &r)),
                      "the reason is looked at");
        CHECK(r.first_reason == ALCOVE_REASON_PCK_CRL_CHAIN, "another chain, nr. %zu, is not its",
              i);
    }
}

/* Judges with the chain of `o` beside the quote of `s`. */
static struct alcove_result judge_beside(const struct forge_spec *s, struct forge_output *o)
{
    struct alcove_result r;
    forge_build(s, o);
    struct alcove_policy p = forge_policy(o);
    struct alcove_collateral c = forge_collateral(o);
    c.pck_chain = (struct alcove_bytes){o->pck_chain.data, o->pck_chain.size};
    struct alcove_bytes quote = {o->quote.data, o->quote.size};
    struct alcove_verdict v = alcove_verify(quote, &c, &p, FORGE_NOW, &r);
    REQUIRE(v.accepted_word == r.verdict.accepted_word);
    return r;
}

/* Certification data that help to find a chain: of their exact sizes, or the chain's own leaf. */
static void test_hints(void)
{
    static struct forge_spec s;
    static struct forge_output o;
    for (uint16_t type = 1; type <= 4; type++) {
        forge_defaults(&s);
        s.cert_type = type;
        CHECK(alcove_verdict_accepted(judge_beside(&s, &o).verdict),
              "a chain beside certification data of type %u", type);
        s.cert_data_cut = true;
        bool cut = judge_beside(&s, &o).first_reason == ALCOVE_REASON_QUOTE_CERTIFICATION;
        /* a PEM text that lacks only its last newline is still the leaf */
        CHECK(cut == (type != 4), "certification data of type %u that miss a byte", type);
    }
    static struct forge_output other;
    forge_defaults(&s);
    s.cert_type = 4;
    forge_build(&s, &o);
    s.leaf.serial = 33;
    forge_build(&s, &other);
    struct alcove_policy p = forge_policy(&o);
    struct alcove_collateral c = forge_collateral(&o);
    struct alcove_result r;
    c.pck_chain = (struct alcove_bytes){other.pck_chain.data, other.pck_chain.size};
    struct alcove_verdict v =
        alcove_verify((struct alcove_bytes){o.quote.data, o.quote.size}, &c, &p, FORGE_NOW, &r);
    CHECK(!alcove_verdict_accepted(v) && r.first_reason == ALCOVE_REASON_QUOTE_CERTIFICATION,
          "a chain of another leaf than the quote's");
}

/* A quote of version 3 with these certification data for its own, which nothing signs. */
static void put_certification(struct forge_part *quote, struct bytes data)
{
    enum { AT_AUTH_SIZE = 432, AT_DATA_SIZE = 1048, AT_DATA = 1052 };
    REQUIRE(AT_DATA + data.size <= sizeof quote->data);
    quote->size = AT_DATA + data.size;
    memcpy(quote->data + AT_DATA, data.data, data.size);
    store_le32(quote->data + AT_DATA_SIZE, (uint32_t)data.size);
    store_le32(quote->data + AT_AUTH_SIZE, (uint32_t)(quote->size - AT_AUTH_SIZE - 4));
}

/* A leaf in the quote: PEM or DER, one, and the right one. */
static void test_leaf_in_quote(void)
{
    static struct forge_spec s;
    static struct forge_output o;
    static struct pem_chain chain;
    static uint8_t der[4096];
    forge_defaults(&s);
    s.cert_type = 4;
    forge_build(&s, &o);
    REQUIRE(pem_read(BYTES(o.pck_chain.data, o.pck_chain.size), &chain) && chain.count == 3);
    const struct bytes leaf = chain.certificates[0];
    REQUIRE(leaf.size < sizeof der);
    memcpy(der, leaf.data, leaf.size);
    const struct {
        struct bytes data;
        bool good;
        const char *what;
    } leaves[] = {
        {leaf, true, "the leaf in DER"},
        {BYTES(o.pck_chain.data, o.pck_chain.size), false, "the whole chain for a leaf"},
        {BYTES(der, leaf.size - 1), false, "a leaf cut by a byte"},
        {BYTES(der, leaf.size + 1), false, "a leaf and a byte"},
        {chain.certificates[1], false, "the intermediate for a leaf"},
    };
    struct alcove_policy p = forge_policy(&o);
    struct alcove_collateral c = forge_collateral(&o);
    c.pck_chain = (struct alcove_bytes){o.pck_chain.data, o.pck_chain.size};
    for (size_t i = 0; i < ARRAY_SIZE(leaves); i++) {
        struct alcove_result r;
        put_certification(&o.quote, leaves[i].data);
        struct alcove_verdict v =
            alcove_verify((struct alcove_bytes){o.quote.data, o.quote.size}, &c, &p, FORGE_NOW, &r);
        CHECK(alcove_verdict_accepted(v) == leaves[i].good &&
                  r.first_reason ==
                      (leaves[i].good ? ALCOVE_REASON_NONE : ALCOVE_REASON_QUOTE_CERTIFICATION),
              "in the quote: %s", leaves[i].what);
    }
}

static const uint8_t sgx_extension[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};

/* Members are known by whole identifiers: 0x87 0x.. is another number than 7. */
static void test_member_identifiers(void)
{
    static struct forge_spec s;
    static struct forge_output o;
    static struct pem_chain chain;
    struct certificate leaf;
    struct platform platform;
    struct bytes value;
    bool critical;
    uint8_t copy[2048];
    forge_defaults(&s);
    forge_build(&s, &o);
    REQUIRE(pem_read(BYTES(o.pck_chain.data, o.pck_chain.size), &chain) &&
            certificate_read(chain.certificates[0], &leaf) &&
            certificate_extension(&leaf, BYTES_OF(sgx_extension), &value, &critical) &&
            value.size <= sizeof copy);
    memcpy(copy, value.data, value.size);
    CHECK(platform_read(BYTES(copy, value.size), &platform), "an SGX extension");
    size_t refused = 0, count = 0;
    for (size_t i = 0; i + sizeof sgx_extension < value.size; i++) {
        if (memcmp(copy + i, sgx_extension, sizeof sgx_extension) == 0) {
            uint8_t *last = &copy[i + copy[i - 1] - 1];
            *last |= 0x80;
            refused += !platform_read(BYTES(copy, value.size), &platform);
            *last &= 0x7f;
            count++;
        }
    }
    CHECK(count > 20 && refused == count, "%zu of its %zu identifiers count", refused, count);
}

static void test_truncation(void)
{
    struct forge_spec s;
    static struct forge_output o;
    forge_defaults(&s);
    forge_build(&s, &o);
    struct alcove_policy p = forge_policy(&o);
    size_t whole = o.quote.size, accepted = 0;
    for (size_t n = 0; n < whole; n++) {
        o.quote.size = n;
        struct alcove_result r = judge(&o, &p);
        accepted +=
            alcove_verdict_accepted(r.verdict) || r.first_reason != ALCOVE_REASON_QUOTE_FORMAT;
    }
    CHECK(accepted == 0, "every shorter piece of a quote is refused as malformed");
}

/* What bytes claim to be, and that each family's judge refuses what is not his. */
static void test_kinds(void)
{
#define CLAIM(text, kind, wrapping, first)                                                         \
    {                                                                                              \
        {(const uint8_t *)(text), sizeof(text) - 1}, ALCOVE_EVIDENCE_##kind,                       \
            ALCOVE_WRAPPING_##wrapping, ALCOVE_REASON_##first                                      \
    }
    static const struct {
        struct alcove_bytes evidence;
        enum alcove_evidence_kind kind;
        enum alcove_wrapping wrapping;
        enum alcove_reason first; /* of a policy for quotes */
    } claims[] = {
        CLAIM("", NONE, NONE, QUOTE_FORMAT),
        CLAIM("\x03\0\2\0\0\0\0", NONE, NONE, QUOTE_FORMAT),
        CLAIM("\x03\0\2\0\0\0\0\0", SGX_QUOTE, NONE, QUOTE_FORMAT),
        CLAIM("\x04\0\2\0\x81\0\0\0", TDX_QUOTE, NONE, QUOTE_FORMAT),
        CLAIM("\x05\0\2\0\x82\0\0\0", NONE, NONE, QUOTE_FORMAT),
        CLAIM("\x02\0\2\0\0\0\0\0", NONE, NONE, QUOTE_FORMAT),
        CLAIM("\x06\0\2\0\0\0\0\0", NONE, NONE, QUOTE_FORMAT),
        CLAIM("\2\0\0\0", SNP_REPORT, NONE, NONE),
        CLAIM("\0\0\0\0", NONE, NONE, NONE),
        CLAIM("\2\1\0\0", NONE, NONE, NONE),
        CLAIM("HCLA", SNP_REPORT, AZURE_HCL, NONE),
        CLAIM("\x84\x44", NITRO_DOCUMENT, NONE, NONE),
        CLAIM("\xd2\x84", NITRO_DOCUMENT, NONE, NONE),
        CLAIM("\xd2", NITRO_DOCUMENT, NONE, NONE),
        CLAIM("\x80\0\0\0", NITRO_DOCUMENT, NONE, NONE),
        CLAIM("\x9f\0\2\0", NITRO_DOCUMENT, NONE, NONE),
        CLAIM("\x7f\0\2\0", NONE, NONE, QUOTE_FORMAT),
        CLAIM("\xa0\0\2\0", NONE, NONE, QUOTE_FORMAT),
        CLAIM("\xd3\x84", NONE, NONE, QUOTE_FORMAT),
        CLAIM("\x30\x82\0\0", NONE, RATLS, NONE),
        CLAIM("-----BEGIN CERTIFICATE-----", NONE, RATLS, NONE),
    };
    static struct forge_output o;
    with_spec(nothing, &o);
    struct alcove_policy p = forge_policy(&o);
    struct alcove_collateral c = forge_collateral(&o);
    for (size_t i = 0; i < ARRAY_SIZE(claims); i++) {
        enum alcove_wrapping wrapping = ALCOVE_WRAPPING_COUNT;
        struct alcove_result r;
        CHECK(alcove_evidence_kind_of(claims[i].evidence, &wrapping) == claims[i].kind &&
                  wrapping == claims[i].wrapping,
              "claim %zu is %s, %s", i, alcove_evidence_kind_name(claims[i].kind),
              alcove_wrapping_name(claims[i].wrapping));
        struct alcove_verdict v = alcove_verify(claims[i].evidence, &c, &p, FORGE_NOW, &r);
        CHECK(!alcove_verdict_accepted(v) && r.first_reason != ALCOVE_REASON_NONE &&
                  (claims[i].first == ALCOVE_REASON_NONE || r.first_reason == claims[i].first),
              "and refused: %s", alcove_reason_name(r.first_reason));
    }
}

static void cut_text(struct forge_text *t)
{
    t->size--;
}

/* Certificates around quotes. */
static void test_kinds_in_certificates(void)
{
    static struct forge_ratls s;
    static struct forge_ratls_output o;
    enum alcove_wrapping wrapping;
    forge_ratls_defaults(&s);
    forge_ratls_build(&s, &o);
    struct alcove_bytes der = {o.der.data, o.der.size}, pem = {o.pem.data, o.pem.size};
    CHECK(alcove_evidence_kind_of(der, &wrapping) == ALCOVE_EVIDENCE_SGX_QUOTE &&
              wrapping == ALCOVE_WRAPPING_RATLS &&
              alcove_evidence_kind_of(pem, &wrapping) == ALCOVE_EVIDENCE_SGX_QUOTE &&
              wrapping == ALCOVE_WRAPPING_RATLS,
          "a quote in a certificate, DER and PEM");
    s.edit_evidence = cut_text;
    forge_ratls_build(&s, &o);
    der.size = o.der.size;
    CHECK(alcove_evidence_kind_of(der, &wrapping) == ALCOVE_EVIDENCE_NONE &&
              wrapping == ALCOVE_WRAPPING_RATLS,
          "evidence in a certificate that cannot be read");
    s.interoperable = false;
    s.gramine = true;
    forge_ratls_build(&s, &o);
    der.size = o.der.size;
    CHECK(alcove_evidence_kind_of(der, &wrapping) == ALCOVE_EVIDENCE_SGX_QUOTE &&
              wrapping == ALCOVE_WRAPPING_RATLS_LEGACY_GRAMINE,
          "a quote as older Gramine carries it");
    s.gramine = false;
    s.rats_tls = true;
    forge_ratls_build(&s, &o);
    der.size = o.der.size;
    CHECK(alcove_evidence_kind_of(der, &wrapping) == ALCOVE_EVIDENCE_SGX_QUOTE &&
              wrapping == ALCOVE_WRAPPING_RATLS_LEGACY_RATS_TLS,
          "a quote as older RATS-TLS carries it");
    s.rats_tls = false;
    forge_ratls_build(&s, &o);
    der.size = o.der.size;
    CHECK(alcove_evidence_kind_of(der, &wrapping) == ALCOVE_EVIDENCE_NONE &&
              wrapping == ALCOVE_WRAPPING_RATLS,
          "a certificate without a quote");
}

static void test_names_of_enums(void)
{
    CHECK(alcove_evidence_kind_name(ALCOVE_EVIDENCE_KIND_COUNT) == NULL &&
              alcove_wrapping_name(ALCOVE_WRAPPING_COUNT) == NULL &&
              alcove_snp_product_name(ALCOVE_SNP_PRODUCT_COUNT) == NULL &&
              strcmp(alcove_snp_product_name(ALCOVE_SNP_TURIN), "Turin") == 0,
          "there are no names of kinds, wrappings and products beyond the enums");
    struct alcove_result r;
    memset(&r, 0xff, sizeof r);
    CHECK(alcove_result_failed(&r, ALCOVE_REASON_REPORT_DATA) &&
              !alcove_result_failed(&r, ALCOVE_REASON_COUNT),
          "nor does a reason beyond the enum fail");
}

/* ---- stack ---- */

struct call {
    struct alcove_bytes evidence;
    struct alcove_collateral collateral;
    struct alcove_policy policy;
    bool accepted;
};

static void *make_call(void *argument)
{
    struct call *call = argument;
    static struct alcove_result r;
    call->accepted = alcove_verdict_accepted(
        alcove_verify(call->evidence, &call->collateral, &call->policy, FORGE_NOW, &r));
    return NULL;
}

/* How many bytes of a fresh stack a call touches. */
static size_t stack_of(struct call *call)
{
    const size_t size = 4u << 20;
    const char paint = 0x5a;
    char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_attr_t attributes;
    pthread_t thread;
    REQUIRE(stack != MAP_FAILED && pthread_attr_init(&attributes) == 0);
    memset(stack, paint, size);
    REQUIRE(pthread_attr_setstack(&attributes, stack, size) == 0 &&
            pthread_create(&thread, &attributes, make_call, call) == 0 &&
            pthread_join(thread, NULL) == 0);
    size_t untouched = 0;
    while (untouched < size && stack[untouched] == paint) {
        untouched++;
    }
    pthread_attr_destroy(&attributes);
    munmap(stack, size);
    return size - untouched;
}

/* What verify.h promises, measured where the compiler does not add anything of its own. */
static void test_stack(void)
{
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__)
    const size_t promised = 256u << 10;
#else
    const size_t promised = 2u << 20;
#endif
    static struct forge_spec s;
    static struct forge_output o;
    forge_defaults_tdx(&s, QUOTE_VERSION_5);
    forge_build(&s, &o);
    struct call call = {.evidence = {o.quote.data, o.quote.size},
                        .collateral = forge_collateral(&o),
                        .policy = forge_policy(&o)};
    size_t used = stack_of(&call);
    CHECK(call.accepted && used <= promised, "a quote needs no more stack than promised");
    printf("# %zu bytes\n", used);
    static struct forge_ratls ratls;
    static struct forge_ratls_output certificate;
    forge_ratls_defaults(&ratls);
    ratls.endorsements = true;
    forge_ratls_build(&ratls, &certificate);
    call = (struct call){.evidence = {certificate.pem.data, certificate.pem.size},
                         .policy = forge_ratls_policy(&ratls, &certificate)};
    used = stack_of(&call);
    CHECK(call.accepted && used <= promised, "nor does a certificate around one");
    printf("# %zu bytes\n", used);
}

static void test_zero_is_rejected(void)
{
    struct alcove_result r = {0};
    CHECK(!alcove_verdict_accepted(r.verdict), "a result of zeros is a rejection");
    CHECK(!alcove_verdict_accepted((struct alcove_verdict){1}), "and so is nearly any other");
    CHECK(alcove_reason_name((enum alcove_reason)ALCOVE_REASON_COUNT) == NULL,
          "there are no names beyond the enum");
}

static void test_root_reading(void)
{
    struct forge_spec s;
    static struct forge_output o;
    struct alcove_root root;
    forge_defaults(&s);
    forge_build(&s, &o);
    CHECK(!alcove_root_read((struct alcove_bytes){o.pck_chain.data, o.pck_chain.size}, &root),
          "a chain is not a root");
    CHECK(!alcove_root_read((struct alcove_bytes){o.root_crl.data, o.root_crl.size}, &root),
          "a revocation list is not a root");
    CHECK(!alcove_root_read((struct alcove_bytes){NULL, 0}, &root), "nothing is not a root");
    static const struct {
        void (*spec)(struct forge_spec *);
        const char *what;
    } others[] = {
        {critical_in_ca, "an extension that nobody knows"},
        {ca_is_not, "no CA"},
        {version1_ca, "version 1"},
        {ca_curve, "a key on another curve"},
        {nothing, "another issuer"},
        {ca_self_named, "another's signature"},
        {ca_is_root_garbled, "a key usage that cannot be read"},
        {ca_is_root_twice, "an extension twice"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        forge_defaults(&s);
        others[i].spec(&s);
        forge_build(&s, &o);
        /* the intermediate stands first in this chain */
        const uint8_t *end = memmem(o.pck_crl_chain.data, o.pck_crl_chain.size, "-----END", 8);
        REQUIRE(end != NULL);
        struct alcove_bytes one = {o.pck_crl_chain.data, (size_t)(end - o.pck_crl_chain.data) + 26};
        CHECK(!alcove_root_read(one, &root), "no root: %s", others[i].what);
    }
    forge_defaults(&s);
    ca_is_root(&s);
    forge_build(&s, &o);
    const uint8_t *end = memmem(o.pck_crl_chain.data, o.pck_crl_chain.size, "-----END", 8);
    REQUIRE(end != NULL);
    CHECK(alcove_root_read((struct alcove_bytes){o.pck_crl_chain.data,
                                                 (size_t)(end - o.pck_crl_chain.data) + 26},
                           &root),
          "a certificate that signs itself is one");
}

int main(void)
{
    test_missing_pieces();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        run_case(&cases[i], QUOTE_VERSION_3);
    }
    for (size_t i = 0; i < ARRAY_SIZE(td_cases); i++) {
        run_case(&td_cases[i], QUOTE_VERSION_4);
        run_case(&td_cases[i], QUOTE_VERSION_5);
    }
    for (size_t i = 0; i < ARRAY_SIZE(td5_cases); i++) {
        run_case(&td5_cases[i], QUOTE_VERSION_5);
    }
    test_collateral_grace();
    test_platform_grace();
    test_relaunch();
    test_enclaves_in_newer_quotes();
    test_every_reason_has_a_case();
    test_tolerance();
    test_software();
    test_chain_beside_the_quote();
    test_list_chains();
    test_hints();
    test_leaf_in_quote();
    test_member_identifiers();
    test_truncation();
    test_kinds();
    test_kinds_in_certificates();
    test_names_of_enums();
    test_stack();
    test_zero_is_rejected();
    test_root_reading();
    return tap_done();
}
